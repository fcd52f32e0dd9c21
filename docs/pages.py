"""A Sphinx extension: what is mended in pages that Sphinx has written."""

import re
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

MENDED = {
    # The name of a corner cell would be read aloud for each cell below it.
    r'<th class="head([^"]*)"><p></p></th>': r'<td class="head\1"></td>',
    # From a source back to the reference: Sphinx knows one module for all names of a file, and some are public in two.
    r'(class="viewcode-back" href="[^"#]*)#[^"]*': r"\1",
}


NAME = re.compile(r"(?<=>)(?:autograd_mini\.(?:scipy\.)?)?((?<=\.)\w+|[\w.]+\.\w+)(?=</a>)")
HEADING = re.compile(r"(?<=<h1>)[\w.]+")


def dotted(name: str) -> str:
    """A name that breaks at its dots where it has to."""
    return name.replace(".", "<wbr>.")


def breakable(text: str) -> str:
    """The links of a sidebar with names that break at dots, without the packages that all of them are in."""
    return NAME.sub(lambda found: dotted(found[1]), text)


def mend(_app: Sphinx, _page: str, _template: str, context: dict[str, Any], _tree: nodes.document | None) -> None:
    """The body of a page as it should be, and what the template of its sidebar asks for."""
    context["breakable"] = breakable
    for written, right in MENDED.items():
        context["body"] = re.sub(written, right, context.get("body", ""))
    context["body"] = HEADING.sub(lambda found: dotted(found[0]), context["body"], count=1)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register what is done last."""
    app.connect("html-page-context", mend)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
