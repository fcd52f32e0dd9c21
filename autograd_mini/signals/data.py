"""What is wrong with inputs and targets, in sentences: entries that are missing, what is out of scale or of reach."""

from __future__ import annotations

import math
from collections.abc import Iterator

from autograd_mini.measuring.data import Columns, Gap, Targets
from autograd_mini.measuring.factors import Measurement
from autograd_mini.signals.faults import Diagnosis, listed, named
from autograd_mini.words import in_words

LARGE, SMALL = 10.0, 0.01  # sizes of targets that are far from 1
FAR = 10.0  # times the size of the outputs

FILL = "Fill in what is missing, or leave those examples out."
COLUMNS = "Subtract from each feature its mean, and divide it by its standard deviation."
STANDARDISE = "Subtract from the inputs their mean, and divide them by their standard deviation."
SCALED = "Scale the targets, as `(y - y.mean()) / y.std()` does, and undo it for what is predicted."


def gaps(measured: Measurement) -> Iterator[Diagnosis]:
    """Entries that are not finite."""
    for gap in measured.data.gaps:
        yield Diagnosis("", missing(gap), "", FILL)


def missing(gap: Gap) -> str:
    counts = [("NaN", gap.nan), ("inf", gap.infinite)]
    said = listed([f"{what} in {count:,} of {gap.size:,} entries" for what, count in counts if count])
    if gap.examples == 1:
        return f"{gap.name} has {said}, in one of {gap.given:,} examples: {gap.name}[{gap.first}]."
    return (
        f"{gap.name} has {said}, in {gap.examples:,} of {gap.given:,} examples; the first is {gap.name}[{gap.first}]."
    )


def out_of_scale(measured: Measurement) -> Iterator[Diagnosis]:
    """Targets that the model cannot reach or that are far from its outputs, and features that differ in size."""
    targets = measured.data.targets
    if targets is not None:
        yield from of_targets(targets)
    for scale in measured.data.scales:
        by = f"mean {in_words(scale.mean, 2)} and standard deviation {in_words(scale.std, 2)}"
        reader = named(measured.layers[scale.layer - 1])
        scores = f"the scores of {reader} are large too: their rms is {in_words(scale.scores)}"
        yield Diagnosis("", f"{scale.name} has {by}, and {scores}.", "", STANDARDISE, (scale.layer,))
    for columns in measured.data.columns:
        yield Diagnosis("", of_columns(columns, measured), "", COLUMNS, (columns.layer,))


def of_targets(targets: Targets) -> Iterator[Diagnosis]:
    between = f"between {in_words(targets.low, 3)} and {in_words(targets.high, 3)}"
    if targets.low == targets.high:
        between = f"at {in_words(targets.low, 3)}"
    reach = targets.reach
    if reach is not None and targets.outside:
        outside = f"{targets.outside:,} of {targets.given:,} targets"
        within = (
            f"is never below {reach.low:g}, but {outside} are"
            if math.isinf(reach.high)
            else f"lies between {reach.low:g} and {reach.high:g}, but {outside} do not"
        )
        ends_in = f"The model ends in {article(reach.by)}: what it gives {within}; all targets lie {between}."
        yield Diagnosis("", ends_in, "", f"Leave the {reach.by} out, or scale the targets into what it can give.")
        return
    larger = targets.size > LARGE and targets.size > FAR * targets.outputs_size
    smaller = targets.size < SMALL and FAR * targets.size < targets.outputs_size
    if larger or smaller:
        outputs = f"between {in_words(targets.outputs_low, 3)} and {in_words(targets.outputs_high, 3)}"
        yield Diagnosis("", f"The targets lie {between}, the outputs {outputs}.", "", SCALED)


def article(name: str) -> str:
    return f"an {name}" if name[0] in "aeio" else f"a {name}"


def of_columns(columns: Columns, measured: Measurement) -> str:
    name, axes = columns.name, ":" if columns.axes == 2 else "..."
    low, high = (
        f"{in_words(size)} in {name}[{axes}, {at}]"
        for size, at in ((columns.low, columns.small), (columns.high, columns.large))
    )
    return (
        f"The features of {name} differ in size: the largest entry is {low} and {high}, the median one's "
        f"{in_words(columns.median)}, and {named(measured.layers[columns.layer - 1])} reads them as they are."
    )
