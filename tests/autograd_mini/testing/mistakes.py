"""Seeded mistakes: functions of NumPy with a right derivative, a wrong one, and what a checker should say of it.

A derivative is a function of NumPy too, `vjp(g, *args)`, so that other libraries' checkers can be given the same.
Only the list lives here, and how the checker is given an entry, but no test; `benchmarks.checkers` reads it as well.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from autograd_mini import primitive, rule
from autograd_mini.testing import Report, check_derivatives

Vjp = Callable[..., Any]
Draw = Callable[[np.random.Generator], tuple[Any, ...]]


class Mistake(NamedTuple):
    """A function, its derivative, and a wrong one.

    Attributes
    ----------
    family, name : str
        What the function is about, and what is wrong.
    f : callable
        Of arrays, returns one or a tuple of them.
    draw : callable
        `draw(rng)` returns the arguments.
    right, wrong : callable
        `vjp(g, *args)` returns the gradient, or a tuple of one for each floating-point argument. For a mistake of the
        second order both are `second(h, g, x)`, which returns the gradients of <h, first(g, x)> by g and by x.
    kind : str
        The `DerivativeError.kind` that the mistake should raise.
    cause : str
        Words that the message should have.
    first : callable or None
        The right first derivative of a mistake of the second order.
    needs : str
        "memory" if arrays must be seen being written to, "own" if other libraries have no word for the mistake.
    """

    family: str
    name: str
    f: Callable[..., Any]
    draw: Draw
    right: Vjp
    wrong: Vjp
    kind: str = "value"
    cause: str = ""
    first: Vjp | None = None
    needs: str = ""

    @property
    def order(self) -> int:
        return 1 if self.first is None else 2

    def __str__(self) -> str:
        return f"{self.family}: {self.name}"

    def arguments(self, *seed: int) -> tuple[Any, ...]:
        """The arguments that belong to a seed."""
        return self.draw(np.random.default_rng(seed))

    def check(self, derivative: Vjp, args: tuple[Any, ...], seed: int = 0) -> Report:
        """Give `check_derivatives` the function with one of its two derivatives."""
        if self.first is None:
            return check_derivatives(self.f, *args, vjp=derivative, seed=seed)
        return check_derivatives(twice_derivable(self.f, self.first, derivative), *args, seed=seed)


def twice_derivable(f: Callable[..., Any], first: Vjp, second: Vjp) -> Callable[..., Any]:
    """`f` as a primitive whose rule is a primitive with a rule of its own."""

    @primitive
    def function(x: Any) -> Any:
        return f(x)

    @primitive
    def pulled(g: Any, x: Any) -> Any:
        return first(g, x)

    rule(function, lambda g, _out, x: pulled(g, x))
    rule(pulled, lambda h, _out, g, x: second(h, g, x)[0], lambda h, _out, g, x: second(h, g, x)[1])
    return function


# Arguments


def normal(*shapes: tuple[int, ...]) -> Draw:
    """Standard normal numbers."""
    return lambda rng: tuple(rng.standard_normal(shape) for shape in shapes)


def positive(*shapes: tuple[int, ...]) -> Draw:
    """Numbers between 0.5 and 2."""
    return lambda rng: tuple(rng.uniform(0.5, 2, shape) for shape in shapes)


def signed(length: int, low: float = 0.3, high: float = 2.5) -> Draw:
    """Numbers of alternating sign."""
    return lambda rng: (rng.uniform(low, high, length) * np.resize([1.0, -1.0], length),)


def complex_normal(*shapes: tuple[int, ...]) -> Draw:
    """Standard normal complex numbers."""
    return lambda rng: tuple(rng.standard_normal(shape) + 1j * rng.standard_normal(shape) for shape in shapes)


def scaled(factor: float, draw: Draw) -> Draw:
    """The same times a factor."""
    return lambda rng: tuple(factor * a for a in draw(rng))


def also(draw: Draw, *others: Any) -> Draw:
    """Further arguments that are always the same."""
    return lambda rng: (*draw(rng), *others)


def typed(dtype: Any, draw: Draw) -> Draw:
    """The same in another precision."""
    return lambda rng: tuple(a.astype(dtype) for a in draw(rng))


def system(rng: np.random.Generator) -> tuple[Any, Any]:
    """A well-conditioned matrix and a right-hand side."""
    return (*well_conditioned(rng), rng.standard_normal(3))


def well_conditioned(rng: np.random.Generator) -> tuple[Any]:
    """A matrix far from singular, with a positive determinant."""
    return (3 * np.eye(3) + rng.uniform(-1, 1, (3, 3)),)


def symmetric(rng: np.random.Generator) -> tuple[Any]:
    """A symmetric positive definite matrix whose eigenvalues keep their distance."""
    a = rng.uniform(-0.3, 0.3, (3, 3))
    return (np.diag([1.0, 3.0, 5.0]) + a + a.T,)


def placed(index: int, value: float, draw: Draw) -> Draw:
    """The same with one entry of the first argument given."""

    def drawn(rng: np.random.Generator) -> tuple[Any, ...]:
        first, *rest = draw(rng)
        first[index] = value
        return (first, *rest)

    return drawn


INDICES = np.array([0, 2, 2, 1, 2])
PLACES = np.eye(4)[INDICES]
LAST = PLACES * np.array([1, 0, 0, 1, 1])[:, None]
MASK = np.array([True, False, True, True, False])


# Functions that NumPy has no name for


def sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def softmax(x: Any) -> Any:
    e = np.exp(x - np.max(x, axis=-1, keepdims=True, initial=-np.inf))
    return e / np.sum(e, axis=-1, keepdims=True)


def logsumexp(x: Any) -> Any:
    top = np.max(x)
    return np.log(np.sum(np.exp(x - top))) + top


def layer_norm(x: Any) -> Any:
    return (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5)


def layer_norm_vjp(g: Any, x: Any, *, mean: bool = True, variance: bool = True) -> Any:
    out, deviation = layer_norm(x), np.sqrt(x.var(-1, keepdims=True) + 1e-5)
    shifts = g.mean(-1, keepdims=True) if mean else 0
    spreads = out * (g * out).mean(-1, keepdims=True) if variance else 0
    return (g - shifts - spreads) / deviation


def elu(x: Any) -> Any:
    return np.where(x > 0, x, np.expm1(np.minimum(x, 0)))


def chosen(g: Any, operand: Any, mask: Any) -> Any:
    """The cotangent where a mask is true, summed down to an operand without axes."""
    return np.sum(g * mask, axis=tuple(range(np.ndim(g) - np.ndim(operand))))


def dense_vjp(g: Any, x: Any, w: Any, b: Any, *, share: float = 1.0) -> Any:
    by_bias = g.reshape(-1, *np.shape(b)).sum(axis=0)
    return g @ w.T, np.atleast_2d(x).T @ np.atleast_2d(g), share * by_bias


def huber(x: Any) -> Any:
    return np.where(np.abs(x) < 1, x**2 / 2, np.abs(x) - 0.5)


def gelu(x: Any) -> Any:
    return 0.5 * x * (1 + np.tanh(0.8 * (x + 0.04 * x**3)))


def gelu_slope(x: Any, inner: bool = True) -> Any:
    t = np.tanh(0.8 * (x + 0.04 * x**3))
    return 0.5 * (1 + t) + 0.5 * x * (1 - t**2) * 0.8 * (1 + (0.12 * x**2 if inner else 0))


def cross_entropy(scores: Any, targets: Any) -> Any:
    return -np.mean(np.log(softmax(scores))[np.arange(len(scores)), targets])


def one_hot(targets: Any, like: Any) -> Any:
    return np.eye(like.shape[1])[targets]


def average(x: Any, w: Any) -> Any:
    return np.sum(x * w) / np.sum(w)


def cosine(a: Any, b: Any) -> Any:
    return a @ b / (np.linalg.norm(a) * np.linalg.norm(b))


def cosine_vjp(g: Any, a: Any, b: Any, *, projected: bool = True) -> Any:
    m, n = np.linalg.norm(a), np.linalg.norm(b)
    c = cosine(a, b) if projected else 0
    return g * (b / (m * n) - c * a / m**2), g * (a / (m * n) - c * b / n**2)


def symmetrised(a: Any) -> Any:
    return (a + np.swapaxes(a, -1, -2)) / 2


def cholesky_vjp(g: Any, a: Any, *, halved: bool = True) -> Any:
    low = np.linalg.cholesky(symmetrised(a))
    phi = np.tril(low.T @ g)
    if halved:
        phi = phi - np.diag(np.diag(phi)) / 2
    inverse = np.linalg.inv(low)
    return symmetrised(inverse.T @ phi @ inverse)


def eigenvalues_vjp(g: Any, a: Any) -> Any:
    _, v = np.linalg.eigh(symmetrised(a))
    return (v * g) @ v.T


def eigenvectors(a: Any) -> Any:
    """Squares of their entries, which do not depend on the sign that LAPACK chose."""
    return np.linalg.eigh(symmetrised(a))[1] ** 2


def eigenvectors_vjp(g: Any, a: Any, *, symmetric: bool = True, sign: int = 1) -> Any:
    w, v = np.linalg.eigh(symmetrised(a))
    gaps = sign * (w - w[:, None])
    inner = np.divide(v.T @ (2 * g * v), gaps, out=np.zeros_like(a), where=~np.eye(len(a), dtype=bool))
    found = v @ inner @ v.T
    return symmetrised(found) if symmetric else found


def inverse_vjp(g: Any, a: Any) -> Any:
    y = np.swapaxes(np.linalg.inv(a), -1, -2)
    return -y @ g @ y


def inverse_second(h: Any, g: Any, a: Any, *, both: bool = True) -> Any:
    y = np.linalg.inv(a).T
    by_a = y @ g @ y @ h.T @ y
    return -y.T @ h @ y.T, by_a + (y @ h.T @ y @ g @ y if both else 0)


def solve_vjp(g: Any, a: Any, b: Any, *, transposed: bool = True) -> Any:
    by_b = np.linalg.solve(a.T if transposed else a, g)
    return -np.outer(by_b, np.linalg.solve(a, b)), by_b


def nuclear(a: Any) -> Any:
    return np.sum(np.linalg.svd(a.reshape(3, 3), compute_uv=False))


def polar(a: Any) -> Any:
    u, _, vt = np.linalg.svd(a, full_matrices=False)
    return u @ vt


def scattered(g: Any, x: Any, index: Any) -> Any:
    found = np.zeros_like(x)
    np.add.at(found, index, g)
    return found


def assigned(g: Any, x: Any, index: Any) -> Any:
    found = np.zeros_like(x)
    found[index] = g
    return found


def convolution_vjp(g: Any, x: Any, k: Any, *, step: int = -1) -> Any:
    signal, kernel = x.reshape(-1), k.reshape(-1)
    by_kernel = np.convolve(signal[::-1], g, "valid")
    return np.convolve(g, kernel[::step], "full").reshape(x.shape), by_kernel.reshape(k.shape).copy()


def first_of(batches: Any) -> Any:
    """True for the first of the batches of matrices."""
    return np.arange(len(batches)).reshape(-1, 1, 1) == 0


def replaced(x: Any, v: Any) -> Any:
    out = x.copy()
    out[1:3] = v
    return out


def kept(g: Any) -> Any:
    found = g.copy()
    found[1:3] = 0
    return found


def exclusive_products(x: Any) -> Any:
    return np.array([np.prod(np.delete(x, i)) for i in range(x.size)]).reshape(x.shape).astype(x.dtype)


def sort_vjp(g: Any, x: Any) -> Any:
    found = np.empty_like(g)
    found[np.argsort(x)] = g
    return found


def largest_at(g: Any, x: Any, pick: Callable[..., Any] = np.argmax) -> Any:
    found = np.zeros_like(x)
    found[np.arange(len(x)), pick(x, axis=1)] = g
    return found


def sinc_slope(x: Any, near: float = 1.0) -> Any:
    """That of sin(x)/x, by its series near 0; `near` is a factor of the series."""
    small = np.abs(x) < 0.1
    safe = np.where(small, 1, x)
    series = -x / 3 + x**3 / 30 - x**5 / 840 + x**7 / 45360 - x**9 / 3991680
    return np.where(small, near * series, np.cos(safe) / safe - np.sin(safe) / safe**2)


def but_one(slope: Callable[..., Any], at: int, factor: float = 0.0) -> Vjp:
    """A derivative of one argument, wrong at one entry."""

    def vjp(g: Any, x: Any) -> Any:
        found = np.array(slope(g, x))
        if found.size > at:
            found.flat[at] *= factor
        return found

    return vjp


# Derivatives that break a rule of the house


def in_place(g: Any, x: Any) -> Any:
    x *= 2
    return g * x


def in_place_cotangent(g: Any, x: Any) -> Any:
    g *= np.cos(x)
    return g.copy()


def writes_and_restores(g: Any, x: Any) -> Any:
    old = x.copy()
    x[...] = np.cos(x)
    found = g * x
    x[...] = old
    return found


def by_memory(g: Any, x: Any) -> Any:
    """Reads the numbers as they lie in memory."""
    return g * 2 * x.ravel(order="K").reshape(x.shape)


def by_buffer(g: Any, x: Any) -> Any:
    """Takes for granted that neighbours are a number apart."""
    spread = np.lib.stride_tricks.as_strided(x, x.shape, np.zeros(x.shape).strides)
    return g * np.cos(spread)


def by_loop(g: Any, x: Any) -> Any:
    return np.array([gi * np.cos(xi) for gi, xi in zip(g, x, strict=True)]).reshape(x.shape).astype(x.dtype)


def by_largest(g: Any, x: Any) -> Any:
    top = np.max(np.abs(x))
    return g * np.cos(x / top * top)


def dropout(x: Any) -> Any:
    return x * (np.random.default_rng(0).random(x.shape) < 0.5) * 2


def random_dropout(g: Any, x: Any) -> Any:
    return g * np.random.default_rng().random(x.shape) * 2


def counting() -> Vjp:
    """A derivative that decays from call to call."""
    calls = itertools.count(1)
    return lambda g, x: g * np.cos(x) / (1 + 0.01 * next(calls))


def by_dtype(dtype: Any, factor: float) -> Vjp:
    """That of the sine, wrong in one dtype."""
    return lambda g, x: g * np.cos(x) * x.dtype.type(factor if x.dtype == dtype else 1)


# The list
# fmt: off

ELEMENTWISE = [
    Mistake(
        "elementwise", "cosine: sign", np.cos, normal((4,)),
        lambda g, x: -g * np.sin(x),
        lambda g, x: g * np.sin(x), cause="the sign",
    ),
    Mistake(
        "elementwise", "square: the 2 forgotten", np.square, normal((2, 3)),
        lambda g, x: 2 * g * x,
        lambda g, x: g * x, cause="a factor of",
    ),
    Mistake(
        "elementwise", "sine: twice too large", np.sin, normal((3,)),
        lambda g, x: g * np.cos(x),
        lambda g, x: 2 * g * np.cos(x), cause="a factor of 2",
    ),
    Mistake(
        "elementwise", "tanh: the square forgotten", np.tanh, normal((4,)),
        lambda g, x: g * (1 - np.tanh(x) ** 2),
        lambda g, x: g * (1 - np.tanh(x)),
    ),
    Mistake(
        "elementwise", "sigmoid: argument instead of result", sigmoid, normal((4,)),
        lambda g, x: g * sigmoid(x) * (1 - sigmoid(x)),
        lambda g, x: g * x * (1 - x),
    ),
    Mistake(
        "elementwise", "division: a power dropped", np.divide, positive((3,), (3,)),
        lambda g, a, b: (g / b, -g * a / b**2),
        lambda g, a, b: (g / b, -g * a / b),
    ),
    Mistake(
        "elementwise", "product: summed over the wrong axis", np.multiply, normal((3, 3), (3,)),
        lambda g, a, b: (g * b, np.sum(g * a, axis=tuple(range(np.ndim(g) - np.ndim(b))))),
        lambda g, a, b: (g * b, np.sum(g * a, axis=tuple(range(np.ndim(b), np.ndim(g))))),
    ),
    Mistake(
        "elementwise", "sum: one row instead of the sum over a broadcast axis", np.add, normal((3, 4), (4,)),
        lambda g, a, b: (g.copy(), np.sum(g, axis=tuple(range(np.ndim(g) - np.ndim(b))))),
        lambda g, a, b: (g.copy(), (g[0] if np.ndim(g) > np.ndim(b) and len(g) else np.zeros_like(b)).copy()),
        cause="a term is dropped",
    ),
    Mistake(
        "elementwise", "arctan2: arguments exchanged", np.arctan2, normal((3,), (3,)),
        lambda g, a, b: (g * b / (a**2 + b**2), -g * a / (a**2 + b**2)),
        lambda g, a, b: (-g * a / (a**2 + b**2), g * b / (a**2 + b**2)),
    ),
    Mistake(
        "elementwise", "reciprocal: the square forgotten", np.reciprocal, positive((4,)),
        lambda g, x: -g / x**2,
        lambda g, x: -g / x,
    ),
    Mistake(
        "elementwise", "hypot: not divided by the result", np.hypot, normal((3,), (3,)),
        lambda g, a, b: (g * a / np.hypot(a, b), g * b / np.hypot(a, b)),
        lambda g, a, b: (g * a, g * b),
    ),
    Mistake(
        "elementwise", "sin(x)/x: wrong series near 0", lambda x: np.sinc(x / np.pi), placed(1, 0.05, positive((3,))),
        lambda g, x: g * sinc_slope(x),
        lambda g, x: g * sinc_slope(x, near=0.5),
    ),
    Mistake(
        "elementwise", "sin(x)/x: 0/0 at 0", lambda x: np.sinc(x / np.pi), placed(1, 0.0, positive((3,))),
        lambda g, x: g * sinc_slope(x),
        lambda g, x: g * (np.cos(x) / x - np.sin(x) / x**2), cause="not a number",
    ),
    Mistake(
        "elementwise", "square: a leftover constant", np.square, normal((4,)),
        lambda g, x: 2 * g * x,
        lambda g, x: g * (2 * x + 0.1), cause="a constant term",
    ),
    Mistake(
        "elementwise", "1 entry of 5 wrong", np.sin, normal((5,)),
        lambda g, x: g * np.cos(x),
        but_one(lambda g, x: g * np.cos(x), 3, 1.5),
    ),
    Mistake(
        "elementwise", "1 entry of 20,000 wrong", lambda x: np.sum(np.sin(x)), normal((20_000,)),
        lambda g, x: g * np.cos(x),
        but_one(lambda g, x: g * np.cos(x), 12_345), cause="no gradient at all",
    ),
]

SCALES = [
    Mistake(
        "scale", "1e-9 x with -5e-9", lambda x: 1e-9 * x, normal((3,)),
        lambda g, x: 1e-9 * g,
        lambda g, x: -5e-9 * g, cause="a factor of -5",
    ),
    Mistake(
        "scale", "1e-12 sin(x): 5 times too large", lambda x: 1e-12 * np.sin(x), normal((3,)),
        lambda g, x: 1e-12 * g * np.cos(x),
        lambda g, x: 5e-12 * g * np.cos(x), cause="a factor of 5",
    ),
    Mistake(
        "scale", "1e-12 beside 1: a small gradient dropped", lambda a, b: np.sin(a) + 1e-12 * b, normal((3,), (3,)),
        lambda g, a, b: (g * np.cos(a), 1e-12 * g),
        lambda g, a, b: (g * np.cos(a), 0 * g), cause="no gradient at all",
    ),
    Mistake(
        "scale", "values of 1e-300: sign", lambda x: 1e-300 * np.tanh(x), normal((3,)),
        lambda g, x: 1e-300 * g * (1 - np.tanh(x) ** 2),
        lambda g, x: -1e-300 * g * (1 - np.tanh(x) ** 2), cause="the sign",
    ),
    Mistake(
        "scale", "values of 1e300: factor 2", lambda x: 1e300 * np.tanh(x), normal((3,)),
        lambda g, x: 1e300 * g * (1 - np.tanh(x) ** 2),
        lambda g, x: 2e300 * g * (1 - np.tanh(x) ** 2), cause="a factor of 2",
    ),
    Mistake(
        "scale", "arguments of 1e-300: factor 1/3", lambda x: 3 * x, scaled(1e-300, positive((3,))),
        lambda g, x: 3 * g,
        lambda g, x: 1 * g,
    ),
    Mistake(
        "scale", "arguments of 1e300: factor 7", lambda x: x / 7, scaled(1e300, positive((3,))),
        lambda g, x: g / 7,
        lambda g, x: 1 * g, cause="a factor of 7",
    ),
    Mistake(
        "scale", "arguments of 1e-6, logarithm: a shift", np.log, scaled(1e-6, positive((3,))),
        lambda g, x: g / x,
        lambda g, x: g / (x + 1e-8),
    ),
    Mistake(
        "scale", "saturated tanh: twice too large", np.tanh, lambda rng: (rng.uniform(8, 9, 3),),
        lambda g, x: g * (1 - np.tanh(x) ** 2),
        lambda g, x: 2 * g * (1 - np.tanh(x) ** 2), cause="a factor of 2",
    ),
    Mistake(
        "scale", "1e-6 too large, relatively", np.exp, normal((4,)),
        lambda g, x: g * np.exp(x),
        lambda g, x: g * np.exp(x) * (1 + 1e-6),
    ),
    Mistake(
        "scale", "saturated sigmoid: sign", sigmoid, lambda rng: (rng.uniform(-40, -30, 3),),
        lambda g, x: g * sigmoid(x) * (1 - sigmoid(x)),
        lambda g, x: -g * sigmoid(x) * (1 - sigmoid(x)), cause="the sign",
    ),
]

POWERS = [
    Mistake(
        "powers and logs", "cube: exponent not lowered", lambda x: x**3, normal((4,)),
        lambda g, x: 3 * g * x**2,
        lambda g, x: 3 * g * x**3,
    ),
    Mistake(
        "powers and logs", "power: logarithm of the base forgotten", np.power, positive((3,), (3,)),
        lambda g, a, b: (g * b * a ** (b - 1), g * a**b * np.log(a)),
        lambda g, a, b: (g * b * a ** (b - 1), g * a**b),
    ),
    Mistake(
        "powers and logs", "log2: ln 2 forgotten", np.log2, positive((4,)),
        lambda g, x: g / (x * np.log(2)),
        lambda g, x: g / x, cause="a factor of 0.693147",
    ),
    Mistake(
        "powers and logs", "log1p: derivative of log", np.log1p, positive((4,)),
        lambda g, x: g / (1 + x),
        lambda g, x: g / x,
    ),
    Mistake(
        "powers and logs", "square root: the 2 forgotten", np.sqrt, positive((4,)),
        lambda g, x: g / (2 * np.sqrt(x)),
        lambda g, x: g / np.sqrt(x), cause="a factor of 2",
    ),
    Mistake(
        "powers and logs", "cube root: wrong for negative numbers", np.cbrt, signed(4),
        lambda g, x: g / (3 * np.cbrt(x) ** 2),
        lambda g, x: g / (3 * np.cbrt(x) * np.abs(np.cbrt(x))), cause="the sign in those entries",
    ),
    Mistake(
        "powers and logs", "logaddexp: weights exchanged", np.logaddexp, normal((3,), (3,)),
        lambda g, a, b: (g * sigmoid(a - b), g * sigmoid(b - a)),
        lambda g, a, b: (g * sigmoid(b - a), g * sigmoid(a - b)),
    ),
    Mistake(
        "powers and logs", "expm1: derivative minus 1", np.expm1, normal((4,)),
        lambda g, x: g * np.exp(x),
        lambda g, x: g * np.expm1(x), cause="a constant term",
    ),
]

REDUCTIONS = [
    Mistake(
        "reductions", "mean: not divided", np.mean, normal((5,)),
        lambda g, x: np.full_like(x, g / x.size if x.size else 0),
        lambda g, x: np.full_like(x, g), cause="a missing division over an axis of length 5",
    ),
    Mistake(
        "reductions", "mean: divided by the other axis", lambda x: np.mean(x, axis=1), normal((3, 5)),
        lambda g, x: np.broadcast_to(g[:, None] / x.shape[1], x.shape).copy(),
        lambda g, x: np.broadcast_to(g[:, None] / max(x.shape[0], 1), x.shape).copy(),
    ),
    Mistake(
        "reductions", "sum: reduced axis restored at the wrong place",
        lambda x: np.sum(x.reshape(3, 3), axis=1), normal((3, 3)),
        lambda g, x: np.broadcast_to(g[:, None], x.shape).copy(),
        lambda g, x: np.broadcast_to(g, x.shape).copy(), cause="transpose",
    ),
    Mistake(
        "reductions", "sum: keepdims forgotten", lambda x: np.sum(x, axis=1, keepdims=True), normal((2, 3)),
        lambda g, x: np.broadcast_to(g, x.shape).copy(),
        lambda g, x: g.copy(), kind="shape", cause="has shape (2, 1)",
    ),
    Mistake(
        "reductions", "variance: mean not subtracted", np.var, normal((5,)),
        lambda g, x: 2 * g * (x - x.mean()) / x.size,
        lambda g, x: 2 * g * x / x.size, cause="a constant term",
    ),
    Mistake(
        "reductions", "variance: ddof ignored", lambda x: np.var(x, ddof=1), normal((5,)),
        lambda g, x: 2 * g * (x - x.mean()) / (x.size - 1),
        lambda g, x: 2 * g * (x - x.mean()) / x.size, cause="a factor of 0.8",
    ),
    Mistake(
        "reductions", "standard deviation: derivative of the variance", np.std, normal((5,)),
        lambda g, x: g * (x - x.mean()) / (x.size * np.std(x)),
        lambda g, x: 2 * g * (x - x.mean()) / x.size,
    ),
    Mistake(
        "reductions", "product: divided by a zero", np.prod, placed(2, 0.0, normal((4,))),
        lambda g, x: g * exclusive_products(x),
        lambda g, x: g * np.prod(x) / x, cause="not a number",
    ),
    Mistake(
        "reductions", "maximum: at the smallest entry", lambda x: np.max(x, axis=1), normal((3, 4)),
        largest_at,
        lambda g, x: largest_at(g, x, np.argmin),
    ),
    Mistake(
        "reductions", "cumulative sum: not reversed", np.cumsum, normal((4,)),
        lambda g, x: np.cumsum(g[::-1])[::-1].reshape(x.shape).copy(),
        lambda g, x: np.cumsum(g).reshape(x.shape),
    ),
    Mistake(
        "reductions", "cumulative sum: off by one", np.cumsum, normal((4,)),
        lambda g, x: np.cumsum(g[::-1])[::-1].reshape(x.shape).copy(),
        lambda g, x: np.append(np.cumsum(g[::-1])[::-1][1:], 0)[: x.size].reshape(x.shape),
    ),
    Mistake(
        "reductions", "differences: last entry forgotten", np.diff, normal((5,)),
        lambda g, x: np.append(0, g)[: x.size] - np.append(g, 0)[: x.size],
        lambda g, x: np.append(np.append(0, g)[: x.size - 1], np.zeros(1))[: x.size] - np.append(g, 0)[: x.size],
    ),
    Mistake(
        "reductions", "norm: not divided by the norm", np.linalg.norm, normal((4,)),
        lambda g, x: g * x / np.linalg.norm(x),
        lambda g, x: g * x,
    ),
    Mistake(
        "reductions", "log-sum-exp: the shift differentiated", logsumexp, normal((4,)),
        lambda g, x: g * softmax(x.reshape(-1)).reshape(x.shape),
        lambda g, x: g * (softmax(x.reshape(-1)).reshape(x.shape) - (x == np.max(x))),
    ),
    Mistake(
        "reductions", "average: normalisation forgotten in the weights", average, positive((4,), (4,)),
        lambda g, x, w: (g * w / np.sum(w), g * (x - average(x, w)) / np.sum(w)),
        lambda g, x, w: (g * w / np.sum(w), g * x / np.sum(w)), cause="a constant term",
    ),
]

SHAPES = [
    Mistake(
        "shapes", "transpose: the same permutation back",
        lambda x: x.reshape(2, 2, 2).transpose(1, 2, 0), normal((2, 2, 2)),
        lambda g, x: g.transpose(2, 0, 1).copy(),
        lambda g, x: g.transpose(1, 2, 0).copy(),
    ),
    Mistake(
        "shapes", "transpose: not turned back", lambda x: x.T.copy(), normal((2, 3)),
        lambda g, x: g.T.copy(),
        lambda g, x: g.copy(), kind="shape", cause="transpose it",
    ),
    Mistake(
        "shapes", "roll: in the same direction", lambda x: np.roll(x, 1), normal((4,)),
        lambda g, x: np.roll(g, -1),
        lambda g, x: np.roll(g, 1),
    ),
    Mistake(
        "shapes", "pad: off by one", lambda x: np.pad(x.reshape(-1), (2, 1)), normal((4,)),
        lambda g, x: g[2:-1].reshape(x.shape).copy(),
        lambda g, x: g[1:-2].reshape(x.shape).copy(),
    ),
    Mistake(
        "shapes", "repeat: derivative of tile", lambda x: np.repeat(x, 3), normal((4,)),
        lambda g, x: g.reshape(*x.shape, 3).sum(axis=-1),
        lambda g, x: g.reshape(3, *x.shape).sum(axis=0),
    ),
    Mistake(
        "shapes", "concatenate: pieces exchanged", lambda a, b: np.concatenate([a, b]), normal((3,), (3,)),
        lambda g, a, b: (g[: len(a)].copy(), g[len(a) :].copy()),
        lambda g, a, b: (g[len(b) :].copy(), g[: len(b)].copy()),
    ),
    Mistake(
        "shapes", "reshape: in the other order", lambda x: np.sin(x.reshape(-1)), normal((2, 3)),
        lambda g, x: (g * np.cos(x.reshape(-1))).reshape(x.shape),
        lambda g, x: (g * np.cos(x.reshape(-1))).reshape(x.shape, order="F").copy(),
    ),
    Mistake(
        "shapes", "flip: along the other axis", lambda x: np.flip(x, 0).copy(), normal((2, 3)),
        lambda g, x: np.flip(g, 0).copy(),
        lambda g, x: np.flip(g, 1).copy(),
    ),
    Mistake(
        "shapes", "broadcast: mean instead of sum", lambda x: x * np.ones((4, 1)), normal((3,)),
        lambda g, x: g.sum(axis=0).reshape(x.shape) if x.ndim else g.sum(),
        lambda g, x: g.mean(axis=0).reshape(x.shape) if x.ndim else g.mean(),
        cause="a missing sum over an axis of length",
    ),
    Mistake(
        "shapes", "broadcast: not summed", lambda x, b: x + b, normal((3, 4), (1, 4)),
        lambda g, x, b: (g.copy(), g.sum(axis=0, keepdims=True) if np.ndim(b) else g.copy()),
        lambda g, x, b: (g.copy(), g.copy()), kind="shape", cause="sum the gradient over axis 0",
    ),
    Mistake(
        "shapes", "upper triangle: the lower one", lambda x: np.triu(x), normal((3, 3)),
        lambda g, x: np.triu(g),
        lambda g, x: np.tril(g),
    ),
]

INDEXING = [
    Mistake(
        "indexing", "repeated indices: assigned, not added", lambda x, i: x[i], also(normal((4,)), INDICES),
        scattered,
        assigned, cause="dropped",
    ),
    Mistake(
        "indexing", "step: off by one", lambda x: x[::2].copy(), normal((6,)),
        lambda g, x: assigned(g, x, slice(None, None, 2)),
        lambda g, x: assigned(g[: len(x[1::2])], x, slice(1, None, 2)),
    ),
    Mistake(
        "indexing", "sort: permutation instead of its inverse",
        np.sort, lambda rng: (np.cumsum(rng.uniform(0.5, 2, 5))[np.array([1, 2, 0, 4, 3])],),
        sort_vjp,
        lambda g, x: g[np.argsort(x)],
    ),
    Mistake(
        "indexing", "mask: at the first places", lambda x, m: x[m], also(normal((5,)), MASK),
        lambda g, x, m: assigned(g, x, m),
        lambda g, x, m: assigned(g, x, slice(0, len(g))),
    ),
    Mistake(
        "indexing", "assignment: what is overwritten keeps its gradient", replaced, normal((5,), (2,)),
        lambda g, x, v: (kept(g), np.sum(g[1:3].reshape(-1, *v.shape), axis=0) if v.ndim == 0 else g[1:3].copy()),
        lambda g, x, v: (g.copy(), np.sum(g[1:3].reshape(-1, *v.shape), axis=0) if v.ndim == 0 else g[1:3].copy()),
    ),
    Mistake(
        "indexing", "rows: the first one is taken for padding", lambda x, i: x[i], also(normal((4, 2)), INDICES),
        scattered,
        lambda g, x, i: scattered(g * (i > 0)[:, None], x, i), cause="dropped in those entries",
    ),
    Mistake(
        "indexing", "diagonal: the other side", lambda x: np.diagonal(x.reshape(3, 3), 1).copy(), normal((3, 3)),
        lambda g, x: np.diag(g, 1),
        lambda g, x: np.diag(g, -1), cause="transpose",
    ),
    Mistake(
        "indexing", "slice: gradient of the whole", lambda x: x[1:], normal((4,)),
        lambda g, x: assigned(g, x, slice(1, None)),
        lambda g, x: g.copy(), kind="shape",
    ),
]

PRODUCTS = [
    Mistake(
        "products", "matmul: missing transpose", np.matmul, normal((3, 3), (3, 3)),
        lambda g, a, b: (g @ b.T, a.T @ g),
        lambda g, a, b: (g @ b, a.T @ g),
    ),
    Mistake(
        "products", "matmul: factors exchanged and transposed", np.matmul, normal((2, 2), (2, 2)),
        lambda g, a, b: (g @ b.T, a.T @ g),
        lambda g, a, b: (b @ g.T, a.T @ g), cause="the transpose",
    ),
    Mistake(
        "products", "matmul: one batch instead of all", lambda x, w: x @ w, normal((5, 3, 2), (2, 4)),
        lambda g, x, w: (g @ w.T, np.sum(np.swapaxes(x, -1, -2) @ g, axis=tuple(range(x.ndim - 2)))),
        lambda g, x, w: (g @ w.T, np.sum(np.swapaxes(x, -1, -2) @ g, axis=tuple(range(x.ndim - 2)), where=first_of(x))),
        cause="a term is dropped",
    ),
    Mistake(
        "products", "trace of a product: not transposed",
        lambda a, b: np.einsum("ij,ji->", a, b), normal((3, 3), (3, 3)),
        lambda g, a, b: (g * b.T, g * a.T),
        lambda g, a, b: (g * b, g * a.T), cause="the transpose",
    ),
    Mistake(
        "products", "quadratic form: a symmetric matrix assumed", lambda x, a: x @ a @ x, normal((3,), (3, 3)),
        lambda g, x, a: (g * (a + a.T) @ x, g * np.outer(x, x)),
        lambda g, x, a: (2 * g * a @ x, g * np.outer(x, x)),
    ),
    Mistake(
        "products", "outer: arguments exchanged", np.outer, normal((3,), (3,)),
        lambda g, a, b: ((g @ b.reshape(-1)).reshape(a.shape), (a.reshape(-1) @ g).reshape(b.shape)),
        lambda g, a, b: ((b.reshape(-1) @ g).reshape(a.shape), (g @ a.reshape(-1)).reshape(b.shape)),
    ),
    Mistake(
        "products", "convolution: kernel not reversed", lambda x, k: np.convolve(x, k, "valid"), normal((6,), (3,)),
        lambda g, x, k: convolution_vjp(g, x, k),
        lambda g, x, k: convolution_vjp(g, x, k, step=1),
    ),
    Mistake(
        "products", "cross product: sign", np.cross, normal((3,), (3,)),
        lambda g, a, b: (np.cross(b, g), np.cross(g, a)),
        lambda g, a, b: (np.cross(g, b), np.cross(g, a)), cause="the sign",
    ),
    Mistake(
        "products", "matrix square: factors commuted", lambda a: a @ a, normal((3, 3)),
        lambda g, a: g @ a.T + a.T @ g,
        lambda g, a: 2 * a.T @ g,
    ),
]

LINALG = [
    Mistake(
        "linear algebra", "inverse: not transposed", np.linalg.inv, well_conditioned,
        inverse_vjp,
        lambda g, a: -np.linalg.inv(a) @ g @ np.linalg.inv(a),
    ),
    Mistake(
        "linear algebra", "inverse: sign", np.linalg.inv, well_conditioned,
        inverse_vjp,
        lambda g, a: -inverse_vjp(g, a), cause="the sign",
    ),
    Mistake(
        "linear algebra", "determinant: factor dropped", np.linalg.det, well_conditioned,
        lambda g, a: g * np.linalg.det(a) * np.linalg.inv(a).T,
        lambda g, a: g * np.linalg.inv(a).T,
    ),
    Mistake(
        "linear algebra", "log-determinant: not transposed", lambda a: np.linalg.slogdet(a)[1], well_conditioned,
        lambda g, a: g * np.linalg.inv(a).T,
        lambda g, a: g * np.linalg.inv(a), cause="the transpose",
    ),
    Mistake(
        "linear algebra", "solve: not transposed", np.linalg.solve, system,
        solve_vjp,
        lambda g, a, b: solve_vjp(g, a, b, transposed=False),
    ),
    Mistake(
        "linear algebra", "solve: no gradient of the matrix", np.linalg.solve, system,
        solve_vjp,
        lambda g, a, b: (np.zeros_like(a), solve_vjp(g, a, b)[1]), cause="no gradient at all",
    ),
    Mistake(
        "linear algebra", "Cholesky: diagonal not halved", lambda a: np.linalg.cholesky(symmetrised(a)), symmetric,
        cholesky_vjp,
        lambda g, a: cholesky_vjp(g, a, halved=False),
    ),
    Mistake(
        "linear algebra", "Cholesky: a triangle dropped", lambda a: np.linalg.cholesky(symmetrised(a)), symmetric,
        cholesky_vjp,
        lambda g, a: np.tril(cholesky_vjp(g, a)), cause="dropped in those entries",
    ),
    Mistake(
        "linear algebra", "eigenvalues: of the lower triangle, which counts twice", np.linalg.eigvalsh, symmetric,
        lambda g, a: np.tril(eigenvalues_vjp(g, a)) + np.triu(eigenvalues_vjp(g, a), 1).T,
        eigenvalues_vjp,
    ),
    Mistake(
        "linear algebra", "eigenvectors: not symmetrised", eigenvectors, symmetric,
        eigenvectors_vjp,
        lambda g, a: eigenvectors_vjp(g, a, symmetric=False),
    ),
    Mistake(
        "linear algebra", "eigenvectors: gaps of the wrong sign", eigenvectors, symmetric,
        eigenvectors_vjp,
        lambda g, a: eigenvectors_vjp(g, a, sign=-1), cause="the sign",
    ),
    Mistake(
        "linear algebra", "nuclear norm: factors transposed", nuclear, well_conditioned,
        lambda g, a: g * polar(a),
        lambda g, a: g * polar(a).T, cause="the transpose",
    ),
]

FFT = [
    Mistake(
        "fft", "transform: not conjugated", np.fft.fft, complex_normal((4,)),
        lambda g, x: np.fft.ifft(g) * len(x),
        lambda g, x: np.fft.fft(g),
    ),
    Mistake(
        "fft", "transform: the length forgotten", np.fft.fft, complex_normal((4,)),
        lambda g, x: np.fft.ifft(g) * len(x),
        lambda g, x: np.fft.ifft(g), cause="an axis of length 4",
    ),
    Mistake(
        "fft", "inverse of a real signal: frequencies counted once",
        lambda z: np.fft.irfft(z.reshape(3), 5), complex_normal((3,)),
        lambda g, z: np.fft.rfft(g) * np.array([1, 2, 2]) / 5,
        lambda g, z: np.fft.rfft(g) / 5, cause="a factor of 0.5 in those entries",
    ),
    Mistake(
        "fft", "shift: the same shift back", np.fft.fftshift, normal((5,)),
        lambda g, x: np.fft.ifftshift(g),
        lambda g, x: np.fft.fftshift(g),
    ),
]

COMPLEX = [
    Mistake(
        "complex", "product: not conjugated", lambda z, w: z * w, complex_normal((3,), (3,)),
        lambda g, z, w: (g * w.conj(), g * z.conj()),
        lambda g, z, w: (g * w, g * z.conj()),
    ),
    Mistake(
        "complex", "absolute value: conjugated", np.abs, complex_normal((3,)),
        lambda g, z: g * z / np.abs(z),
        lambda g, z: g * z.conj() / np.abs(z), cause="the conjugate",
    ),
    Mistake(
        "complex", "conjugate: not conjugated", lambda z: np.conj(z), complex_normal((3,)),
        lambda g, z: g.conj(),
        lambda g, z: g.copy(), cause="the conjugate",
    ),
    Mistake(
        "complex", "real part: a real gradient", lambda z: z.real.copy(), complex_normal((3,)),
        lambda g, z: g + 0j,
        lambda g, z: g.copy(), kind="dtype",
    ),
    Mistake(
        "complex", "angle: sign", np.angle, complex_normal((3,)),
        lambda g, z: g * 1j * z / np.abs(z) ** 2,
        lambda g, z: -g * 1j * z / np.abs(z) ** 2, cause="the sign",
    ),
    Mistake(
        "complex", "real argument: not conjugated", lambda x: x * (1 + 2j), normal((3,)),
        lambda g, x: (g * (1 - 2j)).real.copy(),
        lambda g, x: (g * (1 + 2j)).real.copy(), cause="the sign in those entries",
    ),
]

PIECEWISE = [
    Mistake(
        "piecewise", "clip: passes outside", lambda x: np.clip(x, -1, 1), signed(5),
        lambda g, x: g * (np.abs(x) < 1),
        lambda g, x: g.copy(),
    ),
    Mistake(
        "piecewise", "where: branches exchanged", lambda a, b, m: np.where(m, a, b), also(normal((5,), (5,)), MASK),
        lambda g, a, b, m: (chosen(g, a, m), chosen(g, b, ~m)),
        lambda g, a, b, m: (chosen(g, a, ~m), chosen(g, b, m)),
    ),
    Mistake(
        "piecewise", "ELU: wrong for negative numbers", elu, signed(4),
        lambda g, x: g * np.where(x > 0, 1, np.exp(np.minimum(x, 0))),
        lambda g, x: g * np.where(x > 0, 1, np.expm1(np.minimum(x, 0))),
    ),
    Mistake(
        "piecewise", "Huber: not clipped", huber, signed(4, 1.5, 3),
        lambda g, x: g * np.clip(x, -1, 1),
        lambda g, x: g * x,
    ),
    Mistake(
        "piecewise", "leaky ReLU: the leak forgotten", lambda x: np.where(x > 0, x, 0.01 * x), signed(4),
        lambda g, x: g * np.where(x > 0, 1, 0.01),
        lambda g, x: g * np.where(x > 0, 1, 0), cause="dropped in those entries",
    ),
    Mistake(
        "piecewise", "ReLU: outside of both slopes at 0", lambda x: np.maximum(x, 0), placed(1, 0.0, normal((3,))),
        lambda g, x: g * (x > 0),
        lambda g, x: g * (x > 0) + 2 * g * (x == 0),
    ),
    Mistake(
        "piecewise", "absolute value: sign forgotten", np.abs, signed(4),
        lambda g, x: g * np.sign(x),
        lambda g, x: g.copy(), cause="the sign in those entries",
    ),
    Mistake(
        "piecewise", "floor: passed straight through",
        np.floor, lambda rng: (rng.uniform(0.2, 0.8, 4) + rng.integers(-3, 3, 4),),
        lambda g, x: 0 * g,
        lambda g, x: g.copy(),
    ),
    Mistake(
        "piecewise", "remainder: no gradient of the divisor",
        np.mod, lambda rng: (rng.uniform(0.2, 0.8, 3) + np.arange(1, 4), np.ones(3)),
        lambda g, a, b: (g.copy(), -g * np.floor(a / b)),
        lambda g, a, b: (g.copy(), 0 * g), cause="no gradient at all",
    ),
    Mistake(
        "piecewise", "maximum of equal numbers: all of it to both",
        lambda x: np.max(x), lambda rng: (np.full(2, rng.standard_normal()),),
        lambda g, x: g * (x == np.max(x)) / np.sum(x == np.max(x)),
        lambda g, x: g * (x == np.max(x)),
    ),
]

LAYERS = [
    Mistake(
        "layers", "softmax: without the cross term", softmax, normal((2, 4)),
        lambda g, x: softmax(x) * (g - np.sum(g * softmax(x), axis=-1, keepdims=True)),
        lambda g, x: g * softmax(x) * (1 - softmax(x)),
    ),
    Mistake(
        "layers", "log-softmax: the cotangent not summed", lambda x: np.log(softmax(x)), normal((2, 4)),
        lambda g, x: g - softmax(x) * np.sum(g, axis=-1, keepdims=True),
        lambda g, x: g - softmax(x), kind="linearity",
    ),
    Mistake(
        "layers", "layer norm: the mean taken for a constant", layer_norm, normal((2, 4)),
        layer_norm_vjp,
        lambda g, x: layer_norm_vjp(g, x, mean=False), cause="a constant term",
    ),
    Mistake(
        "layers", "layer norm: the variance taken for a constant", layer_norm, normal((2, 4)),
        layer_norm_vjp,
        lambda g, x: layer_norm_vjp(g, x, variance=False),
    ),
    Mistake(
        "layers", "cross-entropy: not averaged", cross_entropy, also(normal((4, 3)), np.array([0, 2, 1, 1])),
        lambda g, x, t: g * (softmax(x) - one_hot(t, x)) / len(x),
        lambda g, x, t: g * (softmax(x) - one_hot(t, x)), cause="a factor of 4",
    ),
    Mistake(
        "layers", "cross-entropy: the target forgotten", cross_entropy, also(normal((4, 3)), np.array([0, 2, 1, 1])),
        lambda g, x, t: g * (softmax(x) - one_hot(t, x)) / len(x),
        lambda g, x, t: g * softmax(x) / len(x), cause="a constant term",
    ),
    Mistake(
        "layers", "GELU: inner derivative dropped", gelu, normal((4,)),
        lambda g, x: g * gelu_slope(x),
        lambda g, x: g * gelu_slope(x, inner=False),
    ),
    Mistake(
        "layers", "dense: bias averaged over the batch", lambda x, w, b: x @ w + b, normal((4, 3), (3, 2), (2,)),
        dense_vjp,
        lambda g, x, w, b: dense_vjp(g, x, w, b, share=1 / max(len(x), 1)),
        cause="a missing sum over an axis of length",
    ),
    Mistake(
        "layers", "cosine similarity: not projected", cosine, normal((3,), (3,)),
        cosine_vjp,
        lambda g, a, b: cosine_vjp(g, a, b, projected=False),
    ),
    Mistake(
        "layers", "squared error: sign of the target", lambda y, t: np.mean((y - t) ** 2), normal((4,), (4,)),
        lambda g, y, t: (2 * g * (y - t) / y.size, 2 * g * (t - y) / y.size),
        lambda g, y, t: (2 * g * (y - t) / y.size, 2 * g * (y - t) / y.size), cause="the sign",
    ),
]

OUTPUTS = [
    Mistake(
        "several results", "one of two forgotten", lambda x: (np.sin(x), np.cos(x)), normal((3,)),
        lambda g, x: g[0] * np.cos(x) - g[1] * np.sin(x),
        lambda g, x: g[0] * np.cos(x), cause="dropped",
    ),
    Mistake(
        "several results", "cotangents exchanged", lambda x: (np.sin(x), x**2), normal((3,)),
        lambda g, x: g[0] * np.cos(x) + 2 * g[1] * x,
        lambda g, x: g[1] * np.cos(x) + 2 * g[0] * x,
    ),
    Mistake(
        "several results", "mean and variance: only the mean", lambda x: (np.mean(x), np.var(x)), normal((4,)),
        lambda g, x: g[0] / x.size + 2 * g[1] * (x - np.mean(x)) / x.size,
        lambda g, x: np.full_like(x, g[0] / max(x.size, 1)), cause="dropped",
    ),
    Mistake(
        "several results", "one gradient of two", np.multiply, normal((3,), (3,)),
        lambda g, a, b: (g * b, g * a),
        lambda g, a, b: (g * b,), kind="count", cause="returned 1 gradients for 2",
    ),
]

HOUSE = [
    Mistake(
        "properties", "argument changed by the gradient", np.square, normal((3,)),
        lambda g, x: 2 * g * x,
        in_place, kind="input changed", needs="memory",
    ),
    Mistake(
        "properties", "cotangent changed", np.sin, normal((3,)),
        lambda g, x: g * np.cos(x),
        in_place_cotangent, kind="cotangent changed", needs="memory",
    ),
    Mistake(
        "properties", "argument written and restored", np.sin, normal((3,)),
        lambda g, x: g * np.cos(x),
        writes_and_restores, kind="layout", cause="read-only", needs="own",
    ),
    Mistake(
        "properties", "gradient is a view of the cotangent", lambda x: x.T.copy(), normal((2, 3)),
        lambda g, x: g.T.copy(),
        lambda g, x: g.T, kind="shared memory", needs="own",
    ),
    Mistake(
        "properties", "two gradients are one array", np.add, normal((3,), (3,)),
        lambda g, a, b: (g.copy(), g.copy()),
        lambda g, a, b: (g, g), kind="shared memory", cause="another gradient", needs="own",
    ),
    Mistake(
        "properties", "gradient is a view of the argument", lambda x: np.sum(x**2) / 2, normal((3,)),
        lambda g, x: g * x,
        lambda g, x: x[...], kind="shared memory", needs="own",
    ),
    Mistake(
        "properties", "gradient in float32", np.sin, normal((3,)),
        lambda g, x: g * np.cos(x),
        lambda g, x: (g * np.cos(x)).astype(np.float32), kind="dtype",
    ),
    Mistake(
        "properties", "gradient without an axis of length 1", lambda x: np.sum(x), normal((3, 1)),
        lambda g, x: np.full_like(x, g),
        lambda g, x: np.full(x.size, g), kind="shape",
    ),
    Mistake(
        "properties", "cotangent ignored", lambda x: np.sum(np.sin(x)), normal((3,)),
        lambda g, x: g * np.cos(x),
        lambda g, x: np.cos(x), kind="linearity",
    ),
    Mistake(
        "properties", "cotangent squared", np.sin, normal((3,)),
        lambda g, x: g * np.cos(x),
        lambda g, x: g**2 * np.cos(x), kind="linearity",
    ),
    Mistake(
        "properties", "absolute value of the cotangent", np.sin, normal((3,)),
        lambda g, x: g * np.cos(x),
        lambda g, x: np.abs(g) * np.cos(x), kind="linearity",
    ),
    Mistake(
        "properties", "cotangent clipped", np.sin, normal((3,)),
        lambda g, x: g * np.cos(x),
        lambda g, x: np.clip(g, -3, 3) * np.cos(x), kind="linearity",
    ),
    Mistake(
        "properties", "numbers read as they lie in memory", np.square, normal((2, 3)),
        lambda g, x: 2 * g * x,
        by_memory, kind="layout", cause="Fortran-order", needs="own",
    ),
    Mistake(
        "properties", "strides ignored", np.sin, normal((4,)),
        lambda g, x: g * np.cos(x),
        by_buffer, kind="layout", cause="non-contiguous", needs="own",
    ),
    Mistake(
        "properties", "dropout: another mask in the gradient", dropout, normal((5,)),
        lambda g, x: dropout(g),
        random_dropout, kind="repeatability",
    ),
    Mistake(
        "properties", "changes from call to call", np.sin, normal((3,)),
        lambda g, x: g * np.cos(x),
        counting(), kind="repeatability",
    ),
    Mistake(
        "properties", "fails for numbers without axes", np.sin, normal((3,)),
        lambda g, x: g * np.cos(x),
        by_loop, kind="small shapes", cause="no axes", needs="own",
    ),
    Mistake(
        "properties", "fails for no entries", np.sin, normal((3,)),
        lambda g, x: g * np.cos(x),
        by_largest, kind="small shapes", cause="no entries", needs="own",
    ),
]

PRECISION = [
    Mistake(
        "precision", "float32: another constant", np.sin, typed(np.float32, normal((4,))),
        lambda g, x: g * np.cos(x),
        by_dtype(np.float32, 1.001), kind="precision", needs="own",
    ),
    Mistake(
        "precision", "float16: another constant", np.sin, typed(np.float16, normal((4,))),
        lambda g, x: g * np.cos(x),
        by_dtype(np.float16, 1.2), kind="precision", needs="own",
    ),
    Mistake(
        "precision", "float16: a square overflows", lambda x: np.hypot(x, x.dtype.type(1)),
        typed(np.float16, lambda rng: (rng.uniform(300, 400, 4),)),
        lambda g, x: g * (x / np.hypot(x, x.dtype.type(1))),
        lambda g, x: g * (x / np.sqrt(x * x + 1)), kind="precision", needs="own",
    ),
    Mistake(
        "precision", "float32: a loss of digits", lambda x: np.sin(x) / x,
        typed(np.float32, lambda rng: (rng.uniform(0.005, 0.02, 4),)),
        lambda g, x: g * sinc_slope(x),
        lambda g, x: g * (np.cos(x) / x - np.sin(x) / x**2), kind="precision", needs="own",
    ),
    Mistake(
        "precision", "float32: an epsilon that vanishes", np.hypot.reduce,
        typed(np.float32, scaled(1e-24, positive((3,)))),
        lambda g, x: g * x / np.hypot.reduce(x),
        lambda g, x: g * x / np.sqrt(np.sum(x**2)), kind="precision", needs="own",
    ),
]

SECOND = [
    Mistake(
        "second order", "sine: sign", np.sin, normal((3,)),
        lambda h, g, x: (h * np.cos(x), -h * g * np.sin(x)),
        lambda h, g, x: (h * np.cos(x), h * g * np.sin(x)),
        cause="the sign", first=lambda g, x: g * np.cos(x),
    ),
    Mistake(
        "second order", "cube: the argument taken for a constant", lambda x: x**3, normal((3,)),
        lambda h, g, x: (3 * h * x**2, 6 * h * g * x),
        lambda h, g, x: (3 * h * x**2, 0 * x),
        cause="no gradient at all", first=lambda g, x: 3 * g * x**2,
    ),
    Mistake(
        "second order", "cube at 1e-12: factor 2", lambda x: 1e-12 * x**3, normal((3,)),
        lambda h, g, x: (3e-12 * h * x**2, 6e-12 * h * g * x),
        lambda h, g, x: (3e-12 * h * x**2, 3e-12 * h * g * x),
        cause="a factor of 0.5", first=lambda g, x: 3e-12 * g * x**2,
    ),
    Mistake(
        "second order", "log-sum-exp: without the cross term", logsumexp, normal((4,)),
        lambda h, g, x: (np.sum(h * softmax(x)), g * softmax(x) * (h - np.sum(h * softmax(x)))),
        lambda h, g, x: (np.sum(h * softmax(x)), g * softmax(x) * h),
        first=lambda g, x: g * softmax(x.reshape(-1)).reshape(x.shape),
    ),
    Mistake(
        "second order", "norm: not projected", np.linalg.norm, normal((4,)),
        lambda h, g, x: (h @ x / np.linalg.norm(x), g * (h - x * (h @ x) / (x @ x)) / np.linalg.norm(x)),
        lambda h, g, x: (h @ x / np.linalg.norm(x), g * h / np.linalg.norm(x)),
        first=lambda g, x: g * x / np.linalg.norm(x),
    ),
    Mistake(
        "second order", "matrix square: missing transposes", lambda a: a @ a, normal((3, 3)),
        lambda h, g, a: (h @ a + a @ h, h.T @ g + g @ h.T),
        lambda h, g, a: (h @ a + a @ h, h @ g + g @ h),
        first=lambda g, a: g @ a.T + a.T @ g,
    ),
    Mistake(
        "second order", "inverse: one of two terms", np.linalg.inv, well_conditioned,
        inverse_second,
        lambda h, g, a: inverse_second(h, g, a, both=False),
        first=inverse_vjp,
    ),
    Mistake(
        "second order", "tanh: chain rule broken off", np.tanh, normal((3,)),
        lambda h, g, x: (h / np.cosh(x) ** 2, -2 * h * g * np.tanh(x) / np.cosh(x) ** 2),
        lambda h, g, x: (h / np.cosh(x) ** 2, -2 * h * g * np.tanh(x)),
        first=lambda g, x: g / np.cosh(x) ** 2,
    ),
    Mistake(
        "second order", "sine: not the transpose by the cotangent", np.sin, normal((3,)),
        lambda h, g, x: (h * np.cos(x), -h * g * np.sin(x)),
        lambda h, g, x: (2 * h * np.cos(x), -h * g * np.sin(x)),
        kind="adjoint", first=lambda g, x: g * np.cos(x),
    ),
    Mistake(
        "second order", "repeated indices: the last only", lambda x: x[INDICES] ** 2, normal((4,)),
        lambda h, g, x: (2 * (PLACES @ h) * (PLACES @ x), 2 * (PLACES.T @ (g * (PLACES @ h)))),
        lambda h, g, x: (2 * (PLACES @ h) * (PLACES @ x), 2 * (LAST.T @ (g * (PLACES @ h)))),
        first=lambda g, x: scattered(2 * g * x[INDICES], x, INDICES),
    ),
    Mistake(
        "second order", "squared ReLU: wrong for negative numbers", lambda x: np.maximum(x, 0) ** 2, signed(4),
        lambda h, g, x: (2 * h * np.maximum(x, 0), 2 * h * g * (x > 0)),
        lambda h, g, x: (2 * h * np.maximum(x, 0), 2 * h * g),
        first=lambda g, x: 2 * g * np.maximum(x, 0),
    ),
    Mistake(
        "second order", "1 entry of 5 wrong", np.exp, normal((5,)),
        lambda h, g, x: (h * np.exp(x), h * g * np.exp(x)),
        lambda h, g, x: (h * np.exp(x), h * g * np.exp(x) * np.where(np.arange(x.size).reshape(x.shape) == 3, 1.1, 1)),
        first=lambda g, x: g * np.exp(x),
    ),
]

# fmt: on
MISTAKES = [
    *ELEMENTWISE,
    *SCALES,
    *POWERS,
    *REDUCTIONS,
    *SHAPES,
    *INDEXING,
    *PRODUCTS,
    *LINALG,
    *FFT,
    *COMPLEX,
    *PIECEWISE,
    *LAYERS,
    *OUTPUTS,
    *HOUSE,
    *PRECISION,
    *SECOND,
]
