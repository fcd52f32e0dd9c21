"""What inputs, outputs and targets are like, in numbers: what is missing, what is out of scale or out of reach."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from autograd_mini.graph import Node
from autograd_mini.measuring.causes import name_of
from autograd_mini.measuring.layers import Place, slope
from autograd_mini.tensor import Tensor

if TYPE_CHECKING:
    from autograd_mini.measuring.factors import Measurement

APART = 100.0  # times, between columns
SEVERAL = 8  # examples, before columns are compared
NEAR = 1e-2  # of a slope, to be that of a function

# What a function gives, by the name of its operation; others are known by their slopes.
RANGES = {"sigmoid": (0.0, 1.0), "np.tanh": (-1.0, 1.0), "softmax": (0.0, 1.0), "np.exp": (0.0, math.inf)}
GUESSED = {"mean_label_loss": "softmax", "mean_logistic_loss": "sigmoid"}
LARGE = 10.0  # a size of inputs, and of scores
USUAL = 3.0  # scores are no more times as large as inputs, by weights of a usual size
RESHAPED = {np.reshape, np.squeeze, np.ravel}


class Gap(NamedTuple):
    """Entries of an input or of the targets that are not finite: how many, in how many examples, the first of them."""

    name: str
    nan: int
    infinite: int
    size: int
    examples: int
    given: int
    first: int


class Columns(NamedTuple):
    """Features of an input that differ in size, where layer `layer` reads them as they are: their largest |entries|."""

    name: str
    axes: int
    small: int
    low: float
    large: int
    high: float
    median: float
    layer: int


class Reach(NamedTuple):
    """What the last operation of a model gives: its name, and the ends of its range."""

    by: str
    low: float
    high: float


class Targets(NamedTuple):
    """Targets beside outputs: their least and largest, their rms, and how many of them the model cannot reach."""

    low: float
    high: float
    size: float
    outputs_low: float
    outputs_high: float
    outputs_size: float
    reach: Reach | None
    outside: int
    given: int


class Scale(NamedTuple):
    """An input that is far from mean 0 and standard deviation 1, and the rms of the scores that layer `layer` makes."""

    name: str
    mean: float
    std: float
    layer: int
    scores: float


class Start(NamedTuple):
    """A loss beside that of guessing among `classes`, and the rms of the scores of which it takes a softmax, or so."""

    loss: float
    guess: float
    classes: int
    by: str
    size: float


class Data(NamedTuple):
    """What is known of inputs and targets; empty where nothing was given.

    Attributes
    ----------
    gaps : tuple of Gap
        What is missing, if the loss or a gradient is not finite.
    columns : tuple of Columns
        Inputs whose features differ a hundred times in size.
    targets : Targets or None
        How they lie beside the outputs.
    scales : tuple of Scale
        Inputs that are so large that the scores of the layer that reads them are.
    start : Start or None
        The loss, where it is a mean of those of a softmax or of a sigmoid.
    """

    gaps: tuple[Gap, ...] = ()
    columns: tuple[Columns, ...] = ()
    targets: Targets | None = None
    scales: tuple[Scale, ...] = ()
    start: Start | None = None


NO_DATA = Data()


@np.errstate(all="ignore")
def data_of(  # noqa: PLR0917
    measured: Measurement, loss: Tensor, inputs: Sequence[Tensor], outputs: Sequence[Tensor], targets: Any, values: Any
) -> Data:
    """What is known of the data of one measurement; `values` are those of the forward."""
    inputs = [tensor for tensor in inputs if isinstance(tensor.data, np.ndarray)]
    given = [(tensor.name or "the input", tensor.data) for tensor in inputs]
    if targets is not None:
        given.append(("y", targets))
    finite = np.all(np.isfinite(loss.data)) and all(signal.finite for signal in measured.records.values())
    gaps = () if finite else tuple(gap for name, array in given if (gap := gap_of(name, array)) is not None)
    columns = tuple(found for tensor in inputs if (found := columns_of(tensor, measured)) is not None)
    beside = None
    if targets is not None and len(outputs) == 1 and outputs[0].size == targets.size > 0:
        beside = beside_outputs(targets, outputs[0], measured, values)
    told = {found.name for found in columns}
    scales = (scale_of_input(tensor, measured, values) for tensor in inputs)
    large = tuple(one for one in scales if one is not None and one.name not in told)
    return Data(gaps, columns, beside, large, start_of(measured, values))


def unshaped(record: Any) -> Any:
    """What a record was before it was given another shape."""
    while type(record) is Node and record.primitive.function in RESHAPED:
        record = record.inputs[0]
    return record


def size_of(array: Any) -> float:
    return float(np.sqrt(np.mean(np.square(array, dtype=np.float64))))


def scale_of_input(tensor: Tensor, measured: Measurement, values: Any) -> Scale | None:
    """An input far from mean 0 and deviation 1, where that and not the weights makes a layer's scores large."""
    if tensor.dtype.kind != "f" or not tensor.size or not np.isfinite(tensor.data).all():
        return None
    size = size_of(tensor.data)
    for layer, place in zip(measured.layers, measured.places, strict=True):
        score = values.get(place.score)
        if score is None or unshaped(place.mixing.inputs[place.data]) is not tensor._record:
            continue
        scores = size_of(score)
        if size > LARGE and scores > LARGE and scores < USUAL * size:
            mean, std = float(np.mean(tensor.data, dtype=np.float64)), float(np.std(tensor.data, dtype=np.float64))
            return Scale(tensor.name or "the input", mean, std, layer.number, scores)
    return None


def start_of(measured: Measurement, values: Any) -> Start | None:
    """The loss beside that of guessing, if it is one of scores."""
    for node in measured.records:
        own = GUESSED.get(node.primitive.name) if type(node) is Node else None
        if type(node) is not Node or own is None or node.operands is None or not node.plan.keep[0]:
            continue
        loss, scores = values.get(node), node.operands[0]
        if loss is None or np.ndim(scores) == 0:
            return None
        classes = scores.shape[-1] if own == "softmax" else 2
        return Start(float(loss), math.log(classes), classes, own, size_of(scores)) if classes > 1 else None
    return None


def gap_of(name: str, array: Any) -> Gap | None:
    """What is missing in an array."""
    if array.dtype.kind not in "fc" or not array.ndim:
        return None
    missing = ~np.isfinite(array)
    if not missing.any():
        return None
    rows = missing.reshape(len(array), -1).any(axis=1)
    nan = int(np.isnan(array).sum())
    first = int(np.argmax(rows))
    return Gap(name, nan, int(missing.sum()) - nan, array.size, int(rows.sum()), len(rows), first)


def columns_of(tensor: Tensor, measured: Measurement) -> Columns | None:
    """Features that differ in size, of an input that a layer reads as it is and whose weights do not make up for it."""
    pairs = zip(measured.layers, measured.places, strict=True)
    readers = (layer for layer, place in pairs if place.mixing.inputs[place.data] is tensor._record)
    layer = next(readers, None)
    if layer is None or layer.matrix is None or tensor.ndim < 2 or tensor.shape[-1] != len(layer.matrix):
        return None
    rows = np.abs(tensor.data.reshape(-1, tensor.shape[-1]))
    if tensor.dtype.kind != "f" or len(rows) < SEVERAL or rows.shape[1] < 2 or not np.isfinite(rows).all():
        return None
    sizes = rows.max(axis=0)
    filled = np.flatnonzero(np.mean(rows > 0, axis=0) >= 0.5)  # a feature that is rarely on may be small by chance
    if not filled.size:
        return None
    small, large = int(filled[np.argmin(sizes[filled])]), int(np.argmax(sizes))
    read = sizes * np.linalg.norm(layer.matrix, axis=1)
    if sizes[large] < APART * sizes[small] or read[large] < APART * read[small]:
        return None
    low, high, median = float(sizes[small]), float(sizes[large]), float(np.median(sizes[sizes > 0]))
    return Columns(tensor.name or "the input", tensor.ndim, small, low, large, high, median, layer.number)


def beside_outputs(targets: Any, output: Tensor, measured: Measurement, values: Any) -> Targets | None:
    """How targets lie beside outputs."""
    wanted, given = np.asarray(targets, np.float64), np.asarray(output.data, np.float64)
    if not (np.isfinite(wanted).all() and np.isfinite(given).all()):
        return None
    reach = reach_of(output, measured.places, values)
    outside = 0 if reach is None else int(np.sum((wanted < reach.low) | (wanted > reach.high)))
    ends = [(float(a.min()), float(a.max()), float(np.sqrt(np.mean(a * a)))) for a in (wanted, given)]
    return Targets(*ends[0], *ends[1], reach, outside, wanted.size)


def reach_of(output: Tensor, places: Sequence[Place], values: Any) -> Reach | None:
    """The range of the operation that made the outputs, if it has one and it is known."""
    record = unshaped(output._record)
    if type(record) is not Node:
        return None
    made = np.reshape(output.data, record.shape)
    low, high = RANGES.get(record.primitive.name, (math.nan, math.nan))
    if np.all((made >= low) & (made <= high)):
        return Reach(name_of(record), low, high)
    place = next((place for place in places if place.activation and place.output is record), None)
    if place is None:
        return None
    score = values.get(place.score)
    if score is not None and np.any(score < 0) and np.array_equal(made, np.maximum(score, 0)):
        return Reach("ReLU", 0.0, math.inf)
    slopes = np.abs(slope(place))
    straight = (slopes < NEAR) | (np.abs(slopes - 1) < NEAR)  # parts that functions have in common
    if slopes.shape != made.shape or straight.all():
        return None
    return next((reach for reach, law in laws(made) if np.allclose(slopes, law, rtol=NEAR, atol=1e-6)), None)


def laws(output: Any) -> Iterator[tuple[Reach, Any]]:
    """Functions with a slope that follows from what they give, and that slope."""
    yield Reach("sigmoid", 0.0, 1.0), output * (1 - output)
    yield Reach("tanh", -1.0, 1.0), 1 - output * output
    yield Reach("exp", 0.0, math.inf), output
    yield Reach("softplus", 0.0, math.inf), 1 - np.exp(-output)
