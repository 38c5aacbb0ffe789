"""The choices of a multiple-choice question that a reply names, by letter or by text.

A letter is named where it is the whole reply ("b"), stands in parentheses or in front of one ("(b)", "b)"), or, as a
capital, opens the reply ("B", "B.", "B Paris") or follows a word such as "answer", "option" or "is". "A" and "I" are
English words: they are named only where a noun cannot follow ("A.", "A is right", "Option A"), so that "A dog is ..."
names nothing. "not B" does not name B. A letter with the text of another choice ("B) London" where B is Paris) names
both. Letters within the text of a choice ("Vitamin C") are that text's.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from string import ascii_uppercase

from raycal.grading.mentions import find_mentions
from raycal.text.normalize import normalize, parse
from raycal.text.numerals import listed

OUTSIDE = -1  # stands for a letter behind the last choice's

_LETTER = re.compile(r"(?<![\w'’.-])[A-Za-z](?![\w'’+#-])(?!\.\w)")
_WORDS_THAT_NAME = frozenset(
    listed(
        "answer answers option options choice choices letter letters is be it's its think choose chose pick select say "
        "guess with both either"
    )
)
_NEGATION = re.compile(
    r"\b(?:not|never|than|neither|nor|isn't|isn’t)\s+(?:(?:option|choice|letter)\s+)?\W?$", re.IGNORECASE
)
_JOINT = re.compile(
    r"[\s).*]*(?:,|/|&|\+|\band\b|\bor\b|,\s*(?:and|or)\b)\s*(?:(?:option|choice)\s+)?[\s(*]*", re.IGNORECASE
)
_NO_NOUN = re.compile(r"\s*(?:[).:,;\]*/]|$|(?:is|are|because|since|as|and|or)\b)")
_LABEL_END = re.compile(r"[).:\]*]")
_LABEL = re.compile(r"\b(?:options?|choices?|letters?|answers?)\b", re.IGNORECASE)


def same_text(text: str, choices: Sequence[str]) -> set[int]:
    """Indices of the choices that a text is: to the letter, else after normalisation."""
    exact = {index for index, choice in enumerate(choices) if choice.strip() == text.strip()}
    return exact or {index for index, choice in enumerate(choices) if text and normalize(choice) == normalize(text)}


def named_letters(text: str, choices: Sequence[str]) -> set[int]:
    """Indices of the choices whose letters a reply names, with OUTSIDE for a letter that is no choice's."""
    masked = _without_texts(text, choices)
    named: set[int] = set()
    end = None
    for match in _LETTER.finditer(masked):
        joined = end is not None and _JOINT.fullmatch(masked, end, match.start()) is not None
        denied = _NEGATION.search(masked[: match.start()]) is not None
        index = ascii_uppercase.index(match[0].upper())
        is_text = index >= len(choices) and (match[0] in "Ii" or match[0] in choices)
        if is_text or not (denied or _is_named(masked, match, joined)):
            continue
        end = match.end()
        if denied:
            continue
        said = _text_beside(text, match, choices)
        named |= {index if index < len(choices) else OUTSIDE} | ({said} if said is not None else set())
    return named


def mentioned_choices(text: str, choices: Sequence[str]) -> set[int]:
    """The choices whose text a reply mentions; a text within another choice's longer text does not count."""
    line = parse(text)
    said = [
        (index, mention)
        for index, choice in enumerate(choices)
        for mention in find_mentions(line, parse(choice))
        if mention.asserted
    ]
    return {index for index, mention in said if not any(other.contains(mention) for _, other in said)}


def _without_texts(text: str, choices: Sequence[str]) -> str:
    """The reply with the choices' texts blanked out, the longest first; single letters stay."""
    for choice in sorted(choices, key=len, reverse=True):
        if len(choice.strip()) > 1:
            pattern = rf"(?<!\w){re.escape(choice.strip())}(?!\w)"
            text = re.sub(pattern, lambda match: "\0" * len(match[0]), text, flags=re.IGNORECASE)
    return text


def _is_named(text: str, match: re.Match[str], joined: bool) -> bool:
    before, behind = text[: match.start()], text[match.end() :]
    words = re.findall(r"[\w'’]+", before)
    if (before.endswith("(") and behind.startswith(")")) or not re.search(r"\w", before + behind):
        return True
    first = not words
    if match[0].islower():
        return behind.startswith(")") or (first and bool(_LABEL_END.match(behind)))
    cue = bool(words) and words[-1].lower().replace("’", "'") in _WORDS_THAT_NAME
    if cue or match[0] not in "AI":
        return first or cue or joined or behind.startswith(")")
    return (first or joined) and _NO_NOUN.match(behind) is not None


def _text_beside(text: str, match: re.Match[str], choices: Sequence[str]) -> int | None:
    """The choice, another than the letter's, whose text is what the reply says apart from the letter, or opens it."""
    line = parse(_LABEL.sub(" ", text[: match.start()] + " " + text[match.end() :]))
    opened = [
        (len(words), index)
        for index, words in enumerate(parse(choice).words for choice in choices)
        if words and line.words[: len(words)] == words
    ]
    longest = max(opened, default=(0, 0))[0]
    indices = {index for length, index in opened if length == longest}
    letter = ascii_uppercase.index(match[0].upper())
    return None if not indices or letter in indices else min(indices)
