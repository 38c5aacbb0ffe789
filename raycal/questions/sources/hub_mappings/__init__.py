"""Ready mappings of well-known hub datasets to questions: one function and one line of a table a dataset."""

from raycal.questions.sources.hub_mappings.commonsense import COMMONSENSE
from raycal.questions.sources.hub_mappings.exams import EXAMS
from raycal.questions.sources.hub_mappings.facts import FACTS
from raycal.questions.sources.hub_mappings.mapping import HubMapping
from raycal.questions.sources.hub_mappings.passages import PASSAGES
from raycal.questions.sources.hub_mappings.reasoning import REASONING

MAPPINGS: dict[str, HubMapping] = {**EXAMS, **COMMONSENSE, **PASSAGES, **FACTS, **REASONING}

__all__ = ["MAPPINGS", "HubMapping"]
