"""The singular values of a model's Jacobian: whether the signal passes in all directions, or in a few."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograd_mini.batching import jacobian, vmap
from autograd_mini.tensor import Tensor

SMALL = 1e-3  # of the largest

NOT_CALLABLE = "jacobian_spectrum(f, x) was given {what} as f. Write the model itself, or a function of a batch."
NO_FLOATS = (
    "jacobian_spectrum(f, x) was given inputs of dtype {dtype}, by which nothing can be differentiated. Pass floats: "
    "for words, the embedded ones."
)
NO_BATCH = (
    "jacobian_spectrum(f, x) was given inputs of shape {shape}. Give a batch: the first axis counts the examples."
)
EXAMPLES = "jacobian_spectrum(..., examples={examples!r}) was asked for. Write a whole number from 1 on."
NO_TENSOR = (
    "jacobian_spectrum: the model returned {what} for one example, which is no tensor that depends on the input. "
    "Return what it computed, without `.data`."
)


@dataclass(frozen=True)
class JacobianSpectrum:
    """The singular values of d f(x_i)/d x_i for some examples x_i.

    Attributes
    ----------
    values : ndarray
        Of shape (examples, min(outputs, inputs)), each row from the largest to the smallest.
    size : int
        Inputs of one example, the n of `rms`.
    """

    values: np.ndarray[Any, Any]
    size: int

    @property
    def largest(self) -> float:
        """The largest of all."""
        return float(np.max(self.values))

    @property
    def median(self) -> float:
        """The median of all."""
        return float(np.median(self.values))

    @property
    def rms(self) -> float:
        """||J||_F / sqrt(n): how much longer a random input's change comes out."""
        return float(np.sqrt(np.mean(np.sum(self.values**2, axis=1)) / self.size))

    @property
    def below(self) -> float:
        """The share below 1e-3 of the largest: directions in which next to nothing passes."""
        return float(np.mean(self.values < SMALL * self.largest)) if self.largest else 1.0

    def __str__(self) -> str:
        return (
            f"Jacobian of {len(self.values)} examples: largest singular value {self.largest:.1e}, median "
            f"{self.median:.1e}, ||J||_F/sqrt(n) {self.rms:.1e}, {self.below:.0%} below 1e-3 of the largest"
        )


def jacobian_spectrum(f: Callable[[Any], Any], x: Any, examples: int = 1) -> JacobianSpectrum:
    """The singular values of the Jacobian d f(x_i)/d x_i, for the first examples of a batch.

    Near 1 in all directions is dynamical isometry (Pennington et al. 2017, *Resurrecting the sigmoid in deep
    learning through dynamical isometry*).

    Parameters
    ----------
    f : callable
        The model: a batch in, a tensor of as many results out.
    x : array_like
        A batch.
    examples : int
        How many of its examples to take.

    Returns
    -------
    JacobianSpectrum

    Raises
    ------
    TypeError
        If `f` cannot be called, returns no tensor, or the inputs are no floats.
    ValueError
        If there is no batch or no example.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_mini import jacobian_spectrum
    >>> w = np.diag([2.0, 1.0, 1e-4])
    >>> spectrum = jacobian_spectrum(lambda x: x @ w, np.ones((1, 3)))
    >>> spectrum.largest, spectrum.median, round(spectrum.below, 2)
    (2.0, 1.0, 0.33)
    """
    if not callable(f):
        raise TypeError(NOT_CALLABLE.format(what=type(f).__name__))
    batch = x.data if isinstance(x, Tensor) else np.asarray(x)
    if batch.dtype.kind != "f":
        raise TypeError(NO_FLOATS.format(dtype=batch.dtype))
    if not batch.ndim or not batch.size:
        raise ValueError(NO_BATCH.format(shape=batch.shape))
    if not isinstance(examples, int) or examples < 1:
        raise ValueError(EXAMPLES.format(examples=examples))
    chosen = batch[:examples]
    values = [singular_values(matrix) for matrix in jacobians(f, chosen)]
    return JacobianSpectrum(np.array(values), chosen[0].size)


def singular_values(jacobian: Any) -> Any:
    """From the largest on; NaN for a matrix that is not finite, which has none."""
    if not np.isfinite(jacobian).all():
        return np.full(min(jacobian.shape), np.nan)
    return np.linalg.svd(jacobian, compute_uv=False)


def jacobians(f: Callable[[Any], Any], chosen: Any) -> Any:
    """The Jacobian at each example, (examples, outputs, inputs): all at once, if the model can be batched."""

    def of_one(x: Any) -> Any:
        return np.reshape(tensor_of(f(np.expand_dims(x, 0))), (-1,))

    of_x = jacobian(of_one)
    try:
        found = vmap(of_x)(chosen)
    except TypeError:  # what a batch refuses, or a mistake that the model makes with arrays too
        found = np.stack([values_of(of_x(x)) for x in chosen])
    return np.reshape(values_of(found), (len(chosen), -1, chosen[0].size))


def values_of(result: Any) -> Any:
    return result.data if isinstance(result, Tensor) else result


def tensor_of(result: Any) -> Any:
    """What a model returned, if it is a tensor."""
    if not isinstance(result, Tensor):
        raise TypeError(NO_TENSOR.format(what=f"a {type(result).__name__}"))
    return result
