"""What a check found, in words: verdicts, and the message of a wrong derivative with a guess at its cause.

Nothing is computed here but the words and the guess.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from autograd_mini.testing.comparison import Comparison
from autograd_mini.testing.problem import Problem

AT_KINK = "at a kink any value from one slope to the other is right, and this one is outside."
NOTHING_COMPARED = "there is no derivative to compare; shapes, dtypes and memory were checked"


class DerivativeError(AssertionError):
    """A derivative is wrong.

    Attributes
    ----------
    kind : str
        What is wrong: "value", or the property that does not hold, such as "shape", "dtype" or "linearity".

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_mini import primitive, rule
    >>> from autograd_mini.testing import DerivativeError, check_derivatives
    >>> @primitive
    ... def square(x):
    ...     return x * x
    >>> rule(square, lambda g, _out, x: g * x)
    >>> try:
    ...     check_derivatives(square, np.array([1.0, 2.0]))
    ... except DerivativeError as error:
    ...     print(error.kind)
    value
    """

    __module__ = "autograd_mini.testing"  # where users import it from, and short in pytest's summary

    def __init__(self, message: str, kind: str = "value") -> None:
        super().__init__(message)
        self.kind = kind


class InconclusiveError(AssertionError):
    """The numbers cannot tell whether a derivative is right; the message says why.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_mini.testing import InconclusiveError, laws
    >>> try:
    ...     laws.pullback_is_linear(np.log, np.array([0.0]))
    ... except InconclusiveError:
    ...     print("choose another point")
    choose another point
    """

    __module__ = "autograd_mini.testing"


class Report(NamedTuple):
    """The outcome of a check that found nothing wrong.

    Attributes
    ----------
    verdict : str
        "right", or "inconclusive" where nobody can tell.
    entries : int
        How many derivatives (or sums of many) were compared with numbers.
    kinks : tuple of str
        Entries at which the function has two slopes; the rule's value lies between them.
    reasons : tuple of str
        Why the numbers cannot tell, entry by entry.
    order : int
        How often was derived.
    notes : tuple of str
        What else is worth knowing, such as that every derivative is 0.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_mini.testing import check_derivatives
    >>> report = check_derivatives(np.tanh, np.array([0.5, 1.0]))
    >>> report.verdict, report.order
    ('right', 2)
    """

    verdict: str
    entries: int
    kinks: tuple[str, ...]
    reasons: tuple[str, ...]
    order: int
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        compared = f"{self.entries} derivatives compared with numbers" if self.entries else NOTHING_COMPARED
        lines = [f"{self.verdict} to order {self.order}: {compared}", *(f"  {note}" for note in self.notes)]
        lines += [f"  kink at {kink}" for kink in self.kinks]
        lines += [f"  inconclusive: {reason}" for reason in self.reasons]
        return "\n".join(lines)


class Subject(NamedTuple):
    """What is checked, for messages: the function's name, the names of its arguments and the code that checks it."""

    name: str
    arguments: tuple[str, ...]
    code: Callable[[], str]

    @property
    def again(self) -> str:
        """The last lines of a message: what to paste."""
        return "To see it again:\n" + textwrap.indent(self.code(), "    ")

    def place(self, problem: Problem, column: int) -> str:
        """Where an entry of an argument is: `x[0, 2]`."""
        number, index, _ = problem.where(column)
        return (self.arguments[number] if number < len(self.arguments) else "the cotangent") + written(index)

    def entry(self, problem: Problem, column: int) -> str:
        """An entry of an argument: `x[0, 2] = 0.5`."""
        number, index, part = problem.where(column)
        value = problem.inputs[number][index]
        return f"{self.place(problem, column)} = {value:.10g}" + (f" ({part})" if part else "")

    def result(self, problem: Problem, row: int) -> str:
        """An entry of the result: `result[0, 2]`."""
        number, index, part = problem.where_out(row)
        which = f" {number}" if len(problem.outputs) > 1 else ""
        return f"result{which}{written(index)}" + (f" ({part})" if part else "")


def written(index: Sequence[int]) -> str:
    """An index in brackets, or nothing for that of a number."""
    return f"[{', '.join(map(str, index))}]" if index else ""


def wrong_message(subject: Subject, problem: Problem, found: Comparison, order: int, cause: str = "") -> str:
    """The message for wrong values: where, what was expected, what came, and what it looks like."""
    row, column = worst(found)
    want, got, error = found.want[row, column], found.got[row, column], found.error[row, column]
    derivative = "derivative" if order == 1 else f"derivative of order {order}"
    by = f" by {subject.place(problem, found.columns[column])}" if found.columns else ""
    digits = 6 if f"{want:.6g}" != f"{got:.6g}" else 10
    expected, bound = f"{want:.{digits}g}", f"{want:.10g} +- {error:.1g}"
    if (row, column) in found.slopes:
        low, high = found.slopes[row, column]
        expected = f"a value from {low:.6g} to {high:.6g}"
        bound = f"{low:.10g} to {high:.10g}: the slopes on the two sides of a kink"
        cause = AT_KINK
    lines = [f"{subject.name}: wrong {derivative}{by}: expected {expected}, got {got:.{digits}g}", ""]
    if found.columns:
        lines.append(f"  by        {subject.entry(problem, found.columns[column])}")
        result = subject.result(problem, found.rows[row])
        lines.append(f"  of        {result}" + (", the derivative of lower order" if order > 1 else ""))
    else:
        lines.append(
            "  of        a signed sum of entries of the result, along a signed sum of entries of the arguments"
        )
    lines += [f"  expected  {bound}", f"  got       {got:.10g}"]
    if want and cause != AT_KINK:
        lines.append(f"  ratio     {factor(got / want)}")
    lines.append(f"  wrong     {counted(found, problem)}")
    cause = cause or guessed_cause(found, problem)
    if cause:
        lines += ["", f"It looks like this: {cause}"]
    return "\n".join([*lines, "", subject.again])


def factor(ratio: float) -> str:
    """A ratio with the digits that tell it from 1."""
    off = ratio - 1
    return f"1 {'-' if off < 0 else '+'} {abs(off):.2g}" if f"{ratio:.6g}" == "1" else f"{ratio:.6g}"


def worst(found: Comparison) -> tuple[int, int]:
    """The wrong entry that is farthest off, in units of the larger of the two values."""
    with np.errstate(all="ignore"):
        scale = np.maximum(np.abs(found.want), np.abs(found.got))
        off = np.where(found.wrong, np.nan_to_num(np.abs(found.got - found.want) / scale, nan=np.inf), -1)
    row, column = np.unravel_index(np.argmax(off), off.shape)
    return int(row), int(column)


def counted(found: Comparison, problem: Problem) -> str:
    """How many are wrong."""
    total = problem.eps.size * problem.point.size
    if found.wrong.size < total:
        return f"at least 1 of the {total} entries of the Jacobian"
    return f"{found.wrong.sum()} of the {total} entries of the Jacobian"


def guessed_cause(found: Comparison, problem: Problem) -> str:
    """What the wrong entries have in common, or nothing."""
    if not np.all(np.isfinite(found.got[found.wrong])):
        return "it is not a number or infinite where the function has a slope: a 0/0, 0*inf or log(0) in the rule."
    column = worst(found)[1]
    if found.wrong.size == 1:
        return of_one_ratio(found.got[0, 0], found.want[0, 0])
    number = problem.where(found.columns[column])[0] if found.columns else 0
    of_input = [i for i, c in enumerate(found.columns) if problem.where(c)[0] == number] or slice(None)
    got, want, wrong = found.got[:, of_input], found.want[:, of_input], found.wrong[:, of_input]
    return of_many(got, want, wrong, problem.inputs[number] if found.columns else None, problem.outputs)


def of_one_ratio(got: float, want: float) -> str:
    """A guess from a single entry."""
    if got == 0:
        return "no gradient at all: a value that left the graph, or a rule that returns zero."
    for times, words in ((-1, "the sign"), (2, "a factor of 2"), (0.5, "a factor of 0.5")):
        if np.isclose(got, times * want, rtol=1e-5, atol=0):
            return f"{words}."
    return ""


def of_many(got: Any, want: Any, wrong: Any, given: Any, outputs: Sequence[Any]) -> str:
    """A guess from all entries of one argument's Jacobian."""

    def same(a: Any, b: Any) -> bool:
        return bool(np.allclose(a, b, rtol=1e-5, atol=1e-7 * np.max(np.abs(want), initial=0)))

    if not np.any(got):
        return "no gradient at all: a value that left the graph, or a rule that returns zero."
    if np.allclose(got[wrong], want[wrong], rtol=1e-4, atol=0):
        ratios = got[wrong] / want[wrong]
        alike = np.allclose(ratios - 1, ratios[0] - 1, rtol=1e-2, atol=0)
        return of_ratio(float(ratios[0]), bool(wrong.sum() == (want != 0).sum()), given, outputs) if alike else ""
    complex_given = given is not None and given.dtype.kind == "c"
    if complex_given:
        by_column: Any = np.tile([1, -1], got.shape[1] // 2)
        by_row: Any = np.tile([1, -1], (len(got) + 1) // 2)[: len(got), None]
        if same(got * by_column, want) or same(got * by_column * by_row, want):
            return "the conjugate: the gradient is dL/dRe + i dL/dIm, and the rule of f(z) is g * conj(f'(z))."
    if given is not None and not complex_given and given.ndim >= 2:
        turned = got.reshape(len(got), *given.shape[:-2], *given.shape[:-3:-1]).swapaxes(-1, -2).reshape(got.shape)
        if same(turned, want):
            return "the transpose: the last two axes are exchanged."
    nonzero = wrong & (np.abs(want) > 1e-7 * np.max(np.abs(want), initial=0))
    if nonzero.any():
        ratios = got[nonzero] / want[nonzero]
        if np.allclose(ratios, ratios[0], rtol=1e-5, atol=0):
            return of_ratio(float(ratios[0]), bool(nonzero.sum() == (want != 0).sum()), given, outputs)
    off = (got - want)[wrong]
    if wrong.sum() > 1 and np.allclose(off, off[0], rtol=1e-5, atol=0):
        return f"a constant term: each wrong entry is {off[0]:+.6g} off."
    by_row = [(got - want)[k][wrong[k]] for k in range(len(got)) if wrong[k].sum() > 1]
    if by_row and all(np.allclose(part, part[0], rtol=1e-5, atol=0) for part in by_row):
        return "a constant term of each result: all its wrong entries are off by the same, as from a mean or a sum."
    if given is not None and wrong.shape[1] > 1:
        columns = np.flatnonzero(wrong.any(axis=0))
        if columns.size == 1 and wrong.sum() <= wrong.shape[0] and wrong.shape[1] > 2:
            return "one entry of the argument alone: its index is mishandled."
        if same(got.sum(axis=1), want.sum(axis=1)):
            return "the entries are right in sum but in the wrong places: permuted, or summed over the wrong axis."
    return ""


def of_ratio(ratio: float, everywhere: bool, given: Any, outputs: Sequence[Any]) -> str:
    """A guess from a ratio that all wrong entries share."""
    where = "" if everywhere else " in those entries, while others are right"
    if np.isclose(ratio, 1, rtol=1e-4):
        return f"a factor of {factor(ratio)}{where}, as from a constant with too few digits or an approximation."
    if np.isclose(ratio, -1, rtol=1e-5):
        return f"the sign{where}."
    if np.isclose(ratio, 0, atol=1e-5):
        return f"a term is dropped{where}."
    lengths = {n: f"an axis of length {n}" for a in (given, *outputs) if a is not None for n in (*a.shape, a.size)}
    for n, words in lengths.items():
        if n > 2 and (np.isclose(ratio, n, rtol=1e-5) or np.isclose(ratio, 1 / n, rtol=1e-5)):
            kind = "a missing division" if ratio > 1 else "a missing sum"
            return f"a factor of {ratio:.6g}{where}, as from {kind} over {words} (a mean, or broadcasting)."
    return f"a factor of {ratio:.6g}{where}."
