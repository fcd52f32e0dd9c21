"""Sequences, which are lists, and optional values, which may be None."""

import numpy as np

from nn.models.onnx.operators.table import OPERATORS, ints, number, operator

OPERATORS.update(
    ConcatFromSequence=lambda xs, axis, new_axis=0: (np.stack if new_axis else np.concatenate)(xs, axis),
    Optional=lambda x=None, **kind: x,
    OptionalGetElement=lambda x: x,
    OptionalHasElement=lambda x=None: np.array(x is not None),
    SequenceAt=lambda xs, position: xs[number(position)],
    SequenceConstruct=lambda *xs: list(xs),
    SequenceEmpty=lambda dtype=1: [],
    SequenceLength=lambda xs: np.array(len(xs), np.int64),
)


@operator
def SequenceInsert(xs, x, position=None):
    place = len(xs) if position is None else number(position)
    return [*xs[:place], x, *xs[place:]]


@operator
def SequenceErase(xs, position=None):
    place = (-1 if position is None else number(position)) % len(xs)
    return [*xs[:place], *xs[place + 1 :]]


@operator
def SequenceMap(xs, *others, body):
    rows = [body(x, *(each[i] if isinstance(each, list) else each for each in others)) for i, x in enumerate(xs)]
    return tuple(map(list, zip(*rows, strict=True)))


@operator
def SplitToSequence(x, split=None, axis=0, keepdims=1):
    if split is None:
        parts = np.split(x, x.shape[axis], axis)
        return parts if keepdims else [np.squeeze(part, axis) for part in parts]
    places = np.cumsum(ints(split))[:-1] if np.ndim(split) else range(number(split), x.shape[axis], number(split))
    return list(np.split(x, places, axis))
