"""Numeric derivatives that know how far off they may be: Ridders' extrapolation of differences to step 0.

Plain NumPy on vectors; nothing here knows tensors, rules or verdicts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

Vector = np.ndarray[Any, np.dtype[np.float64]]
Curve = Callable[[float], Vector]

EPS = float(np.finfo(float).eps)
UNDERFLOW = 1024 * float(np.finfo(float).smallest_subnormal)  # what is smaller has few digits, or none
RATIO = 4.0  # of one step to the next; a power of two, so that x + h is exact
FEW, MANY = 6, 14  # steps; many reach down to 2e-9 of the first
MUCH = 256  # times the noise of values: what is more is a jump
ENOUGH = 1e-9  # an error, relative to the derivative, that needs no more steps


class Estimate(NamedTuple):
    """A derivative and a bound on its error, entry by entry; the bound is infinite where nothing could be computed."""

    value: Vector
    error: Vector

    def better(self, other: Estimate) -> Estimate:
        """Of two estimates the one with the smaller error, entry by entry."""
        first = self.error <= other.error
        return Estimate(np.where(first, self.value, other.value), np.where(first, self.error, other.error))

    def confirmed(self, *others: Estimate) -> Estimate:
        """This one, with an error as large as that of the others and as the distance to them."""
        with np.errstate(invalid="ignore"):
            errors = [self.error, *(np.maximum(o.error, np.abs(o.value - self.value)) for o in others)]
            error = np.max(errors, axis=0)
        return Estimate(self.value, np.where(np.isfinite(error), error, np.inf))

    def plus(self, error: Any) -> Estimate:
        """This one with a larger error."""
        return Estimate(self.value, self.error + error)

    def refining(self, other: Estimate) -> Estimate:
        """This one where it is more exact than the other and does not contradict it, else the other."""
        taken = (self.error < other.error) & self.agrees(other)
        return Estimate(np.where(taken, self.value, other.value), np.where(taken, self.error, other.error))

    def agrees(self, other: Estimate) -> Any:
        """Where the two do not contradict each other."""
        return np.abs(self.value - other.value) <= 2 * (self.error + other.error)


def derivative(curve: Curve, step: float, eps: Any = EPS, levels: int = MANY, noise: Any = 0.0) -> Estimate:
    r"""The derivative at 0 of a curve :math:`h \mapsto y(h)` in many dimensions, by central differences.

    Parameters
    ----------
    curve : callable
        Takes a number, returns a vector. Values that are not finite say that the number is outside the domain.
    step : float
        The largest step. Smaller ones follow, each a quarter of the one before, until the extrapolated values agree.
    eps : float or array
        The relative rounding error of the curve's entries.
    levels : int
        How many steps at most.
    noise : float or array
        How far the curve's entries may be off beyond that.

    Returns
    -------
    Estimate
        The extrapolated value that agrees best with its neighbours in the tableau, and how well it does, plus what
        rounding may add.

    Notes
    -----
    C. J. F. Ridders, Accurate computation of F'(x) and F'(x)F''(x), Advances in Engineering Software 4 (1982) 75.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_mini.testing.differences import derivative
    >>> found = derivative(lambda h: np.array([np.exp(h), 1e-12 * np.sin(h)]), 0.125)
    >>> bool(np.all(np.abs(found.value - [1, 1e-12]) <= found.error)), bool(found.error.max() < 1e-9)
    (True, True)
    """

    def quotient(h: float) -> tuple[Vector, Vector]:
        up, down = curve(h), curve(-h)
        return up / (2 * h) - down / (2 * h), np.maximum(np.abs(up), np.abs(down))

    return extrapolated(quotient, step, eps, power=2, levels=levels, noise=noise)


def one_sided(curve: Curve, step: float, eps: Any = EPS, levels: int = MANY, noise: Any = 0.0) -> Estimate:
    """The slope at 0 on one side: to the right for a positive step, to the left for a negative one."""
    start = curve(0.0)

    def quotient(h: float) -> tuple[Vector, Vector]:
        end = curve(h)
        return end / h - start / h, np.maximum(np.abs(end), np.abs(start))

    return extrapolated(quotient, step, eps, power=1, levels=levels, noise=noise)


def extrapolated(
    quotient: Callable[[float], tuple[Vector, Vector]], step: float, eps: Any, *, power: int, levels: int, noise: Any
) -> Estimate:
    """The limit of a difference quotient whose error is a series in `h**power`, from a number of steps."""
    best: Estimate | None = None
    above: list[Vector] = []

    def holds(found: Estimate, h: float, first: Vector) -> bool:
        """Whether the last of few steps says the same: what looks like a line or a parabola may turn closer by."""
        near = step * RATIO ** (1 - FEW)
        last, size = quotient(near)
        off = np.abs(first - found.value) * (near / h) ** power + 2 * (eps * size + noise) / abs(near)
        return bool(np.all(np.abs(last - found.value) <= off + found.error))

    with np.errstate(all="ignore"):
        for level in range(levels):
            h = step * RATIO**-level
            first, size = quotient(h)
            rounding = 2 * (eps * size + noise + np.finfo(float).smallest_subnormal) / abs(h)
            row = [first]
            for order, coarse in enumerate(above, 1):
                factor = RATIO ** (power * order)
                row.append(row[-1] + (row[-1] - coarse) / (factor - 1))
            for order in range(1, level):
                value = row[order]
                spread = np.maximum(
                    np.maximum(np.abs(value - row[order - 1]), np.abs(value - above[order - 1])),
                    np.abs(value - above[order]),
                )
                error = spread + rounding
                found = Estimate(value, np.where(np.isfinite(error), error, np.inf))
                best = found if best is None else best.better(found)
            above = row
            if best is None:
                continue
            exact = 64 * rounding * abs(h / step)
            if level + 1 >= FEW:
                if np.all(best.error <= np.maximum(ENOUGH * np.abs(best.value), exact)):
                    break
            elif np.all(best.error <= exact) and holds(best, h, first):
                break
    assert best is not None
    return best


def complex_step(curve: Callable[[complex], Any], step: float) -> Estimate | None:
    """The derivative at 0 of an analytic curve as the imaginary part at a tiny imaginary step, exact to rounding.

    The error is how much it changes with the step; None where the curve is not of complex numbers.
    """
    sizes = [step * factor * 2.0**-60 for factor in (1, 0.73, 0.41)]  # of other digits, so that rounding shows
    try:
        ends = [np.asarray(curve(complex(0, h))) for h in sizes]
    except Exception:  # noqa: BLE001 (a function of real numbers may fail in any way)
        return None
    if any(not np.iscomplexobj(end) for end in ends):
        return None
    with np.errstate(all="ignore"):
        slopes = np.stack([end.imag / h for end, h in zip(ends, sizes, strict=True)])
        error = 4 * np.ptp(slopes, axis=0) + 64 * EPS * np.abs(slopes[0])
        return Estimate(slopes[0], np.where(np.isfinite(error), error, np.inf))


def diverges(curve: Curve, step: float, noise: Any) -> Vector:
    """The sign of each slope on one side that grows without bound, 0 where it does not, or where there is none.

    What grows must move the values by more than their noise.
    """
    with np.errstate(all="ignore"):
        start = curve(0.0)
        quotients = np.stack([(curve(step * RATIO**-k) - start) / (step * RATIO**-k) for k in range(FEW, MANY)])
        sizes = np.abs(quotients)
        grows = np.all(np.diff(sizes, axis=0) > 0, axis=0) & (sizes[-1] > np.maximum(4 * sizes[0], 1.1 * sizes[-2]))
        jump = np.abs(quotients[-1] * step * RATIO ** (1 - MANY)) > MUCH * noise
        return np.where(grows & jump & np.isfinite(quotients[-1]), np.sign(quotients[-1]), 0.0)


def signed_patterns(count: int, rng: np.random.Generator) -> Vector:
    """Rows of -1, 0 and 1 that together see every one of many entries.

    Three rows have random signs throughout. For each bit of an entry's number there are two more, which hold the
    entries where that bit is 0, or 1.
    """
    signs = rng.choice([-1.0, 1.0], (3, count))
    numbers = np.arange(count)
    bits = range(max(count - 1, 1).bit_length())
    groups = [(numbers >> bit & 1) == value for bit in bits for value in (0, 1)]
    return np.stack([*signs, *(rng.choice([-1.0, 1.0], count) * group for group in groups if group.any())])
