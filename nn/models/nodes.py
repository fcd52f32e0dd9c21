"""ONNX's nodes for NumPy's functions and nn's primitives: a table. What is done with the nodes is not here."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nn.functions import log_softmax, sigmoid, softmax, softplus
from nn.layers import pooling
from nn.layers.convolution import convolve, convolve_affine, spread
from nn.layers.linear import affine
from nn.layers.normalization import standardise

NO_FORM = "nn.save_onnx: {name}, which {place} computes, has no form in ONNX here{why}."
FAR = np.iinfo(np.int64).max


class NoFormError(NotImplementedError):
    """A line of which no nodes can be made."""


@dataclass
class OnnxNode:
    """One node of the file; its inputs are names of values, "" for one that is left out."""

    op: str
    inputs: list[str]
    output: str
    attributes: dict[str, Any]
    scope: str


@dataclass
class Value:
    """A value of the file."""

    key: str
    shape: tuple[int, ...]
    dtype: Any

    @property
    def ndim(self) -> int:
        return len(self.shape)


def is_variable(x: Any) -> bool:
    """Whether an argument of a line is what another line made, or what was given."""
    return hasattr(x, "line")


class Graph:
    """Nodes and constants while lines become them; names follow from the order, and so are those of a like recording.

    Attributes
    ----------
    nodes, constants : list, dict
        What there is.
    values : dict
        The value of each variable, by its index.
    """

    def __init__(self) -> None:
        self.nodes: list[OnnxNode] = []
        self.constants: dict[str, Any] = {}
        self.values: dict[int, Value] = {}
        self.scope = ""
        self.line: Any = None

    def name(self, stem: str) -> str:
        return f"{stem}_{len(self.nodes) + len(self.constants)}"

    def value(self, x: Any, dtype: Any = None) -> Value:
        """What an argument of a line is: a value of the graph, or a constant."""
        if isinstance(x, Value):
            return x
        if is_variable(x):
            return self.values[x.index]
        array = np.asarray(getattr(x, "value", x))
        if dtype is not None and not hasattr(x, "dtype"):
            array = array.astype(dtype)
        return self.constant(array)

    def constant(self, array: Any) -> Value:
        array = np.asarray(array)
        key = self.name("constant")
        self.constants[key] = array
        return Value(key, array.shape, array.dtype)

    def sizes(self, *sizes: Any) -> Value:
        return self.constant(np.array(sizes, np.int64))

    def cast(self, x: Value, dtype: Any) -> Value:
        """x in another dtype."""
        return x if x.dtype == dtype else self.node("Cast", [x], x.shape, dtype, to=np.dtype(dtype))

    def node(self, op: str, inputs: Sequence[Value | None], shape: Any, dtype: Any, **attributes: Any) -> Value:
        key = self.name(op.lower())
        keys = ["" if one is None else one.key for one in inputs]
        self.nodes.append(OnnxNode(op, keys, key, attributes, self.scope))
        return Value(key, tuple(shape), np.dtype(dtype))

    def lower(self, line: Any) -> None:
        """Make nodes of a line."""
        self.scope, self.line = line.scope, line
        emit = EMITTERS.get(line.function) or of_reduction(line.function)
        if emit is None:
            raise self.refusal()
        result = emit(self, *line.args, **line.options)
        results = result if isinstance(result, list | tuple) else [result]
        for variable, one in zip(line.results, results, strict=True):
            self.values[variable.index] = self.cast(one, variable.dtype)

    def refusal(self, why: str = "") -> NoFormError:
        """That there is no form."""
        function = self.line.function
        name = getattr(function, "__qualname__", None) or getattr(function, "__name__", repr(function))
        return NoFormError(NO_FORM.format(name=name, place=self.scope or "the model", why=why and f" {why}"))

    def result(self) -> Any:
        """The variable of the only result."""
        return self.line.results[0]


EMITTERS: dict[Any, Callable[..., Any]] = {}


def emits(*functions: Any) -> Callable[[Any], Any]:
    """Say that a function makes the nodes of some of NumPy's."""

    def register(emit: Any) -> Any:
        EMITTERS.update(dict.fromkeys(functions, emit))
        return emit

    return register


# Entry by entry


def operands(g: Graph, args: Sequence[Any], dtype: Any) -> list[Value]:
    return [g.cast(g.value(arg, dtype), dtype) for arg in args]


def elementwise(op: str) -> Callable[..., Any]:
    """A node whose operands have the result's dtype."""

    def emit(g: Graph, *args: Any) -> Any:
        out = g.result()
        return g.node(op, operands(g, args, out.dtype), out.shape, out.dtype)

    return emit


def comparing(op: str) -> Callable[..., Any]:
    """A node whose operands have a dtype in common, and whose result is True or False."""

    def emit(g: Graph, *args: Any) -> Any:
        kinds = [arg.dtype if hasattr(arg, "dtype") else arg for arg in args]
        return g.node(op, operands(g, args, np.result_type(*kinds)), g.result().shape, bool)

    return emit


def logical(op: str) -> Callable[..., Any]:
    def emit(g: Graph, *args: Any) -> Any:
        return g.node(op, operands(g, args, np.dtype(bool)), g.result().shape, bool)

    return emit


NUMBERS = {
    np.add: "Add",
    np.subtract: "Sub",
    np.multiply: "Mul",
    np.divide: "Div",
    np.power: "Pow",
    np.tanh: "Tanh",
    np.exp: "Exp",
    np.log: "Log",
    np.sqrt: "Sqrt",
    np.negative: "Neg",
    np.absolute: "Abs",
    np.sign: "Sign",
    np.sin: "Sin",
    np.cos: "Cos",
    np.tan: "Tan",
    np.sinh: "Sinh",
    np.cosh: "Cosh",
    np.arcsin: "Asin",
    np.arccos: "Acos",
    np.arctan: "Atan",
    np.arcsinh: "Asinh",
    np.arccosh: "Acosh",
    np.arctanh: "Atanh",
    np.maximum: "Max",
    np.minimum: "Min",
    np.matmul: "MatMul",
    np.floor: "Floor",
    np.ceil: "Ceil",
    np.reciprocal: "Reciprocal",
    np.positive: "Identity",
    np.copy: "Identity",
    np.ndarray.copy: "Identity",
    sigmoid: "Sigmoid",
    softplus: "Softplus",
}
COMPARISONS = {
    np.less: "Less",
    np.less_equal: "LessOrEqual",
    np.greater: "Greater",
    np.greater_equal: "GreaterOrEqual",
    np.equal: "Equal",
}
LOGICAL = {np.logical_and: "And", np.logical_or: "Or", np.logical_not: "Not", np.logical_xor: "Xor"}
EMITTERS.update({function: elementwise(op) for function, op in NUMBERS.items()})
EMITTERS.update({function: comparing(op) for function, op in COMPARISONS.items()})
EMITTERS.update({function: logical(op) for function, op in LOGICAL.items()})


@emits(np.bitwise_and, np.bitwise_or, np.invert)
def bitwise(g: Graph, *args: Any) -> Any:
    if g.result().dtype != bool:
        raise g.refusal("of whole numbers")
    op = {np.bitwise_and: "And", np.bitwise_or: "Or", np.invert: "Not"}[g.line.function]
    return logical(op)(g, *args)


@emits(np.not_equal)
def not_equal(g: Graph, a: Any, b: Any) -> Any:
    return g.node("Not", [comparing("Equal")(g, a, b)], g.result().shape, bool)


@emits(np.square)
def square(g: Graph, x: Any) -> Any:
    return elementwise("Mul")(g, x, x)


@emits(np.expm1)
def expm1(g: Graph, x: Any) -> Any:
    """2 tanh(x/2) / (1 - tanh(x/2)), which keeps the digits of small ones; a large x is exp(x) - 1."""
    out = g.result()
    x, one, two = (g.cast(g.value(part, out.dtype), out.dtype) for part in (x, 1.0, 2.0))
    node = functools.partial(g.node, shape=out.shape, dtype=out.dtype)
    half = node("Tanh", [node("Div", [x, two])])
    small = node("Div", [node("Mul", [two, half]), node("Sub", [one, half])])
    large = node("Sub", [node("Exp", [x]), one])
    near = g.node("Less", [node("Abs", [x]), one], out.shape, bool)
    return node("Where", [near, small, large])


@emits(np.log1p)
def log1p(g: Graph, x: Any) -> Any:
    """log(u) x / (u - 1) with u = 1 + x, which keeps the digits of small ones."""
    out = g.result()
    x, one = (g.cast(g.value(part, out.dtype), out.dtype) for part in (x, 1.0))
    node = functools.partial(g.node, shape=out.shape, dtype=out.dtype)
    u = node("Add", [one, x])
    rest = node("Sub", [u, one])
    none = g.node("Equal", [rest, g.value(0.0, out.dtype)], out.shape, bool)
    ratio = node("Div", [x, node("Where", [none, one, rest])])
    return node("Where", [none, x, node("Mul", [node("Log", [u]), ratio])])


@emits(np.where)
def where(g: Graph, condition: Any, a: Any, b: Any) -> Any:
    out = g.result()
    return g.node("Where", [g.value(condition), *operands(g, (a, b), out.dtype)], out.shape, out.dtype)


@emits(np.clip)
def clip(g: Graph, x: Any, low: Any = None, high: Any = None) -> Any:
    out = g.result()
    x, low, high = (part if part is None else operands(g, [part], out.dtype)[0] for part in (x, low, high))
    x = x if low is None else g.node("Max", [x, low], out.shape, out.dtype)
    return x if high is None else g.node("Min", [x, high], out.shape, out.dtype)


@emits(np.ndarray.astype)
def astype(g: Graph, x: Any, dtype: Any) -> Any:
    return g.cast(g.value(x), np.dtype(dtype))


# Layers


@emits(softmax, log_softmax)
def shares(g: Graph, s: Any, axis: int = -1) -> Any:
    op = "Softmax" if g.line.function is softmax else "LogSoftmax"
    return g.node(op, [g.value(s)], g.result().shape, g.result().dtype, axis=axis)


@emits(affine)
def scores(g: Graph, x: Any, weights: Any, bias: Any) -> Any:
    out = g.result()
    x, weights, bias = operands(g, (x, weights, bias), out.dtype)
    if x.ndim == 2:
        return g.node("Gemm", [x, weights, bias], out.shape, out.dtype)
    product = g.node("MatMul", [x, weights], out.shape, out.dtype)
    return g.node("Add", [product, bias], out.shape, out.dtype)


def window_of(window: Any, axes: int) -> dict[str, Any]:
    """A window as attributes; that of sequences has the last axis alone."""
    sides = window.padding[-axes:]
    return {
        "kernel_shape": list(window.kernel[-axes:]),
        "strides": list(window.stride[-axes:]),
        "pads": [before for before, _ in sides] + [after for _, after in sides],
        "dilations": list(window.dilation[-axes:]),
    }


@emits(convolve, convolve_affine)
def convolution(g: Graph, x: Any, *weights: Any, window: Any, groups: int) -> Any:
    out = g.result()
    inputs = operands(g, (x, *weights), out.dtype)
    attributes = window_of(window, len(out.shape) - 2)
    return g.node("Conv", inputs, out.shape, out.dtype, group=groups, **attributes)


@emits(spread)
def transposed(g: Graph, x: Any, weights: Any, *, window: Any, groups: int, size: Any) -> Any:
    out = g.result()
    axes = len(out.shape) - 2
    inputs, attributes = operands(g, (x, weights), out.dtype), window_of(window, axes)
    plain = window.origin((x.shape[2] if axes == 2 else 1, x.shape[-1]), (0, 0))[-axes:]
    more = [want - n for want, n in zip(size, plain, strict=True)]
    return g.node("ConvTranspose", inputs, out.shape, out.dtype, group=groups, output_padding=more, **attributes)


@emits(pooling.largest)
def max_pool(g: Graph, x: Any, window: Any) -> Any:
    return g.node("MaxPool", [g.value(x)], g.result().shape, g.result().dtype, **window_of(window, 2))


@emits(pooling.mean)
def mean_pool(g: Graph, x: Any, window: Any) -> Any:
    attributes = window_of(window, 2)
    return g.node("AveragePool", [g.value(x)], g.result().shape, g.result().dtype, count_include_pad=1, **attributes)


@emits(standardise)
def standardised(g: Graph, x: Any, axis: Any, epsilon: float) -> Any:
    """LayerNormalization where the axes are the last ones, which most are."""
    out = g.result()
    x, ndim = g.value(x), len(out.shape)
    axes = sorted(one % ndim for one in ([axis] if isinstance(axis, int) else axis))
    if axes == list(range(axes[0], ndim)):
        ones = g.constant(np.ones(out.shape[axes[0] :], out.dtype))
        return g.node("LayerNormalization", [x, ones], out.shape, out.dtype, axis=axes[0], epsilon=float(epsilon))
    raise g.refusal("over other axes than the last ones")


# Reductions


def reducing(op: str) -> Callable[..., Any]:
    def emit(g: Graph, x: Any, axis: Any = None, keepdims: bool = False, **more: Any) -> Any:
        more.pop("dtype", None)  # which is the result's
        if any(value is not None for value in more.values()):
            raise g.refusal(f"with {', '.join(more)}")
        out = g.result()
        x = g.cast(g.value(x), out.dtype)
        axes = range(x.ndim) if axis is None else [axis] if isinstance(axis, int) else axis
        return g.node(op, [x, g.sizes(*axes)], out.shape, out.dtype, keepdims=int(keepdims))

    return emit


REDUCTIONS = {np.add: "ReduceSum", np.maximum: "ReduceMax", np.minimum: "ReduceMin", np.multiply: "ReduceProd"}
BY_NAME = {np.sum: np.add, np.max: np.maximum, np.min: np.minimum, np.prod: np.multiply}
EMITTERS.update({name: reducing(REDUCTIONS[function]) for name, function in BY_NAME.items()})
EMITTERS[np.mean] = reducing("ReduceMean")


def of_reduction(function: Any) -> Any:
    """`np.add.reduce` is `np.sum` along the first axis."""
    ufunc = getattr(function, "__self__", None)
    if isinstance(ufunc, np.ufunc) and function.__name__ == "reduce" and ufunc in REDUCTIONS:
        return lambda g, x, axis=0, **options: reducing(REDUCTIONS[ufunc])(g, x, axis, **options)
    return None


@emits(np.argmax, np.argmin)
def place(g: Graph, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    if axis is None:
        raise g.refusal("without an axis")
    op = "ArgMax" if g.line.function is np.argmax else "ArgMin"
    return g.node(op, [g.value(x)], g.result().shape, np.int64, axis=axis, keepdims=int(keepdims))


# Shapes


def moved(g: Graph, x: Any, order: Any) -> Any:
    x = g.value(x)
    return g.node("Transpose", [x], [x.shape[i] for i in order], x.dtype, perm=[int(i) for i in order])


@emits(np.reshape, np.ravel, np.ndarray.flatten)
def reshape(g: Graph, x: Any, *_: Any, **__: Any) -> Any:
    out = g.result()
    return g.node("Reshape", [g.value(x), g.sizes(*out.shape)], out.shape, out.dtype)


@emits(np.transpose)
def transpose(g: Graph, x: Any, axes: Any = None) -> Any:
    order = range(len(x.shape))[::-1] if axes is None else [axis % len(x.shape) for axis in axes]
    return moved(g, x, order)


@emits(np.swapaxes)
def swapaxes(g: Graph, x: Any, axis1: int, axis2: int) -> Any:
    order = list(range(len(x.shape)))
    order[axis1], order[axis2] = order[axis2], order[axis1]
    return moved(g, x, order)


@emits(np.matrix_transpose)
def matrix_transpose(g: Graph, x: Any) -> Any:
    return swapaxes(g, x, -1, -2)


@emits(np.moveaxis)
def moveaxis(g: Graph, x: Any, source: Any, destination: Any) -> Any:
    ndim = len(x.shape)
    pairs = [[one % ndim for one in ([side] if isinstance(side, int) else side)] for side in (source, destination)]
    order = [axis for axis in range(ndim) if axis not in pairs[0]]
    for to, at in sorted(zip(pairs[1], pairs[0], strict=True)):
        order.insert(to, at)
    return moved(g, x, order)


@emits(np.expand_dims)
def expand_dims(g: Graph, x: Any, axis: Any) -> Any:
    axes = [axis] if isinstance(axis, int) else list(axis)
    return g.node("Unsqueeze", [g.value(x), g.sizes(*axes)], g.result().shape, g.result().dtype)


@emits(np.squeeze)
def squeeze(g: Graph, x: Any, axis: Any = None) -> Any:
    x = g.value(x)
    axes = [i for i, n in enumerate(x.shape) if n == 1] if axis is None else [axis] if isinstance(axis, int) else axis
    return g.node("Squeeze", [x, g.sizes(*axes)], g.result().shape, x.dtype)


@emits(np.broadcast_to)
def broadcast_to(g: Graph, x: Any, shape: Any) -> Any:
    return g.node("Expand", [g.value(x), g.sizes(*shape)], g.result().shape, g.result().dtype)


@emits(np.concatenate)
def concatenate(g: Graph, arrays: Any, axis: int = 0) -> Any:
    out = g.result()
    return g.node("Concat", operands(g, arrays, out.dtype), out.shape, out.dtype, axis=axis)


@emits(np.stack)
def stack(g: Graph, arrays: Any, axis: int = 0) -> Any:
    out = g.result()
    one = tuple(n for i, n in enumerate(out.shape) if i != axis % len(out.shape))
    wide = (*one[: axis % len(out.shape)], 1, *one[axis % len(out.shape) :])
    axes = g.sizes(axis % len(out.shape))
    parts = [g.node("Unsqueeze", [x, axes], wide, out.dtype) for x in operands(g, arrays, out.dtype)]
    return g.node("Concat", parts, out.shape, out.dtype, axis=axis % len(out.shape))


@emits(np.split)
def split(g: Graph, x: Any, parts: Any, axis: int = 0) -> Any:
    x = g.value(x)
    size = x.shape[axis]
    ends = list(range(size // parts, size, size // parts)) if isinstance(parts, int) else list(parts)
    return [cut(g, x, axis % x.ndim, a, b) for a, b in zip([0, *ends], [*ends, size], strict=True)]


def cut(g: Graph, x: Value, axis: int, start: int, end: int) -> Value:
    shape = [n if i != axis else end - start for i, n in enumerate(x.shape)]
    return g.node("Slice", [x, g.sizes(start), g.sizes(end), g.sizes(axis)], shape, x.dtype)


@emits(np.pad)
def pad(g: Graph, x: Any, pad_width: Any, mode: str = "constant", constant_values: Any = 0) -> Any:
    out = g.result()
    widths = np.broadcast_to(pad_width, (len(out.shape), 2))
    inputs = [g.value(x), g.sizes(*widths.T.ravel()), g.value(constant_values, out.dtype)]
    return g.node("Pad", inputs, out.shape, out.dtype, mode={"wrap": "wrap"}.get(mode, mode))


@emits(np.take)
def take(g: Graph, x: Any, indices: Any, axis: Any = None) -> Any:
    if axis is None:
        raise g.refusal("without an axis")
    index = g.value(indices, np.int64)
    index = index if index.dtype in (np.int32, np.int64) else g.cast(index, np.dtype(np.int64))
    return g.node("Gather", [g.value(x), index], g.result().shape, g.result().dtype, axis=axis)


@emits(np.take_along_axis)
def take_along_axis(g: Graph, x: Any, indices: Any, axis: int) -> Any:
    return g.node("GatherElements", [g.value(x), g.value(indices)], g.result().shape, g.result().dtype, axis=axis)


@emits(operator.getitem)
def getitem(g: Graph, x: Any, index: Any) -> Any:
    """Slices and whole numbers; of the axes that go and that come, one node each."""
    x = g.value(x)
    entries = list(unfolded(index, x.ndim))
    if any(not (entry is None or isinstance(entry, int | np.integer | slice)) for entry in entries):
        raise g.refusal("with arrays as indices")
    bounds, gone, new, shape, axis, there = [], [], [], list(x.shape), 0, 0
    for entry in entries:
        if entry is None:
            new.append(there)
            there += 1
            continue
        size = x.shape[axis]
        if isinstance(entry, slice):
            if entry != slice(None):
                bounds.append((axis, *ends(entry)))
                shape[axis] = len(range(*entry.indices(size)))
            there += 1
        else:
            bounds.append((axis, int(entry), int(entry) + 1 if entry != -1 else FAR, 1))
            gone.append(axis)
            shape[axis] = 1
        axis += 1
    if bounds:
        axes, starts, stops, steps = (g.sizes(*column) for column in zip(*bounds, strict=True))
        x = g.node("Slice", [x, starts, stops, axes, steps], shape, x.dtype)
    left = [n for i, n in enumerate(x.shape) if i not in gone]
    if gone:
        x = g.node("Squeeze", [x, g.sizes(*gone)], left, x.dtype)
    return g.node("Unsqueeze", [x, g.sizes(*new)], g.result().shape, x.dtype) if new else x


def unfolded(index: Any, ndim: int) -> Iterator[Any]:
    """An index with slices in the place of its dots."""
    index = index if isinstance(index, tuple) else (index,)
    count = sum(entry is not None and entry is not Ellipsis for entry in index)
    for entry in index:
        if entry is Ellipsis:
            yield from [slice(None)] * (ndim - count)
        else:
            yield entry


def ends(entry: slice) -> tuple[int, int, int]:
    """Start, end and step of a slice, as ONNX writes them."""
    step = entry.step or 1
    start = (0 if step > 0 else FAR) if entry.start is None else entry.start
    return start, ((FAR if step > 0 else -FAR) if entry.stop is None else entry.stop), step


@emits(np.zeros_like, np.ones_like, np.full_like)
def filled(g: Graph, _x: Any, fill_value: Any = None, **_: Any) -> Any:
    fill = {np.zeros_like: 0, np.ones_like: 1}.get(g.line.function, fill_value)
    out = g.result()
    return g.node("Expand", [g.value(fill, out.dtype), g.sizes(*out.shape)], out.shape, out.dtype)


WHOLE: frozenset[Any] = frozenset(
    (
        *(sigmoid, softplus, softmax, log_softmax, affine, standardise),
        *(convolve, convolve_affine, spread, pooling.largest, pooling.mean),
    )
)


def special_functions() -> None:
    """The error function and the normal distribution, where SciPy is installed."""
    try:
        from scipy.special import erf, ndtr
    except ImportError:
        return
    EMITTERS[erf] = elementwise("Erf")

    @emits(ndtr)
    def normal(g: Graph, x: Any) -> Any:
        out = g.result()
        x, root, half, one = (g.cast(g.value(part, out.dtype), out.dtype) for part in (x, np.sqrt(0.5), 0.5, 1.0))
        node = functools.partial(g.node, shape=out.shape, dtype=out.dtype)
        return node("Mul", [half, node("Add", [one, node("Erf", [node("Mul", [x, root])])])])
