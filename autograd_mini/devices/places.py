"""Arrays made where another array is: constants of the host's memory that are combined with what is on a device."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd_mini.arrays import adopted, is_foreign, of_all


def foreign(value: Any) -> Any:
    """The array of another library that a tensor or a batch holds; None if it holds NumPy's.

    Parameters
    ----------
    value : array, Tensor or Batch
        Or anything else, of which it is None.

    Examples
    --------
    >>> from autograd_mini import Tensor, devices
    >>> devices.foreign(Tensor([1.0, 2.0])) is None
    True
    """
    value = of_all(getattr(value, "data", None) if hasattr(value, "requires_grad") else value)
    if type(value) is np.ndarray or hasattr(type(value), "recorder"):
        return None
    return adopted(value) if is_foreign(value) else None


def beside(array: Any, like: Any) -> Any:
    """An array in the host's memory, as constants of rules are, brought to where another one is.

    Parameters
    ----------
    array : ndarray
        The constant.
    like : array, Tensor or Batch
        Where to.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_mini import devices
    >>> devices.beside(np.eye(2), like=np.ones(3))
    array([[1., 0.],
           [0., 1.]])
    """
    place = foreign(like)
    stays = place is None or not isinstance(array, np.ndarray) or getattr(place, "mixes", False)
    return array if stays else np.asarray(array, like=place)


def zeros_beside(like: Any, shape: tuple[int, ...], dtype: Any) -> Any:
    """Zeros where an array is: in the host's memory, or on its device.

    Parameters
    ----------
    like : array, Tensor or Batch
        Where to make them.
    shape : tuple of int
        Theirs.
    dtype : dtype
        Theirs.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_mini import devices
    >>> devices.zeros_beside(np.ones(3), (2,), np.float32)
    array([0., 0.], dtype=float32)
    """
    place = foreign(like)
    return np.zeros(shape, dtype) if place is None else np.zeros(shape, dtype, like=place)
