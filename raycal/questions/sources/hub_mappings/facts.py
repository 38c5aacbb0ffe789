"""Mappings of open-ended questions on facts, without a passage."""

from __future__ import annotations

from raycal.questions.cells import accepted_answers, is_missing, is_true, lookup
from raycal.questions.items import OpenItem
from raycal.questions.sources.hub_mappings.mapping import (
    OPEN,
    Cells,
    HubMapping,
    identified,
    optional_text,
    text,
    texts,
)


def with_answers(row: Cells) -> OpenItem:
    """`question` and `answer`: a text, a list of texts, or a rationale with a last line "#### answer"."""
    answers, metadata = accepted_answers(lookup(row, "answer"), None)
    return OpenItem(question=text(row, "question"), answers=answers, metadata=metadata)


def _truthful_qa(row: Cells) -> OpenItem:
    return OpenItem(
        question=text(row, "question"),
        answers=(text(row, "best_answer"), *texts(row, "correct_answers")),
        subject=text(row, "category"),
        metadata={"incorrect_answers": list(texts(row, "incorrect_answers"))},
    )


def _trivia_qa(row: Cells) -> OpenItem:
    return OpenItem(
        question=text(row, "question"),
        answers=(text(row, "answer.value"), *texts(row, "answer.aliases")),
        metadata={"id": text(row, "question_id")},
    )


def _simpleqa(row: Cells) -> OpenItem:
    """`metadata` spells a Python mapping, whose topic is the subject."""
    return OpenItem(
        question=text(row, "problem", "question"),
        answers=(text(row, "answer"),),
        subject=optional_text(row, "metadata.topic"),
    )


def _popqa(row: Cells) -> OpenItem:
    """`possible_answers` is a list as JSON; the relation is the subject, the page's views are kept."""
    views = optional_text(row, "s_pop")
    return OpenItem(
        question=text(row, "question"),
        answers=texts(row, "possible_answers"),
        subject=optional_text(row, "prop"),
        metadata=identified(row, "id") | ({"popularity": int(views)} if views.isdecimal() else {}),
    )


def _hotpot_qa(row: Cells) -> OpenItem:
    """Without its paragraphs, as an open-domain question."""
    return OpenItem(
        question=text(row, "question"),
        answers=(text(row, "answer"),),
        subject=optional_text(row, "type"),
        metadata=identified(row, "id"),
    )


def _selfaware(row: Cells) -> OpenItem:
    """Questions that nobody can answer, and others that are like them."""
    answer = lookup(row, "answer")
    return OpenItem(
        question=text(row, "question"),
        answers=() if is_missing(answer) else accepted_answers(answer, None)[0],
        answerable=is_true(row, "answerable"),
        subject=optional_text(row, "source"),
        metadata=identified(row, "question_id"),
    )


FACTS: dict[str, HubMapping] = {
    "truthful_qa": HubMapping(
        path="truthfulqa/truthful_qa",
        config="generation",
        split="validation",
        kinds=OPEN,
        columns=("question", "category", "best_answer", "correct_answers", "incorrect_answers"),
        read=_truthful_qa,
    ),
    "trivia_qa": HubMapping(
        path="mandarjoshi/trivia_qa",
        config="rc.nocontext",
        split="validation",
        kinds=OPEN,
        columns=("question", "question_id", "answer.value", "answer.aliases"),
        read=_trivia_qa,
    ),
    "nq_open": HubMapping(
        path="google-research-datasets/nq_open",
        split="validation",
        kinds=OPEN,
        columns=("question", "answer"),
        read=with_answers,
    ),
    "simpleqa": HubMapping(
        path="basicv8vc/SimpleQA",
        split="test",
        kinds=OPEN,
        columns=(("problem", "question"), "answer"),
        optional=("metadata",),
        read=_simpleqa,
    ),
    "popqa": HubMapping(
        path="akariasai/PopQA",
        split="test",
        kinds=OPEN,
        columns=("question", "possible_answers"),
        optional=("prop", "s_pop", "id"),
        read=_popqa,
    ),
    "hotpot_qa": HubMapping(
        path="hotpotqa/hotpot_qa",
        config="fullwiki",
        split="validation",  # the test split has no answers
        kinds=OPEN,
        columns=("question", "answer"),
        optional=("type", "id"),
        read=_hotpot_qa,
    ),
    "selfaware": HubMapping(
        path="JesusCrist/selfAware",
        split="train",  # there is no other
        kinds=OPEN,
        columns=("question", "answer", "answerable"),
        optional=("source", "question_id"),
        read=_selfaware,
    ),
}
