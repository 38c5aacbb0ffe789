"""The losses against exact cases and what must hold of any logits."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from raycal.finetuning.loss import divergence, p_true, two_choice_loss
from raycal.methods.fine_tuned import Divergence, Loss

LOGITS = st.lists(st.floats(-20, 20), min_size=5, max_size=5).map(torch.tensor)


def test_two_choice_losses_of_exact_cases() -> None:
    logits = torch.tensor([[0.0, 0.0], [0.0, math.log(3)]])
    assert p_true(logits).tolist() == pytest.approx([0.5, 0.75])
    correct = torch.tensor([True, False])
    entropy = two_choice_loss(logits, correct, Loss.CROSS_ENTROPY)
    assert entropy.tolist() == pytest.approx([math.log(2), math.log(4)])
    assert two_choice_loss(logits, correct, Loss.BRIER).tolist() == pytest.approx([0.25, 0.5625])


def test_jensen_shannon_of_the_reference_case() -> None:
    half, certain = torch.log(torch.tensor([[0.5, 0.5]])), torch.tensor([[0.0, -1e9]])
    assert divergence(half, certain, Divergence.JENSEN_SHANNON).item() == pytest.approx(0.2157616, abs=1e-6)
    assert divergence(certain, half, Divergence.FORWARD_KL).item() == pytest.approx(math.log(2))
    assert divergence(half, certain, Divergence.REVERSE_KL).item() == pytest.approx(math.log(2))


@given(base=LOGITS, tuned=LOGITS)
def test_divergences_are_not_negative_and_zero_for_equals(base: torch.Tensor, tuned: torch.Tensor) -> None:
    for kind in Divergence:
        assert divergence(base, tuned, kind).item() >= -1e-5
        assert divergence(base, base + 3, kind).item() == pytest.approx(0, abs=1e-5)
    assert divergence(base, tuned, Divergence.JENSEN_SHANNON).item() <= math.log(2) + 1e-5
    forward = divergence(base, tuned, Divergence.FORWARD_KL)
    assert forward.item() == pytest.approx(divergence(tuned, base, Divergence.REVERSE_KL).item(), rel=1e-4, abs=1e-5)


def test_gradients_are_finite_where_the_base_is_certain() -> None:
    for kind in Divergence:
        tuned = torch.tensor([[1.0, -200.0, 3.0]], requires_grad=True)
        divergence(torch.tensor([[500.0, -500.0, 0.0]]), tuned, kind).sum().backward()  # type: ignore[no-untyped-call]
        assert tuned.grad is not None
        assert torch.isfinite(tuned.grad).all()
