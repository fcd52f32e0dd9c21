"""Shapes that depend on values, where a program for one of them is not used for another; and examples in a vmap."""

import warnings

import numpy as np
import pytest

from autograd_mini import compile, grad, jacobian, primitive, vmap

A, B = np.array([1.0, -1, 2, -3]), np.array([1.0, 2, 3, -4])


@primitive
def positive(x):
    return np.asarray(x)[np.asarray(x) > 0]


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.mean(x[x > 0]),
        lambda x: np.sum(np.nonzero(x > 0)[0]) * 1.0,
        lambda x: np.mean(np.unique(np.sign(x * (x > 2)))),
        lambda x: np.mean(positive(x)),
        grad(lambda x: np.mean(x[x > 0] ** 2)),
    ],
    ids=["mask", "places", "distinct", "primitive", "gradient"],
)
def test_another_number_of_entries_is_computed_without_the_program(f):
    step = compile(f)
    for _ in range(5):
        step(A)
    assert step.last.ready
    assert np.asarray(step(B)).tobytes() == np.asarray(f(B)).tobytes()
    assert step.last.deviations == 1
    assert np.asarray(step(A)).tobytes() == np.asarray(f(A)).tobytes()
    assert step.last.deviations == 0


def test_a_shape_is_checked_once():
    step = compile(lambda x: np.sum(x[x > 0]) + np.max(x[x > 0]))
    for _ in range(4):
        step(A)
    assert step.source.count("raise Deviation") == 1


def test_a_step_whose_shapes_are_others_in_each_call_is_given_up_and_says_so():
    step = compile(lambda x: np.sum(x[x > 0]))
    with pytest.warns(UserWarning, match="another way"):
        found = [step(np.arange(12.0) - i) for i in range(12)]
    assert found == [sum(range(12 - i)) for i in range(12)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        step(np.arange(12.0))
    assert step.entries[0].eager


@pytest.mark.parametrize(
    "f",
    [
        vmap(grad(lambda a: np.sum(np.tanh(a) ** 2))),
        vmap(lambda a: a * 2, in_axes=1, out_axes=1),
        vmap(vmap(lambda a: np.exp(a) * a)),
        vmap(jacobian(lambda a: np.tanh(a) * np.sum(a))),
    ],
    ids=["gradients", "other axes", "one in another", "Jacobians"],
)
def test_a_vmap_compiles(f):
    step, x = compile(f), np.arange(6.0).reshape(3, 2)
    for i in range(1, 6):
        assert step(x * i).tobytes() == f(x * i).tobytes()
    assert step.last.ready
