"""Which of the lecture's cures lets 30 tanh layers learn, and how much signal reaches the first layer with each?

The net starts with weights of the variance 1/(3 n) that PyTorch's layers start with: each layer lets 0.58 of the signal
pass, with hardly any saturation. One thing at a time is changed; each gets the best of three rates, by validation.

Slides: The Vanishing Gradient Issue; Possible Cures for Vanishing Gradient; Backpropagation Revisited; Challenges and
    Key Techniques for Deep Learning; Rectified Linear Unit
Lives in: nn.signals, nn.init, nn.init.layer_sequential, nn.pretrain, nn.Residual, nn.BatchNorm, nn.LayerNorm,
    nn.WeightNorm, nn.normalise_gradients, nn.clip_norm, nn.ReLU, nn.PReLU
"""

import itertools
import time

import matplotlib.pyplot as plt
import numpy as np
from gallery import claim, fast, save
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import nn

LAYERS, WIDTH, TRAINS = 30, 32, 0.8  # a net trains if its test accuracy, the median of its runs, is at least 0.8
EPOCHS, SEEDS, RATES = (6, [0], [0.01]) if fast() else (25, range(3), [0.001, 0.003, 0.01])
SMALL = nn.init.small_random(1 / np.sqrt(3 * WIDTH))

images, labels = load_digits(return_X_y=True)
images = ((images - images.mean()) / images.std()).astype(np.float32)
x, test_x, y, test_y = train_test_split(images, labels, random_state=0, stratify=labels)
x, val_x, y, val_y = train_test_split(x, y, random_state=0, stratify=y)

nothing = lambda *_: None
CURES = {  # what is better-behaved, and what is done for that
    "nothing": {},
    "weights: small random, 0.01": {"init": nn.init.small_random(0.01)},
    "weights: Glorot": {"init": "glorot"},
    "weights: orthogonal": {"init": "orthogonal"},
    "weights: unit variance": {"prepare": lambda model, rng: nn.init.layer_sequential(model, x[:256], rng=rng)},
    "weights: pre-trained": {"prepare": lambda model, rng: nn.pretrain(model, x, epochs=2 if fast() else 20, rng=rng)},
    "network: skip connections": {"layer": lambda s, act: [nn.Residual(s, act) if s.weights.shape[0] == WIDTH else s]},
    "inputs: batch normalisation": {"layer": lambda s, act: [s, nn.BatchNorm(WIDTH), act]},
    "inputs: layer normalisation": {"layer": lambda s, act: [s, nn.LayerNorm(WIDTH), act]},
    "inputs: weight normalisation": {"layer": lambda s, act: [nn.WeightNorm(s), act]},
    "gradient: normalisation": {"change": nn.normalise_gradients},
    "gradient: clipping": {"change": lambda model: nn.clip_norm(model, 1.0)},
    "activation: ReLU, same weights": {"act": nn.ReLU},
    "activation: ReLU, He weights": {"init": "he", "act": nn.ReLU},
    "activation: PReLU, He weights": {"init": nn.init.he(0.25), "act": nn.PReLU},
}


def train(rate, seed, *, init=SMALL, act=nn.Tanh, layer=lambda s, act: [s, act], prepare=nothing, change=nothing):
    """Signal at the first layer over that at the last, accuracy in validation and test, seconds."""
    rng, start = np.random.default_rng(seed), time.perf_counter()
    widths = itertools.pairwise([64, *[WIDTH] * LAYERS])
    hidden = [part for a, b in widths for part in layer(nn.Linear(a, b, init, rng=rng), act())]
    model = nn.Sequential(*hidden, nn.Linear(WIDTH, 10, rng=rng))
    prepare(model, rng)
    layers = nn.signals(model, nn.cross_entropy, x[:256], y[:256]).layers
    sgd = nn.SGD(model.parameters(), rate, momentum=0.9)
    for batch, classes in itertools.chain(*(nn.minibatches(x, y, size=64, rng=rng) for _ in range(EPOCHS))):
        sgd.zero_grad()
        nn.cross_entropy(model(batch), classes).backward()
        change(model)
        sgd.step()
    model.eval()
    accuracies = [nn.accuracy(model(some).data, right) for some, right in ((val_x, val_y), (test_x, test_y))]
    return layers[0].g.rms / layers[-1].g.rms, *accuracies, time.perf_counter() - start


print(f"{'better-behaved':32}{'signal':>9}   test accuracy         rate seconds  trains?")
found = {}
for name, cure in CURES.items():
    with np.errstate(all="ignore"):  # a rate that is too large overflows, and is not chosen
        runs = {rate: np.array([train(rate, seed, **cure) for seed in SEEDS]) for rate in RATES}
    rate = max(RATES, key=lambda rate: np.median(runs[rate][:, 1]))
    signal, _, accuracy, seconds = np.median(runs[rate], axis=0)
    found[name], spread = (signal, accuracy), f"spread {np.ptp(runs[rate][:, 2]):.2f}"
    print(f"{name:32}{signal:9.1e}   {accuracy:.2f}, {spread} {rate:8}{seconds:8.1f}  {accuracy >= TRAINS}", flush=True)

figure, axes = plt.subplots(1, 2, figsize=(10, 4.8), sharey=True, layout="constrained")
for row, values in enumerate(reversed(found.values())):
    marker, colour = ("o", "#0072B2") if values[1] >= TRAINS else ("X", "#D55E00")
    for axis, value in zip(axes, values, strict=True):
        axis.plot(max(value, 1e-14), row, marker, color=colour, markersize=8)
        axis.grid(alpha=0.3)
axes[0].set_yticks(range(len(found)), reversed(found))
axes[0].set(
    xscale="log", xlabel="signal at layer 1 / layer 31, 1e-14 at least", title="What lets the signal through ..."
)
axes[1].set(xlabel="accuracy on test images", xlim=(0, 1), title="... mostly lets 30 layers learn (blue circles)")
save(figure, __file__)
learned = sum(accuracy >= TRAINS for _, accuracy in found.values())
(signal, accuracy), (through, better) = found["nothing"], found["network: skip connections"]
claim(
    better >= TRAINS > accuracy and through > 0.1 and signal < 1e-6,
    f"{learned} of {len(found) - 1} cures make 30 tanh layers learn. Without one {signal:.0e} of the signal reaches "
    f"the first layer and the accuracy is {accuracy:.2f}; with skip connections {through:.1f} of it, and {better:.2f}.",
)
