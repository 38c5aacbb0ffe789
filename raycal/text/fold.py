"""Text in lower case, normal width and plain characters, with what only its capitals tell written out.

"5M" is five million and "5m" five metres: letters behind a number are read before the case goes.
"""

from __future__ import annotations

import re
import unicodedata

from raycal.text.units import CURRENCIES

# Letters that Unicode does not decompose, and the many shapes of quotes and dashes.
_ALIKE = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i", "ħ": "h"}
    | dict.fromkeys("’‘‛ʼʻʹ`´′", "'")
    | dict.fromkeys("“”„«»", '"')
    | dict.fromkeys("‐‑‒–−", "-")
    | {"—": " — ", "―": " — ", "&": " and ", "。": ".", "、": ",", "[": "(", "]": ")", "{": "(", "}": ")"}
    | {"⁄": "/", "∕": "/", "٫": ".", "٬": ",", "∼": "~", "〜": "~", "·": "×", "⋅": "×"}
)
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]")  # they part no words
_ACCENTS = re.compile("[\u0300-\u036f]")
# Powers, which are other numbers without their "^", but not the charges of ions (Ca²⁺).
_RAISED = "⁰¹²³⁴⁵⁶⁷⁸⁹"
_POWER = re.compile(rf"(?<=[^\W_{_RAISED}])[⁺⁻]?[{_RAISED}]+(?![⁺⁻{_RAISED}])")
_STAR = re.compile(r"(?<=[0-9])\s?\*\s?(?=[0-9])")  # a product, and no Markdown
_NUMBERED = re.compile(r"(?<![\w#&])#\s?(?=[0-9])")
_VULGAR = re.compile("([0-9]?)([¼-¾⅐-⅞↉])")
_FOREIGN_DIGIT = re.compile(r"(?![0-9])\d")
# U.S.A., D.C, R. H. Thomson, J K Rowling: initials are one word.
_INITIALS = re.compile(r"(?<![\w.])[^\W\d_](?:\.\s?[^\W\d_])*\.\s?[^\W\d_]\.|(?<![\w.])[^\W\d_](?:\.[^\W\d_])+(?!\w)")
_BARE_INITIALS = re.compile(r"(?<![\w.'’])([A-Z](?: [A-Z]){1,3})(?= [A-Z][a-z])")
_FEET_AND_INCHES = re.compile(r"(?<![\w.])([0-9]{1,2})'\s?([0-9]{1,2}(?:\.[0-9]+)?)(?:\"|''|(?![\w']))")
_PLUS_MINUS = re.compile(r"\+/-|\+-")

_MONEY = rf"(?P<money>(?:US|A|C|CA|AU|NZ)?[{CURRENCIES}]\s?|(?:USD|EUR|GBP)\s)"
_DIGITS = r"(?P<digits>[0-9]+(?:[.,][0-9]+)*)"
_MAGNITUDES = {
    "k": "thousand", "m": "million", "mm": "million", "mn": "million", "mil": "million", "mio": "million",
    "b": "billion", "bn": "billion", "t": "trillion", "tn": "trillion", "trn": "trillion",
}  # fmt: skip
_AMOUNT_OF_MONEY = re.compile(
    rf"(?<!\w){_MONEY}{_DIGITS}\s?(?P<magnitude>{'|'.join(_MAGNITUDES)})(?!\w)", re.IGNORECASE
)
_MAGNITUDE_BY_CASE = {
    "k": "thousand",
    "M": "million",
    "B": "billion",
    "bn": "billion",
    "Bn": "billion",
    "mn": "million",
}
_GLUED = re.compile(rf"(?<![\w.,]){_DIGITS}(?P<letters>k|bn|Bn|mn|[MBKGTSH])(?![\w²³^'’/])(?![.][0-9])")
_DOLLARS = re.compile(r"(?<!\w)(?:US|U\.S\.|us)\s?\$")
# A letter that no text has: it keeps "5G" and "10K" one word, which is neither five grams nor ten thousand.
_GLUE = "ː"


def fold(text: str) -> str:
    """Text in lower case, normal width, without accents, and with plain quotes, dashes, powers and initials.

    Accents are the combining marks of Latin, Greek and Cyrillic letters; other scripts' marks are part of the word.
    """
    text = _INVISIBLE.sub("", text)
    text = _FOREIGN_DIGIT.sub(lambda digit: str(unicodedata.decimal(digit[0])), text)
    text = _BARE_INITIALS.sub(lambda match: match[1].replace(" ", ""), text)
    text = _GLUED.sub(_magnitude, _AMOUNT_OF_MONEY.sub(_amount, _DOLLARS.sub("$", text)))
    text = _NUMBERED.sub("number ", _STAR.sub(" × ", text))
    text = _POWER.sub(r"^\g<0>", _VULGAR.sub(_fraction, text))
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    text = _ACCENTS.sub("", unicodedata.normalize("NFD", text)).translate(_ALIKE)
    text = unicodedata.normalize("NFKC", text)
    text = _INITIALS.sub(lambda match: re.sub(r"[.\s]", "", match[0]), text)
    return _PLUS_MINUS.sub("±", _FEET_AND_INCHES.sub(r" \1 feet \2 inches ", text))


def _amount(match: re.Match[str]) -> str:
    return f"{match['money']}{match['digits']} {_MAGNITUDES[match['magnitude'].lower()]}"


def _magnitude(match: re.Match[str]) -> str:
    letters = match["letters"]
    if letters in _MAGNITUDE_BY_CASE:
        return f"{match['digits']} {_MAGNITUDE_BY_CASE[letters]}"
    return f"{match['digits']}{_GLUE}{letters}"


def _fraction(match: re.Match[str]) -> str:
    parts = unicodedata.normalize("NFKC", match[2])
    return f"{match[1]} {parts}" if match[1] else parts
