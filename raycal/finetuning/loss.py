"""The losses of fine-tuning: of the query, and the divergence from the base model."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from raycal.methods.fine_tuned import Divergence, Loss


def two_choice_loss(logits: Tensor, correct: Tensor, loss: Loss) -> Tensor:
    """How wrong the two-choice probability of "correct" is, an example each.

    logits: (n, 2) float, of "no" and "yes"; correct: (n,) bool. Returns (n,): the cross-entropy in nats, or the Brier
    score, (p - correct)^2.
    """
    if loss is Loss.BRIER:
        return (p_true(logits) - correct.float()).square()
    return functional.cross_entropy(logits.float(), correct.long(), reduction="none")


def p_true(logits: Tensor) -> Tensor:
    """The probability of "yes": (n, 2) logits to (n,) float32."""
    return torch.softmax(logits.float(), dim=-1)[..., 1]


def divergence(base: Tensor, tuned: Tensor, kind: Divergence) -> Tensor:
    """How far the tuned distribution is from the base model's, a position each, in nats.

    base, tuned: (t, vocabulary) logits. Returns (t,) float32. The Jensen-Shannon divergence is at most log 2.
    """
    p, q = torch.log_softmax(base.float(), dim=-1), torch.log_softmax(tuned.float(), dim=-1)
    match kind:
        case Divergence.FORWARD_KL:
            return _kl(p, q)
        case Divergence.REVERSE_KL:
            return _kl(q, p)
        case Divergence.JENSEN_SHANNON:
            middle = torch.logaddexp(p, q) - torch.log(torch.tensor(2.0))
            return (_kl(p, middle) + _kl(q, middle)) / 2


def _kl(p: Tensor, q: Tensor) -> Tensor:
    """KL(p || q) of log-probabilities; where p is 0 it adds 0, whatever q is."""
    probability = p.exp()
    return torch.where(probability > 0, probability * (p - q), 0.0).sum(dim=-1)
