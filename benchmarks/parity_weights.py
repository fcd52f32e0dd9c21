"""Weights that go to PyTorch and come from it, as safetensors: do both libraries then compute the same?

`python -m benchmarks.parity_weights`. With `--fixture` it writes the file that a test of ours reads without PyTorch:
`python -m benchmarks.parity_weights --fixture tests/nn/training/torch_weights.safetensors`.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import nn
from benchmarks.common import print_table

RNG = np.random.default_rng(0)
Make = Callable[[], Any]
LARGEST = 1e-5  # relative difference of float32 outputs that are the same up to the order of sums


def mlp(torch: Any) -> tuple[Make, Make, np.ndarray]:
    """Square and oblong linear layers with every kind of normalisation that has weights."""
    t = torch.nn
    return (
        lambda: nn.Sequential(
            nn.Linear(3, 4), nn.BatchNorm(4), nn.Tanh(), nn.Linear(4, 4), nn.LayerNorm(4), nn.ReLU(), nn.Linear(4, 2)
        ),
        lambda: t.Sequential(
            t.Linear(3, 4), t.BatchNorm1d(4), t.Tanh(), t.Linear(4, 4), t.LayerNorm(4), t.ReLU(), t.Linear(4, 2)
        ),
        RNG.standard_normal((7, 3), np.float32),
    )


def convolutions(torch: Any) -> tuple[Make, Make, np.ndarray]:
    """A small net for images, with groups and a stride."""
    t = torch.nn
    return (
        lambda: nn.Sequential(
            nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm(8), nn.ReLU(), nn.Conv2d(8, 8, 3, stride=2, groups=4),
            nn.PReLU(8, axis=1), nn.Flatten(), nn.Linear(72, 5),
        ),
        lambda: t.Sequential(
            t.Conv2d(3, 8, 3, padding=1), t.BatchNorm2d(8), t.ReLU(), t.Conv2d(8, 8, 3, stride=2, groups=4),
            t.PReLU(8), t.Flatten(), t.Linear(72, 5),
        ),
        RNG.standard_normal((4, 3, 8, 8), np.float32),
    )  # fmt: skip


def sequences(torch: Any) -> tuple[Make, Make, np.ndarray]:
    """Words, a gated recurrent layer over them, and scores from its last state."""
    t = torch.nn

    class Ours(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table, self.along, self.out = nn.Embedding(20, 6), nn.GRU(6, 5), nn.Linear(5, 3)

        def forward(self, x: Any) -> Any:
            return self.out(self.along(self.table(x))[1])

    class Theirs(t.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table, self.along, self.out = t.Embedding(20, 6), t.GRU(6, 5, batch_first=True), t.Linear(5, 3)

        def forward(self, x: Any) -> Any:
            return self.out(self.along(self.table(x))[1][0])

    return Ours, Theirs, RNG.integers(0, 20, (7, 4))


def trained(torch: Any, model: Any, x: np.ndarray) -> Any:
    """A PyTorch model whose weights and statistics are not those it began with."""
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    for _ in range(5):
        optimizer.zero_grad()
        ((model(torch.from_numpy(x)) - 1) ** 2).mean().backward()
        optimizer.step()
    return model.eval()


def difference(torch: Any, ours: Any, theirs: Any, x: np.ndarray) -> float:
    """The largest difference of outputs, relative to the largest output."""
    with torch.no_grad():
        expected = theirs.eval()(torch.from_numpy(x)).numpy()
    return float(np.abs(nn.predict(ours, x) - expected).max() / np.abs(expected).max())


def there_and_back(torch: Any, pair: tuple[Make, Make, np.ndarray], directory: Path) -> tuple[float, float]:
    """How far outputs differ with PyTorch's weights loaded here, and with ours loaded there."""
    from safetensors.torch import load_file, save_file

    ours, theirs, x = pair
    source = trained(torch, theirs(), x)
    save_file(source.state_dict(), directory / "theirs.safetensors")
    here = ours()
    names = nn.torch_names(here)
    nn.load_weights(directory / "theirs.safetensors", here, names, ignore=["*.num_batches_tracked"])
    loaded = difference(torch, here, source, x)
    here = ours()
    nn.fit(here, lambda s: ((s - 1) ** 2).mean(), x, epochs=5, progress=False)
    nn.save_weights(directory / "ours.safetensors", here, names)
    there = theirs()
    there.load_state_dict(load_file(directory / "ours.safetensors"))
    return loaded, difference(torch, here, there, x)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fixture", type=Path, help="write a trained model of PyTorch, an input and its output here")
    options = parser.parse_args(arguments)
    import torch
    from safetensors.torch import save_file

    torch.manual_seed(0)
    if options.fixture:
        _, theirs, x = mlp(torch)
        model = trained(torch, theirs(), x)
        with torch.no_grad():
            output = model(torch.from_numpy(x))
        save_file({**model.state_dict(), "input": torch.from_numpy(x), "output": output}, options.fixture)
        return
    rows = []
    for make in (mlp, convolutions, sequences):
        with tempfile.TemporaryDirectory() as directory:
            loaded, saved = there_and_back(torch, make(torch), Path(directory))
        if max(loaded, saved) > LARGEST:
            raise SystemExit(f"{make.__name__}: outputs differ by {loaded:.1e} and {saved:.1e}")
        rows.append([make.__name__, f"{loaded:.1e}", f"{saved:.1e}"])
    title = f"Largest difference of outputs, relative, beside PyTorch {torch.__version__}, float32"
    print_table(title, ["model", "PyTorch's weights here", "our weights in PyTorch"], rows)


if __name__ == "__main__":
    main()
