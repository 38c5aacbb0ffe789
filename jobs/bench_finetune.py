"""Fine-tuning speed and memory, in one run on one machine and the same batches.

    raycal  Ray Train, DeepSpeed, the two output rows, and the base model's states computed once
    a       transformers.Trainer and PEFT with the logits of all positions, and the base model's forward at every step
    b       a bare PyTorch loop over raycal's forward

One worker or process each, with all cores; without a GPU also raycal with a worker of one thread for each core, whose
memory is added up. Starting up, the first two steps and evaluations are left out of the time. The base model's states,
which raycal and b compute once, are shared out over the epochs: over one, as in the original's single pass over its
data, and over as many as raycal trains for by default.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import pairwise, product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from raycal.cluster.connection import connect
from raycal.cluster.precision import this_processor, with_native_dtype
from raycal.cluster.resources import plan_workers
from raycal.config.engine import Device, Dtype, ModelConfig, PromptStyle
from raycal.config.trainer import TrainerConfig
from raycal.finetuning.data import Examples, epoch_batches, tokenize
from raycal.finetuning.job import FinetuneJob
from raycal.finetuning.trainer import train
from raycal.methods.fine_tuned import FineTuned
from raycal.models.find import find_model
from raycal.models.prompts import CORRECTNESS_PROMPTS, Wording, answer_prompt
from raycal.questions import load
from raycal.questions.question import Question
from raycal.questions.sources.worldfacts import WorldFacts
from raycal.store.store import Store

if TYPE_CHECKING:
    import torch

WARM_UP = 2


@dataclass(frozen=True)
class Measured:
    """Seconds of each step after the warm-up, seconds spent once, and the peak memory in GiB, of all workers."""

    steps: list[float]
    once: float
    peak: float

    def speed(self, count: int, batch: int, epochs: int) -> float:
        """Examples a second in a training of some epochs over `count` examples."""
        return batch / (statistics.mean(self.steps) + self.once * batch / count / epochs)


def make_job(root: Path, count: int, batch: int, trainer: TrainerConfig) -> FinetuneJob:
    """World facts, each with its own answer or the next one's."""
    import torch
    from transformers import AutoTokenizer

    model = find_model(ModelConfig())
    tokenizer = AutoTokenizer.from_pretrained(model.location)
    facts = [one for one in load(WorldFacts(limit=count + 33)) if isinstance(one, Question)]
    examples = Examples.of(
        tokenize(
            one.id,
            answer_prompt(one.question, (), ()),
            (one if number % 2 else other).answers[0],
            bool(number % 2),
            tokenizer=tokenizer,
            style=PromptStyle.AUTO,
        )
        for number, (one, other) in enumerate(pairwise(facts))
    ).examples
    Examples(examples[:count]).write(root / "training.parquet")
    Examples(examples[count : count + 32]).write(root / "calibration.parquet")
    choices = CORRECTNESS_PROMPTS[Wording.CHOICES]
    device = Device.GPU if torch.cuda.is_available() else Device.CPU
    return FinetuneJob(
        adapter_id="bench",
        method=FineTuned(target_modules="all-linear", dropout=0.0, epochs=1, evaluations=1, batch_size=batch),
        trainer=with_native_dtype(trainer, this_processor(device)),
        device=device,
        model=model,
        training=root / "training.parquet",
        calibration=root / "calibration.parquet",
        reference=root / "reference",
        choice_tokens=(tokenizer.encode(choices.no)[-1], tokenizer.encode(choices.yes)[-1]),
        store=Store(root / "store"),
    )


def through_raycal(job: FinetuneJob) -> Measured:
    """Ray Train and DeepSpeed."""
    train(job, plan_workers(job.trainer, connect()))
    first, *rows = job.store.rows("SELECT * FROM training ORDER BY step")
    peak = max(row["peak_gib"] for row in rows) * job.trainer.workers  # the first worker's; all do the same
    return Measured([row["seconds"] for row in rows[WARM_UP:]], first["seconds"], peak)


def _device(job: FinetuneJob) -> torch.device:
    import torch

    torch.set_num_threads(os.cpu_count() or 1)
    return torch.device("cuda" if job.device is Device.GPU else "cpu")


def bare_loop(job: FinetuneJob) -> Measured:
    """The same forward, backward and AdamW, and nothing else."""
    import torch

    from raycal.finetuning.load import load_query_model
    from raycal.finetuning.loop import peak_gib
    from raycal.finetuning.loss import two_choice_loss
    from raycal.finetuning.model import Batch

    device = _device(job)
    query = load_query_model(job).to(device, getattr(torch, job.trainer.dtype))
    examples = Examples.read(job.training).examples
    optimiser = torch.optim.AdamW([p for p in query.parameters() if p.requires_grad], lr=job.method.learning_rate)
    started = time.monotonic()
    states: dict[int, torch.Tensor] = {}
    with query.as_base():
        for indices in epoch_batches(len(examples), job.method.batch_size, seed=0, epoch=0):
            some = [examples[index].unasked for index in indices]
            found = query(Batch.of(some, device)).answer_states
            parts = torch.split(found, [len(example.answer_positions) for example in some])
            states |= dict(zip(indices, parts, strict=True))
    once = time.monotonic() - started
    steps = []
    for indices in epoch_batches(len(examples), job.method.batch_size, seed=0, epoch=0):
        started = time.monotonic()
        some = [examples[index] for index in indices]
        base = torch.cat([states[index] for index in indices])
        output = query(Batch.of(some, device), base, job.method.divergence)
        correct = torch.tensor([example.correct for example in some], device=device)
        loss = two_choice_loss(output.choice_logits, correct, job.method.loss).mean() + output.divergence.mean()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(query.parameters(), job.method.max_grad_norm)
        optimiser.step()
        optimiser.zero_grad()
        steps.append(time.monotonic() - started)
    return Measured(steps[WARM_UP:], once, peak_gib(device))


def transformers_trainer(job: FinetuneJob) -> Measured:
    """transformers.Trainer with the whole logits, and a second forward with the adapter off for the regulariser."""
    import torch
    from transformers import AutoModelForCausalLM, Trainer, TrainerCallback, TrainingArguments

    from raycal.finetuning.loop import peak_gib
    from raycal.finetuning.loss import divergence, two_choice_loss
    from raycal.finetuning.model import Batch, with_lora

    device = _device(job)
    base = AutoModelForCausalLM.from_pretrained(job.model.location, dtype=getattr(torch, job.trainer.dtype))
    model = with_lora(base, job.method).to(device, getattr(torch, job.trainer.dtype))
    examples = list(Examples.read(job.training).examples)

    class QueryTrainer(Trainer):  # type: ignore[misc]
        def compute_loss(self, model: Any, inputs: dict[str, Any], **_: Any) -> torch.Tensor:
            batch = Batch.of(inputs["examples"], device)
            mask = (torch.arange(batch.tokens.shape[1], device=device) <= batch.last[:, None]).long()
            logits = model(input_ids=batch.tokens, attention_mask=mask).logits
            with torch.no_grad(), model.disable_adapter():
                base = model(input_ids=batch.tokens, attention_mask=mask).logits
            rows = torch.arange(len(batch.last), device=device)
            choices = logits[rows, batch.last][:, list(job.choice_tokens)]
            correct = torch.tensor([example.correct for example in inputs["examples"]], device=device)
            answers = (batch.rows, batch.columns)
            diverged = divergence(base[answers], logits[answers], job.method.divergence).mean()
            return two_choice_loss(choices, correct, job.method.loss).mean() + diverged

    class Clock(TrainerCallback):  # type: ignore[misc]
        times: list[float] = []  # noqa: RUF012 - one trainer, one clock

        def on_step_begin(self, *_: Any, **__: Any) -> None:
            self.times.append(-time.monotonic())

        def on_step_end(self, *_: Any, **__: Any) -> None:
            self.times[-1] += time.monotonic()

    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            folder,
            per_device_train_batch_size=job.method.batch_size,
            num_train_epochs=1,
            learning_rate=job.method.learning_rate,
            bf16=job.trainer.dtype is Dtype.BFLOAT16,
            use_cpu=device.type == "cpu",
            report_to=[],
            save_strategy="no",
            disable_tqdm=True,
            remove_unused_columns=False,
            logging_strategy="no",
        )
        clock = Clock()
        QueryTrainer(
            model, arguments, train_dataset=examples, data_collator=lambda some: {"examples": some}, callbacks=[clock]
        ).train()
    return Measured(clock.times[WARM_UP:], 0.0, peak_gib(device))


def _in_a_process(way: Callable[[FinetuneJob], Measured], job: FinetuneJob) -> Measured:
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(way, job).result()


def _cores() -> int:
    """Of the CPU; one where a GPU does the work."""
    import torch

    return 1 if torch.cuda.is_available() else os.cpu_count() or 1


def main() -> None:
    """Run the ways there and back, so that a machine that grows slower meanwhile slows them all alike.

    Speeds and their ratios are those over one epoch, and over as many as are the default.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("examples", type=int, nargs="?", default=384, help="of each epoch (default: %(default)s)")
    parser.add_argument("batch", type=int, nargs="?", default=32, help="examples a step (default: %(default)s)")
    arguments = parser.parse_args()
    count, batch = arguments.examples, arguments.batch
    cores = _cores()
    each_core = f"raycal, {cores} workers"
    one = TrainerConfig()
    ours = {"raycal": (through_raycal, one)}
    if cores > 1:  # whose memory adds up, and each has less of it
        ours[each_core] = through_raycal, TrainerConfig(workers=cores, tokens_per_micro_batch=1024)
    others = {"b bare loop": (bare_loop, one), "a Trainer": (transformers_trainer, one)}
    ways = ours | others
    lengths = (1, FineTuned().epochs)
    found: dict[str, list[Measured]] = {name: [] for name in ways}
    for name in [*ways, *list(ways)[-2::-1]]:
        way, trainer = ways[name]
        with tempfile.TemporaryDirectory() as folder:
            run = _in_a_process(way, make_job(Path(folder), count, batch, trainer))
        found[name].append(run)
        said = " and ".join(f"{run.speed(count, batch, epochs):.1f}" for epochs in lengths)
        print(f"{name:17} {said} examples/s, peak {run.peak:.2f} GiB", flush=True)

    def mean_speed(name: str, epochs: int) -> float:
        return statistics.mean(run.speed(count, batch, epochs) for run in found[name])

    def peak(name: str) -> float:
        return max(run.peak for run in found[name])

    for our, other in product(ours, others):
        ratios = " and ".join(f"{mean_speed(our, epochs) / mean_speed(other, epochs):.2f}" for epochs in lengths)
        print(f"{our}: {ratios} times the speed of {other}, {peak(our) / peak(other):.2f} of its memory")


if __name__ == "__main__":
    main()
