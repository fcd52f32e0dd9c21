"""Callbacks of `fit`: what may happen between the steps of a training. How to train is not known here."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from nn.checks import positive, whole
from nn.elsewhere import explains

MODE = '{name}(mode={got!r}): "min" if smaller is better, as for losses, or "max", as for accuracies.'
LARGER = "accuracy", "top_k_accuracy", "f1", "r2"  # quantities of which more is better, as of all *_score
FACTOR = "ReduceOnPlateau(factor={got!r}): what to multiply the learning rate by, between 0 and 1."
MONITOR = "{name}(monitor={got!r}): the history has {known}. Names with val_ need `fit(validation=...)`."
SCHEDULED = (
    "ReduceOnPlateau needs an optimizer with a fixed learning rate, and this one has a schedule. Use one of the two."
)
WEIGHTS = "the best weights that EarlyStopping kept are not this model's: {wrong} differ"
STATE = "load_state_dict() was given a state that is none of {name}: {key} = {value!r}."


class Plateau:
    """Whether a quantity of the history has stopped to improve; and what callbacks that ask this share."""

    def __init__(self, patience: int, monitor: str | None, mode: str | None, min_delta: float) -> None:
        name = type(self).__name__
        if mode not in {"min", "max", None}:
            raise ValueError(MODE.format(name=name, got=mode))
        self.patience, self.min_delta = (
            whole(name, "patience", patience),
            positive(name, "min_delta", min_delta, zero=True),
        )
        self.monitor, self.mode = monitor, mode
        self.reset()

    def reset(self) -> None:
        """Forget what was seen."""
        self.best: float | None = None
        self.best_epoch = 0
        self.waited = 0

    def improved(self, history: Any) -> bool:
        """Whether the last epoch was the best so far; otherwise one more was waited."""
        name = self.monitor or ("val_loss" if "val_loss" in history else "loss")
        if name not in history:
            known = ", ".join(map(repr, history))
            raise ValueError(MONITOR.format(name=type(self).__name__, got=name, known=known))
        value = float(history[name][-1])
        more = name.removeprefix("val_") in LARGER or name.endswith("_score")
        largest = more if self.mode is None else self.mode == "max"
        sign = -1 if largest else 1
        if not math.isnan(value) and (self.best is None or sign * value < sign * self.best - self.min_delta):
            self.best, self.best_epoch, self.waited = value, history.epochs, 0
            return True
        self.waited += 1
        return False

    def on_start(self, run: Any) -> None:
        if not run.resumed:
            self.reset()

    def state_dict(self) -> dict[str, Any]:
        """What was seen so far."""
        return {"best": self.best, "best_epoch": self.best_epoch, "waited": self.waited}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what was seen in another run."""
        best, best_epoch, waited = (state.get(key) for key in ("best", "best_epoch", "waited"))
        for key, value in (("best_epoch", best_epoch), ("waited", waited)):
            if not isinstance(value, int) or value < 0:
                raise ValueError(STATE.format(name=type(self).__name__, key=key, value=value))
        if not isinstance(best, int | float | None):
            raise ValueError(STATE.format(name=type(self).__name__, key="best", value=best))  # noqa: TRY004
        self.best, self.best_epoch, self.waited = best, best_epoch, waited  # type: ignore[assignment]


class EarlyStopping(Plateau):
    """Stop when validation no longer improves, and give the model the weights of its best epoch back.

    Parameters
    ----------
    patience : int
        Epochs in a row without improvement after which to stop.
    monitor : str, optional
        A quantity of the history; by default "val_loss", or "loss" if there is no validation.
    mode : str, optional
        "min" if smaller is better, "max" if larger is; by default "max" for `nn.accuracy`, `nn.top_k_accuracy`,
        `nn.f1`, `nn.r2` and what scikit-learn calls a score ("f1_score"), "min" for everything else.
    min_delta : float
        The least change that counts as an improvement.
    restore : bool
        Give the best weights back at the end, also when the last epoch was reached or Ctrl-C pressed.

    Attributes
    ----------
    best, best_epoch
        The best value, and its epoch counted from 1.

    Raises
    ------
    ValueError
        If an option is out of range, or the history has no such quantity.

    Examples
    --------
    >>> import nn
    >>> stopping = nn.EarlyStopping(patience=5, monitor="val_accuracy")
    """

    @explains("function")
    def __init__(
        self,
        patience: int = 5,
        *,
        monitor: str | None = None,
        mode: str | None = None,
        min_delta: float = 0.0,
        restore: bool = True,
    ) -> None:
        self.restore = restore
        super().__init__(patience, monitor, mode, min_delta)

    def reset(self) -> None:
        super().reset()
        self.weights: dict[str, Any] = {}

    def on_epoch(self, run: Any) -> None:
        if self.improved(run.history):
            self.weights = run.model.state_dict() if self.restore else {}
        elif self.waited >= self.patience:
            name = self.monitor or ("val_loss" if "val_loss" in run.history else "loss")
            best = f"epoch {self.best_epoch} was best" if self.best_epoch else "it never was a number"
            run.stop(f"{name} has not improved for {self.waited} epochs; {best}")

    def on_resume(self, run: Any) -> None:
        """Refuse a checkpoint whose best weights are not this model's."""
        own = run.model.state_dict()
        kinds, wanted = ({path: (a.shape, a.dtype) for path, a in each.items()} for each in (self.weights, own))
        if self.weights and kinds != wanted:
            wrong = sorted(path for path in kinds.keys() | wanted if kinds.get(path) != wanted.get(path))
            raise ValueError(WEIGHTS.format(wrong=", ".join(wrong)))

    def on_end(self, run: Any) -> None:
        if self.weights:
            run.model.load_state_dict(self.weights)
            run.history.kept = self.best_epoch

    def state_dict(self) -> dict[str, Any]:
        """What was seen so far, and the best weights."""
        return super().state_dict() | {f"weights.{path}": np.array(array) for path, array in self.weights.items()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what was seen in another run."""
        super().load_state_dict(state)
        prefix = "weights."
        self.weights = {key.removeprefix(prefix): array for key, array in state.items() if key.startswith(prefix)}


class ReduceOnPlateau(Plateau):
    """Multiply the learning rate by a factor whenever the loss no longer improves.

    Parameters
    ----------
    factor : float
        Between 0 and 1.
    patience : int
        Epochs in a row without improvement after which to reduce, and to wait again.
    min_rate : float
        Go no lower.
    monitor, mode, min_delta
        As of `EarlyStopping`.

    Raises
    ------
    ValueError
        If an option is out of range, or the history has no such quantity.
    TypeError
        If the optimizer has a schedule.

    Examples
    --------
    >>> import nn
    >>> reducing = nn.ReduceOnPlateau(factor=0.5, patience=3)
    """

    @explains("function")
    def __init__(
        self,
        factor: float = 0.5,
        patience: int = 3,
        *,
        min_rate: float = 0.0,
        monitor: str | None = None,
        mode: str | None = None,
        min_delta: float = 0.0,
    ) -> None:
        if not 0 < factor < 1:
            raise ValueError(FACTOR.format(got=factor))
        self.factor, self.min_rate = factor, min_rate
        super().__init__(patience, monitor, mode, min_delta)

    def on_start(self, run: Any) -> None:
        super().on_start(run)
        if any(callable(group.learning_rate) for group in run.optimizer.groups):
            raise TypeError(SCHEDULED)

    def on_epoch(self, run: Any) -> None:
        if not self.improved(run.history) and self.waited >= self.patience:
            self.waited = 0
            for group in run.optimizer.groups:
                group.learning_rate = max(group.learning_rate * self.factor, min(self.min_rate, group.learning_rate))
