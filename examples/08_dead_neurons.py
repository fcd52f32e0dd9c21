"""
Dead neurons
============

A ReLU whose score is negative for every example has no gradient and stays so: two ways to die, and what revives it.

:Slides: Dead Neuron Issue; Leaky Rectified Linear Unit; Parametric Rectified Linear Unit
:Uses: `nn.signals`, `nn.ReLU`, `nn.LeakyReLU`, `nn.PReLU`
:Measured: A big step kills 38 % of the ReLUs, positive images 47 % (0 % shifted), for good, at 97.5 and 90.3 %
    accuracy. With PReLU 25 and 16 % are left without a positive score, at 97.3 and 96.8 %.
"""

import sys

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import nn

FAST = "--fast" in sys.argv  # seconds, with rougher numbers
EPOCHS, SEEDS, IMAGES = (7, range(2), 1200) if FAST else (30, range(5), 1797)
KINDS = {"ReLU": nn.ReLU, "leaky ReLU": nn.LeakyReLU, "PReLU": lambda: nn.PReLU(units=64)}
images, labels = (array[:IMAGES] for array in load_digits(return_X_y=True))
raw = (images / 16).astype(np.float32)  # from 0 to 1
shifted = raw - raw.mean()

# %%
# Two ways to die: one step that is hundreds of times too big, and negative first weights on pixels that are positive.


def big_step(seed):
    model = nn.MLP([64, 64, 64, 10], "relu", "he", rng=seed)
    nn.cross_entropy(model(shifted[:64]), labels[:64]).backward()
    nn.SGD(model.parameters(), learning_rate=30.0).step()
    return model, shifted


def negative_weights(seed):
    model = nn.MLP([64, 64, 64, 10], "relu", "he", rng=seed)
    model[0].weights.data = model[0].weights.data - np.float32(0.1)
    return model, raw


# %%
# `nn.signals` counts units with slope 0 for every image, which leaky ones never have; so epoch by epoch those
# are counted that have no positive score. From the same dead units on, how many come back?

dead = lambda net, x: 100 * np.mean([layer.dead for layer in nn.signals(net, nn.cross_entropy, x, labels).layers[:-1]])


def silent(model, x):
    scores = [(first := model[0](x)).data, model[2](model[1](first)).data]
    return 100 * np.mean([np.all(layer < 0, axis=0) for layer in scores])


def trained(make, kind, seed):
    """Dead units with ReLU; then silent units epoch by epoch while another activation learns; the test accuracy."""
    model, x = make(seed)
    at_first = dead(model, x)
    for name in "13":
        setattr(model, name, KINDS[kind]())
    train, test = train_test_split(np.arange(len(x)), random_state=seed, stratify=labels)
    adam, course = nn.Adam(model.parameters(), learning_rate=1e-3), [silent(model, x)]
    options = {"optimizer": adam, "batch_size": 64, "progress": False, "rng": np.random.default_rng(seed)}
    for _ in range(EPOCHS):
        nn.fit(model, nn.cross_entropy, (x[train], labels[train]), **options)
        course.append(silent(model, x))
    return at_first, course, dead(model, x), 100 * nn.accuracy(model(x[test]).data, labels[test])


WAYS = {"after one step at rate 30": big_step, "positive images, negative weights": negative_weights}
found, (_, axes) = {}, plt.subplots(1, 2, figsize=(9, 4.3), sharey=True, layout="constrained")
for axis, (way, make) in zip(axes, WAYS.items(), strict=True):
    for kind, colour in zip(KINDS, ("#D55E00", "#000000", "#0072B2"), strict=True):
        runs = zip(*(trained(make, kind, seed) for seed in SEEDS), strict=True)
        at_first, courses, at_last, accuracy = map(np.array, runs)
        mean = courses.mean(axis=0)
        found[way, kind] = at_first.mean(), at_last.mean(), mean[-1], accuracy.mean()
        print(f"{way}, {kind}: {at_last.mean():.1f} % dead and {mean[-1]:.1f} % without a positive score in the end")
        axis.plot(courses.T, color=colour, lw=0.8, alpha=0.4)
        axis.plot(mean, color=colour, lw=2.5, label=f"{kind}, {accuracy.mean():.1f} % right in the end")
    axis.set(title=way, xlabel="epochs of training (thin: single runs)", ylim=(0, 90), xlim=(0, EPOCHS))
    axis.legend(frameon=False, loc="upper right")
axes[0].set_ylabel("units without a positive score, %")
plt.show()

# %%
cured = np.mean([dead(negative_weights(seed)[0], shifted) for seed in SEEDS])
relu, leaky, prelu = (np.array([found[way, kind] for way in WAYS]).T for kind in KINDS)  # rows: as in `found`
print(
    f"A big step kills {relu[0, 0]:.0f} % of the ReLUs, positive images {relu[0, 1]:.0f} % ({cured:.0f} % shifted), "
    f"for good, at {relu[3, 0]:.1f} and {relu[3, 1]:.1f} % accuracy. With PReLU {prelu[2, 0]:.0f} and "
    f"{prelu[2, 1]:.0f} % are left without a positive score, at {prelu[3, 0]:.1f} and {prelu[3, 1]:.1f} %."
)
stay = np.all(relu[1] > 0.8 * relu[0]) and np.all(relu[0] > 20) and not leaky[1].any() and not prelu[1].any()
assert stay and np.all(prelu[2] < relu[2]) and prelu[3, 1] > relu[3, 1], "the numbers do not say so"
