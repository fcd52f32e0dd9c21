"""Derivatives of SciPy's functions: an extra, loaded only by those who use SciPy.

Universal functions of `scipy.special` take tensors by themselves: `scipy.special.erf(t)`. SciPy's other functions
know nothing of tensors; the modules here have functions of the same names and arguments that do.
"""

import importlib
from types import ModuleType
from typing import TYPE_CHECKING

try:
    import scipy.special  # noqa: F401 (whether it is there)
except ModuleNotFoundError as error:
    raise ImportError(
        "autograd_mini.scipy was imported, but SciPy, whose functions it differentiates, is not installed. Install "
        'the extra: `pip install "autograd-mini[scipy]"`.'
    ) from error

from autograd_mini.scipy import special  # registers the derivative of each universal function

if TYPE_CHECKING:
    from autograd_mini.scipy import integrate, linalg, signal, sparse, stats

__all__ = ["integrate", "linalg", "signal", "sparse", "special", "stats"]


def __getattr__(name: str) -> ModuleType:
    """Import a module when it is asked for, as SciPy does: the universal functions need none of the others."""
    if name in __all__:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
