"""Operations of one's own."""

from typing import Any, reveal_type

import numpy as np
import numpy.typing as npt

from autograd_mini import Tensor, grad, primitive, rule

Array = npt.NDArray[np.float64]


@primitive
def softplus(s: Array, sharpness: float = 1.0) -> Array:
    return np.logaddexp(0, sharpness * s) / sharpness


def slope(g: Any, _out: Any, s: Any, sharpness: float = 1.0) -> Any:
    return g / (1 + np.exp(-sharpness * s))


rule(softplus, slope)

t = Tensor([0.0, 1.0], requires_grad=True)
reveal_type(softplus(t))  # Tensor
reveal_type(softplus(2 * t, sharpness=2.0).sum())  # Tensor
reveal_type(softplus(np.zeros(2)))  # array
reveal_type(grad(softplus)(0.0))  # array
