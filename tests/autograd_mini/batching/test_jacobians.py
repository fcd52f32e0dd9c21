"""`jacobian` and `hessian`: both directions, chunks, what bounds their memory, and what they refuse."""

import itertools
import tracemalloc

import numpy as np
import pytest

import autograd_mini
from autograd_mini import Tensor, grad, hessian, jacobian, vjp, vmap
from autograd_mini.rules.elementwise import cast
from tests.autograd_mini.rules.test_rules import CALLS

W = np.random.default_rng(0).standard_normal((5, 4))
X = np.array([0.5, -1.0, 2.0, 0.25])


def layer(x):
    return np.tanh(W @ x)


def by_rows(f, *arguments):
    """The Jacobians by one pullback for each entry of the result."""
    out, pull = vjp(f, *arguments)
    rows = [pull(unit.reshape(out.shape)) for unit in np.eye(out.size, dtype=out.dtype)]
    return [np.reshape([row[i] for row in rows], out.shape + a.shape) for i, a in enumerate(arguments)]


CALLS_OF = {name: list(calls) for name, calls in itertools.groupby(CALLS, key=lambda call: call.primitive.name)}


@pytest.mark.parametrize("name", CALLS_OF)
def test_both_directions_give_the_rows_of_every_example_call(name):
    for call in CALLS_OF[name]:
        if call.function is cast:  # which rounds to float32, the one direction to the result's and the other to its own
            continue
        operands, wanted = call.draw(), call.differentiable
        f, at = call.by(wanted, operands), [operands[i] for i in wanted]
        want = by_rows(f, *at)
        for mode, chunk in (("reverse", None), ("forward", 2), ("reverse", 2)):
            got = jacobian(f, range(len(at)), mode=mode, chunk=chunk)(*at)
            for one, other in zip(got, want, strict=True):
                assert one.dtype == other.dtype
                size = np.max(np.abs(other), initial=0)
                np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-11 * size, err_msg=f"{call}, {mode}, {chunk}")


def test_forward_is_taken_where_there_are_many_more_results(monkeypatch):
    taken = []
    module = autograd_mini.batching.jacobians
    inner = module.forward_blocks
    monkeypatch.setattr(module, "forward_blocks", lambda *args: taken.append(1) or inner(*args))
    jacobian(layer)(X)
    assert not taken
    jacobian(lambda x: np.concatenate([layer(x)] * 3))(X)
    assert taken


@pytest.mark.parametrize("mode", ["reverse", "forward"])
@pytest.mark.parametrize("chunk", [1, 3, 4, 5, 100])
def test_chunks_of_any_size_are_put_together(mode, chunk):
    np.testing.assert_allclose(jacobian(layer, mode=mode, chunk=chunk)(X), by_rows(layer, X)[0], rtol=1e-14)


@pytest.mark.parametrize("mode", ["reverse", "forward"])
def test_containers_and_several_arguments_and_results(mode):
    def f(d, y):
        return {"a": d["x"] * y, "b": [np.sum(d["x"]), np.outer(y, d["x"])]}

    x, y = np.array([1.0, 2.0]), np.array([3.0, -1.0])
    by_d, by_y = jacobian(f, (0, 1), mode=mode)({"x": x}, y)["b"][1]
    np.testing.assert_allclose(by_d["x"], np.einsum("i,jk->ijk", y, np.eye(2)))
    np.testing.assert_allclose(by_y, np.einsum("ik,j->ijk", np.eye(2), x))


@pytest.mark.parametrize("mode", ["reverse", "forward"])
@pytest.mark.parametrize("chunk", [None, 2])
def test_a_jacobian_is_differentiated_again(mode, chunk):
    f = lambda x: np.sum(jacobian(layer, mode=mode, chunk=chunk)(x) ** 2)
    g = lambda x: np.sum(np.stack([grad(lambda y, i=i: layer(y)[i])(x) for i in range(5)]) ** 2)
    np.testing.assert_allclose(grad(f)(X), grad(g)(X), rtol=1e-12)
    np.testing.assert_allclose(
        hessian(f)(X), np.stack([grad(lambda x, u=u: grad(g)(x) @ u)(X) for u in np.eye(4)]), rtol=1e-10
    )


@pytest.mark.parametrize("mode", ["reverse", "forward"])
def test_variables_outside_are_reached(mode):
    w = Tensor(W, requires_grad=True)
    total = np.sum(jacobian(lambda x: np.tanh(w @ x), mode=mode)(X))
    total.backward()
    want = grad(lambda w: np.sum((1 - np.tanh(w @ X) ** 2)[:, None] * w))(W)
    np.testing.assert_allclose(w.grad, want, rtol=1e-12)


def test_tensors_in_tensors_out():
    assert isinstance(jacobian(layer)(Tensor(X)), Tensor)
    assert isinstance(jacobian(layer, mode="forward")(Tensor(X)), Tensor)
    assert type(jacobian(layer)(X)) is np.ndarray


def test_dtypes():
    f = lambda x: (W.astype(np.float32) @ x) ** 2
    for mode in ("reverse", "forward"):
        assert jacobian(f, mode=mode)(X.astype(np.float32)).dtype == np.float32


def test_complex_arguments():
    z = np.array([1 + 2j, -0.5j])
    np.testing.assert_allclose(jacobian(np.square)(z), np.diag(2 * z))
    np.testing.assert_allclose(jacobian(lambda z: np.abs(z) ** 2)(z), np.diag(2 * np.conj(z)))


@pytest.mark.parametrize("mode", [None, "reverse", "forward"])
def test_nothing_in_or_nothing_out(mode):
    assert jacobian(lambda x: x[:0], mode=mode)(X).shape == (0, 4)
    assert jacobian(lambda x: np.sum(x) * np.ones(5), mode=mode)(np.zeros(0)).shape == (5, 0)


def test_constants_have_slope_0():
    for mode in ("reverse", "forward"):
        assert not jacobian(lambda x: np.floor(x) + np.ones(4), mode=mode)(X).any()


def test_inside_a_vmap():
    xs = np.stack([X, 2 * X, -X])
    for mode in ("reverse", "forward"):
        for chunk in (None, 2):
            got = vmap(jacobian(layer, mode=mode, chunk=chunk))(xs)
            np.testing.assert_allclose(got, [by_rows(layer, x)[0] for x in xs], rtol=1e-13)
    f = lambda x: np.sum(layer(x) ** 2)
    np.testing.assert_allclose(vmap(hessian(f))(xs), [hessian(f)(x) for x in xs], rtol=1e-12)


def test_a_hook_is_called_for_each_row():
    def f(x):
        h = x * 1.0
        h.register_hook(lambda g: np.clip(g, -0.1, 0.1))
        return np.concatenate([layer(h)] * 4)

    want = np.clip(by_rows(lambda x: np.concatenate([layer(x)] * 4), X)[0], -0.1, 0.1)
    np.testing.assert_allclose(jacobian(f)(X), want)


def test_memory_is_bounded():
    weights = Tensor(np.random.default_rng(0).standard_normal((700, 700)) / 30)
    x = np.ones(700)
    jacobian(lambda x: np.tanh(weights @ x))(x[:])
    tracemalloc.start()
    size = jacobian(lambda x: np.tanh(weights @ x))(x).nbytes
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2.5 * size  # that of 1500 by 1500 is below 1.5: `python -m benchmarks.batching`


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: jacobian(layer, mode="backward"), ValueError, '"reverse", "forward"'),
        (lambda: jacobian(layer, chunk=0), ValueError, "positive whole number"),
        (lambda: hessian(layer, chunk=1.5), ValueError, "positive whole number"),
        (lambda: jacobian(np.square, mode="forward")(np.array([1j])), TypeError, "complex"),
    ],
)
def test_a_mistake_says_what_to_write(call, error, message):
    with pytest.raises(error, match=message):
        call()
