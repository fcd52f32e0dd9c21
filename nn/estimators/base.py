"""What the two estimators share: reading data, the network, training and its end. No target is looked into here."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state, column_or_1d
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

import nn
from nn.estimators.options import SOLVERS, check_options, widths

WEIGHTS = (
    "{name}.fit was given sample_weight of shape {got} for {count} examples. Write one weight that is not negative for "
    "each example; zero weights leave examples out, but not all of them."
)
CLASS_WEIGHTS = (
    "{name}(class_weight=...) gives the examples weights from {low} to {high}. Write a number that is not negative for "
    "each class; zero leaves a class out, but not all of them."
)
OTHER_TARGETS = "{name} learned {known} outputs and was given targets of shape {got}. Fit anew with warm_start=False."
OTHER_NETWORK = (
    "{name} goes on with a network of hidden_layer_sizes={known}, and {got} were asked for. Set warm_start=False to "
    "fit a new one, or clone the estimator."
)
HELD_OUT = (
    "early_stopping=True holds out the share validation_fraction={share} of {count} examples, which cannot be done: "
    "{reason} Write a larger share, or early_stopping=False."
)
PARTIAL_STOPPING = (
    "partial_fit takes one pass over the data that it is given, so early_stopping=True has nothing to stop. Leave it "
    "out, or call `fit`."
)
DIVERGED = (
    "The loss of {name} overflowed. Bring the features to one scale, `make_pipeline(StandardScaler(), {name}(...))`, "
    "or lower learning_rate_init={rate}."
)
NOT_CONVERGED = "{name} still improved after max_iter={epochs} epochs. Raise max_iter, or learning_rate_init."
NETWORK = (
    "network={got!r} made a {made} of output shape {shape} for {rows} examples, where sizes={sizes} asks for "
    "{want}. Return an nn.Module of {first} inputs and {last} outputs."
)

ROWS = 4096  # examples at a time where nothing is learned
ACTIVATIONS = {"logistic": "sigmoid"}  # scikit-learn's name


class MLPEstimator(BaseEstimator):  # type: ignore[misc]
    """What the two estimators share: options, the network, training, early stopping."""

    def __init__(
        self,
        hidden_layer_sizes: Any = (100,),
        activation: Any = "relu",
        *,
        solver: Any = "adam",
        alpha: float = 1e-4,
        batch_size: int | str = "auto",
        learning_rate_init: Any = 1e-3,
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
        n_iter_no_change: float = 10,
        network: Callable[..., nn.Module] | None = None,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate_init = learning_rate_init
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.network = network

    # The parts that differ: what targets are, and how far outputs are from them

    def _begin(self, y: Any, weights: Any, classes: Any = None) -> None:
        """Learn from the first targets what all later ones are measured by."""
        raise NotImplementedError

    def _encoded(self, y: Any) -> Any:
        """The targets as the loss takes them."""
        raise NotImplementedError

    def _loss(self, output: Any, target: Any) -> Any:
        """The mean over a batch."""
        raise NotImplementedError

    def _losses(self, output: Any, target: Any) -> Any:
        """The loss of each example, of targets that are columns of numbers."""
        raise NotImplementedError

    def _score(self, output: Any, target: Any, weights: Any) -> float:
        """How good outputs are for encoded targets: higher is better."""
        raise NotImplementedError

    def _balance(self, y: Any) -> Any:  # noqa: ARG002
        """Weights that the estimator itself gives to the examples."""
        return None

    # Data

    def _read(self, X: Any, y: Any, sample_weight: Any, reset: bool) -> tuple[Any, Any, Any]:
        """Inputs, targets, and a weight for each example or None; examples that weigh nothing are left out."""
        dtype = (np.float64, np.float32) if reset else self._dtype
        numeric = isinstance(self, RegressorMixin)
        x, y = validate_data(self, X, y, dtype=dtype, multi_output=True, y_numeric=numeric, reset=reset)
        y = y.toarray() if hasattr(y, "toarray") else y
        y = column_or_1d(y, warn=True) if y.ndim == 2 and y.shape[1] == 1 else y
        weights = None if sample_weight is None else self._weights(sample_weight, x)
        balance = self._balance(y)
        if balance is not None:
            if np.any(balance < 0) or not np.any(balance):
                raise ValueError(CLASS_WEIGHTS.format(name=type(self).__name__, low=balance.min(), high=balance.max()))
            weights = balance.astype(x.dtype) * (1 if weights is None else weights)
        if weights is not None and not weights.all():
            kept = weights > 0
            x, y, weights = x[kept], y[kept], weights[kept]
        return x, y, weights

    def _weights(self, sample_weight: Any, x: Any) -> Any:
        weights = check_array(sample_weight, ensure_2d=False, dtype=x.dtype, input_name="sample_weight", copy=True)
        if weights.shape != (len(x),) or np.any(weights < 0) or not np.any(weights):
            shape = weights.shape
            raise ValueError(WEIGHTS.format(name=type(self).__name__, got=shape, count=len(x)))
        return weights

    def _make(self, x: Any) -> None:
        """A new network for these inputs, and what its training keeps."""
        self._dtype = x.dtype
        self._hidden = widths(self.hidden_layer_sizes)
        sizes = [x.shape[1], *self._hidden, self.n_outputs_]
        if self.network is None:
            activation = ACTIVATIONS.get(self.activation, self.activation)
            self.model_: nn.Module = nn.MLP(sizes, activation, rng=self._rng, dtype=x.dtype)
        else:
            self.model_ = self._made(self.network, x[:2], sizes)
        self.loss_curve_: list[float] = []

    def _made(self, make: Callable[..., Any], x: Any, sizes: list[int]) -> nn.Module:
        """What the user's function makes, if it fits the data."""
        made, want, shape = make(sizes, self._rng), (len(x), sizes[-1]), None
        if isinstance(made, nn.Module):
            made = made.astype(x.dtype)
            shape = np.shape(outputs(made, x))
        if shape != want:
            facts = {"rows": len(x), "sizes": sizes, "want": want, "first": sizes[0], "last": sizes[-1]}
            raise ValueError(NETWORK.format(got=make, made=type(made).__name__, shape=shape, **facts))
        return made

    def _refuse_another_network(self) -> None:
        asked = widths(self.hidden_layer_sizes)
        if asked != self._hidden:
            raise ValueError(
                OTHER_NETWORK.format(name=type(self).__name__, known=tuple(self._hidden), got=tuple(asked))
            )

    def _make_optimizer(self, count: int, weights: Any) -> None:
        """The penalty alpha / (2 n) ||w||^2 of the loss of n examples in a batch is a weight decay."""
        examples = self._batch(count) * (1 if weights is None else float(np.mean(weights)))
        made: Any = SOLVERS.get(self.solver, self.solver)
        momentum = {"momentum": self.momentum, "nesterov": self.nesterovs_momentum and self.momentum > 0}
        self._optimizer = made(
            self.model_.parameters(),
            learning_rate=self.learning_rate_init,
            weight_decay=self.alpha / examples,
            **(momentum if self.solver == "sgd" else {}),
        )

    def _batch(self, count: int) -> int:
        return min(200 if self.batch_size == "auto" else int(self.batch_size), count)

    # Training

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Learn from examples.

        Parameters
        ----------
        X : array_like, shape (examples, features)
            Dense and finite. float32 is learned in float32, everything else in float64.
        y : array_like
            Targets, one or more for each example.
        sample_weight : array_like, optional
            How much each example counts in the loss.

        Raises
        ------
        ValueError, TypeError
            If the data is sparse, not finite, or of lengths that differ, or an option is out of range; or if the loss
            overflows.
        """
        check_options(self)
        again = self.warm_start and hasattr(self, "model_")
        x, y, weights = self._read(X, y, sample_weight, reset=not again)
        self._rng = np.random.default_rng(check_random_state(self.random_state).randint(2**31))
        if again:
            self._refuse_another_network()
        else:
            self._begin(y, weights)
            self._make(x)
        targets = self._encoded(y)
        score = None
        if self.early_stopping:
            (x, targets, weights), held_out = self._split(x, targets, weights)
            score = lambda: self._score(outputs(self.model_, held_out[0]), *held_out[1:])
        self._make_optimizer(len(x), weights)
        self._train(x, targets, weights, int(self.max_iter), score)
        if self.n_iter_ == self.max_iter > 1:
            message = NOT_CONVERGED.format(name=type(self).__name__, epochs=self.max_iter)
            warnings.warn(message, ConvergenceWarning, stacklevel=2)
        return self

    def _split(self, x: Any, targets: Any, weights: Any) -> list[tuple[Any, Any, Any]]:
        """Examples to learn from and examples to stop by; of each class the same share."""
        try:
            parts = train_test_split(
                np.arange(len(x)),
                test_size=self.validation_fraction,
                random_state=int(self._rng.integers(2**31)),
                stratify=targets if self._stratified else None,
            )
        except ValueError as error:
            share, count = self.validation_fraction, len(x)
            raise ValueError(HELD_OUT.format(share=share, count=count, reason=error)) from error
        return [(x[part], targets[part], None if weights is None else weights[part]) for part in parts]

    def _train(self, x: Any, targets: Any, weights: Any, epochs: int, score: Callable[[], float] | None = None) -> None:
        convergence = Convergence(self.tol, self.n_iter_no_change, score)
        batch = self._batch(len(x))
        packed = targets if weights is None else np.column_stack([targets, weights])
        try:
            history = nn.fit(
                self.model_,
                self._loss if weights is None else self._weighted_loss,
                nn.DataLoader(x, packed, batch_size=batch, shuffle=self.shuffle and batch < len(x)),
                optimizer=self._optimizer,
                epochs=epochs,
                callbacks=[convergence],
                progress=bool(self.verbose),
                rng=self._rng,
            )
        except FloatingPointError as error:
            name, rate = type(self).__name__, self.learning_rate_init
            raise ValueError(DIVERGED.format(name=name, rate=rate)) from error
        self.model_.eval()
        self.n_iter_ = history.epochs
        self.loss_curve_ += history["loss"].tolist()
        self.loss_, self.best_loss_ = self.loss_curve_[-1], min(self.loss_curve_)
        self.validation_scores_ = convergence.scores if score else None
        self.best_validation_score_ = max(convergence.scores) if score else None

    def _weighted_loss(self, output: Any, packed: Any) -> Any:
        """The mean over the batch of examples as they count; each weight stands behind its targets."""
        losses, weights = self._losses(output, packed[:, :-1]), packed[:, -1]
        return np.sum(losses * weights) / np.sum(weights)

    def _partial(self, X: Any, y: Any, sample_weight: Any, classes: Any = None) -> Self:
        check_options(self)
        if self.early_stopping:
            raise ValueError(PARTIAL_STOPPING)
        first = not hasattr(self, "model_")
        if not first:
            self._refuse_another_network()
        x, y, weights = self._read(X, y, sample_weight, reset=first)
        if first:
            self._rng = np.random.default_rng(check_random_state(self.random_state).randint(2**31))
            self._begin(y, weights, classes)
            self._make(x)
        if not hasattr(self, "_optimizer"):
            self._make_optimizer(len(x), weights)
        self._train(x, self._encoded(y), weights, 1)
        return self

    def _scores(self, X: Any) -> Any:
        """The network's outputs."""
        check_is_fitted(self, "model_")
        return outputs(self.model_, validate_data(self, X, dtype=self._dtype, reset=False))


class Convergence:
    """The end of a training as scikit-learn has it: more than `patience` epochs in a row that were not better by `tol`
    than the best epoch so far. (`nn.EarlyStopping` compares with the last epoch that counted as better.)

    The training loss decides, or the score of held-out examples, and then the weights of the best epoch come back.
    """

    def __init__(self, tol: float, patience: float, score: Callable[[], float] | None) -> None:
        self.tol, self.patience, self.score = tol, patience, score
        self.best, self.waited = -math.inf, 0
        self.scores: list[float] = []
        self.weights: dict[str, Any] = {}

    def on_epoch(self, run: Any) -> None:
        if self.score is None:
            value = -run.history.last("loss")
        else:
            value = self.score()
            self.scores.append(value)
        self.waited = self.waited + 1 if value < self.best + self.tol else 0
        if value > self.best:
            self.best = value
            if self.score is not None:
                self.weights = run.model.state_dict()
        if self.waited > self.patience:
            run.stop(f"no improvement by {self.tol} for {self.waited} epochs")

    def on_end(self, run: Any) -> None:
        if self.weights:
            run.model.load_state_dict(self.weights)


def outputs(model: nn.Module, x: Any) -> Any:
    """What a network makes of inputs."""
    return nn.predict(model, x, batch_size=ROWS)
