"""Docstrings that say each thing once: a base class describes what its subclasses share. No class's text lives here."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import TypeVar

Class = TypeVar("Class", bound=type)

ORDER = "Parameters", "Attributes", "Raises", "Notes", "References", "Examples"
HEADING = re.compile(r"^(\w+)\n-{3,}\n", re.MULTILINE)
ENTRY = re.compile(r"^(?=\S)", re.MULTILINE)


def described_by(source: type) -> Callable[[Class], Class]:
    """Complete the docstring of a class, a numpydoc one, by those of another and of its bases.

    A parameter of its signature that it does not describe is described as there, and so is what it raises. So `help`
    tells all of a class, and its source what is its own.

    Examples
    --------
    >>> from nn.docstrings import described_by
    >>> class Shape:
    ...     '''What shapes share.
    ...
    ...     Parameters
    ...     ----------
    ...     side : int
    ...         How long it is.
    ...     '''
    >>> @described_by(Shape)
    ... class Box(Shape):
    ...     '''A box.
    ...
    ...     Parameters
    ...     ----------
    ...     height : int
    ...         How high it is.
    ...     '''
    ...     def __init__(self, side, height): ...
    >>> print(Box.__doc__)
    A box.
    <BLANKLINE>
    Parameters
    ----------
    side : int
        How long it is.
    height : int
        How high it is.
    <BLANKLINE>
    """

    def complete(cls: Class) -> Class:
        if cls.__doc__ is None:  # as under python -OO
            return cls
        own, *others = [sections(told.__doc__ or "") for told in (cls, *source.__mro__[:-1])]
        described: dict[str, str] = {}
        for docstring in (own, *others):
            for entry in ENTRY.split(docstring.get("Parameters", ""))[1:]:
                described = dict.fromkeys(names(entry), entry) | described
        asked = [described[name] for name in inspect.signature(cls).parameters if name in described]
        own["Parameters"] = "".join(dict.fromkeys(asked))
        own.setdefault("Raises", next((docstring["Raises"] for docstring in others if "Raises" in docstring), ""))
        parts = [f"{heading}\n{'-' * len(heading)}\n{own[heading]}" for heading in ORDER if own.get(heading)]
        cls.__doc__ = "\n".join([own[""], *parts])
        return cls

    return complete


def sections(docstring: str) -> dict[str, str]:
    """The parts of a docstring by their headings; what stands before the first has the empty one."""
    found = ["", *HEADING.split(inspect.cleandoc(docstring))]
    return {heading: part.strip("\n") + "\n" for heading, part in zip(found[::2], found[1::2], strict=True)}


def names(entry: str) -> list[str]:
    """The parameters that an entry such as `a, b : int` or `**options` is about."""
    return [name.lstrip("*") for name in entry.split("\n", 1)[0].partition(" :")[0].split(", ")]
