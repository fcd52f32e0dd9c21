"""Where nothing requires grad, NumPy itself computes; blocks that watch see it as an operation all the same."""

import dask.array
import numpy as np
import pytest

from autograd_mini import NonFiniteError, Tensor, Watch, checked, no_grad

INTEGERS = np.array([[1, 2, 4], [3, 5, 2]])


def same(got, want):
    """Values, shapes and dtypes, of one result or of several."""
    if isinstance(want, tuple | list):
        assert len(got) == len(want)
        for g, w in zip(got, want, strict=True):
            same(g, w)
        return
    got = got.data if isinstance(got, Tensor) else got
    assert np.asarray(got).dtype == np.asarray(want).dtype
    np.testing.assert_array_equal(got, want)


METHODS = {
    "all": (), "any": (), "argmax": (), "argmin": (1,), "argpartition": (1,), "argsort": (), "clip": (1, 3), "conj": (),
    "conjugate": (), "copy": (), "cumprod": (1,), "cumsum": (), "diagonal": (1,), "flatten": (), "max": (0,),
    "mean": (), "min": (), "nonzero": (), "prod": (1,), "ravel": (), "repeat": (2, 0), "reshape": (3, 2), "round": (1,),
    "squeeze": (), "std": (1,), "sum": (0,), "swapaxes": (0, 1), "take": ([0, 2],), "tolist": (), "trace": (),
    "transpose": (), "var": (0, None, None, 1),
}  # fmt: skip


@pytest.mark.parametrize("dtype", [bool, "int8", int, "float16", "float32", complex])
@pytest.mark.parametrize("name", METHODS)
def test_a_method_gives_what_the_method_of_an_array_gives(name, dtype):
    array = INTEGERS.astype(dtype)
    try:
        want = getattr(array, name)(*METHODS[name])
    except TypeError as error:
        with pytest.raises(type(error)):
            getattr(Tensor(array), name)(*METHODS[name])
    else:
        same(getattr(Tensor(array), name)(*METHODS[name]), want)


@pytest.mark.parametrize("shift", [lambda a, b: a << b, lambda a, b: a >> b], ids=["<<", ">>"])
@pytest.mark.parametrize("other", [1, INTEGERS], ids=["number", "array"])
def test_shifts_of_bits(shift, other):
    same(shift(Tensor(INTEGERS), other), shift(INTEGERS, other))
    same(shift(other, Tensor(INTEGERS)), shift(other, INTEGERS))
    with pytest.raises(TypeError):
        shift(Tensor(1.0), 1)


CALLS = {
    "vecdot of int8": lambda t: np.vecdot(t(np.array([100, 100], np.int8)), t(np.array([1, 1], np.int8))),
    "pad with means of integers": lambda t: np.pad(t(INTEGERS), 1, mode="mean"),
    "pad with nothing": lambda t: np.pad(t(INTEGERS), 1, mode="empty")[1:-1, 1:-1],
    "modf of integers": lambda t: np.modf(t(INTEGERS)),
    "norm of integers": lambda t: np.linalg.norm(t(INTEGERS), 1),
    "average and its weight": lambda t: np.average(t(INTEGERS), returned=True),
    "gradient of float32": lambda t: np.gradient(t(np.array([1, 2, 4], np.float32)), np.arange(3.0)),
    "polynomials": lambda t: np.polyadd(t(INTEGERS[0]), t(INTEGERS[1, :2])),
    "dtype": lambda t: np.add(t(INTEGERS), 1, dtype="float32"),
    "nested": lambda t: np.block([[t(INTEGERS), t(INTEGERS)]]),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
def test_a_call_gives_what_it_gives_of_arrays(call):
    same(call(Tensor), call(lambda array: array))
    with no_grad():
        same(call(lambda a: Tensor(a, requires_grad=a.dtype.kind == "f")), call(lambda array: array))


def test_a_function_of_the_caller_may_use_variables_of_its_own():
    w = Tensor([1.0, 2.0, 3.0], requires_grad=True)
    rows = np.apply_along_axis(lambda row: row @ w, 1, Tensor(INTEGERS * 1.0))
    rows.sum().backward()
    np.testing.assert_array_equal(w.grad, INTEGERS.sum(axis=0))


def test_nothing_is_written_into_a_constant():
    t = Tensor([3.0, np.nan, 1.0])
    np.nan_to_num(t, copy=False)
    np.nanmedian(t, overwrite_input=True)
    np.testing.assert_array_equal(t.data, [3.0, np.nan, 1.0])


def test_arrays_of_other_libraries_stay_what_they_are():
    t = Tensor(dask.array.arange(6.0, chunks=3))
    assert isinstance(np.average(t).data, dask.array.Array)
    assert float(np.average(t).data.compute()) == 2.5


class Seen(Watch):
    def __init__(self):
        self.names = []

    def forward(self, primitive, args, result):
        self.names.append(primitive.name)


def test_a_watch_sees_the_call():
    with Seen() as seen:
        np.average(Tensor(INTEGERS))
        np.divmod(Tensor(INTEGERS), 2)
        np.isnan(Tensor(INTEGERS))
        Tensor(INTEGERS) + 1
    assert seen.names == ["np.average", "np.divmod", "np.add"]


def test_what_is_not_finite_is_found_in_constants_too():
    with checked(), pytest.raises(NonFiniteError, match=r"np\.average made .* not finite"):
        np.average(Tensor([1e308, 1e308]))
    with checked():
        np.pad(Tensor([1.0]), 1, constant_values=np.inf)  # put in on purpose


def test_an_error_is_numpys_and_says_on_what():
    with pytest.raises(np.exceptions.AxisError, match="axis 2 is out of bounds"):
        np.median(Tensor(INTEGERS), axis=2)
    with pytest.raises(ValueError, match=r"np\.vecdot was called on operands of shape \(2,\) float64 and shape \(3,\)"):
        np.vecdot(Tensor([1.0, 2.0]), np.arange(3.0))
