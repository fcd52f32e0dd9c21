"""A model's values as long vectors, which are sent at once; and a task without them, which is sent once."""

from __future__ import annotations

import io
import math
import pickle
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np


class Layout:
    """Where arrays lie in vectors, one for each dtype.

    Parameters
    ----------
    arrays : sequence of ndarray
        Of those shapes and dtypes.
    """

    def __init__(self, arrays: Iterable[Any]) -> None:
        ends: dict[np.dtype[Any], int] = {}
        self.places: list[tuple[np.dtype[Any], slice, tuple[int, ...]]] = []
        for array in arrays:
            dtype, shape = np.dtype(array.dtype), tuple(array.shape)
            start = ends.get(dtype, 0)
            ends[dtype] = start + math.prod(shape)
            self.places.append((dtype, slice(start, ends[dtype]), shape))
        self.ends = ends

    def joined(self, arrays: Sequence[Any]) -> list[Any]:
        """The arrays as vectors; None is as good as zeros."""
        vectors = {dtype: np.empty(end, dtype) for dtype, end in self.ends.items()}
        for array, (dtype, place, _) in zip(arrays, self.places, strict=True):
            vectors[dtype][place] = 0 if array is None else np.reshape(array, -1)
        return list(vectors.values())

    def parted(self, vectors: Sequence[Any]) -> list[Any]:
        """The arrays of vectors, as views."""
        of = dict(zip(self.ends, vectors, strict=True))
        return [of[dtype][place].reshape(shape) for dtype, place, shape in self.places]


def aligned(held: Any) -> Any:
    """What came over a network, with the arrays in it as NumPy makes them.

    They may begin at any byte of a message, and NumPy multiplies and adds up such arrays in another order.
    """
    if isinstance(held, np.ndarray):
        return np.require(held, requirements="A")
    if isinstance(held, dict):
        return {key: aligned(value) for key, value in held.items()}
    if isinstance(held, tuple | list):
        parts = [aligned(part) for part in held]
        return held._make(parts) if hasattr(held, "_make") else type(held)(parts)
    return held


class Empty:
    """An array whose values are not sent."""

    def __init__(self, array: Any) -> None:
        self.shape, self.dtype = array.shape, array.dtype


def packed(task: Any, left_out: Iterable[Any]) -> bytes:
    """A task as bytes, in which some arrays have no values; functions of the program that runs go along whole."""
    import cloudpickle

    empty = {id(array): Empty(array) for array in left_out}

    class Pickler(cloudpickle.Pickler):  # type: ignore[misc]
        def persistent_id(self, held: Any) -> Any:
            found = empty.get(id(held))
            return None if found is None else (found.shape, found.dtype.str)

    file = io.BytesIO()
    Pickler(file).dump(task)
    return file.getvalue()


def unpacked(data: bytes) -> Any:
    """The task; those arrays are zeros."""

    class Unpickler(pickle.Unpickler):
        def persistent_load(self, key: Any) -> Any:
            shape, dtype = key
            return np.zeros(shape, dtype)

    return Unpickler(io.BytesIO(data)).load()
