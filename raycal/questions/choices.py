"""The right choices of a row: named by text, label, letter, position or mask, as the whole file names them."""

from __future__ import annotations

import re
import string
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from raycal.questions.cells import MISSING, is_missing, lookup, text_of
from raycal.questions.literals import spelled_out
from raycal.questions.question import QuestionError
from raycal.questions.rows import Rows

_POSITION = re.compile(r"([0-9]{1,9})(?:\.0+)?")  # more digits than any has; data frames write 2.0 beside a missing one
_FEW = 2  # rows in which the first choice may happen to be the right one
_MASK = frozenset({"0", "1"})
_LABEL_COLUMNS = ("label", "labels")
_TRUTHS = {"yes": ("yes", "true"), "true": ("yes", "true"), "no": ("no", "false"), "false": ("no", "false")}


@dataclass(frozen=True)
class NamedChoices:
    """A row's choices, each with its label where the file has labels, and the cell that names the right ones."""

    answer: Any
    choices: tuple[str, ...]
    labels: tuple[str, ...] = ()

    @classmethod
    def of(cls, values: Mapping[str, Any], columns: str | Sequence[str], answers: str) -> NamedChoices:
        """Those of a row: from one column of lists, or a column a choice. QuestionError where there are none.

        Labels are a list beside the choices, in one object with them: choices.label of choices.text.
        """
        if isinstance(columns, str):
            cells = spelled_out(lookup(values, columns))
            if not isinstance(cells, list) or not cells:
                raise QuestionError(f"{columns!r} holds no list of choices")
        else:
            cells = [lookup(values, column) for column in columns]
        # A wide file has blank cells after the last choice. One in between would move the positions that answers name.
        while cells and is_missing(cells[-1]):
            cells = cells[:-1]
        if len(cells) < 2 or any(is_missing(cell) for cell in cells):
            raise QuestionError("a choice question needs at least two choices, and none of them blank")
        answer = lookup(values, answers)
        if is_missing(answer):
            raise QuestionError(f"the column {answers!r} is missing or empty")
        choices = tuple(text_of(cell) for cell in cells)
        return cls(answer, choices, _labels(values, columns, answers, len(choices)) if isinstance(columns, str) else ())

    def right(self, counted_from: Sequence[int] = (0,), separator: str | None = None) -> tuple[str, ...]:
        """The right choices' texts; each may be given as its label, its text, its letter or its position.

        counted_from: from which numbers the file may count. A list of 0 and 1 as long as the choices marks the right
        ones. Where the readings disagree ("2" among the choices 1, 2, 3, 4 is the second by its text and the third from
        0) the row is refused, because a guess would be a wrong label; and so it is where it names no right choice.
        """
        parts = self._parts(separator)
        if not parts:
            raise QuestionError("the row names no right choice")
        if self._is_mask(parts):
            return self._marked(parts)
        return tuple(dict.fromkeys(self._right(part, counted_from) for part in parts))

    def positions(self, separator: str | None = None) -> tuple[set[int], bool]:
        """The numbers that can only be positions, and whether a choice is named by what can only be its text."""
        parts = self._parts(separator)
        if self._is_mask(parts):
            return set(), False
        texts = {text_of(part) for part in parts if not isinstance(part, bool)}
        in_range = {text: number for text in texts if (number := self._number(text)) is not None}
        others = in_range.keys() - {*self.choices, *self.labels}
        return {in_range[text] for text in others}, not in_range.keys() >= texts.intersection(self.choices)

    def _number(self, text: str) -> int | None:
        """The number that a text is, where it may be a position from 0 or from 1."""
        position = _POSITION.fullmatch(text)
        return int(position[1]) if position and int(position[1]) <= len(self.choices) else None

    def _parts(self, separator: str | None) -> list[Any]:
        answer = self.answer
        if isinstance(answer, str) and answer.strip() not in (*self.choices, *self.labels):
            answer = spelled_out(answer)
        if isinstance(answer, str) and separator is not None:
            return [part for part in answer.split(separator) if part.strip()]
        return list(answer) if isinstance(answer, list) else [answer]

    def _is_mask(self, parts: Sequence[Any]) -> bool:
        """Whether a list has a 0 or 1 for every choice, or for others than there are; [0, 1] may be two positions."""
        if len(parts) < 2 or not (_are_booleans(parts) or {text_of(part) for part in parts} <= _MASK):
            return False
        return len(parts) == len(self.choices) or len(parts) > 2 or parts[0] == parts[1]

    def _marked(self, mask: Sequence[Any]) -> tuple[str, ...]:
        marks = [text_of(part) for part in mask]
        if not _are_booleans(mask) and {*marks} & {*self.choices, *self.labels}:
            raise QuestionError(f"the answer {list(mask)} may mark choices or name them: give the right one's text")
        if len(mask) != len(self.choices):
            raise QuestionError(f"the answer marks {len(mask)} choices, but there are {len(self.choices)}")
        marked = [choice for choice, mark in zip(self.choices, marks, strict=True) if mark in {"1", "yes"}]
        if not marked:
            raise QuestionError("the row marks no choice as right")
        return tuple(dict.fromkeys(marked))

    def _right(self, part: Any, counted_from: Sequence[int]) -> str:
        text = text_of(part)
        if self.labels.count(text) == 1:
            return self.choices[self.labels.index(text)]
        named = self._by_text(part, text)
        number = self._number(text)
        places = [number - first for first in counted_from] if number is not None else _place_of_letter(text)
        placed = {self.choices[place] for place in places if 0 <= place < len(self.choices)}
        if number is not None and placed and not named and len(counted_from) > 1:
            raise QuestionError(
                f"the answer {text!r} is a position, and the file does not show whether it counts from 0 or from 1: "
                "set positions_from to 0 or 1"
            )
        if len(named | placed) == 1:
            return (named | placed).pop()
        if named | placed:
            raise QuestionError(f"the answer {text!r} is a choice's text as well as the position of another choice")
        raise QuestionError(
            f"the answer {text!r} is neither a text, a letter nor an index of the choices {list(self.choices)}"
        )

    def _by_text(self, part: Any, text: str) -> set[str]:
        """The choices that are spelled so; of a boolean, which CSV has as a text, those that mean the same."""
        if not isinstance(part, bool):
            if text in self.choices:
                return {text}
            if text.lower() not in {"true", "false"}:
                return set()
        return {choice for choice in self.choices if choice.lower() in _TRUTHS[text.lower()]}


def _labels(values: Mapping[str, Any], column: str, answers: str, count: int) -> tuple[str, ...]:
    """The labels beside a column of choices; none where there are none, or where they do not tell choices apart."""
    parent, dot, _ = column.rpartition(".")
    for name in _LABEL_COLUMNS:
        labels = spelled_out(lookup(values, f"{parent}.{name}")) if dot and f"{parent}.{name}" != answers else MISSING
        if isinstance(labels, list) and len(labels) >= count:
            texts = tuple(text_of(label) for label in labels[:count])
            return texts if len(set(texts)) == count and set(texts) != _MASK else ()
    return ()


def _are_booleans(parts: Sequence[Any]) -> bool:
    return all(isinstance(part, bool) for part in parts)


def _place_of_letter(text: str) -> list[int]:
    letter = text.upper()
    return [string.ascii_uppercase.index(letter)] if len(letter) == 1 and letter in string.ascii_uppercase else []


def first_positions(
    rows: Rows, columns: str | Sequence[str], answers: str, *, separator: str | None = None, stated: int | None = None
) -> tuple[int, ...]:
    """From which numbers a dataset counts positions, by all of its rows: 0 or 1, both where that is open, else none.

    stated: what the user says it is; no row is read then.

    A position 0 counts from 0, one that is the number of the choices from 1. It stays open where the file has both or
    neither, unless it names more choices by what can only be their texts: a few numbers are no positions then.
    """
    if stated is not None:
        return (stated,)
    has_zero = has_last = False
    by_number = by_text = 0
    for row in rows:
        try:
            named = NamedChoices.of(row.cells(), columns, answers)
            numbers, names_text = named.positions(separator)
        except QuestionError:
            continue  # the row is refused, with the reason, when it is read
        has_zero |= 0 in numbers
        has_last |= len(named.choices) in numbers
        by_number += bool(numbers)
        by_text += names_text
    if has_zero != has_last:
        return (0,) if has_zero else (1,)
    return (0, 1) if by_number >= by_text else ()


@dataclass
class AlwaysFirst:
    """Whether the right choice has been the first of every row: a model that prefers the first would look right."""

    rows: int = 0
    first: int = 0

    def add(self, choices: Sequence[str], right: Collection[str]) -> None:
        """Count a row; an open question, without choices, has no first one."""
        self.rows += 1
        self.first += bool(choices) and choices[0] in right

    def notes(self, where: str) -> tuple[str, ...]:
        """A sentence about a file where it is so."""
        if self.rows < _FEW or self.first < self.rows:
            return ()
        return (
            f"{where}: the right choice is the first of all {self.rows:,} rows, so that a model that prefers the first "
            "looks right: shuffle the choices",
        )
