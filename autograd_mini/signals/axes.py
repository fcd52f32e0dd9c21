"""Axes for layers and signals: logarithms with gaps, ticks, titles that say what is found. No question is answered."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from autograd_mini.drawing.palette import BAD
from autograd_mini.measuring.factors import Layer
from autograd_mini.words import RAISED

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MARKERS = "osD^v*P"
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")  # Okabe and Ito 2008
DEPTH = "layer (1 is next to the input)"
TEXT = 9  # points: 12 pixels of a page
NARROW = 340 / 96  # inches: what a phone shows without shrinking its letters
FROM_LOSS = "layers from the loss (1 is the last)"
SMALLEST = 1e-300
DECADES = 2.0  # that a logarithmic axis shows at least, so that noise is not mistaken for a trend
Array = np.ndarray[Any, Any]


class Canvas(NamedTuple):
    """Where to draw: a figure, and the axis that the user gave, if any."""

    figure: Figure
    given: Any = None
    narrow: bool = False  # for a phone: panels below each other, fewer ticks
    said: list[tuple[str, str]] | None = None  # where questions and answers go instead of above the axes

    @property
    def pixels(self) -> float:
        """About how wide an axis is."""
        return 96 * float(self.figure.get_figwidth()) - 40

    @property
    def ticks(self) -> int:
        """How many layers have numbers."""
        return 6 if self.narrow else 12

    def axes(self, rows: int = 1, columns: int = 1, **layout: Any) -> Any:
        """The axes as a matrix."""
        if self.given is not None:
            return np.array([[self.given]])
        if self.narrow:
            rows, columns = rows * columns, 1
        return self.figure.subplots(rows, columns, squeeze=False, **layout)

    def title(self, axis: Any, question: str, answer: str = "") -> None:
        """The question, and below it what is seen."""
        if self.said is None and answer:
            axis.set_title(answer, loc="left", fontsize=TEXT, color="#333333")
        self.question(axis, question, answer, 20 if answer else 6)

    def question(self, axis: Any, question: str, answer: str = "", above: int = 20) -> None:
        """The question, above what the axis has as its title."""
        if self.said is not None:
            self.said.append((question, answer))
            return
        look = {"fontsize": 11, "fontweight": "bold", "annotation_clip": False}
        axis.annotate(question, (0, 1), (0, above), "axes fraction", textcoords="offset points", **look)

    def tag(self, axis: Any, found: Sequence[Tag]) -> None:
        """Names beside the lines; a legend for what else is marked."""
        tags(axis, found, 14 if self.narrow else 24)
        self.legend([axis])

    def legend(self, axes: Iterable[Any], columns: int = 2) -> None:
        """One legend for all axes, below them so that it hides nothing."""
        found: dict[str, Any] = {}
        for axis in axes:
            handles, labels = axis.get_legend_handles_labels()
            for handle, label in zip(handles, labels, strict=True):
                found.setdefault(label, handle)
        if not found:
            return
        if self.given is not None:
            self.given.legend(found.values(), found.keys(), loc="upper left", fontsize=TEXT)
        else:
            columns = 2 if self.narrow and max(map(len, found)) < 22 else 1 if self.narrow else columns
            self.figure.legend(
                found.values(), found.keys(), loc="outside lower center", fontsize=TEXT, ncols=columns, frameon=False
            )


def column(layers: Sequence[Layer], name: str) -> Array:
    """One number of each layer."""
    return np.array([getattr(layer, name) for layer in layers], dtype=float)


def logs(values: Array) -> Array:
    """log10, nan for what has none."""
    with np.errstate(divide="ignore", invalid="ignore"):
        found = np.log10(values)
    return np.where(np.isfinite(found), found, np.nan)


def power(exponent: int) -> str:
    """`10⁻³`."""
    return f"10{str(exponent).translate(RAISED)}"


def positive(values: Array) -> Array:
    """What a logarithmic axis can show; the rest leaves a gap."""
    return np.where((values > SMALLEST) & np.isfinite(values), values, np.nan)


def is_finite(layer: Layer) -> bool:
    return layer.g.finite and layer.delta.finite


def is_zero(layer: Layer) -> bool:
    return is_finite(layer) and (layer.g.rms == 0 or layer.delta.rms == 0)


def depth_ticks(layers: int, most: int = 12) -> list[int]:
    """The first layer, the last, and round numbers between them."""
    step = next(nice * 10**power for power in range(9) for nice in (1, 2, 5) if layers <= most * nice * 10**power)
    between = [tick for tick in range(step, layers, step) if tick - 1 >= 0.6 * step and layers - tick >= 0.6 * step]
    return sorted({1, *between, layers})


def depth_axis(axis: Any, layers: int, ticks: int = 12, from_loss: bool = False) -> None:
    """Layers along the horizontal axis, with few enough ticks; the input is on the left, the loss on the right."""
    shown = depth_ticks(layers, ticks)
    axis.set_xlim(0.4, layers + 0.6)
    if from_loss:
        axis.set_xticks([layers + 1 - tick for tick in shown], [str(tick) for tick in shown])
    else:
        axis.set_xticks(shown)
    axis.set_xlabel(FROM_LOSS if from_loss else DEPTH if ticks > 6 else "layer", fontsize=TEXT)
    axis.tick_params(labelsize=TEXT)
    axis.yaxis.label.set_fontsize(TEXT)
    axis.set_axisbelow(True)
    axis.grid(color="#cccccc", lw=0.6)


def aligned(depths: Sequence[int]) -> list[Array]:
    """The places of the layers of each net, so that all nets end at the loss."""
    return [np.arange(1, depth + 1) + max(depths) - depth for depth in depths]


def log_axis(axis: Any, shown: Iterable[Any]) -> None:
    """A logarithmic vertical axis around these values, of at least two decades."""
    known = np.concatenate([np.ravel(values) for values in shown] or [np.zeros(0)])
    known = np.log10(known[np.isfinite(known) & (known > 0)])
    axis.set_yscale("log")
    if not known.size:
        axis.set_ylim(1e-2, 1)
        axis.set_yticks([])
        axis.text(0.5, 0.5, "no number to show", ha="center", va="center", transform=axis.transAxes)
        return
    low, high = float(known.min()), float(known.max())
    margin = max(0.08 * (high - low), (DECADES - (high - low)) / 2)
    low, high = max(low - margin, -307.0), min(high + margin, 307.0)
    axis.set_ylim(10**low, 10**high)
    every = max(1, math.ceil((high - low) / 7))
    ticks = range(math.ceil(low), math.floor(high) + 1, every)
    axis.set_yticks([10.0**tick for tick in ticks], [power(tick) for tick in ticks])
    axis.tick_params(axis="y", which="minor", left=False, right=False)


class Tag(NamedTuple):
    """What a line is called, where it ends, and how it looks."""

    text: str
    at: float
    level: float
    colour: str


def tags(axis: Any, found: Sequence[Tag], width: int) -> None:
    """Names beside the left ends of lines on a logarithmic axis, as far apart as letters need."""
    axis.yaxis.tick_right()
    axis.yaxis.set_label_position("right")
    low, high = (math.log10(edge) for edge in axis.get_ylim())
    inches = 0.62 * axis.figure.get_figheight()  # about what titles and ticks leave to the axis
    line = 1.25 * TEXT / 72 / inches
    texts = {tag: textwrap.wrap(tag.text, width, max_lines=3, placeholder="…") for tag in found}
    ends = {tag: (math.log10(tag.level) - low) / (high - low) for tag in found}
    order = sorted(found, key=lambda tag: -ends[tag])
    room = [line * (len(texts[tag]) + 0.3) for tag in order]
    centres: list[float] = []
    edge = 1.0
    for tag, own in zip(order, room, strict=True):  # from the top, each below the one before
        centres.append(min(max(ends[tag], 0.0), 1.0, edge - own / 2))
        edge = centres[-1] - own / 2
    edge = 0.0
    for i in range(len(order) - 1, -1, -1):  # what got below the axis moves up again
        centres[i] = max(centres[i], edge + room[i] / 2)
        edge = centres[i] + room[i] / 2
    for tag, centre in zip(order, centres, strict=True):
        said = "\n".join(texts[tag])
        axis.annotate(
            said,
            (tag.at, min(max(tag.level, 10**low), 10**high)),
            (-0.06, centre),
            textcoords="axes fraction",
            ha="right",
            va="center",
            fontsize=TEXT,
            annotation_clip=False,
            arrowprops={
                "arrowstyle": "-",
                "color": tag.colour,
                "lw": 1.2,
                "ls": ":",
                "relpos": (1, 0.5),
                "shrinkA": 1,
                "shrinkB": 1,
            },
        )


def log_line(  # noqa: PLR0917
    axis: Any, i: int, name: str, numbers: Array, values: Array, broken: Array
) -> tuple[Array, list[Tag]]:
    """One net's values on a logarithmic axis; zeros lie on its lower edge, what is not finite on its upper one."""
    colour, marker = COLOURS[i % len(COLOURS)], MARKERS[i % len(MARKERS)]
    shown = positive(values)
    every = max(1, math.ceil(len(numbers) / 40))
    axis.plot(numbers, shown, color=colour, marker=marker, ms=4, lw=1.5, label=f"_{name}", markevery=every)
    zero = values == 0
    edges = ((zero, "x", 0.03 + 0.03 * (i % 4), "exactly zero"), (broken, "1", 0.97 - 0.03 * (i % 4), "not finite"))
    for where, sign, height, label in edges:
        if where.any():
            level = np.full(where.sum(), height)
            axis.plot(
                *(numbers[where], level, sign),
                color=BAD if sign == "1" else colour,
                ms=6,
                transform=axis.get_xaxis_transform(),
                label=f"{name}: {label}",
            )
    known = np.flatnonzero(~np.isnan(shown))
    return shown, [Tag(name, float(numbers[i]), float(shown[i]), colour) for i in known[:1].tolist()]


def stretches(mask: Array) -> list[tuple[int, int]]:
    """The first and the last layer of each unbroken stretch of layers that the mask holds."""
    steps = np.diff(np.concatenate([[0], mask.astype(int), [0]]))
    return list(zip((np.flatnonzero(steps == 1) + 1).tolist(), np.flatnonzero(steps == -1).tolist(), strict=True))


def mark(axis: Any, zero: Array, broken: Array) -> None:
    """Hatch the layers whose signal is exactly zero, and frame in red those where it is not finite."""
    looks = ((zero, "..", "#777777", "signal exactly zero"), (broken, "//", BAD, "not finite"))
    for mask, hatch, colour, label in looks:
        for first, last in stretches(mask):
            axis.axvspan(
                first - 0.5, last + 0.5, facecolor="none", edgecolor=colour, hatch=hatch, lw=1, zorder=0.5, label=label
            )


def means(values: Array, starts: Array, stops: Array) -> Array:
    """The mean of each group, of what is known."""
    return extremes(values, starts, stops, np.mean)


def extremes(values: Array, starts: Array, stops: Array, best: Callable[[Array], Any]) -> Array:
    """One number for each group of values, of what is known; nan where nothing is."""
    groups = [values[start:stop] for start, stop in zip(starts, stops, strict=True)]
    known = [group[~np.isnan(group)] for group in groups]
    return np.array([best(group) if group.size else math.nan for group in known], dtype=float)
