"""The vLLM engine inside a Ray actor: prompts in, generations out, nothing about calibration."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, ClassVar

from raycal._compat.vllm import async_engine, bound_threads, engine_errors
from raycal.config.engine import Device, EngineConfig, ModelConfig, PromptStyle
from raycal.inference.backend import Capability, EngineDiedError, Generation, GenerationError, Usage, check_length
from raycal.inference.backends import BACKENDS
from raycal.inference.busy_clock import BusyClock
from raycal.inference.vllm_process import cpu_arguments, set_environment, start_limit
from raycal.models.adapters import Adapter
from raycal.models.chat_template import TemplateError
from raycal.models.find import Model
from raycal.models.prompts import Conversation, renderer
from raycal.models.tokenizers import load_tokenizer

_LORA_RANKS = (8, 16, 32, 64, 128, 256, 320, 512)


@BACKENDS.register("vllm")
class Engine:
    """One asynchronous vLLM engine, in a dtype that is decided (not auto).

    Raises EngineStartError where the engine does not come up within `config.start_timeout_s`.
    """

    needs_device: ClassVar[bool] = True
    states_backend: ClassVar[str | None] = "transformers_states"

    @classmethod
    def capabilities(cls, config: ModelConfig) -> frozenset[Capability]:
        """See Backend."""
        return frozenset({Capability.GENERATE, Capability.LOGPROBS, Capability.NEXT_TOKEN})

    def __init__(self, model: Model, config: EngineConfig, device: Device, style: PromptStyle) -> None:
        set_environment(config, device)
        warnings.filterwarnings("ignore", category=FutureWarning)  # those of vLLM about its own imports
        from vllm.engine.arg_utils import AsyncEngineArgs

        # Merged weights cost nothing a token, where LoRA kernels are slow on CPUs. On GPUs they are not, and a second
        # copy of a large model costs more.
        on_cpu = device is Device.CPU
        location = model.merged_location if on_cpu else model.location
        revision = None if Path(location).is_dir() else model.revision
        self._lora = None if on_cpu else _lora_request(model.adapter)
        arguments = AsyncEngineArgs(
            model=location,
            revision=revision,
            enable_lora=self._lora is not None,
            max_lora_rank=_lora_rank(model.adapter),
            tensor_parallel_size=config.tensor_parallel,
            dtype=str(config.dtype),
            max_model_len=config.max_model_len,
            max_num_seqs=config.max_num_seqs,
            gpu_memory_utilization=config.gpu_memory_utilization,
            enable_prefix_caching=True,
            **(cpu_arguments() if on_cpu else {}),
            trust_remote_code=False,
            load_format="safetensors",
            use_tqdm_on_load=False,
        )
        with start_limit(model, config.start_timeout_s):
            self.tokenizer: Any = load_tokenizer(location, revision)
            self._render = renderer(self.tokenizer, style)
            planned = arguments.create_engine_config()
            with bound_threads(planned) if on_cpu else nullcontext():
                self._engine = async_engine().from_vllm_config(planned, disable_log_stats=True)
        self._max_model_len = config.max_model_len
        self._request_ids = itertools.count()
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
        """Sample n continuations, the i-th with seed + i. Raises GenerationError and EngineDiedError."""
        from vllm import SamplingParams
        from vllm.sampling_params import RequestOutputKind

        output = await self._request(
            conversation,
            SamplingParams(
                n=n,
                temperature=temperature,
                top_p=top_p,
                max_tokens=max_tokens,
                seed=seed,
                stop=list(stop),
                logprobs=0,  # the sampled token's alone
                flat_logprobs=True,
                output_kind=RequestOutputKind.FINAL_ONLY,
            ),
        )
        generations = [
            Generation(one.text, _sampled_logprobs(one), str(one.finish_reason))
            for one in sorted(output.outputs, key=lambda one: one.index)
        ]
        return generations, _usage(output)

    async def next_token_logprobs(self, conversation: Conversation, texts: Sequence[str]) -> tuple[list[float], Usage]:
        """Natural log-probabilities that the next token is the last token of each text. Raises as `generate` does."""
        from vllm import SamplingParams
        from vllm.sampling_params import RequestOutputKind

        tokens = [self.tokenizer.encode(text, add_special_tokens=False)[-1] for text in texts]
        if len(set(tokens)) < len(tokens):
            raise GenerationError(f"the tokeniser ends {' and '.join(texts)} with the same token")
        output = await self._request(
            conversation,
            SamplingParams(
                temperature=0.0,
                max_tokens=1,
                logprob_token_ids=tokens,
                detokenize=False,
                output_kind=RequestOutputKind.FINAL_ONLY,
            ),
        )
        position = output.outputs[0].logprobs[0]
        return [position[token].logprob for token in tokens], _usage(output)

    def busy_seconds(self) -> float:
        """Seconds so far for which at least one request was in flight."""
        return self._clock.total()

    def close(self) -> None:
        """End the engine's processes."""
        self._engine.shutdown()
        del self._engine  # else the interpreter collects it at its end, when half of its modules are gone

    async def _request(self, conversation: Conversation, params: Any) -> Any:
        dead, refused = engine_errors()
        try:
            tokens = list(self._render(conversation))
        except TemplateError as error:
            raise GenerationError(str(error)) from error
        check_length(len(tokens), params.max_tokens or 0, self._max_model_len)
        self._clock.enter()
        try:
            request_id = str(next(self._request_ids))
            generating = self._engine.generate(
                {"prompt_token_ids": tokens}, params, request_id, lora_request=self._lora
            )
            outputs = [one async for one in generating]
        except dead as error:
            raise EngineDiedError("the engine died") from error
        except (refused, ValueError) as error:
            raise GenerationError(f"the engine refused the request: {error}") from error
        finally:
            self._clock.leave()
        return outputs[-1]


def _lora_request(adapter: Adapter | None) -> Any:
    if adapter is None:
        return None
    from vllm.lora.request import LoRARequest

    return LoRARequest(str(adapter), 1, str(adapter.folder))


def _lora_rank(adapter: Adapter | None) -> int:
    """The smallest rank that vLLM knows and the adapter fits in; one that fits in none is refused by vLLM itself."""
    rank = adapter.rank if adapter else 1
    return min((size for size in _LORA_RANKS if size >= rank), default=_LORA_RANKS[-1])


def _sampled_logprobs(output: Any) -> tuple[float, ...]:
    return tuple(position[token].logprob for position, token in zip(output.logprobs, output.token_ids, strict=True))


def _usage(output: Any) -> Usage:
    return Usage(len(output.prompt_token_ids), sum(len(one.token_ids) for one in output.outputs))
