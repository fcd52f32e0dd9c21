"""Measured layers and units as graphs: what `drawing` draws, at the level of layers or of single units."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Any

import numpy as np

from autograd_mini.drawing import palette
from autograd_mini.drawing.draw import FEWEST, FONT, draw_picture, escape, hover
from autograd_mini.drawing.picture import Box, Link, Picture, call, count, describe, picture
from autograd_mini.drawing.rendering import Drawing
from autograd_mini.graph import Node
from autograd_mini.measuring.factors import Layer, Measurement
from autograd_mini.signals.chain import SHOWN, Run, links, owners, runs
from autograd_mini.signals.findings import diagnosis, findings
from autograd_mini.signals.tables import factor, percent, text_table

OPERATIONS = 1000
UNITS = 12  # of one layer, and so many layers, that can be drawn as circles
NO_UNITS = (
    'draw("units") shows each unit as a circle and each weight as an edge, for nets of at most {most} units a '
    "layer and {most} layers with weight matrices. This one has {what}. Draw its layers: draw()."
)
NO_LAYERS = 'draw("layers") found no layers: no operation mixes data with a parameter. Write draw("operations").'
UNKNOWN = "draw({level!r}) was asked for. Write one of 'layers', 'operations', 'units'."
NO_SUCH_LAYER = "draw(expand=...) was given {name!r}, which is no layer here. The layers are {known}."


def draw_signals(measured: Measurement, level: str, expand: Collection[str | int], max_nodes: int | None) -> Drawing:
    """The picture at one level.

    Raises
    ------
    ValueError
        If there is no such level, or nothing to draw at it.
    """
    if level == "layers":
        drawing = draw_layers(measured, expand, max_nodes or SHOWN)
    elif level == "units":
        drawing = draw_units(measured)
    elif level == "operations":
        drawing = draw_operations(measured, max_nodes or OPERATIONS)
    else:
        raise ValueError(UNKNOWN.format(level=level))
    drawing.table = text_table(measured) if measured.layers else ""
    return drawing


def draw_operations(measured: Measurement, most: int) -> Drawing:
    """A box for each operation, or for runs of them."""
    shown = picture(measured.root, measured, most)
    drawing = draw_told(measured, shown)
    if len(shown.boxes) > FEWEST:
        drawing.smaller = lambda: draw_operations(measured, len(shown.boxes) // 3)
    return drawing


def draw_told(measured: Measurement, shown: Picture) -> Drawing:
    """A picture below what its signal does, and in smaller letters where, why and what would help."""
    first = diagnosis(measured)
    note = " ".join(filter(None, (first.where, first.why, first.cure, shown.note)))
    return draw_picture(shown._replace(note=note), first.what, True)


def draw_layers(measured: Measurement, expand: Collection[str | int] = (), most: int = SHOWN) -> Drawing:
    """A box for each layer, or for a run of like ones; layers in `expand` show their operations.

    Raises
    ------
    ValueError
        If there are no layers, or `expand` names one that is not there.
    """
    layers = measured.layers
    if not layers:
        raise ValueError(NO_LAYERS)
    opened = set()
    for name in expand:
        found = {layer.number for layer in layers if name in {layer.name, layer.number}}
        if not found:
            known = ", ".join(layer.name for layer in layers[:8])
            raise ValueError(NO_SUCH_LAYER.format(name=name, known=known))
        opened |= found
    shown = [run for group in runs(layers, most) for run in unfolded(group, opened)]
    owner = owners(measured)
    keys = {0: "input", len(layers) + 1: "loss"}
    boxes = [Box("input", "constant", "the input", (), "")]
    for run in shown:
        key = keys_of(run, keys)
        if run.layers[0].number not in opened:
            boxes.append(run_box(key, run))
    inside = {record: f"o{i}" for i, record in enumerate(owner) if isinstance(record, Node) and owner[record] in opened}
    names = {layer.number: layer.name.replace(".", "/") for layer in layers}
    for record, key in inside.items():
        signal = measured.records.get(record)
        boxes.append(Box(key, "operation", call(record), (describe(record),), names[owner[record]], signal))
    root = measured.records[measured.root]
    boxes.append(Box("loss", "operation", "the loss", (), "", root, (), True))
    title = f"{measured.name}: {count(len(layers), 'layer')}"
    folded = sum(len(run.layers) > 1 for run in shown)
    note = f"Like layers are folded into one box: {folded} of {len(shown)} boxes." if folded else ""
    drawing = draw_told(measured, Picture(boxes, arrows(measured, owner, keys, inside), title, note))
    if len(boxes) > FEWEST:
        drawing.smaller = lambda: draw_operations(measured, len(boxes) // 3)
    return drawing


def unfolded(run: Run, opened: Collection[int]) -> list[Run]:
    """A run, or its layers one by one if one of them is to be opened."""
    if any(layer.number in opened for layer in run.layers):
        return [Run((layer,)) for layer in run.layers]
    return [run]


def keys_of(run: Run, keys: dict[int, str]) -> str:
    """A key for a run's box, also noted under the numbers of its layers."""
    key = f"l{run.layers[0].number}"
    keys.update((layer.number, key) for layer in run.layers)
    return key


def run_box(key: str, run: Run) -> Box:
    """The box of a layer with its factors, or of a run with its range."""
    first, last = run.layers[0], run.layers[-1]
    if len(run.layers) > 1:
        lines = (first.operations, run.text)
        return Box(key, "run", f"{first.number}-{last.number}, x{len(run.layers)}", lines, "", first.g)
    lines = (
        first.operations,
        f"slopes x{factor(first.by_activation)}, weights x{factor(first.by_weights)}",
        *((f"rest x{factor(first.rest)}",) if abs(first.rest - 1) > 0.005 else ()),
        *((f"saturated {percent(first.saturated)}, dead {percent(first.dead)}",) if first.saturated >= 0.01 else ()),
    )
    return Box(key, "operation", f"{first.number} {first.name}", lines, "", first.g)


def arrows(measured: Measurement, owner: dict[Any, int], keys: dict[int, str], inside: dict[Any, str]) -> list[Link]:
    """The links between the boxes; those of opened layers go from operation to operation."""
    found: list[Link] = []
    opened = {owner[record] for record in inside}
    pairs = set()
    for link in links(measured, owner):
        tail, head = keys.get(link.tail), keys.get(link.head)
        same = (tail, head, link.past)
        if tail is None or head is None or tail == head or {link.tail, link.head} & opened or same in pairs:
            continue
        pairs.add(same)
        how = "past its weights" if link.past else ""
        found.append(Link(tail, head, "signal", link.gain, f"layer {link.head} reads layer {link.tail} {how}".strip()))
    for (node, position), edge in measured.edges.items():
        parent = node.inputs[position]
        if node not in inside and parent not in inside:
            continue
        if parent not in owner and parent not in {p.mixing.inputs[p.data] for p in measured.places}:
            continue  # a parameter
        tail = inside.get(parent) or keys.get(owner.get(parent, 0))
        head = inside.get(node) or keys.get(owner[node])
        if tail and head and tail != head:
            found.append(Link(tail, head, "signal", edge.gain, f"operand {position + 1} of {call(node)}"))
    return found


def draw_units(measured: Measurement) -> Drawing:
    """A tiny net as the lecture draws it: a circle for each unit with its delta, an edge for each weight.

    Raises
    ------
    ValueError
        If the net is too large, or a layer's weights are no matrix.
    """
    layers = measured.layers
    odd = [layer for layer in layers if layer.matrix is None]
    widest = max((max(layer.units, layer.inputs) for layer in layers), default=0)
    if not layers or odd or widest > UNITS or len(layers) > UNITS:
        what = (
            f"a layer, {odd[0].name}, without one" if odd else f"{count(len(layers), 'layer')} of up to {widest} units"
        )
        raise ValueError(NO_UNITS.format(most=UNITS, what=what))
    drawing = Drawing(
        "units",
        filename="units.gv",
        format="svg",
        graph_attr={"rankdir": "LR", "fontname": FONT, "labelloc": "t", "ranksep": "1.4", "nodesep": "0.25"},
        node_attr={"fontname": FONT, "fontsize": "11", "shape": "circle", "style": "filled", "width": "0.8"},
        edge_attr={"fontname": FONT, "fontsize": "9", "arrowsize": "0.6"},
    )
    drawing.title = f"{measured.name}: its units and weights"
    drawing.finding = findings(measured)[0]
    drawing.graph_attr["label"] = f"<{escape('w on each edge; rms of delta = dL/ds in each unit')}>"
    strongest = max((float(np.max(layer.unit_deltas, initial=0)) for layer in layers), default=0.0)
    for i in range(layers[0].inputs):
        drawing.node(f"u0_{i}", label=f"x{i + 1}", fillcolor="white")
    for layer in layers:
        draw_layer(drawing, layer, strongest)
    return drawing


def draw_layer(drawing: Drawing, layer: Layer, strongest: float) -> None:
    """The units of one layer and the edges into them."""
    matrix = layer.matrix
    assert matrix is not None
    largest = float(np.max(np.abs(matrix), initial=0)) or 1.0
    for j in range(layer.units):
        delta = float(layer.unit_deltas[j])
        fill = palette.signal_colour(delta, strongest)
        bad = not math.isfinite(delta)
        drawing.node(
            f"u{layer.number}_{j}",
            label=f"<{escape('δ')}<BR/>{delta:.1e}>",
            fillcolor=fill,
            fontcolor=palette.text_colour(fill),
            color=palette.BAD if bad else "#5b6b7b",
            penwidth="3" if bad else "1",
            tooltip=hover(f"unit {j + 1} of layer {layer.number} ({layer.name}): rms(delta) {delta:.1e}"),
        )
        for i in range(layer.inputs):
            weight = float(np.real(matrix[i, j]))
            drawing.edge(
                f"u{layer.number - 1}_{i}",
                f"u{layer.number}_{j}",
                label=f"{weight:.2g}",
                penwidth=f"{0.4 + 2.6 * abs(weight) / largest:.2f}",
                style="solid" if weight >= 0 else "dashed",
                color="#542788" if weight >= 0 else "#b35806",
                tooltip=hover(f"w[{i}, {j}] = {weight:.6g}"),
            )
