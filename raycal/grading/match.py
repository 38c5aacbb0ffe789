"""The match grader: rules that compare an answer with the accepted ones, and need no model.

The match grader grades a reply as it stands, truncated or hedged. Its rules, in order:

1. What is graded. The text behind the last "####", else the first line that holds anything; from "answer is" or
   "answer:" only what follows.
2. Spelling. Case, width, accents, articles, punctuation and spacing do not count, and numbers, units and dates have one
   spelling ("1,000" = "1000.0" = "one thousand", "$18" = "18 dollars"); see `raycal.text.normalize`.
3. Exact. A reply that equals an accepted answer is correct, whatever it says.
4. Refusals ("I don't know", "I'm not sure", "As an AI ...") are not answers, nor is what follows them unless "but",
   "maybe", "think" or the like introduces it.
5. Containment. A reply that mentions an accepted answer is correct. A mention is made of whole words ("Par" is not in
   "Paris"), is no part of another place or a hyphenated word ("South Sudan", "Guinea-Bissau"), and is not denied ("not
   Paris"). Words of one or two letters and frequent words ("In", "no") must stand alone, as in "The symbol is In."
6. Several answers. Alternatives ("Paris or London", "Paris/London") must all be accepted, and so must the members of a
   list joined by "and". Commas do not make alternatives ("Paris, France").
7. Numbers. An accepted number must be the reply's only number of its unit (years compete with years only), or stand
   behind its last "=". An accepted unit must not be contradicted ("5 miles" is not "5 km") but may be left out, and a
   unit may be added. Units are not converted. A more precise date is right ("14 December 1972" for "1972"), a less
   precise one wrong.
8. Multiple choice. See `raycal.grading.choices`: a letter counts before the text of a choice; naming two is wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Literal

from raycal.grading.choices import OUTSIDE, mentioned_choices, named_letters, same_text
from raycal.grading.grader import GRADERS, AnsweredQuestion, Grade, PureGrader
from raycal.grading.mentions import Mention, find_mentions, is_quantity, rival_numbers
from raycal.grading.reply import behind_answer_is, extract, final_part, without_refusal
from raycal.questions.question import Kind
from raycal.text.normalize import ParsedText, normalize, parse
from raycal.text.numerals import is_number, listed

MATCH_VERSION = "2"  # part of a grade's key: raise it whenever a rule changes


class Reason(StrEnum):
    """How a reply was graded."""

    EXACT = "exact"
    CONTAINED = "contained"
    NUMBER = "number"
    LETTER = "letter"
    EMPTY = "empty"
    REFUSAL = "refusal"
    SEVERAL = "several answers"
    DENIED = "denied"
    DIFFERENT = "different"


_RIGHT = frozenset({Reason.EXACT, Reason.CONTAINED, Reason.NUMBER, Reason.LETTER})


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
        return [match(row.answer, row.accepted, kind=row.kind, choices=row.choices) for row in questions]


_ALTERNATIVE_WORDS = frozenset({"or", "versus", "vs", "alternatively"})
_SENTENCE_WORDS = frozenset(
    listed(
        "is was are were be been has have had it its they he she this that which who in of at on by from to with as so "
        "for there you i we can will would do does did"
    )
)


def match(text: str, answers: Sequence[str], *, kind: Kind, choices: Sequence[str] = ()) -> Grade:
    """Grade a model's raw reply against the accepted answers by the rules above.

    A choice question's answers are texts of its choices. Raises ValueError where `choices` do not fit `kind`, or hold
    none of the answers.
    """
    if (kind is Kind.CHOICE) != bool(choices):
        raise ValueError(f"a question of kind {kind} cannot have {len(choices)} choices")
    if kind is Kind.CHOICE:
        return _match_choice(text, answers, choices)
    extracted, reason = _match_open(text, [final_part(answer) or answer for answer in answers])
    return Grade(reason in _RIGHT, extracted, reason)


def _match_open(text: str, answers: Sequence[str]) -> tuple[str, Reason]:
    normal = {normalize(answer) for answer in answers}
    if text.strip() and normalize(text) in normal:
        return text.strip(), Reason.EXACT
    extracted = extract(text, kind=Kind.OPEN)
    if not extracted:
        return "", Reason.EMPTY
    if normalize(extracted) in normal:
        return extracted, Reason.EXACT
    kept = without_refusal(extracted)
    reason = _judge(parse(kept), [parse(answer) for answer in answers])
    return extracted, Reason.REFUSAL if kept != extracted and reason is Reason.DIFFERENT else reason


def _judge(line: ParsedText, answers: Sequence[ParsedText]) -> Reason:
    if all(is_quantity(answer) for answer in answers):
        line = _behind_equals(line)
    mentions = [(mention, is_quantity(answer)) for answer in answers for mention in find_mentions(line, answer)]
    asserted = [mention for mention, _ in mentions if mention.asserted]
    if not asserted:
        return Reason.DENIED if mentions else Reason.DIFFERENT
    if not all(
        any(start <= mention.start and mention.stop <= stop for mention in asserted)
        for start, stop in _alternatives(line, asserted)
    ):
        return Reason.SEVERAL
    numbers = {word for answer in answers for word in answer.words if is_number(word)}
    for mention, is_number_answer in mentions:
        if not mention.asserted or _is_listed_with_others(line, mention, asserted):
            continue
        if not is_number_answer:
            return Reason.CONTAINED
        if numbers.issuperset(rival_numbers(line, mention)):
            return Reason.NUMBER
    return Reason.SEVERAL


def _behind_equals(line: ParsedText) -> ParsedText:
    """A calculation's result: "9 x 2 = 18 dollars" is "18 dollars"."""
    behind = len(line.words) - line.words[::-1].index("=") if "=" in line.words else 0
    return line[behind:]


def _alternatives(line: ParsedText, mentions: Sequence[Mention]) -> list[tuple[int, int]]:
    """The stretches of words between "or", "/" and the like, where these are not themselves part of a mention."""
    stretches, start = [], 0
    for position, word in enumerate(line.words):
        if any(mention.start <= position < mention.stop for mention in mentions):
            continue
        if word in _ALTERNATIVE_WORDS:
            stretches.append((start, position))
            start = position + 1
        elif "/" in line.gaps[position] or "|" in line.gaps[position]:
            stretches.append((start, position))
            start = position
    stretches.append((start, len(line.words)))
    return [(start, stop) for start, stop in stretches if start < stop]


def _is_listed_with_others(line: ParsedText, mention: Mention, mentions: Sequence[Mention]) -> bool:
    """Whether "and" joins the mention to something that is not accepted, which is no clause of its own."""
    end = next((i for i in range(mention.stop, len(line.words)) if line.gaps[i].strip("-")), len(line.words))
    behind = line.words[mention.stop : end]
    if behind[:1] == ("and",) and len(behind) > 1 and not _SENTENCE_WORDS.intersection(behind):
        return not any(mention.stop < other.start < end for other in mentions)
    if mention.start > 1 and line.words[mention.start - 1] == "and" and not behind:
        return not any(other.start < mention.start for other in mentions)
    return False


def _match_choice(text: str, answers: Sequence[str], choices: Sequence[str]) -> Grade:
    right = {index for index, choice in enumerate(choices) if choice in answers}
    if not right:
        raise ValueError(f"none of the accepted answers {list(answers)} is among the choices {list(choices)}")
    extracted = extract(text, kind=Kind.CHOICE)
    if not extracted:
        return Grade(False, "", Reason.EMPTY)
    named, reason = _named_choices(text, extracted, choices)
    if named and not named <= right:
        reason = Reason.SEVERAL if len({choices[i] if i != OUTSIDE else None for i in named}) > 1 else Reason.DIFFERENT
    return Grade(reason in _RIGHT, extracted, reason)


def _named_choices(text: str, extracted: str, choices: Sequence[str]) -> tuple[set[int], Reason]:
    """The choices that a reply names, by text where it is nothing but a text, else by letter, else by mention."""
    for whole in (text, extracted, behind_answer_is(extracted)):
        exact = {index for index in same_text(whole, choices) if len(choices[index].strip()) > 1}
        if exact:
            return exact, Reason.EXACT
    letters = named_letters(extracted, choices)
    if letters:
        return letters, Reason.LETTER
    exact = same_text(behind_answer_is(extracted), choices)  # a letter that is no choice's, but a choice's text
    if exact:
        return exact, Reason.EXACT
    kept = without_refusal(extracted)
    mentioned = mentioned_choices(kept, choices)
    if mentioned:
        return mentioned, Reason.CONTAINED
    return set(), Reason.REFUSAL if kept != extracted else Reason.DIFFERENT
