"""What the pages of the reference list: docs/api. Links are made from it, and tests of docstrings."""

import importlib
import re
from pathlib import Path
from typing import Any

PAGES = Path(__file__).parents[1] / "api"


def names(page: str) -> list[str]:
    """The names on a page of the reference, each with its module."""
    text = (PAGES / f"{page}.rst").read_text()
    module = re.search(r"currentmodule:: (.+)", text)
    return [f"{module[1]}.{name}" for name in re.findall(r"(?m)^   ([A-Za-z][\w.]*)$", text)] if module else []


def public(*pages: str) -> dict[str, Any]:
    """What is listed, by its name there; by default on all pages."""
    found = {}
    for page in pages or sorted(path.stem for path in PAGES.glob("*.rst")):
        for whole in names(page):
            module, _, name = whole.rpartition(".")
            found[whole] = getattr(importlib.import_module(module), name)
    return found
