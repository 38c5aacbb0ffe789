"""Reading an experiment file: YAML, --set overrides, and errors that name the nearest valid key."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import ValidationError

from raycal.config.section import NamedSection, Section
from raycal.config.yaml import check_numbers, parse_value
from raycal.errors import RaycalError
from raycal.experiment.config import Experiment
from raycal.experiment.environment import UNSTORED, drop_environment, stored_environment
from raycal.store.locations import expand_home
from raycal.text.secrets import redacted

E = TypeVar("E", bound=Experiment)
_MOST_BYTES = 1 << 22


class ExperimentError(RaycalError, ValueError):
    """The experiment file cannot be used; one line a fault, each with the key it is about."""


def read_experiment(path: Path | None, overrides: Sequence[str] = ()) -> Experiment:
    """An experiment from a YAML file (None: the defaults) with overrides such as "elicit.samples.k=5".

    An item of a list is named by its number ("methods.0.k=5"). Raises ExperimentError.
    """
    return load_config(Experiment, path, overrides)


def load_config(model: type[E], path: Path | None, overrides: Sequence[str] = (), *, elsewhere: bool = False) -> E:
    """An experiment of some kind from a YAML file (None: the defaults) with overrides. Raises ExperimentError.

    elsewhere: it is to run on other machines, so that values of this one's environment are left at their defaults.
    """
    path = path and expand_home(path)
    where = str(path) if path else "the command line"
    content = _read(path, overrides, where, elsewhere=elsewhere)
    try:
        return model.model_validate(content)
    except ValidationError as error:
        faults = (_fault_sentence(fault, model, content) for fault in error.errors())
        raise fault_of_file(where, "\n".join(faults)) from error


def fault_of_file(where: Path | str, faults: object) -> ExperimentError:
    """An error that names the file in front of each fault, a line each."""
    return ExperimentError("\n".join(f"{where}: {fault}" for fault in str(faults).splitlines()))


def _read(path: Path | None, overrides: Sequence[str], where: str, *, elsewhere: bool) -> Any:
    """What a file and its overrides say, as plain data. Raises ExperimentError, and OSError."""
    from omegaconf import DictConfig, OmegaConf
    from omegaconf.errors import OmegaConfBaseException
    from yaml import YAMLError

    if path is not None and not path.is_file():
        raise ExperimentError(f"there is no experiment file {path}")
    where_at_fault = where
    try:
        content = _load(path) if path else OmegaConf.create({"name": "default"})
        if not isinstance(content, DictConfig):
            raise fault_of_file(where, "an experiment is a mapping of keys to values")
        for override in overrides:
            where_at_fault = f"{where}: --set {redacted(override)}"
            key, equals, value = override.partition("=")
            if not equals or not key:
                raise fault_of_file(where_at_fault, "write it as KEY=VALUE, such as elicit.samples.k=5")
            OmegaConf.update(content, key, parse_value(value))
        where_at_fault = where
        unresolved = OmegaConf.to_container(content, resolve=False)
        _check_environment(unresolved, where)
        if elsewhere:
            drop_environment(unresolved)
            content = OmegaConf.create(unresolved)
        return OmegaConf.to_container(content, resolve=True)
    except (OmegaConfBaseException, YAMLError, UnicodeDecodeError, TypeError) as error:  # TypeError: a name in a list
        raise fault_of_file(where_at_fault, redacted(" ".join(str(error).split()))) from error
    except RecursionError as error:
        raise fault_of_file(where_at_fault, "it is nested too deep") from error


def _check_environment(content: object, where: str) -> None:
    key = stored_environment(content)
    if key is not None:
        raise ExperimentError(
            f"{where}: {key} is stored, and so takes no value from the environment (those that do are "
            f"{', '.join(UNSTORED)}): if it is no secret, name it by --set {key}=..."
        )


def _load(path: Path) -> Any:
    """What a file holds, as OmegaConf has it; None where that is neither a mapping nor nothing."""
    import yaml
    from omegaconf import OmegaConf

    if (size := path.stat().st_size) > _MOST_BYTES:
        raise yaml.YAMLError(f"it has {size:,} bytes, and an experiment {_MOST_BYTES:,} at most")
    text = path.read_text(encoding="utf-8")
    check_numbers(text)
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    is_mapping = root is None or isinstance(root, yaml.MappingNode) or root.tag == "tag:yaml.org,2002:null"
    return OmegaConf.load(path) if is_mapping else None


def _fault_sentence(fault: Mapping[str, Any], root: type[Experiment], content: Any) -> str:
    *parents, last = fault["loc"] or ("experiment",)
    key = ".".join(map(str, fault["loc"]))
    if fault["type"] == "extra_forbidden":
        near = difflib.get_close_matches(str(last), _keys_at(root, content, parents), n=1, cutoff=0)
        return f"there is no key {key}" + (f", did you mean {near[0]}?" if near else "")
    return f"{key or 'experiment'}: {redacted(fault['msg'].removeprefix('Value error, '))}"


def _keys_at(root: type[Section], content: Any, location: Sequence[int | str]) -> list[str]:
    """The valid keys of the section at a location of the experiment."""
    models: list[type[Section]] = [root]
    for part in location:
        content = content[part]
        if isinstance(part, str):
            models = [
                section for model in models if part in model.model_fields for section in _sections_of(model, part)
            ]
        if isinstance(content, Mapping):
            models = [_of_kind(model, content) for model in models]
    return [name for model in models for name in model.model_fields]


def _of_kind(model: type[Section], content: Mapping[str, Any]) -> type[Section]:
    if not issubclass(model, NamedSection) or content.get(model.kind_key) not in model.kinds.names():
        return model
    of_kind: type[Section] = model.kinds.get(content[model.kind_key])
    return of_kind


def _sections_of(model: type[Section], name: str) -> list[type[Section]]:
    """The classes of sections that an option may hold."""
    pending, sections = [model.model_fields[name].annotation], []
    while pending:
        kind: Any = pending.pop()
        if isinstance(kind, type) and issubclass(kind, Section):
            sections.append(kind)
        pending.extend(get_args(kind))
    return sections
