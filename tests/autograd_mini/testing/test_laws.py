"""The laws of derivatives: right functions keep them, and a function that breaks one is told so."""

import inspect
import re

import numpy as np
import pytest

import nn
from autograd_mini import Batch, Tensor, batching_rule, primitive, rule
from autograd_mini.testing import DerivativeError, InconclusiveError, laws

X = np.array([0.5, -1.5, 2.0])
ROWS = np.array([[0.5, -1.5], [2.0, 1.0], [-0.25, 3.0]])
CALLS = []
DTYPES = [np.float64, np.float32, np.float16]


def operation(value, *vjps):
    """A user's operation with the given rules."""
    made = primitive(value)
    rule(made, *vjps)
    return made


def with_rule(vjp):
    """x -> x^2 with another rule than g * 2x."""
    return operation(lambda x: x**2, vjp)


def spread(g, _out, x):
    """A rule that mixes the entries of its argument, although the function does not."""
    return np.mean(g * 2 * x) * np.ones_like(x)


def by_place(g, _out, x):
    """A rule that is wrong at the first entry alone."""
    return g * 2 * x * np.concatenate([3 * np.ones_like(x[:1]), np.ones_like(x[1:])])


def overwriting(g, _out, x):
    """A rule that changes the operand which it reads."""
    values = x.data if isinstance(x, Tensor) else x
    values *= 2
    return g * 2 * x


def scaling_its_cotangent(g, _out, x):
    """A rule that writes into the cotangent it is given."""
    if isinstance(g, Tensor):
        return g * 2 * x
    np.multiply(g, 2.0, out=g)
    return g * x


def with_batching_rule(batched):
    """x -> x^2 with a batching rule of its own."""
    made = with_rule(lambda g, _out, x: g * 2 * x)
    batching_rule(made)(batched)
    return made


class Counting:
    """A rule that is right once."""

    def __init__(self):
        self.calls = 0

    def __call__(self, g, _out, x):
        self.calls += 1
        return g * 2 * x * self.calls


def counting(x):
    """Counts its calls, and computes with the count."""
    CALLS.append(None)
    return x * len(CALLS)


def shifting(x):
    """Changes the array that it is given, and returns its sum."""
    x += 1.0
    return np.sum(x)


def matmul_without_second_term():
    return operation(np.matmul, lambda g, _out, _a, b: g @ np.transpose(b), lambda g, _out, _a, b: 0.0 * b)


# The law, the arguments that break it and what the message says.
BROKEN = {
    "pullback_is_linear": [
        (lambda: (with_rule(lambda g, _out, x: np.abs(g) * 2 * x), X), "A rule must be linear in g"),
        (lambda: (with_rule(lambda g, _out, x: g * 2 * x + 1e-12), X * 1e-9), "A rule must be linear in g"),
    ],
    "jvp_is_transpose": [
        (lambda: (with_rule(lambda g, _out, x: g * np.abs(g) * 2 * x), X), "<J v, u> = <v, J'u>"),
        (lambda: (with_rule(lambda g, _out, x: np.array(g.data if isinstance(g, Tensor) else g) * x), X), "J v is the"),
    ],
    "retained_graph": [
        (lambda: (with_rule(overwriting), X), "must not change what it reads"),
        (lambda: (with_rule(Counting()), X), "the second time"),
    ],
    "graph_equals_arrays": [
        (lambda: (with_rule(lambda g, _out, x: g * (3 if isinstance(g, Tensor) else 2) * x), X), "tensors as arrays"),
        (lambda: (with_rule(lambda g, _out, x: np.asarray(g) * 2 * x), X), "fails: "),
    ],
    "gradient_of_sum": [
        (lambda: (with_rule(scaling_its_cotangent), with_rule(lambda g, _out, x: g * 2 * x), X), "the same cotangent"),
        (lambda: (with_rule(lambda g, _out, x: g * 2 * x), with_rule(scaling_its_cotangent), X), "the same cotangent"),
    ],
    "product_rule": [
        (lambda: (np.sin, np.exp, ROWS[:2], {"product": matmul_without_second_term()}), "lacks a term"),
    ],
    "chain_rule": [
        (lambda: (operation(shifting, lambda g, _out, x: g * np.ones_like(x)), np.exp, X), "J(f o g)' u"),
    ],
    "permutation_equivariance": [
        (lambda: (with_rule(by_place), X), "symmetric"),
        (lambda: (lambda x: np.sum(with_rule(by_place)(x)), X), "symmetric"),
        (lambda: (with_rule(by_place), ROWS, {"axis": 0}), "symmetric"),
    ],
    "batching": [
        (lambda: (with_rule(spread), ROWS), "the rule does"),
        (lambda: (with_rule(lambda g, _out, x: g * 2 * x / x.shape[0]), ROWS), "its length as a factor"),
    ],
}
BROKEN["vmap_is_the_loop"] = [
    (lambda: (with_batching_rule(lambda level, x: Batch(x.values**2 + x.values[:1], level)), X), "to the wrong place"),
    (lambda: (lambda x: x if x[0] > 0 else -x, X), "fails: A condition was asked"),
]
BROKEN["compile_is_eager"] = [
    (lambda: (counting, X), "keeps a count"),
    (lambda: (lambda x: x if np.sum(x) > 0 else -x, X), "fails: A truth value"),
]
CASES = [(name, make, told) for name, cases in BROKEN.items() for make, told in cases]

HOLDS = {
    "pullback_is_linear": [(np.matmul, ROWS, ROWS.T), (np.linalg.norm, X), (np.abs, np.array([0.0, 1.0]))],
    "jvp_is_transpose": [(np.matmul, ROWS, ROWS.T), (np.fft.fft, X + 1j), (np.cumprod, X)],
    "retained_graph": [(np.exp, X), (lambda x: (np.sin(x), np.cos(x)), X), (np.where, X > 0, X, -X)],
    "graph_equals_arrays": [(np.linalg.inv, ROWS[:2]), (lambda x: np.sort(x)[::-1], X)],
    "gradient_of_sum": [(np.sin, np.exp, X), (np.sum, np.prod, X), (np.matmul, np.matmul, ROWS, ROWS.T)],
    "product_rule": [(np.sin, np.exp, X), (np.sin, np.exp, ROWS[:2], {"product": np.matmul}), (np.sum, np.exp, X)],
    "chain_rule": [(np.sum, np.exp, X), (lambda parts: parts[0] * parts[1], lambda x: (x, np.sin(x)), X)],
    "permutation_equivariance": [
        (np.max, np.ones(4)),
        (lambda x: x - np.mean(x), X),
        (np.sum, np.zeros(3)),
        (lambda x: np.exp(x) / np.sum(np.exp(x), axis=-1, keepdims=True), ROWS, {"axis": 1}),
    ],
    "batching": [(np.tanh, ROWS), (lambda x: x @ np.ones((2, 3)), ROWS), (lambda x: np.max(x, axis=1), ROWS)],
}
HOLDS["vmap_is_the_loop"] = [(np.matmul, ROWS, ROWS.T), (np.sort, X), (lambda x: (np.sum(x), x * x[0]), X)]
HOLDS["compile_is_eager"] = [(np.matmul, ROWS, ROWS.T), (np.sort, X), (np.linalg.pinv, ROWS), (np.fft.fft, X + 1j)]
RIGHT = [(name, case) for name, cases in HOLDS.items() for case in cases]


def ask(name, case):
    *args, last = case
    options = last if isinstance(last, dict) else {}
    return getattr(laws, name)(*(args if options else case), **options)


def test_every_law_has_functions_that_keep_it_and_some_that_break_it():
    public = {name for name in laws.__all__ if name != "all_for"}
    assert public == BROKEN.keys() == HOLDS.keys()
    assert all(BROKEN.values())
    assert all(HOLDS.values())
    for name in laws.__all__:
        assert inspect.isfunction(getattr(laws, name))


@pytest.mark.parametrize(("name", "case"), RIGHT)
def test_right_functions_keep_the_law(name, case):
    ask(name, case)


@pytest.mark.parametrize(("name", "make", "told"), CASES)
def test_broken_law_is_told(name, make, told):
    with pytest.raises(DerivativeError, match=re.escape(told)) as error:
        ask(name, make())
    assert error.value.kind == name
    assert f"laws.{name}(" in str(error.value)


@pytest.mark.parametrize("dtype", DTYPES)
def test_all_laws_hold_in_every_precision(dtype):
    held = laws.all_for(lambda x: np.tanh(x) * x, ROWS.astype(dtype))
    assert set(held) == set(laws.__all__) - {"all_for"}


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_broken_law_is_seen_in_every_precision(dtype):
    with pytest.raises(DerivativeError, match="linear"):
        laws.all_for(with_rule(lambda g, _out, x: np.abs(g) * 2 * x), X.astype(dtype))


@pytest.mark.parametrize("scale", [1e-150, 1e-12, 1.0, 1e150])
def test_scale_does_not_matter(scale):
    laws.batching(lambda x: scale * np.tanh(x), ROWS)
    with pytest.raises(DerivativeError):
        laws.batching(lambda x: scale * with_rule(spread)(x), ROWS)


def test_small_entry_beside_large_ones_is_seen():
    def slightly_wrong(g, _out, x):
        return g * 2 * x + np.where(np.abs(x) < 1e-6, 1e-3 * np.abs(g) * x, 0.0)

    x = np.array([1.0, 1e-8])
    with pytest.raises(DerivativeError, match=re.escape("by argument 0[1]")):
        laws.pullback_is_linear(lambda *xs: with_rule(slightly_wrong)(*xs), x)


def test_ill_conditioned_functions_raise_no_alarm():
    hilbert = 1 / (np.arange(6)[:, None] + np.arange(6) + 1)
    assert np.linalg.cond(hilbert) > 1e6
    for seed in range(10):
        laws.all_for(np.linalg.inv, hilbert, seed=seed)


def test_all_for_takes_several_arguments_and_passes_on_integers():
    held = laws.all_for(lambda x, labels: np.take_along_axis(x, labels, axis=1), ROWS, np.array([[0], [1], [0]]))
    assert {"pullback_is_linear", "jvp_is_transpose", "chain_rule", "product_rule"} <= set(held)
    assert "batching" not in held


def test_all_for_leaves_out_symmetries_that_the_values_lack():
    held = laws.all_for(np.cumsum, X)
    assert "permutation_equivariance" not in held
    assert "batching" not in held


def test_zeros_do_not_look_like_a_symmetry():
    with pytest.raises(ValueError, match="permuting f's argument along axis 0"):
        laws.permutation_equivariance(lambda x: x * X, np.zeros(3))


def test_values_without_the_symmetry_are_told_from_wrong_derivatives():
    with pytest.raises(ValueError, match=r"permuting np\.cumsum's argument"):
        laws.permutation_equivariance(np.cumsum, X)
    with pytest.raises(ValueError, match=r"np\.cumsum mixes its examples"):
        laws.batching(np.cumsum, X)
    with pytest.raises(ValueError, match="no axis 1 with two entries"):
        laws.permutation_equivariance(np.sum, X, axis=1)
    with pytest.raises(ValueError, match=re.escape("shapes [(3,)] and [()]")):
        laws.gradient_of_sum(np.sin, np.sum, X)


def test_symmetry_under_shifts_alone_is_not_taken_for_all_permutations():
    with pytest.raises(ValueError, match="permuting"):
        laws.permutation_equivariance(lambda x: x * np.roll(x, 1), np.array([1.0, 2.0, 3.0, 5.0]))


def test_nothing_finite_is_inconclusive():
    with pytest.raises(InconclusiveError, match="nothing here is finite"):
        laws.pullback_is_linear(np.log, np.array([np.nan]))
    with pytest.raises(InconclusiveError, match="No law could be checked"):
        laws.all_for(np.log, np.array([np.nan]))


def test_nothing_to_differentiate_is_refused():
    with pytest.raises(TypeError, match="nothing to differentiate"):
        laws.pullback_is_linear(np.sum, np.array([1, 2]))


def test_no_entries_keep_every_law():
    assert "pullback_is_linear" in laws.all_for(np.exp, np.zeros((0, 3)))


def test_a_layer_with_parameters_keeps_the_laws():
    assert "batching" in laws.all_for(nn.Linear(2, 3, rng=0), ROWS.astype(np.float32))


def test_arguments_are_left_alone():
    x = X.copy()
    laws.all_for(np.exp, x)
    assert np.array_equal(x, X)
