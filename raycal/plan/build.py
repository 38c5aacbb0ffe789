"""Plans of experiments and sweeps: the store is read and nothing is written to it; no engine, no network, no GPU."""

from __future__ import annotations

from collections.abc import Sequence
from tempfile import TemporaryDirectory

from raycal.experiment.config import Experiment
from raycal.experiment.run import Run
from raycal.plan.assumptions import assumptions_of, needs_of
from raycal.plan.context import Basis
from raycal.plan.lines import Plan, PlanLine, Rates
from raycal.plan.requests import Left, elicit_lines, equivalence_lines, features_lines, judge_lines
from raycal.plan.sweep import trial_lines
from raycal.plan.training import tuning_lines
from raycal.stages.pipeline import check_fitted
from raycal.store.locations import check_writable
from raycal.store.store import Store
from raycal.sweep.config import SweepExperiment
from raycal.sweep.runner import Sweep


def plan_experiment(
    experiment: Experiment, rates: Rates, *, elicit_only: bool = False, retry_errors: bool = False
) -> Plan:
    """What `raycal run` or `raycal elicit` would do.

    Raises as `Run.open`, `check_writable`, `check_fitted` and `training_line` do.
    """
    with TemporaryDirectory(prefix="raycal-plan-") as questions:
        run = Run.open(experiment, questions_in=Store(questions))
        check_writable(run.store.root)
        check_fitted(run)
        basis = Basis(run, rates, retry_errors)
        left = Left.of(basis)
        lines = elicit_lines(basis, left)
        if not elicit_only:
            lines += judge_lines(basis) + tuning_lines(basis) + features_lines(basis) + equivalence_lines(basis, left)
        return _plan(run.id, basis, lines, needs_of(run, lines))


def plan_sweep(file: SweepExperiment, rates: Rates, *, resume: bool = True) -> Plan:
    """What `raycal sweep` would do; resume: whether with --resume.

    Raises as `Sweep.open`, `Sweep.check_new`, `check_writable`, `check_fitted` and `training_line` do.
    """
    with TemporaryDirectory(prefix="raycal-plan-") as questions:
        sweep = Sweep.open(file, questions_in=Store(questions))
        if not resume:
            sweep.check_new()
        check_writable(sweep.run.store.root)
        check_fitted(sweep.run)
        basis = Basis(sweep.run, rates)
        left = Left.of(basis)
        lines = elicit_lines(basis, left) + judge_lines(basis) + features_lines(basis)
        lines += equivalence_lines(basis, left) + trial_lines(basis, sweep)
        needs = needs_of(sweep.run, lines, at_a_time=file.sweep.concurrency)
        return _plan(sweep.id, basis, lines, needs)


def _plan(title: str, basis: Basis, lines: list[PlanLine], needs: Sequence[str]) -> Plan:
    questions = basis.run.questions
    notes = (*questions.notes, *assumptions_of(basis, lines))
    return Plan(title, tuple(lines), tuple(needs), notes, questions.bad_rows)
