"""Small parameters that are updated alike live in one vector, with their gradients and states: few long calls for many
short ones."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from autograd_mini.compiling.passes.common import Groups, key_of
from autograd_mini.compiling.program import (
    Draw,
    Joined,
    Line,
    Program,
    Variable,
    is_elementwise,
    join,
    reduction_of,
    substituted,
)

LONGEST = 2**15  # entries; a longer vector falls out of the cache between two calls


@dataclasses.dataclass(eq=False)
class Update:
    """The lines by which one parameter, with its states, becomes another."""

    lines: list[Line]
    inputs: list[Variable]
    names: dict[Variable, str]  # of inputs and results, equal for equal updates
    signature: Any = None

    @property
    def size(self) -> int:
        return self.inputs[0].size


def join_small_parameters(program: Program) -> None:
    """Put one update of vectors in the place of equal updates of several small arrays."""
    alike: dict[Any, list[Update]] = {}
    for update in updates_of(program):
        if update.size <= LONGEST // 2:
            alike.setdefault(update.signature, []).append(update)
    for updates in alike.values():
        for group in groups(updates):
            if len(group) > 1:
                join_updates(program, group)


def groups(updates: list[Update]) -> list[list[Update]]:
    """The updates in groups that are not too long together."""
    made: list[list[Update]] = [[]]
    for update in updates:
        if made[-1] and sum(other.size for other in made[-1]) + update.size > LONGEST:
            made.append([])
        made[-1].append(update)
    return made


def updates_of(program: Program) -> list[Update]:
    """The updates that could be joined: entry by entry, of arrays of one shape, of which nobody else reads a result."""
    lines = [line for line in program.lines if line.phase == "update" and any(r.is_array for r in line.results)]
    together = Groups()
    for line in lines:
        for variable in line.reads():
            if variable.is_array and variable.shape:
                together.join(variable, line)
        for result in line.results:
            together.join(result, line)
    parts: dict[Any, list[Line]] = {}
    for line in lines:
        parts.setdefault(together.root(line), []).append(line)
    read_outside = set(filter(lambda v: isinstance(v, Variable), program.returned))
    inside = set(map(id, lines))
    for line in program.lines:
        if id(line) not in inside:
            read_outside.update(line.reads())
    found = [described(program, each, read_outside) for each in parts.values()]
    return [update for update in found if update is not None]


def described(program: Program, lines: list[Line], read_outside: set[Variable]) -> Update | None:
    """One update with its signature; None if it cannot be joined."""
    shape, dtype = lines[0].result.shape, lines[0].result.dtype
    if not shape:
        return None
    inputs: list[Variable] = []
    names: dict[Variable, str] = {}
    rows = []
    for line in lines:
        if not is_elementwise(line.function) or line.options or line.errors or line.called:
            return None
        if line.result.shape != shape or line.result.strides is not None or line.result in read_outside:
            return None
        row = []
        for operand in line.args:
            if isinstance(operand, Variable) and operand.is_array and operand.shape:
                if operand.shape != shape or operand.strides is not None:
                    return None
                if operand not in names:
                    names[operand] = f"input {len(inputs)}"
                    inputs.append(operand)
                row.append(names[operand])
            else:
                row.append(key_of(operand))
        names[line.result] = f"result {len(names)}"
        rows.append((line.function, line.result.dtype, tuple(row)))
    slots = set(program.slots)
    roles = tuple((operand in slots, operand.dtype) for operand in inputs)
    changes = {slot: new for slot, new in program.updates.items() if isinstance(new, Variable) and new in names}
    if not changes or any(slot not in names for slot in changes):
        return None
    ends = tuple(sorted((names[slot], names[new]) for slot, new in changes.items()))
    if any(role[0] and operand not in changes for role, operand in zip(roles, inputs, strict=True)):
        return None
    return Update(lines, inputs, names, (tuple(rows), roles, ends, dtype))


def join_updates(program: Program, group: list[Update]) -> None:
    """One update of vectors for a group of equal ones."""
    first, total = group[0], sum(update.size for update in group)
    vectors: dict[Variable, Variable] = {}
    lines: list[Line] = []
    slots, makers = set(program.slots), program.makers()
    taken = {member for joined in program.joined for member in joined.members}
    needed = returned_memory(program, makers)
    for k, operand in enumerate(first.inputs):
        members = [update.inputs[k] for update in group]
        is_slot = operand in slots
        vector = program.variable((total,), operand.dtype, name=("joined", members))
        if not is_slot:
            members = [into_memory(program, member, makers, taken | needed, lines) for member in members]
            taken.update(members)
            lines.append(Line(join, tuple(members), {}, (vector,), phase="update"))
        program.joined.append(Joined(vector, members, is_slot))
        vectors[operand] = vector
    for line in first.lines:
        result = program.variable((total,), line.result.dtype, name=line.result.name)
        new = dataclasses.replace(line, args=substituted(line.args, vectors), results=(result,))
        result.line = new
        lines.append(new)
        vectors[line.result] = result
    gone = {id(line) for update in group for line in update.lines}
    program.lines = [line for line in program.lines if id(line) not in gone] + lines
    changed = {slot: new for slot, new in program.updates.items() if new in first.names and slot in first.names}
    for update in group:
        for slot in update.inputs:
            program.updates.pop(slot, None)
    for slot, new in changed.items():
        program.updates[vectors[slot]] = vectors[new]


def returned_memory(program: Program, makers: dict[Variable, Line]) -> set[Variable]:
    """What is returned, and what it is a view of."""
    found: set[Variable] = set()
    pending = list(program.returned)
    for value in pending:
        if isinstance(value, Variable):
            found.add(value)
            if value.view and value in makers:
                pending += makers[value].reads()
    return found


def into_memory(
    program: Program, member: Variable, makers: dict[Variable, Line], taken: set[Variable], lines: list[Line]
) -> Variable:
    """The array whose memory can be a part of a vector: itself, if its line can write there; else a copy."""
    line = makers.get(member)
    if line is not None and member not in taken and writes_anywhere(line) and len(line.results) == 1:
        return member
    copy = program.variable(member.shape, member.dtype, name=member.name)
    copy.line = Line(np.positive, (member,), {}, (copy,), phase="backward")
    if line is not None:
        copy.line.place, copy.line.scope = line.place, line.scope
    lines.append(copy.line)
    return copy


def writes_anywhere(line: Line) -> bool:
    """Whether its function takes `out=`, and so can write its result into any memory."""
    function = line.function
    if line.result.strides is not None or line.called or not line.result.shape:
        return False
    if isinstance(function, Draw):
        return function.method in {"random", "standard_normal"} and line.result.dtype.kind == "f"
    return (isinstance(function, np.ufunc) and function.nout == 1) or reduction_of(function) is not None
