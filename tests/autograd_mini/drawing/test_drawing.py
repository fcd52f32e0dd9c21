"""What `draw` shows: structure, words, colours, folding; and what it refuses."""

import re
from collections import Counter
from xml.etree import ElementTree as ET

import graphviz
import numpy as np
import pytest

from autograd_mini import Tensor, scope
from autograd_mini.drawing import palette, rendering
from autograd_mini.drawing.draw import Drawing, draw
from autograd_mini.signals import signals


def variable(values=2.0, name=None) -> Tensor:
    return Tensor(values, requires_grad=True, name=name)


def boxes(drawing: Drawing) -> dict[str, str]:
    """Key to attributes, of the boxes that show values."""
    found = re.findall(r"^\t(n\d+) \[(.*)\]$", drawing.source, re.MULTILINE)
    assert len(dict(found)) == len(found), "a record was drawn twice"
    return dict(found)


def arrows(drawing: Drawing) -> list[tuple[str, str, str]]:
    return re.findall(r"^\t(n\d+) -> (n\d+) \[(.*)\]$", drawing.source, re.MULTILINE)


def box(drawing: Drawing, title: str) -> str:
    """The attributes of the one box with that title."""
    (attributes,) = [a for a in boxes(drawing).values() if a.startswith(f"label=<<B>{title}</B>")]
    return attributes


def svg(drawing: Drawing) -> ET.Element:
    return ET.fromstring(drawing.picture("svg"))


def texts(drawing: Drawing) -> list[str]:
    """The lines of text that the SVG shows, as its XML says them."""
    # Graphviz writes the second of two spaces as one that does not break.
    return ["".join(text.itertext()).replace("\xa0", " ") for text in svg(drawing).findall(".//{*}text")]


def net(depth: int, sigma: float = 1.0) -> Tensor:
    """The loss of a tanh net with a scope for each layer."""
    rng = np.random.default_rng(3)
    h = rng.standard_normal((4, 6))
    with scope("net"):
        for layer in range(depth):
            with scope(f"layer{layer}"):
                h = np.tanh(h @ variable(rng.standard_normal((6, 6)) * sigma / 6**0.5, name="weights"))
    return np.mean(np.square(h))


@pytest.fixture
def no_dot(monkeypatch, tmp_path):
    """No program on the path."""
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))


# Structure


def test_a_drawing_is_a_digraph_of_graphviz():
    drawing = draw(np.tanh(variable()))
    assert isinstance(drawing, graphviz.Digraph)
    assert drawing.source.startswith("digraph")


def test_operations_parameters_and_constants_are_told_apart():
    w, x = variable(np.ones((3, 2)), "w"), Tensor(np.ones((4, 3), np.float32), name="x")
    out = np.sum(x @ w, axis=0)
    out.name = "totals"
    drawing = draw(out)
    assert "parameter<BR/>(3, 2) float64" in box(drawing, "w")
    assert "(4, 3) float32" in box(drawing, "x")
    assert "parameter" not in box(drawing, "x")
    assert "(4, 2) float64" in box(drawing, "matmul")
    assert "peripheries=2" in box(drawing, r"totals = sum\(axis=0\)".replace("\\", ""))
    assert "peripheries" not in box(drawing, "matmul")


@pytest.mark.parametrize(
    ("make", "title"),
    [
        (lambda x: x**3, "power(_, 3)"),
        (lambda x: 1 - x, "subtract(1, _)"),
        (lambda x: np.sum(x), "sum"),
        (lambda x: np.sum(x, axis=(0,), keepdims=True), "sum(axis=(0,), keepdims=True)"),
        (lambda x: x.reshape(2, 1), "reshape(shape=(2, 1))"),
        (lambda x: x[1:], "getitem(index=1:)"),
        (lambda x: x[::-1], "getitem(index=::-1)"),
        (lambda x: x[np.array([0, 0])], "getitem(index=array(2))"),
        (lambda x: np.concatenate([x, x]), "concatenate"),
        (lambda x: x.astype(np.float32), None),
    ],
)
def test_operations_show_the_numbers_and_options_they_were_given(make, title):
    drawing = draw(make(variable((1.0, 2.0))))
    if title is None:
        assert "cast(dtype=" in drawing.source
    else:
        assert box(drawing, title)


def test_an_operand_used_twice_has_two_arrows():
    x = variable()
    assert [arrow[:2] for arrow in arrows(draw(x * x))] == [("n0", "n1"), ("n0", "n1")]


def test_eighteen_doublings_are_eighteen_boxes_not_their_paths():
    x = h = variable()
    for _ in range(18):
        h = h + h
    drawing = draw(h, signals=True)
    assert len(boxes(drawing)) == 19
    assert len(arrows(drawing)) == 36
    assert f"rms(g) {2**18:.1e}" in drawing.source
    assert x.grad is None


def test_nested_diamonds_draw_each_record_once():
    h = variable()
    for _ in range(18):
        left = np.tanh(h)
        h = left * h + np.exp(left - h)
    assert len(boxes(draw(h))) == 1 + 5 * 18


def test_a_constant_and_a_leaf_can_be_drawn():
    assert len(boxes(draw(Tensor([1.0]) * 2))) == 1
    assert "rms(g) 1.0e+00" in box(draw(variable(name="x"), signals=True), "x")


def test_scopes_are_nested_frames():
    x = variable()
    with scope("net"):
        x = x + 1
        with scope("inner"):
            x = x * 2
    drawing = draw(x)
    source = drawing.source
    assert source.index("<B>net</B>") < source.index("<B>inner</B>")
    assert source.count("{") == source.count("}") == 3
    assert source.count("subgraph cluster_") == 2


def test_a_parameter_is_drawn_in_the_frame_that_uses_it():
    w, shared = variable(name="w"), variable(name="shared")
    with scope("one"):
        h = w * shared
    with scope("two"):
        h = h * shared
    source = draw(h).source
    assert source.index("<B>one</B>") < source.index("<B>w</B>")
    assert source.index("<B>shared</B>") < source.index("subgraph")


def test_the_same_computation_is_drawn_by_the_same_text():
    assert draw(net(3), signals=True).source == draw(net(3), signals=True).source


def test_gradients_of_an_ordinary_backward_are_shown():
    x = variable([3.0, 4.0], "x")
    loss = np.sum(x * x)
    assert "rms(grad)" not in draw(loss).source
    loss.backward()
    assert "rms(grad) 7.1e+00" in box(draw(loss), "x")


# Words


@pytest.mark.parametrize(
    "name",
    [
        "<b>", "<", "<<B>x</B>>", 'say "x"', "back\\slash", "\\", "\\N", "\\G\\E\\T\\H\\L\\l", "{a|b}", "&", "&lt;",
        "&#60;", "&amp;amp;", "naïve ∇ 日本 🙂", "  ", "--> }", "]]>", "%s {0}", "-- // /* #", "node", "'", "a:b:c"
    ],
)  # fmt: skip
@pytest.mark.usefixtures("no_dot")
def test_names_are_drawn_as_they_are(name):
    with scope(name.replace(".", "")):
        out = variable(name=name) * 2
    out.name = name
    drawing = draw(out, signals=True)
    shown = texts(drawing)
    assert name in shown  # the parameter
    assert f"{name} = multiply(_, 2)" in shown
    assert shown.count(name) == 2  # the frame
    hovers = [link.get("{http://www.w3.org/1999/xlink}title") for link in svg(drawing).findall(".//{*}a")]
    assert name in [text.replace("\xa0", " ") for text in hovers]  # the frame's; others say more


@pytest.mark.usefixtures("no_dot")
def test_line_breaks_break_lines_and_other_control_characters_show_their_code():
    shown = texts(draw(variable(name="two\nlines\x00\x1b\t\ud800")))
    assert shown[:2] == ["two", r"lines\x00\x1b\t\ud800"]


@pytest.mark.usefixtures("no_dot")
def test_an_empty_scope_and_an_overlong_name_are_drawn():
    with scope("a."):
        out = variable(name="n" * 500) * 2
    assert "n" * 79 + "…" in texts(draw(out))


# Signals


def test_arrows_say_the_gain_by_text_colour_width_and_dashes():
    h = variable()
    mid = h * 1.0
    drawing = draw(np.sum(mid * 0.1) + np.sum(mid * 8.0), signals=True)
    by_label = {a.split('label="')[1].split('"')[0]: a for *_, a in arrows(drawing) if 'label="' in a}
    assert set(by_label) == {" x0.10", " x8.00", " x1.00"}
    assert "dashed" in by_label[" x0.10"]
    assert palette.gain_colour(0.1) in by_label[" x0.10"]
    assert "dashed" not in by_label[" x8.00"]
    widths = [float(re.search(r"penwidth=([\d.]+)", by_label[x])[1]) for x in (" x0.10", " x1.00", " x8.00")]
    assert widths == sorted(set(widths))


def test_parameters_are_off_the_scale_of_gains_but_single_numbers_are_not():
    drawing = draw(net(2), signals=True)
    weights = [key for key, attributes in boxes(drawing).items() if "parameter" in attributes]
    from_weights = [attributes for tail, _, attributes in arrows(drawing) if tail in weights]
    assert len(from_weights) == 2
    assert not any(" x" in attributes for attributes in from_weights)
    assert drawing.source.count("rms(g)/rms(value)") == 2  # its box says it, and its tooltip
    assert " x3.00" in draw(variable(2.0) * 3.0, signals=True).source


def test_boxes_not_reached_zero_or_not_finite_are_marked():
    x, y = variable([0.0, 4.0], "x"), variable(name="y")
    with np.errstate(all="ignore"):
        drawing = draw(np.sum(np.sqrt(x) + y * 0.0), signals=True)
    assert palette.BAD in box(drawing, "x")
    assert "not finite" in box(drawing, "x")
    assert "striped" in box(drawing, "y")
    assert "all zero" in box(drawing, "y")
    other = draw(np.sum(x * y), signals=signals(np.sum(x)))
    assert palette.UNREACHED in box(other, "y")
    assert "no gradient" in box(other, "y")


def test_legend_and_finding_come_with_signals_only():
    loss = net(12, sigma=0.3)
    plain, coloured = draw(loss), draw(loss, signals=signals(loss))
    assert "grows" not in plain.source
    assert all(word in coloured.source for word in ("shrinks: x0.10", "stays: x1.00", "grows: x10", "rms(g)"))
    assert re.fullmatch(
        r"Going back, the signal falls from [^a-z]+ to [^a-z]+ between tanh in net.layer11 and matmul in net.layer0.",
        coloured.finding,
    )
    assert plain.finding == "Computation of a tensor: 26 operations, 12 parameters."


@pytest.mark.usefixtures("no_dot")
def test_svg_carries_title_and_finding():
    drawing = draw(net(2), signals=True)
    root = svg(drawing)
    assert [child.text for child in list(root)[:2]] == [drawing.title, drawing.finding]
    assert repr(drawing) == f"<Drawing: {drawing.title} {drawing.finding}>"
    assert root.get("role") == "img"
    assert drawing.copy().picture("svg") == drawing.picture("svg")


def test_scales_run_from_orange_over_grey_to_purple_and_from_pale_to_blue():
    assert palette.gain_colour(0.0) == palette.gain_colour(0.1) == "#7f3b08"
    assert palette.gain_colour(1.0) == "#a3a3a3"
    assert palette.gain_colour(10.0) == palette.gain_colour(1e9) == "#2d004b"
    assert palette.signal_colour(1e-300, 1e-300) == palette.PALE_TO_BLUE[-1]
    assert palette.signal_colour(1e-9, 1.0) == palette.signal_colour(0.0, 0.0) == palette.PALE_TO_BLUE[0]


def luminance(colour):
    parts = np.frombuffer(bytes.fromhex(colour[1:]), np.uint8) / 255
    return np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4) @ [0.2126, 0.7152, 0.0722]


def contrast(one, two):
    dark, light = sorted((luminance(one), luminance(two)))
    return (light + 0.05) / (dark + 0.05)


def test_numbers_on_a_map_and_letters_of_figures_are_readable_on_both_papers():
    partner = palette.on_dark()
    for level, fill in enumerate(palette.levels()):
        ink = palette.ink(level)
        assert contrast(ink, fill) > 4.4
        assert contrast(partner[ink], partner[fill]) > 4.4
    for letters in ("#000000", "#333333"):
        assert contrast(letters, "#ffffff") > 4.5
        assert contrast(partner[letters], partner["#ffffff"]) > 4.5
    for line in palette.LINES:
        assert contrast(partner[line], partner["#ffffff"]) > 4.5


def test_text_is_readable_on_every_fill():
    fills = [palette.blend(scale, share) for scale in (palette.PALE_TO_BLUE, palette.ORANGE_TO_PURPLE)
             for share in np.linspace(0, 1, 50)]  # fmt: skip
    for fill in [*fills, palette.PARAMETER, palette.UNREACHED, palette.OPERATION]:
        text = "#000000" if palette.text_colour(fill) == "black" else "#ffffff"
        assert contrast(fill, text) >= 4.5, fill


# Folding


def test_a_large_computation_folds_to_its_scopes():
    loss = net(12, sigma=0.3)
    drawing = draw(loss, signals=True, max_nodes=20)
    assert len(boxes(drawing)) == 13
    assert "matmul, tanh" in box(drawing, "net.layer3")
    assert "reads 1 parameter" in box(drawing, "net.layer3")
    assert "Folded: 26 operations are shown as 13 boxes" in drawing.finding
    every = int(re.search(r"max_nodes=(\d+)", drawing.finding)[1])
    assert len(boxes(draw(loss, max_nodes=every))) == 26 + 12 + 1
    assert len(boxes(draw(loss, max_nodes=every - 1))) < 39


def test_the_gain_between_folded_layers_is_the_ratio_of_their_signals():
    loss = net(12, sigma=0.3)
    measured = signals(loss)
    tanhs = [record for record in measured.records if getattr(record, "primitive", None) and record.scope]
    tanhs = [record for record in tanhs if record.primitive.name == "np.tanh"]  # latest first
    folded = {(tail, head): attributes for tail, head, attributes in arrows(draw(loss, measured, max_nodes=20))}
    gain = measured[tanhs[4]].rms / measured[tanhs[3]].rms
    assert f'label=" x{gain:.2f}"' in folded["n7", "n8"]


def test_a_long_chain_without_scopes_folds_to_stretches():
    h = x = variable()
    for _ in range(20_000):
        h = h + x
    drawing = draw(h, signals=True)
    assert len(boxes(drawing)) == len(arrows(drawing)) + 1 == 40
    assert sum(int(n.replace(",", "")) for n in re.findall(r"add x([\d,]+)<", drawing.source)) == 20_000
    assert "scope(" in drawing.finding


def test_folded_runs_never_feed_each_other_in_a_circle():
    h = skip = variable(np.ones(2))
    for step in range(300):
        with scope("even" if step % 2 else "odd"):
            h = np.tanh(h) + skip
            skip = h if step % 7 == 0 else skip
    for drawing in (draw(h, max_nodes=400), draw(h, max_nodes=100)):
        assert all(int(tail[1:]) < int(head[1:]) for tail, head, _ in arrows(drawing))
        assert max(Counter(arrow[:2] for arrow in arrows(drawing)).values()) == 1


def test_many_operands_fold_although_the_boxes_are_few():
    parts = [variable([1.0]) for _ in range(30)]
    assert len(boxes(draw(np.concatenate(parts * 10), max_nodes=40))) == 1
    assert len(boxes(draw(np.concatenate(parts), max_nodes=40))) == 31


# Errors


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: draw(np.ones(3)), "only a tensor"),
        (lambda: draw(variable(), signals="yes"), "signals=True"),
        (lambda: draw(variable(), np.ones(3)), "signals=True"),
        (lambda: draw(variable(), max_nodes=0), "from 1 on"),
        (lambda: draw(variable([1.0, 2.0]) * 2, signals=True), r"signals\(t, seed\)"),
        (lambda: draw(Tensor(1.0) * 2, signals=True), "requires_grad=True"),
    ],
)
def test_wrong_calls_say_what_to_write(call, message):
    with pytest.raises((TypeError, ValueError, RuntimeError), match=message):
        call()


def test_signals_of_a_freed_graph_say_so_but_it_can_be_drawn():
    x = variable(2.0)
    loss = x * x
    loss.backward()
    assert len(boxes(draw(loss))) == 2
    with pytest.raises(RuntimeError, match="retain_graph=True"):
        draw(loss, signals=True)


def test_a_dense_graph_that_takes_too_long_is_folded_until_it_does_not(monkeypatch):
    tried = []

    def lay_out(source, *_):
        tried.append(source.count("label=<"))
        if tried[-1] > 20:
            raise rendering.LayoutTimeoutError("too long")
        return b"<svg></svg>"

    monkeypatch.setattr(rendering, "lay_out", lay_out)
    h = Tensor(np.ones(2), requires_grad=True)
    for _ in range(300):
        h = np.tanh(h)
    assert "Folded: 301 operations" in draw(np.sum(h)).picture().decode()
    assert tried == sorted(tried, reverse=True)
    assert len(tried) > 1
