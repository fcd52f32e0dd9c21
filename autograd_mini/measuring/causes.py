"""What in a computation stops a signal or makes units alike, asked of single operations; no sizes, no sentences."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from autograd_mini.graph import Leaf, Node, Record, Vertex
from autograd_mini.measuring.layers import Place, pulled, slope
from autograd_mini.measuring.sizes import Edge, Signal

ALIKE = 1e-5  # of the largest: deltas of copies differ by rounding alone
FLAT = 1e-6  # of a signal of size 1: what an operation passes where it is flat
MOST = 0.9  # of its entries
SHRUNK = 1e-3, 0.0  # times the scores
DROPPED = 0.8  # share of a mask's zeros that is remarkable
PROBES = np.random.default_rng(0).standard_normal(32) * np.array([0.3, 1.0, 3.0, 30.0]).repeat(8)

# Losses that take a softmax or a sigmoid of what they are given, by the name of their operation.
OWN = dict.fromkeys(("mean_label_loss", "label_losses", "share_losses", "log_softmax"), "softmax")
OWN |= dict.fromkeys(("mean_logistic_loss", "logistic_losses"), "sigmoid")


class Cut(NamedTuple):
    """Where the signal of a layer becomes exactly zero on its way back.

    Attributes
    ----------
    kind : str
        "step", "one entry", "mask", "weights", "rounding", "cancelling", "branches", "slopes", "flat" or "loss"; ""
        where it is not known.
    operation : str
        What it is called.
    layer : int
        The number of the layer that it belongs to; 0 if to none.
    """

    kind: str
    operation: str
    layer: int


class Mask(NamedTuple):
    """A dropout: behind which layer (0 is the input), the share that it sets to 0, the factor of the rest."""

    layer: int
    share: float
    factor: float


class Squashed(NamedTuple):
    """Scores that a loss squashes again: what made them, what the loss takes of them, for how many classes."""

    by: str
    loss: str
    classes: int


class Unbiased(NamedTuple):
    """The share of units that would be dead with biases of 0, and the mean of the biases that there are."""

    dead: float
    mean: float


@dataclass(frozen=True)
class Causes:
    """What `causes` found.

    Attributes
    ----------
    steps : dict of int to str
        Layers whose activation has slope 0 at every score, and what it is called.
    rounded : frozenset of int
        Layers whose activation is curved everywhere, so that a slope of 0 is one that was rounded to 0.
    constant : frozenset of int
        Layers whose activation gives the same at every score, as what is normalised over one entry.
    stuck : frozenset of int
        Those of `rounded` whose activation gives the same at a thousandth of the scores, and at 0.
    piecewise : frozenset of int
        Layers whose activation is made of straight lines through 0, so that its slopes do not change with the scale.
    equal : frozenset of int
        Layers of which all units have the same weights.
    same : frozenset of int
        Those of them whose units all give the same results too.
    copies : dict of int to int
        Layers with units that read the same, give the same and get the same signal: how many have a twin.
    unbiased : dict of int to Unbiased
        What biases of 0 would change, of layers whose units are dead where their scores are below 0.
    masks : tuple of Mask
        Dropouts that leave next to nothing.
    squashed : Squashed or None
        A softmax or sigmoid before a loss that has its own.
    cut : Cut or None
        Where the last layer without a signal loses it.
    """

    steps: Mapping[int, str]
    rounded: frozenset[int]
    constant: frozenset[int]
    stuck: frozenset[int]
    piecewise: frozenset[int]
    equal: frozenset[int]
    same: frozenset[int]
    copies: Mapping[int, int]
    unbiased: Mapping[int, Unbiased]
    masks: tuple[Mask, ...]
    squashed: Squashed | None
    cut: Cut | None


NONE = frozenset[int]()
NOTHING = Causes({}, NONE, NONE, NONE, NONE, NONE, NONE, {}, {}, (), None, None)


# Single operations


def name_of(node: Node) -> str:
    return str(node.primitive.name.removeprefix("np."))


def acts_alone(node: Node) -> bool:
    """Whether an operation has one operand that is an array."""
    return sum(getattr(operand, "ndim", 0) > 0 for operand in node.inputs) == 1 == len(node.plan.rules)


def slopes_elsewhere(node: Node) -> Any:
    """The slopes of an operation at other numbers than those it was given; None if it cannot be asked."""
    position, rule = node.plan.rules[0]
    if node.operands is None or node.dtype.kind != "f" or node.inputs[position].shape != node.shape:
        return None
    operands = list(node.operands)
    operands[position] = PROBES.astype(node.dtype)
    try:
        out = node.primitive.function(*operands, **node.options)
        return rule(np.ones_like(operands[position]), out, *operands, **node.options)
    except (TypeError, ValueError, AttributeError, IndexError):
        return None  # an operation of another shape


def is_step(node: Node) -> bool:
    """Whether an operation jumps and has slope 0 wherever it has one, as `np.sign` and `np.round`."""
    if node.primitive.domain.kinks is None or not acts_alone(node):
        return False
    slopes = slopes_elsewhere(node)
    return slopes is not None and not np.any(slopes)


def is_curved(node: Node) -> bool:
    """Whether an operation has slopes that change smoothly and are 0 by rounding alone, as those of tanh."""
    if node.primitive.domain.kinks is not None or not acts_alone(node):
        return False
    slopes = slopes_elsewhere(node)
    return slopes is not None and np.ndim(slopes) == 1 and bool(np.all(slopes[:8])) and np.ptp(slopes[:8]) > 0


def chooses(node: Node) -> bool:
    """Whether an operation has straight parts: it jumps or bends, or takes entries by a condition."""
    return node.primitive.domain.kinks is not None


def acts_over_one_entry(node: Node) -> bool:
    """Whether an operation goes along axes of its operand that have one entry together."""
    axes = node.options.get("axis")
    shape = next((operand.shape for operand in node.inputs if getattr(operand, "ndim", 0)), ())
    if axes is None or not shape:
        return False
    return math.prod(shape[axis] for axis in (axes if isinstance(axes, tuple) else (axes,))) == 1


# Layers


def given_by(place: Place, scores: Any, values: Mapping[Record, Any]) -> Any:
    """What the activation of a layer gives for other scores.

    None where it is not known: it may read arrays that were computed of the scores by what is not recorded, such as
    a comparison.
    """
    made: dict[Any, Any] = {**values, place.score: scores}
    for node in place.activation:
        known = [made.get(operand) for operand in node.inputs if isinstance(operand, Vertex)]
        unrecorded = any(type(operand) is Leaf and not operand.requires_grad for operand in node.inputs)
        if unrecorded or any(value is None for value in known):
            return None
        read = iter(known)
        operands = [next(read) if isinstance(operand, Vertex) else operand for operand in node.inputs]
        made[node] = node.primitive.function(*operands, **node.options)
    return made[place.output]


def is_constant(place: Place, values: Mapping[Record, Any]) -> bool:
    """Whether the activation of a layer gives the same at any scores."""
    probes = np.resize(PROBES, place.score.shape).astype(place.score.dtype)
    return gives_the_same(place, [probes, -probes], values)


def is_stuck(place: Place, values: Mapping[Record, Any]) -> bool:
    """Whether the activation of a layer gives the same for scores that are much smaller."""
    scores = values.get(place.score)
    return scores is not None and gives_the_same(place, [scores * scores.dtype.type(by) for by in SHRUNK], values)


def gives_the_same(place: Place, scores: Iterable[Any], values: Mapping[Record, Any]) -> bool:
    """Whether the activation of a layer gives for all of these scores what it gave."""
    now, given = values.get(place.output), [given_by(place, one, values) for one in scores]
    return now is not None and all(one is not None and np.allclose(one, now, rtol=1e-5, atol=1e-7) for one in given)


def layer_at(node: Record, places: Sequence[Place]) -> int:
    """The number of the layer that an operation belongs to, or that it comes after; 0 before the first."""
    for number, place in enumerate(places, 1):
        if node in {place.mixing, place.score, place.output, *place.activation}:
            return number
    return max((i for i, place in enumerate(places, 1) if place.mixing.index < node.index), default=0)


def twins(matrix: Any) -> Any:
    """For each column the number of the first one that equals it."""
    keys = matrix.T @ np.random.default_rng(1).standard_normal(matrix.shape[0]).astype(matrix.dtype)
    order = np.argsort(keys, kind="stable")
    first = np.arange(matrix.shape[1])
    near = np.abs(np.diff(keys[order])) <= ALIKE * np.max(np.abs(keys), initial=0.0)
    for i in np.flatnonzero(near):
        before, after = order[i], order[i + 1]
        if np.array_equal(matrix[:, before], matrix[:, after]):
            first[after] = first[before]
    return first


def columns(weights: Any, matrix: Any, units: int) -> Any:
    """The weights with a column for each unit; None where they are not laid out so."""
    if matrix is not None:
        return matrix
    if weights is not None and weights.ndim > 2 and weights.shape[0] == units:
        return weights.reshape(units, -1).T  # a convolution's
    return None


def units_alike(array: Any, axis: int, first: Any) -> Any:
    """Of which units the entries are those of the first one like it, up to rounding."""
    rows = np.moveaxis(np.asarray(array), axis, -1).reshape(-1, array.shape[axis])
    apart = np.max(np.abs(rows - rows[:, first]), axis=0, initial=0.0)
    return apart <= ALIKE * np.max(np.abs(rows), initial=0.0)


def is_piecewise(score: Any, output: Any, slopes: Any) -> bool:
    """Whether an activation is s phi'(s), as lines through 0 are."""
    return bool(np.allclose(np.abs(output), np.abs(score) * slopes, rtol=1e-4))


def bias_of(place: Place, values: Mapping[Record, Any], units: int) -> Any:
    """The biases of a layer, if they are known."""
    inputs = [*place.mixing.inputs[2:], *(place.score.inputs if place.score is not place.mixing else ())]
    known = [values[part] for part in inputs if type(part) is Leaf and part.requires_grad and part in values]
    return next((value for value in known if value.size == units), None)


def dead_without_bias(place: Place, slopes: Any, axis: int, values: Mapping[Record, Any]) -> Unbiased | None:
    """What biases of 0 would change, where it is known."""
    scores = values.get(place.score)
    if scores is None or not scores.ndim or not np.array_equal(slopes == 0, scores <= 0):
        return None
    rows = np.moveaxis(scores, axis, -1).reshape(-1, scores.shape[axis])
    bias = bias_of(place, values, rows.shape[1])
    if bias is None:
        return None
    return Unbiased(float(np.mean(np.all(rows - bias.reshape(-1) <= 0, axis=0))), float(np.mean(bias)))


def is_uniform(matrix: Any) -> bool:
    """Whether all units have the same weights."""
    return bool(np.all(matrix == matrix[:, :1]))


class Units(NamedTuple):
    """Units of a layer that read the same: for each the first one like it, and along which axis they lie."""

    first: Any
    axis: int

    def copies(self, delta: Any, slopes: Any, results: Any) -> int:
        """How many have a twin that gives the same and gets the same signal, so that they learn the same."""
        same = np.ones(len(self.first), bool)
        for array in (delta, slopes, results):
            if array is not None:
                same &= units_alike(array, self.axis, self.first)
        groups = self.first[same]
        return int(sum(count for count in np.unique(groups, return_counts=True)[1] if count > 1))


def units_of(weights: Any, matrix: Any, units: int, axis: int) -> Units | None:
    """Those units, if there are any."""
    by_column = columns(weights, matrix, units)
    if by_column is None or by_column.shape[1] != units or units < 2 or by_column.dtype.kind != "f":
        return None
    first = twins(by_column)
    return Units(first, axis) if np.any(first != np.arange(units)) else None


# The graph


def masks_of(records: Iterable[Record], places: Sequence[Place]) -> Iterator[Mask]:
    """The dropouts among the operations, of those that leave next to nothing."""
    for node in records:
        if type(node) is not Node or node.primitive.function is not np.multiply or node.operands is None:
            continue
        for given, factor in zip(node.inputs, node.operands, strict=True):
            constant = type(given) is Leaf and not given.requires_grad and given.ndim and given.dtype.kind == "f"
            if not constant or not isinstance(factor, np.ndarray) or factor.size < 32:
                continue
            share = float(np.mean(factor == 0))
            left = factor[factor != 0]
            if DROPPED <= share < 1 and left[0] > 1 and np.all(left == left[0]):
                wanted = 1 - 1 / float(left[0])  # what is left is divided by the share that is kept
                if abs(share - wanted) < 6 * math.sqrt(wanted * (1 - wanted) / factor.size):
                    yield Mask(layer_at(node, places), wanted, float(left[0]))


def squashed_in(records: Iterable[Record], places: Sequence[Place]) -> Squashed | None:
    """A softmax or sigmoid before a loss that has its own."""
    for node in records:
        own = OWN.get(node.primitive.name) if isinstance(node, Node) else None
        if not isinstance(node, Node) or own is None or node.operands is None or not node.plan.keep[0]:
            continue
        scores, made = node.operands[0], node.inputs[0]
        while type(made) is Node and made.primitive.function in {np.reshape, np.squeeze, np.ravel}:
            made = made.inputs[0]
        if type(made) is not Node or not getattr(scores, "ndim", 0) or not np.all((scores >= 0) & (scores <= 1)):
            continue
        classes = scores.shape[-1]
        if made.primitive.name == "softmax" or (
            classes > 1 and made.primitive.name != "sigmoid" and np.allclose(np.sum(scores, axis=-1), 1, atol=1e-4)
        ):
            return Squashed("softmax", own, classes)
        slopes = next((slope(place) for place in places if place.activation and place.output is made), None)
        if made.primitive.name == "sigmoid" or (
            slopes is not None
            and np.allclose(np.abs(slopes).ravel(), (scores * (1 - scores)).ravel(), rtol=1e-2, atol=1e-6)
        ):
            return Squashed("sigmoid", own, classes)
    return None


def cut_at(
    record: Record, records: Mapping[Record, Signal], edges: Mapping[tuple[Node, int], Edge], places: Sequence[Place]
) -> Cut:
    """Where the signal of a record becomes zero: the first operation from there on that still has one."""
    consumers: dict[Record, list[tuple[Node, int]]] = {}
    for node, position in edges:
        consumers.setdefault(node.inputs[position], []).append((node, position))
    todo, seen = [record], {record}
    found: list[tuple[Node, int]] = []
    for here in todo:
        parts = consumers.get(here, [])
        if any(edges[part].rms for part in parts):
            at = layer_at(here, places)
            within = at and here is not places[at - 1].exit
            inside = (*places[at - 1].activation, *places[at - 1].others) if within else ()
            single = next((node for node in inside if acts_over_one_entry(node)), None)
            return Cut("branches", "", at) if single is None else Cut("one entry", name_of(single), at)
        for node, position in parts:
            if records[node].rms:
                found.append((node, position))
            elif node not in seen:
                seen.add(node)
                todo.append(node)
    if not found:
        return Cut("loss", "", 0)
    kinds = [
        Cut(kind_of(node, position, records, places), name_of(node), layer_at(node, places)) for node, position in found
    ]
    known = [cut for cut in kinds if cut.kind]
    return (known or kinds)[0]


def kind_of(node: Node, position: int, records: Mapping[Record, Signal], places: Sequence[Place]) -> str:
    """Why one operation gives nothing back of what it gets."""
    if is_step(node):
        return "step"
    passed = pulled(node, position, np.ones(node.shape, node.dtype))
    smallest = float(np.finfo(node.dtype).tiny) if node.dtype.kind == "f" else 0.0
    if records[node].rms < 1e3 * smallest and np.any(passed):
        return "rounding"
    if acts_over_one_entry(node):
        return "one entry"
    place = next((place for place in places if place.mixing is node and place.data == position), None)
    if place is not None:
        weights = node.operands[place.weights]
        if not isinstance(weights, np.ndarray):
            return ""
        return "weights" if not np.any(weights) else "cancelling" if weights.ndim == 2 and is_uniform(weights) else ""
    if any(node in place.activation for place in places):
        return "slopes"
    others = [operand for i, operand in enumerate(node.operands) if i != position]
    if node.primitive.function is np.multiply and any(np.ndim(o) and not np.all(o) for o in others):
        return "mask"
    signs = np.random.default_rng(0).choice([-1.0, 1.0], node.shape).astype(node.dtype)
    return "flat" if np.mean(np.abs(pulled(node, position, signs)) < FLAT) > MOST else ""


# All of it


class Asked:
    """Asks layer after layer, while their arrays are at hand."""

    def __init__(self) -> None:
        self.steps: dict[int, str] = {}
        self.rounded: set[int] = set()
        self.constant: set[int] = set()
        self.stuck: set[int] = set()
        self.piecewise: set[int] = set()
        self.equal: set[int] = set()
        self.same: set[int] = set()
        self.copies: dict[int, int] = {}
        self.unbiased: dict[int, Unbiased] = {}

    def layer(  # noqa: PLR0917
        self,
        number: int,
        place: Place,
        slopes: Any,
        axis: int,
        units: Units | None,
        delta: Any,
        values: Mapping[Record, Any],
    ) -> None:
        """Ask one layer; `slopes` are |phi'(s)|, `delta` its signal if `units` need it."""
        steps = [node for node in place.activation if is_step(node)]
        if steps and not np.any(slopes):
            self.steps[number] = name_of(steps[0])
        curved = any(is_curved(node) for node in place.activation)
        if curved and all(acts_alone(node) and not chooses(node) for node in place.activation):
            self.rounded.add(number)
        if place.activation and not np.any(slopes):
            if is_constant(place, values):
                self.constant.add(number)
            elif number in self.rounded and is_stuck(place, values):
                self.stuck.add(number)
        score, output = values.get(place.score), values.get(place.output)
        known = score is not None and output is not None and score.shape == output.shape == slopes.shape
        if known and not curved and is_piecewise(score, output, slopes):
            self.piecewise.add(number)
        if units is not None:
            if np.all(units.first == units.first[0]):
                self.equal.add(number)
                if output is not None and units_alike(output, axis, units.first).all():
                    self.same.add(number)
            count = units.copies(delta, slopes, output) if delta is not None else 0
            if count:
                self.copies[number] = count
        if slopes.ndim > 1 and np.any(slopes == 0):
            without = dead_without_bias(place, slopes, axis, values)
            if without is not None:
                self.unbiased[number] = without

    def found(
        self, records: Mapping[Record, Signal], edges: Mapping[tuple[Node, int], Edge], places: Sequence[Place]
    ) -> Causes:
        """What they answered, and what the graph has besides."""
        lost = [place for place in places if records[place.mixing].rms == 0]
        cut = None
        if lost:
            last = lost[-1]
            zero = next(record for record in (last.exit, last.score, last.mixing) if records[record].rms == 0)
            cut = cut_at(zero, records, edges, places)
        return Causes(
            self.steps,
            frozenset(self.rounded - self.constant),
            frozenset(self.constant),
            frozenset(self.stuck),
            frozenset(self.piecewise),
            frozenset(self.equal),
            frozenset(self.same),
            self.copies,
            self.unbiased,
            tuple(masks_of(records, places)),
            squashed_in(records, places),
            cut,
        )
