"""`evaluate` and `predict`: what a model says about data, in evaluation mode. Nothing learns here."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from autograd_mini import Tensor, devices, no_grad
from nn.checks import as_values
from nn.cluster import Shards, as_cluster
from nn.elsewhere import NN, explains
from nn.losses.means import UNEQUAL, Counted, Mean, check_weights, counted, is_some
from nn.module import Module
from nn.training.ahead import Send
from nn.training.data import DataLoader
from nn.training.gathered import Gathered, called, on_host, put_together, values_of
from nn.training.sources import Arrays, Batch, as_array

NOT_A_MODEL = "{call}(model, ...) was given a {what}. Give it the nn.Module that is {verb}."
NOT_A_LOSS = "{call}(loss={got!r}): give it a function of outputs and targets, such as nn.squared_error.{answer}"
DATA_FOR_LOSS = (
    "{call}(model, loss, data) was given a {what} for the loss. The loss comes second, and then the data as one: "
    "`nn.{call}(model, nn.cross_entropy, (x, y))`, or `nn.squared_error` for numbers."
)
DATA = (
    "{call} was given a {what} as data. Write `(x, y)` for arrays; for datasets and streams make a loader: "
    "`nn.DataLoader(dataset, batch_size=32, shuffle=True)`."
)
METRICS = "fit(metrics=...): {got!r} is no metric. Give functions of outputs and targets, such as `[nn.accuracy]`."
TWO_METRICS = "fit(metrics=...): two metrics are called {name!r}. Write a dict from names to functions."
NO_TARGET = (
    "The data is one array without targets, so the loss got the outputs alone. Write `(x, y)` for inputs and targets."
)
LOSS = (
    "The loss function returned {got}. It returns one number, as a tensor computed from the outputs: the mean over the "
    "batch."
)
NOTHING = "{call}: no example counts: all labels are ignored, or all weights are 0. There is no mean over nothing."
SAMPLE_WEIGHT = (
    "{call}(sample_weight=...) was given an array beside a loader, which has an order of its own. Give the weights to "
    "the loader, as its last array, and write `sample_weight=True`: `nn.DataLoader(x, y, weights)`."
)

Loss = Callable[..., Any]
Metrics = Loss | Iterable[Loss] | Mapping[str, Loss] | None


@explains("evaluate")
def evaluate(
    model: Module,
    loss: Loss,
    data: Any,
    *,
    metrics: Metrics = (),
    batch_size: int = 256,
    sample_weight: Any = None,
    cluster: Any = None,
) -> dict[str, float]:
    """The loss and metrics over some data, in evaluation mode; the model, its mode and a loader are as before.

    The loss is that of all examples at once, whatever the batches: each batch counts as its examples do, which is less
    for labels that are ignored and more for classes of a larger weight (docs/training.md).

    Parameters
    ----------
    model : Module
        What is evaluated.
    loss, metrics
        As for `fit`. A metric is computed once, from the outputs for all examples, without weights.
    data : tuple of arrays, DataLoader or Shards
        Passed over once, from the beginning.
    batch_size : int
        For arrays.
    sample_weight : array_like or True, optional
        As for `fit`.
    cluster : Cluster or dask.distributed.Client, optional
        As for `fit`: each shard is evaluated where it is read.

    Returns
    -------
    dict
        "loss", the mean over the examples, and each metric by its name.

    Raises
    ------
    ValueError
        If no example counts, or two metrics have one name.
    TypeError
        If the model is no module, or a loss, a metric, the data or the cluster is of a kind that is not taken.

    Examples
    --------
    >>> import numpy as np
    >>> import nn
    >>> model = nn.MLP([2, 3], rng=0)
    >>> sorted(nn.evaluate(model, nn.cross_entropy, (np.ones((4, 2)), np.zeros(4, int)), metrics=[nn.accuracy]))
    ['accuracy', 'loss']
    """
    check_model(model, "evaluate", "evaluated")
    check_loss(loss, "evaluate")
    if cluster is not None or isinstance(data, Shards):
        from nn.training.spread import evaluate_over

        of = as_cluster(cluster, "evaluate")
        return evaluate_over(of, model, loss, data, as_metrics(metrics), batch_size, sample_weight)
    loader = as_loader(data, "evaluate", batch_size, sample_weight=sample_weight)
    return evaluated(model, loss, loader, as_metrics(metrics), lambda _batch: is_given(sample_weight))


def evaluated(
    model: Module, loss: Loss, loader: DataLoader, metrics: dict[str, Loss], has_weights: Callable[[Batch], bool]
) -> dict[str, float]:
    """What `evaluate` returns, of batches of which the last part may be the weights of the examples."""
    bring, gathered = Bring(model), Gathered(loader.collate)
    losses: list[Counted] = []
    with mode(model, False), no_grad():
        send = bring.sender(has_weights)
        for batch in loader.from_start().read_only(send):  # the same random changes each time
            output, target, found = forward(model, loss, batch, bring, has_weights(batch))
            if is_some(found.amount):
                losses.append(found._replace(value=as_values(found.value)))
            if metrics or found.rates:
                gathered.add(output, target, len(batch) - 1 - has_weights(batch))
        mean = mean_of(losses)
        if not mean.amount:
            raise ValueError(NOTHING.format(call="evaluate"))
        value = mean.value if mean.exact else of_all(loss, gathered)
    return {"loss": value} | gathered.measured(metrics, "evaluate")


def mean_of(losses: list[Counted]) -> Mean:
    """The mean of those of batches, which are read together."""
    mean = Mean()
    for number, found in zip(*read_together([found.value for found in losses], losses), strict=True):
        mean.add(number, found)
    return mean


def read_together(values: Sequence[Any], losses: Sequence[Counted]) -> tuple[list[float], list[Counted]]:
    """Values, and how much each counts, read from a device in one transfer."""
    waiting = [found.amount for found in losses if not devices.on_host(found.amount)]
    numbers = devices.read(*values, *waiting)
    amounts = iter(numbers[len(values) :])
    known = [found if devices.on_host(found.amount) else found._replace(amount=next(amounts)) for found in losses]
    return numbers[: len(values)], known


def mismatched(model: Module, loss: Loss, loader: DataLoader, times: int) -> list[float]:
    """The losses that the same outputs have with the targets of other examples, for so many ways to exchange them."""
    bring = Bring(model)
    losses: list[list[Counted]] = [[] for _ in range(times)]
    with mode(model, False), no_grad():
        for batch in loader.from_start().read_only():
            output, target, _ = forward(model, loss, batch, bring)
            for shift, kept in enumerate(losses, 1):
                found = counted(loss, len(target), output, np.roll(target, shift, axis=0))
                if is_some(found.amount):
                    kept.append(found._replace(value=as_values(found.value)))
    return [mean_of(kept).value for kept in losses]


def of_all(loss: Loss, gathered: Gathered) -> float:
    """The loss of all examples at once: for one that cannot be put together from those of batches."""
    try:
        output, target = gathered.output(), gathered.target(loss, "evaluate")
    except ValueError as error:
        raise ValueError(UNEQUAL.format(call="evaluate")) from error
    return float(as_values(called(loss, output, target)))


@explains("predict")
def predict(model: Module, x: Any, *, batch_size: int = 256, cluster: Any = None) -> Any:
    """The model's outputs for all examples, in evaluation mode and in their order, as an array.

    Parameters
    ----------
    model : Module
        Which computes the outputs.
    x : array_like, tuple of arrays, DataLoader or Shards
        Inputs; several for a model with several. A loader's examples come in the order of its data, shuffled or not.
    batch_size : int
        Examples at a time.
    cluster : Cluster or dask.distributed.Client, optional
        As for `fit`: the workers compute, and the outputs for all examples come here.

    Returns
    -------
    ndarray, tuple or dict of them
        In the host's memory if `x` was there. A tuple or a dict if the model returns one, as recurrent layers do.
        Where a loader's `collate` makes batches of unequal length, the outputs are as long as the longest, with 0 after
        the end of their batch.

    Raises
    ------
    TypeError
        If the model is no module, or the inputs or the cluster are of a kind that is not taken.
    ValueError
        If the inputs have no rows, or rows of unequal length.

    Examples
    --------
    >>> import numpy as np
    >>> import nn
    >>> nn.predict(nn.MLP([2, 3], rng=0), np.ones((1000, 2))).shape
    (1000, 3)
    """
    check_model(model, "predict", "asked")
    if cluster is not None or isinstance(x, Shards):
        from nn.training.spread import predict_over

        return predict_over(as_cluster(cluster, "predict"), model, x, batch_size)
    x = as_array(x, "predict") if isinstance(x, list) else x
    loader = as_loader(x, "predict", batch_size).from_start(in_order=True)
    bring, outputs, from_host = Bring(model), [], True
    with mode(model, False), no_grad():
        for batch in loader.read_only():
            from_host = from_host and all(map(devices.on_host, batch))
            outputs.append(values_of(model(*bring.inputs(batch))))
    output = put_together(outputs, loader.collate is not None)
    return on_host(output) if from_host else output


# The forward pass


def forward(
    model: Module, loss: Loss, batch: Batch, bring: Bring, has_weights: bool = False
) -> tuple[Any, Any, Counted]:
    """The output, the target (None if there is none) and the loss of a batch, with how much it counts."""
    inputs, target, weights = parts_of_batch(batch, has_weights)
    target = bring.there(target)
    output = model(*bring.inputs(inputs))
    try:
        found = counted(loss, len(batch[0]), output, target, weights)
    except TypeError as error:
        if target is None:
            error.add_note(NO_TARGET)
        raise
    value = found.value
    if is_some(found.amount) and not (isinstance(value, Tensor) and value.size == 1):
        got = f"a tensor of shape {value.shape}" if isinstance(value, Tensor) else f"a {type(value).__name__}"
        raise TypeError(LOSS.format(got=got))
    return output, target, found


def parts_of_batch(batch: Batch, has_weights: bool) -> tuple[Batch, Any, Any]:
    """The inputs, the target and the weights of the examples; None for what there is not."""
    batch, weights = (batch[:-1], batch[-1]) if has_weights else (batch, None)
    return (batch[:-1], batch[-1], weights) if len(batch) > 1 else (batch, None, weights)


class Bring:
    """What brings a batch to a model: to its device, and inputs to the precision of its first floating-point parameter.

    Wider numbers, because float64 data would make a float32 model compute in float64; and whole ones, unless a module
    may use them as such: an `Embedding`, or one that is not of nn. (Its layers of nn still take them so.)

    A whole number for each example beside the first input, as lengths are, stays in the host's memory: layers ask what
    it is, and would wait for the device.
    """

    def __init__(self, model: Module) -> None:
        first = next((parameter for parameter in model.parameters() if parameter.dtype.kind == "f"), None)
        self.device = model.device
        self.dtype = None if first is None else first.dtype
        self.widest = None if first is None else devices.wide(first)
        modules = (model, *(module for _, module in model.named_modules()))
        self.numbers = all(type(module).__module__.startswith("nn.") and not module.indexed for module in modules)

    def inputs(self, parts: Sequence[Any]) -> list[Any]:
        """The inputs, for the model."""
        parts = [self.as_input(part) for part in parts]
        return [part if self.stays(i, part) else self.there(part) for i, part in enumerate(parts)]

    def there(self, part: Any) -> Any:
        """A target or anything else, on the model's device."""
        if self.device == "cpu" or not hasattr(part, "dtype"):
            return part
        part = self.narrow(part)
        return part.to_device(self.device) if isinstance(part, Tensor) else devices.to_device(part, self.device)

    def as_input(self, part: Any) -> Any:
        """An input in the precision of the model."""
        given, dtype = getattr(part, "dtype", None), self.dtype
        if dtype is None or given is None:
            return part
        wide = given.kind == "f" and given.itemsize > dtype.itemsize
        return part.astype(dtype) if wide or (self.numbers and given.kind in "iub") else part

    def stays(self, i: int, part: Any) -> bool:
        """Whether input number i is for Python to look at."""
        return i > 0 and isinstance(part, np.ndarray) and part.dtype.kind in "iu" and part.ndim == 1

    def narrow(self, part: Any) -> Any:
        """Without more precision than the device has."""
        wide = part.dtype.kind == "f" and self.widest is not None and part.dtype.itemsize > self.widest.itemsize
        return part.astype(self.widest) if wide else part

    def sent(self, part: Any) -> Callable[[], Any]:
        """Begin to bring an array there."""
        return devices.sent(self.narrow(part), self.device)

    def sender(self, has_weights: Callable[[Batch], bool]) -> Send | None:
        """What begins to bring a batch of the host's to the model's device; None if it is there already."""
        if self.device == "cpu":
            return None

        def send(batch: Batch) -> Callable[[], Batch]:
            inputs, target, weights = parts_of_batch(batch, has_weights(batch))
            inputs = tuple(map(self.as_input, inputs))
            arriving = [
                devices.sent(part, "cpu") if self.stays(i, part) else self.sent(part) for i, part in enumerate(inputs)
            ]
            arriving += [self.sent(part) for part in (target, weights) if part is not None]
            return lambda: tuple(arrive() for arrive in arriving)

        return send


@contextlib.contextmanager
def mode(model: Module, training: bool) -> Generator[None]:
    """Training or evaluation mode inside; afterwards each module is in the mode it was in.

    A model that is in training mode already is left as it is, so that parts of it can stay in evaluation mode.
    """
    before = [(module, module.training) for module in (model, *(module for _, module in model.named_modules()))]
    if not (training and model.training):
        model.train(training)
    try:
        yield
    finally:
        for module, was in before:
            object.__setattr__(module, "training", was)


# Arguments


def check_model(model: Any, call: str, verb: str) -> None:
    if not isinstance(model, Module):
        raise TypeError(NOT_A_MODEL.format(call=call, what=type(model).__name__, verb=verb))


def check_loss(loss: Any, call: str) -> None:
    if not callable(loss):
        if hasattr(loss, "shape") or isinstance(loss, list | tuple | DataLoader):
            raise TypeError(DATA_FOR_LOSS.format(call=call, what=type(loss).__name__))
        answer = NN.answers.get(loss, "") if isinstance(loss, str) else ""
        raise TypeError(NOT_A_LOSS.format(call=call, got=loss, answer=f" {answer}" if answer else ""))


def as_loader(data: Any, call: str, batch_size: int, shuffle: bool = False, sample_weight: Any = None) -> DataLoader:
    """A loader of arrays, with the weights as the last of them, or the one that was given."""
    weights = (sample_weight,) if is_given(sample_weight) and sample_weight is not True else ()
    if isinstance(data, DataLoader):
        if weights:
            raise TypeError(SAMPLE_WEIGHT.format(call=call))
        return data
    arrays = data if isinstance(data, tuple | list) else (data,)
    if not arrays or not all(isinstance(part, list) or hasattr(part, "shape") for part in arrays):
        raise TypeError(DATA.format(call=call, what=type(data).__name__))
    loader = DataLoader(*arrays, *weights, batch_size=batch_size, shuffle=shuffle)
    if weights and isinstance(loader.source, Arrays):
        check_weights(loader.source.arrays[-1], len(loader.source))  # of all, before the first batch
    return loader


def is_given(sample_weight: Any) -> bool:
    """Whether the last part of a batch is the weights of its examples."""
    return sample_weight is not None and sample_weight is not False


def as_metrics(metrics: Metrics) -> dict[str, Loss]:
    """Metrics by name."""
    if metrics is None:
        return {}
    if callable(metrics):
        metrics = [metrics]
    named: dict[str, Loss] = {}
    pairs: Iterable[tuple[str, Any]]
    pairs = metrics.items() if isinstance(metrics, Mapping) else ((getattr(m, "__name__", str(m)), m) for m in metrics)
    for name, metric in pairs:
        if not callable(metric):
            raise TypeError(METRICS.format(got=metric))
        if name in named or name == "loss":
            raise ValueError(TWO_METRICS.format(name=name))
        named[name] = metric
    return named
