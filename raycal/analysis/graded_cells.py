"""Confidences and verdicts, as the cells of anybody's file have them."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

from raycal.questions.cells import is_missing, text_of
from raycal.questions.question import QuestionError

_VERDICTS = dict.fromkeys(("true", "yes", "1", "1.0"), True) | dict.fromkeys(("false", "no", "0", "0.0"), False)
_BLANK = frozenset({"", "nan", "null", "none"})


def confidence_of(cell: Any, column: str) -> float | None:
    """A cell as a number from 0 to 1; None where there is none. QuestionError for anything else.

    >>> confidence_of("0.25", "p"), confidence_of("NaN", "p")
    (0.25, None)
    """
    number = _number(cell)
    if 0 <= number <= 1:
        return number
    if _word(cell) in _BLANK:
        return None
    raise _refused(cell, column, "a number from 0 to 1 (divide percentages by 100) or empty")


def _number(cell: Any) -> float:
    """A cell as a number, NaN where it is none."""
    if isinstance(cell, bool) or not isinstance(cell, str | float | int | Decimal):
        return math.nan
    try:
        return math.nan if isinstance(cell, str) and "_" in cell else float(cell)
    except (ValueError, OverflowError):
        return math.nan


def verdict_of(cell: Any, column: str) -> bool | None:
    """Whether a cell says that an answer is correct; None where it is empty. QuestionError for anything else."""
    word = _word(cell)
    if word not in _VERDICTS and word not in _BLANK:
        raise _refused(cell, column, "true or false, yes or no, 1 or 0, or empty")
    return _VERDICTS.get(word)


def _word(cell: Any) -> str:
    """A cell as it is compared: blank where it has nothing in it, and what has no text as it is printed."""
    if isinstance(cell, str):
        return cell.strip().lower()
    if is_missing(cell):
        return ""
    has_text = isinstance(cell, bytes | int | Decimal) or (isinstance(cell, float) and math.isfinite(cell))
    return text_of(cell).lower() if has_text else str(cell)


def _refused(cell: Any, column: str, valid: str) -> QuestionError:
    shown = cell.strip() if isinstance(cell, str) else str(cell)
    return QuestionError(f"{column} is {shown!r}, but must be {valid}")
