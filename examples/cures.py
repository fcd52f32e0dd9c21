"""Which of the lecture's cures works on a 30-layer tanh net, and what does each do to the signal?

Run with `python examples/cures.py`; prints one table and writes report/cures.html.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from tqdm import tqdm

import nn
from autograd_mini import Signals

LAYERS, WIDTH, BATCH, PROBE, SEED = 30, 32, 64, 256, 0
FAST = "--fast" in sys.argv
EPOCHS = 1 if FAST else 30
RATE = 0.002
REPORT = Path("report/cures.html")


def plain(activation: Any, init: Any) -> nn.Module:
    return nn.MLP([64, *[WIDTH] * LAYERS, 10], activation, init, rng=SEED)


def residual() -> nn.Module:
    rng = np.random.default_rng(SEED)
    blocks = [nn.Residual(nn.Linear(WIDTH, WIDTH, SMALL, rng=rng), nn.Tanh()) for _ in range(LAYERS - 1)]
    first = nn.Sequential(nn.Linear(64, WIDTH, rng=rng), nn.Tanh())
    return nn.Sequential(first, *blocks, nn.Linear(WIDTH, 10, rng=rng))


FACTORS = "by_activation", "by_weights", "rest"
SMALL = nn.init.small_random(1 / np.sqrt(3 * WIDTH))  # the variance that PyTorch's layers start with
CURES: dict[str, Callable[[], nn.Module]] = {
    "none": lambda: plain("tanh", SMALL),
    "Glorot weights": lambda: plain("tanh", "glorot"),
    "orthogonal weights": lambda: plain("tanh", "orthogonal"),
    "large weights": lambda: plain("tanh", nn.init.small_random(2.5 / np.sqrt(WIDTH))),
    "ReLU, same weights": lambda: plain("relu", SMALL),
    "ReLU, He weights": lambda: plain("relu", "he"),
    "PReLU, He weights": lambda: plain("prelu", nn.init.he(0.25)),
    "layer normalisation": lambda: plain(lambda: nn.Sequential(nn.LayerNorm(WIDTH), nn.Tanh()), SMALL),
    "skip connections": residual,
}


def digits() -> tuple[np.ndarray[Any, Any], ...]:
    """The 1,797 images, standardised, three quarters for training."""
    images, labels = load_digits(return_X_y=True)
    images = ((images - images.mean()) / images.std()).astype(np.float32)
    parts = train_test_split(images, labels, test_size=0.25, random_state=0, stratify=labels)
    return tuple(np.asarray(part) for part in parts)


def train(model: nn.Module, data: tuple[np.ndarray[Any, Any], ...], progress: Any) -> float:
    """Train with the lecture's SGD; the held-out accuracy."""
    train_x, test_x, train_y, test_y = data
    sgd = nn.SGD(model.parameters(), RATE, momentum=0.9)
    rng = np.random.default_rng(SEED)
    for _ in range(EPOCHS):
        for x, y in nn.minibatches(train_x, train_y, size=BATCH, rng=rng):
            sgd.zero_grad()
            nn.cross_entropy(model(x), y).backward()
            sgd.step()
        progress.update()
    return float(np.mean(np.argmax(model(test_x).data, axis=1) == test_y))


def typical(seen: Signals, name: str) -> float:
    """The geometric mean of a factor over the hidden layers but the first."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(np.exp(np.mean([np.log(getattr(layer, name)) for layer in seen.layers[1:-1]])))


def row(name: str, before: Signals, after: Signals, accuracy: float) -> str:
    layers, later = before.layers, after.layers
    signals = [f"{net[0].g.rms / net[-1].g.rms:8.1e}" for net in (layers, later)]
    factors = ["".join(f"{typical(seen, f):8.3f}" for f in FACTORS) for seen in (before, after)]
    return f"{name:20s}{factors[0]}  {signals[0]} {factors[1]}  {signals[1]} {accuracy:9.2f}"


def main() -> None:
    data = digits()
    x, y = data[0][:PROBE], data[2][:PROBE]
    reports, lines = [], []
    with tqdm(total=len(CURES) * EPOCHS, unit="epoch") as progress, np.errstate(over="ignore", invalid="ignore"):
        for name, make in CURES.items():
            progress.set_description(name)
            model = make()
            before = nn.signals(model, nn.cross_entropy, x, y, name=name)
            accuracy = train(model, data, progress)
            after = nn.signals(model, nn.cross_entropy, x, y, name=name)
            lines.append(row(name, before, after, accuracy))
            reports.append(before)
    print(f"{LAYERS} hidden layers of {WIDTH} units, digits, {EPOCHS} passes, SGD with rate {RATE} and momentum 0.9.")
    print("A layer's typical factors, and the first layer's signal over the last one's: before and after training.")
    head = "".join(f"{name:>8}" for name in ("slopes", "weights", "rest")) + "    signal "
    print(f"{'cure':20s}{head}{head}  accuracy")
    print("\n".join(lines))
    reports[0].save(REPORT, *reports[1 : 2 if FAST else None])
    print(f"Wrote {REPORT}")


if __name__ == "__main__":
    main()
