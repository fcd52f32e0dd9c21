"""
Cures for vanishing gradients
=============================

Which of the lecture's cures lets 30 tanh layers learn, and how much signal reaches the first layer with each?

:Slides: The Vanishing Gradient Issue; Possible Cures for Vanishing Gradient; Backpropagation Revisited; Challenges and
    Key Techniques for Deep Learning; Rectified Linear Unit
:Uses: `nn.signals`, `nn.init`, `nn.init.layer_sequential`, `nn.pretrain`, `nn.Residual`, `nn.BatchNorm`,
    `nn.LayerNorm`, `nn.WeightNorm`, `nn.normalise_gradients`, `nn.clip_norm`, `nn.ReLU`, `nn.PReLU`
:Measured: 7 of 14 cures make 30 tanh layers learn. Without one 5e-08 of the signal reaches the first layer and the
    accuracy is 0.10; with skip connections 4.3 of it, and 0.96.
"""

import itertools
import sys

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import nn

FAST = "--fast" in sys.argv  # seconds, with rougher numbers
EPOCHS, SEEDS, RATES = (15, [0], [0.003]) if FAST else (25, range(3), [0.001, 0.003, 0.01])
WIDTH, SIZES, SMALL = 32, [64, *[32] * 30], nn.init.small_random(1 / np.sqrt(3 * 32))

images, labels = load_digits(return_X_y=True)
images = ((images - images.mean()) / images.std()).astype(np.float32)
x, test_x, y, test_y = train_test_split(images, labels, random_state=0, stratify=labels)
x, val_x, y, val_y = train_test_split(x, y, random_state=0, stratify=y)

# %%
# Weights start with PyTorch's variance, 1/(3 n): each layer lets 0.58 of the signal pass. A cure changes one thing.

CURES = {"nothing": {}, "weights: small random, 0.01": {"init": nn.init.small_random(0.01)}}
CURES |= {"weights: Glorot": {"init": "glorot"}, "weights: orthogonal": {"init": "orthogonal"}}
CURES |= {
    "weights: unit variance": {"prepare": lambda model, rng: nn.init.layer_sequential(model, x[:256], rng=rng)},
    "weights: pre-trained": {"prepare": lambda model, rng: nn.pretrain(model, x, epochs=2 if FAST else 20, rng=rng)},
    "network: skip connections": {"layer": lambda s, act: [nn.Residual(s, act) if s.weights.shape[0] == WIDTH else s]},
    "inputs: batch normalisation": {"layer": lambda s, act: [s, nn.BatchNorm(WIDTH), act]},
    "inputs: layer normalisation": {"layer": lambda s, act: [s, nn.LayerNorm(WIDTH), act]},
    "inputs: weight normalisation": {"layer": lambda s, act: [nn.WeightNorm(s), act]},
    "gradient: normalisation": {"change": nn.normalise_gradients},
    "gradient: clipping": {"change": lambda model: nn.clip_norm(model, 1.0)},
    "activation: PReLU, He weights": {"init": nn.init.he(0.25), "act": nn.PReLU},
}
CURES |= {"activation: ReLU": {"act": nn.ReLU}, "activation: ReLU, He weights": {"init": "he", "act": nn.ReLU}}
nothing = lambda *_: None


def train(rate, seed, *, init=SMALL, act=nn.Tanh, layer=lambda s, act: [s, act], prepare=nothing, change=nothing):
    """Signal at the first layer over that at the last, before training; then accuracy in validation and test."""
    rng = np.random.default_rng(seed)
    hidden = [part for sizes in itertools.pairwise(SIZES) for part in layer(nn.Linear(*sizes, init, rng=rng), act())]
    model = nn.Sequential(*hidden, nn.Linear(WIDTH, 10, rng=rng))
    prepare(model, rng)
    g = [layer.g.rms for layer in nn.signals(model, nn.cross_entropy, x[:256], y[:256]).layers]
    sgd = nn.SGD(model.parameters(), rate, momentum=0.9)
    for batch, classes in itertools.chain(*(nn.minibatches(x, y, size=64, rng=rng) for _ in range(EPOCHS))):
        sgd.zero_grad()
        nn.cross_entropy(model(batch), classes).backward()
        change(model)
        sgd.step()
    return g[0] / g[-1], *(nn.accuracy(model.eval()(a).data, b) for a, b in ((val_x, val_y), (test_x, test_y)))


# %%
# Validation picks one of three rates. A net learns if it gets 0.8 of the test images right, in the median of its runs.

found = {}
for name, cure in CURES.items():
    with np.errstate(all="ignore"):  # a rate that is too large overflows, and is not chosen
        medians = [np.median([train(rate, seed, **cure) for seed in SEEDS], axis=0) for rate in RATES]
    found[name] = max(medians, key=lambda median: median[1])
    print("{:31}signal {:.0e}, accuracy in validation {:.2f}, in test {:.2f}".format(name, *found[name]))

_, axes = plt.subplots(1, 2, figsize=(9, 5), sharey=True, layout="constrained")
order = sorted(found, key=lambda name: found[name][2])
signals, _, accuracies = np.array([found[name] for name in order]).T
learn = accuracies >= 0.8
colours = np.where(learn, "#0072B2", "#D55E00")
axes[0].scatter(accuracies, order, s=80, c=colours)
axes[1].scatter(np.maximum(signals, 1e-14), order, s=80, c=colours)
axes[0].axvspan(0.8, 1, color="#0072B2", alpha=0.12)
axes[0].text(0.9, 0, "learns", color="#0072B2", ha="center")
axes[0].set(xlim=(0, 1), title="accuracy on test images")
axes[1].set(xscale="log", title="signal at layer 1 / at layer 31", xlabel="values below 1e-14 are drawn at 1e-14")
plt.show()

# %%
(signal, _, accuracy), (through, _, better) = found["nothing"], found["network: skip connections"]
print(
    f"{sum(learn)} of {len(found) - 1} cures make 30 tanh layers learn. Without one {signal:.0e} of the signal reaches "
    f"the first layer and the accuracy is {accuracy:.2f}; with skip connections {through:.1f} of it, and {better:.2f}."
)
assert better >= 0.8 > accuracy and through > 0.1 and signal < 1e-6, "the numbers do not say so"
