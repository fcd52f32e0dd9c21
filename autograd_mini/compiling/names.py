"""What the variables of a program are called: as the user called them, or after what was done."""

from __future__ import annotations

import keyword
import linecache
import re
from typing import Any

import numpy as np

from autograd_mini.checked.places import Place
from autograd_mini.compiling.program import Check, Draw, Line, Program, Variable, reduction_of
from autograd_mini.compiling.traced import line_of

WORDS = {
    "matmul": "product",
    "multiply": "product",
    "add": "sum",
    "subtract": "difference",
    "divide": "quotient",
    "square": "square",
    "negative": "minus",
    "astype": "converted",
    "getitem": "part",
    "random": "drawn",
    "standard_normal": "drawn",
    "where": "chosen",
    "mul": "product",
    "truediv": "quotient",
    "sub": "difference",
    "pow": "power",
    "equal": "is_equal",
    "dot": "total",
}
SCORES = {"matmul", "add"}  # what is computed last in a module and so called: its scores
RESERVED = {
    *keyword.kwlist,
    *keyword.softkwlist,
    "np",
    "aligned",
    "isfinite",
    "given",
    "rows",
    "part",
    "side_by_side",
    "one_thread_each",
    "Helpers",
    "helpers_of",
    "own_helpers",
    "serve",
    "build",
    "step",
    "memory",
    "Deviation",
    "math",
    "sum",
    "pow",
}
ASSIGNED = re.compile(r"^([A-Za-z_]\w*)\s*=[^=]")


class Names:
    """A name for each variable, and for what else needs one."""

    def __init__(self, program: Program) -> None:
        self.given: dict[Any, str] = {}
        self.used = set(RESERVED)
        self.assigned: dict[Line, str] = {}  # the name to which a statement assigns what its last line makes
        self.last_of_module: set[Line] = set()
        asked = {a for line in program.lines if isinstance(line.function, Check) for a in line.args}
        lines = [line for line in program.lines if line.results and line.result not in asked]
        for line, following in zip(lines, [*lines, None][1:], strict=True):
            for place in (line.place if line.phase == "forward" else None, line.inner):
                after = None
                if following is not None and following.phase == line.phase:
                    after = following.place if place is line.place else following.inner
                if line not in self.assigned and statement(place) != statement(after):
                    target = ASSIGNED.match(code_at(place))
                    if target:
                        self.assigned[line] = target[1]
            goes_on = following is not None and following.phase == line.phase and following.scope == line.scope
            if line.phase == "forward" and line.scope and not goes_on:
                self.last_of_module.add(line)

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

    def is_telling(self, variable: Variable) -> bool:
        """Whether the name of a variable says more than how it was computed."""
        line = variable.line
        return variable.name is not None or line in self.assigned or line in self.last_of_module

    def hint(self, variable: Variable) -> str:
        """What a variable would be called if it were alone."""
        name, line = variable.name, variable.line
        if isinstance(name, str):
            return turned(name)
        if isinstance(name, Variable):
            return f"d_{self.hint(name)}"
        if isinstance(name, tuple):  # a vector, of these parts
            return joint([part.name for part in name[1]])
        if line is None:
            return "value"
        if line in self.assigned:
            return self.assigned[line]
        if line.function is np.transpose and line.args and isinstance(line.args[0], Variable):
            return f"{self.of(line.args[0])}_T"
        function = reduction_of(line.function) or line.function
        word = function.method if isinstance(function, Draw) else getattr(function, "__name__", "value")
        module = line.scope.partition(".")[2]
        if module and line in self.last_of_module:
            return f"{'scores' if word in SCORES else WORDS.get(word, word)}_{module}"
        return WORDS.get(word, word)


def turned(path: str) -> str:
    """A parameter's path with its own name first, `weights_layers_0`; before that, what is kept for it."""
    kept, _, path = path.rpartition(" of ")
    *modules, name = path.split(".")
    return "_".join([*([kept] if kept else []), name, *modules])


def joint(parts: list[Any]) -> str:
    """The name of a vector, after the names of its parts."""
    if all(isinstance(part, Variable) for part in parts):
        return "gradients"
    kept = {part.rpartition(" of ")[0] for part in parts if isinstance(part, str)}
    word = kept.pop() if len(kept) == 1 else ""
    return f"{word}s" if word and not word.endswith("s") else word or "parameters"


def statement(place: Place | None) -> Any:
    """The line of code that a place is on."""
    return None if place is None else (place.code, line_of(place))


def code_at(place: Place | None) -> str:
    """The code of that line."""
    return "" if place is None else linecache.getline(place.code.co_filename, line_of(place)).strip()
