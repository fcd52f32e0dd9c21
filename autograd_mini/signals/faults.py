"""Faults that have sentences of their own, whatever the signal does else: zeros, numbers that are not finite, dead
units, copies, steps, masks, losses that squash twice, parameters that nothing reaches. How it falls is `findings`."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from autograd_mini.measuring.causes import Cut
from autograd_mini.measuring.factors import Layer, Measurement
from autograd_mini.measuring.sizes import finding
from autograd_mini.words import in_words

CROWDED = 0.25  # share of units
SEVERAL = 8  # examples that a unit passes nothing for, before it is called dead
CANCELLING = 0.05  # coherence of branches below it
LISTED = 3
TARGET = 1e-4, 1e-1  # rms(change of W)/rms(W) outside of it is remarkable; healthy is near 1e-3

CHECKED = (
    "Run the step inside `with autograd_mini.checked():` to see the operation and the line that made the first one."
)
DRAWN = "Draw its weights at random (`nn.init`)."
DRAW_THEM = "Draw their weights at random (`nn.init`)."
STEP_CURE = "Another function, such as tanh, passes a signal; so does a rule of its own that lets it straight through."
FLAT_CURE = "PReLU with He's weights has a slope on both sides of 0, so that none of its units is dead."
ROUNDED_CURE = (
    "Their scores are too large: smaller weights, biases or inputs bring them to where {operation} is not flat."
)
CONSTANT = "What the activation of {at} gives does not depend on its scores, so no weights revive it."
CUTS = {
    "one entry": (
        "Behind the weights of {at} {operation} goes over one entry: what is normalised so is always the same.",
        "Normalise over more than one entry, or leave it out.",
    ),
    "mask": ("Behind the weights of {at} {operation} has a mask that is 0 wherever a signal arrives.", ""),
    "weights": ("All weights of {at} are 0, so nothing comes back through them.", DRAWN),
    "cancelling": (
        "All units of {at} have the same weights, so only the sum of their signals comes back, which is exactly 0.",
        DRAWN,
    ),
    "rounding": (
        "At {at} it is too small for its dtype, and {operation} rounds it to 0.",
        "A wider dtype or a scaled loss puts it off.",
    ),
    "flat": ("Behind {at} {operation} is flat nearly everywhere: whatever signal arrives, next to nothing passes.", ""),
    "branches": ("The branches behind {at} cancel each other exactly.", ""),
    "": ("At {at} {operation} passes nothing of it back.", ""),
}
TOO_SMALL = "It was too small before."
NO_LOSS = "What comes after the last layer passes nothing back. Is the loss at a minimum, or a constant?"


class Diagnosis(NamedTuple):
    """What is wrong first of all, in sentences; those that do not apply are empty.

    Attributes
    ----------
    what : str
        How the signal changes.
    where : str
        At which layers, if it is not all of them alike.
    why : str
        Which factor does it.
    cure : str
        What would change it.
    layers : tuple of int
        The numbers of the layers that are to be looked at.
    factor : str
        The name of the factor; "" if there is none to blame.
    """

    what: str
    where: str = ""
    why: str = ""
    cure: str = ""
    layers: tuple[int, ...] = ()
    factor: str = ""

    def __str__(self) -> str:
        return " ".join(filter(None, self[:4]))


def named(layer: Layer) -> str:
    return f"layer {layer.number} ({layer.name})"


def capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def numbers(layers: Sequence[Layer]) -> tuple[int, ...]:
    return tuple(layer.number for layer in layers)


def listed(names: Sequence[str], most: int = LISTED) -> str:
    """`a, b and c`, or `a, b, c and 4 more`."""
    shown, more = list(names[:most]), len(names) - most
    if more > 0:
        shown.append(f"{more} more")
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def more_layers(count: int) -> str:
    return "1 more layer" if count == 1 else f"{count} more layers"


def of_many(names: Sequence[str]) -> str:
    """The first of many names."""
    return ", ".join(names[:LISTED]) + (f" and {len(names) - LISTED} more" if len(names) > LISTED else "")


def which(layers: Sequence[Layer]) -> str:
    """`layer 2 (MLP.2)`, `layers 2 and 3`, `layers 2 to 30`."""
    if len(layers) == 1:
        return named(layers[0])
    first, last = layers[0].number, layers[-1].number
    if len(layers) > 2 and len(layers) == last - first + 1:
        return f"layers {first} to {last}"
    return f"layers {listed([str(number) for number in numbers(layers)], 8)}"


# A signal that ends


def not_finite(measured: Measurement) -> Diagnosis:
    """A signal that is not finite: where the first such number is, in the forward or on the way back."""
    layers = measured.layers
    met = next(layer for layer in layers[::-1] if not (layer.g.finite and layer.delta.finite))
    what = f"{finding(measured)} The first layer that it meets is {named(met)}."
    made = next((layer for layer in layers if not is_forward_finite(layer)), None)
    if made is not None:
        where = f"In the forward, the first layer whose results are not finite is {named(made)}."
        why = "" if made.weights_finite else "Its weights hold such numbers."
        if not why and made is layers[0] and not measured.data.gaps:
            why = "Its weights are finite, so look at its bias and at the input."
        return Diagnosis(what, where, why, CHECKED, (made.number,))
    where = "The results of all layers are finite"
    if met.g.finite:
        return Diagnosis(what, f"{where}; going back, {named(met)} made it.", cure=CHECKED, layers=(met.number,))
    if met is layers[-1]:
        return Diagnosis(what, f"{where}, so the loss made it.", cure=CHECKED)
    behind = f"{where}; going back, it is made on the way to {named(met)}, in the weights or the branches behind it."
    return Diagnosis(what, behind, cure=CHECKED, layers=(met.number + 1,))


def is_forward_finite(layer: Layer) -> bool:
    """Whether scores and results are finite, as far as they are known."""
    return bool(np.isfinite(layer.unit_slopes).all()) and all(
        layer.spreads[key].finite == 1 for key in ("h", "s") if key in layer.spreads
    )


def is_zero(layer: Layer) -> bool:
    """Whether no signal comes back as far as its weights."""
    return layer.g.rms == 0 or layer.delta.rms == 0 or layer.rest == 0


def all_zero(measured: Measurement) -> Diagnosis:
    """A signal that is exactly zero: where it is lost, and by what."""
    layers, causes = measured.layers, measured.causes
    zero = [layer for layer in layers if is_zero(layer)]
    last = zero[-1]
    nothing = sum(layer.gradient == 0 for layer in layers)
    where = f"from {named(last)} on" if len(zero) == last.number else f"at {which(zero)}"
    learn = f", and the weights of {nothing} of {len(layers)} layers get no gradient" if nothing else ""
    what = f"The signal is exactly zero {where}{learn}."
    cut = causes.cut or Cut("", "", last.number)
    at = layers[cut.layer - 1] if cut.layer else last
    if cut.kind == "step":
        met = f"{'Behind' if at.g.rms == 0 else 'At'} {named(at)} it meets {cut.operation}"
        where = f"{met}, a step: its slope is 0 everywhere, so no weights revive it."
        return Diagnosis(what, where, "", STEP_CURE, (at.number,), "slope")
    if cut.kind == "slopes":
        dead = [layer for layer in zero if layer.dead == 1] or [at]
        first = dead[0]
        if first.number in causes.steps:
            where = f"At {named(first)} it meets {causes.steps[first.number]}, a step: its slope is 0 everywhere."
            return Diagnosis(what, where, "", STEP_CURE, (first.number,), "slope")
        if first.number in causes.constant:
            return Diagnosis(what, CONSTANT.format(at=named(first)), "", "", (first.number,), "slope")
        if first.weights == 0:
            where = f"All weights of {named(first)} are 0, so its scores are alike for all examples, and have slope 0."
            return Diagnosis(what, where, "", DRAWN, (first.number,), "scale")
        if first.dead < 1:
            where = f"Wherever a signal arrives at {named(first)}, its activation has {no_slope(first, measured)}."
        else:
            where = f"All units of {named(first)} have {no_slope(first, measured)} for {over([first], measured)}."
            where += f" It is the first of {len(dead)} such layers." if dead[1:] else ""
        return Diagnosis(what, where, "", dead_cure([first], measured), (first.number,), "slope")
    if cut.kind == "loss" or (not cut.kind and cut.layer == len(layers) and last is layers[-1]):
        return Diagnosis(what, "", NO_LOSS, "", (last.number,))
    at = last if cut.kind == "flat" else at  # what comes before it in time may be on another way
    where, cure = CUTS[cut.kind]
    factor = {"weights": "scale", "cancelling": "direction"}.get(cut.kind, "rest" if cut.kind == "mask" else "")
    why = TOO_SMALL if cut.kind == "rounding" else ""
    return Diagnosis(what, where.format(at=named(at), operation=cut.operation), why, cure, (at.number,), factor)


# Units


def most_dead(measured: Measurement) -> list[Layer]:
    """Layers with many dead units, the worst first; no steps or constants, whose slope is 0 everywhere."""
    others = measured.causes.steps.keys() | measured.causes.constant
    layers = [layer for layer in measured.layers if layer.number not in others]
    return sorted(
        (layer for layer in layers if layer.dead >= CROWDED and layer.examples >= SEVERAL), key=lambda one: -one.dead
    )


def no_slope(layer: Layer, measured: Measurement) -> str:
    """How the slope of dead units is 0: that of tanh is rounded to it where the tanh is rounded to 1."""
    return "a slope that is rounded to 0" if layer.number in measured.causes.rounded else "slope 0"


def over(layers: Sequence[Layer], measured: Measurement) -> str:
    """For what the units were computed."""
    if any(len(measured.places[layer.number - 1].score.shape) > 2 for layer in layers):
        return "all positions of all examples given"
    counts = {layer.examples for layer in layers}
    return f"all of the {layers[0].examples} examples given" if len(counts) == 1 else "all examples given"


def dead_cure(dead: Sequence[Layer], measured: Measurement) -> str:
    """What revives dead units."""
    causes = measured.causes
    if dead[0].number in causes.stuck:
        return ""
    if dead[0].number in causes.rounded:
        return ROUNDED_CURE.format(operation=dead[0].operations.rpartition(", ")[2])
    known = [layer for layer in dead if layer.number in causes.unbiased]
    helped = [layer for layer in known if causes.unbiased[layer.number].dead < min(CROWDED, layer.dead / 2)]
    if not helped:
        return FLAT_CURE
    found = [causes.unbiased[layer.number] for layer in helped[:LISTED]]
    means = listed([in_words(one.mean, 2) for one in found])
    if len(dead) == 1:
        share = f"{found[0].dead:.0%} of its units would be dead, for the inputs that it has now"
        return f"With biases of 0, {share}: set its biases (mean {means}) to 0."
    shares = [f"{one.dead:.0%} of {named(layer)}" for one, layer in zip(found, helped, strict=False)]
    theirs = f"the biases of {named(helped[0])} (mean" if len(found) == 1 else "their biases (means"
    return (
        f"With biases of 0, {listed(shares)} would be dead, for the inputs that they have now: set {theirs} "
        f"{means}) to 0."
    )


def dead_units(measured: Measurement) -> Iterator[Diagnosis]:
    """Layers of which many units pass nothing."""
    dead = most_dead(measured)
    if dead:
        shares = [f"{layer.dead:.0%} of {named(layer)}" for layer in dead[:LISTED]]
        more = f", and many in {more_layers(len(dead) - LISTED)}," if len(dead) > LISTED else ""
        said = f"Dead units: {listed(shares)}{more} have {no_slope(dead[0], measured)} for {over(dead, measured)}."
        yield Diagnosis("", said, "", dead_cure(dead, measured), numbers(dead[:LISTED]))


def copies(measured: Measurement) -> Iterator[Diagnosis]:
    """Layers whose units are copies of one another."""
    count = measured.causes.copies
    found = [layer for layer in measured.layers if layer.number in count]
    whole = [layer for layer in found if count[layer.number] == layer.units]
    if whole:
        said = f"The units of {which(whole)} are identical copies of one another, and stay so but for rounding."
        yield Diagnosis("", said, "", DRAW_THEM, numbers(whole))
    same = [layer for layer in measured.layers if layer.number in measured.causes.same and layer not in whole]
    if same:
        said = f"The units of {which(same)} all have the same weights and give the same results; only the signals that "
        yield Diagnosis("", f"{said}come back to them differ.", "", DRAW_THEM, numbers(same))
    some = [layer for layer in found if layer not in whole and layer.number not in measured.causes.equal]
    for layer in some[:LISTED]:
        units = f"{count[layer.number]} of {layer.units} units of {named(layer)}"
        yield Diagnosis(
            "",
            f"{units} are identical copies of others, and stay so but for rounding.",
            "",
            DRAW_THEM,
            (layer.number,),
        )


def steps(measured: Measurement) -> Iterator[Diagnosis]:
    """Activations that pass nothing, at whatever score."""
    found = measured.causes.steps
    layers = [layer for layer in measured.layers if layer.number in found]
    if layers:
        names = listed(sorted(set(found.values())))
        step = f"The activation of {which(layers)} is a step ({names})"
        said = f"{step}: its slope is 0 everywhere, so no weights revive it."
        yield Diagnosis("", said, "", STEP_CURE, numbers(layers), "slope")


# The graph


def squashed(measured: Measurement) -> Iterator[Diagnosis]:
    """A softmax or sigmoid before a loss that has its own."""
    found = measured.causes.squashed
    if found is None:
        return
    if found.loss == "softmax" and found.classes > 1:
        most = f"no class can get a share above {math.e / (math.e + found.classes - 1):.0%}"
    else:
        most = f"its probabilities lie between {0.5:.0%} and {math.e / (math.e + 1):.0%}"
    said = (
        f"The model ends in a {found.by}, and the loss takes a {found.loss} of that again: the scores that it gets lie "
        f"between 0 and 1, so {most}."
    )
    last = measured.layers[-1].number
    yield Diagnosis("", said, "", f"Give the loss the scores before the {found.by}.", (last,))


def masks(measured: Measurement) -> Iterator[Diagnosis]:
    """Dropouts that leave next to nothing."""
    for mask in measured.causes.masks[:LISTED]:
        at = f"the results of {named(measured.layers[mask.layer - 1])}" if mask.layer else "the input"
        said = f"A dropout sets {mask.share:.0%} of {at} to 0 and makes the rest {in_words(mask.factor)} times larger."
        yield Diagnosis("", said, "", "A share of at most 0.5 is usual.", (max(mask.layer, 1),), "rest")


def branches(measured: Measurement) -> Iterator[str]:
    """Branches that cancel each other."""
    for layer in [layer for layer in measured.layers if layer.coherence < CANCELLING and layer.g.rms > 0][:LISTED]:
        yield (
            f"The {layer.consumers} branches behind {named(layer)} nearly cancel: together they carry "
            f"{math.sqrt(layer.coherence):.1%} of their signal."
        )


def directions(measured: Measurement) -> Iterator[str]:
    """A Jacobian that lets few directions pass."""
    spectrum = measured.spectrum
    if spectrum is not None and spectrum.below >= CROWDED and spectrum.largest > 0:
        yield (
            f"{spectrum.below:.0%} of the directions of the input hardly reach the output: their singular values are "
            f"below 0.001 of the largest, which is {in_words(spectrum.largest)}."
        )


def updates(measured: Measurement) -> Iterator[str]:
    """Steps that are too small to learn by, or too large to be steps."""
    low, high = TARGET
    odd = {number: size for number, size in measured.update_ratios.items() if size > high or 0 < size < low}
    gradients = {layer.number: layer.gradient for layer in measured.layers}
    lost = [number for number, size in measured.update_ratios.items() if size == 0 and gradients.get(number, 0) > 0]
    if lost:
        count = f"{len(lost)} of {len(measured.update_ratios)} layers"
        yield f"One step would not change the weights of {count} at all: it is less than their rounding."
    if odd:
        number = max(odd, key=lambda n: abs(math.log(odd[n] / 1e-3)))
        verb = "is large" if odd[number] > high else "is next to nothing"
        are = "is" if len(odd) == 2 else "are"
        others = f" {more_layers(len(odd) - 1)} {are} outside of {low:g} to {high:g}." if odd.keys() - {number} else ""
        yield (
            f"One step would change the weights of layer {number} by {in_words(odd[number])} of their size, which "
            f"{verb}; healthy is near 0.001.{others}"
        )


def cut_off(measured: Measurement) -> Iterator[str]:
    """Parameters that the forward reads, but the loss does not hear of."""
    cut = measured.cut_off
    if cut:
        them = "it" if len(cut) == 1 else "them"
        yield (
            f"No gradient reaches {of_many(cut)}, although the forward reads {them}: what is computed with {them} is "
            "detached on its way to the loss (`.detach()`, `.data`, a comparison), or not used."
        )


def unreached(measured: Measurement) -> Iterator[str]:
    """Parameters that nothing flows to: frozen, or not used."""
    if measured.frozen:
        yield f"Frozen, so that nothing is learned there: {of_many(measured.frozen)}."
    names = [name for name in measured.unreached if name not in measured.cut_off]
    if names:
        them = "it" if len(names) == 1 else "them"
        yield f"The loss does not depend on {of_many(names)}: no recorded operation reads {them}."
