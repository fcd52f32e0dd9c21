"""`SignalLog`: the same gradients, the right numbers, each alarm once, and files that others read."""

import csv
import logging
import sys

import numpy as np
import pytest

import nn

X = np.random.default_rng(0).standard_normal((32, 6)).astype(np.float32)
Y = np.random.default_rng(1).integers(0, 3, 32)


def train(model, log, steps=10, rate=0.1, x=X):
    sgd = nn.SGD(model.parameters(), rate)
    for _ in range(steps):
        sgd.zero_grad()
        log.backward(nn.cross_entropy(model(x), Y))
        sgd.step()
    return log


def mlp(**options):
    return nn.MLP([6, 8, 8, 3], **{"activation": "tanh", "rng": 0, **options})


class Sometimes(nn.Module):
    """Its first layer has every other step off."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(6, 6, rng=0), nn.Linear(6, 3, rng=1)
        self.skip = True

    def forward(self, x):
        self.skip = not self.skip
        return self.b(x if self.skip else self.a(x))


def test_training_is_the_same_to_the_bit():
    one, two = mlp(), mlp()
    train(one, nn.SignalLog(one, every=1))
    sgd = nn.SGD(two.parameters(), 0.1)
    for _ in range(10):
        sgd.zero_grad()
        nn.cross_entropy(two(X), Y).backward()
        sgd.step()
    for a, b in zip(one.parameters(), two.parameters(), strict=True):
        np.testing.assert_array_equal(a.data, b.data)


def test_the_signal_is_that_of_nn_signals():
    model = mlp()
    seen = nn.signals(model, nn.cross_entropy, X, Y)
    log = train(model, nn.SignalLog(model), steps=1)
    np.testing.assert_allclose(log.history("signal")[:, 0], [layer.delta.rms for layer in seen.layers], rtol=1e-5)
    assert log.layers == ["0", "2", "4"]


def test_update_ratios_are_of_the_step_after_the_measured_backward():
    model = mlp()
    log = nn.SignalLog(model, every=3)
    sgd = nn.SGD(model.parameters(), 0.1)
    expected = []
    for _ in range(8):
        sgd.zero_grad()
        log.backward(nn.cross_entropy(model(X), Y))
        before = model[2].weights.data.copy()
        sgd.step()
        expected.append(np.linalg.norm(model[2].weights.data - before) / np.linalg.norm(before))
    np.testing.assert_allclose(log.history("update_ratio")[1, :2], np.array(expected)[[0, 3]], rtol=1e-4)
    assert log.steps == [0, 3, 6]


def test_dead_units_are_counted_and_told_once():
    model = mlp(activation="relu", init="he")
    model[0].bias.data = np.array([-1e3] * 4 + [0] * 4, np.float32)
    log = train(model, nn.SignalLog(model, every=1), steps=6)
    assert (log.history("dead")[0] >= 0.5).all()
    assert len([text for _, text in log.warnings if "layer MLP.0" in text and "units" in text]) == 1


def test_a_layer_that_dies_is_told_since_when_and_what_is_below_it_gets_nothing():
    model = mlp(activation="relu", init="he")
    log = train(model, nn.SignalLog(model, every=2), steps=6)
    model[2].bias.data = np.full(8, -1e3, np.float32)
    train(model, log, steps=2)
    assert log.findings == (
        "Since step 6 layer MLP.2 is dead: none of its units passes anything for the batch",
        "Since step 6 layer MLP.0: no signal comes back to it",
    )
    model[2].bias.data = np.zeros(8, np.float32)
    train(model, log, steps=4)
    assert log.findings[0].startswith("From step 6 to before step 8 layer MLP.2 is dead")
    assert log.findings[0] in str(log)


def test_thresholds_are_logged_and_told_again_after_recovery(caplog):
    model = mlp(init=nn.init.small_random(1e-4))
    log = nn.SignalLog(model, every=1)
    with caplog.at_level(logging.WARNING, logger="nn.signals"):
        train(model, log, steps=2, rate=1e-9)
        model[2].weights.data = np.eye(8, dtype=np.float32)
        model[4].weights.data = np.eye(8, 3, dtype=np.float32)
        train(model, log, steps=2, rate=1e-9)
        model[2].weights.data = 1e-6 * np.eye(8, dtype=np.float32)
        train(model, log, steps=1, rate=1e-9)
    weak = [step for step, text in log.warnings if text.startswith("layer MLP.0: its signal, rms(delta), is")]
    assert weak == [0, 4]
    assert "layer MLP.0: its signal, rms(delta), is" in caplog.text


def test_what_is_not_finite_is_told():
    model = mlp()
    model[2].weights.data = np.full((8, 8), np.nan, np.float32)
    log = nn.SignalLog(model)
    log.backward(nn.cross_entropy(model(X), Y))
    assert any("not finite" in text for _, text in log.warnings)


def test_tiny_and_huge_signals_are_measured_right():
    model = nn.MLP([6, 4, 3], rng=0, dtype=np.float32)
    log = nn.SignalLog(model)
    log.backward(np.sum(model(X) * np.float32(1e-25)))
    assert log.history()[1, 0] == pytest.approx(1e-25, rel=1e-4)
    log = nn.SignalLog(model)
    log.backward(np.sum(model(X) * np.float32(1e25)))
    assert log.history()[1, 0] == pytest.approx(1e25, rel=1e-4)


def test_layers_that_some_steps_leave_out_have_gaps():
    model = Sometimes()
    log = train(model, nn.SignalLog(model, every=1), steps=4)
    np.testing.assert_array_equal(np.isnan(log.history()), [[False, True, False, True], [False] * 4])


def test_tables_files_and_text(tmp_path):
    model = mlp()
    log = train(model, nn.SignalLog(model, every=5))
    table = log.table()
    assert list(table["step"]) == [0, 0, 0, 5, 5, 5]
    assert list(table["layer"]) == ["0", "2", "4"] * 2
    log.to_csv(tmp_path / "log.csv")
    with (tmp_path / "log.csv").open(newline="") as file:
        header, *lines = csv.reader(file)
    assert header == list(table.dtype.names)
    assert [float(line[3]) for line in lines] == list(table["signal"])
    assert "2 of 10 steps measured, 3 layers" in str(log)
    assert "<SignalLog of MLP: 2 of 10 steps measured" in repr(log)
    assert log._repr_html_().count("<tr>") == 4


def test_tensorboard_files_read_back(tmp_path):
    pytest.importorskip("tensorboardX")
    from tensorboardX.proto.event_pb2 import Event

    model = mlp()
    log = train(model, nn.SignalLog(model, every=5))
    log.to_tensorboard(tmp_path)
    (path,) = tmp_path.iterdir()
    data, found = path.read_bytes(), {}
    while data:
        length = int.from_bytes(data[:8], "little")
        event = Event.FromString(data[12 : 12 + length])
        found.update({(value.tag, event.step): value.simple_value for value in event.summary.value})
        data = data[16 + length :]
    assert found["signal/2", 5] == pytest.approx(log.history()[1, 1])
    assert found["loss", 0] == pytest.approx(log.losses[0])


@pytest.mark.parametrize(("module", "extra"), [("matplotlib", "plot"), ("tensorboardX", "tensorboard")])
def test_extras_are_named_where_they_are_missing(module, extra, monkeypatch, tmp_path):
    model = mlp()
    log = train(model, nn.SignalLog(model), steps=1)
    for name in [name for name in sys.modules if name.partition(".")[0] == module] + [module]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delitem(sys.modules, "autograd_mini.showing.figures", raising=False)
    with pytest.raises(ImportError, match=rf"autograd-mini\[{extra}\]"):
        log.plot() if extra == "plot" else log.to_tensorboard(tmp_path)


def test_the_plot_has_a_row_for_each_layer():
    pytest.importorskip("matplotlib")
    model = mlp()
    log = train(model, nn.SignalLog(model, every=2))
    figure = log.plot()
    figure.draw_without_rendering()
    np.testing.assert_allclose(figure.axes[0].images[0].get_array(), np.log10(log.history("signal")))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"model": np.tanh}, "nn.Module"),
        ({"model": nn.Tanh()}, "without parameters"),
        ({"every": 0}, "every=0"),
        ({"quantities": ("signals",)}, "'signal'"),
        ({"quantities": "signal"}, "'signal'"),
    ],
)
def test_bad_input_gets_a_clear_error(arguments, message):
    with pytest.raises((TypeError, ValueError), match=message):
        nn.SignalLog(**{"model": mlp(), **arguments})


def test_an_empty_log_and_a_loss_that_is_none_say_so():
    log = nn.SignalLog(mlp())
    assert "empty" in str(log)
    assert "empty" in log._repr_html_()
    assert "nothing measured yet" in repr(log)
    with pytest.raises(ValueError, match="empty"):
        log.plot()
    with pytest.raises(TypeError, match="float"):
        log.backward(1.0)
    with pytest.raises(ValueError, match="'dead'"):
        log.history("alive")


def test_the_map_tells_what_is_not_finite_from_what_was_not_measured():
    pytest.importorskip("matplotlib")

    model = Sometimes()
    log = train(model, nn.SignalLog(model, every=1), steps=2)
    model.b.weights.data = np.full((6, 3), np.nan, np.float32)
    log.backward(nn.cross_entropy(model(X), Y))
    figure = log.plot("map")
    assert sorted(patch.get_label() for patch in figure.axes[0].patches) == ["not finite", "not measured"]
    assert "rms(delta)" in figure.axes[1].get_xlabel()
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["0", "1", "2"]
    with pytest.raises(ValueError, match="map"):
        log.plot("where")
