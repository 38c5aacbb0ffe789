"""Graded answers as tokens: the uncertainty query about each, ready for a forward pass."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from raycal.config import PromptStyle, Wording
from raycal.location import Location, readable
from raycal.prompts import Conversation, correctness_prompt, render
from raycal.whole_file import whole_file

_SCHEMA = pa.schema(
    [
        ("answer_key", pa.string()),
        ("tokens", pa.list_(pa.int32())),
        ("answer_start", pa.int32()),
        ("answer_end", pa.int32()),
        ("correct", pa.bool_()),
    ]
)


class ExampleError(ValueError):
    """An answer cannot be found again in its own prompt; the message names it."""


@dataclass(frozen=True)
class Example:
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
    def unasked(self) -> Example:
        """The question and the answer alone, without the query that follows."""
        return replace(self, tokens=self.tokens[: self.answer_end])


@dataclass(frozen=True)
class Examples:
    """A split's examples, in the order of their keys."""

    examples: tuple[Example, ...]

    def __len__(self) -> int:
        return len(self.examples)

    @cached_property
    def lengths(self) -> list[int]:
        """Tokens of each."""
        return [len(example.tokens) for example in self.examples]

    def write(self, path: Location) -> None:
        """Write the examples as one Parquet file, whole or not at all."""
        with whole_file(path) as aside:
            pq.write_table(pa.Table.from_pylist([vars(example) for example in self.examples], schema=_SCHEMA), aside)

    @classmethod
    def read(cls, path: Location) -> Examples:
        """Read what `write` wrote."""
        return cls(tuple(Example(**row) for row in pq.read_table(readable(path)).to_pylist()))

    @classmethod
    def of(cls, examples: Iterable[Example]) -> Examples:
        """Put examples in order."""
        return cls(tuple(sorted(examples, key=lambda example: example.answer_key)))


def tokenise(
    answer_key: str,
    asked: Conversation,
    answer: str,
    correct: bool,
    *,
    tokenizer: Any,
    style: PromptStyle,
    wording: Wording = Wording.CHOICES,
) -> Example:
    """The example of one graded answer. Raises ExampleError where the answer's tokens are not where they should be."""
    tokens = render(correctness_prompt(asked, answer, wording), tokenizer, style)
    before = render(asked, tokenizer, style)
    start = _common_prefix(tokens, before)
    wanted = answer.strip()
    end = start
    while end < len(tokens) and len(tokenizer.decode(tokens[start:end]).strip()) < len(wanted):
        end += 1
    if wanted not in tokenizer.decode(tokens[start:end]):
        raise ExampleError(f"the answer {answer!r} (key {answer_key}) is not found in its own prompt")
    return Example(answer_key, tokens, start, end, correct)


def _common_prefix(one: Sequence[int], other: Sequence[int]) -> int:
    return next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
