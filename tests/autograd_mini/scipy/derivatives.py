"""First and second derivatives of functions beside differences, for tests of what is made of several operations."""

import numpy as np
import pytest

from autograd_mini import grad, vjp
from tests.autograd_mini.testing.numeric import assert_close, numeric_vjp


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


def assert_complex_gradient(f, z, weights, rtol=1e-7):
    """The gradient of a real number made of f(z), by the real and the imaginary parts of z, is that of differences."""

    def loss(z):
        return np.sum(np.real(f(z) * weights))

    found = grad(loss)(z)
    parts = [z.real.copy(), z.imag.copy()]
    real, imaginary = (numeric_vjp(lambda x, y: loss(x + 1j * y), parts, np.ones(()), i) for i in (0, 1))
    assert_close(found.real, real.value, rtol, 10 * real.error)
    assert_close(found.imag, imaginary.value, rtol, 10 * imaginary.error)


PRECISIONS = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def derivatives(f, points, dtype):
    """The first and second derivatives of an elementwise function, in the given precision."""
    x = np.asarray(points, dtype)

    def first(x):
        return vjp(f, x)[1](np.ones(len(points), dtype))[0]

    results = first(x), vjp(first, x)[1](np.ones(len(points), dtype))[0]
    assert all(result.dtype == dtype for result in results)
    return results
