"""`compile`: a step that is recorded, turned into a program, tried against the step itself, and then run in its place."""

from __future__ import annotations

import functools
import threading
import time
import warnings
from collections.abc import Callable, Sequence
from typing import Any

from autograd_mini.compiling.arguments import is_inside, names_of, signature
from autograd_mini.compiling.bound import FROZEN, HOOKS, Bound, Deviation
from autograd_mini.compiling.slots import Guard, Slot, TensorSlot, check_owners, slots_of
from autograd_mini.compiling.taken import Taken, difference, take
from autograd_mini.compiling.traced import CompileError
from autograd_mini.graph import modes

NOT_A_FUNCTION = (
    "compile({got}): give it a function, `compile(function)`, or name what a step changes above its definition: "
    "`@compile(model, optimizer)`."
)
TOO_MANY = (
    "compile: {name} was called with more than {count} combinations of shapes, types, options and values of whole "
    "numbers; each has a program of its own. The others are computed without one. Pad sequences to few lengths, give "
    "numbers as floats or arrays, or write `compile(..., programs=...)`."
)
WATCHED = (
    "compile: {name} was called inside of `signals`, `checked`, a vmap or another derivative, which look at single "
    "operations; such calls are computed without a program."
)
REHEARSED = (
    "compile: the program of {name} gave other bits than the step itself in {what}, so it is not used; the step is "
    "computed without it. That is right, and slow; something that the step reads changes from call to call, and is no "
    "argument, or a function that it calls gives other bits for the same numbers."
)
DEVIATES = (
    "compile: {name} went another way than when it was recorded in {count} calls one after the other ({what}), so it is "
    "now computed without a program."
)
NO_PROGRAM = "{name} has no program yet: it is made after two calls. Call it three times first."
LEAST = 8  # deviations one after the other, after which a program is given up


class Entry:
    """The calls of one kind: their recordings, then their program."""

    def __init__(self, quick: Any, structure: Any, slots: list[Slot]) -> None:
        self.quick, self.structure, self.slots = quick, structure, slots
        self.tensors = [slot.tensor for slot in slots if isinstance(slot, TensorSlot)]
        self.frozen, self.hooks = [*map(FROZEN, self.tensors)], [*map(HOOKS, self.tensors)]
        self.first: Taken | None = None
        self.bound: Bound | None = None
        self.ready = False
        self.eager = ""  # why there will be no program
        self.deviations = 0

    def is_for(self, quick: Any) -> bool:
        """Whether a call is one of these, as far as can be told at once."""
        if self.quick != quick or [*map(FROZEN, self.tensors)] != self.frozen:
            return False
        return [*map(HOOKS, self.tensors)] == self.hooks


class Compiled:
    """A step with its programs; call it as the step itself.

    Attributes
    ----------
    source : str
        The program of the last call, as text.
    """

    def __init__(
        self, function: Callable[..., Any], owners: Sequence[Any], programs: int, passes: Sequence[Any] = ()
    ) -> None:
        functools.update_wrapper(self, function)
        self.function, self.owners, self.most, self.passes = function, tuple(owners), programs, tuple(passes)
        self.guards = [Guard(owner) for owner in self.owners]
        self.entries: list[Entry] = []
        self.last: Entry | None = None
        self.lock = threading.RLock()
        self.said: set[str] = set()
        self.name = getattr(function, "__qualname__", repr(function))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if modes.watches or modes.levels or is_inside(args, kwargs):
            if any(watch.once for watch in modes.watches):
                self.say(WATCHED.format(name=self.name))
            return self.function(*args, **kwargs)
        with self.lock:
            leaves: list[Any] = []
            quick = (signature(args, kwargs, leaves), modes.recording, *(guard() for guard in self.guards))
            entry = self.last
            if entry is None or not entry.is_for(quick) or not entry.bound.fits():  # type: ignore[union-attr]
                entry = self.entry(quick)
                if entry is None or entry.eager:
                    return self.function(*args, **kwargs)
                if not entry.ready:
                    return self.prepare(entry, leaves, args, kwargs)
                self.last = entry
            try:
                result = entry.bound.run(leaves)  # type: ignore[union-attr]
            except Deviation as deviation:
                return self.deviated(entry, str(deviation), args, kwargs)
            entry.deviations = 0
            return result

    def say(self, text: str) -> None:
        """Warn, once for each thing."""
        if text not in self.said:
            self.said.add(text)
            warnings.warn(text, stacklevel=4)

    def entry(self, quick: Any) -> Entry | None:
        """That of this kind of call; None if there are too many."""
        slots = slots_of(self.owners)
        structure = [slot.structure() for slot in slots]
        for entry in self.entries:
            if entry.structure == structure and entry.is_for(quick):
                return entry
        if len(self.entries) >= self.most:
            self.say(TOO_MANY.format(name=self.name, count=self.most))
            return None
        self.entries.append(Entry(quick, structure, slots))
        return self.entries[-1]

    # The first calls

    def prepare(self, entry: Entry, leaves: list[Any], args: Any, kwargs: Any) -> Any:
        """The first two calls are recorded; in the third the program is tried beside the step itself."""
        if entry.bound is not None:
            return self.rehearse(entry, leaves, args, kwargs)
        start = time.perf_counter()
        names = names_of(self.function, args, kwargs)
        taken = take(self.function, args, kwargs, entry.slots, self.owners, names)
        if taken.transient:
            entry.eager = "it makes the state that later calls have"
        elif entry.first is None or not entry.first.is_like(taken):
            entry.first = taken
        else:
            what = difference(entry.first, taken)
            if what is not None:
                entry.first = None
                taken.undo()
                raise CompileError(what)
            entry.bound = Bound(self.name, taken, self.passes, time.perf_counter() - start)
            entry.first = None
        return taken.result

    def rehearse(self, entry: Entry, leaves: list[Any], args: Any, kwargs: Any) -> Any:
        """Run the program on copies and the step for real; from now on the program is used, if all bits are equal."""
        bound = entry.bound
        assert bound is not None
        try:
            after = bound.on_copies(leaves)
        except Deviation as deviation:
            return self.deviated(entry, str(deviation), args, kwargs)
        result = self.function(*args, **kwargs)
        what = bound.differs(after, result)
        if what:
            entry.eager = f"other bits in {what}"
            self.say(REHEARSED.format(name=self.name, what=what))
        else:
            entry.ready = True
        return result

    def deviated(self, entry: Entry, what: str, args: Any, kwargs: Any) -> Any:
        """Compute a call for which the program is not right."""
        entry.deviations += 1
        if entry.deviations >= LEAST:
            entry.eager, self.last = what, None
            self.say(DEVIATES.format(name=self.name, count=LEAST, what=what))
        return self.function(*args, **kwargs)

    # What people read

    def latest(self) -> Bound:
        """The program that ran last, or was made last."""
        made = [entry for entry in self.entries if entry.bound is not None]
        entry = self.last or (made[-1] if made else None)
        if entry is None or entry.bound is None:
            raise CompileError(NO_PROGRAM.format(name=self.name))
        return entry.bound

    @property
    def source(self) -> str:
        """The program, as text."""
        return self.latest().text.source


def compile(*owners: Any, programs: int = 64) -> Any:
    """To be written."""
    if len(owners) == 1 and callable(owners[0]) and not hasattr(owners[0], "__step_slots__"):
        function = owners[0]
        owner = getattr(function, "__self__", None)
        return Compiled(function, (owner,) if hasattr(owner, "__step_slots__") else (), programs)
    check_owners(owners)

    def decorate(function: Callable[..., Any]) -> Compiled:
        if not callable(function):
            raise CompileError(NOT_A_FUNCTION.format(got=repr(function)))
        return Compiled(function, owners, programs)

    return decorate
