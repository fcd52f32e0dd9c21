"""What a rule may do, read from the source of the rules: so that each runs on arrays, tensors, CuPy and Dask alike.

Looked at is whatever a rule or a composite can reach: the functions that `rule(...)` registers and the helpers that
they call. What runs on arrays only is free: the bodies of primitives, `kinks=`, `cases=`.
"""

import ast
import importlib
import operator
from pathlib import Path

import numpy as np
import pytest

import nn
from autograd_mini import rules
from autograd_mini.primitive import composites, constants, own_functions, primitives
from tests.autograd_mini.rules.test_rules import is_of_a_library

FILES = [*Path(rules.__file__).parent.glob("*.py"), *Path(nn.__file__).parent.rglob("*.py")]
SOURCES = sorted(path for path in FILES if "rule" in path.read_text() and path.name != "__init__.py")
SHAPES = {"shape", "ndim", "dtype", "size"}
ATTRIBUTES = SHAPES | {"T", "index", "astype"}  # `index` is that of lists
BUILTINS = {"callable", "enumerate", "int", "isinstance", "len", "list", "max", "min", "range", "reversed"}
BUILTINS |= {"slice", "sorted", "sum", "tuple", "zip"}
CLOSED = {*primitives, *composites, *constants}
COMPOSITES = [*composites]
Function = ast.FunctionDef | ast.Lambda


def parameters(function: Function) -> list[str]:
    a = function.args
    names = [*a.posonlyargs, *a.args, *([a.vararg] if a.vararg else []), *a.kwonlyargs]
    return [argument.arg for argument in names]


def decorators(function: ast.FunctionDef) -> set[str]:
    found = (d.func if isinstance(d, ast.Call) else d for d in function.decorator_list)
    return {d.id for d in found if isinstance(d, ast.Name)}


def defined(tree: ast.AST) -> list[ast.FunctionDef]:
    """The functions that are defined anywhere in a tree, also inside of others, which make one for each call."""
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]


def names(*trees: ast.AST) -> set[str]:
    """All names in some trees."""
    return {node.id for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Name)}


def body(function: Function) -> list[ast.AST]:
    """A function without its decorators and defaults."""
    return [function.body] if isinstance(function, ast.Lambda) else function.body


def output_and_operands(rule: Function, arity: int) -> list[str]:
    """The names under which a rule, one of `arity`, gets the output and the operands."""
    positional = [a.arg for a in rule.args.args]
    if positional[0] == "position":
        return [positional[2], rule.args.vararg.arg]
    return positional[1 : 2 + arity]


def guarded(block: ast.If) -> list[ast.stmt]:
    """What stands under `if hasattr(np, ...)`, nothing where this NumPy has no such function."""
    return block.body if eval(ast.unparse(block.test), {"np": np, "TYPE_CHECKING": False}) else []


def imported_primitives(tree: ast.Module) -> set[str]:
    """The primitives of other tables that a source imports by name."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("autograd_mini.rules."):
            table = importlib.import_module(node.module)
            found |= {name.name for name in node.names if getattr(table, name.name) in own_functions}
    return found


class Table:
    """The source of one table of rules."""

    def __init__(self, source: str) -> None:
        tree = ast.parse(source)
        nodes = [node for top in tree.body for node in (guarded(top) if isinstance(top, ast.If) else [top])]
        functions = [node for node in nodes if isinstance(node, ast.FunctionDef)]
        self.primitives = {f.name for f in defined(tree) if "primitive" in decorators(f)}
        makers = {f.name for f in functions if any("primitive" in decorators(inner) for inner in defined(f))}
        for node in nodes:
            if isinstance(node, ast.Assign) and makers & names(node.value):
                self.primitives |= names(*node.targets)
        self.primitives |= imported_primitives(tree)
        self.helpers = {f.name: f for f in functions if f.name not in self.primitives}
        self.rules: list[Function] = []
        self.reads: dict[Function, list[str]] = {}  # the parameters of a rule that hold the output and the operands
        self.composites = [f for f in defined(tree) if "composite" in decorators(f)]
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "rule":
                for argument in node.args[1:]:
                    if isinstance(argument, ast.Lambda):
                        self.rules.append(argument)
                    elif isinstance(argument, ast.Name):
                        self.rules.append(self.helpers[argument.id])
                    else:
                        continue
                    self.reads[self.rules[-1]] = output_and_operands(self.rules[-1], len(node.args) - 1)

    def reachable(self) -> list[Function]:
        """The rules, the composites, and the helpers that they call."""
        found: list[Function] = [*self.rules, *self.composites]
        for function in found:
            for node in ast.walk(function):
                helper = self.helpers.get(node.id) if isinstance(node, ast.Name) else None
                if helper is not None and helper not in found:
                    found.append(helper)
        return found


def forbidden(source: str) -> list[str]:
    """What the rules in a source do that a rule may not do."""
    table = Table(source)
    wrong: list[str] = []
    for function in table.reachable():
        known = set(parameters(function)) | {
            node.id for node in ast.walk(function) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
        }
        for node in (inner for part in body(function) for inner in ast.walk(part)):
            match node:
                case ast.Attribute(value=ast.Name(id="np"), attr=name):
                    value = getattr(np, name, None)
                    if value is None or (callable(value) and value not in CLOSED):
                        wrong.append(f"np.{name} has no rule")
                case ast.Attribute(value=ast.Attribute()) if ast.unparse(node).startswith(
                    ("np.linalg.", "np.fft.", "np.lib.")
                ):
                    value = operator.attrgetter(ast.unparse(node).removeprefix("np."))(np)
                    if callable(value) and value not in CLOSED:
                        wrong.append(f"{ast.unparse(node)} has no rule")
                case ast.Attribute(value=ast.Name(id="math"), attr=name):
                    if name != "prod":
                        wrong.append(f"math.{name} takes numbers only")
                case ast.Attribute(attr=name) if name not in ATTRIBUTES:
                    wrong.append(f".{name} of {ast.unparse(node.value)}")
                case ast.Call(func=ast.Name(id=name)):
                    if name not in BUILTINS | table.helpers.keys() | table.primitives | known:
                        wrong.append(f"calls {name}")
                case ast.keyword(arg="out"):
                    wrong.append("writes into out=")
                case ast.Subscript(ctx=ast.Store() | ast.Del()):
                    if not isinstance(node.value, ast.Name) or not is_list(function, node.value.id):
                        wrong.append(f"assigns to {ast.unparse(node)}")
                case ast.AugAssign():
                    wrong.append(f"changes {ast.unparse(node.target)} in place")
                case ast.Try() | ast.Global() | ast.Nonlocal() | ast.While():
                    wrong.append(type(node).__name__)
    for rule in table.rules:
        for name in parameters(rule):
            if name.startswith("_"):
                wrong += reads_values(table, rule, name, set())
            elif name in table.reads[rule] and not reads_values(table, rule, name, set()):
                wrong.append(f"keeps {name} without reading its values")
        wrong += [f"branches on {n}" for n in table.reads[rule] if branches(table, rule, n, set())]
    return wrong


def is_list(function: Function, name: str) -> bool:
    """Whether a name holds a list made in the function, which may be changed."""
    return any(
        isinstance(node, ast.Assign)
        and any(isinstance(target, ast.Name) and target.id == name for target in node.targets)
        and (
            isinstance(node.value, ast.List | ast.ListComp)
            or (isinstance(node.value, ast.Call) and ast.unparse(node.value.func) == "list")
        )
        for node in ast.walk(function)
    )


def reads_values(table: Table, function: Function, name: str, seen: set[tuple[Function, str]]) -> list[str]:
    """Where a function does more with its parameter `name` than ask for its shape or dtype."""
    if (function, name) in seen:
        return []
    seen.add((function, name))
    allowed: set[ast.AST] = set()
    wrong: list[str] = []
    several = name if function.args.vararg and function.args.vararg.arg == name else None  # a tuple of operands
    for node in ast.walk(function):
        match node:
            case ast.Attribute(value=ast.Name(id=used) as inner, attr=attribute) if used == name:
                if attribute in SHAPES:
                    allowed.add(inner)
            case ast.Attribute(value=ast.Subscript(value=ast.Name(id=used) as inner), attr=attribute) if (
                used == several
            ):
                if attribute in SHAPES:
                    allowed.add(inner)
            case ast.comprehension(target=ast.Name(id=target), iter=ast.Subscript(value=ast.Name(id=used) as inner)):
                if used == several:
                    allowed.add(inner)
                    wrong += reads_values(table, function, target, seen)
            case ast.Call(func=ast.Name(id=called), args=args) if called in table.helpers:
                helper = table.helpers[called]
                for argument, parameter in zip(args, parameters(helper), strict=False):
                    if isinstance(argument, ast.Name) and argument.id == name:
                        allowed.add(argument)
                        wrong += reads_values(table, helper, parameter, seen)
            case ast.comprehension(target=ast.Name(id=target), iter=ast.Name(id=used) as inner) if used == name:
                allowed.add(inner)
                wrong += reads_values(table, function, target, seen)
    wrong += [
        f"reads the values of {name}"
        for node in ast.walk(function)
        if isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Load) and node not in allowed
    ]
    return wrong


def branches(table: Table, function: Function, name: str, seen: set[tuple[Function, str]]) -> bool:
    """Whether Python branches on the values of the parameter `name`, here or in a helper."""
    if (function, name) in seen:
        return False
    seen.add((function, name))
    for node in ast.walk(function):
        if isinstance(node, ast.If | ast.IfExp | ast.Assert):
            tests = [node.test]
        elif isinstance(node, ast.BoolOp):
            tests = node.values
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            tests = [node.operand]
        else:
            tests = []
        for test in tests:
            shapes = {n.value for n in ast.walk(test) if isinstance(n, ast.Attribute) and n.attr in SHAPES}
            if any(isinstance(n, ast.Name) and n.id == name and n not in shapes for n in ast.walk(test)):
                return True
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in table.helpers:
            helper = table.helpers[node.func.id]
            for argument, parameter in zip(node.args, parameters(helper), strict=False):
                if isinstance(argument, ast.Name) and argument.id == name and branches(table, helper, parameter, seen):
                    return True
    return False


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_rules_do_only_what_rules_may_do(path):
    assert forbidden(path.read_text()) == []


def test_the_sources_hold_the_rules():
    tables = [Table(path.read_text()) for path in SOURCES]
    written = sum(len(table.rules) for table in tables)
    libraries = [p for f, p in primitives.items() if is_of_a_library(f)]
    registered = sum(vjp is not None for p in libraries for vjp in p.vjps)
    assert written == registered
    assert sum(len(table.composites) for table in tables) == len(COMPOSITES)


WRONG = {
    "rule(np.exp, lambda g, _out, a: g * np.asarray(a))": "np.asarray has no rule",
    "rule(np.exp, lambda g, _out, _a: g * np.zeros(_a.shape))": "np.zeros has no rule",
    "rule(np.exp, lambda g, _out, a: np.add.reduce(g * a))": ".reduce of np.add",
    "rule(np.exp, lambda g, _out, a: np.multiply(g, a, out=g))": "writes into out=",
    "rule(np.exp, lambda g, _out, _a: g * _a)": "reads the values of _a",
    "rule(np.exp, lambda g, _out, a: g * _out)": "reads the values of _out",
    "rule(np.exp, lambda g, _out, a: g * a.size)": "keeps a without reading its values",
    "rule(np.exp, lambda g, out, _a: g)": "keeps out without reading its values",
    "rule(np.exp, lambda g, _out, a: g if a > 0 else 0)": "branches on a",
    "rule(np.exp, lambda g, _out, a: g * (a or 1))": "branches on a",
    "rule(np.exp, lambda g, _out, a: g * a.item())": ".item of a",
    "rule(np.exp, lambda g, _out, a: g * math.exp(a))": "math.exp takes numbers only",
    "rule(np.exp, lambda g, _out, a: g * float(a))": "calls float",
    "def f(g, _out, a):\n    g[0] = a\n    return g\nrule(np.exp, f)": "assigns to g[0]",
    "def f(g, _out, a):\n    g *= a\n    return g\nrule(np.exp, f)": "changes g in place",
    "def h(x):\n    return np.array(x)\nrule(np.exp, lambda g, _out, a: h(a) * g)": "np.array has no rule",
    "def h(x):\n    return x + 1\nrule(np.exp, lambda g, _out, _a: g * h(_a))": "reads the values of x",
    "def h(x):\n    return 1 if x else 2\nrule(np.exp, lambda g, _out, a: g * h(a))": "branches on a",
    "def f(position, g, _out, *_all):\n    return sum(x for x in _all)\nrule(np.exp, f)": "reads the values of x",
    "def f(position, g, _out, *_all):\n    return g * _all[0]\nrule(np.exp, f)": "reads the values of _all",
    "def m(f):\n    @composite(f)\n    def of(x):\n        return np.full(x, 1)": "np.full has no rule",
    "@composite(np.clip)\ndef f(a):\n    return np.full(a.shape, 1)": "np.full has no rule",
}


@pytest.mark.parametrize("source", WRONG)
def test_what_a_rule_may_not_do_is_found(source):
    assert WRONG[source] in forbidden(source)


@pytest.mark.parametrize(
    "source",
    [
        "rule(np.exp, lambda g, out, _a: g * out)",
        "rule(np.sum, lambda g, _out, _a, axis=None: np.broadcast_to(g, _a.shape) if axis is None else g)",
        "def h(x):\n    return x.shape\nrule(np.exp, lambda g, _out, _a: np.reshape(g, h(_a)))",
        "@primitive\ndef f(a):\n    a = np.empty(3)\n    a[0] = 1\n    return a\nrule(f, lambda g, _out, _a: g)",
        "def f(position, g, _out, *_all):\n    return g[sum(x.size for x in _all[1:]) : _all[0].size]\nrule(np.exp, f)",
        "def m():\n    @primitive\n    def of(x): ...\n    return of\ne = m()\nrule(e, lambda g, _out, x: g * e(x))",
        "rule(np.exp, lambda g, out, _a: g * out, kinks=lambda a: np.diff(a), cases=[np.zeros(3)])",
    ],
)
def test_what_a_rule_may_do_is_let_pass(source):
    assert forbidden(source) == []
