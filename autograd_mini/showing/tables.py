"""Tables of HTML that take their looks from the notebook they are shown in, light or dark; nothing that could leak."""

from __future__ import annotations

import html
import re
from collections.abc import Collection, Sequence

WORDS = ' style="text-align:left"'
UNBROKEN = "white-space:nowrap;"
NUMBERS = f' style="text-align:right;{UNBROKEN}font-variant-numeric:tabular-nums"'
CODE = re.compile(r"`([^`]+)`")
GAP = "⋮"  # where rows are left out


def table(
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    words: Collection[int] = (0,),
    strong: Collection[int] = (),
    above: Sequence[str] = (),
    below: Sequence[str] = (),
) -> str:
    """Cells as a table, with sentences around it.

    Parameters
    ----------
    columns : sequence of str
        The titles.
    rows : sequence of sequence of str
        The cells; a row without any stands for rows that are left out.
    words : collection of int
        The columns that hold words, which begin at the left; numbers end at the right.
    strong : collection of int
        The rows that stand out.
    above, below : sequence of str
        Sentences; the first of them above says what this is.

    Returns
    -------
    str
        HTML, in which all cells are escaped.

    Examples
    --------
    >>> from autograd_mini import showing
    >>> html = showing.table(["layer", "gain"], [["0", "0.5"], ["1", "0.25"]], above=["What layers do."])
    >>> html.count("<tr>"), "<strong>What layers do.</strong>" in html
    (3, True)
    """
    looks = [WORDS if i in words else NUMBERS for i in range(len(columns))]
    heads = (look.replace(UNBROKEN, "") for look in looks)
    head = "".join(f'<th scope="col"{look}>{html.escape(name)}</th>' for name, look in zip(columns, heads, strict=True))
    body = "".join(f"<tr>{row(cells or [GAP] * len(columns), looks, i in strong)}</tr>" for i, cells in enumerate(rows))
    shown = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>" if rows else ""
    title = [f"<strong>{in_html(text)}</strong>" for text in above[:1]]
    before = "".join(map(paragraph, [*title, *map(in_html, above[1:])]))
    return f"<div>{before}{shown}{''.join(paragraph(in_html(text)) for text in below)}</div>"


def row(cells: Sequence[str], looks: Sequence[str], strong: bool) -> str:
    """The cells of one row."""
    texts = (f"<strong>{html.escape(cell)}</strong>" if strong else html.escape(cell) for cell in cells)
    return "".join(f"<td{look}>{text}</td>" for text, look in zip(texts, looks, strict=True))


def in_html(sentence: str) -> str:
    """A sentence with what is in backquotes as code.

    Parameters
    ----------
    sentence : str
        Plain text.

    Returns
    -------
    str
        HTML.

    Examples
    --------
    >>> from autograd_mini import showing
    >>> showing.in_html("`np.exp` of x < 0")
    '<code>np.exp</code> of x &lt; 0'
    """
    return CODE.sub(r"<code>\1</code>", html.escape(sentence))


def paragraph(text: str) -> str:
    """HTML as a paragraph that is close to what follows."""
    return f'<p style="margin:.3em 0">{text}</p>'


def shortened(count: int, most: int, also: Collection[int] = ()) -> list[int | None]:
    """Which rows of a table are shown: the first, the last and those that are asked for; None where some are left out.

    Parameters
    ----------
    count : int
        How many rows there are.
    most : int
        How many may be shown.
    also : collection of int
        Rows to show besides.

    Examples
    --------
    >>> from autograd_mini import showing
    >>> showing.shortened(10, 4, also=[5])
    [0, 1, None, 5, None, 8, 9]
    """
    kept = [i for i in range(count) if count <= most or i < most // 2 or i >= count - most // 2 or i in also]
    found: list[int | None] = []
    for before, i in zip([-1, *kept], kept, strict=False):
        found += [i] if i == before + 1 else [None, i]
    return found
