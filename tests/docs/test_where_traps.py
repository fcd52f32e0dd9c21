"""Every row of docs/where_traps.md is right here, and the page says what comes out."""

import numpy as np
import pytest

from benchmarks.hard_points import agrees, expected, here, ours, point
from benchmarks.where_traps import CASES, FILE


@pytest.mark.parametrize("case", CASES, ids=point)
def test_each_trap(case):
    with np.errstate(all="ignore"):
        found = ours(case)
    for part, right in zip(found, expected(case) if case.here is None else [case.here], strict=True):
        assert np.array_equal(part, right, equal_nan=True) or agrees(part, right, 1e-12), part


def test_the_page_is_up_to_date():
    """Its first two columns; the others need the other libraries."""
    written = [line.strip("| ").split(" | ")[:2] for line in FILE.read_text().splitlines() if line.startswith("| `")]
    assert written == [[point(case), here(case)] for case in CASES], "run `python -m benchmarks.where_traps`"
