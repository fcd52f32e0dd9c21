"""Why a loss is not finite: the batch, the weights, or an operation between them."""

from __future__ import annotations

from typing import Any

import numpy as np

from nn.losses.padded import Unpadded
from nn.module import Module

BAD_BATCH = (
    "The batch itself holds {count} entries that are NaN or infinite, in its array {position} of {parts}: clean the "
    "data, for example `x[np.isfinite(x).all(axis=1)]`."
)
BAD_WEIGHTS = (
    "The parameter {name} is not finite any more: an earlier step was too large. Use a smaller learning rate, or "
    "`fit(clip_norm=1.0)`."
)
BAD_FORWARD = (
    "Batch and parameters are finite, so an operation made it: the learning rate may be too large. To stop at that "
    "operation, with its line, write `with autograd_mini.checked(): nn.fit(...)`."
)


def cause_of(model: Module, loss: Any, batch: tuple[Any, ...], weighted: bool) -> str:
    """What made the loss of a batch not finite; if `weighted`, the last part of the batch is weights."""
    cause = BAD_FORWARD
    for name, parameter in model.named_parameters():
        if not np.isfinite(parameter.data).all():
            cause = BAD_WEIGHTS.format(name=name)
            break
    for i, part in enumerate(batch):
        padded = isinstance(loss, Unpadded) and i == len(batch) - 1 - weighted  # there NaN is padding
        wrong = np.isinf if padded else lambda values: ~np.isfinite(values)
        bad = 0 if part.dtype.kind not in "fc" else int(np.sum(wrong(part)))
        if bad:
            cause = BAD_BATCH.format(count=bad, position=i, parts=len(batch))
            break
    return cause
