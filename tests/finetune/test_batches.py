"""Steps depend on the seed alone; how they are cut changes nothing but who does what."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from raycal.finetuning.data import epoch_batches, micro_batches, steps_an_epoch


@given(n=st.integers(1, 60), size=st.integers(1, 20), seed=st.integers(0, 5), epoch=st.integers(0, 3))
def test_an_epoch_shows_every_example_once(n: int, size: int, seed: int, epoch: int) -> None:
    batches = list(epoch_batches(n, size, seed=seed, epoch=epoch))
    assert len(batches) == steps_an_epoch(n, size)
    assert sorted(index for batch in batches for index in batch) == list(range(n))
    assert all(len(batch) == size for batch in batches[:-1])
    assert batches == list(epoch_batches(n, size, seed=seed, epoch=epoch))


def test_seeds_and_epochs_differ() -> None:
    orders = [tuple(next(epoch_batches(50, 50, seed=seed, epoch=epoch))) for seed in (0, 1) for epoch in (0, 1)]
    assert len(set(orders)) == 4


@given(
    lengths=st.lists(st.integers(1, 100), min_size=1, max_size=40),
    max_tokens=st.integers(1, 500),
    workers=st.integers(1, 5),
)
def test_a_step_is_cut_for_workers_in_lockstep(lengths: list[int], max_tokens: int, workers: int) -> None:
    cut = micro_batches(range(len(lengths)), lengths, max_tokens=max_tokens, workers=workers)
    assert len(cut) == workers
    assert len({len(batches) for batches in cut}) == 1
    counted = [index for batches in cut for batch in batches if batch.counts for index in batch.indices]
    assert sorted(counted) == list(range(len(lengths)))
    for batch in (batch for batches in cut for batch in batches):
        padded = max(lengths[index] for index in batch.indices) * len(batch.indices)
        assert padded <= max_tokens or len(batch.indices) == 1


def test_micro_batches_are_no_more_than_fit_and_of_equal_size() -> None:
    (cut,) = micro_batches(range(32), [91] * 32, max_tokens=2048, workers=1)
    assert [len(batch.indices) for batch in cut] == [16, 16]
    (cut,) = micro_batches(range(3), [90, 10, 10], max_tokens=50, workers=1)  # one that is too long
    assert [batch.indices for batch in cut] == [(0,), (1, 2)]
