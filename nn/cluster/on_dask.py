"""`OnDask`: the engine of a Dask cluster. Workers come and go; a lost or silent one's jobs are computed by others."""

from __future__ import annotations

import collections
import contextlib
import itertools
import queue
import time
from collections.abc import Generator, Mapping, Sequence
from typing import Any, NamedTuple

from nn.cluster.engine import opened
from nn.cluster.shards import Maker, Slice
from nn.cluster.weights import aligned, packed, unpacked
from nn.cluster.worker import Done, Halted, Lacks, Worker

NO_SCHEDULER = (
    "The connection to Dask's scheduler {address} was lost. The model has the weights of the last step. Start a "
    "scheduler and workers, and go on from a checkpoint: `nn.fit(..., checkpoint='run.safetensors', resume=True)`."
)
NO_WORKERS = (
    "Dask's scheduler {address} has had no worker for {patience:g} seconds that answers. Start some: "
    "`dask worker {address}`; `nn.Cluster(client, patience=...)` waits longer."
)
LOST_OFTEN = (
    "Workers were lost {times} times over the same jobs; the last time: {cause!r}. Jobs may need more memory than a "
    "worker has: look into the workers' logs, or write `nn.Cluster(client, parts=...)` with more parts."
)

NOT_SENT = (
    "What is sent to the workers cannot be pickled: {what}. Open files, locks and connections stay where they are: let "
    "the function make them, where it is called."
)

ANSWER = 4.0  # seconds without the scheduler's answer, after which it is lost
LOOK = 1.0  # seconds between two looks at which workers there are
TICK = 0.2  # seconds of waiting between two looks at the clock
OFTEN = 20  # losses of the same jobs


class SchedulerLostError(ConnectionError):
    """The scheduler of the cluster does not answer any more."""


class NoWorkersError(RuntimeError):
    """There are no workers, or all of them are lost again and again."""


class Flight(NamedTuple):
    """Jobs that a worker has."""

    worker: str
    jobs: Sequence[Any]


class Lost(NamedTuple):
    """An answer that did not come, and why."""

    cause: BaseException


class Hand:
    """What is known of a worker.

    Attributes
    ----------
    future, actor
        Of the `Worker` there.
    held : tuple of int or None
        The shards whose functions it has; None if it asks for those that it lacks.
    """

    def __init__(self, future: Any) -> None:
        self.future: Any = future
        self.actor: Any = None
        self.held: tuple[int, ...] | None = ()


class OnDask:
    """Calls actors on the workers.

    Parameters
    ----------
    client : dask.distributed.Client
    keep : int
        As of `Cluster`.
    patience : float
    """

    def __init__(self, client: Any, keep: int, patience: float) -> None:
        self.client, self.keep, self.patience = client, keep, patience
        self.task: bytes | None = None
        self.makers: Sequence[Maker] = ()
        self.hands: dict[str, Hand] = {}
        self.futures: list[Any] = []  # of all actors, those of lost workers among them
        self.answers: queue.SimpleQueue[tuple[int, Any]] = queue.SimpleQueue()
        self.numbers = itertools.count()
        self.flights: dict[int, Flight] = {}
        self.heard: dict[str, tuple[Any, float]] = {}
        self.tried: set[int] = set()  # the shards whose functions were pickled once
        self.looked = self.answered = -1e9
        self.lost = 0

    @property
    def workers(self) -> int:
        return len(self.heard)

    def start(self, task: Any, makers: Sequence[Maker]) -> None:
        with sendable("the model, the loss or the metrics"):
            data = packed(task, task.left_out())
        if data != self.task:
            self.release()
            self.task, self.makers = data, makers

    def stop(self) -> None:
        """Let the workers leave what they do, and forget the task."""
        for flight in self.flights.values():
            hand = self.hands.get(flight.worker)
            if hand is not None and hand.actor is not None and self.client.status == "running":
                with contextlib.suppress(Exception):
                    hand.actor.halt()
        end = time.monotonic() + 2
        while self.flights and time.monotonic() < end and self.client.status == "running":
            with contextlib.suppress(queue.Empty):
                number, _ = self.answers.get(timeout=TICK)
                self.flights.pop(number, None)
        self.release()
        self.task, self.makers, self.tried = None, (), set()

    def release(self) -> None:
        """Take the actors from the workers."""
        if self.futures and self.client.status == "running":
            with contextlib.suppress(OSError, TimeoutError):  # at once, and not when Python looks for cycles
                self.client.cancel(self.futures, force=True)
        self.flights, self.hands, self.futures = {}, {}, []

    def run(self, method: str, common: tuple[Any, ...], jobs: Sequence[Any], shared: bool) -> list[Done]:
        self.flights = {}
        names = self.present(time.monotonic() + self.patience)
        shared = shared or len(jobs) <= self.keep * len(names)  # then each worker keeps what it reads
        groups = collections.deque(shares(jobs, len(names) if shared else -(-len(jobs) // self.keep)))
        done: list[Done] = []
        losses = 0
        end = time.monotonic() + self.patience  # until when some worker has to answer
        while groups or self.flights:
            busy = {flight.worker for flight in self.flights.values()}
            for name in names:
                if groups and name not in busy:
                    self.send(name, method, common, groups.popleft(), {})
            try:
                number, answer = self.answers.get(timeout=TICK)
            except queue.Empty:
                number, answer = -1, None
            flight = self.flights.pop(number, None)
            if flight is not None:
                if isinstance(answer, Lost):
                    losses += 1
                    self.lose(flight.worker)
                    groups.appendleft(flight.jobs)
                    if losses >= OFTEN:
                        raise NoWorkersError(LOST_OFTEN.format(times=losses, cause=answer.cause)) from answer.cause
                elif isinstance(answer, Lacks):
                    makers = {shard: self.makers[shard] for shard in answer.shards}
                    self.send(flight.worker, method, common, flight.jobs, makers)
                elif isinstance(answer, Halted):
                    groups.appendleft(flight.jobs)
                else:
                    found = opened(answer, flight.worker)
                    done.append(found._replace(result=aligned(found.result)))
                    self.hands[flight.worker].held = found.held
                end = time.monotonic() + self.patience
                if isinstance(answer, Done) and not groups and not self.flights:
                    break
            names = self.present(end)
            for number, flight in list(self.flights.items()):
                if flight.worker not in names:
                    del self.flights[number]
                    self.lose(flight.worker)
                    groups.append(flight.jobs)
        return done

    def send(
        self, name: str, method: str, common: tuple[Any, ...], jobs: Sequence[Any], makers: Mapping[int, Maker]
    ) -> None:
        """Let a worker begin."""
        hand = self.hands.get(name)
        if hand is None:
            future = self.client.submit(
                Worker, self.task, {}, self.keep, unpacked, actor=True, workers=[name], allow_other_workers=False,
                pure=False,
            )  # fmt: skip
            self.futures.append(future)
            hand = self.hands[name] = Hand(future)
        if not makers and hand.held is not None:
            needed = {shard for job in jobs for shard in getattr(job, "shards", (job,))}
            makers = {shard: self.makers[shard] for shard in needed.difference(hand.held)}
        for shard in makers.keys() - self.tried:
            with sendable(f"the function of shard {shard}"):
                check_maker(makers[shard])
            self.tried.add(shard)
        number = next(self.numbers)
        self.flights[number] = Flight(name, jobs)
        self.client.loop.add_callback(self.fly, number, hand, method, common, jobs, makers)

    async def fly(  # noqa: PLR0917
        self, number: int, hand: Hand, method: str, common: tuple[Any, ...], jobs: Sequence[Any], makers: Any
    ) -> None:
        """Wait for a worker's answer, in the client's event loop."""
        answer: Any
        arguments = [method, common, jobs, makers]
        try:
            if hand.actor is None:
                with self.client.as_current():
                    hand.actor = await hand.future
            answer = await hand.actor.call_with(arguments)
        except Exception as error:  # noqa: BLE001 (users' errors are results, so it is the way that failed)
            answer = Lost(error)
        arguments.clear()  # or Dask would hold the weights until Python looks for cycles
        self.answers.put((number, answer))

    def lose(self, name: str) -> None:
        """Forget what a worker had."""
        self.lost += 1
        self.hands.pop(name, None)
        self.looked = -1e9

    def present(self, end: float) -> list[str]:
        """The workers that answer, in a fixed order; waits for the first of them until `end`."""
        while True:
            self.look()
            now = time.monotonic()
            names = sorted(name for name, (_, since) in self.heard.items() if now - since < self.patience)
            if names and self.client.status == "running":
                return names
            if now > end:
                raise NoWorkersError(NO_WORKERS.format(address=self.address, patience=self.patience))
            time.sleep(TICK)

    def look(self) -> None:
        """Ask the scheduler which workers there are, and when it heard of each; not more often than is of use."""
        now = time.monotonic()
        if now - self.looked < LOOK and self.heard and self.client.status == "running":
            return  # what is asked for more often costs more than the steps of a small model
        info: Any = None
        self.looked = now
        with contextlib.suppress(OSError, TimeoutError):
            if self.client.status == "running":
                info = self.client.sync(self.client.scheduler.identity, n_workers=-1, callback_timeout=ANSWER)
        if info is None:
            if self.client.status in {"closed", "closing"} or time.monotonic() - self.answered > ANSWER:
                raise SchedulerLostError(NO_SCHEDULER.format(address=self.address))
            return
        self.looked = self.answered = time.monotonic()
        heard = {}
        for name, facts in info["workers"].items():
            known = self.heard.get(name)
            seen = facts.get("last_seen")
            if facts.get("status", "running") == "running":
                heard[name] = known if known is not None and known[0] == seen else (seen, self.answered)
        self.heard = heard
        for name in self.hands.keys() - heard.keys():
            del self.hands[name]

    @property
    def address(self) -> str:
        scheduler = getattr(self.client, "scheduler", None)
        return getattr(scheduler, "address", "") or ""


@contextlib.contextmanager
def sendable(what: str) -> Generator[None]:
    """An error inside is that something cannot be sent."""
    try:
        yield
    except Exception as error:
        error.add_note(NOT_SENT.format(what=what))
        raise


def check_maker(maker: Maker) -> None:
    """Raise what comes up when it is pickled; arrays are not tried."""
    import cloudpickle

    if not isinstance(maker, Slice):
        cloudpickle.dumps(maker)


def shares(jobs: Sequence[Any], count: int) -> list[Sequence[Any]]:
    """The jobs in so many groups of neighbours, fewer if there are fewer jobs."""
    cuts = [len(jobs) * i // count for i in range(count + 1)]
    return [jobs[start:stop] for start, stop in itertools.pairwise(cuts) if start < stop]
