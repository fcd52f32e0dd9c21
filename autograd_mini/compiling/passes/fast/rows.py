"""A bias as the last row of its weights: the product with a row of ones adds it, and makes its gradient."""

from __future__ import annotations

import itertools
import operator
from typing import Any, NamedTuple

import numpy as np

from autograd_mini.compiling.passes.fast.layout import COLUMN, is_ones
from autograd_mini.compiling.passes.joining import writes_anywhere
from autograd_mini.compiling.program import Joined, Line, Program, Variable, join


class Layer(NamedTuple):
    """Weights and the bias behind them in memory."""

    vector: Variable
    weights: Variable
    bias: Variable
    start: int
    stop: int


def put_biases_into_rows(program: Program) -> None:
    """Where a vector of parameters holds weights and then their bias, they are one matrix in products.

    Its other factor is an activation, feature by feature, with a row of ones below. Forward and gradient are rewritten
    each by itself, where the lines are there.
    """
    rows = Rows(program)
    for line in list(program.lines):
        rows.forward(line)
    for joined in list(program.joined):
        if not joined.is_slot:
            rows.gradients(joined)
    program.lines = [*rows.first, *program.lines]
    program.drop_dead()


class Rows:
    """The rewriting of one program."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.makers, self.readers = program.makers(), program.readers()
        self.outputs = set(program.outputs())
        self.taken = {member for joined in program.joined for member in joined.members}
        self.layers = {layer.weights: layer for joined in program.joined for layer in layers_of(joined)}
        self.longer: dict[Variable, Variable] = {}
        self.matrices: dict[Variable, Variable] = {}
        self.first: list[Line] = []

    def maker(self, value: Any, function: Any) -> Line | None:
        """The line that makes a variable by a function."""
        line = self.makers.get(value) if isinstance(value, Variable) else None
        return line if line is not None and line.function is function and not line.options else None

    def below(self, value: Any) -> Any:
        """What a plain transpose is one of."""
        line = self.maker(value, np.transpose)
        return line.args[0] if line is not None and len(line.args) == 1 else None

    def forward(self, line: Line) -> None:
        """The product and the sum of a layer as one product."""
        if line.function is not np.add or line.options or line.errors:
            return
        product = self.maker(line.args[0], np.matmul)
        if product is None or self.readers[line.args[0]] != [line] or line.args[0] in self.outputs:
            return
        left, right = product.args
        column = self.maker(line.args[1], operator.getitem)
        turned = column is not None and column.args[1] == COLUMN
        bias, weights, inputs = (
            (column.args[0], self.below(left), right) if turned and column else (line.args[1], right, self.below(left))
        )
        layer = self.layers.get(weights)
        if layer is None or layer.bias is not bias or not self.can_be_longer(inputs):
            return
        matrix, longer = self.matrix(layer), self.with_ones(inputs)
        pair = (self.transpose(matrix), longer) if turned else (self.transpose(longer), matrix)
        line.function, line.args = np.matmul, pair

    def can_be_longer(self, inputs: Any) -> bool:
        """Whether an activation can be written into a part of a larger array."""
        if inputs in self.longer:
            return True
        line = self.makers.get(inputs) if isinstance(inputs, Variable) else None
        plain = line is not None and len(line.results) == 1 and writes_anywhere(line) and line.phase != "update"
        return plain and len(inputs.shape) == 2 and inputs not in self.taken and inputs not in self.outputs

    def with_ones(self, inputs: Variable) -> Variable:
        """An activation with a row of ones below."""
        if inputs not in self.longer:
            program, line = self.program, self.makers[inputs]
            features, batch = inputs.shape
            vector = program.variable(((features + 1) * batch,), inputs.dtype, name="with_ones")
            longer = program.variable((features + 1, batch), inputs.dtype)
            longer.view = True
            program.joined.append(Joined(vector, [inputs], False, ones=batch))
            at = program.lines.index(line) + 1
            program.lines[at:at] = [
                Line(join, (inputs,), {}, (vector,), line.place, line.inner, "", line.phase),
                Line(np.reshape, (vector, longer.shape), {}, (longer,), line.place, line.inner, "", line.phase),
            ]
            self.taken.add(inputs)
            self.longer[inputs] = longer
        return self.longer[inputs]

    def transpose(self, matrix: Variable) -> Variable:
        """The transpose of a matrix, from where that is there."""
        made = self.program.variable(matrix.shape[::-1], matrix.dtype)
        made.view = True
        line = Line(np.transpose, (matrix,), {}, (made,))
        at = next((i + 1 for i, other in enumerate(self.program.lines) if matrix in other.results), None)
        if at is None:
            self.first.append(line)
        else:
            self.program.lines.insert(at, line)
        return made

    def matrix(self, layer: Layer) -> Variable:
        """Weights and bias as one matrix, a view of the vector that holds them."""
        if layer.weights not in self.matrices:
            rows, columns = layer.weights.shape
            program, dtype = self.program, layer.vector.dtype
            part = program.variable((layer.stop - layer.start,), dtype, name=f"part of {layer.weights.name}")
            whole = program.variable((rows + 1, columns), dtype, name=f"biased of {layer.weights.name}")
            part.view = whole.view = True
            inside = slice(layer.start, layer.stop)
            self.first.append(Line(operator.getitem, (layer.vector, inside), {}, (part,)))
            self.first.append(Line(np.reshape, (part, whole.shape), {}, (whole,)))
            self.matrices[layer.weights] = whole
        return self.matrices[layer.weights]

    def gradients(self, joined: Joined) -> None:
        """The products that make the gradients of weights and of their bias as one."""
        at = next((line for line in self.program.lines if line.results == (joined.vector,)), None)
        members: list[Variable] = []
        for member in joined.members:
            together = self.together(members[-1], member) if members else None
            if together is None:
                members.append(member)
            else:
                members[-1] = together
        if at is not None and len(members) < len(joined.members):
            at.args = tuple(members)
            joined.members[:] = members

    def together(self, weights: Variable, bias: Variable) -> Variable | None:
        """One gradient for both, in the place of the first."""
        product, total = self.maker(weights, np.matmul), self.maker(bias, np.matmul)
        if product is None or total is None or len(weights.shape) != 2 or bias.shape != weights.shape[1:]:
            return None
        inputs, errors = product.args
        if inputs not in self.longer or any(len(self.readers.get(v, ())) != 1 for v in (weights, bias)):
            return None
        left, right = total.args
        summed = is_ones(right) and left is self.below(errors) if is_ones(right) else is_ones(left) and right is errors
        if not summed:
            return None
        both = self.program.variable((weights.shape[0] + 1, *bias.shape), weights.dtype, name=weights.name)
        later = max(product, total, key=self.program.lines.index)
        self.program.lines.remove(product if later is total else total)
        later.function, later.args, later.results = np.matmul, (self.longer[inputs], errors), (both,)
        later.place, later.scope = product.place, product.scope
        self.taken.add(both)
        return both


def layers_of(joined: Joined) -> list[Layer]:
    """Weights that are followed by a vector as long as their rows."""
    found = []
    if joined.is_slot:
        for (first, start, _), (second, _, stop) in itertools.pairwise(joined.parts()):
            if len(first.shape) == 2 and second.shape == first.shape[1:]:
                found.append(Layer(joined.vector, first, second, start, stop))
    return found
