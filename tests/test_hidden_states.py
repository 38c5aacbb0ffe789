"""Requests for hidden states that share forward passes, one of which may fail."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from raycal.inference.hidden_states import HiddenStates


class WithoutModel(HiddenStates):
    """Whose passes fail for sequences of more than 8,000 tokens, which nothing else fits beside."""

    def __init__(self) -> None:
        self._waiting = []
        self._busy_s = 0.0

    def _forward(self, sequences: Sequence[list[int]]) -> NDArray[np.float32]:
        if max(map(len, sequences)) > 8000:
            raise RuntimeError("out of memory")
        return np.array([[tokens[-1:]] for tokens in sequences], np.float32)


def test_a_pass_that_fails_fails_its_own_requests_and_no_others() -> None:
    states = WithoutModel()

    async def ask() -> list[NDArray[np.float32] | BaseException]:
        requests = [states.last_token_states(tokens) for tokens in ([1, 2], [0] * 8001, [3])]
        return await asyncio.wait_for(asyncio.gather(*requests, return_exceptions=True), timeout=10)

    first, failed, last = asyncio.run(ask())
    assert isinstance(first, np.ndarray)
    assert isinstance(last, np.ndarray)
    assert (first.item(), last.item()) == (2, 3)
    assert str(failed) == "out of memory"
    assert states.busy_seconds() > 0
