"""How an operation, and the rule of one, is written as a line of NumPy; what the lines are for is not known here."""

from __future__ import annotations

import ast
from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np

from autograd_mini.graph import Node
from autograd_mini.outputs import SELECT
from autograd_mini.primitive import own_functions
from autograd_mini.rules.elementwise import cast
from autograd_mini.rules.indexing import getitem

INFIX: dict[Any, Any] = {
    np.add: ast.Add,
    np.subtract: ast.Sub,
    np.multiply: ast.Mult,
    np.divide: ast.Div,
    np.power: ast.Pow,
}
INFIX |= {np.matmul: ast.MatMult}
GETITEM, CAST = own_functions[getitem], own_functions[cast]
OURS = {GETITEM, CAST}  # which are written as NumPy's own are
POSITIONAL = "shape", "axes", "repeats"  # options that are written without their name


class Renamed(ast.NodeTransformer):
    """A rule's expression with other names; what it reads from its module is told apart."""

    def __init__(self, values: Mapping[str, ast.expr], known: Mapping[str, Any]) -> None:
        self.values, self.known = values, known
        self.own: list[Any] = []  # operations that are registered
        self.others: list[str] = []

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if node.id in self.values:
            return self.values[node.id]
        value = self.known.get(node.id)
        if isinstance(value, int | float | np.generic):
            return parsed(repr(value.item() if isinstance(value, np.generic) else value))
        if isinstance(value, Hashable) and value in own_functions:
            self.own.append(value)
        elif value is not np:
            self.others.append(node.id)
        return node


def identifier(name: Any) -> bool:
    """Whether a name can be written in a line of code."""
    return isinstance(name, str) and name.isidentifier()


def call_of(primitive: Any, operands: list[ast.expr], options: Mapping[str, Any]) -> ast.expr:
    """A call as it is written: with signs where there are any."""
    function = primitive.function
    if function in INFIX and not options:
        return ast.BinOp(operands[0], INFIX[function](), operands[1])
    if function is np.negative and not options:
        return ast.UnaryOp(ast.USub(), operands[0])
    if function is GETITEM or primitive is SELECT:
        index: Any = options["index"]
        return ast.Subscript(operands[0], index.slice)
    words = [text(operand) for operand in operands]
    if function is CAST:
        return parsed(f"({words[0]}).astype({text(options['dtype'])})")
    words = [f"[{', '.join(words)}]"] if primitive.variadic else words
    said = {name: text(option) for name, option in options.items()}
    said = {name: option for name, option in said.items() if option not in ("None", "False")}
    words += [
        option if name in POSITIONAL and not i else f"{name}={option}" for i, (name, option) in enumerate(said.items())
    ]
    return parsed(f"{primitive.name}({', '.join(words)})")


def changes_nothing(node: Node) -> bool:
    """Whether an operation gives what it is given, at these shapes."""
    function, given = node.primitive.function, node.inputs[0]
    if function in (np.reshape, np.broadcast_to, CAST):
        return given.shape == node.shape and given.dtype == node.dtype
    return function is np.positive or (function is np.sum and node.options.get("axis") == ())


def parsed(code: str) -> ast.expr:
    """Code as an expression."""
    return ast.parse(code, mode="eval").body


def text(expression: ast.AST) -> str:
    """An expression as code."""
    return ast.unparse(expression)


def summed(line: str, node: Node, position: int) -> str:
    """A rule's line, summed where its operand was repeated, as the engine does it."""
    want, shape = node.inputs[position].shape, node.shape
    if not node.primitive.broadcasts or want == shape:
        return line
    extra = len(shape) - len(want)
    repeated = tuple(i for i, length in enumerate(want, extra) if length == 1 and shape[i] != 1)
    axes = (*range(extra), *repeated)
    if len(axes) == len(shape) and not want:
        return f"np.sum({line})"
    axis = axes[0] if len(axes) == 1 else axes
    if not extra:
        return f"np.sum({line}, axis={axis}, keepdims=True)"
    return f"np.sum({line}, axis={axis})" + f".reshape({want})" * bool(repeated)
