"""Is the first cure of `seen.cures()` as good as the best? On 17 networks, and 7 made after it was finished.

`python -m benchmarks.cures` runs all of them, about half an hour, and writes docs/cures.md; `python -m benchmarks.cures
NAME ...` runs those whose names begin so, and only prints.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits

import nn
from benchmarks.common import ROOT
from nn.signals.cures import race

PAGE = ROOT / "docs" / "cures.md"
SECONDS, LONGER = 20, 60
STEPS = 300
HIT = 0.9
INTRODUCTION = """\
# Is the first cure as good as the best?

Each network below has a known fault. `nn.signals(model, loss, x, y)` measures it on 256 examples, and
`seen.cures(optimizer, data=(x, y), seconds=...)` tries changes on copies and says which is best, as
[the tutorial](diagnose.md#what-would-help) shows. Then that change, and
each other one, is trained in full, {steps} steps at batches of 64 (100 for the recurrent nets, 120 for attention, 200
for convolution), and asked for its accuracy on a quarter of the data that nothing has seen; for regression its R^2. A
network is a **hit** if the first row of the table reaches at least {hit:g} of the best of all: each change at the rate that the
network came with, and the network as it is at each rate that was tried.

`python -m benchmarks.cures` wrote this page. Limits: {seconds} s for multilayer perceptrons, {longer} s for the others;
both these and "took" are seconds of one thread of the processor, so that nothing else that runs beside it decides.

"""


class Case(NamedTuple):
    """A network with a known fault, the optimizer that it came with, and its data."""

    model: nn.Module
    optimizer: Callable[[Iterable[Any]], Any]
    data: Callable[[], tuple[Any, Any]]
    loss: Callable[..., Any] = nn.cross_entropy
    steps: int = STEPS
    seconds: float = SECONDS


def shuffled(x: Any, y: Any) -> tuple[Any, Any]:
    order = np.random.default_rng(0).permutation(len(x))
    return x[order].astype(np.float32), y[order]


def digits() -> tuple[Any, Any]:
    x, y = load_digits(return_X_y=True)
    return shuffled((x - x.mean()) / x.std(), y)


def bright_digits() -> tuple[Any, Any]:
    x, y = load_digits(return_X_y=True)
    return shuffled(255 * x, y)


def cells() -> tuple[Any, Any]:
    """Rows of features from 1e-3 to 4e3, as they are."""
    return shuffled(*load_breast_cancer(return_X_y=True))


def diabetes() -> tuple[Any, Any]:
    """Targets from 25 to 346, as they are."""
    x, y = load_diabetes(return_X_y=True)
    return shuffled(x, y[:, None].astype(np.float32))


# What networks are made of


class Recurrent(nn.Module):
    """Reads an image pixel by pixel, and then blanks, so that what it has read must be kept."""

    def __init__(self, layer: nn.Module, units: int, blanks: int) -> None:
        super().__init__()
        self.layer, self.out, self.blanks = layer, nn.Linear(units, 10, rng=1), blanks

    def forward(self, x: Any) -> Any:
        blanks = np.zeros((x.shape[0], self.blanks), np.float32)
        _, last = self.layer(np.concatenate([x, blanks], 1)[:, :, None])
        return self.out(last)


class Block(nn.Module):
    """Attention and two layers, each followed by its normalisation."""

    def __init__(self, init: Any, rng: np.random.Generator) -> None:
        super().__init__()
        self.attention = nn.MultiHeadAttention(32, 4, init=init, rng=rng)
        self.layers = nn.Sequential(nn.Linear(32, 64, init, rng=rng), nn.ReLU(), nn.Linear(64, 32, init, rng=rng))
        self.first, self.second = nn.LayerNorm(32), nn.LayerNorm(32)

    def forward(self, x: Any) -> Any:
        x = self.first(x + self.attention(x))
        return self.second(x + self.layers(x))


class Transformer(nn.Module):
    """The rows of an image as a sequence."""

    def __init__(self, init: Any, depth: int = 6) -> None:
        super().__init__()
        rng = np.random.default_rng(0)
        self.embed, self.out = nn.Linear(8, 32, rng=rng), nn.Linear(32, 10, rng=rng)
        self.places = nn.Parameter(0.5 * rng.standard_normal((8, 32)).astype(np.float32))
        self.blocks = [Block(init, rng) for _ in range(depth)]

    def forward(self, x: Any) -> Any:
        x = self.embed(np.reshape(x, (x.shape[0], 8, 8))) + self.places
        for block in self.blocks:
            x = block(x)
        return self.out(np.mean(x, axis=1))


class Image(nn.Module):
    """64 numbers as an image of one channel."""

    def forward(self, x: Any) -> Any:
        return np.reshape(x, (x.shape[0], 1, 8, 8))


class Handmade(nn.Module):
    """Layers in a list, and an activation that is no module."""

    def __init__(self, depth: int, init: Any) -> None:
        super().__init__()
        rng = np.random.default_rng(0)
        self.steps = [nn.Linear(32, 32, init, rng=rng) for _ in range(depth)]
        self.first, self.out = nn.Linear(64, 32, rng=rng), nn.Linear(32, 10, rng=rng)

    def forward(self, x: Any) -> Any:
        x = np.tanh(self.first(x))
        for layer in self.steps:
            x = np.tanh(layer(x))
        return self.out(x)


def small(std: float) -> Any:
    return nn.init.small_random(std)


def mlp(depth: int, activation: str, init: Any, inputs: int = 64, outputs: int = 10) -> nn.MLP:
    return nn.MLP([inputs, *[32] * depth, outputs], activation, init, rng=0)


def with_biases(model: Any, value: float) -> Any:
    """All biases but the last layer's are set."""
    for layer in list(model)[:-1]:
        if isinstance(layer, nn.Linear):
            layer.bias.data = np.full_like(layer.bias.data, value)
    return model


def with_bad_layer(model: Any, place: int, factor: float) -> Any:
    layer = model[place]
    layer.weights.data = layer.weights.data * np.float32(factor)
    return model


def residual(depth: int, gain: float) -> nn.Module:
    rng, init = np.random.default_rng(0), nn.init.he(gain=gain)
    blocks = [
        nn.Residual(nn.Linear(32, 32, init, rng=rng), nn.ReLU(), nn.Linear(32, 32, init, rng=rng)) for _ in range(depth)
    ]
    return nn.Sequential(nn.Linear(64, 32, rng=rng), *blocks, nn.Linear(32, 10, rng=rng))


def convolution(depth: int, activation: Callable[[], nn.Module], init: Any) -> nn.Module:
    rng = np.random.default_rng(0)
    layers: list[nn.Module] = [Image()]
    for i in range(depth):
        layers += [nn.Conv2d(8 if i else 1, 8, 3, padding=1, init=init, rng=rng), activation()]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(8 * 64, 10, init, rng=rng))


def sgd(rate: float) -> Callable[[Iterable[Any]], nn.SGD]:
    return lambda parameters: nn.SGD(parameters, rate, momentum=0.9)


def adam(rate: float) -> Callable[[Iterable[Any]], nn.Adam]:
    return lambda parameters: nn.Adam(parameters, rate)


FAULTY: dict[str, Callable[[], Case]] = {
    "sigmoid, 40 layers, Glorot": lambda: Case(mlp(40, "sigmoid", "glorot"), sgd(0.02), digits),
    "tanh, 30 layers, std 0.05": lambda: Case(mlp(30, "tanh", small(0.05)), sgd(0.02), digits),
    "tanh, 30 layers, std 0.6": lambda: Case(mlp(30, "tanh", small(0.6)), sgd(0.02), digits),
    "ReLU, 20 layers, std 0.05": lambda: Case(mlp(20, "relu", small(0.05)), sgd(0.02), digits),
    "ReLU, 6 layers, biases -4": lambda: Case(with_biases(mlp(6, "relu", "he"), -4), sgd(0.02), digits),
    "ReLU, 50 layers, Glorot": lambda: Case(mlp(50, "relu", "glorot"), sgd(0.01), digits),
    "RNN, 100 steps": lambda: Case(
        Recurrent(nn.RNN(1, 32, rng=0), 32, 36), sgd(0.02), digits, steps=100, seconds=LONGER
    ),
    "tanh, 3 layers, inputs to 4080": lambda: Case(mlp(3, "tanh", "glorot"), sgd(0.05), bright_digits),
    "residual, 15 blocks, weights x2": lambda: Case(residual(15, 2.0), sgd(0.02), digits),
    "softmax before cross-entropy": lambda: Case(
        nn.Sequential(*mlp(2, "tanh", "glorot").layers, nn.Softmax()), sgd(0.02), digits
    ),
    "tanh, 3 layers, rate 5": lambda: Case(mlp(3, "tanh", "glorot"), sgd(5.0), digits),
    "tanh, 3 layers, rate 1e-5": lambda: Case(mlp(3, "tanh", "glorot"), sgd(1e-5), digits),
    "tanh, 4 layers, equal weights": lambda: Case(mlp(4, "tanh", nn.init.constant(0.1)), sgd(0.02), digits),
    "tanh, 10 layers, one x1e-3": lambda: Case(with_bad_layer(mlp(10, "tanh", "glorot"), 8, 1e-3), sgd(0.02), digits),
    "transformer, 6 blocks, std 0.6": lambda: Case(
        Transformer(small(0.6)), sgd(0.05), digits, steps=120, seconds=LONGER
    ),
    "convolution, 6 layers, std 0.02": lambda: Case(
        convolution(6, nn.ReLU, small(0.02)), sgd(0.02), digits, steps=200, seconds=LONGER
    ),
    "sign, 3 layers": lambda: Case(mlp(3, "sign", "glorot"), sgd(0.02), digits),
}

AFTERWARDS: dict[str, Callable[[], Case]] = {
    "GELU, 25 layers, std 0.02, Adam": lambda: Case(mlp(25, "gelu", small(0.02)), adam(1e-4), digits),
    "own class, np.tanh, 12 layers, std 0.03": lambda: Case(Handmade(12, small(0.03)), sgd(0.02), digits),
    "GRU, 64 steps, std 3": lambda: Case(
        Recurrent(nn.GRU(1, 32, small(3.0), rng=0), 32, 0), sgd(0.5), digits, steps=100, seconds=LONGER
    ),
    "raw features from 1e-3 to 4e3": lambda: Case(mlp(3, "relu", "he", inputs=30, outputs=2), sgd(0.02), cells),
    "ELU, 30 layers, biases 5": lambda: Case(with_biases(mlp(30, "elu", "he"), 5), sgd(0.02), digits),
    "regression, raw targets, rate 1": lambda: Case(
        mlp(4, "tanh", "glorot", inputs=10, outputs=1), sgd(1.0), diabetes, nn.squared_error
    ),
    "sigmoid convolution, 5 layers": lambda: Case(
        convolution(5, nn.Sigmoid, "glorot"), sgd(0.02), digits, steps=200, seconds=LONGER
    ),
}


class Result(NamedTuple):
    """What came out for one network."""

    name: str
    as_it_is: float
    best: str
    best_score: float
    first: str
    first_score: float
    seconds: float
    trials: int
    stopped: bool

    @property
    def hit(self) -> bool:
        return self.best_score > 0 and self.first_score >= HIT * self.best_score


def in_full(case: Case, model: nn.Module, times: float, train: tuple[Any, Any], test: tuple[Any, Any]) -> float:
    """The accuracy or R^2 on the test data after training; 0 if it diverges, or is below it."""
    optimizer = case.optimizer(model.parameters())
    optimizer.learning_rate = optimizer.learning_rate * times
    rng, taken = np.random.default_rng(1), 0
    with np.errstate(all="ignore"):
        while taken < case.steps:
            for x, y in nn.minibatches(*train, size=64, rng=rng):
                if len(x) < 64 or taken == case.steps:
                    break
                optimizer.zero_grad()
                loss = case.loss(model(x), y)
                if not math.isfinite(loss.item()):
                    return 0.0
                loss.backward()
                optimizer.step()
                taken += 1
        output = nn.predict(model, test[0])
        if not np.isfinite(output).all():
            return 0.0
        return max(0.0, float((nn.accuracy if case.loss is nn.cross_entropy else nn.r2)(output, test[1])))


def measured(name: str, case: Case) -> Result:
    """The race, and then all of its changes in full."""
    x, y = case.data()
    cut = 3 * len(x) // 4
    train, test = (x[:cut], y[:cut]), (x[cut:], y[cut:])
    seen = nn.signals(case.model, case.loss, train[0][:256], train[1][:256])
    began = time.process_time()
    tried = seen.cures(case.optimizer, data=train, seconds=case.seconds, progress=False)
    took = time.process_time() - began
    scores: dict[str, float] = {}
    for i, row in enumerate(tried.rows):
        if i == 0 or row.times == 1 or (row.change == "as it is" and row.times == row.times):
            scores[row.title] = in_full(case, tried.model(i), row.times, train, test)
    best = max(scores, key=lambda title: scores[title])
    first = tried.rows[0].title
    return Result(
        name, scores["as it is"], best, scores[best], first, scores[first], took, tried.trials, bool(tried.stopped)
    )


def page(results: dict[str, list[Result]]) -> str:
    """docs/cures.md."""
    text = INTRODUCTION.format(steps=STEPS, hit=HIT, seconds=SECONDS, longer=LONGER)
    for title, rows in results.items():
        text += f"## {title}: {sum(row.hit for row in rows)} of {len(rows)}\n\n"
        text += "| network | as it is | first row | reaches | best of all | reaches | took | trials | hit |\n"
        text += "|---|---|---|---|---|---|---|---|---|\n"
        text += "".join(
            f"| {row.name} | {row.as_it_is:.2f} | {row.first} | {row.first_score:.2f} | {row.best} | "
            f"{row.best_score:.2f} | {row.seconds:.0f} s{', stopped' if row.stopped else ''} | {row.trials} | "
            f"{'yes' if row.hit else 'no'} |\n"
            for row in rows
        )
        text += "\n"
    return text.rstrip() + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="how the names of some networks begin")
    names = tuple(parser.parse_args().names)
    race.clock = time.process_time
    results: dict[str, list[Result]] = {}
    for title, cases in (
        ("Networks with a known fault", FAULTY),
        ("Made after the procedure was finished", AFTERWARDS),
    ):
        for name, make in cases.items():
            if names and not name.startswith(names):
                continue
            result = measured(name, make())
            results.setdefault(title, []).append(result)
            print(result, "hit" if result.hit else "NO HIT", flush=True)
    if not names:
        PAGE.write_text(page(results), encoding="utf-8")
    print(page(results))


if __name__ == "__main__":
    main()
