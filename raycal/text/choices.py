"""The choices of a multiple-choice question that a reply names, by letter or by text.

Of the letters that stand alone those count that open the reply as a label ("B.", "(b) Paris"), else those behind the
last word that names ("option b", "I would choose B"), else the capitals. "A" and "I" are English words: they are named
only where a noun cannot follow ("A.", "A is right", "Option A"). What is denied is not named ("not B", "A is wrong"). A
letter with the text of another choice ("B) London" where B is Paris) names both. Letters within the text of a choice
("Vitamin C") are that text's. The time is linear in the reply's length.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from string import ascii_uppercase

from raycal.text.cues import TAKEN_BACK
from raycal.text.mentions import find_mentions
from raycal.text.normalize import normalize, parse

OUTSIDE = -1  # stands for a letter behind the last choice's

_LETTER = re.compile(r"(?<![\w'’.-])[A-Za-z](?![\w'’+#-])(?!\.\w)")
_QUOTED = re.compile(r"['\"‘“`]([A-Za-z])['\"’”`]")
_UNSPACED = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\u0e00-\u0e7f]")  # written without spaces: "选B"
_REACH = 48  # characters in front of a letter that are read for what names or denies it
_NAMING = re.compile(
    r"\b(?:answers?|options?|choices?|letters?|is|be|it['’]?s|think|choose|chose|choosing|pick|picking|select|selecting|say"
    r"|guess|with|both|either|take|going\s+for|go\s+for|antwort|option|opción|réponse|respuesta)\W{0,4}$",
    re.IGNORECASE,
)
_NEGATION = re.compile(
    r"\b(?:not|never|than|neither|nor|isn['’]t|without|except|excluding|(?:can(?:not|['’]t)|couldn['’]t)\s+be)\s+(?:(?:option|choice|letter)\s+)?\W{0,3}$",
    re.IGNORECASE,
)
_JOINT = re.compile(
    r"[\s).*]*(?:,|/|&|\+|\band\b|\bor\b|\bnor\b|,\s*(?:and|or)\b)\s*(?:(?:option|choice)\s+)?[\s(*]*", re.IGNORECASE
)
_AND_OR = re.compile(r"\b(?:or|nor|and)\b", re.IGNORECASE)
_DENIED_BEHIND = re.compile(
    r"[\s).*\]]*(?:(?:is|are|was|were|would\s+be|seems|looks|can\s+be)\s+(?:\w+ly\s+|all\s+|both\s+|also\s+)?(?:wrong|incorrect|not\b(?!\s+only)"
    r"|false|excluded|impossible|ruled\s+out|out\b|eliminated|untrue|invalid)|(?:isn|aren|wasn|weren)['’]t\b|can(?:not|['’]t)\s+be\b"
    r"|does(?:\s+not|n['’]t)\b)",
    re.IGNORECASE,
)
_NO_NOUN = re.compile(r"\s*(?:[).:,;\]*/!?—–-]|$|(?:is|are|because|since|as|and|or|with)\b)")
_LABEL_END = re.compile(r"\s?[).:\]*]")
_LABEL = re.compile(r"\b(?:options?|choices?|letters?|answers?)\b", re.IGNORECASE)
_ECHO = 3  # labels that repeat the question


@dataclass(frozen=True)
class _Letter:
    """A letter that stands alone: start and stop in the reply, and how it is said."""

    start: int
    stop: int
    index: int
    is_label: bool
    is_cued: bool
    is_capital: bool
    is_joined: bool  # to the letter in front of it
    is_denied: bool


def same_text(text: str, choices: Sequence[str]) -> set[int]:
    """Indices of the choices that a text is: to the letter, else after normalisation."""
    exact = {index for index, choice in enumerate(choices) if choice.strip() == text.strip()}
    return exact or {index for index, choice in enumerate(choices) if text and normalize(choice) == normalize(text)}


def named_letters(text: str, choices: Sequence[str]) -> set[int]:
    """Indices of the choices whose letters a reply names, with OUTSIDE for a letter that is no choice's."""
    masked = _UNSPACED.sub(" ", _QUOTED.sub(r" \1 ", _without_texts(text, choices)))
    letters = _read_letters(masked, choices)
    start = max((match.end() for match in TAKEN_BACK.finditer(masked)), default=0)
    if letters and letters[-1].start >= start > letters[0].start:  # "A. No, wait: B"
        masked = "\0" * start + masked[start:]
        letters = _read_letters(masked, choices)
    named = _counting(letters, alone=len(re.findall(r"\w+", masked)) == 1, opened=_opens(masked, letters))
    indices = {letter.index if letter.index < len(choices) else OUTSIDE for letter in named}
    if len(indices) == 1:
        beside = _text_beside(text, named[-1], choices)
        indices |= {beside} if beside is not None else set()
    return indices


def mentioned_choices(text: str, choices: Sequence[str]) -> set[int]:
    """The choices whose text a reply mentions; a text within another choice's longer text does not count."""
    line = parse(text)
    mentions = [(index, find_mentions(line, parse(choice))) for index, choice in enumerate(choices)]
    longest: dict[int, int] = {}  # the end of the longest asserted mention that starts at or before a word
    for _, of_choice in mentions:
        for mention in of_choice:
            if mention.asserted:
                for position in range(mention.start, mention.stop):
                    longest[position] = max(longest.get(position, 0), mention.stop - mention.start)
    return {
        index
        for index, of_choice in mentions
        for mention in of_choice
        if mention.asserted and longest[mention.start] == mention.stop - mention.start
    }


def _without_texts(text: str, choices: Sequence[str]) -> str:
    """The reply with the choices' texts blanked out, the longest first; single letters stay."""
    for choice in sorted(choices, key=len, reverse=True):
        if len(choice.strip()) > 1:
            pattern = rf"(?<!\w){re.escape(choice.strip())}(?!\w)"
            text = re.sub(pattern, lambda match: "\0" * len(match[0]), text, flags=re.IGNORECASE)
    return text


def _read_letters(text: str, choices: Sequence[str]) -> list[_Letter]:
    letters: list[_Letter] = []
    is_denied, first = (
        False,
        0,
    )  # of a list of joined letters, and the first that is not known to be
    for match in _LETTER.finditer(text):
        index = ascii_uppercase.index(match[0].upper())
        if index >= len(choices) and (match[0] in "Ii" or match[0] in choices):
            continue
        before = text[max(0, match.start() - _REACH) : match.start()]
        joint = _JOINT.fullmatch(text, letters[-1].stop, match.start()) if letters else None
        negated = _NEGATION.search(before) is not None
        if joint is None:
            is_denied, first = negated, len(letters)
        elif is_denied and _AND_OR.search(joint[0]):  # "not A, C or D" denies all three, "not A, B" A alone
            letters[first:] = [replace(letter, is_denied=True) for letter in letters[first:]]
            first, negated = len(letters), True
        letters.append(_letter(text, match, index, before, joined=joint is not None, denied=negated))
    return _with_denials_behind(text, letters)


def _letter(text: str, match: re.Match[str], index: int, before: str, *, joined: bool, denied: bool) -> _Letter:
    enclosed = before.endswith(("(", "[")) and text[match.end() : match.end() + 1] in (")", "]")
    no_noun = _NO_NOUN.match(text, match.end()) is not None
    cued = _NAMING.search(before) is not None and (match[0].isupper() or no_noun)
    return _Letter(
        match.start(),
        match.end(),
        index,
        is_label=enclosed or text.startswith(")", match.end()),
        is_cued=cued,
        is_capital=match[0].isupper() and (match[0] not in "AI" or no_noun),
        is_joined=joined,
        is_denied=denied,
    )


def _with_denials_behind(text: str, letters: list[_Letter]) -> list[_Letter]:
    """The letters, with those of a joined group denied that is denied behind its last: "A, C and D are wrong"."""
    result: list[_Letter] = []
    denied = False
    for position in range(len(letters) - 1, -1, -1):
        letter = letters[position]
        goes_on = position + 1 < len(letters) and letters[position + 1].is_joined
        denied = (denied and goes_on) or _DENIED_BEHIND.match(text, letter.stop) is not None
        result.append(replace(letter, is_denied=True) if denied else letter)
    return result[::-1]


def _opens(text: str, letters: Sequence[_Letter]) -> bool:
    """Whether the first letter opens the reply as a label."""
    if not letters or re.search(r"\w", text[: letters[0].start]):
        return False
    first = letters[0]
    return first.is_label or _LABEL_END.match(text, first.stop) is not None or first.is_capital


def _counting(letters: Sequence[_Letter], *, alone: bool, opened: bool) -> list[_Letter]:
    """The letters that a reply names."""
    if alone and letters:
        return [letters[0]]
    asserted = [letter for letter in letters if not letter.is_denied]
    labels = [letter for letter in asserted if letter.is_label]
    if len({letter.index for letter in labels}) >= _ECHO:
        return labels
    if opened and not letters[0].is_denied:
        return _group(letters, 0)
    cued = [position for position, letter in enumerate(letters) if letter.is_cued and not letter.is_denied]
    if cued:
        return _group(letters, cued[-1])
    return labels + [letter for letter in asserted if letter.is_capital and not letter.is_label]


def _group(letters: Sequence[_Letter], start: int) -> list[_Letter]:
    """A letter with those joined to it, less what is denied: "B or C"."""
    while letters[start].is_joined and start > 0 and not letters[start - 1].is_denied:
        start -= 1
    stop = start + 1
    while stop < len(letters) and letters[stop].is_joined:
        stop += 1
    return [letter for letter in letters[start:stop] if not letter.is_denied]


def _text_beside(text: str, letter: _Letter, choices: Sequence[str]) -> int | None:
    """The choice, another than the letter's, whose text is what the reply says apart from the letter, or opens it."""
    line = parse(_LABEL.sub(" ", text[: letter.start] + " " + text[letter.stop :]))
    opened = [
        (len(words), index)
        for index, words in enumerate(parse(choice).words for choice in choices)
        if words and line.words[: len(words)] == words
    ]
    longest = max(opened, default=(0, 0))[0]
    indices = {index for length, index in opened if length == longest}
    return None if not indices or letter.index in indices else min(indices)
