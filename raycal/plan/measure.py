"""How long prompts are: by the model's own tokeniser where it is on this machine, by their characters elsewhere."""

from __future__ import annotations

import bisect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from raycal.config import PromptStyle
from raycal.models import Model
from raycal.prompts import Conversation, render

CHARACTERS_A_TOKEN = 4  # of English text, a rule of thumb
_TOKENIZER = "tokenizer_config.json"
SAMPLE = 200  # questions whose prompts are measured, for each kind of request

Row = Mapping[str, Any]


@dataclass
class Tally:
    """How many questions there are of a kind, and a few of them: those with the smallest keys, which are hashes."""

    questions: int = 0
    rows: int = 0  # that they make
    _sample: list[tuple[str, Row]] = field(default_factory=list)

    def add(self, key: str, question: Row, rows: int = 1) -> None:
        """Count a question (dataset, subject, question and choices) that makes some rows."""
        self.questions += 1
        self.rows += rows
        if len(self._sample) < SAMPLE or key < self._sample[-1][0]:
            bisect.insort(self._sample, (key, question), key=lambda one: one[0])
            del self._sample[SAMPLE:]

    def mean(self, tokens: Callable[[Row], float]) -> float:
        """The mean of something over the few; 0 where there are none."""
        return sum(tokens(row) for _, row in self._sample) / max(1, len(self._sample))


@dataclass(frozen=True)
class Measure:
    """Counts a prompt's tokens; `tokenizer` is None where the model's is not on this machine."""

    tokenizer: Any
    style: PromptStyle

    def __call__(self, conversation: Conversation) -> float:
        """The tokens of a conversation that a model is to continue."""
        if self.tokenizer is None:
            return sum(len(turn.content) for turn in conversation) / CHARACTERS_A_TOKEN
        return len(render(conversation, self.tokenizer, self.style))


@cache
def find_tokenizer(model: Model) -> Any:
    """The tokeniser of a model; None where it is not on this machine. Nothing is fetched."""
    folder = _folder(model)
    if folder is None:
        return None
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
    except (OSError, ValueError):
        return None  # of the hub's files, a part was downloaded


def _folder(model: Model) -> Path | None:
    if model.hub_revision is None:
        folder = Path(model.location)
        return folder if (folder / _TOKENIZER).is_file() else None
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(model.location, _TOKENIZER, revision=model.hub_revision)
    return Path(found).parent if isinstance(found, str) else None
