"""The stage that reads hidden states: answers in, FEATURES out, once a layer and for all classifiers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from raycal.config.engine import ModelConfig
from raycal.errors import RaycalError
from raycal.experiment.recipe import Recipe
from raycal.experiment.run import Run
from raycal.finetuning.data import ExampleError, tokenize
from raycal.inference.backend import StatesBackend, Usage
from raycal.inference.backends import states_backend
from raycal.inference.runner import run_tasks
from raycal.inference.tasks import BatchReport, Row, TableRows, cost_columns, failed_columns, unless_written
from raycal.methods.base import States, in_dependency_order
from raycal.models.chat_template import TemplateError
from raycal.models.find import layer_count
from raycal.questions.question import Split
from raycal.stages.answers import answered, conversation
from raycal.store.keys import digest, safe_name
from raycal.store.schemas import Table
from raycal.store.store import Store

_VERSION = "1"  # of what is read where; raise it whenever that changes


class LayerError(RaycalError, ValueError):
    """The model has no such layer, or no numbers there."""


@dataclass(frozen=True)
class FeatureReader:
    """Reads the hidden states of an answer's last token at some layers."""

    config: ModelConfig
    recipe: Recipe  # as the model has it whose states they are
    layers: tuple[int, ...]
    few_shot: bool

    @property
    def provenance(self) -> dict[str, str]:
        """The columns model and prompt."""
        return {"model": str(self.recipe.model), "prompt": f"answered{'+examples' if self.few_shot else ''}/{_VERSION}"}

    def key(self, answer_key: str, layer: int) -> str:
        """The key of one state."""
        return digest(*self.provenance.values(), self.recipe.style, answer_key, layer)

    @property
    def partition(self) -> str:
        """Where the states are, whatever the layer."""
        return f"{safe_name(self.recipe.model.name)}-{digest(*self.provenance.values())[:12]}"

    @property
    def partitions(self) -> Mapping[Table, str]:
        """See tasks.Task."""
        return {Table.FEATURES: self.partition}

    def remaining(self, work: list[Row], store: Store) -> list[Row]:
        """See tasks.Task."""
        keys = [{"key": self.key(row["answer_key"], layer)} for row in work for layer in self.layers]
        return work if unless_written(Table.FEATURES, self.partition, keys, store) else []

    async def ask(self, engine: StatesBackend, row: Row) -> TableRows:
        """See tasks.Task."""
        computed = [
            {
                "key": self.key(row["answer_key"], layer),
                "answer_key": row["answer_key"],
                "question_id": row["question_id"],
                "layer": layer,
                **self.provenance,
            }
            for layer in self.layers
        ]
        try:
            example = tokenize(
                row["answer_key"],
                conversation(self.recipe, row, few_shot=self.few_shot),
                row["answer"],
                False,
                tokenizer=engine.tokenizer,
                style=engine.style,
            )
            states = await engine.last_token_states(list(example.tokens[: example.answer_end]))
            rows = [one | {"state": _at(states, one["layer"])} | cost_columns(Usage(0, 0)) for one in computed]
        except (ExampleError, LayerError, TemplateError) as error:
            return {Table.FEATURES: [one | failed_columns(str(error)) for one in computed]}
        rows[0] |= cost_columns(Usage(example.answer_end, 0))  # one forward pass makes all of them
        return {Table.FEATURES: rows}


def _at(states: NDArray[np.float32], layer: int) -> list[float]:
    if not -len(states) <= layer < len(states):
        raise LayerError(f"the model has layers 0 to {len(states) - 1}, and no layer {layer}")
    if not np.isfinite(states[layer]).all():
        raise LayerError(f"the hidden state of layer {layer} has numbers that are infinite or NaN")
    return [float(value) for value in states[layer]]


def wanted_states(run: Run) -> list[States]:
    """The hidden states that the run's methods read."""
    needed = [method.needs().states for method in in_dependency_order(run.experiment.methods)]
    return [states for states in needed if states is not None]


def check_layers(run: Run) -> None:
    """Raise LayerError where a model is known to lack a layer that a method reads."""
    for states in wanted_states(run):
        model = run.recipe_for(states.model).model
        count = layer_count(model)
        if count is not None and not -count - 1 <= states.layer <= count:
            raise LayerError(f"{model.name} has layers 0 to {count}, and no layer {states.layer}: name one of them")


def feature_reader(run: Run, first: States, *others: States) -> FeatureReader:
    """The reader of some states, which differ in their layers alone."""
    layers = sorted({states.layer for states in (first, *others)})
    config = first.model or run.experiment.model
    return FeatureReader(config, run.recipe_for(first.model), tuple(layers), first.few_shot)


def feature_readers(run: Run, wanted: Sequence[States]) -> list[FeatureReader]:
    """What reads some states: one reader of all layers for each model and way of asking."""
    alike: dict[tuple[ModelConfig | None, bool], list[States]] = {}
    for states in wanted:
        alike.setdefault((states.model, states.few_shot), []).append(states)
    return [feature_reader(run, *group) for group in alike.values()]


def has_states(run: Run, reader: FeatureReader) -> Callable[[str], bool]:
    """Whether all states that a reader reads of an answer are in the store, by the answer's key."""
    shards = {Table.FEATURES: run.store.shards(Table.FEATURES, reader.partition)}
    there = {row["key"] for row in run.store.rows("SELECT key FROM features WHERE error IS NULL", shards=shards)}
    return lambda answer_key: there.issuperset(reader.key(answer_key, layer) for layer in reader.layers)


def missing_features(run: Run, wanted: Sequence[States]) -> list[tuple[FeatureReader, pa.Table]]:
    """Which of some states the store lacks: for each way of asking, a reader, and the answers that it must read."""
    missing = []
    for reader in feature_readers(run, wanted):
        has = has_states(run, reader)
        rows = [asdict(row) for row in answered(run, tuple(Split)) if not has(row.answer_key)]
        if rows:
            missing.append((reader, pa.Table.from_pylist(rows)))
    return missing


def read_features(run: Run, reader: FeatureReader, todo: pa.Table) -> Iterator[BatchReport]:
    """Read hidden states (see `missing_features`); yields progress batch by batch. Raises as `run_tasks` does."""
    import ray.data

    model, engine = reader.config, run.experiment.engine
    backend = states_backend(model)
    return run_tasks(
        lambda: ray.data.from_arrow(todo), reader, model, engine, run.store, run_id=run.id, backend=backend
    )


def feature_dtypes(run: Run, states: States) -> set[str]:
    """The dtypes that some hidden states of the run's answers were computed in; older rows name none."""
    partition = feature_reader(run, states).partition
    shards = {Table.FEATURES: run.store.shards(Table.FEATURES, partition)}
    query = "SELECT DISTINCT dtype FROM all_features WHERE answer_key IN (SELECT answer_key FROM asked)"
    return {row["dtype"] for row in run.store.rows(query, shards=shards, extra={"asked": run.asked})} - {None}


def features_of(run: Run, states: States) -> dict[str, NDArray[np.float32]]:
    """Hidden states by answer key, (width,) each."""
    reader = feature_reader(run, states)
    shards = {Table.FEATURES: run.store.shards(Table.FEATURES, reader.partition)}
    asked = run.keyed(lambda row: reader.key(row["answer_key"], states.layer))
    query = "SELECT asked.answer_key, state FROM asked JOIN features ON features.key = asked.key WHERE error IS NULL"
    rows = run.store.rows(query, shards=shards, extra={"asked": asked})
    return {row["answer_key"]: np.asarray(row["state"], dtype=np.float32) for row in rows}
