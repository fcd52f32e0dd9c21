"""What is handed on: facts that files must agree on, and a wheel that works alone."""

import importlib.util
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

import autograd_mini

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
DEVELOPERS, GPUS = {"all-tests", "bench", "dev", "docs", "test"}, {"cupy", "torch"}

PAGES = [ROOT / "README.md", ROOT / "docs" / "tensors.md", ROOT / "docs" / "operations.md"]
# README's snippets, of which the first asks for a plot, and two pages, where there is nothing but the wheel.
TOUR = """
import pathlib, re, sys
import autograd_mini, nn
for package in (autograd_mini, nn):
    assert pathlib.Path(package.__file__).is_relative_to(sys.prefix), package
texts = [pathlib.Path(name).read_text() for name in sys.argv[1:]]
readme, *pages = [re.findall("```python\\n(.*?)```", text, re.DOTALL) for text in texts]
try:
    exec(readme[0], {})
except ImportError as error:
    print(error)
for code in (*readme[1:], *map("\\n".join, pages)):
    exec(code, {"__name__": "__main__"})
"""


def run(*command, cwd=None):
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False, cwd=cwd)
    assert not done.returncode, done.stdout + done.stderr
    return done.stdout


def test_what_to_cite_agrees_with_the_package():
    cited = dict(re.findall(r"^(\w+): (.+)$", (ROOT / "CITATION.cff").read_text(), re.MULTILINE))
    assert cited["version"] == autograd_mini.__version__
    assert cited["license"] == PROJECT["license"]
    assert PROJECT["authors"][0]["name"] in (ROOT / "CITATION.cff").read_text()


@pytest.mark.parametrize("path", sorted((ROOT / ".github").rglob("*.yml")), ids=lambda path: path.stem)
def test_forms_for_issues_can_be_read(path):
    form = pytest.importorskip("yaml").safe_load(path.read_text())
    assert form.get("body", form)
    assert "http" not in path.read_text()


def installed(extra):
    """The packages that an extra brings, those of other extras among them."""
    found = set()
    for requirement in PROJECT["optional-dependencies"][extra]:
        own = re.fullmatch(r"autograd-mini\[(.*)\]", requirement)
        found |= {name for part in own[1].split(",") for name in installed(part)} if own else {requirement}
    return found


def test_all_brings_what_every_machine_can_use():
    for extra in PROJECT["optional-dependencies"].keys() - DEVELOPERS - GPUS:
        assert installed(extra) <= installed("all"), extra


@pytest.mark.extra
@pytest.mark.parametrize("home", ["", "https://example.org/us/it"])
def test_on_a_package_index_no_link_of_the_readme_leads_nowhere(home):
    pytest.importorskip("hatchling")
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    hook = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(hook)
    text = (ROOT / "README.md").read_text()
    links = re.findall(r"\]\(([^)]+)\)", text)
    shown = hook.shown(text, home)
    assert len(links) > 15
    assert all((ROOT / link).exists() for link in links)
    whole = [f"{home}/{'raw' if link.endswith('.png') else 'blob'}/HEAD/{link}" for link in links]
    assert re.findall(r"\]\(([^)]+)\)", shown) == (whole if home else [])
    assert "A tour in ten minutes" in shown
    assert "A map of three nets of 30 tanh layers" in shown


@pytest.mark.heavy
@pytest.mark.extra
def test_the_wheel_alone_is_enough_for_the_first_steps(tmp_path):
    pytest.importorskip("build")
    pytest.importorskip("twine")
    run(sys.executable, "-m", "build", "--outdir", tmp_path / "dist", ROOT)
    (wheel,), (sdist,) = (tmp_path / "dist").glob("*.whl"), (tmp_path / "dist").glob("*.tar.gz")
    run(sys.executable, "-m", "twine", "check", "--strict", wheel, sdist)
    with zipfile.ZipFile(wheel) as files:
        names = set(files.namelist())
    assert names >= {"autograd_mini/py.typed", "nn/py.typed", "autograd_mini/signals/page.html"}
    assert not [name for name in names if name.split("/")[0] in {"tests", "docs", "examples", "benchmarks"}]
    run(sys.executable, "-m", "venv", tmp_path / "fresh")
    python = tmp_path / "fresh" / "bin" / "python"
    run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", wheel)
    assert 'pip install "autograd-mini[plot]"' in run(python, "-I", "-c", TOUR, *PAGES, cwd=tmp_path)
    tour = f"import runpy; runpy.run_path({str(ROOT / 'tests/autograd_mini/test_tour.py')!r})['test_tour']()"
    run(python, "-I", "-c", tour, cwd=tmp_path)
