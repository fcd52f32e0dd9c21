"""`Embedding`: a learned vector for each of a number of things, such as letters or words."""

from __future__ import annotations

from typing import Any

from autograd_mini import Tensor, devices
from autograd_mini import numpy as np
from nn.checks import all_values, as_values, check_sizes
from nn.layers.init import Initialiser, as_initialiser
from nn.module import Module
from nn.parameter import Parameter

KIND = (
    "{title} was given indices of dtype {dtype}. They number rows of its table, from 0: give whole numbers, "
    "e.g. `x.astype(int)`."
)
RANGE = "{title} was given indices from {low} to {high}. They count from 0 to {last}."
PADDING = (
    "Embedding({count}, {units}, padding={padding!r}): the index that stands for nothing is from 0 to {last}, or None."
)


class Embedding(Module):
    r"""Row :math:`i` of a table of weights for each index :math:`i`; the gradients of a repeated index add up.

    Parameters
    ----------
    count : int
        How many things there are; indices count from 0 to count - 1.
    units : int
        The length of each vector.
    padding : int, optional
        An index that stands for nothing: its vector is 0 and is not learned.
    init : str or initialiser
        Of the table, which has the shape (count, units); by default normal with a standard deviation of 1.
    rng : int or numpy.random.Generator, optional
        Where the table comes from.
    dtype : dtype
        Of the table, and so of the results.

    Attributes
    ----------
    weights : Parameter
        The table, shape (count, units).

    Raises
    ------
    TypeError
        If the indices are no whole numbers.
    ValueError
        If one is out of range; a negative one does not count from the end.

    Examples
    --------
    >>> import numpy as np
    >>> import nn
    >>> nn.Embedding(26, 8, rng=0)(np.array([[0, 1, 2], [2, 1, 0]])).shape
    (2, 3, 8)
    """

    indexed = True

    def __init__(  # noqa: PLR0917
        self,
        count: int,
        units: int,
        padding: int | None = None,
        init: str | Initialiser | None = None,
        rng: int | np.random.Generator | None = None,
        dtype: Any = np.float32,
    ) -> None:
        super().__init__()
        check_sizes("Embedding", count=count, units=units)
        if padding is not None and not (isinstance(padding, int | np.integer) and 0 <= padding < count):
            raise ValueError(PADDING.format(count=count, units=units, padding=padding, last=count - 1))
        rng = np.random.default_rng(rng)
        table = rng.standard_normal((count, units)) if init is None else as_initialiser(init)((count, units), rng)
        self.weights = Parameter(table.astype(dtype))
        self.padding = padding

    def forward(self, indices: Any) -> Tensor:
        indices = as_values(indices)
        count, units = self.weights.shape
        if indices.dtype.kind not in "iu":
            raise TypeError(KIND.format(title=self._title(), dtype=indices.dtype))
        known = all_values(indices)
        low, high = np.min(known, initial=0), np.max(known, initial=0)
        facts = {"title": lambda: self._title(count, units), "low": low, "high": high, "last": count - 1}
        indices = devices.checked(indices, (low >= 0) & (high < count), RANGE, **facts)
        table = self.weights.to_device("dask") if devices.is_lazy(indices) else self.weights
        vectors = np.take(table, indices, axis=0)  # its rule adds up repeated rows faster than that of brackets
        return vectors if self.padding is None else np.where((indices == self.padding)[..., None], 0, vectors)

    def describe(self) -> str:
        return "" if self.padding is None else f"padding={self.padding}"
