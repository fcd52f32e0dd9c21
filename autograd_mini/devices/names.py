"""The names of devices, and the way of an array from one to another."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from autograd_mini.arrays import adopted

PYTORCH, DASK = "autograd_mini.devices.pytorch", "autograd_mini.devices.dask"
STREAMS = "cuda", "cupy"  # devices with queues of work beside each other
UNKNOWN = (
    'The device {device!r} is not known. Write "cpu" for NumPy\'s arrays; "torch:cpu", "cuda:0", "mps" or "meta" '
    'for PyTorch\'s, or a `torch.device`; "cupy:0" for CuPy\'s; "dask" for Dask\'s.'
)
NOT_INSTALLED = (
    "The device {device!r} was asked for, but {package} is not installed. Install it: `pip install "
    '"autograd-mini[{extra}]"`.'
)
NOT_THERE = "The device {device!r} was asked for, and PyTorch finds none on this machine ({reason})."
HOST = "cpu"


def device_of(array: Any) -> str:
    """The name of the device that an array is on: "cpu" for NumPy's, and for all that says nothing else.

    Parameters
    ----------
    array : array
        Of NumPy, PyTorch, CuPy or Dask, a tensor, or what looks like an array.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_mini import devices
    >>> devices.device_of(np.ones(3))
    'cpu'
    """
    device = getattr(array, "device", HOST)
    if isinstance(device, str):
        return device
    number = getattr(device, "id", None)  # of CuPy's
    return str(device) if number is None else f"cupy:{number}"


def named(device: Any) -> str:
    """A device as its name: a string as it is, `torch.device("cpu")` as "torch:cpu", CuPy's as "cupy:0".

    Parameters
    ----------
    device : str, torch.device or cupy.cuda.Device
        What libraries call one.

    Raises
    ------
    TypeError
        If it is no device.

    Examples
    --------
    >>> from autograd_mini import devices
    >>> devices.named("cuda:0")
    'cuda:0'
    """
    if isinstance(device, str):
        return {"cuda": "cuda:0", "cupy": "cupy:0"}.get(device, device)
    if "torch" in sys.modules and isinstance(device, sys.modules["torch"].device):
        text = str(device)
        return {"cpu": "torch:cpu", "cuda": "cuda:0"}.get(text, text)
    if hasattr(device, "id"):
        return f"cupy:{device.id}"
    raise TypeError(UNKNOWN.format(device=device))


def available() -> list[str]:
    """The devices of this machine that arrays can be brought to: "cpu" first, and those of what is installed.

    Dask is left out: its arrays are where its cluster is.

    Examples
    --------
    >>> from autograd_mini import devices
    >>> devices.available()[0]
    'cpu'
    """
    names = [HOST]
    if importlib.util.find_spec("torch") is not None:
        torch = importlib.import_module("torch")
        names += ["torch:cpu", *(f"cuda:{i}" for i in range(torch.cuda.device_count()))]
        names += ["mps"] * torch.backends.mps.is_available()
    if importlib.util.find_spec("cupy") is not None:
        cuda = importlib.import_module("cupy").cuda
        names += [f"cupy:{i}" for i in range(cuda.runtime.getDeviceCount() if cuda.is_available() else 0)]
    return names


def on_host(array: Any) -> bool:
    """Whether an array, or the values of a tensor, are where Python reads them without waiting.

    Parameters
    ----------
    array : array or Tensor
        Of any library.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_mini import devices
    >>> devices.on_host(np.ones(3))
    True
    """
    return device_of(array) == HOST


def to_host(array: Any) -> Any:
    """An array, or a tensor's values, in the host's memory; NumPy's as they are, of a device's a copy.

    Parameters
    ----------
    array : array or Tensor
        Of any library.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_mini import devices
    >>> devices.to_host(np.ones(2))
    array([1., 1.])
    """
    array = array.data if hasattr(array, "requires_grad") else array
    if isinstance(array, np.ndarray | np.generic):
        return array
    answer = getattr(array, "host", None) or getattr(array, "get", None)  # CuPy's
    return np.asarray(array) if answer is None else answer()


def to_device(array: Any, device: Any) -> Any:
    """An array on a device; one that is there as it is.

    Parameters
    ----------
    array : array
        Of NumPy, PyTorch, CuPy or Dask.
    device : str, torch.device or cupy.cuda.Device
        "cpu" is NumPy's; "torch:cpu", "cuda:0", "mps" and "meta" are PyTorch's; "cuda:0" is CuPy's where PyTorch is
        not installed, as "cupy:0" always is; "dask" is Dask's. From "dask" to another one is computed.

    Raises
    ------
    TypeError
        If it is no device, or one that cannot hold numbers of this dtype.
    ImportError
        If it needs a package that is not installed.
    ValueError
        If PyTorch finds no such device here.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_mini import devices
    >>> devices.to_device(np.ones(2), "cpu")
    array([1., 1.])
    """
    name = named(device)
    if device_of(array) == name:
        return array
    if name == HOST:
        return to_host(array)
    if name == "dask":
        return on_dask(array, name)
    kind, _, number = name.removeprefix("torch:").partition(":")
    if is_cupys(name):
        return on_cupy(array, name, int(number or 0))
    if kind not in {"cpu", "cuda", "mps", "meta"} or (kind == "cpu" and not name.startswith("torch:")):
        raise TypeError(UNKNOWN.format(device=device))
    return on_torch(array, name)


def is_cupys(name: str) -> bool:
    """Whether arrays on the device of that name are CuPy's: on "cuda" where PyTorch is not installed."""
    kind = name.partition(":")[0]
    return kind == "cupy" or (kind == "cuda" and importlib.util.find_spec("torch") is None)


def sent(array: Any, device: Any) -> Callable[[], Any]:
    """Begin to bring an array to a device, beside what the device computes meanwhile.

    Parameters
    ----------
    array : array
        As for `to_device`.
    device : str, torch.device or cupy.cuda.Device
        Where to.

    Returns
    -------
    callable
        It returns the array on the device; what is computed with it from then on waits until it is there.

    Raises
    ------
    TypeError, ValueError, ImportError
        As `to_device`.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_mini import devices
    >>> arrive = devices.sent(np.ones(2), "cpu")
    >>> arrive()
    array([1., 1.])
    """
    name = named(device)
    if name.partition(":")[0] not in STREAMS or not on_host(array):
        there = to_device(array, name)
        return lambda: there
    streams = importlib.import_module("autograd_mini.devices.streams")
    return (streams.through_cupy if is_cupys(name) else streams.through_pytorch)(array, name)


def on_dask(array: Any, name: str) -> Any:
    """An array as Dask's, in chunks."""
    if importlib.util.find_spec("dask.array") is None:
        raise ImportError(NOT_INSTALLED.format(device=name, package="Dask", extra="dask"))
    return importlib.import_module(DASK).placed(to_host(array))


def on_torch(array: Any, name: str) -> Any:
    """An array as PyTorch's."""
    if importlib.util.find_spec("torch") is None:
        raise ImportError(NOT_INSTALLED.format(device=name, package="PyTorch", extra="torch"))
    torch = importlib.import_module("torch")
    pytorch = importlib.import_module(PYTORCH)
    device = torch.device(name.removeprefix("torch:"))
    try:
        if isinstance(array, pytorch.TorchArray):
            return pytorch.moved(array, device)
        return pytorch.placed(to_host(array), device)
    except (RuntimeError, AssertionError) as error:
        raise ValueError(NOT_THERE.format(device=name, reason=str(error).splitlines()[0])) from error


def on_cupy(array: Any, name: str, number: int) -> Any:
    """An array as CuPy's."""
    if importlib.util.find_spec("cupy") is None:
        raise ImportError(NOT_INSTALLED.format(device=name, package="CuPy", extra="cupy"))
    cupy = importlib.import_module("cupy")
    with cupy.cuda.Device(number):
        return adopted(cupy.asarray(to_host(array)))
