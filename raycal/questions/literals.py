"""Lists, tuples and mappings that a text spells, as JSON or as a Python literal.

CSV has no other way to hold a list, and data frames write Python's spelling into every format.
"""

from __future__ import annotations

import ast
import io
import json
import re
import tokenize
import warnings
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from raycal.questions.question import QuestionError

_SHOWN = 60
_OPENING = re.compile(r"[\[({]|(?:np\.|numpy\.)?array\(\s*[\[({]")
# No prose begins so, whether or not the brackets close: a cell may have been cut off.
_OPENING_OF_TEXTS = re.compile(r"""(?:(?:np\.|numpy\.)?array\(\s*)?[\[{][\[({\s]*["']""")
_TUPLE_OF_TEXTS = re.compile(r"""\(\s*(["']).*\1\s*,.*\)""", re.DOTALL)
_CLOSES = {"[": "]", "(": ")", "{": "}"}


class RepeatedKey:
    """A JSON object in which a key stands twice, so that nobody knows which value counts."""

    def __init__(self, key: str) -> None:
        self.key = key

    def __str__(self) -> str:
        return f"the key {self.key!r} stands twice in one JSON object"


def parse_json(text: str) -> Any:
    """A JSON text, as json.loads reads it, but a RepeatedKey for every object that has or holds one."""
    return _DECODER.decode(text)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any] | RepeatedKey:
    record = dict(pairs)
    if len(record) < len(pairs):
        keys = [key for key, _ in pairs]
        return RepeatedKey(next(key for key in record if keys.count(key) > 1))
    return next(_repeated_keys(record.values()), record)


def _repeated_keys(values: Iterable[Any]) -> Iterator[RepeatedKey]:
    for value in values:
        if isinstance(value, RepeatedKey):
            yield value
        elif isinstance(value, list):
            yield from _repeated_keys(value)


_DECODER = json.JSONDecoder(object_pairs_hook=_object)


def spelled_out(cell: Any) -> Any:
    """The list or mapping that a text spells; every other cell as it is.

    A tuple, and a set, are the list of their elements in the order of the text. Raises QuestionError for a text that
    has the shape of a list, a tuple or a mapping but is neither JSON nor a Python literal.

    >>> spelled_out('["Paris", null]'), spelled_out("('Paris', 'Lutetia')"), spelled_out("Paris (Texas)")
    (['Paris', None], ['Paris', 'Lutetia'], 'Paris (Texas)')
    """
    if not isinstance(cell, str):
        return cell
    text = cell.strip()
    if not _OPENING.match(text):
        return cell
    for read in (_from_json, _from_python):
        container = read(text)
        if container is not None:
            return container
    if _has_shape(text):
        shown = text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
        raise QuestionError(
            f"the cell {shown!r} has the shape of a list or a mapping, but is neither JSON nor a Python literal: write "
            'it as JSON, and a text that has brackets itself as the list ["TEXT"]'
        )
    return cell


def is_of_numbers(elements: Sequence[Any]) -> bool:
    """Whether there are elements, all of them numbers: a point, an interval and a sorted list are spelled so, too."""
    return bool(elements) and all(isinstance(part, int | float) and not isinstance(part, bool) for part in elements)


def _from_json(text: str) -> list[Any] | dict[str, Any] | None:
    if text[0] not in "[{":
        return None
    try:
        container = parse_json(text)
    except (ValueError, RecursionError):
        return None
    repeated = next(_repeated_keys([container]), None)
    if repeated is not None:
        raise QuestionError(str(repeated))
    return container if isinstance(container, list | dict) else None


def _from_python(text: str) -> list[Any] | dict[Any, Any] | None:
    container: list[Any] | dict[Any, Any]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of backslashes in the cell's texts
            tree = ast.parse(text, mode="eval")
            match tree.body:
                case ast.List(elts=elements) | ast.Tuple(elts=elements) | ast.Set(elts=elements):
                    container = [ast.literal_eval(element) for element in elements]
                case ast.Dict():
                    container = ast.literal_eval(tree.body)
                case _:
                    return None
            return None if _joins_texts(text, tree) or _repeats_key(tree) else container
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError, tokenize.TokenError):
        return None


def _joins_texts(text: str, tree: ast.Expression) -> bool:
    """Whether texts stand beside one another without a comma, as numpy prints them: Python would make them one."""
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    texts = sum(isinstance(node, ast.Constant) and isinstance(node.value, str | bytes) for node in ast.walk(tree))
    return sum(token.type == tokenize.STRING for token in tokens) > texts


def _repeats_key(tree: ast.Expression) -> bool:
    mappings = [node.keys for node in ast.walk(tree) if isinstance(node, ast.Dict)]
    return any(len({ast.dump(key) for key in keys if key is not None}) < len(keys) for keys in mappings)


def _has_shape(text: str) -> bool:
    """Whether a text that is no literal was meant as one.

    Brackets around the whole are not enough where prose and formulas have them: "(Paris, France)", "{x | x > 0}".
    """
    if text[0] not in _CLOSES or _OPENING_OF_TEXTS.match(text) or _TUPLE_OF_TEXTS.fullmatch(text):
        return True
    return text[0] != "(" and _is_one_group(text) and (text[0] == "[" or ":" in text)


def _is_one_group(text: str) -> bool:
    """Whether the bracket with which a text begins closes at its end."""
    expected: list[str] = []
    for position, character in enumerate(text):
        if character in _CLOSES:
            expected.append(_CLOSES[character])
        elif character in "])}" and (not expected or expected.pop() != character):
            return False
        if not expected:
            return position == len(text) - 1
    return False
