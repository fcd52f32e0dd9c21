"""The colours of drawings: gains on a diverging scale, signals on a sequential one; nothing but colour lives here.

Colours are ColorBrewer's (https://colorbrewer2.org): PuOr and Blues, both safe for colour-blind readers.
"""

from __future__ import annotations

import math

ORANGE_TO_PURPLE = (
    *("#7f3b08", "#b35806", "#e08214", "#fdb863"),
    "#a3a3a3",  # PuOr has white here, and a white line on white paper is no line
    *("#b2abd2", "#8073ac", "#542788", "#2d004b"),
)
ON_DARK = (  # the same on dark paper
    *("#ffb454", "#f0a352", "#d99a5b", "#b3906e"),
    "#8f959c",
    *("#9d97c4", "#aea6e0", "#c3bbf3", "#ded9ff"),
)
PALE_TO_BLUE = ("#f7fbff", "#deebf7", "#c6dbef", "#9ecae1", "#6baed6", "#4292c6")  # black text stays readable on each
GAIN_DECADES = 1  # gains from x0.1 to x10
SIGNAL_DECADES = 8  # signals down to 1e-8 of the strongest

BAD = "#d7191c"
BLAME = "#b35806"
UNREACHED = "#d9d9d9"
FAINT = "#999999"
OPERATION = "#eef3f8"
PARAMETER = "#fff2cc"
PARAMETER_BORDER = "#a6761d"
STRIPES = ":".join(["white", "#d0d0d0"] * 6)


def blend(scale: tuple[str, ...], share: float) -> str:
    """The colour at `share` in 0 .. 1 of a scale, mixed linearly from its neighbours."""
    at = min(max(share, 0.0), 1.0) * (len(scale) - 1)
    i = min(int(at), len(scale) - 2)
    low, high = (bytes.fromhex(colour[1:]) for colour in scale[i : i + 2])
    return "#" + "".join(f"{round(a + (b - a) * (at - i)):02x}" for a, b in zip(low, high, strict=True))


def decades(gain: float) -> float:
    """log10 of a gain, clipped to the ends of its scale."""
    if gain <= 10**-GAIN_DECADES:
        return -GAIN_DECADES
    return min(math.log10(gain), GAIN_DECADES)


def gain_colour(gain: float, scale: tuple[str, ...] = ORANGE_TO_PURPLE) -> str:
    """Orange where the signal shrinks, purple where it grows; full colour at x0.1 and x10."""
    return blend(scale, (decades(gain) / GAIN_DECADES + 1) / 2)


def gain_width(gain: float) -> float:
    """The width of a line: 1 at x0.1, 2.2 at x1, 5 at x10."""
    return float(5 ** ((decades(gain) / GAIN_DECADES + 1) / 2))


def signal_colour(rms: float, strongest: float) -> str:
    """Dark blue for the strongest signal, fading out over eight decades."""
    if not 0 < rms <= strongest < math.inf:
        return PALE_TO_BLUE[0]
    return blend(PALE_TO_BLUE, 1 + (math.log10(rms) - math.log10(strongest)) / SIGNAL_DECADES)


def text_colour(fill: str) -> str:
    """Black or white, whichever has more contrast on `fill` (WCAG 2.2 relative luminance)."""
    if not fill.startswith("#"):
        return "black"
    channels = [part / 255 for part in bytes.fromhex(fill[1:])]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "black" if luminance > 0.179 else "white"
