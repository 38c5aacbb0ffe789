"""The options that commands share, and what --plan does in place of a command."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from raycal.cli.errors import naming, print_result, user_errors

if TYPE_CHECKING:
    from raycal.plan import Plan, Rates

ExperimentFile = Annotated[Path | None, typer.Argument(help="The experiment, in YAML; without one, the defaults.")]
Overrides = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Override a key, e.g. elicit.samples.k=5.")
]
RetryErrors = Annotated[bool, typer.Option("--retry-errors", help="Ask again what failed before.")]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with a sweep that was started before.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
StoreRoot = Annotated[str, typer.Option("--store", help="The results store: a folder, or s3://BUCKET/PREFIX.")]
Planned = Annotated[bool, typer.Option("--plan", help="Only say what would be asked, and at what cost.")]
Rate = Annotated[float | None, typer.Option(min=1, help="For --plan: tokens a second of an engine.")]
TrainingRate = Annotated[float | None, typer.Option(min=1, help="For --plan: tokens a second of a training worker.")]
PlanAsJson = Annotated[bool, typer.Option("--json", help="Print the plan as JSON.")]
Column = Annotated[str, typer.Option(metavar="COL")]
DEFAULT_STORE = "results"


def refuse_options(to_what: str, options: Mapping[str, object]) -> None:
    """End with a sentence where options were given, by their names, that do not apply."""
    given = [name for name, value in options.items() if value]
    if given:
        with user_errors():
            raise ValueError(f"{' and '.join(given)} {'does' if len(given) == 1 else 'do'} not apply {to_what}")


@dataclass(frozen=True)
class PlanOptions:
    """Whether a command is to say what it would do instead of doing it, and how."""

    plan: bool
    rate: float | None  # tokens a second of an engine
    training_rate: float | None  # of a training worker
    as_json: bool

    @property
    def asked(self) -> bool:
        """Whether there is a plan to show; ends with a sentence where the other options stand without --plan."""
        if not self.plan and (self.rate or self.training_rate or self.as_json):
            with user_errors():
                raise ValueError("--rate, --training-rate and --json go with --plan")
        return self.plan

    def plan_experiment(
        self, file: Path | None, overrides: list[str] | None, *, retry_errors: bool, elicit_only: bool = False
    ) -> None:
        """Print what all stages of an experiment, or elicitation alone, would ask."""
        with user_errors():
            from raycal.experiment.file import read_experiment
            from raycal.plan.build import plan_experiment

            experiment = read_experiment(file, overrides or [])
            with naming(file):
                plan = plan_experiment(experiment, self._rates, elicit_only=elicit_only, retry_errors=retry_errors)
            self._show(plan)

    def plan_sweep(self, file: Path, overrides: list[str] | None, *, resume: bool) -> None:
        """Print what a sweep would ask and train."""
        with user_errors():
            from raycal.plan.build import plan_sweep
            from raycal.sweep.config import read_sweep

            sweep = read_sweep(file, overrides or [])
            with naming(file):
                plan = plan_sweep(sweep, self._rates, resume=resume)
            self._show(plan)

    @property
    def _rates(self) -> Rates:
        from raycal.plan import Rates

        return Rates(self.rate, self.training_rate)

    def _show(self, plan: Plan) -> None:
        from raycal.cli.render import plan_table

        print_result(plan.to_dict() if self.as_json else plan_table(plan))
