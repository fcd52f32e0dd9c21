"""Numbers that Python waits for: read from devices in one transfer, and checks of values that wait for the next one."""

from __future__ import annotations

import functools
import math
import operator
import sys
import threading
from collections.abc import Sequence
from typing import Any

import numpy as np

from autograd_mini.arrays import everywhere
from autograd_mini.devices.names import HOST, device_of, to_host
from autograd_mini.devices.places import foreign

FAILED = (
    "A check of values on the device {device} did not hold, in {function} ({file}:{line}), before this number was "
    "read. On a device such checks do not wait, and tell when the next number is read. Do the same step on the host, "
    '`.to_device("cpu")`, for the check\'s own words.'
)

NAN = (
    "A gradient on the device {device} was NaN, before this number was read. On a device that Python would have to "
    "wait for, it is not looked whether that NaN stands where nothing depends on it, such as behind `np.where`; on the "
    'host, `.to_device("cpu")`, it is. Keep NaN out of what is not chosen, or do the step on the host.'
)


def has_values(array: Any) -> bool:
    """Whether an array holds numbers: those on "meta" do not.

    Parameters
    ----------
    array : array or Tensor
        Of any library.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_mini import devices
    >>> devices.has_values(np.ones(3))
    True
    """
    return getattr(array, "has_values", True)


def wide(array: Any) -> Any:
    """For writers of layers and rules: the dtype to add up in where an array is, float64, or float32 on a device
    that has no wider one.

    Parameters
    ----------
    array : array
        Of any library, whose place is asked for; its dtype says whether the numbers are complex.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_mini import devices
    >>> x = np.ones((3000, 2), np.float16)
    >>> np.sum(x, axis=0).tolist(), np.sum(x, axis=0, dtype=devices.wide(x)).tolist()
    ([2048.0, 2048.0], [3000.0, 3000.0])
    """
    return np.dtype(np.float32 if device_of(foreign(array)).partition(":")[0] == "mps" else np.float64)


class _Waiting(threading.local):
    """What this thread has still to be told: checks, by device and place in the code, and squares of gradients.

    A sum of squares is NaN if one of the entries is.
    """

    def __init__(self) -> None:
        self.checks: dict[tuple[str, str, str, int], Any] = {}
        self.squares: dict[str, Any] = {}


waiting = _Waiting()


def waits(array: Any) -> bool:
    """Whether reading a number of an array, or of a tensor's values, waits for a device.

    Parameters
    ----------
    array : array or Tensor
        Of any library.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_mini import devices
    >>> devices.waits(np.ones(3))
    False
    """
    return getattr(array if hasattr(type(array), "host") else foreign(array), "waits", False)


def at_hand(number: Any) -> Any:
    """An array of one entry as NumPy's number, where reading it neither waits nor computes; else as it is.

    Parameters
    ----------
    number : array
        Of one entry.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_mini import devices
    >>> devices.at_hand(np.float64(2.5))
    np.float64(2.5)
    """
    if getattr(number, "waits", True) or not number.has_values:
        return number
    return number.dtype.type(number.item())


def passes(condition: Any) -> bool:
    """Whether a condition holds everywhere; on a device, where that is not known yet, True, and `read` asks again.

    For checks alone, after which nothing is computed in another way: what fails raises at the next number that is read.

    Parameters
    ----------
    condition : array of bool
        On any device.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_mini import devices
    >>> devices.passes(np.array([True, False]))
    False
    """
    if not waits(condition):
        return everywhere(condition)
    array = foreign(condition)
    frame = sys._getframe(1)
    while frame.f_code.co_filename == __file__:
        frame = frame.f_back  # type: ignore[assignment]
    place = frame.f_code.co_name, frame.f_code.co_filename, frame.f_lineno
    key = (device_of(array), *place)
    flag = np.all(array)
    waiting.checks[key] = flag if key not in waiting.checks else flag & waiting.checks[key]
    return True


def tells_nan_later(array: Any) -> bool:
    """Whether a gradient on a device that waits holds NaN: it is not asked, and `read` says so with its next number."""
    if array.dtype.kind in "fc":
        device, squares = device_of(array), np.sum(np.square(np.absolute(array) if array.dtype.kind == "c" else array))
        waiting.squares[device] = waiting.squares[device] + squares if device in waiting.squares else squares
    return False


def is_lazy(array: Any) -> bool:
    """Whether an array is computed when it is told to, as Dask's are, so that no check can ask for its values.

    Parameters
    ----------
    array : array or Tensor
        Of any library.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_mini import devices
    >>> devices.is_lazy(np.ones(3))
    False
    """
    return hasattr(type(array), "checking")


def surely(condition: Any) -> bool:
    """For writers of layers and rules: whether a condition is known to hold everywhere; of lazy arrays it is not known.

    Where it holds a quick way may be taken.

    Parameters
    ----------
    condition : array of bool
        On any device.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_mini import devices
    >>> x = np.array([1.0, 2.0])
    >>> devices.surely(x > 0), devices.surely(x > 1)
    (True, False)
    """
    return not is_lazy(condition) and bool(np.all(condition))


def checked(values: Any, condition: Any, message: str, **facts: Any) -> Any:
    """`values`, if a condition holds everywhere; else ValueError. Of lazy arrays it is asked when they are computed.

    Parameters
    ----------
    values : array or Tensor
        What the condition is about. Go on with the result, which brings the question with it.
    condition : array of bool
        What has to hold.
    message : str
        Of the error, formatted with the facts.
    **facts
        By their names in the message: arrays, or functions of nothing that make one.

    Raises
    ------
    ValueError
        If the condition does not hold.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_mini import devices
    >>> labels = np.array([0, 2])
    >>> devices.checked(labels, labels < 2, "labels up to {high} for 2 classes", high=labels.max())
    Traceback (most recent call last):
    ...
    ValueError: labels up to 2 for 2 classes
    """
    if type(condition) is not np.bool:
        array = foreign(condition)
        if is_lazy(array):
            return values - array.checking(ValueError, message, said(facts), values.dtype)
    if not passes(condition):
        raise ValueError(message.format(**said(facts)))
    return values


def said(facts: dict[str, Any]) -> dict[str, Any]:
    """The facts of a message: of functions what they return, of tensors the values."""
    made = {name: fact() if callable(fact) else fact for name, fact in facts.items()}
    return {name: fact.data if hasattr(fact, "requires_grad") else fact for name, fact in made.items()}


def read(*numbers: Any) -> list[float]:
    """Floating-point arrays of one entry as Python's numbers, in one transfer; NaN of a device without values.

    Parameters
    ----------
    *numbers : array
        Of one entry each, on one device.

    Raises
    ------
    ValueError
        If a check that waited for this did not hold; if the number is finite, and a gradient was NaN.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_mini import devices
    >>> devices.read(np.array(0.5), np.array([2.0]))
    [0.5, 2.0]
    """
    if not all(map(has_values, numbers)):
        return [math.nan] * len(numbers)
    if all(device_of(number) == HOST for number in numbers):
        return [number.item() for number in numbers]
    here = device_of(numbers[0])
    checks, waiting.checks = waiting.checks, {}
    squares, waiting.squares = waiting.squares, {}
    flags = [flag for (device, *_), flag in checks.items() if device == here]
    flags += [np.logical_not(np.isnan(total)) for device, total in squares.items() if device == here]
    first = np.where(functools.reduce(operator.and_, flags), numbers[0], math.nan) if flags else numbers[0]
    values = in_one((first, *numbers[1:]))
    if (flags and math.isnan(values[0])) or len(flags) < len(checks) + len(squares):
        for (device, function, file, line), flag in checks.items():
            if not flag.item():
                raise ValueError(FAILED.format(device=device, function=function, file=file, line=line))
        values[0] = numbers[0].item()
        for device, total in squares.items():
            if math.isfinite(values[0]) and math.isnan(total.item()):
                raise ValueError(NAN.format(device=device))
    return values


def in_one(numbers: Sequence[Any]) -> list[float]:
    """The numbers of one device."""
    if len(numbers) == 1:
        return [numbers[0].item()]
    return to_host(np.stack([np.reshape(number, ()) for number in numbers])).tolist()
