"""The report: one self-contained HTML page with the chart of layers, the findings, the plots and the table.

What the page shows is put together here; how it looks and moves lives in `page.html`.
"""

from __future__ import annotations

import html
import importlib.resources
import importlib.util
import json
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from autograd_mini.drawing import palette
from autograd_mini.drawing.picture import call
from autograd_mini.graph import Node
from autograd_mini.measuring.factors import Layer, Measurement
from autograd_mini.measuring.sizes import ratio
from autograd_mini.signals.averages import typical
from autograd_mini.signals.axes import Canvas
from autograd_mini.signals.chain import Run, links, owners, runs
from autograd_mini.signals.faults import Diagnosis
from autograd_mini.signals.findings import diagnosis, findings
from autograd_mini.signals.maps import QUESTION, changes, is_steady, scale_of
from autograd_mini.signals.plots import Asked, maps
from autograd_mini.signals.svg import svg
from autograd_mini.signals.tables import cells, heads, percent, said_in_html, typeset
from autograd_mini.words import decades, in_words, times

OPERATIONS = 60  # of one layer that are listed
ROWS = 16  # boxes up to which nothing is folded
FACTORS = (
    ("slope", "A slope"),
    ("alignment", "a alignment"),
    ("scale", "F weight scale"),
    ("direction", "w direction"),
    ("rest", "rest"),
)
NO_PLOTS = 'The plots need matplotlib: <code>pip install "autograd-mini[plot]"</code>, then save the report again.'
NO_SECTION = (
    "save(..., sections=...) was given a {what} as {name!r}, which no page can show. Give text, a list of "
    "nets as `nn.signals` measured them, a figure of matplotlib, or what notebooks show as HTML by its `_repr_html_()`."
)
EXTENSION = "save({path!r}) writes a report, an HTML page. Give it a name that ends in .html; for tables use to_csv()."


def save_page(
    measured: Sequence[Measurement],
    path: str | os.PathLike[str],
    figures: Sequence[Asked],
    title: str | None = None,
    sections: Mapping[str, Any] | None = None,
) -> None:
    """Write the page.

    Raises
    ------
    ValueError
        If the name does not end in .html.
    TypeError
        If a section is nothing that a page can show.
    """
    path = Path(path)
    if path.suffix.lower() not in {".html", ".htm"}:
        raise ValueError(EXTENSION.format(path=str(path)))
    text = page(measured, figures, title, sections)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def page(
    measured: Sequence[Measurement],
    figures: Sequence[Asked] = (),
    title: str | None = None,
    sections: Mapping[str, Any] | None = None,
) -> str:
    """The page as text; of the `figures` the first is the map."""
    template = importlib.resources.files("autograd_mini.signals").joinpath("page.html").read_text("utf-8")
    scale = scale_of([np.array([layer.g.rms for layer in one.layers]) for one in measured])
    charts = [chart(one, scale) for one in measured]
    shared = "".join(map(figure, (one for asked in figures[1:] if len(asked.canvases) == 1 for one in asked.canvases)))
    each = "".join(group(asked, len(measured)) for asked in figures[1:] if len(asked.canvases) > 1)
    alone = len(measured) == 1  # of one net, the plots flow around its chart
    plots = shared if alone else f'<div class="flow">{shared}</div>{each}'
    parts = {
        "TITLE": html.escape(title or headline(measured)),
        "MAP": svg_map(figures[0].canvases) if figures else "",
        "FINDINGS": "".join(map(said, measured)),
        "SECTIONS": "".join(section(name, content) for name, content in (sections or {}).items()),
        "CURES": cures(measured),
        "DATA": json.dumps(charts, allow_nan=False).replace("<", "\\u003c"),
        "PLOTS": plots if figures else f"<p>{NO_PLOTS}</p>",
        "LAYOUT": "flow" if alone else "many",
        "TABLES": "".join(map(table if len(measured) < 3 else folded_table, measured)),
        "LEGEND": legend(),
    }
    for name, text in parts.items():
        template = template.replace(f"@{name}@", text)
    return template


def headline(measured: Sequence[Measurement]) -> str:
    """What happens to the signal, of one net; of several, the question."""
    if len(measured) > 1:
        return f"How far does the signal get in {len(measured)} nets?"
    name, layers = measured[0].name, measured[0].layers
    sizes = np.array([layer.g.rms for layer in layers])
    if len(layers) < 2 or not (np.isfinite(sizes) & (sizes > 0)).all():
        return f"How far does the signal of {name} get?"
    _, worst, number = changes(sizes)
    if is_steady(worst):
        return f"The signal of {name} stays within a decade on its way back"
    up_to = "" if number == 1 else "up to "
    return f"The signal of {name} {'loses' if worst < 1 else 'gains'} {up_to}{decades(worst)} on its way back"


def said(measured: Measurement) -> str:
    """What is wrong first of all, line by line, and the other findings of one net."""
    first = diagnosis(measured)
    lines = [("What", first.what), ("Where", first.where), ("Why", first.why), ("What would help", first.cure)]
    said = "".join(f"<div><dt>{name}</dt><dd>{said_in_html(text)}</dd></div>" for name, text in lines if text)
    others = "".join(f"<li>{said_in_html(sentence)}</li>" for sentence in findings(measured)[1:])
    more = f"<ul>{others}</ul>" if others else ""
    kind = "verdict" if first.where or first.why else "verdict well"
    return f'<div class="{kind}"><h3>{html.escape(measured.name)}</h3><dl>{said}</dl>{more}</div>'


def section(name: str, content: Any) -> str:
    """A section of the user's own: text, nets, a figure, or what notebooks show as HTML."""
    if isinstance(content, str):
        shown = f"<p>{said_in_html(content)}</p>"
    elif isinstance(content, list | tuple) and content and all(isinstance(one, Measurement) for one in content):
        shown = f'<figure class="map">{svg_map(maps(content), name) if has_matplotlib() else NO_PLOTS}</figure>'
    elif hasattr(content, "savefig"):
        shown = f'<figure tabindex="0" aria-label="{html.escape(name)}">{svg(content, name)}</figure>'
    elif hasattr(content, "_repr_html_"):
        label = f'tabindex="0" role="region" aria-label="{html.escape(name)}"'
        shown = f'<div class="scroll" {label}>{content._repr_html_()}</div>'
    else:
        raise TypeError(NO_SECTION.format(name=name, what=type(content).__name__))
    return f"<section><h2>{html.escape(name)}</h2>{shown}</section>"


def cures(measured: Sequence[Measurement]) -> str:
    """What was tried on copies of the models, if it was: each says it itself."""
    sections = [(one.name, getattr(one, "section", "")) for one in measured]
    tried = "".join(f"<h3>{html.escape(name)}</h3>{section}" for name, section in sections if section)
    scroll = f'<div class="scroll" tabindex="0" role="group" aria-labelledby="cures">{tried}</div>'
    head = '<section aria-labelledby="cures"><h2 id="cures">What would help, measured</h2>'
    return f"{head}{scroll}</section>" if tried else ""


# The chart


def chart(measured: Measurement, scale: tuple[float, float]) -> dict[str, Any]:
    """Rows and links of one net, for the page's script: texts, colours and widths are decided here.

    Nets that are compared have the scale of colours of their map.
    """
    owner = owners(measured)
    inside: dict[int, list[Node]] = {}
    for record, number in owner.items():
        if isinstance(record, Node) and record in measured.records:
            inside.setdefault(number, []).append(record)
    for nodes in inside.values():
        nodes.sort(key=lambda node: -node.index)
    first = diagnosis(measured)
    shown = runs(measured.layers, ROWS, first.layers)[::-1]
    rows = [row(measured, run, inside, scale, first) for run in shown]
    number_of = {layer.number: i for i, run in enumerate(shown) for layer in run.layers}
    number_of[len(measured.layers) + 1], number_of[0] = -1, len(rows)
    skips: dict[tuple[int, int], float] = {}
    straight: dict[int, float] = {}
    for link in links(measured, owner):
        head, tail = number_of[link.head], number_of[link.tail]
        if tail == head + 1 and not link.past:
            straight[tail] = link.gain
        elif tail > head:
            skips[head, tail] = link.gain
    return {
        "name": measured.name,
        "rows": rows,
        "straight": [arrow(straight.get(i)) for i in range(len(rows) + 1)],
        "skips": [{"from": head, "to": tail, **(arrow(gain) or {})} for (head, tail), gain in sorted(skips.items())],
    }


def arrow(gain: float | None) -> dict[str, Any] | None:
    """How one arrow looks."""
    if gain is None:
        return None
    if math.isnan(gain):  # of nothing, or of what is not finite
        return {"text": "", "colour": palette.FAINT, "dark": palette.FAINT, "width": 1, "dashed": False}
    if math.isinf(gain):
        return {"text": "not finite", "colour": palette.BAD, "dark": palette.BAD, "width": 3, "dashed": False}
    return {
        "text": times(gain),
        "colour": palette.gain_colour(gain),
        "dark": palette.gain_colour(gain, palette.ON_DARK),
        "width": round(palette.gain_width(gain), 2),
        "dashed": gain < 0.9,
    }


def row(
    measured: Measurement, run: Run, inside: dict[int, list[Node]], scale: tuple[float, float], first: Diagnosis
) -> dict[str, Any]:
    """One box: a layer, or a run of them with one box each to unfold."""
    if len(run.layers) > 1:
        return folded_row(measured, run, inside, scale, first)
    layer = run.layers[0]
    flagged = layer.number in first.layers
    return {
        "title": f"{layer.number} {layer.name}",
        "line": f"rms(g) {in_words(layer.g.rms)}; {layer.operations}",
        **fills(layer, scale),
        "state": state(layer),
        "tip": tip(layer),
        "flag": flagged,
        "open": flagged,
        "factors": [bar(label, getattr(layer, name), flagged and name == first.factor) for name, label in FACTORS],
        "sides": sides([layer], first),
        "notes": notes(layer),
        "inside": [operation(measured, node) for node in inside.get(layer.number, [])[:OPERATIONS]],
    }


def folded_row(
    measured: Measurement, run: Run, inside: dict[int, list[Node]], scale: tuple[float, float], first: Diagnosis
) -> dict[str, Any]:
    """One box for like layers: how many, the typical gain and its range."""
    low, high = run.layers[0], run.layers[-1]
    return {
        "title": f"{low.number}-{high.number}, {len(run.layers)} alike",
        "line": f"{gains(run)}; {low.operations}",
        **fills(low, scale),
        "from": fills(high, scale),
        "state": state(low),
        "tip": typeset(f"Layers {low.number} to {high.number}, {low.operations}: {run.text}\n")
        + f"rms(g) {in_words(high.g.rms)} to {in_words(low.g.rms)}",
        "sides": sides(run.layers, first),
        "layers": [row(measured, Run((layer,)), inside, scale, first) for layer in reversed(run.layers)],
    }


def gains(run: Run) -> str:
    """The typical gain of like layers and its range, in parts of which a narrow box leaves out the last."""
    if not run.gain > 0:
        return run.text
    low, high = run.extremes
    skips = typeset(run.text.partition(", ")[2])
    return "; ".join(filter(None, (f"gain {times(run.gain)}", skips, f"{in_words(low)} to {in_words(high)}")))


def fills(layer: Layer, scale: tuple[float, float]) -> dict[str, str]:
    """The colours of a box and of its text, on light and on dark paper."""
    high, span = scale
    fill, dark = (palette.signal_colour(layer.g.rms, 10.0**high, span, paper) for paper in (False, True))
    return {"fill": fill, "ink": palette.text_colour(fill), "dark": dark, "darkInk": palette.text_colour(dark)}


def sides(layers: Sequence[Layer], first: Diagnosis) -> list[dict[str, Any]]:
    """The factors beside a box, of many layers the typical ones; the one to blame for all layers alike is marked."""
    shown = (
        ("slopes", "by_activation", {"slope", "alignment"}),
        ("weights", "by_weights", {"scale", "direction"}),
        ("rest", "rest", {"rest"}),
    )
    found = []
    for label, name, causes in shown:
        values = [getattr(layer, name) for layer in layers]
        value = values[0] if len(values) == 1 else typical(values)
        flagged = not first.layers or any(layer.number in first.layers for layer in layers)
        flagged = flagged and abs(log10(value)) > 0.02  # what changes nothing is not to blame
        if name != "rest" or abs(value - 1) > 0.005:
            found.append(bar(label, value, flagged and first.factor in causes))
    return found


def bar(name: str, value: float, blame: bool = False) -> dict[str, Any]:
    """A factor as text and as the length of a bar."""
    return {
        "name": name,
        "value": times_or_none(value),
        "log": log10(value),
        "blame": blame,
    }


def log10(value: float) -> float:
    """log10 within the range of the bars."""
    return max(-1.0, min(1.0, math.log10(value))) if value > 0 and math.isfinite(value) else 0.0


def state(layer: Layer) -> str:
    """`zero`, `bad` or nothing special."""
    if not (layer.g.finite and layer.delta.finite):
        return "bad"
    return "zero" if layer.g.rms == 0 else ""


def times_or_none(value: float) -> str:
    return "-" if math.isnan(value) else times(value)


def tip(layer: Layer) -> str:
    """What hovering tells."""
    parts = (("activation", layer.by_activation), ("weights", layer.by_weights), ("rest", layer.rest))
    factors = " · ".join(f"{name} {times_or_none(value)}" for name, value in parts)
    return (
        f"Layer {layer.number}, {layer.name}: {layer.operations}\n"
        f"rms(g) {in_words(layer.g.rms)}, L2 norm {in_words(layer.g.norm)}, rms(delta) {in_words(layer.delta.rms)}\n"
        f"gain {times_or_none(layer.gain)} = {factors}"
    )


def notes(layer: Layer) -> list[str]:
    """What else is known of a layer, in short lines."""
    ratio_of_gradient = in_words(ratio(layer.gradient, layer.weights))
    lines = [
        f"{layer.units} units, {layer.examples} examples; rms(delta) {in_words(layer.delta.rms)}",
        f"theory (independent weights): {times_or_none(layer.predicted)}",
        f"weights: std {in_words(layer.weights_std)}, rms(g_W)/rms(W) {ratio_of_gradient}",
    ]
    if not math.isnan(layer.saturated):
        lines.append(f"saturated {percent(layer.saturated)}, dead {percent(layer.dead)}")
    if layer.consumers > 1:
        lines.append(f"{layer.consumers} branches behind it, coherence {layer.coherence:.2g}")
    return lines


def operation(measured: Measurement, node: Node) -> dict[str, str]:
    """One operation inside a layer."""
    shape = "×".join(map(str, node.shape)) or "scalar"
    return {"name": call(node)[:40], "text": f"{shape}, rms(g) {in_words(measured.records[node].rms)}"}


# The rest of the page


def group(asked: Asked, nets: int) -> str:
    """The figures of one question, one for each net; of more than two they are folded."""
    shown = "".join(map(figure, asked.canvases))
    unfolded = " open" if nets == 2 else ""
    return (
        f'<details class="group"{unfolded}><summary>{html.escape(asked.title)} ({nets} nets)</summary>'
        f'<div class="flow">{shown}</div></details>'
    )


def figure(canvas: Canvas) -> str:
    """One figure below its question and its answer."""
    question, answer = (canvas.said or [("", "")])[0]
    caption = f"<figcaption><b>{html.escape(question)}</b> {html.escape(answer)}</figcaption>"
    return f"<figure>{caption}{svg(canvas.figure, question)}</figure>"


def svg_map(canvases: Sequence[Canvas], label: str = QUESTION) -> str:
    """The map, for phones and for desks."""
    shown = zip(("narrow", "broad"), canvases, strict=True)
    return "".join(f'<div class="{kind}">{svg(canvas.figure, label)}</div>' for kind, canvas in shown)


def table(measured: Measurement) -> str:
    """The layers as a table, last first."""
    head = "".join(f'<th scope="col">{html.escape(head)}</th>' for head in heads(measured))
    body = []
    for layer in reversed(measured.layers):
        number, name, *others = cells(measured, layer)
        body.append(
            f'<tr><th scope="row">{number}</th><td>{html.escape(name).replace(".", ".<wbr>")}</td>'
            + "".join(f"<td>{said_in_html(cell)}</td>" for cell in others)
            + "</tr>"
        )
    caption = f"<caption>{html.escape(measured.name)}: layers, the last one first</caption>"
    return f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table>"


def folded_table(measured: Measurement) -> str:
    return f"<details><summary>{html.escape(measured.name)}</summary>{table(measured)}</details>"


def legend() -> str:
    """What the arrows' colours mean."""
    samples = "".join(
        f'<span class="sample"><svg width="36" height="12" aria-hidden="true"><line x1="0" y1="6" x2="36" y2="6" '
        f'style="stroke:{palette.gain_colour(gain)};stroke:light-dark({palette.gain_colour(gain)},'
        f'{palette.gain_colour(gain, palette.ON_DARK)})" stroke-width="{palette.gain_width(gain):.2f}"'
        f"{' stroke-dasharray=' + chr(34) + '5 3' + chr(34) if gain < 0.9 else ''}/></svg> × {gain:g}</span>"
        for gain in (0.1, 0.3, 1, 3, 10)
    )
    return f"<span>Arrows, the gain of the signal on its way back:</span> {samples}"


def has_matplotlib() -> bool:
    return importlib.util.find_spec("matplotlib") is not None
