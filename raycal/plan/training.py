"""The lines of fine-tuning: the trainings, and what is asked of the tuned models."""

from __future__ import annotations

import math

from raycal.experiment.run import Run
from raycal.finetuning.data import steps_an_epoch
from raycal.methods.base import tunings
from raycal.methods.fine_tuned import FineTuned
from raycal.models.prompts import CORRECTNESS, CORRECTNESS_PROMPTS
from raycal.plan.context import Basis, Tally
from raycal.plan.lines import Measured, PlanLine, choose_rate, measured
from raycal.questions.question import Split
from raycal.stages.answers import conversation
from raycal.stages.finetune import adapter_folder, check_enough, training_curve
from raycal.stages.tuned_query import asked_keys, tuned_query
from raycal.store.atomic import is_complete
from raycal.store.locations import Location
from raycal.store.schemas import Table


def tuning_lines(basis: Basis) -> list[PlanLine]:
    """Each fine-tuned method's training, where it has one, and its queries."""
    lines = []
    for tuned in tunings(basis.run.experiment.methods):
        folder = adapter_folder(basis.run, tuned)
        lines += [] if tuned.adapter else [training_line(basis, tuned, folder)]
        lines.append(tuned_line(basis, tuned, folder))
    return lines


def training_line(basis: Basis, method: FineTuned, folder: Location | None) -> PlanLine:
    """A training to its last epoch; from its last checkpoint where the adapter's folder (to be) is named.

    Its tokens are those of the training examples, forwards and backwards, and once more for the base model's states,
    and of the calibration split at every evaluation. Raises NothingToLearnError where a split has no questions to learn
    from.
    """
    training, calibration = basis.learnt
    n = min(training.questions, method.training_questions or training.questions)
    check_enough(method, Split.TRAIN, n)
    check_enough(method, Split.CALIBRATION, calibration.questions)
    an_epoch = steps_an_epoch(n, method.batch_size)
    evaluations = 1 + method.epochs * min(method.evaluations, an_epoch)
    steps = method.epochs * an_epoch
    there = 0 if folder is None else int(min(steps, _steps_done(basis.run, folder)))
    asked, queried = _lengths(basis, method, training)
    tokens = n * method.epochs * queried + calibration.questions * evaluations * queried
    tokens += n * asked if method.divergence_weight else 0
    return PlanLine(
        stage=f"train {method.label}",
        questions=n + calibration.questions,
        rows=steps,
        there=there,
        requests=steps - there,
        prompt_tokens=round(tokens * (steps - there) / steps),
        generated_tokens=0,
        is_bound=False,
        rate=choose_rate(basis.rates.worker, Measured()),
        gpus=basis.gpus_a_worker,
        is_training=True,
    )


def _lengths(basis: Basis, method: FineTuned, some: Tally) -> tuple[float, float]:
    """The mean tokens of an answered question, and of one with the query behind it."""
    recipe, query = basis.run.recipe_for(method.model), CORRECTNESS_PROMPTS[method.wording]
    answered = basis.tokens(recipe, some, lambda row: conversation(recipe, row, few_shot=method.few_shot))
    queried = basis.tokens(
        recipe,
        some,
        lambda row: query.put(conversation(recipe, row, few_shot=method.few_shot), ""),
    )
    return answered + basis.answer_tokens, queried + basis.answer_tokens


def _steps_done(run: Run, folder: Location) -> float:
    """The step of an adapter's last checkpoint; infinite where its training has ended, which may be an early stop."""
    if is_complete(folder):
        return math.inf
    return max((int(str(row["step"])) for row in training_curve(run, folder.name)), default=0)


def tuned_stage(method: FineTuned) -> str:
    """What the line of a tuned model's queries is called."""
    return f"ask {method.label}"


def tuned_line(basis: Basis, method: FineTuned, folder: Location) -> PlanLine:
    """The queries to a tuned model: about test, and about calibration where its training has not told of it."""
    run, left, questions = basis.run, Tally(), 0
    splits = {Split.TEST} if method.adapter is None else {Split.CALIBRATION, Split.TEST}
    query = tuned_query(run, method) if is_complete(folder) else None
    there: set[str] = set()
    seen = Measured()
    if query is not None:
        there = asked_keys(run, query)
        seen = measured(run.store, Table.QUERIES, query.partition)
    for row in basis.answered():
        if row["split"] in splits:
            questions += 1
            if query is None or query.key(row["answer_key"]) not in there:
                left.add(row["key"], row)
    if seen.tokens_a_second is None:
        seen = basis.measured(Table.QUERIES, CORRECTNESS.name)  # the same question to the model as it was
    _, queried = _lengths(basis, method, left)
    return basis.line(
        tuned_stage(method),
        left,
        questions=questions,
        rows=questions,
        prompt_tokens=queried,
        most_generated=1,
        found=seen,
        model=method.model,
    )
