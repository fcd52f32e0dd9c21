"""A module that stands in for CuPy where that, or a GPU, is missing."""

import importlib.machinery
import sys
from contextlib import contextmanager
from types import ModuleType, SimpleNamespace

import pytest

from tests.autograd_mini.devices import stand_in


@contextmanager
def one_device(number):
    """The stand-in has one device, and it is always the one that is worked on."""
    assert number == 0
    yield


@pytest.fixture
def cupy(monkeypatch):
    """CuPy's module, with the stand-in's arrays; its counts of what would wait for the device begin anew."""
    module = ModuleType("cupy")
    module.__spec__ = importlib.machinery.ModuleSpec("cupy", None)
    module.ndarray, module.asarray, module.cuda = stand_in.StandIn, stand_in.asarray, SimpleNamespace(Device=one_device)
    monkeypatch.setitem(sys.modules, "cupy", module)
    stand_in.waits.clear()
    return module
