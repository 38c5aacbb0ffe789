"""Datasets of the Hugging Face hub, or folders on a disk: by a ready mapping, or by the columns that are named."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path
from typing import Any, Literal

from pydantic import AliasChoices, Field

from raycal.questions.columns import ColumnReader, Columns
from raycal.questions.question import Kind, Question, QuestionError, Split, split_of
from raycal.questions.rows import Attempt, QuestionSourceError
from raycal.questions.sources.base import SOURCES, OwnDataset, QuestionSource
from raycal.questions.sources.hub_mappings import MAPPINGS, HubMapping
from raycal.questions.sources.hub_table import (
    Address,
    as_rows,
    check_columns,
    is_plain_folder,
    narrowed,
    only_split,
    open_table,
)
from raycal.text.suggest import nearest


@SOURCES.register("hub")
class HubDataset(QuestionSource):
    """A dataset of the Hugging Face hub, or a local folder, by a ready mapping or by its columns."""

    source: Literal["hub"]
    name: str | None = None  # a ready mapping: mmlu, arc, ...; with `columns`, what to call the dataset
    path: str | None = None  # None: the mapping's own repository on the hub
    config: str | None = None
    # The dataset's own split; None: the mapping's, or the only one.
    hub_split: str | None = Field(None, validation_alias=AliasChoices("split", "hub_split"))
    revision: str | None = None
    kind: Kind | None = None  # None: the mapping's; a choice dataset may be asked as open
    columns: Columns | None = None  # of a dataset without a mapping
    answer_separator: str | None = None  # with `columns`: splits one text into several accepted answers
    positions_from: int | None = Field(None, ge=0, le=1)  # with `columns`, of choices; None: as the whole split shows
    limit: int | None = Field(None, ge=1)

    def attempts(self) -> Iterator[Attempt]:
        """See QuestionSource, and `load`."""
        return load(self)

    def own_dataset(self) -> OwnDataset | None:
        """See QuestionSource."""
        if self.path is None or (self.name is not None and self.columns is None):
            return None
        return OwnDataset(self.name or Path(self.path).name, is_named=self.name is not None, place=self.path)


def load(source: HubDataset) -> Iterator[Attempt]:
    """The rows of one of the dataset's splits, memory-mapped; `limit` takes the first ones.

    Mappings with a few-shot split (MMLU's dev) yield that first, whatever the limit. QuestionSourceError for an unknown
    mapping, configuration or split, a column that there is not, a dataset that cannot be fetched, a kind that it does
    not have, or where the `datasets` package is missing. Code from the hub is never run.
    """
    if source.name is not None and source.columns is None:
        return _by_mapping(source, source.name)
    return _by_columns(source, source.columns or Columns())


def _by_columns(source: HubDataset, columns: Columns) -> Iterator[Attempt]:
    own = source.own_dataset()
    if own is None:
        raise QuestionSourceError(
            "a hub dataset needs the `name` of a ready mapping, or a `path` and the `columns` of its rows"
        )
    ready = [name for name, mapping in MAPPINGS.items() if mapping.path == own.place]
    if source.columns is None and ready:
        raise QuestionSourceError(f"{own.place} has a ready mapping: set name to {' or '.join(ready)}, or columns")
    if source.kind not in {None, columns.kind}:
        raise QuestionSourceError(
            f"{own.place} has {columns.kind} questions by its columns: take kind out, and name columns.choices where "
            "there are choices"
        )
    address = Address(path=own.place, config=source.config, split=source.hub_split, revision=source.revision)
    if address.split is None:
        address = replace(address, split=only_split(address))
    table, named = open_table(address), [column for _, column in columns.named()]
    file = as_rows(address, table, named)
    for setting, column in columns.named():
        file.check_column(column, f"columns.{setting}")
    reader = ColumnReader(
        dataset=own.name, columns=columns, separator=source.answer_separator, positions_from=source.positions_from
    )
    return reader.attempts(
        islice(file.rows, source.limit),
        again=lambda: as_rows(address, table, named).rows,
        location=address.location,
    )


def _by_mapping(source: HubDataset, name: str) -> Iterator[Attempt]:
    mapping = MAPPINGS.get(name)
    if mapping is None:
        raise QuestionSourceError(
            f"there is no mapping for the dataset {name!r}: {nearest(name, MAPPINGS)}; any other dataset needs its "
            "`path` and `columns`"
        )
    if source.kind not in {None, *mapping.kinds}:
        raise QuestionSourceError(
            f"{name} has no {source.kind} questions: set kind to {mapping.kinds[0]}, or take it out"
        )
    if source.answer_separator is not None or source.positions_from is not None:
        raise QuestionSourceError(
            f"{name} has a ready mapping, which knows its answers: take answer_separator and positions_from out"
        )
    address = Address(
        path=source.path or mapping.path,
        config=source.config or (None if is_plain_folder(source.path) else mapping.config),
        split=source.hub_split or mapping.split,
        revision=source.revision or (mapping.revision if source.path is None else None),
    )
    asked = islice(_mapped(name, mapping, source.kind, address), source.limit)
    if mapping.few_shot in {None, address.split}:
        return asked
    return chain(_mapped(name, mapping, source.kind, replace(address, split=mapping.few_shot), Split.FEW_SHOT), asked)


def _mapped(
    dataset: str, mapping: HubMapping, kind: Kind | None, address: Address, split: Split | None = None
) -> Iterator[Attempt]:
    """The rows of one split, which is opened and checked at once; `split` None: each row's own."""
    table = open_table(address)
    check_columns(address, table, mapping.columns)
    return (
        Attempt(
            dataset=dataset,
            location=address.location(number),
            raw=row,
            outcome=_outcome(dataset, mapping, kind, row, split),
        )
        for number, row in enumerate(narrowed(table, mapping.read_columns), 1)
    )


def _outcome(
    dataset: str, mapping: HubMapping, kind: Kind | None, row: Mapping[str, Any], split: Split | None
) -> Question | QuestionError:
    try:
        item = mapping.read(row)
        return item.ask(kind or item.usual_kind, dataset=dataset, split=split or split_of(item.question))
    except QuestionError as error:
        return error
