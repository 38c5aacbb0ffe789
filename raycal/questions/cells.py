"""From a row's cells to texts and accepted answers, whatever their types."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

from raycal.questions.literals import is_of_numbers, spelled_out
from raycal.questions.question import QuestionError

MISSING = object()
_TRUE = frozenset({"yes", "true", "1"})
_FALSE = frozenset({"no", "false", "0"})

_FINAL_ANSWER = re.compile(r"(?P<rationale>.*?)^####(?P<final>[^\n]*\S)\s*", re.DOTALL | re.MULTILINE)
_MIDNIGHT = re.compile(r"(?P<date>\d{4}-\d\d-\d\d)[ T]00:00(:00(\.0+)?)?(Z|[+-]00:?00)?")


def lookup(values: Mapping[str, Any], column: str) -> Any:
    """The cell of a column; a dotted name reaches into nested objects, and through lists of them. MISSING if absent."""
    if column in values:
        return _decoded(values[column])
    head, _, rest = column.partition(".")
    return _descend(values[head], rest) if rest and head in values else MISSING


def _decoded(cell: Any) -> Any:
    """Bytes as text, those that are not UTF-8 as lone surrogates, which no text may hold; other cells as they are."""
    return cell.decode(errors="surrogateescape") if isinstance(cell, bytes) else cell


def _descend(cell: Any, column: str) -> Any:
    cell = spelled_out(cell)
    if isinstance(cell, Mapping):
        return lookup(cell, column)
    if isinstance(cell, list) and cell:
        elements = [_descend(element, column) for element in cell]
        return MISSING if any(element is MISSING for element in elements) else elements
    return MISSING


def column_names(values: Mapping[str, Any]) -> list[str]:
    """Every name that `lookup` knows in a row, nested ones dotted."""
    names = []
    for name, cell in values.items():
        names.append(name)
        names.extend(f"{name}.{nested}" for nested in column_names(_nested(cell)))
    return names


def _nested(cell: Any) -> Mapping[str, Any]:
    """The columns within a cell; none where it holds no mapping, or one that its row will be refused for."""
    try:
        cell = spelled_out(cell)
    except QuestionError:
        return {}
    if isinstance(cell, list):
        cell = next((element for element in cell if isinstance(element, Mapping)), None)
    return {name: inner for name, inner in cell.items() if isinstance(name, str)} if isinstance(cell, Mapping) else {}


def is_missing(cell: Any) -> bool:
    """Whether a cell has nothing in it: absent, null, NaN, or blank, which is what CSV has for all of these."""
    if isinstance(cell, str | bytes):
        return not cell.strip()
    return cell is MISSING or cell is None or (isinstance(cell, float | Decimal) and math.isnan(cell))


def present(values: Mapping[str, Any], column: str) -> Any:
    """The cell of a column, which must have something in it: QuestionError otherwise."""
    cell = lookup(values, column)
    if is_missing(cell):
        raise QuestionError(f"the column {column!r} is missing or empty")
    return cell


def is_true(values: Mapping[str, Any], column: str) -> bool:
    """Whether a column says true, yes or 1. QuestionError where it says neither these nor false, no or 0."""
    text = text_of(present(values, column)).lower()
    if text not in _TRUE | _FALSE:
        raise QuestionError(f"the column {column!r} is {text!r}: write true or false")
    return text in _TRUE


def text_of(cell: Any) -> str:
    """A cell as text without surrounding space, spelled the shortest way: 18.0 is "18", True is "yes".

    A moment at midnight is a date. QuestionError where a cell has no text.
    """
    match cell:
        case str() | bytes():
            return _unicode(str(_decoded(cell)).strip())
        case bool():
            return "yes" if cell else "no"
        case float() | Decimal():
            return _shortest(cell)
        case datetime():
            return str(cell.date() if cell.time() == time() else cell)
        case int() | date() | time() | UUID():
            return str(cell)
    if cell is None or cell is MISSING:
        raise QuestionError("a cell is missing")
    hint = f": name one of its columns, such as .{next(iter(cell))}" if isinstance(cell, Mapping) and cell else ""
    raise QuestionError(f"a cell holds a {type(cell).__name__} where a text is expected{hint}")


def _shortest(number: float | Decimal) -> str:
    if not math.isfinite(number):
        raise QuestionError(f"a cell is {number}, which is no text")
    if number == int(number):
        return str(int(number))
    return repr(number) if isinstance(number, float) else f"{number.normalize():f}"


def _unicode(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise QuestionError("a cell's text is not valid UTF-8") from None
    return text


def final_answer(text: str) -> tuple[tuple[str, ...], str] | None:
    """GSM8K's "rationale / #### 1,234" as accepted answers (1234 and 1,234) and rationale; None without such a line."""
    final = _FINAL_ANSWER.fullmatch(text)
    if final is None:
        return None
    given = final["final"].strip()
    plain = given.replace(",", "")
    return tuple(dict.fromkeys((plain, given) if plain.isdecimal() else (given,))), final["rationale"].strip()


def accepted_answers(cell: Any, separator: str | None) -> tuple[tuple[str, ...], dict[str, str]]:
    """The accepted answers of an open-ended question, and metadata: the rationale in front of a "####" final answer.

    Blank ones are left out. True and False, and texts that are nothing else, are accepted as yes or true, no or false.
    """
    final = final_answer(text_of(cell)) if isinstance(cell, str) else None
    if final is not None:
        return final[0], {"rationale": final[1]}
    parts = _answer_parts(cell, separator)
    answers = [answer for part in parts for answer in _spellings(part, alone=len(parts) == 1)]
    return tuple(dict.fromkeys(answer for answer in answers if answer)), {}


def _answer_parts(cell: Any, separator: str | None) -> list[Any]:
    elements = spelled_out(cell)
    if isinstance(cell, str) and isinstance(elements, list) and len(elements) > 1 and is_of_numbers(elements):
        if cell.lstrip().startswith("["):
            raise QuestionError(
                f"the cell {cell!r} may be several answers or one: write {[str(part) for part in elements]} as a JSON "
                f'list of texts, or ["{cell.strip()}"]'
            )
        elements = cell  # a point: lists are not written so
    if isinstance(elements, list):
        return [element for element in elements if element is not None]
    return elements.split(separator) if separator is not None and isinstance(elements, str) else [elements]


def _spellings(part: Any, *, alone: bool) -> Iterator[str]:
    """The ways in which one answer is accepted."""
    text = text_of(part)
    if isinstance(part, bool):
        yield from ("yes", "true") if part else ("no", "false")
        return
    moment = _MIDNIGHT.fullmatch(text)
    yield moment["date"] if moment else text
    if alone and text.lower() in {"true", "false"}:  # CSV has booleans as texts
        yield "yes" if text.lower() == "true" else "no"
