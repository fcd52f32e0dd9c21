"""`MultiHeadAttention`: each position of a sequence reads from all positions, weighted by how well they match."""

from __future__ import annotations

from typing import Any

from autograd_mini import Tensor, everywhere
from autograd_mini import numpy as np
from nn.checks import all_values, as_input, as_values, check_sizes
from nn.functions import softmax
from nn.layers.init import Initialiser
from nn.layers.linear import Linear
from nn.layers.regularization import Dropout
from nn.module import Module
from nn.padding import at_present, present

HEADS = (
    "MultiHeadAttention({units}, heads={heads}): each head takes an equal share of the units, and {heads} does not "
    "divide {units}."
)
INPUT = (
    "{title} was given {what} of shape {got}. Give sequences of shape (examples, "
    "positions, {units}), as many examples of keys as of queries."
)
MASK = (
    "{title} was given a mask of {kind} {got}. Write True where a query may read a key, as booleans "
    "of a shape that broadcasts to (examples, queries, keys) = {want}."
)
NOTHING = (
    "{title}: the mask leaves {count} queries without a key to read, the first at (example, query) {first}. A mean "
    "over nothing is no number: let each query read at least one key, such as its own position."
)


class MultiHeadAttention(Module):
    r"""Scaled dot-product attention in several heads: :math:`\mathrm{softmax}(Q K^T / \sqrt{d}) V`, side by side.

    Each head has its own linear maps to queries, keys and values of d = units / heads numbers (Vaswani et al. 2017,
    *Attention Is All You Need*).

    Parameters
    ----------
    units : int
        The width of queries, keys, values and the result.
    heads : int
        A divisor of `units`.
    dropout : float
        The share of the weights that is set to 0 in training.
    init : str or initialiser
        Of the weights of the four linear maps; the biases start at 0.
    rng : int or numpy.random.Generator, optional
        Where the weights and the dropout come from.
    dtype : dtype
        Of the parameters. The result has this dtype or the input's, whichever is wider; of whole numbers this.

    Attributes
    ----------
    query, key, value, out : Linear
        Each with `weights`, shape (units, units), and `bias`, shape (units,): of all heads side by side. `out` mixes
        what the heads have read.
    dropout : Dropout
        Of what the softmax gives.

    Raises
    ------
    ValueError
        If shapes do not fit, or a mask leaves a query without any key.

    Examples
    --------
    >>> import numpy as np
    >>> import nn
    >>> attention = nn.MultiHeadAttention(8, heads=2, rng=0)
    >>> x = np.random.default_rng(0).standard_normal((3, 5, 8))
    >>> attention(x).shape  # x reads from itself
    (3, 5, 8)
    >>> _, weights = attention(x, causal=True, weights=True)  # no position reads a later one
    >>> weights.shape, bool(np.all(np.triu(weights[0, 0].data, 1) == 0))
    ((3, 2, 5, 5), True)
    """

    def __init__(  # noqa: PLR0917
        self,
        units: int,
        heads: int = 1,
        dropout: float = 0.0,
        init: str | Initialiser = "glorot",
        rng: int | np.random.Generator | None = None,
        dtype: Any = np.float32,
    ) -> None:
        super().__init__()
        check_sizes("MultiHeadAttention", units=units, heads=heads)
        if units % heads:
            raise ValueError(HEADS.format(units=units, heads=heads))
        rng = np.random.default_rng(rng)
        self.heads = heads
        self.query, self.key, self.value, self.out = (
            Linear(units, units, init, rng=rng, dtype=dtype) for _ in range(4)
        )
        self.dropout = Dropout(dropout, rng)

    def forward(
        self,
        x: Any,
        context: Any = None,
        *,
        lengths: Any = None,
        mask: Any = None,
        causal: bool = False,
        weights: bool = False,
    ) -> Any:
        """What the positions of x read from those of `context`, by default x itself.

        Parameters
        ----------
        x : array_like
            Queries are made of it, shape (examples, queries, units).
        context : array_like, optional
            Keys and values are made of it, shape (examples, keys, units).
        lengths : array_like of int, optional
            Of keys that are padded at their ends, how many each example has, shape (examples,): no query reads
            padding. Where x reads from itself, the results after an example's end are 0.
        mask : array_like of bool, optional
            True where a query may read a key; it broadcasts to (examples, queries, keys). Queries after an example's
            end are not asked for.
        causal : bool
            Query i reads keys 0 to i alone.
        weights : bool
            Return the weights, shape (examples, heads, queries, keys), too.

        Returns
        -------
        Tensor or pair of Tensor
            What each query has read, shape (examples, queries, units); with `weights=True` a pair of it and the
            weights, whose rows add up to 1 (before dropout).

        Raises
        ------
        ValueError
            If shapes do not fit, or a query has no key to read.
        TypeError
            If the mask is not one of booleans.
        """
        x, itself = as_input(x), context is None
        context = x if itself else as_input(context)
        self._check(x, context)
        known = present(self._title(), lengths, context.shape)
        if known is not None and everywhere(known):
            known = None
        asked = known if itself else None
        if known is not None:  # whatever padding holds, infinity and NaN too
            context = np.where(known[:, :, None], context, 0)
            x = context if itself else x
        q, k, v = (self._heads(part(of)) for part, of in ((self.query, x), (self.key, context), (self.value, context)))
        scores = np.matmul(q, np.swapaxes(k, -1, -2)) * (q.shape[-1] ** -0.5)
        may = self._mask(mask, causal, (x.shape[0], x.shape[1], context.shape[1]), known, asked)
        if may is not None:
            scores = np.where(may, scores, -np.inf)
        shares = softmax(scores)
        read = np.swapaxes(np.matmul(self._dropped(shares, known, asked), v), 1, 2)
        result = self.out(np.reshape(read, x.shape))
        if asked is not None:
            result = np.where(asked[:, :, None], result, 0)
        return (result, shares) if weights else result

    def _check(self, x: Any, context: Any) -> None:
        units = self.query.weights.shape[0]
        for what, part in (("queries", x), ("keys", context)):
            fits = part.ndim == 3 and part.shape[0] == x.shape[0] and part.shape[2] == units and part.shape[1]
            if not fits:
                raise ValueError(INPUT.format(title=self._title(units), units=units, what=what, got=part.shape))

    def _heads(self, x: Tensor) -> Any:
        """(examples, positions, units) as (examples, heads, positions, units of a head)."""
        examples, positions, units = x.shape
        return np.swapaxes(np.reshape(x, (examples, positions, self.heads, units // self.heads)), 1, 2)

    def _dropped(self, shares: Any, known: Any, asked: Any) -> Any:
        """The weights after dropout; what it draws does not depend on the padding."""
        if known is None or not (self.training and self.dropout.share):
            return self.dropout(shares)
        pairs = known[:, None, :] if asked is None else asked[:, :, None] & known[:, None, :]
        return at_present(self.dropout, shares, np.broadcast_to(pairs[:, None], shares.shape))

    def _mask(self, mask: Any, causal: bool, shape: tuple[int, int, int], known: Any, asked: Any) -> Any:
        """Which query may read which key, shape (examples or 1, 1, queries, keys), or None for all."""
        title = self._title()
        may = None
        if mask is not None:
            may = as_values(mask)
            if may.dtype != bool:
                raise TypeError(MASK.format(title=title, kind="dtype", got=may.dtype, want=shape))
            try:
                may = np.broadcast_to(may, shape)
            except ValueError:
                raise ValueError(MASK.format(title=title, kind="shape", got=may.shape, want=shape)) from None
        if causal:
            before = np.tri(*shape[1:], dtype=bool)[None]
            may = before if may is None else may & before
        if known is not None:
            known = known[:, None, :]
            may = known if may is None else may & known
            if asked is not None:  # what is after an end reads anything, so that it is a number
                may = may | ~asked[:, :, None]
        if may is None:
            return None
        lost = all_values(~may.any(axis=-1))
        if not everywhere(~lost):
            first = tuple(map(int, np.argwhere(lost)[0]))
            raise ValueError(NOTHING.format(title=title, count=int(lost.sum()), first=first))
        return may[:, None]

    def describe(self) -> str:
        return f"heads={self.heads}"
