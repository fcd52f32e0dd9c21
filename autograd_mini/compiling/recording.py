"""One call of a step, written down line by line while it computes. What becomes of the lines is not said here."""

from __future__ import annotations

import functools
import gc
import inspect
import operator
import sys
import weakref
from collections.abc import Callable
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import numpy as np

from autograd_mini.arrays import is_numpys
from autograd_mini.backward import pull_back
from autograd_mini.batching.crossing import into_vmap, out_of_vmap, sum_over_vmap
from autograd_mini.checked.places import Place, user_place
from autograd_mini.compiling.program import (
    VIEWS,
    Check,
    Constant,
    Draw,
    Like,
    Line,
    SizeCheck,
    Variable,
    changed,
    same_bits,
    variables_in,
)
from autograd_mini.compiling.scalars import OPERATORS
from autograd_mini.compiling.slots import CompileError
from autograd_mini.compiling.traced import (
    Number,
    RecordedGenerator,
    Traced,
    above,
    arrays_in,
    described,
    fail,
    traced_in,
    values_of,
)
from autograd_mini.graph import Node, Vertex, Watch, modes
from autograd_mini.outputs import Cotangents
from autograd_mini.primitive import display_name, own_functions, primitives
from autograd_mini.tensor import Tensor

KINDS = "it asks for the kind of an array, and may compute otherwise for another"
DECIDES = "it decides by values"
OTHER_BITS = "its lines do not give the same bits"
NO_LINE = "{what} cannot be a line of a program: {why}.\n    {where}\nPass it as an argument, or compute it outside."
CHANCE = (
    "Random numbers were drawn from {what} in a function that cannot be recorded line by line ({why}), so the program "
    "could not draw them.\n    {where}\nDraw them outside of that function, and pass them to it."
)
TRIED = (CompileError, AttributeError, TypeError, ValueError, NotImplementedError)
SIZED: frozenset[Any] = frozenset(
    (  # whose results have the same shape for any values
        *(np.sum, np.prod, np.mean, np.var, np.std, np.median, np.max, np.min, np.any, np.all, np.argmax, np.argmin),
        *(
            np.nansum,
            np.nanmean,
            np.nanvar,
            np.nanstd,
            np.nanmax,
            np.nanmin,
            np.quantile,
            np.percentile,
            np.ptp,
            np.average,
        ),
        *(
            np.cumsum,
            np.cumprod,
            np.diff,
            np.sort,
            np.argsort,
            np.partition,
            np.argpartition,
            np.searchsorted,
            np.round,
        ),
        *(
            np.clip,
            np.nan_to_num,
            np.copy,
            np.sinc,
            np.i0,
            np.angle,
            np.interp,
            np.isclose,
            np.allclose,
            np.array_equal,
        ),
        *(np.zeros_like, np.ones_like, np.full_like, np.empty_like, np.iscomplex, np.isreal, np.choose, np.select),
        *(np.concatenate, np.stack, np.vstack, np.hstack, np.dstack, np.column_stack, np.flip, np.fliplr, np.flipud),
        *(
            np.roll,
            np.rot90,
            np.tril,
            np.triu,
            np.diag,
            np.diagflat,
            np.diagonal,
            np.trace,
            np.take,
            np.take_along_axis,
        ),
        *(np.dot, np.vdot, np.inner, np.outer, np.kron, np.cross, np.tensordot, np.einsum, np.convolve, np.correlate),
        *(np.linalg.inv, np.linalg.solve, np.linalg.det, np.linalg.slogdet, np.linalg.cholesky, np.linalg.norm),
        *(np.linalg.eigh, np.linalg.eigvalsh, np.linalg.eig, np.linalg.svd, np.linalg.qr, np.linalg.pinv),
        *(np.fft.fft, np.fft.ifft, np.fft.rfft, np.fft.irfft, np.fft.fftn, np.fft.ifftn, np.rollaxis, np.atleast_1d),
        *(getattr(np.ndarray, name) for name in ("astype", "copy", "flatten")),
    )
)
CROSSING = frozenset((into_vmap, out_of_vmap, sum_over_vmap))  # which make batches of recorded arrays, and back
HERE = Path(__file__).parent
ENGINE = tuple(str(HERE.parent / f"{name}.py") for name in ("tensor", "surface", "primitive", "backward", "arrays"))
MACHINERY = (str(HERE), *ENGINE, str(Path(np.__file__).parent))  # files that compute what others asked for
BACKWARD: set[CodeType] = {pull_back.__code__, Tensor.backward.__code__}


class Recorder(Watch):
    """Writes down what is done to the arrays, numbers and generators that it hands out.

    Parameters
    ----------
    updating : set of code objects
        The functions, such as an optimizer's `step`, whose lines are an update.
    """

    once = False  # a backward may look at cotangents in a first pass

    def __init__(self, updating: set[CodeType] = frozenset()) -> None:  # type: ignore[assignment]
        self.lines: list[Line] = []
        self.count = 0
        self.updating = updating
        self.generators: list[RecordedGenerator] = []
        self.found: list[Traced] = []  # kept, so that no other array gets the identity of one
        self.node: tuple[Place | None, str] | None = None  # of the operation that a backward goes through
        self.nodes: dict[Node, tuple[Place | None, str]] = {}
        self.made: dict[int, Variable] = {}  # the variable of the value of each record, for the names of cotangents
        self.read: dict[int, tuple[Any, Any, Any]] = {}  # operands from elsewhere: with values and gradient, of tensors
        self.silent = self.trying = 0
        self.handed_out: list[weakref.ref[Traced]] = []
        self.outer_errors = np.geterr()

    # What is handed out

    def input(self, value: Any, name: str) -> Any:
        """An array, a number or a generator that comes from outside."""
        value = np.asarray(value) if isinstance(value, np.generic) else value
        if isinstance(value, np.random.Generator):
            variable = self.variable((), None, "generator", name)
            self.generators.append(RecordedGenerator(value, variable, self))
            return self.generators[-1]
        if type(value) in (bool, int, float):
            return Number(value, self.variable((), type(value), "number", name), self)
        return self.traced(value, self.of_array(value, name))

    def traced(self, value: Any, variable: Variable) -> Traced:
        array = Traced(value, variable, self)
        self.handed_out.append(weakref.ref(array))
        return array

    def variable(self, shape: Any, dtype: Any, kind: str = "array", name: Any = None) -> Variable:
        self.count += 1
        return Variable(self.count, shape, dtype, kind, name)

    def of_array(self, value: Any, name: Any = None) -> Variable:
        """The variable of an array, or of one of NumPy's scalars."""
        variable = self.variable(value.shape, value.dtype, "array", name)
        if isinstance(value, np.ndarray) and not value.flags.c_contiguous:
            variable.strides = value.strides
        return variable

    # What is written down

    def call(self, function: Any, args: Any, options: Any, called: str = "") -> Any:
        """Compute a function, and write the line."""
        return self.write(function, args, options, function(*values_of(args), **values_of(options)), called)

    def write(
        self, function: Any, args: Any, options: Any, value: Any, called: str = "", *, sized: bool = False
    ) -> Any:
        """Write the line of a function that gave `value`, `sized` like its operands; return what stands for it."""
        results: list[Variable] = []
        standing = self.standing_for(value, results, function)
        line = Line(function, self.stripped(args), self.stripped(options), tuple(results), *self.here(), called)
        line.errors, line.packed = self.errors(), len(results) == 1 and isinstance(value, tuple | list)
        for variable in results:
            variable.line = line
        self.mark_views(args, options, standing)
        self.lines.append(line)
        if not sized:
            self.check_sizes(line)
        return standing

    def check_sizes(self, line: Line) -> None:
        """Let the program check the shapes of results that may be other ones for other values, as of `a[a > 0]`."""
        found = [result for result in line.results if result.is_array]
        if not found or has_own_size(line):
            return
        if self.trying and not line.called:
            fail(DECIDES, DECIDES)
        for result in found:
            self.lines.append(Line(SizeCheck(result.shape), (result,), {}, (), *self.here()))

    def mark_views(self, args: Any, options: Any, standing: Any) -> None:
        """Note which results show the memory of an operand."""
        operands = [array for array in (*arrays_in(args), *arrays_in(options)) if array.value.size]
        for result in arrays_in(standing):
            for operand in operands:
                if np.may_share_memory(operand.value, result.value):
                    result.variable.view = result.shared = operand.shared = True

    def write_into(self, target: Traced, function: Any, args: Any, options: Any) -> Traced | None:
        """Let an array that the step has made itself, and of which nobody has a view, be what a function gives."""
        result = self.call(function, args, options)
        if isinstance(target.value, np.generic):  # which nobody can write into: the name stands for another one
            return result
        alike = isinstance(result, Traced) and (result.shape, result.dtype) == (target.shape, target.dtype)
        if target.shared or target.variable.line is None or not alike:
            return None
        target.value, target.variable = result.value, result.variable
        return target

    def standing_for(self, value: Any, results: list[Variable], function: Any) -> Any:
        """Recorded values in the place of arrays and numbers, whose variables are added to `results`."""
        if isinstance(value, np.ndarray | np.generic):
            results.append(self.of_array(value))
            return self.traced(value, results[-1])
        if type(value) in (bool, int, float):
            results.append(self.variable((), type(value), "number"))
            return Number(value, results[-1], self)
        if isinstance(value, tuple | list):
            return changed(value, lambda part: self.standing_for(part, results, function))
        if value is None:
            return None
        where = described(self.here()[0])
        why = f"it returned a {type(value).__name__}"
        raise CompileError(NO_LINE.format(what=display_name(function), why=why, where=where))

    def stripped(self, tree: Any) -> Any:
        """Variables and constants in the place of what is recorded, and of arrays."""
        if isinstance(tree, Traced | Number):
            return tree.variable
        if isinstance(tree, Tensor):
            return self.stripped(tree._values)
        if isinstance(tree, Vertex):  # of an operand that a rule does not read
            return Like(tuple(tree.shape), tree.dtype)
        if isinstance(tree, np.ndarray | np.generic):
            return Constant(tree if isinstance(tree, np.ndarray) else np.asarray(tree), self.here()[0])
        return changed(tree, self.stripped)

    def here(self) -> tuple[Place | None, Place | None, str, str]:
        """The user's line, the innermost one, the module and the phase that an operation belongs to."""
        phase, inner = "forward", None
        frame: FrameType | None = sys._getframe(2)
        found = user_place(frame)
        end = found and found[0]
        while frame is not None:
            code = frame.f_code
            if inner is None and not code.co_filename.startswith(MACHINERY):
                inner = Place(code, frame.f_lasti)
            if code in BACKWARD:
                phase = "backward"
            elif code in self.updating:
                phase = "update"
            if code is end:
                break
            frame = frame.f_back
        if self.node is not None:
            return (self.node[0], inner, self.node[1], "backward")
        return (found and Place(*found), inner, modes.scope, phase)

    def errors(self) -> tuple[tuple[str, str], ...]:
        """What NumPy is told about errors here and not outside of the step."""
        outer, now = self.outer_errors.items(), np.geterr().items()
        return tuple((name, str(kind)) for name, kind in sorted(now - outer))

    def check(self, answer: Any, what: str) -> bool:
        """The truth of a recorded number or condition, which the program checks."""
        if self.trying:
            fail(DECIDES, DECIDES)
        truth, inner = bool(answer.value), self.here()[1]
        what = what or f"a condition in {inner.code.co_name if inner is not None else 'the step'}"
        self.write(Check(truth, what), (answer,), {}, None)
        return truth

    def nan_check(self, array: Traced) -> bool:
        """Whether an array holds NaN, as the engine asks: no other number makes a sum of squares NaN."""
        if array.dtype.kind == "f":
            flat = np.ravel(array)
            total = np.dot(flat, flat)
            return not self.check(np.equal(total, total), "no gradient is NaN")
        return self.check(np.any(np.isnan(array)), "no gradient is NaN")

    def draw(self, generator: RecordedGenerator, function: Draw, args: Any, options: Any) -> Any:
        """Random numbers, by the method that was called."""
        value = getattr(generator._generator, function.method)(*values_of(args), **values_of(options))
        if self.silent:
            return value
        results: list[Variable] = []
        standing = self.standing_for(value, results, function)
        inside = (generator._variable, *self.stripped(args))
        self.lines.append(Line(function, inside, self.stripped(options), tuple(results), *self.here()))
        for variable in results:
            variable.line = self.lines[-1]
        return standing

    # Primitives and rules: their lines, if these give the same bits, else one call

    def primitive(self, function: Any, args: Any, options: Any) -> Any:
        """A function that the engine asks for: NumPy's own are lines as they are."""
        if function not in own_functions and is_of_numpy(function):
            return function(*args, **options)
        if function in CROSSING:
            return own_functions[function](*args, **options)
        return self.computed(own_functions.get(function, function), args, options)

    def computed(self, function: Any, args: Any, options: Any, *, sized: bool = False) -> Any:
        """The lines of a function, if they give its bits; else a line that calls it."""
        states = [(g._generator.bit_generator, g._generator.bit_generator.state) for g in self.generators]
        value = self.silently(function, args, options)
        if above(value) is not None:  # it brings arrays into a vmap, and so is no operation on them
            return function(*args, **options)
        after = [bits.state for bits, _ in states]
        drew = any(state != then for (_, state), then in zip(states, after, strict=True))
        mark, count = len(self.lines), self.count
        why = KINDS if asks_for_kinds(function) else ""
        if not why:
            for bits, state in states:
                bits.state = state
            self.trying += 1
            try:
                traced = function(*args, **options)
            except TRIED as error:
                why = getattr(error, "what", None) or str(error).partition("\n")[0]
            else:
                if same(traced, value) and all(
                    bits.state == then for (bits, _), then in zip(states, after, strict=True)
                ):
                    return traced
                why = OTHER_BITS
            finally:
                self.trying -= 1
            del self.lines[mark:]
            self.count = count
            for (bits, _), then in zip(states, after, strict=True):
                bits.state = then
        if drew:
            raise CompileError(CHANCE.format(what="a generator", why=why, where=described(self.here()[0])))
        return self.write(function, args, options, value, why, sized=sized)

    def silently(self, function: Any, args: Any, options: Any) -> Any:
        """What a function gives for the values, with nothing written down."""
        self.silent += 1
        try:
            return function(*values_of(args), **values_of(options))
        finally:
            self.silent -= 1

    def leaked(self) -> Traced | None:
        """A recorded array that somebody still holds, after its step has ended."""
        self.nodes.clear()
        self.made.clear()
        self.found.clear()
        for generation in range(3):  # the youngest first: a whole collection takes as long as the program is large
            if all(reference() is None for reference in self.handed_out):
                return None
            gc.collect(generation)  # what holds itself, as a function in a cell of its own does, is held by nobody
        return next((array for reference in self.handed_out if (array := reference()) is not None), None)

    # What a watch sees

    def forward(self, primitive: Any, args: tuple[Any, ...], result: Any) -> None:  # noqa: ARG002
        """Let the rules of the operation be recorded as one thing each, under the user's line."""
        for arg in args:
            for part in arg if isinstance(arg, tuple | list) else (arg,):
                values = getattr(part, "_values", part)
                if isinstance(values, Traced):
                    values.shared = True
                elif isinstance(values, np.ndarray) and not isinstance(getattr(part, "_record", None), Node):
                    self.read.setdefault(id(part), (part, values, getattr(part, "grad", None)))
        for part in result if isinstance(result, tuple) else (result,):
            record = getattr(part, "_record", None)
            if not isinstance(record, Node):
                continue
            values = part._values
            if isinstance(values, Traced):
                self.made[id(record)] = values.variable
                self.found.append(values)
            node = record.inputs[0] if isinstance(result, tuple) else record
            if node in self.nodes or primitives.get(node.primitive.public) is not node.primitive:
                continue  # the rule of a checkpoint computes its function again, which is recorded as ever
            place = user_place(sys._getframe(1))
            self.nodes[node] = (place and Place(*place), node.scope)
            rules = tuple((position, RecordedRule(self, node, vjp)) for position, vjp in node.plan.rules)
            node.plan = node.plan._replace(rules=rules)

    def backward(self, node: Any, cotangent: Any, parts: list[tuple[Any, Any]]) -> None:  # noqa: ARG002
        """Call each cotangent after what it is one of."""
        for parent, part in parts:
            values = getattr(part, "_values", part)
            if isinstance(values, Traced) and values.variable.name is None and id(parent) in self.made:
                values.variable.name = self.made[id(parent)]


class RecordedRule:
    """A rule of an operation, as it is called in a recorded backward."""

    def __init__(self, recorder: Recorder, node: Node, rule: Callable[..., Any]) -> None:
        self.recorder, self.place, self.rule = recorder, recorder.nodes[node], rule
        functools.update_wrapper(self, rule, ("__module__", "__doc__"), ())

    def __call__(self, g: Any, out: Any, *operands: Any, **options: Any) -> Any:
        recorder, outer = self.recorder, self.recorder.node
        everything = (g, out, *operands), options
        recorder.node = self.place
        try:
            if is_plain(everything):
                return recorder.computed(self.rule, *everything, sized=True)
            return self.rule(*everything[0], **options)
        finally:
            recorder.node = outer


def is_plain(tree: Any) -> bool:
    """Whether recorded arrays, but no tensors, batches or several cotangents, are among the arguments of a rule."""
    return traced_in(tree) is not None and above(tree) is None and not isinstance(tree[0][0], Cotangents)


def is_of_numpy(function: Any) -> bool:
    """Whether a function is NumPy's, which hands it over to what it is called with."""
    return isinstance(function, np.ufunc) or (getattr(function, "__module__", None) or "").partition(".")[0] == "numpy"


def has_own_size(line: Line) -> bool:
    """Whether the shapes of a line's results follow from those of its operands."""
    function, rest = line.function, (*line.args[1:], *line.options.values())
    if isinstance(function, np.ufunc) or isinstance(getattr(function, "__self__", None), np.ufunc):
        return True
    if function is operator.getitem:
        index = line.args[1] if isinstance(line.args[1], tuple) else (line.args[1],)
        return not any(part.dtype == bool for part in variables_in(index))
    if function in VIEWS:
        return not variables_in(rest)
    return function in SIZED or function in OPERATORS or (function is np.where and len(line.args) == 3)


@functools.cache
def asks_for_kinds(function: Any) -> bool:
    """Whether a function, or one of our package that it calls, asks whether it has one of NumPy's arrays."""
    return any("ndarray" in code.co_names for code in codes_of(function, set()))


def codes_of(function: Any, seen: set[Any]) -> list[CodeType]:
    """The code of a function and of those that it names, but for NumPy's."""
    while isinstance(function, functools.partial):
        function = function.func
    function = own_functions.get(function, function)
    if function in seen or function is is_numpys or not inspect.isfunction(function):
        return []
    seen.add(function)
    codes = [function.__code__]
    for code in codes:
        codes += [part for part in code.co_consts if isinstance(part, CodeType)]
    names = {name for code in codes for name in code.co_names}
    named = [function.__globals__[name] for name in names if name in function.__globals__]
    named += [cell.cell_contents for cell in function.__closure__ or () if cell_is_filled(cell)]
    for other in named:
        if callable(other) and not is_of_numpy(other):
            codes += codes_of(other, seen)
    return codes


def cell_is_filled(cell: Any) -> bool:
    try:
        cell.cell_contents  # noqa: B018
    except ValueError:
        return False
    return True


def same(traced: Any, value: Any) -> bool:
    """Whether recorded lines gave what the function itself did: kinds, shapes, dtypes, memory order and bits."""
    if isinstance(traced, Traced):
        plain = np.asarray(traced.value)
        alike = isinstance(value, np.ndarray | np.generic) and strides(value) == strides(plain)
        return alike and same_bits(np.asarray(value), plain)
    if isinstance(traced, Number):
        return type(traced.value) is type(value) and repr(traced.value) == repr(value)
    if isinstance(traced, tuple | list):
        alike = type(traced) is type(value) and len(traced) == len(value)
        return alike and all(map(same, traced, value))
    return traced is value and value is None


def strides(array: Any) -> Any:
    """The memory order of an array, None for C order."""
    return None if not array.ndim or array.flags.c_contiguous else array.strides
