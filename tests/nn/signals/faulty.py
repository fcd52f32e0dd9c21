"""Networks with a known fault, drawn from a seed, and their signal by formulas of their own: no gradient is asked for.

What `findings` says of them is held to these.
"""

import itertools
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import nn

SLOPES = {
    "tanh": lambda s: 1 - np.tanh(s) ** 2,
    "sigmoid": lambda s: 1 / (2 + np.exp(s) + np.exp(-s)),
    "relu": lambda s: (s > 0) * 1.0,
    "leaky_relu": lambda s: 0.505 + 0.495 * np.sign(s),  # at 0 the mean of both
    "prelu": lambda s: 0.625 + 0.375 * np.sign(s),
    "sign": lambda s: 0 * s,
    "round": lambda s: 0 * s,
    "floor": lambda s: 0 * s,
    "": lambda s: 1 + 0 * s,
}
VALUES = {
    "tanh": np.tanh,
    "sigmoid": lambda s: 1 / (1 + np.exp(-s)),
    "relu": lambda s: np.maximum(s, 0),
    "leaky_relu": lambda s: np.maximum(s, 0.01 * s),
    "prelu": lambda s: np.maximum(s, 0.25 * s),
    "sign": np.sign,
    "round": np.round,
    "floor": np.floor,
    "": lambda s: s,
}
MODULES = {"tanh": nn.Tanh, "sigmoid": nn.Sigmoid, "relu": nn.ReLU, "leaky_relu": nn.LeakyReLU, "prelu": nn.PReLU}
GAINS = {"tanh": 1.0, "sigmoid": 4.0, "relu": 2**0.5, "leaky_relu": 2**0.5, "prelu": (2 / 1.0625) ** 0.5}
STEPS = {"sign", "round", "floor"}
KINDS = (
    *("small weights", "large weights", "a small layer", "a large layer", "dead units", "a dead layer", "a step"),
    *("equal weights", "equal units", "zero weights", "frozen", "detached", "unused", "squashed", "dropout"),
    *("not finite", "saturated", "none", "rounding"),
)


class Apply(nn.Module):
    """A function of NumPy as a module."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


class Detached(nn.Module):
    """What is before it gets no gradient."""

    def forward(self, x):
        return x.detach()


class Spare(nn.Sequential):
    """A model with a part that nothing uses."""

    def __init__(self, *layers):
        super().__init__(*layers)
        object.__setattr__(self, "used", len(layers))
        self.spare = nn.Linear(3, 3, rng=0)

    def forward(self, x):
        for layer in self.layers[: self.used]:
            x = layer(x)
        return x


@dataclass
class Case:
    """One drawn network; `at` is the layer with the fault, 0 if it is all of them."""

    seed: int
    kind: str
    at: int
    weights: list[Any]
    biases: list[Any]
    acts: list[str]
    x: Any
    y: Any
    loss: Any
    masks: dict[int, float] = field(default_factory=dict)
    end: str = ""
    frozen: int = 0
    cut: int = 0
    dtype: Any = np.float64

    @property
    def depth(self) -> int:
        return len(self.weights)

    def model(self) -> nn.Module:
        parts: list[Any] = []
        for i, (w, b, act) in enumerate(zip(self.weights, self.biases, self.acts, strict=True), 1):
            layer = nn.Linear(*w.shape, rng=0, dtype=self.dtype)
            layer.weights.data, layer.bias.data = w.astype(self.dtype), b.astype(self.dtype)
            if i == self.frozen:
                layer.freeze()
            parts.append(layer)
            if act:
                parts.append(MODULES[act]() if act in MODULES else Apply(getattr(np, act)))
            if i in self.masks:
                parts.append(nn.Dropout(self.masks[i], rng=self.seed))
            if i == self.cut:
                parts.append(Detached())
        parts += [nn.Softmax()] * (self.end == "softmax") + [nn.Sigmoid()] * (self.end == "sigmoid")
        model = (Spare if self.kind == "unused" else nn.Sequential)(*parts)
        return model.astype(self.dtype) if hasattr(model, "astype") else model


@dataclass
class Truth:
    """The signal of a case: for each layer g, delta, slopes, results, the gradient of its weights, and the gain."""

    g: list[Any]
    delta: list[Any]
    slopes: list[Any]
    results: list[Any]
    scores: list[Any]
    gradients: list[Any]
    gains: list[float]


def rms(array: Any) -> float:
    largest = float(np.max(np.abs(array), initial=0))
    return largest * float(np.sqrt(np.mean((array / largest) ** 2))) if largest else 0.0


def truth(case: Case) -> Truth:
    """By the lecture's formulas, in float64."""
    h, read, scores = case.x, [], []
    acts = [*case.acts[:-1], "sigmoid" if case.end == "sigmoid" else case.acts[-1]]
    for i, (w, b, act) in enumerate(zip(case.weights, case.biases, acts, strict=True), 1):
        read.append(h)
        scores.append(h @ w + b)
        h = VALUES[act](scores[-1])
        if i in case.masks:
            drawn = np.random.default_rng(case.seed).random(h.shape, np.float32) >= case.masks[i]
            h = h * drawn / (1 - case.masks[i])
    g = outer(case, h)
    found = Truth([], [], [], [], scores, [], [])
    for i in range(case.depth, 0, -1):
        found.g.insert(0, g)
        if i in case.masks:
            g = (
                g
                * (np.random.default_rng(case.seed).random(g.shape, np.float32) >= case.masks[i])
                / (1 - case.masks[i])
            )
        if i == case.depth and case.end == "softmax":
            z = softmax(h)
            g = z * (g - np.sum(g * z, axis=1, keepdims=True))
        slopes = SLOPES[acts[i - 1]](scores[i - 1])
        delta = g * slopes
        back = delta @ case.weights[i - 1].T
        found.delta.insert(0, delta)
        found.slopes.insert(0, slopes)
        found.results.insert(0, VALUES[acts[i - 1]](scores[i - 1]))
        found.gradients.insert(0, read[i - 1].T @ delta)
        found.gains.insert(0, rms(back) / rms(found.g[0]) if rms(found.g[0]) else 0.0)
        g = back
    return found


def softmax(z: Any) -> Any:
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def outer(case: Case, h: Any) -> Any:
    """The signal of the last layer's result."""
    if case.loss is nn.squared_error:
        return 2 * (h - case.y) / h.size
    z = softmax(h) if case.end == "softmax" else h
    if case.loss is nn.logistic_loss:
        return (1 / (1 + np.exp(-z)) - case.y) / z.size
    return (softmax(z) - np.eye(h.shape[1])[case.y]) / len(h)


def drawn(seed: int) -> Case:
    """The network of a seed."""
    rng = np.random.default_rng([7, seed])
    kind = KINDS[seed % len(KINDS)]
    depth, act = int(rng.integers(5, 15)), str(rng.choice(["tanh", "relu", "prelu", "leaky_relu", "sigmoid"]))
    if kind in {"dead units", "a dead layer"}:
        act = "relu"
    if kind in {"saturated", "equal weights", "rounding"}:
        act = "tanh"
    if kind in {"large weights", "small weights", "a small layer", "a large layer"} and act == "sigmoid":
        act = "tanh"
    narrow, wide = int(rng.integers(16, 40)), int(rng.integers(16, 40))
    widths = [narrow] * (depth + 1) if rng.random() < 0.5 else [*rng.choice([narrow, wide], depth + 1).tolist()]
    classes = int(rng.integers(2, 6))
    widths[-1] = classes
    loss = [nn.cross_entropy, nn.squared_error][int(rng.integers(2))]
    end = ""
    if kind == "squashed":
        end = str(rng.choice(["softmax", "sigmoid"]))
        loss = nn.cross_entropy if end == "softmax" else [nn.cross_entropy, nn.logistic_loss][int(rng.integers(2))]
    weights = [
        GAINS[act] * rng.standard_normal((a, b)) / np.sqrt(a if act == "sigmoid" else (a + b) / 2)
        for a, b in itertools.pairwise(widths)
    ]
    biases = [np.zeros(b) for b in widths[1:]]
    if act == "sigmoid":  # around which it is odd
        biases = [-w.sum(axis=0) / 2 * (i > 0) for i, w in enumerate(weights)]
    n = int(rng.integers(24, 64))
    x = rng.standard_normal((n, widths[0]))
    y = rng.standard_normal((n, classes)) if loss is nn.squared_error else rng.integers(0, classes, n)
    if loss is nn.logistic_loss:
        y = rng.integers(0, 2, (n, classes)).astype(float)
    case = Case(seed, kind, 0, weights, biases, [*[act] * (depth - 1), ""], x, y, loss, end=end)
    spoil(case, rng)
    return case


def spoil(case: Case, rng: np.random.Generator) -> None:
    """Put the fault in."""
    depth, kind = case.depth, case.kind
    at = int(rng.integers(2, depth))  # a hidden layer, not the first
    if kind in {"small weights", "large weights"}:
        factor = rng.uniform(0.2, 0.5) if kind == "small weights" else rng.uniform(2, 3)
        case.weights = [w * factor for w in case.weights]
        return
    if kind in {"none", "unused"}:
        return
    if kind == "squashed":
        case.at = depth
        return
    case.at = at
    w = case.weights[at - 1]
    if kind == "a small layer":
        case.weights[at - 1] = w * 10 ** -rng.uniform(2, 4)
    elif kind == "a large layer":
        case.weights[at - 1] = w * 10 ** rng.uniform(2, 3) if case.acts[at - 1] != "tanh" else w * 40
    elif kind == "dead units":
        units = w.shape[1]
        case.biases[at - 1] = np.where(np.arange(units) < units * rng.uniform(0.5, 0.9), -1e3, 0.0)
    elif kind == "a dead layer":
        case.biases[at - 1] = np.full(w.shape[1], -1e3)
    elif kind == "a step":
        case.acts[at - 1] = str(rng.choice(["sign", "round", "floor"]))
    elif kind == "equal weights":
        case.at = 0
        case.weights = [np.full_like(w, rng.uniform(0.5, 1.5) / len(w)) for w in case.weights]
    elif kind == "equal units":
        case.weights[at - 1] = w = np.array(w)
        w[:, : w.shape[1] // 2] = w[:, :1]
        case.weights[at] = after = np.array(case.weights[at])
        after[: w.shape[1] // 2] = after[:1]
        case.biases[at - 1] = 0 * case.biases[at - 1]
    elif kind == "zero weights":
        case.weights[at - 1] = 0 * w
    elif kind == "frozen":
        case.frozen = at
    elif kind == "detached":
        case.cut = at
    elif kind == "dropout":
        case.masks[at] = float(rng.choice([0.9, 0.95, 0.98]))
    elif kind == "not finite":
        case.weights[at - 1] = w = np.array(w)
        w[0, 0] = np.nan
    elif kind == "saturated":
        case.at = 0
        case.weights = [w * rng.uniform(6, 12) for w in case.weights]
    elif kind == "rounding":
        case.at, case.dtype = 0, np.float32
        case.weights = [w * 1e-8 for w in case.weights]
