"""Which checker of derivatives finds which mistake: ours, PyTorch's, JAX's and autograd's, on the list of the tests.

`python -m benchmarks.checkers`. Each library gets the same NumPy functions as operations of its own, with the same
NumPy derivatives, in float64; its checker runs with its default settings.
"""

from __future__ import annotations

import argparse
import importlib
import warnings
from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import Any, NamedTuple

import numpy as np

from autograd_mini.testing import DerivativeError
from benchmarks.common import ROOT

PAGE = ROOT / "docs" / "checkers.md"
DRAWS = 3
INTRODUCTION = """\
# Which checker finds which mistake

{count} functions with a wrong derivative that somebody would really write, and the same functions with the right one
(`tests/autograd_mini/testing/mistakes.py`), given to four checkers:

- **here**: `autograd_mini.testing.check_derivatives`
- **PyTorch**: `torch.autograd.gradcheck`, and `gradgradcheck` for mistakes of the second order
- **JAX**: `jax.test_util.check_grads`, mode `rev`
- **autograd**: `autograd.test_util.check_grads`, mode `rev`

Each library has the function and its derivative, both in NumPy, as an operation of its own, in float64, and its checker
runs with its default settings. A mistake counts as caught if it is at each of {draws} draws of the arguments; a right
derivative as accepted if it is at each of them. What cannot be said to a library does not count for it, and is a "-"
below: another layout in memory, another dtype, gradients that share memory, and for JAX, whose arrays never change,
writing into them.
"""

Derivative = Callable[..., Any]


class Call(NamedTuple):
    """A mistake's function of its floating-point arguments alone, and one of its derivatives."""

    mistake: Any
    derivative: Derivative
    args: tuple[Any, ...]

    @property
    def moved(self) -> list[int]:
        """The arguments that are differentiated by."""
        return [i for i, a in enumerate(self.args) if a.dtype.kind in "fc"]

    @property
    def points(self) -> list[Any]:
        return [self.args[i] for i in self.moved]

    def full(self, arrays: Sequence[Any]) -> list[Any]:
        """All arguments, the given ones in their places."""
        call = list(self.args)
        for i, array in zip(self.moved, arrays, strict=True):
            call[i] = array
        return call

    def value(self, *arrays: Any) -> tuple[Any, ...]:
        """The results, always as a tuple of arrays of their own."""
        out = self.mistake.f(*self.full(arrays))
        return tuple(np.array(part) for part in (out if isinstance(out, tuple) else (out,)))

    def pulled(self, cotangents: Sequence[Any], arrays: Sequence[Any]) -> tuple[Any, ...]:
        """The gradients as the first derivative has them."""
        first = self.mistake.first or self.derivative
        found = first(cotangents[0] if len(cotangents) == 1 else tuple(cotangents), *self.full(arrays))
        return found if isinstance(found, tuple) else (found,)


def accepted_here(call: Call) -> bool:
    """Whether `check_derivatives` says that the derivative is right; inconclusive is neither, and raises."""
    try:
        call.mistake.check(call.derivative, call.args)
    except DerivativeError:
        return False
    return True


def accepted_by_torch(call: Call) -> bool:
    """What `gradcheck` says."""
    import torch

    def tensors(arrays: Sequence[Any]) -> tuple[Any, ...]:
        return tuple(torch.from_numpy(np.array(a)) for a in arrays)

    def arrays(values: Sequence[Any]) -> list[Any]:
        return [value.detach().resolve_conj().numpy() for value in values]

    class Pulled(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, g: Any, x: Any) -> Any:
            ctx.save_for_backward(g, x)
            return tensors(call.pulled(arrays([g]), arrays([x])))[0]

        @staticmethod
        @torch.autograd.function.once_differentiable
        def backward(ctx: Any, h: Any) -> Any:
            return tensors(call.derivative(*arrays([h, *ctx.saved_tensors])))

    class Function(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, *inputs: Any) -> Any:
            ctx.save_for_backward(*inputs)
            out = tensors(call.value(*arrays(inputs)))
            return out if len(out) > 1 else out[0]

        @staticmethod
        def backward(ctx: Any, *cotangents: Any) -> Any:
            if call.mistake.order == 2:
                return Pulled.apply(cotangents[0], ctx.saved_tensors[0])
            return tensors(call.pulled(arrays(cotangents), arrays(ctx.saved_tensors)))

    torch.manual_seed(0)
    points = [value.requires_grad_() for value in tensors(call.points)]
    try:
        fine = torch.autograd.gradcheck(Function.apply, points)
        if fine and call.mistake.order == 2:
            fine = torch.autograd.gradgradcheck(Function.apply, points)
    except Exception:  # noqa: BLE001 (in whatever way it refuses)
        return False
    return bool(fine)


def conjugated(arrays: Any) -> list[Any]:
    """JAX's and autograd's gradient by a complex number is the conjugate of ours."""
    return [np.conj(a) if np.iscomplexobj(a) else np.array(a) for a in arrays]


def accepted_by_jax(call: Call) -> bool:
    """What JAX's `check_grads` says."""
    import jax
    import jax.numpy as jnp
    from jax.test_util import check_grads

    jax.config.update("jax_enable_x64", True)

    def on_host(f: Callable[..., Any], *values: Any) -> tuple[Any, ...]:
        """`f` of NumPy's copies of the values, which are never traced here: nothing is compiled."""
        return tuple(jnp.asarray(part) for part in f(*(np.array(a) for a in values)))

    count = len(call.value(*call.points))

    @jax.custom_vjp
    def pulled(g: Any, x: Any) -> Any:
        return on_host(lambda g, x: call.pulled([g], [x]), g, x)[0]

    pulled.defvjp(
        lambda g, x: (pulled(g, x), (g, x)),
        lambda kept, h: on_host(call.derivative, h, *kept),
    )

    @jax.custom_vjp
    def function(*inputs: Any) -> Any:
        out = on_host(call.value, *inputs)
        return out if count > 1 else out[0]

    def backward(inputs: Any, cotangent: Any) -> Any:
        if call.mistake.order == 2:
            return (pulled(cotangent, *inputs),)
        cotangents = cotangent if count > 1 else (cotangent,)
        return on_host(
            lambda *given: conjugated(call.pulled(conjugated(given[:count]), given[count:])),
            *cotangents,
            *inputs,
        )

    function.defvjp(lambda *inputs: (function(*inputs), inputs), backward)
    try:
        check_grads(function, tuple(call.points), order=call.mistake.order, modes=("rev",))
    except Exception:  # noqa: BLE001 (in whatever way it refuses)
        return False
    return True


def accepted_by_autograd(call: Call) -> bool:
    """What autograd's `check_grads` says."""
    from autograd.extend import defvjp, primitive
    from autograd.test_util import check_grads

    @primitive
    def pulled(g: Any, x: Any) -> Any:
        return call.pulled([g], [x])[0]

    defvjp(pulled, *(lambda _ans, g, x, i=i: lambda h: call.derivative(h, g, x)[i] for i in range(2)))

    @primitive
    def function(*inputs: Any) -> Any:
        out = call.value(*inputs)
        return out if len(out) > 1 else out[0]

    def maker(i: int) -> Callable[..., Any]:
        def pullback(_ans: Any, *inputs: Any) -> Callable[[Any], Any]:
            if call.mistake.order == 2:
                return lambda g: pulled(g, inputs[0])

            def backward(g: Any) -> Any:
                if any(np.iscomplexobj(a) for a in call.points):
                    return conjugated(call.pulled(conjugated([g]), inputs))[i]
                if np.iscomplexobj(g):
                    return call.pulled(conjugated([g]), inputs)[i]
                return call.pulled(g if isinstance(g, tuple) else [g], inputs)[i]

            return backward

        return pullback

    defvjp(function, *(maker(i) for i in range(len(call.points))))
    np.random.seed(0)  # noqa: NPY002 (its checker draws from NumPy's global generator)
    try:
        check_grads(function, modes=["rev"], order=call.mistake.order)(*call.points)
    except Exception:  # noqa: BLE001 (in whatever way it refuses)
        return False
    return True


CHECKERS: dict[str, Callable[[Call], bool]] = {
    "here": accepted_here,
    "PyTorch": accepted_by_torch,
    "JAX": accepted_by_jax,
    "autograd": accepted_by_autograd,
}
DISTRIBUTIONS = {"here": "autograd-mini", "PyTorch": "torch", "JAX": "jax", "autograd": "autograd"}
UNSAID = {"PyTorch": {"own"}, "JAX": {"own", "memory"}, "autograd": {"own"}, "here": set[str]()}


class Score(NamedTuple):
    """Whether a checker caught a mistake and accepted its right twin; None where it cannot be asked."""

    caught: bool | None
    accepted: bool | None


def score(checker: str, mistake: Any) -> Score:
    """Ask one checker about one mistake, and about its right twin."""
    if mistake.needs in UNSAID[checker]:
        return Score(None, None)
    return Score(
        all(verdict(checker, mistake, mistake.wrong, draw) is False for draw in range(DRAWS)),
        all(verdict(checker, mistake, mistake.right, draw) is True for draw in range(DRAWS)),
    )


def verdict(checker: str, mistake: Any, derivative: Derivative, draw: int) -> bool | None:
    """Whether a derivative is accepted at one draw of the arguments, or None where the checker cannot tell."""
    call = Call(mistake, derivative, tuple(np.array(a) for a in mistake.arguments(draw)))
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            return CHECKERS[checker](call)
        except AssertionError:
            return None


def share(marks: Sequence[bool | None]) -> str:
    """`3 of 4`, of those that count."""
    known = [mark for mark in marks if mark is not None]
    return f"{sum(known)} of {len(known)}" if known else "-"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def page(mistakes: Sequence[Any], scores: dict[str, list[Score]]) -> str:
    """The whole page from each checker's scores."""
    families = [*dict.fromkeys(m.family for m in mistakes), "all"]
    parts = [INTRODUCTION.format(count=len(mistakes), draws=DRAWS)]
    for title, which in (("Mistakes caught", "caught"), ("Right derivatives accepted", "accepted")):
        rows = []
        for family in families:
            of_family = [i for i, m in enumerate(mistakes) if family in (m.family, "all")]
            cells = [share([getattr(scores[name][i], which) for i in of_family]) for name in CHECKERS]
            rows.append([family, *(f"**{cell}**" for cell in cells)] if family == "all" else [family, *cells])
        parts += [f"## {title}", table(["family", *CHECKERS], rows)]
    rows = []
    for i, mistake in enumerate(mistakes):
        marks = [scores[name][i] for name in CHECKERS]
        if any(False in mark for mark in marks):
            rows.append([str(mistake).replace("|", "\\|"), *(told(mark) for mark in marks)])
    parts += ["## Where not all of them are right", table(["mistake", *CHECKERS], rows)]
    versions = ", ".join(f"{name} {version(DISTRIBUTIONS[name])}" for name in CHECKERS if name != "here")
    parts.append(f"Written by `python -m benchmarks.checkers` with {versions} and NumPy {np.__version__}.")
    return "\n".join(parts) + "\n"


def told(mark: Score) -> str:
    """A score in words."""
    if mark.caught is None:
        return "-"
    wrong = [*["missed"] * (not mark.caught), *["refuses the right one"] * (not mark.accepted)]
    return ", ".join(wrong) or "right"


def seeded() -> Sequence[Any]:
    """The list of mistakes, which lies beside the tests."""
    return importlib.import_module("tests.autograd_mini.testing.mistakes").MISTAKES


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print and write the page; `arguments` as on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="mistakes whose name has this; the page is not written")
    options = parser.parse_args(arguments)
    mistakes = [m for m in seeded() if options.only in str(m)]
    text = page(mistakes, {name: [score(name, m) for m in mistakes] for name in CHECKERS})
    print(text)
    if not options.only:
        PAGE.write_text(text)


if __name__ == "__main__":
    main()
