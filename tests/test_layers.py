"""The order of the modules: who may import whom, what `nn` may know of the engine, and how long the engine may be."""

import ast
import io
import subprocess
import sys
import tokenize
from pathlib import Path

import pytest

import autograd_mini
import nn

ENGINE, NETWORKS = Path(autograd_mini.__file__).parent, Path(nn.__file__).parent

# Each may import those of earlier lines, and within its own line those to its left.
ORDER = [
    ["domains", "errors", "expressions", "graph", "locks", "palette"],
    ["arrays", "trees"],
    ["primitive"],
    ["rules"],
    ["outputs", "updates"],
    ["backward"],
    ["tensor"],
    ["transforms", "derivatives", "checkpointing"],
    ["rendering"],
    ["spectrum", "layers", "measuring", "factors"],
    ["picture", "drawing"],
    ["views"],
    ["checked", "signals"],
    ["scipy", "testing"],
]
RANK = {name: (line, column) for line, names in enumerate(ORDER) for column, name in enumerate(names)}
# Built on the engine, or texts:
EXTENSIONS = {"rules", "scipy", "errors", "derivatives", "checkpointing", "updates", "testing", "transforms"}
CHECKS = {"checked", "locks", "expressions"}
MEASURING = {"signals", "layers", "measuring", "factors", "spectrum", "views"}
PICTURES = MEASURING | {"drawing", "picture", "palette", "rendering"}
FILES = sorted(path for path in ENGINE.rglob("*.py") if path != ENGINE / "__init__.py")


def imports(source: str, package: str) -> list[tuple[str, str]]:
    """What a source imports from a package, anywhere in it: pairs (module below the package or "", name)."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [(alias.name, "") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "relative imports hide where a name comes from"
            found += [(node.module, alias.name) for alias in node.names]
    below = [(module.split("."), name) for module, name in found if module.split(".")[0] == package]
    return [(path[1] if len(path) > 1 else "", name) for path, name in below]


def layer(path: Path) -> str:
    return path.relative_to(ENGINE).parts[0].removesuffix(".py")


def upward(name: str, source: str) -> list[str]:
    """The modules that a source of module `name` imports, although they are not below it."""
    wrong = []
    for module, imported in imports(source, "autograd_mini"):
        target = module or imported
        inside = name == target and name in {"rules", "scipy", "testing", "views"}
        if not inside and RANK[target] >= RANK[name]:
            wrong.append(target)
    return wrong + [module or "nn" for module, _ in imports(source, "nn")]


def test_every_module_has_its_place():
    assert {layer(path) for path in FILES} <= RANK.keys()


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ENGINE)))
def test_imports_run_one_way(path):
    assert upward(layer(path), path.read_text()) == []


def test_an_import_against_the_order_would_be_found():
    assert upward("graph", "from autograd_mini.tensor import Tensor") == ["tensor"]
    assert upward("rules", "from autograd_mini import backward") == ["backward"]
    assert upward("tensor", "def f():\n    import nn") == ["nn"]
    assert upward("drawing", "from autograd_mini.signals import signals") == ["signals"]
    assert upward("rules", "from autograd_mini.rules import shapes") == []


@pytest.mark.parametrize("path", sorted(NETWORKS.rglob("*.py")), ids=lambda path: path.name)
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
    counts = {
        str(path.relative_to(ENGINE)): code_lines(path.read_text())
        for path in FILES
        if layer(path) not in PICTURES | EXTENSIONS | CHECKS
    }
    print(counts, sum(counts.values()))
    assert sum(counts.values()) <= 1150, counts


def python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert not done.returncode, done.stderr
    return done.stdout


def test_importing_the_engine_imports_nothing_but_numpy():
    extras = "graphviz", "pygraphviz", "matplotlib", "sklearn", "dask", "tqdm", "scipy"
    assert python(f"import sys, autograd_mini, nn; print([m for m in {extras} if m in sys.modules])") == "[]\n"


@pytest.mark.parametrize("package", ["autograd_mini", "nn"])
def test_public_names_exist_and_stay_what_they_are_whatever_is_imported(package):
    python(
        f"import {package} as p, importlib, pkgutil\n"
        "first = {name: getattr(p, name) for name in p.__all__}\n"
        "for module in pkgutil.walk_packages(p.__path__, p.__name__ + '.'):\n"
        "    importlib.import_module(module.name)\n"
        "changed = [name for name in p.__all__ if getattr(p, name) is not first[name]]\n"
        "assert not changed, changed"
    )


@pytest.mark.parametrize("module", sorted(RANK.keys() - {"rules"}))
def test_each_module_can_be_imported_first(module):
    python(f"import autograd_mini.{module}")
