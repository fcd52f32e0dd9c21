"""Laws that hold for every derivative, as ready-made properties of any function; none needs numeric derivatives.

Each law computes one quantity in two ways, and takes for rounding what moves when the inputs move by rounding.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from autograd_mini.batching import vmap
from autograd_mini.compiling.slots import CompileError
from autograd_mini.compiling.step import compile
from autograd_mini.tensor import Tensor
from autograd_mini.testing.checks import Check
from autograd_mini.testing.problem import is_differentiable
from autograd_mini.testing.properties import largest, random_like
from autograd_mini.testing.report import DerivativeError, InconclusiveError
from autograd_mini.testing.snippets import code_of, name_of
from autograd_mini.transforms.derivatives import jvp
from autograd_mini.transforms.gradients import vjp
from autograd_mini.transforms.trees import flatten

__all__ = [
    "all_for",
    "batching",
    "chain_rule",
    "compile_is_eager",
    "gradient_of_sum",
    "graph_equals_arrays",
    "jvp_is_transpose",
    "permutation_equivariance",
    "product_rule",
    "pullback_is_linear",
    "retained_graph",
    "vmap_is_the_loop",
]

UNITS = 16  # of rounding of an entry: by how much two ways to compute it may differ,
NOISE = 32  # and by how many times what their difference moves when the inputs move by rounding
NUDGES = 4
EXAMPLES = 3
CALLS = 5  # of a compiled function: two are recorded, in one its program is tried, in two it runs
APART = 2.0**-7  # relative distance of the examples of a vmap, which have to be where the function is defined

Arrays = Sequence[Any]
Function = Callable[..., Any]
Sides = Callable[[Arrays, Arrays], tuple[Arrays, Arrays]]

BROKEN = """{name} breaks a law of derivatives: {title}.

  law       {formula}
  where     {place}
  left      {left}
  right     {right}
  rounding  explains a difference of {tolerance:.3g}

{cause}

To see it again:
    {call}"""
UNCOMPUTABLE = "The law cannot be checked for {name}: {why}\n\nTo see it again:\n    {call}"
NOWHERE = "nothing here is finite on both sides. Choose arguments where the function and its derivative are finite."
NOT_SYMMETRIC = (
    "permutation_equivariance was asked of {name}, but its values already tell: permuting {name}'s argument along axis "
    "{axis} neither leaves the result as it is nor permutes it in the same way. Choose another axis, or another law."
)
NOT_BATCHED = (
    "batching was asked of {name}, but its values already tell: the result for a batch is not made of the results for "
    "each example alone (`f(xs)[i]` is not `f(xs[i:i+1])[0]`). {name} mixes its examples, as a mean over the batch "
    "does. Return one result for each example."
)
NO_AXIS = "{law} was called with an array of shape {shape}, which has no axis {axis} with two entries or more."
SHAPES = (
    "{law} was called with functions of results of shapes {f} and {g}. They must have the same structure, so that the "
    "results can be added or multiplied."
)
NOTHING_HELD = "No law could be checked for {name}: nothing is finite there.\n\nTo see it again:\n    {call}"


class Law(NamedTuple):
    """A law in words, and what usually breaks it."""

    title: str
    formula: str
    cause: str


LAWS = {
    "pullback_is_linear": Law(
        "the pullback is linear in the cotangent",
        "J'(2u - 3v) = 2 J'u - 3 J'v",
        "A rule must be linear in g, such as `g * slope`: no abs, sign, clip or power of g.",
    ),
    "jvp_is_transpose": Law(
        "the derivative along a direction is the transpose of the pullback",
        "<J v, u> = <v, J'u>",
        "J v is the derivative of J'u by u. A rule must be linear in g, and its own derivative right.",
    ),
    "retained_graph": Law(
        "a backward through a graph gives the same again, whether the graph is kept or not",
        "backward(u, retain_graph=True) = the same again = backward(u)",
        "A rule must not change what it reads (no `out=`, no `+=`), and must not keep a state between calls.",
    ),
    "graph_equals_arrays": Law(
        "a derivative computed on tensors is the one computed on arrays",
        "J'(Tensor(u)) = J'(u)",
        "A rule must treat tensors as arrays: np.* functions and operators, no `.data`, no `isinstance`.",
    ),
    "gradient_of_sum": Law(
        "the gradient of a sum is the sum of the gradients",
        "(Jf + Jg)' u = Jf' u + Jg' u",
        "Both functions get the same cotangent: one of them changes it, or what the other reads.",
    ),
    "product_rule": Law(
        "the product rule",
        "d(f * g) = df * g + f * dg",
        "The right side reads only values of the product: its rule is wrong, or lacks a term.",
    ),
    "chain_rule": Law(
        "the chain rule",
        "J(f o g)' u = Jg' (Jf' u)",
        "f changes the result of g which a rule reads later, or takes it for a constant.",
    ),
    "permutation_equivariance": Law(
        "the gradient of permuted arguments is the permuted gradient",
        "J(P x)' (P u) = P (J(x)' u)",
        "The values are symmetric, so the rule treats entries at different places differently.",
    ),
    "batching": Law(
        "the gradient of a batch is made of the gradients of its examples",
        "(J(xs)' u)[i] = J(xs[i])' u[i]",
        "The values do not mix examples, so the rule does: a sum over the batch axis, or its length as a factor.",
    ),
    "vmap_is_the_loop": Law(
        "vmap computes what a loop over the examples does",
        "vmap(f)(xs)[i] = f(xs[i]), and the same of its pullback",
        "A batching rule moves an axis to the wrong place, or a formula looks at all examples as if they were one.",
    ),
    "compile_is_eager": Law(
        "a compiled function has the bits of the function itself",
        "compile(f)(x) = f(x) in each call, and the same of its pullback",
        "f or a rule keeps a count or a random state of its own, or asks for values to choose what to compute.",
    ),
}


class Trial:
    """One law asked of one function at one point: evaluates both sides there and nearby, and tells."""

    def __init__(self, law: str, functions: Sequence[Function], args: Sequence[Any], seed: int, **options: Any) -> None:
        self.law, self.name = law, name_of(functions[0])
        self.point = Check(functions[0], args, None, None, seed)
        self.given, self.rng = self.point.given, self.point.rng
        code = code_of(f"laws.{law}", [*functions, *self.point.arguments(self.given)], options)
        self.call = code.replace("\n", "\n    ")

    def of(self, f: Function) -> Function:
        """`f` as a function of the differentiable arrays alone."""
        return lambda *arrays: f(*self.point.arguments(arrays))

    def hold(self, sides: Sides, cotangents: Arrays, names: Sequence[str], size: float = 0.0) -> None:
        """Raise unless both sides agree here, up to what rounding explains.

        A difference that is rounding changes when inputs and cotangents change by a unit of rounding each; how much
        is measured nearby, so that ill-conditioned functions raise no alarm. Entries are rounded as if they were of
        `size` at least.
        """
        left, right = sides(self.given, cotangents)
        eps = max(float(np.finfo(a.dtype).eps) for a in (*self.given, *cotangents, *left))
        apart = list(differences(sides, self.given, cotangents, self.rng))
        compared = 0
        for k, (a, b) in enumerate(zip(left, right, strict=True)):
            name = names[k] if k < len(names) else f"result {k}"
            if a.shape != b.shape or a.dtype != b.dtype:
                ours, theirs = (f"of shape {side.shape} and dtype {side.dtype}" for side in (a, b))
                raise self.broken(name, ours, theirs, 0.0)
            moves = [d[k] for d in apart]
            tolerance = rounding_of(a, b, eps, size) + NOISE * (largest(np.ptp(moves, axis=0)) if moves else 0.0)
            finite = np.isfinite(a) & np.isfinite(b)
            compared += int(finite.sum()) if a.size else 1
            off = np.where(finite, np.abs(a - b), 0)
            bad = (off > tolerance) | (np.isfinite(a) != np.isfinite(b))
            if bad.any():
                at = tuple(
                    int(i) for i in np.unravel_index(np.argmax(np.where(bad, excess(off, tolerance), -1)), a.shape)
                )
                place = f"{name}[{', '.join(map(str, at))}]" if at else name
                raise self.broken(place, f"{a[at]:.10g}", f"{b[at]:.10g}", float(tolerance[at]))
        if not compared:
            raise InconclusiveError(UNCOMPUTABLE.format(name=self.name, why=NOWHERE, call=self.call))

    def broken(self, place: str, left: str, right: str, tolerance: float) -> DerivativeError:
        law = LAWS[self.law]
        message = BROKEN.format(
            name=self.name, place=place, left=left, right=right, tolerance=tolerance, call=self.call, **law._asdict()
        )
        return DerivativeError(message, self.law)

    def by_arguments(self) -> list[str]:
        return [f"the gradient by {name}" for name in self.point.subject.arguments]

    @contextmanager
    def computing(self, what: str) -> Iterator[None]:
        """Turn an error raised while one side is computed into a broken law."""
        try:
            yield
        except (DerivativeError, InconclusiveError):
            raise
        except Exception as error:
            raise self.broken(what, f"fails: {error}", "is computed", 0.0) from error


def law(check: Function) -> Function:
    """A law, quiet about warnings of the numbers that it tries."""

    @functools.wraps(check)
    def quiet(*args: Any, **kwargs: Any) -> None:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            check(*args, **kwargs)

    return quiet


def excess(off: Any, tolerance: Any) -> Any:
    """How many times too large a difference is; infinite where there is none to speak of."""
    return np.where(off == 0, np.inf, off / np.where(tolerance > 0, tolerance, np.finfo(float).tiny))


def rounding_of(a: Any, b: Any, eps: float, least: float) -> Any:
    """Some units of rounding of each entry, which counts as no smaller than `least`."""
    size = np.where(np.isfinite(a) & np.isfinite(b), np.maximum(np.abs(a), np.abs(b)), 0)
    return UNITS * (eps * np.maximum(size.astype(float), least) + float(np.finfo(a.dtype).smallest_subnormal))


def differences(sides: Sides, given: Arrays, cotangents: Arrays, rng: np.random.Generator) -> Iterator[list[Any]]:
    """The difference of both sides at points which differ by a unit of rounding."""
    for _ in range(NUDGES):
        try:
            left, right = sides([nudged(a, rng) for a in given], [nudged(c, rng) for c in cotangents])
            yield [np.subtract(a, b, dtype=np.result_type(a, float)) for a, b in zip(left, right, strict=True)]
        except Exception:  # noqa: BLE001, S112 (outside of the domain the function may fail in any way)
            continue


def nudged(a: Any, rng: np.random.Generator) -> Any:
    """The same numbers, each about a unit of rounding larger or smaller."""
    signs = rng.choice([-1, 1], a.shape).astype(a.dtype)
    return np.asarray(a * (1 + signs * np.finfo(a.dtype).eps)).astype(a.dtype)


def plain(values: Sequence[Any]) -> list[Any]:
    return [np.asarray(v.data if isinstance(v, Tensor) else v) for v in values]


def results_of(f: Function) -> Function:
    """`f` with its floating-point results as a list."""
    return lambda *arrays: [r for r in flatten(f(*arrays))[0] if is_differentiable(r)]


def values_of(f: Function, arrays: Arrays) -> list[Any]:
    """The results of `f` as arrays."""
    return plain(results_of(f)(*(Tensor(a) for a in arrays)))


def pulled(f: Function, arrays: Arrays, cotangents: Sequence[Any]) -> list[Any]:
    """The pullback of the cotangents, as arrays."""
    _, pull = vjp(results_of(f), *arrays)
    return plain(pull(list(cotangents)))


def pushed(f: Function, arrays: Arrays, tangents: Arrays) -> tuple[list[Any], list[Any]]:
    """The values and their derivative along a direction, as arrays."""
    values, moved = jvp(results_of(f), tuple(arrays), tuple(tangents))
    return plain(values), plain(moved)


def seeds(f: Function, arrays: Arrays, rng: np.random.Generator) -> list[Any]:
    """A cotangent for each result."""
    return [random_like(value, rng) for value in values_of(f, arrays)]


@law
def pullback_is_linear(f: Function, *args: Any, seed: int = 0) -> None:
    r"""The pullback is linear in the cotangent: :math:`J^\top(2u - 3v) = 2 J^\top u - 3 J^\top v`.

    Parameters
    ----------
    f : callable
        Takes tensors and returns one, or a container of them.
    *args : array_like, Tensor, or nested containers of them
        Where to ask; floating-point and complex arrays are differentiated by, all else is passed on.
    seed : int
        Of the random cotangents.

    Raises
    ------
    DerivativeError
        If it does not hold; the message says at which entry, and what usually breaks the law.
    InconclusiveError
        If nothing is finite here.
    TypeError
        If no argument is floating-point.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_mini.testing import laws
    >>> laws.pullback_is_linear(np.matmul, np.ones((2, 3)), np.ones((3, 1)))
    """
    trial = Trial("pullback_is_linear", [f], args, seed)
    function = trial.of(f)

    def sides(arrays: Arrays, cotangents: Arrays) -> tuple[Arrays, Arrays]:
        half = len(cotangents) // 2
        u, v = cotangents[:half], cotangents[half:]
        whole = pulled(function, arrays, [(2 * a - 3 * b).astype(a.dtype) for a, b in zip(u, v, strict=True)])
        parts = zip(pulled(function, arrays, u), pulled(function, arrays, v), strict=True)
        return whole, [(2 * a - 3 * b).astype(a.dtype) for a, b in parts]

    cotangents = [*seeds(function, trial.given, trial.rng), *seeds(function, trial.given, trial.rng)]
    trial.hold(sides, cotangents, trial.by_arguments())


@law
def jvp_is_transpose(f: Function, *args: Any, seed: int = 0) -> None:
    r"""The derivative along a direction is the transpose of the pullback: :math:`u^\top(Jv) = (J^\top u)^\top v`.

    Parameters
    ----------
    f, *args, seed
        As of `pullback_is_linear`, with its errors.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_mini.testing import laws
    >>> laws.jvp_is_transpose(np.linalg.inv, np.array([[2.0, 1.0], [0.0, 3.0]]))
    """
    trial = Trial("jvp_is_transpose", [f], args, seed)
    function, count = trial.of(f), len(trial.given)

    def sides(arrays: Arrays, chosen: Arrays) -> tuple[Arrays, Arrays]:
        directions, cotangents = chosen[:count], chosen[count:]
        with trial.computing("the derivative along a direction"):
            moved = pushed(function, arrays, directions)[1]
        parts = pulled(function, arrays, cotangents)
        return [np.sum(terms(moved, cotangents))], [np.sum(terms(directions, parts))]

    directions, cotangents = [random_like(a, trial.rng) for a in trial.given], seeds(function, trial.given, trial.rng)
    size = float(np.sum(np.abs(terms(directions, pulled(function, trial.given, cotangents)))))
    trial.hold(sides, [*directions, *cotangents], ["the inner product"], size if np.isfinite(size) else 0.0)


def terms(ones: Arrays, others: Arrays) -> Any:
    """What the real inner product of all entries sums, in double precision."""
    parts = [np.ravel((np.conj(a) * b).real) for a, b in zip(ones, others, strict=True)]
    return np.concatenate([np.zeros(0), *parts])


@law
def retained_graph(f: Function, *args: Any, seed: int = 0) -> None:
    """`backward` twice through a kept graph gives the same gradients, and they are those of a graph that is freed.

    Parameters
    ----------
    f, *args, seed
        As of `pullback_is_linear`, with its errors.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_mini.testing import laws
    >>> laws.retained_graph(np.exp, np.array([0.5, 1.0]))
    """
    trial = Trial("retained_graph", [f], args, seed)
    function = trial.of(f)

    def recorded(arrays: Arrays, cotangents: Arrays) -> tuple[list[Tensor], list[Any]]:
        leaves = [Tensor(a, requires_grad=True) for a in arrays]
        results = [r for r in results_of(function)(*leaves) if isinstance(r, Tensor) and r.requires_grad]
        return leaves, list(zip(results, cotangents, strict=True))

    def backwards(leaves: list[Tensor], results: list[Any], retain: bool) -> list[Any]:
        for leaf in leaves:
            leaf.grad = None
        for i, (result, cotangent) in enumerate(results, 1):
            result.backward(cotangent.copy(), retain_graph=retain or i < len(results))
        return [np.zeros_like(leaf.data) if leaf.grad is None else np.array(leaf.grad) for leaf in leaves]

    def sides(arrays: Arrays, cotangents: Arrays) -> tuple[Arrays, Arrays]:
        kept, freed = recorded(arrays, cotangents), recorded(arrays, cotangents)
        first = backwards(*kept, retain=True)
        with trial.computing("the second backward"):
            second = backwards(*kept, retain=True)
        return [*first, *first], [*second, *backwards(*freed, retain=False)]

    cotangents = seeds(function, trial.given, trial.rng)
    names = trial.by_arguments()
    again = [f"{name}, the second time" for name in names]
    trial.hold(sides, cotangents, [*again, *(f"{name}, the graph freed" for name in names)])


@law
def graph_equals_arrays(f: Function, *args: Any, seed: int = 0) -> None:
    """The first derivative computed on tensors, as for second derivatives, is the one computed on arrays.

    Parameters
    ----------
    f, *args, seed
        As of `pullback_is_linear`, with its errors.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_mini.testing import laws
    >>> laws.graph_equals_arrays(np.tanh, np.array([0.5, 1.0]))
    """
    trial = Trial("graph_equals_arrays", [f], args, seed)
    function = trial.of(f)

    def on_tensors(arrays: Arrays, cotangents: Arrays) -> list[Any]:
        _, pull = vjp(results_of(function), *(Tensor(a, requires_grad=True) for a in arrays))
        return plain(pull([Tensor(c, requires_grad=True) for c in cotangents]))

    def sides(arrays: Arrays, cotangents: Arrays) -> tuple[Arrays, Arrays]:
        with trial.computing("the derivative on tensors"):
            by_graph = on_tensors(arrays, cotangents)
        return by_graph, pulled(function, arrays, cotangents)

    trial.hold(sides, seeds(function, trial.given, trial.rng), trial.by_arguments())


@law
def gradient_of_sum(f: Function, g: Function, *args: Any, seed: int = 0) -> None:
    r"""The gradient of a sum is the sum of the gradients: :math:`J_{f+g}^\top u = J_f^\top u + J_g^\top u`.

    Parameters
    ----------
    f, g : callable
        Of the same arguments, with results of the same shape.
    *args : array_like, Tensor, or nested containers of them
        Where to ask.
    seed : int
        Of the random cotangents.

    Raises
    ------
    DerivativeError
        If it does not hold: one function changes what the other one reads, or their common cotangent.
    ValueError
        If the results have different shapes.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_mini.testing import laws
    >>> laws.gradient_of_sum(np.sin, np.exp, np.array([0.5, 1.0]))
    """
    trial = Trial("gradient_of_sum", [f, g], args, seed)
    one, other = trial.of(f), trial.of(g)
    check_shapes(trial, one, other)

    def total(first: Function, second: Function) -> Function:
        return lambda *arrays: [
            a + b for a, b in zip(results_of(first)(*arrays), results_of(second)(*arrays), strict=True)
        ]

    def sides(arrays: Arrays, cotangents: Arrays) -> tuple[Arrays, Arrays]:
        def copied(f: Function) -> list[Any]:
            return pulled(f, arrays, [c.copy() for c in cotangents])

        summed = [a + b for a, b in zip(copied(one), copied(other), strict=True)]
        return [*copied(total(one, other)), *copied(total(other, one))], [*summed, *summed]

    names = trial.by_arguments()
    trial.hold(sides, seeds(one, trial.given, trial.rng), [*names, *names])


def check_shapes(trial: Trial, one: Function, other: Function) -> None:
    """Both functions return results of the same shapes."""
    shapes = [[value.shape for value in values_of(f, trial.given)] for f in (one, other)]
    if shapes[0] != shapes[1]:
        raise ValueError(SHAPES.format(law=trial.law, f=shapes[0], g=shapes[1]))


@law
def product_rule(f: Function, g: Function, *args: Any, product: Function = np.multiply, seed: int = 0) -> None:
    r"""The derivative of a product along a direction: :math:`(f \cdot g)' v = f' v \cdot g + f \cdot g' v`.

    The right side reads only values of the product, so this shows a wrong rule of any operation that is linear in each
    of two arguments: a matrix product, a convolution, an interpolation.

    Parameters
    ----------
    f, g : callable
        Of the same arguments; each returns one array.
    *args : array_like, Tensor, or nested containers of them
        Where to ask.
    product : callable
        Linear in each of its two arguments.
    seed : int
        Of the random direction.

    Raises
    ------
    DerivativeError
        If it does not hold.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_mini.testing import laws
    >>> laws.product_rule(np.sin, np.exp, np.array([0.5, 1.0]))
    >>> laws.product_rule(np.sin, np.exp, np.ones((2, 2)), product=np.matmul)
    """
    named = {} if product is np.multiply else {"product": product}
    trial = Trial("product_rule", [f, g], args, seed, **named)
    one, other = trial.of(f), trial.of(g)

    def both(*arrays: Any) -> Any:
        return product(one(*arrays), other(*arrays))

    def values(a: Any, b: Any) -> Any:
        return values_of(product, [a, b])[0]

    def sides(arrays: Arrays, directions: Arrays) -> tuple[Arrays, Arrays]:
        ((a,), (da,)), ((b,), (db,)) = pushed(one, arrays, directions), pushed(other, arrays, directions)
        with trial.computing("the derivative along a direction"):
            moved = pushed(both, arrays, directions)[1]
        return moved, [np.asarray(values(da, b) + values(a, db))]

    directions = [random_like(a, trial.rng) for a in trial.given]
    trial.hold(sides, directions, ["the derivative along a direction, of result"])


@law
def chain_rule(f: Function, g: Function, *args: Any, seed: int = 0) -> None:
    r"""The derivative of f(g(x)) by parts: :math:`J_{f \circ g}^\top u = J_g^\top (J_f(g(x))^\top u)`.

    Parameters
    ----------
    f, g : callable
        `f` takes what `g` returns.
    *args : array_like, Tensor, or nested containers of them
        Of `g`.
    seed : int
        Of the random cotangents.

    Raises
    ------
    DerivativeError
        If it does not hold: `f` treats the result of `g` in another way than an array of equal values, or changes it.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_mini.testing import laws
    >>> laws.chain_rule(np.sum, np.exp, np.array([0.5, 1.0]))
    """
    trial = Trial("chain_rule", [f, g], args, seed)
    inside = trial.of(g)

    def sides(arrays: Arrays, cotangents: Arrays) -> tuple[Arrays, Arrays]:
        whole = pulled(lambda *xs: f(inside(*xs)), arrays, cotangents)
        middle, rebuild = flatten(inside(*(Tensor(a) for a in arrays)))

        def outside(*parts: Any) -> Any:
            return f(rebuild(parts))

        between = pulled(outside, plain(middle), cotangents)
        return whole, pulled(inside, arrays, between)

    cotangents = seeds(lambda *xs: f(inside(*xs)), trial.given, trial.rng)
    trial.hold(sides, cotangents, trial.by_arguments())


@law
def permutation_equivariance(f: Function, x: Any, axis: int = 0, seed: int = 0) -> None:
    """The gradient of a permuted argument is the permuted gradient, where the values are symmetric.

    Parameters
    ----------
    f : callable
        Equivariant, f(P x) = P f(x), or invariant, f(P x) = f(x), for permutations P along `axis`.
    x : array_like
        Where to ask.
    axis : int
        Along which entries are permuted, of the argument and, for an equivariant function, of the results.
    seed : int
        Of the random cotangents.

    Raises
    ------
    DerivativeError
        If it does not hold.
    ValueError
        If the values are not symmetric, or the axis has fewer than two entries.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_mini.testing import laws
    >>> laws.permutation_equivariance(np.max, np.array([3.0, 1.0, 2.0]))
    >>> laws.permutation_equivariance(lambda x: x - np.mean(x), np.array([3.0, 1.0, 2.0]))
    """
    trial = Trial("permutation_equivariance", [f], [x], seed, **({"axis": axis} if axis else {}))
    function, length = trial.of(f), axis_length(trial, axis)
    kind = symmetry(function, trial.given, axis)
    if kind is None:
        raise ValueError(NOT_SYMMETRIC.format(name=trial.name, axis=axis))

    def sides_of(order: Any) -> Sides:
        def permuted(arrays: Arrays) -> list[Any]:
            return [np.take(a, order, axis) for a in arrays]

        def sides(arrays: Arrays, cotangents: Arrays) -> tuple[Arrays, Arrays]:
            moved = permuted(cotangents) if kind == "equivariant" else cotangents
            return pulled(function, permuted(arrays), moved), permuted(pulled(function, arrays, cotangents))

        return sides

    cotangents = seeds(function, trial.given, trial.rng)
    for order in generators(length):
        trial.hold(sides_of(order), cotangents, trial.by_arguments())


def axis_length(trial: Trial, axis: int) -> int:
    """The length of an axis of the one argument, which must be at least 2."""
    shape = trial.given[0].shape
    if len(trial.given) != 1 or not -len(shape) <= axis < len(shape) or shape[axis] < 2:
        raise ValueError(NO_AXIS.format(law=trial.law, shape=shape, axis=axis))
    return int(shape[axis])


def generators(length: int) -> list[Any]:
    """Permutations of which all others are made: an exchange of the first two, and a shift."""
    exchange = np.arange(length)
    exchange[:2] = 1, 0
    return [exchange, np.roll(np.arange(length), 1)] if length > 2 else [exchange]


def symmetry(function: Function, given: Arrays, axis: int) -> str | None:
    """How the values answer to permutations along an axis: "equivariant", "invariant" or not at all (None).

    Values are compared here and at a point nearby: at zeros every function of the form `w * x` looks symmetric.
    """
    kinds = []
    for arrays in (given, [generic(a) for a in given]):
        before = values_of(function, arrays)
        for order in generators(given[0].shape[axis]):
            after = values_of(function, [np.take(a, order, axis) for a in arrays])
            found = set()
            if len(before) == len(after) and all(map(alike, before, after)):
                found.add("invariant")
            if all(b.ndim > (axis if axis >= 0 else -axis - 1) and b.shape[axis] == len(order) for b in before) and all(
                alike(np.take(b, order, axis), a) for b, a in zip(before, after, strict=True)
            ):
                found.add("equivariant")
            kinds.append(found)
    both = set.intersection(*kinds)
    return next((kind for kind in ("equivariant", "invariant") if kind in both), None)


def generic(a: Any) -> Any:
    """An array near `a` without equal entries or zeros, and no larger."""
    draw = np.random.default_rng(0).uniform(0.02, 0.2, a.shape)
    typical = np.median(np.abs(a[a != 0])) if np.any(a != 0) else 1.0
    return np.asarray(np.where(a == 0, typical * draw, a * (1 - draw))).astype(a.dtype)


def alike(a: Any, b: Any) -> bool:
    """Whether two results are equal up to rounding."""
    if a.shape != b.shape or a.dtype != b.dtype:
        return False
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    limit = 2 * UNITS * (1 + a.size) ** 0.5 * float(np.finfo(a.dtype).eps) * max(largest(a), largest(b))
    return bool(np.all(same | (np.abs(a - b) <= limit)))


@law
def batching(f: Function, xs: Any, seed: int = 0) -> None:
    """The gradient of a batch is made of the gradients of its examples.

    Parameters
    ----------
    f : callable
        Takes a batch and returns one result for each example, both along the first axis.
    xs : array_like
        The batch, of two examples or more.
    seed : int
        Of the random cotangents.

    Raises
    ------
    DerivativeError
        If it does not hold.
    ValueError
        If the result of a batch is not made of those of its examples, or there are fewer than two.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_mini.testing import laws
    >>> laws.batching(lambda xs: np.tanh(xs @ np.ones((3, 2))), np.ones((4, 3)))
    """
    trial = Trial("batching", [f], [xs], seed)
    function, length = trial.of(f), axis_length(trial, 0)
    if not is_batched(function, trial.given):
        raise ValueError(NOT_BATCHED.format(name=trial.name))

    def sides(arrays: Arrays, cotangents: Arrays) -> tuple[Arrays, Arrays]:
        rows = [
            pulled(function, [a[i : i + 1] for a in arrays], [c[i : i + 1] for c in cotangents]) for i in range(length)
        ]
        return pulled(function, arrays, cotangents), [np.concatenate(parts) for parts in zip(*rows, strict=True)]

    trial.hold(sides, seeds(function, trial.given, trial.rng), trial.by_arguments())


def is_batched(function: Function, given: Arrays) -> bool:
    """Whether the values of a batch are those of its examples, here and at a point nearby."""
    length = given[0].shape[0]
    for arrays in (given, [generic(a) for a in given]):
        whole = values_of(function, arrays)
        if not whole or any(value.shape[:1] != (length,) for value in whole):
            return False
        rows = [values_of(function, [a[i : i + 1] for a in arrays]) for i in range(length)]
        if any(part.shape[:1] != (1,) for row in rows for part in row):
            return False
        if not all(
            alike(value, np.concatenate(parts)) for value, parts in zip(whole, zip(*rows, strict=True), strict=True)
        ):
            return False
    return True


def can_be_batched(f: Function, arrays: Arrays) -> bool:
    """Whether a function asks for nothing that differs among the examples of a vmap."""
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            vmap(results_of(f))(*(np.stack([a] * EXAMPLES) for a in arrays))
    except TypeError:
        return False
    return True


@law
def vmap_is_the_loop(f: Function, *args: Any, seed: int = 0) -> None:
    """`vmap(f)` gives what a loop gives: values and pulled cotangents, for three examples near `args`.

    Asks a batching rule of your own, or the formula of a primitive that has none. A function that cannot be batched, as
    it decides by `if`, breaks the law.

    Parameters
    ----------
    f, *args, seed
        As of `pullback_is_linear`, with its errors.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_mini.testing import laws
    >>> laws.vmap_is_the_loop(np.linalg.inv, np.array([[2.0, 1.0], [0.0, 3.0]]))
    """
    trial = Trial("vmap_is_the_loop", [f], args, seed)
    function, count = trial.of(f), len(trial.given)

    def of_one(*chosen: Any) -> list[Any]:
        values, pull = vjp(results_of(function), *chosen[:count])
        return [*values, *pull(list(chosen[count:]))]

    def sides(arrays: Arrays, cotangents: Arrays) -> tuple[Arrays, Arrays]:
        chosen = [np.stack([a * (1 + k * APART) for k in range(EXAMPLES)]).astype(a.dtype) for a in arrays]
        chosen += [np.stack([c] * EXAMPLES) for c in cotangents]
        with trial.computing("vmap(f)"):
            together = plain(vmap(of_one)(*chosen))
        each = [plain(of_one(*(one[k] for one in chosen))) for k in range(EXAMPLES)]
        return together, [np.stack(parts) for parts in zip(*each, strict=True)]

    cotangents = seeds(function, trial.given, trial.rng)
    names = [f"result {k} of the examples" for k in range(len(cotangents))]
    trial.hold(sides, cotangents, [*names, *trial.by_arguments()])


def can_be_compiled(f: Function, arrays: Arrays) -> bool:
    """Whether a call can be recorded."""
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            compile(results_of(f))(*arrays)
    except CompileError:
        return False
    return True


@law
def compile_is_eager(f: Function, *args: Any, seed: int = 0) -> None:
    """`compile(f)` gives the bits of `f` itself: values and pulled cotangents, in five calls near `args`.

    Asks a rule of your own that `compile` records or calls. A function that cannot be a program, as it decides by `if`,
    breaks the law.

    Parameters
    ----------
    f, *args, seed
        As of `pullback_is_linear`, with its errors.

    Raises
    ------
    InconclusiveError
        If nothing can be computed here.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_mini.testing import laws
    >>> laws.compile_is_eager(np.linalg.inv, np.array([[2.0, 1.0], [0.0, 3.0]]))
    """
    trial = Trial("compile_is_eager", [f], args, seed)
    function, count = trial.of(f), len(trial.given)
    cotangents = seeds(function, trial.given, trial.rng)
    names = [f"result {k}" for k in range(len(cotangents))] + trial.by_arguments()

    def values_and_slopes(*chosen: Any) -> list[Any]:
        values, pull = vjp(results_of(function), *chosen[:count])
        return [*values, *pull(list(chosen[count:]))]

    compiled, finite = compile(values_and_slopes), False
    for call in range(CALLS):
        chosen = [np.asarray(a * (1 + call * APART)).astype(a.dtype) for a in trial.given] + cotangents
        wanted = plain(values_and_slopes(*chosen))
        with trial.computing(f"compile(f), call {call + 1}"), warnings.catch_warnings():
            warnings.filterwarnings("error", message="compile: ")
            found = plain(compiled(*chosen))
        for name, a, b in zip(names, found, wanted, strict=True):
            if (a.shape, a.dtype) != (b.shape, b.dtype) or not np.array_equal(a, b, equal_nan=True):
                raise trial.broken(f"{name}, call {call + 1}", repr(a), repr(b), 0.0)
            finite |= not a.size or bool(np.isfinite(a).any())
    if not finite:
        raise InconclusiveError(UNCOMPUTABLE.format(name=trial.name, why=NOWHERE, call=trial.call))


def all_for(f: Function, *args: Any, seed: int = 0) -> tuple[str, ...]:
    """All laws that apply to one function: sums and products with itself, composition with a square, symmetries it has.

    Parameters
    ----------
    f : callable
        Takes tensors and returns one, or a container of them.
    *args : array_like, Tensor, or nested containers of them
        Where to ask.
    seed : int
        Of the random cotangents.

    Returns
    -------
    tuple of str
        The names of the laws that were checked and hold.

    Raises
    ------
    DerivativeError
        If one does not hold.
    InconclusiveError
        If none could be checked, since nothing is finite here.
    TypeError
        If no argument is floating-point.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_mini.testing import laws
    >>> "permutation_equivariance" in laws.all_for(np.sum, np.array([3.0, 1.0, 2.0]))
    True
    """
    trial = Trial("all_for", [f], args, seed)
    checks: list[tuple[Function, tuple[Any, ...]]] = [
        (law, (f, *args)) for law in (pullback_is_linear, jvp_is_transpose, retained_graph, graph_equals_arrays)
    ]
    checks.append((gradient_of_sum, (f, f, *args)))
    checks += [(vmap_is_the_loop, (f, *args))] if can_be_batched(trial.of(f), trial.given) else []
    checks += [(compile_is_eager, (f, *args))] if can_be_compiled(trial.of(f), trial.given) else []
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        function = trial.of(f)
        values = values_of(function, trial.given)
        if len(values) == 1:
            checks += [(product_rule, (f, f, *args)), (chain_rule, (np.square, f, *args))]
        if len(args) == len(trial.given) == 1 and trial.given[0].ndim:
            x = trial.given[0]
            checks += [(permutation_equivariance, (f, x, axis)) for axis in symmetric_axes(function, x)]
            if x.shape[0] > 1 and taken(is_batched, function, [x]):
                checks.append((batching, (f, x)))
    held = []
    for check, arguments in checks:
        try:
            check(*arguments, seed=seed)
        except InconclusiveError:
            continue
        held.append(check.__name__)
    if not held:
        raise InconclusiveError(NOTHING_HELD.format(name=trial.name, call=trial.call))
    return tuple(dict.fromkeys(held))


def symmetric_axes(function: Function, x: Any) -> list[int]:
    """The axes along which the values are symmetric."""
    return [axis for axis, length in enumerate(x.shape) if length > 1 and taken(symmetry, function, [x], axis)]


def taken(question: Function, *args: Any) -> Any:
    """The answer, or None where the function does not take the arguments tried."""
    try:
        return question(*args)
    except Exception:  # noqa: BLE001 (in whatever way it refuses)
        return None
