"""Batching: a function of one example computed for many at once, and what rests on it. One more array type, `Batch`.

Every derivative rule runs on it as it stands. No rule of calculus lives here, and nothing that measures or draws.
"""

from autograd_mini.batching import rules
from autograd_mini.batching.batch import Batch, batching_rule, is_batched, loops
from autograd_mini.batching.jacobians import hessian, jacobian
from autograd_mini.batching.operands import values_of
from autograd_mini.batching.vmap import vmap

__all__ = [
    "Batch",
    "batching_rule",
    "hessian",
    "is_batched",
    "jacobian",
    "loops",
    "rules",
    "values_of",
    "vmap",
]
