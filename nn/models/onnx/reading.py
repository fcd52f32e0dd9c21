"""From the nodes of a file to a `Program`: each gets its function, and what it reads by name or as a constant."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import onnx

from autograd_mini import Tensor, devices
from nn.checks import is_foreign
from nn.models.onnx.operators import OPERATORS
from nn.models.onnx.operators.control import Rounds
from nn.models.onnx.operators.table import STEERING, room
from nn.models.program import ByMode, Drawn, Node, Program, Ref

NOT_MADE = (
    "Node {node} reads {name!r}, which is no input, no initializer and no result of a node before it. Nodes are "
    "written in the order in which they run, so that there is no circle; write the file again, or repair it."
)
NO_RESULT = "The file's result {name!r} is no input, no initializer and no result of a node."

AROUND = {"outputs", "opset", "training", "rng", "rounds"}  # what a function may ask for that is not in the file
BY_MODE = ByMode(True, False)
Names = Mapping[str, Any]


class Reader:
    """Reads nodes of one file.

    Parameters
    ----------
    opsets : dict
        The version of each domain.
    functions : dict
        The file's own functions, by domain, name and overload.
    rounds : Rounds
        Counts those of all loops; shared by all nodes.
    parts : dict, optional
        The part that each weight is in, by its name in the file.
    """

    def __init__(
        self,
        opsets: Mapping[str, int],
        functions: Mapping[Any, Any],
        rounds: Rounds,
        parts: Mapping[str, str] | None = None,
    ) -> None:
        self.opsets, self.functions, self.rounds, self.parts = opsets, functions, rounds, parts or {}

    def program(self, inputs: Sequence[str], nodes: Iterable[Any], outputs: Sequence[str], known: Names) -> Program:
        """What nodes compute.

        Parameters
        ----------
        known : dict
            What stands for each name that they may read besides: a `Ref` or a constant.
        """
        known = {**known, **{name: Ref(name) for name in inputs}}
        made: list[Node] = []
        for proto in nodes:
            if domain_of(proto) == "" and proto.op_type == "Constant":
                attributes = {each.name: self.attribute(each, known) for each in proto.attribute}
                known[proto.output[0]] = OPERATORS["Constant"](**attributes)
                continue
            made.append(self.node(proto, known))
            known.update((name, Ref(name)) for name in proto.output if name)
        for name in outputs:
            if name and name not in known:
                raise ValueError(NO_RESULT.format(name=name))
        return Program(inputs, made, tuple(known[name] if name else None for name in outputs))

    def node(self, proto: Any, known: Names) -> Node:
        """One node."""
        for name in proto.input:
            if name and name not in known:
                raise ValueError(NOT_MADE.format(node=name_of(proto), name=name))
        args = [known[name] if name else None for name in proto.input]
        while args and args[-1] is None:
            args.pop()
        attributes = {each.name: self.attribute(each, known) for each in proto.attribute if not each.ref_attr_name}
        function, options = self.function(proto, attributes)
        bodies = {name: value for name, value in attributes.items() if isinstance(value, Program)}
        if bodies and "training" not in options:  # functions that are written in nodes have their bodies in these
            around = {name for body in bodies.values() for name in free(body)}
            function = functools.partial(with_bodies, function, bodies)
            options |= {"around": {name: Ref(name) for name in around}, "training_": BY_MODE, "rng_": Drawn}
        if proto.op_type not in STEERING:
            function = functools.partial(call_beside, function)
        if len(proto.output) == 1:
            function = functools.partial(first, function)
        place = scope_of(proto) or next((self.parts[name] for name in proto.input if name in self.parts), "")
        return Node(name_of(proto), proto.op_type, function, tuple(args), tuple(proto.output), place, options)

    def function(self, proto: Any, attributes: dict[str, Any]) -> tuple[Callable[..., Any], dict[str, Any]]:
        """What computes a node from its inputs, and what is to be told to it at each call."""
        given = {name: value for name, value in attributes.items() if not isinstance(value, Program)}
        own = self.functions.get(function_key(proto))
        if own is not None:
            return self.called(own, len(proto.output), proto.attribute), {"training": BY_MODE, "rng": Drawn}
        function = operator_of(proto)
        if function is None:
            return Spelled(self, proto), {"training": BY_MODE, "rng": Drawn}
        asked = asked_of(function)
        opset = self.opsets.get(domain_of(proto), 1)
        facts = {"outputs": len(proto.output), "opset": opset, "rounds": self.rounds}
        given |= {name: value for name, value in facts.items() if name in asked}
        options = {name: value for name, value in (("training", BY_MODE), ("rng", Drawn)) if name in asked}
        return (functools.partial(function, **given) if given else function), options

    def called(self, function: Any, count: int, attributes: Iterable[Any]) -> Callable[..., Any]:
        """A function that is written in nodes, of whose results the first are asked for."""
        inside = Reader(opsets_of(function) or self.opsets, self.functions, self.rounds)
        defaults = {each.name: each for each in getattr(function, "attribute_proto", ())}
        bound = {**defaults, **{each.name: each for each in attributes if not each.ref_attr_name}}
        nodes = [with_attributes(node, bound) for node in function.node]
        none = {name: Ref(name) for name in function.input}
        made = {*function.input, *(name for node in nodes for name in node.output)}
        outputs = [name if name in made else "" for name in function.output]  # those that are not asked for may lack
        program = inside.program(function.input, nodes, outputs, none)
        return functools.partial(call, program, count)

    def attribute(self, proto: Any, known: Names) -> Any:
        """The value of an attribute; a graph becomes a `Program`."""
        value = onnx.helper.get_attribute_value(proto)
        if isinstance(value, onnx.GraphProto):
            inside = {**known, **{tensor.name: array_of(tensor) for tensor in value.initializer}}
            return self.program([each.name for each in value.input], value.node, [o.name for o in value.output], inside)
        if isinstance(value, onnx.TensorProto):
            return array_of(value)
        if isinstance(value, onnx.SparseTensorProto):
            return dense(value)
        if isinstance(value, bytes):
            return value.decode()
        if proto.type == onnx.AttributeProto.STRINGS:
            return [each.decode() for each in value]
        if proto.type == onnx.AttributeProto.FLOAT:
            return as_written(value)
        if proto.type == onnx.AttributeProto.FLOATS:
            return [as_written(each) for each in value]
        return list(value) if proto.type == onnx.AttributeProto.INTS else value


class Spelled:
    """An operator that ONNX itself spells out in others; some of them by the dtypes and shapes that they are given."""

    def __init__(self, reader: Reader, proto: Any) -> None:
        self.reader, self.proto = reader, proto
        self.schema = schema_of(proto, reader.opsets)
        self.known: dict[Any, Callable[..., Any]] = {}

    def __call__(self, *args: Any, training: bool, rng: Any) -> Any:
        kind = tuple(None if arg is None else (arg.dtype, arg.shape) for arg in args)
        key = None if self.schema.has_function else kind
        if key not in self.known:
            self.known[key] = self.spelled(kind)
        return self.known[key](*args, training=training, rng=rng)

    def spelled(self, kinds: Sequence[Any]) -> Callable[..., Any]:
        """The function for inputs of some dtypes and shapes."""
        if self.schema.has_function:
            body = self.schema.function_body
        else:
            types = [type_of(kind).SerializeToString() for kind in kinds]
            text = self.schema.get_context_dependent_function(self.proto.SerializeToString(), types)
            body = onnx.FunctionProto.FromString(text)
        defaults = [each.default_value for each in self.schema.attributes.values() if each.default_value.type]
        return self.reader.called(body, len(self.proto.output), [*defaults, *self.proto.attribute])


def type_of(kind: Any) -> Any:
    """The type of a value, as ONNX writes it; of one that is not given, nothing."""
    if kind is None:
        return onnx.TypeProto()
    return onnx.helper.make_tensor_type_proto(onnx.helper.np_dtype_to_tensor_dtype(kind[0]), kind[1])


def call(program: Program, count: int, *args: Any, training: bool, rng: Any) -> Any:
    """The first results of a program, of arguments of which those at the end may be left out."""
    values = {**dict.fromkeys(program.inputs), **dict(zip(program.inputs, args, strict=False))}
    found = program.run(values, lambda _place: training, {Drawn: rng})
    return found[:count] if count > 1 else found[0]


def with_bodies(
    function: Callable[..., Any],
    bodies: Mapping[str, Program],
    *args: Any,
    around: Mapping[str, Any],
    training_: bool,
    rng_: Any,
    **options: Any,
) -> Any:
    """A branch or loop, whose bodies read what is around them."""

    def run(program: Program, *given: Any) -> Any:
        values = {**around, **dict(zip(program.inputs, given, strict=False))}
        return program.run(values, lambda _place: training_, {Drawn: rng_})

    return function(*args, **{name: functools.partial(run, body) for name, body in bodies.items()}, **options)


def first(function: Callable[..., Any], *args: Any, **options: Any) -> Any:
    """The first result of what may have several; sequences are lists, and several results tuples."""
    found = function(*args, **options)
    return found[0] if type(found) is tuple else found


def call_beside(function: Callable[..., Any], *args: Any, **options: Any) -> Any:
    """What an operator returns; where some arguments are on another device, constants of the file come there."""
    for arg in args:
        values = arg.data if isinstance(arg, Tensor) else arg
        if is_foreign(values):
            return function(*(beside(each, values) for each in args), **options)
    return function(*args, **options)


def beside(constant: Any, values: Any) -> Any:
    """Numbers where some values are; whole ones, which may be shapes, stay."""
    is_number = type(constant) is np.ndarray and constant.dtype.kind in "fb"
    return devices.beside(constant, values) if is_number else constant


def as_written(value: float) -> float:
    """The shortest decimal number that a file's 32 bits stand for: 0.1, which they cannot hold, counts in float64."""
    return float(str(np.float32(value)))


def free(program: Program) -> set[str]:
    """The names that a body reads from around it."""
    return set(program.reads) - set(program.inputs) - {name for node in program.nodes for name in node.outputs}


def with_attributes(node: Any, bound: Mapping[str, Any]) -> Any:
    """A node of a function, with the attributes that the function was called with in the places that refer to them."""
    if not any(each.ref_attr_name or each.HasField("g") for each in node.attribute):
        return node
    filled = onnx.NodeProto()
    filled.CopyFrom(node)
    del filled.attribute[:]
    for each in node.attribute:
        if each.ref_attr_name and each.ref_attr_name not in bound:
            continue
        own = filled.attribute.add()
        own.CopyFrom(bound[each.ref_attr_name] if each.ref_attr_name else each)
        own.name = each.name
        if own.HasField("g"):
            nodes = [with_attributes(inner, bound) for inner in own.g.node]
            del own.g.node[:]
            own.g.node.extend(nodes)
    return filled


# What a node is


def domain_of(proto: Any) -> str:
    return "" if proto.domain == "ai.onnx" else proto.domain


def name_of(proto: Any) -> str:
    """What a node is called; one without a name by its first result."""
    return proto.name or (proto.output[0] if proto.output else "") or proto.op_type


def function_key(proto: Any) -> tuple[str, str, str]:
    """By which a file's own function is found."""
    return proto.domain, getattr(proto, "op_type", None) or proto.name, getattr(proto, "overload", "")


def operator_of(proto: Any) -> Callable[..., Any] | None:
    """The table's function for a node."""
    domain = domain_of(proto)
    return OPERATORS.get(f"{domain}.{proto.op_type}" if domain else proto.op_type)


def schema_of(proto: Any, opsets: Mapping[str, int]) -> Any:
    """What ONNX says of a node's operator, or None."""
    domain = domain_of(proto)
    if not onnx.defs.has(proto.op_type, domain):
        return None
    try:
        return onnx.defs.get_schema(proto.op_type, opsets.get(domain, 1), domain)
    except onnx.defs.SchemaError:
        return None


def opsets_of(proto: Any) -> dict[str, int]:
    """The versions that a model or function is written in."""
    return {"" if each.domain == "ai.onnx" else each.domain: each.version for each in proto.opset_import}


@functools.cache
def parameters_of(function: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    """The parameters of a function of the table; NumPy's have none that a file may name."""
    if not isinstance(function, functools.partial) and not inspect.isfunction(function):
        return {}
    return inspect.signature(function).parameters


@functools.cache
def asked_of(function: Callable[..., Any]) -> set[str]:
    """What a function asks for that is not in the file."""
    found = parameters_of(function)
    return AROUND & {name for name, each in found.items() if each.kind is each.KEYWORD_ONLY}


def takes(function: Callable[..., Any], attribute: str) -> bool:
    """Whether a function has a form for an attribute."""
    found = parameters_of(function)
    named = attribute in found and attribute not in asked_of(function)
    return named or any(each.kind is each.VAR_KEYWORD for each in found.values())


def told_by_torch(proto: Any, what: str) -> list[str]:
    """What PyTorch's exporter says of the modules that a node was computed in, from the outermost in."""
    told = {each.key.removeprefix("pkg.torch.onnx."): each.value for each in proto.metadata_props}
    if not told.get("name_scopes", "").startswith("['',"):  # it has lost them
        return []
    return re.findall(r"'([^']*)'", told.get(what, ""))


def scope_of(proto: Any) -> str:
    """The path of the module that a node was computed in, as far as the file tells."""
    inside = told_by_torch(proto, "name_scopes")
    if inside:
        return inside[-2] if len(inside) > 1 else ""
    return ".".join(proto.name.strip("/").split("/")[:-1])


# Arrays


def array_of(tensor: Any) -> np.ndarray[Any, Any]:
    """The numbers of an initializer or a constant."""
    return onnx.numpy_helper.to_array(tensor)


def dense(sparse: Any) -> np.ndarray[Any, Any]:
    """A sparse array with its zeros."""
    values, places = array_of(sparse.values), array_of(sparse.indices)
    found = np.zeros(room(tuple(sparse.dims), values.dtype), values.dtype)
    if places.ndim == 1:
        found.reshape(-1)[places] = values
    else:
        found[tuple(places.T)] = values
    return found
