"""Which examples make up each step, and how a step is cut for the workers.

What a step learns from depends on the seed alone. How it is cut depends on lengths, the token budget and the number of
workers, and changes the sum of its gradients by rounding only.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class MicroBatch:
    """What one worker puts through one forward pass; `counts` is false for filling that keeps workers in lockstep."""

    indices: tuple[int, ...]
    counts: bool


def epoch_batches(n: int, batch_size: int, *, seed: int, epoch: int) -> Iterator[list[int]]:
    """The examples 0 ... n - 1 in an order of the seed and the epoch, `batch_size` a step; the last may be smaller."""
    order = np.random.default_rng([seed, epoch]).permutation(n)
    for start in range(0, n, batch_size):
        yield order[start : start + batch_size].tolist()


def steps_an_epoch(n: int, batch_size: int) -> int:
    """How many steps `epoch_batches` makes."""
    return -(-n // batch_size)


def micro_batches(
    indices: Sequence[int], lengths: Sequence[int], *, max_tokens: int, workers: int
) -> list[list[MicroBatch]]:
    """Cut a step: for each worker its micro-batches, of at most `max_tokens` tokens with padding, equally many for all.

    Examples of similar length stand together, dealt out so that the workers get equal work. A worker's micro-batches
    are as few as `max_tokens` allows, and of those cuts the one whose largest is smallest: it decides the memory. An
    example that is longer than `max_tokens` stands alone.
    """
    by_length = sorted(indices, key=lambda index: (-lengths[index], index))
    packed = [_pack_evenly(by_length[worker::workers], lengths, max_tokens) for worker in range(workers)]
    most = max(map(len, packed))
    filling = MicroBatch((by_length[-1],), counts=False)
    return [batches + [filling] * (most - len(batches)) for batches in packed]


def _pack_evenly(by_length: Sequence[int], lengths: Sequence[int], max_tokens: int) -> list[MicroBatch]:
    fewest = len(_pack(by_length, lengths, max_tokens))
    smallest = bisect_left(range(max_tokens), -fewest, key=lambda budget: -len(_pack(by_length, lengths, budget)))
    return _pack(by_length, lengths, smallest)


def _pack(by_length: Sequence[int], lengths: Sequence[int], max_tokens: int) -> list[MicroBatch]:
    packed: list[MicroBatch] = []
    current: list[int] = []
    for index in by_length:  # the first of a micro-batch is its longest
        if current and lengths[current[0]] * (len(current) + 1) > max_tokens:
            packed.append(MicroBatch(tuple(current), counts=True))
            current = []
        current.append(index)
    if current:
        packed.append(MicroBatch(tuple(current), counts=True))
    return packed
