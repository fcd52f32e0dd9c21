"""A Sphinx extension: what is mended in pages that Sphinx is to read, and has written."""

import re
from html import escape
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx

MENDED = {
    # The name of a corner cell would be read aloud for each cell below it.
    r'<th class="head([^"]*)"><p></p></th>': r'<td class="head\1"></td>',
    # From a source back to the reference: Sphinx knows one module for all names of a file, and some are public in two.
    r'(class="viewcode-back" href="[^"#]*)#[^"]*': r"\1",
}


IMAGE = re.compile(r"!\[[^\[\]`]+\]\(")
HEADING = re.compile(r"(?<=<h1>)[\w.]+")
CURRENT = re.compile(r'(?s)<li class="toctree-l1 current.*?</a>')


def dotted(name: str) -> str:
    """A name that breaks at its dots where it has to."""
    return name.replace(".", "<wbr>.")


def shorter(name: str) -> str:
    """The name in its package: the heading above it tells which."""
    return name.removeprefix("autograd_mini.").removeprefix("scipy.").removeprefix("testing.").removeprefix("nn.")


def headings(app: Sphinx, page: str) -> str:
    """For a page of the reference's names: the headings of the list that it is in, and below its own its neighbours."""
    for above in sorted(app.env.toctree_includes.get("api/index", [])):
        if page not in app.env.toctree_includes.get(above, []):
            continue
        items = []
        for item in app.env.tocs[above].findall(nodes.list_item):
            anchor = item[0][0].get("anchorname", "")
            if anchor:
                link = app.builder.get_relative_uri(page, above) + anchor
                names = [name for tree in item.findall(addnodes.toctree) for name in tree["includefiles"]]
                below = "".join(entry(app, page, name) for name in names) if page in names else ""
                nested = f'<ul class="nav">{below}</ul>' if below else ""
                items.append(f'<li class="toctree-l2"><a href="{link}">{escape(item[0].astext())}</a>{nested}</li>')
        return f'<ul class="nav">{"".join(items)}</ul>'
    return ""


def entry(app: Sphinx, page: str, name: str) -> str:
    """A neighbour's link in the sidebar."""
    here = name == page
    link = '"#" aria-current="page" class="current"' if here else f'"{app.builder.get_relative_uri(page, name)}"'
    shown = dotted(shorter(app.env.titles[name].astext()))
    return f'<li class="toctree-l3{" current active" * here}"><a href={link}>{shown}</a></li>'


def mend(app: Sphinx, page: str, _template: str, context: dict[str, Any], _tree: nodes.document | None) -> None:
    """The body of a page as it should be, and what the template of its sidebar asks for."""
    context["with_headings"] = lambda tree: CURRENT.sub(lambda found: found[0] + headings(app, page), tree, count=1)
    for written, right in MENDED.items():
        context["body"] = re.sub(written, right, context.get("body", ""))
    context["body"] = HEADING.sub(lambda found: dotted(found[0]), context["body"], count=1)


def joined(text: str) -> str:
    """A page whose words for a picture stand in one line: MyST would join the last word of each line to the next."""
    return IMAGE.sub(lambda found: " ".join(found[0].split("\n")), text)


def join(_app: Sphinx, _page: str, text: list[str]) -> None:
    """Read pages so."""
    text[0] = joined(text[0])


def setup(app: Sphinx) -> dict[str, bool]:
    """Register what is done first and last."""
    app.connect("source-read", join)
    app.connect("html-page-context", mend)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
