"""Layers as a chart: one row for each, or for a run of like ones, and the edges between them. No colours, no text.

It is what the page and the drawing of layers have in common.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from autograd_mini.factors import Layer, Measurement
from autograd_mini.graph import Node, Record
from autograd_mini.measuring import ratio
from autograd_mini.views.findings import typical

SHOWN = 40  # rows up to which nothing is folded
LIKE = 1.15  # gains of one run differ from their mean by no more than this factor, at first
WIDEST = 1.5  # nor by more than this where there are very many
ALIKE = 3  # fewer are no run


class Link(NamedTuple):
    """All edges from one layer back to another: `head` reads what `tail` gives. 0 is the input."""

    tail: int
    head: int
    gain: float


class Run(NamedTuple):
    """Layers that are shown as one row."""

    layers: tuple[Layer, ...]

    @property
    def gain(self) -> float:
        """The typical gain."""
        return self.layers[0].gain if len(self.layers) == 1 else typical([layer.gain for layer in self.layers])

    @property
    def extremes(self) -> tuple[float, float]:
        """The smallest and the largest gain."""
        gains = [layer.gain for layer in self.layers]
        return min(gains), max(gains)


def owners(measured: Measurement) -> dict[Record, int]:
    """For each operation the number of the layer that it belongs to; one more than there are for the loss."""
    owner: dict[Record, int] = {}
    for layer, place in zip(measured.layers, measured.places, strict=True):
        for node in (place.mixing, place.score, place.output, place.exit, *place.activation):
            owner[node] = layer.number
    nodes = sorted((r for r in measured.records if isinstance(r, Node)), key=lambda n: -n.index)
    nearest: dict[Record, int] = {}
    for node in nodes:
        number = owner.setdefault(node, nearest.get(node, len(measured.layers) + 1))
        for position, _ in node.plan.rules:
            parent = node.inputs[position]
            nearest[parent] = min(number, nearest.get(parent, number))
    return owner


def links(measured: Measurement, owner: dict[Record, int]) -> list[Link]:
    """The edges between layers; the gain of several together is that of their cotangents side by side."""
    norms: dict[tuple[int, int], float] = {}
    sizes: dict[tuple[int, int], int] = {}
    inputs = {place.mixing.inputs[place.data] for place in measured.places}
    for (node, position), edge in measured.edges.items():
        parent = node.inputs[position]
        head = owner[node]
        tail = owner.get(parent, 0 if parent in inputs and not isinstance(parent, Node) else head)
        if tail != head:
            norms[tail, head] = math.hypot(norms.get((tail, head), 0.0), edge.rms * math.sqrt(parent.size))
            sizes[tail, head] = sizes.get((tail, head), 0) + parent.size
    tops = {layer.number: layer.g.rms for layer in measured.layers}
    tops[len(measured.layers) + 1] = measured.records[measured.root].rms
    return [
        Link(tail, head, ratio(norms[tail, head] / math.sqrt(sizes[tail, head]), tops[head]))
        for tail, head in sorted(norms)
        if sizes[tail, head]
    ]


def runs(layers: Sequence[Layer], most: int = SHOWN) -> list[Run]:
    """The layers in order, like neighbours together if there are more than `most`; an outlier is never hidden."""
    found = [Run((layer,)) for layer in layers]
    like = LIKE
    while len(found) > most and like <= WIDEST:
        found = folded(layers, like)
        like *= 1.1
    return found


def folded(layers: Sequence[Layer], like: float) -> list[Run]:
    """Runs of layers of the same operations and widths whose gains are alike."""
    found: list[list[Layer]] = []
    for layer in layers:
        if found and belongs(layer, found[-1], like):
            found[-1].append(layer)
        else:
            found.append([layer])
    split: list[Run] = []
    for run in found:
        split += [Run(tuple(run))] if len(run) >= ALIKE else [Run((layer,)) for layer in run]
    return split


def belongs(layer: Layer, run: Sequence[Layer], like: float) -> bool:
    first = run[0]
    if (layer.operations, layer.units, layer.inputs) != (first.operations, first.units, first.inputs):
        return False
    if not (layer.gain > 0 and first.gain > 0 and layer.delta.finite and first.delta.finite):
        return layer.gain == first.gain == 0
    return 1 / like < layer.gain / typical([member.gain for member in run]) < like
