"""What may be compiled, given and returned: transforms, containers, numbers, generators, kinds of results."""

import dataclasses
from typing import NamedTuple

import numpy as np
import pytest

import nn
from autograd_mini import (
    Tensor,
    checkpoint,
    compile,
    everywhere,
    grad,
    hessian,
    hvp,
    jacobian,
    jvp,
    no_grad,
    primitive,
    rule,
    stop_gradient,
    value_and_grad,
    vjp,
    vmap,
)
from tests.autograd_mini.compiling.same import difference, fault

rng = np.random.default_rng(0)
W = rng.standard_normal((3, 3))
VECTORS = [(rng.standard_normal(3),) for _ in range(5)]
MATRICES = [(rng.standard_normal((4, 3)),) for _ in range(5)]
PAIRS = [(rng.standard_normal(3), rng.standard_normal(3)) for _ in range(5)]


def loss(x):
    return np.sum(np.tanh(W @ x) ** 2)


def layer(x):
    return np.tanh(W @ x)


@primitive
def checked_root(x):
    if not everywhere(x >= 0):
        raise ValueError("a root of a negative number")
    return np.sqrt(x)


rule(checked_root, lambda g, out, _x: g / (2 * out))


class Point(NamedTuple):
    x: np.ndarray
    y: np.ndarray


@dataclasses.dataclass
class State:
    weights: np.ndarray
    rate: float


@pytest.mark.parametrize(
    "f",
    [
        grad(loss),
        value_and_grad(loss),
        jacobian(layer),
        hessian(loss),
        grad(checkpoint(loss)),
        grad(lambda x: np.sum(stop_gradient(np.exp(x)) * x)),
        grad(lambda x: np.sum(Tensor(np.zeros(5)).at[[0, 2, 2]].add(x) ** 2)),
        grad(lambda x: np.sum(x.at[1].set(2.0) ** 2)),
        grad(lambda x: np.sum(np.where(x > 0, np.log(np.where(x > 0, x, 1.0)), 0.0))),
        grad(lambda x: np.sum(np.where(x > 0, np.log(x), 0.0))),  # a trap: infinite slopes that are left out
        grad(lambda x: np.sum(np.where(x > 0, np.sqrt(x), x))),
        lambda x: [x.sum(), x.mean(axis=0), np.sum(x), x * 2.0],
        lambda x: {"a": Point(x, x + 1), "b": (x[0], x[:1], x[0, None])},
        lambda x: [np.max(x), float(3), 2, None, "text", np.float64(2.5), np.argmax(x)],
        lambda x: np.split(x, 3),
        lambda x: np.sum(x) ** 3 * np.sum(x) - abs(np.min(x)),
        lambda x: x.astype(complex) * (1 + 2j) * np.sum(x.astype(complex) * 1j) ** 2,
        lambda x: (x.astype(np.float16) * 3).sum(),
        lambda x: np.diagonal(np.outer(x, x)) + np.flip(x * 2)[::-1],
        lambda x: np.subtract(*np.split(np.tanh(x)[:2], 2)),
        lambda x: checked_root(np.abs(x)),
        grad(lambda x: np.sum(checked_root(np.abs(x)))),
        jacobian(lambda x: np.outer(x, x) @ x),
        lambda x: vjp(layer, x)[1](np.ones(3)),
    ],
)
def test_functions_of_a_vector(f):
    with np.errstate(all="ignore"):
        assert not fault(f, VECTORS)


@pytest.mark.parametrize(
    "f",
    [
        vmap(layer),
        vmap(grad(loss)),
        jacobian(vmap(loss)),
        lambda x: np.linalg.svd(x, full_matrices=False),
        grad(lambda x: np.sum(np.linalg.svd(x, full_matrices=False)[1] ** 3)),
        lambda x: np.linalg.slogdet(x.T @ x),
        lambda x: np.ravel(np.copy(x * 2, order="F"), "K"),
    ],
)
def test_functions_of_a_matrix(f):
    assert not fault(f, MATRICES)


def test_products_with_second_derivatives_and_derivatives_along_a_direction():
    assert not fault(lambda x, v: hvp(loss)(x, v), PAIRS)
    assert not fault(lambda x, v: jvp(layer, (x,), (v,)), PAIRS)


def test_containers_are_arguments_and_results():
    def f(state, points, *, scale):
        moved = [Point(p.x * scale["a"], p.y + state.rate) for p in points]
        return State(state.weights * state.rate, state.rate * 2), {"moved": moved, "same": points[0].y}

    calls = [(State(x, float(k)), [Point(x, y), Point(y, x)]) for k, (x, y) in enumerate(PAIRS)]
    assert not fault(f, calls, scale={"a": 0.5})


def test_modules_are_arguments():
    def slopes(model, x):
        slope = grad(lambda model: np.mean(model(x) ** 2))(model)
        return [layer.weights.data for layer in slope.layers if isinstance(layer, nn.Linear)]

    model = nn.MLP([3, 4, 2], rng=0)
    step = compile(slopes)
    for (x,) in MATRICES:
        assert not difference(step(model, x), slopes(model, x))
    assert step.last.ready


def test_floats_may_differ_and_whole_numbers_have_a_program_each():
    def f(x, rate, power):
        return x * rate**power

    step = compile(f)
    for k in range(5):
        for power in (2, 3):
            assert not difference(step(VECTORS[0][0], 0.1 + k, power), f(VECTORS[0][0], 0.1 + k, power))
    assert len(step.entries) == 2
    assert all(entry.ready for entry in step.entries)


@pytest.mark.parametrize("kind", [float, np.float64, np.float32, np.asarray, np.complex128])
def test_powers_of_numbers_have_the_bits_of_their_kind(kind):
    def f(x, p):
        total = np.sum(np.abs(x))
        return x**2 * p, np.abs(x) ** p, total**p, total * p, p**total

    assert not fault(f, [(x, kind(p)) for (x,), p in zip(VECTORS, (2.0, 0.5, 3.0, 1.7, 2.3), strict=True)])


def test_arguments_by_name_have_programs_too():
    assert not fault(lambda x, *, by, **more: x * by + more["y"], VECTORS, by=2.0, y=np.ones(3))


def test_another_shape_has_a_program_of_its_own():
    step = compile(grad(lambda x: np.sum(np.tanh(x) ** 2)))
    for _ in range(4):
        for n in (2, 5):
            x = rng.standard_normal(n)
            assert not difference(step(x), grad(lambda x: np.sum(np.tanh(x) ** 2))(x))
    assert [entry.ready for entry in step.entries] == [True, True]


def test_another_memory_order_has_a_program_of_its_own():
    def f(x):
        return np.tanh(x).sum(axis=0) @ x.T

    step = compile(f)
    for _ in range(5):
        x = rng.standard_normal((64, 33))
        for a in (x, np.asfortranarray(x), np.ascontiguousarray(x.T).T[::2]):
            assert not difference(step(a), f(a))
    assert [entry.ready for entry in step.entries] == [True] * 3


def test_a_call_that_meets_nan_goes_as_eager_code_does():
    f = grad(lambda x: np.sum(np.where(x > 0, np.sqrt(x), 0.0)))
    step = compile(f)
    calls = [np.ones(3)] * 4 + [np.array([0.0, 1.0, 4.0]), np.array([np.nan, 1.0, 4.0]), np.array([1.0, -1.0, 4.0])]
    with np.errstate(all="ignore"):
        for x in calls:
            assert not difference(step(x), f(x))
    assert step.last.ready


def test_what_a_step_returns_is_the_callers_own():
    step = compile(lambda x: (x.T, np.tanh(x), np.ones(2)))
    x = np.ones((2, 3))
    kept = [step(x) for _ in range(5)]
    kept[-1][1][:] = 7
    kept[-1][2][:] = 7
    assert np.shares_memory(kept[-1][0], x)
    assert not difference(step(x), kept[0])


def test_a_scalar_that_is_added_to_by_name_leaves_other_names_alone():
    def f(x):
        first = total = np.sum(x)
        total += 1
        array = other = x * 1
        array += 1
        return first, total, array, other

    assert not fault(f, VECTORS)


def test_draws_of_a_module_are_those_of_eager_code():
    models = [nn.Dropout(0.5, rng=3) for _ in range(2)]
    step = compile(models[0])(lambda x: models[0](x))
    for (x,) in MATRICES:
        assert not difference(step(x), models[1](x))
    assert step.last.ready


def test_no_grad_and_grad_are_other_kinds_of_calls():
    w = Tensor(np.ones(3), requires_grad=True, name="w")

    @compile(w)
    def step(x):
        w.grad = None
        loss = np.sum(w * x)
        if loss.requires_grad:
            loss.backward()
            return w.grad
        return loss.data

    for (x,) in VECTORS:
        assert not difference(step(x), x)
        with no_grad():
            assert not difference(step(x), np.asarray(np.sum(x)))


def test_a_compiled_function_is_a_part_of_another():
    inner = compile(lambda x: np.tanh(x) * 2)
    outer = compile(grad(lambda x: np.sum(inner(x))))
    for (x,) in VECTORS:
        inner(x)
        assert not difference(outer(x), grad(lambda x: np.sum(np.tanh(x) * 2))(x))
    assert outer.last.ready
    assert inner.last.ready
