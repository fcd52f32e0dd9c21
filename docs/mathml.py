"""A Sphinx extension: formulas as MathML, which browsers draw themselves: pages need no script and no network."""

import re
from typing import Any

from docutils import nodes
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx
from sphinx.util import logging

OTHERWISE = {  # what docutils cannot read, and what it reads
    r"[Bb]igg?[lr]?": "",  # brackets of MathML grow by themselves
    r"dots": r"\\ldots",
    r"mathrel": "",
}
logger = logging.getLogger(__name__)


def converted(node: nodes.Element, display: bool) -> str:
    """The formula of a node in MathML; of one that cannot be read the build warns."""
    text = node.astext().strip()
    for command, readable in OTHERWISE.items():
        text = re.sub(rf"\\{command}(?![A-Za-z])", readable, text)
    try:
        return str(tex2mathml(text, as_block=display))
    except MathError as error:
        logger.warning("the formula %r cannot be read: %s", text, error, location=node)
        return ""


def in_line(self: Any, node: nodes.Element) -> None:
    """A formula between words."""
    self.body.append(converted(node, display=False))
    raise nodes.SkipNode


def displayed(self: Any, node: nodes.Element) -> None:
    """A formula on lines of its own, which scrolls where it is wider than the page."""
    self.body.append(f'<div class="formula" tabindex="0">{converted(node, display=True)}</div>')
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the renderer."""
    app.add_html_math_renderer("mathml", (in_line, None), (displayed, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
