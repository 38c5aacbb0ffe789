"""Decoding with a transformers model, in batches: tokens in, tokens and log-probabilities out."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

_TEXT_BEFORE = 5  # prompt tokens decoded with the new ones, as a tokenizer may join them
_INCOMPLETE = "\ufffd"  # what a tokenizer makes of the first bytes of a character


@dataclass(eq=False)
class Request:
    """A prompt to continue, and the continuation so far.

    choices: tokens of which the log-probabilities are wanted where the first new token stands.
    """

    prompt: Sequence[int]
    max_tokens: int
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int | None = None
    stop: Sequence[str] = ()
    choices: Sequence[int] = ()
    tokens: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)  # natural, before temperature and top-p
    choice_logprobs: list[float] = field(default_factory=list)
    text: str = ""
    finish_reason: str = ""  # "stop" or "length" once it is complete


class Decoder:
    """A causal model and its tokenizer.

    Each request draws from a random generator of its own, so that what shares its batch changes it by the noise of
    floating-point sums alone.
    """

    def __init__(self, model: Any, tokenizer: Any) -> None:
        self._model = model
        self._tokenizer = tokenizer
        self._end = _end_tokens(model, tokenizer)

    def decode(self, requests: Sequence[Request]) -> None:
        """Continue some prompts side by side, until each is complete."""
        import torch

        device = self._model.device
        longest = max(len(request.prompt) for request in requests)
        padding = [longest - len(request.prompt) for request in requests]  # on the left: the last tokens are in line
        tokens = torch.tensor([[0] * n + list(request.prompt) for n, request in zip(padding, requests, strict=True)])
        mask = torch.tensor([[0] * n + [1] * (longest - n) for n in padding])
        generators = [_generator(request.seed) for request in requests]
        positions = (mask.cumsum(dim=1) - 1).clamp(min=0)
        active, cache = list(range(len(requests))), None
        with torch.inference_mode():
            while True:
                output = self._model(
                    input_ids=tokens.to(device),
                    attention_mask=mask.to(device),
                    position_ids=positions.to(device),
                    past_key_values=cache,
                    use_cache=True,
                    logits_to_keep=1,
                )
                cache = output.past_key_values
                logprobs = torch.log_softmax(output.logits[:, -1].float(), dim=-1).cpu()
                for row, index in enumerate(active):
                    self._extend(requests[index], logprobs[row], generators[index])
                left = [row for row, index in enumerate(active) if not requests[index].finish_reason]
                if not left:
                    return
                if len(left) < len(active):
                    cache.batch_select_indices(torch.tensor(left, device=device))
                    active = [active[row] for row in left]
                tokens = torch.tensor([[requests[index].tokens[-1]] for index in active])
                positions = positions[left, -1:] + 1
                mask = torch.cat([mask[left], torch.ones(len(left), 1, dtype=mask.dtype)], dim=1)

    def _extend(self, request: Request, logprobs: Any, generator: Any) -> None:
        if not request.tokens:
            request.choice_logprobs = [float(logprobs[token]) for token in request.choices]
        token = _draw(logprobs, request.temperature, request.top_p, generator)
        request.tokens.append(token)
        request.logprobs.append(float(logprobs[token]))
        if token in self._end:
            request.finish_reason = "stop"
            return
        request.text = self._text(request)
        ends = [place for text in request.stop if (place := request.text.find(text)) >= 0]
        if ends:
            request.text = request.text[: min(ends)]
            request.finish_reason = "stop"
        elif len(request.tokens) == request.max_tokens:
            request.finish_reason = "length"

    def _text(self, request: Request) -> str:
        before = list(request.prompt[-_TEXT_BEFORE:])
        options = {"skip_special_tokens": True, "clean_up_tokenization_spaces": False}
        start = len(self._tokenizer.decode(before, **options))
        text: str = self._tokenizer.decode(before + request.tokens, **options)[start:]
        return text.rstrip(_INCOMPLETE)


def _draw(logprobs: Any, temperature: float, top_p: float, generator: Any) -> int:
    import torch

    if temperature == 0:
        return int(logprobs.argmax())
    p = torch.softmax(logprobs.double() / temperature, dim=-1)
    if top_p < 1:
        likeliest, order = p.sort(descending=True)
        beyond = likeliest.cumsum(dim=-1) - likeliest >= top_p  # what those before it do not yet make up is kept
        p[order[beyond]] = 0
    # Along the vocabulary, and not by rank: near ties change places by the noise of sums.
    cumulated = p.cumsum(dim=-1)
    drawn = torch.rand(1, generator=generator, dtype=torch.float64) * cumulated[-1]
    return min(int(torch.searchsorted(cumulated, drawn, right=True)), int(p.nonzero()[-1]))


def _generator(seed: int | None) -> Any:
    import torch

    generator = torch.Generator()
    if seed is None:
        generator.seed()
    else:
        generator.manual_seed(seed)
    return generator


def _end_tokens(model: Any, tokenizer: Any) -> Collection[int]:
    stated = model.generation_config.eos_token_id if model.generation_config is not None else None
    several = stated if isinstance(stated, list) else [stated]
    return {token for token in (*several, tokenizer.eos_token_id) if token is not None}
