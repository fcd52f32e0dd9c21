"""`Cluster`: on which workers to compute, in how many parts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nn.checks import positive, whole
from nn.cluster.engine import Engine, Here
from nn.cluster.shards import Maker

CLIENT = (
    "{call}(cluster={got}): give it a `dask.distributed.Client`, or `nn.Cluster(client, parts=8)`; `nn.Cluster(None)` "
    "computes the same here."
)
ASYNCHRONOUS = (
    "Cluster(client) was given an asynchronous client, which is for programs in an event loop. Write "
    "`Client(address)` without `asynchronous=True`, in a thread of its own."
)
SEVERAL = (
    "This `nn.Cluster` computes something else already, such as the training that calls back here. Make another for "
    "what comes in between: `nn.Cluster(client)`."
)


class Cluster:
    """Workers, and the definition of what they compute together: it depends on `parts`, and not on who computes them.

    Parameters
    ----------
    client : dask.distributed.Client, optional
        None: compute the same definition in this process, to the same bits. An object with `start`, `run` and `stop`
        (`nn.cluster.engine.Engine`) is another engine.
    parts : int
        Into how many parts each batch is divided: workers compute whole parts, so this is the most that can be busy.
        Other numbers of parts are another computation, whose results differ in rounding, and where layers look at the
        batch, such as `BatchNorm`, in more. BLAS computes with one thread (extra `threads`, part of `cluster`).
    sync_every : int
        Above 1, each part takes so many steps by itself, and then the weights and the optimizer's state become the
        means over the parts: local SGD (Stich 2019), which sends less and is not the same computation.
    keep : int
        How many shards a worker keeps in memory. If it has more parts than that, each keeps a piece of its shard, and
        reads it several times. While it reads, it holds one more.
    patience : float
        The parts of a worker that was not heard of for so many seconds go to others; and as long a call waits for the
        first worker to come.

    Raises
    ------
    ValueError
        If an option is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> import nn
    >>> x = np.random.default_rng(0).standard_normal((200, 2))
    >>> y = (x[:, 0] * x[:, 1] > 0).astype(int)
    >>> model = nn.MLP([2, 16, 2], rng=0)
    >>> history = nn.fit(model, nn.cross_entropy, (x, y), cluster=nn.Cluster(None, parts=4), epochs=3)
    >>> len(history["loss"])
    3
    """

    def __init__(
        self, client: Any = None, *, parts: int = 8, sync_every: int = 1, keep: int = 2, patience: float = 60.0
    ) -> None:
        self.parts = whole("Cluster", "parts", parts)
        self.sync_every = whole("Cluster", "sync_every", sync_every)
        self.keep = whole("Cluster", "keep", keep)
        self.patience = positive("Cluster", "patience", patience)
        self.client = client
        self.engine = self._engine()
        self.owner: Any = None
        self.busy = 0.0
        """Seconds that the slowest worker computed for the last call."""

    def _engine(self) -> Engine:
        client: Any = self.client
        if client is None:
            return Here(self.keep)
        if all(callable(getattr(client, name, None)) for name in ("start", "run", "stop")) and not is_client(client):
            return client
        if not is_client(client):
            raise TypeError(CLIENT.format(call="Cluster", got=repr(client)))
        if client.asynchronous:
            raise TypeError(ASYNCHRONOUS)
        from nn.cluster.on_dask import OnDask

        return OnDask(client, self.keep, self.patience)

    @property
    def workers(self) -> int:
        """How many there are now."""
        return self.engine.workers

    def start(self, owner: object, task: Any, makers: Sequence[Maker]) -> None:
        """Take a task over, for one owner at a time."""
        if self.owner is not None and self.owner is not owner:
            raise RuntimeError(SEVERAL)
        self.owner = owner
        self.engine.start(task, makers)

    def stop(self, owner: object) -> None:
        """Leave the workers as they were, if it is their owner that says so."""
        if self.owner is owner:
            self.owner = None
            self.engine.stop()

    def run(self, method: str, common: tuple[Any, ...], jobs: Sequence[Any], shared: bool = False) -> list[Any]:
        """The results of all jobs, in groups as they were computed."""
        done = self.engine.run(method, common, jobs, shared)
        self.busy = max((one.seconds for one in done), default=0.0)
        return [one.result for one in done]

    def __repr__(self) -> str:
        return f"Cluster({self.client!r}, parts={self.parts}, sync_every={self.sync_every}, keep={self.keep})"


def is_client(client: Any) -> bool:
    """Whether it is a client of Dask's, or of a kind like it."""
    return hasattr(client, "scheduler_info") and hasattr(client, "submit")


def as_cluster(given: Any, call: str) -> Cluster:
    """The cluster, or that of a client with what is usual; None computes here."""
    if isinstance(given, Cluster):
        return given
    if given is None or is_client(given):
        return Cluster(given)
    raise TypeError(CLIENT.format(call=call, got=repr(given)))
