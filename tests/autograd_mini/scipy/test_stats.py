"""`autograd_mini.scipy.stats` beside SciPy and beside differences."""

import numpy as np
import pytest
import scipy.stats

from autograd_mini import Tensor, grad
from tests.autograd_mini.scipy.derivatives import PRECISIONS, assert_derivatives, derivatives
from tests.autograd_mini.scipy.registered import stats
from tests.autograd_mini.testing.numeric import assert_close

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
