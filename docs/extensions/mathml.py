"""A Sphinx extension: formulas as MathML, which browsers draw themselves: pages need no script and no network."""

import re
from typing import Any

from docutils import nodes
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx
from sphinx.util import logging

NAMES = r"\\(?:cos|exp|log|max|min|sin|tan|tanh)(?![A-Za-z])"
LATEX = {  # what docutils does not read as LaTeX does, and what it reads
    r"\\[Bb]igg?[lr]?(?![A-Za-z])": "",  # brackets of MathML grow by themselves
    r"\\dots(?![A-Za-z])": r"\\ldots",
    r"\\mathrel\{\+\}=": r"\\text{ += }",
    r"(\\[dt]?frac)(\d)": r"\1{\2}",  # `\frac12`, of which it makes twelve
    rf"(?<=[\w)}}])\s*(?={NAMES})": r"\\,",  # between a factor and the name of a function
    rf"({NAMES})(?!\s*[(_^])": r"\1\\,",
}
MATHML = {  # and what browsers would put too far apart, or make too large
    r"<mo[^>]*>([|‖])</mo>": r'<mo stretchy="false" lspace="0" rspace="0">\1</mo>',
    r"<mo[^>]*>/</mo>": '<mo stretchy="false" lspace="0.05em" rspace="0.05em">/</mo>',
    r"<mo[^>]*>(max|min)</mo>(?=\s*<mo[^>]*>\()": r"<mi>\1</mi>",
    "<mo>'</mo>": '<mo lspace="0" rspace="0">\u2032</mo>',
}
logger = logging.getLogger(__name__)


def converted(node: nodes.Element, display: bool) -> str:
    """The formula of a node in MathML; of one that cannot be read the build warns."""
    text = replaced(node.astext().strip(), LATEX)
    try:
        return replaced(str(tex2mathml(text, as_block=display)), MATHML)
    except MathError as error:
        logger.warning("the formula %r cannot be read: %s", text, error, location=node)
        return ""


def replaced(text: str, patterns: dict[str, str]) -> str:
    """The text with what each pattern finds in another form."""
    for pattern, form in patterns.items():
        text = re.sub(pattern, form, text)
    return text


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
