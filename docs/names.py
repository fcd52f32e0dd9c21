"""A Sphinx extension: the reference's links, and which members of a class its page tells of.

What a docstring has between backticks is a link if it is a public name, and code if not.
"""

import inspect
import re
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.domains.python import PyXRefRole

import autograd_mini
import nn
from docs import public

OURS = autograd_mini.__name__, nn.__name__
FIELD = re.compile(r"Alias for field number \d+")  # of named tuples, which tell of their fields themselves
NUMPYS = re.compile(r"`np\.\w+` of this tensor\.|The array's `\w+`\.")  # of members that a table makes


def short(things: dict[str, Any]) -> dict[str, str]:
    """Names of the packages that need no package before them: nothing else on a page is called so."""
    taken = {parameter for thing in things.values() for parameter in parameters(thing)}
    taken |= {name for thing in things.values() if inspect.isclass(thing) for name in dir(thing)}
    taken |= {whole.rpartition(".")[2] for whole in things if whole.count(".") > 1}
    names = {whole.rpartition(".")[2]: whole for whole in things if whole.count(".") == 1}
    return {name: whole for name, whole in names.items() if name not in taken}


def parameters(thing: Any) -> list[str]:
    """The names of its parameters, as far as Python knows them."""
    try:
        return list(inspect.signature(thing).parameters)
    except (TypeError, ValueError):
        return []


PUBLIC = public.public()
SHORT = short(PUBLIC)


def target(text: str) -> str | None:
    """The public name that a text in backticks means: `nn.Linear`, `Linear`, `Module.freeze()`; None if it is code."""
    name = text.removesuffix("()")
    if name in SHORT:
        return SHORT[name]
    first, _, member = name.partition(".")
    if first in SHORT and hasattr(PUBLIC[SHORT[first]], member):
        return f"{SHORT[first]}.{member}"
    owner, _, member = name.rpartition(".")
    return name if name in PUBLIC or (owner in PUBLIC and hasattr(PUBLIC[owner], member)) else None


def role(_name: str, rawtext: str, text: str, line: int, inliner: Any, *_: Any) -> tuple[list[nodes.Node], list[Any]]:
    """A link to a public name, which shows the text as it was written."""
    name = target(text)
    if name is None:
        return [nodes.literal(rawtext, text, classes=["code"])], []
    return PyXRefRole()("py:obj", rawtext, text if name == text else f"{text} <{name}>", line, inliner)


def skipped(_app: Sphinx, _what: str, _name: str, member: Any, _skip: bool, _options: Any) -> bool | None:
    """Leave out what other packages define, fields of named tuples, and methods that are NumPy's functions."""
    text = inspect.getdoc(member) or ""
    function = getattr(member, "fget", member)
    home = getattr(function, "__module__", None) or getattr(getattr(member, "__objclass__", None), "__module__", None)
    foreign = home is not None and home.partition(".")[0] not in OURS and not isinstance(member, property)
    return True if foreign or FIELD.fullmatch(text) or NUMPYS.fullmatch(text) else None


def complete(_app: Sphinx, what: str, _name: str, thing: Any, _options: Any, lines: list[str]) -> None:
    """Below a class's docstring say where its other members are told of."""
    if what != "class":
        return
    members = [(key, inspect.getdoc(member) or "") for key, member in inspect.getmembers(thing) if key[0] != "_"]
    numpys = ", ".join(f"``{key}``" for key, text in members if NUMPYS.fullmatch(text))
    if numpys:
        lines += ["", f"These do what they do for NumPy's arrays, and can be differentiated: {numpys}.", ""]
    names = {id(listed): whole for whole, listed in PUBLIC.items()}
    bases = [names[id(base)] for base in inspect.getmro(thing)[1:] if id(base) in names]
    if bases:
        told = " and ".join(f":py:obj:`{base}`" for base in bases)
        lines += ["", f"Its other members are those of {told}.", ""]


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the role and what is done to classes."""
    app.add_role("name", role)
    app.connect("autodoc-skip-member", skipped)
    app.connect("autodoc-process-docstring", complete, priority=900)  # after numpydoc
    return {"parallel_read_safe": True, "parallel_write_safe": True}
