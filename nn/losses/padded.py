"""`unpadded`: any loss or metric, of the steps alone that are no padding. No formula of a loss lives here."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from autograd_mini import Tensor, devices, everywhere
from nn.checks import all_values, as_values, is_batch, passes
from nn.losses.means import (
    NothingCountsError,
    Report,
    along,
    counts_later,
    divisor,
    is_mean,
    listened,
    reports,
    takes_reduction,
)
from nn.padding import spread

FUNCTION = "unpadded({got!r}): give it a loss or a metric, a function of outputs and targets, such as nn.squared_error."
IGNORED = "unpadded(ignore_index={got!r}): write the whole number that stands for no label, such as -1."
SHAPES = (
    "unpadded({name}) was given outputs {outputs} and targets of shape {targets}. Of padded sequences both are arrays "
    "that begin with (examples, steps)."
)
INSIDE = (
    "unpadded({name}) was given targets of which step {step} of example {example} is NaN and a later one is not. "
    "NaN stands for padding at the end of a sequence; leave such examples out, or fill the gaps in."
)
NOTHING = "unpadded({name}) was given targets that are padding alone: there is no mean over nothing."
NO_WEIGHT = "unpadded({name}) was given an example whose steps all count nothing: there is no mean over nothing."
INSIDE_VMAP = (
    "unpadded({name}) is inside a vmap (`nn.per_example_grad` is one), where examples of different lengths are one "
    "array. There the loss is asked for those of all steps, `reduction='none'`, which this one does not take. Give it "
    "such an option, or take one of nn's losses."
)


def unpadded(function: Callable[..., Any], *, ignore_index: int = -1) -> Callable[..., Any]:
    r"""A loss or a metric of padded sequences: that of the steps which are there, whatever they are padded to.

    The targets say what is padding: `ignore_index` as a label, NaN as a number, which is how `nn.data.padded` pads
    them. The steps that are there are given to `function` as rows, one after the other, so that a mean is one over
    them, and `fit` and `evaluate` count a batch by how many there are.

    Parameters
    ----------
    function : callable
        `function(outputs, targets)`, such as `nn.squared_error` or `nn.accuracy`. A loss of one's own is a mean over
        the rows.
    ignore_index : int
        The label of steps that do not count, at the end of a sequence or inside.

    Returns
    -------
    callable
        Of outputs (examples, steps, ...) and targets (examples, steps) or (examples, steps, ...). Targets (examples,)
        have no steps, and are given to `function` as they are. Options go to `function`; its losses one by one,
        `reduction="none"`, are 0 where nothing counts.

    Raises
    ------
    ValueError
        If outputs and targets do not have the same examples and steps, all is padding, or NaN stands before the end
        of a sequence.
    TypeError
        If `function` is none, or `ignore_index` is no whole number.

    Examples
    --------
    >>> import numpy as np
    >>> import nn
    >>> loss = nn.unpadded(nn.absolute_error)
    >>> loss(np.zeros((2, 3)), [[1.0, np.nan, np.nan], [2.0, 3.0, 6.0]]).item()
    3.0
    >>> nn.unpadded(nn.accuracy)([[[0.0, 1.0], [5.0, 2.0]], [[1.0, 0.0], [3.0, 9.0]]], [[1, -1], [0, 0]])
    0.6666666666666666
    """
    if not callable(function):
        raise TypeError(FUNCTION.format(got=function))
    if not isinstance(ignore_index, int | np.integer) or isinstance(ignore_index, bool):
        raise TypeError(IGNORED.format(got=ignore_index))
    return Unpadded(function, int(ignore_index))


class Unpadded:
    """What `unpadded` returns."""

    def __init__(self, function: Callable[..., Any], ignore_index: int) -> None:
        self.function, self.ignore_index = function, ignore_index
        self.__name__ = getattr(function, "__name__", repr(function))
        self.is_mean = is_mean(function)
        try:
            self.__signature__ = inspect.signature(function)
        except (TypeError, ValueError):
            self.__signature__ = inspect.signature(self.__call__)

    def __repr__(self) -> str:
        return f"unpadded({self.__name__}, ignore_index={self.ignore_index})"

    def __call__(self, outputs: Any, targets: Any, **options: Any) -> Any:
        known = self.known(targets)
        if known is None:
            return self.function(outputs, targets, **options)
        outputs = outputs if isinstance(outputs, Tensor | tuple | dict) else as_values(outputs)
        shape = getattr(outputs, "shape", None)
        if shape is None or shape[:2] != known.shape:
            got = f"that are a {type(outputs).__name__}" if shape is None else f"of shape {shape}"
            raise ValueError(SHAPES.format(name=self.__name__, outputs=got, targets=np.shape(targets)))
        targets = targets if isinstance(targets, Tensor) else as_values(targets)
        if is_batch(known) or (devices.waits(known) and takes_reduction(self.function)):
            return self.of_each(outputs, targets, known, **options)
        rows, targets = outputs[known], targets[known]
        call = functools.partial(self.function, rows, targets, **options)
        alone = options.get("reduction") == "none"
        heard = reports.get()
        if not everywhere(np.any(known)):
            if heard is None or alone:
                raise NothingCountsError(NOTHING.format(name=self.__name__), outputs)
            heard.append(Report(np.sum(outputs[:0]), "mean", (0,)))
            return heard[-1].result
        if heard is None:
            result = call()
            return spread(result, known) if alone else result
        result, inner = listened(call)
        told = next((report for report in inner if report.result is result), None)
        count = len(targets)
        if alone:
            each = np.ones(count) if told is None else ones(told.each)
            lost = told is None and inner
            heard.extend(inner if lost else ())
            result = spread(result, known)
            if not lost:
                heard.append(Report(result, "none", as_values(spread(each, known))))
        elif told is not None:
            heard.append(told)
        elif all(report.total == count for report in inner):
            heard.append(Report(result, "mean", (count,)))
        else:
            heard.extend(inner)
        return result

    def of_each(self, outputs: Any, targets: Any, known: Any, reduction: str = "mean", **options: Any) -> Any:
        """The same where it is not known which steps are there: all are computed, and those count that are.

        That is inside a vmap, where examples differ in them, and on a device that Python would wait for. In the place
        of padding stands another target, which is one in any case: a label 0, or that of the first step.
        """
        if not takes_reduction(self.function):
            raise TypeError(INSIDE_VMAP.format(name=self.__name__))
        listening = reports.get()
        if not (counts_later(known) or passes(np.any(known))):
            raise NothingCountsError(NOTHING.format(name=self.__name__), outputs)
        targets = np.where(along(known, targets), targets, targets[:, :1] if targets.dtype.kind == "f" else 0)
        rows = [np.reshape(part, (-1, *part.shape[2:])) for part in (outputs, targets)]
        losses, heard = listened(self.function, *rows, reduction="none", **options)
        told = next((report.each for report in heard if report.result is losses), None)
        there = np.reshape(known, (-1, *[1] * (losses.ndim - 1)))
        each = np.where(there, devices.beside(ones(losses.shape if told is None else told), known), 0)
        losses = np.where(there, losses, 0)
        if reduction == "mean":
            total = np.sum(each).astype(losses.dtype)
            if not (counts_later(total) or passes(total > 0)):
                raise NothingCountsError(NO_WEIGHT.format(name=self.__name__), outputs)
            result = np.sum(losses) / divisor(total)
        elif reduction == "sum":
            result = np.sum(losses)
        else:
            result, each = (np.reshape(part, (*known.shape, *losses.shape[1:])) for part in (losses, each))
        if listening is not None:
            listening.extend([Report(result, reduction, each)] if told is not None or not heard else heard)
        return result

    def padding(self, dtype: Any) -> Any:
        """What stands for padding in targets of a dtype."""
        return np.nan if dtype.kind == "f" else self.ignore_index

    def known(self, targets: Any) -> Any:
        """Which steps count, shape (examples, steps), or None where the targets have no steps."""
        values = as_values(targets)
        if values.ndim < 2:
            return None
        if values.dtype.kind != "f":
            known = values != self.ignore_index
            return known.reshape(*known.shape[:2], -1).any(axis=-1)
        known = ~np.isnan(values).reshape(*values.shape[:2], -1).all(axis=-1)
        gaps = known[:, 1:] & ~known[:, :-1]
        if not passes(~gaps):
            example, step = map(int, np.argwhere(all_values(gaps).reshape(-1, gaps.shape[1]))[0])
            raise ValueError(INSIDE.format(name=self.__name__, example=example, step=step))
        return known


def ones(each: Any) -> Any:
    """How much each entry counts, as an array."""
    return np.ones(each) if isinstance(each, tuple) else each
