"""Mini-batches and GPUs belong together: the larger the batch, the less time an example takes, until a device is full.

Slides: Challenges and Key Techniques for Deep Learning
Lives in: nn.Module.to_device, autograd_mini.devices, nn.MLP, nn.Adam
"""

import time

import matplotlib.pyplot as plt
import numpy as np
from gallery import claim, fast, save
from sklearn.datasets import load_digits
from tqdm import tqdm

import nn
from autograd_mini import devices

FAST = fast()
SIZES = [1, 16, 256] if FAST else [4**i for i in range(7)]
UNITS, EPOCHS = (64, 2) if FAST else (512, 5)
SECONDS = 0.1 if FAST else 1.0  # of steps of each size
COLOURS = ["#0072B2", "#009E73", "#D55E00", "#CC79A7", "#E69F00"]
GPUS = "cuda", "cupy", "mps"


def network(device: str) -> nn.MLP:
    return nn.MLP([64, UNITS, UNITS, 10], "relu", rng=0).to_device(device)


def time_per_example(device: str, size: int) -> float:
    """Microseconds of the quickest of some steps, with the way of the batch to the device and of the loss back."""
    model, rng, times = network(device), np.random.default_rng(0), []
    adam = nn.Adam(model.parameters(), 1e-3)
    while len(times) < 2 or sum(times) < SECONDS:
        chosen = rng.integers(0, len(images), size)
        begin = time.perf_counter()
        adam.zero_grad()
        loss = nn.cross_entropy(
            model(devices.to_device(images[chosen], device)), devices.to_device(labels[chosen], device)
        )
        loss.backward()
        adam.step()
        loss.item()
        times.append(time.perf_counter() - begin)
    return 1e6 * min(times) / size


def losses(device: str) -> np.ndarray:
    """The loss of each epoch of one training: the device of the model is all that differs."""
    model = network(device)
    adam = nn.Adam(model.parameters(), 1e-3)
    return nn.fit(model, nn.cross_entropy, (images, labels), optimizer=adam, epochs=EPOCHS, batch_size=256)["loss"]


images, labels = load_digits(return_X_y=True)
images = (images / 8 - 1).astype(np.float32)
here = devices.available()
times = {name: [time_per_example(name, size) for size in SIZES] for name in tqdm(here, unit="device")}
curves = {name: losses(name) for name in here}

gpus = [name for name in here if name.startswith(GPUS)]

plt.rcParams.update({"axes.spines.top": False, "axes.spines.right": False, "axes.grid": True, "grid.color": "#dddddd"})
figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
for (name, values), colour, width in zip(times.items(), COLOURS, (5, 1.5, 1, 1, 1), strict=False):
    left.loglog(SIZES, values, "o-", base=2, color=colour, label=name, markersize=5)
    right.plot(range(1, EPOCHS + 1), curves[name], "o-", color=colour, label=name, lw=width, markersize=5)
left.set(xlabel="examples in a mini-batch", xticks=SIZES, xticklabels=SIZES, ylabel="microseconds")
left.set_yscale("log", base=10)
left.set_title(f"Time of a step for each example, 64-{UNITS}-{UNITS}-10" + "\n(no GPU on this machine)" * (not gpus))
left.legend()
right.set(xlabel="epoch", xticks=range(1, EPOCHS + 1), ylabel="loss", title="The same training, whatever the device")
right.legend()
save(figure, __file__)

gain = {name: values[0] / min(values) for name, values in times.items()}
apart = max(float(np.abs(curve / curves["cpu"] - 1).max()) for curve in curves.values())
found = f"The quickest device for large batches is {min(here, key=lambda name: min(times[name]))}."
claim(
    (FAST or min(gain.values()) > 3) and apart < 1e-2,  # a short run on a busy machine says little of time
    f"In large mini-batches an example takes {' and '.join(f'{gain[name]:.0f} times less on {name}' for name in here)} "
    f"than alone. {found if gpus else 'No GPU is on this machine.'} The same training has the same losses"
    f"{f' to {apart:.0e}' if apart else ''} on {len(here)} device{'s' * (len(here) > 1)}.",
)
