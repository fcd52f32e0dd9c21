"""The first example of tensors, and what is done with tensors: operators, methods, gradients."""

import math
from typing import reveal_type

import numpy as np

from autograd_mini import Tensor, draw, enable_grad, gradients_of, no_grad

rng = np.random.default_rng(0)
x = Tensor(rng.standard_normal((4, 3)), name="x")
w = Tensor(rng.standard_normal((3, 2)), requires_grad=True, name="w")

loss = np.mean(np.tanh(x @ w) ** 2)
drawing = draw(loss, signals=True)
loss.backward()

inputs = rng.standard_normal((4, 3))
reveal_type(inputs)  # array
reveal_type(x @ w)  # Tensor
reveal_type(inputs @ w)  # Tensor
reveal_type(w.T @ inputs.T)  # Tensor
reveal_type(2.0 * w - 1)  # Tensor
reveal_type(np.float64(2.0) * w)  # Tensor
reveal_type(-w / 3 + w**2 % 2)  # Tensor
reveal_type(w > 0)  # Tensor
reveal_type((w == 1.0) & ~(w < 0))  # Tensor
reveal_type(divmod(w, 2.0))  # tuple[Tensor, Tensor]
reveal_type(abs(w))  # Tensor
reveal_type(w[0, :1])  # Tensor
reveal_type(list(w))  # list[Tensor]

reveal_type(x.sum())  # Tensor
reveal_type(x.mean(axis=0, keepdims=True))  # Tensor
reveal_type(x.max(axis=-1))  # Tensor
reveal_type(x.reshape(2, 6).transpose().ravel())  # Tensor
reveal_type(x.clip(0, 1).round(2).std(axis=0, ddof=1))  # Tensor
reveal_type(x.argmax(axis=1))  # Tensor
reveal_type(x.nonzero())  # tuple[Tensor, ...]
reveal_type(x.astype(np.float32).copy().detach())  # Tensor
reveal_type(x.at[0].add(1.0))  # Tensor
reveal_type(x.real + x.imag + x.conj())  # Tensor

reveal_type(x.shape)  # tuple[int, ...]
reveal_type(x.ndim + x.size + len(x))  # int
reveal_type(x.requires_grad)  # bool
reveal_type(x.name)  # str | None
reveal_type(x.device)  # str
reveal_type(x.data)  # array
reveal_type(float(x.sum()))  # float
reveal_type(w.grad)  # array | Any

# With NumPy's own annotations a universal function of one argument gives anything, which may be given a type
activation: Tensor = np.tanh(x @ w)
reveal_type(np.tanh(x @ w))  # Any

handle = w.register_hook(lambda g: 0.5 * g)
by_name = gradients_of(x.sum() + w.sum(), "w")
handle.remove()
with no_grad():
    w -= 0.01 * w.grad
    w *= 0.99
w.grad = None
with enable_grad():
    reveal_type(x @ x.T)  # Tensor


@no_grad()
def norm(t: Tensor) -> float:
    return math.sqrt((t * t).sum())


reveal_type(norm(w))  # float
