"""`Deal`: which rows of which shards each part of each batch takes. It knows the seed and sizes, and no workers."""

from __future__ import annotations

import itertools
import math
from typing import Any, NamedTuple

import numpy as np

FEW = (
    "fit(batch_size={size}) is less than the cluster's parts={parts}, each of which takes its share of every batch. "
    "Write a larger `batch_size`, or `nn.Cluster(..., parts={size})`."
)


class Cut(NamedTuple):
    """Rows of a shard, as places in the order in which an epoch takes them."""

    shard: int
    start: int
    stop: int
    end: int
    """Where the part comes to the shard's end, or another part goes on."""


class Job(NamedTuple):
    """What a part takes of a batch."""

    part: int
    seed: int
    epoch: int
    cuts: tuple[Cut, ...]

    @property
    def rows(self) -> int:
        return sum(cut.stop - cut.start for cut in self.cuts)

    @property
    def shards(self) -> list[int]:
        return [cut.shard for cut in self.cuts]


class Trip(NamedTuple):
    """What a part takes of several batches, one after the other."""

    part: int
    jobs: tuple[tuple[int, Job], ...]
    """With the number of each batch."""

    @property
    def rows(self) -> int:
        return sum(job.rows for _, job in self.jobs)

    @property
    def shards(self) -> list[int]:
        return [shard for _, job in self.jobs for shard in job.shards]


class Deal:
    """All shards in an order that the seed and the epoch decide, one after the other, divided among the parts.

    Part p takes its share of each batch from its own stretch of rows. All batches but the last are whole; the last one
    is filled part by part.

    Parameters
    ----------
    sizes : list of int
        The rows of each shard.
    parts, batch_size, seed : int
    """

    def __init__(self, sizes: list[int], parts: int, batch_size: int, seed: int) -> None:
        if batch_size < parts:
            raise ValueError(FEW.format(size=batch_size, parts=parts))
        self.sizes, self.parts, self.batch_size, self.seed = sizes, parts, batch_size, seed
        self.rows = sum(sizes)
        shares = [batch_size * part // parts for part in range(parts + 1)]
        self.shares = [stop - start for start, stop in itertools.pairwise(shares)]
        whole, rest = divmod(self.rows, batch_size)
        last = filled(rest, self.shares)
        lanes = [whole * share + some for share, some in zip(self.shares, last, strict=True)]
        self.starts = [sum(lanes[:part]) for part in range(parts + 1)]
        self.order: tuple[Any, list[int], list[int]] = None, [], []

    def __len__(self) -> int:
        return math.ceil(self.rows / self.batch_size)

    def size(self, batch: int) -> int:
        """How many rows a batch has."""
        return min(self.batch_size, self.rows - batch * self.batch_size)

    def shards(self, epoch: int) -> tuple[list[int], list[int]]:
        """The shards in the order of an epoch, and where each begins."""
        if self.order[0] != (epoch, self.seed):
            rng = np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=(epoch,)))
            order = rng.permutation(len(self.sizes)).tolist()
            begins = np.cumsum([0, *(self.sizes[shard] for shard in order)]).tolist()
            self.order = (epoch, self.seed), order, begins
        return self.order[1:]

    def jobs(self, epoch: int, batch: int) -> list[Job]:
        """What each part takes; those that take nothing are left out."""
        order, begins = self.shards(epoch)
        jobs = []
        for part, share in enumerate(self.shares):
            end = self.starts[part + 1]
            start = self.starts[part] + batch * share
            stop = min(start + share, end)
            if start >= stop:
                continue
            place = int(np.searchsorted(begins, start, "right")) - 1
            cuts = []
            while place < len(order) and begins[place] < stop:
                first, last = begins[place], begins[place + 1]
                if max(start, first) < min(stop, last):
                    cuts.append(Cut(order[place], max(start, first) - first, min(stop, last) - first,
                                    min(end, last) - first))  # fmt: skip
                place += 1
            jobs.append(Job(part, self.seed, epoch, tuple(cuts)))
        return jobs


def trips(batches: list[tuple[int, list[Job]]]) -> list[Trip]:
    """What each part takes of several batches, of which the numbers are given."""
    parts = sorted({job.part for _, jobs in batches for job in jobs})
    return [
        Trip(part, tuple((batch, job) for batch, jobs in batches for job in jobs if job.part == part)) for part in parts
    ]


def filled(rows: int, shares: list[int]) -> list[int]:
    """The rows of the last batch, part by part; one row alone, which has no statistics, gets another if it can."""
    some: list[int] = []
    for share in shares:
        some.append(min(share, rows))
        rows -= some[-1]
        if some[-1] == 1 and not rows and len(some) > 1 and some[-2] > 2 and share > 1:
            some[-2:] = some[-2] - 1, 2
    return some


def order_of(seed: int, epoch: int, shard: int, size: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """The order in which an epoch takes the rows of a shard."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(epoch, shard))).permutation(size)
