"""Covariances, correlations and sums over bins: what NumPy gives, in every form, and their derivatives."""

import numpy as np
import pytest

from autograd_mini import Tensor, grad, hessian
from tests.autograd_mini.rules.test_products import KINDS, check, numbers

X, Y = (3, 5), (2, 5)
COUNTS, WEIGHTS = np.array([1, 0, 2, 1, 3]), np.array([0.5, 1.0, 0.25, 2.0, 1.5])
OPTIONS = [
    {},
    {"bias": True},
    {"ddof": 0},
    {"ddof": 2},
    {"ddof": 2, "bias": True},
    {"fweights": COUNTS},
    {"aweights": WEIGHTS},
    {"fweights": COUNTS, "aweights": WEIGHTS},
    {"fweights": list(COUNTS), "aweights": list(WEIGHTS), "ddof": 0},
    {"aweights": WEIGHTS, "bias": True},
    {"aweights": WEIGHTS, "ddof": 2},
]


@KINDS
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_covariances(options, kind):
    check(lambda m: np.cov(m, **options), numbers(*X, kind=kind))
    check(lambda m: np.cov(m.T, rowvar=False, **options), numbers(*X, kind=kind))
    check(lambda m, y: np.cov(m, y, **options), numbers(*X, kind=kind), numbers(*Y, seed=1, kind=kind))


def test_covariances_of_the_weights():
    check(lambda m, w: np.cov(m, aweights=w), numbers(*X), WEIGHTS)
    check(lambda m, w: np.cov(m, aweights=w, fweights=COUNTS), numbers(*X), WEIGHTS)
    check(lambda w: np.cov(numbers(*X), aweights=w, ddof=0), WEIGHTS)
    check(lambda w: np.cov(numbers(*X).tolist(), aweights=w), WEIGHTS)


FORMS = [
    ((5,), None, True),
    ((5,), None, False),
    ((1, 5), None, True),
    ((5, 1), None, False),
    ((5,), (5,), True),
    ((5,), (5,), False),
    ((5,), (2, 5), True),
    ((5, 3), (5, 2), False),
    ((5, 3), (1, 5), False),
    ((5, 3), (5,), False),
    ((0, 5), None, True),
    ((2, 2), None, True),
]


@KINDS
@pytest.mark.parametrize(("m", "y", "rowvar"), FORMS)
def test_forms_of_covariance(m, y, rowvar, kind):
    both = [numbers(*shape, seed=i, kind=kind) for i, shape in enumerate((m, y)) if shape is not None]
    check(lambda *both: np.cov(*both, rowvar=rowvar), *both)
    if m not in {(0, 5), (2, 2)}:
        check(lambda *both: np.corrcoef(*both, rowvar=rowvar), *both)


def test_a_list_and_a_tensor():
    check(lambda y: np.cov([1.0, 2.0, 4.0], y), numbers(3))
    check(lambda y: np.corrcoef([1.0, 2.0, 4.0], y), numbers(3))


@pytest.mark.parametrize("f", [np.cov, np.corrcoef])
@pytest.mark.parametrize("kind", [np.float16, np.float32, np.complex64])
@pytest.mark.parametrize("dtype", [None, np.float32, np.complex64])
def test_dtypes(f, kind, dtype):
    if dtype is np.float32 and kind is np.complex64:
        pytest.skip("loses the imaginary part")
    m = numbers(*X).astype(kind)
    t = Tensor(m, requires_grad=True)
    out, expected = f(t, dtype=dtype), f(m, dtype=dtype)
    assert out.dtype == expected.dtype
    np.testing.assert_allclose(out.data, expected, rtol=1e-5, atol=1e-6)
    np.real(out)[0, 1].backward()
    assert t.grad.dtype == kind
    want = grad(lambda m: f(m)[0, 1])(m.astype(float if kind is not np.complex64 else complex).real)
    np.testing.assert_allclose(t.grad.real, want, rtol=1e-2 if kind is np.float16 else 1e-4, atol=1e-4)


MISTAKES = [
    ({"ddof": 0.5}, ValueError, "ddof must be integer"),
    ({"fweights": np.full(5, 0.5)}, TypeError, "fweights must be integer"),
    ({"fweights": -COUNTS}, ValueError, "fweights cannot be negative"),
    ({"aweights": -WEIGHTS}, ValueError, "aweights cannot be negative"),
    ({"aweights": WEIGHTS[:3]}, RuntimeError, "incompatible numbers of samples and aweights"),
    ({"fweights": COUNTS[:3]}, RuntimeError, "incompatible numbers of samples and fweights"),
    ({"aweights": np.ones((2, 5))}, RuntimeError, "cannot handle multidimensional aweights"),
    ({"fweights": np.ones((2, 5))}, RuntimeError, "cannot handle multidimensional fweights"),
    ({"aweights": 0 * WEIGHTS}, ZeroDivisionError, "sum to zero"),
    ({"y": np.ones((2, 2, 2))}, ValueError, "y has more than 2 dimensions"),
    ({"y": np.ones((2, 4))}, ValueError, "concatenat"),
]


@pytest.mark.parametrize(("options", "error", "message"), MISTAKES)
def test_mistakes_are_those_of_numpy(options, error, message):
    m = numbers(*X)
    for given in (m, Tensor(m, requires_grad=True)):
        with pytest.raises(error, match=message):
            np.cov(given, **options)
    with pytest.raises(ValueError, match="m has more than 2 dimensions"):
        np.cov(Tensor(np.ones((2, 2, 2)), requires_grad=True))


@pytest.mark.parametrize("options", [{}, {"ddof": 3}, {"aweights": np.array([1.0, 0.0])}], ids=str)
@pytest.mark.filterwarnings("ignore:divide by zero", "ignore:invalid value")
def test_too_few_observations_warn_as_in_numpy(options):
    m = numbers(2, 2 if options else 1)
    results = []
    for given in (m, Tensor(m, requires_grad=True)):
        with pytest.warns(RuntimeWarning, match="Degrees of freedom <= 0"):
            results.append(np.cov(given, **options))
    np.testing.assert_array_equal(results[0], results[1].data)


def test_of_perfect_correlation_the_first_derivative_is_zero_and_the_second_is_right():
    x, y = np.array([1.0, 2.0, 4.0]), np.array([2.0, 4.0, 8.0])
    np.testing.assert_allclose(grad(lambda y: np.corrcoef(x, y)[0, 1])(y), np.zeros(3), atol=1e-15)
    np.testing.assert_allclose(grad(lambda y: np.corrcoef(x, -y)[0, 1])(y), np.zeros(3), atol=1e-15)

    def by_hand(y):
        a, b = x - np.mean(x), y - np.mean(y)
        return np.sum(a * b) / np.sqrt(np.sum(a * a) * np.sum(b * b))

    found = hessian(lambda y: np.corrcoef(x, y)[0, 1])(y)
    np.testing.assert_allclose(found, hessian(by_hand)(y), rtol=1e-10, atol=1e-15)
    assert np.min(np.linalg.eigvalsh(found)) < -0.01


def test_a_variable_correlates_with_itself_whatever_it_is():
    x = numbers(4)
    for f in (lambda x: np.corrcoef(x), lambda x: np.corrcoef(x, np.ones(4) + numbers(4, seed=2))[0, 0]):
        np.testing.assert_allclose(grad(f)(x), np.zeros(4), atol=1e-15)


BINS = np.array([3, 0, 3, 1, 3])


@pytest.mark.parametrize("minlength", [0, 3, 7])
def test_bincount(minlength):
    check(lambda w: np.bincount(BINS, w, minlength), numbers(5))
    check(lambda w: np.bincount(list(BINS), weights=w, minlength=minlength), numbers(5))
    check(lambda w: np.bincount(BINS.astype(np.uint8), w**2), numbers(5))


def test_bincount_of_nothing_and_of_a_tensor_of_bins():
    check(lambda w: np.bincount([], w, minlength=2), numbers(0))
    check(lambda w: np.bincount(Tensor(BINS), w), numbers(5))
    out = np.bincount(Tensor(BINS), minlength=6)
    assert out.dtype == np.bincount(BINS).dtype
    np.testing.assert_array_equal(out.data, [1, 1, 0, 3, 0, 0])
    np.testing.assert_array_equal(np.bincount(Tensor(BINS), list(BINS)).data, [0, 1, 0, 9])


def test_bincount_of_float32_adds_up_in_double_precision():
    w = Tensor(np.arange(5, dtype=np.float32), requires_grad=True)
    out = np.bincount(BINS, w)
    assert out.dtype == np.float64
    np.sum(out**2).backward()
    assert w.grad.dtype == np.float32
    np.testing.assert_array_equal(w.grad, 2 * np.array([6, 1, 6, 3, 6]))


def test_the_bins_are_copied():
    bins, w = BINS.copy(), Tensor(numbers(5), requires_grad=True)
    out = np.sum(np.bincount(bins, w) * np.arange(4.0))
    bins[:] = 0
    out.backward()
    np.testing.assert_array_equal(w.grad, BINS)


def test_bincount_refuses_what_numpy_refuses():
    w = Tensor(numbers(5), requires_grad=True)
    with pytest.raises(ValueError, match="same length"):
        np.bincount(BINS[:3], w)
    with pytest.raises(ValueError, match="negative"):
        np.bincount(-BINS, w)
    with pytest.raises(TypeError, match="safe"):
        np.bincount(BINS, w * 1j)
    with pytest.raises(TypeError):
        np.bincount(w, w)
    with pytest.raises(TypeError):
        np.bincount(w)
