"""How results show themselves in notebooks: tables of HTML, data frames, and figures that need no `%matplotlib inline`.

Nothing is measured here, and nothing is known of tensors or networks.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from autograd_mini.showing.arrays import array_table
from autograd_mini.showing.tables import in_html, shortened, table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["array_table", "data_frame", "figure", "in_html", "is_notebook", "shortened", "table"]

NO_MATPLOTLIB = 'Plots need matplotlib. Write `pip install "autograd-mini[plot]"`.'
NO_PANDAS = "{call} makes a data frame of pandas, which is not installed. Write `pip install pandas`."


def is_notebook() -> bool:
    """Whether a kernel of Jupyter runs this, so that a notebook or the like shows what is displayed."""
    ipython = sys.modules.get("IPython")
    return ipython is not None and hasattr(ipython.get_ipython(), "kernel")


def figure(width: float = 7.0, height: float = 4.4) -> Figure:
    """An empty figure of matplotlib, in inches, that belongs to nobody else and shows itself in notebooks.

    Raises
    ------
    ImportError
        If matplotlib is missing.
    """
    try:
        from autograd_mini.showing.figures import ShownFigure
    except ImportError as error:
        raise ImportError(NO_MATPLOTLIB) from error
    return ShownFigure(figsize=(width, height), layout="constrained")


def data_frame(call: str, columns: Any, **options: Any) -> Any:
    """A data frame of pandas; `call` is what was written, for the error where pandas is missing.

    Raises
    ------
    ImportError
        If pandas is missing.
    """
    try:
        import pandas as pd
    except ImportError as error:
        raise ImportError(NO_PANDAS.format(call=call)) from error
    return pd.DataFrame(columns, **options)
