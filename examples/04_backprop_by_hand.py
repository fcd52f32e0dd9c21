"""The lecture's backprop algorithm, written out with its deltas, takes the same steps as the engine, to rounding.

Slides: How to Learn the Weights?; Neural Network Hypothesis; Computing the derivatives at the output layer; Computing
    delta_j; Backpropagation (Backprop) Algorithm; Forward Propagation Revisited; Backpropagation Revisited
Lives in: nn.MLP, nn.squared_error, nn.SGD, autograd_mini.Tensor
"""

from collections.abc import Iterable, Iterator
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from gallery import claim, fast, save
from numpy.typing import NDArray
from sklearn.datasets import load_diabetes
from sklearn.preprocessing import scale

import nn

RATE, EPOCHS = 0.01, 4 if fast() else 100
BLUE, ORANGE, GREY = "#0072B2", "#E69F00", "#666666"
Array = NDArray[Any]


def forward(w: list[Array], x: Array) -> tuple[list[Array], Array]:
    """All x^(l) of one example, with x_0 = 1 in front, and the score of the output."""
    values = [np.append(1.0, x)]
    for layer in w[:-1]:
        values.append(np.append(1.0, np.tanh(values[-1] @ layer)))
    return values, values[-1] @ w[-1]


def by_hand(w: list[Array], x: Array, y: Array, batches: Iterable[Array]) -> Iterator[list[Array]]:
    """Backprop on NNet as the slide has it: the weights after each update."""
    for batch in batches:  # 1. pick examples at random, one or a mini-batch
        gradients = [np.zeros_like(layer) for layer in w]
        for n in batch:
            values, s = forward(w, x[n])  # 2. forward
            delta = -2 * (y[n] - s)  # 3. backward, from delta^(L) = -2 (y - s)
            for ell in reversed(range(len(w))):
                gradients[ell] += np.outer(values[ell], delta) / len(batch)  # the average of x_i^(l-1) delta_j^(l)
                slope = 1 - values[ell][1:] ** 2  # tanh'(s_j), from x_j = tanh(s_j)
                delta = (w[ell][1:] @ delta) * slope  # sum_k delta_k w_jk tanh'(s_j)
        w = [layer - RATE * gradient for layer, gradient in zip(w, gradients, strict=True)]  # 4. gradient descent
        yield w


def by_engine(model: nn.MLP, x: Array, y: Array, batches: Iterable[Array]) -> Iterator[list[Array]]:
    """The same updates, by differentiating the recorded loss in reverse."""
    sgd = nn.SGD(model.parameters(), learning_rate=RATE)
    for batch in batches:
        sgd.zero_grad()
        nn.squared_error(model(x[batch]), y[batch]).backward()
        sgd.step()
        yield weights(model)


def weights(model: nn.MLP) -> list[Array]:
    """The lecture's (1 + d^(l-1)) x d^(l) matrices: the biases w_0j are row 0."""
    arrays = [parameter.data for parameter in model.parameters()]
    return [np.vstack([b, w]) for w, b in zip(arrays[::2], arrays[1::2], strict=True)]


def error(w: list[Array], x: Array, y: Array) -> float:
    """The mean squared error on all data."""
    return float(np.mean([(y[n] - forward(w, x[n])[1]) ** 2 for n in range(len(x))]))


x, y = load_diabetes(return_X_y=True)
x, y = scale(x), scale(y)[:, None]
figure, axes = plt.subplots(2, 2, figsize=(10, 5.5), sharex="col", layout="constrained", height_ratios=[3, 2])
findings, holds = [], True
for (above, below), (kind, size) in zip(axes.T, {"stochastic": 1, "mini-batch": 26}.items(), strict=True):
    rng, model = np.random.default_rng(0), nn.MLP([10, 8, 4, 1], activation="tanh", rng=1, dtype=np.float64)
    batches = [batch for _ in range(EPOCHS) for batch in rng.permutation(len(x)).reshape(-1, size)]
    curves, gaps = [(0, error(weights(model), x, y), error(weights(model), x, y))], []
    runs = zip(by_hand(weights(model), x, y, batches), by_engine(model, x, y, batches), strict=True)
    for step, (hand, engine) in enumerate(runs, 1):
        off = max(np.max(np.abs(a - b)) for a, b in zip(hand, engine, strict=True))
        gaps.append(max(off / max(np.max(np.abs(a)) for a in hand), 1e-17))  # 0 has no place on a log axis
        if step % (len(x) // size) == 0:
            curves.append((step, error(hand, x, y), error(engine, x, y)))
    at, curve, twin = np.transpose(curves)
    findings.append(f"{max(gaps):.0e} ({len(gaps):,} {kind} updates, error {curve[0]:.2f} to {curve[-1]:.2f})")
    holds = holds and max(gaps) < 1e-12 and curve[-1] < curve[0]
    above.plot(at, curve, color=ORANGE, linewidth=6, label="by hand")
    above.plot(at, twin, color=BLUE, linewidth=1.5, label="engine")
    above.set(title=f"{kind}, {size} at a time: one curve", ylabel="squared error", ylim=(0, None))
    above.legend(frameon=False)
    below.semilogy(gaps, color=GREY, linewidth=0.7)
    below.axhline(np.finfo(float).eps, color="black", linestyle="--", linewidth=1)
    below.text(len(gaps), 1.5e-16, "one rounding, 2.2e-16 ", ha="right", va="top")
    below.set(xlabel="updates", ylabel="difference of weights\n(over the largest weight)", ylim=(1e-17, 1e-12))
save(figure, __file__)
claim(holds, f"Weights by hand and by the engine differ at most by {' and '.join(findings)} of the largest weight.")
