"""The section of the report: what was tried as bars of held-out loss. How the page looks is the page's."""

from __future__ import annotations

import html
import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nn.signals.cures.tried import Row, Tried

BARS = 12
LEFT = 'style="text-align:left"'
HEAD = (
    f'<tr><th scope="col" {LEFT}>change</th><th scope="col" {LEFT} colspan="2">held-out loss</th>'
    f'<th scope="col">after steps</th><th scope="col">at 3x rate</th><th scope="col" {LEFT}>code</th></tr>'
)
HELPS, OTHER = "#0072b2", "#8a939c"  # Okabe and Ito's blue; a grey that stands on light and on dark


def section(tried: Tried) -> str:
    """A fragment of HTML, without styles that could leak."""
    rows = [tried.rows[i] for i in tried.best.values()]
    shown = rows[:BARS]
    if tried.as_it_is not in shown and not tried.as_it_is.why_not:
        shown.append(tried.as_it_is)
    largest = max((row.held_out_loss for row in shown if row.held_out_loss < math.inf), default=0.0)
    lines = "".join(line(row, largest, row in tried.helping) for row in shown)
    items = "".join(f"<li>{html.escape(', '.join(names) + ': ' + why)}</li>" for why, names in tried.refused.items())
    more = f"<details><summary>What could not be tried</summary><ul>{items}</ul></details>" if items else ""
    return f"<p>{html.escape(tried.summary)}</p><table><thead>{HEAD}</thead><tbody>{lines}</tbody></table>{more}"


def line(row: Row, largest: float, helps: bool) -> str:
    """One bar, as long as the loss is large."""
    lost = row.held_out_loss == math.inf
    share = 0.0 if lost or largest <= 0 else max(0.0, row.held_out_loss / largest)
    colour = HELPS if helps else OTHER
    loss = "diverged" if lost else f"{row.held_out_loss:.3g}"
    tripled = "" if math.isnan(row.tripled_loss) else f"{row.tripled_loss:.3g}".replace("inf", "diverged")
    bar = (
        f'<div style="width:{100 * share:.1f}%;min-width:2px;height:.8em;border-radius:2px;background:{colour}"></div>'
    )
    return (
        f'<tr><th scope="row" style="text-align:left;font-weight:{600 if helps else 400}">{html.escape(row.title)}</th>'
        f'<td style="text-align:right">{loss}</td><td style="width:14em;text-align:left">{bar}</td>'
        f"<td>{row.steps}</td><td>{tripled}</td><td {LEFT}><code>{html.escape(row.code)}</code></td></tr>"
    )
