"""`Imported`: a model that was built elsewhere, as an `nn.Module`. What reads PyTorch's and ONNX's is elsewhere."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, NoReturn

import numpy as np

from autograd_mini import scope
from nn.checks import as_input
from nn.models.program import Beside, Drawn, Program
from nn.module import Module, note_place
from nn.parameter import Buffer, Parameter

ARGUMENTS = "{name} takes {count} inputs ({names}), and was given {got}."
SHAPE = (
    "{name} was given {input} of shape {got}, and was read with {want}. Sizes with a name may be any; read the model "
    "again with an example of the shape that you need."
)
KIND = "{name} was given {input} of dtype {got}, and was read with {want}. Write `.astype({want!r})`."
INNER = (
    "{path} is a part of an imported model, whose nodes run one after the other in those of the whole: it has no call "
    "of its own{hook}. Call the model; `nn.signals` and `draw` show what each part does."
)


class Input(NamedTuple):
    """What a model was read with: sizes that may be any are None, or what the file calls them."""

    name: str
    shape: tuple[int | str | None, ...] | None = None
    dtype: Any = None


class Part(Module):
    """A place in the tree of an imported model: what it holds, and whether it is in training mode.

    Parameters
    ----------
    kind : str
        What it was where it comes from, such as the name of its class.
    path : str
        Where it is.
    """

    def __init__(self, kind: str, path: str = "") -> None:
        super().__init__()
        self.kind, self.path = kind, path

    @property
    def _type(self) -> str:
        return self.kind

    def forward(self, *args: Any, **kwargs: Any) -> NoReturn:  # noqa: ARG002
        raise TypeError(INNER.format(path=self.path, hook=""))

    def register_forward_pre_hook(self, hook: Any) -> NoReturn:  # noqa: ARG002
        raise TypeError(INNER.format(path=self.path, hook=" that a hook could see"))

    register_forward_hook = register_forward_pre_hook


class Imported(Module):
    """A model that was built elsewhere: parts by name, and the nodes that `forward` runs.

    `nn.from_torch` and `nn.load_onnx` make it.

    Parameters
    ----------
    kind : str
        What it is called where it comes from.
    inputs : sequence of Input
        What it takes.
    program : Program
        What it computes; it reads what is held here by the names that `held` has.
    held : dict
        The parameters and buffers by the name that the program has for them, each with its dotted path. One that has
        several paths is in several places, and is one parameter.
    kinds : dict, optional
        What each part is called where it comes from, by path; outer parts come before inner ones.
    evaluation : Program, optional
        What it computes in evaluation mode, if that is another computation.
    rng : int or numpy.random.Generator, optional
        Where dropout and the like come from.
    """

    _has_parts_to_change = False  # they are nodes of the whole

    def __init__(
        self,
        kind: str,
        inputs: Sequence[Input],
        program: Program,
        held: Mapping[str, tuple[str, Parameter | Buffer]],
        *,
        kinds: Mapping[str, str] | None = None,
        evaluation: Program | None = None,
        rng: int | np.random.Generator | None = None,
    ) -> None:
        super().__init__()
        self.kind, self.inputs = kind, tuple(inputs)
        kinds_of_numbers = {np.dtype(given.dtype).kind for given in inputs if given.dtype is not None}
        object.__setattr__(self, "indexed", not kinds_of_numbers.isdisjoint("iu"))
        object.__setattr__(self, "_scope", scope(kind))
        self.rng = np.random.default_rng(rng)
        self.program = program
        self.evaluation = program if evaluation is None else evaluation
        self.paths: dict[str, str] = {}  # where what the original calls by this path is here
        self.places: dict[str, tuple[str, ...]] = {}  # where what the program calls by this name is
        self._modes: dict[str, tuple[str, ...]] = {"": ()}
        owned: dict[str, list[str]] = {}
        for name, (path, _) in held.items():
            owned.setdefault(path.rpartition(".")[0], []).append(name)
        for owner, what in {"": "", **(kinds or {})}.items():  # before the parts of a module, what it holds itself
            if owner:
                self._modes[owner] = self._place(owner, Part(what, owner))
            for name in owned.pop(owner, ()):
                self._hold(name, *held[name])
        for names in owned.values():
            for name in names:
                self._hold(name, *held[name])
        for node in (*self.program.nodes, *self.evaluation.nodes):
            if node.scope not in self._modes:
                self._modes[node.scope] = self._place(node.scope, Part("Part", node.scope))

    @property
    def _type(self) -> str:
        return self.kind

    def _hold(self, name: str, path: str, part: Parameter | Buffer) -> None:
        """Put a parameter or buffer where its path says, and remember where that is."""
        self.places[name] = self._place(path, part)
        self.paths[path] = ".".join(self.places[name])

    def _place(self, path: str, part: Any) -> tuple[str, ...]:
        """Put a part where its path says, and tell by which attributes it is reached.

        Names that a module has for something else get an underscore behind them.
        """
        *outer, last = path.split(".")
        module: Module = self
        attributes = []
        for i, name in enumerate(outer):
            attribute = attribute_of(module, name, Part)
            if attribute not in vars(module):
                setattr(module, attribute, Part("Part", ".".join(outer[: i + 1])))
            module = vars(module)[attribute]
            attributes.append(attribute)
        attribute = attribute_of(module, last, type(part))
        held = vars(module).get(attribute)
        if held is None:
            setattr(module, attribute, part)
        elif isinstance(held, Part):
            held.kind = part.kind
        return (*attributes, attribute)

    def _at(self, attributes: tuple[str, ...]) -> Any:
        return functools.reduce(getattr, attributes, self)

    def forward(self, *args: Any) -> Any:
        """What the model returns: a tensor, or tuples, lists and dicts of them."""
        if len(args) != len(self.inputs):
            names = ", ".join(given.name for given in self.inputs)
            raise TypeError(ARGUMENTS.format(name=self._title(), count=len(self.inputs), names=names, got=len(args)))
        program = self.program if self.training else self.evaluation
        values = {}
        for given, arg in zip(self.inputs, args, strict=True):
            values[given.name] = self._checked(given, arg)
        for name, attributes in self.places.items():
            if name in program.reads:
                values[name] = self._at(attributes)
        first = next((part for _, part in self.named_parts() if not isinstance(part, Module)), None)
        facts = {Drawn: self.rng, Beside: first}
        try:
            return program.run(values, self._in_training, facts)
        except Exception as error:
            self._note(error)
            raise

    def _in_training(self, path: str) -> bool:
        return self._at(self._modes[path]).training

    def _checked(self, given: Input, arg: Any) -> Any:
        """An input as an array or tensor, of the shape and the kind of numbers that the model was read with."""
        arg = as_input(arg)
        facts = {"name": self._title(), "input": given.name}
        if given.shape is not None:
            fits = len(given.shape) == arg.ndim
            sizes = zip(given.shape, arg.shape, strict=True) if fits else ()
            if not fits or any(isinstance(want, int) and want != size for want, size in sizes):
                raise ValueError(SHAPE.format(**facts, got=arg.shape, want=in_words(given.shape)))
        if given.dtype is not None and (arg.dtype.kind in "fc") != (np.dtype(given.dtype).kind in "fc"):
            raise TypeError(KIND.format(**facts, got=arg.dtype, want=str(np.dtype(given.dtype))))
        return arg

    def _note(self, error: Exception) -> None:
        """Add to an error the part in which it came up."""
        path = vars(error).pop("_of_part", None)
        attributes = self._modes.get(path, ()) if path is not None else ()
        for end in range(len(attributes), 0, -1):
            note_place(error, self._at(attributes[:end]))


def attribute_of(module: Module, name: str, kind: type) -> str:
    """The attribute for a part of this name: with an underscore behind it where the name is taken otherwise."""
    reserved = dir(type(module))
    while True:
        held = vars(module).get(name)
        if name not in reserved and (name not in vars(module) or (isinstance(held, Part) and kind is Part)):
            return name
        name += "_"


def in_words(shape: tuple[int | str | None, ...]) -> str:
    """A shape with a name for what may be any."""
    sizes = ["n" if size is None else str(size) for size in shape]
    return f"({', '.join(sizes)}{',' if len(sizes) == 1 else ''})"
