"""Where examples come from: arrays, datasets, streams; and how some become a batch. Their order is not chosen here."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from autograd_mini import Tensor, devices
from nn.checks import as_values

Batch = tuple[Any, ...]
Collate = Callable[[list[Any]], Any]

TAKEN = 2**22  # bytes of examples that are taken out of arrays at once

LENGTHS = "{name} was given arrays of lengths {lengths}. Each holds one entry for each example: make them equal."
EMPTY = "{name} was given no examples. Leave empty data out; `len(x)` must be at least 1."
NO_ROWS = (
    "{name} was given {what}. Its first axis counts the examples: give it an array, such as `np.array([[1.0, 2.0]])`."
)
UNEQUAL_ROWS = (
    "{name} was given rows of different lengths ({error}). An array has rows of one length, such as "
    "`np.array([[1.0, 2.0]])`; for sequences of unequal length write "
    "`nn.DataLoader(sequences, targets, collate=nn.data.padded())`."
)
RAGGED = (
    "{name} was given examples of shapes {first} and {other} in one batch. A batch is one array: pad or crop the "
    "examples to one shape, in the dataset or before; sequences of unequal length by `collate=nn.data.padded()`."
)
NO_STEPS = (
    "DataLoader(group_by_length=True) was given examples whose first part is a {got}, which has no length. Give "
    "sequences, or the lengths: `group_by_length=lengths`."
)
SPARSE = "{name} was given a sparse matrix, which batches of dense layers cannot use. Write `x.toarray()`."
TUPLE = "DataLoader was given one tuple of {count}. Give the arrays one by one: `DataLoader(x, y)`."
NO_DATA = (
    "DataLoader was given a {what}. Give it arrays, a dataset (anything with `__len__` and `__getitem__`), an iterable "
    "of examples, or a function that returns one."
)
USED_UP = (
    "DataLoader was given a generator, which can be read once, and this is a second epoch. Give it the function that "
    "makes the generator: `DataLoader(read)` in place of `DataLoader(read())`."
)
UNEQUAL = "DataLoader made a batch whose arrays have lengths {lengths}{where}. All parts of a batch have one length."


class Arrays:
    """Arrays of one length, of which any entries can be taken at once."""

    def __init__(self, arrays: tuple[Any, ...], name: str) -> None:
        self.arrays = tuple(as_array(array, name) for array in arrays)
        lengths = [len(array) for array in self.arrays]
        if len(set(lengths)) != 1:
            raise ValueError(LENGTHS.format(name=name, lengths=lengths))
        if not lengths[0]:
            raise ValueError(EMPTY.format(name=name))

    def __len__(self) -> int:
        return len(self.arrays[0])

    def length(self, i: int) -> int:
        """Of the first part of an example."""
        return length_of(self.arrays[0][i])

    def take(self, index: Any) -> Batch:
        return tuple(array[index] for array in self.arrays)

    def batches(self, order: Any, places: Sequence[slice], frozen: bool) -> Iterator[Batch]:
        """The examples at those places of the order; taken for many batches at once, of which each is a part."""
        if not places:
            return
        largest = sum(array[: places[0].stop - places[0].start].nbytes for array in self.arrays)
        for some in batched(places, max(1, TAKEN // max(1, largest))):
            taken = self.take(order[some[0].start : some[-1].stop])
            for array in taken:
                if frozen and isinstance(array, np.ndarray):
                    array.flags.writeable = False
            for place in some:
                part = slice(place.start - some[0].start, place.stop - some[0].start)
                yield tuple(array[part] for array in taken)


class Examples:
    """A dataset, whose examples come one by one."""

    def __init__(self, dataset: Any, collate: Collate | None = None) -> None:
        self.dataset, self.collate = dataset, collate or stack
        if not len(dataset):
            raise ValueError(EMPTY.format(name="DataLoader"))

    def __len__(self) -> int:
        return len(self.dataset)

    def length(self, i: int) -> int:
        """Of the first part of an example."""
        example = self.dataset[i]
        return length_of(example[0] if isinstance(example, tuple) else example)

    def batches(self, order: Any, places: Sequence[slice], frozen: bool) -> Iterator[Batch]:  # noqa: ARG002
        for place in places:
            yield self.collate([self.dataset[i] for i in order[place].tolist()])


class Rows:
    """Sequences of parts of one length, whose entries may differ in shape, as a dataset of tuples."""

    def __init__(self, sources: tuple[Any, ...]) -> None:
        lengths = [len(source) for source in sources]
        if len(set(lengths)) != 1:
            raise ValueError(LENGTHS.format(name="DataLoader", lengths=lengths))
        self.sources = sources

    def __len__(self) -> int:
        return len(self.sources[0])

    def __getitem__(self, i: int) -> Any:
        return tuple(source[i] for source in self.sources)


class Stream:
    """An iterable of examples, or a function that makes one."""

    def __init__(self, source: Any, collate: Collate | None = None) -> None:
        self.source, self.collate = source, collate or stack
        self.read = False

    @contextlib.contextmanager
    def opened(self) -> Generator[Iterator[Any]]:
        """The examples from the beginning; a generator that was made here is closed."""
        if self.read and isinstance(self.source, Iterator):
            raise ValueError(USED_UP)
        self.read = True
        items = self.source if isinstance(self.source, Iterable) else self.source()
        if not isinstance(items, Iterable):
            raise TypeError(NO_DATA.format(what=f"function that returned a {type(items).__name__}"))
        try:
            yield iter(items)
        finally:
            if isinstance(items, Generator):
                items.close()


def as_source(sources: tuple[Any, ...], collate: Collate | None = None) -> Arrays | Examples | Stream:
    """What kind of data it is; if there is `collate`, which makes batches of examples, these come one by one."""
    sized = [hasattr(source, "__len__") and hasattr(source, "__getitem__") for source in sources]
    if collate is not None and all(sized) and (len(sources) > 1 or hasattr(sources[0], "shape")):
        return Examples(Rows(sources), collate)
    if len(sources) != 1:
        if not sources:
            raise TypeError(NO_DATA.format(what="call without data"))
        return Arrays(sources, "DataLoader")
    (source,) = sources
    if isinstance(source, tuple):
        raise TypeError(TUPLE.format(count=len(source)))
    if hasattr(source, "shape"):
        return Arrays(sources, "DataLoader")
    if isinstance(source, Mapping | set | str | bytes | type):
        raise TypeError(NO_DATA.format(what=type(source).__name__))
    if hasattr(source, "__len__") and hasattr(source, "__getitem__"):
        return Examples(source, collate)
    if isinstance(source, Iterable) or callable(source):
        return Stream(source, collate)
    raise TypeError(NO_DATA.format(what=type(source).__name__))


def as_array(source: Any, name: str) -> Any:
    """An array whose rows can be taken: what speaks NumPy's protocol as it is, all else through `np.asarray`."""
    source = devices.adopted(source.data if isinstance(source, Tensor) else source)
    if hasattr(source, "toarray"):
        raise TypeError(SPARSE.format(name=name))
    try:
        array = source if hasattr(source, "__array_function__") else np.asarray(source)
    except ValueError as error:
        raise ValueError(UNEQUAL_ROWS.format(name=name, error=error)) from error
    if array.ndim == 0:
        raise ValueError(NO_ROWS.format(name=name, what=f"a {type(source).__name__} without axes"))
    if array.dtype.kind == "O":
        raise TypeError(NO_ROWS.format(name=name, what="an array of Python objects"))
    return array


def length_of(part: Any) -> int:
    """How many steps a sequence has."""
    if not np.ndim(part) and not hasattr(part, "__len__"):
        raise ValueError(NO_STEPS.format(got=type(part).__name__))
    return len(part)


def as_batch(made: Any) -> Batch:
    """What a user's function made, as the parts of a batch."""
    return made if isinstance(made, tuple) else tuple(made) if isinstance(made, list) else (made,)


def as_parts(item: Any) -> Batch:
    return tuple(as_array(part, "DataLoader") for part in (item if isinstance(item, tuple) else (item,)))


def stack(examples: list[Any]) -> Batch:
    """The examples as one array for each of their parts."""
    return tuple(stack_part(column) for column in columns_of(examples))


def columns_of(examples: list[Any]) -> list[tuple[Any, ...]]:
    """The first parts of all examples, their second parts, and so on."""
    rows = [example if isinstance(example, tuple) else (example,) for example in examples]
    for row in rows:
        if len(row) != len(rows[0]):
            raise ValueError(RAGGED.format(name="DataLoader", first=f"{len(rows[0])} parts", other=f"{len(row)} parts"))
    return list(zip(*rows, strict=True))


def stack_part(column: tuple[Any, ...]) -> Any:
    arrays = [as_values(part) for part in column]
    for array in arrays:
        if array.dtype.kind == "O":
            raise TypeError(NO_ROWS.format(name="DataLoader", what=f"an example of kind {type(column[0]).__name__}"))
        if array.shape != arrays[0].shape:
            raise ValueError(RAGGED.format(name="DataLoader", first=arrays[0].shape, other=array.shape))
    return np.stack(arrays)


def check_batch(batch: Batch, where: str) -> Batch:
    """The batch, if its parts have one length."""
    lengths = [np.shape(part)[0] if np.shape(part) else None for part in batch]
    if len(set(lengths)) != 1 or lengths[0] is None:
        raise ValueError(UNEQUAL.format(lengths=lengths, where=where))
    if not lengths[0]:
        raise ValueError(EMPTY.format(name="DataLoader" + where))
    return batch


def windows(count: int, size: int, drop_last: bool = False) -> list[slice]:
    """The places of each batch in the order; the last one may be smaller."""
    stop = count - count % size if drop_last else count
    return [slice(start, min(start + size, count)) for start in range(0, stop, size)]


def batched(items: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    """The items in groups of that many."""
    return (items[start : start + size] for start in range(0, len(items), size))
