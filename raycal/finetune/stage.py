"""The stage that fine-tunes: GRADES in, an adapter out, found again the next time."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import BaseFileLock, FileLock
from rich.console import Console

from raycal.activity import Activity, activity
from raycal.cache import cache_folder
from raycal.cluster import connect, in_native_dtype
from raycal.config import FineTuned
from raycal.finetune.batches import steps_an_epoch
from raycal.finetune.card import model_card
from raycal.finetune.job import FinetuneJob
from raycal.finetune.prepare import adapter_folder, prepare, training_rows
from raycal.finetune.status import TrainingStatus
from raycal.finetune.train import train
from raycal.fitted_settings import write_settings
from raycal.keys import digest
from raycal.location import Location
from raycal.models import check_available
from raycal.precision import dtype_note
from raycal.resources import plan_workers
from raycal.run import Run
from raycal.schemas import Table
from raycal.whole_folder import copy_folder, is_whole, remove_folder, whole_folder

_POLL_S = 2.0


def finetune(run: Run, method: FineTuned, console: Console, callbacks: Sequence[Any] = ()) -> Location:
    """The folder of the method's adapter, trained first where it is not there.

    callbacks: see `train`. Raises ModelError, NothingToLearnError, ResourceError and FinetuneError.
    """
    folder = adapter_folder(run, method)
    if method.adapter is not None or is_whole(folder):
        return folder
    from raycal.finetune.interruptions import Interruptions

    check_available(run.reading(method).model)
    plan = plan_workers(run.experiment.trainer, connect())
    trainer = in_native_dtype(run.experiment.trainer, plan.device, run.experiment.engine.start_timeout_s)
    with _one_at_a_time(folder):
        if not is_whole(folder):
            job = prepare(run, method, trainer, plan.device)
            steps = method.epochs * steps_an_epoch(len(training_rows(run, method)), method.batch_size)
            interruptions = Interruptions(job)
            with _followed(job, steps, dtype_note(run.experiment.trainer.dtype, trainer.dtype), console):
                best = train(job, plan, [interruptions, *callbacks])
            for cause in interruptions.take():
                said = f"fine-tune: a worker was lost, and the training went on from its checkpoint: {cause}"
                console.print(said, highlight=False, markup=False)
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
    with whole_folder(folder) as aside:
        copy_folder(best, aside)
        (aside / "README.md").write_text(model_card(job, training_curve(run, job.adapter_id)))
        write_settings(aside, job.method)
    remove_folder(job.checkpoints)  # of what is finished


def training_curve(run: Run, adapter: str) -> list[dict[str, object]]:
    """The rows of TRAINING of one adapter, in the order of steps."""
    shards = {Table.TRAINING: run.store.shards(Table.TRAINING, adapter)}
    return list(run.store.rows("SELECT * FROM training ORDER BY step", shards=shards))


@contextmanager
def _followed(job: FinetuneJob, steps: int, note: str, console: Console) -> Iterator[None]:
    """Show how far a training is while the block runs it, by what its workers write: its status and TRAINING."""
    with activity(console, "fine-tune", total=steps, unit="steps") as shown:
        workers = "1 worker" if job.trainer.workers == 1 else f"{job.trainer.workers} workers"
        shown.phase(f"starting {workers} on {job.device.upper()}, {note}")
        ended = threading.Event()

        def follow() -> None:
            look = True
            while look:
                look = not ended.wait(_POLL_S)  # and once more at the end, for the last evaluation
                _show_training(job, shown)

        follower = threading.Thread(target=follow, name="follow-training", daemon=True)
        follower.start()
        try:
            yield
        finally:
            ended.set()
            follower.join()


def _show_training(job: FinetuneJob, shown: Activity) -> None:
    status = TrainingStatus.read(job.checkpoints)
    shards = {Table.TRAINING: job.store.shards(Table.TRAINING, job.adapter_id)}
    query = "SELECT * FROM training WHERE calibration_loss IS NOT NULL ORDER BY step DESC LIMIT 1"
    evaluation = next(job.store.rows(query, shards=shards), None)
    if evaluation is None:
        if status is not None:
            shown.phase(status.phase)
        return
    shares = {name: evaluation[f"calibration_{name.lower()}"] for name in ("ECE", "AUROC")}
    known = "".join(f", {name} {share:.1%}" for name, share in shares.items() if share is not None)
    note = f"calibration loss {evaluation['calibration_loss']:.3f}{known}"
    shown.reach(max(evaluation["step"], status.step if status else 0), note)
