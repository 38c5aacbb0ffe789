"""The commands on anybody's files of scored answers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from raycal.cli.errors import open_run, print_result, user_errors
from raycal.cli.options import AsJson, Column, Overrides, refuse_options


def metrics_command(
    file: Annotated[Path, typer.Argument(help="A CSV, JSONL, JSON or Parquet file.")],
    confidence: Column = "confidence",
    correct: Column = "correct",
    group: Annotated[str | None, typer.Option(metavar="COL", help="Also the mean over these groups.")] = None,
    replicates: Annotated[int | None, typer.Option(min=0, help="Bootstrap replicates; 0: no intervals.")] = None,
    as_json: AsJson = False,
) -> None:
    """Compute every metric of anybody's file of confidences and correctness."""
    with user_errors():
        from raycal.analysis.metrics_file import metrics_of_file
        from raycal.cli.file_tables import metrics_table

        metrics = metrics_of_file(file, confidence=confidence, correct=correct, group=group, replicates=replicates)
        print_result(metrics.to_dict() if as_json else metrics_table(metrics))


def threshold_command(
    file: Annotated[Path, typer.Argument(help="A CSV, JSONL, JSON or Parquet file, or an experiment in YAML.")],
    error_rate: Annotated[float, typer.Option(help="The share of trusted answers that may be wrong.")],
    delta: Annotated[float, typer.Option(help="The chance that more of them are.")] = 0.1,
    method: Annotated[str | None, typer.Option(metavar="LABEL", help="The experiment's method.")] = None,
    confidence: Column = "confidence",
    correct: Column = "correct",
    overrides: Overrides = None,
    as_json: AsJson = False,
) -> None:
    """Find the confidence above which few enough answers are wrong."""
    if file.suffix.lower() in {".yaml", ".yml"}:
        of_file = {"--confidence": confidence != "confidence", "--correct": correct != "correct"}
        refuse_options(f"to an experiment, {file}", of_file)
        with open_run(file, overrides) as (run, _):
            from raycal.analysis.threshold import threshold_of_run

            threshold = threshold_of_run(run, method, error_rate=error_rate, delta=delta)
    else:
        refuse_options(f"to a file of scored answers, {file}", {"--method": method, "--set": overrides})
        with user_errors():
            from raycal.analysis.threshold import threshold_of_file

            columns = {"confidence": confidence, "correct": correct}
            threshold = threshold_of_file(file, error_rate=error_rate, delta=delta, **columns)
    from raycal.cli.file_tables import threshold_text

    print_result(threshold.to_dict() if as_json else threshold_text(threshold))
