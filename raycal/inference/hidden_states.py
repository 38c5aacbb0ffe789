"""A model's hidden states, in batches: what the classifier reads."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from raycal.config.engine import Device, EngineConfig, ModelConfig, PromptStyle
from raycal.inference.backend import Capability, EngineStartError
from raycal.inference.backends import BACKENDS
from raycal.models.find import Model
from raycal.models.tokenizers import load_tokenizer

_MOST_TOKENS = 8192  # of one forward pass, padding included


@BACKENDS.register("transformers_states")
class HiddenStates:
    """The model in transformers, for use in place of an engine (see inference.replica.Replica).

    Requests that wait at the same moment share forward passes. What stands behind a sequence cannot change its states,
    so that these do not depend on which ones.
    """

    needs_device: ClassVar[bool] = True
    states_backend: ClassVar[str | None] = "transformers_states"

    @classmethod
    def capabilities(cls, config: ModelConfig) -> frozenset[Capability]:
        """See Backend."""
        return frozenset({Capability.STATES})

    def __init__(self, model: Model, config: EngineConfig, device: Device, style: PromptStyle) -> None:
        import torch
        from transformers import AutoModel

        options = {"revision": model.hub_revision, "trust_remote_code": False}
        # Over all GPUs that the replica has: a model that needs several in an engine needs them here.
        placed = {"device_map": "auto" if device is Device.GPU else "cpu"}
        try:
            location = model.merged_location
            self.tokenizer: Any = load_tokenizer(location, model.hub_revision)
            self._model = AutoModel.from_pretrained(
                location, dtype=getattr(torch, config.dtype), use_safetensors=True, **placed, **options
            ).eval()
        except (OSError, RuntimeError, ValueError) as error:
            raise EngineStartError(f"{model} did not load in transformers: {' '.join(str(error).split())}") from error
        self.style = style
        self._waiting: list[tuple[list[int], asyncio.Future[NDArray[np.float32]]]] = []
        self._busy_s = 0.0

    async def last_token_states(self, tokens: list[int]) -> NDArray[np.float32]:
        """(layers + 1, width): the last token's states, of the embeddings and of every layer."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[NDArray[np.float32]] = loop.create_future()
        self._waiting.append((tokens, future))
        if len(self._waiting) == 1:
            loop.call_soon(self._compute)
        return await future

    def busy_seconds(self) -> float:
        """Seconds spent in forward passes so far."""
        return self._busy_s

    def close(self) -> None:
        """Free the model's memory."""
        del self._model

    def _compute(self) -> None:
        waiting, self._waiting = sorted(self._waiting, key=lambda one: len(one[0])), []
        started = time.monotonic()
        while waiting:
            longest = len(waiting[-1][0])
            some = [waiting.pop() for _ in range(min(len(waiting), max(1, _MOST_TOKENS // longest)))]
            try:
                batch_states = self._forward([tokens for tokens, _ in some])
            except Exception as error:  # noqa: BLE001, raised where it is waited for: here nobody would hear of it
                for _, future in some:
                    future.set_exception(error)
                continue
            for (_, future), states in zip(some, batch_states, strict=True):
                future.set_result(states)
        self._busy_s += time.monotonic() - started

    def _forward(self, sequences: Sequence[list[int]]) -> NDArray[np.float32]:
        import torch

        longest = max(map(len, sequences))
        padded = torch.tensor([tokens + [0] * (longest - len(tokens)) for tokens in sequences])
        last = torch.tensor([len(tokens) - 1 for tokens in sequences])
        with torch.inference_mode():
            states = self._model(
                input_ids=padded.to(self._model.device), output_hidden_states=True, use_cache=False
            ).hidden_states
            rows = torch.arange(len(sequences))
            return torch.stack([layer[rows, last].float().cpu() for layer in states], dim=1).numpy()
