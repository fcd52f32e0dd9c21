"""A Sphinx extension: what runs while the site is built: examples, in their fast mode, and a page that has a report."""

import contextlib
import os
import re
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

PAGE, REPORTS = "diagnose.md", "reports"  # what the page saves lies beside it


def fast(_conf: dict[str, Any], _script: dict[str, Any]) -> list[str]:
    """What examples are run with: seconds each."""
    return ["--fast"]


def whole(_conf: dict[str, Any], _script: dict[str, Any]) -> list[str]:
    """What examples are run with for the numbers that they quote: an hour in all."""
    return []


def snippets(text: str) -> list[str]:
    """The Python blocks of a page."""
    return re.findall(r"(?ms)^```python\n(.*?)^```", text)


def write_reports(app: Sphinx) -> None:
    """Run the page's code where its links look for the files that it saves, unless they are newer than the page."""
    page, folder = Path(app.srcdir, PAGE), Path(app.outdir, REPORTS)
    saved = list(folder.glob("*.html"))
    if saved and min(path.stat().st_mtime for path in saved) > page.stat().st_mtime:
        return
    folder.mkdir(parents=True, exist_ok=True)
    with (
        Path(os.devnull).open("w") as nowhere,
        contextlib.redirect_stdout(nowhere),
        contextlib.redirect_stderr(nowhere),
        contextlib.chdir(folder),
    ):
        exec(compile("\n".join(snippets(page.read_text())), str(page), "exec"), {"__name__": "__main__"})


def setup(app: Sphinx) -> dict[str, bool]:
    """Register what runs first."""
    os.environ.setdefault("MPLBACKEND", "Agg")
    app.connect("builder-inited", write_reports)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
