"""The page for those who come from other libraries is that of the tables, and its beginnings run."""

import importlib.util

import pytest

from autograd_mini import elsewhere as engine
from nn import elsewhere as networks
from tests import answers
from tests.docs.test_docs import ROOT, snippets

SPEC = importlib.util.spec_from_file_location("coming_from", ROOT / "docs" / "coming_from.py")
page = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(page)


def test_the_page_is_what_the_tables_say():
    assert page.FILE.read_text() == page.written(), "stale: run `python -m docs.coming_from`"


def test_each_table_and_each_name_is_on_the_page():
    tables = {**answers.rows_of(engine), **answers.rows_of(networks)}
    tables.pop("NONE")
    assert {*map(id, tables.values())} == {id(rows) for _, rows in page.SECTIONS.values()}
    text = page.written()
    assert [n for rows in tables.values() for n in rows.written if f"`{n}`" not in text] == ["out[i]=t"]


@pytest.mark.parametrize(("line", "code"), snippets(page.FILE))
def test_a_beginning_runs(line, code, capsys, monkeypatch, tmp_path):
    if "estimators" in code:
        pytest.importorskip("sklearn")
    monkeypatch.chdir(tmp_path)
    exec(compile("\n" * (line - 1) + code, str(page.FILE), "exec"), {"__name__": "__main__"})
    assert capsys.readouterr().out
