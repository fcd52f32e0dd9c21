"""What a step reads and changes besides its arguments: values and gradients of tensors, and what optimizers keep.

An object that a step changes, a module or an optimizer, says what that is by two methods: `__step_slots__()` lists it,
and `__step_guard__()` tells how to find out whether all else is as before that its computation depends on: a pair of
functions, the first of which is quick, and answers as before if nothing has changed since; the second gives the values,
compared by `==`; values by name, in a dict, make for clearer errors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from autograd_mini.tensor import Tensor

NOT_AN_OWNER = (
    "compile({got}, ...): name what the step changes, modules and optimizers, as in `@compile(model, optimizer)`, or "
    "give a function alone: `compile(function)`."
)


class CompileError(TypeError):
    """A step cannot be a program; the message says which line of it, why, and what to write.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_mini import CompileError, record
    >>> try:
    ...     record(lambda x: x if x > 0 else -x, np.float64(1.0))
    ... except CompileError as error:
    ...     print(str(error)[:52])
    A truth value (`if`, `while`, `and`, `or`, `assert`)
    """

    what = ""  # in a few words


class Slot:
    """For writers of layers and optimizers that are compiled: a place outside of a step that it reads, and may change.

    Parameters
    ----------
    names : str or tuple of str
        What the program calls it; one name for each part of a tuple.
    get, put : callable
        Read it, and write it. It holds an array, a number, a random generator, None, or a tuple of such.
    reset : callable, optional
        Called after a step in the place of `put`, for what follows from other things, such as a scheduled rate.
    hold : callable, optional
        `hold(release)` lets a program keep the value for itself from call to call; the owner calls `release()` before
        anybody looks.
    of : Tensor, optional
        The tensor that it is kept for, after whose name it is called too.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_mini import Slot, compile
    >>> class Total:
    ...     value = np.zeros(2)
    ...     def __step_slots__(self):
    ...         yield "value", Slot("value", lambda: self.value, lambda value: setattr(self, "value", value))
    >>> total = Total()
    >>> @compile(total)
    ... def step(x):
    ...     total.value = total.value + x
    >>> for _ in range(5):  # from the fourth call on a program
    ...     step(np.ones(2))
    >>> total.value
    array([5., 5.])
    """

    def __init__(  # noqa: PLR0917
        self,
        names: str | tuple[str, ...],
        get: Callable[[], Any],
        put: Callable[[Any], None],
        reset: Callable[[], None] | None = None,
        hold: Callable[[Callable[[], None]], None] | None = None,
        of: Tensor | None = None,
    ) -> None:
        self.names, self.get, self.put, self.reset, self.hold, self.of = names, get, put, reset, hold, of

    def structure(self) -> Any:
        """What kind of thing it holds."""
        value = self.get()
        return tuple(map(type_of, value)) if isinstance(value, tuple) else type_of(value)

    @property
    def keeps(self) -> bool:
        """Whether a program keeps its numbers for itself from call to call."""
        return self.hold is not None and self.reset is None

    def part_names(self) -> tuple[str, ...]:
        """The names of its parts."""
        return (self.names,) if isinstance(self.names, str) else self.names

    def called_after(self, path: str) -> None:
        """Take the name of the tensor that it is kept for into its own."""
        names = tuple(f"{name} of {path}" for name in self.part_names())
        self.names = names[0] if isinstance(self.names, str) else names


class TensorSlot(Slot):
    """The values of a tensor."""

    def __init__(self, name: str, tensor: Tensor) -> None:
        def put(values: Any) -> None:
            tensor._values = values

        super().__init__(name, lambda: tensor._values, put)
        self.tensor = tensor


class GradientSlot(Slot):
    """The gradient of a tensor, which is None until a backward."""

    def __init__(self, name: str, tensor: Tensor) -> None:
        def put(gradient: Any) -> None:
            if tensor._record is not None:
                tensor._record.grad = gradient

        super().__init__(f"gradient_{name}", lambda: tensor.grad, put)
        self.tensor = tensor

    def structure(self) -> Any:
        return None  # whether there is one is looked at by itself


def slots_of(owners: Iterable[Any]) -> list[Slot]:
    """The slots of what a step changes, those of a tensor once."""
    found: list[Slot] = []
    paths: dict[int, str] = {}
    for owner in owners:
        for name, part in named_parts(owner):
            if isinstance(part, Slot):
                found.append(part)
                if part.of is not None:
                    part.called_after(paths.get(id(part.of), name))
            elif id(part) not in paths:
                paths[id(part)] = name
                found.append(TensorSlot(name, part))
                if part.requires_grad:
                    found.append(GradientSlot(name, part))
    return found


def named_parts(owner: Any) -> Iterator[tuple[str, Any]]:
    """What an owner says that a step may change."""
    if isinstance(owner, Tensor):
        yield owner.name or "tensor", owner
    else:
        yield from owner.__step_slots__()


def check_owners(owners: Iterable[Any]) -> None:
    """Raise for what cannot say what a step changes of it."""
    for owner in owners:
        if not (isinstance(owner, Tensor) or (hasattr(owner, "__step_slots__") and not isinstance(owner, type))):
            name = owner.__name__ if isinstance(owner, type) else f"a {type(owner).__name__}"
            raise CompileError(NOT_AN_OWNER.format(got=name))


def undoing(slots: list[Slot]) -> Callable[[], None]:
    """A function that puts back what the slots hold now, and the states of the generators among it."""
    before = [slot.get() for slot in slots]
    states = [(value, value.bit_generator.state) for value in before if isinstance(value, np.random.Generator)]

    def undo() -> None:
        for slot, value in zip(slots, before, strict=True):
            slot.put(value) if slot.reset is None else slot.reset()
        for generator, state in states:
            generator.bit_generator.state = state

    return undo


class Guard:
    """All that the computation of an owner depends on besides its slots, as it is now.

    Attributes
    ----------
    question : callable
        What answers as before, if nothing has changed since.
    """

    def __init__(self, owner: Any) -> None:
        ask = getattr(owner, "__step_guard__", None)
        answer: tuple[Callable[[], Any], Callable[[], Any]] = (none, none) if ask is None else ask()
        self.question, self.values = answer

    def __call__(self) -> Any:
        return self.values()


def none() -> None:
    """The answer of what has nothing else that its computation depends on."""


def type_of(value: Any) -> type:
    """The type of a part; a scalar of NumPy's is an array without axes."""
    return np.ndarray if isinstance(value, np.generic) else type(value)


def is_part(value: Any) -> bool:
    """Whether a value is one that a program reads from outside: an array, a number or a generator."""
    return isinstance(value, np.ndarray | np.generic | int | float | np.random.Generator) and not isinstance(
        value, bool
    )
