"""`MLPClassifier`: labels as targets. What is not about labels is in base.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

from scipy import special
from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets, type_of_target, unique_labels

import nn
from autograd_mini import numpy as np
from nn.estimators.base import OTHER_TARGETS, MLPEstimator
from nn.estimators.options import ATTRIBUTES, NETWORK_OPTION, SHARED

ONE_CLASS = "{name} was given labels of one class, {label!r}. It learns to tell classes apart: give it two or more."
ROWS_OF_LABELS = (
    "{name} was given rows of labels that are not 0 or 1. It gives each example one label, or a row of 0 and 1; for "
    "several labels write `sklearn.multioutput.MultiOutputClassifier({name}(...))`."
)
NO_CLASSES = (
    "partial_fit sees a part of the data, and the classes may be more. Pass all of them at the first call: "
    "`partial_fit(X, y, classes=np.unique(all_labels))`."
)
OTHER_CLASSES = (
    "{name} knows the classes {known} and was given {unknown} besides. Name all classes at the first call of "
    "partial_fit, or fit anew with warm_start=False."
)
PARTIAL_BALANCE = (
    "class_weight='balanced' counts the classes of all data, and partial_fit sees a part. Write the weights: "
    "`class_weight={{label: weight, ...}}`."
)


class MLPClassifier(ClassifierMixin, MLPEstimator):  # type: ignore[misc]
    __doc__ = f"""A network that classifies: hidden layers, then logistic regression, or softmax for several classes.

    The parameters, defaults and attributes are those of scikit-learn's class of this name as far as they are here; the
    network, loss, optimizer and training are nn's. Targets may also be rows of 0 and 1, for labels that hold together.
    `score`, the share of labels that are right, `get_params` and `set_params` are scikit-learn's own.
{SHARED}    class_weight : dict or "balanced", optional
        How much each class counts; "balanced": as much as every other.
{NETWORK_OPTION}
    Attributes
    ----------
    model_ : nn.Module
        The network, in evaluation mode: for `nn.signals`, `nn.save`, or more training. It gives scores: one for two
        classes, else one for each.
    classes_ : ndarray
        The labels in order.{ATTRIBUTES}
    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from nn.estimators import MLPClassifier
    >>> x, y = load_iris(return_X_y=True)
    >>> mlp = MLPClassifier((20,), learning_rate_init=0.02, random_state=0)
    >>> classifier = make_pipeline(StandardScaler(), mlp).fit(x, y)
    >>> classifier.score(x, y) > 0.95, classifier.predict_proba(x[:2]).round(2).shape
    (True, (2, 3))
    """

    def __init__(
        self,
        hidden_layer_sizes: Any = (100,),
        activation: Any = "relu",
        *,
        solver: Any = "adam",
        alpha: float = 1e-4,
        batch_size: int | str = "auto",
        learning_rate: str = "constant",
        learning_rate_init: Any = 1e-3,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: bool = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15_000,
        compile: bool = False,
        class_weight: Any = None,
        network: Callable[..., nn.Module] | None = None,
    ) -> None:
        self._keep(locals())

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags

    def _balance(self, y: Any) -> Any:
        if type_of_target(y) == "multiclass-multioutput":
            raise ValueError(ROWS_OF_LABELS.format(name=type(self).__name__))
        check_classification_targets(y)
        return None if self.class_weight is None else compute_sample_weight(self.class_weight, y)

    def _begin(self, y: Any, weights: Any, classes: Any = None) -> None:  # noqa: ARG002
        self._multilabel = type_of_target(y) == "multilabel-indicator"
        self.classes_ = unique_labels(y if classes is None else classes)
        if len(self.classes_) < 2:
            raise ValueError(ONE_CLASS.format(name=type(self).__name__, label=self.classes_.tolist()[0]))
        self.n_outputs_ = len(self.classes_) if self._multilabel or len(self.classes_) > 2 else 1
        self._stratified = not self._multilabel
        self._softmax = self.n_outputs_ > 1 and not self._multilabel
        self.out_activation_ = "softmax" if self._softmax else "logistic"

    def _encoded(self, y: Any) -> Any:
        """Rows of 0 and 1 for the logistic loss, or whole numbers for softmax."""
        if self._multilabel:
            if y.shape[1:] != (self.n_outputs_,):
                raise ValueError(OTHER_TARGETS.format(name=type(self).__name__, known=self.n_outputs_, got=y.shape))
            return y.astype(self._dtype)
        unknown = np.setdiff1d(y, self.classes_)
        if y.ndim != 1 or unknown.size:
            known = self.classes_.tolist()
            raise ValueError(OTHER_CLASSES.format(name=type(self).__name__, known=known, unknown=unknown.tolist()))
        labels = np.searchsorted(self.classes_, y)
        return labels if self._softmax else labels[:, None].astype(self._dtype)

    def _loss(self, output: Any, target: Any) -> Any:
        return (nn.cross_entropy if self._softmax else nn.logistic_loss)(output, target)

    def _losses(self, output: Any, target: Any) -> Any:
        if self._softmax:
            return nn.cross_entropy(output, target[:, 0].astype(int), reduction="none")
        return np.mean(nn.logistic_loss(output, target, reduction="none"), axis=1)

    def _score(self, output: Any, target: Any, weights: Any) -> float:
        right = target if self._multilabel else target.ravel()
        return float(accuracy_score(right, self._decided(output), sample_weight=weights))

    def _decided(self, scores: Any) -> Any:
        """The numbers of the classes, or rows of 0 and 1 for labels that may hold together."""
        return (scores > 0).astype(int) if self._multilabel else nn.classify(scores)

    @available_if(MLPEstimator._takes_parts)  # type: ignore[untyped-decorator]
    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
        """Take one pass over a part of the data, in batches.

        Parameters
        ----------
        X, y : array_like
        classes : array_like
            All labels that will ever come; needed at the first call.
        sample_weight : array_like, optional

        Raises
        ------
        ValueError
            If there are other labels than `classes`, or early stopping or balanced classes are asked for, which need
            all data at once.
        """
        if self.class_weight == "balanced":
            raise ValueError(PARTIAL_BALANCE)
        if classes is None and not hasattr(self, "model_"):
            raise ValueError(NO_CLASSES)
        return self._partial(X, y, sample_weight, classes)

    def predict(self, X: Any) -> np.ndarray[Any, Any]:
        """The most probable class of each example; of labels that may hold together, a row of 0 and 1."""
        decided = self._decided(self._scores(X))
        return decided if self._multilabel else self.classes_[decided]

    def predict_proba(self, X: Any) -> np.ndarray[Any, Any]:
        """The probability of each class, in the order of `classes_`: the sigmoid or the softmax of the scores."""
        scores = self._scores(X)
        if self._multilabel:
            return special.expit(scores)
        if scores.shape[1] == 1:
            return special.expit(np.concatenate([-scores, scores], axis=1))
        return special.softmax(scores, axis=1)

    def predict_log_proba(self, X: Any) -> np.ndarray[Any, Any]:
        """The logarithm of `predict_proba`, exact where that is rounded to 0."""
        scores = self._scores(X)
        if self._multilabel:
            return special.log_expit(scores)
        if scores.shape[1] == 1:
            return special.log_expit(np.concatenate([-scores, scores], axis=1))
        return special.log_softmax(scores, axis=1)
