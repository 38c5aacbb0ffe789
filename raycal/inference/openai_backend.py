"""A client of an OpenAI-compatible endpoint: conversations in, generations out."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from typing import Any, ClassVar

from raycal.config.engine import Device, EngineConfig, ModelConfig, PromptStyle
from raycal.inference.backend import Capability, EngineStartError, Generation, GenerationError, Usage
from raycal.inference.backends import BACKENDS
from raycal.inference.busy_clock import BusyClock
from raycal.models.find import Model
from raycal.models.prompts import Conversation, messages

_NO_KEY = "none"  # the client wants a text
_REASON_LENGTH = 400


@BACKENDS.register("openai")
class OpenAIBackend:
    """Asks an endpoint, some requests at a time; samples are a request each, so that the i-th has its own seed.

    The client tries a request again after 429, 5xx, a timeout or a lost connection, waits as Retry-After says or ever
    longer, and gives up after `engine.request_retries`. Raises EngineStartError where the key is not set.
    """

    needs_device: ClassVar[bool] = False
    states_backend: ClassVar[str | None] = None

    @classmethod
    def capabilities(cls, config: ModelConfig) -> frozenset[Capability]:
        """See Backend. Of the next token endpoints give the likeliest alone, which two choices need not be among."""
        logprobs = {Capability.LOGPROBS} if config.endpoint is not None and config.endpoint.logprobs else set()
        return frozenset({Capability.GENERATE, *logprobs})

    def __init__(self, model: Model, config: EngineConfig, device: Device, style: PromptStyle) -> None:
        from openai import AsyncOpenAI

        if model.endpoint is None:
            raise EngineStartError(f"{model} has no endpoint: name model.endpoint.base_url")
        self._model = model.name
        self._logprobs = model.endpoint.logprobs
        self._client = AsyncOpenAI(
            base_url=model.endpoint.base_url,
            api_key=_key(model.endpoint.api_key_env),
            timeout=config.request_timeout_s,
            max_retries=config.request_retries,
        )
        self._turns = asyncio.Semaphore(config.requests_in_flight)
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
        options: dict[str, Any] = {"max_tokens": max_tokens, "temperature": temperature, "top_p": top_p}
        if stop:
            options["stop"] = list(stop)
        if self._logprobs:
            options["logprobs"] = True
        seeds = [{} if seed is None else {"seed": seed + place} for place in range(n)]
        replies = await asyncio.gather(*(self._request(conversation, options | sample_seed) for sample_seed in seeds))
        usages = [usage for _, usage in replies]
        tokens = Usage(sum(one.prompt_tokens for one in usages), sum(one.generated_tokens for one in usages))
        return [generation for generation, _ in replies], tokens

    async def next_token_logprobs(self, conversation: Conversation, texts: Sequence[str]) -> tuple[list[float], Usage]:
        """Not to be had of an endpoint, see `capabilities`."""
        raise GenerationError("an endpoint gives no log-probabilities of the next token")

    def busy_seconds(self) -> float:
        """Seconds so far for which at least one request was in flight."""
        return self._clock.total()

    def close(self) -> None:
        """There is nothing to free: the connections end with the process."""

    async def _request(self, conversation: Conversation, options: dict[str, Any]) -> tuple[Generation, Usage]:
        from openai import OpenAIError

        turns: Any = messages(conversation)
        async with self._turns:
            self._clock.enter()
            try:
                reply = await self._client.chat.completions.create(model=self._model, messages=turns, **options)
                return self._generation(reply)
            except OpenAIError as error:
                reason = " ".join(str(error).split())[:_REASON_LENGTH] or type(error).__name__
                raise GenerationError(f"the endpoint refused the request, or did not answer: {reason}") from error
            finally:
                self._clock.leave()

    def _generation(self, reply: Any) -> tuple[Generation, Usage]:
        if not reply.choices:
            raise GenerationError("the endpoint's reply has no choices")
        choice, usage = reply.choices[0], reply.usage
        tokens = choice.logprobs.content if choice.logprobs is not None else None
        if self._logprobs and tokens is None:
            raise GenerationError("the endpoint gave no log-probabilities: set model.endpoint.logprobs to false")
        logprobs = tuple(min(token.logprob, 0.0) for token in tokens or ())
        finish_reason = "length" if choice.finish_reason == "length" else "stop"
        counted = Usage(usage.prompt_tokens, usage.completion_tokens) if usage is not None else Usage(0, len(logprobs))
        return Generation(choice.message.content or "", logprobs, finish_reason), counted


def _key(variable: str | None) -> str:
    if variable is None:
        return _NO_KEY
    key = os.environ.get(variable)
    if not key:
        raise EngineStartError(f"the environment variable {variable} (model.endpoint.api_key_env) is not set here")
    return key
