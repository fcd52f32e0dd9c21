"""Names of devices, and what is said where there is none."""

import importlib.util
from types import SimpleNamespace

import numpy as np
import pytest

from autograd_mini import Tensor, devices
from tests.autograd_mini.devices import stand_in


def test_numpys_arrays_are_on_cpu():
    assert devices.device_of(np.ones(2)) == Tensor([1.0]).device == "cpu"
    array = np.ones(2)
    assert devices.to_device(array, "cpu") is array


def test_a_device_of_cupy_has_its_number():
    assert devices.device_of(SimpleNamespace(device=SimpleNamespace(id=1))) == "cupy:1"
    assert devices.named(SimpleNamespace(id=0)) == "cupy:0"


@pytest.mark.parametrize("device", ["gpu", "torch", "cpu:0", 3])
def test_a_name_that_is_none_says_which_there_are(device):
    with pytest.raises(TypeError, match='"cuda:0"'):
        Tensor([1.0]).to_device(device)


@pytest.mark.parametrize(("device", "extra"), [("torch:cpu", "torch"), ("meta", "torch"), ("cupy:0", "cupy")])
def test_a_package_that_is_missing_is_named(device, extra, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(ImportError, match=rf"autograd-mini\[{extra}\]"):
        devices.to_device(np.ones(2), device)


def test_the_devices_of_a_machine_are_those_of_what_is_installed(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    assert devices.available() == ["cpu"]


def test_the_devices_of_cupy_are_counted(monkeypatch):
    stand_in.install(monkeypatch)
    assert devices.available()[-1] == "cupy:0"


@pytest.mark.extra
def test_arrays_come_to_each_device_that_is_there():
    pytest.importorskip("torch")
    assert devices.available()[:2] == ["cpu", "torch:cpu"]
    assert [Tensor([1.0]).to_device(name).device for name in devices.available()] == devices.available()


def test_constants_of_the_host_stay_there():
    array = np.ones(2)
    assert devices.beside(array, np.zeros(3)) is array
    assert devices.beside(array, Tensor([1.0])) is array


def test_numbers_of_the_host_are_read_as_they_are():
    assert devices.read(np.array(1.5), np.float32(2)) == [1.5, 2.0]
    assert devices.read() == []
