"""
Shallow or deep?
================

Of networks with as many parameters the deeper train at fewer learning rates; validation picks one, unseen by the test.

:Slides: Physical Interpretation of NNet Revisited; Shallow versus Deep Neural Networks; Meaningfulness of Deep Learning
:Uses: `nn.MLP`, `nn.SGD`, `nn.cross_entropy`, `nn.fit`
:Measured: At 4,800 parameters validation picks depth 1 or 2, which errs on 2.5% ± 0.5% of test digits, while depth 16
    errs on 15.9%; over all rates and seeds 73% of nets of depth 1 train to an error below 2%, and 0% of depth 16.
"""

import itertools
import sys

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from tqdm import tqdm

import nn

FAST = "--fast" in sys.argv  # seconds, with rougher numbers
SIZE, DEPTHS = 4800, [1, 2, 4, 8, 16]  # parameters, hidden layers
RATES = [0.003, 0.03, 0.3] if FAST else [0.001, 0.003, 0.01, 0.03, 0.1, 0.3]
SEEDS, EPOCHS = (1, 12) if FAST else (5, 30)

# %%
# A layer has (1 + d_in) d_out parameters. The width of each net is chosen such that all have about as many.

parameters = lambda sizes: sum((1 + d_in) * d_out for d_in, d_out in itertools.pairwise(sizes))
shaped = lambda depth: [[64, *[width] * depth, 10] for width in range(2, 100)]
nets = [min(shaped(depth), key=lambda sizes: abs(parameters(sizes) - SIZE)) for depth in DEPTHS]
off = max(abs(parameters(net) / SIZE - 1) for net in nets)
print(f"All have {SIZE:,} parameters, to {off:.1%}.")

# %%
# Each net is trained at each rate, on other digits with each seed.


def digits(seed):
    """Training, validation and test examples: 60, 20 and 20 %."""
    images, labels = load_digits(return_X_y=True)
    images = (images / 8 - 1).astype(np.float32)
    x, rest_x, y, rest_y = train_test_split(images, labels, test_size=0.4, random_state=seed, stratify=labels)
    halves = train_test_split(rest_x, rest_y, test_size=0.5, random_state=seed, stratify=rest_y)
    return [(x, y), (halves[0], halves[2]), (halves[1], halves[3])]


def errors(sizes, rate, data, seed):
    """The share of wrong digits in training, validation and test, after training."""
    model = nn.MLP(sizes, activation="tanh", rng=seed)
    sgd = nn.SGD(model.parameters(), learning_rate=rate, momentum=0.9)
    nn.fit(model, nn.cross_entropy, data[0], optimizer=sgd, epochs=EPOCHS, batch_size=32, rng=seed, progress=False)
    return [float(np.mean(np.argmax(model(x).data, axis=1) != y)) for x, y in data]


found = np.zeros((SEEDS, len(nets), len(RATES), 3))
for seed, net, rate in tqdm(list(np.ndindex(found.shape[:3])), unit="run", disable=None):
    found[seed, net, rate] = errors(nets[net], RATES[rate], digits(seed), seed)

# %%
# Validation picks the rate of each structure, and the structure; the test has no say in it.

training, validation, test = np.moveaxis(found, -1, 0)
rates, picks = validation.argmin(axis=2), validation.min(axis=2).argmin(axis=1)
chosen = np.take_along_axis(test, rates[:, :, None], axis=2)[:, :, 0]
picked = chosen[np.arange(SEEDS), picks]
trained = np.mean(training < 0.02, axis=(0, 2))
shapes = [f"{len(sizes) - 2} x {sizes[1]}" for sizes in nets]
for shape, wrong, share in zip(shapes, chosen.T, trained, strict=True):
    print(f"{shape:7s} in test {wrong.mean():.1%} wrong, {share:.0%} train")

_, (left, right) = plt.subplots(1, 2, figsize=(9, 4.3), layout="constrained", width_ratios=[4, 5])
left.semilogx(chosen.mean(axis=0), range(len(nets)), subs=[], color="#0072B2")
left.plot(chosen.T, range(len(nets)), "o", color="#0072B2", alpha=0.4)
left.plot(picked, picks, "o", color="#D55E00", markersize=12, markeredgewidth=2, fillstyle="none")
left.text(0.05, 0.3, f"circle{'s' * (SEEDS > 1)}: picked\nby validation", color="#D55E00")
left.set(title="test error: 16 layers err most", xlabel="error", ylabel="hidden layers x units")
left.set(xticks=[0.02, 0.05, 0.1, 0.2], xticklabels=["2%", "5%", "10%", "20%"])
left.set(yticks=range(len(nets)), yticklabels=shapes, ylim=(-0.5, len(nets) - 0.5))
right.imshow(training.mean(axis=0), cmap="cividis", vmin=0, vmax=1, origin="lower", aspect="auto")
for (net, rate), wrong in np.ndenumerate(training.mean(axis=0)):
    right.text(rate, net, f"{wrong:.0%}", ha="center", va="center", color="white" if wrong < 0.5 else "black")
right.set(title="training error: the deeper, the fewer rates work", xlabel="learning rate", yticks=[])
right.set(xticks=range(len(RATES)), xticklabels=RATES)
plt.show()

# %%
depths = " or ".join(str(DEPTHS[pick]) for pick in sorted(set(picks)))
spread = f" ± {picked.std():.1%}" * (SEEDS > 1)
print(
    f"At {SIZE:,} parameters validation picks depth {depths}, which errs on {picked.mean():.1%}{spread} "
    f"of test digits, while depth 16 errs on {chosen[:, -1].mean():.1%}; over all rates and seeds "
    f"{trained[0]:.0%} of nets of depth 1 train to an error below 2%, and {trained[-1]:.0%} of depth 16."
)
good = picked.mean() <= np.median(chosen.mean(axis=0)) + 0.01
assert good and off < 0.02 and trained[0] > trained[-1], "the numbers do not say so"
