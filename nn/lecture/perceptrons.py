"""Perceptrons and what aggregating them can express. Nothing here is learned by gradients: the slope of sign is 0."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autograd_mini import Tensor
from nn.checks import whole
from nn.module import Module
from nn.parameter import Parameter

__all__ = ["AND", "NOT", "OR", "XOR", "Aggregation", "Perceptron", "Signs", "convex", "learn"]

WEIGHTS = (
    "Perceptron(weights=...) was given an array of shape {got}. Write one number for each input: "
    "`Perceptron([1.0, -2.0], bias=0.5)` has two inputs."
)
INPUT_WIDTH = (
    "{title} with {d_in} weights was given an input of shape {got}, whose last axis is not {d_in}. Give "
    "it rows of {d_in} numbers."
)
NO_PARTS = "{name} was given nothing to aggregate. Write at least one perceptron: `{name}(g1, g2)`."
NOT_SIGNS = (
    "{name} aggregates perceptrons and aggregations, whose values are -1 and +1, but was given {got}. Build it from "
    "`nn.Perceptron(weights, bias)`, and pass the perceptrons one by one: `AND(*layer)`."
)
ALPHA = "Aggregation was given {count} parts and alpha of shape {got}. Write one number for each part."
SIDES = "convex(sides={sides}): a bounded set in the plane needs at least 3 half-planes."
SUPPORT = (
    "convex(support, sides={sides}) needs the support of each direction: called with the {sides} unit vectors, shape "
    "({sides}, 2), support returned shape {got} instead of ({sides},)."
)
EXAMPLES = (
    "learn() was given inputs of shape {inputs} and labels of shape {labels}. Give rows of numbers, at least one, and "
    "a label for each: shapes (examples, inputs) and (examples,)."
)
LABELS = "learn() was given labels {got}. The lecture's are -1 and +1: write `2 * y - 1` for 0 and 1."
FINITE = "learn() was given inputs that are not finite. Leave these examples out."


class Signs(Module):
    """What has the value -1 or +1 for each example, a module; `-g` is its negation.

    Examples
    --------
    >>> import numpy as np
    >>> import nn
    >>> class Ring(nn.perceptrons.Signs):
    ...     def forward(self, x):
    ...         return np.sign(1 - np.sum(np.square(x), axis=-1))
    >>> (-Ring())(np.array([[0.0, 0.0], [2.0, 0.0]])).data
    array([-1.,  1.])
    """

    def __neg__(self) -> Aggregation:
        return NOT(self)


class Perceptron(Signs):
    r"""The lecture's :math:`g(x) = \mathrm{sign}(w^T x + b)`: +1 on one side of a plane, -1 on the other.

    On the plane itself it is 0, undecided, as `np.sign` is. It can be used as any module, but its gradient is 0: the
    lecture takes tanh for that reason.

    Parameters
    ----------
    weights : array_like
        w, shape (d_in,): the normal of the plane, pointing to the side of +1.
    bias : float
        b, the lecture's :math:`w_0`.
    dtype : dtype
        Of the parameters.

    Raises
    ------
    ValueError
        If the weights are no vector; when called, if the input's last axis is not d_in.

    Notes
    -----
    Slides "Linear Aggregation of Perceptrons" and "Neural Network Hypothesis: Transformation".

    Examples
    --------
    >>> import nn
    >>> right = nn.Perceptron([1, 0], bias=-0.5)
    >>> right([[0.0, 0.0], [1.0, 0.0]]).data
    array([-1.,  1.])
    """

    def __init__(self, weights: Any, bias: float = 0.0, dtype: Any = np.float32) -> None:
        super().__init__()
        if np.ndim(weights) != 1 or not np.size(weights):
            raise ValueError(WEIGHTS.format(got=np.shape(weights)))
        self.weights = Parameter(np.array(weights, dtype))
        self.bias = Parameter(np.array(bias, dtype))

    def forward(self, x: Any) -> Tensor:
        """The signs of inputs of shape (..., d_in), shape (...)."""
        d_in = self.weights.size
        if np.shape(x)[-1:] != (d_in,):
            raise ValueError(INPUT_WIDTH.format(title=self._title(), d_in=d_in, got=np.shape(x)))
        return np.sign(x @ self.weights + self.bias)


class Aggregation(Signs):
    r"""The lecture's :math:`G(x) = \mathrm{sign}\left(b + \sum_{t=1}^T \alpha_t g_t(x)\right)`.

    The parts may be aggregations themselves: that is one more layer.

    Parameters
    ----------
    parts : sequence of Perceptron or Aggregation
        :math:`g_1, \dots, g_T`.
    alpha : array_like, optional
        Their votes, shape (T,); by default 1 for each.
    bias : float
        b, the vote of the constant :math:`g_0 = +1`.
    dtype : dtype
        Of alpha and the bias.

    Raises
    ------
    TypeError
        If a part has no signs as values.
    ValueError
        If there are no parts, or not one alpha for each.

    Notes
    -----
    Slide "Linear Aggregation of Perceptrons".

    Examples
    --------
    >>> import nn
    >>> g1, g2, g3 = nn.Perceptron([1, 0]), nn.Perceptron([0, 1]), nn.Perceptron([1, 1], bias=-3)
    >>> majority = nn.Aggregation([g1, g2, g3])
    >>> majority([[1.0, 1.0], [1.0, -1.0]]).data
    array([ 1., -1.])
    """

    def __init__(self, parts: Sequence[Signs], alpha: Any = None, bias: float = 0.0, dtype: Any = np.float32) -> None:
        super().__init__()
        self.parts: list[Any] = _as_parts(parts, "Aggregation")
        alpha = np.ones(len(self.parts)) if alpha is None else alpha
        if np.shape(alpha) != (len(self.parts),):
            raise ValueError(ALPHA.format(count=len(self.parts), got=np.shape(alpha)))
        self.alpha = Parameter(np.array(alpha, dtype))
        self.bias = Parameter(np.array(bias, dtype))

    def forward(self, x: Any) -> Tensor:
        """The signs of inputs of shape (..., d_in), shape (...)."""
        return np.sign(np.stack([g(x) for g in self.parts], axis=-1) @ self.alpha + self.bias)


def learn(
    x: Any, y: Any, *, updates: int = 10_000, rng: int | np.random.Generator | None = None, dtype: Any = np.float32
) -> Perceptron:
    r"""The perceptron learning algorithm: while examples are wrong, add one of them, :math:`w \leftarrow w + y_n x_n`.

    It ends without mistakes if a plane separates the classes (Rosenblatt 1958); else the best weights seen are returned
    (Gallant 1990).

    Parameters
    ----------
    x, y : array_like
        Inputs, shape (examples, inputs), and labels -1 or +1, shape (examples,).
    updates : int
        At most so many; each looks at all examples.
    rng : int or numpy.random.Generator, optional
        Which of the wrong examples is taken.
    dtype : dtype
        Of the perceptron's parameters; the updates are in float64.

    Raises
    ------
    ValueError
        If shapes or labels do not fit, or an input is not finite.

    Examples
    --------
    >>> from nn.lecture.perceptrons import learn
    >>> x = [[-1, -1], [-1, 1], [1, -1], [1, 1]]
    >>> learn(x, [-1, -1, -1, 1], rng=0)(x).data  # AND
    array([-1., -1., -1.,  1.])
    """
    x, y = np.asarray(x, float), np.asarray(y)
    if x.ndim != 2 or y.shape != x.shape[:1] or not x.size:
        raise ValueError(EXAMPLES.format(inputs=x.shape, labels=y.shape))
    if not np.isin(y, (-1, 1)).all():
        raise ValueError(LABELS.format(got=sorted(set(y.tolist()))[:5]))
    if not np.all(np.isfinite(x)):
        raise ValueError(FINITE)
    whole("learn", "updates", updates, 0)
    rng = np.random.default_rng(rng)
    signed = y[:, None] * np.column_stack([np.ones(len(x)), x])  # y_n x_n with x_0 = 1: right where its score is > 0
    w = pocket = np.zeros(signed.shape[1])
    fewest = len(x) + 1
    for _ in range(updates + 1):
        wrong = np.flatnonzero(signed @ w <= 0)
        if len(wrong) < fewest:
            pocket, fewest = w, len(wrong)
        if not len(wrong):
            break
        w = w + signed[rng.choice(wrong)]
    return Perceptron(pocket[1:], pocket[0], dtype)


def _as_parts(parts: Sequence[Signs], name: str) -> list[Signs]:
    """The parts of an aggregation, checked."""
    for part in parts:
        if not isinstance(part, Signs):
            raise TypeError(NOT_SIGNS.format(name=name, got=f"a {type(part).__name__}"))
    if not parts:
        raise ValueError(NO_PARTS.format(name=name))
    return list(parts)


def NOT(g: Signs) -> Aggregation:
    """The lecture's :math:`-g(x)`, an aggregation of one perceptron with the vote -1.

    Parameters
    ----------
    g : Perceptron, Aggregation or another of `nn.perceptrons.Signs`
        What is negated.

    Returns
    -------
    Aggregation
        A module of inputs (examples, d_in) and outputs -1 and +1, shape (examples,).

    Raises
    ------
    TypeError
        If it is something else.

    Examples
    --------
    >>> import nn
    >>> g = nn.Perceptron([1, 0])
    >>> nn.perceptrons.NOT(g)([[1.0, 0.0], [-1.0, 0.0]]).data
    array([-1.,  1.])
    """
    return Aggregation(_as_parts([g], "NOT"), [-1.0])


def AND(*parts: Signs) -> Aggregation:
    r"""+1 where all T parts are +1, else -1: :math:`\mathrm{sign}\left(1 - T + \sum_t g_t(x)\right)`.

    For two it is the lecture's :math:`\mathrm{sign}(-1 + g_1(x) + g_2(x))`. A negated part, `-g`, becomes the part g
    with the vote -1, so it costs no layer of its own.

    Parameters
    ----------
    *parts : Perceptron, Aggregation or another of `nn.perceptrons.Signs`
        The :math:`g_t`.

    Returns
    -------
    Aggregation
        A module of inputs (examples, d_in) and outputs -1 and +1, shape (examples,).

    Raises
    ------
    TypeError
        If a part is something else.
    ValueError
        If there is none.

    Examples
    --------
    >>> import nn
    >>> both = nn.perceptrons.AND(nn.Perceptron([1, 0]), -nn.Perceptron([0, 1]))
    >>> both.alpha.data, both.bias.data
    (array([ 1., -1.], dtype=float32), array(-1., dtype=float32))
    """
    return _voted("AND", parts, 1 - len(parts))


def OR(*parts: Signs) -> Aggregation:
    r"""+1 where any of T parts is +1, else -1: :math:`\mathrm{sign}\left(T - 1 + \sum_t g_t(x)\right)`.

    Parameters
    ----------
    *parts : Perceptron, Aggregation or another of `nn.perceptrons.Signs`
        The :math:`g_t`.

    Returns
    -------
    Aggregation
        A module of inputs (examples, d_in) and outputs -1 and +1, shape (examples,).

    Raises
    ------
    TypeError
        If a part is something else.
    ValueError
        If there is none.

    Examples
    --------
    >>> import nn
    >>> one = nn.perceptrons.OR(nn.Perceptron([1, 0]), nn.Perceptron([0, 1]))
    >>> one([[-1.0, -1.0], [-1.0, 1.0], [1.0, 1.0]]).data
    array([-1.,  1.,  1.])
    """
    return _voted("OR", parts, len(parts) - 1)


def XOR(g1: Signs, g2: Signs) -> Aggregation:
    """+1 where one of the two is +1 and the other is -1, by two layers: OR(AND(-g1, g2), AND(g1, -g2)).

    No single aggregation of g1 and g2 does it: its score at the two points of XOR = +1 would add up to 2 b > 0, and at
    the two others to 2 b < 0 (slides "Powerfulness and Limitation" and "Multi-Layer Perceptrons").

    Parameters
    ----------
    g1, g2 : Perceptron, Aggregation or another of `nn.perceptrons.Signs`
        The two.

    Returns
    -------
    Aggregation
        A module of inputs (examples, d_in) and outputs -1 and +1, shape (examples,).

    Raises
    ------
    TypeError
        If one of them is something else.

    Examples
    --------
    >>> import nn
    >>> xor = nn.perceptrons.XOR(nn.Perceptron([1, 0]), nn.Perceptron([0, 1]))
    >>> xor([[-1, -1], [-1, 1], [1, -1], [1, 1]]).data
    array([-1.,  1.,  1., -1.])
    """
    return OR(AND(-g1, g2), AND(g1, -g2))


def _voted(name: str, parts: Sequence[Signs], bias: float) -> Aggregation:
    """The aggregation with a vote of +1 for each part g, and of -1 for each -g, which it holds as g."""
    found, votes = [], []
    part: Any
    for part in _as_parts(parts, name):
        negated = isinstance(part, Aggregation) and len(part.parts) == 1 and not part.bias.data and part.alpha.data < 0
        found.append(part.parts[0] if negated else part)
        votes.append(-1.0 if negated else 1.0)
    return Aggregation(found, votes, bias)


def convex(support: Callable[[np.ndarray[Any, Any]], Any], sides: int) -> Aggregation:
    r"""A convex set of the plane as the AND of half-planes that touch it from outside, at evenly spaced directions.

    The half-plane of the unit vector u is :math:`\mathrm{sign}(h(u) - u^T x)`, where the support
    :math:`h(u) = \max_{x \in C} u^T x` says how far the set C reaches in that direction.

    Parameters
    ----------
    support : callable
        h, from unit vectors of shape (sides, 2) to distances of shape (sides,).
    sides : int
        The number of perceptrons.

    Raises
    ------
    ValueError
        If there are fewer than 3 sides, or the support has another shape.

    Notes
    -----
    Slide "Powerfulness and Limitation": around a smooth boundary the area between polygon and set falls as 1/sides^2.
    For the unit disc it is :math:`T \tan(\pi/T) - \pi`.

    Examples
    --------
    >>> import numpy as np
    >>> from nn.lecture.perceptrons import convex
    >>> disc = convex(lambda u: np.ones(len(u)), sides=16)
    >>> disc([[0.0, 0.99], [0.0, 1.03]]).data
    array([ 1., -1.])
    >>> ellipse = convex(lambda u: np.linalg.norm(u * [2, 1], axis=1), sides=8)
    """
    if sides < 3:
        raise ValueError(SIDES.format(sides=sides))
    angles = 2 * np.pi * np.arange(sides) / sides
    directions = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    reach = np.asarray(support(directions))
    if reach.shape != (sides,):
        raise ValueError(SUPPORT.format(sides=sides, got=reach.shape))
    return AND(*(Perceptron(-u, h) for u, h in zip(directions, reach, strict=True)))
