"""`Parts`: what a worker computes of a training, part by part. Which worker it is, and how many there are, is not known
here: all that it computes depends on what it is given."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from autograd_mini import Tensor, no_grad
from nn.checks import as_values, is_finite
from nn.cluster.deal import Job, Trip, order_of
from nn.cluster.sums import Node, Vectors, collapse
from nn.cluster.weights import Layout
from nn.cluster.worker import Store
from nn.losses.means import Counted, Mean, counted
from nn.module import Module
from nn.optimizers.clipping import clip_norm
from nn.training.causes import cause_of
from nn.training.evaluation import Bring, Loss, forward
from nn.training.gathered import values_of

NOT_FINITE = "The loss is {loss} at step {step} (epoch {epoch}, batch {batch}). {cause}"
PLACE = "In part {part} of step {step} (epoch {epoch}, batch {batch}): {rows}."
SHARD = "In shard {shard}{name}."
ROWS = "rows {rows} of shard {shard}{name}"
READING = "reading shard {shard}{name}"
SHOWN = 16  # rows that a message names


class Values(NamedTuple):
    """A model's values as they are sent."""

    parameters: Vectors
    buffers: Vectors
    training: tuple[bool, ...]
    learned: tuple[bool, ...]


class Where(NamedTuple):
    """Which batch it is."""

    epoch: int
    batch: int
    step: int
    parts: int
    present: tuple[int, ...]
    """The parts that have rows."""
    rows: int
    """Of the batch, or of all batches of the step."""


class Found(NamedTuple):
    """What a part's batch came to."""

    rows: int
    arrays: int
    """The arrays of the batch, but for the weights of its examples."""
    loss: float
    amount: float
    rates: tuple[float, ...]
    moved: tuple[bool, ...]
    """Which of the parameters have a gradient."""
    metrics: dict[str, Counted]
    output: Any
    target: Any
    probed: Any


class Options(NamedTuple):
    """What a training asks of its parts."""

    metrics: dict[str, Loss]
    gathered: tuple[str, ...]
    """The metrics of all examples at once, for which outputs and targets are returned."""
    weighted: bool
    """Whether the last array of a shard is the weights of its examples."""


class Model:
    """A model whose values, modes and generators are set from outside."""

    def __init__(self, model: Module) -> None:
        self.model = model
        self.parameters = list(model.parameters())
        self.buffers = [buffer for _, buffer in model.named_buffers()]
        self.modules = [model, *(module for _, module in model.named_modules())]
        self.generators = [generator for _, generator in model.named_generators()]
        self.layouts = Layout(self.parameters), Layout(self.buffers)
        self.bring = Bring(model)

    def values(self) -> Values:
        """Its values now, for another one of the same structure."""
        return Values(
            self.layouts[0].joined([parameter.data for parameter in self.parameters]),
            self.layouts[1].joined([buffer.data for buffer in self.buffers]),
            tuple(module.training for module in self.modules),
            tuple(parameter.requires_grad for parameter in self.parameters),
        )

    def take(self, values: Values) -> None:
        """Become like the one that the values are of."""
        parts = zip(self.parameters, self.layouts[0].parted(values.parameters), values.learned, strict=True)
        for parameter, array, learned in parts:
            parameter.data, parameter.grad = array, None
            if parameter.requires_grad is not learned:
                parameter.requires_grad = learned
        self.take_buffers(values)
        self.take_modes(values.training)

    def take_buffers(self, values: Values) -> None:
        for buffer, array in zip(self.buffers, self.layouts[1].parted(values.buffers), strict=True):
            buffer.data = array

    def take_modes(self, training: Sequence[bool]) -> None:
        if tuple(module.training for module in self.modules) == tuple(training):
            return
        self.model.train(any(training))  # which compiled steps notice
        for module, mode in zip(self.modules, training, strict=True):
            object.__setattr__(module, "training", mode)

    def seed(self, seed: int, *key: int) -> None:
        """Set each random generator to a state of its own."""
        for i, generator in enumerate(self.generators):
            sequence = np.random.SeedSequence(seed, spawn_key=(*key, i))
            generator.bit_generator.state = type(generator.bit_generator)(sequence).state

    def change_of_buffers(self, values: Values) -> Any:
        """How much they differ from those values, as one vector of float64; None if they do not."""
        before = self.layouts[1].parted(values.buffers)
        if all(same(buffer.data, array) for buffer, array in zip(self.buffers, before, strict=True)):
            return None
        return np.concatenate([
            np.zeros(array.size) if same(buffer.data, array)
            else np.reshape(np.subtract(buffer.data, array, dtype=np.float64), -1)
            for buffer, array in zip(self.buffers, before, strict=True)
        ])  # fmt: skip

    def change_buffers(self, change: Any) -> None:
        """Add a sum of such differences."""
        start = 0
        for buffer in self.buffers:
            part = change[start : start + buffer.size].reshape(buffer.shape)
            start += buffer.size
            if np.any(part):
                moved = buffer.data + part
                buffer.data = (np.rint(moved) if buffer.dtype.kind in "iu" else moved).astype(buffer.dtype)


def same(a: Any, b: Any) -> bool:
    """Whether two arrays are equal; NaN is as NaN."""
    return a is b or np.array_equal(a, b, equal_nan=a.dtype.kind in "fc")


class NotFinite(Exception):  # noqa: N818 (it becomes an error that says why)
    """The loss is not finite."""


class Moving:
    """The change of the weights, and the state of an optimizer, as vectors of which there are means over parts.

    Parameters
    ----------
    model : Model
    state : dict
        The optimizer's, after its steps.
    """

    def __init__(self, model: Model, state: dict[str, Any]) -> None:
        self.model, self.state = model, state
        self.names = [name for name, value in state.items() if is_averaged(value)]
        self.dtype = np.result_type(*(state[name] for name in self.names)) if self.names else None

    def vectors(self, values: Values) -> Vectors:
        """How much the model's weights differ from those values; and the state, None if there is none yet."""
        begun = self.model.layouts[0].parted(values.parameters)
        weights = [change(parameter.data, array) for parameter, array in zip(self.model.parameters, begun, strict=True)]
        kept = [np.ravel(self.state[name]).astype(self.dtype) for name in self.names]
        return [*self.model.layouts[0].joined(weights), np.concatenate(kept) if kept else None]

    def taken(self, vectors: Vectors) -> dict[str, Any]:
        """Change the weights by the mean; the optimizer's state with the mean of that."""
        *weights, kept = vectors
        for parameter, array in zip(self.model.parameters, self.model.layouts[0].parted(weights), strict=True):
            if np.any(array):
                parameter.data = parameter.data + array
        state, start = dict(self.state), 0
        for name in self.names:
            array = state[name]
            state[name] = kept[start : start + array.size].reshape(array.shape).astype(array.dtype)
            start += array.size
        return state


def is_averaged(value: Any) -> bool:
    """Whether a part of an optimizer's state is one of which there are means: arrays of numbers."""
    return isinstance(value, np.ndarray) and value.dtype.kind in "fc"


def change(after: Any, before: Any) -> Any:
    """How much an array changed; nothing where it is the same, infinite or not."""
    return np.where(after == before, 0, after - before).astype(after.dtype)


class Parts:
    """The task that workers are given.

    Parameters
    ----------
    model : Module
    loss : callable
    options : Options

    Attributes
    ----------
    names : sequence of str
        Of the shards, for messages.
    optimizer : Optimizer or None
        Of the model's parameters, where parts take steps by themselves.
    compile : dict or None
        With which options to compile the gradients.
    """

    def __init__(self, model: Module, loss: Any, options: Options) -> None:
        self.model, self.loss, self.options = model, loss, options
        self.names: Sequence[str] = ()
        self.optimizer: Any = None
        self.compile: dict[str, Any] | None = None
        self.compiled: Any = None
        self.state: Model | None = None

    def left_out(self) -> list[Any]:
        """The arrays that are sent with each call."""
        groups = getattr(self.optimizer, "groups", ())
        kept = [array for group in groups for state in group.state for array in state or () if is_averaged(array)]
        return [*kept, *(part.data for _, part in (*self.model.named_parameters(), *self.model.named_buffers()))]

    def bound(self) -> Model:
        """The model, looked through once."""
        if self.state is None:
            self.state = Model(self.model)
        return self.state

    def sizes(self, store: Store, jobs: Sequence[int], go_on: Callable[[], bool]) -> dict[int, int]:
        """How many examples shards have."""
        found = {}
        for shard in jobs:
            with self.said(SHARD, shard=shard):
                found[shard] = len(store.read(shard)[0])
            if not go_on():
                break
        return found

    def gradients(
        self, store: Store, values: Values, where: Where, probe: Any, jobs: Sequence[Job],
        go_on: Callable[[], bool],
    ) -> tuple[dict[Node, Vectors], dict[int, Found]]:  # fmt: skip
        """The sums of the gradients of some parts, each as its mean loss counts; and what each part came to.

        A part's share is how much its examples count, divided by the number of rows of the step.
        """
        model = self.bound()
        nodes: dict[Node, Vectors] = {}
        facts: dict[int, Found] = {}
        model.take(values)
        for job in jobs:
            if not go_on():
                break
            facts[job.part] = found = self.gradient(model, store, where, probe, job)
            gradients = [parameter.grad for parameter in model.parameters]
            moved = model.change_of_buffers(values)
            if moved is not None:
                moved *= found.rows / where.rows
                model.take_buffers(values)
            nodes[job.part, job.part + 1] = [*model.layouts[0].joined(gradients), moved]
            collapse(nodes, where.present, 0, where.parts)
        for parameter in model.parameters:
            parameter.grad = None
        return nodes, facts

    def alone(
        self, store: Store, values: Values, where: Where, state: dict[str, Any], clip: Any,
        jobs: Sequence[Trip], go_on: Callable[[], bool],
    ) -> tuple[dict[Node, Vectors], dict[int, tuple[list[Found], dict[str, Any]]]]:  # fmt: skip
        """Let each part take steps by itself; how much weights and states changed by that, on average over the rows."""
        model = self.bound()
        nodes: dict[Node, Vectors] = {}
        facts = {}
        for trip in jobs:
            if not go_on():
                break
            model.take(values)
            self.optimizer.load_state_dict(state)
            found = []
            for batch, job in trip.jobs:
                here = where._replace(batch=batch, step=where.step + batch - where.batch, rows=0)
                found.append(self.gradient(model, store, here, None, job))
                if found[-1].amount:
                    if clip is not None:
                        clip_norm(self.optimizer.parameters, clip)
                    self.optimizer.step()
            after = self.optimizer.state_dict()
            change = model.change_of_buffers(values)
            vectors = [*Moving(model, after).vectors(values), change]
            share = trip.rows / where.rows
            nodes[trip.part, trip.part + 1] = [None if v is None else v * v.dtype.type(share) for v in vectors]
            facts[trip.part] = found, after
            collapse(nodes, where.present, 0, where.parts)
        for parameter in model.parameters:
            parameter.grad = None
        return nodes, facts

    def gradient(self, model: Model, store: Store, where: Where, probe: Any, job: Job) -> Found:
        """Leave the gradient of a part's batch in the parameters, as its share of the step's rows if these are said."""
        with self.told(store, where, job) as batch:
            model.seed(job.seed, job.epoch, where.batch, job.part)
            probed: list[Any] = []
            try:
                if probe is not None and job.part == where.present[0]:
                    measured = lambda loss, seed: probed.append(probe(loss, seed=seed))
                    slopes = self.slopes(batch, where.rows, measured)
                else:
                    slopes = (self.slopes if self.program is None else self.program)(batch, where.rows)
            except NotFinite as error:
                cause = cause_of(model.model, self.loss, batch, self.options.weighted)
                raise FloatingPointError(NOT_FINITE.format(loss=error, cause=cause, **place(where))) from None
            output, loss, amount, rates, gradients = slopes
            for parameter, gradient in zip(model.parameters, gradients, strict=True):
                parameter.grad = gradient
            loss = loss.item() if amount else 0.0
            return self.found(model, job, batch, output, Counted(loss, amount, rates), *probed)

    def slopes(self, batch: tuple[Any, ...], rows: int, backward: Callable[..., Any] = Tensor.backward) -> Any:
        """The output, the loss and how much it counts, and the gradients of a batch: what is compiled."""
        model = self.bound()
        for parameter in model.parameters:
            parameter.grad = None
        output, _, found = forward(model.model, self.loss, batch, model.bring, self.options.weighted)
        if found.amount:
            loss = found.value.data
            if not is_finite(loss):
                raise NotFinite(loss.item())
            backward(found.value, seed=np.ones_like(loss) * (found.amount / rows if rows else 1))
        shown = values_of(output) if self.options.metrics else None
        value = found.value.data if found.amount else None
        return shown, value, found.amount, found.rates, [parameter.grad for parameter in model.parameters]

    @property
    def program(self) -> Any:
        """`slopes` as a compiled step, if that was asked for."""
        if self.compile is not None and self.compiled is None:
            from autograd_mini import compile

            self.compiled = compile(self.model, **self.compile)(self.slopes)
        return self.compiled

    def found(
        self, model: Model, job: Job, batch: tuple[Any, ...], output: Any, found: Counted, probed: Any = None
    ) -> Found:
        """What is told of a part."""
        options, arrays = self.options, len(batch) - self.options.weighted
        target = batch[arrays - 1] if arrays > 1 else None
        metrics = {}
        if found.amount:
            for name, metric in options.metrics.items():
                if name not in options.gathered:
                    one = counted(metric, job.rows, output, target)
                    metrics[name] = one._replace(value=as_number(one.value) if one.amount else None)
        shown = bool(options.gathered) and bool(found.amount)
        return Found(
            job.rows,
            arrays,
            found.value,
            float(found.amount),
            found.rates,
            tuple(parameter.grad is not None for parameter in model.parameters),
            metrics,
            output if shown else None,
            as_values(target) if shown and target is not None else None,
            probed,
        )

    @contextlib.contextmanager
    def told(self, store: Store, where: Where, job: Job) -> Generator[Any]:
        """A part's batch; an error inside says where it came up."""
        try:
            batch = store.batch(job)
        except Exception as error:
            some = [cut.shard for cut in job.cuts]
            rows = ", ".join(READING.format(shard=shard, name=self.name(shard)) for shard in some)
            error.add_note(PLACE.format(part=job.part, rows=rows, **place(where)))
            raise
        try:
            yield batch
        except Exception as error:
            rows = " and ".join(self.rows(store, job, cut) for cut in job.cuts)
            error.add_note(PLACE.format(part=job.part, rows=rows, **place(where)))
            raise

    def rows(self, store: Store, job: Job, cut: Any) -> str:
        """The rows of a shard, as it numbers them."""
        index = order_of(job.seed, job.epoch, cut.shard, store.sizes[cut.shard])[cut.start : cut.stop]
        shown = ", ".join(map(str, index[:SHOWN])) + (", ..." if len(index) > SHOWN else "")
        return ROWS.format(rows=shown, shard=cut.shard, name=self.name(cut.shard))

    def name(self, shard: int) -> str:
        return f" ({self.names[shard]})" if self.names[shard] else ""

    @contextlib.contextmanager
    def said(self, message: str, shard: int) -> Generator[None]:
        """An error inside says which shard it is."""
        try:
            yield
        except Exception as error:
            error.add_note(message.format(shard=shard, name=self.name(shard)))
            raise

    # Evaluation

    def evaluate(
        self, store: Store, values: Values, size: int, weighted: Any, whole: bool, jobs: Sequence[int],
        go_on: Callable[[], bool],
    ) -> dict[int, Any]:  # fmt: skip
        """Of each shard the mean loss, the means of metrics, and where they are asked for outputs and targets.

        `weighted` is whether the last array is weights, or how many arrays there are besides if it is.
        """
        model = self.bound()
        model.take(values)
        measured: dict[int, Any] = {}
        with no_grad():
            for shard in jobs:
                if not go_on():
                    break
                with self.said(SHARD, shard):
                    measured[shard] = self.evaluated(model, store.read(shard), shard, size, weighted, whole)
        return measured

    def evaluated(
        self, model: Model, arrays: tuple[Any, ...], shard: int, size: int, weighted: Any, whole: bool
    ) -> Any:
        has_weights = weighted if isinstance(weighted, bool) else len(arrays) == weighted + 1
        losses, outputs, targets = [], [], []
        metrics: Mapping[str, Mean] = {
            name: Mean() for name in self.options.metrics if name not in self.options.gathered
        }
        for i, start in enumerate(range(0, len(arrays[0]), size)):
            batch = tuple(array[start : start + size] for array in arrays)
            model.seed(0, shard, i, 0, 0)
            output, target, found = forward(model.model, self.loss, batch, model.bring, has_weights)
            if found.amount:
                losses.append(found._replace(value=as_values(found.value)))
            for name, mean in metrics.items():
                one = counted(self.options.metrics[name], len(batch[0]), output, target)
                if one.amount:
                    mean.add(as_number(one.value), one)
            if whole or self.options.gathered:
                outputs.append(values_of(output))
                targets.append(target)
        return losses, metrics, outputs, targets, len(arrays) - 1 - has_weights

    def predict(
        self, store: Store, values: Values, size: int, jobs: Sequence[int], go_on: Callable[[], bool]
    ) -> dict[int, list[Any]]:
        """The outputs for each shard."""
        model = self.bound()
        model.take(values)
        outputs: dict[int, list[Any]] = {}
        with no_grad():
            for shard in jobs:
                if not go_on():
                    break
                with self.said(SHARD, shard):
                    arrays = store.read(shard)
                    outputs[shard] = some = []
                    for i, start in enumerate(range(0, len(arrays[0]), size)):
                        model.seed(0, shard, i, 0, 0)
                        batch = model.bring.inputs([array[start : start + size] for array in arrays])
                        some.append(values_of(model.model(*batch)))
        return outputs


def as_number(value: Any) -> float:
    """A metric's or a loss's value."""
    return float(as_values(value))


def place(where: Where) -> dict[str, int]:
    return {"step": where.step, "epoch": where.epoch + 1, "batch": where.batch + 1}
