"""Write the house of docs/inside.md, `python -m docs.inside`: rooms and doors from the plan that a test holds.

A picture in HTML, docs/house.html, in which a room that is pointed at lights up those that it imports, and a table of
what lives where, which is the first sentence of each room.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import autograd_mini
from tests.test_house import FOLDERS, HOUSES, READ_FIRST

PAGE = Path(__file__).with_suffix(".md")
PICTURE = PAGE.with_name("house.html")
BEGIN, END = "<!-- house -->", "<!-- end -->"
ENGINE = READ_FIRST | {"rules"}
COLOURS = "background: var(--pst-color-primary); color: var(--pst-color-background);"
LIT = f".house:has(.{{0}}:is(:hover, :focus)) :is({{1}}) {{{{ {COLOURS} }}}}"


def floors(package: ModuleType) -> Iterator[list[tuple[str, list[str]]]]:
    """From the ground up: the rooms of each floor with those that they import."""
    for floor in HOUSES[package]:
        yield [(room, [] if below.startswith("(") else sorted(below.split())) for room, below in floor.items()]


def sentence(package: ModuleType, room: str) -> str:
    """What a room says of itself first."""
    folder = FOLDERS[package]
    path = folder / f"{room}.py" if (folder / f"{room}.py").exists() else folder / room / "__init__.py"
    told = ast.get_docstring(ast.parse(path.read_text())) or ""
    first = " ".join(told.partition("\n\n")[0].split())
    return first.replace(". ", ".\0", 1).partition("\0")[0]


def picture() -> str:
    """The house from the roof down, as HTML."""
    lines, lit = [], []
    for package in reversed(HOUSES):
        name = package.__name__
        lines += [f'<div class="house"><div class="name"><code>{name}</code></div>']
        for floor in reversed(list(floors(package))):
            rooms = []
            for room, below in floor:
                kind = " engine" if package is autograd_mini and room in ENGINE else ""
                doors = f"imports {', '.join(below)}" if below else "imports no other room"
                doors = f"is built on {name} as users see it" if room == "estimators" else doors
                about = f'class="room {name}-{room}{kind}" tabindex="0" title="{room} {doors}"'
                rooms.append(f"<span {about}>{room}</span>")
                lit += [LIT.format(f"{name}-{room}", ", ".join(f".{name}-{b}" for b in below))] if below else []
            lines.append(f'<div class="floor">{"".join(rooms)}</div>')
        lines.append("</div>")
    return "\n".join(["<style>", *lit, "</style>", *lines, ""])


def table() -> str:
    """What lives where, from the ground up."""
    lines = []
    for package in HOUSES:
        lines += ["", f"| in `{package.__name__}` | what lives there |", "| --- | --- |"]
        lines += [f"| `{room}` | {sentence(package, room)} |" for floor in floors(package) for room, _ in floor]
    return "\n".join([*lines, "", ""])


def written() -> str:
    """The page with the table as it is now."""
    before, _, rest = PAGE.read_text().partition(f"{BEGIN}\n")
    return f"{before}{BEGIN}\n{table()}{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    PAGE.write_text(written())
    PICTURE.write_text(picture())
