"""Functions of functions: derivatives in all directions, recomputation, and the containers that they go through.

No rule of calculus lives here, and nothing that measures or draws.
"""

from autograd_mini.transforms.checkpointing import checkpoint
from autograd_mini.transforms.derivatives import elementwise_grad, hvp, jvp, stop_gradient
from autograd_mini.transforms.gradients import grad, value_and_grad, vjp
from autograd_mini.transforms.intermediate import gradients_of

__all__ = [
    "checkpoint",
    "elementwise_grad",
    "grad",
    "gradients_of",
    "hvp",
    "jvp",
    "stop_gradient",
    "value_and_grad",
    "vjp",
]
