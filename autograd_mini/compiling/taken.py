"""One recorded call of a step with all that it reads from outside and leaves there, and whether two such agree."""

from __future__ import annotations

import dataclasses
import functools
import itertools
from collections.abc import Callable, Sequence
from types import FunctionType, MethodType
from typing import Any

import numpy as np

from autograd_mini.compiling.arguments import is_input, refuse_foreign
from autograd_mini.compiling.program import Check, Constant, Line, Program, SizeCheck, Variable, same_bits
from autograd_mini.compiling.recording import Recorder
from autograd_mini.compiling.slots import CompileError, GradientSlot, Guard, Slot, TensorSlot, is_part, undoing
from autograd_mini.compiling.surroundings import Surroundings
from autograd_mini.compiling.traced import Number, RecordedGenerator, Traced, described, values_of
from autograd_mini.graph import Leaf, Node
from autograd_mini.tensor import Tensor
from autograd_mini.transforms.trees import flatten

ALIVE = (
    "The step returns a tensor through which a gradient could still flow to what requires grad, and a program has no "
    "graph for a later `backward()`. Call `backward()` inside of the step; or return `t.detach()`, or compute under "
    "`no_grad()`, if no gradient is wanted."
)
LEAKED = (
    "The step keeps an array outside of itself, which a program could not do in later calls.\n    {where}\nReturn it "
    "from the step; what a model keeps from call to call is an `nn.Buffer`."
)
SIDE_EFFECT = (
    "The step changed {what} from {before!r} to {after!r}, which the program would not do again. Do it outside of the "
    "step; numbers that a model keeps from call to call belong into an `nn.Buffer`."
)
ARGUMENT = (
    "The step changed {what} of its arguments in place, and a program cannot. Return the new one: "
    "`return loss, new_state`."
)
GRADIENT = (
    "The step leaves a gradient in the argument {name}. Return it: `return loss, x.grad`; or differentiate by "
    "`autograd_mini.grad`."
)
DIFFERENT = (
    "Two calls of the step did different things, so that no one program does both: {difference}\n    {where}\nWhat "
    "differs from call to call, a count, a random draw, a choice of Python's, must come from an argument (a float "
    "may differ), from a generator that a module named in `compile` holds, or from a buffer; a choice by values is "
    "written `np.where`."
)


@dataclasses.dataclass(eq=False)
class Taken:
    """A recorded call: what it returned, and its lines with their ends outside of the step."""

    result: Any
    recorder: Recorder
    arguments: list[Variable]
    slots: list[tuple[Slot, list[Variable | None]]]
    updates: dict[Variable, Any]
    gradients: list[tuple[GradientSlot, Variable | None, Any]]  # with what it was before, and what it is after
    returned: list[Any]
    frees: list[Any]  # for each returned value the freed record of its tensor, or None
    kinds: list[str]  # what each returned value is: tensor, array, scalar, number or plain
    rebuild: Callable[[Sequence[Any]], Any]
    transient: bool  # the slots hold other kinds of things afterwards, so the next call is another one
    before: dict[Slot, Any]  # the parts of each slot
    undo: Callable[[], None]

    def forget(self) -> None:
        """Let go of arrays: what the call returned, what was there before it, and the recording."""
        self.result, self.recorder, self.before, self.undo = None, None, {}, forgotten  # type: ignore[assignment]

    def is_like(self, other: Taken) -> bool:
        """Whether gradients were there for both, or for none."""
        return [v is None for _, v, _ in self.gradients] == [v is None for _, v, _ in other.gradients]

    def program(self) -> Program:
        """Its lines as a program of their own."""
        lines = [dataclasses.replace(line, options=dict(line.options)) for line in self.recorder.lines]
        for line in lines:
            for variable in line.results:
                variable.line = line
        slots = [variable for _, parts in self.slots for variable in parts if variable is not None]
        before = [variable for _, variable, _ in self.gradients if variable is not None]
        fresh = [is_fresh(value) for value in self.returned]
        updates, returned = dict(self.updates), list(self.returned)
        return Program(lines, self.arguments, slots + before, updates, returned, fresh, self.recorder.count)


def forgotten() -> None:
    """Nothing can be undone any more."""


def take(  # noqa: PLR0917
    function: Callable[..., Any],
    args: Any,
    kwargs: Any,
    slots: list[Slot],
    owners: Sequence[Any],
    names: list[str],
    around: Surroundings,
) -> Taken:
    """Call a step for real, and record it. If it fails, all slots and generators are as they were."""
    updating = {method.__code__ for owner in owners if (method := getattr(type(owner), "step", None)) is not None}
    recorder = Recorder(updating)
    guards = [Guard(owner)() for owner in owners]
    before = [slot.get() for slot in slots]
    for value in before:
        refuse_foreign(value)
    handed: list[Any] = []

    undo = undoing(slots)
    try:
        leaves, rebuild = flatten((args, kwargs))
        fed, arguments = feed(recorder, leaves, names)
        given = rebuild(fed)
        for slot, value in zip(slots, before, strict=True):
            handed.append(hand_out(recorder, slot, value))
            slot.put(handed[-1])
            if isinstance(slot, TensorSlot):
                recorder.made[id(slot.tensor._record)] = handed[-1].variable
        with recorder:
            result = function(*given[0], **given[1])
        check_arguments(given, fed, leaves)
        taken = close(recorder, slots, before, handed, arguments, result)
        del result, given, fed, handed
        check_guards(owners, guards)
        around.check_owners(recorder.read.values())
        check_leaks(recorder)
        around.check_names(before)
    except BaseException:
        undo()
        around.undo(recorder.read.values())
        raise
    taken.undo = undo
    return taken


def feed(recorder: Recorder, leaves: list[Any], names: list[str]) -> tuple[list[Any], list[Variable]]:
    """What the step is called with in the place of its arguments."""
    fed: list[Any] = []
    variables: list[Variable] = []
    for leaf, name in zip(leaves, names, strict=True):
        value = leaf._values if isinstance(leaf, Tensor) else leaf
        if not is_input(value):
            fed.append(leaf)
            continue
        traced: Any = recorder.input(value, name)
        variables.append(traced.variable)
        if isinstance(leaf, Tensor):
            tensor = type(leaf).__new__(type(leaf))
            tensor._values = traced
            tensor._record = Leaf(traced, leaf.requires_grad, leaf.name)
            fed.append(tensor)
        else:
            fed.append(traced)
    return fed, variables


def hand_out(recorder: Recorder, slot: Slot, value: Any) -> Any:
    """What is recorded in the place of what a slot holds."""
    if isinstance(slot.names, str):
        return recorder.input(value, slot.names) if is_part(value) else value
    if value is None:
        return None
    return tuple(
        recorder.input(part, name) if is_part(part) else part for name, part in zip(slot.names, value, strict=False)
    )


def close(  # noqa: PLR0917
    recorder: Recorder,
    slots: list[Slot],
    before: list[Any],
    handed: list[Any],
    arguments: list[Variable],
    result: Any,
) -> Taken:
    """Put numbers back into the slots, and say what became of each."""
    updates: dict[Variable, Any] = {}
    gradients: list[tuple[GradientSlot, Variable | None, Any]] = []
    found: list[tuple[Slot, list[Variable | None]]] = []
    transient = False
    for slot, value, given in zip(slots, before, handed, strict=True):
        variables = [getattr(part, "variable", getattr(part, "_variable", None)) for part in parts(given)]
        if isinstance(slot, GradientSlot):
            now = slot.get()
            gradients.append((slot, variables[0], recorder.stripped(now)))
            slot.put(values_of(now))
            continue
        found.append((slot, variables))
        if slot.reset is not None:
            slot.reset()
            continue
        now = slot.get()
        if len(parts(now)) != len(parts(given)) or (now is None) != (given is None):
            transient = True
            slot.put(values_of(now))
            continue
        for variable, first, last in zip(variables, parts(given), parts(now), strict=True):
            if last is not first and variable is not None:
                updates[variable] = recorder.stripped(last)
            elif last is not first:
                transient = True
        slot.put(value if isinstance(given, RecordedGenerator) else values_of(now))
    leaves, rebuild = flatten(result)
    returned, kinds, frees, plain = [], [], [], []
    for leaf in leaves:
        kind, value, free = ending(recorder, leaf)
        returned.append(value)
        kinds.append(kind)
        frees.append(free)
        plain.append(plain_of(leaf, free))
    _, anew = flatten(rebuild(plain))  # which holds nothing recorded
    return Taken(
        rebuild(plain),
        recorder,
        arguments,
        found,
        updates,
        gradients,
        returned,
        frees,
        kinds,
        anew,
        transient,
        {slot: parts(value) for slot, value in zip(slots, before, strict=True)},
        lambda: None,
    )


def parts(value: Any) -> list[Any]:
    """The parts of what a slot holds."""
    return list(value) if isinstance(value, tuple) else [value]


def ending(recorder: Recorder, leaf: Any) -> tuple[str, Any, Any]:
    """What a returned value is: its kind, its variable or constant, and the record of a tensor that was freed."""
    if isinstance(leaf, Tensor):
        free = None
        if leaf.requires_grad:
            record = leaf._record
            if not (isinstance(record, Node) and record.operands is None):
                raise CompileError(ALIVE)
            free = freed(record)
        return "tensor", recorder.stripped(leaf._values), free
    if isinstance(leaf, Traced):
        return "scalar" if isinstance(leaf.value, np.generic) else "array", leaf.variable, None
    if isinstance(leaf, Number):
        return "number", leaf.variable, None
    if isinstance(leaf, np.ndarray | np.generic):
        return "scalar" if isinstance(leaf, np.generic) else "array", recorder.stripped(leaf), None
    return "plain", leaf, None


def is_fresh(value: Any) -> bool:
    """Whether a returned value is an array that nobody else has."""
    if isinstance(value, Constant):
        return not value.kept
    return isinstance(value, Variable) and value.line is not None and not value.view


def freed(record: Node) -> Node:
    """A node without operands: a backward that reaches it says that the graph is freed."""
    leaf = Leaf(record, True)
    return Node(record.primitive, record.plan, [leaf] * len(record.inputs), None, None, {}, record)


def plain_of(leaf: Any, free: Any) -> Any:
    """A returned value for the caller of a recorded step, without the graph, which holds what was recorded."""
    if isinstance(leaf, Tensor):
        leaf._values = values_of(leaf._values)
        leaf._record = free or leaf._record
        return leaf
    if isinstance(leaf, Traced):
        return leaf.value
    return values_of(leaf)


def check_leaks(recorder: Recorder) -> None:
    """Raise if a recorded array is still there, although its step has ended."""
    array = recorder.leaked()
    if array is not None:
        line = array.variable.line
        raise CompileError(LEAKED.format(where=described(line.place if line is not None else None)))


def check_arguments(given: Any, fed: list[Any], leaves: list[Any]) -> None:
    """Raise if the step changed its arguments."""
    now, _ = flatten(given)
    if len(now) != len(fed) or any(a is not b for a, b in itertools.zip_longest(now, fed)):
        raise CompileError(ARGUMENT.format(what="one"))
    for tensor, leaf in zip(fed, leaves, strict=True):
        if isinstance(tensor, Tensor) and isinstance(leaf, Tensor):
            if tensor.grad is not None:
                raise CompileError(GRADIENT.format(name=leaf.name or "(a tensor that requires grad)"))
            if not isinstance(tensor._values, Traced) and isinstance(leaf._values, np.ndarray):
                raise CompileError(ARGUMENT.format(what="the values"))


def check_guards(owners: Sequence[Any], before: list[Any]) -> None:
    """Raise if the step changed what its owners' computation depends on."""
    for owner, then in zip(owners, before, strict=True):
        now = Guard(owner)()
        if now == then:
            continue
        what, first, last = f"an option of the {type(owner).__name__}", then, now
        if isinstance(then, dict) and isinstance(now, dict):
            name = next(name for name in {**then, **now} if then.get(name, then) != now.get(name, now))
            what, first, last = f"{type(owner).__name__}.{name}", then.get(name), now.get(name)
        raise CompileError(SIDE_EFFECT.format(what=what, before=first, after=last))


def difference(first: Taken, second: Taken) -> str | None:
    """In which line two recordings differ, with the place; None if they agree.

    An empty text says that a check had another outcome, after which other lines are no wonder.
    """
    for a, b in itertools.zip_longest(first.recorder.lines, second.recorder.lines):
        checks = [one.function for one in (a, b) if one is not None and isinstance(one.function, Check | SizeCheck)]
        if len(checks) == 2 and type(checks[0]) is type(checks[1]):
            if checks[0] != checks[1]:
                return ""
            continue
        what = differ(a, b)
        if what:
            line = b or a
            return DIFFERENT.format(difference=what, where=described(line.place))
    ends = (
        (first.updates, second.updates),
        ([after for *_, after in first.gradients], [after for *_, after in second.gradients]),
        (first.returned, second.returned),
    )
    for a, b in ends:
        if alike(list(a.values()) if isinstance(a, dict) else a, list(b.values()) if isinstance(b, dict) else b):
            return DIFFERENT.format(difference="they leave or return different things.", where="")
    return None


def differ(a: Line | None, b: Line | None) -> str:
    """How two lines differ, in words; empty if they do not."""
    if a is None or b is None:
        return f"one of them went on after {name_of(b or a)}."  # type: ignore[arg-type]
    if a.function != b.function:
        return f"one computed {name_of(a)}, the other {name_of(b)}."
    what = alike((a.args, a.options), (b.args, b.options))
    return f"{name_of(a)} was given {what}." if what else ""


def name_of(line: Line) -> str:
    function = line.function
    if isinstance(function, Check | SizeCheck):
        return function.what
    return getattr(function, "__name__", None) or getattr(function, "method", None) or repr(function)


def alike(a: Any, b: Any) -> str:
    """What is different in two trees of operands, in words; also notes which constants outlive a recording."""
    if isinstance(a, Variable) and isinstance(b, Variable):
        return "" if a.index == b.index and a.shape == b.shape else "other results"
    if isinstance(a, Constant) and isinstance(b, Constant):
        if a.value is b.value or memory_of(a.value) == memory_of(b.value):
            a.kept = b.kept = a.value.flags.writeable or a.kept
            return ""
        if same_bits(a.value, b.value):
            return ""
        return f"other constants, {brief(a.value)} and {brief(b.value)}"
    if type(a) is not type(b):
        return f"{a!r} and {b!r}"
    if isinstance(a, tuple | list):
        if len(a) != len(b):
            return f"{a!r} and {b!r}"
        return next((what for what in map(alike, a, b) if what), "")
    if isinstance(a, dict):
        if a.keys() != b.keys():
            return f"other options, {list(a)} and {list(b)}"
        return next((what for what in map(alike, a.values(), b.values()) if what), "")
    try:
        equal = a is b or bool(a == b) or same_made(a, b)
    except (TypeError, ValueError, RecursionError):
        equal = False
    return "" if equal else f"{a!r} and {b!r}"


def same_made(a: Any, b: Any) -> bool:
    """Whether functions or other objects, which each call makes anew, are made of the same."""
    if isinstance(a, np.ndarray):
        return same_bits(a, b)
    if isinstance(a, functools.partial):
        return not alike((a.func, a.args, a.keywords), (b.func, b.args, b.keywords))
    if isinstance(a, FunctionType):
        return a.__code__ is b.__code__ and not alike(held_by(a), held_by(b))
    if isinstance(a, MethodType):
        return a.__func__ is b.__func__ and not alike(a.__self__, b.__self__)
    plain: Any = type(a).__eq__
    return plain is object.__eq__ and hasattr(a, "__dict__") and not alike(vars(a), vars(b))


def held_by(function: FunctionType) -> Any:
    """The values that a function holds besides its code."""
    cells = [cell.cell_contents for cell in function.__closure__ or ()]
    return cells, function.__defaults__, function.__kwdefaults__


def memory_of(array: Any) -> Any:
    """Where an array lies, for which both recordings are still alive."""
    return array.__array_interface__["data"][0], array.shape, array.strides, array.dtype.str


def brief(array: Any) -> str:
    return repr(array.item()) if array.size == 1 else f"an array of shape {array.shape}"


def updated_tensors(taken: Taken) -> set[int]:
    """The tensors whose values a step changes."""
    return {
        id(slot.tensor)
        for slot, variables in taken.slots
        if isinstance(slot, TensorSlot) and variables[0] is not None and variables[0] in taken.updates
    }
