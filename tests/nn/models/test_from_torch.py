"""`nn.from_torch`: the numbers, gradients, names and modes of PyTorch's own modules."""

import copy

import numpy as np
import pytest

import autograd_mini as am
import nn
from autograd_mini import Tensor
from autograd_mini.testing import check_module

torch = pytest.importorskip("torch")
from tests.nn.models.torch_modules import MODULES, Causal, Residual, made  # noqa: E402

pytestmark = pytest.mark.extra
F = torch.nn.functional


@pytest.fixture(scope="module")
def pairs():
    """Modules with the models made of them, each made once; who changes one takes a copy."""
    known = {}

    def pair(name):
        if name not in known:
            module, x = made(name)
            known[name] = module, nn.from_torch(module, x, rng=0), x
        module, model, x = known[name]
        return copy.deepcopy(module), copy.deepcopy(model), x

    return pair


def gap(ours, theirs, scale=1.0):
    """How far apart two arrays are, as a share of the larger of a scale and the largest entry."""
    theirs = theirs.detach().numpy()
    apart = np.abs(np.subtract(ours, theirs, dtype=np.result_type(theirs.dtype, np.float32)))
    return np.max(apart, initial=0) / max(scale, np.max(np.abs(theirs), initial=0))


def compare(module, model, x, limit):
    """Outputs, gradients and state of one step, for a batch that is larger than the example."""
    x = torch.cat([x, x[:2]]) if not x.is_floating_point() else torch.cat([x, 2 * x[:2]])
    given = x.clone().requires_grad_(x.is_floating_point())
    out = module(given)
    weights = torch.cos(torch.arange(out.numel(), dtype=out.dtype)).reshape(out.shape)
    module.zero_grad()
    (out * weights).sum().backward()
    ours = Tensor(x.numpy().copy(), requires_grad=x.is_floating_point())
    for parameter in model.parameters():
        parameter.grad = None
    found = model(ours)
    assert found.dtype == weights.numpy().dtype
    np.sum(found * weights.numpy()).backward()
    assert gap(found.data, out) < limit
    own = dict(model.named_parameters())
    assert list(own) == [path for path, _ in module.named_parameters()]
    scale = max(1, *(parameter.grad.abs().max().item() for parameter in module.parameters()))
    for path, parameter in module.named_parameters():
        assert gap(own[path].grad, parameter.grad, scale) < limit, path
    if x.is_floating_point():
        assert gap(ours.grad, given.grad) < limit
    state = nn.to_torch_state(model)
    assert state.keys() == module.state_dict().keys()
    for path, tensor in module.state_dict().items():
        assert gap(state[path].numpy(), tensor) < limit, path
        assert state[path].dtype == tensor.dtype


@pytest.mark.parametrize("name", MODULES)
def test_outputs_gradients_and_statistics_are_pytorch_s_in_both_modes_and_precisions(pairs, name):
    for limit in (5e-6, 1e-10):
        module, model, x = pairs(name)
        if limit == 1e-10:
            module, model, x = module.double(), model.astype(np.float64), x.double() if x.is_floating_point() else x
        for mode in (True, False):
            module.train(mode)
            model.train() if mode else model.eval()
            compare(module, model, x, limit)


OF_POSITIVE = [torch.log, torch.log2, torch.log10, torch.sqrt, torch.rsqrt, torch.log1p, lambda x: x**1.5, torch.lgamma]
OF_ANY = [
    *(torch.exp, torch.expm1, torch.sin, torch.cos, torch.tan, torch.sinh, torch.cosh, torch.atan, torch.asinh),
    *(torch.abs, torch.neg, torch.sign, torch.floor, torch.square, torch.reciprocal, torch.erf, torch.erfc),
    *(torch.sigmoid, F.relu6, F.hardswish, F.hardsigmoid, F.hardtanh, F.mish, F.softsign, F.tanhshrink, F.celu),
    *(F.logsigmoid, F.softshrink, F.hardshrink, lambda x: F.glu(x, 1), lambda x: F.gelu(x, approximate="tanh")),
    *(lambda x: x.clamp(-0.5, 0.5), lambda x: x.clamp(min=0.1), lambda x: x.masked_fill(x > 0, 2.0), lambda x: 1 - x),
    *(
        lambda x: torch.where(x > 0, x, 3 * x),
        lambda x: torch.maximum(x, -x),
        lambda x: x / (2 + x * x),
        lambda x: x**3,
    ),
    *(lambda x: torch.add(x, x, alpha=2), lambda x: torch.sub(1, x), lambda x: 2**x, lambda x: torch.lerp(x, -x, 0.3)),
    *(
        lambda x: x.sum((0, 2)),
        lambda x: x.mean(1, keepdim=True),
        lambda x: x.std(1),
        lambda x: x.var((1, 2), correction=0),
    ),
    *(
        lambda x: x.amax((1, 2)),
        lambda x: x.max(1)[0],
        lambda x: x.min(2)[0],
        lambda x: x.prod(1),
        lambda x: x.norm(dim=2),
    ),
    *(lambda x: torch.linalg.vector_norm(x, dim=(1, 2)), lambda x: x.logsumexp(1), lambda x: x.cumsum(1)),
    *(lambda x: x.softmax(1), lambda x: x.sort(1, descending=True)[0], lambda x: x.topk(2, 2)[0]),
    *(
        lambda x: x.permute(2, 0, 1),
        lambda x: x[:, 1:, ::2],
        lambda x: x[..., -1],
        lambda x: x.flip(1),
        lambda x: x.roll(1, 2),
    ),
    *(lambda x: x.unsqueeze(1).expand(-1, 2, -1, -1), lambda x: x.repeat(1, 2, 1), lambda x: torch.stack([x, -x], 1)),
    *(
        lambda x: x.chunk(2, 2)[1],
        lambda x: x.split([1, 3], 1)[1],
        lambda x: F.pad(x, (1, 2), value=3.0),
        lambda x: x.tril(),
    ),
    *(
        lambda x: F.pad(x, (1, 1), mode="reflect"),
        lambda x: F.pad(x, (-1, 1)),
        lambda x: x.gather(1, (x[:, :2] > 0).long()),
    ),
    *(
        lambda x: x[:, torch.tensor([2, 0, 2])],
        lambda x: x.index_select(2, torch.tensor([1, 1])),
        lambda x: x.detach() * x,
    ),
    *(
        lambda x: torch.einsum("nij,nkj->nik", x, x),
        lambda x: torch.bmm(x, x),
        lambda x: x @ x.mT,
        lambda x: x.flatten(1),
    ),
    *(
        lambda x: x * (x > 0),
        lambda x: x * torch.arange(4),
        lambda x: x + torch.arange(4) / 2,
        lambda x: x.double().float(),
    ),
    *(
        lambda x: F.max_pool1d(x, 2),
        lambda x: F.avg_pool1d(x, 3, 2, 1),
        lambda x: F.avg_pool1d(x, 3, 2, 1, count_include_pad=False),
    ),
    *(
        lambda x: F.max_pool1d(x, 3, 2, ceil_mode=True),
        lambda x: F.adaptive_avg_pool1d(x, 3),
        lambda x: F.adaptive_max_pool1d(x, 2),
    ),
    *(lambda x: F.interpolate(x, scale_factor=1.5, mode="linear"), lambda x: F.interpolate(x, size=3)),
    *(
        lambda x: F.interpolate(x[:, None], size=(3, 7), mode="bicubic"),
        lambda x: F.interpolate(x, size=7, mode="nearest-exact"),
    ),
    *(lambda x: F.interpolate(x, size=6, mode="linear", align_corners=True), lambda x: F.instance_norm(x)),
    *(lambda x: F.normalize(x, dim=1), lambda x: F.rms_norm(x, (4,)), lambda x: F.pixel_shuffle(x[:, :, None], 2)),
    *(
        lambda x: F.cross_entropy(x, torch.tensor([[0, 1, 2, 3]]).expand(x.shape[0], -1)),
        lambda x: F.mse_loss(x, 2 * x),
    ),
    *(
        lambda x: F.binary_cross_entropy_with_logits(x, (x > 0).float()),
        lambda x: F.l1_loss(x, 3 * x),
        lambda x: F.smooth_l1_loss,
    ),
][:-1]


class Each(torch.nn.Module):
    """Many functions of one input."""

    def __init__(self, functions):
        super().__init__()
        self.functions, self.scale = functions, torch.nn.Parameter(torch.ones(()))

    def forward(self, x):
        return tuple(function(x * self.scale) for function in self.functions)


@pytest.mark.parametrize(("functions", "least"), [(OF_ANY, -1.5), (OF_POSITIVE, 0.2)], ids=["any", "positive"])
def test_each_operation_is_pytorch_s(functions, least):
    module = Each(functions)
    x = torch.linspace(least, 1.9, 64)[torch.randperm(64, generator=torch.Generator().manual_seed(0))].reshape(4, 4, 4)
    model = nn.from_torch(module, x[:2])
    ours = Tensor(x.numpy().copy(), requires_grad=True)
    for i, (out, found) in enumerate(zip(module(x.requires_grad_()), model(ours), strict=True)):
        assert str(found.dtype) == str(out.dtype).removeprefix("torch."), i
        assert found.shape == tuple(out.shape), i
        assert gap(found.data, out) < 5e-6, i
        (theirs,) = torch.autograd.grad(out.sum(), x, retain_graph=True)
        ours.grad = None
        np.sum(found).backward()
        assert gap(ours.grad, theirs) < 2e-5, i


class Whole(torch.nn.Module):
    """Arithmetic of whole numbers, whose dtypes PyTorch chooses in another way than NumPy."""

    def forward(self, x, i):
        j = i + 1
        return (
            j / 2,
            i * 0.5,
            j // 2,
            i % 3,
            i.float().mean(),
            j.sqrt(),
            i.sum(),
            x * j,
            x + j.double().mean(),
            -i,
            i == j,
        )


def test_dtypes_of_whole_numbers_are_pytorch_s():
    x, i = torch.randn(3, 2), torch.arange(6).reshape(3, 2)
    for out, found in zip(Whole()(x, i), nn.from_torch(Whole(), x, i)(x.numpy(), i.numpy()), strict=True):
        assert str(found.dtype) == str(out.dtype).removeprefix("torch.")
        assert gap(np.asarray(found), out) < 1e-6


def test_the_module_stays_as_it_is(pairs):
    module, x = made("residual")
    module.norm1.eval()
    before = {path: tensor.clone() for path, tensor in module.state_dict().items()}
    model = nn.from_torch(module, x)
    for parameter in model.parameters():
        parameter.data = parameter.data + 1
    model(x.numpy())
    assert module.training
    assert not module.norm1.training
    assert all(torch.equal(before[path], tensor) for path, tensor in module.state_dict().items())
    assert not model.norm1.training
    assert model.norm2.training


def test_each_part_has_a_mode_of_its_own(pairs):
    module, model, x = pairs("residual")
    model.eval()
    model.norm1.train()
    module.eval()
    module.norm1.train()
    compare(module, model, x, 5e-6)
    assert int(model.norm1.num_batches_tracked.data) == 1
    assert int(model.norm2.num_batches_tracked.data) == 0


def test_where_the_modes_are_two_computations_parts_cannot_differ(pairs):
    _, model, x = pairs("written_into")
    model.norm.eval()
    with pytest.raises(ValueError, match=r"Call `.train\(\)` or `.eval\(\)` of the whole model"):
        model(x.numpy())


def test_dropout_is_drawn_in_training_alone_and_from_the_model_s_generator():
    module = torch.nn.Sequential(torch.nn.Dropout(0.5), torch.nn.Flatten())
    x = np.ones((50, 4), np.float32)
    model, same = (nn.from_torch(module, x, rng=3) for _ in range(2))
    found = model(x)
    assert set(np.unique(found)) == {0, 2}
    np.testing.assert_array_equal(found, same(x))
    assert np.any(model(x) != found)
    np.testing.assert_array_equal(model.eval()(x), x)


def test_shared_weights_stay_shared(pairs):
    _, model, _ = pairs("causal")
    assert model.head.weight is model.embedding.weight
    state = nn.to_torch_state(model)
    Causal().load_state_dict(state)
    assert "head.weight" in state
    assert "mask" not in state


def test_frozen_parameters_stay_frozen():
    module = torch.nn.Linear(2, 1)
    module.weight.requires_grad_(False)
    model = nn.from_torch(module, torch.zeros(2, 2))
    assert [parameter.requires_grad for parameter in model.parameters()] == [False, True]


class Odd(torch.nn.Module):
    """Names that a module of ours has for something else."""

    def __init__(self):
        super().__init__()
        self.describe, self.program = torch.nn.Linear(2, 2), torch.nn.Linear(2, 1)
        self.register_parameter("rng", torch.nn.Parameter(torch.ones(1)))

    def forward(self, x):
        return {"score": self.program(self.describe(x)) * self.rng, "pair": [x, (x + 1,)]}


def test_names_that_are_taken_get_an_underscore_and_go_back_under_their_own():
    module = Odd()
    model = nn.from_torch(module, torch.zeros(2, 2))
    assert [path for path, _ in model.named_parameters()] == [
        *("rng_", "describe_.weight", "describe_.bias", "program_.weight", "program_.bias")
    ]
    module.load_state_dict(nn.to_torch_state(model))
    found = model(np.ones((3, 2), np.float32))
    assert found["score"].shape == (3, 1)
    assert found["pair"][1][0].tolist() == [[2, 2]] * 3


class Few(torch.nn.Module):
    """It computes otherwise for many examples, and keeps how often it was called, and what it said before."""

    def __init__(self):
        super().__init__()
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, x):
        before = self.calls.clone()
        self.calls.add_(1)
        return (x if x.shape[0] <= 10 else 2 * x), before, self.calls * 1


def test_sizes_for_which_the_module_computes_otherwise_are_refused_and_buffers_count():
    model = nn.from_torch(Few(), torch.zeros(3, 2))
    for n in (1, 10):
        model(np.zeros((n, 2), np.float32))
    assert [float(part) for part in model(np.zeros((2, 2), np.float32))[1:]] == [2, 3]
    with pytest.raises(ValueError, match=r"shape \(11, 2\), for which .* it was read where x.shape\[0\] <= 10"):
        model(np.zeros((11, 2), np.float32))


class Unknown(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = torch.nn.ModuleList([torch.nn.Identity()])

    def forward(self, x):
        return torch.fft.fft(x).real + torch.cdist(x, x) + torch.cdist(x, -x)


def test_all_operations_without_a_counterpart_are_in_one_error():
    with pytest.raises(NotImplementedError, match=r"no counterpart here: cdist \(in Unknown\), fft_fft \(in Unknown\)"):
        nn.from_torch(Unknown(), torch.zeros(3, 3))


class Deciding(torch.nn.Module):
    def forward(self, x):
        return x if x.sum() > 0 else -x


def test_errors_say_what_to_write():
    linear, x = torch.nn.Linear(3, 1), torch.zeros(2, 3)
    with pytest.raises(TypeError, match=r"was given a str\. Write"):
        nn.from_torch("resnet18", x)
    with pytest.raises(TypeError, match="needs an example"):
        nn.from_torch(linear)
    with pytest.raises(TypeError, match="was given a str as input 0"):
        nn.from_torch(linear, "x")
    with pytest.raises(TypeError, match=r"bfloat16.*Write `module.float\(\)`"):
        nn.from_torch(linear.bfloat16(), x.bfloat16())
    with pytest.raises(ValueError, match="cannot follow this module in training mode"):
        nn.from_torch(Deciding(), x)
    with pytest.raises(ValueError, match=r"the module itself cannot be called with this example: .*cannot be mult"):
        nn.from_torch(linear.float(), np.zeros((2, 4)))
    with pytest.raises(TypeError, match="was given a MLP"):
        nn.to_torch_state(nn.MLP([2, 1]))


def test_errors_of_a_call_say_where(pairs):
    _, model, x = pairs("residual")
    with pytest.raises(TypeError, match=r"takes 1 inputs \(x\), and was given 2"):
        model(x.numpy(), x.numpy())
    with pytest.raises(ValueError, match=r"was given x of shape \(4, 2, 6, 6\), and was read with \(n, 3, 6, 6\)"):
        model(x.numpy()[:, :2])
    with pytest.raises(TypeError, match=r"was given x of dtype int64, and was read with float32"):
        model(x.numpy().astype(int))
    with pytest.raises(TypeError, match=r"conv1 is a part"):
        model.conv1(x.numpy())
    with pytest.raises(TypeError, match="no call of its own that a hook could see"):
        model.conv1.register_forward_hook(print)


def test_an_error_inside_names_the_node_and_the_part():
    module = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Sequential(torch.nn.BatchNorm1d(3)))
    model = nn.from_torch(module, torch.zeros(2, 3))
    with pytest.raises(ValueError, match="was given an input of shape") as caught:
        model(np.zeros((1, 3), np.float32))
    notes = "\n".join(caught.value.__notes__)
    assert "It is the node batch_norm of the model, batch_norm(float32[1, 3], float32[3]," in notes
    assert "This came up in Sequential.1.0: BatchNorm1d." in notes


@pytest.mark.parametrize("name", ["mlp", "residual", "gru"])
def test_what_nn_does_with_models_it_does_with_these(pairs, name):
    module, model, x = pairs(name)
    x, y = x.numpy(), np.linspace(-1, 1, 2 * len(x), dtype=np.float32).reshape(len(x), 2)
    y = y if model(x).shape[1] == 2 else np.concatenate([y, y[:, :1]], axis=1)
    seen = nn.signals(model, nn.squared_error, x, y)
    layers = {layer.name.partition(" #")[0].removeprefix(f"{type(module).__name__}.") for layer in seen.layers}
    inside = {path for path, _ in module.named_modules()} | {path for path, _ in module.named_parameters()}
    assert layers <= inside
    assert len(layers) > 1
    assert seen.name == type(module).__name__
    picture = str(am.draw(nn.squared_error(model(x), y)))
    assert all(path in picture for path in layers & dict(module.named_modules()).keys())
    log, optimizer = nn.SignalLog(model), nn.SGD(model.parameters(), 0.01)
    log.backward(nn.squared_error(model(x), y))
    optimizer.step()
    check_module(model.astype(np.float64), x.astype(np.float64)[:2])
    history = nn.fit(model, nn.squared_error, (x, y), epochs=3, optimizer=optimizer, progress=False, compile=True)
    assert history["loss"][-1] < history["loss"][0]
    there = model.eval().to_device("torch:cpu")
    np.testing.assert_allclose(
        am.devices.to_host(there(Tensor(x).to_device("torch:cpu")).data), model(x).data, atol=1e-5
    )
    grads = nn.per_example_grad(nn.squared_error)(model, x, y)
    assert all(len(grad) == len(x) for grad in grads.values())


def test_a_residual_network_in_training_has_no_gradient_of_an_example(pairs):
    _, model, x = pairs("residual")
    with pytest.raises(ValueError, match=r"inside a vmap"):
        nn.per_example_grad(nn.squared_error)(model, x.numpy(), np.zeros((4, 3), np.float32))


def test_numbers_without_a_precision_of_their_own_get_the_module_s():
    model = nn.from_torch(torch.nn.Linear(3, 1), [[1.0, 2.0, 3.0]] * 2)
    assert model.inputs[0].dtype == np.float32


def test_a_batch_of_one_is_an_example_too():
    model = nn.from_torch(Residual(), torch.zeros(1, 3, 6, 6)).eval()
    assert model(np.zeros((5, 3, 6, 6), np.float32)).shape == (5, 3)


def test_a_finding_names_no_cure_that_can_change_no_part():
    """`cures()` exchanges modules, and the parts of a model that was read are nodes."""
    torch.manual_seed(0)
    layers = [layer for _ in range(8) for layer in (torch.nn.Linear(8, 8), torch.nn.Sigmoid())]
    module = torch.nn.Sequential(*layers, torch.nn.Linear(8, 2))
    x, y = torch.randn(32, 8), np.arange(32) % 2
    read = nn.signals(nn.from_torch(module, x), nn.cross_entropy, x.numpy(), y)
    ours = nn.signals(nn.MLP([8] * 9 + [2], "sigmoid", rng=0), nn.cross_entropy, x.numpy(), y)
    assert "seen.cures()" in ours.findings[0]
    assert "falls by" in read.findings[0]
    assert not [finding for finding in read.findings if "seen.cures()" in finding]
