"""Nested lists, tuples, dicts, dataclasses and modules as a flat list of their leaves, and back."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from autograd_mini.tensor import Tensor

Rebuild = Callable[[Iterator[Any]], Any]
SEQUENCES = (list, tuple)
LEAVES = frozenset((Tensor, np.ndarray, float, int, complex, bool))  # known at sight; others may be leaves too


def flatten(tree: Any) -> tuple[list[Any], Callable[[Sequence[Any]], Any]]:
    """The leaves of `tree` in order, and a function that puts other leaves in their places.

    None counts as a container without leaves. An object may say what it is made of by a method
    `__tree_flatten__()`, which returns the same pair; `nn.Module` does.
    """
    leaves: list[Any] = []
    rebuild = walk(tree, leaves)

    def filled(values: Sequence[Any]) -> Any:
        return rebuild(iter(values))

    return leaves, filled


def walk(tree: Any, leaves: list[Any]) -> Rebuild:
    """Append the leaves of `tree`; return how to rebuild it from an iterator over new ones."""
    kind: Any = type(tree)
    if kind in LEAVES:
        leaves.append(tree)
        return next
    if tree is None:
        return lambda _: None
    if hasattr(kind, "__tree_flatten__"):
        own, rebuild = tree.__tree_flatten__()
        leaves.extend(own)
        return lambda values: rebuild([next(values) for _ in own])
    if isinstance(tree, dict):
        parts = {key: walk(part, leaves) for key, part in tree.items()}
        return lambda values: kind((key, part(values)) for key, part in parts.items())
    if isinstance(tree, SEQUENCES):
        items = [walk(part, leaves) for part in tree]
        if hasattr(kind, "_fields"):
            return lambda values: kind(*[part(values) for part in items])
        return lambda values: kind([part(values) for part in items])
    if dataclasses.is_dataclass(tree) and not isinstance(tree, type):
        fields = {field.name: walk(getattr(tree, field.name), leaves) for field in dataclasses.fields(tree)}
        return lambda values: dataclasses.replace(tree, **{name: part(values) for name, part in fields.items()})
    leaves.append(tree)
    return next
