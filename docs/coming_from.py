"""Write docs/coming_from.md, `python -m docs.coming_from`: what people who know other libraries write here.

The tables are those of `autograd_mini.elsewhere` and `nn.elsewhere`, which errors answer by; here are the beginnings.
"""

from pathlib import Path

from autograd_mini import elsewhere as engine
from nn import elsewhere as networks

FILE = Path(__file__).with_suffix(".md")

BEGINNINGS = {
    "PyTorch": (
        "NumPy's functions compute with tensors, losses are functions, and `nn.fit` is the loop in one call.",
        """\
import numpy as np
import nn

x, y = np.random.default_rng(0).standard_normal((64, 4)), np.arange(64) % 3


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(4, 16)
        self.out = nn.Linear(16, 3)

    def forward(self, x):
        return self.out(np.tanh(self.hidden(x)))


model = Net()
optimizer = nn.Adam(model.parameters(), learning_rate=1e-2)
for inputs, labels in nn.DataLoader(x, y, batch_size=16, shuffle=True):
    optimizer.zero_grad()
    loss = nn.cross_entropy(model(inputs), labels)
    loss.backward()
    optimizer.step()
print(f"{loss.item():.3f}")
""",
    ),
    "Keras": (
        "Loss, optimizer and metrics are given to the training, and each layer is given the size of its input.",
        """\
import numpy as np
import nn

x, y = np.random.default_rng(0).standard_normal((64, 4)), np.arange(64) % 3
model = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 3))
print(model)
history = nn.fit(
    model,
    nn.cross_entropy,
    (x, y),
    optimizer=nn.Adam(model.parameters(), 1e-2),
    epochs=3,
    validation=(x, y),
    metrics=[nn.accuracy],
    callbacks=[nn.EarlyStopping(patience=2)],
    progress=False,
)
print(nn.evaluate(model, nn.cross_entropy, (x, y)), nn.predict(model, x).shape)
""",
    ),
    "JAX and autograd": (
        "NumPy itself takes tensors, so there is no second `numpy`; functions of functions have the same names.",
        """\
import numpy as np
from autograd_mini import grad, jacobian, value_and_grad, vmap


def f(w):
    return np.sum(np.tanh(w) ** 2)


w = np.array([0.5, -1.0])
print(grad(f)(w), value_and_grad(f)(w)[0], jacobian(np.tanh)(w).shape, vmap(grad(f))(np.ones((3, 2))).shape)
""",
    ),
    "micrograd": (
        "A `Value` is a `Tensor` that requires grad, of any shape.",
        """\
from autograd_mini import Tensor

a, b = Tensor(2.0, requires_grad=True), Tensor(-3.0, requires_grad=True)
(a * b + b**2).backward()
print(a.grad, b.grad)
""",
    ),
    "scikit-learn": (
        "`nn.estimators` has estimators, for pipelines and searches.",
        """\
import numpy as np
from nn.estimators import MLPClassifier

x, y = np.random.default_rng(0).standard_normal((64, 4)), np.arange(64) % 3
print(MLPClassifier(random_state=0, tol=0.1).fit(x, y).predict(x).shape)
""",
    ),
}

SECTIONS = {
    "Tensors": ("`t.name` elsewhere", engine.TENSOR),
    "Keywords of their methods": ("keyword", engine.OPTIONS),
    "Keywords of tensors and derivatives": ("keyword", engine.CALLS),
    "What those are called here": ("keyword", engine.ARGUMENTS),
    "Joining tensors": ("what takes no tensors", engine.TAKERS),
    "The module `autograd_mini`": ("`torch.name`, `jax.name`, `autograd.name`", engine.ENGINE),
    "Layers, losses and training": ("`nn.name` elsewhere", networks.NN),
    "`torch.nn.functional`": ("`F.name`", networks.FUNCTIONAL),
    "`torch.optim`": ("`optim.name`", networks.OPTIM),
    "`torch.nn.utils`": ("`utils.name`", networks.UTILS),
    "Initial weights": ("name", networks.INIT),
    "Learning rates": ("name", networks.SCHEDULES),
    "Models": ("`model.name` elsewhere", networks.MODULE),
    "Optimizers": ("`optimizer.name` elsewhere", networks.OPTIMIZER),
    "Keywords: what they are called here": ("keyword", networks.RENAMED),
    "Keywords of `nn.fit`": ("keyword", networks.FITS),
    "Keywords of layers": ("keyword", networks.LAYERS),
    "Keywords of optimizers": ("keyword", networks.OPTIMIZERS),
    "Keywords of losses": ("keyword", networks.LOSSES),
    "Keywords of others": ("keyword", networks.FUNCTIONS),
    "Keywords of `nn.DataLoader`": ("keyword", networks.LOADERS),
}
KEYWORDS = engine.OPTIONS, engine.ARGUMENTS, networks.RENAMED


def table(kind: str, rows: engine.Rows) -> list[str]:
    """Lines of a Markdown table, one for each answer."""
    lines = [f"| {kind} | here |", "| --- | --- |"]
    for written, answer in rows.items():
        names = ", ".join(f"`{name}`" for name in written.split()) or "anything else"
        if rows in KEYWORDS:
            here = ", ".join(f"`{name}=`" for name in answer.split())
        else:
            here = engine.in_words(answer).replace("{}", written if len(written.split()) == 1 else "name")
        lines.append(f"| {names} | {here} |".replace("out[i]=t", "out[i] = t[i]"))
    return [*lines, ""]


def written() -> str:
    """The text of docs/coming_from.md."""
    lines = [
        "# Coming from other libraries",
        "",
        "Made by `python -m docs.coming_from` from the tables that errors answer by; do not edit. Whoever writes a",
        "name below gets its answer as the last words of the error: `t.numpy()` says `t.data`. In the answers `t` and",
        "`u` are tensors, `x` and `y` arrays of inputs and targets, `model` is an `nn.Module`.",
        "",
    ]
    for library, (told, code) in BEGINNINGS.items():
        lines += [f"## From {library}", "", told, "", "```python", code.rstrip(), "```", ""]
    for title, (kind, rows) in SECTIONS.items():
        lines += [f"## {title}", "", *table(kind, rows)]
    return "\n".join(lines)


if __name__ == "__main__":
    FILE.write_text(written())
