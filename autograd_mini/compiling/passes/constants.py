"""What does not differ from call to call is computed now: constants, broadcasts that come by themselves, factors 1."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd_mini.compiling.program import (
    VIEWS,
    Constant,
    Line,
    Program,
    Variable,
    is_elementwise,
    number_in,
    shape_of,
)


def fold_constants(program: Program) -> None:
    """Leave out what is known, line by line; a later line sees what became of the ones before."""
    others: dict[Variable, Any] = {}
    makers: dict[Variable, Line] = {}
    lines: list[Line] = []
    for line in program.lines:
        line.substitute(others)
        if line.pure and len(line.results) == 1 and line.result.is_array:
            if is_elementwise(line.function) and not line.options:
                drop_broadcasts(line, makers)
            same = factor_one(line) if line.function is np.multiply else None
            value = same if same is not None else known(line)
            if value is not None:
                others[line.result] = value
                continue
        for result in line.results:
            makers[result] = line
        lines.append(line)
    program.lines = lines
    program.substitute(others)


def drop_broadcasts(line: Line, makers: dict[Variable, Line]) -> None:
    """Take an operand as it was before a broadcast that the operation does by itself."""
    args = list(line.args)
    for i, operand in enumerate(args):
        maker = makers.get(operand) if isinstance(operand, Variable) else None
        if maker is None or maker.function is not np.broadcast_to:
            continue
        before = [*args[:i], maker.args[0], *args[i + 1 :]]
        if np.broadcast_shapes(*map(shape_of, before)) == line.result.shape:
            args = before
    line.args = tuple(args)


def factor_one(line: Line) -> Variable | None:
    """The other operand of a product by 1, if it is as large and of the same kind as the product.

    Not of complex numbers: their product by 1 changes infinities and signs of zeros.
    """
    if line.result.dtype.kind == "c":
        return None
    for one, other in (line.args, line.args[::-1]):
        if number_in(one) == 1 and isinstance(other, Variable):
            same = other.shape == line.result.shape and other.dtype == line.result.dtype
            if same and other.strides == line.result.strides and other.is_array:
                return other
    return None


def known(line: Line) -> Constant | None:
    """The value of a line of constants with one entry, which were made for the recording."""
    if line.function in VIEWS and shape_of(line.args[0]) != line.result.shape:
        return None
    operands = [a for a in line.args if isinstance(a, Constant)]
    if line.reads() or not operands or line.called or line.errors or any(a.kept for a in operands):
        return None
    if line.result.size != 1 or line.result.shape:
        return None
    args = [a.value if isinstance(a, Constant) else a for a in line.args]
    return Constant(np.asarray(line.function(*args, **line.options)), line.place)
