"""Small parameters as one vector, so that an optimizer updates them by a few long NumPy calls. No rule lives here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from autograd_mini import Tensor, devices

LONGEST_THERE = 2**22  # on a device that Python runs ahead of, where a call costs more and no cache is ours
LONGEST = 2**15  # entries; a longer vector falls out of the cache between two calls, and then parting it is faster


class Joined:
    """Parameters of one dtype whose states have equal counts.

    Their values become views of one vector, so what is written into them in place arrives in it. When one of them is
    given another array, `current` says so, and the vector is out of date.

    Parameters
    ----------
    places : sequence of int
        The numbers of the parameters in their optimizer.
    parameters : sequence of Tensor
    states : sequence of tuple or None
        What the rule keeps for each.
    """

    def __init__(self, places: Sequence[int], parameters: Sequence[Tensor], states: Sequence[Any]) -> None:
        self.places, self.parameters = places, parameters
        self.parts: list[tuple[slice, tuple[int, ...]]] = []
        start = 0
        for parameter in parameters:
            self.parts.append((slice(start, start + parameter.size), parameter.shape))
            start += parameter.size
        self.state = states[0] and tuple(map(join, zip(*states, strict=True)))
        self.put(join([parameter.data for parameter in parameters]))

    def put(self, values: Any) -> None:
        """Give each parameter its part of the vector."""
        self.values = values
        if type(values) is np.ndarray:
            self.views = [values[part].reshape(shape) for part, shape in self.parts]
        else:
            parts = np.split(values, [part.start for part, _ in self.parts[1:]])  # one call on a device
            self.views = [
                part if len(shape) == 1 else part.reshape(shape)
                for part, (_, shape) in zip(parts, self.parts, strict=True)
            ]
        for parameter, view in zip(self.parameters, self.views, strict=True):
            parameter.data = view

    def current(self) -> bool:
        """Whether every parameter still is its part of the vector, and has a gradient."""
        for parameter, view in zip(self.parameters, self.views, strict=True):
            if parameter.data is not view or parameter.grad is None or not parameter.requires_grad:
                return False
        return True

    def gradient(self) -> Any:
        return join([parameter.grad for parameter in self.parameters])

    def states(self) -> list[Any]:
        """The state of each parameter by itself."""
        if self.state is None:
            return [None] * len(self.parts)
        return [
            tuple(kept if isinstance(kept, int) else kept[part].reshape(shape) for kept in self.state)
            for part, shape in self.parts
        ]


def join(arrays: Sequence[Any]) -> Any:
    """One vector of arrays; a count, which is the same for all, stays a count."""
    return arrays[0] if isinstance(arrays[0], int) else np.concatenate(arrays, axis=None)


def groups(parameters: Sequence[Tensor], states: Sequence[Any], places: Sequence[int]) -> list[list[int]]:
    """Those of `places` that can be joined, in groups of two or more."""
    made: list[list[int]] = []
    open_groups: dict[Any, tuple[list[int], int]] = {}
    for i in places:
        parameter, state = parameters[i], states[i]
        here = type(parameter.data) is np.ndarray
        ahead = not here and devices.waits(parameter)
        longest = LONGEST_THERE if ahead else LONGEST
        # On PyTorch's CPU joining costs more than the few calls of a rule that keeps no state.
        few = not (here or ahead or state)
        if few or (not here and devices.on_host(parameter)) or parameter.size > longest // 2:
            continue
        kind = (
            parameter.device,
            parameter.dtype,
            state and tuple(kept if isinstance(kept, int) else None for kept in state),
        )
        group, length = open_groups.get(kind, ([], 0))
        if length + parameter.size > longest:
            group, length = [], 0
        if not group:
            made.append(group)
        group.append(i)
        open_groups[kind] = group, length + parameter.size
    return [group for group in made if len(group) > 1]
