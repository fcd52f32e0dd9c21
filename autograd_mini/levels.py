"""What the engine knows of batching: inside of which vmaps a value was made, and how a cotangent gets out of them.

A level is one call of `vmap`. All that is asked of it here is `summed`, the sum over its examples; batches themselves
live in `batching`, which the engine does not import.
"""

from __future__ import annotations

from typing import Any

from autograd_mini.graph import Node, Record, modes


class recording:  # noqa: N801 (reads as a statement)
    """Record inside of these vmaps, and of no others."""

    def __init__(self, levels: tuple[Any, ...]) -> None:
        self.levels = levels

    def __enter__(self) -> None:
        self.outer, modes.levels = modes.levels, self.levels

    def __exit__(self, *exception: object) -> None:
        modes.levels = self.outer


def joined(levels: tuple[Any, ...], record: Record) -> tuple[Any, ...]:
    """The vmaps of a record, besides those given."""
    return (*levels, *(level for level in record.levels if level not in levels))


def without(*levels: Any) -> tuple[Any, ...]:
    """The vmaps that this thread is in, but for some."""
    return tuple(level for level in modes.levels if level not in levels)


def left(part: Any, node: Node, parent: Record) -> Any:
    """A cotangent that goes from an operation inside of vmaps to an operand that was made outside of some of them.

    All their examples read the same operand, so it gets the sum: the adjoint of broadcasting. An operation that enters
    a level, which is among its options, has done so itself.
    """
    gone: list[Any] = []
    for level in reversed(node.levels):
        if level not in parent.levels and node.options.get("level") is not level:
            gone.append(level)
            with recording(without(*gone)):
                part = level.summed(part)
    return part
