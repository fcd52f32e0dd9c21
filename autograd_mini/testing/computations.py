"""Random computations from the registered primitives, within their domains: programs that run, print and shrink.

How a program is put together from whole numbers is here, and how it is printed; that these are drawn by hypothesis is a
detail of `programs`, the only one that needs the extra `testing`.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from autograd_mini.domains import REAL, Case, Interval
from autograd_mini.primitive import Primitive, display_name, primitives

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

MARGIN = 0.05  # from kinks and ends of intervals
LARGEST, ENTRIES, AXES = 100.0, 24, 4  # of a value on the way
NOTHING = 1e-12  # values up to it are the rounding of a zero
TRIES = 4  # combinations of operands before a step is left out
NO_FUNCTIONS = (
    "programs(functions={functions}) was called, but {name} {reason}. Pass functions that have a rule: NumPy's, or "
    "your own after `autograd_mini.rule({name}, ..., cases=[case((2, 3))])`."
)
SIMPLE = (1.0, 2.0, 0.5, -1.0, 3.0, -0.5, 1.5, -2.0, 0.25, 0.75, -1.5, 2.5, -0.25, -0.75)
NUMBERS = (*SIMPLE, *(round(sign * (0.13 + 0.17 * k), 2) for k in range(14) for sign in (1, -1)))
CONSTANTS = 6 * len(NUMBERS)
BACK = 11  # how far back a step reads
RECENT = (0, 1, 2, 3, *(0,) * 6, 1)  # and its first operand: often the value just before
FORMS = ("", "n", "mn", "1n", "m1", "nm", "nn")  # shapes of inputs, from two lengths m and n


class Ref(NamedTuple):
    """A value of a program by its number: the inputs first, then the results of the steps."""

    number: int


class Step(NamedTuple):
    """One call: `function(*args, **options)`; a `Ref` among `args` stands for a value, all else for itself."""

    function: Callable[..., Any]
    args: tuple[Any, ...]
    options: Mapping[str, Any] = MappingProxyType({})

    @property
    def refs(self) -> Iterator[int]:
        """The numbers of the values that it reads."""
        return (part.number for arg in self.args for part in parts_of(arg) if isinstance(part, Ref))


def parts_of(arg: Any) -> tuple[Any, ...]:
    """The parts of an argument that is a tuple of values, or the argument alone."""
    return arg if type(arg) is tuple else (arg,)


def entry(x: Any, index: Any) -> Any:
    """`x[index]`, as a function."""
    return x[index]


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Program:
    """A computation as a list of steps. Call it with arrays or tensors; print it for Python code.

    Attributes
    ----------
    inputs : tuple of ndarray
        Where it can be differentiated, read-only: no kink is near, and every value on the way is finite and moderate.
    steps : tuple of Step
        The calls, in order; the last one gives the result. Without any the result is the first input.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_mini.testing.computations import Program, Ref, Step
    >>> program = Program((np.array([1.0, 0.5]),), (Step(np.exp, (Ref(0),)), Step(np.sum, (Ref(1),))))
    >>> print(program)
    import numpy as np
    <BLANKLINE>
    <BLANKLINE>
    def f(x0):
        v0 = np.exp(x0)
        v1 = np.sum(v0)
        return v1
    <BLANKLINE>
    <BLANKLINE>
    x0 = np.array([1.0, 0.5])
    result = f(x0)
    >>> round(float(program(*program.inputs)), 3)
    4.367
    """

    inputs: tuple[Any, ...]
    steps: tuple[Step, ...]

    def __call__(self, *arrays: Any) -> Any:
        """Compute the program, on arrays or tensors."""
        if len(arrays) != len(self.inputs):
            raise TypeError(f"The program was called with {len(arrays)} arrays, but it has {len(self.inputs)} inputs.")
        values = list(arrays)
        for step in self.steps:
            values.append(step.function(*filled(step.args, values), **step.options))
        return values[-1] if self.steps else values[0]

    @property
    def source(self) -> str:
        """The program as Python code, inputs included."""
        inputs = [f"{name} = {literal(a)}" for name, a in zip(self.arguments, self.inputs, strict=True)]
        call = f"result = f({', '.join(self.arguments)})"
        return "\n".join(["import numpy as np", "", "", self.definition(), "", "", *inputs, call])

    def definition(self, name: str = "f") -> str:
        """The program as the definition of a function."""
        names = [*self.arguments, *self.results]
        lines = [
            f"    {result} = {written(step, names)}" for result, step in zip(self.results, self.steps, strict=True)
        ]
        last = f"    return {names[-1] if self.steps else names[0]}"
        return "\n".join([f"def {name}({', '.join(self.arguments)}):", *lines, last])

    @property
    def arguments(self) -> tuple[str, ...]:
        return tuple(f"x{i}" for i in range(len(self.inputs)))

    @property
    def results(self) -> tuple[str, ...]:
        return tuple(f"v{i}" for i in range(len(self.steps)))

    def __str__(self) -> str:
        return self.source

    __repr__ = __str__

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:  # noqa: ARG002 (hypothesis and IPython call it)
        printer.text("\n" + self.source + "\n")


def filled(args: Sequence[Any], values: Sequence[Any]) -> list[Any]:
    """Arguments with values in the places of references; a tuple that has some becomes a list of values."""

    def value(arg: Any) -> Any:
        if isinstance(arg, Ref):
            return values[arg.number]
        return [value(part) for part in arg] if is_group(arg) else arg

    return [value(arg) for arg in args]


def is_group(arg: Any) -> bool:
    """Whether an argument is a sequence of values, as `np.stack` takes one."""
    return type(arg) is tuple and any(isinstance(part, Ref) for part in arg)


def written(step: Step, names: Sequence[str]) -> str:
    """A step as an expression."""

    def word(arg: Any) -> str:
        if isinstance(arg, Ref):
            return names[arg.number]
        return f"[{', '.join(map(word, arg))}]" if is_group(arg) else literal(arg)

    if step.function is entry:
        index = step.args[1]
        return f"{word(step.args[0])}[{', '.join(map(subscript, index)) if type(index) is tuple else subscript(index)}]"
    keywords = [f"{name}={literal(option)}" for name, option in step.options.items()]
    return f"{display_name(step.function)}({', '.join([*map(word, step.args), *keywords])})"


def subscript(part: Any) -> str:
    """One part of what stands in brackets."""
    if not isinstance(part, slice):
        return literal(part)
    ends = ["" if end is None else str(end) for end in (part.start, part.stop, part.step)]
    return ":".join(ends[:2]) + (f":{ends[2]}" if ends[2] else "")


def literal(value: Any) -> str:
    """A constant as code that makes it again."""
    if isinstance(value, np.ndarray):
        if not value.size:
            return f"np.zeros({value.shape}, np.{value.dtype})"
        dtype = "" if value.dtype in (np.float64, np.int64, bool) else f", np.{value.dtype}"
        return f"np.array({value.tolist()!r}{dtype})"
    if isinstance(value, np.generic):
        return f"np.{value.dtype}({value.item()!r})"
    if isinstance(value, list | tuple):
        parts = ", ".join(map(literal, value))
        return f"[{parts}]" if isinstance(value, list) else f"({parts}{',' * (len(value) == 1)})"
    return "..." if value is Ellipsis else repr(value)


class Operation(NamedTuple):
    """What a step may do, as the registry says it: a function, example calls and where it is smooth."""

    function: Callable[..., Any]
    cases: tuple[Case, ...]
    intervals: tuple[Interval, ...] = (REAL,)
    kinks: Callable[..., Any] | None = None
    prepare: Callable[..., Any] | None = None
    masks: frozenset[int] = frozenset()
    variadic: bool = False
    part: int | None = None  # of several results

    @classmethod
    def of(cls, function: Callable[..., Any], primitive: Primitive) -> Operation:
        """A registered primitive."""
        domain = primitive.domain
        masks = frozenset(i for i, vjp in enumerate(primitive.vjps) if vjp is None)
        kinks = None if masks else domain.kinks
        part = PARTS.get(function)
        intervals = LIMITS.get(function, domain.intervals)
        return cls(function, loose(domain.cases), intervals, kinks, domain.prepare, masks, primitive.variadic, part)

    def step(self, case: Case, refs: Sequence[Any]) -> Step:
        """A call with references in the places of operands."""
        return Step(self.function, (tuple(refs),) if self.variadic else tuple(refs), case.options)


def loose(cases: Sequence[Case]) -> tuple[Case, ...]:
    """One case for each set of options, its operands with the fewest axes that any example call has there."""
    found: dict[Any, Case] = {}
    for case in cases:
        key = len(case.shapes), repr(dict(case.options))
        before = found.get(key, case)
        fewest = [(1,) * min(len(a), len(b)) for a, b in zip(case.shapes, before.shapes, strict=True)]
        found[key] = Case(tuple(fewest), case.options)
    return tuple(case for case in found.values() if "dtype" not in case.options)


class Subscripts(Operation):
    """`np.einsum`, whose subscripts come first."""

    __slots__ = ()

    def step(self, case: Case, refs: Sequence[Any]) -> Step:
        return Step(self.function, (case.options["subscripts"], *refs))


class Reading(Operation):
    """`x[index]`."""

    __slots__ = ()

    def step(self, case: Case, refs: Sequence[Any]) -> Step:
        return Step(self.function, (*refs, case.options["index"]))


def clip_kinks(a: Any, a_min: float, a_max: float) -> Any:
    return np.stack([a - a_min, a - a_max])


def gaps(a: Any, **_options: Any) -> Any:
    return np.diff(np.sort(a, axis=None))


def over(*options: dict[str, Any]) -> tuple[Case, ...]:
    """Cases of one operand that has an axis."""
    return tuple(Case(((1,),), one) for one in options)


# Only with one of several results; the others have signs or phases that may jump.
PARTS = {np.linalg.slogdet: 1, np.linalg.eigh: 0}
# Further out the slope is lost in rounding.
LIMITS: dict[Callable[..., Any], tuple[Interval, ...]] = {np.tanh: (Interval(-4.0, 4.0),)}
# Finite differences see stairs where these have their derivative, or their results are complex pairs without order.
LEFT_OUT = {np.spacing, np.nextafter, np.ldexp, np.real_if_close, np.linalg.eig, np.i0}
SUBSCRIPTS = ("i->", "ij->i", "ij->ji", "ii->i", "...i->...", "ij,jk", "ij,j->i", "ij,ij->j", "i,j->ij", "ij,kj,k->i")
INDICES: tuple[Any, ...] = (
    0,
    -1,
    slice(1, None),
    (..., None),
    (slice(None, None, -1), 0),
    (..., slice(None, None, 2)),
    [0, 0, -1],
)
INDICES += (np.array([[1, 0], [0, 1]]), (slice(None), np.array([1, 0, 1])))
AXIS = over({}, {"axis": 0}, {"axis": -1}, {"axis": -1, "keepdims": True})
# What is computed from primitives, and nowhere else in a program.
COMPOSED = (
    Operation(np.var, AXIS),
    Operation(np.std, AXIS, kinks=gaps),
    Operation(np.median, AXIS, kinks=gaps),
    Operation(np.ptp, AXIS, kinks=gaps),
    Operation(np.clip, over({"a_min": -0.6, "a_max": 0.7}), kinks=clip_kinks),
    Operation(np.linalg.norm, AXIS, kinks=lambda a, **_options: np.sqrt(np.sum(np.square(a)))),
    Operation(np.ravel, over({}, {"order": "F"})),
    Operation(np.gradient, over({"axis": 0}, {"axis": -1})),
    Operation(np.pad, over({"pad_width": 1}, {"pad_width": 1, "mode": "reflect"}, {"pad_width": 1, "mode": "edge"})),
    Operation(np.dot, (Case(((), ())),)),
    Operation(np.inner, (Case(((), ())),)),
    Operation(np.kron, (Case(((), ())),)),
    Operation(np.average, over({"axis": 0}, {"axis": -1})),
    Subscripts(np.einsum, tuple(Case(((),) * (s.count(",") + 1), {"subscripts": s}) for s in SUBSCRIPTS)),
    Reading(entry, tuple(Case(((),), {"index": index}) for index in INDICES)),
)
COMMON = (np.add, np.multiply, np.subtract, np.sum, np.matmul, np.where, np.maximum, np.divide)
OFTEN = 12  # how many times they are on the menu


def menu(functions: Sequence[Callable[..., Any]] | None = None) -> tuple[Operation, ...]:
    """All operations that programs choose from: the common ones, several times, then NumPy's, then composed ones."""
    for function in functions or ():
        if function not in primitives or not primitives[function].domain.cases:
            reason = "has no example calls" if function in primitives else "has no rule"
            names = [display_name(f) for f in functions or ()]
            raise TypeError(NO_FUNCTIONS.format(functions=names, name=display_name(function), reason=reason))
    return menu_of(tuple(primitives.items()), None if functions is None else tuple(functions))


@functools.lru_cache(maxsize=4)
def menu_of(
    registry: tuple[tuple[Callable[..., Any], Primitive], ...], functions: tuple[Callable[..., Any], ...] | None
) -> tuple[Operation, ...]:
    """The same for a registry at one time."""
    known = dict(registry)
    if functions is not None:
        return tuple(Operation.of(function, known[function]) for function in functions)
    public = [f for f in known if display_name(f).startswith("np.") and f not in LEFT_OUT]
    found = [Operation.of(f, known[f]) for f in (*COMMON * OFTEN, *public) if f in known]
    return tuple(operation for operation in found if operation.cases) + COMPOSED


class Choice(NamedTuple):
    """What a step is made from: whole numbers, each taken modulo how many there are to choose from."""

    operation: int
    case: int
    operands: tuple[int, int, int]
    constant: int  # 0: none


class Builder:
    """Puts a program together, computing each value, and leaving out what cannot be done in range."""

    def __init__(self, inputs: Sequence[Any]) -> None:
        self.values: list[Any] = list(inputs)
        self.inputs = len(inputs)
        self.steps: list[Step] = []
        self.pool = list(range(len(inputs)))  # values that a step may read

    def add(self, step: Step) -> Ref:
        """Compute a step."""
        self.values.append(step.function(*filled(step.args, self.values), **step.options))
        self.steps.append(step)
        return Ref(len(self.values) - 1)

    def grow(self, operation: Operation, choice: Choice) -> None:
        """Add a step, with what it takes to stay within its domain; nothing if that cannot be done."""
        case = operation.cases[choice.case % len(operation.cases)]
        for attempt in range(TRIES * 2):
            count = len(self.values)
            try:
                result = self.called(operation, case, choice, attempt // 2, squashed=bool(attempt % 2))
            except (ArithmeticError, IndexError, TypeError, ValueError, Warning, np.linalg.LinAlgError):
                result = None
            if result is not None and usable(self.values[result.number]):
                self.pool.append(result.number)
                return
            del self.values[count:], self.steps[count - self.inputs :]

    def called(self, operation: Operation, case: Case, choice: Choice, shift: int, squashed: bool) -> Ref | None:
        """The value of one call, or None where it would have a kink."""
        arity, pool = len(case.shapes), self.pool
        refs: list[Any] = []
        for i in range(arity):
            back = choice.operands[i % 3] + (shift if i or arity == 1 else 0)
            choices = [*range(self.inputs), *pool] if i else pool
            ref = Ref(choices[-1 - back % len(choices)])
            if self.values[ref.number].ndim < len(case.shapes[i]):
                raise ValueError
            if i in operation.masks:
                refs.append(self.condition(ref))
            else:
                interval = operation.intervals[min(i, len(operation.intervals) - 1)]
                refs.append(self.within(ref, interval, squashed))
        if arity > 1 and choice.constant:
            number, place = divmod(choice.constant - 1, 2)
            value, place = NUMBERS[number % len(NUMBERS)], arity - 1 - place
            interval = operation.intervals[min(place, len(operation.intervals) - 1)]
            scalar = place not in operation.masks and not case.shapes[place]
            if scalar and interval.low + MARGIN <= value <= interval.high - MARGIN:
                refs[place] = value
        if display_name(operation.function).startswith("np.fft") and not self.values[refs[0].number].size:
            raise ValueError  # NumPy may return memory that nobody has written
        if operation.prepare is not None:
            refs = self.prepared(operation.prepare, refs)
        step = operation.step(case, refs)
        values = [self.values[ref.number] if isinstance(ref, Ref) else np.asarray(ref) for ref in refs]
        if operation.kinks is not None:
            near = np.abs(operation.kinks(*values, **case.options))
            if not np.min(near, initial=np.inf) > MARGIN:
                return None
        result = self.add(step)
        if operation.part is not None:
            result = self.add(Step(entry, (result, operation.part)))
        if np.iscomplexobj(self.values[result.number]):
            result = self.add(Step(np.imag if choice.case % 2 else np.real, (result,)))
        return result

    def within(self, ref: Ref, interval: Interval, squashed: bool) -> Ref:
        """A value of an interval: the one given, if it is there, or one made from its sine, which never saturates."""
        value, (low, high) = self.values[ref.number], interval
        if not squashed and np.all((value >= low + MARGIN) & (value <= high - MARGIN)):
            return ref
        if math.isinf(low) and math.isinf(high):
            center, radius = 0.0, 1.0
        elif math.isinf(high):
            center, radius = low + 1.5, 1.0
        elif math.isinf(low):
            center, radius = high - 1.5, 1.0
        else:
            center, radius = (low + high) / 2, 0.4 * (high - low)
        made = self.add(Step(np.sin, (ref,)))
        if radius != 1:
            made = self.add(Step(np.multiply, (made, radius)))
        return self.add(Step(np.add, (made, center))) if center else made

    def condition(self, ref: Ref) -> Ref:
        """Where a value is positive; it must not be near 0."""
        if np.min(np.abs(self.values[ref.number]), initial=np.inf) <= MARGIN:
            raise ValueError
        return self.add(Step(np.greater, (ref, 0.0)))

    def prepared(self, prepare: Callable[..., Any], refs: Sequence[Any]) -> list[Any]:
        """Operands made valid, such as invertible matrices, by adding constants."""
        values = [self.values[ref.number] if isinstance(ref, Ref) else np.asarray(ref) for ref in refs]
        found = prepare(*values)
        made = []
        for ref, before, after in zip(refs, values, found if isinstance(found, tuple) else (found,), strict=True):
            offset = np.asarray(after) - before
            if np.iscomplexobj(offset) or offset.shape != before.shape:
                raise ValueError
            made.append(self.add(Step(np.add, (ref, offset))) if np.any(offset) else ref)
        return made

    def program(self) -> Program:
        """What the last value needs: the steps that lead to it, and their inputs."""
        last = self.pool[-1]
        needed = {last}
        for number in range(last, self.inputs - 1, -1):
            if number in needed:
                needed.update(self.steps[number - self.inputs].refs)
        kept = sorted(needed)
        new = {old: Ref(i) for i, old in enumerate(kept)}

        def renumbered(arg: Any) -> Any:
            if isinstance(arg, Ref):
                return new[arg.number]
            return tuple(map(renumbered, arg)) if is_group(arg) else arg

        old = [self.steps[number - self.inputs] for number in kept if number >= self.inputs]
        steps = tuple(step._replace(args=tuple(map(renumbered, step.args))) for step in old)
        return Program(tuple(self.values[i] for i in kept if i < self.inputs), steps)


def usable(value: Any) -> bool:
    """Whether a later step may read a value: real, finite, moderate, of few entries, and not all of them zero."""
    if not isinstance(value, np.ndarray | np.generic):  # a tuple of results
        return False
    small = value.size <= ENTRIES and value.ndim <= AXES
    if value.dtype != np.float64 or not small:
        return False
    largest = np.max(np.abs(value), initial=0.0)
    return bool(largest <= LARGEST and (largest > NOTHING or not value.size))


def build(inputs: Sequence[Any], choices: Sequence[Choice], operations: Sequence[Operation]) -> Program:
    """The program that choices describe."""
    for a in inputs:
        a.setflags(write=False)
    builder = Builder(inputs)
    with warnings.catch_warnings(), np.errstate(all="raise", under="ignore"):
        warnings.simplefilter("error")
        for choice in choices:
            builder.grow(operations[choice.operation % len(operations)], choice)
    return builder.program()


def constant_or_none(number: int) -> int:
    """Two of three numbers up to `CONSTANTS` mean that a step reads no constant."""
    return number if number <= CONSTANTS // 3 else 0


def random_program(
    rng: np.random.Generator,
    functions: Sequence[Callable[..., Any]] | None = None,
    *,
    max_inputs: int = 3,
    max_steps: int = 12,
) -> Program:
    """One of the computations that `programs` draws, without hypothesis: faster, and hardly ever the same twice.

    Parameters
    ----------
    rng : numpy.random.Generator
        Where the randomness comes from.
    functions, max_inputs, max_steps
        As for `programs`.

    Returns
    -------
    Program

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_mini.testing import check_derivatives
    >>> from autograd_mini.testing.computations import random_program
    >>> program = random_program(np.random.default_rng(0))
    >>> check_derivatives(program, *program.inputs).verdict
    'right'
    """
    operations = menu(functions)
    lengths = {"m": int(rng.integers(1, 4)), "n": int(rng.integers(1, 4)), "1": 1}
    shapes = [tuple(lengths[x] for x in rng.choice(FORMS)) for _ in range(rng.integers(1, max_inputs + 1))]
    most = max(len(operation.cases) for operation in operations)
    choices = [
        Choice(
            int(rng.integers(len(operations))),
            int(rng.integers(most)),
            (int(rng.choice(RECENT)), int(rng.integers(BACK + 1)), int(rng.integers(BACK + 1))),
            constant_or_none(int(rng.integers(CONSTANTS + 1))),
        )
        for _ in range(rng.integers(1, max_steps + 1))
    ]
    return build([rng.choice(NUMBERS, shape) for shape in shapes], choices, operations)


def programs(
    functions: Sequence[Callable[..., Any]] | None = None, *, max_inputs: int = 3, max_steps: int = 12
) -> SearchStrategy[Program]:
    """Random computations from registered primitives, at points where they are smooth.

    Values are shared by later steps, broadcast, reduced, chosen between and mixed with constants. A step is left out
    where its value would not be finite and moderate or would be near a kink; what it reads is squashed into its domain
    if it is outside. Failing programs shrink to few steps and simple numbers.

    Parameters
    ----------
    functions : sequence of callable, optional
        Those to choose from, each with a rule and example calls. By default NumPy's, about 150.
    max_inputs, max_steps : int
        At most so many.

    Returns
    -------
    strategy of Program
        `program(*program.inputs)` computes it, `check_derivatives(program, *program.inputs)` checks its derivatives,
        and `print(program)` shows it as Python code.

    Raises
    ------
    TypeError
        If a function has no rule.

    Examples
    --------
    >>> from hypothesis import given
    >>> from autograd_mini.testing import check_derivatives, programs
    >>> @given(programs())
    ... def test_second_derivatives(program):
    ...     check_derivatives(program, *program.inputs)
    """
    from hypothesis import strategies as st

    operations = menu(functions)
    recent, any_number = st.sampled_from(RECENT), st.integers(0, BACK)
    constant = st.integers(0, CONSTANTS).map(constant_or_none)
    choice = st.builds(
        Choice,
        st.integers(0, len(operations) - 1),
        st.integers(0, max(len(operation.cases) for operation in operations) - 1),
        st.tuples(recent, any_number, any_number),
        constant,
    )
    choices = st.lists(choice, min_size=1, max_size=max_steps)
    sizes = st.integers(1, 3)
    forms = st.lists(st.sampled_from(FORMS), min_size=1, max_size=max_inputs)
    value = st.sampled_from(NUMBERS)

    @st.composite
    def program(draw: Any) -> Program:
        lengths = {"m": draw(sizes), "n": draw(sizes), "1": 1}
        inputs = []
        for form in draw(forms):
            shape = tuple(lengths[letter] for letter in form)
            size = math.prod(shape)
            inputs.append(np.array(draw(st.lists(value, min_size=size, max_size=size))).reshape(shape))
        return build(inputs, draw(choices), operations)

    return program()
