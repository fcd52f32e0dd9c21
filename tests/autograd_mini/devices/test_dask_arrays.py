"""Dask's arrays in tensors: what is lazy, what computes because it is asked to, what is refused and what it says."""

import copy
import pickle
import threading

import dask
import dask.array
import numpy as np
import pytest

import nn
from autograd_mini import Tensor, devices, everywhere, grad, primitive, rule
from autograd_mini.devices.dask import DaskArray, NotComputedError

X = np.arange(12.0, dtype=np.float32).reshape(4, 3) / 8 - 0.5


def refuse(*_args, **_options):
    raise AssertionError("computed without being asked for")


@pytest.fixture(autouse=True)
def _nothing_computes():
    """But what `asked` computes."""
    with dask.config.set(scheduler=refuse):
        yield


def asked(*arrays):
    return dask.compute(*arrays, scheduler="sync")


def lazy(array=X, **options):
    return Tensor(dask.array.from_array(np.asarray(array), chunks=2), **options)


def test_a_dask_array_stays_one_and_dasks_functions_take_it():
    t = lazy()
    assert isinstance(t.data, DaskArray)
    assert isinstance(t.data, dask.array.Array)
    assert t.device == "dask"
    (total,) = asked(dask.array.sum(t.data.rechunk(4)))
    assert total == X.sum()


def test_results_and_gradients_are_lazy():
    t = lazy(requires_grad=True)
    loss = np.mean(np.square(np.tanh(t[1:])))
    loss.backward()
    assert "dask.array" in repr(loss)
    value, slope = asked(loss.data, t.grad)
    np.testing.assert_allclose(value, np.mean(np.tanh(X[1:]) ** 2), rtol=1e-6)
    np.testing.assert_allclose(slope, grad(lambda x: np.mean(np.square(np.tanh(x[1:]))))(X), rtol=1e-6)


@pytest.mark.parametrize("read", [lambda t: t.item(), float, lambda t: t.to_device("cpu").item(), lambda t: f"{t:.1f}"])
def test_a_number_that_is_asked_for_is_computed(read):
    with dask.config.set(scheduler="sync"):
        assert float(read(np.sum(lazy([1.0, 2.0])))) == 3.0


@pytest.mark.parametrize(
    "unseen",
    [
        bool,
        lambda t: np.asarray(t.data),
        lambda t: float(t.data),
        lambda t: [1, 2][t.data],
        lambda t: t.tolist(),
        lambda t: np.zeros(2).__setitem__(slice(None), t.data),
    ],
)
def test_what_would_compute_unseen_says_what_to_write(unseen):
    with pytest.raises(NotComputedError, match=r"`\.compute\(\)`"):
        unseen(lazy(1))


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda t: np.real_if_close(t), r"np\.real_if_close .* `t\.to_device\(\"cpu\"\)`"),
        (lambda t: np.roots(t[0]), r"np\.roots .*map_blocks"),
        (lambda t: np.gradient(Tensor(t.data.rechunk(1))), r"np\.gradient .*rechunk"),
        (lambda t: np.power.accumulate(t), r"np\.power\.accumulate .*of chunks"),
        (lambda t: np.subtract.reduce(t), r"np\.subtract\.reduce .*of chunks"),
        (lambda t: np.nanquantile(t, 0.5, weights=np.ones(X.shape), method="inverted_cdf"), "weights"),
    ],
)
def test_a_function_that_dask_lacks_is_refused_by_name(call, said):
    with pytest.raises(NotComputedError, match=f"(?s){said}"):
        call(lazy())


def test_constants_are_tensors():
    t = lazy()
    for result in (np.argmax(t, axis=1), t > 0, np.isnan(t), *np.nonzero(t)):
        assert isinstance(result, Tensor)
        assert isinstance(result.data, DaskArray)


def test_a_plain_dask_array_from_a_function_of_the_users_is_adopted():
    @primitive
    def doubled(x):
        return dask.array.map_blocks(lambda block: 2 * block, dask.array.asarray(x), dtype=x.dtype)

    rule(doubled, lambda g, _out, _x: 2 * g)
    t = lazy(requires_grad=True)
    out = doubled(t)
    assert isinstance(out.data, DaskArray)
    out.sum().backward()
    np.testing.assert_array_equal(asked(t.grad)[0], np.full(X.shape, 2))


# Writing: there is no memory that two arrays share


def test_a_write_is_seen_in_the_array():
    a = lazy().data
    a[1] = 7
    a[:, 2] += 1
    a[[0, 3], [0, 0]] = -1
    np.add.at(a, [0, 0], np.ones(3, np.float32))
    want = X.copy()
    want[1] = 7
    want[:, 2] += 1
    want[[0, 3], [0, 0]] = -1
    np.add.at(want, [0, 0], np.ones(3, np.float32))
    np.testing.assert_array_equal(asked(a)[0], want)


def test_adding_to_a_part_reaches_the_whole():
    a = lazy().data
    part = a[1:, 0]
    part += 5
    want = X.copy()
    want[1:, 0] += 5
    np.testing.assert_array_equal(asked(a)[0], want)


@pytest.mark.parametrize(
    "view",
    [
        lambda a: a.T,
        lambda a: np.moveaxis(a, 0, 1),
        lambda a: a.reshape(-1),
        lambda a: np.reshape(a, a.shape),
        lambda a: a[1:],
        lambda a: np.broadcast_arrays(a, a)[0],
        lambda a: np.squeeze(a),
    ],
)
def test_a_write_into_a_view_is_refused_where_it_would_be_lost(view):
    part = view(lazy().data)
    with pytest.raises(NotComputedError, match=r"x\.copy\(\)"):
        part[...] = 0
    with pytest.raises(NotComputedError, match=r"x\.copy\(\)"):
        np.negative(part, out=part)
    part.copy()[...] = 0


@pytest.mark.parametrize("index", [(slice(None), [0, 2]), ([3, 0], [1, 2]), X > 0, (None, 1), ([[0], [1]], slice(1))])
def test_entries_by_any_index_of_the_hosts(index):
    found = lazy()[index]
    assert found.shape == X[index].shape
    np.testing.assert_array_equal(asked(found.data)[0], X[index])


# Devices


def test_bringing_to_dask_and_back():
    x = Tensor(X, requires_grad=True)
    there = x.to_device("dask")
    assert there.device == "dask"
    (there * there).sum().backward()
    assert isinstance(x.grad, DaskArray)
    np.testing.assert_allclose(asked(x.grad)[0], 2 * X)
    with dask.config.set(scheduler="sync"):
        here = there.to_device("cpu")
    assert here.device == "cpu"
    np.testing.assert_array_equal(here.data, X)


@pytest.mark.parametrize("way", [copy.copy, copy.deepcopy, lambda t: pickle.loads(pickle.dumps(t))])
def test_copies_stay_what_they_are(way):
    twin = way(lazy())
    assert isinstance(twin.data, DaskArray)
    np.testing.assert_array_equal(asked(twin.data)[0], X)


def test_threads_do_not_disturb_each_other():
    found = []

    def work():
        for _ in range(5):
            t = lazy(requires_grad=True)
            np.sum(np.linalg.norm(np.reshape(t, (3, 4)), axis=1)).backward()
            found.append(t.grad)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({part.tobytes() for part in asked(*found)}) == 1
    assert len(found) == 20


# Checks of values


def test_a_check_that_nothing_can_carry_is_refused():
    for condition in (lazy() > 0, dask.array.ones(3) > 0):
        with pytest.raises(NotComputedError, match="a check of values"):
            everywhere(condition)


def test_a_check_is_asked_when_the_array_is_computed():
    labels = lazy([0, 2]).data
    held = devices.checked(labels, labels < 3, "labels up to {high}", high=labels.max())
    refused = devices.checked(labels, labels < 2, "labels up to {high}", high=labels.max())
    np.testing.assert_array_equal(asked(held)[0], [0, 2])
    with pytest.raises(ValueError, match=r"^labels up to 2$"):
        asked(refused)


SCORES = X
LOSSES = [
    (nn.cross_entropy, SCORES, np.array([0, 1, 2, -1]), "labels from -1 to 2 for 3 classes"),
    (nn.cross_entropy, SCORES, np.array([0, 1, 2, 3]), "labels from 0 to 3 for 3 classes"),
    (nn.cross_entropy, SCORES, np.full((4, 3), 0.5, np.float32), "adds up to 1"),
    (nn.nll_loss, SCORES, np.array([0, 1, 2, 7]), "labels from 0 to 7"),
    (nn.hinge_loss, SCORES, np.array([0, 1, 2, -3]), "labels from -3 to 2"),
    (nn.hinge_loss, SCORES, np.full((4, 3), 0.5, np.float32), "the class 0 or 1"),
    (nn.logistic_loss, SCORES, np.full((4, 3), -1, np.float32), "the class 0 or 1"),
]


@pytest.mark.parametrize(("loss", "scores", "targets", "said"), LOSSES)
def test_wrong_targets_raise_when_the_loss_or_its_gradient_is_computed(loss, scores, targets, said):
    scores = lazy(scores, requires_grad=True)
    total = loss(scores, lazy(targets).data)
    total.backward()
    for array in (total.data, scores.grad):
        with pytest.raises(ValueError, match=said):
            asked(array)


def test_a_label_that_is_ignored_may_be_out_of_range_but_not_all_may_be_ignored():
    options = {"ignore_index": -1}
    with np.errstate(all="ignore"):
        fine = nn.cross_entropy(lazy(SCORES), lazy(np.array([0, -1, 2, 1])), **options)
        none = nn.cross_entropy(lazy(SCORES), lazy(np.full(4, -1)), **options)
    np.testing.assert_allclose(asked(fine.data)[0], nn.cross_entropy(SCORES, [0, -1, 2, 1], **options), rtol=1e-6)
    with pytest.raises(ValueError, match="count nothing"):
        asked(none.data)


def test_an_index_that_counts_from_the_end_of_a_table_raises():
    rows = nn.Embedding(7, 3, rng=0)(dask.array.from_array(np.array([[0, -1]]), chunks=1))
    with pytest.raises(ValueError, match="indices from -1 to 0"):
        asked(rows.data)


# Networks

IMAGES = np.random.default_rng(0).standard_normal((4, 2, 6, 6)).astype(np.float32)


class Attending(nn.Module):
    """Attention that is always given the same options."""

    def __init__(self, **options):
        super().__init__()
        self.layer, self.options = nn.MultiHeadAttention(6, 2, rng=0), options

    def forward(self, x):
        return self.layer(x, **self.options)


LAYERS = {
    "Linear": (lambda: nn.Linear(3, 2, rng=0), X),
    "MLP": (lambda: nn.MLP([3, 5, 2], "relu", rng=0), X),
    "Embedding": (lambda: nn.Embedding(7, 3, padding=0, rng=0), np.array([[0, 6], [6, 1], [2, 2]])),
    "Conv2d": (lambda: nn.Conv2d(2, 4, 3, stride=2, padding=1, groups=2, rng=0), IMAGES),
    "ConvTranspose2d": (lambda: nn.ConvTranspose2d(2, 3, 3, stride=2, rng=0), IMAGES),
    "Conv1d": (lambda: nn.Conv1d(2, 3, 3, rng=0), IMAGES[:, :, 0]),
    "pooling": (lambda: nn.Sequential(nn.Conv2d(2, 3, 3, rng=0), nn.MaxPool2d(2)), IMAGES),
    "BatchNorm": (lambda: nn.BatchNorm(3), X),
    "LayerNorm": (lambda: nn.LayerNorm(3), X),
    "GroupNorm": (lambda: nn.GroupNorm(1, 2), IMAGES),
    "attention": (lambda: nn.MultiHeadAttention(6, 2, rng=0), IMAGES[:, 0]),
    "causal attention": (lambda: Attending(causal=True), IMAGES[:, 0]),
    "attention to what is there": (lambda: Attending(lengths=np.array([6, 1, 3, 4])), IMAGES[:, 0]),
    "Dropout": (lambda: nn.Sequential(nn.Linear(3, 8, rng=0), nn.Dropout(0.5, rng=0)), X),
    "Softmax": (lambda: nn.Sequential(nn.Linear(3, 2, rng=0), nn.Softmax()), X),
}


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_is_lazy_and_right(name):
    build, x = LAYERS[name]
    results = []
    for values in (x, dask.array.from_array(x, chunks=2)):
        model = build()
        out = model(values)
        np.sum(np.square(out - 0.25)).backward()
        results.append([out.data, *(p.grad for p in model.parameters()), *(b.data for _, b in model.named_buffers())])
    assert all(isinstance(part, DaskArray) for part in results[1])
    for found, want in zip(asked(*results[1]), results[0], strict=True):
        assert (found.shape, found.dtype) == (want.shape, want.dtype)
        np.testing.assert_allclose(found, want, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("loss", [nn.squared_error, nn.absolute_error, nn.logistic_loss, nn.kl_divergence])
def test_a_loss_is_lazy_and_right(loss):
    targets = np.exp(X) / np.exp(X).sum(axis=1, keepdims=True)
    want = Tensor(SCORES, requires_grad=True)
    found = lazy(SCORES, requires_grad=True)
    wanted, total = loss(want, targets), loss(found, lazy(targets).data)
    wanted.backward()
    total.backward()
    value, slope = asked(total.data, found.grad)
    np.testing.assert_allclose(value, wanted.item(), rtol=1e-5)
    np.testing.assert_allclose(slope, want.grad, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("options", [{}, {"reduction": "none"}, {"label_smoothing": 0.1}, {"class_weights": [1, 2, 1]}])
def test_cross_entropy_is_lazy_and_right(options):
    labels = np.array([0, 2, 2, 1])
    want, found = Tensor(SCORES, requires_grad=True), lazy(SCORES, requires_grad=True)
    wanted, total = (nn.cross_entropy(s, y, **options) for s, y in ((want, labels), (found, lazy(labels).data)))
    np.sum(wanted).backward()
    np.sum(total).backward()
    value, slope = asked(total.data, found.grad)
    np.testing.assert_allclose(value, wanted.data, rtol=1e-6)
    np.testing.assert_allclose(slope, want.grad, rtol=1e-5, atol=1e-7)
