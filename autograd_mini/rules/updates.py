"""Functional updates, `at(a)[index].set(v)`: a new array with other values at an index, through which gradients flow.

The operations themselves are in `rules.indexing`; here is how they are written, and what values they are given.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from autograd_mini.rules import indexing
from autograd_mini.rules.indexing import plain_index

if TYPE_CHECKING:
    from autograd_mini.tensor import Tensor

operations: Any = indexing  # the tables of rules carry no types

UPDATE_DTYPE = (
    "at[...].{name}(v) was given values of dtype {got} for an array of dtype {want}, which would lose what they hold. "
    "Write `.astype(...)` on one of the two."
)
UPDATE_SHAPE = "at[...].{name}(v) was given values of shape {got} for an index that reads shape {want}: {reason}"


class At:
    """What `t.at` and `at(array)` give: index it to say where, then say how.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_mini.rules.updates import at
    >>> at(np.zeros(3))[1].set(5.0)
    array([0., 5., 0.])
    """

    __slots__ = ("array",)

    def __init__(self, array: Any) -> None:
        self.array = array

    def __getitem__(self, index: Any) -> Place:
        return Place(self.array, plain_index(index))


at = At


class Place:
    """The entries of an array at an index, to be replaced. Every method returns a new array or tensor.

    The values broadcast to the shape of `array[index]`; the result has the shape and the dtype of the array.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_mini import Tensor
    >>> from autograd_mini.rules.updates import at
    >>> t = Tensor([1.0, 2.0, 3.0], requires_grad=True)
    >>> out = at(t)[[0, 0]].add(np.array([10.0, 20.0]))
    >>> out.data
    array([31.,  2.,  3.])
    """

    __slots__ = ("array", "index")

    def __init__(self, array: Any, index: Any) -> None:
        self.array = array
        self.index = index

    def _values(self, v: Any, name: str) -> Any:
        """`v` in the shape of the entries and the dtype of the array."""
        array = self.array
        shape = operations.getitem(np.broadcast_to(np.empty((), bool), array.shape), index=self.index).shape
        if not hasattr(v, "dtype"):
            number = type(v) in (bool, int, float, complex)
            v = np.asarray(v, np.result_type(array.dtype, v)) if number else np.asarray(v)
        if not np.can_cast(v.dtype, array.dtype, "same_kind"):
            raise TypeError(UPDATE_DTYPE.format(name=name, got=v.dtype, want=array.dtype))
        extra = v.ndim - len(shape)
        if extra > 0 and v.shape[:extra] == (1,) * extra:  # as in NumPy's own assignment
            v = np.reshape(v, v.shape[extra:])
        if v.shape != shape:
            try:
                v = np.broadcast_to(v, shape)
            except ValueError as error:
                raise ValueError(UPDATE_SHAPE.format(name=name, got=v.shape, want=shape, reason=error)) from None
        return v if v.dtype == array.dtype else v.astype(array.dtype)

    def set(self, v: Any) -> Tensor:
        r"""The array with `v` at the index: `out[index] = v`, on a copy.

        Where an index names an entry more than once, the last value stays, and it alone gets a gradient; what was
        there before gets none.

        Examples
        --------
        >>> import numpy as np
        >>> from autograd_mini.rules.updates import at
        >>> at(np.zeros(3))[[0, 2, 0]].set([1.0, 2.0, 3.0])
        array([3., 0., 2.])
        """
        return operations.set_at(self.array, self._values(v, "set"), index=self.index)

    def add(self, v: Any) -> Tensor:
        """The array with `v` added at the index; repeated indices add up, as in `np.add.at`."""
        return self.array + operations.add_at(self._values(v, "add"), index=self.index, shape=self.array.shape)

    def multiply(self, v: Any) -> Tensor:
        """The array multiplied by `v` at the index; repeated indices multiply again, as in `np.multiply.at`.

        Exact derivatives also where factors are 0: each entry's factors are multiplied one after the other.
        """
        v, array, index = self._values(v, "multiply"), self.array, self.index
        if operations.names_each_once(index):
            return operations.set_at(array, array[index] * v, index=index)
        places = np.arange(array.size).reshape(array.shape)[index].ravel()
        flat, factors = np.reshape(array, (-1,)), np.reshape(v, (-1,))
        for turn in turns(places):
            flat = operations.set_at(flat, flat[places[turn]] * factors[turn], index=places[turn])
        whole: Any = np.reshape(flat, array.shape)
        return whole

    def max(self, v: Any) -> Tensor:
        """The array with the larger of its entries and `v` at the index; k equal largest take 1/k of the gradient."""
        return operations.maximum_at(self.array, self._values(v, "max"), index=self.index)

    def min(self, v: Any) -> Tensor:
        """The array with the smaller of its entries and `v` at the index; k equal smallest take 1/k of the gradient."""
        return operations.minimum_at(self.array, self._values(v, "min"), index=self.index)


def turns(places: np.ndarray) -> list[np.ndarray]:
    """The positions in `places` in groups: all first occurrences of an entry, all second ones, and so on."""
    order = np.argsort(places, kind="stable")
    ranked = places[order]
    first = np.flatnonzero(np.diff(ranked, prepend=-1))
    occurrence = np.arange(ranked.size) - np.repeat(first, np.diff(first, append=ranked.size))
    return [order[occurrence == k] for k in range(int(occurrence.max(initial=-1)) + 1)]
