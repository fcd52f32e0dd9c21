"""Saved programs run in a process without this library, to the same bits."""

import ast
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import nn
from autograd_mini import CompileError, Tensor, compile, devices, primitive, rule, value_and_grad

RNG = np.random.default_rng(0)
RUN = """
import importlib.util, pathlib, pickle, sys
import numpy as np
for case in pickle.loads(pathlib.Path(sys.argv[1]).read_bytes()):
    spec = importlib.util.spec_from_file_location("saved", case["path"])
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    step, changed = module.build(*case["given"])
    numbers = case["numbers"]
    for batch, expected in case["calls"]:
        out = step(*batch, *numbers)
        out = out if isinstance(out, tuple) else (out,)
        after = out[len(out) - len(case["counted"]):]
        for place, value in zip(case["counted"], after):
            numbers[place] = value
        made = [np.asarray(value).tobytes() for value in out[: len(out) - len(after)]]
        assert made == expected, case["name"]
    assert [array.tobytes() for array in changed] == case["changed"], case["name"]
assert not {"autograd_mini", "nn"} & set(sys.modules)
print("equal")
"""


def numbers(*shape):
    return RNG.standard_normal(shape).astype(np.float32)


ROWS = [(numbers(16, 6), RNG.integers(0, 3, 16)) for _ in range(9)]
REAL = [(numbers(16, 6), numbers(16, 3)) for _ in range(9)]
IMAGES = [(numbers(4, 1, 8, 8), RNG.integers(0, 3, 4)) for _ in range(9)]


def sgd(parameters):
    return nn.SGD(parameters, 0.1, momentum=0.9)


def adam(parameters):
    return nn.Adam(parameters, 0.01)


def hidden(*layers):
    return lambda: nn.Sequential(nn.Linear(6, 8, rng=0), *(layer() for layer in layers), nn.Linear(8, 3, rng=1))


def mlp(activation):
    return lambda: nn.MLP([6, 8, 3], activation=activation, rng=0)


def convolution():
    return nn.Sequential(nn.Conv2d(1, 2, 3, rng=0), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(18, 3, rng=1))


CASES = {
    "sgd": (mlp("tanh"), nn.squared_error, sgd, REAL),
    "adam": (mlp("tanh"), nn.squared_error, adam, REAL),
    "relu": (mlp("relu"), nn.cross_entropy, sgd, ROWS),
    "prelu": (mlp("prelu"), nn.cross_entropy, adam, ROWS),
    "gelu": (mlp("gelu"), nn.cross_entropy, adam, ROWS),
    "dropout": (hidden(nn.Tanh, lambda: nn.Dropout(0.4, rng=2)), nn.cross_entropy, sgd, ROWS),
    "batch norm": (hidden(lambda: nn.BatchNorm(8), nn.ReLU), nn.cross_entropy, sgd, ROWS),
    "layer norm": (hidden(lambda: nn.LayerNorm(8), nn.GELU), nn.cross_entropy, adam, ROWS),
    "convolution": (convolution, nn.cross_entropy, sgd, IMAGES),
}


def trained(name):
    """A compiled step and what it is called with."""
    make, loss_of, optimizer_of, batches = CASES[name]
    model = make()
    optimizer = optimizer_of(model.parameters())

    @compile(model, optimizer)
    def step(x, y):
        optimizer.zero_grad()
        loss = loss_of(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    return step, batches


def case_of(name, step, batches, folder):
    """A program, saved when it runs, with what three more of its calls make."""
    for batch in batches[:-3]:
        step(*batch)
    assert step.last is not None, f"the program of {name} is not used"
    path = folder / f"{name.replace(' ', '_')}.py"
    step.save(path)
    assert path.read_text() == f"{step.source}\n"
    bound = step.latest()
    text = bound.text
    given = pickle.loads(pickle.dumps([bound.held(v) for v in (*text.slots, *text.generators)]))
    numbers_now = [bound.held(v) for v in text.numbers]
    calls = []
    for batch in batches[-3:]:
        result = step(*batch)
        made = result if isinstance(result, tuple) else (result,)
        calls.append((batch, [np.asarray(r.data if isinstance(r, Tensor) else r).tobytes() for r in made]))
    changed = [bound.held(v).tobytes() for v in text.state]
    counted = [i for i, v in enumerate(text.numbers) if v in text.counted]
    return {
        "name": name,
        "path": str(path),
        "given": given,
        "numbers": numbers_now,
        "counted": counted,
        "calls": calls,
        "changed": changed,
    }


def run_alone(cases, folder):
    """Run saved programs in a process that cannot import this library."""
    (folder / "cases").write_bytes(pickle.dumps(cases))
    (folder / "run.py").write_text(RUN)
    command = [sys.executable, "-I", "-S", "-c", path_of_numpy() + RUN, str(folder / "cases")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)
    assert done.stdout == "equal\n", done.stderr


def path_of_numpy():
    """The text that lets a process find NumPy, and nothing that is installed in another way, such as this library."""
    return f"import sys; sys.path.append({str(Path(np.__file__).parents[1])!r})\n"


def test_saved_steps_give_the_same_bits_without_the_library(tmp_path):
    run_alone([case_of(name, *trained(name), tmp_path) for name in CASES], tmp_path)


def test_a_users_primitive_is_written_with_what_it_refers_to(tmp_path):
    @primitive
    def bent(x):
        return bend(x, SLOPE)

    rule(bent, lambda g, _out, x: g * np.where(x > 0, 1, SLOPE))
    pure = compile(value_and_grad(lambda w: np.sum(bent(w) * TABLE)))
    batches = [(numbers(5, 70),) for _ in range(9)]
    run_alone([case_of("pure", pure, batches, tmp_path)], tmp_path)
    assert "def bend(x, slope):" in pure.source
    assert "base64" in pure.source  # the table


SLOPE = np.float32(0.25)
TABLE = numbers(5, 70)


def bend(x, slope):
    """A function that branches, which no recording looks into."""
    return np.where(np.asarray(x) > 0, x, slope * np.asarray(x))


def test_the_file_says_how_it_is_called(tmp_path):
    step, batches = trained("adam")
    for batch in batches:
        step(*batch)
    doc = ast.get_docstring(ast.parse(step.source))
    assert "step, changed = build(" in doc
    assert "x: np.float32 (16, 6)" in doc
    assert "rate: now 0.01" in doc
    assert "the step returns the next" in doc


def test_what_has_no_text_is_named():
    @primitive
    def scaled(x):
        return scale(x)

    rule(scaled, lambda g, _out, _x: g * 2)
    step = compile(value_and_grad(lambda w: np.sum(scaled(w))))
    for _ in range(4):
        step(numbers(3))
    with pytest.raises(CompileError, match=r"Scale object .* cannot be written into a file"):
        step.source


class Scale:
    """What is called, and keeps its state in no text."""

    def __call__(self, x):
        return np.asarray(x) * 2


scale = Scale()


def test_a_program_says_what_its_parts_do_in_a_paragraph_each():
    step = compile(value_and_grad(lambda scores: nn.cross_entropy(scores, np.arange(4))))
    for _ in range(3):
        step(np.eye(4))
    parts = ast.parse(step.source).body
    told = {part.name: ast.get_docstring(part) or "" for part in parts if isinstance(part, ast.FunctionDef)}
    assert "\n\n" in devices.is_lazy.__doc__
    assert told["is_lazy"]
    assert not [name for name, text in told.items() if "\n\n" in text and name != "build"]
