"""The space of a sweep: methods, and for each of them what its options may be. Conditional, and checked beforehand."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, product
from typing import Any, get_args

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from raycal.experiment.config import Experiment, check_labels
from raycal.methods.base import METHOD, METHODS, Method
from raycal.registry import UnknownNameError
from raycal.sweep.options import Option, SweepError, read_option
from raycal.text.suggest import nearest

CHOSEN = "method"  # the parameter that says which entry of the space a trial is of
_MOST_SETTINGS = 10_000  # of a grid, each of which is a trial
_MOST_VALUES = 1_000  # that an entry's options list
_MOST_ELICITED = 1_000  # methods that each need something of their own elicited or read


@dataclass(frozen=True)
class Entry:
    """One method of the space."""

    label: str
    method: str
    options: Mapping[str, Option]

    def configured(self, values: Mapping[str, Any]) -> Method:
        """The method with the options' values; those that are missing are the first there are."""
        first = {name: option.ends[0] for name, option in self.options.items()}
        return METHOD.validate_python({"method": self.method, **first, **values})

    @property
    def default(self) -> Method:
        """The method as it is without a search: with the options that it needs, and those that are fixed."""
        fields = METHODS.get(self.method).model_fields
        fixed = {
            name: option.ends[0]
            for name, option in self.options.items()
            if option.is_fixed or fields[name].is_required()
        }
        return METHOD.validate_python({"method": self.method, **fixed})

    @property
    def eliciting(self) -> list[str]:
        """The options, but k, whose values decide what has to be elicited or read before the method is scored."""
        return [name for name in self.options if name != "k" and self._elicits(name)]

    def _elicits(self, name: str) -> bool:
        # Beside each value of each other option: what one decides may count only where another is set.
        others = ({other: value} for other, option in self.options.items() if other != name for value in option.ends)
        values = self.options[name].ends
        return any(
            len({_reads(self.configured({**context, name: value})) for value in values}) > 1
            for context in chain([{}], others)
        )

    def suggest(self, trial: Any) -> Method:
        """The method with options by an Optuna trial."""
        return self.configured({name: option.suggest(trial, self.name(name)) for name, option in self.options.items()})

    def name(self, option: str) -> str:
        """The name of an option's parameter in the study."""
        return f"{self.label}.{option}"

    def size(self, names: Sequence[str]) -> int:
        """How many combinations of some options' values there are. Raises ValueError where they cannot be counted."""
        return math.prod(self.options[name].size for name in names if name in self.options)

    def combinations(self, names: Sequence[str]) -> Iterator[dict[str, Any]]:
        """Every combination of some options' values. Raises ValueError where they cannot be counted."""
        varied = [name for name in names if name in self.options]
        for values in product(*(self.options[name].grid for name in varied)):
            yield dict(zip(varied, values, strict=True))


@dataclass(frozen=True)
class Space:
    """All entries; they are checked against the methods' models and the experiment when the space is made."""

    entries: tuple[Entry, ...]

    @classmethod
    def of(cls, space: Sequence[Mapping[str, Any]], experiment: Experiment) -> Space:
        """Read `sweep.space`. Raises SweepError with all that is wrong."""
        faults: list[str] = []
        entries: list[Entry] = []
        for number, written in enumerate(space):
            where = f"sweep.space.{number}"
            try:
                entry = _entry(written, where)
            except SweepError as error:
                faults.append(str(error))
                continue
            entries.append(entry)
            faults += _faults(entry, where, experiment)
        try:
            check_labels([entry.label for entry in entries], "entries")
        except ValueError as error:
            faults.append(f"sweep.space: {error}")
        if faults:
            raise SweepError("\n".join(faults))
        return cls(tuple(entries))

    def suggest(self, trial: Any) -> tuple[Entry, Method]:
        """An entry and its method, by an Optuna trial."""
        labels = [entry.label for entry in self.entries]
        entry = self.entry(labels[0] if len(labels) == 1 else trial.suggest_categorical(CHOSEN, labels))
        return entry, entry.suggest(trial)

    def entry(self, label: str) -> Entry:
        """The entry of a label."""
        return next(entry for entry in self.entries if entry.label == label)

    def grid(self) -> list[dict[str, Any]]:
        """The parameters of every combination. Raises SweepError where there is no end of them."""
        self._check_size(
            [(entry, list(entry.options)) for entry in self.entries], _MOST_SETTINGS, "settings in the grid"
        )
        return [
            self._parameters(entry, values)
            for entry in self.entries
            for values in entry.combinations(list(entry.options))
        ]

    def point(self, written: Mapping[str, Any], where: str) -> dict[str, Any]:
        """The parameters of a setting that is written as a method. Raises SweepError where it is not in the space."""
        label = str(written.get("name") or written.get("method"))
        if label not in {entry.label for entry in self.entries}:
            raise SweepError(f"{where}: there is no entry {label} in sweep.space")
        entry = self.entry(label)
        values = {name: value for name, value in written.items() if name not in {"name", "method"}}
        for name, value in values.items():
            if name not in entry.options:
                raise SweepError(f"{where}.{name}: {label} is not searched over {name}: add it to sweep.space")
            try:
                entry.options[name].category(value)
                entry.configured({name: value})
            except ValidationError as error:
                raise SweepError(f"{where}.{name}: {value!r}: {_messages(error)}") from error
            except ValueError as error:
                raise SweepError(f"{where}.{name}: {error}") from error
        return self._parameters(entry, values)

    def elicited(self) -> list[Method]:
        """Methods that together need all that any method of the space needs to be scored: of k the most.

        Raises SweepError where there is no end of them.
        """
        self._check_size([(entry, entry.eliciting) for entry in self.entries], _MOST_ELICITED, "settings to elicit for")
        configured = []
        for entry in self.entries:
            counts: Sequence[Any] = entry.options["k"].ends if "k" in entry.options else ()
            most = {"k": None if None in counts else max(counts)} if counts else {}  # None: all that are sampled
            configured += [entry.configured(most | values) for values in entry.combinations(entry.eliciting)]
        return configured

    def _check_size(self, varied: Sequence[tuple[Entry, Sequence[str]]], most: int, what: str) -> None:
        total = 0
        for entry, names in varied:
            try:
                total += entry.size(names)
            except ValueError as error:
                raise SweepError(f"sweep.space ({entry.label}): {error}") from error
        if total > most:
            raise SweepError(
                f"sweep.space: there are {total:,} {what}, and {most:,} at most: narrow a range, or widen its step"
            )

    def _parameters(self, entry: Entry, values: Mapping[str, Any]) -> dict[str, Any]:
        chosen = {} if len(self.entries) == 1 else {CHOSEN: entry.label}
        searched = {name: value for name, value in values.items() if not entry.options[name].is_fixed}
        return chosen | {entry.name(name): entry.options[name].category(value) for name, value in searched.items()}


def _reads(method: Method) -> tuple[Any, ...]:
    """What has to be elicited or read for a method; of a training only how its model is asked."""
    needs = method.needs()
    target = needs.fit.target if needs.fit is not None else None
    return (
        needs.prompts,
        needs.samples,
        needs.equivalence,
        needs.states,
        needs.tuned and (needs.tuned.model, needs.tuned.few_shot),
        target and _reads(target),
        *(_reads(base) for base in needs.bases),
    )


def _entry(written: Mapping[str, Any], where: str) -> Entry:
    method = str(written.get("method", ""))
    if not method:
        raise SweepError(f"{where}: it has no method: name one")
    try:
        fields = METHODS.get(method).model_fields
    except UnknownNameError as error:
        raise SweepError(f"{where}.method: {error}") from error
    label = written.get("name", method)
    if not isinstance(label, str) or not label:
        raise SweepError(f"{where}.name: write a text, and not {label!r}")
    options = {}
    for name, value in written.items():
        if name in {"method", "name"}:
            continue
        if name not in fields:
            raise SweepError(f"{where}.{name}: {method} has no option {name!r}: {nearest(name, fields)}")
        options[name] = read_option(value, _is_whole(fields[name]), f"{where}.{name}")
    if (count := sum(len(option.ends) for option in options.values())) > _MOST_VALUES:
        raise SweepError(f"{where}: it lists {count:,} values, and {_MOST_VALUES:,} at most: write a range")
    return Entry(label, method, options)


def _is_whole(field: FieldInfo) -> bool:
    kinds = {field.annotation, *get_args(field.annotation)}
    return int in kinds and float not in kinds


def _faults(entry: Entry, where: str, experiment: Experiment) -> list[str]:
    """What the method's model and the experiment say against each end of each option."""
    faults = []
    ends = [(name, value) for name, option in entry.options.items() for value in option.ends] or [
        ("method", entry.method)
    ]
    for name, value in ends:
        try:
            method = entry.configured({name: value})
            Experiment.model_validate(dict(experiment) | {"methods": (method,)})
        except ValidationError as error:
            faults.append(f"{where}.{name}: {value!r}: {_messages(error)}")
    return list(dict.fromkeys(faults))


def _messages(error: ValidationError) -> str:
    return "; ".join(fault["msg"].removeprefix("Value error, ") for fault in error.errors())
