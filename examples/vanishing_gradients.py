"""Where does the signal shrink, and which activation trains? Six 20-layer networks on handwritten digits.

Run with `make demo`; prints one table and writes report/index.html.
"""

from __future__ import annotations

import html
import io
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from tqdm import tqdm

import nn
from autograd_mini import Signals, no_grad

LAYERS, WIDTH, EPOCHS, BATCH, PROBE = 20, 32, 40, 64, 256
LEARNING_RATE, MOMENTUM = 0.002, 0.9
SEEDS = (0, 1, 2)  # accuracies are of three runs, all else is of the first
TRAINS = 0.8  # median held-out accuracy from which a net counts as trained; guessing gives 0.1
REPORT = Path("report/index.html")

NETS: dict[str, tuple[type[nn.Module], Any]] = {
    "tanh, small random": (nn.Tanh, nn.init.small_random(0.01)),
    "tanh, far too big": (nn.Tanh, nn.init.small_random(1.0)),
    "tanh, Glorot": (nn.Tanh, nn.init.glorot()),
    "ReLU, He": (nn.ReLU, nn.init.he()),
    "leaky ReLU, He": (nn.LeakyReLU, nn.init.he(0.01)),
    "PReLU, He": (nn.PReLU, nn.init.he(0.25)),
}


class Signal(NamedTuple):
    """Gradient RMS through the net, for one batch; entry l is layer l + 1 of the hidden layers.

    delta is dL/d(score), g is dL/d(activation's output); see the lecture's "Backpropagation Revisited".
    """

    delta: np.ndarray[Any, Any]
    g: np.ndarray[Any, Any]

    @property
    def activation_factor(self) -> float:
        """How much of the signal an activation passes on: the geometric mean of rms(delta) / rms(g)."""
        return geometric_mean(self.delta / self.g)

    @property
    def weight_factor(self) -> float:
        """How much of it the weights pass on: the geometric mean of rms(g one layer down) / rms(delta)."""
        return geometric_mean(self.g[:-1] / self.delta[1:])

    @property
    def total_gain(self) -> float:
        """rms(delta) of the first layer over that of the last."""
        return float(self.delta[0] / self.delta[-1])


class Result(NamedTuple):
    """What the report shows of one net."""

    name: str
    before: Signal
    after: Signal
    losses: tuple[float, float]
    accuracies: tuple[float, ...]
    alphas: list[float]
    graph: str

    @property
    def accuracy(self) -> float:
        """The median over the runs."""
        return float(np.median(self.accuracies))

    @property
    def trains(self) -> bool:
        return self.accuracy >= TRAINS


def geometric_mean(ratios: np.ndarray[Any, Any]) -> float:
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(np.exp(np.mean(np.log(ratios))))


def digits() -> tuple[np.ndarray[Any, Any], ...]:
    """The 1,797 images, standardised, three quarters for training, one quarter held out."""
    images, labels = load_digits(return_X_y=True)
    images = ((images - images.mean()) / images.std()).astype(np.float32)
    parts = train_test_split(images, labels, test_size=0.25, random_state=0, stratify=labels)
    return tuple(np.asarray(part) for part in parts)


def measure(model: nn.Sequential, x: Any, y: Any) -> tuple[Signal, Signals]:
    """The signal through each hidden layer, and all that was measured."""
    seen = nn.signals(model, nn.cross_entropy, x, y)
    layers = seen.layers[:-1]
    return Signal(np.array([layer.delta.rms for layer in layers]), np.array([layer.g.rms for layer in layers])), seen


class Run(NamedTuple):
    """One training run."""

    model: nn.MLP
    before: Signal
    graph: Any
    start_loss: float
    accuracy: float


def train(name: str, seed: int, data: tuple[np.ndarray[Any, Any], ...], progress: Any) -> Run:
    """Make one net and train it."""
    train_x, test_x, train_y, test_y = data
    activation, init = NETS[name]
    rng = np.random.default_rng(seed)
    model = nn.MLP([train_x.shape[1], *[WIDTH] * LAYERS, 10], activation, init, rng=rng)
    sgd = nn.SGD(model.parameters(), LEARNING_RATE, MOMENTUM)
    before, seen = measure(model, train_x[:PROBE], train_y[:PROBE])
    start = full_loss(model, train_x, train_y)
    for _ in range(EPOCHS):
        for x, y in nn.minibatches(train_x, train_y, size=BATCH, rng=rng):
            sgd.zero_grad()
            nn.cross_entropy(model(x), y).backward()
            sgd.step()
        progress.update()
    with no_grad():
        accuracy = float(np.mean(np.argmax(model(test_x).data, axis=1) == test_y))
    return Run(model, before, seen.draw(), start, accuracy)


def run(name: str, data: tuple[np.ndarray[Any, Any], ...], progress: Any) -> Result:
    """Train one net from each seed, and measure the first before and after."""
    train_x, _, train_y, _ = data
    runs = [train(name, seed, data, progress) for seed in SEEDS]
    first = runs[0]
    after, _ = measure(first.model, train_x[:PROBE], train_y[:PROBE])
    return Result(
        name,
        first.before,
        after,
        (first.start_loss, full_loss(first.model, train_x, train_y)),
        tuple(one.accuracy for one in runs),
        [float(layer.alpha.item()) for layer in first.model if isinstance(layer, nn.PReLU)],
        svg(first.graph),
    )


def full_loss(model: nn.Module, x: Any, y: Any) -> float:
    """The loss over all training images."""
    with no_grad():
        return float(nn.cross_entropy(model(x), y).item())


def svg(drawing: Any) -> str:
    """A drawing as SVG text, for a page."""
    text: str = drawing.picture("svg").decode()
    return text[text.index("<svg") :]


COLUMNS = (
    "net",
    "loss",
    "held-out accuracy",
    "trains?",
    "signal, layer 20 to 1",
    "a layer",
    "= activation",
    "x weights",
    "after training",
)


def row(result: Result) -> tuple[str, ...]:
    """One line of the table."""
    before = result.before
    return (
        result.name,
        f"{result.losses[0]:.2f} -> {result.losses[1]:.3f}",
        f"{result.accuracy:.2f} ({min(result.accuracies):.2f}-{max(result.accuracies):.2f})",
        "yes" if result.trains else "no",
        f"{before.delta[-1]:.1e} -> {before.delta[0]:.1e}",
        f"x{before.activation_factor * before.weight_factor:.3f}",
        f"x{before.activation_factor:.3f}",
        f"x{before.weight_factor:.3f}",
        f"{result.after.delta[-1]:.1e} -> {result.after.delta[0]:.1e}",
    )


def verdict(result: Result) -> str:
    """What happened to one net, in a sentence made from its numbers."""
    before = result.before
    where = "the weights" if abs(np.log(before.weight_factor)) > abs(np.log(before.activation_factor)) else "the tanh"
    change = "shrinks" if before.total_gain < 1 else "grows"
    size = f"by {max(before.total_gain, 1 / before.total_gain):.1e} on its way to the first layer"
    steady = 1e-2 < before.total_gain < 1e2
    signal = "the signal keeps its size" if steady else f"the signal {change} {size}, mostly in {where}"
    outcome = "It trains" if result.trains else "It does not train"
    return f"{signal[0].upper()}{signal[1:]}. {outcome} (held-out accuracy {result.accuracy:.2f})."


def text_table(results: list[Result]) -> str:
    rows = [COLUMNS, *map(row, results)]
    widths = [max(len(line[i]) for line in rows) for i in range(len(COLUMNS))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in rows)


def plot(results: list[Result]) -> str:
    """Gradient RMS against depth, before and after training, as SVG."""
    mpl.use("svg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(11, 4.4), sharey=True, layout="constrained")
    depth = np.arange(1, LAYERS + 1)
    markers = "osD^v*"
    for axis, title, which in zip(axes, ("at the start", "after training"), ("before", "after"), strict=True):
        for result, marker in zip(results, markers, strict=True):
            delta = getattr(result, which).delta
            axis.semilogy(depth, np.where(delta > 0, delta, np.nan), marker=marker, ms=4, lw=1.4, label=result.name)
        axis.set(title=title, xlabel="layer (1 is next to the input)", xticks=[1, 5, 10, 15, 20])
        axis.grid(alpha=0.3)
    axes[0].set_ylabel("gradient RMS at the layer's scores, rms(delta)")
    axes[1].legend(fontsize=8)
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg")
    plt.close(figure)
    text = buffer.getvalue()
    return text[text.index("<svg") :]


def page(results: list[Result]) -> str:
    """The report as one self-contained HTML page."""
    head = "".join(f"<th scope=col>{html.escape(column)}</th>" for column in COLUMNS)
    body = "".join(
        "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row(result)) + "</tr>" for result in results
    )
    prelu = next(result for result in results if result.alphas)
    alphas = ", ".join(f"{alpha:.2f}" for alpha in prelu.alphas)
    findings = "".join(f"<li><b>{html.escape(r.name)}.</b> {html.escape(verdict(r))}</li>" for r in results)
    graphs = "".join(
        f"<details><summary>{html.escape(r.name)}</summary><div class=graph>{r.graph}</div></details>" for r in results
    )
    return TEMPLATE.format(
        layers=LAYERS,
        width=WIDTH,
        epochs=EPOCHS,
        batch=BATCH,
        rate=LEARNING_RATE,
        momentum=MOMENTUM,
        seeds=len(SEEDS),
        findings=findings,
        head=head,
        body=body,
        plot=plot(results),
        alphas=alphas,
        graphs=graphs,
    )


TEMPLATE = """<!doctype html>
<html lang=en><meta charset=utf-8><meta name=viewport content="width=device-width, initial-scale=1">
<title>Where does the signal shrink?</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 80rem; margin: 0 auto; padding: 1rem; }}
.wide, .graph {{ overflow-x: auto; }}
.graph {{ max-height: 80vh; overflow-y: auto; background: white; border: 1px solid #999; }}
table {{ border-collapse: collapse; font-variant-numeric: tabular-nums; white-space: nowrap; font-size: .9rem; }}
th, td {{ padding: .3rem .5rem; text-align: left; border-bottom: 1px solid #8888; }}
.graph svg {{ max-width: 100%; height: auto; }}
.wide svg {{ background: white; max-width: 100%; height: auto; }}
summary {{ cursor: pointer; padding: .3rem 0; }}
</style>
<h1>Where does the signal shrink, and which activation trains?</h1>
<p>Six networks of {layers} hidden layers of {width} units, on the 1,797 handwritten digits of scikit-learn; {epochs}
passes in mini-batches of {batch}, SGD with rate {rate} and momentum {momentum}, the same for all. Held-out accuracy
is the median of {seeds} runs with their range, the rest is of the first run. The signal is the RMS
of &delta; = dL/d(score) in each layer. From layer to layer it is multiplied by what the activation passes on, and by
what the weights pass on.</p>
<ul>{findings}</ul>
<div class=wide><table><tr>{head}</tr>{body}</table></div>
<h2>Gradient RMS against depth</h2>
<div class=wide>{plot}</div>
<h2>What PReLU learned</h2>
<p>Its slopes &alpha; in layers 1 to {layers}, all of them 0.25 at the start: {alphas}.</p>
<h2>The graphs, coloured by gain</h2>
<p>Each before training. Orange edges shrink the signal, purple ones enlarge it; the label says by how much.</p>
{graphs}
</html>
"""


def main() -> None:
    data = digits()
    REPORT.parent.mkdir(exist_ok=True)
    with (
        tqdm(total=len(NETS) * len(SEEDS) * EPOCHS, unit="epoch") as progress,
        np.errstate(over="ignore", invalid="ignore"),
    ):
        results = []
        for name in NETS:
            progress.set_description(name)
            results.append(run(name, data, progress))
    print(text_table(results))
    for result in results:
        print(f"{result.name}: {verdict(result)}")
        if result.alphas:
            print("  learned alphas, layer 1 to 20:", " ".join(f"{alpha:.2f}" for alpha in result.alphas))
    REPORT.write_text(page(results), encoding="utf-8")
    print(f"Wrote {REPORT}")


if __name__ == "__main__":
    main()
