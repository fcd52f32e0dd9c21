"""The rules of SciPy's functions: no file of tests finds them as it is collected, every test does once they are loaded.

The library loads them once in a process, when one is first used. What walks through the registry is about NumPy's.
"""

import sys

import numpy as np

from autograd_mini.primitive import composites, constants, primitives

PACKAGE = "autograd_mini.scipy"
TABLES = primitives, composites, constants
KEPT = {}, {}, set()  # what is out of each table


def is_for_scipy(function):
    """Whether a function was registered by the package."""
    if isinstance(function, np.ufunc):
        return getattr(np, function.__name__, None) is not function
    return (getattr(function, "__module__", None) or "").startswith(PACKAGE)


def loaded():
    """The modules of the package that are loaded."""
    return {name for name in sys.modules if name.startswith(PACKAGE)}


def take_out():
    """Take the rules out of the registry."""
    for table, kept in zip(TABLES, KEPT, strict=True):
        found = [function for function in table if is_for_scipy(function)]
        if isinstance(table, dict):
            kept.update({function: table.pop(function) for function in found})
        else:
            kept.update(found)
            table.difference_update(found)


def put_back():
    """Put them back."""
    for table, kept in zip(TABLES, KEPT, strict=True):
        table.update(kept)
