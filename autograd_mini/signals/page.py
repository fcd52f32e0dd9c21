"""The report: one self-contained HTML page with the chart of layers, the findings, the plots and the table.

What the page shows is put together here; how it looks and moves lives in `page.html`.
"""

from __future__ import annotations

import html
import importlib.resources
import importlib.util
import io
import json
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from autograd_mini.drawing import palette
from autograd_mini.drawing.picture import call
from autograd_mini.graph import Node
from autograd_mini.measuring.factors import Layer, Measurement
from autograd_mini.measuring.sizes import ratio
from autograd_mini.signals.chain import Run, links, owners, runs
from autograd_mini.signals.findings import STEADY, Diagnosis, diagnosis, findings, typical
from autograd_mini.signals.tables import COLUMNS, cells, factor, percent

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
EXTENSION = "save({path!r}) writes a report, an HTML page. Give it a name that ends in .html; for tables use to_csv()."


def save_page(
    measured: Sequence[Measurement], path: str | os.PathLike[str], figures: Sequence[tuple[str, Any]]
) -> None:
    """Write the page.

    Raises
    ------
    ValueError
        If the name does not end in .html.
    """
    path = Path(path)
    if path.suffix.lower() not in {".html", ".htm"}:
        raise ValueError(EXTENSION.format(path=str(path)))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page(measured, figures), encoding="utf-8")


def page(measured: Sequence[Measurement], figures: Sequence[tuple[str, Any]] = ()) -> str:
    """The page as text; `figures` are matplotlib's, each with the question that it answers."""
    template = importlib.resources.files("autograd_mini.signals").joinpath("page.html").read_text("utf-8")
    title = headline(measured)
    signals = [layer.g for one in measured for layer in one.layers]
    strongest = max((signal.rms for signal in signals if signal.finite), default=0.0)
    charts = [chart(one, strongest) for one in measured]
    drawn = [figure(question, plot) for question, plot in figures]
    beside = 2 if len(measured) == 1 else 0  # of one net, the plots that say where and why stand beside its chart
    parts = {
        "TITLE": html.escape(title),
        "FINDINGS": "".join(map(said, measured)),
        "CURES": cures(measured),
        "DATA": json.dumps(charts, allow_nan=False).replace("<", "\\u003c"),
        "FIRST": "".join(drawn[:beside]),
        "PLOTS": "".join(drawn[beside:]) if figures else f"<p>{NO_PLOTS}</p>",
        "LAYOUT": "one" if beside else "many",
        "TABLES": "".join(map(table, measured)),
        "LEGEND": legend(),
    }
    for name, text in parts.items():
        template = template.replace(f"@{name}@", text)
    return template


def headline(measured: Sequence[Measurement]) -> str:
    """What happens to the signal, of one net; of several, the question."""
    if len(measured) > 1:
        return "Where does the signal shrink or grow? " + ", ".join(one.name for one in measured)
    name, layers = measured[0].name, measured[0].layers
    change = ratio(layers[0].g.rms, layers[-1].g.rms) if len(layers) > 1 else math.nan
    if not math.isfinite(change) or change == 0:
        return f"Where does the signal of {name} shrink or grow?"
    verb = "shrinks to" if change < 1 / STEADY else "grows to" if change > STEADY else "is steady, at"
    return f"The signal of {name} {verb} x{factor(change)} on its way back"


def said(measured: Measurement) -> str:
    """What is wrong first of all, line by line, and the other findings of one net."""
    first = diagnosis(measured)
    lines = [("What", first.what), ("Where", first.where), ("Why", first.why), ("What would help", first.cure)]
    said = "".join(f"<div><dt>{name}</dt><dd>{html.escape(text)}</dd></div>" for name, text in lines if text)
    others = "".join(f"<li>{html.escape(sentence)}</li>" for sentence in findings(measured)[1:])
    more = f"<ul>{others}</ul>" if others else ""
    kind = "verdict" if first.where or first.why else "verdict well"
    return f'<div class="{kind}"><h3>{html.escape(measured.name)}</h3><dl>{said}</dl>{more}</div>'


def cures(measured: Sequence[Measurement]) -> str:
    """What was tried on copies of the models, if it was: each says it itself."""
    sections = [(one.name, getattr(one, "section", "")) for one in measured]
    tried = "".join(f"<h3>{html.escape(name)}</h3>{section}" for name, section in sections if section)
    head = '<section aria-labelledby="cures"><h2 id="cures">What would help, measured</h2><div class="wide">'
    return f"{head}{tried}</div></section>" if tried else ""


# The chart


def chart(measured: Measurement, strongest: float) -> dict[str, Any]:
    """Rows and links of one net, for the page's script: texts, colours and widths are decided here.

    Nets that are compared have one scale of colours, which ends at the `strongest` signal of all.
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
    rows = [row(measured, run, inside, strongest, first) for run in shown]
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
        "text": f"x{factor(gain)}",
        "colour": palette.gain_colour(gain),
        "dark": palette.gain_colour(gain, palette.ON_DARK),
        "width": round(palette.gain_width(gain), 2),
        "dashed": gain < 0.9,
    }


def row(
    measured: Measurement, run: Run, inside: dict[int, list[Node]], strongest: float, first: Diagnosis
) -> dict[str, Any]:
    """One box: a layer, or a run of them with one box each to unfold."""
    if len(run.layers) > 1:
        return folded_row(measured, run, inside, strongest, first)
    layer = run.layers[0]
    flagged = layer.number in first.layers
    return {
        "title": f"{layer.number} {layer.name}",
        "line": f"rms(g) {layer.g.rms:.1e}; {layer.operations}",
        **fills(layer, strongest),
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
    measured: Measurement, run: Run, inside: dict[int, list[Node]], strongest: float, first: Diagnosis
) -> dict[str, Any]:
    """One box for like layers: how many, the typical gain and its range."""
    low, high = run.layers[0], run.layers[-1]
    return {
        "title": f"{low.number}-{high.number}, x{len(run.layers)}",
        "line": f"{run.text}; {low.operations}",
        **fills(low, strongest),
        "from": fills(high, strongest)["fill"],
        "state": state(low),
        "tip": f"Layers {low.number} to {high.number}, {low.operations}: {run.text}\n"
        f"rms(g) {high.g.rms:.1e} to {low.g.rms:.1e}",
        "sides": sides(run.layers, first),
        "layers": [row(measured, Run((layer,)), inside, strongest, first) for layer in reversed(run.layers)],
    }


def fills(layer: Layer, strongest: float) -> dict[str, str]:
    """The colour of a box and of its text."""
    fill = palette.signal_colour(layer.g.rms, strongest)
    return {"fill": fill, "ink": palette.text_colour(fill)}


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
        "value": "-" if math.isnan(value) else f"x{factor(value)}",
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


def tip(layer: Layer) -> str:
    """What hovering tells."""
    return (
        f"Layer {layer.number}, {layer.name}: {layer.operations}\n"
        f"rms(g) {layer.g.rms:.1e}, L2 norm {layer.g.norm:.1e}, rms(delta) {layer.delta.rms:.1e}\n"
        f"gain x{factor(layer.gain)} = activation x{factor(layer.by_activation)} * weights x{factor(layer.by_weights)}"
        f" * rest x{factor(layer.rest)}"
    )


def notes(layer: Layer) -> list[str]:
    """What else is known of a layer, in short lines."""
    lines = [
        f"{layer.units} units, {layer.examples} examples; rms(delta) {layer.delta.rms:.1e}",
        f"theory (independent weights): x{factor(layer.predicted)}",
        f"weights: std {layer.weights_std:.2g}, rms(g_W)/rms(W) {ratio(layer.gradient, layer.weights):.1e}",
    ]
    if not math.isnan(layer.saturated):
        lines.append(f"saturated {percent(layer.saturated)}, dead {percent(layer.dead)}")
    if layer.consumers > 1:
        lines.append(f"{layer.consumers} branches behind it, coherence {layer.coherence:.2g}")
    return lines


def operation(measured: Measurement, node: Node) -> dict[str, str]:
    """One operation inside a layer."""
    signal = measured.records[node]
    return {"name": call(node)[:40], "text": f"{'x'.join(map(str, node.shape)) or 'scalar'}, rms(g) {signal.rms:.1e}"}


# The rest of the page


def figure(question: str, plot: Any) -> str:
    """A plot of matplotlib as SVG inside the page."""
    buffer = io.StringIO()
    plot.savefig(buffer, format="svg", metadata={"Date": None})
    text = buffer.getvalue()
    picture = text[text.index("<svg") :].replace("<svg ", f'<svg role="img" aria-label="{html.escape(question)}" ', 1)
    return f'<figure tabindex="0" aria-label="{html.escape(question)}">{picture}</figure>'


def table(measured: Measurement) -> str:
    """The layers as a table, last first."""
    head = "".join(f'<th scope="col">{html.escape(column)}</th>' for column in COLUMNS)
    body = []
    for layer in reversed(measured.layers):
        number, *others = cells(layer)
        body.append(
            f'<tr><th scope="row">{number}</th>' + "".join(f"<td>{html.escape(cell)}</td>" for cell in others) + "</tr>"
        )
    caption = f"<caption>{html.escape(measured.name)}: layers, the last one first</caption>"
    return f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table>"


def legend() -> str:
    """What the arrows' colours mean."""
    samples = "".join(
        f'<span class="sample"><svg width="36" height="12" aria-hidden="true"><line x1="0" y1="6" x2="36" y2="6" '
        f'style="stroke:{palette.gain_colour(gain)};stroke:light-dark({palette.gain_colour(gain)},'
        f'{palette.gain_colour(gain, palette.ON_DARK)})" stroke-width="{palette.gain_width(gain):.2f}"'
        f"{' stroke-dasharray=' + chr(34) + '5 3' + chr(34) if gain < 0.9 else ''}/></svg> x{gain:g}</span>"
        for gain in (0.1, 0.3, 1, 3, 10)
    )
    return f"<span>Arrows, the gain of the signal on its way back:</span> {samples}"


def has_matplotlib() -> bool:
    return importlib.util.find_spec("matplotlib") is not None
