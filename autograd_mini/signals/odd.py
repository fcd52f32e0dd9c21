"""Layers that change the signal much more, or much less, than the others do: which, by what, and what would help."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from typing import NamedTuple

from autograd_mini.measuring.factors import Layer, Measurement
from autograd_mini.measuring.sizes import ratio
from autograd_mini.signals import faults
from autograd_mini.signals.advice import (
    CAUSES,
    has_activation,
    is_spread_thin,
    look_between,
    merged,
    of_layers,
    resized,
)
from autograd_mini.signals.averages import log, middle, size
from autograd_mini.signals.faults import LISTED, Diagnosis, capital, listed, named
from autograd_mini.words import times

OUTLIER = 10.0  # times the typical gain, or a tenth of it
LIKE_OTHERS = "their factor is then that of the others"
TOGETHER = 1.5  # times a factor of another, and its square of the gain: layers within it are told in one sentence

UNIFORM = "All its units have the same weights, so that only the sum of their signals passes{but}. Draw them at random."


def outliers(layers: Sequence[Layer], apart: float = OUTLIER) -> list[Layer]:
    """Layers that change the signal much more, or much less, than most do; the last first, as the signal meets them."""
    gains = [layer.gain for layer in layers if layer.gain > 0]
    if len(gains) < 4:
        return []
    usual = statistics.median(gains)
    far = [layer for layer in layers[::-1] if layer.gain > 0 and not 1 / apart < layer.gain / usual < apart]
    return [layer for layer in far if layer is not layers[-1] or not is_spread_thin(layer)]


class Odd(NamedTuple):
    """Layers that differ alike, by the same factor; most of them alone."""

    layers: tuple[Layer, ...]
    factor: str

    @property
    def numbers(self) -> tuple[int, ...]:
        return faults.numbers(self.layers)

    @property
    def names(self) -> str:
        return named(self.layers[0]) if len(self.layers) == 1 else of_layers(self.numbers)

    def of(self, value: Callable[[Layer], float]) -> str:
        """`×96`, `×96 to ×130`: of all of them."""
        values = [value(layer) for layer in self.layers]
        return " to ".join(dict.fromkeys((times(min(values)), times(max(values)))))


def usually(measured: Measurement) -> dict[str, float]:
    """What is typical of each factor."""
    factors = [merged(layer) for layer in measured.layers]
    return {name: middle([one[name] for one in factors]) for name in CAUSES}


def together(odd: Sequence[Layer], measured: Measurement) -> list[Odd]:
    """Layers that differ by the same factor and about as much, in groups; in the order of the first of each."""
    usual, groups = usually(measured), list[Odd]()
    for layer in odd:
        factors = merged(layer)
        factor = max(factors, key=lambda name: size(log(ratio(factors[name], usual[name]))))
        alike = (
            i
            for i, group in enumerate(groups)
            if group.factor == factor
            and all(are_alike(layer, other, factor) for other in group.layers)
            and in_common(layer, factor, usual, measured) == in_common(group.layers[0], factor, usual, measured)
        )
        at = next(alike, None)
        if at is None:
            groups.append(Odd((layer,), factor))
        else:
            groups[at] = Odd((*groups[at].layers, layer), factor)
    return [group._replace(layers=tuple(sorted(group.layers, key=lambda one: one.number))) for group in groups]


def are_alike(layer: Layer, other: Layer, factor: str) -> bool:
    """Whether two layers change the signal about as much, and by as much of one factor."""
    apart = (ratio(layer.gain, other.gain), ratio(merged(layer)[factor], merged(other)[factor]))
    return all(1 / most < one < most for one, most in zip(apart, (TOGETHER**2, TOGETHER), strict=True))


def in_common(layer: Layer, factor: str, usual: dict[str, float], measured: Measurement) -> object:
    """What layers have in common that can be told, and cured, in one sentence."""
    if factor == "scale":
        return is_drawn(layer)
    return cure_of_one(layer, factor, ratio(usual[factor], merged(layer)[factor]), measured)


def told(group: Odd, measured: Measurement) -> Diagnosis:
    """How layers differ from the others, by which factor, and what would change it."""
    usual = middle([other.gain for other in measured.layers])
    verb = "stands out:" if len(group.layers) == 1 else "stand out: each makes it"
    gains = group.of(lambda layer: layer.gain)
    where = f"{capital(group.names)} {verb} {gains} where others have {times(usual)}."
    return Diagnosis("", where, f"It is {why(group, measured)}.", cure(group, measured), group.numbers, group.factor)


def why(group: Odd, measured: Measurement) -> str:
    """The factor by which layers differ, and that it is not another."""
    name, dead = group.factor, faults.most_dead(measured)
    usual = times(usually(measured)[name])
    said = f"{CAUSES[name]} ({group.of(lambda layer: merged(layer)[name])} where others have {usual})"
    if name != "slope" and all(has_activation(layer) for layer in group.layers):
        its = "its activation" if len(group.layers) == 1 else "their activations"
        return f"{said}, not the slope of {its} ({group.of(lambda layer: merged(layer)['slope'])})"
    if name == "slope" and len(group.layers) == 1 and group.layers[0] in dead:
        (layer,) = group.layers
        no_slope = faults.no_slope(layer, measured)
        return f"{said}: {layer.dead:.0%} of its units are dead, with {no_slope} for {faults.over([layer], measured)}"
    return said


def cure(group: Odd, measured: Measurement) -> str:
    """What would make layers like the others."""
    name, usual = group.factor, usually(measured)[group.factor]
    changes = [ratio(usual, merged(layer)[name]) for layer in group.layers]
    if name != "scale" or not all(math.isfinite(change) and change > 0 for change in changes):
        return cure_of_one(group.layers[0], name, changes[0], measured)
    its = "its" if len(group.layers) == 1 else "their"
    stds = [layer.weights_std for layer in group.layers]
    wanted = [std * change for std, change in zip(stds, changes, strict=True)]
    if not all(is_drawn(layer) for layer in group.layers):
        return f"Make {its} weights {resized(*changes)}: {LIKE_OTHERS}."
    deviation = f"a standard deviation of {about(wanted)} instead of {about(stds)} ({resized(*changes)})"
    return f"Give {its} weights {deviation}: {LIKE_OTHERS}."


def about(values: Sequence[float]) -> str:
    """`0.25`, `0.24 to 0.26`."""
    return " to ".join(dict.fromkeys((f"{min(values):.2g}", f"{max(values):.2g}")))


def is_drawn(layer: Layer) -> bool:
    """Whether the standard deviation of weights says how large they are: not of those that are all about the same."""
    return math.isfinite(layer.weights_std) and layer.weights_std > 0.5 * layer.weights


def all_told(odd: Sequence[Layer], measured: Measurement) -> Diagnosis:
    """The same of a few layers in one, the worst first."""
    groups = together(odd, measured)
    if len(groups) == 1:
        return told(groups[0], measured)
    more = len(groups) - LISTED
    groups = groups[:LISTED]
    usual = middle([other.gain for other in measured.layers])
    names = listed([f"{group.names} ({group.of(lambda layer: layer.gain)})" for group in groups])
    where = f"{capital(names)} stand out{' most' if more > 0 else ''}; others have {times(usual)}."
    causes = " ".join(f"In {of_layers(group.numbers)} it is {why(group, measured)}." for group in groups)
    cures: dict[str, list[int]] = {}
    for group in groups:
        cures.setdefault(cure(group, measured), []).extend(group.numbers)
    number = sum(len(group.layers) for group in groups)
    cured = " ".join(
        text if len(at) == number else f"{capital(of_layers(at))}: {text}" for text, at in cures.items() if text
    )
    numbers = tuple(one for group in groups for one in group.numbers)
    return Diagnosis("", where, causes, cured, numbers, groups[0].factor)


def rest_told(odd: Sequence[Layer], measured: Measurement) -> list[Diagnosis | str]:
    """The same of each group of others."""
    groups = together(odd, measured)
    said: list[Diagnosis | str] = [told(group, measured) for group in groups[:LISTED]]
    more = [number for group in groups[LISTED:] for number in group.numbers]
    if more:
        said.append(f"{capital(of_layers(more))} stand{'s' * (len(more) == 1)} out as well.")
    return said


def cure_of_one(layer: Layer, factor: str, change: float, measured: Measurement) -> str:
    """What would make one layer like the others; `change` is how many times larger its factor would be."""
    if factor == "direction" and layer.number in measured.causes.equal:
        return UNIFORM.format(but=", which is 0 but for rounding" if layer.direction < 1e-5 else "")
    if factor == "slope" and layer in faults.most_dead(measured):
        return faults.dead_cure([layer], measured)
    last = layer is measured.layers[-1]
    if last and factor in {"slope", "rest"} and measured.causes.squashed is not None:
        return next(faults.squashed(measured)).cure
    dropouts = [one for one in faults.masks(measured) if factor == "rest" and layer.number in one.layers]
    if dropouts:
        return str(dropouts[0])
    if (
        factor == "slope"
        and change > 1
        and layer.saturated >= faults.CROWDED
        and layer.number in measured.causes.rounded
    ):
        return (
            "Its activation is flat where its scores are: weights or biases of another size bring them back, as would "
            "a normalisation of them."
        )
    return {
        "direction": "The signal lies along small singular values of its weights; orthogonal weights have none."
        if change > 1
        else "The signal lies along its largest singular values; orthogonal weights treat all directions alike.",
        "alignment": "Its slopes are small where the signal is." if change > 1 else "",
        "rest": look_between([layer], measured),
    }.get(factor, "")
