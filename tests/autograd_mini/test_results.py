"""What a primitive of one's own may return: arrays, numbers of any kind, a tuple of them; the rest is refused."""

import numpy as np
import pytest

from autograd_mini import Tensor, grad, primitive, rule

X = np.array([1.0, 2.0, 4.0])
TOTALS = {
    "array": np.sum,
    "scalar": lambda x: np.float64(np.sum(x)),
    "float": lambda x: float(np.sum(x)),
    "tuple of floats": lambda x: (float(np.sum(x)), float(np.max(x))),
}


@pytest.mark.parametrize("requires_grad", [False, True])
@pytest.mark.parametrize("total", TOTALS.values(), ids=TOTALS)
def test_numbers_are_results_with_and_without_a_graph(total, requires_grad):
    summed = primitive(lambda x: total(x))
    rule(summed, lambda g, _out, x: (g[0] if isinstance(g, tuple) else g) * np.ones_like(x))
    out = summed(Tensor(X, requires_grad=requires_grad))
    first = out[0] if isinstance(out, tuple) else out
    assert isinstance(first, Tensor)
    assert type(first.data) is np.ndarray
    assert first.data == 7
    if requires_grad:
        first.backward()
    assert np.all(grad(lambda x: summed(x)[0] if isinstance(out, tuple) else summed(x))(X) == 1)


@pytest.mark.parametrize("result", [[1.0, 2.0], None, "7", {"total": 7.0}, (1.0, [2.0])])
@pytest.mark.parametrize("requires_grad", [False, True])
def test_what_is_no_number_is_refused_by_name(result, requires_grad):
    @primitive
    def total(_x):
        return result

    rule(total, lambda g, _out, x: g * np.ones_like(x))
    with pytest.raises(TypeError, match=r"total returned a \w+, .* A primitive returns an array, a number, or a tuple"):
        total(Tensor(X, requires_grad=requires_grad))
