"""A Sphinx extension: what the site says and shows of examples, which sphinx-gallery has run before pages are read."""

import ast
import re
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

ROUGH = (
    "*Measured* is from a whole run; the picture and the printed lines below are from a short one (``--fast``), with "
    "rougher numbers."
)
AFTER_FIELDS = re.compile(r"(?ms)^:Measured:.*?\n(?=\n)")


def remove_stale(app: Sphinx) -> None:
    """Remove what was made of examples that are no more: Sphinx would read it."""
    made = Path(app.srcdir, "examples")
    there = {path.stem for path in examples(app).glob("[0-9][0-9]_*.py")}
    for stem in {path.stem for path in made.glob("*.py")} - there:
        for path in [*made.glob(f"{stem}.*"), *made.glob(f"images/**/sphx_glr_{stem}_*")]:
            path.unlink()


def examples(app: Sphinx) -> Path:
    """The folder of examples."""
    return Path(app.srcdir).parent / "examples"


def noted(text: str) -> str:
    """The page of an example, which says that it was run in its fast mode."""
    return AFTER_FIELDS.sub(lambda found: f"{found[0]}\n{ROUGH}\n", text, count=1)


def note(app: Sphinx, page: str, text: list[str]) -> None:
    """Say of pages of examples how they were run."""
    if re.match(r"examples/\d\d_", page) and "WHOLE" not in app.tags:
        text[0] = noted(text[0])


class Example(SphinxDirective):
    """The picture of an example, with its title and what it shows; both lead to its page."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """A figure, without a picture if the example was not run."""
        [stem] = self.arguments
        source = examples(self.env.app) / f"{stem}.py"
        picture = Path(self.env.srcdir, "examples", "images", f"sphx_glr_{stem}_001.png")
        for path in (source, picture):
            self.env.note_dependency(str(path))
        title, _, _, shows, *_ = (ast.get_docstring(ast.parse(source.read_text())) or "").splitlines()
        page = self.env.app.builder.get_relative_uri(self.env.docname, f"examples/{stem}")
        link = nodes.reference("", title, refuri=page, internal=True)
        caption = nodes.caption("", "", link, nodes.Text(f": {shows}"))
        if not picture.exists():
            return [nodes.paragraph("", "", *caption.children)]
        image = nodes.image(uri=f"/examples/images/{picture.name}", alt=f"{title}: {shows}")
        return [nodes.figure("", nodes.reference("", "", image, refuri=page, internal=True), caption)]


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive, and what is done before and after examples are run."""
    app.add_directive("example", Example)
    app.connect("builder-inited", remove_stale, priority=100)  # before sphinx-gallery
    app.connect("source-read", note)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
