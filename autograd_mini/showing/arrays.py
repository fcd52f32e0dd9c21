"""An array as a table of HTML: its numbers on the colour of their sign; of a large one those at the edges."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from autograd_mini.showing.tables import NUMBERS, paragraph, shortened

MOST = 10  # rows and columns that are shown
COLOURS = "0,114,178", "213,94,0"  # Okabe and Ito's blue for what is below zero, and vermilion
STRONGEST = 0.45  # of a colour, on which letters can be read in the light and in the dark
DIGITS = 4
GAPS = {(True, True): "⋱", (True, False): "⋮", (False, True): "⋯"}
FIRST = "[{place}], the first of {count:,}:"

Array = np.ndarray[Any, Any]


def array_table(values: Array, said: Sequence[str]) -> str:
    """What is said of an array, and below it a matrix of its numbers: of more dimensions the first, a vector as a row.

    Parameters
    ----------
    values : ndarray
        The array.
    said : sequence of str
        What stands above, the first of which stands out.

    Returns
    -------
    str
        HTML.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_mini import showing
    >>> showing.array_table(np.eye(2), ["weights", "shape (2, 2)"])[:69]
    '<div><p style="margin:.3em 0"><strong>weights</strong> · shape (2, 2)'
    """
    title = " · ".join([f"<strong>{html.escape(said[0])}</strong>", *map(html.escape, said[1:])])
    if values.ndim == 0:
        return f"<div>{paragraph(title)}{paragraph(html.escape(str(values)))}</div>"
    if not values.size:
        return f"<div>{paragraph(title)}</div>"
    outer = math.prod(values.shape[:-2])
    place = ", ".join(["0"] * (values.ndim - 2) + [":", ":"])
    first = paragraph(FIRST.format(place=place, count=outer)) if values.ndim > 2 else ""
    matrix = np.atleast_2d(values[(0,) * (values.ndim - 2)] if values.ndim > 2 else values)
    return f"<div>{paragraph(title)}{first}{entries(matrix)}</div>"


def entries(matrix: Array) -> str:
    """The numbers of a matrix, with signs where rows and columns are left out."""
    rows, columns = (shortened(count, MOST) for count in matrix.shape)
    shown = matrix[np.ix_([i for i in rows if i is not None], [j for j in columns if j is not None])]
    sizes = np.abs(shown[np.isfinite(shown)]) if shown.dtype.kind in "iuf" else np.zeros(0)
    top = float(np.max(sizes, initial=0.0))

    def entry(i: int | None, j: int | None) -> str:
        if i is None or j is None:
            return f"<td{NUMBERS}>{GAPS[i is None, j is None]}</td>"
        return number(matrix[i, j], top)

    lines = ("".join(entry(i, j) for j in columns) for i in rows)
    return f"<table><tbody>{''.join(f'<tr>{line}</tr>' for line in lines)}</tbody></table>"


def number(value: Any, top: float) -> str:
    """A cell with one number, coloured by its share of the largest."""
    share = STRONGEST * abs(float(value)) / top if top and np.isfinite(value) else 0.0
    look = f'{NUMBERS[:-1]};background:rgba({COLOURS[int(value > 0)]},{share:.2f})"' if share else NUMBERS
    return f"<td{look}>{html.escape(digits(value, top))}</td>"


def digits(value: Any, top: float) -> str:
    """A number with as many decimals as the largest has for four digits, or with a power of ten."""
    if not isinstance(value, float | np.floating) or not np.isfinite(value):
        return f"{value:.{DIGITS}g}" if isinstance(value, complex | np.complexfloating) else str(value)
    places = DIGITS - 1 - math.floor(math.log10(top)) if top else 1
    if 0 <= places <= 2 * DIGITS and (value == 0 or abs(float(value)) >= 10.0 ** -float(places)):
        return f"{value:.{places}f}"
    return f"{value:.{DIGITS - 1}e}" if value else "0"
