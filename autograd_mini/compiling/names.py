"""What the variables of a program are called: as the user called them, or after what was done."""

from __future__ import annotations

import keyword
import linecache
import re
from typing import Any

from autograd_mini.compiling.program import Draw, Line, Program, Variable, reduction_of
from autograd_mini.compiling.traced import line_of

WORDS = {
    "matmul": "product",
    "multiply": "product",
    "add": "sum",
    "subtract": "difference",
    "divide": "quotient",
    "square": "square",
    "negative": "minus",
    "astype": "numbers",
    "getitem": "part",
    "random": "drawn",
    "standard_normal": "drawn",
    "where": "chosen",
    "transpose": "transposed",
}
RESERVED = {*keyword.kwlist, *keyword.softkwlist, "np", "build", "step", "memory", "Deviation", "math"}
ASSIGNED = re.compile(r"^([A-Za-z_]\w*)\s*=[^=]")


class Names:
    """A name for each variable, and for what else needs one."""

    def __init__(self, program: Program) -> None:
        self.given: dict[Any, str] = {}
        self.used = set(RESERVED)
        self.last_of_place: dict[Any, Line] = {}
        for line in program.lines:
            if line.place is not None and line.phase == "forward" and line.results:
                self.last_of_place[line.place.code, line_of(line.place)] = line

    def of(self, variable: Variable) -> str:
        """The name of a variable."""
        if variable not in self.given:
            self.given[variable] = self.fresh(self.hint(variable))
        return self.given[variable]

    def fresh(self, hint: str) -> str:
        """A name that nothing has yet."""
        hint = re.sub(r"\W+", "_", hint).strip("_") or "value"
        hint = f"_{hint}" if hint[0].isdigit() else hint
        name, count = hint, 1
        while name in self.used:
            count += 1
            name = f"{hint}_{count}"
        self.used.add(name)
        return name

    def hint(self, variable: Variable) -> str:
        """What a variable would be called if it were alone."""
        name = variable.name
        if isinstance(name, str):
            return turned(name)
        if isinstance(name, Variable):
            return f"d_{self.hint(name)}"
        line = variable.line
        if isinstance(name, tuple):  # a vector, of these parts
            return joint(self.hint(name[1][0]))
        if line is None:
            return "value"
        if line.phase == "forward" and line.place is not None:
            last = self.last_of_place.get((line.place.code, line_of(line.place)))
            assigned = ASSIGNED.match(source_of(line)) if last is line else None
            if assigned:
                return assigned[1]
        function = reduction_of(line.function) or line.function
        word = function.method if isinstance(function, Draw) else getattr(function, "__name__", "value")
        word = WORDS.get(word, word)
        module = line.scope.partition(".")[2]
        return f"{word}_{module}" if module and line.phase == "forward" else word


def turned(path: str) -> str:
    """A parameter's path with its own name first: `weights_layers_0`."""
    *modules, name = path.split(".")
    return "_".join([name, *modules])


def joint(first: str) -> str:
    """The name of a vector, after its first part."""
    if first.startswith(("d_", "gradient")):
        return "gradients"
    word = re.match(r"[a-z]+(?:_[a-z]+)*", first)
    stem = word[0] if word else "values"
    stem = "parameters" if stem in {"weights", "bias"} else stem
    for last in ("_weights", "_bias"):
        stem = stem.removesuffix(last)
    return stem if stem.endswith("s") else f"{stem}s"


def source_of(line: Line) -> str:
    """The user's code that a line was made by."""
    if line.place is None:
        return ""
    return linecache.getline(line.place.code.co_filename, line_of(line.place)).strip()
