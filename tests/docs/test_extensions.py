"""What the site's extensions make of formulas and of names in backticks. They need Sphinx, as the site does."""

import re

import pytest

pytestmark = pytest.mark.site


def converted(formula):
    from docutils import nodes

    from docs.extensions import mathml

    return mathml.converted(nodes.math(formula, formula), display=False)


def test_a_fraction_of_digits_is_one_of_two():
    assert re.findall(r"<mn>(\d+)</mn>", converted(r"\frac12 + \tfrac14")) == ["1", "2", "1", "4"]


@pytest.mark.parametrize("formula", [r"g_1, \dots, g_T", r"s \mathrel{+}= b", r"\Big(\sum_n g_n\Big)"])
def test_what_docutils_does_not_know_is_read_too(formula):
    assert "<math" in converted(formula)


def test_a_bar_does_not_grow_with_its_exponent():
    assert re.findall(r"<mo ([^>]*)>‖</mo>", converted(r"\|w\|^2")) == ['stretchy="false" lspace="0" rspace="0"'] * 2


def test_a_function_stands_apart_from_a_factor_but_not_from_its_bracket():
    assert converted(r"w \log p").count("<mspace") == 2
    assert converted(r"w \log(p)").count("<mspace") == 1
    assert "<mo" not in re.findall(r"<m\w[^>]*>max", converted(r"\max(s, 0)"))[0]


@pytest.mark.parametrize(
    ("text", "module", "name"),
    [
        ("nn.Linear", "nn", "nn.Linear"),
        ("Linear", "nn.init", "nn.Linear"),
        ("Module.freeze()", "nn", "nn.Module.freeze"),
        ("vmap", "nn", "autograd_mini.vmap"),
        ("arrays", "autograd_mini.testing", "autograd_mini.testing.arrays"),
        ("checked", "autograd_mini.devices", "autograd_mini.devices.checked"),
        ("checked", "autograd_mini", None),  # a function of two modules
        ("fit", "nn", "nn.fit"),
        ("fit", "nn.estimators", None),  # the method
        ("signals", "nn", None),  # of two packages
        ("nn.schedules", "nn", None),  # has no page
        ("x @ w", "nn", None),
    ],
)
def test_a_name_in_backticks_is_a_link_where_it_can_mean_one_thing_alone(text, module, name):
    from docs.extensions import names

    assert names.target(text, module) == name


def test_the_members_that_pages_of_classes_keep_are_there():
    from docs.extensions import names

    classes = {name.rpartition(".")[2]: thing for name, thing in names.PUBLIC.items()}
    assert [
        (owner, name)
        for owner, used in names.USED.items()
        for name in used.split()
        if not hasattr(classes[owner], name)
    ] == []


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("nn.Linear", "Linear"),
        ("nn.init.he", "init<wbr>.he"),
        ("autograd_mini.vjp", "vjp"),
        ("autograd_mini.testing.laws.linear", "laws<wbr>.linear"),
        ("autograd_mini.scipy.special.zeta", "special<wbr>.zeta"),
    ],
)
def test_a_name_in_the_sidebar_is_short_and_breaks_at_its_dots(name, shown):
    from docs.extensions import pages

    assert pages.dotted(pages.shorter(name)) == shown


def test_a_page_of_an_example_says_after_its_fields_how_it_was_run():
    from docs.extensions import gallery

    fields = ":Measured: 1\n    to 2.\n"
    assert gallery.noted(f"{fields}\n.. code") == f"{fields}\n{gallery.ROUGH}\n\n.. code"


def test_what_was_made_of_an_example_goes_with_it(tmp_path):
    from types import SimpleNamespace

    from docs.extensions import gallery

    here = [tmp_path / "examples" / "01_here.py"]
    made = tmp_path / "docs" / "examples"
    kept = [made / "index.rst", made / "01_here.py", made / "01_here.rst", made / "images" / "sphx_glr_01_here_001.png"]
    stale = [made / "02_gone.py", made / "02_gone.rst", made / "02_gone.py.md5", made / "cures.py"]
    stale += [made / "images" / "sphx_glr_02_gone_001.png", made / "images" / "thumb" / "sphx_glr_02_gone_thumb.png"]
    for path in [*here, *kept, *stale]:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    gallery.remove_stale(SimpleNamespace(srcdir=tmp_path / "docs"))
    assert [path for path in [*kept, *stale] if path.exists()] == kept


def test_words_for_a_picture_are_joined_by_a_space():
    from docs.extensions import pages

    assert pages.joined("![From left\nto right.](a.png)\nand\nmore") == "![From left to right.](a.png)\nand\nmore"


def test_a_member_of_tensors_is_said_to_have_a_derivative_only_where_it_has_one():
    from autograd_mini import Tensor
    from docs.extensions import names

    lines = []
    names.complete(None, "class", "", Tensor, None, lines)
    told = {kind: next(line for line in lines if line.startswith(said)) for kind, said in names.TOLD.items()}
    for kind, members in {
        "derivatives": "sum max take",
        "constant": "all argmax nonzero",
        "array": "dtype shape",
    }.items():
        assert all(f"``{name}``" in told[kind] for name in members.split())


def test_a_distribution_has_its_methods_with_signatures_and_a_source():
    from autograd_mini.scipy import stats
    from docs.extensions import names

    assert "``pdf(x, a, loc=0, scale=1)``" in names.methods_of(stats.gamma)
    assert "``logpmf(k, mu, loc=0)``" in names.methods_of(stats.poisson)
    code, tags = names.source(None, stats.__name__)
    _, first, _ = tags["norm"]
    assert code.splitlines()[first - 1].startswith("class Norm(")
    assert names.source(None, "nn.layers.linear") is None
