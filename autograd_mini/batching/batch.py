"""`Batch`, the array type that stands for one example and computes all, and the three ways in which it computes.

A batching rule, if the function has one; else the formula of which the function is composed, on the batch; else a loop
over the examples, which is always right and is counted. The rules themselves live in `rules`.

A tensor may hold a batch, never the other way, or inner gradients would be summed over the examples. Of two batches
the one of the younger vmap holds the other, and is peeled off first.
"""

from __future__ import annotations

import collections
import contextlib
import functools
import math
import threading
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import numpy as np

from autograd_mini.arrays import as_operand, as_values, may_change, may_hold_nan
from autograd_mini.batching.surface import WRITING, Surface, Unbatchable
from autograd_mini.graph import next_index
from autograd_mini.outputs import rebuilt
from autograd_mini.primitive import composites, display_name, own_functions
from autograd_mini.rules import methods
from autograd_mini.rules.signatures import without_out
from autograd_mini.tensor import WRITERS

ufunc_methods: Any = methods  # the tables of rules carry no types
Rule = TypeVar("Rule", bound=Callable[..., Any])

NO_OUT = "{name} was given `out=` inside a vmap, where all examples would write into one array. {hint}"
WRITES = "{name} writes into an array, inside a vmap. {hint}"
SHAPES = (
    "{name} makes results of different shapes for the examples of a vmap, {first} and {other} among them, and one "
    "array cannot hold them. Keep the shape and mark what counts: `np.where(mask, a, 0)` instead of `a[mask]`."
)
RESULTS = "{name} returns different results of type {kind} for the examples of a vmap; only arrays may differ."
PICKLED = (
    "A value inside a vmap was pickled. It stands for one of {size} examples, and means nothing after the vmap: return "
    "it from the function, and pickle what `vmap` returns."
)
YOUNGER = "A value of a vmap that has ended was used inside another one. Return values from the function instead."

NUMBERS = (int, float, complex)
BASIC = frozenset([int, slice, type(None), type(Ellipsis)])  # what reads no entry twice, and none by an array
LEAVES = frozenset([np.ndarray, int, float, bool, str, type(None)])  # what holds no batch, for a quick answer

rules: dict[Any, Callable[..., Any]] = {}  # by function, or by (universal function, method)


class Level:
    """One call of `vmap`: how many examples it goes through at once, and when it began."""

    __slots__ = ("index", "size")

    def __init__(self, size: int) -> None:
        self.size, self.index = size, next_index()

    def __deepcopy__(self, memo: Any) -> Level:
        return self  # a copy of a graph is inside of the same vmaps

    def __reduce__(self) -> Any:
        raise TypeError(PICKLED.format(size=self.size))


class Batch(Surface):
    """For writers of batching rules, which take and return it: arrays, one for each example of a vmap.

    They have one shape and dtype, and a batch looks like one of them: functions inside of a vmap get it in the place
    of an array.

    Parameters
    ----------
    values : ndarray or Batch
        All of them; the first axis counts the examples.
    level : Level
        The vmap.

    Raises
    ------
    TypeError
        If the values are of a vmap inside of this one.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_mini import vmap
    >>> def f(x):
    ...     print(x)
    ...     return x
    >>> vmap(f)(np.zeros((5, 3))).shape
    <5 examples in a vmap, each of shape (3,) float64>
    (5, 3)
    """

    __slots__ = ("level", "values")

    def __init__(self, values: Any, level: Level) -> None:
        if type(values) is Batch and values.level.index >= level.index:
            raise Unbatchable(YOUNGER)
        self.values, self.level = values, level

    shape = property(lambda self: self.values.shape[1:])
    ndim = property(lambda self: self.values.ndim - 1)
    size = property(lambda self: math.prod(self.values.shape[1:]))
    dtype = property(lambda self: self.values.dtype)
    itemsize = property(lambda self: self.values.itemsize)
    nbytes = property(lambda self: self.size * self.itemsize)
    may_change = property(lambda self: may_change(self.values))
    may_hold_nan = property(lambda self: may_hold_nan(self.values))

    def __repr__(self) -> str:
        return f"<{self.level.size} examples in a vmap, each of shape {self.shape} {self.dtype}>"

    def astype(self, dtype: Any, copy: bool = True) -> Batch:
        return Batch(self.values.astype(dtype, copy=copy), self.level)

    def copy(self) -> Batch:
        return Batch(self.values.copy(), self.level)

    def __getitem__(self, index: Any) -> Any:
        parts = index if type(index) is tuple else (index,)
        if BASIC.issuperset(map(type, parts)):  # as most are
            return Batch(self.values[(slice(None), *parts)], self.level)
        return super().__getitem__(index)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        level, plain = self.level, method == "__call__" and not options and ufunc.signature is None
        for part in inputs:
            kind = type(part)
            if kind is Batch:
                level = part.level if part.level.index > level.index else level
            elif kind not in LEAVES:
                if hasattr(part, "requires_grad"):
                    return NotImplemented  # a tensor, whose operations are recorded
                plain = plain and not isinstance(part, list | tuple)
        if plain and ufunc not in rules:
            return entry_by_entry(ufunc, inputs, level)
        if options and options.get("out") is not None:
            raise Unbatchable(NO_OUT.format(name=display_name(ufunc), hint=WRITING))
        if method == "__call__":
            return by_call(ufunc, inputs, options)
        if method == "at":
            raise Unbatchable(WRITES.format(name=f"{display_name(ufunc)}.at", hint=WRITING))
        return by_method(ufunc, method, inputs, options)

    def __array_function__(self, function: Any, types: Any, args: Any, options: Any) -> Any:
        for kind in types:
            if hasattr(kind, "requires_grad"):
                return NotImplemented
        return by_call(function, args, options)

    def __autograd_primitive__(self, function: Any, args: Any, options: Any) -> Any:
        for arg in (*args, *options.values()):
            for part in arg if type(arg) in (list, tuple) else (arg,):
                kind = type(part)
                if kind is not Batch and kind not in LEAVES and hasattr(kind, "requires_grad"):
                    return part.__autograd_primitive__(function, args, options)
        return by_call(function, args, options)


# Levels


def youngest(*trees: Any) -> Any:
    """The level of the youngest vmap among the batches in nested tuples, lists, dicts and slices; None if none is."""
    level = None
    stack = list(trees)
    for part in stack:
        kind = type(part)
        if kind is Batch:
            if level is None or part.level.index > level.index:
                level = part.level
        elif kind is dict:
            stack.extend(part.values())
        elif kind is slice:
            stack += (part.start, part.stop, part.step)
        elif kind is tuple or kind is list or (kind not in LEAVES and isinstance(part, tuple | list)):
            stack.extend(part)
    return level


def is_batched(x: Any, level: Level) -> bool:
    """For writers of batching rules: whether a value differs among the examples of a level.

    Parameters
    ----------
    x : object
        An argument of a batching rule.
    level : Level
        Which the rule is called with.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_mini import Batch, batching_rule, is_batched, primitive, vmap
    >>> @primitive
    ... def plus(x, y):
    ...     return x + y
    >>> @batching_rule(plus)
    ... def _(level, x, y):
    ...     print(is_batched(x, level), is_batched(y, level))
    ...     return Batch(x.values + y, level)
    >>> vmap(plus, in_axes=(0, None))(np.zeros(2), 1.0)
    True False
    array([1., 1.])
    """
    return type(x) is Batch and x.level is level


def any_batched(*trees: Any) -> bool:
    """Whether a batch is anywhere in nested tuples, lists, dicts and slices."""
    return youngest(*trees) is not None


# How a function of batches is computed


class State(threading.local):
    """What this thread is about."""

    composing: tuple[Any, ...] = ()  # the functions whose formulas are being applied
    counter: Any = None  # of the functions that fell back to a loop


state = State()


def batching_rule(*functions: Any) -> Callable[[Rule], Rule]:
    """Say how functions are computed for all examples of a vmap at once: a batching rule.

    The rule is called as `rule(level, *args, **options)`, with the arguments of the function, of which one at least is
    a batch. `is_batched(x, level)` tells which; `x.values` has the examples along its first axis, and
    `values_of(x, level)` has them whether x is a batch or not. It returns `Batch(values, level)`, or NotImplemented
    for what it leaves to a loop. Functions without a rule need none: they are computed by their own formula, or by a
    loop. Values may be batches themselves, of another vmap around: write `np.*` functions of them.

    Parameters
    ----------
    *functions : callable
        NumPy's, or what `primitive` made.

    Returns
    -------
    callable
        A decorator for the rule.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_mini import Batch, batching_rule, primitive, vmap
    >>> @primitive
    ... def halves(x):
    ...     return x[: len(x) // 2], x[len(x) // 2 :]
    >>> @batching_rule(halves)
    ... def _(level, x):
    ...     middle = x.values.shape[1] // 2
    ...     return Batch(x.values[:, :middle], level), Batch(x.values[:, middle:], level)
    >>> vmap(lambda x: halves(x)[0])(np.arange(8.0).reshape(2, 4))
    array([[0., 1.],
           [4., 5.]])
    """

    def register(rule: Rule) -> Rule:
        for function in functions:
            rules[function] = rule
        return rule

    return register


def by_options(ufunc: Any, inputs: Any, options: Any) -> Any:
    """A universal function with options."""
    if options.get("where", True) is not True or options.get("dtype") is not None or "signature" in options:
        call = {key: value for key, value in options.items() if value is not None}
        compute = functools.partial(ufunc_methods.with_options, ufunc, inputs, call)
        return by_formula((ufunc, "where"), compute, ufunc, inputs, options)
    options = {key: value for key, value in options.items() if key != "where"}
    return entry_by_entry(ufunc, inputs, youngest(inputs), **options)


def entry_by_entry(ufunc: Any, inputs: Any, level: Level, **options: Any) -> Any:
    """A universal function."""
    result = ufunc(*aligned(inputs, level), **options)
    return Batch(result, level) if ufunc.nout == 1 else batched(result, level)


def aligned(operands: Any, level: Level) -> list[Any]:
    """Operands that broadcast with each other, for all examples."""
    axes = 0
    given: list[Any] = []
    for x in operands:
        if type(x) is Batch:
            if x.values.ndim > axes + 1:
                axes = x.values.ndim - 1
            given.append(x)
        elif isinstance(x, NUMBERS):
            given.append(x)
        else:
            given.append(x if type(x) is np.ndarray else as_operand(x))
            axes = max(axes, x.ndim if hasattr(x, "ndim") else np.ndim(x))
    return [padded(x, axes, level) for x in given]


def padded(x: Any, axes: int, level: Level) -> Any:
    """The values with axes of length 1 after the first, so that each example has `axes`; `x` if it is not batched."""
    return spread(x.values, axes) if type(x) is Batch and x.level is level else x


def spread(values: Any, axes: int) -> Any:
    """Values with axes of length 1 after the first, so that each example has `axes`."""
    missing = axes + 1 - values.ndim
    return values if missing <= 0 else np.reshape(values, values.shape[:1] + (1,) * missing + values.shape[1:])


def batched(result: Any, level: Level) -> Any:
    """The values of a result, or of each of several, as batches."""
    if isinstance(result, tuple | list):
        return rebuilt(result, [batched(part, level) for part in result])
    return Batch(result, level)


def by_call(function: Any, args: Any, options: Any) -> Any:
    """A function as it is called."""
    if options:
        options = {key: value for key, value in options.items() if value is not np._NoValue}
        if options.get("out") is not None and function not in own_functions:
            raise Unbatchable(NO_OUT.format(name=display_name(function), hint=WRITING))
    rule = rules.get(function)
    if rule is not None:
        result = rule(youngest(args, options), *args, **options)
        return result if result is not NotImplemented else by_loop(function, args, options)
    if isinstance(function, np.ufunc) and function.signature is None:
        return by_options(function, args, options)
    if function in WRITERS:
        raise Unbatchable(WRITES.format(name=display_name(function), hint=WRITING))
    if function in own_functions:
        return by_formula(
            function, functools.partial(own_functions[function], *args, **options), function, args, options
        )
    if function in composites:
        plain, rest = without_out(function, args, options)
        return by_formula(function, functools.partial(composites[function], *plain, **rest), function, args, options)
    return by_loop(function, args, options)


def by_method(ufunc: Any, name: str, inputs: Any, options: Any) -> Any:
    """A method of a universal function: `np.add.reduce`."""
    call = getattr(ufunc, name)
    rule = rules.get((ufunc, name))
    if rule is not None:
        result = rule(youngest(inputs, options), *inputs, **options)
        return result if result is not NotImplemented else by_loop(call, inputs, options)
    compute = ufunc_methods.method(ufunc, name)
    if compute is None:
        return by_loop(call, inputs, options)
    return by_formula((ufunc, name), functools.partial(compute, *inputs, **options), call, inputs, options)


def by_formula(key: Any, formula: Callable[[], Any], function: Any, args: Any, options: Any) -> Any:
    """A function by what it is composed of, if that works with batches; else one example at a time."""
    if key in state.composing:  # the formula asks for what it is the formula of
        return by_loop(function, args, options)
    before = state.composing
    state.composing = (*before, key)
    try:
        return formula()
    except (Unbatchable, ValueError) as error:
        if not is_refusal(error):
            raise
    finally:
        state.composing = before
    return by_loop(function, args, options)


def is_refusal(error: BaseException) -> bool:
    """Whether a batch refused; NumPy says ValueError where one refuses to become an entry of an array."""
    return isinstance(error, Unbatchable) or isinstance(error.__cause__, Unbatchable)


# One example after the other


@contextlib.contextmanager
def loops() -> Iterator[collections.Counter[str]]:
    """Count, in this thread, the calls of functions that a vmap computes one example at a time, by name.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_mini import loops, vmap
    >>> with loops() as seen:
    ...     _ = vmap(lambda x: np.searchsorted(x, 0.5))(np.ones((4, 3)))
    >>> seen
    Counter({'np.searchsorted': 1})
    """
    before, state.counter = state.counter, collections.Counter()
    try:
        yield state.counter
    finally:
        state.counter = before


def by_loop(function: Any, args: Any, options: Any) -> Any:
    """A function of each example, and the results as one: right for every function, and slow."""
    if state.counter is not None:
        state.counter[display_name(function)] += 1
    level = youngest(args, options)
    if level is None:
        return function(*args, **options)
    before, state.composing = state.composing, ()
    try:
        if not level.size:
            like = function(*example(args, level, None), **example(options, level, None))
            return none_of(like, level)
        results = [function(*example(args, level, i), **example(options, level, i)) for i in range(level.size)]
    finally:
        state.composing = before
    return stacked(results, level, function)


def example(tree: Any, level: Level, i: int | None) -> Any:
    """What one example has in place of the batches; where there is no example, something stands for it."""
    if is_batched(tree, level):
        return stand_in(tree.shape, tree.dtype) if i is None else as_values(tree.values[i, ...])
    if isinstance(tree, tuple | list):
        return rebuilt(tree, [example(part, level, i) for part in tree])
    if isinstance(tree, dict):
        return {key: example(part, level, i) for key, part in tree.items()}
    if isinstance(tree, slice):
        return slice(*(example(part, level, i) for part in (tree.start, tree.stop, tree.step)))
    return tree


def stand_in(shape: tuple[int, ...], dtype: Any) -> Any:
    """Ones, with more on the diagonal of numbers that may be a matrix with an inverse."""
    ones = np.ones(shape, dtype)
    if not shape or dtype.kind not in "fc":
        return ones
    return ones + max(shape) * np.reshape(np.eye(*(1, *shape)[-2:], dtype=dtype), shape[-2:])


def stacked(results: list[Any], level: Level, function: Any) -> Any:
    """The results of all examples as a batch, or as a container of batches."""
    first = results[0]
    if isinstance(first, tuple | list):
        if len({len(result) for result in results}) > 1:
            raise Unbatchable(RESULTS.format(name=display_name(function), kind=type(first).__name__))
        return rebuilt(first, [stacked(list(parts), level, function) for parts in zip(*results, strict=True)])
    if isinstance(first, np.ndarray | np.generic | Batch | float | int | complex):
        plain = not hasattr(first, "dtype")
        if plain and all(result == first for result in results):
            return first
        other = next((result for result in results if np.shape(result) != np.shape(first)), first)
        if np.shape(other) != np.shape(first):
            shapes = {"first": np.shape(first), "other": np.shape(other)}
            raise Unbatchable(SHAPES.format(name=display_name(function), **shapes))
        return Batch(np.stack([np.asarray(result) if plain else result for result in results]), level)
    if all(result is first or result == first for result in results):
        return first
    raise Unbatchable(RESULTS.format(name=display_name(function), kind=type(first).__name__))


def none_of(like: Any, level: Level) -> Any:
    """No results, of the shape and dtype of one."""
    if isinstance(like, tuple | list):
        return rebuilt(like, [none_of(part, level) for part in like])
    like = np.asarray(like)
    return Batch(np.zeros((0, *like.shape), like.dtype), level)
