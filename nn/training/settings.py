"""What a training was asked for, kept in its checkpoints, so that a resume that asks for something else is told."""

from __future__ import annotations

from typing import Any

from autograd_mini import Tensor

KEPT = (
    "fit(resume=...): {differences}. The training goes on as it was begun, with the checkpoint's. To change it, set it "
    "in a callback's `on_start(run)`, such as `run.optimizer.learning_rate = 0.01`; or load the weights alone, by "
    "`nn.load(path, model)`, and call `fit` without `resume`."
)
TAKEN = (
    "fit(resume=...): {differences}. The training goes on with what this call says, so that the rest of it is not what "
    "it would have been."
)
FUNCTION = "a function"

Settings = dict[str, Any]


def settings_of(optimizer: Any, **options: Any) -> Settings:
    """The learning rates and options of an optimizer's groups, and other options, as plain values."""
    groups = getattr(optimizer, "groups", ())
    found = {}
    for i, group in enumerate(groups):
        for name in ("learning_rate", *group.options):
            found[f"groups[{i}].{name}" if len(groups) > 1 else name] = plain(getattr(group, name))
    return {name: value for name, value in (found | options).items() if isinstance(value, str | int | float | None)}


def plain(value: Any) -> Any:
    """A value that a checkpoint can hold; of a schedule its formula, if it is one of `nn.schedules`."""
    if callable(value):
        return FUNCTION if "<" in repr(value) else repr(value)
    return value.data.item() if isinstance(value, Tensor) else value


def rates_of(optimizer: Any) -> Settings:
    """What schedules say of the step to come."""
    scheduled = [group for group in getattr(optimizer, "groups", ()) if callable(group.learning_rate)]
    return {f"rate {i} of step {group.steps}": plain(group.rate) for i, group in enumerate(scheduled)}


def compared(begun: Settings, asked: Settings, decided: set[str]) -> tuple[Settings, list[str]]:
    """The settings that a resumed training goes on with, and messages about those that are others than they were.

    `decided` names what is not in the checkpoint, so that this call decides it; so it does schedules, which are
    functions.
    """
    changed = {name for name in begun.keys() & asked if begun[name] != asked[name]}
    ours = {name for name in changed if name in decided or isinstance(asked[name], str)}
    messages = []
    for message, names in ((KEPT, changed - ours), (TAKEN, ours)):
        if names:
            told = [f"{name} was {begun[name]!r} and is {asked[name]!r}" for name in sorted(names)]
            messages.append(message.format(differences=", ".join(told)))
    return asked | {name: begun[name] for name in changed - ours}, messages
