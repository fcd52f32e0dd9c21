"""`Tensor`, the value that users touch, and `apply`, the one place where a node of the graph is made."""

from __future__ import annotations

import copy
import importlib
import operator
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from autograd_mini import elsewhere, errors
from autograd_mini.arrays import (
    adopted,
    as_array,
    as_operand,
    as_result,
    as_seed,
    as_values,
    is_array,
    is_foreign,
    may_change,
    snapshot,
)
from autograd_mini.backward import pull_back
from autograd_mini.devices import beside, device_of, on_host
from autograd_mini.graph import Leaf, Node, Record, modes, no_grad
from autograd_mini.hooks import Hookable
from autograd_mini.outputs import Outputs, output_node, rebuilt
from autograd_mini.primitive import SEQUENCES, Plan, Primitive, composites, constants, display_name, primitives
from autograd_mini.rules import methods
from autograd_mini.rules.elementwise import cast
from autograd_mini.rules.indexing import getitem, plain_index
from autograd_mini.rules.refusals import refuse_as_numpy
from autograd_mini.rules.signatures import binder_of, without_out
from autograd_mini.rules.transfer import on_device
from autograd_mini.rules.updates import At
from autograd_mini.surface import Method, Surface, method, numpy

if TYPE_CHECKING:
    from autograd_mini.typed import Array

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
TREES = (dict, *SEQUENCES)


def unary(function: Any) -> Callable[[Tensor], Tensor]:
    """`-t`, recorded as `np.negative`."""
    primitive = primitives[function]
    return lambda self: apply(primitive, self)


def binary(function: Any) -> tuple[Callable[[Tensor, Any], Tensor], Callable[[Tensor, Any], Tensor]]:
    """`t + u` and `u + t`, recorded as `np.add`."""
    primitive = primitives[function]
    return lambda self, other: apply(primitive, self, other), lambda self, other: apply(primitive, other, self)


def comparison(operation: Any) -> Callable[[Tensor, Any], Tensor]:
    """A comparison or a bit operation: a constant."""
    return lambda self, other: wrap(as_values(operation(self._values, unwrap(other))), None)


def in_place(sign: str, operation: Any) -> Callable[[Tensor, Any], Tensor]:
    """`t -= u`: a new tensor under the same name; under `no_grad`, new values for a leaf that requires grad."""

    def operate(self: Tensor, other: Any) -> Tensor:
        if type(self._record) is not Leaf or not self._record.requires_grad:
            return operation(self, other)
        if modes.recording:
            raise TypeError(errors.IN_PLACE.format(operator=sign, short=sign[:-1]))
        self.data = operation(self, other).data
        return self

    return operate


def reduction(function: Any) -> Method:
    """`t.sum(axis, keepdims=True)`: `np.sum`, and recorded at once where nothing else is asked for."""
    primitive, slow = primitives[function], method(function)

    def call(self: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False, **kw: Any) -> Any:
        if dtype is None and out is None and not kw:
            return apply(primitive, self, axis=axis, keepdims=keepdims)
        return slow(self, axis=axis, dtype=dtype, out=out, keepdims=keepdims, **kw)

    call.__doc__ = slow.__doc__
    return call


def of_values(name: str) -> Any:
    """An attribute of the array."""
    return property(operator.attrgetter(f"_values.{name}"), doc=f"The array's `{name}`.")


def variadic(numbers: tuple[Any, ...]) -> Any:
    """The arguments of `t.reshape(2, 3)` or `t.reshape((2, 3))`."""
    return numbers[0] if len(numbers) == 1 else numbers


@elsewhere.answering("A tensor", elsewhere.TENSOR)
class Tensor(Hookable, Surface):
    """An array that remembers how it was made, so that it can be differentiated. It is never written into.

    float32 stays float32, and Python numbers never widen it.

    Parameters
    ----------
    array : array_like
        Numbers or booleans. It is copied, as `np.array` does. PyTorch's, CuPy's and Dask's arrays stay theirs.
    requires_grad : bool
        Collect the gradient of this tensor in `.grad`. Needs a floating-point or complex dtype.
    name : str, optional
        Shown in drawings and messages.

    Raises
    ------
    TypeError
        If the values are not numbers, or are integers and `requires_grad` is set.
    ValueError
        If they form no array.

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

    @elsewhere.explained
    def __init__(self, array: Any, requires_grad: bool = False, name: str | None = None) -> None:
        self._values = as_array(array)
        self._record: Record | None = Leaf(self._values, False, name)
        if requires_grad:
            self.requires_grad = True

    @property
    def data(self) -> Array:
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
        if type(array) is not np.ndarray and not hasattr(type(array), "host"):
            if isinstance(array, Tensor):
                array._refuse("array")
                array = array._values
            array = adopted(array) if hasattr(array, "dtype") else np.asarray(array, self.dtype)
            if hasattr(type(array), "level") and not hasattr(type(self._values), "level"):
                raise ValueError(errors.DATA_OF_VMAP.format(tensor=self.name or "a tensor", size=array.level.size))
        if array.shape != self._values.shape or array.dtype != self._values.dtype:
            got = {"got_shape": array.shape, "got_dtype": array.dtype}
            raise ValueError(errors.DATA_REPLACED.format(shape=self.shape, dtype=self.dtype, **got))
        if type(array) is np.ndarray and type(self._values) is not np.ndarray and is_foreign(self._values):
            array = np.asarray(array, like=self._values)  # it stays where it is
        self._values = as_values(array)

    @property
    def requires_grad(self) -> bool:
        """Whether gradients flow to this tensor. It can be set on a leaf, which no operation made."""
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
    def grad(self) -> Array | Any:
        """The gradient that backward passes have added up, an array of this shape and dtype, or None."""
        return self._record.grad if self._record is not None else None

    @grad.setter
    def grad(self, value: Any) -> None:
        record = self._record
        if value is None:
            if record is not None:
                record.grad = None
            return
        if record is None or type(record) is Node or not record.requires_grad:
            raise AttributeError(errors.GRAD_OF_RESULT)
        if isinstance(value, Tensor):
            value = value.data
        if (np.shape(value), getattr(value, "dtype", None)) != (self.shape, self.dtype):
            raise ValueError(errors.GRAD_SHAPE.format(got=errors.describe(value), shape=self.shape, dtype=self.dtype))
        record.grad = value

    @property
    def name(self) -> str | None:
        """What drawings and messages call it; None if it was given no name."""
        return self._record.name if self._record is not None else None

    @name.setter
    def name(self, value: str | None) -> None:
        (self._record or self._leaf()).name = value

    if not TYPE_CHECKING:  # `typed` tells checkers what they are
        shape, dtype, ndim, size = of_values("shape"), of_values("dtype"), of_values("ndim"), property(elsewhere.size)
        nbytes, itemsize = of_values("nbytes"), of_values("itemsize")
        sum, mean = reduction(np.sum), reduction(np.mean)

    @property
    def at(self) -> At:
        """`t.at[index].set(v)`: a new tensor with other values there; also add, multiply, min, max."""
        return At(self)

    def _leaf(self) -> Leaf:
        record = self._record
        if not isinstance(record, Leaf):
            record = self._record = Leaf(self._values)
        return record

    @elsewhere.explained
    def backward(self, seed: Any = None, retain_graph: bool = False) -> None:
        """Add dL/d(leaf) to the `.grad` of every leaf that this tensor was computed from.

        Results on the way keep theirs if `retain_grad()` was called on them.

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
        if seed is None and self._values.size != 1:
            raise ValueError(errors.NOT_SCALAR.format(shape=self.shape))
        seed = self._values**0 if seed is None else as_seed(seed, self._values, "backward(seed)")  # 1, of NaN too
        if seed.dtype.kind == "c":
            seed = seed.conj()
        with no_grad():  # what hooks compute is not recorded
            cotangents: dict[Any, Any] = pull_back(record, seed, retain_graph=retain_graph)
        handed_out = {id(seed)}
        with ACCUMULATING:
            for leaf, cotangent in cotangents.items():
                # A gradient belongs to its leaf alone: a view, or an array that another leaf got too, is copied.
                shared = getattr(cotangent, "base", None) is not None or id(cotangent) in handed_out
                gradient = cotangent.copy() if shared else cotangent
                handed_out.add(id(gradient))
                if gradient.dtype.kind == "c":
                    gradient = gradient.conj()  # inside, dL/dz is dL/dRe - i dL/dIm; users get the ascent direction
                leaf.grad = as_values(gradient if leaf.grad is None else leaf.grad + gradient)

    def detach(self) -> Tensor:
        """The same values without history: no gradient flows through them."""
        return wrap(self._values, None)

    # Operators and methods that are recorded; the others are `Surface`'s

    __add__, __radd__ = binary(np.add)
    __sub__, __rsub__ = binary(np.subtract)
    __mul__, __rmul__ = binary(np.multiply)
    __truediv__, __rtruediv__ = binary(np.divide)
    __matmul__, __rmatmul__ = binary(np.matmul)
    _power, __rpow__ = binary(np.power)
    _square, __neg__, __pos__, __abs__ = map(unary, (np.square, np.negative, np.positive, np.absolute))

    def __pow__(self, other: Any) -> Tensor:
        return self._square() if type(other) in SCALARS and other == 2 else self._power(other)

    __iadd__, __isub__ = in_place("+=", operator.add), in_place("-=", operator.sub)
    __imul__, __itruediv__ = in_place("*=", operator.mul), in_place("/=", operator.truediv)
    __ipow__, __imatmul__ = in_place("**=", operator.pow), in_place("@=", operator.matmul)

    __eq__, __ne__ = comparison(operator.eq), comparison(operator.ne)  # type: ignore[assignment]
    __lt__, __le__ = comparison(operator.lt), comparison(operator.le)
    __gt__, __ge__ = comparison(operator.gt), comparison(operator.ge)
    __and__, __or__, __xor__ = map(comparison, (operator.and_, operator.or_, operator.xor))
    __rand__, __ror__, __rxor__ = __and__, __or__, __xor__
    __hash__ = object.__hash__

    def __invert__(self) -> Tensor:
        return wrap(np.invert(self._values), None)

    def __getitem__(self, index: Any) -> Tensor:
        return apply(GETITEM, self, index=plain_index(index))

    def __iter__(self) -> Iterator[Tensor]:
        return (self[i] for i in range(len(self)))

    def __copy__(self) -> Tensor:
        return wrap(self._values, self._record) if type(self._record) is Node else copy.deepcopy(self)

    def reshape(self, *shape: Any, order: str = "C") -> Tensor:
        """`np.reshape` of this tensor."""
        if order != "C":
            return numpy.reshape(self, variadic(shape), order=order)
        return apply(RESHAPE, self, shape=variadic(shape))

    def transpose(self, *axes: Any) -> Tensor:
        """`np.transpose` of this tensor."""
        return apply(TRANSPOSE, self, **({"axes": variadic(axes)} if axes and axes != (None,) else {}))

    @property
    def T(self) -> Tensor:
        """The axes in reverse order."""
        return apply(TRANSPOSE, self)

    @property
    def mT(self) -> Tensor:
        """The last two axes exchanged."""
        return numpy.swapaxes(self, -1, -2)

    def copy(self) -> Tensor:
        """A new tensor of the same values, through which gradients flow."""
        return +self if self.requires_grad else wrap(self._values.copy(), None)

    def astype(self, dtype: Any, copy: bool = True) -> Tensor:  # noqa: ARG002 (a tensor is never written into)
        """This tensor in another dtype; the gradient comes back in this one."""
        return apply(CAST, self, dtype=dtype)

    @property
    def device(self) -> str:
        """Where the values are: "cpu" is NumPy's; "torch:cpu", "cuda:0", "mps", "meta" PyTorch's; "cupy:0"; "dask"."""
        return device_of(self._values)

    def to_device(self, device: Any) -> Tensor:
        """This tensor on another device; the gradient comes back to this one.

        Parameters
        ----------
        device : str, torch.device or cupy.cuda.Device
            "cpu" is NumPy's; "torch:cpu", "cuda:0", "mps" and "meta" are PyTorch's, "cupy:0" CuPy's; "dask".

        Examples
        --------
        >>> from autograd_mini import Tensor
        >>> Tensor([1.0, 2.0]).to_device("cpu").device
        'cpu'
        """
        return apply(TO_DEVICE, self, device=device, source=self.device)

    def __dlpack__(self, **options: Any) -> Any:
        """The values for a library that shares memory, such as `torch.from_dlpack(t)`."""
        self._refuse("array")
        return self._values.__dlpack__(**options)

    def __dlpack_device__(self) -> Any:
        return self._values.__dlpack_device__()

    def __array_namespace__(self, *, api_version: str | None = None) -> Any:
        """NumPy, whose functions compute with a tensor wherever it is."""
        return np

    # NumPy's protocols

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if kwargs and kwargs.pop("out", None) is not None:
            raise TypeError(errors.NO_OUT.format(name=display_name(ufunc)))
        try:
            if not kwargs and method == "__call__" and ufunc in primitives:
                return apply(primitives[ufunc], *inputs)
            return self._universal(ufunc, method, inputs, kwargs)
        except REFUSALS as error:
            if method != "at":  # which writes
                self._refuse_as_numpy(error, getattr(ufunc, method), inputs, kwargs)
            raise

    def _universal(self, ufunc: np.ufunc, method: str, inputs: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if method == "__call__":
            if (kwargs or ufunc not in primitives) and "where" not in kwargs and self._alone(inputs, kwargs):
                return numpys_own(ufunc, inputs, kwargs)
            if not OPTIONS_OF_CALLS.isdisjoint(kwargs) and (ufunc.signature is None or "where" not in kwargs):
                return ufunc_methods.with_options(ufunc, inputs, unwrap(kwargs))
            if ufunc in primitives:
                return apply(primitives[ufunc], *inputs, **kwargs)
            if ufunc not in constants and "scipy.special" in sys.modules:  # whose rules come when one is first used
                importlib.import_module(SCIPY_RULES)  # which waits where another thread is loading them
            return self.__autograd_primitive__(ufunc, inputs, kwargs)
        if method == "at" and isinstance(inputs[0], Tensor):
            raise TypeError(errors.WRITING.format(name=f"{display_name(ufunc)}.at"))
        if ufunc in constants or not modes.recording or not any_requires_grad((inputs, kwargs)):
            return wrap_constants(getattr(ufunc, method)(*unwrap(inputs), **unwrap(kwargs)))
        compute = ufunc_methods.method(ufunc, method) if ufunc in primitives or ufunc in composites else None
        if compute is None:
            message = errors.NO_METHOD if ufunc in primitives else errors.NO_RULE
            raise TypeError(message.format(name=display_name(ufunc), method=method))
        return compute(*inputs, **kwargs)

    def __array_function__(self, function: Any, types: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if function in WRITERS and args and isinstance(args[0], Tensor):
            raise TypeError(errors.WRITING.format(name=display_name(function)))
        if "out" in kwargs:
            _, kwargs = without_out(function, (), kwargs)
        if function not in GUARDED and self._alone(args, kwargs):
            return numpys_own(function, *without_out(function, args, kwargs))
        try:
            return self.__autograd_primitive__(function, args, kwargs)
        except REFUSALS as error:
            if function not in GUARDED and (function in primitives or function in composites):
                self._refuse_as_numpy(error, function, args, kwargs)
            raise

    def __autograd_primitive__(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """A function as a user calls it: by its rule, by what it is composed of, or of constants."""
        primitive = primitives.get(function)
        if primitive is not None:
            operands, options = (primitive.bind or binder_of(primitive, function))(args, kwargs)
            return apply(primitive, *operands, **options)
        if function in composites:
            args, kwargs = without_out(function, args, kwargs)
            return composites[function](*args, **kwargs)
        if function not in constants and modes.recording and any_requires_grad((args, kwargs)):
            raise TypeError(errors.NO_RULE.format(name=display_name(function)))
        return wrap_constants(function(*unwrap(args), **unwrap(kwargs)))

    def _refuse_as_numpy(self, error: Exception, function: Any, args: Any, kwargs: Any) -> None:
        args, kwargs = without_out(function, args, kwargs)
        if all(map(is_numpys, parts_of((args, kwargs)))):
            refuse_as_numpy(error, function, copied(args), copied(kwargs))

    def _alone(self, args: Any, kwargs: Any) -> bool:
        """Whether a call needs nothing but NumPy: no gradient is wanted, and no other library's array takes part."""
        if modes.recording and (self.requires_grad or any_requires_grad(args) or any_requires_grad(kwargs)):
            return False
        return all(map(is_numpys, parts_of((args, kwargs))))


RESHAPE, TRANSPOSE, GETITEM, CAST, TO_DEVICE = (
    primitives[f] for f in (np.reshape, np.transpose, getitem, cast, on_device)
)

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
            values.append(arg if type(arg) in PLAIN else as_given(primitive, len(values), arg))
            inputs.append(None)
    watches = modes.watches
    constant = mask == 1 << len(args) or not modes.recording
    if options:
        options = plain_options(primitive, options, constant, values)
    try:
        out = primitive.of(values, options) if watches or modes.levels else primitive.function(*values, **options)
    except (ValueError, TypeError) as error:
        raise explain(error, primitive, values) from error
    several = isinstance(out, tuple)
    if several:
        out = rebuilt(out, [as_result(part, primitive.name) for part in out])
    elif type(out) is not np.ndarray:
        out = as_result(out, primitive.name)
    constant = constant or not (several or out.dtype.kind in DIFFERENTIABLE)
    plan = None if constant else primitive.plans.get(mask) or primitive.plan(mask)
    if plan is None or not plan.rules:
        result = wrap_constants(out) if several else wrap(as_operand(out), None)
    else:
        operands = saved(plan, args, values, inputs, out[0].dtype if several else out.dtype)
        kept = out if plan.keep_out else None
        node = Node(primitive, plan, inputs, operands, kept, options or NONE, Outputs(out) if several else out)
        result = wrap_outputs(out, node) if several else wrap(out, node)
    for watch in watches:
        watch.forward(primitive, args, result)
    return result


def wrap_outputs(out: Any, node: Node) -> Any:
    """The results of an operation that has several, each with a node of its own if it has a derivative."""
    records = (output_node(node, i, part) if part.dtype.kind in DIFFERENTIABLE else None for i, part in enumerate(out))
    return rebuilt(out, [wrap(part, record) for part, record in zip(out, records, strict=True)])


def as_given(primitive: Primitive, position: int, value: Any) -> Any:
    """An operand that is neither a tensor nor plain: an array if it has a rule, else what was written."""
    if not primitive.takes_anything(position):
        return as_operand(value)
    if modes.recording and any_requires_grad(value):
        raise TypeError(errors.TENSOR_INSIDE.format(name=primitive.name, kind=type(value).__name__))
    return adopted(unwrap(value))


def saved(plan: Plan, args: Sequence[Any], values: list[Any], inputs: list[Any], dtype: Any) -> list[Any]:
    """The operands that the rules will be called with; also fills in the inputs that are no tensors.

    A Python number becomes one of the result's dtype: as such it promotes in a rule as it did in the operation, which
    is not at all. To a primitive of a user's own it is what was written.
    """
    for i, value in enumerate(values):
        if inputs[i] is None:
            if type(value) in SCALARS:
                inputs[i], values[i] = value, dtype.type(value) if plan.promotes else value
                continue
            inputs[i] = Leaf(value) if type(value) is np.ndarray or is_array(value) else value
            if plan.keep[i] and not isinstance(args[i], Tensor):
                values[i] = snapshot(value)  # its owner may overwrite it before the rule reads it
    if plan.keeps_none:
        return inputs  # one list less, which Python's garbage collector would walk through again and again
    for i in plan.dropped:
        values[i] = inputs[i]
    return values


def plain_options(primitive: Primitive, options: dict[str, Any], constant: bool, values: list[Any]) -> dict[str, Any]:
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
            kept = option.copy()  # its owner may overwrite it before the rule reads it
            there = kept.dtype == bool and not on_host(values[0])  # a mask, which a device combines with the values
            options = {**options, name: beside(kept, values[0]) if there else kept}
    return options


def explain(error: Exception, primitive: Any, values: Sequence[Any]) -> Exception:
    """The same error, saying which operation it was and on what shapes."""
    text = errors.CALL_FAILED.format(name=primitive.name, operands=errors.describe(*values), reason=error)
    if type(error) in (ValueError, TypeError):
        return type(error)(text)
    error.add_note(text)
    return error


def mapped(tree: Any, kinds: Any, change: Callable[[Any], Any]) -> Any:
    """Nested tuples, lists and dicts with what is of `kinds` changed."""
    if isinstance(tree, kinds):
        return change(tree)
    if isinstance(tree, dict):
        return {key: mapped(part, kinds, change) for key, part in tree.items()}
    if isinstance(tree, SEQUENCES):
        return rebuilt(tree, [mapped(part, kinds, change) for part in tree])
    return tree


def numpys_own(function: Callable[..., Any], args: Any, kwargs: dict[str, Any]) -> Any:
    """NumPy's own result, values and dtype, of a function of constants."""
    options = unwrap(kwargs)  # by this name a watch finds them
    operation = primitives.get(function) or Primitive(function, display_name(function), ())
    try:
        result = wrap_constants(function(*unwrap(args), **options))
    except (ValueError, TypeError) as error:
        raise explain(error, operation, unwrap(parts_of(args))) from error
    for watch in modes.watches if function not in constants else ():
        watch.forward(operation, tuple(parts_of(args)), tuple(t for t in parts_of(result) if isinstance(t, Tensor)))
    return result


def children(tree: Any) -> Any:
    """What a tuple, list or dict holds; of anything else, nothing."""
    return tree.values() if isinstance(tree, dict) else tree if isinstance(tree, SEQUENCES) else ()


def parts_of(tree: Any) -> list[Any]:
    """The parts of nested tuples, lists and dicts."""
    return [leaf for p in children(tree) for leaf in parts_of(p)] if isinstance(tree, TREES) else [tree]


def any_requires_grad(tree: Any) -> bool:
    """Whether a tensor that requires grad is anywhere in nested tuples, lists and dicts."""
    for part in (tree,) if isinstance(tree, Tensor) else children(tree):  # no call for each
        if part.requires_grad if isinstance(part, Tensor) else isinstance(part, TREES) and any_requires_grad(part):
            return True
    return False


def is_numpys(part: Any) -> bool:
    """Whether a value is, or holds, no array of another library, and no subclass of NumPy's."""
    kind = type(part._values if isinstance(part, Tensor) else part)
    foreign = hasattr(kind, "dtype") or hasattr(kind, "__array_function__")
    return kind is np.ndarray or issubclass(kind, np.generic) or not foreign


def unwrap(tree: Any) -> Any:
    """Each tensor as its array."""
    return tree if type(tree) in PLAIN else mapped(tree, Tensor, lambda tensor: tensor._values)


def copied(tree: Any) -> Any:
    """Each tensor and each array as an array of its own, into which a function may write."""
    return mapped(
        tree, Tensor | np.ndarray, lambda array: array._values.copy() if isinstance(array, Tensor) else array.copy()
    )


def wrap_constants(result: Any) -> Any:
    """Arrays as tensors without history, other results as they are."""
    if is_foreign(result):
        return wrap(as_values(result), None)
    if isinstance(result, SEQUENCES) and any(map(is_foreign, result)):
        return rebuilt(result, list(map(wrap_constants, result)))
    return mapped(result, np.ndarray | np.generic, lambda array: wrap(as_values(array), None))
