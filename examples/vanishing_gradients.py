"""Where does the signal shrink, and which activation trains? Six 20-layer networks on handwritten digits.

Run with `make demo`; prints one table and writes report/index.html, the library's own report.
"""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from tqdm import tqdm

import nn
from autograd_mini import Bars, Signals, no_grad

FAST = "--fast" in sys.argv
LAYERS, WIDTH, EPOCHS, BATCH, PROBE = 20, 32, 1 if FAST else 40, 64, 256
LEARNING_RATE, MOMENTUM = 0.002, 0.9
SEEDS = (0,) if FAST else (0, 1, 2)  # accuracies are of three runs, all else is of the first
TRAINS = 0.8  # median held-out accuracy from which a net counts as trained; guessing gives 0.1
REPORT = Path("report/index.html")

NETS: dict[str, tuple[type[nn.Module], Any]] = {
    "tanh, small random": (nn.Tanh, nn.init.small_random(0.01)),
    "tanh, far too big": (nn.Tanh, nn.init.small_random(1.0)),
    "tanh, Glorot": (nn.Tanh, nn.init.glorot()),
    "ReLU, He": (nn.ReLU, nn.init.he()),
    "leaky ReLU, He": (nn.LeakyReLU, nn.init.he(0.01)),
    "PReLU, He": (nn.PReLU, nn.init.he(0.25)),
}


class Run(NamedTuple):
    """One training run."""

    model: nn.MLP
    before: Signals
    losses: tuple[float, float]
    accuracy: float


class Result(NamedTuple):
    """What is shown of one net: of its first run, and the accuracies of all."""

    name: str
    before: Signals
    after: Signals
    losses: tuple[float, float]
    accuracies: tuple[float, ...]
    alphas: list[float]

    @property
    def accuracy(self) -> float:
        """The median over the runs."""
        return float(np.median(self.accuracies))

    @property
    def trains(self) -> bool:
        return self.accuracy >= TRAINS


def digits() -> tuple[np.ndarray[Any, Any], ...]:
    """The 1,797 images, standardised, three quarters for training, one quarter held out."""
    images, labels = load_digits(return_X_y=True)
    images = ((images - images.mean()) / images.std()).astype(np.float32)
    parts = train_test_split(images, labels, test_size=0.25, random_state=0, stratify=labels)
    return tuple(np.asarray(part) for part in parts)


def measure(model: nn.Module, data: tuple[np.ndarray[Any, Any], ...], name: str) -> Signals:
    """The signal of a batch of training images."""
    x, _, y, _ = data
    return nn.signals(model, nn.cross_entropy, x[:PROBE], y[:PROBE], name=name)


def train(name: str, seed: int, data: tuple[np.ndarray[Any, Any], ...], progress: Any) -> Run:
    """Make one net and train it."""
    train_x, test_x, train_y, test_y = data
    activation, init = NETS[name]
    rng = np.random.default_rng(seed)
    model = nn.MLP([train_x.shape[1], *[WIDTH] * LAYERS, 10], activation, init, rng=rng)
    sgd = nn.SGD(model.parameters(), LEARNING_RATE, MOMENTUM)
    before = measure(model, data, name)
    start = full_loss(model, train_x, train_y)
    for _ in range(EPOCHS):
        for x, y in nn.minibatches(train_x, train_y, size=BATCH, rng=rng):
            sgd.zero_grad()
            nn.cross_entropy(model(x), y).backward()
            sgd.step()
        progress.update()
    with no_grad():
        accuracy = float(np.mean(np.argmax(model(test_x).data, axis=1) == test_y))
    return Run(model, before, (start, full_loss(model, train_x, train_y)), accuracy)


def run(name: str, data: tuple[np.ndarray[Any, Any], ...], progress: Any) -> Result:
    """Train one net from each seed, and measure the first before and after."""
    runs = [train(name, seed, data, progress) for seed in SEEDS]
    first, accuracies = runs[0], tuple(one.accuracy for one in runs)
    named = f"{name}: {np.median(accuracies):.0%} right"
    return Result(
        name,
        dataclasses.replace(first.before, name=named),
        measure(first.model, data, named),
        first.losses,
        accuracies,
        [float(layer.alpha.item()) for layer in first.model if isinstance(layer, nn.PReLU)],
    )


def full_loss(model: nn.Module, x: Any, y: Any) -> float:
    """The loss over all training images."""
    with no_grad():
        return float(nn.cross_entropy(model(x), y).item())


COLUMNS = (
    "net",
    "held-out accuracy",
    "trains?",
    "loss",
    f"rms(g), layer {LAYERS + 1} to 1",
    "a layer",
    "by activations",
    "by weights",
    "rms(g) after training",
)


def typical(seen: Signals, name: str) -> float:
    """The geometric mean of a factor over the layers that the signal passes between the last and the first."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(np.exp(np.mean([np.log(getattr(layer, name)) for layer in seen.layers[1:]])))


def ends(seen: Signals) -> str:
    """The signal at the last layer and at the first."""
    return f"{seen.layers[-1].g.rms:.1e} -> {seen.layers[0].g.rms:.1e}"


def row(result: Result) -> tuple[str, ...]:
    """One line of the table."""
    before = result.before
    return (
        result.name,
        f"{result.accuracy:.2f} ({min(result.accuracies):.2f}-{max(result.accuracies):.2f})",
        "yes" if result.trains else "no",
        f"{result.losses[0]:.2f} -> {result.losses[1]:.3f}",
        ends(before),
        *(f"x{typical(before, name):.3f}" for name in ("gain", "by_activation", "by_weights")),
        ends(result.after),
    )


def table(results: list[Result]) -> Bars:
    """What happened, as a table: printed, and a section of the page."""
    accuracies, trains = [result.accuracy for result in results], [result.trains for result in results]
    return Bars(COLUMNS, [row(result) for result in results], "held-out accuracy", accuracies, trains)


def write(results: list[Result]) -> None:
    """The report, with what the training made of each net."""
    setup = (
        f"{LAYERS} hidden layers of {WIDTH} units, on the 1,797 handwritten digits of scikit-learn; {EPOCHS} passes in "
        f"mini-batches of {BATCH}, SGD with rate {LEARNING_RATE} and momentum {MOMENTUM}, the same for all. Held-out "
        f"accuracy is the median of {len(SEEDS)} runs with their range, all else is of the first run. All signals are "
        "rms(g), g the gradient by a layer's result; factors are geometric means over the layers."
    )
    alphas = next(result.alphas for result in results if result.alphas)
    first, *others = (result.before for result in results)
    first.save(
        REPORT,
        *others,
        title="How far does the signal get, and which net trains?",
        sections={
            "Which of them trains?": table(results),
            "How they were trained": setup,
            "How far the signal gets after training": [result.after for result in results],
            "What PReLU learned": f"Its slopes in layers 1 to {LAYERS}, all of them 0.25 at the start: "
            + ", ".join(f"{alpha:.2f}" for alpha in alphas),
        },
    )


def main() -> None:
    data = digits()
    with (
        tqdm(total=len(NETS) * len(SEEDS) * EPOCHS, unit="epoch") as progress,
        np.errstate(over="ignore", invalid="ignore"),
    ):
        results = []
        for name in list(NETS)[:: 5 if FAST else 1]:
            progress.set_description(name)
            results.append(run(name, data, progress))
    print(table(results))
    for result in results:
        print(f"{result.name}: {result.before.findings[0]}")
        if result.alphas:
            print("  learned alphas, layer 1 to 20:", " ".join(f"{alpha:.2f}" for alpha in result.alphas))
    write(results)
    print(f"Wrote {REPORT}")


if __name__ == "__main__":
    main()
