"""Training data: graded answers as tokens, and the batches that each step learns from."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from raycal.config.engine import PromptStyle
from raycal.errors import RaycalError
from raycal.models.prompts import CORRECTNESS_PROMPTS, Conversation, Wording, render
from raycal.store.atomic import atomic_file
from raycal.store.locations import Location, readable


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


_SCHEMA = pa.schema(
    [
        ("answer_key", pa.string()),
        ("tokens", pa.list_(pa.int32())),
        ("answer_start", pa.int32()),
        ("answer_end", pa.int32()),
        ("correct", pa.bool_()),
    ]
)


class ExampleError(RaycalError, ValueError):
    """An answer cannot be found again in its own prompt; the message names it."""


@dataclass(frozen=True)
class QueryExample:
    """The query whether an answer is correct, as tokens, and whether it is.

    The model continues `tokens` with one of the two choices. The answer is tokens[answer_start:answer_end].
    """

    answer_key: str
    tokens: Sequence[int]
    answer_start: int
    answer_end: int
    correct: bool

    @property
    def answer_positions(self) -> range:
        """The positions whose next token belongs to the answer or ends it."""
        return range(self.answer_start - 1, self.answer_end)

    @property
    def unasked(self) -> QueryExample:
        """The question and the answer alone, without the query that follows."""
        return replace(self, tokens=self.tokens[: self.answer_end])


@dataclass(frozen=True)
class Examples:
    """A split's examples, in the order of their keys."""

    examples: tuple[QueryExample, ...]

    def __len__(self) -> int:
        return len(self.examples)

    @cached_property
    def lengths(self) -> list[int]:
        """Tokens of each."""
        return [len(example.tokens) for example in self.examples]

    def write(self, path: Location) -> None:
        """Write the examples as one Parquet file, whole or not at all."""
        with atomic_file(path) as aside:
            pq.write_table(pa.Table.from_pylist([vars(example) for example in self.examples], schema=_SCHEMA), aside)

    @classmethod
    def read(cls, path: Location) -> Examples:
        """Read what `write` wrote."""
        return cls(tuple(QueryExample(**row) for row in pq.read_table(readable(path), partitioning=None).to_pylist()))

    @classmethod
    def of(cls, examples: Iterable[QueryExample]) -> Examples:
        """Put examples in order."""
        return cls(tuple(sorted(examples, key=lambda example: example.answer_key)))


def tokenize(
    answer_key: str,
    asked: Conversation,
    answer: str,
    correct: bool,
    *,
    tokenizer: Any,
    style: PromptStyle,
    wording: Wording = Wording.CHOICES,
) -> QueryExample:
    """The example of one graded answer. Raises ExampleError where the answer's tokens are not where they should be."""
    tokens = render(CORRECTNESS_PROMPTS[wording].put(asked, answer), tokenizer, style)
    before = render(asked, tokenizer, style)
    start = _common_prefix(tokens, before)
    wanted = answer.strip()
    end = start
    while end < len(tokens) and len(tokenizer.decode(tokens[start:end]).strip()) < len(wanted):
        end += 1
    if wanted not in tokenizer.decode(tokens[start:end]):
        raise ExampleError(f"the answer {answer!r} (key {answer_key}) is not found in its own prompt")
    return QueryExample(answer_key, tokens, start, end, correct)


def _common_prefix(one: Sequence[int], other: Sequence[int]) -> int:
    return next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
