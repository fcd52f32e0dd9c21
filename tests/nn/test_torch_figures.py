"""Layers and losses beside PyTorch's: values, first and second derivatives, and the names of weights."""

import numpy as np
import pytest

import nn
from autograd_mini import grad
from benchmarks.torch_figures import CASES, FILE, called, figures, flat, numbers, packed

FIGURES = dict(np.load(FILE))
LAYERS = [name for name, case in CASES.items() if isinstance(called(case.ours()).layer, nn.Module)]


def here(case):
    """What `figures` says of PyTorch, computed with ours from leaves in PyTorch's layout and order."""
    layer, call = called(case.ours())
    own, rebuild = layer.__tree_flatten__() if isinstance(layer, nn.Module) else ([], lambda _: layer)
    paths = {id(parameter): path for path, parameter in layer.named_parameters()} if own else {}
    names = [nn.torch_names(layer)[paths[id(parameter)]] for parameter in own]
    order = sorted(names)
    shapes = [own[names.index(name)].shape[:: -1 if name.endswith(".T") else 1] for name in order]
    leaves = [numbers(shape, i) for i, shape in enumerate([*case.shapes, *shapes])]
    count, every = len(case.shapes), tuple(range(len(leaves)))

    def values(*leaves):
        theirs = dict(zip(order, leaves[count:], strict=True))
        model = rebuild([theirs[name].T if name.endswith(".T") else theirs[name] for name in names])
        return flat(call(model, *leaves[:count]))

    def along(parts, seed):
        return sum(np.sum(part * numbers(part.shape, seed + i)) for i, part in enumerate(parts))

    def first(*leaves):
        return grad(lambda *leaves: along(values(*leaves), 50), every)(*leaves)

    second = grad(lambda *leaves: along(first(*leaves), 70), every)(*leaves)
    known = [*(f"input {i}" for i in range(count)), *(name.removesuffix(".T") for name in order)]
    found = {f"value {i}": np.asarray(getattr(v, "data", v)) for i, v in enumerate(values(*leaves))}
    found |= {f"first {name}": g for name, g in zip(known, first(*leaves), strict=True)}
    return found | {f"second {name}": g for name, g in zip(known, second, strict=True)}


def assert_same(ours, theirs):
    assert ours.keys() == theirs.keys()
    for name, want in theirs.items():
        assert ours[name].shape == want.shape, name
        np.testing.assert_allclose(ours[name], want, rtol=1e-10, atol=1e-10, err_msg=name)


@pytest.mark.parametrize("name", CASES)
def test_values_and_derivatives_are_those_that_pytorch_computed(name):
    """The file: `python -m benchmarks.torch_figures`."""
    np.testing.assert_allclose(packed(here(CASES[name])), FIGURES[name], rtol=1e-10, atol=1e-10)


@pytest.mark.extra
@pytest.mark.filterwarnings("ignore:Using padding='same'")  # costs PyTorch a copy
@pytest.mark.parametrize("name", CASES)
def test_values_and_derivatives_are_those_of_pytorch(name):
    torch = pytest.importorskip("torch")
    assert_same(here(CASES[name]), figures(torch, CASES[name]))


@pytest.mark.extra
@pytest.mark.parametrize("name", LAYERS)
def test_states_go_to_pytorch_and_back(name, tmp_path):
    torch = pytest.importorskip("torch")
    from safetensors.numpy import load_file

    ours, theirs = called(CASES[name].ours()).layer, called(CASES[name].theirs(torch)).layer.double()
    names = nn.torch_names(ours)
    nn.save_weights(tmp_path / "ours", ours, names)
    theirs.load_state_dict({key: torch.from_numpy(array) for key, array in load_file(tmp_path / "ours").items()})
    other = called(CASES[name].ours()).layer
    from safetensors.torch import save_file

    save_file({key: array.contiguous() for key, array in theirs.state_dict().items()}, tmp_path / "theirs")
    nn.load_weights(tmp_path / "theirs", other, names)
    for path, values in ours.state_dict().items():
        np.testing.assert_array_equal(other.state_dict()[path], values)
