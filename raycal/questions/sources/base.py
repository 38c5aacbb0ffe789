"""The base of question sources: their options, and the questions that they have."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import PlainValidator, SerializeAsAny

from raycal.config.section import NamedSection
from raycal.questions.rows import Attempt
from raycal.registry import Registry

SOURCES: Registry[type[QuestionSource]] = Registry(
    "source", {name: f"raycal.questions.sources.{name}" for name in ("worldfacts", "file", "mmlu", "hub")}
)


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


# A source of any kind, as a field of a section.
AnySource = Annotated[SerializeAsAny[QuestionSource], PlainValidator(QuestionSource.read)]
