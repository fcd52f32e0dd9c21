"""How large must a mini-batch be? Below the noise scale twice the size is half the steps; beyond, it is wasted.

Slides: Backpropagation (Backprop) Algorithm; Challenges and Key Techniques for Deep Learning
Lives in: nn.gradient_noise, autograd_mini.GradientNoise, nn.SGD, nn.MLP
"""

from collections.abc import Iterator
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from gallery import claim, fast, save
from sklearn.datasets import load_digits
from tqdm import tqdm

import nn

SEEDS = 1 if fast() else 5
SIZES = [1, 8, 64, 512] if fast() else [2**i for i in range(10)]
RATES = [0.1, 0.4, 1.6] if fast() else [0.05 * 2**i for i in range(7)]
TARGET, MOST = 0.3, 10_000  # the loss on all digits, and steps


def network(seed: int) -> nn.MLP:
    return nn.MLP([64, 32, 10], "tanh", rng=seed)


def training(model: nn.MLP, size: int, rate: float, seed: int) -> Iterator[tuple[int, float]]:
    """Steps of mini-batches drawn at random, and now and then the loss on all digits."""
    rng, sgd = np.random.default_rng(seed), nn.SGD(model.parameters(), rate)
    looked = 0
    for step in range(MOST):
        if step >= 1.05 * looked:
            looked = step
            yield step, nn.cross_entropy(model(images), labels).item()
        chosen = rng.integers(0, len(images), size)
        sgd.zero_grad()
        nn.cross_entropy(model(images[chosen]), labels[chosen]).backward()
        sgd.step()


def steps(size: int, seed: int) -> int:
    """How many steps it takes to the target, at the best learning rate."""
    best = MOST
    for rate in RATES:
        for step, loss in training(network(seed), size, rate, seed):
            if loss < TARGET:
                best = min(best, step)
            if step >= best or not loss < 10:
                break
    return best


def noises(seed: int) -> list[Any]:
    """The loss and the gradient noise along a training."""
    model, found = network(seed), []
    for _, loss in training(model, 64, 0.2, seed):
        if not found or loss < 0.8 * found[-1][0]:
            found.append((loss, nn.gradient_noise(model, nn.cross_entropy, images, labels).model))
        if loss < TARGET:
            break
    return found


images, labels = load_digits(return_X_y=True)
images = (images / 8 - 1).astype(np.float32)
needed = [[steps(size, seed) for size in SIZES] for seed in tqdm(range(SEEDS), unit="run")]
mean = np.exp(np.log(needed).mean(axis=0))
losses, found = zip(*noises(0), strict=True)
scales = [noise.scale for noise in found]

plt.rcParams.update({"axes.spines.top": False, "axes.spines.right": False, "axes.grid": True, "grid.color": "#dddddd"})
figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
for name, values, colour in (("steps", mean, "#0072B2"), ("examples", mean * SIZES, "#D55E00")):
    label = f"{name}, at least {values.min():,.0f}"
    left.loglog(SIZES, values / values.min(), "o-", base=2, color=colour, label=label, markersize=5)
left.axvspan(scales[0], scales[-1], color="#009E73", alpha=0.15, lw=0, label="noise scale, start to end")
left.set(xlabel="mini-batch", ylabel="times the least", xticks=SIZES, xticklabels=SIZES)
left.set_title(f"What it takes to a loss of {TARGET}, at the best rate")
left.yaxis.set_major_formatter("{x:g}")
left.legend(loc="upper left", bbox_to_anchor=(0.12, 1))
right.fill_between(losses, *np.transpose([noise.between for noise in found]), color="#009E73", alpha=0.25, lw=0)
right.loglog(losses, scales, "o-", color="#009E73", markersize=5)
right.set(xlabel="loss, as it falls", xlim=(2.6, 0.28), title="Noise scale of the gradient, ± 2 standard errors")
right.set_xticks([2, 1, 0.5, TARGET], ["2", "1", "0.5", str(TARGET)])
right.set_yticks([30, 100, 300], ["30", "100", "300"])
right.set_ylabel("examples of which half the mean is noise")
right.minorticks_off()
save(figure, __file__)

small = 8  # below the noise scale all along
fewer, more = mean[0] / mean[SIZES.index(small)], mean[SIZES.index(small)] / mean[-1]
cost = SIZES[-1] / small / more
claim(
    small < scales[0] < scales[-1] < SIZES[-1] and fewer > small / 2 and cost > 8,
    f"The noise scale grows from {scales[0]:.0f} examples to {scales[-1]:.0f}. Below it, mini-batches of {small} take "
    f"{fewer:.1f} times fewer steps than single examples; beyond, {SIZES[-1]} take {more:.1f} times fewer again, for "
    f"{cost:.0f} times the examples ({SEEDS} run{'s' * (SEEDS > 1)}).",
)
