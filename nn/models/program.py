"""`Program`: a computation as a list of nodes, which runs them one after the other. It owns no numbers."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from autograd_mini import scope

NODE = "It is the node {name} of the model, {kind}({operands})."


class Ref(NamedTuple):
    """Stands for a value of the program, in a node's arguments and in what the program returns."""

    name: str


class ByMode(NamedTuple):
    """Stands for one of two arguments: which one says whether the node's part is in training mode."""

    training: Any
    evaluation: Any


class Drawn:
    """Stands for the model's random generator."""


class Beside:
    """Stands for one of the model's parameters, which tells on which device new arrays are to be."""


class Node(NamedTuple):
    """One call of a function.

    Its arguments may hold `Ref`, `ByMode`, `Drawn` and `Beside`, also in lists, tuples, dicts and slices.
    """

    name: str  # what the file or the exporter calls it
    kind: str  # what that calls the operation
    operation: Callable[..., Any]
    args: tuple[Any, ...]
    outputs: tuple[str, ...]  # what its results are called; of several, the operation returns a sequence
    scope: str = ""  # the path of the part that it belongs to
    options: Mapping[str, Any] = {}
    in_training: bool | None = None  # in which mode it runs, None for both


class Step(NamedTuple):
    """A node, and what is known of it before it runs."""

    node: Node
    plain: bool  # whether its arguments are values of the program and constants alone, with nothing nested
    last: tuple[str, ...]  # what nothing reads after it


class Program:
    """Nodes in an order in which each comes after those that it reads from.

    Parameters
    ----------
    inputs : sequence of str
        What the values that it is given are called, in order.
    nodes : sequence of Node
        What it computes.
    outputs : object
        What it returns: a `Ref`, or tuples, lists and dicts of them.
    """

    def __init__(self, inputs: Sequence[str], nodes: Sequence[Node], outputs: Any) -> None:
        self.inputs, self.nodes, self.outputs = tuple(inputs), tuple(nodes), outputs
        kept = set(read(outputs))
        seen, steps = set(kept), []
        for node in reversed(self.nodes):
            used = {*read(node.args), *read(node.options), *node.outputs}
            plain = not node.options and all(type(arg) is Ref or is_plain(arg) for arg in node.args)
            steps.append(Step(node, plain, tuple(used - seen)))
            seen |= used
        steps.reverse()
        groups = itertools.groupby(steps, key=lambda step: step.node.scope)
        self.groups = tuple((scope(place) if place else None, place, tuple(steps)) for place, steps in groups)
        self.reads = frozenset(seen)

    def __deepcopy__(self, memo: object) -> Program:
        return self  # it is never changed

    def run(self, values: dict[str, Any], in_training: Callable[[str], bool], facts: Mapping[Any, Any]) -> Any:
        """What it returns for these values, by name; they are used up.

        Parameters
        ----------
        values : dict
            The inputs, and what else the nodes read, such as parameters.
        in_training : callable
            The mode of the part at a path.
        facts : dict
            What `Drawn` and `Beside` stand for.
        """
        for block, place, steps in self.groups:
            training = in_training(place)
            if block is None:
                self._run(steps, values, training, facts)
            else:
                with block:
                    self._run(steps, values, training, facts)
        return filled(self.outputs, values, False, facts)

    @staticmethod
    def _run(steps: tuple[Step, ...], values: dict[str, Any], training: bool, facts: Mapping[Any, Any]) -> None:
        for node, plain, last in steps:
            if node.in_training is not None and node.in_training != training:
                continue
            args: Sequence[Any] = ()
            try:
                if plain:
                    args = [values[arg.name] if type(arg) is Ref else arg for arg in node.args]
                    result = node.operation(*args)
                else:
                    args = filled(node.args, values, training, facts)
                    result = node.operation(*args, **filled(node.options, values, training, facts))
            except Exception as error:
                error.add_note(NODE.format(name=node.name, kind=node.kind, operands=", ".join(map(told, args))))
                error._of_part = node.scope  # type: ignore[attr-defined]
                raise
            if len(node.outputs) == 1:
                values[node.outputs[0]] = result
            else:
                values.update(zip(node.outputs, result, strict=False))  # those that nobody reads may be left out
            for name in last:
                values.pop(name, None)


def is_plain(arg: Any) -> bool:
    """Whether an argument stands for itself."""
    return not isinstance(arg, list | tuple | dict | slice) and arg is not Drawn and arg is not Beside


def read(tree: Any) -> Iterator[str]:
    """The names of the values that arguments stand for."""
    if isinstance(tree, Ref):
        yield tree.name
    elif isinstance(tree, list | tuple):
        for part in tree:
            yield from read(part)
    elif isinstance(tree, Mapping):
        yield from read(list(tree.values()))
    elif isinstance(tree, slice):
        yield from read([tree.start, tree.stop, tree.step])


def filled(tree: Any, values: Mapping[str, Any], training: bool, facts: Mapping[Any, Any]) -> Any:
    """Arguments with the values that they stand for."""
    kind = type(tree)
    if kind is Ref:
        return values[tree.name]
    if kind is ByMode:
        return filled(tree.training if training else tree.evaluation, values, training, facts)
    if kind is list or kind is tuple:  # others, such as a window, are constants
        return kind(filled(part, values, training, facts) for part in tree)
    if isinstance(tree, Mapping):
        return {key: filled(part, values, training, facts) for key, part in tree.items()}
    if kind is slice:
        return slice(*(filled(part, values, training, facts) for part in (tree.start, tree.stop, tree.step)))
    if tree is Drawn or tree is Beside:
        return facts[tree]
    return tree


def told(value: Any) -> str:
    """An argument in an error: arrays by dtype and shape."""
    if hasattr(value, "shape") and hasattr(value, "dtype") and not isinstance(value, np.generic):
        return f"{value.dtype}{list(value.shape)}"
    if isinstance(value, list | tuple):
        return f"({', '.join(map(told, value))})"
    text = repr(value)
    return text if len(text) < 40 else f"{text[:37]}..."
