"""A causal language model as the uncertainty query needs it: two output rows at the end, all of them at the answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from raycal._compat.peft import with_layer
from raycal.errors import RaycalError
from raycal.finetuning.data import QueryExample
from raycal.finetuning.kernels.flat_adapter import FlatAdapter
from raycal.finetuning.loss import divergence
from raycal.methods.fine_tuned import Divergence, FineTuned

_TOLERANCE = 0.05  # of logits computed twice, in bfloat16


class UnsupportedModelError(RaycalError, ValueError):
    """The model's architecture is not one that can be trained here; the message says what of it."""


@dataclass(frozen=True)
class Batch:
    """Examples as tensors: tokens (n, longest), padded behind; last (n,); the answers' positions, (t,) each."""

    tokens: Tensor
    last: Tensor
    rows: Tensor  # which example each of the answers' positions is of
    columns: Tensor

    @classmethod
    def of(cls, examples: Sequence[QueryExample], device: torch.device) -> Batch:
        """Pad and index some examples."""
        longest = max(len(example.tokens) for example in examples)
        tokens = torch.zeros(len(examples), longest, dtype=torch.long)
        for row, example in enumerate(examples):
            tokens[row, : len(example.tokens)] = torch.tensor(example.tokens)
        places = [(row, column) for row, example in enumerate(examples) for column in example.answer_positions]
        rows, columns = torch.tensor(places).T
        last = torch.tensor([len(example.tokens) - 1 for example in examples])
        return cls(*(tensor.to(device) for tensor in (tokens, last, rows, columns)))


@dataclass(frozen=True)
class Output:
    """choice_logits: (n, 2) float32, of "no" and "yes". answer_states: (t, width). divergence: (t,) nats, or None."""

    choice_logits: Tensor
    answer_states: Tensor
    divergence: Tensor | None


class QueryModel(nn.Module):
    """The model under a LoRA adapter. Positions times vocabulary is computed at the answer's tokens alone."""

    def __init__(self, model: Any, choice_tokens: tuple[int, int], *, flat: bool = False) -> None:
        """model: a PeftModel over a causal language model; choice_tokens: those of "no" and "yes".

        flat: whether the adapter becomes one parameter, which is not for ZeRO-3: that gathers a layer's own alone.
        """
        super().__init__()
        self.model = model
        with gathered([self._lm_head.weight]):
            # The base model is frozen, so that the two rows may be copied: 2 x width in place of vocabulary x width.
            self.register_buffer("choice_rows", self._lm_head.weight[list(choice_tokens)].detach().clone(), False)
        self.choice_tokens = choice_tokens
        self._flat = FlatAdapter(model, self._decoder) if flat else None

    def forward(self, batch: Batch, base_states: Tensor | None = None, kind: Divergence | None = None) -> Output:
        """The two choices' logits, and the divergence from the base model's `answer_states` where they are given.

        Padding stands behind every sequence, where causal attention never looks: no mask is needed, and the result does
        not depend on what else is in the batch.
        """
        states = self._decoder(input_ids=batch.tokens, use_cache=False).last_hidden_state
        index = torch.arange(len(batch.last), device=states.device)
        choice_logits = states[index, batch.last].float() @ self.choice_rows.float().T
        answer_states = states[batch.rows, batch.columns]
        diverged = None
        if base_states is not None and kind is not None:
            diverged = divergence(self._lm_head(base_states).detach(), self._lm_head(answer_states), kind)
        return Output(choice_logits, answer_states, diverged)

    def state_dict(self, *args: Any, **kwargs: Any) -> dict[str, Any]:  # type: ignore[override]
        """The adapter's parameters alone; of tied base weights DeepSpeed would keep the second name."""
        trainable = {name for name, parameter in self.named_parameters() if parameter.requires_grad}
        return {name: value for name, value in super().state_dict(*args, **kwargs).items() if name in trainable}

    def save_adapter(self, folder: Path) -> None:
        """Write the adapter as PEFT does."""
        self.model.save_pretrained(folder, state_dict=self._flat.matrices() if self._flat else None)

    @torch.no_grad()
    def check(self, example: QueryExample, device: torch.device) -> None:
        """Raise UnsupportedModelError unless the two logits are the model's own (some scale or cap theirs)."""
        batch = Batch.of([example], device)
        own = self.model(input_ids=batch.tokens, use_cache=False).logits[0, -1, list(self.choice_tokens)].float()
        ours = self(batch).choice_logits[0]
        if not torch.allclose(ours, own, rtol=_TOLERANCE, atol=_TOLERANCE, equal_nan=True):
            raise UnsupportedModelError(
                f"this model's logits ({own.tolist()}) are not its hidden states times its output rows "
                f"({ours.tolist()}): its architecture is not supported"
            )

    @contextmanager
    def as_base(self) -> Iterator[None]:
        """The base model: the same weights with the adapter switched off."""
        training = self.training
        self.eval()
        with self.model.disable_adapter(), torch.no_grad():
            yield
        self.train(training)

    @property
    def _causal(self) -> Any:
        return self.model.get_base_model()

    @property
    def _decoder(self) -> Any:
        return self._causal.get_decoder()

    @property
    def _lm_head(self) -> Any:
        return self._causal.get_output_embeddings()


def gathered(parameters: list[nn.Parameter]) -> Any:
    """Parameters that ZeRO-3 may have partitioned, whole for reading; all workers must enter together."""
    if not any(hasattr(parameter, "ds_id") for parameter in parameters):
        return nullcontext()
    import deepspeed

    return deepspeed.zero.GatheredParameters(parameters)


def with_lora(model: Any, config: FineTuned, *, fused: bool = False) -> Any:
    """A model with a fresh adapter, as a PeftModel; B = 0, so that it still speaks as the base model does.

    fused: by FusedLoraLinear in place of PEFT's own layers.
    """
    from peft import LoraConfig, get_peft_model

    from raycal.finetuning.kernels.fused_layers import FusedLoraLinear

    lora = LoraConfig(
        r=config.rank,
        lora_alpha=config.alpha,
        lora_dropout=config.dropout,
        target_modules=_targets(model, config),
        layers_to_transform=list(config.layers) or None,
        task_type="CAUSAL_LM",
    )
    if fused:
        with_layer(lora, nn.Linear, FusedLoraLinear)
    return get_peft_model(model, lora)


def _targets(model: Any, config: FineTuned) -> str | list[str]:
    if not isinstance(config.target_modules, str):
        return list(config.target_modules)
    if not config.layers:
        return config.target_modules
    # PEFT takes layers together with names alone.
    head = model.get_output_embeddings()
    linear = (name for name, module in model.named_modules() if isinstance(module, nn.Linear) and module is not head)
    return sorted({name.rpartition(".")[2] for name in linear})
