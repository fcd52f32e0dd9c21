"""From DOT text to files and notebook pictures: `Drawing`, and the ways to run Graphviz; nothing about tensors.

Layout runs in a child process, since Graphviz may take for ever and cannot be interrupted.
"""

from __future__ import annotations

import html
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import graphviz

from autograd_mini import showing

PICTURES = {".svg": "svg", ".png": "png", ".pdf": "pdf"}
TEXTS = (".dot", ".gv")
MIMETYPES = {"image/svg+xml": "svg", "image/png": "png"}
PNG_DPI = "144"
SIZE = re.compile(r'width="([\d.]+)pt" height="([\d.]+)pt"')
PAGE = 620.0  # points, the width of a notebook
LEGIBLE = 0.6  # of its size a picture can still be read

UNKNOWN_EXTENSION = (
    "save({path!r}) was asked for a file of extension {extension!r}, which names no format that is known here. "
    "Write one of .svg, .png, .pdf for a picture, or .dot, .gv for Graphviz's own text: `save('graph.svg')`."
)
NO_RENDERER = (
    "A picture needs Graphviz to lay it out, and neither the program `dot` nor the Python package pygraphviz was "
    'found. Write `pip install "autograd-mini[render]"`, or install Graphviz (https://graphviz.org/download).'
)
TIMEOUT = (
    "Graphviz did not finish the layout within {seconds:g} seconds. Draw fewer nodes, `draw(t, max_nodes=200)`, or "
    "give it more time: `drawing.timeout = {longer:g}`."
)
SYSTEM_ONLY = (
    "{call} needs the program `dot` of Graphviz (https://graphviz.org/download), which was not found. Without it write "
    "`save('graph.svg')`, or {call} with `format` svg, png or pdf and no other options."
)
FAILED = "Graphviz could not draw this. {command} ended with {status}: {reason}"
KEPT = " The graph as DOT text is in {path}; https://graphviz.org shows how to draw it elsewhere."

WITH_PYGRAPHVIZ = """\
import sys, pygraphviz
format, engine, dpi = sys.argv[1:]
graph = pygraphviz.AGraph(string=sys.stdin.buffer.read().decode("utf-8"))
if format == "png":
    graph.graph_attr["dpi"] = dpi
sys.stdout.buffer.write(graph.draw(format=format, prog=engine))
"""


class RenderError(RuntimeError):
    """No picture could be made: no renderer, a layout that takes too long, or one that failed."""


class LayoutTimeoutError(RenderError):
    """Graphviz took too long."""


class Drawing(graphviz.Digraph):  # type: ignore[misc]
    """A drawn computation: a `graphviz.Digraph` that saves itself and shows itself in notebooks.

    All of `graphviz.Digraph` works, so a drawing can be changed: `drawing.graph_attr["rankdir"] = "LR"`. Its `render`,
    `pipe` and `view` make the pictures that `save` makes; other formats and options need the program `dot`.

    Attributes
    ----------
    title : str
        What is drawn; the SVG's `<title>`.
    finding : str
        What there is to see in it, in a sentence; the SVG's `<desc>`, with the table.
    table : str
        The same as a table of text, if there is one.
    timeout : float
        How many seconds the layout may take.
    smaller : callable or None
        Makes the same drawing with fewer boxes, which is shown where the layout of this one takes too long.
    """

    title: str = ""
    finding: str = ""
    table: str = ""
    timeout: float = 60.0
    smaller: Callable[[], Drawing] | None = None

    def save(
        self,
        filename: os.PathLike[str] | str | None = None,
        directory: os.PathLike[str] | str | None = None,
        *,
        skip_existing: bool | None = False,
    ) -> str:
        """Write a picture, or the DOT text, by the extension of the file: .svg, .png, .pdf, .dot or .gv.

        Pictures are laid out by Graphviz's `dot` if it is installed, else by pygraphviz.

        Parameters
        ----------
        filename : path
            Where to write; missing directories are made.
        directory : path, optional
            Put in front of `filename`.
        skip_existing : bool
            Leave a file that exists as it is.

        Returns
        -------
        str
            The path.

        Raises
        ------
        ValueError
            If the extension is not known.
        RenderError
            If there is no renderer, or it fails or takes longer than `timeout`. The DOT text is written beside.
        """
        # `render` saves its DOT text through this method, under any name, with skip_existing=None.
        if filename is None or skip_existing is None:
            return str(super().save(filename, directory=directory, skip_existing=skip_existing))
        path = Path(directory or "", filename)
        extension = path.suffix.lower()
        if extension in TEXTS:
            return str(super().save(filename, directory=directory, skip_existing=skip_existing))
        if extension not in PICTURES:
            raise ValueError(UNKNOWN_EXTENSION.format(path=os.fspath(filename), extension=extension))
        if skip_existing and path.exists():
            return str(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            picture = self.picture(PICTURES[extension])
        except RenderError as error:
            text = Path(f"{path}.dot")
            text.write_text(self.source, encoding="utf-8")
            raise RenderError(f"{error}{KEPT.format(path=text)}") from None
        path.write_bytes(picture)
        return str(path)

    def render(
        self,
        filename: os.PathLike[str] | str | None = None,
        directory: os.PathLike[str] | str | None = None,
        view: bool = False,
        cleanup: bool = False,
        format: str | None = None,
        *,
        outfile: os.PathLike[str] | str | None = None,
        engine: str | None = None,
        quiet: bool = False,
        quiet_view: bool = False,
        **options: Any,
    ) -> str:
        """Write the DOT text as `filename`, and the picture beside it, or as `outfile`; see `graphviz.Digraph.render`.

        Raises
        ------
        RenderError
            As of `save`; and if a format or an option needs the program `dot`, which is not there.
        """
        kind = format or (Path(outfile).suffix.removeprefix(".") if outfile else "") or self.format
        if plain(kind, options):
            name = filename if filename or not outfile else Path(outfile).with_suffix(".gv")
            text = self.save(name, directory, skip_existing=None)
            path = str(Path("" if directory else self.directory, outfile) if outfile else f"{text}.{kind}")
            try:
                picture = self.picture(kind.lower(), engine)
            except RenderError as error:
                raise RenderError(f"{error}{KEPT.format(path=text)}") from None
            Path(path).write_bytes(picture)
            if cleanup:
                Path(text).unlink()
        else:
            asked = {"cleanup": cleanup, "format": format, "outfile": outfile, "engine": engine, "quiet": quiet}
            try:
                path = super().render(filename, directory=directory, **asked, **options)
            except graphviz.ExecutableNotFound:
                raise RenderError(SYSTEM_ONLY.format(call="render(...)")) from None
        if view or quiet_view:
            graphviz.view(path, quiet=quiet_view)
        return path

    def pipe(
        self, format: str | None = None, *, engine: str | None = None, encoding: str | None = None, **options: Any
    ) -> bytes | str:
        """The picture as bytes, or with an encoding as text; see `graphviz.Digraph.pipe`.

        Raises
        ------
        RenderError
            As of `save`; and if a format or an option needs the program `dot`, which is not there.
        """
        kind = format or self.format
        if not plain(kind, options):
            try:
                piped: bytes | str = super().pipe(format, engine=engine, encoding=encoding, **options)
            except graphviz.ExecutableNotFound:
                raise RenderError(SYSTEM_ONLY.format(call="pipe(...)")) from None
            return piped
        picture = self.picture(kind.lower(), engine)
        return picture if encoding is None else picture.decode(encoding)

    def picture(self, format: str = "svg", engine: str | None = None) -> bytes:
        """The picture as the bytes of a file of that format: svg, png or pdf."""
        try:
            content = lay_out(self.source, format, engine or self.engine, self.timeout)
        except LayoutTimeoutError:
            if self.smaller is None:
                raise
            fewer = self.smaller()
            fewer.timeout = self.timeout
            return fewer.picture(format, engine)
        return annotate(content, self.title, f"{self.finding}\n{self.table}".strip()) if format == "svg" else content

    def __repr__(self) -> str:
        return f"<Drawing: {' '.join(filter(None, (self.title, self.finding)))}>" if self.title else super().__repr__()

    def copy(self) -> Drawing:
        twin: Drawing = super().copy()
        twin.title, twin.finding, twin.table = self.title, self.finding, self.table
        twin.timeout, twin.smaller = self.timeout, self.smaller
        return twin

    def _repr_mimebundle_(
        self, include: Iterable[str] | None = None, exclude: Iterable[str] | None = None, **_: Any
    ) -> dict[str, bytes | str]:
        """What a notebook shows: SVG, or else the reason, what there is to see, and the DOT text. It never raises."""
        wanted = {"image/svg+xml"} if include is None else set(include)
        bundle: dict[str, bytes | str] = {}
        for mimetype in MIMETYPES.keys() & wanted - set(exclude or ()):
            try:
                picture = self.picture(MIMETYPES[mimetype])
            except RenderError as error:
                return {"text/plain": f"// {error}\n{self.source}", "text/html": unrendered(error, self)}
            bundle[mimetype] = fitted(picture.decode("utf-8")) if mimetype == "image/svg+xml" else picture
        return bundle


def unrendered(error: RenderError, drawing: Drawing) -> str:
    """In place of a picture why there is none, and in words what it would show; the DOT text on request."""
    said = "".join(f"<p>{showing.in_html(text)}</p>" for text in (str(error), drawing.title, drawing.finding) if text)
    return f"<div>{said}<details><summary>DOT text</summary><pre>{html.escape(drawing.source)}</pre></details></div>"


def plain(format: str, options: dict[str, Any]) -> bool:
    """Whether it is a picture as `save` makes it, so that no option asks for Graphviz's own program."""
    given = any(value not in {None, False} for name, value in options.items() if name != "quiet")
    return format.lower() in PICTURES.values() and not given


def renderer(format: str, engine: str) -> list[str]:
    """The command that reads DOT text and writes a picture: Graphviz's program, else pygraphviz in a child."""
    program = shutil.which(engine)
    if program is not None:
        return [program, f"-T{format}", *([f"-Gdpi={PNG_DPI}"] if format == "png" else [])]
    if importlib.util.find_spec("pygraphviz") is None:
        raise RenderError(NO_RENDERER)
    return [sys.executable, "-P", "-c", WITH_PYGRAPHVIZ, format, engine, PNG_DPI]


def lay_out(source: str, format: str, engine: str = "dot", timeout: float = 60.0) -> bytes:
    """A picture of DOT text, in a child process that is killed after `timeout` seconds."""
    command = renderer(format, engine)
    try:
        done = subprocess.run(  # noqa: S603 (a fixed command, no shell; the graph comes by standard input)
            command, input=source.encode("utf-8"), capture_output=True, timeout=timeout, check=False
        )
    except OSError as error:
        raise RenderError(FAILED.format(command=command[0], status="no start", reason=error)) from None
    except subprocess.TimeoutExpired:
        raise LayoutTimeoutError(TIMEOUT.format(seconds=timeout, longer=10 * timeout)) from None
    if done.returncode or not done.stdout:
        reason = " ".join(done.stderr.decode("utf-8", "replace").split()[-60:])
        raise RenderError(
            FAILED.format(command=Path(command[0]).name, status=f"status {done.returncode}", reason=reason)
        )
    return done.stdout


def fitted(svg: str) -> str:
    """The SVG as narrow as a notebook, if it can still be read then; one that is wider is scrolled."""
    size = SIZE.search(svg)
    if size is None:
        return svg
    width, height = map(float, size.groups())
    shrink = min(1.0, max(LEGIBLE, PAGE / width))
    return SIZE.sub(f'width="{shrink * width:.0f}pt" height="{shrink * height:.0f}pt"', svg, count=1)


def annotate(svg: bytes, title: str, finding: str) -> bytes:
    """The SVG with a title and a description for those who cannot see it (WCAG 2.2, 1.1.1)."""
    text = f"<title>{html.escape(title)}</title>\n<desc>{html.escape(finding)}</desc>"
    marked = re.sub(r"<svg\b[^>]*", lambda match: f'{match[0]} role="img"', svg.decode("utf-8"), count=1)
    at = marked.index(">", marked.index('role="img"')) + 1
    return f"{marked[:at]}\n{text}{marked[at:]}".encode()
