"""What makes a recorded program short and quick, pass by pass; each keeps every bit, but for those of `fast`."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from autograd_mini.compiling.passes.common import merge_equal_lines
from autograd_mini.compiling.passes.constants import fold_constants
from autograd_mini.compiling.passes.counts import merge_equal_counts
from autograd_mini.compiling.passes.joining import join_small_parameters
from autograd_mini.compiling.passes.loops import find_loops
from autograd_mini.compiling.passes.lowering import lower
from autograd_mini.compiling.passes.ordering import update_early
from autograd_mini.compiling.passes.shares import share_lines
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
ORDER: tuple[Pass, ...] = (update_early, Program.drop_dead)


class Options(NamedTuple):
    """What a program may be, beyond eager's bits by one thread in NumPy's calls.

    Attributes
    ----------
    before, after : tuple
        Passes that change rounding: those before small parameters are joined, and those afterwards.
    loops : bool
        Whether Numba compiles element-wise runs.
    threads : int
        How many share large arrays.
    """

    before: tuple[Pass, ...] = ()
    after: tuple[Pass, ...] = ()
    loops: bool = False
    threads: int = 1

    @property
    def exact(self) -> bool:
        """Whether the program must give eager's bits."""
        return not self.before and self.threads == 1


def optimise(program: Program, options: Options) -> None:
    """Run the passes; the program keeps a log."""
    program.threads = options.threads
    shared = (share_lines,) if options.threads > 1 else ()
    last = (find_loops,) if options.loops else ()
    for each in (*EXACT, *options.before, join_small_parameters, *options.after, *ORDER, *shared, tile, *last):
        before = len(program.lines)
        each(program)
        program.log.append((each.__name__, before - len(program.lines)))
    for line in program.lines:
        for result in line.results:
            result.line = line
