"""Operations that return several arrays: one node for the operation, and one below it for each of its results."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from autograd_mini.graph import Node
from autograd_mini.primitive import Primitive, primitives, rule


def rebuilt(like: Any, parts: list[Any]) -> Any:
    """`parts` as a tuple of the type of `like`, which may be a named one."""
    return type(like)(*parts) if hasattr(like, "_fields") else type(like)(parts)


@dataclass(slots=True)
class Cotangents:
    """The cotangents of several results while they are added up; those that nothing used are absent."""

    parts: list[Any]
    shape: Any
    dtype: Any

    def __add__(self, other: Cotangents) -> Cotangents:
        parts = [b if a is None else a if b is None else a + b for a, b in zip(self.parts, other.parts, strict=True)]
        return Cotangents(parts, self.shape, self.dtype)

    def filled(self) -> tuple[Any, ...]:
        """What the rule is given: each cotangent, zeros for those that are absent."""
        like = next(part for part in self.parts if part is not None)
        return tuple(
            np.zeros_like(like, shape=shape, dtype=dtype) if part is None else part
            for part, shape, dtype in zip(self.parts, self.shape, self.dtype, strict=True)
        )


class Outputs:
    """The shapes and dtypes of several results, as a node's own."""

    __slots__ = ("dtype", "shape")

    def __init__(self, results: tuple[Any, ...]) -> None:
        self.shape, self.dtype = zip(*((result.shape, result.dtype) for result in results), strict=True)


def select(results: tuple[Any, ...], index: int) -> Any:
    """The result at `index`."""
    return results[index]


def place(g: Any, _out: Any, _results: Any, index: int) -> Cotangents:
    """The cotangent of one result as that of all."""
    parts = [None] * len(_results.shape)
    parts[index] = g
    return Cotangents(parts, _results.shape, _results.dtype)


rule(select, place)
SELECT: Primitive = primitives.pop(select)  # the engine's own; no user calls it
PLAN = SELECT.plan(0b11)


def output_node(node: Node, index: int, result: Any) -> Node:
    """The node of one of an operation's results."""
    return Node(SELECT, PLAN, [node], [node], None, {"index": index}, result)
