"""Sums as products, which BLAS computes: over rows by a vector of ones, of squares by that of a vector with itself, and
of weights and their change by the product that makes the change."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd_mini.compiling.program import Accumulated, Constant, Line, Program, Variable, reduction_of

LEAST = 2**15  # entries of weights from which on SciPy's call is worth its price
FLOATS = "fd"  # dtype characters that BLAS knows


def sum_by_products(program: Program) -> None:
    """Sums over the first axis of matrices, such as the gradients of biases, as `ones @ d`."""
    ones: dict[Any, Constant] = {}
    for line in program.lines:
        if reduction_of(line.function) is not np.add or set(line.options) - {"axis"} or line.options.get("axis") != 0:
            continue
        operand = line.args[0]
        if isinstance(operand, Variable) and len(operand.shape) == 2 and operand.dtype.char in FLOATS:
            count = operand.shape[0]
            made = ones.setdefault((count, operand.dtype), Constant(np.ones(count, operand.dtype)))
            line.function, line.args, line.options = np.matmul, (made, operand), {}


def square_by_products(program: Program) -> None:
    """Sums of all squares as products of a vector with itself."""
    makers, readers = program.makers(), program.readers()
    lines: list[Line] = []
    for line in program.lines:
        squares = makers.get(line.args[0]) if line.args and isinstance(line.args[0], Variable) else None
        whole = reduction_of(line.function) is np.add and line.options == {"axis": None}
        if whole and squares is not None and is_square(squares) and len(readers[line.args[0]]) == 1:
            root = squares.args[0]
            if root.dtype.char in FLOATS and root.strides is None and root.shape:
                flat = program.variable((root.size,), root.dtype)
                flat.view, flat.line = True, Line(np.reshape, (root, (root.size,)), {}, (flat,), line.place, line.inner)
                lines.append(flat.line)
                line.function, line.args, line.options = np.dot, (flat, flat), {}
        lines.append(line)
    program.lines = lines
    program.drop_dead()


def is_square(line: Line) -> bool:
    """Whether a line squares an array."""
    if line.function is np.square:
        return isinstance(line.args[0], Variable)
    return line.function is np.multiply and isinstance(line.args[0], Variable) and line.args[0] is line.args[1]


def update_by_products(program: Program) -> None:
    """Large weights are updated by the product that makes their change: w += a.T @ d, one call of SciPy's BLAS.

    It goes through the weights once, where the product, and the sum after it, go through memory three times.
    """
    from scipy.linalg import blas

    makers, readers = program.makers(), program.readers()
    for slot, new in list(program.updates.items()):
        line = makers.get(new) if isinstance(new, Variable) else None
        if line is None or line.function is not np.add or line.args[0] is not slot or len(slot.shape) != 2:
            continue
        product = makers.get(line.args[1]) if isinstance(line.args[1], Variable) else None
        if product is None or product.function is not np.matmul or slot.size < LEAST or slot.dtype.char not in FLOATS:
            continue
        left, right = product.args
        turned = makers.get(left) if isinstance(left, Variable) else None
        alone = len(readers[line.args[1]]) == 1 and isinstance(right, Variable) and right.strides is None
        if turned is None or turned.function is not np.transpose or len(turned.args) > 1 or turned.options or not alone:
            continue
        if turned.args[0].strides is not None or turned.args[0].dtype != slot.dtype or right.dtype != slot.dtype:
            continue
        name = "sgemm" if slot.dtype.char == "f" else "dgemm"
        line.function, line.args = Accumulated(getattr(blas, name), name), (slot, turned.args[0], right)
    program.drop_dead()
