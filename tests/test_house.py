"""The house: which room may import which, what `nn` may know of the engine, how long the engine may be.

A room is a file or a folder of a package. Its floor is its line below; the floors read from the ground up.
"""

import ast
import io
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

import autograd_mini
import nn

# Each room, and the rooms that it imports, all of them on lower floors.
ENGINE = [
    {"domains": "", "elsewhere": "", "errors": "", "showing": "", "words": ""},
    {"graph": "elsewhere errors", "primitive": "domains errors", "arrays": "errors"},
    {"devices": "arrays primitive"},
    {
        "hooks": "arrays errors graph",
        "levels": "graph",
        "outputs": "graph primitive",
        "rules": "arrays devices domains errors primitive",
        "surface": "arrays elsewhere errors graph primitive showing",
    },
    {"dependence": "arrays devices graph levels outputs"},
    {"backward": "arrays dependence errors graph hooks levels outputs"},
    {"tensor": "arrays backward devices elsewhere errors graph hooks outputs primitive rules surface"},
    {"transforms": "arrays backward devices elsewhere errors graph hooks levels primitive tensor"},
    {"batching": "arrays backward devices elsewhere graph levels outputs primitive rules tensor transforms"},
    {
        "checked": "arrays backward graph hooks outputs primitive tensor transforms",
        "measuring": "arrays backward batching errors graph tensor words",
        "scipy": "arrays batching domains errors primitive rules tensor transforms",
    },
    {
        "compiling": "arrays backward batching checked devices graph outputs primitive tensor transforms",
        "drawing": "errors graph measuring primitive showing tensor",
    },
    {
        "signals": "drawing graph measuring showing tensor words",
        "testing": "backward batching compiling domains errors graph outputs primitive rules tensor transforms",
    },
]
NETWORKS = [
    {"elsewhere": ""},
    {"parameter": "elsewhere", "functions": "", "norms": "", "noise": "", "docstrings": ""},
    {"module": "elsewhere parameter", "outputs": "functions"},
    {"checks": "module"},
    {"padding": "checks", "cluster": "checks"},
    {
        "layers": "checks docstrings elsewhere functions module noise padding parameter",
        "losses": "checks elsewhere functions padding",
    },
    {"optimizers": "checks cluster docstrings elsewhere losses module norms parameter"},
    {
        "changes": "checks layers module norms parameter",
        "models": "checks functions layers module noise parameter",
        "training": "checks cluster elsewhere layers losses module noise norms optimizers outputs padding parameter",
    },
    {  # cures are changes that train
        "signals": "changes checks elsewhere functions losses module norms optimizers parameter training"
    },
    {"lecture": "checks layers losses module optimizers parameter training"},
    {"estimators": "(nn itself)"},
]
HOUSES = {autograd_mini: ENGINE, nn: NETWORKS}
FOLDERS = {package: Path(package.__file__).parent for package in HOUSES}
READ_FIRST = {
    "domains",
    "graph",
    "primitive",
    "arrays",
    "hooks",
    "levels",
    "outputs",
    "dependence",
    "backward",
    "surface",
    "tensor",
    "errors",
}


def files(package) -> list[Path]:
    """The files of a package, but for its own `__init__`."""
    return sorted(path for path in FOLDERS[package].rglob("*.py") if path != FOLDERS[package] / "__init__.py")


def room_of(path: Path, package) -> str:
    return path.relative_to(FOLDERS[package]).parts[0].removesuffix(".py")


def imports(source: str, package: str) -> list[tuple[str, str]]:
    """What a source imports from a package, anywhere in it: pairs (module below the package or "", name).

    What is imported for type checkers alone is not: nothing depends on it when a program runs.
    """
    found = []
    for node in running(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [(alias.name, "") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "relative imports hide where a name comes from"
            found += [(node.module, alias.name) for alias in node.names]
    below = [(module.split("."), name) for module, name in found if module.split(".")[0] == package]
    return [(path[1] if len(path) > 1 else "", name) for path, name in below]


def running(node: ast.AST) -> Iterator[ast.AST]:
    """All nodes of a tree but those under `if TYPE_CHECKING:`."""
    yield node
    skipped = node.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING" else []
    for child in ast.iter_child_nodes(node):
        if child not in skipped:
            yield from running(child)


def doors(room: str, source: str, package: str) -> set[str]:
    """The other rooms of its package that a source of a room imports."""
    return {module or name or f"({package} itself)" for module, name in imports(source, package)} - {room}


@pytest.mark.parametrize("package", HOUSES, ids=lambda package: package.__name__)
def test_the_rooms_are_those_of_the_plan_and_so_are_the_doors_between_them(package):
    found: dict[str, set[str]] = {}
    for path in files(package):
        room = room_of(path, package)
        found.setdefault(room, set()).update(doors(room, path.read_text(), package.__name__))
    planned = {room: below for floor in HOUSES[package] for room, below in floor.items()}
    assert found == {room: {below} if below.startswith("(") else set(below.split()) for room, below in planned.items()}


@pytest.mark.parametrize("package", HOUSES, ids=lambda package: package.__name__)
def test_no_door_leads_upstairs_or_along_a_floor(package):
    lower: set[str] = set()
    for floor in HOUSES[package]:
        for room, below in floor.items():
            assert below.startswith("(") or set(below.split()) <= lower, room
        lower |= floor.keys()


def test_a_door_that_the_plan_does_not_have_would_be_found():
    assert doors("graph", "from autograd_mini.tensor import Tensor", "autograd_mini") == {"tensor"}
    assert doors("rules", "from autograd_mini import backward", "autograd_mini") == {"backward"}
    assert doors("drawing", "def f():\n    import autograd_mini.signals", "autograd_mini") == {"signals"}
    assert doors("rules", "from autograd_mini.rules import shapes", "autograd_mini") == set()
    assert doors("layers", "import nn", "nn") == {"(nn itself)"}
    typed = "if TYPE_CHECKING:\n    import autograd_mini.tensor\nelse:\n    import autograd_mini.graph"
    assert doors("primitive", typed, "autograd_mini") == {"graph"}


@pytest.mark.parametrize("path", files(autograd_mini), ids=lambda path: str(path.relative_to(FOLDERS[autograd_mini])))
def test_the_engine_knows_nothing_of_networks(path):
    assert imports(path.read_text(), "nn") == []


@pytest.mark.parametrize("path", files(nn), ids=lambda path: str(path.relative_to(FOLDERS[nn])))
def test_nn_uses_public_names_of_the_engine_only(path):
    for module, name in imports(path.read_text(), "autograd_mini"):
        assert not module, f"autograd_mini.{module} is not public"
        assert name in autograd_mini.__all__
    used = [
        node.attr
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr in {"_record", "_values", "_leaf"}
    ]
    assert used == []


@pytest.mark.parametrize("package", HOUSES, ids=lambda package: package.__name__)
def test_each_folder_says_what_lives_there_and_what_may_not(package):
    for path in FOLDERS[package].rglob("__init__.py"):
        assert ast.get_docstring(ast.parse(path.read_text())), path


def code_lines(source: str) -> int:
    """The lines that hold code: no comments, blank lines or docstrings."""
    lines: set[int] = set()
    ignored = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in ignored:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            lines -= set(range(node.lineno, node.end_lineno + 1))
    return len(lines)


def test_code_lines_are_counted():
    assert (
        code_lines('"""Doc."""\n\n# why\nx = """a\nb"""\n\n\ndef f():\n    """Doc\n    more."""\n    return 1\n') == 4
    )


def test_the_engine_can_be_read_in_half_an_hour():
    sources = {room: (FOLDERS[autograd_mini] / f"{room}.py").read_text() for room in READ_FIRST}
    lines = {room: len(source.splitlines()) for room, source in sources.items()}
    code = {room: code_lines(source) for room, source in sources.items()}
    # 1,600, and 145 more: what NumPy computes and refuses is NumPy's own, operands as they were written, SciPy's calls,
    # results that are Python's numbers or no arrays.
    # And 215 for hooks: what users do to a gradient on its way, in `hooks`, with half of the lines for its docstrings.
    # And 355: `dependence`, which is why there are no where traps, and the second pass of the backward that it decides.
    # And 110 for batching: `levels`, inside of which vmaps a value was made, without which gradients would be wrong,
    # primitives that ask an array of another kind to compute them, and the question `everywhere`.
    # And 6: no values of single examples in a tensor of all of them, where they would last.
    # And 17 for compiling: what a recorded array answers by itself, and a watch that does not change the backward.
    # And 6 for speed: loops where expressions of them would be slower, in each step.
    # And 73 for devices: `t.device`, `t.to_device`, DLPack, and arrays of PyTorch's and CuPy's, which are adopted.
    # And 10 for Dask: arrays of its that somebody's function returns, several results that are no tensors yet.
    # And 6 for notebooks: a tensor as a table.
    # And 10 for what people bring along: names of other libraries that are answered, and text with percent signs.
    # And 25 for type checkers, which are told what tables make.
    # And 108 for the reference: what each parameter of a public name is, and an example that runs.
    assert sum(lines.values()) <= 2704, lines
    assert sum(code.values()) <= 1665, code


def python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert not done.returncode, done.stderr
    return done.stdout


def test_importing_the_engine_imports_nothing_but_numpy():
    extras = "graphviz", "pygraphviz", "matplotlib", "sklearn", "dask", "tqdm", "scipy"
    assert python(f"import sys, autograd_mini, nn; print([m for m in {extras} if m in sys.modules])") == "[]\n"


def test_what_draws_measures_and_knows_scipy_is_imported_when_it_is_used():
    rooms = "drawing", "measuring", "scipy", "testing", "signals.report", "checked.checker"
    loaded = f"[room for room in {rooms} if 'autograd_mini.' + room in sys.modules]"
    assert python(f"import sys, autograd_mini, nn; print({loaded})") == "[]\n"
    assert python("import sys, nn; print('numpy.random' in sys.modules)") == "False\n"


@pytest.mark.parametrize("package", HOUSES, ids=lambda package: package.__name__)
def test_a_package_lists_its_public_names_and_its_version_alone(package):
    assert dir(package) == sorted([*package.__all__, "__version__"])
    with pytest.raises(AttributeError, match="no attribute 'nowhere'"):
        _ = package.nowhere


def test_the_parts_of_nn_that_are_written_with_a_dot_can_be_imported():
    python("from nn.init import he; import nn.schedules, nn.data; from nn.perceptrons import XOR; nn.schedules.cosine")
    python("import nn.schedules; import nn; assert nn.schedules is __import__('sys').modules['nn.schedules']")


@pytest.mark.parametrize("package", ["autograd_mini", "nn"])
def test_public_names_exist_and_stay_what_they_are_whatever_is_imported(package):
    python(
        f"import {package} as p, importlib, pkgutil\n"
        "first = {name: getattr(p, name) for name in p.__all__}\n"
        "for module in pkgutil.walk_packages(p.__path__, p.__name__ + '.', lambda name: None):\n"
        "    if not any(extra in module.name for extra in ('.pytorch', '.onnx.')):\n"
        "        importlib.import_module(module.name)\n"
        "changed = [name for name in p.__all__ if getattr(p, name) is not first[name]]\n"
        "assert not changed, changed"
    )


@pytest.mark.parametrize("room", sorted(room for floor in ENGINE for room in floor))
def test_each_room_can_be_imported_first(room):
    python(f"import autograd_mini.{room}")
