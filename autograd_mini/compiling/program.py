"""A program: its values, constants and lines, as they were recorded and as the passes leave them. Nothing computes."""

from __future__ import annotations

import itertools
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from autograd_mini.checked.places import Place
from autograd_mini.outputs import rebuilt

PLAIN = (bool, int, float, complex, str, bytes, type(None))  # of values whose text says all
CONTAINERS = (tuple, list, dict)
NUMBER_SIGNS: dict[Any, str] = {
    operator.add: "+",
    operator.sub: "-",
    operator.mul: "*",
    operator.truediv: "/",
    operator.floordiv: "//",
    operator.mod: "%",
    operator.pow: "**",
    operator.lt: "<",
    operator.le: "<=",
    operator.gt: ">",
    operator.ge: ">=",
    operator.eq: "==",
    operator.ne: "!=",
}


class Variable:
    """A value that differs from call to call: an array, a Python number, or a random generator.

    `view` says that its memory may be that of an operand of its line. `strides` are those of the recorded array, where
    it was not in C order: what is computed from it may add up in another order.
    """

    __slots__ = ("dtype", "index", "kind", "line", "name", "shape", "strides", "view")

    def __init__(self, index: int, shape: tuple[int, ...], dtype: Any, kind: str = "array", name: Any = None) -> None:
        self.index, self.shape, self.dtype, self.kind, self.name = index, shape, dtype, kind, name
        self.line: Line | None = None
        self.view = False
        self.strides: tuple[int, ...] | None = None

    @property
    def size(self) -> int:
        return int(np.prod(self.shape, dtype=int))

    @property
    def nbytes(self) -> int:
        return self.size * int(np.dtype(self.dtype).itemsize)

    @property
    def is_array(self) -> bool:
        return self.kind == "array"

    def __repr__(self) -> str:
        return f"%{self.index}"


@dataclass(slots=True, eq=False)
class Constant:
    """An array that no input leads to. `kept` says that it outlives the recording, and so may be written into."""

    value: Any
    place: Place | None = None
    kept: bool = False

    @property
    def shape(self) -> tuple[int, ...]:
        shape: tuple[int, ...] = self.value.shape
        return shape

    @property
    def dtype(self) -> Any:
        return self.value.dtype

    @property
    def size(self) -> int:
        return int(self.value.size)

    @property
    def key(self) -> Any:
        """What is the same for constants that are: of one that outlives the recording, the memory."""
        value = self.value
        return ("memory", id(value)) if self.kept else (value.dtype.str, value.shape, value.tobytes())


@dataclass(frozen=True)
class Like:
    """What stands for an operand that a rule does not read: its shape and dtype."""

    shape: tuple[int, ...]
    dtype: Any
    ndim = property(lambda self: len(self.shape))
    size = property(lambda self: int(np.prod(self.shape, dtype=int)))


class Draw(NamedTuple):
    """The function of a line that draws random numbers by a method of the generator that is its first argument."""

    method: str


@dataclass(frozen=True)
class Check:
    """The function of a line that ends the program unless its argument's truth is what it was in the recording."""

    expected: bool
    what: str  # in words, for the error of a program that runs by itself


@dataclass(frozen=True)
class SizeCheck:
    """The function of a line that ends the program unless its argument has the shape that it had in the recording."""

    expected: tuple[int, ...]

    @property
    def what(self) -> str:
        return f"a shape that depends on values is {self.expected}"


class Accumulated:
    """The function of a line `w + a.T @ d` that is written into w by one call of BLAS.

    BLAS takes arrays in Fortran's order, so it is given their transposes: w.T + d.T @ a. `turned` says of a and d
    whether the line reads their transposes.
    """

    def __init__(self, gemm: Any, name: str, turned: tuple[bool, bool] = (False, False)) -> None:
        self.gemm, self.name, self.turned = gemm, name, turned
        self.__name__ = "accumulated"


@dataclass(slots=True, eq=False)
class Line:
    """One call of the program: `results = function(*args, **options)`."""

    function: Any
    args: tuple[Any, ...]
    options: dict[str, Any]
    results: tuple[Variable, ...]
    place: Place | None = None  # of the user's code
    inner: Place | None = None  # of the code that asked for it, which may be a library's
    scope: str = ""
    phase: str = "forward"
    called: str = ""  # why a function was not inlined; empty for NumPy's own
    packed: bool = False  # whether the only result stands in a tuple, as that of np.nonzero
    errors: tuple[tuple[str, str], ...] = ()  # the options of `np.errstate` that it was recorded in

    @property
    def result(self) -> Variable:
        return self.results[0]

    @property
    def pure(self) -> bool:
        return not isinstance(self.function, Draw | Check | SizeCheck)

    def reads(self) -> list[Variable]:
        """The variables among the arguments."""
        return variables_in((self.args, self.options))

    def substitute(self, others: Mapping[Variable, Any]) -> None:
        """Read other values in the place of some variables."""
        self.args, self.options = substituted(self.args, others), substituted(self.options, others)


class Joined(NamedTuple):
    """A vector of which several small arrays are parts, slots or gradients; its last `ones` entries are always 1."""

    vector: Variable
    members: list[Variable]
    is_slot: bool
    ones: int = 0

    def parts(self) -> list[tuple[Variable, int, int]]:
        """Each array with the places where its part begins and ends."""
        ends = list(itertools.accumulate(member.size for member in self.members))
        return [(member, end - member.size, end) for member, end in zip(self.members, ends, strict=True)]


def join(*_parts: Any) -> None:
    """The function of a line that makes a vector of its parts, whose memory is the vector's: nothing is left to do."""


@dataclass(eq=False)
class Program:
    """Lines in order, what they read from outside, what they leave there, and what they return."""

    lines: list[Line]
    arguments: list[Variable]
    slots: list[Variable]
    updates: dict[Variable, Any]  # a slot's variable, and the variable that it holds afterwards
    returned: list[Any]  # variables, or plain values
    fresh: list[bool]  # for each of them, whether it was an array of its own, and no view of another
    count: int  # of variables
    same: list[list[Variable]] = field(default_factory=list)  # slots whose numbers are equal now
    merged: dict[Variable, list[Variable]] = field(default_factory=dict)  # a count, and those that it stands for
    joined: list[Joined] = field(default_factory=list)
    threads: int = 1
    shares: dict[Line, Any] = field(default_factory=dict)  # the lines that threads share
    tiles: dict[Line, Any] = field(default_factory=dict)  # the lines that are computed tile by tile
    loops: dict[Line, Any] = field(default_factory=dict)  # those that are computed by a compiled loop
    log: list[tuple[str, int]] = field(default_factory=list)  # the passes, and how many lines each removed

    def variable(self, shape: tuple[int, ...], dtype: Any, kind: str = "array", name: Any = None) -> Variable:
        """A new variable."""
        self.count += 1
        return Variable(self.count, shape, np.dtype(dtype) if kind == "array" else dtype, kind, name)

    def outputs(self) -> list[Variable]:
        """The variables that somebody needs after the last line."""
        needed = [*self.updates.values(), *self.returned]
        return [value for value in needed if isinstance(value, Variable)]

    def makers(self) -> dict[Variable, Line]:
        """The line that each variable comes from."""
        return {result: line for line in self.lines for result in line.results}

    def readers(self) -> dict[Variable, list[Line]]:
        """The lines that read each variable, once for each time that they do."""
        found: dict[Variable, list[Line]] = {}
        for line in self.lines:
            for variable in line.reads():
                found.setdefault(variable, []).append(line)
        return found

    def substitute(self, others: Mapping[Variable, Any]) -> None:
        """Read other values in the place of some variables."""
        if others:
            for line in self.lines:
                line.substitute(others)
            self.updates = {slot: substituted(value, others) for slot, value in self.updates.items()}
            self.returned = [substituted(value, others) for value in self.returned]

    def drop_dead(self) -> None:
        """Leave out the lines whose results nobody needs."""
        live, kept = set(self.outputs()), []
        for line in reversed(self.lines):
            if not line.pure or not live.isdisjoint(line.results):
                kept.append(line)
                live.update(line.reads())
        self.lines = kept[::-1]


def leaves(tree: Any) -> list[Any]:
    """What stands in nested tuples, lists and dicts, in order."""
    if not isinstance(tree, CONTAINERS):
        return [tree]
    found: list[Any] = []
    for part in tree.values() if isinstance(tree, dict) else tree:
        found += leaves(part) if isinstance(part, CONTAINERS) else (part,)
    return found


def variables_in(tree: Any) -> list[Variable]:
    """The variables in nested tuples, lists and dicts."""
    return [leaf for leaf in leaves(tree) if isinstance(leaf, Variable)]


def substituted(tree: Any, others: Mapping[Variable, Any]) -> Any:
    """The tree with other values in the place of some variables, and of those that these stand for."""
    while isinstance(tree, Variable) and tree in others:
        tree = others[tree]
    return changed(tree, lambda part: substituted(part, others))


def changed(tree: Any, change: Callable[[Any], Any]) -> Any:
    """A tuple, list or dict with its parts changed; anything else as it is."""
    if isinstance(tree, tuple | list):
        return rebuilt(tree, [change(part) for part in tree])
    if isinstance(tree, dict):
        return {key: change(part) for key, part in tree.items()}
    return tree


def same_bits(a: Any, b: Any) -> bool:
    """Whether two arrays have the same shape, dtype and bits."""
    return bool(a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes())


def shape_of(value: Any) -> tuple[int, ...]:
    """The shape of an operand; that of a Python number has no axes."""
    return value.shape if isinstance(value, Variable | Constant) else ()


def number_in(value: Any) -> Any:
    """The Python number that a constant of one entry holds, or that an operand is; None of anything else."""
    if isinstance(value, Constant):
        return value.value.item() if value.size == 1 and not value.kept else None
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def is_elementwise(function: Any) -> bool:
    """Whether each entry of its result comes from the operands' entries at its place."""
    return isinstance(function, np.ufunc) and function.signature is None and function.nout == 1


def is_copy(line: Line) -> bool:
    """Whether a line can fill any memory by assigning to it."""
    return line.function is np.ndarray.astype and line.result.strides is None and bool(line.result.shape)


def reduction_of(function: Any) -> Any:
    """The universal function whose `reduce` it is, or None."""
    owner = getattr(function, "__self__", None)
    return owner if isinstance(owner, np.ufunc) and function.__name__ == "reduce" else None


VIEWS: frozenset[Any] = frozenset(
    (np.transpose, np.broadcast_to, np.expand_dims, np.squeeze, np.swapaxes, np.moveaxis, np.reshape, np.ravel)
) | {operator.getitem, np.ndarray.view, np.real, np.imag, np.matrix_transpose}


def is_plain_index(index: Any) -> bool:
    """Whether indexing gives a view: by whole numbers, slices, None and ..."""
    parts = index if isinstance(index, tuple) else (index,)
    return all(
        isinstance(part, int | slice | type(None) | type(Ellipsis)) and not isinstance(part, bool) for part in parts
    )
