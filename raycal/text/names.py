"""Common parts of names in one spelling: "St. Louis" is "Saint Louis", "World War II" is "World War Two".

Elizabeth the Second is Elizabeth II, and a harbour is a harbor.

All text is expected folded and in pieces (`raycal.text.tokens`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from raycal.text.numerals import is_number, listed

_IN_FRONT = {
    "st": "saint",
    "mt": "mount",
    "dr": "doctor",
    "prof": "professor",
    "mr": "mister",
    "gen": "general",
    "ft": "fort",
    "sgt": "sergeant",
    "lt": "lieutenant",
    "capt": "captain",
    "col": "colonel",
    "rev": "reverend",
}
_BEHIND = {"street": "st", "road": "rd", "avenue": "ave", "boulevard": "blvd", "jr": "junior", "sr": "senior"}
_ANYWHERE = {"vs": "versus", "bros": "brothers"}
_ABBREVIATED = frozenset({*_IN_FRONT.values(), "versus"})
_AMERICAN = {
    british: american
    for pair in listed(
        "colour:color favour:favor flavour:flavor harbour:harbor honour:honor humour:humor labour:labor "
        "neighbour:neighbor odour:odor rumour:rumor armour:armor behaviour:behavior tumour:tumor vapour:vapor "
        "theatre:theater centre:center metre:meter kilometre:kilometer centimetre:centimeter millimetre:millimeter "
        "litre:liter millilitre:milliliter fibre:fiber grey:gray defence:defense licence:license aluminium:aluminum "
        "catalogue:catalog dialogue:dialog programme:program jewellery:jewelry plough:plow sulphur:sulfur "
        "oestrogen:estrogen haemoglobin:hemoglobin"
    )
    for british, american in [pair.split(":")]
}
_AMERICAN |= {f"{british}s": f"{american}s" for british, american in _AMERICAN.items()}
_NO_NAMES = frozenset(listed("in on of is was at by from until to and or for as"))
_ORDINAL = re.compile(r"([0-9]{1,2})(?:st|nd|rd|th)")
_ROMAN = {
    numeral: str(value)
    for value, numeral in enumerate(
        listed("i ii iii iv v vi vii viii ix x xi xii xiii xiv xv xvi xvii xviii xix xx xxi xxii xxiii"),
        start=1,
    )
}
_ALSO_WORDS = frozenset({"i", "v", "x", "xi", "vi"})  # read as numerals only behind a word that is numbered
_NUMBERED = frozenset(listed("war part type volume chapter episode act phase book apollo class grade stage level"))


def with_names(pieces: Sequence[str]) -> list[str]:
    """Pieces of a text with abbreviations and Roman numerals of names in one spelling."""
    result: list[str] = []
    for position, piece in enumerate(pieces):
        previous = result[-1] if result else ""
        following = pieces[position + 1] if position + 1 < len(pieces) else ""
        if piece == "." and (
            (previous in _ABBREVIATED and following.isalpha()) or (previous == "number" and following.isdigit())
        ):
            continue
        if piece == "no" and following == "." and "".join(pieces[position + 2 : position + 3]).isdigit():
            result.append("number")
        elif (ordinal := _ORDINAL.fullmatch(piece)) and _is_regnal(result, following):
            result[-1] = ordinal[1]
        else:
            result.append(_spelling(piece, previous, _word_behind(pieces, position)))
    return result


def _is_regnal(before: Sequence[str], following: str) -> bool:
    """Whether an ordinal numbers the name in front: "Elizabeth the Second"."""
    named = len(before) > 1 and before[-1] == "the" and before[-2].isalpha() and before[-2] not in _NO_NAMES
    return named and not following.isalnum()


def _word_behind(pieces: Sequence[str], position: int) -> str:
    """The next piece, over the point of an abbreviation; empty where a clause ends."""
    behind = pieces[position + 1 : position + 3]
    word = behind[1] if len(behind) == 2 and behind[0] == "." and pieces[position] in _IN_FRONT else "".join(behind[:1])
    return word if word.isalpha() else ""


def _spelling(piece: str, previous: str, following: str) -> str:
    if piece in _IN_FRONT:
        return _IN_FRONT[piece] if following and not is_number(previous) else piece
    if piece in _BEHIND:
        return _BEHIND[piece] if previous.isalnum() else piece
    if piece == "n":
        return "and" if previous.isalpha() and len(previous) > 1 and len(following) > 1 else piece
    if piece in _ROMAN and (piece not in _ALSO_WORDS or previous in _NUMBERED):
        return _ROMAN[piece]
    return _ANYWHERE.get(piece) or _AMERICAN.get(piece, piece)
