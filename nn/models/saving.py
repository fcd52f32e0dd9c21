"""`save_onnx`: a model as an ONNX file, a line of the program that `compile` would make a node."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Iterable
from types import ModuleType
from typing import Any

import numpy as np

from autograd_mini import Recording, devices, record
from nn.models.nodes import WHOLE, Graph, OnnxNode, Value, is_variable, special_functions
from nn.module import Module

NO_ONNX = 'nn.save_onnx needs the package onnx, which is not installed. Write `pip install "autograd-mini[onnx]"`.'
NO_MODEL = "nn.save_onnx was given a {got}. Write `nn.save_onnx(model, path, x)` with an `nn.Module` and an example."
NO_EXAMPLE = "nn.save_onnx(model, path) needs an example of each input: write `nn.save_onnx(model, path, x)`."
OTHER = (
    "nn.save_onnx: the model computes something else for {more} examples than for {n}, so that no file is right "
    "for both: {what}. Write `nn.save_onnx(..., batch=False)` for a file that is for {n} examples alone."
)
DTYPE = "nn.save_onnx was given {what} of dtype {got}, which runtimes do not take. Write `.astype(np.float32)`."
NOTHING = "nn.save_onnx: the model returned {what}, which does not depend on its input."
OPSET = 20  # LayerNormalization is there since 17; runtimes of 2023 take 20
IR = 9
LEARNED = "nn.parameters"  # in a file of ours, the names of what is learned


def save_onnx(model: Module, path: str | os.PathLike[str], *example: Any, batch: bool = True) -> None:
    """Write a model as an ONNX file, which ONNX's runtimes and tools read: in evaluation mode, its parameters by name.

    The model is run on the example, and on one with an example more; what NumPy's functions do then becomes nodes.

    Parameters
    ----------
    model : Module
        It stays as it is.
    path : path-like
        Of the file, such as "model.onnx".
    *example : array_like
        An example of each input.
    batch : bool
        Whether the first axis of the inputs may have any length in the file; False fixes it to the example's.

    Raises
    ------
    NotImplementedError
        If the model computes what has no form in ONNX here.
    CompileError
        If it computes otherwise for other values.
    ValueError
        If it computes otherwise for other numbers of examples.
    TypeError
        If the model is no module, or an example is missing or of numbers that ONNX has not.
    ImportError
        If the package onnx is not installed.

    Examples
    --------
    >>> import numpy as np
    >>> import nn
    >>> nn.save_onnx(nn.MLP([2, 8, 1], rng=0), "model.onnx", np.zeros((4, 2), np.float32))
    """
    onnx = library()
    if not isinstance(model, Module):
        raise TypeError(NO_MODEL.format(got=type(model).__name__))
    if not example:
        raise TypeError(NO_EXAMPLE)
    special_functions()
    model = copy.deepcopy(model).eval()
    inputs = [checked(i, value) for i, value in enumerate(example)]
    names = [f"x{i}" if i else "x" for i in range(len(inputs))]
    graph, outputs = lowered(model, inputs, names)
    shapes: list[Any] = [list(value.shape) for value in outputs]
    given: list[Any] = [list(value.shape) for value in inputs]
    if batch and inputs[0].ndim:
        n = len(inputs[0])
        counted = [value.ndim > 0 and len(value) == n for value in inputs]
        longer = [
            np.concatenate([value, value[:1]]) if many else value for value, many in zip(inputs, counted, strict=True)
        ]
        other, others = lowered(model, longer, names)
        Loosened(graph, other, names[0], n).loosen()
        for shape, now in zip(shapes, others, strict=True):
            shape[:] = [
                "batch" if (a, b) == (n, n + 1) else a if a == b else None
                for a, b in zip(shape, now.shape, strict=True)
            ]
        for shape, many in zip(given, counted, strict=True):
            shape[:1] = ["batch"] if many else shape[:1]
    proto = written(
        onnx, graph, type(model).__name__, zip(names, inputs, given, strict=True), zip(outputs, shapes, strict=True)
    )
    learned = [path for path, _ in model.named_parameters()]
    onnx.helper.set_model_props(proto, {LEARNED: json.dumps(learned)})  # so that `load_onnx` knows them from constants
    onnx.checker.check_model(proto, full_check=True)
    onnx.save(proto, os.fspath(path))


def library() -> ModuleType:
    """onnx, or an error that names the extra."""
    try:
        import onnx
        import onnx.checker
        import onnx.numpy_helper
    except ImportError as error:
        raise ImportError(NO_ONNX) from error
    return onnx


def checked(i: int, value: Any) -> Any:
    """An example as an array."""
    array = np.asarray(
        devices.to_host(devices.adopted(getattr(value, "data", value))) if hasattr(value, "ndim") else value
    )
    if array.dtype.kind not in "biuf":
        raise TypeError(DTYPE.format(what=f"example {i}", got=array.dtype))
    return array


def lowered(model: Module, inputs: list[Any], names: list[str]) -> tuple[Graph, list[Value]]:
    """The nodes of one call, and the values that it returned."""
    recording = record(model, *inputs, owner=model, whole=WHOLE)
    graph = Graph()
    for name, variable in zip(names, recording.inputs, strict=True):
        graph.values[variable.index] = Value(name, variable.shape, variable.dtype)
    arrays = {path: part.data for path, part in model.named_parts() if not isinstance(part, Module)}
    for path, variable in recording.held:
        graph.values[variable.index] = Value(path, variable.shape, variable.dtype)
        graph.constants[path] = np.asarray(devices.to_host(arrays[path]))
    for line in needed(recording):
        graph.lower(line)
    outputs = []
    for value in recording.returned:
        if not is_variable(value):
            raise ValueError(NOTHING.format(what=f"a {type(value).__name__}"))
        found = graph.values[value.index]
        graph.scope = ""
        outputs.append(graph.node("Identity", [found], found.shape, found.dtype))
    return graph, outputs


def needed(recording: Recording) -> list[Any]:
    """The lines that what is returned depends on; others check what the model was given."""
    wanted = {value.index for value in recording.returned if is_variable(value)}
    found = []
    for line in reversed(recording.lines):
        if any(result.index in wanted for result in line.results):
            wanted.update(variable.index for variable in line.reads())
            found.append(line)
    return found[::-1]


class Loosened:
    """Makes nodes for n examples such for any number, by those for one more.

    What differs are constants: sizes, which become numbers that are computed from the length of the first axis, and
    arrays with a row for each example, which become one row that is spread over them.
    """

    def __init__(self, graph: Graph, other: Graph, given: str, n: int) -> None:
        self.graph, self.other, self.given, self.n = graph, other, given, n
        self.ahead: list[OnnxNode] = []  # what is computed first
        self.made: dict[Any, str] = {}

    def loosen(self) -> None:
        mine, theirs = self.graph.nodes, self.other.nodes
        if [node.op for node in mine] != [node.op for node in theirs]:
            raise self.refusal("it takes other operations")
        for node, other in zip(mine, theirs, strict=True):
            if node.attributes != other.attributes:
                raise self.refusal(f"the settings of {node.op} in {node.scope or 'the model'} differ")
            node.inputs = [self.loose(a, b, node) for a, b in zip(node.inputs, other.inputs, strict=True)]
        self.graph.nodes = self.ahead + mine

    def loose(self, key: str, other: str, node: OnnxNode) -> str:
        a, b = self.graph.constants.get(key), self.other.constants.get(other)
        if a is None or b is None or (a.shape == b.shape and np.array_equal(a, b, equal_nan=a.dtype.kind == "f")):
            return key
        if a.dtype == np.int64 and a.ndim == 1 and a.shape == b.shape:
            return self.sizes(a, b)
        axes = [i for i, (p, q) in enumerate(zip(a.shape, b.shape, strict=False)) if p != q]
        if a.ndim == b.ndim and len(axes) == 1:
            axis = axes[0]
            row = np.take(a, [0], axis)
            if np.array_equal(np.broadcast_to(row, a.shape), a) and np.array_equal(np.broadcast_to(row, b.shape), b):
                return self.node("Expand", [self.constant(row), self.sizes(np.array(a.shape), np.array(b.shape))])
        raise self.refusal(f"an array that {node.op} in {node.scope or 'the model'} reads differs")

    def sizes(self, a: Any, b: Any) -> str:
        """Sizes that grow by b - a with each example."""
        slope = b - a
        key = tuple(a), tuple(slope)
        if key not in self.made:
            first = self.constant(a - slope * self.n)
            grown = self.node("Mul", [self.count(), self.constant(slope)])
            self.made[key] = self.node("Add", [grown, first])
        return self.made[key]

    def count(self) -> str:
        """The number of examples, as an array of one entry."""
        if "count" not in self.made:
            shape = self.node("Shape", [self.given])
            self.made["count"] = self.node("Slice", [shape, self.constant([0]), self.constant([1])])
        return self.made["count"]

    def constant(self, value: Any) -> str:
        array = np.asarray(value)
        key = f"size_{len(self.graph.constants)}"
        self.graph.constants[key] = array.astype(np.int64) if array.dtype.kind in "iu" else array
        return key

    def node(self, op: str, inputs: list[str]) -> str:
        key = f"batch_{op.lower()}_{len(self.ahead)}"
        self.ahead.append(OnnxNode(op, inputs, key, {}, ""))
        return key

    def refusal(self, what: str) -> ValueError:
        return ValueError(OTHER.format(n=self.n, more=self.n + 1, what=what))


def written(onnx: Any, graph: Graph, name: str, inputs: Iterable[Any], outputs: Iterable[Any]) -> Any:
    """The model in onnx's form."""
    helper = onnx.helper
    kind = helper.np_dtype_to_tensor_dtype
    nodes = []
    for node in graph.nodes:
        attributes = {key: kind(value) if key == "to" else value for key, value in node.attributes.items()}
        title = f"{node.scope.replace('.', '/')}/{node.output}" if node.scope else node.output
        nodes.append(helper.make_node(node.op, node.inputs, [node.output], name=title, **attributes))
    used = {key for node in graph.nodes for key in node.inputs}
    constants = [
        onnx.numpy_helper.from_array(np.array(value, order="C"), key)
        for key, value in graph.constants.items()
        if key in used
    ]
    info = helper.make_tensor_value_info
    given = [info(key, kind(value.dtype), shape) for key, value, shape in inputs]
    found = [info(value.key, kind(value.dtype), shape) for value, shape in outputs]
    proto = helper.make_graph(nodes, name, given, found, constants)
    return helper.make_model(proto, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR, producer_name="nn")
