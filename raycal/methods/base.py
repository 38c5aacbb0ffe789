"""The base of confidence methods, with what one needs."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Protocol, Self

from numpy.typing import NDArray
from pydantic import Field, PlainValidator, SerializeAsAny, TypeAdapter

import raycal.methods
from raycal.config.engine import ModelConfig
from raycal.config.section import NamedSection
from raycal.methods.evidence import Confidence, Equivalence, Evidence, Pair
from raycal.metrics.counts import Floats
from raycal.models.prompts import FollowUp
from raycal.questions.question import Split
from raycal.registry import Registry
from raycal.store.locations import Location

if TYPE_CHECKING:
    from raycal.methods.fine_tuned import FineTuned

# A method is found in the module of its name.
METHODS: Registry[type[Method]] = Registry(
    "method", {module.name: f"raycal.methods.{module.name}" for module in iter_modules(raycal.methods.__path__)}
)


@dataclass(frozen=True)
class States:
    """The hidden state of an answer's last token: of which model and layer, and behind which prompt."""

    model: ModelConfig | None  # None: the model that answered
    layer: int  # 0: the embeddings; negative: counted from the last
    few_shot: bool  # whether the answered question stands behind the examples that it was asked with


@dataclass(frozen=True)
class Fit:
    """What a method is fitted on: the graded answers of a split."""

    on: Split  # calibration: an answer there gets its confidence from a fit without it, in five folds
    target: Method | None = None  # whose confidences are learned in place of the grades
    questions: int | None = None  # None: all of the split
    seeded: bool = True  # whether the experiment's seed changes what is fitted


@dataclass(frozen=True, kw_only=True)
class Needs:
    """All that a method reads about an answer. What is elicited, read and fitted for it, and its keys, follow.

    samples: the least number. equivalence: by which samples are compared. logprobs:
    of the answer's tokens, or of the samples'. bases: methods whose confidences are read.
    tuned: a training, to whose adapter the correctness query is put.
    """

    prompts: tuple[FollowUp, ...] = ()
    samples: int = 0
    equivalence: Equivalence | None = None
    logprobs: bool = False
    states: States | None = None
    bases: tuple[Method, ...] = ()
    fit: Fit | None = None
    tuned: FineTuned | None = None

    @property
    def readers(self) -> tuple[ModelConfig | None, ...]:
        """The models that read the answer again; None stands for the one that gave it."""
        return tuple(part.model for part in (self.states, self.tuned) if part is not None)


class Method(NamedSection):
    """A confidence method: its options, and what it needs. Subclass ScoredMethod or FittedMethod.

    size_option: the option that says on how many training questions it learns, for ablations.
    """

    kind_key: ClassVar[str] = "method"
    kinds: ClassVar[Registry[type[Any]]] = METHODS
    size_option: ClassVar[str | None] = None

    method: str
    name: str | None = Field(None, min_length=1, exclude=True)  # what to call it; changes no number, and so no key

    @abstractmethod
    def needs(self) -> Needs:
        """What the method reads about an answer, by its options."""

    def resolved(self, samples: int) -> Self:
        """The method with nothing left open that the experiment decides: its number of samples."""
        parts = {name: getattr(self, name) for name in type(self).model_fields}
        nested = {name: part for name, part in parts.items() if isinstance(part, Method | tuple)}
        if not nested:
            return self
        return self.model_copy(update={name: _resolved(part, samples) for name, part in nested.items()})

    def compared_pairs(self, row: Evidence) -> set[Pair]:
        """The pairs of texts that are compared where `needs().equivalence` is set."""
        return set()

    @property
    def saw_calibration(self) -> bool:
        """Whether grades of the calibration split decided how the method ranks answers there."""
        needs = self.needs()
        return (needs.fit is not None and needs.fit.on is Split.CALIBRATION) or any(
            base.saw_calibration for base in needs.bases
        )

    @property
    def label(self) -> str:
        """What tables and figures call it: its name, or the method with the options that differ from their defaults."""
        return self.name or self.described()

    def described(self) -> str:
        """The label of a method without a name."""
        options = self.model_dump(exclude={"method"}, exclude_defaults=True)
        parts = (str(value) if isinstance(value, StrEnum) else f"{name} {value}" for name, value in options.items())
        text = ", ".join(parts)
        return f"{self.method} ({text})" if text else self.method


class ScoredMethod(Method):
    """A method whose confidence follows from the evidence about one answer alone."""

    @abstractmethod
    def score(self, row: Evidence) -> Confidence:
        """The confidence, or why there is none."""


class Predictor(Protocol):
    """What was fitted."""

    def predict(self, rows: Sequence[Evidence]) -> Floats:
        """p(correct), (n,), NaN where a row lacks what it needs."""
        ...


class FittedMethod(Method):
    """A method that is fitted on graded answers, see `Needs.fit`. A row without any of its needs is left out."""

    @abstractmethod
    def fit(self, rows: Sequence[Evidence], targets: NDArray[Any], *, seed: int) -> Predictor:
        """Fit to n answers. targets: (n,) bool, whether each is correct, or the target's confidences, float.

        Raises RaycalError where there is nothing to fit.
        """


class SavedPredictor(Predictor, Protocol):
    """What was fitted, and can be written to a file."""

    def save(self, path: Path) -> None:
        """Write it, without pickle."""
        ...


class SavedMethod(FittedMethod):
    """A method whose fit is kept, and may be used again for another experiment.

    folder_name: under the store. file_name: of what is saved. read_options: those that must be used as they were when
    it was fitted. place_options: those that say where something lies, which the fit does not depend on.
    """

    folder_name: ClassVar[str]
    file_name: ClassVar[str]
    read_options: ClassVar[tuple[str, ...]] = ()
    place_options: ClassVar[tuple[str, ...]] = ()

    @property
    @abstractmethod
    def artifact(self) -> Location | None:
        """A folder with what an earlier run fitted, to be used instead of a fit."""

    @abstractmethod
    def fit(self, rows: Sequence[Evidence], targets: NDArray[Any], *, seed: int) -> SavedPredictor:
        """See FittedMethod."""

    @abstractmethod
    def load(self, path: Location) -> SavedPredictor:
        """Read what was saved. Raises RaycalError where it is not there, or something else."""


# A method of any kind, as a field of a section. METHOD reads one from JSON or from plain data.
AnyMethod = Annotated[SerializeAsAny[Method], PlainValidator(Method.read)]
METHOD: TypeAdapter[Method] = TypeAdapter(AnyMethod)


def in_dependency_order(methods: Sequence[Method]) -> list[Method]:
    """The methods and all whose confidences they read or learn, each once and after those."""
    ordered: dict[str, Method] = {}
    for method in methods:
        for member in (*in_dependency_order(list(_bases(method))), method):
            ordered.setdefault(member.model_dump_json(), member)
    return list(ordered.values())


def tunings(methods: Sequence[Method]) -> list[FineTuned]:
    """The trainings, or adapters, that the methods and what they build on ask."""
    wanted = [method.needs().tuned for method in in_dependency_order(methods)]
    return [tuned for tuned in wanted if tuned is not None]


def prompts_of(methods: Sequence[Method]) -> tuple[FollowUp, ...]:
    """The follow-up prompts that the methods, and what they build on, need, each once.

    Raises ValueError where two different ones have one name.
    """
    prompts: dict[str, FollowUp] = {}
    for method in in_dependency_order(methods):
        for prompt in method.needs().prompts:
            if prompts.setdefault(prompt.name, prompt) != prompt:
                raise ValueError(
                    f"{method.label} has another prompt {prompt.name!r} than a method before it: rename it"
                )
    return tuple(prompts.values())


def _bases(method: Method) -> Iterator[Method]:
    needs = method.needs()
    yield from needs.bases
    if needs.fit is not None and needs.fit.target is not None:
        yield needs.fit.target


def _resolved(part: Any, samples: int) -> Any:
    if isinstance(part, tuple):
        return tuple(_resolved(member, samples) for member in part)
    return part.resolved(samples) if isinstance(part, Method) else part
