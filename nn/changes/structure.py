"""Other parts for a model: activations, normalisation, skips, standardised inputs and targets, an open end.

Parts are put into any module, whatever its `forward` does: activations wherever they are held, normalisation and skips
by forward hooks.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from autograd_mini import Tensor
from autograd_mini import numpy as np
from nn.changes.calls import ACTIVATIONS, Call, calls, ends_shared, hidden_layers, last_activation
from nn.checks import as_input, as_values
from nn.layers.activations import Identity
from nn.layers.linear import Sequential, as_activation
from nn.layers.normalization import BatchNorm, LayerNorm
from nn.module import Module
from nn.parameter import Buffer

NO_ACTIVATIONS = (
    "none of its parts is an activation of nn's, and what `forward` computes or makes, such as `nn.Sigmoid()(x)`, "
    "cannot be exchanged: write `self.act = nn.Sigmoid()` in `__init__` and `self.act(x)` in `forward`"
)
AT_ITS_END = "its one activation that is a module makes its output, and stays"
SAME = "its activations are {name} already"
KIND = "nn.changes.normalised(..., {kind!r}): write 'batch' for BatchNorm or 'layer' for LayerNorm."
MOVED = (
    "nn.changes exchanged the last call of a {name} that is called earlier too, since it returned the model's output; "
    "in this call the model returned something else. Give the last activation a module of its own."
)
TWICE = "it was normalised by nn.changes before"
NO_EQUAL = "no hidden layer has outputs of the shape of its inputs"
TABLES = "its inputs are whole numbers, which may be places in a table"
SEVERAL = "it has several inputs"
STANDARD = "its inputs have mean {mean:.2g} and standard deviation {std:.2g}, which is near enough to 0 and 1"
ALIKE = "its inputs are no rows of features of different sizes"
NO_END = "it does not end in a Softmax or another activation that is a module"
NO_TARGETS = "there are no targets of the shape of its outputs"
STANDARD_TARGETS = "its targets are near enough to mean 0 and standard deviation 1"

CENTRED, SPREAD = 0.5, (0.3, 3.0)  # inputs and targets within them need no standardising
DIFFERENT = 10.0  # times: between the spreads that a tenth of the features is below, and above


def activated(model: Module, x: Any, activation: str | Callable[[], Module]) -> Module:
    """A copy with other activations, wherever they are held; one that makes the model's output stays.

    Where that one is called earlier too, as where one `nn.ReLU()` serves all layers, it is exchanged there and stays in
    the last call, as the part `own_end` of the model.

    Parameters
    ----------
    model : Module
        Of which a copy is changed.
    x : array_like or tuple of them
        A batch of its inputs, of which a few tell which activation makes the output.
    activation : str or callable
        As for `nn.MLP`: "relu", or a class such as `nn.PReLU`.

    Returns
    -------
    Module
        The changed copy; the model stays as it is.

    Raises
    ------
    ValueError
        If there are none that are modules, or they are of this kind already.
    TypeError
        If the model is no module, or the activation is unknown.

    Examples
    --------
    >>> import numpy as np
    >>> import nn
    >>> print(nn.changes.activated(nn.MLP([2, 3, 1], "sigmoid"), np.ones((4, 2)), "relu"))
    MLP()  # 13 parameters
      0: Linear(weights: (2, 3), bias: (3,))
      1: ReLU()
      2: Linear(weights: (3, 1), bias: (1,))
    """
    called = calls(model, x)
    end, shared = last_activation(called), ends_shared(called)
    known = [module for _, module in model.named_modules() if isinstance(module, ACTIVATIONS)]
    held = [module for module in known if module is not end or shared]
    if not held:
        raise ValueError(AT_ITS_END if known else NO_ACTIVATIONS)
    news: dict[Module, Module] = {module: as_activation(activation, precision_of(model)) for module in held}
    if all(type(old) is type(new) for old, new in news.items()):
        raise ValueError(SAME.format(name=type(held[0]).__name__))
    changed = replaced(model, news)
    return ending(changed, news[end], copy.deepcopy(end)) if shared and end in news else changed


def normalised(model: Module, x: Any, kind: str) -> Module:
    """A copy with a `BatchNorm` or `LayerNorm` after each layer with weights but the last, before its activation.

    It becomes the part `added_norm` of its layer, and runs in a forward hook: so it works inside of recurrent cells and
    attention too. The units are along the second axis of images and the last one of all else.

    Parameters
    ----------
    model : Module
        Of which a copy is changed.
    x : array_like or tuple of them
        A batch of its inputs, of which a few tell the shapes.
    kind : str
        "batch" or "layer".

    Returns
    -------
    Module
        The changed copy; the model stays as it is.

    Raises
    ------
    ValueError
        If there is no hidden layer, the kind is unknown, or it was normalised so before.
    TypeError
        If the model is no module.

    Examples
    --------
    >>> import numpy as np
    >>> import nn
    >>> model = nn.changes.normalised(nn.MLP([2, 3, 1], "sigmoid"), np.ones((4, 2)), "batch")
    >>> print(model[0])
    Linear(weights: (2, 3), bias: (3,))  # 15 parameters
      added_norm: BatchNorm(3, momentum=0.1, gain: (3,), bias: (3,), mean: (3,), variance: (3,))
    """
    if kind not in {"batch", "layer"}:
        raise ValueError(KIND.format(kind=kind))
    model = copy.deepcopy(model)
    called = calls(model, x)
    outputs = {call.module: call.output for call in called}
    for layer in hidden_layers(called, model):
        if hasattr(layer, "added_norm"):
            raise ValueError(TWICE)
        output, dtype = outputs[layer], layer.weights.dtype
        axis = 1 if output.ndim == 4 else -1
        units = output.shape[axis]
        if kind == "batch":
            layer.added_norm = BatchNorm(units, axis=axis, dtype=dtype)
        else:
            layer.added_norm = LayerNorm(units, dtype=dtype) if axis == -1 else ChannelNorm(units, dtype)
        layer.register_forward_hook(norm_of)
    return model


def norm_of(module: Any, _args: Any, output: Any) -> Any:
    """The hook that runs a layer's `added_norm`."""
    return module.added_norm(output)


class ChannelNorm(Module):
    """`LayerNorm` over the channels of images (examples, channels, height, width), at each place by itself."""

    def __init__(self, channels: int, dtype: Any = np.float32) -> None:
        super().__init__()
        self.norm = LayerNorm(channels, dtype=dtype)

    def forward(self, x: Any) -> Tensor:
        return np.moveaxis(self.norm(np.moveaxis(x, 1, -1)), -1, 1)


def skipping(model: Module, x: Any) -> Module:
    """A copy with skips: what a hidden layer was given is added to what its activation returns, where the shapes agree.

    Where a model computes its activations without modules, it is added to what the layer itself returns.

    Parameters
    ----------
    model : Module
        Of which a copy is changed.
    x : array_like or tuple of them
        A batch of its inputs, of which a few tell the shapes.

    Returns
    -------
    Module
        The changed copy; the model stays as it is.

    Raises
    ------
    ValueError
        If no shapes agree.
    TypeError
        If the model is no module.

    Examples
    --------
    >>> import numpy as np
    >>> import nn
    >>> x = np.ones((1, 2), np.float32)
    >>> model = nn.Sequential(nn.Linear(2, 2, "zeros"), nn.ReLU(), nn.Linear(2, 2, nn.init.constant(0.5)))
    >>> nn.changes.skipping(model, x)(x).data
    array([[1., 1.]], dtype=float32)
    """
    model = copy.deepcopy(model)
    called = calls(model, x)
    hidden = set(hidden_layers(called, model))
    alone = [(call.module, call.module) for call in called if call.module in hidden and fits(call, call)]
    around = pairs(called, hidden) or alone
    if not around:
        raise ValueError(NO_EQUAL)
    for layer, end in dict.fromkeys(around):
        skip = Skip()
        layer.register_forward_pre_hook(skip.remember)
        end.register_forward_hook(skip.add)
    return model


def pairs(called: list[Call], hidden: set[Any]) -> list[tuple[Any, Any]]:
    """Hidden layers with the activation that was called next, where the shape after it is that before the layer."""
    found, layer = [], None
    for call in called:
        if call.module in hidden:
            layer = call
        elif isinstance(call.module, ACTIVATIONS):
            if layer is not None and not call.last and fits(layer, call):
                found.append((layer.module, call.module))
            layer = None
    return found


def fits(layer: Call, end: Call) -> bool:
    return np.shape(layer.x) == np.shape(end.output) and bool(np.ndim(layer.x))


class Skip:
    """Adds what one module was given to what another, or the same, returns."""

    def __init__(self) -> None:
        self.x: Any = None

    def remember(self, _module: Module, args: tuple[Any, ...]) -> None:
        self.x = args[0]

    def add(self, _module: Module, _args: tuple[Any, ...], output: Any) -> Any:
        x, self.x = self.x, None
        return None if x is None or np.shape(x) != np.shape(output) else as_input(x, output) + output


def standardised(model: Module, x: Any, each: bool = False) -> Module:
    r"""The model behind a layer that standardises its inputs, :math:`(x - m)/\sigma`, by the numbers of a batch.

    Parameters
    ----------
    model : Module
        It gets inputs of mean 0 and standard deviation 1.
    x : array_like
        A batch of its inputs.
    each : bool
        Each feature by its own numbers; x has shape (examples, features). By default all by the same.

    Returns
    -------
    Module
        The changed copy; the model stays as it is.

    Raises
    ------
    ValueError
        If they are near enough to that already, are whole numbers, or there are several inputs.

    Examples
    --------
    >>> import numpy as np
    >>> import nn
    >>> x = 50 + 10 * np.random.default_rng(0).standard_normal((1000, 2))
    >>> model = nn.changes.standardised(nn.Identity(), x)
    >>> abs(round(float(np.mean(model(x).data)), 2)), round(float(np.std(model(x).data)), 2)
    (0.0, 1.0)
    """
    if isinstance(x, tuple):
        if len(x) > 1:
            raise ValueError(SEVERAL)
        (x,) = x
    values = as_values(x)
    if values.dtype.kind != "f" and any(module.indexed for _, module in (("", model), *model.named_modules())):
        raise ValueError(TABLES)
    values = values.astype(np.float64)
    mean, std = np.mean(values), np.std(values)
    if each:
        means, stds = np.mean(values, axis=0), np.std(values, axis=0)
        if values.ndim != 2 or not np.any(stds):
            raise ValueError(ALIKE)
        few, many = np.quantile(stds[stds > 0], (0.1, 0.9), method="nearest")
        if many < DIFFERENT * few:
            raise ValueError(ALIKE)
        mean, std = means, np.where(stds > 0, stds, 1.0)
    elif is_standard(mean, std):
        raise ValueError(STANDARD.format(mean=mean, std=std))
    return Sequential(Standardise(mean, np.where(std > 0, std, 1.0), precision_of(model)), copy.deepcopy(model))


class Standardise(Module):
    """(x - mean) / std with fixed numbers, which are saved with the model."""

    def __init__(self, mean: Any, std: Any, dtype: Any = np.float32) -> None:
        super().__init__()
        self.mean, self.std = Buffer(np.asarray(mean, dtype)), Buffer(np.asarray(std, dtype))

    def forward(self, x: Any) -> Tensor:
        return (as_input(x, self.mean) - self.mean.data) / self.std.data


def scaled_outputs(model: Module, x: Any, y: Any) -> Module:
    r"""The model before an `Unstandardise` by the mean and the standard deviation of targets, each column by its own.

    So its own outputs are to be :math:`(y - \bar y)/\sigma_y`. A squared error and its gradients stay
    :math:`\sigma_y^2` times as large as with such targets: the learning rate has to be as many times smaller.

    Parameters
    ----------
    model : Module
        Of which a copy is changed.
    x : array_like or tuple of them
        A batch of its inputs, of which a few tell the shape of its outputs.
    y : array_like
        The targets, of the shape of the outputs.

    Returns
    -------
    Module
        The changed copy; the model stays as it is.

    Raises
    ------
    ValueError
        If they have another shape, or are near enough to standardised.
    TypeError
        If the model is no module.

    Examples
    --------
    >>> import numpy as np
    >>> import nn
    >>> y = np.array([[100.0], [300.0]])
    >>> model = nn.changes.scaled_outputs(nn.MLP([2, 1], init="zeros"), np.ones((2, 2)), y)
    >>> model(np.ones((2, 2))).data.tolist()
    [[200.0], [200.0]]
    """
    targets = np.asarray(as_values(y), dtype=np.float64) if y is not None else np.zeros(())
    if not np.ndim(targets) or np.shape(calls(model, x)[-1].output)[1:] != targets.shape[1:] or not targets.size:
        raise ValueError(NO_TARGETS)
    axis = 0 if targets.ndim == 2 else None
    mean, std = np.mean(targets, axis=axis), np.std(targets, axis=axis)
    if is_standard(mean, std):
        raise ValueError(STANDARD_TARGETS)
    return Sequential(copy.deepcopy(model), Unstandardise(mean, np.where(std > 0, std, 1.0), precision_of(model)))


class Unstandardise(Standardise):
    """x * std + mean with fixed numbers, which are saved with the model."""

    def forward(self, x: Any) -> Tensor:
        return as_input(x, self.mean) * self.std.data + self.mean.data


def is_standard(mean: Any, std: Any) -> bool:
    """Whether what has this mean and standard deviation needs no standardising."""
    return bool(np.all((np.abs(mean) < CENTRED) & (SPREAD[0] < std) & (std < SPREAD[1])))


def precision_of(model: Module) -> Any:
    """The dtype that added parts have."""
    return next((p.dtype for _, p in model.named_parameters() if p.dtype.kind == "f"), np.dtype(np.float32))


def without_last(model: Module, x: Any) -> Module:
    """A copy without the activation that makes its output, which returns scores.

    These are what `nn.cross_entropy` and `nn.logistic_loss` want, and all numbers, as targets of a regression may be.
    Where the activation is called earlier too, it stays there, and is left out of the last call alone.

    Parameters
    ----------
    model : Module
        Its output comes from an activation.
    x : array_like or tuple of them
        A batch of its inputs, of which a few tell which layers it calls.

    Returns
    -------
    Module
        The changed copy; the model stays as it is.

    Raises
    ------
    ValueError
        If no activation makes its output.
    TypeError
        If the model is no module.

    Examples
    --------
    >>> import numpy as np
    >>> import nn
    >>> model = nn.Sequential(nn.Linear(2, 1, rng=0), nn.Sigmoid())
    >>> nn.changes.without_last(model, np.ones((4, 2)))[1]
    Identity()
    """
    called = calls(model, x)
    end = last_activation(called)
    if end is None:
        raise ValueError(NO_END)
    if not ends_shared(called):
        return replaced(model, {end: Identity()})
    copies: dict[int, Any] = {}
    changed = copy.deepcopy(model, copies)
    return ending(changed, copies[id(end)], Identity())


def ending(model: Module, end: Module, own: Module) -> Module:
    """Make the output of a model by a module of its own, from what was given to the last call of its shared one."""
    model.own_end = own
    last = LastCall()
    end.register_forward_hook(last.remember)
    model.register_forward_hook(last.exchange)
    return model


class LastCall:
    """Has a model's `own_end` make its output, from what a shared module was given last."""

    def __init__(self) -> None:
        self.x: Any = None
        self.output: Any = None
        self.name = ""

    def remember(self, module: Module, args: tuple[Any, ...], output: Any) -> None:
        self.x, self.output, self.name = args[0], output, type(module).__name__

    def exchange(self, model: Any, _args: tuple[Any, ...], output: Any) -> Any:
        x, last, self.x, self.output = self.x, self.output, None, None
        if output is not last:
            raise RuntimeError(MOVED.format(name=self.name))
        return model.own_end(x)


def replaced(model: Module, news: dict[Module, Module]) -> Module:
    """A copy that holds other modules in the places of some, under their names and with their hooks."""
    for old, new in news.items():
        vars(new).update({name: vars(old)[name] for name in ("_name", "_scope", "training")})
    copies: dict[int, Any] = {id(old): new for old, new in news.items()}
    changed = copy.deepcopy(model, copies)
    for old, new in news.items():  # what hooks remember is copied once, also where several modules have a part in it
        vars(new).update({name: copy.deepcopy(getattr(old, name), copies) for name in ("_before", "_after")})
    return changed
