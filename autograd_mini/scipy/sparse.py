"""Sparse matrices of `scipy.sparse` beside tensors: what the engine takes one for, an operand of products.

A sparse matrix is a constant. `S @ t` and `t @ S` have the rules of `np.matmul`; all else of one and a tensor raises.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse

from autograd_mini.batching import Batch

__all__ = ["Sparse"]

ONLY_PRODUCTS = (
    "{name} was called on a sparse matrix and a tensor. Only products of the two have a derivative: write `S @ t` or "
    "`t @ S`{star}, `S.toarray()` for a dense array, or `t.data` for values without history."
)
STAR = " (which is what `*` means for `scipy.sparse.{kind}`)"
AXES = "A sparse array of {ndim} axes was multiplied with a tensor. Write a sparse matrix, of two axes."


class Sparse:
    """A sparse matrix as an array of two axes of which there are products and nothing else.

    The matrix is a constant. `S @ t` and `t @ S` of a matrix of `scipy.sparse` and a tensor become products with it.

    Parameters
    ----------
    matrix : sparse matrix or sparse array
        Of `scipy.sparse`, with two axes.

    Raises
    ------
    TypeError
        If it has not two axes.

    Examples
    --------
    >>> import numpy as np
    >>> import scipy.sparse
    >>> from autograd_mini import grad
    >>> S = scipy.sparse.csr_array([[0.0, 2.0], [3.0, 0.0]])
    >>> grad(lambda x: np.sum(S @ x))(np.array([1.0, 1.0]))
    array([3., 2.])
    """

    __slots__ = ("matrix",)

    def __init__(self, matrix: Any) -> None:
        if matrix.ndim != 2:
            raise TypeError(AXES.format(ndim=matrix.ndim))
        self.matrix = matrix

    ndim = 2
    shape = property(lambda self: self.matrix.shape)
    dtype = property(lambda self: np.dtype(self.matrix.dtype))
    size = property(lambda self: self.matrix.shape[0] * self.matrix.shape[1])
    may_change = True  # its owner may

    @property
    def T(self) -> Sparse:
        return Sparse(self.matrix.T)

    def copy(self) -> Sparse:
        """A matrix of its own."""
        return Sparse(self.matrix.copy())

    def refused(self, name: str) -> TypeError:
        """The error of an operation that is no product."""
        matrix = scipy.sparse.isspmatrix(self.matrix)
        return TypeError(
            ONLY_PRODUCTS.format(name=name, star=STAR.format(kind=type(self.matrix).__name__) if matrix else "")
        )

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **_: Any) -> Any:
        if ufunc is not np.matmul or method != "__call__":
            raise self.refused(f"np.{ufunc.__name__}")
        a, b = inputs
        if isinstance(b, Sparse):
            return np.matmul(b.T, turned(a)) if np.ndim(a) < 2 else turned(np.matmul(b.T, turned(a)))
        if np.ndim(b) == 0:
            raise ValueError("A sparse matrix was multiplied with a number. Write `S @ t` for an array t with axes.")
        if isinstance(b, Batch):  # its matrices are a stack already; its vectors are rows
            return Batch(np.matmul(self, b.values) if b.ndim > 1 else np.matmul(b.values, self.T), b.level)
        if b.ndim < 3:
            return self.matrix @ b
        columns = np.moveaxis(b, -2, 0)  # one product over the columns of all matrices of the stack
        product = self.matrix @ columns.reshape(b.shape[-2], -1)
        return np.moveaxis(product.reshape(-1, *columns.shape[1:]), 0, -2)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if function is np.transpose and args == (self,) and not kwargs:  # in the rules of a product
            return self.T
        raise self.refused(f"np.{function.__name__}")

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        raise self.refused("A function of arrays")

    def __repr__(self) -> str:
        return f"<sparse matrix of shape {self.shape}, {self.dtype}>"


def turned(a: Any) -> Any:
    """The matrices of a stack transposed; a vector as it is."""
    return np.swapaxes(a, -1, -2) if np.ndim(a) > 1 else a
