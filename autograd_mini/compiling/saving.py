"""A program as a file that runs without this library: NumPy, the functions that it calls, its constants, and `build`.

Functions are written from their source, with all that they refer to. What has no text raises, by name.
"""

from __future__ import annotations

import ast
import base64
import builtins
import copy
import dataclasses
import functools
import inspect
import linecache
import sys
import textwrap
from collections.abc import Sequence
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

from autograd_mini.compiling import threads
from autograd_mini.compiling.printing import Text, dtype_text, number_text, numpy_name, shortest, wrapped
from autograd_mini.compiling.program import PLAIN, Like
from autograd_mini.compiling.slots import CompileError
from autograd_mini.primitive import own_functions

NO_TEXT = (
    "{what} cannot be written into a file: {why}. The program runs here; to ship it, replace that by functions of "
    "NumPy or of your own that are written in a file."
)
DEVIATION = '''class Deviation(Exception):
    """These inputs go another way than those that the program was recorded with; it has changed nothing."""
'''
LIKE = '''class Like:
    """What stands for an array of which only the shape and the dtype are asked."""

    def __init__(self, shape, dtype):
        self.shape, self.dtype = shape, np.dtype(dtype)
        self.ndim, self.size = len(shape), int(np.prod(shape, dtype=int))
'''
TAKEN_ALONG = {threads.__name__}  # modules of the library that need nothing of it
FOR_TYPES = {"__future__", "collections.abc", "typing"}  # modules of which they import what annotations name
LIBRARY = {"autograd_mini", "nn"}
SHORT = 64  # entries that an array may have to be written as a list


def written(text: Text, present: Sequence[Any]) -> str:
    """The whole text of a program; `present` are what its numbers are now."""
    head, _, build = text.source.partition("import numpy as np\n")
    head = head.rstrip().removesuffix('"""') + "\n\n" + usage(text, present) + '"""\n\n'
    writer = Writer({"np", "build", "Deviation", "Like", "njit", *text.functions, *text.constants, *text.loops})
    for name, function in text.functions.items():
        writer.define(name, function)
    for name, value in text.constants.items():
        writer.blocks.append(f"{name} = {writer.expression(value, name)}\n")
    blocks = [DEVIATION] if "Deviation(" in build else []
    blocks += [LIKE] if writer.uses_like else []
    blocks += writer.blocks
    blocks += text.loops.values()
    if text.loops:
        writer.imports.add("from numba import njit")
    imports = "".join(f"{line}\n" for line in sorted(writer.imports))
    body = "".join(f"\n\n{block}" for block in blocks)
    return f"{head}{imports}import numpy as np\n{body}{build}".rstrip("\n")


def usage(text: Text, present: Sequence[Any]) -> str:
    """How a program is called: what it is given, and what it gives."""
    build = next(node for node in ast.parse(text.source).body if isinstance(node, ast.FunctionDef))
    step = next(node for node in build.body if isinstance(node, ast.FunctionDef))
    given, taken = ([argument.arg for argument in node.args.args] for node in (build, step))
    numbers = taken[len(text.arguments) :]
    counted = [name for name, v in zip(numbers, text.numbers, strict=True) if v in text.counted]
    own = text.values - len(counted)
    results = ["result"] if own == 1 else [f"result_{i + 1}" for i in range(own)]
    result = ", ".join([*results, *counted])
    call = f"step({', '.join(taken)})"
    lines = [
        *wrapped("    step, changed = build(", given, ")"),
        f"    {result} = {call}" if result else f"    {call}",
        "",
    ]
    arrays = [f"{name}: {dtype_text(v.dtype)} {v.shape}" for name, v in zip(given, text.slots, strict=False)]
    arrays += [f"{name}: a np.random.Generator" for name in given[len(text.slots) :]]
    of_step = [
        f"{name}: {dtype_text(v.dtype)} {v.shape}" if v.is_array else f"{name}: a number"
        for name, v in zip(taken, text.arguments, strict=False)
    ]
    of_step += [
        f"{name}: now {number_text(value)}" + ("; the step returns the next" if name in counted else "")
        for name, value in zip(numbers, present, strict=True)
    ]
    if arrays:
        lines += ["`build` is given:", *(f"    {line}" for line in arrays)]
    if of_step:
        lines += ["The step is given:", *(f"    {line}" for line in of_step)]
    if text.state:
        lines += ["`changed` are the arrays that the step changes; those that `build` is given stay as they are."]
    return "\n".join(lines) + "\n"


class Writer:
    """Writes functions and values, each once, after what they refer to.

    Parameters
    ----------
    taken : set of str
        Names that are used already.
    """

    def __init__(self, taken: set[str]) -> None:
        self.taken = taken
        self.blocks: list[str] = []
        self.imports: set[str] = set()
        self.names: dict[int, str] = {}
        self.kept: list[Any] = []  # so that no other object gets the identity of one
        self.uses_like = False
        self.modules: set[str] = set()  # that were taken along

    def fresh(self, hint: str) -> str:
        """A name that nothing has yet."""
        name, count = hint, 1
        while name in self.taken or hasattr(builtins, name):
            count += 1
            name = f"{hint}_{count}"
        self.taken.add(name)
        return name

    # Functions

    def define(self, name: str, function: Any) -> None:
        """Write a function under a name."""
        function = plain(function)
        self.kept.append(function)
        if getattr(function, "__module__", None) == "math":
            self.imports.add(f"from math import {name}")
            return
        if type(function).__name__ == "fortran":  # SciPy's, which does not say where it is from
            self.imports.add(f"from scipy.linalg.blas import {name}")
            return
        if getattr(function, "__module__", None) in TAKEN_ALONG:
            self.take_along(sys.modules[function.__module__])
            return
        if not isinstance(function, FunctionType):
            self.blocks.append(f"{name} = {self.expression(function, name)}\n")
            return
        self.names[id(function)] = name
        node = definition(function, name)
        self.settle_defaults(node, function)
        Untyped().visit(node)
        self.resolve(node, function)
        node.name = name
        self.blocks.append(ast.unparse(ast.fix_missing_locations(node)) + "\n")

    def take_along(self, module: ModuleType) -> None:
        """Write all of a module."""
        if module.__name__ in self.modules:
            return
        self.modules.add(module.__name__)
        _, *nodes = ast.parse(inspect.getsource(module)).body
        for node in nodes:
            if not isinstance(node, ast.Import | ast.ImportFrom):
                self.blocks.append(ast.unparse(ast.fix_missing_locations(Untyped().visit(node))) + "\n")
            elif getattr(node, "module", None) not in FOR_TYPES:
                self.imports.add(ast.unparse(node))

    def settle_defaults(self, node: ast.FunctionDef, function: FunctionType) -> None:
        """Write the values that arguments have by default."""
        defaults, keywords = function.__defaults__ or (), function.__kwdefaults__ or {}
        node.args.defaults = [parsed(self.expression(value, "default")) for value in defaults]
        for i, argument in enumerate(node.args.kwonlyargs):
            if argument.arg in keywords:
                node.args.kw_defaults[i] = parsed(self.expression(keywords[argument.arg], argument.arg))

    def resolve(self, node: ast.FunctionDef, function: FunctionType) -> None:
        """Write what the function refers to, and let its text refer to that."""
        closure = inspect.getclosurevars(function).nonlocals
        known = {**function.__globals__, **closure}
        Resolver(self, known, local_names(node)).visit(node)

    # Values

    def expression(self, value: Any, hint: str) -> str:
        """The text of a value; what is long gets a name."""
        if isinstance(value, PLAIN):
            return number_text(value)
        if value is Ellipsis:
            return "..."
        if isinstance(value, np.ndarray):
            return array_text(value, self.imports)
        if isinstance(value, np.generic):
            return f"{dtype_text(value.dtype)}({shortest(np.asarray(value))})"
        if isinstance(value, np.dtype):
            return dtype_text(value)
        if isinstance(value, tuple) and hasattr(value, "_fields"):
            return self.made(value, value._fields)
        if isinstance(value, tuple | list | set | frozenset):
            parts = [self.expression(part, hint) for part in value]
            inside = ", ".join(sorted(parts) if isinstance(value, set | frozenset) else parts)  # the same each time
            if isinstance(value, tuple):
                return f"({inside}{',' if len(value) == 1 else ''})"
            return f"[{inside}]" if isinstance(value, list) else f"{type(value).__name__}([{inside}])"
        if isinstance(value, dict):
            return (
                "{"
                + ", ".join(f"{self.expression(k, hint)}: {self.expression(v, hint)}" for k, v in value.items())
                + "}"
            )
        if isinstance(value, slice):
            return f"slice({self.expression((value.start, value.stop, value.step), hint)[1:-1]})"
        if isinstance(value, Like):
            self.uses_like = True
            return f"Like({value.shape}, {dtype_text(value.dtype)})"
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            return self.made(value, [field.name for field in dataclasses.fields(value)])
        if isinstance(value, functools.partial):
            self.imports.add("import functools")
            given = [value.func, *value.args]
            options = [f"{name}={self.expression(part, name)}" for name, part in value.keywords.items()]
            return f"functools.partial({', '.join([*(self.expression(part, hint) for part in given), *options])})"
        return self.named(value, hint)

    def made(self, value: Any, fields: Any) -> str:
        """The call that makes a named tuple or a dataclass."""
        kind = self.named(type(value), type(value).__name__)
        return f"{kind}({', '.join(f'{field}={self.expression(getattr(value, field), field)}' for field in fields)})"

    def named(self, value: Any, hint: str) -> str:
        """The name of a function, class or module, which is written or imported if it is not yet."""
        value = plain(value)
        numpys = numpy_name(value)
        if numpys:
            return numpys
        if id(value) in self.names:
            return self.names[id(value)]
        self.kept.append(value)
        if isinstance(value, ModuleType):
            return self.imported(value.__name__, "", hint)
        home = getattr(value, "__module__", None) or ""
        name = getattr(value, "__name__", "")
        if home == "builtins" and getattr(builtins, name, None) is value:
            return name
        if home.partition(".")[0] in {*sys.stdlib_module_names, "scipy"} and name:
            return self.imported(home, name, name)
        if isinstance(value, FunctionType):
            name = self.fresh(name if name.isidentifier() else hint)
            self.define(name, value)
            return name
        if isinstance(value, type):
            return self.class_(value)
        what = f"{type(value).__name__} {value!r}"
        raise CompileError(NO_TEXT.format(what=what, why="it is no function, number or array"))

    def imported(self, module: str, name: str, hint: str) -> str:
        """The name of what is imported."""
        if module.partition(".")[0] not in {*sys.stdlib_module_names, "scipy", "numpy"}:
            raise CompileError(NO_TEXT.format(what=f"The module {module}", why="it is another library's"))
        self.imports.add(
            f"from {module} import {name}" if name else f"import {module}" + (f" as {hint}" if hint != module else "")
        )
        self.taken.add(hint)
        return hint

    def class_(self, kind: type) -> str:
        """Write a class: of this library, which nothing is an instance of there, an empty one."""
        name = self.names[id(kind)] = self.fresh(kind.__name__)
        is_record = dataclasses.is_dataclass(kind) or hasattr(kind, "_fields")
        if kind.__module__.partition(".")[0] in LIBRARY and not is_record:
            self.blocks.append(f'class {name}:\n    """Of the library that recorded this; nothing here is one."""\n')
            return name
        try:
            node = ast.parse(textwrap.dedent(inspect.getsource(kind))).body[0]
        except (OSError, TypeError, SyntaxError):
            raise CompileError(
                NO_TEXT.format(what=f"The class {kind.__name__}", why="its source is not found")
            ) from None
        Typed().visit(node)
        Resolver(self, vars(sys.modules[kind.__module__]), {kind.__name__}).visit(node)
        assert isinstance(node, ast.ClassDef)
        node.name = name
        self.blocks.append(ast.unparse(ast.fix_missing_locations(node)) + "\n")
        return name


class Untyped(ast.NodeTransformer):
    """Leaves annotations and decorators out."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> Any:
        node.returns, node.decorator_list = None, []
        self.generic_visit(node)
        return node

    def visit_arg(self, node: ast.arg) -> Any:
        node.annotation = None
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> Any:
        return ast.Assign([node.target], node.value) if node.value is not None else ast.Pass()


class Typed(ast.NodeTransformer):
    """Leaves annotations out, but for those of fields, which become `object`."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> Any:
        decorators = node.decorator_list
        Untyped().visit(node)
        node.decorator_list = decorators
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> Any:
        node.annotation = ast.Name("object", ast.Load())
        return node


class Resolver(ast.NodeTransformer):
    """Writes what names refer to, and puts in the names that this has got."""

    def __init__(self, writer: Writer, known: dict[str, Any], local: set[str]) -> None:
        self.writer, self.known, self.local = writer, known, local

    def visit_Attribute(self, node: ast.Attribute) -> Any:
        if isinstance(node.value, ast.Name) and self.is_known(node.value):
            owner = self.known[node.value.id]
            if isinstance(owner, ModuleType) and owner.__name__.partition(".")[0] not in {"numpy", "scipy"}:
                value = getattr(owner, node.attr)
                if owner.__name__.partition(".")[0] not in sys.stdlib_module_names:
                    return parsed(self.writer.expression(value, node.attr))
        self.generic_visit(node)
        return node

    def visit_Name(self, node: ast.Name) -> Any:
        if not self.is_known(node):
            return node
        return parsed(self.writer.expression(self.known[node.id], node.id))

    def is_known(self, node: ast.Name) -> bool:
        return isinstance(node.ctx, ast.Load) and node.id not in self.local and node.id in self.known


def plain(function: Any) -> Any:
    """What a primitive computes with; another value as it is."""
    while True:
        try:
            inside = own_functions.get(function, function)
        except TypeError:  # it cannot be a key
            return function
        if inside is function:
            return getattr(function, "rule", function) if hasattr(function, "recorder") else function
        function = inside


def parsed(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body


def local_names(node: ast.AST) -> set[str]:
    """The names that a function assigns, its arguments, and those of the functions in it."""
    found = set()
    for part in ast.walk(node):
        if isinstance(part, ast.arg):
            found.add(part.arg)
        elif isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
            found.add(part.id)
        elif isinstance(part, ast.FunctionDef) and part is not node:
            found.add(part.name)
    return found


def definition(function: FunctionType, name: str) -> ast.FunctionDef:
    """The syntax tree of a function; a lambda becomes one that returns its expression."""
    code = function.__code__
    source = "".join(linecache.getlines(code.co_filename)) or inspect_source(function, name)
    found: list[ast.FunctionDef | ast.Lambda] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.Lambda) and first_line(node) == code.co_firstlineno:
            found += [node] if getattr(node, "name", "<lambda>") == code.co_name else []
    found = [node for node in found if len(found) == 1 or is_of(node, code)]
    if len(found) != 1:
        raise CompileError(NO_TEXT.format(what=f"The function {name}", why="its source is not found"))
    node = copy.deepcopy(found[0])
    if isinstance(node, ast.FunctionDef):
        return briefly_described(node)
    made = ast.parse(f"def {name}(): return None").body[0]
    assert isinstance(made, ast.FunctionDef)
    made.args, made.body = node.args, [ast.Return(node.body)]
    return made


def briefly_described(node: ast.FunctionDef) -> ast.FunctionDef:
    """The same with the first paragraph of its docstring alone: a program needs no examples of its parts."""
    text = ast.get_docstring(node)
    if text is not None:
        node.body[0] = ast.Expr(ast.Constant(text.partition("\n\n")[0]))
    return node


def inspect_source(function: Any, name: str) -> str:
    """The source of a function that is in no file, such as one of a notebook."""
    try:
        lines, start = inspect.getsourcelines(function)
    except (OSError, TypeError):
        raise CompileError(NO_TEXT.format(what=f"The function {name}", why="its source is not found")) from None
    return "\n" * (start - 1) + textwrap.dedent("".join(lines))


def first_line(node: ast.FunctionDef | ast.Lambda) -> int:
    """The line on which the code of a function begins: that of its first decorator."""
    decorators = getattr(node, "decorator_list", [])
    return int(decorators[0].lineno if decorators else node.lineno)


def is_of(node: ast.FunctionDef | ast.Lambda, code: Any) -> bool:
    """Whether a node is what a code object was made of, by the columns of its instructions."""
    columns = [(line, column) for line, _, column, _ in code.co_positions() if line is not None and column is not None]
    inside = node.body if isinstance(node, ast.Lambda) else node
    start = (inside.lineno, inside.col_offset)
    end = (inside.end_lineno or 0, inside.end_col_offset or 0)
    return all(start <= place <= end for place in columns[1:])


def array_text(array: Any, imports: set[str]) -> str:
    """An array with all its bits: as a list, or if it is long as text for bytes."""
    kind = dtype_text(array.dtype)
    if array.size <= SHORT and array.dtype.kind in "biuf" and (array.dtype.kind != "f" or np.isfinite(array).all()):
        return f"np.array({array.tolist()!r}, {kind})"
    imports.add("import base64")
    data = base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()
    return f"np.frombuffer(base64.b64decode({data!r}), {kind}).reshape({array.shape}).copy()"
