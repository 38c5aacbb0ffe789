"""Tables of the Hugging Face hub, or of folders on a disk, memory-mapped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from raycal.questions.cells import column_names
from raycal.questions.readers import RowFile
from raycal.questions.rows import QuestionSourceError, Row
from raycal.text.suggest import nearest

if TYPE_CHECKING:
    import datasets

_HEAD = 100  # rows among which a nested column must occur
_REASON_LINES = 2  # of an error of the library; the second one names configurations


@dataclass(frozen=True, kw_only=True)
class Address:
    """Where a table is: a repository of the hub or a folder, a configuration of it, and a split."""

    path: str
    config: str | None = None
    split: str | None = None  # None: the only one
    revision: str | None = None

    def __str__(self) -> str:
        return f"{self.path} ({self.config or 'default'}, {self.split or 'any split'})"

    def location(self, number: int) -> str:
        """What a row is called."""
        return f"{Path(self.path).name}/{self.split}:{number}"


def is_plain_folder(path: str | None) -> bool:
    """Whether the data is a folder without the hub's description, and so without configurations."""
    return path is not None and Path(path).is_dir() and not (Path(path) / "README.md").is_file()


def open_table(address: Address) -> datasets.Dataset:
    """The table at an address that names a split. Code from the hub is never run.

    QuestionSourceError where it cannot be fetched or read, or where the `datasets` package is missing.
    """
    library = _library()
    try:
        return library.load_dataset(address.path, address.config, split=address.split, revision=address.revision)
    except (OSError, ValueError, RuntimeError, library.exceptions.DatasetsError) as error:
        raise _cannot_be_loaded(address, error) from error


def only_split(address: Address) -> str:
    """The split of an address that names none; QuestionSourceError where there are several."""
    library = _library()
    try:
        splits = library.get_dataset_split_names(address.path, address.config, revision=address.revision)
    except (OSError, ValueError, RuntimeError, library.exceptions.DatasetsError) as error:
        raise _cannot_be_loaded(address, error) from error
    if len(splits) != 1:
        raise QuestionSourceError(f"the dataset {address} has several splits: set split to {' or '.join(splits)}")
    return str(splits[0])


def _library() -> Any:
    try:
        import datasets
    except ModuleNotFoundError as error:
        raise QuestionSourceError("hub datasets need the `datasets` package: pip install 'raycal[hub]'") from error
    return datasets


def _cannot_be_loaded(address: Address, error: Exception) -> QuestionSourceError:
    lines = str(error.__cause__ or error).strip().splitlines()[:_REASON_LINES]
    reason = " ".join(line.strip() for line in lines) or type(error).__name__
    return QuestionSourceError(f"the dataset {address} cannot be loaded: {reason}")


def check_columns(address: Address, table: datasets.Dataset, columns: Iterable[str | tuple[str, ...]]) -> None:
    """Raise QuestionSourceError for a column that a table lacks, or any of a tuple; those of objects are dotted."""
    known = {*table.column_names, *table.flatten().column_names}
    for column in columns:
        names = (column,) if isinstance(column, str) else column
        if known.isdisjoint(names):
            raise QuestionSourceError(f"the dataset {address} has no column {names[0]!r}: {nearest(names[0], known)}")


def narrowed(table: datasets.Dataset, columns: Iterable[str]) -> datasets.Dataset:
    """The table with the columns that some (dotted) names reach into: pictures beside them are not decoded."""
    heads = {name if name in table.column_names else name.partition(".")[0] for name in columns}
    return table.select_columns([name for name in table.column_names if name in heads])


def as_rows(address: Address, table: datasets.Dataset, columns: Iterable[str]) -> RowFile:
    """Some columns of a table as a file of rows, with the names of class labels in place of their numbers."""
    narrow = narrowed(table, columns)
    in_texts = {name for row in islice(_rows(narrow), _HEAD) for name in column_names(row.values)}
    known = {*table.column_names, *table.flatten().column_names, *in_texts}
    return RowFile(Path(address.path), frozenset(known), _rows(narrow))


def _rows(table: datasets.Dataset) -> Iterator[Row]:
    for number, row in enumerate(table, 1):
        yield Row(number, {name: _with_names(cell, table.features[name]) for name, cell in row.items()})


def _with_names(cell: Any, feature: Any) -> Any:
    """A cell with the names of class labels; None for -1, which the hub has where it has no answer."""
    if isinstance(feature, dict) and isinstance(cell, dict):
        return {name: _with_names(inner, feature[name]) for name, inner in cell.items()}
    if isinstance(cell, list):
        return [_with_names(element, getattr(feature, "feature", None)) for element in cell]
    if isinstance(cell, int) and hasattr(feature, "int2str"):
        return feature.int2str(cell) if cell >= 0 else None
    return cell
