"""NumPy's functions in Python as the calls that they make, and nothing in the place of what changes nothing."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np

from autograd_mini.compiling.program import Constant, Line, Program, SizeCheck, Variable, is_elementwise, shape_of

REDUCTIONS: dict[Any, Any] = {np.sum: np.add.reduce, np.max: np.maximum.reduce, np.min: np.minimum.reduce}
OF_AXES = {"axis", "keepdims"}
COPIES = {np.copy, np.positive, np.ndarray.copy}
REAL = "fiub"  # dtype kinds


def lower(program: Program) -> None:
    """Each line in its plainest form."""
    lines: list[Line] = []
    others: dict[Variable, Any] = {}
    readers, needed = program.readers(), set(program.outputs())

    def has_no_order(variable: Variable) -> bool:
        """Whether it makes no difference how its entries lie in memory."""
        lines = readers.get(variable, ())
        return not variable.shape or (
            variable not in needed
            and all(
                isinstance(line.function, SizeCheck)
                or is_elementwise(line.function)
                or (unchanged(line) is not None and has_no_order(line.result))
                for line in lines
            )
        )

    for line in program.lines:
        if line.results and len(line.results) == 1 and line.result.is_array:
            same = unchanged(line)
            if same is not None:
                others[line.result] = same
                continue
            lines += lowered(program, line, has_no_order(line.result))
        else:
            lines.append(line)
    program.lines = lines
    program.substitute(others)


def unchanged(line: Line) -> Any:
    """The operand that a line gives as it is; None if it changes something."""
    function, args, result = line.function, line.args, line.result
    if not args or not isinstance(args[0], Variable) or (line.options and function is not np.copy):
        return None
    operand = args[0]
    if operand.shape != result.shape or operand.dtype != result.dtype or operand.strides != result.strides:
        return None
    copies = function in COPIES
    cast = function is np.ndarray.astype
    conjugate = function in (np.conjugate, np.real) and operand.dtype.kind in REAL
    moved = function in (np.reshape, np.broadcast_to, np.ravel)
    truth = function in (np.all, np.any) and operand.shape == () and operand.dtype == bool
    return operand if copies or cast or conjugate or moved or truth else None


def lowered(program: Program, line: Line, anyhow: bool) -> list[Line]:
    """The lines that stand for one; `anyhow` says that its result may lie in memory in any way."""
    function, result = line.function, line.result
    options = {name: value for name, value in line.options.items() if value is not None or name == "axis"}
    if anyhow and function in (np.ones_like, np.zeros_like) and not set(options) - {"dtype", "shape"}:
        return [filled(line, 1 if function is np.ones_like else 0)]
    if anyhow and function is np.power and line.args[1] == 0 and result.dtype.kind == "f":
        return [filled(line, 1)]
    if function is np.clip and not options and all(is_bound(number) for number in line.args[1:]):
        larger = program.variable(result.shape, result.dtype)
        larger.strides = result.strides
        a, low, high = line.args
        return [
            dataclasses.replace(line, function=np.maximum, args=(a, low), results=(larger,)),
            dataclasses.replace(line, function=np.minimum, args=(larger, high)),
        ]
    if function in REDUCTIONS and len(line.args) == 1 and set(options) <= OF_AXES and plainly_summed(line):
        return [dataclasses.replace(line, function=REDUCTIONS[function], options=axes_of(options))]
    if function is np.mean and len(line.args) == 1 and set(options) <= OF_AXES and plainly_summed(line):
        count = shape_size(line.args[0]) // max(result.size, 1)
        if count and result.dtype.kind == "f" and float(result.dtype.type(count)) == count:
            total = program.variable(result.shape, result.dtype)
            total.strides = result.strides
            adding = dataclasses.replace(line, function=np.add.reduce, options=axes_of(options), results=(total,))
            dividing = dataclasses.replace(line, function=np.divide, args=(total, count), options={})
            return [adding, dividing]
    return [line]


def is_bound(number: Any) -> bool:
    """Whether an end of `np.clip` has one pattern of bits alone, which 0 has not: `np.maximum` may take the other."""
    return type(number) in (int, float) and number != 0 and math.isfinite(number)


def plainly_summed(line: Line) -> bool:
    """Whether a reduction computes in the dtype of its operand, and gives it."""
    operand = line.args[0]
    return isinstance(operand, Variable) and operand.dtype == line.result.dtype and operand.dtype.char in "fdgFDG"


def axes_of(options: dict[str, Any]) -> dict[str, Any]:
    """The options of `reduce`, whose axis is the first if nothing is said."""
    axis = options.get("axis")
    kept = {"axis": axis[0] if isinstance(axis, tuple) and len(axis) == 1 else axis}
    return kept | ({"keepdims": True} if options.get("keepdims") else {})


def filled(line: Line, number: int) -> Line:
    """An array of one number."""
    value = Constant(np.array(number, line.result.dtype), line.place)
    return dataclasses.replace(line, function=np.broadcast_to, args=(value, line.result.shape), options={})


def shape_size(operand: Any) -> int:
    return int(np.prod(shape_of(operand), dtype=int))
