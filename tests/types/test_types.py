"""What type checkers say of users' code, and that it is so when the code runs.

In `scripts/` a line `reveal_type(value)  # Tensor` says what type it has: to mypy, to pyright, and when it runs. A line
that ends in `# wrong` is one that both checkers are to find fault with. All arrays are called `array`.
"""

import ast
import json
import re
import subprocess
import sys
import typing
from pathlib import Path
from types import NoneType

import numpy as np
import pytest

import nn  # noqa: F401 (before the tests, each of which puts rules back as they were)
from autograd_mini import Tensor

ROOT = Path(__file__).parents[2]
SCRIPTS = Path(__file__).parent / "scripts"
FILES = sorted(SCRIPTS.glob("*.py"))
MISTAKES = SCRIPTS / "mistakes.py"
UNTYPED = ["disallow_untyped_defs = false", "disallow_incomplete_defs = false", "disallow_untyped_calls = false"]
PAGES = [ROOT / "docs" / f"{name}.md" for name in ("tour", "tensors", "operations", "networks")]
# Lines of pages that NumPy's type stubs forbid; with autograd_mini's `numpy` all are right.
FORBIDDEN = {
    "np.sum(w32 * np.ones(3)).backward()  # computed in float64",
    "np.sum(v**2).backward()",
    "np.mean(distances).backward()",
    "distances = np.sqrt(np.sum((x - y) ** 2, axis=1))",
    "slopes = vmap(grad(lambda image: np.max(model(image))))(images)",
}
MEANT = {
    "np.histogram(h)",  # raises, which the page shows
    'assert slopes["b"][0].shape == (2,)',  # a dict of an array and a list: its values are objects to checkers
}


def said(path):
    """What the lines of a script say that follows: {line: type, or "wrong"}."""
    found = {}
    for number, line in enumerate(path.read_text().splitlines(), 1):
        told = re.search(r"^ *reveal_type\(.*\)  # (.*)$", line) or re.search(r"  # (wrong)$", line)
        if told:
            found[number] = told[1]
    return found


def short(name):
    """A type without modules, shapes and dtypes."""
    name = re.sub(r"\b(?:\w+\.)+(\w+)", r"\1", name.replace("...", "…")).replace("…", "...")
    while "ndarray[" in name:
        start = name.index("ndarray[")
        end, depth = start + len("ndarray["), 1
        while depth:
            depth += {"[": 1, "]": -1}.get(name[end], 0)
            end += 1
        name = f"{name[:start]}array{name[end:]}"
    return name


def snippets(path):
    """The Python blocks of a page, each as it is in the page, and by autograd_mini's `numpy`."""
    blocks = re.findall(r"(?ms)^```python\n(.*?)^```", path.read_text())
    typed = [code.replace("import numpy as np", "from autograd_mini import numpy as np") for code in blocks]
    return blocks, typed


@pytest.fixture
def files(tmp_path):
    """All that is checked: the scripts, README.md's snippets, pages, and what a tensor has, each looked up."""
    for path in FILES:
        (tmp_path / path.name).write_text(path.read_text())
    for kind, blocks in zip(("plain", "typed"), snippets(ROOT / "README.md"), strict=True):
        for i, code in enumerate(blocks):
            (tmp_path / f"{kind}_{i}.py").write_text(code)
    for path in PAGES:
        for kind, blocks in zip(("plain", "typed"), snippets(path), strict=True):
            (tmp_path / f"{kind}_{path.stem}.py").write_text("\n".join(blocks))
    (tmp_path / "page.py").write_text("\n".join(snippets(ROOT / "docs" / "types.md")[0]))
    lines = [f"reveal_type(t.{name})" for name in of_tensors()]
    (tmp_path / "looked_up.py").write_text("\n".join(["from autograd_mini import Tensor", "t = Tensor(1.0)", *lines]))
    return tmp_path


def of_tensors():
    """What a tensor has that an object has not: methods, operators, attributes."""
    names = set(dir(Tensor(1.0))) - {*dir(object), "__weakref__"}
    return sorted(name for name in names if name[0] != "_" or name[:2] == "__")


def by_mypy(files):
    """What mypy says: the file, the line, whether it is an error, the text."""
    pytest.importorskip("mypy")
    names = sorted(path.name for path in files.glob("*.py"))
    pages = ",".join(name[:-3] for name in names if name.startswith(("plain", "typed")))
    untyped = "\n".join([f"[mypy-{pages}]", *UNTYPED, ""])
    settings = f"[mypy]\nstrict = true\nallow_redefinition = true\nmypy_path = {ROOT}\n{untyped}"
    settings += "[mypy-sklearn.*]\nignore_missing_imports = true\n"
    (files / "mypy.ini").write_text(settings)
    command = [sys.executable, "-m", "mypy", "--config-file", "mypy.ini", "--cache-dir", "cache", "--no-error-summary"]
    run = subprocess.run([*command, *names], cwd=files, capture_output=True, text=True, check=False)
    assert run.returncode in {0, 1}, run.stdout + run.stderr
    found = re.findall(r"(?m)^(\w+\.py):(\d+): (error|note): (.*)$", run.stdout)
    return [(file, int(line), kind, text) for file, line, kind, text in found]


def by_pyright(files):
    """The same of pyright; basedpyright is pyright as a package of Python's, which downloads nothing when it runs."""
    pytest.importorskip("basedpyright")
    settings = {"typeCheckingMode": "standard", "useLibraryCodeForTypes": False}
    settings |= {"extraPaths": [str(ROOT)], "include": ["*.py"]}
    (files / "pyrightconfig.json").write_text(json.dumps(settings))
    command = [sys.executable, "-m", "basedpyright", "--project", str(files), "--outputjson"]
    run = subprocess.run([*command, "--pythonpath", sys.executable], capture_output=True, text=True, check=False)
    assert run.returncode in {0, 1}, run.stdout + run.stderr
    found = json.loads(run.stdout)["generalDiagnostics"]
    return [
        (Path(one["file"]).name, one["range"]["start"]["line"] + 1, one["severity"], one["message"]) for one in found
    ]


def check_revealed(messages):
    """The types of lines are those that the scripts say."""
    revealed = {}
    for file, line, _, text in messages:
        told = re.fullmatch(r'(?:Revealed type|Type of "(?:.|\n)*") is "(.*)"', text)
        if told:
            revealed.setdefault(file, {})[line] = short(told[1])
    for path in FILES:
        wanted = {line: what for line, what in said(path).items() if what != "wrong"}
        assert revealed.get(path.name, {}) == wanted, path.name


def check_faults(messages, files):
    """Only lines that are wrong have faults, and in pages those that are meant or that NumPy's stubs forbid."""
    code = {path.name: path.read_text().splitlines() for path in files.glob("*.py")}
    faults = {(file, line) for file, line, kind, _ in messages if kind == "error"}
    faults -= {(file, line) for file, line in faults if code[file][line - 1].strip() in MEANT}
    plain = {(file, line) for file, line in faults if file.startswith("plain")}
    assert faults - plain == {(MISTAKES.name, line) for line, what in said(MISTAKES).items() if what == "wrong"}
    assert {code[file][line - 1].strip() for file, line in plain} <= FORBIDDEN


@pytest.mark.heavy
@pytest.mark.extra
def test_pyright_knows_the_types_finds_the_mistakes_and_accepts_the_pages(files):
    messages = by_pyright(files)
    check_revealed(messages)
    check_faults(messages, files)


@pytest.mark.heavy
@pytest.mark.extra
def test_mypy_knows_the_types_finds_the_mistakes_and_accepts_the_pages(files):
    messages = by_mypy(files)
    check_revealed(messages)
    check_faults(messages, files)
    types = {line: text for file, line, _, text in messages if file == "looked_up.py"}
    unknown = {name for line, name in enumerate(of_tensors(), 3) if re.search(r'is "Any"|-> Any"$', types[line])}
    # What is made for other libraries, and numbers of whichever kind.
    protocols = {"__array_function__", "__array_namespace__", "__array_ufunc__", "__autograd_primitive__"}
    assert unknown <= protocols | {"__deepcopy__", "__dlpack__", "__dlpack_device__", "item", "tolist"}


def test_the_first_script_begins_with_the_first_example_of_tensors():
    example = snippets(ROOT / "docs" / "tensors.md")[0][0]
    lines = [line.partition("  #")[0] for line in example.splitlines() if "import" not in line]
    assert "\n".join(lines).strip() in (SCRIPTS / "tensors.py").read_text()


class Reveal:
    """Takes the place of `reveal_type` in a script that runs: looks whether each value is what its line says."""

    def __init__(self, path):
        self.wanted, self.seen = said(path), set()

    def __call__(self, value):
        line = sys._getframe(1).f_lineno
        self.seen.add(line)
        assert fits(value, ast.parse(self.wanted[line], mode="eval").body), (line, self.wanted[line], type(value))
        return value


NAMES = {"array": np.ndarray, "Tensor": Tensor, "None": NoneType}


def fits(value, kind):
    """Whether a value is of a type that is written down."""
    match kind:
        case ast.Constant(value=None):
            return value is None
        case ast.Name(id=name):
            return name == "Any" or name in {cls.__name__ for cls in type(value).__mro__} | known_as(value)
        case ast.BinOp(left=left, right=right):
            return fits(value, left) or fits(value, right)
        case ast.Subscript(value=ast.Name(id="dict"), slice=ast.Tuple(elts=[key, item])):
            return type(value) is dict and all(fits(k, key) and fits(v, item) for k, v in value.items())
        case ast.Subscript(value=ast.Name(id="tuple"), slice=ast.Tuple(elts=[item, ast.Constant()])):
            return isinstance(value, tuple) and all(fits(part, item) for part in value)
        case ast.Subscript(value=ast.Name(id="tuple"), slice=ast.Tuple(elts=items)):
            return isinstance(value, tuple) and len(value) == len(items) and all(map(fits, value, items))
        case ast.Subscript(value=ast.Name(id="list"), slice=item):
            return type(value) is list and all(fits(part, item) for part in value)
    return False


def known_as(value):
    return {"array"} if isinstance(value, np.ndarray) else set()


@pytest.mark.parametrize("path", [path for path in FILES if path != MISTAKES], ids=lambda path: path.stem)
def test_scripts_run_and_their_values_are_what_is_said(path, monkeypatch, tmp_path):
    if path.stem == "estimators":
        pytest.importorskip("sklearn")
    reveal = Reveal(path)
    monkeypatch.setattr(typing, "reveal_type", reveal)
    monkeypatch.chdir(tmp_path)
    exec(compile(path.read_text(), str(path), "exec"), {"__name__": "__main__"})
    assert reveal.seen == reveal.wanted.keys()


def test_types_are_shortened():
    assert short("numpy.ndarray[tuple[Any, ...], numpy.dtype[numpy.float64]] | None") == "array | None"
    assert short("tuple[autograd_mini.tensor.Tensor, ...]") == "tuple[Tensor, ...]"
    assert not fits((1.0,), ast.parse("tuple[float, float]", mode="eval").body)
    assert fits({"a": None}, ast.parse("dict[str, int | None]", mode="eval").body)
