"""What the engine knows of batching: inside of which vmaps a value was made, and how a cotangent gets out of them.

A level is one call of `vmap`. All that is asked of it here is `summed`, the sum over its examples; batches themselves
live in `batching`, which the engine does not import.
"""

from __future__ import annotations

from typing import Any

from autograd_mini.graph import Node, Record, modes


def joined(levels: tuple[Any, ...], record: Record) -> tuple[Any, ...]:
    """The vmaps of a record, besides those given."""
    return (*levels, *(level for level in record.levels if level not in levels))


class inside:  # noqa: N801 (reads as a statement)
    """Record as where `record` was made: inside of its vmaps, besides those that this thread is in."""

    def __init__(self, record: Record) -> None:
        self.record = record

    def __enter__(self) -> None:
        self.outer = modes.levels
        modes.levels = joined(self.outer, self.record)

    def __exit__(self, *exception: object) -> None:
        modes.levels = self.outer


def without(level: Any) -> tuple[Any, ...]:
    """The vmaps that this thread is in, but for one."""
    return tuple(one for one in modes.levels if one is not level)


def left(part: Any, node: Node, parent: Record) -> Any:
    """A cotangent that goes from an operation inside of vmaps to an operand that was made outside of some of them.

    All their examples read the same operand, so it gets the sum: the adjoint of broadcasting. An operation that enters
    a level, which is among its options, has done so itself.
    """
    before = modes.levels
    try:
        for level in reversed(node.levels):
            if level not in parent.levels and node.options.get("level") is not level:
                modes.levels = without(level)
                part = level.summed(part)
    finally:
        modes.levels = before
    return part
