"""`derivation`: a computation as a page to read, each operation with its derivative in NumPy; no rule is written here.

The lines are the rules' own: their source, or the operations that they record, with the names of this computation.
"""

from __future__ import annotations

import ast
import dataclasses
import functools
import inspect
import textwrap
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from autograd_mini.backward import pull_back, pull_through
from autograd_mini.graph import Leaf, Node, Record, Watch, ancestors, enable_grad, no_grad
from autograd_mini.outputs import SELECT, Cotangents
from autograd_mini.primitive import own_functions
from autograd_mini.tensor import DIFFERENTIABLE, Tensor, apply, wrap
from autograd_mini.testing.checks import check_derivatives
from autograd_mini.testing.computations import literal, subscript
from autograd_mini.testing.lines import OURS, Renamed, call_of, changes_nothing, identifier, parsed, summed, text
from autograd_mini.testing.report import DerivativeError
from autograd_mini.testing.snippets import name_of, source_of, surroundings
from autograd_mini.transforms.trees import flatten

NOT_A_FUNCTION = (
    "derivation(...) was given {what}. Write `derivation(f, x)`: the function, and then where to look at it."
)
NO_DERIVATIVE = (
    "derivation({name}, ...) found {what}. Pass floating-point arrays, and a function that returns one tensor computed "
    "from them by `np.*` functions."
)
HOOKED = "A hook of {name} may put another array in the place of d{name}."
LONGER = "...: the rule of {name} is no single line."
COMPLEX = "For complex v, dv is dL/dRe v - i dL/dIm v."
SHOWN = 4  # entries of an array that are written out
WIDEST = 60  # of the column of code
PAGE = 110  # characters of a sentence's line
REST = 1e-12  # of the largest entry
LONGEST = 120  # line that is taken from a recording
VERDICTS = "right", "wrong", "inconclusive", "not compared"


class Derivative(NamedTuple):
    """The derivative of an operation by one of its operands.

    Attributes
    ----------
    name : str
        What it adds to: `dx` stands for dL/dx.
    code : str
        The part of it that comes along this edge, in NumPy.
    value : ndarray
        The same as numbers.
    verdict : str
        "right", "wrong", "inconclusive" or "not compared": what comparing the rule with differences said here.
    """

    name: str
    code: str
    value: Any
    verdict: str


class Operation(NamedTuple):
    """One operation: the name of its result, how it is computed, the result, and its derivatives."""

    name: str
    code: str
    value: Any
    derivatives: tuple[Derivative, ...]


@dataclasses.dataclass(frozen=True, repr=False)
class Derivation:
    """What `derivation` returns: print it, or go through its operations.

    Attributes
    ----------
    title : str
        The call.
    inputs : dict of str to ndarray
        What the lines read: the arguments and the constants, by name.
    operations : tuple of Operation
        In the order in which they were computed.
    unused : tuple of str
        Arguments that never matter: no operation that has a derivative leads from them to the result.
    notes : tuple of str
        What is to be known of names in the lines that are not NumPy's.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_mini.testing import derivation
    >>> found = derivation(lambda x: np.sum(np.tanh(x)), np.array([0.5]))
    >>> [operation.code for operation in found.operations]
    ['np.tanh(x)', 'np.sum(v1)']
    """

    title: str
    inputs: Mapping[str, Any]
    operations: tuple[Operation, ...]
    unused: tuple[str, ...]
    notes: tuple[str, ...]

    def __str__(self) -> str:
        last = self.operations[-1]
        width = min(WIDEST, max(len(code) for code, remark in self.rows() if remark) + 2)
        lines = [f"{last.name} = {self.title}, in {counted(len(self.operations), 'operation')}"]
        for code, remark in self.rows():
            lines.append(f"{code:<{width}}  {remark}".rstrip())
        sentences = (textwrap.fill(text, PAGE, subsequent_indent="  ") for text in self.sentences())
        return "\n".join([*lines, "", *sentences])

    __repr__ = __str__

    def rows(self) -> Iterator[tuple[str, str]]:
        """The lines, each with the numbers beside it."""
        last = self.operations[-1]
        yield from (("", ""), ("Given", ""))
        yield from ((f"  {name}", described(value)) for name, value in self.inputs.items())
        yield from (("", ""), ("Forward", ""))
        yield from ((f"  {o.name} = {o.code}", described(o.value)) for o in self.operations)
        shape = np.shape(last.value)
        yield from (
            ("", ""),
            (f"Backward, where dv is short for d{last.name}/dv and += adds what another use sends back", ""),
        )
        yield f"  d{last.name} = {f'np.ones({shape})' if shape else '1'}", ""
        seen: set[str] = set()
        for o in reversed(self.operations):
            yield f"  {o.name} = {o.code}", ""
            for name, code, value, verdict in o.derivatives:
                said = "" if verdict == "right" else f"  ({verdict})"
                yield f"      {name} {'+=' if name in seen else '='} {code}", described(value) + said
                seen.add(name)

    def sentences(self) -> Iterator[str]:
        """What was found out."""
        verdicts = [d.verdict for o in self.operations for d in o.derivatives]
        found = ", ".join(f"{verdicts.count(verdict)} {verdict}" for verdict in VERDICTS if verdict in verdicts)
        yield f"Each line of the backward, compared with differences at this point: {found}."
        for name in self.unused:
            yield f"d{self.operations[-1].name}/d{name} = 0: no operation with a derivative leads from {name} there."
        yield from self.notes


def derivation(f: Callable[..., Any], *args: Any) -> Derivation:
    r"""Write down how `f` is computed at a point and how it is differentiated, line by line, in NumPy.

    The forward is the list of operations. The backward is the same list from its end: for each operation
    :math:`v = \phi(u)` one line for each operand, :math:`\bar u = \bar v \, \partial v / \partial u`, with `du` and
    `dv` for the bars. The lines are what the engine's rules say, and each rule is compared with numbers at this point.

    Parameters
    ----------
    f : callable
        Takes arrays and returns one tensor, in terms of `np.*` functions.
    *args : array_like, Tensor, or nested containers of them
        Where. Floating-point arrays are differentiated by.

    Returns
    -------
    Derivation
        Print it; or go through its `operations` and `unused` inputs.

    Raises
    ------
    TypeError
        If `f` is no function, nothing is floating-point, or `f` returns no tensor computed from it.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_mini.testing import derivation
    >>> print(derivation(lambda w, x: np.tanh(w * x), 0.5, 2.0))
    L = f(w, x), in 2 operations
    <BLANKLINE>
    Given
      w                             0.5
      x                             2.0
    <BLANKLINE>
    Forward
      v1 = w * x                    1.0
      L = np.tanh(v1)               0.7616
    <BLANKLINE>
    Backward, where dv is short for dL/dv and += adds what another use sends back
      dL = 1
      L = np.tanh(v1)
          dv1 = dL * (1 - L * L)    0.42
      v1 = w * x
          dw = dv1 * x              0.8399
          dx = dv1 * w              0.21
    <BLANKLINE>
    Each line of the backward, compared with differences at this point: 3 right.
    """
    if not callable(f):
        raise TypeError(NOT_A_FUNCTION.format(what=f"a {type(f).__name__}"))
    leaves, rebuild = flatten(args)
    variables = [variable(leaf) for leaf in leaves]
    moved = [v for v in variables if isinstance(v, Tensor) and v.requires_grad]
    if not moved:
        raise TypeError(NO_DERIVATIVE.format(name=name_of(f), what="no floating-point argument"))
    watch = Seen()
    with enable_grad(), watch, np.errstate(all="ignore"):
        out = f(*rebuild(variables))
        if not isinstance(out, Tensor) or not isinstance(out._record, Node):
            raise TypeError(NO_DERIVATIVE.format(name=name_of(f), what="no operation that leads to what it returned"))
        with no_grad():
            pull_back(out._record, np.ones_like(out.data), retain_graph=True)
    page = Page(watch, dict(zip(names_of(f, args), variables, strict=True)), surrounding(f))
    return page.written(f, out._record)


class Seen(Watch):
    """What each operation was computed from and sent back; the graph holds only what its rules read."""

    def __init__(self) -> None:
        self.calls: dict[Record, tuple[tuple[Any, ...], Any]] = {}
        self.parts: dict[Record, list[Any]] = {}

    def forward(self, primitive: Any, args: tuple[Any, ...], result: Any) -> None:  # noqa: ARG002
        if isinstance(result, Tensor) and isinstance(result._record, Node):
            self.calls[result._record] = args, result.data
            return
        for part in result if isinstance(result, tuple) else ():
            if isinstance(part, Tensor) and isinstance(part._record, Node):
                self.calls[part._record] = (part._record.inputs[0],), part.data
                self.calls[part._record.inputs[0]] = args, None

    def backward(self, node: Any, cotangent: Any, parts: list[tuple[Any, Any]]) -> None:  # noqa: ARG002
        self.parts[node] = [None if type(part) is Cotangents else part for _, part in parts]


class Page:
    """The names of one computation, and its lines."""

    def __init__(self, seen: Seen, arguments: dict[str, Any], around: Mapping[str, Any]) -> None:
        self.seen, self.arguments, self.around = seen, arguments, around
        self.names: dict[Record, str] = {}
        self.inputs: dict[str, Any] = {}
        self.notes: dict[str, None] = {}

    def written(self, f: Callable[..., Any], root: Node) -> Derivation:
        """The whole page."""
        records = ancestors(root)[::-1]
        nodes = [record for record in records if isinstance(record, Node)]
        unused = []
        for name, value in self.arguments.items():
            if isinstance(value, Tensor) and value.requires_grad:
                self.inputs[self.called(value._record, name)] = value.data
                if value._record not in records:
                    unused.append(name)
        for node in nodes:
            self.name_constants(node)
        for number, node in enumerate(nodes, 1):
            last = "out" if root.ndim else "L"
            own = (node.name or "").replace(" ", "_")
            self.called(node, own if own.isidentifier() else last if node is root else f"v{number}")
        operations = tuple(map(self.operation, nodes))
        title = f"{name_of(f)}({', '.join(self.arguments)})"
        return Derivation(title, self.inputs, operations, tuple(unused), tuple(self.notes))

    def called(self, record: Any, name: str) -> str:
        """Give a record a name that no other has."""
        taken, number, wanted = {*self.names.values(), *self.inputs}, 2, name
        while name in taken:
            name, number = f"{wanted}_{number}", number + 1
        self.names[record] = name
        return name

    def name_constants(self, node: Node) -> None:
        """Name the arrays that an operation reads and nothing computed: as around `f`, or c1, c2, ..."""
        for record, arg in zip(node.inputs, self.seen.calls[node][0], strict=True):
            if not isinstance(record, Leaf) or record in self.names:
                continue
            value = arg.data if isinstance(arg, Tensor) else arg
            near = next((name for name, other in self.around.items() if same(other, value)), None)
            if near is not None and near in self.inputs and same(self.inputs[near], value):
                self.names[record] = near  # the same array, read again
                continue
            own = record.name if identifier(record.name) else None
            number = 1 + sum(name[:1] == "c" and name[1:].isdigit() for name in self.inputs)
            self.inputs[self.called(record, own or near or f"c{number}")] = value

    def operation(self, node: Node) -> Operation:
        """One operation with its derivatives."""
        args, value = self.seen.calls[node]
        code = text(call_of(node.primitive, list(map(self.word, node.inputs)), self.options(node)))
        self.note_operation(node)
        derivatives = []
        lines, parts = self.recorded(node), self.seen.parts.get(node, ())
        for (position, vjp), line, part in zip(node.plan.rules, lines, parts, strict=True):
            parent = node.inputs[position]
            code_of_part = self.by_source(node, position, vjp) or line or self.by_name(node, position, vjp)
            said = verdict(node, args, position)
            derivatives.append(Derivative(f"d{self.names[parent]}", code_of_part, part, said))
            for record in (node, parent):
                if record.hooks:
                    self.notes[HOOKED.format(name=self.names[record])] = None
        if "c" in (getattr(node.dtype, "kind", ""), *(getattr(part, "dtype", np.dtype(bool)).kind for part in parts)):
            self.notes[COMPLEX] = None
        return Operation(self.names[node], code, value, tuple(derivatives))

    def word(self, operand: Any) -> ast.expr:
        """What an operand is called in the lines."""
        return parsed(self.names[operand] if isinstance(operand, Leaf | Node) else literal(operand))

    def options(self, node: Node) -> dict[str, ast.expr]:
        """The keyword arguments as code: a large array by its name around `f`, or by its keyword."""

        def word(name: str, option: Any) -> ast.expr:
            if name == "index":
                parts = option if type(option) is tuple and option else (option,)
                return parsed(f"np.s_[{', '.join(map(subscript, parts))}]")
            if isinstance(option, np.dtype | type):
                return ast.Constant(str(np.dtype(option)))
            if isinstance(option, np.ndarray):
                near = next((known for known, other in self.around.items() if same(other, option)), None)
                return parsed(near or (name if option.size > SHOWN else literal(option)))
            return parsed(literal(option))

        return {name: word(name, option) for name, option in node.options.items()}

    def note(self, function: Any) -> None:
        """Say what a function computes that is not NumPy's: the first sentence of its docstring."""
        first = " ".join((inspect.getdoc(function) or "").partition("\n\n")[0].split())
        signature = ", ".join(inspect.signature(function).parameters)
        if first:
            self.notes[f"{function.__name__}({signature}): {first}"] = None

    def note_operation(self, node: Node) -> None:
        """The same of an operation, if a user could not look it up."""
        if node.primitive.own and "." not in node.primitive.name and node.primitive.function not in OURS:
            self.note(node.primitive.function)

    def recorded(self, node: Node) -> list[str | None]:
        """What the rules of an operation record: a line for each, None where they read what has no name."""
        if type(node.dtype) is tuple or node.primitive is SELECT:  # an operation that has several results
            return [None] * len(node.plan.rules)
        names: dict[Any, str] = {}

        def named(array: Any, name: str) -> Tensor:
            leaf = Leaf(array, requires_grad=True)
            names[leaf] = name
            return wrap(array, leaf)

        g = named(np.ones(node.shape, node.dtype), f"d{self.names[node]}")
        try:
            with enable_grad(), np.errstate(all="ignore"), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                parts = pull_through(node, g, None, lambda array, record: named(array, self.names[record]))
        except Exception:  # noqa: BLE001 (a rule of anybody's, which need not be written for tensors)
            return [None] * len(node.plan.rules)
        return [self.expression(part._record, names) for _, part in parts]

    def expression(self, root: Any, names: Mapping[Record, str]) -> str | None:
        """The operations from named values to `root` as one line."""
        if root is None:
            return None
        written: dict[Any, ast.expr] = {}
        operations = []
        for record in ancestors(root)[::-1]:
            if record in names:
                written[record] = parsed(names[record])
            elif isinstance(record, Leaf):
                return None
            elif changes_nothing(record):
                written[record] = written[record.inputs[0]]
            else:
                operands = [written[i] if isinstance(i, Leaf | Node) else parsed(literal(i)) for i in record.inputs]
                written[record] = call_of(record.primitive, operands, self.options(record))
                operations.append(record)
        line = text(written[root])
        if len(line) > LONGEST:
            return None
        for operation in operations:
            self.note_operation(operation)
        return line

    def by_source(self, node: Node, position: int, vjp: Any, helpers: bool = False) -> str | None:
        """A rule's source with the names of this computation, if it is one expression of registered functions.

        With `helpers` it may also call functions that are not registered.
        """
        source = source_of(vjp) if getattr(vjp, "__name__", "") == "<lambda>" else ""
        if not source.startswith("lambda"):
            return None
        function: Any = ast.parse(source, mode="eval").body
        parameters = [p.arg for p in function.args.args]
        operands = [parsed(f"d{self.names[node]}"), parsed(self.names[node]), *map(self.word, node.inputs)]
        values = dict(zip(parameters, operands, strict=False))
        defaults = inspect.signature(vjp).parameters
        options = self.options(node)
        for name in parameters[len(operands) :]:
            values[name] = options.get(name) or parsed(literal(defaults[name].default))
        renamed = Renamed(values, vjp.__globals__)
        line = text(renamed.visit(function.body))
        if function.args.vararg or function.args.kwarg or (not helpers and (renamed.others or len(line) > LONGEST)):
            return None
        for helper in map(vjp.__globals__.get, renamed.others):
            if inspect.isfunction(helper):
                self.note(helper)
        for own in renamed.own:
            if own_functions[own] not in OURS:
                self.note(own)
        return summed(line, node, position)

    def by_name(self, node: Node, position: int, vjp: Any) -> str:
        """A rule that is no single line: the call, with what its docstring says."""
        rule = vjp.func if isinstance(vjp, functools.partial) else vjp
        if not identifier(getattr(rule, "__name__", None)):
            line = self.by_source(node, position, vjp, helpers=True)
            if line is None:
                self.notes[LONGER.format(name=node.primitive.name)] = None
            return line or "..."
        self.note(rule)
        first = [str(position)] if isinstance(vjp, functools.partial) else []
        words = [*first, f"d{self.names[node]}", self.names[node], *(text(self.word(i)) for i in node.inputs)]
        said = [f"{name}={text(option)}" for name, option in self.options(node).items()]
        return summed(f"{rule.__name__}({', '.join(words + said)})", node, position)


def variable(leaf: Any) -> Any:
    """A variable at a value that can be differentiated by; any other value as it is."""
    value = leaf.data if isinstance(leaf, Tensor) else np.asarray(leaf)
    if value.dtype.kind not in DIFFERENTIABLE:
        return leaf
    return Tensor(value, requires_grad=True, name=getattr(leaf, "name", None))


def names_of(f: Callable[..., Any], args: Sequence[Any]) -> list[str]:
    """A name for each leaf of the arguments: its own, or its parameter's, numbered where there are several."""
    try:
        parameters = list(inspect.signature(f).parameters.values())
    except (TypeError, ValueError):
        parameters = []
    named = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    found: list[Any] = []
    for i, arg in enumerate(args):
        own = [getattr(leaf, "name", None) for leaf in flatten(arg)[0]]
        found += [name if identifier(name) else named[i] if i < len(named) else f"x{i}" for name in own]
    times, seen = Counter(found), Counter[Any]()
    for i, name in enumerate(found):
        seen[name] += 1
        found[i] = f"{name}_{seen[name]}" if times[name] > 1 else name
    return found


def surrounding(f: Callable[..., Any]) -> Mapping[str, Any]:
    """The arrays that a function reads from around it."""
    return surroundings(f) if inspect.isfunction(f) else {}


def same(a: Any, b: Any) -> bool:
    """Whether two values are the same array of numbers."""
    a, b = (x.data if isinstance(x, Tensor) else x for x in (a, b))
    return np.ndim(a) > 0 and np.shape(a) == np.shape(b) and bool(np.array_equal(a, b))


def verdict(node: Node, args: Sequence[Any], position: int) -> str:
    """Whether the rule of an operation for one operand is right at these values, by differences."""
    if not all(isinstance(arg, Tensor) or not isinstance(arg, Leaf | Node) for arg in args):
        return "not compared"  # an operation that is the engine's own, or made of others
    values = [arg.data if isinstance(arg, Tensor) else arg for arg in args]

    def operation(moved: Any) -> Any:
        return apply(node.primitive, *values[:position], moved, *values[position + 1 :], **node.options)

    at = np.asarray(values[position])
    found = compared(operation, at)
    rest = np.abs(at) < REST * np.max(np.abs(at), initial=0)
    if found == "wrong" and rest.any():  # what rounding left of a zero is no size to step by
        return "wrong" if compared(operation, np.where(rest, 0, at).astype(at.dtype)) == "wrong" else "inconclusive"
    return found


def compared(operation: Callable[..., Any], at: Any) -> str:
    """The verdict on the derivative of an operation of one array."""
    try:
        return check_derivatives(operation, at, order=1, small_shapes=False, inconclusive="return").verdict
    except DerivativeError:
        return "wrong"
    except (TypeError, ValueError):
        return "not compared"  # at values that are not finite


def described(value: Any) -> str:
    """A value in a column: its numbers if they are few, else its shape."""
    if value is None:
        return ""
    value = np.asarray(value)
    if value.size > SHOWN:
        return f"shape {value.shape}" + (f" {value.dtype}" if value.dtype != np.float64 else "")
    return " ".join(np.array2string(value, formatter=FOUR_DIGITS, separator=", ").split())


def shortest(number: float) -> str:
    """A number to four digits."""
    short = f"{number:.4g}"
    return short if not short.lstrip("-").isdigit() else f"{short}.0"


def counted(number: int, what: str) -> str:
    """A number of things."""
    return f"{number} {what}{'s' * (number != 1)}"


FOUR_DIGITS: Any = {"float_kind": shortest}
