"""
Training that resumes
=====================

A training that is killed, and started again, ends at the very same bits; validation decides when it stops.

:Slides: Challenges and Key Techniques for Deep Learning
:Uses: `nn.fit`, `nn.DataLoader`, `nn.EarlyStopping`, `nn.History`, `nn.save`, `nn.load`
:Measured: After 3 kills the training ended at the same bits as one left alone; validation stopped it after 19 of 60
    epochs and kept epoch 11's weights, with 80.0% right.
"""

import os
import subprocess
import sys
import tempfile
import time

import matplotlib.pyplot as plt
import numpy as np

FAST = "--fast" in sys.argv  # seconds: killed once
EPOCHS, PATIENCE, KILLS = 60, 8, (3,) if FAST else (3, 8, 15)

# %%
# The training is a program of its own, so that it can be killed. It learns from 300 of scikit-learn's digits and is
# validated on 300, a tenth of the labels wrong, with dropout and noise on the pixels. Every four mini-batches `nn.fit`
# writes all that it needs to go on into the checkpoint; with `resume=True` it goes on from there, if there is one.

PROGRAM = """
import sys
import numpy as np
from sklearn.datasets import load_digits
import nn

folder, epochs, patience = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
x, y = load_digits(return_X_y=True)
x, rng = ((x - x.mean()) / x.std()).astype(np.float32), np.random.default_rng(0)
order = rng.permutation(len(x))
y = np.where(rng.random(len(y)) < 0.1, rng.integers(0, 10, len(y)), y)
data, validation = ((x[part], y[part]) for part in (order[:300], order[300:600]))
model = nn.Sequential(
    nn.Linear(64, 64, "he", rng=0), nn.ReLU(), nn.Dropout(0.2),
    nn.Linear(64, 64, "he", rng=1), nn.ReLU(), nn.Dropout(0.2), nn.Linear(64, 10, rng=2),
)
loader = nn.DataLoader(*data, batch_size=20, shuffle=True, transform=nn.data.gaussian_noise(0.3))
history = nn.fit(
    model, nn.cross_entropy, loader, optimizer=nn.AdamW(model.parameters(), 2e-3), epochs=epochs, rng=3,
    validation=validation, metrics=[nn.accuracy], progress=False,
    callbacks=[nn.EarlyStopping(patience), lambda run: print(run.epoch, flush=True)],
    checkpoint=f"{folder}/digits.safetensors", checkpoint_every=4, resume=True,
)
np.savez(f"{folder}/end.npz", **model.state_dict(), **history)
"""

# %%
# One training is left alone. The other is killed some moment after these epochs, by a signal that no program can catch,
# and the same lines are run again.


def train(folder, kill_after=None):
    command = [sys.executable, "-c", PROGRAM, folder, str(EPOCHS), str(PATIENCE)]
    there = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(command, env=there, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        for epoch in process.stdout:
            if int(epoch) == kill_after:
                time.sleep(np.random.default_rng().uniform(0, 0.02))
                process.kill()


with tempfile.TemporaryDirectory() as alone, tempfile.TemporaryDirectory() as killed:
    train(alone)
    for epoch in KILLS:
        train(killed, epoch)
    train(killed)
    left_alone, resumed = (dict(np.load(f"{folder}/end.npz")) for folder in (alone, killed))

# %%
# Wide and pale is the training that was left alone, thin and dark the one that was killed: they are the same.

_, axis = plt.subplots(figsize=(8, 4), layout="constrained")
epochs, best = range(1, len(resumed["loss"]) + 1), int(resumed["val_loss"].argmin())
for name, label, colour in (("loss", "training", "#0072B2"), ("val_loss", "validation", "#D55E00")):
    axis.plot(epochs, left_alone[name], color=colour, linewidth=8, alpha=0.3, label=f"{label}, left alone")
    axis.plot(epochs, resumed[name], ".-", color=colour, label=f"{label}, killed and resumed")
axis.vlines(np.add(KILLS, 0.5), 0, 2.5, color="black", linestyle=":", label="killed")
axis.plot(best + 1, resumed["val_loss"][best], "*", color="black", markersize=14, label="best: its weights are kept")
axis.set(xlabel="epoch", xticks=epochs, ylabel="loss", ylim=(0, None))
axis.legend()
plt.show()

# %%
print(
    f"After {len(KILLS)} kill{'s' * (len(KILLS) > 1)} the training ended at the same bits as one left alone; "
    f"validation stopped it after {len(epochs)} of {EPOCHS} epochs and kept epoch {best + 1}'s weights, with "
    f"{resumed['val_accuracy'][best]:.1%} right."
)
assert all(resumed[name].tobytes() == left_alone[name].tobytes() for name in left_alone), "the bits differ"
assert len(epochs) == best + 1 + PATIENCE, "it stopped at another epoch"
