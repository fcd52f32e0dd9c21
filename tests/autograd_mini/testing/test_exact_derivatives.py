"""The checker beside derivatives known to 50 digits: it calls none of the right ones wrong, and sees what can be seen.

Functions are drawn, their arguments and values from 1e-300 to 1e300. AUTOGRAD_MINI_PROFILE=thorough draws thousands.
"""

import collections
import os
from typing import NamedTuple

import numpy as np
import pytest

pytest.importorskip("mpmath")

from mpmath import mp, mpf

from autograd_mini import Tensor, grad
from autograd_mini.testing import DerivativeError, InconclusiveError, check_derivatives
from tests.autograd_mini.testing.expressions import Expression, drawn, without_a_part
from tests.autograd_mini.testing.mistakes import twice_derivable

THOROUGH = os.environ.get("AUTOGRAD_MINI_PROFILE") == "thorough"
SLICES = 4
FUNCTIONS = 6000 if THOROUGH else 160
MISTAKEN = {1: 1200, 2: 600} if THOROUGH else {1: 32, 2: 16}  # for each order
ENTROPY = np.random.SeedSequence().entropy if THOROUGH else 0
RARE = 0.01  # of the functions whose derivatives are neither huge nor tiny may be inconclusive
MARGIN = 1000
FINE = 1e-9  # relative: less than that is taken for rounding that has piled up
EPS = np.finfo(float).eps
FACTORS = {"a millionth": 1 + 1e-6, "sign": -1.0, "twice": 2.0, "half": 0.5, "none": 0.0}


class Case(NamedTuple):
    """A function of a vector, its first and second derivative as pullbacks, and where."""

    function: Expression
    x: np.ndarray

    def f(self, x):
        return self.function(*(x[i] for i in range(len(self.x))))

    def check(self, gradient, hessian=None):
        """Check these derivatives of the function: to order 1, or to order 2 if there is a Hessian."""

        def first(g, x):
            return g * of_numbers(gradient, x)

        def second(h, g, x):
            return np.sum(h * of_numbers(self.function.gradient, x)), g * (of_numbers(hessian, x) @ h)

        if hessian is None:
            return check_derivatives(self.f, self.x, vjp=first, small_shapes=False)
        return check_derivatives(twice_derivable(self.f, first, second), self.x, small_shapes=False)

    def moderate(self, order=2):
        """Whether no derivative is near the ends of the range of numbers."""
        exact = self.function.exact(self.x)
        entries = [*exact.gradient, *(h for row in exact.hessian[: None if order == 2 else 0] for h in row)]
        return all(h == 0 or 1e-290 < abs(h) < 1e290 for h in entries)


def of_numbers(derivative, x):
    return derivative(x.data if isinstance(x, Tensor) else x)


def case(seed):
    return Case(*drawn(np.random.default_rng((ENTROPY, seed))))


def seeds(part, count):
    return range(part, count, SLICES)


def verdict(check, *args):
    """What a check says: "right", "wrong" or the reasons why it cannot tell."""
    try:
        return check(*args).verdict
    except DerivativeError:
        return "wrong"
    except InconclusiveError as error:
        return str(error)


@pytest.mark.parametrize("part", range(SLICES))
def test_right_derivatives_are_not_called_wrong(part):
    """By the engine's rules, to second order."""
    unclear, moderate = {}, 0
    for seed in seeds(part, FUNCTIONS):
        drawing = case(seed)
        found = verdict(check_derivatives, drawing.function, *map(np.array, drawing.x))
        if found == "wrong":  # a slope that is not finite, where the function has one that is, is wrong indeed
            slopes = grad(drawing.f)(drawing.x)
            assert not np.isfinite(slopes).all(), f"{drawing.function} at {drawing.x}, seed {seed} of entropy {ENTROPY}"
        assert "rounds what it is given" not in found, (seed, found)  # no drawn function does
        moderate += drawing.moderate()
        if found != "right" and drawing.moderate():
            unclear[seed] = found
    print(f"none wrong; {moderate} with moderate derivatives, of which {len(unclear)} inconclusive: {unclear}")
    assert len(unclear) <= RARE * moderate + 1, unclear


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("part", range(SLICES))
def test_derivatives_by_other_means_are_accepted_and_mistakes_in_them_are_seen(part, order):
    """Exact ones as they are; of mistakes that a plain difference shows, the checker misses 1 % at most."""
    counts = collections.Counter()
    for seed in seeds(part, MISTAKEN[order]):
        drawing, rng = case(seed), np.random.default_rng((1, seed))
        if not drawing.moderate(order):
            continue
        right = drawing.function
        wrong_gradient, wrong_hessian, name = mistaken(right, rng)
        derivatives = (right.gradient,) if order == 1 else (right.gradient, right.hessian)
        told = f"{right} at {drawing.x}, {name}, order {order}, seed {seed} of entropy {ENTROPY}"
        found = verdict(drawing.check, *derivatives)
        assert found != "wrong", told
        counts["accepted" if found == "right" else "inconclusive"] += 1
        changed = (wrong_gradient,) if order == 1 else (right.gradient, wrong_hessian)
        seen = is_visible(drawing, wrong_gradient(drawing.x) if order == 1 else wrong_hessian(drawing.x), order)
        if seen:
            counts["mistakes that stay unseen"] += verdict(drawing.check, *changed) != "wrong"
        counts["mistakes that can be seen"] += seen
    print(dict(counts))
    cases, visible = counts["accepted"] + counts["inconclusive"], counts["mistakes that can be seen"]
    assert counts["inconclusive"] <= RARE * cases + 1
    assert counts["mistakes that stay unseen"] <= RARE * visible + THOROUGH
    assert visible >= cases / 3


def mistaken(right, rng):
    """A wrong gradient, a wrong Hessian, and what is wrong: a factor, or the derivatives of a part are forgotten."""
    name = rng.choice([*FACTORS, *["forgotten"] * len(FACTORS)])
    if name == "forgotten":
        wrong = without_a_part(right, rng)
        return wrong.gradient, wrong.hessian, str(wrong)
    return (lambda x: FACTORS[name] * right.gradient(x)), (lambda x: FACTORS[name] * right.hessian(x)), name


def is_visible(drawing, wrong, order):
    """Whether some central difference in float64 is closer to the right derivative, by far, than a wrong one is."""
    exact = drawing.function.exact(drawing.x)
    for i, h in ((i, 2.0 ** (np.floor(np.log2(abs(a))) - k)) for i, a in enumerate(drawing.x) for k in range(3, 24)):
        ends = [drawing.x + sign * h * np.eye(drawing.x.size)[i] for sign in (1, -1)]
        up, down = (drawing.function.exact(end) for end in ends)
        if up is None or down is None:
            continue
        if order == 1:
            rounding = max(abs(mpf(float(drawing.f(x))) - jet.value) for x, jet in zip(ends, (up, down), strict=True))
            entries = [(up.value, down.value, rounding, wrong[i], exact.gradient[i])]
        else:
            rows = range(drawing.x.size)
            entries = [(up.gradient[k], down.gradient[k], mpf(0), wrong[k][i], exact.hessian[k][i]) for k in rows]
        for a, b, rounding, got, want in entries:
            error = rounding + EPS * max(abs(a), abs(b)) + abs(a - b - 2 * h * want)
            off = abs(mpf(float(got)) - want)
            if mp.isfinite(error) and off > FINE * abs(want) and off * 2 * h > MARGIN * error:
                return True
    return False
