"""A training that is killed again and again while it saves, and resumed: does it end at the same bits?

`python -m benchmarks.kills`: 200 kills by SIGKILL, at random moments. Each run is a fresh process that goes on from the
checkpoint the one before left; when a training is complete, its file is compared byte by byte with that of a training
that nobody disturbed, and the next training begins. The checkpoint is written after every step.
"""

from __future__ import annotations

import argparse
import itertools
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np

import nn
from benchmarks.common import ROOT, print_table, quartiles

EXAMPLES, BATCH = 256, 16
LONGEST = 0.15  # seconds a run is left before it is killed
DIFFERENT = "Training {number}, killed {kills} times, ended at other bits than one that was left alone."


def train(directory: Path, epochs: int) -> None:
    """The training: dropout, noise, batch statistics, Adam with a schedule, callbacks; all that has a state."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((EXAMPLES, 32), np.float32)
    y = (x[:, :10] ** 2).argmax(axis=1)
    model = nn.Sequential(
        nn.Linear(32, 128, rng=1), nn.BatchNorm(128), nn.ReLU(), nn.Dropout(0.2), nn.Linear(128, 128, rng=2),
        nn.PReLU(), nn.Dropout(0.2), nn.Linear(128, 10, rng=3),
    )  # fmt: skip
    noise = nn.data.gaussian_noise(0.1)
    history = nn.fit(
        model,
        nn.cross_entropy,
        nn.DataLoader(x[64:], y[64:], batch_size=BATCH, shuffle=True, transform=noise, prefetch=2),
        optimizer=nn.AdamW(model.parameters(), lambda step: 1e-2 / (1 + 0.01 * step)),
        epochs=epochs,
        validation=(x[:64], y[:64]),
        metrics=[nn.accuracy],
        callbacks=[nn.EarlyStopping(patience=epochs), Tell()],
        accumulate=2,
        checkpoint=directory / "run.safetensors",
        checkpoint_every=1,
        resume=True,
        progress=False,
    )
    nn.save(directory / "final.safetensors", model, history=history)
    print("complete", flush=True)


class Tell:
    """Says from which step the run goes on."""

    def on_start(self, run: nn.Training) -> None:
        print(run.step, flush=True)


class Outcome(NamedTuple):
    """A training that was killed until it was complete, or no more kills were wanted."""

    begun: list[int]  # the step that each run began with
    kills: int
    writing: int  # kills that left a file half written or not yet renamed
    same: bool


def start(directory: Path, epochs: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "benchmarks.kills", "--train", str(directory), "--epochs", str(epochs)]
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env=environment)


def undisturbed(directory: Path, epochs: int) -> bytes:
    """The final file of a training that nobody kills."""
    process = start(directory, epochs)
    process.communicate()
    if process.returncode:
        raise RuntimeError(f"The training failed with status {process.returncode}.")
    return (directory / "final.safetensors").read_bytes()


def killed(
    directory: Path, epochs: int, most: int, expected: bytes, rng: random.Random, *, longest: float = LONGEST
) -> Outcome:
    """Start the training, kill it, start it again, until it is complete; at most so many kills.

    Each run is left for up to `longest` seconds.
    """
    begun: list[int] = []
    kills = writing = 0
    while True:
        process = start(directory, epochs)
        assert process.stdout is not None
        begun.append(int(process.stdout.readline()))
        if kills < most:
            time.sleep(rng.uniform(0, longest))
            process.kill()
        rest = process.communicate()[0]
        if process.returncode == 0:
            assert "complete" in rest
            final = (directory / "final.safetensors").read_bytes()
            return Outcome(begun, kills, writing, final == expected)
        if process.returncode != -9:
            raise RuntimeError(f"A resumed training failed with status {process.returncode}.")
        kills += 1
        writing += any(directory.glob(".*.tmp"))


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--epochs", type=int, default=60, help="of 6 steps each")
    parser.add_argument("--seed", type=int, default=0, help="of the moments of the kills")
    parser.add_argument("--train", type=Path, help="be the training, with its files in this directory")
    options = parser.parse_args(arguments)
    if options.train:
        train(options.train, options.epochs)
        return
    rng = random.Random(options.seed)
    outcomes: list[Outcome] = []
    begin = time.monotonic()
    with tempfile.TemporaryDirectory() as place:
        alone = Path(place, "alone")
        alone.mkdir()
        expected = undisturbed(alone, options.epochs)
        size = (alone / "run.safetensors").stat().st_size
        while (left := options.kills - sum(outcome.kills for outcome in outcomes)) > 0:
            directory = Path(place, str(len(outcomes)))
            directory.mkdir()
            outcomes.append(killed(directory, options.epochs, left, expected, rng))
            last = outcomes[-1]
            print(f"training {len(outcomes)}: {last.kills} kills, same bits: {last.same}", flush=True)
    rows = [
        [str(i + 1), str(outcome.kills), str(outcome.writing), "yes" if outcome.same else "NO"]
        for i, outcome in enumerate(outcomes)
    ]
    total = [sum(values) for values in zip(*(outcome[1:] for outcome in outcomes), strict=True)]
    rows.append(["all", str(total[0]), str(total[1]), f"{total[2]} of {len(outcomes)}"])
    steps = [b - a for outcome in outcomes for a, b in itertools.pairwise(outcome.begun)]
    low, middle, high = quartiles(steps or [0])
    print_table(
        f"{options.epochs * 6} steps a training, each saved ({size / 2**10:.0f} KiB); steps of a run before its kill: "
        f"{low:.0f}, {middle:.0f}, {high:.0f} (quartiles); {time.monotonic() - begin:.0f} s in all",
        ["training", "kills", "of these while a file was written", "same bits"],
        rows,
    )
    for i, outcome in enumerate(outcomes):
        if not outcome.same:
            raise SystemExit(DIFFERENT.format(number=i + 1, kills=outcome.kills))


if __name__ == "__main__":
    main()
