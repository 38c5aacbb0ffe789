"""From a row's cells to texts, accepted answers and right choices, whatever their types."""

from __future__ import annotations

import json
import math
import re
import string
from collections.abc import Mapping, Sequence
from typing import Any

from raycal.questions.question import QuestionError

MISSING = object()
_POSITION_DIGITS = 9  # more than any position has, and fewer than Python refuses to read

_FINAL_ANSWER = re.compile(r"(?P<rationale>.*?)^####(?P<final>[^\n]*\S)\s*", re.DOTALL | re.MULTILINE)


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
    if isinstance(cell, Mapping):
        return lookup(cell, column)
    if isinstance(cell, list) and cell:
        found = [_descend(element, column) for element in cell]
        return MISSING if any(element is MISSING for element in found) else found
    return MISSING


def column_names(values: Mapping[str, Any]) -> list[str]:
    """Every name that `lookup` knows in a row, nested ones dotted."""
    names = []
    for name, cell in values.items():
        inner = next((c for c in cell if isinstance(c, Mapping)), None) if isinstance(cell, list) else cell
        names.append(name)
        names.extend(f"{name}.{nested}" for nested in (column_names(inner) if isinstance(inner, Mapping) else ()))
    return names


def text_of(cell: Any) -> str:
    """A cell as text without surrounding space: 18.0 is "18", True is "yes". QuestionError where it has none."""
    if cell is None or cell is MISSING:
        raise QuestionError("a cell is missing")
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, float):
        if not math.isfinite(cell):
            raise QuestionError(f"a cell is {cell}, which is no text")
        return str(int(cell)) if cell.is_integer() else repr(cell)
    if isinstance(cell, Mapping | list):
        raise QuestionError(f"a cell holds a {type(cell).__name__} where a text is expected")
    text = str(_decoded(cell)).strip()
    try:
        text.encode()
    except UnicodeEncodeError:
        raise QuestionError("a cell's text is not valid UTF-8") from None
    return text


def texts_of(cell: Any, separator: str | None = None) -> list[str]:
    """A cell as one or several texts, blank ones left out: a list's elements, or the parts of a separated text."""
    if isinstance(cell, list):
        texts = [text_of(element) for element in cell if element is not None]
    elif isinstance(cell, str) and separator is not None:
        texts = [text_of(part) for part in cell.split(separator)]
    else:
        texts = [text_of(cell)]
    return [text for text in texts if text]


def json_list(cell: Any) -> Any:
    """The list that a text spells as JSON, where it is a list of texts; every other cell as it is."""
    if not isinstance(cell, str) or not cell.lstrip().startswith("["):
        return cell
    try:
        parsed = json.loads(cell)
    except (ValueError, RecursionError):
        return cell
    return parsed if isinstance(parsed, list) and all(isinstance(element, str) for element in parsed) else cell


def final_answer(text: str) -> tuple[tuple[str, ...], str] | None:
    """GSM8K's "rationale / #### 1,234" as accepted answers (1234 and 1,234) and rationale; None without such a line."""
    found = _FINAL_ANSWER.fullmatch(text)
    if found is None:
        return None
    given = found["final"].strip()
    plain = given.replace(",", "")
    return tuple(dict.fromkeys((plain, given) if plain.isdecimal() else (given,))), found["rationale"].strip()


def accepted_answers(cell: Any, separator: str | None) -> tuple[tuple[str, ...], dict[str, str]]:
    """The accepted answers of an open-ended question, and metadata: the rationale in front of a "####" final answer.

    True and False are accepted as yes or true, no or false.
    """
    if isinstance(cell, bool):
        return (("yes", "true") if cell else ("no", "false")), {}
    final = final_answer(text_of(cell)) if isinstance(cell, str) else None
    if final is not None:
        return final[0], {"rationale": final[1]}
    return tuple(dict.fromkeys(texts_of(cell, separator))), {}


def right_choices(cell: Any, choices: Sequence[str], separator: str | None) -> tuple[str, ...]:
    """The right choices' texts; each may be given as its text, its letter (A is the first) or its 0-based index.

    Where the readings disagree ("2" among the choices 1, 2, 3, 4 is the second by its text and the third by its index)
    the row is refused, because a guess would be a wrong label; and so it is where it names no right choice.
    """
    if isinstance(cell, list):
        if not cell:
            raise QuestionError("the row names no right choice")
        return tuple(dict.fromkeys(choice for element in cell for choice in right_choices(element, choices, None)))
    if separator is not None and isinstance(cell, str):
        return right_choices([part for part in cell.split(separator) if part.strip()], choices, None)
    return (_right_choice(cell, choices),)


def _right_choice(cell: Any, choices: Sequence[str]) -> str:
    text = text_of(cell)
    texts = {"yes": ("yes", "true"), "no": ("no", "false")}[text] if isinstance(cell, bool) else (text,)
    readings = {choice for choice in choices if choice in texts or (isinstance(cell, bool) and choice.lower() in texts)}
    if not isinstance(cell, bool):
        position = _position(text)
        if position is not None and position < len(choices):
            readings.add(choices[position])
    if len(readings) == 1:
        return readings.pop()
    if readings:
        raise QuestionError(f"the answer {text!r} is a choice's text as well as the position of another choice")
    raise QuestionError(f"the answer {text!r} is neither a text, a letter nor an index of the choices {list(choices)}")


def _position(text: str) -> int | None:
    if text.isascii() and text.isdigit() and len(text) <= _POSITION_DIGITS:
        return int(text)
    if len(text) == 1 and text.upper() in string.ascii_uppercase:
        return string.ascii_uppercase.index(text.upper())
    return None
