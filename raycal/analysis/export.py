"""A run's graded answers as a data set that `datasets.load_dataset` reads: a Parquet file a split, and a card."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.parquet as pq

from raycal.errors import RaycalError
from raycal.experiment.config import Experiment
from raycal.experiment.file import read_experiment
from raycal.experiment.run import Run
from raycal.models.prompts import CORRECTNESS_PROMPTS, Wording
from raycal.questions.question import Split
from raycal.stages.answers import GradedAnswer, answered
from raycal.stages.grade import grader_name
from raycal.store.locations import Location
from raycal.store.store import Store, StoreError
from raycal.text.suggest import nearest

_TEXTS = pa.list_(pa.string())
_SCHEMA = pa.schema(
    [
        ("question", pa.string()),
        ("choices", _TEXTS),  # empty: an open question
        ("answer", pa.string()),  # the model's
        ("correct", pa.bool_()),
        ("accepted", _TEXTS),
        ("dataset", pa.string()),
        ("subject", pa.string()),
        ("kind", pa.string()),
        ("question_id", pa.string()),
        ("answer_key", pa.string()),
        ("grader", pa.string()),
        ("model", pa.string()),
    ]
)


class ExportError(RaycalError, ValueError):
    """The graded answers cannot be written out; the message says why and what to do."""


@dataclass(frozen=True)
class ExportedSplit:
    """What became of a split's questions: n graded answers written, `correct` of them; the others left out."""

    split: str
    n: int
    correct: int
    ungraded: int  # answered, but without a grade
    failed: int  # without an answer

    @property
    def accuracy(self) -> float:
        """The share of the written answers that is correct, in [0, 1]."""
        return self.correct / self.n


def open_run(name: str, root: Location | str, overrides: Sequence[str] = ()) -> Run:
    """The run of an experiment file, or the one of this id that the store at `root` has in RUNS.

    A store may have been moved since the run, and may be anybody's: of a run's id, nothing is opened that it names
    elsewhere but the model, to see that it is the same. Raises ExportError where it has no such run, or where the run's
    model is another one by now; StoreError where there is no store; ExperimentError; and as Run.open does.
    """
    if Path(name).suffix.lower() in {".yaml", ".yml"}:
        return Run.open(read_experiment(Path(name), overrides))
    return _recorded(name, root)


def _recorded(run_id: str, root: Location | str) -> Run:
    store = Store.open(root)
    if not store.root.is_dir():
        raise StoreError(
            f"there is no results store at {root}: name one with --store, or give an experiment's YAML file"
        )
    known = {row["run"]: row["experiment"] for row in store.rows("SELECT run, experiment FROM runs")}
    if not known:
        raise ExportError(f"no run in the store {root} was evaluated yet: give the experiment's YAML file")
    if run_id not in known:
        raise ExportError(f"the store {root} has no run {run_id!r}: {nearest(run_id, known)}")
    experiment = Experiment.model_validate_json(known[run_id]).model_copy(update={"storage": store.root})
    run = Run.open_recorded(experiment, store)
    if run.id != run_id:
        raise ExportError(
            f"{run_id} was run on another model than {run.recipe.model}, which its experiment names now, or by a "
            "raycal whose options meant something else: give an experiment's YAML file"
        )
    return run


def export_graded(run: Run, folder: Path) -> list[ExportedSplit]:
    """Write the answers that the first grader has graded, a file a split, with a data set card.

    The folder appears whole or not at all. Raises ExportError where it holds something already, and where no answer is
    graded.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ExportError(f"{folder} is there already: name a new or empty folder with -o")
    asked = Counter(run.asked["split"].to_pylist())
    rows = {split: answered(run, [split]) for split in Split if asked[split]}
    splits = [_exported(split, asked[split], rows_of_split) for split, rows_of_split in rows.items()]
    splits = [split for split in splits if split.n]
    if not splits:
        raise ExportError(f"{run.id} has no graded answers in {run.store.root}: run the experiment first")
    folder = folder.resolve()  # "." cannot be replaced, and has itself as parent
    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder.parent, prefix=".raycal-") as aside:
        whole = Path(aside) / "whole"
        whole.mkdir()
        for split in splits:
            pq.write_table(_table(run, rows[Split(split.split)]), whole / f"{split.split}.parquet")
        (whole / "README.md").write_text(dataset_card(run, splits), encoding="utf-8")
        whole.replace(folder)
    return splits


def _exported(split: Split, asked: int, rows: Sequence[GradedAnswer]) -> ExportedSplit:
    grades = [row.correct for row in rows if row.correct is not None]
    return ExportedSplit(str(split), len(grades), sum(grades), len(rows) - len(grades), asked - len(rows))


def _table(run: Run, rows: Sequence[GradedAnswer]) -> pa.Table:
    common = {"grader": grader_name(run, run.experiment.grade.graders[0]), "model": str(run.recipe.model)}
    graded = [vars(row) | common for row in rows if row.correct is not None]
    return pa.Table.from_pylist(graded, schema=_SCHEMA)


_CARD = """\
---
license: unknown
task_categories: [question-answering]
tags: [raycal, calibration]
configs:
- config_name: default
  data_files:
{%- for one in splits %}
  - split: {{ one.split }}
    path: {{ one.split }}.parquet
{%- endfor %}
---

# Graded answers of {{ run.id }}

Questions, the answers that {{ run.recipe.model }} gave to them (greedily), and whether these are correct, graded by
{{ grader }}. Made with raycal, to teach and to test how sure a model should be of its answers. The licence is that of
the questions and of the model's output, which raycal does not know.

| split | graded answers | correct | left out: ungraded | left out: no answer |
|---|---|---|---|---|
{% for one in splits -%}
| {{ one.split }} | {{ one.n }} | {{ "%.1f" | format(100 * one.accuracy) }} % | {{ one.ungraded }} | {{ one.failed }} |
{% endfor %}
## Splits

A question's split follows from a hash of its text alone (50 % train, 15 % calibration, 35 % test; case, width and
spacing do not count). So no question is in two splits, in whatever data set or form it is asked: fit on train, tune and
recalibrate on calibration, and keep test for the numbers that you report.

## Columns

`question`, `choices` (empty for open questions), `accepted` (the accepted answers), `dataset`, `subject` and `kind` are
the question's; `answer` is the model's answer, `correct` its grade. `question_id` and `answer_key` are raycal's keys.

raycal fine-tunes on the question and the answer followed by this query, whose two choices stand for the grade:

{{ query | indent(4, first=true) }}
"""


def dataset_card(run: Run, splits: Sequence[ExportedSplit]) -> str:
    """Markdown under a YAML header that tells `datasets` which file is which split."""
    from jinja2 import Environment, StrictUndefined

    markdown = Environment(undefined=StrictUndefined, autoescape=False, keep_trailing_newline=True)  # noqa: S701
    template = markdown.from_string(_CARD)
    return template.render(
        run=run,
        splits=splits,
        grader=grader_name(run, run.experiment.grade.graders[0]),
        query=CORRECTNESS_PROMPTS[Wording.CHOICES].text,
    )
