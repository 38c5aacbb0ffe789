"""Numbers in words as digits: "one thousand, nine hundred and sixty" is "1960", "two thirds" is "2/3".

All text is expected folded and in pieces (`raycal.text.tokens`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from raycal.text.numerals import canonical_number, is_number, is_whole, listed, ordinal
from raycal.text.units import UNITS

_SMALL = {
    word: value
    for value, word in enumerate(
        listed(
            "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
            "seventeen eighteen nineteen"
        )
    )
}
_TENS = {
    word: 10 * value
    for value, word in enumerate(listed("twenty thirty forty fifty sixty seventy eighty ninety"), start=2)
}
_SMALL_ORDINALS = {
    word: value
    for value, word in enumerate(
        listed(
            "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth "
            "fifteenth sixteenth seventeenth eighteenth nineteenth"
        ),
        start=1,
    )
}
_TENS_ORDINALS = {f"{word[:-1]}ieth": value for word, value in _TENS.items()}
_CARDINALS = _SMALL | _TENS
_ORDINALS = _SMALL_ORDINALS | _TENS_ORDINALS
_SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_DOZENS = {"dozen": 12, "dozens": 12}
_PARTS = {
    word: parts
    for parts, words in {
        2: "half halves", 3: "third thirds", 4: "quarter quarters fourth fourths", 5: "fifth fifths", 6: "sixth sixths",
        7: "seventh sevenths", 8: "eighth eighths", 9: "ninth ninths", 10: "tenth tenths",
    }.items()
    for word in listed(words)
}  # fmt: skip
DECADES = {
    word: f"19{tens}0s"
    for tens, word in enumerate(
        listed("twenties thirties forties fifties sixties seventies eighties nineties"), start=2
    )
}

# "one" is a pronoun rather than a number beside these words.
_BEFORE_PRONOUN = frozenset(listed("no the this that any each every another which"))
_AFTER_PRONOUN = frozenset(listed("of who which that another"))


@dataclass
class _Cardinal:
    """A number in words, as far as it has been read."""

    total: int = 0  # of finished groups of thousands
    group: int = 0
    scale: int = 10**15  # of the last finished group: groups come in falling order
    started: bool = False

    def add(self, word: str) -> bool:
        """Read one more word; False, and nothing changed, where it cannot continue the number."""
        value = _CARDINALS.get(word)
        if value is not None and value < self._room() and (value > 0 or not self.started):
            self.group += value
        elif word == "hundred" and 0 < self.group < 100:
            self.group *= 100
        elif word in _SCALES and self.group and _SCALES[word] < self.scale:
            self.scale = _SCALES[word]
            self.total += self.group * self.scale
            self.group = 0
        else:
            return False
        self.started = True
        return True

    def joins(self, token: str) -> bool:
        """Whether the token may stand in front of the number's next word: twenty-one, hundred and one."""
        match token:
            case "-":
                return self.started
            case "and":
                return self.started and self.group % 100 == 0
            case ",":
                return self.started and self.group == 0
            case _:
                return False

    def ordinal(self, word: str) -> int | None:
        """The ordinal that the word completes, or None where it cannot end this number."""
        value = _ORDINALS.get(word)
        return None if value is None or value >= self._room() else self.value + value

    @property
    def value(self) -> int:
        return self.total + self.group

    def _room(self) -> int:
        """The next cardinal must be smaller: 100 behind hundreds or nothing, 10 behind tens, 0 behind units."""
        if self.started and self.value == 0:
            return 0
        if self.group % 100 == 0:
            return 100
        return 10 if self.group % 10 == 0 and self.group % 100 >= 20 else 0


def with_digits(tokens: Sequence[str]) -> list[str]:
    """Pieces of a text with number words as digits, and magnitudes, dozens and parts multiplied out."""
    result: list[str] = []
    position = 0
    while position < len(tokens):
        word, previous = tokens[position], result[-1] if result else ""
        following = tokens[position + 1] if position + 1 < len(tokens) else ""
        pronoun = word == "one" and (previous in _BEFORE_PRONOUN or following in _AFTER_PRONOUN)
        unit = word in UNITS and (is_number(previous) or previous in ("per", "/"))  # a second is a unit behind these
        part = word in _PARTS and is_whole(previous)  # "one third", of which "third" is no place in an order
        read = None if pronoun or unit or part else _read_words(tokens, position)
        if read is not None:
            halved = previous == "half" and word in ("a", "an")
            word, position = read
            if halved and is_number(word):
                result.pop()
                word = canonical_number(format(Decimal(word) / 2, "f"))
        else:
            position += 1
            word = _half(result) if word == "half" and not following.isalpha() else _multiplied(result, word)
        if previous in ("minus", "negative") and is_number(word) and not word.startswith("-"):
            result.pop()
            word = f"-{word}"
        result.append(word)
    return result


def _multiplied(result: list[str], word: str) -> str:
    """A word, and the number of which it is the multiple or the parts: these leave the result."""
    if word in DECADES:
        return DECADES[word]
    value = _SCALES.get(word) or _DOZENS.get(word)
    if value and result and is_number(result[-1]) and "/" not in result[-1]:
        return canonical_number(format(Decimal(result.pop()) * value, "f"))
    if word == "dozen":
        if result[-1:] == ["a"]:
            result.pop()
        halved = result[-1:] == ["half"]
        if halved:
            result.pop()
        return "6" if halved else "12"
    return _parts(result, word)


def _half(result: list[str]) -> str:
    """ "a half" and "half", where nothing follows of which it is the half."""
    if result and result[-1] == "a" and result[-2:-1] != ["and"]:
        result.pop()
        return "1/2"
    return _parts(result, "half") if result else "1/2"


def _parts(result: list[str], word: str) -> str:
    """ "two thirds" is "2/3", and "three and a half" is "3.5"."""
    parts = _PARTS.get(word)
    if parts is None:
        return word
    hyphen = result[-1:] == ["-"]
    count = result[-2 if hyphen else -1] if len(result) > hyphen else ""
    if count == "a" and result[-2:-1] == ["and"] and is_whole(result[-3] if len(result) > 2 else ""):
        whole = result[-3]
        del result[-3:]
        return canonical_number(format(Decimal(whole) + Decimal(1) / parts, "f")) if parts in (2, 4) else word
    if is_whole(count) and (int(count) == 1) == (not word.endswith("s")):
        del result[-1 - hyphen :]
        return f"{count}/{parts}"
    return word


def _read_words(tokens: Sequence[str], start: int) -> tuple[str, int] | None:
    """The number in words that begins at `start`, and the position behind it."""
    number, position = _Cardinal(), start
    if tokens[start] in ("a", "an") and tokens[start + 1 : start + 2] in (["hundred"], *([s] for s in _SCALES)):
        number.add("one")
        position += 1
    while position < len(tokens):
        word = position + (number.joins(tokens[position]) and position + 1 < len(tokens))
        last = number.ordinal(tokens[word])
        if last is not None:
            return ordinal(last), word + 1
        if not number.add(tokens[word]):
            break
        position = word + 1
    return (str(number.value), position) if number.started else None
