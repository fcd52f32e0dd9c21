"""Write docs/lecture.md, `python -m docs.lecture`: each of the lecture's topics, where it lives, and what was measured.

It runs every example of the gallery in full and takes the claim from its last line, the slides and the public names
from its docstring. `--only 04 05` runs these alone; the measured results of the others stay.
`--only` without a number writes the page anew from what was measured before, such as after a merge.
"""

import argparse
import ast
import html
import os
import pkgutil
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "examples"
FILE = Path(__file__).with_suffix(".md")
HEADER = ("example", "slides", "lives in", "measured", "picture")
FIELD = re.compile(r"^(Slides|Lives in):\s*(.+?)\s*(?=^Slides:|^Lives in:|^\s*$|\Z)", re.MULTILINE | re.DOTALL)
ENVIRONMENT = {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MPLBACKEND": "Agg"}

SLIDES = (
    "Linear Aggregation of Perceptrons",
    "Logic Operations with Aggregation",
    "Powerfulness and Limitation",
    "Multi-Layer Perceptrons",
    "Neural Network Hypothesis: Output",
    "Neural Network Hypothesis: Transformation",
    "Neural Network Hypothesis",
    "Physical Interpretation",
    "How to Learn the Weights?",
    "Computing",
    "Backpropagation (Backprop) Algorithm",
    "Physical Interpretation of NNet Revisited",
    "Shallow versus Deep Neural Networks",
    "Meaningfulness of Deep Learning",
    "Challenges and Key Techniques for Deep Learning",
    "Forward Propagation Revisited",
    "Backpropagation Revisited",
    "The Vanishing Gradient Issue",
    "Possible Cures for Vanishing Gradient",
    "Rectified Linear Unit",
    "Dead Neuron Issue",
    "Leaky Rectified Linear Unit",
    "Parametric Rectified Linear Unit",
)


class Example(NamedTuple):
    """What the docstring of an example says."""

    path: Path
    shows: str
    slides: str
    lives_in: str

    @property
    def name(self) -> str:
        """Its file name without `.py`."""
        return self.path.stem

    @property
    def names(self) -> list[str]:
        """The public names of `Lives in:`."""
        return re.findall(r"[A-Za-z_][\w.]*\w", self.lives_in)


def examples() -> list[Example]:
    """The gallery in order."""
    return [described(path) for path in sorted(EXAMPLES.glob("[0-9][0-9]_*.py"))]


def described(path: Path) -> Example:
    """An example by its docstring; a field that runs over several lines becomes one."""
    text = ast.get_docstring(ast.parse(path.read_text())) or ""
    fields = {name: " ".join(value.split()) for name, value in FIELD.findall(text)}
    shows = " ".join(text.partition("\n\n")[0].split())
    return Example(path, shows, fields.get("Slides", ""), fields.get("Lives in", ""))


def public(name: str) -> Any:
    """The object with a public name such as `nn.perceptrons.AND`.

    Raises
    ------
    AttributeError
        If there is none, or it is in neither package.
    """
    if not name.startswith(("nn.", "autograd_mini.")):
        raise AttributeError(f"{name} is in neither nn nor autograd_mini.")
    return pkgutil.resolve_name(name)


def measured(example: Example) -> str:
    """Run an example in full at the repository's root, where it writes its picture; its last line."""
    command = [sys.executable, str(example.path)]
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | ENVIRONMENT, stdout=subprocess.PIPE, text=True, check=True
    )
    return done.stdout.splitlines()[-1].replace("|", r"\|")


def recorded() -> dict[str, str]:
    """The measured results in docs/lecture.md, by example."""
    lines = FILE.read_text().splitlines() if FILE.exists() else []
    rows = [re.split(r"(?<!\\)\|", line) for line in lines if line.startswith("| [")]
    return {re.findall(r"\w+", link)[0]: result.strip() for _, link, _, _, result, *_ in rows}


def without_example() -> list[str]:
    """The slides that no example names."""
    named = " ".join(example.slides for example in examples()).casefold()
    return [slide for slide in SLIDES if slide.casefold() not in named]


def written(results: dict[str, str]) -> str:
    """The text of docs/lecture.md."""
    rows = []
    for example in examples():
        if example.name in results:
            picture = f"../gallery/{example.name}.png"
            link = f"[{example.name}](../examples/{example.path.name}) {example.shows}"
            names = ", ".join(f"`{name}`" for name in example.names)
            image = f'[<img src="{picture}" alt="{html.escape(results[example.name])}" width="300">]({picture})'
            rows.append((link, example.slides, names, results[example.name], image))
    table = [f"| {' | '.join(cells)} |" for cells in (HEADER, ("---",) * len(HEADER), *rows)]
    lines = [
        "# The lecture, slide by slide",
        "",
        'Lecture 14, "From Neural Net. to Deep Learning" (Hsuan-Tien Lin), as code. Each example is under 100 lines',
        "and ends with one sentence of what it measured, which is copied here; it exits with an error if its numbers",
        "do not bear the sentence out. `python -m docs.lecture` runs them all and writes this page; do not edit it.",
        "",
        *table,
        "",
    ]
    missing = without_example()
    return "\n".join([*lines, f"Slides that no example names: {'; '.join(missing)}.", ""] if missing else lines)


def main() -> None:
    """Run the examples and write the page after each, so that nothing measured is lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", metavar="NN", help="run these examples alone, or none")
    only = parser.parse_args().only
    chosen = [example for example in examples() if only is None or example.name[:2] in only]
    results, failed = recorded(), []
    for i, example in enumerate(chosen, 1):
        print(f"[{i}/{len(chosen)}] {example.name}", flush=True)
        try:
            results[example.name] = measured(example)
        except subprocess.CalledProcessError:
            failed.append(example.name)
            continue
        FILE.write_text(written(results))
        print(f"  {results[example.name]}", flush=True)
    FILE.write_text(written(results))
    for example in examples():
        if example.name not in results:
            print(f"{example.name} has no row yet: `python -m docs.lecture --only {example.name[:2]}`")
    if failed:
        sys.exit(f"Ended with an error, so that their rows are as before: {', '.join(failed)}.")


if __name__ == "__main__":
    main()
