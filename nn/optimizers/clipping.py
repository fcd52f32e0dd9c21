"""Better-behaved gradients: clipped by their norm or by their size, or normalised, between `backward` and `step`."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from autograd_mini import Tensor, constant, devices, primitive
from nn.checks import is_finite, is_number
from nn.module import Module
from nn.norms import joint_norm
from nn.norms import norm as norm_of

LIMIT = "{name}(..., {limit}={got!r}): the limit is a positive number."
WHAT = "{name} was given a {got}. Give it a model, or parameters: `nn.{name}(model.parameters(), ...)`."
NOT_FINITE = (
    "{name}: the gradient of {parameter!r} (shape {shape}) holds {count} entries that are NaN or infinite, so no "
    "scaling makes it usable. Put the step into `with autograd_mini.checked():` to see where they come from."
)


def clip_norm(parameters: Module | Iterable[Tensor], max_norm: float) -> float:
    r"""Scale all gradients by one factor, :math:`\min(1, c / \|g\|)`, so that their common norm is at most c.

    The direction of the step stays (Pascanu, Mikolov & Bengio 2013, *On the difficulty of training recurrent neural
    networks*). Parameters without a gradient are passed over.

    Parameters
    ----------
    parameters : Module or iterable of Parameter
        Whose gradients.
    max_norm : float
        c.

    Returns
    -------
    float
        The norm before, :math:`\|g\|` over all of them together; on a device an array of one entry, so that nothing
        waits for it.

    Raises
    ------
    ValueError
        If the limit is not positive.
    FloatingPointError
        If a gradient is not finite.

    Examples
    --------
    >>> import numpy as np
    >>> import nn
    >>> w = nn.Parameter(np.zeros(2))
    >>> w.grad = np.array([3.0, 4.0])
    >>> nn.clip_norm([w], 1.0), w.grad
    (5.0, array([0.6, 0.8]))
    """
    moving, norms = measured("clip_norm", parameters, norm_of, max_norm=max_norm)
    norm = joint_norm(*norms)
    for parameter in moving:
        parameter.grad = shortened(parameter.grad, norm, max_norm)
    return norm


def clip_value(parameters: Module | Iterable[Tensor], max_value: float) -> float:
    r"""Bring each entry of the gradients into :math:`[-c, c]`.

    Parameters
    ----------
    parameters : Module or iterable of Parameter
        Whose gradients.
    max_value : float
        c.

    Returns
    -------
    float
        The largest size of an entry before; 0 if there is none. On a device an array of one entry.

    Raises
    ------
    ValueError
        If the limit is not positive.
    FloatingPointError
        If a gradient is not finite.

    Examples
    --------
    >>> import numpy as np
    >>> import nn
    >>> w = nn.Parameter(np.zeros(2))
    >>> w.grad = np.array([3.0, -0.5])
    >>> nn.clip_value([w], 1.0), w.grad
    (3.0, array([ 1. , -0.5]))
    """
    moving, sizes = measured("clip_value", parameters, largest_of, max_value=max_value)
    largest = largest_number(*sizes)
    for parameter in moving:
        parameter.grad = cut_off(parameter.grad, largest, max_value)
    return largest


def normalise_gradients(parameters: Module | Iterable[Tensor], norm: float = 1.0) -> list[float]:
    r"""Give the gradient of each parameter the same norm, :math:`g \leftarrow c\, g / \|g\|`, whatever the depth did.

    The lecture's "gradient normalization": layers far from the output then learn as fast as those near to it. A
    gradient of exactly 0 stays.

    Parameters
    ----------
    parameters : Module or iterable of Parameter
        Whose gradients.
    norm : float
        c.

    Returns
    -------
    list of float
        The norms before, of those that have a gradient.

    Raises
    ------
    ValueError
        If the norm is not positive.
    FloatingPointError
        If a gradient is not finite.

    Examples
    --------
    >>> import numpy as np
    >>> import nn
    >>> w, b = nn.Parameter(np.zeros(2)), nn.Parameter(np.zeros(1))
    >>> w.grad, b.grad = np.array([3.0, 4.0]), np.array([1e-6])
    >>> nn.normalise_gradients([w, b]), w.grad, b.grad
    ([5.0, 1e-06], array([0.6, 0.8]), array([1.]))
    """
    moving, norms = measured("normalise_gradients", parameters, norm_of, norm=norm)
    for parameter, before in zip(moving, norms, strict=True):
        parameter.grad = rescaled(parameter.grad, before, norm)
    return norms


# Operations of their own, which look at numbers that differ from step to step


@primitive
def shortened(gradient: Any, norm: float, most: float) -> Any:
    """A part of what has `norm` all together, scaled so that this is `most` if it is larger."""
    if not devices.on_host(norm):
        return (gradient * np.minimum(1, most / norm)).astype(gradient.dtype)
    return scaled(gradient, most, norm) if norm > most else gradient


@primitive
def cut_off(gradient: Any, largest: float, most: float) -> Any:
    """The gradient with no entry larger than `most`; `largest` is the size of the largest of all gradients."""
    if not devices.on_host(largest):
        return np.clip(gradient, -most, most)
    return np.clip(gradient, -most, most) if largest > most else gradient


@primitive
def rescaled(gradient: Any, before: float, norm: float) -> Any:
    """The gradient with another norm than before; one that is 0 stays."""
    if not devices.on_host(before):
        return (gradient * np.where(before > 0, norm / before, 1)).astype(gradient.dtype)
    return scaled(gradient, norm, before) if before else gradient


@primitive
def largest_of(array: Any) -> float:
    """The size of the largest entry; 0 of nothing."""
    largest = np.max(np.abs(array), initial=0)
    return float(largest) if devices.on_host(largest) else largest


@primitive
def largest_number(*numbers: float) -> float:
    """The largest number; 0 of none."""
    return max(numbers, default=0.0) if all(map(devices.on_host, numbers)) else np.max(np.stack(numbers))


constant(shortened, cut_off, rescaled, largest_of, largest_number)


def measured(
    name: str, parameters: Any, size_of: Callable[[Any], float], **limit: Any
) -> tuple[list[Tensor], list[float]]:
    """The parameters that have a gradient, and the size of each; all are finite, and the limit is positive."""
    ((option, value),) = limit.items()
    if not (is_number(value) and value > 0):
        raise ValueError(LIMIT.format(name=name, limit=option, got=value))
    moving = with_gradients(name, parameters)
    sizes = [size_of(parameter.grad) for parameter in moving]
    check_finite(name, moving, sizes)
    return moving, sizes


def with_gradients(name: str, parameters: Any) -> list[Tensor]:
    """The parameters that have a gradient."""
    if isinstance(parameters, Module):
        parameters = parameters.parameters()
    if isinstance(parameters, Tensor | str) or not isinstance(parameters, Iterable):
        raise TypeError(WHAT.format(name=name, got=type(parameters).__name__))
    moving = []
    for parameter in parameters:
        if not isinstance(parameter, Tensor):
            raise TypeError(WHAT.format(name=name, got=f"{type(parameter).__name__} among them"))
        if parameter.grad is not None:
            moving.append(parameter)
    return moving


def check_finite(name: str, moving: list[Tensor], sizes: list[float]) -> None:
    """Raise if a gradient, of which the sizes are given, is not finite; of a lazy one when it is computed."""
    for i, (parameter, size) in enumerate(zip(moving, sizes, strict=True)):
        label = parameter.name or f"parameter {i}"
        facts: dict[str, Any] = {"name": name, "parameter": label, "shape": parameter.shape}
        if devices.is_lazy(size):
            facts["count"] = functools.partial(number_of_unusable, parameter.grad)
            parameter.grad = devices.checked(parameter.grad, np.isfinite(size), NOT_FINITE, **facts)
            continue
        count = 0 if is_finite(size) else int(number_of_unusable(parameter.grad))
        if count:
            raise FloatingPointError(NOT_FINITE.format(count=count, **facts))


def number_of_unusable(gradient: Any) -> Any:
    """How many entries are not finite."""
    return np.sum(~np.isfinite(gradient))


def scaled(array: Any, norm: float, before: float) -> Any:
    """The array with another norm, in its own dtype; the factor may be out of that dtype's range."""
    bits = np.finfo(array.dtype).bits
    if 1e-30 < before < 1e30 and 1e-30 < norm / before < 1e30 and bits >= 32:
        return array * (norm / before)
    wide = np.result_type(array.dtype, np.float64)
    return (array.astype(wide) / before * norm).astype(array.dtype)
