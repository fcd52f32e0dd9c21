"""What measured signals mean, in sentences: where the signal changes, which factor does it, and what would help."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from autograd_mini.measuring.factors import Layer, Measurement
from autograd_mini.measuring.sizes import finding, ratio

STEADY = 10.0  # a signal that changes by less over all layers needs no cure
OUTLIER = 10.0  # times the typical gain, or a tenth of it
ALIKE = 1.25  # times the typical gain: layers within it do about the same
APART = 2.5  # times the typical gain: enough to be blamed if a few such layers do most of the change
ROUNDED = 1.05  # a factor nearer to 1 is not worth a word
CROWDED = 0.25  # share of units
CANCELLING = 0.05  # coherence of branches below it
LISTED = 3
CURVED = 0.85  # a typical slope above it is that of a curve such as tanh near 0, which larger scores leave
FLAT = 0.6  # a typical slope below it is that of an activation out of its range
TARGET = 1e-4, 1e-1  # rms(change of W)/rms(W) outside of it is remarkable; healthy is near 1e-3

UNITS_CURE = (
    "Weights or biases that bring some of their scores above 0 would revive them, as would an activation that is not "
    "flat there (leaky ReLU, PReLU)."
)
SCORES_CURE = "Their scores are too large: smaller weights bring them back to where tanh is not flat."
CAUSES = {
    "slope": "the slope of the activation",
    "alignment": "the alignment of slopes and signal",
    "scale": "the size of the weights",
    "direction": "the direction of the signal in the weights",
    "rest": "what lies between activation and weights",
}


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
        The name of the factor, of `CAUSES`; "" if there is none to blame.
    """

    what: str
    where: str = ""
    why: str = ""
    cure: str = ""
    layers: tuple[int, ...] = ()
    factor: str = ""

    def __str__(self) -> str:
        return " ".join(filter(None, self[:4]))


def findings(measured: Measurement) -> tuple[str, ...]:
    """Sentences, the most important first."""
    layers = measured.layers
    first = diagnosis(measured)
    if not layers:
        return (str(first), *unreached(measured))
    if measured.hooked and healthy(layers):
        return (str(first), *crowds(layers), *updates(measured), *unreached(measured))
    odd = [odd_one(layer, layers) for layer in outliers(layers)] if healthy(layers) else []
    more = [one for one in odd if one.where != first.where]
    said = [str(first), *map(str, more[:LISTED])]
    if len(more) > LISTED:
        said.append(f"So do {len(more) - LISTED} more layers.")
    told = [f"{sentence} {first.cure}" for sentence in dead_units(layers) if first.cure in (UNITS_CURE, SCORES_CURE)]
    crowded = [sentence for sentence in crowds(layers) if sentence not in told]
    return (
        *said,
        *along_uses(layers),
        *crowded,
        *branches(layers),
        *directions(measured),
        *updates(measured),
        *unreached(measured),
    )


def diagnosis(measured: Measurement) -> Diagnosis:
    """The first thing to look at."""
    layers = measured.layers
    if not layers:
        return Diagnosis(finding(measured))
    if any(not (layer.g.finite and layer.delta.finite) for layer in layers):
        return not_finite(measured)
    if any(layer.g.rms == 0 or layer.delta.rms == 0 for layer in layers):
        return all_zero(layers)
    if measured.hooked:
        return by_hooks(measured)
    return main(layers, outliers(layers))


def by_hooks(measured: Measurement) -> Diagnosis:
    """How the signal changes where hooks have a hand in it; no factor of a layer is blamed then."""
    first, last, number = measured.layers[0], measured.layers[-1], len(measured.hooked)
    whose = "a hook of 1 result puts" if number == 1 else f"hooks of {number} results put"
    ends = f"from {last.g.rms:.1e} at {named(last)} to {first.g.rms:.1e} at {named(first)}"
    return Diagnosis(f"The signal goes {ends}, and {whose} other gradients in its place on the way.")


def healthy(layers: Sequence[Layer]) -> bool:
    """Whether each layer has a signal."""
    return all(layer.g.finite and layer.delta.finite and layer.g.rms and layer.delta.rms for layer in layers)


def named(layer: Layer) -> str:
    return f"layer {layer.number} ({layer.name})"


def main(layers: Sequence[Layer], odd: Sequence[Layer]) -> Diagnosis:
    """How the signal changes from the last layer to the first, and which factor does it."""
    first, last = layers[0], layers[-1]
    worst = tuple(layer.number for layer in most_dead(layers)[:LISTED])
    dead: dict[str, Any] = {}
    if worst:
        dead = {"where": next(dead_units(layers)), "cure": cure_of(most_dead(layers)), "layers": worst}
    if len(layers) == 1:
        return Diagnosis(f"One layer: rms(g) is {last.g.rms:.1e} behind {last.name}; {split(layers)}.", **dead)
    change = ratio(first.g.rms, last.g.rms)
    ends = f"from {last.g.rms:.1e} at {named(last)} to {first.g.rms:.1e} at {named(first)}"
    gains = [layer.gain for layer in layers[1:]]
    product = math.fsum(map(log, gains))
    past = not math.isfinite(product) or abs(product - log(change)) > math.log(3)
    alone_passes = (
        f"branches and skip connections carry it past the layers, of which one alone passes {times(typical(gains))}"
    )
    if 1 / STEADY < change < STEADY:
        said = f"The signal is steady: {ends}; {alone_passes if past else split(layers[1:])}."
        return Diagnosis(said, **dead)
    verb = "falls" if change < 1 else "grows"
    said = f"The signal {verb} {ends}"
    if past:
        return Diagnosis(f"{said}; {alone_passes}: {split(layers[1:])}.", **dead)
    if not odd:
        odd = [layer for layer in outliers(layers, APART) if (layer.gain < 1) == (change < 1)]
        odd = odd if len(odd) <= LISTED else []
    alone = math.fsum(log(layer.gain) for layer in odd)
    if odd and alone / log(change) > 0.5:
        which = "One layer" if len(odd) == 1 else f"{len(odd)} layers"
        said += f". {which} of {len(layers)} did most of it: x{math.exp(alone):.1e}."
        return odd_ones(sorted(odd, key=lambda layer: -abs(log(layer.gain))), layers)._replace(what=said)
    said += f", {times(typical(gains))} a layer"
    half = math.log(2) / abs(math.log(typical(gains)))
    said += f" ({'halved' if change < 1 else 'doubled'} every {half:.1f} layers)."
    why, culprit = cause(layers[1:], change < 1)
    return Diagnosis(said, spread_over(layers[1:]), why, cure(layers[1:], culprit, change < 1), (), culprit)


def along_uses(layers: Sequence[Layer]) -> Iterator[str]:
    """How the signal changes along the uses of one layer, such as the steps of a recurrent one."""
    uses: dict[str, list[Layer]] = {}
    for layer in layers:
        name, numbered, _ = layer.name.rpartition(" #")
        if numbered:
            uses.setdefault(name, []).append(layer)
    for name, group in uses.items():
        first, last = group[0], group[-1]
        change = ratio(first.g.rms, last.g.rms)
        if len(group) > 2 and healthy(group) and not 1 / STEADY < change < STEADY:
            verb = "falls" if change < 1 else "grows"
            yield (
                f"Along the {len(group)} uses of {name} the signal {verb} from {last.g.rms:.1e} at the last to "
                f"{first.g.rms:.1e} at the first, {times(change ** (1 / (len(group) - 1)))} a use; {split(group[1:])}."
            )


def spread_over(layers: Sequence[Layer]) -> str:
    """Whether the layers do it alike, or which does most."""
    logs = [log(layer.gain) for layer in layers]
    usual = statistics.median(logs)
    alike = sum(abs(one - usual) < math.log(ALIKE) for one in logs) / len(logs)
    if alike == 1:
        return "All layers do it alike."
    strongest = max(layers, key=lambda layer: math.copysign(1, usual) * log(layer.gain))
    most = f"{named(strongest)} most of all ({times(strongest.gain)})"
    return f"{'Nearly all layers do it alike' if alike > 0.8 else 'The layers do it unevenly'}, {most}."


def cause(layers: Sequence[Layer], shrinks: bool) -> tuple[str, str]:
    """Which factor does it, and which does not; and its name."""
    logs = {name: math.fsum(log(merged(layer)[name]) for layer in layers) for name in CAUSES}
    sign = -1 if shrinks else 1
    culprit = max(logs, key=lambda name: sign * logs[name])
    each = {name: math.exp(logs[name] / len(layers)) for name in CAUSES}
    wrong = {name for name in CAUSES if sign * logs[name] > 0.25 * sign * logs[culprit]}
    said = " and ".join(f"{CAUSES[name]} ({times(each[name])} a layer)" for name in CAUSES if name in wrong)
    said = said[0].upper() + said[1:] + (" do it" if len(wrong) > 1 else " does it")
    saturation = "saturation" if all(layer.saturated > 0 for layer in layers[:1]) else "the activation's slope"
    if "slope" not in wrong:
        said += f", not {saturation} ({times(each['slope'])})"
        wrong.add("slope")
    elif "scale" not in wrong:
        said += f", not the size of the weights ({times(each['scale'])})"
        wrong.add("scale")
    others = math.prod(each[name] for name in CAUSES if name not in wrong)
    more = "" if 1 / ROUNDED < others < ROUNDED or not math.isfinite(others) else f"; all else makes {times(others)}"
    return f"{said}{more}.", culprit


def merged(layer: Layer) -> dict[str, float]:
    """The factors of `CAUSES`, with the alignment in the slope where it makes up for it.

    Small slopes do no harm where the signal is not; what they do to it is the product.
    """
    factors = {name: getattr(layer, name) for name in CAUSES}
    if factors["slope"] < 1 < factors["alignment"]:
        factors |= {"slope": factors["slope"] * factors["alignment"], "alignment": 1.0}
    return factors


def cure(layers: Sequence[Layer], culprit: str, shrinks: bool) -> str:
    """What would make the factor 1."""
    usual = statistics.median([layer.gain for layer in layers])
    gain = typical([layer.gain for layer in layers if abs(log(layer.gain / usual)) < math.log(2)])
    wanted = 1 / gain
    if 0.98 < gain < 1.02:
        return f"Each layer does next to nothing, but there are {len(layers)}; skip connections shorten the way."
    scale, std = typical([layer.scale for layer in layers]), typical([layer.weights_std for layer in layers])
    if culprit == "slope" and shrinks and scale > 1.5:
        return (
            "Its inputs are so large that the activation is flat there: smaller weights bring them back, "
            "as would a normalisation of them, or an activation without flat parts (leaky ReLU, PReLU)."
        )
    if not shrinks and typical([layer.slope for layer in layers]) < FLAT:
        return (
            f"Give the weights of {of_most(layers)} a standard deviation of {std / scale:.2g} instead of {std:.2g}: "
            f"they then make it x1.00 a layer instead of {times(scale)}, and the activation, less saturated, nearly so."
        )
    if math.isfinite(wanted) and math.isfinite(std):
        size = "larger" if wanted > 1 else "smaller"
        factor = wanted if wanted > 1 else 1 / wanted
        warning = ""
        if wanted > 1.2 and typical([layer.slope for layer in layers]) > CURVED:
            warning = ", as long as its activations do not saturate"
        return (
            f"Give the weights of {of_most(layers)} a standard deviation of {std * wanted:.2g} instead of {std:.2g} "
            f"({factor:.3g} times {size}): that makes it x1.00 a layer{warning}."
        )
    return "Weights of another scale, a normalisation of the scores or skip connections would hold it."


def of_most(layers: Sequence[Layer]) -> str:
    """Which layers do about what is typical, and so need the same cure."""
    usual = statistics.median([layer.gain for layer in layers])
    numbers = [layer.number for layer in layers if abs(log(layer.gain / usual)) < math.log(2)]
    numbers = [1, *numbers] if numbers[:1] == [2] else numbers  # nothing is below the first layer to compare it by
    if not numbers or len(numbers) < numbers[-1] - numbers[0] + 1:
        return "most layers"
    return f"layers {numbers[0]} to {numbers[-1]}"


def split(layers: Sequence[Layer]) -> str:
    """The typical factors, in words."""
    activation, weights = (typical([getattr(layer, f"by_{x}") for layer in layers]) for x in ("activation", "weights"))
    known = f" and the weights {times(weights)}" if math.isfinite(weights) else ""
    return f"the activation takes it {times(activation)}{known}" + (" a layer" if len(layers) > 1 else "")


def outliers(layers: Sequence[Layer], apart: float = OUTLIER) -> list[Layer]:
    """Layers that change the signal much more, or much less, than most do; the last first, as the signal meets them."""
    gains = [layer.gain for layer in layers if layer.gain > 0]
    if len(gains) < 4:
        return []
    usual = statistics.median(gains)
    return [layer for layer in layers[::-1] if layer.gain > 0 and not 1 / apart < layer.gain / usual < apart]


def odd_one(layer: Layer, layers: Sequence[Layer]) -> Diagnosis:
    """How a layer differs from the others, by which factor, and what would change it."""
    factors, all_factors = merged(layer), [merged(other) for other in layers]
    usually = {name: statistics.median([other[name] for other in all_factors]) for name in CAUSES}
    name = max(factors, key=lambda n: abs(log(ratio(factors[n], usually[n]))))
    usual = statistics.median([other.gain for other in layers])
    where = f"L{named(layer)[1:]} stands out: {times(layer.gain)} where others have {times(usual)}."
    why = f"It is {CAUSES[name]} ({times(factors[name])} where others have {times(usually[name])})"
    if name != "slope":
        why += f", not the slope of its activation ({times(factors['slope'])})"
    elif layer.dead >= CROWDED:
        why += f": {layer.dead:.0%} of its units are dead, with slope 0 for all of the {layer.examples} examples"
    change = usually[name] / factors[name] if factors[name] else math.nan
    return Diagnosis("", where, f"{why}.", cure_of_one(layer, name, change), (layer.number,), name)


def odd_ones(odd: Sequence[Layer], layers: Sequence[Layer]) -> Diagnosis:
    """The same of a few layers, the worst first."""
    each = [odd_one(layer, layers) for layer in odd[:LISTED]]
    if len(each) == 1:
        return each[0]
    usual = statistics.median([other.gain for other in layers])
    listed = " and ".join(f"{named(layer)} ({times(layer.gain)})" for layer in odd[:LISTED])
    why = " ".join(f"In layer {one.layers[0]} it{one.why[2:]}" for one in each)
    cures = {one.cure: [str(other.layers[0]) for other in each if other.cure == one.cure] for one in each if one.cure}
    cure = " ".join(text if len(at) == len(each) else f"Layer {', '.join(at)}: {text}" for text, at in cures.items())
    numbers = tuple(layer.number for layer in odd[:LISTED])
    where = f"{listed[0].upper()}{listed[1:]} stand out; others have {times(usual)}."
    return Diagnosis("", where, why, cure, numbers, each[0].factor)


def cure_of_one(layer: Layer, factor: str, change: float) -> str:
    """What would make one layer like the others; `change` is how many times larger its factor would be."""
    if factor == "scale" and math.isfinite(change) and math.isfinite(layer.weights_std):
        size = f"{many(change)} times larger" if change > 1 else f"{many(1 / change)} times smaller"
        deviation = f"a standard deviation of {layer.weights_std * change:.2g} instead of {layer.weights_std:.2g}"
        return f"Give its weights {deviation} ({size}): that makes it like the others."
    if factor == "slope" and layer.dead >= CROWDED:
        return UNITS_CURE
    if factor == "slope" and change > 1:
        return (
            "Its activation is flat where its inputs are: weights or biases of another size bring them back, as would "
            "a normalisation before it, or an activation without flat parts (leaky ReLU, PReLU)."
        )
    return {
        "direction": "The signal lies along small singular values of its weights; orthogonal weights have none."
        if change > 1
        else "The signal lies along its largest singular values; orthogonal weights treat all directions alike.",
        "alignment": "Its slopes are small where the signal is; normalising before the activation would spread them."
        if change > 1
        else "",
        "rest": "Look at what lies between its weights and its activation: a normalisation, a pooling, a mask.",
    }.get(factor, "")


def not_finite(measured: Measurement) -> Diagnosis:
    """A signal that is not finite: where the first such number is, in the forward or on the way back."""
    layers = measured.layers
    met = next(layer for layer in layers[::-1] if not (layer.g.finite and layer.delta.finite))
    what = f"{finding(measured)} The first layer that it meets is {named(met)}."
    cure = (
        "Run the step inside `with autograd_mini.checked():` to see the operation and the line that made the first one."
    )
    made = next((layer for layer in layers if not is_forward_finite(layer)), None)
    if made is None:
        if met is layers[-1]:
            return Diagnosis(what, "The results of all layers are finite, so the loss made it.", cure=cure)
        where = f"The results of all layers are finite; going back, {named(met)} made it."
        return Diagnosis(what, where, cure=cure, layers=(met.number,))
    where = f"In the forward, the first layer whose results are not finite is {named(made)}."
    why = "" if made.weights_finite else "Its weights hold such numbers."
    if not why and made is layers[0]:
        why = "Its weights are finite, so look at its bias and at the input."
    return Diagnosis(what, where, why, cure, (made.number,))


def is_forward_finite(layer: Layer) -> bool:
    """Whether scores and results are finite, as far as they are known."""
    return bool(np.isfinite(layer.unit_slopes).all()) and all(
        layer.spreads[key].finite == 1 for key in ("h", "s") if key in layer.spreads
    )


def all_zero(layers: Sequence[Layer]) -> Diagnosis:
    """A signal that is exactly zero: where it is lost, and where the units are dead first."""
    zero = [layer for layer in layers if layer.g.rms == 0 or layer.delta.rms == 0]
    last = zero[-1]
    what = f"The signal is exactly zero from {named(last)} on, so {len(zero)} of {len(layers)} layers learn nothing."
    dead = [layer for layer in zero if layer.dead == 1]
    if dead and last.g.rms > 0:
        where = f"All units of {named(dead[0])} have {no_slope(dead)} for the {dead[0].examples} examples given."
        if dead[1:]:
            where += f" It is the first of {len(dead)} such layers: the others read only constants behind it."
        return Diagnosis(what, where, "", cure_of(dead), (dead[0].number,), "slope")
    if last is layers[-1]:
        why = "What comes after it passes nothing back. Is the loss at a minimum, or a constant?"
    else:
        why = "The weights behind it are zero, or the units there are dead."
    return Diagnosis(what, "", why, "", (min(last.number + 1, len(layers)),))


def most_dead(layers: Sequence[Layer]) -> list[Layer]:
    """Layers with many dead units, the worst first."""
    return sorted((layer for layer in layers if layer.dead >= CROWDED), key=lambda layer: -layer.dead)


def no_slope(dead: Sequence[Layer]) -> str:
    """How the slope of dead units is 0: that of tanh is rounded to it where the tanh is rounded to 1."""
    return "a slope that is rounded to 0" if "tanh" in dead[0].operations else "slope 0"


def cure_of(dead: Sequence[Layer]) -> str:
    """What revives dead units."""
    return SCORES_CURE if "tanh" in dead[0].operations else UNITS_CURE


def dead_units(layers: Sequence[Layer]) -> Iterator[str]:
    """Layers of which many units pass nothing."""
    dead = most_dead(layers)
    if dead:
        listed = ", ".join(f"{layer.dead:.0%} of {named(layer)}" for layer in dead[:LISTED])
        more = f" and many in {len(dead) - LISTED} more layers" if len(dead) > LISTED else ""
        have = f"{listed}{more} have {no_slope(dead)} for all of the {dead[0].examples} examples given"
        yield f"Dead units: {have}."


def crowds(layers: Sequence[Layer]) -> Iterator[str]:
    """Dead and saturated units, and numbers too small for their dtype."""
    for sentence in dead_units(layers):
        yield f"{sentence} {cure_of(most_dead(layers))}"
    saturated = [
        layer for layer in layers if layer.saturated >= CROWDED and layer.dead < CROWDED and layer.by_activation < FLAT
    ]
    if saturated:
        worst = max(saturated, key=lambda layer: layer.saturated)
        others = f", and {len(saturated) - 1} more layers are" if saturated[1:] else ""
        flat = f"{worst.saturated:.0%} of the slopes of its activation are below 0.05"
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
    if spectrum is not None and spectrum.below >= CROWDED and spectrum.largest > 0:
        yield (
            f"{spectrum.below:.0%} of the directions of the input hardly reach the output: their singular values are "
            f"below 1e-3 of the largest, which is {spectrum.largest:.1e}."
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


def many(times: float) -> str:
    """How many times: `2.56`, `10,000`, `1.2e+07`."""
    return f"{times:,.0f}" if 100 <= times < 1e6 else f"{times:.3g}"


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
