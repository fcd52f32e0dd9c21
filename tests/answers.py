"""What the tests of `elsewhere` in both packages share: the code in an answer, and whether it can be written here."""

import ast
import inspect
import re
import types

import numpy as np

import autograd_mini
import nn
from autograd_mini import Tensor, elsewhere, no_grad

TO_DEFINE = (
    *("plot", "__init__", "forward", "__len__", "__getitem__"),
    *("on_epoch(run)", "on_step(run)", "def forward(self, x)"),
)


def snippets(answer: str) -> list[str]:
    """The code in an answer."""
    return re.findall(r"`([^`]+)`", answer)


def sample(path: object) -> dict[str, object]:
    """What the names in the tables stand for."""
    t, u = (Tensor(np.arange(6.0).reshape(2, 3) + 1, requires_grad=True) for _ in range(2))
    x, y = np.random.default_rng(0).standard_normal((8, 4)).astype(np.float32), np.arange(8) % 3
    model = nn.MLP([4, 5, 3], rng=0)
    part = nn.Module()
    part.act = nn.Tanh()
    optimizer = nn.SGD(model.parameters(), 0.1)
    loss = nn.cross_entropy(model(x), y) + (t * t).sum()
    loss.backward(retain_graph=True)
    nn.save(path, model)
    outputs, targets = np.random.default_rng(1).random((2, 8, 3))
    return {
        "autograd_mini": autograd_mini,
        "nn": nn,
        "np": np,
        "scipy": __import__("scipy.special"),
        "Tensor": Tensor,
        "no_grad": no_grad,
        "rule": autograd_mini.rule,
        "t": t,
        "u": u,
        "a": np.eye(2),
        "w": np.ones((4, 3)),
        "b": np.ones(3),
        "array": np.zeros((2, 3)),
        "index": np.array([[0], [1]]),
        "mask": np.array([[True, False, True], [False, True, True]]),
        "f": lambda x: np.sum(np.tanh(x)),
        "x": x,
        "v": np.ones_like(x),
        "y": y,
        "i": 0,
        "out": [t],
        "model": model,
        "layer": model[0],
        "layers": [nn.Linear(4, 4), nn.Tanh()],
        "optimizer": optimizer,
        "loss": loss,
        "scores": outputs,
        "outputs": outputs,
        "targets": targets,
        "shares": targets / targets.sum(1, keepdims=True),
        "images": np.ones((2, 3, 8, 8), np.float32),
        "weights": np.ones(8),
        "state": model.state_dict(),
        "dataset": [(row, label) for row, label in zip(x, y, strict=True)],
        "self": part,
        "parameter": model[0].weights,
        "print": lambda *_: None,
        "path": path,
    }


def check(code: str, names: dict[str, object]) -> None:
    """Raise if code does not compile, a name in it does not exist, or, where nothing is left out of it, it fails."""
    if code.endswith("=") or code in TO_DEFINE:  # signatures are compared with keywords
        return
    code = f"{code}\ndef function(): ..." if code.startswith("@") else code
    tree = ast.parse(code)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            resolved(node, names)
        if isinstance(node, ast.Call) and node.keywords:
            called = resolved(node.func, names)
            if called is not None and not isinstance(called, np.ufunc | types.BuiltinFunctionType):
                parameters = inspect.signature(called).parameters
                for keyword in node.keywords if "kwargs" not in parameters else ():
                    assert keyword.arg in parameters, f"{code}: {keyword.arg}"
    left_out = any(isinstance(node, ast.Constant) and node.value is ... for node in ast.walk(tree))
    alone = isinstance(tree.body[0], ast.Assign) and isinstance(tree.body[0].targets[0], ast.Subscript)
    if not left_out and not alone and not code.startswith("@") and '"cuda' not in code:  # no GPU is asked for
        with np.errstate(all="ignore"):
            exec(compile(tree, code, "exec"), names)


def resolved(node: ast.AST, names: dict[str, object]) -> object:
    """What a dotted name means; None if it does not begin with a known one."""
    if isinstance(node, ast.Name):
        return names.get(node.id)
    if isinstance(node, ast.Attribute):
        owner = resolved(node.value, names)
        return None if owner is None or owner is names["self"] else getattr(owner, node.attr)
    return None


def rows_of(module: object) -> dict[str, elsewhere.Rows]:
    """The tables of a module by name."""
    return {name: value for name, value in vars(module).items() if isinstance(value, elsewhere.Rows)}
