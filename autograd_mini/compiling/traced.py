"""What stands for arrays, Python numbers and random generators while a step is recorded.

Each of them computes, and lets the recorder write down what was done to it. To the engine a `Traced` array is one of
another library, so rules, the backward pass and optimizers run on it as they stand. What needs to know a value, which
differs from call to call, is refused here, with the user's line.
"""

from __future__ import annotations

import linecache
import numbers
import operator
import sys
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from autograd_mini.checked.places import Place, user_place
from autograd_mini.compiling.program import Draw, Variable, changed, leaves
from autograd_mini.compiling.scalars import (
    array_power,
    scalar_absolute,
    scalar_power,
    scalar_product,
    scalar_quotient,
)
from autograd_mini.compiling.slots import CompileError
from autograd_mini.primitive import display_name

VALUE = (
    "{what} needs to know the values of an array, and a compiled step is a program for any values.\n    {where}\n"
    "{hint} Or leave the step as it is, and do not compile it."
)
CHOICE = (
    "Write `np.where(condition, a, b)` for a choice; `if autograd_mini.everywhere(condition):` where it nearly always "
    "goes the same way (then the other way is computed without the program); what looks at results, after the call."
)
AFTER = "Return the array from the step, and look at it after the call."
WRAP = "Use functions of NumPy, which are recorded; wrap another library's in `@autograd_mini.primitive`."
IN_PLACE = "Write `a = a + b` for `a += b`, `np.where(mask, v, a)` or `Tensor(a).at[index].set(v)` for `a[index] = v`."
NO_OUT = "Leave `out=` out: the program finds memory by itself. For `a += b` write `a = a + b`."

OPERATIONS: dict[str, Any] = {
    name: getattr(operator, name) for name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow")
}
COMPARISONS: dict[str, Any] = {name: getattr(operator, name) for name in ("lt", "le", "gt", "ge", "eq", "ne")}
METHODS = (
    *(np.sum, np.mean, np.prod, np.max, np.min, np.std, np.var, np.any, np.all, np.clip, np.ravel, np.squeeze),
    *(np.swapaxes, np.cumsum, np.cumprod, np.argmax, np.argmin, np.argsort, np.take, np.repeat, np.trace, np.diagonal),
    *(np.dot, np.round, np.nonzero, np.searchsorted, np.argpartition, np.choose, np.compress),
)
SQUARES: dict[Any, np.ufunc] = {2: np.square, 0.5: np.sqrt, -1: np.reciprocal, 1: np.positive}  # as ndarray's ** does
WRITING = frozenset((np.copyto, np.fill_diagonal, np.place, np.put, np.put_along_axis, np.putmask))
ATTRIBUTES = frozenset((np.shape, np.ndim, np.size, np.iscomplexobj, np.isrealobj, np.result_type, np.can_cast))


def refuse(what: str, hint: str) -> Any:
    """Raise for what needs to know values."""
    place = user_place(sys._getframe(1))
    shown = f"it has {what[0].lower()}{what[1:]}"
    fail(VALUE.format(what=what, where=described(place and Place(*place)), hint=hint), shown)


def fail(message: str, what: str) -> NoReturn:
    """Raise a `CompileError` that also says in a few words what a function has that cannot be recorded."""
    error = CompileError(message)
    error.what = what
    try:
        raise error
    finally:
        del error  # whose traceback holds this frame, and with it what was recorded


def described(place: Place | None) -> str:
    """File, line and code of a place."""
    if place is None:
        return "(in the library)"
    line = line_of(place)
    code = linecache.getline(place.code.co_filename, line).strip()
    return f"{place.code.co_filename}:{line}, in {place.code.co_name}: {code}"


def line_of(place: Place) -> int:
    """The number of its line."""
    return place.span()[0] or place.code.co_firstlineno


def refusal(what: str, hint: str) -> Callable[..., Any]:
    """A method that raises."""
    return lambda _self, *_args, **_options: refuse(what, hint)


def by_function(function: Any) -> Callable[..., Any]:
    """`a.sum(axis=0)` as `np.sum(a, axis=0)`."""
    return lambda self, *args, **options: function(self, *args, **options)  # noqa: PLW0108 (NumPy's are no methods)


def values_of(tree: Any) -> Any:
    """Nested tuples, lists and dicts with the values of what is recorded in its place."""
    if isinstance(tree, Traced | Number):
        return tree.value
    return changed(tree, values_of)


def traced_in(tree: Any) -> Traced | Number | None:
    """The first recorded value in nested tuples, lists and dicts."""
    return next((leaf for leaf in leaves(tree) if isinstance(leaf, Traced | Number)), None)


def arrays_in(tree: Any) -> list[Traced]:
    """The recorded arrays in nested tuples, lists and dicts."""
    return [leaf for leaf in leaves(tree) if isinstance(leaf, Traced)]


def above(tree: Any) -> Any:
    """The first tensor or batch, which hold recorded values, in nested tuples, lists and dicts."""
    found = (leaf for leaf in leaves(tree) if hasattr(type(leaf), "__autograd_primitive__"))
    return next((leaf for leaf in found if type(leaf) not in (Traced, Number)), None)


class Traced(NDArrayOperatorsMixin):
    """An array that computes, and of which each operation is written down."""

    __slots__ = ("__weakref__", "recorder", "shared", "value", "variable")

    may_change = False

    def __init__(self, value: Any, variable: Variable, recorder: Any) -> None:
        self.value, self.variable, self.recorder = value, variable, recorder
        self.shared = False  # whether an operation may read it later, or another array shows its memory

    shape, dtype, ndim, size, itemsize, nbytes, base = (
        property(operator.attrgetter(f"value.{name}"))
        for name in ("shape", "dtype", "ndim", "size", "itemsize", "nbytes", "base")
    )

    # NumPy's protocols and the engine's

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        if above((inputs, options)) is not None:
            return NotImplemented
        out = options.pop("out", None)
        function = ufunc if method == "__call__" else getattr(ufunc, method)
        options = {name: option for name, option in options.items() if option is not np._NoValue}
        if method == "at" or (out is not None and (len(out) > 1 or not isinstance(out[0], Traced))):
            refuse(f"np.{ufunc.__name__} that writes into an array", IN_PLACE if method == "at" else NO_OUT)
        if out is None:
            return self.recorder.call(function, inputs, options)
        written = self.recorder.write_into(out[0], function, inputs, options)
        return refuse(f"np.{ufunc.__name__} that writes into an array", NO_OUT) if written is None else written

    def __array_function__(self, function: Any, types: Any, args: Any, options: Any) -> Any:
        if any(hasattr(kind, "__autograd_primitive__") and kind is not Traced for kind in types):
            return NotImplemented
        if function in ATTRIBUTES:
            return function(*values_of(args), **values_of(options))
        if options.get("out") is not None or function in WRITING:
            refuse(f"{display_name(function)} that writes into an array", IN_PLACE if function in WRITING else NO_OUT)
        options = {name: option for name, option in options.items() if option is not np._NoValue}
        return self.recorder.call(function, args, options)

    def __autograd_primitive__(self, function: Any, args: Any, options: Any) -> Any:
        other = above((args, options))
        if other is not None:
            return other.__autograd_primitive__(function, args, options)
        return self.recorder.primitive(function, args, options)

    @property
    def may_hold_nan(self) -> bool:
        """Asked by a backward, which goes another way if so: a check of the program."""
        return bool(self.recorder.nan_check(self))

    def everywhere(self) -> bool:
        """The truth of a condition, which the program then checks."""
        return bool(self.recorder.check(np.all(self) if self.ndim else self, ""))

    def as_values(self) -> Traced:
        """An array, where NumPy gave one of its scalars."""
        if isinstance(self.value, np.ndarray):
            return self
        array: Traced = self.recorder.traced(np.asarray(self.value), self.variable)
        return array

    # An array's methods

    def __getitem__(self, index: Any) -> Any:
        return self.recorder.call(operator.getitem, (self, index), {})

    def __pow__(self, other: Any) -> Any:
        if is_scalar(self) and is_scalar(other):
            return self.recorder.call(scalar_power, (self, other), {})
        if isinstance(other, Number) or (self.dtype.kind == "c" and is_scalar(other)):
            return self.recorder.call(array_power, (self, other), {})
        if type(other) in (int, float) and self.dtype.kind == "f":
            if other == 0:
                return np.ones_like(self)
            if other in SQUARES:
                return SQUARES[other](self)
        return np.power(self, other)

    def __rpow__(self, other: Any) -> Any:
        scalars = is_scalar(self) and is_scalar(other)
        return self.recorder.call(scalar_power, (other, self), {}) if scalars else np.power(other, self)

    def __abs__(self) -> Any:
        return self.recorder.call(scalar_absolute, (self,), {}) if is_scalar(self) else np.absolute(self)

    T = property(by_function(np.transpose))
    mT = property(by_function(np.matrix_transpose))  # noqa: N815
    real, imag = property(by_function(np.real)), property(by_function(np.imag))
    flat = property(refusal("A flat iterator", WRAP))

    def reshape(self, *shape: Any, **options: Any) -> Any:
        return np.reshape(self, shape[0] if len(shape) == 1 else shape, **options)

    def transpose(self, *axes: Any) -> Any:
        return np.transpose(self, axes[0] if len(axes) == 1 else axes or None)

    def astype(self, dtype: Any, copy: bool = True) -> Any:
        dtype = np.dtype(dtype)
        return self if not copy and dtype == self.dtype else self.by_method("astype", dtype)

    def view(self, dtype: Any) -> Any:
        return self.by_method("view", np.dtype(dtype))

    def copy(self) -> Any:
        return self.by_method("copy")

    def flatten(self) -> Any:
        return self.by_method("flatten")

    def by_method(self, name: str, *args: Any) -> Any:
        """What a method gives that has no function; NumPy's scalars have it too."""
        return self.recorder.write(getattr(np.ndarray, name), (self, *args), {}, getattr(self.value, name)(*args))

    def conj(self) -> Any:
        return np.conjugate(self) if self.dtype.kind == "c" else self

    conjugate = conj

    def __len__(self) -> int:
        return len(self.value)

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))

    def __repr__(self) -> str:
        return f"<recorded array of shape {self.shape} {self.dtype}>"

    __hash__ = object.__hash__
    __bool__ = refusal("A truth value (`if`, `while`, `and`, `or`, `assert`)", CHOICE)
    __float__ = refusal("float()", AFTER)
    __int__ = refusal("int()", AFTER)
    __complex__ = refusal("complex()", AFTER)
    __index__ = refusal("An index or a count", AFTER)
    item = refusal(".item()", AFTER)
    tolist = refusal(".tolist()", AFTER)
    tobytes = refusal(".tobytes()", AFTER)
    __array__ = refusal("A function that NumPy does not hand over (such as np.asarray, or another library's)", WRAP)
    __setitem__ = refusal("Writing into an array", IN_PLACE)
    fill = sort = partition = put = resize = __setitem__

    def __format__(self, spec: str) -> str:
        return repr(self) if not spec else refuse("A format", AFTER)

    def __reduce__(self) -> Any:
        return refuse("A pickle or a deep copy", AFTER)

    def __deepcopy__(self, memo: Any) -> Any:
        return self.copy()


def of_scalars(of_arrays: Any, function: Any, swapped: bool) -> Callable[[Traced, Any], Any]:
    """A product or quotient, which may have other bits for complex scalars than for arrays."""

    def operate(self: Traced, other: Any) -> Any:
        if is_scalar(self) and is_scalar(other) and np.iscomplexobj(values_of([self, other])):
            return self.recorder.call(function, (other, self) if swapped else (self, other), {})
        return of_arrays(self, other)

    return operate


def is_scalar(value: Any) -> bool:
    """Whether it is one of NumPy's scalars or a Python number, recorded or not."""
    return isinstance(values_of(value), np.generic | int | float | complex)


for _name, _product in {"mul": scalar_product, "truediv": scalar_quotient}.items():
    for _swapped, _method in enumerate((f"__{_name}__", f"__r{_name}__")):
        setattr(Traced, _method, of_scalars(getattr(NDArrayOperatorsMixin, _method), _product, bool(_swapped)))
for _function in METHODS:
    setattr(Traced, _function.__name__, by_function(_function))


def arithmetic(operation: Any, swapped: bool) -> Callable[[Number, Any], Any]:
    """`n * 2`, or swapped `2 * n`."""

    def operate(self: Number, other: Any) -> Any:
        if type(other) not in (Number, int, float, bool):
            return NotImplemented
        return self.recorder.call(operation, (other, self) if swapped else (self, other), {})

    return operate


def comparison(operation: Any) -> Callable[[Number, Any], Any]:
    """`n < 2`: an answer that the program checks."""

    def operate(self: Number, other: Any) -> Any:
        if type(other) not in (Number, int, float, bool):
            return NotImplemented
        answer = self.recorder.call(operation, (self, other), {})
        return self.recorder.check(answer, "a comparison of numbers")

    return operate


class Number:
    """A Python number that differs from call to call: a learning rate, a count of steps, an argument."""

    __slots__ = ("__weakref__", "recorder", "value", "variable")

    def __init__(self, value: Any, variable: Variable, recorder: Any) -> None:
        self.value, self.variable, self.recorder = value, variable, recorder

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        return Traced.__array_ufunc__(self, ufunc, method, *inputs, **options)  # type: ignore[arg-type]

    def __autograd_primitive__(self, function: Any, args: Any, options: Any) -> Any:
        return Traced.__autograd_primitive__(self, function, args, options)  # type: ignore[arg-type]

    def __neg__(self) -> Any:
        return self.recorder.call(operator.neg, (self,), {})

    def __pos__(self) -> Any:
        return self

    def __abs__(self) -> Any:
        return self.recorder.call(abs, (self,), {})

    def __bool__(self) -> bool:
        return bool(self.recorder.check(self, "a number"))

    def __repr__(self) -> str:
        return f"<recorded number {self.value!r}>"

    __hash__ = object.__hash__
    __float__ = refusal("float() of a number that differs from call to call", AFTER)
    __int__ = __index__ = __round__ = refusal("A whole number that differs from call to call", AFTER)
    __format__ = __reduce__ = refusal("Text of a number that differs from call to call", AFTER)

    def __deepcopy__(self, memo: Any) -> Any:
        return self


for _name, _operation in OPERATIONS.items():
    setattr(Number, f"__{_name}__", arithmetic(_operation, swapped=False))
    setattr(Number, f"__r{_name}__", arithmetic(_operation, swapped=True))
for _name, _operation in COMPARISONS.items():
    setattr(Number, f"__{_name}__", comparison(_operation))


numbers.Real.register(Number)


class RecordedGenerator:
    """A random generator, each draw of which becomes a line of the program."""

    def __init__(self, generator: np.random.Generator, variable: Variable, recorder: Any) -> None:
        self._generator, self._variable, self._recorder = generator, variable, recorder

    def __getattr__(self, method: str) -> Any:
        draw = getattr(self._generator, method)
        if method.startswith("_") or not callable(draw):
            return draw

        def recorded(*args: Any, **options: Any) -> Any:
            return self._recorder.draw(self, Draw(method), args, options)

        return recorded

    def __deepcopy__(self, memo: Any) -> Any:
        return refuse("A copy of a random generator", AFTER)
