"""`Told`: what came of a batch after its step, wherever it was computed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from nn.losses.means import Counted


class Told(NamedTuple):
    """What came of a batch, after its step."""

    loss: Any
    counted: Counted
    """How much it counts."""
    arrays: int
    """The arrays of the batch, but for the weights of its examples."""
    output: Any
    target: Any
    """They are not kept where no metric asks for them."""
    metrics: Callable[[], Iterable[tuple[str, Counted]]]
    """Those that are means."""
