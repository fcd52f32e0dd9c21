"""The mean over all examples, put together from those of batches: evaluate, validation, accumulated steps, weights."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nn
from autograd_mini import value_and_grad
from tests.nn.training.test_training import bits

CLASSES = 3
W, B = np.random.default_rng(1).standard_normal((2, CLASSES)), np.array([0.1, -0.2, 0.3])


def layer():
    made = nn.Linear(2, CLASSES, rng=0, dtype=float)
    made.weights.data, made.bias.data = W.copy(), B.copy()
    return made


def known_errors(outputs, targets, reduction="mean"):
    """A loss of one's own: the squared errors of the examples whose first target is known."""
    known = ~np.isnan(targets[..., 0])
    losses = np.sum(np.square(outputs - np.nan_to_num(targets)), axis=-1) * known
    return losses if reduction == "none" else np.sum(losses) / np.sum(known)


known_errors.count = lambda outputs, targets: ~np.isnan(targets[..., 0])


class Problem(NamedTuple):
    """Data, a loss, and how much each of its entries counts by its definition."""

    x: Any
    y: Any
    loss: Callable[..., Any]
    each: Any
    weights: Any

    def whole(self, part: slice = slice(None)) -> tuple[Callable[..., Any], float]:
        """The loss of some examples at once as a function of the layer's parameters, and how much they count."""
        x, y, each = self.x[part], self.y[part], self.each[part]
        if self.weights is not None:
            each = each * self.weights[part].reshape(-1, *[1] * (each.ndim - 1))
        v = each / np.where(self.each[part] == 0, 1, self.each[part])  # the losses have the rest in them
        total = np.sum(each)
        return lambda w, b: np.sum(self.loss(x @ w + b, y, reduction="none") * v) / total, total


def a_function(loss):
    return lambda s, y, reduction="mean": loss(s, y, reduction=reduction)


def a_function_of_anything(loss):
    return lambda *args, **options: loss(*args, **options)


@st.composite
def problems(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    steps = draw(st.sampled_from([(), (1,), (3,)]))
    shape = (draw(st.integers(1, 9)), *steps)
    x, y = rng.standard_normal((*shape, 2)), rng.standard_normal((*shape, CLASSES))
    rows, labels = rng.dirichlet(np.ones(CLASSES), shape), rng.integers(0, CLASSES, shape)
    some = np.where(rng.random(shape) < draw(st.sampled_from([0, 0.5, 0.9])), -1, labels)
    weights = draw(st.sampled_from([None, np.array([1, 9, 0.25]), np.array([0, 1, 2.0])]))
    counted = np.where(some < 0, 0, 1 if weights is None else weights[some])
    smoothing = draw(st.sampled_from([0, 0.2])) if weights is None or weights.all() else 0
    options = {"ignore_index": -1, "class_weights": weights, "label_smoothing": smoothing}
    kinds = {
        "squared": (nn.squared_error, y, np.ones_like(y)),
        "absolute": (nn.absolute_error, y, np.ones_like(y)),
        "huber": (functools.partial(nn.huber_loss, delta=0.3), y, np.ones_like(y)),
        "cosine": (nn.cosine_distance, y, np.ones(shape)),
        "logistic": (nn.logistic_loss, (y > 0).astype(float), np.ones_like(y)),
        "hinge": (nn.hinge_loss, labels, np.ones(shape)),
        "margins": (nn.hinge_loss, (y > 0).astype(int), np.ones_like(y)),
        "divergence": (nn.kl_divergence, rows, np.ones(shape)),
        "rows": (functools.partial(nn.cross_entropy, class_weights=weights), rows, np.ones(shape)),
        "logarithms": (functools.partial(nn.nll_loss, class_weights=weights, ignore_index=-1), some, counted),
        "labels": (functools.partial(nn.cross_entropy, **options), some, counted),
        "known": (known_errors, np.where(some[..., None] < 0, np.nan, y), (some >= 0).astype(float)),
    }
    kind = draw(st.sampled_from(sorted(kinds)))
    loss, target, each = kinds[kind]
    if kind != "known":
        loss = draw(st.sampled_from([lambda loss: loss, a_function, a_function_of_anything]))(loss)
    examples = rng.exponential(size=shape[0]) * (rng.random(shape[0]) < 0.8)
    return Problem(x, target, loss, each, draw(st.sampled_from([None, examples])))


class TestPartsMakeUpTheWhole:
    @given(problems(), st.integers(1, 5))
    def test_the_loss_over_the_data_and_over_validation_data(self, problem, size):
        x, y, loss, _, weights = problem
        value, total = problem.whole()
        arrays = (x, y) if weights is None else (x, y, weights)
        options = {"optimizer": lambda p: nn.SGD(p, 1e-300), "epochs": 1, "batch_size": size, "validation": arrays}
        both = [
            lambda: nn.evaluate(layer(), loss, (x, y), batch_size=size, sample_weight=weights)["loss"],
            lambda: nn.fit(layer(), loss, (x, y), sample_weight=weights, **options)["loss"][0],
        ]
        for call in both:
            if total:
                np.testing.assert_allclose(call(), value(W, B), rtol=1e-12)
            else:
                with pytest.raises(ValueError, match="no example counts"):
                    call()
        if total:
            history = nn.fit(layer(), loss, (x, y), **options)
            np.testing.assert_allclose(history["val_loss"], value(W, B), rtol=1e-12)

    @given(problems(), st.integers(1, 4), st.integers(1, 4))
    def test_an_accumulated_step_is_that_of_one_batch_of_all_its_examples(self, problem, size, accumulate):
        x, y, loss, _, weights = problem
        w, b, steps = W, B, 0
        for start in range(0, len(x), size * accumulate):
            value, total = problem.whole(slice(start, start + size * accumulate))
            if total:
                _, (dw, db) = value_and_grad(value, (0, 1))(w, b)
                w, b, steps = w - 0.1 * dw, b - 0.1 * db, steps + 1
        loader = nn.DataLoader(*((x, y) if weights is None else (x, y, weights)), batch_size=size)
        model = layer()
        sgd = nn.SGD(model.parameters(), 0.1)
        options = {"optimizer": sgd, "sample_weight": weights is not None, "accumulate": accumulate, "epochs": 1}
        if steps:
            nn.fit(model, loss, loader, **options)
        else:
            with pytest.raises(ValueError, match="no example counts"):
                nn.fit(model, loss, loader, **options)
        assert sgd.steps == steps
        np.testing.assert_allclose(model.weights.data, w, rtol=1e-11, atol=1e-13)
        np.testing.assert_allclose(model.bias.data, b, rtol=1e-11, atol=1e-13)


RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((8, 2)), np.array([0, 1, -1, 2, -1, -1, -1, 1])
EMPTY_BATCHES = np.array([0, 1, -1, -1, -1, -1, 2, -1])  # of size 2, the second and the third have no label


def ignoring(outputs, labels):
    return nn.cross_entropy(outputs, labels, ignore_index=-1)


def penalised(outputs, labels):
    return ignoring(outputs, labels) + 0.1 * np.mean(outputs**2)


def trained(loss, y=Y, size=2, **options):
    model = layer()
    options = {"optimizer": nn.SGD(model.parameters(), 0.5, momentum=0.9), "epochs": 2} | options
    history = nn.fit(model, loss, nn.DataLoader(X, y, batch_size=size), **options)
    return model, history, options["optimizer"]


class TestLossesComputedFromMeans:
    def test_evaluate_computes_them_from_all_outputs(self):
        model = layer()
        for loss in (
            penalised,
            lambda s, y: 2 * ignoring(s, y),
            lambda s, y: nn.squared_error(s, s * 0 + 1) + ignoring(s, y),
            lambda s, y: nn.squared_error(s[y >= 0], s[y >= 0] * 0 + 1) / 2,
            lambda s, y: nn.cross_entropy(s, y, ignore_index=-1, reduction="sum"),
            lambda s, y: nn.cross_entropy(s, y, ignore_index=-1, reduction="sum") / np.sum(y >= 0),
        ):
            want = loss(model(X), Y).item()
            for size in (1, 3, 5, 8):
                with np.errstate(invalid="ignore"):
                    found = nn.evaluate(model, loss, (X, Y), batch_size=size)["loss"]
                np.testing.assert_allclose(found, want, rtol=1e-12)

    def test_accumulating_them_is_refused_before_the_weights_change(self):
        for loss in (
            penalised,
            lambda s, y: nn.squared_error(s[y >= 0], s[y >= 0] * 0 + 1) / 2,
            lambda s, y: nn.squared_error(s, s * 0, reduction="sum"),
        ):
            model = layer()
            with pytest.raises(ValueError, match=r"fit\(accumulate=4\).*loss.count = lambda outputs, targets"):
                nn.fit(model, loss, nn.DataLoader(X, Y, batch_size=2), accumulate=4)
            assert bits(model) == bits(layer())

    def test_if_examples_count_alike_in_all_batches_they_are_exact(self):
        def loss(s, y):
            return nn.squared_error(s, s * 0 + 1) + 3 * nn.hinge_loss(s, np.maximum(y, 0))

        (small, *_), (big, *_) = trained(loss, size=3, accumulate=2), trained(loss, size=6)
        np.testing.assert_allclose(small.weights.data, big.weights.data, rtol=1e-12)

    def test_they_may_say_how_much_they_count(self):
        def loss(s, y):
            return 2 * ignoring(s, y)

        loss.count = lambda s, y: np.sum(y >= 0)
        (small, *_), (big, *_) = trained(loss, size=3, accumulate=2), trained(loss, size=6)
        np.testing.assert_allclose(small.weights.data, big.weights.data, rtol=1e-12)

    def test_what_has_no_label_in_one_of_its_means_is_learned_by_the_others(self):
        def loss(s, y):
            return ignoring(s, y) + nn.squared_error(s, s * 0 + 1)

        _, _, sgd = trained(loss, EMPTY_BATCHES)
        assert sgd.steps == 8

    @pytest.mark.parametrize("count", [-1, np.nan, "two", [1, np.inf]])
    def test_counts_are_numbers(self, count):
        def loss(s, y):
            return ignoring(s, y)

        loss.count = lambda s, y: count
        with pytest.raises((ValueError, TypeError), match=r"count\(outputs, targets\)` returned"):
            nn.evaluate(layer(), loss, (X, Y))


class Steps:
    def __init__(self, seen):
        self.seen = seen

    def on_step(self, run):
        self.seen.append(run.step)


class TestBatchesThatCountNothing:
    @pytest.mark.parametrize(
        "loss",
        [
            ignoring,
            known_errors,
            lambda s, y: 2 * ignoring(s, y),
            lambda s, y: nn.squared_error(s[y >= 0], s[y >= 0] * 0 + 1),
            lambda s, y: nn.hinge_loss(s[y >= 0], y[y >= 0]),
            lambda s, y: nn.cross_entropy(s, y, ignore_index=-1, reduction="sum") / np.sum(y >= 0),
        ],
    )
    def test_they_are_passed_over(self, loss):
        seen, y = [], EMPTY_BATCHES
        if loss is known_errors:
            y = np.where(y[:, None] < 0, np.nan, np.ones((8, CLASSES)))
        with np.errstate(invalid="ignore"):
            _, history, sgd = trained(
                loss, y, callbacks=[type("Seen", (), {"on_step": lambda _, run: seen.append(run.step)})()]
            )
        assert sgd.steps == 4
        assert seen == [1, 2, 3, 4]
        assert np.isfinite(history["loss"]).all()

    def test_but_the_loss_alone_refuses_them(self):
        with pytest.raises(ValueError, match="4 labels which all count nothing"):
            ignoring(np.ones((4, 3)), [-1] * 4)
        trained(ignoring, EMPTY_BATCHES)
        with pytest.raises(ValueError, match="4 labels which all count nothing"):
            ignoring(np.ones((4, 3)), [-1] * 4)

    def test_no_label_at_all_is_told(self):
        for call in (lambda: trained(ignoring, Y * 0 - 1), lambda: nn.evaluate(layer(), ignoring, (X, Y * 0 - 1))):
            with pytest.raises(ValueError, match=r"(fit, epoch 1|evaluate): no example counts"):
                call()

    def test_nothing_is_asked_of_metrics_there(self):
        metrics = {"hits": lambda s, y: np.mean(s.argmax(axis=1)[y >= 0] == y[y >= 0])}  # would warn
        _, history, _ = trained(ignoring, EMPTY_BATCHES, metrics=metrics)
        assert np.isfinite(history["hits"]).all()


class TestSampleWeights:
    weights = np.array([0.5, 2, 1, 0, 3, 1, 0.25, 1])
    labels = np.maximum(Y, 0)

    def test_an_example_that_counts_twice_is_one_that_comes_twice(self):
        counts = np.array([1, 2, 0, 3, 1, 1, 2, 1])
        twice = X.repeat(counts, axis=0), self.labels.repeat(counts)
        options = {"epochs": 3, "batch_size": 99}
        first, second = layer(), layer()
        a = nn.fit(first, nn.cross_entropy, (X, self.labels), sample_weight=counts, **options)
        b = nn.fit(second, nn.cross_entropy, twice, **options)
        np.testing.assert_allclose(a["loss"], b["loss"], rtol=1e-12)
        np.testing.assert_allclose(first.weights.data, second.weights.data, rtol=1e-9)

    def test_float32_stays_float32(self):
        model = nn.Linear(2, CLASSES, rng=0)
        nn.fit(model, nn.cross_entropy, (X, self.labels), sample_weight=self.weights.tolist(), epochs=1)
        assert model.weights.dtype == np.float32

    def test_several_inputs_and_no_target(self):
        class Sum(nn.Module):
            def __init__(self):
                super().__init__()
                self.layer = layer()

            def forward(self, a, b):
                return self.layer(a) + self.layer(b)

        history = nn.fit(
            Sum(),
            nn.cross_entropy,
            (X, -X, self.labels),
            sample_weight=self.weights,
            validation=(X, -X, self.labels, self.weights),
            epochs=1,
        )
        np.testing.assert_allclose(history["val_loss"], history["loss"], rtol=0.1)

        def length(s, reduction="mean"):
            return np.mean(s**2, axis=1) if reduction == "none" else np.mean(s**2)

        found = nn.evaluate(layer(), length, X, sample_weight=self.weights, batch_size=3)["loss"]
        losses = np.mean((X @ W + B) ** 2, axis=1)
        np.testing.assert_allclose(found, np.average(losses, weights=self.weights), rtol=1e-12)
        nn.fit(layer(), length, X, validation=(X, self.weights), epochs=1)

    @pytest.mark.parametrize(
        ("loss", "data", "weights", "message"),
        [
            (lambda s, y: nn.cross_entropy(s, y), (X, labels), weights, "does not take `reduction`"),
            (lambda s, y, reduction: np.mean(s), (X, labels), weights, r"shape \(\) for 8 examples"),
            (lambda s, y, reduction: 1.0, (X, labels), weights, "returned a float"),
            (
                lambda s, y, **options: 2 * nn.cross_entropy(s, y, class_weights=[1, 2, 3], **options),
                (X, labels),
                weights,
                "loss weighs or ignores",
            ),
            (nn.cross_entropy, nn.DataLoader(X, labels), weights, "nn.DataLoader\\(x, y, weights\\)"),
            (nn.cross_entropy, (X, labels), weights[:3], r"lengths \[8, 8, 3\]"),
            (nn.cross_entropy, (X, labels), weights - 1, "from -1.0 to 2.0"),
            (nn.cross_entropy, (X, labels), weights * np.nan, "from nan"),
            (nn.cross_entropy, (X, labels), weights[:, None], r"shape \(8, 1\) for 8"),
            (nn.cross_entropy, nn.DataLoader(X, labels, -weights, batch_size=4), True, "from -2.0 to -0.0"),
            (nn.cross_entropy, (X, labels), weights * 0, "no example counts"),
        ],
    )
    def test_mistakes(self, loss, data, weights, message):
        for call in (nn.fit, nn.evaluate):
            with pytest.raises((TypeError, ValueError), match=message):
                call(layer(), loss, data, sample_weight=weights)


def test_a_resumed_epoch_goes_on_with_its_weighted_mean(tmp_path):
    class Cut(Exception):
        pass

    class Cutting:
        def on_step(self, run):
            if run.step == 3:
                raise Cut

    def run(path, callbacks=()):
        weights = np.arange(8) / 4
        options = {"checkpoint": tmp_path / path, "checkpoint_every": 1, "resume": True, "batch_size": 2}
        options |= {"sample_weight": weights, "validation": (X, Y, weights), "epochs": 2, "callbacks": [*callbacks]}
        loss = functools.partial(nn.cross_entropy, ignore_index=-1)
        return nn.fit(layer(), loss, (X, Y), **options)

    with pytest.raises(Cut):
        run("cut", [Cutting()])
    assert run("cut") == run("whole")
