"""The position of a loader, as it is saved. What it gives out is not known here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

STATE = (
    "load_state_dict() was given a state of other data: {differences}. The position in an epoch means the same only "
    "with the same number of examples, batch size and order: build the loader as it was when it was saved."
)
BAD_STATE = "load_state_dict() was given {key}={value!r} for a DataLoader. Load what `state_dict()` of one returned."


def position_of(state: Mapping[str, Any], own: Mapping[str, Any]) -> tuple[int, int, int]:
    """Seed, epoch and batch of a saved state; ValueError if they are none, or where `own` says are other data."""
    position = []
    for key in ("seed", "epoch", "batch"):
        value = state.get(key)
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise ValueError(BAD_STATE.format(key=key, value=value))
        position.append(value)
    differences = [f"{key} was {state.get(key)!r} and is {own[key]!r}" for key in own if state.get(key) != own[key]]
    if differences:
        raise ValueError(STATE.format(differences=", ".join(differences)))
    seed, epoch, batch = position
    return seed, epoch, batch
