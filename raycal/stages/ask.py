"""One question from the command line: the answer, and each method's confidence in it."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from pydantic import ValidationError

from raycal.cluster.precision import this_processor, with_native_dtype
from raycal.config.engine import Device, EngineConfig, ModelConfig
from raycal.experiment.config import Experiment
from raycal.experiment.pending import WorkItem
from raycal.experiment.recipe import Recipe
from raycal.grading.judge import EquivalenceJudge
from raycal.inference.backend import GenerationError, TextBackend
from raycal.inference.backends import text_backend
from raycal.inference.tasks import TableRows
from raycal.methods.base import Method, ScoredMethod, tunings
from raycal.methods.evidence import Confidence, Equivalence, Evidence, Pair, Reply, SampledAnswer
from raycal.methods.fine_tuned import FineTuned
from raycal.models.adapters import find_adapter
from raycal.models.check_adapter import check_adapter
from raycal.models.embeddings import Embedder
from raycal.models.find import check_available, find_model
from raycal.stages.artifacts import SettingsError, read_settings
from raycal.stages.elicit import Elicitor
from raycal.stages.evidence import with_vectors
from raycal.stages.judges import pair_judge
from raycal.stages.tuned_query import TunedQuery, check_asked_as_trained
from raycal.store.locations import Location
from raycal.store.schemas import Table

_DATASET = "asked"

Verdicts = Mapping[Pair, bool | None]


@dataclass(frozen=True)
class ScoredAnswer:
    """A model's answer with its confidences, a method each."""

    question: str
    answer: str
    truncated: bool
    confidences: tuple[tuple[Method, Confidence], ...]

    def to_dict(self) -> dict[str, Any]:
        """The reply as JSON can hold it."""
        confidences = [method.model_dump(mode="json") | vars(confidence) for method, confidence in self.confidences]
        return {**vars(self), "confidences": confidences}


def with_adapter(experiment: Experiment, folder: Location) -> Experiment:
    """The experiment with one more method: an adapter's, asked as it was trained to be.

    Raises AdapterError, and SettingsError and JsonFileError for settings beside it that are none.
    """
    find_adapter(folder)
    settings = read_settings(folder) | {"adapter": folder, "name": f"fine_tuned ({folder.name})"}
    try:
        tuned = FineTuned.model_validate(settings)
    except ValidationError as error:
        fault = error.errors()[0]
        option = ".".join(map(str, fault["loc"]))
        raise SettingsError(f"the settings beside the adapter in {folder}: {option}: {fault['msg']}") from error
    return experiment.model_copy(update={"methods": (*experiment.methods, tuned)})


def ask(question: str, experiment: Experiment) -> ScoredAnswer:
    """Ask the experiment's model one open-ended question, without Ray and without a store.

    Raises ValueError for no question, SettingsError, ModelError and EngineStartError, as `check_adapter` does, and
    GenerationError where there is no answer.
    """
    if not question.strip():
        raise ValueError("the question is empty")
    model = find_model(experiment.model)
    check_adapter(model)
    for tuned in tunings(experiment.methods):
        check_asked_as_trained(tuned)
        if tuned.adapter is not None:
            check_adapter(find_model(_tuned_config(experiment, tuned)))
    recipe = Recipe.of(experiment, model, {})
    judge = experiment.equivalence_judge
    if judge.model is not None:
        find_model(judge.model)  # known before any engine starts
    verdicts: Verdicts = {}
    with _engine(experiment, experiment.model) as (engine, runner):
        rows = runner.run(_elicit(question, recipe, engine))
        pairs = _pairs_to_judge(experiment, _evidence(question, rows, {}))
        if judge.model is None:
            verdicts = runner.run(_judge(engine, judge, question, pairs))
    if judge.model is not None and pairs:
        with _engine(experiment, judge.model, judge.engine) as (engine, runner):
            verdicts = runner.run(_judge(engine, judge, question, pairs))
    reply = _scored(experiment, rows, _evidence(question, rows, verdicts))
    confidences = dict(reply.confidences)
    for method in experiment.methods:
        needed = method.needs().tuned
        if isinstance(method, ScoredMethod) and needed is not None and needed.adapter is not None:
            tuned_reply = _ask_tuned(reply, experiment, recipe, needed)
            about = Evidence(question_id=question, question=question, answer=reply.answer, tuned=tuned_reply)
            confidences[method] = method.score(about)
    return replace(reply, confidences=tuple(confidences.items()))


@contextmanager
def _engine(
    experiment: Experiment, config: ModelConfig, engine_config: EngineConfig | None = None
) -> Iterator[tuple[TextBackend, asyncio.Runner]]:
    """An engine of a model; engine_config: the experiment's if None."""
    model = find_model(config)
    check_available(model)
    engine_config = engine_config or experiment.engine
    device = _device(engine_config)
    engine_config = with_native_dtype(engine_config, this_processor(device))
    engine = text_backend(config)(model, engine_config, device, config.prompt_style)
    try:
        with asyncio.Runner() as runner:
            yield engine, runner
    finally:
        engine.close()


def _ask_tuned(reply: ScoredAnswer, experiment: Experiment, recipe: Recipe, method: FineTuned) -> Reply:
    base, config = method.model or experiment.model, _tuned_config(experiment, method)
    reading = replace(recipe, model=find_model(base), style=base.prompt_style)
    query = TunedQuery(reading, method, config, find_model(config))
    row = {"key": "", "answer_key": "", "question_id": "", "dataset": _DATASET, "subject": "", "choices": []}
    row |= {"question": reply.question, "answer": reply.answer}
    with _engine(experiment, config) as (engine, runner):
        (written,) = runner.run(query.ask(engine, row))[Table.QUERIES]
    return Reply(p=written.get("p_true"), error=written.get("error"))


def _tuned_config(experiment: Experiment, method: FineTuned) -> ModelConfig:
    return (method.model or experiment.model).model_copy(update={"adapter": method.adapter})


async def _elicit(question: str, recipe: Recipe, engine: TextBackend) -> TableRows:
    """The rows of the answer, the samples and the queries. Raises GenerationError where there is no answer."""
    work = WorkItem(
        question_id=question,
        dataset=_DATASET,
        subject="",
        question=question,
        choices=[],
        answer_key="",
        samples_key="",
        needs_answer=True,
        first_sample=0,
        queries=[prompt.name for prompt in recipe.prompts],
    )
    rows = await Elicitor(recipe).ask(engine, vars(work))
    (answer,) = rows[Table.ANSWERS]
    if answer["error"] is not None:
        raise GenerationError(answer["error"])
    return rows


def _pairs_to_judge(experiment: Experiment, evidence: Evidence) -> set[Pair]:
    methods = [method for method in experiment.methods if method.needs().equivalence is Equivalence.JUDGE]
    return {pair for method in methods for pair in method.compared_pairs(evidence)}


async def _judge(engine: TextBackend, judge: EquivalenceJudge, question: str, pairs: Collection[Pair]) -> Verdicts:
    task = pair_judge(judge, "", "", "")
    verdicts: dict[Pair, bool | None] = {}
    for pair in pairs:
        one, other = sorted(pair)
        work = {"key": "", "question_id": question, "question": question, "one": one, "other": other}
        (row,) = (await task.ask(engine, work))[Table.VERDICTS]
        verdicts[pair] = row.get("verdict")
    return verdicts


def _scored(experiment: Experiment, rows: TableRows, evidence: Evidence) -> ScoredAnswer:
    embed = Embedder(experiment.embedding_model)
    confidences: list[tuple[Method, Confidence]] = []
    for method in experiment.methods:
        if not isinstance(method, ScoredMethod) or method.needs().tuned is not None:
            confidences.append((method, Confidence(reason="it is fitted on an experiment's graded answers: run that")))
            continue
        (row,) = with_vectors(method, [evidence], embed)
        confidences.append((method, method.score(row)))
    (answer,) = rows[Table.ANSWERS]
    text, truncated = answer["text"].strip(), answer["finish_reason"] == "length"
    return ScoredAnswer(evidence.question, text, truncated, tuple(confidences))


def _evidence(question: str, rows: TableRows, verdicts: Verdicts) -> Evidence:
    (answer,) = rows[Table.ANSWERS]
    return Evidence(
        question_id=question,
        question=question,
        answer=answer["text"],
        mean_logprob=_mean(answer["logprobs"]),
        samples=tuple(
            SampledAnswer(row["index"], row["text"], _mean(row["logprobs"]), row["finish_reason"])
            for row in rows[Table.SAMPLES]
            if row.get("text") is not None
        ),
        replies={
            row["query"]: Reply(text=row.get("text"), p=row.get("p_true"))
            for row in rows[Table.QUERIES]
            if row.get("error") is None
        },
        verdicts=verdicts,
    )


def _mean(logprobs: list[float]) -> float | None:
    return sum(logprobs) / len(logprobs) if logprobs else None


def _device(config: EngineConfig) -> Device:
    if config.device is not Device.AUTO:
        return config.device
    import torch

    return Device.GPU if torch.cuda.is_available() else Device.CPU
