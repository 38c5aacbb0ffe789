"""The kept rows under today's ids: `rewrite_ids.py OLD NEW` reads the folder OLD, writes NEW, and shows what changed.

Every run id is first computed as it was, and must come out so. Run ids follow from RUNS.experiment and METRICS.model: a
trial's run is the sweep's, with the trial's method, on the calibration split. The sweep's id is from jobs/sweep.yaml;
keys follow from these. Names of adapters stay: what they follow from, the graded answers, is not kept, and RUNS names
the folders by them. The rows of a table become one shard. Pages keep their text but for the ids; their pictures have 64
colors and five eighths of the size, which is 1.3 times the size at which a page shows them.
"""
# ruff: noqa: T201, S101

from __future__ import annotations

import base64
import json
import re
import shutil
import sqlite3
import sys
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

from raycal.config import METHOD, Experiment
from raycal.experiment_file import read_sweep
from raycal.keys import digest
from raycal.models import Model
from raycal.run import run_id
from raycal.schemas import SCHEMAS, Table
from raycal.store import Store
from raycal.sweep.names import elicited_experiment, sweep_id
from raycal.sweep.space import Space

Row = dict[str, Any]
OLD_SWEEP = "sweep-ab8a2425"
TABLES = (Table.RUNS, Table.METRICS, Table.COMPARISONS, Table.TRAINING, Table.TRIALS)
IDS = ("key", "run", "sweep")  # the columns that may change
PICTURE = re.compile(r"(?<=data:image/png;base64,)[A-Za-z0-9+/=]+")


def old_run_id(experiment: Mapping[str, Any], model: str) -> str:
    determining = {name: value for name, value in experiment.items() if name not in {"engine", "trainer", "storage"}}
    dumped = json.dumps(determining, separators=(",", ":"), ensure_ascii=False)
    return f"{experiment['name']}-{digest(dumped, model)[:8]}"


def new_run_id(experiment: Mapping[str, Any], model: str) -> str:
    name, _, revision = model.partition("@")
    return run_id(Experiment.model_validate(experiment), Model("", name, revision))


def new_sweep_id() -> str:
    file = read_sweep(Path("jobs/sweep.yaml"))
    experiment = elicited_experiment(file.experiment, Space.of(file.sweep.space, file.experiment))
    run = run_id(experiment, Model("", "smollm2-135m-instruct", "0.1.2"))
    return sweep_id(experiment.name, run, file.sweep)


def ids(rows: Mapping[Table, list[Row]]) -> dict[str, str]:
    """New ids by old ones."""
    models = {row["run"]: row["model"] for row in rows[Table.METRICS]}
    experiments = {row["run"]: json.loads(row["experiment"]) for row in rows[Table.RUNS]}
    (swept,) = (
        experiment
        for experiment in experiments.values()
        if (experiment["name"], experiment["evaluate"]["split"]) == ("sweep-best", "calibration")
    )
    for row in rows[Table.TRIALS]:
        method = METHOD.validate_json(row["config"]).model_dump(mode="json")
        assert method == json.loads(row["config"])
        experiments[row["run"]] = swept | {"name": "sweep", "methods": [method]}
    for run, experiment in experiments.items():
        assert old_run_id(experiment, models[run]) == run, run
    assert experiments.keys() == models.keys()
    print(f"{len(experiments)} old run ids follow from the rows")
    return {run: new_run_id(experiment, models[run]) for run, experiment in experiments.items()}


def key(table: Table, row: Row) -> str:
    match table:
        case Table.RUNS:
            return str(row["run"])
        case Table.METRICS:
            return digest("metrics", row["run"], row["dataset"], row["split"], row["method"])
        case Table.COMPARISONS:
            about = (row[name] for name in ("run", "dataset", "split", "method", "baseline", "metric"))
            return digest("comparison", *about)
        case Table.TRIALS:
            return digest(row["sweep"], row["number"])
        case _:
            return digest(row["adapter"], row["step"])


def read(store: Store) -> dict[Table, list[Row]]:
    return {table: list(store.rows(f"SELECT * FROM all_{table} ORDER BY key")) for table in TABLES}


def check(table: Table, before: list[Row], after: list[Row], new: Mapping[str, str]) -> None:
    """Row by row, in whichever order: all columns but the ids are equal, and the ids are those of the map."""
    kept = [name for name in SCHEMAS[table].names if name not in IDS]
    named = [name for name in IDS[1:] if name in SCHEMAS[table].names]
    expected = Counter(repr([row[name] for name in kept] + [new[row[name]] for name in named]) for row in before)
    assert Counter(repr([row[name] for name in kept + named]) for row in after) == expected, table
    moved = len({row["key"] for row in after} - {row["key"] for row in before})
    names = " and ".join(named) or "no ids"
    print(f"{table}: {len(after)} rows, {len(kept)} columns as before; {moved} keys, {names} new")


def smaller(png: bytes) -> bytes:
    picture = Image.open(BytesIO(png)).convert("RGB")
    size = (picture.width * 5 // 8, picture.height * 5 // 8)
    picture = picture.resize(size, Image.Resampling.LANCZOS).quantize(64, dither=Image.Dither.NONE)
    written = BytesIO()
    picture.save(written, "PNG", optimize=True)
    return written.getvalue()


def with_new_ids(text: str, new: Mapping[str, str]) -> str:
    for before, after in new.items():
        text = text.replace(before, after)
    return text


def rewrite_page(page: Path, to: Path, new: Mapping[str, str]) -> None:
    text = page.read_text()
    written = with_new_ids(PICTURE.sub(lambda found: smaller_text(found[0]), text), new)
    to.parent.mkdir(parents=True)
    to.write_text(written)
    before, after = (PICTURE.sub("", with_new_ids(some, new)) for some in (text, written))
    assert before == after
    print(
        f"{to.parent.parent.name}: {len(PICTURE.findall(text))} pictures; {len(after)} characters as before but for ids"
    )


def smaller_text(encoded: str) -> str:
    return base64.b64encode(smaller(base64.b64decode(encoded))).decode()


def main(old: Path, to: Path) -> None:
    before = read(Store(old))
    new = ids(before) | {OLD_SWEEP: new_sweep_id()}
    assert len({*new.values()}) == len(new)
    for table, rows in before.items():
        assert all(key(table, row) == row["key"] for row in rows), table
        renamed = [row | {name: new[row[name]] for name in IDS if name in row and row[name] in new} for row in rows]
        Store(to).write(table, "reference", [row | {"key": key(table, row)} for row in renamed])
    for name in [*sorted(row["run"] for row in before[Table.RUNS]), OLD_SWEEP]:
        print(f"{name} -> {new[name]}")
    for table, rows in read(Store(to)).items():
        check(table, before[table], rows, new)
    study = to / "sweeps" / new[OLD_SWEEP] / "study.db"
    study.parent.mkdir(parents=True)
    shutil.copy(old / "sweeps" / OLD_SWEEP / "study.db", study)
    with closing(sqlite3.connect(study)) as database:
        database.execute("UPDATE studies SET study_name = ?", [new[OLD_SWEEP]])
        database.commit()
        database.execute("VACUUM")
    for page in sorted(old.glob("reports/*/*/index.html")):
        rewrite_page(page, to / "reports" / new[page.parent.parent.name] / page.parent.name / page.name, new)
    (chart,) = old.glob("reports/reference-0-*/*/bar_chart.png")
    (to / "bar_chart.png").write_bytes(smaller(chart.read_bytes()))
    (to / "README.md").write_text(with_new_ids((old / "README.md").read_text(), new))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
