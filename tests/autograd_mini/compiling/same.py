"""Whether a compiled function gives the bits of the function itself in several calls, and by a program at last."""

import warnings

import numpy as np

from autograd_mini import Tensor, compile
from autograd_mini.transforms.trees import flatten


def difference(found, wanted):
    """What is wrong about results; empty if types, shapes, dtypes and bits are the same."""
    found, wanted = flatten(found)[0], flatten(wanted)[0]
    if len(found) != len(wanted):
        return f"{len(found)} results instead of {len(wanted)}"
    for got, want in zip(found, wanted, strict=True):
        if type(got) is not type(want):
            return f"{type(got)} instead of {type(want)}"
        got, want = (x.data if isinstance(x, Tensor) else x for x in (got, want))
        if not isinstance(want, np.ndarray | np.generic):
            if repr(got) != repr(want):
                return f"{got} instead of {want}"
            continue
        if (got.shape, got.dtype) != (want.shape, want.dtype):
            return f"{got.shape} {got.dtype} instead of {want.shape} {want.dtype}"
        if np.asarray(got).tobytes() != np.asarray(want).tobytes():
            return f"differs by {np.max(np.abs(np.asarray(got) - np.asarray(want)))}"
    return ""


def fault(f, calls, program=True, **kwargs):
    """What is wrong about compiled calls; empty if each gives the bits of `f`, and the last one is a program's."""
    step = compile(f)
    for i, args in enumerate(calls):
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            wanted = f(*args, **kwargs)
        with warnings.catch_warnings(record=True) as said, np.errstate(all="ignore"):
            warnings.simplefilter("always")
            wrong = difference(step(*args, **kwargs), wanted)
        if wrong:
            return f"call {i}: {wrong}"
        ours = [str(warning.message) for warning in said if str(warning.message).startswith("compile:")]
        if ours:
            return ours[0]
    if program and not (step.last is not None and step.last.ready and not step.last.deviations):
        return f"no program ran: {[(entry.eager, entry.deviations) for entry in step.entries]}"
    return ""
