"""Texts that spell a tokenizer's special tokens, such as "<|im_end|>", and mean nothing by it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any

_PRIVATE = range(0xE000, 0xF900)  # characters that no text has but by agreement


def mark_special_tokens(texts: Sequence[str], tokenizer: Any) -> tuple[list[str], dict[str, str]]:
    """Texts with a mark of one character in place of each special token that they spell; and what each mark stands for.

    The marks are characters that none of the texts has.
    """
    spelled = _special_tokens(tokenizer)
    tokens = sorted(set(chain.from_iterable(spelled.findall(text) for text in texts))) if spelled is not None else []
    if spelled is None or not tokens:
        return list(texts), {}
    used = set(chain.from_iterable(texts))
    free = (chr(code) for code in _PRIVATE if chr(code) not in used)
    marks = dict(zip(tokens, free, strict=False))
    marked = [spelled.sub(lambda match: marks[match[0]], text) for text in texts]
    return marked, {mark: token for token, mark in marks.items()}


def encode(text: str, marks: Mapping[str, str], tokenizer: Any, *, add_special_tokens: bool) -> list[int]:
    """The tokens of a text in which each mark is text again, and no special token.

    add_special_tokens: whether those that stand around every text come with it.
    """

    def plain(piece: str) -> list[int]:
        return list(tokenizer.encode(piece, add_special_tokens=False)) if piece else []

    if not marks:
        return list(tokenizer.encode(text)) if add_special_tokens else plain(text)
    tokens = _leading(tokenizer) if add_special_tokens else []
    for piece in re.split(f"([{''.join(marks)}])", text):
        token = marks.get(piece)
        # In two parts, neither of which is the token.
        tokens += plain(piece) if token is None else plain(token[:1]) + plain(token[1:])
    return tokens


def _leading(tokenizer: Any) -> list[int]:
    """The special tokens in front of every text."""
    around, alone = tokenizer.encode("a"), tokenizer.encode("a", add_special_tokens=False)
    return list(around[: around.index(alone[0])])


@lru_cache(maxsize=8)
def _special_tokens(tokenizer: Any) -> re.Pattern[str] | None:
    added = getattr(tokenizer, "added_tokens_decoder", {})  # not every library's tokenizer says
    tokens = [token.content for token in added.values() if token.special and token.content]
    longest_first = sorted(tokens, key=len, reverse=True)
    return re.compile("|".join(map(re.escape, longest_first))) if tokens else None
