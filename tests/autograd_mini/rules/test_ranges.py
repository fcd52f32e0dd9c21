"""linspace, logspace and geomspace: what NumPy gives, in every form, and derivatives by both ends."""

import numpy as np
import pytest

from autograd_mini import Tensor, grad
from tests.autograd_mini.rules.test_products import KINDS, check, numbers

RANGES = [np.linspace, np.logspace, np.geomspace]
every_range = pytest.mark.parametrize("f", RANGES)
FORMS = [
    {},
    {"num": 5},
    {"num": 5, "endpoint": False},
    {"num": 1},
    {"num": 1, "endpoint": False},
    {"num": 2},
    {"num": 0},
    {"num": 4, "axis": -1},
    {"num": 3, "axis": 1, "endpoint": False},
    {"num": np.int64(3), "dtype": complex},
]


def ends(kind=float):
    """A matrix and a row, away from zero."""
    return 2 + numbers(2, 3, kind=kind), 3 + numbers(3, seed=1, kind=kind)


@KINDS
@every_range
@pytest.mark.parametrize("options", FORMS, ids=str)
def test_values_and_derivatives(f, options, kind):
    check(lambda start, stop: f(start, stop, **options), *ends(kind))


@every_range
def test_numbers(f):
    check(lambda start, stop: f(start, stop, 4), np.array(1.5), np.array(2.5))
    check(lambda start: f(start, 2, 4), np.array(1.5))
    check(lambda stop: f([1.0, 2.0], stop, 4), np.array([1.5, 3.0]))


@every_range
@pytest.mark.parametrize("kind", [np.float16, np.float32])
@pytest.mark.parametrize(
    "options", [{"num": 4}, {"num": 4, "dtype": np.float32}, {"num": 4, "dtype": complex}], ids=str
)
def test_dtypes(f, kind, options):
    start, stop = np.array([1.0, 1.5], kind), np.array([2.0, 2.5], kind)
    a, b = Tensor(start, requires_grad=True), Tensor(stop, requires_grad=True)
    out = f(a, b, **options)
    expected = f(start, stop, **options)
    assert out.dtype == expected.dtype
    np.testing.assert_array_equal(out.data, expected)
    np.sum(np.real(out)).backward()
    assert a.grad.dtype == b.grad.dtype == kind
    want = grad(lambda a, b: np.sum(f(a, b, 4)), (0, 1))(start.astype(float), stop.astype(float))
    np.testing.assert_allclose([a.grad, b.grad], want, rtol=10 * np.finfo(kind).eps)
    assert f(a, 3.0, **options).dtype == f(start, 3.0, **options).dtype


@every_range
def test_whole_numbers_are_constants(f):
    a = Tensor(1.0, requires_grad=True)
    out = f(a, 9.0, 5, dtype=int)
    assert out.dtype == int
    assert not out.requires_grad
    np.testing.assert_array_equal(out.data, f(1.0, 9.0, 5, dtype=int))
    assert f(Tensor(1), 9, 5).dtype == f(np.array(1), 9, 5).dtype


@every_range
def test_mistakes_are_named(f):
    a = Tensor(1.0, requires_grad=True)
    with pytest.raises(ValueError, match="non-negative"):
        f(a, 2.0, num=-1)
    with pytest.raises(TypeError):
        f(a, 2.0, num=2.5)
    with pytest.raises(ValueError, match="broadcast"):
        f(np.ones(2) * a, np.ones(3))


@every_range
def test_the_ends_are_exact(f):
    a, b = Tensor(0.1, requires_grad=True), Tensor(0.7, requires_grad=True)
    out = f(a, b, 7)
    first, last = (10**0.1, 10**0.7) if f is np.logspace else (0.1, 0.7)
    assert (out[0].item(), out[-1].item()) == (first, last)


@KINDS
@pytest.mark.parametrize("options", [{"num": 5}, {"num": 4, "endpoint": False}, {"num": 1, "endpoint": False}], ids=str)
def test_the_step_of_linspace(options, kind):
    check(lambda start, stop: np.linspace(start, stop, retstep=True, **options), *ends(kind))
    check(lambda start: np.linspace(start, 2.0, retstep=True, **options)[1], np.array(0.5))


@pytest.mark.parametrize("options", [{"num": 0}, {"num": 1}, {"num": 0, "endpoint": False}], ids=str)
def test_a_range_without_a_step(options):
    a = Tensor(1.0, requires_grad=True)
    values, step = np.linspace(a, 2.0, retstep=True, **options)
    assert np.isnan(step)
    assert type(step) is type(np.linspace(1.0, 2.0, retstep=True, **options)[1])
    np.sum(values).backward()
    assert a.grad == options["num"]


def test_linspace_of_equal_and_of_tiny_ends():
    check(lambda a, b: np.linspace(a, b, 4), np.array(2.0), np.array(2.0))
    a = Tensor(0.0, requires_grad=True)
    out = np.linspace(a, 5e-324, 3)
    np.testing.assert_array_equal(out.data, np.linspace(0.0, 5e-324, 3))
    np.sum(out).backward()
    assert a.grad == 1.5


def test_the_device():
    a = Tensor(1.0, requires_grad=True)
    assert np.linspace(a, 2.0, device="cpu").shape == (50,)
    with pytest.raises(ValueError, match=r"(?i)device"):
        np.linspace(a, 2.0, device="gpu")


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_the_base_of_logspace(axis):
    start, stop = ends()
    check(lambda base: np.logspace(0.5, 2.0, 4, base=base), np.array(3.0))
    check(lambda a, b, base: np.logspace(a, b, 4, base=base, axis=axis), start, stop, np.array([2.0, 3.0, 4.0]))
    check(lambda base: np.logspace(0.5, 2.0, 4, base=base, axis=axis), np.array([[2.0, 3.0, 4.0]]))
    check(lambda a: np.logspace(a, 2.0, 4, base=np.array([2.0, 3.0]), axis=axis), np.array([0.5, 1.0]))


def test_geomspace_of_negative_ends_and_across_the_plane():
    check(lambda a, b: np.geomspace(a, b, 4), np.array(-2.0), np.array([-3.0, -1.0]))
    check(lambda a, b: np.geomspace(a, b, 5), np.array(1.0 + 1j), np.array(-2.0 + 0.5j))
    check(lambda a: np.geomspace(a, 4j, 5), np.array(-2.0))


def test_geomspace_of_tiny_ends():
    a, b = (1e-300, 1e-290)
    middle = grad(lambda a, b: np.geomspace(a, b, 3)[1], (0, 1))(a, b)
    np.testing.assert_allclose(middle, (1e5 / 2, 1e-5 / 2))


def test_geomspace_cannot_include_zero():
    with pytest.raises(ValueError, match="cannot include zero"):
        np.geomspace(Tensor(0.0, requires_grad=True), 1.0)
