"""Rules of SciPy's functions are there in every test, whichever is the first to use them, whatever was collected."""

import pytest
from scipy.special import erf

import nn
from autograd_mini import Tensor, grad


@pytest.mark.parametrize("time", ["first", "second"])
def test_a_function_of_scipy_has_its_rule_each_time(time):
    assert grad(lambda s: erf(s).sum())(Tensor([0.0])) > 1, time


def test_the_exact_gelu_has_a_derivative():
    assert grad(lambda s: nn.GELU(exact=True)(s).sum())(Tensor([0.0])) == 0.5
