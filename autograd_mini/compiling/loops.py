"""Loops as text, and that text compiled by Numba: kept on disk, so that the next process need not compile it."""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from builtins import compile as compile_text
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from autograd_mini.compiling.slots import CompileError

NEEDS_NUMBA = (
    "compile(..., numba=True) needs Numba, which is not installed: `pip install autograd-mini[numba]`, or leave "
    "`numba=True` out."
)
DECORATOR = '@njit(error_model="numpy", cache=True)'
_compiled: dict[str, Any] = {}


def check_numba() -> None:
    """Say what to install, if Numba is missing."""
    try:
        import numba  # noqa: F401
    except ImportError:
        raise CompileError(NEEDS_NUMBA) from None


def compiled(name: str, text: str) -> Callable[..., None]:
    """The function of a loop's text; equal texts are compiled once."""
    if text not in _compiled:
        from numba import njit

        path = kept_in(text)
        module = ModuleType(f"_autograd_mini_loop_{digest(text)}")  # what is read from disk asks for it by name
        sys.modules[module.__name__] = module
        vars(module).update(np=np, njit=njit)
        run = text if path is not None else text.replace(", cache=True", "")
        exec(compile_text(run, str(path or f"<{name}>"), "exec"), vars(module))  # noqa: S102 (our own text)
        _compiled[text] = getattr(module, name)
    return _compiled[text]


def digest(text: str) -> str:
    """A short name for a text."""
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def kept_in(text: str) -> Path | None:
    """The file that holds a loop's text, beside which Numba keeps what it made of it; None if none can be written."""
    folder = cache_folder()
    path = folder / f"{digest(text)}.py"
    try:
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            folder.mkdir(parents=True, exist_ok=True)
            handle, part = tempfile.mkstemp(dir=folder)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
            Path(part).replace(path)
    except OSError:
        return None
    return path


def cache_folder() -> Path:
    """Where loops are kept: in Numba's folder if one is named, else in the user's for such things."""
    named = os.environ.get("NUMBA_CACHE_DIR")
    if named:
        return Path(named) / "autograd_mini"
    if sys.platform == "win32":
        home = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    else:
        home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "autograd_mini" / "loops"
