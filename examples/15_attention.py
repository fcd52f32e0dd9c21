"""
Attention
=========

Attention spells words backwards: each place of the result looks up the one letter that it needs, wherever it is.

:Slides: Challenges and Key Techniques for Deep Learning
:Uses: `nn.MultiHeadAttention`, `nn.Embedding`, `nn.Linear`, `nn.Module`, `nn.Adam`, `nn.cross_entropy`
:Measured: Of the letters of 244 new words spelt backwards, 100.0% ± 0.0% are right with attention, 20.5% ± 0.2% where
    each place reads itself alone (5 seeds).
"""

import re
import sys
from pydoc_data.topics import topics

import matplotlib.pyplot as plt
import numpy as np

import nn

FAST = "--fast" in sys.argv  # seconds, with rougher numbers
LONGEST, UNITS, SHOWN = 10, 48, "attention"
SEEDS, STEPS = (2, 200) if FAST else (5, 1000)

# %%
# The words are those of Python's own manual with 3 to 10 letters, as numbers: 1 for a, and 0 where a word has ended. A
# tenth of them is kept for the test.

coded = lambda word: [ord(letter) - ord("a") + 1 for letter in word] + [0] * (LONGEST - len(word))
backwards = lambda codes: np.array([[*row[row > 0][::-1], *row[row == 0]] for row in codes])
words = sorted(set(re.findall(r"\b[a-z]{3,10}\b", " ".join(topics.values()))) - {SHOWN})
codes = np.random.default_rng(0).permutation([coded(word) for word in words])
test_x, train_x = np.split(codes, [len(codes) // 10])

# %%
# Each place has a vector of its letter, of how many are before it and of how many are after it. It looks once at all
# letters, and names one by what it reads. The same net, when a mask lets each place read itself alone, can only guess.


class Speller(nn.Module):
    def __init__(self, rng):
        super().__init__()
        self.letter = nn.Embedding(27, UNITS, rng=rng)
        self.before, self.after = (nn.Embedding(LONGEST, UNITS, rng=rng) for _ in range(2))
        self.attention = nn.MultiHeadAttention(UNITS, heads=1, rng=rng)
        self.guess = nn.Linear(UNITS, 27, rng=rng)

    def forward(self, codes, alone):
        known, place = codes > 0, np.arange(LONGEST)
        left = np.maximum(known.sum(axis=1, keepdims=True) - 1 - place, 0)
        x = self.letter(codes) + self.before(place) + self.after(left)
        may = np.eye(LONGEST, dtype=bool) if alone else known[:, None, :]  # nothing reads beyond the word's end
        read, weights = self.attention(x, mask=may, weights=True)
        return self.guess(read), weights


def trained(alone, seed):
    rng = np.random.default_rng(seed)
    model = Speller(rng)
    adam = nn.Adam(model.parameters(), nn.schedules.cosine(0.005, steps=STEPS))
    for _ in range(STEPS):
        codes = train_x[rng.integers(0, len(train_x), 64)]
        adam.zero_grad()
        nn.cross_entropy(model(codes, alone)[0][codes > 0], backwards(codes)[codes > 0]).backward()
        adam.step()
    return model


# %%
# Above is the word that is read, below what is written, wrong letters in orange. A line leads from each written letter
# to what its place reads, the thicker, the larger the share. Lines that cross in the middle turn the word round.

_, axes = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained", subplot_kw={"frame_on": False})
rights, n = {}, len(SHOWN)
for alone, axis, title in zip((False, True), axes, ("attention", "each place reads itself"), strict=True):
    models = [trained(alone, seed) for seed in range(SEEDS)]
    written = [np.argmax(model(test_x, alone)[0].data, axis=-1) for model in models]
    rights[alone] = np.array([np.mean((codes == backwards(test_x))[test_x > 0]) for codes in written])
    scores, weights = models[0](np.array([coded(SHOWN)]), alone)
    for i, code in enumerate(np.argmax(scores.data[0, :n], axis=-1)):
        for j, share in enumerate(weights.data[0, 0, i, :n]):
            axis.plot([j, i], [1, 0], color="#0072B2", linewidth=4 * share)
        colour = "black" if code == coded(SHOWN)[n - 1 - i] else "#D55E00"
        axis.text(i, -0.16, chr(ord("a") - 1 + code), ha="center", fontsize=15, color=colour)
        axis.text(i, 1.06, SHOWN[i], ha="center", fontsize=15)
    axis.text(-1, 1.06, "reads", ha="right", fontsize=12)
    axis.text(-1, -0.16, "writes", ha="right", fontsize=12)
    axis.set(xlim=(-3, n), ylim=(-0.2, 1.2), xticks=[], yticks=[], title=f"{title}: {rights[alone].mean():.0%} right")
plt.show()

# %%
looking, guessing = (f"{r.mean():.1%} ± {r.std(ddof=1):.1%}" for r in rights.values())
print(
    f"Of the letters of {len(test_x)} new words spelt backwards, {looking} are right with attention, "
    f"{guessing} where each place reads itself alone ({SEEDS} seeds)."
)
assert rights[False].min() > 0.9, "attention does not spell backwards"
assert rights[True].max() < 0.5, "it does without attention"
