"""
Convolution
===========

A convNet looks for the same small patterns at each place of an image, and errs less than an MLP of its size.

:Slides: Shallow versus Deep Neural Networks; Meaningfulness of Deep Learning; Challenges and Key Techniques for Deep
    Learning
:Uses: `nn.Conv2d`, `nn.MaxPool2d`, `nn.Flatten`, `nn.MLP`, `nn.AdamW`, `nn.fit`, `nn.predict`
:Measured: A convNet of 6,090 parameters errs on 1.6% ± 0.5% of test digits, an MLP of 6,085 on 2.4% ± 0.6% (15 splits,
    the convNet better in 14); moved by one pixel, on 27% and 53%.
"""

import sys

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from tqdm import tqdm

import nn

FAST = "--fast" in sys.argv  # seconds, with rougher numbers
SPLITS, EPOCHS = (2, 6) if FAST else (15, 20)

# %%
# Two networks of one size. The MLP has a weight of its own for each pixel. The convNet moves patterns of 3 x 3 weights
# over the image; each pooling keeps the best match among 2 x 2 neighbours.

MODELS = {
    "MLP": lambda rng: nn.Sequential(nn.Flatten(), *nn.MLP([64, 81, 10], activation="relu", init="he", rng=rng)),
    "convNet": lambda rng: nn.Sequential(
        *(nn.Conv2d(1, 16, kernel=3, padding="same", rng=rng), nn.ReLU(), nn.MaxPool2d(2)),  # 16 maps of 4 x 4
        *(nn.Conv2d(16, 32, kernel=3, padding="same", rng=rng), nn.ReLU(), nn.MaxPool2d(2)),  # 32 maps of 2 x 2
        *(nn.Flatten(), nn.Linear(128, 10, rng=rng)),
    ),
}
sizes = [sum(p.size for p in make(np.random.default_rng(0)).parameters()) for make in MODELS.values()]
print("Parameters: {:,} and {:,}".format(*sizes))

# %%
# Both learn from 1,257 of scikit-learn's digits for as many epochs with the same optimizer; the other 540 are the test.
# They are tested once more with each image moved by one pixel to the left and to the right, as none was in training.

moved = lambda x, d: np.pad(x, [(0, 0)] * 3 + [(1, 1)])[..., 1 - d : 9 - d]  # to the right, or to the left if d < 0
images, labels = load_digits(return_X_y=True)
images = (images / 8).astype(np.float32).reshape(-1, 1, 8, 8)
wrong = np.zeros((2, len(MODELS), SPLITS))  # per cent, as they are and moved
for split in tqdm(range(SPLITS), unit="split", disable=None):
    x, test_x, y, test_y = train_test_split(images, labels, test_size=540, random_state=split, stratify=labels)
    for i, make in enumerate(MODELS.values()):
        model = make(np.random.default_rng(split))
        adam = nn.AdamW(model.parameters(), 0.003, weight_decay=0.1)
        nn.fit(model, nn.cross_entropy, (x, y), optimizer=adam, epochs=EPOCHS, rng=split, progress=False)
        aside, here, other = (100 - 100 * nn.accuracy(nn.predict(model, moved(test_x, d)), test_y) for d in (-1, 0, 1))
        wrong[:, i, split] = here, (aside + other) / 2

# %%
# Right of the errors is what the last convNet looks for in three images. Where a pattern is red, ink adds to its score;
# where it is blue, ink takes away from it. The darker a place, the better the pattern matches there.

figure = plt.figure(figsize=(9, 4.4), layout="constrained")
left, right = figure.subfigures(1, 2, width_ratios=[5, 6])
ticks = [1, 2, 5, 10, 20, 50]
for axis, pairs, title in zip(left.subplots(1, 2, sharey=True), wrong, ("test images", "moved one pixel"), strict=True):
    axis.semilogy([0, 1], pairs, subs=[], color="0.75", linewidth=0.8)
    for side, (values, colour) in enumerate(zip(pairs, ("#D55E00", "#0072B2"), strict=True)):
        axis.plot(np.full(SPLITS, side), values, "o", color=colour, alpha=0.35, markersize=5)
        axis.plot(side, values.mean(), "D", color=colour, markersize=9)
    axis.set(xlim=(-0.4, 1.4), xticks=[0, 1], xticklabels=MODELS, yticks=ticks, yticklabels=ticks, title=title)
left.axes[0].set_ylabel(f"wrong, % ({SPLITS} splits and their mean)")

first = model.layers[0]
digits = np.stack([test_x[test_y == digit][0] for digit in (2, 4, 7)])
match = np.maximum(first(digits).data, 0)
shown = np.argsort(first.weights.data.std(axis=(1, 2, 3)))[::-1][:3]  # the patterns with the most contrast
axes = right.subplots(4, 4, subplot_kw={"xticks": [], "yticks": []})
axes[0, 0].set_axis_off()
axes[0, 0].text(0.5, 0.5, "red: ink adds\nblue: ink\ntakes away", ha="center", va="center", fontsize=11)
limit = np.abs(first.weights.data[shown]).max()
for row, unit in zip(axes[1:], shown, strict=True):
    weights = row[0].imshow(first.weights.data[unit, 0], cmap="RdBu_r", vmin=-limit, vmax=limit)
    for top, axis, digit, places in zip(axes[0, 1:], row[1:], digits, match[:, unit], strict=True):
        top.imshow(digit[0], cmap="gray_r")
        score = axis.imshow(places, cmap="Purples", vmin=0, vmax=match[:, shown].max())
right.colorbar(weights, ax=axes[:, :1], location="bottom", label="weight")
right.colorbar(score, ax=axes[:, 1:], location="bottom", label="score, if positive")
right.suptitle("3 of its 16 patterns, and where they match")
plt.show()

# %%
mlp, convnet = [f"{w.mean():.1f}% ± {w.std():.1f}%" for w in wrong[0]]
print(
    f"A convNet of {sizes[1]:,} parameters errs on {convnet} of test digits, an MLP of {sizes[0]:,} on {mlp} ({SPLITS} "
    f"splits, the convNet better in {np.sum(wrong[0, 1] < wrong[0, 0])}); moved by one pixel, on "
    f"{wrong[1, 1].mean():.0f}% and {wrong[1, 0].mean():.0f}%."
)
assert (wrong.mean(axis=2)[:, 1] < wrong.mean(axis=2)[:, 0]).all(), "the numbers do not say so"
