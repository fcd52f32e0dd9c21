"""Each example of the gallery keeps what docs/lecture.md says of it: it runs, its claim holds, its picture is drawn."""

import importlib.util
import multiprocessing
import os
import re
import runpy
import sys
import warnings
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SPEC = importlib.util.spec_from_file_location("lecture_page", ROOT / "docs" / "lecture.py")
lecture = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(lecture)

OF_PYTORCH = {"22_models"}
gallery = pytest.mark.parametrize("example", lecture.examples(), ids=lambda example: example.name)
runs = pytest.mark.parametrize(
    "example",
    [
        pytest.param(example, id=example.name, marks=[pytest.mark.extra] * (example.name in OF_PYTORCH))
        for example in lecture.examples()
    ],
)


# What takes most examples longer to import than to run is imported once, in a process that each of them is forked from.
processes = multiprocessing.get_context("forkserver" if hasattr(os, "fork") else "spawn")
processes.set_forkserver_preload(["matplotlib.pyplot", "sklearn.datasets", "sklearn.model_selection", __name__])


def run_as_main(path, folder):
    """What `python -W error path --fast` does in a folder; what it prints is in the file `printed` there."""
    os.chdir(folder)
    with Path("printed").open("w") as printed:
        os.dup2(printed.fileno(), 1)
        os.dup2(printed.fileno(), 2)
    sys.argv, sys.path[:0] = [str(path), "--fast"], [str(path.parent)]
    warnings.simplefilter("error")
    runpy.run_path(str(path), run_name="__main__")


@pytest.fixture
def run(tmp_path, monkeypatch):
    for extra in ("matplotlib", "sklearn", "scipy", "tqdm"):
        pytest.importorskip(extra)
    for name, value in lecture.ENVIRONMENT.items():
        monkeypatch.setenv(name, value)

    def run(path):
        """The exit code of an example, and what it printed."""
        process = processes.Process(target=run_as_main, args=(path, tmp_path))
        process.start()
        process.join()
        return process.exitcode, (tmp_path / "printed").read_text()

    return run


@pytest.mark.heavy
@runs
def test_it_runs_in_seconds_and_its_claim_holds(example, run, tmp_path):
    if example.name in OF_PYTORCH:
        pytest.importorskip("torch")
    code, printed = run(example.path)
    assert code == 0, printed
    assert re.search(r"\d", printed.splitlines()[-1]), "the claim has no number"
    assert (tmp_path / "gallery" / f"{example.name}.png").stat().st_size > 1000


@pytest.mark.parametrize(
    "line",
    ["gallery.claim(1 > 2, 'No')", "import warnings; warnings.warn('Slow')", "unknown", "assert not gallery.fast()"],
)
def test_an_example_that_goes_wrong_is_found_out(run, tmp_path, line):
    (tmp_path / "gallery.py").write_bytes((lecture.EXAMPLES / "gallery.py").read_bytes())
    (tmp_path / "99_wrong.py").write_text(f"import gallery\n{line}\n")
    code, printed = run(tmp_path / "99_wrong.py")
    assert code != 0
    assert printed


@gallery
def test_it_is_short_and_says_what_it_shows(example):
    assert len(example.path.read_text().splitlines()) < 100
    assert example.shows, "the docstring says nothing"
    assert example.slides, "the docstring has no line `Slides: ...`"
    assert example.names, "the docstring has no line `Lives in: ...`"


@gallery
def test_the_names_where_it_lives_are_public(example):
    for name in example.names:
        lecture.public(name)  # raises if there is none


@gallery
def test_it_has_a_row_with_a_measured_result_and_a_picture(example):
    result = lecture.recorded().get(example.name, "")
    assert re.search(r"\d", result), f"no row: run `python -m docs.lecture --only {example.name[:2]}`"
    assert (ROOT / "gallery" / f"{example.name}.png").exists()


def test_the_page_is_what_the_examples_say():
    assert lecture.FILE.read_text() == lecture.written(lecture.recorded()), "stale: run `python -m docs.lecture --only`"


def test_every_row_names_files_that_exist():
    links = re.findall(r"\]\(([^)]+)\)|src=\"([^\"]+)\"", lecture.FILE.read_text())
    assert len(links) >= 3 * len(lecture.recorded()) > 0
    for link in links:
        assert (lecture.FILE.parent / "".join(link)).exists(), link


def test_a_name_that_is_in_neither_package_is_found_out():
    assert lecture.public("nn.perceptrons.AND")
    for wrong in ("nn.Perzeptron", "numpy.sum", "nn.perceptrons.NAND", "nn.nowhere.Linear"):
        with pytest.raises(AttributeError):
            lecture.public(wrong)


def test_a_docstring_is_read_by_its_fields(tmp_path):
    path = tmp_path / "99_topic.py"
    path.write_text('"""It shows.\n\nSlides: A; B:\n    C\nLives in: nn.MLP,\n    `nn.SGD`\n\nMore.\n"""\n')
    example = lecture.described(path)
    assert example[1:] == ("It shows.", "A; B: C", "nn.MLP, `nn.SGD`")
    assert example.names == ["nn.MLP", "nn.SGD"]


def test_a_measured_result_survives_a_new_page(tmp_path, monkeypatch):
    monkeypatch.setattr(lecture, "FILE", tmp_path / "lecture.md")
    results = {example.name: r"a \| b is 3" for example in lecture.examples()}
    lecture.FILE.write_text(lecture.written(results))
    assert lecture.recorded() == results
