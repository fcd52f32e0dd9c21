"""Primitives and their rules: the registry, keyed by the NumPy callable, and what a rule reads.

No rule of calculus lives here, and nothing that knows a `Tensor`: a user's primitive reaches tensors as NumPy's
functions do, by a protocol (`__autograd_primitive__`).
"""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, ParamSpec, TypeVar

import numpy as np

from autograd_mini import errors
from autograd_mini.domains import BINARY, TERNARY, UNARY, Case, Domain, Interval

if TYPE_CHECKING:
    from autograd_mini.typed import Operation

P = ParamSpec("P")
R = TypeVar("R")
ANYWHERE = Domain()
SEQUENCES = list, tuple
Function = TypeVar("Function", bound=Callable[..., Any])
Bind = Callable[[tuple[Any, ...], dict[str, Any]], tuple[Sequence[Any], dict[str, Any]]]

primitives: dict[Callable[..., Any], Primitive] = {}
composites: dict[Callable[..., Any], Callable[..., Any]] = {}
constants: set[Callable[..., Any]] = set()
own_functions: dict[Callable[..., Any], Callable[..., Any]] = {}  # what `primitive` made, and what it computes with


class Plan(NamedTuple):
    """What one pattern of differentiable operands needs: the rules to run and the values to keep for them."""

    rules: tuple[tuple[int, Callable[..., Any]], ...]
    keep: tuple[bool, ...]
    dropped: tuple[int, ...]
    keeps_none: bool
    keep_out: bool
    promotes: bool = True  # a Python number among the operands becomes one of the result's dtype
    may_cut: bool = False  # entries may be left out, depending on the operands and options of the call
    has_slope: bool = False  # the rules multiply by numbers that they compute, which may be infinite
    summed: Collection[int] = ()  # the operands whose rules sum over the examples of vmaps by themselves


class Reads(NamedTuple):
    """What a rule's signature says that it reads."""

    out: bool
    operands: tuple[bool, ...]
    rest: bool  # a trailing *operands parameter is read
    options: frozenset[str] | None  # keyword arguments; None: any

    def operand(self, position: int) -> bool:
        return self.operands[position] if position < len(self.operands) else self.rest


@dataclass(slots=True, eq=False, repr=False)
class Primitive:
    """A function of arrays that the engine differentiates by rules instead of looking inside."""

    function: Callable[..., Any]  # computes the value from arrays: `function(*operands, **options)`
    name: str
    vjps: tuple[Callable[..., Any] | None, ...]  # a rule for each operand, None where there is no derivative
    bind: Bind | None = None  # splits a call into operands and options, where the signature does not say it
    variadic: bool = False  # it takes a sequence of arrays; its one rule gets the operand's position first
    broadcasts: bool = False  # its operands broadcast, so each cotangent is summed down to its operand's shape
    domain: Domain = ANYWHERE  # where its derivative is defined and smooth
    reads: tuple[Reads | None, ...] = ()  # by each rule
    options: frozenset[str] | None = None  # the keyword arguments that its rules know; None: any
    plans: dict[int, Plan] = field(default_factory=dict)
    own: bool = False  # made by `primitive`: Python numbers reach its rules as they were written
    chooses: bool = False  # it leaves out entries, and the zeros of its rules say which
    linear: bool = False  # it is a sum of products of entries, one of each operand
    pole: bool = False  # a derivative of some order is infinite at a finite operand
    public: Callable[..., Any] | None = None  # what users call, if that is another function
    elementwise: bool = False  # a universal function: each entry comes from the operands' entries at its place

    def __post_init__(self) -> None:
        self.elementwise = isinstance(self.function, np.ufunc) and self.function.signature is None
        self.reads = tuple(vjp and read_signature(vjp, len(self.vjps), self.variadic) for vjp in self.vjps)
        known = [reads.options for reads in self.reads if reads]
        self.options = None if None in known else frozenset[str]().union(*(o for o in known if o))

    def __repr__(self) -> str:
        return f"<primitive {self.name}>"

    def of(self, operands: Sequence[Any], options: dict[str, Any]) -> Any:
        """The result for arrays of any kind: what computes primitives by itself, a batch, is asked to."""
        compute = None if self.elementwise and not options else what_computes((*operands, *options.values()))
        if compute is None:  # NumPy asks the operands of a universal function by itself
            return self.function(*operands, **options)
        args = (tuple(operands),) if self.variadic else tuple(operands)
        return compute(self.public or self.function, args, options)

    def takes_anything(self, position: int) -> bool:
        """Whether an operand may be what it likes: it has no rule, and the function is nobody else's."""
        return self.own and not self.variadic and position < len(self.vjps) and self.vjps[position] is None

    def plan(self, mask: int) -> Plan:
        """The plan for one pattern of operands: a leading 1, then one bit for each operand, 1 if differentiable."""
        wanted = [bit == "1" for bit in bin(mask)[3:]]
        rules, reads = [], []
        for position in (position for position, bit in enumerate(wanted) if bit):
            slot = 0 if self.variadic else position
            if slot >= len(self.vjps):
                raise TypeError(errors.NO_RULE_FOR_ARGUMENT.format(name=self.name, position=position))
            vjp, read = self.vjps[slot], self.reads[slot]
            if vjp is not None and read is not None:
                rules.append((position, functools.partial(vjp, position) if self.variadic else vjp))
                reads.append(read)
        keep = tuple(any(read.operand(position) for read in reads) for position in range(len(wanted)))
        dropped = tuple(position for position, kept in enumerate(keep) if not kept)
        keep_out = any(read.out for read in reads)
        masked = self.options is not None and "where" in self.options
        may_cut = self.chooses or masked or (self.linear and not all(wanted))
        slope = (any(keep) or keep_out) and not (self.chooses or self.linear)
        plan = Plan(tuple(rules), keep, dropped, not any(keep), keep_out, not self.own, may_cut, slope)
        return self.plans.setdefault(mask, plan)


def what_computes(args: Sequence[Any]) -> Callable[..., Any] | None:
    """The method of the first argument, or part of a sequence among them, that computes primitives by itself."""
    for arg in args:
        kind = type(arg)
        if kind in SEQUENCES:
            compute = what_computes(arg)
            if compute is not None:
                return compute
        elif kind is not np.ndarray and hasattr(kind, "__autograd_primitive__"):
            return arg.__autograd_primitive__
    return None


def display_name(function: Callable[..., Any]) -> str:
    """The name that a user would write: `np.linalg.inv`, `np.tanh`, or a function's own."""
    name = getattr(function, "__name__", repr(function))
    module = getattr(function, "__module__", None) or ("numpy" if getattr(np, name, None) is function else "")
    return f"np{module.removeprefix('numpy')}.{name}" if module.partition(".")[0] == "numpy" else name


def read_signature(vjp: Callable[..., Any], arity: int, variadic: bool) -> Reads:
    """What `vjp(g, out, *operands, **options)` reads: each of its operands that is not named `_...`."""
    parameters = inspect.signature(vjp).parameters.values()
    positional = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    needed = ["position", "g", "out"] if variadic else ["g", "out", *"abcdefgh"[:arity]]
    if len(positional) < len(needed):
        raise TypeError(errors.RULE_SIGNATURE.format(parameters=", ".join(positional), needed=", ".join(needed)))
    options = {*positional[len(needed) :], *(p.name for p in parameters if p.kind is p.KEYWORD_ONLY)}
    any_option = any(p.kind is p.VAR_KEYWORD for p in parameters)
    rest = any(p.kind is p.VAR_POSITIONAL and not p.name.startswith("_") for p in parameters)
    out, *operands = (not name.startswith("_") for name in positional[2 if variadic else 1 : len(needed)])
    return Reads(out, tuple(operands), rest, None if any_option else frozenset(options))


def rule(
    function: Callable[..., Any],
    *vjps: Callable[..., Any] | None,
    broadcasts: bool | None = None,
    variadic: bool = False,
    domain: Interval | tuple[Interval, ...] = Interval(),  # noqa: B008 (a constant)
    kinks: Callable[..., Any] | None = None,
    cases: Sequence[Case] | None = None,
    prepare: Callable[..., Any] | None = None,
    bind: Callable[..., Any] | None = None,
    chooses: bool = False,
    linear: bool = False,
    pole: bool | None = None,
) -> None:
    r"""Give `function` a derivative: one rule for each of its arguments.

    A rule is called as `vjp(g, out, *operands, **options)` and returns the operand's cotangent
    :math:`\bar a = g \cdot \partial f / \partial a`, of the operand's shape and dtype. It is written in `np.*`
    calls, operators, `astype` and the attributes `.shape .ndim .dtype .size .T`, so that it runs on whatever it is
    given: arrays give numbers, tensors give a graph and so higher derivatives.

    Parameters
    ----------
    function : callable
        A NumPy function, or one that `primitive` made.
    *vjps : callable or None
        One for each argument, None where there is no derivative. A parameter whose name starts with `_` is not
        read: its array is not kept, and what is passed in its place has only `.shape .dtype .ndim .size`.
    broadcasts : bool, optional
        The arguments broadcast, so cotangents are summed down to the operands' shapes. True for element-wise
        universal functions, else False.
    variadic : bool
        `function` takes a sequence of arrays; the one rule is called as `vjp(position, g, out, *arrays)`.
    domain : Interval or tuple of Interval
        Where the derivative is defined, for all arguments or for each.
    kinks : callable, optional
        Of the operands, zero where the derivative jumps.
    cases : sequence of Case, optional
        Example calls for the tests; element-wise functions have theirs already.
    prepare : callable, optional
        Makes valid operands of any: an invertible matrix, a positive definite one. Returns one, or a tuple.
    bind : callable, optional
        Splits a call's `(args, kwargs)` into `(operands, options)` where the signature does not say it.
    chooses : bool
        Entries are left out (by a condition, an index, rounding), and where the rules give 0, that is why.
    linear : bool
        Each entry of the result is a sum of products, of one entry of each argument.
    pole : bool, optional
        A derivative, of the first or of a higher order, is infinite where the function is finite, as that of a root
        at 0. By default so wherever `domain` ends, and for a function of your own that says none of the above.

    Raises
    ------
    TypeError
        If a rule's signature has no room for the cotangent and the output.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_mini import grad, primitive, rule
    >>> @primitive
    ... def cube(x):
    ...     return x**3
    >>> rule(cube, lambda g, _out, x: g * 3 * x**2)
    >>> float(grad(cube)(2.0)), float(grad(grad(cube))(2.0))
    (12.0, 12.0)
    """
    elementwise = isinstance(function, np.ufunc) and function.signature is None
    arity = len(vjps)
    if cases is None:
        cases = {1: UNARY, 2: BINARY, 3: TERNARY}.get(arity, ()) if elementwise or broadcasts else ()
    compute = own_functions.get(function, function)
    if variadic:
        compute = lambda *arrays, **options: function(arrays, **options)
    intervals: Any = domain if type(domain) is tuple else (domain,)
    own = function in own_functions
    if pole is None:
        ends = [end for interval in intervals for end in interval if math.isfinite(end)]
        pole = bool(ends) or prepare is not None or (own and not (elementwise or chooses or linear))
    primitives[function] = Primitive(
        compute,
        display_name(function),
        vjps,
        bind,
        variadic,
        elementwise if broadcasts is None else broadcasts,
        Domain(intervals, kinks, tuple(cases), prepare),
        own=own,
        chooses=chooses,
        linear=linear,
        pole=pole,
        public=function,
    )


def primitive(function: Callable[P, R]) -> Operation[P, R]:
    """Make a function of arrays an operation of the graph; `rule` then says how it is differentiated.

    The result is called as `function` is. On tensors it records one operation; without a rule it raises there.

    Parameters
    ----------
    function : callable
        Takes arrays first, options as keywords, and returns an array. It must not change its inputs.

    Returns
    -------
    callable
        Calls `__autograd_primitive__(function, args, kwargs)` of the first argument that has it, as NumPy's own
        functions call `__array_function__`; computes with `function` if none does.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_mini import primitive, rule, grad
    >>> @primitive
    ... def logistic(s):
    ...     return 1 / (1 + np.exp(-s))
    >>> rule(logistic, lambda g, out, _s: g * out * (1 - out))
    >>> float(grad(logistic)(0.0))
    0.25
    """

    @functools.wraps(function)
    def dispatch(*args: Any, **kwargs: Any) -> Any:
        compute = what_computes((*args, *kwargs.values()) if kwargs else args)
        return function(*args, **kwargs) if compute is None else compute(dispatch, args, kwargs)

    own_functions[dispatch] = function
    return dispatch


def composite(function: Callable[..., Any]) -> Callable[[Function], Function]:
    """Say how `function` is computed from other functions that have rules, for arguments that are tensors.

    Parameters
    ----------
    function : callable
        One that NumPy hands over to tensors, or that `primitive` made.

    Returns
    -------
    callable
        A decorator for the function that computes it, of the same arguments.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_mini import composite, grad, primitive
    >>> @primitive
    ... def cube(x):
    ...     return np.power(x, 3)
    >>> @composite(cube)
    ... def _(x):
    ...     return x * x * x
    >>> float(grad(cube)(2.0))
    12.0
    """

    def register(replacement: Function) -> Function:
        composites[function] = replacement
        return replacement

    return register


def constant(*functions: Callable[..., Any]) -> None:
    """Say that results of functions have no derivative: comparisons, positions, shapes. They are constants.

    Parameters
    ----------
    *functions : callable
        NumPy's, or what `primitive` made.

    Examples
    --------
    >>> from autograd_mini import constant, grad, primitive
    >>> @primitive
    ... def size(x):
    ...     return x.size
    >>> constant(size)
    >>> float(grad(lambda x: x * size(x))(3.0))
    1.0
    """
    constants.update(functions)
