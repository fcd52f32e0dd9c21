"""How much a mean counts: what each loss says of itself, so that the means of batches make up that of all examples.

No formula of a loss lives here, and no training. Within `counted`, a loss of nn tells what its mean was taken over, and
the mean over nothing is 0, which counts nothing, where it raises elsewhere.
"""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, NamedTuple, TypeVar

import numpy as np

from autograd_mini import Tensor, constant, devices, primitive
from nn.checks import as_values, passes
from nn.elsewhere import explain

Function = TypeVar("Function", bound=Callable[..., Any])

UNEQUAL = (
    "{call}: the loss is computed from means in which the examples of one batch count otherwise than those of another "
    "(for instance labels that are ignored, class weights, masks), so that of all examples cannot be put together from "
    "those of batches. Return the mean of one of nn's losses as it is, or say how much each example counts: "
    "`loss.count = lambda outputs, targets: targets != -1`."
)
COUNT = (
    "The loss's `count(outputs, targets)` returned {got}. It says how much each example counts: an array of numbers "
    "that are finite and not negative, or their sum."
)
NO_REDUCTION = (
    "sample_weight=...: the loss {loss} cannot be weighted, for it does not take `reduction`. Give one of nn's losses, "
    "or a function `loss(outputs, targets, reduction='mean')` that returns for 'none' one loss for each example."
)
ONE_EACH = (
    "sample_weight=...: for reduction='none' the loss returned {got} for {examples} examples. It returns a tensor with "
    "an entry, or a row of them, for each example."
)
EACH_COUNTS = (
    "sample_weight=...: the loss weighs or ignores examples itself, and it is not known how much each then counts. "
    "Return what one of nn's losses returned as it is, or give `loss.count(outputs, targets)`: an array with a number "
    "for each example."
)
WEIGHTS = (
    "sample_weight=...: given {got} for {examples} examples. Write how much each example counts: one number that is "
    "finite and not negative."
)


class NothingCountsError(ValueError):
    """There is no mean: there are no entries, or all of them count nothing."""

    def __init__(self, message: str, outputs: Any) -> None:
        super().__init__(message)
        self.outputs = outputs


@primitive
def total_of(each: Any) -> float:
    """How much all entries count together; on a device without values, as if each counted 1."""
    if devices.on_host(each):
        return float(np.sum(each, dtype=float))
    return devices.read(np.sum(each, dtype=devices.wide(each)))[0] if devices.has_values(each) else float(each.size)


constant(total_of)


def amount_of(each: Any) -> Any:
    """The same as a number, or on a device that waits as an array of one, which is read with the loss."""
    return np.sum(each, dtype=devices.wide(each)) if devices.waits(each) else total_of(each)


def divisor(total: Any) -> Any:
    """What a sum is divided by for its mean: 1 for a sum over nothing, which is 0, as is then its gradient."""
    return np.where(total > 0, total, devices.beside(np.ones((), total.dtype), total))


def counts_later(total: Any) -> bool:
    """Whether it is heard how much counts, and read with the loss, so that the mean over nothing need not raise."""
    return reports.get() is not None and devices.waits(total)


def is_some(amount: Any) -> bool:
    """Whether something counts; of what is still on a device it is supposed, and the loss is NaN if not."""
    return not devices.on_host(amount) or bool(amount)


class Report(NamedTuple):
    """What a loss tells of what it returned."""

    result: Any
    reduction: str
    each: Any
    """How much each entry counts, an array; or the shape of entries that count 1 each."""

    @property
    def total(self) -> float:
        return float(math.prod(self.each)) if isinstance(self.each, tuple) else total_of(self.each)

    @property
    def amount(self) -> Any:
        """The total, which may still be on a device."""
        return self.total if isinstance(self.each, tuple) else amount_of(self.each)


class Counted(NamedTuple):
    """What a batch's loss is, and how much it counts in the mean over several batches."""

    value: Any
    amount: Any
    """A number; or an array of one, on a device that waits."""
    rates: tuple[float, ...] = ()
    """Of a loss that is computed from means: how much an example counted in each of them, on average."""


class Mean:
    """A mean over all examples, put together from those of batches: sum(w l) / sum(w)."""

    def __init__(self, total: float = 0.0, amount: float = 0.0) -> None:
        self.total, self.amount = total, amount
        self.rates: tuple[float, ...] | None = None
        self.exact = True

    def add(self, value: float, counted: Counted) -> None:
        """Take a batch's mean into account, unless it counts nothing: then there is none."""
        if not is_some(counted.amount):
            return
        if self.rates is None:
            self.rates = counted.rates
        elif self.rates or counted.rates:
            alike = len(self.rates) == len(counted.rates) and all(map(close, self.rates, counted.rates))
            self.exact = self.exact and alike
        self.total += value * counted.amount
        self.amount += counted.amount

    @property
    def value(self) -> float:
        return self.total / self.amount if self.amount else math.nan


def close(a: float, b: float) -> bool:
    """Whether two numbers are one but for rounding."""
    return math.isclose(a, b, rel_tol=1e-9)


reports: ContextVar[list[Report] | None] = ContextVar("reports", default=None)


def listened(function: Callable[..., Any], *arguments: Any, **options: Any) -> tuple[Any, list[Report]]:
    """What a function returns, and what the losses of nn that it called tell of themselves."""
    heard: list[Report] = []
    token = reports.set(heard)
    try:
        return function(*arguments, **options), heard
    finally:
        reports.reset(token)


def mean_over(entries: Callable[..., Any]) -> Callable[[Function], Function]:
    """Let a loss tell what it is the mean of: `entries(outputs, targets, **options)`, as `Report.each`."""

    def decorate(function: Function) -> Function:
        signature = inspect.signature(function)

        @functools.wraps(function)
        def loss(*arguments: Any, **options: Any) -> Any:
            heard = reports.get()
            if heard is None:
                try:
                    return function(*arguments, **options)
                except TypeError as error:
                    explain(error, "loss", function, options)
                    raise
            reduction = options.get("reduction", "mean")
            try:
                result = function(*arguments, **options)
            except NothingCountsError as error:
                if reduction != "mean":
                    raise
                heard.append(Report(np.sum(error.outputs[:0]), "mean", (0,)))
                return heard[-1].result
            if len(arguments) < 2:  # some were given by name
                bound = signature.bind(*arguments, **options).arguments
                arguments, options = tuple(bound.values())[:2], dict(list(bound.items())[2:])
            heard.append(Report(result, reduction, entries(*arguments, **options)))
            return result

        loss.is_mean = True  # type: ignore[attr-defined]
        return loss  # type: ignore[return-value]

    return decorate


def is_mean(function: Any) -> bool:
    """Whether it is known to be a mean, so that those of batches can be put together: nn's own, and what counts."""
    return bool(getattr(function, "is_mean", False)) or callable(getattr(function, "count", None))


def all_entries(outputs: Any, _targets: Any, **_options: Any) -> Any:
    """Each entry counts 1."""
    return shape_of(outputs)


def rows(outputs: Any, _targets: Any, **_options: Any) -> Any:
    """Each vector along the last axis counts 1."""
    return shape_of(outputs)[:-1]


def shape_of(array: Any) -> tuple[int, ...]:
    """As `np.shape`, which takes longer for a tensor."""
    shape: tuple[int, ...] = array.shape if hasattr(array, "shape") else np.shape(array)
    return shape


def counted(loss: Callable[..., Any], examples: int, output: Any, target: Any = None, weights: Any = None) -> Counted:
    """The loss of a batch, and how much it counts in a mean over several.

    That is, in this order: what `loss.count(outputs, targets)` says; of the mean that a loss of nn returned, what it
    was taken over; otherwise the number of examples.

    Parameters
    ----------
    loss : callable
        `loss(outputs, targets)`, or without targets `loss(outputs)`.
    examples : int
        How many there are in the batch.
    output, target
        A target of None is none.
    weights : array, optional
        How much each example counts besides; the loss is then asked for `reduction="none"`.
    """
    arguments = (output,) if target is None else (output, target)
    count = getattr(loss, "count", None)
    each = as_count(count(*arguments)) if callable(count) else None
    if weights is not None:
        return weighted(loss, examples, arguments, as_values(weights), each)
    if each is not None:
        amount = total_of(each)
        return Counted(loss(*arguments), amount) if amount else Counted(None, 0.0)
    value, heard = listened(loss, *arguments)
    told = next((report for report in heard if report.result is value), None)
    if told is not None and told.reduction == "mean":
        return Counted(value, told.amount)
    if not heard:
        return Counted(value, float(examples))
    rates = tuple(report.total / examples for report in heard) if told is None else (math.nan,)
    if not any(rates) and not any_value(value):
        return Counted(None, 0.0)
    return Counted(value, float(examples), rates)


def any_value(value: Any) -> bool:
    """Whether it is a finite number other than 0."""
    values = as_values(value)
    return values.size == 1 and math.isfinite(values.item()) and values.item() != 0


def weighted(
    loss: Callable[..., Any], examples: int, arguments: tuple[Any, ...], weights: Any, each: Any | None
) -> Counted:
    """The mean of the losses one by one, each of which counts as its example's weight says, and as the loss says."""
    check_weights(weights, examples)
    if not takes_reduction(loss):
        raise TypeError(NO_REDUCTION.format(loss=getattr(loss, "__name__", repr(loss))))
    losses, heard = listened(loss, *arguments, reduction="none")
    if not isinstance(losses, Tensor) or losses.shape[:1] != (examples,):
        got = f"an array of shape {losses.shape}" if hasattr(losses, "shape") else f"a {type(losses).__name__}"
        raise TypeError(ONE_EACH.format(got=got, examples=examples))
    if each is None:
        told = next((report.each for report in heard if report.result is losses), losses.shape)
        lost = any(not isinstance(report.each, tuple) and report.result is not losses for report in heard)
        each = np.ones(told) if isinstance(told, tuple) else told
    else:
        lost = each.shape[:1] != (examples,)
    if lost:
        raise ValueError(EACH_COUNTS)
    weights, each = devices.beside(along(weights, losses), each), devices.beside(along(each, losses), weights)
    amount = amount_of(np.broadcast_to(weights * each, losses.shape))
    if not is_some(amount):
        return Counted(None, 0.0)
    shares = devices.beside(weights.astype(losses.dtype), losses)
    total = amount if devices.on_host(amount) else divisor(amount.astype(losses.dtype))
    return Counted(np.sum(losses * shares) / total, amount)


def check_weights(weights: Any, examples: int) -> None:
    """Refuse what does not say of each example how much it counts."""
    if weights.shape != (examples,) or weights.dtype.kind not in "fiub":
        raise ValueError(WEIGHTS.format(got=f"{weights.dtype} of shape {weights.shape}", examples=examples))
    if not all_counts(weights):
        raise ValueError(WEIGHTS.format(got=f"numbers from {np.min(weights)} to {np.max(weights)}", examples=examples))


def along(values: Any, losses: Any) -> Any:
    """Numbers for the first axes, with axes of length 1 for the others."""
    return values.reshape(*values.shape, *[1] * (losses.ndim - values.ndim))


def as_count(count: Any) -> Any:
    """What a loss's `count` returned, as an array, if it counts."""
    values = as_values(count)
    if values.dtype.kind not in "fiub" or not all_counts(values):
        raise ValueError(COUNT.format(got=repr(count)))
    return values


def all_counts(values: Any) -> bool:
    """Whether all are finite and not negative."""
    return passes((values >= 0) & (values < np.inf))


def takes_reduction(loss: Callable[..., Any]) -> bool:
    """Whether it has an argument `reduction`."""
    try:
        parameters = inspect.signature(loss).parameters
    except (TypeError, ValueError):
        return False
    return "reduction" in parameters or any(p.kind is p.VAR_KEYWORD for p in parameters.values())
