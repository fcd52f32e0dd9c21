"""`vmap`: its axes and containers, what it shares with the rest of the engine, and what it refuses."""

import copy
import math
import pickle

import numpy as np
import pytest

from autograd_mini import (
    NonFiniteError,
    Tensor,
    Watch,
    checked,
    draw,
    enable_grad,
    everywhere,
    grad,
    gradients_of,
    hvp,
    jacobian,
    jvp,
    loops,
    no_grad,
    primitive,
    signals,
    value_and_grad,
    vjp,
    vmap,
)

X = np.arange(6.0).reshape(3, 2) - 2


def variable():
    return Tensor([1.0, 2.0], requires_grad=True)


@pytest.mark.parametrize("axis", [0, 1, 2, -1, -2, -3])
@pytest.mark.parametrize("out", [0, 1, -1, -2])
def test_the_examples_are_counted_by_any_axis(axis, out):
    x = np.arange(24.0).reshape(2, 3, 4)
    got = vmap(np.tanh, in_axes=axis, out_axes=out)(x)
    np.testing.assert_array_equal(got, np.moveaxis(np.tanh(np.moveaxis(x, axis, 0)), 0, out))


def test_arguments_and_results_are_containers_with_axes_of_their_own():
    data = {"a": X, "b": (X.T, 3.0)}
    axes = {"a": 0, "b": (1, None)}
    out = vmap(
        lambda d: {"sum": d["a"] + d["b"][0], "more": [d["b"][1] * d["a"]]},
        in_axes=(axes,),
        out_axes={"sum": 0, "more": 1},
    )(data)
    np.testing.assert_array_equal(out["sum"], 2 * X)
    np.testing.assert_array_equal(out["more"][0], 3 * X.T)


def test_keyword_arguments_and_what_has_no_axis_are_shared():
    np.testing.assert_array_equal(vmap(lambda x, m, s: m @ x * s, in_axes=(0, None))(X, np.eye(2), s=2), 2 * X)


def test_a_result_that_is_the_same_for_all_is_repeated_or_given_once():
    np.testing.assert_array_equal(vmap(lambda _: 2.0)(X), [2.0] * 3)
    assert vmap(lambda _: 2.0, out_axes=None)(X) == 2.0
    assert vmap(lambda _: None)(X) is None


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "complex64", "int8", "bool"])
def test_dtypes_are_those_of_one_example(dtype):
    x = X.astype(dtype)
    assert vmap(lambda x: x * 2)(x).dtype == (x[0] * 2).dtype
    assert vmap(np.sum)(x).dtype == np.sum(x[0]).dtype


def test_no_examples():
    w = variable()
    out = vmap(lambda x: np.sum(np.tanh(x) * w))(X[:0])
    np.sum(out).backward()
    assert out.shape == (0,)
    assert w.grad.tolist() == [0, 0]
    assert vmap(grad(lambda x: np.sum(np.sort(x))))(X[:0]).shape == (0, 2)
    assert vmap(lambda x: np.searchsorted(x, np.ones(2)))(X[:0]).shape == (0, 2)  # by a loop


def test_variables_outside_get_the_sum_over_the_examples():
    w = variable()
    np.sum(vmap(lambda x: np.tanh(w @ x))(X)).backward()
    np.testing.assert_allclose(w.grad, (1 - np.tanh(X @ w.data) ** 2) @ X)


def test_gradients_flow_into_the_arguments_along_any_axis():
    x = Tensor(X, requires_grad=True)
    out = vmap(lambda row: row**3, in_axes=1, out_axes=1)(x)
    assert out.shape == X.shape
    np.sum(out).backward()
    np.testing.assert_allclose(x.grad, 3 * X**2)


def test_a_tensor_from_outside_may_be_returned():
    w = variable()
    out = vmap(lambda _: w)(X)
    np.sum(out).backward()
    assert out.shape == (3, 2)
    assert w.grad.tolist() == [3, 3]


def test_what_is_written_into_an_argument_later_does_not_reach_the_gradient():
    w, x = variable(), X.copy()
    total = np.sum(vmap(lambda row: np.sum(w * row))(x))
    x[:] = 7
    total.backward()
    np.testing.assert_array_equal(w.grad, X.sum(0))


def test_results_have_memory_of_their_own():
    x = X.copy()
    first, second = vmap(lambda row: (row, row))(x)
    first += 1
    second += 1
    np.testing.assert_array_equal(x, X)
    assert vmap(grad(np.sum))(x).flags.writeable


def test_each_transform_gives_each_example_its_own():
    def f(x):
        return np.sum(np.sin(x) * x[0])

    for transform in (grad, hvp, jacobian):
        arguments = (X, np.ones_like(X)) if transform is hvp else (X,)
        want = [transform(f)(*rows) for rows in zip(*arguments, strict=True)]
        np.testing.assert_allclose(vmap(transform(f))(*arguments), want, rtol=1e-13)
    values, slopes = vmap(value_and_grad(f))(X)
    np.testing.assert_allclose(values, [f(x) for x in X])
    np.testing.assert_allclose(slopes, [grad(f)(x) for x in X])


def test_a_pullback_takes_many_cotangents_at_once():
    _, pull = vjp(lambda x: np.tanh(x[:, None] * x), np.array([0.5, -1.0]))
    seeds = np.random.default_rng(0).standard_normal((5, 2, 2))
    np.testing.assert_allclose(vmap(pull)(seeds)[0], [pull(seed)[0] for seed in seeds], rtol=1e-13)


def test_jvp_goes_along_many_directions_at_once():
    f, x = lambda x: np.tanh(x[:, None] * x), np.array([0.5, -1.0])
    directions = np.random.default_rng(0).standard_normal((5, 2))
    values, moved = vmap(lambda t: jvp(f, (x,), (t,)))(directions)
    np.testing.assert_array_equal(values, [f(x)] * 5)
    np.testing.assert_allclose(moved, [jacobian(f)(x) @ t for t in directions])


def test_backward_inside_is_that_of_each_example():
    def slope(x):
        t = Tensor(x, requires_grad=True)
        np.sum(t * t).backward()
        return t.grad

    np.testing.assert_array_equal(vmap(slope)(X), 2 * X)


def test_hooks_see_each_example():
    w = variable()

    def clipped(x):
        h = w * x
        h.register_hook(lambda g: np.clip(g, -1, 1))
        return np.sum(h * h)

    np.sum(vmap(clipped)(X)).backward()
    np.testing.assert_allclose(w.grad, np.sum(np.clip(2 * w.data * X, -1, 1) * X, axis=0))


def test_entries_that_do_not_matter_have_gradient_0_in_each_example():
    x = np.array([[0.0, 1.0], [4.0, 0.0]])
    f = lambda x: np.sum(np.where(x > 0, np.sqrt(x), 0))
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(vmap(grad(f))(x), [[0, 0.5], [0.25, 0]])
        w = Tensor(0.0, requires_grad=True)
        np.sum(vmap(lambda m: np.where(m, np.sqrt(w), 0.0))(np.array([False, False]))).backward()
    assert w.grad == 0


def test_modes_go_through():
    w = variable()
    with no_grad():
        assert not vmap(lambda x: w * x)(X).requires_grad
    with no_grad():
        seen = []
        vmap(enable_grad()(lambda x: seen.append((w * x).requires_grad) or x))(X)
    assert seen == [True]


def test_a_graph_is_copied_drawn_and_watched():
    w = variable()
    total = np.sum(vmap(lambda x: np.tanh(w @ x))(X))
    twin = copy.deepcopy(total)
    twin.backward()
    assert "tanh" in draw(total).source

    class Names(Watch):
        def __init__(self):
            self.seen = []

        def forward(self, primitive, args, result):
            self.seen.append(primitive.name)

    with Names() as names:
        vmap(lambda x: np.tanh(w @ x))(X)
    assert names.seen == ["np.matmul", "np.tanh", "out_of_vmap"]


def test_a_nan_is_named_where_it_is_made():
    w = variable()
    with checked(), pytest.raises(NonFiniteError, match=r"(?s)np\.log made .*first axis counts the examples"):
        vmap(lambda x: np.sum(np.log(w * x)))(X)
    with checked(), pytest.raises(NonFiniteError, match=r"backward of np\.sqrt made"):
        vmap(grad(lambda x: np.sum(np.sqrt(x))))(np.array([[1.0, 0.0]]))


def test_the_gradients_by_what_is_outside_are_those_of_all():
    w = variable()
    got = vmap(lambda x: gradients_of(np.sum(np.tanh(w * x)), w)[w])(X)
    want = np.sum(X * (1 - np.tanh(w.data * X) ** 2), axis=0)
    np.testing.assert_allclose(got, np.broadcast_to(want, (3, 2)))


def test_everywhere_asks_all_examples():
    def root(x):
        if not everywhere(x >= 0):
            raise ValueError("negative")
        return np.sqrt(x)

    np.testing.assert_array_equal(vmap(root)(X**2), np.abs(X))
    with pytest.raises(ValueError, match="negative"):
        vmap(vmap(root))(X)
    assert everywhere(Tensor([True]))
    assert not everywhere([True, False])


def test_loops_are_counted():
    with loops() as seen:
        vmap(lambda x: np.searchsorted(x, 0.5))(X)
        vmap(np.tanh)(X)
    assert seen == {"np.searchsorted": 1}


def test_a_primitive_without_a_batching_rule_is_computed_by_its_formula_or_by_a_loop():
    @primitive
    def formula(x):
        return x * np.sum(x)

    @primitive
    def written(x):
        out = np.empty(x.shape)
        for i in range(x.size):
            out[i] = math.exp(x[i])
        return out

    with loops() as seen:
        np.testing.assert_array_equal(vmap(formula)(X), [x * x.sum() for x in X])
        assert not seen
        np.testing.assert_allclose(vmap(written)(X), np.exp(X))
    assert list(seen.values()) == [1]


CHOICE = r"np\.where\(condition, a, b\)"
REFUSED = {
    "if": (lambda x: x if x[0] > 0 else -x, CHOICE),
    "if of a tensor": (lambda x: x if (Tensor(1.0, requires_grad=True) * x)[0] > 0 else -x, CHOICE),
    "max": (lambda x: max(x), CHOICE),
    "in": (lambda x: 1.0 in x, CHOICE),
    "float": (lambda x: float(x[0]), r"np\.\*` functions"),
    "format": (lambda x: f"{x[0]:.2f}", r"np\.\*` functions"),
    "math": (lambda x: math.sin(x[0]), r"np\.\*` functions"),
    "item": (lambda x: x[0].item(), r"np\.\*` functions"),
    "tolist": (lambda x: x.tolist(), r"np\.\*` functions"),
    "asarray": (np.asarray, r"np\.stack"),
    "array of numbers": (lambda x: np.array([x[0], x[1]]), r"np\.stack"),
    "index of an array": (lambda x: np.arange(9.0)[x.astype(int)], r"Tensor\(table\)\[i\]"),
    "range": (lambda x: range(x.astype(int)[0]), "one index"),
    "in place": (lambda x: x.__iadd__(1), "set"),
    "assignment": (lambda x: x.__setitem__(0, 1), "set"),
    "buffer": (lambda x: np.zeros(2).__setitem__(0, x[0]), "differ among the 3 examples"),
    "out": (lambda x: np.add(x, 1, out=np.zeros(2)), "out="),
    "copyto": (lambda x: np.copyto(np.zeros(2), x), "writes"),
    "add.at": (lambda x: np.add.at(x, 0, 1), "writes"),
    "lengths that differ": (lambda x: x[x > 0], r"np\.where\(mask, a, 0\)"),
    "pickle": (lambda x: pickle.dumps(x), "return it from the function"),
}


@pytest.mark.parametrize(("f", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_what_asks_for_one_value_is_refused(f, message):
    with pytest.raises(TypeError, match=message):
        vmap(f)(X)


def test_at_takes_indices_that_differ():
    got = vmap(lambda x, i: Tensor(x).at[i].set(9.0))(X, np.array([0, 1, 0]))
    np.testing.assert_array_equal(got.data, [[9, -1], [0, 9], [9, 3]])


@pytest.mark.parametrize("name", ["set", "add", "multiply", "min", "max"])
def test_at_is_an_attribute_of_what_a_vmap_gives_as_it_is_of_tensors(name):
    def written(x, v):
        return getattr(x.at[[0, 0]], name)(v)

    values = np.array([[2.0, 3.0], [-1.0, 4.0], [0.5, 5.0]])
    want = [written(Tensor(x), v).data for x, v in zip(X, values, strict=True)]
    np.testing.assert_array_equal(vmap(written)(X, values), want)
    summed = grad(lambda x: np.sum(np.square(written(x, values[0]))))
    np.testing.assert_array_equal(vmap(summed)(X), [summed(x) for x in X])


def test_printing_says_what_it_is(capsys):
    vmap(lambda x: print(x, Tensor(x)) or x)(X)
    assert "3 examples in a vmap, each of shape (2,)" in capsys.readouterr().out


MISTAKES = {
    "sizes": (lambda: vmap(np.add)(X, X[:2]), ValueError, "different lengths: 2, 3"),
    "no axis": (lambda: vmap(np.tanh, in_axes=None)(X), ValueError, "in_axes=0"),
    "count": (lambda: vmap(np.add, in_axes=(0,))(X, X), ValueError, "called with 2 arguments"),
    "number": (lambda: vmap(np.tanh)(3.0), ValueError, "a float, which has no axis 0"),
    "too far": (lambda: vmap(np.tanh, in_axes=2)(X), ValueError, "has no axis 2"),
    "kind": (lambda: vmap(np.tanh, in_axes="0")(X), TypeError, "whole number"),
    "structure": (lambda: vmap(lambda d: d["a"], in_axes=({"b": 0},))({"a": X}), ValueError, "another structure"),
    "result": (lambda: vmap(lambda _: "x")(X), TypeError, "returned a str"),
    "out None": (lambda: vmap(np.tanh, out_axes=None)(X), ValueError, "differs among them"),
    "out too far": (lambda: vmap(np.tanh, out_axes=2)(X), ValueError, "no axis 2"),
    "signals": (lambda: signals(np.sum(vmap(lambda x: np.tanh(variable() @ x))(X))), TypeError, "model"),
}


@pytest.mark.parametrize(("call", "error", "message"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_says_what_to_write(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_a_value_kept_from_a_vmap_that_has_ended_is_refused():
    kept = []
    vmap(lambda x: kept.append(x) or x)(X)
    with pytest.raises(ValueError, match="has ended"):
        vmap(lambda x: x + kept[0])(X)
