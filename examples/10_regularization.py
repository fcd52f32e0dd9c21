"""
Regularization
==============

A large net learns wrong labels by heart. Noise and restraint keep it from that; a denoising autoencoder sees noise too.

:Slides: Challenges and Key Techniques for Deep Learning
:Uses: `nn.Dropout`, `nn.GaussianNoise`, `nn.Masking`, `nn.AdamW`, `nn.EarlyStopping`, `nn.Autoencoder`, `nn.fit`
:Measured: With a fifth of the labels wrong, noise on the pixels raises the accuracy from 83.7 % to 91.9 % (10 runs),
    dropout to 90.2 %; a denoising autoencoder leaves 21% of the noise's squared error, a plain one 52%.
"""

import sys

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import nn

FAST = "--fast" in sys.argv  # seconds, with rougher numbers
EPOCHS, SEEDS = 60, range(3 if FAST else 10)
BLUE, ORANGE = "#0072B2", "#D55E00"

images, labels = load_digits(return_X_y=True)
images = ((images - images.mean()) / images.std()).astype(np.float32)

# %%
# 300 digits to learn from and 150 to validate on, a fifth of them with a random label. The test has the right labels.


def split(seed):
    rng = np.random.default_rng(seed)
    x, test_x, y, test_y = train_test_split(images, labels, train_size=450, random_state=seed, stratify=labels)
    y = np.where(rng.random(450) < 0.2, rng.integers(0, 10, 450), y)
    return (x[:300], y[:300]), (x[300:], y[300:]), (test_x, test_y)


def accuracy(seed, corrupted=lambda rng: [], dropped=lambda rng: [], decay=0.0, stop=False):
    rng = np.random.default_rng(seed)
    train, validation, (test_x, test_y) = split(seed)
    hidden = [[nn.Linear(d, 128, "he", rng=rng), nn.ReLU(), *dropped(rng)] for d in (64, 128)]
    model = nn.Sequential(*corrupted(rng), *hidden[0], *hidden[1], nn.Linear(128, 10, "he", rng=rng))
    how = {"validation": validation, "callbacks": [nn.EarlyStopping(patience=5)]} if stop else {}
    how |= {"epochs": EPOCHS, "batch_size": 20, "progress": False, "rng": rng}
    nn.fit(model, nn.cross_entropy, train, optimizer=nn.AdamW(model.parameters(), 1e-3, weight_decay=decay), **how)
    return nn.accuracy(model.eval()(test_x).data, test_y)


# %%
# One kind of regularization at a time, with the same split and the same start for each seed.

KINDS = {"nothing": {}, "weight decay": {"decay": 3.0}, "early stopping": {"stop": True}}
KINDS |= {
    "dropout of half the units": {"dropped": lambda rng: [nn.Dropout(0.5, rng)]},
    "noise on the pixels": {"corrupted": lambda rng: [nn.GaussianNoise(1.0, rng)]},
    "half the pixels masked": {"corrupted": lambda rng: [nn.Masking(0.5, rng)]},
}
found = {name: 100 * np.array([accuracy(seed, **how) for seed in SEEDS]) for name, how in KINDS.items()}
gains = {name: values - found["nothing"] for name, values in found.items()}  # by seed: the same split, the same net
for name, gain in gains.items():
    print(f"{name:28}{found[name].mean():5.1f} %, gain {gain.mean():+4.1f}, at least {gain.min():+4.1f}")

# %%
# A denoising autoencoder sees corrupted images and learns the clean ones; a plain one has never seen a corrupted one.

((x, _), _, (test_x, _)), corruption = split(0), nn.GaussianNoise(1.0, rng=0)
corrupted, rebuilt = corruption(test_x), {}
for name, noise in {"plain": None, "denoising": corruption}.items():
    model = nn.Autoencoder(nn.MLP([64, 128], rng=1), nn.Sequential(nn.Tanh(), nn.Linear(128, 64, rng=2)), noise)
    nn.fit(model, nn.squared_error, (x, x), epochs=20 if FAST else 60, batch_size=20, progress=False)
    rebuilt[name] = model.eval()(corrupted).data
errors = {name: float(np.mean((out - test_x) ** 2)) for name, out in {"nothing": corrupted, **rebuilt}.items()}
print("squared error to the clean images:", ", ".join(f"{name} {error:.2f}" for name, error in errors.items()))

_, (left, right) = plt.subplots(1, 2, figsize=(9, 3.8), width_ratios=[3, 2], layout="constrained")
for row, (name, values) in enumerate(reversed(found.items())):
    colour = ORANGE if name == "nothing" else BLUE
    left.plot(values, np.full(len(values), row), "|", color=colour, markersize=10, alpha=0.6)
    left.plot(values.mean(), row, "o", color=colour, markersize=9)
left.set(yticks=range(len(found)), yticklabels=reversed(found), title="accuracy in test, %: runs and their mean")
left.set_xlabel("orange: without regularization, blue: with it")
left.grid(axis="x", alpha=0.3)
rows = {"clean": test_x, "seen": corrupted, "rebuilt": rebuilt["denoising"]}
tiles = [[np.pad(image.reshape(8, 8), 1, constant_values=-1) for image in part[:5]] for part in rows.values()]
right.imshow(np.block(tiles), cmap="gray_r", vmin=-1, vmax=2)
right.set(xticks=[], yticks=[4.5, 14.5, 24.5], yticklabels=rows, title="a denoising autoencoder")
plt.show()

# %%
best = max(gains, key=lambda name: gains[name].mean())
print(
    f"With a fifth of the labels wrong, {best} raises the accuracy from {found['nothing'].mean():.1f} % to "
    f"{found[best].mean():.1f} % ({len(SEEDS)} runs), dropout to {found['dropout of half the units'].mean():.1f} %; a "
    f"denoising autoencoder leaves {errors['denoising'] / errors['nothing']:.0%} of the noise's squared error, a plain "
    f"one {errors['plain'] / errors['nothing']:.0%}."
)
assert gains[best].mean() > 2 and errors["denoising"] < errors["plain"], "the numbers do not say so"
