"""Sequences of unequal length as one array: each is padded at its end, and `lengths` says how many steps each has.

What layers do with `lengths` lives in them, and which examples make up a batch is not known here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from autograd_mini import Tensor, everywhere
from nn.checks import all_values, as_values, is_batch, whole

LENGTHS = (
    "{title} was given lengths {got} for an input of shape {shape}. Write for each of the {examples} examples how many "
    "steps it has, a whole number from 1 to {steps}; what comes after them is padding."
)
COUNTS = "sequence_mask was given {got}. Write how many steps each example has: whole numbers, one for each."
STEPS = "sequence_mask(steps={steps}): the longest of the sequences has {longest}."
NO_SEQUENCES = "pad_sequences was given no sequences. Leave empty batches out."
STEPLESS = (
    "pad_sequences was given as sequence {i} {got}. A sequence is an array whose first axis counts its steps, one or "
    "more: leave empty ones out."
)
UNLIKE = (
    "pad_sequences was given sequences whose steps have the shapes {first} and, in sequence {i}, {other}. They may "
    "differ in their number of steps alone."
)
FILL = (
    "pad_sequences(fill={fill!r}) cannot be held by sequences of dtype {dtype}. Convert them first, or write another."
)
TENSOR = (
    "pad_sequences was given tensors, whose history would be lost: it prepares data. Pad arrays, and give the padded "
    "one to the model."
)


def pad_sequences(sequences: Iterable[Any], *, fill: Any = 0) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Sequences as one array, each padded at its end to the longest of them, and how long each was.

    Parameters
    ----------
    sequences : iterable of array_like
        Each of shape (its steps, ...), alike but for the steps.
    fill : number
        What stands after the end of a sequence.

    Returns
    -------
    padded : ndarray
        Shape (examples, longest, ...).
    lengths : ndarray of int
        Shape (examples,): what the layers of `nn` take as `lengths`.

    Raises
    ------
    ValueError
        If there are no sequences, one has no steps, or they differ in more than their steps.
    TypeError
        If their dtype cannot hold `fill`, or they are tensors.

    Examples
    --------
    >>> import nn
    >>> padded, lengths = nn.pad_sequences([[3, 1, 4], [1], [5, 9]])
    >>> padded.tolist(), lengths.tolist()
    ([[3, 1, 4], [1, 0, 0], [5, 9, 0]], [3, 1, 2])
    """
    sequences = list(sequences)
    if any(isinstance(sequence, Tensor) and sequence.requires_grad for sequence in sequences):
        raise TypeError(TENSOR)
    arrays = [as_values(sequence) for sequence in sequences]
    if not arrays:
        raise ValueError(NO_SEQUENCES)
    for i, array in enumerate(arrays):
        if not array.ndim or not len(array):
            got = f"one of shape {array.shape}" if array.ndim else f"a {type(sequences[i]).__name__}"
            raise ValueError(STEPLESS.format(i=i, got=got))
        if array.shape[1:] != arrays[0].shape[1:]:
            raise ValueError(UNLIKE.format(first=arrays[0].shape[1:], i=i, other=array.shape[1:]))
    dtype = np.result_type(*(array.dtype for array in arrays))
    with np.errstate(invalid="ignore"):
        filler = np.asarray(fill).astype(dtype)
    if filler.shape or not np.array_equal(filler, fill, equal_nan=True):
        raise TypeError(FILL.format(fill=fill, dtype=dtype))
    lengths = np.array([len(array) for array in arrays])
    padded = np.full((len(arrays), lengths.max(), *arrays[0].shape[1:]), filler)
    for row, array in zip(padded, arrays, strict=True):
        row[: len(array)] = array
    return padded, lengths


def sequence_mask(lengths: Any, steps: int | None = None) -> np.ndarray[Any, Any]:
    """Which steps of padded sequences are there: True at each example's first `lengths` ones.

    Parameters
    ----------
    lengths : array_like of int
        Shape (examples,).
    steps : int, optional
        How many steps the padded sequences have, by default those of the longest.

    Returns
    -------
    ndarray of bool
        Shape (examples, steps).

    Raises
    ------
    ValueError
        If the lengths are no whole numbers from 0 on, one for each example, or there are fewer steps.

    Examples
    --------
    >>> import nn
    >>> nn.sequence_mask([2, 1, 3]).astype(int).tolist()
    [[1, 1, 0], [1, 0, 0], [1, 1, 1]]
    """
    lengths = as_values(lengths)
    known = all_values(lengths)
    if lengths.ndim != 1 or lengths.dtype.kind not in "iu" or np.min(known, initial=0) < 0:
        got = known.tolist() if lengths.ndim < 2 else f"an array of shape {lengths.shape}"
        raise ValueError(COUNTS.format(got=got))
    longest = int(np.max(known, initial=0))
    steps = longest if steps is None else whole("sequence_mask", "steps", steps, 0)
    if steps < longest:
        raise ValueError(STEPS.format(steps=steps, longest=longest))
    return np.arange(steps) < lengths[:, None]


def present(title: str, lengths: Any, shape: tuple[int, ...]) -> Any:
    """Which steps of an input of this shape are there, (examples, steps), or None where no lengths are given."""
    if lengths is None:
        return None
    values, (examples, steps) = as_values(lengths), shape[:2]
    known = all_values(values)
    if values.shape != (examples,) or values.dtype.kind not in "iu" or not everywhere((known >= 1) & (known <= steps)):
        got = known.tolist() if values.ndim < 2 and known.size <= 8 else f"{values.dtype} of shape {values.shape}"
        if values.ndim == 1 and values.dtype.kind in "iu" and known.size > 8:
            got = f"from {known.min()} to {known.max()}, of shape {values.shape}"
        raise ValueError(LENGTHS.format(title=title, got=got, shape=shape, examples=examples, steps=steps))
    return sequence_mask(values, steps)


def at_present(function: Any, x: Any, there: Any) -> Any:
    """What a function makes of the entries of x that are there, in their places, and 0 elsewhere.

    What it draws at random for them does not depend on how much padding there is, but inside a vmap, where it draws
    for the padding too.
    """
    if is_batch(there):
        return np.where(there.reshape(*there.shape, *[1] * (x.ndim - there.ndim)), function(x), 0)
    return spread(function(x[there]), there)


def spread(rows: Any, there: Any) -> Any:
    """Rows in the places that are there, one after the other, and 0 elsewhere."""
    places = np.maximum(np.cumsum(there).reshape(there.shape) - 1, 0)
    return np.where(there.reshape(*there.shape, *[1] * (rows.ndim - 1)), rows[places], 0)
