"""A training, an evaluation or a prediction spread over a cluster: what is asked of workers, and what is made
of their answers. The formulas of a part are in parts.py; the loop is `fit`'s."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from autograd_mini import devices
from nn.checks import as_values
from nn.cluster.cluster import Cluster
from nn.cluster.deal import Deal, trips
from nn.cluster.shards import Shards
from nn.cluster.sums import Node, Vectors, added, total
from nn.losses.means import UNEQUAL, Counted, Mean, is_mean
from nn.module import Module
from nn.optimizers.clipping import clip_norm
from nn.training.data import DataLoader
from nn.training.evaluation import NOTHING, SAMPLE_WEIGHT, Loss, is_given, mean_of, mode, of_all
from nn.training.gathered import Gathered, put_together
from nn.training.parts import Found, Model, Moving, Options, Parts, Where
from nn.training.positions import position_of
from nn.training.told import Told

LOADER = (
    "{call}(cluster=...) was given a DataLoader, whose batches this process would make for all workers. Give `(x, y)`, "
    "or `nn.Shards`, which workers read: `nn.Shards.files(paths, read)`."
)
NO_SHARDS = (
    "{call}(cluster=...) was given a {what} as data. Write `(x, y)` for arrays; `nn.Shards.files(paths, read)`, "
    "`nn.Shards.dask(x, y)` or `nn.Shards([make_0, make_1])` for what is larger."
)
ON_DEVICE = (
    "{call}(cluster=...) was given a model on {device}, and workers compute with NumPy's own arrays. Write "
    '`model.to_device("cpu")`.'
)
BACKWARD = (
    "fit(cluster=...): {callback!r} does the backward, which workers do, and has no `probe`. Give it "
    "`probe()`, which returns None or a function `(loss, **options)` that workers call for the first part of a batch, "
    "and `probed(result)`, which is told what that returned; as `nn.SignalLog` has them."
)
ALONE = (
    "fit({option}) cannot be together with `nn.Cluster(sync_every={every})`, where each part takes steps by itself. "
    "Write `sync_every=1`."
)
READ_EVERY = "fit(cluster=..., read_every={got}): read_every is for models on a device. Leave it out."


class Places:
    """What stands for a loader: it gives out which batch of which epoch is next, and keeps the position."""

    collate = None
    seeded = False

    def __init__(self, deal: Deal) -> None:
        self.deal = deal
        self.epoch = self.batch = 0
        self._resumed = False

    @property
    def seed(self) -> int:
        return self.deal.seed

    @seed.setter
    def seed(self, seed: int) -> None:
        self.deal.seed = seed

    def __len__(self) -> int:
        return len(self.deal)

    def read_only(self, send: Any = None) -> Generator[tuple[int, int]]:  # noqa: ARG002 (no batch is here to be sent)
        """The rest of an epoch."""
        if self.batch and not self._resumed:
            self.epoch, self.batch = self.epoch + 1, 0
        self._resumed = False
        epoch = self.epoch
        for batch in range(self.batch, len(self)):
            self.batch = batch + 1
            yield epoch, batch
        self.epoch, self.batch = epoch + 1, 0

    def _kind(self) -> dict[str, Any]:
        deal = self.deal
        return {
            "examples": deal.rows,
            "shards": len(deal.sizes),
            "parts": deal.parts,
            "batch_size": deal.batch_size,
        }

    def state_dict(self) -> dict[str, Any]:
        """The seed and the position."""
        return {"seed": self.seed, "epoch": self.epoch, "batch": self.batch, **self._kind()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on at a saved position; ValueError if it is one in other data."""
        self.seed, self.epoch, self.batch = position_of(state, self._kind())
        self._resumed = True


class Spread:
    """A training's part of the work that a cluster does.

    Parameters
    ----------
    cluster : Cluster
    model : Module
    loss : callable
    metrics : dict of callables
    size : int
        Rows of a batch.
    seed : int
    """

    def __init__(  # noqa: PLR0917
        self, cluster: Cluster, model: Module, loss: Loss, metrics: dict[str, Loss], size: int, seed: int
    ) -> None:
        check_device(model, "fit")
        self.cluster, self.size, self.seed = cluster, size, seed
        self.model = Model(model)
        self.group = cluster.sync_every
        self.task = Parts(model, loss, options_of(metrics, None))
        self.validation: Shards | None = None
        self.guard = model.__step_guard__()[1]
        self.settings: Any = None
        self.optimizer: Any = None
        self.schedules: list[Any] = []
        self.rows, self.since = 0, time.monotonic()

    @property
    def alone(self) -> bool:
        """Whether each part takes steps by itself."""
        return self.group > 1

    def check(self, callbacks: Sequence[Any], accumulate: int, read_every: int, compile: Any) -> None:
        """Take the options that matter to the parts; refuse what cannot be together with a cluster."""
        if read_every != 1:
            raise ValueError(READ_EVERY.format(got=read_every))
        if compile is not False:
            self.task.compile = compile if isinstance(compile, dict) else {}
        probed = [callback for callback in callbacks if callable(getattr(callback, "backward", None))]
        for callback in probed:
            if not callable(getattr(callback, "probe", None)):
                raise TypeError(BACKWARD.format(callback=callback))
        if self.alone and (accumulate > 1 or probed):
            option = f"callbacks=[{probed[0]!r}]" if probed else f"accumulate={accumulate}"
            raise ValueError(ALONE.format(option=option, every=self.group))

    def loader_of(self, data: Any, validation: Any, sample_weight: Any) -> Places:
        """What gives out the batches of the data."""
        shards = as_shards(data, "fit", sample_weight)
        if not isinstance(validation, DataLoader | None):
            self.validation = as_shards(validation, "fit(validation=...)")
        self.task.options = options_of(self.task.options.metrics, sample_weight)
        self.count = len(shards)
        self.makers, self.task.names = makers_of([shards, *([self.validation] if self.validation else [])])
        if shards.sizes is None:
            with contextlib.closing(self):
                self.current()
                shards.sizes = asked(self.cluster, "sizes", (), range(len(shards)))
        self.loader = Places(Deal(shards.sizes, self.cluster.parts, self.size, self.seed))
        return self.loader

    def told(self, run: Any, group: Sequence[tuple[int, int]]) -> Iterator[Told]:
        """Take a step by the gradients of all parts of some batches; what came of each batch that counts."""
        self.current()
        run.optimizer.zero_grad()
        if self.alone:
            yield from self.told_alone(run, group)
            return
        deal = self.loader.deal
        rows = sum(deal.size(batch) for _, batch in group)
        whole, gradient, moved = Mean(), None, np.zeros(len(self.model.parameters), bool)
        told = []
        for epoch, batch in group:
            jobs = deal.jobs(epoch, batch)
            present = tuple(job.part for job in jobs)
            where = Where(epoch, batch, run.step, deal.parts, present, rows)
            probe = None if run.measures is None else run.measures.probe()
            common = self.model.values(), where, probe
            nodes: dict[Node, Vectors] = {}
            facts: dict[int, Found] = {}
            for some, found in self.cluster.run("gradients", common, jobs, shared=True):
                nodes |= some
                facts |= found
            *vectors, change = total(nodes, present, deal.parts)
            if change is not None:
                self.model.change_buffers(change)
            gradient = vectors if gradient is None else added(gradient, vectors)
            parts = [facts[part] for part in present]
            moved |= np.any([part.moved for part in parts], axis=0)
            if parts[0].probed is not None:
                run.measures.probed(parts[0].probed)
            mean = taken_together(parts, whole)
            if mean.amount:
                told.append(self.as_told(mean, parts))
        self.rows += rows
        if not whole.amount:
            return
        for parameter, array, has in zip(self.model.parameters, self.parted(gradient, rows / whole.amount), moved,
                                         strict=True):  # fmt: skip
            parameter.grad = array if has else None
        if run.clip_norm is not None:
            clip_norm(run.optimizer.parameters, run.clip_norm)
        run.optimizer.step()
        yield from told

    def told_alone(self, run: Any, group: Sequence[tuple[int, int]]) -> Iterator[Told]:
        """Let each part take steps by itself, and take the means over the parts; what came of all of them together."""
        deal, epoch = self.loader.deal, group[0][0]
        jobs = trips([(batch, deal.jobs(epoch, batch)) for _, batch in group])
        present = tuple(job.part for job in jobs)
        rows = sum(job.rows for job in jobs)
        where = Where(epoch, group[0][1], run.step, deal.parts, present, rows)
        state = run.optimizer.state_dict()
        nodes: dict[Node, Vectors] = {}
        facts: dict[int, tuple[list[Found], dict[str, Any]]] = {}
        common = self.model.values(), where, state, run.clip_norm
        for some, found in self.cluster.run("alone", common, jobs, shared=True):
            nodes |= some
            facts |= found
        *vectors, change = total(nodes, present, deal.parts)
        most = max(present, key=lambda part: (len([one for one in facts[part][0] if one.amount]), -part))
        if change is not None:
            self.model.change_buffers(change)
        moved = Moving(self.model, facts[most][1])
        run.optimizer.load_state_dict(moved.taken(vectors))
        parts = [one for part in present for one in facts[part][0]]
        self.rows += rows
        mean = taken_together(parts, Mean())
        if mean.amount:
            yield self.as_told(mean, parts)

    def join(self, run: Any) -> None:
        """Take part in a training."""
        self.optimizer = run.optimizer
        if self.alone:
            self.task.optimizer = run.optimizer

    def current(self) -> None:
        """Let the workers know if the model was changed in more than its values, or the optimizer's schedules."""
        now = self.guard()
        groups = getattr(self.optimizer, "groups", ())
        schedules = [group.learning_rate for group in groups if callable(group.learning_rate)]
        if now is not self.settings or schedules != self.schedules:
            self.settings, self.schedules = now, schedules
            self.cluster.start(self, self.task, self.makers)

    def parted(self, vectors: Any, factor: float) -> list[Any]:
        """A sum of gradients as arrays that are the caller's own."""
        own = [vector if vector.flags.writeable else np.array(vector) for vector in vectors]
        if factor != 1:
            own = [vector * vector.dtype.type(factor) for vector in own]
        return self.model.layouts[0].parted(own)

    def as_told(self, mean: Mean, parts: list[Found]) -> Told:
        """What came of a batch, from what came of its parts."""
        counting = [part for part in parts if part.amount]

        def metrics() -> Iterator[tuple[str, Counted]]:
            for name in counting[0].metrics:
                of_metric = Mean()
                for part in counting:
                    if part.metrics[name].amount:
                        of_metric.add(part.metrics[name].value, part.metrics[name])
                yield name, Counted(of_metric.value, of_metric.amount)

        output = target = None
        if self.task.options.gathered:
            output = put_together([part.output for part in counting])
            if counting[0].target is not None:
                target = np.concatenate([part.target for part in counting])
        counted = Counted(None, mean.amount, mean.rates or ())
        return Told(np.asarray(mean.value), counted, counting[0].arrays, output, target, metrics)

    def facts(self) -> dict[str, float]:
        """For the progress bar: how many workers there are, and how many examples they train with in a second."""
        now = time.monotonic()
        speed = self.rows / max(now - self.since, 1e-9)
        if now - self.since > 5:
            self.rows, self.since = self.rows // 2, (self.since + now) / 2
        return {"workers": self.cluster.workers, "examples/s": speed}

    def evaluated(self, run: Any) -> dict[str, float]:
        """The loss and the metrics of the validation."""
        self.current()
        assert self.validation is not None
        places = range(self.count, self.count + len(self.validation))
        with mode(self.task.model, False):
            values = self.model.values()
        return evaluated(self.cluster, self.task, values, places, self.size, run.count or False)

    def close(self) -> None:
        """Leave the workers as they were."""
        self.settings = None
        self.cluster.stop(self)


def taken_together(parts: list[Found], whole: Mean) -> Mean:
    """The mean loss of the parts of a batch; `whole` is told how much they count as well."""
    mean = Mean()
    for part in parts:
        if part.amount:
            counted = Counted(None, part.amount, part.rates)
            mean.add(part.loss, counted)
            whole.add(0.0, counted)
    if not (mean.exact and whole.exact):
        raise ValueError(UNEQUAL.format(call="fit(cluster=...)"))
    return mean


def evaluated(  # noqa: PLR0917
    cluster: Cluster, task: Parts, values: Any, places: Sequence[int], size: int, weighted: Any
) -> dict[str, float]:
    """The loss and metrics over some shards."""
    found = asked(cluster, "evaluate", (values, size, weighted, False), places)
    mean = mean_of([loss for losses, *_ in found for loss in losses])
    if not mean.amount:
        raise ValueError(NOTHING.format(call="evaluate"))
    value = mean.value
    if not mean.exact:
        found = asked(cluster, "evaluate", (values, size, weighted, True), places)
        value = of_all(task.loss, gathered(found))
    options = task.options
    measured = gathered(found).measured({name: options.metrics[name] for name in options.gathered}, "evaluate")
    for name in options.metrics:
        if name not in options.gathered:
            means = [metrics[name] for _, metrics, *_ in found]
            measured[name] = sum(mean.total for mean in means) / sum(mean.amount for mean in means)
    return {"loss": value} | {name: measured[name] for name in options.metrics}


def asked(cluster: Cluster, method: str, common: tuple[Any, ...], places: Sequence[int]) -> list[Any]:
    """What a method found of each shard, in their order."""
    found = {shard: one for some in cluster.run(method, common, places) for shard, one in some.items()}
    return [found[place] for place in places]


def gathered(found: list[Any]) -> Gathered:
    """The outputs and targets of shards."""
    together = Gathered(None)
    for _, _, outputs, targets, inputs in found:
        for output, target in zip(outputs, targets, strict=True):
            together.add(output, None if target is None else as_values(target), inputs)
    return together


# Arguments


def as_shards(data: Any, call: str, sample_weight: Any = None) -> Shards:
    """Shards of arrays, with the weights as the last of them, or those that were given."""
    weights = (sample_weight,) if is_given(sample_weight) and sample_weight is not True else ()
    if isinstance(data, Shards):
        if weights:
            raise TypeError(SAMPLE_WEIGHT.format(call=call))
        return data
    if isinstance(data, DataLoader):
        raise TypeError(LOADER.format(call=call))
    arrays = data if isinstance(data, tuple | list) else (data,)
    if not arrays or not all(isinstance(part, list) or hasattr(part, "shape") for part in arrays):
        raise TypeError(NO_SHARDS.format(call=call, what=type(data).__name__))
    make = Shards.dask if is_lazy(arrays) else Shards.arrays
    return make(*arrays, *weights)


def is_lazy(data: Any) -> bool:
    """Whether there are Dask's arrays among those of the data."""
    arrays = data if isinstance(data, tuple | list) else (data,)
    return any(devices.is_lazy(devices.adopted(part)) for part in arrays)


def makers_of(shards: Sequence[Shards]) -> tuple[list[Any], list[str]]:
    """The functions of several shards one after the other, and what messages call them: the paths of files."""
    makers = [maker for some in shards for maker in some.makers]
    return makers, [str(getattr(maker, "path", "")) for maker in makers]


def check_device(model: Module, call: str) -> None:
    if model.device != "cpu":
        raise ValueError(ON_DEVICE.format(call=call, device=model.device))


def options_of(metrics: dict[str, Loss], sample_weight: Any) -> Options:
    others = tuple(name for name, metric in metrics.items() if not is_mean(metric))
    return Options(metrics, others, is_given(sample_weight))


@contextlib.contextmanager
def started(cluster: Cluster, call: str, task: Parts, shards: Shards) -> Generator[Any]:
    """The model's values, while the cluster has the task."""
    check_device(task.model, call)
    makers, task.names = makers_of([shards])
    with mode(task.model, False):
        values = Model(task.model).values()
    try:
        cluster.start(task, task, makers)
        yield values
    finally:
        cluster.stop(task)


def evaluate_over(  # noqa: PLR0917
    cluster: Cluster, model: Module, loss: Loss, data: Any, metrics: dict[str, Loss], size: int, sample_weight: Any
) -> dict[str, float]:
    """`evaluate` on a cluster."""
    shards = as_shards(data, "evaluate", sample_weight)
    task = Parts(model, loss, options_of(metrics, sample_weight))
    with started(cluster, "evaluate", task, shards) as values:
        return evaluated(cluster, task, values, range(len(shards)), size, is_given(sample_weight))


def predict_over(cluster: Cluster, model: Module, data: Any, size: int) -> Any:
    """`predict` on a cluster."""
    shards = as_shards(data, "predict")
    with started(cluster, "predict", Parts(model, None, options_of({}, None)), shards) as values:
        found = asked(cluster, "predict", (values, size), range(len(shards)))
    return put_together([output for outputs in found for output in outputs])
