"""How far single examples agree on a gradient: the numbers beside a loop, and what is said of them on drawn nets."""

import re

import numpy as np
import pytest

import nn
from autograd_mini import GradientNoise, in_words


def looped(model, loss, x, y):
    """The gradient of each example, by name, one backward at a time."""
    found = {}
    for i in range(len(x)):
        model.zero_grad()
        loss(model(x[i : i + 1]), y[i : i + 1]).backward()
        for name, parameter in model.named_parameters():
            found.setdefault(name, []).append(parameter.grad.ravel())
    model.zero_grad()
    return {name: np.array(rows, np.float64) for name, rows in found.items()}


def by_hand(rows):
    """Agreement: the mean product of two different examples' gradients, of the mean square."""
    products = rows @ rows.T
    count = len(rows)
    return (products.sum() - np.trace(products)) / (count - 1) / np.trace(products)


def left_out(rows, groups=16):
    """Its jackknife error."""
    parts = [by_hand(np.delete(rows, np.s_[i::groups], axis=0)) for i in range(groups)]
    return np.sqrt((groups - 1) * np.var(parts))


def drawn(seed, sizes=(5, 7, 6, 3), count=40, dtype="float64"):
    rng = np.random.default_rng(seed)
    model = nn.MLP([*sizes], rng.choice(["tanh", "relu", "sigmoid"]), rng=seed, dtype=dtype)
    return model, rng.standard_normal((count, sizes[0])), rng.integers(0, sizes[-1], count)


@pytest.mark.parametrize(("seed", "chunk"), [(0, None), (1, 7), (2, 16), (3, 1)])
def test_the_numbers_are_those_of_a_loop(seed, chunk):
    model, x, y = drawn(seed)
    rows = looped(model, nn.cross_entropy, x, y)
    found = nn.gradient_noise(model, nn.cross_entropy, x, y, chunk=chunk)
    for noise, expected in [
        (found.model, np.hstack([*rows.values()])),
        *((found.parameters[k], rows[k]) for k in rows),
    ]:
        assert noise.examples == 40
        np.testing.assert_allclose(noise.agreement, by_hand(expected), rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(noise.error, left_out(expected), rtol=1e-7)
        np.testing.assert_allclose(noise, GradientNoise.of(expected), rtol=1e-7, atol=1e-12)
        mean = expected.mean(axis=0)
        spread = np.trace(np.cov(expected.T))  # unbiased, and so is |mean|^2 - spread / N
        agreed = mean @ mean - spread / 40
        np.testing.assert_allclose(noise.scale, spread / agreed if agreed > 0 else np.inf, rtol=1e-7)


@pytest.mark.parametrize("unit", [1e-25, 1e-170, 1e150])
def test_gradients_of_any_size_have_the_same_noise(unit):
    model, x, y = drawn(4)
    plain, scaled = (nn.gradient_noise(model, lambda s, t, k=k: k * nn.cross_entropy(s, t), x, y) for k in (1.0, unit))
    np.testing.assert_allclose(scaled.model, plain.model, rtol=1e-6)


def test_the_estimates_are_right_on_average_and_know_their_error():
    rng = np.random.default_rng(0)
    truth, right, means = 8 / (0.25 * 8), 0, []
    for _ in range(400):
        noise = GradientNoise.of(0.5 + rng.standard_normal((64, 8)))
        low, high = noise.between
        right += low <= truth <= high
        means.append(noise.agreement)
    assert right > 0.9 * 400
    assert abs(np.mean(means) - 1 / (1 + truth)) < 0.01


def test_gradients_without_a_mean_are_said_to_be_so():
    rng = np.random.default_rng(1)
    endless = [GradientNoise.of(rng.standard_normal((64, 50))).between[1] for _ in range(200)]
    assert np.mean(np.isinf(endless)) > 0.9


def test_examples_that_all_agree_need_no_others():
    noise = GradientNoise.of(np.ones((20, 3)))
    assert noise[1:] == (1.0, 0.0)
    assert noise.scale == 0
    assert noise.share == 1


@pytest.mark.parametrize("count", [1, 2, 3, 17])
def test_few_examples_tell_little_and_do_not_fail(count):
    noise = GradientNoise.of(np.random.default_rng(0).standard_normal((count, 4)))
    assert np.isnan(noise.error) == (count < 3)
    assert np.isnan(noise.agreement) == (count < 2)


def measured(seed, count, shuffle):
    """Separable data at the start; or a net trained to the shares of the classes, whose labels are shuffled."""
    rng = np.random.default_rng(seed)
    width, depth = int(rng.integers(8, 40)), int(rng.integers(1, 4))
    model = nn.MLP([6, *[width] * depth, 2], rng.choice(["tanh", "relu"]), rng=seed, dtype=float)
    x = rng.standard_normal((4000, 6))
    y = (x[:, 0] + x[:, 1] > 0).astype(int)
    if shuffle:
        y = rng.permutation(y)
        nn.fit(model, nn.cross_entropy, (x, y), optimizer=nn.Adam(model.parameters(), 0.01), epochs=2, progress=False)
    chosen = rng.integers(0, len(x), count)
    seen = nn.signals(model, nn.cross_entropy, x[chosen], y[chosen], noise=True)
    return seen, nn.gradient_noise(model, nn.cross_entropy, x, y)


def test_shuffled_labels_are_said_to_be_noise_and_need_more_examples():
    called = 0
    for seed in range(8):
        seen, truth = measured(seed, 64, True)
        said = next(text for text in seen.findings if text.startswith(("The gradient is mostly", "Gradient noise")))
        least = re.search(r"more than ([\d,.]+\d)|\(([\d,.]+) to", said)
        assert float((least[1] or least[2]).replace(",", "")) < truth.model.scale
        called += said.startswith("The gradient is mostly noise")
        assert truth.model.scale > 64
    assert called >= 2


@pytest.mark.parametrize("seed", range(6))
def test_separable_data_agree_at_the_start(seed):
    seen, truth = measured(seed, 256, False)
    low, high = seen.model_noise.between
    assert low < 1.3 * truth.model.scale
    assert truth.model.scale < 1.3 * high
    (said,) = (text for text in seen.findings if "oise" in text and "weights" not in text)
    assert said.startswith("Gradient noise: of the mean over 256 examples")
    assert in_words(round(seen.model_noise.scale)) in said


def test_the_layers_have_it_in_the_table_the_page_and_the_plot(tmp_path):
    seen, _ = measured(0, 64, False)
    rows = seen.table()
    assert (rows["agreement"] == [seen.noise[layer.number].agreement for layer in seen.layers]).all()
    assert "noise scale" in str(seen)
    pytest.importorskip("matplotlib")
    seen.plot("noise", seen)
    seen.save(tmp_path / "page.html")
    assert "noise scale" in (tmp_path / "page.html").read_text()
    assert "Is it noise?" in (tmp_path / "page.html").read_text()


def test_it_is_off_by_default_and_says_how_to_ask():
    model, x, y = drawn(0)
    seen = nn.signals(model, nn.cross_entropy, x, y)
    assert "agree" not in str(seen)
    pytest.importorskip("matplotlib")
    with pytest.raises(ValueError, match="noise=True"):
        seen.plot("noise")


def test_a_model_of_which_examples_depend_on_one_another_says_why_there_is_none():
    model = nn.Sequential(nn.Linear(5, 4, rng=0), nn.BatchNorm(4), nn.Linear(4, 2, rng=1))
    _, x, y = drawn(0, sizes=(5, 2))
    seen = nn.signals(model, nn.cross_entropy, x, y, noise=True)
    assert any(text.startswith("No gradient noise was measured. ") and "BatchNorm" in text for text in seen.findings)
    log = nn.SignalLog(model, noise=(nn.cross_entropy, x, y))
    log.backward(nn.cross_entropy(model(x), y))
    assert "no gradient noise is measured" in log.findings[0]


def test_measuring_it_changes_nothing_of_the_model():
    _, x, y = drawn(0)
    models = [nn.Sequential(nn.Linear(5, 8, rng=0), nn.Dropout(0.5, rng=1), nn.Linear(8, 3, rng=2)) for _ in range(2)]
    probe = nn.cross_entropy, x, y
    logs = [nn.SignalLog(models[0], every=1), nn.SignalLog(models[1], every=1, noise=probe)]
    for model, log in zip(models, logs, strict=True):
        sgd = nn.SGD(model.parameters(), 0.1)
        for _ in range(3):
            sgd.zero_grad()
            log.backward(nn.cross_entropy(model(x), y))
            sgd.step()
    nn.signals(models[1], nn.cross_entropy, x, y, noise=True)
    np.testing.assert_array_equal(*(model(x).data for model in models))
    history = logs[1].history("noise_scale")
    assert history.shape == (2, 3)
    assert (history > 0).all()
    assert "noise_scale, first" in str(logs[1])
    pytest.importorskip("matplotlib")
    logs[1].plot()


def test_a_log_says_since_when_the_gradient_is_noise():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((256, 4))
    y = (x[:, 0] + rng.standard_normal(256) > 0).astype(int)  # not separable: at the best weights the mean is 0
    model = nn.Linear(4, 2, rng=0, dtype=float)
    log = nn.SignalLog(model, every=10, noise=(nn.cross_entropy, x, y))
    sgd = nn.SGD(model.parameters(), 0.5)
    for _ in range(200):
        sgd.zero_grad()
        log.backward(nn.cross_entropy(model(x), y))
        sgd.step()
    told = [text for text in log.findings if "mostly noise" in text]
    step = int(re.search(r"step (\d+) the gradient is mostly noise: it takes more than", told[0])[1])
    assert step > 0
    assert log.history("noise_scale")[0, 0] < 64
    assert log.history("noise_scale")[0, log.steps.index(step)] > 256


def test_what_a_log_cannot_use_is_told():
    with pytest.raises(ValueError, match=r"noise=\(nn.cross_entropy"):
        nn.SignalLog(nn.Linear(2, 1), noise=True)


def test_examples_that_are_all_alike_need_one():
    model, x, y = drawn(0)
    seen = nn.signals(model, nn.cross_entropy, np.repeat(x[:1], 32, axis=0), np.repeat(y[:1], 32), noise=True)
    assert any("100% is in common" in text and "about 1 example (1 to 1)" in text for text in seen.findings)
