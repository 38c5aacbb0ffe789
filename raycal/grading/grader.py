"""Graders: the protocol, the kinds there are, and the registry of their names."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Annotated, Any, ClassVar, Self

from pydantic import Field, PlainValidator, SerializeAsAny

from raycal.config.engine import EngineConfig, ModelConfig, PromptStyle
from raycal.config.section import NamedSection, Section
from raycal.grading.judge_reply import parse_verdict
from raycal.models.prompts import Conversation, template_name
from raycal.questions.question import Kind
from raycal.registry import Registry
from raycal.store.keys import digest

GRADERS: Registry[type[Grader]] = Registry(
    "grader",
    {
        "match": "raycal.grading.match",
        "math": "raycal.grading.maths",
        "judge": "raycal.grading.judge",
        "human": "raycal.grading.human",
    },
)


@dataclass(frozen=True)
class AnsweredQuestion:
    """All that a grader sees; choices: none of an open question. answerable: else right is to say that it is not."""

    question: str
    choices: tuple[str, ...]
    accepted: tuple[str, ...]
    answer: str
    answerable: bool = True

    @property
    def kind(self) -> Kind:
        """Whether it is an open question."""
        return Kind.CHOICE if self.choices else Kind.OPEN


@dataclass(frozen=True)
class Grade:
    """Whether an answer is correct (None: undecided), the part of it that was graded, how, and where that part was."""

    correct: bool | None
    extracted: str
    reason: str
    source: str = ""

    @property
    def explanation(self) -> str:
        """How it was graded, and why that part: "exact, answer cue"."""
        return f"{self.reason}, {self.source}" if self.source else self.reason


class Grader(NamedSection):
    """Who decides whether answers are correct, with options.

    In a file a bare word stands for a grader with its defaults. Derive from PureGrader, ModelGrader or ImportedGrader.
    """

    kind_key: ClassVar[str] = "grader"
    kinds: ClassVar[Registry[type[Any]]] = GRADERS
    outside_keys: ClassVar[frozenset[str]] = frozenset({"name"})

    grader: str
    name: str | None = Field(None, min_length=1)  # what to call it

    @classmethod
    def read(cls, value: object) -> Self:
        """See NamedSection; a text is a grader's kind."""
        return super().read({cls.kind_key: value} if isinstance(value, str) else value)

    @property
    def label(self) -> str:
        """What tables and reports call it: its name, or its kind with the options that differ from their defaults."""
        options = self._distinguishing(("grader",), versions=False)
        shown = ", ".join(self._shown_option(name, value) for name, value in options.items())
        return self.name or (f"{self.grader} ({shown})" if shown else self.grader)

    def _shown_option(self, name: str, value: Any) -> str:
        return f"{name} {value}"

    def _as_option(self, *, versions: bool) -> Any:
        """A bare word where a file may have one: experiments of earlier releases have no other, and keep their ids."""
        options = self._distinguishing(versions=versions)
        return self.grader if options == {"grader": self.grader} else options


class PureGrader(Grader):
    """A grader that needs no more than the question and the answer, such as rules."""

    @property
    def key_name(self) -> str:
        """The grader's name in GRADES and in keys, which must change wherever a grade may."""
        return self.identity()

    @abstractmethod
    def grade(self, questions: Sequence[AnsweredQuestion]) -> list[Grade]:
        """A grade for each; one must not depend on the others, nor on anything outside."""


class ImportedGrader(Grader):
    """A grader whose grades are brought in from a file."""

    @property
    def key_name(self) -> str:
        """The grader's name in GRADES and in keys."""
        return self.identity()


class JudgeModel(Section):
    """The model that judges, and the engines that run it, one stage at a time: it needs no GPU beside another's."""

    outside_keys: ClassVar[frozenset[str]] = frozenset({"engine"})

    model: ModelConfig | None = None  # None: the model under test
    engine: EngineConfig | None = None  # None: the experiment's


class ModelGrader(JudgeModel, Grader):
    """A grader that asks a model."""

    outside_keys: ClassVar[frozenset[str]] = JudgeModel.outside_keys | Grader.outside_keys

    @abstractmethod
    def conversation(self, question: AnsweredQuestion) -> Conversation:
        """What the model is asked."""

    def verdict(self, reply: str) -> bool | None:
        """The verdict of a reply; None where that is not clear."""
        return parse_verdict(reply)

    def key_name(self, model: object, style: PromptStyle) -> str:
        """The grader's name in GRADES and in keys, asked of a model in a style: it has the prompt and the options."""
        prompt = self.conversation(AnsweredQuestion("{question}", (), ("{accepted}",), "{answer}"))
        options = self.identity(exclude=("grader", "model"))
        parts = [template_name(self.grader, prompt, style), *([digest(options)[:8]] if options != "{}" else [])]
        return "/".join([*parts, str(model)])

    def _shown_option(self, name: str, value: Any) -> str:
        if name == "model" and self.model is not None:
            return PurePath(self.model.path).name
        return super()._shown_option(name, value)


AnyGrader = Annotated[SerializeAsAny[Grader], PlainValidator(Grader.read)]
