"""`autograd_mini.scipy.integrate` beside SciPy, closed forms and differences."""

import numpy as np
import pytest
import scipy.integrate

import nn
from autograd_mini import Tensor, grad, hessian
from tests.autograd_mini.scipy.derivatives import assert_derivatives, assert_same_derivatives
from tests.autograd_mini.scipy.registered import integrate, linalg

pytestmark = pytest.mark.heavy


def pendulum(t, y, damping, length):
    return [y[1], -damping * y[1] - np.sin(y[0]) / length]


TIMES = np.array([0.0, 0.4, 0.7, 1.0])
TIGHT = {"rtol": 1e-11, "atol": 1e-11}


@pytest.mark.parametrize("times", [TIMES, TIMES[::-1]], ids=["forward", "back"])
def test_odeint(times):
    y0, args = np.array([1.0, 0.2]), (np.array(0.3), np.array(1.2))

    def f(y0, *args):
        return integrate.odeint(pendulum, y0, times, args=args, tfirst=True, **TIGHT)

    expected = scipy.integrate.odeint(pendulum, y0, times, args, tfirst=True, **TIGHT)
    np.testing.assert_allclose(f(Tensor(y0, requires_grad=True), *args).data, expected, rtol=1e-9)
    np.testing.assert_allclose(f(y0, *args), expected)
    assert_derivatives(f, y0, *args, rtol=1e-6)


def test_odeint_takes_the_time_last():
    found = grad(lambda k: integrate.odeint(lambda y, t, k: -k * t * y, 1.0, [0.0, 2.0], (k,), **TIGHT)[-1, 0])(0.5)
    np.testing.assert_allclose(found, -2 * np.exp(-1.0), rtol=1e-8)


@pytest.mark.parametrize("t_eval", [None, TIMES, TIMES[1:3]], ids=["own", "all", "inner"])
@pytest.mark.parametrize("method", ["RK45", "LSODA"])
def test_solve_ivp(t_eval, method):
    y0, args = np.array([1.0, 0.2]), (np.array(0.3), np.array(1.2))
    options = {"method": method, "t_eval": t_eval, "rtol": 1e-9, "atol": 1e-11}
    theirs = scipy.integrate.solve_ivp(pendulum, (0, 1), y0, args=args, **options)
    own = integrate.solve_ivp(pendulum, (0, 1), Tensor(y0, requires_grad=True), args=args, **options)
    np.testing.assert_array_equal(own.t, theirs.t)
    np.testing.assert_allclose(own.y.data, theirs.y, rtol=1e-7)
    assert own.success
    np.testing.assert_array_equal(integrate.solve_ivp(pendulum, (0, 1), y0, args=args, **options).y, theirs.y)

    def f(y0, *args, **others):
        return integrate.solve_ivp(pendulum, (0, 1), y0, args=args, **options | others).y[:, -1]

    if t_eval is None:  # many times, so that differences are dear: "all" compares the same state with them
        assert_same_derivatives(f, lambda *primals: f(*primals, t_eval=TIMES), y0, *args, rtol=1e-5)
    else:
        assert_derivatives(f, y0, *args, rtol=1e-5)


def test_integrals_at_default_tolerances_are_as_exact_as_documented():
    rate = np.array([0.5, 2.0])

    def loss(solve):
        return grad(lambda rate: np.sum(solve(rate)))(rate)

    found = loss(lambda rate: integrate.odeint(lambda y, t, r: -r * y, np.ones(2), [0, 1.0], (rate,))[-1])
    np.testing.assert_allclose(found, -np.exp(-rate), rtol=1e-6)
    found = loss(lambda rate: integrate.solve_ivp(lambda t, y, r: -r * y, (0, 1), np.ones(2), args=(rate,)).y[:, -1])
    np.testing.assert_allclose(found, -np.exp(-rate), rtol=3e-3)


def test_integrators_lose_no_gradient_in_silence():
    k, y0 = Tensor(0.5, requires_grad=True), np.ones(1)
    with pytest.raises(TypeError, match="from outside"):
        integrate.odeint(lambda y, t: -k * y, y0, [0.0, 1.0])
    with pytest.raises(TypeError, match="from outside"):
        integrate.solve_ivp(lambda t, y: [-k * y[0]], (0, 1), y0)
    with pytest.raises(TypeError, match="from outside"):
        integrate.odeint(lambda y, t: -k * y, Tensor(y0, requires_grad=True), [0.0, 1.0])
    with pytest.raises(TypeError, match="from outside"):
        integrate.odeint(lambda y, t: -k * y, y0, Tensor([0.0, 1.0], requires_grad=True))
    with pytest.raises(TypeError, match="full_output"):
        integrate.odeint(lambda y, t, k: -k * y, y0, [0.0, 1.0], (k,), full_output=True)
    with pytest.raises(TypeError, match="events"):
        integrate.solve_ivp(lambda t, y, k: -k * y, (0, 1), y0, events=lambda t, y, k: t, args=(k,))


def test_float32_states_have_float32_gradients():
    y0 = Tensor(np.ones(2, np.float32), requires_grad=True)
    integrate.odeint(lambda y, t: -y, y0, [0.0, 1.0])[-1].sum().backward()
    assert y0.grad.dtype == np.float32
    np.testing.assert_allclose(y0.grad, np.exp(-1.0), rtol=1e-6)


# Nested arguments

A, B = np.array([[-1.0, 0.2], [0.0, -0.5]]), np.ones(2)


def affine(y, A, b):
    return A @ y + b


class Affine(nn.Module):
    def __init__(self):
        super().__init__()
        self.A, self.b = nn.Parameter(A), nn.Parameter(B)

    def forward(self, y):
        return affine(y, self.A, self.b)


def solved_by_odeint(f, p):
    return np.sum(integrate.odeint(lambda y, t, p: f(y, p), np.ones(2), TIMES, (p,), **TIGHT) ** 2)


def solved_by_solve_ivp(f, p):
    result = integrate.solve_ivp(lambda t, y, p: f(y, p), (0, 1), np.ones(2), t_eval=TIMES, args=(p,), **TIGHT)
    return np.sum(result.y**2)


@pytest.mark.parametrize("solve", [solved_by_odeint, solved_by_solve_ivp])
def test_arguments_may_be_nested(solve):
    expected = grad(lambda p: solve(lambda y, p: affine(y, *p), p))((A, B))
    found = grad(lambda p: solve(lambda y, p: affine(y, p["A"], p["more"][0]), p))({"A": A, "more": [B, None]})
    for part, right in zip((found["A"], found["more"][0]), expected, strict=True):
        np.testing.assert_allclose(part, right, rtol=1e-6)
    net = Affine()
    solve(lambda y, net: net(y), net).backward()
    np.testing.assert_allclose(net.A.grad, expected[0], rtol=1e-6)
    np.testing.assert_allclose(net.b.grad, expected[1], rtol=1e-6)


def test_a_gradient_by_matrices_is_that_of_the_matrix_exponential():
    def closed(A, b):
        whole = linalg.expm(np.concatenate([np.concatenate([A, b[:, None]], 1), np.zeros((1, 3))]))
        return np.sum(whole[:2, :2] @ np.ones(2) + whole[:2, 2])

    found = grad(
        lambda p: np.sum(integrate.odeint(lambda y, t, p: affine(y, *p), np.ones(2), [0, 1], (p,), **TIGHT)[-1])
    )
    for part, right in zip(found((A, B)), grad(closed, (0, 1))(A, B), strict=True):
        np.testing.assert_allclose(part, right, rtol=1e-8)


# Times


def growth(t, y, k):
    return -k * t * y


def grown(t0, t1, k):
    return 2 * np.exp(-k * (t1 * t1 - t0 * t0) / 2)


@pytest.mark.parametrize(
    "solve",
    [
        lambda t0, t1, k: integrate.odeint(growth, np.array([2.0]), [t0, t1], (k,), tfirst=True, **TIGHT)[-1, 0],
        lambda t0, t1, k: integrate.solve_ivp(growth, (t0, t1), np.array([2.0]), args=(k,), **TIGHT).y[0, -1],
        lambda t0, t1, k: integrate.solve_ivp(
            growth, (t0, 3.0), np.array([2.0]), args=(k,), t_eval=[t0, t1], **TIGHT
        ).y[0, -1],
    ],
    ids=["odeint", "ends", "t_eval"],
)
def test_derivatives_by_the_times(solve):
    point = np.array([0.3, 1.2, 0.7])
    np.testing.assert_allclose(grad(lambda p: solve(*p))(point), grad(lambda p: grown(*p))(point), rtol=1e-7)
    np.testing.assert_allclose(hessian(lambda p: solve(*p))(point), hessian(lambda p: grown(*p))(point), rtol=1e-6)


def test_a_state_that_is_asked_for_when_it_is_given_moves_with_both_times():
    def total(times, start):
        result = integrate.solve_ivp(lambda t, y: -y, (start, 3.0), np.array([2.0]), t_eval=times, **TIGHT)
        return np.sum(result.y)

    by_times, by_start = grad(total, (0, 1))(np.array([0.0, 1.0]), 0.0)
    np.testing.assert_allclose(by_times, [-2, -2 * np.exp(-1.0)], rtol=1e-8)
    np.testing.assert_allclose(by_start, 2 + 2 * np.exp(-1.0), rtol=1e-8)


def test_times_in_float32_have_float32_gradients():
    times = Tensor(np.array([0.0, 1.0], np.float32), requires_grad=True)
    integrate.odeint(lambda y, t: -y, np.ones(1), times)[-1].sum().backward()
    assert times.grad.dtype == np.float32
    np.testing.assert_allclose(times.grad, [np.exp(-1.0), -np.exp(-1.0)], rtol=1e-6)
