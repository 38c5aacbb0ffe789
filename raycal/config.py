"""An experiment file as checked models: the one place for every default."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from raycal.metrics import Convention
from raycal.questions.question import Kind, Split


class Section(BaseModel):
    """A part of an experiment file: immutable, and without room for keys that nobody reads."""

    model_config = ConfigDict(extra="forbid", frozen=True)


# ---------------------------------------------------------------------------------------------------------- questions


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


# ------------------------------------------------------------------------------------------------- model and engine


class PromptStyle(StrEnum):
    """How a conversation becomes text: through the model's chat template, or as a plain few-shot prompt."""

    AUTO = "auto"
    CHAT = "chat"
    BASE = "base"


class ModelConfig(Section):
    """The model under test."""

    path: str = "smollm2-135m-instruct"  # the packaged model, a local folder, or a repository of the hub
    revision: str | None = None
    prompt_style: PromptStyle = PromptStyle.AUTO


class Device(StrEnum):
    """Where engines run; auto takes GPUs where the machine or cluster has any."""

    AUTO = "auto"
    CPU = "cpu"
    GPU = "gpu"


class EngineConfig(Section):
    """One vLLM engine a replica, and how many replicas."""

    replicas: int = Field(1, ge=1)
    device: Device = Device.AUTO
    tensor_parallel: int = Field(1, ge=1)
    cpus_per_replica: float = Field(1, gt=0)
    dtype: Literal["auto", "bfloat16", "float16", "float32"] = "bfloat16"
    max_model_len: int = Field(2048, ge=128)
    max_num_seqs: int = Field(256, ge=1)
    gpu_memory_utilization: float = Field(0.9, gt=0, le=1)
    kv_cache_gib: float = Field(2, gt=0)  # CPU engines only: memory set aside for the key-value cache
    batch_size: int = Field(16, ge=1)  # questions a batch, and so a shard
    batches_in_flight: int = Field(4, ge=1)  # a replica works on batch_size x batches_in_flight questions at once
    start_timeout_s: float = Field(600, gt=0)


# --------------------------------------------------------------------------------------------------------- elicitation


class Samples(Section):
    """The k sampled answers; setting k to 0 samples none."""

    k: int = Field(10, ge=0, le=1024)
    temperature: float = Field(1.0, gt=0)
    top_p: float = Field(0.95, gt=0, le=1)


class ElicitConfig(Section):
    """What every question is asked; the follow-up queries derive from the methods."""

    max_tokens: int = Field(30, ge=1)
    first_line: bool = True  # an answer ends with its first line; false for answers that reason first
    few_shot: int = Field(0, ge=0)  # examples in front of each question, of its own subject where there are enough
    samples: Samples = Samples()


class Grader(StrEnum):
    """Who decides whether an answer is correct."""

    MATCH = "match"
    JUDGE = "judge"


class GradeConfig(Section):
    """The first grader's word counts; agreement with the others is reported."""

    graders: tuple[Grader, ...] = Field((Grader.MATCH,), min_length=1)


# ------------------------------------------------------------------------------------------------------------- methods


class Phrasing(StrEnum):
    """How the model is asked to state its confidence."""

    PROBABILITY = "probability"  # a number from 0.0 to 1.0
    PERCENT = "percent"  # a number from 0 to 100 with a % sign
    WORDS = "words"  # very unlikely ... very likely


class Equivalence(StrEnum):
    """When two answers to one question mean the same."""

    EXACT = "exact"  # equal after normalisation
    TOKEN_OVERLAP = "token_overlap"  # noqa: S105 - token F1 at or above the threshold
    EMBEDDING = "embedding"  # cosine of sentence embeddings at or above the threshold
    JUDGE = "judge"  # the language model under test says so


class Weighting(StrEnum):
    """What a sample counts for."""

    COUNT = "count"
    LIKELIHOOD = "likelihood"  # its length-normalised probability


class Linkage(StrEnum):
    """When an answer joins a cluster of answers, for equivalences that are not transitive."""

    SINGLE = "single"  # equivalent to any member (connected components)
    COMPLETE = "complete"  # equivalent to every member


class MethodConfig(Section):
    """A confidence method with its options."""

    method: str

    @property
    def label(self) -> str:
        """The method's name with the options that differ from their defaults."""
        options = self.model_dump(exclude={"method"}, exclude_defaults=True)
        parts = (str(value) if isinstance(value, StrEnum) else f"{name} {value}" for name, value in options.items())
        said = ", ".join(parts)
        return f"{self.method} ({said})" if said else self.method


class ZeroShot(MethodConfig):
    """p = softmax over the two choice tokens after the uncertainty query."""

    method: Literal["zero_shot"] = "zero_shot"


class Verbalized(MethodConfig):
    """p = the number that the model states."""

    method: Literal["verbalized"] = "verbalized"
    phrasing: Phrasing = Phrasing.PROBABILITY


class Sampling(MethodConfig):
    """p = share of the samples that are equivalent to the answer."""

    method: Literal["sampling"] = "sampling"
    k: int | None = Field(None, ge=1)  # None: all that the experiment samples
    weighting: Weighting = Weighting.COUNT
    equivalence: Equivalence = Equivalence.EXACT
    threshold: float = Field(0.5, gt=0, le=1)  # token_overlap and embedding only


class Likelihood(MethodConfig):
    """p = the answer's length-normalised probability."""

    method: Literal["likelihood"] = "likelihood"


class SemanticEntropy(MethodConfig):
    """p = 1 - entropy of the samples' meanings / log k."""

    method: Literal["semantic_entropy"] = "semantic_entropy"
    k: int | None = Field(None, ge=2)
    equivalence: Equivalence = Equivalence.EXACT
    threshold: float = Field(0.5, gt=0, le=1)
    linkage: Linkage = Linkage.SINGLE


Method = Annotated[ZeroShot | Verbalized | Sampling | Likelihood | SemanticEntropy, Field(discriminator="method")]


# ---------------------------------------------------------------------------------------------------------- evaluation


class Missing(StrEnum):
    """What becomes of a question whose confidence is missing."""

    EXCLUDE = "exclude"
    BASE_RATE = "base_rate"  # impute the calibration split's share of correct answers


class EvaluateConfig(Section):
    """On which questions and by which conventions the numbers are computed."""

    split: Split = Split.TEST
    convention: Convention = Convention.EQUAL_WIDTH
    bins: int = Field(10, ge=1)
    missing: Missing = Missing.EXCLUDE
    replicates: int = Field(1000, ge=0)  # bootstrap replicates; 0: no intervals
    level: float = Field(0.95, gt=0, lt=1)


class Experiment(Section):
    """A whole experiment file."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    seed: int = Field(0, ge=0)
    storage: Path = Path("results")
    questions: tuple[QuestionSource, ...] = (WorldFacts(),)
    splits: tuple[Split, ...] = (Split.TRAIN, Split.CALIBRATION, Split.TEST)  # which of them are asked
    model: ModelConfig = ModelConfig()
    engine: EngineConfig = EngineConfig()
    elicit: ElicitConfig = ElicitConfig()
    grade: GradeConfig = GradeConfig()
    methods: tuple[Method, ...] = (ZeroShot(), Verbalized(), Sampling(), Likelihood(), SemanticEntropy())
    embedding_model: str = "all-minilm-l6-v2"  # the packaged model, a local folder, or a repository of the hub
    evaluate: EvaluateConfig = EvaluateConfig()

    @model_validator(mode="after")
    def _samples_suffice(self) -> Experiment:
        for method in self.methods:
            if not isinstance(method, Sampling | SemanticEntropy):
                continue
            wanted = method.k or (2 if isinstance(method, SemanticEntropy) else 1)
            if wanted > self.elicit.samples.k:
                raise ValueError(
                    f"{method.method} needs at least {wanted} samples, but elicit.samples.k is "
                    f"{self.elicit.samples.k}: raise it, lower the method's k, or take the method out"
                )
        return self
