"""What every test gets: the library's global state sealed around it, hypothesis profiles, and no skips in silence."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from autograd_mini.graph import modes
from tests import scipy_rules

LACKING = re.compile(r"could not import|\w+ is not installed")  # `pytest.importorskip`, and scikit-learn's checks
WHOLE = re.compile(r"^pytestmark = pytest\.mark\.extra$", re.MULTILINE)

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
    """Registered rules are as before after each test, but for what it loads, and no test leaves a mode behind."""
    tables, loaded = [(table, table.copy()) for table in scipy_rules.TABLES], scipy_rules.loaded()
    scipy_rules.put_back()
    yield
    if scipy_rules.loaded() != loaded:
        scipy_rules.take_out()
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


def pytest_addoption(parser: pytest.Parser) -> None:
    help = "the extra that is installed: who skips for lack of a package fails; with `test`, those marked `extra` may"
    parser.addoption("--installed", choices=["test", "all-tests", "docs"], help=help)


def is_extra(node: Any) -> bool:
    """Whether a test is marked `extra`; of a file that was not imported, whether it says so of all of its tests."""
    whole = isinstance(node, pytest.Module) and WHOLE.search(node.path.read_text())
    return bool(whole) or node.get_closest_marker("extra") is not None


def failing(report: Any, node: Any) -> Any:
    """A report of a skip for lack of a package that should be there, as a failure."""
    installed = node.config.getoption("--installed")
    may_lack = installed is None or (installed == "test" and is_extra(node))
    if report.skipped and not may_lack and LACKING.search(str(report.longrepr)):
        report.outcome = "failed"
        report.longrepr = f"{node.nodeid} skips, although the extra `{installed}` is installed: {report.longrepr}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[Any]:
    return failing((yield), item)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Iterator[Any]:
    report = yield
    scipy_rules.take_out()
    return failing(report, collector)
