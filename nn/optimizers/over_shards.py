"""The loss of all examples as a sum over shards, with its gradient and exact products: what `minimize` asks of a
cluster. How a minimum is searched is not known here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autograd_mini import no_grad
from nn.checks import as_values
from nn.cluster import Cluster, Shards
from nn.cluster.sums import Node, Vectors, collapse, total
from nn.cluster.worker import Store
from nn.losses.means import UNEQUAL, Mean, counted
from nn.module import Module
from nn.optimizers.objective import NOT_FINITE, OUTSIDE, NoCurvature, Objective, silenced, widened

SHARD = "In shard {shard}."
NOTHING = "nn.minimize: no example counts: all labels are ignored. There is no mean over nothing."


class ShardLoss(Objective):
    """The loss of one shard at a time, as much as its examples count."""

    def take(self, arrays: tuple[Any, ...], has_target: bool) -> None:
        """Be the loss of these."""
        arrays = tuple(map(widened, arrays))
        self.inputs, self.targets = (arrays[:-1], arrays[-1:]) if has_target else (arrays, ())
        self.counted: Any = None

    def loss_of(self, output: Any) -> Any:
        found = counted(self.loss_fn, len(self.inputs[0]), output, *self.targets)
        self.counted = found._replace(value=None)
        return found.value * found.amount if found.amount else np.sum(output) * 0.0


class ShardLosses:
    """The task that workers are given.

    Parameters
    ----------
    model : Module
    loss_fn : callable
    has_target : bool or None
        Whether the last array of a shard is the target; None: if it is not the only one.
    """

    def __init__(self, model: Module, loss_fn: Callable[..., Any], has_target: bool | None) -> None:
        self.model, self.loss_fn, self.has_target = model, loss_fn, has_target
        self.loss: ShardLoss | None = None
        self.multipliers: dict[int, Any] = {}
        self.at: Any = None

    def left_out(self) -> list[Any]:
        return []

    def of(self, store: Store, shard: int) -> ShardLoss:
        """The loss of a shard."""
        if self.loss is None:
            self.loss = ShardLoss(self.model, self.loss_fn, ())
        arrays = store.read(shard)
        self.loss.take(arrays, len(arrays) > 1 if self.has_target is None else self.has_target)
        return self.loss

    def over(
        self, store: Store, compute: Callable[[ShardLoss, int], Any], count: int, jobs: Sequence[int], go_on: Any
    ) -> tuple[dict[Node, Vectors], dict[int, Any]]:
        """The sum of what is computed of shards, and how much each counts; None where one of them is not defined."""
        nodes: dict[Node, Vectors] = {}
        facts: dict[int, Any] = {}
        for shard in jobs:
            if not go_on():
                break
            try:
                loss = self.of(store, shard)
                found = compute(loss, shard)
            except OUTSIDE:
                found = None
            except Exception as error:
                error.add_note(SHARD.format(shard=shard))
                raise
            facts[shard] = None if found is None else loss.counted
            nodes[shard, shard + 1] = [None if found is None else np.concatenate([np.ravel(part) for part in found])]
            collapse(nodes, range(count), 0, count)
        return nodes, facts

    def check(self, store: Store, jobs: Sequence[int], _go_on: Any) -> dict[int, None]:
        """Refuse a loss that is random, changes the model, or is not finite, by some shards."""
        for shard in jobs:
            self.of(store, shard).check()
        return dict.fromkeys(jobs)

    def value(self, store: Store, vector: Any, count: int, jobs: Sequence[int], go_on: Any) -> Any:
        """The loss at some weights."""

        def compute(loss: ShardLoss, _shard: int) -> Any:
            with silenced(), no_grad():
                return (as_values(loss.loss(loss.split(vector))),)

        return self.over(store, compute, count, jobs, go_on)

    def gradient(self, store: Store, vector: Any, count: int, jobs: Sequence[int], go_on: Any) -> Any:
        """The loss and its gradient."""
        return self.over(store, lambda loss, _shard: loss.computed(vector), count, jobs, go_on)

    def product(  # noqa: PLR0917
        self, store: Store, kind: str, vector: Any, direction: Any, count: int, jobs: Sequence[int], go_on: Any
    ) -> Any:
        """The Hessian or the Gauss-Newton matrix times a direction; the graphs of as many shards as may be kept are."""
        if self.at is None or self.at[0] != kind or not np.array_equal(self.at[1], vector):
            self.at, self.multipliers = (kind, np.array(vector)), {}

        def compute(loss: ShardLoss, shard: int) -> Any:
            kept = self.multipliers.get(shard)
            loss.curved_at = None if kept is None else vector
            if kept is not None:
                loss.multiply, loss.counted = kept
            try:
                found = getattr(loss, kind)(vector, direction)
            except NoCurvature:
                return None
            if len(self.multipliers) < store.keep:
                self.multipliers[shard] = loss.multiply, loss.counted
            return (found,)

        return self.over(store, compute, count, jobs, go_on)


class LossOverShards(Objective):
    """A model's loss over shards as a function of all its weights in one vector; workers compute it.

    Parameters
    ----------
    model : Module
    loss_fn : callable
    shards : Shards
    has_target : bool or None
    cluster : Cluster
    """

    def __init__(
        self, model: Module, loss_fn: Callable[..., Any], shards: Shards, has_target: bool | None, cluster: Cluster
    ) -> None:
        super().__init__(model, loss_fn, ())
        self.cluster, self.count = cluster, len(shards)
        cluster.start(self, ShardLosses(model, loss_fn, has_target), shards.makers)

    def close(self) -> None:
        self.cluster.stop(self)

    def summed(self, method: str, *common: Any) -> Any:
        """The mean over all examples of what a method computes; None where it is not defined."""
        nodes: dict[Node, Vectors] = {}
        facts: dict[int, Any] = {}
        for some, found in self.cluster.run(method, (*common, self.count), range(self.count)):
            nodes |= some
            facts |= found
        if any(found is None for found in facts.values()):
            return None
        mean = Mean()
        for shard in range(self.count):
            if facts[shard].amount:
                mean.add(0.0, facts[shard])
        if not mean.exact:
            raise ValueError(UNEQUAL.format(call="minimize"))
        if not mean.amount:
            raise ValueError(NOTHING)
        (vector,) = total(nodes, range(self.count), self.count)
        return vector / mean.amount

    def computed(self, vector: Any) -> tuple[float, Any] | None:
        self.gradients += 1
        found = self.summed("gradient", vector)
        if found is None or not np.all(np.isfinite(found)):
            return None
        loss, slope = float(found[0]), found[1:]
        self.remember(vector, loss, slope)
        return loss, slope

    def hvp(self, vector: Any, direction: Any) -> Any:
        return self.multiplied("hvp", vector, direction)

    def gauss_newton(self, vector: Any, direction: Any) -> Any:
        return self.multiplied("gauss_newton", vector, direction)

    def multiplied(self, kind: str, vector: Any, direction: Any) -> Any:
        """A matrix at some weights times a direction."""
        self.products += 1
        found = self.summed("product", kind, vector, direction)
        if found is None or not np.all(np.isfinite(found)):
            raise NoCurvature
        return found

    def value_at(self, vector: Any) -> float:
        found = self.summed("value", vector)
        return np.nan if found is None else float(found[0])

    def check(self) -> None:
        """As of any loss: what is random by the first shard, what is not finite by all."""
        self.cluster.run("check", (), range(1))
        found = self.computed(self.start)
        if found is None:
            raise ValueError(NOT_FINITE.format(value="not finite, or its gradient is not"))
        self.at, (self.value, self.slope) = self.start, found
