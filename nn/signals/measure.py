"""`nn.signals`: a model and a batch in, where its signal shrinks and why out; the model stays as it was."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from autograd_mini import Tensor, devices, enable_grad
from autograd_mini import signals as signals_of
from nn.checks import as_values
from nn.module import Module
from nn.norms import rms
from nn.optimizers.optimizer import Optimizer
from nn.signals.arguments import described, in_order
from nn.signals.state import saved, saved_globals
from nn.signals.targets import targets_of

if TYPE_CHECKING:
    from autograd_mini import Recorder, Signals
    from nn.signals.seen import ModelSignals

NOTHING_RAN = (
    "nn.signals: the model returned {what}, which remembers no computation, so no signal can be measured. A model "
    "computes with its parameters and returns tensors; `.data`, `.detach()`, `no_grad()` and np.asarray inside "
    "`forward` cut the graph."
)
NO_LOSS = (
    "nn.signals: the loss function returned {what}. A signal starts from one number: return a tensor of one entry, "
    "such as `nn.squared_error(output, y)` or `np.mean(...)`."
)
NO_DEPENDENCE = (
    "nn.signals: the loss does not depend on any of the model's parameters ({names}), so there is no signal. Compute "
    "it from what the model returned, without `.data` or `.detach()`."
)
NO_OPTIMIZER = (
    "nn.signals(..., optimizer=...) was given {what}. Write one of `nn`, such as `nn.SGD(model.parameters(), 0.1)`."
)
OPTIMIZER_THERE = (
    "nn.signals(..., optimizer=...) was given a model on {device}, which is measured by a copy in the host's memory, "
    "and the optimizer's step is not that copy's. Leave the optimizer out."
)
EMPTY = "nn.signals was given inputs of shape {shape}, without a single example. Give a batch."


def signals(
    model: Callable[..., Any],
    loss_fn: Callable[..., Any],
    x: Any = None,
    y: Any = None,
    *,
    optimizer: Any = None,
    spectrum: int = 0,
    noise: bool = False,
    name: str | None = None,
) -> ModelSignals:
    """Measure where the signal of a model shrinks or grows on its way back, and which factor of which layer does it.

    One forward and one backward that leave the parameters, every `.grad`, running statistics and random generators as
    they were.

    Parameters
    ----------
    model : Module or callable
        Any model: `model(x)` returns a tensor, or a tuple, list or dict of them. A module on a device is measured by a
        copy of it in the host's memory.
    loss_fn : callable
        `loss_fn(model(x), y)`, or `loss_fn(model(x))` if there is no `y`: a tensor of one entry.
    x : array_like or tuple of them
        A batch of inputs, the first axis counts examples; a tuple is passed as several arguments.
    y : object
        The targets, handed to the loss as they are.
    optimizer : optimizer of `nn`, optional
        To tell how large its next step would be, rms(change of W)/rms(W); it does not take it.

    spectrum : int
        For how many examples to take the singular values of d(output)/d(input): one backward for each.
    noise : bool
        Whether to measure the gradient of each example, and so how much of the mini-batch's gradient is noise. It takes
        the memory of 16 gradients more; where single examples have none, as behind `nn.BatchNorm`, a finding says why.
    name : str, optional
        What to call the model in tables and pictures.

    Returns
    -------
    ModelSignals
        `print` it for the findings and the table of layers. Its `nn.ModelSignals.cures` tries on copies of the model
        what would help.

    Raises
    ------
    TypeError
        If the model or the loss cannot be called, or the model returns no tensors that were computed.
    ValueError
        If the loss is not one number or depends on no parameter, or there are no examples.

    Examples
    --------
    >>> import numpy as np
    >>> import nn
    >>> model = nn.MLP([8, 16, 16, 1], activation="tanh", init=nn.init.small_random(0.05), rng=0)
    >>> seen = nn.signals(model, nn.squared_error, np.ones((4, 8)), np.zeros((4, 1)))
    >>> [f"{layer.gain:.2f}" for layer in seen.layers]
    ['0.21', '0.18', '0.04']
    """
    from autograd_mini import Recorder, jacobian_spectrum
    from nn.signals.seen import remembered, with_start

    if isinstance(model, Module) and model.device != "cpu":
        if optimizer is not None:
            raise ValueError(OPTIMIZER_THERE.format(device=model.device))
        twin, name = model.to_device("cpu"), name or type(model).__name__
        return signals(twin, loss_fn, on_host(x), on_host(y), spectrum=spectrum, noise=noise, name=name)

    in_order(model, loss_fn, x, y)
    parts = x if isinstance(x, tuple) else (x,)
    inputs = tuple(as_input(part, f"x[{i}]" if len(parts) > 1 else "x") for i, part in enumerate(parts))
    start = remembered(model, loss_fn, x, y)
    kept = [*saved(model), *saved(loss_fn), *saved_globals()]
    try:
        with enable_grad(), Recorder() as forward, np.errstate(all="ignore"):
            output = model(*inputs)
            outputs = [t for t in tensors_in(output) if t.requires_grad]
            if not outputs:
                raise TypeError(NOTHING_RAN.format(what=described(output)))
            loss = loss_fn(output) if y is None else loss_fn(output, y)
        if isinstance(model, Module):
            forward.remember(parameter for _, parameter in model.named_parameters())
        seen = measured(model, inputs, outputs, loss, forward, None if y is None else targets_of(loss_fn, outputs, y))
        if spectrum:
            found = jacobian_spectrum(model, inputs[0], spectrum)
            seen = dataclasses.replace(seen, spectrum=found)
        if noise:
            seen = with_noise(seen, model, loss_fn, inputs, y)
    finally:
        for put_back in reversed(kept):
            put_back()
    if name is not None:
        seen = dataclasses.replace(seen, name=name)
    if optimizer is not None:
        seen = dataclasses.replace(seen, update_ratios=update_ratios(optimizer, loss, seen))
    return with_start(seen, model, loss_fn, start)


def as_input(value: Any, name: str) -> Tensor:
    """A leaf of the same numbers; of floats, one whose gradient shows how the signal arrives."""
    array = as_values(value)
    if array.ndim and not array.shape[0]:
        raise ValueError(EMPTY.format(shape=array.shape))
    name = value.name if isinstance(value, Tensor) and value.name else name
    return Tensor(array, requires_grad=array.dtype.kind in "fc", name=name)


def tensors_in(tree: Any) -> Iterator[Tensor]:
    """The tensors in nested tuples, lists and dicts."""
    if isinstance(tree, Tensor):
        yield tree
    elif isinstance(tree, dict):
        for part in tree.values():
            yield from tensors_in(part)
    elif isinstance(tree, list | tuple):
        for part in tree:
            yield from tensors_in(part)


def measured(  # noqa: PLR0917
    model: Any, inputs: tuple[Tensor, ...], outputs: list[Tensor], loss: Any, forward: Recorder, targets: Any
) -> Signals:
    """The signals of one loss, with clear errors for what has none."""
    if not isinstance(loss, Tensor) or loss.size != 1:
        raise ValueError(NO_LOSS.format(what=described(loss)))
    parameters = dict(model.named_parameters()) if isinstance(model, Module) else {}
    if not loss.requires_grad:
        raise ValueError(NO_DEPENDENCE.format(names=", ".join(list(parameters)[:3]) or "none"))
    named = [t for t in inputs if t.requires_grad]
    seen = signals_of(loss, inputs=named, outputs=outputs, forward=forward, targets=targets)
    frozen = tuple(name for name, parameter in parameters.items() if not parameter.requires_grad)
    lost = tuple(name for name, parameter in parameters.items() if parameter not in seen and name not in frozen)
    if parameters and len(lost) + len(frozen) == len(parameters):
        raise ValueError(NO_DEPENDENCE.format(names=", ".join(lost[:3])))
    cut_off = tuple(name for name in lost if forward.has_read(parameters[name]))
    name = model._name or model._type if parameters else "model"
    tries = "seen.cures()" if isinstance(model, Module) and model._has_parts_to_change else ""
    return dataclasses.replace(seen, name=name, unreached=lost, cut_off=cut_off, frozen=frozen, tries=tries)


def with_noise(seen: Signals, model: Any, loss_fn: Callable[..., Any], inputs: tuple[Tensor, ...], y: Any) -> Signals:
    """The same with the gradient noise of each layer, or with why there is none."""
    from nn.signals.gradient_noise import gradient_noise

    loss = (lambda output, _: loss_fn(output)) if y is None else loss_fn
    targets = np.zeros(len(inputs[0].data)) if y is None else y
    try:
        with np.errstate(all="ignore"):
            found = gradient_noise(model, loss, *(part.data for part in inputs), targets)
    except (TypeError, ValueError) as error:
        return dataclasses.replace(seen, no_noise=str(error))
    parameters = dict(model.named_parameters())
    of_layers = {
        layer.number: noise
        for name, noise in found.parameters.items()
        for layer in seen.layers_reading(parameters[name])
    }
    return dataclasses.replace(seen, noise=of_layers, model_noise=found.model)


def update_ratios(optimizer: Any, loss: Tensor, seen: Signals) -> dict[int, float]:
    """rms(change of W)/rms(W) of the step that the optimizer would take, by the number of the layer."""
    if not isinstance(optimizer, Optimizer):
        raise TypeError(NO_OPTIMIZER.format(what=described(optimizer)))
    parameters = optimizer.parameters
    before = [parameter.grad for parameter in parameters]
    ratios = {}
    try:
        for parameter in parameters:
            parameter.grad = None
        loss.backward(retain_graph=True)
        for group in optimizer.groups:
            for parameter, state in zip(group.parameters, group.state, strict=True):
                layers = seen.layers_reading(parameter)
                if parameter.grad is not None and layers:
                    new, _ = group.update(parameter.data, parameter.grad, state)
                    for layer in layers:
                        ratios[layer.number] = rms(new - parameter.data) / (rms(parameter.data) or math.nan)
    finally:
        for parameter, gradient in zip(parameters, before, strict=True):
            parameter.grad = gradient
    return ratios


def on_host(part: Any) -> Any:
    """Inputs or targets in the host's memory, those in a tuple each; what is no array as it is."""
    if isinstance(part, tuple):
        return tuple(map(on_host, part))
    return devices.to_host(part) if hasattr(part, "dtype") else part
