"""The tutorial on testing derivatives does what it shows: its code is run in order, its outputs are compared."""

import linecache
import re
from pathlib import Path

from autograd_mini import testing

PAGE = Path(__file__).parents[2] / "docs" / "testing.md"
BLOCKS = re.findall(r"(?ms)^```(python|text)\n(.*?)^```", PAGE.read_text())


def bounds_left_out(text):
    """Without the bounds of errors, which are rounding and differ between machines."""
    return re.sub(r"\+- \S+", "+-", text)


def run(number, code, names):
    """Run one block, whose source can be had, as in a file."""
    place = f"<testing.md, block {number}>"
    linecache.cache[place] = (len(code), None, code.splitlines(keepends=True), place)
    exec(compile(code, place, "exec"), names)


def test_the_code_prints_what_the_page_shows(capsys):
    names = {"__name__": "tutorial"}
    shown = 0
    for number, (kind, code) in enumerate(BLOCKS):
        if kind != "python":
            continue
        run(number, code, names)
        following, text = BLOCKS[number + 1] if number + 1 < len(BLOCKS) else ("", "")
        expected = text if following == "text" else ""
        assert bounds_left_out(capsys.readouterr().out) == bounds_left_out(expected)
        shown += bool(expected)
    assert shown >= 9


def test_the_page_starts_with_a_wrong_rule_and_ends_right():
    assert "wrong derivative" in BLOCKS[1][1]
    assert BLOCKS[3][1].startswith("right to order 2")


def test_the_page_shows_every_public_name():
    page = PAGE.read_text()
    assert [name for name in testing.__all__ if not re.search(rf"\b{name}\b", page)] == []
