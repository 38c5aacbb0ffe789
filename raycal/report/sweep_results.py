"""A sweep's part of a report as plain data, which says nothing of where it came from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from raycal.metrics import metric_definitions
from raycal.report.labels import short_labels


@dataclass(frozen=True)
class SearchedOption:
    """An option of a method that was searched: numbers from `low` to `high`, or where there are some, `categories`."""

    name: str
    low: float = 0.0
    high: float = 1.0
    log: bool = False
    categories: tuple[str, ...] = ()


@dataclass(frozen=True)
class SweepTrial:
    """One setting that was tried: `settings` by option, numbers of ranges and names of categories.

    `state` is finished, stopped or failed; `objectives` are those of the split that decides, `error` is one line.
    """

    number: int
    entry: str
    state: str
    settings: Mapping[str, float | str]
    objectives: Mapping[str, float]
    error: str | None = None


@dataclass(frozen=True)
class SweepEntry:
    """One method of the space, with what was searched of it.

    `default_method` and `best_method` are what the run that scored them calls its two settings, which may be one;
    `best` is the number of the best trial. The best are None where no trial of the entry finished.
    """

    label: str
    options: tuple[SearchedOption, ...]
    default_settings: Mapping[str, float | str]
    default_method: str
    best_method: str | None = None
    best: int | None = None


@dataclass(frozen=True)
class Share:
    """How much of an objective is up to an option; `entry` is None where it is the choice of the method itself."""

    entry: str | None
    option: str
    share: float


@dataclass(frozen=True)
class Importances:
    """The shares of all options, the largest first; none for the reason beside it."""

    shares: tuple[Share, ...] = ()
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class SweepResults:
    """Everything that a report shows of one sweep.

    `split` is the one that the objectives are of. `front` has the numbers of the trials of which none other is better
    by all objectives. Raises ValueError where a trial is of no entry, where a finished one lacks an objective, where
    the front or a best is no finished trial, and where an objective is no metric or has no importances.
    """

    sweep: str
    split: str
    objectives: Sequence[str]
    entries: Sequence[SweepEntry]
    trials: Sequence[SweepTrial]
    front: Sequence[int]
    importances: Mapping[str, Importances]

    def __post_init__(self) -> None:
        labels = [entry.label for entry in self.entries]
        for trial in self.trials:
            if trial.entry not in labels:
                raise ValueError(f"trial {trial.number} is of {trial.entry}, which is not among {labels}")
        for trial in self.finished:
            if not set(self.objectives) <= set(trial.objectives):
                raise ValueError(f"trial {trial.number} finished without one of {list(self.objectives)}")
        named = {*self.front, *(entry.best for entry in self.entries if entry.best is not None)}
        if not named <= set(self.by_number):
            raise ValueError(f"the trials {sorted(named - set(self.by_number))} did not finish")
        if not set(self.objectives) <= set(metric_definitions()) or set(self.objectives) != set(self.importances):
            raise ValueError(f"the importances are those of {list(self.importances)}, not of {list(self.objectives)}")

    @cached_property
    def finished(self) -> tuple[SweepTrial, ...]:
        """The trials that came to an end, in their order."""
        return tuple(trial for trial in self.trials if trial.state == "finished")

    @cached_property
    def by_number(self) -> Mapping[int, SweepTrial]:
        """The trials that came to an end, by number."""
        return {trial.number: trial for trial in self.finished}

    @cached_property
    def places(self) -> Mapping[str, int]:
        """Where each entry stands in the figures, by label."""
        return {entry.label: place for place, entry in enumerate(self.entries)}

    @cached_property
    def short(self) -> Mapping[str, str]:
        """What figures and tables call each entry, by label."""
        return short_labels([entry.label for entry in self.entries])

    def of_entry(self, entry: SweepEntry) -> tuple[SweepTrial, ...]:
        """The finished trials of an entry, in their order."""
        return tuple(trial for trial in self.finished if trial.entry == entry.label)
