"""Figures as SVG inside a page: letters as text, colours for light and dark paper. What they show lives elsewhere."""

from __future__ import annotations

import html
import io
import re
from typing import Any

from autograd_mini.drawing import palette

GROUP_ID = re.compile(r' id="[A-Za-z]+[\w.]*_\d+"')
FILL = re.compile(r'\bfill="(#[0-9a-f]{6})"')
COLOUR = re.compile(r"\b(fill|stroke): (#[0-9a-f]{6})")
DARK = palette.on_dark()


def svg(figure: Any, label: str) -> str:
    """A figure of matplotlib as SVG, its letters as text, with colours for light and for dark paper."""
    import matplotlib as mpl

    buffer = io.StringIO()
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": f"{label} {figure.get_figwidth()}"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None}, transparent=True)
    text = buffer.getvalue()
    text = text.replace(' id="QuadMesh', ' shape-rendering="crispEdges" id="QuadMesh')  # no seams between cells
    text = FILL.sub(r'style="fill: \1"', text)
    text = GROUP_ID.sub("", text[text.index("<svg") :])  # which all figures have alike, and nothing refers to
    text = COLOUR.sub(on_both_papers, text)
    return text.replace("<svg ", f'<svg role="img" aria-label="{html.escape(label)}" ', 1)


def on_both_papers(found: re.Match[str]) -> str:
    """A colour of a style, and what it is in the dark; what knows no light-dark() takes the first."""
    dark = DARK.get(found[2])
    return f"{found[0]}; {found[1]}: light-dark({found[2]}, {dark})" if dark else found[0]
