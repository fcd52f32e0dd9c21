"""
PReLU learns its slope
======================

How large the slope below 0 becomes in each layer, shared or for each unit, and what changes when it is above 1.

:Slides: Parametric Rectified Linear Unit
:Uses: `nn.PReLU`, `nn.MLP`, `nn.fit`
:Measured: Shared alphas grow from 0.25 to 0.31 - 0.38 (5 runs), those of units spread by 0.10. max(s, alpha s) is He's
    form up to 1, at 1.5 off by 1.5 at s = ±3, and nets that start there reach 96.1 % and 96.2 %.
"""

import sys

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import nn

FAST = "--fast" in sys.argv  # seconds, with rougher numbers
EPOCHS, SEEDS, LAYERS = (15, range(2), 4) if FAST else (40, range(5), 4)
BLUE, ORANGE = "#0072B2", "#D55E00"

images, labels = load_digits(return_X_y=True)
images = ((images - images.mean()) / images.std()).astype(np.float32)

# %%
# The lecture's max(s, alpha s) is max(s, 0) + alpha min(s, 0) of He et al. for alpha up to 1. Above, it takes the other
# branch, alpha s for s > 0 and s for s < 0: alpha stretches the positive side, and only positive scores move it.


class HePReLU(nn.PReLU):
    def forward(self, s):
        return np.maximum(s, 0) + self.alpha * np.minimum(s, 0)


# %%
# Networks learn the slopes, shared by a layer's units or one for each, from 0.25 and from 1.5.


def trained(activation, seed):
    x, test_x, y, test_y = train_test_split(images, labels, random_state=seed, stratify=labels)
    model = nn.MLP([64, *[32] * LAYERS, 10], activation, nn.init.he(slope=0.25), rng=seed)
    adam = nn.Adam(model.parameters(), learning_rate=3e-3)
    nn.fit(model, nn.cross_entropy, (x, y), optimizer=adam, epochs=EPOCHS, batch_size=64, progress=False, rng=seed)
    return [layer.alpha.data for layer in model.layers[1::2]], 100 * nn.accuracy(model(test_x).data, test_y)


STARTS = {"shared": nn.PReLU(), "per unit": nn.PReLU(units=32)}
STARTS |= {f"{name}, from 1.5": make(units=32, alpha=1.5) for name, make in (("per unit", nn.PReLU), ("He", HePReLU))}
learned, right_in = {}, {}
for name, activation in STARTS.items():
    runs = (trained(activation, seed) for seed in SEEDS)  # alphas of shape (runs, layers, units), and accuracies
    learned[name], right = map(np.array, zip(*runs, strict=True))
    layers = ", ".join(f"{layer.mean():.2f} +- {layer.std():.2f}" for layer in np.moveaxis(learned[name], 1, 0))
    right_in[name] = right.mean()
    print(f"{name:18} alphas by layer {layers}; accuracy {right.mean():.1f} +- {right.std():.1f} %")

# %%
# Where the two forms differ, and what moves alpha at a negative score.

s = np.linspace(-3, 3, 601)
gaps, slopes = {}, {}
for alpha in (0.25, 1.0, 1.5):
    forms = [make(alpha=alpha, dtype=float) for make in (nn.PReLU, HePReLU)]
    gaps[alpha] = np.max(np.abs(forms[0](s).data - forms[1](s).data))
    for form in forms:
        form(-np.ones(1)).sum().backward()
    slopes[alpha] = [form.alpha.grad.item() for form in forms]
    print(f"alpha {alpha}: the forms differ by up to {gaps[alpha]}; d/d alpha at s = -1 is {slopes[alpha]}")

_, (left, right) = plt.subplots(1, 2, figsize=(9, 4.4), width_ratios=[3, 2], layout="constrained")
shared, each = learned["shared"], learned["per unit"]
places = np.arange(1, LAYERS + 1)[:, None]
jitter = places + np.random.default_rng(0).uniform(-0.25, 0.25, each.shape)
left.plot(jitter.ravel(), each.ravel(), ".", color=BLUE, alpha=0.35, label="one for each unit")
left.plot(np.broadcast_to(places, shared.shape).ravel(), shared.ravel(), "D", color=ORANGE, label="one that all share")
left.axhline(0.25, color="black", lw=1, ls="--", label="at the start")
left.set(xlabel="hidden layer", xticks=range(1, LAYERS + 1), title="alpha after training", ylim=(-0.2, 1))
left.legend(frameon=False, loc="upper left")
right.plot(s, nn.PReLU(alpha=1.5, dtype=float)(s).data, color=BLUE, lw=2.5)
right.plot(s, HePReLU(alpha=1.5, dtype=float)(s).data, "--", color=ORANGE, lw=2.5)
right.text(-0.2, 3.0, "max(s, 1.5 s)", color=BLUE, ha="right")
right.text(0.2, -3.2, "He et al.:\nmax(s, 0)\n+ 1.5 min(s, 0)", color=ORANGE)
right.set(xlabel="score s", title="alpha = 1.5 in two forms")
right.grid(alpha=0.4)
plt.show()

# %%
means, off = shared.mean(axis=(0, 2)), gaps[1.5]
print(
    f"Shared alphas grow from 0.25 to {means.min():.2f} - {means.max():.2f} ({len(SEEDS)} runs), those of units spread "
    f"by {each.std(axis=2).mean():.2f}. max(s, alpha s) is He's form up to 1, at 1.5 off by {off} at s = ±3, "
    f"and nets that start there reach {right_in['per unit, from 1.5']:.1f} % and {right_in['He, from 1.5']:.1f} %."
)
forms_part = gaps[0.25] == gaps[1.0] == 0 < gaps[1.5] and slopes[1.5][0] == 0
assert means.min() > 0.25 and forms_part, "the numbers do not say so"
