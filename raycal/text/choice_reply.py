"""What a reply to a multiple-choice question says: which choices it names, and how."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto

from raycal.text.choices import OUTSIDE, mentioned_choices, named_letters, same_text
from raycal.text.final_answer import FinalAnswer, final_answer, without_thought
from raycal.text.refusals import without_refusal


class Naming(Enum):
    """How a reply names a choice."""

    TEXT = auto()  # it is the choice's text and no more
    LETTER = auto()
    MENTION = auto()  # of the choice's text
    REFUSAL = auto()  # to name one
    NONE = auto()


@dataclass(frozen=True)
class ChoiceReply:
    """The indices of the named choices, with OUTSIDE for a letter behind the last one's."""

    named: frozenset[int]
    naming: Naming
    final: FinalAnswer

    def texts(self, choices: Sequence[str]) -> set[str | None]:
        """The texts of the named choices, which several may share; None stands for a letter that has none."""
        return {None if index == OUTSIDE else choices[index] for index in self.named}


def read_choice_reply(reply: str, choices: Sequence[str]) -> ChoiceReply:
    """The choices that a reply names: by text where it is nothing but a text, else by letter, else by mention."""
    final = final_answer(reply, lettered=True)
    text = final.readable
    for whole in (without_thought(reply), text):
        exact = frozenset(index for index in same_text(whole, choices) if len(choices[index].strip()) > 1)
        if exact:
            return ChoiceReply(exact, Naming.TEXT, final)
    letters = named_letters(text, choices)
    if letters:
        return ChoiceReply(frozenset(letters), Naming.LETTER, final)
    exact = frozenset(same_text(text, choices))  # a letter that is no choice's, but a choice's text
    if exact:
        return ChoiceReply(exact, Naming.TEXT, final)
    kept = without_refusal(text)
    mentioned = frozenset(mentioned_choices(kept, choices))
    if mentioned:
        return ChoiceReply(mentioned, Naming.MENTION, final)
    return ChoiceReply(frozenset(), Naming.REFUSAL if kept != text else Naming.NONE, final)
