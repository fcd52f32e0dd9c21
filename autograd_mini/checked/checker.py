"""What a `checked` block does: it looks at each result and cotangent, remembers where nodes were written, and locks.

What is finite, where the user wrote it and what the errors say is in the files beside this one.
"""

from __future__ import annotations

import sys
import threading
import weakref
from typing import Any

import numpy as np

from autograd_mini.checked.explanations import came_in, changed, made, pulled
from autograd_mini.checked.finite import all_finite, plain
from autograd_mini.checked.locks import Memory, guard, is_locked, lock, release
from autograd_mini.checked.places import Place, Places, inside_a_rule, user_place
from autograd_mini.graph import Node, Record, Watch
from autograd_mini.primitive import Primitive
from autograd_mini.tensor import Tensor


class Checker(Watch):
    """What one thread does while it is in a `checked` block, however many of them it is in."""

    def __init__(self) -> None:
        self.depth = 0
        # Of the live nodes: where they were written, and what they need.
        self.places = Places()
        self.held: dict[weakref.ref[Node], list[Memory]] = {}
        self.float_errors: Any = None

    def open(self) -> None:
        """One block more in this thread."""
        self.depth += 1
        if self.depth == 1:
            _thread.checker = self
            self.float_errors = np.seterr(all="ignore")  # NumPy's warnings say less, and may be errors
            super().__enter__()

    def close(self) -> None:
        """One block less; after the last one everything is as it was."""
        self.depth -= 1
        if self.depth:
            return
        if _thread.checker is self:  # else a generator was closed in another thread than it ran in
            _thread.checker = None
            np.seterr(**self.float_errors)
            super().__exit__()
        held, self.held = self.held, {}
        self.places = Places()
        for memories in held.values():
            release(memories)

    def forget(self, reference: weakref.ref[Node]) -> None:
        """A graph was dropped."""
        self.places.pop(reference, None)
        memories = self.held.pop(reference, None)
        if memories:
            release(memories)

    def freed(self, node: Node) -> None:
        """A backward has passed, and the graph needs the operands no longer."""
        memories = self.held.pop(weakref.ref(node), None)
        if memories:
            release(memories)

    def forward(self, primitive: Primitive, args: tuple[Any, ...], result: Any) -> None:
        """Look at what was computed, remember where, and lock what the backward will read."""
        if isinstance(result, tuple):
            parts: tuple[Any, ...] = result
            nodes = [part._record for part in parts if isinstance(part, Tensor) and type(part._record) is Node]
            record = nodes[0].inputs[0] if nodes else None  # that of the operation itself, not of one result
        else:
            parts = (result,)
            record = result._record
        for part in parts:
            if isinstance(part, Tensor) and not all_finite(plain(part)):
                self.blame(primitive, args, plain(part), inside=plain(part) is not part._values)
        if self.depth and type(record) is Node:
            self.keep(record, args)

    def blame(self, primitive: Primitive, args: tuple[Any, ...], values: Any, inside: bool) -> None:
        """Raise for a result, of one array or of those inside a vmap.

        Unless the infinity came in with an operand or an option, or a rule will leave it out.
        """
        call = sys._getframe(2)
        # The hook is not given the options, and a constant has no node that holds them: they are read off the caller.
        options = call.f_locals.get("options", {})
        if inside_a_rule(call.f_back) or came_in(values, args, options):
            return
        place = user_place(call.f_back)
        raise made(primitive, args, values, inside, place and Place(*place), self.places)

    def keep(self, node: Node, args: tuple[Any, ...]) -> None:
        """Remember where a node was written, and lock the arrays that its rules will read."""
        reference = weakref.ref(node, self.forget)
        place = user_place(sys._getframe(3))
        if place is not None:
            self.places[reference] = place
        operands, out = node.operands, node.out
        if out is None and node.plan.keeps_none:
            return
        memories = []
        with guard:
            for i, operand in enumerate(operands or ()):
                if type(operand) is np.ndarray:
                    # A locked array that is no tensor's was not copied, because it seemed that nobody can change it.
                    if operand is args[i] and is_locked(operand):
                        operand = operands[i] = operand.copy()  # noqa: PLW2901
                    memories.append(lock(operand))
            for array in out if isinstance(out, tuple) else (out,):
                if type(array) is np.ndarray:
                    memories.append(lock(array))
        self.held[reference] = [memory for memory in memories if memory is not None]

    def backward(self, node: Node, cotangent: Any, parts: list[tuple[Any, Any]]) -> None:
        """Look at the cotangent along each edge."""
        for _, part in parts:
            if not all_finite(plain(part)):
                raise pulled(node, cotangent, parts, self.places)

    def hooked(self, record: Record, hook: Any, cotangent: Any, result: Any) -> None:
        """Look at what a hook put in the place of a cotangent."""
        values = plain(result)
        if not all_finite(values) and all_finite(plain(cotangent)):
            raise changed(record, hook, values)


class _Thread(threading.local):
    """The checker of the blocks that this thread is in."""

    checker: Checker | None = None


_thread = _Thread()


def opened() -> Checker:
    """This thread's checker, with one block more."""
    checker = _thread.checker or Checker()
    checker.open()
    return checker


def closed(checkers: list[Checker]) -> None:
    """One block less of this thread's checker, or of the last of `checkers`, if they were opened in another."""
    checker = _thread.checker if _thread.checker in checkers else checkers[-1]
    checkers.remove(checker)
    checker.close()
