"""Structural zeros: what a result does not depend on has derivative 0, however steep it is there; nothing else has."""

import dask.array
import numpy as np
import pytest

import nn
from autograd_mini import Tensor, backward, grad, hessian, jacobian, jvp, primitive, rule, vmap
from autograd_mini.dependence import Dependence, Edge
from autograd_mini.graph import Node, Watch
from tests.autograd_mini.rules.test_rules import CALLS

nan, inf = np.nan, np.inf
total = np.sum
TARGETS = np.array([1.0, nan, 3.0])
KNOWN = ~np.isnan(TARGETS)
ROWS = np.array([[1.0, 2.0], [nan, inf]])
FIRST = np.array([[True], [False]])

# What is computed, where, and its derivative.
TRAPS = {
    "root": (lambda x: total(np.where(x > 0, np.sqrt(x), 0)), [0.0, -1.0, 4.0], [0, 0, 0.25]),
    "logarithm": (lambda x: total(np.where(x > 0, np.log(x), 0)), [0.0, -1.0, 2.0], [0, 0, 0.5]),
    "exponential": (lambda x: total(np.where(x <= 0, np.exp(x), 1 + x)), [1000.0, -1.0], [1, np.exp(-1)]),
    "both branches": (
        lambda x: total(np.where(x < 0, np.sqrt(-x), np.where(x > 0, np.log(x), 0))),
        [0.0, 1.0, -4.0],
        [0, 1, -0.25],
    ),
    "sigmoid": (
        lambda x: total(np.where(x >= 0, 1 / (1 + np.exp(-x)), np.exp(x) / (1 + np.exp(x)))),
        [1000.0, -1000.0, 0.0],
        [0, 0, 0.25],
    ),
    "softplus": (lambda x: total(np.where(x > 20, x, np.log(1 + np.exp(x)))), [1000.0, 0.0], [1, 0.5]),
    "entropy": (lambda x: total(np.where(x > 0, x * np.log(x), 0)), [0.0, 1.0], [0, 1]),
    "angle": (lambda x: total(np.where(np.abs(x) < 1, np.arcsin(x), np.pi / 2)), [1.0, 0.0, 2.0], [0, 1, 0]),
    "select": (lambda x: total(np.select([x > 0], [np.sqrt(x)], 0.0)), [0.0, 4.0], [0, 0.25]),
    "choose": (lambda x: total(np.choose([0, 1], [x, np.sqrt(x)])), [0.0, 4.0], [1, 0.25]),
    "errors": (lambda x: total(((x - TARGETS) ** 2)[KNOWN]), [0.0, 1.0, 2.0], [-2, 0, -2]),
    "where=": (lambda x: np.mean((x - TARGETS) ** 2, where=KNOWN), [0.0, 1.0, 2.0], [-1, 0, -1]),
    "nansum": (lambda x: np.nansum((x - TARGETS) ** 2), [0.0, 1.0, 2.0], [-2, 0, -2]),
    "nanmean": (lambda x: np.nanmean((x - TARGETS) ** 2), [0.0, 1.0, 2.0], [-1, 0, -1]),
    "nan_to_num": (lambda x: total(np.nan_to_num(np.log(x))), [0.0, 2.0], [0, 0.5]),
    "largest": (lambda x: np.max(np.sqrt(x)), [0.0, 4.0], [0, 0.25]),
    "smaller": (lambda x: total(np.minimum(1.0, 1 / x)), [0.0, 2.0], [0, -0.25]),
    "clip": (lambda x: total(np.clip(1 / x, 0, 1)), [0.0, 2.0], [0, -0.25]),
    "rounded": (lambda x: total(np.floor(np.sqrt(x)) + x), [0.0, 2.0], [1, 1]),
    "sorted": (lambda x: np.sort(np.sqrt(x))[-1], [0.0, 4.0], [0, 0.25]),
    "median": (lambda x: np.median(np.sqrt(x)), [0.0, 4.0, 9.0], [0, 0.25, 0]),
    "read": (lambda x: np.sqrt(x)[1], [0.0, 4.0], [0, 0.25]),
    "taken": (lambda x: np.take(np.sqrt(x), 1), [0.0, 4.0], [0, 0.25]),
    "earlier": (lambda x: np.cumsum(np.log(x))[0], [2.0, 0.0], [0.5, 0]),
    "weights": (lambda x: total(np.array([0.0, 1.0]) * np.sqrt(x)), [0.0, 4.0], [0, 0.25]),
    "weighted sum": (lambda x: np.array([0.0, 1.0]) @ np.sqrt(x), [0.0, 4.0], [0, 0.25]),
    "triangle": (lambda x: total(np.tril(np.log(x))), [[1.0, 0.0], [1.0, 1.0]], [[1, 0], [1, 1]]),
    "missing rows": (lambda w: total(np.where(FIRST, ROWS @ w - 1, 0) ** 2), [[1.0], [1.0]], [[4], [8]]),
    "missing rows, einsum": (
        lambda w: total(np.where(FIRST[:, 0], np.einsum("ij,j->i", ROWS, w), 0)),
        [1.0, 1.0],
        [1, 2],
    ),
    "norm": (lambda x: total(np.linalg.norm(x, axis=1)[:1]), [[3.0, 4.0], [nan, 1.0]], [[0.6, 0.8], [0, 0]]),
    "distances": (
        lambda x: total(np.where(np.eye(2) == 1, 0, np.sqrt(total((x[:, None] - x) ** 2, -1)))),
        [[0.0, 0.0], [3.0, 4.0]],
        [[-1.2, -1.6], [1.2, 1.6]],
    ),
    "complex": (lambda z: total(np.real(np.where(z != 0, np.log(z), 0))), [0j, 2 + 0j], [0, 0.5]),
    "batch as wide as its layer": (
        lambda x: total(np.where(np.eye(2)[:, :1] == 1, np.log(x) @ np.ones((2, 2)), 0)),
        [[1.0, 2.0], [0.0, 4.0]],
        [[2, 1], [0, 0]],
    ),
}
# Zero times infinity by accident: the derivative is another one, or there is none, and a 0 would hide that.
HONEST = {
    "square of a root": (lambda x: total(np.sqrt(x) ** 2), [0.0], [nan]),
    "root times itself": (lambda x: total(np.sqrt(x) * np.sqrt(x)), [0.0], [nan]),
    "squared error at the minimum": (lambda x: total((np.sqrt(x) - 0.0) ** 2), [0.0], [nan]),
    "behind a mask that takes it": (lambda x: total(np.where(x >= 0, np.sqrt(x) ** 2, 0)), [0.0, -1.0], [nan, 0]),
    "exp(log(x))": (lambda x: total(np.exp(np.log(x))), [0.0], [nan]),
    "x log(x)": (lambda x: total(x * np.log(x)), [0.0], [nan]),
    "norm at 0": (lambda x: np.sqrt(total(x**2)), [0.0, 0.0], [nan, nan]),
    "a row that is read": (lambda w: total((ROWS[:, :1] @ w) ** 2), [[1.0]], [[nan]]),
    "largest of NaN": (lambda x: np.max(np.log(x) * np.array([1.0, nan])), [1.0, 2.0], [nan, nan]),
    "larger than NaN": (lambda x: total(np.maximum(np.sqrt(x), 1.0)), [-1.0], [nan]),
    "NaN clipped": (lambda x: total(np.clip(np.sqrt(x), 0, 1)), [-1.0], [nan]),
}
every_trap = pytest.mark.parametrize("name", TRAPS)


@pytest.fixture(autouse=True)
def _quiet():
    """Infinities and NaN are what is tested."""
    with np.errstate(all="ignore"):
        yield


def by_backward(f, x):
    x = Tensor(x, requires_grad=True)
    f(x).backward()
    return x.grad


def summed_slope(f):
    return lambda x: total(np.real(grad(f)(x)))


@every_trap
def test_what_the_result_does_not_depend_on_has_derivative_0(name):
    f, x, slope = TRAPS[name]
    x = np.array(x)
    assert np.allclose(grad(f)(x), slope, atol=1e-12)
    assert np.allclose(by_backward(f, x), slope, atol=1e-12)
    assert np.allclose(jvp(f, (x,), (np.ones_like(x),))[1], total(slope))


@every_trap
def test_the_second_derivative_is_a_number_too(name):
    f, x, _ = TRAPS[name]
    assert np.all(np.isfinite(grad(summed_slope(f))(np.array(x))))


@pytest.mark.parametrize("name", HONEST)
def test_what_is_not_a_structural_zero_is_not_hidden(name):
    f, x, slope = HONEST[name]
    assert np.array_equal(grad(f)(np.array(x)), slope, equal_nan=True)
    assert np.array_equal(by_backward(f, np.array(x)), slope, equal_nan=True)
    assert np.isnan(grad(summed_slope(f))(np.array(x))).any()


def test_higher_derivatives_of_what_is_steep_only_in_them():
    f = lambda x: total(np.where(x > 0, x**1.5, 0))
    second = summed_slope(summed_slope(f))
    assert np.allclose(grad(second)(np.array([0.0, 4.0])), [0.0, -0.046875])
    assert np.allclose(hessian(f)(np.array([0.0, 4.0])), [[0.0, 0.0], [0.0, 0.375]])


def test_each_row_of_a_jacobian():
    f = lambda x: np.where(x > 0, np.sqrt(x), 0)
    assert np.allclose(jacobian(f)(np.array([0.0, 4.0])), [[0, 0], [0, 0.25]])


def test_two_arguments_of_which_one_is_broadcast():
    f = lambda a, x: total(np.where(x > 0, a * np.log(x), 0))
    assert np.allclose(grad(f)(np.array(1.5), np.array([-1.0, 0.0, np.e])), 1.0)


def rows_known(model, x, known):
    """The gradients of a loss of the user's own that leaves out rows, and of one that was never given them."""
    found = []
    for rows, mask in ((x, known), (x[known], np.ones(known.sum(), bool))):
        for parameter in model.parameters():
            parameter.grad = None
        out = model(rows)
        out = out[0] if isinstance(out, tuple) else out
        total(np.where(mask.reshape(-1, *[1] * (out.ndim - 1)), (out - 0.3) ** 2, 0)).backward()
        found.append([parameter.grad for parameter in model.parameters()])
    return zip(*found, strict=True)


@pytest.mark.parametrize("activation", ["tanh", "relu", "sigmoid", "elu", "gelu", "softmax"])
def test_rows_of_nan_in_a_batch_as_large_as_the_layers_are_wide(activation):
    x = np.random.default_rng(0).standard_normal((6, 6))
    x[1], x[4] = nan, inf
    for here, there in rows_known(nn.MLP([6, 6, 6], activation, rng=0), x, np.isfinite(x[:, 0])):
        assert np.allclose(here, there)


NETS = {
    "convolution": (
        lambda: nn.Sequential(nn.Conv2d(2, 3, 3, rng=0), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(12, 2)),
        (5, 2, 6, 6),
    ),
    "normalisation": (lambda: nn.Sequential(nn.Linear(6, 5, rng=0), nn.LayerNorm(5), nn.Linear(5, 5, rng=1)), (5, 6)),
    "recurrence": (lambda: nn.GRU(3, 4, rng=0), (5, 3, 3)),
    "attention": (lambda: nn.MultiHeadAttention(6, 2, rng=0), (5, 3, 6)),
}


@pytest.mark.parametrize("net", NETS)
def test_examples_of_nan_in_other_layers(net):
    build, shape = NETS[net]
    x = np.random.default_rng(0).standard_normal(shape)
    x[1] = nan
    for here, there in rows_known(build(), x, np.arange(5) != 1):
        assert np.allclose(here, there)


@pytest.mark.parametrize("name", ["root", "errors", "largest", "missing rows", "batch as wide as its layer"])
def test_dask_arrays_are_not_computed_to_ask_them(name):
    f, x, slope = TRAPS[name]
    computed = []
    with dask.config.set(scheduler=lambda *args, **kwargs: computed.append(1) or dask.get(*args, **kwargs)):
        lazy = Tensor(dask.array.from_array(np.array(x), chunks=1), requires_grad=True)
        f(lazy).backward()
        assert not computed
        assert np.allclose(lazy.grad.compute(), slope)
        assert computed


# Only where something was cut off, and only what was


def test_a_net_of_tanh_units_has_nothing_that_cuts_and_is_freed_on_the_way():
    x = np.ones((4, 3))
    loss = nn.squared_error(nn.MLP([3, 5, 2], "tanh", rng=0)(x), np.zeros((4, 2)))
    nodes = backward.operations(loss._record)
    assert not any(node.plan.may_cut and backward.cuts(node) for node in nodes)


def test_what_a_second_pass_would_need_is_freed_in_the_end():
    x = Tensor([0.0, 4.0], requires_grad=True)
    y = np.sqrt(x)
    loss = total(np.where(x > 0, y, 0))
    loss.backward()
    assert y._record.operands is None
    with pytest.raises(RuntimeError, match="freed"):
        total(y).backward()


def test_a_graph_that_is_kept_gives_the_same_again():
    x = Tensor([0.0, 4.0], requires_grad=True)
    loss = total(np.where(x > 0, np.sqrt(x), 0))
    loss.backward(retain_graph=True)
    loss.backward()
    assert x.grad.tolist() == [0.0, 0.5]


class Passes(Watch):
    """Counts how often each operation is gone back through and freed."""

    def __init__(self):
        self.seen, self.gone, self.nan = [], [], False

    def backward(self, node, cotangent, parts):
        self.seen.append(node)
        self.nan = self.nan or any(np.isnan(part).any() for _, part in parts)

    def freed(self, node):
        self.gone.append(node)


def test_a_watch_sees_one_pass_and_no_nan_in_it():
    x = Tensor([0.0, 4.0], requires_grad=True)
    loss = total(np.where(x > 0, np.sqrt(x), 0))
    with Passes() as passes:
        loss.backward()
    assert len(passes.seen) == len(set(passes.seen)) == 3
    assert sorted(map(id, passes.gone)) == sorted(map(id, passes.seen))
    assert not passes.nan


def test_a_finding_that_a_number_contradicts_is_dropped():
    @primitive
    def twice(x):
        return 2 * x

    # It says of itself that it chooses, and its zeros depend on the sign of the cotangent.
    rule(twice, lambda g, _out, x: np.where(g < 0, g * x, 0), chooses=True)
    assert np.array_equal(grad(lambda x: total(-twice(x)))(np.array([1.0, nan])), [-1.0, nan], equal_nan=True)


# All rules, and programs of them


def edges(call):
    """The edges of one example call, with its result."""
    operands = [Tensor(a, requires_grad=True) if call.has_rule(i) else a for i, a in enumerate(call.draw())]
    out = call.function(*([operands] if call.primitive.variadic else operands), **call.case.options)
    node = getattr(out, "_record", None)
    return (node, [Edge(node, i, vjp) for i, vjp in node.plan.rules]) if type(node) is Node and out.size else (None, [])


def test_no_rule_gives_anything_where_it_is_said_that_nothing_depends():
    """Of half of the result's entries; all rules are asked on their own example calls."""
    rng = np.random.default_rng(0)
    asked = 0
    for call in CALLS:
        node, found = edges(call)
        for edge in found:
            alive = rng.random(node.shape) < 0.5
            dependence = Dependence({}, on_tensors=False)
            some = dependence.through(edge, alive)
            for _ in range(2 if some is not None else 0):
                cotangent = np.where(alive, dependence.random(node) * rng.choice([-1, 1], node.shape), 0)
                part = edge.call(cotangent.astype(node.dtype), node.operands, node.out)
                assert part.shape == some.shape, call
                assert not np.any(part[~some] if part.ndim else part * ~some), call
                asked += 1
    assert asked > 1000


def steps(rng):
    """Operations on a table of 3 x 3 numbers and an earlier one; with constants that leave out and that mix."""
    mask, i, order = rng.random((3, 3)) < 0.6, rng.integers(3), rng.permutation(3)
    table = np.where(rng.random((3, 3)) < 0.3, 0, rng.standard_normal((3, 3)))
    return [
        *(lambda x, y, f=f: f(x) for f in (np.sqrt, np.log, np.exp, np.square, np.reciprocal, np.tanh, np.transpose)),
        *(lambda x, y, f=f: f(x, y) for f in (np.multiply, np.add, np.divide, np.maximum, np.matmul)),
        lambda x, y: np.where(mask, x, y),
        lambda x, y: np.where(mask, x, 0.0),
        lambda x, y: x * table,
        lambda x, y: x @ table,
        lambda x, y: table @ x,
        lambda x, y: x / total(x, axis=1, keepdims=True),
        lambda x, y: x[i] + y,
        lambda x, y: np.take(x, order, 0),
        lambda x, y: x - np.max(x, axis=0),
        lambda x, y: np.cumsum(x, axis=1),
        lambda x, y: x / np.linalg.norm(x, axis=1, keepdims=True),
        lambda x, y: np.clip(x, -1, 1),
        lambda x, y: np.sort(x, axis=1),
        lambda x, y: np.einsum("ij,ik->jk", x, y),
    ]


def program(seed):
    """A random computation in which something may be left out, and where: often at poles, NaN and infinity."""
    rng = np.random.default_rng(seed)
    chosen = [rng.choice(np.array(steps(rng))) for _ in range(rng.integers(1, 7))]
    earlier = [rng.integers(0, i + 1) for i in range(len(chosen))]
    mask, last = rng.random((3, 3)) < 0.5, rng.integers(4)

    def f(x):
        values = [x]
        for step, i in zip(chosen, earlier, strict=True):
            values.append(step(values[-1], values[i]))
        out = values[-1]
        if last < 2:
            return total(np.where(mask, out, 0)) if last else total(out[mask])
        return np.nansum(out) if last == 2 else np.mean(out, where=mask)

    points = np.array([0.0, 0.0, -1.0, 2.0, 0.5, 1.0, -0.3, nan, inf, 3.0, 1.2, 0.7])
    return f, rng.choice(points, (3, 3)) if rng.random() < 0.8 else rng.standard_normal((3, 3))


def test_in_random_programs_what_was_a_number_keeps_its_bits(thorough, monkeypatch):
    mended = 0
    for seed in range(4000 if thorough else 120):
        f, x = program(seed)
        here, second = grad(f)(x), grad(summed_slope(f))(x)
        with monkeypatch.context() as patch:
            patch.setattr(backward, "cuts", lambda _node: False)
            before, second_before = grad(f)(x), grad(summed_slope(f))(x)
        numbers = ~np.isnan(before)
        assert here[numbers].tobytes() == before[numbers].tobytes(), seed
        assert np.array_equal(by_backward(f, x), here, equal_nan=True), seed
        finite = np.isfinite(second_before) & np.all(np.isfinite(before))
        assert np.allclose(second[finite], second_before[finite]), seed
        mended += np.count_nonzero(np.isnan(before) & ~np.isnan(here))
    assert mended > 100


@pytest.mark.parametrize("name", TRAPS)
def test_inside_a_vmap_each_example_has_its_own_zeros(name):
    f, x = TRAPS[name][0], np.asarray(TRAPS[name][1])
    xs = np.stack([x, np.abs(x) + 0.5, x])
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(vmap(grad(f))(xs), [grad(f)(x) for x in xs], rtol=1e-12)
        outside = grad(lambda w: np.sum(vmap(lambda x: f(x * w))(xs)))(np.ones(x.shape))
        np.testing.assert_allclose(outside, grad(lambda w: sum(f(x * w) for x in xs))(np.ones(x.shape)), rtol=1e-12)


@pytest.mark.parametrize("infinite", [0, 1, 2])
@pytest.mark.parametrize("sizes", [(3, 4, 5), (5000, 3, 6000), (3, 5000, 4)])
def test_what_is_cut_off_is_found_in_each_of_several_gradients_large_and_small(sizes, infinite):
    leaves = [Tensor(np.full(size, 2.0, f"f{4 << i % 2}"), requires_grad=True) for i, size in enumerate(sizes)]
    leaves[infinite].data[0] = inf
    sum(total(np.where(leaf < 3, leaf * leaf, 0)) for leaf in leaves).backward()
    for i, leaf in enumerate(leaves):
        expected = np.full(sizes[i], 4.0)
        expected[0] = 0 if i == infinite else 4
        assert np.array_equal(leaf.grad, expected)
