"""`Bars`: a table of text with a bar in each row, as HTML for pages and notebooks, and as plain text."""

from __future__ import annotations

import html
import math
import re
from collections.abc import Sequence
from typing import NamedTuple

from autograd_mini.signals.tables import typeset

NOT_A_COLUMN = "Bars(columns, rows, of={of!r}) has no such column. The columns are {known}."


class Bars(NamedTuple):
    """A table whose rows have bars; `print` it, or give it to `Signals.save(..., sections={"title": it})`.

    Parameters
    ----------
    columns : sequence of str
        The titles.
    rows : sequence of sequence of str
        The cells; the first of each row is its name. One in backquotes is code.
    of : str
        The column that has the bars.
    lengths : sequence of float
        How long the bar of each row is, from 0 to 1; nan for none.
    good : sequence of bool
        Which rows are marked as good, by colour and by a tick; empty for no marks.

    Examples
    --------
    >>> from autograd_mini import Bars
    >>> print(Bars(["net", "accuracy"], [["ReLU", "0.93"], ["sigmoid", "0.10"]], "accuracy", [0.93, 0.1]))
    net      accuracy
    ReLU     0.93
    sigmoid  0.10
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    of: str
    lengths: Sequence[float]
    good: Sequence[bool] = ()

    def __str__(self) -> str:
        lines = [self.columns, *self.rows]
        widths = [max(len(line[i]) for line in lines) for i in range(len(self.columns))]
        return "\n".join(
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
        )

    def _repr_html_(self) -> str:
        if self.of not in self.columns:
            raise ValueError(NOT_A_COLUMN.format(of=self.of, known=", ".join(self.columns)))
        head = "".join(f'<th scope="col">{html.escape(column)}</th>' for column in self.columns)
        body = "".join(self.row(i) for i in range(len(self.rows)))
        return f'<table class="bars"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'

    def row(self, i: int) -> str:
        """One row as HTML; each cell knows its title, for phones."""
        good = bool(self.good) and self.good[i]
        cells: list[str] = []
        for column, cell in zip(self.columns, self.rows[i], strict=True):
            is_code = cell.startswith("`")
            text = f"<code>{breakable(cell.strip('`'))}</code>" if is_code else html.escape(typeset(cell))
            if column == self.of:
                text = f"{bar(self.lengths[i], good)}{text}{' ✓' if good else ''}"
            first = not cells
            tag, scope = ("th", ' scope="row"') if first else ("td", "")
            name = "" if first else f' data-name="{html.escape(column)}"'
            cells.append(f"<{tag}{scope}{name}>{text}</{tag}>")
        return f"<tr>{''.join(cells)}</tr>"


def breakable(code: str) -> str:
    """Code as HTML that may go on in another line after a bracket or a comma."""
    return re.sub(r"(\(|, )", r"\1<wbr>", html.escape(code))


def bar(length: float, good: bool) -> str:
    """A bar that a page may colour."""
    if math.isnan(length):
        return ""
    share = 100 * min(max(length, 0.0), 1.0)
    colour = "var(--good, #009e73)" if good else "var(--bar, #8c959f)"
    return (
        '<span style="display:inline-block;width:6em;max-width:100%;margin-right:.5em" aria-hidden="true">'
        f'<span style="display:block;height:.8em;min-width:2px;width:{share:.1f}%;background:{colour}"></span></span>'
    )
