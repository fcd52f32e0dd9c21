"""The tutorial on testing derivatives does what it shows: its code is run in order, its outputs are compared."""

import re
from pathlib import Path

from autograd_mini.testing import DerivativeError, InconclusiveError

PAGE = Path(__file__).parents[1] / "docs" / "testing.md"
BLOCKS = re.findall(r"(?ms)^```(python|text)\n(.*?)^```", PAGE.read_text())


def bounds_left_out(text):
    """Without the bounds of errors, which are rounding and differ between machines."""
    return re.sub(r"\+- \S+", "+-", text)


def test_the_code_prints_what_the_page_shows(capsys):
    names = {}
    shown = 0
    for (kind, code), (following, text) in zip(BLOCKS, [*BLOCKS[1:], ("", "")], strict=True):
        if kind != "python":
            continue
        try:
            exec(code, names)
        except (DerivativeError, InconclusiveError) as error:
            print(error)
        assert following == "text"
        assert bounds_left_out(capsys.readouterr().out) == bounds_left_out(text)
        shown += 1
    assert shown >= 7


def test_the_page_starts_with_a_wrong_rule_and_ends_right():
    assert "is wrong" in BLOCKS[1][1]
    assert BLOCKS[3][1].startswith("right to order 2")
