"""`gradients_of`: by tensor and by name, equal to what `retain_grad` collects."""

import dataclasses

import numpy as np
import pytest

import nn
from autograd_mini import Tensor, checkpoint, grad, gradients_of, no_grad, scope
from autograd_mini.testing.computations import random_program


@pytest.mark.parametrize("seed", range(30))
def test_it_finds_what_every_result_of_a_random_program_would_retain(seed):
    program, results = random_program(np.random.default_rng(seed)), []

    def remembered(function):
        def call(*args, **options):
            results.append(function(*args, **options))
            return results[-1]

        return call

    steps = tuple(step._replace(function=remembered(step.function)) for step in program.steps)
    leaves = [Tensor(x, requires_grad=True) for x in program.inputs]
    total = np.sum(dataclasses.replace(program, steps=steps)(*leaves))
    if not total.requires_grad:
        return
    for t in results:
        if t.requires_grad:
            t.retain_grad()
    total.backward(retain_graph=True)
    tensors = [t for t in (*leaves, *results) if t.grad is not None]
    for t, gradient in gradients_of(total, *tensors).items():
        np.testing.assert_array_equal(gradient, t.grad)
    for t, gradient in gradients_of(total, *tensors, create_graph=True).items():
        np.testing.assert_allclose(gradient.data, t.grad, rtol=1e-12)


def network():
    rng = np.random.default_rng(0)
    model, x = nn.MLP([3, 4, 2], "tanh", rng=0), Tensor(rng.standard_normal((5, 3)), requires_grad=True, name="x")
    return model, x, nn.cross_entropy(model(x), np.zeros(5, int))


def test_names_are_of_modules_and_tensors():
    model, x, loss = network()
    found = gradients_of(loss)
    layers = {"MLP", *(f"MLP.{i}" for i in range(3))}
    parameters = {f"MLP.{name}": parameter for name, parameter in model.named_parameters()}
    loss.backward()
    assert found.keys() == {*layers, *parameters.keys(), "MLP.0.x"}
    np.testing.assert_array_equal(found["MLP"], found["MLP.2"])
    for name, tensor in [*parameters.items(), ("MLP.0.x", x)]:
        np.testing.assert_array_equal(found[name], tensor.grad)
    assert gradients_of(network()[2], "x", "MLP.1").keys() == {"x", "MLP.1"}


def test_several_of_one_name_are_numbered_from_the_oldest():
    w, h = Tensor(0.5, requires_grad=True), Tensor(1.0)
    for _ in range(3):
        with scope("cell"):
            h = np.tanh(w * h) * 2  # what follows is computed inside too: only the last leaves the module
        h = h + 1
    found = gradients_of(h)
    assert list(found) == ["cell #1", "cell #2", "cell #3"]
    assert found["cell #3"] == 1
    assert gradients_of(h, "cell #2")["cell #2"] == found["cell #2"]
    with pytest.raises(ValueError, match=r"which 3 values are called\. Write one of 'cell #1'"):
        gradients_of(h, "cell")


def test_a_penalty_on_the_gradient_in_the_middle_is_differentiated():
    def penalty(w):
        h = np.tanh(w)
        return np.sum(gradients_of(np.sum(h**3), h, create_graph=True)[h] ** 2)

    w = np.array([0.3, -0.7])
    h = np.tanh(w)
    np.testing.assert_allclose(grad(penalty)(w), 36 * h**3 * (1 - h**2))


def test_a_complex_result_has_the_gradient_that_backward_would_collect():
    z = Tensor([1 + 2j], requires_grad=True)
    h = z * 1j
    loss = np.sum(np.abs(h) ** 2)
    np.testing.assert_allclose(gradients_of(loss, h)[h], 2 * h.data)
    assert gradients_of(loss, z, h)[h].flags.owndata


def test_a_result_around_a_checkpoint_is_found():
    x = Tensor([1.0, 2.0], requires_grad=True)
    h = x * 2
    np.testing.assert_allclose(gradients_of(np.sum(checkpoint(np.square)(h)), h, x)[x], 8 * x.data)


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda loss, h: gradients_of(loss.data), TypeError, "with the result itself"),
        (lambda loss, h: gradients_of(loss, [h]), TypeError, "a list"),
        (lambda loss, h: gradients_of("loss"), TypeError, "a str"),
        (lambda loss, h: gradients_of(loss.detach()), RuntimeError, "requires_grad=True"),
        (lambda loss, h: gradients_of(h), ValueError, "shape (5, 2)"),
        (lambda loss, h: gradients_of(loss, Tensor(1.0, name="other")), ValueError, "asked for other"),
        (lambda loss, h: gradients_of(loss, "MLP.9"), ValueError, "Did you mean 'MLP"),
        (lambda loss, h: gradients_of(loss, "weights"), ValueError, "'MLP.0.weights', 'MLP.2.weights'"),
    ],
)
def test_what_cannot_be_found_is_refused_with_what_to_write(call, error, says):
    model, x, loss = network()
    with pytest.raises(error) as caught:
        call(loss, model(x))
    assert says in str(caught.value)


def test_it_counts_for_nobody_else():
    _, x, loss = network()
    with no_grad():
        gradients_of(loss)
    assert x.grad is None
    loss.backward()
