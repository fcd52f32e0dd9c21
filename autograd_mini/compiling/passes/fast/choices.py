"""Choices between a number and zero as maxima, which write where they are told to; the sign of a zero may differ."""

from __future__ import annotations

import numpy as np

from autograd_mini.compiling.program import Constant, Line, Program, Variable, number_in


def choose_by_maxima(program: Program) -> None:
    """`where(x <= 0, 0, x)` as `maximum(x, 0)`, NaN where x is; and choices by what is not so the other way round."""
    makers = program.makers()
    for line in program.lines:
        if line.function is not np.where or len(line.args) != 3 or line.options or line.errors:
            continue
        condition, first, second = line.args
        maker = makers.get(condition) if isinstance(condition, Variable) else None
        if maker is None or maker.options:
            continue
        if maker.function is np.logical_not and isinstance(maker.args[0], Variable):
            if maker.args[0].dtype == bool:
                line.args = (maker.args[0], second, first)
        elif is_rectified(maker, line) and number_in(first) == 0:
            line.function = np.maximum
            line.args = (second, Constant(np.zeros((), line.result.dtype), line.place))
    program.drop_dead()


def is_rectified(condition: Line, line: Line) -> bool:
    """Whether the condition is that what is chosen otherwise is at most zero."""
    chosen = line.args[2]
    asked = condition.function in (np.less_equal, np.less) and condition.args[0] is chosen
    plain = isinstance(chosen, Variable) and chosen.dtype == line.result.dtype and chosen.shape == line.result.shape
    return asked and plain and line.result.dtype.kind == "f" and number_in(condition.args[1]) == 0
