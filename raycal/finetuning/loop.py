"""The training loop, one process a worker: read it from the top."""

from __future__ import annotations

import resource
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
import torch.distributed

from raycal.config.engine import Device
from raycal.errors import RaycalError
from raycal.finetuning.calibration import Calibration
from raycal.finetuning.checkpoint import TrainingState, load_checkpoint, save_checkpoint
from raycal.finetuning.data import Examples, MicroBatch, QueryExample, epoch_batches, micro_batches, steps_an_epoch
from raycal.finetuning.deepspeed import start_deepspeed, take_step
from raycal.finetuning.evaluation import evaluate_calibration
from raycal.finetuning.job import FinetuneJob
from raycal.finetuning.load import load_query_model
from raycal.finetuning.loss import two_choice_loss
from raycal.finetuning.model import Batch
from raycal.finetuning.reference import Reference, reference
from raycal.finetuning.status import StatusWriter, TrainingStatus
from raycal.store.keys import digest
from raycal.store.schemas import Table

# What Ray Train is told at every evaluation, of the last step before it.
_REPORTED = ("loss", "divergence", "learning_rate", "calibration_loss", "calibration_ece", "calibration_auroc")
_MOST_SKIPPED = 5  # steps in a row without finite gradients, after which training is given up


class TrainingError(RaycalError, RuntimeError):
    """The training cannot go on; the message says why and what to change."""


def train_worker(job: FinetuneJob) -> None:
    """Train until the epochs are done or the calibration loss stops falling, from the last checkpoint on."""
    with tempfile.TemporaryDirectory(prefix="raycal-best-") as best:
        _train(job, Worker(job, Path(best)))


def _train(job: FinetuneJob, worker: Worker) -> None:
    progress = worker.resume()
    if progress.step == 0:
        progress = worker.evaluate(progress)
    a_epoch = steps_an_epoch(len(worker.training), job.method.batch_size)
    ends = {round(a_epoch * (i + 1) / job.method.evaluations) for i in range(job.method.evaluations)} - {0}
    for epoch in range(job.method.epochs):
        batches = epoch_batches(len(worker.training), job.method.batch_size, seed=job.method.seed, epoch=epoch)
        for number, indices in enumerate(batches, start=1):
            if epoch * a_epoch + number <= progress.step:
                continue  # done before the checkpoint
            if progress.evaluations_since_best >= job.method.patience:
                return
            progress = progress.after_step(worker.step(indices, epoch, progress.step + 1))
            if progress.skipped_in_a_row > _MOST_SKIPPED:
                raise TrainingError(
                    f"{progress.skipped_in_a_row} steps in a row had no finite loss, up to step {progress.step}: lower "
                    "learning_rate, or train in float32"
                )
            if number in ends:
                progress = worker.evaluate(progress)


class Worker:
    """One process's share of a training: its model, its data, and the steps in lockstep with the other workers.

    best: an empty folder for the best adapter between checkpoints.
    """

    def __init__(self, job: FinetuneJob, best: Path) -> None:
        import ray.train

        context = ray.train.get_context()
        self._job = job
        self._rank, self._workers = context.get_world_rank(), context.get_world_size()
        self._device = torch.device("cuda" if job.device is Device.GPU else "cpu")
        self.training, self._calibration = Examples.read(job.training), Examples.read(job.calibration)
        self._status = StatusWriter(job.checkpoints, rank=self._rank)
        self._status.write(TrainingStatus("loading the model"))
        torch.manual_seed(job.method.seed)
        self._model = load_query_model(job).to(self._device)
        steps = job.method.epochs * steps_an_epoch(len(self.training), job.method.batch_size)
        self._engine = start_deepspeed(self._model, job.method, job.trainer, steps)
        self._model.check(self.training.examples[0], self._device)
        started = time.monotonic()
        self._status.write(TrainingStatus("reading the base model's states"))
        self._base = self._reference() if job.method.divergence_weight else None
        self._reference_s = time.monotonic() - started
        self._rows: list[dict[str, Any]] = []  # of TRAINING, not written yet
        self._best = best

    def resume(self) -> TrainingState:
        """Take up the last checkpoint of this run, where there is one."""
        import ray.train

        checkpoint = ray.train.get_checkpoint()
        if checkpoint is None:
            return TrainingState()
        with checkpoint.as_directory() as folder:
            return load_checkpoint(self._engine, Path(folder), best=self._best, rank=self._rank)

    def step(self, indices: list[int], epoch: int, number: int) -> bool:
        """Learn from some examples; False where the gradients were not finite and the step was skipped.

        The loss is a mean over all workers' examples, and so does not depend on how many workers there are.
        """
        started = time.monotonic()
        method = self._job.method
        self._status.write(TrainingStatus("training", number - 1))
        torch.manual_seed(int(digest(method.seed, number)[:12], 16))  # dropout is the same after a restart
        learning_rate = self._engine.get_lr()[0]
        sums = torch.zeros(2, device=self._device)
        for batch in self._cut(indices, self.training):
            some = [self.training.examples[index] for index in batch.indices]
            base = self._base.states(batch.indices, self._device) if self._base else None
            output = self._engine(Batch.of(some, self._device), base, method.divergence)
            correct = torch.tensor([example.correct for example in some], device=self._device)
            query = two_choice_loss(output.choice_logits, correct, method.loss).sum()
            diverged = _sum_of_means(output.divergence, some, self._device)
            counts = float(batch.counts)
            # DeepSpeed takes the mean over workers.
            loss = (query + method.divergence_weight * diverged) * counts * self._workers / len(indices)
            self._engine.backward(loss)
            sums += counts * torch.stack([query.detach(), diverged.detach()]) / len(indices)
        torch.distributed.all_reduce(sums)
        applied = take_step(self._engine, finite=bool(torch.isfinite(sums).all()))
        self._rows.append(
            {
                "key": digest(self._job.adapter_id, number),
                "adapter": self._job.adapter_id,
                "step": number,
                "epoch": epoch,
                "loss": sums[0].item(),
                "divergence": sums[1].item(),
                "learning_rate": learning_rate,
                "applied": applied,
                "seconds": time.monotonic() - started,
                "peak_gib": peak_gib(self._device),
                "dtype": str(self._job.trainer.dtype),
            }
        )
        return applied

    def evaluate(self, progress: TrainingState) -> TrainingState:
        """Evaluate the calibration split, write the rows of TRAINING so far, and report a checkpoint to Ray Train."""
        import ray.train

        self._status.write(TrainingStatus("evaluating the calibration split", progress.step))
        calibration = evaluate_calibration(
            self._engine,
            self._calibration,
            self._job.method.loss,
            max_tokens=self._job.trainer.tokens_per_micro_batch,
            rank=self._rank,
            workers=self._workers,
            device=self._device,
        )
        progress = progress.after_evaluation(calibration.loss)
        metrics = {"step": progress.step, "skipped": progress.skipped, **self._take_rows(calibration)}
        with tempfile.TemporaryDirectory() as folder:
            save_checkpoint(
                self._engine,
                self._model,
                progress,
                Path(folder),
                found=calibration,
                examples=self._calibration,
                best=self._best,
                rank=self._rank,
            )
            ray.train.report(metrics, checkpoint=ray.train.Checkpoint.from_directory(folder))
        return progress

    def _reference(self) -> Reference:
        return reference(
            self._model,
            self.training,
            self._job.reference,
            max_tokens=self._job.trainer.tokens_per_micro_batch,
            rank=self._rank,
            workers=self._workers,
            device=self._device,
        )

    def _cut(self, indices: list[int], examples: Examples) -> list[MicroBatch]:
        max_tokens = self._job.trainer.tokens_per_micro_batch
        return micro_batches(indices, examples.lengths, max_tokens=max_tokens, workers=self._workers)[self._rank]

    def _take_rows(self, calibration: Calibration) -> dict[str, Any]:
        """Write the rows of TRAINING since the last evaluation; returns what Ray Train is to be told of them."""
        rows, self._rows = self._rows, []
        if not rows:  # before the first step
            names = {"key": digest(self._job.adapter_id, 0), "adapter": self._job.adapter_id}
            dtype = str(self._job.trainer.dtype)
            rows = [names | {"step": 0, "epoch": 0, "seconds": self._reference_s, "dtype": dtype}]
        rows[-1] |= {f"calibration_{name}": getattr(calibration, name) for name in ("loss", "ece", "auroc")}
        if self._rank == 0:
            self._job.store.write(Table.TRAINING, self._job.adapter_id, rows)
        return {name: rows[-1][name] for name in _REPORTED if name in rows[-1]}


def peak_gib(device: torch.device) -> float:
    """The most memory that was needed so far, in GiB: of the GPU by tensors, else of this process in all."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**30
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def _sum_of_means(divergence: torch.Tensor | None, examples: list[QueryExample], device: torch.device) -> torch.Tensor:
    """The sum over examples of each one's mean over its answer's positions."""
    if divergence is None:
        return torch.zeros((), device=device)
    parts = torch.split(divergence, [len(example.answer_positions) for example in examples])
    return torch.stack([part.mean() for part in parts]).sum()
