"""Batching rules of reading and writing by index: the examples are one more axis in front, or one more index array."""

from typing import Any, NamedTuple

import numpy as np

from autograd_mini.batching.batch import Batch, any_batched, batching_rule, is_batched, padded, rules
from autograd_mini.batching.operands import flattened, inner_axis, lengths, ndim, values_of
from autograd_mini.rules import indexing
from autograd_mini.rules.indexing import getitem

BOOLEAN = np.dtype(bool)


class Parts(NamedTuple):
    """An index taken apart."""

    parts: list[Any]
    advanced: list[int]  # the parts that NumPy broadcasts with each other, if an array is among them
    adjacent: bool  # they stand next to each other, so that their axes stay where they are


def is_mask(part):
    """Whether a part of an index is an array of truth values."""
    return getattr(part, "dtype", None) == BOOLEAN


def parts_of(index):
    """An index taken apart; None if a truth value is a part of it, which NumPy takes for an array."""
    parts = list(index) if isinstance(index, tuple) else [index]
    if any(isinstance(part, bool | np.bool_) or (is_mask(part) and not ndim(part)) for part in parts):
        return None
    arrays = [i for i, part in enumerate(parts) if isinstance(part, np.ndarray | list | Batch)]
    numbers = [i for i, part in enumerate(parts) if isinstance(part, int | np.integer)]
    advanced = sorted(arrays + numbers) if arrays else []
    adjacent = not advanced or advanced == list(range(advanced[0], advanced[0] + len(advanced)))
    return Parts(parts, advanced, adjacent)


def rank_of(parts):
    """How many axes the arrays of an index make."""
    ranks = [0]
    for i in parts.advanced:
        part = parts.parts[i]
        ranks.append(1 if is_mask(part if hasattr(part, "dtype") else np.asarray(part)) else ndim(part))
    return max(ranks)


def same_for_all(index):
    """For an index that is the same for all examples: the index of the values, and where the examples are then."""
    if type(index) is int:  # as most are
        return (slice(None), index), 0
    parts = parts_of(index)
    if parts is None:
        return None
    return (slice(None), *parts.parts), 0 if parts.adjacent else rank_of(parts)


def one_for_each(index, axes, level):
    """For an index that differs among the examples: that of the values, and where its axes belong.

    The examples become one more index array, so that its axes come right behind them: they are to be moved to `start`.
    """
    parts = parts_of(index)
    if parts is None or any(map(is_mask, parts.parts)):
        return None
    if any(part is Ellipsis for part in parts.parts):
        here = next(i for i, part in enumerate(parts.parts) if part is Ellipsis)
        taken = sum(part is not None and part is not Ellipsis for part in parts.parts)
        filled = [*parts.parts[:here], *[slice(None)] * (axes - taken), *parts.parts[here + 1 :]]
        parts = parts_of(tuple(filled))
    rank = rank_of(parts)
    before = parts.parts[: parts.advanced[0]]
    start = len(before) if parts.adjacent else 0
    examples = np.reshape(np.arange(level.size), (level.size,) + (1,) * rank)
    return (examples, *(padded(part, rank, level) for part in parts.parts)), rank, start


def to_start(values, rank, start):
    """The axes of the index arrays from behind the examples to where they belong."""
    return np.moveaxis(values, range(1, rank + 1), range(start + 1, start + rank + 1)) if start and rank else values


def from_start(values, rank, start):
    """The other way."""
    return np.moveaxis(values, range(start + 1, start + rank + 1), range(1, rank + 1)) if start and rank else values


@batching_rule(getitem)
def read(level, a, index):
    shared = not any_batched(index)
    if shared and isinstance(index, int | slice) and not isinstance(index, bool):  # the most frequent ones, soon
        return Batch(a.values[:, index], level)
    if shared:
        found = same_for_all(index)
        if found is None:
            return NotImplemented
        out = getitem(a.values, index=found[0])
        return Batch(np.moveaxis(out, found[1], 0) if found[1] else out, level)
    found = one_for_each(index, ndim(a), level)
    if found is None:
        return NotImplemented
    inner, rank, start = found
    return Batch(to_start(getitem(values_of(a, level), index=inner), rank, start), level)


@batching_rule(indexing.add_at)
def add_at(level, values, index, shape):
    shape = (level.size, *lengths(shape))
    if type(index) is int or not any_batched(index):
        found = same_for_all(index)
        if found is None:
            return NotImplemented
        given = np.moveaxis(values.values, 0, found[1]) if found[1] else values.values
        return Batch(indexing.add_at(given, index=found[0], shape=shape), level)
    found = one_for_each(index, len(shape) - 1, level)
    if found is None:
        return NotImplemented
    inner, rank, start = found
    return Batch(indexing.add_at(from_start(values_of(values, level), rank, start), index=inner, shape=shape), level)


def writing(function):
    """A rule for functions that put values at an index of a copy."""

    def rule(level, a, values, index):
        if not any_batched(index):
            found = same_for_all(index)
            if found is None:
                return NotImplemented
            given = values_of(values, level)
            given = np.moveaxis(given, 0, found[1]) if found[1] else given
            return Batch(function(values_of(a, level), given, index=found[0]), level)
        found = one_for_each(index, ndim(a), level)
        if found is None:
            return NotImplemented
        inner, rank, start = found
        given = from_start(values_of(values, level), rank, start)
        return Batch(function(values_of(a, level), given, index=inner), level)

    return rule


for function in (indexing.set_at, indexing.maximum_at, indexing.minimum_at):
    rules[function] = writing(function)


@batching_rule(np.take)
def take(level, a, indices, axis=None, mode="raise"):
    if axis is None or not ndim(a):
        a, axis = np.reshape(a, (-1,)), 0
    axis = axis % a.ndim
    if not is_batched(a, level):  # a table that all examples read
        out = np.take(a, indices.values, axis, mode=mode)
        return Batch(np.moveaxis(out, axis, 0) if axis else out, level)
    if not is_batched(indices, level):
        return Batch(np.take(a.values, indices, axis + 1, mode=mode), level)
    if mode != "raise":
        return NotImplemented
    return getitem(a, index=(*(slice(None),) * axis, indices))


@batching_rule(indexing.add_taken)
def add_taken(level, values, indices, axis, length, mode):
    if not is_batched(indices, level):
        return Batch(indexing.add_taken(values.values, indices, axis + 1, length, mode), level)
    if mode != "raise" or axis:
        return NotImplemented
    # The tables of all examples below each other are one long table.
    given, rest = values_of(values, level), values.shape[indices.ndim :]
    places = np.where(indices.values < 0, indices.values + length, indices.values)
    starts = np.reshape(np.arange(level.size) * length, (level.size,) + (1,) * indices.ndim)
    rows = np.reshape(given, (level.size * indices.size, *rest))
    total = indexing.add_taken(rows, np.reshape(places + starts, (-1,)), 0, level.size * length, "raise")
    return Batch(np.reshape(total, (level.size, length, *rest)), level)


@batching_rule(np.repeat)
def repeat(level, a, repeats, axis=None):
    if any_batched(repeats):
        return NotImplemented
    flat = axis is None or not a.ndim
    values, place = (flattened(a, level), 1) if flat else (a.values, inner_axis(axis, a.ndim))
    return Batch(np.repeat(values, repeats, place), level)


@batching_rule(np.diagonal)
def diagonal(level, a, offset=0, axis1=0, axis2=1):
    return Batch(np.diagonal(a.values, offset, inner_axis(axis1, a.ndim), inner_axis(axis2, a.ndim)), level)


@batching_rule(indexing.put_diagonal)
def put_diagonal(level, values, shape, offset, axis1, axis2):
    axes = inner_axis(axis1, len(shape)), inner_axis(axis2, len(shape))
    return Batch(indexing.put_diagonal(values.values, (level.size, *shape), offset, *axes), level)


@batching_rule(np.diag)
def diag(level, v, k=0):
    if v.ndim == 2:
        return Batch(np.diagonal(v.values, k, 1, 2), level)
    n = v.shape[0] + abs(k)
    return Batch(indexing.put_diagonal(v.values, (level.size, n, n), k, 1, 2), level)


rules[np.diagflat] = lambda _level, v, k=0: np.diag(np.reshape(v, (-1,)), k)
