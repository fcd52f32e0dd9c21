"""The Gauss-Newton matrix of a loss, by its products with directions. No search for a minimum lives here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from autograd_mini import grad, no_grad, vjp


def gauss_newton_product(
    output: Callable[[Any], Any], loss: Callable[[Any], Any], values: Any
) -> Callable[[Any], tuple[Any, ...]]:
    """What multiplies by J^T H J at some values: J is the derivative of the output, H the Hessian of the loss by it.

    All three are recorded once. H is symmetric, so it is the pullback of the gradient; J is that of J^T, which is
    linear, so that it does not matter where it is taken.
    """
    out, transposed = vjp(output, values)
    gradient, hessian = vjp(grad(loss), out)
    _, jacobian = vjp(transposed, gradient)

    def product(direction: Any) -> tuple[Any, ...]:
        with no_grad():  # the graphs of these three depend on each other's variables
            return transposed(*hessian(*jacobian((direction,))))

    return product
