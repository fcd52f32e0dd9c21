"""`nn.load_onnx`: names, modes, what is learned, control flow, and the way back into the file."""

import numpy as np
import pytest

import autograd_mini as am
import nn
from autograd_mini import Tensor
from autograd_mini.testing import check_module

onnx = pytest.importorskip("onnx")
from onnx import TensorProto, helper  # noqa: E402

from nn.models.onnx.operators import OPERATORS, control  # noqa: E402
from tests.nn.models.onnx_files import BOOL, INT64, body, loop, model, node, value  # noqa: E402

pytestmark = pytest.mark.extra
RNG = np.random.default_rng(0)
X = RNG.standard_normal((4, 3)).astype(np.float32)
IMAGES = RNG.standard_normal((4, 2, 5, 5)).astype(np.float32)
IMAGE = [value("x", ("n", 2, 5, 5))]


def drawn(*shape):
    return RNG.standard_normal(shape).astype(np.float32)


def mlp(opset=18, **more):
    """Two linear layers with a tanh between, as PyTorch names them."""
    weights = {"0.weight": drawn(5, 3), "0.bias": drawn(5), "2.weight": drawn(2, 5), "2.bias": drawn(2)}
    nodes = [
        node("Gemm", ["x", "0.weight", "0.bias"], ["a"], name="/0/Gemm", transB=1),
        node("Tanh", ["a"], ["b"], name="/1/Tanh"),
        node("Gemm", ["b", "2.weight", "2.bias"], ["y"], name="/2/Gemm", transB=1),
    ]
    return model(nodes, weights, opset=opset, **more)


def normalized(**attributes):
    """Dropout of a batch normalization of a convolution."""
    weights = {
        "conv.weight": drawn(3, 2, 3, 3),
        "norm.weight": drawn(3),
        "norm.bias": drawn(3),
        "norm.running_mean": drawn(3),
        "norm.running_var": np.abs(drawn(3)),
        "share": np.float32(0.5),
    }
    nodes = [
        node("Conv", ["x", "conv.weight"], ["a"]),
        node("BatchNormalization", ["a", *list(weights)[1:5]], ["b"], momentum=0.75, **attributes),
        node("Dropout", ["b", "share"], ["y"]),
    ]
    return model(nodes, weights, IMAGE)


def weights_of(made):
    return {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in made.graph.initializer}


@pytest.mark.parametrize("opset", range(7, 29))
def test_a_network_is_the_same_in_every_version(opset):
    made = mlp(opset)
    w = weights_of(made)
    loaded = nn.load_onnx(made)
    want = np.tanh(X @ w["0.weight"].T + w["0.bias"]) @ w["2.weight"].T + w["2.bias"]
    assert np.allclose(loaded(X).data, want, atol=1e-6)
    assert [name for name, _ in loaded.named_parameters()] == list(w)


def test_parts_have_the_names_of_the_file_and_operations_their_places():
    loaded = nn.load_onnx(mlp())
    assert [name for name, _ in loaded.named_modules()] == ["0", "2", "1"]
    assert "OnnxModel.0" in am.draw(loaded(X)).source
    report = nn.signals(loaded, nn.squared_error, X, drawn(4, 2))
    assert "OnnxModel.0" in str(report)
    assert "OnnxModel.2" in str(report)


def test_signals_are_measured_through_slices_of_everything():
    all_of_it = {"start": np.array([0, 0]), "end": np.array([2**31, 2**31])}
    nodes = [node("MatMul", ["x", "a.w"], ["a"]), node("Slice", ["a", *all_of_it], ["b"]), node("Tanh", ["b"], ["y"])]
    loaded = nn.load_onnx(model(nodes, {"a.w": drawn(3, 3), **all_of_it}))
    assert "OnnxModel.a" in str(nn.signals(loaded, nn.squared_error, X, drawn(4, 3)))


def test_whole_numbers_are_inputs_as_they_are():
    table = {"table.weight": drawn(5, 2), "out.weight": drawn(2, 3)}
    nodes = [node("Gather", ["table.weight", "x"], ["a"]), node("MatMul", ["a", "out.weight"], ["y"])]
    loaded = nn.load_onnx(model(nodes, table, [value("x", ("n",), INT64)]))
    places, y = np.array([4, 0, 4]), drawn(3, 3)
    history = nn.fit(loaded, nn.squared_error, (places, y), epochs=3)
    assert history["loss"][-1] < history["loss"][0]


def test_whole_numbers_and_what_steers_are_not_learned():
    weights = {
        "shape": np.array([2, -1]),
        "low": np.float32(-1),
        "part.high": np.float32(1),
        "mask": np.array([0, -np.inf, 0], np.float32),
        "scale": np.float32(2),
        "part.gain": np.float32(3),
    }
    nodes = [
        node("Clip", ["x", "low", "part.high"], ["a"]),
        node("Add", ["a", "mask"], ["b"]),
        node("Mul", ["b", "scale"], ["c"]),
        node("Mul", ["c", "part.gain"], ["d"]),
        node("Reshape", ["d", "shape"], ["y"]),
    ]
    loaded = nn.load_onnx(model(nodes, weights))
    assert [name for name, _ in loaded.named_parameters()] == ["part.gain"]
    assert loaded(X).shape == (2, 6)


def test_training_and_evaluation_are_the_models_choice_and_not_the_files():
    made = normalized(training_mode=0)
    loaded = nn.load_onnx(made, rng=0)
    want = nn.BatchNorm(3, momentum=0.25)
    for name, part in (("weight", want.gain), ("bias", want.bias)):
        part.data = weights_of(made)[f"norm.{name}"].copy()
    want.mean.data, want.variance.data = (weights_of(made)[f"norm.running_{name}"] for name in ("mean", "var"))
    conv = nn.Conv2d(2, 3, 3, bias=False)
    conv.weights.data = weights_of(made)["conv.weight"]
    assert np.allclose(loaded.eval()(IMAGES).data, want.eval()(conv(IMAGES)).data, atol=1e-5)

    out, whole = loaded.train()(IMAGES).data, want.train()(conv(IMAGES)).data
    assert np.all((out == 0) | np.isclose(out, 2 * whole, atol=1e-4))
    assert 0.3 < np.mean(out == 0) < 0.7
    assert np.allclose(loaded.norm.running_mean.data, want.mean.data, atol=1e-6)
    assert np.allclose(loaded.norm.running_var.data, want.variance.data, atol=1e-6)
    assert [name for name, _ in loaded.named_buffers()] == ["norm.running_mean", "norm.running_var"]


def test_learned_numbers_go_back_into_the_file(tmp_path):
    onnx.save(normalized(), tmp_path / "before.onnx")
    loaded = nn.load_onnx(tmp_path / "before.onnx", rng=0)
    nn.fit(loaded, nn.squared_error, (IMAGES, np.zeros((4, 3, 3, 3), np.float32)), epochs=2)
    loaded.write(tmp_path / "after.onnx")
    onnx.checker.check_model(tmp_path / "after.onnx")
    again = nn.load_onnx(tmp_path / "after.onnx").eval()
    assert np.array_equal(again(IMAGES).data, loaded.eval()(IMAGES).data)

    runtime = pytest.importorskip("onnxruntime")
    session = runtime.InferenceSession(tmp_path / "after.onnx")
    assert np.allclose(session.run(None, {"x": IMAGES})[0], loaded(IMAGES).data, atol=1e-5)


def test_numbers_may_be_in_another_file(tmp_path):
    made = mlp()
    want = nn.load_onnx(made)(X).data
    onnx.save(made, tmp_path / "m.onnx", save_as_external_data=True, location="numbers.bin", size_threshold=0)
    loaded = nn.load_onnx(tmp_path / "m.onnx")
    assert np.array_equal(loaded(X).data, want)
    loaded.write(tmp_path / "whole.onnx")
    (tmp_path / "numbers.bin").unlink()
    assert np.array_equal(nn.load_onnx(tmp_path / "whole.onnx")(X).data, want)


def test_a_step_of_a_loaded_model_can_be_compiled():
    made, y = mlp(), drawn(4, 2)
    losses = []
    for compiled in (True, False):
        loaded = nn.load_onnx(made)
        optimizer = nn.SGD(loaded.parameters(), 0.1)

        def step(x, y, loaded=loaded, optimizer=optimizer):
            loss = nn.squared_error(loaded(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return loss.data

        run = am.compile(loaded, optimizer)(step) if compiled else step
        losses.append([float(run(X, y)) for _ in range(4)])
    assert np.allclose(*losses, rtol=1e-5)
    assert losses[0][-1] < losses[0][0]


def test_a_loaded_model_is_a_module_like_others():
    loaded = nn.load_onnx(mlp())
    check_module(loaded, (4, 3))
    assert loaded.astype(np.float64)(X.astype(np.float64)).dtype == np.float64
    log = nn.SignalLog(loaded)
    nn.fit(loaded, nn.squared_error, (X, drawn(4, 2)), epochs=2, callbacks=[log])
    state = loaded.state_dict()
    loaded.load_state_dict(state)
    assert set(state) == {"0.weight", "0.bias", "2.weight", "2.bias"}


def test_a_number_like_a_tenth_is_not_rounded_to_32_bits():
    made = model([node("LeakyRelu", ["x"], ["y"], alpha=0.1)], inputs=[value("x", ("n",), TensorProto.DOUBLE)])
    assert nn.load_onnx(made)(np.array([-1.0])).tolist() == [-0.1]


def test_a_fixed_size_is_fixed_and_one_with_a_name_is_free():
    assert nn.load_onnx(mlp())(X[:1]).shape == (1, 2)
    fixed = model([node("Neg", ["x"], ["y"])], inputs=[value("x", (4, 3))])
    with pytest.raises(ValueError, match=r"x of shape \(1, 3\), and was read with \(4, 3\)"):
        nn.load_onnx(fixed)(X[:1])
    with pytest.raises(ValueError) as caught:
        nn.load_onnx(fixed)(X[:1])
    assert "dynamic_shapes" in caught.value.__notes__[0]


def test_a_model_that_was_saved_comes_back_with_its_parameters(tmp_path):
    ours = nn.Sequential(nn.Conv2d(2, 3, 3, rng=0), nn.BatchNorm(3), nn.GELU(), nn.Flatten(), nn.Linear(27, 1, rng=0))
    ours.eval()
    nn.save_onnx(ours, tmp_path / "model.onnx", IMAGES)
    loaded = nn.load_onnx(tmp_path / "model.onnx").eval()
    for each in (ours, loaded):
        np.sum(np.square(each(IMAGES[:3]))).backward()
    slopes = [{name: part.grad for name, part in each.named_parameters()} for each in (ours, loaded)]
    assert slopes[0].keys() == slopes[1].keys()
    assert all(np.allclose(slopes[1][name], slope, rtol=1e-4, atol=1e-5) for name, slope in slopes[0].items())


def test_an_operator_can_be_added(monkeypatch):
    made = model([node("Shift", ["x"], ["y"], by=2.0, domain="com.shop")], domains=["com.shop"])
    with pytest.raises(NotImplementedError, match=r"com\.shop\.Shift"):
        nn.load_onnx(made)
    monkeypatch.setitem(OPERATORS, "com.shop.Shift", lambda x, by: x + by)
    assert np.array_equal(nn.load_onnx(made)(X), X + 2)


def test_a_loaded_model_computes_on_another_device():
    torch = pytest.importorskip("torch")
    here = nn.load_onnx(normalized()).eval()
    out = here.to_device("torch:cpu")(torch.from_numpy(IMAGES))
    assert out.device == "torch:cpu"
    assert np.allclose(am.devices.to_host(out.data), here(IMAGES).data, atol=1e-5)


# Control flow


def test_a_branch_is_chosen_at_each_call_and_gradients_flow_through_it():
    nodes = [
        node("ReduceSum", ["x"], ["sum"], keepdims=0),
        node("Greater", ["sum", "zero"], ["more"]),
        node(
            "If",
            ["more"],
            ["y"],
            then_branch=body([node("Mul", ["x", "part.w"], ["u"])], outputs=[value("u")]),
            else_branch=body([node("Neg", ["x"], ["v"])], outputs=[value("v")]),
        ),
    ]
    loaded = nn.load_onnx(model(nodes, {"zero": np.float32(0), "part.w": np.array([1, 2, 3], np.float32)}))
    x = np.ones((2, 3), np.float32)
    np.sum(loaded(x)).backward()
    assert np.array_equal(loaded.part.w.grad, [2, 2, 2])
    assert np.array_equal(loaded(-x), x)


def test_a_loop_carries_a_state_and_collects_what_each_round_gives():
    inside = body(
        [
            node("Mul", ["s", "part.w"], ["next"]),
            node("ReduceSum", ["next"], ["total"], keepdims=0),
            node("Identity", ["going"], ["still"]),
        ],
        [value("i", (), INT64), value("going", (), BOOL), value("s", None)],
        [value("still", (), BOOL), value("next", None), value("total", None)],
    )
    made = model(
        [node("Loop", ["three", "", "x"], ["y", "totals"], body=inside)],
        {"three": np.array(3), "part.w": np.full(3, 2, np.float32)},
        outputs=["y", "totals"],
    )
    loaded = nn.load_onnx(made)
    y, totals = loaded(np.ones((1, 3), np.float32))
    assert y.data.tolist() == [[8, 8, 8]]
    assert totals.data.tolist() == [6, 12, 24]
    np.sum(y).backward()
    assert loaded.part.w.grad.tolist() == [12, 12, 12]


def test_a_scan_goes_along_a_sequence_and_back():
    inside = body(
        [node("Add", ["s", "x_t"], ["next"]), node("Identity", ["next"], ["seen"])],
        [value("s", None), value("x_t", None)],
        [value("next", None), value("seen", None)],
    )
    attributes = {"num_scan_inputs": 1, "scan_input_directions": [1], "scan_output_directions": [1]}
    made = model([node("Scan", ["zero", "x"], ["last", "y"], body=inside, **attributes)], {"zero": np.zeros(3)})
    made.graph.initializer[0].CopyFrom(onnx.numpy_helper.from_array(np.zeros(3, np.float32), "zero"))
    assert np.allclose(nn.load_onnx(made)(X).data, np.cumsum(X[::-1], axis=0)[::-1], atol=1e-6)


def test_a_loop_of_a_known_number_of_rounds_needs_no_condition():
    made = loop([node("Add", ["s", "s"], ["next"])], "many", {"many": np.array(5)})
    assert np.array_equal(nn.load_onnx(made)(X), 32 * X)


def test_rounds_are_counted_for_each_call_of_a_model_and_of_its_copies(monkeypatch):
    monkeypatch.setattr(control, "LONGEST", 8)
    loaded = nn.load_onnx(loop([node("Add", ["s", "s"], ["next"])], "many", {"many": np.array(5)}))
    for each in (loaded, loaded.astype(np.float64), loaded):
        assert each(X).shape == X.shape


def test_a_branch_that_was_chosen_is_not_compiled_for_good():
    branches = [body([node(kind, ["x"], [kind])], outputs=[value(kind)]) for kind in ("Neg", "Abs")]
    nodes = [
        node("ReduceSum", ["x"], ["sum"], keepdims=0),
        node("Greater", ["sum", "zero"], ["more"]),
        node("If", ["more"], ["y"], then_branch=branches[0], else_branch=branches[1]),
    ]
    loaded = nn.load_onnx(model(nodes, {"zero": np.float32(0)}))
    run = am.compile(loaded)(lambda x: np.sum(loaded(x)))
    x = np.ones((2, 3), np.float32)
    assert [float(run(each)) for each in (x, x, -x, x, -2 * x)] == [-6, -6, 6, -6, 12]


def test_functions_of_the_file_are_called_with_their_attributes():
    leaky = helper.make_node("LeakyRelu", ["a"], ["b"])
    leaky.attribute.append(onnx.AttributeProto(name="alpha", ref_attr_name="slope", type=onnx.AttributeProto.FLOAT))
    own = helper.make_function("own", "Leak", ["a"], ["b"], [leaky], [helper.make_opsetid("", 18)], ["slope"])
    made = model([node("Leak", ["x"], ["y"], domain="own", slope=0.5)], functions=[own], domains=["own"])
    assert np.array_equal(nn.load_onnx(made)(X), np.where(X < 0, X / 2, X))


def test_a_value_that_steers_is_never_read_off_a_tensor_that_requires_grad():
    made = model([node("Expand", ["x", "s"], ["y"])], inputs=[value("x"), value("s", ("k",), INT64)])
    assert nn.load_onnx(made)(X, np.array([4, 3])).shape == (4, 3)
    made = model([node("Range", ["a", "b", "b"], ["y"])], inputs=[value("a", ()), value("b", ())])
    with pytest.raises(TypeError, match="drop it out of the graph"):
        nn.load_onnx(made)(Tensor(np.float32(0), requires_grad=True), np.float32(1))


# What exporters do


def exported(weights, nodes=None):
    """A file that PyTorch wrote."""
    nodes = nodes or [node("MatMul", ["x", name], [f"y{i}"], name=f"/{i}/MatMul") for i, name in enumerate(weights)]
    outputs = [each.output[0] for each in nodes]
    return model(nodes, weights, outputs=outputs, producer_name="pytorch")


def test_weights_that_the_exporter_computed_are_told():
    with pytest.warns(UserWarning, match=r"(?s)1 weights .* 'val_86'.*optimize=False"):
        nn.load_onnx(exported({"val_86": drawn(3, 3)}))


def test_weights_that_the_exporter_merged_are_told():
    nodes = [node("Mul", ["x", "a.weight"], [f"y{i}"], name=f"/{i}/Mul") for i in "ab"]
    with pytest.warns(UserWarning, match=r"(?s)1 parameters.*'a.weight'.*merged.*optimize=False"):
        nn.load_onnx(exported({"a.weight": np.ones(3, np.float32)}, nodes))
    nn.load_onnx(exported({"a.weight": drawn(3)}, nodes))  # tied ones are rarely all alike


def test_a_batch_normalization_that_was_folded_away_is_told():
    nodes = [node("Conv", ["x", "w"], ["y"])]
    nodes[0].metadata_props.add(key="pkg.onnxscript.rewriter.rule_name", value="FuseBatchNormIntoConv")
    made = model(nodes, {"w": drawn(3, 2, 3, 3)}, IMAGE, producer_name="pytorch")
    with pytest.warns(UserWarning, match="normalization, which the exporter made one"):
        nn.load_onnx(made)
