"""A function as the numbers see it: one real vector in, one real vector out, and its pullback; no verdicts here."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from functools import cache, cached_property
from typing import Any, TypeVar

import numpy as np

from autograd_mini.graph import no_grad
from autograd_mini.tensor import Tensor
from autograd_mini.testing.differences import EPS, Vector
from autograd_mini.testing.foreign import Level
from autograd_mini.transforms.gradients import vjp
from autograd_mini.transforms.trees import flatten

WIDE = {"f": np.float64, "c": np.complex128}
SPACINGS = [2.0**-k for k in range(44, 7, -3)]  # relative

SHORT = 4096  # entries: vectors of up to so many are remembered

Pullback = Callable[[Vector], Vector]
Function = TypeVar("Function", bound=Callable[..., Any])


def remembering(function: Function, size: int) -> Function:
    """The same function, which computes nothing twice where its vectors of `size` entries are short."""
    return cache(function) if size <= SHORT else function  # type: ignore[return-value]


def is_differentiable(leaf: Any) -> bool:
    """Whether a leaf holds floating-point or complex numbers."""
    dtype = leaf.dtype if hasattr(leaf, "dtype") else np.asarray(leaf).dtype
    return dtype.kind in WIDE


def as_vector(arrays: Sequence[Any]) -> Vector:
    """All entries of some arrays, one after the other; of a complex one its real and its imaginary part."""
    parts = [np.ascontiguousarray(a, WIDE[np.asarray(a).dtype.kind]).reshape(-1).view(np.float64) for a in arrays]
    return np.concatenate(parts) if parts else np.zeros(0)


def as_arrays(vector: Vector, like: Sequence[Any]) -> list[Any]:
    """What `as_vector` made of arrays like these, in double precision."""
    arrays, start = [], 0
    for a in like:
        wide = WIDE[a.dtype.kind]
        length = a.size * (2 if a.dtype.kind == "c" else 1)
        part = np.array(vector[start : start + length])
        arrays.append(part.view(wide).reshape(a.shape))
        start += length
    return arrays


def detached(parts: Sequence[Any]) -> list[Any]:
    """The numbers alone: where the function reads tensors that require grad, such as a model's parameters, what is
    pulled back depends on these too."""
    return [part.data if isinstance(part, Tensor) else part for part in parts]


def conjugated(parts: Sequence[Any]) -> list[Any]:
    """The complex ones conjugated."""
    return [np.conjugate(part) if part.dtype.kind == "c" else part for part in parts]


class Problem:
    """A function of arrays and its derivative, in double precision.

    Parameters
    ----------
    function : callable
        Of the differentiable arrays alone; returns a tensor, an array, or a container of them.
    inputs : list of ndarray
        Where to differentiate.
    gradient : callable, optional
        `gradient(cotangents, *arrays)` returns one array for each input. By default the engine differentiates.
    scale : float
        How large the results may have been before they cancelled.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        inputs: Sequence[Any],
        gradient: Callable[..., Sequence[Any]] | None = None,
        scale: float = 0.0,
    ) -> None:
        self.function = function
        self.inputs: list[Any] = [np.array(a, WIDE[a.dtype.kind]) for a in inputs]
        self.gradient = gradient
        self.point = as_vector(self.inputs)
        self.latest: tuple[list[bytes], Callable[..., Any]] | None = None  # of `pull_at`
        with np.errstate(all="ignore"):
            self.outputs = self.evaluate(self.inputs)
            self.scale = float(np.max(np.abs(as_vector(self.outputs)), initial=scale))
        self.eps = np.concatenate(
            [np.full(a.size * (2 if a.dtype.kind == "c" else 1), np.finfo(a.dtype).eps) for a in self.outputs]
            or [np.zeros(0)]
        )

    def evaluate(self, arrays: Sequence[Any]) -> list[Any]:
        """The results that carry a derivative, as arrays."""
        if self.gradient is None:
            with no_grad():
                results, _ = flatten(self.function(*(Tensor(a) for a in arrays)))
        else:
            results, _ = flatten(self.function(*arrays))
        values = [r.data if isinstance(r, Tensor) else np.asarray(r) for r in results]
        return [value for value in values if is_differentiable(value)]

    def value(self, point: Vector) -> Vector:
        """The results as one vector; not a number outside of the domain, where the function may raise what it likes."""
        try:
            with np.errstate(all="ignore"):
                found = as_vector(self.evaluate(as_arrays(point, self.inputs)))
        except Exception:  # noqa: BLE001 (at the point itself it has been computed before)
            found = np.zeros(0)
        # Results of another size, or complex ones instead of real ones, say as well that this is another domain.
        return found if found.size == self.eps.size else np.full(self.eps.size, np.nan)

    @cached_property
    def rays(self) -> list[list[Vector]]:
        """Evenly spaced points close by, on one side of the point and on the other."""
        return [self.ray(side * 2.0**-20) for side in (1, -1)]

    def ray(self, spacing: float) -> list[Vector]:
        """Nine points on one side of the point, a spacing apart."""
        return [self.point * (1 + k * spacing * self.unlike) for k in range(1, 10)]

    @cached_property
    def unlike(self) -> Vector:
        """How far each entry goes, beside its size, where all do: no two alike, so that no rounding cancels another."""
        rng = np.random.default_rng(1)
        return rng.choice([-1.0, 1.0], self.point.size) * rng.uniform(0.5, 1, self.point.size)

    def nearby(self, point: Vector | None = None) -> list[Vector]:
        """Points that differ from the point by a few units of rounding: three on one side, then three on the other."""
        point = self.point if point is None else point
        units = [np.random.default_rng(k).integers(1, 16, point.size) * np.sign(self.unlike) for k in range(3)]
        return [point * (1 + side * EPS * unit) for side in (1, -1) for unit in units]

    def rounding(self, point: Vector) -> Vector:
        """How much the values change, without a jump at the point itself, when the inputs change by rounding."""
        values = np.stack([self.value(point) for point in self.nearby(point)])
        with np.errstate(all="ignore"):
            spread = np.minimum(np.ptp(values[:3], axis=0), np.ptp(values[3:], axis=0)) + self.eps * np.abs(values[0])
        return np.where(np.isfinite(spread), spread, 0)

    @cached_property
    def noise(self) -> Vector:
        """How far the values are from a smooth function of the inputs, on the quieter side of the point.

        Noise does not shrink with the spacing of the points, as the fourth differences of what is smooth do. Where
        digits cancel it is seen from some spacing on only: closer points have equal values.
        """
        sides = [unsteadiness([self.values(self.ray(side * spacing)) for spacing in SPACINGS]) for side in (1, -1)]
        return np.maximum(self.rounding(self.point), np.min(sides, axis=0))

    def values(self, points: Sequence[Vector]) -> Any:
        """The results at some points, a row for each."""
        return np.stack([self.value(point) for point in points])

    @cached_property
    def largest(self) -> Vector:
        """The largest results near the point."""
        return np.max(np.abs(self.values([point for ray in self.rays for point in ray])), axis=0)

    def curve(self, direction: Vector) -> Callable[[float], Vector]:
        """The values along a line through the point."""
        return remembering(lambda h: self.value(self.point + h * direction), self.eps.size)

    def complex_curve(self, direction: Vector, point: Vector) -> Callable[[complex], Any]:
        """The same line continued to complex numbers, for functions of real ones."""

        def curve(h: complex) -> Any:
            if any(a.dtype.kind == "c" for a in (*self.inputs, *self.outputs)):
                return self.point
            parts = zip(as_arrays(point, self.inputs), as_arrays(direction, self.inputs), strict=True)
            with np.errstate(all="ignore"), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                ends = self.evaluate([a + h * d for a, d in parts])
            found = np.concatenate([np.ravel(end) for end in ends])
            return found if found.size == self.eps.size else self.point  # another function of complex numbers

        return curve

    def pullback(self, point: Vector | None = None) -> Pullback:
        """Cotangents of the results to cotangents of the inputs, both as vectors."""
        inputs = self.inputs if point is None else as_arrays(point, self.inputs)
        if self.gradient is not None:
            given = self.gradient
            return lambda u: as_vector(given(as_arrays(u, self.outputs), *inputs))
        with np.errstate(all="ignore"):
            _, pull = vjp(self.results, *inputs)

        def pulled(u: Vector) -> Vector:
            with np.errstate(all="ignore"):
                cotangents = [c.astype(o.dtype) for c, o in zip(as_arrays(u, self.outputs), self.outputs, strict=True)]
                return as_vector(detached(pull(cotangents)))

        return pulled

    def pull_at(self, inputs: Sequence[Any]) -> Callable[..., Any]:
        """The pullback at some inputs; where only cotangents move, these are the same many times."""
        if any(a.requires_grad for a in inputs):
            return vjp(self.results, *inputs)[1]
        at = [a.data.tobytes() for a in inputs]
        if self.latest is None or self.latest[0] != at:
            self.latest = at, vjp(self.results, *inputs)[1]
        return self.latest[1]

    def results(self, *inputs: Any) -> list[Any]:
        """The function's results that carry a derivative, as a list."""
        results, _ = flatten(self.function(*inputs))
        return [r for r in results if is_differentiable(r)]

    def derived(self, rng: np.random.Generator) -> Problem:
        """The pullback as a function of the inputs and of the cotangents: what a second derivative is of."""
        count = len(self.inputs)
        sizes = [np.asarray(rng.choice([-1, 1], a.shape) * rng.uniform(0.5, 1.5, a.shape)) for a in self.outputs]
        cotangents = [s.astype(a.dtype) for s, a in zip(sizes, self.outputs, strict=True)]
        scale = self.scale / (np.max(np.abs(self.point), initial=0.0) or 1.0)
        if isinstance(self.function, Level):
            level = self.function.derived(len(cotangents))
            return Problem(level, [*self.inputs, *cotangents], level.gradient, scale)
        is_complex = any(a.dtype.kind == "c" for a in (*self.inputs, *self.outputs))

        def pulled(*arrays: Any) -> Any:
            pull = self.pull_at(arrays[:count])
            if is_complex:
                return list(pull(list(arrays[count:])))
            # A pullback conjugates what it takes and gives: without that it is an analytic function of complex numbers.
            return conjugated(pull(conjugated(arrays[count:])))

        return Problem(pulled, [*self.inputs, *cotangents], scale=scale)

    def where(self, position: int) -> tuple[int, tuple[int, ...], str]:
        """The input, the index and, for a complex one, the part that an entry of the vector stands for."""
        return place(position, self.inputs)

    def where_out(self, position: int) -> tuple[int, tuple[int, ...], str]:
        """The same for an entry of the results."""
        return place(position, self.outputs)


def unsteadiness(rays: Sequence[Any]) -> Vector:
    """The fourth differences of values at points closer and closer apart, where they do not shrink with the spacing.

    The rays come with the finest spacing first, each eight times that of the one before: differences of a smooth
    function are 4096 times as large on the next, until it turns within a ray. What stands still after it has grown like
    that twice is no noise, but oscillates.
    """
    with np.errstate(all="ignore"):
        sizes = np.stack([np.max(np.abs(np.diff(ray, n=4, axis=0)), axis=0) / 4 for ray in rays])
        growth = sizes[1:] / sizes[:-1]
        smooth = (growth > 64) & (growth < 8**6)
        turned = np.zeros_like(smooth)
        turned[2:] = np.logical_or.accumulate(smooth[:-2] & smooth[1:-1], axis=0)
        noise = np.max(np.where((sizes[:-1] >= sizes[1:] / 64) & ~turned, sizes[1:], 0), axis=0)
    return np.where(np.isfinite(noise), noise, 0)


def place(position: int, arrays: Sequence[Any]) -> tuple[int, tuple[int, ...], str]:
    """The array, the index and the part of an entry of `as_vector(arrays)`."""
    for number, a in enumerate(arrays):
        length = a.size * (2 if a.dtype.kind == "c" else 1)
        if position < length:
            part = ("real part", "imaginary part")[position % 2] if a.dtype.kind == "c" else ""
            entry = position // 2 if a.dtype.kind == "c" else position
            return number, tuple(int(i) for i in np.unravel_index(entry, a.shape)), part
        position -= length
    raise IndexError(position)
