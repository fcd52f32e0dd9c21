"""The colours of drawings and figures, on light and on dark paper; nothing but colour lives here.

Gains lie on a diverging scale, signals on a sequential one. The scales are ColorBrewer's (https://colorbrewer2.org):
PuOr and YlGnBu, both safe for colour-blind readers.
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
PALE_TO_BLUE = (  # on dark paper the other way round: what is strong stands out from the paper
    *("#ffffd9", "#edf8b1", "#c7e9b4", "#7fcdbb"),
    "#41b6c4",
    *("#1d91c0", "#225ea8", "#253494", "#081d58"),
)
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
LEVELS = 41  # of a signal's colour in figures; of 50 or more, matplotlib would make a picture of the colour bar

LINES = {  # Okabe and Ito 2008, and what is as far apart on dark paper
    "#0072b2": "#4aa8e8",
    "#d55e00": "#ff9248",
    "#009e73": "#2fc79a",
    "#cc79a7": "#eea3c9",
    "#e69f00": "#f5b93d",
    "#56b4e9": "#a8d8f5",
    "#000000": "#e6edf3",
}
FIGURES = LINES | {  # all other colours of figures, and their partners on dark paper
    "#ffffff": "#14181d",
    "#333333": "#c3ccd5",
    "#555555": "#a5b0bb",
    "#777777": "#a5b0bb",
    "#b0b0b0": "#59636e",  # grids
    "#cccccc": "#59636e",
    UNREACHED: "#3b444d",
    BAD: "#ff6b6b",
    BLAME: "#ffb454",
    "#006b4e": "#2fc79a",
    "#f6b48f": "#8a4a25",
    "#d3e6f3": "#1f3a4d",
    "#8fc1e0": "#2b6288",
    "#3a8fc4": "#4aa8e8",
    "#e08214": "#f0a352",
    "#fdb863": "#a8742f",
    "#542788": "#b9aef0",
    "#b2abd2": "#6d639c",
    "#a3a3a3": "#8f959c",
}
INKS = {  # text on a signal's colour, black or white by its contrast there, whatever the paper
    ("black", "black"): "#010101",
    ("black", "white"): "#020202",
    ("white", "black"): "#fdfdfd",
    ("white", "white"): "#fefefe",
}


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


def signal_colour(rms: float, strongest: float, decades: float = SIGNAL_DECADES, dark: bool = False) -> str:
    """Dark blue for the strongest signal, fading out over some decades; on dark paper pale for the strongest."""
    share = 0.0
    if 0 < rms <= strongest < math.inf:
        share = 1 + (math.log10(rms) - math.log10(strongest)) / decades
    return blend(PALE_TO_BLUE[::-1] if dark else PALE_TO_BLUE, share)


def levels(dark: bool = False) -> list[str]:
    """The colours of signals in figures, from weak to strong."""
    return [blend(PALE_TO_BLUE[::-1] if dark else PALE_TO_BLUE, i / (LEVELS - 1)) for i in range(LEVELS)]


def ink(level: int) -> str:
    """The colour of text on a level, which `on_dark` knows too."""
    light, dark = (text_colour(levels(paper)[level]) for paper in (False, True))
    return INKS[light, dark]


def on_dark() -> dict[str, str]:
    """For each colour of figures its partner on dark paper."""
    inks = {ink: "#000000" if dark == "black" else "#ffffff" for (_, dark), ink in INKS.items()}
    return FIGURES | dict(zip(levels(), levels(True), strict=True)) | inks


def text_colour(fill: str) -> str:
    """Black or white, whichever has more contrast on `fill` (WCAG 2.2 relative luminance)."""
    if not fill.startswith("#"):
        return "black"
    channels = [part / 255 for part in bytes.fromhex(fill[1:])]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "black" if luminance > 0.179 else "white"
