"""Pages for those who come from other libraries: names are those of the tables, what is to be written can be."""

import importlib.util
import re

import pytest

from autograd_mini import elsewhere as engine
from nn import elsewhere as networks
from tests import answers
from tests.docs.test_docs import ROOT

SPEC = importlib.util.spec_from_file_location("coming_from", ROOT / "docs" / "coming_from.py")
pages = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(pages)

BEGINNINGS = sorted({*pages.FOLDER.glob("*.md")} - {pages.FOLDER / name for name in pages.PAGES})
FOREIGN = {"pytorch": "torch", "jax": "jax", "scikit-learn": "sklearn"}  # whose code on the page runs too


@pytest.mark.parametrize("name", pages.PAGES)
def test_a_page_of_names_is_what_the_tables_say(name):
    assert (pages.FOLDER / name).read_text() == pages.written(name), "stale: run `python -m docs.coming_from`"


def test_each_table_and_each_name_is_on_a_page():
    tables = {**answers.rows_of(engine), **answers.rows_of(networks)}
    tables.pop("NONE")
    sections = {**pages.ARRAYS, **pages.NETWORKS}
    assert {*map(id, tables.values())} == {id(rows) for _, rows in sections.values()}
    text = "\n".join(map(pages.written, pages.PAGES))
    assert [n for rows in tables.values() for n in rows.written if n and f"`{n}`" not in text] == ["out[i]=t"]


def rows(page):
    """What the tables of a page say to write here, row by row."""
    lines = [line for line in page.read_text().splitlines() if line.startswith("| ")]
    return [line.split(" | ")[-1] for line in lines if not line.startswith(("| ---", "| you expect"))]


@pytest.mark.parametrize("page", BEGINNINGS, ids=lambda page: page.stem)
def test_what_the_tables_of_a_beginning_say_can_be_written(page, tmp_path):
    told = [code for row in rows(page) for code in answers.snippets(row)]
    assert len(told) > 10
    for code in told:
        answers.check(code, answers.sample(tmp_path / "model.safetensors"))


@pytest.mark.extra
@pytest.mark.parametrize("library", FOREIGN)
def test_what_is_written_there_runs_too(library, capsys, monkeypatch, tmp_path):
    pytest.importorskip(FOREIGN[library])
    monkeypatch.chdir(tmp_path)
    text = (pages.FOLDER / f"{library}.md").read_text()
    space = {"__name__": "__main__"}
    for code in re.findall(r"(?ms)^```py\n(.*?)^```", text):
        exec(compile(code, f"{library}.md", "exec"), space)
    assert {*capsys.readouterr().out.split()} == {"True"}
