"""Boosting a hidden layer: each neuron and vote is the best for what is left, and backprop can go on with the model."""

import itertools
import sys

import numpy as np
import pytest
from sklearn.datasets import load_iris

import nn
from autograd_mini import grad

RNG = np.random.default_rng(0)
X = RNG.uniform(-2, 2, (80, 2))
Y = np.stack([np.sin(2 * X[:, 0]) + X[:, 1], X[:, 0] * X[:, 1]], axis=1)


def grown(neurons, y=Y, x=X, **options):
    """The models after 1, 2, ... neurons, in float64."""
    rng, model, models = np.random.default_rng(1), None, []
    for _ in range(neurons):
        model = nn.boost(x, y, 1, outputs=2, model=model, rng=rng, dtype=np.float64, **options)
        models.append(model)
    return models


def error(model, x=X, y=Y):
    return float(nn.squared_error(model(x), y).data)


@pytest.mark.parametrize("activation", ["tanh", "relu", "prelu", nn.Tanh])
def test_the_error_falls_with_each_neuron(activation):
    errors = [np.var(Y, axis=0).mean(), *map(error, grown(6, activation=activation))]
    assert all(later < earlier for earlier, later in itertools.pairwise(errors))
    assert errors[-1] < 0.3 * errors[0]


@pytest.mark.parametrize("offset", [0.0, 1.5])
def test_a_target_that_is_one_neuron_is_found(offset):
    y = offset - 3 * np.tanh(X @ [[2.0], [-1.0]] + 0.5)
    model = nn.boost(X, y, 1, rng=0, dtype=np.float64)
    weights, bias = model[0].weights.data[:, 0], model[0].bias.data[0]
    np.testing.assert_allclose(np.abs([*weights, bias]), [2, 1, 0.5], rtol=1e-2)
    assert error(model, y=y) < 1e-6


def test_the_first_constant_is_the_mean():
    model = nn.boost(X, np.full((80, 1), 7.0), 2, rng=0)
    np.testing.assert_allclose(model(X).data, 7, rtol=1e-6)
    np.testing.assert_allclose(model[2].weights.data, 0, atol=1e-6)


def test_the_last_vote_and_the_constant_fit_the_residual_by_least_squares():
    before, after = grown(3)[1:]
    residual = Y - before(X).data
    g = np.tanh(X @ after[0].weights.data[:, -1] + after[0].bias.data[-1])
    fit = np.linalg.lstsq(np.column_stack([np.ones(80), g]), residual, rcond=None)[0]
    np.testing.assert_allclose(after[2].weights.data[-1], fit[1], rtol=1e-8)
    np.testing.assert_allclose(after[2].bias.data - before[2].bias.data, fit[0], rtol=1e-6, atol=1e-10)


def test_the_neuron_is_one_that_no_small_change_improves():
    before, after = grown(2)
    residual = Y - before(X).data

    def unexplained(w):
        design = np.column_stack([np.ones(80), np.tanh(X @ w[1:] + w[0])])
        return np.linalg.lstsq(design, residual, rcond=None)[1].sum()

    w = np.array([after[0].bias.data[-1], *after[0].weights.data[:, -1]])
    moves = np.random.default_rng(2).standard_normal((20, 3))
    assert unexplained(w) <= min(unexplained(w + 1e-3 * move) for move in moves) + 1e-6
    random = np.random.default_rng(3).standard_normal((50, 3))
    assert unexplained(w) < min(map(unexplained, random))


def test_the_vote_of_a_convex_loss_is_where_it_is_least_along_the_fit():
    labels = (X[:, 0] * X[:, 1] > 0).astype(int)
    before, after = grown(2, labels, loss=nn.cross_entropy)
    move = after(X).data - before(X).data
    at = grad(lambda step: nn.cross_entropy(before(X).data + step * move, labels))
    assert abs(at(np.array(1.0))) < 1e-9 * abs(at(np.array(0.0)))


def test_classes_are_learned_by_cross_entropy():
    x, labels = load_iris(return_X_y=True)
    model = nn.boost(x, labels, 4, loss=nn.cross_entropy, outputs=3, rng=0)
    assert np.mean(np.argmax(model(x).data, axis=1) == labels) > 0.97


@pytest.mark.parametrize("loss", [nn.logistic_loss, nn.hinge_loss])
def test_two_classes_are_learned_with_one_score(loss):
    labels = (X[:, :1] * X[:, 1:] > 0).astype(float)  # XOR: no single neuron does it
    model = nn.boost(X, labels, 6, loss=loss, rng=0)
    assert nn.accuracy(model(X), labels) > 0.9


def test_a_loss_that_falls_for_ever_ends_at_a_finite_vote():
    x, labels = np.array([[-1.0], [1.0]]), np.array([0, 1])
    model = nn.boost(x, labels, 2, loss=nn.cross_entropy, outputs=2, rng=0)
    assert all(np.all(np.isfinite(parameter.data)) for parameter in model.parameters())
    assert np.array_equal(np.argmax(model(x).data, axis=1), labels)


def test_neurons_are_added_to_a_model_without_changing_it():
    whole = nn.boost(X, Y, 4, outputs=2, rng=np.random.default_rng(1), dtype=np.float64)
    models = grown(4)
    kept = models[1].state_dict()
    np.testing.assert_allclose(models[-1](X).data, whole(X).data, rtol=1e-5, atol=1e-8)
    np.testing.assert_allclose(models[-1][0].weights.data[:, :2], models[1][0].weights.data)
    for name, value in models[1].state_dict().items():
        np.testing.assert_array_equal(value, kept[name])


def test_a_model_trained_by_backprop_can_grow():
    model = nn.Sequential(nn.Linear(2, 3, rng=0), nn.Tanh(), nn.Linear(3, 2, bias=False, rng=1))
    more = nn.boost(X, Y, 2, model=model, rng=0)
    assert more[0].weights.shape == (2, 5)
    assert error(more) < error(model)


def test_backprop_goes_on_where_boosting_ends():
    model = nn.boost(X, Y, 4, outputs=2, rng=0)
    assert isinstance(model, nn.MLP)
    assert {parameter.dtype for parameter in model.parameters()} == {np.dtype(np.float32)}
    start, x, y = error(model), X.astype(np.float32), Y.astype(np.float32)
    sgd = nn.SGD(model.parameters(), learning_rate=0.01)
    for _ in range(100):
        sgd.zero_grad()
        nn.squared_error(model(x), y).backward()
        sgd.step()
    assert error(model) < 0.99 * start


def test_the_slope_of_a_prelu_is_learned_afterwards():
    model = nn.boost(X, Y, 2, outputs=2, activation="prelu", rng=0)
    more = nn.boost(X, Y, 1, model=model, rng=0)
    for grown in (model, more):
        nn.squared_error(grown(X), Y).backward()
        assert grown[1].alpha.grad is not None


def test_the_scale_of_inputs_does_not_matter():
    scaled = grown(3, x=X * [1e3, 1e-3] + [5e3, -2e-3])[-1]
    fit = scaled(X * [1e3, 1e-3] + [5e3, -2e-3]).data
    np.testing.assert_allclose(fit, grown(3)[-1](X).data, atol=1e-2)


def test_constant_inputs_are_harmless():
    model = nn.boost(np.column_stack([X, np.full(80, 0.1)]), Y, 2, outputs=2, rng=0)
    assert np.all(np.isfinite(model[0].weights.data))
    assert error(nn.boost(np.ones((80, 2)), Y, 2, outputs=2, rng=0), x=np.ones((80, 2))) == pytest.approx(
        np.var(Y, axis=0).mean(), rel=1e-5
    )


def test_shrinkage_takes_a_part_of_the_vote():
    full, part = grown(1)[0], grown(1, shrinkage=0.25)[0]
    np.testing.assert_allclose(part[2].weights.data, 0.25 * full[2].weights.data)


def test_weight_decay_keeps_weights_small():
    sizes = [np.linalg.norm(grown(4, weight_decay=decay)[-1][0].weights.data) for decay in (0.0, 0.01, 1.0)]
    assert sizes[0] > sizes[1] > sizes[2]
    assert np.isfinite(sizes).all()


def test_perceptrons_have_no_gradient_but_the_best_of_random_ones_is_taken():
    class Sign(nn.Module):
        def forward(self, s):
            return np.sign(s)

    assert error(nn.boost(X, Y, 10, outputs=2, activation=Sign, starts=20, rng=0)) < 0.5 * np.var(Y, axis=0).mean()


def test_without_scipy_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy", None)
    with pytest.raises(ImportError, match=r"autograd-mini\[scipy\]"):
        nn.boost(X, Y, 1, outputs=2)


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"neurons": 0}, ValueError, r"neurons=0"),
        ({"neurons": 1.5}, ValueError, r"neurons=1.5"),
        ({"neurons": "3"}, ValueError, r"neurons='3'"),
        ({"loss": "squared"}, TypeError, r"loss='squared'"),
        ({"outputs": 0}, ValueError, r"outputs=0"),
        ({"starts": -1}, ValueError, r"starts=-1"),
        ({"shrinkage": 0}, ValueError, r"shrinkage=0"),
        ({"shrinkage": 1.1}, ValueError, r"shrinkage=1.1"),
        ({"weight_decay": -1}, ValueError, r"weight_decay=-1"),
        ({"weight_decay": np.nan}, ValueError, r"weight_decay=nan"),
        ({"x": X[:, 0]}, ValueError, r"shape \(80,\)"),
        ({"x": X[:0], "y": Y[:0]}, ValueError, r"shape \(0, 2\)"),
        ({"y": Y[1:]}, ValueError, r"80 inputs and 79 targets"),
        ({"y": 3.0}, ValueError, r"80 inputs and 1 targets"),
        ({"y": np.where(Y[3, 1] == Y, np.nan, Y)}, ValueError, r"targets with 1 .* index \(3, 1\)"),
        ({"x": np.where(X > 1.9, np.inf, X)}, ValueError, r"inputs with \d+ .* not finite"),
        ({"activation": "tangens"}, TypeError, r"tangens"),
        ({"outputs": 3}, ValueError, r"outputs of shape \(80, 3\) and targets of shape \(80, 2\)"),
        ({"model": nn.MLP([2, 3, 3, 2])}, TypeError, r"an? MLP of 5 layers"),
        ({"model": nn.Linear(2, 2)}, TypeError, r"a Linear"),
        ({"model": nn.MLP([4, 3, 2])}, ValueError, r"takes 4 inputs, but the examples have 2"),
    ],
)
def test_what_cannot_work_is_refused(options, error, words):
    with pytest.raises(error, match=words):
        nn.boost(**({"x": X, "y": Y, "neurons": 1, "outputs": 2} | options))


def test_a_loss_without_a_finite_derivative_is_told():
    with pytest.raises(ValueError, match="not finite"):
        nn.boost(X, Y, 1, outputs=2, loss=lambda s, y: np.mean(s) * np.nan)
