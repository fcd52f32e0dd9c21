"""Measured signals as tables: structured arrays, text, comma-separated values, HTML."""

from __future__ import annotations

import csv
import math
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from autograd_mini import showing
from autograd_mini.graph import Leaf, Node, Vertex
from autograd_mini.measuring.factors import Layer, Measurement
from autograd_mini.measuring.noise import GradientNoise
from autograd_mini.measuring.sizes import Signal, ratio
from autograd_mini.signals.findings import diagnosis, findings
from autograd_mini.words import in_words

SCIENTIFIC = re.compile(r"(?<![\d.])\d(\.\d+)?e[+-]\d+\b")
FACTOR = re.compile(r"\bx(?=\d+\.\d)")
MOST = 20  # layers in a notebook, but for those to look at
KINDS = "layers", "operations", "edges"
UNKNOWN = "table(rows={rows!r}) was asked for. Write one of {known}."
SIGNAL = [
    ("rms", "f8"),
    ("norm", "f8"),
    ("log10_relative", "f8"),
    ("zeros", "f8"),
    ("subnormal", "f8"),
    ("finite", "?"),
]
LAYERS: list[Any] = [
    ("layer", "i8"),
    ("name", "O"),
    ("operations", "O"),
    ("inputs", "i8"),
    ("units", "i8"),
    ("examples", "i8"),
    *SIGNAL,
    ("rms_delta", "f8"),
    ("rms_g_in", "f8"),
    ("gain", "f8"),
    ("activation", "f8"),
    ("weights", "f8"),
    ("slope", "f8"),
    ("alignment", "f8"),
    ("scale", "f8"),
    ("direction", "f8"),
    ("rest", "f8"),
    ("predicted", "f8"),
    ("half_life", "f8"),
    ("coherence", "f8"),
    ("consumers", "i8"),
    ("saturated", "f8"),
    ("dead", "f8"),
    ("rms_W", "f8"),
    ("rms_g_W", "f8"),
    ("gradient_ratio", "f8"),
    ("update_ratio", "f8"),
    ("std_W", "f8"),
    ("wanted_std_W", "f8"),
    ("agreement", "f8"),
    ("agreement_error", "f8"),
    ("noise_scale", "f8"),
]
OPERATIONS: list[Any] = [
    ("operation", "i8"),
    ("name", "O"),
    ("tensor", "O"),
    ("scope", "O"),
    ("shape", "O"),
    ("dtype", "O"),
    *SIGNAL,
    ("coherence", "f8"),
    ("consumers", "i8"),
]
EDGES: list[Any] = [
    ("tail", "i8"),
    ("head", "i8"),
    ("operand", "i8"),
    ("kind", "O"),
    ("name", "O"),
    ("rms", "f8"),
    ("gain", "f8"),
    ("norm_gain", "f8"),
]


def table(measured: Measurement, rows: str = "layers") -> np.ndarray[Any, Any]:
    """All numbers as a structured array.

    Raises
    ------
    ValueError
        If `rows` is none of "layers", "operations", "edges".
    """
    if rows not in KINDS:
        raise ValueError(UNKNOWN.format(rows=rows, known=", ".join(map(repr, KINDS))))
    if rows == "layers":
        return np.array([layer_row(measured, layer) for layer in measured.layers], dtype=LAYERS)
    if rows == "operations":
        return np.array(list(operation_rows(measured)), dtype=OPERATIONS)
    return np.array(list(edge_rows(measured)), dtype=EDGES)


def signal_row(signal: Signal, top: float) -> tuple[Any, ...]:
    relative = math.log10(signal.rms) - math.log10(top) if signal.rms > 0 and top > 0 else math.nan
    if signal.rms == 0 and top > 0:
        relative = -math.inf
    return signal.rms, signal.norm, relative, signal.zeros, signal.subnormal, signal.finite


def layer_row(measured: Measurement, layer: Layer) -> tuple[Any, ...]:
    """The row of one layer, in the order of `LAYERS`."""
    top = measured.layers[-1].g.rms
    noise = measured.noise.get(layer.number)
    return (
        layer.number,
        layer.name,
        layer.operations,
        layer.inputs,
        layer.units,
        layer.examples,
        *signal_row(layer.g, top),
        layer.delta.rms,
        layer.g_in,
        layer.gain,
        layer.by_activation,
        layer.by_weights,
        layer.slope,
        layer.alignment,
        layer.scale,
        layer.direction,
        layer.rest,
        layer.predicted,
        layer.half_life,
        layer.coherence,
        layer.consumers,
        layer.saturated,
        layer.dead,
        layer.weights,
        layer.gradient,
        ratio(layer.gradient, layer.weights),
        measured.update_ratios.get(layer.number, math.nan),
        layer.weights_std,
        layer.wanted_std,
        *((math.nan,) * 3 if noise is None else (noise.agreement, noise.error, noise.scale)),
    )


def numbered(measured: Measurement) -> dict[Any, int]:
    """Each record's number, from 1, in the order of computation."""
    return {record: i for i, record in enumerate(sorted(measured.records, key=lambda r: r.index), 1)}


def operation_rows(measured: Measurement) -> Iterator[tuple[Any, ...]]:
    """A row for each tensor that a gradient reached, parameters included, in the order of computation."""
    top = measured.records[measured.root].rms
    parts: dict[Any, list[float]] = {}
    for (node, position), edge in measured.edges.items():
        parent = node.inputs[position]
        parts.setdefault(parent, []).append(edge.rms * math.sqrt(parent.size))
    for record, number in numbered(measured).items():
        signal = measured.records[record]
        own = parts.get(record, [])
        together = math.fsum(part * part for part in own)
        name = record.primitive.name if isinstance(record, Node) else "parameter"
        yield (
            number,
            name,
            record.name or "",
            record.scope if isinstance(record, Node) else "",
            "x".join(map(str, record.shape)) if isinstance(record.shape, tuple) else "",
            str(record.dtype),
            *signal_row(signal, top),
            ratio(signal.norm**2, together) if len(own) > 1 else 1.0,
            len(own),
        )


def edge_rows(measured: Measurement) -> Iterator[tuple[Any, ...]]:
    """A row for each edge that a cotangent went along; of parameters, which sum over the batch, without a gain."""
    numbers = numbered(measured)
    for (node, position), edge in sorted(measured.edges.items(), key=lambda item: (item[0][0].index, item[0][1])):
        parent: Vertex = node.inputs[position]
        parameter = type(parent) is Leaf and not node.size == parent.size == 1
        wider = math.sqrt(parent.size / node.size) if node.size else math.nan
        yield (
            numbers.get(parent, 0),
            numbers[node],
            position + 1,
            "parameter" if parameter else "signal",
            node.primitive.name,
            edge.rms,
            math.nan if parameter else edge.gain,
            math.nan if parameter else edge.gain * wider,
        )


def write_csv(measured: Measurement, path: str | os.PathLike[str], rows: str = "layers") -> None:
    """Write a table as comma-separated values; numbers with all their digits."""
    data = table(measured, rows)
    with Path(path).open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(data.dtype.names or ())
        writer.writerows(data.tolist())


# Text


COLUMNS = (
    "layer",
    "name",
    "operations",
    "rms(g)",
    "gain",
    "= A slope",
    "x a align",
    "x F scale",
    "x w direc",
    "x rest",
    "satur.",
    "dead",
    "g_W/W",
)
NOISE = "agree", "noise scale"


def columns(measured: Measurement) -> tuple[str, ...]:
    """The heads of the text table; those of the gradient noise where it is known."""
    return COLUMNS + NOISE if measured.noise else COLUMNS


def heads(measured: Measurement) -> list[str]:
    """The same as in print."""
    return [re.sub("^x ", "× ", column) for column in columns(measured)]


def cells(measured: Measurement, layer: Layer) -> tuple[str, ...]:
    """What the text table shows of one layer."""
    return (
        str(layer.number),
        layer.name,
        layer.operations,
        f"{layer.g.rms:.1e}",
        factor(layer.gain),
        *(factor(x) for x in (layer.slope, layer.alignment, layer.scale, layer.direction, layer.rest)),
        percent(layer.saturated),
        percent(layer.dead),
        f"{ratio(layer.gradient, layer.weights):.1e}",
        *(noise_cells(measured.noise.get(layer.number)) if measured.noise else ()),
    )


def noise_cells(noise: GradientNoise | None) -> tuple[str, str]:
    """How far the examples agree, and how many are needed; at least how many, where they may not agree at all."""
    if noise is None or math.isnan(noise.agreement):
        return "-", "-"
    low, high = noise.between
    return f"{noise.agreement:.1%}", f"{noise.scale:,.0f}" if math.isfinite(high) else f"> {low:,.0f}"


def factor(value: float) -> str:
    """A factor of the signal: `0.58`, `3.1e-04`, `-` if it is not known."""
    if math.isnan(value):
        return "-"
    return f"{value:.3f}" if 0.01 <= value < 100 or value == 0 else f"{value:.1e}"


def percent(share: float) -> str:
    return "-" if math.isnan(share) else f"{100 * share:.0f}%"


def typeset(text: str) -> str:
    """Text of a table with its numbers and arrows as in print."""
    text = SCIENTIFIC.sub(lambda found: in_words(float(found[0])), text).replace("->", "→")
    return FACTOR.sub("×", text)


def said_in_html(sentence: str) -> str:
    """A sentence with its numbers as in print, and its code as code."""
    return showing.in_html(typeset(sentence))


def text_table(measured: Measurement) -> str:
    """The layers, last first, as the signal meets them."""
    if not measured.layers:
        return "No layers: no operation mixes data with a parameter."
    head = columns(measured)
    lines = [head, *(cells(measured, layer) for layer in reversed(measured.layers))]
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    return "\n".join(aligned(line, widths) for line in lines)


def aligned(line: Sequence[str], widths: Sequence[int]) -> str:
    """Words to the left, numbers to the right."""
    return "  ".join(
        text.ljust(width) if i in {1, 2} else text.rjust(width)
        for i, (text, width) in enumerate(zip(line, widths, strict=True))
    ).rstrip()


def html_table(measured: Measurement) -> str:
    """The findings and the table of layers as a fragment of HTML, without styles that could leak."""
    said = "".join(f"<li>{said_in_html(sentence)}</li>" for sentence in findings(measured))
    layers = measured.layers[::-1]
    blamed = {len(layers) - number for number in diagnosis(measured).layers}
    shown = showing.shortened(len(layers), MOST, blamed)
    rows = [[] if i is None else [typeset(cell) for cell in cells(measured, layers[i])] for i in shown]
    strong = [n for n, i in enumerate(shown) if i in blamed]
    return f"<ul>{said}</ul>{showing.table(heads(measured), rows, words=(1, 2), strong=strong)}"
