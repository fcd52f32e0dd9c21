"""Rounding of `fast` programs beside that of eager code: `python -m benchmarks.fast_rounding`.

Each net is trained three times from the same numbers: in float64, in float32, and in float32 with `fast=True`. A
distance is that of all parameters together from those of float64. Most of it is the rounding of float32 weights, which
both share; so the gradients of one batch, at the same weights, are compared too. A ratio is the geometric mean over
seeds, `fast` by eager; it must not be above 1.2.
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
    batches = [single(training.data(rng), dtype) for _ in range(BATCHES)]
    for i in range(steps):
        run(*batches[i % BATCHES])
    if fast and (run.last is None or not run.last.ready):
        raise RuntimeError("the program was not used, so its rounding was not measured")
    return np.concatenate([parameter.data.ravel() for parameter in model.parameters()]).astype(np.float64)


def single(batch: tuple[Any, Any], dtype: Any) -> tuple[Any, ...]:
    """A batch of numbers that float32 holds, in another dtype; whole numbers as they are."""
    return tuple(a.astype(np.float32).astype(dtype) if a.dtype.kind == "f" else a for a in batch)


def gradients(training: Training, seed: int, dtype: Any, fast: bool, steps: int) -> np.ndarray[Any, Any]:  # noqa: ARG001
    """All gradients of a batch at weights that float32 holds, as one vector."""
    model = training.net(seed).astype(np.float32).astype(dtype)

    def backward(x: Any, y: Any) -> Any:
        model.zero_grad()
        loss = training.loss(model(x), y)
        loss.backward()
        return loss

    run = compile(model, fast=True)(backward) if fast else backward
    batch = single(training.data(np.random.default_rng(seed)), dtype)
    for _ in range(6):
        run(*batch)
    if fast and (run.last is None or not run.last.ready):
        raise RuntimeError("the program was not used, so its rounding was not measured")
    return np.concatenate([parameter.grad.ravel() for parameter in model.parameters()]).astype(np.float64)


MEASURES = {"weights": trained, "gradients": gradients}


def distances(training: Training, seed: int, steps: int = STEPS, measure: str = "weights") -> tuple[float, float]:
    """How far from float64 what eager code leaves is, and what `fast` programs leave."""
    exact = MEASURES[measure](training, seed, np.float64, False, steps)
    near = (MEASURES[measure](training, seed, np.float32, fast, steps) for fast in (False, True))
    eager, fast = (float(np.linalg.norm(given - exact)) for given in near)
    return eager, fast


def ratio(
    training: Training, seeds: int = SEEDS, steps: int = STEPS, measure: str = "weights"
) -> tuple[float, float, float]:
    """The geometric means over seeds of both distances, and of `fast` by eager."""
    logs = np.log([distances(training, seed, steps, measure) for seed in range(seeds)]).mean(axis=0)
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
        for measure in MEASURES:
            eager, fast, both = ratio(training, options.seeds, options.steps, measure)
            failed |= both > LIMIT
            compared = f"eager {eager:.2e}   fast {fast:.2e}   ratio {both:.3f} (at most {LIMIT})"
            print(f"{name:<38} {measure:<9} {compared}", flush=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
