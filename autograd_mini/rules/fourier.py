"""Derivatives of `np.fft`: each transform is linear, and its transpose is a transform again."""
