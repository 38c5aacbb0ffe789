"""The stage that asks a tuned model whether answers are correct: answers in, QUERIES out."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass

import pyarrow as pa

from raycal.config.engine import ModelConfig
from raycal.experiment.recipe import Recipe
from raycal.experiment.run import Run
from raycal.finetuning.calibration import kept_confidences
from raycal.inference.backend import GenerationError, TextBackend
from raycal.inference.backends import text_backend
from raycal.inference.runner import run_tasks
from raycal.inference.tasks import (
    BatchReport,
    Row,
    TableRows,
    cost_columns,
    failed_columns,
    probability_of_yes,
    unless_written,
)
from raycal.methods.evidence import Reply
from raycal.methods.fine_tuned import FineTuned
from raycal.models.check_adapter import check_adapter
from raycal.models.find import Model, find_model
from raycal.models.prompts import CORRECTNESS_PROMPTS, TwoChoices
from raycal.questions.question import Split
from raycal.stages.answers import answered, conversation
from raycal.stages.artifacts import check_settings
from raycal.stages.finetune import adapter_folder, query_name
from raycal.store.keys import digest, safe_name
from raycal.store.locations import Location
from raycal.store.schemas import Table
from raycal.store.store import Store

_SAMPLING = json.dumps({"temperature": 0, "max_tokens": 1})
_ASKS = ("wording", "few_shot")  # how an adapter must be asked, as when it was trained
_SPLITS = (Split.CALIBRATION, Split.TEST)  # what training has seen is not asked about


@dataclass(frozen=True)
class TunedQuery:
    """A fine-tuned method with its adapter: what names its rows, and how a row is asked."""

    recipe: Recipe  # as the model has it that is asked
    method: FineTuned
    config: ModelConfig  # with the adapter
    model: Model

    @property
    def prompt(self) -> TwoChoices:
        """What the model is asked about an answer."""
        return CORRECTNESS_PROMPTS[self.method.wording]

    @property
    def provenance(self) -> dict[str, str]:
        """The columns model, prompt and sampling."""
        prompt = query_name(self.method, self.recipe.style)
        return {"model": str(self.model), "prompt": prompt, "sampling": _SAMPLING}

    def key(self, answer_key: str) -> str:
        """The key of the query about an answer."""
        return digest(*self.provenance.values(), answer_key)

    def named(self, key: str, answer_key: str, question_id: str) -> Row:
        """The columns that say what a row is about and how it was asked."""
        about = {"key": key, "answer_key": answer_key, "question_id": question_id}
        return about | {"query": self.prompt.name} | self.provenance

    @property
    def partition(self) -> str:
        """Where its rows are."""
        return f"{safe_name(self.model.name)}-{digest(*self.provenance.values())[:12]}"

    @property
    def partitions(self) -> Mapping[Table, str]:
        """See tasks.Task."""
        return {Table.QUERIES: self.partition}

    def remaining(self, work: list[Row], store: Store) -> list[Row]:
        """See tasks.Task."""
        return unless_written(Table.QUERIES, self.partition, work, store)

    async def ask(self, engine: TextBackend, row: Row) -> TableRows:
        """See tasks.Task."""
        row_key = self.named(row["key"], row["answer_key"], row["question_id"])
        asked = conversation(self.recipe, row, few_shot=self.method.few_shot)
        try:
            p_true, usage = await probability_of_yes(engine, self.prompt.put(asked, row["answer"]), self.prompt)
        except GenerationError as error:
            return {Table.QUERIES: [row_key | failed_columns(str(error))]}
        return {Table.QUERIES: [row_key | {"p_true": p_true} | cost_columns(usage)]}


def check_asked_as_trained(method: FineTuned) -> None:
    """Raise SettingsError where a method's adapter was trained to be asked in another way."""
    if method.adapter is not None:
        check_settings(method.adapter, method, _ASKS)


def tuned_query(run: Run, method: FineTuned) -> TunedQuery:
    """The query of a run's method, whose adapter must be there: AdapterError otherwise.

    Of an adapter from elsewhere it raises SettingsError where that was trained to be asked in another way, and as
    `check_adapter` does.
    """
    check_asked_as_trained(method)
    reader = method.model or run.experiment.model
    config = reader.model_copy(update={"adapter": adapter_folder(run, method)})
    model = find_model(config)
    if method.adapter is not None:
        check_adapter(model)
    return TunedQuery(run.recipe_for(method.model), method, config, model)


def tuned_replies(run: Run, method: FineTuned) -> dict[str, Reply]:
    """The tuned model's replies by answer key. Raises as `tuned_query` does."""
    shards = {Table.QUERIES: run.store.shards(Table.QUERIES, tuned_query(run, method).partition)}
    rows = run.store.rows("SELECT answer_key, p_true, error FROM queries", shards=shards)
    return {row["answer_key"]: Reply(p=row["p_true"], error=row["error"]) for row in rows}


def take_over_calibration(run: Run, query: TunedQuery, folder: Location) -> None:
    """Write to QUERIES what the model said of the calibration answers when its adapter was trained."""
    known = kept_confidences(folder)
    rows = [
        query.named(query.key(row.answer_key), row.answer_key, row.question_id) | {"p_true": known[row.answer_key]}
        for row in answered(run, [Split.CALIBRATION])
        if row.answer_key in known
    ]
    run.store.write(Table.QUERIES, query.partition, unless_written(Table.QUERIES, query.partition, rows, run.store))


def asked_keys(run: Run, query: TunedQuery) -> set[str]:
    """The keys of the replies that the tuned model has given."""
    shards = {Table.QUERIES: run.store.shards(Table.QUERIES, query.partition)}
    return {row["key"] for row in run.store.rows("SELECT key FROM queries WHERE error IS NULL", shards=shards)}


def unasked(run: Run, query: TunedQuery) -> pa.Table:
    """The answers outside the training split about which the tuned model has not been asked."""
    there = asked_keys(run, query)
    rows = [asdict(row) | {"key": query.key(row.answer_key)} for row in answered(run, _SPLITS)]
    return pa.Table.from_pylist([row for row in rows if row["key"] not in there])


def ask_tuned(run: Run, query: TunedQuery, todo: pa.Table) -> Iterator[BatchReport]:
    """Ask the tuned model about answers (rows of `unasked`); yields progress batch by batch.

    Raises ResourceError and RunnerError.
    """
    import ray.data

    model, engine = query.config, run.experiment.engine
    return run_tasks(
        lambda: ray.data.from_arrow(todo), query, model, engine, run.store, run_id=run.id, backend=text_backend(model)
    )
