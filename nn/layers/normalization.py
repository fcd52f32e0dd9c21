"""Internal normalisation: layers that bring scores or weights to a scale of their own, the lecture's cure for inputs of
hidden layers. No other layer lives here."""

from __future__ import annotations

import copy
import math
from typing import Any

from autograd_mini import Tensor, case, devices, everywhere, primitive, rule
from autograd_mini import numpy as np
from nn.checks import as_scores, check_sizes, is_batch, is_number
from nn.module import Module
from nn.parameter import Buffer, Parameter

EPSILON = "{name}(epsilon={epsilon}): it is added to a variance, and must be positive."
AXIS = "BatchNorm(axis={axis!r}): the number of the axis that the units are along, such as 1, or -1 for the last."
MOMENTUM = "BatchNorm(momentum={momentum}): the weight of the newest batch in the running statistics is in (0, 1]."
WIDTH = (
    "{title} was given an input of shape {got}, which has not {units} entries along axis {axis}. Build "
    "the layer as `{call}`, or give it another input."
)
ONE_VALUE = (
    "{title} was given an input of shape {got} in training mode: one value for each unit has no "
    "variance. Give it a batch of two or more, or call `model.eval()` to use the running statistics. Where the last "
    "batch of an epoch has one example, leave it out: `nn.DataLoader(..., drop_last=True)`."
)
ONE_EXAMPLE = (
    "{title} is in training mode inside a vmap (`nn.per_example_grad` is one). Its output for one example depends on "
    "the others of the batch, so there is no gradient of an example, and no running statistics of one. Call "
    "`model.eval()` to use the running ones, or take `nn.GroupNorm` or `nn.LayerNorm`, which look at each example by "
    "itself."
)
SHARED = "GroupNorm({groups}, {units}): each group has as many units, and {groups} does not divide {units}."
ZERO_WEIGHTS = (
    "WeightNorm was given a layer in which all weights of {count} of {units} units are 0: they have no direction. "
    "Initialise the layer at random."
)
NO_WEIGHTS = "WeightNorm was given {got}, which has no parameter `weights` to normalise. Write e.g. `{fix}`."


@primitive
def standardise(x: Any, *, axis: int | tuple[int, ...], epsilon: float) -> Any:
    """(x - mean) / sqrt(variance + epsilon) along some axes, as one operation, which keeps x and the result alone."""
    c = centred(x, axis)
    return c / np.sqrt(np.mean(c * c, axis=axis, keepdims=True) + epsilon)


def centred(x: Any, axis: int | tuple[int, ...]) -> Any:
    """x without its mean, which is taken in double precision.

    Along the first axis NumPy adds row to row: the float32 sum of a large batch would be too rough for a mean that is
    large beside the deviation.
    """
    wide = np.result_type(x.dtype, "float64")
    return x - np.mean(x, axis=axis, keepdims=True, dtype=wide).astype(x.dtype)


def standardise_vjp(g: Any, out: Any, x: Any, *, axis: int | tuple[int, ...], epsilon: float) -> Any:
    """What is left of g without its mean and its part along the result, over the standard deviation."""
    along, c = np.mean(g * out, axis=axis, keepdims=True), centred(x, axis)
    deviation = np.sqrt(np.mean(c * c, axis=axis, keepdims=True) + epsilon)
    return (g - np.mean(g, axis=axis, keepdims=True) - out * along) / deviation


rule(
    standardise,
    standardise_vjp,
    cases=(
        case((5, 3), axis=0, epsilon=1e-3),
        case((2, 4), axis=-1, epsilon=1e-3),
        case((2, 3, 4, 2), axis=(0, 2, 3), epsilon=1e-3),
    ),
)


class BatchNorm(Module):
    r"""Each unit over the batch: :math:`\gamma_j (s_j - \mu_j) / \sqrt{\sigma_j^2 + \epsilon} + \beta_j`.

    In training the mean and variance are the batch's, and running averages of them are kept in buffers; in evaluation
    the running ones are used (Ioffe & Szegedy 2015, *Batch Normalization*). A last batch of few examples spoils them:
    `nn.DataLoader(..., drop_last=True)` leaves it out.

    Parameters
    ----------
    units : int
        Entries along `axis`: units of a layer, or channels of images (examples, channels, height, width).
    momentum : float
        The weight of the newest batch in the running statistics.
    epsilon : float
        Added to the variance.
    axis : int
        Where the units are; the statistics are taken over all other axes.
    dtype : dtype
        Of the parameters and the buffers. The result has this dtype or the input's, whichever is wider; of whole
        numbers this.

    Attributes
    ----------
    gain, bias : Parameter
        :math:`\gamma`, which starts at 1, and :math:`\beta`, at 0; shape (units,).
    mean, variance : Buffer
        The running statistics, shape (units,).

    Raises
    ------
    ValueError
        If the momentum or epsilon is out of range; in training, if there is one value for each unit; always, if the
        width is not `units`.
    TypeError
        If the axis is no whole number.

    Examples
    --------
    >>> import numpy as np
    >>> import nn
    >>> layer = nn.BatchNorm(2)
    >>> out = layer(np.array([[1, 50], [3, 70]], np.float32))
    >>> np.round(out.data, 3)
    array([[-1., -1.],
           [ 1.,  1.]], dtype=float32)
    """

    def __init__(
        self, units: int, momentum: float = 0.1, epsilon: float = 1e-5, axis: int = 1, dtype: Any = np.float32
    ) -> None:
        super().__init__()
        check(self, units, epsilon)
        if not (is_number(momentum) and 0 < momentum <= 1):
            raise ValueError(MOMENTUM.format(momentum=momentum))
        if not isinstance(axis, int | np.integer):
            raise TypeError(AXIS.format(axis=axis))
        self.momentum, self.epsilon, self.axis = momentum, epsilon, axis
        self.gain = Parameter(np.ones(units, dtype))
        self.bias = Parameter(np.zeros(units, dtype))
        self.mean = Buffer(np.zeros(units, dtype))
        self.variance = Buffer(np.ones(units, dtype))

    def forward(self, x: Any) -> Tensor:
        x, units = as_scores(x, self.gain), self.gain.size
        axis = located(self, x, self.axis, units)
        if not self.training:
            scale = self.gain / np.sqrt(self.variance.data + self.epsilon)
            return x * along(scale, axis, x.ndim) + along(self.bias - self.mean.data * scale, axis, x.ndim)
        others = tuple(i for i in range(x.ndim) if i != axis)
        if is_batch(x):
            raise ValueError(ONE_EXAMPLE.format(title=self._title(units)))
        count = x.size // units
        if count < 2:
            raise ValueError(ONE_VALUE.format(title=self._title(units), got=x.shape))
        remember(
            self.mean, self.variance, x.data if isinstance(x, Tensor) else x, others, count, momentum=self.momentum
        )
        standard = standardise(x, axis=others, epsilon=self.epsilon)
        return standard * along(self.gain, axis, x.ndim) + along(self.bias, axis, x.ndim)

    def describe(self) -> str:
        return f"{self.gain.size}, momentum={self.momentum}"


def remember(
    mean: Buffer, variance: Buffer, values: Any, others: tuple[int, ...], count: int, *, momentum: float
) -> None:
    """Move the running statistics towards the batch's, with the unbiased variance, as is usual.

    A batch that is not finite does not move them: that would last, and `fit` promises the model as it was.
    """
    keep, new = 1 - momentum, momentum
    c = centred(values, others)
    now = np.mean(values, axis=others, dtype=np.result_type(values.dtype, devices.wide(values)))
    spread = np.mean(c * c, axis=others) * (count / (count - 1))
    usable, here = np.isfinite(spread), devices.on_host(values)
    if here and not everywhere(usable):
        return
    for buffer, new_one in ((mean, now), (variance, spread)):
        moved = keep * buffer.data + new * new_one
        if not here:  # where it is not known yet
            moved = np.where(np.all(usable), moved, buffer.data)
        buffer.data = moved.astype(buffer.dtype, copy=False)


class LayerNorm(Module):
    r"""Each example over its units: :math:`\gamma_j (s_j - \mu) / \sqrt{\sigma^2 + \epsilon} + \beta_j`.

    The mean and variance are those of the last axis; training and evaluation do not differ (Ba, Kiros & Hinton 2016,
    *Layer Normalization*).

    Parameters
    ----------
    units : int
        Entries along the last axis.
    epsilon : float
        Added to the variance.
    dtype : dtype
        Of the parameters. The result has this dtype or the input's, whichever is wider; of whole numbers this.

    Attributes
    ----------
    gain, bias : Parameter
        :math:`\gamma`, which starts at 1, and :math:`\beta`, at 0; shape (units,).

    Raises
    ------
    ValueError
        If the width is not `units`.

    Examples
    --------
    >>> import numpy as np
    >>> import nn
    >>> np.round(nn.LayerNorm(3)(np.array([[1, 2, 3]], np.float32)).data, 3)
    array([[-1.225,  0.   ,  1.225]], dtype=float32)
    """

    def __init__(self, units: int, epsilon: float = 1e-5, dtype: Any = np.float32) -> None:
        super().__init__()
        check(self, units, epsilon)
        self.epsilon = epsilon
        self.gain = Parameter(np.ones(units, dtype))
        self.bias = Parameter(np.zeros(units, dtype))

    def forward(self, x: Any) -> Tensor:
        x = as_scores(x, self.gain)
        located(self, x, -1, self.gain.size)
        return standardise(x, axis=-1, epsilon=self.epsilon) * self.gain + self.bias

    def describe(self) -> str:
        return str(self.gain.size)


class GroupNorm(Module):
    r"""Each example over groups of channels: :math:`\gamma_c (s_c - \mu_g) / \sqrt{\sigma_g^2 + \epsilon} + \beta_c`.

    The mean and variance are those of the group g that the channel c is in, over all places; training and evaluation do
    not differ, and no example depends on the others of its batch (Wu & He 2018, *Group Normalization*). One group is a
    layer normalisation of images, as many groups as channels an instance normalisation.

    Parameters
    ----------
    groups : int
        How many; a divisor of `units`.
    units : int
        Channels, along axis 1 of (examples, channels, ...).
    epsilon : float
        Added to the variance.
    dtype : dtype
        Of the parameters. The result has this dtype or the input's, whichever is wider; of whole numbers this.

    Attributes
    ----------
    gain, bias : Parameter
        :math:`\gamma`, which starts at 1, and :math:`\beta`, at 0; shape (units,).

    Raises
    ------
    ValueError
        If the groups do not divide the units, or the width is not `units`.

    Examples
    --------
    >>> import numpy as np
    >>> import nn
    >>> x = np.array([[[1, 3], [5, 7], [10, 20], [10, 20]]], np.float32)  # one example, 4 channels, 2 places
    >>> np.round(nn.GroupNorm(2, 4)(x).data, 3)
    array([[[-1.342, -0.447],
            [ 0.447,  1.342],
            [-1.   ,  1.   ],
            [-1.   ,  1.   ]]], dtype=float32)
    """

    def __init__(self, groups: int, units: int, epsilon: float = 1e-5, dtype: Any = np.float32) -> None:
        super().__init__()
        check_sizes("GroupNorm", groups=groups, units=units)
        check(self, units, epsilon)
        if units % groups:
            raise ValueError(SHARED.format(groups=groups, units=units))
        self.groups, self.epsilon = groups, epsilon
        self.gain = Parameter(np.ones(units, dtype))
        self.bias = Parameter(np.zeros(units, dtype))

    def forward(self, x: Any) -> Tensor:
        x, units = as_scores(x, self.gain), self.gain.size
        located(self, x, 1, units)
        grouped = np.reshape(x, (x.shape[0], self.groups, units // self.groups, *x.shape[2:]))
        standard = standardise(grouped, axis=tuple(range(2, grouped.ndim)), epsilon=self.epsilon)
        return np.reshape(standard, x.shape) * along(self.gain, 1, x.ndim) + along(self.bias, 1, x.ndim)

    def describe(self) -> str:
        return f"{self.groups}, {self.gain.size}"


class WeightNorm(Module):
    r"""A layer whose weights are learned as direction and length: :math:`w_j = g_j v_j / \|v_j\|` for each unit j.

    It starts as the layer that it was given, which is not changed (Salimans & Kingma 2016, *Weight Normalization*).

    Parameters
    ----------
    layer : Module
        A layer with a parameter `weights`, such as `nn.Linear`. Where its units are along another axis than the last,
        the layer says so by an attribute `output_axis`.

    Attributes
    ----------
    direction : Parameter
        v, of the shape of the layer's weights.
    length : Parameter
        g, one for each unit.
    layer : Module
        The copy, without `weights`.

    Raises
    ------
    TypeError
        If it has no weights.
    ValueError
        If the weights of a unit are all 0.

    Examples
    --------
    >>> import nn
    >>> print(nn.WeightNorm(nn.Linear(3, 2)))
    WeightNorm(direction: (3, 2), length: (2,))  # 10 parameters
      layer: Linear(bias: (2,))
    """

    def __init__(self, layer: Module) -> None:
        super().__init__()
        weights = getattr(layer, "weights", None)
        if not isinstance(layer, Module) or not isinstance(weights, Parameter):
            raise TypeError(NO_WEIGHTS.format(got=type(layer).__name__, fix="nn.WeightNorm(nn.Linear(3, 2))"))
        self.layer = copy.deepcopy(layer)
        delattr(self.layer, "weights")
        axis = getattr(layer, "output_axis", -1) % weights.ndim
        self.others = tuple(i for i in range(weights.ndim) if i != axis)
        length = np.sqrt(np.sum(weights.data**2, axis=self.others))
        if not np.all(length):
            raise ValueError(ZERO_WEIGHTS.format(count=np.sum(length == 0), units=length.size))
        self.direction = Parameter(weights.data.copy())
        self.length = Parameter(length)

    def forward(self, x: Any) -> Tensor:
        direction, axes = self.direction, self.others
        length = np.expand_dims(self.length, axes)
        weights = direction * (length / np.sqrt(np.sum(direction * direction, axis=axes, keepdims=True)))
        layer = copy.copy(self.layer)  # for this call alone, so that threads may share the module
        vars(layer)["weights"] = weights  # which may be a vmap's
        return layer(x)


def check(module: Module, units: Any, epsilon: float) -> None:
    """Errors for sizes that make no layer."""
    name = type(module).__name__
    check_sizes(name, units=units)
    if not (is_number(epsilon) and 0 < epsilon < math.inf):
        raise ValueError(EPSILON.format(name=name, epsilon=epsilon))


def located(module: Module, x: Any, axis: int, units: int) -> int:
    """The axis of the units counted from the front; an error if their number is not `units`."""
    place = axis + x.ndim if axis < 0 else axis
    if not 0 <= place < x.ndim or x.shape[place] != units:
        name = type(module).__name__
        width = x.shape[place] if 0 <= place < x.ndim else units
        groups = f"{module.groups}, " if isinstance(module, GroupNorm) else ""
        call = f"{name}({groups}{width}{f', axis={axis}' if name == 'BatchNorm' else ''})"
        title = module._title(f"{groups}{units}")
        raise ValueError(WIDTH.format(title=title, call=call, units=units, got=x.shape, axis=axis))
    return place


def along(vector: Any, axis: int, ndim: int) -> Any:
    """One entry for each unit, in the shape that broadcasts along `axis` of an array with `ndim` axes."""
    return vector if axis == ndim - 1 else np.reshape(vector, (-1, *[1] * (ndim - 1 - axis)))
