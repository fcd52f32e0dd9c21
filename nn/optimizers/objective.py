"""`Objective`: a model's loss as a function of all its weights in one vector, with exact derivatives. No search lives
here."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autograd_mini import Tensor, no_grad, value_and_grad, vjp
from autograd_mini import grad as gradient_of
from nn.checks import as_values
from nn.module import Module
from nn.optimizers.curvature import gauss_newton_product

RANDOM = (
    "nn.minimize: the loss was {first!r} and then {second!r} at the same weights. A minimum is that of one function: "
    "take out what is random (`model.eval()` switches dropout and noise off; a fixed batch), or use `nn.SGD`."
)
RUNNING = (
    "nn.minimize: computing the loss changed the buffer {name!r}, a statistic that would say nothing of the minimum. "
    "Call `model.eval()` first, so that normalisation uses the statistics that it has."
)
NO_LOSS = (
    "nn.minimize: the loss function returned a {what}. What is minimised is one number: return a tensor of one entry, "
    "such as `nn.squared_error(output, y)` or `np.mean(...)`."
)
NOT_FINITE = "nn.minimize: the loss at the weights to start from is {value}. Start where it is finite."
NO_SLOPE = (
    "nn.minimize: the gradient by {name} is not finite at the weights to start from, where the loss is {value}. Start "
    "elsewhere: there is a kink, such as that of np.sqrt at 0."
)
OUTSIDE = ArithmeticError, np.linalg.LinAlgError  # what a loss may raise where it is not defined


class NoCurvature(Exception):  # noqa: N818 (it ends a run, and is not seen outside)
    """The Hessian is not finite."""


class Objective:
    """A model's loss as a function of all its weights in one float64 vector; a copy of the model computes it.

    Where the loss or its gradient is not finite, or an arithmetic error is raised, a step was too long. What SciPy is
    told there is the mirror image of the loss as it was at the last iteration, f + |g d| with the slope -g: more than
    there, so that no search accepts it, and as much as makes it try a shorter step next.
    """

    def __init__(self, model: Module, loss_fn: Callable[..., Any], x: Any, y: Any = None) -> None:
        self.loss_fn = loss_fn
        self.inputs = tuple(widened(part) for part in (x if isinstance(x, tuple) else (x,)))
        self.targets = () if y is None else (widened(y),)
        self.copy = model.astype(np.float64)
        self.parts, self.rebuild = self.copy.__tree_flatten__()
        self.places = [i for i, parameter in enumerate(self.parts) if parameter.requires_grad]
        self.shapes = [self.parts[i].shape for i in self.places]
        self.ends = list(itertools.accumulate(self.parts[i].size for i in self.places))
        self.start = np.concatenate([np.ravel(self.parts[i].data) for i in self.places])
        self.best, self.lowest, self.steepest = self.start, np.inf, np.zeros_like(self.start)
        self.last = self.start  # the weights of the last iteration
        self.mirrored: Any = None  # those weights with the loss and the gradient, once they were asked for
        self.at: Any = None
        self.curved_at: Any = None
        self.gradients = self.products = 0

    def split(self, vector: Any) -> list[Any]:
        """The vector as the arrays of the parameters."""
        pieces = np.split(vector, self.ends[:-1])
        return [np.reshape(piece, shape) for piece, shape in zip(pieces, self.shapes, strict=True)]

    def output(self, values: Sequence[Any]) -> Any:
        """The model's output with these values in place of the parameters that require grad."""
        parts: list[Any] = list(self.parts)
        for place, value in zip(self.places, values, strict=True):
            parts[place] = value
        return self.rebuild(parts)(*self.inputs)

    def loss_of(self, output: Any) -> Any:
        """The loss of an output."""
        return self.loss_fn(output, *self.targets)

    def loss(self, values: Sequence[Any]) -> Any:
        """The loss with these values."""
        return self.loss_of(self.output(values))

    def computed(self, vector: Any) -> tuple[float, Any] | None:
        """The loss and its gradient, None if they are not finite; a loss that is best so far is remembered."""
        self.gradients += 1
        try:
            with silenced():
                value, slopes = value_and_grad(self.loss)(self.split(vector))
        except OUTSIDE:
            return None
        loss, slope = as_values(value).item(), np.concatenate([np.ravel(slope) for slope in slopes])
        if not (np.isfinite(loss) and np.all(np.isfinite(slope))):
            return None
        self.remember(vector, loss, slope)
        return loss, slope

    def remember(self, vector: Any, loss: float, slope: Any) -> None:
        """Keep the best weights so far."""
        if loss < self.lowest:
            self.best, self.lowest, self.steepest = np.array(vector), loss, slope

    def value_and_grad(self, vector: Any) -> tuple[float, Any]:
        """The loss and its gradient, or what stands for them outside its domain; remembered for the last vector."""
        if self.at is None or not np.array_equal(vector, self.at):
            self.value, self.slope = self.computed(vector) or self.mirror(vector)
            self.at = np.array(vector)
        return self.value, self.slope

    def mirror(self, vector: Any) -> tuple[float, Any]:
        """The loss of the last iteration as it would rise, by its slope there, in the direction of these weights."""
        if self.mirrored is None or self.mirrored[0] is not self.last:
            self.mirrored = (self.last, *(self.computed(self.last) or (self.lowest, self.steepest)))
        last, value, slope = self.mirrored
        change = float(np.dot(slope, vector - last))
        rise = abs(change) if np.isfinite(change) and change else 1 + abs(value)
        return value + rise, slope if change > 0 else -slope

    def hvp(self, vector: Any, direction: Any) -> Any:
        """The Hessian times a direction: one more backward through the gradient's graph."""
        # The Hessian is symmetric, so pulling a direction back through the gradient multiplies by it.
        return self.product(lambda values: vjp(gradient_of(self.loss), values)[1], vector, direction)

    def gauss_newton(self, vector: Any, direction: Any) -> Any:
        """The Gauss-Newton matrix times a direction."""
        return self.product(lambda values: gauss_newton_product(self.output, self.loss_of, values), vector, direction)

    def product(self, multiplier: Callable[[Any], Callable[[Any], Any]], vector: Any, direction: Any) -> Any:
        """A matrix at some weights times a direction; what multiplies by it is kept for the last weights."""
        self.products += 1
        try:
            with silenced():
                if self.curved_at is None or not np.array_equal(vector, self.curved_at):
                    self.multiply = multiplier(self.split(vector))
                    self.curved_at = np.array(vector)
                (product,) = self.multiply(self.split(direction))
        except OUTSIDE as error:
            raise NoCurvature from error
        found = np.concatenate([np.ravel(part) for part in product])
        if not np.all(np.isfinite(found)):
            raise NoCurvature
        return found

    def hessian(self, vector: Any) -> Any:
        """The whole Hessian, a product for each weight."""
        return np.stack([self.hvp(vector, unit) for unit in np.eye(len(vector))])

    def check(self) -> None:
        """Refuse a loss that is random, changes the model, or starts where it is not finite."""
        before = {name: np.array(buffer.data) for name, buffer in self.copy.named_buffers()}
        with no_grad():
            losses = [self.loss_fn(self.copy(*self.inputs), *self.targets) for _ in range(2)]
        for loss in losses:
            if not isinstance(loss, Tensor) or loss.size != 1:
                shape = f" of shape {loss.shape}" if hasattr(loss, "shape") else ""
                raise TypeError(NO_LOSS.format(what=f"{type(loss).__name__}{shape}"))
        first, second = (float(loss.data.item()) for loss in losses)
        for name, buffer in self.copy.named_buffers():
            if not np.array_equal(before[name], buffer.data, equal_nan=True):
                raise ValueError(RUNNING.format(name=name))
        if not np.isfinite(first):
            raise ValueError(NOT_FINITE.format(value=first))
        if first != second:
            raise ValueError(RANDOM.format(first=first, second=second))
        found = self.computed(self.start)
        if found is None:
            raise ValueError(NO_SLOPE.format(name=self.steep(), value=first))
        self.at, (self.value, self.slope) = self.start, found

    def steep(self) -> str:
        """The first of the parameters by which the gradient at the start is not finite."""
        names = [name for name, parameter in self.copy.named_parameters() if parameter.requires_grad]
        try:
            with silenced():
                slopes = gradient_of(self.loss)(self.split(self.start))
        except OUTSIDE:
            return "the weights"
        return next(name for name, slope in zip(names, slopes, strict=True) if not np.all(np.isfinite(slope)))

    def gain(self) -> float:
        """How much less the loss is somewhere down the gradient from the best weights."""
        gain, length = 0.0, (1 + np.max(np.abs(self.best))) / np.max(np.abs(self.steepest))
        for step in length * 0.1 ** np.arange(1, 13):
            value = self.value_at(self.best - step * self.steepest)
            gain = max(gain, self.lowest - value if np.isfinite(value) else 0.0)
        return gain

    def value_at(self, vector: Any) -> float:
        """The loss alone; NaN where it is not defined."""
        with silenced(), no_grad(), contextlib.suppress(*OUTSIDE):
            return as_values(self.loss(self.split(vector))).item()
        return np.nan

    def close(self) -> None:
        """Leave what computes it."""


def silenced() -> Any:
    """Without NumPy's warnings, as what they warn of is seen in the result; what shall raise does."""
    warned: dict[str, Any] = {kind: "ignore" for kind, how in np.geterr().items() if how == "warn"}
    return np.errstate(**warned)


def widened(value: Any) -> Any:
    """Floating-point numbers in float64, others as they are."""
    array = as_values(value)
    return array.astype(np.float64) if array.dtype.kind == "f" else array
