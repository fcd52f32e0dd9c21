"""An embedding learns for each letter a point, such that letters which are used alike lie close together.

A network reads three letters of Python's own documentation and guesses the next. It is given the letters as their
places in the alphabet, or as points of a plane or of a space of 8 dimensions, which it learns as it learns to guess.

Slides: Physical Interpretation of NNet Revisited; Meaningfulness of Deep Learning
Lives in: nn.Embedding, nn.Flatten, nn.MLP, nn.Adam, nn.fit, nn.predict
"""

import re
from pydoc_data.topics import topics

import matplotlib.pyplot as plt
import numpy as np
from gallery import claim, fast, save
from tqdm import tqdm

import nn

SEEDS, EPOCHS, LETTERS = (1, 5, 60_000) if fast() else (5, 5, 300_000)
BLUE, ORANGE = "#0072B2", "#D55E00"
ALPHABET, VOWELS = " abcdefghijklmnopqrstuvwxyz", "aeiouy"

text = re.sub("[^a-z]+", " ", " ".join(topics.values()).lower())
places = np.array([ALPHABET.index(letter) for letter in text])
windows = np.lib.stride_tricks.sliding_window_view(places, 4)
learned, test = windows[:LETTERS], windows[-50_000:]


class Places(nn.Module):
    """Letters as numbers from -1 to 1, in the order of the alphabet."""

    def forward(self, letters):
        return (letters / 13 - 1).astype(np.float32)


def embedded(dimensions, units, rng):
    """Three letters, each as its point (a row of the table of weights); the scores of the 27 that may follow."""
    points = nn.Embedding(27, dimensions, rng=rng)
    return nn.Sequential(points, nn.Flatten(), nn.MLP([3 * dimensions, units, 27], rng=rng))


MODELS = {
    "place in\nthe alphabet": lambda rng: nn.Sequential(Places(), nn.MLP([3, 72, 27], rng=rng)),
    "point of\na plane": lambda rng: embedded(2, 64, rng),
    "point in\n8 dimensions": lambda rng: embedded(8, 39, rng),
}


def bits(scores, letters):
    """How many bits the next letter takes, coded by the network's guess: the cross-entropy to base 2."""
    return nn.cross_entropy(scores, letters).item() / np.log(2)


def nearest(points):
    """For each letter the one whose point is nearest."""
    distances = np.sum((points[:, None] - points) ** 2, axis=-1)
    np.fill_diagonal(distances, np.inf)
    return np.argmin(distances, axis=1)


found = {name: [] for name in MODELS}
planes = []
for seed in tqdm(range(SEEDS), unit="seed"):
    for name, make in MODELS.items():
        model = make(np.random.default_rng(seed))
        adam = nn.Adam(model.parameters(), 0.003)
        data, options = (learned[:, :3], learned[:, 3]), {"batch_size": 200, "rng": seed, "progress": False}
        nn.fit(model, nn.cross_entropy, data, optimizer=adam, epochs=EPOCHS, **options)
        found[name].append(bits(nn.predict(model, test[:, :3]), test[:, 3]))
        if name == "point of\na plane":
            planes.append(model[0].weights.data)
vowels = [ALPHABET.index(vowel) for vowel in VOWELS]
together = np.mean([np.isin(nearest(points)[vowels], vowels) for points in planes])
parameters = [sum(p.size for p in make(np.random.default_rng(0)).parameters()) for make in MODELS.values()]

figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4.6), width_ratios=[5, 4], layout="constrained")
points = planes[0]
left.scatter(*points.T, s=0)
for letter, place in zip(ALPHABET, points, strict=True):
    style = {"color": ORANGE, "weight": "bold"} if letter in VOWELS else {"color": "black"}
    left.annotate("space" if letter == " " else letter, place, ha="center", va="center", fontsize=13, **style)
left.set(xticks=[], yticks=[], title="Points that a network learned for the letters:\nvowels lie beside vowels")
entropy = -np.sum((share := np.bincount(learned[:, 3]) / LETTERS) * np.log2(share))
right.axhline(entropy, color="0.5", linestyle="--")
right.text(2.4, entropy + 0.02, "by the letters' frequencies alone", ha="right", color="0.4")
for i, values in enumerate(found.values()):
    right.plot(np.full(SEEDS, i), values, "o", color=BLUE, alpha=0.4)
    right.plot(i, np.mean(values), "D", color=BLUE, markersize=9)
right.set(xlim=(-0.5, 2.5), xticks=range(3), xticklabels=MODELS, ylabel="bits for the next letter, in test")
right.set(title="It guesses better from points than from numbers")
save(figure, __file__)
place, plane, space = (f"{np.mean(values):.2f} ± {np.std(values):.2f}" for values in found.values())
claim(
    sorted(found.values(), reverse=True) == list(found.values()) and together > 0.4,
    f"Of letters as numbers a network learns to tell the next with {place} bits, of learned points of a plane with "
    f"{plane}, of 8 dimensions with {space} ({min(parameters):,} to {max(parameters):,} parameters, {SEEDS} seeds); in "
    f"the plane {together:.0%} of the vowels lie nearest to a vowel, by chance it were 19%.",
)
