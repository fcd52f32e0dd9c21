"""
Beyond plain gradient descent
=============================

In as many passes over the data inertia and Adam get further than SGD, and so does L-BFGS, which needs no rate.

:Slides: Challenges and Key Techniques for Deep Learning
:Uses: `nn.SGD`, `nn.AdaGrad`, `nn.RMSprop`, `nn.Adam`, `nn.AdamW`, `nn.schedules.cosine`, `nn.minimize`
:Measured: After 40 passes, each at the best of 8 rates, the loss of plain SGD is 6.0e-03; with Nesterov's momentum it
    is 4.7 times smaller, by Adam 6.0 times, and by L-BFGS, which has no rate, 3.1 times.
"""

import sys

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

import nn

FAST = "--fast" in sys.argv  # seconds, with rougher numbers
PASSES, BATCH, IMAGES = (25, 64, 640) if FAST else (40, 64, 1797)
RATES = 10.0 ** np.arange(-2 if FAST else -3, 1, 1 if FAST else 0.5)
CHOOSING, REPORTED = ((100,), range(1)) if FAST else ((100, 101), range(5))  # seeds

images, labels = (array[:IMAGES] for array in load_digits(return_X_y=True))
images = (images / 16).astype(np.float32)

# %%
# The loss on all data after each pass in mini-batches. Each method gets its best rate, by seeds that are not reported.

FIRST_ORDER = {"SGD": {}, "momentum": {"momentum": 0.9}, "Nesterov": {"momentum": 0.9, "nesterov": True}}
FIRST_ORDER |= {name: {} for name in ("AdaGrad", "RMSprop", "Adam", "AdamW")}
SECOND_ORDER = {"L-BFGS": "L-BFGS-B", "Newton-CG": "Newton-CG"}
network = lambda seed: nn.MLP([64, 32, 32, 32, 10], "tanh", rng=seed)


def descend(name, rate, seed):
    model, rng = network(seed), np.random.default_rng(seed)
    schedule = nn.schedules.cosine(rate, steps=PASSES * -(-IMAGES // BATCH))
    optimizer = getattr(nn, name, nn.SGD)(model.parameters(), schedule, **FIRST_ORDER[name])
    losses = [nn.cross_entropy(model(images), labels).item()]
    for _ in range(PASSES):
        for x, y in nn.minibatches(images, labels, size=BATCH, rng=rng):
            optimizer.zero_grad()
            nn.cross_entropy(model(x), y).backward()
            optimizer.step()
        losses.append(nn.cross_entropy(model(images), labels).item())
    return np.array(losses)


# %%
# SciPy's methods use the curvature, of all data at once: a gradient is a pass, and so is a Hessian-vector product.


def bend(name, seed):
    model = network(seed)
    seen = [(0, nn.cross_entropy(model(images), labels).item())]

    def callback(iteration):
        seen.append((iteration.gradients + iteration.products, iteration.loss))
        if seen[-1][0] >= PASSES:
            raise StopIteration

    nn.minimize(model, nn.cross_entropy, images, labels, SECOND_ORDER[name], tol=1e-12, callback=callback)
    passes, losses = np.transpose(seen)
    return losses[np.searchsorted(passes, np.arange(PASSES + 1), side="right") - 1]  # the last that was reached by then


worst = lambda name, rate: max(np.nan_to_num(descend(name, rate, seed)[-1], nan=np.inf) for seed in CHOOSING)
with np.errstate(over="ignore", invalid="ignore"):  # a rate that is too large overflows, and is not chosen
    rates = {name: min(RATES, key=lambda rate: worst(name, rate)) for name in FIRST_ORDER}
curves = {name: np.array([descend(name, rate, seed) for seed in REPORTED]) for name, rate in rates.items()}
curves |= {name: np.array([bend(name, seed) for seed in REPORTED]) for name in SECOND_ORDER}
final = {name: np.median(curve[:, -1]) for name, curve in curves.items()}

# %%
# The losses of each method, the median of the seeds and the range, beside those of plain SGD in grey.

figure, axes = plt.subplots(2, 4, figsize=(9.5, 5.2), sharex=True, sharey=True, layout="constrained")
for axis, name in zip(axes.flat, list(curves)[1:], strict=True):
    for some, colour in (("SGD", "#888888"), (name, "#0072B2")):
        axis.semilogy(np.median(curves[some], axis=0), color=colour, linewidth=2)
        axis.fill_between(range(PASSES + 1), *np.quantile(curves[some], (0, 1), axis=0), color=colour, alpha=0.2, lw=0)
    axis.set(title=f"{name}\n{final[name] / final['SGD']:.2g} × SGD's loss", xlim=(0, PASSES), ylim=(5e-4, 10))
    print(f"{name:10} at the rate {rates.get(name, np.nan):.2g}: {final[name]:.1e} in the end, SGD {final['SGD']:.1e}")
axes[0, 0].text(PASSES - 1, 0.2, "SGD", color="#555555", ha="right")
figure.supxlabel("passes through the data")
figure.supylabel("loss in training")
plt.show()

# %%
ahead = [final["SGD"] / final[name] for name in ("Nesterov", "Adam", "L-BFGS")]
print(
    f"After {PASSES} passes, each at the best of {len(RATES)} rates, the loss of plain SGD is {final['SGD']:.1e}; with "
    f"Nesterov's momentum it is {ahead[0]:.1f} times smaller, by Adam {ahead[1]:.1f} times, and by L-BFGS, which has "
    f"no rate, {ahead[2]:.1f} times."
)
assert min(ahead) > 1.5, "the numbers do not say so"
