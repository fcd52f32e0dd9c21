"""The quick way from a call to its program: a function that is written for one entry, with nothing left to loop over.

It asks what `step` and `bound` ask, that all is as it was, and where something is otherwise it answers `OTHERWISE`.
"""

from __future__ import annotations

import operator
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from autograd_mini.graph import modes
from autograd_mini.tensor import Tensor

OTHERWISE = object()
STATES = operator.attrgetter("_record.requires_grad", "_record.hooks")  # of a leaf
NAMES: dict[str, Any] = {
    "OTHERWISE": OTHERWISE,
    "Tensor": Tensor,
    "new_tensor": Tensor.__new__,
    "ndarray": np.ndarray,
    "asarray": np.asarray,
    "getrefcount": sys.getrefcount,
    "modes": modes,
}


def quick_call(entry: Any, questions: list[Callable[[], Any]]) -> Callable[[tuple[Any, ...]], Any]:
    """A function of the arguments that runs an entry's program, which is bound; or answers `OTHERWISE`.

    `questions` are what the step's owners are asked, and must answer as now.
    """
    names = dict(NAMES, entry=entry, bound=entry.bound)
    body = [*asked_of_arguments(entry, names), *asked_of_owners(entry, questions, names), *run(entry.bound, names)]
    source = "\n".join(["def call(args):", *(f"    {line}" for line in body)])
    exec(source, names)  # noqa: S102 (our own text)
    bound = entry.bound
    for i in range(len(bound.memory)):  # nobody but us holds it now
        names[f"count{i}"] = eval(f"getrefcount(memory{i})", names)  # noqa: S307
    bound.counts = [*map(sys.getrefcount, bound.memory)]
    call: Callable[[tuple[Any, ...]], Any] = names["call"]
    return call


def asked_of_arguments(entry: Any, names: dict[str, Any]) -> Iterator[str]:
    """The modes are those of the recording, and each argument is of its kind; its array gets a name."""
    kinds = entry.arguments
    yield "own = vars(modes)"
    for test in (
        "own['watches']",
        "own['levels']",
        f"own['recording'] is not {entry.recording}",
        f"len(args) != {len(kinds)}",
    ):
        yield f"if {test}: return OTHERWISE"
    if kinds:
        yield f"{', '.join(f'a{i}' for i in range(len(kinds)))}, = args"
    for i, (kind, shape, dtype, strides) in enumerate(kinds):
        names |= {f"shape{i}": shape, f"dtype{i}": dtype, f"strides{i}": strides}
        if kind is Tensor:
            yield f"if type(a{i}) is not Tensor: return OTHERWISE"
            yield f"record = a{i}._record"
            yield "if record is not None and record.requires_grad: return OTHERWISE"
            yield f"a{i} = a{i}._values"
        yield (
            f"if type(a{i}) is not ndarray or a{i}.shape != shape{i} or a{i}.dtype is not dtype{i} "
            f"or a{i}.strides != strides{i}: return OTHERWISE"
        )


def asked_of_owners(entry: Any, questions: list[Callable[[], Any]], names: dict[str, Any]) -> Iterator[str]:
    """Their answers are those of now, tensors show the program's memory, and nobody else holds it."""
    bound = entry.bound
    tests = ["not bound.current"]
    for i, array in enumerate(bound.memory):
        names[f"memory{i}"] = array
        tests.append(f"getrefcount(memory{i}) != count{i}")
    for i, question in enumerate(questions):
        names |= {f"question{i}": question, f"answer{i}": question()}
        tests.append(f"question{i}() != answer{i}")
    for i, (tensor, array, (wanted, hooks)) in enumerate(zip(entry.tensors, bound.arrays, entry.states, strict=True)):
        names |= {f"tensor{i}": tensor, f"array{i}": array, f"hooks{i}": hooks}
        tests.append(f"tensor{i}._values is not array{i}")
        tests.append(f"tensor{i}._record.requires_grad is not {wanted}")
        tests.append(f"tensor{i}._record.hooks is not None" if not hooks else f"tensor{i}._record.hooks != hooks{i}")
    for i, (slot, array) in enumerate(bound.gradients):
        names |= {f"gradient{i}": slot.get, f"shown{i}": array}
        tests.append(f"gradient{i}() is not shown{i}")
    for i, (name, value) in enumerate(zip(entry.around.names, entry.around.values, strict=True)):
        names |= {f"home{i}": name.home, f"was{i}": value}
        read = f"home{i}.get({name.name!r})" if isinstance(name.home, dict) else f"home{i}.cell_contents"
        tests.append(f"{read} is not was{i}")
    if not entry.around.is_simple:
        names["around"] = entry.around
        tests.append("not around.is_same()")
    if bound.asks_gradients is not None:
        tests.append("not bound.fits()")
    for test in tests:
        yield f"if {test}: return OTHERWISE"


def run(bound: Any, names: dict[str, Any]) -> Iterator[str]:
    """The numbers are asked for, the program runs, and what it has made goes where it belongs."""
    names |= {"values": bound.number_values, "step": bound.step, "finished": bound.finished, "free": bound.free}
    given = [f"a{i}" for i in range(len(bound.program.arguments))]
    asked = dict(bound.asked)
    for k in range(len(bound.number_values)):
        if k in asked:
            names[f"get{k}"] = asked[k]
            given.append(f"get{k}()")
        else:
            given.append(f"values[{k}]")
    yield f"out = step({', '.join(given)})"
    if not bound.is_one_tensor or bound.kept_gradients:
        yield "return finished(out)"
        return
    for place, k, put in bound.left:
        if put is None:
            yield f"values[{k}] = out[{place}]"
        else:
            names[f"put{k}"] = put
            yield f"put{k}(out[{place}])"
    for i, reset in enumerate(bound.resets):
        names[f"reset{i}"] = reset
        yield f"reset{i}()"
    yield "tensor = new_tensor(Tensor)"
    yield f"tensor._values = asarray({'out[0]' if bound.text.values > 1 else 'out'})"
    yield "tensor._record = free"
    yield "return tensor"


def has_quick_call(entry: Any) -> bool:
    """Whether the calls of an entry are given arrays and tensors alone, and draw no random numbers."""
    plain = all(type(kind) is tuple and kind[0] in (Tensor, np.ndarray) for kind in entry.arguments)
    return plain and not entry.bound.generators
