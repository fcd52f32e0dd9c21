"""
Backprop by hand
================

The lecture's algorithm, written out with its deltas, takes the same steps as the engine, to rounding.

:Slides: How to Learn the Weights?; Neural Network Hypothesis; Computing the derivatives at the output layer; Computing
    delta_j; Backpropagation (Backprop) Algorithm; Forward Propagation Revisited; Backpropagation Revisited
:Uses: `nn.MLP`, `nn.squared_error`, `nn.SGD`, `autograd_mini.Tensor`
:Measured: Weights by hand and by the engine differ at most by 7e-14 (44,200 stochastic updates, error 1.12 to 0.28)
    and 4e-16 (1,700 mini-batch updates, error 1.12 to 0.46) of the largest weight.
"""

import sys

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.preprocessing import scale

import nn

FAST = "--fast" in sys.argv  # seconds, with rougher numbers
RATE, EPOCHS = 0.01, 10 if FAST else 100
BLUE, ORANGE = "#0072B2", "#E69F00"

# %%
# By hand: the four steps of the slide, on the lecture's matrices of 1 + d_in rows and d_out columns.


def forward(w, x):
    """All x^(l) of one example, with x_0 = 1 in front, and the score of the output."""
    values = [np.append(1.0, x)]
    for layer in w[:-1]:
        values.append(np.append(1.0, np.tanh(values[-1] @ layer)))
    return values, values[-1] @ w[-1]


def by_hand(w, x, y, batches):
    """Backprop on NNet as the slide has it: the weights after each update."""
    for batch in batches:  # 1. pick examples at random, one or a mini-batch
        gradients = [np.zeros_like(layer) for layer in w]
        for n in batch:
            values, s = forward(w, x[n])  # 2. forward
            delta = -2 * (y[n] - s)  # 3. backward, from delta^(L) = -2 (y - s)
            for ell in reversed(range(len(w))):
                gradients[ell] += np.outer(values[ell], delta) / len(batch)  # the average of x_i^(l-1) delta_j^(l)
                delta = (w[ell][1:] @ delta) * (1 - values[ell][1:] ** 2)  # sum_k delta_k w_jk tanh'(s_j)
        w = [layer - RATE * gradient for layer, gradient in zip(w, gradients, strict=True)]  # 4. gradient descent
        yield w


# %%
# By the engine, the same updates: it records the loss as it is computed, and differentiates it in reverse.


def by_engine(model, x, y, batches):
    sgd = nn.SGD(model.parameters(), learning_rate=RATE)
    for batch in batches:
        sgd.zero_grad()
        nn.squared_error(model(x[batch]), y[batch, None]).backward()
        sgd.step()
        yield matrices(model)


# %%
# Both start from the same weights and see the same examples. How far are their weights apart after each update?

x, y = map(scale, load_diabetes(return_X_y=True))
matrices = lambda model: [np.vstack([layer.bias.data, layer.weights.data]) for layer in model.layers[::2]]  # w_0j first
error = lambda w: np.mean([(y[n] - forward(w, x[n])[1]) ** 2 for n in range(len(x))])
_, axes = plt.subplots(2, 2, figsize=(9, 5.5), sharex="col", sharey="row", layout="constrained", height_ratios=[3, 2])
findings, holds = [], True
for (above, below), (kind, size) in zip(axes.T, {"stochastic": 1, "mini-batch": 26}.items(), strict=True):
    rng, model = np.random.default_rng(0), nn.MLP([10, 8, 4, 1], activation="tanh", rng=1, dtype=np.float64)
    batches = [batch for _ in range(EPOCHS) for batch in rng.permutation(len(x)).reshape(-1, size)]
    curves, gaps = [(0, error(matrices(model)), error(matrices(model)))], []
    runs = zip(by_hand(matrices(model), x, y, batches), by_engine(model, x, y, batches), strict=True)
    for step, (hand, engine) in enumerate(runs, 1):
        off = max(np.max(np.abs(a - b)) for a, b in zip(hand, engine, strict=True))
        gaps.append(max(off / max(np.max(np.abs(a)) for a in hand), 1e-17))  # 0 has no place on a log axis
        if step % (len(x) // size) == 0:
            curves.append((step, error(hand), error(engine)))
    at, curve, twin = np.transpose(curves)
    findings.append(f"{max(gaps):.0e} ({len(gaps):,} {kind} updates, error {curve[0]:.2f} to {curve[-1]:.2f})")
    holds = holds and max(gaps) < 1e-12 and curve[-1] < curve[0]
    above.plot(at, curve, color=ORANGE, linewidth=6, label="by hand")
    above.plot(at, twin, color=BLUE, linewidth=1.5, label="engine")
    above.set(title=f"{kind} updates: one curve", ylabel="squared error", ylim=(0, None))
    below.semilogy(gaps, color=BLUE)
    below.axhline(np.finfo(float).eps, color="black", linestyle="--")
    below.set(xlabel="updates", ylabel="difference of weights\nover the largest weight", ylim=(1e-17, 1e-12))
axes[0, 0].legend(frameon=False)
axes[1, 1].text(0, 4e-16, " one rounding, 2.2e-16")
plt.show()

# %%
print(f"Weights by hand and by the engine differ at most by {' and '.join(findings)} of the largest weight.")
assert holds, "the numbers do not say so"
