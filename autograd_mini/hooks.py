"""Hooks: a user's functions that see the gradient of a tensor when a backward reaches it, or put another in its place.

What is kept with a tensor's record, and how a cotangent goes through it; nothing here goes back through a graph.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from autograd_mini import errors
from autograd_mini.arrays import as_operand, as_values, is_array, read_only, snapshot
from autograd_mini.graph import Node, Record, modes

Hook = Callable[[Any], Any]
FIRST = threading.Lock()  # two threads may give a tensor its first hook


class Hooks(dict[object, Hook]):
    """The hooks of one tensor in their order, and whether a result keeps its gradient in `.grad`."""

    retains = False


class HookHandle:
    """What `register_hook` returns; `remove()` takes that hook away."""

    def __init__(self, hooks: Hooks, hook: Hook) -> None:
        self._hooks, self._key = hooks, object()  # a key that copies of the tensor and of this handle share
        hooks[self._key] = hook

    def remove(self) -> None:
        """Call the hook no longer; a second call does nothing."""
        self._hooks.pop(self._key, None)


class Hookable:
    """The methods by which a tensor, whose history is `_record`, tells what is to happen to its gradient."""

    __slots__ = ()

    _record: Any

    def register_hook(self, hook: Hook) -> HookHandle:
        """Call `hook(gradient)` whenever a backward has this tensor's gradient; what it returns takes its place.

        Each backward calls it once, with the sum of what all uses of the tensor send back, before anything is passed
        on or added to `.grad`: `backward`, `grad`, `vjp` and `signals` alike. Hooks are called in the order in which
        they were registered, each with what the one before returned.

        Parameters
        ----------
        hook : callable
            Gets dL/d(this tensor), an array of its shape and dtype, which cannot be written into; a tensor, where the
            backward is recorded. Returns another of that shape and dtype, or None to leave it as it is. Written in
            `np.*` calls it works on both, and higher derivatives go through it.

        Returns
        -------
        HookHandle
            `handle.remove()` takes the hook away.

        Raises
        ------
        RuntimeError
            If this tensor does not require grad.
        TypeError
            If the hook is no function; in the backward, if it returns no array of this shape and dtype.

        Notes
        -----
        With a hook that returns another gradient, what comes out is no longer the derivative of what was computed;
        that is its purpose. Deep copies and pickles keep the hooks; `detach()` and every result are other tensors.

        Examples
        --------
        >>> import numpy as np
        >>> from autograd_mini import Tensor
        >>> x = Tensor([0.5, 3.0], requires_grad=True)
        >>> h = x * x
        >>> handle = h.register_hook(lambda g: np.clip(g, -1, 1))
        >>> np.sum(h * h).backward(retain_graph=True)
        >>> x.grad  # clipped to (0.5, 1), and then times 2x
        array([0.5, 6. ])
        >>> handle.remove()
        """
        if not callable(hook):
            raise TypeError(errors.NOT_A_HOOK.format(what=type(hook).__name__))
        return HookHandle(hooks_of(self._record, "register_hook"), hook)

    @property
    def hooks(self) -> tuple[Hook, ...]:
        """The functions that `register_hook` was given, in their order."""
        record = self._record
        return () if record is None or record.hooks is None else tuple(record.hooks.values())

    def retain_grad(self) -> None:
        """Let `backward()` add this result's gradient to its `.grad` too, as it does for a leaf.

        It is what the hooks made of it. For a leaf that requires grad there is nothing to do.

        Raises
        ------
        RuntimeError
            If this tensor does not require grad.

        Examples
        --------
        >>> from autograd_mini import Tensor
        >>> x = Tensor(3.0, requires_grad=True)
        >>> h = x * x
        >>> h.retain_grad()
        >>> (h * h).backward()
        >>> h.grad, x.grad
        (array(18.), array(108.))
        """
        hooks_of(self._record, "retain_grad").retains = True


def hooks_of(record: Record | None, method: str) -> Hooks:
    """Where a record's hooks are kept."""
    if record is None or not record.requires_grad:
        raise RuntimeError(errors.NO_GRADIENT_FOR_HOOK.format(method=method, tensor=called(record)))
    with FIRST:
        if record.hooks is None:
            record.hooks = Hooks()
    hooks: Hooks = record.hooks
    return hooks


def called(record: Record | None) -> str:
    """What a user calls a tensor."""
    if record is not None and record.name is not None:
        return f"the tensor {record.name!r}"
    return f"the result of {record.primitive.name}" if isinstance(record, Node) else "a tensor without a name"


def hooked(record: Record, cotangent: Any, wrap: Callable[..., Any] | None = None) -> Any:
    """What a record's hooks, if any, make of its cotangent; with `wrap`, of a tensor that is recorded."""
    for hook in tuple(record.hooks.values() if record.hooks is not None else ()):
        complex_ = record.dtype.kind == "c"  # users are given the direction of ascent, dL/dRe + i dL/dIm
        cotangent = read_only(cotangent)
        try:
            result = hook(read_only(cotangent.conj()) if complex_ else cotangent)
        except Exception as error:
            error.add_note(errors.IN_HOOK.format(tensor=called(record)))
            raise
        if result is None:
            continue
        result = taken(result, record, recorded=wrap is not None)
        if wrap is not None and not hasattr(result, "requires_grad"):
            result = wrap(result, None)
        result = result.conj() if complex_ else result
        for watch in modes.watches:
            watch.hooked(record, hook, cotangent, result)
        cotangent = result
    return cotangent


def taken(result: Any, record: Record, recorded: bool) -> Any:
    """What a hook returned: an array, or a tensor where its history is wanted; an error if it does not fit."""
    if not recorded and hasattr(result, "requires_grad"):
        if result.requires_grad:
            raise TypeError(errors.HOOK_HISTORY.format(tensor=called(record)))
        result = result.data
    if not is_array(result) or result.shape != record.shape or result.dtype != record.dtype:
        got = errors.describe(result) if is_array(result) else f"a {type(result).__name__}"
        want = errors.describe(record)
        raise TypeError(errors.HOOK_RESULT.format(tensor=called(record), got=got, want=want, dtype=record.dtype))
    return result if hasattr(result, "requires_grad") else snapshot(as_operand(as_values(result)))
