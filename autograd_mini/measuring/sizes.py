"""How strong the gradient is at each operation and edge: one backward that measures and changes nothing.

Numbers of single operations only; layers live in `factors`, what is drawn and told in `drawing` and `views`.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from autograd_mini import errors
from autograd_mini.arrays import as_seed, of_all
from autograd_mini.backward import pull_back
from autograd_mini.graph import Leaf, Node, Record, Watch, no_grad, operations
from autograd_mini.tensor import Tensor
from autograd_mini.words import in_words

NOT_A_TENSOR = (
    "signals(...) was called on {what}, but only a tensor remembers the computation that gradients flow through. "
    "Write `signals(loss)` with the result itself, not with `loss.data` or `loss.item()`."
)
NO_GRAPH = (
    "signals(...) was called on a tensor that does not depend on anything with requires_grad=True, so no gradient "
    "flows. Write `Tensor(array, requires_grad=True)` for the parameters, and compute outside of `no_grad()`."
)
NOT_SCALAR = (
    "signals(...) was called on a tensor of shape {shape}. A gradient is of one number, and this is not one. Write "
    "`signals(t.sum())`, or give the cotangent: `signals(t, seed)` with a seed of shape {shape}."
)
ON_DEVICE = (
    "signals(...) was called on a result on {device}, and measures in the host's memory, number by number. Compute it "
    'from tensors that are there, `t.to_device("cpu")`; of a module write `nn.signals(model, loss, x, y)`.'
)
FREED = (
    "signals(...) goes back through the graph, but an earlier backward() has freed it. Measure and draw before "
    "`loss.backward()`, or write `loss.backward(retain_graph=True)`; or compute the loss again."
)
NOT_MEASURED = (
    "No gradient reached this tensor from the result that was measured. Ask for the result, for an intermediate "
    "result that it depends on, or for a leaf with requires_grad=True."
)


BINS = 40
QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)


class Signal(NamedTuple):
    """The size of one array, in float64.

    Attributes
    ----------
    rms : float
        ||g||_2 / sqrt(size); 0 for an array without entries, inf or nan if an entry is.
    norm : float
        ||g||_2.
    zeros : float
        The share of entries that are exactly zero.
    finite : bool
        Whether all entries are finite.
    subnormal : float
        The share of entries that are nearly underflown: not zero, but below the smallest normal number of the dtype.
    """

    rms: float
    norm: float
    zeros: float
    finite: bool
    subnormal: float = 0.0


class Edge(NamedTuple):
    """The cotangent along one edge, before it is summed with those of other edges.

    Attributes
    ----------
    rms : float
        rms(c_e).
    gain : float
        rms(c_e) / rms(g_out), g_out the cotangent of the operation's result; nan where that is zero.
    """

    rms: float
    gain: float


@dataclass(frozen=True, eq=False, repr=False)
class Measured:
    """The sizes of all cotangents of one backward; `measured[tensor]` is the `Signal` of one.

    It holds the graph, and so the graph's arrays, for as long as it lives.

    Attributes
    ----------
    root : Node or Leaf
        The record of the result.
    records : dict of Node or Leaf to Signal
        The total cotangent of each record that one reached, in the order of the backward.
    edges : dict of (Node, int) to Edge
        For each operation and position of a differentiable argument. `x * x` has two edges.
    values : dict of Leaf to Signal
        The size of the parameters themselves, of those that the graph holds because a rule reads them.
    """

    root: Record
    records: Mapping[Record, Signal]
    edges: Mapping[tuple[Node, int], Edge]
    values: Mapping[Record, Signal]

    def __getitem__(self, tensor: Tensor | Record) -> Signal:
        record = tensor._record if isinstance(tensor, Tensor) else tensor
        if record not in self.records:
            raise KeyError(NOT_MEASURED)
        return self.records[record]  # type: ignore[index]

    def __contains__(self, tensor: object) -> bool:
        return isinstance(tensor, Tensor) and tensor._record in self.records

    def __repr__(self) -> str:
        return f"<Signals of {len(self.records)} tensors and {len(self.edges)} edges. {finding(self)}>"


def root_and_seed(tensor: Any, seed: Any) -> tuple[Record, Any]:
    """The record that a backward starts from, and its cotangent; errors for what has none."""
    if not isinstance(tensor, Tensor):
        raise TypeError(NOT_A_TENSOR.format(what=errors.describe(tensor)))
    root = tensor._record
    if root is None or not root.requires_grad:
        raise RuntimeError(NO_GRAPH)
    if tensor.device != "cpu":
        raise ValueError(ON_DEVICE.format(device=tensor.device))
    if seed is not None:
        return root, as_seed(seed, tensor.data, "signals(tensor, seed)")
    if tensor.size != 1:
        raise ValueError(NOT_SCALAR.format(shape=tensor.shape))
    return root, np.ones_like(tensor.data)


def measured_backward(root: Record, seed: Any, measuring: Measuring) -> None:
    """One backward that keeps the graph, with all cotangents measured on the way."""
    try:
        with measuring, no_grad():
            leaves = pull_back(root, seed, retain_graph=True)
    except RuntimeError:
        if any(node.operands is None for node in operations(root)):
            raise RuntimeError(FREED) from None
        raise
    for leaf, cotangent in leaves.items():
        measuring.records[leaf] = measure(cotangent)


class Measuring(Watch):
    """Measures each cotangent that goes back through some operations."""

    def __init__(self, nodes: Iterable[Node]) -> None:
        self.nodes = set(nodes)  # a checkpoint runs backwards of its own
        self.records: dict[Record, Signal] = {}
        self.edges: dict[tuple[Node, int], Edge] = {}
        self.values: dict[Record, Signal] = {}
        self.hooked_records: set[Record] = set()
        self.spread: Collection[Record] = ()
        self.spreads: dict[Record, Spread] = {}
        self.unit_axes: Mapping[Record, int] = {}
        self.unit_deltas: dict[Record, Any] = {}
        self.keep: Collection[Record] = ()
        self.kept: dict[Record, Any] = {}
        self.last: dict[Record, tuple[Any, Signal]] = {}  # a sole consumer's part is the total: not measured twice

    def hooked(self, record: Record, hook: Any, cotangent: Any, result: Any) -> None:  # noqa: ARG002
        self.hooked_records.add(record)

    def backward(self, node: Node, cotangent: Any, parts: list[tuple[Record, Any]]) -> None:
        if node not in self.nodes:
            return
        array, signal = self.last.pop(node, (None, None))
        total = self.records[node] = signal if signal is not None and array is cotangent else measure(cotangent)
        if node in self.spread:
            self.spreads[node] = spread_of(cotangent)
        if node in self.keep:
            self.kept[node] = cotangent
        if node in self.unit_axes:
            self.unit_deltas[node] = rms_of_units(cotangent, self.unit_axes[node])
        for (position, _), (parent, part) in zip(node.plan.rules, parts, strict=True):
            along = total if part is cotangent else measure(part)
            self.edges[node, position] = Edge(along.rms, ratio(along.rms, total.rms))
            self.last[parent] = part, along
            if type(parent) is Leaf and parent not in self.values and node.plan.keep[position]:
                self.values[parent] = measure(node.operands[position])


def rms_of_units(array: Any, axis: int) -> Any:
    """rms(delta) of each unit over all examples; of a single number, its own."""
    if not array.ndim:
        return np.abs(array).astype(np.float64).reshape(1)
    rows = np.moveaxis(np.abs(array).astype(np.float64), axis, -1).reshape(-1, array.shape[axis])
    largest = np.max(rows, axis=0, initial=0.0)
    scale = np.where((largest > 0) & np.isfinite(largest), largest, 1.0)
    with np.errstate(all="ignore"):
        return np.asarray(scale * np.sqrt(np.mean(np.square(rows / scale), axis=0)))


class Spread(NamedTuple):
    """How the entries of an array are spread.

    Attributes
    ----------
    counts, edges : ndarray
        Of a histogram of the finite entries.
    quantiles : ndarray
        At 1, 5, 25, 50, 75, 95 and 99 %.
    magnitudes : ndarray
        The same of the absolute values.
    finite : float
        The share of entries that are finite.
    """

    counts: np.ndarray[Any, Any]
    edges: np.ndarray[Any, Any]
    quantiles: np.ndarray[Any, Any]
    magnitudes: np.ndarray[Any, Any]
    finite: float


def spread_of(array: Any) -> Spread:
    """The histogram and the quantiles of the finite entries."""
    values = np.ravel(np.abs(array) if array.dtype.kind == "c" else array).astype(np.float64)
    total = values.size
    values = values[np.isfinite(values)]
    if not values.size:
        unknown = np.full(len(QUANTILES), math.nan)
        return Spread(np.zeros(BINS, int), np.linspace(-1, 1, BINS + 1), unknown, unknown, 1.0 if not total else 0.0)
    largest = float(np.max(np.abs(values)))
    scaled = values / largest if largest else values  # bins of 1e-320 have no width
    counts, edges = np.histogram(scaled, BINS, (-1.0, 1.0))
    signed, sizes = np.quantile(np.stack((scaled, np.abs(scaled))), QUANTILES, axis=1).T * largest
    return Spread(counts, edges * largest, signed, sizes, values.size / total)


def measure(array: Any) -> Signal:
    """The size of an array, of all examples of a batch, by a scaling that can neither overflow nor underflow."""
    array = of_all(array)
    size = array.size
    if size == 1 and array.dtype.kind == "f" and isinstance(array, np.ndarray | np.generic):
        number = abs(float(array.item()))
        return Signal(number, number, float(number == 0), math.isfinite(number))
    if not size:
        return Signal(0.0, 0.0, 0.0, True)
    zeros = float(np.mean(array == 0))
    if array.dtype.kind == "c":
        array = np.stack((array.real, array.imag))
    smallest = float(np.finfo(array.dtype).tiny) if array.dtype.kind == "f" else 0.0
    magnitudes = np.abs(array.astype(np.float64))
    largest = float(np.max(magnitudes))
    if largest == 0 or not math.isfinite(largest):
        return Signal(largest, largest, zeros, largest == 0)
    root_of_size = math.sqrt(size)
    scaled = math.sqrt(float(np.sum(np.square(magnitudes / largest))))
    subnormal = float(np.mean((magnitudes > 0) & (magnitudes < smallest)))
    return Signal(largest * (scaled / root_of_size), largest * scaled, zeros, True, subnormal)


def ratio(part: float, whole: float) -> float:
    """`part / whole`, nan where that is not defined."""
    return part / whole if whole else math.nan


def finding(measured: Measured) -> str:
    """One sentence on how the signal changes on its way back; of the operations in scopes, if there are any."""
    nodes = [record for record in measured.records if isinstance(record, Node)]
    nodes = [node for node in nodes if node.scope] or nodes
    if not nodes:
        return "Nothing was computed, so the signal is the seed."
    at = measured.records
    broken = next((node for node in nodes if not at[node].finite), None)
    if broken is not None:
        return f"Going back, the signal is not finite from {place(broken)} on."
    dead = [node for node in nodes if at[node].rms == 0 and node.size]
    if dead:
        return (
            f"Going back, the signal is exactly zero at {len(dead)} of {len(nodes)} operations: see {place(dead[0])}."
        )
    alive = [node for node in nodes if node.size] or nodes
    weakest, strongest = min(alive, key=lambda n: at[n].rms), max(alive, key=lambda n: at[n].rms)
    low, high = in_words(at[weakest].rms), in_words(at[strongest].rms)
    if low == high:
        return f"The signal is {low} throughout."
    factor = ratio(at[strongest].rms, at[weakest].rms)
    if factor < 10:
        return f"The signal stays within a factor of {factor:.1f}, between {low} and {high}."
    if strongest.index > weakest.index:
        return f"Going back, the signal falls from {high} to {low} between {place(strongest)} and {place(weakest)}."
    return f"Going back, the signal grows from {low} to {high} between {place(weakest)} and {place(strongest)}."


def place(node: Node) -> str:
    """Where an operation is, in words: `tanh in layer3`."""
    name = node.primitive.name.removeprefix("np.")
    what = f"{node.name} = {name}" if node.name else name
    return f"{what} in {node.scope}" if node.scope else what
