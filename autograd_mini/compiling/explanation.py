"""What became of a step: how many operations were recorded, which pass removed how many, memory, and what is called."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from autograd_mini.compiling.bound import Bound

PASSES = {
    "merge_equal_counts": "equal counts are one",
    "drop_dead": "lines whose results nobody needs",
    "lower": "copies and casts that change nothing",
    "fold_constants": "what is known: constants, broadcasts, factors 1",
    "merge_equal_lines": "equal lines are computed once",
    "join_small_parameters": "small parameters are updated as one vector",
    "tile": "large arrays are gone through in tiles",
    "update_early": "updates moved to their gradients",
}


@dataclass(frozen=True)
class Explanation:
    """What became of the calls of one kind; it prints as text.

    Attributes
    ----------
    name : str
        The step's.
    recorded, lines : int
        How many operations were recorded, and how many calls the program has.
    removed : dict
        For each pass, in words, how many lines it removed.
    memory, apart, vectors : int
        Bytes of the block that intermediate arrays share, what they would take apart, and bytes of the vectors of
        gradients.
    called : dict
        Functions that the program calls as they are, and why their lines are not in it.
    programs : int
        How many kinds of calls have a program.
    seconds : float
        That making this one took, besides the recorded calls.
    """

    name: str
    recorded: int
    lines: int
    removed: dict[str, int]
    memory: int
    apart: int
    vectors: int
    called: dict[str, str]
    programs: int
    seconds: float

    def __str__(self) -> str:
        rows = [
            f"{self.name}: {self.recorded} operations became {self.lines} lines, in {self.seconds * 1e3:.0f} ms.",
            *(f"  {count:5d} removed: {what}" for what, count in self.removed.items() if count),
            f"  Intermediate arrays share {self.memory:,} bytes; apart they would take {self.apart:,}."
            + (f" Gradients in vectors take {self.vectors:,}." if self.vectors else ""),
        ]
        rows += [f"  {function} is called: {why}." for function, why in self.called.items()]
        rows.append(f"  {self.programs} kind{'s' if self.programs != 1 else ''} of calls with a program.")
        return "\n".join(rows)

    __repr__ = __str__


def explanation_of(bound: Bound, programs: int) -> Explanation:
    """What became of the calls of one kind."""
    removed: dict[str, int] = {}
    for name, count in bound.program.log:
        what = PASSES.get(name, name.replace("_", " "))
        removed[what] = removed.get(what, 0) + count
    called: dict[str, Any] = {}
    for line in bound.program.lines:
        if line.called:
            called.setdefault(getattr(line.function, "__name__", repr(line.function)), line.called)
    storage = bound.storage
    vectors = sum(joined.vector.nbytes for joined in bound.program.joined if not joined.is_slot)
    return Explanation(
        bound.name,
        bound.recorded,
        len(bound.program.lines),
        removed,
        storage.arena,
        storage.apart,
        vectors,
        called,
        programs,
        bound.seconds,
    )
