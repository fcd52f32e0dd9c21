"""Each parameter is updated as soon as its gradient is there and nothing reads its old value: memory is free sooner."""

from __future__ import annotations

from autograd_mini.compiling.passes.common import Groups
from autograd_mini.compiling.program import Check, Line, Program, SizeCheck, Variable


def update_early(program: Program) -> None:
    """Move updates up, but never before a line after which the program may still end with nothing changed."""
    lines = program.lines
    place = {id(line): i for i, line in enumerate(lines)}
    makers = program.makers()
    last_check = max((i for i, line in enumerate(lines) if may_end(line)), default=-1)
    updates = [line for line in lines if line.phase == "update" and any(result.is_array for result in line.results)]
    inside = set(map(id, updates))
    slots, together = set(program.slots), Groups()
    first_reader: dict[Variable, Line] = {}
    for line in updates:  # the lines of one parameter stay together
        for variable in line.reads():
            if not variable.is_array:
                continue
            maker = makers.get(variable)
            if maker is not None and id(maker) in inside:
                together.join(line, maker)
            elif variable.shape and variable in slots:
                together.join(line, first_reader.setdefault(variable, line))
    changed = changed_memory(program)
    readers = old_readers(program, changed, inside)
    after: dict[Line, int] = {}
    for line in updates:
        needs = [last_check]
        for variable in line.reads():
            maker = makers.get(variable)
            if maker is not None and id(maker) not in inside:
                needs.append(place[id(maker)])
        for result in line.results:
            needs += [place[id(reader)] for reader in readers.get(result, ())]
        root = together.root(line)
        after[root] = max(after.get(root, -1), *needs)
    read = {variable for line in lines if id(line) not in inside for variable in line.reads()}
    # where another line reads an update's results, a second step goes on from there
    fixed = {together.root(line) for line in updates if not read.isdisjoint(line.results)}
    order = {}
    for i, line in enumerate(lines):
        if id(line) in inside and together.root(line) not in fixed:
            order[id(line)] = (after[together.root(line)], 1, i)
        elif line.results and not any(r.is_array for r in line.results) and only_numbers(line, makers):
            order[id(line)] = (-1, 0, i)
        else:
            order[id(line)] = (i, 0, i)
    program.lines = sorted(lines, key=lambda line: order[id(line)])


def may_end(line: Line) -> bool:
    """Whether the program may end at a line: by a check, or by an error of a function that is called."""
    return isinstance(line.function, Check | SizeCheck) or bool(line.called)


def only_numbers(line: Line, makers: dict[Variable, Line]) -> bool:
    """Whether a line, and all that it is computed from, are Python numbers."""
    pending = [line]
    for each in pending:
        for variable in each.reads():
            if variable.is_array:
                return False
            if variable in makers:
                pending.append(makers[variable])
    return line.pure


def changed_memory(program: Program) -> dict[Variable, list[Variable]]:
    """For each new value of a slot, the variables whose memory it is written into: the slot, or its parts."""
    members = {joined.vector: joined.members for joined in program.joined}
    return {
        new: [slot, *members.get(slot, ())]
        for slot, new in program.updates.items()
        if isinstance(new, Variable) and slot.is_array
    }


def old_readers(
    program: Program, changed: dict[Variable, list[Variable]], inside: set[int]
) -> dict[Variable, list[Line]]:
    """For each new value the lines, no updates, that read the old one or a view of it."""
    new_of = {slot: new for new, slots in changed.items() for slot in slots}
    found: dict[Variable, list[Line]] = {}
    owner: dict[Variable, Variable] = dict(new_of)
    for line in program.lines:
        for variable in line.reads():
            if variable in owner:
                if id(line) not in inside:
                    found.setdefault(owner[variable], []).append(line)
                for result in line.results:
                    if result.view:
                        owner[result] = owner[variable]
    return found
