"""Derivatives of `np.linalg`, for matrices and stacks of them."""
