"""One experiment on one store: what its stages share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import pyarrow as pa

from raycal.config.engine import ModelConfig
from raycal.experiment.config import Experiment
from raycal.experiment.ingest import QuestionSet, ingest
from raycal.experiment.recipe import Recipe
from raycal.experiment.selection import QUESTION_COLUMNS, WITH_ANSWERS, asked_table, dedupe, select_questions
from raycal.experiment.stored_questions import stored_questions
from raycal.models.find import Model, find_model
from raycal.store.keys import digest
from raycal.store.locations import Location
from raycal.store.schemas import Table
from raycal.store.shard_memo import ShardMemo
from raycal.store.store import Store, read_blocks

_NO_NUMBERS = ("engine", "trainer", "storage")  # sections that say where and how fast numbers are made, not which


def run_id(experiment: Experiment, model: Model) -> str:
    """The experiment's name and a hash of all that determines its numbers."""
    return f"{experiment.name}-{digest(experiment.identity(exclude=_NO_NUMBERS), model)[:8]}"


@dataclass(frozen=True)
class Run:
    """An experiment whose questions are in the store and whose keys are known."""

    experiment: Experiment
    store: Store
    questions: QuestionSet
    recipe: Recipe

    @classmethod
    def open(cls, experiment: Experiment, questions_in: Store | None = None) -> Run:
        """Load the questions and find the model: all that can be wrong with either is wrong here, before any engine.

        questions_in: where the questions are written to, the experiment's store by default. Raises QuestionSourceError,
        NoQuestionsError, ModelError, StoreError for a store of a newer raycal, and OSError for a storage that cannot be
        used.
        """
        store = Store.open(experiment.storage.absolute())  # Ray workers have other working folders
        model = find_model(experiment.model)
        questions = ingest(experiment.questions, experiment.splits, experiment.elicit.few_shot, questions_in or store)
        return cls(experiment, store, questions, Recipe.of(experiment, model, questions.examples))

    @classmethod
    def open_recorded(cls, experiment: Experiment, store: Store) -> Run:
        """A run as a store has it in RUNS, with the questions that the store has: what it names elsewhere stays closed.

        Of the model that it names, the files are hashed. Raises NoStoredQuestionsError, ModelError and AdapterError.
        """
        model = find_model(experiment.model)
        questions = stored_questions(experiment.questions, experiment.splits, experiment.elicit.few_shot, store)
        return cls(experiment, store, questions, Recipe.of(experiment, model, questions.examples))

    @property
    def id(self) -> str:
        """See `run_id`."""
        return run_id(self.experiment, self.recipe.model)

    def recipe_for(self, reader: ModelConfig | None) -> Recipe:
        """The recipe as the model has it that reads the answers: that which gave them (None), or another.

        Raises ModelError and AdapterError.
        """
        if reader is None:
            return self.recipe
        if reader not in self._readers:
            self._readers[reader] = find_model(reader)
        return replace(self.recipe, model=self._readers[reader], style=reader.prompt_style)

    @cached_property
    def _readers(self) -> dict[ModelConfig, Model]:
        """The models found so far: to name one in keys, its files are read."""
        return {}

    @cached_property
    def asked(self) -> pa.Table:
        """See `asked_table`; to be joined with the tables, which may hold other experiments' rows too."""
        return asked_table(dedupe(self.asked_blocks(WITH_ANSWERS)), self.recipe)

    def read_questions(self) -> None:
        """Make `asked`, once."""
        _ = self.asked

    @property
    def has_asked(self) -> bool:
        """Whether `asked` has been made."""
        return "asked" in vars(self)

    @cached_property
    def index(self) -> ShardMemo:
        """What was read of the store, by the shards that it was read from."""
        return ShardMemo()

    def asked_blocks(self, columns: Sequence[str] = QUESTION_COLUMNS) -> Iterator[pa.Table]:
        """The questions that are asked, block by block; one that is in two sources comes twice.

        columns: QUESTION_COLUMNS, and perhaps others.
        """
        for batch in read_blocks(Table.QUESTIONS, self.questions.shards, columns):
            yield select_questions(pa.Table.from_batches([batch]), self.experiment.splits, self.recipe)

    def keyed(self, key_of: Callable[[dict[str, str]], str]) -> pa.Table:
        """`asked` with a column "key": the key of each question's row in some table."""
        keys = [key_of(row) for row in self.asked.to_pylist()]
        return self.asked.append_column("key", pa.array(keys, pa.string()))

    @property
    def shards(self) -> dict[Table, list[Location]]:
        """The shards that hold this run's questions and generations, as far as they are written by now."""
        generated = {table: self.store.shards(table, name) for table, name in self.recipe.partitions.items()}
        return {Table.QUESTIONS: list(self.questions.shards), **generated}
