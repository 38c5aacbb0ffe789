"""The commands by which graded answers leave a run and people's grades come in."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from raycal.cli.errors import naming, open_run, print_result, user_errors
from raycal.cli.options import DEFAULT_STORE, AsJson, Column, Overrides, StoreRoot


def export_graded_command(
    run_name: Annotated[str, typer.Argument(metavar="RUN", help="A run's id, or an experiment in YAML.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="A new or empty folder.")],
    store: StoreRoot = DEFAULT_STORE,
    overrides: Overrides = None,
) -> None:
    """Write the graded answers as a data set with a card, a Parquet file a split."""
    with user_errors():
        from raycal.analysis.export import export_graded, open_run
        from raycal.cli.render import export_table

        with naming(Path(run_name) if Path(run_name).is_file() else None):
            run = open_run(run_name, store, overrides or [])
        print_result(export_table(export_graded(run, output)))


def import_graded_command(
    experiment: Annotated[Path, typer.Argument(help="The experiment, in YAML.")],
    file: Annotated[Path, typer.Argument(help="A CSV, JSONL, JSON or Parquet file of grades.")],
    correct: Column = "correct",
    answer_key: Column = "answer_key",
    question_id: Column = "question_id",
    question: Column = "question",
    answer: Column = "answer",
    overrides: Overrides = None,
    as_json: AsJson = False,
) -> None:
    """Take over people's grades of an experiment's answers (grade.graders: human).

    A row names its answer by answer_key, or by question_id or question together with answer.
    """
    with open_run(experiment, overrides) as (run, _):
        from raycal.analysis.import_grades import GradeColumns, import_graded
        from raycal.cli.render import import_table

        report = import_graded(run, file, GradeColumns(correct, answer_key, question_id, question, answer))
        print_result(report.to_dict() if as_json else import_table(report))
