"""The section of the report: what was tried as bars of held-out loss. How the page looks is the page's."""

from __future__ import annotations

import html
import math
from typing import TYPE_CHECKING

from autograd_mini import Bars

if TYPE_CHECKING:
    from nn.signals.cures.tried import Tried

LOSS = "held-out loss"
NUMBERS = "Rows are numbered as tried.rows and tried.model(row) have them; numbers left out are changes at other rates."
WIDE = 10.0  # times the smallest loss: above it the bars are logarithmic


def section(tried: Tried) -> str:
    """A fragment of HTML."""
    rows = [tried.rows[i] for i in tried.shown]
    lengths, scale = bars_of([row.held_out_loss for row in rows])
    bars = Bars(
        ("change", "row", "rate", LOSS, "after steps", "at 3 times the rate", "code"),
        [
            (
                row.title,
                *(str(i), f"{row.rate:.3g}", as_loss(row.held_out_loss), str(row.steps), as_loss(row.tripled_loss)),
                f"`{row.code}`" if row.code else row.said,
            )
            for i, row in zip(tried.shown, rows, strict=True)
        ],
        LOSS,
        lengths,
        [row in tried.helping for row in rows],
    )
    items = "".join(f"<li>{html.escape(', '.join(names) + ': ' + why)}</li>" for why, names in tried.refused.items())
    more = f"<details><summary>What could not be tried</summary><ul>{items}</ul></details>" if items else ""
    above = "".join(f"<p>{html.escape(said)}</p>" for said in (tried.summary, NUMBERS, tried.batches) if said)
    return f"{above}{scale}{bars._repr_html_()}{more}"


def bars_of(losses: list[float]) -> tuple[list[float], str]:
    """How long the bars are, and what is to be said of their scale; there is none for what diverged."""
    known = [loss for loss in losses if 0 < loss < math.inf]
    low, high = min(known, default=1.0), max(known, default=1.0)
    if high <= WIDE * low:
        return [loss / high if 0 <= loss < math.inf else math.nan for loss in losses], ""
    edge = math.floor(math.log10(low))  # the bars begin at a power of ten
    span = math.log10(high) - edge
    lengths = [(math.log10(loss) - edge) / span if 0 < loss < math.inf else math.nan for loss in losses]
    return lengths, f"<p>The bars are logarithmic, from 10<sup>{edge}</sup>.</p>"


def as_loss(loss: float) -> str:
    """A loss in three digits; what is infinite diverged, and what is not a number was not measured."""
    return "" if math.isnan(loss) else "diverged" if loss == math.inf else f"{loss:.3g}"
