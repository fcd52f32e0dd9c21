"""What exporters do to a network that training would feel, and how to have it exported as it is."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from nn.models.onnx.checking import few
from nn.models.onnx.reading import name_of, scope_of

EXPORT = (
    " Export it again: `torch.onnx.export(model, example, path, dynamo=True, optimize=False, dynamic_shapes=...)`, "
    "with the model in training mode if it has batch normalization."
)
FOLDED = (
    "{path}: {count} weights have names that the exporter made, such as {names}: it has computed them from others, by "
    "transposing them or multiplying them with what came next. They are learned under these names." + EXPORT
)
FUSED = (
    "{path}: {count} nodes, such as {names}, were a convolution and a batch normalization, which the exporter made "
    "one: the normalization is not there to be trained." + EXPORT
)
MERGED = (
    "{path}: {count} parameters, such as {names}, hold one number in all places and are read in several parts of the "
    "network: the exporter may have merged those that began equal. They would be learned as one." + EXPORT
)
MADE = re.compile(r"val_\d+|onnx::\w+_\d+|\w+_(fused|folded)_\w+|_?to_copy\w*|t_\d+|permute_\d+")


def changed(proto: Any, where: str, held: Mapping[str, Any]) -> Iterator[str]:
    """A warning for each thing that the exporter did to the weights, which are held by name."""
    if proto.producer_name != "pytorch":
        return
    made = [name for name in held if MADE.fullmatch(name)]
    if made:
        yield FOLDED.format(path=where, count=len(made), names=few(made))
    fused = [name_of(node) for node in proto.graph.node if any("FuseBatchNorm" in p.value for p in node.metadata_props)]
    if fused:
        yield FUSED.format(path=where, count=len(fused), names=few(fused))
    places: dict[str, set[str]] = {}
    for node in proto.graph.node:
        for name in node.input:
            if name in held:
                places.setdefault(name, set()).add(scope_of(node))
    merged = [name for name, inside in places.items() if len(inside) > 1 and np.ptp(held[name]) == 0]
    if merged:
        yield MERGED.format(path=where, count=len(merged), names=few(merged))
