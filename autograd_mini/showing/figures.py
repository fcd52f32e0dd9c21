"""A figure that a notebook shows as the value of a cell; it needs matplotlib, and is loaded for the first plot."""

from __future__ import annotations

import io
import struct
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from autograd_mini import showing

NO_WINDOW = (
    "This figure opens no window. Write `figure.savefig('figure.png')` for a file; in a notebook it shows itself as "
    "the value of a cell."
)
SHARP = 2  # dots of the picture for a pixel of the page, as screens of today have them


class ShownFigure(Figure):
    """A figure that belongs to no window, and shows itself in notebooks with and without `%matplotlib inline`.

    IPython asks a figure itself only where `inline` has not said how figures are shown, so there is one picture.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        FigureCanvasAgg(self)

    def show(self, warn: bool = True) -> None:  # noqa: ARG002 (matplotlib's)
        """Show it in a notebook, also before the end of a cell.

        Raises
        ------
        RuntimeError
            If this is no notebook.
        """
        if not showing.is_notebook():
            raise RuntimeError(NO_WINDOW)
        from IPython.display import display

        display(self)

    def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
        """The picture, and how many pixels of the page it takes."""
        file = io.BytesIO()
        self.savefig(file, format="png", dpi=SHARP * self.dpi, bbox_inches="tight")
        picture = file.getvalue()
        width, height = struct.unpack(">II", picture[16:24])  # a PNG file begins with them
        return picture, {"width": width // SHARP, "height": height // SHARP}
