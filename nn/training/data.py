"""Feeding a model: mini-batches of arrays, datasets and streams, in an order that a seed decides. No training here."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Generator, Iterator, Mapping
from typing import Any, TypeAlias

import numpy as np

from nn.checks import as_seed, positive, whole
from nn.elsewhere import explains
from nn.noise import masked, noisy
from nn.training.ahead import Send, ahead, sent_ahead
from nn.training.buckets import grouped
from nn.training.padded import Padded
from nn.training.positions import position_of
from nn.training.sources import (
    EMPTY,
    Arrays,
    Batch,
    Collate,
    Stream,
    as_batch,
    as_parts,
    as_source,
    check_batch,
    windows,
)

__all__ = ["DataLoader", "gaussian_noise", "masking", "minibatches", "padded"]

Transform: TypeAlias = "Callable[[np.random.Generator, Batch], Any]"

DROPPED = (
    "DataLoader(batch_size={size}, drop_last=True) has {count} examples, less than one batch: nothing would be left."
)
ORDER = (
    "DataLoader(shuffle=True) was given a stream, whose examples come in its own order. Leave `shuffle` out, or give "
    "it an array or a dataset with `__len__` and `__getitem__`."
)
NO_LENGTH = "The number of batches of a stream is not known before its end. Count while iterating, or use a dataset."
WHOLE = "DataLoader(batch_size=None) takes each item as a batch, so it needs a stream of batches. Give a `batch_size`."
TRANSFORM = (
    "DataLoader(transform={got!r}): a function `transform(rng, batch) -> batch`, such as `nn.data.masking(0.2)`."
)
COLLATE = (
    "DataLoader(collate={got!r}): a function `collate(examples) -> batch` of a list of them, such as "
    "`nn.data.padded()`, which makes a tuple of arrays."
)
GROUPED = (
    "DataLoader(group_by_length=...) was given {got} for {count} examples. Write True, and the length of an example is "
    "that of its first part, or give the lengths: a whole number for each example."
)
GROUPED_STREAM = (
    "DataLoader(group_by_length=...) was given a stream, whose examples come in its own order. Leave it out."
)
SHARE = "masking(share={share!r}): the share of entries that are set to 0 lies from 0 to 1."


def minibatches(
    *arrays: Any, size: int, rng: int | np.random.Generator | None = None, shuffle: bool = True
) -> Iterator[Batch]:
    """Pass once over the examples in batches; the last one is smaller if they do not divide evenly.

    `DataLoader` does it for many epochs, ahead of time, and can go on where it stopped.

    Parameters
    ----------
    *arrays : ndarray
        Inputs, targets, ...: the first axis counts the examples.
    size : int
        Examples in a batch.
    rng : int or numpy.random.Generator, optional
        Where the order comes from.
    shuffle : bool
        Draw a new order; otherwise keep theirs.

    Raises
    ------
    ValueError
        If the lengths differ, there are no examples, or the size is not positive.

    Examples
    --------
    >>> import numpy as np
    >>> from nn import minibatches
    >>> [x.tolist() for (x,) in minibatches(np.arange(5), size=2, shuffle=False)]
    [[0, 1], [2, 3], [4]]
    """
    examples = Arrays(arrays, "minibatches()")
    size = whole("minibatches", "size", size)
    order = np.random.default_rng(rng).permutation(len(examples)) if shuffle else np.arange(len(examples))
    return examples.batches(order, windows(len(examples), size), frozen=False)


class DataLoader:
    """Batches of examples, epoch after epoch; one seed decides the order and every random change of them.

    Each `for batch in loader` is one epoch, in an order of its own when shuffled. A batch is a tuple with one array for
    each array given, or for each part of an example.

    Parameters
    ----------
    *sources : array_like, dataset or iterable
        One of these:

        - arrays of one length: inputs, targets, ...;
        - one dataset: an object with `__len__` and `__getitem__`, whose items are arrays, numbers, or tuples of them;
        - one stream: an iterable of such items, or a function that returns one and is called for each epoch.
    batch_size : int or None
        Examples in a batch. None: the items of the stream are batches already.
    shuffle : bool
        Draw a new order for each epoch; streams cannot.
    drop_last : bool
        Leave out the last batch if it is smaller; otherwise it is kept.
    rng : int or numpy.random.Generator, optional
        Where the order and the transform's random numbers come from. Given none, `fit` decides.
    transform : callable, optional
        `transform(rng, batch) -> batch`: changes a batch at random, such as `nn.data.gaussian_noise(0.1)`. The
        generator it is given depends on the seed, the epoch and the batch only.
    collate : callable, optional
        `collate(examples) -> batch`: makes a batch, a tuple of arrays, of a list of examples, which may then differ in
        shape; `nn.data.padded()` pads sequences to the longest of the batch. Lists of sequences are examples too:
        `nn.DataLoader(sequences, labels, collate=nn.data.padded())`.
    group_by_length : bool or array_like of int
        Make batches of sequences of like length, so that little is padded. The seed decides which come together and in
        which order: when shuffled, the examples of 50 batches at a time are sorted by length, and then all batches are
        shuffled; otherwise all examples are sorted. True: the length of an example is that of its first part (each
        example is read once for it). Or the lengths.
    prefetch : int
        How many batches a thread makes ahead; 0 makes each when it is asked for. It changes no batch. Worth it for
        examples that are read from files; arrays in memory are as fast without.

    Attributes
    ----------
    epoch, batch : int
        The epoch that goes on or comes next, and how many of its batches were given out.

    Raises
    ------
    TypeError, ValueError
        If the data has no examples, or the lengths of arrays or the shapes of examples differ; also while iterating.
        What the dataset or the transform raises comes out of the loop, from the thread as well.

    Examples
    --------
    >>> import numpy as np
    >>> import nn
    >>> x, y = np.arange(10.0).reshape(5, 2), np.arange(5)
    >>> loader = nn.DataLoader(x, y, batch_size=2, shuffle=True, rng=0)
    >>> [labels.tolist() for _, labels in loader], [labels.tolist() for _, labels in loader]
    ([[0, 3], [2, 1], [4]], [[4, 3], [2, 0], [1]])

    The position goes into a checkpoint, and another loader goes on from there:

    >>> for _, labels in loader:
    ...     break
    >>> again = nn.DataLoader(x, y, batch_size=2, shuffle=True)
    >>> again.load_state_dict(loader.state_dict())
    >>> labels.tolist(), [labels.tolist() for _, labels in again]
    ([4, 0], [[3, 1], [2]])
    """

    @explains("loader")
    def __init__(
        self,
        *sources: Any,
        batch_size: int | None = 32,
        shuffle: bool = False,
        drop_last: bool = False,
        rng: int | np.random.Generator | None = None,
        transform: Transform | None = None,
        collate: Collate | None = None,
        group_by_length: Any = False,
        prefetch: int = 0,
    ) -> None:
        given: Any = collate
        if given is padded or not (given is None or callable(given)):
            raise TypeError(COLLATE.format(got=given))
        self.source, self.collate = as_source(sources, collate), collate
        self.batch_size = None if batch_size is None else whole("DataLoader", "batch_size", batch_size)
        self.shuffle, self.drop_last = bool(shuffle), bool(drop_last)
        if not (transform is None or callable(transform)):
            raise TypeError(TRANSFORM.format(got=transform))
        self.transform = transform
        self.prefetch = whole("DataLoader", "prefetch", prefetch, 0)
        self.seeded = rng is not None
        self.seed = as_seed(rng)
        self.epoch = self.batch = 0
        self._resumed = False
        if isinstance(self.source, Stream):
            if shuffle:
                raise ValueError(ORDER)
        elif self.batch_size is None:
            raise ValueError(WHOLE)
        elif drop_last and len(self.source) < self.batch_size:
            raise ValueError(DROPPED.format(size=self.batch_size, count=len(self.source)))
        self.lengths = self._lengths(group_by_length)

    def __len__(self) -> int:
        """The number of batches in an epoch; a stream's is not known and raises `TypeError`."""
        if isinstance(self.source, Stream) or self.batch_size is None:
            raise TypeError(NO_LENGTH)
        return len(windows(len(self.source), self.batch_size, self.drop_last))

    def __iter__(self) -> Generator[Batch]:
        return self._begin(frozen=False)

    def read_only(self, send: Send | None = None) -> Generator[Batch]:
        """As `iter(loader)`; but batches of arrays, where no transform changes them, cannot be written into.

        A graph keeps such a batch without a copy of its own, so `fit` takes these. `send` begins to bring a batch to a
        device, while the one before is used, and returns what gives the batch that is there.
        """
        return self._begin(frozen=self.transform is None, send=send)

    def from_start(self, in_order: bool = False) -> DataLoader:
        """A loader of the same data before its first batch; reading it leaves this one where it is.

        With `in_order`, each example comes once and in the order of the data.
        """
        twin = copy.copy(self)
        twin.epoch = twin.batch = 0
        twin._resumed = False
        if in_order:
            twin.shuffle = twin.drop_last = False
            twin.lengths = None
        return twin

    def _lengths(self, given: Any) -> np.ndarray[Any, Any] | None:
        """By what the examples are grouped."""
        if given is None or given is False:
            return None
        if isinstance(self.source, Stream):
            raise ValueError(GROUPED_STREAM)  # noqa: TRY004
        if given is True:
            lengths = np.array([self.source.length(i) for i in range(len(self.source))])
        else:
            lengths = np.asarray(given)
        if lengths.shape != (len(self.source),) or lengths.dtype.kind not in "iu":
            got = f"an array of {lengths.dtype} and shape {lengths.shape}" if lengths.ndim else repr(given)
            raise ValueError(GROUPED.format(got=got, count=len(self.source)))
        return lengths

    def _begin(self, frozen: bool, send: Send | None = None) -> Generator[Batch]:
        if self.batch and not self._resumed:  # the epoch before was left early
            self.epoch, self.batch = self.epoch + 1, 0
        self._resumed = False
        return self._run(self.epoch, self.batch, frozen, send)

    def _run(self, epoch: int, start: int, frozen: bool, send: Send | None) -> Generator[Batch]:
        """The rest of an epoch, with the position kept."""
        made = self._transformed(epoch, start, frozen)
        with contextlib.closing(ahead(made, self.prefetch) if self.prefetch else made) as batches:
            for i, batch in enumerate(batches if send is None else sent_ahead(batches, send), start):
                self.epoch, self.batch = epoch, i + 1
                yield batch
        self.epoch, self.batch = epoch + 1, 0

    def _transformed(self, epoch: int, start: int, frozen: bool) -> Generator[Batch]:
        """The batches from number `start` on; a function of the seed and the epoch alone."""
        raw = self._raw(epoch, start, frozen)
        if self.transform is None and isinstance(self.source, Arrays):
            yield from raw  # of one length, as the arrays are
            return
        for i, batch in enumerate(raw, start):
            if self.transform is None:
                yield check_batch(as_batch(batch), "")
            else:
                made = self.transform(np.random.default_rng(self._entropy(epoch, i)), as_batch(batch))
                yield check_batch(as_batch(made), " after `transform`")

    def _raw(self, epoch: int, start: int, frozen: bool) -> Iterator[Batch]:
        if isinstance(self.source, Stream):
            yield from self._stream(self.source, start)
            return
        count = len(self.source)
        rng = np.random.default_rng(self._entropy(epoch)) if self.shuffle else None
        order = np.arange(count) if rng is None else rng.permutation(count)
        places = windows(count, self.batch_size or 1, self.drop_last)
        if self.lengths is not None:
            order, places = grouped(order, places, self.lengths, rng)
        yield from self.source.batches(order, places[start:], frozen)

    def _stream(self, source: Stream, start: int) -> Iterator[Batch]:
        i, examples = 0, []
        with source.opened() as items:
            for item in items:
                examples.append(item)
                if self.batch_size is None or len(examples) == self.batch_size:
                    if i >= start:
                        yield as_parts(item) if self.batch_size is None else source.collate(examples)
                    i, examples = i + 1, []
        if examples and not self.drop_last and i >= start:
            yield source.collate(examples)
        elif i == 0:
            raise ValueError(EMPTY.format(name="DataLoader"))

    def _entropy(self, *key: int) -> np.random.SeedSequence:
        return np.random.SeedSequence(self.seed, spawn_key=key)

    def _kind(self) -> dict[str, Any]:
        """What must agree for a position to mean the same."""
        return {
            "examples": None if isinstance(self.source, Stream) else len(self.source),
            "batch_size": self.batch_size,
            "shuffle": self.shuffle,
            "drop_last": self.drop_last,
            "group_by_length": None if self.lengths is None else True,
        }

    def state_dict(self) -> dict[str, Any]:
        """The seed and the position: after a batch was given out, the next one is where to go on."""
        return {"seed": self.seed, "epoch": self.epoch, "batch": self.batch, **self._kind()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on at a saved position: the next loop gives the rest of that epoch, bit for bit.

        A stream is read again up to there.

        Raises
        ------
        ValueError
            If the state is of other data, or none of a `DataLoader`.
        """
        self.seed, self.epoch, self.batch = position_of(state, self._kind())
        self.seeded = self._resumed = True

    def __repr__(self) -> str:
        count = "a stream" if isinstance(self.source, Stream) else f"{len(self.source):,} examples"
        return f"DataLoader({count}, batch_size={self.batch_size}, epoch={self.epoch}, batch={self.batch})"


# Sequences of unequal length


def padded(*, fill: Any = None) -> Padded:
    """What makes a batch of sequences of unequal length: `nn.DataLoader(sequences, tags, collate=nn.data.padded())`.

    The first part of an example is its sequence, an array whose first axis counts the steps. A batch is
    `(x, lengths, ...)`: the sequences padded at their ends to the longest of the batch, how many steps each has, and
    the other parts. Of these what has a value for each step (the same number of them) is padded along, and all else is
    put side by side. The model is called as `model(x, lengths)`; its layers take `lengths`.

    Parameters
    ----------
    fill : number or tuple of numbers, optional
        What stands after the end of a sequence, for all parts or for each. By default 0 in the first part, and in the
        others what says that nothing is there: -1 in whole numbers, NaN in others. That is what `nn.unpadded` leaves
        out of losses and metrics, and `nn.cross_entropy` by `ignore_index=-1`.

    Returns
    -------
    callable
        A `collate` of `nn.DataLoader`.

    Raises
    ------
    TypeError, ValueError
        While iterating: if sequences have no steps, or differ in more than their steps; if a part has another number
        of steps than its sequence; if a dtype cannot hold what it is filled with.

    Examples
    --------
    >>> import nn
    >>> sequences, tags = [[7, 8, 9], [5], [1, 2]], [[1, 0, 1], [1], [0, 0]]
    >>> loader = nn.DataLoader(sequences, tags, batch_size=2, collate=nn.data.padded())
    >>> for x, lengths, y in loader:
    ...     print(x.tolist(), lengths.tolist(), y.tolist())
    [[7, 8, 9], [5, 0, 0]] [3, 1] [[1, 0, 1], [1, -1, -1]]
    [[1, 2]] [2] [[0, 0]]
    """
    return Padded(fill)


# Random changes of the inputs


def gaussian_noise(scale: float) -> Transform:
    r"""A transform that adds noise from :math:`N(0, \mathrm{scale}^2)` to the first array of a batch, the inputs.

    It is what `nn.GaussianNoise` does; drawn here it depends on the seed, the epoch and the batch alone.

    Parameters
    ----------
    scale : float
        The standard deviation.

    Returns
    -------
    callable
        For `nn.DataLoader(..., transform=...)`.

    Raises
    ------
    ValueError
        If the standard deviation is negative.

    Examples
    --------
    >>> import numpy as np
    >>> import nn
    >>> loader = nn.DataLoader(np.zeros((4, 2)), batch_size=4, rng=0, transform=nn.data.gaussian_noise(0.1))
    >>> [(x.round(1).tolist()) for (x,) in loader]
    [[[0.1, -0.1], [0.1, 0.0], [-0.0, 0.1], [-0.1, 0.0]]]
    """
    scale = positive("gaussian_noise", "scale", scale, zero=True)

    def transform(rng: np.random.Generator, batch: Batch) -> Batch:
        x, *others = batch
        return (noisy(x, scale, rng), *others)

    return transform


def masking(share: float) -> Transform:
    """A transform that sets each entry of the first array of a batch, the inputs, to 0 with probability `share`.

    It is what `nn.Masking` does.

    Parameters
    ----------
    share : float
        The probability.

    Returns
    -------
    callable
        For `nn.DataLoader(..., transform=...)`.

    Raises
    ------
    ValueError
        If the share is not in [0, 1].

    Examples
    --------
    >>> import numpy as np
    >>> import nn
    >>> loader = nn.DataLoader(np.ones((100, 50)), batch_size=100, rng=0, transform=nn.data.masking(0.2))
    >>> [round(float(np.mean(x)), 1) for (x,) in loader]
    [0.8]
    """
    if not 0 <= share <= 1:
        raise ValueError(SHARE.format(share=share))

    def transform(rng: np.random.Generator, batch: Batch) -> Batch:
        x, *others = batch
        return (masked(x, share, rng), *others)

    return transform
