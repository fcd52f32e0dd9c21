"""`from_torch`: the graph that torch.export makes of a module, as a program; and `to_torch_state`, the way back."""

from __future__ import annotations

import contextlib
import copy
import inspect
import operator
import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from autograd_mini import Tensor, devices
from nn.models.imported import Imported, Input
from nn.models.program import Beside, ByMode, Drawn, Node, Program, Ref
from nn.models.pytorch import elementwise, layers, recurrent, reductions, shapes
from nn.module import Module
from nn.noise import values
from nn.parameter import Buffer, Parameter

NO_TORCH = 'nn.{name} needs PyTorch, which is not installed. Write `pip install "autograd-mini[torch]"`.'
NO_MODULE = "nn.from_torch was given a {got}. Write `nn.from_torch(module, x)` with a torch.nn.Module and an example."
NO_EXAMPLE = (
    "nn.from_torch({name}) needs an example of each input that the module takes: write `nn.from_torch(module, x)` with "
    "a batch of two or more."
)
NO_TENSOR = (
    "nn.from_torch was given a {got} as input {i}. Examples are arrays or tensors; what else the module takes is fixed "
    "in it: wrap it in a module whose `forward` takes arrays alone."
)
NO_EXPORT = (
    "nn.from_torch({name}): torch.export cannot follow this module in {mode} mode: {reason}\nIt follows what does not "
    "depend on the values of tensors: leave out `.item()`, `if` on values and NumPy in its `forward`."
)
FAILS = "nn.from_torch({name}): the module itself cannot be called with this example: {reason}"
UNSUPPORTED = "nn.from_torch({name}): these operations have no counterpart here: {names}."
DTYPE = "nn.from_torch: {path} has the dtype {got}, which NumPy does not have. Write `module.float()` first."
MIXED = (
    "{name} computes something else in training mode than in evaluation mode, not only in Dropout and BatchNorm, so "
    "its parts cannot be in different ones. Call `.train()` or `.eval()` of the whole model."
)
GUARD = (
    "{name} was given inputs of shape {got}, for which the module computes otherwise than for its example: it was read "
    "where {guard}. Read it again with an example of this shape."
)
NOT_FROM_TORCH = "nn.to_torch_state was given a {got}. Write a model that `nn.from_torch` made."

TABLE: dict[str, Any] = {
    **elementwise.TABLE,
    **shapes.TABLE,
    **reductions.TABLE,
    **layers.TABLE,
    **recurrent.TABLE,
}
MADE, DRAWN = shapes.MADE, {**layers.DRAWN, **recurrent.DRAWN}
OF_MEMORY = {"device", "layout", "pin_memory", "memory_format", "non_blocking", "generator", "requires_grad"}
CHECKS = ("_assert", "sym_constrain", "_guard")
PERHAPS_VIEWS = {
    "contiguous",
    "reshape",
    "flatten",
    "to",
    "type_as",
    "dropout",
    "feature_dropout",
    "unflatten",
    "movedim",
    "pad",
}


class Guard:
    """A condition on the sizes of the inputs, as torch.export writes it in Python."""

    size = re.compile(r"L\['(\w+)'\]\.size\(\)\[(\d+)\]")

    def __init__(self, code: str) -> None:
        self.text = self.size.sub(r"\1.shape[\2]", code)
        self.code = compile(self.size.sub(r"shapes['\1'][\2]", code), "<guard>", "eval")

    def holds(self, shapes: Mapping[str, tuple[int, ...]]) -> bool:
        return bool(eval(self.code, {"__builtins__": {}}, {"shapes": shapes}))  # noqa: S307 (of PyTorch's own making)

    def __deepcopy__(self, memo: object) -> Guard:
        return self  # it is never changed

    @classmethod
    def of(cls, programs: Iterable[Any]) -> tuple[Guard, ...]:
        """The conditions of programs, but for those that leave out single sizes, to which a batch of one belongs."""
        codes = [code for program in programs for code in getattr(program, "_guards_code", None) or ()]
        known = [code for code in dict.fromkeys(codes) if " != " not in code]
        return tuple(cls(code) for code in known if "L[" not in cls.size.sub("", code))


class FromTorch(Imported):
    """A module of PyTorch's, as `nn.from_torch` makes it."""

    state: dict[str, str]  # what PyTorch saves by this name, and where it is here
    guards: tuple[Guard, ...]  # for which sizes it was read

    def describe(self) -> str:
        return "from PyTorch"

    def forward(self, *args: Any) -> Any:
        two = self.evaluation is not self.program
        if two and any(part.training != self.training for _, part in self.named_modules()):
            raise ValueError(MIXED.format(name=self._title()))
        if self.guards and len(args) == len(self.inputs):
            shapes = {given.name: np.shape(arg) for given, arg in zip(self.inputs, args, strict=True)}
            for guard in self.guards:
                if not guard.holds(shapes):
                    got = ", ".join(map(str, shapes.values()))
                    raise ValueError(GUARD.format(name=self._title(), got=got, guard=guard.text))
        return super().forward(*args)


def from_torch(module: Any, *example: Any, rng: int | np.random.Generator | None = None) -> FromTorch:
    """A PyTorch module as an `nn.Module`: the same parameters by the same names, and the same outputs and gradients.

    torch.export writes down what it computes; PyTorch is not needed to run it. Values are copied, so that the module
    stays as it is. The first axis of the inputs may have any length afterwards. Dropout, BatchNorm and whatever else
    asks for the mode follow `train()` and `eval()`, also those of one part, such as `model.layer1.bn.eval()`.

    Parameters
    ----------
    module : torch.nn.Module
        Any that torch.export can follow.
    *example : array_like or torch.Tensor
        An example of each input, batches of two or more.
    rng : int or numpy.random.Generator, optional
        Where dropout's choices come from.

    Returns
    -------
    Module
        With a part for each module inside, which `nn.signals` and `draw` call by their names.

    Raises
    ------
    NotImplementedError
        If it uses operations without a counterpart here; the error names all of them.
    ValueError
        If torch.export cannot follow it.
    TypeError
        If it is no PyTorch module, or an example is missing or no array.
    ImportError
        If PyTorch is not installed.

    Examples
    --------
    >>> import torch
    >>> import nn
    >>> theirs = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 1))
    >>> model = nn.from_torch(theirs, torch.zeros(2, 3))
    >>> print(model)
    Sequential(from PyTorch)  # 21 parameters
      0: Linear(weight: (4, 3), bias: (4,))
      1: Tanh()
      2: Linear(weight: (1, 4), bias: (1,))
    """
    torch = library("from_torch")
    if not isinstance(module, torch.nn.Module):
        raise TypeError(NO_MODULE.format(got=type(module).__name__))
    kind = type(module).__name__
    if not example:
        raise TypeError(NO_EXAMPLE.format(name=kind))
    precision = next((tensor.dtype for _, tensor in tensors_of(module) if tensor.is_floating_point()), None)
    examples = tuple(as_tensor(torch, i, value, precision) for i, value in enumerate(example))
    modes = [(part, part.training) for part in module.modules()]
    try:
        graphs = []
        for mode in (True, False):
            module.train(mode)
            graphs.append(exported(torch, module, examples, mode))
    finally:
        for part, mode in modes:
            part.training = mode
    scopes = dict(module.named_modules(remove_duplicate=False))
    trained, evaluated = (Lowered(torch, graph, scopes) for graph in graphs)
    missing = trained.missing + evaluated.missing
    if missing:
        names = ", ".join(f"{name} (in {place or kind})" for name, place in sorted(set(missing)))
        raise NotImplementedError(UNSUPPORTED.format(name=kind, names=names))
    nodes = merged(trained.nodes, evaluated.nodes, dict(zip(evaluated.inputs, trained.inputs, strict=True)))
    kinds = {path: type(part).__name__ for path, part in scopes.items() if path}
    held = parts_of(torch, module, (trained, evaluated))
    inputs = [Input(*facts) for facts in trained.facts]
    if nodes is not None:
        program, other = Program(trained.inputs, nodes, trained.outputs), None
    else:
        program = Program(trained.inputs, trained.nodes, trained.outputs)
        other = Program(trained.inputs, evaluated.renamed(trained.inputs), evaluated.outputs)
    model = FromTorch(kind, inputs, program, held, kinds=kinds, evaluation=other, rng=rng)
    model.guards = Guard.of(graphs)
    model.state = {path: model.paths[path] for path in module.state_dict() if path in model.paths}
    for path, part in scopes.items():
        model._at(model._modes[path]).training = part.training
    return model


def to_torch_state(model: Module) -> dict[str, Any]:
    """The parameters and buffers of a model that `nn.from_torch` made, for the module that it was made of.

    Parameters
    ----------
    model : Module
        As `nn.from_torch` returned it, or trained since.

    Returns
    -------
    dict
        Of tensors, by PyTorch's names: `module.load_state_dict(nn.to_torch_state(model))`.

    Raises
    ------
    TypeError
        If the model is another one.
    ImportError
        If PyTorch is not installed.

    Examples
    --------
    >>> import torch
    >>> import nn
    >>> theirs = torch.nn.Linear(3, 1)
    >>> model = nn.from_torch(theirs, torch.zeros(2, 3))
    >>> model.weight.data = model.weight.data + 1
    >>> theirs.load_state_dict(nn.to_torch_state(model))
    <All keys matched successfully>
    """
    torch = library("to_torch_state")
    if not isinstance(model, FromTorch):
        raise TypeError(NOT_FROM_TORCH.format(got=type(model).__name__))
    values = {path: devices.to_host(model._at(tuple(where.split("."))).data) for path, where in model.state.items()}
    return {path: torch.from_numpy(np.array(value)) for path, value in values.items()}


def library(name: str) -> ModuleType:
    """PyTorch, or an error that names the extra."""
    try:
        import torch
    except ImportError as error:
        raise ImportError(NO_TORCH.format(name=name)) from error
    return torch


def as_tensor(torch: Any, i: int, value: Any, precision: Any) -> Any:
    """An example as a tensor of PyTorch's; numbers of NumPy's, float64 by themselves, in the precision given."""
    if isinstance(value, torch.Tensor):
        return value.detach().cpu()
    value = value.data if isinstance(value, Tensor) else value
    array = np.asarray(value) if isinstance(value, np.ndarray | list | tuple) else None
    if array is None or array.dtype.kind not in "biufc":
        raise TypeError(NO_TENSOR.format(got=type(value).__name__, i=i))
    tensor = torch.from_numpy(np.array(array))
    return tensor.to(precision) if precision is not None and tensor.is_floating_point() else tensor


def exported(torch: Any, module: Any, examples: tuple[Any, ...], training: bool) -> Any:
    """torch.export's program, for batches of any size.

    A batch of one is taken twice: torch.export would fix the number 1.
    """
    first = examples[0].shape[:1]
    batched = [bool(len(first)) and example.shape[:1] == first for example in examples]
    if first == (1,):
        pairs = zip(examples, batched, strict=True)
        examples = tuple(torch.cat([one, one]) if many else one for one, many in pairs)
    sizes: Any = tuple({0: torch.export.Dim.AUTO} if many else None for many in batched)
    parameters = inspect.signature(module.forward).parameters.values()
    if any(parameter.kind is parameter.VAR_POSITIONAL for parameter in parameters):
        named = sum(parameter.kind is parameter.POSITIONAL_OR_KEYWORD for parameter in parameters)
        sizes = (*sizes[:named], sizes[named:])
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of PyTorch to itself
            return torch.export.export(module, examples, dynamic_shapes=sizes)
    except Exception as error:
        name, mode = type(module).__name__, "training" if training else "evaluation"
        try:
            copy.deepcopy(module)(*examples)
        except Exception as own:
            raise ValueError(FAILS.format(name=name, reason=first_line(own))) from own
        raise ValueError(NO_EXPORT.format(name=name, mode=mode, reason=first_line(error))) from error


def first_line(error: Exception) -> str:
    """What an error says first."""
    return str(error).strip().split("\n")[0] or type(error).__name__


class Missing(NamedTuple):
    """An operation without a counterpart, and the part that it is in."""

    name: str
    place: str


class Aliased(Exception):  # noqa: N818 (caught where it is raised)
    """Something is written to what shares its memory with something else."""


class Lowered:
    """One of torch.export's graphs as nodes.

    Attributes
    ----------
    nodes, inputs, outputs
        What `Program` takes.
    facts : list
        The name, shape and dtype of each input.
    constants : dict
        Tensors that the graph holds, by name.
    missing : list of Missing
        Operations without a counterpart.
    """

    def __init__(self, torch: Any, program: Any, scopes: Mapping[str, Any]) -> None:
        self.torch, self.scopes = torch, scopes
        try:
            self._lower(program)
        except Aliased:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                program = program.run_decompositions({})
            self._lower(program)

    def _lower(self, program: Any) -> None:
        fx = self.torch.fx
        self.nodes: list[Node] = []
        self.inputs: list[str] = []
        self.facts: list[tuple[Any, ...]] = []
        self.missing: list[Missing] = []
        self.constants: dict[str, Any] = {}
        self.names: dict[Any, str] = {}
        self.shared: set[str] = set()  # values that are views, or of which there are some
        signature = program.graph_signature
        targets = {spec.arg.name: spec for spec in signature.input_specs}
        for node in program.graph.nodes:
            if node.op == "placeholder":
                self._take(node, targets[node.name], program)
            elif node.op == "call_function":
                self._call(node)
            elif node.op == "output":
                specs = zip(signature.output_specs, node.args[0], strict=True)
                found = []
                for spec, value in specs:
                    if spec.kind.name == "USER_OUTPUT":
                        found.append(self._argument(value) if isinstance(value, fx.Node) else value)
                    elif spec.kind.name == "BUFFER_MUTATION":
                        self._assign(spec.target, value)
                tree = self.torch.utils._pytree.tree_unflatten(found, program.call_spec.out_spec)
                self.outputs = plain(tree)
            else:
                self.missing.append(Missing(f"{node.op} {node.target}", ""))

    def _take(self, node: Any, spec: Any, program: Any) -> None:
        """An input of the graph: a parameter, a buffer, a constant, or what the model is given."""
        kind = spec.kind.name
        if kind == "USER_INPUT":
            self.inputs.append(node.name)
            value = node.meta["val"]
            sizes = tuple(size if isinstance(size, int) else None for size in value.shape)
            self.facts.append((node.name, sizes, numpy_dtype(self.torch, value.dtype, node.name)))
            self.names[node] = node.name
            self.shared.add(node.name)
        elif kind in {"PARAMETER", "BUFFER", "CONSTANT_TENSOR"}:
            self.names[node] = own(spec.target)
            if kind == "CONSTANT_TENSOR":
                self.constants[spec.target] = program.constants[spec.target]
        else:
            self.missing.append(Missing(f"an input of kind {kind}", ""))

    def _call(self, node: Any) -> None:
        place, target = self._place(node), node.target
        schema = getattr(target, "_schema", None)
        if schema is None:
            plain_one = target is operator.getitem or getattr(target, "__module__", "") in {
                "_operator",
                "math",
                "builtins",
            }
            if not plain_one:
                self.missing.append(Missing(getattr(target, "__name__", str(target)), place))
                return
            if target is operator.getitem and self._named(node.args[0]) in self.shared:
                self.shared.add(node.name)
            self._add(node, target.__name__, target, place, {})
            return
        name, overload = schema.name.split("::")[1], schema.overload_name
        if name.startswith(CHECKS):
            return
        mutable = schema.is_mutable and name != "detach_"  # which writes into nothing
        base = "detach" if name == "detach_" else name
        if mutable:
            base = name.removesuffix("_")
            if name == "requires_grad_" or not name.endswith("_"):
                self.missing.append(Missing(name, place))
                return
        key = f"{base}.{overload}"
        extra: dict[str, Any] = {}
        function = TABLE.get(key) or TABLE.get(base)
        if function is None and base in DRAWN:
            function, extra = DRAWN[base], {"rng": Drawn}
        elif function is None and base in MADE:
            function, extra = MADE[base], {"beside": Beside}
        if function is None:
            self.missing.append(Missing(f"{base}.{overload}" if overload not in {"", "default"} else base, place))
            return
        if mutable:
            self._write(node, base, function, place, extra)
            return
        first = node.args[0] if node.args else None
        views = base in PERHAPS_VIEWS or any(one.alias_info is not None for one in schema.returns)
        if views and isinstance(first, self.torch.fx.Node):
            self.shared |= {self.names.get(first, ""), node.name}
        self._add(node, base, function, place, extra)

    def _write(self, node: Any, base: str, function: Any, place: str, extra: dict[str, Any]) -> None:
        """An operation that puts its result in the place of its first operand: from then on, both are the result."""
        first = node.args[0]
        before = self.names[first]
        if before.startswith(own("")):
            args, options = self._arguments(node)
            self.nodes.append(Node(node.name, base, writes(function), args, (node.name,), place, {**options, **extra}))
            self.names[node] = before
            return
        if before in self.shared:
            raise Aliased
        self._add(node, base, function, place, extra)
        for other, name in self.names.items():
            if name == before:
                self.names[other] = node.name

    def _assign(self, target: str, value: Any) -> None:
        """What a buffer holds from then on."""
        arguments = (Ref(own(target)), self._argument(value))
        self.nodes.append(Node(f"{target}_new", "copy", writes(shapes.copied), arguments, (f"{target}_new",), ""))

    def _add(self, node: Any, kind: str, function: Any, place: str, extra: dict[str, Any]) -> None:
        args, options = self._arguments(node)
        if not fits(function, args, {**options, **extra}):
            self.missing.append(
                Missing(f"{kind} with {len(args)} arguments and {', '.join(options) or 'no'} options", place)
            )
            return
        place = owner_of(args, place)
        self.nodes.append(Node(node.name, kind, function, args, (node.name,), place, {**options, **extra}))
        self.names[node] = node.name

    def _arguments(self, node: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
        options = {key: self._argument(value) for key, value in node.kwargs.items() if key not in OF_MEMORY}
        return tuple(self._argument(arg) for arg in node.args), options

    def _argument(self, arg: Any) -> Any:
        torch = self.torch
        if isinstance(arg, torch.fx.Node):
            return Ref(self.names.get(arg, arg.name))
        if isinstance(arg, list | tuple):
            return [self._argument(part) for part in arg]
        if isinstance(arg, torch.dtype):
            return numpy_dtype(torch, arg, "a result")
        if isinstance(arg, torch.device | torch.layout | torch.memory_format):
            return None
        return arg

    def _named(self, arg: Any) -> str:
        return self.names.get(arg, "") if isinstance(arg, self.torch.fx.Node) else ""

    def _place(self, node: Any) -> str:
        """The path of the module in which it was called."""
        stack = node.meta.get("nn_module_stack") or {}
        paths = [entry[0] for entry in stack.values()]
        path = re.sub(r"@\d+", "", paths[-1]) if paths else ""
        while path and path not in self.scopes:
            path = path.rpartition(".")[0]
        return path

    def renamed(self, inputs: Sequence[str]) -> list[Node]:
        """The nodes for inputs of other names."""
        names = dict(zip(self.inputs, inputs, strict=True))
        return [
            node._replace(args=with_names(node.args, names), options=with_names(dict(node.options), names))
            for node in self.nodes
        ]


def own(path: str) -> str:
    """What a program calls a parameter, buffer or constant; no value of a graph is called so."""
    return f"self.{path}"


def owner_of(args: tuple[Any, ...], place: str) -> str:
    """The part whose parameters an operation reads, where that is inside of the one that calls it."""
    paths = {
        arg.name.removeprefix(own("")).rpartition(".")[0]
        for arg in args
        if isinstance(arg, Ref) and arg.name.startswith(own(""))
    }
    (path, *others) = paths or {place}
    return path if not others and path.startswith(f"{place}." if place else "") else place


def fits(function: Callable[..., Any], args: tuple[Any, ...], options: Mapping[str, Any]) -> bool:
    """Whether a function takes these arguments."""
    try:
        inspect.signature(function).bind(*args, **options)
    except TypeError:
        return False
    except ValueError:  # of functions written in C
        return not options
    return True


def writes(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function whose result becomes the value of its first operand, a buffer."""

    def write(buffer: Any, *args: Any, **options: Any) -> Any:
        found = values(function(values(buffer), *args, **options))
        buffer.data = np.reshape(found, buffer.shape).astype(buffer.dtype)
        return buffer

    return write


def merged(trained: list[Node], evaluated: list[Node], names: dict[str, str]) -> list[Node] | None:
    """One list of nodes for both modes, if all that differs is what arguments are and what is written to buffers."""
    found: list[Node] = []
    names = dict(names)
    others = iter(evaluated)
    unread = unread_writes(trained)
    for node in trained:
        if node.name in unread:
            found.append(node._replace(in_training=True))
            continue
        other = next(others, None)
        if (
            other is None
            or (node.kind, node.scope) != (other.kind, other.scope)
            or node.options.keys() != other.options.keys()
        ):
            return None
        try:
            args = either(node.args, with_names(other.args, names))
            options = either(dict(node.options), with_names(dict(other.options), names))
        except ValueError:
            return None
        names.update(zip(other.outputs, node.outputs, strict=True))
        found.append(node._replace(args=args, options=options))
    return found if next(others, None) is None else None


def unread_writes(nodes: list[Node]) -> set[str]:
    """The nodes that count batches in buffers, which is all that BatchNorm does beside in training mode."""
    return {
        node.name
        for node in nodes
        if node.kind == "add"
        and node.operation.__qualname__.startswith("writes.")
        and node.args[0].name.endswith("num_batches_tracked")
    }


def with_names(tree: Any, names: Mapping[str, str]) -> Any:
    """Arguments with other names for values."""
    if isinstance(tree, Ref):
        return Ref(names.get(tree.name, tree.name))
    if type(tree) in {list, tuple}:
        return type(tree)(with_names(part, names) for part in tree)
    if isinstance(tree, dict):
        return {key: with_names(part, names) for key, part in tree.items()}
    return tree


def either(a: Any, b: Any) -> Any:
    """What both modes have as an argument, or numbers and truth values for each; ValueError for what differs else."""
    if type(a) in {list, tuple} and type(a) is type(b) and len(a) == len(b):
        return type(a)(either(one, other) for one, other in zip(a, b, strict=True))
    if isinstance(a, dict) and isinstance(b, dict) and a.keys() == b.keys():
        return {key: either(value, b[key]) for key, value in a.items()}
    if type(a) is type(b) and (a is b or a == b):
        return a
    if isinstance(a, bool | int | float) and isinstance(b, bool | int | float):
        return ByMode(a, b)
    raise ValueError


def plain(tree: Any) -> Any:
    """What a model returns in tuples, lists and dicts, whatever classes PyTorch's users have for them."""
    if isinstance(tree, Ref):
        return tree
    if isinstance(tree, Mapping):
        return {key: plain(part) for key, part in tree.items()}
    if isinstance(tree, list):
        return [plain(part) for part in tree]
    return tuple(plain(part) for part in tree) if isinstance(tree, tuple) else tree


def parts_of(torch: Any, module: Any, graphs: Iterable[Lowered]) -> dict[str, tuple[str, Parameter | Buffer]]:
    """Parameters, buffers and constants by the name that the programs have for them, each with its path."""
    held: dict[str, tuple[str, Parameter | Buffer]] = {}
    made: dict[int, Parameter | Buffer] = {}
    for path, tensor in tensors_of(module):
        if id(tensor) not in made:
            made[id(tensor)] = as_part(torch, path, tensor)
        held[own(path)] = (path, made[id(tensor)])
    for graph in graphs:
        for path, tensor in graph.constants.items():
            if own(path) not in held:
                held[own(path)] = (path, as_part(torch, path, tensor))
    return held


def tensors_of(module: Any) -> Iterator[tuple[str, Any]]:
    yield from module.named_parameters(remove_duplicate=False)
    yield from module.named_buffers(remove_duplicate=False)


def as_part(torch: Any, path: str, tensor: Any) -> Parameter | Buffer:
    """A copy: what is learned there as a parameter, also if it is frozen."""
    numpy_dtype(torch, tensor.dtype, path)
    values = np.array(tensor.detach().cpu().numpy())
    if not isinstance(tensor, torch.nn.Parameter) or values.dtype.kind not in "fc":
        return Buffer(values)
    part = Parameter(values)
    part.requires_grad = tensor.requires_grad
    return part


def numpy_dtype(torch: Any, dtype: Any, path: str) -> Any:
    """NumPy's dtype of that name; one that another package has registered, as ml_dtypes does, is none."""
    with contextlib.suppress(TypeError):
        found = np.dtype(str(dtype).removeprefix("torch."))
        if found.isbuiltin == 1:
            return found
    raise TypeError(DTYPE.format(path=path, got=str(dtype)))
