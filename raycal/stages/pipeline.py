"""The stages of an experiment, each by itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from raycal.events import OnEvent, StageResult, StageWarning
from raycal.experiment.pending import CompletedKeys, count_work
from raycal.experiment.record import count_failed_rows, record_run
from raycal.experiment.run import Run
from raycal.grading.agreement import Agreement, agreement
from raycal.grading.grader import Grader, ImportedGrader, ModelGrader, PureGrader
from raycal.methods.base import Method, SavedMethod, in_dependency_order, tunings
from raycal.methods.evidence import Equivalence
from raycal.models.check_adapter import check_adapter
from raycal.models.embeddings import Embedder, find_embedding_model
from raycal.models.find import Model, check_available
from raycal.stages.activity import activity, stage
from raycal.stages.artifacts import load_artifact
from raycal.stages.elicit import elicit
from raycal.stages.evaluate import evaluate_run
from raycal.stages.features import check_layers, feature_dtypes, missing_features, read_features, wanted_states
from raycal.stages.finetune import adapter_id, finetune, training_curve
from raycal.stages.grade import grade_by_judge, grade_by_rules, grades_of, grading_record, ungraded
from raycal.stages.judges import EQUIVALENCE, judge_equivalence, judges_of, judging_model
from raycal.stages.progress import emit_progress
from raycal.stages.score import pairs_to_judge, score_answers
from raycal.stages.tuned_query import ask_tuned, take_over_calibration, tuned_query, unasked
from raycal.store.schemas import Table


@stage("elicit")
def elicit_stage(run: Run, on_event: OnEvent, *, retry_errors: bool = False) -> None:
    """Questions to ANSWERS, SAMPLES and QUERIES.

    Raises ResourceError and RunnerError, and before anything starts AdapterError, ClassifierError, SettingsError and
    ModelError.
    """
    check_fitted(run)
    for note in run.questions.notes:
        on_event(StageWarning("questions", note))
    with activity(on_event, "elicit", "counting what the store has"):
        done = CompletedKeys.read(run.store, run.recipe, retry_errors=retry_errors)
        asked, todo = count_work(run, done)
    message = f"{todo} questions to ask, {asked - todo} are in {run.store.root} already"
    on_event(StageResult("elicit", message, {"to_ask": todo, "stored": asked - todo}))
    if todo:
        _check_models(run)
        reports = elicit(run, done)
        emit_progress(reports, todo, "elicit", on_event)
    failed = {table: count for table, count in count_failed_rows(run, None if todo else done.failed).items() if count}
    if failed:
        counts = ", ".join(f"{count} {table}" for table, count in failed.items())
        message = f"failed rows, each with its reason in the store: {counts} (--retry-errors asks again)"
        on_event(StageWarning("elicit", message))


@stage("grade")
def grade_stage(run: Run, on_event: OnEvent) -> None:
    """ANSWERS to GRADES. Raises GraderError, ModelError, ResourceError and RunnerError."""
    for grader in run.experiment.grade.graders:
        on_event(_grade(run, grader, on_event))
    for name, pair in agreements(run).items():
        agreed = pair.reason or f"agree on {pair.share:.1%} of {pair.decided} answers, kappa {pair.kappa:.2f}"
        on_event(StageResult("grade", f"{name}: {agreed}", {"graders": name} | vars(pair)))


def _grade(run: Run, grader: Grader, on_event: OnEvent) -> StageResult:
    """Have a grader grade what it has not graded."""
    if isinstance(grader, PureGrader):
        with activity(on_event, "grade", grader.label):
            graded = grade_by_rules(run, grader)
        return StageResult("grade", f"{graded} answers by {grader.label}", {"grader": grader.label, "graded": graded})
    todo = ungraded(run, grader)
    if isinstance(grader, ImportedGrader):
        known = len(grades_of(run, grader))
        message = f"{known} of {known + len(todo)} answers have a {grader.label} grade"
        data = {"grader": grader.label, "known": known, "ungraded": len(todo)}
        return StageResult("grade", f"{message} (raycal import-graded brings them in)", data)
    failed = 0
    if isinstance(grader, ModelGrader) and len(todo):
        failed = emit_progress(grade_by_judge(run, grader, todo), len(todo), grader.label, on_event)
    graded = len(todo) - failed
    note = f", {failed} more failed, each with its reason in the store, and are judged anew next time" if failed else ""
    data = {"grader": grader.label, "graded": graded, "failed": failed}
    return StageResult("grade", f"{graded} answers by {grader.label}{note}", data)


@stage("finetune")
def finetune_stage(run: Run, on_event: OnEvent, callbacks: Sequence[Any] = ()) -> None:
    """GRADES to an adapter for each fine-tuned method, and its replies to QUERIES.

    callbacks: Ray Train's, for each training. Raises NothingToLearnError, ResourceError, FinetuneError and RunnerError.
    """
    for tuned in tunings(run.experiment.methods):
        folder = finetune(run, tuned, on_event, callbacks)
        query = tuned_query(run, tuned)
        if tuned.adapter is None:
            take_over_calibration(run, query, folder)
        todo = unasked(run, query)
        message = f"{folder}, {len(todo)} answers to ask about"
        on_event(StageResult("finetune", message, {"adapter": folder, "to_ask": len(todo)}))
        if len(todo):
            emit_progress(ask_tuned(run, query, todo), len(todo), "tuned", on_event)


@stage("features")
def features_stage(run: Run, on_event: OnEvent) -> None:
    """Answers to FEATURES, for methods that read hidden states. Raises ResourceError and RunnerError."""
    for reader, todo in missing_features(run, wanted_states(run)):
        emit_progress(read_features(run, reader, todo), len(todo), "features", on_event)


@stage("score")
def score_stage(run: Run, on_event: OnEvent) -> None:
    """All that is known about the answers to SCORES.

    Raises ResourceError and RunnerError (where a judge of equivalence is asked), AdapterError (where a fine-tuned
    method's adapter is not there yet), and as `fitted_predictor` does.
    """
    embed = Embedder(run.experiment.embedding_model)
    for method in in_dependency_order(run.experiment.methods):
        judge_pairs(run, method, on_event)
        with activity(on_event, "score", method.label):
            scored = score_answers(run, method, embed)
        data = {"answers": scored, "method": method.label}
        on_event(StageResult("score", f"{scored} answers by {method.label}", data))


def judge_pairs(run: Run, method: Method, on_event: OnEvent) -> None:
    """Have the judge compare the answers that a method wants compared. Raises ResourceError and RunnerError."""
    pairs = pairs_to_judge(run, method)
    if pairs:
        emit_progress(judge_equivalence(run, pairs), len(pairs), EQUIVALENCE, on_event)


@stage("evaluate")
def evaluate_stage(run: Run, on_event: OnEvent) -> list[dict[str, Any]]:
    """SCORES and GRADES to METRICS, COMPARISONS and the run's row in RUNS; returns the rows of METRICS.

    Raises NoBaseRateError.
    """
    with activity(on_event, "evaluate", "metrics and their intervals"):
        rows = evaluate_run(run)
        agreed = {name: vars(pair) for name, pair in agreements(run).items()}
        record_run(run, agreed, _fitted_dtypes(run), grading_record(run))
    return rows


def _fitted_dtypes(run: Run) -> dict[Table, set[str]]:
    """The dtypes of what is read and trained for methods that are fitted, by table."""
    dtypes: dict[Table, set[str]] = {Table.FEATURES: set(), Table.TRAINING: set()}
    for states in wanted_states(run):
        dtypes[Table.FEATURES] |= feature_dtypes(run, states)
    for tuned in tunings(run.experiment.methods):
        if tuned.adapter is None:
            curve = training_curve(run, adapter_id(run, tuned))
            dtypes[Table.TRAINING] |= {str(row["dtype"]) for row in curve if row["dtype"] is not None}
    return dtypes


def agreements(run: Run) -> dict[str, Agreement]:
    """How far the first grader agrees with each of the others."""
    first, *others = run.experiment.grade.graders
    grades = grades_of(run, first)
    keys = sorted(grades)
    return {
        f"{first.label} and {other.label}": agreement(
            [grades[key] for key in keys], [other_grades.get(key) for key in keys]
        )
        for other in others
        for other_grades in [grades_of(run, other)]
    }


def check_fitted(run: Run) -> None:
    """What an earlier run fitted must be there and be used as it was fitted: known before any engine starts.

    So must the judges, what embeds, and the layers that are read. Raises AdapterError, ClassifierError, SettingsError,
    ModelError and LayerError, and JsonFileError and TensorFileError for broken files of theirs.
    """
    for model in _asked_models(run):
        check_adapter(model)
    for tuned in tunings(run.experiment.methods):
        if tuned.adapter is not None:
            tuned_query(run, tuned)
    for method in in_dependency_order(run.experiment.methods):
        if isinstance(method, SavedMethod) and method.artifact is not None:
            load_artifact(method, method.artifact)
        if method.needs().equivalence is Equivalence.EMBEDDING:
            find_embedding_model(run.experiment.embedding_model)
    check_layers(run)


def _check_models(run: Run) -> None:
    """Every model that will be asked must be there, those of later stages too: known before any engine starts."""
    for model in _asked_models(run):
        check_available(model)


def _asked_models(run: Run) -> list[Model]:
    """The models that answer, judge, or read answers again, each once; not yet those that are tuned."""
    judges = [judging_model(run, judge) for _, judge in judges_of(run)]
    readers = [reader for method in in_dependency_order(run.experiment.methods) for reader in method.needs().readers]
    return list(dict.fromkeys([run.recipe.model, *judges, *(run.recipe_for(reader).model for reader in readers)]))
