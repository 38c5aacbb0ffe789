"""Datasets of the Hugging Face hub, by ready mappings; also folders of the same schema on a disk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from raycal.questions.question import Kind, Question, QuestionError, Split, split_of
from raycal.questions.rows import Attempt, QuestionSourceError
from raycal.questions.sources.base import SOURCES, QuestionSource
from raycal.questions.sources.hub_mappings import MAPPINGS, HubMapping
from raycal.text.suggest import nearest

if TYPE_CHECKING:
    import datasets


@SOURCES.register("hub")
class HubDataset(QuestionSource):
    """A dataset of the Hugging Face hub, or a local folder of the same schema, by a ready mapping."""

    source: Literal["hub"]
    name: str  # a ready mapping: mmlu, arc, openbookqa, ...
    path: str | None = None  # None: the mapping's own repository on the hub
    config: str | None = None
    hub_split: str | None = None  # the dataset's own split; None: the mapping's
    revision: str | None = None
    kind: Kind | None = None  # None: the mapping's; a choice dataset may be asked as open
    limit: int | None = Field(None, ge=1)

    def attempts(self) -> Iterator[Attempt]:
        """See QuestionSource, and `load`."""
        return load(self)


def load(source: HubDataset) -> Iterator[Attempt]:
    """The rows of one of the dataset's splits, memory-mapped; `limit` takes the first ones.

    Mappings with a few-shot split (MMLU's dev) yield that first, whatever the limit. QuestionSourceError for an unknown
    mapping, configuration or split, a schema that the mapping does not fit, a dataset that cannot be fetched, a kind
    that it does not have, or where the `datasets` package is missing. Code from the hub is never run.
    """
    mapping = MAPPINGS.get(source.name)
    if mapping is None:
        raise QuestionSourceError(
            f"there is no mapping for the dataset {source.name!r}: {nearest(source.name, MAPPINGS)}"
        )
    kind = source.kind or mapping.kinds[0]
    if kind not in mapping.kinds:
        raise QuestionSourceError(
            f"{source.name} has no {kind} questions: set kind to {mapping.kinds[0]}, or take it out"
        )
    mapping = replace(
        mapping,
        path=source.path or mapping.path,
        config=source.config or (None if _is_plain_folder(source.path) else mapping.config),
        split=source.hub_split or mapping.split,
    )
    asked = islice(_attempts(source, mapping, kind, mapping.split), source.limit)
    if mapping.few_shot in {None, mapping.split}:
        return asked
    return chain(_attempts(source, mapping, kind, mapping.few_shot, Split.FEW_SHOT), asked)


def _is_plain_folder(path: str | None) -> bool:
    """Whether the data is a folder without the hub's description, and so without configurations."""
    return path is not None and Path(path).is_dir() and not (Path(path) / "README.md").is_file()


def _attempts(
    source: HubDataset, mapping: HubMapping, kind: Kind, name: str, split: Split | None = None
) -> Iterator[Attempt]:
    """The rows of the dataset's split `name`, which is opened and checked at once; `split` None: each one's own."""
    table = _table(mapping, name, source.revision)
    folder = Path(mapping.path).name
    return (
        Attempt(
            dataset=source.name,
            location=f"{folder}/{name}:{number}",
            raw=row,
            outcome=_outcome(source.name, mapping, kind, row, split),
        )
        for number, row in enumerate(table, 1)
    )


def _outcome(
    dataset: str, mapping: HubMapping, kind: Kind, row: Mapping[str, Any], split: Split | None
) -> Question | QuestionError:
    try:
        item = mapping.read(row)
        return item.ask(kind, dataset=dataset, split=split or split_of(item.question))
    except QuestionError as error:
        return error


def _table(mapping: HubMapping, split: str, revision: str | None) -> datasets.Dataset:
    """One split of the dataset as a memory-mapped table whose columns have been checked."""
    try:
        import datasets
    except ModuleNotFoundError as error:
        raise QuestionSourceError("hub datasets need the `datasets` package: pip install 'raycal[hub]'") from error
    where = f"{mapping.path} ({mapping.config or 'default'}, {split})"
    try:
        table = datasets.load_dataset(mapping.path, mapping.config, split=split, revision=revision)
    except (OSError, ValueError, datasets.exceptions.DatasetsError) as error:
        reason = str(error.__cause__ or error).strip().partition("\n")[0] or type(error).__name__
        raise QuestionSourceError(f"the dataset {where} cannot be loaded: {reason}") from error
    known = table.flatten().column_names
    for column in mapping.columns:
        if column not in known:
            raise QuestionSourceError(f"the dataset {where} has no column {column!r}: {nearest(column, known)}")
    return table
