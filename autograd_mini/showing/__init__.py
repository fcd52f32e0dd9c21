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
    """Whether a kernel of Jupyter runs this, so that a notebook or the like shows what is displayed.

    Examples
    --------
    >>> from autograd_mini import showing
    >>> showing.is_notebook()
    False
    """
    ipython = sys.modules.get("IPython")
    return ipython is not None and hasattr(ipython.get_ipython(), "kernel")


def figure(width: float = 7.0, height: float = 4.4) -> Figure:
    """An empty figure of matplotlib that belongs to nobody else and shows itself in notebooks.

    Parameters
    ----------
    width, height : float
        In inches.

    Raises
    ------
    ImportError
        If matplotlib is missing.

    Examples
    --------
    >>> from autograd_mini import showing
    >>> figure = showing.figure(width=7, height=4)
    >>> lines = figure.subplots().plot([0, 1], [0, 1])
    >>> figure.savefig("line.png")
    """
    try:
        from autograd_mini.showing.figures import ShownFigure
    except ImportError as error:
        raise ImportError(NO_MATPLOTLIB) from error
    return ShownFigure(figsize=(width, height), layout="constrained")


def data_frame(call: str, columns: Any, **options: Any) -> Any:
    """A data frame of pandas.

    Parameters
    ----------
    call : str
        What was written, for the error where pandas is missing.
    columns : dict, structured array or sequence of rows
        What pandas makes a frame of.
    **options
        Passed on to `pandas.DataFrame`.

    Raises
    ------
    ImportError
        If pandas is missing.

    Examples
    --------
    >>> from autograd_mini import showing
    >>> showing.data_frame("history.to_dataframe()", {"loss": [0.5, 0.25]}).shape
    (2, 1)
    """
    try:
        import pandas as pd
    except ImportError as error:
        raise ImportError(NO_PANDAS.format(call=call)) from error
    return pd.DataFrame(columns, **options)
