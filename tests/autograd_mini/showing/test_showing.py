"""What notebooks are given: tables, arrays, figures and data frames, without a notebook."""

import pickle
import re
import sys

import numpy as np
import pytest

from autograd_mini import Tensor, showing


def cells(html: str) -> list[list[str]]:
    """The texts of a table's rows."""
    rows = re.findall(r"<tr>(.*?)</tr>", html)
    return [[re.sub("<.*?>", "", cell) for cell in re.findall(r"<t[dh].*?</t[dh]>", row)] for row in rows]


def test_a_table_has_titles_rows_and_what_is_said_of_it():
    html = showing.table(
        ["layer", "gain"], [["a<b", "0.5"], [], ["c", "2"]], strong=[2], above=["Gains"], below=["`x`"]
    )
    assert cells(html) == [["layer", "gain"], ["a&lt;b", "0.5"], ["⋮", "⋮"], ["c", "2"]]
    assert re.findall("<strong>(.*?)</strong>", html) == ["Gains", "c", "2"]
    assert html.endswith("<code>x</code></p></div>")
    assert "<table" not in showing.table(["layer"], [], above=["None"])


@pytest.mark.parametrize(
    ("count", "also", "shown"),
    [
        (3, [], [0, 1, 2]),
        (4, [], [0, 1, 2, 3]),
        (9, [], [0, 1, None, 7, 8]),
        (9, [4], [0, 1, None, 4, None, 7, 8]),
        (5, [2], [0, 1, 2, 3, 4]),
        (0, [], []),
    ],
)
def test_rows_are_left_out_in_the_middle(count, also, shown):
    assert showing.shortened(count, 4, also) == shown


class TestTensors:
    def test_numbers_have_the_same_decimals_and_the_colour_of_their_sign(self):
        html = Tensor(np.array([[0.5, -0.25], [0.0, 1e-6]], np.float32), requires_grad=True, name="w")._repr_html_()
        assert cells(html) == [["0.5000", "-0.2500"], ["0.0000", "1.000e-06"]]
        assert "<strong>Tensor (2, 2)</strong> · float32 · name=&#x27;w&#x27; · requires_grad=True" in html
        assert re.findall(r"rgba\((.*?)\)", html)[:2] == ["213,94,0,0.45", "0,114,178,0.23"]

    def test_a_large_one_shows_its_edges(self):
        rows = cells(Tensor(np.arange(10000).reshape(100, 100))._repr_html_())
        assert len(rows) == len(rows[0]) == 11
        assert rows[0][:6] == ["0", "1", "2", "3", "4", "⋯"]
        assert rows[5] == ["⋮"] * 5 + ["⋱"] + ["⋮"] * 5
        assert rows[-1][-1] == "9999"

    def test_of_more_dimensions_the_first_matrix_is_shown(self):
        html = Tensor(np.arange(24).reshape(2, 1, 3, 4))._repr_html_()
        assert "[0, 0, :, :], the first of 2:" in html
        assert cells(html)[2] == ["8", "9", "10", "11"]

    @pytest.mark.parametrize(
        ("values", "shown"),
        [
            ([np.nan, np.inf, -1e9], [["nan", "inf", "-1.000e+09"]]),
            ([1 + 2j], [["1+2j"]]),
            ([True, False], [["True", "False"]]),
            (np.array([-128, 127], np.int8), [["-128", "127"]]),
            (np.zeros(2), [["0.0", "0.0"]]),
            (np.zeros((0, 3)), []),
            (np.float16([1.5]), [["1.500"]]),
            (["<b>"], [["&lt;b&gt;"]]),
        ],
    )
    def test_every_dtype_can_be_shown(self, values, shown):
        assert cells(showing.array_table(np.asarray(values), ["array"])) == shown

    def test_a_single_number_has_all_its_digits(self):
        assert ">0.3333333333333333<" in Tensor(1 / 3)._repr_html_()

    def test_what_is_no_array_of_numpys_says_it_in_text(self):
        from autograd_mini import vmap

        seen = []
        vmap(lambda t: seen.append(t._repr_html_()) or t)(Tensor(np.ones((2, 3))))
        assert seen == [None]


class TestFigures:
    def test_a_notebook_gets_a_picture_of_half_the_size(self):
        pytest.importorskip("matplotlib")
        made = showing.figure(4.0, 2.0)
        made.subplots().plot([1, 2])
        picture, size = made._repr_png_()
        assert picture.startswith(b"\x89PNG")
        assert size["width"] == pytest.approx(400, rel=0.1)
        assert size["height"] == pytest.approx(200, rel=0.1)

    def test_it_has_no_window(self):
        pytest.importorskip("matplotlib")
        with pytest.raises(RuntimeError, match="savefig"):
            showing.figure().show()

    def test_it_is_a_figure_like_others(self):
        pytest.importorskip("matplotlib")
        made = showing.figure()
        made.subplots().plot([1, 2])
        assert len(pickle.loads(pickle.dumps(made)).axes[0].lines) == 1


def test_without_pandas_it_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match=r"^history.to_dataframe\(\) makes .* Write `pip install pandas`"):
        showing.data_frame("history.to_dataframe()", {})
