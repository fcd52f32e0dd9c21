"""`check_module`: the derivatives of a model by its parameters and inputs. It knows models by their methods alone."""

from __future__ import annotations

import copy
import functools
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autograd_mini import errors
from autograd_mini.tensor import Tensor
from autograd_mini.testing.checks import Check, brief, is_strategy, names_of
from autograd_mini.testing.comparison import Comparison
from autograd_mini.testing.problem import Problem, is_differentiable
from autograd_mini.testing.report import DerivativeError, InconclusiveError, Report, Subject, wrong_message
from autograd_mini.testing.snippets import own_name, pasted, source_of
from autograd_mini.transforms.trees import flatten

NO_PARAMETERS = (
    "check_module was called with {what}, which has neither `named_parameters()` nor `parameters()`. Pass a model, "
    "such as `nn.Linear(3, 2)`; for a plain function write `check_derivatives(f, x)`."
)
A_CLASS = (
    "check_module was called with the class {name}, not with a module made of it. Write "
    "`check_module({name}(...), inputs)`."
)
NO_INPUTS = (
    "check_module was called without inputs, and a module is checked on some. Write the shape of one, "
    "`check_module(module, (4, 3))`, or an array."
)
STRATEGY = (
    "check_module was called with a hypothesis strategy, but it checks on arrays. In a test with the fixture "
    "`derivatives` write `derivatives.check_module(module, strategy)`; or decorate the test with `@given(strategy)`."
)
CALLED = "check_module called {name} with inputs of {inputs}."
MODES = "check_module was called with mode {mode!r}. The modes of a module are 'train' and 'eval'."
INPUT = (
    "check_module was called with {given} as its inputs. Write a shape, `(4, 3)`; a tuple of shapes, one for each "
    "input, `((4, 3), (4, 1))`; or an array instead of a shape, for inputs that are not random numbers, such as labels."
)
UNLISTED = (
    "{name} computes with a tensor that requires grad and is not among its parameters: it would never be trained, and "
    "its derivative cannot be checked. Store it as an attribute that `named_parameters()` finds, or detach it."
)


def check_module(
    module: Any,
    inputs: Any = None,
    *,
    dtype: Any = float,
    order: int = 1,
    modes: Sequence[str] = ("train", "eval"),
    rng: int | np.random.Generator = 0,
    loss: Callable[[Any], Any] | None = None,
    inconclusive: str = "raise",
) -> Report:
    """Check the derivatives of a module's output by every parameter and by its inputs, in train and eval mode.

    The module itself is not touched: a copy is checked. Its parameters are moved a little, since initial values of 0
    and 1 hide mistakes, such as a forgotten factor.

    Parameters
    ----------
    module : object
        Callable, with `named_parameters()` or `parameters()`; with `train()` and `eval()` if it has modes.
    inputs : shape, array, or tuple of shapes and arrays
        One for each input. For a shape, `(4, 3)`, standard normal numbers are drawn; an array is passed on as it is,
        such as integer labels. Several inputs are a tuple: `((4, 3), labels)`.
    dtype : dtype
        In which to compute: floating-point parameters and inputs are cast to it. With `np.float32` the derivative is
        checked in float64 and then in float32, in units of rounding.
    order : int
        How often to derive.
    modes : sequence of {"train", "eval"}
        In which modes to check.
    rng : int or numpy.random.Generator
        Where inputs, and directions in large models, come from.
    loss : callable, optional
        Of the output: checks the derivatives of `loss(module(x))` instead of those of the output.
    inconclusive : {"raise", "return"}
        What to do where the numbers cannot tell.

    Returns
    -------
    Report
        As of `check_derivatives`, over all modes.

    Raises
    ------
    DerivativeError
        If a derivative is wrong; the message names the parameter's path and index, `layers.0.weights[1, 2]`. Also if
        the module uses a tensor that requires grad but is not among its parameters.
    InconclusiveError
        If the numbers cannot tell, and why.
    TypeError
        If there is no input, or the module has no parameters to ask for.
    ValueError
        If a mode or an input is not one.

    Examples
    --------
    >>> import nn
    >>> from autograd_mini.testing import check_module
    >>> print(check_module(nn.Linear(3, 2), (4, 3)))
    right to order 1: 320 derivatives compared with numbers
    >>> labels = np.array([0, 2, 1])
    >>> print(check_module(nn.Linear(2, 3), (3, 2), modes=["eval"], loss=lambda y: nn.cross_entropy(y, labels)))
    right to order 1: 15 derivatives compared with numbers
    """
    if isinstance(module, type):
        raise TypeError(A_CLASS.format(name=module.__name__))
    if inputs is None:
        raise TypeError(NO_INPUTS)
    for mode in modes:
        if mode not in {"train", "eval"}:
            raise ValueError(MODES.format(mode=mode))
    if not hasattr(module, "named_parameters") and not hasattr(module, "parameters"):
        raise TypeError(NO_PARAMETERS.format(what=f"a {type(module).__name__}"))
    seed = rng if isinstance(rng, int) else int(rng.integers(2**31))
    values = drawn(inputs, np.dtype(dtype), np.random.default_rng(seed))
    options = [f"dtype=np.{np.dtype(dtype)}"] * (np.dtype(dtype) != float) + [f"order={order}"] * (order != 1)
    options += [f"rng={seed}"] * (seed != 0) + [f"loss={own_name(loss) or 'loss'}"] * (loss is not None)
    call = ", ".join(["check_module(module", shown(inputs), *options])

    def code(ending: str) -> str:
        lines = [f"module = ...  # your {type(module).__name__}"]
        lines += [f"loss = {source_of(loss)}"] if loss is not None and not own_name(loss) else []
        return "\n".join([*lines, f"{call}{ending})"])

    has_modes = hasattr(module, "train") and hasattr(module, "eval")
    reports = []
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # of a point outside of the domain
        for mode in modes if has_modes else ("",):
            private = copy.deepcopy(module)
            if mode:
                getattr(private, mode)()
            ending = f", modes=[{mode!r}]" if mode else ""
            check = ModuleCheck(
                private,
                values,
                mode=mode,
                dtype=np.dtype(dtype),
                loss=loss,
                seed=seed,
                code=functools.partial(code, ending),
            )
            reports.append((mode, check.run(order)))
    report = merged(reports)
    if report.verdict != "right" and inconclusive == "raise":
        raise InconclusiveError(f"The derivatives of {type(module).__name__} could not be checked.\n{report}")
    return report


class ModuleCheck(Check):
    """The check of one module in one mode, as a function of its inputs and parameters."""

    def __init__(
        self,
        module: Any,
        inputs: Sequence[Any],
        *,
        mode: str,
        dtype: Any,
        loss: Callable[[Any], Any] | None,
        seed: int,
        code: Callable[[], str],
    ) -> None:
        names, values, rebuild = parameters_of(module)
        moved = [away(value, np.random.default_rng([seed, i]), dtype) for i, value in enumerate(values)]

        def output(*args: Any) -> Any:
            out = rebuild(args[len(inputs) :])(*args[: len(inputs)])
            return out if loss is None else loss(out)

        name = type(module).__name__ + (f" in {mode} mode" if mode else "")
        try:
            out = output(*(Tensor(value) for value in (*inputs, *moved)))
        except Exception as error:
            error.add_note(CALLED.format(name=name, inputs=errors.describe(*inputs)))
            raise
        if any(getattr(part, "requires_grad", False) for part in flatten(out)[0]):
            raise DerivativeError(UNLISTED.format(name=name), "parameters")
        super().__init__(output, [*inputs, *moved], None, None, seed)
        wanted = [i for i, value in enumerate(inputs) if is_differentiable(value)]
        entries = names_of(getattr(module, "forward", module), inputs, wanted)
        entries += [path for path, value in zip(names, moved, strict=True) if is_differentiable(value)]
        self.subject = Subject(name, tuple(entries), code)
        self.small_shapes = False  # a parameter's shape is the module's own

    def smallest_message(self, problem: Problem, found: Comparison, level: int) -> str:
        """The message about the module as it is: its parameters fix its sizes."""
        return wrong_message(self.subject, problem, found, level)


def parameters_of(module: Any) -> tuple[list[str], list[Any], Callable[[Sequence[Any]], Any]]:
    """The paths and values of a module's parameters, and how to make a module like it with other values.

    It is a fresh copy for each call, so that a running mean or a generator of random numbers starts anew.
    """
    if hasattr(module, "named_parameters"):
        named = list(module.named_parameters())
    else:
        named = [(f"parameters[{i}]", parameter) for i, parameter in enumerate(module.parameters())]
    if hasattr(type(module), "__tree_flatten__"):
        own, rebuild = module.__tree_flatten__()
        paths = {id(parameter): path for path, parameter in named}
        named = [(paths.get(id(leaf), f"parameter {i}"), leaf) for i, leaf in enumerate(own)]
    else:

        def rebuild(values: Sequence[Any]) -> Any:
            pairs = zip(named, values, strict=True)
            return copy.deepcopy(module, {id(parameter): value for (_, parameter), value in pairs})

    values = [np.asarray(p.data if isinstance(p, Tensor) else p) for _, p in named]
    return [path for path, _ in named], values, rebuild


def away(value: Any, rng: np.random.Generator, dtype: Any) -> Any:
    """A parameter's values, each a little smaller, and none of them 0; integers as they are."""
    if not is_differentiable(value):
        return value
    draw = rng.uniform(0.05, 0.25, value.shape)
    typical = np.median(np.abs(value[value != 0])) if np.any(value != 0) else 1.0
    return cast(np.where(value == 0, typical * draw, value * (1 - draw)), dtype)


def cast(value: Any, dtype: Any) -> Any:
    """Real numbers in the given dtype; complex ones in that of its precision."""
    return np.asarray(value).astype(np.result_type(dtype, np.complex64) if np.iscomplexobj(value) else dtype)


def drawn(given: Any, dtype: Any, rng: np.random.Generator) -> list[Any]:
    """The inputs: random numbers of each shape, arrays as they are."""
    if is_strategy(given):
        raise TypeError(STRATEGY)
    if not isinstance(given, tuple | list) or all(isinstance(n, int) for n in given):
        given = (given,)
    return [entry(one, dtype, rng) for one in given]


def entry(given: Any, dtype: Any, rng: np.random.Generator) -> Any:
    """One input."""
    if isinstance(given, Tensor):
        return given.data.copy()
    if isinstance(given, np.ndarray):
        return given.copy()
    shape = (given,) if isinstance(given, int) else given
    if not isinstance(shape, tuple | list) or not all(isinstance(n, int) and n >= 0 for n in shape):
        raise ValueError(INPUT.format(given=brief(given)))
    return np.asarray(rng.standard_normal(tuple(shape))).astype(dtype)


def shown(given: Any) -> str:
    """The inputs as a user would write them."""
    if isinstance(given, tuple | list):
        return f"({', '.join(map(shown, given))}{',' * (len(given) == 1)})"
    return pasted(given.data if isinstance(given, Tensor) else given)


def merged(reports: Sequence[tuple[str, Report]]) -> Report:
    """The reports of all modes as one."""

    def told(lines: Sequence[str], mode: str) -> list[str]:
        return [f"{line} ({mode} mode)" if mode else line for line in lines]

    return Report(
        "right" if all(report.verdict == "right" for _, report in reports) else "inconclusive",
        sum(report.entries for _, report in reports),
        tuple(line for mode, report in reports for line in told(report.kinks, mode)),
        tuple(line for mode, report in reports for line in told(report.reasons, mode)),
        min((report.order for _, report in reports), default=0),
        tuple(dict.fromkeys(line for mode, report in reports for line in told(report.notes, mode))),
    )
