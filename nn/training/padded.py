"""`padded`: how a loader makes one batch of sequences of unequal length. Which come together is not chosen here."""

from __future__ import annotations

from typing import Any

import numpy as np

from nn.checks import as_values
from nn.padding import pad_sequences
from nn.training.sources import Batch, columns_of

NO_LABEL = -1  # what stands after the end of labels

FILLS = (
    "nn.data.padded(fill={fill!r}) has {given} numbers for examples of {parts} parts. Write one for each part, such as "
    "`fill=(0, -1)`, or a number for all."
)
STEPS = (
    "nn.data.padded() was given as part {part} of example {i} one of {steps} steps beside {length} of the sequence. "
    "What is padded along goes with the sequence step by step; pad other parts in a `collate` of your own, with "
    "`nn.pad_sequences`."
)
NOT_SIGNED = (
    "nn.data.padded() was given targets of dtype {dtype}, which have no room for -1, the label of padding. Make them "
    "int, or write `fill=(0, ...)` with a label that is not used, and give it to the loss as `ignore_index`."
)


def padded(*, fill: Any = None) -> Padded:
    """What makes a batch of sequences of unequal length: `nn.DataLoader(sequences, tags, collate=nn.data.padded())`.

    The first part of an example is its sequence, an array whose first axis counts the steps. A batch is
    `(x, lengths, ...)`: the sequences padded at their ends to the longest of the batch, how many steps each has, and
    the other parts. Of these what has a value for each step (the same number of them) is padded along, and all else is
    put side by side. The model is called as `model(x, lengths)`; its layers take `lengths`.

    Parameters
    ----------
    fill : number or tuple of numbers, optional
        What stands after the end of a sequence, for all parts or for each. By default 0 in the first part, and in the
        others what says that nothing is there: -1 in whole numbers, NaN in others. That is what `nn.unpadded` leaves
        out of losses and metrics, and `nn.cross_entropy` by `ignore_index=-1`.

    Returns
    -------
    callable
        A `collate` of `nn.DataLoader`.

    Raises
    ------
    TypeError, ValueError
        While iterating: if sequences have no steps, or differ in more than their steps; if a part has another number
        of steps than its sequence; if a dtype cannot hold what it is filled with.

    Examples
    --------
    >>> import nn
    >>> sequences, tags = [[7, 8, 9], [5], [1, 2]], [[1, 0, 1], [1], [0, 0]]
    >>> loader = nn.DataLoader(sequences, tags, batch_size=2, collate=nn.data.padded())
    >>> for x, lengths, y in loader:
    ...     print(x.tolist(), lengths.tolist(), y.tolist())
    [[7, 8, 9], [5, 0, 0]] [3, 1] [[1, 0, 1], [1, -1, -1]]
    [[1, 2]] [2] [[0, 0]]
    """
    return Padded(fill)


class Padded:
    """What `padded` returns."""

    def __init__(self, fill: Any) -> None:
        self.fill = tuple(fill) if isinstance(fill, list) else fill

    def __repr__(self) -> str:
        return "nn.data.padded()" if self.fill is None else f"nn.data.padded(fill={self.fill!r})"

    def __call__(self, examples: list[Any]) -> Batch:
        columns = [[as_values(part) for part in column] for column in columns_of(examples)]
        if isinstance(self.fill, tuple) and len(self.fill) != len(columns):
            raise ValueError(FILLS.format(fill=self.fill, given=len(self.fill), parts=len(columns)))
        x, lengths = pad_sequences(columns[0], fill=self.fill_of(0, columns[0][0].dtype))
        return x, lengths, *(self.joined(i, column, lengths) for i, column in enumerate(columns[1:], 1))

    def joined(self, part: int, arrays: list[Any], lengths: Any) -> Any:
        """A part of all examples as one array."""
        if all(array.shape == arrays[0].shape for array in arrays):
            return np.stack(arrays)
        for i, (array, length) in enumerate(zip(arrays, lengths, strict=True)):
            steps = len(array) if array.ndim else "no"
            if steps != length:
                raise ValueError(STEPS.format(part=part, i=i, steps=steps, length=length))
        return pad_sequences(arrays, fill=self.fill_of(part, np.result_type(*arrays)))[0]

    def fill_of(self, part: int, dtype: Any) -> Any:
        """What stands after the end of a sequence."""
        if self.fill is not None:
            return self.fill[part] if isinstance(self.fill, tuple) else self.fill
        if part == 0:
            return 0
        if dtype.kind in "ub":
            raise TypeError(NOT_SIGNED.format(dtype=dtype))
        return NO_LABEL if dtype.kind == "i" else np.nan
