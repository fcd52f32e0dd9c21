"""Outputs and targets of batches, put together as those of all examples; metrics of them. No model is asked here."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from autograd_mini import Tensor, devices
from nn.checks import as_values
from nn.losses.padded import Unpadded
from nn.training.padded import Padded

METRIC = "The metric {name} returned {got!r}, which is no number."
WIDTHS = (
    "{call}: the batches have targets of shapes {first} and {other}, which cannot be put together, for it is not known "
    "what stands for padding. Write `nn.unpadded({name})`, or make the batches by `collate=nn.data.padded()`."
)

Function = Callable[..., Any]


class Gathered:
    """What came of some batches, in their order.

    Batches that a loader's `collate` made may differ in length: they are put together as long as the longest, with 0 in
    outputs and with what stands for padding in targets.
    """

    def __init__(self, collate: Any) -> None:
        self.collate = collate
        self.outputs: list[Any] = []
        self.targets: list[Any] = []
        self.part = 1  # the place of the target in an example

    def add(self, output: Any, target: Any, inputs: int) -> None:
        """Take a batch in, of a model of so many inputs."""
        self.outputs.append(values_of(output))
        self.targets.append(target)
        self.part = inputs - 1  # the lengths are one of them

    def output(self) -> Any:
        """The outputs of all examples."""
        return put_together(self.outputs, self.collate is not None)

    def target(self, function: Function, call: str) -> Any:
        """The targets of all examples, for a function of them."""
        targets = self.targets
        if targets[0] is None:
            return None
        other = next((target for target in targets if np.shape(target)[1:] != np.shape(targets[0])[1:]), None)
        if other is None:
            return np.concatenate(targets)
        if isinstance(function, Unpadded):
            fill = function.padding(targets[0].dtype)
        elif isinstance(self.collate, Padded):
            fill = self.collate.fill_of(self.part, targets[0].dtype)
        else:
            name = getattr(function, "__name__", repr(function))
            raise ValueError(  # noqa: TRY004
                WIDTHS.format(call=call, first=targets[0].shape, other=other.shape, name=name)
            )
        return np.concatenate(widened(targets, fill))

    def measured(self, metrics: Mapping[str, Function], call: str) -> dict[str, float]:
        """Metrics of all examples at once."""
        if not (metrics and self.outputs):
            return {}
        output = on_host(self.output())
        if not all(devices.has_values(part) for _, part in parts_of(output)):
            return dict.fromkeys(metrics, math.nan)
        return {
            name: number(name, called(metric, output, on_host(self.target(metric, call))))
            for name, metric in metrics.items()
        }

    def state_dict(self) -> dict[str, Any]:
        """All of it as named arrays."""
        pairs = zip(self.outputs, self.targets, strict=True)
        return {"part": self.part} | {
            f"{kind}.{i}{path}": array
            for i, pair in enumerate(pairs)
            for kind, value in zip(("output", "target"), pair, strict=True)
            for path, array in parts_of(on_host(value))
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what was gathered in another run."""
        kinds: dict[str, Any] = {}
        for path, array in state.items():
            *places, last = path.split(".")
            node = kinds
            for place in places:
                node = node.setdefault(place, {})
            node[last] = array
        batches = sorted(kinds.get("output", {}), key=int)
        self.outputs = [unnamed(kinds["output"][i]) for i in batches]
        self.targets = [kinds.get("target", {}).get(i) for i in batches]
        self.part = kinds.get("part", 1)


def parts_of(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """The arrays of a target or an output, and where they are in it: tuples have numbers, dicts names after a colon."""
    if isinstance(value, dict):
        for key, part in value.items():
            yield from parts_of(part, f"{path}.:{key}")
    elif isinstance(value, tuple):
        for i, part in enumerate(value):
            yield from parts_of(part, f"{path}.{i}")
    elif value is not None:
        yield path, value


def on_host(value: Any) -> Any:
    """Outputs or targets in the host's memory; those on a device without values stay there."""
    if isinstance(value, dict):
        return {key: on_host(part) for key, part in value.items()}
    if isinstance(value, tuple | list):
        return tuple(map(on_host, value))
    return devices.to_host(value) if value is not None and devices.has_values(value) else value


def unnamed(value: Any) -> Any:
    """The inverse of `parts_of`, from nested dicts."""
    if not isinstance(value, dict):
        return value
    if all(key.startswith(":") for key in value):
        return {key[1:]: unnamed(part) for key, part in value.items()}
    return tuple(unnamed(value[key]) for key in sorted(value, key=int))


def values_of(output: Any) -> Any:
    """Outputs without their history; of a tuple or a dict of them, each."""
    if isinstance(output, dict):
        return {key: values_of(part) for key, part in output.items()}
    if isinstance(output, tuple | list):
        return tuple(values_of(part) for part in output)
    return as_values(output)


def put_together(outputs: list[Any], ragged: bool = False) -> Any:
    """The outputs of all batches as those of one; `ragged` ones may differ in length, and 0 stands past their ends."""
    if isinstance(outputs[0], dict):
        return {key: put_together([output[key] for output in outputs], ragged) for key in outputs[0]}
    if isinstance(outputs[0], tuple | list):
        return tuple(put_together(list(parts), ragged) for parts in zip(*outputs, strict=True))
    unlike = ragged and len({output.shape[1:] for output in outputs}) > 1
    return np.concatenate(widened(outputs, 0) if unlike else outputs)


def widened(arrays: list[Any], fill: Any) -> list[Any]:
    """Arrays that are all as large as the largest, but for the first axis."""
    largest = np.max([array.shape[1:] for array in arrays], axis=0)
    return [
        np.pad(a, [(0, 0), *((0, int(m - has)) for m, has in zip(largest, a.shape[1:], strict=True))],
               constant_values=fill)
        for a in arrays
    ]  # fmt: skip


def called(function: Function, output: Any, target: Any) -> Any:
    return function(output) if target is None else function(output, target)


def number(name: str, value: Any) -> float:
    """What a metric returned, as a number."""
    try:
        return float(as_values(value) if isinstance(value, Tensor) else value)
    except (TypeError, ValueError) as error:
        raise TypeError(METRIC.format(name=name, got=value)) from error
