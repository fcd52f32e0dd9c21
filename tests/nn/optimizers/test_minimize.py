"""`nn.minimize`: exact curvature, the orders of convergence that theory gives, and what is left in the model."""

import itertools
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nn
from autograd_mini import hessian

optimize = pytest.importorskip("scipy.optimize")
from nn.optimizers.minimize import MATRICES, METHODS, PRODUCTS  # noqa: E402
from nn.optimizers.objective import Objective  # noqa: E402

RNG = np.random.default_rng(0)
X = RNG.standard_normal((30, 3))
Y = np.sin(X @ np.array([1.0, -0.5, 0.3]))[:, None]
LABELS = (X[:, 0] + 0.5 * RNG.standard_normal(30) > 0).astype(int)


def mlp(**options):
    return nn.MLP([3, 4, 1], "tanh", rng=1, **options)


def logistic():
    """A convex problem with noisy labels, so that the minimum is at finite weights."""
    return nn.Linear(3, 2, rng=0, dtype=np.float64)


def penalised(scores, labels):
    return nn.cross_entropy(scores, labels) + 0.01 * np.mean(scores * scores)


class TestObjective:
    def test_the_gradient_is_that_of_the_model_in_float64(self):
        model = mlp(dtype=np.float64)
        objective = Objective(model, nn.squared_error, X, Y)
        value, slope = objective.value_and_grad(objective.start)
        loss = nn.squared_error(model(X), Y)
        loss.backward()
        assert value == loss.item()
        np.testing.assert_allclose(slope, np.concatenate([p.grad.ravel() for p in model.parameters()]), rtol=1e-13)

    def test_hessian_vector_products_are_the_derivative_of_the_gradient(self):
        objective = Objective(mlp(), nn.squared_error, X, Y)
        w, step = objective.start, 1e-5
        for direction in RNG.standard_normal((3, len(w))):
            up, down = (objective.value_and_grad(w + sign * step * direction)[1].copy() for sign in (1, -1))
            found = objective.hvp(w, direction)
            np.testing.assert_allclose(found, (up - down) / (2 * step), rtol=1e-6, atol=1e-9)

    def test_the_hessian_is_symmetric_and_that_of_the_formula(self):
        model = nn.Linear(3, 1, rng=0)
        objective = Objective(model, nn.squared_error, X, Y)
        found = objective.hessian(objective.start)
        want = hessian(lambda v: np.mean((X @ v[:3] + v[3] - Y[:, 0]) ** 2))(objective.start)
        np.testing.assert_allclose(found, want, rtol=1e-12, atol=1e-14)

    def test_shared_and_frozen_weights(self):
        model = nn.Sequential(nn.Linear(3, 3, rng=0), nn.Tanh(), nn.Linear(3, 1, rng=1))
        model.again = model[0]
        model[2].bias.requires_grad = False
        objective = Objective(model, nn.squared_error, X, Y)
        assert len(objective.start) == 9 + 3 + 3


class TestConvergence:
    @staticmethod
    def slopes(method, **options):
        """The norm of the gradient after each iteration."""
        objective, seen = Objective(logistic(), penalised, X, LABELS), []
        optimize.minimize(
            objective.value_and_grad,
            objective.start,
            jac=True,
            method=method,
            hessp=objective.hvp if method != "trust-exact" else None,
            hess=objective.hessian if method == "trust-exact" else None,
            callback=lambda xk: seen.append(np.linalg.norm(objective.value_and_grad(xk)[1])),
            options=options,
        )
        return np.array(seen)

    def test_newton_with_the_whole_hessian_squares_the_error(self):
        slopes = self.slopes("trust-exact", gtol=1e-9)
        near = slopes[slopes < 0.01]
        assert len(near) >= 3
        assert near[-1] < 1e-9
        np.testing.assert_array_less(near[1:] / near[:-1] ** 2, 20)

    @pytest.mark.parametrize(("method", "options"), [("trust-ncg", {"gtol": 1e-9}), ("Newton-CG", {})])
    def test_newton_by_products_has_the_order_to_which_scipy_solves_its_systems(self, method, options):
        """Both stop CG at a residual of min(0.5, sqrt(|g|)) |g|, so the order is 1.5."""
        slopes = self.slopes(method, **options)
        near = slopes[(slopes < 0.1) & (slopes > 1e-7)]
        assert len(near) >= 3
        np.testing.assert_array_less(near[1:] / near[:-1] ** 1.5, 5)


class TestMinimize:
    @pytest.mark.parametrize("method", METHODS.values())
    def test_every_method_finds_the_minimum(self, method):
        if method == "dogleg":  # needs a positive definite Hessian, which the two columns of a softmax have not
            model = nn.Linear(3, 1, rng=0)
            nn.minimize(model, nn.squared_error, X, Y, method)
            want, *_ = np.linalg.lstsq(np.column_stack([X, np.ones(30)]), Y, rcond=None)
            np.testing.assert_allclose(model.weights.data, want[:3], atol=1e-4)
            return
        model = logistic()
        result = nn.minimize(model, penalised, X, LABELS, method.upper())
        objective = Objective(model, penalised, X, LABELS)
        value, slope = objective.value_and_grad(objective.start)
        assert value == pytest.approx(result.fun, rel=1e-12)
        assert np.linalg.norm(slope) < 1e-3

    def test_weights_keep_their_dtype_and_frozen_ones_their_values(self):
        model = mlp()
        model[0].freeze()
        before = model.state_dict()
        loss = nn.squared_error(model(X), Y).item()
        result = nn.minimize(model, nn.squared_error, X, Y)
        assert result.fun < loss
        assert {p.dtype for p in model.parameters()} == {np.dtype(np.float32)}
        np.testing.assert_array_equal(model[0].weights.data, before["0.weights"])
        assert nn.squared_error(model(X), Y).item() == pytest.approx(result.fun, rel=1e-5)
        assert all(p.grad is None for p in model.parameters())

    def test_the_callback_sees_iterations_and_may_stop(self):
        seen = []

        def callback(iteration):
            seen.append(iteration)
            if iteration.number == 3:
                raise StopIteration

        model = mlp(dtype=np.float64)
        nn.minimize(model, nn.squared_error, X, Y, callback=callback)
        assert [iteration.number for iteration in seen] == [1, 2, 3]
        losses = [iteration.loss for iteration in seen]
        assert losses == sorted(losses, reverse=True)
        assert nn.squared_error(model(X), Y).item() == pytest.approx(losses[-1], rel=1e-12)

    def test_the_callback_is_told_what_was_computed(self):
        seen = []
        result = nn.minimize(logistic(), penalised, X, LABELS, "trust-ncg", callback=seen.append)
        assert seen[-1].loss == result.fun
        assert seen[-1].gradients <= result.nfev
        assert [a.products < b.products for a, b in itertools.pairwise(seen)] == [True] * (len(seen) - 1)

    def test_an_interrupted_run_leaves_the_best_weights(self):
        losses = []

        def callback(iteration):
            losses.append(iteration.loss)
            if len(losses) == 4:
                raise KeyboardInterrupt

        model = mlp(dtype=np.float64)
        with pytest.raises(KeyboardInterrupt):
            nn.minimize(model, nn.squared_error, X, Y, "Newton-CG", callback=callback)
        assert nn.squared_error(model(X), Y).item() <= min(losses) * (1 + 1e-12)

    def test_options_and_a_loss_without_targets(self):
        model = mlp()
        result = nn.minimize(model, lambda out: np.mean((out - 2) ** 2), X, options={"maxiter": 2})
        assert result.nit == 2

    def test_normalisation_in_evaluation_mode_is_minimised_through(self):
        model = nn.Sequential(nn.Linear(3, 4, rng=0), nn.BatchNorm(4), nn.Tanh(), nn.Linear(4, 1, rng=0)).eval()
        before = nn.squared_error(model(X), Y).item()
        assert nn.minimize(model, nn.squared_error, X, Y, options={"maxiter": 5}).fun < before


class Point(nn.Module):
    """A model that is its weights."""

    def __init__(self, *start):
        super().__init__()
        self.at = nn.Parameter(np.array(start))

    def forward(self, x):
        return self.at * np.ones_like(x)


def logs(w):
    """NaN outside of w > 0, least at 1; its slope without end at 0."""
    return np.sum(w - np.log(w))


def ends_at(edge, value, raising=None):
    """A bowl, least at 1, that is not defined beyond an edge."""

    def loss(w):
        beyond = np.asarray(w.detach() if hasattr(w, "detach") else w) > edge
        if raising is not None and np.any(beyond):
            raise raising
        return np.sum(np.where(beyond, value, (w - 1) ** 2 * (1 + 0.1 * w**2)))

    return loss


def steep_at(w):
    """Finite everywhere, but its slope is infinite at 0, where a quadratic step from 2 leads, and least at 3."""
    return np.sum(np.sqrt(np.abs(w)) / 4 + (w - 3) ** 2)


DOMAINS = {
    "logs": logs,
    "nan": ends_at(1.5, np.nan),
    "inf": ends_at(1.2, np.inf),
    "-inf": ends_at(2.0, -np.inf),
    "FloatingPointError": ends_at(1.5, 0, FloatingPointError("overflow")),
    "OverflowError": ends_at(1.5, 0, OverflowError("too large")),
    "LinAlgError": ends_at(1.5, 0, np.linalg.LinAlgError("singular")),
    "steep": steep_at,
}


def slope_at(loss, point):
    _, slope = Objective(point, loss, np.ones(2)).value_and_grad(point.at.data)
    return slope


class TestWhereTheLossIsNotDefined:
    @pytest.mark.parametrize("method", METHODS.values())
    @given(st.sampled_from(sorted(DOMAINS)), st.tuples(st.floats(-8, 1.1), st.floats(0.05, 0.9)))
    @settings(max_examples=12)
    def test_a_step_too_long_is_shortened_and_success_is_a_minimum(self, method, kind, start):
        loss = DOMAINS[kind]
        if kind == "logs":
            start = np.abs(start)
        point = Point(*start)
        try:
            with np.errstate(all="ignore"):
                before = Objective(point, loss, np.ones(2))
                before.check()
        except ValueError:
            return
        with np.errstate(all="ignore"):
            result = nn.minimize(point, loss, np.ones(2), method=method)
        assert np.isfinite(result.fun)
        assert result.fun <= before.value
        np.testing.assert_array_equal(point.at.data, result.x)
        assert loss(point.at.data) == result.fun
        np.testing.assert_array_equal(slope_at(loss, point), result.jac)
        if result.success:
            assert np.max(np.abs(result.jac)) < 0.01

    @pytest.mark.parametrize("method", [method for method in METHODS.values() if method != "dogleg"])
    @pytest.mark.parametrize("start", [(0.05, 20.0), (9.0, 9.0), (0.5, 0.9)])
    def test_the_minimum_is_found_beside_the_edge(self, method, start):
        point = Point(*start)
        result = nn.minimize(point, logs, np.ones(2), method=method)
        assert result.success, result.message
        np.testing.assert_allclose(result.fun, 2, atol=1e-6)
        np.testing.assert_allclose(point.at.data, 1, atol=2e-3)

    @pytest.mark.parametrize("method", METHODS.values())
    def test_falling_without_end_is_no_success(self, method):
        for loss in (lambda w: np.sum(np.log(w)), lambda w: -np.sum(w * w), lambda w: np.sum(1 / w - 1)):
            with np.errstate(all="ignore"):
                result = nn.minimize(
                    Point(0.5, 0.7),
                    loss,
                    np.ones(2),
                    method=method,
                    options={"maxfun" if method == "TNC" else "maxiter": 30},
                )
            assert np.isfinite(result.fun)
            assert not result.success or np.max(np.abs(result.jac)) < 1e-4

    @pytest.mark.parametrize("method", [method for method in METHODS.values() if method != "dogleg"])
    def test_few_iterations_are_no_success_and_flat_losses_are(self, method):
        few = nn.minimize(
            Point(4.0, 0.1), logs, np.ones(2), method=method, options={"maxfun" if method == "TNC" else "maxiter": 1}
        )
        assert not few.success
        flat = nn.minimize(Point(4.0, 0.1), lambda w: np.sum(0 * w) + 3, np.ones(2), method=method)
        assert (flat.success, flat.fun) == (True, 3.0) or method == "trust-constr"

    def test_success_far_from_a_minimum_is_taken_back(self):
        loose = nn.minimize(Point(4.0, 0.1), logs, np.ones(2), options={"ftol": 0.5})
        assert loose.success  # asked for
        stopped = lambda *args, **options: optimize.OptimizeResult(success=True, message="done", nit=0)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(optimize, "minimize", stopped)
            result = nn.minimize(Point(4.0, 0.1), logs, np.ones(2))
        assert not result.success
        assert "still lowers it by" in result.message
        assert "SciPy said: done" in result.message

    @pytest.mark.parametrize("method", [*PRODUCTS, *MATRICES])
    def test_a_hessian_that_is_not_finite_ends_the_run(self, method):
        loss = lambda w: np.sum(np.abs(w) ** 1.5)  # the slope at 0 is 0, the curvature infinite
        result = nn.minimize(Point(1.0, 0.0), loss, np.ones(2), method=method)
        assert not result.success or np.max(np.abs(result.jac)) < 1e-3

    def test_what_raises_instead_of_warning_still_does(self):
        with np.errstate(all="raise"):
            point = Point(0.05, 20.0)
            assert nn.minimize(point, logs, np.ones(2)).success
        assert np.geterr()["invalid"] == "warn"


class TestRefusals:
    def test_a_slope_at_the_start_that_is_not_finite(self):
        with pytest.raises(ValueError, match="gradient by at is not finite"):
            nn.minimize(Point(1.0, 0.0), lambda w: np.sum(np.sqrt(w)), np.ones(2))

    def test_random_losses(self):
        model = nn.Sequential(nn.Linear(3, 8, rng=0), nn.Dropout(0.5, rng=0), nn.Linear(8, 1, rng=0))
        before = model.state_dict()
        with pytest.raises(ValueError, match=r"model.eval\(\)"):
            nn.minimize(model, nn.squared_error, X, Y)
        np.testing.assert_array_equal(model[0].weights.data, before["0.weights"])
        nn.minimize(model.eval(), nn.squared_error, X, Y, options={"maxiter": 1})

    def test_running_statistics(self):
        model = nn.Sequential(nn.Linear(3, 4, rng=0), nn.BatchNorm(4), nn.Linear(4, 1, rng=0))
        with pytest.raises(ValueError, match=r"'1\..*eval"):
            nn.minimize(model, nn.squared_error, X, Y)

    def test_a_start_that_is_not_finite(self):
        with pytest.raises(ValueError, match="is nan"):
            nn.minimize(mlp(), lambda out: np.mean(out) * np.nan, X)

    @pytest.mark.parametrize(
        ("arguments", "error", "message"),
        [
            ({"method": "Nelder-Mead"}, ValueError, "'Newton-CG'"),
            ({"method": None}, ValueError, "'L-BFGS-B'"),
            ({"model": np.tanh}, TypeError, "a ufunc as its model"),
            ({"loss_fn": None}, TypeError, "NoneType as its loss_fn"),
            ({"model": mlp().freeze()}, ValueError, "require grad"),
            ({"model": nn.Linear(3, 1, rng=0, dtype=complex)}, TypeError, "complex"),
            ({"loss_fn": lambda out, y: out - y}, TypeError, r"Tensor of shape \(30, 1\)"),
        ],
    )
    def test_what_is_no_model_no_loss_or_no_method(self, arguments, error, message):
        with pytest.raises(error, match=message):
            nn.minimize(**{"model": mlp(), "loss_fn": nn.squared_error, "x": X, "y": Y, **arguments})

    def test_scipy_is_named_where_it_is_missing(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "scipy", None)
        with pytest.raises(ImportError, match=r"autograd-mini\[scipy\]"):
            nn.minimize(mlp(), nn.squared_error, X, Y)
