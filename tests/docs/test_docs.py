"""What is written works: every example in a docstring, every Python snippet of the README and CONTRIBUTING."""

import doctest
import importlib
import importlib.metadata
import inspect
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import autograd_mini
import nn
from autograd_mini import devices, showing, testing
from docs.extensions import public
from nn import estimators

ROOT = Path(__file__).parents[2]
MODULES = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")  # by file: importing registers
    for package in ("autograd_mini", "nn")
    for path in sorted((ROOT / package).rglob("*.py"))
]


NEEDS = {
    "autograd_mini.devices.pytorch": "torch",
    "autograd_mini.showing": "pandas",
    "nn.models.pytorch.reading": "torch",
    "nn.models.saving": "onnx",
    "nn.models.onnx": "onnx",
}


def needed(name):
    """What must be installed to run the examples of a module, or None."""
    return next((package for start, package in NEEDS.items() if name.startswith(start)), None)


def with_its_mark(name):
    """A module whose examples run only with what an extra installs."""
    return pytest.param(name, marks=pytest.mark.extra) if needed(name) else name


@pytest.mark.parametrize("name", [*map(with_its_mark, MODULES)])
def test_examples_in_docstrings(name, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    if name.startswith("autograd_mini.scipy"):  # importing it registers rules, which other tests must not see
        code = f"import doctest, importlib; print(doctest.testmod(importlib.import_module({name!r})).failed)"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
        assert done.stdout.splitlines()[-1:] == ["0"], done.stdout + done.stderr
        return
    if needed(name):
        pytest.importorskip(needed(name))
    module = importlib.import_module(name)
    failed, _ = doctest.testmod(module, extraglobs={"np": np}, report=True)
    assert not failed


@pytest.mark.parametrize("package", [autograd_mini, nn])
def test_every_public_name_is_documented(package):
    for name in package.__all__:
        assert len(getattr(package, name).__doc__ or "") > 20, name


@pytest.mark.parametrize("module", [nn.data, nn.init, nn.perceptrons, nn.schedules], ids=lambda module: module.__name__)
def test_a_public_module_names_what_it_defines_and_documents_it(module):
    kinds = inspect.isfunction, inspect.isclass
    values = {name: value for name, value in vars(module).items() if any(kind(value) for kind in kinds)}
    defined = {name for name, value in values.items() if inspect.getmodule(value) is module}
    assert set(module.__all__) == {name for name in defined if not name.startswith("_")}
    for name in module.__all__:
        assert len(getattr(module, name).__doc__ or "") > 20, name


def snippets(path):
    """The Python blocks of a file, each with its line."""
    if not path.exists():
        return []
    text = path.read_text()
    return [
        (text[: found.start()].count("\n") + 2, found[1]) for found in re.finditer(r"(?ms)^```python\n(.*?)^```", text)
    ]


@pytest.mark.parametrize(
    ("line", "code"), snippets(ROOT / "README.md"), ids=[f"line-{line}" for line, _ in snippets(ROOT / "README.md")]
)
def test_readme_snippet_runs_by_itself(line, code, monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    exec(compile("\n" * (line - 1) + code, "README.md", "exec"), {"__name__": "__main__"})
    for path in tmp_path.glob("*.png"):
        assert same_picture(path, ROOT / "docs" / "pictures" / path.name), f"copy {path} into docs/pictures/"


def same_picture(one, two):
    """Whether two pictures show the same, but for how letters are drawn, and of drawings where Graphviz puts them."""
    if one.suffix == ".svg":
        words = [re.findall(r">([^<>]+)</text>", path.read_text()) for path in (one, two)]
        return words[0] == words[1] != []
    from matplotlib.image import imread

    a, b = imread(one), imread(two)
    return a.shape == b.shape and np.mean(np.abs(a - b)) < 0.02


def test_another_picture_is_found_out(tmp_path):
    pictures = pytest.importorskip("matplotlib.image")
    there = ROOT / "docs" / "pictures" / "signals.png"
    upside_down = pictures.imread(there)[::-1]
    pictures.imsave(tmp_path / "other.png", upside_down)
    assert same_picture(there, there)
    assert not same_picture(tmp_path / "other.png", there)
    drawn = ROOT / "docs" / "pictures" / "tour_graph.svg"
    (tmp_path / "other.svg").write_text(drawn.read_text().replace("tanh", "sin"))
    assert same_picture(drawn, drawn)
    assert not same_picture(tmp_path / "other.svg", drawn)


@pytest.mark.parametrize("code", [code for _, code in snippets(ROOT / "CONTRIBUTING.md")])
def test_contributing_snippet_runs(code):
    exec(compile(code, "CONTRIBUTING.md", "exec"), {})


OF_EXTRAS = "distributed", "jax", "onnx", "torch"
OF_THEIR_OWN = {"testing.md"}  # tests/docs/test_testing_tutorial.py


def page_with_its_marks(path):
    """A page of docs/, which is run where what it needs is installed, and where there is time."""
    code = "\n".join(code for _, code in snippets(path))
    needs = [package for package in OF_EXTRAS if re.search(rf"\b{package}\b", code)]
    marks = [pytest.mark.extra] * bool(needs) + [pytest.mark.heavy] * (".cures(" in code)
    return pytest.param(path, needs, id=path.name, marks=marks)


PAGES = [path for path in sorted((ROOT / "docs").rglob("*.md")) if path.name not in OF_THEIR_OWN and snippets(path)]


@pytest.mark.parametrize(("page", "needs"), [*map(page_with_its_marks, PAGES)])
def test_a_page_runs_from_top_to_bottom_and_prints_what_it_shows(page, needs, capsys, monkeypatch, tmp_path):
    for package in needs:
        pytest.importorskip(package)
    monkeypatch.chdir(tmp_path)
    space = {"__name__": "__main__"}  # whose functions are sent to workers whole
    for line, code in snippets(page):
        exec(compile("\n" * (line - 1) + code, str(page), "exec"), space)
        said = capsys.readouterr().out
        told = re.match(r"(?s)\n```text\n(.*?)```", page.read_text().partition(code + "```\n")[2])
        assert told is None or timeless(told[1]) == timeless(said)
    for path in sorted(tmp_path.glob("*.png")) + sorted(tmp_path.glob("*.svg")):
        shown = ROOT / "docs" / "pictures" / path.name
        if shown.exists():
            assert same_picture(path, shown), f"copy {path} into docs/pictures/"


def test_most_pages_have_code_that_runs():
    assert len(PAGES) >= 12


def timeless(text):
    """The text without how long something took."""
    return re.sub(r"in \d+ ms", "", text)


def test_readme_has_snippets():
    assert len(snippets(ROOT / "README.md")) >= 2, "README.md is missing or shows no Python"


@pytest.mark.parametrize("page", [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")], ids=lambda page: page.name)
def test_a_page_names_files_that_exist(page):
    text = page.read_text().replace("NN_topic", "01_perceptrons")
    for name in re.findall(r"\b((?:autograd_mini|nn|examples|benchmarks|tests|docs)/[\w./]+)\b", text):
        page_of_an_example = ROOT / f"{name}.py"
        assert (ROOT / name).exists() or page_of_an_example.exists() or name == "examples/index", name


def test_changelog_tells_of_this_version():
    assert autograd_mini.__version__ in (ROOT / "CHANGELOG.md").read_text()


def test_both_packages_tell_the_version_that_is_installed():
    assert nn.__version__ == autograd_mini.__version__ == importlib.metadata.version("autograd-mini")


SCIPY = "integrate", "linalg", "signal", "sparse", "special", "stats"
API = {
    "engine": [autograd_mini],
    "nn": [nn, nn.changes, nn.data, nn.init, nn.perceptrons, nn.schedules, estimators],
    "testing": [testing, testing.laws],
    "scipy": [importlib.import_module(f"autograd_mini.scipy.{name}") for name in SCIPY],
    "devices": [devices],
    "showing": [showing],
}


@pytest.mark.parametrize("page", API)
def test_the_reference_names_all_that_is_public_and_nothing_else(page):
    pytest.importorskip("sklearn")
    listed = {id(thing) for thing in public.public(page).values()}
    things = {f"{module.__name__}.{name}": getattr(module, name) for module in API[page] for name in module.__all__}
    assert [name for name, thing in things.items() if not inspect.ismodule(thing) and id(thing) not in listed] == []
    assert listed <= {id(thing) for thing in things.values()}
