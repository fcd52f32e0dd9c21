"""Property tests of derivatives, for the functions of this library and for those of its users.

`check_derivatives` needs NumPy alone; what draws examples needs the extra `testing`.
"""

from autograd_mini.testing.checks import check_derivatives
from autograd_mini.testing.report import DerivativeError, InconclusiveError, Report

__all__ = ["DerivativeError", "InconclusiveError", "Report", "check_derivatives"]
