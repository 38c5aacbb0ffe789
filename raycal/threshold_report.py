"""A trust threshold with where it comes from and what it does to answers that it was not fitted on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from raycal.confidence.threshold import TrustThreshold

if TYPE_CHECKING:
    from rich.text import Text


@dataclass(frozen=True)
class HeldOut:
    """What a threshold does to answers that it was not fitted on.

    coverage: the share of the n answers that are trusted, error: the share of those that is wrong; None where there
    are none.
    """

    n: int
    trusted: int
    coverage: float | None
    error: float | None

    @classmethod
    def of(cls, threshold: float | None, p: Sequence[float], correct: Sequence[bool]) -> HeldOut:
        """Apply a threshold (None trusts nothing) to confidences (n,) in [0, 1] and correctness (n,)."""
        kept = np.zeros(len(p), dtype=bool) if threshold is None else np.asarray(p, dtype=np.float64) >= threshold
        trusted = int(kept.sum())
        wrong = int(trusted - np.asarray(correct, dtype=bool)[kept].sum())
        return cls(len(p), trusted, trusted / len(p) if len(p) else None, wrong / trusted if trusted else None)

    @property
    def sentence(self) -> str:
        """What was found, for people."""
        if self.coverage is None:
            return "There are no test answers with a grade and a confidence to try it on."
        wrong = "" if self.error is None else f", of which {self.error:.1%} are wrong"
        return f"Of the test answers, {self.coverage:.1%} are trusted ({self.trusted:,} of {self.n:,}){wrong}."


@dataclass(frozen=True)
class ThresholdReport:
    """A threshold; `source` names the file or the run and method, `test` is None where there are no other answers."""

    source: str
    found: TrustThreshold
    test: HeldOut | None = None
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON-serialisable data."""
        test = {} if self.test is None else {"test": asdict(self.test)}
        return {"source": self.source, **asdict(self.found), **test, "notes": list(self.notes)}

    def rendered(self) -> Text:
        """The report for a terminal: a sentence a line."""
        from rich.text import Text

        test = [] if self.test is None else [self.test.sentence]
        notes = (f"note: {note}" for note in self.notes)
        return Text("\n".join([f"{self.source}:", self.found.sentence, *test, *notes]))
