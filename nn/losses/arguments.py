"""What every loss does with its arguments: conversion, clear errors for what cannot be right, the reduction.

No formula of a loss lives here.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from autograd_mini import Tensor, devices, everywhere
from nn.checks import all_values, as_values, is_foreign
from nn.losses.means import NothingCountsError

SHAPES = (
    "{loss} was given outputs of shape {output} and targets of shape {target}. They are compared entry by entry and "
    "must agree: {fix}."
)
RESHAPE = "reshape one, e.g. `y.reshape({output})`"
ONE_EACH = "give one target for each output, or for labels of classes a loss such as `nn.cross_entropy`"
NO_ROWS = "{loss} was given a single score. Write rows of them, one for each class: shape (examples, classes)."
EMPTY = "{loss} was given outputs of shape {output}: the mean over no entries is no number. Leave empty batches out."
KIND = (
    "{loss} was given {what} of dtype {dtype}, which are no real numbers. Convert them first, e.g. "
    "`np.asarray({what}, np.float32)`."
)
NOT_FINITE = (
    "{loss} was given targets of which {count} of {size} are not finite, the first {value} at index {index}. A target "
    "is what the model shall learn: leave such examples out, or fill the gaps in, before training."
)
REDUCTION = (
    "{loss}(reduction={got!r}) is unknown. Write 'mean' for the average over the batch, 'sum' for its sum, 'none' for "
    "the losses one by one."
)
LABELS = (
    "{loss} was given scores of shape {scores} and labels of shape {labels} and dtype {dtype}. Write one "
    "row of scores for each example, and as labels one whole number for each: shape {want}{hint}."
)
ONE_HOT = "; of rows with a 1 at the right class, that is `labels.argmax(axis=-1)`"
RANGE = "{loss} was given labels from {low} to {high} for {classes} classes. Labels count from 0 to {last}."

REDUCTIONS: dict[str, Callable[[Any], Any]] = {"mean": np.mean, "sum": np.sum, "none": lambda losses: losses}


def as_scores(loss: str, output: Any) -> Any:
    """A model's outputs as a tensor or an array of floating-point numbers."""
    if not isinstance(output, Tensor | np.ndarray):
        output = devices.adopted(output) if is_foreign(output) else Tensor(output).data
    kind = output.dtype.kind
    if kind == "f":
        return output
    if kind not in "iub":
        raise TypeError(KIND.format(loss=loss, what="outputs", dtype=output.dtype))
    return output.astype(float)


def as_pair(loss: str, output: Any, target: Any) -> tuple[Any, Any]:
    """Outputs, and targets of their shape and dtype; shapes must agree, for broadcasting would hide a mistake."""
    output = as_scores(loss, output)
    if type(target) is not np.ndarray or target.dtype is not output.dtype:
        target = converted(loss, target, output.dtype)
    if output.shape != target.shape:
        fix = RESHAPE.format(output=output.shape) if output.size == target.size else ONE_EACH
        raise ValueError(SHAPES.format(loss=loss, output=output.shape, target=target.shape, fix=fix))
    if not output.size:
        raise NothingCountsError(EMPTY.format(loss=loss, output=output.shape), output)
    return output, target


def converted(loss: str, target: Any, dtype: Any, what: str = "targets") -> Any:
    """Real numbers in another dtype; tensors stay tensors, and arrays what they are."""
    target = devices.adopted(target)
    if not isinstance(target, Tensor) and not is_foreign(target):
        try:
            target = Tensor(target).data
        except TypeError as error:
            if isinstance(target, np.ma.MaskedArray):
                raise
            kind = np.asarray(target).dtype
            raise TypeError(KIND.format(loss=loss, what=what, dtype=kind)) from error
    if target.dtype.kind not in "fiub":
        raise TypeError(KIND.format(loss=loss, what=what, dtype=target.dtype))
    return target if target.dtype == dtype else target.astype(dtype)


def as_labels(loss: str, labels: Any, scores: Any, ignored: int | None = None) -> Any:
    """Class labels: whole numbers from 0, one for each row of scores."""
    labels = as_values(devices.adopted(labels))
    if not scores.ndim:
        raise ValueError(NO_ROWS.format(loss=loss))
    if labels.dtype.kind not in "iu" or labels.shape != scores.shape[:-1]:
        raise ValueError(unfit(loss, labels, scores))
    if not labels.size:
        raise NothingCountsError(unfit(loss, labels, scores), scores)
    known, classes = all_values(labels), scores.shape[-1]
    if ignored is not None:
        known = np.where(known == ignored, 0, known)
    low = devices.at_hand(np.minimum.reduce(known, axis=None))
    high = devices.at_hand(np.maximum.reduce(known, axis=None))
    facts = {"loss": loss, "low": low, "high": high, "classes": classes, "last": classes - 1}
    return devices.checked(labels, (low >= 0) & (high < classes), RANGE, **facts)


def unfit(loss: str, labels: Any, scores: Any) -> str:
    """What is wrong with labels whose shape or dtype does not fit the scores."""
    hint = ONE_HOT if labels.shape == scores.shape and scores.ndim else ""
    want = scores.shape[:-1] if scores.size else f"({', '.join(['at least 1'] * max(1, scores.ndim - 1))},)"
    found = {"scores": scores.shape, "labels": labels.shape, "dtype": labels.dtype}
    return LABELS.format(loss=loss, **found, want=want, hint=hint)


def reduced(loss: str, losses: Any, reduction: str) -> Any:
    """The mean, the sum, or the losses themselves."""
    if reduction not in REDUCTIONS:
        raise ValueError(REDUCTION.format(loss=loss, got=reduction))
    return REDUCTIONS[reduction](losses)


def checked(loss: str, result: Any, target: Any) -> Any:
    """`result`, unless it is not finite because a target is not: looked at only then, which costs nothing otherwise.

    Outputs that are not finite pass: a training that diverges shows it in its loss.
    """
    values = result.data if isinstance(result, Tensor) else result
    if type(values) is np.ndarray and not values.ndim:
        if not math.isfinite(values):
            refuse_non_finite(loss, target)
    elif not devices.on_host(values):
        return result  # reading it would wait; `fit` says so of a loss that is not finite
    elif (isinstance(values, np.ndarray | np.generic) or is_foreign(values)) and not everywhere(np.isfinite(values)):
        refuse_non_finite(loss, target)
    return result


def refuse_non_finite(loss: str, target: Any) -> None:
    """Raise if a target is NaN or infinite."""
    target = all_values(target)
    wrong = ~np.isfinite(target)
    if np.any(wrong):
        index = tuple(int(i) for i in np.argwhere(wrong)[0])
        count = np.count_nonzero(wrong)
        raise ValueError(NOT_FINITE.format(loss=loss, count=count, size=target.size, value=target[index], index=index))
