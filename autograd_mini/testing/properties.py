"""What must hold for every derivative, whatever its values: shapes, dtypes, linearity, memory that nobody else owns.

Each check raises a `DerivativeError` that names what does not hold. None of them needs numeric derivatives.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autograd_mini.graph import no_grad
from autograd_mini.tensor import Tensor
from autograd_mini.testing.problem import WIDE, Problem, as_vector, detached, is_differentiable
from autograd_mini.testing.report import DerivativeError, Subject
from autograd_mini.transforms.derivatives import jvp
from autograd_mini.transforms.gradients import vjp
from autograd_mini.transforms.trees import flatten

UNITS = 1000  # of rounding: by how much two ways to compute the same may differ
FEW_UNITS = 16
COTANGENT = re.compile(  # errors.COTANGENT
    r"The rule of .* for argument \d+ returned a cotangent of shape (?P<got>\(.*?\)) .*?"
    r"of shape (?P<want>\(.*?\)) \w+\. A rule returns [^.]*\."
)

Arrays = Sequence[Any]

COUNT = "returned {got} gradients for {want} differentiable arguments: return one for each."
SHAPE = "has shape {got}, but {name} has shape {want}.{hint}"
DTYPE = "has dtype {got}, but {name} has dtype {want}: a gradient has the dtype of its argument."
CHANGED = "{what} changes {name}: copy it instead of writing into it."
SHARED = "shares memory with {other}: whoever writes into the one changes the other. Copy it, unless it is made afresh."
TWICE = (
    "{what} differs between two equal calls: random numbers, or a state that the first call changed. Draw the random "
    "numbers outside, or from a generator with a fixed seed that is made inside."
)
LINEAR = (
    "is not linear in the cotangent: the pullback of a sum of cotangents is off from the sum of their pullbacks by "
    "{off:.3g}, where the gradient is {size:.3g} large. A rule must be linear in g: `g * slope`."
)
LAYOUT = "is another one for {layout} arguments of equal values: off by {off:.3g}, where it is {size:.3g} large."
LAYOUT_FAILS = "fails for {layout} arguments of equal values, while the function takes them: {error}"
EMPTY = "fails for arguments with {what}, while the function takes them: {error}"
PRECISION = (
    "is off by {off:.3g} in {dtype}, where {tolerance:.3g} is what rounding explains: {got:.8g} instead of {want:.8g}. "
    "A constant of another precision, or a loss of digits, is in the rule for {dtype}."
)
NOT_FINITE = "is not finite in {dtype} ({got}), where it is {want:.6g} in float64 and the function itself is finite."
ADJOINT = (
    "disagrees with the derivative along a direction: <J v, u> = {left:.10g}, but <v, J^T u> = {right:.10g}. The rule "
    "for the gradient and the derivative of that rule with respect to its cotangent are not each other's transpose."
)


def check(
    problem: Problem,
    given: Arrays,
    subject: Subject,
    rng: np.random.Generator,
    rtol: float = 0.0,
) -> None:
    """Check what holds of the first derivative whatever its values, on the arguments as they were given."""
    call = Derivative(problem, subject, rtol)
    values = call.values(given)
    cotangents = [random_like(value, rng) for value in values]
    found = call.gradients(given, cotangents)
    check_form(found, given, subject)
    check_purity(call, given, cotangents, subject)
    check_repeatable(call, given, cotangents, found, subject)
    check_linearity(call, given, cotangents, found, rng)
    check_layouts(call, given, cotangents, found)


class Derivative:
    """The function and its pullback on arrays as they are, whatever their dtype and layout."""

    def __init__(self, problem: Problem, subject: Subject, rtol: float = 0.0) -> None:
        self.problem, self.subject, self.rtol = problem, subject, rtol

    def tolerance(self, dtype: Any) -> float:
        """By how much two ways to compute the same may differ, relative to the largest number."""
        return max(UNITS * float(np.finfo(dtype).eps), self.rtol)

    def values(self, arrays: Arrays) -> list[Any]:
        return self.problem.evaluate(arrays)

    def gradients(self, arrays: Arrays, cotangents: Arrays) -> list[Any]:
        if self.problem.gradient is not None:
            return list(self.problem.gradient(cotangents, *arrays))
        _, pull = vjp(self.problem.results, *arrays)
        return detached(pull(list(cotangents)))

    def fails(self, kind: str, message: str, argument: int | None = None) -> DerivativeError:
        """What the gradient does wrong: `message` goes on after "the gradient"."""
        by = "" if argument is None else f" by {self.subject.arguments[argument]}"
        return self.breaks(kind, f"the gradient{by} {message}")

    def breaks(self, kind: str, message: str) -> DerivativeError:
        return DerivativeError(f"{self.subject.name}: {message}\n\n{self.subject.again}", kind)


def random_like(value: Any, rng: np.random.Generator) -> Any:
    """A cotangent without zeros."""
    draw = rng.choice([-1.0, 1.0], value.shape) * rng.uniform(0.5, 1.5, value.shape)
    if value.dtype.kind == "c":
        draw = draw + 1j * rng.uniform(0.5, 1.5, value.shape)
    return np.asarray(draw).astype(value.dtype)


def largest(array: Any) -> float:
    """The largest finite absolute value."""
    sizes = np.abs(array)
    return float(np.max(np.where(np.isfinite(sizes), sizes, 0), initial=0.0))


def distance(a: Any, b: Any) -> float:
    """The largest difference of two arrays; equal values that are not finite do not differ."""
    return float(np.max(np.where((a == b) | (np.isnan(a) & np.isnan(b)), 0, np.abs(a - b)), initial=0.0))


def explained(call: Derivative, given: Arrays, cotangents: Arrays) -> list[float]:
    """By how much two ways to compute each gradient may differ where it cancels.

    By a few units of rounding of the values, for a gradient that moves them by less is nothing; by what it is off from
    a smooth function; and by some of the smallest numbers.
    """
    terms = sum(float(np.sum(np.abs(value * c))) for value, c in zip(call.values(given), cotangents, strict=True))
    blurred = [FEW_UNITS * float(np.finfo(a.dtype).eps) * terms / (largest(a) or 1.0) for a in given]
    smallest = [float(np.finfo(a.dtype).smallest_subnormal) for a in given]
    uneven = wobble(call, given, cotangents)
    return [max(b, UNITS * w, UNITS * s) for b, w, s in zip(blurred, uneven, smallest, strict=True)]


def wobble(call: Derivative, given: Arrays, cotangents: Arrays) -> list[float]:
    """How far each gradient is from a smooth function of all arguments."""
    arrays = [*given, *cotangents]
    rng = np.random.default_rng(0)
    signs = [rng.choice([-1.0, 1.0], a.shape) for a in arrays]
    spacing = [float(np.finfo(a.dtype).eps) ** 0.4 for a in arrays]
    rows = []
    for k in range(9):
        moved = [(a * (1 + k * h * s)).astype(a.dtype) for a, h, s in zip(arrays, spacing, signs, strict=True)]
        try:
            rows.append(call.gradients(moved[: len(given)], moved[len(given) :]))
        except Exception:  # noqa: BLE001 (outside of the domain)
            return [0.0] * len(given)
    noise = [np.max(np.abs(np.diff(np.stack(parts), n=4, axis=0)), initial=0) / 4 for parts in zip(*rows, strict=True)]
    return [float(n) if np.isfinite(n) else 0.0 for n in noise]


def wrong_cotangent(error: Exception) -> tuple[str, str] | None:
    """The kind and the message for what the engine says of a rule's result that does not fit its operand."""
    said = COTANGENT.search(str(error))
    if said is None:
        return None
    got, want = (tuple(map(int, re.findall(r"\d+", said[side]))) for side in ("got", "want"))
    return ("dtype" if got == want else "shape"), said[0] + hint(got, want)


def check_form(found: Sequence[Any], given: Arrays, subject: Subject) -> None:
    """One gradient for each argument, of its shape and dtype."""
    call = Derivative.__new__(Derivative)
    call.subject = subject
    if len(found) != len(given):
        raise call.fails("count", COUNT.format(got=len(found), want=len(given)))
    for i, (part, a) in enumerate(zip(found, given, strict=True)):
        name, shape = subject.arguments[i], np.shape(part)
        if shape != a.shape:
            raise call.fails("shape", SHAPE.format(got=shape, name=name, want=a.shape, hint=hint(shape, a.shape)), i)
        if np.asarray(part).dtype != a.dtype:
            raise call.fails("dtype", DTYPE.format(got=np.asarray(part).dtype, name=name, want=a.dtype), i)


def hint(got: tuple[int, ...], want: tuple[int, ...]) -> str:
    """What to do about a gradient of the wrong shape."""
    if sorted(got) == sorted(want):
        return " Its axes are in another order: transpose it."
    extra = len(got) - len(want)
    if extra >= 0:
        padded = (1,) * extra + want
        axes = tuple(i for i, (g, w) in enumerate(zip(got, padded, strict=True)) if w == 1 and g != 1)
        if all(g == w or i in axes for i, (g, w) in enumerate(zip(got, padded, strict=True))):
            return f" The argument was broadcast: sum the gradient over axis {', '.join(map(str, axes))}."
    if len(got) < len(want):
        return " Spread it over the axes that the function reduced."
    return ""


def check_purity(call: Derivative, given: Arrays, cotangents: Arrays, subject: Subject) -> None:
    """Nobody's arrays are changed, and the gradients are memory of their own."""
    arrays, seeds = [a.copy() for a in given], [c.copy() for c in cotangents]
    values = call.values(arrays)
    if call.problem.gradient is None:
        tensors = [Tensor(a) for a in arrays]
        with no_grad():
            call.problem.function(*tensors)
        arrays = [t.data for t in tensors]
    for name, before, after in zip(subject.arguments, given, arrays, strict=True):
        if before.tobytes() != after.tobytes():
            raise call.breaks("input changed", CHANGED.format(name=name, what="the function"))
    found = call.gradients(arrays, seeds)
    for name, before, after in zip(subject.arguments, given, arrays, strict=True):
        if before.tobytes() != after.tobytes():
            raise call.breaks("input changed", CHANGED.format(name=name, what="the gradient"))
    if any(before.tobytes() != after.tobytes() for before, after in zip(cotangents, seeds, strict=True)):
        raise call.breaks("cotangent changed", CHANGED.format(name="the cotangent", what="the gradient"))
    others = [
        *zip([f"the argument {name}" for name in subject.arguments], arrays, strict=True),
        *[("the cotangent", seed) for seed in seeds],
        *[("the result", value) for value in values],
        *[(f"the gradient by {name}", part) for name, part in zip(subject.arguments, found, strict=True)],
    ]
    for i, part in enumerate(found):
        for name, other in others:
            if other is not part and np.shares_memory(part, other):
                raise call.fails("shared memory", SHARED.format(other=name), i)
        if any(part is other for other in found[:i]):
            raise call.fails("shared memory", SHARED.format(other="another gradient"), i)


def check_repeatable(
    call: Derivative, given: Arrays, cotangents: Arrays, found: Sequence[Any], subject: Subject
) -> None:
    """Two equal calls give the same bits."""
    first, second = call.values(given), call.values(given)
    if any(a.tobytes() != b.tobytes() for a, b in zip(first, second, strict=True)):
        raise call.fails("repeatability", "cannot be checked: " + TWICE.format(what=f"the value of {subject.name}"))
    again = call.gradients(given, cotangents)
    for i, (a, b) in enumerate(zip(found, again, strict=True)):
        if np.asarray(a).tobytes() != np.asarray(b).tobytes():
            raise call.fails("repeatability", "is not repeatable: " + TWICE.format(what="it"), i)


def check_linearity(
    call: Derivative, given: Arrays, cotangents: Arrays, found: Sequence[Any], rng: np.random.Generator
) -> None:
    """The pullback of a sum is the sum of the pullbacks."""
    others = [random_like(c, rng) for c in cotangents]
    sums = [(2 * a - 3 * b).astype(a.dtype) for a, b in zip(cotangents, others, strict=True)]
    total = call.gradients(given, sums)
    second = call.gradients(given, others)
    for i, (whole, a, b) in enumerate(zip(total, found, second, strict=True)):
        size = 2 * largest(a) + 3 * largest(b)
        off = distance(whole, 2 * np.asarray(a) - 3 * np.asarray(b))
        if off > call.tolerance(whole.dtype) * size and off > max(
            explained(call, given, seeds)[i] for seeds in (cotangents, others, sums)
        ):
            raise call.fails("linearity", LINEAR.format(off=off, size=size), i)


def strided(a: Any) -> Any:
    """The same values, every other entry of a larger array."""
    return np.repeat(a, 2, axis=-1)[..., ::2] if a.ndim else a


def backwards(a: Any) -> Any:
    """The same values, read from the end of a reversed array."""
    flip = (slice(None, None, -1),) * a.ndim
    return a[flip].copy()[flip]


def fortran(a: Any) -> Any:
    """The same values, the first axis contiguous."""
    return a.copy(order="F")


def read_only(a: Any) -> Any:
    """The same values in an array that cannot be written."""
    a = a.copy()
    a.setflags(write=False)
    return a


LAYOUTS: dict[str, Callable[[Any], Any]] = {
    "non-contiguous": strided,
    "reversed": backwards,
    "Fortran-order": fortran,
    "read-only": read_only,
}


def check_layouts(call: Derivative, given: Arrays, cotangents: Arrays, found: Sequence[Any]) -> None:
    """The layout of an array in memory does not matter."""
    for layout, change in LAYOUTS.items():
        try:
            parts = call.gradients([change(a) for a in given], [change(c) for c in cotangents])
        except Exception as error:
            raise call.fails("layout", LAYOUT_FAILS.format(layout=layout, error=error)) from error
        for i, (part, expected) in enumerate(zip(parts, found, strict=True)):
            off, size = distance(part, expected), largest(expected)
            if off > call.tolerance(expected.dtype) * size and off > explained(call, given, cotangents)[i]:
                raise call.fails("layout", LAYOUT.format(layout=layout, off=off, size=size), i)


def check_small_shapes(problem: Problem, given: Arrays, subject: Subject, rng: np.random.Generator) -> None:
    """Where the function takes arrays of no entries, or numbers without axes, its gradient does too."""
    call = Derivative(problem, subject)
    shrunk: dict[str, list[Any]] = {"no axes": [np.array(a.flat[0]) if a.size else a for a in given]}
    lengths = sorted({a.shape[0] for a in given if a.ndim})
    for length in lengths:
        kept = [a[:0] if a.ndim and a.shape[0] == length else a for a in given]
        shrunk[f"no entries along the axis of length {length}"] = kept
    for what, arrays in shrunk.items():
        values = values_if_taken(call, arrays)
        if values is None:
            continue
        try:
            parts = call.gradients(arrays, [random_like(value, rng) for value in values])
        except Exception as error:
            raise call.fails("small shapes", EMPTY.format(what=what, error=error)) from error
        for part, a in zip(parts, arrays, strict=True):
            if np.shape(part) != a.shape:
                reason = f"it has shape {np.shape(part)} for an argument of shape {a.shape}"
                raise call.fails("small shapes", EMPTY.format(what=what, error=reason))


def values_if_taken(call: Derivative, arrays: Arrays) -> list[Any] | None:
    """The function's values, or None where it does not take such arguments."""
    try:
        values = call.values(arrays)
    except Exception:  # noqa: BLE001 (in whatever way it refuses)
        return None
    return values if values and all(is_differentiable(value) for value in values) else None


def check_own_precision(problem: Problem, given: Arrays, subject: Subject, rng: np.random.Generator) -> None:
    """In float32 or float16, the gradient is that of float64 up to what rounding explains.

    What it explains: some units of rounding of the largest entry, and as much as the gradient changes when its inputs
    and cotangents change by a unit of rounding each.
    """
    narrow = [a.dtype for a in given if np.finfo(a.dtype).eps > np.finfo(float).eps]
    if not narrow:
        return
    call = Derivative(problem, subject)
    values = call.values(given)
    cotangents = [random_like(value, rng) for value in values]
    if not all(np.all(np.isfinite(value)) for value in values):
        return
    found = call.gradients(given, cotangents)
    wide = [a.astype(WIDE[a.dtype.kind]) for a in given]
    wide_values = call.values(wide)

    def exact(nudge: float) -> list[Any]:
        """The gradient in float64, of arguments that differ by a unit of rounding."""

        def moved(a: Any, like: Any) -> Any:
            return (a * (1 + nudge * np.finfo(like.dtype).eps * rng.choice([-1.0, 1.0], a.shape))).astype(a.dtype)

        arrays = [moved(a, like) for a, like in zip(wide, given, strict=True)]
        seeds = [moved(c.astype(v.dtype), c) for c, v in zip(cotangents, wide_values, strict=True)]
        try:
            return call.gradients(arrays, seeds)
        except Exception:
            if not nudge:
                raise
            return base  # outside of the domain

    base = exact(0)
    nearby = [exact(1) for _ in range(3)]
    for i, (got, want) in enumerate(zip(found, base, strict=True)):
        dtype = got.dtype
        moves = max(distance(other[i], want) for other in nearby)
        tolerance = 64 * float(np.finfo(dtype).eps) * largest(want) + 32 * moves + float(np.finfo(dtype).tiny)
        off = np.abs(got - want)
        bad = ~np.isfinite(got) & (np.abs(want) < np.finfo(dtype).max / 4)
        if bad.any():
            raise call.fails("precision", NOT_FINITE.format(dtype=dtype, got=got[bad][0], want=want[bad][0]), i)
        if np.max(np.where(np.isfinite(off), off, 0), initial=0.0) > tolerance:
            at = np.unravel_index(np.nanargmax(off), off.shape)
            values_at = {"got": got[at], "want": want[at], "off": off[at]}
            raise call.fails("precision", PRECISION.format(dtype=dtype, tolerance=tolerance, **values_at), i)


def check_adjoint(problem: Problem, subject: Subject, rng: np.random.Generator, rtol: float = 0.0) -> None:
    """The derivative along a direction and the pullback are each other's transpose: <J v, u> = <v, J^T u>."""
    if problem.gradient is not None or not problem.eps.size:
        return
    call = Derivative(problem, subject, rtol)
    directions = [random_like(a, rng) * np.maximum(np.abs(a), largest(a) or 1) for a in problem.inputs]
    cotangents = [random_like(a, rng) for a in problem.outputs]
    _, moved = jvp(
        problem.results,
        tuple(problem.inputs),
        tuple(d.astype(a.dtype) for d, a in zip(directions, problem.inputs, strict=True)),
    )
    parts = call.gradients(problem.inputs, cotangents)
    moved = [m.data if isinstance(m, Tensor) else m for m in flatten(moved)[0]]
    left = [as_vector([m]) * as_vector([c]) for m, c in zip(moved, cotangents, strict=True)]
    right = [as_vector([d]) * as_vector([p]) for d, p in zip(directions, parts, strict=True)]
    terms = np.concatenate([*left, *right])
    if not np.all(np.isfinite(terms)):
        return
    a, b = sum(part.sum() for part in left), sum(part.sum() for part in right)
    eps = max((np.finfo(x.dtype).eps for x in problem.outputs), default=0.0)
    if abs(a - b) > max(UNITS * eps, rtol) * np.abs(terms).sum():
        off = explained(call, problem.inputs, cotangents)
        if abs(a - b) > sum(largest(d) * d.size * o for d, o in zip(directions, off, strict=True)):
            raise call.fails("adjoint", ADJOINT.format(left=a, right=b))
