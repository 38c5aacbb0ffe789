"""The query about every calibration example, put to the model that is being trained."""

from __future__ import annotations

import numpy as np
import torch
import torch.distributed
from numpy.typing import NDArray

from raycal.finetuning.calibration import Calibration
from raycal.finetuning.data import Examples, micro_batches
from raycal.finetuning.loss import two_choice_loss
from raycal.finetuning.model import Batch
from raycal.methods.fine_tuned import Loss
from raycal.metrics import evaluate


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
        batch_logits = engine(Batch.of([examples.examples[index] for index in batch.indices], device)).choice_logits
        if batch.counts:
            logits[list(batch.indices)] = batch_logits
    engine.train()
    torch.distributed.all_reduce(logits)  # each row is one worker's, and zero with the others
    correct = torch.tensor([example.correct for example in examples.examples], device=device)
    mean = two_choice_loss(logits, correct, loss).mean().item()
    p: NDArray[np.float64] = torch.softmax(logits.double(), dim=-1)[:, 1].cpu().numpy()
    if not np.isfinite(p).all():
        return Calibration(float("inf"), None, None, p)
    metrics = evaluate(p, correct.cpu().numpy())
    return Calibration(mean, metrics["ece"].value, metrics["auroc"].value, p)
