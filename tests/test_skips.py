"""`pytest --installed EXTRA`: who skips for lack of a package that the extra brings fails."""

from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

TESTS = """
import pytest

def test_lacks():
    pytest.importorskip("no_such_package")

@pytest.mark.extra
def test_lacks_an_extra():
    pytest.skip("pandas is not installed: not checking")

def test_has_another_reason():
    pytest.skip("no Chromium is installed")
"""


@pytest.mark.parametrize(
    ("options", "outcomes"),
    [
        ([], {"skipped": 5}),
        (["--installed", "test"], {"skipped": 3, "failed": 1, "errors": 1}),
        (["--installed", "all-tests"], {"skipped": 1, "failed": 2, "errors": 2}),
    ],
    ids=" ".join,
)
def test_a_skip_for_lack_of_a_package_is_no_silent_one(pytester, options, outcomes):
    pytester.makeconftest(Path(__file__).with_name("conftest.py").read_text())
    pytester.makeini("[pytest]\nmarkers = extra")
    whole = "import pytest\npytest.importorskip('no_such_package')\n"
    pytester.makepyfile(test_each=TESTS, test_whole=whole, test_extra=f"{whole}pytestmark = pytest.mark.extra\n")
    run = pytester.runpytest_subprocess("-p", "no:cacheprovider", "--continue-on-collection-errors", *options)
    run.assert_outcomes(**outcomes)
