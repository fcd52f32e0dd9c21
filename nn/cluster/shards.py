"""`Shards`: data that fits in no one process, as functions that make a part of it each. Nothing is read here."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from nn.checks import as_values, whole

NO_SHARDS = "Shards(...) was given no shards. Give functions, each of which returns the arrays of one: `(x, y)`."
NOT_A_SHARD = (
    "Shards(...) was given a {what} as shard {i}. Give functions without arguments that return arrays: "
    "`nn.Shards([lambda: (x, y)])`; arrays that are there already by `nn.Shards.arrays(x, y)`."
)
SIZES = "Shards(sizes=...) has {got} sizes for {count} shards. Give one for each, or none: they are asked for once."
LENGTHS = "Shards.{call} was given arrays of lengths {lengths}. Each holds one entry for each example: make them equal."
NO_ROWS = "Shards.{call} was given {what}. Give arrays, whose first axis counts the examples."
NOT_DASK = "Shards.dask was given a {what}. Give it Dask's arrays; NumPy's by `nn.Shards.arrays(x, y)`."
BLOCKS = (
    "Shards.dask was given arrays of chunks {first} and {other} along the first axis, whose sizes Dask does not know, "
    "so that they cannot be brought to one another. Write `.compute_chunk_sizes()` on them first."
)
PERSISTED = (
    "Shards.dask was given an array that was persisted: its blocks are in the memory of a cluster, which a shard "
    "cannot read. Give the array as it was before `.persist()`; workers keep the shards that they use "
    "(`nn.Cluster(keep=...)`)."
)
READ = "Shards.files(read={got!r}): give a function `read(path)` that returns the arrays of a shard, such as `np.load`."
MADE = "The shard returned {what}. It returns an array, or a tuple of arrays of one length: `(x, y)`."
MADE_SIZE = "The shard has {got} examples now, and had {size} before. A shard returns the same arrays each time."

Maker = Callable[[], Any]


class Shards:
    """Examples in parts, each of which is made where it is needed, by a function.

    Parameters
    ----------
    makers : sequence of callables
        Each returns an array, or a tuple of arrays of one length: inputs, targets, ... It is called on a worker,
        perhaps several times, and returns the same each time.
    sizes : sequence of int, optional
        How many examples each has. Otherwise each shard is made once to be asked.

    Raises
    ------
    TypeError, ValueError
        If there are no shards, or something is no function.

    Examples
    --------
    >>> import numpy as np
    >>> import nn
    >>> def read(seed):
    ...     x = np.random.default_rng(seed).standard_normal((100, 2))
    ...     return x, (x[:, 0] > 0).astype(int)
    >>> shards = nn.Shards([lambda: read(0), lambda: read(1)])
    >>> history = nn.fit(nn.MLP([2, 8, 2], rng=0), nn.cross_entropy, shards, epochs=5)
    >>> bool(history["loss"][-1] < history["loss"][0])
    True
    """

    def __init__(self, makers: Iterable[Maker], sizes: Sequence[int] | None = None) -> None:
        self.makers = list(makers)
        if not self.makers:
            raise ValueError(NO_SHARDS)
        for i, maker in enumerate(self.makers):
            if not callable(maker):
                raise TypeError(NOT_A_SHARD.format(what=type(maker).__name__, i=i))
        self.sizes = None if sizes is None else [whole("Shards", "sizes", size) for size in sizes]
        if self.sizes is not None and len(self.sizes) != len(self.makers):
            raise ValueError(SIZES.format(got=len(self.sizes), count=len(self.makers)))

    @classmethod
    def arrays(cls, *arrays: Any, shards: int = 64) -> Shards:
        """Arrays in memory, in so many slices; each is sent to the workers that need it.

        Examples
        --------
        >>> import numpy as np
        >>> import nn
        >>> nn.Shards.arrays(np.zeros((10, 2)), np.zeros(10), shards=3)
        Shards(3, 10 examples)
        """
        whole("Shards.arrays", "shards", shards)
        if not arrays:
            raise ValueError(NO_ROWS.format(call="arrays", what="nothing"))
        values = [as_values(array) for array in arrays]
        for array in values:
            if not array.ndim or array.dtype.kind == "O":
                what = "an array of Python objects" if array.ndim else "a number"
                raise TypeError(NO_ROWS.format(call="arrays", what=what))
        count = one_length("arrays", values)
        cuts = [count * i // min(shards, count) for i in range(min(shards, count) + 1)]
        places = [slice(start, stop) for start, stop in itertools.pairwise(cuts)]
        sizes = [place.stop - place.start for place in places]
        return cls([Slice(tuple(array[place] for array in values)) for place in places], sizes)

    @classmethod
    def dask(cls, *arrays: Any) -> Shards:
        """Dask's arrays: a shard is a block of rows, as the first of them is divided; workers compute it."""
        for array in arrays or (None,):
            if not hasattr(array, "dask") or not hasattr(array, "blocks"):
                raise TypeError(NOT_DASK.format(what=type(array).__name__))
            if not array.ndim:
                raise TypeError(NO_ROWS.format(call="dask", what="an array without axes"))
            if is_persisted(array):
                raise ValueError(PERSISTED)
        rows = arrays[0].chunks[0]
        known = not any(math.isnan(size) for size in rows)
        if known:
            one_length("dask", arrays)
        columns = []
        for array in arrays:
            alike = array.chunks[0] == rows or (not known and len(array.chunks[0]) == len(rows))
            if not alike and not known:
                raise ValueError(BLOCKS.format(first=len(rows), other=len(array.chunks[0])))
            columns.append(array.rechunk({} if alike else {0: rows}).rechunk(dict.fromkeys(range(1, array.ndim), -1)))
        kept = [i for i, size in enumerate(rows) if size]  # a block may be empty, of which nothing is known or lost
        makers = [Block(tuple(column.blocks[i] for column in columns)) for i in kept]
        return cls(makers, [int(rows[i]) for i in kept] if known else None)

    @classmethod
    def files(cls, paths: Iterable[Any], read: Callable[[Any], Any]) -> Shards:
        """Files that each worker can read: `read(path)` returns the arrays of one.

        Examples
        --------
        >>> import tempfile
        >>> from pathlib import Path
        >>> import numpy as np
        >>> import nn
        >>> def read(path):
        ...     with np.load(path) as file:
        ...         return file["x"], file["y"]
        >>> paths = [Path(tempfile.mkdtemp(), f"{i}.npz") for i in range(3)]
        >>> for path in paths:
        ...     np.savez(path, x=np.zeros((4, 2)), y=np.zeros(4))
        >>> len(nn.Shards.files(paths, read))
        3
        """
        if not callable(read):
            raise TypeError(READ.format(got=read))
        return cls([File(read, path) for path in paths])

    def __len__(self) -> int:
        return len(self.makers)

    def __repr__(self) -> str:
        count = "" if self.sizes is None else f", {sum(self.sizes):,} examples"
        return f"Shards({len(self)}{count})"


class Slice:
    """A shard of arrays in memory."""

    def __init__(self, arrays: tuple[Any, ...]) -> None:
        self.arrays = arrays

    def __call__(self) -> tuple[Any, ...]:
        return self.arrays


class File:
    """A shard that a function reads."""

    def __init__(self, read: Callable[[Any], Any], path: Any) -> None:
        self.read, self.path = read, path

    def __call__(self) -> Any:
        return self.read(self.path)

    def __str__(self) -> str:
        return str(self.path)


class Block:
    """A shard of Dask's arrays."""

    def __init__(self, blocks: tuple[Any, ...]) -> None:
        self.blocks = blocks

    def __call__(self) -> tuple[Any, ...]:
        import dask

        return dask.compute(*self.blocks, scheduler="synchronous")

    def __getstate__(self) -> dict[str, Any]:
        """The blocks with the part of the graph that makes them."""
        import dask

        # Of arrays Dask would keep more, such as all that was concatenated.
        whole = [block.to_delayed().item() if hasattr(block, "to_delayed") else block for block in self.blocks]
        return {"blocks": dask.optimize(*whole)}


def is_persisted(array: Any) -> bool:
    """Whether its graph holds what is in a cluster's memory."""
    import sys

    distributed = sys.modules.get("distributed")
    if distributed is None:
        return False
    held = (getattr(node, "value", node) for node in dict(array.dask).values())
    return any(isinstance(value, distributed.Future) for value in held)


def one_length(call: str, arrays: Sequence[Any]) -> int:
    """The number of examples, the same in all arrays and not 0."""
    lengths = [array.shape[0] for array in arrays]
    if len(set(lengths)) != 1:
        raise ValueError(LENGTHS.format(call=call, lengths=lengths))
    if not lengths[0]:
        raise ValueError(NO_ROWS.format(call=call, what="no examples"))
    return int(lengths[0])


def made(maker: Maker, size: int | None = None) -> tuple[Any, ...]:
    """The arrays of a shard, checked."""
    result = maker()
    parts = tuple(result) if isinstance(result, tuple | list) else (result,)
    arrays = tuple(as_values(part) if hasattr(part, "__array__") else part for part in parts)
    if not arrays or not all(isinstance(array, np.ndarray) and array.ndim for array in arrays):
        kinds = ", ".join(type(part).__name__ for part in parts)
        raise TypeError(MADE.format(what=f"({kinds})" if isinstance(result, tuple | list) else f"a {kinds}"))
    lengths = {len(array) for array in arrays}
    if len(lengths) != 1 or any(array.dtype.kind == "O" for array in arrays):
        described = ", ".join(f"{array.dtype} of shape {array.shape}" for array in arrays)
        raise ValueError(MADE.format(what=f"arrays of {described}"))
    (found,) = lengths
    if size is not None and found != size:
        raise ValueError(MADE_SIZE.format(got=found, size=size))
    # How they lie in memory decides in which order they are summed.
    return tuple(np.require(array, requirements=["C", "A"]) for array in arrays)
