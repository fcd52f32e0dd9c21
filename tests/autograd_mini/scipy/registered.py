"""The functions to which `autograd_mini.scipy` gives rules, and their example calls."""

import numpy as np
import scipy.special

from autograd_mini.primitive import primitives
from autograd_mini.scipy import integrate, linalg, signal, special, stats
from tests.autograd_mini.rules.test_rules import Call
from tests.scipy_rules import is_for_scipy

__all__ = ["integrate", "linalg", "signal", "special", "stats"]

UFUNCS = {
    name: f for name, f in vars(scipy.special).items() if isinstance(f, np.ufunc) and getattr(np, name, None) is not f
}
UFUNCS.pop("sph_harm", None)  # SciPy 1.17 no longer has it, and before it only warned
FUNCTIONS = [function for function in primitives if is_for_scipy(function)]
CALLS = [Call(f, case) for f in FUNCTIONS for case in primitives[f].domain.cases]
NAMES = {f: primitives[f].name for f in FUNCTIONS}
IDS = list(map(str, CALLS))
