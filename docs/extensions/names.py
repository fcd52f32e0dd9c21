"""A Sphinx extension: the reference's links, and which members of a class its page tells of.

What a docstring has between backticks is a link if it is a public name, and code if not.
"""

import inspect
import re
from typing import Any

import numpy as np
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.domains.python import PyXRefRole
from sphinx.pycode import ModuleAnalyzer

import autograd_mini
import nn
from autograd_mini.primitive import constants
from docs.extensions import public

OURS = autograd_mini.__name__, nn.__name__
FIELD = re.compile(r"Alias for field number \d+")  # of named tuples, which tell of their fields themselves
USED = {  # of classes whose other methods their own package calls
    "Cluster": "workers",
    "Compiled": "explain save source",
    "DataLoader": "load_state_dict state_dict",
    "ModelSignals": "cures",
    "SignalLog": "backward cures findings history layers map plot table to_csv to_dataframe to_tensorboard",
    "Signals": "draw findings layers_reading plot save table to_csv to_dataframe without_signal",
    "Slot": "",
    "Training": "stop",
    "Tried": "as_it_is helping model summary to_dataframe",
    "TriedRow": "code guesses learned losses",
}
OF_DISTRIBUTIONS = "cdf entropy logcdf logpdf logpmf logsf pdf pmf sf"
PAGE = re.compile(r"\bdocs/(\w+)\.md\b")
NUMPYS = re.compile(r"`np\.(?P<function>\w+)` of this tensor\.|The array's `\w+`\.")  # of members that a table makes
TOLD = {  # of those, by what their results are
    "derivatives": "These do what NumPy's functions do, and can be differentiated",
    "constant": "These do what NumPy's functions do; no gradient flows through their results",
    "array": "These are the array's own",
}


def taken(module: str) -> set[str]:
    """The names of parameters and members in the docstrings of a module, and of modules beside it."""
    beside = OURS if module in OURS else (module,)
    near = [thing for name, thing in PUBLIC.items() if name.rpartition(".")[0] in beside]
    members = {name for thing in near for name in (dir(thing) if inspect.isclass(thing) else ())}
    below = {name.rpartition(".")[2] for name in PUBLIC if name.count(".") > 1 and module in OURS}
    return members | below | {parameter for thing in near for parameter in parameters(thing)}


def short(module: str) -> dict[str, str]:
    """What names stand for that are written in a module without one: its own and the packages'."""
    known = {}
    for owner in dict.fromkeys([*OURS, module]):
        own = {name.rpartition(".")[2]: name for name in PUBLIC if name.rpartition(".")[0] == owner}
        meant = taken(owner)
        known |= {name: whole for name, whole in own.items() if name not in meant}
    meant = taken(module)
    return {name: whole for name, whole in known.items() if name not in meant}


def parameters(thing: Any) -> list[str]:
    """The names of its parameters, as far as Python knows them."""
    try:
        return list(inspect.signature(thing).parameters)
    except (TypeError, ValueError):
        return []


PUBLIC = public.public()
SHORT = {module: short(module) for module in {name.rpartition(".")[0] for name in PUBLIC}}
WHOLE = {name: name for name in PUBLIC}


def target(text: str, module: str) -> str | None:
    """The public name that a text in backticks means: `nn.Linear`, `Linear`, `Module.freeze()`; None if it is code."""
    name = text.removesuffix("()")
    known = WHOLE | SHORT.get(module, SHORT["nn"])
    if name in known:
        return known[name]
    owner, _, member = name.rpartition(".")
    return f"{known[owner]}.{member}" if owner in known and hasattr(PUBLIC[known[owner]], member) else None


def role(_name: str, rawtext: str, text: str, line: int, inliner: Any, *_: Any) -> tuple[list[nodes.Node], list[Any]]:
    """A link to a public name, which shows the text as it was written."""
    module = inliner.document.settings.env.ref_context.get("py:module", "")
    name = target(text, module)
    if name is None:
        return [nodes.literal(rawtext, text, classes=["code"])], []
    return PyXRefRole()("py:obj", rawtext, text if name == text else f"{text} <{name}>", line, inliner)


def skipped(_app: Sphinx, _what: str, _name: str, member: Any, _skip: bool, _options: Any) -> bool | None:
    """Leave out what other packages define, what users do not call, fields, and NumPy's methods."""
    text = inspect.getdoc(member) or ""
    function = getattr(member, "fget", member)
    home = getattr(function, "__module__", None) or getattr(getattr(member, "__objclass__", None), "__module__", None)
    foreign = home is not None and home.partition(".")[0] not in OURS and not isinstance(member, property)
    owner, _, name = getattr(function, "__qualname__", "").rpartition(".")
    inner = owner in USED and name not in USED[owner].split()
    return True if foreign or inner or FIELD.fullmatch(text) or NUMPYS.fullmatch(text) else None


def signature(
    _app: Sphinx, what: str, _name: str, thing: Any, _options: Any, arguments: str | None, returns: str | None
) -> tuple[str | None, str | None] | None:
    """An empty one of a class that users are given and do not make: its docstring tells no parameters."""
    given = what in {"class", "exception"} and "\nParameters\n" not in (inspect.getdoc(thing) or "")
    return ("", returns) if given and arguments is not None else None


def kind_of(function: str | None) -> str:
    """What the result of a function of NumPy's is; None stands for an attribute."""
    return "array" if function is None else "constant" if getattr(np, function) in constants else "derivatives"


def complete(_app: Sphinx, what: str, _name: str, thing: Any, _options: Any, lines: list[str]) -> None:
    """Names of pages are links; below a class's docstring stands where its other members are told of."""
    lines[:] = [PAGE.sub(r":doc:`/\1`", line) for line in lines]
    if what == "data":
        lines += methods_of(thing)
    if what != "class":
        return
    members = [(key, inspect.getdoc(member) or "") for key, member in inspect.getmembers(thing) if key[0] != "_"]
    numpys = {key: found["function"] for key, text in members if (found := NUMPYS.fullmatch(text))}
    for kind, said in TOLD.items():
        alike = ", ".join(f"``{key}``" for key, function in numpys.items() if kind_of(function) == kind)
        lines += ["", f"{said}: {alike}.", ""] if alike else []
    names = {id(listed): whole for whole, listed in PUBLIC.items()}
    bases = [names[id(base)] for base in inspect.getmro(thing)[1:] if id(base) in names]
    if bases:
        told = " and ".join(f":py:obj:`{base}`" for base in bases)
        lines += ["", f"Its other members are those of {told}.", ""]


def methods_of(thing: Any) -> list[str]:
    """The methods of a distribution with their signatures, the parameters of its shape by name."""
    lines = []
    for key, method in inspect.getmembers(type(thing), inspect.isfunction):
        text = inspect.getdoc(method)
        if key not in OF_DISTRIBUTIONS.split() or not text:
            continue
        taken_by = inspect.signature(method.__get__(thing)).parameters.values()
        given = f"({', '.join(str(each.replace(annotation=each.empty)) for each in taken_by)})"
        if "*args" in given:
            given = f"({', '.join(['x', *thing.shapes, 'loc=0', 'scale=1'])})"
        lines += [f"``{key}{given}``", f"   {text.splitlines()[0]}"]
    return ["", ".. rubric:: Methods", "", *lines, ""] if lines else []


def source(_app: Sphinx, module: str) -> tuple[str, dict[str, Any]] | None:
    """A module's code and where in it names are defined; of a distribution that of its class."""
    made = [
        name for name, thing in PUBLIC.items() if name.startswith(f"{module}.") and type(thing).__module__ == module
    ]
    if not made:
        return None
    analyzer = ModuleAnalyzer.for_module(module)
    tags = dict(analyzer.find_tags())
    tags |= {name.rpartition(".")[2]: tags[type(PUBLIC[name]).__name__] for name in made}
    return analyzer.code, tags


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the role and what is done to classes."""
    app.add_role("name", role)
    app.connect("autodoc-skip-member", skipped)
    app.connect("autodoc-process-signature", signature)
    app.connect("viewcode-find-source", source)
    app.connect("autodoc-process-docstring", complete, priority=900)  # after numpydoc
    return {"parallel_read_safe": True, "parallel_write_safe": True}
