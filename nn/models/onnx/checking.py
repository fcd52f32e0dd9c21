"""What a file has to be before anything of it is read: one clear error for what it is not."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import onnx

from nn.models.onnx.operators.table import as_dtype
from nn.models.onnx.reading import (
    domain_of,
    function_key,
    name_of,
    operator_of,
    opsets_of,
    schema_of,
    takes,
)

OLDEST, NEWEST = 7, 28
DEEPEST, MOST = 100, 200_000  # of graphs inside graphs, and of nodes when all functions are written out

NO_FILE = "load_onnx({path}): there is no such file."
NOT_ONNX = "{path} is no ONNX file: {reason}. It was cut short, overwritten or never one."
INVALID = "{path} is no valid ONNX file. The package onnx says: {reason}"
VERSION = (
    "{path} is written in version {version} of ONNX's operators, and {oldest} to {newest} are read. Export it again "
    "with an `opset_version` in between, such as 18."
)
UNSUPPORTED = (
    "{path} has operators or attributes that there is no form of:\n{lines}\nWrite a function in "
    "`nn.models.onnx.operators.OPERATORS` under the operator's name, with NumPy's functions."
)
DEEP = "{path} has graphs in graphs, or functions that call each other, more than {deepest} deep: it has no end."
MANY = "{path} is of more than {most:,} nodes when its functions are written out."
OUTSIDE = (
    "{path}: the numbers of {name!r} are said to be in {location!r}, which is outside of the folder of the file. Put "
    "both in one folder."
)
MISSING = "{path}: the numbers of {name!r} are said to be in {location!r}, which is not there. Put it beside the file."
PLACE = "{path}: where the numbers of {name!r} are is told as {told}, which is no part of a file. Write the file again."
SHORT = (
    "{path}: {name!r} of shape {shape} and dtype {dtype} takes {want:,} bytes, and the file has {got:,} for it. "
    "Write the file again."
)


def read(path: Any) -> tuple[Any, str]:
    """The model of a file, with the numbers that are in other files; and what messages call it."""
    if isinstance(path, onnx.ModelProto):
        proto, where = path, "The model"
    else:
        proto, where = parsed(Path(path)), str(path)
    check_version(proto, where)
    check_ends(proto, where)
    check_supported(proto, where)
    for tensor in tensors_of(proto):
        check_size(tensor, where, Path() if proto is path else Path(path).parent)
    try:
        onnx.checker.check_model(proto if proto is path else where)
    except onnx.checker.ValidationError as error:
        raise ValueError(INVALID.format(path=where, reason=error)) from None
    if proto is not path:
        onnx.load_external_data_for_model(proto, str(Path(path).parent))
    return proto, where


def parsed(path: Path) -> Any:
    """What a file says, if it can be read at all."""
    try:
        text = path.read_bytes()
    except IsADirectoryError:
        raise ValueError(NOT_ONNX.format(path=path, reason="it is a folder")) from None
    except FileNotFoundError:
        raise FileNotFoundError(NO_FILE.format(path=path)) from None
    try:
        proto = onnx.load_model_from_string(text)
    except Exception as error:  # noqa: BLE001 - which one depends on the version of the package
        raise ValueError(NOT_ONNX.format(path=path, reason=error)) from None
    if not proto.graph.node and not proto.graph.output:
        raise ValueError(NOT_ONNX.format(path=path, reason="it has no graph"))
    return proto


def check_version(proto: Any, where: str) -> None:
    """The versions that are read."""
    version = opsets_of(proto).get("", NEWEST)
    if not OLDEST <= version <= NEWEST:
        raise ValueError(VERSION.format(path=where, version=version, oldest=OLDEST, newest=NEWEST))


def check_ends(proto: Any, where: str) -> None:
    """That graphs inside graphs have an end, and so do functions that call functions."""
    functions = {function_key(each): each for each in proto.functions}
    sizes: dict[Any, int] = {}

    def size(nodes: Any, deep: int) -> int:
        """How many nodes there are when all functions are written out."""
        if deep > DEEPEST:
            raise ValueError(DEEP.format(path=where, deepest=DEEPEST))
        total = 0
        for node in nodes:
            key = function_key(node)
            if key in functions and key not in sizes:
                sizes[key] = size(functions[key].node, deep + 1)
            total += sizes.get(key, 1)
            total += sum(size(graph.node, deep + 1) for graph in graphs_of(node))
        return total

    if size(proto.graph.node, 0) > MOST:
        raise ValueError(MANY.format(path=where, most=MOST))


def check_supported(proto: Any, where: str) -> None:
    """That there is a form for every node; else one error lists all."""
    functions = {function_key(each) for each in proto.functions}
    found: dict[str, list[str]] = {}
    parts = [(proto.graph.node, opsets_of(proto)), *((each.node, opsets_of(each)) for each in proto.functions)]
    for nodes, opsets in parts:
        for node in all_nodes(nodes):
            for kind in lacking(node, opsets, functions):
                found.setdefault(kind, []).append(name_of(node))
    if found:
        lines = [f"- {kind}, in {few(names)}" for kind, names in sorted(found.items())]
        raise NotImplementedError(UNSUPPORTED.format(path=where, lines="\n".join(lines)))


def lacking(node: Any, opsets: Mapping[str, int], functions: set[Any]) -> Iterator[str]:
    """What there is no form for in a node."""
    if function_key(node) in functions:
        return
    function, domain = operator_of(node), domain_of(node)
    title = f"{domain}.{node.op_type}" if domain else node.op_type
    if function is None:
        schema = schema_of(node, opsets)
        if schema is None or not (schema.has_function or schema.has_context_dependent_function):
            yield title
        return
    for attribute in node.attribute:
        if not takes(function, attribute.name):
            yield f"{title} with the attribute {attribute.name!r}"


def few(names: list[str]) -> str:
    """The first of some names, and how many there are."""
    shown = ", ".join(map(repr, names[:3]))
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more"


def check_size(tensor: Any, where: str, folder: Path) -> None:
    """That there are as many numbers as the shape says, in the folder of the file."""
    facts = {"path": where, "name": tensor.name}
    external = tensor.data_location == onnx.TensorProto.EXTERNAL
    if not external and not tensor.raw_data:
        return  # numbers that are written one by one, which the package counts
    got = len(tensor.raw_data)
    if external:
        told = {each.key: each.value for each in tensor.external_data}
        location = told.get("location", "")
        file = (folder / location).resolve()
        if not file.is_relative_to(folder.resolve()):
            raise ValueError(OUTSIDE.format(**facts, location=location))
        if not file.is_file():
            raise ValueError(MISSING.format(**facts, location=location))
        try:
            begin = int(told.get("offset", 0))
            got = min(file.stat().st_size, begin + int(told.get("length", file.stat().st_size))) - begin
        except ValueError:
            begin = -1
        if begin < 0 or got < 0:
            raise ValueError(PLACE.format(**facts, told=told))
    dtype, shape = as_dtype(tensor.data_type), tuple(tensor.dims)
    bits = next((bits for bits in (2, 4) if dtype.name.endswith((f"int{bits}", f"float{bits}_e2m1fn"))), 8)
    want = -(-math.prod(shape) * dtype.itemsize * bits // 8)
    if got < want or min(shape, default=0) < 0 or (got > want and not external):
        raise ValueError(SHORT.format(**facts, shape=shape, dtype=dtype, want=want, got=got))


# What a model is made of


def graphs_of(node: Any) -> Iterator[Any]:
    """The bodies of a branch or loop."""
    for attribute in node.attribute:
        if attribute.HasField("g"):
            yield attribute.g
        yield from attribute.graphs


def all_nodes(nodes: Any) -> Iterator[Any]:
    """Nodes and those in their bodies."""
    for node in nodes:
        yield node
        for graph in graphs_of(node):
            yield from all_nodes(graph.node)


def tensors_of(proto: Any) -> Iterator[Any]:
    """The initializers and constants of a model."""
    yield from proto.graph.initializer
    for nodes in (proto.graph.node, *(each.node for each in proto.functions)):
        for node in all_nodes(nodes):
            yield from (each.t for each in node.attribute if each.HasField("t"))
            yield from (tensor for each in node.attribute for tensor in each.tensors)
            yield from (tensor for graph in graphs_of(node) for tensor in graph.initializer)
