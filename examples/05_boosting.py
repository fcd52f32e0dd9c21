"""
A layer grown neuron by neuron
==============================

Gradient boosting adds one hidden neuron after another; backprop trains all of them at once.

:Slides: How to Learn the Weights?; Linear Aggregation of Perceptrons
:Uses: `nn.boost`, `nn.MLP`, `nn.Adam`, `nn.squared_error`
:Measured: 32 neurons: boosting errs on 0.2% of digits in training but 8.6% ± 1.2% in test, with weight decay
    2.7% ± 0.5%, then backprop 2.8% ± 0.6%; backprop alone 3.0% ± 0.5% (5 splits).
"""

import sys

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from tqdm import tqdm

import nn

FAST = "--fast" in sys.argv  # seconds, with rougher numbers
SIZES, SPLITS, EPOCHS, STARTS = ([1, 2, 4, 8, 16], 1, 20, 1) if FAST else ([1, 2, 4, 8, 16, 32], 5, 40, 4)
WAYS = {"boosting": ("#D55E00", "o-"), "with weight decay": ("#009E73", "D-"), "then backprop": ("#000000", "^-")}
WAYS["backprop alone"] = "#0072B2", "s-"

# %%
# The targets of the squared error are 1 for the right digit and 0 for the nine others; the largest output decides.


def digits(seed):
    images, labels = load_digits(return_X_y=True)
    images, targets = (images / 8 - 1).astype(np.float32), np.eye(10, dtype=np.float32)[labels]
    x, test_x, y, test_y = train_test_split(images, targets, test_size=0.3, random_state=seed, stratify=labels)
    return (x, y), (test_x, test_y)


def errors(model, data):
    """The share of digits that are taken for others, in training and test."""
    return [np.mean(np.argmax(model(x).data, axis=1) != np.argmax(y, axis=1)) for x, y in data]


# %%
# Boosting fits each neuron to what those before it leave, with weight decay or without, and changes none of them again.
# Backprop changes all weights, from random ones or from those that boosting found.


def grown(data, weight_decay, seed):
    """The model after each number of neurons, added one at a time."""
    rng, model = np.random.default_rng(seed), None
    for neurons in range(1, SIZES[-1] + 1):
        model = nn.boost(*data[0], 1, outputs=10, model=model, weight_decay=weight_decay, starts=STARTS, rng=rng)
        if neurons in SIZES:
            yield model


def trained(model, data, seed):
    """The model after backprop on all of its weights."""
    adam, how = nn.Adam(model.parameters(), learning_rate=0.003), {"batch_size": 32, "progress": False, "rng": seed}
    nn.fit(model, nn.squared_error, data[0], optimizer=adam, epochs=EPOCHS, **how)
    return model


found = np.zeros((len(WAYS), SPLITS, len(SIZES), 2))  # in training and test
for split in tqdm(range(SPLITS), unit="split", disable=None):
    data = digits(split)
    found[0, split] = [errors(model, data) for model in grown(data, 0.0, split)]
    models = list(grown(data, 0.01, split))
    found[1, split] = [errors(model, data) for model in models]
    found[2, split] = [errors(trained(model, data, split), data) for model in models]
    found[3, split] = [errors(trained(nn.MLP([64, T, 10], rng=split), data, split), data) for T in SIZES]

# %%
# Lines are means, bands the best split to the worst. Where a split may err nowhere, below 0.1%, the axis is linear.

figure, axes = plt.subplots(1, 2, figsize=(9, 4.6), sharey=True, layout="constrained")
titles = "training: boosting alone learns by heart", "test: it needs weight decay"
for axis, title, by_way in zip(axes, titles, np.moveaxis(found, -1, 0), strict=True):
    for (way, (colour, line)), values in zip(WAYS.items(), by_way, strict=True):
        axis.plot(SIZES, values.mean(axis=0), line, color=colour, label=way)
        axis.fill_between(SIZES, values.min(axis=0), values.max(axis=0), color=colour, alpha=0.15, linewidth=0)
        print(f"{title.partition(':')[0]:8}{way:>20}" + "".join(f"{value:8.1%}" for value in values.mean(axis=0)))
    axis.set_xscale("log", base=2)
    axis.set_yscale("symlog", linthresh=0.001)
    axis.set(xlabel="hidden neurons", title=title, xticks=SIZES, xticklabels=SIZES, ylim=(0, 1))
axes[0].set(ylabel="wrong digits", yticks=[0, 1e-3, 1e-2, 0.1, 1], yticklabels=["0", "0.1%", "1%", "10%", "100%"])
axes[0].legend(frameon=False, loc="lower left")
plt.show()

# %%
in_training, in_test = np.moveaxis(found.mean(axis=1), -1, 0)
in_words = [f"{e.mean():.1%}" + f" ± {e.std():.1%}" * (SPLITS > 1) for e in found[:, :, -1, 1]]
print(
    f"{SIZES[-1]} neurons: boosting errs on {in_training[0, -1]:.1%} of digits in training but {in_words[0]} in test, "
    f"with weight decay {in_words[1]}, then backprop {in_words[2]}; backprop alone {in_words[3]} "
    f"({SPLITS} split{'s' * (SPLITS > 1)})."
)
assert np.all(np.diff(in_training[0]) < 0) and in_test[1, -1] < in_test[0, -1], "the numbers do not say so"
