"""What measured signals mean, in sentences: where the signal changes, which factor does it, and what would help.

Faults that have nothing to do with the layers' factors have their sentences in `faults`.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Iterator, Sequence

from autograd_mini.measuring.factors import Layer, Measurement
from autograd_mini.measuring.sizes import finding, ratio
from autograd_mini.signals import faults
from autograd_mini.signals.faults import LISTED, Diagnosis, capital, listed, named
from autograd_mini.words import decades, in_words, times

STEADY = 10.0  # a signal that changes by less over all layers needs no cure
OUTLIER = 10.0  # times the typical gain, or a tenth of it
ALIKE = 1.25  # times the typical gain: layers within it do about the same
APART = 2.5  # times the typical gain: enough to be blamed if a few such layers do most of the change
ROUNDED = 1.05  # a factor nearer to 1 is not worth a word
CURVED = 0.85  # a typical slope above it is that of a curve such as tanh near 0, which larger scores leave
FLAT = 0.6  # a typical slope below it is that of an activation out of its range

CAUSES = {
    "slope": "the slope of the activation",
    "alignment": "the alignment of slopes and signal",
    "scale": "the size of the weights",
    "direction": "the direction of the signal in the weights",
    "rest": "what lies between activation and weights",
}
BETWEEN = (
    "Look at what lies between weights and activation: a normalisation, a softmax, a pooling, a mask, frozen weights."
)
UNIFORM = "All its units have the same weights, so that only the sum of their signals passes{but}. Draw them at random."


def findings(measured: Measurement) -> tuple[str, ...]:
    """Sentences, the most important first."""
    layers = measured.layers
    first = diagnosis(measured)
    if not layers:
        return (str(first), *faults.unreached(measured))
    whole = healthy(layers)
    if measured.hooked and whole:
        apart = faults.dead_units, faults.saturated, faults.underflow, faults.updates, faults.unreached
        return (str(first), *(str(one) for kind in apart for one in kind(measured)))
    usual = size(log(middle(gains(layers))))
    far = [layer for layer in outliers(layers) if size(log(layer.gain)) > usual] if whole else []
    odd = [odd_one(layer, measured) for layer in far]
    more = [one for one in odd if not set(one.layers) <= set(first.layers)]
    said: list[Diagnosis | str] = [*more[:LISTED]]
    if len(more) > LISTED:
        said.append(f"{capital(faults.more_layers(len(more) - LISTED))} stand out as well.")
    if any(not (layer.g.finite and layer.delta.finite) for layer in layers):
        return (str(first), *faults.unreached(measured))  # sizes of what is not finite say nothing
    kinds: tuple[Iterable[Diagnosis | str], ...] = (
        faults.squashed(measured),
        faults.copies(measured),
        () if "a step" in first.where else faults.steps(measured),
        faults.masks(measured),
        said,
        along_uses(measured) if whole else (),
        () if first.where.startswith("All units") else faults.dead_units(measured),
        faults.saturated(measured),
        faults.underflow(measured) if whole else (),
        faults.branches(measured),
        faults.directions(measured),
        faults.updates(measured),
        faults.unreached(measured),
    )
    told = str(first)
    others = []
    for one in (one for kind in kinds for one in kind):
        if isinstance(one, Diagnosis):
            one = one._replace(cure="" if one.cure in told else one.cure)  # noqa: PLW2901
        if (one.where if isinstance(one, Diagnosis) else one) not in told:
            others.append(str(one))
    return (told, *others)


def diagnosis(measured: Measurement) -> Diagnosis:
    """The first thing to look at."""
    layers = measured.layers
    if not layers:
        return Diagnosis(finding(measured))
    if any(not (layer.g.finite and layer.delta.finite) for layer in layers):
        return faults.not_finite(measured)
    if not healthy(layers):
        found = faults.all_zero(measured)
        behind = [layer for layer in layers[max(found.layers) :] if layer.gain > 0]
        if found.why != faults.TOO_SMALL or not behind:
            return found
        why, culprit = cause(behind, True, measured)
        why = f"The layers behind it make it {times(typical(gains(behind)))} each. {why}"
        return found._replace(why=why, cure=cure(measured, behind, culprit, True), factor=culprit)
    return by_hooks(measured) if measured.hooked else main(measured)


def by_hooks(measured: Measurement) -> Diagnosis:
    """How the signal changes where hooks have a hand in it; no factor of a layer is blamed then."""
    first, last, number = measured.layers[0], measured.layers[-1], len(measured.hooked)
    whose = "a hook of 1 result puts" if number == 1 else f"hooks of {number} results put"
    ends = f"from {in_words(last.g.rms)} at {named(last)} to {in_words(first.g.rms)} at {named(first)}"
    return Diagnosis(f"The signal goes {ends}, and {whose} other gradients in its place on the way.")


def healthy(layers: Sequence[Layer]) -> bool:
    """Whether each layer has a signal."""
    return all(layer.g.finite and layer.delta.finite and not faults.is_zero(layer) for layer in layers)


def main(measured: Measurement) -> Diagnosis:
    """How the signal changes from the last layer to the first, and which factor does it."""
    layers = measured.layers
    first, last = layers[0], layers[-1]
    kinds = faults.squashed, faults.copies, faults.masks, faults.dead_units
    other = next((one for kind in kinds for one in kind(measured)), Diagnosis(""))
    if len(layers) == 1:
        said = f"One layer: rms(g) is {in_words(last.g.rms)} behind {last.name}; {split(layers)}."
        return other._replace(what=said)
    change = ratio(first.g.rms, last.g.rms)
    ends = f"from {in_words(last.g.rms)} at {named(last)} to {in_words(first.g.rms)} at {named(first)}"
    past = "" if is_chain(measured) else alone(layers)
    if 1 / STEADY < change < STEADY:
        return other._replace(what=f"The signal, rms(g), is steady: {ends}; {past or split(layers[1:])}.")
    shrinks = change < 1
    said = f"The signal, rms(g), {'falls' if shrinks else 'grows'} by {decades(change)}, {ends}"
    if past:
        tries = f"`{measured.tries}` measures what helps." if measured.tries else ""
        return other._replace(what=f"{said}; {past}.", cure=other.cure or tries)
    odd = [layer for layer in outliers(layers) if (layer.gain < 1) == shrinks and layer is not first]
    if not odd:
        inner = layers[1:-1]  # the last one has as few units as the loss wants
        odd = [layer for layer in outliers(layers, APART) if (layer.gain < 1) == shrinks and layer in inner]
        odd = odd if len(odd) <= LISTED else []
    together = math.fsum(log(layer.gain) for layer in odd)
    if odd and together / log(change) > 0.5:
        count = "One layer" if len(odd) == 1 else f"{len(odd)} layers"
        said += f". {count} of {len(layers)} did most of it: {times(math.exp(together))}."
        return odd_ones(sorted(odd, key=lambda layer: -abs(log(layer.gain))), measured)._replace(what=said)
    each = change ** (1 / (len(layers) - 1))
    half = math.log(2) / abs(math.log(each))
    every = f"{'halved' if shrinks else 'doubled'} every {half:.1f} layers" if half > 0.2 else decades(each)
    said += f": {times(each)} a layer ({every})."
    why, culprit = cause(layers[1:], shrinks, measured)
    copied = next(faults.copies(measured), Diagnosis(""))
    help = copied.cure or cure(measured, layers[1:], culprit, shrinks)
    where = copied.where or spread_over(layers[1:], shrinks)
    return Diagnosis(said, where, why, help, copied.layers, culprit)


def is_chain(measured: Measurement) -> bool:
    """Whether each layer reads the one before it and nothing else does, so that the gains multiply to the change."""
    layers = measured.layers
    if any(layer.consumers > 1 for layer in layers[:-1]):
        return False
    product = math.fsum(log(layer.gain) for layer in layers[1:])
    return abs(product - log(ratio(layers[0].g.rms, layers[-1].g.rms))) < 1e-3


def alone(layers: Sequence[Layer]) -> str:
    """What the layers do where they are no chain, so that their gains do not multiply."""
    return f"the layers are no chain, so their gains do not multiply; one by one, {split(layers)}"


def along_uses(measured: Measurement) -> Iterator[str]:
    """How the signal changes along the uses of one layer, such as the steps of a recurrent one."""
    uses: dict[str, list[Layer]] = {}
    for layer in measured.layers:
        name, numbered, _ = layer.name.rpartition(" #")
        if numbered:
            uses.setdefault(name, []).append(layer)
    for name, group in uses.items():
        first, last = group[0], group[-1]
        change = ratio(first.g.rms, last.g.rms)
        if len(group) > 2 and not 1 / STEADY < change < STEADY:
            yield (
                f"Along the {len(group)} uses of {name} the signal, rms(g), {'falls' if change < 1 else 'grows'} from "
                f"{in_words(last.g.rms)} at the last to {in_words(first.g.rms)} at the first, "
                f"{times(change ** (1 / (len(group) - 1)))} a use; {split(group[1:], 'use')}."
            )


def spread_over(layers: Sequence[Layer], shrinks: bool) -> str:
    """Whether the layers do it alike, or which does most."""
    logs = [log(layer.gain) for layer in layers]
    usual = statistics.median(logs)
    alike = sum(abs(one - usual) < math.log(ALIKE) for one in logs) / len(logs)
    if len(layers) == 1:
        return ""
    if alike == 1:
        return "All layers do it alike."
    strongest = (min if shrinks else max)(layers, key=lambda layer: layer.gain)
    most = f"{named(strongest)} most of all ({times(strongest.gain)})"
    return f"{'Nearly all layers do it alike' if alike > 0.8 else 'The layers do it unevenly'}, {most}."


def cause(layers: Sequence[Layer], shrinks: bool, measured: Measurement) -> tuple[str, str]:
    """Which factor does it, and which does not; and its name."""
    logs = {name: math.fsum(log(merged(layer)[name]) for layer in layers) for name in CAUSES}
    sign = -1 if shrinks else 1
    culprit = max(logs, key=lambda name: sign * logs[name])
    each = {name: math.exp(logs[name] / len(layers)) for name in CAUSES}
    wrong = {name for name in CAUSES if sign * logs[name] > 0.25 * sign * logs[culprit]}
    said = listed([f"{CAUSES[name]} ({times(each[name])} a layer)" for name in CAUSES if name in wrong], len(CAUSES))
    said = capital(said) + (" do it" if len(wrong) > 1 else " does it")
    curved = all(layer.number in measured.causes.rounded for layer in layers[:-1])
    crowded = typical([layer.saturated for layer in layers]) > 0.05
    if "slope" not in wrong:
        said += f", not {'saturation' if curved and crowded else CAUSES['slope']} ({times(each['slope'])})"
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


def cure(measured: Measurement, layers: Sequence[Layer], culprit: str, shrinks: bool) -> str:
    """What would make the factor 1, as far as theory knows."""
    usual = statistics.median([layer.gain for layer in layers])
    alike = [layer for layer in layers if abs(log(layer.gain / usual)) < math.log(2)] or layers
    gain, scale, slope, rest = (
        typical([getattr(layer, name) for layer in alike]) for name in ("gain", "scale", "slope", "rest")
    )
    if 0.98 < gain < 1.02:
        return (
            f"Most layers do next to nothing, but there are {len(measured.layers)}; skip connections shorten the way."
        )
    if culprit == "rest" or not 1 / ROUNDED < rest < ROUNDED:
        return BETWEEN
    curved = all(layer.number in measured.causes.rounded for layer in alike if layer is not measured.layers[-1])
    tries = f"; `{measured.tries}` measures what helps" if measured.tries else ""
    if curved and shrinks and slope < CURVED and culprit in {"slope", "alignment"}:
        name = next(layer for layer in alike).operations.rpartition(", ")[2]
        if typical([layer.saturated for layer in alike]) >= faults.CROWDED:
            return (
                f"Its scores are so large that {name} is flat there: smaller weights bring them back, as would a "
                f"normalisation of them, or an activation without flat parts (PReLU with He's weights){tries}."
            )
        return (
            f"The slopes of {name} are small here, and larger weights would saturate it: tanh with Glorot's weights or "
            f"PReLU with He's has larger ones{tries}."
        )
    tanh = all("tanh" in layer.operations for layer in alike if layer is not measured.layers[-1])
    saturated = curved and tanh and not shrinks and slope < FLAT
    wanted = 1 / scale if saturated else 1 / gain
    if not math.isfinite(wanted):
        return f"Weights of another scale, a normalisation of the scores or skip connections would hold it{tries}."
    piecewise = all(layer.number in measured.causes.piecewise for layer in alike)
    slopes = "" if piecewise else " where slopes are near 1" if saturated else " with slopes as they are now"
    theory = f"by the theory of independent weights the signal then holds{slopes}{tries}."
    how = f"{in_words(wanted, 3)} times larger" if wanted > 1 else f"{in_words(1 / wanted, 3)} times smaller"
    stds = [layer.weights_std for layer in alike]
    if all(math.isfinite(std) and std > 0 for std in stds) and max(stds) < 1.2 * min(stds):
        std = typical(stds)
        deviation = f"a standard deviation of {std * wanted:.2g} instead of {std:.2g} ({how})"
        return f"Give the weights of {of_most(layers, alike)} {deviation}: {theory}"
    return f"Make the weights {how} in {of_most(layers, alike)}: {theory}"


def of_most(layers: Sequence[Layer], alike: Sequence[Layer]) -> str:
    """Which layers do about what is typical, and so need the same cure."""
    numbers = [layer.number for layer in alike]
    numbers = [1, *numbers] if numbers[:1] == [2] else numbers  # nothing is below the first layer to compare it by
    if len(numbers) < numbers[-1] - numbers[0] + 1:
        missing = [str(layer.number) for layer in layers if layer not in alike]
        return f"all layers but {listed(missing)}" if len(missing) <= LISTED else "most layers"
    return f"layers {numbers[0]} to {numbers[-1]}" if len(numbers) > 1 else f"layer {numbers[0]}"


def split(layers: Sequence[Layer], of: str = "layer") -> str:
    """The typical factors, in words."""
    activation, weights = (typical([getattr(layer, f"by_{x}") for layer in layers]) for x in ("activation", "weights"))
    known = f", the weights {times(weights)}" if math.isfinite(weights) else ""
    rest = typical(gains(layers)) / (activation * weights)
    if math.isfinite(rest) and not 1 / ROUNDED < rest < ROUNDED:
        known += f", and what lies between them (a normalisation, a gate, a mask, a pooling) {times(rest)}"
    return f"the activation makes it {times(activation)}{known}" + (f" a {of}" if len(layers) > 1 else "")


def outliers(layers: Sequence[Layer], apart: float = OUTLIER) -> list[Layer]:
    """Layers that change the signal much more, or much less, than most do; the last first, as the signal meets them."""
    gains = [layer.gain for layer in layers if layer.gain > 0]
    if len(gains) < 4:
        return []
    usual = statistics.median(gains)
    return [layer for layer in layers[::-1] if layer.gain > 0 and not 1 / apart < layer.gain / usual < apart]


def odd_one(layer: Layer, measured: Measurement) -> Diagnosis:
    """How a layer differs from the others, by which factor, and what would change it."""
    layers = measured.layers
    factors, all_factors = merged(layer), [merged(other) for other in layers]
    usually = {name: middle([other[name] for other in all_factors]) for name in CAUSES}
    name = max(factors, key=lambda n: size(log(ratio(factors[n], usually[n]))))
    usual = middle([other.gain for other in layers])
    where = f"{capital(named(layer))} stands out: {times(layer.gain)} where others have {times(usual)}."
    why = f"It is {CAUSES[name]} ({times(factors[name])} where others have {times(usually[name])})"
    if name != "slope" and layer.operations.count(", "):
        why += f", not the slope of its activation ({times(factors['slope'])})"
    elif name == "slope" and layer in faults.most_dead(measured):
        no_slope = faults.no_slope(layer, measured)
        why += f": {layer.dead:.0%} of its units are dead, with {no_slope} for {faults.over([layer], measured)}"
    change = ratio(usually[name], factors[name])
    return Diagnosis("", where, f"{why}.", cure_of_one(layer, name, change, measured), (layer.number,), name)


def odd_ones(odd: Sequence[Layer], measured: Measurement) -> Diagnosis:
    """The same of a few layers, the worst first."""
    each = [odd_one(layer, measured) for layer in odd[:LISTED]]
    if len(each) == 1:
        return each[0]
    usual = middle([other.gain for other in measured.layers])
    names = listed([f"{named(layer)} ({times(layer.gain)})" for layer in odd[:LISTED]])
    why = " ".join(f"In layer {one.layers[0]} it{one.why[2:]}" for one in each)
    cures = {one.cure: [str(other.layers[0]) for other in each if other.cure == one.cure] for one in each if one.cure}
    cure = " ".join(text if len(at) == len(each) else f"Layer {listed(at)}: {text}" for text, at in cures.items())
    where = f"{capital(names)} stand out; others have {times(usual)}."
    return Diagnosis("", where, why, cure, faults.numbers(odd[:LISTED]), each[0].factor)


def cure_of_one(layer: Layer, factor: str, change: float, measured: Measurement) -> str:
    """What would make one layer like the others; `change` is how many times larger its factor would be."""
    if factor == "scale" and math.isfinite(change) and math.isfinite(layer.weights_std):
        size = f"{in_words(change, 3)} times larger" if change > 1 else f"{in_words(1 / change, 3)} times smaller"
        deviation = f"a standard deviation of {layer.weights_std * change:.2g} instead of {layer.weights_std:.2g}"
        return f"Give its weights {deviation} ({size}): their factor is then that of the others."
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
        "rest": BETWEEN,
    }.get(factor, "")


def middle(values: Sequence[float]) -> float:
    """The median of what is known."""
    known = [value for value in values if math.isfinite(value)]
    return statistics.median(known) if known else math.nan


def gains(layers: Sequence[Layer]) -> list[float]:
    return [layer.gain for layer in layers]


def size(value: float) -> float:
    """How far from 0; nan, which is not known, is no distance."""
    return 0.0 if math.isnan(value) else abs(value)


def typical(values: Sequence[float]) -> float:
    """The geometric mean of those that are known and positive."""
    known = [math.log(value) for value in values if value > 0 and math.isfinite(value)]
    return math.exp(math.fsum(known) / len(known)) if known else math.nan


def log(value: float) -> float:
    return math.log(value) if value > 0 else (-math.inf if value == 0 else math.nan)
