"""What measured signals mean, in sentences: where the signal changes, which factor does it, and what would help."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Sequence

from autograd_mini.factors import Layer, Measurement
from autograd_mini.measuring import finding

STEADY = 10.0  # a signal that changes by less over all layers needs no cure
OUTLIER = 10.0  # times the typical gain, or a tenth of it
CROWDED = 0.25  # share of units
CANCELLING = 0.05  # coherence of branches below it
LISTED = 3
CURVED = 0.85  # a typical slope above it is that of a curve such as tanh near 0, which larger scores leave
FLAT = 0.6  # a typical slope below it is that of an activation out of its range
TARGET = 1e-4, 1e-1  # rms(change of W)/rms(W) outside of it is remarkable; healthy is near 1e-3

CAUSES = {
    "slope": "the slope of the activation",
    "alignment": "the alignment of slopes and signal",
    "scale": "the size of the weights",
    "direction": "the direction of the signal in the weights",
    "rest": "what lies between activation and weights",
}


def findings(measured: Measurement) -> tuple[str, ...]:
    """Sentences, the most important first."""
    layers = measured.layers
    if not layers:
        return (finding(measured), *unreached(measured))
    said = [*broken(measured)]
    if not said:
        odd = outliers(layers)
        said += [main(layers, odd), *(odd_one(layer, layers) for layer in odd[:LISTED])]
        if len(odd) > LISTED:
            said.append(f"So do {len(odd) - LISTED} more layers.")
    return (*said, *crowds(layers), *branches(layers), *directions(measured), *updates(measured), *unreached(measured))


def main(layers: Sequence[Layer], odd: Sequence[Layer]) -> str:
    """How the signal changes from the last layer to the first, and which factor does it."""
    first, last = layers[0], layers[-1]
    if len(layers) == 1:
        return f"One layer: rms(g) is {last.g.rms:.1e} behind {last.name}; {split(layers)}."
    change = ratio_of(first.g.rms, last.g.rms)
    ends = f"from {last.g.rms:.1e} at layer {last.number} ({last.name}) to {first.g.rms:.1e} at layer {first.number}"
    ends += f" ({first.name})"
    if 1 / STEADY < change < STEADY:
        return f"The signal is steady: {ends}; {split(layers[1:])}."
    verb = "falls" if change < 1 else "grows"
    said = f"The signal {verb} {ends}"
    gains = [layer.gain for layer in layers[1:]]
    product = math.fsum(map(log, gains))
    if not math.isfinite(product) or abs(product - log(change)) > math.log(3):
        return f"{said}; branches and skip connections carry it past single layers, which {split(layers[1:])}."
    alone = math.fsum(log(layer.gain) for layer in odd)
    if odd and alone / log(change) > 0.5:
        which = "one layer" if len(odd) == 1 else f"{len(odd)} layers"
        return f"{said}. {which.capitalize()} of {len(layers)} did most of it: x{math.exp(alone):.1e}."
    said += f", {times(typical(gains))} a layer"
    half = math.log(2) / abs(math.log(typical(gains)))
    said += f" ({'halved' if change < 1 else 'doubled'} every {half:.1f} layers)."
    return f"{said} {cause(layers[1:], change < 1)}"


def cause(layers: Sequence[Layer], shrinks: bool) -> str:
    """Which factor does it, which does not, and what would make the factor 1."""
    logs = {name: math.fsum(log(getattr(layer, name)) for layer in layers) for name in CAUSES}
    sign = -1 if shrinks else 1
    culprit = max(logs, key=lambda name: sign * logs[name])
    each = {name: math.exp(logs[name] / len(layers)) for name in CAUSES}
    wrong = {name for name in CAUSES if sign * logs[name] > 0.25 * sign * logs[culprit]}
    said = " and ".join(f"{CAUSES[name]} ({times(each[name])} a layer)" for name in CAUSES if name in wrong)
    said = said[0].upper() + said[1:] + (" do it" if len(wrong) > 1 else " does it")
    saturation = "saturation" if all(layer.saturated > 0 for layer in layers[:1]) else "the activation's slope"
    if "slope" not in wrong:
        said += f", not {saturation} ({times(each['slope'])})"
    elif "scale" not in wrong:
        said += f", not the size of the weights ({times(each['scale'])})"
    return f"{said}. {cure(layers, culprit, shrinks)}"


def cure(layers: Sequence[Layer], culprit: str, shrinks: bool) -> str:
    """What would make the factor 1."""
    gain = typical([layer.gain for layer in layers])
    wanted = 1 / gain
    if 0.98 < gain < 1.02:
        return f"Each layer does next to nothing, but there are {len(layers)}; skip connections shorten the way."
    scale, std = typical([layer.scale for layer in layers]), typical([layer.weights_std for layer in layers])
    if culprit == "slope" and shrinks and scale > 1.5:
        return (
            "The scores are so large that the activation is flat there: smaller weights bring them back, "
            "as would a normalisation of the scores, or an activation without flat parts (leaky ReLU, PReLU)."
        )
    if not shrinks and typical([layer.slope for layer in layers]) < FLAT:
        return (
            f"Smaller weights would saturate less as well: a scale of 1.00 instead of {scale:.2f} is a standard "
            f"deviation of {std / scale:.2g} instead of {std:.2g}."
        )
    if math.isfinite(wanted) and math.isfinite(std):
        size = "larger" if wanted > 1 else "smaller"
        ratio = wanted if wanted > 1 else 1 / wanted
        warning = ""
        if wanted > 1.2 and typical([layer.slope for layer in layers]) > CURVED:
            warning = ", as long as the scores do not saturate"
        return (
            f"Weights {ratio:.3g} times {size} would make it x1.00 a layer{warning}: a standard deviation of "
            f"{std * wanted:.2g} instead of {std:.2g}, which is a scale of {scale * wanted:.2f} instead of {scale:.2f}."
        )
    return "Weights of another scale, a normalisation of the scores or skip connections would hold it."


def split(layers: Sequence[Layer]) -> str:
    """The typical factors, in words."""
    activation, weights = (typical([getattr(layer, f"by_{x}") for layer in layers]) for x in ("activation", "weights"))
    return f"the activation takes it {times(activation)} and the weights {times(weights)}" + (
        " a layer" if len(layers) > 1 else ""
    )


def outliers(layers: Sequence[Layer]) -> list[Layer]:
    """Layers that change the signal much more, or much less, than most do; the last first, as the signal meets them."""
    gains = [layer.gain for layer in layers if layer.gain > 0]
    if len(gains) < 4:
        return []
    usual = statistics.median(gains)
    return [layer for layer in layers[::-1] if layer.gain > 0 and not 1 / OUTLIER < layer.gain / usual < OUTLIER]


def odd_one(layer: Layer, layers: Sequence[Layer]) -> str:
    """How a layer differs from the others, and by which factor."""
    factors = {name: getattr(layer, name) for name in CAUSES}
    usually = {name: statistics.median([getattr(other, name) for other in layers]) for name in CAUSES}
    name = max(factors, key=lambda n: abs(log(ratio_of(factors[n], usually[n]))))
    usual = statistics.median([other.gain for other in layers])
    return (
        f"Layer {layer.number} ({layer.name}) stands out: x{layer.gain:.1e} where others have {times(usual)}, by "
        f"{CAUSES[name]} ({times(factors[name])} where others have {times(usually[name])})."
    )


def broken(measured: Measurement) -> Iterator[str]:
    """A signal that is not finite, or exactly zero."""
    layers = measured.layers
    bad = [layer for layer in layers if not (layer.g.finite and layer.delta.finite)]
    if bad:
        yield (
            f"{finding(measured)} The first layer that it meets is layer {bad[-1].number} ({bad[-1].name}). Run the "
            "step inside `with autograd_mini.checked():` to see the operation and the line that made the first one."
        )
        return
    zero = [layer for layer in layers if layer.g.rms == 0 or layer.delta.rms == 0]
    if zero:
        layer = zero[-1]
        where = f"layer {layer.number} ({layer.name})"
        if layer.g.rms > 0:
            reason = f"all its units have slope 0 for the {layer.examples} examples given"
        elif layer is layers[-1]:
            reason = "what comes after it passes nothing back; is the loss at a minimum?"
        else:
            reason = "the weights behind it are zero, or the units there are dead"
        share = f"{len(zero)} of {len(layers)} layers"
        yield f"The signal is exactly zero from {where} on, so {share} learn nothing: {reason}."


def crowds(layers: Sequence[Layer]) -> Iterator[str]:
    """Dead and saturated units, and numbers too small for their dtype."""
    dead = [layer for layer in layers if layer.dead >= CROWDED]
    if dead:
        worst = max(dead, key=lambda layer: layer.dead)
        yield (
            f"Dead units: {worst.dead:.0%} of layer {worst.number} ({worst.name}) have slope 0 for all of the "
            f"{worst.examples} examples given" + (f", and {len(dead) - 1} more layers have many." if dead[1:] else ".")
        )
    saturated = [layer for layer in layers if layer.saturated >= CROWDED and layer.dead < CROWDED and layer.slope < 0.6]
    if saturated:
        worst = max(saturated, key=lambda layer: layer.saturated)
        others = f", as {len(saturated) - 1} more layers are" if saturated[1:] else ""
        flat = f"{worst.saturated:.0%} of its slopes are below 0.05"
        yield f"Layer {worst.number} ({worst.name}) is saturated: {flat}{others}."
    tiny = [layer for layer in layers if layer.g.subnormal > 0.01]
    if tiny:
        yield (
            f"The signal underflows: {tiny[0].g.subnormal:.0%} of its entries at layer {tiny[0].number} "
            f"({tiny[0].name}) are subnormal numbers. Scale the loss, or compute in a wider dtype."
        )


def branches(layers: Sequence[Layer]) -> Iterator[str]:
    """Branches that cancel each other."""
    for layer in [layer for layer in layers if layer.coherence < CANCELLING and layer.g.rms > 0][:LISTED]:
        yield (
            f"The {layer.consumers} branches behind layer {layer.number} ({layer.name}) nearly cancel: together they "
            f"carry {math.sqrt(layer.coherence):.1%} of their signal."
        )


def directions(measured: Measurement) -> Iterator[str]:
    """A Jacobian that lets few directions pass."""
    spectrum = measured.spectrum
    if spectrum is not None and spectrum.below >= CROWDED:
        yield (
            f"{spectrum.below:.0%} of the directions of the input hardly reach the output: their singular values are "
            f"below 1e-3 of the largest, which is {spectrum.largest:.1e}."
        )


def updates(measured: Measurement) -> Iterator[str]:
    """Steps that are too small to learn by, or too large to be steps."""
    low, high = TARGET
    odd = {number: size for number, size in measured.update_ratios.items() if size > high or 0 < size < low}
    if odd:
        number = max(odd, key=lambda n: abs(math.log(odd[n] / 1e-3)))
        verb = "is large" if odd[number] > high else "is next to nothing"
        others = f" {len(odd) - 1} more layers are outside of {low:g} to {high:g}." if odd.keys() - {number} else ""
        yield (
            f"One step would change the weights of layer {number} by {odd[number]:.1e} of their size, which {verb}; "
            f"healthy is near 1e-3.{others}"
        )


def unreached(measured: Measurement) -> Iterator[str]:
    """Parameters that nothing flows to."""
    names = measured.unreached
    if names:
        shown = ", ".join(names[:LISTED]) + (f" and {len(names) - LISTED} more" if len(names) > LISTED else "")
        yield f"The loss does not depend on {shown}: no gradient reaches {'it' if len(names) == 1 else 'them'}."


def typical(values: Sequence[float]) -> float:
    """The geometric mean of those that are known and positive."""
    known = [math.log(value) for value in values if value > 0 and math.isfinite(value)]
    return math.exp(math.fsum(known) / len(known)) if known else math.nan


def times(factor: float) -> str:
    """A factor in short, with more digits near 1."""
    return (
        f"x{factor:.4f}"
        if 0.98 < factor < 1.02 and abs(factor - 1) > 5e-5
        else f"x{factor:.2g}"
        if factor < 0.1
        else f"x{factor:.2f}"
    )


def log(value: float) -> float:
    return math.log(value) if value > 0 else (-math.inf if value == 0 else math.nan)


def ratio_of(part: float, whole: float) -> float:
    return part / whole if whole else math.nan
