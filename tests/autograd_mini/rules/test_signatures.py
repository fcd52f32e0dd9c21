"""The table of parameters is what the newest NumPy tells, and no function that has a rule is without."""

import inspect

import numpy as np
import pytest

from autograd_mini import Tensor
from autograd_mini.primitive import composites, constants, primitives
from autograd_mini.rules import signatures
from autograd_mini.rules.signatures import SIGNATURES, parameter_names


def name(function):
    return f"{function.__module__}.{function.__name__}"


FUNCTIONS = {f for f in (*primitives, *composites, *constants) if not isinstance(f, np.ufunc)}
REGISTERED = sorted((f for f in FUNCTIONS if f.__module__.startswith("numpy")), key=name)


@pytest.mark.parametrize("function", SIGNATURES, ids=name)
def test_the_table_is_what_numpy_tells(function):
    try:
        told = inspect.signature(function)
    except ValueError:
        pytest.skip(f"NumPy {np.__version__} does not tell")
    assert inspect.signature(SIGNATURES[function]) == told


@pytest.mark.parametrize("function", REGISTERED, ids=name)
def test_the_parameters_of_every_registered_function_are_known(function):
    assert signatures.signature(function).parameters


def test_what_does_not_tell_and_has_no_entry_has_no_names():
    assert parameter_names(np.put) == ("a", "ind", "v", "mode")
    with pytest.raises(ValueError, match="signature"):
        signatures.signature(max)
    assert parameter_names(max) == ()


@pytest.mark.parametrize(
    "call",
    [
        lambda a: np.concatenate([a, a], 1),
        lambda a: np.concatenate([a, a], 1, None),
        lambda a: np.dot(a, a, None),
        lambda a: np.bincount([2, 0], a[0], 4),
        lambda a: np.where([True, False], a, 0.0),
    ],
)
def test_options_of_functions_in_the_table_can_be_given_by_position(call):
    values = np.array([[1.0, 2.0], [3.0, 4.0]])
    out = call(Tensor(values, requires_grad=True))
    np.testing.assert_array_equal(out.data, call(values))


def test_a_result_by_position_is_refused():
    a = Tensor(np.ones((2, 2)), requires_grad=True)
    for call in (lambda out: np.concatenate([a, a], 0, out), lambda out: np.dot(a, a, out)):
        with pytest.raises(TypeError, match="out="):
            call(np.zeros((4, 2)))
