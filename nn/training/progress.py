"""A bar that shows how far a training is, in a terminal by tqdm's drawing, in a notebook as HTML; nothing is computed.

tqdm keeps the time. Its own bar for notebooks would need ipywidgets, and is gone from a file that was saved.
"""

from __future__ import annotations

import html
import time
from collections.abc import Callable
from typing import Any

from autograd_mini import showing

NO_TQDM = 'fit(progress=True) draws its bar with tqdm. Write `pip install "autograd-mini[progress]"`.'

INTERVAL = 0.1  # seconds between two drawings
BESIDE = "{desc}{n_fmt}/{total_fmt} [{elapsed}<{remaining}, {rate_fmt}{postfix}]"
UNBOUNDED = "{desc}{n_fmt} [{elapsed}, {rate_fmt}{postfix}]"
NOTEBOOK_BAR = (
    '<div style="display:flex;align-items:center;gap:.8em;font-variant-numeric:tabular-nums">'
    '<progress{share} style="width:12em;flex:none"></progress><span>{text}</span></div>'
)


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
            from tqdm import tqdm
        except ImportError as error:
            if wanted:
                raise ImportError(NO_TQDM) from error
            return

        class Quiet(tqdm):  # type: ignore[misc]
            monitor_interval = 0  # no thread that outlives the bar

        class InNotebook(Quiet):
            shown: Any = None

            def display(self, *_: Any, **__: Any) -> None:
                """Draw it, in the place where it was drawn before."""
                picture = {"text/html": as_html(self), "text/plain": str(self)}
                if self.shown is None:
                    from IPython.display import display

                    self.shown = display(picture, raw=True, display_id=True)
                else:
                    self.shown.update(picture, raw=True)

            def close(self) -> None:
                self.display()
                super().close()

        notebook = showing.is_notebook()
        kind, disable = (InNotebook, False) if notebook else (Quiet, None if wanted is None else False)
        self.bar = kind(
            total=total, initial=done, disable=disable, unit="batch", miniters=1, mininterval=0, gui=notebook
        )
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


def as_html(bar: Any) -> str:
    """A bar of tqdm as HTML: how far it is, and what tqdm writes beside it."""
    facts = bar.format_dict
    share = f' value="{bar.n}" max="{bar.total}"' if bar.total else ""
    text = bar.format_meter(**facts | {"bar_format": BESIDE if bar.total else UNBOUNDED})
    return NOTEBOOK_BAR.format(share=share, text=html.escape(text))
