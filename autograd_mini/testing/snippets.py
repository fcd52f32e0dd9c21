"""Code to paste: a call with its arguments as literals and its functions by name; nothing here is checked or run."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from autograd_mini.primitive import display_name
from autograd_mini.tensor import Tensor
from autograd_mini.testing.shrinking import WRITTEN, expression

PLACEHOLDER = "..."
ROLES = "fgh"  # names for functions without one


def name_of(f: Callable[..., Any]) -> str:
    """The name of a function as a user would write it."""
    return own_name(f) or ("f" if hasattr(f, "__name__") else type(f).__name__)


def own_name(f: Any) -> str:
    """The name under which a function can be called again; a lambda and an instance of a class have none."""
    return display_name(f) if getattr(f, "__name__", "").isidentifier() else ""


def code_of(call: str, args: Sequence[Any], keywords: Mapping[str, Any] = {}) -> str:
    """A call as code, after the definitions of functions that have no name.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_mini.testing.snippets import code_of
    >>> print(code_of("check_derivatives", [np.sin, np.ones(2)], {"order": 2}))
    check_derivatives(np.sin, np.array([1.0, 1.0]), order=2)
    """
    definitions: list[str] = []
    words: list[str] = []
    unnamed = 0
    for keyword, value in [*(("", arg) for arg in args), *keywords.items()]:
        word = pasted(value)
        if callable(value) and not isinstance(value, Tensor):
            word = own_name(value) or keyword or ROLES[min(unnamed, len(ROLES) - 1)]
            unnamed += not keyword
            if word != own_name(value):
                definitions += definitions_of(value, word)
        elif isinstance(value, np.ndarray) and word == PLACEHOLDER:
            word = f"x{len(words)}"
            definitions.append(f"{word} = {PLACEHOLDER}  # your {value.dtype} array of shape {value.shape}")
        words.append(f"{keyword}={word}" if keyword else word)
    return "\n".join([*dict.fromkeys(definitions), f"{call}({', '.join(words)})"])


def definitions_of(f: Callable[..., Any], name: str) -> list[str]:
    """What gives a function its name: its own definition if it has one, as random programs do, or an assignment.

    Numbers and arrays that a lambda reads from around it come first.
    """
    definition = getattr(f, "definition", None)
    if callable(definition):
        return [definition(name)]
    source = source_of(f)
    read = {} if source.startswith(PLACEHOLDER) else surroundings(f)
    return [*(f"{word} = {pasted(value)}" for word, value in read.items()), f"{name} = {source}"]


def surroundings(f: Callable[..., Any]) -> dict[str, Any]:
    """The numbers and arrays that a function reads and that are no arguments of it."""
    found = inspect.getclosurevars(f)
    kinds = int | float | complex | np.generic | np.ndarray | Tensor
    return {name: value for name, value in {**found.globals, **found.nonlocals}.items() if isinstance(value, kinds)}


def source_of(f: Callable[..., Any]) -> str:
    """The source of a lambda if it can be had, else an ellipsis that says what belongs there."""
    try:
        source = inspect.getsource(f)
        tree = ast.parse(textwrap.dedent(source))
    except (OSError, TypeError, SyntaxError):
        return f"{PLACEHOLDER}  # your {type(f).__name__}"
    indent = len(source) - len(source.lstrip())
    columns = {column for _, _, column, _ in f.__code__.co_positions() if column}
    bodies = [node for node in ast.walk(tree) if isinstance(node, ast.Lambda)]
    found = [node for node in bodies if node.body.col_offset + indent == min(columns, default=-1)]
    return ast.unparse(found[0]) if len(found) == 1 else f"{PLACEHOLDER}  # your {type(f).__name__}"


def pasted(value: Any) -> str:
    """An argument as code that makes it again."""
    while isinstance(value, Tensor):
        value = value.data
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key!r}: {pasted(part)}' for key, part in value.items())}}}"
    if type(value) in (list, tuple):
        inside = ", ".join(map(pasted, value))
        return f"[{inside}]" if type(value) is list else f"({inside}{',' * (len(value) == 1)})"
    if isinstance(value, np.generic):
        return f"np.{value.dtype}({value.item()!r})"
    if not isinstance(value, np.ndarray):
        return repr(value)
    if value.size > WRITTEN:
        return expression(value) or PLACEHOLDER
    if not value.size:
        return f"np.zeros({value.shape}, np.{value.dtype})"
    dtype = "" if value.dtype in (np.float64, np.complex128, np.int64, bool) else f", np.{value.dtype}"
    literal = repr(value.tolist()).replace("nan", "np.nan").replace("inf", "np.inf")
    return f"np.array({literal}{dtype})"
