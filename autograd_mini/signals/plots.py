"""Measured signals as matplotlib figures, one for each question; nothing is shown, kept open or configured."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from autograd_mini.drawing.palette import BLAME, UNREACHED
from autograd_mini.measuring.factors import Layer, Measurement
from autograd_mini.measuring.sizes import ratio
from autograd_mini.measuring.spectrum import SMALL, JacobianSpectrum
from autograd_mini.signals.axes import (
    COLOURS,
    SMALLEST,
    Array,
    Canvas,
    column,
    depth_axis,
    depth_ticks,
    extremes,
    figure,
    is_finite,
    is_zero,
    log_axis,
    log_line,
    logs,
    mark,
    means,
    positive,
    title,
)
from autograd_mini.signals.findings import diagnosis, typical

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

FACTORS = (
    ("slope", "A, slope of the activation", "#e08214", ""),
    ("alignment", "a, alignment", "#fdb863", "///"),
    ("scale", "F, scale of the weights", "#542788", ""),
    ("direction", "w, direction", "#b2abd2", "\\\\\\"),
    ("rest", "rest", "#a3a3a3", "xxx"),
)
PARTS = (("h", "h, the layer's result"), ("s", "s, the scores"), ("g", "g, the signal"))
HEALTHY = 1e-3
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
        canvas = Canvas(figure(*asked.size(1))) if ax is None else Canvas(ax.figure, ax)
        directions(canvas, [found for found, _ in known], [name for _, name in known])
        return canvas.figure
    if not all(net.layers for net in nets):
        raise ValueError(NO_LAYERS)
    if question == "spread" and not any(has_spreads(net) for net in nets):
        raise ValueError(NO_SPREADS)
    canvas = Canvas(figure(*asked.size(len(nets)))) if ax is None else Canvas(ax.figure, ax)
    asked.draw(canvas, nets, titles)
    return canvas.figure


def has_spreads(net: Measurement) -> bool:
    """Whether the values of the forward are known."""
    return any(layer.spreads.keys() & {"h", "s"} for layer in net.layers)


# The questions


def where(canvas: Canvas, nets: Sequence[Measurement], names: Sequence[str]) -> None:
    """log rms(g) against depth, dashed what it would be with independent weights."""
    axis = canvas.axes()[0, 0]
    shown, theories = [], 0
    for i, (net, name) in enumerate(zip(nets, names, strict=True)):
        numbers = np.arange(1, len(net.layers) + 1)
        rms = np.array([layer.g.rms for layer in net.layers])
        shown.append(log_line(axis, i, name, numbers, rms, ~np.isfinite(rms)))
        expected = theory(net.layers)
        if np.isfinite(expected[:-1]).any():
            axis.plot(numbers, expected, "--", color=COLOURS[i % len(COLOURS)], lw=1.2, alpha=0.8)
            theories += 1
    if theories:
        axis.plot([], [], "--", color="#555555", lw=1.2, label="if weights were independent: A F of the layers above")
    if len(nets) == 1:
        blamed = np.array(diagnosis(nets[0]).layers, int)
        rms = np.array([nets[0].layers[number - 1].g.rms for number in blamed])
        if blamed.size and np.isfinite(rms).all():
            axis.plot(blamed, rms, "o", ms=14, mfc="none", mec=BLAME, mew=2.5, label="look here")
    log_axis(axis, shown)  # the theory, which may be decades away, does not set the scale
    axis.set_ylabel("rms(g), the size of the signal")
    title(axis, "Where does it shrink or grow?", change(nets[0].layers) if len(nets) == 1 else "")
    depth_axis(axis, max(len(net.layers) for net in nets))
    canvas.legend([axis])


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
        return f"{first.g.rms:.1e} at the only layer"
    return f"from {last.g.rms:.1e} at layer {last.number} to {first.g.rms:.1e} at layer 1"


def why(canvas: Canvas, nets: Sequence[Measurement], names: Sequence[str]) -> None:
    """log10 of each factor of each layer, stacked: what shrinks below zero, what enlarges above."""
    axes = canvas.axes(len(nets))[:, 0]
    for axis, net, name in zip(axes, nets, names, strict=True):
        stacked_factors(axis, net.layers)
        axis.set_ylabel("log10 of the factor")
        title(axis, f"Why? {name}", factors_of(net.layers))
        depth_axis(axis, len(net.layers))
    canvas.legend(axes, 3)


def factors_of(layers: Sequence[Layer]) -> str:
    """The typical factors."""
    alive = [layer for layer in layers if is_finite(layer) and not is_zero(layer) and layer.gain > 0]
    if not alive:
        return "no layer passes a signal"
    usual = {name: typical([getattr(layer, name) for layer in alive]) for name in ("gain", "slope", "scale")}
    rest = ratio(usual["gain"], usual["slope"] * usual["scale"])
    return f"a layer: x{usual['gain']:.2f} = A x{usual['slope']:.2f}, F x{usual['scale']:.2f}, others x{rest:.2f}"


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
    """Mean slope of each unit of each layer, and below it the shares of saturated and dead ones."""
    axes = canvas.axes(2 * len(nets), height_ratios=(2.2, 1) * len(nets))[:, 0]
    for upper, lower, net, name in zip(axes[::2], axes[1::2], nets, names, strict=True):
        slopes = slopes_of(net.layers)
        count, widest = len(net.layers), len(slopes)
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
        canvas.figure.colorbar(image, ax=upper, label="mean |phi'(s)|", pad=0.01)
        upper.set_ylabel("unit, flattest first")
        upper.set_yticks(depth_ticks(widest, 5))
        title(upper, f"Which units? {name}", crowds(net.layers))
        shares(lower, net.layers)
        broken = np.array([not np.isfinite(layer.unit_slopes).all() for layer in net.layers])
        for axis in (upper, lower):
            depth_axis(axis, count)
            mark(axis, np.zeros(count, bool), broken)
        upper.grid(visible=False)
        upper.set_xlabel("")
        upper.tick_params(labelbottom=False)
    axes[0].fill_between([], [], color=UNREACHED, label="no such unit, or no activation")
    canvas.legend(axes, 2)


def slopes_of(layers: Sequence[Layer]) -> Array:
    """Mean slope, (units, layers), sorted in each layer; nan where a layer has no such unit, or no activation."""
    slopes = np.full((max(layer.unit_slopes.size for layer in layers), len(layers)), np.nan)
    for i, layer in enumerate(layers):
        if not math.isnan(layer.saturated):
            slopes[: layer.unit_slopes.size, i] = np.sort(layer.unit_slopes)
    return slopes


def crowds(layers: Sequence[Layer]) -> str:
    """The worst layers, in words."""
    active = [layer for layer in layers if not math.isnan(layer.saturated)]
    if not active:
        return "no layer has an activation"
    saturated, dead = max(active, key=lambda x: x.saturated), max(active, key=lambda x: x.dead)
    return (
        f"at most {saturated.saturated:.0%} of slopes below 0.05 (layer {saturated.number}), "
        f"{dead.dead:.0%} of units dead (layer {dead.number}), {dead.examples} examples"
    )


def shares(axis: Any, layers: Sequence[Layer]) -> None:
    """Bars of the saturated and the dead share of each layer; the dead are among the saturated."""
    edges = np.arange(0.5, len(layers) + 1)
    looks = (
        ("saturated", "saturated: |phi'(s)| < 0.05", "#f6b48f", COLOURS[1], "///"),
        ("dead", "dead: 0 for all examples", COLOURS[0], COLOURS[0], ""),
    )
    for name, label, fill, edge, hatch in looks:
        values = np.nan_to_num(column(layers, name))
        axis.stairs(values, edges, fill=True, fc=fill, ec=edge, hatch=hatch, lw=0.8, label=label)
    axis.set_ylim(0, 1)
    axis.set_yticks([0, 0.5, 1], ["0 %", "50 %", "100 %"])
    axis.set_ylabel("share")


def spread(canvas: Canvas, nets: Sequence[Measurement], names: Sequence[str]) -> None:
    """Quantiles of h, s and g in each layer."""
    axes = canvas.axes(len(nets), len(PARTS))
    for row, net, name in zip(axes, nets, names, strict=True):
        for axis, (key, what) in zip(row, PARTS, strict=True):
            quantiles = quantiles_of(net.layers, key)
            wide = is_wide(quantiles)
            ribbons(axis, above_zero(axis, quantiles_of(net.layers, key, "magnitudes")) if wide else quantiles)
            title(axis, f"How is it spread? {name}" if key == "h" else " ", f"|{key}|{what[1:]}" if wide else what)
            depth_axis(axis, len(net.layers), 6)
            axis.tick_params(labelsize=8)
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
    for i, (net, name) in enumerate(zip(nets, names, strict=True)):
        if updates:
            values = np.array([net.update_ratios.get(layer.number, math.nan) for layer in net.layers])
        else:
            values = np.array([ratio(layer.gradient, layer.weights) for layer in net.layers])
        finite = np.array([is_finite(layer) for layer in net.layers])
        broken = np.isinf(values) | (np.isnan(values) & ~finite)
        shown.append(log_line(axis, i, name, np.arange(1, len(values) + 1), values, broken))
    if updates:
        axis.axhspan(HEALTHY / 3, 3 * HEALTHY, color="#009e73", alpha=0.12, lw=0)
        axis.axhline(HEALTHY, color="#006b4e", ls=":", lw=1.5, label="1e-3, healthy")
        shown.append(HEALTHY)
    log_axis(axis, shown)
    axis.set_ylabel("rms(change of W)/rms(W), one step" if updates else "rms(g_W)/rms(W)")
    answer = "" if updates else "without an optimizer: the gradient beside the weights"
    title(axis, "Does it learn?", answer)
    depth_axis(axis, max(len(net.layers) for net in nets))
    canvas.legend([axis])


def directions(canvas: Canvas, spectra: Sequence[JacobianSpectrum], names: Sequence[str]) -> None:
    """The singular values of the Jacobian, largest first; a line for each example."""
    axis = canvas.axes()[0, 0]
    shown: list[Any] = []
    for i, (spectrum, name) in enumerate(zip(spectra, names, strict=True)):
        numbers = np.arange(1, spectrum.values.shape[1] + 1)
        for j, values in enumerate(spectrum.values):
            label = f"{name} ({count(len(spectrum.values))})" if j == 0 else f"_{name} {j + 1}"
            broken = ~np.isfinite(values)
            shown.append(log_line(axis, i, label, numbers, values, broken))
        if spectrum.largest > 0 and math.isfinite(spectrum.largest):
            line = SMALL * spectrum.largest
            axis.axhline(line, color=COLOURS[i % len(COLOURS)], ls=":", lw=1.2)
            shown.append(line)
    axis.plot([], [], ":", color="#555555", lw=1.2, label="1e-3 of the largest")
    log_axis(axis, shown)
    low, high = axis.get_ylim()
    if low < 1 < high:
        axis.axhline(1, color="black", ls="-.", lw=0.8, label="1: lengths are kept")
    axis.set_ylabel("singular value of d(output)/d(input)")
    title(axis, "In all directions?", spectrum_in_words(spectra[0]) if len(spectra) == 1 else "")
    depth_axis(axis, max(spectrum.values.shape[1] for spectrum in spectra))
    axis.set_xlabel("direction, from the largest singular value to the smallest")
    canvas.legend([axis])


def count(examples: int) -> str:
    return "1 example" if examples == 1 else f"{examples} examples"


def spectrum_in_words(spectrum: JacobianSpectrum) -> str:
    """The four numbers of a spectrum."""
    if not np.isfinite(spectrum.values).all():
        return "not finite"
    return (
        f"largest {spectrum.largest:.1e}, median {spectrum.median:.1e}, ||J||_F/sqrt(n) {spectrum.rms:.1e}, "
        f"{spectrum.below:.0%} below 1e-3 of the largest"
    )


class Question(NamedTuple):
    """One question: its title, what draws the answer, and how large that gets."""

    title: str
    draw: Callable[..., None]
    panels: Callable[[int], int]
    size: Callable[[int], tuple[float, float]]


QUESTIONS: dict[str, Question] = {
    "where": Question("Where does it shrink or grow?", where, lambda _: 1, lambda _: (7.0, 4.4)),
    "why": Question("Why? The factors of each layer", why, lambda nets: nets, lambda nets: (7.0, 1.2 + 3.2 * nets)),
    "units": Question("Which units?", units, lambda nets: 2 * nets, lambda nets: (7.0, 0.8 + 4.2 * nets)),
    "spread": Question("How is it spread?", spread, lambda nets: 3 * nets, lambda nets: (9.0, 0.6 + 3.2 * nets)),
    "directions": Question("In all directions?", directions, lambda _: 1, lambda _: (7.0, 4.4)),
    "learns": Question("Does it learn?", learns, lambda _: 1, lambda _: (7.0, 4.4)),
}


def figures(nets: Sequence[Measurement]) -> list[tuple[str, Figure]]:
    """The plots of a report, each with its question."""
    nets = [net for net in nets if net.layers]
    if not nets:
        return []
    asked = ["where", "why", "units", "learns"]
    if any(has_spreads(net) for net in nets):
        asked.insert(3, "spread")
    if any(net.spectrum is not None for net in nets):
        asked.append("directions")
    return [(QUESTIONS[question].title, plot(nets, question)) for question in asked]
