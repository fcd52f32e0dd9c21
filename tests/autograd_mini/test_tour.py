"""The library in one page: read it first, run it after every change."""

import numpy as np

import nn
from autograd_mini import Tensor, draw, grad, no_grad, primitive, rule, value_and_grad, vjp


def test_tour():
    # A tensor is an array that remembers. NumPy's functions and operators record what they do.
    w = Tensor([[1.0, -2.0], [0.5, 3.0]], requires_grad=True, name="w")
    x = np.array([2.0, 1.0])
    loss = np.sum(np.tanh(x @ w) ** 2)

    # Backward adds dL/dw to `w.grad`, an ordinary array.
    loss.backward()
    t = np.tanh(x @ w.data)
    assert np.allclose(w.grad, np.outer(x, 2 * t * (1 - t**2)))

    # Functions to functions: arrays in, arrays out, to any order.
    assert grad(lambda x: x**3)(2.0) == 12.0
    assert grad(grad(lambda x: x**3))(2.0) == 12.0
    value, slope = value_and_grad(np.tanh)(0.0)
    assert (value, slope) == (0.0, 1.0)
    out, pullback = vjp(np.exp, x)
    assert np.allclose(pullback(np.ones(2))[0], out)

    # An operation of your own needs one line of calculus.
    @primitive
    def softplus(s):
        return np.logaddexp(0, s)

    rule(softplus, lambda g, _out, s: g / (1 + np.exp(-s)))
    assert np.isclose(grad(grad(softplus))(0.0), 0.25)

    # A network learns XOR, which no linear model can.
    inputs = np.array([[-1, -1], [-1, 1], [1, -1], [1, 1]], np.float32)
    labels = np.array([0, 1, 1, 0])
    model = nn.MLP([2, 8, 2], activation="prelu", init="he", rng=0)
    sgd = nn.SGD(model.parameters(), learning_rate=0.1, momentum=0.9)
    for _ in range(100):
        sgd.zero_grad()
        loss = nn.cross_entropy(model(inputs), labels)
        loss.backward()
        sgd.step()
    with no_grad():
        assert model(inputs).argmax(axis=1).tolist() == labels.tolist()

    # And you can see it.
    assert draw(loss).source.startswith("digraph")
