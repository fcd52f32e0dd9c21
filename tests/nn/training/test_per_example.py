"""`nn.per_example_grad`: every layer and every loss beside a loop of one gradient for each example."""

import copy

import numpy as np
import pytest

import nn
from autograd_mini import Tensor, no_grad, vmap

EXAMPLES = 3


class Reading(nn.Module):
    """One part of what a layer returns, of inputs of which those after the first may go by name."""

    def __init__(self, layer, *names, result=None):
        super().__init__()
        self.layer, self.names, self.result = layer, names, result

    def forward(self, x, *others):
        named = dict(zip(self.names, others, strict=True))
        if "state" in named:  # an LSTM's is a pair
            named["state"] = named["state"][:, 0], named["state"][:, 1]
        out = self.layer(x, **named)
        return out if self.result is None else self.result(out)


class Tied(nn.Module):
    """Weights that stand in two places."""

    def __init__(self, dtype):
        super().__init__()
        self.first = nn.Linear(4, 4, rng=0, dtype=dtype)
        self.again = self.first

    def forward(self, x):
        return self.again(np.tanh(self.first(x))) @ self.first.weights.T


class Beside(nn.Module):
    """Signs, behind which nothing learns, beside a layer that does."""

    def __init__(self, dtype):
        super().__init__()
        self.perceptron = nn.Perceptron([1.0, -2.0, 0.5, 1.0], 0.1, dtype=dtype)
        self.signs, self.layer = nn.Sign(), nn.Linear(4, 2, rng=0, dtype=dtype)

    def forward(self, x):
        return self.layer(x) + self.perceptron(x)[:, None] * self.signs(x)[:, :2]


def numbers(*shape):
    return np.random.default_rng(len(shape) + sum(shape)).standard_normal((EXAMPLES, *shape))


LENGTHS = np.array([4, 1, 3])
MASK = np.random.default_rng(1).random((EXAMPLES, 4, 4)) < 0.7
MASK |= np.eye(4, dtype=bool)


def after(layer, width=4):
    """An activation behind a layer that learns."""
    return lambda dtype: nn.Sequential(nn.Linear(4, width, rng=0, dtype=dtype), layer(dtype))


def recurrent(kind, **options):
    return lambda dtype: Reading(getattr(nn, kind)(2, 3, rng=0, dtype=dtype, **options), result=lambda out: out[0])


def last(kind, **options):
    """The last state of padded sequences, which is that of each at its own end."""

    def of(out):
        return out[1][0] if kind == "LSTM" else out[1]

    return lambda dtype: Reading(getattr(nn, kind)(2, 3, rng=0, dtype=dtype, **options), "lengths", result=of)


def images(layer):
    """Something between a convolution and a mean over all places."""
    return lambda dtype: nn.Sequential(nn.Conv2d(2, 4, 3, rng=0, dtype=dtype), layer(dtype), nn.Flatten())


def seen(layer, **options):
    """Attention to padded sequences."""
    return lambda dtype: Reading(nn.MultiHeadAttention(4, 2, rng=0, dtype=dtype, **options), layer)


ROWS, STEPS, IMAGES = (numbers(4),), (numbers(4, 2),), (numbers(2, 6, 5),)
ACTIVATIONS = "Identity Tanh Sigmoid ReLU LeakyReLU ELU SELU GELU SiLU Softplus LogSigmoid Softmax LogSoftmax"
LAYERS = {
    "Linear": (lambda dtype: nn.Linear(4, 3, rng=0, dtype=dtype), ROWS),
    "Linear, of images": (lambda dtype: nn.Linear(5, 3, rng=0, dtype=dtype), IMAGES),
    "Sequential": (after(lambda dtype: nn.Linear(4, 2, rng=1, dtype=dtype)), ROWS),
    "MLP": (lambda dtype: nn.MLP([4, 5, 2], rng=0, dtype=dtype), ROWS),
    "Residual": (lambda dtype: nn.Residual(nn.Linear(4, 4, rng=0, dtype=dtype), nn.Tanh()), ROWS),
    "Flatten": (lambda dtype: nn.Sequential(nn.Flatten(), nn.Linear(8, 2, rng=0, dtype=dtype)), STEPS),
    "tied weights": (Tied, ROWS),
    **{name: (after(lambda _, name=name: getattr(nn, name)()), ROWS) for name in ACTIVATIONS.split()},
    "PReLU": (after(lambda dtype: nn.PReLU(4, dtype=dtype)), ROWS),
    "BatchNorm, of evaluation": (after(lambda dtype: nn.BatchNorm(4, dtype=dtype).eval()), ROWS),
    "LayerNorm": (after(lambda dtype: nn.LayerNorm(4, dtype=dtype)), ROWS),
    "GroupNorm": (images(lambda dtype: nn.GroupNorm(2, 4, dtype=dtype)), IMAGES),
    "WeightNorm": (lambda dtype: nn.WeightNorm(nn.Linear(4, 3, rng=0, dtype=dtype)), ROWS),
    "WeightNorm, of a convolution": (lambda dtype: nn.WeightNorm(nn.Conv2d(2, 4, 3, rng=0, dtype=dtype)), IMAGES),
    "Conv2d": (lambda dtype: nn.Conv2d(2, 4, 3, 2, 1, groups=2, rng=0, dtype=dtype), IMAGES),
    "Conv1d": (lambda dtype: nn.Conv1d(4, 3, 2, rng=0, dtype=dtype), (numbers(4, 6),)),
    "ConvTranspose1d": (lambda dtype: nn.ConvTranspose1d(4, 3, 2, 2, rng=0, dtype=dtype), (numbers(4, 6),)),
    "ConvTranspose2d": (lambda dtype: nn.ConvTranspose2d(2, 3, 2, 2, rng=0, dtype=dtype), IMAGES),
    "MaxPool2d": (images(lambda _: nn.MaxPool2d(2)), IMAGES),
    "AvgPool2d": (images(lambda _: nn.AvgPool2d(2)), IMAGES),
    "Embedding": (
        lambda dtype: nn.Embedding(5, 3, padding=0, rng=0, dtype=dtype),
        (np.array([[1, 0, 1], [4, 4, 2], [0, 0, 0]]),),
    ),
    "RNN": (recurrent("RNN", layers=2, bidirectional=True), STEPS),
    "GRU": (recurrent("GRU"), STEPS),
    "LSTM": (recurrent("LSTM", projection=2), STEPS),
    "RNN, lengths": (last("RNN"), (*STEPS, LENGTHS)),
    "GRU, lengths": (last("GRU", bidirectional=True, layers=2), (*STEPS, LENGTHS)),
    "LSTM, lengths": (last("LSTM"), (*STEPS, LENGTHS)),
    "RNN, shorter than the padding": (last("RNN"), (*STEPS, np.array([2, 1, 3]))),
    "RNNCell": (lambda dtype: nn.RNNCell(4, 3, rng=0, dtype=dtype), (*ROWS, numbers(3))),
    "GRUCell": (lambda dtype: nn.GRUCell(4, 3, rng=0, dtype=dtype), (*ROWS, numbers(3))),
    "LSTMCell": (
        lambda dtype: Reading(nn.LSTMCell(4, 3, rng=0, dtype=dtype), "state", result=lambda out: out[0] + out[1]),
        (*ROWS, numbers(2, 3)),
    ),
    "MultiHeadAttention": (lambda dtype: nn.MultiHeadAttention(4, 2, rng=0, dtype=dtype), (numbers(4, 4),)),
    "attention, lengths": (seen("lengths"), (numbers(4, 4), LENGTHS)),
    "attention, a mask": (seen("mask"), (numbers(4, 4), MASK)),
    "attention, of a context": (seen("context"), (numbers(3, 4), numbers(4, 4))),
    "MeanOverTime": (
        lambda dtype: Reading(nn.Sequential(nn.Linear(2, 3, rng=0, dtype=dtype)), result=nn.MeanOverTime()),
        STEPS,
    ),
    "MaxOverTime": (
        lambda dtype: Reading(nn.Sequential(nn.Linear(2, 3, rng=0, dtype=dtype)), result=nn.MaxOverTime()),
        STEPS,
    ),
    "Dropout": (after(lambda _: nn.Dropout(0.5, rng=0)), ROWS),
    "ChannelDropout": (images(lambda _: nn.ChannelDropout(0.5, rng=0)), IMAGES),
    "GaussianNoise": (after(lambda _: nn.GaussianNoise(0.5, rng=0)), ROWS),
    "Masking": (after(lambda _: nn.Masking(0.5, rng=0)), ROWS),
    "attention, dropout": (
        lambda dtype: nn.MultiHeadAttention(4, 2, dropout=0.5, rng=0, dtype=dtype),
        (numbers(4, 4),),
    ),
    "Perceptron": (Beside, ROWS),
}


class Sequence(nn.Module):
    """A layer, and what pools its steps by their lengths."""

    def __init__(self, pool, dtype):
        super().__init__()
        self.layer, self.pool = nn.Linear(2, 3, rng=0, dtype=dtype), pool

    def forward(self, x, lengths):
        return self.pool(self.layer(x), lengths)


for pool in (nn.MeanOverTime, nn.MaxOverTime):
    LAYERS[f"{pool.__name__}, lengths"] = (lambda dtype, pool=pool: Sequence(pool(), dtype), (*STEPS, LENGTHS))

SHARES = np.array([[0.25, 0.5, 0.25], [1, 0, 0], [0.5, 0, 0.5]])
LABELS = np.array([2, 0, 1])
LOSSES = {
    "squared_error": (nn.squared_error, numbers(3)),
    "absolute_error": (nn.absolute_error, numbers(3)),
    "huber_loss": (nn.huber_loss, numbers(3)),
    "cosine_distance": (nn.cosine_distance, numbers(3)),
    "logistic_loss": (nn.logistic_loss, SHARES),
    "cross_entropy": (nn.cross_entropy, LABELS),
    "cross_entropy, of shares": (nn.cross_entropy, SHARES),
    "cross_entropy, all options": (
        lambda s, y: nn.cross_entropy(s, y, class_weights=[1, 2, 3], label_smoothing=0.1, ignore_index=-1),
        LABELS,
    ),
    "cross_entropy, weighted": (lambda s, y: nn.cross_entropy(s, y, class_weights=[1, 2, 3], reduction="sum"), LABELS),
    "nll_loss": (lambda s, y: nn.nll_loss(nn.LogSoftmax()(s), y, class_weights=[1, 2, 3], ignore_index=-1), LABELS),
    "hinge_loss": (nn.hinge_loss, LABELS),
    "hinge_loss, two classes": (nn.hinge_loss, np.array([[1, 0, 1], [0, 0, 1], [1, 1, 0]])),
    "kl_divergence": (nn.kl_divergence, SHARES),
}


def total(out):
    """A loss that each entry of the output counts in otherwise."""
    return np.sum(np.sin(out + np.arange(out.size).reshape(out.shape)))


def one_after_the_other(model, loss, *data):
    """The gradient of each example by a backward of its own."""
    found = []
    for i in range(EXAMPLES):
        model.zero_grad()
        loss(model, *(part[i : i + 1] for part in data)).backward()
        found.append({name: p.grad for name, p in model.named_parameters() if p.requires_grad})
    model.zero_grad()
    return {
        name: np.stack([np.zeros_like(p.data) if g[name] is None else g[name] for g in found])
        for name, p in model.named_parameters()
        if p.requires_grad
    }


def assert_alike(found, want, dtype=float):
    assert list(found) == list(want)
    for name, array in want.items():
        assert type(found[name]) is np.ndarray
        assert found[name].dtype == dtype
        size = np.max(np.abs(array), initial=1)
        np.testing.assert_allclose(found[name] / size, array / size, 0, 1e-12 if dtype is float else 1e-5, err_msg=name)


@pytest.mark.parametrize("dtype", [float, np.float32])
@pytest.mark.parametrize("name", LAYERS)
def test_each_layer_gives_the_gradients_of_a_loop(name, dtype):
    make, data = LAYERS[name]
    data = [part.astype(dtype) if part.dtype.kind == "f" else part for part in data]
    model = make(dtype)
    before = copy.deepcopy(model)
    want = one_after_the_other(before, lambda model, *batch: total(model(*batch)), *data)
    found = nn.per_example_grad(lambda out, _: total(out))(model, *data, np.zeros(EXAMPLES))
    assert_alike(found, want, dtype)
    assert all(np.any(array) or name.startswith("perceptron") for name, array in want.items())
    for (_, ours), (_, theirs) in zip(model.named_generators(), before.named_generators(), strict=True):
        assert ours.bit_generator.state["state"] == theirs.bit_generator.state["state"]


@pytest.mark.parametrize("name", LAYERS)
def test_each_layer_under_vmap_gives_what_it_gives_of_the_whole_batch(name):
    make, data = LAYERS[name]
    model, other = make(float), make(float)
    with no_grad():
        found = vmap(lambda *example: model(*(part[None] for part in example)))(*data)
        np.testing.assert_allclose(found.data[:, 0], other(*data).data, 1e-12, 1e-12)


def test_no_layer_and_no_loss_is_left_out():
    public = {name: getattr(nn, name) for name in nn.__all__}
    layers = {name for name, kind in public.items() if isinstance(kind, type) and issubclass(kind, nn.Module)}
    models = [make(float) for make, _ in LAYERS.values()]
    made = {type(part).__name__ for model in models for part in (model, *dict(model.named_modules()).values())}
    assert layers - made == {"Module", "Aggregation", "Autoencoder"}  # which are made of what is in the table
    losses = {name for name, loss in public.items() if getattr(loss, "is_mean", False)}
    assert losses - {name.split(",")[0] for name in LOSSES} == {"accuracy", "top_k_accuracy"}


class TestRandomChoices:
    def test_each_example_has_a_mask_of_its_own(self):
        x = np.ones((50, 20))
        for layer in (nn.Dropout(0.5, rng=0), nn.GaussianNoise(1.0, rng=0), nn.Masking(0.5, rng=0)):
            out = vmap(layer)(x)
            assert len({row.tobytes() for row in out}) == 50
        out = vmap(vmap(nn.Dropout(0.5, rng=0)))(x.reshape(5, 10, 20))
        np.testing.assert_array_equal(out.reshape(50, 20), nn.Dropout(0.5, rng=0)(x))

    def test_attention_drops_for_each_example_and_never_reads_padding(self):
        layer = nn.MultiHeadAttention(4, 2, dropout=0.5, rng=0, dtype=float)
        x, lengths = np.ones((20, 4, 4)), np.array([4, 1] * 10)

        def weights(x, length):
            return layer(x[None], lengths=length[None], weights=True)[0][0]

        out = vmap(weights)(x, lengths).data
        assert len({row.tobytes() for row in out[::2]}) == 10
        assert not out[1::2, 1:].any()

    def test_a_second_call_draws_again(self):
        model = nn.Sequential(nn.Linear(4, 9, rng=0), nn.Dropout(0.5, rng=0))
        gradients = nn.per_example_grad(lambda out: np.sum(out))
        first, second = gradients(model, *ROWS), gradients(model, *ROWS)
        assert (first["0.bias"] != second["0.bias"]).any()


@pytest.mark.parametrize("name", LOSSES)
def test_each_loss_gives_the_gradients_of_a_loop(name):
    loss, y = LOSSES[name]
    model = nn.Linear(4, 3, rng=0, dtype=float)
    want = one_after_the_other(model, lambda model, x, y: loss(model(x), y), *ROWS, y)
    assert_alike(nn.per_example_grad(loss)(model, *ROWS, y), want)


STEP_LABELS = np.array([[0, 2, -1, 1], [2, -1, -1, -1], [1, 1, 0, -1]])
ENDS = np.arange(4) < LENGTHS[:, None]
PADDED = {
    "labels": (nn.cross_entropy, STEP_LABELS),
    "weighted labels": (lambda s, y, **options: nn.nll_loss(s, y, class_weights=[1, 2, 3], **options), STEP_LABELS),
    "numbers": (nn.squared_error, np.where(ENDS[:, :, None], numbers(4, 3), np.nan)),
    "shares": (nn.cross_entropy, np.where(ENDS[:, :, None], SHARES[:, None], np.nan)),
}


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("name", PADDED)
def test_padded_targets_give_the_gradients_of_a_loop(name, reduction):
    loss, y = PADDED[name]
    loss = nn.unpadded(loss)

    def of(output, target):
        return np.sum(loss(output, target, reduction=reduction))

    model = nn.Linear(2, 3, rng=0, dtype=float)
    want = one_after_the_other(model, lambda model, x, y: of(model(x), y), *STEPS, y)
    assert_alike(nn.per_example_grad(of)(model, *STEPS, y), want)


class TestRefusals:
    """What a check says of plain arrays it says inside a vmap too."""

    @pytest.mark.parametrize(
        ("loss", "y", "message"),
        [
            (nn.cross_entropy, [0, 1, 7], "labels from 0 to 7 for 3 classes"),
            (lambda s, y: nn.cross_entropy(s, y, ignore_index=-1), [0, 1, -1], "count nothing"),
            (lambda s, y: nn.cross_entropy(s, y, ignore_index=-1), [0, 9, -1], "labels from 0 to 9 for 3 classes"),
            (nn.cross_entropy, [[0.5, 0.5, 0], [0, 1, 0], [0.5, 0, 0]], "the sum 0.5"),
            (nn.nll_loss, [0, -1, 0], "labels from -1 to 0"),
            (nn.hinge_loss, [0, 1, 3], "labels from 0 to 3"),
            (nn.hinge_loss, [[0, 1, 0], [1, 1, 1], [0.5, 1, 1]], "targets from 0.0 to 1.0"),
            (nn.logistic_loss, [[0, 1, 0], [1, 1, 1], [-1, 1, 1]], "targets from -1.0 to 1.0"),
            (nn.kl_divergence, [[0.5, 0.5, 0], [0, 1, 0], [0.5, 0, 0]], "the sum 0.5"),
            (nn.squared_error, [[0, 1, 0], [1, np.nan, 1], [1, 1, 1]], "1 of 9 are not finite"),
            (nn.huber_loss, [[0, 1, 0], [1, np.inf, 1], [1, 1, 1]], "1 of 9 are not finite"),
        ],
    )
    def test_targets_that_cannot_be_right(self, loss, y, message):
        with pytest.raises(ValueError, match=message):
            nn.per_example_grad(loss)(nn.Linear(4, 3, rng=0), *ROWS, np.array(y))

    @pytest.mark.parametrize(
        ("name", "data", "message"),
        [
            ("Embedding", (np.array([[1], [2], [9]]),), "from 0 to 9"),
            ("RNN, lengths", (*STEPS, np.array([1, 2, 5])), r"\[\[1\], \[2\], \[5\]\]"),
            ("MeanOverTime, lengths", (*STEPS, np.array([1, 2, 0])), "a whole number from 1 to 4"),
            ("attention, a mask", (numbers(4, 4), np.zeros((3, 4, 4), bool)), "without a key"),
        ],
    )
    def test_inputs_that_cannot_be_right(self, name, data, message):
        with pytest.raises(ValueError, match=message):
            nn.per_example_grad(lambda out, _: total(out))(LAYERS[name][0](float), *data, np.zeros(3))

    @pytest.mark.parametrize(
        ("loss", "row", "error", "message"),
        [
            (nn.unpadded(nn.squared_error), np.full((4, 3), np.nan), ValueError, "padding alone"),
            (nn.unpadded(nn.cross_entropy), np.full(4, -1), ValueError, "padding alone"),
            (nn.unpadded(lambda s, y: np.mean(s - y)), np.zeros((4, 3)), TypeError, "reduction='none'"),
        ],
    )
    def test_padded_targets_that_cannot_be_right(self, loss, row, error, message):
        y = np.stack([np.zeros_like(row), row, np.zeros_like(row)])
        with pytest.raises(error, match=message):
            nn.per_example_grad(loss)(nn.Linear(2, 3, rng=0), *STEPS, y)

    def test_padding_before_the_end(self):
        y = np.zeros((3, 4, 3))
        y[1, 2] = np.nan
        with pytest.raises(ValueError, match="step 2 of example 1 is NaN"):
            nn.per_example_grad(nn.unpadded(nn.squared_error))(nn.Linear(2, 3, rng=0), *STEPS, y)

    @pytest.mark.parametrize("data", [ROWS, (numbers(4, 3),)])
    def test_batch_normalisation_in_training(self, data):
        model = nn.Sequential(nn.BatchNorm(4, dtype=float))
        for call in (nn.per_example_grad(np.sum), lambda model, x: vmap(lambda x: model(x[None]))(x)):
            with pytest.raises(ValueError, match=r"depends on the others.*`model.eval\(\)`.*`nn.GroupNorm`"):
                call(model, *data)
        assert not model[0].mean.data.any()

    def test_what_would_stay_on_a_module(self):
        class Keeps(nn.Module):
            def __init__(self):
                super().__init__()
                self.buffer, self.layer = nn.Buffer(np.zeros(3)), nn.Linear(4, 3, rng=0, dtype=float)

            def forward(self, x):
                out = self.layer(x)
                self.keep(out)
                return out

        class Buffered(Keeps):
            def keep(self, out):
                self.buffer.data = out.data[0]

        class Cached(Keeps):
            def keep(self, out):
                self.cache = out

        for model in (Buffered(), Cached()):
            for call in (nn.per_example_grad(np.sum), lambda model, x: vmap(lambda x: model(x[None]))(x)):
                with pytest.raises((TypeError, ValueError), match="among the 3 examples of a vmap"):
                    call(model, *ROWS)
            assert not model.buffer.data.any()
            assert "cache" not in vars(model)
            model(*ROWS)

    @pytest.mark.parametrize(
        ("data", "message"),
        [
            ((), "no data"),
            ((np.ones((2, 4)), np.ones((3, 3))), r"lengths \[2, 3\]"),
            ((np.ones((0, 4)),), "no examples"),
            ((1.0,), r"lengths \['none'\]"),
        ],
    )
    def test_data_that_are_none(self, data, message):
        with pytest.raises((TypeError, ValueError), match=message):
            nn.per_example_grad(nn.squared_error)(nn.Linear(4, 3), *data)

    def test_arguments_that_are_none(self):
        with pytest.raises(TypeError, match="a function of outputs and targets"):
            nn.per_example_grad("mse")
        with pytest.raises(ValueError, match="chunk=0"):
            nn.per_example_grad(nn.squared_error, chunk=0)
        with pytest.raises(ValueError, match="no parameter is trainable"):
            nn.per_example_grad(nn.squared_error)(nn.Linear(4, 3).freeze(), *ROWS, numbers(3))
        with pytest.raises(TypeError, match="was given a function"):
            nn.per_example_grad(nn.squared_error)(lambda x: x, *ROWS)


class TestCalls:
    def test_the_mean_is_the_gradient_of_the_mean(self):
        model, y = nn.MLP([4, 5, 3], rng=0, dtype=float), LABELS
        nn.cross_entropy(model(*ROWS), y).backward()
        for name, gradients in nn.per_example_grad(nn.cross_entropy)(model, *ROWS, y).items():
            np.testing.assert_allclose(gradients.mean(0), dict(model.named_parameters())[name].grad, 1e-12, 1e-15)

    @pytest.mark.parametrize("chunk", [1, 2, 3, 7])
    def test_chunks_change_nothing_but_the_memory(self, chunk):
        for name in ("MLP", "Dropout"):
            make, data = LAYERS[name]
            whole, parts = (nn.per_example_grad(total, chunk=size)(make(float), *data) for size in (None, chunk))
            assert_alike(parts, whole)

    def test_the_model_stays_as_it_is(self):
        model = nn.Sequential(nn.Linear(4, 3, rng=0), nn.BatchNorm(3).eval(), nn.Dropout(0.5, rng=0))
        state, modes = model.state_dict(), [part.training for _, part in model.named_modules()]
        nn.per_example_grad(nn.squared_error)(model, *ROWS, numbers(3))
        assert all(p.grad is None for p in model.parameters())
        assert [part.training for _, part in model.named_modules()] == modes
        for name, array in model.state_dict().items():
            np.testing.assert_array_equal(array, state[name])

    def test_frozen_parameters_are_left_out_and_tensors_are_data(self):
        model = nn.MLP([4, 5, 3], rng=0, dtype=float)
        model[0].freeze()
        found = nn.per_example_grad(nn.squared_error)(model, Tensor(ROWS[0]), Tensor(numbers(3)))
        assert list(found) == ["2.weights", "2.bias"]
        assert found["2.weights"].shape == (3, 5, 3)

    def test_wider_inputs_come_in_the_models_precision(self):
        for x in (*ROWS, np.arange(12).reshape(3, 4)):
            found = nn.per_example_grad(nn.squared_error)(nn.Linear(4, 3, rng=0), x, numbers(3))
            assert found["weights"].dtype == np.float32

    def test_it_works_where_nothing_is_recorded_and_inside_a_gradient(self):
        model = nn.Linear(4, 3, rng=0, dtype=float)
        want = nn.per_example_grad(nn.squared_error)(model, *ROWS, numbers(3))
        with no_grad():
            assert_alike(nn.per_example_grad(nn.squared_error)(model, *ROWS, numbers(3)), want)

    def test_a_loss_without_targets_says_so_where_it_has_none(self):
        with pytest.raises(TypeError) as caught:
            nn.per_example_grad(nn.squared_error)(nn.Linear(4, 3), *ROWS)
        assert "without targets" in "".join(caught.value.__notes__)


class TestClipExamples:
    """`nn.clip_examples`, whose gradients are means of clipped ones."""

    Y = numbers(3)

    def model(self, dtype=float):
        return nn.MLP([4, 5, 3], rng=0, dtype=dtype)

    def gradients(self, model):
        return {name: p.grad for name, p in model.named_parameters()}

    def test_without_a_limit_it_is_the_gradient(self):
        model, other = self.model(), self.model()
        nn.squared_error(model(*ROWS), self.Y).backward()
        nn.clip_examples(other, nn.squared_error, *ROWS, self.Y, norm=np.inf)
        assert_alike(self.gradients(other), self.gradients(model))

    @pytest.mark.parametrize("chunk", [None, 1, 2])
    @pytest.mark.parametrize("dtype", [float, np.float32])
    def test_it_is_the_mean_of_what_is_clipped(self, chunk, dtype):
        model = self.model(dtype)
        each = nn.per_example_grad(nn.squared_error)(model, *ROWS, self.Y)
        norms = np.sqrt([sum(np.sum(np.square(g[i], dtype=float)) for g in each.values()) for i in range(EXAMPLES)])
        limit = float(np.median(norms))
        model[0].bias.grad = np.ones(5, dtype)  # is replaced
        told = nn.clip_examples(model, nn.squared_error, *ROWS, self.Y, norm=limit, chunk=chunk)
        np.testing.assert_allclose(told, norms, 1e-6)
        shares = np.minimum(1, limit / norms)
        assert min(shares) < 1
        want = {name: np.tensordot(shares, g, 1) / EXAMPLES for name, g in each.items()}
        assert_alike(self.gradients(model), want, dtype)

    @pytest.mark.parametrize("scale", [1e-200, 1.0, 1e200])
    def test_no_example_counts_for_more_than_the_norm(self, scale):
        for i in range(EXAMPLES):
            model = self.model()
            x = ROWS[0][i : i + 1]
            nn.clip_examples(model, lambda s, y: scale * nn.squared_error(s, y), x, self.Y[i : i + 1], norm=1e-3)
            size = np.sqrt(sum(np.sum(np.square(g)) for g in self.gradients(model).values()))
            assert size <= 1e-3 * (1 + 1e-12)
            assert scale < 1 or size > 1e-3 * (1 - 1e-12)

    def test_the_noise_has_the_size_that_was_asked_for(self):
        model = nn.Linear(300, 200, rng=0, dtype=float)
        x, y = np.zeros((4, 300)), np.zeros((4, 200))
        nn.clip_examples(model, nn.squared_error, x, y, norm=0.5, noise=3.0, rng=0)
        assert abs(model.weights.grad.std() / (3.0 * 0.5 / 4) - 1) < 0.01
        before = model.weights.grad
        nn.clip_examples(model, nn.squared_error, x, y, norm=0.5, noise=3.0, rng=0)
        np.testing.assert_array_equal(model.weights.grad, before)

    def test_an_example_without_a_finite_gradient_is_named(self):
        model = self.model()
        x = np.where(np.arange(3)[:, None] == 2, np.inf, ROWS[0])
        with pytest.raises(FloatingPointError, match=r"example 2 by '0.weights'"), np.errstate(invalid="ignore"):
            nn.clip_examples(model, nn.squared_error, x, self.Y, norm=1.0, chunk=2)
        assert model[0].weights.grad is None

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"norm": 0}, "a positive number"),
            ({"norm": "1"}, "a positive number"),
            ({"norm": 1, "noise": -1}, "0 or more"),
            ({"norm": np.inf, "noise": 1}, "a finite norm"),
            ({"norm": 1, "chunk": 0}, "chunk=0"),
        ],
    )
    def test_options_that_make_no_sense(self, options, message):
        with pytest.raises(ValueError, match=message):
            nn.clip_examples(self.model(), nn.squared_error, *ROWS, self.Y, **options)
