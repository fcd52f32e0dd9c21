"""`gradients_of`: the gradients by results on the way, by tensor or by name; here is how results are named."""

from __future__ import annotations

import difflib
from collections import Counter
from typing import Any

import numpy as np

from autograd_mini.arrays import as_seed
from autograd_mini.backward import pull_back
from autograd_mini.graph import Leaf, Node, Record, Watch, no_grad, operations
from autograd_mini.tensor import Tensor, wrap

NOT_A_TENSOR = (
    "gradients_of(...) was given {what}. Write `gradients_of(loss)` with the result itself, a tensor, or "
    "`gradients_of(loss, h)` for the gradient by a tensor `h` that it was computed from."
)
NO_HISTORY = (
    "gradients_of(...) was called on a tensor that depends on nothing with requires_grad=True. Write "
    "`Tensor(array, requires_grad=True)` for the inputs, and compute outside of `no_grad()`."
)
NOT_ONE_NUMBER = (
    "gradients_of(...) was called on a tensor of shape {shape}. A gradient is of one number. Write "
    "`gradients_of(t.sum())`, or give the cotangent: `gradients_of(t, seed=...)`, an array of shape {shape}."
)
NOT_ON_THE_WAY = (
    "gradients_of(...) was asked for {what}, from which no gradient path leads to the result. Pass a tensor that the "
    "result was computed from and that requires grad."
)
UNKNOWN = "gradients_of(...) was asked for {name!r}, but nothing here has that name.{hint} Use one of {known}."
AMBIGUOUS = "gradients_of(...) was asked for {name!r}, which {count} values are called. Write one of {known}."
SHOWN = 8  # names in a message


def gradients_of(tensor: Tensor, *of: Tensor | str, seed: Any = None, create_graph: bool = False) -> dict[Any, Any]:
    r"""The gradients :math:`\partial L/\partial h` by results on the way to `tensor`, in one backward.

    It keeps the graph and leaves every `.grad` alone. Hooks are called, and what they return is what is found.

    Parameters
    ----------
    tensor : Tensor
        The result L, usually the loss.
    *of : Tensor or str
        Tensors that it was computed from, or names: a tensor's `name`, or the path of a module (of any `scope`), which
        stands for what it returned. By default all that have a name.
    seed : array_like, optional
        dL/d(tensor), of its shape. May be left out for a tensor of one entry, where it is 1.
    create_graph : bool
        Record the backward: the gradients are tensors then and can be differentiated again.

    Returns
    -------
    dict
        What was asked for to its gradient, of its shape and dtype. Names are paths such as `MLP.0` for the result of
        that module, `MLP.0.weights` for a tensor that it used, and `cell #2` for the second of several.

    Raises
    ------
    TypeError
        If this is no tensor.
    ValueError
        If the seed is missing, or what is asked for is not on the way, or a name stands for nothing or for several.
    RuntimeError
        If nothing requires grad, or an earlier backward has freed the graph.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_mini import Tensor, gradients_of, scope
    >>> x = Tensor([1.0, 2.0], requires_grad=True, name="x")
    >>> with scope("square"):
    ...     h = x * x
    >>> loss = np.sum(3 * h)
    >>> gradients_of(loss, h)[h]
    array([3., 3.])
    >>> gradients_of(loss)
    {'square.x': array([ 6., 12.]), 'square': array([3., 3.])}
    """
    wrong = [t for t in of if not isinstance(t, Tensor | str)] if isinstance(tensor, Tensor) else [tensor]
    if wrong:
        raise TypeError(NOT_A_TENSOR.format(what=f"a {type(wrong[0]).__name__}"))
    root = tensor._record
    if root is None or not root.requires_grad:
        raise RuntimeError(NO_HISTORY)
    if seed is None and tensor.size != 1:
        raise ValueError(NOT_ONE_NUMBER.format(shape=tensor.shape))
    start = np.ones_like(tensor.data) if seed is None else as_seed(seed, tensor.data, "gradients_of(t, seed=...)")
    start = start.conj() if start.dtype.kind == "c" else start
    known = {} if of and not any(isinstance(t, str) for t in of) else names(root)
    wanted = {t: known_as(t, known) if isinstance(t, str) else t._record for t in of} or known
    watch = Keeping(wanted.values())
    if create_graph:
        leaves = watched(watch, root, wrap(start, None), wrap)
    else:
        with no_grad():
            leaves = watched(watch, root, start, None)
    found = {**leaves, **watch.found}
    missing = next((t for t, record in wanted.items() if record not in found), None)
    if missing is not None:
        raise ValueError(NOT_ON_THE_WAY.format(what=getattr(missing, "name", missing) or "a tensor without a name"))
    return {t: given(found[record]) for t, record in wanted.items()}


class Keeping(Watch):
    """Keeps the cotangents of some records."""

    def __init__(self, records: Any) -> None:
        self.records = set(records)
        self.found: dict[Any, Any] = {}

    def backward(self, node: Any, cotangent: Any, parts: list[tuple[Any, Any]]) -> None:  # noqa: ARG002
        if node in self.records:
            self.found[node] = cotangent


def watched(watch: Keeping, root: Record, seed: Any, wrapper: Any) -> dict[Record, Any]:
    """The cotangents of all leaves; `watch` keeps others."""
    with watch:
        return pull_back(root, seed, retain_graph=True, wrap=wrapper)


def given(cotangent: Any) -> Any:
    """A cotangent as users get it: the direction of ascent, in memory of its own."""
    if cotangent.dtype.kind == "c":
        return cotangent.conj()
    return cotangent if isinstance(cotangent, Tensor) else cotangent.copy()


def names(root: Record) -> dict[str, Record]:
    """The names of what leads to `root`, the oldest result first: of modules for what they returned, and of tensors."""
    nodes = operations(root)[::-1]
    users: dict[Record, list[Node]] = {}
    for node in nodes:
        for position, _ in node.plan.rules:
            users.setdefault(node.inputs[position], []).append(node)
    found: list[tuple[str, Record]] = []
    for record in sorted({*users, root}, key=lambda record: record.index):
        scopes = [user.scope for user in users.get(record, ())]
        if isinstance(record, Node):
            paths = record.scope.split(".") if record.scope else []
            for path in (".".join(paths[:depth]) for depth in range(1, len(paths) + 1)):
                if not all(f"{scope}.".startswith(f"{path}.") for scope in scopes or [""]):  # it leaves the module
                    found.append((path, record))
        if record.name is not None:
            inside = scopes[0] if isinstance(record, Leaf) and scopes else record.scope
            found.append((".".join(filter(None, (inside, record.name))), record))
    times, seen = Counter(name for name, _ in found), Counter[str]()
    named = {}
    for name, record in found:
        seen[name] += 1
        named[f"{name} #{seen[name]}" if times[name] > 1 else name] = record
    return named


def known_as(asked: str, known: dict[str, Record]) -> Record:
    """The record that a name or the end of a path stands for."""
    if asked in known:
        return known[asked]
    fitting = [name for name in known if f".{name.partition(' #')[0]}".endswith(f".{asked}")]
    fitting = fitting or [name for name in known if f".{name}".endswith(f".{asked}")]
    if len(fitting) == 1:
        return known[fitting[0]]
    listed = ", ".join(map(repr, (fitting or list(known))[:SHOWN])) + ", ..." * (len(fitting or known) > SHOWN)
    if fitting:
        raise ValueError(AMBIGUOUS.format(name=asked, count=len(fitting), known=listed))
    near = difflib.get_close_matches(asked, known, 1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise ValueError(UNKNOWN.format(name=asked, hint=hint, known=listed or "the tensors themselves"))
