"""What makes a recorded program short and quick, pass by pass; each keeps every bit, but for those of `fast`."""

from __future__ import annotations

from collections.abc import Callable

from autograd_mini.compiling.passes.common import merge_equal_lines
from autograd_mini.compiling.passes.constants import fold_constants
from autograd_mini.compiling.passes.counts import merge_equal_counts
from autograd_mini.compiling.passes.joining import join_small_parameters
from autograd_mini.compiling.passes.lowering import lower
from autograd_mini.compiling.passes.ordering import update_early
from autograd_mini.compiling.passes.tiling import tile
from autograd_mini.compiling.program import Program

Pass = Callable[[Program], None]
EXACT: tuple[Pass, ...] = (
    merge_equal_counts,
    Program.drop_dead,
    lower,
    fold_constants,
    fold_constants,
    merge_equal_lines,
    Program.drop_dead,
)
LAYOUT: tuple[Pass, ...] = (join_small_parameters, update_early, Program.drop_dead, tile)


def optimise(program: Program, more: tuple[Pass, ...] = ()) -> None:
    """Run the passes, `more` of them between those on lines and those on memory; the program keeps a log of them."""
    for each in (*EXACT, *more, *LAYOUT):
        before = len(program.lines)
        each(program)
        program.log.append((each.__name__, before - len(program.lines)))
    for line in program.lines:
        for result in line.results:
            result.line = line
