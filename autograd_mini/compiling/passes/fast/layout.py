"""Activations feature by feature: arrays of a batch are held with the batch as their last axis.

A bias then is a column, which is a row of weights for a row of ones (see `rows`); products take either layout alike.
"""

from __future__ import annotations

import dataclasses
import operator
from typing import Any

import numpy as np

from autograd_mini.compiling.passes.common import Groups, merge_equal_lines
from autograd_mini.compiling.program import (
    Accumulated,
    Constant,
    Line,
    Program,
    Variable,
    is_elementwise,
    reduction_of,
    shape_of,
)

KINDS = "fbiu"  # of dtypes
ENTRYWISE = {np.where, np.clip, np.ndarray.astype}  # which are no universal functions
FLAT = {np.reshape, np.ravel}
REDUCED = {np.add, np.maximum, np.minimum}
COLUMN = (slice(None), None)


def turn_activations(program: Program) -> None:
    """Compute the transposes of matrices that are made by products and entry by entry, wherever a bias is added.

    A matrix is turned if every line that reads it can be: products, operations entry by entry whose other operands are
    turned too, sums, transposes. Arguments are read as transposed views; slots and what is returned stay as they are.
    """
    turning = Turning(program)
    if turning.turned:
        turning.rewrite()
        merge_equal_lines(program)
        program.drop_dead()


class Turning:
    """Which variables are turned, and the lines that compute them so."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.makers, self.readers = program.makers(), program.readers()
        self.arguments, self.slots = set(program.arguments), set(program.slots)
        self.outputs = set(program.outputs())
        self.turned = {result for line in program.lines for result in line.results if self.is_matrix(line, result)}
        while left := {v for v in self.turned if not (self.is_made(v) and all(map(self.is_read(v), self.readers[v])))}:
            self.turned -= left
        self.turned = self.worth_it()
        self.twins: dict[Variable, Variable] = {}
        self.views: dict[Any, Variable] = {}
        self.lines: list[Line] = []

    # What can be turned

    def is_matrix(self, line: Line, result: Variable) -> bool:
        """Whether a line's result is a matrix of real numbers or truths in C order that only the program sees."""
        if len(line.results) > 1 or line.called or line.errors or line.phase == "update":
            return False
        if result.view and not is_of_bits(line):
            return False
        plain = result.is_array and result.dtype.kind in KINDS and len(result.shape) == 2 and result.strides is None
        return plain and result not in self.outputs and result in self.readers

    def is_made(self, variable: Variable) -> bool:
        """Whether the line of a matrix can make its transpose."""
        line = self.makers[variable]
        if line.function is np.matmul:
            return not line.options and all(self.is_factor(a) for a in line.args)
        if reduction_of(line.function) in REDUCED:
            return line.args[0] in self.turned and is_plain_reduction(line)
        if not is_entrywise(line):
            return False
        return all(self.is_operand(a, variable) for a in line.args)

    def is_factor(self, value: Any) -> bool:
        return isinstance(value, Variable) and len(value.shape) == 2

    def is_operand(self, value: Any, result: Variable) -> bool:
        """Whether an operand of an operation entry by entry can be read in the other layout at no great price."""
        shape = shape_of(value)
        if isinstance(value, Variable) and len(shape) == 2 and value not in self.turned:
            return value in self.arguments or (1 in shape and shape != result.shape)
        return isinstance(value, Variable) or len(shape) < 2

    def is_read(self, variable: Variable) -> Any:
        """Whether a line that reads a matrix can read its transpose."""

        def answer(line: Line) -> bool:
            function = line.function
            if line.called or line.errors or len(line.results) != 1:
                return False
            if isinstance(function, Accumulated):
                return variable is not line.args[0]
            if line.phase == "update":
                return False
            if function is np.matmul:
                return not line.options and all(self.is_factor(a) or is_ones(a) for a in line.args)
            if function is np.transpose:
                return len(line.args) == 1 and not line.options and line.result not in self.outputs
            if function in FLAT:
                flat = line.result
                dots = self.readers.get(flat, [])
                only = all(reader.function is np.dot and reader.args == (flat, flat) for reader in dots)
                return flat.shape == (variable.size,) and only and flat not in self.outputs
            if reduction_of(function) in REDUCED:
                return is_plain_reduction(line) and (len(line.result.shape) < 2 or line.result in self.turned)
            return is_entrywise(line) and line.result in self.turned

        return answer

    def worth_it(self) -> set[Variable]:
        """Those that hang together with a layer: turned activations times weights, and a bias."""
        layers, together = [], Groups()
        for line in self.program.lines:
            near = [self.unturned(v) for v in (*line.reads(), *line.results)]
            members = [v for v in near if v in self.turned]
            for member in members[1:]:
                together.join(member, members[0])
            if members and line.function is np.add and self.is_layer(line):
                layers.append(members[0])
        worth = {together.root(member) for member in layers}
        return {v for v in self.turned if together.root(v) in worth}

    def unturned(self, variable: Variable) -> Variable:
        maker = self.makers.get(variable)
        return maker.args[0] if maker is not None and maker.function is np.transpose else variable

    def is_layer(self, line: Line) -> bool:
        """Whether a line adds a bias to a product with weights."""
        product, bias = line.args
        maker = self.makers.get(product) if isinstance(product, Variable) else None
        if maker is None or maker.function is not np.matmul or bias not in self.slots:
            return False
        return maker.args[1] in self.slots and shape_of(bias) == product.shape[1:]

    # The lines

    def rewrite(self) -> None:
        """Put the transposes in the place of what is turned."""
        for line in self.program.lines:
            self.lines += [self.turned_line(line)] if self.touches(line) else [line]
        self.program.lines = self.lines
        # the transpose of a transpose is what was turned
        self.program.substitute(
            {
                line.result: self.twins[line.args[0]]
                for line in self.makers.values()
                if line.function is np.transpose and line.args[0] in self.twins
            }
        )

    def touches(self, line: Line) -> bool:
        return any(v in self.turned for v in (*line.reads(), *line.results))

    def twin(self, variable: Variable) -> Variable:
        """The transpose that is computed in the place of a variable."""
        if variable not in self.twins:
            twin = self.twins[variable] = self.program.variable(variable.shape[::-1], variable.dtype)
            twin.view = variable.view
            name = variable.name  # a gradient has that of its variable
            twin.name = self.twin(name) if isinstance(name, Variable) and name in self.turned else name
        return self.twins[variable]

    def view(self, variable: Variable, line: Line, function: Any, *rest: Any) -> Variable:
        """A view of a variable, which is made once."""
        key = (variable, function, len(rest))
        if key not in self.views:
            shape = variable.shape[::-1] if function is np.transpose else (*variable.shape, 1)
            made = self.program.variable(shape, variable.dtype)
            made.view = True
            if function is operator.getitem and isinstance(variable.name, str):
                made.name = f"column of {variable.name}"
            made.line = Line(function, (variable, *rest), {}, (made,), line.place, line.inner, line.scope, line.phase)
            self.lines.append(made.line)
            self.views[key] = made
        return self.views[key]

    def flipped(self, value: Any, line: Line) -> Any:
        """An operand's transpose; of a vector along the rows, the column."""
        if value in self.turned:
            return self.twin(value)
        if len(shape_of(value)) == 2:
            return self.unviewed(value) or self.view(value, line, np.transpose)
        if isinstance(value, Variable) and len(value.shape) == 1:
            return self.view(value, line, operator.getitem, COLUMN)
        if isinstance(value, Constant) and len(value.shape) == 1:
            return Constant(np.ascontiguousarray(value.value[:, None]), value.place)
        return value

    def unviewed(self, value: Variable) -> Variable | None:
        """What a plain transpose is the transpose of."""
        maker = self.makers.get(value)
        if maker is None or maker.function is not np.transpose or len(maker.args) > 1 or maker.options:
            return None
        source = maker.args[0]
        if not isinstance(source, Variable):
            return None
        return self.view(self.twin(source), maker, np.transpose) if source in self.turned else source

    def straight(self, value: Any, line: Line) -> Any:
        """An operand as it was, where it is turned: a view of its transpose."""
        return self.view(self.twin(value), line, np.transpose) if value in self.turned else value

    def turned_line(self, line: Line) -> Line:
        """The line that reads and makes transposes."""
        function, args, options = line.function, line.args, dict(line.options)
        results = (self.twin(line.result),) if line.result in self.turned else line.results
        if isinstance(function, Accumulated):
            sides = tuple(side != (a in self.turned) for side, a in zip(function.turned, args[1:], strict=True))
            function = Accumulated(function.gemm, function.name, sides)  # type: ignore[arg-type]
            args = (args[0], *(self.twin(a) if a in self.turned else a for a in args[1:]))
        elif function is np.matmul and line.result in self.turned:
            args = (self.flipped(args[1], line), self.flipped(args[0], line))
        elif function is np.matmul and is_ones(args[0]):
            args = (self.twin(args[1]), args[0])
        elif function is np.matmul:
            args = tuple(self.straight(a, line) for a in args)
        elif function is np.transpose or function in FLAT:
            args = (self.twin(args[0]), *args[1:])
        elif reduction_of(function) is not None:
            args = (self.twin(args[0]),)
            axis = options.get("axis")
            options["axis"] = None if axis is None else 1 - axis % 2
        else:
            args = tuple(self.flipped(a, line) for a in args)
        return dataclasses.replace(line, function=function, args=args, options=options, results=results)


def is_entrywise(line: Line) -> bool:
    """Whether each entry of a line's result comes from the operands' entries at its place, and nothing else is said."""
    known = is_elementwise(line.function) or line.function in ENTRYWISE or is_of_bits(line)
    return known and not line.options


def is_of_bits(line: Line) -> bool:
    """Whether a line reads the bits of each entry as another dtype of the same size."""
    if line.function is not np.ndarray.view or len(line.args) != 2 or not isinstance(line.args[0], Variable):
        return False
    sizes = {np.dtype(v.dtype).itemsize for v in (line.args[0], line.result)}
    return len(sizes) == 1 and isinstance(line.args[1], np.dtype | type)


def is_plain_reduction(line: Line) -> bool:
    """Whether a line reduces along one axis, or all, and nothing else is said."""
    axis = line.options.get("axis", 0)
    return len(line.args) == 1 and set(line.options) <= {"axis", "keepdims"} and (axis is None or type(axis) is int)


def is_ones(value: Any) -> bool:
    """Whether an operand is a vector of ones."""
    return isinstance(value, Constant) and len(value.shape) == 1 and not value.kept and bool(np.all(value.value == 1))
