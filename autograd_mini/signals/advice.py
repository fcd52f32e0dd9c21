"""Which factor changes a signal, and what theory knows that would hold it; single layers that differ are `odd`."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Sequence

from autograd_mini.graph import Node
from autograd_mini.measuring.causes import acts_alone, chooses, is_curved
from autograd_mini.measuring.factors import Layer, Measurement
from autograd_mini.measuring.layers import AFFINE, Place
from autograd_mini.signals import faults
from autograd_mini.signals.averages import log, typical
from autograd_mini.signals.faults import Diagnosis, capital, listed, named
from autograd_mini.words import in_words, times

ROUNDED = 1.05  # a factor nearer to 1 is not worth a word
CURVED = 0.85  # a typical slope above it is that of a curve such as tanh near 0, which larger scores leave
FLAT = 0.6  # a typical slope below it is that of an activation out of its range
AS_WRONG = 1.5  # times a size of weights: weights within it are of about that size
FAR_FROM_GUESS = 3.0  # times the loss of guessing
UNCHANGED = 1e-6
NAMED = 6  # operations
ANY = "a normalisation, a gate, a mask, a pooling"
BY_THEORY = "by the theory of independent weights"

CAUSES = {
    "slope": "the slope of the activation",
    "alignment": "the alignment of slopes and signal",
    "scale": "the size of the weights",
    "direction": "the direction of the signal in the weights",
    "rest": "what lies between activation and weights",
}


def cause(layers: Sequence[Layer], shrinks: bool, measured: Measurement) -> tuple[str, str]:
    """Which factor does it, and which does not; and its name."""
    logs = {name: math.fsum(log(merged(layer)[name]) for layer in layers) for name in CAUSES}
    sign = -1 if shrinks else 1
    culprit = max(logs, key=lambda name: sign * logs[name])
    each = {name: math.exp(logs[name] / len(layers)) for name in CAUSES}
    wrong = {name for name in CAUSES if sign * logs[name] > 0.25 * sign * logs[culprit]}
    if not wrong or math.isnan(logs["slope"]):
        return "Which factor does it is not known, because not all of them are finite.", ""
    a_layer = " a layer" if len(layers) > 1 else ""
    said = listed([f"{CAUSES[name]} ({times(each[name])}{a_layer})" for name in CAUSES if name in wrong], len(CAUSES))
    said = capital(said) + (" do it" if len(wrong) > 1 else " does it")
    curved = all(layer.number in measured.causes.rounded for layer in layers[:-1])
    crowded = typical([layer.saturated for layer in layers]) > 0.05
    acts = any(has_activation(layer) for layer in layers)
    if "slope" not in wrong and not acts:
        wrong.add("slope")
    elif "slope" not in wrong:
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


def has_activation(layer: Layer) -> bool:
    return not math.isnan(layer.saturated)


def spoken(layer: Layer, measured: Measurement) -> str:
    """What an activation is called: by its operation, if it is a single one but for a learned scale and shift."""
    names = [name_of(node) for node in core(layer, measured)]
    return names[0] if len(names) == 1 else f"the activation ({', '.join(layer.operations.split(', ')[1:])})"


def core(layer: Layer, measured: Measurement) -> list[Node]:
    """The operations of an activation, without a learned scale and shift before it, as normalisations have."""
    activation = measured.places[layer.number - 1].activation
    return [node for node in activation if not (node.primitive.function in AFFINE and is_broadcast(node))]


def is_broadcast(node: Node) -> bool:
    """Whether an operation has one operand of the shape of its result, and an array that is spread over it."""
    shapes = [operand.shape for operand in node.inputs if getattr(operand, "ndim", 0) > 0]
    return len(shapes) == 2 and shapes.count(node.shape) == 1


def is_smooth(layer: Layer, measured: Measurement) -> bool:
    """Whether an activation is curved everywhere, as a sigmoid is, also where scores are scaled before it."""
    nodes = core(layer, measured)
    alone = all(acts_alone(node) and not chooses(node) for node in nodes)
    return layer.number in measured.causes.rounded or (alone and any(map(is_curved, nodes)))


def between(layers: Sequence[Layer], measured: Measurement) -> str:
    """The operations that `rest` is of: those of a layer that change the signal, but for weights and activation."""
    names = list(dict.fromkeys(name_of(node) for _, node in others(layers, measured)))
    return listed(names, NAMED) if names else ANY


def others(layers: Sequence[Layer], measured: Measurement) -> Iterator[tuple[Place, Node]]:
    """What changes the signal of layers but for weights and activation, and of which of them it is."""
    for place in (measured.places[layer.number - 1] for layer in layers):
        yield from ((place, node) for node in place.others if changes(node, place, measured))


def name_of(node: Node) -> str:
    return node.primitive.name.removeprefix("np.")


def with_modules(found: Sequence[tuple[Place, Node]]) -> str:
    """Operations, each with the modules that compute it where these are others than the layer's own."""
    modules: dict[str, list[str]] = {}
    for place, node in found:
        paths, own = modules.setdefault(name_of(node), []), f"{place.mixing.scope}."
        if not own.startswith(f"{node.scope}.") and node.scope and node.scope not in paths:
            paths.append(node.scope)
    return listed([f"{name} ({listed(paths)})" if paths else name for name, paths in modules.items()], NAMED)


def changes(node: Node, place: Place, measured: Measurement) -> bool:
    """Whether an operation of a layer hands its signal on in another size."""
    inside = {place.mixing, *place.activation, *place.others}
    edges = [measured.edges.get((node, i)) for i, _ in node.plan.rules if node.inputs[i] in inside]
    return any(edge is not None and abs(edge.gain - 1) > UNCHANGED for edge in edges)


def look_between(layers: Sequence[Layer], measured: Measurement) -> str:
    """Where to look for what `rest` is of: before the activation, or after it."""
    found = list(others(layers, measured))
    after = [one for one in found if one[0].activation and one[1].index > one[0].output.index]
    before = [one for one in found if one not in after]
    places = [f"between weights and activation: {with_modules(before)}"] if before else []
    places += [f"after the activation: {with_modules(after)}"] if after else []
    return f"Look at what lies {', and '.join(places) or f'between weights and activation: {ANY}'}."


def cure(measured: Measurement, layers: Sequence[Layer], culprit: str, shrinks: bool) -> str:
    """What would make the factor 1, as far as theory knows."""
    tries = f"; `{measured.tries}` measures what helps" if measured.tries else ""
    if not culprit:
        return ""
    inner = [layer for layer in layers if layer is not measured.layers[-1]]
    if not inner and culprit == "scale" and is_larger(1 / width_free(layers[0]), shrinks):
        return usual_size(measured, layers)
    if not inner:  # the last one has as few units as the loss wants, so its gain says little
        return f"Weights of another scale, a normalisation of the scores or another activation would change it{tries}."
    usual = statistics.median([layer.gain for layer in inner])
    alike = [layer for layer in layers if abs(log(layer.gain / usual)) < math.log(2)] or inner
    gain, scale, slope, rest = (
        typical([getattr(layer, name) for layer in alike]) for name in ("gain", "scale", "slope", "rest")
    )
    if 0.98 < gain < 1.02:
        return (
            f"Most layers do next to nothing, but there are {len(measured.layers)}; skip connections shorten the way."
        )
    through = 1 / ROUNDED < rest < ROUNDED
    if culprit == "rest" or not (through or culprit in {"slope", "alignment"}):
        return look_between(alike, measured)
    hidden = [layer for layer in alike if layer is not measured.layers[-1]]
    smooth = all(is_smooth(layer, measured) for layer in hidden)
    if smooth and shrinks and slope < CURVED and culprit in {"slope", "alignment"}:
        name = next((spoken(layer, measured) for layer in alike if has_activation(layer)), "the activation")
        if typical([layer.saturated for layer in alike]) >= faults.CROWDED:
            if not through:
                return look_between(alike, measured)
            return (
                f"The scores are so large that {name} is flat there: smaller weights bring them back, as would a "
                f"normalisation of them, or an activation without flat parts (PReLU with He's weights){tries}."
            )
        more = f" {look_between(alike, measured)}" if rest <= 1 / ROUNDED else ""
        return (
            f"The slopes of {name} are small here, and larger weights would saturate it: tanh with Glorot's weights or "
            f"PReLU with He's has larger ones{tries}.{more}"
        )
    if not through:
        return look_between(alike, measured)
    curved = all(layer.number in measured.causes.rounded for layer in hidden)
    tanh = all("tanh" in layer.operations for layer in hidden)
    saturated = curved and tanh and not shrinks and slope < FLAT
    wanted = 1 / scale if saturated else 1 / gain
    if not math.isfinite(wanted):
        return f"Weights of another scale, a normalisation of the scores or skip connections would hold it{tries}."
    piecewise = all(layer.number in measured.causes.piecewise for layer in alike)
    slopes = "" if piecewise else " where slopes are near 1" if saturated else " with slopes as they are now"
    theory = f"{BY_THEORY} the signal then holds{slopes}{tries}."
    return f"{rescaled(measured.layers, alike, wanted)}: {theory}"


def saturated(measured: Measurement, cured: bool = True) -> Iterator[Diagnosis]:
    """Curved activations that are flat at most of their scores; what would help, if that has not been said."""
    found = [
        layer
        for layer in measured.layers
        if layer.number in measured.causes.rounded and layer.saturated >= faults.CROWDED and layer.dead < faults.CROWDED
    ]
    if found:
        worst = max(found, key=lambda layer: layer.saturated)
        verb = "is" if len(found) == 2 else "are"
        others = f" {capital(faults.more_layers(len(found) - 1))} {verb} too." if found[1:] else ""
        flat = f"{worst.saturated:.0%} of the slopes of its activation are below 0.05"
        alone = worst.by_activation  # not known where no signal arrives
        by_itself = f", which by itself makes the signal {times(alone)}" if math.isfinite(alone) else ""
        whole = f"; the whole layer makes it {times(worst.gain)}" if math.isfinite(worst.gain) else ""
        said = f"{capital(named(worst))} is saturated: {flat}{by_itself}{whole}.{others}"
        yield Diagnosis("", said, "", "" if cured else smaller(measured, found))


def underflow(measured: Measurement) -> Iterator[Diagnosis]:
    """Numbers too small for their dtype: by themselves, or as the loss gets scores that are far too large."""
    tiny = [layer for layer in measured.layers if layer.g.subnormal > 0.01]
    if not tiny:
        return
    share = f"{tiny[-1].g.subnormal:.0%} of the entries of g at {named(tiny[-1])} are subnormal numbers"
    start = measured.data.start
    if start is None or start.loss < FAR_FROM_GUESS * start.guess:
        said = f"The signal underflows: {share}."
        yield Diagnosis("", said, "", "Scale the loss, or compute in a wider dtype.")
        return
    guess = f"that of guessing, ln({start.classes}) = {in_words(start.guess)}"
    said = (
        f"The scores that the loss gets are far too large: their rms is {in_words(start.size)}, and the loss is "
        f"{in_words(start.loss)}, {in_words(start.loss / start.guess)} times {guess}. {capital(share)}, as "
        f"the {start.by} of such scores is nearly 0 or 1."
    )
    sizes = {layer.number: width_free(layer) for layer in measured.layers if layer.inputs}
    largest = [layer for layer in measured.layers if sizes.get(layer.number, 0) > max(sizes.values()) / AS_WRONG**2]
    yield Diagnosis("", said, "", "" if measured.data.scales else smaller(measured, largest))


def as_theory_goes(measured: Measurement, shrinks: bool) -> tuple[str, str]:
    """Whether the weights have a part in it where the layers are no chain, and what would take it from them."""
    layers = [layer for layer in measured.layers if math.isfinite(width_free(layer)) and layer.scale > 0]
    size = math.exp(statistics.median([math.log(width_free(layer)) for layer in layers])) if layers else math.nan
    if not is_larger(1 / size, shrinks):
        return "", ""
    alike = [layer for layer in layers if 1 / AS_WRONG < width_free(layer) / size < AS_WRONG] or layers
    why = f"The size of the weights has a part in it: the typical layer's make a signal {times(size)} by themselves."
    tries = f"; `{measured.tries}` measures what helps" if measured.tries else ""
    holds = f"{BY_THEORY} they then hold it"
    return why, f"{rescaled(measured.layers, alike, 1 / size)}: {holds}{tries}."


def smaller(measured: Measurement, layers: Sequence[Layer]) -> str:
    """What makes scores smaller: weights of the size that theory has, where they are larger."""
    large = [layer for layer in layers if width_free(layer) > AS_WRONG]
    return usual_size(measured, large) if large else ""


def usual_size(measured: Measurement, layers: Sequence[Layer]) -> str:
    """Weights of the size that theory has."""
    said = rescaled(measured.layers, layers, 1 / typical([width_free(layer) for layer in layers]))
    return f"{said}: {BY_THEORY} scores are then about as large as what they are computed from."


def is_spread_thin(layer: Layer) -> bool:
    """Whether a layer hands less on to each input because it has fewer units, through weights of the usual size."""
    usual = 1 / AS_WRONG < width_free(layer) < AS_WRONG
    return usual and 2 * layer.units < layer.inputs and layer.by_activation > 1 / AS_WRONG


def rescaled(layers: Sequence[Layer], alike: Sequence[Layer], wanted: float) -> str:
    """Which layers' weights to make how many times larger: all that are as wrong as those alike, and those further off.

    The output layer is as wrong where its weights are of the same size, however few units it has.
    """
    size = typical([width_free(layer) for layer in alike])
    off = {layer.number: width_free(layer) / size for layer in layers}
    same = [layer for layer in layers if 1 / AS_WRONG < off[layer.number] < AS_WRONG] or list(alike)
    further = {
        layer.number: wanted / off[layer.number]
        for layer in layers
        if layer not in same and off[layer.number] > 0 and is_larger(wanted / off[layer.number], wanted > 1)
    }
    at = of_layers([layer.number for layer in same])
    stds = [layer.weights_std for layer in same]
    if all(math.isfinite(std) and std > 0 for std in stds) and max(stds) < 1.2 * min(stds):
        std = typical(stds)
        deviation = f"a standard deviation of {std * wanted:.2g} instead of {std:.2g} ({resized(wanted)})"
        said = f"Give the weights of {at} {deviation}"
    else:
        said = f"Make the weights {resized(wanted)} in {at}"
    if not further:
        return said
    return f"{said}, and make those of {of_layers(list(further))} {resized(*further.values())}"


def is_larger(factor: float, than_one: bool) -> bool:
    """Whether a factor is clearly on that side of 1."""
    return factor > AS_WRONG if than_one else factor < 1 / AS_WRONG


def width_free(layer: Layer) -> float:
    """The size of the weights, of which a layer with as many inputs as units has its factor F."""
    if not layer.inputs:
        return layer.scale
    return layer.scale * math.sqrt((layer.inputs + layer.units) / 2 / layer.units)


def resized(*factors: float) -> str:
    """`2.48 times larger`, `3.1 to 12 times smaller`; all are on the same side of 1."""
    sizes = sorted(factor if factor > 1 else 1 / factor for factor in factors)
    ends = list(dict.fromkeys(in_words(size, 3) for size in (sizes[0], sizes[-1])))
    return f"{' to '.join(ends)} times {'larger' if factors[0] > 1 else 'smaller'}"


def of_layers(numbers: Sequence[int]) -> str:
    """`layer 2`, `layers 2 and 3`, `layers 1 to 6 and 9`."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    said = [
        part
        for run in runs
        for part in ([f"{run[0]} to {run[-1]}"] if len(run) > 2 else [str(number) for number in run])
    ]
    return f"layer{'s' * (len(numbers) > 1)} {listed(said, len(said))}"
