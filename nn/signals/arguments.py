"""What `nn.signals` was called with: errors that say what was written, in which order, and what to write instead."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from autograd_mini import Tensor
from nn import losses
from nn.elsewhere import FUNCTIONAL, NN
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
PYTORCH = "nn.signals({written}) was written, but {what}, for PyTorch's tensors alone. {answer}"
THEIRS = "its {at} argument is PyTorch's {name}"
READ = "Write `model = nn.from_torch(module, x)` first, with some inputs, and `nn.signals(model, loss_fn, x, y)`."
OWN_LOSS = "Write a loss of nn's, such as `nn.cross_entropy` or `nn.squared_error`."
COUNTED = "first", "second", "third", "fourth"


def in_order(*given: Any) -> None:
    """Refuse a model, a loss, inputs and targets that are none, or stand in another order."""
    theirs = {i: part for i, part in enumerate(given[:2]) if is_pytorch(part)}
    why = "" if theirs else what_is_wrong(*given)
    if not theirs and not why:
        return
    shown = [described(part) for part in given]
    while shown[-1] == described(None):
        shown.pop()
    written = ", ".join(shown)
    if why:
        raise TypeError(ORDER.format(written=written, why=why))
    what = " and ".join(THEIRS.format(at=COUNTED[i], name=name_of(part)) for i, part in theirs.items())
    answer = " ".join(own_loss(part) if i else READ for i, part in theirs.items())
    raise TypeError(PYTORCH.format(written=written, what=what, answer=answer))


def is_pytorch(part: Any) -> bool:
    """Whether it is a module or a function of PyTorch's, which is not imported for it."""
    if isinstance(part, type) or not callable(part):
        return False
    modules = [kind.__module__ for kind in type(part).__mro__]
    if inspect.isroutine(part):
        modules = [getattr(part, "__module__", None) or str(getattr(part, "__self__", ""))]
    return any(name == "torch" or name.startswith("torch.") for name in modules)


def name_of(theirs: Any) -> str:
    return theirs.__name__ if inspect.isroutine(theirs) else type(theirs).__name__


def own_loss(theirs: Any) -> str:
    """What to write for a loss of PyTorch's."""
    name = name_of(theirs)
    if name in losses.__all__:
        return f"Write `nn.{name}`."
    return NN.answers.get(name) or FUNCTIONAL.answers.get(name) or OWN_LOSS


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
