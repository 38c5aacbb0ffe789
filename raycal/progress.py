"""Progress in the terminal: questions done, tokens a second, time left."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from raycal.asker import Progress

_LINE_EVERY_S = 15.0  # where there is no terminal, as in a job's log


def show_progress(reports: Iterable[Progress], total: int, what: str, console: Console) -> int:
    """Drain a stage's reports while showing them, and then what was got over; returns how many questions failed."""
    done = failed = tokens = 0
    incidents: Counter[str] = Counter()
    first = last_line = time.monotonic()  # the first report's time, so that rates leave the engine's start out
    first_done = first_tokens = 0
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("questions, {task.fields[rate]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(elapsed_when_finished=False),
    )
    with Bar(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task(what, total=total, rate="waiting for the engine")
        for report in reports:
            done += report.questions
            failed += report.failed
            tokens += report.generated_tokens
            incidents.update(report.incidents)
            now = time.monotonic()
            if not first_done:
                first, first_done, first_tokens = now, done, tokens
            seconds = max(now - first, 1e-9)
            rate = left = ""  # of the first report nothing is known but that the engine is up
            if done > first_done:
                a_second = (done - first_done) / seconds
                # Hidden states are had without a token generated.
                rate = f"{(tokens - first_tokens) / seconds:.0f} tokens/s" if tokens else f"{a_second:.1f} a second"
                left = f", {rate}, {(total - done) / a_second:.0f} s left"
            bar.update(task, completed=done, rate=rate)
            if not console.is_terminal and (now - last_line >= _LINE_EVERY_S or done >= total):
                console.print(f"{what}: {done}/{total} questions{left}", highlight=False)
                last_line = now
    for incident, times in incidents.items():
        console.print(f"{what}: {incident}" + (f" ({times} times)" if times > 1 else ""), highlight=False, markup=False)
    return failed
