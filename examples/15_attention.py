"""Attention spells words backwards: each place of the result looks up the one letter that it needs, wherever it is.

The words are those of Python's own manual, a tenth of them kept for the test. A place knows its letter, how many are
before it and how many after it. The same net, when a mask lets each place read itself alone, can only guess.

Slides: Challenges and Key Techniques for Deep Learning
Lives in: nn.MultiHeadAttention, nn.Embedding, nn.Linear, nn.Module, nn.Adam, nn.cross_entropy
"""

import re
from pydoc_data.topics import topics

import matplotlib.pyplot as plt
import numpy as np
from gallery import claim, fast, save

import nn

LONGEST, UNITS = 10, 48
SEEDS, STEPS = (2, 200) if fast() else (5, 1000)
SHOWN = "attention", "backward"


def words():
    """The manual's words of 3 to 10 letters as numbers, 1 for a; 0 follows where a word has ended."""
    found = sorted(set(re.findall(r"\b[a-z]{3,10}\b", " ".join(topics.values()))) - set(SHOWN))
    return np.random.default_rng(0).permutation(list(map(coded, found)))


def coded(word):
    return [ord(letter) - ord("a") + 1 for letter in word] + [0] * (LONGEST - len(word))


def backwards(codes):
    """The answers: each word from its last letter to its first."""
    return np.array([[*row[row > 0][::-1], *row[row == 0]] for row in codes])


class Speller(nn.Module):
    """Letters and places as vectors, one look at all letters, and a guess at each place."""

    def __init__(self, rng):
        super().__init__()
        self.letter = nn.Embedding(27, UNITS, rng=rng)
        self.before, self.after = (nn.Embedding(LONGEST, UNITS, rng=rng) for _ in range(2))
        self.attention = nn.MultiHeadAttention(UNITS, heads=1, rng=rng)
        self.guess = nn.Linear(UNITS, 27, rng=rng)

    def forward(self, codes, alone=False):
        known, place = codes > 0, np.arange(LONGEST)
        left = np.maximum(known.sum(axis=1, keepdims=True) - 1 - place, 0)
        x = self.letter(codes) + self.before(place) + self.after(left)
        may = np.eye(LONGEST, dtype=bool) if alone else known[:, None, :]  # nothing reads beyond the word's end
        read, weights = self.attention(x, mask=may, weights=True)
        return self.guess(read), weights


def train(train_x, alone, seed):
    rng = np.random.default_rng(seed)
    model = Speller(rng)
    adam = nn.Adam(model.parameters(), nn.schedules.cosine(0.005, steps=STEPS))
    for _ in range(STEPS):
        codes = train_x[rng.integers(0, len(train_x), 64)]
        scores = model(codes, alone)[0]
        adam.zero_grad()
        nn.cross_entropy(scores[codes > 0], backwards(codes)[codes > 0]).backward()
        adam.step()
    return model


def letters_right(model, codes, alone):
    return np.mean((np.argmax(model(codes, alone)[0].data, axis=-1) == backwards(codes))[codes > 0])


def picture(model, rights):
    figure, axes = plt.subplots(1, len(SHOWN), figsize=(9, 4.4), layout="constrained")
    for ax, word in zip(axes, SHOWN, strict=True):
        scores, weights = model(np.array([coded(word)]))
        n = len(word)
        spelt = "".join(chr(ord("a") - 1 + code) for code in np.argmax(scores.data[0, :n], axis=-1))
        image = ax.imshow(weights.data[0, 0, :n, :n], cmap="viridis", vmin=0, vmax=1)
        ax.set(xticks=range(n), xticklabels=word, xlabel="letter that is read")
        ax.set(yticks=range(n), yticklabels=spelt, ylabel="letter that is written")
    figure.colorbar(image, ax=axes, label="share of what is read", shrink=0.8)
    figure.suptitle(f"Each place looks where its letter is: {rights.mean():.1%} of the letters of new words are right")
    return figure


codes = words()
test_x, train_x = np.split(codes, [len(codes) // 10])
models = {alone: [train(train_x, alone, seed) for seed in range(SEEDS)] for alone in (False, True)}
rights = {alone: np.array([letters_right(m, test_x, alone) for m in models[alone]]) for alone in models}
save(picture(models[False][0], rights[False]), __file__)
looking, guessing = (f"{r.mean():.1%} +- {r.std(ddof=1):.1%}" for r in rights.values())
claim(
    rights[False].min() > 0.9 and rights[True].max() < 0.5,
    f"Of the letters of {len(test_x)} new words spelt backwards, {looking} are right with attention, "
    f"{guessing} where each place reads itself alone ({SEEDS} seeds).",
)
