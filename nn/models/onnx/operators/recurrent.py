"""Recurrent operators: a step for each kind of cell, and what runs it along sequences."""

import functools
from typing import Any

import numpy as np

from autograd_mini import devices
from nn.layers.linear import affine
from nn.layers.recurrent import unstacked
from nn.models.onnx.operators.table import OPERATORS
from nn.noise import values

ONLY_HERE = {  # the other activations are operators too
    "Affine": lambda x, alpha=1.0, beta=0.0: alpha * x + beta,
    "ScaledTanh": lambda x, alpha=1.0, beta=1.0: alpha * np.tanh(beta * x),
}
WITH_ALPHA = {"Affine", "Elu", "HardSigmoid", "LeakyRelu", "ScaledTanh", "ThresholdedRelu"}
WITH_BETA = {"Affine", "HardSigmoid", "ScaledTanh"}


def chosen(names, alphas, betas, clip):
    """The activations of a file, each of which takes its numbers from two lists."""
    alphas, betas, functions = iter(alphas or ()), iter(betas or ()), []
    for name in names:
        numbers = {
            "alpha": next(alphas, None) if name in WITH_ALPHA else None,
            "beta": next(betas, None) if name in WITH_BETA else None,
        }
        numbers = {which: value for which, value in numbers.items() if value is not None}
        function = functools.partial(ONLY_HERE[name] if name in ONLY_HERE else OPERATORS[name], **numbers)
        functions.append(function if clip is None else functools.partial(clipped, function, clip))
    return functions


def clipped(function, clip, x):
    return function(np.clip(x, -clip, clip))


# Each step: from the scores of the input, the state before, weights and bias of the state, and activations


def rnn_step(scores, state, weights, bias, peepholes, activations):
    return (activations[0](scores + affine(state[0], weights, bias)),)


def gru_step(scores, state, weights, bias, peepholes, activations, linear_before_reset=0):
    (h,), (gate, new_of) = state, activations
    n = h.shape[-1]
    if linear_before_reset:
        carried = affine(h, weights, bias)
        gates = gate(scores[:, : 2 * n] + carried[:, : 2 * n])
        new = new_of(scores[:, 2 * n :] + gates[:, n:] * carried[:, 2 * n :])
    else:
        gates = gate(scores[:, : 2 * n] + affine(h, weights[:, : 2 * n], bias[: 2 * n]))
        new = new_of(scores[:, 2 * n :] + affine(gates[:, n:] * h, weights[:, 2 * n :], bias[2 * n :]))
    return (new + gates[:, :n] * (h - new),)


def lstm_step(scores, state, weights, bias, peepholes, activations, input_forget=0):
    (h, c), (gate, new_of, out_of) = state, activations
    n = h.shape[-1]
    scores = scores + affine(h, weights, bias)
    let, out, keep, new = (scores[:, i * n : (i + 1) * n] for i in range(4))
    if peepholes is not None:
        let, keep = let + peepholes[:n] * c, keep + peepholes[2 * n :] * c
    let = gate(let)
    keep = 1 - let if input_forget else gate(keep)
    c = keep * c + let * new_of(new)
    out = gate(out if peepholes is None else out + peepholes[n : 2 * n] * c)
    return out * out_of(c), c


def along(step, scores, state, there, back, *rest):
    """The states h at all steps, and the last state; where an example has ended, its state stays and h is 0."""
    states: list[Any] = [None] * len(scores)
    order = range(len(scores))
    for t in reversed(order) if back else order:
        new = step(scores[t], state, *rest)
        if there is None:
            states[t], state = new[0], new
        else:
            states[t] = np.where(there[t], new[0], 0)
            state = tuple(np.where(there[t], after, before) for after, before in zip(new, state, strict=True))
    return np.stack(states), state


def recurrent(step, default, kept):
    """An operator of a kind of cell: its step, its usual activations, and how many arrays are its state."""

    def run(
        x,
        w,
        r,
        b=None,
        sequence_lens=None,
        initial_h=None,
        initial_c=None,
        p=None,
        activations=None,
        activation_alpha=None,
        activation_beta=None,
        clip=None,
        direction="forward",
        hidden_size=None,
        layout=0,
        output_sequence=0,
        **options,
    ):
        x = np.swapaxes(x, 0, 1) if layout else x  # steps come first
        steps, examples = x.shape[:2]
        ways, wide, units = w.shape
        units = r.shape[-1]
        functions = chosen(activations or default * ways, activation_alpha, activation_beta, clip)
        there = None if sequence_lens is None else np.arange(steps)[:, None, None] < np.asarray(sequence_lens)[:, None]
        there = None if there is None or np.all(there) else there
        found, ends = [], []
        for way in range(ways):
            bias = devices.beside(np.zeros(2 * wide, x.dtype), values(x)) if b is None else b[way]
            scores = affine(x, np.transpose(w[way]), bias[:wide])
            state = tuple(
                devices.beside(np.zeros((examples, units), x.dtype), values(x))
                if each is None
                else (each[:, way] if layout else each[way])
                for each in (initial_h, initial_c)[:kept]
            )
            of_way = functions[way * len(default) : (way + 1) * len(default)]
            weights = np.transpose(r[way]), bias[wide:], None if p is None else p[way], of_way
            each_step = unstacked(np.swapaxes(scores, 0, 1))
            back = direction == "reverse" or way == 1
            states, end = along(functools.partial(step, **options), each_step, state, there, back, *weights)
            found.append(states)
            ends.append(end)
        y = np.stack(found, axis=1)
        last = [np.stack(part) for part in zip(*ends, strict=True)]
        if layout:
            y, last = np.transpose(y, (2, 0, 1, 3)), [np.swapaxes(part, 0, 1) for part in last]
        return (y, *last)

    return run


OPERATORS.update(
    GRU=recurrent(gru_step, ["Sigmoid", "Tanh"], 1),
    LSTM=recurrent(lstm_step, ["Sigmoid", "Tanh", "Tanh"], 2),
    RNN=recurrent(rnn_step, ["Tanh"], 1),
)
