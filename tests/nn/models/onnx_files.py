"""Small ONNX models for tests, and what files say of them."""

import numpy as np
from onnx import TensorProto, helper, numpy_helper

FLOAT, INT64, BOOL = TensorProto.FLOAT, TensorProto.INT64, TensorProto.BOOL
node, graph = helper.make_node, helper.make_graph


def value(name, shape=("n", 3), kind=FLOAT):
    """An input or output; without a shape if it is None."""
    return helper.make_tensor_value_info(name, kind, shape)


def model(nodes, weights=None, inputs=None, outputs=("y",), opset=18, **more):
    """A model from x to y, with arrays by name as its initializers."""
    initializers = [
        array if isinstance(array, TensorProto) else numpy_helper.from_array(np.asarray(array), name)
        for name, array in (weights or {}).items()
    ]
    inputs = [value("x")] if inputs is None else inputs
    outputs = [each if hasattr(each, "name") else value(each, None) for each in outputs]
    for each in outputs:
        if not each.type.tensor_type.HasField("shape"):
            each.type.tensor_type.shape.dim.add()
    opsets = [helper.make_opsetid("", opset), *(helper.make_opsetid(name, 1) for name in more.pop("domains", ()))]
    made = helper.make_model(graph(nodes, "g", inputs, outputs, initializers), opset_imports=opsets, **more)
    made.ir_version = 10  # which onnxruntime reads
    return made


def body(nodes, inputs=(), outputs=()):
    """The body of a branch or loop."""
    return graph(nodes, "body", list(inputs), list(outputs))


def loop(nodes, count="", weights=None):
    """A loop that carries s, from x to y, and goes on as long as it was told to in the beginning."""
    inside = body(
        [node("Identity", ["going"], ["still"]), *nodes],
        [value("i", (), INT64), value("going", (), BOOL), value("s", None)],
        [value("still", (), BOOL), value("next", None)],
    )
    return model([node("Loop", [count, "yes", "x"], ["y"], body=inside)], {"yes": np.array(True), **(weights or {})})
