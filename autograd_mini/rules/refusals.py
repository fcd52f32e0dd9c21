"""What NumPy refuses and a composite must refuse itself, with the same class of error: axes, shapes, options.

Nothing is differentiated here.
"""

from typing import Any

import numpy as np

from autograd_mini.primitive import constant, primitive


@primitive
def require(condition, reason, error=ValueError):
    """Refuse shapes and options that do not fit."""
    if not condition:
        raise error(reason)


@primitive
def axis_of(axis, ndim):
    """An axis, counted from the front."""
    return np.lib.array_utils.normalize_axis_index(axis, ndim)


@primitive
def axes_of(axis, ndim):
    """The axes that `axis` names, all of them for None, counted from the front."""
    return tuple(range(ndim)) if axis is None else np.lib.array_utils.normalize_axis_tuple(axis, ndim)


@primitive
def numpys(function, *args, **kwargs):
    """What NumPy itself computes of the values, through which no derivative flows."""
    return function(*args, **kwargs)


@primitive
def kind_of(dtype):
    """The kind of numbers that a dtype holds: "f", "c", "i", "u" or "b"."""
    return np.dtype(dtype).kind


def refuse_as_numpy(error: Exception, function: Any, args: Any, kwargs: Any) -> None:
    """Raise NumPy's own error for a call that was refused with `error`, if NumPy refuses it, and with another class."""
    try:
        function(*args, **kwargs)
    except Warning:
        return
    except Exception as theirs:
        if not isinstance(error, type(theirs)):
            raise theirs from error


constant(require, axis_of, axes_of, numpys, kind_of)
