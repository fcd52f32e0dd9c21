"""PyTorch's tensors as arrays: what NumPy's functions make of them, and what is refused."""

import copy
import itertools
import pickle

import numpy as np
import pytest

from autograd_mini import Tensor, devices

pytestmark = pytest.mark.extra
DTYPES = ["bool", "uint8", "int32", "int64", "float32", "float64", "complex64", "complex128"]
BINARY = np.add, np.subtract, np.multiply, np.divide, np.power, np.maximum, np.arctan2, np.less, np.floor_divide
NO_COMPLEX = {np.maximum, np.less}  # have no order in PyTorch
UNARY = np.exp, np.sqrt, np.negative, np.absolute, np.square, np.isnan, np.floor, np.sign, np.invert, np.conjugate
INDICES = [
    1,
    -1,
    slice(None, None, -1),
    (slice(3, 0, -2), slice(None), slice(None, None, -3)),
    (Ellipsis, slice(None, None, -1)),
    (None, 0, Ellipsis, None),
    [2, 0, 2],
    np.array([[0, -1], [1, 1]]),
    (slice(None), [1, 2]),
    (0, slice(None), [1, 2]),
    ([1, 2], slice(None), 0),
    ([1, 2], 0),
    ([[0], [1]], [0, 2]),
    (slice(None, None, -1), [2, 0], None),
    np.arange(60).reshape(4, 3, 5) % 2 == 0,
    (np.array([True, False, True, True]), 1),
    (Ellipsis, np.array([True, False, True, False, False])),
    slice(2, 2),
    [],
    (),
]


@pytest.fixture(autouse=True)
def torch():
    return pytest.importorskip("torch")


def on_torch(array):
    return devices.to_device(array, "torch:cpu")


def same(ours, numpys):
    """Whether the results are equal, and of one shape and dtype."""
    if isinstance(numpys, tuple):
        return len(ours) == len(numpys) and all(map(same, ours, numpys))
    numpys = np.asarray(numpys)
    assert (ours.shape, ours.dtype) == (numpys.shape, numpys.dtype)
    np.testing.assert_allclose(devices.to_host(ours), numpys, rtol=1e-6)
    return True


def outcome(function, *arguments):
    with np.errstate(all="ignore"):
        try:
            return function(*arguments)
        except TypeError:
            return TypeError


@pytest.mark.parametrize("function", BINARY, ids=lambda function: function.__name__)
def test_two_dtypes_make_the_one_that_they_make_in_numpy(function):
    for first, second in itertools.product(DTYPES, DTYPES):
        a, b = np.array([1, 1, 1]).astype(first), np.array([1, 1, 1]).astype(second)
        numpys = outcome(function, a, b)
        if numpys is TypeError or (function in NO_COMPLEX and np.result_type(a, b).kind == "c"):
            with pytest.raises(TypeError):
                function(on_torch(a), on_torch(b))
        else:
            assert same(function(on_torch(a), on_torch(b)), numpys)
            assert same(function(on_torch(a), on_torch(b[0])), function(a, b[:1][0]))  # numbers of NumPy's count


@pytest.mark.parametrize("function", BINARY, ids=lambda function: function.__name__)
@pytest.mark.parametrize("number", [2, 2.5, 2j, True], ids=str)
def test_a_python_number_widens_as_in_numpy(function, number):
    for dtype in DTYPES:
        a = np.array([1, 1, 1]).astype(dtype)
        for arguments in ((a, number), (number, a)):
            numpys = outcome(function, *arguments)
            ours = [on_torch(x) if x is a else x for x in arguments]
            if numpys is TypeError or (function in NO_COMPLEX and np.result_type(a, number).kind == "c"):
                with pytest.raises(TypeError):
                    function(*ours)
            else:
                assert same(function(*ours), numpys)


@pytest.mark.parametrize("function", UNARY, ids=lambda function: function.__name__)
def test_a_function_of_one_array_gives_numpys_dtype(function):
    for dtype in DTYPES:
        a = np.array([1, 0, 1]).astype(dtype)
        numpys = outcome(function, a)
        if numpys is TypeError or numpys.dtype == np.float16:
            continue
        assert same(function(on_torch(a)), numpys)


@pytest.mark.parametrize("function", [np.sum, np.prod, np.mean, np.max, np.min, np.any, np.all, np.var, np.cumsum])
@pytest.mark.parametrize("axis", [None, 0, -1, (0, 2), ()], ids=str)
def test_a_reduction_gives_numpys_dtype_and_shape(function, axis):
    if function is np.cumsum and isinstance(axis, tuple):
        return
    keeps = [{}] if function is np.cumsum else [{}, {"keepdims": True}]
    for dtype, options in itertools.product(("bool", "int32", "float32", "float64"), keeps):
        a = np.arange(24).reshape(2, 3, 4).astype(dtype)
        if function in {np.max, np.min} and dtype == "bool":
            continue
        assert same(function(on_torch(a), axis=axis, **options), function(a, axis=axis, **options))


@pytest.mark.parametrize("index", INDICES, ids=str)
def test_an_index_reads_what_it_reads_in_numpy(index):
    a = np.arange(60.0).reshape(4, 3, 5)
    assert same(on_torch(a)[index], a[index])


@pytest.mark.parametrize("index", INDICES, ids=str)
def test_an_index_writes_what_it_writes_in_numpy(index):
    a = np.arange(60.0).reshape(4, 3, 5)
    ours, values = on_torch(a), -np.arange(a[index].size).reshape(a[index].shape)
    if isinstance(index, np.ndarray) and index.dtype == int:
        values[...] = -1.0  # of an entry that is named twice the last value counts, in no order
    ours[index] = on_torch(values)
    a[index] = values
    assert same(ours, a)


@pytest.mark.parametrize("values", [(0.5, 1), (1, 2), (1, 2j), (True, 0.5), (np.float32(1), 2)], ids=str)
def test_a_choice_of_two_numbers_has_numpys_dtype(values):
    mask = np.array([True, False])
    assert same(np.where(on_torch(mask), *values), np.where(mask, *values))


def test_a_choice_beside_zero_is_exact_whatever_is_not_chosen():
    x = np.tile(np.float32([np.nan, np.inf, -0.0, 2]), (500, 1))
    mask = np.random.default_rng(0).random(x.shape) > 0.5
    for values, where in ((x, mask), (x.T, mask.T), (x[::2], mask[::2]), (x, mask[:1]), (x[:1], mask)):
        ours = np.where(on_torch(where), on_torch(values), 0), np.where(on_torch(where), 0, on_torch(values))
        for found, wanted in zip(ours, (np.where(where, values, 0), np.where(where, 0, values)), strict=True):
            assert same(found, wanted)
            assert np.array_equal(np.signbit(devices.to_host(found)), np.signbit(wanted))


def shift(a):
    a[1:] += a[:-1]


def to_the_right(a):
    a[:, 1:] *= a[:, :-1]


def transposed(a):
    a += a.T


def squared(a):
    a *= a


def less_the_first_row(a):
    a -= a[0]


def exponential(a):
    np.exp(a, out=a)


@pytest.mark.parametrize(
    "write",
    [shift, to_the_right, transposed, squared, less_the_first_row, exponential],
    ids=lambda write: write.__name__,
)
def test_what_is_written_in_place_reads_its_operands_first(write):
    numpys = np.arange(16, dtype=np.float32).reshape(4, 4) / 4
    ours = on_torch(numpys)
    write(ours)
    write(numpys)
    assert same(ours, numpys)


@pytest.mark.parametrize("number", [300, -1, 2**40])
def test_a_python_integer_out_of_bounds_raises_or_is_compared_as_it_is(number):
    array = np.array([3, 200], np.uint8)
    for function in (np.add, np.multiply, np.bitwise_and, np.maximum):
        with pytest.raises(OverflowError, match=f"{number} out of bounds for uint8"):
            function(on_torch(array), number)
    for function in (np.less, np.equal, np.greater_equal, np.divide, np.logical_or):
        assert same(function(on_torch(array), number), function(array, number))


def test_host_arrays_as_indices_may_be_read_only_or_run_backwards():
    array, index = np.arange(12.0).reshape(3, 4), np.array([0, 2])
    index.flags.writeable = False
    mask = (array > 4)[::-1]
    assert same(on_torch(array)[index], array[index])
    assert same(on_torch(array)[np.arange(3)[::-1]], array[::-1])
    assert same(np.where(mask, on_torch(array), 0), np.where(mask, array, 0))


@pytest.mark.parametrize("index", [0.5, "a", np.array([0.5])], ids=str)
def test_what_is_no_index_is_refused_as_by_numpy(index):
    with pytest.raises(IndexError):
        on_torch(np.ones(3))[index]


def test_axes_are_checked_as_by_numpy():
    array = on_torch(np.ones((3, 4), np.float32))
    for axis, error in ((0.5, TypeError), ((0, 0), ValueError), (2, ValueError)):
        with pytest.raises(error):
            np.prod(array, axis=axis)
        with pytest.raises(error):
            np.add.reduce(array, axis=axis)
    assert same(np.add.reduce(array, axis=np.int64(1)), np.full(3, 4, np.float32))
    with pytest.raises(ValueError, match="no identity"):
        np.max(array[:0], axis=0)
    assert np.max(array[:0], axis=1).shape == (0,)


def test_a_split_into_equal_parts_is_one():
    array = on_torch(np.arange(6.0))
    assert same(tuple(np.split(array, [1, 4])), tuple(np.split(np.arange(6.0), [1, 4])))
    assert [len(part) for part in np.array_split(array, 4)] == [2, 2, 1, 1]
    with pytest.raises(ValueError, match="equal division"):
        np.split(array, 4)


def test_an_index_of_torch_that_is_overwritten_changes_no_gradient(torch):
    w, index = Tensor(torch.ones(3), requires_grad=True), torch.tensor([0, 0, 2])
    total = w[index].sum()
    index[:] = 1
    total.backward()
    assert same(w.grad, np.float32([2, 0, 1]))


def test_memory_of_which_entries_share_a_place_is_not_written(torch):
    array = on_torch(np.ones(1, np.float32))
    with pytest.raises(ValueError, match="single memory location"):
        np.broadcast_to(array, (3,)).__iadd__(1)


def test_writing_through_a_view_arrives_in_the_array():
    a = on_torch(np.zeros((2, 3)))
    a.T[1] = 5.0
    a[0] += 1
    assert same(a, np.array([[1.0, 6, 1], [0, 5, 0]]))


@pytest.mark.parametrize("ufunc", [np.add, np.subtract, np.maximum, np.minimum, np.multiply])
def test_entries_that_are_named_twice_are_taken_into_account_twice(ufunc):
    a, index, values = np.ones((3, 2)), ([0, 2, 0, -1], slice(None)), np.arange(8.0).reshape(4, 2)
    ours = on_torch(a)
    ufunc.at(ours, index, on_torch(values))
    ufunc.at(a, index, values)
    assert same(ours, a)


def test_an_index_on_the_device_adds_up_in_the_backward():
    x, index = np.arange(3.0), np.array([0, 2, 0])
    for place in (index, on_torch(index)):
        t = Tensor(on_torch(x), requires_grad=True)
        np.sum(t[place] * on_torch(np.array([1.0, 2.0, 4.0]))).backward()
        assert same(t.grad, np.array([5.0, 0.0, 2.0]))


def test_a_tensor_stays_where_it_is(torch):
    for device in ("cpu", "meta"):
        given = torch.ones(2, 3, device=device)
        t = Tensor(given)
        assert t.device == ("torch:cpu" if device == "cpu" else device)
        assert t.data.tensor is not given  # it is copied, as an array is
        assert (t.shape, t.dtype) == ((2, 3), np.float32)


def test_a_tensor_of_torch_is_an_operand_wherever_it_stands(torch):
    t = Tensor(torch.ones(3), requires_grad=True)
    for result in (t * torch.ones(3), torch.ones(3) * t, np.multiply(torch.ones(3), t), t + np.float32(1)):
        assert result.device == "torch:cpu"
        assert result.requires_grad


def test_a_batch_that_is_overwritten_before_the_backward_changes_no_gradient(torch):
    batch = torch.tensor([1.0, 2.0, 3.0])
    w = Tensor(torch.ones(3), requires_grad=True)
    loss = np.sum(w * batch)
    batch.zero_()
    loss.backward()
    assert same(w.grad, np.array([1, 2, 3], np.float32))


def test_a_mask_that_is_overwritten_before_the_backward_changes_no_gradient(torch):
    mask = torch.tensor([True, False])
    w = Tensor(torch.ones(2), requires_grad=True)
    loss = np.sum(np.where(Tensor(mask), w, 0))
    mask.fill_(True)
    loss.backward()
    assert same(w.grad, np.array([1, 0], np.float32))


def test_the_gradient_comes_back_to_the_device_of_its_tensor():
    w = Tensor([1.0, 2.0], requires_grad=True)
    there = w.to_device("torch:cpu")
    assert there.device == "torch:cpu"
    np.sum(there * there).to_device("cpu").backward()
    assert w.grad.tolist() == [2.0, 4.0]
    assert type(w.grad) is np.ndarray


def test_data_that_is_assigned_comes_to_the_device():
    t = Tensor(on_torch(np.zeros(2)))
    t.data = np.ones(2)
    assert t.device == "torch:cpu"
    assert same(t.data, np.ones(2))


def test_torch_takes_the_array_and_dlpack_shares_its_memory(torch):
    t = Tensor(torch.tensor([-1.0, 1.0]))
    assert torch.relu(t.data).tolist() == [0.0, 1.0]
    torch.from_dlpack(t.data)[0] = 7
    assert t.data.tolist() == [7.0, 1.0]
    assert np.from_dlpack(t.data).tolist() == [7.0, 1.0]
    torch.from_dlpack(t)[0] = 8
    assert t.data.tolist() == [8.0, 1.0]


def test_copies_and_pickles_are_arrays_of_their_own():
    a = on_torch(np.arange(3.0))
    for twin in (copy.copy(a), copy.deepcopy(a), pickle.loads(pickle.dumps(a)), a.copy()):
        twin[0] = 9
        assert type(twin) is type(a)
        assert a.tolist() == [0.0, 1.0, 2.0]


def test_it_is_shown_with_its_values_or_without(torch):
    assert repr(Tensor(torch.tensor([1.0, 2.0]))) == "Tensor([1., 2.], dtype=float32)"
    assert "no values" in repr(Tensor(torch.ones(2, device="meta")))
    assert "torch:cpu" in repr(on_torch(np.ones(2)))


def test_what_is_on_the_host_is_not_mixed_in_without_being_asked(torch):
    t = Tensor(torch.ones(3), requires_grad=True)
    with pytest.raises(TypeError, match=r"x\.to_device\(\"torch:cpu\"\)"):
        t * np.ones(3)
    with pytest.raises(TypeError, match=r"np\.asarray\(x, like=y\)"):
        np.concatenate([t, np.ones(3)])
    with pytest.raises(TypeError, match="without being asked"):
        np.asarray(t.data)
    assert (t * np.asarray(np.ones(3, np.float32), like=t.data)).device == "torch:cpu"


def test_a_function_without_a_counterpart_says_what_to_write(torch):
    t = Tensor(torch.ones(3), requires_grad=True)
    with pytest.raises(TypeError, match=r"np\.roots was called on an array on the device torch:cpu") as caught:
        np.roots(t)
    assert '.to_device("cpu")' in str(caught.value)


def test_what_torch_cannot_share_is_refused(torch):
    with pytest.raises(TypeError, match=r"t\.detach\(\)"):
        Tensor(torch.ones(2, requires_grad=True))
    with pytest.raises(TypeError, match="bfloat16"):
        Tensor(torch.ones(2, dtype=torch.bfloat16))
    with pytest.raises(TypeError, match="to_dense"):
        Tensor(torch.eye(2).to_sparse())


def test_a_device_without_double_precision_says_so(torch):
    from autograd_mini.devices.pytorch.dtypes import to_torch

    with pytest.raises(TypeError, match=r"float64 was asked for on the device mps.*astype\(np\.float32\)"):
        to_torch(np.float64, torch.device("mps"))
    assert to_torch(np.float32, torch.device("mps")) is torch.float32


def test_nothing_is_read_on_a_device_without_values(torch):
    t = Tensor(torch.ones(2, device="meta"), requires_grad=True)
    total = np.sum(np.where(t > 0, np.sqrt(t), t))
    total.backward()
    assert t.grad.device == "meta"
    for read in (float, bool, lambda x: x.item(), lambda x: x.tolist(), lambda x: x.to_device("cpu")):
        with pytest.raises(TypeError, match="meta"):
            read(total.detach())


def test_a_check_on_a_device_that_waits_tells_at_the_next_number(torch, monkeypatch):
    from autograd_mini.devices.pytorch import array

    monkeypatch.setattr(array, "WAITING", {"cpu"})
    good, bad = on_torch(np.array([1, 2])), on_torch(np.array([1, -2]))
    assert devices.passes(good > 0)
    assert devices.read(on_torch(np.array(3.0))) == [3.0]
    assert devices.passes(bad > 0)
    with pytest.raises(ValueError, match="did not hold, in test_a_check_on_a_device"):
        devices.read(on_torch(np.array(3.0)))
    assert devices.read(on_torch(np.array(3.0))) == [3.0]
