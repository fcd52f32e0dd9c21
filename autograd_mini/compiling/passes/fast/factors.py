"""Two factors of a product that are known are one."""

from __future__ import annotations

import math

import numpy as np

from autograd_mini.compiling.program import Constant, Program, Variable, number_in


def join_factors(program: Program) -> None:
    """(x * a) * b as x * (a b), for numbers a and b; with x * a read there alone, one pass less over the entries."""
    makers, readers = program.makers(), program.readers()
    for line in program.lines:
        if line.function is not np.multiply or line.options or line.result.dtype.kind != "f":
            continue
        for factor, product in (line.args, line.args[::-1]):
            a, maker = number_in(factor), makers.get(product) if isinstance(product, Variable) else None
            if a is None or maker is None or maker.function is not np.multiply or maker.options:
                continue
            if product.dtype != line.result.dtype or len(readers.get(product, ())) != 1:
                continue
            for first, x in (maker.args, maker.args[::-1]):
                b = number_in(first)
                if b is not None and isinstance(x, Variable) and x.dtype == product.dtype and math.isfinite(a * b):
                    line.args = (x, Constant(np.array(a * b, product.dtype)))
    program.drop_dead()
