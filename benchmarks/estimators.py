"""`nn.estimators` beside scikit-learn's own MLPs on its bundled data: scores and fit times of the same architecture,
budget and default settings. Run with `python -m benchmarks.estimators`.

Each seed is one split into training and test data, the same for both; features are standardised in a pipeline. The two
fits of a seed are timed in turns, on one thread, by the processor time that they take.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from scipy import stats
from sklearn import datasets, neural_network
from sklearn.compose import TransformedTargetRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from benchmarks.common import keys, print_table, quartiles
from nn import estimators


class Task(NamedTuple):
    """A data set, the name of both estimators, and what is put around them."""

    load: Callable[..., Any]
    estimator: str = "MLPClassifier"
    around: Callable[[Any], Any] = lambda pipeline: pipeline


TASKS = {
    "iris": Task(datasets.load_iris),
    "wine": Task(datasets.load_wine),
    "breast_cancer": Task(datasets.load_breast_cancer),
    "digits": Task(datasets.load_digits),
    "diabetes": Task(datasets.load_diabetes, "MLPRegressor"),
    "diabetes, scaled target": Task(
        datasets.load_diabetes,
        "MLPRegressor",
        lambda pipeline: TransformedTargetRegressor(pipeline, transformer=StandardScaler()),
    ),
}
HEAD = ("data", "score", "nn", "scikit-learn", "difference (95 %)", "p", "fit time, nn / scikit-learn")


class Run(NamedTuple):
    score: float
    seconds: float
    epochs: int


def run(task: Task, package: Any, seed: int) -> Run:
    """Fit on three quarters of the data and score on the rest."""
    x, y = task.load(return_X_y=True)
    stratify = y if task.estimator == "MLPClassifier" else None
    x, x_test, y, y_test = train_test_split(x, y, random_state=seed, stratify=stratify)
    mlp = getattr(package, task.estimator)(random_state=seed)
    model = task.around(make_pipeline(StandardScaler(), mlp))
    start = time.process_time()
    model.fit(x, y)
    seconds = time.process_time() - start
    fitted = getattr(model, "regressor_", model)[-1]
    return Run(model.score(x_test, y_test), seconds, fitted.n_iter_)


def compare(name: str, seeds: int, rounds: int) -> tuple[str, ...]:
    """One line of the table."""
    task = TASKS[name]
    sides = (estimators, neural_network)
    pairs = []
    ratios = []
    for seed in range(seeds):
        for turn in range(rounds):
            first = (seed + turn) % 2
            done = {side: run(task, side, seed) for side in (sides[first], sides[1 - first])}
            ours, theirs = (done[side] for side in sides)
            ratios.append(ours.seconds / theirs.seconds)
        pairs.append((ours, theirs))
    scores = np.array([[r.score for r in pair] for pair in pairs])
    epochs = np.mean([[r.epochs for r in pair] for pair in pairs], axis=0)
    difference = scores[:, 0] - scores[:, 1]
    half = stats.t.ppf(0.975, seeds - 1) * stats.sem(difference)
    p = stats.ttest_rel(*scores.T).pvalue if np.any(difference) else 1.0
    means = [f"{a.mean():.3f} +- {a.std(ddof=1):.3f}, {e:.0f} epochs" for a, e in zip(scores.T, epochs, strict=True)]
    low, middle, high = quartiles(ratios)
    kind = "accuracy" if task.estimator == "MLPClassifier" else "R^2"
    return (
        name,
        kind,
        *means,
        f"{difference.mean():+.3f} +- {half:.3f}",
        f"{p:.2f}",
        f"{middle:.2f} ({low:.2f}-{high:.2f})",
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=keys(TASKS), default=list(TASKS), help="comma-separated: " + "; ".join(TASKS))
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3, help="timings of each seed")
    options = parser.parse_args()
    with warnings.catch_warnings(), threadpool_limits(1):
        warnings.simplefilter("ignore", ConvergenceWarning)
        rows = [compare(name, options.seeds, options.rounds) for name in options.data]
    print_table(
        f"Mean and standard deviation over {options.seeds} seeds; median and quartiles of the ratios", HEAD, rows
    )


if __name__ == "__main__":
    main()
