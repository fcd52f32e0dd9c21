"""NumPy functions whose result has no derivative: comparisons, positions, tests, shapes, arrays of one value."""

import numpy as np

from autograd_mini.primitive import constant

constant(np.equal, np.not_equal, np.less, np.less_equal, np.greater, np.greater_equal)
constant(np.logical_and, np.logical_or, np.logical_not, np.logical_xor)
constant(np.bitwise_and, np.bitwise_or, np.bitwise_xor, np.invert, np.left_shift, np.right_shift)
constant(np.isnan, np.isinf, np.isfinite, np.signbit, np.isclose, np.allclose, np.array_equal, np.array_equiv)
constant(np.all, np.any, np.argmax, np.argmin, np.argsort, np.argpartition, np.nonzero, np.flatnonzero, np.argwhere)
constant(np.count_nonzero, np.searchsorted, np.digitize)
constant(np.shape, np.ndim, np.size, np.result_type, np.can_cast, np.iscomplexobj, np.isrealobj, np.shares_memory)
constant(np.zeros_like, np.ones_like, np.empty_like)
