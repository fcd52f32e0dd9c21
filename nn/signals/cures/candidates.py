"""The changes that are tried, as a table: what each is called, which are alike, and the functions that make it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, NamedTuple

from nn.changes import (
    activated,
    biases_zero,
    drawn,
    like_the_others,
    normalised,
    scaled_outputs,
    skipping,
    standardised,
    unit_variance,
    without_last,
)
from nn.module import Module

AS_IT_IS = "as it is"
DATA = "data"  # the family of changes for inputs, outputs and targets that do not fit


class Targets:
    """Stands for the targets among the options of a change; in its line of code they are `y`."""

    def __repr__(self) -> str:
        return "y"


Y = Targets()


class Start(NamedTuple):
    """What they are made of: a copy of the model as it was, its loss, and the batch that it was measured on."""

    model: Module
    loss: Callable[..., Any]
    x: Any
    y: Any


class Change(NamedTuple):
    """A change of a model.

    Attributes
    ----------
    name : str
    family : str
        Changes of one family do about the same: the best of each goes on, so that none crowds out another.
    steps : tuple of (function of nn.changes, options)
        Each is called with the model, the inputs of the batch and its options, of which `Y` stands for its targets.
    """

    name: str
    family: str
    steps: tuple[tuple[Callable[..., Module], tuple[Any, ...]], ...] = ()

    @property
    def code(self) -> str:
        """The line that makes it; `x` and `y` are the batch that `nn.signals` was given."""
        line = "model"
        for function, options in self.steps:
            line = f"nn.changes.{function.__name__}({', '.join([line, 'x', *map(repr, options)])})"
        return f"model = {line}" if self.steps else ""

    @property
    def has_targets(self) -> bool:
        """Whether it depends on the targets."""
        return any(option is Y for _, options in self.steps for option in options)

    def applied(self, model: Module, x: Any, y: Any) -> Module:
        """A changed copy."""
        if not self.steps:
            return copy.deepcopy(model)
        for function, options in self.steps:
            model = function(model, x, *(y if option is Y else option for option in options))
        return model


HE, GLOROT, ORTHOGONAL = ((drawn, (name,)) for name in ("he", "glorot", "orthogonal"))
TANH, RELU, LEAKY, PRELU = ((activated, (name,)) for name in ("tanh", "relu", "leaky_relu", "prelu"))
LAYER_NORM, BATCH_NORM = ((normalised, (kind,)) for kind in ("layer", "batch"))
SKIP = (skipping, ())

CHANGES = (  # those that help most often first, for the case that time is short
    Change(AS_IT_IS, AS_IT_IS),
    Change("BatchNorm", "batch", (BATCH_NORM,)),
    Change("LayerNorm + skips", "norm and skip", (LAYER_NORM, SKIP)),
    Change("ReLU + He", "relu", (RELU, HE)),
    Change("tanh + Glorot", "tanh", (TANH, GLOROT)),
    Change("He", "weights", (HE,)),
    Change("Glorot", "weights", (GLOROT,)),
    Change("orthogonal weights", "weights", (ORTHOGONAL,)),
    Change("PReLU + He + skips", "skip", (PRELU, HE, SKIP)),
    Change("LayerNorm", "norm", (LAYER_NORM,)),
    Change("He + LayerNorm", "norm", (HE, LAYER_NORM)),
    Change("skips", "skip", (SKIP,)),
    Change("PReLU + He", "relu", (PRELU, HE)),
    Change("unit variance (layer_sequential)", "weights", ((unit_variance, ()),)),
    Change("outlying layers like the others", "weights", ((like_the_others, ()),)),
    Change("biases 0", "weights", ((biases_zero, ()),)),
    Change("leaky ReLU", "relu", (LEAKY,)),
    Change("inputs standardised", "inputs", ((standardised, ()),)),
    Change("each input standardised", "inputs", ((standardised, (True,)),)),
    Change("no activation before the loss", "end", ((without_last, ()),)),
    Change("outputs scaled", DATA, ((scaled_outputs, (Y,)),)),
)
REPAIRS = "inputs", "end", DATA  # families of which those that can be made are made together too


def together(repairs: list[Change], family: str = DATA) -> Change:
    """Several changes one after the other, as one."""
    return Change(" + ".join(one.name for one in repairs), family, tuple(step for one in repairs for step in one.steps))
