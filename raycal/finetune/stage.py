"""The stage that fine-tunes: GRADES in, an adapter out, found again the next time."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from raycal.cluster import connect
from raycal.config import FineTuned
from raycal.finetune.batches import steps_an_epoch
from raycal.finetune.card import model_card
from raycal.finetune.job import FinetuneJob
from raycal.finetune.prepare import adapter_folder, prepare, training_rows
from raycal.finetune.train import train
from raycal.fitted_settings import write_settings
from raycal.models import check_available
from raycal.resources import plan_workers
from raycal.run import Run
from raycal.schemas import Table
from raycal.whole_folder import whole_folder

_POLL_S = 2.0


def finetune(run: Run, method: FineTuned, console: Console, callbacks: Sequence[Any] = ()) -> Path:
    """The folder of the method's adapter, trained first where it is not there.

    callbacks: see `train`. Raises ModelError, NothingToLearnError, ResourceError and FinetuneError.
    """
    folder = adapter_folder(run, method)
    if method.adapter is not None or folder.is_dir():
        return folder
    check_available(run.reading(method).model)
    plan = plan_workers(run.experiment.trainer, connect())
    folder.parent.mkdir(parents=True, exist_ok=True)
    # Two trainings of one adapter would write each other's checkpoints. The lock goes with the process that has it.
    with FileLock(folder.with_name(f".{folder.name}.lock")):
        if not folder.is_dir():
            job = prepare(run, method, plan.device)
            steps = method.epochs * steps_an_epoch(len(training_rows(run, method)), method.batch_size)
            with _bar(job, steps, console):
                best = train(job, plan, callbacks)
            _install(run, job, best, folder)
    return folder


def _install(run: Run, job: FinetuneJob, best: Path, folder: Path) -> None:
    with whole_folder(folder) as aside:
        shutil.copytree(best, aside, dirs_exist_ok=True)
        (aside / "README.md").write_text(model_card(job, training_curve(run, job.adapter_id)))
        write_settings(aside, job.method)
    shutil.rmtree(job.store.root / "finetune" / job.adapter_id)  # checkpoints of what is finished


def training_curve(run: Run, adapter: str) -> list[dict[str, object]]:
    """The rows of TRAINING of one adapter, in the order of steps."""
    shards = {Table.TRAINING: run.store.shards(Table.TRAINING, adapter)}
    return list(run.store.rows("SELECT * FROM training ORDER BY step", shards=shards))


@contextmanager
def _bar(job: FinetuneJob, steps: int, console: Console) -> Iterator[None]:
    """A progress bar over the rows of TRAINING, which the workers write at every evaluation."""
    columns = (
        TextColumn("fine-tune"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("steps, {task.fields[said]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    done = threading.Event()
    with Bar(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=steps, said="starting")

        def watch() -> None:
            seen = -1
            while not done.wait(_POLL_S):
                shards = {Table.TRAINING: job.store.shards(Table.TRAINING, job.adapter_id)}
                query = "SELECT * FROM training WHERE calibration_loss IS NOT NULL ORDER BY step DESC LIMIT 1"
                for row in job.store.rows(query, shards=shards):
                    if row["step"] == seen:
                        continue
                    seen = row["step"]
                    auroc = "" if row["calibration_auroc"] is None else f", AUROC {row['calibration_auroc']:.1%}"
                    said = f"calibration loss {row['calibration_loss']:.3f}, ECE {row['calibration_ece']:.1%}{auroc}"
                    bar.update(task, completed=seen, said=said)
                    if not console.is_terminal:
                        console.print(f"fine-tune: {seen}/{steps} steps, {said}", highlight=False)

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        try:
            yield
        finally:
            done.set()
            watcher.join()
