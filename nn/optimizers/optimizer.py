"""`Optimizer`: the shell that applies an update rule to a model's parameters; the rules are in optim.py."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from operator import itemgetter
from typing import Any, ClassVar

import numpy as np

from autograd_mini import Slot, Tensor, devices, elsewhere
from nn.elsewhere import CLOSURE, OPTIMIZER, explains
from nn.module import Module, Parameters
from nn.optimizers.joined import Joined, groups
from nn.parameter import Parameter

NO_PARAMETERS = "{name} was given no parameters. Pass `model.parameters()` of a model that has some.{arrays}"
NOT_PARAMETERS = (
    "{name} was given a {what} where a parameter belongs. Write `nn.{name}(model.parameters(), ...)`; for parts that "
    "learn at rates of their own, `nn.Optimizers(nn.{name}(...), nn.{name}(...))`."
)
CONSTANT = (
    "{name} was given a tensor of shape {shape} that does not require grad, so it would never move. Make it an "
    "`nn.Parameter`, or `Tensor(..., requires_grad=True)`."
)
ALL_FROZEN = (
    "{name} was given parameters that are all frozen. Set `requires_grad = True` on those to be learned before making "
    "the optimizer."
)
RESULT = (
    "{name} was given a tensor of shape {shape} that was computed from others. Only tensors that you made can be "
    "updated: pass those that it was computed from."
)
TWICE = (
    "{name} was given the parameter {parameter!r} of shape {shape} twice and would move it twice a step. Pass each "
    "once; `model.parameters()` does."
)
OUT_OF_RANGE = "{name}({option}={value!r}): must be {bounds}."
RATE_OF_SCHEDULE = (
    "{name}: the schedule returned {value!r} for step {step}. A schedule maps a step, counted from 0, to a finite rate "
    "that is not negative, such as `nn.schedules.cosine(0.1, steps=1000)`."
)
NO_GRADIENT = (
    "step() was called, but no parameter has a gradient. Call `loss.backward()` first, and `zero_grad()` after it."
)
TENSOR_STEP = (
    "step() was called on an optimizer whose learning rate or other option is a tensor that requires grad. A step puts "
    "new values into parameters, which have no history. Use `update(param, grad, state)`, which returns tensors."
)
STATE_KIND = (
    "load_state_dict() was given {got}, but this is {want}. Load what `state_dict()` of an optimizer of the same class "
    "and as many parameters returned."
)
STATE_NAMES = (
    "load_state_dict() was given a state that does not fit this {name}: missing {missing}, unknown {unknown}. Load "
    "what `state_dict()` of the same class returned."
)
STATE_ENTRY = (
    "load_state_dict() was given {got} for {entry!r}, which is {want} here. Load the state into an optimizer of a "
    "model of the same sizes."
)
STATE_SCHEDULE = (
    "load_state_dict() was given the state of an optimizer with a schedule, which is a function and not saved. Build "
    "this {name} with the same schedule: `learning_rate=nn.schedules...`."
)
STATE_FIXED = (
    "load_state_dict() was given the state of an optimizer with the fixed learning rate {rate}, which would replace "
    "the schedule that this {name} has. Build it with a fixed rate; to go on with a schedule, assign it after loading: "
    "`optimizer.learning_rate = nn.schedules...`."
)
NO_UPDATE = "{name} has no `update`. Define `def update(self, param, grad, state): return new_param, new_state`."
GROUPED = (
    "An `nn.Optimizers` has {attribute!r} for each of its groups: write `for group in optimizer.groups: "
    "group.{attribute}`."
)
NO_GROUPS = "Optimizers(...) was given {what}. Pass optimizers: `nn.Optimizers(nn.SGD(...), nn.Adam(...))`."

SLOTS = {"parameters", "_state", "_joined", "_alone", "_steps", "_rate", "_learning_rate", "_release"}

Bounds = tuple[str, Callable[[Any], Any]]
POSITIVE: Bounds = "a positive number", lambda value: 0 < value < math.inf
NOT_NEGATIVE: Bounds = "a number that is not negative", lambda value: 0 <= value < math.inf
SHARE: Bounds = "in [0, 1)", lambda value: 0 <= value < 1
FLAG: Bounds = "True or False", lambda value: isinstance(value, bool)
COUNT: Bounds = "a whole number, not negative", lambda value: isinstance(value, int) and value >= 0
BOUNDS: dict[str, Bounds] = {
    "learning_rate": POSITIVE,
    "momentum": SHARE,
    "dampening": SHARE,
    "nesterov": FLAG,
    "amsgrad": FLAG,
    "maximize": FLAG,
    "weight_decay": NOT_NEGATIVE,
    "decay": SHARE,
    "beta1": SHARE,
    "beta2": SHARE,
    "eps": POSITIVE,
    "steps": COUNT,
}


@elsewhere.answering("An optimizer", OPTIMIZER, fixed=["lr"])
class Optimizer:
    r"""What all optimizers share; a new one defines `update`.

    Parameters
    ----------
    parameters : iterable of Parameter
        What to learn. Those that are frozen (`requires_grad` is False) or have no gradient are passed over.
    learning_rate : float or callable
        :math:`\eta`; or a schedule, a function from the number of steps taken to a rate, such as
        `nn.schedules.cosine(0.1, steps=1000)`.
    **options
        The hyperparameters of this optimizer; each becomes an attribute and is kept by `state_dict()`.

    Attributes
    ----------
    parameters : list of Parameter
    state : list
        What `update` keeps for each parameter: None before its first step, then a tuple.
    steps : int
        How many steps were taken.
    learning_rate : float or callable
        May be assigned at any time.
    rate : float
        The learning rate of the next step.
    groups : list of Optimizer
        This one alone; those of an `nn.Optimizers` are several.

    Raises
    ------
    TypeError, ValueError
        If there is nothing to learn, a parameter comes twice, is no parameter, or was computed from others; if an
        option is out of range.

    Notes
    -----
    `update` is a pure function in `np.*` calls, of arrays or tensors, so a step can be differentiated, by the options
    too where they are tensors: `nn.SGD([w], learning_rate=eta).update(w, g, None)`. To keep arrays from step to step,
    name them in `state_names` and return them as a tuple; "count" is the name of a whole number, all others have their
    parameter's shape. `state` is None at first. A class whose rule changes each entry by that entry's own gradient and
    state alone may say `entrywise = True`: then small parameters are updated together, as one vector.

    Examples
    --------
    >>> import numpy as np
    >>> import nn
    >>> class SignDescent(nn.Optimizer):
    ...     def update(self, param, grad, state):
    ...         return param - self.rate * np.sign(grad), state
    >>> w = nn.Parameter(np.array([1.0, -2.0]))
    >>> optimizer = SignDescent([w], learning_rate=0.25)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w.data, optimizer.steps
    (array([ 0.75, -1.75]), 1)
    """

    state_names: tuple[str, ...] = ()
    entrywise: ClassVar[bool]
    _joined: list[Joined] | None
    _alone: list[int]
    _release: Callable[[], None] | None = None  # of the compiled step that keeps the counts

    def __init__(self, parameters: Iterable[Tensor], learning_rate: Any, **options: Any) -> None:
        self.parameters = checked_parameters(parameters, type(self).__name__)
        self.state = [None] * len(self.parameters)
        self.options = tuple(options)
        for option, value in options.items():
            setattr(self, option, self._checked(option, value))
        self.learning_rate = learning_rate
        self.steps = 0

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "__init__" in vars(cls) and cls.__module__.startswith("nn."):
            cls.__init__ = explains("optimizer")(cls.__init__)  # type: ignore[method-assign]

    @property
    def state(self) -> list[Any]:
        self._ask_back()
        if self._joined:  # what is read may be changed, so from here on the list counts
            for group in self._joined:
                for i, state in zip(group.places, group.states(), strict=True):
                    self._state[i] = state
            self._joined = None
        return self._state

    @state.setter
    def state(self, value: list[Any]) -> None:
        self._ask_back()
        self._state, self._joined, self._alone = value, None, []

    def _ask_back(self) -> None:
        """Let a compiled step, which keeps the counts of the state for itself, put them into it."""
        release, self._release = self._release, None
        if release is not None:
            release()

    def __getstate__(self) -> dict[str, Any]:
        """What copies and pickles are made of: in them, views would be arrays of their own."""
        if hasattr(self, "_state"):
            self.state = self.state
        return self.__dict__

    @property
    def learning_rate(self) -> Any:
        return self._learning_rate

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        self._learning_rate = value if callable(value) else self._checked("learning_rate", value)
        self._rate: Any = None

    @property
    def steps(self) -> int:
        return self._steps

    @steps.setter
    def steps(self, value: int) -> None:
        self._steps: int = self._checked("steps", value)
        self._rate = None

    @property
    def rate(self) -> Any:
        if self._rate is None:
            rate = self._learning_rate
            self._rate = self._scheduled(rate(self._steps)) if callable(rate) else rate
        return self._rate

    @property
    def groups(self) -> list[Optimizer]:
        return [self]

    def _checked(self, option: str, value: Any) -> Any:
        """The value of an option as a plain number, flag, or tensor, if it is in range."""
        bounds, holds = BOUNDS.get(option, ("", None))
        if isinstance(value, np.generic | np.ndarray | Tensor) and not getattr(value, "requires_grad", value.ndim):
            value = value.item()  # a scalar of dtype float64 would widen float32 parameters
        try:
            fits = holds is None or (holds(value) and (bounds == FLAG[0] or not isinstance(value, bool)))
        except (TypeError, ValueError):
            fits = False
        if not fits:
            message = OUT_OF_RANGE.format(name=type(self).__name__, option=option, value=value, bounds=bounds)
            raise (ValueError if isinstance(value, int | float) else TypeError)(message)
        return value

    def _scheduled(self, value: Any) -> Any:
        """What a schedule returned, if it is a rate."""
        if isinstance(value, Tensor) and value.requires_grad:
            return value
        try:
            rate = float(value)
        except (TypeError, ValueError):
            rate = math.nan
        if not 0 <= rate < math.inf:
            raise ValueError(RATE_OF_SCHEDULE.format(name=type(self).__name__, value=value, step=self._steps))
        return rate

    def update(self, param: Any, grad: Any, state: Any) -> tuple[Any, Any]:
        """The new parameter and the new state; arrays or tensors, none of them changed."""
        raise NotImplementedError(NO_UPDATE.format(name=type(self).__name__))

    def step(self, closure: None = None) -> None:
        """Update every parameter that has a gradient.

        Parameters
        ----------
        closure : None
            PyTorch's argument; what to write in its place is said where it is given.

        Raises
        ------
        RuntimeError
            If none has.
        """
        if closure is not None:
            raise TypeError(f"{type(self).__name__}.step({closure!r}): it takes no closure. {CLOSURE}")
        moved = [group._move() for group in self.groups]
        if not any(moved):
            raise RuntimeError(NO_GRADIENT)
        for group in self.groups:
            group._steps, group._rate = group._steps + 1, None

    def _move(self) -> bool:
        """Update the parameters that have a gradient; whether one had."""
        if self._joined is None or not all(group.current() for group in self._joined):
            self._joined, self._alone = self._grouped()
        for group in self._joined:
            values, group.state = self._updated(group.values, group.gradient(), group.state)
            group.put(values)
        moved, begun = bool(self._joined), False
        for i in self._alone:
            parameter, state = self.parameters[i], self._state[i]
            if parameter.grad is not None and parameter.requires_grad:
                parameter.data, self._state[i] = self._updated(parameter.data, parameter.grad, state)
                moved, begun = True, begun or (state is None and self._state[i] is not None)
        if begun:
            self.state = self.state  # with one, some may be updated together from the next step on
        return moved

    def _updated(self, values: Any, gradient: Any, state: Any) -> tuple[Any, Any]:
        values, state = self.update(values, gradient, state)
        if isinstance(values, Tensor):
            raise TypeError(TENSOR_STEP)
        return values, state

    def _grouped(self) -> tuple[list[Joined], list[int]]:
        """Which parameters are updated together and which by themselves."""
        states, alone = self.state, range(len(self.parameters))
        if "entrywise" not in vars(type(self)):  # a subclass with another rule does not inherit it
            return [], list(alone)
        moving = [i for i, p in enumerate(self.parameters) if p.grad is not None and p.requires_grad]
        found = groups(self.parameters, states, moving)
        joined = [Joined(g, [self.parameters[i] for i in g], [states[i] for i in g]) for g in found]
        return joined, sorted(set(alone).difference(*found))

    @explains("function")
    def zero_grad(self) -> None:
        """Clear the gradients."""
        for parameter in self.parameters:
            parameter.grad = None

    # What a compiled step asks

    def __step_slots__(self) -> Iterator[tuple[str, Any]]:
        """The parameters, what is kept for each of them, the learning rate and the count of steps."""
        for i, parameter in enumerate(self.parameters):
            yield parameter.name or f"parameter_{i}", parameter
        yield (
            "rate",
            Slot(
                "rate", lambda: self.rate, partial(setattr, self, "_rate"), reset=partial(setattr, self, "_rate", None)
            ),
        )
        yield "steps", Slot("steps", lambda: self._steps, partial(setattr, self, "_steps"))
        for i, parameter in enumerate(self.parameters):
            read, write = partial(self._state_of, i), partial(self._keep_state_of, i)
            name = parameter.name or f"parameter_{i}"
            yield name, Slot(self.state_names, read, write, hold=self._hold, of=parameter)

    def _state_of(self, i: int) -> Any:
        return self.state[i]

    def _keep_state_of(self, i: int, state: Any) -> None:
        self.state[i] = state

    def _hold(self, release: Callable[[], None]) -> None:
        if self._release is not None and self._release != release:
            self._ask_back()
        self._release, self._joined = release, None  # the next step by itself reads the state anew

    def __step_guard__(self) -> tuple[Callable[[], Any], Callable[[], Any]]:
        """The options, and whatever else a class keeps: all that an update depends on besides the slots."""
        names = [name for name in vars(self) if name not in SLOTS]
        values = partial(itemgetter("options", *names), vars(self))
        return values, values

    def state_dict(self) -> dict[str, Any]:
        """All that a later step depends on besides the parameters, as a flat dict of arrays (copies) and plain values.

        The state of parameter i is under `i.name`. A schedule is a function and not kept: its place holds None.
        """
        rate = self._learning_rate
        kept: dict[str, Any] = {
            "optimizer": type(self).__name__,
            "parameters": len(self.parameters),
            "steps": self._steps,
            "learning_rate": None if callable(rate) else plain(rate),
            **{option: plain(getattr(self, option)) for option in self.options},
        }
        for i, state in enumerate(self.state):
            for name, value in zip(self.state_names, state or (), strict=bool(state)):
                kept[f"{i}.{name}"] = value if name == "count" else np.array(devices.to_host(value))
        return kept

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where the optimizer of `state_dict()` was; everything is checked before anything changes.

        Options and a fixed learning rate become those of the state, as they may have changed over the training; to
        go on with others, assign them afterwards.

        Raises
        ------
        TypeError, ValueError
            If the state is of another class or of other parameters, or a value cannot be right.
        """
        self._take(self._read(state))

    def _read(self, state: Any) -> Any:
        """The attributes and the states of parameters that a `state_dict` holds, checked."""
        name, count = type(self).__name__, len(self.parameters)
        if not isinstance(state, dict):
            raise TypeError(STATE_KIND.format(got=f"a {type(state).__name__}", want=f"a state of {name}"))
        if (state.get("optimizer"), state.get("parameters")) != (name, count):
            got = f"the state of {state.get('optimizer')!r} with {state.get('parameters')!r} parameters"
            raise ValueError(STATE_KIND.format(got=got, want=f"{name!r} with {count}"))
        attributes = {"steps", "learning_rate", *self.options}
        present = [i for i in range(count) if any(f"{i}.{entry}" in state for entry in self.state_names)]
        wanted = {"optimizer", "parameters", *attributes, *(f"{i}.{n}" for i in present for n in self.state_names)}
        missing, unknown = sorted(wanted - state.keys()), sorted(state.keys() - wanted)
        if missing or unknown:
            raise ValueError(STATE_NAMES.format(name=name, missing=missing or "nothing", unknown=unknown or "nothing"))
        values = {option: state[option] for option in attributes}
        if values["learning_rate"] is None:
            if not callable(self._learning_rate):
                raise ValueError(STATE_SCHEDULE.format(name=name))
            del values["learning_rate"]
        elif callable(self._learning_rate):
            raise ValueError(STATE_FIXED.format(name=name, rate=values["learning_rate"]))
        values = {option: self._checked(option, value) for option, value in values.items()}
        states: list[Any] = [None] * count
        for i in present:
            shape, dtype = self.parameters[i].shape, self.parameters[i].dtype
            found = (entry(f"{i}.{n}", state[f"{i}.{n}"], shape, dtype) for n in self.state_names)
            states[i] = tuple(devices.beside(value, self.parameters[i]) for value in found)
        return values, states

    def _take(self, read: Any) -> None:
        values, self.state = read
        for option, value in values.items():
            setattr(self, option, value)

    def __repr__(self) -> str:
        rate = self._learning_rate
        shown = {"learning_rate": getattr(rate, "__name__", repr(rate)) if callable(rate) else rate}
        shown |= {option: getattr(self, option) for option in self.options}
        inside = ", ".join(f"{option}={value}" for option, value in shown.items())
        return f"{type(self).__name__}({len(self.parameters)} parameters, {inside}, steps={self._steps})"


class Optimizers(Optimizer):
    """Several optimizers as one: parts of a model that learn at rates, or by rules, of their own.

    Parameters
    ----------
    *optimizers : Optimizer
        One for each group of parameters. They stay what they are: options are set on them, `optimizer.groups[0]`.

    Raises
    ------
    TypeError, ValueError
        If there is none, or a parameter is in two groups.

    Examples
    --------
    >>> import nn
    >>> model = nn.MLP([2, 16, 16, 1], rng=0)
    >>> optimizer = nn.Optimizers(
    ...     nn.SGD(model[0].parameters(), learning_rate=1e-3),
    ...     nn.AdamW([*model[2].parameters(), *model[4].parameters()], learning_rate=1e-2),
    ... )
    >>> [group.rate for group in optimizer.groups]
    [0.001, 0.01]
    """

    def __init__(self, *optimizers: Optimizer) -> None:
        found = [group for optimizer in optimizers for group in getattr(optimizer, "groups", [optimizer])]
        for group in found:
            if not isinstance(group, Optimizer):
                raise TypeError(NO_GROUPS.format(what=f"a {type(group).__name__}"))
        if not found:
            raise TypeError(NO_GROUPS.format(what="none"))
        self._groups: list[Optimizer] = found
        self.parameters = checked_parameters([p for group in found for p in group.parameters], type(self).__name__)

    @property
    def groups(self) -> list[Optimizer]:
        return self._groups

    @property  # type: ignore[misc]
    def state(self) -> list[Any]:
        return [state for group in self.groups for state in group.state]

    @property
    def steps(self) -> int:
        return max(group.steps for group in self.groups)

    @steps.setter
    def steps(self, value: int) -> None:
        for group in self.groups:
            group.steps = value

    @property
    def learning_rate(self) -> Any:
        raise AttributeError(GROUPED.format(attribute="learning_rate"))

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:  # noqa: ARG002
        raise AttributeError(GROUPED.format(attribute="learning_rate"))

    @property
    def rate(self) -> Any:
        raise AttributeError(GROUPED.format(attribute="rate"))

    def __step_slots__(self) -> Iterator[tuple[str, Any]]:
        for group in self.groups:
            yield from group.__step_slots__()

    def __step_guard__(self) -> tuple[Callable[[], Any], Callable[[], Any]]:
        each = [group.__step_guard__()[1] for group in self.groups]
        values = lambda: [ask() for ask in each]
        return values, values

    def state_dict(self) -> dict[str, Any]:
        """The states of the groups in one flat dict, those of group i under `groupi.name`."""
        kept: dict[str, Any] = {"optimizer": type(self).__name__, "groups": len(self.groups)}
        for i, group in enumerate(self.groups):
            kept.update({f"group{i}.{key}": value for key, value in group.state_dict().items()})
        return kept

    def _read(self, state: Any) -> Any:
        count = len(self.groups)
        if not isinstance(state, dict) or (state.get("optimizer"), state.get("groups")) != ("Optimizers", count):
            got = f"a {type(state).__name__}"
            if isinstance(state, dict):
                got = f"the state of {state.get('optimizer')!r} with {state.get('groups')!r} groups"
            raise ValueError(STATE_KIND.format(got=got, want=f"'Optimizers' with {count} groups"))
        parts: list[dict[str, Any]] = [{} for _ in self.groups]
        for key, value in state.items():
            prefix, _, name = key.partition(".")
            place = prefix.removeprefix("group")
            if place in map(str, range(count)) and prefix != place:
                parts[int(place)][name] = value
            elif key not in {"optimizer", "groups"}:
                raise ValueError(STATE_NAMES.format(name=type(self).__name__, missing="nothing", unknown=[key]))
        return [group._read(part) for group, part in zip(self.groups, parts, strict=True)]

    def _take(self, read: Any) -> None:
        for group, part in zip(self.groups, read, strict=True):
            group._take(part)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(map(repr, self.groups))})"


def checked_parameters(parameters: Any, name: str) -> list[Tensor]:
    """The parameters as a list, if each can be learned and none comes twice."""
    if isinstance(parameters, Tensor | Module | dict | str) or not isinstance(parameters, Iterable):
        raise TypeError(NOT_PARAMETERS.format(name=name, what=type(parameters).__name__))
    found: list[Tensor] = []
    seen: set[int] = set()
    for parameter in parameters:
        if not isinstance(parameter, Tensor):
            raise TypeError(NOT_PARAMETERS.format(name=name, what=type(parameter).__name__))
        if not (parameter.requires_grad or isinstance(parameter, Parameter)):
            raise ValueError(CONSTANT.format(name=name, shape=parameter.shape))
        try:
            parameter.requires_grad = parameter.requires_grad
        except AttributeError:
            raise ValueError(RESULT.format(name=name, shape=parameter.shape)) from None
        if id(parameter) in seen:
            raise ValueError(TWICE.format(name=name, parameter=parameter.name, shape=parameter.shape))
        seen.add(id(parameter))
        found.append(parameter)
    if not found:
        arrays = parameters.not_learned() if isinstance(parameters, Parameters) else ""
        raise ValueError(NO_PARAMETERS.format(name=name, arrays=arrays))
    if not any(parameter.requires_grad for parameter in found):
        raise ValueError(ALL_FROZEN.format(name=name))
    return found


def used(option: Any) -> bool:
    """Whether an option has an effect: is not 0, or is a tensor, by which 0 too has a derivative."""
    return bool(option) or isinstance(option, Tensor)


def plain(value: Any) -> Any:
    """A tensor of one number as the number."""
    return value.data.item() if isinstance(value, Tensor) else value


def entry(key: str, value: Any, shape: tuple[int, ...], dtype: Any) -> Any:
    """One entry of a parameter's state, checked; an array is copied."""
    if key.endswith(".count"):
        if not COUNT[1](value) or isinstance(value, bool):
            raise ValueError(STATE_ENTRY.format(got=repr(value), entry=key, want=COUNT[0]))
        return value
    array = np.asarray(devices.to_host(value))
    if array.shape != shape or not np.can_cast(array.dtype, dtype, "same_kind"):
        got, want = (f"an array of shape {s} and dtype {d}" for s, d in ((array.shape, array.dtype), (shape, dtype)))
        raise ValueError(STATE_ENTRY.format(got=got, entry=key, want=want))
    return np.array(array, dtype)
