"""ONNX's operators on the cases that the package `onnx` carries, as they are and with inputs that require grad."""

import re

import numpy as np
import pytest

import nn
from autograd_mini import Tensor

onnx = pytest.importorskip("onnx")
from nn.models.onnx.operators.table import STEERING  # noqa: E402

pytestmark = pytest.mark.extra
BATCHES = 8

# Cases that do not pass, with the reason, and the error that says so; None where the numbers are others.
NO_FORM = {
    "image_decoder": "files of images",
    "regex|string_(concat|split)|strnorm|tfidf": "texts",
    "ai_onnx_ml_(label|tree)": "labels and trees, which have no derivative",
    "adagrad|adam|momentum": "optimizers, of which nn has its own",
    "deform_conv|melweight|roialign_mode_max": "not there yet",
}
UNLIKE = {
    "test_not_.d": (ValueError, "the case is of version 1"),
    "bernoulli": (None, "random numbers, of another generator"),
    "celu_bfloat16": (None, "NumPy computes it in float32"),
    "einsum_(batch_matmul|sum)_bfloat16": (TypeError, "NumPy's einsum has no bfloat16"),
    "e8m0_FLOAT(16)?_to_FLOAT8E8M0$": (None, "ml_dtypes rounds to even"),
}
# With inputs that require grad: values of these dtypes can carry no gradient, so that they are refused.
REFUSED = {
    r"cast(like)?_(e8m0_)?FLOAT(16)?_to_(FLOAT4|FLOAT8|BFLOAT16)": "floating-point numbers that the engine lacks",
    r"cast(like)?_no_saturate_FLOAT(16)?_to_FLOAT8(E4M3FN|E5M2FNUZ)": "the same",
    r"test_quantizelinear_(e4m3fn|e5m2|float4e2m1)": "the same",
    r"bitcast_(\w+_)?float\d+_to": "bits of a number have no derivative",
}


@pytest.fixture(scope="module")
def cases():
    from onnx.backend.test.loader import load_model_tests

    with np.errstate(all="ignore"):
        return load_model_tests(kind="node")


def expected(name, requires_grad):
    """The error of a case that does not pass; () if it passes, None if its numbers are others."""
    if any(re.search(pattern, name) for pattern in NO_FORM):
        return NotImplementedError
    if requires_grad and any(re.search(pattern, name) for pattern in REFUSED):
        return TypeError
    found = [error for pattern, (error, _) in UNLIKE.items() if re.search(pattern, name)]
    return found[0] if found else ()


def given(value, requires_grad):
    """An input of a case."""
    if isinstance(value, list):
        return [given(each, requires_grad) for each in value]
    if isinstance(value, onnx.TensorProto):
        value = onnx.numpy_helper.to_array(value)
    learned = requires_grad and isinstance(value, np.ndarray) and value.dtype in (np.float16, np.float32, np.float64)
    return Tensor(value, requires_grad=True) if learned else value


def outputs_of(case, inputs, requires_grad):
    """What our model of a case returns; what steers an operator, such as a scale, requires no grad."""
    attributes = [each for node in case.model.graph.node for each in node.attribute]
    training = any(each.name == "training_mode" and each.i for each in attributes) or "training_" in case.name
    model = nn.load_onnx(case.model).train(training)
    nodes = case.model.graph.node
    steering = {name for node in nodes for i, name in enumerate(node.input) if i in STEERING.get(node.op_type, ())}
    names = [each.name for each in case.model.graph.input]
    found = model(*(given(x, requires_grad and name not in steering) for name, x in zip(names, inputs, strict=False)))
    return found if isinstance(found, tuple) else (found,)


def check(got, want, case):
    """Refuse what is not as it should be: of another shape, dtype or value."""
    if isinstance(want, list):
        assert isinstance(got, list)
        assert len(got) == len(want)
        for each, wanted in zip(got, want, strict=True):
            check(each, wanted, case)
    elif want is None:
        assert got is None
    else:
        got, want = (np.asarray(x.data if isinstance(x, Tensor) else x) for x in (got, given(want, False)))
        assert got.shape == want.shape
        assert got.dtype == want.dtype or want.dtype.kind in "OUS"
        if want.dtype.kind in "OUSb":
            assert np.array_equal(got, want)
        else:
            wide = np.float64 if want.dtype.kind == "V" else want.dtype
            np.testing.assert_allclose(got.astype(wide), want.astype(wide), rtol=case.rtol, atol=case.atol)


def failure(case, requires_grad):
    """What is not as expected in a case, or None."""
    want = expected(case.name, requires_grad)
    try:
        with np.errstate(all="ignore"):
            for inputs, outputs in case.data_sets:
                found = outputs_of(case, inputs, requires_grad)
                for got, wanted in zip(found, outputs, strict=False):
                    check(got, wanted, case)
    except AssertionError as error:
        return None if want is None else f"{case.name}: {error}"
    except Exception as error:  # noqa: BLE001 - all of them are told together
        fits = want is not None and want != () and isinstance(error, want)
        return None if fits else f"{case.name}: {type(error).__name__}: {error}"
    return f"{case.name} passes, and is listed as one that does not" if want not in ((), None) else None


@pytest.mark.parametrize("requires_grad", [False, True])
@pytest.mark.parametrize("batch", range(BATCHES))
def test_operators_compute_what_onnx_says(cases, batch, requires_grad):
    failures = [failure(case, requires_grad) for case in cases[batch::BATCHES]]
    assert not any(failures), "\n".join(filter(None, failures))


def test_nearly_all_cases_pass_and_the_others_are_listed(cases):
    passing = {grad: sum(expected(case.name, grad) == () for case in cases) for grad in (False, True)}
    assert passing[True] >= 1715
    assert passing[False] >= 1762
    for pattern in (*NO_FORM, *UNLIKE, *REFUSED):
        assert any(re.search(pattern, case.name) for case in cases), pattern
