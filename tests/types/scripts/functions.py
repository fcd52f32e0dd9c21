"""NumPy's functions on tensors, by the import that tells a type checker of them."""

from typing import reveal_type

from autograd_mini import Tensor
from autograd_mini import numpy as np

rng = np.random.default_rng(0)
a = rng.standard_normal((3, 4))
t = Tensor(rng.standard_normal((3, 4)), requires_grad=True)


def softmax(scores: Tensor) -> Tensor:
    e = np.exp(scores - np.max(scores, axis=-1, keepdims=True))
    return e / np.sum(e, axis=-1, keepdims=True)


reveal_type(softmax(t))  # Tensor
reveal_type(np.tanh(t))  # Tensor
reveal_type(np.maximum(t, 0))  # Tensor
reveal_type(np.maximum(a, t))  # Tensor
reveal_type(np.logaddexp(0, t))  # Tensor
reveal_type(np.mean(t))  # Tensor
reveal_type(np.mean((a - t) ** 2, axis=0))  # Tensor
reveal_type(np.sum(np.abs(t)))  # Tensor
reveal_type(np.concatenate([t, a], axis=1))  # Tensor
reveal_type(np.stack([t, t]))  # Tensor
reveal_type(np.where(a > 0, t, 0))  # Tensor
reveal_type(np.where(t > 0))  # tuple[Tensor, ...]
reveal_type(np.einsum("ij,kj->ik", a, t))  # Tensor
reveal_type(np.reshape(t, (4, 3)))  # Tensor
reveal_type(np.expand_dims(t, 0))  # Tensor
reveal_type(np.moveaxis(t, 0, -1))  # Tensor
reveal_type(np.clip(t, -1, 1))  # Tensor
reveal_type(np.take(t, np.array([0, 2]), axis=1))  # Tensor
reveal_type(np.split(t, 2, axis=1))  # list[Tensor]
reveal_type(np.add.reduce(t))  # Tensor
reveal_type(np.linalg.norm(t))  # Tensor
reveal_type(np.linalg.svd(t).S)  # Tensor
reveal_type(np.fft.rfft(t))  # Tensor
reveal_type(np.shape(t))  # tuple[int, ...]
reveal_type(np.argmax(t, axis=1))  # Tensor
reveal_type(np.array_equal(t, t))  # bool

# Arrays stay arrays; where NumPy's own types depend on options, nothing is known of the result
reveal_type(np.ones(3))  # array
reveal_type(np.tanh(a))  # array
reveal_type(np.maximum(a, 0))  # array
reveal_type(np.where(a > 0, a, 0))  # array
reveal_type(float(np.mean(a)))  # float
