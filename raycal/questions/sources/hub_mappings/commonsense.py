"""Mappings of datasets on everyday situations and misconceptions, with choices."""

from __future__ import annotations

import re

from raycal.questions.items import ChoiceItem
from raycal.questions.sources.hub_mappings.exams import LABELLED, labelled
from raycal.questions.sources.hub_mappings.mapping import (
    CHOICE,
    CHOICE_FIRST,
    CONVERTED,
    Cells,
    HubMapping,
    identified,
    position,
    right_among,
    text,
    texts,
)

_WIKIHOW_MARK = re.compile(r"\[(header|step|substeps)\]")


def _commonsense_qa(row: Cells) -> ChoiceItem:
    return labelled(row, text(row, "question"), subject=text(row, "question_concept"))


def _winogrande(row: Cells) -> ChoiceItem:
    return ChoiceItem(
        question=f"What fills the blank? {text(row, 'sentence')}",
        choices=(text(row, "option1"), text(row, "option2")),
        right=position(text(row, "answer"), ("1", "2")),
    )


def _hellaswag(row: Cells) -> ChoiceItem:
    """Endings of a scene; `label` is a digit as text, and empty where it was kept back."""
    endings = tuple(_without_marks(ending) for ending in texts(row, "endings"))
    return ChoiceItem(
        question=f"What happens next? {text(row, 'activity_label')}: {_without_marks(text(row, 'ctx'))}",
        choices=endings,
        right=position(text(row, "label"), tuple(map(str, range(len(endings))))),
        metadata=identified(row, "source_id"),
    )


def _without_marks(scene: str) -> str:
    """A scene without what WikiHow's pages leave in it: [title], [header], [step]."""
    return " ".join(_WIKIHOW_MARK.sub(" ", scene.replace(" [title]", ". ").replace("[title]", " ")).split())


def _piqa(row: Cells) -> ChoiceItem:
    return ChoiceItem(
        question=f"How is this done best? {text(row, 'goal')}",
        choices=(text(row, "sol1"), text(row, "sol2")),
        right=position(text(row, "label"), ("0", "1")),
    )


def _siqa(row: Cells) -> ChoiceItem:
    return ChoiceItem(
        question=f"{text(row, 'context')} {text(row, 'question')}",
        choices=tuple(text(row, f"answer{letter}") for letter in "ABC"),
        right=position(text(row, "label"), ("1", "2", "3")),
    )


def _truthful_qa_mc(row: Cells) -> ChoiceItem:
    choices = texts(row, "mc1_targets.choices")
    right = position("1", texts(row, "mc1_targets.labels"))
    return right_among(text(row, "question"), choices[right], (*choices[:right], *choices[right + 1 :]))


COMMONSENSE: dict[str, HubMapping] = {
    "commonsense_qa": HubMapping(
        path="tau/commonsense_qa",
        split="validation",  # the test split has no answers
        kinds=CHOICE_FIRST,
        columns=("question", "question_concept", *LABELLED),
        read=_commonsense_qa,
    ),
    "winogrande": HubMapping(
        path="allenai/winogrande",
        config="winogrande_xl",
        split="validation",  # the test split has no answers
        kinds=CHOICE,
        columns=("sentence", "option1", "option2", "answer"),
        read=_winogrande,
    ),
    "hellaswag": HubMapping(
        path="Rowan/hellaswag",
        split="validation",  # the test split has no answers
        kinds=CHOICE,
        columns=("ctx", "activity_label", "endings", "label"),
        optional=("source_id",),
        read=_hellaswag,
    ),
    "piqa": HubMapping(
        path="ybisk/piqa",
        revision=CONVERTED,
        split="validation",  # the test split has no answers
        kinds=CHOICE,
        columns=("goal", "sol1", "sol2", "label"),
        read=_piqa,
    ),
    "siqa": HubMapping(
        path="allenai/social_i_qa",
        revision=CONVERTED,
        split="validation",  # there is no test split
        kinds=CHOICE,
        columns=("context", "question", "answerA", "answerB", "answerC", "label"),
        read=_siqa,
    ),
    "truthful_qa_mc": HubMapping(
        path="truthfulqa/truthful_qa",
        config="multiple_choice",
        split="validation",
        kinds=CHOICE,
        columns=("question", "mc1_targets.choices", "mc1_targets.labels"),
        read=_truthful_qa_mc,
    ),
}
