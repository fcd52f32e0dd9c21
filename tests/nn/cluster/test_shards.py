"""Shards: data in parts that functions make."""

import pickle

import numpy as np
import pytest

import nn
from nn.cluster.shards import made


def contents(shards):
    return [tuple(array.tolist() for array in maker()) for maker in shards.makers]


def test_arrays_are_cut_into_slices_of_like_size():
    shards = nn.Shards.arrays(np.arange(7), np.arange(7) * 10, shards=3)
    assert shards.sizes == [2, 2, 3]
    assert contents(shards) == [([0, 1], [0, 10]), ([2, 3], [20, 30]), ([4, 5, 6], [40, 50, 60])]
    assert nn.Shards.arrays([1, 2, 3]).sizes == [1, 1, 1]


def test_files_are_read_where_they_are_needed(tmp_path):
    for i in range(2):
        np.savez(tmp_path / f"{i}.npz", x=np.full(3, i), y=np.zeros(3))

    def read(path):
        with np.load(path) as file:
            return file["x"], file["y"]

    shards = nn.Shards.files(sorted(tmp_path.glob("*.npz")), read)
    assert shards.sizes is None
    assert [x for x, _ in contents(shards)] == [[0, 0, 0], [1, 1, 1]]


def test_blocks_of_dask_are_shards_whatever_the_chunks_of_the_others():
    array = pytest.importorskip("dask.array")
    x = array.arange(10, chunks=4)[:, None] + array.zeros((10, 3), chunks=(4, 1))
    y = array.arange(10, chunks=5)
    shards = nn.Shards.dask(x, y)
    assert shards.sizes == [4, 4, 2]
    assert [(a.shape, b.tolist()) for a, b in (maker() for maker in shards.makers)] == [
        ((4, 3), [0, 1, 2, 3]), ((4, 3), [4, 5, 6, 7]), ((2, 3), [8, 9]),
    ]  # fmt: skip


def test_sizes_that_dask_does_not_know_are_asked_for():
    array = pytest.importorskip("dask.array")
    x = array.arange(10, chunks=5)
    x = x[x > 2]
    shards = nn.Shards.dask(x, x + 1)
    assert shards.sizes is None
    assert contents(shards) == [([3, 4], [4, 5]), ([5, 6, 7, 8, 9], [6, 7, 8, 9, 10])]


def test_a_block_of_dask_is_sent_with_its_own_part_of_the_graph():
    array = pytest.importorskip("dask.array")
    x = array.concatenate([array.from_array(np.full(4, i)) for i in range(20)])
    maker = nn.Shards.dask(x).makers[3]
    sent = pickle.loads(pickle.dumps(maker))
    assert len(dict(sent.blocks[0].dask)) < 5
    assert sent()[0].tolist() == maker()[0].tolist() == [3] * 4


@pytest.mark.parametrize(
    ("make", "error", "says"),
    [
        (lambda: nn.Shards([]), ValueError, "no shards"),
        (lambda: nn.Shards([np.zeros(3)]), TypeError, "ndarray as shard 0"),
        (lambda: nn.Shards([list], [1, 2]), ValueError, "2 sizes for 1 shards"),
        (lambda: nn.Shards.arrays(), ValueError, "nothing"),
        (lambda: nn.Shards.arrays(3), TypeError, "a number"),
        (lambda: nn.Shards.arrays([1, 2], [3]), ValueError, r"\[2, 1\]"),
        (lambda: nn.Shards.arrays(np.zeros((0, 2))), ValueError, "no examples"),
        (lambda: nn.Shards.arrays(["a", None]), TypeError, "Python objects"),
        (lambda: nn.Shards.dask(np.zeros(3)), TypeError, "a ndarray"),
        (lambda: nn.Shards.files(["a"], "np.load"), TypeError, "read\\(path\\)"),
    ],
)  # fmt: skip
def test_what_is_no_shard_is_named(make, error, says):
    with pytest.raises(error, match=says):
        make()


@pytest.mark.parametrize(
    ("returned", "error", "says"),
    [
        (None, TypeError, "a NoneType"),
        (([1], 2), TypeError, r"\(list, int\)"),
        ((np.zeros(2), np.zeros(3)), ValueError, r"shape \(2,\), float64 of shape \(3,\)"),
        (np.zeros(4), ValueError, "4 examples now, and had 3"),
    ],
)
def test_what_a_shard_returns_is_checked(returned, error, says):
    with pytest.raises(error, match=says):
        made(lambda: returned, 3)
