"""How sure the tuned model is of the calibration split's answers while it learns, and how right it is to be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
import torch.distributed
from numpy.typing import NDArray

from raycal.config import Loss
from raycal.finetune.batches import micro_batches
from raycal.finetune.examples import Examples
from raycal.finetune.loss import two_choice_loss
from raycal.finetune.query_model import Batch
from raycal.location import Location, readable
from raycal.metrics import evaluate

_FILE = "calibration.parquet"  # beside an adapter


@dataclass(frozen=True, eq=False)
class Calibration:
    """The calibration split's mean loss and metrics; the AUROC is null where all answers are right, or all wrong.

    p: (n,) p(correct), in the order of the examples.
    """

    loss: float
    ece: float | None
    auroc: float | None
    p: NDArray[np.float64]

    def write(self, folder: Path, examples: Examples) -> None:
        """Keep the confidences beside the adapter that has them."""
        keys = [example.answer_key for example in examples.examples]
        pq.write_table(pa.table({"answer_key": keys, "p_true": self.p}), folder / _FILE)


def kept_confidences(folder: Location) -> Mapping[str, float]:
    """What `Calibration.write` kept beside an adapter, nothing where it kept none: p(correct) by answer key."""
    path = folder / _FILE
    rows = pq.read_table(readable(path)).to_pylist() if path.is_file() else []
    return {row["answer_key"]: row["p_true"] for row in rows}


@torch.no_grad()
def evaluate_calibration(
    engine: torch.nn.Module,
    examples: Examples,
    loss: Loss,
    *,
    max_tokens: int,
    rank: int,
    workers: int,
    device: torch.device,
) -> Calibration:
    """Put the query about every example; all workers must call together, and all get the same result."""
    engine.eval()
    logits = torch.zeros(len(examples), 2, device=device)
    for batch in micro_batches(range(len(examples)), examples.lengths, max_tokens=max_tokens, workers=workers)[rank]:
        found = engine(Batch.of([examples.examples[index] for index in batch.indices], device)).choice_logits
        if batch.counts:
            logits[list(batch.indices)] = found
    engine.train()
    torch.distributed.all_reduce(logits)  # each row is one worker's, and zero with the others
    correct = torch.tensor([example.correct for example in examples.examples], device=device)
    mean = two_choice_loss(logits, correct, loss).mean().item()
    p: NDArray[np.float64] = torch.softmax(logits.double(), dim=-1)[:, 1].cpu().numpy()
    if not np.isfinite(p).all():
        return Calibration(float("inf"), None, None, p)
    metrics = evaluate(p, correct.cpu().numpy())
    return Calibration(mean, metrics["ece"].value, metrics["auroc"].value, p)
