"""Counts of steps that are equal now and change in the same way are one number."""

from __future__ import annotations

from typing import Any

from autograd_mini.compiling.program import Program, Variable, number_in


def merge_equal_counts(program: Program) -> None:
    """Put one count in the place of all those that begin with one value and are advanced by equal lines.

    Which values are equal now is in `program.same`: groups of slots, whose equality is checked when the program is
    bound to them.
    """
    makers = program.makers()
    others: dict[Variable, Variable] = {}
    for group in program.same:
        changes: dict[Any, Variable] = {}
        for variable in group:
            line = makers.get(program.updates.get(variable))  # type: ignore[arg-type]
            if line is None or len(line.args) != 2 or line.args[0] is not variable or number_in(line.args[1]) is None:
                continue
            first = changes.setdefault((line.function, line.args[1]), variable)
            if first is not variable:
                others[variable] = first
    for variable, first in others.items():
        program.merged.setdefault(first, []).append(variable)
        del program.updates[variable]
    program.substitute(others)
    replaced: dict[Variable, Variable] = {}
    seen: dict[Any, Variable] = {}
    for line in program.lines:  # the same sum, once
        if line.results and line.result.kind == "number" and line.args and line.args[0] in set(others.values()):
            key = line.function, line.args
            first = seen.setdefault(key, line.result)
            if first is not line.result:
                replaced[line.result] = first
    program.substitute(replaced)
