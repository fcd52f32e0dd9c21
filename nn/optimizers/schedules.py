"""Learning rates as pure functions of the number of steps taken, t = 0, 1, 2, ...: nothing here keeps a count.

    >>> import nn
    >>> model = nn.MLP([2, 16, 1], rng=0)
    >>> optimizer = nn.SGD(model.parameters(), learning_rate=nn.schedules.cosine(0.1, steps=1000, warmup=100))
    >>> round(optimizer.rate, 6)  # of the step to come; the optimizer counts
    0.00099

After its last step a schedule stays at its last rate. All of them can be pickled and compared by their `repr`.
"""

from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from autograd_mini import elsewhere
from nn.checks import positive, whole
from nn.elsewhere import SCHEDULES

__all__ = [
    "Schedule",
    "constant",
    "cosine",
    "exponential",
    "inverse_sqrt",
    "joined",
    "linear",
    "one_cycle",
    "polynomial",
    "step",
    "warmup",
]

RISE = "schedules.one_cycle(rise={value!r}): write the share of the steps that go up, between 0 and 1, neither of them."
MILESTONES = "schedules.step(every={value!r}): write a number of steps, or the steps at which to fall in rising order."
NOT_A_SCHEDULE = "schedules.{name} was given {value!r} as a schedule. Pass one of `nn.schedules`, or a fixed rate."
TOO_LONG = "{call}(steps={steps}, warmup={warmup}): the warm-up is part of the steps and must be shorter."
COUNT = "A schedule was asked for the rate of step {step!r}. Steps are counted in whole numbers from 0."


class Schedule:
    """A formula with its options: call it with a step to get the rate. The functions of this module make them.

    Parameters
    ----------
    formula : callable
        `formula(t, **options)` is the rate of step t.
    **options
        Its options, which `repr` shows.

    Raises
    ------
    ValueError
        When called, if the step is no whole number from 0.

    Examples
    --------
    >>> import nn
    >>> schedule = nn.schedules.step(0.1, every=30)
    >>> schedule
    step(rate=0.1, every=30, factor=0.1)
    >>> schedule(0), round(schedule(30), 12)
    (0.1, 0.01)
    """

    def __init__(self, formula: Callable[..., float], **options: Any) -> None:
        self.formula, self.options = formula, options

    def __call__(self, step: int) -> float:
        try:
            count = operator.index(step)
        except TypeError:
            count = -1
        if count < 0:
            raise ValueError(COUNT.format(step=step))
        return self.formula(count, **self.options)

    def __repr__(self) -> str:
        inside = ", ".join(f"{option}={value!r}" for option, value in self.options.items())
        return f"{self.formula.__name__.removeprefix('_')}({inside})"


def constant(rate: float) -> Schedule:
    r"""A rate that stays, :math:`\eta_t = \eta`: as a part of others; an optimizer takes the number itself.

    Parameters
    ----------
    rate : float
        :math:`\eta`.

    Returns
    -------
    Schedule
        Called with the number of a step it returns its rate.

    Raises
    ------
    ValueError
        If the rate is not positive.

    Examples
    --------
    >>> import nn
    >>> nn.schedules.constant(0.1)(1000)
    0.1
    """
    return Schedule(_constant, rate=positive("schedules.constant", "rate", rate))


def _constant(_t: int, rate: float) -> float:
    return rate


def step(rate: float, every: int | Sequence[int], factor: float = 0.1) -> Schedule:
    r"""A rate that falls now and then: :math:`\eta_t = \eta\,\gamma^{k}`, with k the number of falls until step t.

    Parameters
    ----------
    rate : float
        :math:`\eta`.
    every : int or sequence of int
        Steps between two falls, or the steps at which they come.
    factor : float
        :math:`\gamma`.

    Returns
    -------
    Schedule
        Called with the number of a step it returns its rate.

    Raises
    ------
    ValueError
        If an option is out of range.

    Examples
    --------
    >>> import nn
    >>> schedule = nn.schedules.step(0.1, every=[10, 20], factor=0.5)
    >>> [schedule(t) for t in (9, 10, 20)]
    [0.1, 0.05, 0.025]
    """
    call = "schedules.step"
    if isinstance(every, Sequence):
        falls = tuple(whole(call, "every", fall, 0) for fall in every)
        if not falls or any(a >= b for a, b in itertools.pairwise(falls)):
            raise ValueError(MILESTONES.format(value=every))
    else:
        falls = whole(call, "every", every)  # type: ignore[assignment]
    rate, factor = positive(call, "rate", rate), positive(call, "factor", factor)
    return Schedule(_step, rate=rate, every=falls, factor=factor)


def _step(t: int, rate: float, every: int | tuple[int, ...], factor: float) -> float:
    falls = t // every if isinstance(every, int) else sum(t >= fall for fall in every)
    return rate * factor**falls


def exponential(rate: float, factor: float, every: int = 1) -> Schedule:
    r"""A factor of :math:`\gamma` each n = `every` steps, in between smoothly: :math:`\eta_t = \eta\,\gamma^{t/n}`.

    Parameters
    ----------
    rate : float
        :math:`\eta`, the first rate.
    factor : float
        :math:`\gamma`.
    every : int
        n.

    Returns
    -------
    Schedule
        Called with the number of a step it returns its rate.

    Raises
    ------
    ValueError
        If an option is out of range.

    Examples
    --------
    >>> import nn
    >>> schedule = nn.schedules.exponential(1.0, factor=0.25, every=2)
    >>> [schedule(t) for t in (0, 1, 2)]
    [1.0, 0.5, 0.25]
    """
    call = "schedules.exponential"
    rate, factor = positive(call, "rate", rate), positive(call, "factor", factor)
    return Schedule(_exponential, rate=rate, factor=factor, every=whole(call, "every", every))


def _exponential(t: int, rate: float, factor: float, every: int) -> float:
    return rate * factor ** (t / every)


def linear(start: float, end: float, steps: int) -> Schedule:
    r"""A straight line :math:`\eta_t = a + (b - a)\,t/T` from a = `start` to b = `end` in T = `steps`.

    Parameters
    ----------
    start, end : float
        a and b, not negative.
    steps : int
        T.

    Returns
    -------
    Schedule
        Called with the number of a step it returns its rate.

    Raises
    ------
    ValueError
        If an option is out of range.

    Examples
    --------
    >>> import nn
    >>> schedule = nn.schedules.linear(1.0, 0.0, steps=4)
    >>> [schedule(t) for t in (0, 1, 4, 5)]
    [1.0, 0.75, 0.0, 0.0]
    """
    call = "schedules.linear"
    start, end = positive(call, "start", start, zero=True), positive(call, "end", end, zero=True)
    return Schedule(_linear, start=start, end=end, steps=whole(call, "steps", steps))


def _linear(t: int, start: float, end: float, steps: int) -> float:
    return start + (end - start) * min(t / steps, 1.0)


def polynomial(rate: float, steps: int, power: float = 1.0, end: float = 0.0, warmup: int = 0) -> Schedule:
    r"""A power of what is left, :math:`\eta_t = \eta_T + (\eta - \eta_T)(1 - t/T)^p`, to :math:`\eta_T` = `end`.

    Parameters
    ----------
    rate : float
        :math:`\eta`, the largest rate.
    steps : int
        T, the warm-up included.
    power : float
        p.
    end : float
        :math:`\eta_T`.
    warmup : int
        How many of the steps rise to `rate` first; see `nn.schedules.warmup`.

    Returns
    -------
    Schedule
        Called with the number of a step it returns its rate.

    Raises
    ------
    ValueError
        If an option is out of range.

    Examples
    --------
    >>> import nn
    >>> schedule = nn.schedules.polynomial(1.0, steps=4, power=2)
    >>> [schedule(t) for t in (0, 2, 4)]
    [1.0, 0.25, 0.0]
    """
    call = "schedules.polynomial"
    rate, end = positive(call, "rate", rate), positive(call, "end", end, zero=True)
    steps, rising = _shared(call, steps, warmup)
    power = positive(call, "power", power)
    return _after(rising, Schedule(_polynomial, rate=rate, steps=steps, power=power, end=end))


def _polynomial(t: int, rate: float, steps: int, power: float, end: float) -> float:
    return end + (rate - end) * (1 - min(t / steps, 1.0)) ** power


def cosine(rate: float, steps: int, end: float = 0.0, warmup: int = 0) -> Schedule:
    r""":math:`\eta_t = \eta_T + \frac12(\eta - \eta_T)(1 + \cos(\pi t/T))`: half a wave down to `end` in T = `steps`.

    Parameters
    ----------
    rate : float
        :math:`\eta`, the largest rate.
    steps : int
        T, the warm-up included.
    end : float
        :math:`\eta_T`.
    warmup : int
        How many of the steps rise to `rate` first; see `nn.schedules.warmup`.

    Returns
    -------
    Schedule
        Called with the number of a step it returns its rate.

    Raises
    ------
    ValueError
        If an option is out of range.

    References
    ----------
    Loshchilov and Hutter (2017), SGDR: stochastic gradient descent with warm restarts.

    Examples
    --------
    >>> import nn
    >>> schedule = nn.schedules.cosine(0.1, steps=100)
    >>> [round(schedule(t), 3) for t in (0, 25, 50, 100, 1000)]
    [0.1, 0.085, 0.05, 0.0, 0.0]
    """
    call = "schedules.cosine"
    rate, end = positive(call, "rate", rate), positive(call, "end", end, zero=True)
    steps, rising = _shared(call, steps, warmup)
    return _after(rising, Schedule(_cosine, rate=rate, steps=steps, end=end))


def _cosine(t: int, rate: float, steps: int, end: float) -> float:
    return end + (rate - end) * (1 + math.cos(math.pi * min(t / steps, 1.0))) / 2


def inverse_sqrt(rate: float, warmup: int) -> Schedule:
    r"""Up in w = `warmup` steps, then slowly down: :math:`\eta_t = \eta\,\min(\frac{t+1}{w}, \sqrt{\frac{w}{t+1}})`.

    Parameters
    ----------
    rate : float
        :math:`\eta`, the largest rate.
    warmup : int
        w.

    Returns
    -------
    Schedule
        Called with the number of a step it returns its rate.

    Raises
    ------
    ValueError
        If an option is out of range.

    References
    ----------
    Vaswani et al. (2017), Attention is all you need, section 5.3, with the largest rate as :math:`\eta`.

    Examples
    --------
    >>> import nn
    >>> schedule = nn.schedules.inverse_sqrt(1.0, warmup=4)
    >>> [schedule(t) for t in (0, 3, 15)]
    [0.25, 1.0, 0.5]
    """
    call = "schedules.inverse_sqrt"
    return Schedule(_inverse_sqrt, rate=positive(call, "rate", rate), warmup=whole(call, "warmup", warmup))


def _inverse_sqrt(t: int, rate: float, warmup: int) -> float:
    share = (t + 1) / warmup
    return rate * min(share, share**-0.5)


def one_cycle(
    rate: float, steps: int, rise: float = 0.3, start: float | None = None, end: float | None = None
) -> Schedule:
    """One wave: from `start` up to `rate` in a share `rise` of the steps, then down to `end`, each half a cosine.

    Parameters
    ----------
    rate : float
        The largest rate.
    steps : int
        Of the whole cycle.
    rise : float
        The share of the steps that go up, in (0, 1).
    start, end : float, optional
        By default `rate / 25` and `start / 10_000`, as in PyTorch.

    Returns
    -------
    Schedule
        Called with the number of a step it returns its rate.

    Raises
    ------
    ValueError
        If an option is out of range.

    References
    ----------
    Smith and Topin (2018), Super-convergence: very fast training of neural networks using large learning rates.

    Examples
    --------
    >>> import nn
    >>> schedule = nn.schedules.one_cycle(1.0, steps=10, rise=0.5, start=0.0, end=0.0)
    >>> [round(schedule(t), 3) for t in (0, 5, 10)]
    [0.0, 1.0, 0.0]
    """
    call = "schedules.one_cycle"
    rate = positive(call, "rate", rate)
    start = rate / 25 if start is None else positive(call, "start", start, zero=True)
    end = start / 1e4 if end is None else positive(call, "end", end, zero=True)
    if not (isinstance(rise, int | float) and 0 < rise < 1):
        raise ValueError(RISE.format(value=rise))
    steps = whole(call, "steps", steps, 2)
    return Schedule(_one_cycle, rate=rate, steps=steps, rise=rise, start=start, end=end)


def _one_cycle(t: int, *, rate: float, steps: int, rise: float, start: float, end: float) -> float:
    share = min(t / steps, 1.0)
    if share < rise:
        return start + (rate - start) * (1 - math.cos(math.pi * share / rise)) / 2
    return end + (rate - end) * (1 + math.cos(math.pi * (share - rise) / (1 - rise))) / 2


def warmup(schedule: Callable[[int], float] | float, steps: int) -> Schedule:
    r"""A rise before a schedule: :math:`\eta_t = \eta^*_0 (t+1)/(w+1)` for t < w = `steps`, then :math:`\eta^*_{t-w}`.

    No step is wasted at a rate of 0, and the rise ends where the schedule begins.

    Parameters
    ----------
    schedule : Schedule, callable or float
        :math:`\eta^*`, which counts its own steps from 0; a number is constant.
    steps : int
        w.

    Returns
    -------
    Schedule
        Called with the number of a step it returns its rate.

    Raises
    ------
    ValueError, TypeError
        If the number of steps is not positive, or there is no schedule.

    Examples
    --------
    >>> import nn
    >>> schedule = nn.schedules.warmup(nn.schedules.exponential(1.0, factor=0.5), steps=3)
    >>> [schedule(t) for t in range(6)]
    [0.25, 0.5, 0.75, 1.0, 0.5, 0.25]
    """
    return Schedule(_warmup, schedule=_as_schedule("warmup", schedule), steps=whole("schedules.warmup", "steps", steps))


def _warmup(t: int, schedule: Callable[[int], float], steps: int) -> float:
    return schedule(0) * (t + 1) / (steps + 1) if t < steps else schedule(t - steps)


def joined(*parts: Any) -> Schedule:
    """One schedule after the other: `joined(first, steps, second, ...)`, each counting its own steps from 0.

    Parameters
    ----------
    *parts : Schedule, callable, float or int
        Schedules or fixed rates, and between two of them how many steps the first of the two lasts.

    Returns
    -------
    Schedule
        Called with the number of a step it returns its rate.

    Raises
    ------
    TypeError
        If a part is no schedule, or the last one is missing.
    ValueError
        If a number of steps is not positive.

    Examples
    --------
    >>> import nn
    >>> schedule = nn.schedules.joined(0.1, 100, nn.schedules.cosine(0.01, steps=50), 50, 0.001)
    >>> schedule(99), schedule(100), schedule(150)
    (0.1, 0.01, 0.001)
    """
    if len(parts) < 3 or len(parts) % 2 == 0:
        raise TypeError(NOT_A_SCHEDULE.format(name="joined(first, steps, second, ...)", value=parts))
    schedules = tuple(_as_schedule("joined", part) for part in parts[::2])
    lengths = tuple(whole("schedules.joined", "steps", part) for part in parts[1::2])
    return Schedule(_joined, schedules=schedules, lengths=lengths)


def _joined(t: int, schedules: tuple[Callable[[int], float], ...], lengths: tuple[int, ...]) -> float:
    for schedule, length in zip(schedules, lengths, strict=False):
        if t < length:
            return schedule(t)
        t -= length
    return schedules[-1](t)


def _as_schedule(name: str, value: Any) -> Callable[[int], float]:
    """A schedule, of a fixed rate the constant one."""
    if callable(value):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return constant(value)
    raise TypeError(NOT_A_SCHEDULE.format(name=name, value=value))


def _after(rising: int, schedule: Schedule) -> Schedule:
    return warmup(schedule, rising) if rising else schedule


def _shared(call: str, steps: Any, rising: Any) -> tuple[int, int]:
    """The steps after the warm-up, and those of it."""
    steps, rising = whole(call, "steps", steps), whole(call, "warmup", rising, 0)
    if rising >= steps:
        raise ValueError(TOO_LONG.format(call=call, steps=steps, warmup=rising))
    return steps - rising, rising


if not TYPE_CHECKING:  # to checkers no other name exists

    def __getattr__(name: str) -> Any:
        raise elsewhere.missing("nn.schedules", name, SCHEDULES, __all__)
