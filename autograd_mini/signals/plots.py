"""Measured signals as matplotlib figures, one for each question; nothing is shown, kept open or configured."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from autograd_mini import showing
from autograd_mini.drawing.palette import BLAME, UNREACHED
from autograd_mini.measuring.factors import Layer, Measurement
from autograd_mini.measuring.sizes import ratio
from autograd_mini.measuring.spectrum import SMALL, JacobianSpectrum
from autograd_mini.signals.averages import typical
from autograd_mini.signals.axes import (
    COLOURS,
    NARROW,
    SMALLEST,
    TEXT,
    Array,
    Canvas,
    Tag,
    aligned,
    column,
    depth_axis,
    depth_ticks,
    extremes,
    is_finite,
    is_zero,
    log_axis,
    log_line,
    logs,
    mark,
    means,
    positive,
    power,
)
from autograd_mini.signals.findings import diagnosis
from autograd_mini.signals.maps import QUESTION, draw_map, fate, height
from autograd_mini.words import in_words

if TYPE_CHECKING:
    from matplotlib.figure import Figure

UNKNOWN = "plot({question!r}) was asked for. The questions are {known}."
NOT_SIGNALS = (
    'plot("{question}", ...) was given {what} beside the question. Write other nets, as `nn.signals` measured them: '
    '`one.plot("{question}", two)`.'
)
NAMES = "plot(..., names=...) was given {got} names for {nets} nets. Write one name for each, this net's first."
ONE_PANEL = (
    'plot("{question}", ax=...) needs {panels} panels, and an axis is one. Leave `ax` out: the figure is returned.'
)
NO_LAYERS = "plot(...) found no layers to plot: no operation mixes data with a parameter."
NO_SPECTRUM = (
    'plot("directions") shows singular values of the Jacobian. Write '
    '`nn.signals(..., spectrum=4)`, or `plot("directions", spectrum=jacobian_spectrum(f, x))`.'
)
NO_SPREADS = (
    'plot("spread") shows how h, s and g are spread, and there are no values. `nn.signals` has them; for a computation '
    "of your own write `with Recorder() as forward: ...` and `signals(loss, forward=forward)`."
)
NO_NOISE = (
    'plot("noise") shows how far single examples agree on the gradient, which was not measured.{why} Write '
    "`nn.signals(..., noise=True)`."
)

FACTORS = (
    ("slope", "A, slope of the activation", "#e08214", ""),
    ("alignment", "a, alignment", "#fdb863", "///"),
    ("scale", "F, scale of the weights", "#542788", ""),
    ("direction", "w, direction", "#b2abd2", "\\\\\\"),
    ("rest", "rest", "#a3a3a3", "xxx"),
)
PARTS = (("h", "h, the layer's result"), ("s", "s, the scores"), ("g", "g, the signal"))
HEALTHY = 1e-3
THEORY = "dashed: the theory, what independent weights would do"
FEW = 60  # bars up to which each layer has its own
NEGLIGIBLE = 1e-3  # in decades


def plot(
    nets: Sequence[Measurement],
    question: str,
    names: Sequence[str] | None = None,
    spectrum: JacobianSpectrum | None = None,
    ax: Any = None,
) -> Figure:
    """The figure that answers one question.

    Raises
    ------
    ValueError
        If the question is not known, or what it needs is not there.
    TypeError
        If something else than a measured net is to be plotted.
    ImportError
        If matplotlib is missing.
    """
    return answered(nets, question, names, spectrum, ax).figure


def answered(  # noqa: PLR0917
    nets: Sequence[Measurement],
    question: str,
    names: Sequence[str] | None = None,
    spectrum: JacobianSpectrum | None = None,
    ax: Any = None,
    narrow: bool = False,
    beside: bool = False,
) -> Canvas:
    """A canvas with the answer; a narrow one is for a phone. Its titles may be beside it instead of above the axes."""
    if question not in QUESTIONS:
        raise ValueError(UNKNOWN.format(question=question, known=", ".join(map(repr, QUESTIONS))))
    asked = QUESTIONS[question]
    for net in nets:
        if not isinstance(net, Measurement):
            raise TypeError(NOT_SIGNALS.format(question=question, what=f"a {type(net).__name__}"))
    titles = [net.name for net in nets] if names is None else list(names)
    if len(titles) != len(nets):
        raise ValueError(NAMES.format(got=len(titles), nets=len(nets)))
    panels = asked.panels(len(nets))
    if ax is not None and panels > 1:
        raise ValueError(ONE_PANEL.format(question=question, panels=panels))
    if question == "directions":
        spectra = [spectrum if spectrum is not None and i == 0 else net.spectrum for i, net in enumerate(nets)]
        known = [(found, name) for found, name in zip(spectra, titles, strict=True) if found is not None]
        if not known:
            raise ValueError(NO_SPECTRUM)
        canvas = asked.canvas(1, ax, narrow, beside)
        directions(canvas, [found for found, _ in known], [name for _, name in known])
        return canvas
    if not all(net.layers for net in nets):
        raise ValueError(NO_LAYERS)
    if question == "spread" and not any(has_spreads(net) for net in nets):
        raise ValueError(NO_SPREADS)
    if question == "noise" and not any(net.noise for net in nets):
        raise ValueError(NO_NOISE.format(why="".join(f" {net.no_noise}" for net in nets if net.no_noise)))
    canvas = asked.canvas(len(nets), ax, narrow, beside)
    asked.draw(canvas, nets, titles)
    return canvas


def has_spreads(net: Measurement) -> bool:
    """Whether the values of the forward are known."""
    return any(layer.spreads.keys() & {"h", "s"} for layer in net.layers)


# The questions


def how_far(canvas: Canvas, nets: Sequence[Measurement], names: Sequence[str]) -> None:
    """The map of rms(g): a row for each net, a column for each layer."""
    rows = [np.array([layer.g.rms if is_finite(layer) else math.inf for layer in net.layers]) for net in nets]
    draw_map(canvas, rows, names, "rms(g), the size of the gradient")


def where(canvas: Canvas, nets: Sequence[Measurement], names: Sequence[str]) -> None:
    """log rms(g) against depth, dashed what it would be with independent weights."""
    axis = canvas.axes()[0, 0]
    shown: list[Array] = []
    found: list[Tag] = []
    theories: list[tuple[Array, Array]] = []
    depths = [len(net.layers) for net in nets]
    for i, (net, name, places) in enumerate(zip(nets, names, aligned(depths), strict=True)):
        rms = np.array([layer.g.rms for layer in net.layers])
        line, tag = log_line(axis, i, name, places, rms, ~np.isfinite(rms))
        shown.append(line)
        found += tag
        expected = theory(net.layers)
        if np.isfinite(expected[:-1]).any():
            axis.plot(places, expected, "--", color=COLOURS[i % len(COLOURS)], lw=1.2)
            theories.append((places, expected))
    log_axis(axis, shown)  # the theory, which may be decades away, does not set the scale
    if len(nets) == 1:
        look_here(axis, nets[0])
        tell_theory(axis, rms, *theories)
        found = []
    said = change(nets[0].layers) if len(nets) == 1 else THEORY if theories else ""
    axis.set_ylabel("rms(g), the size of the gradient")
    canvas.title(axis, QUESTIONS["where"].title, said)
    depth_axis(axis, max(depths), canvas.ticks, len(set(depths)) > 1)
    canvas.tag(axis, found)


def tell_theory(axis: Any, rms: Array, *theories: tuple[Array, Array]) -> None:
    """What the dashed line of one net is, said in the corner that the lines leave free."""
    for places, expected in theories:
        low, high = axis.get_ylim()
        left = positive(rms[: math.ceil(len(rms) / 2)])
        lost = np.median(np.nan_to_num(left)) < math.sqrt(low) * math.sqrt(high)
        shown = np.flatnonzero((expected > low) & (expected < high))
        at = int(shown[len(shown) // 3]) if shown.size > 1 else -1
        look = {"arrowstyle": "-", "color": "#777777", "lw": 0.8, "shrinkA": 2, "shrinkB": 2}
        axis.annotate(
            textwrap.fill(THEORY if at >= 0 else f"{THEORY}, is off the scale", 24),
            (float(places[at]), float(np.clip(expected[at], low, high))),
            (0.05, 0.95 if lost else 0.05),
            textcoords="axes fraction",
            ha="left",
            va="top" if lost else "bottom",
            fontsize=TEXT,
            arrowprops=look if at >= 0 else None,
        )


def look_here(axis: Any, net: Measurement) -> None:
    """Rings around the layers to blame."""
    blamed = np.array(diagnosis(net).layers, int)
    rms = np.array([net.layers[number - 1].g.rms for number in blamed])
    if blamed.size and np.isfinite(rms).all() and (rms > 0).all():
        axis.plot(blamed, rms, "o", ms=14, mfc="none", mec=BLAME, mew=2.5)
        right = blamed[0] < 0.6 * len(net.layers)
        axis.annotate(
            *("look here", (blamed[0], rms[0]), (12 if right else -12, -3)),
            textcoords="offset points",
            ha="left" if right else "right",
            fontsize=TEXT,
            fontweight="bold",
        )


def theory(layers: Sequence[Layer]) -> Array:
    """rms(g) at each layer if the weights were independent: that of the last layer times A F of those above."""
    with np.errstate(all="ignore"):
        gains = np.cumprod([layer.predicted for layer in layers[:0:-1]])[::-1]
        return positive(layers[-1].g.rms * np.append(gains, 1.0))


def change(layers: Sequence[Layer]) -> str:
    """From what to what the signal changes."""
    first, last = layers[0], layers[-1]
    if not (is_finite(first) and is_finite(last)):
        count = sum(not is_finite(layer) for layer in layers)
        return f"not finite in {count} of {len(layers)} layers"
    if first is last:
        return f"{in_words(first.g.rms)} at the only layer"
    ends = f"from {in_words(last.g.rms)} at layer {last.number} to {in_words(first.g.rms)} at layer 1"
    if not ratio(first.g.rms, last.g.rms) > 0:
        return ends
    return f"{fate(np.array([layer.g.rms for layer in layers])).partition(' (')[0]}, {ends}"


def why(canvas: Canvas, nets: Sequence[Measurement], names: Sequence[str]) -> None:
    """log10 of each factor of each layer, stacked: what shrinks below zero, what enlarges above."""
    axes = canvas.axes(len(nets))[:, 0]
    for axis, net, name in zip(axes, nets, names, strict=True):
        stacked_factors(axis, net.layers)
        axis.set_ylabel("log10 of the factor")
        canvas.title(axis, f"Why? {name}", factors_of(net.layers))
        depth_axis(axis, len(net.layers), canvas.ticks)
    canvas.legend(axes, 3)


def factors_of(layers: Sequence[Layer]) -> str:
    """The typical factors."""
    alive = [layer for layer in layers if is_finite(layer) and not is_zero(layer) and layer.gain > 0]
    if not alive:
        return "no layer passes a signal"
    usual = {name: typical([getattr(layer, name) for layer in alive]) for name in ("gain", "slope", "scale")}
    rest = ratio(usual["gain"], usual["slope"] * usual["scale"])
    factors = (("", usual["gain"]), ("= A", usual["slope"]), ("F", usual["scale"]), ("others", rest))
    return "a layer: " + " ".join(f"{name} ×\u00a0{value:.2f}".strip() for name, value in factors)


def stacked_factors(axis: Any, layers: Sequence[Layer]) -> None:
    """The bars of one net; of many layers, each bar is the mean of some neighbours."""
    size = math.ceil(len(layers) / FEW)
    starts = np.arange(0, len(layers), size)
    stops = np.minimum(starts + size, len(layers))
    centres, widths = (starts + stops + 1) / 2, 0.8 * (stops - starts)
    up, down = np.zeros(len(starts)), np.zeros(len(starts))
    for factor, label, colour, hatch in FACTORS:
        bars = means(logs(column(layers, factor)), starts, stops)
        heights = np.nan_to_num(bars)
        if np.all(np.abs(heights) < NEGLIGIBLE):
            continue
        axis.bar(
            centres,
            heights,
            bottom=np.where(heights >= 0, up, down),
            width=widths,
            color=colour,
            hatch=hatch,
            edgecolor="white",
            lw=0.3,
            label=label,
        )
        up, down = up + np.maximum(heights, 0), down + np.minimum(heights, 0)
    gains = logs(column(layers, "gain"))
    axis.plot(
        centres,
        means(gains, starts, stops),
        "D",
        ms=4,
        mfc="white",
        mec="black",
        label="gain, the sum of all",
        zorder=4,
    )
    if size > 1:
        low, high = (extremes(gains, starts, stops, best) for best in (np.min, np.max))
        axis.vlines(
            centres, low, high, color="black", lw=0.8, zorder=3, label=f"gains of {size} layers, a bar their mean"
        )
    axis.axhline(0, color="black", lw=0.8)
    low, high = axis.get_ylim()
    if high - low < 0.1:  # a factor of 1.25
        axis.set_ylim(min(low, -0.05), max(high, 0.05))
    zero = np.array([is_zero(layer) for layer in layers])
    mark(axis, zero, np.array([not is_finite(layer) for layer in layers]))


def units(canvas: Canvas, nets: Sequence[Measurement], names: Sequence[str]) -> None:
    """Mean slope of each unit of each layer with an activation, and below it the shares of saturated and dead ones."""
    axes = canvas.axes(2 * len(nets), height_ratios=(2.2, 1) * len(nets))[:, 0]
    for upper, lower, net, name in zip(axes[::2], axes[1::2], nets, names, strict=True):
        layers = active(net) or net.layers
        slopes = slopes_of(layers)
        count, widest = len(layers), len(slopes)
        known = slopes[np.isfinite(slopes)]
        image = upper.imshow(
            slopes,
            aspect="auto",
            cmap="cividis",
            vmin=0,
            vmax=max(1.0, float(known.max(initial=0))),
            extent=(0.5, count + 0.5, widest + 0.5, 0.5),
        )
        upper.set_facecolor(UNREACHED)
        canvas.figure.colorbar(image, ax=upper, label="mean slope, |φ'(s)|", pad=0.01)
        upper.set_ylabel("unit, flattest first")
        upper.set_yticks(depth_ticks(widest, 5))
        canvas.title(upper, f"Which units? {name}", crowds(net))
        shares(lower, layers)
        broken = np.array([not np.isfinite(layer.unit_slopes).all() for layer in layers])
        for axis in (upper, lower):
            depth_axis(axis, count, canvas.ticks)
            shown = depth_ticks(count, canvas.ticks)
            axis.set_xticks(shown, [str(layers[tick - 1].number) for tick in shown])
            mark(axis, np.zeros(count, bool), broken)
        upper.grid(visible=False)
        upper.set_xlabel("")
        upper.tick_params(labelbottom=False)
        if np.isnan(slopes).any():
            upper.fill_between([], [], color=UNREACHED, label="no such unit")
    canvas.legend(axes, 2)


def slopes_of(layers: Sequence[Layer]) -> Array:
    """Mean slope, (units, layers), sorted in each layer; nan where a layer has no such unit, or no activation."""
    slopes = np.full((max(layer.unit_slopes.size for layer in layers), len(layers)), np.nan)
    for i, layer in enumerate(layers):
        if not math.isnan(layer.saturated):
            slopes[: layer.unit_slopes.size, i] = np.sort(layer.unit_slopes)
    return slopes


def active(net: Measurement) -> list[Layer]:
    """The layers that have an activation."""
    return [layer for layer in net.layers if not math.isnan(layer.saturated)]


def switches(layer: Layer) -> bool:
    """Whether the activation lets the signal through or stops it, as a ReLU does.

    Then the slopes are 1 or 0, and so their mean is that of their squares, and the share of those that are not 0.
    """
    mean = float(np.mean(layer.unit_slopes))
    apart = max(abs(mean - layer.slope**2), abs(mean - (1 - layer.saturated)))
    return layer.saturated > 0 and apart < 0.03 * mean


def crowds(net: Measurement) -> str:
    """The worst layers, in words."""
    layers = active(net)
    if not layers:
        return "no layer has an activation"
    off, others = ([layer for layer in layers if switches(layer) is kind] for kind in (True, False))
    said = []
    if off:
        worst = max(off, key=lambda layer: layer.saturated)
        said.append(f"up to {worst.saturated:.0%} of slopes are 0 (layer {worst.number}); half is normal for a ReLU")
    if any(layer.saturated for layer in others):
        worst = max(others, key=lambda layer: layer.saturated)
        said.append(f"up to {worst.saturated:.0%} saturated (layer {worst.number})")
    dead = max(layers, key=lambda layer: layer.dead)
    none = "none dead" if said else "none saturated, none dead"
    said.append(f"up to {dead.dead:.0%} dead (layer {dead.number})" if dead.dead else none)
    without = len(net.layers) - len(layers)
    said += [f"{without} layers have no activation"] if without > 1 else []
    return f"{'; '.join(said)}; {dead.examples:,} examples"


def shares(axis: Any, layers: Sequence[Layer]) -> None:
    """Bars of the saturated, or off, and the dead share of each layer; the dead are among the others."""
    edges = np.arange(0.5, len(layers) + 1)
    off = np.array([switches(layer) for layer in layers])
    flat, dead = (np.nan_to_num(column(layers, name)) for name in ("saturated", "dead"))
    looks = (
        (np.where(off, flat, 0), "off: slope 0", UNREACHED, "#777777", ""),
        (np.where(off, 0, flat), "saturated: |φ'(s)| < 0.05", "#f6b48f", COLOURS[1], "///"),
        (dead, "dead: 0 for all examples", COLOURS[0], COLOURS[0], ""),
    )
    for values, label, fill, edge, hatch in looks:
        if values.any():
            axis.stairs(values, edges, fill=True, fc=fill, ec=edge, hatch=hatch, lw=0.8, label=label)
    if off.any():
        axis.axhline(0.5, color="#555555", ls=":", lw=1.5, label="half, normal for a ReLU")
    if not any(np.nan_to_num(column(layers, name)).any() for name in ("saturated", "dead")):
        axis.text((len(layers) + 1) / 2, 0.5, "none saturated, none dead", ha="center", va="center", fontsize=TEXT)
    axis.set_ylim(0, 1)
    axis.set_yticks([0, 0.5, 1], ["0 %", "50 %", "100 %"])
    axis.set_ylabel("share")


def spread(canvas: Canvas, nets: Sequence[Measurement], names: Sequence[str]) -> None:
    """Quantiles of h, s and g in each layer."""
    axes = canvas.axes(len(nets), len(PARTS)).reshape(len(nets), len(PARTS))
    for row, net, name in zip(axes, nets, names, strict=True):
        for axis, (key, what) in zip(row, PARTS, strict=True):
            quantiles = quantiles_of(net.layers, key)
            wide = is_wide(quantiles)
            ribbons(axis, above_zero(axis, quantiles_of(net.layers, key, "magnitudes")) if wide else quantiles)
            axis.set_title(f"|{key}|{what[1:]}" if wide else what, loc="left", fontsize=TEXT, color="#333333")
            if key == "h":
                canvas.question(axis, f"How is it spread? {name}")
            depth_axis(axis, len(net.layers), 6)
            known = np.array([key in layer.spreads for layer in net.layers])
            mark(axis, known & (quantiles == 0).all(axis=1), known & np.isnan(quantiles).all(axis=1))
    canvas.legend(np.ravel(axes), 5)


def quantiles_of(layers: Sequence[Layer], key: str, of: str = "quantiles") -> Array:
    """The seven quantiles of each layer, nan where they are not known; or those of the "magnitudes"."""
    found = np.full((len(layers), 7), np.nan)
    for i, layer in enumerate(layers):
        if key in layer.spreads:
            found[i] = getattr(layer.spreads[key], of)
    return found


def ribbons(axis: Any, quantiles: Array) -> None:
    """Bands of 98, 90 and 50 % of the entries, with the median; each layer as wide as its place."""
    depth = np.arange(1, len(quantiles) + 1)
    sides = np.ravel(np.stack([depth - 0.5, depth + 0.5], axis=1))
    twice = np.repeat(quantiles, 2, axis=0)
    bands = ((0, 6, "#d3e6f3", "98 %"), (1, 5, "#8fc1e0", "90 %"), (2, 4, "#3a8fc4", "50 % of the entries"))
    for low, high, colour, label in bands:
        axis.fill_between(sides, twice[:, low], twice[:, high], color=colour, lw=0, label=label)
    axis.plot(sides, twice[:, 3], color="black", lw=1.2, label="median")


def is_wide(quantiles: Array) -> bool:
    """Whether layers differ so much in size that one linear axis would hide most of them."""
    sizes = np.max(np.abs(quantiles), axis=1)
    sizes = sizes[np.isfinite(sizes) & (sizes > SMALLEST)]
    return bool(sizes.size) and float(sizes.max()) > 100 * float(sizes.min())


def above_zero(axis: Any, magnitudes: Array) -> Array:
    """The same on a logarithmic axis, which zeros lie at the lower edge of."""
    log_axis(axis, [positive(magnitudes)])
    return np.maximum(magnitudes, axis.get_ylim()[0])


def learns(canvas: Canvas, nets: Sequence[Measurement], names: Sequence[str]) -> None:
    """The update ratio of each layer, else its gradient relative to its weights."""
    axis = canvas.axes()[0, 0]
    updates = all(net.update_ratios for net in nets)
    shown: list[Any] = []
    found: list[Tag] = []
    depths = [len(net.layers) for net in nets]
    for i, (net, name, places) in enumerate(zip(nets, names, aligned(depths), strict=True)):
        if updates:
            values = np.array([net.update_ratios.get(layer.number, math.nan) for layer in net.layers])
        else:
            values = np.array([ratio(layer.gradient, layer.weights) for layer in net.layers])
        finite = np.array([is_finite(layer) for layer in net.layers])
        broken = np.isinf(values) | (np.isnan(values) & ~finite)
        line, tag = log_line(axis, i, name, places, values, broken)
        shown.append(line)
        found += tag
    if updates:
        axis.axhspan(HEALTHY / 3, 3 * HEALTHY, facecolor="#009e73", alpha=0.12, lw=0)
        level_line(axis, HEALTHY, f"{power(-3)}, healthy", "#006b4e")
        shown.append(HEALTHY)
    log_axis(axis, shown)
    axis.set_ylabel("rms(change of W)/rms(W), one step" if updates else "rms(g_W)/rms(W)")
    answer = "" if updates else "without an optimizer: the gradient beside the weights"
    canvas.title(axis, QUESTIONS["learns"].title, answer)
    depth_axis(axis, max(depths), canvas.ticks, len(set(depths)) > 1)
    canvas.tag(axis, found if len(nets) > 1 else [])


def is_it_noise(canvas: Canvas, nets: Sequence[Measurement], names: Sequence[str]) -> None:
    """The noise scale of each layer with its two standard errors, beside the number of examples of the batch."""
    axis = canvas.axes()[0, 0]
    known = [(net, name) for net, name in zip(nets, names, strict=True) if net.noise]
    depths = [len(net.layers) for net, _ in known]
    shown: list[Any] = []
    found: list[Tag] = []
    bars = []
    for i, ((net, name), places) in enumerate(zip(known, aligned(depths), strict=True)):
        places = places + 0.16 * (i - (len(known) - 1) / 2)  # noqa: PLW2901 - bars of several nets side by side
        noises = [net.noise.get(layer.number) for layer in net.layers]
        scales = np.array([math.nan if noise is None else noise.scale for noise in noises])
        ends = np.array([(math.nan,) * 2 if noise is None else noise.between for noise in noises])
        line, tag = log_line(axis, i, name, places, scales, np.zeros(len(scales), bool))
        bars.append((places, ends, COLOURS[i % len(COLOURS)]))
        shown += [line, positive(ends[:, 0]), positive(np.minimum(ends[:, 1], 10 * ends[:, 0]))]
        found += tag
    sizes = sorted({noise.examples for net, _ in known for noise in net.noise.values()})
    log_axis(axis, [*shown, *sizes])
    top = axis.get_ylim()[1]
    for places, ends, colour in bars:
        axis.vlines(places, ends[:, 0], np.minimum(ends[:, 1], top), color=colour, lw=1.5, alpha=0.6)
        endless = np.isinf(ends[:, 1])
        if endless.any():
            axis.plot(places[endless], np.full(endless.sum(), top), "^", color=colour, ms=7, clip_on=False)
    for examples in sizes:
        level_line(axis, examples, f"{examples:,} examples, this batch", "#000000", "-.")
    axis.set_ylabel("examples of which half the mean is noise")
    canvas.title(axis, QUESTIONS["noise"].title, noise_in_words(known[0][0]) if len(known) == 1 else "")
    depth_axis(axis, max(depths), canvas.ticks, len(set(depths)) > 1)
    canvas.tag(axis, found if len(known) > 1 else [])


def noise_in_words(net: Measurement) -> str:
    """What the batch's gradient has in common; bars are two standard errors."""
    model = net.model_noise
    if model is None or math.isnan(model.share):
        return ""
    if math.isinf(model.between[1]):
        return f"of all parameters: more than {model.between[0]:,.0f} examples; bars: 2 standard errors"
    known = f"of all parameters: {model.scale:,.0f} examples, so {model.share:.0%} of this batch's mean is in common"
    return f"{known}; bars: 2 standard errors"


def level_line(axis: Any, level: float, text: str, colour: str = "#555555", style: str = ":") -> None:
    """A dotted line at one level that says what it is."""
    axis.axhline(level, color=colour, ls=style, lw=1.5)
    axis.annotate(
        *(text, (0.99, level), (0, 3)),
        xycoords=axis.get_yaxis_transform(),
        textcoords="offset points",
        ha="right",
        fontsize=TEXT,
        bbox={"facecolor": "#ffffff", "edgecolor": "none", "alpha": 0.8, "pad": 0.5},
    )


def directions(canvas: Canvas, spectra: Sequence[JacobianSpectrum], names: Sequence[str]) -> None:
    """The singular values of the Jacobian, largest first; a line for each example."""
    axis = canvas.axes()[0, 0]
    shown: list[Any] = []
    found: list[Tag] = []
    for i, (spectrum, name) in enumerate(zip(spectra, names, strict=True)):
        numbers = np.arange(1, spectrum.values.shape[1] + 1)
        label = f"{name} ({count(len(spectrum.values))})"
        for j, values in enumerate(spectrum.values):
            line, tag = log_line(axis, i, label, numbers, values, ~np.isfinite(values))
            shown.append(line)
            found += tag if j == 0 else []
        if spectrum.largest > 0 and math.isfinite(spectrum.largest):
            level = SMALL * spectrum.largest
            level_line(axis, level, f"{power(-3)} of the largest" if i == 0 else "", COLOURS[i % len(COLOURS)])
            shown.append(level)
    log_axis(axis, shown)
    low, high = axis.get_ylim()
    if low < 1 < high:
        level_line(axis, 1, "1: lengths are kept", "#000000", "-.")
    axis.set_ylabel("singular value of d(output)/d(input)")
    canvas.title(axis, QUESTIONS["directions"].title, spectrum_in_words(spectra[0]) if len(spectra) == 1 else "")
    depth_axis(axis, max(spectrum.values.shape[1] for spectrum in spectra), canvas.ticks)
    axis.set_xlabel("direction, the largest singular value first")
    canvas.tag(axis, found if len(spectra) > 1 else [])


def count(examples: int) -> str:
    return "1 example" if examples == 1 else f"{examples} examples"


def spectrum_in_words(spectrum: JacobianSpectrum) -> str:
    """The four numbers of a spectrum."""
    if not np.isfinite(spectrum.values).all():
        return "not finite"
    return (
        f"largest {in_words(spectrum.largest)}, median {in_words(spectrum.median)}, "
        f"||J||_F/√n {in_words(spectrum.rms)}, {spectrum.below:.0%} below {power(-3)} of the largest"
    )


class Question(NamedTuple):
    """One question: its title, what draws the answer, and how large that gets; narrow ones have a height only."""

    title: str
    draw: Callable[..., None]
    panels: Callable[[int], int]
    size: Callable[[int], tuple[float, float]]
    narrow: Callable[[int], float]

    def canvas(self, nets: int, ax: Any, narrow: bool, beside: bool) -> Canvas:
        """Where to draw the answer."""
        if ax is not None:
            return Canvas(ax.figure, ax)
        width, height = (NARROW, self.narrow(nets)) if narrow else self.size(nets)
        return Canvas(showing.figure(width, height), narrow=narrow, said=[] if beside else None)


QUESTIONS: dict[str, Question] = {
    "map": Question(
        *(QUESTION, how_far, lambda _: 1),
        *(lambda nets: (9.0, height([""] * nets)), lambda nets: height([""] * nets, True)),
    ),
    "where": Question("Where does it shrink or grow?", where, lambda _: 1, lambda _: (7.0, 4.4), lambda _: 3.9),
    "why": Question(
        *("Why? The factors of each layer", why, lambda nets: nets),
        *(lambda nets: (7.0, 1.2 + 3.2 * nets), lambda nets: 1.0 + 3.2 * nets),
    ),
    "units": Question(
        *("Which units?", units, lambda nets: 2 * nets),
        *(lambda nets: (7.0, 0.8 + 4.2 * nets), lambda nets: 0.8 + 4.4 * nets),
    ),
    "spread": Question(
        *("How is it spread?", spread, lambda nets: 3 * nets),
        *(lambda nets: (9.0, 0.6 + 3.2 * nets), lambda nets: 0.8 + 6.6 * nets),
    ),
    "directions": Question("In all directions?", directions, lambda _: 1, lambda _: (7.0, 4.4), lambda _: 3.9),
    "learns": Question("Does it learn?", learns, lambda _: 1, lambda _: (7.0, 4.4), lambda _: 3.9),
    "noise": Question("Is it noise?", is_it_noise, lambda _: 1, lambda _: (7.0, 4.4), lambda _: 3.9),
}
ALONE = {"why", "units", "spread"}  # of these, each net has a figure of its own in a report


class Asked(NamedTuple):
    """One question of a report, and a canvas for each net, or one for all."""

    title: str
    canvases: list[Canvas]


def maps(nets: Sequence[Measurement]) -> list[Canvas]:
    """The map, for phones and for desks."""
    return [answered(nets, "map", narrow=narrow, beside=True) for narrow in (True, False)]


def figures(nets: Sequence[Measurement]) -> list[Asked]:
    """The figures of a report, as narrow as a phone; the first question is the map, narrow and wide."""
    nets = [net for net in nets if net.layers]
    if not nets:
        return []
    asked = ["where", "why", "units", "learns"] if any(map(active, nets)) else ["where", "why", "learns"]
    if any(net.spectrum is not None for net in nets):
        asked.append("directions")
    if any(net.noise for net in nets):
        asked.append("noise")
    if any(has_spreads(net) for net in nets):
        asked.append("spread")  # the tallest, after which a column may end
    found = [Asked(QUESTION, maps(nets))]
    for question in asked:
        groups = [[net] for net in nets] if question in ALONE else [nets]
        needs = {"spread": has_spreads, "units": active}.get(question, bool)
        groups = [group for group in groups if any(map(needs, group))]
        canvases = [answered(group, question, narrow=True, beside=True) for group in groups]
        found.append(Asked(QUESTIONS[question].title, canvases))
    return found
