"""Runs of element-wise lines over large arrays go through them tile by tile, so that each tile stays in the cache."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from autograd_mini.compiling.program import Line, Program, Variable, is_elementwise, shape_of

LARGE = 2**18  # entries of an array from which on tiles pay
TILE = 2**15  # entries of a tile; twice as many are as quick, and hold more memory


@dataclass(eq=False)
class Tiles:
    """Lines that are computed for some rows, and then for the next.

    Attributes
    ----------
    lines : list of Line
    rows, step : int
        How many rows the arrays have, and how many a tile has; the last tile may have fewer.
    inside : set of Variable
        The results that nothing else reads, of which only one tile is kept; none where threads share the lines.
    """

    lines: list[Line]
    rows: int
    step: int
    inside: set[Variable] = field(default_factory=set)


def tile(program: Program) -> None:
    """Find the runs; `program.tiles` tells for each of their lines which it belongs to."""
    run: list[Line] = []
    returned = set(map(id, program.returned))  # their memory is made anew in each call, whole
    for line in [*program.lines, None]:
        is_one = line is not None and fits(line) and id(line.result) not in returned
        if line is not None and is_one and (not run or goes_on(program, run[0], line)):
            run.append(line)
            continue
        if len(run) > 1:
            add(program, run)
        run = [line] if line is not None and is_one else []


def goes_on(program: Program, first: Line, line: Line) -> bool:
    """Whether a line can be in the run that another begins: of its rows, its errors, and shared by threads alike."""
    alike = line.result.shape == first.result.shape and line.errors == first.errors
    return alike and program.shares.get(line) is program.shares.get(first)


def fits(line: Line) -> bool:
    """Whether a line can be computed row by row: entry by entry, of arrays of its shape and of vectors along a row."""
    if not line.results or not is_elementwise(line.function) or line.options or line.called:
        return False
    shape = line.result.shape
    if not shape or math.prod(shape) < LARGE or line.result.strides is not None:
        return False
    for operand in line.args:
        if isinstance(operand, Variable) and operand.strides is not None:
            return False
        if isinstance(operand, Variable) and operand.view and operand.shape == shape:
            return False
        if shape_of(operand) not in {(), shape, *([shape[1:], (1, *shape[1:])] if len(shape) > 1 else [])}:
            return False
    return True


def add(program: Program, lines: list[Line]) -> None:
    """Note a run, with the results that are read in it alone."""
    shape = lines[0].result.shape
    step = max(1, TILE // max(1, math.prod(shape[1:])))
    if shape[0] < 2 * step:
        return
    readers, outputs = program.readers(), set(program.outputs())
    members = {member for joined in program.joined for member in (joined.vector, *joined.members)}
    inside = {
        line.result
        for line in lines
        if line not in program.shares
        and line.result not in outputs | members
        and all(reader in lines for reader in readers.get(line.result, ()))
    }
    tiles = Tiles(lines, shape[0], step, inside)
    program.tiles.update(dict.fromkeys(lines, tiles))
