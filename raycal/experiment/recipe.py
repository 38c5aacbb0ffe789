"""The recipe of every generated row: its key, and the conversation that is put for it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from raycal.config.engine import PromptStyle
from raycal.experiment.config import ElicitConfig, Experiment
from raycal.methods.base import prompts_of
from raycal.models.find import Model
from raycal.models.prompts import (
    Conversation,
    FewShotExample,
    FollowUp,
    answer_prompt,
    template_name,
)
from raycal.questions.question import Kind
from raycal.store.keys import digest, digest_after, safe_name
from raycal.store.schemas import Table

_SEED_SPACING = 1024  # vLLM gives the i-th sample the seed + i: questions must not share seeds; k is at most this

Group = tuple[str, str, str]  # dataset, kind and subject: the questions in front of which the same examples are shown


@dataclass(frozen=True)
class Recipe:
    """How answers, samples and follow-up queries are made; equal recipes make equal keys."""

    model: Model
    style: PromptStyle
    config: ElicitConfig
    prompts: tuple[FollowUp, ...]  # follow-up ones
    seed: int
    examples: Mapping[Group, tuple[FewShotExample, ...]]  # what is shown in front of a group's questions

    @classmethod
    def of(cls, experiment: Experiment, model: Model, examples: Mapping[Group, tuple[FewShotExample, ...]]) -> Recipe:
        """The recipe of an experiment."""
        prompts = prompts_of(experiment.methods)
        return cls(model, experiment.model.prompt_style, experiment.elicit, prompts, experiment.seed, examples)

    def asked(self, dataset: str, subject: str, question: str, choices: Sequence[str]) -> Conversation:
        """The conversation that asks a question."""
        kind = Kind.CHOICE if choices else Kind.OPEN
        return answer_prompt(question, choices, self.examples.get((dataset, kind, subject), ()))

    def is_shown(self, dataset: str, kind: str, subject: str, question: str) -> bool:
        """Whether a question is one of its group's examples, with its answer: the model would read it off."""
        return question in self._shown.get((dataset, kind, subject), ())

    @cached_property
    def _shown(self) -> dict[Group, set[str]]:
        return {group: {example.question for example in some} for group, some in self.examples.items()}

    def answer_key(self, question_id: str, dataset: str, kind: str, subject: str) -> str:
        """The key of the greedy answer."""
        shown = self._examples_digests.get((dataset, kind, subject), "")
        return digest_after((*self._answer_provenance.values(), shown), question_id)

    def samples_key(self, question_id: str, dataset: str, kind: str, subject: str) -> str:
        """The key that the samples of a question share; the index completes it."""
        shown = self._examples_digests.get((dataset, kind, subject), "")
        return digest_after((*self._samples_provenance.values(), shown), question_id)

    def query_key(self, prompt: FollowUp, answer_key: str) -> str:
        """The key of a follow-up query about an answer."""
        return digest_after((*self.query_provenance[prompt].values(),), answer_key)

    def sample_seed(self, question_id: str) -> int:
        """The seed of a question's first sample; the i-th has this + i."""
        return int(digest("sample", self.seed, question_id)[:10], 16) * _SEED_SPACING

    def provenance(self, table: Table) -> dict[str, str]:
        """The columns model, prompt and sampling of an answer or a sample."""
        return self._answer_provenance if table is Table.ANSWERS else self._samples_provenance

    @cached_property
    def partitions(self) -> dict[Table, str]:
        """The partition of each table, in the order of writing: an answer comes before what is said of it."""
        provenance = {
            Table.ANSWERS: self._answer_provenance,
            Table.SAMPLES: self._samples_provenance,
            Table.QUERIES: self._answer_provenance,
        }
        name = safe_name(self.model.name)
        return {table: f"{name}-{digest(*parts.values())[:12]}" for table, parts in provenance.items()}

    @cached_property
    def _examples_digests(self) -> dict[Group, str]:
        return {
            group: digest(*(part for one in some for part in (one.question, *one.choices, one.answer)))
            for group, some in self.examples.items()
        }

    # Generations are dear, so their keys follow no default: `sampling` names every value. A new option may stand in it
    # only where it differs from its default, or every stored generation has another key (tests/test_golden_ids.py).
    @cached_property
    def _answer_provenance(self) -> dict[str, str]:
        both = "+".join(
            template_name(kind, answer_prompt("{question}", choices, ()), self.style)
            for kind, choices in (("open", ()), ("choice", ("{first}", "{second}")))
        )
        return {"model": str(self.model), "prompt": both, "sampling": json.dumps({"temperature": 0, **self._limits})}

    @cached_property
    def _samples_provenance(self) -> dict[str, str]:
        samples = self.config.samples
        sampling = {"temperature": samples.temperature, "top_p": samples.top_p, "seed": self.seed, **self._limits}
        return self._answer_provenance | {"sampling": json.dumps(sampling)}

    @cached_property
    def query_provenance(self) -> dict[FollowUp, dict[str, str]]:
        """The columns model, prompt and sampling of the replies to each follow-up prompt."""
        asked = answer_prompt("{question}", (), ())
        return {
            prompt: {
                "model": str(self.model),
                "prompt": template_name(prompt.name, prompt.put(asked, "{answer}"), self.style),
                "sampling": json.dumps({"temperature": 0, "max_tokens": prompt.max_tokens}),
            }
            for prompt in self.prompts
        }

    def prompt(self, name: str) -> FollowUp:
        """The follow-up prompt of a name."""
        return next(prompt for prompt in self.prompts if prompt.name == name)

    @property
    def _limits(self) -> dict[str, object]:
        return {"max_tokens": self.config.max_tokens, "stop": list(self.stop)}

    @property
    def stop(self) -> tuple[str, ...]:
        """Where an answer ends."""
        return ("\n",) if self.config.first_line else ()
