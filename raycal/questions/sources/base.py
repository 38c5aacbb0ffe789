"""The base of question sources: their options, and the questions that they have."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import PlainValidator, SerializeAsAny

from raycal.config.section import NamedSection
from raycal.questions.rows import Attempt, QuestionSourceError
from raycal.registry import Registry

SOURCES: Registry[type[QuestionSource]] = Registry(
    "source", {name: f"raycal.questions.sources.{name}" for name in ("worldfacts", "file", "mmlu", "hub")}
)


@dataclass(frozen=True)
class OwnDataset:
    """The dataset of somebody's own data: what it is called, whether the user called it so, and where the data is."""

    name: str
    is_named: bool
    place: str


class QuestionSource(NamedSection):
    """Where questions come from, with the options of how they are read."""

    kind_key: ClassVar[str] = "source"
    kinds: ClassVar[Registry[type[Any]]] = SOURCES

    source: str

    @abstractmethod
    def attempts(self) -> Iterator[Attempt]:
        """Every row, as a question or with the reason why it became none, in the same order in every process.

        Raises QuestionSourceError, before any row, where the source as a whole is at fault.
        """

    def files(self) -> Sequence[Path]:
        """The files that it is read from, whose content stands in keys; none where it is read from anything else."""
        return ()

    def own_dataset(self) -> OwnDataset | None:
        """The one dataset that it is, where that may be called after its file or folder; else None."""
        return None


# A source of any kind, as a field of a section.
AnySource = Annotated[SerializeAsAny[QuestionSource], PlainValidator(QuestionSource.read)]


def refuse_shared_names(sources: Sequence[QuestionSource]) -> None:
    """Raise QuestionSourceError where several files or folders are one dataset only because they are called alike."""
    named: dict[str, OwnDataset] = {}
    for own in filter(None, (source.own_dataset() for source in sources)):
        other = named.setdefault(own.name, own)
        if other.place != own.place and not (other.is_named and own.is_named):
            raise QuestionSourceError(
                f"{other.place} and {own.place} would both be the dataset {own.name!r}: give each a dataset of its "
                "own, or both the same one"
            )
