"""A Sphinx extension: what a docstring has between backticks is a link if it is a public name, and code if not."""

import re
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.domains.python import PyXRefRole

import autograd_mini
import nn

WHOLE = re.compile(r"(autograd_mini|nn)(\.[A-Za-z]\w*)+(\(\))?")
CLASSES = {
    name: f"{package.__name__}.{name}"
    for package in (nn, autograd_mini)
    for name in package.__all__
    if name[0].isupper()
}


def role(_name: str, rawtext: str, text: str, line: int, inliner: Any, *_: Any) -> tuple[list[nodes.Node], list[Any]]:
    """`nn.Linear` and, of classes, `Linear` lead to their pages."""
    target = CLASSES.get(text) or (text if WHOLE.fullmatch(text) else None)
    if target is None:
        return [nodes.literal(rawtext, text, classes=["code"])], []
    return PyXRefRole()("py:obj", rawtext, text if target == text else f"{text} <{target}>", line, inliner)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the role."""
    app.add_role("name", role)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
