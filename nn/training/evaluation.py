"""`evaluate` and `predict`: what a model says about data, in evaluation mode. Nothing learns here."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterable, Mapping
from typing import Any

import numpy as np

from autograd_mini import Tensor, no_grad
from nn.checks import as_values
from nn.module import Module
from nn.training.data import DataLoader
from nn.training.sources import Batch, as_array

NOT_A_MODEL = "{call}(model, ...) was given a {what}. Give it the nn.Module that is {verb}."
NOT_A_LOSS = "{call}(loss={got!r}): give it a function of outputs and targets, such as nn.squared_error."
DATA = (
    "{call} was given a {what} as data. Write `(x, y)` for arrays; for datasets and streams make a loader: "
    "`nn.DataLoader(dataset, batch_size=32, shuffle=True)`."
)
METRICS = "fit(metrics=...): {got!r} is no metric. Give functions of outputs and targets, such as `[nn.accuracy]`."
METRIC = "The metric {name} returned {got!r}, which is no number."
TWO_METRICS = "fit(metrics=...): two metrics are called {name!r}. Write a dict from names to functions."
NO_TARGET = (
    "The data is one array without targets, so the loss got the outputs alone. Write `(x, y)` for inputs and targets."
)
LOSS = (
    "The loss function returned {got}. It returns one number, as a tensor computed from the outputs: the mean over the "
    "batch."
)

Loss = Callable[..., Any]
Metrics = Loss | Iterable[Loss] | Mapping[str, Loss] | None


def evaluate(model: Module, loss: Loss, data: Any, *, metrics: Metrics = (), batch_size: int = 256) -> dict[str, float]:
    """The loss and metrics over some data, in evaluation mode; the model, its mode and a loader are as before.

    Parameters
    ----------
    model : Module
    loss, metrics
        As for `fit`. A metric is computed once, from the outputs for all examples.
    data : tuple of arrays, or DataLoader
        Passed over once, from the beginning.
    batch_size : int
        For arrays.

    Returns
    -------
    dict
        "loss", the mean over the examples, and each metric by its name.

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
    named = as_metrics(metrics)
    loader = as_loader(data, "evaluate", batch_size).from_start()  # the same random changes each time
    dtype = float_dtype(model)
    total, examples = 0.0, 0
    outputs, targets = [], []
    with mode(model, False), no_grad():
        for batch in loader.read_only():
            output, target, value = forward(model, loss, batch, dtype)
            size = len(batch[0])
            total, examples = total + value.item() * size, examples + size
            if named:
                outputs.append(values_of(output))
                targets.append(target)
    result = {"loss": total / examples}
    if named:
        whole_output = put_together(outputs)
        whole_target = None if targets[0] is None else np.concatenate(targets)
        result |= {name: measured(name, metric, whole_output, whole_target) for name, metric in named.items()}
    return result


def predict(model: Module, x: Any, *, batch_size: int = 256) -> Any:
    """The model's outputs for all examples, in evaluation mode and in their order, as an array.

    Parameters
    ----------
    model : Module
    x : array_like, tuple of arrays, or DataLoader
        Inputs; several for a model with several. A loader's examples come in the order of its data, shuffled or not.
    batch_size : int
        Examples at a time.

    Returns
    -------
    ndarray, tuple or dict of them
        A tuple or a dict if the model returns one, as recurrent layers do.

    Examples
    --------
    >>> import numpy as np
    >>> import nn
    >>> nn.predict(nn.MLP([2, 3], rng=0), np.ones((1000, 2))).shape
    (1000, 3)
    """
    check_model(model, "predict", "asked")
    x = as_array(x, "predict") if isinstance(x, list) else x
    loader = as_loader(x, "predict", batch_size).from_start(in_order=True)
    dtype = float_dtype(model)
    with mode(model, False), no_grad():
        outputs = [model(*(narrowed(part, dtype) for part in batch)) for batch in loader.read_only()]
    return put_together([values_of(output) for output in outputs])


# The forward pass


def forward(model: Module, loss: Loss, batch: Batch, dtype: Any) -> tuple[Any, Any, Any]:
    """The output, the target (None if there is none) and the loss of a batch."""
    *inputs, target = batch if len(batch) > 1 else (*batch, None)
    output = model(*(narrowed(part, dtype) for part in inputs))
    try:
        value = loss(output) if target is None else loss(output, target)
    except TypeError as error:
        if target is None:
            error.add_note(NO_TARGET)
        raise
    if not isinstance(value, Tensor) or value.size != 1:
        got = f"a tensor of shape {value.shape}" if isinstance(value, Tensor) else f"a {type(value).__name__}"
        raise TypeError(LOSS.format(got=got))
    return output, target, value


def values_of(output: Any) -> Any:
    """Outputs without their history; of a tuple or a dict of them, each."""
    if isinstance(output, dict):
        return {key: values_of(part) for key, part in output.items()}
    if isinstance(output, tuple | list):
        return tuple(values_of(part) for part in output)
    return as_values(output)


def put_together(outputs: list[Any]) -> Any:
    """The outputs of all batches as those of one."""
    if isinstance(outputs[0], dict):
        return {key: put_together([output[key] for output in outputs]) for key in outputs[0]}
    if isinstance(outputs[0], tuple):
        return tuple(put_together(list(parts)) for parts in zip(*outputs, strict=True))
    return np.concatenate(outputs)


def float_dtype(model: Module) -> Any:
    """The model's precision: that of its first floating-point parameter, None without one."""
    return next((parameter.dtype for parameter in model.parameters() if parameter.dtype.kind == "f"), None)


def narrowed(part: Any, dtype: Any) -> Any:
    """Floating-point inputs in the model's precision, as float64 data would make a float32 model compute in float64."""
    if dtype is not None and getattr(part, "dtype", dtype).kind == "f" and part.dtype.itemsize > dtype.itemsize:
        return part.astype(dtype)
    return part


def measured(name: str, metric: Loss, output: Any, target: Any) -> float:
    """One metric as a number."""
    value = metric(output) if target is None else metric(output, target)
    if isinstance(value, Tensor):
        value = value.data
    try:
        return float(value)
    except (TypeError, ValueError) as error:
        raise TypeError(METRIC.format(name=name, got=value)) from error


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
        raise TypeError(NOT_A_LOSS.format(call=call, got=loss))


def as_loader(data: Any, call: str, batch_size: int, shuffle: bool = False) -> DataLoader:
    """A loader of arrays, or the one that was given."""
    if isinstance(data, DataLoader):
        return data
    arrays = data if isinstance(data, tuple | list) else (data,)
    if not arrays or not all(isinstance(part, list) or hasattr(part, "shape") for part in arrays):
        raise TypeError(DATA.format(call=call, what=type(data).__name__))
    return DataLoader(*arrays, batch_size=batch_size, shuffle=shuffle)


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
