"""`check_derivatives`: is the derivative of a function right, and does it keep what every derivative must keep?

Here is the order of the checks; numbers are compared in `comparison`, and findings told in `report`.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autograd_mini.primitive import display_name
from autograd_mini.tensor import Tensor
from autograd_mini.testing import properties
from autograd_mini.testing.comparison import Comparison, compare, has_kink
from autograd_mini.testing.problem import Problem, is_differentiable
from autograd_mini.testing.report import (
    DerivativeError,
    InconclusiveError,
    Report,
    Subject,
    guessed_cause,
    pasted,
    wrong_message,
)
from autograd_mini.testing.shrinking import smallest
from autograd_mini.trees import flatten

NOTHING_TO_CHECK = (
    "check_derivatives was called with {what}, so there is nothing to differentiate. Pass floating-point or complex "
    "arrays: `check_derivatives(f, np.array([0.5, 2.0]))`."
)
ORDER = "check_derivatives was called with order={order}. Write a whole number of at least 1{reason}."


def check_derivatives(
    f: Callable[..., Any],
    *args: Any,
    order: int = 2,
    gradient: Callable[..., Any] | None = None,
    vjp: Callable[..., Any] | None = None,
    rtol: float = 0.0,
    small_shapes: bool = True,
    inconclusive: str = "raise",
    seed: int = 0,
) -> Report:
    r"""Compare the derivatives of `f` with numbers, and check what must hold for every derivative.

    Each entry of the Jacobian is compared with extrapolated differences in its own scale: the tolerance is the error
    that the extrapolation estimates for itself, plus rounding. There is no absolute tolerance, so a derivative of
    1e-12 is checked as well as one of 1. Large Jacobians are compared by sums along random signed directions, which
    show one wrong entry among many thousands.

    Parameters
    ----------
    f : callable
        Takes tensors (arrays, with `gradient` or `vjp`) and returns one, or a container of them.
    *args : array_like, Tensor, or nested containers of them
        Where to check. A list of numbers is an array. Floating-point and complex arrays are differentiated by, all
        else is passed on as it is.
        float32 and float16 are checked in float64, and then in their own precision in units of rounding.
    order : int
        How often to derive.
    gradient : callable, optional
        Of the same arguments: the gradient of an `f` that returns one number and knows no tensors; an array, or a
        tuple with one for each array in `args`. Only the first order is checked.
    vjp : callable, optional
        The same for an `f` that returns an array: `vjp(cotangent, *args)`.
    rtol : float
        How exact the derivative claims to be, relative to the largest entry of a row, where it is no formula but the
        end of an iteration, such as an adaptive solver's. By default as exact as rounding lets it be.
    small_shapes : bool
        Also call `f` with arrays that have no entries or no axes; where it takes them, so must its derivative.
    inconclusive : {"raise", "return"}
        What to do where the numbers cannot tell.
    seed : int
        Of the random directions.

    Returns
    -------
    Report
        The verdict, "right" or "inconclusive", and at which entries there are kinks. At a kink the derivative must
        lie between the slopes on both sides; higher orders are not checked there.

    Raises
    ------
    DerivativeError
        If a derivative is wrong: an AssertionError that says which entry, what was expected, and what it looks like.
    InconclusiveError
        If the numbers cannot tell, and why.
    TypeError
        If no argument is floating-point.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_mini.testing import check_derivatives
    >>> print(check_derivatives(lambda x, w: np.tanh(x @ w), np.ones((2, 3)), np.ones((3, 1))))
    right to order 2: 117 derivatives compared with numbers
    >>> check_derivatives(np.sin, [0.5, 1.0], vjp=lambda g, x: -g * np.cos(x))  # doctest: +IGNORE_EXCEPTION_DETAIL
    Traceback (most recent call last):
        ...
    autograd_mini.testing.report.DerivativeError: The derivative of np.sin is wrong.
    ...
    """
    if not isinstance(order, int) or order < 1:
        raise ValueError(ORDER.format(order=order, reason=""))
    check = Check(f, args, gradient, vjp, seed)
    check.small_shapes, check.rtol = small_shapes, rtol
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # of a point outside of the domain, a mean of nothing and the like
        report = check.run(1 if gradient or vjp else order)
    if report.verdict != "right" and inconclusive == "raise":
        raise InconclusiveError(f"The derivative of {check.subject.name} could not be checked.\n{report}")
    return report


class Check:
    """One call of `check_derivatives`."""

    def __init__(
        self,
        f: Callable[..., Any],
        args: Sequence[Any],
        gradient: Callable[..., Any] | None,
        vjp: Callable[..., Any] | None,
        seed: int,
    ) -> None:
        self.f, self.gradient, self.vjp, self.seed = f, gradient, vjp, seed
        args = [np.asarray(a) if is_list_of_numbers(a) else a for a in args]
        self.leaves, self.rebuild = flatten(tuple(args))
        self.leaves = [leaf.data if isinstance(leaf, Tensor) else leaf for leaf in self.leaves]
        self.moved = [i for i, leaf in enumerate(self.leaves) if is_differentiable(leaf)]
        if not self.moved:
            what = " and ".join(sorted({type(leaf).__name__ for leaf in self.leaves})) or "no arguments"
            raise TypeError(NOTHING_TO_CHECK.format(what=what))
        self.given = [np.asarray(self.leaves[i]) for i in self.moved]
        self.rng = np.random.default_rng(seed)
        args = self.rebuild(self.leaves)
        self.subject = Subject(name_of(f), tuple(names_of(f, args, self.moved)), call_of(f, args, gradient, vjp))
        self.kinks: list[str] = []
        self.reasons: list[str] = []
        self.entries = 0
        self.small_shapes = True
        self.rtol = 0.0

    def arguments(self, arrays: Sequence[Any]) -> Any:
        """The arguments of `f` with the given arrays in the places of the differentiable ones."""
        call = list(self.leaves)
        for i, array in zip(self.moved, arrays, strict=True):
            call[i] = array
        return self.rebuild(call)

    def function(self, *arrays: Any) -> Any:
        return self.f(*self.arguments(arrays))

    def given_gradient(self, cotangents: Sequence[Any], *arrays: Any) -> Sequence[Any]:
        """What the user's `gradient` or `vjp` says, as a pullback."""
        args = self.arguments(arrays)
        if self.vjp is not None:
            found = self.vjp(cotangents[0] if len(cotangents) == 1 else tuple(cotangents), *args)
        else:
            found = self.gradient(*args)  # type: ignore[misc]
            found = tuple(g * cotangents[0] for g in found) if isinstance(found, tuple) else found * cotangents[0]
        return tuple(found) if isinstance(found, tuple | list) else (found,)

    def problem(self) -> Problem:
        return Problem(self.function, self.given, self.given_gradient if self.gradient or self.vjp else None)

    def run(self, order: int) -> Report:
        """All checks up to an order; the first that fails raises."""
        problem: Problem = self.problem()
        before: Problem | None = None
        properties.check(problem, self.given, self.subject, self.rng, self.small_shapes, self.rtol)
        for level in range(1, order + 1):
            found = compare(problem, self.rng, self.rtol)
            self.entries += found.got.size
            if found.wrong.any():
                raise DerivativeError(self.smallest_message(problem, found, level))
            self.note(problem, found, before)
            if level == 1:
                properties.check_own_precision(problem, self.given, self.subject, self.rng)
            if self.kinks or self.reasons or level == order:
                break
            if level == 1:
                properties.check_adjoint(problem, self.subject, self.rng, self.rtol)
            before, problem = problem, problem.derived(self.rng)
        verdict = "inconclusive" if self.reasons else "right"
        return Report(verdict, self.entries, tuple(self.kinks), tuple(self.reasons), level)

    def smallest_message(self, problem: Problem, found: Comparison, level: int) -> str:
        """The message about the smallest arguments at which the derivative is wrong in the same way."""

        def retried(leaves: Sequence[Any]) -> tuple[Check, Problem, Comparison]:
            check = Check(self.f, self.rebuild(leaves), self.gradient, self.vjp, self.seed)
            smaller = check.problem()
            for _ in range(level - 1):
                smaller = smaller.derived(check.rng)
            return check, smaller, compare(smaller, check.rng, self.rtol)

        def fails(leaves: Sequence[Any]) -> bool:
            try:
                return bool(retried(leaves)[2].wrong.any())
            except Exception:  # noqa: BLE001 (the function takes no such arguments)
                return False

        cause = guessed_cause(found, problem)  # of all entries, of which the smallest example has few
        leaves = smallest(self.leaves, fails)
        check = self
        if any(a is not b for a, b in zip(leaves, self.leaves, strict=True)):
            check, problem, found = retried(leaves)
        return wrong_message(check.subject, problem, found, level, cause)

    def note(self, problem: Problem, found: Comparison, before: Problem | None) -> None:
        """Keep what a report will say of kinks, of vertical slopes, and of entries that nobody can tell.

        A jump of a derivative is a kink of what it is the derivative of, whose problem is `before`.
        """
        places = np.argwhere(found.kink | np.isinf(found.got))
        self.kinks += dict.fromkeys(self.place(problem, found, column) for _, column in places)
        for (_, column), reason in found.doubts.items():
            place = self.place(problem, found, column)
            if before is not None and found.columns and has_kink(before, found.columns[column]):
                self.kinks.append(place)
            else:
                self.reasons.append(f"{place}: {reason}")

    def place(self, problem: Problem, found: Comparison, column: int) -> str:
        if not found.columns:
            return "a sum of many entries"
        return self.subject.entry(problem, found.columns[column])


def is_list_of_numbers(value: Any) -> bool:
    """Whether a list is an array in disguise and not a container of arguments."""
    return isinstance(value, list) and all(isinstance(leaf, int | float | complex) for leaf in flatten(value)[0])


def name_of(f: Callable[..., Any]) -> str:
    """The name of a function as a user would write it."""
    name = display_name(f) if hasattr(f, "__name__") else type(f).__name__
    return "f" if name == "<lambda>" else name


def names_of(f: Callable[..., Any], args: Sequence[Any], moved: Sequence[int]) -> list[str]:
    """A name for each differentiable leaf of the arguments: that of its parameter, numbered within a container."""
    try:
        parameters = list(inspect.signature(f).parameters.values())
    except (TypeError, ValueError):
        parameters = []
    names: list[str] = []
    for position, arg in enumerate(args):
        parameter = parameters[min(position, len(parameters) - 1)] if parameters else None
        several = parameter is None or parameter.kind is parameter.VAR_POSITIONAL
        name = f"argument {position}" if several else parameter.name  # type: ignore[union-attr]
        count = len(flatten(arg)[0])
        names += [name] if count == 1 else [f"{name} (part {i})" for i in range(count)]
    return [names[i] for i in moved]


def call_of(f: Callable[..., Any], args: Sequence[Any], *others: Callable[..., Any] | None) -> str:
    """The call of `check_derivatives` as code."""
    keywords = [
        f"{keyword}={name_of(given)}" for keyword, given in zip(("gradient", "vjp"), others, strict=True) if given
    ]
    plain = [a.data if isinstance(a, Tensor) else a for a in args]
    return f"check_derivatives({', '.join([name_of(f), *map(pasted, plain), *keywords])})"
