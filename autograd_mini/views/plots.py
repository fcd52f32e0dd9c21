"""Measured signals as matplotlib figures, one for each question; nothing is shown, kept open or configured."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from autograd_mini.factors import Measurement
from autograd_mini.measuring import ratio
from autograd_mini.spectrum import JacobianSpectrum

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NO_MATPLOTLIB = 'Plots need matplotlib. Write `pip install "autograd-mini[plot]"`.'
UNKNOWN = "plot({question!r}) was asked for. The questions are {known}."
NO_LAYERS = "plot(...) found no layers to plot: no operation mixes data with a parameter."
NO_SPECTRUM = (
    'plot("directions") shows singular values of the Jacobian. Write '
    '`nn.signals(..., spectrum=4)`, or `plot("directions", spectrum=jacobian_spectrum(f, x))`.'
)
NO_SPREADS = (
    'plot("spread") shows how h, s and g are spread, and there are no values. `nn.signals` has them; for a computation '
    "of your own write `with Recorder() as forward: ...` and `signals(loss, forward=forward)`."
)

MARKERS, LINES = "osD^v*P", ("-", "--", "-.", ":")
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")  # Okabe and Ito 2008
FACTORS = (
    ("slope", "A slope of the activation", "#e08214", ""),
    ("alignment", "a alignment", "#fdb863", "//"),
    ("scale", "F scale of the weights", "#542788", ""),
    ("direction", "w direction", "#b2abd2", "\\\\"),
    ("rest", "rest", "#a3a3a3", "xx"),
)
SMALLEST = 1e-300


def figure(width: float = 7.0, height: float = 4.4) -> Figure:
    """An empty figure that belongs to nobody else."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError(NO_MATPLOTLIB) from error
    made = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(made)
    return made


def plot(
    nets: Sequence[Measurement], question: str, names: Sequence[str] | None, spectrum: JacobianSpectrum | None
) -> Figure:
    """The figure that answers one question.

    Raises
    ------
    ValueError
        If the question is not known, or what it needs is not there.
    ImportError
        If matplotlib is missing.
    """
    if question not in QUESTIONS:
        raise ValueError(UNKNOWN.format(question=question, known=", ".join(map(repr, QUESTIONS))))
    if question == "directions":
        spectrum = spectrum or nets[0].spectrum
        if spectrum is None:
            raise ValueError(NO_SPECTRUM)
        return directions(spectrum)
    if not all(net.layers for net in nets):
        raise ValueError(NO_LAYERS)
    return QUESTIONS[question][1](nets, list(names or [net.name for net in nets]))


def column(net: Measurement, name: str) -> np.ndarray[Any, Any]:
    """One number of each layer; what is zero or not finite leaves a gap."""
    values = np.array([getattr(layer, name) for layer in net.layers], dtype=float)
    return np.where(np.isfinite(values), values, np.nan)


def depth_axis(axis: Any, layers: int, ticks: int = 12) -> None:
    """Layers along the horizontal axis, with few enough ticks."""
    axis.set_xlabel("layer (1 is next to the input)")
    axis.set_xlim(0.3, layers + 0.7)
    step = max(1, math.ceil(layers / ticks))
    axis.set_xticks(sorted({1, *range(step, layers + 1, step)}))
    axis.grid(alpha=0.3)


def where(nets: Sequence[Measurement], names: Sequence[str]) -> Figure:
    """log rms(g) against depth, with what independent weights would do."""
    made = figure()
    axis = made.add_subplot()
    for i, (net, name) in enumerate(zip(nets, names, strict=True)):
        depth = np.arange(1, len(net.layers) + 1)
        rms = np.array([layer.g.rms for layer in net.layers])
        shown = np.where((rms > SMALLEST) & np.isfinite(rms), rms, np.nan)
        style = {"color": COLOURS[i % len(COLOURS)], "marker": MARKERS[i % len(MARKERS)], "ms": 4, "lw": 1.4}
        axis.semilogy(depth, shown, ls=LINES[i % 4], label=name, markevery=max(1, len(depth) // 30), **style)
        theory = rms[-1] * np.cumprod([layer.predicted for layer in net.layers[:0:-1]])[::-1]
        if len(theory):
            theory = np.where((theory > SMALLEST) & np.isfinite(theory), theory, np.nan)
            axis.semilogy(depth[:-1], theory, color=style["color"], lw=3, alpha=0.25, label=f"{name}: theory, A F")
        gone = depth[rms == 0]
        if len(gone):
            axis.plot(gone, np.full(len(gone), 0.02), "x", color=style["color"], transform=axis.get_xaxis_transform())
            axis.annotate("x: exactly zero", (gone[-1], 0.05), xycoords=axis.get_xaxis_transform(), fontsize=8)
    axis.set_ylabel("rms(g)")
    axis.set_title("Where does it shrink?")
    depth_axis(axis, max(len(net.layers) for net in nets))
    axis.legend(fontsize=8)
    return made


def why(nets: Sequence[Measurement], names: Sequence[str]) -> Figure:
    """log10 of each factor of each layer, stacked: what shrinks below zero, what enlarges above."""
    made = figure(7.0, 3.2 * len(nets) + 1.0)
    axes = made.subplots(len(nets), 1, squeeze=False)[:, 0]
    for axis, net, name in zip(axes, nets, names, strict=True):
        depth = np.arange(1, len(net.layers) + 1)
        up, down = np.zeros(len(depth)), np.zeros(len(depth))
        for factor, label, colour, hatch in FACTORS:
            with np.errstate(divide="ignore", invalid="ignore"):
                logs = np.log10(column(net, factor))
            logs = np.where(np.isfinite(logs), logs, 0.0)
            if factor == "rest" and np.all(np.abs(logs) < 1e-3):
                continue
            base = np.where(logs >= 0, up, down)
            axis.bar(
                depth, logs, bottom=base, color=colour, hatch=hatch, width=0.8, label=label, edgecolor="white", lw=0.3
            )
            up, down = up + np.maximum(logs, 0), down + np.minimum(logs, 0)
        with np.errstate(divide="ignore", invalid="ignore"):
            net_gain = np.log10(column(net, "gain"))
        axis.plot(depth, np.where(np.isfinite(net_gain), net_gain, np.nan), "k_", ms=8, mew=2, label="gain, the sum")
        axis.axhline(0, color="black", lw=0.8)
        axis.set_ylabel("log10 of the factor")
        axis.set_title(f"Why? {name}")
        depth_axis(axis, len(depth))
    handles, labels = axes[0].get_legend_handles_labels()
    made.legend(handles, labels, loc="outside lower center", fontsize=7, ncols=3)
    return made


def units(nets: Sequence[Measurement], names: Sequence[str]) -> Figure:
    """Mean slope of each unit of each layer, and the shares of saturated and dead ones."""
    made = figure(7.0, 3.6 * len(nets) + 0.6)
    axes = made.subplots(len(nets), 2, squeeze=False, width_ratios=(2, 1))
    for (left, right), net, name in zip(axes, nets, names, strict=True):
        shown = [layer for layer in net.layers if not math.isnan(layer.saturated)] or list(net.layers)
        widest = max(layer.unit_slopes.size for layer in shown)
        slopes = np.full((widest, len(shown)), np.nan)
        for i, layer in enumerate(shown):
            slopes[: layer.unit_slopes.size, i] = np.sort(layer.unit_slopes)
        first, last = shown[0].number, shown[-1].number
        extent = (first - 0.5, last + 0.5, widest + 0.5, 0.5)
        image = left.imshow(
            slopes, aspect="auto", cmap="cividis", vmin=0, vmax=1, extent=extent, interpolation="nearest"
        )
        made.colorbar(image, ax=left, label="mean |phi'(s)|")
        left.set_ylabel("unit, sorted by slope")
        left.set_title(f"Which units? {name}", fontsize=10)
        left.set_xlabel("layer")
        numbers = [layer.number for layer in shown]
        right.plot(numbers, [layer.saturated for layer in shown], "-", color=COLOURS[1], label="|slope| < 0.05")
        right.plot(numbers, [layer.dead for layer in shown], "--", color=COLOURS[0], label="dead")
        right.set_ylim(-0.03, 1.03)
        right.set_ylabel("share")
        depth_axis(right, last, 4)
        right.set_xlabel("layer")
        right.legend(fontsize=7)
    return made


def spread(nets: Sequence[Measurement], names: Sequence[str]) -> Figure:
    """Quantiles of h, s and g in each layer."""
    if not any(layer.spreads.keys() & {"h", "s"} for net in nets for layer in net.layers):
        raise ValueError(NO_SPREADS)
    made = figure(9.0, 3.2 * len(nets) + 0.4)
    axes = made.subplots(len(nets), 3, squeeze=False)
    what = {"h": "h, the results", "s": "s, the scores", "g": "g, the signal"}
    for row, net, name in zip(axes, nets, names, strict=True):
        for axis, key in zip(row, what, strict=True):
            known = [layer for layer in net.layers if key in layer.spreads]
            depth = [layer.number for layer in known]
            quantiles = np.array([layer.spreads[key].quantiles for layer in known]).reshape(-1, 7)
            for low, high, alpha in ((0, 6, 0.15), (1, 5, 0.3), (2, 4, 0.5)):
                axis.fill_between(depth, quantiles[:, low], quantiles[:, high], color=COLOURS[0], alpha=alpha, lw=0)
            sizes = np.max(np.abs(quantiles[:, (2, 4)]), axis=1)
            sizes = sizes[np.isfinite(sizes) & (sizes > SMALLEST)]
            if sizes.size and sizes.max() > 100 * sizes.min():
                axis.set_yscale("symlog", linthresh=float(sizes.min()))
            else:
                axis.plot(depth, quantiles[:, 3], "k.-", ms=3, lw=0.8)
            axis.set_title(f"{name}: {what[key]}" if key == "h" else what[key], fontsize=9)
            depth_axis(axis, len(net.layers), 6)
            axis.set_xlabel("layer")
            axis.tick_params(labelsize=7)
    made.supylabel("median, and 50, 90, 98 % of the entries", fontsize=8)
    return made


def learns(nets: Sequence[Measurement], names: Sequence[str]) -> Figure:
    """The update ratio of each layer, else its gradient relative to its weights."""
    made = figure()
    axis = made.add_subplot()
    updates = all(net.update_ratios for net in nets)
    for i, (net, name) in enumerate(zip(nets, names, strict=True)):
        if updates:
            values = np.array([net.update_ratios.get(layer.number, math.nan) for layer in net.layers])
        else:
            values = np.array([ratio(layer.gradient, layer.weights) for layer in net.layers])
        shown = np.where((values > SMALLEST) & np.isfinite(values), values, np.nan)
        style = {"color": COLOURS[i % len(COLOURS)], "marker": MARKERS[i % len(MARKERS)], "ms": 4, "ls": LINES[i % 4]}
        axis.semilogy(np.arange(1, len(values) + 1), shown, label=name, **style)
    if updates:
        axis.axhspan(3e-4, 3e-3, color="#009e73", alpha=0.15, label="healthy, near 1e-3")
    axis.set_ylabel("rms(change of W)/rms(W), one step" if updates else "rms(g_W)/rms(W)")
    axis.set_title("Does it learn?")
    depth_axis(axis, max(len(net.layers) for net in nets))
    axis.legend(fontsize=8)
    return made


def directions(spectrum: JacobianSpectrum) -> Figure:
    """The singular values of the Jacobian, largest first."""
    made = figure()
    axis = made.add_subplot()
    number = np.arange(1, spectrum.values.shape[1] + 1)
    for i, values in enumerate(spectrum.values):
        shown = np.where((values > SMALLEST) & np.isfinite(values), values, np.nan)
        axis.semilogy(number, shown, ".-", ms=4, lw=0.8, color=COLOURS[i % len(COLOURS)], label=f"example {i + 1}")
    axis.axhline(1e-3 * spectrum.largest, color="black", ls=":", lw=1, label="1e-3 of the largest")
    axis.set_xlabel("singular value, largest first")
    axis.set_ylabel("size")
    axis.set_title(f"In all directions? {spectrum.below:.0%} are below 1e-3 of the largest")
    axis.grid(alpha=0.3)
    if len(spectrum.values) <= 8:
        axis.legend(fontsize=8)
    return made


QUESTIONS: dict[str, tuple[str, Callable[..., Figure]]] = {
    "where": ("Where does it shrink?", where),
    "why": ("Why? The factors of each layer", why),
    "units": ("Which units?", units),
    "spread": ("How is it spread?", spread),
    "directions": ("In all directions?", directions),
    "learns": ("Does it learn?", learns),
}


def figures(nets: Sequence[Measurement]) -> list[tuple[str, Figure]]:
    """The plots of a report, each with its question."""
    nets = [net for net in nets if net.layers]
    if not nets:
        return []
    names = [net.name for net in nets]
    asked = ["where", "why", "units", "learns"]
    if any(layer.spreads.keys() & {"h", "s"} for net in nets for layer in net.layers):
        asked.insert(3, "spread")
    made = [(QUESTIONS[question][0], QUESTIONS[question][1](nets, names)) for question in asked]
    spectra = [(f"In all directions? {net.name}", directions(net.spectrum)) for net in nets if net.spectrum is not None]
    return made + spectra
