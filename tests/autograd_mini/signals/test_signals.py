"""What `signals` measures: right at every scale, at every edge, and without touching anything."""

import math

import numpy as np
import pytest

import autograd_mini
from autograd_mini import Tensor
from autograd_mini.graph import Node, operations
from autograd_mini.measuring.sizes import finding, measure
from autograd_mini.signals import signals
from autograd_mini.signals.report import Signals


def rms(array):
    return np.linalg.norm(array) / np.sqrt(np.size(array))


def step(loss: Tensor, name: str, occurrence: int = 0) -> Node:
    """The operation of that name, counted from the result."""
    return [node for node in operations(loss._record) if node.primitive.name == name][occurrence]


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)


def test_public_name_stays_a_function_when_the_drawing_module_is_loaded():
    assert callable(autograd_mini.draw)
    assert callable(autograd_mini.signals)
    assert callable(autograd_mini.signals)  # and so it does the second time


def test_gains_of_a_two_layer_tanh_net_are_those_computed_by_hand(rng):
    x, y = rng.standard_normal((8, 5)), rng.standard_normal((8, 3))
    w1, w2 = (Tensor(rng.standard_normal(shape), requires_grad=True) for shape in ((5, 6), (6, 3)))
    h1 = np.tanh(x @ w1)
    out = np.tanh(h1 @ w2)
    loss = np.mean((out - y) ** 2)
    measured = signals(loss)

    g_out = 2 * (out.data - y) / y.size
    g_s2 = g_out * (1 - out.data**2)
    g_h1 = g_s2 @ w2.data.T
    g_s1 = g_h1 * (1 - h1.data**2)
    for tensor, cotangent in ((out, g_out), (h1, g_h1), (w2, h1.data.T @ g_s2), (w1, x.T @ g_s1)):
        assert measured[tensor].rms == pytest.approx(rms(cotangent), rel=1e-12)
        assert measured[tensor].norm == pytest.approx(np.linalg.norm(cotangent), rel=1e-12)
    edges = measured.edges
    assert edges[out._record, 0].gain == pytest.approx(rms(g_s2) / rms(g_out), rel=1e-12)
    assert edges[step(loss, "np.matmul"), 0].gain == pytest.approx(rms(g_h1) / rms(g_s2), rel=1e-12)
    assert edges[step(loss, "np.matmul"), 1].rms == pytest.approx(rms(h1.data.T @ g_s2), rel=1e-12)
    assert edges[h1._record, 0].gain == pytest.approx(rms(g_s1) / rms(g_h1), rel=1e-12)
    assert edges[loss._record, 0].gain == pytest.approx(1 / y.size, rel=1e-12)
    assert (step(loss, "np.matmul", 1), 0) not in edges  # x is a constant


def test_logs_of_the_gains_along_a_chain_add_up_to_the_signal(rng):
    h = rng.standard_normal((16, 12))
    first = None
    for _ in range(30):
        h = np.tanh(h @ Tensor(rng.standard_normal((12, 12)) / 6, requires_grad=True))
        first = first if first is not None else h
    loss = np.sum(h * h)
    measured = signals(loss)
    logs, node = 0.0, first._record
    consumers = {node.inputs[0]: node for node in operations(loss._record)}
    while node is not loss._record:
        user = consumers[node]
        # Both operands of h * h are the same record: its signal is that of the two edges together.
        factor = 2 if user.primitive.name == "np.multiply" else 1
        logs += math.log10(factor * measured.edges[user, 0].gain)
        node = user
    assert logs == pytest.approx(math.log10(measured[first].rms / measured[loss].rms), abs=1e-12)


def test_an_operand_used_twice_has_two_edges_and_one_total():
    x = Tensor([3.0, -1.0], requires_grad=True)
    product = x * x
    measured = signals(product, np.array([1.0, 1.0]))
    edges = [measured.edges[product._record, position] for position in (0, 1)]
    assert [edge.rms for edge in edges] == pytest.approx([math.sqrt(5)] * 2)
    assert measured[x].rms == pytest.approx(2 * math.sqrt(5))


def test_edges_are_measured_before_branches_cancel():
    x = Tensor([1.0, 2.0], requires_grad=True)
    h = x * 1.0
    loss = np.sum(h * 3.0 - h * 3.0)
    measured = signals(loss)
    assert measured[h].rms == 0
    assert measured[h].zeros == 1
    assert measured.edges[step(loss, "np.multiply"), 0].rms == 3


@pytest.mark.parametrize("scale", [1e-300, 1e-310, 1.0, 1e300])
def test_cotangents_at_the_ends_of_the_number_range_come_out_right(scale):
    x = Tensor(np.ones(9), requires_grad=True)
    y = -x
    measured = signals(y, np.full(9, scale))
    assert measured[x].rms == pytest.approx(scale, rel=1e-9)
    assert measured[x].norm == pytest.approx(3 * scale, rel=1e-9)
    assert measured.edges[y._record, 0].gain == pytest.approx(1)


def test_float16_is_measured_in_float64():
    x = Tensor(np.ones(1000, np.float16), requires_grad=True)
    y = x * 2
    assert signals(y, np.full(1000, 3e4, np.float16))[x].norm == pytest.approx(6e4 * math.sqrt(1000), rel=1e-3)
    assert signals(y, np.full(1000, 6e-8, np.float16))[x].rms == pytest.approx(1.2e-7, rel=0.02)


@pytest.mark.parametrize(
    ("array", "rms", "zeros", "finite"),
    [
        ([3.0, -4.0, 0.0, 0.0], 2.5, 0.5, True),
        ([1 + 1j, 0], 1.0, 0.5, True),
        ([np.inf, 0.0], np.inf, 0.5, False),
        ([np.nan, np.inf, 1.0], np.nan, 0.0, False),
        ([], 0.0, 0.0, True),
        (0.0, 0.0, 1.0, True),
        (np.nan, np.nan, 0.0, False),
        (-2.0, 2.0, 0.0, True),
    ],
)
def test_size_of_an_array(array, rms, zeros, finite):
    signal = measure(np.asarray(array))
    np.testing.assert_allclose(signal.rms, rms)
    assert (signal.zeros, signal.finite) == (zeros, finite)


def test_nothing_is_changed_and_the_graph_is_still_there(rng):
    w = Tensor(rng.standard_normal(4), requires_grad=True)
    w.grad = np.ones(4)
    loss = np.sum(np.tanh(w))
    assert signals(loss)[w].rms == signals(loss)[w].rms
    np.testing.assert_array_equal(w.grad, np.ones(4))
    loss.backward()
    np.testing.assert_allclose(w.grad, 2 - np.tanh(w.data) ** 2)


def test_sizes_of_parameters_are_given_where_the_graph_holds_them():
    x, w, b = (Tensor(np.full(shape, 2.0), requires_grad=True) for shape in ((4, 3), (3, 2), (2,)))
    values = signals(np.sum(x @ w + b)).values
    assert values[w._record].rms == 2
    assert b._record not in values


def test_a_leaf_measures_its_seed():
    x = Tensor(3.0, requires_grad=True)
    measured = signals(x)
    assert measured[x].rms == 1
    assert "Nothing was computed" in finding(measured)


def test_a_graph_that_was_freed_says_what_to_write():
    x = Tensor(2.0, requires_grad=True)
    loss = x * x
    loss.backward()
    with pytest.raises(RuntimeError, match=r"before `loss.backward\(\)`, or write .*retain_graph=True"):
        signals(loss)


def test_errors_of_a_rule_are_not_taken_for_a_freed_graph():
    @autograd_mini.primitive
    def broken(a):
        return a * 1

    def vjp(g, _out, _a):
        raise RuntimeError("the rule's own")

    autograd_mini.rule(broken, vjp)
    with pytest.raises(RuntimeError, match="the rule's own"):
        signals(broken(Tensor(1.0, requires_grad=True)))


def test_a_constant_says_what_to_write():
    with pytest.raises(RuntimeError, match="requires_grad=True"):
        signals(Tensor(2.0) * 3)


def test_several_entries_need_a_seed_of_their_shape():
    x = Tensor([1.0, 2.0], requires_grad=True)
    with pytest.raises(ValueError, match=r"shape \(2,\).*signals\(t, seed\)"):
        signals(x * 2)
    with pytest.raises(ValueError, match="seed"):
        signals(x * 2, np.ones(3))


def test_an_array_is_no_tensor():
    with pytest.raises(TypeError, match="only a tensor"):
        signals(np.ones(3))


def test_a_tensor_that_was_not_reached_raises():
    x, y = Tensor(1.0, requires_grad=True), Tensor(1.0, requires_grad=True)
    measured = signals(x * 2)
    assert isinstance(measured, Signals)
    with pytest.raises(KeyError, match="No gradient reached"):
        measured[y]


@pytest.mark.parametrize(
    ("weight", "sentence"),
    [
        (
            0.5,
            "Going back, the signal falls from 1 to 9.8 × 10⁻⁴ between multiply in layer10 and multiply in layer0.",
        ),
        (
            2.0,
            "Going back, the signal grows from 1 to 1,000 between multiply in layer10 and multiply in layer0.",
        ),
        (1.1, "The signal stays within a factor of 2.6, between 1 and 2.6."),
        (1.0, "The signal is 1 throughout."),
    ],
)
def test_the_finding_says_where_the_signal_goes(weight, sentence):
    h = Tensor([1.0, 1.0], requires_grad=True)
    for layer in range(11):
        with autograd_mini.scope(f"layer{layer}"):
            h = h * weight
    assert finding(signals(np.sum(h))) == sentence


def test_the_finding_names_what_is_not_finite_and_what_is_zero():
    x = Tensor([0.0, 1.0], requires_grad=True)
    with np.errstate(all="ignore"):
        broken = signals(np.sum(np.sqrt(x * 1.0)))
    assert "not finite from multiply on" in finding(broken)
    assert "exactly zero at 1 of" in finding(signals(np.sum(np.maximum(x * 1.0, 5.0))))
