"""The plots of signals show the numbers, for one net or several, and for those that are odd; the spectrum is exact."""

import sys

import numpy as np
import pytest

import nn
from autograd_mini import Tensor, jacobian, jacobian_spectrum, signals
from autograd_mini.signals.plots import figures

pytest.importorskip("matplotlib")
X = np.random.default_rng(0).standard_normal((32, 8))
Y = np.random.default_rng(1).integers(0, 3, 32)
QUESTIONS = "map", "where", "why", "units", "spread", "directions", "learns"


def net(activation="tanh", init="glorot", layers=6, name="net", change=None):
    model = nn.MLP([8] * layers + [3], activation, init, rng=0)
    if change is not None:
        change(model)
    sgd = nn.SGD(model.parameters(), 0.1)
    return nn.signals(model, nn.cross_entropy, X, Y, optimizer=sgd, spectrum=2, name=name)


@pytest.mark.parametrize("question", QUESTIONS)
def test_each_question_has_a_figure_of_one_net_and_of_two(question):
    one, two = net(), net("relu", "he", 9, "other")
    for figure in (one.plot(question), one.plot(question, two, names=["a", "b"])):
        figure.draw_without_rendering()
        assert any(axis.get_xlabel() for axis in figure.axes)


def test_lines_hold_the_signal_and_the_theory():
    seen = net()
    signal, theory = seen.plot("where").axes[0].lines[:2]
    np.testing.assert_allclose(signal.get_ydata(), [layer.g.rms for layer in seen.layers])
    assert theory.get_ydata()[-2] == pytest.approx(seen.layers[-1].g.rms * seen.layers[-1].predicted)


def test_bars_add_up_to_the_gain():
    seen = net()
    axis = seen.plot("why").axes[0]
    totals = np.zeros(6)
    for container in axis.containers:
        totals += [bar.get_height() for bar in container]
    np.testing.assert_allclose(totals, np.log10([layer.gain for layer in seen.layers]), atol=1e-12)


def test_an_axis_of_ones_own_is_drawn_into():
    from matplotlib.figure import Figure

    axis = Figure().add_subplot()
    assert net().plot("where", ax=axis) is axis.figure
    assert axis.lines
    with pytest.raises(ValueError, match="panels"):
        net().plot("units", ax=axis)


def test_lines_are_named_where_they_end_and_not_in_a_legend():
    one, two = net(name="one"), net(layers=9, name="two")
    figure = one.plot("where", two)
    assert {"one", "two"} <= {text.get_text() for text in figure.axes[0].texts}
    assert not figure.legends
    assert "independent weights" in figure.axes[0].get_title("left")


def test_units_that_are_fine_are_said_to_be():
    figure = net(init=nn.init.small_random(0.1)).plot("units")
    assert "none saturated, none dead" in figure.axes[0].get_title("left")


def test_half_of_the_slopes_of_a_healthy_relu_net_are_0_and_that_is_no_alarm():
    healthy = nn.signals(nn.MLP([8, 32, 32, 3], "relu", "he", rng=0), nn.cross_entropy, X, Y)
    figure = healthy.plot("units")
    said, legend = figure.axes[0].get_title("left"), {text.get_text() for text in figure.legends[0].get_texts()}
    assert "half is normal for a ReLU" in said
    assert not any("saturated" in text for text in (said, *legend))
    for model in (nn.MLP([8, 32, 3], "tanh", nn.init.small_random(9.0), rng=0), nn.MLP([8, 32, 3], "sign", rng=0)):
        said = nn.signals(model, nn.cross_entropy, X, Y).plot("units").axes[0].get_title("left")
        assert "saturated (layer 1)" in said
        assert "normal" not in said


def test_layers_without_an_activation_have_no_place_among_the_units():
    model = nn.Sequential(nn.Linear(8, 8, rng=0), nn.Linear(8, 8, rng=1), nn.Tanh(), nn.Linear(8, 3, rng=2))
    upper, lower = nn.signals(model, nn.cross_entropy, X, Y).plot("units").axes[:2]
    assert upper.images[0].get_array().shape == (8, 1)
    assert [label.get_text() for label in lower.get_xticklabels()] == ["2"]
    assert "2 layers have no activation" in upper.get_title("left")
    linear = nn.signals(nn.Sequential(nn.Linear(8, 8, rng=0), nn.Linear(8, 3, rng=1)), nn.cross_entropy, X, Y)
    assert [asked.title for asked in figures([linear])].count("Which units?") == 0


def nan_weights(model):
    model[4].weights.data = np.full((8, 8), np.nan, np.float32)


def dead_units(model):
    model[4].bias.data = np.full(8, -1e3, np.float32)


@pytest.mark.parametrize("change", [nan_weights, dead_units])
@pytest.mark.parametrize("question", ["map", "where", "why", "units", "spread", "learns"])
def test_odd_nets_have_figures(question, change):
    model = nn.MLP([8] * 6 + [3], "relu", rng=0)
    change(model)
    seen = nn.signals(model, nn.cross_entropy, X, Y)
    seen.plot(question).draw_without_rendering()
    nn.signals(nn.Linear(8, 3, rng=0), nn.cross_entropy, X, Y).plot(question).draw_without_rendering()


def test_nothing_is_left_behind_in_pyplot():
    from matplotlib import pyplot as plt

    before = dict(plt.rcParams)
    net().plot()
    assert not plt.get_fignums()
    assert dict(plt.rcParams) == before


def test_what_cannot_be_plotted_is_said():
    w = Tensor(np.ones(3), requires_grad=True)
    with pytest.raises(ValueError, match="'where'"):
        net().plot("when")
    with pytest.raises(ValueError, match="no layers"):
        signals(np.sum(w * w)).plot()
    out = np.tanh(X @ Tensor(np.ones((8, 2)), requires_grad=True))
    with pytest.raises(ValueError, match="Recorder"):
        signals(np.sum(out)).plot("spread")
    with pytest.raises(ValueError, match="jacobian_spectrum"):
        signals(np.sum(out)).plot("directions")


def test_without_matplotlib_the_extra_is_named_and_the_report_does_without(monkeypatch, tmp_path):
    seen = net()
    for module in [name for name in sys.modules if name.partition(".")[0] == "matplotlib"]:
        monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.delitem(sys.modules, "autograd_mini.showing.figures", raising=False)
    with pytest.raises(ImportError, match=r"autograd-mini\[plot\]"):
        seen.plot()
    monkeypatch.setattr(sys.modules["autograd_mini.signals.report"], "has_matplotlib", lambda: False)
    seen.save(tmp_path / "report.html")
    assert "autograd-mini[plot]" in (tmp_path / "report.html").read_text()


def test_a_report_shows_the_plots(tmp_path):
    net().save(tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text()
    assert text.count("<figure>") == 6
    assert text.count('<figure class="map">') == 1


@pytest.mark.parametrize("mixed", [False, True], ids=["example by example", "over the batch"])
def test_the_spectrum_is_that_of_the_jacobian(mixed):
    model = nn.MLP([8, 16, 5], "tanh", rng=0, dtype=np.float64)

    def f(x):
        out = model(x)
        return out - np.mean(out, axis=0, keepdims=True) + np.sum(x**2, axis=0)[:5] if mixed else out

    spectrum = jacobian_spectrum(f, X, examples=3)
    assert spectrum.values.shape == (3, 5)
    for i, values in enumerate(spectrum.values):
        j = jacobian(lambda x: f(x[None])[0])(Tensor(X[i])).data
        np.testing.assert_allclose(values, np.linalg.svd(j, compute_uv=False), rtol=1e-10)
        assert spectrum.largest >= values[0]
    assert spectrum.rms == pytest.approx(np.sqrt(np.mean(np.sum(spectrum.values**2, axis=1)) / 8))


def test_an_orthogonal_linear_net_is_an_isometry():
    model = nn.Sequential(*[nn.Linear(8, 8, "orthogonal", rng=i, dtype=np.float64) for i in range(10)])
    spectrum = jacobian_spectrum(model, X)
    np.testing.assert_allclose(spectrum.values, 1)
    assert spectrum.below == 0
    assert "largest singular value 1.0e+00" in str(spectrum)


def test_directions_that_are_lost_are_told():
    w = np.diag([1.0, 1e-5, 1e-6, 1e-7])

    def model(x):
        return x[:, :4] @ Tensor(w, requires_grad=True)

    seen = nn.signals(model, lambda out: np.sum(out**2), X, spectrum=1)
    assert any("75% of the directions" in sentence for sentence in seen.findings)


@pytest.mark.parametrize(
    ("f", "x", "examples", "message"),
    [
        (3, X, 1, "model itself"),
        (np.tanh, np.ones((2, 3), int), 1, "dtype int64"),
        (np.tanh, np.float64(3), 1, "batch"),
        (np.tanh, X, 0, "examples=0"),
        (lambda x: x.data, X, 1, "no tensor"),
    ],
)
def test_bad_input_to_the_spectrum(f, x, examples, message):
    with pytest.raises((TypeError, ValueError), match=message):
        jacobian_spectrum(f, x, examples)
