"""Each layer is a transformation learned from data: its units answer to patterns, and after it the classes lie apart.

Slides: Neural Network Hypothesis; Physical Interpretation; Physical Interpretation of NNet Revisited; Meaningfulness of
    Deep Learning
Lives in: nn.MLP, nn.fit, nn.AdamW, nn.cross_entropy
"""

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from gallery import claim, fast, save
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from tqdm import tqdm

import nn

SPLITS, EPOCHS = (1, 15) if fast() else (10, 40)
SIZES, BLUE = [64, 16, 16, 16, 10], "#0072B2"
Array = np.ndarray[Any, Any]


def layers(model: nn.MLP, x: Array) -> list[Array]:
    """The input x^(0), and what each hidden layer makes of it: x^(1), x^(2), ..."""
    values = [x]
    for linear, tanh in zip(model.layers[:-1:2], model.layers[1::2], strict=True):
        values.append(tanh(linear(values[-1])).data)
    return values


def nearest_mean(x: Array, y: Array, test_x: Array, test_y: Array) -> float:
    """The share of test examples that lie nearest to the mean of their own class: how far apart are the classes?"""
    means = np.stack([x[y == digit].mean(axis=0) for digit in range(10)])
    distances = np.sum((test_x[:, None] - means) ** 2, axis=2)
    return float(np.mean(np.argmin(distances, axis=1) == test_y))


images, labels = load_digits(return_X_y=True)
images = (images / 8 - 1).astype(np.float32)
right = np.zeros((SPLITS, len(SIZES) - 1))
for split in tqdm(range(SPLITS), unit="split"):
    x, test_x, y, test_y = train_test_split(images, labels, test_size=0.3, random_state=split, stratify=labels)
    model = nn.MLP(SIZES, activation="tanh", rng=split)
    adam = nn.AdamW(model.parameters(), learning_rate=0.003, weight_decay=0.1)
    nn.fit(model, nn.cross_entropy, (x, y), optimizer=adam, epochs=EPOCHS, rng=split, progress=False)
    pairs = zip(layers(model, x), layers(model, test_x), strict=True)
    right[split] = [nearest_mean(before, y, after, test_y) for before, after in pairs]

# The patterns of the first layer: a unit's score is large where the image has ink on purple and none on orange.
weights = model.layers[0].weights.data
scores = model.layers[0](images).data
by_digit = np.stack([scores[labels == digit].mean(axis=0) for digit in range(10)])
figure = plt.figure(figsize=(10, 5.2), layout="constrained")
left, side = figure.subfigures(1, 2, width_ratios=[5, 4])
limit = np.abs(weights).max()
for unit, axis in enumerate(left.subplots(4, 4).flat):
    axis.imshow(weights[:, unit].reshape(8, 8), cmap="PuOr", vmin=-limit, vmax=limit)
    best = np.argsort(by_digit[:, unit])
    axis.set_title(f"{best[-1]} and {best[-2]}, not {best[0]}", fontsize=9)
    axis.set(xticks=[], yticks=[])
left.suptitle("the 16 units' weights, and the digits that match them")
plot = side.subplots()
for run in right:
    plot.plot(100 * run, color=BLUE, alpha=0.25)
plot.plot(100 * right.mean(axis=0), "o-", color=BLUE, linewidth=2.5)
plot.set(title="layer by layer the classes come apart", xticks=range(right.shape[1]))
plot.set(xticklabels=["image", *(f"layer {ell}" for ell in range(1, right.shape[1]))])
plot.set(ylabel="test digits nearest to the mean of their class, %")
save(figure, __file__)

mean, spread = right.mean(axis=0), right.std(axis=0)
claim(
    mean[1] > mean[0] + 0.02 and mean[-1] > mean[0] + 0.03,
    "Nearest to the mean of their class in test are "
    + ", ".join(
        f"{m:.1%} ± {s:.1%} {'of images' if not ell else f'after layer {ell}'}"
        for ell, (m, s) in enumerate(zip(mean, spread, strict=True))
    )
    + f" ({SPLITS} splits).",
)
