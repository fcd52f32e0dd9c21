"""How each layer changes the signal on its way back, split into its causes: the numbers of one layer.

The formulas of the factors live here; nothing is drawn or told.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from autograd_mini.graph import Leaf, Node, Record, operations
from autograd_mini.measuring.causes import NOTHING, Asked, Causes, units_of
from autograd_mini.measuring.data import NO_DATA, Data
from autograd_mini.measuring.layers import Place, find_layers, pulled, slope
from autograd_mini.measuring.noise import GradientNoise
from autograd_mini.measuring.sizes import (
    Edge,
    Measured,
    Measuring,
    Signal,
    Spread,
    measure,
    measured_backward,
    ratio,
    spread_of,
)
from autograd_mini.measuring.spectrum import JacobianSpectrum

INSIDE = (
    "signals(...) was given a result that was computed inside a vmap, beginning with {first}. Layers are measured over "
    "a whole batch: write `model(x)` in place of `vmap(model)(x)`. `draw` and `checked` go inside."
)
SATURATED = 0.05  # a slope of the activation below it passes next to nothing
PROBES = 8

Oriented = tuple[tuple[Any, int] | None, int]  # the weights with the number of inputs, and the axis of the units


class Layer(NamedTuple):
    r"""One layer: an operation that mixes with weights, and the activation that follows it.

    In the notation s = hW + b, h' = phi(s), g = dL/dh', p = phi'(s), delta = dL/ds, g_in = the cotangent of h along
    this layer's edge. `gain = (slope * alignment) * rest * (scale * direction)` holds exactly.

    Attributes
    ----------
    number : int
        From 1, in the order of computation.
    name : str
        Of the module that it was computed in, else of its weights.
    operations : str
        What it does: `affine, tanh`.
    inputs, units : int
        Numbers that each unit reads (0 where the weights are no matrix), and units.
    examples : int
        Over how many the layer was computed.
    g, delta : Signal
        The size of dL/dh' and of dL/ds.
    g_in : float
        rms of the cotangent of h along this edge; nan if h needs no gradient.
    relative : float
        log10 of rms(g) over that of the last layer.
    gain : float
        rms(g_in) / rms(g).
    slope : float
        A = rms(p): below 1 where the activation saturates.
    alignment : float
        a = rms(delta) / (rms(p) rms(g)): whether the slopes are small where the signal is.
    scale : float
        F = ||W||_F / sqrt(n_in); for other mixing operations its expectation over random cotangents.
    direction : float
        w = rms(g_in) / (rms(delta) F): whether the signal lies along large singular values.
    rest : float
        What is left: normalisation, pooling and the like between these.
    coherence : float
        ||sum c_e||^2 / sum ||c_e||^2 over the consumers of h': 1 orthogonal, 0 cancelling, k for k equal ones.
    consumers : int
        How many read h'.
    saturated, dead : float
        The share of units with |p| < 0.05, and of those with p = 0 for every example.
    weights, weights_std : float
        rms(W), and its standard deviation.
    weights_finite : bool
        Whether all of W is finite; True where it is not known.
    gradient : float
        rms(g_W).
    unit_slopes, unit_deltas : ndarray
        Mean |p| and rms(delta) of each unit.
    matrix : ndarray or None
        The weights, if they are a matrix, as (inputs, units).
    spreads : dict
        "h", "s", "g" to a `Spread`, of those that were at hand.
    """

    number: int
    name: str
    operations: str
    inputs: int
    units: int
    examples: int
    g: Signal
    delta: Signal
    g_in: float
    relative: float
    gain: float
    slope: float
    alignment: float
    scale: float
    direction: float
    rest: float
    coherence: float
    consumers: int
    saturated: float
    dead: float
    weights: float
    weights_finite: bool
    weights_std: float
    gradient: float
    unit_slopes: np.ndarray[Any, Any]
    unit_deltas: np.ndarray[Any, Any]
    matrix: np.ndarray[Any, Any] | None
    spreads: Mapping[str, Spread]

    @property
    def by_activation(self) -> float:
        """The activation's factor, A a."""
        return self.slope * self.alignment

    @property
    def by_weights(self) -> float:
        """The weights' factor, F w."""
        return self.scale * self.direction

    @property
    def predicted(self) -> float:
        r"""The theory's gain sqrt(chi_1) = A F, of independent weights (Schoenholz et al. 2017)."""
        return self.slope * self.scale

    @property
    def half_life(self) -> float:
        """After how many such layers the signal is halved; negative where it grows."""
        return math.log(2) / -math.log(self.gain) if self.gain > 0 and self.gain != 1 else math.nan

    @property
    def wanted_std(self) -> float:
        """The standard deviation of weights for which `predicted` would be 1 (He et al. 2015, backward case)."""
        return self.weights_std / self.predicted if self.predicted else math.nan


def layer_of(  # noqa: PLR0917
    place: Place,
    number: int,
    name: str,
    records: Mapping[Record, Signal],
    edges: Mapping[tuple[Node, int], Edge],
    consumed: Mapping[Record, list[float]],
    spreads: Mapping[str, Spread],
    oriented: Oriented,
    unit_deltas: Mapping[Record, Any],
    weights: Any,
    p: Any,
) -> Layer:
    """The numbers of one layer, from the sizes of cotangents and its slopes |phi'(s)|."""
    node, score, output, last = place.mixing, place.score, place.output, place.exit
    g, delta = records[last], records[score]
    size_of_p = measure(p).rms
    matrix, units_axis = oriented
    scale = scale_of(place, matrix)
    edge = edges.get((node, place.data))
    g_in = edge.rms if edge is not None else math.nan
    rest = ratio(records[output].rms, g.rms) * ratio(records[node].rms, delta.rms)
    by_unit = np.moveaxis(p, units_axis, -1).reshape(-1, p.shape[units_axis]) if p.ndim else p.reshape(1, 1)
    parts = consumed.get(last, [])
    together = math.fsum(part * part for part in parts)
    parameter = records.get(node.inputs[place.weights])
    size_of_weights = None if weights is None else measure(weights)
    no_activation = not place.activation
    return Layer(
        number=number,
        name=name,
        operations=", ".join(short(n) for n in (node, *place.activation)),
        inputs=matrix[1] if matrix else 0,
        units=by_unit.shape[1],
        examples=by_unit.shape[0],
        g=g,
        delta=delta,
        g_in=g_in,
        relative=math.nan,
        gain=ratio(g_in, g.rms),
        slope=size_of_p,
        alignment=1.0 if no_activation else ratio(delta.rms, size_of_p * records[output].rms),
        scale=scale,
        direction=ratio(g_in, records[node].rms * scale),
        rest=rest,
        coherence=ratio(g.norm**2, together) if len(parts) > 1 else 1.0,
        consumers=max(len(parts), 1),
        saturated=math.nan if no_activation else float(np.mean(p < SATURATED)),
        dead=math.nan if no_activation else float(np.mean(np.all(by_unit == 0, axis=0))),
        weights=size_of_weights.rms if size_of_weights is not None else math.nan,
        weights_finite=size_of_weights is None or size_of_weights.finite,
        weights_std=float(np.std(weights.astype(np.result_type(weights, np.float64))))
        if weights is not None
        else math.nan,
        gradient=parameter.rms if parameter is not None else math.nan,
        unit_slopes=by_unit.mean(axis=0),
        unit_deltas=unit_deltas.get(score, np.zeros(0)),
        matrix=None if matrix is None else transposed(matrix),
        spreads=spreads,
    )


def transposed(matrix: tuple[Any, int]) -> Any:
    """The weights as (inputs, units)."""
    kept, inputs = matrix
    return kept if kept.shape[0] == inputs else kept.T


def short(node: Node) -> str:
    return str(node.primitive.name.removeprefix("np."))


def weights_of(place: Place, values: Mapping[Record, Any]) -> Any:
    """The weights, where the graph holds them because a rule reads them, or `values` does; else None."""
    node = place.mixing
    if node.operands is not None and node.plan.keep[place.weights]:
        return node.operands[place.weights]
    return values.get(node.inputs[place.weights])


def orientation(place: Place, kept: Any) -> Oriented:
    """The weights with the number of inputs of a unit, if they are a matrix that multiplies; and the axis of units."""
    node = place.mixing
    out, data, weights = node.shape, node.inputs[place.data].shape, node.inputs[place.weights].shape
    axis = len(place.score.shape) - 1
    if not isinstance(node.primitive.function, np.ufunc) and len(place.score.shape) == len(weights) > 2:
        axis = 1 if weights[0] == out[1] == place.score.shape[1] else axis  # a convolution's channels
    if kept is None or len(weights) != 2 or not out or not data:
        return None, axis_of_units(place, axis)
    if place.data not in dict(node.plan.rules):  # such as integers; of a square matrix F is the same either way
        return ((kept, weights[0]) if (data[-1], out[-1]) == weights else None), axis
    probe = np.random.default_rng(0).choice([-1.0, 1.0], out).astype(node.dtype)
    with np.errstate(all="ignore"):
        back = pulled(node, place.data, probe)
        if (data[-1], out[-1]) == weights and np.allclose(back, probe @ kept.T, rtol=1e-2):
            return (kept, weights[0]), axis
        column = -2 if len(out) > 1 else -1
        if len(out) == len(data) and (out[column], data[column]) == weights:
            matches = np.allclose(back, kept.T @ probe, rtol=1e-2)
            if matches:
                return (kept, weights[1]), max(axis - 1, 0) if len(out) > 1 else axis
    return None, axis


def axis_of_units(place: Place, default: int) -> int:
    """The axis along which results have weights of their own, such as the channels of a convolution."""
    node = place.mixing
    if node.shape != place.score.shape or len(node.shape) < 3 or place.weights not in dict(node.plan.rules):
        return default
    for axis in range(len(node.shape) - 1, -1, -1):
        if node.shape[axis] > 1:
            first, others = (read_by(place, axis, index) for index in (0, slice(1, None)))
            if first.any() and others.any() and not (first & others).any():
                return axis
    return default


def read_by(place: Place, axis: int, index: int | slice) -> Any:
    """Which of the weights the results at one index of an axis, or at several, depend on."""
    cotangent = np.zeros(place.mixing.shape, place.mixing.dtype)
    cotangent[(slice(None),) * axis + (index,)] = 1
    with np.errstate(all="ignore"):
        return pulled(place.mixing, place.weights, cotangent) != 0


def scale_of(place: Place, matrix: tuple[Any, int] | None) -> float:
    """F: how much larger a random cotangent gets on its way back through the mixing operation."""
    node = place.mixing
    if matrix is not None:
        kept, inputs = matrix
        return measure(kept).norm / math.sqrt(inputs)
    if place.data not in dict(node.plan.rules):
        return math.nan
    rng = np.random.default_rng(0)
    with np.errstate(all="ignore"):
        sizes = [
            measure(pulled(node, place.data, rng.choice([-1.0, 1.0], node.shape).astype(node.dtype))).rms
            for _ in range(PROBES)
        ]
    return measure(np.array(sizes)).rms


@dataclass(frozen=True, eq=False, repr=False)
class Measurement(Measured):
    """The sizes of all cotangents of one backward, and the numbers of each layer.

    Attributes
    ----------
    layers : tuple of Layer
        In the order of computation.
    places : tuple of Place
        Where they are in the graph.
    name : str
        Of what was measured.
    unreached : tuple of str
        Parameters that the result does not depend on.
    update_ratios : dict of int to float
        rms(change of W)/rms(W) of one step by the layer's number, where an optimizer was given.
    cut_off : tuple of str
        Those of them that an operation of the forward read.
    frozen : tuple of str
        Parameters that need no gradient.
    tries : str
        The call that tries changes of the model, such as `seen.cures()`; "" where no model is known.
    spectrum : JacobianSpectrum or None
        The singular values of d(output)/d(input), if they were asked for.
    causes : Causes
        What stops the signal, or makes units alike.
    hooked : tuple of Node
        The results whose hooks put other cotangents in the place of theirs.
    data : Data
        What is missing in inputs and targets, or out of scale.
    noise : dict of int to GradientNoise
        How far single examples agree on the gradient of a layer's weights, by the layer's number, if it was asked for.
    model_noise : GradientNoise or None
        The same of all trainable parameters together.
    no_noise : str
        Why there is none, although it was asked for.
    """

    layers: tuple[Layer, ...] = ()
    places: tuple[Place, ...] = ()
    name: str = "a tensor"
    unreached: tuple[str, ...] = ()
    update_ratios: Mapping[int, float] = field(default_factory=dict)
    cut_off: tuple[str, ...] = ()
    frozen: tuple[str, ...] = ()
    tries: str = ""
    spectrum: JacobianSpectrum | None = None
    causes: Causes = NOTHING
    hooked: tuple[Record, ...] = ()
    data: Data = NO_DATA
    noise: Mapping[int, GradientNoise] = field(default_factory=dict)
    model_noise: GradientNoise | None = None
    no_noise: str = ""


@np.errstate(all="ignore")
def measurement(  # noqa: PLR0917
    root: Record,
    seed: Any,
    inputs: Sequence[Record] | None = None,
    outputs: Sequence[Record] = (),
    values: Mapping[Record, Any] = MappingProxyType({}),
    name: str = "a tensor",
) -> Measurement:
    """Find the layers, go back once, and take each layer's numbers; `values` are those of the forward, if known."""
    nodes = operations(root)
    inside = next((node for node in reversed(nodes) if node.levels), None)
    if inside is not None:
        raise TypeError(INSIDE.format(first=inside.primitive.name))
    measuring = Measuring(nodes)
    freed = any(node.operands is None for node in nodes)
    places = [] if freed else find_layers(root, inputs, outputs)
    measuring.spread = {place.exit for place in places}
    weights = [weights_of(place, values) for place in places]
    oriented = [orientation(place, kept) for place, kept in zip(places, weights, strict=True)]
    measuring.unit_axes = {place.score: axis for place, (_, axis) in zip(places, oriented, strict=True)}
    alike = [
        units_of(kept, matrix and transposed(matrix), place.score.shape[axis] if place.score.shape else 1, axis)
        for place, kept, (matrix, axis) in zip(places, weights, oriented, strict=True)
    ]
    measuring.keep = {place.score for place, units in zip(places, alike, strict=True) if units}
    measured_backward(root, seed, measuring)
    consumed: dict[Record, list[float]] = {}
    for (node, position), edge in measuring.edges.items():
        parent = node.inputs[position]
        consumed.setdefault(parent, []).append(edge.rms * math.sqrt(parent.size))
    names = layer_names(places)
    kept: list[Place] = []
    layers: list[Layer] = []
    asked = Asked()
    for place, title, turned, read, units in zip(places, names, oriented, weights, alike, strict=True):
        if not all(r in measuring.records for r in (place.mixing, place.score, place.output, place.exit)):
            continue
        number, p = len(layers) + 1, np.abs(slope(place)).astype(np.float64)
        forward = {"h": values.get(place.exit), "s": values.get(place.score)}
        known = {key: spread_of(value) for key, value in forward.items() if value is not None}
        if place.exit in measuring.spreads:
            known["g"] = measuring.spreads[place.exit]
        layer = layer_of(
            place,
            number,
            title,
            measuring.records,
            measuring.edges,
            consumed,
            known,
            turned,
            measuring.unit_deltas,
            read,
            p,
        )
        asked.layer(number, place, p, turned[1], units, measuring.kept.get(place.score), values)
        kept.append(place)
        layers.append(layer)
    if layers:
        top = layers[-1].g.rms
        layers = [layer._replace(relative=log_ratio(layer.g.rms, top)) for layer in layers]
    causes = asked.found(measuring.records, measuring.edges, kept)
    sizes = measuring.records, measuring.edges, measuring.values
    hooked = tuple(node for node in nodes if node in measuring.hooked_records)
    return Measurement(root, *sizes, tuple(layers), tuple(kept), name, causes=causes, hooked=hooked)


def log_ratio(part: float, whole: float) -> float:
    """log10(part / whole), without overflow; -inf for nothing."""
    if not part > 0 or not whole > 0:
        return -math.inf if part == 0 and whole > 0 else math.nan
    return math.log10(part) - math.log10(whole)


def parameter_of(place: Place) -> Record:
    """The weights, or the one parameter that they were computed from: of `w.T` it is w."""
    record: Record = place.mixing.inputs[place.weights]
    while isinstance(record, Node) and not record.name:
        parents = [parent for parent in record.inputs if isinstance(parent, Leaf | Node) and parent.requires_grad]
        if len(parents) != 1:
            break
        (record,) = parents
    return record


def layer_names(places: Sequence[Place]) -> list[str]:
    """A name for each layer: of its module, of its weights, or its number; numbered where one ran again."""
    read: dict[str, set[Record]] = {}
    for place in places:
        read.setdefault(place.mixing.scope, set()).add(parameter_of(place))
    found = []
    for number, place in enumerate(places, 1):
        scope, named = place.mixing.scope, parameter_of(place).name or ""
        several = named if len(read[scope]) > 1 else ""  # layers that one module computes from its own parameters
        found.append(".".join(filter(None, (scope, several))) or named or f"layer {number}")
    times, seen = Counter(found), Counter[str]()
    names = []
    for name in found:
        seen[name] += 1
        names.append(f"{name} #{seen[name]}" if times[name] > 1 else name)
    return names
