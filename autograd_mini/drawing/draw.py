"""`draw`: the picture of a computation as DOT text, coloured by its signals; nothing here computes or runs Graphviz.

Text, shape, line style and colour each say the same thing, so that no reader depends on one of them.
"""

from __future__ import annotations

import itertools
import math
import re
import textwrap
from collections.abc import Iterator, Sequence

from autograd_mini import errors
from autograd_mini.drawing import palette
from autograd_mini.drawing.picture import Box, Link, Picture, picture
from autograd_mini.drawing.rendering import Drawing, RenderError
from autograd_mini.graph import Leaf
from autograd_mini.measuring.factors import measurement
from autograd_mini.measuring.sizes import Measured, finding, root_and_seed
from autograd_mini.tensor import Tensor

__all__ = ["Drawing", "RenderError", "draw"]

NOT_A_TENSOR = (
    "draw(...) was called on {what}, but only a tensor remembers how it was computed. Write `draw(loss)` with the "
    "result itself, not with `loss.data` or `loss.item()`."
)
BAD_SIGNALS = (
    "draw(..., signals=...) was given {what}. Write `signals=True` to measure the gradients now, or give what "
    "`signals(loss)` returned."
)
BAD_MAX_NODES = "draw(..., max_nodes={max_nodes!r}) cannot draw anything. Write a whole number from 1 on."

FEWEST = 12  # boxes that any layout can do, however many links
LONGEST = 80  # characters of a name
LABEL_WIDTH = 90
SHRINKING = 0.9  # gains below it are dashed
FONT = "Helvetica,Arial,sans-serif"
BACKSLASH = "&#92;&#92;"  # one, after Graphviz has taken a first one for the start of an escape such as \\N
ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\\": BACKSLASH})
NOT_IN_XML = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def draw(tensor: Tensor, signals: Measured | bool | None = None, *, max_nodes: int = 1000) -> Drawing:
    """Draw how a tensor was computed and, with `signals`, where on the way back the gradient shrinks or grows.

    Boxes are values: rounded for the result of an operation, yellow for a parameter, white for a constant, with a
    double border for the result itself. Arrows point as the computation goes, and frames are module scopes.

    Parameters
    ----------
    tensor : Tensor
        The result, usually the loss.
    signals : bool or Signals, optional
        What `signals(tensor)` returned, or True to call it. Boxes are then coloured by rms(g) of their gradient g,
        and arrows by the gain: how many times larger or smaller it is behind the operation than in front of it.
        Parameters sum over the batch, which is no gain; they show rms(g) and its ratio to rms(value). Without
        signals, the parameters show the rms of their `.grad`, where they have one.
    max_nodes : int
        A larger computation is folded: a box for each scope, or for each stretch of operations.

    Returns
    -------
    Drawing
        A `graphviz.Digraph` that notebooks show; `draw(loss).save("graph.svg")` writes a file.

    Raises
    ------
    TypeError
        If this is no tensor, or `signals` is something else.
    ValueError
        If `max_nodes` is less than 1; and as `signals` does.
    RuntimeError
        As `signals` does.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_mini import Tensor, draw
    >>> x = Tensor(2.0, requires_grad=True, name="x")
    >>> drawing = draw(np.tanh(x * x), signals=True)
    >>> drawing.title
    'Computation of a tensor: 2 operations, 1 parameter'
    >>> drawing.finding
    'Going back, the signal falls from 1 to 0.0013 between tanh and multiply.'
    """
    if not isinstance(tensor, Tensor):
        raise TypeError(NOT_A_TENSOR.format(what=errors.describe(tensor)))
    if not (signals is None or isinstance(signals, bool | Measured)):
        raise TypeError(BAD_SIGNALS.format(what=errors.describe(signals)))
    if max_nodes < 1:
        raise ValueError(BAD_MAX_NODES.format(max_nodes=max_nodes))
    measured = measurement(*root_and_seed(tensor, None)) if signals is True else signals or None
    shown = picture(tensor._record or Leaf(tensor.data), measured, max_nodes)
    drawing = draw_picture(shown, finding(measured) if measured else f"{shown.title}.", measured is not None)
    if len(shown.boxes) > FEWEST:  # a layout that takes too long is one of fewer boxes
        drawing.smaller = lambda: draw(tensor, measured, max_nodes=len(shown.boxes) // 3)
    return drawing


def draw_picture(shown: Picture, sentence: str, coloured: bool) -> Drawing:
    """A picture as DOT, with a sentence on what is to be seen; coloured if its boxes have signals."""
    drawing = Drawing(
        "computation",
        filename="computation.gv",
        format="svg",
        graph_attr={"fontname": FONT, "labelloc": "t", "tooltip": hover(shown.title), "ranksep": "0.35"},
        node_attr={"fontname": FONT, "fontsize": "12", "shape": "box", "margin": "0.12,0.06"},
        edge_attr={"fontname": FONT, "fontsize": "10", "arrowsize": "0.7"},
    )
    drawing.title = visible(shown.title)
    drawing.finding = visible(f"{sentence} {shown.note}".strip())
    if coloured:
        drawing.graph_attr["label"] = f"<{legend(headline(sentence, shown.note))}>"
    elif shown.note:
        drawing.graph_attr["label"] = f"<{headline(sentence, shown.note)}<BR/> >"
    write(drawing, shown, coloured)
    return drawing


# DOT


def write(drawing: Drawing, shown: Picture, coloured: bool) -> None:
    """All statements: boxes inside the frames of their scopes, and links."""
    sizes = [b.signal.rms for b in shown.boxes if b.signal and b.signal.finite and b.kind in ("operation", "run")]
    strongest = max(sizes, default=0.0)
    for item in nested(shown.boxes):
        if isinstance(item, Box):
            drawing.node(item.key, **box_attributes(item, coloured, strongest))
        else:
            drawing.body.append(item)
    scopes = {box.key: box.scope for box in shown.boxes}
    for link in shown.links:
        attributes = link_attributes(link, coloured)
        attributes["tooltip"] = attributes["labeltooltip"] = hover(link.tip)
        if link.kind == "signal":  # straight down, and room for parameters in a frame, so that frames form no stairs
            attributes["weight"] = "10"
            attributes["minlen"] = "1" if scopes[link.tail] == scopes[link.head] else "2"
        drawing.edge(link.tail, link.head, **attributes)


def nested(boxes: Sequence[Box]) -> Iterator[Box | str]:
    """The boxes, each between the lines that open and close the frames of its scopes."""
    inside: dict[str, list[Box]] = {"": []}
    children: dict[str, list[str]] = {"": []}
    for box in boxes:
        new, scope = [], box.scope
        while scope not in children:
            new.append(scope)
            scope = scope.rpartition(".")[0]
        for scope in reversed(new):
            children[scope], inside[scope] = [], []
            children[scope.rpartition(".")[0]].append(scope)
        inside[box.scope].append(box)
    numbers = itertools.count()
    waiting: list[tuple[str, str] | None] = [("", "")]
    while waiting:
        frame = waiting.pop()
        if frame is None:
            yield "\t}\n"
            continue
        scope, around = frame
        if scope and not inside[scope] and len(children[scope]) == 1:  # a frame in a frame shows nothing more
            waiting.append((children[scope][0], around))
            continue
        if scope:
            label = scope[len(around) + 1 :] if around else scope
            if label.isdigit() and around:
                label = f"{around.rpartition('.')[2]}.{label}"
            yield f"\tsubgraph cluster_{next(numbers)} {{\n"
            yield (
                f'\tgraph [label=<{markup(shortened(label), ())}> tooltip="{hover(scope)}" labelloc=t labeljust=r '
                f'fontsize=11 fontcolor="#555555" color="#b0b8c0" style=rounded]\n'
            )
            waiting.append(None)
        yield from inside[scope]
        waiting += [(child, scope) for child in reversed(children[scope])]


def box_attributes(box: Box, coloured: bool, strongest: float) -> dict[str, str]:
    """Shape, fill, border and text of a box."""
    shape, style, fill, border, width = {
        "operation": ("box", "rounded,filled", palette.OPERATION, "#5b6b7b", 1.0),
        "run": ("box3d", "filled", palette.OPERATION, "#5b6b7b", 1.0),
        "parameter": ("box", "filled", palette.PARAMETER, palette.PARAMETER_BORDER, 1.5),
        "constant": ("box", "filled", "#ffffff", palette.FAINT, 0.7),
    }[box.kind]
    lines = [*box.lines]
    if coloured and box.kind != "constant":
        signal = box.signal
        if signal is None:
            fill = palette.UNREACHED
            lines.append("no gradient")
        else:
            lines.append(f"rms(g) {signal.rms:.1e}")
            if box.kind != "parameter":
                fill = palette.signal_colour(signal.rms, strongest)
            if signal.zeros == 1:
                shape, style, fill = "box", "striped", palette.STRIPES
                lines[-1] = "rms(g) 0: all zero"
            elif signal.zeros:
                lines[-1] += f", {share(signal.zeros)} zero"
            if not signal.finite:
                border, width = palette.BAD, 4.0
                lines[-1] += ", not finite"
    lines += box.footer
    if box.result:
        lines.append("the result")
    attributes = {
        "label": f"<{markup(shortened(box.title), lines)}>",
        "tooltip": hover("\n".join(filter(None, (box.scope, box.title, *lines, norm(box))))),
        "shape": shape,
        "style": style,
        "fillcolor": fill,
        "fontcolor": palette.text_colour(fill),
        "color": border,
        "penwidth": f"{width:g}",
    }
    return attributes | ({"peripheries": "2"} if box.result else {})


def link_attributes(link: Link, coloured: bool) -> dict[str, str]:
    """Colour, width, dashes and label of an arrow."""
    if link.kind == "constant" or (link.kind == "parameter" and coloured):
        return {"color": palette.FAINT, "penwidth": "0.7"}
    if not coloured:
        return {"color": "#444444"}
    gain = link.gain
    if gain is None or math.isnan(gain):
        return {"color": palette.UNREACHED, "penwidth": "1.5"}
    if math.isinf(gain):
        return {"color": palette.BAD, "penwidth": "4", "label": " not finite"}
    return {
        "color": palette.gain_colour(gain),
        "penwidth": f"{palette.gain_width(gain):.2f}",
        "style": "dashed" if gain < SHRINKING else "solid",
        "label": f" {gain_text(gain)}",
    }


def legend(headline: str) -> str:
    """Below a headline what the colours and lines mean, as a table of Graphviz's HTML."""
    signals = [
        cell(f"1e-{decade}" if decade else "strongest", palette.signal_colour(10.0**-decade, 1.0))
        for decade in range(0, palette.SIGNAL_DECADES + 1, palette.SIGNAL_DECADES // 4)
    ]
    words = {0.1: "shrinks: ", 1.0: "stays: ", 10.0: "grows: "}
    gains = [
        cell(f"{words.get(gain, '')}{gain_text(gain)}", palette.gain_colour(gain))
        for gain in (0.1, 0.3, 1.0, 3.0, 10.0)
    ]
    others = [
        cell("parameter", palette.PARAMETER),
        cell("constant", "#ffffff"),
        cell("no gradient", palette.UNREACHED),
        cell("striped: all zero", "#ffffff"),
        cell("red: not finite", "#ffffff", palette.BAD),
    ]
    rows = [
        ("<B>Boxes</B>: the size of the gradient g, rms(g)", signals),
        ("<B>Arrows</B>: what becomes of g on its way back, against the arrow; dashed where it shrinks", gains),
        ("<B>Other boxes</B>", others),
    ]
    body = "".join(
        f'<TR><TD COLSPAN="5" ALIGN="LEFT">{heading}</TD></TR><TR>{"".join(cells)}</TR>' for heading, cells in rows
    )
    head = f'<TR><TD COLSPAN="5"><FONT POINT-SIZE="14">{headline}</FONT></TD></TR>'
    return (
        '<FONT POINT-SIZE="11"><TABLE BORDER="0" CELLBORDER="0" CELLSPACING="3">'
        f'{head}{body}<TR><TD COLSPAN="5"> </TD></TR></TABLE></FONT>'
    )


def cell(text: str, fill: str, border: str = palette.FAINT) -> str:
    colour = palette.text_colour(fill)
    return f'<TD BORDER="1" COLOR="{border}" BGCOLOR="{fill}"><FONT COLOR="{colour}">{escape(text)}</FONT></TD>'


# Text


def gain_text(gain: float) -> str:
    """`x0.31`, `x12`, `x3.1e-04`."""
    if 0.01 <= gain < 10:
        return f"x{gain:.2f}"
    return f"x{gain:.0f}" if gain == 0 or 10 <= gain < 1000 else f"x{gain:.1e}"


def share(part: float) -> str:
    """A percentage that says 0 or 100 only of none or all."""
    return f"{min(max(part * 100, 1), 99):.0f}%"


def norm(box: Box) -> str:
    return f"L2 norm of g {box.signal.norm:.1e}" if box.signal is not None else ""


def visible(text: str) -> str:
    """Text without the control characters that no XML may hold: they show as `\\x1b`."""
    return NOT_IN_XML.sub(lambda match: ascii(match[0])[1:-1], text)


def escape(text: str) -> str:
    """Text that Graphviz's HTML, and from there XML, shows as it is."""
    return visible(text).translate(ENTITIES).replace("\n", "&#10;")


def hover(text: str) -> str:
    """Text for a tooltip, in which Graphviz looks for escapes twice."""
    return escape(text).replace(BACKSLASH, 2 * BACKSLASH)


def shortened(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def headline(sentence: str, note: str) -> str:
    """The picture's label: what there is to see, and below it what is not shown."""
    lines = textwrap.wrap(note, LABEL_WIDTH)
    return markup(textwrap.fill(sentence, LABEL_WIDTH), lines)


def markup(title: str, lines: Sequence[str]) -> str:
    """A bold title above smaller lines, in Graphviz's HTML."""
    first = escape(title).replace("&#10;", "<BR/>") or "&#160;"  # an empty <B></B> is an error in DOT
    rest = "<BR/>".join(escape(line) for line in lines)
    return f"<B>{first}</B>" + (f'<BR/><FONT POINT-SIZE="10">{rest}</FONT>' if lines else "")
