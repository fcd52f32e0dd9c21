"""One trial: a changed copy that is trained for some steps and asked for its loss on examples that were held out."""

from __future__ import annotations

import copy
import math
import random
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from autograd_mini import Tensor
from nn.module import Module
from nn.signals.cures.candidates import Change
from nn.training.data import DataLoader
from nn.training.evaluation import Bring, as_loader, evaluated, forward, mismatched
from nn.training.fit import seed_generators
from nn.training.metrics import accuracy
from nn.training.sources import Arrays, Batch

OPTIMIZER = (
    "seen.cures(optimizer={got!r}): each changed copy has parameters of its own. Give a function that makes an "
    "optimizer of them, such as `lambda parameters: nn.SGD(parameters, 0.1)`."
)
OTHER_PARAMETERS = (
    "seen.cures(optimizer=...): the function returned an optimizer of other parameters than it was given. Write e.g. "
    "`lambda parameters: nn.SGD(parameters, 0.1)`."
)
FEW = (
    "seen.cures() holds a quarter of the examples out, and {count} are too few for that. Give the training set: "
    "`seen.cures(data=(x, y))`."
)
TARGETS = (
    "seen.cures(): the targets that nn.signals was given are no array with an entry for each of the {count} examples, "
    "so they cannot be cut into batches. Give the training set: `seen.cures(data=(x, y))`."
)
NO_RATE = "its optimizer has no `groups` with a learning rate that could be changed"

LEAST = 8  # examples
MOST = 5000  # examples that are used of a larger set
HELD = 1000  # of them at most are held out
BATCH = 64
GUESSES = 8
PARTS = 20  # of the held-out examples, to tell differences from chance


class Data(NamedTuple):
    """Examples to learn from and examples to judge by, each a tuple of arrays, the targets last."""

    train: Batch
    held: Batch
    batch: int

    @property
    def examples(self) -> int:
        return len(self.train[0])


def data_of(given: Any) -> Data:
    """A quarter of the examples at random is held out, as the same seed always does."""
    loader = as_loader(given, "cures", BATCH)
    if isinstance(loader.source, Arrays) and loader.transform is None:
        arrays = loader.source.arrays
    else:
        arrays = first_of(loader.from_start(in_order=True))
    count = len(arrays[0])
    if count < LEAST:
        raise ValueError(FEW.format(count=count))
    order = np.random.default_rng(0).permutation(count)[:MOST]
    held = min(len(order) // 4, HELD)
    parts = [tuple(array[chosen] for array in arrays) for chosen in (order[held:], order[:held])]
    return Data(parts[0], parts[1], min(loader.batch_size or BATCH, len(order) - held))


def first_of(batches: Any) -> Batch:
    """The first examples of a loader, as arrays."""
    taken: list[Batch] = []
    for batch in batches:
        taken.append(batch)
        if sum(len(some[0]) for some in taken) >= MOST:
            break
    return tuple(np.concatenate(part) for part in zip(*taken, strict=True))


class Trial:
    """A changed copy at one learning rate, before and while it is trained.

    Attributes
    ----------
    score : float
        The held-out loss so far; infinite if the training failed.
    rounds, steps : int
        How many rounds it went through, and after how many steps the score was measured.
    history : list of (int, float)
        Steps and score after each round.
    parts, tripled_parts : array
        The losses on parts of the held-out examples, at the rate and at three times it; None if not asked for.
    why_not : str
        What kept it from being trained.
    """

    def __init__(  # noqa: PLR0917
        self,
        change: Change,
        start: Module,
        times: float,
        optimizer: Callable[..., Any],
        loss: Any,
        untrained: float = math.nan,
    ) -> None:
        self.untrained = self.before = untrained  # the held-out loss at the start, and before the last round
        self.change, self.start, self.times, self.make, self.loss = change, start, times, optimizer, loss
        self.score, self.tripled = math.inf, math.nan
        self.rate = math.nan
        self.history: list[tuple[int, float]] = []
        self.parts: Any = None
        self.tripled_parts: Any = None
        self.further = False  # whether its rate is below those that all changes begin with
        self.lost = False  # whether a loss was not finite
        self.rounds = self.steps = self.taken = 0
        self.seconds = 0.0
        self.why_not = ""
        self.model: Any = None

    @property
    def trend(self) -> float:
        """The loss if it fell once more as in the last round: what starts badly and falls fast may win."""
        before = self.before
        falls = 0 < self.score < before < math.inf
        return self.score * self.score / before if falls else self.score

    def begin(self, data: Data) -> None:
        """Make the copy and its optimizer."""
        self.model = copy.deepcopy(self.start)
        self.optimizer = made(self.make, self.model, self.times)
        groups = getattr(self.optimizer, "groups", ())
        self.rate = float(groups[0].rate) if groups else math.nan
        seed_generators(self.model, 0)
        if not self.model.training:
            self.model.train()
        self.batches = endless(DataLoader(*data.train, batch_size=data.batch, shuffle=True, drop_last=True, rng=0))

    def run(self, steps: int, data: Data, over: Callable[[], bool], after: Callable[[Trial], None]) -> bool:
        """Train for so many steps and measure; False if the time was over before. A failure is remembered."""
        complete = False
        try:
            if self.model is None:
                self.begin(data)
            np.random.seed(self.taken)  # noqa: NPY002 - for a forward that uses the global state
            random.seed(self.taken)
            complete = self.train(steps, over, after)
            if complete:
                self.steps = self.taken
                self.before = self.score if self.rounds else self.before
                self.score = math.inf if self.lost else held_out(self.model, self.loss, data)
        except Exception as error:  # noqa: BLE001 - whatever a model raises is why its change cannot be tried
            self.why_not, self.score = reason(error), math.inf
        return complete or bool(self.why_not)

    def train(self, steps: int, over: Callable[[], bool], after: Callable[[Trial], None]) -> bool:
        bring = Bring(self.model)
        for _ in range(steps):
            if over():
                return False
            self.optimizer.zero_grad()
            _, _, found = forward(self.model, self.loss, next(self.batches), bring)
            after(self)
            if not found.amount:
                continue
            if not math.isfinite(found.value.item()):
                self.lost = True
                break
            found.value.backward()
            self.optimizer.step()
            self.taken += 1
        return True


def made(optimizer: Callable[..., Any], model: Module, times: float) -> Any:
    """An optimizer of a model's parameters, with its learning rate or schedule times a factor."""
    result = optimizer(model.parameters())
    own = set(map(id, model.parameters()))
    if not all(id(parameter) in own for parameter in getattr(result, "parameters", ())):
        raise ValueError(OTHER_PARAMETERS)
    if times != 1:
        groups = getattr(result, "groups", ())
        if not groups:
            raise ValueError(NO_RATE)
        for group in groups:
            group.learning_rate = multiplied(group.learning_rate, times)
    return result


def multiplied(rate: Any, times: float) -> Any:
    """A learning rate, or a schedule of it, times a factor."""
    return (lambda step: rate(step) * times) if callable(rate) else float(f"{rate * times:.6g}")


def guess(trial: Trial, data: Data) -> float:
    """The held-out loss that it may have by luck: with other examples' targets, less three standard deviations."""
    try:
        losses = mismatched(trial.model, trial.loss, DataLoader(*data.held, batch_size=256), GUESSES)
        return float(np.mean(losses) - 3 * np.std(losses))
    except Exception:  # noqa: BLE001 - a loss may refuse such pairs; then nothing is known
        return math.nan


def recognises(trial: Trial, data: Data) -> bool:
    """Whether its held-out accuracy is above that with other examples' targets by three standard deviations."""
    try:
        right = held_out(trial.model, share_right, data)
        others = mismatched(trial.model, share_right, DataLoader(*data.held, batch_size=256), GUESSES)
    except Exception:  # noqa: BLE001 - where nothing is classified, accuracy refuses the outputs or targets
        return False
    return bool(math.isfinite(right) and right > np.mean(others) + 3 * np.std(others))


def share_right(output: Any, labels: Any) -> Tensor:
    """`accuracy`, as a loss."""
    return Tensor(np.float64(accuracy(output, labels)))


def endless(loader: DataLoader) -> Iterator[Batch]:
    while True:
        yield from loader.read_only()


def held_out(model: Module, loss: Any, data: Data) -> float:
    """The loss on what was held out, in evaluation mode; infinite if it is not finite."""
    loader = DataLoader(*data.held, batch_size=256)
    value = evaluated(model, loss, loader, {}, lambda _batch: False)["loss"]
    return value if math.isfinite(value) else math.inf


def held_out_parts(model: Module, loss: Any, data: Data) -> Any:
    """The losses on parts of what was held out; nan where one has none."""
    chosen = np.array_split(np.arange(len(data.held[0])), min(PARTS, len(data.held[0])))
    found = []
    for part in chosen:
        try:
            found.append(held_out(model, loss, data._replace(held=tuple(array[part] for array in data.held))))
        except Exception:  # noqa: BLE001 - a loss may refuse so few examples; then nothing is known
            found.append(math.nan)
    return np.array(found)


def reason(error: Exception) -> str:
    """The first sentence of an error."""
    said = str(error).split("\n", 1)[0]
    first, stop, _ = said.partition(". ")
    return (first + stop).strip().rstrip(".") or type(error).__name__
