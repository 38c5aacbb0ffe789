"""A stage's progress: questions done, their speed, the time left."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable

from raycal.events import OnEvent, StageWarning
from raycal.inference.tasks import BatchReport
from raycal.stages.activity import activity

_SHORTEST_S = 1.0  # of what a speed is told by: batches may be reported all at once


def emit_progress(reports: Iterable[BatchReport], total: int, stage: str, on_event: OnEvent) -> int:
    """Drain a stage's reports while emitting them, and then what was got over; returns how many questions failed."""
    failed = 0
    incidents: Counter[str] = Counter()
    speed = Speed(total)
    with activity(on_event, stage, total=total) as current:
        for report in reports:
            if report.phase:
                current.phase(report.phase)
                continue
            failed += report.failed
            incidents.update(report.incidents)
            speed.add(report.questions, report.generated_tokens, time.monotonic())
            current.reach(speed.questions, str(speed))
    for incident, times in incidents.items():
        counted = f" ({times} times)" if times > 1 else ""
        on_event(StageWarning(stage, f"{incident}{counted}"))
    return failed


class Speed:
    """How fast questions are done, from the first report on: the start of the engine does not count."""

    def __init__(self, total: int) -> None:
        self._total = total
        self.questions = self._tokens = 0
        self._first: tuple[float, int, int] | None = None
        self._seconds = 0.0

    def add(self, questions: int, tokens: int, now: float) -> None:
        """Count what was done by `now`, in seconds of a clock that only goes forward."""
        self.questions += questions
        self._tokens += tokens
        self._first = self._first or (now, self.questions, self._tokens)
        self._seconds = now - self._first[0]

    def __str__(self) -> str:
        """Tokens a second where questions take several, else questions a second; and the seconds left."""
        if self._first is None or self.questions == self._first[1] or self._seconds < _SHORTEST_S:
            return ""
        a_second = (self.questions - self._first[1]) / self._seconds
        left = f"{(self._total - self.questions) / a_second:.0f} s left"
        if self._tokens > self.questions:
            return f"{(self._tokens - self._first[2]) / self._seconds:.0f} generated tokens/s, {left}"
        return f"{a_second:.1f} questions/s, {left}"
