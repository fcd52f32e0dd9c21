"""A last batch of few examples is told of, where a BatchNorm learns from it."""

import warnings

import numpy as np
import pytest

import nn

RNG = np.random.default_rng(0)


def normed():
    return nn.Sequential(nn.Linear(3, 8, rng=0), nn.BatchNorm(8), nn.Tanh(), nn.Linear(8, 2, rng=1))


def data(count):
    x = RNG.standard_normal((count, 3)).astype(np.float32)
    return x, (x[:, 0] > 0).astype(int)


def test_a_small_last_batch_is_told_of_once_with_its_numbers():
    with pytest.warns(
        UserWarning, match=r"last batch of an epoch has 3 of 67 examples, all others have 32\."
    ) as caught:
        nn.fit(normed(), nn.cross_entropy, data(67), epochs=3)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert "`nn.BatchNorm` (1)" in str(caught[0].message)
    code = "nn.DataLoader(x, y, batch_size=32, shuffle=True, drop_last=True)"
    assert code in str(caught[0].message)
    x, y = data(67)
    nn.fit(normed(), nn.cross_entropy, eval(code, {"nn": nn, "x": x, "y": y}), epochs=1)


def frozen():
    model = normed()
    model[1].eval()
    return model


def in_evaluation():
    return normed().eval()


@pytest.mark.parametrize(
    ("model", "count", "size", "warns"),
    [
        (normed, 71, 32, True),  # the rest is 7
        (normed, 72, 32, False),
        (normed, 64, 32, False),
        (normed, 31, 32, False),  # one batch
        (normed, 23, 8, False),  # 7 beside 8
        (normed, 42, 8, True),  # 2 beside 8
        (normed, 43, 8, False),
        (in_evaluation, 67, 32, True),  # `fit` puts it into training mode
        (frozen, 67, 32, False),
        (lambda: nn.MLP([3, 4, 2], rng=0), 67, 32, False),
        (lambda: nn.changes.normalised(nn.MLP([3, 4, 2], rng=0), np.ones((4, 3)), "batch"), 67, 32, True),
        (lambda: nn.changes.normalised(nn.MLP([3, 4, 2], rng=0), np.ones((4, 3)), "layer"), 67, 32, False),
    ],
)
def test_it_is_told_of_where_it_is_much_smaller_and_a_batch_norm_learns_from_it(model, count, size, warns):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        nn.fit(model(), nn.cross_entropy, data(count), epochs=1, batch_size=size)
    assert len(caught) == warns


def test_what_has_no_length_or_is_not_trained_is_not_told_of():
    x, y = data(67)
    stream = nn.DataLoader(zip(x, y, strict=True), batch_size=32)
    nn.fit(normed(), nn.cross_entropy, stream, epochs=1)
    nn.fit(normed(), nn.cross_entropy, (x, y), epochs=0)


def test_what_it_warns_of_is_so():
    """The running statistics follow the small batch, as their newest one."""
    x, y = data(66)
    x[-2:] = 100.0
    means = []
    for loader in (nn.DataLoader(x, y, batch_size=64), nn.DataLoader(x, y, batch_size=64, drop_last=True)):
        model = normed()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            nn.fit(model, nn.cross_entropy, loader, epochs=1)
        means.append(np.max(np.abs(model[1].mean.data)))
    assert means[0] > 3 * means[1]
