"""
Embedding
=========

An embedding learns a point for each letter; from points a network guesses the next letter better than from numbers.

:Slides: Physical Interpretation of NNet Revisited; Meaningfulness of Deep Learning
:Uses: `nn.Embedding`, `nn.Flatten`, `nn.MLP`, `nn.Adam`, `nn.fit`, `nn.predict`
:Measured: Of letters as numbers a network learns to tell the next with 3.66 ± 0.01 bits, of learned points of a plane
    with 2.75 ± 0.03, of 8 dimensions with 2.51 ± 0.02 (2,257 to 2,271 parameters, 5 seeds); in the plane 73% of the
    vowels lie nearest to a vowel, by chance it were 19%.
"""

import re
import sys
from pydoc_data.topics import topics

import matplotlib.pyplot as plt
import numpy as np
from tqdm import tqdm

import nn

FAST = "--fast" in sys.argv  # seconds, with rougher numbers
SEEDS, EPOCHS, LETTERS = (1, 5, 60_000) if FAST else (5, 5, 300_000)
ALPHABET, VOWELS = " abcdefghijklmnopqrstuvwxyz", "aeiouy"
BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#777777"

# %%
# A network reads three letters of Python's own manual and guesses the next. It is given the letters as their places in
# the alphabet, or as points of a plane or of a space of 8 dimensions, the rows of a table of weights that it learns.

text = re.sub("[^a-z]+", " ", " ".join(topics.values()).lower())
windows = np.lib.stride_tricks.sliding_window_view([ALPHABET.index(letter) for letter in text], 4)
learned, test = windows[:LETTERS], windows[-50_000:]


class Places(nn.Module):
    def forward(self, letters):
        return (letters / 13 - 1).astype(np.float32)  # from -1 to 1


def embedded(dimensions, units, rng):
    points = nn.Embedding(27, dimensions, rng=rng)
    return nn.Sequential(points, nn.Flatten(), nn.MLP([3 * dimensions, units, 27], rng=rng))


MODELS = {
    "place in\nthe alphabet": lambda rng: nn.Sequential(Places(), nn.MLP([3, 72, 27], rng=rng)),
    "point of\na plane": lambda rng: embedded(2, 64, rng),
    "point in\n8 dimensions": lambda rng: embedded(8, 39, rng),
}
bits, planes = {name: [] for name in MODELS}, []
for seed in tqdm(range(SEEDS), unit="seed", disable=None):
    for name, make in MODELS.items():
        model = make(np.random.default_rng(seed))
        adam = nn.Adam(model.parameters(), 0.003)
        options = {"epochs": EPOCHS, "batch_size": 200, "rng": seed, "progress": False}
        nn.fit(model, nn.cross_entropy, (learned[:, :3], learned[:, 3]), optimizer=adam, **options)
        bits[name].append(nn.cross_entropy(nn.predict(model, test[:, :3]), test[:, 3]).item() / np.log(2))
        if name == "point of\na plane":
            planes.append(model[0].weights.data)
parameters = [sum(p.size for p in make(np.random.default_rng(0)).parameters()) for make in MODELS.values()]

# %%
# Which letter lies nearest to each vowel? No one told the network what a vowel is.

vowels = [ALPHABET.index(vowel) for vowel in VOWELS]
distances = [np.sum((points[:, None] - points) ** 2, axis=-1) + np.diag([np.inf] * 27) for points in planes]
nearest = np.argmin(np.array(distances)[:, vowels], axis=2)
beside = np.isin(nearest, vowels)
_, (left, right) = plt.subplots(1, 2, figsize=(9, 4.4), width_ratios=[5, 4], layout="constrained")
for vowel, other in zip(vowels, nearest[0], strict=True):
    left.plot(*planes[0][[vowel, other]].T, color=ORANGE if other in vowels else GREY, linewidth=6, alpha=0.3)
left.scatter(*planes[0].T, s=0)
for letter, place in zip(ALPHABET, planes[0], strict=True):
    style = {"color": ORANGE, "weight": "bold"} if letter in VOWELS else {"color": "black"}
    left.annotate("space" if letter == " " else letter, place, ha="center", va="center", fontsize=14, **style)
left.set(xlabel="line: to a vowel's nearest letter; orange: a vowel too; grey: not", xticks=[], yticks=[])
left.set(title=f"Learned points: {beside[0].sum()} of 6 vowels lie nearest to a vowel")
share = np.bincount(learned[:, 3]) / LETTERS
right.axhline(-np.sum(share * np.log2(share)), color=GREY, linestyle="--", label="by the letters' frequencies alone")
for i, values in enumerate(bits.values()):
    right.plot(np.full(SEEDS, i), values, "o", color=BLUE, alpha=0.4)
    right.plot(i, np.mean(values), "D", color=BLUE, markersize=9)
right.set(xlim=(-0.5, 2.5), xticks=range(3), xticklabels=MODELS, ylabel="bits", title="The next letter, in test")
right.legend(loc="lower left")
plt.show()

# %%
place, plane, space = (f"{np.mean(b):.2f}" + f" ± {np.std(b):.2f}" * (SEEDS > 1) for b in bits.values())
print(
    f"Of letters as numbers a network learns to tell the next with {place} bits, of learned points of a plane with "
    f"{plane}, of 8 dimensions with {space} ({min(parameters):,} to {max(parameters):,} parameters, {SEEDS} "
    f"seed{'s' * (SEEDS > 1)}); in the plane {beside.mean():.0%} of the vowels lie nearest to a vowel, by chance it "
    f"were {5 / 26:.0%}."
)
assert sorted(bits.values(), reverse=True) == list(bits.values()), "the points do not help"
assert beside.mean() > 0.4, "vowels do not lie beside vowels"
