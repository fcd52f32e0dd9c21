"""Numbers as people read them, for sentences and pictures; tables and files keep `%.1e`. Nothing is measured here."""

from __future__ import annotations

import math

PLAIN = 1e-3, 1e5  # numbers between them are written without a power of ten
RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def in_words(value: float, digits: int = 2) -> str:
    """A number for people: with a power of ten where it is very small or large, and no more digits than say something.

    Parameters
    ----------
    value : float
        The number.
    digits : int
        How many of its digits count.

    Examples
    --------
    >>> from autograd_mini import in_words
    >>> in_words(0.00117), in_words(6.9e-16), in_words(1e-13), in_words(1116, 4)
    ('0.0012', '6.9 × 10⁻¹⁶', '10⁻¹³', '1,116')
    """
    value = float(value)
    if not math.isfinite(value):
        return "no number" if math.isnan(value) else "infinity" if value > 0 else "-infinity"
    mantissa, _, power = f"{value:.{digits - 1}e}".partition("e")
    exponent, rounded = int(power), float(f"{value:.{digits - 1}e}")
    low, high = PLAIN
    if not rounded or low <= abs(rounded) < high:
        return without_zeros(f"{rounded:,.{max(0, digits - 1 - exponent)}f}")
    mantissa = without_zeros(mantissa)
    ten = f"10{str(exponent).translate(RAISED)}"
    return {"1": ten, "-1": f"-{ten}"}.get(mantissa, f"{mantissa} × {ten}")


def without_zeros(number: str) -> str:
    """`0.50` as `0.5`; 50 stays 50."""
    return number.rstrip("0").rstrip(".") if "." in number else number


def times(factor: float) -> str:
    """A factor: `×0.39`, `×6.9 × 10⁻¹⁶`; with more digits near 1."""
    if 0.98 < factor < 1.02 and abs(factor - 1) > 5e-5:
        return f"×{factor:.4f}"
    return f"×{factor:.2f}" if 0.1 <= factor < 100 else f"×{in_words(factor)}"


def decades(ratio: float) -> str:
    """How many powers of ten lie between two numbers, of which this is the ratio: `12 decades`."""
    size = abs(math.log10(ratio))
    said = f"{size:.0f}" if size >= 9.95 else f"{size:.1f}".removesuffix(".0")
    return f"{said} decade{'s' * (said != '1')}"
