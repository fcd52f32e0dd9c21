"""`MLPRegressor`: numbers as targets. What is not about them is in base.py."""

from __future__ import annotations

from typing import Any, Self

from sklearn.base import RegressorMixin
from sklearn.metrics import r2_score
from sklearn.utils.metaestimators import available_if

import nn
from autograd_mini import numpy as np
from nn.estimators.base import OTHER_TARGETS, MLPEstimator
from nn.estimators.options import ATTRIBUTES, NETWORK_OPTION, SHARED


class MLPRegressor(RegressorMixin, MLPEstimator):  # type: ignore[misc]
    __doc__ = f"""A network that predicts numbers by squared error, one or more for each example.

    The parameters, defaults and attributes are those of scikit-learn's class of this name as far as they are here; the
    network, loss, optimizer and training are nn's. It learns targets that are standardised, each by the mean and
    standard deviation of those of its first `fit` or `partial_fit`, so their units do not matter: losses and `tol` are
    in shares of their variance. `score`, the share of the variance that is explained, `get_params` and `set_params`
    are scikit-learn's own.
{SHARED}{NETWORK_OPTION}
    Attributes
    ----------
    model_ : nn.Module
        The network, in evaluation mode: for `nn.signals`, `nn.save`, or more training. It gives standardised targets.
    target_mean_, target_scale_ : ndarray
        A prediction is `model_(X) * target_scale_ + target_mean_`.{ATTRIBUTES}
    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from nn.estimators import MLPRegressor
    >>> x, y = load_diabetes(return_X_y=True)
    >>> mlp = MLPRegressor((20,), early_stopping=True, learning_rate_init=0.01, random_state=0)
    >>> make_pipeline(StandardScaler(), mlp).fit(x, y).score(x, y) > 0.4
    True
    """

    _stratified = False

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def _begin(self, y: Any, weights: Any, classes: Any = None) -> None:  # noqa: ARG002
        y = y.astype(np.float64)
        self._single, self.out_activation_ = y.ndim == 1, "identity"
        self.n_outputs_ = 1 if self._single else y.shape[1]
        self.target_mean_ = np.average(y, axis=0, weights=weights)
        scale = np.sqrt(np.average((y - self.target_mean_) ** 2, axis=0, weights=weights))
        self.target_scale_ = np.where(scale > 0, scale, 1)

    def _encoded(self, y: Any) -> Any:
        if y.shape[1:] != (() if self._single else (self.n_outputs_,)):
            raise ValueError(OTHER_TARGETS.format(name=type(self).__name__, known=self.n_outputs_, got=y.shape))
        return ((y - self.target_mean_) / self.target_scale_).astype(self._dtype).reshape(len(y), -1)

    def _loss(self, output: Any, target: Any) -> Any:
        return nn.squared_error(output, target)

    def _losses(self, output: Any, target: Any) -> Any:
        return np.mean(nn.squared_error(output, target, reduction="none"), axis=1)

    def _score(self, output: Any, target: Any, weights: Any) -> float:
        return float(r2_score(target, output, sample_weight=weights))

    @available_if(MLPEstimator._takes_parts)  # type: ignore[untyped-decorator]
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Take one pass over a part of the data, in batches.

        The first part decides what targets are standardised by.
        """
        return self._partial(X, y, sample_weight)

    def predict(self, X: Any) -> np.ndarray[Any, Any]:
        """The targets, in their own units."""
        scores = self._scores(X)
        scores = scores[:, 0] if self._single else scores
        return (scores * self.target_scale_ + self.target_mean_).astype(self._dtype)
