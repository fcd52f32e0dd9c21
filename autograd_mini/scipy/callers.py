"""What a function of SciPy gets that asks a tensor for a plain array: an error that names the function to call instead.

SciPy's functions, other than universal ones, begin with `np.asarray`, so the frames of the call say which was written.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from types import FrameType
from typing import Any

import numpy as np

from autograd_mini.primitive import composites, primitives

__all__ = ["answer"]

WRITE = (
    "`{theirs}` was called on a tensor that requires grad, but it knows arrays only. Write `{ours}`, which has a "
    "derivative, or pass `t.data` for the values without history."
)
UNKNOWN = (
    "`{theirs}` was called on a tensor that requires grad, but it knows arrays only, and `autograd_mini.scipy` has no "
    "function of that name. Write it in `np.*` functions, give a function of your own a derivative (see "
    "`help(autograd_mini.primitive)`), or pass `t.data` for the values without history."
)
SPARSE = (
    "`{theirs}` of a sparse matrix and a tensor was asked for. Only products of the two have a derivative: write "
    "`S @ t` or `t @ S`, `S.toarray()` for a dense array, or `t.data` for values without history."
)
DEFERRING = {
    "_matmul_dispatch",
    "_mul_dispatch",
}  # of sparse matrices: what they cannot read, they leave to its operator
OURS = ("integrate", "linalg", "signal", "special", "stats")


def answer(frame: FrameType, tensor: Any) -> Any:
    """What SciPy's function gets whose frame asks for the array of a tensor; None for the array itself.

    Raises
    ------
    TypeError
        If the tensor requires grad, with the name of the function to call instead.
    """
    frames = [f for f in callers(frame) if module_of(f).startswith("scipy.")]
    product = deferred(frame, tensor)
    if product is not None:
        return product
    if module_of(frame).startswith("scipy.sparse.") and "self" in frame.f_locals:
        raise TypeError(SPARSE.format(theirs=frames[-1].f_code.co_name.strip("_")))
    if not tensor.requires_grad:
        return None
    names = [name for f in reversed(frames) for name in called(f)]
    for theirs in names:
        _, package, *path = theirs.split(".")
        if package not in OURS:
            continue
        module = importlib.import_module(f"autograd_mini.scipy.{package}")
        found: Any = module
        for name in path:
            found = getattr(found, name, None)
        if found is not None and path[0] in module.__all__:
            raise TypeError(WRITE.format(theirs=theirs, ours=f"autograd_mini.{theirs}"))
    for theirs in names:
        package, name = theirs.split(".")[1:3]
        room = {"linalg": np.linalg, "fft": np.fft}.get(package, np)
        if {getattr(room, name, None)} & (primitives.keys() | composites.keys()):
            raise TypeError(WRITE.format(theirs=theirs, ours=f"{room.__name__.replace('numpy', 'np')}.{name}"))
    raise TypeError(UNKNOWN.format(theirs=names[0] if names else "A function of SciPy"))


def deferred(frame: FrameType, operand: Any) -> Any:
    """What the product of a sparse matrix gets that asks for the array of an operand: what it leaves to that; or None.

    A tensor knows how it is multiplied, and so does a batch of a vmap.
    """
    if not (module_of(frame).startswith("scipy.sparse.") and frame.f_code.co_name in DEFERRING):
        return None
    unread = np.empty((), object)
    unread[()] = operand
    return unread


def callers(frame: FrameType | None) -> Iterator[FrameType]:
    """The frames from the innermost out."""
    while frame is not None:
        yield frame
        frame = frame.f_back


def module_of(frame: FrameType) -> str:
    """The name of the module that a frame runs in."""
    return frame.f_globals.get("__name__", "")


def called(frame: FrameType) -> Iterator[str]:
    """Names that a user may have written for the function of a frame: its own, or that which its decorator holds."""
    owner = frame.f_locals.get("self")
    functions = [frame.f_locals.get(name) for name in frame.f_code.co_freevars]
    named = [(getattr(f, "__module__", None), getattr(f, "__name__", "")) for f in functions if callable(f)]
    own = type(owner).__name__ if frame.f_code.co_name == "__init__" else frame.f_code.co_name
    for module, name in [*named, (module_of(frame), own)]:
        package = ".".join(str(module).split(".")[:2])
        if package.startswith("scipy.") and name and not name.startswith(("_", "<")):
            holder = getattr(owner, "name", None) or type(owner).__name__.removesuffix("_gen")
            yield f"{package}.{name}" if owner is None or holder == name else f"{package}.{holder}.{name}"
