"""What a mapping of a hub dataset is, and how mappings read cells."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from string import ascii_uppercase
from typing import Any

from raycal.questions.cells import MISSING, is_missing, lookup, text_of
from raycal.questions.items import ChoiceItem, OpenItem, shuffled
from raycal.questions.literals import spelled_out
from raycal.questions.question import Kind, QuestionError

Cells = Mapping[str, Any]
CHOICE_FIRST = (Kind.CHOICE, Kind.OPEN)
OPEN = (Kind.OPEN,)
CHOICE = (Kind.CHOICE,)
LETTERS = tuple(ascii_uppercase)
CONVERTED = "refs/convert/parquet"  # the hub's own files of a dataset that has a script, which is never run
_LISTED_CHOICE = re.compile(
    r"^\(?(?P<letter>[A-Z])[.)]\s*(?P<text>.+?)\s*(?=^\(?[A-Z][.)]|\Z)", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True, kw_only=True)
class HubMapping:
    """Where a dataset is, and how a row of it becomes an item; nested columns are dotted.

    columns: those that it must have; of a tuple, any: copies of a dataset spell their names otherwise.
    """

    path: str
    config: str | None = None
    split: str
    revision: str | None = None  # of the hub's repository
    kinds: tuple[Kind, ...]  # those it can be asked as, its usual one first
    columns: tuple[str | tuple[str, ...], ...]
    optional: tuple[str, ...] = ()  # columns that it may have
    read: Callable[[Cells], ChoiceItem | OpenItem]
    few_shot: str | None = None  # a split whose rows are shown as examples

    @property
    def read_columns(self) -> tuple[str, ...]:
        """All columns that `read` may look at."""
        names = [(column,) if isinstance(column, str) else column for column in self.columns]
        return (*(name for group in names for name in group), *self.optional)


def text(row: Cells, *columns: str) -> str:
    """The text of the first of some columns that the row has. QuestionError where it is missing."""
    cells = (lookup(row, column) for column in columns)
    return text_of(next((cell for cell in cells if cell is not MISSING), None))


def optional_text(row: Cells, column: str) -> str:
    """The text of a column; empty where there is none."""
    cell = lookup(row, column)
    return "" if is_missing(cell) else text_of(cell)


def texts(row: Cells, column: str) -> tuple[str, ...]:
    """The texts of a column of lists, or of texts that spell lists. QuestionError where it is missing, or no list."""
    cell = spelled_out(lookup(row, column))
    if cell is MISSING or cell is None:
        raise QuestionError(f"the column {column!r} is missing")
    if not isinstance(cell, list):
        raise QuestionError(f"the column {column!r} holds no list: {text_of(cell)!r}")
    return tuple(text_of(element) for element in cell)


def identified(row: Cells, column: str) -> dict[str, str]:
    """A row's id as metadata; empty where it has none."""
    given = optional_text(row, column)
    return {"id": given} if given else {}


def position(answer: str, labels: Sequence[str]) -> int:
    """Which of some labels an answer is, from 0. QuestionError where it is none, or where it is several."""
    if labels.count(answer) != 1:
        raise QuestionError(f"the answer {answer!r} is not one of {', '.join(labels)}")
    return labels.index(answer)


def checked(choices: Sequence[str], right: int, answer: str) -> int:
    """The position of the right choice, where a second column agrees with it: the choice's text."""
    if right >= len(choices) or choices[right] != answer:
        raise QuestionError(f"the answer {answer!r} is not the choice at position {right} of {list(choices)}")
    return right


def right_among(question: str, right: str, wrong: Sequence[str], **fields: Any) -> ChoiceItem:
    """The right answer among wrong ones in an order by hash, for datasets that name it first or apart."""
    choices = shuffled(question, (right, *wrong))
    return ChoiceItem(question=question, choices=choices, right=choices.index(right), **fields)


def behind(passage: str, question: str) -> str:
    """A question behind the passage that it asks about."""
    return f"{passage}\n\n{question}"


def with_listed_choices(question: str, heading: str, answer: str, **fields: Any) -> ChoiceItem | OpenItem:
    """A question whose choices stand in its text, behind a heading and with letters, of which the answer is one.

    An open one where there are no such choices, or where the answer is none of their letters.
    """
    stem, _, listing = question.rpartition(heading)
    listed = list(_LISTED_CHOICE.finditer(listing))
    letters = [choice["letter"] for choice in listed]
    letter = answer.strip("().")
    if not stem.strip() or letter not in letters or tuple(letters) != (LETTERS[: len(letters)]):
        return OpenItem(question=question, answers=(answer,), **fields)
    choices = tuple(choice["text"] for choice in listed)
    return ChoiceItem(question=stem.strip(), choices=choices, right=letters.index(letter), **fields)
