"""From a run's graded answers to a fine-tuning job: examples as tokens, and the name of what will come out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from raycal.config import Device, FineTuned, PromptStyle, TrainerConfig
from raycal.finetune.examples import Examples, tokenise
from raycal.finetune.job import FinetuneJob
from raycal.graded import AnsweredQuestion, conversation, evidence, first_by_hash, graded
from raycal.keys import digest
from raycal.location import Location
from raycal.prompts import CORRECTNESS_QUERIES, answer_prompt, correctness_prompt, template_name
from raycal.questions.question import Split
from raycal.run import Run

_FEWEST = 2  # graded answers of a split, below which there is nothing to learn from


class NothingToLearnError(ValueError):
    """There are no graded answers to train or to stop by; the message says what to add."""


def check_enough(method: FineTuned, split: Split, count: int) -> None:
    """Raise NothingToLearnError where a split has too few graded answers for a method."""
    if count < _FEWEST:
        raise NothingToLearnError(
            f"{method.label} needs graded answers of the {split} split, and there are {count}: add it to splits"
        )


def training_rows(run: Run, method: FineTuned) -> list[AnsweredQuestion]:
    """The graded answers that a method trains on: all of the training split, or the first by hash."""
    return first_by_hash(graded(run, Split.TRAIN), method.training_questions, method.seed)


def adapter_id(run: Run, method: FineTuned) -> str:
    """The name of the adapter: its model's, and a hash of all that determines it beside numeric noise.

    So whichever experiment or trial asks for the same training finds the same adapter.
    """
    identity = method.identity(exclude=("adapter", "model"))
    data = (evidence(training_rows(run, method)), evidence(graded(run, Split.CALIBRATION)))
    reading = run.reading(method)
    name = digest(identity, reading.model, query_name(method, reading.style), *data)[:12]
    return f"{reading.model.short_name}-{name}"


def adapter_folder(run: Run, method: FineTuned) -> Location:
    """Where the method's adapter is, or will be once it is trained."""
    return method.adapter or run.store.root / "adapters" / adapter_id(run, method)


def query_name(method: FineTuned, style: PromptStyle) -> str:
    """The name of the query's prompt in keys."""
    template = correctness_prompt(answer_prompt("{question}", (), ()), "{answer}", method.wording)
    return template_name(f"{method.wording}{'+examples' if method.few_shot else ''}", template, style)


def prepare(run: Run, method: FineTuned, trainer: TrainerConfig, device: Device) -> FinetuneJob:
    """Tokenise the graded answers, or find them tokenised by an earlier job. Raises NothingToLearnError.

    trainer: with its dtype decided.
    """
    from transformers import AutoTokenizer

    model = run.reading(method).model
    tokenizer = AutoTokenizer.from_pretrained(model.location, revision=model.hub_revision, trust_remote_code=False)
    choices = CORRECTNESS_QUERIES[method.wording]
    paths = {}
    for split, rows in ((Split.TRAIN, training_rows(run, method)), (Split.CALIBRATION, graded(run, Split.CALIBRATION))):
        check_enough(method, split, len(rows))
        paths[split] = _tokenised(run, method, rows, tokenizer)
    return FinetuneJob(
        adapter_id=adapter_id(run, method),
        method=method,
        trainer=trainer,
        device=device,
        model=model,
        training=paths[Split.TRAIN],
        calibration=paths[Split.CALIBRATION],
        reference=paths[Split.TRAIN].with_suffix(f".{trainer.dtype}"),
        choice_tokens=(_last_token(choices.no, tokenizer), _last_token(choices.yes, tokenizer)),
        store=run.store,
    )


def _tokenised(run: Run, method: FineTuned, rows: Sequence[AnsweredQuestion], tokenizer: Any) -> Location:
    reading = run.reading(method)
    name = digest(reading.model, query_name(method, reading.style), evidence(rows))[:16]
    path = (run.store.root / "finetune" / "examples" / f"{name}.parquet").resolve()
    if path.exists():
        return path
    Examples.of(
        tokenise(
            row.answer_key,
            conversation(reading, vars(row), few_shot=method.few_shot),
            row.answer,
            bool(row.correct),
            wording=method.wording,
            tokenizer=tokenizer,
            style=reading.style,
        )
        for row in rows
    ).write(path)
    return path


def _last_token(text: str, tokenizer: Any) -> int:
    return int(tokenizer.encode(text, add_special_tokens=False)[-1])
