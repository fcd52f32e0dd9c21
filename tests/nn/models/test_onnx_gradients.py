"""Gradients of ONNX's operators, each beside finite differences; all of them are made of what the engine derives."""

import functools

import numpy as np
import pytest

from autograd_mini.testing import check_derivatives

pytest.importorskip("onnx")
pytest.importorskip("scipy")
from nn.models.onnx.operators import OPERATORS

pytestmark = pytest.mark.extra

# The shapes of what is derived by, other inputs as they are, and attributes
OPERANDS = {
    "AveragePool": ([(1, 2, 5, 4)], {"kernel_shape": [3, 2], "strides": [2, 1], "pads": [1, 0, 1, 1], "ceil_mode": 1}),
    "Celu": ([(3, 2)], {"alpha": 0.7}),
    "Clip": ([(3, 2), -0.5, 0.5], {}),
    "Col2Im": ([(1, 8, 4), [3, 3], [2, 2]], {}),
    "Conv": ([(1, 4, 3, 4, 3), (2, 2, 2, 2, 2), (2,)], {"group": 2, "pads": [1, 0, 1, 0, 1, 0], "strides": [2, 1, 1]}),
    "ConvTranspose": ([(1, 2, 2, 3, 2), (2, 1, 2, 2, 2), (1,)], {"strides": [2, 1, 2], "pads": [0, 1, 0, 0, 0, 1]}),
    "CumProd": ([(3, 2), 0], {"exclusive": 1}),
    "CumSum": ([(3, 2), 1], {"reverse": 1}),
    "DFT": ([(1, 4, 2), None, 1], {"opset": 20}),
    "DepthToSpace": ([(1, 8, 1, 2)], {"blocksize": 2, "mode": "CRD"}),
    "DequantizeLinear": ([np.array([[1, 2], [3, 4]], np.int8), (2,)], {}),
    "Div": ([(2, 3), (3,)], {}),
    "Einsum": ([(2, 3), (3, 2)], {"equation": "ij, jk -> ik"}),
    "Expand": ([(2, 1), [2, 3]], {}),
    "Gather": ([(3, 2), np.array([2, 0, 2])], {}),
    "GatherElements": ([(3, 2), np.array([[2, 0], [1, -1]])], {}),
    "GatherND": ([(2, 3, 2), np.array([[1], [2]])], {"batch_dims": 1}),
    "Gelu": ([(3, 2)], {}),
    "Gemm": ([(3, 2), (3, 4), (4,)], {"transA": 1, "alpha": 0.5}),
    "GlobalLpPool": ([(1, 2, 3, 2)], {"p": 3}),
    "GridSample": ([(1, 2, 3, 4), (1, 2, 2, 2)], {"padding_mode": "border", "align_corners": 1}),
    "GroupNormalization": ([(2, 4, 3), (4,), (4,)], {"num_groups": 2}),
    "InstanceNormalization": ([(2, 3, 4), (3,), (3,)], {}),
    "LRN": ([(1, 4, 2)], {"size": 3, "alpha": 0.5}),
    "LayerNormalization": ([(2, 3, 4), (3, 4), (3, 4)], {"axis": 1, "outputs": 1}),
    "LpNormalization": ([(3, 2)], {"p": 1}),
    "LpPool": ([(1, 1, 5)], {"kernel_shape": [2], "p": 3}),
    "MaxPool": ([(1, 1, 4, 3, 3)], {"kernel_shape": [2, 2, 2], "outputs": 1}),
    "Mish": ([(3, 2)], {}),
    "PRelu": ([(2, 3), (3,)], {}),
    "Pad": ([(2, 3), [0, 1, 2, -1]], {}),
    "Pow": ([(2, 3), np.array([2, 3, 1])], {}),
    "RMSNormalization": ([(2, 3), (3,)], {}),
    "ReduceL2": ([(2, 3), [1]], {}),
    "ReduceLogSumExp": ([(2, 3), [0]], {"keepdims": 0}),
    "ReduceMax": ([(2, 3)], {"axes": [1]}),
    "Resize": ([(1, 1, 3, 3), None, [1, 1, 2, 0.6]], {"mode": "cubic", "antialias": 1, "opset": 18}),
    "ReverseSequence": ([(3, 2), np.array([2, 3])], {}),
    "RoiAlign": (
        [(1, 2, 4, 4), [[0, 0.5, 3, 2.5]], np.array([0])],
        {"output_height": 2, "output_width": 2, "sampling_ratio": 2, "opset": 16},
    ),
    "ScatterElements": ([(3, 2), np.array([[0, 2], [0, 1]]), (2, 2)], {"reduction": "mul"}),
    "ScatterND": ([(3, 2), np.array([[2], [0]]), (2, 2)], {"reduction": "max"}),
    "Slice": ([(4, 3), [-1], [-9], [0], [-2]], {}),
    "Softmax": ([(2, 3, 2)], {"axis": 1, "opset": 11}),
    "STFT": ([(1, 6, 1), 2, (4,)], {}),
    "Swish": ([(3, 2)], {"alpha": 0.5}),
    "TopK": ([(3, 4), [2]], {"axis": 1}),
    "Trilu": ([(3, 3)], {"upper": 0}),
    "Where": ([np.array([True, False]), (3, 2), (2,)], {}),
}
CELLS = {"GRU": 3, "LSTM": 4, "RNN": 1}


def drawn(operands):
    """Operands with numbers in place of shapes, away from zero."""
    rng = np.random.default_rng(0)
    return [
        rng.uniform(0.2, 1.3, each) * rng.choice([-1, 1], each) if isinstance(each, tuple) else each
        for each in operands
    ]


def check(function, operands):
    """Compare the first result's derivatives by all operands that were drawn."""
    learned = [i for i, each in enumerate(operands) if isinstance(each, np.ndarray) and each.dtype.kind == "f"]

    def of(*arrays):
        given = list(operands)
        for i, array in zip(learned, arrays, strict=True):
            given[i] = array
        found = function(*given)
        return found[0] if isinstance(found, tuple) else found

    check_derivatives(of, *(operands[i] for i in learned), order=1, small_shapes=False)


@pytest.mark.parametrize("name", OPERANDS)
def test_an_operator_has_the_gradient_that_differences_have(name):
    operands, attributes = OPERANDS[name]
    check(functools.partial(OPERATORS[name], **attributes), drawn(operands))


@pytest.mark.parametrize(
    ("name", "options"), [("RNN", {"direction": "bidirectional"}), ("GRU", {"layout": 1}), ("LSTM", {})], ids=str
)
def test_a_recurrent_operator_has_the_gradient_that_differences_have(name, options):
    ways, units, wide = 2 if options.get("direction") else 1, 2, 2 * CELLS[name]
    operands = drawn([(3, 2, 2), (ways, wide, 2), (ways, wide, units), (ways, 2 * wide)])
    lengths = np.array([3, 2, 3][: 3 if options.get("layout") else 2])
    check(functools.partial(OPERATORS[name], **options), [*operands, lengths])


def test_a_zero_is_no_trap_for_where():
    check_derivatives(functools.partial(OPERATORS["LpNormalization"], p=2), np.array([[3.0, 4.0]]), order=1)
    x = np.array([0.0, 1.0])
    assert np.allclose(check_slope(OPERATORS["Celu"], x), [1, 1])
    assert np.allclose(check_slope(OPERATORS["Relu"], x), [0, 1])


def check_slope(function, x):
    """The slopes of a function of entries."""
    from autograd_mini import elementwise_grad

    return elementwise_grad(function)(x)
