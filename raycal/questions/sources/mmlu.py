"""MMLU's folder of CSV files (Hendrycks et al. 2021, arXiv 2009.03300)."""

from __future__ import annotations

import string
from collections.abc import Iterator, Sequence
from itertools import chain, islice, zip_longest
from pathlib import Path
from typing import Literal

from pydantic import Field

from raycal.questions.csv_rows import read_cells
from raycal.questions.items import ChoiceItem
from raycal.questions.question import Kind, Question, QuestionError, Split, split_of
from raycal.questions.rows import Attempt, QuestionSourceError, Unreadable
from raycal.questions.sources.base import SOURCES, QuestionSource
from raycal.store.locations import expand_home
from raycal.text.suggest import nearest

DATASET = "mmlu"
_CELLS = 6  # question, four choices, answer


@SOURCES.register("mmlu")
class Mmlu(QuestionSource):
    """MMLU's folder of CSV files: dev/ as few-shot examples, test/ asked; with or without a header."""

    source: Literal["mmlu"]
    path: Path
    kind: Kind = Kind.CHOICE
    subjects: tuple[str, ...] = ()  # empty: all of them
    limit: int | None = Field(None, ge=1)

    def attempts(self) -> Iterator[Attempt]:
        """See QuestionSource, and `load`."""
        return load(self)

    def files(self) -> Sequence[Path]:
        """See QuestionSource."""
        return sorted(expand_home(self.path).glob("*/*.csv"))


def load(source: Mmlu) -> Iterator[Attempt]:
    """First every subject's dev/ rows as few-shot questions, then test/ rows to be asked.

    Reads the original files (no header, answers A-D) and those with a header and answers 0-3; the subject is the
    file's name. Test rows come in turn from every subject, so that a `limit` (of test rows, left-out ones among them)
    is spread over subjects. Asked open-ended, the right choice's text is the accepted answer, and a question that makes
    no sense without its choices (`needs_choices`) becomes a BadRow.
    QuestionSourceError for a missing folder, an unknown subject, or a file that is empty or of another shape.
    """
    folder = expand_home(source.path)
    tests = _files(folder, "test")
    if not tests:
        raise QuestionSourceError(
            f"{source.path} has no test/*_test.csv: `path` must be MMLU's folder of dev/ and test/"
        )
    for subject in source.subjects:
        if subject not in tests:
            raise QuestionSourceError(f"{source.path} has no subject {subject!r}: {nearest(subject, tests)}")
    subjects = sorted(source.subjects or tests)
    devs = _files(folder, "dev")
    for path in (
        *(tests[subject] for subject in subjects),
        *(devs[subject] for subject in subjects if subject in devs),
    ):
        _check(path)
    few_shot = (
        _attempts(source.kind, subject, devs[subject], Split.FEW_SHOT) for subject in subjects if subject in devs
    )
    asked = _in_turn([_attempts(source.kind, subject, tests[subject]) for subject in subjects])
    return chain(chain.from_iterable(few_shot), islice(asked, source.limit))


def _files(folder: Path, part: str) -> dict[str, Path]:
    suffix = f"_{part}"
    return {path.stem.removesuffix(suffix): path for path in sorted((folder / part).glob(f"*{suffix}.csv"))}


def _check(path: Path) -> None:
    first = next(_records(path), None)
    if first is None:
        raise QuestionSourceError(f"{path} holds no questions: fetch it again, or take its subject out")
    if isinstance(first, Unreadable) or len(first[1]) != _CELLS:
        raise QuestionSourceError(f"{path} is no MMLU file: a row must be a question, four choices and the answer")


def _records(path: Path) -> Iterator[tuple[int, list[str]] | Unreadable]:
    """The file's rows, without the header where there is one."""
    records = read_cells(path)
    first = next(records, None)
    if first is None:
        return
    if isinstance(first, Unreadable) or first[1][0].strip().lower() != "question":
        yield first
    yield from records


def _attempts(kind: Kind, subject: str, path: Path, split: Split | None = None) -> Iterator[Attempt]:
    for record in _records(path):
        outcome: Question | QuestionError
        number, raw = (record.number, record.raw) if isinstance(record, Unreadable) else (record[0], record[1])
        try:
            if isinstance(record, Unreadable):
                raise QuestionError(record.error)
            item = _item(record[1], subject)
            outcome = item.ask(kind, dataset=DATASET, split=split or split_of(item.question))
        except QuestionError as error:
            outcome = error
        location = f"{path.parent.name}/{path.name}:{number}"
        yield Attempt(dataset=DATASET, location=location, raw=raw, outcome=outcome)


def _item(cells: Sequence[str], subject: str) -> ChoiceItem:
    if len(cells) != _CELLS:
        raise QuestionError(f"the row has {len(cells)} cells, not a question, four choices and the answer")
    question, *choices, answer = (cell.strip() for cell in cells)
    if len(answer) != 1 or answer.upper() not in "0123ABCD":
        raise QuestionError(f"the answer {answer!r} is none of A, B, C, D and none of 0, 1, 2, 3")
    right = int(answer) if answer.isdecimal() else string.ascii_uppercase.index(answer.upper())
    return ChoiceItem(question=question, choices=tuple(choices), right=right, subject=subject)


def _in_turn(iterators: Sequence[Iterator[Attempt]]) -> Iterator[Attempt]:
    for turn in zip_longest(*iterators):
        yield from (attempt for attempt in turn if attempt is not None)
