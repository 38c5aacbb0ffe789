"""The notes of a plan: what it needs of a cluster, and what it assumes."""

from __future__ import annotations

from collections.abc import Sequence

from raycal.config.engine import Device, EngineConfig
from raycal.experiment.run import Run
from raycal.methods.base import in_dependency_order, tunings
from raycal.plan.context import CHARACTERS_A_TOKEN, SAMPLE, Basis, asking_engine, find_tokenizer
from raycal.plan.lines import PlanLine
from raycal.plan.requests import FEATURES
from raycal.plan.training import tuned_stage
from raycal.stages.judges import judges_of


def trains(lines: Sequence[PlanLine]) -> bool:
    """Whether there is a training among them."""
    return any(line.is_training for line in lines)


def needs_of(run: Run, lines: Sequence[PlanLine], at_a_time: int = 1) -> list[str]:
    """What engines and trainings need of a cluster, in words; at_a_time: trainings."""
    answering, trainer = asking_engine(run.experiment), run.experiment.trainer
    needs = [f"engines: {_replicas(answering)}"]
    planned = {line.stage for line in lines}
    needs += [
        f"engines of {stage}: {_replicas(engine)}; all others have ended by then"
        for stage, engine in _later_engines(run).items()
        if engine != answering and stage in planned
    ]
    if trains(lines):
        workers = _each(trainer.workers, "worker", trainer.cpus_per_worker, trainer.gpus_per_worker, trainer.device)
        often = f", {at_a_time} trainings at a time" if at_a_time > 1 else ""
        needs.append(f"fine-tuning: {workers}, ZeRO stage {trainer.zero_stage}{often}; engines have ended by then")
    return needs


def _later_engines(run: Run) -> dict[str, EngineConfig]:
    """The engines of the stages that may ask another model than the one that answers."""
    experiment = run.experiment
    judges = {stage: asking_engine(experiment, judge.model, judge.engine) for stage, judge in judges_of(run)}
    tuned = {tuned_stage(method): asking_engine(experiment, method.model) for method in tunings(experiment.methods)}
    return judges | tuned | {FEATURES: experiment.engine}


def _replicas(engine: EngineConfig) -> str:
    return _each(engine.replicas, "replica", engine.cpus_per_replica, engine.tensor_parallel, engine.device)


def _each(count: int, what: str, cpus: float, gpus: float, device: Device) -> str:
    each = f"{count} {what}{'s' if count > 1 else ''} of {cpus:g} CPU"
    match device:
        case Device.CPU:
            return each
        case Device.GPU:
            return f"{each} and {gpus:g} GPU each, {count * gpus:g} GPU in all"
        case Device.AUTO:
            return f"{each}, and of {gpus:g} GPU where the cluster has any (device: auto), {count * gpus:g} GPU in all"


def assumptions_of(basis: Basis, lines: Sequence[PlanLine]) -> list[str]:
    """What the numbers rest on, in sentences."""
    run = basis.run
    readers = [reader for method in in_dependency_order(run.experiment.methods) for reader in method.needs().readers]
    readers += [judge.model for _, judge in judges_of(run)]
    recipes = [run.recipe, *(run.recipe_for(reader) for reader in readers)]
    models = {recipe.model: find_tokenizer(recipe.model) is not None for recipe in recipes}
    assumptions = [
        f"Prompts of {model.name}: "
        + (
            f"its own tokeniser, a mean over as many as {SAMPLE} questions a stage."
            if here
            else f"its tokeniser is not on this machine, so that a token is {CHARACTERS_A_TOKEN} characters, without "
            "the chat template."
        )
        for model, here in models.items()
    ]
    assumptions.append("What several requests begin with counts each time, though an engine computes it once.")
    if any(line.generated_tokens and line.is_bound for line in lines):
        assumptions.append("<= is the most that may be generated: every reply up to its limit.")
    if any(line.generated_tokens and not line.is_bound for line in lines):
        assumptions.append("~ is what the store's own rows lead to expect.")
    if trains(lines):
        assumptions.append("A training's tokens are all epochs' and evaluations', though it may stop early.")
    return assumptions + _said_of_rates(lines)


def _said_of_rates(lines: Sequence[PlanLine]) -> list[str]:
    """At which rates the hours are; a rate is of prompt and generated tokens together."""
    rated = {(line.rate, line.is_training) for line in lines if line.tokens and line.rate}
    said = []
    for rate, is_training in sorted(rated, key=str):
        if rate.stated:
            of, option = ("worker", "--training-rate") if is_training else ("engine", "--rate")
            said.append(f"Hours at {rate.tokens_a_second:,.10g} tokens a second and {of}: your assumption ({option}).")
    measured = [
        f"{line.stage} {line.rate.tokens_a_second:,.0f}" for line in lines if line.rate and not line.rate.stated
    ]
    if measured:
        said.append(f"Tokens a second and engine of the store's own rows, for hours: {', '.join(measured)}.")
    if any(line.hours is None for line in lines):
        said.append("No hours without a rate: state --rate (of an engine) or --training-rate (of a training worker).")
    return said
