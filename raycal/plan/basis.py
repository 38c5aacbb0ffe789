"""What the lines of a plan share: the run, its questions, what is known of its answers, and the rates."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from raycal.asked import IDENTITY, WITH_ANSWERS, each_once
from raycal.config import Device
from raycal.grade_answers import grades_of
from raycal.plan.line import Line
from raycal.plan.measure import Measure, Row, Tally, find_tokenizer
from raycal.plan.rates import Measured, Rates, choose_rate, measured
from raycal.prompts import Conversation
from raycal.questions.question import Split
from raycal.recipe import Recipe
from raycal.run import Run
from raycal.schemas import Table

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
        found = self.measured(Table.ANSWERS).generated
        return self.run.experiment.elicit.max_tokens if found is None else found

    @property
    def gpus_an_engine(self) -> float | None:
        """GPUs of one engine; None where the machine decides."""
        engine = self.run.experiment.engine
        return {Device.GPU: engine.tensor_parallel, Device.CPU: 0, Device.AUTO: None}[engine.device]

    @property
    def gpus_a_worker(self) -> float | None:
        """GPUs of one training worker; None where the machine decides."""
        trainer = self.run.experiment.trainer
        return {Device.GPU: trainer.gpus_per_worker, Device.CPU: 0, Device.AUTO: None}[trainer.device]

    def answered(self) -> Iterator[dict[str, Any]]:
        """The questions that have an answer or will have one, each once, with its answer's key as `answer_key`."""
        for block in each_once(self.run.asked_blocks(WITH_ANSWERS)):
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
    ) -> Line:
        """The line of requests to an engine: prompt tokens are those of one request, generated ones those of a row.

        Where the store's rows tell how many are generated, that many are expected.
        """
        generated = most_generated if found.generated is None else found.generated
        return Line(
            stage=stage,
            questions=questions,
            rows=rows,
            there=rows - left.rows,
            requests=left.questions,
            prompt_tokens=round(left.questions * prompt_tokens),
            generated_tokens=round(left.rows * generated),
            is_bound=found.generated is None,
            rate=choose_rate(self.rates.engine, found),
            gpus=self.gpus_an_engine,
        )
