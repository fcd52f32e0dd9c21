"""ATen's recurrent layers: one operation for all layers, directions and steps. Its weights come as a list."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from nn.functions import sigmoid
from nn.layers.recurrent import unstacked
from nn.models.pytorch.layers import dropped, linear

State = tuple[Any, ...]
PACKED = "a recurrent layer of packed sequences has no counterpart here; give it padded ones"
Step = Callable[..., State]


def tanh_step(scores: Any, carried: Any, h: Any) -> State:
    return (np.tanh(scores + carried),)


def relu_step(scores: Any, carried: Any, h: Any) -> State:
    s = scores + carried
    return (np.where(s <= 0, 0, s),)


def gru_step(scores: Any, carried: Any, h: Any) -> State:
    units = h.shape[-1]
    gates = sigmoid(scores[..., : 2 * units] + carried[..., : 2 * units])
    reset, keep = gates[..., :units], gates[..., units:]
    new = np.tanh(scores[..., 2 * units :] + reset * carried[..., 2 * units :])
    return (new + keep * (h - new),)


def lstm_step(scores: Any, carried: Any, h: Any, c: Any) -> State:
    scores, units = scores + carried, c.shape[-1]
    let = sigmoid(scores[..., : 2 * units])
    new, out = np.tanh(scores[..., 2 * units : 3 * units]), sigmoid(scores[..., 3 * units :])
    c = let[..., units:] * c + let[..., :units] * new
    return out * np.tanh(c), c


def weights_of(parameters: Sequence[Any], biased: bool, projected: bool) -> Iterator[tuple[Any, ...]]:
    """The four or five of each layer and direction: of the input, of the state, both biases, the projection."""
    count = 2 + 2 * biased + projected
    for start in range(0, len(parameters), count):
        of_input, of_state, *others = parameters[start : start + count]
        biases = others[:2] if biased else (None, None)
        yield of_input, of_state, *biases, (others[-1] if projected else None)


def run(step: Step, x: Any, state: State, weights: tuple[Any, ...], way: int) -> tuple[Any, State]:
    """The states at all steps of x, shape (examples, steps, width), and the last one."""
    of_input, of_state, bias, shift, projection = weights
    scores, turned = linear(x, of_input, bias), of_state
    states = []
    for now in unstacked(scores)[::way]:
        h, *others = step(now, linear(state[0], turned, shift), *state)
        if projection is not None:
            h = linear(h, projection)
        state = (h, *others)
        states.append(h)
    return np.stack(states[::way], axis=1), state


def layers(
    step: Step,
    x: Any,
    begin: State,
    parameters: Sequence[Any],
    biased: bool,
    count: int,
    share: float,
    training: Any,
    both_ways: bool,
    batch_first: bool,
    *,
    rng: Any,
) -> tuple[Any, ...]:
    """What ATen returns: the states of the last layer at all steps, and the last states of all layers."""
    if not isinstance(biased, bool):
        raise NotImplementedError(PACKED)
    alone = x.ndim == 2
    if alone:
        x, begin = np.expand_dims(x, 0), tuple(np.expand_dims(part, 1) for part in begin)
    elif not batch_first:
        x = np.swapaxes(x, 0, 1)
    projected = len(begin) == 2 and begin[0].shape[-1] != begin[1].shape[-1]
    ways = (1, -1) if both_ways else (1,)
    ends: list[State] = []
    each = weights_of(parameters, biased, projected)
    for layer in range(count):
        if layer:
            x = dropped(x, x.shape, share, training, rng)
        found = []
        for way in ways:
            place = len(ends)
            states, end = run(step, x, tuple(part[place] for part in begin), next(each), way)
            found.append(states)
            ends.append(end)
        x = found[0] if len(found) == 1 else np.concatenate(found, axis=-1)
    last = tuple(np.stack(parts) for parts in zip(*ends, strict=True))
    if alone:
        return (x[0], *(part[:, 0] for part in last))
    return (x if batch_first else np.swapaxes(x, 0, 1), *last)


def of_one_state(step: Step) -> Callable[..., Any]:
    def layer(x: Any, h: Any, parameters: Any, *settings: Any, rng: Any) -> Any:
        return layers(step, x, (h,), parameters, *settings, rng=rng)

    return layer


def lstm(x: Any, begin: Any, parameters: Any, *settings: Any, rng: Any) -> Any:
    return layers(lstm_step, x, tuple(begin), parameters, *settings, rng=rng)


def cell(step: Step) -> Callable[..., Any]:
    """One step."""

    def once(x: Any, state: Any, of_input: Any, of_state: Any, bias: Any = None, shift: Any = None) -> Any:
        state = tuple(state) if isinstance(state, list | tuple) else (state,)
        found = step(linear(x, of_input, bias), linear(state[0], of_state, shift), *state)
        return found if len(found) > 1 else found[0]

    return once


TABLE: dict[str, Any] = {
    "gru_cell": cell(gru_step),
    "lstm_cell": cell(lstm_step),
    "rnn_tanh_cell": cell(tanh_step),
    "rnn_relu_cell": cell(relu_step),
}
DRAWN: dict[str, Any] = {
    "gru": of_one_state(gru_step),
    "rnn_tanh": of_one_state(tanh_step),
    "rnn_relu": of_one_state(relu_step),
    "lstm": lstm,
}
