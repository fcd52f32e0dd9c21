"""The usual tutorials of the field, written with what nn has: a few steps of each learn something."""

import itertools

import numpy as np

import nn


class Writer(nn.Module):
    """Scores of the next character, from all before."""

    def __init__(self, characters, rng):
        super().__init__()
        self.table = nn.Embedding(characters, 8, rng=rng)
        self.reads = nn.LSTM(8, 32, layers=2, rng=rng)
        self.scores = nn.Linear(32, characters, rng=rng)

    def forward(self, x, state=None):
        states, last = self.reads(self.table(x), state)
        return self.scores(states), last


def test_a_character_lstm_learns_a_text_and_writes_it():
    text = "the cat sat on the mat. " * 24
    characters = sorted(set(text))
    streams = np.array([characters.index(c) for c in text]).reshape(8, -1)
    model = Writer(len(characters), np.random.default_rng(0))
    adam = nn.Adam(model.parameters(), 0.02)
    for _ in range(16):
        state = None
        for i in range(0, 60, 12):
            adam.zero_grad()
            scores, state = model(streams[:, i : i + 12], state)
            nn.cross_entropy(scores, streams[:, i + 1 : i + 13]).backward()
            nn.clip_norm(model.parameters(), 1.0)
            adam.step()
            state = tuple(part.detach() for part in state)
    written, state = [characters.index("t")], None
    for _ in range(23):
        scores, state = model([written[-1:]], state)
        written.append(nn.classify(scores[0])[0])
    assert "".join(characters[i] for i in written) in text


class UNet(nn.Module):
    """What each pixel belongs to: down to few pixels and up again, past which the fine ones are handed on."""

    def __init__(self, rng, width=6):
        super().__init__()

        def block(d_in, d_out):
            conv = nn.Conv2d(d_in, d_out, 3, padding="same", rng=rng)
            return nn.Sequential(conv, nn.GroupNorm(2, d_out), nn.SELU())

        widths = [1, width, 2 * width, 4 * width]
        self.down = [block(*pair) for pair in itertools.pairwise(widths)]
        self.pool = nn.MaxPool2d(2)
        self.up = [nn.ConvTranspose2d(2 * w, w, 2, stride=2, rng=rng) for w in widths[-2:0:-1]]
        self.join = [block(2 * w, w) for w in widths[-2:0:-1]]
        self.out = nn.Conv2d(width, 1, 1, rng=rng)

    def forward(self, x):
        fine = []
        for block in self.down:
            x = block(self.pool(x) if fine else x)
            fine.append(x)
        fine.pop()
        for up, join in zip(self.up, self.join, strict=True):
            x = join(np.concatenate([up(x), fine.pop()], axis=1))
        return self.out(x)


def discs(examples, rng):
    """Discs behind noise, and where they are."""
    down, across = np.mgrid[:12, :12]
    middle, radius = rng.uniform(3, 9, (2, examples, 1, 1)), rng.uniform(2, 4, (examples, 1, 1))
    inside = (down - middle[0]) ** 2 + (across - middle[1]) ** 2 < radius**2
    noisy = inside + 0.8 * rng.standard_normal(inside.shape)
    return noisy[:, None].astype(np.float32), inside[:, None].astype(np.float32)


def test_a_u_net_finds_discs_in_noise():
    rng = np.random.default_rng(0)
    (x, y), (other, truth) = discs(96, rng), discs(48, rng)
    model = UNet(rng)
    nn.fit(model, nn.logistic_loss, (x, y), optimizer=lambda p: nn.AdamW(p, 0.01), epochs=8, batch_size=16, rng=0)

    def overlap(found):
        return np.sum(found & (truth > 0)) / np.sum(found | (truth > 0))

    assert overlap(other > 0.5) < 0.4
    assert overlap(nn.predict(model, other) > 0) > 0.6


class Tagger(nn.Module):
    """What each word of a sentence is, read from both sides."""

    def __init__(self, words, tags, rng):
        super().__init__()
        self.table = nn.Embedding(words, 8, rng=rng)
        self.reads = nn.LSTM(8, 12, bidirectional=True, rng=rng)
        self.scores = nn.Linear(24, tags, rng=rng)

    def forward(self, x, lengths):
        states, _ = self.reads(self.table(x), lengths=lengths)
        return self.scores(states)


def sentences(count, rng):
    """Words and their tags: whether the word comes before the first 0, is one, or comes after it."""
    words = [rng.integers(0, 6, rng.integers(2, 13)) for _ in range(count)]
    seen = [np.maximum.accumulate(sentence == 0) for sentence in words]
    return words, [np.where(sentence == 0, 1, 2 * after) for sentence, after in zip(words, seen, strict=True)]


def test_sequence_labelling_with_padding():
    rng = np.random.default_rng(0)
    (x, y), (other, truth) = sentences(300, rng), sentences(60, rng)
    pad = nn.data.padded()
    data = nn.DataLoader(x, y, batch_size=16, shuffle=True, rng=0, collate=pad, group_by_length=True)
    held_out = nn.DataLoader(other, truth, batch_size=16, collate=pad)
    model = Tagger(6, 3, rng)
    loss = nn.unpadded(nn.cross_entropy)
    metrics = {"accuracy": nn.unpadded(nn.accuracy), "f1": nn.unpadded(nn.f1)}
    history = nn.fit(
        model, loss, data, optimizer=lambda p: nn.Adam(p, 0.02), epochs=4, validation=held_out, metrics=metrics
    )
    assert history["val_accuracy"][-1] > 0.95
    assert history["val_f1"][-1] > 0.9
    told = nn.predict(model, nn.DataLoader(other, batch_size=16, collate=pad))
    right = [nn.accuracy(row[: len(tags)], tags) == 1 for row, tags in zip(told, truth, strict=True)]
    assert np.mean(right) > 0.7
