"""Every row of docs/hard_points.md is right here, and the page says what comes out."""

import re

import numpy as np
import pytest

from benchmarks.hard_points import CASES, FILE, GROUPS, RAISES, agrees, expected, here, ours, point


@pytest.mark.parametrize("case", CASES, ids=point)
def test_each_point(case):
    """Right up to a few roundings, of the variables' dtype; a warning is an error unless the result is not finite."""
    if case.right == RAISES:
        with pytest.raises(np.linalg.LinAlgError):
            ours(case)
        return
    wanted = expected(case) if case.here is None else [case.here]
    if all(np.all(np.isfinite(right)) for right in wanted) and all(map(np.all, map(np.isfinite, case.at.values()))):
        found = ours(case)
    else:
        with np.errstate(all="ignore"):
            found = ours(case)
    for part, right in zip(found, wanted, strict=True):
        assert part.dtype == case.dtype
        if case.here is not None:
            assert np.array_equal(part, right, equal_nan=True), "this row has become right: leave `here=` out"
        else:
            assert agrees(part, right, 50 * np.finfo(case.dtype).eps), part


def test_no_row_comes_twice():
    assert len({point(case) for case in CASES}) == len(CASES)


def test_the_page_is_up_to_date():
    """Its first two columns; the others need the other libraries."""
    text = FILE.read_text()
    written = [line.strip("| ").split(" | ")[:2] for line in text.splitlines() if line.startswith("| `")]
    assert written == [[point(case), here(case)] for case in CASES], "run `python -m benchmarks.hard_points`"
    assert re.findall(r"(?m)^## (.+)$", text)[: len(GROUPS)] == [group.title for group in GROUPS]


def test_the_snippet_runs():
    (code,) = re.findall(r"(?ms)^```python\n(.*?)^```", FILE.read_text())
    exec(compile(code, str(FILE), "exec"), {})
