"""`nn.gauss_newton` and `nn.minimize(method="gauss-newton")`: exact products, and what they are good for."""

import numpy as np
import pytest

import nn
from autograd_mini import hessian, jacobian

pytest.importorskip("scipy")
from scipy.sparse.linalg import cg, eigsh

RNG = np.random.default_rng(0)
X = RNG.standard_normal((12, 3))
LABELS = RNG.integers(0, 3, 12)
NUMBERS = RNG.standard_normal((12, 3))
SHARES = np.exp(NUMBERS) / np.exp(NUMBERS).sum(1, keepdims=True)
LOSSES = {
    "squared_error": (nn.squared_error, NUMBERS),
    "cross_entropy": (nn.cross_entropy, LABELS),
    "cross_entropy, of shares": (nn.cross_entropy, SHARES),
    "logistic_loss": (nn.logistic_loss, SHARES),
    "of one's own": (lambda s: np.mean(np.cos(s)), None),
}


def model():
    return nn.MLP([3, 4, 3], rng=0, dtype=float)


def dense(net, loss, x, y):
    """J^T H J from matrices."""
    parameters, rebuild = net.__tree_flatten__()
    sizes = np.cumsum([p.size for p in parameters])[:-1]
    vector = np.concatenate([p.data.ravel() for p in parameters])

    def output(vector):
        pieces = [np.reshape(v, p.shape) for v, p in zip(np.split(vector, sizes), parameters, strict=True)]
        return rebuild(pieces)(x)

    def of(flat):
        out = np.reshape(flat, (len(x), -1))
        return loss(out) if y is None else loss(out, y)

    out = net(x).data
    j = jacobian(output)(vector).reshape(out.size, -1)
    return j.T @ hessian(of)(out.ravel()) @ j


@pytest.mark.parametrize("name", LOSSES)
def test_the_products_are_those_of_the_matrices(name):
    loss, y = LOSSES[name]
    found = nn.gauss_newton(model(), loss, X, y)
    want = dense(model(), loss, X, y)
    assert found.shape == want.shape
    np.testing.assert_allclose(found @ np.eye(len(want)), want, 1e-10, 1e-13)
    np.testing.assert_allclose(found.H @ want[0], want @ want[0], 1e-10, 1e-13)


def test_of_cross_entropy_it_is_the_fisher_information():
    """The mean over the model's own classes of g g^T."""
    net, found = model(), 0
    shares = nn.Softmax()(net(X)).data
    for label in range(3):
        each = nn.per_example_grad(nn.cross_entropy)(net, X, np.full(len(X), label))
        rows = np.concatenate([g.reshape(len(X), -1) for g in each.values()], axis=1)
        found = found + rows.T @ (shares[:, label, None] * rows) / len(X)
    operator = nn.gauss_newton(net, nn.cross_entropy, X, LABELS)
    np.testing.assert_allclose(operator @ np.eye(len(found)), found, 1e-10, 1e-13)


def test_scipy_solves_with_it():
    net = nn.Linear(3, 1, rng=0, dtype=float)
    matrix = nn.gauss_newton(net, nn.squared_error, X, NUMBERS[:, :1])
    nn.squared_error(net(X), NUMBERS[:, :1]).backward()
    step, info = cg(matrix, np.concatenate([p.grad.ravel() for p in net.parameters()]), rtol=1e-12)
    assert not info
    want = np.linalg.lstsq(np.c_[X, np.ones(len(X))], NUMBERS[:, 0])[0]
    np.testing.assert_allclose(np.concatenate([net.weights.data[:, 0], net.bias.data]) - step, want, 1e-9)
    assert eigsh(matrix, 1, which="SA", return_eigenvectors=False)[0] > 0


def test_the_model_stays_as_it_is_and_frozen_parameters_are_left_out():
    net = nn.MLP([3, 4, 3], rng=0)
    net[0].freeze()
    before = net.state_dict()
    matrix = nn.gauss_newton(net, nn.squared_error, X, NUMBERS)
    assert matrix.shape == (15, 15)
    assert (matrix @ np.ones(15)).dtype == float
    assert all(np.array_equal(before[name], array) for name, array in net.state_dict().items())


def test_several_inputs_and_outputs():
    class Pair(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(3, 2, rng=0, dtype=float)

        def forward(self, x, z):
            return self.layer(x), np.tanh(self.layer(z))

    def loss(output, y):
        return nn.squared_error(output[0], y) + nn.squared_error(output[1], y)

    def joined(flat, y):
        return loss((flat[:12], flat[12:]), y)

    class Joined(Pair):
        def forward(self, x):
            return np.concatenate(super().forward(x, 2 * x))

    found = nn.gauss_newton(Pair(), loss, (X, 2 * X), NUMBERS[:, :2]) @ np.eye(8)
    np.testing.assert_allclose(found, nn.gauss_newton(Joined(), joined, X, NUMBERS[:, :2]) @ np.eye(8), 1e-12)


class TestMinimize:
    def test_least_squares_take_a_step_or_two(self):
        net = nn.Linear(3, 1, rng=0, dtype=float)
        result = nn.minimize(net, nn.squared_error, X, NUMBERS[:, :1], method="gauss-newton", options={"gtol": 1e-10})
        want = np.linalg.lstsq(np.c_[X, np.ones(len(X))], NUMBERS[:, 0])[0]
        np.testing.assert_allclose(result.x, want, 1e-7)
        assert result.success
        assert result.nit < 10

    def test_a_fit_without_residual_is_found_as_fast_as_by_newton(self):
        y = nn.MLP([3, 4, 1], rng=3, dtype=float)(X).data
        net = nn.MLP([3, 4, 1], rng=0, dtype=float)
        result = nn.minimize(net, nn.squared_error, X, y, method="Gauss-Newton", options={"gtol": 1e-9})
        assert result.fun < 1e-12
        assert result.nit < 100

    @pytest.mark.parametrize("smoothing", [0.1, 0.3])
    def test_cross_entropy_ends_where_another_method_does(self, smoothing):
        def loss(scores, labels):
            return nn.cross_entropy(scores, labels, label_smoothing=smoothing)

        ends = []
        for method in ("gauss-newton", "trust-ncg"):
            net = nn.Linear(3, 3, rng=0, dtype=float)
            ends.append(nn.minimize(net, loss, X, LABELS, method=method, options={"gtol": 1e-8}))
        np.testing.assert_allclose(ends[0].fun, ends[1].fun, 1e-12)
        assert all(end.success for end in ends)

    def test_products_are_counted(self):
        told = []
        net = nn.MLP([3, 4, 1], rng=0, dtype=float)
        nn.minimize(
            net, nn.squared_error, X, NUMBERS[:, :1], "gauss-newton", callback=told.append, options={"maxiter": 3}
        )
        assert told[-1].products >= told[-1].number


class TestRefusals:
    def test_what_is_no_model_and_no_loss(self):
        with pytest.raises(TypeError, match=r"nn.gauss_newton\(model"):
            nn.gauss_newton(lambda x: x, nn.squared_error, X, NUMBERS)
        with pytest.raises(TypeError, match="loss_fn"):
            nn.gauss_newton(model(), "mse", X, NUMBERS)
        with pytest.raises(ValueError, match="require grad"):
            nn.gauss_newton(model().freeze(), nn.squared_error, X, NUMBERS)

    def test_a_product_that_is_not_finite(self):
        with pytest.raises(FloatingPointError, match="not finite"):
            nn.gauss_newton(model(), nn.squared_error, X, NUMBERS) @ np.full(31, np.nan)
