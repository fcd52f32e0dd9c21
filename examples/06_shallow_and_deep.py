"""Shallow and deep networks of one size: which are easier to train, and which one does validation pick?

Slides: Physical Interpretation of NNet Revisited; Shallow versus Deep Neural Networks; Meaningfulness of Deep Learning
Lives in: nn.MLP, nn.SGD, nn.cross_entropy, nn.fit
"""

import itertools
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from gallery import claim, fast, save
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from tqdm import tqdm

import nn

SIZE = 4800  # parameters; structures of 1 to 16 hidden layers come within 1.4 % of it
DEPTHS, RATES = ([1, 4, 16], [0.01, 0.1]) if fast() else ([1, 2, 4, 8, 16], [0.001, 0.003, 0.01, 0.03, 0.1, 0.3])
SEEDS, EPOCHS = (1, 8) if fast() else (5, 30)
Split = list[tuple[NDArray[Any], NDArray[Any]]]


def structure(depth: int) -> list[int]:
    """The sizes of the network with so many equal hidden layers whose number of parameters is nearest to SIZE."""
    nets = [[64, *[width] * depth, 10] for width in range(2, 100)]
    return min(nets, key=lambda sizes: abs(parameters(sizes) - SIZE))


def parameters(sizes: list[int]) -> int:
    """The number of weights and biases, (1 + d_in) d_out for each layer."""
    return sum((1 + d_in) * d_out for d_in, d_out in itertools.pairwise(sizes))


def digits(seed: int) -> Split:
    """Training, validation and test examples: 60, 20 and 20 %."""
    images, labels = load_digits(return_X_y=True)
    images = (images / 8 - 1).astype(np.float32)
    x, rest_x, y, rest_y = train_test_split(images, labels, test_size=0.4, random_state=seed, stratify=labels)
    halves = train_test_split(rest_x, rest_y, test_size=0.5, random_state=seed, stratify=rest_y)
    return [(x, y), (halves[0], halves[2]), (halves[1], halves[3])]


def errors(sizes: list[int], rate: float, data: Split, seed: int) -> list[float]:
    """The share of wrong digits in training, validation and test, after training."""
    model = nn.MLP(sizes, activation="tanh", rng=seed)
    sgd = nn.SGD(model.parameters(), learning_rate=rate, momentum=0.9)
    nn.fit(model, nn.cross_entropy, data[0], optimizer=sgd, epochs=EPOCHS, batch_size=32, rng=seed, progress=False)
    return [float(np.mean(np.argmax(model(x).data, axis=1) != y)) for x, y in data]


nets = [structure(depth) for depth in DEPTHS]
found = np.zeros((SEEDS, len(nets), len(RATES), 3))
runs = list(itertools.product(range(SEEDS), range(len(nets)), range(len(RATES))))
for seed, net, rate in tqdm(runs, unit="run"):
    found[seed, net, rate] = errors(nets[net], RATES[rate], digits(seed), seed)

# Validation picks the rate of each structure, and the structure; the test has no say in it.
training, validation, test = np.moveaxis(found, -1, 0)
rates, picks = validation.argmin(axis=2), validation.min(axis=2).argmin(axis=1)
chosen = np.take_along_axis(test, rates[:, :, None], axis=2)[:, :, 0]
picked = chosen[np.arange(SEEDS), picks]
trained = np.mean(training < 0.02, axis=(0, 2))
shapes = [f"{len(sizes) - 2} x {sizes[1]}" for sizes in nets]
for shape, sizes, wrong, share in zip(shapes, nets, chosen.T, trained, strict=True):
    print(
        f"{shape:7s}{parameters(sizes):6,} parameters, {wrong.mean():.1%} ± {wrong.std():.1%} wrong, {share:.0%} train"
    )

figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4.3), layout="constrained", width_ratios=[4, 5])
left.plot(chosen.mean(axis=0), range(len(nets)), color="#0072B2")
for wrong in chosen:
    left.plot(wrong, range(len(nets)), "o", color="#0072B2", alpha=0.4, markersize=5)
left.plot(picked, picks, "o", color="#D55E00", markersize=11, fillstyle="none", label="picked by validation")
left.set(title="test error: deeper is no better here", xlabel="test error", xscale="log")
left.set(xticks=[0.02, 0.05, 0.1, 0.2], xticklabels=["2%", "5%", "10%", "20%"])
left.set(yticks=range(len(nets)), yticklabels=shapes, ylabel="hidden layers x units")
left.minorticks_off()
left.legend(frameon=False, loc="lower right")
image = right.imshow(training.mean(axis=0), cmap="cividis", vmin=0, vmax=1, origin="lower", aspect="auto")
for (net, rate), wrong in np.ndenumerate(training.mean(axis=0)):
    right.text(rate, net, f"{wrong:.0%}", ha="center", va="center", color="white" if wrong < 0.5 else "black")
right.set(title="training error: the deeper, the fewer rates train it", xlabel="learning rate", yticks=[])
right.set(xticks=range(len(RATES)), xticklabels=RATES)
left.set_ylim(right.get_ylim())
save(figure, __file__)
by_validation = " or ".join(str(DEPTHS[pick]) for pick in sorted(set(picks)))
claim(
    all(abs(parameters(sizes) / SIZE - 1) < 0.02 for sizes in nets)
    and picked.mean() <= np.median(chosen.mean(axis=0)) + 0.01
    and trained[0] > trained[-1],
    f"At {SIZE:,} parameters validation picks depth {by_validation}, which errs on {picked.mean():.1%} ± "
    f"{picked.std():.1%} of test digits, while depth 16 errs on {chosen[:, -1].mean():.1%}; over all rates and seeds "
    f"{trained[0]:.0%} of nets of depth 1 train to an error below 2%, and {trained[-1]:.0%} of depth 16.",
)
