"""What tests of `autograd_mini.scipy` get: its rules, which other tests do without."""

from tests.autograd_mini.scipy.registered import _registered  # noqa: F401 (the fixture)
