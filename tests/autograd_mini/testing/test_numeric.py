"""The yardstick itself: it measures known derivatives, and it refuses wrong ones at every scale."""

import numpy as np
import pytest

from tests.autograd_mini.testing.numeric import assert_close, numeric_vjp

POINT = np.array([0.3, -1.2])


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e9])
def test_differences_find_a_known_derivative_at_any_scale(scale):
    value, error = numeric_vjp(lambda x: scale * np.sin(x), [POINT], np.ones(2), 0)
    assert_close(value, scale * np.cos(POINT), 1e-10)
    assert np.all(error < 1e-9 * scale)


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e9])
@pytest.mark.parametrize("factor", [-5.0, -1.0, 0.0, 0.5, 1.0001, 2.0])
def test_a_wrong_derivative_is_refused_at_any_scale(scale, factor):
    value, error = numeric_vjp(lambda x: scale * np.sin(x), [POINT], np.ones(2), 0)
    with pytest.raises(AssertionError, match="off by"):
        assert_close(factor * scale * np.cos(POINT), value, error=error)


def test_a_derivative_of_another_shape_is_refused():
    with pytest.raises(AssertionError, match="shape"):
        assert_close(np.ones(1), np.ones(()))


def test_nan_is_refused():
    with pytest.raises(AssertionError, match="off by"):
        assert_close(np.array([np.nan]), np.ones(1))


def test_a_kink_nearby_is_stepped_around():
    value, error = numeric_vjp(lambda x: np.abs(x - 1e-3), [np.zeros(1)], np.ones(1), 0)
    assert_close(value, [-1.0], 1e-7, error)
    assert error < 1e-7
