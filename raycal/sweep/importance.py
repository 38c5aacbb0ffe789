"""How much of an objective is up to which option."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances
from optuna.trial import TrialState

from raycal.config import Objective
from raycal.report.sweep_results import Importances, Share
from raycal.sweep.space import CHOSEN, Space

if TYPE_CHECKING:
    from optuna import Study

_FEWEST = 10  # finished trials
_BEST, _FEWEST_BEST = 0.25, 5  # trials that count as the best; of fewer Optuna's documentation warns


def importances(study: Study, space: Space, objectives: Sequence[Objective]) -> dict[str, Importances]:
    """Of every objective of the study the shares of the options, or why there are none."""
    return {str(one): _importances(study, space, place, one) for place, one in enumerate(objectives)}


def _importances(study: Study, space: Space, place: int, objective: Objective) -> Importances:
    values = [trial.values[place] for trial in study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))]
    if len(values) < _FEWEST:
        return Importances(reason=f"{len(values)} trials finished, and it takes {_FEWEST} to tell options apart")
    if min(values) == max(values):
        return Importances(reason="all finished trials have the same value")
    sign = -1 if objective.higher_is_better else 1
    # The one evaluator of Optuna that takes options which only some trials have; it draws no random numbers.
    evaluator = PedAnovaImportanceEvaluator(target_quantile=max(_BEST, _FEWEST_BEST / len(values)))
    with warnings.catch_warnings(action="ignore"):  # that low targets count as good, and of what is experimental
        found = get_param_importances(
            study, evaluator=evaluator, target=lambda trial: sign * trial.values[place], normalize=False
        )
    ranked = sorted(found, key=lambda name: (-found[name], name))
    total = sum(found[name] for name in ranked)
    if not total > 0:
        return Importances(reason="no option tells the best trials from the others")
    return Importances(tuple(_share(space, name, found[name] / total) for name in ranked))


def _share(space: Space, parameter: str, share: float) -> Share:
    names = {entry.name(option): (entry.label, option) for entry in space.entries for option in entry.options}
    entry, option = names.get(parameter, (None, CHOSEN))
    return Share(entry, option, share)
