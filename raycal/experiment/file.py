"""Reading an experiment file: YAML, --set overrides, and errors that name the nearest valid key."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from raycal.errors import RaycalError
from raycal.experiment.config import Experiment

E = TypeVar("E", bound=Experiment)


class ExperimentError(RaycalError, ValueError):
    """The experiment file cannot be used; one line a fault, each with the key it is about."""


def read_experiment(path: Path | None, overrides: Sequence[str] = ()) -> Experiment:
    """An experiment from a YAML file (None: the defaults) with overrides such as "elicit.samples.k=5".

    An item of a list is named by its number ("methods.0.k=5"). Raises ExperimentError.
    """
    return load_config(Experiment, path, overrides)


def load_config(model: type[E], path: Path | None, overrides: Sequence[str] = ()) -> E:
    """An experiment of some kind from a YAML file (None: the defaults) with overrides. Raises ExperimentError."""
    from omegaconf import DictConfig, OmegaConf
    from omegaconf.errors import OmegaConfBaseException
    from yaml import YAMLError

    where = str(path) if path else "the command line"
    if path is not None and not path.is_file():
        raise ExperimentError(f"there is no experiment file {path}")
    try:
        content = OmegaConf.load(path) if path else OmegaConf.create({"name": "default"})
        if not isinstance(content, DictConfig):
            raise ExperimentError(f"{where}: an experiment is a mapping of keys to values")
        for override in overrides:
            key, equals, value = override.partition("=")
            if not equals or not key:
                raise ExperimentError(f"--set {override}: write it as KEY=VALUE, such as elicit.samples.k=5")
            OmegaConf.update(content, key, OmegaConf.create({"value": _parsed(value)}).value)
        plain = OmegaConf.to_container(content, resolve=True)
    except (OmegaConfBaseException, YAMLError, UnicodeDecodeError, TypeError) as error:  # TypeError: a name in a list
        raise ExperimentError(f"{where}: {' '.join(str(error).split())}") from error
    try:
        return model.model_validate(plain)
    except ValidationError as error:
        raise ExperimentError("\n".join(f"{where}: {_said(fault, model)}" for fault in error.errors())) from error


def _parsed(value: str) -> Any:
    import yaml

    return yaml.safe_load(value)


def _said(fault: Mapping[str, Any], root: type[Experiment]) -> str:
    *parents, last = fault["loc"] or ("experiment",)
    tags = {tag for model in _SECTIONS for tag in _tags(model)}
    key = ".".join(str(part) for part in fault["loc"] if part not in tags)
    if fault["type"] == "extra_forbidden":
        near = difflib.get_close_matches(str(last), _keys_at(parents, root), n=1, cutoff=0)
        return f"there is no key {key}" + (f", did you mean {near[0]}?" if near else "")
    if fault["type"] in {"union_tag_invalid", "union_tag_not_found"}:
        return f"{key}: {_said_of_tag(**fault['ctx'])}"
    return f"{key or 'experiment'}: {fault['msg'].removeprefix('Value error, ')}"


def _said_of_tag(discriminator: str, tag: str = "", expected_tags: str = "") -> str:
    """What is wrong with the key that says which kind of section this is; pydantic puts names into quotes."""
    kind = discriminator.strip("'")
    if not tag:
        return f"it has no {kind}: name one"
    known = [name.strip("'") for name in expected_tags.split(", ")]
    near = difflib.get_close_matches(tag, known, n=1, cutoff=0)
    return f"there is no {kind} {tag}, did you mean {near[0]}? There are {', '.join(known)}"


def _keys_at(location: Sequence[int | str], root: type[Experiment]) -> list[str]:
    """The valid keys of the section at a location of the experiment, tags of unions among its parts."""
    models: list[type[BaseModel]] = [root]
    for part in location:
        if isinstance(part, int):
            continue
        tagged = [model for model in models if part in _tags(model)]
        models = tagged or [
            found for model in models if part in model.model_fields for found in _models_in(model.model_fields[part])
        ]
    return [name for model in models for name in model.model_fields]


def _models_in(field: Any) -> list[type[BaseModel]]:
    pending, found = [getattr(field, "annotation", field)], []
    while pending:
        kind = pending.pop()
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            found.append(kind)
        pending.extend(get_args(kind))
    return found


_SECTIONS = _models_in(Experiment.model_fields["questions"]) + _models_in(Experiment.model_fields["methods"])


def _tags(model: type[BaseModel]) -> set[str]:
    return {
        value
        for name in ("source", "method")
        if name in model.model_fields
        for value in get_args(model.model_fields[name].annotation)
    }
