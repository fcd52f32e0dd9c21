"""Property tests of derivatives, for the functions of this library and for those of its users.

`check_derivatives`, `check_module` and `laws` need NumPy alone; what draws examples needs the extra `testing`.
"""

import importlib.util
from typing import TYPE_CHECKING, Any

from autograd_mini.testing import laws
from autograd_mini.testing.checks import check_derivatives
from autograd_mini.testing.derivation import Derivation, derivation
from autograd_mini.testing.modules import check_module
from autograd_mini.testing.report import DerivativeError, InconclusiveError, Report

if TYPE_CHECKING:
    from autograd_mini.testing.computations import programs
    from autograd_mini.testing.strategies import (
        arrays,
        axes,
        broadcastable,
        einsum_specs,
        indices,
        operands,
        tensors,
    )

__all__ = [
    "Derivation",
    "DerivativeError",
    "InconclusiveError",
    "Report",
    "arrays",
    "axes",
    "broadcastable",
    "check_derivatives",
    "check_module",
    "derivation",
    "einsum_specs",
    "indices",
    "laws",
    "operands",
    "programs",
    "tensors",
]


STRATEGIES = {"arrays", "axes", "broadcastable", "einsum_specs", "indices", "operands", "programs", "tensors"}
NO_HYPOTHESIS = (
    "autograd_mini.testing.{name} draws examples with hypothesis, which is not installed. "
    'Write `pip install "autograd-mini[testing]"`.'
)


def __getattr__(name: str) -> Any:
    """Import what draws examples only when it is asked for: it needs hypothesis."""
    if name in STRATEGIES and importlib.util.find_spec("hypothesis") is None:
        raise ImportError(NO_HYPOTHESIS.format(name=name), name="hypothesis")
    if name == "programs":
        from autograd_mini.testing.computations import programs

        return programs
    if name in STRATEGIES:
        from autograd_mini.testing import strategies

        return getattr(strategies, name)
    raise AttributeError(f"module 'autograd_mini.testing' has no attribute {name!r}")


def __dir__() -> list[str]:
    """The public names, also those that are imported only when asked for."""
    return sorted(__all__)
