"""Write the main figures of docs/benchmarks.md, `python -m docs.benchmarks`: each is read from its page.

Nothing is measured here. A figure is a cell of a table, which a command writes, or is told to measure beside the table.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

PAGE = Path(__file__).with_suffix(".md")
BEGIN, END = "<!-- figures -->", "<!-- end -->"
FIGURE = re.compile(r"\d+ of \d+|\d[\d.,]*")


class Group(NamedTuple):
    """Figures of one table: what they are, the command, the page, the heading before the table, and words behind it."""

    kind: str
    command: str
    page: str
    heading: str
    behind: str
    figures: dict[str, tuple[str, str]]  # what each says, and how the names of its row and its column begin


GROUPS = (
    Group(
        "Time of a training step",
        *("compile", "compile.md", "How much faster", "One training step, one thread"),
        {
            "compiled / PyTorch, 64-128-128-10": ("compiled / PyTorch", "M"),
            "compiled / PyTorch, 784-2048-2048-10": ("compiled / PyTorch", "X"),
            "compiled / JAX jit, 64-128-128-10": ("compiled / JAX jit", "M"),
            "compiled / JAX jit, 784-512-512-10": ("compiled / JAX jit", "L"),
            "compiled / NumPy by hand, 64-128-128-10": ("compiled / NumPy by hand", "M"),
            "compiled / not compiled, 64-128-128-10": ("compiled / eager", "M"),
        },
    ),
    Group(
        "Memory of a step beyond the model",
        *("compile", "compile.md", "How much faster", "What a training step holds"),
        {"compiled / not compiled, 784-512-512-10": ("compiled / eager", "L")},
    ),
    Group(
        "Time of a step on PyTorch's arrays",
        *("devices", "arrays.md", "How fast", ""),
        {
            "ours / PyTorch, tanh, 64-128-128-10": ("M: tanh", "PyTorch's arrays /"),
            "ours / PyTorch, ReLU, 64-128-128-10": ("M: ReLU, cross-entropy, SGD", "PyTorch's arrays /"),
            "ours / PyTorch, ReLU, 784-2048-2048-10": ("X: ReLU, cross-entropy, SGD", "PyTorch's arrays /"),
        },
    ),
    Group(
        "Time beside torch.func",
        *("batching", "batching.md", "Speed", ""),
        {
            "Jacobian of two layers, 64 to 64": ("Jacobian of two layers", "ratio"),
            "Hessian, 64 variables": ("Hessian, 64 variables", "ratio"),
            "gradient of each example, MLP": ("gradient of each example, MLP", "ratio"),
            "gradient of each example, small convnet": ("gradient of each example, small", "ratio"),
        },
    ),
    Group(
        "Mistakes in derivatives that are caught",
        *("checkers", "checkers.md", "Mistakes caught", ""),
        {
            "check_derivatives": ("all", "here"),
            "PyTorch's gradcheck": ("all", "PyTorch"),
            "JAX's check_grads": ("all", "JAX"),
            "autograd's check_grads": ("all", "autograd"),
        },
    ),
)


def cells(line: str) -> list[str]:
    """Those of a line of a Markdown table, without stars; none for another line."""
    return [part.strip().strip("*") for part in line.strip("|").split("|")] if line.startswith("|") else []


def figure(group: Group, row: str, column: str) -> str:
    """What stands on the page.

    Raises
    ------
    LookupError
        If no table behind the heading has such a row and such a column.
    """
    section = PAGE.with_name(group.page).read_text().partition(f"\n## {group.heading}\n")[2].partition("\n## ")[0]
    text = section.partition(group.behind)[2] if group.behind else section
    header: list[str] = []
    for line in text.splitlines():
        found = cells(line)
        header = (header or found) if found else []
        if found and found[0].startswith(row):
            named = [value for name, value in zip(header, found, strict=True) if name.startswith(column)]
            match = FIGURE.match(named[0]) if named else None
            if match:
                return match[0]
    raise LookupError(f"{group.page} has no table with a row {row!r} and a column {column!r} behind {group.heading!r}.")


def tables() -> Iterator[str]:
    """The lines of the table."""
    yield from ("| what | figure |", "| --- | ---: |")
    for group in GROUPS:
        where = f"{group.page}#{group.heading.lower().replace(' ', '-')}"
        yield f"| **{group.kind}** (`benchmarks.{group.command}`) | [table]({where}) |"
        for what, (row, column) in group.figures.items():
            yield f"| {what} | {figure(group, row, column)} |"


def written() -> str:
    """The page with its figures as they are on the others now."""
    before, _, rest = PAGE.read_text().partition(f"{BEGIN}\n")
    return f"{before}{BEGIN}\n" + "\n".join(tables()) + f"\n{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    PAGE.write_text(written())
