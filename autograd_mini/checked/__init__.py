"""`checked`: stop at the first NaN or infinity, and lock what a graph still needs; here is the block that users write.

What it does is in the files beside this one, which are loaded when the first block is entered.
"""

from __future__ import annotations

from typing import Any

from autograd_mini.graph import Block

__all__ = ["checked"]

USAGE = (
    "`checked` was written with ({given}), but is a block that takes no arguments. Write `with checked(): ...` around "
    "the computation, or `@checked()` above a function."
)


class checked(Block):  # noqa: N801 (reads as a statement)
    """Raise at the first NaN or infinity, forward or backward, and lock what the graph needs against overwriting.

    Put it around one training step or around the whole loop, `with checked(): ...`, or write `@checked()` above a
    function; blocks nest. It holds for this thread, keeps no graph alive, and costs less than another training step.

    **Forward.** The first operation whose result holds a NaN or an infinity that no operand held raises at once. The
    message has the operation, the operands' names, shapes, dtypes and ranges, the module's path, and the user's line.
    An infinity that was put in on purpose, such as the -inf of a mask, passes; a NaN made of it does not. NaN in the
    data is called that.

    **Backward.** The first cotangent that is not finite along one edge, though the one before it was, raises with the
    same, and the line where the operation was written in the forward. What the result does not depend on passes: the
    branch that `np.where` did not take has derivative 0, however steep it is there.

    **Locks.** From when an operation is recorded until its backward has passed, the arrays that its rules will read
    are read-only, and so are the arrays that they are views of: `w.data[0] = 1` in between raises NumPy's "assignment
    destination is read-only" where it is written. Arrays that were given as such, and not as tensors, were copied and
    need no lock. `w.data = new` and updates under `no_grad` are always safe.

    Raises
    ------
    NonFiniteError
        A `FloatingPointError`, as above.
    TypeError
        For `with checked:` and for arguments.

    Notes
    -----
    NumPy's floating-point warnings are off inside, as `np.errstate(all="ignore")` does it. A view of a tensor's memory
    that was made before the forward can still be written through, and a view made while its memory is locked stays
    read-only: NumPy knows no way from an array to its views. Arrays that do not own their memory are not locked.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_mini import Tensor, checked
    >>> w = Tensor([1.0, 2.0], requires_grad=True)
    >>> with checked():
    ...     loss = np.sum(w * w)
    ...     try:
    ...         w.data[0] = 5.0
    ...     except ValueError as error:
    ...         print(error)
    ...     loss.backward()
    assignment destination is read-only
    >>> w.data[0] = 5.0
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if args or kwargs:
            given = ", ".join([*map(repr, args), *(f"{name}=..." for name in kwargs)])
            raise TypeError(USAGE.format(given=given))
        self.entered: list[Any] = []

    def __enter__(self) -> None:
        from autograd_mini.checked.checker import opened

        self.entered.append(opened())

    def __exit__(self, *exception: object) -> None:
        from autograd_mini.checked.checker import closed

        closed(self.entered)
