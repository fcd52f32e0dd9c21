"""Where each array of a program lives: in a slot, in one block of memory that arrays share by turns, or by itself."""

from __future__ import annotations

import math
import operator
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograd_mini.compiling.passes.joining import writes_anywhere
from autograd_mini.compiling.passes.ordering import may_end
from autograd_mini.compiling.program import (
    VIEWS,
    Accumulated,
    Constant,
    Line,
    Program,
    Variable,
    is_copy,
    is_elementwise,
    is_plain_index,
    join,
    variables_in,
)

ALIGNMENT = 64  # bytes; a cache line


@dataclass(slots=True, eq=False)
class Place:
    """Memory for one array, or for several one after the other.

    `kind` is "argument", "slot" (which outlives a call), "constant", "block" (a part of the shared memory), "joined" (a
    vector of small arrays, or a part of one), or "local" (made anew in each call).
    """

    kind: str
    owner: Variable  # the first array that lives there
    shape: tuple[int, ...]
    dtype: Any
    first: int = 0
    last: int = 0
    offset: int = 0

    @property
    def nbytes(self) -> int:
        return max(1, math.prod(self.shape)) * int(np.dtype(self.dtype).itemsize)


class Storage:
    """The places of all arrays of a program.

    Attributes
    ----------
    places : dict
        The place of each array that is no view.
    views : dict
        For each view its line.
    arena : int
        Bytes of the block that arrays share.
    apart : int
        Bytes that they would take without.
    """

    def __init__(self, program: Program) -> None:
        self.program, self.lines = program, program.lines
        self.places: dict[Variable, Place] = {}
        self.views: dict[Variable, Line] = {}
        self.parts: dict[Variable, Variable] = {}  # an array that is a part of a vector, and the vector
        self.members: dict[Variable, list[Variable]] = {}
        self.tenants: dict[Place, list[Variable]] = {}  # the arrays that live in a slot's memory by turns
        self.numbers = {line: i for i, line in enumerate(self.lines)}
        self.inputs()
        self.find_views()
        self.last_use()
        self.assign()
        self.arrange()

    def inputs(self) -> None:
        """What is there before the first line."""
        program = self.program
        for kind, variables in (("argument", program.arguments), ("slot", program.slots)):
            for variable in variables:
                if variable.is_array:
                    self.places[variable] = Place(kind, variable, variable.shape, variable.dtype)
        for vector, members, is_slot, _ in program.joined:
            kind = "slot" if is_slot else "joined"
            self.places[vector] = Place(kind, vector, vector.shape, vector.dtype)
            self.members[vector] = members
            for member in members:
                self.parts[member] = vector

    def find_views(self) -> None:
        """What is an expression without a call; and the other results that may show memory of their line's operands."""
        for line in self.lines:
            view = line.function in VIEWS and not line.called and line.results and line.result.view
            if view and not variables_in(line.args[1:]):
                if line.function is operator.getitem and not is_plain_index(line.args[1]):
                    continue
                if isinstance(line.args[0], Variable | Constant):
                    self.views[line.result] = line
        self.showing: dict[Variable, Line] = {
            r: line for line in self.lines for r in line.results if r.is_array and r.view and r not in self.views
        }

    def root(self, variable: Variable) -> Any:
        """The array whose memory a view shows; a constant, if it is one's."""
        while variable in self.views:
            variable = self.views[variable].args[0]
        return variable

    def roots(self, variable: Variable) -> set[Any]:
        """All arrays whose memory a variable shows, or may show."""
        root = self.root(variable)
        found = {root}
        if root in self.showing:
            found.update(*(self.roots(v) for v in self.showing[root].reads() if v.is_array))
        return found

    def last_use(self) -> None:
        """The number of the last line that reads each array, or a view of it; of what is needed at the end, beyond."""
        self.last: dict[Any, int] = {}
        for i, line in enumerate(self.lines):
            for variable in line.reads():
                self.use(variable, i)
        for variable in self.program.outputs():
            self.use(variable, len(self.lines))

    def use(self, variable: Variable, i: int) -> None:
        root = self.root(variable)
        self.last[root] = max(i, self.last.get(root, 0))
        if root in self.parts:
            self.last[self.parts[root]] = max(i, self.last.get(self.parts[root], 0))
        if root in self.showing:
            for operand in self.showing[root].reads():
                self.use(operand, i)

    def assign(self) -> None:
        """Give each result its place, line by line."""
        program = self.program
        self.final = {new: slot for slot, new in program.updates.items() if isinstance(new, Variable)}
        returned = set[Any]().union(*(self.roots(v) for v in program.returned if isinstance(v, Variable)))
        last_end = max((i for i, line in enumerate(self.lines) if may_end(line)), default=-1)
        for i, line in enumerate(self.lines):
            if line.function is join:
                continue
            for result in line.results:
                if not result.is_array or result in self.views:
                    continue
                if result in self.parts:
                    self.places[result] = Place("joined", result, result.shape, result.dtype)
                    continue
                loop = program.loops.get(line)
                if loop is not None and result in loop.inside:
                    self.places[result] = Place("register", result, result.shape, result.dtype)
                    continue
                free = writes_anywhere(line) or is_copy(line) or loop is not None
                changes = isinstance(line.function, Accumulated)
                place = None
                if line in program.tiles and result in program.tiles[line].inside:
                    place = self.in_operand(i, line, result) or self.tile(i, line, result)
                elif (free or changes) and result not in returned:
                    if i > last_end and result not in self.parts:
                        place = self.in_slot(i, line, result)
                    place = place if changes else place or self.in_operand(i, line, result) or self.block(i, result)
                place = place or Place("local", result, result.shape, result.dtype, i)
                self.places[result] = place
                self.tenants.setdefault(place, []).append(result)

    def tile(self, i: int, line: Line, result: Variable) -> Place:
        """Memory for one tile of a result."""
        shape = (self.program.tiles[line].step, *result.shape[1:])
        return Place("tile", result, shape, result.dtype, i, self.last.get(result, i))

    def block(self, i: int, result: Variable) -> Place:
        return Place("block", result, result.shape, result.dtype, i, self.last.get(result, i))

    def in_slot(self, i: int, line: Line, result: Variable) -> Place | None:
        """The memory of a slot: of the one whose new value this is, or one that will be overwritten anyway."""
        slots = [self.final[result]] if result in self.final else []
        if in_place(line) or line in self.program.loops:
            changing = set(self.final.values())
            slots += [a for a in line.args if isinstance(a, Variable) and a in changing and self.last.get(a, -1) <= i]
        for slot in slots:
            if (
                not slot.is_array
                or (slot.shape, slot.dtype) != (result.shape, result.dtype)
                or slot.strides is not None
            ):
                continue
            place = self.places[slot]
            memory = {slot, *self.members.get(slot, ()), *self.tenants.get(place, ())}
            if self.is_read_later(memory, i) or any(
                self.is_read_otherwise(memory, place, each) for each in self.together(line)
            ):
                continue
            if self.is_written_between(slot, i, self.last.get(result, i), result) or self.crosses(memory, line):
                continue
            return place
        return None

    def is_read_later(self, memory: set[Variable], i: int) -> bool:
        return any(self.last.get(variable, -1) > i for variable in memory)

    def is_read_otherwise(self, memory: set[Variable], place: Place, line: Line) -> bool:
        """Whether a line reads memory that it is to write in another way than entry by entry."""
        others = [v for v in line.reads() if not memory.isdisjoint(self.roots(v))]
        if isinstance(line.function, Accumulated):
            others = [v for v in line.args[1:] if not memory.isdisjoint(self.roots(v))]
        elif (is_elementwise(line.function) and is_same_in_place(line)) or line in self.program.loops:
            others = [v for v in others if self.places.get(v) is not place]
        return bool(others)

    def is_written_between(self, slot: Variable, i: int, last: int, result: Variable) -> bool:
        """Whether another line would write into a slot while a value that was put there is still read."""
        new = next((new for new, other in self.final.items() if other is slot), None)
        return new is not result and any(new in line.results for line in self.lines[i + 1 : last])

    def crosses(self, memory: set[Variable], line: Line) -> bool:
        """Whether threads that share a line, which writes its rows into memory, may still read others of its rows."""
        share = self.program.shares.get(line)
        if share is None:
            return False
        return any(
            not memory.isdisjoint(self.roots(v)) and (v in self.views or not share.reads_by_rows(each, v))
            for each in share.ways
            for v in each.reads()
            if v.is_array
        )

    def living(self, array: Variable) -> set[Variable]:
        """The arrays that live where this one does."""
        return {array, *self.members.get(array, ()), *self.tenants.get(self.places[array], ())}

    def in_operand(self, i: int, line: Line, result: Variable) -> Place | None:
        """The memory of an operand that nobody reads afterwards, of an operation entry by entry."""
        loop = self.program.loops.get(line)
        if loop is None and not (is_elementwise(line.function) and is_same_in_place(line)):
            return None
        first, last = (i, i) if loop is None else (self.numbers[loop.lines[0]], self.numbers[loop.lines[-1]])
        together = self.together(line)
        tiles = self.program.tiles.get(line)
        inside = tiles is not None and result in tiles.inside
        operands = line.args if loop is None else [a for each in loop.lines for a in each.args]
        for operand in operands:  # a loop writes an entry after it has read all of the operands'
            if not isinstance(operand, Variable) or (operand.shape, operand.dtype) != (result.shape, result.dtype):
                continue
            place = self.places.get(operand)
            if place is None or operand in self.views or not first <= self.last.get(operand, -1) <= last:
                continue
            if place.kind == "register" or any(
                other is not operand and operand in self.roots(other) for each in together for other in each.reads()
            ):
                continue
            if (place.kind == "tile") is not inside or self.crosses(self.living(operand), line):
                continue
            if place.kind in {"block", "tile"} and first <= place.last <= last:
                place.last = self.last.get(result, i)
                return place
            if place.kind == "joined" and operand not in self.parts:
                return place
        return None

    def arrange(self) -> None:
        """Give each block a part of the shared memory: the largest first, where nothing else lives at the time."""
        shared = {"block", "tile"}
        blocks = list({id(place): place for place in self.places.values() if place.kind in shared}.values())
        for block in blocks:  # the lines of one run are one moment
            block.first, block.last = self.moment(block.first)[0], self.moment(block.last)[1]
        placed: list[Place] = []
        for block in sorted(blocks, key=lambda place: -place.nbytes):
            size, start = rounded(block.nbytes), 0
            for other in sorted(
                (p for p in placed if p.first <= block.last and block.first <= p.last), key=lambda p: p.offset
            ):
                if start + size <= other.offset:
                    break
                start = max(start, other.offset + rounded(other.nbytes))
            block.offset = start
            placed.append(block)
        self.blocks = blocks
        self.arena = max((block.offset + rounded(block.nbytes) for block in blocks), default=0)
        self.apart = sum(rounded(variable.nbytes) for variable, place in self.places.items() if place.kind in shared)

    def together(self, line: Line) -> list[Line]:
        """The lines that are computed together with a line: those that threads share, of its tiles, or of its loop."""
        program = self.program
        group = program.shares.get(line) or program.tiles.get(line) or program.loops.get(line)
        return [line] if group is None else group.lines

    def moment(self, i: int) -> tuple[int, int]:
        """The first and the last of the lines that are computed together with line i."""
        if i >= len(self.lines):
            return i, i
        together = self.together(self.lines[i])
        return self.numbers[together[0]], self.numbers[together[-1]]

    def is_static(self, variable: Any) -> bool:
        """Whether a view of an array can be made once, before the first call."""
        root = self.root(variable)
        return isinstance(root, Constant) or self.places[root].kind in {"slot", "block", "joined"}


def aligned(shape, dtype):  # type: ignore[no-untyped-def]
    """An array that begins with a line of the cache, which products and sums go through quicker."""
    array = np.empty(shape, dtype)
    room = np.empty(array.nbytes + 64, np.uint8)
    start = -room.ctypes.data % 64
    return room[start : start + array.nbytes].view(dtype).reshape(shape)


def in_place(line: Line) -> bool:
    """Whether a line may write its result into an operand of its size."""
    return is_elementwise(line.function) or isinstance(line.function, Accumulated)


def is_same_in_place(line: Line) -> bool:
    """Whether an operation gives the same bits where it writes into an operand: NumPy has other loops then."""
    return line.result.dtype.kind != "c" and line.result.dtype != np.float16


def rounded(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT
