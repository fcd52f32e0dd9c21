"""The user's source of a line, as far as a message quotes or mends it: calls, operands, replacements."""

from __future__ import annotations

import ast


def find_where(expression: ast.expr | None) -> ast.Call | None:
    """The call of `where` in an expression."""
    for part in ast.walk(expression) if expression is not None else ():
        if isinstance(part, ast.Call) and len(part.args) == 3 and called(part) == "where":
            return part
    return None


def called(call: ast.Call) -> str:
    """The name of a called function, without its module."""
    return ast.unparse(call.func).rpartition(".")[2]


def operand_of(expression: ast.expr, name: str, position: int) -> ast.expr | None:
    """The operand at a position of `np.sqrt(x)` or of `a / b`."""
    if isinstance(expression, ast.BinOp):
        return (expression.left, expression.right)[position] if position < 2 else None
    if isinstance(expression, ast.Call) and called(expression) == name.rpartition(".")[2]:
        return expression.args[position] if position < len(expression.args) else None
    return None


def with_operand(expression: ast.expr, operand: ast.expr, text: str) -> str:
    """An expression's source with one operand replaced."""
    replacement = ast.parse(text, mode="eval").body

    class Replace(ast.NodeTransformer):
        def visit(self, node: ast.AST) -> ast.AST:
            return replacement if node is operand else self.generic_visit(node)

    return ast.unparse(Replace().visit(expression))
