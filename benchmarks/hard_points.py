"""The hard points, here and in other libraries: `python -m benchmarks.hard_points` measures and writes the page.

The page is docs/hard_points.md. A test runs the same cases without the other libraries, which are imported only to
be measured.
"""

from __future__ import annotations

import importlib
import re
import sys
import textwrap
import warnings
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import nn
from autograd_mini import grad

FILE = Path(__file__).resolve().parent.parent / "docs" / "hard_points.md"
PACKAGES = {"PyTorch": "torch", "JAX": "jax", "autograd": "autograd", "MyGrad": "mygrad"}
RAISES = np.linalg.LinAlgError.__name__
MISSING = "{package} is missing: `pip install {package}`, or this project's extra `bench`."


class Case(NamedTuple):
    """One hard point.

    Attributes
    ----------
    call : str
        The expression, for every library that calls its functions as NumPy does; `np` is that library's module.
    at : mapping
        The variables and their values.
    right : float, array_like or tuple
        The derivative of the sum of the call's entries by each variable, or the error that says there is none.
    exact : bool
        `right` is the derivative or its limit. If not, there is none, and `right` is the convention here.
    dtype : str
        That of the variables.
    order : int
        2 for the derivative of the sum of the first derivative's entries.
    here : float, optional
        What comes out here, where that is not `right`.
    torch, jax, autograd, mygrad : str, optional
        The call as that library writes it.
    """

    call: str
    at: Mapping[str, Any]
    right: Any
    torch: str
    exact: bool = True
    dtype: str = "float64"
    order: int = 1
    here: Any = None
    jax: str | None = None
    autograd: str | None = None
    mygrad: str | None = None


class Group(NamedTuple):
    """Hard points of one kind, and why their derivative is what it is."""

    title: str
    why: str
    cases: tuple[Case, ...]


FAR = (("float32", 1e4), ("float64", 1e4))

GROUPS = (
    Group(
        "Powers and roots",
        "No division by 0 and no logarithm of 0 takes part. A root is infinitely steep at 0.",
        (
            Case("x**0.0", {"x": 0.0}, 0.0, "x**0.0"),
            Case("x**1.0", {"x": 0.0}, 0.0, "x**1.0", order=2),
            Case("x**2.0", {"x": 0.0}, 2.0, "x**2.0", order=2),
            Case("x**y", {"x": 0.0, "y": 1.0}, (1.0, 0.0), "x**y"),
            Case("x**y", {"x": 0.0, "y": 2.0}, (0.0, 0.0), "x**y"),
            Case("0.0**y", {"y": 2.0}, 0.0, "0.0**y"),
            Case("x**3.0", {"x": -2.0}, 12.0, "x**3.0"),
            Case("x**-1.0", {"x": -2.0}, -0.25, "x**-1.0"),
            Case("np.float_power(x, 3)", {"x": -2.0}, 12.0, "torch.float_power(x, 3)"),
            Case("np.sqrt(x)", {"x": 0.0}, np.inf, "torch.sqrt(x)"),
            Case("np.cbrt(x)", {"x": -8.0}, 1 / 12, "torch.sign(x) * torch.abs(x) ** (1 / 3)"),
        ),
    ),
    Group(
        "Inverse functions",
        "The slope is infinite at the ends of the domain, and far out no square overflows.",
        (
            Case("np.arcsin(x)", {"x": [-1.0, 1.0]}, [np.inf, np.inf], "torch.arcsin(x)"),
            Case("np.arccos(x)", {"x": [-1.0, 1.0]}, [-np.inf, -np.inf], "torch.arccos(x)"),
            Case("np.arccosh(x)", {"x": 1.0}, np.inf, "torch.arccosh(x)"),
            Case("np.arctanh(x)", {"x": [-1.0, 1.0]}, [np.inf, np.inf], "torch.arctanh(x)"),
            Case("np.arcsinh(x)", {"x": 1e30}, 1e-30, "torch.arcsinh(x)", dtype="float32"),
        ),
    ),
    Group(
        "Lengths and angles",
        "At the origin they have no derivative; the convention is 0. Elsewhere nothing overflows.",
        (
            Case("np.hypot(x, y)", {"x": 0.0, "y": 0.0}, (0.0, 0.0), "torch.hypot(x, y)", exact=False),
            Case("np.hypot(x, y)", {"x": 3e30, "y": 4e30}, (0.6, 0.8), "torch.hypot(x, y)", dtype="float32"),
            Case("np.arctan2(x, y)", {"x": 0.0, "y": 0.0}, (0.0, 0.0), "torch.arctan2(x, y)", exact=False),
            Case(
                "np.arctan2(x, y)",
                {"x": 3e30, "y": 4e30},
                (1.6e-31, -1.2e-31),
                "torch.arctan2(x, y)",
                dtype="float32",
            ),
            Case("np.linalg.norm(x)", {"x": [0.0, 0.0]}, [0.0, 0.0], "torch.linalg.norm(x)", exact=False),
            Case(
                "np.linalg.norm(x, axis=1)",
                {"x": [[0.0, 0.0], [3.0, 4.0]]},
                [[0.0, 0.0], [0.6, 0.8]],
                "torch.linalg.norm(x, axis=1)",
                exact=False,
            ),
            Case("np.abs(z)", {"z": 0j}, 0j, "torch.abs(z)", exact=False, dtype="complex128"),
            Case("np.sinc(x)", {"x": 0.0}, 0.0, "torch.sinc(x)"),
            Case("np.sinc(x)", {"x": 0.0}, -(np.pi**2) / 3, "torch.sinc(x)", order=2),
        ),
    ),
    Group(
        "Exponentials and logarithms",
        "Far out they are flat or straight lines. Equal infinities share the slope, as equal numbers do. A "
        "sigmoid is written without an exponential that overflows: infinity times 0 is nan here too. Small slopes keep "
        "their digits, but for that of tanh: it is 1 - tanh(x)**2, which is rounded to 0 beyond 9 in float32 and 19 in "
        "float64. The right one would need the scores, an array more to keep for the backward. `nn.signals` says of "
        "such units that their slope is rounded to 0.",
        (
            *(
                Case(
                    "np.logaddexp(0.0, x)",
                    {"x": [-far, far]},
                    [0.0, 1.0],
                    "torch.nn.functional.softplus(x)",
                    dtype=dtype,
                    jax="jax.nn.softplus(x)",
                )
                for dtype, far in FAR
            ),
            *(
                Case(
                    "0.5 * (1 + np.tanh(0.5 * x))",
                    {"x": [-far, far]},
                    [0.0, 0.0],
                    "torch.sigmoid(x)",
                    dtype=dtype,
                    jax="jax.nn.sigmoid(x)",
                    autograd="special.expit(x)",
                    mygrad="nnet.activations.sigmoid(x)",
                )
                for dtype, far in FAR
            ),
            Case("1 / (1 + np.exp(-x))", {"x": -1e4}, 0.0, "1 / (1 + torch.exp(-x))", here=np.nan),
            *(
                Case(
                    "np.logaddexp.reduce(x)",
                    {"x": [far, far, -far]},
                    [0.5, 0.5, 0.0],
                    "torch.logsumexp(x, 0)",
                    dtype=dtype,
                    jax="jax.nn.logsumexp(x)",
                    autograd="special.logsumexp(x)",
                    mygrad="x[0] - nnet.activations.logsoftmax(x[None])[0, 0]",
                )
                for dtype, far in FAR
            ),
            *(
                Case(
                    "nn.cross_entropy(x, [0])",
                    {"x": [[-far, far]]},
                    [[-1.0, 1.0]],
                    "torch.nn.functional.cross_entropy(x, torch.tensor([0]))",
                    dtype=dtype,
                    jax="-jax.nn.log_softmax(x)[0, 0]",
                    autograd="special.logsumexp(x) - x[0, 0]",
                    mygrad="nnet.losses.softmax_crossentropy(x, [0])",
                )
                for dtype, far in FAR
            ),
            Case("np.expm1(x)", {"x": -40.0}, 4.248354255291589e-18, "torch.expm1(x)"),
            Case(
                "nn.ELU()(x)",
                {"x": -20.0},
                2.0611536224385578e-09,
                "torch.nn.functional.elu(x)",
                dtype="float32",
                jax="jax.nn.elu(x)",
                mygrad="nnet.activations.elu(x, 1.0)",
            ),
            Case(
                "nn.cross_entropy(x, [0])",
                {"x": [[20.0, 0.0]]},
                [[-2.0611536181902037e-09, 2.0611536181902037e-09]],
                "torch.nn.functional.cross_entropy(x, torch.tensor([0]))",
                dtype="float32",
                jax="-jax.nn.log_softmax(x)[0, 0]",
                autograd="special.logsumexp(x) - x[0, 0]",
                mygrad="nnet.losses.softmax_crossentropy(x, [0])",
            ),
            Case("np.tanh(x)", {"x": 12.0}, 1.5100538175976258e-10, "torch.tanh(x)", dtype="float32", here=0.0),
            Case("np.tanh(x)", {"x": 20.0}, 1.6993417021166355e-17, "torch.tanh(x)", here=0.0),
            Case("np.logaddexp(x, y)", {"x": np.inf, "y": np.inf}, (0.5, 0.5), "torch.logaddexp(x, y)", exact=False),
            Case("np.logaddexp(x, y)", {"x": -np.inf, "y": -np.inf}, (0.5, 0.5), "torch.logaddexp(x, y)", exact=False),
        ),
    ),
    Group(
        "Ties and kinks",
        "Entries that tie share the slope; at a kink by itself it is 0. A function that is smooth in spite of the tie, "
        "as `np.maximum(x, x)`, has its own derivative.",
        (
            Case("np.max(x)", {"x": [2.0, 2.0, 2.0]}, [1 / 3] * 3, "torch.amax(x)", exact=False),
            Case("np.min(x)", {"x": [1.0, 1.0, 2.0]}, [0.5, 0.5, 0.0], "torch.amin(x)", exact=False),
            Case("np.maximum(x, y)", {"x": 1.0, "y": 1.0}, (0.5, 0.5), "torch.maximum(x, y)", exact=False),
            Case("np.minimum(x, y)", {"x": 1.0, "y": 1.0}, (0.5, 0.5), "torch.minimum(x, y)", exact=False),
            Case("np.maximum(x, x)", {"x": 1.0}, 1.0, "torch.maximum(x, x)"),
            Case("np.maximum(x, 0.0)", {"x": 0.0}, 0.5, "torch.maximum(x, torch.zeros_like(x))", exact=False),
            Case(
                "np.where(x > 0, x, 0.0)",
                {"x": 0.0},
                0.0,
                "torch.where(x > 0, x, 0.0)",
                exact=False,
            ),
            Case(
                "nn.ReLU()(x)",
                {"x": 0.0},
                0.0,
                "torch.relu(x)",
                exact=False,
                jax="jax.nn.relu(x)",
                mygrad="nnet.activations.relu(x)",
            ),
            Case("np.abs(x)", {"x": 0.0}, 0.0, "torch.abs(x)", exact=False),
            Case("np.clip(x, 0.0, 1.0)", {"x": 1.0}, 0.5, "torch.clip(x, 0.0, 1.0)", exact=False),
        ),
    ),
    Group(
        "Products and spreads",
        "A product's derivative is the product of the other factors, whichever are 0. The standard deviation of equal "
        "entries is a length at the origin.",
        (
            Case("np.prod(x)", {"x": [0.0, 2.0, 3.0]}, [6.0, 0.0, 0.0], "torch.prod(x)"),
            Case("np.prod(x)", {"x": [0.0, 0.0, 3.0]}, [0.0, 0.0, 0.0], "torch.prod(x)"),
            Case("np.prod(x)", {"x": [0.0, 0.0, 3.0]}, [3.0, 3.0, 0.0], "torch.prod(x)", order=2),
            Case("np.cumprod(x)", {"x": [0.0, 2.0, 3.0]}, [9.0, 0.0, 0.0], "torch.cumprod(x, 0)"),
            Case("np.std(x)", {"x": [5.0, 5.0, 5.0]}, [0.0] * 3, "torch.std(x, correction=0)", exact=False),
            Case("np.var(x)", {"x": [5.0, 5.0, 5.0]}, [0.0] * 3, "torch.var(x, correction=0)"),
        ),
    ),
    Group(
        "Linear algebra",
        "The derivative of a determinant is the matrix of cofactors, of a singular matrix too. Where eigenvalues or "
        "singular values are equal, functions of the values alone keep theirs; the vectors have none, and asking for "
        "it raises.",
        (
            Case(
                "np.linalg.det(x)",
                {"x": [[1.0, 2.0], [2.0, 4.0]]},
                [[4.0, -2.0], [-2.0, 1.0]],
                "torch.linalg.det(x)",
            ),
            Case(
                "np.linalg.det(x)",
                {"x": [[0.0, 0.0], [0.0, 0.0]]},
                [[1.0, -1.0], [-1.0, 1.0]],
                "torch.linalg.det(x)",
                order=2,
            ),
            Case(
                "np.linalg.eigvalsh(x) ** 2",
                {"x": [[1.0, 0.0], [0.0, 1.0]]},
                [[2.0, 0.0], [0.0, 2.0]],
                "torch.linalg.eigvalsh(x) ** 2",
                autograd="np.linalg.eigh(x)[0] ** 2",
            ),
            Case(
                "np.linalg.eigh(x)[1][0]",
                {"x": [[1.0, 0.0], [0.0, 1.0]]},
                RAISES,
                "torch.linalg.eigh(x)[1][0]",
            ),
            Case(
                "np.linalg.svd(x, compute_uv=False) ** 2",
                {"x": [[1.0, 0.0], [0.0, 1.0]]},
                [[2.0, 0.0], [0.0, 2.0]],
                "torch.linalg.svdvals(x) ** 2",
            ),
            Case(
                "np.linalg.svd(x)[0][0]",
                {"x": [[1.0, 0.0], [0.0, 1.0]]},
                RAISES,
                "torch.linalg.svd(x)[0][0]",
            ),
        ),
    ),
)
CASES = tuple(case for group in GROUPS for case in group.cases)

NOTES = {"float64": "", "float32": ", float32", "complex128": ", complex128"}

Function = Callable[..., Any]
Gradients = list[Any]


def function(call: str, names: Sequence[str], namespace: Mapping[str, Any]) -> Function:
    """The call as a function of its variables, with a library's modules under the names that the call uses."""
    return eval(f"lambda {', '.join(names)}: {call}", dict(namespace))


def arrays(case: Case) -> list[Any]:
    return [np.array(value, case.dtype) for value in case.at.values()]


def nested(grad: Function, total: Function, f: Function, count: int, order: int) -> Function:
    """The gradient, or that of the sum of the gradient, by all of `count` variables; each library brings its own."""
    first = grad(lambda *values: total(f(*values)), tuple(range(count)))
    return first if order == 1 else grad(lambda x: total(first(x)[0]), (0,))


def ours(case: Case) -> Gradients:
    """The derivatives here."""
    f = function(case.call, tuple(case.at), {"np": np, "nn": nn})
    return list(nested(grad, np.sum, f, len(case.at), case.order)(*arrays(case)))


def load(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        sys.exit(MISSING.format(package=name.partition(".")[0]))


def pytorch(case: Case) -> Gradients:
    torch = load("torch")
    f = function(case.torch, tuple(case.at), {"torch": torch})
    variables = [torch.tensor(value, requires_grad=True) for value in arrays(case)]
    found = torch.autograd.grad(torch.sum(f(*variables)), variables, create_graph=case.order == 2)
    if case.order == 2:
        found = torch.autograd.grad(torch.sum(found[0]), variables)
    return [part.detach().numpy() for part in found]


def by_jax(case: Case) -> Gradients:
    jax = load("jax")
    jax.config.update("jax_enable_x64", True)
    jnp = load("jax.numpy")
    f = function(case.jax or case.call, tuple(case.at), {"np": jnp, "jax": jax})
    return [np.asarray(part) for part in nested(jax.grad, jnp.sum, f, len(case.at), case.order)(*arrays(case))]


def hips_autograd(case: Case) -> Gradients:
    autograd, anp = load("autograd"), load("autograd.numpy")
    special = load("autograd.scipy.special")
    f = function(case.autograd or case.call, tuple(case.at), {"np": anp, "special": special})
    return list(nested(autograd.grad, anp.sum, f, len(case.at), case.order)(*arrays(case)))


def by_mygrad(case: Case) -> Gradients:
    mygrad, nnet = load("mygrad"), load("mygrad.nnet")
    if case.order == 2:
        raise NotImplementedError
    f = function(case.mygrad or case.call, tuple(case.at), {"np": mygrad, "nnet": nnet})
    variables = [mygrad.tensor(value) for value in arrays(case)]
    mygrad.sum(f(*variables)).backward()
    return [variable.grad for variable in variables]


LIBRARIES: dict[str, Callable[[Case], Gradients]] = {
    "PyTorch": pytorch,
    "JAX": by_jax,
    "autograd": hips_autograd,
    "MyGrad": by_mygrad,
}


def expected(case: Case) -> list[Any]:
    """`right` for each variable."""
    return list(case.right) if len(case.at) > 1 else [case.right]


def agrees(found: Any, right: Any, digits: float) -> bool:
    """Whether a derivative is the right one up to a relative error; where entries of it are 0, up to that beside 1."""
    found, right = np.asarray(found), np.asarray(right)
    return found.shape == right.shape and bool(
        np.allclose(found, right, rtol=digits, atol=0 if right.all() else digits)
    )


def cell(case: Case, measure: Callable[[Case], Gradients]) -> str:
    """A table's cell: what a library gives, and a cross if that is not right."""
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            found = measure(case)
    except (AttributeError, NameError, NotImplementedError):
        return "—"
    except Exception as error:  # noqa: BLE001 (a library's refusal of any kind)
        return f"raises `{type(error).__name__}`"
    if case.right == RAISES or any(part is None for part in found):
        return f"{numbers(found)} ✗"
    if all(agrees(part, right, 1e-3) for part, right in zip(found, expected(case), strict=True)):
        return numbers(expected(case))
    another_convention = not case.exact and all(np.all(np.isfinite(part)) for part in found)
    return numbers(found) + ("" if another_convention else " ✗")


def numbers(parts: Sequence[Any]) -> str:
    """The values with three digits, as code."""
    return f"`{', '.join(text(np.asarray(part).tolist()) for part in parts)}`"


def text(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(text(entry) for entry in value)}]"
    if isinstance(value, complex):
        return text(value.real) if value.imag == 0 else f"{value:.3g}"
    return "none" if value is None else re.sub(r"e[+]?(-?)0*", r"e\1", f"{value + 0.0:.3g}")


def point(case: Case) -> str:
    """What is called, and where."""
    values = ", ".join(f"{name}={text(value)}" for name, value in case.at.items())
    return f"`{case.call}` at `{values}`{NOTES[case.dtype]}{', second' if case.order == 2 else ''}"


def here(case: Case) -> str:
    """The second column."""
    return cell(case, ours)


INTRODUCTION = """\
# Finite and right: the hard points

Points at which a derivative written without care overflows, cancels or comes out as nan; and kinks, where there is none
and a convention is needed. Each row is the derivative of the sum of the call's entries by each of its variables, in
float64 unless another dtype is named; *second* is the derivative of the sum of the first derivative's entries.

- ✗: another value than the derivative; at kinks, a value that is not finite (finite ones are other conventions); a
  value where there is nothing but an error to give.
- —: the library has no such function, no rule for it, or no second derivatives.
- Where another library has a function of its own for what the call computes, that one is measured:
  `torch.nn.functional.softplus` and `jax.nn.softplus` for `np.logaddexp(0.0, x)`.

`tests/docs/test_hard_points.py` checks every row.
"""

CHOICES = """\
## Choices

A choice computes both branches, and the one that is not taken may be infinitely steep. Its derivative is 0 here all the
same, as the result does not depend on it. [Where traps](where_traps.md) has what comes out elsewhere.

```python
import numpy as np
from autograd_mini import grad


def f(x):
    with np.errstate(all="ignore"):  # the logarithm is computed of 0 and of -1 too
        return np.where(x > 0, x**2 * np.log(x), 0.0)


assert [float(grad(f)(x)) for x in (-1.0, 0.0, 1.0)] == [0.0, 0.0, 1.0]
```
"""

FOOT = """\
Measured with {versions}.

`python -m benchmarks.{module}` writes this page.
"""


def table(group: Group, columns: Mapping[str, Callable[[Case], str]]) -> list[str]:
    """In Markdown."""
    lines = [["point", "here", *columns], ["---"] * (2 + len(columns))]
    lines += [[point(case), here(case), *(column(case) for column in columns.values())] for case in group.cases]
    return [f"| {' | '.join(line)} |" for line in lines]


def sections(groups: Sequence[Group], columns: Mapping[str, Callable[[Case], str]]) -> list[str]:
    """Each group with its title, its reason and its table."""
    return [
        "\n".join([f"## {group.title}", "", textwrap.fill(group.why, 120), "", *table(group, columns), ""])
        for group in groups
    ]


def write(file: Path, introduction: str, groups: Sequence[Group], end: str = "") -> None:
    """Measure all libraries and write a page."""
    columns = {name: lambda case, measure=measure: cell(case, measure) for name, measure in LIBRARIES.items()}
    for package in PACKAGES.values():
        load(package)
    versions = [f"{name} {version(package).partition('+')[0]}" for name, package in PACKAGES.items()]
    foot = FOOT.format(versions=", ".join([f"NumPy {np.__version__}", *versions]), module=file.stem)
    file.write_text("\n".join(filter(None, [introduction, *sections(groups, columns), end, foot])))
    print(f"wrote {file}")


def main() -> None:
    write(FILE, INTRODUCTION, GROUPS, CHOICES)


if __name__ == "__main__":
    main()
