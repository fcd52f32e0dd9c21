"""`Worker`: what computes jobs where the shards are. Errors are results, so that nothing of a network is mistaken for
one; the task, which says what is computed, is not known here."""

from __future__ import annotations

import contextlib
import importlib.util
import pickle
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from nn.cluster.deal import Cut, Job, Trip, order_of
from nn.cluster.shards import Maker, made
from nn.cluster.weights import aligned

NOT_FOUND = (
    "A worker cannot load what the training needs: {error}. What your model, loss and shards are made of must be "
    "installed there as it is here, or stand in the program that is run; `client.upload_file('mine.py')` brings a file."
)
TRACEBACK = "On the worker {worker}:\n{text}"


class Done(NamedTuple):
    """What a call came to."""

    result: Any
    seconds: float
    held: tuple[int, ...] | None
    """The shards that it can read again without their functions; None if those that it lacks are to be asked for."""


class Lacks(NamedTuple):
    """A worker needs the functions of these shards first."""

    shards: tuple[int, ...]


class Halted(NamedTuple):
    """A worker was told to leave the rest."""


class Failure:
    """An exception of what was called, which is a result; elsewhere with its traceback as text."""

    def __init__(self, error: BaseException) -> None:
        self.original: BaseException | None = error
        self.pickled: bytes | None = None
        self.notes: list[str] = []
        self.text = self.message = ""

    def __getstate__(self) -> dict[str, Any]:
        """What is sent: the exception as it is pickled, if it can be, and texts in any case."""
        error = self.original
        if error is None:
            return self.__dict__
        told = traceback.TracebackException.from_exception(error)
        told.__notes__ = None  # they come with the exception itself
        pickled = None
        with contextlib.suppress(Exception):  # whatever an exception of a user's raises when it is copied
            pickled = pickle.dumps(error)
            pickle.loads(pickled)  # noqa: S301 (its own)
        return {
            "original": None,
            "pickled": pickled,
            "notes": list(getattr(error, "__notes__", ())),
            "text": "".join(told.format()),
            "message": f"{type(error).__name__}: {error}",
        }

    def error(self, worker: str) -> BaseException:
        """The exception; where it could not be copied, one that says the same."""
        if self.original is not None:
            return self.original
        error: BaseException = RuntimeError(self.message)
        if self.pickled is not None:
            with contextlib.suppress(Exception):  # a class that is not known here
                error = pickle.loads(self.pickled)  # noqa: S301 (of our own workers)
        for note in (*self.notes, TRACEBACK.format(worker=worker, text=self.text)):
            if note not in getattr(error, "__notes__", ()):
                error.add_note(note)
        return error


class Store:
    """The shards that a worker keeps.

    Where the parts that it computes are no more than the shards it may keep, it keeps whole ones. Otherwise each part's
    rows are taken ahead, as many as come to `keep` shards together.
    """

    def __init__(self, makers: Mapping[int, Maker], keep: int) -> None:
        self.makers, self.keep = makers, keep
        self.sizes: dict[int, int] = {}
        self.shards: dict[int, tuple[Any, ...]] = {}  # the last used one comes last
        self.ahead: dict[int, tuple[Any, int, int, tuple[Any, ...]]] = {}
        self.parts = 1

    def expect(self, parts: Sequence[int]) -> None:
        """Make room for the rows of these parts."""
        self.parts = len(parts)
        if self.parts > self.keep:
            self.shards = {}
        self.ahead = {part: rows for part, rows in self.ahead.items() if part in parts and self.parts > self.keep}

    def read(self, shard: int) -> tuple[Any, ...]:
        """A whole shard."""
        arrays = self.shards.pop(shard, None)
        if arrays is None:
            while len(self.shards) >= self.keep:
                self.shards.pop(next(iter(self.shards)))
            arrays = self.made(shard)
        self.shards[shard] = arrays
        return arrays

    def made(self, shard: int) -> tuple[Any, ...]:
        arrays = made(self.makers[shard], self.sizes.get(shard))
        self.sizes[shard] = len(arrays[0])
        return arrays

    def has(self, job: Job, cut: Cut) -> bool:
        """Whether the rows were taken ahead."""
        known, start, stop, _ = self.ahead.get(job.part, (None, 0, 0, ()))
        return known == (job.seed, job.epoch, cut.shard) and start <= cut.start and cut.stop <= stop

    def rows(self, job: Job, cut: Cut) -> tuple[Any, ...]:
        """Some rows of a shard in the order of an epoch."""
        part, order = job.part, partial(order_of, job.seed, job.epoch, cut.shard)
        if self.parts <= self.keep:
            arrays = self.read(cut.shard)
            index = order(len(arrays[0]))[cut.start : cut.stop]
            return tuple(array[index] for array in arrays)
        if not self.has(job, cut):
            self.ahead.pop(part, None)
            arrays = self.made(cut.shard)
            count = max(cut.stop - cut.start, len(arrays[0]) * self.keep // self.parts)
            stop = min(cut.end, cut.start + count)
            index = order(len(arrays[0]))[cut.start : stop]
            self.ahead[part] = (
                (job.seed, job.epoch, cut.shard), cut.start, stop, tuple(array[index] for array in arrays)
            )  # fmt: skip
        _, start, stop, arrays = self.ahead[part]
        if cut.stop == stop == cut.end:
            del self.ahead[part]
        return tuple(array[cut.start - start : cut.stop - start] for array in arrays)

    def batch(self, job: Job) -> tuple[Any, ...]:
        """The rows that a part takes of a batch."""
        pieces = [self.rows(job, cut) for cut in job.cuts]
        return pieces[0] if len(pieces) == 1 else tuple(map(np.concatenate, zip(*pieces, strict=True)))


class Worker:
    """Calls a task's methods.

    Parameters
    ----------
    task : object
        With `method(store, *common, jobs, go_on)` for each method that is called; or pickled, what makes it.
    makers : mapping of int to callable
        The functions of the shards that are known.
    keep : int
        How many shards to keep.
    """

    def __init__(self, task: Any, makers: Mapping[int, Maker], keep: int, load: Callable[[Any], Any] | None = None):
        self.failure: Failure | None = None
        self.halted = False
        self.local = load is None
        self.makers = makers if self.local else dict(makers)
        self.store = Store(self.makers, keep)
        self.controller = controller()
        try:
            self.task = task if load is None else load(task)
        except Exception as error:  # noqa: BLE001 (what a user's module raises)
            error.add_note(NOT_FOUND.format(error=error))
            self.failure = Failure(error)

    def call(
        self, method: str, common: tuple[Any, ...], jobs: Sequence[Any], makers: Mapping[int, Maker] | None = None
    ) -> Any:
        """What the method returns for some jobs: `Done`, `Failure`, `Lacks` or `Halted`; it does not raise."""
        if self.failure is not None:
            return self.failure
        try:
            return self.called(method, common, jobs, makers or {})
        except Exception as error:  # noqa: BLE001 (whatever a user's code raises is a result)
            return Failure(error)

    def call_with(self, arguments: Sequence[Any]) -> Any:
        """Do what `call` does with these, which came over a network."""
        return self.call(*aligned(arguments))

    def called(self, method: str, common: tuple[Any, ...], jobs: Sequence[Any], makers: Mapping[int, Maker]) -> Any:
        begin = time.perf_counter()
        self.halted = False
        self.store.expect([job.part for job in jobs if isinstance(job, Job | Trip)])
        if not self.local:
            self.makers.update(makers)  # type: ignore[attr-defined]
            lacking = self.lacking(jobs)
            if lacking:
                return Lacks(tuple(lacking))
        with contextlib.nullcontext() if self.controller is None else self.controller.limit(limits=1):
            result = getattr(self.task, method)(self.store, *common, jobs, lambda: not self.halted)
        if self.halted:
            return Halted()
        held: tuple[int, ...] | None = ()
        if not self.local:
            held = None if self.store.parts > self.store.keep else tuple(self.store.shards)
            for shard in set(self.makers).difference(held or ()):
                del self.makers[shard]  # type: ignore[attr-defined]
        return Done(result, time.perf_counter() - begin, held)

    def lacking(self, jobs: Sequence[Any]) -> list[int]:
        """The shards whose functions are needed and not here."""
        needed: list[int] = []
        for job in jobs:
            for one in [job for _, job in job.jobs] if isinstance(job, Trip) else [job]:
                if isinstance(one, Job):
                    needed += [cut.shard for cut in one.cuts if not self.store.has(one, cut)]
                else:
                    needed.append(one)
        return [shard for shard in dict.fromkeys(needed) if not (shard in self.makers or shard in self.store.shards)]

    async def halt(self) -> None:
        """Leave the jobs that are not begun. A coroutine, as those do not wait for the call that goes on."""
        self.halted = True


def controller() -> Any:
    """What keeps BLAS to one thread, as other numbers of threads may add up in another order; None without it."""
    if importlib.util.find_spec("threadpoolctl") is None:
        return None
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
