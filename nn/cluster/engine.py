"""`Engine`: the three functions behind which workers are, and the one that has none but this process."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, Protocol

from nn.cluster.shards import Maker
from nn.cluster.worker import Done, Failure, Worker


class Engine(Protocol):
    """What computes jobs on workers, each at least once, and gives each one's result once."""

    @property
    def workers(self) -> int:
        """How many there are now."""

    def start(self, task: Any, makers: Sequence[Maker]) -> None:
        """Take a task over, which has a method for each kind of job, and what makes each shard.

        Until `stop`, the same shards with another task may follow. `task.left_out()` are arrays whose values do not
        matter, as they are sent with each call.
        """

    def run(self, method: str, common: tuple[Any, ...], jobs: Sequence[Any], shared: bool) -> list[Done]:
        """Call `task.method(store, *common, some of the jobs, go_on)` until all jobs are done.

        Parameters
        ----------
        method : str
        common : tuple
            What all jobs are given.
        jobs : sequence
            `Job`s, or numbers of shards.
        shared : bool
            Whether the jobs are divided among the workers at once, as a step's are; otherwise each worker takes a few
            at a time.

        Raises
        ------
        Exception
            Of the job with the lowest number among those that failed.
        """

    def stop(self) -> None:
        """Leave the workers as they were."""


class Here:
    """The engine of this process."""

    workers = 1

    def __init__(self, keep: int) -> None:
        self.keep = keep
        self.worker: Worker | None = None

    def start(self, task: Any, makers: Sequence[Maker]) -> None:
        copied = copy.deepcopy(task)
        if self.worker is None:
            self.worker = Worker(copied, dict(enumerate(makers)), self.keep)
        self.worker.task = copied

    def run(self, method: str, common: tuple[Any, ...], jobs: Sequence[Any], shared: bool) -> list[Done]:
        assert self.worker is not None
        groups = [jobs] if shared else [jobs[i : i + 1] for i in range(len(jobs))]
        return [opened(self.worker.call(method, common, group)) for group in groups]

    def stop(self) -> None:
        self.worker = None


def opened(result: Any, worker: str = "") -> Done:
    """What a call came to, if it is no failure."""
    if isinstance(result, Failure):
        raise result.error(worker)
    assert isinstance(result, Done)
    return result
