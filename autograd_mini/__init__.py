"""Automatic differentiation that you can see through: NumPy in, derivatives and their pictures out."""

from typing import TYPE_CHECKING, Any

from autograd_mini import rules  # registers the derivative of each NumPy function
from autograd_mini.checked import NonFiniteError, checked
from autograd_mini.checkpointing import checkpoint
from autograd_mini.derivatives import elementwise_grad, hessian, hvp, jacobian, jvp, stop_gradient
from autograd_mini.domains import case
from autograd_mini.graph import Watch, enable_grad, no_grad, scope
from autograd_mini.primitive import composite, constant, primitive, rule
from autograd_mini.signals import Recorder, Signals, signals
from autograd_mini.spectrum import jacobian_spectrum
from autograd_mini.tensor import Tensor
from autograd_mini.transforms import grad, value_and_grad, vjp

if TYPE_CHECKING:
    from autograd_mini.drawing import draw

__all__ = [
    "NonFiniteError",
    "Recorder",
    "Signals",
    "Tensor",
    "Watch",
    "case",
    "checked",
    "checkpoint",
    "composite",
    "constant",
    "draw",
    "elementwise_grad",
    "enable_grad",
    "grad",
    "hessian",
    "hvp",
    "jacobian",
    "jacobian_spectrum",
    "jvp",
    "no_grad",
    "primitive",
    "rule",
    "rules",
    "scope",
    "signals",
    "stop_gradient",
    "value_and_grad",
    "vjp",
]


def __getattr__(name: str) -> Any:
    """Import what draws only when it is asked for: Graphviz's wrapper would be a third of the import time."""
    if name == "draw":
        from autograd_mini.drawing import draw

        return draw
    raise AttributeError(f"module 'autograd_mini' has no attribute {name!r}")
