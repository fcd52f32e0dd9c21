"""`check_derivatives`: is the derivative of a function right, and does it keep what every derivative must keep?

Here is the order of the checks; numbers are compared in `comparison`, and findings told in `report`.
"""

from __future__ import annotations

import inspect
import sys
import textwrap
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from autograd_mini.tensor import Tensor
from autograd_mini.testing import properties
from autograd_mini.testing.comparison import Comparison, compare, has_kink
from autograd_mini.testing.foreign import ForeignFunction, Level, adapted
from autograd_mini.testing.problem import Problem, is_differentiable
from autograd_mini.testing.report import (
    DerivativeError,
    InconclusiveError,
    Report,
    Subject,
    guessed_cause,
    written,
    wrong_message,
)
from autograd_mini.testing.shrinking import TRIALS, smallest
from autograd_mini.testing.snippets import code_of, name_of, own_name, pasted
from autograd_mini.transforms.trees import flatten

ORDER = 2  # how often is derived if nothing else is said
NOTHING_TO_CHECK = (
    "check_derivatives was called with {what}, so there is nothing to differentiate. Pass floating-point or complex "
    "arrays: `check_derivatives(f, np.array([0.5, 2.0]))`{hint}."
)
INTEGERS = ", or `x.astype(float)` for what you have"
NOT_CALLABLE = (
    "check_derivatives was called with {what} as its first argument, which cannot be called. The function comes first, "
    "and then where to check it: `check_derivatives(f, x)`."
)
NOT_A_FUNCTION = (
    "check_derivatives was called with {what} for `{keyword}`, which must be a function of the arguments, not its "
    "value. Write `{keyword}=lambda {parameters}: ...`."
)
BOTH = (
    "check_derivatives was called with `gradient=` and with `vjp=`. Write one of them: `gradient=` for a function that "
    "returns one number, `vjp=` for one that returns an array."
)
STRATEGY = (
    "check_derivatives was called with a hypothesis strategy, but it checks at arrays. In a test with the fixture "
    "`derivatives` write `derivatives.check(f, strategy)`; or decorate the test with `@given(strategy)`."
)
NOT_FINITE = "{name}: {entry} is {value}, and a derivative is checked at finite numbers. Replace it, or leave it out."
NO_RESULT = "{name} returned {got}, and there is nothing to differentiate in that. Did it forget `return`?"
NO_GRADIENT = (
    "{name} returned {got} as the gradient by {argument}. Return an array of its shape; did it forget `return`?"
)
SEVERAL = (
    "`gradient=` is of a function that returns one number, but {name} returned an array of shape {shapes}. Write "
    "`vjp=`, of a cotangent and the arguments: for an elementwise function `vjp=lambda g, x: g * {slope}(x)`."
)
CALLED = "check_derivatives called {call} last, for the derivative of order {order} of {subject}."
CONSTANT = "every derivative is 0: near here the result does not depend on the arguments"
NO_NUMBERS = "the result is no floating-point number: it does not depend on the arguments, or in steps only"
PATIENCE = 1.0  # seconds without a word
SHRINKING = (
    "check_derivatives: a derivative of {name} is wrong after {seconds:.0f} s; looking for a smaller example, in at "
    "most {trials} more checks."
)
WRONG_ORDER = "check_derivatives was called with order={order!r}. Write a whole number, at least 1."


def check_derivatives(
    f: Callable[..., Any],
    *args: Any,
    order: int = ORDER,
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
        Takes tensors (arrays, with `gradient` or `vjp`) and returns one, or a container of them. A
        `torch.autograd.Function`, a `torch.nn.Module` (by its inputs and its parameters), and a function of PyTorch's
        tensors or of JAX's arrays that is given such ones, are checked by the derivatives that their library makes.
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
        If no argument is floating-point, or `f` returns no numbers.
    ValueError
        If an argument is not finite, or `gradient` is given for a function that returns several numbers.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_mini.testing import check_derivatives
    >>> print(check_derivatives(lambda x, w: np.tanh(x @ w), np.ones((2, 3)), np.ones((3, 1))))
    right to order 2: 117 derivatives compared with numbers
    >>> check_derivatives(np.sin, [0.5, 1.0], vjp=lambda g, x: -g * np.cos(x))  # doctest: +IGNORE_EXCEPTION_DETAIL
    Traceback (most recent call last):
        ...
    autograd_mini.testing.DerivativeError: np.sin: wrong derivative by x[1]: expected 0.540302, got -0.540302
    ...
    """
    require(f, args, gradient, vjp)
    if not isinstance(order, int) or order < 1:
        raise ValueError(WRONG_ORDER.format(order=order))
    if gradient is None and vjp is None:
        f, args = adapted(f, args)
    check = Check(f, args, gradient, vjp, seed)
    check.order, check.small_shapes, check.rtol = order, small_shapes, rtol
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # of a point outside of the domain, a mean of nothing and the like
        report = check.run(order if gradient is None and vjp is None else 1)
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
            what = " and ".join(dict.fromkeys(map(brief, self.leaves))) or "no arguments"
            integers = any(getattr(leaf, "dtype", None) is not None for leaf in self.leaves)
            raise TypeError(NOTHING_TO_CHECK.format(what=what, hint=INTEGERS if integers else ""))
        self.given = [np.array(self.leaves[i]) for i in self.moved]  # a copy: the function may write into it
        self.rng = np.random.default_rng(seed)
        args = self.rebuild(self.leaves)
        self.subject = Subject(name_of(f), tuple(names_of(f, args, self.moved)), lambda: self.code(args))
        self.kinks: list[str] = []
        self.reasons: list[str] = []
        self.notes: list[str] = []
        self.called: tuple[str, Sequence[Any]] | None = None  # the user's function called last, for notes on errors
        self.level = 1
        self.entries = 0
        self.started, self.told = time.monotonic(), False
        self.order, self.small_shapes, self.rtol = ORDER, True, 0.0

    def code(self, args: Sequence[Any]) -> str:
        """The call of `check_derivatives` with these arguments as code."""
        options: dict[str, Any] = {k: v for k, v in (("gradient", self.gradient), ("vjp", self.vjp)) if v is not None}
        if self.order != ORDER and not options:
            options["order"] = self.order
        options |= {"rtol": self.rtol} if self.rtol else {}
        options |= {"seed": self.seed} if self.seed else {}
        if isinstance(self.f, ForeignFunction):
            return self.f.written(code_of("check_derivatives", [self.f, *args[: self.f.shown]], options))
        return code_of("check_derivatives", [self.f, *args], options)

    def arguments(self, arrays: Sequence[Any]) -> Any:
        """The arguments of `f` with the given arrays in the places of the differentiable ones."""
        call = list(self.leaves)
        if isinstance(self.f, ForeignFunction):  # which takes whole numbers as its library's too
            call = [self.f.library.from_numpy(leaf) if isinstance(leaf, np.ndarray) else leaf for leaf in call]
        for i, array in zip(self.moved, arrays, strict=True):
            call[i] = array
        return self.rebuild(call)

    def function(self, *arrays: Any) -> Any:
        args = self.arguments(arrays)
        self.called = (self.subject.name, args)
        return self.f(*args)

    def given_gradient(self, cotangents: Sequence[Any], *arrays: Any) -> Sequence[Any]:
        """What the user's `gradient` or `vjp` says, as a pullback."""
        args = self.arguments(arrays)
        given, keyword = (self.gradient, "gradient") if self.vjp is None else (self.vjp, "vjp")
        if self.vjp is not None:
            args = (cotangents[0] if len(cotangents) == 1 else tuple(cotangents), *args)
        self.called = (own_name(given) or keyword, args)
        found = given(*args)  # type: ignore[misc]
        parts = tuple(found) if isinstance(found, tuple | list) else (found,)
        for name, part in zip(self.subject.arguments, parts, strict=False):
            if not is_numeric(part):
                raise TypeError(NO_GRADIENT.format(name=self.called[0], got=brief(part), argument=name))
        return parts if self.vjp is not None else tuple(g * cotangents[0] for g in parts)

    def problem(self) -> Problem:
        if isinstance(self.f, ForeignFunction):
            level = Level(self.f.library, self.function, len(self.given))
            return Problem(level, self.given, level.gradient)
        by_engine = self.gradient is None and self.vjp is None
        return Problem(self.function, self.given, None if by_engine else self.given_gradient)

    def run(self, order: int) -> Report:
        """All checks up to an order; the first that fails raises."""
        with self.telling():
            return self.checked(order)

    def checked(self, order: int) -> Report:
        """The same, with errors of the user's functions as they are."""
        self.require_finite()
        problem: Problem = self.problem()
        self.require_results(problem)
        before: Problem | None = None
        properties.check(problem, self.given, self.subject, self.rng, self.rtol)
        for level in range(1, order + 1):
            self.level = level
            found = compare(problem, self.rng, self.rtol)
            self.entries += found.got.size
            if found.wrong.any():
                raise DerivativeError(self.smallest_message(problem, found, level))
            if level == 1 and found.got.size and not found.got.any() and not found.want.any():
                self.notes.append(CONSTANT)
            self.note(problem, found, before, level)
            if level == 1:
                properties.check_own_precision(problem, self.given, self.subject, self.rng)
                if self.small_shapes:
                    properties.check_small_shapes(problem, self.given, self.subject, self.rng)
            if self.kinks or self.reasons or level == order:
                break
            self.level = level + 1
            if level == 1:
                properties.check_adjoint(problem, self.subject, self.rng, self.rtol)
            before, problem = problem, problem.derived(self.rng)
        verdict = "inconclusive" if self.reasons else "right"
        return Report(verdict, self.entries, unique(self.kinks), unique(self.reasons), level, tuple(self.notes))

    def require_finite(self) -> None:
        """Refuse points at which there is nothing to compare with."""
        for name, a in zip(self.subject.arguments, self.given, strict=False):
            for index in np.argwhere(~np.isfinite(a)):
                entry = f"{name}{written([int(i) for i in index])}"
                raise ValueError(NOT_FINITE.format(name=self.subject.name, entry=entry, value=a[tuple(index)]))

    def require_results(self, problem: Problem) -> None:
        """Refuse a function that returns no numbers, and a `gradient` of one that returns several."""
        if not problem.outputs:
            found = problem.function(*self.given)
            leaves = flatten(found)[0]
            if not any(map(is_numeric, leaves)):
                self.called = None
                raise TypeError(NO_RESULT.format(name=self.subject.name, got=brief(found)))
            self.notes.append(NO_NUMBERS)
        self.called = None
        if self.gradient is not None and [a.size for a in problem.outputs] not in ([], [1]):
            shapes = " and ".join(str(a.shape) for a in problem.outputs)
            slope = own_name(self.gradient) or "slope"
            raise ValueError(SEVERAL.format(name=self.subject.name, shapes=shapes, slope=slope))

    @contextmanager
    def telling(self) -> Iterator[None]:
        """Say of an error which call it came from; one of the engine about a gradient's shape says what is wrong."""
        try:
            yield
        except (DerivativeError, InconclusiveError):
            raise
        except Exception as error:
            wrong = properties.wrong_cotangent(error)
            if wrong:
                kind, message = wrong
                raise DerivativeError(f"{self.subject.name}: {message}\n\n{self.subject.again}", kind) from error
            if self.called is not None:
                name, args = self.called
                call = textwrap.shorten(f"{name}({', '.join(map(pasted, args))})", 300, placeholder=" ...)")
                error.add_note(CALLED.format(order=self.level, subject=self.subject.name, call=call))
            raise

    def smallest_message(self, problem: Problem, found: Comparison, level: int) -> str:
        """The message about the smallest arguments at which the derivative is wrong in the same way."""

        def retried(leaves: Sequence[Any], every: bool = True) -> tuple[Check, Problem, Comparison]:
            check = Check(self.f, self.rebuild(leaves), self.gradient, self.vjp, self.seed)
            check.order, check.rtol = self.order, self.rtol
            smaller = check.problem()
            for _ in range(level - 1):
                smaller = smaller.derived(check.rng)
            return check, smaller, compare(smaller, check.rng, self.rtol, every)

        def fails(leaves: Sequence[Any]) -> bool:
            try:
                return bool(retried(leaves, every=False)[2].wrong.any())
            except Exception:  # noqa: BLE001 (the function takes no such arguments)
                return False

        def say() -> None:
            """What takes so long, once."""
            seconds = time.monotonic() - self.started
            if seconds > PATIENCE and not self.told:
                self.told = True
                print(
                    SHRINKING.format(name=self.subject.name, seconds=seconds, trials=TRIALS),
                    file=sys.stderr,
                    flush=True,
                )

        cause = guessed_cause(found, problem)  # of all entries, of which the smallest example has few
        is_module = isinstance(self.f, ForeignFunction) and self.f.shown is not None  # whose parameters are its own
        leaves = self.leaves if is_module or is_shrunk_by_hypothesis() else smallest(self.leaves, fails, say)
        check = self
        if any(a is not b for a, b in zip(leaves, self.leaves, strict=True)):
            check, problem, found = retried(leaves)
        return wrong_message(check.subject, problem, found, level, cause)

    def note(self, problem: Problem, found: Comparison, before: Problem | None, level: int) -> None:
        """Keep what a report will say of kinks, of vertical slopes, and of entries that nobody can tell.

        A jump of a derivative is a kink of what it is the derivative of, whose problem is `before`.
        """
        places = np.argwhere(found.kink | (np.isinf(found.got) & (found.got != found.want)))
        self.kinks += dict.fromkeys(self.place(problem, found, column) for _, column in places)
        for (_, column), reason in found.doubts.items():
            place = self.place(problem, found, column)
            if before is not None and found.columns and has_kink(before, found.columns[column]):
                self.kinks.append(place)
            else:
                function = "the function" if level == 1 else f"its derivative of order {level - 1}"
                self.reasons.append(f"{place}: {reason.format(function=function)}")

    def place(self, problem: Problem, found: Comparison, column: int) -> str:
        if not found.columns:
            return "a sum of many entries"
        return self.subject.entry(problem, found.columns[column])


def unique(lines: Sequence[str]) -> tuple[str, ...]:
    """The lines, each of them once."""
    return tuple(dict.fromkeys(lines))


def require(f: Any, args: Sequence[Any], gradient: Callable[..., Any] | None, vjp: Callable[..., Any] | None) -> None:
    """Refuse arguments of `check_derivatives` that are of another kind, or contradict each other."""
    if not callable(f):
        raise TypeError(NOT_CALLABLE.format(what=brief(f)))
    if any(is_strategy(leaf) for leaf in flatten(tuple(args))[0]):
        raise TypeError(STRATEGY)
    for keyword, given, parameters in (("gradient", gradient, "x"), ("vjp", vjp, "g, x")):
        if given is not None and not callable(given):
            raise TypeError(NOT_A_FUNCTION.format(what=brief(given), keyword=keyword, parameters=parameters))
    if gradient is not None and vjp is not None:
        raise ValueError(BOTH)


def is_strategy(value: Any) -> bool:
    """Whether a value is a hypothesis strategy, without importing hypothesis."""
    strategies = sys.modules.get("hypothesis.strategies")
    return strategies is not None and isinstance(value, strategies.SearchStrategy)


def is_shrunk_by_hypothesis() -> bool:
    """Whether the arguments are an example of hypothesis, which tries smaller ones itself."""
    hypothesis = sys.modules.get("hypothesis")
    return hypothesis is not None and bool(hypothesis.currently_in_test_context())


def is_numeric(value: Any) -> bool:
    """Whether a value is a number or an array of numbers."""
    dtype = value.dtype if hasattr(value, "dtype") else np.asarray(value).dtype
    return bool(np.dtype(dtype).kind in "biufc")


def brief(value: Any) -> str:
    """A value in few words, for a message."""
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        return f"an array of dtype {value.dtype} and shape {value.shape}"
    return repr(value) if value is None or isinstance(value, str | int | float) else f"a {type(value).__name__}"


def is_list_of_numbers(value: Any) -> bool:
    """Whether a list is an array in disguise and not a container of arguments."""
    return isinstance(value, list) and all(isinstance(leaf, int | float | complex) for leaf in flatten(value)[0])


def names_of(f: Callable[..., Any], args: Sequence[Any], moved: Sequence[int]) -> list[str]:
    """A name for each differentiable leaf of the arguments: that of its parameter, numbered within a container."""
    try:
        parameters = list(inspect.signature(f).parameters.values())
    except (TypeError, ValueError):
        parameters = []
    own: Sequence[str] = getattr(f, "arguments", ())  # of a random program, which takes any number
    names: list[str] = []
    for position, arg in enumerate(args):
        parameter = parameters[min(position, len(parameters) - 1)] if parameters else None
        several = parameter is None or parameter.kind is parameter.VAR_POSITIONAL
        name = f"argument {position}" if several else parameter.name  # type: ignore[union-attr]
        name = own[position] if several and position < len(own) else name
        count = len(flatten(arg)[0])
        names += [name] if count == 1 else [f"{name} (part {i})" for i in range(count)]
    return [names[i] for i in moved]
