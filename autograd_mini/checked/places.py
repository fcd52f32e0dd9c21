"""Where the user wrote an operation: the innermost line outside of our packages and NumPy, read off the stack."""

from __future__ import annotations

import itertools
import linecache
import os
import weakref
from pathlib import Path
from types import CodeType, FrameType
from typing import NamedTuple

import numpy as np

from autograd_mini.backward import pull_through
from autograd_mini.graph import Node
from autograd_mini.transforms.checkpointing import Segment

HERE = Path(__file__).parents[1]
PACKAGES = tuple(f"{path}{os.sep}" for path in (HERE, HERE.parent / "nn", Path(np.__file__).parent))


class Place(NamedTuple):
    """An instruction of the user's code; line and source are looked up only when an error needs them."""

    code: CodeType
    instruction: int

    def span(self) -> tuple[int | None, int | None, int | None, int | None]:
        """First and last line, first and last column (in bytes) of the expression."""
        return next(itertools.islice(self.code.co_positions(), self.instruction // 2, None), (None,) * 4)

    def __str__(self) -> str:
        line = self.span()[0] or self.code.co_firstlineno
        source = linecache.getline(self.code.co_filename, line).strip()
        return f"{self.code.co_filename}:{line}" + (f": `{source}`" if source else "")


class Places(dict[weakref.ref[Node], tuple[CodeType, int]]):
    """Where each live node was written, as the fields of a `Place`."""

    def of(self, node: Node) -> Place | None:
        """The place of a node, None if it was recorded outside of the block."""
        place = self.get(weakref.ref(node))
        return Place(*place) if place else None


_inside: dict[str, bool] = {}  # whether a file is one of ours


def user_place(frame: FrameType | None) -> tuple[CodeType, int] | None:
    """The innermost frame outside of our packages and NumPy, as the fields of a `Place`; a plain tuple is cheaper."""
    while frame is not None:
        code = frame.f_code
        inside = _inside.get(code.co_filename)
        if inside is None:
            inside = _inside[code.co_filename] = code.co_filename.startswith(PACKAGES)
        if not inside:
            return code, frame.f_lasti
        frame = frame.f_back
    return None


def inside_a_rule(frame: FrameType | None) -> bool:
    """Whether a rule computes this, which may make infinities that it then leaves out; a checkpoint's function not."""
    while frame is not None:
        if frame.f_code is Segment.trace.__code__:
            return False
        if frame.f_code is pull_through.__code__:
            return True
        frame = frame.f_back
    return False
