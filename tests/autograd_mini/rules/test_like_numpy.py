"""What NumPy computes, a tensor computes, and what NumPy refuses, a tensor refuses, with the same class of error.

Every function that has a rule is called some thousands of times with generated arguments, right and wrong ones.
"""

import re
import warnings
import zlib
from typing import Any, NamedTuple

import numpy as np
import pytest

from autograd_mini import Tensor
from autograd_mini.primitive import composites, display_name, primitives
from tests.autograd_mini.rules.numpy_calls import Call, drawn

FUNCTIONS = sorted(
    (f for f in {*primitives, *composites} if display_name(f).startswith("np")),
    key=lambda f: (display_name(f), f.__name__),
)
ULPS = 4  # of the coarsest dtype, where sums are taken in another order
ANY_ORDER = {np.partition, np.unique_values}  # NumPy does not say in which
# What NumPy is about to give up, and what it computes with `optimize=True` alone.
ON_PURPOSE = re.compile("vectors of length 2|the result has no ellipsis")


def variable(array: Any) -> Tensor:
    return Tensor(array, requires_grad=array.dtype.kind in "fc")


class Outcome(NamedTuple):
    """What a call gave: its results, or its error."""

    results: list[Any]
    error: Exception | None


def outcome(call: Call, convert: Any) -> Outcome:
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            results = leaves(call.run(convert))
            return Outcome(
                [np.sort(r, None).reshape(r.shape) for r in results] if call.function in ANY_ORDER else results, None
            )
        except Exception as error:  # noqa: BLE001
            return Outcome([], error)


def leaves(result: Any) -> list[Any]:
    """The parts of nested tuples and lists, each tensor as its array."""
    if isinstance(result, list | tuple):
        return [leaf for part in result for leaf in leaves(part)]
    return [result.data if isinstance(result, Tensor) else result]


def public(error: type) -> type:
    """The class of an error, or for a private class of NumPy's, the public one above it."""
    return next(kind for kind in error.__mro__ if not kind.__module__.startswith("numpy._core"))


def disagreement(got: Outcome, want: Outcome, rounding: float) -> str:
    """What is different, in words; "" for nothing."""
    if want.error is not None:
        kind = public(type(want.error))
        if got.error is None:
            return f"gave {got.results!r:.80}, NumPy raises {kind.__name__}: {want.error!s:.80}"
        if isinstance(got.error, kind):
            return ""
        return f"raised {type(got.error).__name__}: {got.error!s:.80}, NumPy {kind.__name__}: {want.error!s:.60}"
    if got.error is not None:
        if ON_PURPOSE.search(str(got.error)):
            return ""
        return f"raised {type(got.error).__name__}: {got.error!s:.120}"
    if len(got.results) != len(want.results):
        return f"{len(got.results)} results, NumPy {len(want.results)}"
    return next(filter(None, (different(g, w, rounding) for g, w in zip(got.results, want.results, strict=True))), "")


def different(got: Any, want: Any, rounding: float) -> str:
    got, want = np.asarray(got), np.asarray(want)
    if rounding and want.dtype.kind in "fc":
        rounding = max(rounding, float(np.finfo(want.dtype).eps))
    if got.shape != want.shape:
        return f"shape {got.shape}, NumPy {want.shape}"
    if got.dtype != want.dtype:
        return f"dtype {got.dtype}, NumPy {want.dtype}"
    if np.array_equal(got, want, equal_nan=want.dtype.kind in "fc"):
        return ""
    if not rounding or want.dtype.kind not in "fc":
        return f"value {got!r:.60}, NumPy {want!r:.60}"
    finite = np.isfinite(want)
    if not np.array_equal(got[~finite], want[~finite], equal_nan=True):
        return f"value {got!r:.60}, NumPy {want!r:.60}"
    distance, scale = np.abs(got[finite] - want[finite]), np.max(np.abs(want[finite]), initial=0)
    return f"value {got!r:.60}, NumPy {want!r:.60}" if np.any(distance > ULPS * rounding * scale) else ""


def disagreements(function: Any, count: int, seed: int = 0) -> list[str]:
    """Each generated call on which a tensor and an array disagree."""
    found = []
    for i in range(count):
        call = drawn(function, [seed, zlib.crc32(display_name(function).encode()), i])
        want = outcome(call, lambda array: array)
        for convert in (variable, Tensor):
            got = outcome(call, convert)
            text = disagreement(got, want, call.rounding() if convert is variable else 0)
            if text:
                found.append(f"{convert.__name__}: {call}\n    {text}")
    return found


def without_gradient(function: Any, count: int, seed: int = 1) -> list[str]:
    """Each generated call whose gradient fails, or is of another shape or dtype than the operand."""
    found = []
    for i in range(count):
        call = drawn(function, [seed, zlib.crc32(display_name(function).encode()), i])
        given: list[Tensor] = []

        def collect(array: Any, given: list[Tensor] = given) -> Tensor:
            given.append(variable(array))
            return given[-1]

        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            try:
                result = call.run(collect)
            except Exception:  # noqa: BLE001 (the other test looks at these)
                continue
            try:
                for part in tensors(result):
                    part.backward(np.ones_like(part.data), retain_graph=True)
            except np.linalg.LinAlgError:
                continue  # there is no derivative, or no inverse
            except Exception as error:  # noqa: BLE001
                found.append(f"{call}\n    the gradient raised {type(error).__name__}: {error!s:.200}")
                continue
        wrong = [t for t in given if t.grad is not None and (t.grad.shape, t.grad.dtype) != (t.shape, t.dtype)]
        found += [f"{call}\n    a gradient of shape {t.grad.shape} {t.grad.dtype}" for t in wrong]
    return found


def tensors(result: Any) -> list[Tensor]:
    """The variables among the parts of nested tuples and lists."""
    if isinstance(result, list | tuple):
        return [tensor for part in result for tensor in tensors(part)]
    return [result] if isinstance(result, Tensor) and result.requires_grad else []


@pytest.mark.parametrize("function", FUNCTIONS, ids=display_name)
def test_what_is_computed_has_a_gradient(function, thorough):
    found = without_gradient(function, 1000 if thorough else 10)
    assert not found, "\n".join(found[:5])


@pytest.mark.parametrize("function", FUNCTIONS, ids=display_name)
def test_a_tensor_does_what_an_array_does(function, thorough):
    found = disagreements(function, 1000 if thorough else 15)
    assert not found, "\n".join(found[:5])


def test_a_refused_call_writes_nothing(tmp_path):
    t = variable(np.array([3.0, np.nan, 1.0]))
    before = t.data.copy()
    with pytest.raises(TypeError, match="no derivative rule"):
        np.save(tmp_path / "t.npy", t)
    assert not list(tmp_path.iterdir())
    refused = (
        lambda: np.median(t, axis=9, overwrite_input=True),
        lambda: np.quantile(t, 2.0, overwrite_input=True),
        lambda: np.nan_to_num(t, copy=False, nan="none"),
        lambda: np.add.at(t, 7, 1.0),
        lambda: np.put(t, 9, 1.0),
    )
    for call in refused:
        with pytest.raises((ValueError, TypeError, IndexError)):
            call()
        np.testing.assert_array_equal(t.data, before)
