"""NumPy's dtypes and PyTorch's: which is which, and in which one of them NumPy computes. No operation lives here."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

NO_DTYPE = (
    "A PyTorch tensor of dtype {dtype} was given, which NumPy does not have. Convert it first: `t.float()`, or "
    "`t.to(torch.float16)`."
)
NO_COUNTERPART = "PyTorch has no dtype for {dtype}. Convert first, e.g. `.astype(np.float64)`."
NO_DOUBLE = (
    "{dtype} was asked for on the device {device}, which has no numbers of double precision. Write "
    "`.astype(np.float32)` first, `model.astype(np.float32)` for a model; or compute on another device: "
    '`.to_device("cpu")`.'
)

_NAMES = "bool uint8 uint16 uint32 uint64 int8 int16 int32 int64 float16 float32 float64 complex64 complex128"
TO_TORCH: dict[np.dtype[Any], torch.dtype] = {np.dtype(name): getattr(torch, name) for name in _NAMES.split()}
TO_NUMPY = {ours: theirs for theirs, ours in TO_TORCH.items()}
DOUBLE = {torch.float64, torch.complex128}
SINGLE_ONLY = {"mps"}  # kinds of devices without double precision


def to_torch(dtype: Any, device: torch.device) -> torch.dtype:
    """PyTorch's name of a dtype, if the device has it."""
    dtype = np.dtype(dtype)
    if dtype not in TO_TORCH:
        raise TypeError(NO_COUNTERPART.format(dtype=dtype))
    found = TO_TORCH[dtype]
    if found in DOUBLE and device.type in SINGLE_ONLY:
        raise TypeError(NO_DOUBLE.format(dtype=dtype, device=device))
    return found


def to_numpy(dtype: torch.dtype) -> np.dtype[Any]:
    """NumPy's name of a dtype."""
    try:
        return TO_NUMPY[dtype]
    except KeyError:
        raise TypeError(NO_DTYPE.format(dtype=dtype)) from None


def kind_of(value: Any) -> Any:
    """What decides on promotion: the dtype of a tensor or of NumPy's numbers, or a Python number itself."""
    return TO_NUMPY[value.dtype] if isinstance(value, torch.Tensor) else getattr(value, "dtype", value)


def cast(value: Any, dtype: np.dtype[Any]) -> Any:
    """A tensor in another dtype; a number as Python's, which takes the dtype of the tensors that it meets."""
    if isinstance(value, torch.Tensor):
        return value if TO_NUMPY[value.dtype] is dtype else value.to(to_torch(dtype, value.device))
    return value.item() if hasattr(value, "item") else value


def promoted(*values: Any) -> list[Any]:
    """Tensors and numbers brought to the dtype in which NumPy would put them together."""
    first = values[0]
    if isinstance(first, torch.Tensor) and all(getattr(value, "dtype", None) is first.dtype for value in values):
        return list(values)
    dtype = np.result_type(*map(kind_of, values))
    return [cast(value, dtype) for value in values]


def tensors(*values: Any) -> list[torch.Tensor]:
    """The same, numbers as tensors without axes."""
    dtype = np.result_type(*map(kind_of, values))
    device = next(value.device for value in values if isinstance(value, torch.Tensor))
    return [
        cast(v, dtype)
        if isinstance(v, torch.Tensor)
        else torch.full((), cast(v, dtype), dtype=to_torch(dtype, device), device=device)
        for v in values
    ]


def inexact(tensor: torch.Tensor) -> torch.Tensor:
    """Whole numbers and truth values as NumPy's functions take them where they need fractions: in float64."""
    return tensor if tensor.dtype.is_floating_point or tensor.dtype.is_complex else cast(tensor, np.dtype(np.float64))
