"""A plain 20-layer network written in PyTorch does not learn; read, it says why; cured by what it says, it does.

Slides: The Vanishing Gradient Issue; Possible Cures for Vanishing Gradient
Lives in: nn.from_torch, nn.to_torch_state, nn.signals, nn.fit
"""

import matplotlib.pyplot as plt
import numpy as np
import torch
from gallery import claim, fast, save
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import nn

EPOCHS = 2 if fast() else 20
DEPTH, WIDTH = 20, 64


def plain(activation: type[torch.nn.Module]) -> torch.nn.Sequential:
    """A network as PyTorch makes it."""
    torch.manual_seed(0)
    widths = [64] + [WIDTH] * (DEPTH - 1)
    hidden = [part for width in widths for part in (torch.nn.Linear(width, WIDTH), activation())]
    return torch.nn.Sequential(*hidden[: 2 * (DEPTH - 1)], torch.nn.Linear(WIDTH, 10))


def learned(theirs: torch.nn.Module) -> tuple[list[float], str, float]:
    """The signal of each layer and what its report says first; how many test digits PyTorch then gets right."""
    model = nn.from_torch(theirs, x[:4])
    seen = nn.signals(model, nn.cross_entropy, x[:256], y[:256])
    adam = nn.Adam(model.parameters(), 1e-3)
    nn.fit(model, nn.cross_entropy, (x, y), optimizer=adam, epochs=EPOCHS, batch_size=32, progress=False)
    theirs.load_state_dict(nn.to_torch_state(model))
    right = (theirs(torch.from_numpy(test_x)).argmax(1).numpy() == test_y).mean()
    return [layer.g.rms for layer in sorted(seen.layers, key=lambda layer: layer.number)], str(seen), float(right)


images, labels = load_digits(return_X_y=True)
x, test_x, y, test_y = train_test_split((images / 8 - 1).astype(np.float32), labels, test_size=0.3, random_state=0)

signal, report, right = learned(plain(torch.nn.Sigmoid))
print(report.partition("\n\n")[0])

cured = plain(torch.nn.Tanh)  # as the report says: tanh with Glorot's weights
for part in cured:
    if isinstance(part, torch.nn.Linear):
        torch.nn.init.xavier_uniform_(part.weight)
        torch.nn.init.zeros_(part.bias)
cured_signal, _, cured_right = learned(cured)

figure, axis = plt.subplots(figsize=(6, 3.6), layout="constrained")
layers = range(1, DEPTH + 1)
axis.semilogy(layers, signal, "o-", color="#D55E00", label=f"sigmoid, as PyTorch starts: {right:.0%} right")
axis.semilogy(layers, cured_signal, "o-", color="#0072B2", label=f"tanh, Glorot: {cured_right:.0%} right")
axis.set(xlabel="layer", ylabel="signal: rms of dL/dh", xticks=[1, 5, 10, 15, 20])
axis.legend()
save(figure, __file__)

claim(
    signal[0] < 1e-10 * signal[-1] and cured_signal[0] > 1e-2 * cured_signal[-1] and right < 0.2 and cured_right > 0.6,
    f"Of the signal {signal[0] / signal[-1]:.0e} reaches the first of {DEPTH} layers of a PyTorch module, which gets "
    f"{right:.0%} of test digits right; the report names the slope of its activation, and tanh with Glorot's weights "
    f"gets {cured_right:.0%}, in PyTorch again.",
)
