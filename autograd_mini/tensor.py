"""`Tensor`, the value that users touch, and `apply`, the one place where a node of the graph is made."""

from __future__ import annotations

import copy
import importlib
import operator
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np

from autograd_mini import errors
from autograd_mini.arrays import as_array, as_operand, as_seed, as_values, may_change, plain_index
from autograd_mini.backward import pull_back
from autograd_mini.graph import Leaf, Node, Record, copy_graph, modes
from autograd_mini.outputs import Outputs, output_node, rebuilt
from autograd_mini.primitive import (
    Plan,
    Primitive,
    composites,
    constants,
    display_name,
    primitives,
    without_out,
)
from autograd_mini.rules import methods
from autograd_mini.rules.elementwise import cast
from autograd_mini.rules.indexing import getitem
from autograd_mini.rules.refusals import refuse_as_numpy
from autograd_mini.updates import At

numpy: Any = np  # NumPy's type stubs do not say that its functions return tensors for tensors
DIFFERENTIABLE = "fc"  # dtype kinds
# These call functions of the caller's, or may be told to write into an operand; their rules do neither.
GUARDED = {np.apply_along_axis, np.apply_over_axes, np.piecewise, np.nan_to_num, np.median, np.nanmedian}
GUARDED |= {np.quantile, np.nanquantile, np.percentile, np.nanpercentile}
REFUSALS = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
WRITERS = {np.copyto, np.fill_diagonal, np.place, np.put, np.put_along_axis, np.putmask}
NONE: dict[str, Any] = {}  # the options of most operations
ufunc_methods: Any = methods  # the tables of rules carry no types
SCIPY_RULES = "autograd_mini.scipy.special"
OPTIONS_OF_CALLS = frozenset(("where", "dtype", "signature", "casting"))
ACCUMULATING = threading.Lock()  # backwards of several threads may meet at a leaf
SCALARS = frozenset((bool, int, float, complex))
PLAIN = SCALARS | {np.ndarray}  # computed with as they are


def in_place(sign: str, operation: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    """`t -= u`: a new tensor under the same name; under `no_grad`, new values for a leaf that requires grad."""

    def operate(self: Tensor, other: Any) -> Tensor:
        if type(self._record) is not Leaf or not self._record.requires_grad:
            return operation(self, other)
        if modes.recording:
            raise TypeError(errors.IN_PLACE.format(operator=sign, short=sign[:-1]))
        self.data = operation(self, other).data
        return self

    return operate


def method(function: Callable[..., Any]) -> Callable[..., Any]:
    """A NumPy function as a method: `t.max(axis=0)` is `np.max(t, axis=0)`."""

    def call(self: Tensor, *args: Any, **kwargs: Any) -> Any:
        return function(self, *args, **kwargs)

    call.__name__ = function.__name__
    call.__doc__ = f"`{display_name(function)}` of this tensor."
    return call


class Tensor:
    """An array that remembers how it was made, so that it can be differentiated.

    Parameters
    ----------
    array : array_like
        Numbers or booleans. It is copied, as `np.array` does. Dask and CuPy arrays stay what they are.
    requires_grad : bool
        Collect the gradient of this tensor in `.grad`. Needs a floating-point or complex dtype.
    name : str, optional
        Shown in drawings and messages.

    Raises
    ------
    TypeError
        If the values are not numbers, or are integers and `requires_grad` is set.

    Notes
    -----
    float32 stays float32, and Python numbers never widen it. A tensor is never written into.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_mini import Tensor
    >>> w = Tensor([1.0, 2.0], requires_grad=True)
    >>> loss = np.sum(w * w)
    >>> loss.backward()
    >>> w.grad
    array([2., 4.])
    """

    __slots__ = ("__weakref__", "_record", "_values")

    def __init__(self, array: Any, requires_grad: bool = False, name: str | None = None) -> None:
        data = as_array(array)
        self._values = data
        self._record: Record | None = Leaf(data, False, name)
        if requires_grad:
            self.requires_grad = True

    # Attributes

    @property
    def data(self) -> Any:
        """The array of values, without history: the memory itself, which `detach()` shares too.

        Rules read it in the backward, so write into it only before a forward or after its backward. Assigning
        another array, `t.data = ...`, is safe at any time.
        """
        return self._values

    @data.setter
    def data(self, array: Any) -> None:
        record = self._record
        if type(record) is Node:
            raise AttributeError(errors.DATA_OF_RESULT.format(name=record.primitive.name))
        if isinstance(array, Tensor):
            array._refuse("array")
            array = array._values
        elif not hasattr(array, "dtype"):
            array = np.asarray(array, self.dtype)
        if array.shape != self._values.shape or array.dtype != self._values.dtype:
            raise ValueError(
                errors.DATA_REPLACED.format(
                    shape=self.shape, dtype=self.dtype, got_shape=array.shape, got_dtype=array.dtype
                )
            )
        self._values = as_values(array)

    @property
    def requires_grad(self) -> bool:
        record = self._record
        return record is not None and record.requires_grad

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        record = self._record
        if type(record) is Node:
            raise AttributeError(errors.REQUIRES_GRAD_OF_RESULT.format(name=record.primitive.name))
        if value and self._values.dtype.kind not in DIFFERENTIABLE:
            raise TypeError(errors.INTEGER_GRAD.format(dtype=self._values.dtype))
        self._leaf().requires_grad = bool(value)

    @property
    def grad(self) -> Any:
        """The gradient that backward passes have added up, an array of this shape and dtype, or None."""
        record = self._record
        return record.grad if type(record) is Leaf else None

    @grad.setter
    def grad(self, value: Any) -> None:
        if not self.requires_grad or type(self._record) is Node:
            if value is None:
                return
            raise AttributeError(errors.GRAD_OF_RESULT)
        if isinstance(value, Tensor):
            value = value.data
        if value is not None and (
            getattr(value, "shape", None) != self.shape or getattr(value, "dtype", None) != self.dtype
        ):
            raise ValueError(errors.GRAD_SHAPE.format(got=errors.describe(value), shape=self.shape, dtype=self.dtype))
        self._leaf().grad = value

    @property
    def name(self) -> str | None:
        return self._record.name if self._record is not None else None

    @name.setter
    def name(self, value: str | None) -> None:
        record = self._record if self._record is not None else self._leaf()
        record.name = value

    @property
    def shape(self) -> tuple[int, ...]:
        return self._values.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        return self._values.dtype

    @property
    def ndim(self) -> int:
        return self._values.ndim

    @property
    def size(self) -> int:
        return self._values.size

    @property
    def nbytes(self) -> int:
        return self._values.nbytes

    @property
    def itemsize(self) -> int:
        return self._values.itemsize

    @property
    def T(self) -> Tensor:
        """The axes in reverse order."""
        return apply(TRANSPOSE, self)

    @property
    def mT(self) -> Tensor:
        """The last two axes exchanged."""
        return numpy.swapaxes(self, -1, -2)

    @property
    def at(self) -> At:
        """`t.at[index].set(v)`: a new tensor with other values there; also add, multiply, min, max."""
        return At(self)

    def _leaf(self) -> Leaf:
        record = self._record
        if not isinstance(record, Leaf):
            record = self._record = Leaf(self._values)
        return record

    # Differentiation

    def backward(self, seed: Any = None, retain_graph: bool = False) -> None:
        """Add dL/d(leaf) to the `.grad` of every leaf that this tensor was computed from.

        Parameters
        ----------
        seed : array_like, optional
            dL/d(this tensor), of this shape. May be left out for a tensor of one entry, where it is 1.
        retain_graph : bool
            Keep what the rules need, for another backward through this graph. Otherwise it is freed on the way.

        Raises
        ------
        ValueError
            If the seed is missing or of another shape.
        RuntimeError
            If nothing here requires grad, or an earlier backward has freed the graph.

        Examples
        --------
        >>> from autograd_mini import Tensor
        >>> x = Tensor(3.0, requires_grad=True)
        >>> (x * x).backward()
        >>> x.grad
        array(6.)
        """
        record = self._record
        if record is None or not record.requires_grad:
            raise RuntimeError(errors.NO_GRAPH)
        if seed is None:
            if self._values.size != 1:
                raise ValueError(errors.NOT_SCALAR.format(shape=self.shape))
            seed = np.ones_like(self._values)
        else:
            seed = as_seed(seed, self._values, "backward(seed)")
            if seed.dtype.kind == "c":
                seed = seed.conj()
        cotangents: dict[Any, Any] = pull_back(record, seed, retain_graph=retain_graph)
        handed_out = {id(seed)}
        for leaf, cotangent in cotangents.items():
            gradient = cotangent
            # A gradient belongs to its leaf alone: a view, or an array that another leaf got too, is copied.
            if getattr(gradient, "base", None) is not None or id(gradient) in handed_out:
                gradient = gradient.copy()
            handed_out.add(id(gradient))
            if gradient.dtype.kind == "c":
                gradient = gradient.conj()  # inside, dL/dz means dL/dRe - i dL/dIm; users get the ascent direction
            with ACCUMULATING:
                leaf.grad = as_values(gradient if leaf.grad is None else leaf.grad + gradient)

    def detach(self) -> Tensor:
        """The same values without history: no gradient flows through them."""
        return wrap(self._values, None)

    def item(self) -> Any:
        """The one entry as a Python number, without history."""
        if self._values.size != 1:
            raise ValueError(errors.ITEM.format(shape=self.shape))
        return self._values.item()

    # NumPy's protocols

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if kwargs and kwargs.pop("out", None) is not None:
            raise TypeError(errors.NO_OUT.format(name=display_name(ufunc)))
        try:
            return self._universal(ufunc, method, inputs, kwargs)
        except REFUSALS as error:
            refuse_as_numpy(error, getattr(ufunc, method), unwrap(inputs), unwrap(kwargs))
            raise

    def _universal(self, ufunc: np.ufunc, method: str, inputs: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if method == "__call__":
            if (kwargs or ufunc not in primitives) and "where" not in kwargs and self._alone(inputs, kwargs):
                return numpys_own(ufunc, inputs, kwargs)
            if (
                kwargs
                and not OPTIONS_OF_CALLS.isdisjoint(kwargs)
                and (ufunc.signature is None or "where" not in kwargs)
            ):
                return ufunc_methods.with_options(ufunc, inputs, unwrap(kwargs))
            if ufunc in primitives:
                return apply(primitives[ufunc], *inputs, **kwargs)
            if ufunc in composites:
                return composites[ufunc](*inputs, **kwargs)
            if ufunc not in constants and "scipy.special" in sys.modules and SCIPY_RULES not in sys.modules:
                importlib.import_module(SCIPY_RULES)  # SciPy's functions get their rules when one is first used
                return self._universal(ufunc, method, inputs, kwargs)
            return evaluate(ufunc, inputs, kwargs)
        if method == "at" and isinstance(inputs[0], Tensor):
            raise TypeError(errors.WRITING.format(name=f"{display_name(ufunc)}.at"))
        if ufunc not in constants and modes.recording and any_requires_grad((inputs, kwargs)):
            compute = ufunc_methods.method(ufunc, method) if ufunc in primitives or ufunc in composites else None
            if compute is not None:
                return compute(*inputs, **kwargs)
            message = errors.NO_METHOD if ufunc in primitives else errors.NO_RULE
            raise TypeError(message.format(name=display_name(ufunc), method=method))
        return wrap_constants(getattr(ufunc, method)(*unwrap(inputs), **unwrap(kwargs)))

    def __array_function__(
        self, function: Callable[..., Any], types: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        if function in WRITERS and args and isinstance(args[0], Tensor):
            raise TypeError(errors.WRITING.format(name=display_name(function)))
        if "out" in kwargs:
            _, kwargs = without_out(function, (), kwargs)
        if function not in GUARDED and self._alone(args, kwargs):
            return numpys_own(function, *without_out(function, args, kwargs))
        try:
            primitive = primitives.get(function)
            if primitive is not None:
                operands, options = primitive.bind(args, kwargs)
                return apply(primitive, *operands, **options)
            if function in composites:
                args, kwargs = without_out(function, args, kwargs)
                return composites[function](*args, **kwargs)
            return evaluate(function, args, kwargs)
        except REFUSALS as error:
            if function not in GUARDED:
                refuse_as_numpy(error, function, unwrap(args), unwrap(kwargs))
            raise

    def __autograd_primitive__(
        self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        primitive = primitives.get(function)
        if primitive is None:
            return evaluate(function, args, kwargs)
        operands, options = primitive.bind(args, kwargs)
        return apply(primitive, *operands, **options)

    def _alone(self, args: Any, kwargs: Any) -> bool:
        """Whether a call needs nothing but NumPy: no gradient is wanted, and no other library's array takes part."""
        if modes.recording and (self.requires_grad or any_requires_grad((args, kwargs))):
            return False
        return all(map(is_numpys, parts_of((args, kwargs))))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        self._refuse("array")
        return np.array(self._values, dtype, copy=copy)

    # Python's protocols

    def _refuse(self, kind: str) -> None:
        if self.requires_grad:
            item = ", or `t.item()` for a Python number" if self.size == 1 else ""
            raise TypeError(errors.TO_ARRAY.format(kind=kind, item=item))

    def __float__(self) -> float:
        self._refuse("number")
        return float(self.item())

    def __int__(self) -> int:
        self._refuse("number")
        return int(self.item())

    def __complex__(self) -> complex:
        self._refuse("number")
        return complex(self.item())

    def __index__(self) -> int:
        self._refuse("number")
        return self._values.__index__()

    def __bool__(self) -> bool:
        if self._values.size != 1:
            raise ValueError(errors.TRUTH.format(shape=self.shape, size=self.size))
        return bool(self._values.item())

    def __len__(self) -> int:
        return len(self._values)

    def __iter__(self) -> Iterator[Tensor]:
        return (self[i] for i in range(len(self)))

    def __format__(self, spec: str) -> str:
        return format(self._values.item(), spec) if spec and self.size == 1 else format(repr(self), spec)

    def __repr__(self) -> str:
        values = np.array2string(np.asarray(self._values), separator=", ", prefix="Tensor(")
        record, notes = self._record, ""
        if self._values.dtype != np.float64 or not self._values.size:
            notes += f", dtype={self._values.dtype}"
        if record is not None and record.name is not None:
            notes += f", name={record.name!r}"
        if type(record) is Node:
            notes += f", from={record.primitive.name}"
        elif self.requires_grad:
            notes += ", requires_grad=True"
        return f"Tensor({values}{notes})"

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        twin = type(self).__new__(type(self))
        memo[id(self)] = twin
        twin._values = copy.deepcopy(self._values, memo)
        twin._record = copy_graph(self._record, memo) if self._record is not None else None
        return twin

    def __copy__(self) -> Tensor:
        return wrap(self._values, self._record) if type(self._record) is Node else copy.deepcopy(self)

    def __reduce__(self) -> Any:
        record = self._record
        if type(record) is Node:
            raise TypeError(errors.PICKLE.format(name=record.primitive.name))
        return unpickle, (type(self), self._values, self.requires_grad, self.name, self.grad)

    __hash__ = object.__hash__

    # Operators

    def __add__(self, other: Any) -> Tensor:
        return apply(ADD, self, other)

    def __radd__(self, other: Any) -> Tensor:
        return apply(ADD, other, self)

    def __sub__(self, other: Any) -> Tensor:
        return apply(SUBTRACT, self, other)

    def __rsub__(self, other: Any) -> Tensor:
        return apply(SUBTRACT, other, self)

    def __mul__(self, other: Any) -> Tensor:
        return apply(MULTIPLY, self, other)

    def __rmul__(self, other: Any) -> Tensor:
        return apply(MULTIPLY, other, self)

    def __truediv__(self, other: Any) -> Tensor:
        return apply(DIVIDE, self, other)

    def __rtruediv__(self, other: Any) -> Tensor:
        return apply(DIVIDE, other, self)

    def __pow__(self, other: Any) -> Tensor:
        if type(other) in SCALARS and other == 2:
            return apply(SQUARE, self)
        return apply(POWER, self, other)

    def __rpow__(self, other: Any) -> Tensor:
        return apply(POWER, other, self)

    def __matmul__(self, other: Any) -> Tensor:
        return apply(MATMUL, self, other)

    def __rmatmul__(self, other: Any) -> Tensor:
        return apply(MATMUL, other, self)

    def __neg__(self) -> Tensor:
        return apply(NEGATIVE, self)

    def __pos__(self) -> Tensor:
        return apply(POSITIVE, self)

    def __abs__(self) -> Tensor:
        return apply(ABSOLUTE, self)

    def __floordiv__(self, other: Any) -> Tensor:
        return numpy.floor_divide(self, other)

    def __rfloordiv__(self, other: Any) -> Tensor:
        return numpy.floor_divide(other, self)

    def __mod__(self, other: Any) -> Tensor:
        return numpy.remainder(self, other)

    def __rmod__(self, other: Any) -> Tensor:
        return numpy.remainder(other, self)

    __iadd__, __isub__ = in_place("+=", operator.add), in_place("-=", operator.sub)
    __imul__, __itruediv__ = in_place("*=", operator.mul), in_place("/=", operator.truediv)
    __ipow__, __imatmul__ = in_place("**=", operator.pow), in_place("@=", operator.matmul)

    def __divmod__(self, other: Any) -> Any:
        return numpy.divmod(self, other)

    def __rdivmod__(self, other: Any) -> Any:
        return numpy.divmod(other, self)

    def __round__(self, digits: int = 0) -> Tensor:
        return numpy.round(self, digits)

    def __eq__(self, other: object) -> Tensor:  # type: ignore[override]
        return compare(operator.eq, self, other)

    def __ne__(self, other: object) -> Tensor:  # type: ignore[override]
        return compare(operator.ne, self, other)

    def __lt__(self, other: Any) -> Tensor:
        return compare(operator.lt, self, other)

    def __le__(self, other: Any) -> Tensor:
        return compare(operator.le, self, other)

    def __gt__(self, other: Any) -> Tensor:
        return compare(operator.gt, self, other)

    def __ge__(self, other: Any) -> Tensor:
        return compare(operator.ge, self, other)

    def __and__(self, other: Any) -> Tensor:
        return compare(operator.and_, self, other)

    def __or__(self, other: Any) -> Tensor:
        return compare(operator.or_, self, other)

    def __xor__(self, other: Any) -> Tensor:
        return compare(operator.xor, self, other)

    def __invert__(self) -> Tensor:
        return wrap(np.invert(self._values), None)

    __rand__, __ror__, __rxor__ = __and__, __or__, __xor__

    def __lshift__(self, other: Any) -> Tensor:
        return compare(operator.lshift, self, other)

    def __rshift__(self, other: Any) -> Tensor:
        return compare(operator.rshift, self, other)

    def __rlshift__(self, other: Any) -> Tensor:
        return numpy.left_shift(other, self)

    def __rrshift__(self, other: Any) -> Tensor:
        return numpy.right_shift(other, self)

    def __getitem__(self, index: Any) -> Tensor:
        return apply(GETITEM, self, index=plain_index(index))

    def __setitem__(self, index: Any, value: Any) -> None:
        raise TypeError(errors.ASSIGNMENT)

    # NumPy's methods whose arguments differ from the function's; the others are made below

    def reshape(self, *shape: Any, order: str = "C") -> Tensor:
        if order != "C":
            return numpy.reshape(self, variadic(shape), order=order)
        return apply(RESHAPE, self, shape=variadic(shape))

    def transpose(self, *axes: Any) -> Tensor:
        return apply(TRANSPOSE, self, **({"axes": variadic(axes)} if axes and axes != (None,) else {}))

    def sum(self, axis: Any = None, dtype: Any = None, out: None = None, keepdims: bool = False, **options: Any) -> Any:
        if dtype is None and out is None and not options:
            return apply(SUM, self, axis=axis, keepdims=keepdims)
        return numpy.sum(self, axis=axis, dtype=dtype, out=out, keepdims=keepdims, **options)

    def mean(
        self, axis: Any = None, dtype: Any = None, out: None = None, keepdims: bool = False, **options: Any
    ) -> Any:
        if dtype is None and out is None and not options:
            return apply(MEAN, self, axis=axis, keepdims=keepdims)
        return numpy.mean(self, axis=axis, dtype=dtype, out=out, keepdims=keepdims, **options)

    max, min, clip = method(np.max), method(np.min), method(np.clip)
    squeeze, ravel, flatten, swapaxes = method(np.squeeze), method(np.ravel), method(np.ravel), method(np.swapaxes)
    all, any = method(np.all), method(np.any)
    prod, std, var, trace = method(np.prod), method(np.std), method(np.var), method(np.trace)
    cumsum, cumprod, diagonal, dot = method(np.cumsum), method(np.cumprod), method(np.diagonal), method(np.dot)
    take, repeat, choose, compress = method(np.take), method(np.repeat), method(np.choose), method(np.compress)
    round, searchsorted = method(np.round), method(np.searchsorted)
    argmax, argmin, argsort, nonzero = method(np.argmax), method(np.argmin), method(np.argsort), method(np.nonzero)
    argpartition = method(np.argpartition)
    real, imag = property(method(np.real)), property(method(np.imag))

    def conj(self) -> Tensor:
        """The complex conjugate; a tensor of other numbers is its own."""
        return numpy.conjugate(self) if self._values.dtype.kind == "c" else self

    conjugate = conj

    def copy(self) -> Tensor:
        """A new tensor of the same values, through which gradients flow."""
        return apply(POSITIVE, self) if self.requires_grad else wrap(self._values.copy(), None)

    def astype(self, dtype: Any, copy: bool = True) -> Tensor:  # noqa: ARG002 (a tensor is never written into)
        """This tensor in another dtype; the gradient comes back in this one."""
        return apply(CAST, self, dtype=dtype)

    def tolist(self) -> Any:
        self._refuse("list")
        return self._values.tolist()


ADD, SUBTRACT, MULTIPLY, DIVIDE = (primitives[f] for f in (np.add, np.subtract, np.multiply, np.divide))
POWER, SQUARE, NEGATIVE, POSITIVE = (primitives[f] for f in (np.power, np.square, np.negative, np.positive))
MATMUL, ABSOLUTE, SUM, MEAN = (primitives[f] for f in (np.matmul, np.absolute, np.sum, np.mean))
RESHAPE, TRANSPOSE, GETITEM, CAST = (primitives[f] for f in (np.reshape, np.transpose, getitem, cast))

_new = Tensor.__new__


def wrap(data: Any, record: Record | None) -> Tensor:
    """A tensor of the given array, which is not copied, and the given history."""
    tensor = _new(Tensor)
    tensor._values = data
    tensor._record = record
    return tensor


def apply(primitive: Primitive, *args: Any, **options: Any) -> Any:
    """Compute `primitive` on arguments of which some are tensors, and record it if a gradient may be wanted."""
    values: list[Any] = []
    inputs: list[Any] = []
    mask = 1
    for arg in args:
        mask += mask
        if isinstance(arg, Tensor):
            values.append(arg._values)
            record = arg._record
            if record is not None and record.requires_grad:
                mask += 1
            inputs.append(record)
        else:
            values.append(arg if type(arg) in PLAIN else as_operand(arg))
            inputs.append(None)
    constant = mask == 1 << len(args) or not modes.recording
    if options:
        options = plain_options(primitive, options, constant)
    try:
        out = primitive.function(*values, **options)
    except (ValueError, TypeError) as error:
        raise explain(error, primitive, values) from error
    if isinstance(out, np.generic):
        out = np.asarray(out)
    if isinstance(out, tuple):
        out = rebuilt(out, [as_values(part) for part in out])
        plan = None if constant else primitive.plans.get(mask) or primitive.plan(mask)
        if plan is None or not plan.rules:
            result = wrap_constants(out)
        else:
            operands = saved(plan, args, values, inputs, out[0].dtype)
            kept = out if plan.keep_out else None
            node = Node(primitive, plan, inputs, operands, kept, options or NONE, Outputs(out))
            result = rebuilt(
                out,
                [
                    wrap(part, output_node(node, i, part) if part.dtype.kind in DIFFERENTIABLE else None)
                    for i, part in enumerate(out)
                ],
            )
    elif constant or out.dtype.kind not in DIFFERENTIABLE:
        result = wrap(as_operand(out), None)
    else:
        plan = primitive.plans.get(mask) or primitive.plan(mask)
        operands = saved(plan, args, values, inputs, out.dtype)
        kept = out if plan.keep_out else None
        result = wrap(out, Node(primitive, plan, inputs, operands, kept, options or NONE, out))
    for watch in modes.watches:
        watch.forward(primitive, args, result)
    return result


def saved(plan: Plan, args: Sequence[Any], values: list[Any], inputs: list[Any], dtype: Any) -> list[Any]:
    """The operands that the rules will be called with; also fills in the inputs that are no tensors.

    A Python number becomes one of the result's dtype: as such it promotes in a rule as it did in the operation, which
    is not at all.
    """
    for i, value in enumerate(values):
        if inputs[i] is None:
            inputs[i] = Leaf(value) if hasattr(value, "dtype") else value
            if type(value) in SCALARS:
                values[i] = dtype.type(value)
            elif plan.keep[i] and not isinstance(args[i], Tensor) and may_change(value):
                values[i] = value.copy()  # its owner may overwrite it before the rule reads it
    if plan.keeps_none:
        return inputs  # one list less, which Python's garbage collector would walk through again and again
    for i in plan.dropped:
        values[i] = inputs[i]
    return values


def plain_options(primitive: Primitive, options: dict[str, Any], constant: bool) -> dict[str, Any]:
    """The keyword arguments with tensors unwrapped; an error if a gradient needs what the rules do not know."""
    for name, option in options.items():
        if not constant and primitive.options is not None and name not in primitive.options:
            known = ", ".join(sorted(primitive.options)) or "no keyword"
            raise TypeError(errors.NO_OPTION.format(name=primitive.name, option=name, known=known))
        if isinstance(option, Tensor):
            if option.requires_grad and modes.recording:
                raise TypeError(errors.TENSOR_OPTION.format(name=primitive.name, option=name))
            options = {**options, name: option._values}
        elif not constant and may_change(option):
            options = {**options, name: option.copy()}  # its owner may overwrite it before the rule reads it
    return options


def explain(error: Exception, primitive: Any, values: Sequence[Any]) -> Exception:
    """The same error, saying which operation it was and on what shapes."""
    operands = errors.describe(*values)
    if type(error) not in (ValueError, TypeError):
        error.add_note(errors.CALL_FAILED.format(name=primitive.name, operands=operands, reason=error))
        return error
    return type(error)(errors.CALL_FAILED.format(name=primitive.name, operands=operands, reason=error))


def compare(operation: Callable[[Any, Any], Any], a: Tensor, b: Any) -> Tensor:
    """A comparison or a bit operation: a constant."""
    return wrap(as_values(operation(a._values, b._values if isinstance(b, Tensor) else b)), None)


def evaluate(function: Callable[..., Any], args: Any, kwargs: dict[str, Any]) -> Any:
    """Compute a function that has no rule: one whose result is constant, or one of constants."""
    if function not in constants and modes.recording and any_requires_grad((args, kwargs)):
        raise TypeError(errors.NO_RULE.format(name=display_name(function)))
    return wrap_constants(function(*unwrap(args), **unwrap(kwargs)))


def numpys_own(function: Callable[..., Any], args: Any, kwargs: dict[str, Any]) -> Any:
    """NumPy's own result, values and dtype, of a function of constants."""
    options = unwrap(kwargs)  # by this name a watch finds them
    operation = primitives.get(function) or SimpleNamespace(name=display_name(function), function=function)
    try:
        result = wrap_constants(function(*unwrap(args), **options))
    except (ValueError, TypeError) as error:
        raise explain(error, operation, unwrap(parts_of(args))) from error
    for watch in modes.watches if function not in constants else ():
        watch.forward(operation, tuple(parts_of(args)), tuple(t for t in parts_of(result) if isinstance(t, Tensor)))
    return result


def parts_of(tree: Any) -> list[Any]:
    """The parts of nested tuples, lists and dicts."""
    parts = tree.values() if isinstance(tree, dict) else tree if isinstance(tree, tuple | list) else None
    return [tree] if parts is None else [leaf for part in parts for leaf in parts_of(part)]


def any_requires_grad(tree: Any) -> bool:
    """Whether a tensor that requires grad is anywhere in nested tuples, lists and dicts."""
    return any(isinstance(part, Tensor) and part.requires_grad for part in parts_of(tree))


def is_numpys(part: Any) -> bool:
    """Whether a value is, or holds, no array of another library, and no subclass of NumPy's."""
    part = part._values if isinstance(part, Tensor) else part
    return type(part) is np.ndarray or not hasattr(type(part), "__array_function__")


def unwrap(tree: Any) -> Any:
    """Nested tuples, lists and dicts with each tensor replaced by its array."""
    if isinstance(tree, Tensor):
        return tree._values
    if isinstance(tree, dict):
        return {key: unwrap(part) for key, part in tree.items()}
    if isinstance(tree, tuple | list):
        return rebuilt(tree, [unwrap(part) for part in tree])
    return tree


def wrap_constants(result: Any) -> Any:
    """Arrays as tensors without history, other results as they are."""
    if isinstance(result, np.ndarray | np.generic):
        return wrap(as_values(result), None)
    if isinstance(result, tuple | list):
        return rebuilt(result, [wrap_constants(part) for part in result])
    return result


def variadic(numbers: tuple[Any, ...]) -> Any:
    """The arguments of `t.reshape(2, 3)` or `t.reshape((2, 3))`."""
    return numbers[0] if len(numbers) == 1 else numbers


def unpickle(kind: type[Tensor], data: Any, requires_grad: bool, name: str | None, grad: Any) -> Tensor:
    """Make the tensor that `Tensor.__reduce__` describes."""
    tensor = _new(kind)
    tensor._values = data
    tensor._record = Leaf(data, requires_grad, name)
    tensor._record.grad = grad
    return tensor
