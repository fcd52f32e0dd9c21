"""`autograd_mini.scipy.signal` beside SciPy and beside differences."""

import numpy as np
import pytest
import scipy.signal

from tests.autograd_mini.scipy.derivatives import assert_complex_gradient, assert_derivatives
from tests.autograd_mini.scipy.registered import signal
from tests.autograd_mini.testing.numeric import assert_close


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


def test_complex_convolutions():
    rng = np.random.default_rng(0)
    a, b, w = (rng.standard_normal((3, 3)) + 1j * rng.standard_normal((3, 3)) for _ in range(3))
    assert_complex_gradient(lambda a: signal.convolve(a, b, "same"), a, w)
