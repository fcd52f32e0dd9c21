"""Layers and their factors: found in any graph, exact, and told in words that name the cause."""

import csv
import math
from pathlib import Path

import numpy as np
import pytest

import nn
from autograd_mini import Recorder, Tensor, primitive, rule, scope, signals
from autograd_mini.measuring.layers import is_elementwise
from autograd_mini.signals.chain import runs


def rms(array):
    return float(np.sqrt(np.mean(np.square(array))))


def relu(s):
    return np.where(s <= 0, 0, s)


def prelu(s):
    return np.maximum(s, Tensor(np.array([0.25]), requires_grad=True) * s)


def deep(activation, scale, layers=30, width=256, batch=256):
    """The nets of the reference table: standard normal input and top gradient, iid weights, no biases."""
    rng = np.random.default_rng(0)
    h = x = Tensor(rng.standard_normal((batch, width)), requires_grad=True)
    for _ in range(layers):
        h = activation(h @ Tensor(rng.standard_normal((width, width)) * scale / math.sqrt(width), requires_grad=True))
    return signals(h, rng.standard_normal((batch, width)), inputs=[x]), x


# https://arxiv.org/abs/1611.01232 explains the columns; the numbers are of single runs.
REFERENCE = {
    "tanh, 1": (np.tanh, 1.0, 0.16, 0.968, 0.999),
    "tanh, 1/sqrt(3)": (np.tanh, 1 / math.sqrt(3), 5e-8, 1.0, 0.578),
    "tanh, 2.5": (np.tanh, 2.5, 1116, 0.508, 2.495),
    "ReLU, 1": (relu, 1.0, 3.7e-5, 0.710, 1.001),
    "ReLU, He": (relu, math.sqrt(2), 1.22, 0.710, 1.416),
    "PReLU, 1": (prelu, 1.0, 9.5e-5, 0.731, 1.0),
    "PReLU, He": (prelu, math.sqrt(2 / 1.0625), 1.25, 0.731, 1.372),
}


@pytest.mark.parametrize(
    ("activation", "scale", "total", "by_activation", "by_weights"), REFERENCE.values(), ids=REFERENCE
)
def test_the_reference_table_is_reproduced(activation, scale, total, by_activation, by_weights):
    seen, x = deep(activation, scale)
    assert len(seen.layers) == 30
    found = seen[x].rms / seen.layers[-1].g.rms
    assert total / 2 < found < total * 2
    assert math.exp(np.mean(np.log([layer.by_activation for layer in seen.layers]))) == pytest.approx(
        by_activation, rel=0.05
    )
    assert math.exp(np.mean(np.log([layer.by_weights for layer in seen.layers]))) == pytest.approx(by_weights, rel=0.05)
    assert math.prod(layer.gain for layer in seen.layers) == pytest.approx(found, rel=1e-12)
    gap = [layer.by_activation * layer.by_weights * layer.rest / layer.gain - 1 for layer in seen.layers]
    assert max(map(abs, gap)) < 1e-12


def test_tanh_of_large_weights_is_saturated_and_explodes_all_the_same():
    seen, _ = deep(np.tanh, 2.5, layers=12)
    assert 0.2 < np.mean([layer.saturated for layer in seen.layers]) < 0.4
    assert "grows" in seen.findings[0]
    assert "not saturation" in seen.findings[0]


def test_the_factors_are_those_computed_by_hand():
    rng = np.random.default_rng(1)
    x, w, y = rng.standard_normal((8, 5)), rng.standard_normal((5, 4)), rng.standard_normal((8, 4))
    h = Tensor(x, requires_grad=True)
    out = np.tanh(h @ Tensor(w, requires_grad=True, name="w"))
    (layer,) = signals(np.mean((out - y) ** 2), inputs=[h], outputs=[out]).layers
    g = 2 * (out.data - y) / y.size
    p = 1 - out.data**2
    delta = p * g
    assert layer.g.rms == pytest.approx(rms(g))
    assert layer.delta.rms == pytest.approx(rms(delta))
    assert layer.g_in == pytest.approx(rms(delta @ w.T))
    assert layer.slope == pytest.approx(rms(p))
    assert layer.alignment == pytest.approx(rms(delta) / (rms(p) * rms(g)))
    assert layer.scale == pytest.approx(np.linalg.norm(w) / math.sqrt(5))
    assert layer.direction == pytest.approx(rms(delta @ w.T) / (rms(delta) * np.linalg.norm(w) / math.sqrt(5)))
    assert layer.rest == pytest.approx(1)
    assert (layer.name, layer.operations, layer.inputs, layer.units, layer.examples) == ("w", "matmul, tanh", 5, 4, 8)
    assert layer.unit_slopes == pytest.approx(p.mean(axis=0))
    assert layer.unit_deltas == pytest.approx(np.sqrt(np.mean(delta**2, axis=0)))
    assert layer.weights == pytest.approx(rms(w))
    assert layer.gradient == pytest.approx(rms(x.T @ delta))
    assert layer.wanted_std == pytest.approx(np.std(w) / (layer.slope * layer.scale))


def test_columns_as_examples_give_the_same_factors():
    rng = np.random.default_rng(2)
    x, w = rng.standard_normal((8, 5)), rng.standard_normal((5, 4))
    rows, columns = Tensor(x, requires_grad=True), Tensor(x.T.copy(), requires_grad=True)
    a = np.tanh(rows @ Tensor(w, requires_grad=True))
    b = np.tanh(Tensor(w.T.copy(), requires_grad=True) @ columns)
    (one,) = signals(np.sum(a**2), inputs=[rows], outputs=[a]).layers
    (other,) = signals(np.sum(b**2), inputs=[columns], outputs=[b]).layers
    for name in ("gain", "slope", "alignment", "scale", "direction", "dead", "saturated"):
        assert getattr(one, name) == pytest.approx(getattr(other, name)), name
    assert other.units == 4
    assert one.unit_deltas == pytest.approx(other.unit_deltas)
    np.testing.assert_array_equal(one.matrix, other.matrix)


@pytest.mark.parametrize("mix", [lambda h, w: np.einsum("bi,io->bo", h, w), lambda h, w: np.tensordot(h, w, 1), np.dot])
def test_every_product_with_weights_is_a_layer(mix):
    rng = np.random.default_rng(3)
    x = Tensor(rng.standard_normal((6, 4)), requires_grad=True)
    out = np.tanh(
        mix(x, Tensor(rng.standard_normal((4, 3)), requires_grad=True)) + Tensor(np.ones(3), requires_grad=True)
    )
    (layer,) = signals(np.sum(out), inputs=[x], outputs=[out]).layers
    assert layer.operations.endswith("tanh")
    assert (layer.inputs, layer.units) == (4, 3)


def test_a_convolution_has_a_scale_too():
    rng = np.random.default_rng(4)
    x = Tensor(rng.standard_normal(400), requires_grad=True)
    kernel = Tensor(rng.standard_normal(9), requires_grad=True)
    out = np.tanh(np.convolve(x, kernel, mode="same"))
    (layer,) = signals(np.sum(out * rng.standard_normal(400)), inputs=[x], outputs=[out]).layers
    assert layer.scale == pytest.approx(np.linalg.norm(kernel.data), rel=0.15)
    assert layer.gain == pytest.approx(layer.by_activation * layer.by_weights * layer.rest)


def test_activations_of_several_operations_and_of_ones_own_are_taken_whole():
    @primitive
    def softsign(s):
        return s / (1 + np.abs(s))

    rule(softsign, lambda g, _out, s: g / (1 + np.abs(s)) ** 2)
    rng = np.random.default_rng(5)
    for activation, slope in (
        (softsign, lambda s: 1 / (1 + np.abs(s)) ** 2),
        (lambda s: s / (1 + np.exp(-s)), lambda s: (1 + np.exp(-s) + s * np.exp(-s)) / (1 + np.exp(-s)) ** 2),
        (lambda s: np.where(s > 0, s, 0.1 * s), lambda s: np.where(s > 0, 1, 0.1)),
    ):
        x, w = rng.standard_normal((7, 5)), rng.standard_normal((5, 5))
        h = Tensor(x, requires_grad=True)
        out = activation(h @ Tensor(w, requires_grad=True))
        (layer,) = signals(np.sum(np.sin(out)), inputs=[h], outputs=[out]).layers
        assert layer.slope == pytest.approx(rms(slope(x @ w)))


def test_normalisation_between_weights_and_activation_is_the_rest():
    rng = np.random.default_rng(6)
    h = Tensor(rng.standard_normal((16, 5)), requires_grad=True)
    s = h @ Tensor(10 * rng.standard_normal((5, 6)), requires_grad=True)
    z = (s - s.mean(axis=0)) / s.std(axis=0)
    out = np.tanh(z)
    (layer,) = signals(np.sum(out * rng.standard_normal((16, 6))), inputs=[h], outputs=[out]).layers
    assert layer.slope == pytest.approx(rms(1 - out.data**2))
    assert layer.rest < 0.3
    assert layer.by_activation * layer.by_weights * layer.rest == pytest.approx(layer.gain)


def test_a_skip_connection_is_a_second_consumer_with_its_coherence():
    rng = np.random.default_rng(7)
    h = x = Tensor(rng.standard_normal((32, 16)), requires_grad=True)
    for _ in range(4):
        h = h + np.tanh(h @ Tensor(rng.standard_normal((16, 16)) / 8, requires_grad=True))
    seen = signals(np.sum(h * rng.standard_normal((32, 16))), inputs=[x], outputs=[h])
    assert [layer.consumers for layer in seen.layers] == [2, 2, 2, 1]
    assert all(0.5 < layer.coherence < 2 for layer in seen.layers)
    assert all(layer.operations == "matmul, tanh" for layer in seen.layers)
    assert "steady" in seen.findings[0]


def test_cancelling_branches_are_named():
    x = Tensor(np.random.default_rng(8).standard_normal((9, 4)), requires_grad=True)
    h = np.tanh(x @ Tensor(np.eye(4), requires_grad=True, name="w"))
    loss = np.sum(h @ Tensor(np.eye(4), requires_grad=True)) - np.sum(1.001 * h)
    seen = signals(loss, inputs=[x])
    assert seen.layers[0].coherence < 1e-3
    assert any("2 branches behind layer 1 (w) nearly cancel" in sentence for sentence in seen.findings)


def test_without_layers_it_says_so():
    w = Tensor([3.0, 4.0], requires_grad=True)
    seen = signals(np.sum(w * w))
    assert seen.layers == ()
    assert "No layers" in str(seen)
    with pytest.raises(ValueError, match="operations"):
        seen.draw()


def test_targets_and_losses_belong_to_no_layer_although_nobody_named_them():
    rng = np.random.default_rng(9)
    x, y = rng.standard_normal((8, 5)), rng.standard_normal((8, 3))
    out = x @ Tensor(rng.standard_normal((5, 3)), requires_grad=True) + Tensor(np.zeros(3), requires_grad=True)
    (layer,) = signals(np.mean((out - y) ** 2)).layers
    assert layer.operations == "matmul"
    assert math.isnan(layer.saturated)


def test_inputs_that_are_no_tensors_are_refused():
    loss = np.sum(np.tanh(np.ones((2, 3)) @ Tensor(np.ones((3, 2)), requires_grad=True)))
    with pytest.raises(TypeError, match="list of tensors"):
        signals(loss, inputs=[np.ones((2, 3))])


def test_a_width_of_one_is_a_layer_and_a_scale_is_none():
    x = Tensor(np.random.default_rng(0).standard_normal((5, 1)), requires_grad=True)
    w = Tensor(np.array([[2.0]]), requires_grad=True)
    scaled = np.tanh(x @ w) * Tensor(np.array([3.0]), requires_grad=True)
    (layer,) = signals(np.sum(scaled), inputs=[x], outputs=[scaled]).layers
    assert layer.scale == pytest.approx(2)


def test_diagonal_jacobians_are_told_by_numbers():
    h = Tensor(np.random.default_rng(0).standard_normal((4, 4)), requires_grad=True)
    assert is_elementwise(np.where(np.eye(4) > 0, 0.0, h)._record, 2)
    assert not is_elementwise(np.cumsum(h, axis=0)._record, 0)
    assert not is_elementwise(np.transpose(h)._record, 0)


def test_spreads_come_from_what_the_recorder_saw():
    rng = np.random.default_rng(1)
    x = Tensor(rng.standard_normal((50, 4)), requires_grad=True)
    with Recorder() as forward:
        s = x @ Tensor(rng.standard_normal((4, 4)), requires_grad=True)
        h = np.tanh(s)
        loss = np.sum(h * h)
    spreads = signals(loss, inputs=[x], outputs=[h], forward=forward).layers[0].spreads
    assert spreads["s"].quantiles[3] == pytest.approx(np.median(s.data))
    assert spreads["h"].quantiles[0] == pytest.approx(np.quantile(h.data, 0.01))
    assert spreads["g"].counts.sum() == 200


def table_net():
    rng = np.random.default_rng(0)
    model = nn.MLP([6, 8, 8, 2], "tanh", rng=0)
    return nn.signals(model, nn.squared_error, rng.standard_normal((16, 6)), np.zeros((16, 2)), name="net")


def test_tables_hold_every_layer_operation_and_edge():
    seen = table_net()
    layers, operations, edges = (seen.table(rows) for rows in ("layers", "operations", "edges"))
    assert list(layers["name"]) == ["MLP.0", "MLP.2", "MLP.4"]
    assert layers["gain"] == pytest.approx(layers["activation"] * layers["weights"] * layers["rest"])
    assert layers["log10_relative"][-1] == 0
    assert len(operations) == len(seen.records)
    assert len(edges) == len(seen.edges)
    assert set(edges["kind"]) == {"signal", "parameter"}
    assert np.isnan(edges["gain"][edges["kind"] == "parameter"]).all()
    with pytest.raises(ValueError, match="'operations'"):
        seen.table("units")


@pytest.mark.parametrize("rows", ["layers", "operations", "edges"])
def test_csv_files_read_back_exactly(rows, tmp_path):
    seen = table_net()
    seen.to_csv(tmp_path / "table.csv", rows)
    with (tmp_path / "table.csv").open(newline="") as file:
        header, *lines = csv.reader(file)
    data = seen.table(rows)
    assert tuple(header) == data.dtype.names
    assert [float(line[header.index("rms")]) for line in lines] == list(data["rms"])


def test_print_and_notebooks_show_findings_and_layers():
    seen = table_net()
    assert str(seen).startswith(seen.findings[0])
    assert str(seen).count("MLP.") >= 3
    assert "<th scope" in seen._repr_html_()
    assert "MLP.2" in seen._repr_html_()


def test_like_layers_fold_and_outliers_stay():
    rng = np.random.default_rng(0)
    model = nn.MLP([16] * 101, "tanh", "orthogonal", rng=0)
    model[100].weights.data = 1e-3 * model[100].weights.data
    seen = nn.signals(model, nn.squared_error, rng.standard_normal((32, 16)), np.zeros((32, 16)))
    shown = runs(seen.layers)
    assert len(shown) < 20
    assert sum(len(run.layers) for run in shown) == 100
    (odd,) = [run for run in shown if run.layers[0].number == 51]
    assert len(odd.layers) == 1
    assert any("Layer 51 (MLP.100) stands out" in sentence for sentence in seen.findings)


@pytest.mark.parametrize("level", ["layers", "operations", "units"])
def test_each_level_is_drawn(level, tmp_path):
    model = nn.MLP([3, 4, 2], "relu", "he", rng=0)
    seen = nn.signals(model, nn.squared_error, np.ones((5, 3)), np.zeros((5, 2)))
    drawing = seen.draw(level)
    text = Path(drawing.save(tmp_path / "net.svg")).read_text()
    assert "<desc>" in text
    assert "x F scale" in text, "the table of layers is there as text"
    assert "MLP" in drawing.title or "Computation" in drawing.title


def test_layers_can_be_expanded_and_unknown_ones_are_named():
    seen = table_net()
    assert "affine" not in [line.split('"')[1] for line in seen.draw().body if "<B>affine" in line]
    assert "<B>affine</B>" in seen.draw(expand=["MLP.2"]).source
    assert "<B>affine</B>" in seen.draw(expand=[1]).source
    with pytest.raises(ValueError, match=r"MLP.0, MLP.2, MLP.4"):
        seen.draw(expand=["MLP.9"])
    with pytest.raises(ValueError, match="'units'"):
        seen.draw("scalars")


def test_units_show_weights_and_deltas():
    model = nn.MLP([2, 2, 1], "tanh", rng=0, dtype=np.float64)
    model[0].weights.data = np.array([[0.5, -0.25], [2.0, 1.0]])
    seen = nn.signals(model, nn.squared_error, np.ones((1, 2)), np.zeros((1, 1)))
    source = seen.draw("units").source
    assert "label=0.5" in source
    assert 'label="-0.25"' in source or "label=-0.25" in source
    assert f"{seen.layers[0].unit_deltas[0]:.1e}" in source


def test_units_of_a_wide_net_are_refused():
    seen = nn.signals(nn.MLP([2, 50, 1], rng=0), nn.squared_error, np.ones((1, 2)), np.zeros((1, 1)))
    with pytest.raises(ValueError, match="50 units"):
        seen.draw("units")


def layer_of(f):
    """The first layer of a computation of 16 examples with 5 numbers."""
    x = Tensor(np.random.default_rng(10).standard_normal((16, 5)), requires_grad=True)
    out = f(x)
    noise = np.random.default_rng(11).standard_normal(out.shape)
    return signals(np.sum(out * noise), inputs=[x], outputs=[out]).layers[0]


def weights(*shape):
    return Tensor(np.random.default_rng(12).standard_normal(shape), requires_grad=True, name="w")


def test_a_dropout_mask_is_the_rest_and_no_saturation():
    mask = np.random.default_rng(13).random((16, 4)) > 0.5
    plain = layer_of(lambda x: np.tanh(x @ weights(5, 4)))
    masked = layer_of(lambda x: np.tanh(x @ weights(5, 4)) * mask / 0.5)
    assert masked.operations == "matmul, tanh"
    assert (masked.slope, masked.saturated) == (plain.slope, plain.saturated)
    assert masked.rest > 1.2


def test_a_scaled_activation_is_taken_with_its_scale():
    layer = layer_of(lambda x: 1.7159 * np.tanh(2 / 3 * (x @ weights(5, 4))))
    plain = layer_of(lambda x: np.tanh(2 / 3 * (x @ weights(5, 4))))
    assert layer.slope == pytest.approx(1.7159 * plain.slope)


def test_the_softmax_of_attention_is_no_activation_of_its_queries():
    def attention(x):
        scores = (x @ weights(5, 4)) @ (x @ weights(5, 4)).T / 2.0
        shares = np.exp(scores - np.max(scores, axis=1, keepdims=True))
        return (shares / np.sum(shares, axis=1, keepdims=True)) @ x

    layer = layer_of(attention)
    assert layer.operations == "matmul"
    assert math.isnan(layer.saturated)
    assert layer.gain == pytest.approx(layer.by_weights * layer.rest)


def test_an_activation_follows_where_two_products_are_added():
    layer = layer_of(lambda x: np.tanh(x @ weights(5, 4) + (2 * x) @ weights(5, 4)))
    assert layer.operations == "matmul, tanh"
    assert layer.rest == pytest.approx(1)


def test_complex_layers_have_exact_factors():
    w = np.random.default_rng(14).standard_normal((2, 5, 4)) / 4
    w = Tensor(w[0] + 1j * w[1], requires_grad=True)
    layer = layer_of(lambda x: np.abs(np.tanh(x @ w)) ** 2)
    assert layer.gain == pytest.approx(layer.by_activation * layer.by_weights * layer.rest)
    x = Tensor(np.ones((3, 5)) + 0j, requires_grad=True)
    (layer,) = signals(np.sum(np.abs(x @ w) ** 2), inputs=[x]).layers
    assert layer.scale == pytest.approx(np.linalg.norm(w.data) / math.sqrt(5))


def test_layers_of_one_module_are_named_by_their_weights():
    with scope("net"):
        x = Tensor(np.ones((2, 5)), requires_grad=True)
        a, b = (Tensor(np.ones((5, 5)), requires_grad=True, name=name) for name in ("a", "b"))
        loss = np.sum(np.tanh(np.tanh(x @ a) @ b.T) @ b)
    assert [layer.name for layer in signals(loss, inputs=[x]).layers] == ["net.a", "net.b #1", "net.b #2"]
