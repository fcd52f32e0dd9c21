"""`derivation`: its lines are code that computes what it says, of random programs too; what never matters is told."""

import numpy as np
import pytest

import nn
from autograd_mini import Tensor, checkpoint, grad, primitive, rule
from autograd_mini.primitive import own_functions, primitives
from autograd_mini.testing import derivation
from autograd_mini.testing.computations import random_program

rng = np.random.default_rng(0)
X, LABELS = rng.standard_normal((5, 3)), np.array([0, 1, 1, 0, 1])
Y = np.where(LABELS, 1.0, -1.0)
RULES = {vjp for p in primitives.values() for vjp in p.vjps if vjp and vjp.__name__.isidentifier()}
HELPERS = {f.__name__: f for f in (*own_functions, *RULES) if f.__module__.startswith(("autograd_mini", "nn"))}


def run(page, **around):
    """Execute the lines: all values, and the gradients."""
    names = {**HELPERS, "np": np, **page.inputs, **around}
    for o in page.operations:
        names[o.name] = eval(o.code, names)
        np.testing.assert_allclose(names[o.name], o.value, rtol=1e-12)
    last = page.operations[-1]
    names[f"d{last.name}"] = np.ones_like(last.value)
    for o in reversed(page.operations):
        for d in o.derivatives:
            part = d.value if d.code == "..." else eval(d.code, names)
            np.testing.assert_allclose(part, d.value, rtol=1e-12, atol=1e-300, err_msg=f"{d.name} = {d.code}")
            names[d.name] = names[d.name] + part if d.name in names else part
    return names


@pytest.mark.parametrize("seed", range(5, 35))
def test_the_lines_of_a_random_program_compute_its_gradients(seed):
    program = random_program(np.random.default_rng(seed), max_steps=8)

    def f(*arrays):
        return np.sum(program(*arrays))

    if not f(*(Tensor(x, requires_grad=True) for x in program.inputs)).requires_grad:
        return  # the program says nothing
    page = derivation(f, *program.inputs)
    names = run(page)
    gradients = grad(f, argnums=range(len(program.inputs)))(*program.inputs)
    for i, gradient in enumerate(gradients):
        name = f"x{i}"
        if name in page.unused:
            assert not gradient.any()
        else:
            np.testing.assert_allclose(names[f"d{name}"], gradient, rtol=1e-9, atol=1e-300)
    assert not any(d.verdict == "wrong" for o in page.operations for d in o.derivatives)


def logistic_regression(w, b):
    return np.mean(np.log1p(np.exp(-Y * (X @ w + b))))


def prelu_neuron(x, w, b, alpha):
    s = np.tanh(w @ x + b)
    return np.maximum(s, alpha * s)


def softmax_cross_entropy(w):
    s = X @ w
    e = np.exp(s - np.max(s, axis=1, keepdims=True))
    return -np.mean(np.log(e[np.arange(5), LABELS] / np.sum(e, axis=1)))


def of_a_model(model):
    return nn.cross_entropy(model(X), LABELS)


@pytest.mark.parametrize(
    ("f", "args"),
    [
        (logistic_regression, (np.array([0.5, -0.2, 0.1]), 0.1)),
        (prelu_neuron, (np.array([1.0, 2.0]), np.array([0.5, -0.7]), 0.2, 0.25)),
        (softmax_cross_entropy, (np.linspace(-1, 1, 6).reshape(3, 2),)),
        (of_a_model, (nn.MLP([3, 4, 2], "tanh", rng=0).astype(np.float64),)),
        (lambda a: np.sum(np.linalg.inv(a)) + np.sum(np.sort(a)[::-1] ** 2), (np.array([[2.0, 1.0], [0.5, 3.0]]),)),
    ],
    ids=["logistic regression", "neuron", "cross-entropy", "model", "matrix"],
)
def test_the_lines_of_usual_computations_are_right_and_can_be_run(f, args):
    page = derivation(f, *args)
    run(page, X=X, Y=Y, LABELS=LABELS, labels=LABELS)
    assert {d.verdict for o in page.operations for d in o.derivatives} == {"right"}


def test_the_page_of_a_neuron_reads_like_this():
    lines = str(derivation(prelu_neuron, np.array([1.0, 2.0]), np.array([0.5, -0.7]), 0.2, 0.25)).splitlines()
    text = [" ".join(line.split()) for line in lines]
    assert text[0] == "L = prelu_neuron(x, w, b, alpha), in 5 operations"
    for line in (
        "v3 = np.tanh(v2) -0.6044",
        "dL = 1",
        "dalpha = dv4 * v3 -0.6044",
        "dv3 += dv4 * alpha 0.25",
        "dv2 = dv3 * (1 - v3 * v3) 0.1587",
        "Each line of the backward, compared with differences at this point: 9 right.",
    ):
        assert line in text


def test_arguments_that_never_matter_are_told():
    page = derivation(lambda a, b, c: a * 2 + (b > 0), 1.0, 2.0, 3.0)
    assert page.unused == ("b", "c")
    assert "dL/dc = 0: no operation with a derivative leads from c there." in str(page)


def test_a_wrong_rule_is_called_wrong():
    @primitive
    def cubed(x):
        """The third power."""
        return x**3

    rule(cubed, lambda g, _out, x: g * 2 * x**2)
    page = derivation(lambda x: np.sum(cubed(x)), np.array([1.0, 2.0]))
    assert page.operations[0].derivatives[0].verdict == "wrong"
    assert "dv1 * 2 * x ** 2" in str(page)
    assert "1 right, 1 wrong" in str(page)
    assert "cubed(x): The third power." in str(page)


def test_several_results_checkpoints_and_hooks_have_their_place():
    def f(a):
        values = np.linalg.eigh(a)[0]
        values.register_hook(lambda g: g * 2)
        return np.sum(values**2) + np.sum(checkpoint(np.tanh)(a))

    page = derivation(f, np.array([[2.0, 1.0], [1.0, 3.0]]))
    assert "not compared" in str(page)
    assert "A hook of" in str(page)
    assert [o.code for o in page.operations if o.code.endswith("[0]")]


def test_names_of_tensors_are_used_and_results_of_many_numbers_are_called_out():
    page = derivation(lambda t: t * t, Tensor([1.0, 2.0], name="theta"))
    assert page.operations[-1][:2] == (
        "out",
        "np.square(theta)" if "square" in page.operations[-1].code else "theta * theta",
    )
    assert "dout = np.ones((2,))" in str(page)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: derivation(3, 1.0), "the function, and then where"),
        (lambda: derivation(np.sin, 1), "no floating-point argument"),
        (lambda: derivation(lambda x: 3.0, 1.0), "no operation that leads to what it returned"),
    ],
)
def test_what_has_no_derivation_is_refused(call, says):
    with pytest.raises(TypeError, match=says):
        call()
