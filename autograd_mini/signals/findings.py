"""What measured signals mean, in sentences: where the signal changes, which factor does it, and what would help.

Faults that have nothing to do with the layers' factors have their sentences in `faults`.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Iterator, Sequence

from autograd_mini.measuring.factors import Layer, Measurement
from autograd_mini.measuring.sizes import finding, ratio
from autograd_mini.signals import data, faults, noise, odd
from autograd_mini.signals.advice import (
    BY_THEORY,
    ROUNDED,
    as_theory_goes,
    between,
    cause,
    cure,
    has_activation,
    is_spread_thin,
    saturated,
    smaller,
)
from autograd_mini.signals.averages import gains, log, middle, size, typical
from autograd_mini.signals.faults import LISTED, Diagnosis, named
from autograd_mini.words import decades, in_words, times

STEADY = 10.0  # a signal that changes by less over all layers needs no cure
ALIKE = 1.25  # times the typical gain: layers within it do about the same
APART = 2.5  # times the typical gain: enough to be blamed if a few such layers do most of the change

NOT_LOST = "If the model does not learn, it is not that the signal is lost on its way."


def findings(measured: Measurement) -> tuple[str, ...]:
    """Sentences, the most important first."""
    layers = measured.layers
    first = diagnosis(measured)
    if not layers:
        return (str(first), *faults.unreached(measured))
    whole = healthy(layers)
    if measured.hooked and whole:
        of_all = faults.dead_units, saturated, faults.underflow, faults.updates, noise.gradient_noise, faults.unreached
        return (str(first), *(str(one) for kind in of_all for one in kind(measured)))
    usual = size(log(middle(gains(layers))))
    far = [layer for layer in odd.outliers(layers) if size(log(layer.gain)) > usual] if whole else []
    apart = [layer for layer in far if not first.factor or layer.number not in first.layers]
    if any(not (layer.g.finite and layer.delta.finite) for layer in layers):
        scales = map(str, data.out_of_scale(measured))
        return (str(first), *scales, *faults.unreached(measured))  # sizes of what is not finite say nothing
    kinds: tuple[Iterable[Diagnosis | str], ...] = (
        data.gaps(measured),
        data.out_of_scale(measured),
        faults.squashed(measured),
        faults.copies(measured),
        () if "a step" in first.where else faults.steps(measured),
        faults.masks(measured),
        odd.rest_told(apart, measured),
        along_uses(measured) if whole else (),
        () if first.where.startswith("All units") else faults.dead_units(measured),
        saturated(measured, any(known in str(first) for known in (BY_THEORY, odd.LIKE_OTHERS))),
        faults.underflow(measured) if whole else (),
        faults.branches(measured),
        faults.directions(measured),
        faults.updates(measured),
        noise.gradient_noise(measured),
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
        found = faults.not_finite(measured)
        missing = list(data.gaps(measured))
        if not missing:
            return found
        return found._replace(
            why=" ".join([*filter(None, [found.why]), *(gap.where for gap in missing)]), cure=data.FILL
        )
    if not healthy(layers):
        found = faults.all_zero(measured)
        behind = [layer for layer in layers[max(found.layers) :] if layer.gain > 0]
        if "is flat nearly everywhere" in found.where:
            return found._replace(cure=smaller(measured, layers[: max(found.layers)]))
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
    kinds = data.gaps, data.out_of_scale, faults.squashed, faults.copies, faults.masks, faults.dead_units
    other = next((one for kind in kinds for one in kind(measured)), Diagnosis(""))
    if len(layers) == 1:
        said = f"One layer: rms(g) is {in_words(last.g.rms)} behind {last.name}; {split(layers, measured)}."
        return other._replace(what=said)
    change = ratio(first.g.rms, last.g.rms)
    ends = f"from {in_words(last.g.rms)} at {named(last)} to {in_words(first.g.rms)} at {named(first)}"
    past = "" if is_chain(measured) else alone(layers, measured)
    if 1 / STEADY < change < STEADY:
        return steady(measured, ends, past or split(layers[1:], measured), other)
    shrinks = change < 1
    said = f"The signal, rms(g), {'falls' if shrinks else 'grows'} by {decades(change)}, {ends}"
    if past:
        why, helps = as_theory_goes(measured, shrinks)
        helps = helps or (f"`{measured.tries}` measures what helps." if measured.tries else "")
        return other._replace(what=f"{said}; {past}.", why=other.why or why, cure=other.cure or helps)
    if shrinks and is_spread_thin(last) and log(last.gain) < 0.5 * log(change):
        over = f"it spreads the signal of {last.units} unit{'s' * (last.units > 1)} over {last.inputs} inputs"
        where = f"Most of it is {named(last)} ({times(last.gain)}): {over}, as weights of the usual size do."
        tries = f"`{measured.tries}` measures what helps." if measured.tries else ""
        return Diagnosis(f"{said}.", where, "", tries) if not other.where else other._replace(what=f"{said}. {where}")
    far = [layer for layer in odd.outliers(layers) if (layer.gain < 1) == shrinks and layer is not first]
    if not far:
        inner = layers[1:-1]  # the last one has as few units as the loss wants
        far = [layer for layer in odd.outliers(layers, APART) if (layer.gain < 1) == shrinks and layer in inner]
        far = far if len(far) <= LISTED else []
    together = math.fsum(log(layer.gain) for layer in far)
    if far and together / log(change) > 0.5:
        count = "One layer" if len(far) == 1 else f"{len(far)} layers"
        said += f". {count} of {len(layers)} did most of it: {times(math.exp(together))}."
        worst_first = sorted(far, key=lambda layer: -abs(log(layer.gain)))
        return odd.all_told(worst_first, measured)._replace(what=said)
    if log(last.gain) / log(change) > 0.5:
        return by_the_last(measured, said, shrinks, other)
    each = change ** (1 / (len(layers) - 1))
    half = math.log(2) / abs(math.log(each))
    every = f"{'halved' if shrinks else 'doubled'} every {half:.1f} layers" if half > 0.2 else decades(each)
    said += f": {times(each)} a layer ({every})."
    why, culprit = cause(layers[1:], shrinks, measured)
    copied = next(faults.copies(measured), Diagnosis(""))
    helps = copied.cure or cure(measured, layers[1:], culprit, shrinks)
    where = copied.where or spread_over(layers[1:], shrinks)
    return Diagnosis(said, where, why, helps, copied.layers, culprit)


def by_the_last(measured: Measurement, said: str, shrinks: bool, other: Diagnosis) -> Diagnosis:
    """A signal that changes most at the last layer, before it has met the others."""
    last = measured.layers[-1]
    where = f"Most of it is {named(last)} ({times(last.gain)})."
    why, culprit = cause([last], shrinks, measured)
    if other.where:
        return other._replace(what=f"{said}. {where} {why}")
    return Diagnosis(f"{said}.", where, why, cure(measured, [last], culprit, shrinks), (), culprit)


def steady(measured: Measurement, ends: str, split: str, other: Diagnosis) -> Diagnosis:
    """A signal that is nearly as large at the first layer as at the last: how near, and that it is not the fault."""
    layers = measured.layers
    weakest, strongest = (pick(layers, key=lambda layer: layer.g.rms) for pick in (min, max))
    within = ratio(strongest.g.rms, weakest.g.rms)
    if within >= STEADY:
        low, high = (f"{in_words(layer.g.rms)} at {named(layer)}" for layer in (weakest, strongest))
        what = f"The signal, rms(g), ends about as it began, {ends}, but is {low} and {high} on its way; {split}."
        return other._replace(what=what)
    what = f"The signal, rms(g), is steady within a factor of {in_words(within)}: {ends}; {split}."
    if other.where:
        return other._replace(what=what)
    tries = f"`{measured.tries}` measures learning rates, scaling and other changes." if measured.tries else ""
    return Diagnosis(f"{what} {NOT_LOST}", cure=tries)


def is_chain(measured: Measurement) -> bool:
    """Whether each layer reads the one before it and nothing else does, so that the gains multiply to the change."""
    layers = measured.layers
    if any(layer.consumers > 1 for layer in layers[:-1]):
        return False
    product = math.fsum(log(layer.gain) for layer in layers[1:])
    return abs(product - log(ratio(layers[0].g.rms, layers[-1].g.rms))) < 1e-3


def alone(layers: Sequence[Layer], measured: Measurement) -> str:
    """What the layers do where they are no chain, so that their gains do not multiply."""
    return f"the layers are no chain, so their gains do not multiply; one by one, {split(layers, measured)}"


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
                f"{times(change ** (1 / (len(group) - 1)))} a use; {split(group[1:], measured, 'use')}."
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


def split(layers: Sequence[Layer], measured: Measurement, of: str = "layer") -> str:
    """The typical factors, in words; of the activation only where there is one."""
    activation, weights = (typical([getattr(layer, f"by_{x}") for layer in layers]) for x in ("activation", "weights"))
    rest = typical(gains(layers)) / (activation * weights)
    known = [f"the activation makes it {times(activation)}"] if any(map(has_activation, layers)) else []
    if math.isfinite(weights):
        known.append(f"the weights {'' if known else 'make it '}{times(weights)}")
    said = ", ".join(known)
    if math.isfinite(rest) and not 1 / ROUNDED < rest < ROUNDED:
        said += f"{',' if said else ''} and what lies between them ({between(layers, measured)}) {times(rest)}"
    return said + (f" a {of}" if len(layers) > 1 else "")
