"""PReLU learns its slope: how large it becomes in each layer, shared or per unit, and what changes above 1.

The lecture's max(s, alpha s) is He et al.'s max(s, 0) + alpha min(s, 0) for alpha up to 1. Above, it takes the other
branch: alpha s for s > 0 and s for s < 0, so alpha stretches the positive side, and only positive scores move it.

Slides: Parametric Rectified Linear Unit
Lives in: nn.PReLU, nn.MLP, nn.fit
"""

import matplotlib.pyplot as plt
import numpy as np
from gallery import claim, fast, save
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import nn

EPOCHS, SEEDS, LAYERS = (5, range(2), 4) if fast() else (40, range(5), 4)
BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#999999"

images, labels = load_digits(return_X_y=True)
images = ((images - images.mean()) / images.std()).astype(np.float32)


class HePReLU(nn.PReLU):
    """max(s, 0) + alpha min(s, 0): alpha is the slope below 0 however large it is."""

    def forward(self, s):
        return np.maximum(s, 0) + self.alpha * np.minimum(s, 0)


def trained(activation, seed):
    """The alphas of each layer of 64-32-32-32-32-10 after training, and the accuracy on a quarter of the digits."""
    x, test_x, y, test_y = train_test_split(images, labels, random_state=seed, stratify=labels)
    model = nn.MLP([64, *[32] * LAYERS, 10], activation, nn.init.he(slope=0.25), rng=seed)
    adam = nn.Adam(model.parameters(), learning_rate=3e-3)
    nn.fit(model, nn.cross_entropy, (x, y), optimizer=adam, epochs=EPOCHS, batch_size=64, progress=False, rng=seed)
    alphas = np.array([layer.alpha.data for layer in model.layers[1::2]])
    return alphas, 100 * nn.accuracy(model(test_x).data, test_y)


def runs(activation):
    """`trained` for all seeds: alphas of shape (runs, layers, units), and accuracies."""
    alphas, accuracies = zip(*(trained(activation, seed) for seed in SEEDS), strict=True)
    return np.array(alphas), np.array(accuracies)


STARTS = {
    "shared": nn.PReLU(),
    "per unit": nn.PReLU(units=32),
    "per unit, from 1.5": nn.PReLU(units=32, alpha=1.5),
    "He, from 1.5": HePReLU(units=32, alpha=1.5),
}
learned, right_in = {}, {}
for name, activation in STARTS.items():
    learned[name], right = runs(activation)
    layers = ", ".join(f"{layer.mean():.2f} +- {layer.std():.2f}" for layer in np.moveaxis(learned[name], 1, 0))
    right_in[name] = right.mean()
    print(f"{name:18} alphas by layer {layers}; accuracy {right.mean():.1f} +- {right.std():.1f} %")

s = np.linspace(-3, 3, 601)
gaps, slopes = {}, {}
for alpha in (0.25, 1.0, 1.5):
    forms = [make(alpha=alpha, dtype=float) for make in (nn.PReLU, HePReLU)]
    gaps[alpha] = np.max(np.abs(forms[0](s).data - forms[1](s).data))
    for form in forms:
        form(-np.ones(1)).sum().backward()
    slopes[alpha] = [form.alpha.grad.item() for form in forms]
    print(f"alpha {alpha}: the forms differ by up to {gaps[alpha]}; d/d alpha at s = -1 is {slopes[alpha]}")

figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4.2), width_ratios=[3, 2], layout="constrained")
shared, each = learned["shared"], learned["per unit"]
places = np.arange(1, LAYERS + 1)[:, None]
jitter = places + np.random.default_rng(0).uniform(-0.25, 0.25, each.shape)
left.plot(jitter.ravel(), each.ravel(), ".", color=BLUE, ms=4, alpha=0.35, label="one for each unit")
left.plot(np.broadcast_to(places, shared.shape).ravel(), shared.ravel(), "D", color=ORANGE, label="one that all share")
left.axhline(0.25, color=GREY, lw=1, ls="--")
left.text(LAYERS + 0.42, 0.25, "start", color="#555555", va="bottom")
left.set(xlabel="hidden layer", ylabel="alpha after training", xticks=range(1, LAYERS + 1), xlim=(0.5, LAYERS + 0.8))
left.set_title("From 0.25, shared alphas grow in every layer;\nsingle units spread")
left.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.5, -0.32), ncols=2)
right.plot(s, nn.PReLU(alpha=1.5, dtype=float)(s).data, color=BLUE, lw=2.2)
right.plot(s, HePReLU(alpha=1.5, dtype=float)(s).data, "--", color=ORANGE, lw=2.2)
right.text(-0.2, 3.0, "max(s, 1.5 s)", color=BLUE, ha="right")
right.text(0.2, -3.2, "He et al.: max(s, 0)\n+ 1.5 min(s, 0)", color=ORANGE)
right.axhline(0, color=GREY, lw=0.6)
right.axvline(0, color=GREY, lw=0.6)
right.set(xlabel="score s", title="Above 1 the maximum bends\nthe other side: here alpha is 1.5")
for axis in (left, right):
    axis.spines[["top", "right"]].set_visible(False)
save(figure, __file__)
means = shared.mean(axis=(0, 2))
claim(
    means.min() > 0.25 and gaps[0.25] == gaps[1.0] == 0 < gaps[1.5] and slopes[1.5][0] == 0,
    f"Shared alphas grow from 0.25 to {means.min():.2f} - {means.max():.2f} ({len(SEEDS)} runs), those of units spread "
    f"by {each.std(axis=2).mean():.2f}. max(s, alpha s) is He's form up to 1, at 1.5 off by {gaps[1.5]} at |s| = 3, "
    f"and nets that start there reach {right_in['per unit, from 1.5']:.1f} % and {right_in['He, from 1.5']:.1f} %.",
)
