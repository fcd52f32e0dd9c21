"""Drawn functions whose derivatives are known to 50 digits: expression trees that NumPy and mpmath both evaluate.

Only the drawing and the truth live here; no test, and nothing of the library.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import numpy as np
from mpmath import mp, mpf

DIGITS = 90  # of the arithmetic: sums may cancel 40 of them
FAR = 40  # of what is exponentiated
SMALL, LARGE = 1e-305, 1e305
NAMES = "xyz"


class Undrawable(Exception):
    """A tree has no value here, or no derivative: draw another one."""


class Jet:
    """A number with its gradient and its Hessian, in mpmath's arithmetic."""

    def __init__(self, value: Any, gradient: Sequence[Any], hessian: Sequence[Sequence[Any]]) -> None:
        self.value, self.gradient, self.hessian = value, gradient, hessian

    def through(self, value: Any, slope: Any, curvature: Any) -> Jet:
        """A function of one number of this one, given its value and its two derivatives."""
        f = self
        return Jet(
            value,
            [slope * g for g in f.gradient],
            table(f, lambda i, j: slope * f.hessian[i][j] + curvature * f.gradient[i] * f.gradient[j]),
        )

    def __add__(self, other: Jet) -> Jet:
        f, g = self, other
        gradient = [a + b for a, b in zip(f.gradient, g.gradient, strict=True)]
        return Jet(f.value + g.value, gradient, table(f, lambda i, j: f.hessian[i][j] + g.hessian[i][j]))

    def __mul__(self, other: Jet) -> Jet:
        f, g = self, other

        def entry(i: int, j: int) -> Any:
            crossed = f.gradient[i] * g.gradient[j] + f.gradient[j] * g.gradient[i]
            return f.hessian[i][j] * g.value + crossed + f.value * g.hessian[i][j]

        gradient = [a * g.value + f.value * b for a, b in zip(f.gradient, g.gradient, strict=True)]
        return Jet(f.value * g.value, gradient, table(f, entry))


def table(jet: Jet, entry: Callable[[int, int], Any]) -> list[list[Any]]:
    """A symmetric matrix of a jet's size."""
    count = range(len(jet.gradient))
    rows = [[entry(i, j) if j <= i else None for j in count] for i in count]
    return [[rows[max(i, j)][min(i, j)] for j in count] for i in count]


def constant(value: Any, count: int) -> Jet:
    """A number that does not depend on the arguments."""
    return Jet(mpf(value), [mpf(0)] * count, [[mpf(0)] * count] * count)


class Function(NamedTuple):
    """An elementary function of one number: NumPy's, and mpmath's with its two derivatives."""

    of_arrays: Callable[[Any], Any]
    exact: Callable[[Any], tuple[Any, Any, Any]]
    defined: Callable[[Any], bool] = lambda x: True


def tanh(x: Any) -> tuple[Any, Any, Any]:
    y, slope = mp.tanh(x), mp.sech(x) ** 2
    return y, slope, -2 * y * slope


FUNCTIONS: dict[str, Function] = {
    "sin": Function(np.sin, lambda x: (mp.sin(x), mp.cos(x), -mp.sin(x))),
    "cos": Function(np.cos, lambda x: (mp.cos(x), -mp.sin(x), -mp.cos(x))),
    "tan": Function(np.tan, lambda x: (mp.tan(x), mp.sec(x) ** 2, 2 * mp.tan(x) * mp.sec(x) ** 2)),
    "tanh": Function(np.tanh, tanh, lambda x: abs(x) < FAR),
    "sinh": Function(np.sinh, lambda x: (mp.sinh(x), mp.cosh(x), mp.sinh(x)), lambda x: abs(x) < FAR),
    "cosh": Function(np.cosh, lambda x: (mp.cosh(x), mp.sinh(x), mp.cosh(x)), lambda x: abs(x) < FAR),
    "exp": Function(np.exp, lambda x: (mp.exp(x),) * 3, lambda x: abs(x) < FAR),
    "expm1": Function(np.expm1, lambda x: (mp.expm1(x), mp.exp(x), mp.exp(x)), lambda x: abs(x) < FAR),
    "log": Function(np.log, lambda x: (mp.log(x), 1 / x, -1 / x**2), lambda x: x > 0),
    "log1p": Function(np.log1p, lambda x: (mp.log1p(x), 1 / (1 + x), -1 / (1 + x) ** 2), lambda x: x > -1),
    "sqrt": Function(
        np.sqrt, lambda x: (mp.sqrt(x), 1 / (2 * mp.sqrt(x)), -1 / (4 * mp.sqrt(x) ** 3)), lambda x: x > 0
    ),
    "cbrt": Function(
        np.cbrt, lambda x: (mp.cbrt(x), mp.cbrt(x) / (3 * x), -2 * mp.cbrt(x) / (9 * x**2)), lambda x: x > 0
    ),
    "square": Function(np.square, lambda x: (x**2, 2 * x, mpf(2))),
    "reciprocal": Function(np.reciprocal, lambda x: (1 / x, -1 / x**2, 2 / x**3), lambda x: x != 0),
    "arctan": Function(np.arctan, lambda x: (mp.atan(x), 1 / (1 + x**2), -2 * x / (1 + x**2) ** 2)),
    "arcsinh": Function(np.arcsinh, lambda x: (mp.asinh(x), 1 / mp.sqrt(1 + x**2), -x / mp.sqrt(1 + x**2) ** 3)),
    "arctanh": Function(
        np.arctanh, lambda x: (mp.atanh(x), 1 / (1 - x**2), 2 * x / (1 - x**2) ** 2), lambda x: abs(x) < 1
    ),
    "arcsin": Function(
        np.arcsin, lambda x: (mp.asin(x), 1 / mp.sqrt(1 - x**2), x / mp.sqrt(1 - x**2) ** 3), lambda x: abs(x) < 1
    ),
    # What is no analytic function of a complex number: real numbers do not tell.
    "absolute": Function(np.absolute, lambda x: (abs(x), mp.sign(x), mpf(0)), lambda x: x != 0),
    "conjugate": Function(np.conjugate, lambda x: (x, mpf(1), mpf(0))),
    "real": Function(np.real, lambda x: (x, mpf(1), mpf(0))),
    "sign": Function(np.sign, lambda x: (mp.sign(x), mpf(0), mpf(0)), lambda x: x != 0),
}
OPERATIONS: dict[str, Callable[..., Any]] = {
    "add": operator.add,
    "multiply": operator.mul,
    "maximum": np.maximum,
    "detached": lambda value: value,
}


class Expression:
    """A function of some numbers: a tree of constants, arguments and operations.

    A tree is `("constant", c)`, `("argument", i)`, `(name of a function, tree)`, or `("add", ...)`,
    `("multiply", ...)`, `("maximum", ...)` of two trees. What is `("detached", tree)` has derivatives of 0: a mistake.
    """

    def __init__(self, tree: Any, count: int) -> None:
        self.tree, self.arguments = tree, NAMES[:count]
        self.known: dict[tuple[float, ...], Jet | None] = {}

    def __call__(self, *args: Any) -> Any:
        """The value by NumPy, of arrays or of whatever takes its functions."""
        return of_arrays(self.tree, args)

    def __repr__(self) -> str:
        return f"lambda {', '.join(self.arguments)}: {written(self.tree)}"

    def exact(self, x: Any) -> Jet | None:
        """The value, gradient and Hessian at a vector of arguments; None where there are none."""
        args = tuple(map(float, x))
        if args not in self.known:
            with mp.workdps(DIGITS), suppress(Undrawable, ZeroDivisionError, OverflowError):
                jets = [constant(x, len(args)) for x in args]
                for i, jet in enumerate(jets):
                    jet.gradient = [mpf(i == j) for j in range(len(args))]
                self.known[args] = exact(self.tree, jets)
            self.known.setdefault(args, None)
        return self.known[args]

    def gradient(self, x: Any) -> Any:
        """The exact gradient at a vector of arguments, rounded once."""
        jet = self.exact(x)
        return np.full(x.shape, np.nan) if jet is None else np.array([float(g) for g in jet.gradient])

    def hessian(self, x: Any) -> Any:
        """The exact Hessian, rounded once."""
        jet = self.exact(x)
        rows = [[np.nan] * x.size] * x.size if jet is None else jet.hessian
        return np.array([[float(h) for h in row] for row in rows])


def of_arrays(tree: Any, args: Sequence[Any]) -> Any:
    kind, *parts = tree
    if kind == "constant":
        return parts[0]
    if kind == "argument":
        return args[parts[0]]
    values = [of_arrays(part, args) for part in parts]
    return OPERATIONS[kind](*values) if kind in OPERATIONS else FUNCTIONS[kind].of_arrays(*values)


def exact(tree: Any, args: Sequence[Jet]) -> Jet:
    kind, *parts = tree
    if kind == "constant":
        return constant(parts[0], len(args))
    if kind == "argument":
        return args[parts[0]]
    jets = [exact(part, args) for part in parts]
    if kind == "detached":
        return constant(jets[0].value, len(args))
    if kind == "maximum":
        return max(jets, key=lambda jet: jet.value)
    if kind in OPERATIONS:
        return OPERATIONS[kind](*jets)
    function = FUNCTIONS[kind]
    if not function.defined(jets[0].value):
        raise Undrawable
    return jets[0].through(*function.exact(jets[0].value))


def written(tree: Any) -> str:
    """A tree as Python writes it."""
    kind, *parts = tree
    if kind == "constant":
        return repr(parts[0])
    if kind == "argument":
        return NAMES[parts[0]]
    inside = [written(part) for part in parts]
    signs = {"add": "+", "multiply": "*"}
    return f"({inside[0]} {signs[kind]} {inside[1]})" if kind in signs else f"np.{kind}({', '.join(inside)})"


def without_a_part(expression: Expression, rng: np.random.Generator) -> Expression:
    """The same values, but the derivatives of one part of the tree are forgotten."""

    def paths(tree: Any) -> Iterator[tuple[int, ...]]:
        yield ()
        if tree[0] not in ("constant", "argument"):
            for i, part in enumerate(tree[1:], 1):
                yield from ((i, *path) for path in paths(part))

    def forgot(tree: Any, path: tuple[int, ...]) -> Any:
        if not path:
            return "detached", tree
        return (*tree[: path[0]], forgot(tree[path[0]], path[1:]), *tree[path[0] + 1 :])

    found = list(paths(expression.tree))
    return Expression(forgot(expression.tree, found[rng.integers(len(found))]), len(expression.arguments))


def drawn(rng: np.random.Generator) -> tuple[Expression, Any]:
    """A function of one to three numbers and a vector of them where it can be derived twice.

    Sizes of arguments and values are from 1e-300 to 1e300; the derivatives may be beyond the numbers there are.
    """
    while True:
        sizes = [size(rng) for _ in range(rng.integers(1, 4))]
        x = np.array([s * rng.choice([-1, 1]) * 10 ** rng.uniform(-1.5, 1.2) for s in sizes])
        leaves = [scaled(("argument", i), 1 / s) for i, s in enumerate(sizes)]
        tree = scaled(grown(rng, leaves, int(rng.integers(1, 5))), size(rng))
        function = Expression(tree, len(sizes))
        with np.errstate(all="ignore"):
            value = function(*x)
        if SMALL < abs(value) < LARGE and function.exact(x) is not None:
            return function, x


def size(rng: np.random.Generator) -> float:
    """A power of ten: often 1, sometimes any from 1e-300 to 1e300."""
    kind = rng.uniform()
    reach = 0 if kind < 0.5 else 15 if kind < 0.75 else 300
    return float(10.0 ** rng.integers(-reach, reach + 1))


def scaled(tree: Any, factor: float) -> Any:
    return tree if factor == 1 else ("multiply", tree, ("constant", float(factor)))


def grown(rng: np.random.Generator, leaves: Sequence[Any], depth: int) -> Any:
    """A tree of at most that depth."""
    if not depth:
        number = ("constant", float(np.round(rng.normal(0, 2), 1)))
        return leaves[rng.integers(len(leaves))] if rng.uniform() < 0.8 else number
    kind = rng.uniform()
    if kind < 0.5:
        return str(rng.choice(list(FUNCTIONS))), grown(rng, leaves, depth - 1)
    operation = "add" if kind < 0.72 else "multiply" if kind < 0.97 else "maximum"
    first, second = (grown(rng, leaves, depth - 1 - int(rng.integers(min(depth, 2)))) for _ in range(2))
    if operation == "add" and rng.uniform() < 0.3:
        second = scaled(second, 10.0 ** rng.integers(-18, -2))  # a small part beside a large one
    return operation, first, second
