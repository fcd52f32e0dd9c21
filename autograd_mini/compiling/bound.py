"""A program with the arrays that it works on: how it is bound to what a step changes, tried, and run."""

from __future__ import annotations

import itertools
import linecache
import operator
import sys
import time
from builtins import compile as compile_text
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from autograd_mini.compiling.loops import compiled
from autograd_mini.compiling.passes import Options, optimise
from autograd_mini.compiling.printing import Printer, Text
from autograd_mini.compiling.program import Constant, Program, Variable, same_bits
from autograd_mini.compiling.slots import GradientSlot, Slot, TensorSlot
from autograd_mini.compiling.storage import Storage
from autograd_mini.compiling.taken import Taken, updated_tensors
from autograd_mini.tensor import Tensor
from autograd_mini.transforms.trees import flatten

VALUES = operator.attrgetter("_values")
new_tensor = Tensor.__new__
getrefcount = sys.getrefcount
_programs = itertools.count(1)


class Deviation(Exception):  # noqa: N818 (nothing is wrong)
    """A program ends: this call goes another way than the recorded one did."""


class Bound:
    """A program of one kind of call.

    What a step changes is held in memory of the program's own, which tensors and optimizers show. Before each run it is
    looked whether they still do, and whether somebody else holds such an array: then it stays what it was, and the
    program gets other memory.
    """

    def __init__(self, name: str, taken: Taken, options: Options, title: str) -> None:
        start = time.perf_counter()
        self.name, self.taken = name, taken
        self.equal = equal if options.exact else close
        program = taken.program()
        self.recorded = len(program.lines)
        self.slot_of: dict[Variable, tuple[Slot, int]] = {
            variable: (slot, i)
            for slot, variables in taken.slots
            for i, variable in enumerate(variables)
            if variable is not None
        }
        self.kept_gradients = self.choose_gradients(program)
        program.same = self.equal_numbers()
        optimise(program, options)
        self.program, self.storage = program, Storage(program)
        self.text: Text = Printer(program, self.storage, title).text()
        self.build = self.executed()
        self.tensors = [slot.tensor for slot, _ in taken.slots if isinstance(slot, TensorSlot)]
        self.generators = [self.held(v) for v in self.text.generators]
        self.current = False
        one = object()
        self.is_one_tensor = taken.kinds == ["tensor"] and taken.rebuild([one]) is one
        self.free = taken.frees[0] if taken.frees else None
        self.seconds = time.perf_counter() - start

    def choose_gradients(self, program: Program) -> list[GradientSlot]:
        """The gradients that are left to the caller: not those by which the step has moved their tensors.

        All of them, if the step adds to gradients that are there before.
        """
        moved = updated_tensors(self.taken)
        left = [(slot, after) for slot, _, after in self.taken.gradients if isinstance(after, Variable | Constant)]
        before = {variable: slot for slot, variable, _ in self.taken.gradients if variable is not None}
        kept = [(slot, after) for slot, after in left if id(slot.tensor) not in moved]
        trial = Program(list(program.lines), [], [], program.updates, [*program.returned, *(v for _, v in kept)], [], 0)
        trial.drop_dead()
        read = before.keys() & {v for line in trial.lines for v in line.reads()} | before.keys() & set(trial.outputs())
        for variable, slot in before.items():
            self.slot_of[variable] = (slot, 0)
        if read:
            added = {slot: variable for variable, slot in before.items()}
            program.updates |= {added[slot]: after for slot, after in left if slot in added}
            kept = [(slot, after) for slot, after in left if slot not in added]
        program.returned = [*program.returned, *(after for _, after in kept)]
        program.fresh = [*program.fresh, *(True for _ in kept)]
        independent = bool(before) and not read
        self.asks_gradients = None if independent else [v is not None for _, v, _ in self.taken.gradients]
        self.gradient_slots = [slot for slot, *_ in self.taken.gradients]
        return [slot for slot, _ in kept]

    def equal_numbers(self) -> list[list[Variable]]:
        """The slots that count the same and held equal numbers: those that a program keeps for itself."""
        groups: dict[Any, list[Variable]] = {}
        for slot, variables in self.taken.slots:
            if slot.keeps:
                for name, variable, value in zip(slot.part_names(), variables, self.taken.before[slot], strict=False):
                    if variable is not None and variable.kind == "number":
                        groups.setdefault((name.partition(" of ")[0], value), []).append(variable)
        return [group for group in groups.values() if len(group) > 1]

    def executed(self) -> Any:
        """The function `build` of the text, which tracebacks can show."""
        name = f"<program {next(_programs)}, of {self.name}>"
        source = self.text.source
        linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
        loops = {name: compiled(name, text) for name, text in self.text.loops.items()}
        space = {"Deviation": Deviation, **self.text.functions, **self.text.constants, **loops}
        exec(compile_text(source, name, "exec"), space)  # noqa: S102 (our own text)
        return space["build"]

    # The memory

    def held(self, variable: Variable) -> Any:
        """What the slot of a variable holds now."""
        slot, i = self.slot_of[variable]
        value = slot.get()
        return value if isinstance(slot.names, str) else value[i]

    def put(self, variable: Variable, value: Any) -> None:
        """Let the slot of a variable hold another value."""
        slot, i = self.slot_of[variable]
        if isinstance(slot.names, str):
            slot.put(value)
        else:
            parts = list(slot.get())
            parts[i] = value
            slot.put(tuple(parts))

    def built(self) -> tuple[Any, list[Any]]:
        """A step on copies of what is there now, and the arrays that it changes."""
        step, state = self.build(*(self.held(v) for v in (*self.text.slots, *self.text.generators)))
        return step, list(state)

    def bind(self) -> None:
        """Work on memory that owners show from now on."""
        self.release()
        slots = {id(slot): slot for slot, _ in self.taken.slots if slot.hold is not None}
        self.step, self.state = self.built()
        self.number_values = [self.held(v) for v in self.text.numbers]
        for variable, array in zip(self.text.state, self.state, strict=True):
            self.put(variable, array)
        self.arrays = [tensor._values for tensor in self.tensors]
        of_gradients = zip(self.text.state, self.state, strict=True)
        self.gradients = [(s, a) for v, a in of_gradients if isinstance(s := self.slot_of[v][0], GradientSlot)]
        seen = {id(array): array for array in self.state}
        seen |= {id(array.base): array.base for array in self.state if array.base is not None}
        self.memory = list(seen.values())
        for slot in slots.values():
            slot.hold(self.release)  # type: ignore[misc]
        self.plan_numbers()
        self.drop_gradients()
        self.current = True

    def plan_numbers(self) -> None:
        """Which numbers are asked for in each run, and where new ones go."""
        self.asked, left = [], []
        for k, variable in enumerate(self.text.numbers):
            slot, i = self.slot_of[variable]
            if not slot.keeps:
                self.asked.append((k, slot.get if isinstance(slot.names, str) else partial(part, slot, i)))
            if variable in self.program.updates:
                left.append((k, None if slot.keeps else slot.put))
        first = self.text.values - len(left)
        self.left = [(first + i, k, put) for i, (k, put) in enumerate(left)]
        self.resets = list({id(slot): slot.reset for slot, _ in self.taken.slots if slot.reset is not None}.values())

    def release(self) -> None:
        """Hand back the numbers that the program keeps; it binds itself anew before its next run."""
        if self.current:
            self.current = False
            for variable, value in zip(self.text.numbers, self.number_values, strict=True):
                slot, _ = self.slot_of[variable]
                if slot.keeps:
                    for each in (variable, *self.program.merged.get(variable, ())):
                        self.put(each, value)

    def fits(self) -> bool:
        """Whether gradients are there, or are not, as in the recording."""
        if self.asks_gradients is None:
            return True
        return [slot.get() is not None for slot in self.gradient_slots] == self.asks_gradients

    def is_bound(self) -> bool:
        """Whether owners still show the program's memory, and nobody else holds it."""
        if not self.current or [*map(getrefcount, self.memory)] != self.counts:
            return False
        shown = all(map(operator.is_, map(VALUES, self.tensors), self.arrays))
        return shown and all(slot.get() is array for slot, array in self.gradients)

    def drop_gradients(self) -> None:
        """Gradients that a step has used up are None."""
        kept = set(map(id, self.kept_gradients)) | {id(slot) for slot, _ in self.gradients}
        for slot in self.gradient_slots:
            if id(slot) not in kept and slot.get() is not None:
                slot.put(None)

    # A run

    def run(self, leaves: list[Any]) -> Any:
        """One call."""
        if not self.is_bound():
            self.bind()
            self.counts = [*map(getrefcount, self.memory)]
        values = self.number_values
        for k, get in self.asked:
            values[k] = get()
        if not self.generators:
            return self.finished(self.step(*leaves, *values))
        states = [generator.bit_generator.state for generator in self.generators]
        try:
            out = self.step(*leaves, *values)
        except BaseException:
            for generator, state in zip(self.generators, states, strict=True):
                generator.bit_generator.state = state
            raise
        return self.finished(out)

    def finished(self, out: Any) -> Any:
        """Put what a run has made where it belongs, and return what the step returns."""
        made = self.split(out)
        for place, k, put in self.left:
            self.number_values[k] = made[place]
            if put is not None:
                put(made[place])
        for reset in self.resets:
            reset()
        if self.kept_gradients:
            last = len(made) - len(self.left)
            for slot, value in zip(self.kept_gradients, made[last - len(self.kept_gradients) : last], strict=True):
                slot.put(np.asarray(value))
        if self.is_one_tensor:
            tensor = new_tensor(Tensor)
            tensor._values, tensor._record = np.asarray(made[0]), self.free
            return tensor
        return self.result_of(made)

    def split(self, out: Any) -> Sequence[Any]:
        """What the step returned, one by one."""
        return out if self.text.values > 1 else (out,)

    def result_of(self, made: Sequence[Any]) -> Any:
        """The values that a run made in the form in which the step returns them."""
        taken, position, leaves = self.taken, 0, []
        for kind, value, free in zip(taken.kinds, taken.returned, taken.frees, strict=True):
            if kind == "plain":
                leaves.append(value)
                continue
            leaf, position = made[position], position + 1
            if kind == "tensor":
                tensor = Tensor.__new__(Tensor)
                tensor._values, tensor._record = np.asarray(leaf), free
                leaf = tensor
            elif kind == "array":
                leaf = np.asarray(leaf)
            elif kind == "scalar":
                leaf = leaf[()]
            leaves.append(leaf)
        return taken.rebuild(leaves)

    # The rehearsal

    def on_copies(self, leaves: list[Any]) -> tuple[Any, list[Any], list[Any]]:
        """What a run on copies makes: what it returns, its arrays, and the states of the generators."""
        states = [generator.bit_generator.state for generator in self.generators]
        step, state = self.built()
        try:
            out = step(*leaves, *(self.held(v) for v in self.text.numbers))
            after = [generator.bit_generator.state for generator in self.generators]
        finally:
            for generator, before in zip(self.generators, states, strict=True):
                generator.bit_generator.state = before
        return self.split(out), state, after

    def differs(self, after: tuple[Any, list[Any], list[Any]], result: Any) -> str:
        """In what a run on copies made other bits than the step itself, which has just returned `result`."""
        made, state, generators = after
        for variable, array in zip(self.text.state, state, strict=True):
            if not self.equal(self.held(variable), array):
                return variable.name
        if generators != [generator.bit_generator.state for generator in self.generators]:
            return "the state of a random generator"
        mine, theirs = flatten(self.result_of(made))[0], flatten(result)[0]
        if len(mine) != len(theirs) or not all(map(self.equal, mine, theirs)):
            return "what it returns"
        numbers = made[len(made) - len(self.updated_numbers()) :] if self.updated_numbers() else ()
        for variable, value in zip(self.updated_numbers(), numbers, strict=True):
            if self.held(variable) != value:
                return variable.name
        count = len(made) - len(numbers)
        for slot, value in zip(self.kept_gradients, made[count - len(self.kept_gradients) : count], strict=True):
            if not self.equal(slot.get(), value):
                return str(slot.names)
        return ""

    def updated_numbers(self) -> list[Variable]:
        return [v for v in self.text.numbers if v in self.program.updates]


def part(slot: Slot, place: int) -> Any:
    """One of the parts that a slot holds."""
    return slot.get()[place]


def equal(a: Any, b: Any) -> bool:
    """Whether two results are the same to the bit; NaN is NaN."""
    a, b = (x._values if isinstance(x, Tensor) else x for x in (a, b))
    if not isinstance(a, np.ndarray | np.generic) or not isinstance(b, np.ndarray | np.generic):
        return a is b or (type(a) is type(b) and repr(a) == repr(b)) or bool(a == b)
    a, b = np.asarray(a), np.asarray(b)
    return same_bits(a, b) or same_but_nan(a, b)


def close(a: Any, b: Any) -> bool:
    """Whether two results are the same but for rounding: by less than 1,000 units in the last place of the largest."""
    a, b = (x._values if isinstance(x, Tensor) else x for x in (a, b))
    if equal(a, b):
        return True
    if (
        not isinstance(a, np.ndarray | np.generic)
        or a.shape != b.shape
        or a.dtype != b.dtype
        or a.dtype.kind not in "fc"
    ):
        return False
    with np.errstate(all="ignore"):
        largest = np.max(np.abs(b), initial=0)
        return bool(np.all(np.abs(a - b) <= 1000 * np.finfo(a.dtype).eps * largest))


def same_but_nan(a: Any, b: Any) -> bool:
    """The same where both are numbers, and NaN in the same places."""
    if a.shape != b.shape or a.dtype != b.dtype or a.dtype.kind not in "fc":
        return False
    a, b = (np.ascontiguousarray(x).reshape(-1) for x in (a, b))
    nan = np.isnan(a)
    return bool(np.array_equal(nan, np.isnan(b))) and a[~nan].tobytes() == b[~nan].tobytes()
