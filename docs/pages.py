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


def mend(_app: Sphinx, _page: str, _template: str, context: dict[str, Any], _tree: nodes.document | None) -> None:
    """The body of a page as it should be."""
    for written, right in MENDED.items():
        context["body"] = re.sub(written, right, context.get("body", ""))


def setup(app: Sphinx) -> dict[str, bool]:
    """Register what is done last."""
    app.connect("html-page-context", mend)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
