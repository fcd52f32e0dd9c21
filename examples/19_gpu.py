"""
Mini-batches and GPUs
=====================

Mini-batches and GPUs belong together: the larger the batch, the less time an example takes, until a device is full.

:Slides: Challenges and Key Techniques for Deep Learning
:Uses: `nn.Module.to_device`, `autograd_mini.devices`, `nn.MLP`, `nn.Adam`
:Measured: In large mini-batches an example takes 120 times less on cpu and 205 times less on torch:cpu than alone. No
    GPU is on this machine. The same training has the same losses to 2e-07 on 2 devices.
"""

import sys
import time

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from tqdm import tqdm

import nn
from autograd_mini import devices

FAST = "--fast" in sys.argv  # seconds, with rougher numbers
SIZES = [4**i for i in range(5 if FAST else 7)]
UNITS, EPOCHS = 64 if FAST else 512, 5
SECONDS = 0.1 if FAST else 1.0  # of steps of each size
COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00"]

# %%
# On each device that this machine has: how long does a step take for each of its examples, if a mini-batch has one of
# them, or more and more? The way of the mini-batch to the device and of the loss back is part of it.


def network(device):
    return nn.MLP([64, UNITS, UNITS, 10], "relu", rng=0).to_device(device)


def time_per_example(device, size):
    model, rng, times = network(device), np.random.default_rng(0), []
    adam = nn.Adam(model.parameters(), 1e-3)
    while len(times) < 2 or sum(times) < SECONDS:
        chosen = rng.integers(0, len(images), size)
        begin = time.perf_counter()
        adam.zero_grad()
        x, y = (devices.to_device(array[chosen], device) for array in (images, labels))
        loss = nn.cross_entropy(model(x), y)
        loss.backward()
        adam.step()
        loss.item()
        times.append(time.perf_counter() - begin)
    return 1e6 * min(times) / size  # of the quickest step, in microseconds


images, labels = load_digits(return_X_y=True)
images = (images / 8 - 1).astype(np.float32)
here = devices.available()
times = {name: [time_per_example(name, size) for size in SIZES] for name in tqdm(here, unit="device", disable=None)}

# %%
# Then one training on each device. Nothing but the device of the model differs, so the lines lie on one another.


def losses(device):
    model = network(device)
    adam = nn.Adam(model.parameters(), 1e-3)
    return nn.fit(model, nn.cross_entropy, (images, labels), optimizer=adam, epochs=EPOCHS, batch_size=256)["loss"]


curves = {name: losses(name) for name in here}
gpus = [name for name in here if name.startswith(("cuda", "cupy", "mps"))]

_, (left, right) = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
for (name, values), colour, width in zip(times.items(), COLOURS, (9, 2, 1, 1, 1), strict=False):
    left.loglog(SIZES, values, "o-", base=2, color=colour, label=name, markersize=6)
    right.plot(range(1, EPOCHS + 1), curves[name], "o-", color=colour, label=name, linewidth=width)
left.set(xlabel="examples in a mini-batch", xticks=SIZES, xticklabels=SIZES, title="Microseconds of a step per example")
left.set_yscale("log", base=10)
left.legend(title=None if gpus else "no GPU on this machine")
right.set(xlabel="epoch", xticks=range(1, EPOCHS + 1), ylabel="loss", title="The same training, whatever the device")
right.legend()
plt.show()

# %%
gain = {name: values[0] / min(values) for name, values in times.items()}
apart = max(float(np.abs(curve / curves["cpu"] - 1).max()) for curve in curves.values())
found = f"The quickest device for large batches is {min(here, key=lambda name: min(times[name]))}."
print(
    f"In large mini-batches an example takes {' and '.join(f'{gain[name]:.0f} times less on {name}' for name in here)} "
    f"than alone. {found if gpus else 'No GPU is on this machine.'} The same training has the same losses"
    f"{f' to {apart:.0e}' if apart else ''} on {len(here)} device{'s' * (len(here) > 1)}."
)
assert FAST or min(gain.values()) > 3, "large mini-batches are no quicker"  # a short run on a busy machine says little
assert apart < 1e-2, "the losses differ"
