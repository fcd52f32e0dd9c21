"""What CuPy's functions are called with, read from its source: `python -m benchmarks.cupy_signatures cupy-14.2.0`.

CuPy runs on a GPU alone; the tests have a stand-in for its arrays that takes these arguments and no others. The source
is that of `pip download --no-deps --no-binary :all: cupy`, unpacked; the file that this writes is
tests/autograd_mini/devices/cupy_signatures.json.
"""

from __future__ import annotations

import argparse
import ast
import json
import re
from pathlib import Path
from typing import Any

from benchmarks.common import ROOT

FILE = ROOT / "tests" / "autograd_mini" / "devices" / "cupy_signatures.json"
MODULES = {"": "cupy", "linalg": "cupy.linalg", "fft": "cupy.fft", "lib.stride_tricks": "cupy.lib.stride_tricks"}
SCATTERING = re.compile(r"^_*(\w+) = (?:(?!^\w).)*?scatter_op='", re.MULTILINE | re.DOTALL)


def source_of(root: Path, module: str) -> Path | None:
    """The file of a module."""
    base = root / module.replace(".", "/")
    for path in (base.with_suffix(".py"), base.with_suffix(".pyx"), base / "__init__.py"):
        if path.is_file():
            return path
    return None


def exported(root: Path, module: str) -> dict[str, tuple[str, str]]:
    """The names that a module has of CuPy's: for each the module that defines it, and what it is called there."""
    path = source_of(root, module)
    assert path is not None, module
    found = {}
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("cupy"):
            for name in node.names:
                found[name.asname or name.name] = (str(node.module), name.name)
        elif isinstance(node, ast.FunctionDef):
            found[node.name] = (module, node.name)
    return {name: home for name, home in found.items() if not name.startswith("_")}


def parameters(root: Path, module: str, name: str) -> Any:
    """The names of a function's parameters; "ufunc" of a universal function; None of what takes anything."""
    path = source_of(root, module)
    if path is None:
        return None
    text = path.read_text()
    defined = re.search(
        rf"^(?:cpdef|def)\s+(?:[\w\.\[\]]+\s+)?{name}\((.*?)\)\s*(?:->.*?)?:\s*$", text, re.MULTILINE | re.DOTALL
    )
    if defined:
        return listed(defined[1])
    assigned = re.search(rf"^{name}\s*=\s*([\w\.]+)", text, re.MULTILINE)
    if assigned and ("ufunc" in assigned[1] or "GUFunc" in assigned[1]):
        return "ufunc"
    if assigned and assigned[1].isidentifier():
        return parameters(root, module, assigned[1])
    for moved in re.finditer(r"^from\s+(cupy[\w\.]*)\s+import\s+(\w+)(?:\s+as\s+(\w+))?", text, re.MULTILINE):
        if name == (moved[3] or moved[2]) and (moved[1], moved[2]) != (module, name):
            return parameters(root, moved[1], moved[2])
    return None


def listed(text: str) -> Any:
    """The names in a list of parameters; None if it takes any."""
    names = []
    for part in re.sub(r"#.*", "", re.sub(r"\[.*?\]|\(.*?\)", "", text)).split(","):
        name = part.partition("=")[0].partition(":")[0].split()
        if not name or name[-1] in {"self", "/", "*"}:
            continue
        if name[-1].startswith("*"):
            return None
        names.append(name[-1])
    return names


def methods(root: Path) -> dict[str, Any]:
    """The methods of CuPy's arrays, with the names of their parameters."""
    text = (root / "cupy/_core/core.pyx").read_text()
    body = text[text.index("cdef class _ndarray_base") :]
    found = re.finditer(
        r"^    (?:cpdef|def)\s+(?:[\w\.]+\s+)?([a-z]\w*)\((.*?)\)\s*(?:->.*?)?:\s*$", body, re.MULTILINE | re.DOTALL
    )
    return {match[1]: listed(match[2]) for match in found}


def scattering(root: Path) -> list[str]:
    """The universal functions that have `.at`."""
    files = (root / "cupy").rglob("*.py*")
    return sorted({match[1] for path in files for match in SCATTERING.finditer(path.read_text())})


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", type=Path, help="the unpacked source")
    root = parser.parse_args().source
    functions = {}
    for prefix, module in MODULES.items():
        for name, (home, own) in sorted(exported(root, module).items()):
            found = parameters(root, home, own)
            is_module = source_of(root, f"{home}.{own}") is not None
            if not is_module:
                functions[f"{prefix}.{name}".lstrip(".")] = found
    written = {
        "version": root.name.partition("-")[2],
        "functions": functions,
        "methods": methods(root),
        "at": scattering(root),
    }
    FILE.write_text(json.dumps(written, indent=0) + "\n")
    print(f"{len(functions)} functions and {len(written['methods'])} methods of CuPy {root.name} are in {FILE}.")


if __name__ == "__main__":
    main()
