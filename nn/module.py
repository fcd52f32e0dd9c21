"""`Module`: models as trees of named parts. No layer and no training lives here."""

from __future__ import annotations

import contextlib
import copy
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, ParamSpec, Protocol, Self, TypeAlias, TypeVar

import numpy as np

from autograd_mini import Batch, Slot, Tensor, devices, elsewhere, scope, showing
from nn.elsewhere import MODULE, explains
from nn.parameter import Buffer, Parameter

STATE_NAMES = (
    "load_state_dict() was given a state that does not fit this model: missing {missing}, unknown {unknown}. "
    "Load what `state_dict()` of a model of the same structure returned."
)
STATE_SHAPE = (
    "load_state_dict() was given an array of shape {got} for {name}, which has shape {want}. The models differ in "
    "size; build this one with the sizes that the state was saved from."
)
STATE_DTYPE = (
    "load_state_dict() was given an array of dtype {got} for {name}, which has dtype {want} and cannot hold it. Write "
    "`.astype(...)` on it, or change the model first: `model = model.astype({got!r})`."
)
NO_FORWARD = "{name} was called, but has no `forward`. Define `def forward(self, x): ...` in the class."
NO_INIT = "{name} was given a part before `Module.__init__` ran. Call `super().__init__()` first in its `__init__`."
REPLACED = (
    "{owner}.{name} = ... would put a {got} in place of a {kind}, which would then no longer be {use}. Write "
    "`{owner}.{name}.data = ...` for new values, or `nn.{kind}(...)` for a new {kind}."
)
SEVERAL_DEVICES = (
    "The parameters of this {name} are on several devices: {devices}. Write `model.to_device(...)` for a copy that is "
    "on one, or ask its parts."
)
ASTYPE = (
    "{name}.astype({dtype!r}): parameters are floating-point or complex numbers. Write e.g. `model.astype(np.float64)`."
)
NOT_LEARNED = (
    "{name}.{attribute} is a tensor that requires grad but no parameter: it would be neither learned nor saved. Write "
    "`self.{attribute} = nn.Parameter(...)`; of an input that is remembered, keep `x.detach()`."
)
ARRAYS = " It holds {names}, which is not learned: write `self.{name} = nn.Parameter(...)` for what is."
SAME_PATH = (
    "Two different parts of this {name} have the path {path!r}, so only one of them could be saved. Give the keys of a "
    "dict other names: they must differ as strings, and hold no dot."
)
SET = "{path} is a set of parts, which have no order and no names. Write a list or a dict."
NO_STATE = "load_state_dict() was given a {got}. Load the dict that `state_dict()` returned."
PLACE = "This came up in {path}."
OF_ONE_EXAMPLE = (
    "{owner}.{name} = ... would keep a value that differs among the {size} examples of a vmap "
    "(`nn.per_example_grad` is one), and means nothing after it. Return it from `forward`, or do not set it inside a "
    "vmap."
)
NOT_A_HOOK = "{name}.{method}() was given a {got}. Write a function of {arguments}."

P = ParamSpec("P")
Output_co = TypeVar("Output_co", covariant=True)
Part: TypeAlias = "Module | Parameter | Buffer"
Hook = Callable[..., Any]
PLAIN = (bool, int, float, complex, str, bytes, type(None))
CHANGES = [0]  # how often an attribute of any module was set, which tells that none was since


class Forward(Protocol[P, Output_co]):
    """What has a `forward`: to type checkers a module is called as its own, and returns what that returns."""

    def forward(self, *args: P.args, **kwargs: P.kwargs) -> Output_co: ...


class Module:
    """A part of a model: parameters, buffers and other modules as attributes, and `forward`.

    Lists, tuples and dicts of modules and parameters count as parts too, and a part that stands in two places is one
    part with two names. Operations made while a module runs carry its path, such as `MLP.0`, which drawings group by.

    Examples
    --------
    >>> import numpy as np
    >>> import nn
    >>> class Scale(nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.factor = nn.Parameter(np.ones(3))
    ...     def forward(self, x):
    ...         return x * self.factor
    >>> model = Scale()
    >>> [name for name, _ in model.named_parameters()]
    ['factor']
    >>> print(model)
    Scale(factor: (3,))
    """

    training: bool
    indexed: ClassVar[bool] = False  # whether whole numbers that it is given are places in a table
    _has_parts_to_change: ClassVar[bool] = True  # whether its parts can be exchanged
    _name: str | None
    _scope: scope
    _before: tuple[Hook, ...] = ()
    _after: tuple[Hook, ...] = ()

    @explains("layer")
    def __init__(self) -> None:
        object.__setattr__(self, "training", True)
        object.__setattr__(self, "_name", None)
        object.__setattr__(self, "_scope", scope(type(self).__name__))

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "__init__" in vars(cls) and cls.__module__.startswith("nn."):
            cls.__init__ = explains("layer")(cls.__init__)  # type: ignore[method-assign]

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the output; subclasses define it."""
        raise NotImplementedError(NO_FORWARD.format(name=type(self).__name__))

    def _run(self, *args: Any, **kwargs: Any) -> Any:
        with self._scope:
            try:
                for hook in self._before:
                    changed = hook(self, args)
                    if changed is not None:
                        args = changed if isinstance(changed, tuple) else (changed,)
                output = self.forward(*args, **kwargs)
                for hook in self._after:
                    changed = hook(self, args, output)
                    if changed is not None:
                        output = changed
            except Exception as error:
                note_place(error, self)
                raise
            return output

    if TYPE_CHECKING:

        def __call__(self: Forward[P, Output_co], *args: P.args, **kwargs: P.kwargs) -> Output_co: ...

    else:
        __call__ = _run

    def __setattr__(self, name: str, value: Any) -> None:
        own = self.__dict__
        if "_name" not in own:
            raise AttributeError(NO_INIT.format(name=type(self).__name__))
        held = own.get(name)
        if isinstance(held, Parameter | Buffer) and value is not None and not isinstance(value, type(held)):
            raise TypeError(replaced(self, name, held, value))
        values = value.data if isinstance(value, Tensor) else value
        if isinstance(values, Batch):
            size = values.level.size
            raise TypeError(OF_ONE_EXAMPLE.format(owner=own["_name"] or type(self).__name__, name=name, size=size))
        object.__setattr__(self, name, value)
        CHANGES[0] += 1
        for path, part in parts(value, name):
            if not isinstance(part, Module):
                if part.name is None:
                    part.name = path
            elif part._name is None:
                object.__setattr__(part, "_name", path)
                object.__setattr__(part, "_scope", scope(path))

    if not TYPE_CHECKING:  # to checkers no other name exists

        def __getattr__(self, name: str) -> Any:
            """Only what is not there comes here: say so, with what to write, or the nearest name that is there."""
            known = () if name.startswith("_") else dir(self)
            raise elsewhere.no_attribute(type(self).__name__, name, MODULE, self, known)

    def named_parts(self) -> Iterator[tuple[str, Part]]:
        """Every module, parameter and buffer below this one with its path, each once, in the order of definition."""
        seen: set[int] = set()
        stack: list[tuple[str, Part]] = [("", self)]
        while stack:
            path, part = stack.pop()
            if id(part) in seen:
                continue
            seen.add(id(part))
            if path:
                yield path, part
            if isinstance(part, Module):
                stack.extend(reversed(list(part._own_parts(path))))

    def _own_parts(self, path: str = "") -> Iterator[tuple[str, Part]]:
        """The parts that this module holds itself, with their paths below `path`."""
        prefix = f"{path}." if path else ""
        for name, value in vars(self).items():
            yield from parts(value, prefix + name)

    def named_parameters(self) -> Iterator[tuple[str, Parameter]]:
        """The parameters with their paths, such as `layers.0.weights`; a shared one comes once."""
        return ((path, part) for path, part in self.named_parts() if isinstance(part, Parameter))

    def parameters(self) -> Iterator[Parameter]:
        """The parameters, each once.

        Raises
        ------
        TypeError
            If a module has a tensor that requires grad as an attribute, which is no `Parameter`, and so would not be
            among them.
        """
        for module in (self, *(module for _, module in self.named_modules())):
            for name, value in vars(module).items():
                if isinstance(value, Tensor) and not isinstance(value, Parameter | Buffer) and is_leaf(value):
                    raise TypeError(NOT_LEARNED.format(name=type(module).__name__, attribute=name))
        return Parameters(self)

    def named_buffers(self) -> Iterator[tuple[str, Buffer]]:
        """The buffers with their paths, such as `layers.1.mean`, each once."""
        return ((path, part) for path, part in self.named_parts() if isinstance(part, Buffer))

    def named_modules(self) -> Iterator[tuple[str, Module]]:
        """The modules below this one with their paths, each once."""
        return ((path, part) for path, part in self.named_parts() if isinstance(part, Module))

    def named_generators(self) -> Iterator[tuple[str, np.random.Generator]]:
        """The random generators that this module and those below hold as attributes, such as dropout's `rng`, each
        once."""
        seen: set[int] = set()
        for path, module, name in self._generators():
            value = vars(module)[name]
            if id(value) not in seen:
                seen.add(id(value))
                yield path, value

    def count_parameters(self, trainable: bool = False) -> int:
        """How many numbers are learned here and below; with `trainable`, without those that are frozen."""
        return sum(
            parameter.size for _, parameter in self.named_parameters() if parameter.requires_grad or not trainable
        )

    def apply(self, function: Callable[[Module], object]) -> Self:
        """Call `function` with every module below, then with this one; return this one."""
        for _, module in self.named_modules():
            function(module)
        function(self)
        return self

    def freeze(self, frozen: bool = True) -> Self:
        """Stop learning here and below: the parameters need no gradient, and optimizers pass them over.

        A gradient that they still hold is cleared. Undone by `unfreeze()`, here or on a part.
        """
        for _, parameter in self.named_parameters():
            parameter.requires_grad = not frozen
            if frozen:
                parameter.grad = None
        return self

    def unfreeze(self) -> Self:
        """Learn again, here and below."""
        return self.freeze(False)

    @explains("function")
    def zero_grad(self) -> None:
        """Clear the gradient of every parameter."""
        for _, parameter in self.named_parameters():
            parameter.grad = None

    @explains("function")
    def train(self, training: bool = True) -> Self:
        """Set training mode, here and below."""
        CHANGES[0] += 1
        return self.apply(lambda module: object.__setattr__(module, "training", training))

    def eval(self) -> Self:
        """Set evaluation mode, here and below."""
        return self.train(False)

    def astype(self, dtype: Any) -> Self:
        """A copy of this module whose parameters and floating-point buffers have another precision.

        As with an array's `astype`, this module stays as it is; make the optimizer from the copy.

        Raises
        ------
        TypeError
            If the dtype is not one of floating-point or complex numbers.
        """
        dtype = np.dtype(dtype)
        if dtype.kind not in "fc":
            raise TypeError(ASTYPE.format(name=type(self).__name__, dtype=str(dtype)))
        return self._converted(lambda part: part.data.astype(dtype) if part.dtype.kind in "fc" else None)

    @property
    def device(self) -> str:
        """Where the parameters and buffers are, such as "cpu" or "cuda:0".

        Raises
        ------
        ValueError
            If they are on several devices.
        """
        found = sorted({part.device for _, part in self.named_parts() if not isinstance(part, Module)})
        if len(found) > 1:
            raise ValueError(SEVERAL_DEVICES.format(name=type(self).__name__, devices=", ".join(found)))
        return found[0] if found else "cpu"

    def to_device(self, device: Any) -> Self:
        """A copy of this module whose parameters and buffers are on another device.

        As with `astype`, this module stays as it is; make the optimizer from the copy.

        Parameters
        ----------
        device : str, torch.device or cupy.cuda.Device
            "cpu" is NumPy's; "torch:cpu", "cuda:0", "mps" and "meta" are PyTorch's; "cupy:0" is CuPy's.

        Examples
        --------
        >>> import nn
        >>> model = nn.MLP([2, 3], rng=0)
        >>> model.to_device("cpu").device
        'cpu'
        """
        return self._converted(lambda part: devices.to_device(part.data, device))

    def _converted(self, change: Callable[[Any], Any]) -> Self:
        """A copy with other arrays in the places of those of parameters and buffers; None leaves one as it is."""
        twins: dict[int, Any] = {}
        for _, part in self.named_parts():
            array = None if isinstance(part, Module) else change(part)
            if array is not None and not isinstance(part, Module):
                twin = twins[id(part)] = type(part)(array, name=part.name)
                twin.requires_grad = part.requires_grad
                for hook in part.hooks:
                    twin.register_hook(hook)
        return copy.deepcopy(self, twins)

    def register_forward_pre_hook(self, hook: Hook) -> RemovableHook:
        """Call `hook(module, args)` before each `forward`; what it returns, if not None, replaces the arguments.

        Returns
        -------
        RemovableHook
            `.remove()` takes the hook away; so does the end of a `with` block.
        """
        return RemovableHook(self, "_before", "register_forward_pre_hook", hook, "the module and its arguments")

    def register_forward_hook(self, hook: Hook) -> RemovableHook:
        """Call `hook(module, args, output)` after each `forward`; what it returns, if not None, replaces the output.

        Returns
        -------
        RemovableHook
            `.remove()` takes the hook away; so does the end of a `with` block.

        Examples
        --------
        >>> import numpy as np
        >>> import nn
        >>> model = nn.MLP([2, 3, 1], rng=0)
        >>> with model[0].register_forward_hook(lambda module, args, output: print(output.shape)):
        ...     _ = model(np.ones((5, 2)))
        (5, 3)
        """
        return RemovableHook(self, "_after", "register_forward_hook", hook, "the module, its arguments and its output")

    def state_dict(self) -> dict[str, np.ndarray[Any, Any]]:
        """A copy of the values of every parameter and buffer, by path, in the host's memory."""
        return {path: np.array(devices.to_host(part.data)) for path, part in self._arrays().items()}

    def _arrays(self) -> dict[str, Parameter | Buffer]:
        """The parameters and buffers by path."""
        own: dict[str, Parameter | Buffer] = {}
        for path, part in self.named_parts():
            if not isinstance(part, Module):
                if path in own:
                    raise ValueError(SAME_PATH.format(name=type(self).__name__, path=path))
                own[path] = part
        return own

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Set every parameter and buffer to the values in `state`; everything is checked before anything is set.

        Raises
        ------
        ValueError
            If a name is missing or unknown, or a shape differs.
        TypeError
            If the values are complex for real parameters, or not numbers.
        """
        if not isinstance(state, Mapping):
            raise TypeError(NO_STATE.format(got=type(state).__name__))
        own = self._arrays()
        missing, unknown = sorted(own.keys() - state.keys()), sorted(state.keys() - own.keys())
        if missing or unknown:
            raise ValueError(STATE_NAMES.format(missing=missing or "nothing", unknown=unknown or "nothing"))
        arrays = {}
        for name, part in own.items():
            given = np.asarray(devices.to_host(devices.adopted(state[name])))
            if given.shape != part.shape:
                raise ValueError(STATE_SHAPE.format(name=name, got=given.shape, want=part.shape))
            if not np.can_cast(given.dtype, part.dtype, "same_kind"):
                raise TypeError(STATE_DTYPE.format(name=name, got=str(given.dtype), want=part.dtype))
            arrays[name] = np.array(given, dtype=part.dtype)
        for name, part in own.items():
            part.data = arrays[name]

    # What a compiled step asks

    def __step_slots__(self) -> Iterator[tuple[str, Any]]:
        """The parameters, buffers and random generators: what a step of this model may change."""
        for path, part in self.named_parts():
            if not isinstance(part, Module):
                yield path, part
        for path, module, name in self._generators():
            yield path, Slot(path, functools.partial(getattr, module, name), functools.partial(put, module, name))

    def __step_guard__(self) -> tuple[Callable[[], Any], Callable[[], Any]]:
        """Whether any module was changed; and all else that the computation of this one depends on."""
        known: list[Any] = [None, None]

        def values() -> Any:
            if known[0] != CHANGES[0]:
                now = {f"{path}.{name}" if path else name: value for path, name, value in self._settings()}
                known[:] = CHANGES[0], (known[1] if now == known[1] else now)
            return known[1]

        return CHANGES.copy, values

    def _generators(self) -> Iterator[tuple[str, Module, str]]:
        """The path of each attribute here and below that holds a random generator, with its module and name."""
        for path, module in (("", self), *self.named_modules()):
            for name, value in vars(module).items():
                if isinstance(value, np.random.Generator):
                    yield (f"{path}.{name}" if path else name), module, name

    def _settings(self) -> Iterator[tuple[str, str, Any]]:
        """The path of each module here and below, and its attributes; those that are no numbers by identity."""
        for path, module in (("", self), *self.named_modules()):
            yield path, "(class)", type(module)
            for name, value in vars(module).items():
                if name not in {"_name", "_scope"}:
                    yield path, name, setting(value)

    def __tree_flatten__(self) -> tuple[list[Parameter], Callable[[Sequence[Any]], Any]]:
        """The parameters, and how to make this module with other values in their places: for `grad` of a module."""
        own = [parameter for _, parameter in self.named_parameters()]

        def rebuild(values: Sequence[Any]) -> Any:
            return copy.deepcopy(self, {id(parameter): value for parameter, value in zip(own, values, strict=True)})

        return own, rebuild

    @property
    def _type(self) -> str:
        """What kind of module it is: its class, or that which it had where it comes from."""
        return type(self).__name__

    def _title(self, *sizes: Any) -> str:
        """What errors call this module: where it is and what it is, such as `layers.0: Linear(3, 2)`."""
        kind = self._type
        what = f"{kind}({', '.join(map(str, sizes))})" if sizes else kind
        return what if self._name in {None, kind} else f"{self._name}: {what}"

    def describe(self) -> str:
        """What `repr` says of this module besides its parts, such as sizes."""
        return ""

    def _tree(self) -> Iterator[tuple[list[str], Module, str | None, list[tuple[str, Part]]]]:
        """This module and those below as `repr` shows them: path, module, where it was before, and its parts."""
        shown: dict[int, str] = {}
        stack: list[tuple[list[str], Module]] = [([], self)]
        while stack:
            path, module = stack.pop()
            below = [] if id(module) in shown else list(module._own_parts())
            yield path, module, shown.get(id(module)), below
            shown.setdefault(id(module), ".".join(path) or "the whole")
            stack.extend(([*path, label], part) for label, part in reversed(below) if isinstance(part, Module))

    def __repr__(self) -> str:
        lines = []
        for path, module, before, below in self._tree():
            head = "  " * len(path) + "".join(f"{label}: " for label in path[-1:]) + module._type
            lines.append(head + (module._described(below) if before is None else f", the same as {before}"))
        return "\n".join(lines)

    def _described(self, below: list[tuple[str, Part]]) -> str:
        """The arguments of one line of `repr`: sizes, shapes, and the count where there are modules below."""
        arrays = [part for _, part in below if not isinstance(part, Module)]
        count = f"  # {self.count_parameters():,} parameters" if len(arrays) < len(below) else ""
        return f"({', '.join(filter(None, (self.describe(), *shapes(below))))}){count}"

    def _repr_html_(self) -> str:
        rows = []
        for path, module, before, below in self._tree():
            own = sum(part.size for _, part in below if isinstance(part, Parameter))
            said = [module.describe(), *shapes(below)] if before is None else [f"the same as {before}"]
            kind = "\N{EM SPACE}" * (len(path) - 1) + module._type
            if path or own or not below:  # the title says what a mere container is
                rows.append([".".join(path), kind, ", ".join(filter(None, said)), f"{own:,}" if own else ""])
        title = f"{self._type}, {self.count_parameters():,} parameters"
        return showing.table(["part", "module", "sizes", "parameters"], rows, words=range(3), above=[title])


def shapes(below: list[tuple[str, Part]]) -> list[str]:
    """The shape of each parameter and buffer among the parts of a module."""
    return [
        f"{path}: {part.shape}" + (" frozen" if isinstance(part, Parameter) and not part.requires_grad else "")
        for path, part in below
        if not isinstance(part, Module)
    ]


class Parameters(Iterator[Parameter]):
    """The parameters of a module one after the other; where there is none, they tell what else it holds."""

    def __init__(self, module: Module) -> None:
        self._module = module
        self._each = (parameter for _, parameter in module.named_parameters())

    def __repr__(self) -> str:
        return f"<parameters of {type(self._module).__name__}, an iterator: write `list(model.parameters())`>"

    def __next__(self) -> Parameter:
        return next(self._each)

    def not_learned(self) -> str:
        """What to write for the arrays that the module and those below hold as attributes, which are not learned."""
        modules = (self._module, *(module for _, module in self._module.named_modules()))
        named = [(type(module).__name__, name, value) for module in modules for name, value in vars(module).items()]
        found = [f"{kind}.{name}" for kind, name, value in named if is_number_array(value)]
        if not found:
            return ""
        return ARRAYS.format(names=", ".join(found), name=found[0].rpartition(".")[2])


def is_number_array(value: Any) -> bool:
    """Whether a value is floating-point numbers that are no part of a module."""
    loose = isinstance(value, np.ndarray) or (isinstance(value, Tensor) and not isinstance(value, Parameter | Buffer))
    return loose and value.dtype.kind in "fc"


class Same:
    """A value that is compared by identity."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and other.value is self.value

    def __repr__(self) -> str:
        return f"a {type(self.value).__name__}"

    __hash__ = None  # type: ignore[assignment]


def setting(value: Any) -> Any:
    """An attribute in a form that is equal as long as it says the same."""
    if isinstance(value, PLAIN):
        return value
    if isinstance(value, list | tuple):
        return (type(value), *map(setting, value))
    if isinstance(value, dict):
        return (type(value), *((key, setting(part)) for key, part in value.items()))
    return Same(value)


def put(module: Module, name: str, value: Any) -> None:
    """Set an attribute that is no part, such as a generator or a hook."""
    CHANGES[0] += 1
    object.__setattr__(module, name, value)


class RemovableHook:
    """What takes a hook away again: by `remove()`, or at the end of a `with` block."""

    def __init__(self, module: Module, place: str, method: str, hook: Any, arguments: str) -> None:
        if not callable(hook):
            got = type(hook).__name__
            raise TypeError(NOT_A_HOOK.format(name=type(module).__name__, method=method, got=got, arguments=arguments))
        self._module, self._place, self._hook = module, place, hook
        put(module, place, (*getattr(module, place), hook))

    def remove(self) -> None:
        """Take the hook away; a second time does nothing."""
        hooks = list(getattr(self._module, self._place))
        if self._hook in hooks:
            hooks.remove(self._hook)
            put(self._module, self._place, tuple(hooks))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.remove()


def replaced(owner: Module, name: str, held: Parameter | Buffer, value: Any) -> str:
    """Why `value` cannot take the place of a parameter or buffer."""
    kind = "Parameter" if isinstance(held, Parameter) else "Buffer"
    use = "learned" if kind == "Parameter" else "saved"
    return REPLACED.format(owner=owner._name or "module", name=name, got=type(value).__name__, kind=kind, use=use)


def is_leaf(tensor: Tensor) -> bool:
    """Whether a tensor requires grad and was computed from no others."""
    try:
        tensor.requires_grad = tensor.requires_grad
    except AttributeError:
        return False
    return tensor.requires_grad


def parts(value: Any, path: str) -> Iterator[tuple[str, Part]]:
    """The modules, parameters and buffers in an attribute's value, nested lists, tuples and dicts included."""
    stack = [(path, value)]
    while stack:
        here, item = stack.pop()
        if isinstance(item, Module | Parameter | Buffer):
            yield here, item
        elif isinstance(item, list | tuple):
            stack.extend((f"{here}.{i}", inner) for i, inner in reversed(list(enumerate(item))))
        elif isinstance(item, dict):
            stack.extend((f"{here}.{key}", inner) for key, inner in reversed(item.items()))
        elif isinstance(item, set | frozenset) and any(isinstance(inner, Module | Tensor) for inner in item):
            raise TypeError(SET.format(path=here))


def note_place(error: Exception, module: Module) -> None:
    """Add to an error the path to where it came up, which gets one module longer at each call that it leaves."""
    with contextlib.suppress(AttributeError):  # of errors that cannot be changed
        inner = vars(error).get("_place")
        here = module._title() if inner is None else f"{module._name or module._type}.{inner}"
        note = PLACE.format(path=inner)
        if note in getattr(error, "__notes__", ()):
            error.__notes__.remove(note)
        if inner is not None:
            error.add_note(PLACE.format(path=here))
        error._place = here  # type: ignore[attr-defined]
