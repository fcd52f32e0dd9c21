"""`OnnxModel`: what `load_onnx` returns, and how its parameters come from the file and go back."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from autograd_mini import devices
from nn.models.imported import Imported, Input
from nn.models.onnx.checking import INVALID, all_nodes, read
from nn.models.onnx.exporters import changed
from nn.models.onnx.operators.control import Rounds
from nn.models.onnx.operators.table import STEERING, as_dtype
from nn.models.onnx.reading import Reader, array_of, dense, function_key, opsets_of, told_by_torch
from nn.models.program import Ref
from nn.models.saving import LEARNED
from nn.parameter import Buffer, Parameter

# Which inputs of an operator are buffers
STATISTICS = {"BatchNormalization": (3, 4)}
LARGEST_FILE = 2**31 - 1

FIXED = "The file fixes these sizes. Export it again with others, or `torch.onnx.export(..., dynamic_shapes=...)`."


class OnnxModel(Imported):
    """The model of an ONNX file. `nn.load_onnx` makes it; `write` puts learned numbers back into the file.

    Attributes
    ----------
    file : Source
        What the file said.
    """

    def __init__(self, proto: Any, where: str, rng: Any) -> None:
        source = Source(proto)
        held, known = arrays(proto)
        parts = {name: path.rpartition(".")[0] for name, (path, _) in held.items()}
        reader = Reader(opsets_of(proto), {function_key(each): each for each in proto.functions}, Rounds(), parts)
        given = [each for each in proto.graph.input if each.name not in known]
        try:
            outputs = [each.name for each in proto.graph.output]
            program = reader.program([each.name for each in given], proto.graph.node, outputs, known)
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(INVALID.format(path=where, reason=error)) from error
        inputs = [as_given(each) for each in given]
        seed = next((seed for seed in seeds(proto)), None) if rng is None else rng
        super().__init__(title(proto), inputs, program, held, kinds=kinds(proto), rng=seed)
        self._rounds, self.file = reader.rounds, source

    def forward(self, *args: Any) -> Any:
        self._rounds.made = 0
        found = super().forward(*args)
        return found if len(found) > 1 else found[0]

    def _checked(self, given: Input, arg: Any) -> Any:
        if arg is None or (isinstance(arg, list) and given.dtype is None):  # what is optional, or a sequence
            return arg
        try:
            return super()._checked(given, arg)
        except ValueError as error:
            error.add_note(FIXED)
            raise

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write the file with the parameters and buffers as they are now, in the dtypes that it had.

        Of more than 2 GB the numbers are in another file beside it.
        """
        proto = self.file.copied()
        for tensor in proto.graph.initializer:
            if tensor.name in self.places:
                part = self._at(self.places[tensor.name])
                values = np.asarray(devices.to_host(part.data), as_dtype(tensor.data_type))
                tensor.CopyFrom(onnx.numpy_helper.from_array(np.ascontiguousarray(values), tensor.name))
        size = sum(part.data.nbytes for _, part in self.named_parts() if hasattr(part, "data"))
        beside = {"save_as_external_data": True, "location": f"{Path(path).name}.data"} if size > LARGEST_FILE else {}
        onnx.save_model(proto, os.fspath(path), **beside)


class Source:
    """What a file said. It is never changed, so that copies of a model share it."""

    def __init__(self, proto: Any) -> None:
        self.proto = proto

    def __deepcopy__(self, memo: object) -> Source:
        return self

    def copied(self) -> Any:
        proto = onnx.ModelProto()
        proto.CopyFrom(self.proto)
        return proto


def load(path: Any, rng: Any) -> OnnxModel:
    """`load_onnx`."""
    proto, where = read(path)
    model = OnnxModel(proto, where, rng)
    for message in changed(proto, where, {name: model._at(place).data for name, place in model.places.items()}):
        warnings.warn(message, stacklevel=3)
    if proto is not path:
        for tensor in proto.graph.initializer:
            if tensor.name in model.places:  # where its numbers are now
                tensor.ClearField("raw_data")
    return model


def arrays(proto: Any) -> tuple[dict[str, tuple[str, Parameter | Buffer]], dict[str, Any]]:
    """The parameters and buffers of a file by name, with their paths; and what each name of an initializer means."""
    weights, statistics = roles(proto)
    held: dict[str, tuple[str, Parameter | Buffer]] = {}
    known: dict[str, Any] = {}
    for tensor in proto.graph.initializer:
        array, name = array_of(tensor), tensor.name
        if name in weights | statistics and is_learned(name, array):
            part: Parameter | Buffer = Parameter(np.array(array)) if name in weights else Buffer(np.array(array))
            held[name], known[name] = (path_of(name), part), Ref(name)
        else:
            known[name] = array
    known.update((sparse.values.name, dense(sparse)) for sparse in proto.graph.sparse_initializer)
    return held, known


def roles(proto: Any) -> tuple[set[str], set[str]]:
    """The names of what may be learned, and of what are statistics."""
    read_by: dict[str, list[tuple[str, int]]] = {}
    for node in all_nodes(proto.graph.node):
        for i, name in enumerate(node.input):
            read_by.setdefault(name, []).append((node.op_type, i))
    statistics = {name for name, uses in read_by.items() if all(i in STATISTICS.get(kind, ()) for kind, i in uses)}
    steering = {name for name, uses in read_by.items() if any(i in STEERING.get(kind, ()) for kind, i in uses)}
    told = [each.value for each in proto.metadata_props if each.key == LEARNED and proto.producer_name == "nn"]
    learned = set(json.loads(told[0])) if told else set(read_by)
    return learned - statistics - steering, statistics


def is_learned(name: str, array: Any) -> bool:
    """Whether an initializer is a weight. One number is, if its name tells of which part; infinite ones are a mask."""
    of_part = "." in name or "/" in name
    return array.dtype.kind == "f" and (array.size > 1 or of_part) and bool(np.all(np.isfinite(array)))


def path_of(name: str) -> str:
    """The place of an initializer in the tree of parts."""
    return ".".join(part or "_" for part in name.strip("/").replace("/", ".").split("."))


def kinds(proto: Any) -> dict[str, str]:
    """The classes of the parts, as PyTorch's exporter tells them."""
    found: dict[str, str] = {}
    for node in proto.graph.node:
        paths, classes = told_by_torch(node, "name_scopes"), told_by_torch(node, "class_hierarchy")
        found.update((path, kind.rpartition(".")[2]) for path, kind in zip(paths[:-1], classes, strict=False) if path)
    return found


def title(proto: Any) -> str:
    """What the whole is called."""
    classes = (told_by_torch(node, "class_hierarchy") for node in proto.graph.node)
    return next((told[0].rpartition(".")[2] for told in classes if len(told) > 1), "") or "OnnxModel"


def seeds(proto: Any) -> Iterator[np.random.Generator]:
    """Generators that draw what the seeds in the file stand for, as NumPy's older ones drew it."""
    for node in proto.graph.node:
        for attribute in node.attribute:
            seed = onnx.helper.get_attribute_value(attribute) if attribute.name == "seed" else None
            if isinstance(seed, int | float) and np.isfinite(seed):
                bits: Any = np.random.MT19937()
                bits.state = np.random.RandomState(int(seed) % 2**32).get_state(legacy=False)
                yield np.random.Generator(bits)


def as_given(value: Any) -> Input:
    """What a file says of an input."""
    if not value.type.HasField("tensor_type"):
        return Input(value.name)
    told = value.type.tensor_type
    shape = None
    if told.HasField("shape"):
        shape = tuple(
            each.dim_value if each.HasField("dim_value") else each.dim_param or None for each in told.shape.dim
        )
    return Input(value.name, shape, as_dtype(told.elem_type) if told.elem_type else None)
