"""Beyond SGD, on one net: in the same passes inertia and Adam get further, and so does L-BFGS, which has no rate.

Slides: Challenges and Key Techniques for Deep Learning
Lives in: nn.SGD, nn.AdaGrad, nn.RMSprop, nn.Adam, nn.AdamW, nn.schedules.cosine, nn.minimize
"""

import math
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from gallery import claim, fast, save
from sklearn.datasets import load_digits

import nn

PASSES, BATCH, IMAGES = 40, 64, 320 if fast() else 1797
RATES = 10.0 ** (np.arange(-2, 0) if fast() else np.arange(-3, 1, 0.5))
CHOOSING, REPORTED = (100, 101), range(1 if fast() else 5)  # seeds

images, labels = (array[:IMAGES] for array in load_digits(return_X_y=True))
images = (images / 16).astype(np.float32)

FIRST_ORDER: dict[str, Any] = {
    "SGD": nn.SGD,
    "momentum": lambda parameters, rate: nn.SGD(parameters, rate, momentum=0.9),
    "Nesterov": lambda parameters, rate: nn.SGD(parameters, rate, momentum=0.9, nesterov=True),
    **{optimizer.__name__: optimizer for optimizer in (nn.AdaGrad, nn.RMSprop, nn.Adam, nn.AdamW)},
}
SECOND_ORDER = {"L-BFGS": "L-BFGS-B", "Newton-CG": "Newton-CG"}
PANELS = {"Inertia": ("momentum", "Nesterov"), "A rate for each weight": ("AdaGrad", "RMSprop", "Adam", "AdamW")}
PANELS["Curvature, all data at once"] = "L-BFGS", "Newton-CG"
COLOURS = "#0072B2", "#E69F00", "#009E73", "#CC79A7"


network = lambda seed: nn.MLP([64, 32, 32, 32, 10], "tanh", rng=seed)


def descend(name: str, rate: float, seed: int) -> np.ndarray[Any, Any]:
    """The loss on all data at the start and after each pass through them in mini-batches."""
    model, rng = network(seed), np.random.default_rng(seed)
    schedule = nn.schedules.cosine(rate, steps=PASSES * math.ceil(IMAGES / BATCH))
    optimizer = FIRST_ORDER[name](model.parameters(), schedule)
    losses = [nn.cross_entropy(model(images), labels).item()]
    for _ in range(PASSES):
        for x, y in nn.minibatches(images, labels, size=BATCH, rng=rng):
            optimizer.zero_grad()
            nn.cross_entropy(model(x), y).backward()
            optimizer.step()
        losses.append(nn.cross_entropy(model(images), labels).item())
    return np.array(losses)


def bend(name: str, seed: int) -> np.ndarray[Any, Any]:
    """The same for SciPy's methods; a gradient is a pass, and so is a Hessian-vector product."""
    model = network(seed)
    seen = [(0, nn.cross_entropy(model(images), labels).item())]

    def callback(iteration: Any) -> None:
        seen.append((iteration.gradients + iteration.products, iteration.loss))
        if seen[-1][0] >= PASSES:
            raise StopIteration

    nn.minimize(model, nn.cross_entropy, images, labels, SECOND_ORDER[name], tol=1e-12, callback=callback)
    passes, losses = np.transpose(seen)
    return losses[np.searchsorted(passes, np.arange(PASSES + 1), side="right") - 1]  # the last that was reached by then


def worst(name: str, rate: float) -> float:
    """The larger final loss of two seeds: a rate that fails by chance is no good one."""
    with np.errstate(over="ignore", invalid="ignore"):
        return max(np.nan_to_num(descend(name, rate, seed)[-1], nan=np.inf) for seed in CHOOSING)


rates = {name: min(RATES, key=lambda rate: worst(name, rate)) for name in FIRST_ORDER}
curves = {name: np.array([descend(name, rate, seed) for seed in REPORTED]) for name, rate in rates.items()}
curves |= {name: np.array([bend(name, seed) for seed in REPORTED]) for name in SECOND_ORDER}
final = {name: np.median(curve[:, -1]) for name, curve in curves.items()}
print(f"Loss after {PASSES} passes\n{'':10s}{'rate':>8s}{'median':>10s}{'least':>10s}{'largest of the seeds':>22s}")
for name, curve in curves.items():
    last = curve[:, -1]
    print(f"{name:10s}{rates.get(name, np.nan):8.2g}{final[name]:10.1e}{last.min():10.1e}{last.max():22.1e}")

figure, axes = plt.subplots(1, 3, figsize=(10, 4.2), sharey=True, layout="constrained")
for axis, (title, names) in zip(axes, PANELS.items(), strict=True):
    for name, colour in zip(("SGD", *names), ("#777777", *COLOURS), strict=False):
        label = f"{name}, rate {rates[name]:.2g}" if name in rates else f"{name}, no rate"
        axis.semilogy(np.median(curves[name], axis=0), color=colour, label=label, linewidth=2)
        axis.fill_between(range(PASSES + 1), *np.quantile(curves[name], (0, 1), axis=0), color=colour, alpha=0.15, lw=0)
    axis.set(title=title, xlabel="passes through the data", xlim=(0, PASSES), ylim=(1e-5, 10))
    axis.legend(loc="lower left", frameon=False)
axes[0].set_ylabel("cross-entropy on the training data")
figure.suptitle("Plain SGD at its best rate is beaten by inertia, by Adam, and by L-BFGS without a rate")
save(figure, __file__)
ahead = [final["SGD"] / final[name] for name in ("Nesterov", "Adam", "L-BFGS")]
text = f"""After {PASSES} passes, each at the best of {len(RATES)} rates, the loss of plain SGD is {final["SGD"]:.1e};
with Nesterov's momentum it is {ahead[0]:.1f} times smaller, by Adam {ahead[1]:.1f} times, and by L-BFGS, which has no
rate, {ahead[2]:.1f} times."""
claim(min(ahead) > 1.5, text.replace("\n", " "))
