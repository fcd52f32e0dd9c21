"""
Patterns and features
=====================

Each layer is a transformation learned from data: its units answer to patterns, and after it the classes lie apart.

:Slides: Neural Network Hypothesis; Physical Interpretation; Physical Interpretation of NNet Revisited;
    Meaningfulness of Deep Learning
:Uses: `nn.MLP`, `nn.fit`, `nn.AdamW`, `nn.cross_entropy`
:Measured: Nearest to the mean of their class in test are 90.1% ± 1.0% of images, 95.2% ± 1.0% after layer 1, 96.7% ±
    0.7% after layer 2, 96.7% ± 0.6% after layer 3 (10 splits).
"""

import sys

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from tqdm import tqdm

import nn

FAST = "--fast" in sys.argv  # seconds, with rougher numbers
SPLITS, EPOCHS = (1, 15) if FAST else (10, 40)
SIZES, BLUE = [64, 16, 16, 16, 10], "#0072B2"

# %%
# The layers of a network make :math:`x^{(1)}, x^{(2)}` and so on of the image :math:`x^{(0)}`. How far apart are the
# classes there? Of the test images, count those that lie nearest to the mean of their own class.


def layers(model, x):
    values = [x]
    for linear, tanh in zip(model.layers[:-1:2], model.layers[1::2], strict=True):
        values.append(tanh(linear(values[-1])).data)
    return values


def nearest_mean(x, y, test_x, test_y):
    means = np.stack([x[y == digit].mean(axis=0) for digit in range(10)])
    distances = np.sum((test_x[:, None] - means) ** 2, axis=2)
    return np.mean(np.argmin(distances, axis=1) == test_y)


images, labels = load_digits(return_X_y=True)
images = (images / 8 - 1).astype(np.float32)
right = np.zeros((SPLITS, len(SIZES) - 1))
for split in tqdm(range(SPLITS), unit="split", disable=None):
    x, test_x, y, test_y = train_test_split(images, labels, test_size=0.3, random_state=split, stratify=labels)
    model = nn.MLP(SIZES, activation="tanh", rng=split)
    adam = nn.AdamW(model.parameters(), learning_rate=0.003, weight_decay=0.1)
    nn.fit(model, nn.cross_entropy, (x, y), optimizer=adam, epochs=EPOCHS, rng=split, progress=False)
    pairs = zip(layers(model, x), layers(model, test_x), strict=True)
    right[split] = [nearest_mean(before, y, after, test_y) for before, after in pairs]

# %%
# Four units of the first layer, those whose scores tell digits apart the most. Where a weight is red, ink adds to the
# unit's score, where it is blue, ink takes away. So the score tells how well an image matches the pattern of weights:
# beside each are the means of the digits that match it best and worst.

scores = model.layers[0](images).data
by_digit = np.stack([scores[labels == digit].mean(axis=0) for digit in range(10)])
means = np.stack([images[labels == digit].mean(axis=0) for digit in range(10)])
weights = model.layers[0].weights.data
limit = np.abs(weights).max()
figure = plt.figure(figsize=(9, 4.8), layout="constrained")
left, side = figure.subfigures(1, 2, width_ratios=[4, 4])
axes = left.subplots(4, 3, subplot_kw={"xticks": [], "yticks": []})
for unit, row in zip(np.argsort(by_digit.std(axis=0))[::-1], axes, strict=False):
    row[0].imshow(means[np.argmax(by_digit[:, unit])].reshape(8, 8), cmap="gray_r")
    shown = row[1].imshow(weights[:, unit].reshape(8, 8), cmap="RdBu_r", vmin=-limit, vmax=limit)
    row[2].imshow(means[np.argmin(by_digit[:, unit])].reshape(8, 8), cmap="gray_r")
for axis, title in zip(axes[0], ("matches best", "weights", "matches worst"), strict=True):
    axis.set_title(title)
left.colorbar(
    shown, ax=axes, location="bottom", label="weight (blue: ink takes from the score, red: it adds)", aspect=40
)
plot = side.subplots()
plot.plot(100 * right.T, color=BLUE, alpha=0.25)
plot.plot(100 * right.mean(axis=0), "o-", color=BLUE, linewidth=2.5)
plot.set(title="Test images nearest to their class's mean, %", xticks=range(right.shape[1]))
plot.set(xticklabels=["image", *(f"layer {ell}" for ell in range(1, right.shape[1]))])
plt.show()

# %%
mean, spread = right.mean(axis=0), right.std(axis=0)
where = ["of images", *(f"after layer {ell}" for ell in range(1, len(mean)))]
found = ", ".join(
    f"{m:.1%}{f' ± {s:.1%}' * (SPLITS > 1)} {there}" for m, s, there in zip(mean, spread, where, strict=True)
)
print(f"Nearest to the mean of their class in test are {found} ({SPLITS} split{'s' * (SPLITS > 1)}).")
assert mean[1] > mean[0] + 0.02, "the first layer does not take the classes apart"
assert mean[-1] > mean[0] + 0.03, "the last layer does not take the classes apart"
