"""What a step reads that is neither an argument nor named to `compile`: globals, closures, and the operands it finds.

A program has baked in what these were. It is looked in each call whether they still are.
"""

from __future__ import annotations

import copy
import dis
import inspect
import operator
import pickle
import random
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from types import CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np

from autograd_mini.arrays import may_change
from autograd_mini.compiling.program import PLAIN
from autograd_mini.compiling.slots import CompileError, Slot, slots_of, undoing
from autograd_mini.tensor import Tensor

REBOUND = (
    "The step changed {what} from {before} to {after}, which the program would not do again. Return the new value from "
    "the step, and do it outside; numbers that a model keeps from call to call belong into an `nn.Buffer`."
)
UNNAMED = (
    "The step changes {name}, which belongs to nothing that `compile` was given, so that the program would not know "
    "where it is. Name its owner: `@compile(model, optimizer)`."
)
DRAWN = (
    "The step draws random numbers from {name}, which belongs to nothing that `compile` was given, so that the program "
    "would repeat them. Give the generator to a module that is named in `compile`, or draw the numbers outside, and "
    "pass them."
)
CONTAINERS = (list, tuple, dict, set)


class Name:
    """A global or closure variable that the code of a step refers to; `home` is where it is kept."""

    def __init__(self, name: str, home: Any, get: Callable[[], Any], put: Callable[[Any], None]) -> None:
        self.name, self.home, self.get, self.put = name, home, get, put


def names_in(function: Any) -> list[Name]:
    """The variables outside of itself that a step refers to, and the functions of its file that it calls."""
    found: dict[Any, Name] = {}
    seen: set[Any] = set()
    pending = [inner(function)]
    for step in pending:
        if not isinstance(step, FunctionType) or step in seen:
            continue
        seen.add(step)
        for key, name in variables_of(step):
            found[key] = name
            other = inner(name.get())
            if isinstance(other, FunctionType) and other.__code__.co_filename == step.__code__.co_filename:
                pending.append(other)
    return list(found.values())


def inner(function: Any) -> Any:
    """The function that a user wrote, inside of those that wrap it."""
    while True:
        if callable(function):
            function = inspect.unwrap(function)
        if isinstance(function, partial):
            function = function.func
        elif hasattr(function, "__func__"):
            function = function.__func__
        else:
            return function


def variables_of(function: FunctionType) -> Iterator[tuple[Any, Name]]:
    """The globals and closure cells that a function and those defined in it refer to."""
    codes: list[CodeType] = [function.__code__]
    space = function.__globals__
    for code in codes:
        codes += [part for part in code.co_consts if isinstance(part, CodeType)]
        for instruction in dis.get_instructions(code):
            name = instruction.argval
            if instruction.opname == "LOAD_GLOBAL" and name in space:
                yield (
                    (id(space), name),
                    Name(name, space, partial(space.get, name), partial(put, space, name)),
                )
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        get = partial(getattr, cell, "cell_contents", None)
        yield id(cell), Name(name, cell, get, partial(setattr, cell, "cell_contents"))


def put(space: dict[str, Any], name: str, value: Any) -> None:
    space[name] = value


class Surroundings:
    """What a step reads outside, as it is now.

    Parameters
    ----------
    names : sequence of Name
        The variables that its code refers to.
    owners : sequence
        What the step may change.
    """

    def __init__(self, names: Iterable[Name], owners: Iterable[Any]) -> None:
        self.names = [name for name in names if not isinstance(name.get(), ModuleType | type)]
        self.getters = [name.get for name in self.names]
        self.values = [get() for get in self.getters]
        self.kept = [kept(value) for value in self.values]
        self.copies = [i for i, then in enumerate(self.kept) if isinstance(then, Copy)]
        mine = set(map(id, owners)) | {id(thing) for slot in slots_of(owners) if (thing := thing_in(slot)) is not None}
        tensors = [value for value in self.values if isinstance(value, Tensor) and id(value) not in mine]
        self.tensors = [(tensor, tensor._values) for tensor in tensors]
        self.arrays: list[tuple[Any, bytes]] = []
        self.operands: list[tuple[Any, Any, Any]] = []
        self.others = [
            (name.name, slot, slot.get())
            for name, value in zip(self.names, self.values, strict=True)
            if hasattr(type(value), "__step_slots__") and id(value) not in mine
            for slot in slots_of([value])
            if id(thing_in(slot)) not in mine
        ]
        self.undo_others = undoing([slot for _, slot, _ in self.others])
        called = [(f"`{name.name}`", value) for name, value in zip(self.names, self.values, strict=True)]
        generators = [(name, value) for name, value in called if isinstance(value, np.random.Generator)]
        self.states = [(name, state_of(g), g) for name, g in [*generators, *common_generators()]]

    # While a step is recorded

    def check_owners(self, operands: Iterable[tuple[Any, Any, Any]]) -> None:
        """Raise if the step has changed a model, an optimizer or a tensor that nobody named."""
        for owner, slot, held in self.others:
            if not is_still(slot.get(), held):
                raise CompileError(UNNAMED.format(name=f"{slot.part_names()[0]} of `{owner}`"))
        for value, before, gradient in operands:
            if isinstance(value, Tensor) and (value._values is not before or value.grad is not gradient):
                raise CompileError(UNNAMED.format(name=value.name or "a tensor without a name"))

    def check_names(self, known: Iterable[Any]) -> None:
        """Raise if the step has changed a variable, or drawn from a generator that nobody named."""
        for name, value, then in zip(self.names, self.values, self.kept, strict=True):
            now = name.get()
            if not alike(now, then):
                name.put(value)
                raise CompileError(REBOUND.format(what=f"`{name.name}`", before=brief(then), after=brief(now)))
        mine = set(map(id, known))
        for text, state, generator in self.states:
            if id(generator) not in mine and state_of(generator) != state:
                raise CompileError(DRAWN.format(name=text))

    def undo(self, operands: Iterable[tuple[Any, Any, Any]] = ()) -> None:
        """Let all be what it was."""
        self.undo_others()
        self.operands += operands
        for value, before, gradient in self.operands:
            if isinstance(value, Tensor) and (value._values is not before or value.grad is not gradient):
                value._values = before
                if value._record is not None:
                    value._record.grad = gradient
        for name, value in zip(self.names, self.values, strict=True):
            if name.get() is not value:
                name.put(value)
        for _, state, generator in self.states:
            if state_of(generator) != state and isinstance(generator, np.random.Generator):
                generator.bit_generator.state = state

    # Later

    def add(self, operands: Iterable[Any]) -> None:
        """Also look at operands that were there before the step and after it."""
        for value, before, _ in operands:
            if isinstance(value, Tensor):
                self.tensors.append((value, before))
            elif may_change(value):
                self.arrays.append((value, value.tobytes()))

    @property
    def is_simple(self) -> bool:
        """Whether all is the same as long as the variables are the same objects."""
        return not (self.copies or self.tensors or self.arrays)

    def is_same(self) -> bool:
        """Whether all is as it was."""
        values = [get() for get in self.getters]
        if not all(map(operator.is_, values, self.values)) and not all(map(alike, values, self.kept)):
            return False
        if not all(alike(values[i], self.kept[i]) for i in self.copies):
            return False
        if not all(tensor._values is array for tensor, array in self.tensors):
            return False
        return all(array.tobytes() == then for array, then in self.arrays)

    def changed(self, other: Surroundings) -> str:
        """The name of a variable that is not what it was in an earlier call; empty if there is none."""
        for name, now in zip(self.names, self.values, strict=True):
            for before, then in zip(other.names, other.kept, strict=True):
                if before.name == name.name and not alike(now, then):
                    return f"`{name.name}`, which was {brief(then)} and then {brief(kept(now))}"
        return ""


def thing_in(slot: Slot) -> Any:
    """The tensor or what else a slot holds; None for numbers, of which one is as good as another."""
    value = getattr(slot, "tensor", None)
    value = slot.get() if value is None else value
    return None if isinstance(value, PLAIN) else value


def is_still(now: Any, before: Any) -> bool:
    """Whether a slot holds the same things as before."""
    if isinstance(now, tuple) and isinstance(before, tuple):
        pairs = zip(now, before, strict=False)
        return len(now) == len(before) and all(a is b or (isinstance(a, PLAIN) and a == b) for a, b in pairs)
    return now is before or (isinstance(now, PLAIN) and bool(now == before))


def common_generators() -> list[tuple[str, Any]]:
    """Those that everybody draws from."""
    loaded = sys.modules.get("numpy.random")
    found: list[tuple[str, Any]] = [("Python's `random`", random)] if "random" in sys.modules else []
    return [*found, ("NumPy's own generator (`np.random.normal`)", loaded)] if loaded is not None else found


def state_of(generator: Any) -> Any:
    """Where a generator is."""
    if isinstance(generator, np.random.Generator):
        return generator.bit_generator.state
    return generator.getstate() if generator is random else pickle.dumps(generator.get_state(legacy=False))


class Copy:
    """An array or a container, with what was in it."""

    def __init__(self, value: Any, inside: Any) -> None:
        self.value, self.inside = value, inside


def kept(value: Any) -> Any:
    """What tells later whether a value is still the same: itself, or with a copy of what can be written into."""
    if isinstance(value, np.ndarray):
        return Copy(value, value.tobytes()) if may_change(value) else value
    if isinstance(value, CONTAINERS) and is_plain(value):
        return Copy(value, copy.deepcopy(value))
    return value


def is_plain(tree: Any) -> bool:
    """Whether a container holds nothing but numbers and text."""
    if isinstance(tree, dict):
        return all(map(is_plain, tree.values()))
    return all(map(is_plain, tree)) if isinstance(tree, CONTAINERS) else isinstance(tree, PLAIN)


def alike(now: Any, then: Any) -> bool:
    """Whether a value is what was kept."""
    if isinstance(then, Copy):
        if isinstance(then.value, np.ndarray):
            return now is then.value and bool(now.tobytes() == then.inside)
        return type(now) is type(then.value) and bool(now == then.inside)
    if isinstance(then, (*PLAIN, np.generic)):
        return type(now) is type(then) and repr(now) == repr(then)
    return now is then


def brief(value: Any) -> str:
    """A value in an error."""
    if isinstance(value, Copy) and not isinstance(value.value, np.ndarray):
        return repr(value.inside)
    value = value.value if isinstance(value, Copy) else value
    return repr(value) if isinstance(value, (*PLAIN, np.generic)) else f"another {type(value).__name__}"
