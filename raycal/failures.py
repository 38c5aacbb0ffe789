"""How many of a run's rows failed, without a look at those that did not."""

from __future__ import annotations

from raycal.asked import IDENTITY, cells, each_once
from raycal.run import Run
from raycal.schemas import SCHEMAS, Table


def failures(run: Run) -> dict[Table, int]:
    """How many of the run's rows in each generated table failed and have not been made since."""
    failed = {table: _failed(run, table) for table in run.recipe.partitions}
    counts = dict.fromkeys(failed, 0)
    if not any(failed.values()):
        return counts
    for block in each_once(run.asked_blocks()):
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
