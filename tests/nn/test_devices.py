"""Models on PyTorch's devices: layers, losses, optimizers as on the host; a training that reads one number a step."""

import warnings

import numpy as np
import pytest

import autograd_mini
import nn
from autograd_mini import CompileError, Tensor, devices, grad, hessian, jacobian, vmap
from tests.autograd_mini.devices import stand_in
from tests.autograd_mini.devices.stand_in import package  # noqa: F401 (a fixture of every test here)

needs_torch = pytest.mark.extra
TORCH = pytest.param("torch:cpu", marks=needs_torch)
DEVICES = TORCH, pytest.param("meta", marks=needs_torch), "cupy:0"  # of CuPy's a stand-in
RNG = np.random.default_rng(0)
X, LABELS = RNG.standard_normal((64, 4)), RNG.integers(0, 3, 64)
LENGTHS = np.array([5, 3])


@pytest.fixture
def torch():
    return pytest.importorskip("torch")


class With(nn.Module):
    """A layer that is always given the same options."""

    def __init__(self, layer, **options):
        super().__init__()
        self.layer, self.options = layer, options

    def forward(self, x):
        return self.layer(x, **self.options)


def normal(*shape):
    return np.random.default_rng(1).standard_normal(shape)


LAYERS = {
    "Linear": (lambda: nn.Linear(3, 4, rng=0), normal(5, 3)),
    "Conv1d": (lambda: nn.Conv1d(2, 3, 3, rng=0), normal(2, 2, 6)),
    "Conv2d": (lambda: nn.Conv2d(2, 3, 3, padding=1, rng=0), normal(2, 2, 5, 5)),
    "Conv2d in groups": (lambda: nn.Conv2d(4, 4, 3, stride=2, groups=2, rng=0), normal(2, 4, 8, 7)),
    "Conv2d dilated": (lambda: nn.Conv2d(2, 3, 2, dilation=2, rng=0), normal(2, 2, 6, 5)),
    "ConvTranspose1d": (lambda: nn.ConvTranspose1d(2, 3, 3, rng=0), normal(2, 2, 4)),
    "ConvTranspose2d": (lambda: nn.ConvTranspose2d(2, 3, 3, stride=2, rng=0), normal(2, 2, 4, 4)),
    "MaxPool2d": (lambda: nn.MaxPool2d(2), normal(2, 2, 4, 4)),
    "AvgPool2d": (lambda: nn.AvgPool2d(2), normal(2, 2, 4, 4)),
    "BatchNorm": (lambda: nn.BatchNorm(3), normal(6, 3)),
    "LayerNorm": (lambda: nn.LayerNorm(3), normal(6, 3)),
    "GroupNorm": (lambda: nn.GroupNorm(2, 4), normal(3, 4, 5)),
    "WeightNorm": (lambda: nn.WeightNorm(nn.Linear(3, 2, rng=0)), normal(4, 3)),
    "Embedding": (lambda: nn.Embedding(5, 3, padding=0, rng=0), np.array([[0, 1, 1], [2, 4, 0]])),
    "RNN": (lambda: nn.RNN(3, 4, rng=0), normal(2, 5, 3)),
    "GRU": (lambda: nn.GRU(3, 4, rng=0), normal(2, 5, 3)),
    "LSTM": (lambda: nn.LSTM(3, 4, rng=0), normal(2, 5, 3)),
    "LSTM both ways": (lambda: nn.LSTM(3, 4, bidirectional=True, rng=0), normal(2, 5, 3)),
    "LSTM of lengths": (lambda: With(nn.LSTM(3, 4, rng=0), lengths=LENGTHS), normal(2, 5, 3)),
    "RNNCell": (lambda: nn.RNNCell(3, 4, rng=0), normal(2, 3)),
    "GRUCell": (lambda: nn.GRUCell(3, 4, rng=0), normal(2, 3)),
    "LSTMCell": (lambda: nn.LSTMCell(3, 4, rng=0), normal(2, 3)),
    "MeanOverTime": (lambda: With(nn.MeanOverTime(), lengths=LENGTHS), normal(2, 5, 3)),
    "MaxOverTime": (lambda: With(nn.MaxOverTime(), lengths=LENGTHS), normal(2, 5, 3)),
    "attention": (lambda: nn.MultiHeadAttention(4, 2, rng=0), normal(2, 5, 4)),
    "attention of lengths": (lambda: With(nn.MultiHeadAttention(4, 2, rng=0), lengths=LENGTHS), normal(2, 5, 4)),
    "causal attention": (lambda: With(nn.MultiHeadAttention(4, 2, rng=0), causal=True), normal(2, 5, 4)),
    "Dropout": (lambda: nn.Dropout(0.5, rng=0), normal(5, 3)),
    "ChannelDropout": (lambda: nn.ChannelDropout(0.5, rng=0), normal(3, 4, 5)),
    "GaussianNoise": (lambda: nn.GaussianNoise(0.5, rng=0), normal(5, 3)),
    "Masking": (lambda: nn.Masking(0.3, rng=0), normal(5, 3)),
    "Residual": (lambda: nn.Residual(nn.Linear(3, 3, rng=0)), normal(4, 3)),
    "Flatten": (lambda: nn.Flatten(), normal(2, 3, 2)),
}
ACTIVATIONS = ["ELU", "GELU", "LeakyReLU", "LogSigmoid", "LogSoftmax", "PReLU", "ReLU", "SELU", "SiLU", "Sigmoid"]
ACTIVATIONS += ["Softmax", "Softplus", "Tanh"]
LAYERS |= {name: (getattr(nn, name), normal(4, 3)) for name in ACTIVATIONS}
SIGNS, SHARES = (X[:, :3] > 0).astype(float), np.full((64, 3), 1 / 3)
LOSSES = {
    "squared_error": (nn.squared_error, X[:, :3]),
    "absolute_error": (nn.absolute_error, X[:, :3]),
    "huber_loss": (nn.huber_loss, X[:, :3]),
    "cosine_distance": (nn.cosine_distance, X[:, :3]),
    "cross_entropy": (nn.cross_entropy, LABELS),
    "cross_entropy of shares": (nn.cross_entropy, SHARES),
    "cross_entropy, weighted": (lambda s, y: nn.cross_entropy(s, y, class_weights=[1.0, 2, 3]), LABELS),
    "cross_entropy, ignoring": (lambda s, y: nn.cross_entropy(s, y, ignore_index=0), LABELS),
    "cross_entropy, smoothed": (lambda s, y: nn.cross_entropy(s, y, label_smoothing=0.1), LABELS),
    "nll_loss": (nn.nll_loss, LABELS),
    "kl_divergence": (nn.kl_divergence, SHARES),
    "logistic_loss": (nn.logistic_loss, SIGNS),
    "hinge_loss of classes": (nn.hinge_loss, LABELS),
    "hinge_loss of signs": (nn.hinge_loss, SIGNS),
}
OPTIMIZERS = {
    "SGD": lambda p: nn.SGD(p, 0.1),
    "momentum": lambda p: nn.SGD(p, 0.1, momentum=0.9, nesterov=True),
    "RMSProp": lambda p: nn.RMSprop(p, 0.01),
    "Adam": lambda p: nn.Adam(p, 0.01),
    "AMSGrad": lambda p: nn.Adam(p, 0.01, amsgrad=True, weight_decay=0.1),
    "AdamW": lambda p: nn.AdamW(p, 0.01),
    "a schedule": lambda p: nn.Adam(p, nn.schedules.cosine(0.1, steps=10)),
    "groups": lambda p: nn.Optimizers(nn.SGD([next(p), next(p)], 0.1), nn.Adam(p, 0.1)),
}


def first(output):
    while isinstance(output, tuple):
        output = output[0]
    return output


def assert_same(found, wanted, device):
    """Equal arrays on the device; on "meta" only their shapes and dtypes are known."""
    for ours, numpys in zip(found, wanted, strict=True):
        assert devices.device_of(ours) == device
        assert (ours.shape, ours.dtype) == (numpys.shape, numpys.dtype)
        if device != "meta":
            np.testing.assert_allclose(devices.to_host(ours), numpys, rtol=1e-9, atol=1e-12)


def through(make, x, device):
    """The outputs of a layer in training and evaluation, all gradients, and its buffers."""
    model = make().astype(float).to_device(device)
    x = Tensor(devices.to_device(x, device), requires_grad=x.dtype.kind == "f")
    out = first(model(x))
    np.sum(out * out).backward()
    leaves = [*([x] if x.requires_grad else []), *model.parameters()]
    buffers = [buffer.data for _, buffer in model.named_buffers()]
    return [out.data, *(leaf.grad for leaf in leaves), *buffers, first(model.eval()(x)).data]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_computes_what_it_computes_on_the_host(name, device):
    make, x = LAYERS[name]
    assert_same(through(make, x, device), through(make, x, "cpu"), device)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_is_what_it_is_on_the_host(name, device):
    loss, targets = LOSSES[name]

    def computed(device):
        scores = Tensor(devices.to_device(X[:, :3] / 2, device), requires_grad=True)
        value = loss(scores, devices.to_device(targets, device))
        value.backward()
        return value.data, scores.grad

    assert_same(computed(device), computed("cpu"), device)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_optimizer_takes_the_steps_that_it_takes_on_the_host(name, device):
    def trained(device):
        model = nn.MLP([4, 8, 3], "relu", rng=0).astype(float).to_device(device)
        optimizer = OPTIMIZERS[name](model.parameters())
        x, y = devices.to_device(X, device), devices.to_device(LABELS, device)
        for _ in range(3):
            optimizer.zero_grad()
            nn.cross_entropy(model(x), y).backward()
            nn.clip_norm(model, 0.5)
            nn.clip_value(model, 0.1)
            nn.normalise_gradients(model, 0.1)
            optimizer.step()
        return [parameter.data for parameter in model.parameters()]

    assert_same(trained(device), trained("cpu"), device)


@needs_torch
def test_a_model_comes_to_a_device_as_a_copy():
    model = nn.Sequential(nn.Linear(4, 3, rng=0), nn.BatchNorm(3))
    model[0].bias.requires_grad = False
    there = model.to_device("torch:cpu")
    assert (model.device, there.device, there.to_device("cpu").device) == ("cpu", "torch:cpu", "cpu")
    assert not there[0].bias.requires_grad
    assert [name for name, _ in there.named_parameters()] == [name for name, _ in model.named_parameters()]
    there[0].weights.data[...] = 0
    assert np.all(model[0].weights.data != 0)


@needs_torch
def test_a_model_on_two_devices_says_so():
    model = nn.Sequential(nn.Linear(4, 3, rng=0), nn.Linear(3, 2, rng=0).to_device("meta"))
    with pytest.raises(ValueError, match="several devices: cpu, meta"):
        model.device


def make_model():
    return nn.Sequential(nn.Linear(4, 16, rng=0), nn.ReLU(), nn.Dropout(0.2, rng=1), nn.Linear(16, 3, rng=2))


def script(model, **options):
    """A user's script, which does not know where the model is."""
    optimizer = nn.Adam(model.parameters(), 0.01)
    options = {"epochs": 3, "validation": (X[:20], LABELS[:20]), "metrics": [nn.accuracy]} | options
    history = nn.fit(model, nn.cross_entropy, (X, LABELS), optimizer=optimizer, clip_norm=1.0, **options)
    return history, nn.evaluate(model, nn.cross_entropy, (X, LABELS)), nn.predict(model, X)


@pytest.mark.parametrize("device", [TORCH, "cupy:0"])
@pytest.mark.parametrize(
    "options", [{}, {"read_every": 4}, {"accumulate": 2}, {"sample_weight": np.arange(64.0)}], ids=str
)
def test_the_device_of_the_model_is_all_that_changes_in_a_script(options, device):
    history, score, outputs = script(make_model(), **options)
    model = make_model().to_device(device)
    there, score_there, outputs_there = script(model, **options)
    assert model.device == device
    for name in ("loss", "accuracy", "val_loss", "val_accuracy"):
        np.testing.assert_allclose(there[name], history[name], rtol=1e-5)
    np.testing.assert_allclose(score_there["loss"], score["loss"], rtol=1e-5)
    assert type(outputs_there) is np.ndarray
    np.testing.assert_allclose(outputs_there, outputs, rtol=1e-4, atol=1e-6)


@needs_torch
@pytest.mark.parametrize("options", [{}, {"read_every": 4}, {"accumulate": 2}], ids=str)
def test_a_script_reads_nothing_where_nothing_can_be_read(options):
    model = make_model().to_device("meta")
    history, score, outputs = script(model, **options)
    assert model.device == "meta"
    assert np.isnan([*history["loss"], *history["accuracy"], *history["val_loss"], score["loss"]]).all()
    assert outputs.shape == (64, 3)


@pytest.fixture
def reads(monkeypatch, torch):
    """What is read from PyTorch's memory: how many numbers each time."""
    from autograd_mini.devices.pytorch import array

    counts = []
    monkeypatch.setattr(array, "WAITING", {"cpu"})

    def counting(name, size):
        before = getattr(array.TorchArray, name)

        def read(self):
            counts.append(size(self))
            return before(self)

        monkeypatch.setattr(array.TorchArray, name, read)

    counting("item", lambda array: 1)
    counting("host", lambda array: array.size)
    return counts


@needs_torch
@pytest.mark.parametrize(("every", "wanted"), [(1, [1] * 8), (4, [4, 4]), (3, [3, 3, 2])])
def test_a_step_reads_its_loss_and_nothing_else(every, wanted, reads):
    model = make_model().to_device("torch:cpu")
    reads.clear()
    optimizer = nn.Adam(model.parameters(), 0.01)
    options = {"epochs": 1, "batch_size": 8, "clip_norm": 1.0, "read_every": every}
    nn.fit(model, nn.cross_entropy, (X, LABELS), optimizer=optimizer, **options)
    assert reads == wanted


@pytest.mark.parametrize("device", ["cupy:0"])
@pytest.mark.parametrize(("every", "wanted"), [(1, {"item": 8}), (4, {"get": 2}), (3, {"get": 3})])
def test_a_step_waits_for_its_loss_and_nothing_else(every, wanted, device):
    model = make_model().to_device(device)
    optimizer = nn.Adam(model.parameters(), 0.01)
    stand_in.waits.clear()
    options = {"epochs": 1, "batch_size": 8, "clip_norm": 1.0, "read_every": every}
    nn.fit(model, nn.cross_entropy, (X, LABELS), optimizer=optimizer, **options)
    assert {what: count for what, count in stand_in.waits.items() if count and "copy" not in what} == wanted


@pytest.mark.parametrize(
    ("loss", "options"),
    [
        (lambda s, y: nn.cross_entropy(s, y, ignore_index=0), {}),
        (lambda s, y: nn.cross_entropy(s, y, class_weights=[1.0, 2, 3]), {}),
        (nn.cross_entropy, {"sample_weight": np.arange(64.0)}),
    ],
    ids=["ignored labels", "class weights", "sample weights"],
)
def test_how_much_a_batch_counts_comes_with_its_loss(loss, options):
    histories = []
    for device in ("cpu", "cupy:0"):
        model = make_model().to_device(device)
        stand_in.waits.clear()
        optimizer = nn.SGD(model.parameters(), 0.1)
        options = {"epochs": 1, "batch_size": 8, "optimizer": optimizer} | options | {"optimizer": optimizer}
        histories.append(nn.fit(model, loss, (X, LABELS), **options)["loss"])
    assert sum(count for what, count in stand_in.waits.items() if "copy" not in what) == 8
    np.testing.assert_allclose(histories[1], histories[0], rtol=1e-5)
    scores = [nn.evaluate(make_model().to_device(d), loss, (X, LABELS))["loss"] for d in ("cpu", "cupy:0")]
    np.testing.assert_allclose(scores[1], scores[0], rtol=1e-5)


def test_a_nan_gradient_is_told_when_the_next_number_is_read():
    x = Tensor(devices.to_device(np.array([0.0, 4.0]), "cupy:0"), requires_grad=True)
    with np.errstate(all="ignore"):
        loss = np.sum(np.where(x.data > 1, np.sqrt(x - 1), 0.0) * 1.0)
        loss.backward()
    assert not stand_in.waits["bool"]
    with pytest.raises(ValueError, match="A gradient on the device cupy:0 was NaN"):
        devices.read(loss.data)


@needs_torch
def test_labels_out_of_range_are_told_when_the_next_number_is_read(reads):
    model, labels = make_model().to_device("torch:cpu"), LABELS.copy()
    labels[5] = -1
    with pytest.raises(ValueError, match="did not hold, in as_labels"):
        nn.fit(model, nn.cross_entropy, (X, labels), epochs=1)


@needs_torch
@pytest.mark.parametrize("every", [1, 2])
def test_a_loss_that_is_not_finite_ends_the_training(every):
    model, x = make_model().to_device("torch:cpu"), X.copy()
    x[0] = np.nan
    before = model.state_dict()
    with pytest.raises(FloatingPointError, match="read_every=2" if every == 2 else "The batch itself holds 4 entries"):
        nn.fit(model, nn.cross_entropy, (x, LABELS), batch_size=32, epochs=1, read_every=every, rng=0)
    if every == 1:
        assert all(np.isfinite(array).all() for array in model.state_dict().values())
    assert before.keys() == model.state_dict().keys()


@pytest.mark.parametrize(("begun", "ended"), [("cpu", "cupy:0"), ("cupy:0", "cpu"), ("cupy:0", "cupy:0")])
def test_a_training_goes_on_where_a_gpu_stopped(begun, ended, tmp_path):
    assert_goes_on(begun, ended, tmp_path)


@needs_torch
@pytest.mark.parametrize(("begun", "ended"), [("cpu", "torch:cpu"), ("torch:cpu", "cpu"), ("torch:cpu", "torch:cpu")])
def test_a_training_goes_on_where_another_device_stopped(begun, ended, tmp_path):
    assert_goes_on(begun, ended, tmp_path)


class KilledError(Exception):
    """What ends a training in a test."""


class Killing:
    """A callback that ends a training after the checkpoint of its third step."""

    def on_step(self, run):
        if run.step == 4:
            raise KilledError


def assert_goes_on(begun, ended, tmp_path):
    """A training that was stopped on one device ends on another as one that was not stopped."""
    pytest.importorskip("safetensors")
    path = tmp_path / "run.safetensors"

    def trained(device, epochs, **options):
        model = make_model().to_device(device)
        optimizer = nn.Adam(model.parameters(), 0.01)
        nn.fit(model, nn.cross_entropy, (X, LABELS), optimizer=optimizer, epochs=epochs, **options)
        assert model.device == device
        return list(model.state_dict().values())

    whole = trained("cpu", 4)
    with pytest.raises(KilledError):  # within the second epoch, which has two batches
        trained(begun, 4, checkpoint=path, checkpoint_every=1, callbacks=[Killing()])
    for ours, wanted in zip(trained(ended, 4, checkpoint=path, resume=True), whole, strict=True):
        np.testing.assert_allclose(ours, wanted, rtol=1e-4, atol=1e-6)


@needs_torch
def test_the_states_of_a_model_and_an_optimizer_are_host_arrays_and_load_on_any_device():
    model = make_model().to_device("torch:cpu")
    optimizer = nn.Adam(model.parameters())
    nn.cross_entropy(model(devices.to_device(X, "torch:cpu")), devices.to_device(LABELS, "torch:cpu")).backward()
    optimizer.step()
    states = model.state_dict(), optimizer.state_dict()
    arrays = [value for state in states for value in state.values() if hasattr(value, "shape")]
    assert {type(array) for array in arrays} == {np.ndarray}
    twin = make_model().to_device("torch:cpu")
    twin.load_state_dict(states[0])
    other = nn.Adam(twin.parameters())
    other.load_state_dict(states[1])
    assert twin.device == "torch:cpu"
    assert {devices.device_of(array) for state in other.state for array in state if hasattr(array, "shape")} == {
        "torch:cpu"
    }


@needs_torch
def test_tensors_of_torch_are_data_and_inputs(torch):
    model = make_model().to_device("torch:cpu")
    x, y = torch.from_numpy(X.astype(np.float32)), torch.from_numpy(LABELS)
    assert model(x).device == "torch:cpu"
    assert nn.cross_entropy(model(x), y).device == "torch:cpu"
    history = nn.fit(model, nn.cross_entropy, (x, y), epochs=2)
    assert len(history["loss"]) == 2
    assert devices.device_of(nn.predict(model, x)) == "torch:cpu"


DERIVATIVES = {
    "vmap": lambda x: vmap(lambda v: np.sum(np.tanh(v) ** 2))(x),
    "vmap of grad": lambda x: vmap(grad(lambda v: np.sum(np.tanh(v) ** 2)))(x),
    "jacobian": lambda x: jacobian(lambda v: np.tanh(v) * v)(x[0]),
    "forward jacobian": lambda x: jacobian(lambda v: np.tanh(v) * v, mode="forward")(x[0]),
    "hessian": lambda x: hessian(lambda v: np.sum(np.tanh(v) * v))(x[0]),
}


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", DERIVATIVES)
def test_derivatives_of_all_examples_at_once(name, device):
    found, wanted = (DERIVATIVES[name](devices.to_device(X[:5], d)) for d in (device, "cpu"))
    assert_same([getattr(found, "data", found)], [wanted], device)


@pytest.mark.parametrize("device", [TORCH, "cupy:0"])
def test_signals_of_a_model_on_a_device_are_those_of_a_copy_on_the_host(device):
    model = nn.MLP([4, 8, 8, 3], rng=0).astype(float)
    there = model.to_device(device)
    assert str(nn.signals(there, nn.cross_entropy, X, LABELS)) == str(nn.signals(model, nn.cross_entropy, X, LABELS))


@pytest.mark.parametrize("device", [TORCH, "cupy:0"])
def test_a_signal_log_measures_on_a_device_what_it_measures_on_the_host(device):
    logs = []
    for place in ("cpu", device):
        model = nn.MLP([4, 8, 8, 3], rng=0).astype(float).to_device(place)
        logs.append(nn.SignalLog(model, every=2))
        optimizer = nn.SGD(model.parameters(), 0.1)
        nn.fit(model, nn.cross_entropy, (X, LABELS), optimizer=optimizer, epochs=2, callbacks=logs[-1:])
    for quantity in logs[0].quantities:
        np.testing.assert_allclose(logs[1].history(quantity), logs[0].history(quantity))


@pytest.mark.parametrize("device", [TORCH, "cupy:0"])
def test_what_computes_on_the_host_alone_says_so(device):
    model = make_model().to_device(device)
    with pytest.raises(CompileError, match=rf"{device}.*Leave `compile` out"):
        nn.fit(model, nn.cross_entropy, (X, LABELS), compile=True)
    optimizer = nn.SGD(model.parameters(), 0.1)
    for owners, arguments in (((model, optimizer), (X,)), ((lambda x: x,), (Tensor(devices.to_device(X, device)),))):
        step = autograd_mini.compile(*owners)
        step = step(lambda x: np.sum(model(devices.to_device(x, device)))) if owners[0] is model else step
        with pytest.raises(CompileError, match=f"on the device {device}"):
            step(*arguments)
    with pytest.raises(ValueError, match=r'model\.to_device\("cpu"\)'), warnings.catch_warnings():
        nn.minimize(model, nn.cross_entropy, X, LABELS)
