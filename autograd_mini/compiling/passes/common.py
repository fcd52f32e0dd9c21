"""What several passes need: equal lines are computed once, and which things belong together."""

from __future__ import annotations

from typing import Any

from autograd_mini.compiling.program import Check, Constant, Line, Program, SizeCheck, Variable


def merge_equal_lines(program: Program) -> None:
    """Read the results of the first of equal lines in the place of the others'."""
    seen: dict[Any, Line] = {}
    others: dict[Variable, Any] = {}
    lines: list[Line] = []
    for line in program.lines:
        line.substitute(others)
        if isinstance(line.function, Check | SizeCheck):
            if seen.setdefault((line.function, key_of(line.args)), line) is not line:
                continue
        elif line.pure and line.results:
            key = (line.function, key_of(line.args), key_of(line.options))
            quiet = all(kind == "ignore" for _, kind in line.errors)
            try:  # what the one before tells of errors, a quiet one need not tell again
                first = seen.get((*key, ())) if quiet else None
                first = first or seen.setdefault((*key, line.errors), line)
            except TypeError:  # an option that cannot be compared
                first = line
            if first is not line:
                others.update(zip(line.results, first.results, strict=True))
                continue
        lines.append(line)
    program.lines = lines
    program.substitute(others)


class Groups:
    """Which things belong together; each of those that nothing was joined with is a group."""

    def __init__(self) -> None:
        self.parents: dict[Any, Any] = {}

    def root(self, x: Any) -> Any:
        """The one that stands for all of its group."""
        while self.parents.setdefault(x, x) is not x:
            x = self.parents[x]
        return x

    def join(self, x: Any, y: Any) -> None:
        """Make one group of the two that x and y are in, with the root of y's."""
        self.parents[self.root(x)] = self.root(y)


def key_of(value: Any) -> Any:
    """What is equal for equal operands."""
    if isinstance(value, Variable):
        return value
    if isinstance(value, Constant):
        return value.key
    if isinstance(value, tuple | list):
        return (type(value), *map(key_of, value))
    if isinstance(value, dict):
        return tuple((name, key_of(part)) for name, part in value.items())
    if isinstance(value, slice):
        return ("slice", value.start, value.stop, value.step)
    return (type(value), value, repr(value) if isinstance(value, float) else "")  # 0.0 and -0.0 are not the same
