"""A results store as pandas DataFrames."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from raycal.analysis.export import ExportError, open_run
from raycal.experiment.run import Run
from raycal.questions.question import Split
from raycal.stages.answers import answered
from raycal.stages.evaluate import scored_splits
from raycal.stages.score import scores_of
from raycal.store.locations import Location
from raycal.store.metric_columns import unpacked
from raycal.store.schemas import Table
from raycal.store.store import Store, StoreError
from raycal.text.suggest import nearest

if TYPE_CHECKING:
    from pandas import DataFrame

_SAMPLES = """
    SELECT asked.question_id, asked.dataset, asked.split, samples.index, samples.text, samples.logprobs,
           samples.finish_reason
    FROM asked JOIN samples ON samples.key = asked.samples_key
    WHERE samples.error IS NULL
    ORDER BY asked.question_id, samples.index
"""


class RunFrames:
    """What the store has of one run; each table is read when it is asked for."""

    def __init__(self, run: Run) -> None:
        self._run = run

    @property
    def id(self) -> str:
        """The run's name in the store."""
        return self._run.id

    def __repr__(self) -> str:
        return f"RunFrames({self.id!r})"

    def answers(self, split: str | None = None) -> DataFrame:
        """The answers, a row each, with their question and the first grader's grade (None: it has none).

        split: train, calibration or test; None is all. Failed answers are left out. Raises ExportError for another.
        """
        splits = list(Split) if split is None else [_split(split)]
        columns = ["question_id", "split", "dataset", "subject", "kind", "question", "choices", "accepted", "answer"]
        columns = ["answer_key", *columns, "correct"]
        return _frame([{name: getattr(row, name) for name in columns} for row in answered(self._run, splits)], columns)

    def samples(self) -> DataFrame:
        """The sampled answers, a row each: `index` counts those of a question, `logprobs` (natural) are of tokens."""
        rows = self._run.store.rows(_SAMPLES, shards=self._run.shards, extra={"asked": self._run.asked})
        columns = ["question_id", "dataset", "split", "index", "text", "logprobs", "finish_reason"]
        return _frame(list(rows), columns)

    def confidences(self) -> DataFrame:
        """p(correct) by every method, a row an answer and a column a method; NaN where it is missing."""
        asked = self._run.asked.select(["answer_key", "question_id", "dataset", "split"]).to_pylist()
        frame = _frame(asked, ["answer_key", "question_id", "dataset", "split"])
        for method in self._run.experiment.methods:
            frame[method.label] = frame["answer_key"].map(scores_of(self._run, method)).astype("float64")
        return frame

    def scored(self, split: str) -> DataFrame:
        """What the metrics of a split are over: its graded answers, with `correct` and a column a method.

        Missing confidences are NaN, or imputed where the experiment says so. Raises ExportError for an unknown split.
        """
        import pandas as pd

        labels = [method.label for method in self._run.experiment.methods]
        frames = [
            pd.DataFrame({"question_id": of.ids, "dataset": of.dataset, "correct": of.correct, **of.confidence})
            for of in scored_splits(self._run, _split(split))
        ]
        return (
            pd.concat(frames, ignore_index=True)
            if frames
            else _frame([], ["question_id", "dataset", "correct", *labels])
        )

    def metrics(self) -> DataFrame:
        """The run's metrics, a row a dataset and method; empty before it is evaluated."""
        shards = {Table.METRICS: self._run.store.shards(Table.METRICS, self.id)}
        return _metrics(self._run.store, shards)


class StoreFrames:
    """The tables of a store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __repr__(self) -> str:
        return f"StoreFrames({str(self._store.root)!r})"

    def runs(self) -> DataFrame:
        """The runs that were evaluated, the latest first."""
        return self.sql("SELECT * FROM runs ORDER BY created DESC, run")

    def metrics(self) -> DataFrame:
        """The metrics of all runs, a row a run, dataset and method, with a column a metric."""
        return _metrics(self._store)

    def sql(self, query: str, parameters: Sequence[Any] = ()) -> DataFrame:
        """The rows of a DuckDB query over the tables; `?` stands for a parameter. Raises StoreError for wrong SQL."""
        import pandas as pd

        table = self._store.arrow(query, parameters)  # in columns: two of them may have one name
        rows = zip(*(column.to_pylist() for column in table.columns), strict=True)
        return pd.DataFrame(list(rows), columns=table.column_names)

    def run(self, name: str) -> RunFrames:
        """A run by its id, or by the path of its experiment's YAML file. Raises ExportError and as `Run.open` does."""
        return RunFrames(open_run(name, self._store.root))


def open_store(path: Location | str) -> StoreFrames:
    """The results store in a folder or a bucket ("s3://bucket/prefix"). Raises StoreError where there is none."""
    store = Store.open(path)
    if not store.root.is_dir():
        raise StoreError(f"there is no results store at {path}: run an experiment first, or name another folder")
    return StoreFrames(store)


def _split(name: str) -> Split:
    if name not in list(Split):
        raise ExportError(f"there is no split {name!r}: {nearest(name, list(Split))}")
    return Split(name)


def _metrics(store: Store, shards: dict[Table, list[Location]] | None = None) -> DataFrame:
    import pandas as pd

    table = store.arrow("SELECT * FROM metrics ORDER BY run, dataset, split, method", shards=shards)
    rows = [unpacked(row) for row in table.to_pylist()]
    return pd.DataFrame(rows) if rows else _frame([], [name for name in table.column_names if name != "extra"])


def _frame(rows: Sequence[dict[str, Any]], columns: Sequence[str]) -> DataFrame:
    import pandas as pd

    return pd.DataFrame(list(rows), columns=list(columns))
