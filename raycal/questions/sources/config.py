"""Configuration of the sources of questions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from raycal.config.section import Section
from raycal.questions.question import Kind


class WorldFacts(Section):
    """The built-in questions, made from packages of facts."""

    source: Literal["worldfacts"] = "worldfacts"
    kind: Kind = Kind.OPEN
    relations: tuple[str, ...] = ()  # empty: all of them
    limit: int | None = Field(None, ge=1)


class Columns(Section):
    """Which column of a file holds what. A dotted name reaches into nested columns."""

    question: str = "question"
    answers: str = "answer"  # a text, a list of texts, a letter or an index into the choices
    choices: str | tuple[str, ...] | None = None  # one column that holds a list, or one column a choice
    subject: str | None = None
    id: str | None = None  # kept as metadata


class QuestionFile(Section):
    """Questions in a JSONL, JSON, CSV or Parquet file of any columns."""

    source: Literal["file"]
    path: Path
    dataset: str | None = None  # None: the file's name
    columns: Columns = Columns()
    answer_separator: str | None = None  # splits one text into several accepted answers
    limit: int | None = Field(None, ge=1)


class Mmlu(Section):
    """MMLU's folder of CSV files: dev/ as few-shot examples, test/ asked; with or without a header."""

    source: Literal["mmlu"]
    path: Path
    kind: Kind = Kind.CHOICE
    subjects: tuple[str, ...] = ()  # empty: all of them
    limit: int | None = Field(None, ge=1)


class HubDataset(Section):
    """A dataset of the Hugging Face hub, or a local folder of the same schema, by a ready mapping."""

    source: Literal["hub"]
    name: str  # a ready mapping: mmlu, arc, openbookqa, ...
    path: str | None = None  # None: the mapping's own repository on the hub
    config: str | None = None
    hub_split: str | None = None  # the dataset's own split; None: the mapping's
    revision: str | None = None
    kind: Kind | None = None  # None: the mapping's; a choice dataset may be asked as open
    limit: int | None = Field(None, ge=1)


QuestionSource = Annotated[WorldFacts | QuestionFile | Mmlu | HubDataset, Field(discriminator="source")]
