"""Derivatives of other forms than the gradient: `jvp`, `hvp`, `elementwise_grad`, all made from `vjp` and `grad`."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeVar, overload

import numpy as np

from autograd_mini.graph import enable_grad
from autograd_mini.tensor import Tensor, wrap
from autograd_mini.transforms.gradients import grad, vjp
from autograd_mini.transforms.trees import flatten

if TYPE_CHECKING:
    from autograd_mini.typed import Array, Gradient, Plain

Tree = TypeVar("Tree")

HOLOMORPHIC = (
    "{transform} was asked for the derivative of a function that is not holomorphic by a complex argument; one complex "
    "number for each pair of entries cannot hold it. Write `{transform}` of its real and of its imaginary part, or use "
    "`grad` (for a real number) or `vjp`."
)
REAL_TANGENT = (
    "jvp was given a complex tangent for a real primal, of which the imaginary part would be lost. Pass a real "
    "tangent, or a complex primal: `x + 0j`."
)
TANGENTS = (
    "jvp was given tangents of shapes {got} for primals of shapes {want}. A tangent is a direction in the space of its "
    "primal: pass one of the same shape for each."
)

numpy: Any = np


@overload
def jvp(f: Callable[..., Any], primals: Sequence[Plain], tangents: Sequence[Plain]) -> tuple[Array, Array]: ...
@overload
def jvp(f: Callable[..., Any], primals: Sequence[Tensor], tangents: Sequence[Any]) -> tuple[Tensor, Tensor]: ...
@overload
def jvp(f: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]: ...
def jvp(f: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
    r"""The value of `f` and its derivative along a direction, :math:`\sum_i \partial f/\partial x_i \cdot t_i`.

    The pullback is linear in its cotangent, so its own pullback is the wanted push-forward: forward mode from reverse
    mode twice, without a second set of rules.

    Parameters
    ----------
    f : callable
        Returns a tensor.
    primals : sequence
        The arguments, arrays or nested containers of them.
    tangents : sequence
        The direction, of the structure, shapes and dtypes of `primals`.

    Returns
    -------
    out, tangent_out : ndarray or Tensor
        Of the same shape.

    Raises
    ------
    ValueError
        If tangents and primals differ in number or shape.
    TypeError
        If a tangent is complex and its primal is not.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_mini import jvp
    >>> jvp(lambda x: x * x, (np.array([1.0, 2.0]),), (np.array([1.0, 10.0]),))
    (array([1., 4.]), array([ 2., 40.]))
    """
    directions, _ = flatten(tuple(tangents))
    shapes = [np.shape(leaf) for leaf in flatten(tuple(primals))[0]]
    if shapes != [np.shape(direction) for direction in directions]:
        raise ValueError(TANGENTS.format(got=[np.shape(d) for d in directions], want=shapes))
    for leaf, direction in zip(flatten(tuple(primals))[0], directions, strict=True):
        if np.iscomplexobj(direction) and not np.iscomplexobj(leaf):
            raise TypeError(REAL_TANGENT)
    out, pullback = vjp(f, *primals)
    results, rebuild = flatten(out)
    zeros = rebuild([np.zeros_like(result.data if isinstance(result, Tensor) else result) for result in results])
    with enable_grad():
        tangent_out = grad(lambda cotangent: inner(pullback(cotangent), directions))(zeros)
    if not any(isinstance(value, Tensor) for value in (*results, *directions)):
        tangents_out, _ = flatten(tangent_out)
        return out, rebuild([value.data if isinstance(value, Tensor) else value for value in tangents_out])
    return out, tangent_out


def inner(tree: Any, others: Sequence[Any]) -> Any:
    """The real inner product of the leaves of `tree` with `others`."""
    total: Any = 0.0
    for one, other in zip(flatten(tree)[0], others, strict=True):
        product = one * (numpy.conj(other) if np.iscomplexobj(other) else other)
        total = total + numpy.sum(numpy.real(product) if product.dtype.kind == "c" else product)
    return total


def complex_slope(along: Any, across: Any, transform: str) -> Any:
    """The derivative of a complex result, from its pullbacks of 1 and of i; by a complex leaf they must agree."""
    if along.dtype.kind != "c":
        return along + 1j * across
    size = np.abs(along) + np.abs(across)
    if np.any(np.abs(1j * along - across) > 1e3 * np.finfo(along.dtype).eps * np.max(size, initial=0)):
        raise TypeError(HOLOMORPHIC.format(transform=transform))
    return numpy.conj(along)


@overload
def hvp(f: Callable[..., Any], argnum: Literal[0] = 0) -> Gradient: ...
@overload
def hvp(f: Callable[..., Any], argnum: int) -> Callable[..., Any]: ...
def hvp(f: Callable[..., Any], argnum: int = 0) -> Any:
    r"""The Hessian-vector product of a scalar function, :math:`Hv`, without the Hessian.

    Parameters
    ----------
    f : callable
        As for `autograd_mini.grad`.
    argnum : int
        Which argument the Hessian is about.

    Returns
    -------
    callable
        Takes the arguments of `f` and then the vector, which has the structure and shapes of argument `argnum`.

    Raises
    ------
    TypeError
        As `autograd_mini.grad`.

    Notes
    -----
    It differentiates :math:`\nabla f(x) \cdot v` once more, at a few times the cost of `f`.

    References
    ----------
    Pearlmutter (1994), Fast exact multiplication by the Hessian.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_mini import hvp
    >>> hvp(lambda x: np.sum(x**3))(np.array([1.0, 2.0]), np.array([1.0, 1.0]))
    array([ 6., 12.])
    """

    @functools.wraps(f)
    def product(*args: Any, **kwargs: Any) -> Any:
        *arguments, vector = args
        directions, _ = flatten(vector)

        def slope(*inner_args: Any) -> Any:
            return inner(grad(f, argnum)(*inner_args, **kwargs), directions)

        return grad(slope, argnum)(*arguments)

    return product


@overload
def elementwise_grad(f: Callable[..., Any], argnum: Literal[0] = 0) -> Gradient: ...
@overload
def elementwise_grad(f: Callable[..., Any], argnum: int) -> Callable[..., Any]: ...
def elementwise_grad(f: Callable[..., Any], argnum: int = 0) -> Any:
    r"""The derivative of a function that acts on each entry alone, :math:`\partial f(x)_i / \partial x_i`.

    For other functions it is the sum of the Jacobian's rows.

    Parameters
    ----------
    f : callable
        In terms of `np.*` functions.
    argnum : int
        Which argument to differentiate by.

    Returns
    -------
    callable
        Takes the arguments of `f`; returns an array of the argument's shape and dtype.

    Raises
    ------
    TypeError
        If the argument is not floating-point, or the function is complex and not holomorphic.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_mini import elementwise_grad
    >>> elementwise_grad(np.square)(np.array([1.0, 2.0]))
    array([2., 4.])
    """

    @functools.wraps(f)
    def derivative(*args: Any, **kwargs: Any) -> Any:
        def of_one(value: Any) -> Any:
            call = list(args)
            call[argnum] = value
            return f(*call, **kwargs)

        out, pullback = vjp(of_one, args[argnum])
        results, rebuild = flatten(out)
        ones = [np.ones_like(r.data if isinstance(r, Tensor) else r) for r in results]
        slopes, rebuild_slopes = flatten(pullback(rebuild(ones))[0])
        if any(one.dtype.kind == "c" for one in ones):
            across, _ = flatten(pullback(rebuild([1j * one for one in ones]))[0])
            slopes = [complex_slope(*pair, "elementwise_grad") for pair in zip(slopes, across, strict=True)]
        elif any(slope.dtype.kind == "c" for slope in slopes):
            raise TypeError(HOLOMORPHIC.format(transform="elementwise_grad"))
        return rebuild_slopes(slopes)

    return derivative


def stop_gradient(tree: Tree) -> Tree:
    """The same values as constants: derivatives see none of how they were made.

    Parameters
    ----------
    tree : array, Tensor, or tuple, list or dict of such
        What is kept constant; the result has its structure.

    Examples
    --------
    >>> from autograd_mini import grad, stop_gradient
    >>> float(grad(lambda x: x * stop_gradient(x))(3.0))
    3.0
    """
    leaves, rebuild = flatten(tree)
    return rebuild([wrap(leaf.data, None) if isinstance(leaf, Tensor) else leaf for leaf in leaves])
