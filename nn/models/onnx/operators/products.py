"""Products of matrices, and sums of products."""

import numpy as np

from nn.layers.linear import affine
from nn.models.onnx.operators.table import OPERATORS, is_float, like, operator

OPERATORS.update(
    Det=np.linalg.det,
    Einsum=lambda *xs, equation: np.einsum(equation.replace(" ", ""), *xs),
    MatMul=lambda a, b: like(np.matmul(a, b), a),
)


@operator
def Gemm(a, b, c=None, alpha=1.0, beta=1.0, transA=0, transB=0):
    a, b = np.transpose(a) if transA else a, np.transpose(b) if transB else b
    if c is not None and alpha == beta == 1 and c.ndim == 1 and is_float(a):
        return affine(a, b, c)  # one operation, as in `nn.Linear`
    out = a @ b if alpha == 1 else alpha * (a @ b)
    return out if c is None else out + (c if beta == 1 else beta * c)
