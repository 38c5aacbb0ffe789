"""Anybody's scored answers: a file with a column of confidences and one of correctness."""

from __future__ import annotations

import math
from array import array
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raycal.analysis.graded_cells import confidence_of, verdict_of
from raycal.errors import RaycalError
from raycal.metrics import Floats, Groups
from raycal.questions.cells import MISSING, is_missing, lookup, text_of
from raycal.questions.question import QuestionError
from raycal.questions.readers import open_rows
from raycal.questions.rows import QuestionSourceError, Unreadable

_NO_GROUP = "(none)"
_UNGRADED = -1


class ScoredFileError(RaycalError, ValueError):
    """A file of scored answers that cannot be used; the message says what is wrong, where, and what to do."""


@dataclass(frozen=True, eq=False)
class ScoredRows:
    """A file's rows: confidence (n,), NaN where missing; correct (n,), 1, 0, or -1 where ungraded."""

    confidence: Floats
    correct: NDArray[np.int8]
    groups: Groups | None

    @property
    def graded(self) -> NDArray[np.bool_]:
        """(n,) whether a row says that it is correct or wrong."""
        return self.correct >= 0

    @property
    def used(self) -> NDArray[np.bool_]:
        """(n,) whether a row is graded and has a confidence."""
        used: NDArray[np.bool_] = self.graded & ~np.isnan(self.confidence)
        return used


def read_scored(path: Path, *, confidence: str, correct: str, group: str | None = None) -> ScoredRows:
    """Read a file's rows by the names of their columns, of any format that `open_rows` knows.

    The `confidence` column holds numbers in [0, 1]; an empty one, null or NaN is missing. The `correct` column holds
    true/false, yes/no or 1/0, in any case; a row where it is empty is ungraded. Rows without a group form the group
    "(none)". Confidences that all are numbers of single or half precision are read as what they were before that.

    Raises ScoredFileError for a file that is missing, empty, of an unknown format or malformed, a column that it does
    not have, and the first row whose confidence or correctness cannot be understood.
    """
    try:
        file = open_rows(path)
        rows = _Rows(confidence, correct, group)
        late = {column for column in (confidence, correct, group) if column is not None} - file.columns
        for number, row in enumerate(file.rows, 1):
            if isinstance(row, Unreadable):
                raise ScoredFileError(f"{path}, line {row.number}: {row.error}")
            late = {column for column in late if lookup(row.values, column) is MISSING}
            try:
                rows.add(row.values)
            except QuestionError as error:
                raise ScoredFileError(f"{path}, data row {number}: {error}") from error
        for column in sorted(late):
            file.check_column(column)
    except QuestionSourceError as error:
        raise ScoredFileError(str(error)) from error
    return rows.scored()


class _Rows:
    """Rows as they are read, in nine bytes each, and eight where they have groups."""

    def __init__(self, confidence: str, correct: str, group: str | None) -> None:
        self._columns = (confidence, correct, group)
        self._p, self._verdicts, self._codes = array("d"), array("b"), array("q")
        self._groups: dict[str, int] = {}

    def add(self, values: Mapping[str, Any]) -> None:
        """Raises QuestionError for a cell that cannot be understood."""
        confidence, correct, group = self._columns
        p, verdict = confidence_of(lookup(values, confidence), confidence), verdict_of(lookup(values, correct), correct)
        if group is not None:
            cell = lookup(values, group)
            name = _NO_GROUP if is_missing(cell) else text_of(cell)
            self._codes.append(self._groups.setdefault(name, len(self._groups)))
        self._p.append(math.nan if p is None else p)
        self._verdicts.append(_UNGRADED if verdict is None else verdict)

    def scored(self) -> ScoredRows:
        """What was added."""
        groups = None
        if self._groups:
            names, ranks = np.unique(list(self._groups), return_inverse=True)
            groups = Groups(tuple(str(name) for name in names), ranks[np.asarray(self._codes)])
        return ScoredRows(_unrounded(np.asarray(self._p)), np.asarray(self._verdicts, dtype=np.int8), groups)


def _unrounded(p: Floats) -> Floats:
    """Confidences (n,) that went through reduced precision as the decimals that they were, so that edges are edges.

    Half precision has so few digits that other numbers survive it too, such as shares of 64: of those that do, only the
    ones that are a rounded 0.9 or 0.95 are taken for it.
    """
    given = p[~np.isnan(p)]
    if np.array_equal(given, given.astype(np.float16)):
        decimals = _shortest(p, np.float16)
        return np.where(np.round(decimals, 2) == decimals, decimals, p)
    return _shortest(p, np.float32) if np.array_equal(given, given.astype(np.float32)) else p


def _shortest(p: Floats, precision: type[np.floating[Any]]) -> Floats:
    """The shortest decimals that are (n,) numbers in a precision."""
    return p.astype(precision).astype(np.str_).astype(np.float64)
