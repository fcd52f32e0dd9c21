"""Which trials go on and which is best: by losses, by kinds of changes, and by what the held-out examples can tell."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from nn.signals.cures.candidates import AS_IT_IS, REPAIRS, Change, together
from nn.signals.cures.trials import Trial

BY_FAMILY = 0.8  # of those that go on, the best of each family
WIDER = 10.0  # times or a tenth: from the last rate to the one beyond it
CLEARLY = 0.9  # of the loss, or less, is clearly better
NEAR = 1.25  # times the best loss
BOTH = "data and model"  # a family of their own, so that the repair alone goes on too
COMBINED = 3  # changes that are tried together with the best repair


def place_of(trial: Trial) -> tuple[int, float]:
    """What was trained for longer comes first, then what has the lower loss."""
    return -trial.rounds, trial.score


def trend_of(trial: Trial) -> float:
    return trial.trend


def done(trials: list[Trial]) -> list[Trial]:
    """Those that ended a round."""
    return [trial for trial in trials if trial.rounds and not trial.why_not]


def is_start(trial: Trial) -> bool:
    return trial.change.name == AS_IT_IS and trial.times == 1


def going_on(ranked: list[Trial], kept: int, rates: int) -> list[Trial]:
    """The most promising of each family, then the best of all, and always the model as it is: to compare with, and at
    its most promising other rates, which are the simplest cure. Lower rates than usual are families of their own: what
    they seem to be after a few steps takes no place from the usual ones."""
    of_families: dict[tuple[str, bool], Trial] = {}
    for trial in sorted(ranked, key=trend_of):
        of_families.setdefault((trial.change.family, trial.further), trial)
    chosen = list(of_families.values())[: math.ceil(kept * BY_FAMILY)]
    chosen += [trial for trial in ranked if trial not in chosen][: kept - len(chosen)]
    others = [trial for trial in ranked if trial.change.name == AS_IT_IS and not is_start(trial) and not trial.lost]
    always = [trial for trial in ranked if is_start(trial)] + sorted(others, key=trend_of)[:rates]
    return sorted(chosen + [trial for trial in always if trial not in chosen], key=place_of)


def further_rate(tried: list[Trial], start: Trial) -> float | None:
    """Where a change is to be tried next: at a lower rate if the lowest so far is its best; at the best rate of the
    model as it is, if that is far above its own. This one is tried beyond its best rate, if it learns there."""
    best, times = min(tried, key=trend_of), [trial.times for trial in tried]
    if best.change.name == AS_IT_IS:
        factor = {min(times): 1 / WIDER, max(times): WIDER}.get(best.times)
        return float(f"{best.times * factor:.6g}") if factor and best.score < CLEARLY * best.untrained else None
    if best.times == min(times):
        return float(f"{best.times / WIDER:.6g}") if best.score < best.untrained else None
    return start.times if start.times >= WIDER**2 and start.times not in times else None


def pairs(ranked: list[Trial]) -> list[tuple[Change, float]]:
    """The best repair of data together with each of the best other changes, and its rate; none if none helps."""
    start = min((trial.score for trial in ranked if trial.change.name == AS_IT_IS), default=math.inf)
    promising = sorted(ranked, key=trend_of)
    repairs = [t for t in promising if t.change.family in REPAIRS and t.score < min(CLEARLY * start, math.inf)]
    others = dict.fromkeys(t.change for t in promising if t.change.family not in REPAIRS and t.change.steps)
    return [
        (together([repairs[0].change, change], BOTH), repairs[0].times) for change in list(others)[:COMBINED] if repairs
    ]


def level(trials: list[Trial], few: int) -> None:
    """Go back to the last round that at least a few of them ended, so that these are compared after as many steps."""
    common = min(sorted((len(trial.history) for trial in trials), reverse=True)[:few], default=0)
    for trial in trials:
        if common and len(trial.history) > common:
            trial.rounds, (trial.steps, trial.score) = common, trial.history[common - 1]


def as_good(parts: Any, best: Any) -> bool:
    """Whether losses on parts of the held-out examples are above the best ones by no more than a standard error of the
    differences, or by no more than two where they are near."""
    if parts is None or best is None or len(parts) < 2:
        return False
    above, error = np.mean(parts - best), np.std(parts - best, ddof=1) / math.sqrt(len(parts))
    return bool(above <= error or (above <= 2 * error and np.mean(parts) <= NEAR * np.mean(best)))


def in_order(finalists: list[Trial], others: list[Trial], worst: float) -> list[Trial]:
    """The best first: of those that are as good as the best, as far as the held-out examples tell, the simplest."""

    def total(trial: Trial) -> float:
        return trial.score + (0.0 if math.isnan(trial.tripled) else min(trial.tripled, worst) / 2)

    def parts(trial: Trial) -> Any:
        if trial.parts is None or trial.tripled_parts is None:
            return trial.parts
        return trial.parts + np.minimum(trial.tripled_parts, worst) / 2

    ranked = sorted(finalists, key=total)
    best = ranked[:1]
    alike = best + [t for t in ranked[1:] if as_good(t.parts, best[0].parts) and as_good(parts(t), parts(best[0]))]
    alike.sort(key=lambda trial: (len(trial.change.steps), trial.times != 1))
    return alike + [trial for trial in ranked if trial not in alike] + sorted(others, key=place_of)
