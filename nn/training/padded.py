"""`Padded`: how a loader makes one batch of sequences of unequal length. Which come together is not chosen here."""

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


class Padded:
    """A `collate` that pads; `nn.data.padded` tells how."""

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
