"""`minimize` over shards: the same minimum, by sums in one order."""

import numpy as np
import pytest

pytest.importorskip("scipy")

import nn
from tests.nn.cluster.trainings import Several


def data():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((300, 4))
    return x, (x @ rng.standard_normal((4, 3)) + rng.standard_normal((300, 3))).argmax(1)


def ignoring(outputs, targets):
    return nn.cross_entropy(outputs, targets, ignore_index=0)


@pytest.mark.parametrize("loss", [nn.cross_entropy, ignoring])
@pytest.mark.parametrize("method", ["L-BFGS-B", "Newton-CG", "trust-ncg", "gauss-newton"])
def test_the_minimum_is_that_of_all_data_at_once_and_the_same_bits_on_any_workers(method, loss):
    def of(cluster, *data):
        model = nn.Linear(4, 3, rng=0).astype(np.float64)
        model.bias.requires_grad = False
        return nn.minimize(model, loss, *data, method=method, tol=1e-12, cluster=cluster), model

    (expected, _), (found, model) = of(None, *data()), of(nn.Cluster(), nn.Shards.arrays(*data(), shards=7))
    assert abs(found.fun - expected.fun) < 1e-10
    if loss is nn.cross_entropy:
        logits = [np.asarray(data()[0] @ r.x.reshape(4, 3)) for r in (found, expected)]
        assert np.abs(np.subtract(*(some - some.mean(1, keepdims=True) for some in logits))).max() < 1e-8
    assert np.array_equal(model.weights.data.ravel(), found.x)
    for workers in (2, 3):
        again, _ = of(nn.Cluster(Several(workers)), nn.Shards.arrays(*data(), shards=7))
        assert again.x.tobytes() == found.x.tobytes()
        assert (again.fun, again.nit) == (found.fun, found.nit)


def test_several_inputs_and_no_target_are_told_from_each_other():
    class Both(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(1, 1, rng=0)

        def forward(self, a, b):
            return self.layer(a) - b

    def small(outputs):
        return np.mean(outputs**2)

    x = np.linspace(-1, 1, 20)[:, None]
    models = Both(), Both()
    nn.minimize(models[0], small, (x, 2 * x))
    nn.minimize(models[1], small, (x, 2 * x), cluster=nn.Cluster())
    assert np.allclose(models[0].layer.weights.data, models[1].layer.weights.data, atol=1e-5)
    model = nn.Linear(1, 1, rng=0)
    nn.minimize(model, nn.squared_error, x, 3 * x, cluster=nn.Cluster())
    assert np.allclose(model.weights.data, 3, atol=1e-4)


def test_a_step_to_where_the_loss_is_not_defined_is_too_long():
    def loss(outputs, targets):
        return np.mean((np.log(outputs) - targets) ** 2)

    x = np.linspace(1, 2, 20)[:, None]
    model = nn.Linear(1, 1, bias=False)
    model.weights.data = np.array([[5.0]], np.float32)
    result = nn.minimize(model, loss, nn.Shards.arrays(x, np.log(0.01 * x), shards=4))
    assert np.allclose(result.x, 0.01, rtol=1e-3)


@pytest.mark.parametrize(
    ("model", "loss", "given", "error", "says"),
    [
        (nn.Sequential(nn.Linear(4, 3), nn.Dropout(0.5)), nn.cross_entropy, (), ValueError, "what is random"),
        (nn.Sequential(nn.Linear(4, 3), nn.BatchNorm(3)), nn.cross_entropy, (), ValueError, "running|buffer"),
        (nn.Linear(4, 3), nn.cross_entropy, (np.zeros(300),), TypeError, "beside shards"),
        (nn.Linear(4, 3), lambda o, t: nn.cross_entropy(o, t) ** 2 + ignoring(o, t), (), ValueError, "from means"),
        (nn.Linear(4, 3), lambda o, t: np.inf * np.mean(o), (), ValueError, "start from"),
    ],
)
def test_what_has_no_minimum_is_named(model, loss, given, error, says):
    with pytest.raises(error, match=says):
        nn.minimize(model, loss, nn.Shards.arrays(*data(), shards=3), *given)
