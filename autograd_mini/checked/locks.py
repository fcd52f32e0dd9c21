"""Arrays that a live graph needs, locked against writing until it needs them no more; nothing knows of graphs here."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Any

import numpy as np


class Memory:
    """An array that owns memory which graphs need: how many nodes need it, and which arrays of it were locked."""

    __slots__ = ("arrays", "needed", "owner")

    def __init__(self, owner: np.ndarray[Any, Any]) -> None:
        self.owner = owner
        self.needed = 0
        self.arrays: list[np.ndarray[Any, Any]] = []  # the owner first: NumPy unlocks no view of a locked array


memories_by_owner: dict[int, Memory] = {}  # by the id of the owner; threads may share weights
guard = threading.RLock()  # the collector may drop a graph while this thread locks


def lock(array: np.ndarray[Any, Any]) -> Memory | None:
    """Make an array read-only, and the array that it is a view of; None if it was, or NumPy could not undo it."""
    owner = array
    while isinstance(owner.base, np.ndarray):
        owner = owner.base
    memory = memories_by_owner.get(id(owner))
    if memory is None:
        flags = owner.flags
        if not (flags.writeable and flags.owndata):
            return None
        memory = memories_by_owner[id(owner)] = Memory(owner)
        memory.arrays.append(owner)
        flags.writeable = False
    if array is not owner and array.flags.writeable:
        memory.arrays.append(array)
        array.flags.writeable = False
    memory.needed += 1
    return memory


def release(memories: Iterable[Memory]) -> None:
    """Give up one need of each memory; where it was the last one, its arrays can be written into again."""
    with guard:
        for memory in memories:
            memory.needed -= 1
            if not memory.needed:
                del memories_by_owner[id(memory.owner)]
                for array in memory.arrays:
                    array.flags.writeable = True


def is_locked(array: np.ndarray[Any, Any]) -> bool:
    """Whether an array is read-only only because it is locked."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return id(array) in memories_by_owner
