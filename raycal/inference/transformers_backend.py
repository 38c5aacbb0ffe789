"""A model in transformers that continues conversations, for machines without a build of vLLM."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, ClassVar

from raycal.config.engine import Device, EngineConfig, ModelConfig, PromptStyle
from raycal.inference.backend import Capability, EngineStartError, Generation, GenerationError, Usage, check_length
from raycal.inference.backends import BACKENDS
from raycal.inference.busy_clock import BusyClock
from raycal.inference.decoding import Decoder, Request
from raycal.models.chat_template import TemplateError
from raycal.models.find import Model
from raycal.models.prompts import Conversation, renderer
from raycal.models.tokenizers import load_tokenizer

_MOST_TOKENS = 65_536  # in the key-value cache of one batch, padding included


@BACKENDS.register("transformers")
class TransformersBackend:
    """The model in transformers; requests that wait at the same moment share a batch.

    An adapter is merged into the weights. Raises EngineStartError where the model does not load.
    """

    needs_device: ClassVar[bool] = True
    states_backend: ClassVar[str | None] = "transformers_states"

    @classmethod
    def capabilities(cls, config: ModelConfig) -> frozenset[Capability]:
        """See Backend."""
        return frozenset({Capability.GENERATE, Capability.LOGPROBS, Capability.NEXT_TOKEN})

    def __init__(self, model: Model, config: EngineConfig, device: Device, style: PromptStyle) -> None:
        import torch
        from transformers import AutoModelForCausalLM

        options = {"revision": model.hub_revision, "trust_remote_code": False}
        # Over all GPUs that the replica has, as hidden states are read.
        placed = {"device_map": "auto" if device is Device.GPU else "cpu"}
        try:
            location = model.merged_location
            self.tokenizer: Any = load_tokenizer(location, model.hub_revision)
            self._render = renderer(self.tokenizer, style)
            causal_model = AutoModelForCausalLM.from_pretrained(
                location, dtype=getattr(torch, config.dtype), use_safetensors=True, **placed, **options
            ).eval()
        except (OSError, RuntimeError, ValueError) as error:
            raise EngineStartError(f"{model} did not load in transformers: {' '.join(str(error).split())}") from error
        self._decoder = Decoder(causal_model, self.tokenizer)
        self._max_model_len = config.max_model_len
        self._max_num_seqs = config.max_num_seqs
        self._waiting: list[tuple[Request, asyncio.Future[None]]] = []
        self._worker: asyncio.Task[None] | None = None
        self._clock = BusyClock()

    async def generate(
        self,
        conversation: Conversation,
        *,
        max_tokens: int,
        n: int = 1,
        temperature: float = 0.0,
        top_p: float = 1.0,
        seed: int | None = None,
        stop: Sequence[str] = (),
    ) -> tuple[list[Generation], Usage]:
        """See TextBackend."""
        prompt = self._prompt(conversation, max_tokens)
        seeds = [None if seed is None else seed + index for index in range(n)]
        requests = [Request(prompt, max_tokens, temperature, top_p, sample_seed, stop) for sample_seed in seeds]
        await self._decode(requests)
        generations = [Generation(done.text, tuple(done.logprobs), done.finish_reason) for done in requests]
        return generations, Usage(len(prompt), sum(len(done.tokens) for done in requests))

    async def next_token_logprobs(self, conversation: Conversation, texts: Sequence[str]) -> tuple[list[float], Usage]:
        """See TextBackend."""
        choices = [self.tokenizer.encode(text, add_special_tokens=False)[-1] for text in texts]
        if len(set(choices)) < len(choices):
            raise GenerationError(f"the tokenizer ends {' and '.join(texts)} with the same token")
        prompt = self._prompt(conversation, 1)
        request = Request(prompt, max_tokens=1, choices=choices)
        await self._decode([request])
        return request.choice_logprobs, Usage(len(prompt), len(request.tokens))

    def busy_seconds(self) -> float:
        """Seconds so far for which at least one request was waiting or computed."""
        return self._clock.total()

    def close(self) -> None:
        """Free the model's memory."""
        del self._decoder

    def _prompt(self, conversation: Conversation, max_tokens: int) -> Sequence[int]:
        try:
            tokens = self._render(conversation)
        except TemplateError as error:
            raise GenerationError(str(error)) from error
        check_length(len(tokens), max_tokens, self._max_model_len)
        return tokens

    async def _decode(self, requests: Sequence[Request]) -> None:
        loop = asyncio.get_running_loop()
        futures: list[asyncio.Future[None]] = [loop.create_future() for _ in requests]
        self._waiting += zip(requests, futures, strict=True)
        if self._worker is None:
            self._worker = loop.create_task(self._work())
        self._clock.enter()
        try:
            results = await asyncio.gather(*futures, return_exceptions=True)
        finally:
            self._clock.leave()
        for error in results:
            if error is not None:
                raise error

    async def _work(self) -> None:
        """Decode what waits, batch after batch, until nothing does."""
        import torch

        try:
            while self._waiting:
                batch = self._next_batch()
                failure: Exception | None = None
                try:
                    # In a thread, for meanwhile the replica reads and writes.
                    await asyncio.to_thread(self._decoder.decode, [request for request, _ in batch])
                except torch.OutOfMemoryError:
                    failure = GenerationError(f"no memory for a batch of {len(batch)}: lower engine.max_num_seqs")
                except Exception as error:  # noqa: BLE001 - raised where it is waited for: here nobody hears of it
                    failure = error
                for _, future in batch:
                    if future.cancelled():
                        continue
                    if failure is None:
                        future.set_result(None)
                    else:
                        future.set_exception(failure)
        finally:
            self._worker = None

    def _next_batch(self) -> list[tuple[Request, asyncio.Future[None]]]:
        """The next requests in the order of their arrival: as many as the limits allow, and at least one."""
        size, longest = 0, 0
        for request, _ in self._waiting[: self._max_num_seqs]:
            longest = max(longest, len(request.prompt) + request.max_tokens)
            if size and longest * (size + 1) > _MOST_TOKENS:
                break
            size += 1
        batch, self._waiting = self._waiting[:size], self._waiting[size:]
        return batch
