"""How much of a mini-batch's gradient its examples have in common, estimated from gradients of single examples."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

GROUPS = 16  # of examples, each left out in turn to tell how uncertain an estimate is
SURE = 2.0  # standard errors, of an interval
SURER = 2.5  # and before a gradient is called noise: there are many layers


class GradientNoise(NamedTuple):
    r"""What N examples tell of their gradients :math:`g_n`, drawn around a mean G with covariance :math:`\Sigma`.

    Both numbers are made of unbiased estimates: of :math:`\|G\|^2`, the mean of :math:`g_n^\top g_m` over all pairs of
    two examples, and of :math:`\|G\|^2 + \mathrm{tr}\,\Sigma`, the mean of :math:`\|g_n\|^2`.

    Attributes
    ----------
    examples : int
        N.
    agreement : float
        :math:`\|G\|^2 / (\|G\|^2 + \mathrm{tr}\,\Sigma)`: 1 where all examples have the same gradient, 0 where their
        mean is chance; by chance it may be negative.
    error : float
        Its standard error, from leaving groups of examples out (the jackknife); nan of fewer than 3 examples.

    Notes
    -----
    The noise scale is that of McCandlish et al. 2018, *An Empirical Model of Large-Batch Training*, appendix A.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_mini import GradientNoise
    >>> g = 0.5 + np.random.default_rng(0).standard_normal((64, 5))  # tr(Sigma) = 5, |G|^2 = 1.25: 4
    >>> noise = GradientNoise.of(g)
    >>> round(noise.scale, 1), round(noise.share, 2)
    (4.3, 0.94)
    """

    examples: int
    agreement: float
    error: float

    @classmethod
    def of(cls, gradients: Any) -> GradientNoise:
        """The noise of gradients of shape (examples, ...)."""
        rows = np.reshape(gradients, (len(gradients), -1))
        sums = np.stack([rows[i::GROUPS].sum(axis=0) for i in range(GROUPS)])
        return cls.of_sums(np.sum(np.abs(rows) ** 2, axis=1), (sums @ np.conj(sums).T).real)

    @classmethod
    def of_sums(cls, squares: Any, products: Any) -> GradientNoise:
        """The noise from what can be summed up over parameters.

        Parameters
        ----------
        squares : ndarray
            The squared norm of each example's gradient.
        products : ndarray
            Of k groups of examples, example n in group n modulo k, the products of the sums of their gradients with one
            another, shape (k, k).
        """
        count, used = len(squares), min(len(products), len(squares))
        groups, products = np.arange(count) % len(products), products[:used, :used]
        each, sizes = np.bincount(groups, squares, used), np.bincount(groups, minlength=used)
        total, whole = float(products.sum()), float(each.sum())
        without = total - 2 * products.sum(axis=1) + np.diag(products)
        parts = [agreement(*left) for left in zip(without, whole - each, count - sizes, strict=True)]
        error = math.sqrt((used - 1) * float(np.var(parts))) if used > 2 else math.nan
        return cls(count, agreement(total, whole, count), error)

    @property
    def scale(self) -> float:
        r"""How many examples are needed: :math:`\mathrm{tr}\,\Sigma / \|G\|^2`, the simple noise scale.

        The mean over so many has as much of G as of noise, in squares; infinite where nothing is in common.
        """
        return scale(self.agreement)

    @property
    def between(self) -> tuple[float, float]:
        """Two standard errors around the noise scale."""
        return scale(self.agreement + SURE * self.error), scale(self.agreement - SURE * self.error)

    @property
    def share(self) -> float:
        r"""What G is of the mean over these examples, in squares: N / (N + scale)."""
        return self.examples / (self.examples + self.scale)

    @property
    def is_most(self) -> bool:
        """Whether, even if the examples agree by two and a half errors more, less than half of their mean is G."""
        most = self.agreement + SURER * self.error
        return self.examples * most < 1 - most

    def __str__(self) -> str:
        low, high = self.between
        return (
            f"{self.examples} examples agree to {self.agreement:.3g} ± {self.error:.1g}; noise scale {self.scale:.3g} "
            f"({low:.3g} to {high:.3g}) examples"
        )


def agreement(total: float, whole: float, count: int) -> float:
    """The estimate, from the squared norm of the sum of the gradients and from the sum of their squared norms."""
    if count < 2 or not whole > 0:
        return math.nan
    return (total - whole) / ((count - 1) * whole)


def scale(agreement: float) -> float:
    if math.isnan(agreement):
        return math.nan
    return max(1 / agreement - 1, 0.0) if agreement > 0 else math.inf
