"""`nn.save_onnx`: what ONNX Runtime computes from the file is what the model does, at several numbers of examples."""

import numpy as np
import pytest

import nn
from autograd_mini import CompileError

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")
pytestmark = pytest.mark.extra


class Both(nn.Module):
    """Two inputs, and what attention reads of the second."""

    def __init__(self):
        super().__init__()
        self.attention, self.norm = nn.MultiHeadAttention(4, 2, rng=0), nn.LayerNorm(4)

    def forward(self, x, context):
        return {"read": self.norm(x + self.attention(x, context)), "mean": np.mean(context, axis=(1, 2))}


class Functions(nn.Module):
    """Functions of NumPy's that no layer of ours uses."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(np.array([0.5, 1, 2], np.float32))

    def forward(self, x):
        n = len(x)
        y = np.concatenate([x[:, ::-1], np.zeros((n, 1), np.float32), x[:, -1:]], 1)
        z = np.stack([x, np.expm1(x / 100), np.log1p(x * x)], axis=1) * self.scale
        parts = np.split(x, 3, axis=1)
        return (
            y,
            np.swapaxes(z, -1, -2),
            np.clip(x, -0.5, 0.5),
            np.sum(parts[1] - parts[0], axis=0),
            np.pad(x, ((0, 0), (1, 2))),
            np.power(np.abs(x), 1.5),
        )


LETTERS = np.array([[1, 2, 3], [0, 4, 4], [2, 2, 1]])
IMAGES = (3, 4, 6, 6)
MODELS = {
    **{
        name: (lambda name=name: getattr(nn, name)(), (3, 4))
        for name in (
            "Tanh",
            "Sigmoid",
            "ReLU",
            "LeakyReLU",
            "PReLU",
            "ELU",
            "SELU",
            "SiLU",
            "GELU",
            "Softplus",
            "LogSigmoid",
            "Softmax",
            "LogSoftmax",
            "Identity",
            "Sign",
        )
    },
    "exact GELU": (lambda: nn.GELU(exact=True), (3, 4)),
    "Linear": (lambda: nn.Linear(4, 2, rng=0), (3, 4)),
    "Linear of sequences": (lambda: nn.Linear(4, 2, rng=0), (3, 5, 4)),
    "MLP": (lambda: nn.MLP([4, 8, 2], rng=0), (3, 4)),
    "Residual": (lambda: nn.Residual(nn.Linear(4, 4, rng=0), nn.Tanh()), (3, 4)),
    "Conv2d": (lambda: nn.Conv2d(4, 6, 3, stride=(1, 2), padding=1, groups=2, rng=0), IMAGES),
    "Conv1d": (lambda: nn.Conv1d(4, 6, 3, dilation=2, padding="same", rng=0), (3, 4, 9)),
    "ConvTranspose2d": (lambda: nn.ConvTranspose2d(4, 6, 3, stride=2, padding=1, output_padding=1, rng=0), IMAGES),
    "ConvTranspose1d": (lambda: nn.ConvTranspose1d(4, 6, 3, stride=2, rng=0), (3, 4, 9)),
    "MaxPool2d": (lambda: nn.MaxPool2d(3, 2, padding=1), IMAGES),
    "AvgPool2d": (lambda: nn.AvgPool2d(2, padding=1), IMAGES),
    "BatchNorm": (lambda: nn.BatchNorm(4), IMAGES),
    "LayerNorm": (lambda: nn.LayerNorm(4), (3, 5, 4)),
    "GroupNorm": (lambda: nn.GroupNorm(2, 4), IMAGES),
    "WeightNorm": (lambda: nn.WeightNorm(nn.Linear(4, 2, rng=0)), (3, 4)),
    "Dropout": (lambda: nn.Sequential(nn.Dropout(0.5), nn.ChannelDropout(0.5), nn.GaussianNoise(1.0)), IMAGES),
    "Flatten": (lambda: nn.Sequential(nn.Flatten(), nn.Linear(144, 2, rng=0)), IMAGES),
    "Embedding": (lambda: nn.Embedding(5, 4, rng=0), LETTERS),
    "padded Embedding": (lambda: nn.Embedding(5, 4, padding=0, rng=0), LETTERS),
    "MultiHeadAttention": (lambda: nn.MultiHeadAttention(4, 2, rng=0), (3, 5, 4)),
    "RNN": (lambda: nn.RNN(4, 5, rng=0), (3, 3, 4)),
    "GRU": (lambda: nn.GRU(4, 5, layers=2, bidirectional=True, rng=0), (3, 3, 4)),
    "LSTM": (lambda: nn.LSTM(4, 5, rng=0), (3, 3, 4)),
    "MaxOverTime": (lambda: nn.MaxOverTime(), (3, 5, 4)),
    "MeanOverTime": (lambda: nn.MeanOverTime(), (3, 5, 4)),
    "RNNCell": (lambda: nn.RNNCell(4, 5, rng=0), (3, 4)),
    "GRUCell": (lambda: nn.GRUCell(4, 5, rng=0), (3, 4)),
    "LSTMCell": (lambda: nn.LSTMCell(4, 5, rng=0, projection=2), (3, 4)),
    "Masking": (lambda: nn.Masking(0.5), (3, 4)),
    "Perceptron": (
        lambda: nn.perceptrons.XOR(nn.Perceptron([1, 2, -1, 0], 1), nn.Perceptron([1, -1, 0, 2], -1)),
        (3, 4),
    ),
    "several": (Both, [(3, 5, 4), (3, 2, 4)]),
    "functions": (Functions, (3, 3)),
}


def drawn(shape, n=3):
    if isinstance(shape, np.ndarray):
        return np.resize(shape, (n, *shape.shape[1:]))
    return np.random.default_rng(n).standard_normal((n, *shape[1:])).astype(np.float32)


def inputs_of(shapes, n):
    return [drawn(shape, n) for shape in (shapes if isinstance(shapes, list) else [shapes])]


def leaves(tree):
    if isinstance(tree, dict):
        tree = list(tree.values())
    return [leaf for part in tree for leaf in leaves(part)] if isinstance(tree, list | tuple) else [tree]


def check(model, path, shapes, counts=(1, 3, 7)):
    model.eval()
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    for n in counts:
        inputs = inputs_of(shapes, n)
        found = session.run(None, {given.name: x for given, x in zip(session.get_inputs(), inputs, strict=True)})
        for ours, theirs in zip(leaves(model(*inputs)), found, strict=True):
            ours = np.asarray(getattr(ours, "data", ours))
            assert ours.dtype == theirs.dtype
            np.testing.assert_allclose(theirs, ours, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", MODELS)
def test_onnx_runtime_computes_the_same_for_any_number_of_examples(name, tmp_path):
    make, shapes = MODELS[name]
    model, path = make(), tmp_path / "model.onnx"
    nn.save_onnx(model, path, *inputs_of(shapes, 3))
    check(model, path, shapes)


def test_statistics_and_the_mode_are_those_of_evaluation(tmp_path):
    model = nn.Sequential(nn.Linear(4, 3, rng=0), nn.BatchNorm(3), nn.Dropout(0.5))
    for _ in range(3):
        model(drawn((3, 4), 8))
    nn.save_onnx(model, tmp_path / "model.onnx", drawn((3, 4)))
    assert model.training
    check(model, tmp_path / "model.onnx", (3, 4))


def test_parameters_keep_their_names_and_nodes_their_places(tmp_path):
    model = nn.MLP([4, 8, 2], rng=0)
    nn.save_onnx(model, tmp_path / "model.onnx", drawn((3, 4)))
    graph = onnx.load(tmp_path / "model.onnx").graph
    known = {one.name: onnx.numpy_helper.to_array(one) for one in graph.initializer}
    for path, parameter in model.named_parameters():
        np.testing.assert_array_equal(known[path], parameter.data)
    assert [node.name.rpartition("/")[0] for node in graph.node][:3] == ["MLP/0", "MLP/1", "MLP/2"]
    assert graph.input[0].type.tensor_type.shape.dim[0].dim_param == "batch"


def test_the_number_of_examples_can_be_fixed(tmp_path):
    model = nn.GRU(4, 5, rng=0)
    nn.save_onnx(model, tmp_path / "model.onnx", drawn((3, 2, 4)), batch=False)
    check(model, tmp_path / "model.onnx", (3, 2, 4), counts=(3,))


class Places(nn.Module):
    def forward(self, x):
        return x + np.arange(len(x), dtype=np.float32)[:, None]


class Decides(nn.Module):
    def forward(self, x):
        from autograd_mini import everywhere

        return x if everywhere(x > 0) else -x


class Solves(nn.Module):
    def forward(self, x):
        return np.linalg.inv(x)


def test_what_cannot_be_written_is_said(tmp_path):
    path = tmp_path / "model.onnx"
    with pytest.raises(ValueError, match=r"for 4 examples than for 3.*Write `nn.save_onnx\(..., batch=False\)`"):
        nn.save_onnx(Places(), path, drawn((3, 4)))
    with pytest.raises(CompileError, match="depends on the values of its arguments"):
        nn.save_onnx(Decides(), path, drawn((3, 4)))
    with pytest.raises(NotImplementedError, match="inv, which Solves computes, has no form in ONNX here"):
        nn.save_onnx(Solves(), path, drawn((3, 4, 4)))
    with pytest.raises(TypeError, match="was given a function"):
        nn.save_onnx(drawn, path, drawn((3, 4)))
    with pytest.raises(TypeError, match="needs an example"):
        nn.save_onnx(nn.Tanh(), path)
    with pytest.raises(TypeError, match="example 0 of dtype complex128"):
        nn.save_onnx(nn.Tanh(), path, np.zeros(3, complex))
    assert not path.exists()
