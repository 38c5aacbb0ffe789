"""Every prompt that raycal sends, and how it is rendered to tokens.

A prompt is a conversation. Follow-up questions about an answer continue the conversation that produced it, so that an
engine with a prefix cache computes their common part once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache
from string import Formatter, ascii_uppercase
from typing import Any

from raycal.config.engine import PromptStyle
from raycal.errors import RaycalError
from raycal.models.chat_template import apply_template
from raycal.models.special_tokens import encode, mark_special_tokens
from raycal.store.keys import digest
from raycal.text.suggest import nearest


class PromptError(RaycalError, ValueError):
    """A prompt of one's own cannot be used; the message says what to change."""


class Phrasing(StrEnum):
    """How the model is asked to state its confidence."""

    PROBABILITY = "probability"  # a number from 0.0 to 1.0
    PERCENT = "percent"  # a number from 0 to 100 with a % sign
    WORDS = "words"  # very unlikely ... very likely


class Wording(StrEnum):
    """How the model is asked whether an answer is correct."""

    CHOICES = "choices"  # (i): no, (ii): yes (Kapoor et al. 2024)
    TRUE_FALSE = "true_false"  # (A) True, (B) False (Kadavath et al. 2022)
    YES_NO = "yes_no"


class Role(StrEnum):
    """Who says something; an instruction stands once, in front of the first question."""

    INSTRUCTION = "instruction"
    USER = "user"
    ASSISTANT = "assistant"


@dataclass(frozen=True)
class Turn:
    """One thing that was said."""

    role: Role
    content: str


Conversation = tuple[Turn, ...]


@dataclass(frozen=True)
class FewShotExample:
    """A question with its answer, shown in front of the one that is asked."""

    question: str
    choices: tuple[str, ...]
    answer: str


_REMEMBERED = 4096  # prompts of an engine: more than it has in flight

_OPEN_INSTRUCTION = "Answer with a short phrase and nothing else."
_CHOICE_INSTRUCTION = "Answer with the letter of the right choice and nothing else."


@dataclass(frozen=True)
class FollowUp:
    """A question about the answer just given, whose reply is a text.

    name: in the column `query` of QUERIES and in keys, which the text enters as well. max_tokens: of the reply.
    Raises ValueError where the name is not made of letters, digits and underscores.
    """

    name: str
    text: str
    max_tokens: int = 20

    def __post_init__(self) -> None:
        if not self.name.isidentifier():
            raise ValueError(f"a prompt's name is made of letters, digits and underscores, and not {self.name!r}")

    def put(self, asked: Conversation, answer: str) -> Conversation:
        """The conversation that puts it, behind the one that asked the question."""
        return (*asked, Turn(Role.ASSISTANT, answer), Turn(Role.USER, self.text))


@dataclass(frozen=True, kw_only=True)
class TwoChoices(FollowUp):
    """One whose reply is the probability of yes; the last tokens of `no` and `yes` stand for the two."""

    no: str
    yes: str
    max_tokens: int = 1


CORRECTNESS_PROMPTS = {
    wording: TwoChoices("correctness", text, no=no, yes=yes)
    for wording, text, no, yes in (
        # Kapoor et al. (2024)
        (Wording.CHOICES, "Is the proposed answer correct?\nChoices:\n(i): no\n(ii): yes\nAnswer:", "i", "ii"),
        # P(True) of Kadavath et al. (2022)
        (Wording.TRUE_FALSE, "Is the proposed answer:\n(A) True\n(B) False\nThe proposed answer is:", "B", "A"),
        (Wording.YES_NO, "Is the proposed answer correct? Reply with yes or no and nothing else.", "No", "Yes"),
    )
}
CORRECTNESS = CORRECTNESS_PROMPTS[Wording.CHOICES]

CONFIDENCE_PROMPTS = {
    phrasing: FollowUp(str(phrasing), text)
    for phrasing, text in {
        Phrasing.PROBABILITY: (
            "How likely is it that the proposed answer is correct? "
            "Reply with a probability between 0.0 and 1.0 and nothing else."
        ),
        Phrasing.PERCENT: (
            "How confident are you that the proposed answer is correct? "
            "Reply with a percentage between 0% and 100% and nothing else."
        ),
        Phrasing.WORDS: (
            "How likely is it that the proposed answer is correct? Reply with one of: almost certain, very likely, "
            "likely, about even, unlikely, very unlikely, almost impossible. Say nothing else."
        ),
    }.items()
}

_JUDGE_QUERY = (
    "Question: {question}\nAccepted answers: {answers}\nProposed answer: {answer}\n\n"
    "Does the proposed answer mean the same as one of the accepted answers? Reply with yes or no and nothing else."
)
JUDGE_PLACEHOLDERS = ("question", "answers", "answer")
_EQUIVALENCE_QUERY = (
    "Question: {question}\nFirst answer: {left}\nSecond answer: {right}\n\n"
    "Do the two answers to the question mean the same? Reply with yes or no and nothing else."
)
EQUIVALENCE_PLACEHOLDERS = ("question", "left", "right")


def letters(choices: Sequence[str]) -> str:
    """The letters of the choices, "ABCD" for four."""
    return ascii_uppercase[: len(choices)]


def choice_letter(choices: Sequence[str], answer: str) -> str:
    """The letter of the first choice that is the answer."""
    return letters(choices)[list(choices).index(answer)]


def _asked(question: str, choices: Sequence[str]) -> str:
    listed = "".join(f"\n{letter}. {choice}" for letter, choice in zip(letters(choices), choices, strict=True))
    return f"Question: {question}{listed}"


def answer_prompt(question: str, choices: Sequence[str], examples: Sequence[FewShotExample]) -> Conversation:
    """A question to be answered; without choices an open one."""
    shown = (
        turn
        for example in examples
        for turn in (Turn(Role.USER, _asked(example.question, example.choices)), Turn(Role.ASSISTANT, example.answer))
    )
    instruction = Turn(Role.INSTRUCTION, _CHOICE_INSTRUCTION if choices else _OPEN_INSTRUCTION)
    return (instruction, *shown, Turn(Role.USER, _asked(question, choices)))


def judge_prompt(question: str, answers: Sequence[str], answer: str, text: str | None = None) -> Conversation:
    """The query whether an answer means the same as one of the accepted ones.

    text: another wording, with JUDGE_PLACEHOLDERS.
    """
    filled = (text or _JUDGE_QUERY).format(question=question, answers="; ".join(answers), answer=answer)
    return (Turn(Role.USER, filled),)


def equivalence_prompt(question: str, left: str, right: str, text: str | None = None) -> Conversation:
    """The query whether two answers mean the same; text: another wording, with EQUIVALENCE_PLACEHOLDERS."""
    return (Turn(Role.USER, (text or _EQUIVALENCE_QUERY).format(question=question, left=left, right=right)),)


def check_placeholders(text: str, names: Sequence[str]) -> str:
    """The text of a prompt, which must have each of the placeholders and no other. Raises PromptError.

    >>> check_placeholders("{question} Is it {answer}?", ("question", "answer"))
    '{question} Is it {answer}?'
    >>> check_placeholders("Is it {anser}?", ("answer",))
    Traceback (most recent call last):
        ...
    raycal.models.prompts.PromptError: there is no placeholder {anser}: did you mean 'answer'? There is: answer
    """
    try:
        parts = [part for part in Formatter().parse(text) if part[1] is not None]
    except ValueError as error:
        raise PromptError(f"{error}: a brace that is none of a placeholder is written twice, as in {{{{") from error
    for _, name, spec, conversion in parts:
        if name not in names:
            raise PromptError(f"there is no placeholder {{{name}}}: {nearest(str(name), names)}")
        if spec or conversion:
            raise PromptError(f"the placeholder {{{name}}} stands alone in its braces, without a format")
    if missing := [f"{{{name}}}" for name in names if name not in {part[1] for part in parts}]:
        raise PromptError(f"the prompt lacks {' and '.join(missing)}")
    return text


def template_name(name: str, conversation: Conversation, style: PromptStyle) -> str:
    """A prompt's name in keys: readable, and changed by any change of wording.

    The conversation is the prompt made of placeholders in place of the question and the answer.
    """
    return f"{name}/{style}/{digest(*(part for turn in conversation for part in (turn.role, turn.content)))[:8]}"


def render(conversation: Conversation, tokenizer: Any, style: PromptStyle) -> list[int]:
    """Token ids of a conversation that the model is to continue.

    Chat style uses the tokeniser's chat template; base style writes "Question: ... Answer: ..." paragraphs. Auto is
    chat exactly where the tokeniser has a template. What is said is text, whatever special tokens it spells. Raises
    TemplateError, for chat style without a template too.
    """
    if style is PromptStyle.AUTO:
        style = PromptStyle.CHAT if tokenizer.chat_template else PromptStyle.BASE
    texts, marks = mark_special_tokens([turn.content for turn in conversation], tokenizer)
    marked = tuple(replace(turn, content=text) for turn, text in zip(conversation, texts, strict=True))
    if style is PromptStyle.BASE:
        return encode(_plain_text(marked), marks, tokenizer, add_special_tokens=True)
    # The template writes the special tokens.
    return encode(apply_template(tokenizer, messages(marked)), marks, tokenizer, add_special_tokens=False)


def renderer(tokenizer: Any, style: PromptStyle) -> Callable[[Conversation], tuple[int, ...]]:
    """`render` for one engine, which is asked for an answer and for samples with one and the same prompt.

    Raises TemplateError where it renders nothing.
    """
    remembering = lru_cache(maxsize=_REMEMBERED)(lambda conversation: tuple(render(conversation, tokenizer, style)))
    remembering(answer_prompt("Who?", (), ()))
    return remembering


def messages(conversation: Conversation) -> list[dict[str, str]]:
    """A conversation as a chat template takes it."""
    return [{"role": str(turn.role), "content": turn.content} for turn in _merge_instruction(conversation)]


def _merge_instruction(conversation: Conversation) -> Conversation:
    # Not every chat template has a system role, so that the instruction goes into the user's first turn.
    if conversation[0].role is not Role.INSTRUCTION:
        return conversation
    instruction, first, *rest = conversation
    return (Turn(Role.USER, f"{instruction.content}\n\n{first.content}"), *rest)


def _plain_text(conversation: Conversation) -> str:
    text = ""
    for turn in conversation:
        if turn.role is Role.ASSISTANT:
            text += f"\nAnswer: {turn.content}"
        else:
            text += ("\n\n" if text else "") + turn.content
    return f"{text}\nAnswer:"
