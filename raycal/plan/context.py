"""The inputs of a plan: a run, the rates that the user states, and what the store has measured."""

from __future__ import annotations

import bisect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any

from raycal.config.engine import Device, EngineConfig, ModelConfig, PromptStyle
from raycal.experiment.config import Experiment
from raycal.experiment.recipe import Recipe
from raycal.experiment.run import Run
from raycal.experiment.selection import IDENTITY, WITH_ANSWERS, dedupe
from raycal.inference.backends import engine_for, text_backend
from raycal.models.find import Model, ModelError, local_folder
from raycal.models.prompts import Conversation, render
from raycal.models.tokenizers import load_tokenizer
from raycal.plan.lines import Measured, PlanLine, Rates, choose_rate, measured
from raycal.questions.question import Split
from raycal.stages.grade import grades_of
from raycal.store.schemas import Table

CHARACTERS_A_TOKEN = 4  # of English text, a rule of thumb
_TOKENIZER = "tokenizer_config.json"
SAMPLE = 200  # questions whose prompts are measured, for each kind of request

Row = Mapping[str, Any]


@dataclass
class Tally:
    """How many questions there are of a kind, and a few of them: those with the smallest keys, which are hashes."""

    questions: int = 0
    rows: int = 0  # that they make
    _sample: list[tuple[str, Row]] = field(default_factory=list)

    def add(self, key: str, question: Row, rows: int = 1) -> None:
        """Count a question (dataset, subject, question and choices) that makes some rows."""
        self.questions += 1
        self.rows += rows
        if len(self._sample) < SAMPLE or key < self._sample[-1][0]:
            bisect.insort(self._sample, (key, question), key=lambda one: one[0])
            del self._sample[SAMPLE:]

    def mean(self, tokens: Callable[[Row], float]) -> float:
        """The mean of something over the few; 0 where there are none."""
        return sum(tokens(row) for _, row in self._sample) / max(1, len(self._sample))


@dataclass(frozen=True)
class Measure:
    """Counts a prompt's tokens; `tokenizer` is None where the model's is not on this machine."""

    tokenizer: Any
    style: PromptStyle

    def __call__(self, conversation: Conversation) -> float:
        """The tokens of a conversation that a model is to continue."""
        if self.tokenizer is None:
            return sum(len(turn.content) for turn in conversation) / CHARACTERS_A_TOKEN
        return len(render(conversation, self.tokenizer, self.style))


@cache
def find_tokenizer(model: Model) -> Any:
    """The tokeniser of a model; None where it is not on this machine. Nothing is fetched. Raises ModelError."""
    folder = local_folder(model)
    if folder is None or not (folder / _TOKENIZER).is_file():
        return None
    try:
        return load_tokenizer(str(folder), None, local_only=True)
    except ModelError:
        if model.hub_revision is None:
            raise
        return None  # of the hub's files, a part was downloaded


Prompt = Callable[[Row], Conversation]


@dataclass(frozen=True)
class Basis:
    """A run and what the user states; `retry_errors`: whether what failed before is asked again."""

    run: Run
    rates: Rates
    retry_errors: bool = False

    def measured(self, table: Table, query: str | None = None) -> Measured:
        """What the rows of one of the recipe's partitions tell."""
        return measured(self.run.store, table, self.run.recipe.partitions[table], query)

    @cached_property
    def answer_tokens(self) -> float:
        """Tokens of an answer: as long as those in the store, else as long as one may be."""
        generated = self.measured(Table.ANSWERS).generated
        return self.run.experiment.elicit.max_tokens if generated is None else generated

    def gpus_an_engine(self, model: ModelConfig | None = None, engine: EngineConfig | None = None) -> float | None:
        """GPUs of one engine that asks a model (None: the experiment's); None where the machine decides."""
        engine = asking_engine(self.run.experiment, model, engine)
        return {Device.GPU: engine.tensor_parallel, Device.CPU: 0, Device.AUTO: None}[engine.device]

    @property
    def gpus_a_worker(self) -> float | None:
        """GPUs of one training worker; None where the machine decides."""
        trainer = self.run.experiment.trainer
        return {Device.GPU: trainer.gpus_per_worker, Device.CPU: 0, Device.AUTO: None}[trainer.device]

    def answered(self) -> Iterator[dict[str, Any]]:
        """The questions that have an answer or will have one, each once, with its answer's key as `answer_key`."""
        for block in dedupe(self.run.asked_blocks(WITH_ANSWERS)):
            for row in block.to_pylist():
                answer_key = self.run.recipe.answer_key(*(row[name] for name in IDENTITY))
                if answer_key not in self._failed:
                    yield row | {"answer_key": answer_key}

    @cached_property
    def learnt(self) -> tuple[Tally, Tally]:
        """The train and the calibration questions, but for those whose answer the first grader could not grade."""
        training, calibration = Tally(), Tally()
        tallies = {str(Split.TRAIN): training, str(Split.CALIBRATION): calibration}
        grades = grades_of(self.run, self.run.experiment.grade.graders[0])
        for row in self.answered():
            if row["split"] in tallies and grades.get(row["answer_key"], True) is not None:
                tallies[row["split"]].add(row["key"], row)
        return training, calibration

    @cached_property
    def _failed(self) -> set[str]:
        if self.retry_errors:
            return set()
        rows = self.run.store.rows("SELECT key FROM answers WHERE error IS NOT NULL", shards=self.run.shards)
        return {row["key"] for row in rows}

    def tokens(self, recipe: Recipe, left: Tally, prompt: Prompt) -> float:
        """The mean length of a prompt over the questions that are left."""
        measure = Measure(find_tokenizer(recipe.model), recipe.style)
        return left.mean(lambda row: measure(prompt(row)))

    def line(
        self,
        stage: str,
        left: Tally,
        *,
        questions: int,
        rows: int,
        prompt_tokens: float,
        most_generated: int,
        found: Measured,
        model: ModelConfig | None = None,
        engine: EngineConfig | None = None,
    ) -> PlanLine:
        """The line of requests to an engine: prompt tokens are those of one request, generated ones those of a row.

        Where the store's rows tell how many are generated, that many are expected. model, engine: what is asked, and by
        what; the experiment's if None.
        """
        generated = most_generated if found.generated is None else found.generated
        return PlanLine(
            stage=stage,
            questions=questions,
            rows=rows,
            there=rows - left.rows,
            requests=left.questions,
            prompt_tokens=round(left.questions * prompt_tokens),
            generated_tokens=round(left.rows * generated),
            is_bound=found.generated is None,
            rate=choose_rate(self.rates.engine, found),
            gpus=self.gpus_an_engine(model, engine),
        )


def asking_engine(
    experiment: Experiment, model: ModelConfig | None = None, engine: EngineConfig | None = None
) -> EngineConfig:
    """The settings of the engines that ask a model; model, engine: the experiment's if None."""
    return engine_for(text_backend(model or experiment.model), engine or experiment.engine)
