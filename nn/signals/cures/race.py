"""The race: all changes train for some steps, the better ones go on, and the best must bear three times their rate.

What it decides is a function of what it was given, as long as the time is enough; what stands in the way of one change
is said of it and does not stop the others.
"""

from __future__ import annotations

import contextlib
import copy
import math
import statistics
import time
from typing import Any, NamedTuple

import numpy as np

from nn.changes.calls import FEW, first_examples
from nn.module import Module
from nn.optimizers.rules import SGD
from nn.signals.cures.candidates import AS_IT_IS, CHANGES, Change, Start
from nn.signals.cures.search import rescaled, takes_scores
from nn.signals.cures.trials import OPTIMIZER, Data, Trial, guess, held_out, made, reason
from nn.signals.cures.tried import Row, Tried
from nn.training.evaluation import forward, in_precision_of
from nn.training.progress import Bar

RATES = 1.0, 0.1
MORE_RATES = 10.0, 0.01, 100.0, 0.001, 1000.0  # for the model as it is


class Round(NamedTuple):
    """How many steps each trial takes, how many trials go on, and the share of the time at which it ends at latest."""

    steps: int
    kept: int
    until: float


ROUNDS = Round(15, 12, 0.45), Round(45, 6, 0.7), Round(140, 3, 0.9)
TRIPLED, TRIPLED_STEPS = 3.0, 100
BY_FAMILY = 0.8  # of those that go on, the best of each family
DEFAULT = "nn.SGD(parameters, 0.02, momentum=0.9)"
MAKING = 0.3  # of the time at most, before the first round
FEWEST = 2  # go on, however short the time
OUT_OF_TIME = "the time was over before its turn"
NO_OWN = "the loss is none of nn's that take scores"
clock = time.perf_counter  # seconds
CANDIDATE = 256  # examples by which weights are scaled


def default_optimizer(parameters: Any) -> SGD:
    return SGD(parameters, 0.02, momentum=0.9)


class Race:
    """One race, with its clock and its bar."""

    def __init__(self, start: Start, optimizer: Any, data: Data, seconds: float, bar: Bar) -> None:
        self.start, self.data, self.seconds, self.bar = start, data, seconds, bar
        self.optimizer = default_optimizer if optimizer is None else optimizer
        self.given = DEFAULT if optimizer is None else "the optimizer that was given"
        self.began = clock()
        self.trials: list[Trial] = []
        self.refused: list[tuple[Change, str]] = []
        self.stopped = ""
        self.title = ""
        self.scale = math.inf  # a loss that nothing has been learned with

    def over(self, share: float = 1.0) -> bool:
        return clock() - self.began >= share * self.seconds

    def run(self) -> Tried:
        """All rounds, and the table."""
        untrained = self.check()
        self.enter()
        running = self.trials
        for number, stage in enumerate(ROUNDS, 1):
            running = self.hold(number, stage, running)
        known = [trial.score for trial in self.trials if trial.score < math.inf]
        self.scale = max(statistics.median(known or [1.0]), untrained if math.isfinite(untrained) else 0.0)
        self.triple(running[: ROUNDS[-1].kept])
        self.calm(running[: ROUNDS[-1].kept])
        return self.table(untrained)

    def check(self) -> float:
        """The held-out loss of the model as it is, untrained; what is wrong with what was given raises here."""
        twin, few = copy.deepcopy(self.start.model), tuple(part[: self.data.batch] for part in self.data.train)
        made(self.optimizer, twin, 1.0)
        forward(twin, self.start.loss, few, in_precision_of(twin))
        return held_out(self.start.model, self.start.loss, self.data)

    def enter(self) -> None:
        """A trial for each change and rate; the changed models are made once."""
        entered: list[tuple[Change, Module]] = []
        for change in self.changes():
            if entered and self.over(MAKING):
                self.refused.append((change, OUT_OF_TIME))
                self.short("not all changes were made")
                continue
            try:
                model = change.applied(self.start.model, self.start.x)
                copy.deepcopy(model).eval()(*self.examples())
            except Exception as error:  # noqa: BLE001 - whatever a model raises is why the change cannot be made
                self.refused.append((change, reason(error)))
                continue
            entered.append((change, model))
        rates = [(change, model, times) for times in RATES for change, model in entered]
        rates += [(change, model, times) for change, model in entered[:1] for times in MORE_RATES]
        begin = {model: held_out(model, self.start.loss, self.data) for _, model in entered}
        self.trials = [
            Trial(change, model, times, self.optimizer, self.start.loss, begin[model]) for change, model, times in rates
        ]

    def examples(self) -> tuple[Any, ...]:
        return tuple(map(in_precision_of(self.start.model), first_examples(self.start.x, FEW)))

    def changes(self) -> list[Change]:
        """The table's, without what this loss has no use for, and the weights scaled as a search says."""
        model, loss = self.start.model, self.start.loss
        few = tuple(part[:CANDIDATE] for part in self.data.train)
        found = list(CHANGES)
        if not takes_scores(copy.deepcopy(model), loss, few):
            scores = next(change for change in found if change.family == "scores")
            found.remove(scores)
            self.refused.append((scores, NO_OWN))
        try:
            found.insert(1, rescaled(model, self.start.x, loss, few, lambda: self.over(0.2)))
        except Exception as error:  # noqa: BLE001 - as above
            self.refused.append((Change("weights rescaled", "weights"), reason(error)))
        return found

    def hold(self, number: int, stage: Round, running: list[Trial]) -> list[Trial]:
        """One round; those that go on, the best first."""
        self.title = f"cures, round {number} of {len(ROUNDS)}"
        ended = None
        for place, trial in enumerate(running):
            if not self.timed(trial, trial, stage.steps, stage.until):
                ended = place
                break
            trial.rounds = number
        if ended is not None:
            self.short(f"round {number} of {len(ROUNDS)} ended after {ended} of its {len(running)} trials")
        ranked = sorted((trial for trial in running if not trial.why_not), key=place_of)
        return self.affordable(number, stage.kept, ranked)

    def affordable(self, number: int, kept: int, ranked: list[Trial]) -> list[Trial]:
        """Those that go on after a round: fewer, where the time is not enough for the next one and a few after it."""
        following = ROUNDS[number:]
        left = self.seconds - (clock() - self.began)
        for count in range(kept, FEWEST, -1):
            chosen = going_on(ranked, count)
            together = sum(trial.seconds / max(trial.taken, 1) for trial in chosen)
            steps = [stage.steps for stage in following]
            after = FEWEST * (sum(steps[1:]) + TRIPLED_STEPS) / len(chosen) if chosen else 0.0
            if not following or together * (steps[0] + after) <= left:
                break
        else:
            count = FEWEST
        if count < kept:
            self.short(f"{count} instead of {kept} trials went on after round {number}")
        return going_on(ranked, count)

    def short(self, what: str) -> None:
        """Remember where the limit first made a difference."""
        self.stopped = self.stopped or (
            f"The limit of {self.seconds:g} s made the race shorter: {what}. With more time the table may be another."
        )

    def triple(self, finalists: list[Trial]) -> None:
        """The best train once more from the start, at three times their rate: what only just holds falls over."""
        self.title = "cures, at three times the rate"
        for trial in finalists:
            again = Trial(trial.change, trial.start, trial.times * TRIPLED, self.optimizer, self.start.loss)
            if trial.score < math.inf and self.timed(again, trial, TRIPLED_STEPS, 1.0):
                trial.tripled = again.score
            elif trial.score < math.inf:
                self.short("not all of the best were tried at three times their rate")

    def calm(self, finalists: list[Trial]) -> None:
        """What falls over at three times its rate may do so later at its own: it is raced at a third of it too."""
        self.title = "cures, at a third of the rate"
        for trial in finalists:
            if trial.tripled > self.scale:
                calmer = Trial(trial.change, trial.start, trial.times / TRIPLED, self.optimizer, self.start.loss)
                if self.timed(calmer, calmer, sum(stage.steps for stage in ROUNDS), 1.0):
                    calmer.rounds, calmer.tripled = trial.rounds, trial.score
                    self.trials.append(calmer)
                else:
                    self.short(f"{trial.change.name} was not tried at a third of its rate")

    def timed(self, trial: Trial, whole: Trial, steps: int, until: float) -> bool:
        """Run a trial until a share of the time; what it takes is added to a trial's seconds."""
        began = clock()
        complete = trial.run(steps, self.data, lambda: self.over(until), self.step)
        whole.seconds += clock() - began
        return complete

    def step(self, trial: Trial) -> None:
        best = min((other.score for other in self.trials), default=math.inf)
        self.bar.update(1, f"{self.title}: {trial.change.name}", lambda: {"best": best})

    def table(self, untrained: float) -> Tried:
        """The rows, best first."""
        done = [trial for trial in self.trials if trial.rounds and not trial.why_not]
        finalists = [trial for trial in done if not math.isnan(trial.tripled)] or done

        def total(trial: Trial) -> float:
            return trial.score + (0.0 if math.isnan(trial.tripled) else min(trial.tripled, 2 * self.scale) / 2)

        others = [trial for trial in done if trial not in finalists]
        ranked = sorted(finalists, key=total) + sorted(others, key=place_of)
        rows = [row_of(trial) for trial in ranked]
        longest = max((trial.steps for trial in done), default=0)
        for i, trial in enumerate(ranked):
            if trial.steps < longest or trial.score == math.inf or self.start.y is None:
                continue
            if self.over():
                self.short("not all of the best were compared with a guess")
            else:
                rows[i] = rows[i]._replace(guess_loss=guess(trial, self.data))
        rows += [row_of(trial, trial.why_not or OUT_OF_TIME) for trial in self.trials if trial not in done]
        rows += [Row.refused(change, why) for change, why in self.refused]
        return Tried(
            rows, self.start, untrained, len(done), self.data.examples, clock() - self.began, self.given,
            self.stopped,
        )  # fmt: skip


def place_of(trial: Trial) -> tuple[int, float]:
    """What was trained for longer comes first, then what has the lower loss."""
    return -trial.rounds, trial.score


def going_on(ranked: list[Trial], kept: int) -> list[Trial]:
    """The most promising of each family, then the best of all, and always the model as it is, to compare with."""
    of_families: dict[str, Trial] = {}
    for trial in sorted(ranked, key=lambda trial: trial.trend):
        of_families.setdefault(trial.change.family, trial)
    chosen = list(of_families.values())[: math.ceil(kept * BY_FAMILY)]
    chosen += [trial for trial in ranked if trial not in chosen][: kept - len(chosen)]
    chosen += [trial for trial in ranked if is_start(trial) and trial not in chosen]
    return sorted(chosen, key=place_of)


def is_start(trial: Trial) -> bool:
    return trial.change.name == AS_IT_IS and trial.times == 1


def row_of(trial: Trial, why_not: str = "") -> Row:
    return Row(
        change=trial.change.name,
        rate=trial.rate,
        held_out_loss=math.nan if why_not else trial.score,
        tripled_loss=trial.tripled,
        seconds=trial.seconds,
        why_not=why_not,
        times=trial.times,
        steps=trial.steps,
        how=trial.change,
    )


def planned() -> int:
    """About how many steps a race takes, for the bar."""
    trials = len(CHANGES) * len(RATES) + len(MORE_RATES)
    counts = (trials, *(stage.kept for stage in ROUNDS))
    return sum(n * stage.steps for n, stage in zip(counts, ROUNDS, strict=False)) + counts[-1] * TRIPLED_STEPS


def race(start: Start, optimizer: Any, data: Data, seconds: float, progress: bool) -> Tried:
    """The race in which nothing warns of infinities: that a copy diverges is a result."""
    made_already = hasattr(optimizer, "step") and not isinstance(optimizer, type)
    if optimizer is not None and (made_already or not callable(optimizer)):
        raise TypeError(OPTIMIZER.format(got=optimizer))
    bar = Bar(None if progress else False, planned(), 0)
    with contextlib.closing(bar), np.errstate(all="ignore"):
        return Race(start, optimizer, data, seconds, bar).run()
