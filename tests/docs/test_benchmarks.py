"""The page of benchmarks has the figures of the pages that it names, and every command."""

import re

import pytest

from docs import benchmarks
from tests.docs.test_docs import ROOT


def test_figures_are_those_of_their_pages():
    assert benchmarks.PAGE.read_text() == benchmarks.written(), "stale: run `python -m docs.benchmarks`"


def test_a_figure_that_no_table_has_is_an_error():
    group = benchmarks.GROUPS[0]
    row, column = next(iter(group.figures.values()))
    assert float(benchmarks.figure(group, row, column)) > 0
    for other in ((row, "Z"), ("compiled / nothing", column)):
        with pytest.raises(LookupError, match="no table"):
            benchmarks.figure(group, *other)


def test_every_command_is_on_the_page_and_no_other():
    commands = {f.stem for f in (ROOT / "benchmarks").glob("*.py") if "__main__" in f.read_text()} - {"__main__"}
    text = benchmarks.PAGE.read_text()
    assert set(re.findall(r"(?m)^\| `benchmarks\.(\w+)`", text)) == commands
