"""What a small last batch does to a model whose parts look at the whole batch."""

from __future__ import annotations

from typing import Any

from nn.layers.normalization import BatchNorm
from nn.module import Module
from nn.training.data import DataLoader
from nn.training.sources import Stream

SMALL_LAST = (
    "fit(...): the last batch of an epoch has {last} of {count} examples, all others have {size}. `nn.BatchNorm` "
    "({path}) computes with the mean and variance of so few, and the running ones that evaluation uses follow them. "
    "Leave that batch out: the data is then `nn.DataLoader(x, y, batch_size={size}, shuffle=True, drop_last=True)`."
)

FEW = 8  # examples of which mean and variance say little
TIMES = 4  # as many in the other batches


def small_last(model: Module, loader: Any) -> str:
    """What to say of the last batch of an epoch: "" unless it is much smaller than the others, and a BatchNorm learns
    from it."""
    if not isinstance(loader, DataLoader) or isinstance(loader.source, Stream):
        return ""
    count, size = len(loader.source), loader.batch_size or 1
    last = 0 if loader.drop_last else count % size
    if not 0 < last < FEW or size < TIMES * last or count < size:
        return ""
    modules = (("the model", model), *model.named_modules())
    paths = [
        path for path, part in modules if isinstance(part, BatchNorm) and (part.training or not model.training)
    ]  # a model in training mode is left as it is, so that parts can stay in evaluation mode
    return SMALL_LAST.format(last=last, count=count, size=size, path=paths[0]) if paths else ""
