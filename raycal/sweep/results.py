"""Results of a finished sweep: best settings, defaults beside them, importances of options."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances
from optuna.trial import TrialState
from pydantic import BaseModel

from raycal.methods.base import METHOD, Method
from raycal.questions.question import Split
from raycal.report.labels import shown
from raycal.report.sweep_results import Importances, SearchedOption, Share, SweepEntry, SweepResults, SweepTrial
from raycal.stages.score import resolved
from raycal.sweep.config import goal
from raycal.sweep.options import Choices, Option
from raycal.sweep.runner import Sweep
from raycal.sweep.space import CHOSEN, Entry, Space
from raycal.text.normalize import last_line

if TYPE_CHECKING:
    from optuna import Study


_FEWEST = 10  # finished trials
_BEST, _FEWEST_BEST = 0.25, 5  # trials that count as the best; of fewer Optuna's documentation warns


def importances(study: Study, space: Space, objectives: Sequence[str]) -> dict[str, Importances]:
    """Of every objective of the study the shares of the options, or why there are none."""
    return {one: _importances(study, space, place, one) for place, one in enumerate(objectives)}


def _importances(study: Study, space: Space, place: int, objective: str) -> Importances:
    values = [trial.values[place] for trial in study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))]
    if len(values) < _FEWEST:
        return Importances(reason=f"{len(values)} trials finished, and it takes {_FEWEST} to tell options apart")
    if min(values) == max(values):
        return Importances(reason="all finished trials have the same value")
    sign = -1 if goal(objective) == "max" else 1
    # The one evaluator of Optuna that takes options which only some trials have; it draws no random numbers.
    evaluator = PedAnovaImportanceEvaluator(target_quantile=max(_BEST, _FEWEST_BEST / len(values)))
    with warnings.catch_warnings(action="ignore"):  # that low targets count as good, and of what is experimental
        importances = get_param_importances(
            study, evaluator=evaluator, target=lambda trial: sign * trial.values[place], normalize=False
        )
    ranked = sorted(importances, key=lambda name: (-importances[name], name))
    total = sum(importances[name] for name in ranked)
    if not total > 0:
        return Importances(reason="no option tells the best trials from the others")
    return Importances(tuple(_share(space, name, importances[name] / total) for name in ranked))


def _share(space: Space, parameter: str, share: float) -> Share:
    names = {entry.name(option): (entry.label, option) for entry in space.entries for option in entry.options}
    entry, option = names.get(parameter, (None, CHOSEN))
    return Share(entry, option, share)


def sweep_results(sweep: Sweep, study: Study, methods: Sequence[Method]) -> SweepResults:
    """The trials, what is known of the space from them, and which of the run's methods each entry's settings are."""
    trials = sweep.trials()
    labels = {resolved(method, sweep.run).model_dump_json(): shown(method.label) for method in methods}
    finished = [trial for trial in trials if trial["state"] == "finished"]
    numbers = {trial["number"] for trial in finished}
    return SweepResults(
        sweep=sweep.id,
        split=str(Split.CALIBRATION),
        objectives=list(sweep.config.objectives),
        entries=[
            _entry(sweep, entry, [trial for trial in finished if trial["entry"] == entry.label], labels)
            for entry in sweep.space.entries
        ],
        trials=[_trial(sweep.space.entry(trial["entry"]), trial) for trial in trials],
        front=sorted(trial.number for trial in study.best_trials if trial.number in numbers),
        importances=importances(study, sweep.space, sweep.config.objectives),
    )


def best_trial(sweep: Sweep, trials: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The best of some trials by the first objective; of equal ones the first."""
    first = sweep.config.objectives[0]
    return (max if goal(first) == "max" else min)(trials, key=lambda trial: trial["objectives"][first])


def _entry(sweep: Sweep, entry: Entry, finished: Sequence[Mapping[str, Any]], labels: Mapping[str, str]) -> SweepEntry:
    default = resolved(entry.default, sweep.run)
    best = best_trial(sweep, finished) if finished else None
    return SweepEntry(
        label=entry.label,
        options=tuple(_option(entry, name, option) for name, option in _searched(entry).items()),
        default_settings=_settings(entry, default),
        default_method=labels[default.model_dump_json()],
        best_method=labels[resolved(METHOD.validate_json(best["config"]), sweep.run).model_dump_json()]
        if best
        else None,
        best=best["number"] if best else None,
    )


def _trial(entry: Entry, trial: Mapping[str, Any]) -> SweepTrial:
    return SweepTrial(
        number=trial["number"],
        entry=trial["entry"],
        state=trial["state"],
        settings=_settings(entry, METHOD.validate_json(trial["config"])),
        objectives=trial["objectives"],
        error=last_line(trial["error"] or "") or None,
    )


def _searched(entry: Entry) -> dict[str, Option]:
    return {name: option for name, option in entry.options.items() if not option.is_fixed}


def _settings(entry: Entry, method: Method) -> dict[str, float | str]:
    """The searched options of a method: of ranges the number, where it is one."""
    settings: dict[str, float | str] = {}
    for name, option in _searched(entry).items():
        value = getattr(method, name)
        settings[name] = value if not isinstance(option, Choices) and isinstance(value, int | float) else said(value)
    return settings


def _option(entry: Entry, name: str, option: Option) -> SearchedOption:
    if isinstance(option, Choices):
        categories = dict.fromkeys(said(getattr(entry.configured({name: value}), name)) for value in option.values)
        return SearchedOption(name, categories=tuple(categories))
    return SearchedOption(name, option.low, option.high, option.log)


def said(value: Any) -> str:
    """An option's value in words."""
    match value:
        case None | bool():
            text = {None: "unset", True: "yes", False: "no"}[value]
        case float():
            text = f"{value:.3g}"
        case Method():
            text = shown(value.label)
        case BaseModel():
            options = value.model_dump(mode="json", exclude_defaults=True)
            text = ", ".join(f"{shown(name)} {its}" for name, its in options.items()) or "default"
        case list() | tuple():
            text = " + ".join(said(one) for one in value) or "all"
        case StrEnum():
            text = shown(value)
        case _:
            text = str(value)
    return text
