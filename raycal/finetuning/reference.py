"""The base model's hidden states at the answers' tokens: computed once, and shared by epochs, restarts and trials.

The regulariser compares with the base model at every step. Its hidden states there are a few kilobytes a token, from
which the output layer makes the distribution anew; the base model's own forward pass is never repeated.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.distributed
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from raycal.finetuning.data import Examples, micro_batches
from raycal.finetuning.model import Batch, QueryModel
from raycal.store.atomic import atomic_file, local_copy
from raycal.store.locations import Location


class Reference:
    """Base states by example, read from the parts that the workers wrote."""

    def __init__(self, folder: Location) -> None:
        files = sorted(local_copy(folder).glob("part-*.safetensors"))
        parts: list[Any] = [safe_open(file, framework="pt") for file in files]
        self._part_of = {int(name): part for part in parts for name in part.keys()}  # noqa: SIM118 - no mapping

    def states(self, indices: Sequence[int], device: torch.device) -> Tensor:
        """(t, width): the states of some examples, one example after the other."""
        return torch.cat([self._part_of[index].get_tensor(str(index)) for index in indices]).to(device)


def reference(
    model: QueryModel,
    examples: Examples,
    folder: Location,
    *,
    max_tokens: int,
    rank: int,
    workers: int,
    device: torch.device,
) -> Reference:
    """The reference in `folder`, computed first where it is not there; all workers must call together."""
    finished = folder / "finished"
    # Decided by one for all: a worker that came late may see what the others have just written.
    there = [finished.exists()]
    torch.distributed.broadcast_object_list(there, src=0)
    if not there[0]:
        states: dict[str, Tensor] = {}
        # What follows an answer does not change its states, and would be a good part of the work.
        unasked = Examples(tuple(example.unasked for example in examples.examples))
        cut = micro_batches(range(len(unasked)), unasked.lengths, max_tokens=max_tokens, workers=workers)[rank]
        with model.as_base():
            for batch in cut:
                some = [unasked.examples[index] for index in batch.indices]
                batch_states = model(Batch.of(some, device)).answer_states.cpu()
                if batch.counts:
                    parts = torch.split(batch_states, [len(example.answer_positions) for example in some])
                    states |= {str(index): part.clone() for index, part in zip(batch.indices, parts, strict=True)}
        with atomic_file(folder / f"part-{rank}.safetensors") as aside:
            save_file(states, aside)
        torch.distributed.barrier()
        if rank == 0:
            finished.touch()
    return Reference(folder)
