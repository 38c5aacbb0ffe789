"""The columns of every table in the store."""

from __future__ import annotations

from enum import StrEnum

import pyarrow as pa

from raycal.metrics import METRIC_NAMES


class Table(StrEnum):
    """The tables, in the order in which data flows through them."""

    SOURCES = "sources"
    QUESTIONS = "questions"
    BAD_QUESTIONS = "bad_questions"
    ANSWERS = "answers"
    SAMPLES = "samples"
    QUERIES = "queries"
    VERDICTS = "verdicts"
    GRADES = "grades"
    FEATURES = "features"
    TRAINING = "training"
    SCORES = "scores"
    METRICS = "metrics"
    COMPARISONS = "comparisons"
    RUNS = "runs"
    TRIALS = "trials"


_TEXT = pa.string()
_LABEL = pa.dictionary(pa.int32(), pa.string())  # repeats on every row, costs next to nothing

# What determined a generated row, readable beside the key that is the hash of it.
_PROVENANCE = [("model", _LABEL), ("prompt", _LABEL), ("sampling", _LABEL)]
# What a generated row cost: tokens, and its share of the seconds for which its engine was busy; and in which precision.
_COST = [
    ("prompt_tokens", pa.int32()),
    ("generated_tokens", pa.int32()),
    ("engine_seconds", pa.float64()),
    ("dtype", _LABEL),
]
_GENERATION = [
    ("text", _TEXT),
    ("logprobs", pa.list_(pa.float32())),  # natural, of the tokens that were sampled, before temperature and top-p
    ("finish_reason", _LABEL),  # stop: complete; length: truncated
    ("error", _TEXT),
]

SCHEMAS: dict[Table, pa.Schema] = {
    # Files that have been read to their end. The key names their content.
    Table.SOURCES: pa.schema([("key", _TEXT), ("source", _TEXT), ("ingested", _TEXT)]),  # both JSON
    Table.QUESTIONS: pa.schema(
        [
            ("key", _TEXT),
            ("dataset", _LABEL),
            ("split", _LABEL),
            ("subject", _LABEL),
            ("kind", _LABEL),
            ("question", _TEXT),
            ("choices", pa.list_(pa.string())),
            ("answers", pa.list_(pa.string())),
            ("metadata", _TEXT),  # JSON
            ("answerable", pa.bool_()),  # null: true, of a release that knew no others
        ]
    ),
    Table.BAD_QUESTIONS: pa.schema([("key", _TEXT), ("dataset", _LABEL), ("location", _TEXT), ("error", _TEXT)]),
    Table.ANSWERS: pa.schema([("key", _TEXT), ("question_id", _TEXT), *_PROVENANCE, *_GENERATION, *_COST]),
    Table.SAMPLES: pa.schema(
        [("key", _TEXT), ("index", pa.int32()), ("question_id", _TEXT), *_PROVENANCE, *_GENERATION, *_COST]
    ),
    Table.QUERIES: pa.schema(
        [
            ("key", _TEXT),
            ("answer_key", _TEXT),
            ("question_id", _TEXT),
            ("query", _LABEL),
            *_PROVENANCE,
            ("p_true", pa.float64()),  # the two-choice query's probability of "yes"
            ("text", _TEXT),  # the reply to the queries that are answered in words
            ("finish_reason", _LABEL),
            ("error", _TEXT),
            *_COST,
        ]
    ),
    Table.VERDICTS: pa.schema(
        [
            ("key", _TEXT),
            ("question_id", _TEXT),
            ("one", _TEXT),  # the two normalised answers, in alphabetical order
            ("other", _TEXT),
            *_PROVENANCE,
            ("text", _TEXT),
            ("verdict", pa.bool_()),  # null: the judge's reply was not understood
            ("error", _TEXT),
            *_COST,
        ]
    ),
    Table.GRADES: pa.schema(
        [
            ("key", _TEXT),
            ("answer_key", _TEXT),
            ("question_id", _TEXT),
            ("grader", _LABEL),
            ("correct", pa.bool_()),  # null: the grader could not decide
            ("extracted", _TEXT),
            ("reason", _TEXT),
            ("error", _TEXT),
            *_COST,
        ]
    ),
    Table.FEATURES: pa.schema(
        [
            ("key", _TEXT),
            ("answer_key", _TEXT),
            ("question_id", _TEXT),
            ("model", _LABEL),
            ("prompt", _LABEL),
            ("layer", pa.int32()),  # 0: the embeddings
            ("state", pa.list_(pa.float32())),  # the hidden state of the answer's last token
            ("error", _TEXT),
            *_COST,
        ]
    ),
    Table.TRAINING: pa.schema(
        [
            ("key", _TEXT),
            ("adapter", _TEXT),
            ("step", pa.int64()),  # 0: before the first
            ("epoch", pa.int64()),
            ("loss", pa.float64()),  # of the query, a mean over the step's examples
            ("divergence", pa.float64()),  # nats, a mean over their answers' tokens, not weighted
            ("learning_rate", pa.float64()),
            ("applied", pa.bool_()),  # false: the gradients were not finite
            ("seconds", pa.float64()),  # of the step; in the row of step 0 for the base model's states
            ("peak_gib", pa.float64()),  # memory that the worker needed so far: of its GPU, or of its process
            ("calibration_loss", pa.float64()),  # where the calibration split was evaluated after the step
            ("calibration_ece", pa.float64()),
            ("calibration_auroc", pa.float64()),
            ("dtype", _LABEL),  # of the frozen weights and of the arithmetic
        ]
    ),
    Table.SCORES: pa.schema(
        [
            ("key", _TEXT),
            ("answer_key", _TEXT),
            ("question_id", _TEXT),
            ("method", _LABEL),
            ("config", _LABEL),
            ("confidence", pa.float64()),  # p(correct) in [0, 1]; null: missing, for the reason beside it
            ("reason", _TEXT),
        ]
    ),
    Table.METRICS: pa.schema(
        [
            ("key", _TEXT),
            ("run", _TEXT),
            ("method", _TEXT),
            ("config", _TEXT),
            ("model", _TEXT),
            ("dataset", _TEXT),
            ("split", _TEXT),
            ("n", pa.int64()),  # questions that the numbers are over
            ("questions", pa.int64()),  # questions asked, failed ones among them
            ("failed", pa.int64()),  # questions without a graded answer
            ("coverage", pa.float64()),  # share of the graded answers that have a confidence
            ("missing", _TEXT),
            ("convention", _TEXT),
            ("bins", pa.int64()),
            ("subjects", pa.int64()),
            *((f"{name}{suffix}", pa.float64()) for name in METRIC_NAMES for suffix in ("", "_low", "_high")),
            *((f"subject_mean_{name}", pa.float64()) for name in METRIC_NAMES),
            ("extra", _TEXT),  # JSON: column -> value, of the metrics of installed packages; null where there is none
            ("undefined", _TEXT),  # JSON: metric -> why it has no value
            ("level", pa.float64()),
            ("replicates", pa.int64()),
        ]
    ),
    Table.COMPARISONS: pa.schema(
        [
            ("key", _TEXT),
            ("run", _TEXT),
            ("dataset", _TEXT),
            ("split", _TEXT),
            ("method", _TEXT),
            ("baseline", _TEXT),
            ("metric", _TEXT),
            ("difference", pa.float64()),  # method - baseline
            ("low", pa.float64()),
            ("high", pa.float64()),
            ("n", pa.int64()),  # questions for which both have a confidence
        ]
    ),
    Table.RUNS: pa.schema(
        [
            ("key", _TEXT),
            ("run", _TEXT),
            ("name", _TEXT),
            ("created", pa.timestamp("us", tz="UTC")),
            ("experiment", _TEXT),  # the whole configuration as JSON
            ("versions", _TEXT),  # JSON: package -> version
            ("questions", pa.int64()),
            ("bad_questions", pa.int64()),
            ("errors", _TEXT),  # JSON: table -> rows that failed
            ("generated_tokens", pa.int64()),
            ("prompt_tokens", pa.int64()),
            ("engine_seconds", pa.float64()),
            ("agreement", _TEXT),  # JSON: the graders' agreement, where there is more than one
            ("precision", _TEXT),  # JSON: table -> dtypes that its rows were computed in
            ("grading", _TEXT),  # JSON: who graded and who judged equivalence, a judge with its model
        ]
    ),
    Table.TRIALS: pa.schema(
        [
            ("key", _TEXT),
            ("sweep", _TEXT),
            ("number", pa.int64()),  # that of the trial in Optuna's study
            ("entry", _TEXT),  # of the space
            ("method", _TEXT),
            ("config", _TEXT),
            ("state", _TEXT),  # finished, stopped (by the scheduler), failed
            ("run", _TEXT),  # whose row of METRICS has the trial's numbers
            ("objectives", _TEXT),  # JSON: metric of the calibration split -> value
            ("error", _TEXT),  # with the traceback
            ("seconds", pa.float64()),
        ]
    ),
}
