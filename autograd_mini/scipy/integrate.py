"""`scipy.integrate.odeint` and `solve_ivp` for tensors, differentiated by the adjoint equation.

With y' = f(t, y, p) and the cotangents g_i of y(t_i), the adjoint solves, from the last time to the first,

    l' = -l df/dy,    m' = -l df/dp,    l jumps by g_i at t_i,

beside y itself, which restarts from the stored y(t_i). Then l is the cotangent of the initial state and m that of the
parameters. That of a time t_i is g_i f(t_i, y(t_i), p), and that of the first time, at which the state is given, is
-l f(t_0, y_0, p) with the l that arrives there.

The adjoint equation is solved by the same solver to the same tolerances (`rtol`, `atol`; also where they are SciPy's
defaults, 1.5e-8 for `odeint` and 1e-3 for `solve_ivp`), so a gradient is about as exact as the solution: ask for
`rtol=1e-8` where that matters. The solution of an adjoint is again one of `trajectory`, so derivatives of derivatives
are adjoints of adjoints.

Chen, Rubanova, Bettencourt, Duvenaud (2018), "Neural ordinary differential equations".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import scipy.integrate

from autograd_mini.domains import case
from autograd_mini.primitive import primitive, rule
from autograd_mini.tensor import Tensor
from autograd_mini.transforms.gradients import vjp
from autograd_mini.transforms.trees import flatten

__all__ = ["odeint", "solve_ivp"]

CLOSURE = (
    "{name} was given a function that reads a tensor that requires grad from outside, whose gradient would be lost in "
    "silence. Pass it to the function: `{name}(..., args=(tensor,))`."
)
OPTION = "{name} was called on tensors with {option}, which has no derivative. Leave it out, or pass arrays."
FAILED = "{name} stopped at t = {t}, before the last of the times asked for: {message}"


class Problem:
    """An initial value problem over one flat vector, the state, the parameters and the times, and how to solve it.

    Attributes
    ----------
    f : callable
        `f(t, y, p)`, of a time and two vectors: the slope of the state.
    size, parameters : int
        The lengths of the state and of the parameters.
    solve : callable
        `solve(f, y0, times)` of arrays gives the states, one row for each time; no two times that follow are equal.
    """

    def __init__(self, f: Callable[..., Any], size: int, parameters: int, solve: Any) -> None:
        self.f, self.size, self.parameters, self.solve = f, size, parameters, solve

    def __repr__(self) -> str:
        return f"{self.size} states"

    def parts(self, z: Any) -> tuple[Any, Any, Any]:
        """The state, the parameters and the times in a vector."""
        first = self.size + self.parameters
        return z[: self.size], z[self.size : first], z[first:]

    def states(self, z: Any) -> Any:
        """The states at all times, an array of one row for each; at the first the state is given."""
        start, parameters, times = self.parts(z.astype(float))  # as SciPy computes

        def slope(t: float, y: Any) -> Any:
            result = self.f(t, y, parameters)
            if isinstance(result, Tensor):
                if result.requires_grad:
                    raise TypeError(CLOSURE.format(name="An integrator"))
                result = result.data
            return result

        moves = np.concatenate([[True], np.diff(times) != 0])
        rows = self.solve(slope, start, times[moves]) if np.count_nonzero(moves) > 1 else start[None]
        return rows[np.cumsum(moves) - 1].astype(z.dtype)

    def back(self) -> Problem:
        """The problem of the state, its cotangent and that of the parameters, from one time to the one before."""
        n = self.size

        def f(t: float, s: Any, p: Any) -> Any:
            slope, pullback = vjp(lambda y, p: self.f(t, y, p), s[:n], p)
            by_state, by_parameters = pullback(s[n : 2 * n])
            return np.concatenate([slope, -by_state, -by_parameters])

        return Problem(f, 2 * n + self.parameters, self.parameters, self.solve)


@primitive
def trajectory(z: Any, problem: Any) -> Any:
    """The states of an initial value problem at its times."""
    return problem.states(z)


def pulled(g: Any, out: Any, z: Any, problem: Problem) -> Any:
    """The cotangent of the initial state, the parameters and the times."""
    n = problem.size
    _, parameters, times = problem.parts(z)
    slopes = [problem.f(times[i], out[i], parameters) for i in range(len(out))]
    by_times = [np.sum(g[i] * slopes[i]) for i in range(1, len(out))]
    cotangent, by_parameters = np.zeros_like(g[0]), np.zeros_like(parameters)
    for i in range(len(out) - 1, 0, -1):
        interval = times[i - 1 : i + 1][::-1]
        start = np.concatenate([out[i], cotangent + g[i], by_parameters, parameters, interval])
        end = trajectory(start, problem=problem.back())[-1]
        cotangent, by_parameters = end[n : 2 * n], end[2 * n :]
    first = -np.sum(cotangent * slopes[0])
    return np.concatenate([cotangent + g[0], by_parameters, np.stack([first, *by_times])])


EXAMPLE = Problem(
    lambda t, y, p: np.stack([-p[0] * y[0] * np.square(y[0]) + t]),
    1,
    1,
    lambda slope, y0, times: scipy.integrate.odeint(slope, y0, times, tfirst=True, rtol=1e-12, atol=1e-12),
)
rule(
    trajectory,
    pulled,
    prepare=lambda z: np.concatenate([z[:2], [0.1, 0.4] + z[2:] / 20]),
    cases=(case((4,), problem=EXAMPLE),),
)


def flat(result: Any, size: int) -> Any:
    """What a user's function returned, a list perhaps, as a vector."""
    if isinstance(result, list | tuple):
        result = np.stack(result)
    return np.reshape(result, (size,))


def differentiable(values: Sequence[Any]) -> list[int]:
    """The positions of tensors that require grad."""
    return [i for i, value in enumerate(values) if isinstance(value, Tensor) and value.requires_grad]


def plain(values: Sequence[Any]) -> list[Any]:
    """`values` with tensors as arrays."""
    return [value.data if isinstance(value, Tensor) else value for value in values]


def start(f: Callable[..., Any], y0: Any, args: Sequence[Any]) -> tuple[Any, Callable[..., Any], int]:
    """The flat vector of state and parameters, and the function of vectors, for a function of `(t, y, *args)`."""
    leaves, filled = flatten(tuple(args))
    chosen = differentiable(leaves)
    constants = plain(leaves)
    y0 = joined(y0)
    size = y0.size if hasattr(y0, "size") else 1
    shapes = [leaves[i].shape for i in chosen]
    ends = np.cumsum([0, *(leaves[i].size for i in chosen)])

    def of_vectors(t: float, y: Any, p: Any) -> Any:
        call = list(constants)
        for i, shape, low, high in zip(chosen, shapes, ends, ends[1:], strict=False):
            call[i] = np.reshape(p[low:high], shape)
        return flat(f(t, y, *filled(call)), size)

    parts = [y0, *(leaves[i] for i in chosen)]
    z = np.concatenate([np.reshape(part if hasattr(part, "dtype") else np.asarray(part), (-1,)) for part in parts])
    return z.astype(float), of_vectors, size


def joined(values: Any) -> Any:
    """A list of numbers and tensors as one."""
    return np.stack(values) if isinstance(values, list | tuple) else values


def any_differentiable(*trees: Any) -> bool:
    """Whether a tensor that requires grad is anywhere in nested arguments."""
    return bool(differentiable(flatten(trees)[0]))


def plain_tree(tree: Any) -> Any:
    """Nested arguments with tensors as arrays."""
    leaves, filled = flatten(tree)
    return filled(plain(leaves)) if any(isinstance(leaf, Tensor) for leaf in leaves) else tree


def odeint(
    func: Callable[..., Any], y0: Any, t: Any, args: tuple[Any, ...] = (), tfirst: bool = False, **options: Any
) -> Any:
    """`scipy.integrate.odeint`, differentiable in the initial state, the times and `args`; second derivatives too.

    Parameters
    ----------
    func : callable
        `func(y, t, *args)`, or `func(t, y, *args)` with `tfirst`, in `np.*` calls.
    y0 : array_like or Tensor
        The state at the first time, a vector.
    t : array_like or Tensor
        Times, rising or falling; the first is that of y0.
    args : tuple
        Passed on to `func`; tensors in it are differentiated, also inside of tuples, lists, dicts, dataclasses and
        modules. What `func` reads from elsewhere is not, and raises.
    tfirst, **options
        As SciPy's; `rtol` and `atol` (SciPy's default is 1.5e-8) hold for the gradient's equation too. `Dfun`,
        `full_output` and `tcrit` have no derivative and raise with tensors.

    Returns
    -------
    Tensor or ndarray
        float64, one row for each time.

    Raises
    ------
    TypeError
        If an option that has no derivative is given with tensors, or `func` reads a tensor that is no argument of its.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_mini import grad
    >>> from autograd_mini.scipy.integrate import odeint
    >>> decay = lambda y, t, rate: -rate * y
    >>> slope = grad(lambda rate: odeint(decay, np.ones(1), [0.0, 1.0], args=(rate,))[-1, 0])(2.0)
    >>> bool(np.isclose(slope, -np.exp(-2.0), rtol=1e-5))
    True
    """
    args = args if isinstance(args, tuple) else (args,)
    t = joined(t)
    f = func if tfirst else lambda t, y, *args: func(y, t, *args)
    tensors = any_differentiable(args, y0, t)
    for option in {"Dfun", "full_output", "tcrit"} & options.keys():
        if tensors and options[option]:
            raise TypeError(OPTION.format(name="odeint", option=option))
    if not tensors:
        plain_f = without_history(f, "odeint")
        return scipy.integrate.odeint(plain_f, plain_tree(y0), plain_tree(t), plain_tree(args), tfirst=True, **options)

    def solve(slope: Callable[..., Any], y0: Any, times: Any) -> Any:
        states, report = scipy.integrate.odeint(slope, y0, times, tfirst=True, **{**options, "full_output": True})
        if report["message"] != "Integration successful.":
            raise RuntimeError(FAILED.format(name="odeint", t=times[0], message=report["message"]))
        return states

    z, of_vectors, size = start(f, y0, args)
    times = t.astype(float) if hasattr(t, "dtype") else np.asarray(t, float)
    return trajectory(np.concatenate([z, times]), problem=Problem(of_vectors, size, z.size - size, solve))


def without_history(f: Callable[..., Any], name: str) -> Callable[..., Any]:
    """`f` for SciPy, which cannot use tensors."""

    def plain_f(*args: Any) -> Any:
        result = f(*args)
        parts = result if isinstance(result, list | tuple) else [result]
        if differentiable(parts):
            raise TypeError(CLOSURE.format(name=name))
        return [*plain(parts)] if isinstance(result, list | tuple) else plain(parts)[0]

    return plain_f


def solve_ivp(
    fun: Callable[..., Any],
    t_span: Any,
    y0: Any,
    method: Any = "RK45",
    t_eval: Any = None,
    dense_output: bool = False,
    events: Any = None,
    vectorized: bool = False,
    args: tuple[Any, ...] | None = None,
    **options: Any,
) -> Any:
    r"""`scipy.integrate.solve_ivp`, differentiable in the initial state, the times and `args`; second derivatives too.

    .. math::
        \frac{dy}{dt} = f(t, y, a), \quad y(t_0) = y_0

    Gradients come from the adjoint equation, which is solved backwards in time.

    Parameters
    ----------
    fun : callable
        `fun(t, y, *args)`, in `np.*` calls.
    t_span, t_eval : array_like or Tensor
        The ends, and the times of the states that are returned. Without `t_eval` the solver chooses those in between,
        which takes a first solution without derivatives; they are constants.
    y0 : array_like or Tensor
        The state at the first time, a vector.
    args : tuple
        Passed on to `fun`; tensors in it are differentiated, also inside of tuples, lists, dicts, dataclasses and
        modules. What `fun` reads from elsewhere is not, and raises.
    method, **options
        As SciPy's; `rtol` and `atol` (SciPy's defaults are 1e-3 and 1e-6) hold for the gradient's equation too.
    dense_output, events, vectorized
        As SciPy's, for arrays alone: they have no derivative, and neither has the option `jac`.

    Returns
    -------
    OptimizeResult
        SciPy's, with a tensor as `y`, of one column for each time.

    Raises
    ------
    TypeError
        If an option that has no derivative is given with tensors, or `fun` reads a tensor that is no argument of its.
    RuntimeError
        If the solver gives up before the last time, with tensors.

    References
    ----------
    Chen et al. (2018), Neural ordinary differential equations, appendix C.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_mini import grad
    >>> from autograd_mini.scipy import integrate
    >>> def end(rate):
    ...     decay = lambda t, y, rate: -rate * y
    ...     return integrate.solve_ivp(decay, (0.0, 1.0), np.array([1.0]), args=(rate,), rtol=1e-8).y[0, -1]
    >>> round(float(grad(end)(2.0)), 4), round(-np.exp(-2.0), 4)
    (-0.1353, np.float64(-0.1353))
    """
    args = () if args is None else args if isinstance(args, tuple) else (args,)
    first, last = t_span
    low, high = (float(end) for end in plain([first, last]))
    t_eval = joined(t_eval)
    tensors = any_differentiable(args, y0, first, last, t_eval)
    others = {"dense_output": dense_output, "events": events, "vectorized": vectorized}
    for option, value in {**others, "jac": options.get("jac")}.items():
        if tensors and value:
            raise TypeError(OPTION.format(name="solve_ivp", option=option))

    def numbers(f: Callable[..., Any], y0: Any, t_eval: Any, span: Any, **more: Any) -> Any:
        return scipy.integrate.solve_ivp(f, span, y0, method, t_eval, **{**options, **more})

    start_y, constants, asked = plain_tree(y0), plain_tree(args), plain_tree(t_eval)
    asked = None if asked is None else np.asarray(asked, float)
    plain_fun = without_history(fun, "solve_ivp")
    if not tensors:
        return numbers(plain_fun, start_y, asked, (low, high), args=constants or None, **others)
    result = numbers(plain_fun, start_y, asked, (low, high), args=constants or None)
    if not result.success:
        raise RuntimeError(
            FAILED.format(name="solve_ivp", t=result.t[-1] if len(result.t) else low, message=result.message)
        )
    # The state is given at the first time, whether it is asked for or not.
    ends = [np.reshape(end if hasattr(end, "dtype") else float(end), (1,)) for end in (first, last)]
    times = np.concatenate([ends[0], t_eval if t_eval is not None else result.t[1:-1]]).astype(float)
    if t_eval is None:
        times = np.concatenate([times, ends[1]])

    def solve(slope: Callable[..., Any], y0: Any, times: Any) -> Any:
        found = numbers(slope, y0, times, (times[0], times[-1]))
        if not found.success:
            raise RuntimeError(FAILED.format(name="solve_ivp", t=times[0], message=found.message))
        return found.y.T

    z, of_vectors, size = start(fun, y0, args)
    states = trajectory(np.concatenate([z, times]), problem=Problem(of_vectors, size, z.size - size, solve))
    result.y = (states if t_eval is None else states[1:]).T
    return result
