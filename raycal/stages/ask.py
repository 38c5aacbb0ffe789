"""One question from the command line: the answer, and each method's confidence in it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from raycal.cluster.precision import this_processor, with_native_dtype
from raycal.config.engine import Device, ModelConfig
from raycal.experiment.config import Experiment
from raycal.experiment.pending import WorkItem
from raycal.experiment.recipe import Recipe
from raycal.inference.backend import GenerationError, TextBackend
from raycal.inference.backends import text_backend
from raycal.inference.tasks import TableRows
from raycal.methods.base import Method, ScoredMethod, tunings
from raycal.methods.evidence import Confidence, Equivalence, Evidence, Pair, Reply, SampledAnswer
from raycal.methods.fine_tuned import FineTuned
from raycal.models.adapters import find_adapter
from raycal.models.embeddings import Embedder
from raycal.models.find import check_available, find_model
from raycal.stages.artifacts import read_settings
from raycal.stages.elicit import Elicitor
from raycal.stages.evidence import with_vectors
from raycal.stages.judges import EquivalenceJudge
from raycal.stages.tuned_query import TunedQuery, check_asked_as_trained
from raycal.store.locations import Location
from raycal.store.schemas import Table

_DATASET = "asked"


@dataclass(frozen=True)
class ScoredAnswer:
    """A model's answer with its confidences, a method each."""

    question: str
    answer: str
    truncated: bool
    confidences: tuple[tuple[Method, Confidence], ...]

    def to_dict(self) -> dict[str, Any]:
        """The reply as JSON can hold it."""
        confidences = [method.model_dump(mode="json") | vars(found) for method, found in self.confidences]
        return {**vars(self), "confidences": confidences}


def with_adapter(experiment: Experiment, folder: Location) -> Experiment:
    """The experiment with one more method: an adapter's, asked as it was trained to be. Raises AdapterError."""
    find_adapter(folder)
    settings = read_settings(folder) | {"adapter": folder, "name": f"fine_tuned ({folder.name})"}
    tuned = FineTuned.model_validate(settings)
    return experiment.model_copy(update={"methods": (*experiment.methods, tuned)})


def ask(question: str, experiment: Experiment) -> ScoredAnswer:
    """Ask the experiment's model one open-ended question, without Ray and without a store.

    Raises ValueError for no question, SettingsError, ModelError and EngineStartError, and GenerationError where there
    is no answer.
    """
    if not question.strip():
        raise ValueError("the question is empty")
    for tuned in tunings(experiment.methods):
        check_asked_as_trained(tuned)
    recipe = Recipe.of(experiment, find_model(experiment.model), {})
    with _engine(experiment, experiment.model) as (engine, runner):
        reply = runner.run(_ask(question, experiment, recipe, engine))
    confidences = dict(reply.confidences)
    for method in experiment.methods:
        needed = method.needs().tuned
        if isinstance(method, ScoredMethod) and needed is not None and needed.adapter is not None:
            tuned_reply = _ask_tuned(reply, experiment, recipe, needed)
            about = Evidence(question_id=question, question=question, answer=reply.answer, tuned=tuned_reply)
            confidences[method] = method.score(about)
    return replace(reply, confidences=tuple(confidences.items()))


@contextmanager
def _engine(experiment: Experiment, config: ModelConfig) -> Iterator[tuple[TextBackend, asyncio.Runner]]:
    model = find_model(config)
    check_available(model)
    device = _device(experiment)
    engine_config = with_native_dtype(experiment.engine, this_processor(device))
    engine = text_backend(engine_config)(model, engine_config, device, config.prompt_style)
    try:
        with asyncio.Runner() as runner:
            yield engine, runner
    finally:
        engine.close()


def _ask_tuned(reply: ScoredAnswer, experiment: Experiment, recipe: Recipe, method: FineTuned) -> Reply:
    base = method.model or experiment.model
    config = base.model_copy(update={"adapter": method.adapter})
    reading = replace(recipe, model=find_model(base), style=base.prompt_style)
    query = TunedQuery(reading, method, config, find_model(config))
    row = {"key": "", "answer_key": "", "question_id": "", "dataset": _DATASET, "subject": "", "choices": []}
    row |= {"question": reply.question, "answer": reply.answer}
    with _engine(experiment, config) as (engine, runner):
        (written,) = runner.run(query.ask(engine, row))[Table.QUERIES]
    return Reply(p=written.get("p_true"), error=written.get("error"))


async def _ask(question: str, experiment: Experiment, recipe: Recipe, engine: TextBackend) -> ScoredAnswer:
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
    evidence = _evidence(question, rows)
    embed = Embedder(experiment.embedding_model)
    confidences: list[tuple[Method, Confidence]] = []
    for method in experiment.methods:
        if not isinstance(method, ScoredMethod) or method.needs().tuned is not None:
            confidences.append((method, Confidence(reason="it is fitted on an experiment's graded answers: run that")))
            continue
        judged = replace(evidence, verdicts=await _verdicts(engine, method, evidence))
        (row,) = with_vectors(method, [judged], embed)
        confidences.append((method, method.score(row)))
    return ScoredAnswer(question, answer["text"].strip(), answer["finish_reason"] == "length", tuple(confidences))


async def _verdicts(engine: TextBackend, method: Method, row: Evidence) -> dict[Pair, bool | None]:
    if method.needs().equivalence is not Equivalence.JUDGE:
        return {}
    judge = EquivalenceJudge("", "", "")
    verdicts: dict[Pair, bool | None] = {}
    for pair in method.compared_pairs(row):
        one, other = sorted(pair)
        work = {"key": "", "question_id": row.question_id, "question": row.question, "one": one, "other": other}
        (verdict,) = (await judge.ask(engine, work))[Table.VERDICTS]
        verdicts[pair] = verdict.get("verdict")
    return verdicts


def _evidence(question: str, rows: TableRows) -> Evidence:
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
    )


def _mean(logprobs: list[float]) -> float | None:
    return sum(logprobs) / len(logprobs) if logprobs else None


def _device(experiment: Experiment) -> Device:
    import torch

    if experiment.engine.device is not Device.AUTO:
        return experiment.engine.device
    return Device.GPU if torch.cuda.is_available() else Device.CPU
