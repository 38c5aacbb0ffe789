"""The `raycal` command; no logic of its own, and no heavy import before a command needs it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from raycal.cli.errors import open_run, opening, print_result, user_errors
from raycal.cli.files import metrics_command, threshold_command
from raycal.cli.graded import export_graded_command, import_graded_command
from raycal.cli.options import (
    AsJson,
    Column,
    ExperimentFile,
    Overrides,
    PlanAsJson,
    Planned,
    PlanOptions,
    Rate,
    Resume,
    RetryErrors,
    TrainingRate,
    refuse_options,
)
from raycal.cli.results import results_command
from raycal.cluster.gc import raise_gc_threshold

app = typer.Typer(
    help="Measure and mend the confidence of language models.", no_args_is_help=True, pretty_exceptions_enable=False
)


@app.command("run")
def run_command(
    file: ExperimentFile = None,
    overrides: Overrides = None,
    retry_errors: RetryErrors = False,
    plan: Planned = False,
    rate: Rate = None,
    training_rate: TrainingRate = None,
    as_json: PlanAsJson = False,
) -> None:
    """Run every stage: elicit, grade, finetune, features, score, evaluate, report."""
    options = PlanOptions(plan, rate, training_rate, as_json)
    if options.asked:
        options.plan_experiment(file, overrides, retry_errors=retry_errors)
        return
    with open_run(file, overrides) as (run, on_event):
        from raycal.api import run_all
        from raycal.cli.render import print_metrics

        print_metrics(run_all(run, on_event, retry_errors=retry_errors))


@app.command()
def elicit(
    file: ExperimentFile = None,
    overrides: Overrides = None,
    retry_errors: RetryErrors = False,
    plan: Planned = False,
    rate: Rate = None,
    as_json: PlanAsJson = False,
) -> None:
    """Ask the questions: answers, samples and stated confidences."""
    options = PlanOptions(plan, rate, None, as_json)
    if options.asked:
        options.plan_experiment(file, overrides, retry_errors=retry_errors, elicit_only=True)
        return
    with open_run(file, overrides) as (run, on_event):
        from raycal.stages.pipeline import elicit_stage

        elicit_stage(run, on_event, retry_errors=retry_errors)


@app.command()
def grade(
    experiment: ExperimentFile = None,
    overrides: Overrides = None,
    file: Annotated[
        Path | None, typer.Option(help="Grade the rows of this JSONL, JSON, CSV or Parquet file instead.")
    ] = None,
    prediction: Column = "prediction",
    answers: Column = "answers",
    choices: Annotated[str | None, typer.Option(metavar="COL")] = None,
    positions_from: Annotated[
        int | None, typer.Option(min=0, max=1, help="The position of the first choice: 0 or 1, else as the file shows.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Grade the answers of an experiment, or the rows of a file from anywhere."""
    of_file = {"--prediction": prediction != "prediction", "--answers": answers != "answers", "--choices": choices}
    if file is None:
        refuse_options("without --file", of_file | {"--positions-from": positions_from is not None, "--json": as_json})
        with open_run(experiment, overrides) as (run, on_event):
            from raycal.stages.pipeline import grade_stage

            grade_stage(run, on_event)
        return
    refuse_options(f"to {file}", {"an experiment": experiment, "--set": overrides})
    with user_errors():
        from raycal.analysis.grade_file import grade_file
        from raycal.cli.render import grades_table

        graded = grade_file(
            file, prediction=prediction, answers=answers, choices=choices, positions_from=positions_from
        )
        print_result(graded.to_dict() if as_json else grades_table(graded))


@app.command("finetune")
def finetune_command(file: ExperimentFile = None, overrides: Overrides = None) -> None:
    """Train the adapters that the methods need, and ask the tuned models."""
    with open_run(file, overrides) as (run, on_event):
        from raycal.stages.pipeline import finetune_stage

        finetune_stage(run, on_event)


@app.command()
def features(file: ExperimentFile = None, overrides: Overrides = None) -> None:
    """Read the hidden states that the classifiers need."""
    with open_run(file, overrides) as (run, on_event):
        from raycal.stages.pipeline import features_stage

        features_stage(run, on_event)


@app.command()
def score(file: ExperimentFile = None, overrides: Overrides = None) -> None:
    """Give every answer a confidence by every method."""
    with open_run(file, overrides) as (run, on_event):
        from raycal.stages.pipeline import score_stage

        score_stage(run, on_event)


@app.command()
def evaluate(file: ExperimentFile = None, overrides: Overrides = None) -> None:
    """Compute the metrics of every method, with intervals."""
    with open_run(file, overrides) as (run, on_event):
        from raycal.cli.render import print_metrics
        from raycal.stages.pipeline import evaluate_stage

        print_metrics(evaluate_stage(run, on_event))


@app.command()
def report(file: ExperimentFile = None, overrides: Overrides = None) -> None:
    """Write the figures and the HTML page of an experiment that was evaluated."""
    with open_run(file, overrides) as (run, on_event):
        from raycal.api import report_stage

        report_stage(run, on_event)


@app.command()
def ablate(
    file: Annotated[Path, typer.Argument(help="The experiment, in YAML.")],
    sizes: Annotated[str, typer.Option(help="Numbers of training questions.")] = "100,200,500,1000",
    overrides: Overrides = None,
    retry_errors: RetryErrors = False,
) -> None:
    """Run every stage, the methods that learn with each size of the training set; the report plots them."""
    with user_errors():
        from raycal.api import run_all
        from raycal.cli.events import EventPrinter
        from raycal.cli.render import print_metrics
        from raycal.experiment.ablation import open_ablation, parse_sizes
        from raycal.experiment.file import read_experiment

        experiment, training_sizes = read_experiment(file, overrides or []), parse_sizes(sizes)
        with opening(experiment.name, file):
            run = open_ablation(experiment, training_sizes)
        on_event = EventPrinter()
        print_metrics(run_all(run, on_event, retry_errors=retry_errors))


@app.command()
def sweep(
    file: Annotated[Path, typer.Argument(help="The sweep, in YAML: an experiment with a section sweep.")],
    overrides: Overrides = None,
    resume: Resume = False,
    plan: Planned = False,
    rate: Rate = None,
    training_rate: TrainingRate = None,
    as_json: PlanAsJson = False,
) -> None:
    """Search methods and their options on the calibration split; score what it found once on test."""
    options = PlanOptions(plan, rate, training_rate, as_json)
    if options.asked:
        options.plan_sweep(file, overrides, resume=resume)
        return
    with user_errors():
        from raycal.cli.events import EventPrinter
        from raycal.cli.render import print_metrics
        from raycal.sweep.config import read_sweep
        from raycal.sweep.final import finish_sweep
        from raycal.sweep.runner import Sweep, run_sweep

        on_event = EventPrinter()
        config = read_sweep(file, overrides or [])
        with opening(config.name, file):
            opened_sweep = Sweep.open(config)
        _, rows = finish_sweep(opened_sweep, run_sweep(opened_sweep, on_event, resume=resume), on_event)
        print_metrics(rows)


@app.command("submit")
def submit_command(
    name: Annotated[str, typer.Argument(help="elicit, grade, finetune, sweep, evaluate, report or pipeline.")],
    file: Annotated[Path, typer.Argument(help="The experiment, in YAML, under the working folder.")],
    address: Annotated[
        str, typer.Option(metavar="URL", envvar="RAY_API_SERVER_ADDRESS", help="Of the dashboard: http://HEAD:8265.")
    ],
    overrides: Overrides = None,
    stop_on_interrupt: Annotated[
        bool, typer.Option("--stop-on-interrupt", help="Ctrl-C stops the job; else it goes on without being followed.")
    ] = False,
    options: Annotated[
        list[str] | None, typer.Argument(metavar="[-- OPTIONS]", help="The job's own options: -- --resume")
    ] = None,
) -> None:
    """Run a job on a cluster, with the working folder and raycal; follow its log and end as it ends."""
    with user_errors():
        from raycal.cli.submit import submit

        arguments = [part for override in overrides or [] for part in ("--set", override)] + (options or [])
        raise typer.Exit(submit(name, file, arguments, address, stop_on_interrupt=stop_on_interrupt))


@app.command()
def ask(
    question: Annotated[str, typer.Argument(help="The question.")],
    experiment: Annotated[Path | None, typer.Option("--experiment", help="The experiment whose model to ask.")] = None,
    overrides: Overrides = None,
    adapter: Annotated[str | None, typer.Option(metavar="DIR", help="Ask a fine-tuned adapter as well.")] = None,
    as_json: AsJson = False,
) -> None:
    """Ask one question; print the answer and each method's confidence in it."""
    with user_errors():
        from raycal.cli.render import reply_table
        from raycal.experiment.file import read_experiment
        from raycal.stages.ask import ask as ask_model
        from raycal.stages.ask import with_adapter
        from raycal.store.locations import location

        chosen = read_experiment(experiment, overrides or [])
        reply = ask_model(question, with_adapter(chosen, location(adapter)) if adapter else chosen)
        print_result(reply.to_dict() if as_json else reply_table(reply))


app.command("results")(results_command)
app.command("metrics")(metrics_command)
app.command("threshold")(threshold_command)
app.command("export-graded")(export_graded_command)
app.command("import-graded")(import_graded_command)


def main() -> None:
    """The entry point of the console script."""
    raise_gc_threshold()
    app()
