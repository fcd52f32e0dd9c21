"""The reference tells of each public name: an example that runs, all parameters, the errors that its code raises."""

import ast
import builtins
import doctest
import importlib
import inspect
import re
import textwrap

import numpy as np
import pytest

pytest.importorskip("sklearn")
import nn
from docs.extensions import public

PUBLIC = public.public()
MADE_BY = {  # classes that users are given and do not make: their attributes are told
    "autograd_mini.Compiled": "autograd_mini.compile",
    "autograd_mini.GradientNoise": "nn.gradient_noise",
    "autograd_mini.Recording": "autograd_mini.record",
    "autograd_mini.Signals": "autograd_mini.signals",
    "autograd_mini.testing.Derivation": "autograd_mini.testing.derivation",
    "autograd_mini.testing.Report": "autograd_mini.testing.check_derivatives",
    "nn.ModelSignals": "nn.signals",
    "nn.Training": "nn.fit",
    "nn.Tried": "nn.ModelSignals",
    "nn.TriedRow": "nn.Tried",
}
CANNOT_BE = {  # raised by what a function calls, and never of what it calls it with
    ("nn.perceptrons.NOT", ValueError),
    ("nn.pretrain", TypeError),
}
TAKES_NOTHING = {"autograd_mini.checked"}  # and says so to those who give it something
DRAWN = {"autograd_mini.testing.einsum_specs", "autograd_mini.testing.indices"}  # hypothesis made these functions
INSIDE = AttributeError, NotImplementedError, StopIteration  # what Python asks for, and what a subclass is to define


def section(thing, heading):
    """The lines under a heading of a docstring."""
    found = re.search(rf"(?s)\n{heading}\n-+\n(.*?)(\n\n\w+\n---|$)", inspect.getdoc(thing) or "")
    return found[1] if found else ""


def entries(thing, heading):
    """The names that a section of a docstring is about."""
    lines = re.findall(r"(?m)^([\w*][\w*, .]*?)(?: :|$)", section(thing, heading))
    return [name.lstrip("*") for line in lines for name in line.split(", ")]


def is_error(thing):
    return inspect.isclass(thing) and issubclass(thing, BaseException)


@pytest.mark.parametrize("name", PUBLIC)
def test_a_public_name_has_an_example_that_the_tests_run(name):
    text = PUBLIC[name].__doc__
    assert ">>>" in text
    home = getattr(PUBLIC[name], "__module__", None) or type(PUBLIC[name]).__module__
    assert text in {found.docstring for found in doctest.DocTestFinder().find(importlib.import_module(home))}


@pytest.mark.parametrize(
    "name", [name for name, thing in PUBLIC.items() if callable(thing) and name not in MADE_BY and not is_error(thing)]
)
def test_a_docstring_tells_all_parameters(name):
    parameters = {} if name in TAKES_NOTHING else inspect.signature(PUBLIC[name]).parameters
    assert sorted(entries(PUBLIC[name], "Parameters")) == sorted(parameters)


@pytest.mark.parametrize("name", MADE_BY)
def test_what_users_are_given_has_the_attributes_that_its_docstring_tells(name):
    attributes = entries(PUBLIC[name], "Attributes")
    known = {*dir(PUBLIC[name]), *inspect.signature(PUBLIC[name]).parameters}
    known |= set(re.findall(r"\bself\.(\w+)", inspect.getsource(PUBLIC[name])))
    assert attributes
    assert set(attributes) <= known
    assert MADE_BY[name] in PUBLIC


METHODS = {
    f"{name}.{key}": method
    for name, thing in PUBLIC.items()
    if inspect.isclass(thing)
    for key, method in vars(thing).items()
    if inspect.isfunction(method) and key[0] != "_" and section(method, "Parameters")
}


@pytest.mark.parametrize("name", METHODS)
def test_a_docstring_of_a_method_tells_all_parameters(name):
    assert sorted(entries(METHODS[name], "Parameters")) == sorted(
        {*inspect.signature(METHODS[name]).parameters} - {"self"}
    )


LAYERS = {  # of those that are not made of nothing
    "Aggregation": lambda: nn.Aggregation([nn.Perceptron([1.0, 0.0])]),
    "Autoencoder": lambda: nn.Autoencoder(nn.Linear(3, 2), nn.Linear(2, 3), nn.Masking(0.5)),
    "BatchNorm": lambda: nn.BatchNorm(3),
    "Conv1d": lambda: nn.Conv1d(2, 3, 3),
    "Conv2d": lambda: nn.Conv2d(2, 3, 3),
    "ConvTranspose1d": lambda: nn.ConvTranspose1d(2, 3, 3),
    "ConvTranspose2d": lambda: nn.ConvTranspose2d(2, 3, 3),
    "Embedding": lambda: nn.Embedding(4, 3),
    "GRU": lambda: nn.GRU(2, 3, layers=2, bidirectional=True, dropout=0.5),
    "GRUCell": lambda: nn.GRUCell(2, 3),
    "GroupNorm": lambda: nn.GroupNorm(1, 3),
    "LSTM": lambda: nn.LSTM(2, 3, layers=2, bidirectional=True, dropout=0.5),
    "LSTMCell": lambda: nn.LSTMCell(2, 3, projection=2),
    "LayerNorm": lambda: nn.LayerNorm(3),
    "Linear": lambda: nn.Linear(2, 3),
    "MLP": lambda: nn.MLP([2, 3, 1]),
    "MultiHeadAttention": lambda: nn.MultiHeadAttention(4, 2),
    "PReLU": nn.PReLU,
    "Perceptron": lambda: nn.Perceptron([1.0, 0.0]),
    "RNN": lambda: nn.RNN(2, 3, layers=2, bidirectional=True, dropout=0.5),
    "RNNCell": lambda: nn.RNNCell(2, 3),
    "Residual": lambda: nn.Residual(nn.Linear(2, 3), shortcut=nn.Linear(2, 3)),
    "Sequential": lambda: nn.Sequential(nn.Linear(2, 3), nn.Tanh()),
    "WeightNorm": lambda: nn.WeightNorm(nn.Linear(2, 3)),
}


def test_all_layers_with_parameters_are_looked_at():
    kinds = [thing for thing in public.public("nn").values() if inspect.isclass(thing)]
    others = {kind for kind in kinds if issubclass(kind, nn.Module)} - {getattr(nn, name) for name in LAYERS}
    given = dict.fromkeys((nn.ChannelDropout, nn.Dropout, nn.GaussianNoise, nn.Masking), (0.5,))
    given |= {nn.AvgPool2d: (2,), nn.MaxPool2d: (2,)}
    made = [kind(*given.get(kind, ())) for kind in others - {nn.Module, nn.perceptrons.Signs}]
    assert [layer for layer in made if [*layer.named_parameters(), *layer.named_buffers()]] == []


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_tells_the_names_of_its_parameters(name):
    kind, layer = getattr(nn, name), LAYERS[name]()
    paths = [path.split(".")[0] for path, _ in (*layer.named_parameters(), *layer.named_buffers())]
    told = entries(kind, "Attributes") or entries(kind, "Parameters")
    assert {path for path in paths if not path.isdigit()} <= set(told)
    assert set(told) <= {*vars(layer), *inspect.signature(kind).parameters}


SHAPES = {
    "BatchNorm": (4, 3),
    "Conv1d": (1, 2, 5),
    "Conv2d": (1, 2, 5, 5),
    "ConvTranspose1d": (1, 2, 5),
    "ConvTranspose2d": (1, 2, 5, 5),
    "GRU": (1, 2, 2),
    "GRUCell": (4, 2),
    "GroupNorm": (4, 3),
    "LSTM": (1, 2, 2),
    "LSTMCell": (4, 2),
    "LayerNorm": (4, 3),
    "Linear": (4, 2),
    "MLP": (4, 2),
    "MultiHeadAttention": (1, 2, 4),
    "PReLU": (4, 2),
    "RNN": (1, 2, 2),
    "RNNCell": (4, 2),
}


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize(("given", "want"), [("f2", "f4"), ("f4", "f4"), ("f8", "f8"), ("i8", "f4")])
def test_results_have_the_dtype_that_layers_with_float32_parameters_tell(name, given, want):
    assert "whichever is wider" in section(getattr(nn, name), "Parameters")
    out = LAYERS[name]()(np.arange(np.prod(SHAPES[name])).reshape(SHAPES[name]).astype(given))
    assert (out[0] if isinstance(out, tuple) else out).dtype == want


def own(node):
    """All nodes of a function but those of functions and classes inside."""
    for child in ast.iter_child_nodes(node):
        yield child
        if not isinstance(child, ast.FunctionDef | ast.Lambda | ast.ClassDef):
            yield from own(child)


def meant(function, node):
    """What a name, or the name that is called, stands for in a function's module."""
    called = node.func if isinstance(node, ast.Call) else node
    name = called.id if isinstance(called, ast.Name) else ""
    return function.__globals__.get(name, getattr(builtins, name, None))


def raised(function, deeper=True):
    """The errors that a function raises itself, or in a function of its package that it calls by name."""
    function = inspect.unwrap(function)
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    found = set()
    for node in own(tree.body[0]):
        if isinstance(node, ast.Raise) and node.exc is not None:
            error = meant(function, node.exc)
            found |= {error} if is_error(error) and not issubclass(error, INSIDE) else set()
        if isinstance(node, ast.Call) and deeper:
            called = meant(function, node)
            ours = inspect.isfunction(called) and called.__module__.startswith(("autograd_mini.", "nn."))
            found |= raised(called, deeper=False) if ours else set()
    return found


def calls(thing):
    """The functions that run when a public name is called, and for a layer when it is called then."""
    methods = ("__init__", "__call__", "forward")
    functions = [vars(thing).get(name) for name in methods] if inspect.isclass(thing) else [inspect.unwrap(thing)]
    return [one for one in functions if inspect.isfunction(one) and not one.__code__.co_filename.startswith("<")]


@pytest.mark.parametrize(
    "name", [name for name, thing in PUBLIC.items() if calls(thing) and not is_error(thing) and name not in DRAWN]
)
def test_a_docstring_tells_the_errors_that_the_code_raises(name):
    told = {error.rpartition(".")[2] for error in entries(PUBLIC[name], "Raises")}
    errors = {error for function in calls(PUBLIC[name]) for error in raised(function)}
    errors = {error for error in errors if (name, error) not in CANNOT_BE}
    assert [error for error in errors if not told & {kind.__name__ for kind in error.__mro__}] == []


def refuses(x):
    if x < 0:
        raise ValueError("negative")
    return helped(x)


def helped(x):
    if x > 1:
        raise TypeError("large")

    def inner():
        raise OSError("not here")

    return inner


def test_raised_errors_are_found_one_call_deep():
    assert raised(refuses, deeper=False) == {ValueError}
    assert raised(helped) == {TypeError}
    assert raised(public.public) == set()


def test_the_first_sentence_of_a_docstring_is_a_sentence():
    first = {name: inspect.getdoc(thing).split("\n\n")[0] for name, thing in PUBLIC.items()}
    assert [name for name, text in first.items() if len(text) > 240 or not text.endswith((".", ".)"))] == []
