"""A recurrent network remembers along a sequence; gates decide what, so that it lasts over many steps.

Each sequence has random numbers, two of them marked, one in either half; the answer is the sum of these two (Hochreiter
and Schmidhuber 1997, "Long Short-Term Memory"). A guess of 1 for each has a squared error of 1/6.

Slides: The Vanishing Gradient Issue; Possible Cures for Vanishing Gradient
Lives in: nn.RNN, nn.GRU, nn.MLP, nn.Module, nn.Adam, nn.fit
"""

import matplotlib.pyplot as plt
import numpy as np
from gallery import claim, fast, save
from tqdm import tqdm

import nn
from autograd_mini import Tensor

STEPS, SEEDS, EPOCHS = ([10], 1, 10) if fast() else ([10, 20, 40], 3, 12)
COLOURS = {"MLP": "#999999", "RNN": "#D55E00", "GRU": "#0072B2"}


def sequences(count, steps, rng):
    """Numbers and marks, shape (count, steps, 2), and the sums of the marked numbers, shape (count, 1)."""
    numbers, marks = rng.random((count, steps)), np.zeros((count, steps))
    every, half = np.arange(count), steps // 2
    marks[every, rng.integers(0, half, count)] = marks[every, rng.integers(half, steps, count)] = 1
    x = np.stack([numbers, marks], axis=2).astype(np.float32)
    return x, np.sum(x[..., 0] * x[..., 1], axis=1, keepdims=True)


class Reader(nn.Module):
    """A recurrent layer reads the sequence; the answer is a linear function of its last state."""

    def __init__(self, layer, units, rng):
        super().__init__()
        self.layer, self.answer = layer(2, units, rng=rng), nn.Linear(units, 1, rng=rng)

    def forward(self, x):
        _states, last = self.layer(x)
        return self.answer(last)


def models(steps, rng):
    """Three networks of about 2,000 parameters."""
    return {
        "MLP": nn.Sequential(nn.Flatten(), nn.MLP([2 * steps, 2000 // (2 * steps + 2), 1], "relu", "he", rng=rng)),
        "RNN": Reader(nn.RNN, 42, rng),
        "GRU": Reader(nn.GRU, 24, rng),
    }


error = {name: np.zeros((len(STEPS), SEEDS)) for name in COLOURS}
for (i, steps), seed in tqdm([(pair, seed) for pair in enumerate(STEPS) for seed in range(SEEDS)], unit="run"):
    rng = np.random.default_rng(seed)
    data, (test_x, test_y) = sequences(2000, steps, rng), sequences(1000, steps, rng)
    trained = models(steps, rng)
    for name, model in trained.items():
        options = {"epochs": EPOCHS, "batch_size": 50, "clip_norm": 1.0, "rng": seed, "progress": False}
        nn.fit(model, nn.squared_error, data, optimizer=nn.Adam(model.parameters(), 0.005), **options)
        error[name][i, seed] = nn.squared_error(nn.predict(model, test_x), test_y).item()

# What do the last networks, those for the longest sequences, read? The derivative of an answer by each number is 1 for
# the two that are marked and 0 for all others, if the sum has been learned.
x = Tensor(test_x[:1], requires_grad=True)
slopes = {}
for name, model in trained.items():
    x.grad = None
    model(x).sum().backward()
    slopes[name] = x.grad[0, :, 0]
is_marked = test_x[0, :, 1] == 1
marked, others = slopes["GRU"][is_marked], np.abs(slopes["GRU"][~is_marked])

figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4.4), layout="constrained")
left.axhline(1 / 6, color="black", linestyle=":", linewidth=1)
left.text(STEPS[0], 0.18, "a guess of 1", va="bottom")
for name, values in error.items():
    left.plot(np.repeat(STEPS, SEEDS), values.ravel(), "o", color=COLOURS[name], alpha=0.3)
    left.plot(STEPS, values.mean(axis=1), "o-", color=COLOURS[name], linewidth=2)
    right.plot(slopes[name], "o-", color=COLOURS[name], markersize=4, label=name)
left.set(xscale="log", yscale="log", ylim=(1e-4, 0.4), xlabel=f"steps ({SEEDS} runs and their mean)")
left.set(ylabel="squared error in test", title="Only gates carry a number over 40 steps")
left.set_xticks(STEPS, STEPS)
left.minorticks_off()
for place in np.flatnonzero(is_marked):
    right.axvline(place, color="black", linestyle=":", linewidth=1)
    right.text(place, 1.13, "marked", ha="center", backgroundcolor="white")
right.set(xlim=(-2, STEPS[-1] + 1), ylim=(None, 1.22), xlabel="step", ylabel="derivative of the answer by each number")
right.set_title("The GRU has learned to add the two")
right.legend(loc=(0.4, 0.6))
save(figure, __file__)
last = {name: f"{values[-1].mean():.4f} ± {values[-1].std():.4f}" for name, values in error.items()}
claim(
    error["GRU"][-1].mean() < min(error["RNN"][-1].mean(), error["MLP"][-1].mean()) / 3,
    f"Of the sum of two marked numbers among {STEPS[-1]} a GRU has the squared error {last['GRU']}, a plain RNN "
    f"{last['RNN']}, an MLP {last['MLP']} ({SEEDS} runs; always guessing 1 has 0.1667); the derivative of the GRU's "
    f"answer by the marked numbers is {marked.min():.2f} and {marked.max():.2f}, by others {others.max():.2f} at most.",
)
