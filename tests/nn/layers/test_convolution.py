"""Convolutions: the numbers of a direct loop, derivatives of any window, memory and what is refused."""

import functools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nn
from autograd_mini import Tensor, grad, jvp, loops, vjp, vmap
from autograd_mini.testing import check_derivatives, check_module
from nn.layers.convolution import BESIDE, BLOCK, Window, convolve
from tests.autograd_mini.testing.numeric import assert_close


def direct(x, weights, bias, window, groups):
    """The definition, one score after the other."""
    (top, bottom), (left, right) = window.padding
    x = np.pad(x, ((0, 0), (0, 0), (top, bottom), (left, right)))
    n, channels = len(x), weights.shape[0]
    depth, outputs = weights.shape[1], channels // groups
    height, width = ((x.shape[2 + i] - window.reach[i]) // window.stride[i] + 1 for i in range(2))
    out = np.zeros((n, channels, height, width), x.dtype)
    for o, i, j in np.ndindex(channels, height, width):
        first = depth * (o // outputs)
        y, z = i * window.stride[0], j * window.stride[1]
        seen = x[
            :,
            first : first + depth,
            y : y + window.reach[0] : window.dilation[0],
            z : z + window.reach[1] : window.dilation[1],
        ]
        out[:, o, i, j] = np.sum(seen * weights[o], axis=(1, 2, 3)) + bias[o]
    return out


@st.composite
def convolutions(draw, largest=3):
    """A window with images that it fits into, weights and bias."""
    pair = st.tuples(st.integers(1, largest), st.integers(1, largest))
    kernel, stride, dilation = draw(pair), draw(pair), draw(pair)
    side = st.tuples(st.integers(0, 2), st.integers(0, 2))
    window = Window(kernel, stride, (draw(side), draw(side)), dilation)
    groups = draw(st.integers(1, 2))
    depth, outputs, images = draw(st.integers(1, 3)), draw(st.integers(1, 3)), draw(st.integers(1, 2))
    height, width = (
        max(1, reach - sum(padding)) + draw(st.integers(0, 2))
        for reach, padding in zip(window.reach, window.padding, strict=True)
    )
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    x = rng.standard_normal((images, depth * groups, height, width))
    weights = rng.standard_normal((outputs * groups, depth, *kernel))
    return x, weights, rng.standard_normal(outputs * groups), window, groups


@given(convolutions())
@settings(max_examples=60, deadline=None)
def test_scores_are_those_of_a_direct_loop(convolution):
    x, weights, bias, window, groups = convolution
    layer = nn.Conv2d(x.shape[1], len(weights), window.kernel, groups=groups, dtype=float)
    layer.window = window
    layer.weights.data, layer.bias.data = weights, bias
    assert_close(layer(x).data, direct(x, weights, bias, window, groups), rtol=1e-12)


@given(convolutions(largest=2))
@settings(max_examples=12, deadline=None)
def test_derivatives_to_second_order(convolution):
    x, weights, _, window, groups = convolution
    report = check_derivatives(lambda x, w: convolve(x, w, window=window, groups=groups), x, weights)
    assert report.order == 2


@pytest.mark.parametrize("images", [1, 3, 7])
@pytest.mark.parametrize("channels", [1, 6])
def test_blocks_of_images_give_the_same_as_all_at_once(images, channels, monkeypatch):
    x = np.random.default_rng(0).standard_normal((7, channels, 6, 5))
    layer = nn.Conv2d(channels, 4, 3, padding=1, rng=0, dtype=float)

    def step():
        t = Tensor(x, requires_grad=True)
        layer.zero_grad()
        np.sum(np.tanh(layer(t))).backward()
        return t.grad, layer.weights.grad, layer.bias.grad

    whole = step()
    monkeypatch.setattr("nn.layers.convolution.BLOCK", images * 9 * channels * 30)
    assert BLOCK > 7 * 9 * 6 * 30
    for part, expected in zip(step(), whole, strict=True):
        assert_close(part, expected, rtol=1e-12)


@pytest.mark.parametrize("bias", [True, False])
def test_the_layer_is_differentiated(bias):
    layer = nn.Conv2d(2, 4, (2, 3), stride=(1, 2), padding=1, dilation=(2, 1), groups=2, bias=bias, rng=0)
    assert check_module(layer, (2, 2, 4, 4), order=2).order == 2
    check_module(nn.Conv2d(1, 2, 2, rng=0), (1, 1, 3, 3), dtype=np.float32)


def test_derivatives_of_complex_images():
    """A convolution is holomorphic: along any direction v the change is that of its complex derivative."""
    rng = np.random.default_rng(0)
    x, v = rng.standard_normal((2, 2, 2, 3, 3)) * (1 + 0.5j)
    weights = rng.standard_normal((2, 2, 2, 2)) * (1 - 2j)
    w = rng.standard_normal(weights.shape) * (0.5 + 1j)
    call = functools.partial(convolve, window=Window((2, 2)), groups=1)
    assert_close(jvp(call, (x, weights), (v, w))[1], call(v, weights) + call(x, w), rtol=1e-12)
    cotangent = call(v, w)
    by_x, by_weights = vjp(call, x, weights)[1](cotangent)
    assert_close(np.vdot(by_x, v), np.vdot(cotangent, call(v, weights)), rtol=1e-12)
    assert_close(np.vdot(by_weights, w), np.vdot(cotangent, call(x, w)), rtol=1e-12)


@pytest.mark.parametrize(("kernel", "dilation"), [(1, 1), (2, 1), (3, 1), (4, 1), (2, 2), (2, 3), ((3, 2), (2, 1))])
def test_same_padding_keeps_the_size(kernel, dilation):
    layer = nn.Conv2d(1, 2, kernel, padding="same", dilation=dilation)
    assert layer(np.zeros((1, 1, 4, 5))).shape == (1, 2, 4, 5)
    for before, after in layer.window.padding:
        assert after - before in {0, 1}


def test_float32_stays_float32_and_whole_numbers_become_it():
    layer = nn.Conv2d(1, 2, 3)
    x = Tensor(np.ones((2, 1, 4, 4), np.float32), requires_grad=True)
    out = layer(x)
    np.sum(out**2).backward()
    assert {out.dtype, x.grad.dtype, layer.weights.grad.dtype, layer.bias.grad.dtype} == {np.dtype(np.float32)}
    assert layer(np.ones((2, 1, 4, 4), np.uint8)).dtype == np.float32


def test_a_batch_of_no_images_gives_no_scores_and_gradients_of_zero():
    layer = nn.Conv2d(2, 3, 2)
    out = layer(np.zeros((0, 2, 5, 5), np.float32))
    assert out.shape == (0, 3, 4, 4)
    np.sum(out).backward()
    assert not np.any(layer.weights.grad)


@pytest.mark.parametrize(
    "layout",
    [np.asfortranarray, lambda x: x[::-1, :, ::-1], lambda x: np.moveaxis(np.moveaxis(x, 1, -1).copy(), -1, 1)],
)
def test_any_memory_layout_gives_the_same(layout):
    x = layout(np.random.default_rng(0).standard_normal((3, 5, 4, 4)))
    layer = nn.Conv2d(5, 2, 3, rng=0, dtype=float)
    assert_close(layer(x).data, layer(np.ascontiguousarray(x)).data, rtol=1e-12)


def test_the_input_is_not_changed_and_may_be_read_only():
    x = np.random.default_rng(0).standard_normal((1, 1, 1, 3))
    x.flags.writeable = False
    before = x.copy()
    nn.Conv2d(1, 1, 1)(x)
    np.testing.assert_array_equal(x, before)


def test_scores_keep_their_channels_last_in_memory_and_activations_keep_that():
    hidden = np.maximum(nn.Conv2d(1, 8, 3)(np.ones((2, 1, 6, 6), np.float32)), 0)
    assert np.moveaxis(hidden.data, 1, -1).flags.c_contiguous


def test_weights_begin_with_the_variance_of_their_initialiser():
    layer = nn.Conv2d(16, 64, 3, init="he", groups=2, rng=0)
    assert layer.weights.shape == (64, 8, 3, 3)
    assert math.isclose(np.var(layer.weights.data), 2 / (8 * 9), rel_tol=0.05)
    filters = nn.Conv2d(3, 8, 2, init="orthogonal", rng=0, dtype=float).weights.data.reshape(8, 12)
    np.testing.assert_allclose(filters @ filters.T, np.eye(8), atol=1e-12)


def test_the_hessian_of_a_convolution_is_found_by_nesting_grad():
    x = np.random.default_rng(0).standard_normal((1, 1, 3, 3))
    weights = np.random.default_rng(1).standard_normal((1, 1, 2, 2))

    def loss(w):
        return np.sum(convolve(x, w, window=Window((2, 2)), groups=1) ** 2)

    twice = grad(lambda w: np.sum(grad(loss)(w)))(weights)
    patches = np.stack([x[0, 0, i : i + 2, j : j + 2].ravel() for i in range(2) for j in range(2)])
    assert_close(twice.ravel(), 2 * (patches.T @ patches).sum(axis=0), rtol=1e-12)


def test_repr_tells_the_window_where_it_is_not_the_plain_one():
    assert repr(nn.Conv2d(2, 4, 3)) == "Conv2d(weights: (4, 2, 3, 3), bias: (4,))"
    told = repr(nn.Conv2d(2, 4, 3, stride=2, groups=2, bias=False))
    assert told == "Conv2d(stride=(2, 2), groups=2, weights: (4, 1, 3, 3))"


def test_the_units_of_a_convolution_are_its_channels_to_the_signals():
    model = nn.Sequential(nn.Conv2d(1, 5, 3, rng=0), nn.ReLU(), nn.Conv2d(5, 6, 3, rng=0), nn.ReLU(), nn.Flatten())
    model[2].bias.data[1] = -100.0  # a channel that never answers
    x = np.random.default_rng(0).standard_normal((3, 1, 6, 7)).astype(np.float32)
    first, second = nn.signals(model, nn.squared_error, x, np.zeros((3, 36), np.float32)).layers
    assert (first.units, second.units) == (5, 6)
    silent = np.all(model[2](model[1](model[0](x))).data <= 0, axis=(0, 2, 3))
    assert silent[1]
    assert second.dead == np.mean(silent)
    np.testing.assert_array_equal(second.unit_slopes == 0, silent)


OTHERS = {
    "Conv1d": (lambda **o: nn.Conv1d(2, 4, 3, stride=2, padding=1, groups=2, rng=0, **o), (2, 2, 5)),
    "ConvTranspose1d": (
        lambda **o: nn.ConvTranspose1d(2, 4, 3, stride=2, output_padding=1, groups=2, rng=0, **o),
        (2, 2, 3),
    ),
    "ConvTranspose2d": (lambda **o: nn.ConvTranspose2d(2, 3, (2, 3), (1, 2), padding=(0, 1), rng=0, **o), (2, 2, 2, 3)),
}
others = pytest.mark.parametrize(("make", "shape"), OTHERS.values(), ids=OTHERS)


class TestSequencesAndTransposed:
    @others
    def test_derivatives(self, make, shape):
        assert check_module(make(), shape, order=2).order == 2

    @others
    def test_precision_is_that_of_the_weights(self, make, shape):
        layer = make()
        x = Tensor(np.ones(shape, np.float32), requires_grad=True)
        np.sum(layer(x) ** 2).backward()
        assert {x.grad.dtype, layer.weights.grad.dtype, layer.bias.grad.dtype} == {np.dtype(np.float32)}
        assert layer(np.ones(shape, np.uint8)).dtype == np.float32
        assert layer.astype(complex)(np.ones(shape)).dtype == complex

    def test_a_sequence_is_an_image_of_height_1(self):
        x = np.random.default_rng(0).standard_normal((2, 4, 9))
        for one, two, options in (
            (nn.Conv1d, nn.Conv2d, {"stride": 2, "dilation": 3, "padding": 2}),
            (nn.Conv1d, nn.Conv2d, {"padding": "same", "dilation": 2}),
            (nn.ConvTranspose1d, nn.ConvTranspose2d, {"stride": 3, "padding": 1, "output_padding": 2}),
        ):
            layer = one(4, 6, 3, **options, groups=2, rng=0, dtype=float)
            wide = {name: v if v == "same" else ((0 if "padding" in name else 1), v) for name, v in options.items()}
            images = two(4, 6, (1, 3), **wide, groups=2, rng=0, dtype=float)
            np.testing.assert_array_equal(layer.weights.data, images.weights.data[:, :, 0])
            np.testing.assert_array_equal(layer(x).data, images(x[:, :, None]).data[:, :, 0])

    @given(convolutions(), st.data())
    @settings(max_examples=30, deadline=None)
    def test_transposed_is_the_adjoint(self, convolution, data):
        """<convolve(x), y> = <x, transposed(y)> for all x and y."""
        x, weights, _, window, groups = convolution
        (top, _), (left, _) = window.padding
        window = window._replace(padding=((top, top), (left, left)))
        least = window.origin((1, 1), (0, 0))
        size = tuple(max(1, n) + data.draw(st.integers(0, 3)) for n in least)
        places = window.places(size)
        more = tuple(n - m for n, m in zip(size, window.origin(places, (0, 0)), strict=True))
        rng = np.random.default_rng(0)
        x, y = rng.standard_normal((1, x.shape[1], *size)), rng.standard_normal((1, len(weights), *places))
        sizes = (window.kernel, window.stride, (top, left), more, window.dilation, groups)
        layer = nn.ConvTranspose2d(len(weights), x.shape[1], *sizes, dtype=float)
        layer.weights.data = weights
        back = layer(y).data
        assert back.shape == x.shape
        assert_close(np.vdot(convolve(x, weights, window, groups), y), np.vdot(x, back), rtol=1e-11)

    @pytest.mark.parametrize(("kernel", "stride"), [(2, 2), (3, 2), (4, 2), (3, 1), (2, 3)])
    def test_scores_of_a_transposed_convolution_begin_with_the_scale_of_its_input(self, kernel, stride):
        layer = nn.ConvTranspose2d(64, 64, kernel, stride, init=nn.init.he(slope=1), rng=0)
        x = np.random.default_rng(1).standard_normal((2, 64, 12, 12)).astype(np.float32)
        read = layer(x).data[..., 4:-4, 4:-4]
        reached = read[np.abs(read) > 0]
        assert math.isclose(np.var(reached), 1, rel_tol=0.06)

    @others
    def test_layer_sequential_and_weight_norm_know_the_units(self, make, shape):
        x = np.random.default_rng(0).standard_normal((40, *shape[1:])).astype(np.float32)
        layer = nn.init.layer_sequential(make(), x, rng=0)
        assert math.isclose(np.var(layer(x).data), 1, rel_tol=0.02)
        normed = nn.WeightNorm(layer)
        assert normed.length.size == layer.weights.shape[layer.output_axis]
        assert_close(normed(x).data, layer(x).data, 1e-5)

    @others
    def test_signals_know_the_channels_and_the_scale(self, make, shape):
        model = nn.Sequential(make(dtype=float), nn.ReLU(), nn.Flatten())
        channels = model[0].bias.size
        model[0].bias.data[1] = -100.0  # a channel that never answers
        x = np.random.default_rng(0).standard_normal((6, *shape[1:]))
        out = model(x)
        (layer,) = nn.signals(model, nn.squared_error, x, np.zeros(out.shape)).layers
        assert (layer.units, layer.dead) == (channels, 1 / channels)
        np.testing.assert_array_equal(layer.unit_slopes == 0, np.arange(channels) == 1)
        columns = jacobian_of(model[0], shape)
        expected = np.linalg.norm(columns) / math.sqrt(len(columns))
        assert math.isclose(layer.scale, expected, rel_tol=0.1)

    @pytest.mark.parametrize(
        ("make", "words"),
        [
            (lambda: nn.Conv1d(1, 1, (3, 3)), "Conv1d(kernel=(3, 3)): write a positive whole number."),
            (lambda: nn.Conv1d(1, 1, 3, padding=(1, 1)), "'valid' or 'same'"),
            (lambda: nn.Conv1d(1, 1, 3, padding="same", stride=2), "such as 3 // 2"),
            (lambda: nn.ConvTranspose1d(1, 1, 3, output_padding=1), "output_padding=1, stride=1): a window"),
            (lambda: nn.ConvTranspose2d(1, 1, 3, 2, output_padding=-1), "ConvTranspose2d(output_padding=-1)"),
            (lambda: nn.ConvTranspose2d(2, 3, 3, groups=2), "ConvTranspose2d(2, 3, groups=2): both numbers"),
            (lambda: nn.Conv1d(2, 1, 3)(np.ones((4, 9))), "`x[:, None]` for sequences of one channel"),
            (
                lambda: nn.Conv1d(2, 1, 3)(np.ones((4, 3, 9))),
                "3 channels (axis 1) where it reads 2. It reads seq",
            ),
            (
                lambda: nn.Conv1d(2, 1, 5)(np.ones((4, 2, 3))),
                "3: smaller than its window, which reaches over 5",
            ),
            (lambda: nn.ConvTranspose1d(2, 1, 3, padding=2)(np.ones((4, 2, 1))), "the result is -1. Pad less"),
            (lambda: nn.ConvTranspose2d(2, 1, 3)(np.ones((4, 1, 5, 5))), "1 channels (axis 1) where it reads 2"),
        ],
    )
    def test_mistakes(self, make, words):
        with pytest.raises(ValueError) as error:
            make()
        assert words in str(error.value)

    def test_repr(self):
        assert repr(nn.Conv1d(2, 4, 3, stride=2)) == "Conv1d(stride=2, weights: (4, 2, 3), bias: (4,))"
        told = repr(nn.ConvTranspose1d(2, 4, 3, stride=2, output_padding=1, bias=False))
        assert told == "ConvTranspose1d(stride=2, output_padding=1, weights: (2, 4, 3))"


def jacobian_of(layer, shape):
    """The derivatives of one example's scores by its entries, a row for each entry."""
    one, zero = (1, *shape[1:]), layer(np.zeros((1, *shape[1:]))).data
    entries = np.eye(math.prod(one)).reshape(-1, *one[1:])
    return (layer(entries).data - zero).reshape(len(entries), -1)


class TestErrors:
    @pytest.mark.parametrize(
        ("arguments", "options", "words"),
        [
            ((0, 1, 3), {}, "Conv2d(0, 1): the numbers of channels"),
            ((4, 6, 3), {"groups": 4}, "Conv2d(4, 6, groups=4): both numbers of channels must be multiples"),
            ((1, 1, 0), {}, "Conv2d(kernel=0)"),
            ((1, 1, (3, 3, 3)), {}, "Conv2d(kernel=(3, 3, 3))"),
            ((1, 1, 3), {"stride": 0}, "Conv2d(stride=0)"),
            ((1, 1, 3), {"dilation": 1.5}, "Conv2d(dilation=1.5)"),
            ((1, 1, 3), {"padding": -1}, "Conv2d(padding=-1)"),
            ((1, 1, 3), {"padding": "full"}, "'valid' or 'same'"),
            ((1, 1, 3), {"padding": "same", "stride": 2}, "only with a stride of 1"),
        ],
    )
    def test_sizes_that_make_no_layer(self, arguments, options, words):
        with pytest.raises(ValueError) as error:
            nn.Conv2d(*arguments, **options)
        assert words in str(error.value)

    @pytest.mark.parametrize(
        ("shape", "words"),
        [
            ((5, 64), ["shape (5, 64)", "(images, channels, height, width)", "reshape(-1, 1, height, width)"]),
            ((5, 8, 8), ["shape (5, 8, 8)", "x[:, None]"]),
            ((5, 8, 8, 2), ["(4, 2, 3, 3)", "(5, 8, 8, 2)", "8 channels (axis 1) where it reads 2"]),
            ((5, 2, 2, 8), ["padded is 2 x 8", "3 x 3"]),
        ],
    )
    def test_images_that_do_not_fit_are_refused_with_the_name_of_the_layer(self, shape, words):
        model = nn.Sequential(nn.Conv2d(2, 4, 3))
        with pytest.raises(ValueError) as error:
            model(np.zeros(shape))
        assert str(error.value).startswith("0: Conv2d")
        for word in words:
            assert word in str(error.value)


@pytest.mark.parametrize("shared", [(), (0,), (1,)], ids=["all differ", "same images", "same weights"])
def test_in_a_vmap_examples_may_have_images_and_weights_of_their_own(shared):
    """Also more of them than lie side by side at a time."""
    rng, count = np.random.default_rng(0), 2 * BESIDE + 1
    operands = [rng.standard_normal((count, 2, 4, 5, 5)), rng.standard_normal((count, 6, 2, 3, 2))]
    axes = [None if i in shared else 0 for i in range(2)]
    operands = [x[0] if axis is None else x for x, axis in zip(operands, axes, strict=True)]
    window = Window((3, 2), (1, 2), ((1, 0), (0, 1)))

    def gradients(x, weights):
        return grad(lambda x, weights: np.sum(convolve(x, weights, window, 2) ** 2), argnums=(0, 1))(x, weights)

    with loops() as seen:
        found = vmap(gradients, in_axes=axes)(*operands)
    assert not seen
    for i in (0, BESIDE, count - 1):
        one = gradients(*(x if axis is None else x[i] for x, axis in zip(operands, axes, strict=True)))
        for part, want in zip(found, one, strict=True):
            assert_close(part[i], want)
