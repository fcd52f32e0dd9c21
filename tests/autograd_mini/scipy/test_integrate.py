"""`autograd_mini.scipy.integrate` beside SciPy, closed forms and differences."""

import numpy as np
import pytest
import scipy.integrate

from autograd_mini import Tensor, grad
from tests.autograd_mini.scipy.derivatives import assert_derivatives
from tests.autograd_mini.scipy.registered import integrate


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

    def f(y0, *args):
        return integrate.solve_ivp(pendulum, (0, 1), y0, args=args, **options).y[:, -1]

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
    with pytest.raises(TypeError, match="the times"):
        integrate.odeint(lambda y, t, k: -k * y, y0, k * np.ones(2), (k,))
    with pytest.raises(TypeError, match="full_output"):
        integrate.odeint(lambda y, t, k: -k * y, y0, [0.0, 1.0], (k,), full_output=True)
    with pytest.raises(TypeError, match="events"):
        integrate.solve_ivp(lambda t, y, k: -k * y, (0, 1), y0, events=lambda t, y, k: t, args=(k,))


def test_float32_states_have_float32_gradients():
    y0 = Tensor(np.ones(2, np.float32), requires_grad=True)
    integrate.odeint(lambda y, t: -y, y0, [0.0, 1.0])[-1].sum().backward()
    assert y0.grad.dtype == np.float32
    np.testing.assert_allclose(y0.grad, np.exp(-1.0), rtol=1e-6)
