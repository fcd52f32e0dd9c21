"""Dealing: which rows each part of each batch takes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nn.cluster.deal import Deal, trips

SIZES = st.lists(st.integers(1, 12), min_size=1, max_size=8)


@given(SIZES, st.integers(1, 6), st.integers(0, 20), st.integers(0, 3))
def test_an_epoch_takes_each_row_once_in_whole_batches(sizes, parts, more, epoch):
    deal = Deal(sizes, parts, parts + more, seed=5)
    taken = []
    for batch in range(len(deal)):
        jobs = deal.jobs(epoch, batch)
        assert sum(job.rows for job in jobs) == deal.size(batch)
        assert [job.part for job in jobs] == sorted({job.part for job in jobs})
        for job in jobs:
            assert job.rows <= deal.shares[job.part]
            taken += [(cut.shard, row) for cut in job.cuts for row in range(cut.start, cut.stop)]
            assert all(cut.start < cut.stop <= cut.end <= sizes[cut.shard] for cut in job.cuts)
    assert sorted(taken) == [(shard, row) for shard, size in enumerate(sizes) for row in range(size)]
    assert all(deal.size(batch) == deal.batch_size for batch in range(len(deal) - 1))


def test_the_seed_and_the_epoch_decide():
    def of(seed, epoch):
        return Deal([4] * 8, 4, 8, seed).jobs(epoch, 0)

    assert of(0, 0) == of(0, 0)
    assert of(0, 0) != of(0, 1)
    assert of(0, 0) != of(1, 0)


def test_whole_shards_stay_with_one_part_where_they_can():
    deal = Deal([8] * 4, 4, 8, seed=0)
    shards = [{cut.shard for batch in range(4) for cut in deal.jobs(0, batch)[part].cuts} for part in range(4)]
    assert sorted(len(some) for some in shards) == [1, 1, 1, 1]


def test_the_last_batch_is_filled_part_by_part_with_no_row_alone():
    assert [job.rows for job in Deal([17], 4, 12, 0).jobs(0, 1)] == [3, 2]
    assert [job.rows for job in Deal([16], 4, 12, 0).jobs(0, 1)] == [2, 2]
    assert [job.rows for job in Deal([13], 4, 12, 0).jobs(0, 1)] == [1]


def test_a_trip_has_a_parts_rows_of_several_batches():
    deal = Deal([9], 2, 4, 0)
    found = trips([(batch, deal.jobs(0, batch)) for batch in range(3)])
    assert [(trip.part, trip.rows, [batch for batch, _ in trip.jobs]) for trip in found] == [
        (0, 5, [0, 1, 2]), (1, 4, [0, 1]),
    ]  # fmt: skip


def test_a_batch_has_a_row_for_each_part():
    with pytest.raises(ValueError, match="batch_size=4"):
        Deal([10], 8, 4, 0)
