"""Copies that go to a GPU in a queue of their own, while the GPU computes. Which batch goes is not known here.

A copy begins after all that was queued before it, so that it may take the memory of what was freed; what uses it is
queued after its end.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import Any

from autograd_mini.devices.names import to_device


def through_pytorch(array: Any, name: str) -> Callable[[], Any]:
    import torch

    device = torch.device(name)
    copying = stream_of_pytorch(name)
    copying.wait_stream(torch.cuda.current_stream(device))
    with torch.cuda.stream(copying):
        there = to_device(array, name)

    def arrive() -> Any:
        torch.cuda.current_stream(device).wait_stream(copying)
        return there

    return arrive


def through_cupy(array: Any, name: str) -> Callable[[], Any]:
    cuda = sys.modules["cupy"].cuda
    with cuda.Device(int(name.partition(":")[2])):
        copying = stream_of_cupy(name)
        copying.wait_event(cuda.get_current_stream().record())
        with copying:
            there = to_device(array, name)
            end = copying.record()

    def arrive() -> Any:
        with cuda.Device(int(name.partition(":")[2])):
            cuda.get_current_stream().wait_event(end)
        return there

    return arrive


@functools.cache
def stream_of_pytorch(name: str) -> Any:
    """The queue of copies to a device."""
    import torch

    return torch.cuda.Stream(torch.device(name))


@functools.cache
def stream_of_cupy(name: str) -> Any:
    """The same of CuPy's device that is worked on."""
    return sys.modules["cupy"].cuda.Stream(non_blocking=True)
