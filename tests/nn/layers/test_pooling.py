"""Pooling: the numbers of a direct loop, derivatives, ties, padding, mistakes."""

import numpy as np
import pytest

import nn
from autograd_mini import Tensor
from autograd_mini.testing import check_module
from nn.layers.convolution import Window
from nn.layers.pooling import give, largest, mean, unmean

RNG = np.random.default_rng(0)


def direct(x, geometry, reduce, fill):
    kernel, stride, padding = geometry
    pads = (padding, padding) if isinstance(padding, int) else padding
    x = np.pad(x, ((0, 0), (0, 0), (pads[0],) * 2, (pads[1],) * 2), constant_values=fill)
    height, width = ((x.shape[2 + i] - kernel[i]) // stride[i] + 1 for i in range(2))
    out = np.zeros((*x.shape[:2], height, width))
    for i, j in np.ndindex(height, width):
        y, z = i * stride[0], j * stride[1]
        out[:, :, i, j] = reduce(x[:, :, y : y + kernel[0], z : z + kernel[1]], axis=(2, 3))
    return out


GEOMETRIES = [
    ((2, 2), (2, 2), 0, (4, 6)),
    ((2, 2), (2, 2), 0, (5, 5)),
    ((3, 2), (1, 2), (1, 0), (5, 4)),
    ((3, 3), (2, 1), 1, (4, 4)),
]


@pytest.mark.parametrize(("kernel", "stride", "padding", "size"), GEOMETRIES)
class TestNumbers:
    def test_maximum(self, kernel, stride, padding, size):
        x = RNG.standard_normal((2, 3, *size))
        want = direct(x, (kernel, stride, padding), np.max, -np.inf)
        np.testing.assert_array_equal(nn.MaxPool2d(kernel, stride, padding)(x), want)

    def test_mean(self, kernel, stride, padding, size):
        x = RNG.standard_normal((2, 3, *size))
        want = direct(x, (kernel, stride, padding), np.mean, 0)
        np.testing.assert_allclose(nn.AvgPool2d(kernel, stride, padding)(x), want, rtol=1e-12)

    @pytest.mark.parametrize("kind", [nn.MaxPool2d, nn.AvgPool2d])
    def test_derivatives(self, kind, kernel, stride, padding, size):
        report = check_module(kind(kernel, stride, padding), RNG.standard_normal((1, 2, *size)), order=2)
        assert report.order == 2


def test_equal_largest_numbers_share_the_gradient():
    x = Tensor(np.array([[[[1.0, 1.0], [0.0, 1.0]]]]), requires_grad=True)
    nn.MaxPool2d(2)(x).sum().backward()
    np.testing.assert_allclose(x.grad, [[[[1 / 3, 1 / 3], [0, 1 / 3]]]])


def test_padding_is_never_the_largest():
    assert nn.MaxPool2d(2, padding=1)(-np.ones((1, 1, 2, 2))).max() == -1


def test_float32_stays():
    assert nn.AvgPool2d(2)(np.ones((1, 1, 4, 4), np.float32)).dtype == np.float32


@pytest.mark.parametrize("kind", [nn.MaxPool2d, nn.AvgPool2d])
def test_whole_numbers_become_floating_point(kind):
    x = RNG.integers(0, 255, (2, 1, 4, 4), np.uint8)
    out = kind(2, padding=1)(x)
    assert out.dtype == np.float32
    np.testing.assert_array_equal(out, kind(2, padding=1)(x.astype(np.float32)))


def test_channels_stay_last_in_memory_on_the_way_there_and_back():
    x, window = np.moveaxis(RNG.standard_normal((2, 4, 4, 3)), -1, 1), Window((2, 2), (2, 2))
    for out in (largest(x, window=window), mean(x, window=window)):
        assert np.moveaxis(out, 1, -1).flags.c_contiguous
    out = largest(x, window=window)
    assert give(out, x, out, window=window).strides == x.strides
    assert unmean(out, window=window, size=(4, 4)).strides == x.strides


def test_a_batch_of_none():
    assert nn.MaxPool2d(2)(np.ones((0, 3, 4, 4))).shape == (0, 3, 2, 2)


def test_repr_tells_the_window():
    assert repr(nn.MaxPool2d(3, stride=2, padding=1)) == "MaxPool2d((3, 3), stride=(2, 2), padding=(1, 1))"


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: nn.MaxPool2d(0), "MaxPool2d(kernel=0)"),
        (lambda: nn.AvgPool2d(2, stride=(1, -1)), "AvgPool2d(stride=(1, -1))"),
        (lambda: nn.MaxPool2d(2, padding=2), "at most half the window"),
        (lambda: nn.MaxPool2d(2)(np.ones((3, 4, 4))), "reads images of shape"),
        (lambda: nn.Sequential(nn.AvgPool2d(5))(np.ones((1, 1, 4, 4))), "smaller than its window"),
    ],
)
def test_mistakes_say_what_to_write(call, says):
    with pytest.raises(ValueError) as caught:
        call()
    assert says in str(caught.value)
