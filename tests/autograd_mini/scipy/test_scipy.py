"""SciPy's functions on tensors: the checks that every rule gets, hard points, and the functions built from them."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.integrate
import scipy.linalg
import scipy.signal
import scipy.stats
from scipy import special

from autograd_mini import Tensor, grad, vjp
from autograd_mini.primitive import composites, constants, primitives
from autograd_mini.scipy import integrate, linalg, signal, stats
from autograd_mini.scipy import special as ours
from tests.autograd_mini.rules import test_rule_sources, test_rules
from tests.autograd_mini.testing.numeric import assert_close, numeric_vjp

THEIRS = {f for f in vars(special).values() if isinstance(f, np.ufunc) and getattr(np, f.__name__, None) is not f}


def is_for_scipy(function):
    """Whether a function was registered by the package under test."""
    return function in THEIRS or (getattr(function, "__module__", None) or "").startswith("autograd_mini.scipy")


# Other files of tests see the library of a user who does not use SciPy: the rules are there for this file's tests only.
ADDED = {
    "primitives": {f: primitive for f, primitive in primitives.items() if is_for_scipy(f)},
    "composites": {f: replacement for f, replacement in composites.items() if is_for_scipy(f)},
    "constants": {f for f in constants if is_for_scipy(f)},
}
FUNCTIONS = list(ADDED["primitives"])
CALLS = [test_rules.Call(f, case) for f in FUNCTIONS for case in primitives[f].domain.cases]
every_call = pytest.mark.parametrize("call", CALLS, ids=list(map(str, CALLS)))
every_function = pytest.mark.parametrize("function", FUNCTIONS, ids=[primitives[f].name for f in FUNCTIONS])
for _function in FUNCTIONS:
    del primitives[_function]
for _function in ADDED["composites"]:
    del composites[_function]
constants.difference_update(ADDED["constants"])


@pytest.fixture(autouse=True)
def _registered(_sealed):
    primitives.update(ADDED["primitives"])
    composites.update(ADDED["composites"])
    constants.update(ADDED["constants"])


@every_function
@pytest.mark.parametrize(
    "check",
    [
        test_rules.test_rule_comes_with_example_calls,
        test_rules.test_option_defaults_are_those_of_numpy,
    ],
    ids=lambda check: check.__name__,
)
def test_of_every_function(function, check):
    check(function)


@every_call
@pytest.mark.parametrize(
    "check",
    [
        test_rules.test_derivatives_to_second_order,
        test_rules.test_float32_stays_float32,
        test_rules.test_a_second_derivative_in_float32_stays_float32,
    ],
    ids=lambda check: check.__name__,
)
def test_of_every_call(call, check):
    check(call)


def with_first(f, primals):
    """The function and a number made of its first derivatives, both with a cotangent."""
    out = np.asarray(f(*primals))
    cotangent = np.random.default_rng(1).uniform(0.5, 1.5, out.shape)

    def first(*primals):
        return sum(np.sum(np.cos(part)) for part in vjp(f, *primals)[1](cotangent))

    return [(f, cotangent), (first, np.ones(()))]


def assert_derivatives(f, *primals, rtol=1e-7):
    """The first and second derivatives of a function of arrays are those of differences."""
    primals = [np.asarray(primal, float) for primal in primals]
    for g, cotangent in with_first(f, primals):
        for position, part in enumerate(vjp(g, *primals)[1](cotangent)):
            estimate = numeric_vjp(g, primals, cotangent, position)
            assert_close(part, estimate.value, rtol, 10 * estimate.error)


def assert_same_derivatives(f, other, *primals, rtol=1e-7):
    """The first and second derivatives of two functions of arrays are the same."""
    for (g, cotangent), (theirs, _) in zip(with_first(f, primals), with_first(other, primals), strict=True):
        for part, expected in zip(vjp(g, *primals)[1](cotangent), vjp(theirs, *primals)[1](cotangent), strict=True):
            assert_close(part, expected, rtol)


class Functions:
    """The functions of NumPy and of `scipy.special`, which rules may both call."""

    def __getattr__(self, name):
        return getattr(np, name, None) or getattr(special, name)


@pytest.mark.parametrize("module", [ours, linalg, signal], ids=lambda module: module.__name__)
def test_rules_do_only_what_rules_may_do(module, monkeypatch):
    monkeypatch.setattr(test_rule_sources, "np", Functions())
    monkeypatch.setattr(test_rule_sources, "CLOSED", {*primitives, *composites, *constants})
    monkeypatch.setattr(test_rule_sources, "BUILTINS", {*test_rule_sources.BUILTINS, "keep_axes"})  # of the reductions
    source = Path(module.__file__).read_text().replace("special.", "np.")
    assert test_rule_sources.forbidden(source) == []


# Universal functions with a constant order, called as users do

X = np.array([[0.3, 0.7], [0.45, 0.9]])


@pytest.mark.parametrize(
    "name", ["jn", "jv", "yv", "iv", "ive", "kv", "kve", "yn", "kn", "gammainc", "gammaincc", "stdtr"]
)
@pytest.mark.parametrize("order", [2, np.array([1, 3]), [1, 2]], ids=str)
def test_functions_with_an_order(name, order):
    function = getattr(special, name)
    expected = function(order, X)
    assert_close(function(order, Tensor(X)).data, expected, 1e-15)
    assert_derivatives(lambda x: function(order, x), X)
    with pytest.raises(TypeError, match=r"keyword .*no gradient flows.*detach"):
        function(Tensor([1.0, 2.0], requires_grad=True), X)


@pytest.mark.parametrize("name", ["betainc", "betaincc"])
def test_incomplete_beta_functions(name):
    function = getattr(special, name)
    assert_close(function(2, [1.5, 3], Tensor(X)).data, function(2, [1.5, 3], X), 1e-15)
    assert_derivatives(lambda x: function(2, [1.5, 3], x), X)
    with pytest.raises(TypeError, match="keyword `a`"):
        function(Tensor(2.0, requires_grad=True), 1.0, X)


def test_orders_that_their_owner_overwrites():
    order = np.array([1.0, 2.0])
    x = Tensor([1.0, 2.0], requires_grad=True)
    out = special.jv(order, x)
    order[:] = 7
    out.backward(np.ones(2))
    assert_close(x.grad, special.jvp([1, 2], [1.0, 2.0]), 1e-14)


def test_polygamma_and_multigammaln():
    assert_close(ours.polygamma([1, 2], X), special.polygamma([1, 2], X), 1e-15)
    assert_derivatives(lambda x: ours.polygamma(1, x), X + 0.5)
    assert_close(ours.multigammaln(X + 3, 4), special.multigammaln(X + 3, 4), 1e-15)
    assert_derivatives(lambda x: ours.multigammaln(x, 3), X + 3)
    with pytest.raises(ValueError, match="dimension"):
        ours.multigammaln(3.0, 0)


@pytest.mark.parametrize("options", [{}, {"axis": 0}, {"axis": -1, "keepdims": True}, {"axis": (0, 1)}], ids=str)
@pytest.mark.parametrize("sign", [False, True])
def test_weighted_logsumexp(options, sign):
    b = np.array([[0.5, -2.0], [1.0, 3.0]]) if sign else np.array([[0.5, 2.0], [1.0, 0.0]])
    found = ours.logsumexp(X, b=b, return_sign=sign, **options)
    expected = special.logsumexp(X, b=b, return_sign=sign, **options)
    for part, reference in zip(*((found, expected) if sign else ([found], [expected])), strict=True):
        assert_close(part, reference, 1e-14)
    pick = (lambda r: r[0]) if sign else (lambda r: r)
    b = b + 0.1
    assert_derivatives(lambda a, b: pick(ours.logsumexp(a, b=b, return_sign=sign, **options)), X, b)


# Hard points: finite and right, in both precisions, with warnings as errors

PRECISIONS = pytest.mark.parametrize("dtype", [np.float32, np.float64])
FAR = [-1e4, -50.0, 0.0, 50.0, 1e4]


def derivatives(f, points, dtype):
    """The first and second derivatives of an elementwise function, in the given precision."""
    x = np.asarray(points, dtype)

    def first(x):
        return vjp(f, x)[1](np.ones(len(points), dtype))[0]

    results = first(x), vjp(first, x)[1](np.ones(len(points), dtype))[0]
    assert all(result.dtype == dtype for result in results)
    return results


@PRECISIONS
def test_far_out(dtype):
    tiny = 4 * np.finfo(dtype).eps
    first, second = derivatives(special.expit, FAR, dtype)
    np.testing.assert_allclose(first, [0, np.exp(-50), 0.25, np.exp(-50), 0], atol=tiny)
    np.testing.assert_allclose(second, 0, atol=tiny)
    first, second = derivatives(special.log_expit, FAR, dtype)
    np.testing.assert_allclose(first, [1, 1, 0.5, np.exp(-50), 0], rtol=8 * tiny)
    np.testing.assert_allclose(second, [0, -np.exp(-50), -0.25, -np.exp(-50), 0], atol=tiny)
    first, second = derivatives(special.log_ndtr, FAR, dtype)
    np.testing.assert_allclose(first[:3], [1e4 + 1e-4, 50 + 1 / 50 - 2 / 50**3, np.sqrt(2 / np.pi)], rtol=1e-6)
    np.testing.assert_allclose(first[3:], 0, atol=tiny)
    np.testing.assert_allclose(second, [-1 + 1e-8, -1 + 1 / 50**2, -2 / np.pi, 0, 0], rtol=1e-5, atol=tiny)
    first, second = derivatives(special.erfcx, [9.9, 10.1, 50.0, 1e4], dtype)
    x = np.array([9.9, 10.1, 50.0, 1e4])
    mean = special.erfcx(x)
    exact = -(mean / x) * (1 - 1 / x**2 + 2.5 / x**4)  # the first terms of the ratio of the two series
    np.testing.assert_allclose(first, exact, rtol=1e-4)
    np.testing.assert_allclose(second[2:], 2 / np.sqrt(np.pi) / x[2:] ** 3, rtol=3e-3)


@PRECISIONS
@pytest.mark.parametrize("scale", [1.0, 1e4])
def test_softmax_family_far_out(dtype, scale):
    x = np.array([[-scale, 0, scale], [scale, scale, -scale], [scale + 1, scale, scale]], dtype)
    p = special.softmax(x.astype(float), axis=1)
    weights = np.array([[1.0, 2.0, 3.0]] * 3, dtype)
    np.testing.assert_allclose(grad(lambda x: np.sum(ours.logsumexp(x, axis=1)))(x), p, rtol=1e-3, atol=1e-6)
    found = grad(lambda x: np.sum(weights * ours.log_softmax(x, axis=1)))(x)
    np.testing.assert_allclose(found, weights - 6 * p, rtol=1e-3, atol=1e-5)
    found = grad(lambda x: np.sum(weights * ours.softmax(x, axis=1)))(x)
    np.testing.assert_allclose(found, p * (weights - np.sum(weights * p, 1, keepdims=True)), atol=1e-5)
    assert found.dtype == dtype
    for f in (ours.logsumexp, ours.softmax, ours.log_softmax):
        second = grad(lambda x, f=f: np.sum(grad(lambda x: np.sum(np.square(f(x, axis=1)) / scale))(x)))(x)
        assert np.all(np.isfinite(second))


@pytest.mark.parametrize("infinity", [np.inf, -np.inf])
def test_logsumexp_of_equal_infinities_shares_the_slope(infinity):
    x = np.array([infinity, infinity]) if infinity < 0 else np.array([infinity, infinity, 0.0])
    np.testing.assert_array_equal(grad(ours.logsumexp)(x)[:2], [0.5, 0.5])
    assert grad(ours.logsumexp)(np.array([-np.inf, 0.0])).tolist() == [0, 1]


@PRECISIONS
def test_entropies_at_0(dtype):
    zero, one, two = np.zeros((), dtype), np.ones((), dtype), np.full((), 2, dtype)
    assert grad(special.xlogy)(zero, two) == np.log(two)
    assert grad(special.xlogy, 1)(zero, two) == 0
    assert grad(special.xlogy, 1)(zero, zero) == 0
    assert grad(lambda x: grad(special.xlogy, 1)(x, two))(zero) == 0.5
    assert grad(special.xlog1py)(zero, one) == np.log(two)
    assert grad(special.xlog1py, 1)(zero, -one) == 0
    for f, slope in ((special.rel_entr, 0), (special.kl_div, 1)):
        assert grad(f, 1)(zero, two) == slope
        assert grad(f, 1)(zero, zero) == slope
    with pytest.warns(RuntimeWarning, match="divide by zero"):
        assert grad(special.entr)(zero) == np.inf
    with pytest.warns(RuntimeWarning, match="divide by zero"):
        assert grad(special.rel_entr)(zero, two) == -np.inf


def test_functions_of_the_gamma_family_at_their_corners():
    slopes = [grad(special.rgamma)(-float(n)) for n in range(5)]
    np.testing.assert_allclose(slopes, [1, -1, 2, -6, 24], rtol=1e-14)
    density = [grad(lambda x, a=a: special.gammainc(a, x))(0.0) for a in (1, 2, 3)]
    assert density == [1, 0, 0]
    second = [grad(grad(lambda x, a=a: special.gammainc(a, x)))(0.0) for a in (1, 2, 3)]
    np.testing.assert_allclose(second, [-1, 1, 0], atol=1e-15)
    np.testing.assert_allclose(grad(lambda x: special.gammainc(1000, x))(1000.0), 0.012614611, rtol=1e-6)
    np.testing.assert_allclose([grad(lambda x: special.betainc(1, 2, x))(x) for x in (0.0, 1.0)], [2, 0], atol=1e-14)


def test_bessel_functions_at_0():
    x = np.zeros(())
    assert [float(grad(f)(x)) for f in (special.j0, special.j1, special.i0, special.i1)] == [0, 0.5, 0, 0.5]
    assert [float(grad(grad(f))(x)) for f in (special.j0, special.i0)] == [-0.5, 0.5]
    assert [float(grad(lambda x, n=n: special.jv(n, x))(x)) for n in range(3)] == [0, 0.5, 0]
    assert grad(special.i0e)(x) == 0  # a kink


def test_complex_arguments():
    z = np.array([0.3 + 0.4j, -1.0 + 0.2j])
    found = grad(lambda z: np.sum(np.real(special.erf(z))))(z)
    np.testing.assert_allclose(np.conj(found), 2 / np.sqrt(np.pi) * np.exp(-z * z))


# scipy.linalg

MATRIX = np.array([[4.0, 1.0, 0.3], [0.6, 3.0, -0.4], [0.2, 0.5, 2.0]])


@pytest.mark.parametrize("stack", [False, True])
def test_matrix_functions(stack):
    a = np.stack([MATRIX, 2 * MATRIX]) if stack else MATRIX
    theirs = scipy.linalg
    for name in ("sqrtm", "expm"):
        function = getattr(linalg, name)
        assert_close(function(a), getattr(theirs, name)(a), 1e-14)
        assert_derivatives(function, a / 3, rtol=1e-6)
    q = a @ a
    assert_close(linalg.solve_sylvester(a, a, q), theirs.solve_sylvester(a, a, q), 1e-14)
    assert_close(linalg.solve_triangular(a, q, lower=True), theirs.solve_triangular(a, q, lower=True), 1e-14)
    assert_derivatives(linalg.solve_sylvester, a, a + 1, q)


def test_a_triangular_solve_has_slope_0_in_the_other_triangle():
    a = vjp(lambda a: linalg.solve_triangular(a, np.ones(3), unit_diagonal=True), MATRIX)[1](np.ones(3))[0]
    np.testing.assert_array_equal(np.tril(a), 0)


def test_complex_matrices():
    rng = np.random.default_rng(0)
    a, b = (rng.standard_normal((2, 3, 3)) + 1j * rng.standard_normal((2, 3, 3))) + 3 * np.eye(3)
    w = rng.standard_normal((3, 3)) + 1j * rng.standard_normal((3, 3))
    for f in (
        linalg.expm,
        linalg.sqrtm,
        lambda a: linalg.solve_triangular(a, b),
        lambda a: linalg.solve_triangular(a, b, trans=1),
        lambda a: linalg.solve_triangular(a, b, trans="C", lower=True),
        lambda a: linalg.solve_triangular(b, a, trans="C"),
        lambda a: linalg.solve_sylvester(a, b, b),
        lambda a: linalg.solve_sylvester(b, b, a),
        lambda a: signal.convolve(a, b, "same"),
    ):

        def loss(x, y, f=f):
            return np.sum(np.real(f(x + 1j * y) * w))

        found = grad(lambda a, f=f: np.sum(np.real(f(a) * w)))(a)
        real, imaginary = (numeric_vjp(loss, [a.real.copy(), a.imag.copy()], np.ones(()), i) for i in (0, 1))
        assert_close(found.real, real.value, 1e-7, 10 * real.error)
        assert_close(found.imag, imaginary.value, 1e-7, 10 * imaginary.error)


# scipy.signal


@pytest.mark.parametrize("mode", ["full", "same", "valid"])
@pytest.mark.parametrize("shapes", [((5,), (3,)), ((3,), (5,)), ((4, 5), (2, 4)), ((2, 2), (3, 2))], ids=str)
@pytest.mark.parametrize("method", ["direct", "fft"])
def test_convolve(mode, shapes, method):
    a, b = (np.random.default_rng(i).standard_normal(shape) for i, shape in enumerate(shapes))
    assert_close(signal.convolve(a, b, mode, method), scipy.signal.convolve(a, b, mode, method), 1e-13)
    assert_derivatives(lambda a, b: signal.convolve(a, b, mode, method), a, b)


def test_convolve_refuses_what_scipy_refuses():
    with pytest.raises(ValueError, match="neither holds the other"):
        signal.convolve(np.ones((3, 1)), np.ones((1, 3)), "valid")
    with pytest.raises(ValueError, match="mode"):
        signal.convolve(np.ones(3), np.ones(3), "half")
    with pytest.raises(ValueError, match="axes"):
        signal.convolve(np.ones(3), np.ones((3, 1)))


# scipy.stats

POINTS = np.array([0.2, 0.5, 0.85])
SHAPES = {"norm": (), "t": (3.5,), "beta": (2.0, 3.5), "gamma": (2.5,), "chi2": (3.0,)}


def theirs_and_ours(name):
    return getattr(scipy.stats, name), getattr(stats, name)


@pytest.mark.parametrize("method", ["pdf", "logpdf", "cdf", "logcdf", "sf", "logsf"])
@pytest.mark.parametrize("name", SHAPES)
def test_continuous_distributions(name, method):
    theirs, own = (getattr(distribution, method) for distribution in theirs_and_ours(name))
    shapes = SHAPES[name]
    x = np.array([-0.4, 0.1, 0.3, 0.8, 1.1, 3.0])
    with np.errstate(divide="ignore"):
        for call in ((x, *shapes), (x, *shapes, 0.05), (x, *shapes, -0.02, 2.0)):
            assert_close(np.exp(own(*call)), np.exp(theirs(*call)), 1e-12)
            assert np.result_type(own(np.float32(0.4), *call[1:])) == np.float32
    if method.endswith("pdf"):
        assert_derivatives(lambda x, *rest: own(x, *rest), POINTS, *shapes, -0.03, 1.2)
    else:
        assert_derivatives(lambda x, loc, scale: own(x, *shapes, loc=loc, scale=scale), POINTS, -0.03, 1.2)
        if shapes:
            with pytest.raises(TypeError, match="keyword"):
                own(POINTS, *(Tensor(shape, requires_grad=True) for shape in shapes))


def test_densities_outside_their_support():
    x = np.array([-1.0, 2.0])
    np.testing.assert_array_equal(stats.beta.logpdf(x, 2, 3), [-np.inf, -np.inf])
    np.testing.assert_array_equal(grad(lambda x: np.sum(stats.beta.pdf(x, 2, 3)))(x), [0, 0])
    np.testing.assert_array_equal(grad(lambda x: np.sum(stats.beta.cdf(x, 2, 3)))(x), [0, 0])
    np.testing.assert_array_equal(grad(lambda a: np.sum(stats.gamma.pdf(-x, a)[1:]))(2.0), 0)


@PRECISIONS
def test_normal_tails(dtype):
    first, _ = derivatives(stats.norm.logcdf, [-1e4, 1e4], dtype)
    np.testing.assert_allclose(first, [1e4, 0], rtol=1e-6)
    first, _ = derivatives(stats.norm.logsf, [-1e4, 1e4], dtype)
    np.testing.assert_allclose(first, [0, -1e4], rtol=1e-6)


def test_calls_that_distributions_refuse():
    with pytest.raises(TypeError, match="parameter 'df'"):
        stats.t.pdf(0.0)
    with pytest.raises(TypeError, match="each once"):
        stats.norm.pdf(0.0, 0, loc=1)
    with pytest.raises(TypeError, match="keyword `k`"):
        stats.poisson.pmf(Tensor(1.0, requires_grad=True), 2.0)
    with pytest.raises(TypeError, match="singular"):
        stats.multivariate_normal.pdf(np.zeros(2), cov=np.zeros((2, 2)), allow_singular=True)


@pytest.mark.parametrize("method", ["pmf", "logpmf", "cdf", "logcdf", "sf", "logsf"])
def test_poisson(method):
    theirs, own = (getattr(distribution, method) for distribution in theirs_and_ours("poisson"))
    k, mu = np.array([0, 1, 4]), np.array([0.7, 2.0, 3.5])
    assert_close(own(k, mu), theirs(k, mu), 1e-13)
    assert_close(own(k + 1, mu, 1), theirs(k + 1, mu, 1), 1e-13)
    assert_derivatives(lambda mu: own(k, mu), mu)
    assert grad(lambda mu: own(2, mu))(np.float32(1.5)).dtype == np.float32
    if not method.startswith("log"):
        assert_close(own(np.array([-1, 0.5]), 2.0), theirs(np.array([-1, 0.5]), 2.0), 1e-14)


@pytest.mark.parametrize("x", [[0.2, 0.3, 0.5], [0.2, 0.3], [[0.2, 0.1], [0.3, 0.6], [0.5, 0.3]]], ids=str)
def test_dirichlet(x):
    theirs, own = theirs_and_ours("dirichlet")
    alpha = np.array([1.5, 2.0, 3.0])
    for method in ("pdf", "logpdf"):
        assert_close(getattr(own, method)(x, alpha), getattr(theirs, method)(x, alpha), 1e-13)
        assert_derivatives(getattr(own, method), x, alpha)


@pytest.mark.parametrize(
    ("x", "mean", "cov"),
    [
        ([0.3, -0.2], [0.1, 0.4], [[2.0, 0.3], [0.3, 1.0]]),
        ([[0.3, -0.2], [1.0, 0.5], [0.0, 0.1]], [0.1, 0.4], [[2.0, 0.3], [0.3, 1.0]]),
        ([[0.3, -0.2], [1.0, 0.5]], [0.1, 0.4], [0.5, 2.0]),
        ([0.3, -0.2], [0.1, 0.4], 1.5),
        ([0.3, -0.2, 0.7], 0.1, 1.5),
        (0.3, 0.1, 2.0),
    ],
    ids=str,
)
def test_multivariate_normal(x, mean, cov):
    theirs, own = theirs_and_ours("multivariate_normal")
    for method in ("pdf", "logpdf"):
        assert_close(getattr(own, method)(x, mean, cov), getattr(theirs, method)(x, mean, cov), 1e-12)
        assert_derivatives(getattr(own, method), x, mean, cov)
    assert_close(own.entropy(mean, cov), theirs.entropy(mean, cov), 1e-13)
    assert_derivatives(lambda cov: own.entropy(mean, cov), cov)


# scipy.integrate


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


# The package


def run(program):
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)


def test_scipy_is_imported_by_its_users_only():
    done = run("import sys, autograd_mini, nn; assert not [m for m in sys.modules if m.partition('.')[0] == 'scipy']")
    assert not done.returncode, done.stderr


def test_without_scipy_the_error_names_the_extra():
    done = run("import sys; sys.modules['scipy'] = None\nimport autograd_mini.scipy")
    assert 'pip install "autograd-mini[scipy]"' in done.stderr


def test_modules_are_imported_when_asked_for():
    done = run(
        "import sys, autograd_mini.scipy as s\n"
        "assert 'scipy.integrate' not in sys.modules and 'scipy.signal' not in sys.modules\n"
        "assert s.integrate.odeint and s.signal.convolve\n"
        "s.nothing"
    )
    assert "has no attribute 'nothing'" in done.stderr
