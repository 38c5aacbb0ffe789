"""A whole run in one call: every stage in a row, and the report of what they made."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from raycal.analysis.frames import RunFrames
from raycal.events import OnEvent, StageResult, log_event
from raycal.experiment.config import Experiment
from raycal.experiment.run import Run
from raycal.stages.activity import activity, stage
from raycal.stages.pipeline import (
    elicit_stage,
    evaluate_stage,
    features_stage,
    finetune_stage,
    grade_stage,
    score_stage,
)
from raycal.store.keys import safe_names

if TYPE_CHECKING:
    from raycal.report.sweep_results import SweepResults


def run(experiment: Experiment, *, on_event: OnEvent = log_event, retry_errors: bool = False) -> RunFrames:
    """Every stage of an experiment, as `raycal run` has them but without printing; returns its tables.

    What the store has is reused. on_event: called with each event, at times from another thread; what it raises ends
    the run. Without one, warnings and results go to the logger `raycal.events`. retry_errors: ask again what failed.
    Raises as `Run.open` and the stages do.
    """
    opened = Run.open(experiment)
    run_all(opened, on_event, retry_errors=retry_errors)
    return RunFrames(opened)


def run_all(run: Run, on_event: OnEvent, *, retry_errors: bool = False) -> list[dict[str, Any]]:
    """Every stage; what the store has is reused. Returns the rows of METRICS. Raises what the stages raise."""
    run.read_questions()  # every later stage needs them, and elicitation counts by them then
    elicit_stage(run, on_event, retry_errors=retry_errors)
    grade_stage(run, on_event)
    finetune_stage(run, on_event)
    features_stage(run, on_event)
    score_stage(run, on_event)
    rows = evaluate_stage(run, on_event)
    report_stage(run, on_event)
    return rows


@stage("report")
def report_stage(run: Run, on_event: OnEvent, sweep: SweepResults | None = None) -> None:
    """METRICS to a page a dataset.

    sweep: the one whose settings the run scores, if any. Raises NotEvaluatedError.
    """
    from raycal.report.assemble import results_of
    from raycal.report.page import write_report

    with activity(on_event, "report", "reading the results"):
        run_results = results_of(run)
    folders = safe_names([results.dataset for results in run_results])
    for results in run_results:
        folder = run.store.root / "reports" / run.id / folders[results.dataset]
        with activity(on_event, "report", f"drawing the figures of {results.dataset}"):
            page = write_report(replace(results, sweep=sweep), folder)
        on_event(StageResult("report", str(page), {"page": page}))
