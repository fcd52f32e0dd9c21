"""
A PyTorch network, read and cured
=================================

A plain 20-layer network written in PyTorch does not learn; read, it says why; cured by what it says, it does.

:Slides: The Vanishing Gradient Issue; Possible Cures for Vanishing Gradient
:Uses: `nn.from_torch`, `nn.to_torch_state`, `nn.signals`, `nn.fit`
:Measured: Of the signal 1e-16 reaches the first of 20 layers of a PyTorch module, which gets 8% of test digits right;
    the report names the slope of its activation, and tanh with Glorot's weights gets 94%, in PyTorch again.
"""

import sys

import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import nn

EPOCHS = 2 if "--fast" in sys.argv else 20  # fast: seconds, with rougher numbers
DEPTH, WIDTH = 20, 64

# %%
# A network with the weights that PyTorch gives it, and what is done with it: `nn.from_torch` reads it, `nn.signals`
# looks at each layer, `nn.fit` trains it, and PyTorch gets its weights back and classifies the test digits.


def plain(activation):
    torch.manual_seed(0)
    widths = [64] + [WIDTH] * (DEPTH - 1)
    hidden = [part for width in widths for part in (torch.nn.Linear(width, WIDTH), activation())]
    return torch.nn.Sequential(*hidden[: 2 * (DEPTH - 1)], torch.nn.Linear(WIDTH, 10))


def learned(theirs):
    model = nn.from_torch(theirs, x[:4])
    seen = nn.signals(model, nn.cross_entropy, x[:256], y[:256])
    adam = nn.Adam(model.parameters(), 1e-3)
    nn.fit(model, nn.cross_entropy, (x, y), optimizer=adam, epochs=EPOCHS, batch_size=32, progress=False)
    theirs.load_state_dict(nn.to_torch_state(model))
    right = (theirs(torch.from_numpy(test_x)).argmax(1).numpy() == test_y).mean()
    return [layer.g.rms for layer in sorted(seen.layers, key=lambda layer: layer.number)], str(seen), right


images, labels = load_digits(return_X_y=True)
x, test_x, y, test_y = train_test_split((images / 8 - 1).astype(np.float32), labels, test_size=0.3, random_state=0)

# %%
# With sigmoid it does not learn. The report says what to change.

signal, report, right = learned(plain(torch.nn.Sigmoid))
print(report.partition("\n\n")[0])

# %%
# It is changed as the report says: tanh with Glorot's weights.

cured = plain(torch.nn.Tanh)
for part in cured:
    if isinstance(part, torch.nn.Linear):
        torch.nn.init.xavier_uniform_(part.weight)
        torch.nn.init.zeros_(part.bias)
cured_signal, _, cured_right = learned(cured)

_, axis = plt.subplots(figsize=(7, 4), layout="constrained")
layers = range(1, DEPTH + 1)
for values, label, colour in (
    (cured_signal, f"tanh, Glorot's weights: {cured_right:.0%} of test digits right", "#0072B2"),
    (signal, f"sigmoid, PyTorch's weights: {right:.0%} right", "#D55E00"),
):
    axis.semilogy(layers, values, "o-", color=colour, label=label)
axis.set(xlabel="layer", ylabel="signal: rms of dL/dh of the layer", xticks=[1, 5, 10, 15, 20])
axis.legend()
plt.show()

# %%
print(
    f"Of the signal {signal[0] / signal[-1]:.0e} reaches the first of {DEPTH} layers of a PyTorch module, which gets "
    f"{right:.0%} of test digits right; the report names the slope of its activation, and tanh with Glorot's weights "
    f"gets {cured_right:.0%}, in PyTorch again."
)
assert signal[0] < 1e-10 * signal[-1], "the signal does not vanish"
assert right < 0.2, "the network learns as it is"
assert cured_signal[0] > 1e-2 * cured_signal[-1], "the signal vanishes in the cured network too"
assert cured_right > 0.6, "the cured network does not learn"
