"""`compile`: a step that is recorded, turned into a program, tried against the step itself, and run in its place."""

from __future__ import annotations

import functools
import importlib.util
import inspect
import os
import threading
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Generic, ParamSpec, Protocol, TypeVar, overload

from autograd_mini.compiling.arguments import is_inside, names_of, signature
from autograd_mini.compiling.bound import Bound, Deviation
from autograd_mini.compiling.explanation import Explanation, explanation_of
from autograd_mini.compiling.loops import check_numba
from autograd_mini.compiling.passes import Options
from autograd_mini.compiling.passes.fast import fast_passes
from autograd_mini.compiling.quick import OTHERWISE, STATES, has_quick_call, quick_call
from autograd_mini.compiling.saving import written
from autograd_mini.compiling.slots import CompileError, Guard, Slot, TensorSlot, check_owners, slots_of, undoing
from autograd_mini.compiling.surroundings import Surroundings, names_in
from autograd_mini.compiling.taken import Taken, difference, take
from autograd_mini.graph import modes
from autograd_mini.tensor import Tensor

P = ParamSpec("P")
R = TypeVar("R")

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
    "compile: {name} went another way than when it was recorded in {count} calls one after the other ({what}), so it "
    "is now computed without a program."
)
NO_PROGRAM = "{name} has no program yet: it is made after two calls. Call it three times first."
MOVES = (
    "compile: {name} reads {what}, so that a program, for which it has one value, would be wrong in the next call; the "
    "step is computed without one. Pass it as an argument (a float may differ from call to call)."
)
NEEDS_THREADPOOLCTL = (
    "compile(..., threads={count}) needs threadpoolctl, by which BLAS keeps to one thread for each of them, and which "
    "is not installed: `pip install autograd-mini[threads]`, or leave `threads={count}` out."
)
NO_COUNT = "compile(..., threads={count!r}): write how many threads compute together, a whole number from 1 on."
LEAST = 8  # deviations one after the other, after which a program is given up


class Entry:
    """The calls of one kind: their recordings, then their program."""

    def __init__(self, kind: Any, structure: Any, slots: list[Slot]) -> None:
        self.kind, self.structure, self.slots = kind, structure, slots
        self.arguments, self.recording, self.guards = kind
        self.tensors = [slot.tensor._leaf() and slot.tensor for slot in slots if isinstance(slot, TensorSlot)]
        self.states = [(frozen, hooks and dict(hooks)) for frozen, hooks in map(STATES, self.tensors)]
        self.first: Taken | None = None
        self.bound: Bound | None = None
        self.ready = False
        self.eager = ""  # why there will be no program
        self.deviations = self.moves = 0
        self.around: Any = None  # what it reads besides arguments and owners
        self.quick: Callable[[tuple[Any, ...]], Any] | None = None

    def is_for(self, guards: list[Any]) -> bool:
        """Whether what the step's owners say is as it was, and the same tensors are frozen and have hooks."""
        return self.guards == guards and [*map(STATES, self.tensors)] == self.states


class Compiled(Generic[P, R]):
    """A step with its programs: what `compile` returns. Call it as the step itself.

    Attributes
    ----------
    source : str
        The program of the last call, as text.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_mini import compile
    >>> f = compile(lambda x: np.tanh(2 * x))
    >>> for _ in range(3):
    ...     y = f(np.ones(3))
    >>> type(f).__name__, "np.tanh" in f.source
    ('Compiled', True)
    """

    def __init__(self, function: Callable[P, R], owners: Sequence[Any], programs: int, options: Options) -> None:
        functools.update_wrapper(self, function)
        self.function, self.owners, self.most, self.options = function, tuple(owners), programs, options
        self.guards = [Guard(owner) for owner in self.owners]
        self.entries: list[Entry] = []
        self.last: Entry | None = None
        self.lock = threading.RLock()
        self.said: set[str] = set()
        self.name = getattr(function, "__name__", repr(function))
        code = getattr(inspect.unwrap(function), "__code__", None)
        where = f" of {Path(code.co_filename).name}" if code is not None else ""
        self.title = f"`{self.name}`{where} as a program; the numbers beside the code are its lines there."

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        with self.lock:
            entry = self.last
            if entry is not None and entry.quick is not None and not kwargs:
                try:
                    result = entry.quick(args)
                except Deviation as deviation:
                    return self.deviated(entry, str(deviation), args, kwargs)
                if result is not OTHERWISE:
                    entry.deviations = 0
                    return result
            return self.call(args, kwargs)

    def call(self, args: Any, kwargs: Any) -> Any:
        """A call of which it is not known yet whether there is a program for it, and whether it is bound."""
        if modes.watches or modes.levels or is_inside(args, kwargs):
            if any(watch.once for watch in modes.watches):
                self.say(WATCHED.format(name=self.name))
            return self.function(*args, **kwargs)
        leaves: list[Any] = []
        guards = [guard() for guard in self.guards]
        entry = self.entry((signature(args, kwargs, leaves), modes.recording, guards))
        if entry is None or entry.eager:
            return self.function(*args, **kwargs)
        if not entry.ready:
            return self.prepare(entry, leaves, args, kwargs)
        self.last = entry
        return self.run(entry, leaves, args, kwargs)

    def run(self, entry: Entry, leaves: list[Any], args: Any, kwargs: Any) -> Any:
        """A call by the program; without it, if the program ends because this call goes another way."""
        try:
            result = entry.bound.run(leaves)  # type: ignore[union-attr]
        except Deviation as deviation:
            return self.deviated(entry, str(deviation), args, kwargs)
        entry.deviations = 0
        if has_quick_call(entry):
            entry.quick = quick_call(entry, [guard.question for guard in self.guards])
        return result

    def say(self, text: str) -> None:
        """Warn, once for each thing."""
        if text not in self.said:
            self.said.add(text)
            warnings.warn(text, stacklevel=4)

    def entry(self, kind: Any) -> Entry | None:
        """That of this kind of call; None if there are too many."""
        slots = slots_of(self.owners)
        structure = [slot.structure() for slot in slots]
        arguments, recording, guards = kind
        for entry in self.entries:
            alike = entry.structure == structure and entry.arguments == arguments and entry.recording is recording
            if not alike or not entry.is_for(guards):
                continue
            if entry.bound is None or (entry.around.is_same() and entry.bound.fits()):
                return entry
        if len(self.entries) >= self.most:
            self.say(TOO_MANY.format(name=self.name, count=self.most))
            return None
        self.entries.append(Entry(kind, structure, slots))
        return self.entries[-1]

    # The first calls

    def prepare(self, entry: Entry, leaves: list[Any], args: Any, kwargs: Any) -> Any:
        """The first two calls are recorded; in the third the program is tried beside the step itself."""
        if entry.bound is not None:
            return self.rehearse(entry, leaves, args, kwargs)
        names = names_of(self.function, args, kwargs)
        around = Surroundings(names_in(self.function), self.owners)
        try:
            taken = take(self.function, args, kwargs, entry.slots, self.owners, names, around)
        except CompileError:
            self.fail_as_itself(entry.slots, around, args, kwargs)
            raise
        if taken.transient:
            entry.eager = "it makes the state that later calls have"
        elif entry.first is None or not entry.first.is_like(taken):
            entry.first, entry.around = taken, around
        else:
            first, entry.first = entry.first, None
            what, moved = difference(first, taken), around.changed(entry.around)
            if what and (entry.moves or not moved):
                taken.undo()
                raise CompileError(what)
            if what is None and not moved:
                around.add([operand for key, operand in taken.recorder.read.items() if key in first.recorder.read])
                entry.bound = Bound(self.name, taken, self.options, self.title)
                entry.deviations = 0
            else:  # it went another way, or may do so next time
                entry.first = taken
                self.count_moves(entry, moved)
                if not moved:
                    self.count_ways(entry, "a condition, or a shape that depends on values")
            entry.around = around
        result = taken.result
        if entry.first is not taken:
            taken.forget()
        return result

    def count_moves(self, entry: Entry, what: str) -> None:
        """Give up a step that reads something that is another in each call."""
        entry.moves = entry.moves + 1 if what else 0
        if entry.moves >= LEAST:
            entry.eager = f"{what} differs in each call"
            self.say(MOVES.format(name=self.name, what=what))

    def fail_as_itself(self, slots: list[Slot], around: Surroundings, args: Any, kwargs: Any) -> None:
        """Raise what the step itself raises, if it does: then that is why it could not be recorded."""
        undo = undoing(slots)
        try:
            self.function(*args, **kwargs)
        finally:
            undo()
            around.undo()

    def rehearse(self, entry: Entry, leaves: list[Any], args: Any, kwargs: Any) -> Any:
        """Run the program on copies and the step for real; from now on the program is used, if all bits are equal."""
        bound = entry.bound
        assert bound is not None
        failed: Exception | None = None
        try:
            after = bound.on_copies(leaves)
        except Deviation as deviation:
            return self.deviated(entry, str(deviation), args, kwargs)
        except Exception as error:  # noqa: BLE001 (the step itself says whether it is the user's)
            failed = error
        result = self.function(*args, **kwargs)
        what = f"an error: {failed!r}" if failed is not None else bound.differs(after, result)
        if what:
            entry.eager = f"other bits in {what}"
            self.say(REHEARSED.format(name=self.name, what=what))
        else:
            entry.ready = True
        return result

    def deviated(self, entry: Entry, what: str, args: Any, kwargs: Any) -> Any:
        """Compute a call for which the program is not right."""
        self.count_ways(entry, what)
        return self.function(*args, **kwargs)

    def count_ways(self, entry: Entry, what: str) -> None:
        """Give up a step that goes another way each time."""
        entry.deviations += 1
        if entry.deviations >= LEAST:
            entry.eager, self.last = what, None
            self.say(DEVIATES.format(name=self.name, count=LEAST, what=what))

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
        """The program of the last kind of call, as text: a module that needs NumPy alone."""
        bound = self.latest()
        return written(bound.text, [*map(bound.held, bound.text.numbers)])

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the program of the last kind of call into a file, which runs without this library, to the same bits.

        `build(...)` of that module takes the arrays that the step reads and changes, and returns the step and those
        that it changes. A shape, or another kind of call, has a program of its own.

        Parameters
        ----------
        path : path-like
            Of the file, such as "step.py".

        Raises
        ------
        CompileError
            If there is no program yet, or it calls what cannot be written, such as a function of another library.
        """
        Path(path).write_text(f"{self.source}\n", encoding="utf-8")

    def explain(self) -> Explanation:
        """What became of the step, of the last kind of call: how much was recorded and removed, memory, what is called.

        Raises
        ------
        CompileError
            If there is no program yet.
        """
        return explanation_of(self.latest(), sum(entry.ready for entry in self.entries))


class Owner(Protocol):
    """What a step changes: a module, an optimizer."""

    def __step_slots__(self) -> Any: ...


class Compiling(Protocol):
    """`compile(model, optimizer)`: what makes a program of the function that it is written above."""

    def __call__(self, function: Callable[P, R]) -> Compiled[P, R]: ...


@overload
def compile(
    *owners: Owner | Tensor, fast: bool = False, numba: bool = False, threads: int = 1, programs: int = 64
) -> Compiling: ...
@overload
def compile(
    function: Callable[P, R], /, *, fast: bool = False, numba: bool = False, threads: int = 1, programs: int = 64
) -> Compiled[P, R]: ...
def compile(*owners: Any, fast: bool = False, numba: bool = False, threads: int = 1, programs: int = 64) -> Any:
    """Run a step as a NumPy program: the same bits, without the graph, and to be read.

    `compile(function)` gives a function that is called in its place, for pure functions of arrays and containers of
    them, also of `grad`, `value_and_grad`, `hvp`, `jacobian`. Above the definition of a step that changes something,
    name what that is: `@compile(model, optimizer)`.

    The first two calls of a kind are computed as ever and recorded; in the third the program is tried beside the step;
    from then on it runs. What kind a call is: its structure, shapes and dtypes, values of whole numbers and strings,
    training mode, options of the optimizer, what is frozen; each has a program of its own.

    Parameters
    ----------
    *owners : callable; or Module, Optimizer, Tensor
        One function; or what a step changes, for a decorator.
    fast : bool
        Also rewrite what changes rounding in the last places: the learning rate goes into the seed of the backward,
        sums over the batch become products, and where SciPy is installed large weights are updated by the product that
        makes their change. The program is then tried for closeness: 1,000 units in the last place of the largest entry.
    numba : bool
        Also compute runs of element-wise lines by loops that Numba compiles (the extra `numba`), to the same bits:
        what rounds otherwise, as tanh and exp, stays NumPy's. Each loop takes Numba part of a second when it is met
        first, and is then kept on disk, in `NUMBA_CACHE_DIR` or the user's folder for such things. Loops give no
        warnings of overflow and division by zero.
    threads : int
        Also compute large arrays by so many threads (the extra `threads`): each some rows of the batch, then some rows
        of the weights, with BLAS on one thread each. What is small stays with one, as does what reads all rows at once.
        Products of fewer rows may round otherwise in the last places, so the program is tried for closeness, as with
        `fast`. Nothing that threads share is freed before they are done, so this takes more memory; and loops of Numba
        are made of the other lines alone. While a step runs, BLAS has one thread in the whole process.
    programs : int
        How many there may be, one for each kind of call; the others are computed without one, with a warning.

    Returns
    -------
    Compiled
        Called as the function itself; `.source` is the program, `.save(path)` writes it into a file that needs NumPy
        alone, `.explain()` says what became of the step. Given owners, a decorator that makes one.

    Raises
    ------
    CompileError
        In a call, if the step cannot be a program: it asks for values (`if loss > 1`, `.item()`), writes into an array,
        keeps one, changes what is not named, or does something else in the second call than in the first. The message
        says where, and what to write. Nothing has changed then.

    Notes
    -----
    What a step changes is changed in memory of the program's own, which tensors and optimizers show. An array that you
    hold, such as `before = w.data`, keeps its values. The gradients by which an optimizer's step has moved parameters
    are used up: they are None afterwards, as after `zero_grad()`.

    Inside of `signals`, `checked`, a vmap or another derivative a call is computed without a program.

    Examples
    --------
    >>> import numpy as np
    >>> import nn
    >>> from autograd_mini import compile
    >>> model = nn.MLP([2, 16, 1], rng=0)
    >>> optimizer = nn.SGD(model.parameters(), learning_rate=0.1)
    >>> @compile(model, optimizer)
    ... def step(x, y):
    ...     optimizer.zero_grad()
    ...     loss = nn.squared_error(model(x), y)
    ...     loss.backward()
    ...     optimizer.step()
    ...     return loss
    >>> x = np.random.default_rng(0).standard_normal((32, 2)).astype(np.float32)
    >>> losses = [step(x, x[:, :1] * x[:, 1:]).item() for _ in range(5)]
    >>> "np.tanh" in step.source
    True
    """
    if numba:
        check_numba()
    check_threads(threads)
    before, after = fast_passes(threads) if fast else ((), ())
    options = Options(before, after, numba, threads)
    if len(owners) == 1 and callable(owners[0]) and not hasattr(owners[0], "__step_slots__"):
        function = owners[0]
        owner = getattr(function, "__self__", None)
        return Compiled(function, (owner,) if hasattr(owner, "__step_slots__") else (), programs, options)
    check_owners(owners)

    def decorate(function: Callable[P, R]) -> Compiled[P, R]:
        if not callable(function):
            raise CompileError(NOT_A_FUNCTION.format(got=repr(function)))
        return Compiled(function, owners, programs, options)

    return decorate


def check_threads(count: Any) -> None:
    """Say what to write, or what to install."""
    if type(count) is not int or count < 1:
        raise CompileError(NO_COUNT.format(count=count))
    if count > 1 and importlib.util.find_spec("threadpoolctl") is None:
        raise CompileError(NEEDS_THREADPOOLCTL.format(count=count))
