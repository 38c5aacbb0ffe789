"""The stage that fine-tunes: graded answers in, an adapter out, found again the next time."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import BaseFileLock, FileLock

from raycal.cluster.connection import connect, in_native_dtype
from raycal.cluster.precision import dtype_note
from raycal.cluster.resources import plan_workers
from raycal.config.engine import Device, PromptStyle
from raycal.config.trainer import TrainerConfig
from raycal.errors import RaycalError
from raycal.events import OnEvent, StageWarning
from raycal.experiment.run import Run
from raycal.finetuning.card import model_card
from raycal.finetuning.data import Examples, steps_an_epoch, tokenize
from raycal.finetuning.job import FinetuneJob
from raycal.finetuning.status import TrainingStatus
from raycal.finetuning.trainer import train
from raycal.inference.tasks import Row
from raycal.methods.fine_tuned import FineTuned
from raycal.models.find import check_available
from raycal.models.prompts import CORRECTNESS_PROMPTS, answer_prompt, template_name
from raycal.models.tokenizers import load_tokenizer
from raycal.questions.question import Split
from raycal.stages.activity import Activity, activity
from raycal.stages.answers import GradedAnswer, conversation, first_by_hash, graded, graded_keys, grades_digest
from raycal.stages.artifacts import write_settings
from raycal.store.atomic import atomic_folder, copy_folder, is_complete, remove_folder
from raycal.store.keys import digest
from raycal.store.locations import Location, cache_folder
from raycal.store.schemas import Table
from raycal.store.store import StoreError

_FEWEST = 2  # graded answers of a split, below which there is nothing to learn from


class NothingToLearnError(RaycalError, ValueError):
    """There are no graded answers to train or to stop by; the message says what to add."""


def check_enough(method: FineTuned, split: Split, count: int) -> None:
    """Raise NothingToLearnError where a split has too few graded answers for a method."""
    if count < _FEWEST:
        raise NothingToLearnError(
            f"{method.label} needs graded answers of the {split} split, and there are {count}: add it to splits"
        )


def training_rows(run: Run, method: FineTuned) -> list[GradedAnswer]:
    """The graded answers that a method trains on: all of the training split, or the first by hash."""
    return first_by_hash(graded(run, Split.TRAIN), method.training_questions, method.seed)


def adapter_id(run: Run, method: FineTuned) -> str:
    """The name of the adapter: its model's, and a hash of all that determines it beside numeric noise.

    So whichever experiment or trial asks for the same training finds the same adapter.
    """
    identity = method.identity(exclude=("adapter", "model"))
    taught = first_by_hash(graded_keys(run, Split.TRAIN), method.training_questions, method.seed)
    data = (grades_digest(taught), grades_digest(graded_keys(run, Split.CALIBRATION)))
    reading = run.recipe_for(method.model)
    name = digest(identity, reading.model, query_name(method, reading.style), *data)[:12]
    return f"{reading.model.short_name}-{name}"


def adapter_folder(run: Run, method: FineTuned) -> Location:
    """Where the method's adapter is, or will be once it is trained."""
    return method.adapter or run.store.root / "adapters" / adapter_id(run, method)


def query_name(method: FineTuned, style: PromptStyle) -> str:
    """The name of the query's prompt in keys."""
    template = CORRECTNESS_PROMPTS[method.wording].put(answer_prompt("{question}", (), ()), "{answer}")
    return template_name(f"{method.wording}{'+examples' if method.few_shot else ''}", template, style)


def prepare(run: Run, method: FineTuned, trainer: TrainerConfig, device: Device) -> FinetuneJob:
    """Tokenise the graded answers, or find them tokenised by an earlier job. Raises NothingToLearnError.

    trainer: with its dtype decided.
    """
    model = run.recipe_for(method.model).model
    tokenizer = load_tokenizer(model.location, model.hub_revision)
    choices = CORRECTNESS_PROMPTS[method.wording]
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


def _tokenised(run: Run, method: FineTuned, rows: Sequence[GradedAnswer], tokenizer: Any) -> Location:
    reading = run.recipe_for(method.model)
    name = digest(reading.model, query_name(method, reading.style), grades_digest(rows))[:16]
    path = (run.store.root / "finetune" / "examples" / f"{name}.parquet").resolve()
    if path.exists():
        return path
    Examples.of(
        tokenize(
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


_POLL_S = 2.0


def finetune(run: Run, method: FineTuned, on_event: OnEvent, callbacks: Sequence[Any] = ()) -> Location:
    """The folder of the method's adapter, trained first where it is not there.

    callbacks: see `train`. Raises ModelError, NothingToLearnError, ResourceError and FinetuneError.
    """
    folder = adapter_folder(run, method)
    if method.adapter is not None or is_complete(folder):
        return folder
    from raycal.finetuning.interruptions import Interruptions

    check_available(run.recipe_for(method.model).model)
    plan = plan_workers(run.experiment.trainer, connect())
    trainer = in_native_dtype(run.experiment.trainer, plan.device, run.experiment.engine.start_timeout_s)
    with _one_at_a_time(folder):
        if not is_complete(folder):
            job = prepare(run, method, trainer, plan.device)
            steps = method.epochs * steps_an_epoch(len(training_rows(run, method)), method.batch_size)
            interruptions = Interruptions(job)
            with _followed(job, steps, dtype_note(run.experiment.trainer.dtype, trainer.dtype), on_event):
                best = train(job, plan, [interruptions, *callbacks])
            for cause in interruptions.take():
                message = f"a worker was lost, and the training went on from its checkpoint: {cause}"
                on_event(StageWarning("fine-tune", message))
            _install(run, job, best, folder)
    return folder


def _one_at_a_time(folder: Location) -> BaseFileLock:
    """A lock on an adapter's training, as two would write each other's checkpoints; it goes with its process.

    It holds for all machines that share the folder. A bucket has no locks: there it holds for this machine alone.
    """
    beside = folder if isinstance(folder, Path) else cache_folder() / "locks" / digest(str(folder))
    beside.parent.mkdir(parents=True, exist_ok=True)
    return FileLock(beside.with_name(f".{beside.name}.lock"))


def _install(run: Run, job: FinetuneJob, best: Location, folder: Location) -> None:
    with atomic_folder(folder) as aside:
        copy_folder(best, aside)
        (aside / "README.md").write_text(model_card(job, training_curve(run, job.adapter_id)))
        write_settings(aside, job.method)
    remove_folder(job.checkpoints)  # of what is finished


def training_curve(run: Run, adapter: str) -> list[dict[str, object]]:
    """The rows of TRAINING of one adapter, in the order of steps."""
    shards = {Table.TRAINING: run.store.shards(Table.TRAINING, adapter)}
    return list(run.store.rows("SELECT * FROM training ORDER BY step", shards=shards))


@contextmanager
def _followed(job: FinetuneJob, steps: int, note: str, on_event: OnEvent) -> Iterator[None]:
    """Emit how far a training is while the block runs it, by what its workers write: its status and TRAINING."""
    with (
        activity(on_event, "fine-tune", total=steps, unit="steps") as current,
        ThreadPoolExecutor(1, "follow-training") as thread,
    ):
        workers = "1 worker" if job.trainer.workers == 1 else f"{job.trainer.workers} workers"
        current.phase(f"starting {workers} on {job.device.upper()}, {note}")
        ended = threading.Event()

        def follow() -> None:
            look = True
            while look:
                look = not ended.wait(_POLL_S)  # and once more at the end, for the last evaluation
                try:
                    status, evaluation = TrainingStatus.read(job.checkpoints), _last_evaluation(job)
                except (OSError, StoreError) as error:  # the workers go on, and say themselves what they cannot do
                    current.phase(f"the training cannot be followed: {error}")
                else:
                    _emit_training(status, evaluation, current)

        following = thread.submit(follow)
        try:
            yield
        finally:
            ended.set()
        following.result()  # raises what the listener has raised


def _last_evaluation(job: FinetuneJob) -> Row | None:
    shards = {Table.TRAINING: job.store.shards(Table.TRAINING, job.adapter_id)}
    query = "SELECT * FROM training WHERE calibration_loss IS NOT NULL ORDER BY step DESC LIMIT 1"
    return next(job.store.rows(query, shards=shards), None)


def _emit_training(status: TrainingStatus | None, evaluation: Row | None, current: Activity) -> None:
    if evaluation is None:
        if status is not None:
            current.phase(status.phase)
        return
    shares = {name: evaluation[f"calibration_{name.lower()}"] for name in ("ECE", "AUROC")}
    known = "".join(f", {name} {share:.1%}" for name, share in shares.items() if share is not None)
    note = f"calibration loss {evaluation['calibration_loss']:.3f}{known}"
    current.reach(max(evaluation["step"], status.step if status else 0), note)
