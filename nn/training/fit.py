"""`fit`: the training loop, with validation, callbacks, a progress bar, and checkpoints that it resumes from."""

from __future__ import annotations

import contextlib
import itertools
import math
import os
import sys
import warnings
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from autograd_mini import Tensor, devices
from nn.checks import as_seed, is_finite, whole
from nn.cluster import Shards, as_cluster
from nn.elsewhere import explains
from nn.losses.means import UNEQUAL, Counted, Mean, counted, is_mean, is_some
from nn.module import Module
from nn.optimizers.clipping import clip_norm
from nn.optimizers.rules import Adam
from nn.training.causes import cause_of
from nn.training.data import DataLoader
from nn.training.evaluation import (
    NOTHING,
    Bring,
    Loss,
    Metrics,
    as_loader,
    as_metrics,
    check_loss,
    check_model,
    evaluated,
    forward,
    is_given,
    mode,
    read_together,
)
from nn.training.gathered import Gathered, number, values_of
from nn.training.history import History
from nn.training.progress import Bar
from nn.training.remainder import small_last
from nn.training.settings import Settings, compared, rates_of, settings_of
from nn.training.sources import Batch
from nn.training.spread import Spread, is_lazy
from nn.training.told import Told

NOT_AN_OPTIMIZER = (
    "fit(optimizer={got!r}): give it an optimizer, such as `nn.Adam(model.parameters(), 1e-3)`, or a function that "
    "makes one from parameters, such as `nn.Adam`."
)
MAKES_ONE = (
    "fit(optimizer=...) called it with the parameters alone. Write e.g. `lambda parameters: nn.SGD(parameters, 0.1)`."
)
BATCH_SIZE = (
    "fit(batch_size={got!r}) was given a DataLoader, which makes batches of its own size. Give the size to the loader: "
    "`nn.DataLoader(..., batch_size={got!r})`."
)
CLIP = "fit(clip_norm={got!r}): the largest norm that all gradients together may have, a positive number."
CALLBACK = (
    "fit(callbacks=...): {got!r} is no callback. Give a function, which is called after each epoch, or an object with "
    "one of {moments}, such as `nn.EarlyStopping()`."
)
TWO_BACKWARDS = "fit(callbacks=...): {first!r} and {second!r} both have a `backward`. One of them can do it."
CHECKPOINT = "fit({option}): there is no checkpoint to {verb}. Write `fit(checkpoint='run.safetensors', {option})`."
NOT_FINITE = "The loss is {loss} at step {step} (epoch {epoch}, batch {batch}{of}). {cause}"
OTHER_MODEL = (
    "fit(optimizer=...): none of the optimizer's parameters is one of the model's, which would not learn. Make it from "
    "the model that is trained, `nn.Adam(model.parameters())`; a copy, as `astype` makes, has parameters of its own."
)
RESUME = (
    "fit(resume=...) goes on with the same kinds of model, optimizer, data, metrics and callbacks as the call that "
    "wrote the file. For its weights alone write `nn.load(path, model)`, and `fit` without `resume`."
)
STOPPED = (
    "fit(resume=...): the training had stopped after {epoch} epochs ({reason}), and nothing was trained now. To go on "
    "from the weights that the model has, call `fit` once more without `resume`."
)
GOES_ON = "fit(resume=...) goes on from {path}: with epoch {epoch} of {epochs}, after {step} steps."
NOTHING_LEFT = (
    "fit(resume=...) found {epoch} complete epochs in {path}, and {epochs} were asked for in all, so nothing was "
    "trained now. Ask for more `epochs`."
)
BEGINS = "fit(resume=True) found no {path}, and begins with epoch 1 of {epochs}."
COMPILE = (
    "fit(compile={got}): write True, False, or options of `autograd_mini.compile`, such as `compile={{'fast': True}}`."
)
MEASURED = (
    "fit(compile=True): the steps whose backward a callback does, such as those that `nn.SignalLog` measures, are "
    "computed without the program."
)
STATE = "load_state_dict() was given a state that is none of a training: {key} = {value!r}."

COMPILED = (
    "fit(compile=True) was given a model on {device}, and a compiled step computes with NumPy's own arrays. Leave "
    '`compile` out, or write `model.to_device("cpu")`.'
)
NOTHING_COUNTS = (
    "No example of the batch of step {step} counts: all labels are ignored, or all weights are 0. It was known after "
    "the step was taken, as `fit(read_every={every})` says. Write `read_every=1`, which passes over such batches."
)
READ_LATER = (
    "It was read after later steps were taken with it, as `fit(read_every={every})` says. Write `read_every=1` to stop "
    "before such a step, with the batch at hand."
)

Descent = tuple[Any, Any, float, tuple[float, ...]] | None
Unread = tuple[Any, Counted, int]  # a loss, how much it counts, and the number of its step

MOMENTS = "on_start", "on_resume", "on_step", "on_epoch", "on_end"


@explains("fit")
def fit(
    model: Module,
    loss: Loss,
    data: Any,
    *,
    optimizer: Any = None,
    epochs: int = 10,
    batch_size: int | None = None,
    validation: Any = None,
    metrics: Metrics = (),
    callbacks: Any = (),
    sample_weight: Any = None,
    accumulate: int = 1,
    clip_norm: float | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    checkpoint_every: int | None = None,
    resume: bool | str | os.PathLike[str] = False,
    progress: bool | None = None,
    rng: int | np.random.Generator | None = 0,
    compile: bool | dict[str, Any] = False,
    read_every: int = 1,
    cluster: Any = None,
) -> History:
    """Train a model; one seed decides every random choice, so the same call gives the same bits.

    Parameters
    ----------
    model : Module
        Changed in place. It is in training mode meanwhile, and then in the mode it was in.
    loss : callable
        `loss(output, target)`, the mean over a batch, such as `nn.cross_entropy`. Where means of batches are put
        together, each counts as the loss says (docs/training.md): the losses of nn know what they are the mean of;
        others count each example once, or say otherwise by `loss.count(outputs, targets)`. A batch that counts nothing,
        such as one whose labels are all ignored, is passed over.
    data : tuple of arrays, DataLoader or Shards
        `(x, y)`, shuffled anew for each epoch; or a loader, whose batches are `(x, y)`; or shards, for a cluster. Of
        longer tuples all but the last are inputs of the model; of a single array there is no target, and the loss gets
        the output alone. Dask's arrays are shards, a block of rows each; for a model on "dask" they stay lazy. Inputs
        of a wider floating-point dtype than the model's are brought to its dtype, and so are whole numbers, unless they
        are places in an `Embedding` or what a module of your own makes of them.
    optimizer : Optimizer or callable, optional
        An optimizer of the model's parameters, or what makes one from parameters; by default `nn.Adam`.
    epochs : int
        Passes over the data in all, those before a resume included.
    batch_size : int, optional
        For arrays, by default 32; the last batch of an epoch may be smaller, of which a warning says where it is bad
        for an `nn.BatchNorm`. A loader has its own.
    validation : tuple of arrays or DataLoader, optional
        Evaluated after each epoch, in evaluation mode: "val_loss" and so on in the history. One array more than the
        data has are the weights of its examples: `(x, y, w)`.
    metrics : sequence or dict of callables
        `metric(output, target)`, a number, such as `nn.accuracy`: that of all examples of an epoch, not a mean over
        batches. Over the training data the outputs are those of the batches as they come, while the weights change;
        they are kept until the epoch's end, unless the metric is a mean whose batches can be put together: one of nn's
        as it is, or a function with `count` as a loss has it.
    callbacks : list
        Functions, called after each epoch with the `Training`; or objects with any of `on_start(run)`,
        `on_step(run)`, `on_epoch(run)` and `on_end(run)`. `run.stop(reason)` ends the training. One with
        `backward(loss, **options)`, such as `nn.SignalLog`, does the backward. What has a `state_dict()` goes into
        checkpoints; `on_resume(run)` comes after `load_state_dict`, and refuses the checkpoint by raising ValueError.
    sample_weight : array_like or True, optional
        How much each example counts: the loss is sum(w l) / sum(w). For arrays one number for each example; of a loader
        True, and the last part of its batches is the weights. The loss takes `reduction="none"`, as those of nn do.
    accumulate : int
        Batches for one step: the gradient is that of one batch of all their examples, also where fewer are left at the
        end of an epoch, and where labels are ignored or classes weighted. (Layers that look at the whole batch, such as
        `BatchNorm`, still see the small ones.)
    clip_norm : float, optional
        Scale the gradients down to this norm, taken over all of them together, where it is larger.
    checkpoint : path-like, optional
        Write all that is needed to go on into this file after each epoch; see `nn.save`.
    checkpoint_every : int, optional
        Also after so many steps.
    resume : bool or path-like
        True: go on from `checkpoint` if there is one. A path: go on from that one. A line says where it goes on, unless
        `progress` is False. The rest of the training is to the
        bit what it would have been; so one that had stopped early stays so, and if more `epochs` are asked for than
        before, a warning says that. A warning also says what is asked for otherwise than when it was begun: a learning
        rate, an option of the optimizer and `rng` stay those of the checkpoint; a schedule, `accumulate` and
        `clip_norm` become those of this call.
    progress : bool, optional
        A bar with loss, metrics and time left; by default if tqdm is installed and there is a terminal or notebook.
    rng : int or numpy.random.Generator, optional
        Decides the order, the loader's transform, and the model's own generators, such as dropout's. A loader that was
        made with a seed of its own keeps it. None: another seed for each run. (If you call `fit` once for each epoch,
        write `rng=epoch`, or all epochs would have the same order.)
    compile : bool or dict
        Run the steps as NumPy programs, to the same bits (see `autograd_mini.compile`): quicker, the more so the
        smaller the model is. A dict has options, such as `{"fast": True, "threads": 2}`. Each size of a batch has a
        program of its own. Steps that a callback does the backward of, such as those that `nn.SignalLog` measures, are
        computed without. On a cluster the gradients are compiled, on each worker, and the optimizer's step is not.
    read_every : int
        For a model on a device, whose loss is the one number that a step waits for: read it only every so many steps.
        A loss that is not finite is then noticed later, after steps were taken with it. Batches in the host's memory
        are brought to the device, one transfer each.
    cluster : Cluster or dask.distributed.Client, optional
        Compute the steps and the validation on the workers of a Dask cluster; a client has the parts that
        `nn.Cluster(client)` has, and with `nn.Cluster(None)` they are computed here (docs/cluster.md). The data is
        `(x, y)` or `nn.Shards`, which need not fit in one memory. The result depends on the seed, the data and the
        number of parts alone: which workers there are, and which are lost on the way, changes no bit.

    Returns
    -------
    History
        `history["loss"]` and so on, an entry for each epoch; it prints as a table, and `.plot()` draws it.

    Raises
    ------
    FloatingPointError
        If the loss is not finite; the weights are those before that step.
    TypeError, ValueError
        If an argument, the data or a checkpoint does not fit; if no example of an epoch counts. A
        `autograd_mini.CompileError`, if a step cannot be compiled.
    KeyboardInterrupt
        Ctrl-C comes through; the model keeps what it has learned, or gets its best weights from `EarlyStopping`.

    Examples
    --------
    >>> import numpy as np
    >>> import nn
    >>> x = np.random.default_rng(0).standard_normal((200, 2))
    >>> y = (x[:, 0] * x[:, 1] > 0).astype(int)
    >>> model = nn.MLP([2, 16, 2], rng=0)
    >>> history = nn.fit(model, nn.cross_entropy, (x, y), optimizer=nn.Adam(model.parameters(), 0.02), epochs=20)
    >>> bool(history["loss"][-1] < 0.5 * history["loss"][0])
    True
    """
    check_model(model, "fit", "trained")
    check_loss(loss, "fit")
    if batch_size is None:
        batch_size = 32
    elif all(part is None or isinstance(part, DataLoader) for part in (data, validation)):
        raise ValueError(BATCH_SIZE.format(got=batch_size))
    whole("fit", "epochs", epochs, 0)
    for option, value in (("accumulate", accumulate), ("batch_size", batch_size), ("read_every", read_every)):
        whole("fit", option, value)
    if checkpoint_every is not None:
        whole("fit", "checkpoint_every", checkpoint_every)
    if not isinstance(compile, bool | dict):
        raise TypeError(COMPILE.format(got=repr(compile)))
    if clip_norm is not None and not 0 < clip_norm < math.inf:
        raise ValueError(CLIP.format(got=clip_norm))
    if checkpoint is None and (resume is True or checkpoint_every is not None):
        option, verb = ("resume=True", "resume from") if resume is True else ("checkpoint_every=...", "write")
        raise ValueError(CHECKPOINT.format(option=option, verb=verb))
    seed, named = as_seed(rng), as_metrics(metrics)
    callbacks = [] if callbacks is None else callbacks if isinstance(callbacks, list | tuple) else [callbacks]
    spread = None
    if cluster is not None or isinstance(data, Shards) or (is_lazy(data) and model.device == "cpu"):
        spread = Spread(as_cluster(cluster, "fit"), model, loss, named, batch_size, seed)
        spread.check(callbacks, accumulate, read_every, compile)
        loader: Any = spread.loader_of(data, validation, sample_weight)
    else:
        loader = as_loader(data, "fit", batch_size, shuffle=True, sample_weight=sample_weight)
    if not loader.seeded:
        loader.seed = seed
    run = Training(model, loss, loader, as_optimizer(optimizer, model), named, epochs)
    run.spread = spread
    if spread is not None:
        spread.join(run)
    run.accumulate, run.clip_norm, run.weighted = accumulate, clip_norm, is_given(sample_weight)
    run.checkpoint, run.checkpoint_every, run.read_every = checkpoint, checkpoint_every, read_every
    if compile is not False and spread is None:
        if run.bring.device != "cpu":
            from autograd_mini import CompileError

            raise CompileError(COMPILED.format(device=run.bring.device))
        from autograd_mini import compile as compiled

        run.program = compiled(run.model, run.optimizer, **(compile if isinstance(compile, dict) else {}))(run.descend)
    if validation is not None and (spread is None or spread.validation is None):
        run.validation = as_loader(validation, "fit(validation=...)", batch_size)
    alone = {} if spread is None else {"sync_every": spread.cluster.sync_every}
    run.settings = settings_of(run.optimizer, accumulate=accumulate, clip_norm=clip_norm, **alone)
    if isinstance(rng, int | np.integer):
        run.settings["rng"] = int(rng)
    run.register(callbacks)
    if epochs and (said := small_last(model, loader)):
        warnings.warn(said, stacklevel=3)
    if resume is not False:
        source = checkpoint if resume is True else resume
        message = BEGINS.format(path=source, epochs=epochs)
        if resume is not True or os.path.exists(os.fspath(checkpoint or "")):  # noqa: PTH110 (pathlib is slow to load)
            try:
                run.load(source)
            except ValueError as error:
                error.add_note(RESUME)
                raise
            message = GOES_ON.format(path=source, epoch=run.epoch + 1, epochs=epochs, step=run.step)
            for change in run.changes:
                warnings.warn(change, stacklevel=3)
            if run.history.stopped and epochs > run.asked:
                warnings.warn(STOPPED.format(epoch=run.epoch, reason=run.history.stopped), stacklevel=3)
            elif run.epoch >= epochs:
                message = NOTHING_LEFT.format(path=source, epoch=run.epoch, epochs=epochs)
        if progress is not False:
            print(message, file=sys.stderr)
    if not run.resumed:
        seed_generators(model, seed)
    if checkpoint is not None:
        from nn.training import checkpoints

        checkpoints.check(checkpoint, model, **run.parts())
    run.run(progress)
    return run.history


class Training:
    """A training that goes on: what callbacks are given. `nn.fit` makes it.

    Attributes
    ----------
    model, optimizer, loader
        What is trained, by what, on what.
    history : History
        The losses and metrics until now.
    epochs, epoch, step : int
        How many epochs there will be; how many are complete; how many steps were taken.
    batch_loss : float
        The loss of the last batch.
    resumed : bool
        Whether it began with a checkpoint.

    Examples
    --------
    >>> import numpy as np
    >>> import nn
    >>> def watch(run):
    ...     if run.history["loss"][-1] < 0.1:
    ...         run.stop("good enough")
    >>> x = np.linspace(-1, 1, 64)[:, None]
    >>> model = nn.Linear(1, 1, rng=0)
    >>> sgd = nn.SGD(model.parameters(), 0.1)
    >>> history = nn.fit(model, nn.squared_error, (x, 2 * x), optimizer=sgd, epochs=100, callbacks=[watch])
    >>> history.stopped, history.epochs < 100
    ('good enough', True)
    """

    def __init__(  # noqa: PLR0917
        self, model: Module, loss: Loss, loader: DataLoader, optimizer: Any, metrics: dict[str, Loss], epochs: int
    ) -> None:
        self.model, self.loss, self.loader, self.optimizer, self.metrics = model, loss, loader, optimizer, metrics
        self.history = History()
        self.validation: DataLoader | None = None
        self.accumulate = 1
        self.clip_norm: float | None = None
        self.checkpoint: str | os.PathLike[str] | None = None
        self.checkpoint_every: int | None = None
        self.epochs, self.epoch, self.step = epochs, 0, 0
        self.asked = epochs  # how many there were to be when the checkpoint was written
        self.settings: Settings = {}  # what it was begun with
        self.rates: Settings = {}  # of the checkpoint's schedules for the step to come
        self.changes: list[str] = []  # what this call asks for otherwise
        self.batch_loss = math.nan
        self.resumed = False
        self.exhausted = False  # whether this epoch's batches are all used
        self.sums = {name: Mean() for name in ("loss", *metrics)}  # over this epoch so far
        here = model.device == "cpu"  # on a device metrics wait for the end of the epoch, as each of them is read
        self.whole = {name: metric for name, metric in metrics.items() if not (here and is_mean(metric))}
        self.gathered = Gathered(loader.collate)
        self.weighted = False  # whether the last part of a batch is the weights of its examples
        self.count: int | None = None  # of the parts of a batch, but for the weights
        self.callbacks: list[Any] = []
        self.hooks: dict[str, list[Callable[[Training], object]]] = {moment: [] for moment in MOMENTS}
        self.backward: Callable[..., None] = Tensor.backward
        self.measures: Any = None  # the callback that does the backward
        self.bring = Bring(model)
        self.on_host = self.bring.device == "cpu"
        self.read_every = 1
        self.unread: list[Unread] = []  # losses that are still on the device
        self.spread: Spread | None = None  # what computes the steps, if a cluster does
        self.program: Any = None  # `descend` as a compiled step
        self.said = False  # whether it was told that some steps are computed without a program

    def stop(self, reason: str) -> None:
        """End the training after this step or epoch."""
        self.history.stopped = reason

    def register(self, callbacks: Sequence[Any]) -> None:
        """Take each callback's moments."""
        owner = None
        for callback in callbacks:
            moments = [moment for moment in MOMENTS if callable(getattr(callback, moment, None))]
            takes = callable(getattr(callback, "backward", None))
            if isinstance(callback, type) or not (moments or takes or callable(callback)):
                raise TypeError(CALLBACK.format(got=callback, moments=", ".join((*MOMENTS, "backward"))))
            for moment in moments:
                self.hooks[moment].append(getattr(callback, moment))
            if takes:
                if owner is not None:
                    raise ValueError(TWO_BACKWARDS.format(first=owner, second=callback))
                owner = self.measures = callback
                self.backward = callback.backward
            elif not moments:
                self.hooks["on_epoch"].append(callback)
            self.callbacks.append(callback)

    def notify(self, moment: str) -> None:
        for hook in self.hooks[moment]:
            hook(self)

    def run(self, progress: bool | None) -> None:
        """All epochs that are left."""
        per_epoch = length(self.loader)
        total = None if per_epoch is None else per_epoch * self.epochs
        bar = Bar(progress, total, (per_epoch or 0) * self.epoch + self.loader.batch * self.resumed)
        away = contextlib.nullcontext() if self.spread is None else contextlib.closing(self.spread)
        with contextlib.closing(bar), mode(self.model, True), away:
            try:
                self.notify("on_start")
                while self.epoch < self.epochs and not self.history.stopped:
                    self.train_epoch(bar)
            except KeyboardInterrupt:
                self.notify("on_end")
                raise
            finally:
                self.optimizer.zero_grad()  # or a backward after the training would add to the last batch's
            self.notify("on_end")

    def train_epoch(self, bar: Bar) -> None:
        """The rest of the epoch, validation, and what comes after."""
        title = f"epoch {self.epoch + 1}/{self.epochs}"
        if not self.exhausted:
            send = self.bring.sender(lambda _batch: self.weighted)
            with contextlib.closing(self.loader.read_only(send)) as batches:
                for group in self.groups(batches):
                    before = self.step
                    stepped = self.take_step(group)
                    bar.update(len(group), title, self.means)
                    if not stepped:
                        continue
                    self.notify("on_step")
                    every = self.checkpoint_every
                    if every and self.step // every > before // every:
                        self.save()
                    if self.history.stopped:
                        return
        self.read()
        if not self.sums["loss"].amount:
            raise ValueError(NOTHING.format(call=f"fit, epoch {self.epoch + 1}"))
        measured = self.gathered.measured(self.whole, f"fit, epoch {self.epoch + 1}")
        row = {name: measured.get(name, mean.value) for name, mean in self.sums.items()}
        values: dict[str, float] = {}
        if self.spread is not None and self.spread.validation is not None:
            values = self.spread.evaluated(self)
        elif self.validation is not None:
            more = lambda batch: self.count is not None and len(batch) == self.count + 1
            values = evaluated(self.model, self.loss, self.validation, self.metrics, more)
        row |= {f"val_{name}": value for name, value in values.items()}
        rates = [group.rate for group in getattr(self.optimizer, "groups", ())]
        self.history.append(row | ({"rate": float(rates[0])} if len(rates) == 1 else {}))
        self.epoch, self.exhausted = self.epoch + 1, False
        self.sums, self.gathered = {name: Mean() for name in self.sums}, Gathered(self.loader.collate)
        bar.update(0, title, lambda: row)
        self.notify("on_epoch")
        if self.checkpoint is not None:
            self.save()

    def groups(self, batches: Iterator[Batch]) -> Generator[list[Batch]]:
        """The batches of each step."""
        size = self.accumulate if self.spread is None else max(self.accumulate, self.spread.group)
        while not self.exhausted:
            group = list(itertools.islice(batches, size))
            self.exhausted = len(group) < size
            if group:
                yield group

    def take_step(self, group: list[Any]) -> bool:
        """One step by the gradient of some batches as if they were one; False if none of their examples counts."""
        counts = False
        for told in self.told(group) if self.spread is None else self.spread.told(self, group):
            counts = True
            self.unread.append((told.loss, told.counted, self.step))
            if devices.on_host(told.loss):
                self.read()
            self.count = told.arrays
            if self.whole:
                self.gathered.add(told.output, told.target, told.arrays - 1)
            for name, measured in told.metrics():
                if measured.amount:
                    self.sums[name].add(number(name, measured.value), measured)
        self.step += len(group) if self.spread is not None and self.spread.alone else counts
        return counts

    def told(self, group: list[Batch]) -> Iterator[Told]:
        """Take the step here; what came of each batch that counts."""
        self.count = len(group[0]) - self.weighted
        by_program = self.program is not None and self.lets_go_by(len(group))
        descents = self.program(group) if by_program else self.descend(group, self.backward)
        for batch, descent in zip(group, descents, strict=True):
            if descent is not None:
                output, loss, amount, rates = descent
                target = batch[self.count - 1] if self.count > 1 else None
                measured = partial(self.measured, len(batch[0]), output, target)
                yield Told(loss, Counted(None, amount, rates), self.count, output, target, measured)

    def measured(self, examples: int, output: Any, target: Any) -> Iterator[tuple[str, Counted]]:
        """The metrics that are means, of a batch."""
        for name, metric in self.metrics.items():
            if name not in self.whole:
                _, (measured,) = read_together((), (counted(metric, examples, output, target),))
                yield name, measured

    def descend(self, group: list[Batch], backward: Callable[..., None] = Tensor.backward) -> list[Descent]:
        """Move the model by one step; for each batch what came of it, None if it counts nothing.

        That is the output, where a metric asks for it, the loss, how much it counts, and the rates of `Counted`.
        """
        self.optimizer.zero_grad()
        sizes = [len(batch[0]) for batch in group]
        whole, expected = Mean(), 0.0
        descents: list[Descent] = []
        for batch, size in zip(group, sizes, strict=True):
            output, _, found = forward(self.model, self.loss, batch, self.bring, self.weighted)
            if len(group) > 1:
                _, (found,) = read_together((), (found,))
            if not is_some(found.amount):
                descents.append(None)
                continue
            loss = found.value
            if self.on_host and not is_finite(loss.data):
                self.batch_loss = loss.item()
                raise FloatingPointError(self.diagnose(batch))
            whole.add(0.0, found)
            if not whole.exact:
                raise ValueError(UNEQUAL.format(call=f"fit(accumulate={self.accumulate})"))
            if len(group) == 1:
                backward(loss)
            else:  # what all will count is known at the end, and expected to be as in the first of them
                expected = expected or found.amount / size * sum(sizes)
                backward(loss, seed=np.ones_like(loss.data) * (found.amount / expected))
            shown = values_of(output) if self.metrics else None
            descents.append((shown, loss.data, found.amount, found.rates))
        if not is_some(whole.amount):
            return descents
        if len(group) > 1 and whole.amount != expected:
            for parameter in self.optimizer.parameters:
                if parameter.grad is not None:
                    parameter.grad = parameter.grad * (expected / whole.amount)
        if self.clip_norm is not None:
            clip_norm(self.optimizer.parameters, self.clip_norm)
        if not self.on_host and (self.step + 1) % self.read_every == 0:
            descents = self.read(group, descents)
            if not any(descents):
                return descents
        self.optimizer.step()
        return descents

    def read(self, group: Sequence[Batch] = (), descents: Sequence[Descent] = ()) -> list[Descent]:
        """Take into account the losses that are still on a device, in one transfer with those of a step.

        They come back as numbers, all of them finite, and its weights are not moved yet.
        """
        waiting, self.unread = self.unread, []
        mine = [(loss, Counted(None, amount)) for _, loss, amount, _ in filter(None, descents)]
        pairs = [*((loss, found) for loss, found, _ in waiting), *mine]
        values, known = read_together([loss for loss, _ in pairs], [found for _, found in pairs])
        numbers = iter(zip(values, known, strict=True))
        for (loss, _, step), (value, found) in zip(waiting, numbers, strict=False):
            self.batch_loss = value
            if not found.amount:
                raise ValueError(NOTHING_COUNTS.format(step=step, every=self.read_every))
            if not devices.on_host(loss) and devices.has_values(loss) and not math.isfinite(value):
                raise FloatingPointError(self.not_finite(READ_LATER.format(every=self.read_every), step))
            self.sums["loss"].add(value, found)
        told: list[Descent] = []
        for batch, descent in zip(group, descents, strict=True):
            if descent is None:
                told.append(None)
                continue
            output, loss, _, rates = descent
            value, (_, amount, _) = next(numbers)
            if not amount:
                told.append(None)
                continue
            self.batch_loss = value
            if devices.has_values(loss) and not math.isfinite(self.batch_loss):
                raise FloatingPointError(self.diagnose(batch))
            told.append((output, np.asarray(self.batch_loss), amount, rates))
        return told

    def lets_go_by(self, backwards: int) -> bool:
        """Whether the callback that does the backward, if there is one, need not see the next ones."""
        skip = getattr(getattr(self.backward, "__self__", None), "skip", None)
        if self.backward is Tensor.backward or (skip is not None and skip(backwards)):
            return True
        if not self.said:
            self.said = True
            warnings.warn(MEASURED, stacklevel=7)
        return False

    def means(self) -> dict[str, float]:
        """The averages over this epoch's examples so far; metrics that are no means come at its end."""
        means = {name: mean.value for name, mean in self.sums.items() if name not in self.whole}
        return means if self.spread is None else means | self.spread.facts()

    def diagnose(self, batch: Batch) -> str:
        """Where and why the loss is not finite."""
        return self.not_finite(cause_of(self.model, self.loss, batch, self.weighted), self.step)

    def not_finite(self, cause: str, step: int) -> str:
        """At which step the loss was not finite."""
        count = length(self.loader)
        return NOT_FINITE.format(
            loss=self.batch_loss,
            step=step,
            epoch=self.epoch + 1,
            batch=self.loader.batch,
            of="" if count is None else f" of {count}",
            cause=cause,
        )

    # What goes into a checkpoint

    def parts(self) -> dict[str, Any]:
        """All that the rest of the training depends on, besides the model."""
        stateful = {
            f"callback_{i}": Kept(callback, self)
            for i, callback in enumerate(self.callbacks)
            if hasattr(callback, "state_dict") and hasattr(callback, "load_state_dict")
        }
        return {
            "optimizer": self.optimizer,
            "loader": self.loader,
            "training": self,
            "history": self.history,
            **stateful,
        }

    def save(self) -> None:
        self.read()
        if self.checkpoint is not None:
            from nn.training import checkpoints

            checkpoints.save(self.checkpoint, self.model, **self.parts())

    def load(self, path: Any) -> None:
        from nn.training import checkpoints

        asked = self.settings
        checkpoints.load(path, self.model, **self.parts())
        decided = {"accumulate", "clip_norm", "sync_every", *self.rates}
        now = asked | rates_of(self.optimizer)
        goes_on, self.changes = compared(self.settings | self.rates, now, decided)
        self.settings = {name: goes_on[name] for name in asked}
        self.resumed = True

    def state_dict(self) -> dict[str, Any]:
        """The counts, and the sums over the epoch so far."""
        counts = {"epoch": self.epoch, "step": self.step, "exhausted": self.exhausted, "epochs": self.epochs}
        sums = {f"sum.{name}": mean.total for name, mean in self.sums.items()}
        amounts = {f"amount.{name}": mean.amount for name, mean in self.sums.items()}
        asked = {f"asked.{name}": value for name, value in self.settings.items()}
        rates = {f"scheduled.{name}": rate for name, rate in rates_of(self.optimizer).items()}
        gathered = {f"gathered.{key}": value for key, value in self.gathered.state_dict().items()}
        return {**counts, "count": self.count, **sums, **amounts, **asked, **rates, **gathered}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from the counts and sums of another run."""
        for key in ("epoch", "step", "epochs"):
            if not isinstance(state.get(key), int) or state[key] < 0:
                raise ValueError(STATE.format(key=key, value=state.get(key)))
        for key in (f"{kind}.{name}" for name in self.sums for kind in ("sum", "amount")):
            if not isinstance(state.get(key), float):
                raise ValueError(STATE.format(key=key, value=state.get(key)))  # noqa: TRY004
        self.epoch, self.step, self.count = state["epoch"], state["step"], state.get("count")
        self.exhausted, self.asked = bool(state.get("exhausted")), state["epochs"]
        self.sums = {name: Mean(state[f"sum.{name}"], state[f"amount.{name}"]) for name in self.sums}
        self.settings, self.rates, gathered = (
            {key.removeprefix(kind): value for key, value in state.items() if key.startswith(kind)}
            for kind in ("asked.", "scheduled.", "gathered.")
        )
        self.gathered.load_state_dict(gathered)


# Steps


class Kept:
    """A callback as a part of a checkpoint."""

    def __init__(self, callback: Any, run: Training) -> None:
        self.callback, self.run = callback, run

    def state_dict(self) -> dict[str, Any]:
        return self.callback.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.callback.load_state_dict(state)
        if hasattr(self.callback, "on_resume"):
            self.callback.on_resume(self.run)


def seed_generators(model: Module, seed: int) -> None:
    """Set each of the model's generators to a state of its own that the seed decides."""
    for i, (_, generator) in enumerate(model.named_generators()):
        sequence = np.random.SeedSequence(seed, spawn_key=(0, 0, i))  # the loader's keys are shorter
        generator.bit_generator.state = type(generator.bit_generator)(sequence).state


# Arguments


def as_optimizer(optimizer: Any, model: Module) -> Any:
    """The optimizer, or a new one of the model's parameters."""
    if optimizer is None:
        optimizer = Adam
    if not hasattr(optimizer, "step") or isinstance(optimizer, type):
        if not callable(optimizer):
            raise TypeError(NOT_AN_OPTIMIZER.format(got=optimizer))
        try:
            optimizer = optimizer(model.parameters())
        except TypeError as error:
            error.add_note(MAKES_ONE)
            raise
    if not all(hasattr(optimizer, name) for name in ("step", "zero_grad", "state_dict", "load_state_dict")):
        raise TypeError(NOT_AN_OPTIMIZER.format(got=optimizer))
    own = set(map(id, model.parameters()))
    if not any(id(parameter) in own for parameter in getattr(optimizer, "parameters", model.parameters())):
        raise ValueError(OTHER_MODEL)
    return optimizer


def length(loader: DataLoader) -> int | None:
    """Batches in an epoch, if that is known."""
    try:
        return len(loader)
    except TypeError:
        return None
