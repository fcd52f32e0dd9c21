"""Files that are broken or mean harm: each gets one clear error, soon, and without the memory that it asks for."""

import time
import tracemalloc

import numpy as np
import pytest

import nn

onnx = pytest.importorskip("onnx")
from onnx import TensorProto, helper  # noqa: E402

from nn.models.onnx.operators import control  # noqa: E402
from tests.nn.models.onnx_files import body, loop, model, node, value  # noqa: E402

pytestmark = pytest.mark.extra
X = np.ones((2, 3), np.float32)
IMAGES = np.ones((1, 1, 4, 4), np.float32)
IMAGE = [value("x", ("n", "c", "h", "w"))]
ENDLESS = np.array(2**62)
HUGE = np.array([2**20, 2**20])


def lying(dims, numbers):
    """Weights that say another shape than they have."""
    weights = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=dims, raw_data=numbers)
    return model([node("Add", ["x", "w"], ["y"])], {"w": weights})


def function(name, inside):
    """A function of a file's own, of these operators one after the other."""
    names = ["a", *(f"v{i}" for i in range(len(inside) - 1)), "b"]
    nodes = [node(kind, [x], [y], domain="own") for kind, x, y in zip(inside, names, names[1:], strict=False)]
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("own", 1)]
    return helper.make_function("own", name, ["a"], ["b"], nodes, opsets)


def calls(functions):
    return model([node("F0", ["x"], ["y"], domain="own")], functions=functions, domains=["own"])


BROKEN = {
    "a circle": (lambda: model([node("Add", ["x", "z"], ["y"]), node("Neg", ["y"], ["z"])]), "topologically sorted"),
    "a node of itself": (lambda: model([node("Add", ["x", "y"], ["y"])]), "topologically sorted"),
    "a missing input": (lambda: model([node("Add", ["x", "nowhere"], ["y"])]), "'nowhere'"),
    "a missing result": (lambda: model([node("Neg", ["x"], ["z"])]), "'y' is not an output"),
    "made twice": (lambda: model([node("Neg", ["x"], ["y"]), node("Abs", ["x"], ["y"])]), "single static assignment"),
    "opset 99": (lambda: model([node("Neg", ["x"], ["y"])], opset=99), "version 99 .* 7 to 28"),
    "opset 6": (lambda: model([node("Neg", ["x"], ["y"])], opset=6), "version 6 "),
    "too few numbers": (lambda: lying([1000, 1000], b"1234"), r"'w' of shape \(1000, 1000\) .* 4,000,000 bytes"),
    "no numbers": (lambda: lying([2**40, 2**20], b""), "one and only one value field"),
    "negative sizes": (lambda: lying([-1, -4], b"1234" * 4), r"\(-1, -4\)"),
    "no axis": (lambda: model([node("Concat", ["x"], ["y"])]), "'axis' is missing"),
    "an axis that is a text": (lambda: model([node("Concat", ["x"], ["y"], axis="a")]), "attribute type"),
    "a missing operand": (lambda: model([node("Add", ["x"], ["y"])]), "input size 1"),
    "NumPy's arguments": (lambda: model([node("Neg", ["x"], ["y"], out=3)]), "Neg with the attribute 'out'"),
    "functions without end": (lambda: calls([function("F0", ["F0"])]), "it has no end"),
    "a billion laughs": (
        lambda: calls([function(f"F{i}", [f"F{i + 1}"] * 2 if i < 39 else ["F40"]) for i in range(40)]),
        "more than 200,000 nodes",
    ),
}
RUNS = {
    "a loop without end": (lambda: loop([node("Identity", ["s"], ["next"])]), "1,000 rounds"),
    "a loop of 2**62 rounds": (
        lambda: loop([node("Identity", ["s"], ["next"])], "many", {"many": ENDLESS}),
        "1,000 rounds",
    ),
    "a loop that doubles": (lambda: loop([node("Concat", ["s", "s"], ["next"], axis=0)]), "has grown from shape"),
    "ConstantOfShape": (lambda: model([node("ConstantOfShape", ["s"], ["y"])], {"s": HUGE}), "bytes"),
    "Expand": (lambda: model([node("Expand", ["x", "s"], ["y"])], {"s": np.array([2**40, 2, 3])}), "bytes"),
    "Tile": (lambda: model([node("Tile", ["x", "s"], ["y"])], {"s": HUGE}), "bytes"),
    "Pad": (lambda: model([node("Pad", ["x", "s"], ["y"])], {"s": np.array([0, 0, 2**40, 2**20])}), "bytes"),
    "Range": (
        lambda: model([node("Range", ["a", "b", "c"], ["y"])], {"a": np.array(0), "b": ENDLESS, "c": np.array(1)}),
        "bytes",
    ),
    "Resize": (lambda: model([node("Resize", ["x", "", "", "s"], ["y"])], {"s": HUGE}), "bytes"),
    "two short arrays": (
        lambda: model([node("Mul", ["a", "b"], ["y"])], {"a": np.ones(2**16), "b": np.ones((2**16, 1))}),
        "bytes",
    ),
    "RandomNormal": (lambda: model([node("RandomNormal", [], ["y"], shape=[2**30, 2**10])]), "bytes"),
    "Conv": (
        lambda: model(
            [node("Conv", ["x", "w"], ["y"], pads=[2**30] * 4)], {"w": np.ones((1, 1, 1, 1), np.float32)}, IMAGE
        ),
        "bytes",
    ),
    "ConvTranspose": (
        lambda: model(
            [node("ConvTranspose", ["x", "w"], ["y"], strides=[2**30] * 2)],
            {"w": np.ones((1, 1, 1, 1), np.float32)},
            IMAGE,
        ),
        "bytes",
    ),
    "MaxPool": (
        lambda: model([node("MaxPool", ["x"], ["y"], kernel_shape=[2**20] * 2, pads=[2**20] * 4)], None, IMAGE),
        "bytes",
    ),
}


def error_of(run):
    """The error that something raises in less than a second, with less than 400 MB at any time."""
    start = time.process_time()
    tracemalloc.start()
    with pytest.raises((ValueError, TypeError, NotImplementedError, RuntimeError)) as found:
        run()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 400_000_000
    assert time.process_time() - start < 5  # under a second when nothing watches the memory
    return str(found.value)


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_is_refused_when_it_is_read(name):
    make, words = BROKEN[name]
    made = make()
    with pytest.raises(Exception, match=words):
        nn.load_onnx(made)
    error_of(lambda: nn.load_onnx(made))


@pytest.mark.parametrize("name", RUNS)
def test_what_would_not_end_or_not_fit_is_refused_when_it_runs(name, monkeypatch):
    monkeypatch.setattr(control, "LONGEST", 1000)
    make, words = RUNS[name]
    loaded = nn.load_onnx(make())
    x = IMAGES if loaded.inputs and len(loaded.inputs[0].shape) == 4 else X
    assert words in error_of(lambda: loaded(*([x] if loaded.inputs else [])))


def test_all_that_is_not_supported_is_in_one_error():
    nodes = [
        node("Odd", ["x"], ["a"], domain="com.shop"),
        node("StringNormalizer", ["x"], ["b"], name="texts"),
        node("Odd", ["a"], ["y"], name="second", domain="com.shop"),
    ]
    with pytest.raises(
        NotImplementedError, match=r"(?s)- StringNormalizer, in 'texts'.*- com.shop.Odd, in 'a', 'second'"
    ):
        nn.load_onnx(model(nodes, domains=["com.shop"]))


@pytest.mark.parametrize(
    ("where", "words"),
    [
        ({"location": "../../etc/passwd"}, "outside of the folder"),
        ({"location": "/etc/passwd"}, "outside of the folder"),
        ({"location": "link"}, "outside of the folder"),
        ({"location": "nowhere"}, "not there"),
        ({"location": "short"}, "takes 12 bytes, and the file has 4"),
        ({"location": "short", "offset": "-5"}, "no part of a file"),
        ({"location": "short", "length": "many"}, "no part of a file"),
    ],
    ids=str,
)
def test_numbers_in_another_file_are_read_from_the_folder_alone(tmp_path, where, words):
    folder = tmp_path / "inside"
    folder.mkdir()
    (folder / "short").write_bytes(b"1234")
    (tmp_path / "secret").write_bytes(b"1234" * 3)
    (folder / "link").symlink_to(tmp_path / "secret")
    weights = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[3], data_location=TensorProto.EXTERNAL)
    weights.external_data.extend(onnx.StringStringEntryProto(key=key, value=text) for key, text in where.items())
    made = model([node("Add", ["x", "w"], ["y"])], {"w": weights})
    (folder / "model.onnx").write_bytes(made.SerializeToString())
    with pytest.raises(ValueError, match=words):
        nn.load_onnx(folder / "model.onnx")


@pytest.mark.parametrize("text", [b"", b"\x89PNG and so on", b"cut"], ids=["empty", "a picture", "cut short"])
def test_what_is_no_onnx_file_is_called_so(tmp_path, text):
    whole = model([node("Add", ["x", "w"], ["y"])], {"w": X}).SerializeToString()
    (tmp_path / "model.onnx").write_bytes(whole[:-20] if text == b"cut" else text)
    with pytest.raises(ValueError, match="is no ONNX file"):
        nn.load_onnx(tmp_path / "model.onnx")
    with pytest.raises(FileNotFoundError, match="no such file"):
        nn.load_onnx(tmp_path / "other.onnx")


@pytest.mark.parametrize(
    "name", ["__class__", "__dict__", "training", "forward", "parameters", "program", "_scope", ".", "a/../b", "0"]
)
def test_any_name_is_a_name(name):
    loaded = nn.load_onnx(model([node("Add", ["x", name], ["y"])], {name: np.ones(3, np.float32)}))
    assert np.array_equal(loaded(X).data, X + 1)
    assert loaded.count_parameters() == 3
    assert isinstance(loaded, nn.Module)
    loaded.load_state_dict({path: array * 2 for path, array in loaded.state_dict().items()})
    assert np.array_equal(loaded.eval()(X).data, X + 2)


def test_a_branch_in_a_branch_sees_what_is_around():
    inner = body([node("Add", ["x", "z"], ["u"])], outputs=[value("u")])
    outer = body(
        [node("Neg", ["x"], ["z"]), node("If", ["yes"], ["v"], then_branch=inner, else_branch=inner)],
        outputs=[value("v")],
    )
    made = model([node("If", ["yes"], ["y"], then_branch=outer, else_branch=outer)], {"yes": np.array(True)})
    assert np.array_equal(nn.load_onnx(made)(X), X * 0)
