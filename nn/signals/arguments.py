"""What `nn.signals` was called with: errors that say what was written, in which order, and what to write instead."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from autograd_mini import Tensor
from nn.module import Module

ORDER = (
    "nn.signals({written}) was written, but {why}. Write `nn.signals(model, loss_fn, x, y)`: the model itself, such as "
    "`nn.MLP([2, 16, 1])`, then a function of its outputs and the targets, such as `nn.squared_error`, then inputs and "
    "targets."
)
MISPLACED = "the model is its {at} argument"
NO_MODEL = "its first argument, the model, is {what}"
NO_LOSS_FN = "its second argument, loss_fn, is {what}"
NO_INPUTS = "nothing stands for x, a batch of inputs"
NO_TARGETS = "the loss takes targets too, and nothing stands for y"
COUNTED = "first", "second", "third", "fourth"


def in_order(*given: Any) -> None:
    """Refuse a model, a loss, inputs and targets that are none, or stand in another order."""
    why = what_is_wrong(*given)
    if why:
        written = [described(part) for part in given]
        while written[-1] == described(None):
            written.pop()
        raise TypeError(ORDER.format(written=", ".join(written), why=why))


def what_is_wrong(model: Any, loss_fn: Any, x: Any, y: Any) -> str:
    models = [i for i, part in enumerate((model, loss_fn, x, y)) if isinstance(part, Module)]
    if len(models) == 1 and models != [0] and not (can_be_called(model) and takes(model, 1)):
        return MISPLACED.format(at=COUNTED[models[0]])
    if not can_be_called(model):
        return NO_MODEL.format(what=described(model))
    if not can_be_called(loss_fn):
        return NO_LOSS_FN.format(what=described(loss_fn))
    if x is None:
        return NO_INPUTS
    return NO_TARGETS if y is None and not takes(loss_fn, 1) and takes(loss_fn, 2) else ""


def can_be_called(part: Any) -> bool:
    return callable(part) and not isinstance(part, type)


def takes(function: Callable[..., Any], number: int) -> bool:
    """Whether a function can be called with so many arguments; if nobody knows, it can."""
    try:
        inspect.signature(function).bind(*range(number))
    except TypeError:
        return False
    except ValueError:
        return True
    return True


def described(value: Any) -> str:
    """`the class MLP`, `an MLP`, `an array of shape (64, 2)`, `the function squared_error`, `None`."""
    if isinstance(value, type):
        return f"the class {value.__name__}"
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape}"
    if isinstance(value, Tensor):
        return f"a tensor of shape {value.shape}"
    if inspect.isroutine(value):
        return f"the function {value.__name__}"
    name = type(value).__name__
    spelled = name[:2].isupper()  # an MLP, an RNN
    return (
        "None" if value is None else f"{'an' if name[0] in ('AEFILMNORSX' if spelled else 'AEIOaeio') else 'a'} {name}"
    )
