"""A convNet looks for the same small patterns at each place of an image, and errs less than an MLP of its size.

Both learn from 1,257 of scikit-learn's digits for as many epochs with the same optimizer; the other 540 are the test.

Slides: Shallow versus Deep Neural Networks; Meaningfulness of Deep Learning; Challenges and Key Techniques for Deep
    Learning
Lives in: nn.Conv2d, nn.MaxPool2d, nn.Flatten, nn.MLP, nn.AdamW, nn.fit, nn.predict
"""

import matplotlib.pyplot as plt
import numpy as np
from gallery import claim, fast, save
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from tqdm import tqdm

import nn

SPLITS, EPOCHS = (2, 6) if fast() else (15, 20)
BLUE, ORANGE = "#0072B2", "#D55E00"


def convnet(rng):
    """Two layers of patterns of 3 x 3; each pooling keeps the best match among 2 x 2 neighbours."""
    return nn.Sequential(
        *(nn.Conv2d(1, 16, kernel=3, padding="same", rng=rng), nn.ReLU(), nn.MaxPool2d(2)),  # 16 maps of 4 x 4
        *(nn.Conv2d(16, 32, kernel=3, padding="same", rng=rng), nn.ReLU(), nn.MaxPool2d(2)),  # 32 maps of 2 x 2
        *(nn.Flatten(), nn.Linear(128, 10, rng=rng)),
    )


def mlp(rng):
    """Each of 81 units has a weight of its own for each pixel."""
    return nn.Sequential(nn.Flatten(), *nn.MLP([64, 81, 10], activation="relu", init="he", rng=rng))


def aside(x, pixels):
    """The images moved to the right, or to the left if negative; what comes in is blank."""
    moved = np.zeros_like(x)
    moved[..., max(pixels, 0) : 8 + min(pixels, 0)] = x[..., max(-pixels, 0) : 8 - max(pixels, 0)]
    return moved


images, labels = load_digits(return_X_y=True)
images = (images / 8).astype(np.float32).reshape(-1, 1, 8, 8)
sizes = {make: sum(p.size for p in make(np.random.default_rng(0)).parameters()) for make in (mlp, convnet)}
error, moved_error = ({mlp: [], convnet: []} for _ in range(2))
for split in tqdm(range(SPLITS), unit="split"):
    x, test_x, y, test_y = train_test_split(images, labels, test_size=540, random_state=split, stratify=labels)
    for make in (mlp, convnet):
        model = make(np.random.default_rng(split))
        adam = nn.AdamW(model.parameters(), 0.003, weight_decay=0.1)
        nn.fit(model, nn.cross_entropy, (x, y), optimizer=adam, epochs=EPOCHS, rng=split, progress=False)
        wrong = {d: 100 - 100 * nn.accuracy(nn.predict(model, aside(test_x, d)), test_y) for d in (-1, 0, 1)}
        error[make].append(wrong[0])
        moved_error[make].append((wrong[-1] + wrong[1]) / 2)

figure = plt.figure(figsize=(10, 4.6), layout="constrained")
left, right = figure.subfigures(1, 2, width_ratios=[6, 5])
for axis, found, title in zip(
    left.subplots(1, 2), (error, moved_error), ("test images", "test images,\none pixel aside"), strict=True
):
    pairs = np.array([found[mlp], found[convnet]])
    axis.plot([0, 1], pairs, color="0.75", linewidth=0.8)
    for side, (values, colour) in enumerate(zip(pairs, (ORANGE, BLUE), strict=True)):
        axis.plot(np.full(SPLITS, side), values, "o", color=colour, alpha=0.35, markersize=5)
        axis.plot(side, values.mean(), "D", color=colour, markersize=9)
    axis.set(xlim=(-0.4, 1.4), ylim=(0, None), xticks=[0, 1], xticklabels=["MLP", "convNet"], title=title)
    axis.spines[["top", "right"]].set_visible(False)
left.axes[0].set_ylabel(f"wrong, % ({SPLITS} splits and their mean)")
left.suptitle("With as many parameters, the convNet errs less")

# The last convNet: patterns of its first layer, and where it finds them in three images.
first = model.layers[0]
digits = np.stack([test_x[test_y == digit][0] for digit in (2, 4, 7)])
found = np.maximum(first(digits).data, 0)
shown = np.argsort(first.weights.data.std(axis=(1, 2, 3)))[::-1][:4]  # those with the most contrast
axes = right.subplots(5, 4)
axes[0, 0].set_axis_off()
for column, digit in enumerate(digits):
    axes[0, 1 + column].imshow(digit[0], cmap="gray_r")
    for row, unit in enumerate(shown):
        axes[1 + row, 1 + column].imshow(found[column, unit], cmap="Purples", vmin=0, vmax=found[:, unit].max())
for row, unit in enumerate(shown):
    weights = first.weights.data[unit, 0]
    axes[1 + row, 0].imshow(weights, cmap="PuOr", vmin=-np.abs(weights).max(), vmax=np.abs(weights).max())
for axis in axes.flat:
    axis.set(xticks=[], yticks=[])
right.suptitle("4 of its 16 patterns, and where it finds them")
save(figure, __file__)

gain = np.subtract(error[mlp], error[convnet])
claim(
    gain.mean() > 0 and np.mean(moved_error[convnet]) < np.mean(moved_error[mlp]),
    f"A convNet of {sizes[convnet]:,} parameters errs on {np.mean(error[convnet]):.1f}% ± {np.std(error[convnet]):.1f}"
    f"% of test digits, an MLP of {sizes[mlp]:,} on {np.mean(error[mlp]):.1f}% ± {np.std(error[mlp]):.1f}% "
    f"({SPLITS} splits, the convNet better in {np.sum(gain > 0)}); moved by one pixel, on "
    f"{np.mean(moved_error[convnet]):.0f}% and {np.mean(moved_error[mlp]):.0f}%.",
)
