"""The rules that `autograd_mini.scipy` registers, taken out of the registry again, and their example calls.

Other tests see the library of a user who does not use SciPy; the fixture gives the rules back.
"""

import numpy as np
import pytest
import scipy.special

import autograd_mini.scipy
from autograd_mini.primitive import composites, constants, primitives
from autograd_mini.scipy import integrate, linalg, signal, special, stats
from tests.autograd_mini.rules.test_rules import Call

__all__ = ["integrate", "linalg", "signal", "special", "stats"]

UFUNCS = {
    name: f for name, f in vars(scipy.special).items() if isinstance(f, np.ufunc) and getattr(np, name, None) is not f
}
UFUNCS.pop("sph_harm", None)  # SciPy 1.17 no longer has it, and before it only warned


def is_for_scipy(function):
    """Whether a function was registered by the package under test."""
    if isinstance(function, np.ufunc):
        return getattr(np, function.__name__, None) is not function
    return (getattr(function, "__module__", None) or "").startswith(autograd_mini.scipy.__name__)


ADDED = {
    "primitives": {f: primitive for f, primitive in primitives.items() if is_for_scipy(f)},
    "composites": {f: replacement for f, replacement in composites.items() if is_for_scipy(f)},
    "constants": {f for f in constants if is_for_scipy(f)},
}
FUNCTIONS = list(ADDED["primitives"])
CALLS = [Call(f, case) for f in FUNCTIONS for case in primitives[f].domain.cases]
NAMES = {f: primitives[f].name for f in FUNCTIONS}
IDS = list(map(str, CALLS))
for _function in FUNCTIONS:
    del primitives[_function]
for _function in ADDED["composites"]:
    del composites[_function]
constants.difference_update(ADDED["constants"])


@pytest.fixture(autouse=True)
def _registered(_sealed):
    """The rules, back in the registry."""
    primitives.update(ADDED["primitives"])
    composites.update(ADDED["composites"])
    constants.update(ADDED["constants"])
