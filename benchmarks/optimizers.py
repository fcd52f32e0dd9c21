"""Each update rule beside PyTorch's: where 20 steps end, and what one takes: `python -m benchmarks.optimizers`.

Both start at the same weights and get the same gradients. The time is that of one step for the parameters of a
network, in float32 on one thread; the two libraries take turns, and the ratio is the median of the rounds' ratios.
PyTorch runs with the implementation that it chooses by default on a CPU.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

import nn
from benchmarks.common import SIZES, print_table, quartiles

START = np.array([1.0, -2.0, 0.5])
GRADIENTS = np.cos(np.arange(1.0, 61.0) ** 2).reshape(20, 3)
ROUNDS = 60
RULES: dict[str, tuple[Callable[..., Any], str, dict[str, Any]]] = {
    "sgd": (nn.SGD, "SGD", {}),
    "momentum": (nn.SGD, "SGD", {"momentum": 0.9}),
    "dampening": (nn.SGD, "SGD", {"momentum": 0.9, "dampening": 0.4}),
    "nesterov": (nn.SGD, "SGD", {"momentum": 0.9, "nesterov": True}),
    "adagrad": (nn.AdaGrad, "Adagrad", {}),
    "rmsprop": (nn.RMSprop, "RMSprop", {"momentum": 0.9}),
    "adam": (nn.Adam, "Adam", {}),
    "amsgrad": (nn.Adam, "Adam", {"amsgrad": True}),
    "adamw": (nn.AdamW, "AdamW", {}),
    "adamw, amsgrad": (nn.AdamW, "AdamW", {"amsgrad": True, "betas": (0.8, 0.9)}),
}
UP = {
    f"{rule}, up": (RULES[rule][0], RULES[rule][1], {**RULES[rule][2], "maximize": True})
    for rule in ("sgd", "dampening", "adagrad", "rmsprop", "adam", "adamw")
}  # the same with maximize=True, which takes no longer


def ends(rule: str) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Where 20 steps at a rate of 0.1 and a weight decay of 0.1 end: ours and PyTorch's, in float64."""
    import torch

    ours, name, options = (RULES | UP)[rule]
    w, u = nn.Parameter(START), torch.tensor(START, requires_grad=True)
    one = ours([w], 0.1, weight_decay=0.1, **options)
    two = getattr(torch.optim, name)([u], lr=0.1, weight_decay=0.1, **options)
    for gradient in GRADIENTS:
        w.grad, u.grad = gradient, torch.tensor(gradient)
        one.step()
        two.step()
    return w.data, u.detach().numpy()


def steppers(rule: str, size: str) -> tuple[Callable[[], Any], Callable[[], Any]]:
    """A step of ours and one of PyTorch's for the parameters of one network."""
    import torch

    torch.set_num_threads(1)
    ours, name, options = RULES[rule]
    rng = np.random.default_rng(0)
    arrays = [p.data for p in nn.MLP(SIZES[size].widths, rng=0).parameters()]
    gradients = [rng.standard_normal(a.shape).astype(np.float32) for a in arrays]
    parameters, tensors = [nn.Parameter(a) for a in arrays], [torch.tensor(a, requires_grad=True) for a in arrays]
    for parameter, tensor, gradient in zip(parameters, tensors, gradients, strict=True):
        parameter.grad, tensor.grad = gradient, torch.tensor(gradient)
    one = ours(parameters, 1e-4, **options)
    return one.step, getattr(torch.optim, name)(tensors, lr=1e-4, **options).step


def seconds(step: Callable[[], Any], count: int) -> float:
    start = time.perf_counter()
    for _ in range(count):
        step()
    return (time.perf_counter() - start) / count


def main() -> None:
    """Print both tables."""
    rows = []
    for rule in RULES | UP:
        ours, theirs = ends(rule)
        rows.append([rule, f"{np.max(np.abs(ours / theirs - 1)):.1e}", str(theirs.tolist())])
    print_table("20 steps in float64", ["", "largest relative difference", "where PyTorch's end"], rows)
    for size in ("M", "D", "L"):
        rows = []
        for rule in RULES:
            pair = steppers(rule, size)
            counts = [max(1, round(0.005 / seconds(step, 5))) for step in pair]
            rounds = [[seconds(step, count) for step, count in zip(pair, counts, strict=True)] for _ in range(ROUNDS)]
            low, middle, high = quartiles([ours / theirs for ours, theirs in rounds])
            ours, theirs = (f"{1e6 * min(times):,.0f}" for times in zip(*rounds, strict=True))
            rows.append([rule, ours, theirs, f"{middle:.2f}", f"{low:.2f} - {high:.2f}"])
        head = ["", "ours, us (least)", "PyTorch, us (least)", "ratio", "quartiles"]
        print_table(f"{size}: {SIZES[size]}, one step of the optimizer, float32, {ROUNDS} rounds", head, rows)


if __name__ == "__main__":
    main()
