"""Lists go in where arrays do, as in SciPy."""

import importlib

import numpy as np
import pytest

pytest.importorskip("scipy")
MATRIX, VECTOR, WEIGHTS = [[2.0, 0.5], [0.5, 3.0]], [3.0, 4.0], [1.0, 2.0]
BANDS = [[0.0, 1.0, 1.0], [4.0, 4.0, 4.0], [1.0, 1.0, 0.0]]
CALLS = {
    "special": {
        "logsumexp": (VECTOR, None, WEIGHTS),
        "softmax": (VECTOR,),
        "log_softmax": (VECTOR,),
        "lambertw": (VECTOR,),
        "multigammaln": (VECTOR, 2),
        "polygamma": (1, VECTOR),
        "zeta": (VECTOR,),
        "spherical_jn": (1, VECTOR),
        "spherical_yn": (1, VECTOR),
        "spherical_in": (1, VECTOR),
        "spherical_kn": (1, VECTOR),
    },
    "linalg": {
        "block_diag": (MATRIX, MATRIX),
        "cho_factor": (MATRIX,),
        "cho_solve": ((MATRIX, True), VECTOR),
        "cholesky": (MATRIX,),
        "expm": (MATRIX,),
        "expm_frechet": (MATRIX, MATRIX),
        "solve_banded": ((1, 1), BANDS, [1.0, 2.0, 3.0]),
        "solve_sylvester": (MATRIX, MATRIX, MATRIX),
        "solve_toeplitz": (VECTOR, WEIGHTS),
        "solve_triangular": (MATRIX, VECTOR),
        "sqrtm": (MATRIX,),
        "toeplitz": (VECTOR,),
    },
    "signal": {"convolve": (VECTOR, WEIGHTS)},
}


def as_arrays(value):
    """Lists as arrays, also in tuples."""
    if isinstance(value, tuple):
        return tuple(map(as_arrays, value))
    return np.array(value) if isinstance(value, list) else value


def parts(result):
    return result if isinstance(result, tuple) else (result,)


@pytest.mark.parametrize(("module", "name"), [(module, name) for module, calls in CALLS.items() for name in calls])
def test_a_call_with_lists_is_that_with_arrays(module, name):
    function = getattr(importlib.import_module(f"autograd_mini.scipy.{module}"), name)
    given = CALLS[module][name]
    for got, wanted in zip(parts(function(*given)), parts(function(*as_arrays(given))), strict=True):
        assert np.array_equal(got, wanted)
        assert getattr(got, "dtype", None) == getattr(wanted, "dtype", None)


@pytest.mark.parametrize("module", CALLS)
def test_every_function_of_a_module_is_called(module):
    assert {*CALLS[module]} == {*importlib.import_module(f"autograd_mini.scipy.{module}").__all__}
