"""`nn.changes`: what is done to a whole model so that it learns: other weights, activations, normalisation, skips.

Each function takes a model and a batch of its inputs and returns a changed copy; the model that it was given stays as
it is. No loss is known here and nothing is trained: `nn.signals(...).cures()` measures whether a change helps.
"""

from nn.changes.structure import activated, normalised, scaled_outputs, skipping, standardised, without_last
from nn.changes.weights import biases_zero, drawn, like_the_others, scaled, unit_variance

__all__ = [
    "activated",
    "biases_zero",
    "drawn",
    "like_the_others",
    "normalised",
    "scaled",
    "scaled_outputs",
    "skipping",
    "standardised",
    "unit_variance",
    "without_last",
]
