"""Noise and masks: the transforms of batches and the layers are one thing."""

import numpy as np
import pytest

import nn
from autograd_mini import Tensor

DTYPES = ["float16", "float32", "float64", "complex64", "complex128", "int8", "uint8", "bool"]
PAIRS = {
    "noise": (nn.data.gaussian_noise(0.5), lambda rng: nn.GaussianNoise(0.5, rng)),
    "masks": (nn.data.masking(0.5), lambda rng: nn.Masking(0.5, rng)),
}
every_pair = pytest.mark.parametrize(("transform", "layer"), PAIRS.values(), ids=PAIRS)


@every_pair
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_seed_gives_the_same_as_a_transform_and_as_a_layer(transform, layer, dtype):
    x = np.ones((40, 3), dtype)
    changed, other = transform(np.random.default_rng(3), (x, "targets"))
    np.testing.assert_array_equal(changed, layer(3)(x), strict=True)
    assert other == "targets"
    assert (changed != x).any()


@pytest.mark.parametrize("dtype", DTYPES)
def test_masks_keep_the_dtype_and_noise_widens_whole_numbers_alone(dtype):
    x = np.ones(9, dtype)
    assert nn.Masking(0.5, 0)(x).dtype == dtype
    assert nn.GaussianNoise(0.5, 0)(x).dtype == (dtype if x.dtype.kind in "fc" else float)


def test_a_seed_gives_the_same_noise_in_every_precision():
    narrow, wide = (nn.GaussianNoise(1.0, 0)(np.zeros(9, dtype)) for dtype in (np.float32, np.float64))
    np.testing.assert_array_equal(narrow, wide.astype(np.float32))


@every_pair
def test_the_gradient_passes_where_the_input_does(transform, layer):
    x = Tensor(np.array([1.0, np.inf] * 20), requires_grad=True)
    out = layer(0)(x)
    out.sum().backward()
    np.testing.assert_array_equal(x.grad, out.data != 0)
    assert not np.isnan(out.data).any()


@pytest.mark.parametrize("std", [-1, np.nan, np.inf, True, "1"])
def test_deviations_are_checked_alike(std):
    for make in (nn.data.gaussian_noise, nn.GaussianNoise):
        with pytest.raises(ValueError, match="write a finite number, 0 or more"):
            make(std)
