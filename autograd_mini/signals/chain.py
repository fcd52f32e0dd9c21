"""Layers as a chart: one row for each, or for a run of like ones, and the edges between them. No colours, no text.

It is what the page and the drawing of layers have in common.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Sequence
from typing import NamedTuple

from autograd_mini.graph import Node, Record
from autograd_mini.measuring.factors import Layer, Measurement
from autograd_mini.measuring.sizes import ratio
from autograd_mini.signals.averages import typical
from autograd_mini.signals.tables import factor

SHOWN = 40  # rows up to which nothing is folded
LIKE = 1.15  # gains of one run differ from their mean by no more than this factor, at first
WIDEST = 1.5  # nor by more than this where there are very many
ALIKE = 3  # fewer are no run


class Link(NamedTuple):
    """All edges from one layer back to another: `head` reads what `tail` gives. 0 is the input.

    `past` are those that enter behind the product with the weights, as a skip connection does.
    """

    tail: int
    head: int
    past: bool
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

    @property
    def signal(self) -> float:
        """How much the signal itself changes, a layer: more than `gain` where skip connections carry it past."""
        first, last = self.layers[0].g.rms, self.layers[-1].g.rms
        if len(self.layers) == 1 or not first > 0 or not last > 0:
            return math.nan
        return math.exp((math.log(first) - math.log(last)) / (len(self.layers) - 1))

    @property
    def text(self) -> str:
        """The typical gain, its range, and what skip connections make of it."""
        if not self.gain > 0:
            return "no signal" if self.layers[0].g.rms == 0 else "not finite"
        low, high = self.extremes
        said = f"gain {factor(self.gain)} ({factor(low)}-{factor(high)})"
        carried = self.signal / self.gain if self.gain else math.nan
        return f"{said}, with skips {factor(self.signal)}" if not 0.9 < carried < 1.1 and carried > 0 else said


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
    """The edges between layers. Cotangents of one tensor add up; those of several are taken side by side."""
    groups: dict[tuple[int, int, bool], dict[Record, list[float]]] = {}
    consumers = Counter(node.inputs[position] for node, position in measured.edges)
    inputs = {place.mixing.inputs[place.data] for place in measured.places}
    mixing = {layer.number: place.mixing for layer, place in zip(measured.layers, measured.places, strict=True)}
    for (node, position), edge in measured.edges.items():
        parent = node.inputs[position]
        head = owner[node]
        tail = owner.get(parent, 0 if parent in inputs and not isinstance(parent, Node) else head)
        if tail != head:
            past = head in mixing and node.index > mixing[head].index
            parts = groups.setdefault((tail, head, past), {}).setdefault(parent, [])
            parts.append(edge.rms * math.sqrt(parent.size))
    tops = {layer.number: layer.g.rms for layer in measured.layers}
    tops[len(measured.layers) + 1] = measured.records[measured.root].rms
    found = []
    for (tail, head, past), parents in sorted(groups.items(), key=lambda item: item[0]):
        norms = [
            measured.records[parent].norm if len(parts) == consumers[parent] else math.hypot(*parts)
            for parent, parts in parents.items()
        ]
        size = sum(parent.size for parent in parents)
        if size:
            found.append(Link(tail, head, past, ratio(math.hypot(*norms) / math.sqrt(size), tops[head])))
    return found


def runs(layers: Sequence[Layer], most: int = SHOWN, alone: Collection[int] = ()) -> list[Run]:
    """The layers in order, like neighbours together if there are more than `most`; an outlier is never hidden.

    Nor are those whose numbers are in `alone`.
    """
    found = [Run((layer,)) for layer in layers]
    like = LIKE
    while len(found) > most and like <= WIDEST:
        found = folded(layers, like, alone)
        like *= 1.1
    return found


def folded(layers: Sequence[Layer], like: float, alone: Collection[int] = ()) -> list[Run]:
    """Runs of layers of the same operations and widths whose gains are alike."""
    found: list[list[Layer]] = []
    total = 0.0  # of the logarithms of the last run's gains
    for layer in layers:
        run = found[-1] if found else []
        known = math.log(layer.gain) if layer.gain > 0 else 0.0
        if run and not {layer.number, run[0].number} & set(alone) and belongs(layer, run[0], total / len(run), like):
            run.append(layer)
            total += known
        else:
            found.append([layer])
            total = known
    split: list[Run] = []
    for run in found:
        split += [Run(tuple(run))] if len(run) >= ALIKE else [Run((layer,)) for layer in run]
    return split


def condition(layer: Layer) -> tuple[str, bool]:
    """Whether a signal arrives, and whether it is finite."""
    return "some" if layer.g.rms else "none", layer.g.finite and layer.delta.finite


def belongs(layer: Layer, first: Layer, usual: float, like: float) -> bool:
    """Whether a layer is like the first of a run, and its gain like the usual one, of which this is the logarithm."""
    if (layer.operations, layer.units, layer.inputs) != (first.operations, first.units, first.inputs):
        return False
    if not (layer.gain > 0 and first.gain > 0 and layer.delta.finite and first.delta.finite):
        return condition(layer) == condition(first) != ("some", True)
    return abs(math.log(layer.gain) - usual) < math.log(like)
