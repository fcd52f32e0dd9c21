"""Each reason that `check_derivatives` gives for "inconclusive" is true of the function, and is given where it is."""

import functools
import itertools
import re

import numpy as np
import pytest

from autograd_mini.testing import InconclusiveError, check_derivatives, comparison
from tests.autograd_mini.testing.mistakes import twice_derivable

REASONS = {
    name: re.compile(re.escape(getattr(comparison, name)).replace(r"\{function\}", ".*"))
    for name in ("NO_NUMBERS", "NOT_FINITE", "TOO_LARGE", "DISAGREE", "UNBOUNDED", "STAIRS", "HIDDEN")
}
DRAWS = 6


def quotients(f, x, steps):
    return [(f(x + h) - f(x - h)) / (2 * h) for h in np.asarray(steps) * abs(x or 1.0)]


def is_stairs(f, x, _slope):
    """It is the same for numbers that float32 does not tell apart, and another one for others."""
    cells = [np.float32(x * (1 + k * 2.0**-28)) for k in range(33)]
    values = [f(x * (1 + k * 2.0**-28)) for k in range(33)]
    changes = [a != b for a, b in itertools.pairwise(cells)]
    jumps = np.abs(np.diff(values))
    return any(changes) and min(jumps[changes]) > 4 * max(jumps[np.logical_not(changes)])


def is_hidden(f, x, slope):
    """Over an eighth of the argument the slope moves the values by few units of their rounding."""
    return abs(slope * x) / 8 < 1e4 * np.spacing(abs(f(x)))


def is_inconsistent(f, x, _slope):
    """Slopes over smaller and smaller steps do not settle."""
    found = quotients(f, x, 10.0 ** np.arange(-8, 0))
    return np.ptp(found) > 1e-2 * np.max(np.abs(found))


def is_unbounded(f, x, _slope):
    """The slope on one side grows as the steps shrink."""
    sides = [[abs(f(x + s * h) - f(x)) / h for h in (1e-3, 1e-5, 1e-7)] for s in (1, -1)]
    return any(a < b < c for a, b, c in sides)


def is_outside(f, x, _slope):
    return all(not np.isfinite(f(x + s * h)) for s in (1, -1) for h in (1e-3, 1e-6))


TRUTH = {
    "NO_NUMBERS": is_outside,
    "NOT_FINITE": lambda f, x, _slope: not np.isfinite(f(x)),
    "TOO_LARGE": lambda _f, _x, slope: not np.isfinite(slope),
    "DISAGREE": is_inconsistent,
    "UNBOUNDED": is_unbounded,
    "STAIRS": is_stairs,
    "HIDDEN": is_hidden,
}
SMOOTH = [
    (np.sin, np.cos),
    (np.exp, np.exp),
    (np.tanh, lambda x: 1 / np.cosh(x) ** 2),
    (np.sqrt, lambda x: 0.5 / np.sqrt(x)),
]


def unsteady(t):
    """Noise: another number between -1 and 1 for each argument."""
    return np.sin(1e14 * t) * np.cos(3e15 * t)


def function_for(reason, rng):
    """A function with that flaw at a drawn point, the point, and what it claims for a slope."""
    (g, slope), x, a = SMOOTH[rng.integers(len(SMOOTH))], rng.uniform(0.3, 1.2), rng.uniform(0.5, 2)
    rough, power = 10.0 ** rng.uniform(-6, -3), rng.choice([0, 0.3, 0.5])
    return {
        "STAIRS": (lambda t: a * g(np.asarray(t).astype(np.float32).astype(float)) * t, x, a * (slope(x) * x + g(x))),
        "HIDDEN": (lambda t: a + 10.0**-14.5 * g(t), x, 10.0**-14.5 * slope(x) * 1.7),
        "DISAGREE": (lambda t: g(t) + rough * unsteady(t), x, slope(x)),
        "UNBOUNDED": (lambda t: g(a) + np.sign(t - x) * np.abs(t - x) ** power, x, slope(x)),
        "NO_NUMBERS": (lambda t: np.where(np.asarray(t) == x, g(t), np.nan), x, slope(x)),
        "NOT_FINITE": (lambda t: g(t) / np.where(np.asarray(t) == x, 0.0, 1.0), x, slope(x)),
        "TOO_LARGE": (lambda t: g(t * 1e308 / 4) * 1e10, x * 4e-308, np.nan),
    }[reason]


def reasons_for(f, x, slope):
    with np.errstate(all="ignore"):
        try:
            check_derivatives(f, np.array(x), vjp=lambda g, _x: g * slope, small_shapes=False)
        except InconclusiveError as error:
            return [name for name, words in REASONS.items() if words.search(str(error))]
        except AssertionError:
            return ["wrong"]
    return []


@functools.cache
def examples():
    """Functions with any flaw, and the reasons that are given for them: `(flaw, f, x, slope, reasons)`."""
    drawn = [(flaw, *function_for(flaw, np.random.default_rng(seed))) for flaw in REASONS for seed in range(DRAWS)]
    return [(*example, reasons_for(*example[1:])) for example in drawn]


@pytest.mark.parametrize("reason", REASONS)
def test_a_reason_is_given_where_it_is_true_and_nowhere_else(reason):
    given = [reasons for flaw, *_, reasons in examples() if flaw == reason]
    assert sum(reason in reasons for reasons in given) > DRAWS / 2, given
    with np.errstate(all="ignore"):
        for flaw, f, x, slope, reasons in examples():
            assert reason not in reasons or TRUTH[reason](f, x, slope), (flaw, x, slope)


@pytest.mark.parametrize("x", [5.0, 8.5, 12.3, 17.0, 19.5])
def test_a_saturated_tanh_is_not_said_to_round_what_it_is_given(x):
    report = check_derivatives(np.tanh, np.array(x), inconclusive="return")
    assert not any("rounds what it is given" in reason for reason in report.reasons)


def test_a_reason_of_the_second_order_is_about_the_first_derivative():
    noisy = twice_derivable(
        np.sin,
        lambda g, x: g * (np.cos(x) + 1e-3 * unsteady(x)),
        lambda h, g, x: (h * (np.cos(x) + 1e-3 * unsteady(x)), -h * g * np.sin(x)),
    )
    report = check_derivatives(noisy, np.array(0.7), inconclusive="return", small_shapes=False)
    assert [reason for reason in report.reasons if "its derivative of order 1 jumps, oscillates or is noisy" in reason]
