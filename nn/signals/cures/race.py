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

from nn.changes.calls import FEW, first_examples, out_of_reach
from nn.module import Module
from nn.optimizers.rules import SGD
from nn.signals.cures.candidates import AS_IT_IS, CHANGES, DATA, REPAIRS, Change, Start, together
from nn.signals.cures.ranking import as_good, done, further_rate, going_on, in_order, level, pairs, place_of, trend_of
from nn.signals.cures.search import rescaled, takes_scores
from nn.signals.cures.trials import OPTIMIZER, Data, Trial, guess, held_out, held_out_parts, made, reason, recognises
from nn.signals.cures.tried import Tried, TriedRow
from nn.training.evaluation import Bring, forward
from nn.training.progress import Bar

RATES = 1.0, 0.1
MORE_RATES = 10.0, 0.01, 100.0, 0.001, 1000.0  # for the model as it is
FURTHER = 2  # rates beyond the last one that are tried at most


class Round(NamedTuple):
    """How many steps each trial takes, how many trials go on, the share of the time at which it ends at latest, and how
    many other rates of the model as it is go on in any case."""

    steps: int
    kept: int
    until: float
    rates: int = 1


ROUNDS = Round(15, 12, 0.45, 2), Round(45, 6, 0.65), Round(140, 3, 0.85), Round(200, 3, 0.95)
LAPS = 40  # times through the examples, beyond which the last round would only show what is learned by heart
TRIPLED, TRIPLED_STEPS = 3.0, 100
DEFAULT = "nn.SGD(parameters, 0.02, momentum=0.9)"
MAKING = 0.3  # of the time at most, before the first round
FEWEST = 2  # go on, however short the time
OUT_OF_TIME = "the time was over before its turn"
NO_OWN = "the loss is none of nn's that take scores, and no activation at the end keeps targets out of reach"
NODES = "its parts are nodes of a program, which have no calls of their own"
OF_ANY = AS_IT_IS, "inputs", DATA  # families of changes of a model whose parts cannot be exchanged
SCORES = "the loss takes scores, and no targets of their size"
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
            if number == len(ROUNDS) > 1 and not self.worth(stage, running):
                break
            running = self.hold(number, stage, running)
            if number == 1:
                running = self.going_on(number, running + self.more(running, stage))
        level(running, ROUNDS[-1].kept)
        known = [trial.score for trial in self.trials if trial.score < math.inf]
        self.scale = max(statistics.median(known or [1.0]), untrained if math.isfinite(untrained) else 0.0)
        finalists = self.finalists(running)
        self.triple(finalists)
        self.adjust(finalists)
        return self.table(untrained)

    def check(self) -> float:
        """The held-out loss of the model as it is, untrained; what is wrong with what was given raises here."""
        twin, few = copy.deepcopy(self.start.model), tuple(part[: self.data.batch] for part in self.data.train)
        made(self.optimizer, twin, 1.0)
        forward(twin, self.start.loss, few, Bring(twin))
        return held_out(self.start.model, self.start.loss, self.data)

    def enter(self) -> None:
        """A trial for each change and rate; the changed models are made once."""
        entered: list[tuple[Change, Module]] = []
        for change in self.changes():
            if entered and self.over(MAKING):
                self.refused.append((change, OUT_OF_TIME))
                self.short("not all changes were made")
            elif (model := self.changed(change)) is not None:
                entered.append((change, model))
        repairs = list({change.family: change for change, _ in entered if change.family in REPAIRS}.values())
        if len(repairs) > 1 and (model := self.changed(together(repairs))) is not None:
            entered.append((together(repairs), model))
        begin = {model: held_out(model, self.start.loss, self.data) for _, model in entered}
        rates = [(change, model, times) for times in RATES for change, model in entered]
        for change, model in entered:
            more: tuple[float, ...] = MORE_RATES if change.name == AS_IT_IS else ()
            more += for_loss(begin[model]) if more or change.has_targets else ()
            rates += [(change, model, times) for times in dict.fromkeys(more) if times not in RATES]
        self.trials = [self.trial(change, model, times, begin[model]) for change, model, times in rates]

    def trial(self, change: Change, model: Module, times: float, untrained: float = math.nan) -> Trial:
        return Trial(change, model, times, self.optimizer, self.start.loss, untrained)

    def changed(self, change: Change) -> Module | None:
        """A changed copy that can be called; or None, and why there is none is kept."""
        try:
            model = change.applied(self.start.model, self.start.x, self.start.y)
            copy.deepcopy(model).eval()(*self.examples())
        except Exception as error:  # noqa: BLE001 - whatever a model raises is why the change cannot be made
            self.refused.append((change, reason(error)))
            return None
        return model

    def examples(self) -> tuple[Any, ...]:
        return tuple(Bring(self.start.model).inputs(first_examples(self.start.x, FEW)))

    def changes(self) -> list[Change]:
        """The table's, without what this loss has no use for, and the weights scaled as a search says."""
        model, loss = self.start.model, self.start.loss
        few = tuple(part[:CANDIDATE] for part in self.data.train)
        found = [change for change in CHANGES if model._has_parts_to_change or change.family in OF_ANY]
        self.refused += [(change, NODES) for change in CHANGES if change not in found]
        scores = takes_scores(copy.deepcopy(model), loss, few)
        fits = not scores and not out_of_reach(model, self.start.x, self.data.train[-1])
        for change in found[:]:
            if (change.family == "end" and fits) or (change.has_targets and scores):
                found.remove(change)
                self.refused.append((change, SCORES if scores else NO_OWN))
        if not model._has_parts_to_change:
            return found
        try:
            found.insert(1, rescaled(model, self.start.x, loss, few, lambda: self.over(0.2)))
        except Exception as error:  # noqa: BLE001 - as above
            self.refused.append((Change("weights rescaled", "weights"), reason(error)))
        return found

    def hold(self, number: int, stage: Round, running: list[Trial]) -> list[Trial]:
        """One round; those that go on, the best first."""
        self.title = f"cures, round {number} of {len(ROUNDS)}"
        ended = next((i for i, trial in enumerate(running) if not self.ran(trial, number, stage)), None)
        if ended is not None:
            self.short(f"round {number} of {len(ROUNDS)} ended after {ended} of its {len(running)} trials")
        return self.going_on(number, running)

    def ran(self, trial: Trial, number: int, stage: Round) -> bool:
        """Whether a trial ended a round before the time was over."""
        complete = self.timed(trial, trial, stage.steps, stage.until)
        if complete:
            trial.rounds = number
            trial.history.append((trial.steps, trial.score))
        return complete

    def more(self, running: list[Trial], stage: Round) -> list[Trial]:
        """After the first round: the rates beyond, of those whose best one is the last that was tried, and the best
        changes of the data together with the best ones of the model."""
        new: list[Trial] = []

        def join(trial: Trial) -> bool:
            new.append(trial)
            self.trials.append(trial)
            complete = self.ran(trial, 1, stage)
            if not complete:
                self.short("not all rates and changes together were tried")
            return complete

        for change, times in pairs(running):
            model = self.changed(change)
            begin = math.nan if model is None else held_out(model, self.start.loss, self.data)
            if model is not None and not all(join(self.trial(change, model, times * rate, begin)) for rate in RATES):
                return new
        base = [trial for trial in done(self.trials) if trial.change.name == AS_IT_IS]
        for change in dict.fromkeys(trial.change for trial in running + new) if base else ():
            for _ in range(FURTHER):
                tried = [trial for trial in done(self.trials) if trial.change == change]
                further = further_rate(tried, min(base, key=trend_of)) if tried else None
                if further is None:
                    break
                trial = self.trial(change, tried[0].start, further, tried[0].untrained)
                trial.further = further < min(RATES)
                if not join(trial):
                    return new
        return new

    def going_on(self, number: int, running: list[Trial]) -> list[Trial]:
        """Those that go on after a round: fewer, where the time is not enough for the next one and a few after it; the
        last one may be left out."""
        stage, following = ROUNDS[number - 1], ROUNDS[number:-1]
        ranked = sorted((trial for trial in running if not trial.why_not), key=place_of)
        for count in range(stage.kept, FEWEST, -1):
            chosen = going_on(ranked, count, stage.rates)
            steps = [stage.steps for stage in following]
            after = FEWEST * (sum(steps[1:]) + TRIPLED_STEPS) / len(chosen) if chosen else 0.0
            if not following or self.affords(chosen, steps[0] + after):
                break
        else:
            count = FEWEST
        if count < stage.kept:
            self.short(f"{count} instead of {stage.kept} trials went on after round {number}")
        return going_on(ranked, count, stage.rates)

    def worth(self, stage: Round, running: list[Trial]) -> bool:
        """Whether there are examples enough for the last round, and time."""
        steps = stage.steps + max((trial.steps for trial in running), default=0)
        if steps * self.data.batch > LAPS * self.data.examples:
            return False
        enough = self.affords(running, stage.steps + TRIPLED_STEPS)
        if not enough:
            self.short("the last round was left out")
        return enough

    def affords(self, trials: list[Trial], steps: float) -> bool:
        """Whether the time is enough for so many steps of each, as long as theirs have been."""
        return sum(trial.seconds / max(trial.taken, 1) for trial in trials) * steps <= self.seconds - (
            clock() - self.began
        )

    def short(self, what: str) -> None:
        """Remember where the limit first made a difference."""
        self.stopped = self.stopped or (
            f"The limit of {self.seconds:g} s made the race shorter: {what}. With more time the table may be another."
        )

    def finalists(self, running: list[Trial]) -> list[Trial]:
        """The best, and what is as good as the first of them as far as the held-out examples tell."""
        for trial in running:
            if trial.taken == trial.steps and trial.score < math.inf and not self.over():
                trial.parts = held_out_parts(trial.model, self.start.loss, self.data)
        few = ROUNDS[-1].kept
        return running[:few] + [trial for trial in running[few:] if as_good(trial.parts, running[0].parts)]

    def triple(self, finalists: list[Trial]) -> None:
        """The best train once more from the start, at three times their rate: what only just holds falls over."""
        self.title = "cures, at three times the rate"
        for trial in finalists:
            again = self.trial(trial.change, trial.start, trial.times * TRIPLED)
            if trial.score < math.inf and self.timed(again, trial, TRIPLED_STEPS, 1.0):
                trial.tripled = again.score
                if again.score < math.inf:
                    trial.tripled_parts = held_out_parts(again.model, self.start.loss, self.data)
                else:
                    trial.tripled_parts = np.array(math.inf)
            elif trial.score < math.inf:
                self.short("not all of the best were tried at three times their rate")

    def adjust(self, finalists: list[Trial]) -> None:
        """What falls over at three times its rate may do so later at its own: it is raced at a third of it too. What is
        better there after fewer steps is raced there."""
        self.title = "cures, at other rates"
        for trial in finalists:
            if trial.tripled > self.scale:
                self.again(trial, 1 / TRIPLED, trial.score, trial.parts)
            elif trial.tripled < trial.score < math.inf:
                self.again(trial, TRIPLED)

    def again(self, trial: Trial, factor: float, tripled: float = math.nan, parts: Any = None) -> None:
        """One of the best at another rate, for as many steps; what it does at three times that, if not known."""
        other = self.trial(trial.change, trial.start, trial.times * factor)
        if not self.timed(other, other, trial.steps, 1.0):
            self.short(f"{trial.change.name} was not tried at {'a third' if factor < 1 else 'three times'} its rate")
            return
        other.rounds, other.tripled, other.tripled_parts = trial.rounds, tripled, parts
        other.parts = held_out_parts(other.model, self.start.loss, self.data)
        if math.isnan(tripled):
            self.triple([other])
        if not math.isnan(other.tripled):
            self.trials.append(other)

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
        trained = done(self.trials)
        longest = max((trial.rounds for trial in trained), default=0)
        finalists = [trial for trial in trained if not math.isnan(trial.tripled)]
        finalists = finalists or [trial for trial in trained if trial.rounds == longest]
        ranked = in_order(finalists, [trial for trial in trained if trial not in finalists], 2 * self.scale)
        rows = [row_of(trial) for trial in ranked]
        most = max((trial.steps for trial in trained), default=0)
        for i, trial in enumerate(ranked):
            if trial.steps < most or trial.score == math.inf or self.start.y is None:
                continue
            if self.over():
                self.short("not all of the best were compared with a guess")
            else:
                rows[i] = rows[i]._replace(guess_loss=guess(trial, self.data), recognises=recognises(trial, self.data))
        rows += [row_of(trial, trial.why_not or OUT_OF_TIME) for trial in self.trials if trial not in trained]
        rows += [TriedRow.refused(change, why) for change, why in self.refused]
        found = Tried(
            rows, self.start, untrained, len(trained), self.data.examples, clock() - self.began, self.given,
            self.stopped,
        )  # fmt: skip
        found.batch = self.data.batch
        return found


def for_loss(loss: float) -> tuple[float, ...]:
    """Rates for a loss that is far from 1, whose gradients are as large."""
    if not 0 < loss < math.inf or abs(math.log10(loss)) <= 1:
        return ()
    return tuple(float(f"{times / loss:.1g}") for times in RATES)


def row_of(trial: Trial, why_not: str = "") -> TriedRow:
    return TriedRow(
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
