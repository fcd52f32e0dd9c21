"""Counts of steps that are equal now and change in the same way are one number."""

from __future__ import annotations

from typing import Any

from autograd_mini.compiling.program import Program, Variable, number_in


def merge_equal_counts(program: Program) -> None:
    """Put one count in the place of all those that begin with one value and are advanced by equal lines.

    The lines are then equal, and `merge_equal_lines` makes them one.

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
