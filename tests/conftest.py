"""What every test gets: the library's global state sealed around it, and hypothesis profiles."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from autograd_mini.graph import modes
from autograd_mini.primitive import composites, constants, primitives

settings.register_profile(
    "quick",
    max_examples=30,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.register_profile("thorough", settings.get_profile("quick"), max_examples=2000, derandomize=False)
settings.load_profile("quick")  # `pytest --hypothesis-profile=thorough` overrides it


@pytest.fixture(autouse=True)
def _sealed() -> Iterator[None]:
    """Registered rules are as before after each test, and no test leaves a mode behind."""
    tables = [(table, table.copy()) for table in (primitives, composites, constants)]
    yield
    for table, before in tables:
        table.clear()
        table.update(before)
    left = (modes.recording, modes.scope)
    modes.recording, modes.scope = True, ""
    assert left == (True, ""), f"the test left (recording, scope) = {left} behind"


@pytest.fixture
def thorough() -> bool:
    """Whether the run has time: `pytest --hypothesis-profile=thorough`."""
    return settings.default.max_examples > 1000
