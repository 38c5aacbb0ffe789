"""Checks that every backend passes that continues conversations, ours and those of other packages."""

from __future__ import annotations

import asyncio

from raycal.inference.backend import Generation, GenerationError, TextBackend
from raycal.models.prompts import CORRECTNESS, Conversation, answer_prompt

_QUESTION = answer_prompt("What is the capital of France?", (), ())
_MAX_TOKENS = 8


async def check_backend(
    backend: TextBackend,
    conversation: Conversation = _QUESTION,
    *,
    logprobs: bool = True,
    next_token: bool = True,
    refused: Conversation | None = None,
) -> None:
    """Check what raycal relies on of a backend that has started; AssertionError says what does not hold.

    logprobs, next_token: whether it gives log-probabilities of what it generates, and of the next token. refused: a
    conversation that it cannot continue, such as one over its context.
    """
    (greedy,), usage = await backend.generate(conversation, max_tokens=_MAX_TOKENS)
    assert usage.prompt_tokens > 0, "usage: a prompt has tokens"
    assert 0 < usage.generated_tokens <= _MAX_TOKENS, f"usage: 1 to {_MAX_TOKENS} tokens, not {usage.generated_tokens}"
    _check_generation(greedy, logprobs=logprobs)
    if logprobs:
        assert usage.generated_tokens == len(greedy.logprobs), "logprobs: one a generated token"
    again, beside = await asyncio.gather(
        backend.generate(conversation, max_tokens=_MAX_TOKENS),
        backend.generate(conversation, max_tokens=2, n=2, temperature=1.0, seed=5),
    )
    assert again[0][0].text == greedy.text, "generate: at temperature 0 the same text each time, in any company"
    assert len(beside[0]) == 2, f"generate: n = 2 samples, not {len(beside[0])}"
    samples, _ = await backend.generate(conversation, max_tokens=_MAX_TOKENS, n=3, temperature=1.0, seed=1)
    for sample in samples:
        _check_generation(sample, logprobs=logprobs)
    later, _ = await backend.generate(conversation, max_tokens=_MAX_TOKENS, n=2, temperature=1.0, seed=2)
    assert [one.text for one in later] == [one.text for one in samples[1:]], (
        "seed: the i-th sample has seed + i, so that a larger k keeps those that are there"
    )
    if first := greedy.text.strip()[:1]:
        (cut,), _ = await backend.generate(conversation, max_tokens=_MAX_TOKENS, stop=(first,))
        assert first not in cut.text, f"stop: the text ends before {first!r}, and is not {cut.text!r}"
        assert cut.finish_reason == "stop", f"finish_reason: stop at a stop string, not {cut.finish_reason!r}"
    if next_token:
        choices, _ = await backend.next_token_logprobs(conversation, (CORRECTNESS.no, CORRECTNESS.yes))
        assert len(choices) == 2, f"next_token_logprobs: one a text, not {len(choices)} for 2"
        assert all(logprob <= 0 for logprob in choices), f"next_token_logprobs: log-probabilities, not {choices}"
    if refused is not None:
        await _check_refusal(backend, refused)
    assert backend.busy_seconds() > 0, "busy_seconds: it has done something"


def _check_generation(generation: Generation, *, logprobs: bool) -> None:
    reason = generation.finish_reason
    assert reason in {"stop", "length"}, f"finish_reason: stop or length, not {reason!r}"
    assert all(logprob <= 0 for logprob in generation.logprobs), f"logprobs: none over 0, as {generation.logprobs} has"
    assert bool(generation.logprobs) == logprobs, "logprobs: those of all tokens where the backend has any, else none"


async def _check_refusal(backend: TextBackend, refused: Conversation) -> None:
    try:
        await backend.generate(refused, max_tokens=_MAX_TOKENS)
    except GenerationError as error:
        reason = str(error)
    else:
        raise AssertionError("generate: what cannot be continued is a GenerationError")
    assert reason, "GenerationError: says why"
