"""The match grader: rules that compare an answer with the accepted ones, and need no model.

The match grader grades a reply as it stands, truncated or hedged. Its rules, in order:

1. What is graded. The final answer of the reply; see `raycal.text.final_answer`.
2. Spelling. Case, width, accents, articles, punctuation, spacing and LaTeX do not count, and numbers, quantities, dates
   and common parts of names have one spelling ("1,000" = "1000.0" = "one thousand", "$18" = "18 dollars", "St." =
   "Saint"); see `raycal.text.normalize`.
3. Exact. A reply that equals an accepted answer is correct, whatever it says. Hyphens may be left out ("Spiderman").
4. Yes and no. Where only these are accepted, other words that agree or deny count as them ("Absolutely.").
5. Refusals ("I don't know", "I'm not sure", "As an AI ...") are not answers, nor is what follows them unless "but",
   "maybe", "think" or the like introduces it.
6. Containment. A reply that mentions an accepted answer is correct. A mention is made of whole words ("Par" is not in
   "Paris"), is no part of another name or a hyphenated word ("South Sudan", "Paris Hilton", "Guinea-Bissau"), and is
   neither denied nor taken back ("not Paris", "Paris is wrong", "Paris. No, wait: Lyon"). Words of one or two letters
   and frequent words ("In", "no") must stand alone, as in "The symbol is In."
7. Several answers. Alternatives ("Paris or London", "Paris/London") must all be accepted, and so must the members of a
   list joined by "and". Commas do not make alternatives ("Paris, France").
8. Numbers. An accepted number must be the reply's only number of its unit (years compete with years only), or stand
   behind its last "=". A range, a compound and a rate are one quantity. An accepted unit must not be contradicted ("5
   miles" is not "5 km") but may be left out, and a unit may be added. Units are not converted. A more precise date is
   right ("14 December 1972" for "1972"), a less precise one wrong.
9. Multiple choice. See `raycal.text.choices`: a letter counts before the text of a choice; naming two is wrong.
10. Unanswerable questions. A reply that says so, or that it does not know, is correct; see `raycal.text.abstention`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import StrEnum
from typing import Literal

from raycal.grading.alternatives import Lists, names_others
from raycal.grading.grader import GRADERS, AnsweredQuestion, Grade, PureGrader
from raycal.questions.question import Kind
from raycal.text.abstention import abstains
from raycal.text.choice_reply import Naming, read_choice_reply
from raycal.text.final_answer import final_answer, final_part, without_references, without_thought
from raycal.text.mentions import Numbers, find_mentions, is_quantity
from raycal.text.normalize import ParsedText, normalize, parse
from raycal.text.numerals import is_number
from raycal.text.polarity import accepted_polarity, polarity
from raycal.text.refusals import without_refusal

MATCH_VERSION = "3"  # part of a grade's key: raise it whenever a rule changes


class Reason(StrEnum):
    """How a reply was graded."""

    EXACT = "exact"
    CONTAINED = "contained"
    NUMBER = "number"
    LETTER = "letter"
    EMPTY = "empty"
    REFUSAL = "refusal"
    ABSTENTION = "abstention"
    SEVERAL = "several answers"
    DENIED = "denied"
    UNFINISHED = "unfinished thought"
    DIFFERENT = "different"


_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue"})
_SPARE = 20  # times as long as an accepted answer a reply may be, that is it and no more, in another spelling
_RIGHT = frozenset({Reason.EXACT, Reason.CONTAINED, Reason.NUMBER, Reason.LETTER})
_REASONS = {
    Naming.TEXT: Reason.EXACT,
    Naming.LETTER: Reason.LETTER,
    Naming.MENTION: Reason.CONTAINED,
    Naming.REFUSAL: Reason.REFUSAL,
    Naming.NONE: Reason.DIFFERENT,
}


@GRADERS.register("match")
class Match(PureGrader):
    """The rules above."""

    grader: Literal["match"] = "match"

    @property
    def key_name(self) -> str:
        """See PureGrader."""
        return f"match/{MATCH_VERSION}"

    def grade(self, questions: Sequence[AnsweredQuestion]) -> list[Grade]:
        """See PureGrader. Raises ValueError as `match` does."""
        return [
            match(row.answer, row.accepted, kind=row.kind, choices=row.choices)
            if row.answerable
            else match_unanswerable(row.answer)
            for row in questions
        ]


def match(text: str, answers: Sequence[str], *, kind: Kind, choices: Sequence[str] = ()) -> Grade:
    """Grade a model's raw reply against the accepted answers by the rules above.

    A choice question's answers are texts of its choices. Raises ValueError where `choices` do not fit `kind`, or hold
    none of the answers.
    """
    if (kind is Kind.CHOICE) != bool(choices):
        raise ValueError(f"a question of kind {kind} cannot have {len(choices)} choices")
    if kind is Kind.CHOICE:
        return _match_choice(text, answers, choices)
    accepted = [final_part(answer) or answer for answer in answers]
    if text.isascii():  # that is how Zürich is spelled where there is no ü: Zuerich
        accepted += [spelled for answer in accepted if (spelled := answer.translate(_UMLAUTS)) != answer]
    return _match_open(text, accepted)


def match_unanswerable(text: str) -> Grade:
    """Grade a raw reply to a question without an answer: right is to say so, or not to know."""
    final = final_answer(text)
    if not final.text:
        return Grade(False, "", Reason.UNFINISHED if text.strip() else Reason.EMPTY)
    is_right = abstains(final.readable)
    return Grade(is_right, final.text, Reason.ABSTENTION if is_right else Reason.DIFFERENT, final.source)


def _match_open(text: str, answers: Sequence[str]) -> Grade:
    whole = without_thought(text).strip()
    if whole and len(whole) <= _SPARE * (1 + max(map(len, answers), default=0)) and _is_exact(whole, answers):
        return Grade(True, whole, Reason.EXACT)
    final = final_answer(text)
    if not final.text:
        return Grade(False, "", Reason.UNFINISHED if text.strip() else Reason.EMPTY)
    reason = _grade_text(final.readable, answers)
    if reason not in _RIGHT and (bare := without_references(final.readable)) != final.readable:
        reason = _grade_text(bare, answers)
    return Grade(reason in _RIGHT, final.text, reason, final.source)


def _grade_text(extracted: str, answers: Sequence[str]) -> Reason:
    if _is_exact(extracted, answers):
        return Reason.EXACT
    wanted = accepted_polarity(answers)
    if wanted is not None and polarity(parse(extracted)) is wanted:
        return Reason.CONTAINED
    refuses = without_refusal(other := _without(answers, extracted)) != other
    kept = without_refusal(extracted) if refuses else extracted
    accepted = [parse(answer) for answer in answers]
    reason = _judge(parse(kept), accepted)
    if reason is Reason.DIFFERENT:
        reason = _judge(parse(kept).without_hyphens(), [answer.without_hyphens() for answer in accepted])
    return Reason.REFUSAL if refuses and reason is Reason.DIFFERENT else reason


def _judge(line: ParsedText, answers: Sequence[ParsedText]) -> Reason:
    if all(is_quantity(answer) for answer in answers):
        line = _behind_equals(line)
    mentions = [(mention, is_quantity(answer)) for answer in answers for mention in find_mentions(line, answer)]
    asserted = [mention for mention, _ in mentions if mention.asserted]
    if not asserted:
        return Reason.DENIED if mentions else Reason.DIFFERENT
    if names_others(line, asserted):
        return Reason.SEVERAL
    numbers = {word for answer in answers for word in answer.words if is_number(word)}
    rivals, lists = Numbers(line), Lists(line, asserted)
    for mention, is_number_answer in mentions:
        if not mention.asserted or lists.joins_others(mention):
            continue
        if not is_number_answer:
            return Reason.CONTAINED
        if not rivals.has_rival(mention, numbers):
            return Reason.NUMBER
    return Reason.SEVERAL


def _behind_equals(line: ParsedText) -> ParsedText:
    """A calculation's result: "9 x 2 = 18 dollars" is "18 dollars"."""
    behind = len(line.words) - line.words[::-1].index("=") if "=" in line.words else 0
    return line[behind:]


def _is_exact(text: str, answers: Sequence[str]) -> bool:
    """Whether a text has the normal form of an accepted answer, or that of one without its hyphens and spaces."""
    normal = normalize(text)
    if any(normal == normalize(answer) for answer in answers):
        return True
    joined = normal.replace(" ", "")
    return joined.isalpha() and joined in {normalize(answer).replace(" ", "") for answer in answers}


def _without(answers: Sequence[str], text: str) -> str:
    """A text less what the accepted answers say: "I Can't Tell You Why" is a song, and no refusal."""
    for answer in sorted(answers, key=len, reverse=True):
        if " " in answer.strip():
            text = re.sub(rf"(?<!\w){re.escape(answer.strip())}(?!\w)", " ", text, flags=re.IGNORECASE)
    return text


def _match_choice(text: str, answers: Sequence[str], choices: Sequence[str]) -> Grade:
    right = {index for index, choice in enumerate(choices) if choice in answers}
    if not right:
        raise ValueError(f"none of the accepted answers {list(answers)} is among the choices {list(choices)}")
    reply = read_choice_reply(text, choices)
    if not reply.final.text:
        return Grade(False, "", Reason.UNFINISHED if text.strip() else Reason.EMPTY)
    reason = _REASONS[reply.naming]
    if reply.named and not reply.named <= right:
        reason = Reason.SEVERAL if len(reply.texts(choices)) > 1 else Reason.DIFFERENT
    return Grade(reason in _RIGHT, reply.final.text, reason, reply.final.source)
