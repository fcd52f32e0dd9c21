"""`numpy.linalg`, for type checkers that are to know what its functions make of tensors."""

from typing import Any, Literal, NamedTuple, overload

from numpy.linalg import LinAlgError as LinAlgError

from autograd_mini.tensor import Tensor
from autograd_mini.typed import Function, NoTensor

cholesky: Function
cond: Function
cross: Function
det: Function
diagonal: Function
eigvals: Function
eigvalsh: Function
inv: Function
matmul: Function
matrix_norm: Function
matrix_power: Function
matrix_rank: Function
matrix_transpose: Function
multi_dot: Function
norm: Function
outer: Function
pinv: Function
solve: Function
svdvals: Function
tensordot: Function
tensorinv: Function
tensorsolve: Function
trace: Function
vecdot: Function
vector_norm: Function

class Eigen(NamedTuple):
    """The eigenvalues and eigenvectors of a tensor."""

    eigenvalues: Tensor
    eigenvectors: Tensor

class QR(NamedTuple):
    """The factors of a tensor."""

    Q: Tensor
    R: Tensor

class SVD(NamedTuple):
    """The factors of a tensor."""

    U: Tensor
    S: Tensor
    Vh: Tensor

class Slogdet(NamedTuple):
    """The sign of a determinant and its logarithm."""

    sign: Tensor
    logabsdet: Tensor

@overload
def eig(a: NoTensor) -> Any: ...
@overload
def eig(a: Any) -> Eigen: ...
@overload
def eigh(a: NoTensor, UPLO: Literal["L", "U", "l", "u"] = "L") -> Any: ...
@overload
def eigh(a: Any, UPLO: Literal["L", "U", "l", "u"] = "L") -> Eigen: ...
@overload
def qr(a: NoTensor, mode: Literal["reduced", "complete", "r", "raw"] = "reduced") -> Any: ...
@overload
def qr(a: Any, mode: Literal["reduced", "complete"] = "reduced") -> QR: ...
@overload
def qr(a: Any, mode: Literal["r"]) -> Tensor: ...
@overload
def svd(a: NoTensor, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False) -> Any: ...
@overload
def svd(a: Any, full_matrices: bool = True, compute_uv: Literal[True] = True, hermitian: bool = False) -> SVD: ...
@overload
def svd(a: Any, full_matrices: bool = True, *, compute_uv: Literal[False], hermitian: bool = False) -> Tensor: ...
@overload
def slogdet(a: NoTensor) -> Any: ...
@overload
def slogdet(a: Any) -> Slogdet: ...
@overload
def lstsq(a: NoTensor, b: NoTensor, rcond: float | None = None) -> Any: ...
@overload
def lstsq(a: Any, b: Any, rcond: float | None = None) -> tuple[Tensor, Tensor, Tensor, Tensor]: ...
