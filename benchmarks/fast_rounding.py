"""Rounding of `fast` programs beside that of eager code: `python -m benchmarks.fast_rounding`.

Each net is trained three times from the same numbers: in float64, in float32, and in float32 with `fast=True`. A
distance is that of all parameters together from those of float64. A ratio is the geometric mean over seeds, `fast` by
eager; it must not be above 1.2.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

import nn
from autograd_mini import compile

SEEDS, STEPS, LIMIT = 20, 200, 1.2
BATCHES = 4


class Training(NamedTuple):
    """A net, its optimizer, its loss, and its data."""

    net: Callable[[int], nn.Module]
    optimizer: Callable[[Any], Any]
    loss: Callable[[Any, Any], Any]
    data: Callable[[np.random.Generator], tuple[Any, Any]]


def rows(rng: np.random.Generator) -> tuple[Any, Any]:
    """Numbers, and numbers that depend on them."""
    x = rng.standard_normal((32, 8))
    return x, np.stack([np.sin(x[:, 0] + x[:, 1]), x[:, 2] * x[:, 3], np.tanh(x[:, 4])], axis=1)


def classes(rng: np.random.Generator) -> tuple[Any, Any]:
    """Numbers, and which of three sums is largest."""
    x = rng.standard_normal((32, 8))
    return x, np.argmax(x[:, :3] + x[:, 3:6], axis=1)


def images(rng: np.random.Generator) -> tuple[Any, Any]:
    """Small images, and which of their channels is brightest."""
    x = rng.standard_normal((16, 2, 6, 6))
    return x, np.argmax(x.mean(axis=(2, 3)), axis=1)


def convolution(seed: int) -> nn.Module:
    """A convolution, a layer and a rectifier between them."""
    return nn.Sequential(nn.Conv2d(2, 4, 3, rng=seed), nn.ReLU(), nn.Flatten(), nn.Linear(64, 2, rng=seed + 1))


TRAININGS = {
    "tanh, squared error, descent": Training(
        lambda seed: nn.MLP([8, 32, 32, 3], rng=seed), lambda p: nn.SGD(p, 0.05), nn.squared_error, rows
    ),
    "large tanh, squared error, descent": Training(
        lambda seed: nn.MLP([8, 192, 192, 3], rng=seed), lambda p: nn.SGD(p, 0.02), nn.squared_error, rows
    ),
    "ReLU, cross-entropy, Adam": Training(
        lambda seed: nn.MLP([8, 32, 32, 3], activation="relu", rng=seed),
        lambda p: nn.Adam(p, 1e-3),
        nn.cross_entropy,
        classes,
    ),
    "ReLU, cross-entropy, momentum": Training(
        lambda seed: nn.MLP([8, 32, 32, 3], activation="relu", rng=seed),
        lambda p: nn.SGD(p, 0.01, momentum=0.9),
        nn.cross_entropy,
        classes,
    ),
    "convolution, cross-entropy, descent": Training(convolution, lambda p: nn.SGD(p, 0.05), nn.cross_entropy, images),
}


def trained(training: Training, seed: int, dtype: Any, fast: bool, steps: int) -> np.ndarray[Any, Any]:
    """All parameters after a training, as one vector."""
    model = training.net(seed).astype(dtype)
    optimizer = training.optimizer(list(model.parameters()))

    def step(x: Any, y: Any) -> Any:
        optimizer.zero_grad()
        loss = training.loss(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    run = compile(model, optimizer, fast=True)(step) if fast else step
    rng = np.random.default_rng(seed)
    batches = [training.data(rng) for _ in range(BATCHES)]
    batches = [tuple(a.astype(np.float32) if a.dtype.kind == "f" else a for a in batch) for batch in batches]
    batches = [tuple(a.astype(dtype) if a.dtype.kind == "f" else a for a in batch) for batch in batches]
    for i in range(steps):
        run(*batches[i % BATCHES])
    if fast and (run.last is None or not run.last.ready):
        raise RuntimeError("the program was not used, so its rounding was not measured")
    return np.concatenate([parameter.data.ravel() for parameter in model.parameters()]).astype(np.float64)


def distances(training: Training, seed: int, steps: int = STEPS) -> tuple[float, float]:
    """How far from float64 an eager training ends, and one by `fast` programs."""
    exact = trained(training, seed, np.float64, False, steps)
    near = (trained(training, seed, np.float32, fast, steps) for fast in (False, True))
    eager, fast = (float(np.linalg.norm(given - exact)) for given in near)
    return eager, fast


def ratio(training: Training, seeds: int = SEEDS, steps: int = STEPS) -> tuple[float, float, float]:
    """The geometric means over seeds of both distances, and of `fast` by eager."""
    logs = np.log([distances(training, seed, steps) for seed in range(seeds)]).mean(axis=0)
    eager, fast = np.exp(logs)
    return float(eager), float(fast), float(fast / eager)


def main() -> int:
    """Print the distances; 1 where a ratio is above its limit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--steps", type=int, default=STEPS)
    options = parser.parse_args()
    failed = False
    for name, training in TRAININGS.items():
        eager, fast, both = ratio(training, options.seeds, options.steps)
        failed |= both > LIMIT
        print(f"{name:<38} eager {eager:.2e}   fast {fast:.2e}   ratio {both:.3f} (at most {LIMIT})", flush=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
