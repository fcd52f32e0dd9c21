"""A training that is killed, and started again, ends at the very same bits; validation decides when it stops.

scikit-learn's digits, 300 to learn from and 300 to validate on, a tenth of the labels wrong. The process that trains
is killed by SIGKILL, which no program can catch, at a moment that nobody chose; then the same lines are run again.

Slides: Challenges and Key Techniques for Deep Learning
Lives in: nn.fit, nn.DataLoader, nn.EarlyStopping, nn.History, nn.save, nn.load
"""

import multiprocessing
import tempfile
import time
from pathlib import Path

import numpy as np
from gallery import claim, fast, save

import nn

EPOCHS, PATIENCE = 60, 8


def train(directory, data, validation, tell=lambda epoch: None):
    """64-64-64-10 with dropout and noise on the pixels. All that it needs to go on is in the checkpoint."""
    model = nn.Sequential(
        nn.Linear(64, 64, "he", rng=0), nn.ReLU(), nn.Dropout(0.2),
        nn.Linear(64, 64, "he", rng=1), nn.ReLU(), nn.Dropout(0.2), nn.Linear(64, 10, rng=2),
    )  # fmt: skip
    history = nn.fit(
        model,
        nn.cross_entropy,
        nn.DataLoader(*data, batch_size=20, shuffle=True, transform=nn.data.gaussian_noise(0.3)),
        optimizer=nn.AdamW(model.parameters(), 2e-3),
        epochs=EPOCHS,
        validation=validation,
        metrics=[nn.accuracy],
        callbacks=[nn.EarlyStopping(PATIENCE), lambda run: tell(run.epoch)],
        checkpoint=Path(directory, "digits.safetensors"),
        checkpoint_every=4,
        resume=True,
        progress=False,
        rng=3,
    )
    return model, history


def train_and_be_killed(after, directory, *data):
    """Start the training in a process of its own, and kill it at some moment after this epoch."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=train, args=(directory, *data, there.send))
    process.start()
    while here.recv() < after:
        pass
    time.sleep(np.random.default_rng().uniform(0, 0.02))
    process.kill()
    process.join()


def picture(history, kills):
    """The history, with the moments of the kills and the epoch whose weights were kept."""
    figure = history.plot()
    best, top = int(history["val_loss"].argmin()), figure.axes[0]
    for axis, name in zip(figure.axes, ("loss", "accuracy"), strict=True):
        for moment in kills:
            axis.axvline(moment + 0.5, color="black", linestyle=":", linewidth=1)
        axis.plot(best + 1, history[f"val_{name}"][best], "*", color="#D55E00", markersize=15, zorder=3)
    for moment in kills:
        top.annotate("killed", (moment + 0.7, 0.93), xycoords=("data", "axes fraction"), va="top", fontsize=9)
    where = (best + 1, history["val_loss"][best])
    top.annotate("best: its weights are kept", where, (0, 20), textcoords="offset points", ha="center", fontsize=9)
    figure.suptitle("Killed and started again, a training ends at the same bits", fontsize=12)
    return figure


if __name__ == "__main__":  # the processes that are killed import this file too
    from sklearn.datasets import load_digits

    kills = (3,) if fast() else (3, 8, 15)
    x, y = load_digits(return_X_y=True)
    x, rng = ((x - x.mean()) / x.std()).astype(np.float32), np.random.default_rng(0)
    order = rng.permutation(len(x))
    y = np.where(rng.random(len(y)) < 0.1, rng.integers(0, 10, len(y)), y)
    data, validation = ((x[part], y[part]) for part in (order[:300], order[300:600]))
    with tempfile.TemporaryDirectory() as alone, tempfile.TemporaryDirectory() as killed:
        model, history = train(alone, data, validation)
        for moment in kills:
            train_and_be_killed(moment, killed, data, validation)
        resumed, same = train(killed, data, validation)
    bits, again = ([array.tobytes() for array in each.state_dict().values()] for each in (model, resumed))
    print(same)
    save(picture(same, kills), __file__)
    best = int(history["val_loss"].argmin())
    claim(
        bits == again and str(history) == str(same) and history.epochs == best + 1 + PATIENCE,
        f"After {len(kills)} kill{'s' * (len(kills) > 1)} the training ended at the same bits as one left alone; "
        f"validation stopped it after {history.epochs} of {EPOCHS} epochs and kept epoch {best + 1}'s weights, with "
        f"{history['val_accuracy'][best]:.1%} right.",
    )
