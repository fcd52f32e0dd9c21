"""What the two estimators share: reading data, the network, training and its end. No target is looked into here."""

from __future__ import annotations

import copy
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
NOT_MINIMAL = "{name}(solver='lbfgs') has not converged: {message} Raise max_iter={epochs} or max_fun={calls}, or tol."
NO_PARTS = (
    "{name}(solver='lbfgs') has no partial_fit: L-BFGS looks at all examples in each step. Call `fit`, or write "
    "solver='adam' or 'sgd'."
)
NO_LAYERS = (
    "{name}.{attribute} is of an nn.MLP, and network= made a {made}. Its weights are in `model_`, which is that module."
)
TWO_RATES = (
    "{name}(learning_rate={rate!r}) changes a fixed learning rate, and learning_rate_init={init!r} is a schedule. Give "
    "a number, or leave learning_rate='constant'."
)
NETWORK = (
    "network={got!r} made a {made} of output shape {shape} for {rows} examples, where sizes={sizes} asks for "
    "{want}. Return an nn.Module of {first} inputs and {last} outputs."
)

LOWEST = 1e-6  # no learning rate falls below it
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
        network: Callable[..., nn.Module] | None = None,
    ) -> None:
        self._keep(locals())

    def _keep(self, options: dict[str, Any]) -> None:
        """The arguments of `__init__`, each as an attribute, which is where scikit-learn looks for them."""
        for option, value in options.items():
            if option != "self":
                setattr(self, option, value)

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
            activation: Any = ACTIVATIONS.get(self.activation, self.activation)
            self.model_: nn.Module = nn.MLP(sizes, activation, rng=self._rng, dtype=x.dtype)
        else:
            self.model_ = self._made(self.network, x[:2], sizes)
        self.n_layers_ = len(sizes)
        self.loss_curve_: list[float] = []
        self.t_ = 0

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
        own: dict[str, Any] = {}
        if self.solver == "adam":
            own = {"betas": (self.beta_1, self.beta_2), "eps": self.epsilon}
        elif self.solver == "sgd":
            own = {"momentum": self.momentum, "nesterov": self.nesterovs_momentum and self.momentum > 0}
        made: Any = SOLVERS.get(self.solver, self.solver)
        self._optimizer = made(
            self.model_.parameters(), learning_rate=self.learning_rate_init, weight_decay=self.alpha / examples, **own
        )
        self._convergence = Convergence(self.tol, self.n_iter_no_change, self._rate_rule() == "adaptive")

    def _rate_rule(self) -> str:
        """By what rule the learning rate changes, if it is no schedule; a choice of "sgd" alone."""
        rule = self.learning_rate if self.solver == "sgd" else "constant"
        if rule != "constant" and callable(self.learning_rate_init):
            init = self.learning_rate_init
            raise ValueError(TWO_RATES.format(name=type(self).__name__, rate=rule, init=init))
        return rule

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
        warning = self._minimize if self.solver == "lbfgs" else self._descend
        message = warning(x, targets, weights)
        if message:
            warnings.warn(message, ConvergenceWarning, stacklevel=2)
        return self

    def _descend(self, x: Any, targets: Any, weights: Any) -> str:
        """Train in epochs; what is to be said if they were too few."""
        score = None
        if self.early_stopping:
            (x, targets, weights), held_out = self._split(x, targets, weights)
            score = lambda: self._score(outputs(self.model_, held_out[0]), *held_out[1:])
        self._make_optimizer(len(x), weights)
        self._train(x, targets, weights, int(self.max_iter), score)
        too_few = self.n_iter_ == self.max_iter > 1
        return NOT_CONVERGED.format(name=type(self).__name__, epochs=self.max_iter) if too_few else ""

    def _minimize(self, x: Any, targets: Any, weights: Any) -> str:
        """Train by L-BFGS on all examples at once; what is to be said if it did not get to the minimum."""
        self._optimizer = None  # of an earlier training
        examples = len(x) if weights is None else float(np.sum(weights))
        penalised = Penalised(self.model_, self.alpha / examples)
        loss, packed = self._packed(targets, weights)
        curve: list[float] = []
        try:
            result = nn.minimize(
                penalised.train(),
                lambda output, target: loss(output[0], target) + output[1],
                x,
                packed,
                options={"maxiter": int(self.max_iter), "maxfun": int(self.max_fun), "gtol": self.tol},
                callback=lambda iteration: curve.append(iteration.loss),
            )
        finally:
            self.model_.load_state_dict(penalised.model.state_dict())
            self.model_.eval()
        self._told(result.nit, curve or [float(result.fun)])
        if result.success:
            return ""
        told = {"message": result.message, "epochs": self.max_iter, "calls": self.max_fun}
        return NOT_MINIMAL.format(name=type(self).__name__, **told)

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
        convergence, batch = self._convergence, self._batch(len(x))
        convergence.score = score
        loss, packed = self._packed(targets, weights)
        try:
            history = nn.fit(
                self.model_,
                loss,
                nn.DataLoader(x, packed, batch_size=batch, shuffle=self.shuffle and batch < len(x)),
                optimizer=self._optimizer,
                epochs=epochs,
                callbacks=[convergence, lambda _run: self._end_epoch(len(x))],
                progress=bool(self.verbose),
                rng=self._rng,
                compile=self.compile if isinstance(self.compile, dict) else bool(self.compile),
            )
        except FloatingPointError as error:
            name, rate = type(self).__name__, self.learning_rate_init
            raise ValueError(DIVERGED.format(name=name, rate=rate)) from error
        finally:
            convergence.score = None  # it holds the examples
        self.model_.eval()
        self._told(history.epochs, history["loss"].tolist(), convergence.scores if score else None)

    def _end_epoch(self, count: int) -> None:
        """Count the examples, by which the learning rate may fall."""
        self.t_ += count
        if self._rate_rule() == "invscaling":
            self._optimizer.learning_rate = self.learning_rate_init / (self.t_ + 1) ** self.power_t

    def _told(self, count: int, losses: list[float], scores: list[float] | None = None) -> None:
        """The attributes that say how a training went."""
        self.n_iter_ = count
        self.loss_curve_ += losses
        self.loss_, self.best_loss_ = self.loss_curve_[-1], min(self.loss_curve_)
        self.validation_scores_ = scores
        self.best_validation_score_ = max(scores) if scores else None

    def _packed(self, targets: Any, weights: Any) -> tuple[Callable[[Any, Any], Any], Any]:
        """The loss, and its targets; with weights, each stands behind its targets."""
        if weights is None:
            return self._loss, targets
        return self._weighted_loss, np.column_stack([targets, weights])

    def _weighted_loss(self, output: Any, packed: Any) -> Any:
        """The mean over the batch of examples as they count."""
        losses, weights = self._losses(output, packed[:, :-1]), packed[:, -1]
        return np.sum(losses * weights) / np.sum(weights)

    def _takes_parts(self) -> bool:
        if self.solver == "lbfgs":
            raise AttributeError(NO_PARTS.format(name=type(self).__name__))
        return True

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
        if getattr(self, "_optimizer", None) is None:
            self._make_optimizer(len(x), weights)
        self._train(x, self._encoded(y), weights, 1)
        return self

    @property
    def coefs_(self) -> list[Any]:
        """The weights of each layer, shape (inputs, outputs)."""
        return [layer.weights.data for layer in self._layers("coefs_")]

    @property
    def intercepts_(self) -> list[Any]:
        """The bias of each layer."""
        return [layer.bias.data for layer in self._layers("intercepts_")]

    def _layers(self, attribute: str) -> list[Any]:
        check_is_fitted(self, "model_")
        if not isinstance(self.model_, nn.MLP):
            made = type(self.model_).__name__
            message = NO_LAYERS.format(name=type(self).__name__, attribute=attribute, made=made)
            raise AttributeError(message)  # noqa: TRY004 (so that `hasattr` is False)
        return [layer for layer in self.model_ if isinstance(layer, nn.Linear)]

    def _scores(self, X: Any) -> Any:
        """The network's outputs."""
        check_is_fitted(self, "model_")
        return outputs(self.model_, validate_data(self, X, dtype=self._dtype, reset=False))


class Penalised(nn.Module):
    """What a copy of a network makes of inputs, and the penalty on its weights (biases are free)."""

    def __init__(self, model: nn.Module, weight: float) -> None:
        super().__init__()
        self.model, self.weight = copy.deepcopy(model), weight  # in here the network itself would get another name
        self.matrices = [parameter for parameter in self.model.parameters() if parameter.ndim > 1]

    def forward(self, x: Any) -> tuple[Any, Any]:
        return self.model(x), self.weight / 2 * sum(np.sum(np.square(matrix)) for matrix in self.matrices)


class Convergence:
    """The end of a training as scikit-learn has it: more than `patience` epochs in a row that were not better by `tol`
    than the best epoch so far. (`nn.EarlyStopping` compares with the last epoch that counted as better.)

    The training loss decides, or the score of held-out examples, and then the weights of the best epoch come back. With
    `adaptive` the learning rate falls to a fifth first, as often as it is above 1e-6.
    """

    def __init__(self, tol: float, patience: float, adaptive: bool) -> None:
        self.tol, self.patience, self.adaptive = tol, patience, adaptive
        self.score: Callable[[], float] | None = None
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
        if self.waited <= self.patience:
            return
        if self.adaptive and run.optimizer.learning_rate > LOWEST:
            run.optimizer.learning_rate /= 5
            self.waited = 0
        else:
            run.stop(f"no improvement by {self.tol} for {self.waited} epochs")

    def on_end(self, run: Any) -> None:
        if self.weights:
            run.model.load_state_dict(self.weights)


def outputs(model: nn.Module, x: Any) -> Any:
    """What a network makes of inputs."""
    return nn.predict(model, x, batch_size=ROWS)
