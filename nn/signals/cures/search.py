"""What candidates are found by looking at the loss: the factor for all weights, and whether it takes scores."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any

from autograd_mini import Watch, no_grad
from nn import functions
from nn.changes import scaled
from nn.changes.calls import calls, hidden_layers, weight_layers
from nn.module import Module
from nn.norms import rms
from nn.signals.cures.candidates import Change
from nn.training.evaluation import Bring, forward

GRID = 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0
REFINED = 4  # times that the best factor's neighbours are tried
LOST = 1e9  # decades, of a signal that is 0 or not finite somewhere
UNCHANGED = "no factor makes the gradients of the layers more alike"

SCORES = (  # what the losses of nn that take scores compute with
    functions.label_losses,
    functions.mean_label_loss,
    functions.share_losses,
    functions.logistic_losses,
    functions.mean_logistic_loss,
    functions.log_softmax,
)


def rescaled(model: Module, x: Any, loss: Any, batch: Any, over: Callable[[], bool]) -> Change:
    """The factor on the hidden layers' weights with which the gradients of all weights are most alike, by one plain
    backward for each that is tried."""
    model = copy.deepcopy(model)
    called = calls(model, x)
    layers = weight_layers(called, model)
    before = [(layer, layer.weights.data) for layer in hidden_layers(called, model)]
    found: dict[float, float] = {}

    def spread(factor: float) -> float:
        if factor not in found and not over():
            for layer, weights in before:
                layer.weights.data = (weights * factor).astype(weights.dtype)
            found[factor] = decades(model, layers, loss, batch)
        return found.get(factor, math.inf)

    best = min(GRID, key=spread)
    for _ in range(REFINED):
        known = sorted(found)
        place = known.index(best) if best in known else 0
        for other in known[max(place - 1, 0) : place + 2]:
            spread(float(f"{math.sqrt(best * other):.3g}"))
        best = min(found, key=spread, default=1.0)
    if best == 1 or found[best] >= LOST:
        raise ValueError(UNCHANGED)
    return Change(f"weights x{best:g}", "weights", ((scaled, (best,)),))


def decades(model: Module, layers: list[Any], loss: Any, batch: Any) -> float:
    """How many powers of ten lie between the largest and the smallest rms of the layers' gradients."""
    model.zero_grad()
    _, _, found = forward(model, loss, batch, Bring(model))
    if not math.isfinite(found.value.item()):
        return LOST
    found.value.backward()
    sizes = [0.0 if layer.weights.grad is None else rms(layer.weights.grad) for layer in layers]
    if not all(0 < size < math.inf for size in sizes):
        return LOST
    return math.log10(max(sizes)) - math.log10(min(sizes))


class Listening(Watch):
    """Hears whether a loss that takes scores is computed."""

    def __init__(self) -> None:
        self.heard = False

    def forward(self, primitive: Any, args: Any, result: Any) -> None:  # noqa: ARG002
        self.heard = self.heard or primitive.name in {function.__name__ for function in SCORES}


def takes_scores(model: Module, loss: Any, batch: Any) -> bool:
    """Whether the loss has a softmax or sigmoid of its own, as `nn.cross_entropy` and `nn.logistic_loss` have."""
    with no_grad(), Listening() as listening:
        forward(model, loss, batch, Bring(model))
    return listening.heard
