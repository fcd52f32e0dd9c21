"""The map: how far the signal of each net, or at each step of a training, gets on its way back. No other figure."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from autograd_mini import showing
from autograd_mini.drawing import palette
from autograd_mini.signals.axes import TEXT, Array, Canvas, depth_axis, depth_ticks, power
from autograd_mini.signals.findings import STEADY
from autograd_mini.words import decades, in_words, times

if TYPE_CHECKING:
    from matplotlib.figure import Figure

QUESTION = "How far does the signal get?"
FEW = 12  # rows up to which each is a strip below its name
STRIP, LINE, GAP, ABOVE = 0.26, 0.19, 0.1, 0.5  # inches
LABEL = 80  # pixels from one number to the next
LETTER = 7.5  # pixels
ALIKE = 12  # levels within which letters of one colour can be read
LEAST = 6  # decades that the colours span at least, so that noise is not mistaken for a trend
MANY = 4000  # cells beyond which they are one picture in a drawing
NO_ROWS = "signal_map(sizes, names) was given {sizes} rows and {names} names. Write one name for each row."
NO_LAYERS = "signal_map(sizes, ...) was given no sizes to show. Write a row of them for each net, the last layer last."


def signal_map(
    sizes: Sequence[Any] | Array,
    names: Sequence[Any],
    *,
    quantity: str = "rms(g), the size of the gradient",
    layers: Sequence[str] | None = None,
    ax: Any = None,
) -> Figure:
    """A map of sizes of signals: a row for each net or step, a column for each layer, log10 of the size as colour.

    The loss is on the right, where the signal enters, and the input on the left; rows of different depth end at the
    loss. Rows up to twelve whose names are text stand below their names, and say how many decades are lost.

    Parameters
    ----------
    sizes : sequence of array_like
        A row for each net or step: the sizes by layer, the first layer first. 0 is shown as exactly zero, inf as not
        finite, nan as not measured.
    names : sequence of str or int
        What to call the rows; whole numbers are steps of a training.
    quantity : str
        What the sizes are.
    layers : sequence of str, optional
        What to call the columns; by default they have numbers.
    ax : matplotlib axis, optional
        Where to draw.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If there are no sizes, or not as many names as rows.
    ImportError
        If matplotlib is missing.

    Examples
    --------
    >>> from autograd_mini import signal_map
    >>> figure = signal_map([[1e-6, 1e-4, 1e-2], [3e-3, 5e-3, 1e-2]], ["lost", "kept"])
    """
    rows = [np.asarray(row, dtype=float) for row in sizes]
    if len(rows) != len(names):
        raise ValueError(NO_ROWS.format(sizes=len(rows), names=len(names)))
    if not any(row.size for row in rows):
        raise ValueError(NO_LAYERS)
    canvas = Canvas(ax.figure, ax) if ax is not None else Canvas(showing.figure(9.0, height(names)))
    draw_map(canvas, rows, names, quantity, layers)
    return canvas.figure


def height(names: Sequence[Any], narrow: bool = False) -> float:
    """Of a figure, in inches."""
    if is_dense(names):
        return 5.2
    return 1.6 + ABOVE + len(names) * (STRIP + GAP + LINE * (2 if narrow else 1))


def is_dense(names: Sequence[Any]) -> bool:
    """Whether rows have no room for names of their own: steps, or very many nets."""
    return len(names) > FEW or all(isinstance(name, int | np.integer) for name in names)


def draw_map(
    canvas: Canvas, rows: Sequence[Array], names: Sequence[Any], quantity: str, layers: Sequence[str] | None = None
) -> None:
    """The rows, the way that the signal runs, and the colour bar in decades."""
    axis = canvas.axes()[0, 0]
    columns = max(row.size for row in rows)
    high, span = scale_of(rows)
    dense = is_dense(names)
    lines = 0 if dense else 2 if canvas.narrow else 1
    strip = 1.0 if dense else STRIP
    step = strip if dense else LINE * lines + STRIP + GAP
    for i, (row, name) in enumerate(zip(rows, names, strict=True)):
        left, top = columns - row.size + 0.5, i * step + LINE * lines
        cells(axis, row, left, top, strip, high, span, columns * len(rows) > MANY)
        odd_cells(axis, row, left, top, strip)
        if not dense:
            pixels = canvas.pixels / columns  # a cell is wide
            heading(axis, left, columns + 0.5, top, str(name), fate(row), canvas.narrow, row.size * pixels)
            numbers(axis, row, left, top, strip, high, span, pixels)
    inch = len(rows) / 3.4 if dense else 1.0
    way(axis, columns, -0.4 * ABOVE * inch, canvas.narrow)
    axis.set_xlim(0.4, columns + 0.6)
    axis.set_ylim(len(rows) * step, -ABOVE * inch)
    for side in ("top", "right", "left", *(() if dense else ("bottom",))):
        axis.spines[side].set_visible(False)
    layer_ticks(axis, rows, columns, layers, canvas.narrow)
    axis.set_yticks([])
    if dense:
        few = len(rows) <= 8
        shown = list(range(len(rows))) if few else [0, *depth_ticks(len(rows), 8)[1:-1], len(rows) - 1]
        axis.set_yticks([i + 0.5 for i in shown], [str(names[i]) for i in shown])
        axis.set_ylabel("step of the training, the first on top")
    canvas.title(axis, QUESTION)
    colour_bar(canvas, axis, quantity, high, span)
    canvas.legend([axis], 3)


def scale_of(rows: Sequence[Array]) -> tuple[float, float]:
    """The power of ten at the strong end of the colours, and how many decades they span."""
    known = np.concatenate([row[np.isfinite(row) & (row > 0)] for row in rows])
    if not known.size:
        return 0.0, float(LEAST)
    high, low = math.ceil(math.log10(known.max())), math.floor(math.log10(known.min()))
    return float(high), float(max(high - low, LEAST))


def level(size: float, high: float, span: float) -> int:
    """Which of the levels a size has."""
    share = 1 + (math.log10(size) - high) / span
    return round(min(max(share, 0.0), 1.0) * (palette.LEVELS - 1))


def cells(  # noqa: PLR0917
    axis: Any, row: Array, left: float, top: float, strip: float, high: float, span: float, many: bool
) -> None:
    """The coloured cells of one row; gaps where there is no number."""
    from matplotlib.colors import ListedColormap

    found = [level(size, high, span) if np.isfinite(size) and size > 0 else -1 for size in row.tolist()]
    axis.pcolormesh(
        left + np.arange(row.size + 1),
        [top, top + strip],
        np.ma.masked_less([found], 0),
        cmap=ListedColormap(palette.levels()),
        vmin=-0.5,
        vmax=palette.LEVELS - 0.5,
        rasterized=many,
    )


def odd_cells(axis: Any, row: Array, left: float, top: float, strip: float) -> None:
    """What has no number: exactly zero, not finite, not measured; each with a pattern and a word."""
    from matplotlib.patches import Rectangle

    looks: tuple[tuple[Callable[[float], bool], str, str, str, str], ...] = (
        (lambda size: size == 0, "exactly zero", "#ffffff", "#777777", "///"),
        (math.isinf, "not finite", "#ffffff", palette.BAD, "xxx"),
        (math.isnan, "not measured", palette.UNREACHED, "#777777", ".."),
    )
    for is_it, label, face, edge, hatch in looks:
        mask = np.array([is_it(size) for size in row.tolist()], dtype=int)
        steps = np.diff(np.concatenate([[0], mask, [0]]))
        starts, stops = (np.flatnonzero(steps == sign).tolist() for sign in (1, -1))
        for first, stop in zip(starts, stops, strict=True):
            look: dict[str, Any] = {
                "facecolor": face,
                "edgecolor": edge,
                "hatch": hatch,
                "lw": 0.8 if strip < 1 else 0.0,
            }
            axis.add_patch(Rectangle((left + first, top), stop - first, strip, label=label, **look))


def heading(  # noqa: PLR0917
    axis: Any, left: float, right: float, top: float, name: str, words: str, narrow: bool, pixels: float
) -> None:
    """A row's name and what becomes of its signal, above it; from the right where the row is too short for them."""
    name = textwrap.shorten(name, 38 if narrow else 60, placeholder="…")
    words = words.partition(" (")[0] if narrow else words
    letters = max(len(name), len(words)) if narrow else len(name) + len(words) + 3
    fits = left < 1 or letters * LETTER < pixels
    x, side = (left, "left") if fits else (right, "right")
    look = {"fontsize": TEXT, "va": "bottom", "annotation_clip": False, "ha": side}
    bold, soft = {"fontweight": "bold"}, {"color": "#333333"}
    if narrow:
        axis.annotate(name, (x, top - 0.03 - LINE), **look, **bold)
        axis.annotate(words, (x, top - 0.03), **look, **soft)
        return
    texts = ((name, bold), (words, soft))
    (text, kind), (other, further) = texts if fits else texts[::-1]
    first = axis.annotate(text, (x, top - 0.03), **look, **kind)
    end, away = (1, 8) if fits else (0, -8)
    axis.annotate(other, (end, 0), (away, 0), xycoords=first, textcoords="offset points", **look, **further)


def fate(row: Array) -> str:
    """What becomes of the signal on the way through one row."""
    broken, zero = int(np.isinf(row).sum()), int((row == 0).sum())
    if broken or zero:
        each = ((broken, "not finite"), (zero, "exactly zero"))
        return ", ".join(f"{what} in {count} of {row.size} layers" for count, what in each if count)
    known = row[~np.isnan(row)]
    if known.size < 2:
        return f"{in_words(known[0])} at the only layer" if known.size else "not measured"
    if known.size < row.size:
        return f"{changed(float(known[0] / known[-1]))}, not measured in {row.size - known.size} of {row.size} layers"
    change, worst, number = changes(row)
    if number == 1 or (is_steady(worst / change) and is_steady(worst) == is_steady(change)):
        return changed(change)
    return f"{changed(worst)} by layer {number} ({changed(change)} by layer 1)"


def changes(sizes: Array) -> tuple[float, float, int]:
    """How the last size changes to the first, and to the one that is furthest from it, and at which layer that is."""
    ratios = sizes / sizes[-1]
    furthest = int(np.argmax(np.abs(np.log10(ratios))))  # the first of equals
    return float(ratios[0]), float(ratios[furthest]), furthest + 1


def changed(change: float) -> str:
    """How far a signal has changed: `25 decades lost`, `4.5 decades gained`, `steady, ×0.23`."""
    if is_steady(change):
        return f"steady, {times(change)}"
    return f"{decades(change)} {'lost' if change < 1 else 'gained'}"


def is_steady(change: float) -> bool:
    return 1 / STEADY < change < STEADY


def numbers(  # noqa: PLR0917
    axis: Any, row: Array, left: float, top: float, strip: float, high: float, span: float, pixels: float
) -> None:
    """Some cells, each so many pixels wide, say their power of ten; the first and the last if there is room."""
    most = max(1, int(row.size * pixels // LABEL))
    at = np.unique(np.round(np.linspace(0, row.size - 1, min(most, row.size))).astype(int))
    for i in at.tolist():
        size = float(row[i])
        if not (np.isfinite(size) and size > 0):
            continue
        covered = math.ceil(0.5 * LABEL / pixels)  # cells that the letters lie on
        first = i if i == 0 else i + 1 - covered if i == row.size - 1 else i - covered // 2
        below = row[max(first, 0) : first + covered]
        levels = [level(one, high, span) if np.isfinite(one) and one > 0 else -palette.LEVELS for one in below.tolist()]
        if max(levels) - min(levels) > ALIKE:
            continue  # they would be lost on some
        end = "left" if i == 0 else "right" if i == row.size - 1 else "center"
        x = left + {"left": 0.08, "center": i + 0.5, "right": row.size - 0.08}[end]
        axis.text(
            x,
            top + strip / 2,
            power(round(math.log10(size))),
            ha=end if row.size > 1 else "left",
            va="center_baseline",
            fontsize=TEXT,
            color=palette.ink(level(size, high, span)),
        )


def way(axis: Any, columns: int, y: float, narrow: bool) -> None:
    """An arrow from the loss to the input, as the signal runs."""
    said = "the signal runs this way" if narrow else "the signal runs this way: from the loss back to the input"
    look = {
        "arrowstyle": "-|>,head_width=0.3,head_length=0.6",
        "color": "#333333",
        "lw": 1.6,
        "shrinkA": 0,
        "shrinkB": 0,
    }
    axis.annotate("", (0.5, y), (columns + 0.5, y), arrowprops=look, annotation_clip=False)
    texts = ((0.5, "input", "left"), ((columns + 1) / 2, said, "center"), (columns + 0.5, "loss", "right"))
    for x, text, side in texts:
        axis.annotate(text, (x, y), (0, 4), textcoords="offset points", ha=side, va="bottom", fontsize=TEXT)


def layer_ticks(axis: Any, rows: Sequence[Array], columns: int, layers: Sequence[str] | None, narrow: bool) -> None:
    """Numbers of layers below the cells; where nets differ in depth they are counted from the loss."""
    most = 6 if narrow else 12
    depth_axis(axis, columns, most, len({row.size for row in rows}) > 1)
    axis.grid(visible=False)
    axis.tick_params(length=3)
    if layers is not None and columns <= most:
        axis.set_xticks(range(1, columns + 1), [textwrap.shorten(name, 12, placeholder="…") for name in layers])


def colour_bar(canvas: Canvas, axis: Any, quantity: str, high: float, span: float) -> None:
    """What the colours mean, in powers of ten."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import ListedColormap, Normalize

    shown = ScalarMappable(Normalize(high - span, high), ListedColormap(palette.levels()))
    bar = canvas.figure.colorbar(shown, ax=axis, orientation="horizontal", aspect=24 if canvas.narrow else 60, pad=0.02)
    every = next(nice for nice in (1, 2, 5, 10, 20, 50, 100) if span / nice <= (5 if canvas.narrow else 12))
    ticks = [int(high) - i for i in range(0, int(span) + 1, every)]
    bar.set_ticks(ticks, labels=[power(tick) for tick in ticks])
    bar.ax.tick_params(labelsize=TEXT, length=3)
    bar.set_label(f"{quantity}, in decades", fontsize=TEXT)
    bar.outline.set_edgecolor("#777777")
