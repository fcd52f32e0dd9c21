"""What only type checkers read is what there is when a program runs: no more, and no less."""

import ast
import importlib
import inspect
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import autograd_mini
import nn
from autograd_mini import Tensor, elsewhere
from autograd_mini.primitive import composites, constants, primitives

ROOT = Path(autograd_mini.__file__).parent
METHODS = next(
    node
    for node in ast.parse((ROOT / "typed.pyi").read_text()).body
    if isinstance(node, ast.ClassDef) and node.name == "Methods"
)
DEFINED = {node.name: node for node in METHODS.body if isinstance(node, ast.FunctionDef)}
ARGUMENTS = {
    "choose": ([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]],),
    "compress": ([True, False, True],),
    "dot": ([1.0, 2.0, 3.0],),
    "repeat": (2,),
    "searchsorted": (0.5,),
    "swapaxes": (0, 0),
    "take": ([0],),
    "argpartition": (1,),
}
WHOLE = {"choose", "__lshift__", "__rlshift__", "__rshift__", "__rrshift__"}
SQUARE = {"trace", "diagonal"}


def is_property(node):
    return any(ast.unparse(decorator) == "property" for decorator in node.decorator_list)


@pytest.mark.parametrize("name", DEFINED)
def test_methods_that_checkers_know_give_what_they_are_told(name):
    t = Tensor([0, 1, 1]) if name in WHOLE else Tensor(np.ones((2, 2)) if name in SQUARE else [1.0, 2.0, 3.0])
    if name in {"__float__", "__int__", "__complex__"}:
        t = Tensor(1.0)
    value = getattr(t, name)
    if not is_property(DEFINED[name]):
        operand = (2,) if ARGUMENTS.get(name) is None and len(DEFINED[name].args.args) == 2 and name[0] == "_" else ()
        value = value(*ARGUMENTS.get(name, operand))
    kinds = {"Tensor": Tensor, "tuple[Tensor, ...]": tuple, "tuple[Tensor, Tensor]": tuple, "tuple[int, ...]": tuple}
    kinds |= {"np.dtype[Any]": np.dtype} | {kind.__name__: kind for kind in (int, float, complex, bool)}
    told = ast.unparse(DEFINED[name].returns)
    assert isinstance(value, kinds[told])
    if told.startswith("tuple[Tensor"):
        assert all(isinstance(part, Tensor) for part in value)


@pytest.mark.parametrize("name", [name for name, node in DEFINED.items() if name[0] != "_" and not is_property(node)])
def test_their_parameters_are_those_of_numpys_functions(name):
    told = DEFINED[name].args
    function = getattr(np, {"flatten": "ravel"}.get(name, name))
    known = [parameter for parameter in inspect.signature(function).parameters if parameter != "a"]
    positional = [argument.arg for argument in told.args[1:]]
    assert positional == [parameter for parameter in known if parameter in positional]
    assert {argument.arg for argument in told.kwonlyargs} <= set(known)


def test_no_name_of_another_library_is_told_of():
    assert not [name for name in DEFINED if isinstance(inspect.getattr_static(Tensor, name), elsewhere.Name)]


def declared(name):
    """The names that a stub declares itself, each with its type or, for a function, None; and those that it imports."""
    tree = ast.parse((ROOT / "numpy" / name).read_text())
    own = {node.target.id: ast.unparse(node.annotation) for node in tree.body if isinstance(node, ast.AnnAssign)}
    own |= {node.name: None for node in tree.body if isinstance(node, ast.FunctionDef)}
    handed_on = [node for node in tree.body if isinstance(node, ast.ImportFrom) and node.module.startswith("numpy")]
    return own, {alias.asname for node in handed_on for alias in node.names}


STUBS = {"__init__.pyi": np, "linalg.pyi": np.linalg, "fft.pyi": np.fft}


@pytest.mark.parametrize("stub", STUBS)
def test_numpys_functions_that_take_tensors_are_declared_and_no_others(stub):
    module, known = STUBS[stub], {*primitives, *composites, *constants}
    takes = {name for name in module.__all__ if callable(getattr(module, name)) and getattr(module, name) in known}
    own, handed_on = declared(stub)
    assert own.keys() & set(module.__all__) == takes
    assert set(module.__all__) - own.keys() - {"__version__", "fft", "linalg", "show_config", "test"} <= handed_on
    assert not own.keys() & handed_on


@pytest.mark.parametrize("stub", STUBS)
def test_universal_functions_are_declared_as_such(stub):
    for name, kind in declared(stub)[0].items():
        function = getattr(STUBS[stub], name, None)
        one_result = isinstance(function, np.ufunc) and function.nout == 1
        assert function is None or (kind == "Universal") == one_result


CALLS = {
    "Function": [
        "np.mean(t)",
        "np.stack([t, t])",
        "np.count_nonzero(t)",
        "np.block([[t, t]])",
        "np.piecewise(t, [t > 0], [1])",
    ],
    "Universal": ["np.add.reduce(t)", "np.maximum.accumulate(t)", "np.multiply.outer(t, t)"],
    "Pair": ["np.divmod(t, 2.0)", "np.modf(t)", "np.frexp(t)", "np.polydiv(t[0], t[1])"],
    "Several": [
        "np.broadcast_arrays(t, t)",
        "np.meshgrid(t, t)",
        "np.nonzero(t)",
        "np.unstack(t)",
        "np.triu_indices_from(t)",
    ],
    "Pieces": ["np.split(t, 2)", "np.vsplit(t, 2)", "np.hsplit(t, 2)", "np.array_split(t, 2)", "np.dsplit(t[None], 2)"],
    "Fact[bool]": ["np.allclose(t, t)", "np.array_equiv(t, t)", "np.isrealobj(t)", "np.shares_memory(t, t)"],
    "Fact[int]": ["np.ndim(t)", "np.size(t)"],
    "Fact[tuple[int, ...]]": ["np.shape(t)"],
    "Fact[np.dtype[Any]]": ["np.result_type(t)", "np.min_scalar_type(t)"],
    "Fact[type[Any]]": ["np.common_type(t)"],
}
KINDS = {"Pair": tuple, "Several": tuple, "Pieces": list, "Fact[bool]": bool, "Fact[int]": int}
KINDS |= {"Fact[tuple[int, ...]]": tuple, "Fact[np.dtype[Any]]": np.dtype, "Fact[type[Any]]": type}


@pytest.mark.parametrize(("kind", "call"), [(kind, call) for kind, calls in CALLS.items() for call in calls])
def test_numpys_functions_give_what_checkers_are_told(kind, call):
    name = call.removeprefix("np.").partition("(")[0].partition(".")[0]
    if not hasattr(np, name):
        pytest.skip(f"this NumPy has no {name}")
    value = eval(call, {"np": np, "t": Tensor([[1.0, 2.0], [3.0, 5.0]], requires_grad=True)})
    assert declared("__init__.pyi")[0][name] in {kind, kind.replace("np.", "_numpy.").replace("bool", "builtins.bool")}
    assert type(value) is KINDS.get(kind, Tensor) or isinstance(value, KINDS.get(kind, Tensor))
    if kind in {"Pair", "Several", "Pieces"}:
        assert all(isinstance(part, Tensor) for part in value)


def test_the_numpy_of_autograd_mini_is_numpy():
    code = (
        "import autograd_mini.numpy as one, numpy\nfrom autograd_mini import numpy as two\n"
        "from autograd_mini.numpy import linalg\nimport autograd_mini.numpy.fft as fft\n"
        "assert one is two is numpy and linalg is numpy.linalg and fft is numpy.fft"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("name", ["data", "init", "perceptrons", "schedules"])
def test_modules_of_nn_are_those_that_checkers_are_told_of(name):
    tree = ast.parse((Path(nn.__file__).parent / f"{name}.pyi").read_text())
    assert importlib.import_module(tree.body[-1].module) is getattr(nn, name) is importlib.import_module(f"nn.{name}")
