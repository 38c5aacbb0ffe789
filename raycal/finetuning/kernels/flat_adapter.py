"""An adapter's matrices as parts of one parameter.

An adapter is hundreds of small matrices, and DeepSpeed's hooks, its look for infinities, clipping and AdamW come to
each parameter in turn: for a small model on a GPU that takes as long as the backward pass. One parameter is done with
at once, and each layer has its part of it as a view (as in FSDP's flat parameters, Zhao et al. 2023, section 3.2).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class _Place:
    """Where in a model one of the matrices stands."""

    path: str
    module: nn.Module
    name: str
    shape: torch.Size


class FlatAdapter(nn.Module):
    """Everything of a model that learns, in one vector, which is given out anew at every forward pass."""

    def __init__(self, model: nn.Module, entry: nn.Module) -> None:
        """Take the trainable parameters out of `model`; `entry` is the module of it by which every pass enters."""
        super().__init__()
        self._places = [
            _Place(f"{path}.{name}", module, name, parameter.shape)
            for path, module in model.named_modules()
            for name, parameter in module.named_parameters(recurse=False)
            if parameter.requires_grad
        ]
        matrices = (getattr(place.module, place.name) for place in self._places)
        self.vector = nn.Parameter(nn.utils.parameters_to_vector(matrices).detach())
        for place in self._places:
            delattr(place.module, place.name)
        entry.register_forward_pre_hook(self._give_out)

    def matrices(self) -> dict[str, Tensor]:
        """Views of the vector by the names that the parameters had; gradients flow back through them."""
        parts = torch.split(self.vector, [place.shape.numel() for place in self._places])
        return {place.path: part.view(place.shape) for place, part in zip(self._places, parts, strict=True)}

    def _give_out(self, *_: Any) -> None:
        for place, matrix in zip(self._places, self.matrices().values(), strict=True):
            setattr(place.module, place.name, matrix)
