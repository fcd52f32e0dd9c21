"""The learning rate of plain descent in the seed of the backward, which is linear in it."""

from __future__ import annotations

import operator
from typing import Any, NamedTuple

import numpy as np

from autograd_mini.compiling.program import VIEWS, Line, Program, Variable, number_in, reduction_of


class Step(NamedTuple):
    """One parameter's update `w - rate * gradient`: its line, and what it reads."""

    line: Line
    slot: Variable
    rate: Variable
    gradient: Variable


def put_rate_into_seed(program: Program) -> None:
    """Go back from -rate times the loss: what comes out are the changes of the parameters.

    It is done where every parameter moves by plain descent at one rate, nothing else reads a gradient, and each line
    from the seed to the gradients is linear in what came before.
    """
    steps = plain_steps(program)
    if not steps or len({step.rate for step in steps}) != 1:
        return
    gradients = {step.gradient for step in steps}
    seed = seed_of(program, gradients)
    if seed is None:
        return
    place = 0 if number_in(seed.args[0]) is not None else 1
    factor = program.variable((), float, "number", "scale")
    scale = Line(operator.mul, (steps[0].rate, -number_in(seed.args[place])), {}, (factor,), seed.place, seed.inner)
    factor.line = scale
    program.lines.insert(program.lines.index(seed), scale)
    seed.args = (seed.args[1 - place], factor)
    for step in steps:
        step.line.function, step.line.args = np.add, (step.slot, step.gradient)
    program.drop_dead()


def plain_steps(program: Program) -> list[Step]:
    """The updates, if all of those of parameters are plain descent and read their gradients alone."""
    makers, readers, found = program.makers(), program.readers(), []
    returned = {value for value in program.returned if isinstance(value, Variable)}
    for slot, new in program.updates.items():
        line = makers.get(new) if isinstance(new, Variable) else None
        if line is None or line.phase != "update" or not slot.is_array:
            continue
        if line.function is not np.subtract or line.args[0] is not slot or not isinstance(line.args[1], Variable):
            return []
        product = makers.get(line.args[1])
        if product is None or product.function is not np.multiply:
            return []
        rate, gradient = product.args if is_rate(product.args[0]) else product.args[::-1]
        alone = isinstance(gradient, Variable) and readers[gradient] == [product] and gradient not in returned
        if not is_rate(rate) or not alone or gradient.dtype != slot.dtype or readers[line.args[1]] != [line]:
            return []
        found.append(Step(line, slot, rate, gradient))
    return found


def is_rate(value: Any) -> bool:
    return isinstance(value, Variable) and value.kind == "number"


def seed_of(program: Program, gradients: set[Variable]) -> Line | None:
    """The line that multiplies by a known number, from which all gradients come by linear lines; None without one."""
    seed: Line | None = None
    derived: set[Variable] = set()
    outputs = {value for value in program.outputs() if isinstance(value, Variable)}
    for line in program.lines:
        if line.phase == "update":
            continue
        read = [variable for variable in line.reads() if variable in derived]
        if read:
            if not is_linear(line, derived):
                return None
            derived.add(line.result)
        elif seed is None and line.phase == "backward" and is_scaling(line):
            seed = line
            derived.add(line.result)
    return seed if gradients <= derived and not outputs & derived else None


def is_scaling(line: Line) -> bool:
    """Whether a line multiplies by a known number."""
    known = any(number_in(a) is not None for a in line.args)
    return (
        line.function is np.multiply and not line.options and known and any(isinstance(a, Variable) for a in line.args)
    )


def is_linear(line: Line, derived: set[Variable]) -> bool:
    """Whether a line's result is proportional to what it reads of the derived values."""
    if line.called or len(line.results) != 1:
        return False
    hits = [isinstance(a, Variable) and a in derived for a in line.args]
    if line.function in (np.multiply, np.matmul):
        return sum(hits) == 1
    if line.function in (np.add, np.subtract):
        return all(hits)
    if line.function is np.divide:
        return hits == [True, False]
    if line.function is np.negative or line.function is np.positive or reduction_of(line.function) is np.add:
        return True
    return line.function in VIEWS and hits[0] and not any(hits[1:])
