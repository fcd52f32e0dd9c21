"""Given derivatives beside numeric ones: which entries are right, which are wrong, and which nobody can tell.

Only numbers are compared here; what is done about a finding, and how it is told, is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from autograd_mini.testing.differences import (
    EPS,
    FEW,
    MANY,
    RATIO,
    UNDERFLOW,
    Estimate,
    Vector,
    complex_step,
    derivative,
    diverges,
    one_sided,
    signed_patterns,
)
from autograd_mini.testing.problem import Problem, Pullback, remembering

STEP = 0.125  # the first one, relative to the size of what is moved
TRUST = 16  # an estimate may be off by this many times its error
SEEN = 1e-2  # after a second look, a mistake that large, relative to the entry itself, would show
PRECISE = 1e-6  # a comparison at least so exact, relative to the largest entry of its row, tells right from wrong
PLAIN = 1e-4  # a mistake so large, relative to the entry itself, needs no second look
ROUNDING = 64 * EPS
FINE = 1e-10  # relative to the entry itself: less than that is rounding that has piled up, not a mistake
ENTRIES, SIDE = 4096, 160  # Jacobians of up to so many entries, rows and columns are compared entry by entry

Matrix = np.ndarray[Any, Any]


class Comparison(NamedTuple):
    """Derivatives as given and as found by numbers, and what follows for each.

    Attributes
    ----------
    got, want, error : ndarray
        Of shape (rows, columns): what was given, what the numbers say, and how far off they may be.
    wrong, kink : ndarray of bool
        Where `got` is wrong, and where the function has two slopes.
    doubts : dict
        (row, column) to the reason why the numbers cannot tell.
    rows, columns : sequence of int
        The entries of the result and of the input that are compared; empty if sums over many are.
    slopes : dict
        (row, column) of a kink to its two slopes, the smaller one first.
    """

    got: Matrix
    want: Matrix
    error: Matrix
    wrong: Matrix
    kink: Matrix
    doubts: dict[tuple[int, int], str]
    rows: Sequence[int] = ()
    columns: Sequence[int] = ()
    slopes: Mapping[tuple[int, int], tuple[float, float]] = MappingProxyType({})


def compare(problem: Problem, rng: np.random.Generator, rtol: float = 0.0, every: bool = True) -> Comparison:
    """Compare the pullback of a problem with numeric derivatives of its values, each in its own scale.

    A pullback that claims no more may be off by `rtol` of the largest entry in a row. Where it is enough to know that
    something is wrong, not every wrong entry is looked for.
    """
    rows, columns = problem.eps.size, problem.point.size
    if rows * columns <= ENTRIES and rows + columns <= SIDE:
        found = compare_entries(problem, range(rows), range(columns), rtol, every)
        across = across_kinks(problem, found, rtol) if found.kink.any() and not found.wrong.any() else found
        return across if across.wrong.any() else found
    cotangents = signed_patterns(rows, rng)
    directions = signed_patterns(columns, rng) * sizes(problem)
    found = Comparer(problem, cotangents, directions, rtol).run()
    if not found.wrong.any() or not every:
        return found
    row, column = worst_entry(problem, cotangents, directions, found)
    entry = compare_entries(problem, [row], [column], rtol)
    return entry if entry.wrong.any() else found


def compare_entries(
    problem: Problem, rows: Sequence[int], columns: Sequence[int], rtol: float = 0.0, every: bool = True
) -> Comparison:
    """Compare single entries of the Jacobian."""
    size = sizes(problem)[list(columns)]
    units = np.zeros((len(columns), problem.point.size))
    units[range(len(columns)), list(columns)] = size
    cotangents = np.zeros((len(rows), problem.eps.size))
    cotangents[range(len(rows)), list(rows)] = 1
    found = Comparer(problem, cotangents, units, rtol, every).run()
    with np.errstate(all="ignore"):
        slopes = {(i, j): (low / size[j], high / size[j]) for (i, j), (low, high) in found.slopes.items()}
        return found._replace(
            got=found.got / size,
            want=found.want / size,
            error=found.error / size,
            rows=rows,
            columns=columns,
            slopes=slopes,
        )


def across_kinks(problem: Problem, found: Comparison, rtol: float) -> Comparison:
    """Compare along the one direction that moves all entries with a kink: together they may have one slope."""
    direction = np.where(found.kink.any(axis=0), sizes(problem), 0.0)
    return Comparer(problem, np.eye(problem.eps.size), direction[None], rtol).run()


def sizes(problem: Problem) -> Vector:
    """How far each input may be moved: a power of two near its own size; for a zero, near that of its neighbours."""
    own, typical = np.abs(problem.point), np.ones(problem.point.size)
    start = 0
    for a in problem.inputs:
        stop = start + a.size * (2 if a.dtype.kind == "c" else 1)
        part = own[start:stop]
        typical[start:stop] = np.median(part[part > 0]) if np.any(part > 0) else 1.0
        start = stop
    return 2.0 ** np.floor(np.log2(np.where(own > 0, own, typical)))


def contracted(weights: Matrix, vectors: Matrix) -> Matrix:
    """`weights @ vectors`, where a weight of 0 hides what is not finite."""
    if np.isfinite(vectors).all():
        return vectors @ weights.T
    sums = [np.sum(np.where(w != 0, w * vectors, 0), axis=-1) for w in weights]
    return np.stack(sums, axis=-1) if sums else np.zeros((*vectors.shape[:-1], 0))


def certain(estimate: Estimate) -> Any:
    """Where an estimate has digits enough to show a mistake."""
    return TRUST * estimate.error <= SEEN * np.abs(estimate.value)


def agree(a: Estimate, b: Estimate) -> Any:
    """Where two estimates do not contradict each other."""
    return np.abs(a.value - b.value) <= TRUST * (a.error + b.error)


class Comparer:
    """Compares contractions u . J v of a Jacobian for some cotangents u and directions v."""

    def __init__(
        self, problem: Problem, cotangents: Matrix, directions: Matrix, rtol: float, every: bool = False
    ) -> None:
        self.problem, self.cotangents, self.directions = problem, cotangents, directions
        self.rtol, self.every = rtol, every
        self.curves = [problem.curve(direction) for direction in directions]
        self.pullbacks_nearby = remembering(self.pullbacks_on_one_side, problem.point.size)
        self.pulled_nearby = remembering(self.pulled_on_one_side, problem.point.size)

    def run(self) -> Comparison:
        with np.errstate(all="ignore"):
            return self.compared()

    def compared(self) -> Comparison:
        pull = self.problem.pullback()
        shape = len(self.cotangents), len(self.directions)
        pulled = np.reshape([pull(u) for u in self.cotangents], (shape[0], self.problem.point.size))
        got, rounding = contracted(self.directions, pulled), contracted(np.abs(self.directions), np.abs(pulled))
        want, error = np.zeros(shape), np.zeros(shape)
        for j, curve in enumerate(self.curves):
            want[:, j], error[:, j] = self.projected(derivative(curve, STEP, self.problem.eps))
        error += ROUNDING * np.where(np.isfinite(rounding), rounding, 0)
        error += UNDERFLOW * np.max(np.abs(self.directions), axis=1, initial=0)
        values = contracted(self.cotangents, self.problem.value(self.problem.point))
        right = self.is_right(got, want, error, self.allowed(got, want)) & np.isfinite(values)[:, None]
        wrong, kink, doubts, slopes = np.zeros(shape, bool), np.zeros(shape, bool), {}, {}
        for j in map(int, np.flatnonzero(~right.all(axis=0))):
            rows = np.flatnonzero(~right[:, j])
            if self.is_plainly_wrong(j, rows, got[rows, j], Estimate(want[rows, j], error[rows, j])):
                wrong[rows, j] = True
                if self.every:
                    continue
                break
            known = np.where(np.isfinite(want), np.abs(want), 0)
            row_scale, column_scale = known[rows].max(axis=1), known[:, j].max()
            overall = float(np.max(known))
            blur = ROUNDING * np.maximum(row_scale, column_scale)
            if self.are_blurred_zeros(j, rows, got[rows, j], Estimate(want[rows, j], error[rows, j]), blur):
                continue
            look = SecondLook(self, j, rows, got[rows, j])
            for k, row in enumerate(rows):
                want[row, j], error[row, j] = look.estimate.value[k], look.estimate.error[k]
                allowed = self.rtol * max(row_scale[k], abs(got[row, j]))
                verdict = look.verdict(k, float(row_scale[k]), float(column_scale), overall, allowed)
                wrong[row, j], kink[row, j] = verdict == WRONG, look.kink[k]
                if look.kink[k]:
                    slopes[int(row), j] = look.slopes(k)
                if verdict not in (RIGHT, WRONG):
                    doubts[int(row), j] = verdict
            if wrong.any() and not self.every:
                break
        return Comparison(got, want, error, wrong, kink, doubts, slopes=slopes)

    def is_plainly_wrong(self, column: int, rows: Any, got: Vector, want: Estimate) -> bool:
        """Whether some results have one slope, known to many digits, and are given another: most mistakes are so large.

        Then nobody needs a second look.
        """
        off, scale = np.abs(got - want.value), np.maximum(np.abs(got), np.abs(want.value))
        if self.rtol or not np.all((off > PLAIN * scale) & (TRUST * want.error <= PRECISE * scale)):
            return False
        rounding = contracted(np.abs(self.cotangents[rows]), self.problem.rounding(self.problem.point))
        if np.any(off * STEP <= TRUST * rounding):
            return False  # so small a step is lost beside the other terms of a sum
        curve = self.curves[column]
        for step in (STEP, -STEP):
            side = self.projected(one_sided(curve, step, self.problem.eps, levels=FEW), rows)
            if not np.all((TRUST * side.error <= SEEN * off) & agree(side, want)):
                return False
        noise = noise_of_given(self, rows, self.directions[column])
        return bool(np.all(off > TRUST * (want.error + 4 * noise)))

    def are_blurred_zeros(self, column: int, rows: Any, got: Vector, want: Estimate, blur: Vector) -> bool:
        """Whether some results do not depend on what is moved: differences cannot tell a zero from their rounding.

        Complex steps can, where the function takes them; then nobody needs a second look.
        """
        if not np.all((TRUST * want.error > SEEN * np.abs(want.value)) & np.isfinite(want.error)):
            return False
        largest = np.maximum(np.abs(got), np.abs(want.value))
        if not np.all(largest <= blur):
            blur = np.maximum(blur, 4 * contracted(np.abs(self.cotangents[rows]), self.problem.noise))
        exact = self.by_complex_steps(column, rows) if np.all(largest <= blur) else None
        if exact is None:
            return False
        return bool(np.all((exact.error < want.error) & exact.agrees(want) & (np.abs(exact.value) <= blur)))

    def by_complex_steps(self, column: int, rows: Any) -> Estimate | None:
        """An estimate by complex steps, here and close by; None where the function takes none."""
        points = (self.problem.point, *self.problem.nearby()[::3])
        curves = [self.problem.complex_curve(self.directions[column], point) for point in points]
        found = [self.projected(estimate, rows) for curve in curves if (estimate := complex_step(curve, STEP))]
        return found[0].confirmed(*found[1:]) if len(found) == len(points) else None

    def projected(self, estimate: Estimate, rows: Any = slice(None)) -> Estimate:
        """An estimate of all results as one of their contractions with the cotangents."""
        cotangents = self.cotangents[rows]
        return Estimate(contracted(cotangents, estimate.value), contracted(np.abs(cotangents), estimate.error))

    def pullbacks_on_one_side(self, side: int) -> list[Pullback]:
        """The given derivative at the evenly spaced points close by."""
        return [self.problem.pullback(point) for point in self.problem.rays[side]]

    def pulled_on_one_side(self, side: int, row: int) -> list[Vector]:
        """What it makes there of one cotangent."""
        return [pull(self.cotangents[row]) for pull in self.pullbacks_nearby(side)]

    def allowed(self, got: Matrix, want: Matrix) -> Matrix:
        """How far off a derivative may be that claims to be no more exact, beside the largest entry of its row."""
        got, want = (np.where(np.isfinite(a), np.abs(a), 0) for a in (got, want))
        return self.rtol * np.maximum(np.max(want, axis=1, initial=0, keepdims=True), got)

    @staticmethod
    def is_right(got: Matrix, want: Matrix, error: Matrix, allowed: Matrix) -> Matrix:
        """Where the two agree, and the numbers are exact enough, beside the entry itself, to have seen a mistake."""
        off = np.abs(got - want)
        scale = np.maximum(np.abs(want), np.abs(got))
        return (off == 0) | ((off <= TRUST * error + allowed) & (TRUST * error <= PRECISE * scale))


RIGHT, WRONG = "right", "wrong"
NO_NUMBERS = "{function} is not finite, or fails, on either side of the point"
NOT_FINITE = "{function} is infinite, or not a number, at the point itself"
TOO_LARGE = "the derivative is larger than the largest number, or its numeric estimate may be"
DISAGREE = "the numeric derivative changes with the step: {function} jumps, oscillates or is noisy here"
UNBOUNDED = "the slope grows as the steps shrink: {function} jumps or is vertical here, or very near"
STAIRS = "{function} rounds what it is given, to float32 perhaps: it is a staircase, and flat at small steps"
HIDDEN = "the rounding of the values of {function} hides so small a derivative"


def noise_of_given(comparer: Comparer, rows: Any, direction: Vector) -> Vector:
    """How far the given derivative is from a smooth function of the inputs, on the quieter side of the point."""
    sides = [np.full(np.size(rows), np.inf)]
    for side in (0, 1):
        with suppress(Exception):  # outside of the domain
            pulled = [comparer.pulled_nearby(side, row) for row in rows]
            along = contracted(direction[None], np.array(pulled))[..., 0]
            sides.append(np.max(np.abs(np.diff(along, n=4, axis=1)), axis=1) / 4)
    noise = np.min(sides, axis=0)
    return np.where(np.isfinite(noise), noise, 0)


class SecondLook:
    """One direction once more, with other steps, complex ones and one-sided ones, before anything is called wrong."""

    def __init__(self, comparer: Comparer, column: int, rows: Any, got: Vector) -> None:
        self.got = got
        problem, direction = comparer.problem, comparer.directions[column]
        self.problem, self.direction, self.cotangents = problem, direction, comparer.cotangents[rows]
        self.reach = np.max(np.abs(direction))
        curve, weights = comparer.curves[column], np.abs(self.cotangents)

        def by(estimate: Estimate) -> Estimate:
            return comparer.projected(estimate, rows)

        def confirmed(slope: Callable[..., Estimate], step: float) -> Estimate:
            steps = [step * factor for factor in (1, 0.61, 0.23)]
            first, *others = (by(slope(curve, step, problem.eps, noise=problem.noise)) for step in steps)
            return first.confirmed(*others)

        noise = self.blur = contracted(weights, problem.noise)
        rounding = contracted(weights, problem.rounding(problem.point))
        self.value = contracted(self.cotangents, problem.value(problem.point))
        self.size = problem.scale
        self.zero = ~contracted(weights, problem.largest).astype(bool)
        floor = UNDERFLOW * self.reach  # the derivative itself is rounded to a multiple of the smallest number

        local = confirmed(derivative, STEP)
        self.coarse = by(derivative(curve, STEP, problem.eps, levels=FEW))
        near = STEP * RATIO ** (2 - MANY)
        still = [np.abs(contracted(self.cotangents, curve(h) - curve(0))) for h in (-near, near)]
        self.flat = (np.max(still, axis=0) <= noise) & (np.abs(self.coarse.value) * near > 16 * noise)
        differences = local
        for factor in (2.0**6, 2.0**12, 2.0**18):
            ends = [problem.rounding(problem.point + side * STEP * factor * direction) for side in (1, -1)]
            far = np.maximum(np.max(ends, axis=0), problem.noise)
            differences = by(derivative(curve, STEP * factor, problem.eps, noise=far)).refining(differences)
        self.differences = differences
        first, self.exact = differences, Estimate(local.value, np.full(local.error.shape, np.inf))
        exact = comparer.by_complex_steps(column, rows)
        if exact is not None:
            self.exact = exact
            first = self.exact.refining(first)
        self.known = certain(self.exact) & certain(differences) & agree(differences, self.exact)
        self.left, self.right = (confirmed(one_sided, sign * STEP) for sign in (-1, 1))
        self.diverging = [
            diverges(lambda h: contracted(self.cotangents, curve(h)), sign * STEP, rounding) for sign in (-1, 1)
        ]
        self.jump = np.max(still, axis=0)
        both = np.isfinite(self.left.error) & np.isfinite(self.right.error)
        self.kink = both & np.isfinite(self.value) & ~self.left.agrees(self.right)
        spread = np.abs(np.stack([self.left.value, self.right.value]) - local.value)
        honest = np.maximum(local.error, np.where(both, np.max(spread, axis=0), 0))
        self.local = Estimate(local.value, np.where(np.isfinite(honest), honest, np.inf))
        edge = ~np.isfinite(first.error) & ~both
        side = self.left.better(self.right)
        self.estimate = Estimate(
            np.where(edge, side.value, first.value), np.where(edge, side.error, first.error) + floor
        )
        self.noise = noise_of_given(comparer, rows, direction)

    def slopes(self, k: int) -> tuple[float, float]:
        """The slopes on both sides, the smaller one first."""
        low, high = sorted((float(self.left.value[k]), float(self.right.value[k])))
        return low, high

    def is_of_large_steps(self, k: int, want: float) -> bool:
        """Whether the given derivative is that of large steps, and they contradict the small ones."""
        value, error = self.coarse.value[k], TRUST * self.coarse.error[k]
        return bool(abs(self.got[k] - value) <= error < min(SEEN * abs(value), abs(want - value)))

    def is_of_complex_steps(self, k: int, want: float) -> bool:
        """Whether the given derivative is that of complex steps, and they contradict the real ones."""
        value, error = self.exact.value[k], TRUST * self.exact.error[k]
        return bool(max(error, 16 * abs(self.got[k] - value)) <= min(SEEN * abs(value), abs(want - value)))

    @cached_property
    def stairs(self) -> Any:
        """Which results jump where an argument in float32, or in float16, would be another number, and only there."""
        found = np.zeros(self.value.shape, bool)
        moved = self.direction != 0
        for dtype in (np.float32, np.float16):
            spacing = float(np.finfo(dtype).eps) / 16
            points = [self.problem.point + k * spacing * self.direction for k in range(-16, 17)]
            changes = np.diff(contracted(self.cotangents, self.problem.values(points)), axis=0)
            jumps = np.any(np.diff(np.stack(points)[:, moved].astype(dtype), axis=0) != 0, axis=1)
            if jumps.all() or not jumps.any():
                continue
            off = np.abs(changes - np.median(changes[~jumps], axis=0))
            found |= off[jumps].min(axis=0) > 4 * off[~jumps].max(axis=0) + ROUNDING * np.abs(self.value)
        return found

    def verdict(self, k: int, row_scale: float, column_scale: float, overall: float, allowed: float) -> str:
        """`RIGHT`, `WRONG`, or why nobody can tell."""
        got, (want, error) = self.got[k], (self.estimate.value[k], self.estimate.error[k])
        if not np.isfinite(self.value[k]):
            return NOT_FINITE
        too_large = np.isfinite(error) and np.isinf((abs(want) + TRUST * error) / self.reach)
        if np.isnan(got):
            if too_large:
                return TOO_LARGE
            sides = (error, self.left.error[k], self.right.error[k])
            return WRONG if any(np.isfinite(sides)) and not any(s[k] for s in self.diverging) else UNBOUNDED
        if np.isinf(got):
            grows = {slopes[k] for slopes in self.diverging} - {0}
            if np.isinf(want / self.reach) and np.sign(want) == np.sign(got):
                return RIGHT  # it is larger than the largest number
            if too_large:
                return TOO_LARGE
            return RIGHT if grows == {np.sign(got)} else WRONG if np.isfinite(error) else UNBOUNDED
        if any(slopes[k] for slopes in self.diverging) and not self.jump[k] <= ROUNDING * overall:
            return UNBOUNDED
        if self.flat[k] or (self.blur[k] > ROUNDING * abs(self.value[k]) and self.stairs[k]):
            return STAIRS
        if max(abs(got), abs(want)) <= UNDERFLOW * self.reach:
            return RIGHT  # it is smaller than the smallest number
        blur = max(ROUNDING * max(row_scale, column_scale), 4 * self.blur[k])
        near, far = self.local.value[k], TRUST * self.local.error[k]
        if not 0 < far <= 1e-2 * abs(near) and max(abs(want), abs(got)) <= blur:
            return RIGHT  # a zero that rounding has blurred: it moves the values by less than rounding does
        if self.zero[k] and abs(got) <= ROUNDING:
            return RIGHT  # of what is 0 wherever it was computed, after all that it is computed from has cancelled
        if abs(want) <= ROUNDING * abs(got) <= ROUNDING**2 * max(overall, self.size):
            return RIGHT  # a zero, and rounding beside the other derivatives and the values
        low, high = want, want
        tolerance = TRUST * (error + 4 * self.noise[k]) + FINE * max(abs(got), abs(want))
        if self.kink[k]:
            low, high = self.slopes(k)
            tolerance = TRUST * max(self.left.error[k], self.right.error[k], ROUNDING * max(abs(low), abs(high)))
        tolerance += allowed
        if not np.isfinite(tolerance):
            return NO_NUMBERS if not any(np.isfinite(e.error[k]) for e in (self.left, self.right)) else DISAGREE
        if not low - tolerance <= got <= high + tolerance:
            if self.kink[k]:
                return WRONG
            if self.is_of_large_steps(k, want) or self.is_of_complex_steps(k, want):
                return DISAGREE
            if abs(got - near) <= far + tolerance:  # only other steps say that it is wrong
                found = self.differences
                if self.known[k] and abs(got - found.value[k]) > TRUST * found.error[k] + tolerance:
                    return WRONG
                return RIGHT if far <= SEEN * abs(near) else self.hidden(k)
            return WRONG if np.isfinite(error) else DISAGREE
        seen = max(PRECISE * max(row_scale, column_scale), SEEN * max(abs(got), abs(low), abs(high)))
        precise = tolerance - allowed <= seen
        if precise or self.kink[k] or got == want or tolerance <= 32 * TRUST * self.noise[k]:
            return RIGHT
        return self.hidden(k)

    def hidden(self, k: int) -> str:
        """What hides a derivative: the rounding of the values, or more than that."""
        return HIDDEN if self.blur[k] <= ROUNDING * abs(self.value[k]) else DISAGREE


def has_kink(problem: Problem, column: int) -> bool:
    """Whether some result has two slopes by one entry of the input, or one that grows without bound."""
    if column >= problem.point.size:
        return False
    direction = np.zeros(problem.point.size)
    direction[column] = sizes(problem)[column]
    curve = problem.curve(direction)
    with np.errstate(all="ignore"):
        left, right = (one_sided(curve, sign * STEP, problem.eps) for sign in (-1, 1))
        vertical = any(diverges(curve, sign * STEP, problem.rounding(problem.point)).any() for sign in (-1, 1))
    return vertical or bool(np.any(np.isfinite(left.error + right.error) & ~left.agrees(right)))


def worst_entry(problem: Problem, cotangents: Matrix, directions: Matrix, found: Comparison) -> tuple[int, int]:
    """The entry behind a wrong sum, by halving what is summed over and following the larger mistake."""
    row, column = np.argwhere(found.wrong)[0]
    pull = problem.pullback()
    cotangent, direction = cotangents[row], directions[column]

    def halves(vector: Vector) -> tuple[Vector, Vector]:
        support = np.flatnonzero(vector)
        low = np.zeros_like(vector)
        low[support[: support.size // 2]] = vector[support[: support.size // 2]]
        return low, vector - low

    def mistake(u: Vector, v: Vector) -> float:
        want, error = derivative(problem.curve(v), STEP, problem.eps)
        off = abs(np.sum(u * want) - np.sum(pull(u) * v))
        return float(off / max(np.sum(np.abs(u) * error), np.finfo(float).tiny))

    while np.count_nonzero(direction) > 1:
        direction = max(halves(direction), key=lambda v: mistake(cotangent, v))
    while np.count_nonzero(cotangent) > 1:
        cotangent = max(halves(cotangent), key=lambda u: mistake(u, direction))
    return int(np.flatnonzero(cotangent)[0]), int(np.flatnonzero(direction)[0])
