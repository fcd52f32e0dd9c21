"""Branches and loops. A body is a function of its inputs, which reads what is around it by itself."""

import numpy as np

from autograd_mini import everywhere
from nn.models.onnx.operators.table import number, operator
from nn.noise import values

LONGEST, GROWN = 10_000, 2**22
ENDLESS = (
    "A loop went on after {rounds:,} rounds, and the file sets it no end. If that is meant, write "
    "`nn.models.onnx.operators.control.LONGEST = ...` before."
)
GROWS = (
    "A loop carries an array on that has grown from shape {before} to {now} in one round, to more than {largest:,} "
    "numbers. If that is meant, write `nn.models.onnx.operators.control.GROWN = ...` before."
)


class Rounds:
    """How many rounds the loops of a model have made in a call; its copies, whose nodes are the same, share it."""

    made = 0

    def __deepcopy__(self, memo):
        return self


def counted(rounds):
    """One more round of all loops."""
    rounds.made += 1
    if rounds.made > LONGEST:
        raise RuntimeError(ENDLESS.format(rounds=LONGEST))


def grown(state, before):
    """The state after a round, which may be large, but does not double each time."""
    for x, last in zip(state, before, strict=True):
        if hasattr(x, "shape") and hasattr(last, "shape") and x.size > GROWN and x.size > 1.5 * last.size:
            raise ValueError(GROWS.format(before=last.shape, now=x.shape, largest=GROWN))
    return state


def is_true(condition):
    """What a condition says; a compiled step checks whether it still says so."""
    return bool(everywhere(values(condition)))


def columns(rows, count):
    """What each round gave, stacked, for each of some results."""
    return [np.stack(column) for column in zip(*rows, strict=True)] if rows else [np.zeros(0, np.float32)] * count


@operator
def If(cond, then_branch, else_branch):
    return (then_branch if is_true(cond) else else_branch)()


@operator
def Loop(count, cond, *state, body, outputs, rounds):
    going, most = cond is None or is_true(cond), None if count is None else number(count)
    kept, i, rows = len(state), 0, []
    while going and (most is None or i < most):
        counted(rounds)
        cond, *found = body(np.array(i, np.int64), np.array(True), *state)
        going, state = is_true(cond), grown(found[:kept], state)
        rows.append(found[kept:])
        i += 1
    return (*state, *columns(rows, outputs - kept))


@operator
def Scan(
    *inputs,
    num_scan_inputs,
    body,
    scan_input_axes=None,
    scan_output_axes=None,
    scan_input_directions=None,
    scan_output_directions=None,
    directions=None,
    outputs,
    opset,
    rounds,
):
    if opset < 9:
        return scan_each(
            *inputs, num_scan_inputs=num_scan_inputs, body=body, outputs=outputs, directions=directions, rounds=rounds
        )
    kept = len(inputs) - num_scan_inputs
    state, sequences = inputs[:kept], []
    axes, back = scan_input_axes or [0] * num_scan_inputs, scan_input_directions or [0] * num_scan_inputs
    for x, axis, reverse in zip(inputs[kept:], axes, back, strict=True):
        moved = np.moveaxis(x, axis, 0)
        sequences.append(np.flip(moved, 0) if reverse else moved)
    rows = []
    for i in range(len(sequences[0])):
        counted(rounds)
        found = body(*state, *(x[i] for x in sequences))
        state = grown(found[:kept], state)
        rows.append(found[kept:])
    count = outputs - kept
    axes, back = scan_output_axes or [0] * count, scan_output_directions or [0] * count
    stacked = zip(columns(rows, count), axes, back, strict=True)
    return (*state, *(np.moveaxis(np.flip(x, 0) if reverse else x, 0, axis) for x, axis, reverse in stacked))


def scan_each(lengths, *inputs, num_scan_inputs, directions, **options):
    """As it was in opset 8: the first axis counts examples, each of which is scanned by itself."""
    given = [[x[i] for x in inputs] for i in range(len(inputs[0]))]
    if lengths is not None:
        for example, length in zip(given, np.asarray(lengths), strict=True):
            example[-num_scan_inputs:] = [x[: int(length)] for x in example[-num_scan_inputs:]]
    options |= {"num_scan_inputs": num_scan_inputs, "scan_input_directions": directions, "opset": 9}
    return tuple(np.stack(each) for each in zip(*(Scan(*example, **options) for example in given), strict=True))
