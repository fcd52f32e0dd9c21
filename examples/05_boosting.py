"""One hidden layer grown neuron by neuron, by gradient boosting, beside backprop on all of its neurons at once.

Slides: How to Learn the Weights?; Linear Aggregation of Perceptrons
Lives in: nn.boost, nn.MLP, nn.Adam, nn.squared_error
"""

from collections.abc import Iterator
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from gallery import claim, fast, save
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from tqdm import tqdm

import nn

SIZES = [1, 2, 4, 8] if fast() else [1, 2, 4, 8, 16, 32]
SPLITS, EPOCHS = (1, 5) if fast() else (5, 40)
WAYS = {
    "backprop": "#0072B2",
    "boosting": "#E69F00",
    "boosting, weight decay": "#D55E00",
    "the same, then backprop": "#009E73",
}
Data = tuple[NDArray[Any], ...]


def digits(seed: int) -> Data:
    """Images in -1..1, and as targets of the squared error 1 for the right digit, 0 for the nine others."""
    images, labels = load_digits(return_X_y=True)
    images = (images / 8 - 1).astype(np.float32)
    train_x, test_x, train_y, test_y = train_test_split(
        images, np.eye(10, dtype=np.float32)[labels], test_size=0.3, random_state=seed, stratify=labels
    )
    return train_x, train_y, test_x, test_y


def errors(model: Any, data: Data) -> tuple[float, float]:
    """The share of digits that are taken for others, in training and test."""
    train_x, train_y, test_x, test_y = data
    wrong = [
        np.argmax(model(x).data, axis=1) != np.argmax(y, axis=1) for x, y in ((train_x, train_y), (test_x, test_y))
    ]
    return float(np.mean(wrong[0])), float(np.mean(wrong[1]))


def grown(data: Data, weight_decay: float, seed: int) -> Iterator[nn.MLP]:
    """The model after each number of neurons, added one at a time."""
    rng, model = np.random.default_rng(seed), None
    for neurons in range(1, SIZES[-1] + 1):
        model = nn.boost(data[0], data[1], 1, outputs=10, model=model, weight_decay=weight_decay, rng=rng)
        if neurons in SIZES:
            yield model


def trained(model: nn.MLP, data: Data, seed: int) -> nn.MLP:
    """The model after backprop on all of its weights."""
    adam, rng = nn.Adam(model.parameters(), learning_rate=0.003), np.random.default_rng(seed)
    for _ in range(EPOCHS):
        for x, y in nn.minibatches(data[0], data[1], size=32, rng=rng):
            adam.zero_grad()
            nn.squared_error(model(x), y).backward()
            adam.step()
    return model


found = np.zeros((len(WAYS), SPLITS, len(SIZES), 2))  # in training and test
for split in tqdm(range(SPLITS), unit="split"):
    data = digits(split)
    found[0, split] = [errors(trained(nn.MLP([64, T, 10], rng=split), data, split), data) for T in SIZES]
    found[1, split] = [errors(model, data) for model in grown(data, 0.0, split)]
    models = list(grown(data, 0.01, split))
    found[2, split] = [errors(model, data) for model in models]
    found[3, split] = [errors(trained(model, data, split), data) for model in models]

figure, axes = plt.subplots(1, 2, figsize=(10, 4.4), sharey=True, layout="constrained")
titles = "training error: neuron by neuron it falls fast", "test error: as low as backprop's, with weight decay"
for axis, title, by_way in zip(axes, titles, np.moveaxis(found, -1, 0), strict=True):
    for (way, colour), values in zip(WAYS.items(), by_way, strict=True):
        axis.loglog(SIZES, values.mean(axis=0), "o-", color=colour, label=way)
        axis.fill_between(SIZES, values.min(axis=0), values.max(axis=0), color=colour, alpha=0.15, linewidth=0)
        print(f"{title[:9]}{way:>24}" + "".join(f"{value:8.1%}" for value in values.mean(axis=0)))
    axis.set(xlabel="hidden neurons", title=title, xticks=SIZES, xticklabels=SIZES)
    axis.minorticks_off()
axes[0].set(ylabel="digits taken for others", yticks=[0.001, 0.01, 0.1, 1], yticklabels=["0.1%", "1%", "10%", "100%"])
axes[0].legend(frameon=False, loc="lower left")
save(figure, __file__)

in_training, in_test = np.moveaxis(found.mean(axis=1), -1, 0)
in_words = [f"{m:.1%} ± {s:.1%}" for m, s in zip(in_test[:, -1], found[:, :, -1, 1].std(axis=1), strict=True)]
claim(
    np.all(np.diff(in_training[1]) < 0) and in_test[2, -1] < in_test[1, -1],
    f"{SIZES[-1]} neurons: boosting errs on {in_training[1, -1]:.1%} of digits in training but {in_words[1]} in test, "
    f"with weight decay {in_words[2]}, then backprop {in_words[3]}; backprop alone {in_words[0]} ({SPLITS} splits).",
)
