"""`gauss_newton`: the curvature of a loss by the model's outputs, as a matrix that is never written down. No search."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from nn.module import Module
from nn.optimizers.minimize import checked
from nn.optimizers.objective import NoCurvature, Objective

NO_SCIPY = 'nn.gauss_newton needs SciPy. Write `pip install "autograd-mini[scipy]"`.'
NOT_FINITE = (
    "nn.gauss_newton: the product is not finite: the direction is not, or the loss or its derivatives are not at the "
    "model's weights."
)


def gauss_newton(model: Module, loss_fn: Callable[..., Any], x: Any, y: Any = None) -> Any:
    r"""The Gauss-Newton matrix :math:`G = J^T H J` of a loss at the model's weights, as a linear operator of SciPy.

    J is the Jacobian of the outputs by the weights and H the Hessian of the loss by the outputs: the Hessian of the
    loss by the weights without the part that comes from how the model itself curves. Where the loss is convex in the
    outputs, G is positive semi-definite: of `nn.squared_error` of N numbers it is :math:`2 J^T J / N`; of
    `nn.cross_entropy` and `nn.logistic_loss` it is the Fisher information, by the model's own probabilities (Martens
    2014, *New insights and perspectives on the natural gradient method*).

    Parameters
    ----------
    model : Module
        It is not changed; a copy in float64 is what is differentiated.
    loss_fn : callable
        `loss_fn(model(x), y)`, or `loss_fn(model(x))` if there is no `y`: a tensor of one entry.
    x : array_like or tuple of them
        All inputs; a tuple is passed as several arguments.
    y : array_like, optional
        The targets.

    Returns
    -------
    scipy.sparse.linalg.LinearOperator
        Of shape (weights, weights), float64, in the order of `model.named_parameters()`, each raveled, without those
        that are frozen. `G @ v` takes a few backwards, and no memory for a matrix; `scipy.sparse.linalg.cg(G, b)`
        solves with it, `eigsh(G)` has its eigenvalues.

    Raises
    ------
    TypeError, ValueError
        As `nn.minimize`.
    FloatingPointError
        From a product that is not finite.
    ImportError
        Without SciPy, the extra `scipy`.

    Examples
    --------
    >>> import numpy as np
    >>> import nn
    >>> x, y = np.array([[1.0], [3.0]]), np.array([[0.0], [0.0]])
    >>> G = nn.gauss_newton(nn.Linear(1, 1, rng=0), nn.squared_error, x, y)
    >>> G @ np.eye(2)  # the mean of 2 (x, 1) (x, 1)^T
    array([[10.,  4.],
           [ 4.,  2.]])
    """
    try:
        from scipy.sparse.linalg import LinearOperator
    except ImportError as error:
        raise ImportError(NO_SCIPY) from error
    checked("gauss_newton", model, loss_fn)
    objective = Objective(model, loss_fn, x, y)
    size = len(objective.start)

    def product(direction: Any) -> Any:
        try:
            return objective.gauss_newton(objective.start, np.ravel(direction))
        except NoCurvature as error:
            raise FloatingPointError(NOT_FINITE) from error

    return LinearOperator((size, size), matvec=product, rmatvec=product, dtype=np.float64)
