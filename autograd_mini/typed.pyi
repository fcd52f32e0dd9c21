"""What type checkers are told where tables make the code: a tensor's methods, and what functions of functions return.

There is nothing to import here when a program runs. That all of it exists then, and no more, tests say.
"""

from collections.abc import Callable, Sequence
from types import EllipsisType
from typing import Any, Literal, ParamSpec, Protocol, SupportsIndex, TypeAlias, TypeVar, overload

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from autograd_mini.tensor import Tensor

P = ParamSpec("P")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)
T = TypeVar("T")
A = TypeVar("A", bound=NDArray[Any])

Array: TypeAlias = NDArray[Any]
Number: TypeAlias = complex | np.number[Any]  # Python's int and float too
Plain: TypeAlias = Array | Number
Axis: TypeAlias = SupportsIndex | Sequence[SupportsIndex] | None
Values: TypeAlias = Tensor | ArrayLike

class Methods:
    """The methods and operators of a tensor that are made from NumPy's functions."""

    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def dtype(self) -> np.dtype[Any]: ...
    @property
    def ndim(self) -> int: ...
    @property
    def size(self) -> int: ...
    @property
    def nbytes(self) -> int: ...
    @property
    def itemsize(self) -> int: ...
    @property
    def real(self) -> Tensor: ...
    @property
    def imag(self) -> Tensor: ...
    @property
    def may_hold_nan(self) -> bool: ...

    # Over entries

    def sum(
        self,
        axis: Axis = None,
        dtype: DTypeLike | None = None,
        out: None = None,
        keepdims: bool = False,
        *,
        initial: Number = ...,
        where: Values = ...,
    ) -> Tensor: ...
    def prod(
        self,
        axis: Axis = None,
        dtype: DTypeLike | None = None,
        out: None = None,
        keepdims: bool = False,
        *,
        initial: Number = ...,
        where: Values = ...,
    ) -> Tensor: ...
    def mean(
        self,
        axis: Axis = None,
        dtype: DTypeLike | None = None,
        out: None = None,
        keepdims: bool = False,
        *,
        where: Values = ...,
    ) -> Tensor: ...
    def std(
        self,
        axis: Axis = None,
        dtype: DTypeLike | None = None,
        out: None = None,
        ddof: float = 0,
        keepdims: bool = False,
        *,
        where: Values = ...,
        mean: Values = ...,
        correction: float = ...,
    ) -> Tensor: ...
    def var(
        self,
        axis: Axis = None,
        dtype: DTypeLike | None = None,
        out: None = None,
        ddof: float = 0,
        keepdims: bool = False,
        *,
        where: Values = ...,
        mean: Values = ...,
        correction: float = ...,
    ) -> Tensor: ...
    def max(
        self,
        axis: Axis = None,
        out: None = None,
        keepdims: bool = False,
        initial: Number = ...,
        where: Values = ...,
    ) -> Tensor: ...
    def min(
        self,
        axis: Axis = None,
        out: None = None,
        keepdims: bool = False,
        initial: Number = ...,
        where: Values = ...,
    ) -> Tensor: ...
    def all(self, axis: Axis = None, out: None = None, keepdims: bool = False, *, where: Values = ...) -> Tensor: ...
    def any(self, axis: Axis = None, out: None = None, keepdims: bool = False, *, where: Values = ...) -> Tensor: ...
    def argmax(self, axis: SupportsIndex | None = None, out: None = None, *, keepdims: bool = False) -> Tensor: ...
    def argmin(self, axis: SupportsIndex | None = None, out: None = None, *, keepdims: bool = False) -> Tensor: ...
    def cumsum(self, axis: SupportsIndex | None = None, dtype: DTypeLike | None = None, out: None = None) -> Tensor: ...
    def cumprod(
        self, axis: SupportsIndex | None = None, dtype: DTypeLike | None = None, out: None = None
    ) -> Tensor: ...
    def trace(
        self,
        offset: SupportsIndex = 0,
        axis1: SupportsIndex = 0,
        axis2: SupportsIndex = 1,
        dtype: DTypeLike | None = None,
        out: None = None,
    ) -> Tensor: ...
    def dot(self, b: Values, out: None = None) -> Tensor: ...

    # Entry by entry, and where entries are

    def clip(
        self,
        a_min: Values | None = ...,
        a_max: Values | None = ...,
        out: None = None,
        *,
        min: Values | None = ...,
        max: Values | None = ...,
    ) -> Tensor: ...
    def round(self, decimals: SupportsIndex = 0, out: None = None) -> Tensor: ...
    def squeeze(self, axis: Axis = None) -> Tensor: ...
    def ravel(self, order: Literal["C", "F", "A", "K"] = "C") -> Tensor: ...
    def flatten(self, order: Literal["C", "F", "A", "K"] = "C") -> Tensor: ...
    def swapaxes(self, axis1: SupportsIndex, axis2: SupportsIndex) -> Tensor: ...
    def diagonal(self, offset: SupportsIndex = 0, axis1: SupportsIndex = 0, axis2: SupportsIndex = 1) -> Tensor: ...
    def repeat(self, repeats: Values, axis: SupportsIndex | None = None) -> Tensor: ...
    def take(
        self,
        indices: Values,
        axis: SupportsIndex | None = None,
        out: None = None,
        mode: Literal["raise", "wrap", "clip"] = "raise",
    ) -> Tensor: ...
    def choose(self, choices: Any, out: None = None, mode: Literal["raise", "wrap", "clip"] = "raise") -> Tensor: ...
    def compress(self, condition: Values, axis: SupportsIndex | None = None, out: None = None) -> Tensor: ...
    def argsort(
        self,
        axis: SupportsIndex | None = -1,
        kind: str | None = None,
        order: None = None,
        *,
        stable: bool | None = None,
    ) -> Tensor: ...
    def argpartition(
        self, kth: Values, axis: SupportsIndex | None = -1, kind: str = "introselect", order: None = None
    ) -> Tensor: ...
    def searchsorted(
        self, v: Values, side: Literal["left", "right"] = "left", sorter: Values | None = None
    ) -> Tensor: ...
    def nonzero(self) -> tuple[Tensor, ...]: ...

    # Operators

    def __floordiv__(self, other: Values) -> Tensor: ...
    def __rfloordiv__(self, other: Values) -> Tensor: ...
    def __mod__(self, other: Values) -> Tensor: ...
    def __rmod__(self, other: Values) -> Tensor: ...
    def __divmod__(self, other: Values) -> tuple[Tensor, Tensor]: ...
    def __rdivmod__(self, other: Values) -> tuple[Tensor, Tensor]: ...
    def __lshift__(self, other: Values) -> Tensor: ...
    def __rlshift__(self, other: Values) -> Tensor: ...
    def __rshift__(self, other: Values) -> Tensor: ...
    def __rrshift__(self, other: Values) -> Tensor: ...
    def __float__(self) -> float: ...
    def __int__(self) -> int: ...
    def __complex__(self) -> complex: ...

# What functions of functions return. It takes tensors and arrays alike, whichever `f` says that it takes; trees too

class Gradient(Protocol):
    """As `grad(f)`: of what the first argument is; of a number, an array."""

    @overload
    def __call__(self, x: Number, /, *args: Any, **kwargs: Any) -> Array: ...
    @overload
    def __call__(self, x: Tensor, /, *args: Any, **kwargs: Any) -> Tensor: ...
    @overload
    def __call__(self, x: T, /, *args: Any, **kwargs: Any) -> T: ...

class ValueAndGradient(Protocol):
    """As `value_and_grad(f)`: an array and a gradient of an array, a tensor and a gradient of a tensor."""

    @overload
    def __call__(self, x: Number, /, *args: Any, **kwargs: Any) -> tuple[Array, Array]: ...
    @overload
    def __call__(self, x: Tensor, /, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]: ...
    @overload
    def __call__(self, x: A, /, *args: Any, **kwargs: Any) -> tuple[Array, A]: ...
    @overload
    def __call__(self, x: T, /, *args: Any, **kwargs: Any) -> tuple[Any, T]: ...

class Derivative(Protocol):
    """As `jacobian(f)` and `vmap(f)`: of other shapes than the arguments; in trees, of a structure of its own."""

    @overload
    def __call__(self, *args: Plain, **kwargs: Any) -> Array: ...
    @overload
    def __call__(self, *args: Tensor | Plain, **kwargs: Any) -> Tensor: ...
    @overload
    def __call__(self, *args: Any, **kwargs: Any) -> Any: ...

class Operation(Protocol[P, R_co]):
    """A function of arrays, as it is declared, that takes tensors too."""

    __name__: str

    @overload
    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co: ...
    @overload
    def __call__(self, *args: Any, **kwargs: Any) -> Tensor: ...

# What NumPy's functions return: of arrays, arrays and numbers; where an argument is a tensor, or holds one, tensors

Option: TypeAlias = str | slice | EllipsisType | np.dtype[Any] | type | Callable[..., Any] | None
NoTensor: TypeAlias = Plain | np.generic | Option | Sequence[NoTensor]

class Function(Protocol):
    """A tensor."""

    __name__: str

    @overload
    def __call__(self, *args: NoTensor, **kwargs: NoTensor) -> Any: ...
    @overload
    def __call__(self, *args: Any, **kwargs: Any) -> Tensor: ...

class Universal(Protocol):
    """A tensor: a universal function, entry by entry, with its methods."""

    __name__: str
    nin: int
    nout: int
    nargs: int
    ntypes: int
    types: list[str]
    identity: Any
    signature: str | None
    reduce: Function
    accumulate: Function
    reduceat: Function
    outer: Function
    at: Callable[..., None]

    @overload
    def __call__(self, *args: Number, **kwargs: NoTensor) -> Any: ...
    @overload
    def __call__(self, *args: Plain | Sequence[Any], **kwargs: NoTensor) -> Array: ...
    @overload
    def __call__(self, *args: Any, **kwargs: Any) -> Tensor: ...

class Pair(Protocol):
    """Two tensors."""

    @overload
    def __call__(self, *args: NoTensor, **kwargs: NoTensor) -> Any: ...
    @overload
    def __call__(self, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]: ...

class Several(Protocol):
    """A tuple of tensors."""

    @overload
    def __call__(self, *args: NoTensor, **kwargs: NoTensor) -> Any: ...
    @overload
    def __call__(self, *args: Any, **kwargs: Any) -> tuple[Tensor, ...]: ...

class Pieces(Protocol):
    """A list of tensors."""

    @overload
    def __call__(self, *args: NoTensor, **kwargs: NoTensor) -> Any: ...
    @overload
    def __call__(self, *args: Any, **kwargs: Any) -> list[Tensor]: ...

class Choice(Protocol):
    """`where`: a tensor of choices, or of a condition alone, places."""

    @overload
    def __call__(self, condition: NoTensor, /) -> tuple[Array, ...]: ...
    @overload
    def __call__(self, condition: Tensor, /) -> tuple[Tensor, ...]: ...
    @overload
    def __call__(self, condition: NoTensor, x: NoTensor, y: NoTensor, /) -> Array: ...
    @overload
    def __call__(self, condition: Any, x: Any, y: Any, /) -> Tensor: ...

class Various(Protocol):
    """A tensor or several, as the options ask for."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any: ...

class Fact(Protocol[R_co]):
    """No tensor: what is known of it, such as the number of its axes."""

    def __call__(self, *args: Any, **kwargs: Any) -> R_co: ...
