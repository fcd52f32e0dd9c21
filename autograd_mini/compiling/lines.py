"""`record`: the lines of one call of a function, for who writes them in another language, such as an ONNX file."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection
from typing import Any

from autograd_mini import devices
from autograd_mini.compiling.program import Check, Line, SizeCheck, Variable
from autograd_mini.compiling.recording import Recorder
from autograd_mini.compiling.slots import CompileError, Slot, TensorSlot, slots_of, undoing
from autograd_mini.graph import no_grad
from autograd_mini.primitive import own_functions
from autograd_mini.transforms.trees import flatten

DECIDED = (
    "record: what {name} computes depends on the values of its arguments ({what}), so its lines would be right for "
    "some of them alone. Leave out what makes it look, such as `lengths=`."
)


@dataclasses.dataclass(frozen=True, eq=False)
class Recording:
    """The lines of one call: what `record` returns.

    A line is `results = function(*args, **options)`, with the `scope` that it was computed in. Among its arguments,
    variables have an `index`, a `shape` and a `dtype`; arrays that no argument leads to have a `value`.

    Attributes
    ----------
    inputs : list
        The variables of the arguments.
    held : list of tuple
        The path and the variable of each array that the owner holds.
    lines : list
        In order.
    returned : list
        What the call returned, as one list: variables, constants and plain values.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_mini import record
    >>> recording = record(lambda x: np.tanh(2 * x), np.ones((3, 4)))
    >>> [variable.shape for variable in recording.inputs], len(recording.lines), len(recording.returned)
    ([(3, 4)], 2, 1)
    """

    inputs: list[Variable]
    held: list[tuple[str, Variable]]
    lines: list[Line]
    returned: list[Any]


class WholeRecorder(Recorder):
    """A recorder that leaves some primitives in one piece."""

    def __init__(self, whole: Collection[Any]) -> None:
        super().__init__()
        self.whole = whole

    def primitive(self, function: Any, args: Any, options: Any) -> Any:
        if function in self.whole and not self.silent:
            own = own_functions.get(function, function)
            return self.write(function, args, options, self.silently(own, args, options), "whole")
        return super().primitive(function, args, options)


def record(function: Callable[..., Any], *args: Any, owner: Any = None, whole: Collection[Any] = ()) -> Recording:
    """Call a function, and tell line by line what it computed of its arguments and of what its owner holds.

    Parameters
    ----------
    function : callable
        Called under `no_grad()`.
    *args : array
        What differs from call to call.
    owner : object, optional
        A module, or whatever else `compile` takes as one; it is left as it was.
    whole : collection of callables
        Primitives that are one line; others are taken apart into NumPy's functions where that gives the same bits.

    Returns
    -------
    Recording

    Raises
    ------
    CompileError
        If the function asks for the values of an array, and computes otherwise for others. Checks that only raise, of
        labels and indices, are left out.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_mini import record
    >>> recording = record(lambda x: np.tanh(2 * x), np.ones(3))
    >>> [line.function.__name__ for line in recording.lines]
    ['multiply', 'tanh']
    """
    slots: list[Slot] = [
        slot for slot in slots_of([owner] if owner is not None else []) if isinstance(slot, TensorSlot)
    ]
    undo, recorder = undoing(slots), WholeRecorder(whole)
    held: list[tuple[str, Variable]] = []
    try:
        given = [recorder.input(arg, f"x{i}") for i, arg in enumerate(args)]
        for slot in slots:
            traced = recorder.input(slot.get(), str(slot.names))
            held.append((str(slot.names), traced.variable))
            slot.put(traced)
        with no_grad(), recorder:
            leaves, _ = flatten(function(*given))
        returned = [recorder.stripped(leaf) for leaf in leaves]
        inputs = [one.variable for one in given]
    finally:
        undo()
    public = {own: key for key, own in own_functions.items()}
    lines = []
    for line in recorder.lines:
        if isinstance(line.function, SizeCheck):
            continue
        if isinstance(line.function, Check):
            if line.inner is None or line.inner.code is not devices.passes.__code__:
                name = getattr(function, "__name__", type(function).__name__)
                raise CompileError(DECIDED.format(name=name, what=line.function.what))
            continue
        lines.append(dataclasses.replace(line, function=public.get(line.function, line.function)))
    return Recording(inputs, held, lines, returned)
