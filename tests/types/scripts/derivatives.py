"""Derivatives of typed functions: arrays in, arrays out; tensors in, tensors out."""

from typing import reveal_type

import numpy.typing as npt

from autograd_mini import (
    Tensor,
    checkpoint,
    compile,
    elementwise_grad,
    grad,
    hessian,
    hvp,
    jacobian,
    jvp,
    stop_gradient,
    value_and_grad,
    vjp,
    vmap,
)
from autograd_mini import (
    numpy as np,
)


def f(x: Tensor) -> Tensor:
    return np.sum(np.sqrt(1 + x**2))


def g(x: Tensor, scale: float = 1.0) -> Tensor:
    return np.tanh(x) * scale


def fit(weights: dict[str, Tensor], x: npt.NDArray[np.float64]) -> Tensor:
    return np.mean((x @ weights["w"] + weights["b"]) ** 2)


x = np.array([0.0, 1.0, 2.0]) + np.zeros(3)
t = Tensor(x)
reveal_type(grad(f)(x))  # array
reveal_type(grad(f)(t))  # Tensor
reveal_type(grad(f)(1.0))  # array
reveal_type(grad(g)(2.0, scale=3.0))  # array
weights: dict[str, npt.NDArray[np.float64]] = {"w": np.ones((3, 1)), "b": np.zeros(1)}
reveal_type(grad(fit)(weights, np.ones((5, 3))))  # dict[str, array]
reveal_type(value_and_grad(f)(x))  # tuple[array, array]
reveal_type(value_and_grad(f)(t))  # tuple[Tensor, Tensor]
reveal_type(value_and_grad(lambda x: (x * x).sum())(x)[1])  # array
reveal_type(grad(lambda x, y: (x * y).sum(), argnums=(0, 1))(x, x))  # tuple[Any, ...]
reveal_type(grad(lambda x: np.sum(grad(f)(x)))(x))  # array
reveal_type(jacobian(g)(x))  # array
reveal_type(jacobian(g)(t))  # Tensor
reveal_type(hessian(f)(x))  # array
reveal_type(hvp(f)(x, x))  # array
reveal_type(elementwise_grad(g)(x))  # array
reveal_type(vmap(f)(np.ones((4, 3))))  # array
reveal_type(vmap(grad(f))(Tensor(np.ones((4, 3)))))  # Tensor
reveal_type(jvp(g, (x,), (x,)))  # tuple[array, array]
out, pullback = vjp(g, x)
reveal_type(out)  # array
reveal_type(pullback(np.ones(3)))  # tuple[array, ...]
reveal_type(checkpoint(g)(t, 2.0))  # Tensor
reveal_type(stop_gradient(t))  # Tensor
reveal_type(compile(f)(t))  # Tensor
