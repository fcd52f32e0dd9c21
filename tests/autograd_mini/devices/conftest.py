"""A module that stands in for CuPy where that, or a GPU, is missing."""

import pytest

from tests.autograd_mini.devices import stand_in


@pytest.fixture
def cupy(monkeypatch):
    """CuPy's module, with the stand-in's arrays."""
    stand_in.install(monkeypatch)
