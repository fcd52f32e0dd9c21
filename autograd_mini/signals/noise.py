"""What gradient noise means, in sentences: how much of a mini-batch's gradient its examples have in common."""

from __future__ import annotations

import math
from collections.abc import Iterator

from autograd_mini.measuring.factors import Measurement
from autograd_mini.measuring.noise import GradientNoise
from autograd_mini.signals.faults import Diagnosis, numbers, which
from autograd_mini.words import in_words

FEW = 16  # examples, below which nothing is said

AVERAGE = "Larger mini-batches, gradients accumulated over several, or a lower learning rate average it out."
NOTHING = "If more examples do not agree either, nothing that they have in common is left to learn here."


def gradient_noise(measured: Measurement) -> Iterator[Diagnosis]:
    """How far the examples agree in the whole model, and the layers whose gradient is noise where that is not."""
    if measured.no_noise:
        yield Diagnosis("", f"No gradient noise was measured. {measured.no_noise}")
    model = measured.model_noise
    if model is None or model.examples < FEW or math.isnan(model.error):
        return
    noisy = is_noise(model)
    if noisy:
        yield Diagnosis("", f"The gradient is mostly noise: {agreeing(model)}", "", helps(model))
    else:
        yield Diagnosis("", f"Gradient noise: {agreeing(model)}")
    layers = [layer for layer in measured.layers if is_noise(measured.noise.get(layer.number))]
    if layers and not noisy:
        worst = max(layers, key=lambda layer: measured.noise[layer.number].between[0])
        noise = measured.noise[worst.number]
        of = "" if len(layers) == 1 else f"of layer {worst.number}, "
        said = f"The gradient of the weights of {which(layers)} is mostly noise: {of}{agreeing(noise)}"
        yield Diagnosis("", said, "", helps(noise), numbers(layers))


def is_noise(noise: GradientNoise | None) -> bool:
    """Whether, even if the examples agree as much as they may, less than half of their mean is in common."""
    return noise is not None and noise.examples >= FEW and noise.is_most


def agreeing(noise: GradientNoise) -> str:
    """What so many examples have in common, and how many it takes until half of the mean is."""
    low, high = noise.between
    given = f"{noise.examples:,} examples"
    if math.isinf(high) and is_noise(noise):
        return f"{given} agree no more than by chance; half of the mean is in common with more than {whole(low)}."
    if math.isinf(high):
        return f"{given} are too few to tell; half of the mean is in common with more than {whole(low)}."
    between = f"about {whole(noise.scale)} example{'s' * (noise.scale >= 1.5)} ({whole(low)} to {whole(high)})"
    return (
        f"of the mean over {given} {noise.share:.0%} is in common, in squares, and the rest is chance; "
        f"it would be half with {between}, the simple noise scale."
    )


def whole(examples: float) -> str:
    return in_words(max(round(examples), 1))


def helps(noise: GradientNoise) -> str:
    """What averages noise out; and when nothing does."""
    return f"{AVERAGE} {NOTHING}" if math.isinf(noise.between[1]) else AVERAGE
