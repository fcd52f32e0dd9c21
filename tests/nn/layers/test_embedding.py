"""Embeddings: rows of a table, gradients of repeated indices, padding, mistakes."""

import numpy as np
import pytest

import nn
from autograd_mini.testing import check_derivatives


def test_gives_the_rows():
    layer = nn.Embedding(5, 3, rng=0)
    indices = np.array([[0, 4], [2, 2]])
    np.testing.assert_array_equal(layer(indices).data, layer.weights.data[indices])
    assert layer(indices).dtype == np.float32


def test_gradients_of_a_repeated_index_add_up():
    layer = nn.Embedding(3, 2, rng=0)
    layer(np.array([1, 1, 0])).sum().backward()
    np.testing.assert_array_equal(layer.weights.grad, [[1, 1], [2, 2], [0, 0]])


def test_padding_is_zero_and_not_learned():
    layer = nn.Embedding(3, 2, padding=0, rng=0)
    out = layer(np.array([0, 1]))
    np.testing.assert_array_equal(out.data, [[0, 0], layer.weights.data[1]])
    out.sum().backward()
    np.testing.assert_array_equal(layer.weights.grad, [[0, 0], [1, 1], [0, 0]])


def test_derivatives():
    layer, indices = nn.Embedding(4, 2, rng=0, dtype=float), np.array([[3, 1], [1, 0]])
    check_derivatives(lambda w: np.sin(w[indices]) * np.arange(2.0), layer.weights.data)


@pytest.mark.parametrize("indices", [[], [[0, 1], [1, 2]], 2, np.uint8(1)])
def test_any_shape_and_kind_of_whole_numbers(indices):
    indices = np.asarray(indices, int if np.size(indices) == 0 else None)
    assert nn.Embedding(3, 2)(indices).shape == (*indices.shape, 2)


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: nn.Embedding(3, 2)([0, 3]), ValueError, "indices from 0 to 3. They count from 0 to 2"),
        (lambda: nn.Embedding(3, 2)([-1]), ValueError, "indices from -1 to 0"),
        (lambda: nn.Embedding(3, 2)([0.0]), TypeError, "indices of dtype float64"),
        (lambda: nn.Embedding(3, 2)([True]), TypeError, "indices of dtype bool"),
        (lambda: nn.Embedding(0, 2), ValueError, "Embedding(count=0, units=2)"),
        (lambda: nn.Embedding(3, 2, padding=3), ValueError, "padding=3): the index"),
        (lambda: nn.Sequential(nn.Embedding(3, 2))([5]), ValueError, "0: Embedding(3, 2)"),
    ],
)
def test_mistakes_say_what_to_write(call, error, says):
    with pytest.raises(error) as caught:
        call()
    assert says in str(caught.value)
