"""Automatic differentiation that you can see through: NumPy in, derivatives and their pictures out."""

from autograd_mini import rules  # registers the derivative of each NumPy function
from autograd_mini.graph import enable_grad, no_grad, scope
from autograd_mini.primitive import composite, constant, primitive, rule
from autograd_mini.tensor import Tensor
from autograd_mini.transforms import grad, value_and_grad, vjp

__all__ = [
    "Tensor",
    "composite",
    "constant",
    "enable_grad",
    "grad",
    "no_grad",
    "primitive",
    "rule",
    "rules",
    "scope",
    "value_and_grad",
    "vjp",
]
