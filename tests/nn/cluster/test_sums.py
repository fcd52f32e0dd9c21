"""Sums in one order, whoever adds up what."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from nn.cluster.sums import collapse, middle, total


def nodes_of(parts):
    return {(part, part + 1): [np.random.default_rng(part).standard_normal(5, np.float32), None] for part in parts}


@given(st.integers(1, 20), st.randoms(use_true_random=False))
def test_any_share_of_the_parts_gives_the_same_bits(parts, random):
    present = sorted(random.sample(range(parts), random.randint(1, parts)))
    expected, nothing = total(nodes_of(present), present, parts)
    assert nothing is None
    owner = {part: random.randint(0, 3) for part in present}
    merged = {}
    for worker in range(4):
        mine = [part for part in present if owner[part] == worker]
        random.shuffle(mine)
        nodes = {}
        for part in mine:
            nodes |= nodes_of([part])
            collapse(nodes, present, 0, parts)
        merged |= nodes
    found, _ = total(merged, present, parts)
    assert found.tobytes() == expected.tobytes()
    assert np.allclose(found, sum(vector for vector, _ in nodes_of(present).values()), atol=1e-5)


def test_a_worker_with_neighbouring_parts_sends_one_vector():
    nodes = nodes_of(range(4))
    collapse(nodes, range(8), 0, 8)
    assert list(nodes) == [(0, 4)]


def test_a_range_divides_at_a_power_of_two():
    assert [middle(0, n) for n in (2, 3, 4, 5, 8, 9)] == [1, 2, 2, 4, 4, 8]


def test_arrays_that_cannot_be_written_into_are_left():
    nodes = nodes_of(range(2))
    first = nodes[0, 1][0]
    first.flags.writeable = False
    before = first.copy()
    total(nodes, range(2), 2)
    assert np.array_equal(first, before)
