"""
Gradient noise and the size of a mini-batch
===========================================

How large must a mini-batch be? Below the noise scale twice the size is half the steps; beyond, it is wasted.

:Slides: Backpropagation (Backprop) Algorithm; Challenges and Key Techniques for Deep Learning
:Uses: `nn.gradient_noise`, `autograd_mini.GradientNoise`, `nn.SGD`, `nn.MLP`
:Measured: The noise scale grows from 31 examples to 367. Below it, mini-batches of 8 take 6.6 times fewer steps than
    single examples; beyond, 512 take 3.1 times fewer again, for 20 times the examples (5 runs).
"""

import sys

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from tqdm import tqdm

import nn

FAST = "--fast" in sys.argv  # seconds, with rougher numbers
SEEDS = 1 if FAST else 5
SIZES = [1, 8, 64, 512] if FAST else [2**i for i in range(10)]
RATES = [0.1, 0.4, 1.6] if FAST else [0.05 * 2**i for i in range(7)]
TARGET, MOST = 0.3, 10_000  # loss and steps
GREEN = "#009E73"
images, labels = load_digits(return_X_y=True)
images = (images / 8 - 1).astype(np.float32)

# %%
# How many steps does a network take to a loss of 0.3, with mini-batches of some size drawn at random? The best of
# several learning rates counts.


def training(model, size, rate, seed):
    rng, sgd, looked = np.random.default_rng(seed), nn.SGD(model.parameters(), rate), 0
    for step in range(MOST):
        if step >= 1.05 * looked:
            looked = step
            yield step, nn.cross_entropy(model(images), labels).item()  # now and then the loss on all digits
        chosen = rng.integers(0, len(images), size)
        sgd.zero_grad()
        nn.cross_entropy(model(images[chosen]), labels[chosen]).backward()
        sgd.step()


def steps(size, seed):
    best = MOST
    for rate in RATES:
        for step, loss in training(nn.MLP([64, 32, 10], "tanh", rng=seed), size, rate, seed):
            best = min(best, step) if loss < TARGET else best
            if step >= best or not loss < 10:
                break
    return best


needed = [[steps(size, seed) for size in SIZES] for seed in tqdm(range(SEEDS), unit="run", disable=None)]
mean = np.exp(np.log(needed).mean(axis=0))

# %%
# The noise scale is the number of examples of which half the mean gradient is noise. It is measured along one training,
# whenever the loss has fallen by a fifth.

model, losses, noises = nn.MLP([64, 32, 10], "tanh", rng=0), [np.inf], []
for _, loss in training(model, 64, 0.2, 0):
    if loss < 0.8 * losses[-1]:
        losses.append(loss)
        noises.append(nn.gradient_noise(model, nn.cross_entropy, images, labels).model)
    if loss < TARGET:
        break
scales = [noise.scale for noise in noises]

_, (left, right) = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
for name, values, colour in (("steps", mean, "#0072B2"), ("examples", mean * SIZES, "#D55E00")):
    left.loglog(SIZES, values / values.min(), "o-", base=2, color=colour, label=f"{name}, fewest: {values.min():,.0f}")
left.axvspan(scales[0], scales[-1], color=GREEN, alpha=0.2, label="noise scale, start to end")
left.set(xlabel="mini-batch", ylabel="relative to the fewest", xticks=SIZES, xticklabels=SIZES)
left.set_title("Steps and examples to a loss of 0.3")
left.yaxis.set_major_formatter("{x:g}")
left.legend(loc="upper center")
right.fill_between(losses[1:], *np.transpose([noise.between for noise in noises]), color=GREEN, alpha=0.25)
right.loglog(losses[1:], scales, "o-", subs=[], color=GREEN)
right.set(xlabel="loss, as it falls", xlim=(2.6, 0.28), xticks=[2, 1, 0.5, 0.3], xticklabels=[2, 1, 0.5, 0.3])
right.set(ylabel="examples", yticks=[30, 100, 300], yticklabels=[30, 100, 300], title="Noise scale ± 2 standard errors")
plt.show()

# %%
small = 8  # below the noise scale all along
fewer, more = mean[0] / mean[SIZES.index(small)], mean[SIZES.index(small)] / mean[-1]
cost = SIZES[-1] / small / more
print(
    f"The noise scale grows from {scales[0]:.0f} examples to {scales[-1]:.0f}. Below it, mini-batches of {small} take "
    f"{fewer:.1f} times fewer steps than single examples; beyond, {SIZES[-1]} take {more:.1f} times fewer again, for "
    f"{cost:.0f} times the examples ({SEEDS} run{'s' * (SEEDS > 1)})."
)
assert small < scales[0] < scales[-1] < SIZES[-1], "the noise scale lies elsewhere"
assert fewer > small / 2, "small mini-batches do not save steps"
assert cost > 8, "large mini-batches are not wasted"
