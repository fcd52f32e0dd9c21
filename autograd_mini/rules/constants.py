"""NumPy functions whose result has no derivative: comparisons, positions, tests, shapes, arrays of one value.

What has a derivative that is zero almost everywhere (`np.floor`, `np.sign`) is no constant: it has a rule.
"""

import numpy as np

from autograd_mini.primitive import constant

# Truth values
constant(np.equal, np.not_equal, np.less, np.less_equal, np.greater, np.greater_equal)
constant(np.logical_and, np.logical_or, np.logical_not, np.logical_xor)
constant(np.bitwise_and, np.bitwise_or, np.bitwise_xor, np.invert, np.left_shift, np.right_shift)
constant(np.isnan, np.isinf, np.isfinite, np.isneginf, np.isposinf, np.signbit, np.iscomplex, np.isreal, np.isin)
constant(np.isclose, np.allclose, np.array_equal, np.array_equiv, np.all, np.any)

# Positions and counts
constant(np.argmax, np.argmin, np.nanargmax, np.nanargmin, np.argsort, np.argpartition, np.lexsort)
constant(np.nonzero, np.flatnonzero, np.argwhere, np.count_nonzero, np.searchsorted, np.digitize)
constant(np.diag_indices_from, np.tril_indices_from, np.triu_indices_from)
constant(np.linalg.matrix_rank)

# Shapes, dtypes, memory
constant(np.shape, np.ndim, np.size, np.result_type, np.can_cast, np.common_type, np.min_scalar_type)
constant(np.iscomplexobj, np.isrealobj, np.shares_memory, np.may_share_memory, np.einsum_path)

# Arrays of one value
constant(np.zeros_like, np.ones_like, np.empty_like)
