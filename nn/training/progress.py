"""A bar that shows how far a training is; tqdm draws it, in a terminal or a notebook. Nothing is computed here."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

NO_TQDM = 'fit(progress=True) draws its bar with tqdm. Write `pip install "autograd-mini[progress]"`.'

INTERVAL = 0.1  # seconds between two drawings


class Bar:
    """One bar over all batches of all epochs, with the time left; nothing at all if it is not wanted.

    Parameters
    ----------
    wanted : bool or None
        None: if tqdm is installed and there is a terminal or a notebook to draw in.
    total, done : int or None
        Batches in all, and before this run.
    """

    def __init__(self, wanted: bool | None, total: int | None, done: int) -> None:
        self.bar: Any = None
        self.drawn = 0.0
        self.waiting = 0
        self.facts: dict[str, float] = {}
        if wanted is False:
            return
        try:
            from tqdm.auto import tqdm
        except ImportError as error:
            if wanted:
                raise ImportError(NO_TQDM) from error
            return

        class Quiet(tqdm):  # type: ignore[misc]
            monitor_interval = 0  # no thread that outlives the bar

        disable = None if wanted is None else False
        self.bar = Quiet(total=total, initial=done, disable=disable, unit="batch", miniters=1, mininterval=0)
        if self.bar.disable:
            self.bar = None

    def update(self, batches: int, title: str, facts: Callable[[], dict[str, float]]) -> None:
        """Go on by some batches; a text is only made when it is time to draw."""
        if self.bar is None:
            return
        self.waiting += batches
        now = time.monotonic()
        if batches == 0 or now - self.drawn >= INTERVAL:
            self.facts |= facts()
            self.bar.set_description(title, refresh=False)
            self.bar.set_postfix({name: f"{value:.4g}" for name, value in self.facts.items()}, refresh=False)
        if now - self.drawn >= INTERVAL:
            self.drawn = now
            self.bar.update(self.waiting)
            self.waiting = 0

    def close(self) -> None:
        """Draw the last state and leave it there."""
        if self.bar is not None:
            self.bar.update(self.waiting)
            self.bar.close()
