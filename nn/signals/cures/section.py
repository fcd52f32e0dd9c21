"""The section of the report: what was tried as bars of held-out loss. How the page looks is the page's."""

from __future__ import annotations

import html
import math
from typing import TYPE_CHECKING

from autograd_mini import Bars

if TYPE_CHECKING:
    from nn.signals.cures.tried import Tried

SHOWN = 12
COLUMNS = ("change", "held-out loss", "after steps", "at 3 times the rate", "code")


def section(tried: Tried) -> str:
    """A fragment of HTML."""
    rows = [tried.rows[i] for i in tried.best.values()][:SHOWN]
    if tried.as_it_is not in rows and not tried.as_it_is.why_not:
        rows.append(tried.as_it_is)
    largest = max((row.held_out_loss for row in rows if row.held_out_loss < math.inf), default=0.0)
    bars = Bars(
        COLUMNS,
        [
            (row.title, as_loss(row.held_out_loss), str(row.steps), as_loss(row.tripled_loss), f"`{row.code}`")
            for row in rows
        ],
        "held-out loss",
        [share(row.held_out_loss, largest) for row in rows],
        [row in tried.helping for row in rows],
    )
    items = "".join(f"<li>{html.escape(', '.join(names) + ': ' + why)}</li>" for why, names in tried.refused.items())
    more = f"<details><summary>What could not be tried</summary><ul>{items}</ul></details>" if items else ""
    return f"<p>{html.escape(tried.summary)}</p>{bars._repr_html_()}{more}"


def share(loss: float, largest: float) -> float:
    """How long a bar is; there is none for what diverged."""
    return loss / largest if 0 <= loss < math.inf and largest > 0 else math.nan


def as_loss(loss: float) -> str:
    """A loss in three digits; what is infinite diverged, and what is not a number was not measured."""
    return "" if math.isnan(loss) else "diverged" if loss == math.inf else f"{loss:.3g}"
