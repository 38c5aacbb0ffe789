"""The stage that fine-tunes: GRADES in, an adapter out, found again the next time."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import BaseFileLock, FileLock
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from raycal.cache import cache_folder
from raycal.cluster import connect
from raycal.config import FineTuned
from raycal.finetune.batches import steps_an_epoch
from raycal.finetune.card import model_card
from raycal.finetune.job import FinetuneJob
from raycal.finetune.prepare import adapter_folder, prepare, training_rows
from raycal.finetune.train import train
from raycal.fitted_settings import write_settings
from raycal.keys import digest
from raycal.location import Location
from raycal.models import check_available
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
    with _one_at_a_time(folder):
        if not is_whole(folder):
            job = prepare(run, method, plan.device)
            steps = method.epochs * steps_an_epoch(len(training_rows(run, method)), method.batch_size)
            interruptions = Interruptions(job)
            with _bar(job, steps, console):
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
            seen, ended = -1, False
            while not ended:
                ended = done.wait(_POLL_S)  # and once more then: the last evaluation
                shards = {Table.TRAINING: job.store.shards(Table.TRAINING, job.adapter_id)}
                query = "SELECT * FROM training WHERE calibration_loss IS NOT NULL ORDER BY step DESC LIMIT 1"
                for row in job.store.rows(query, shards=shards):
                    if row["step"] == seen:
                        continue
                    seen = row["step"]
                    known = {name: row[f"calibration_{name.lower()}"] for name in ("ECE", "AUROC")}
                    shares = "".join(f", {name} {its:.1%}" for name, its in known.items() if its is not None)
                    said = f"calibration loss {row['calibration_loss']:.3f}{shares}"
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
