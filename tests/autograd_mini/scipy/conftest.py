"""What tests of `autograd_mini.scipy` get: its rules, which other tests do without."""

import pytest

from tests.autograd_mini.scipy.registered import register


@pytest.fixture(autouse=True)
def _registered(_sealed):
    register()
