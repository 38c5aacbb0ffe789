"""The command that lists what a store has."""

from __future__ import annotations

from typing import Annotated

import typer

from raycal.cli.errors import print_result, user_errors
from raycal.cli.options import DEFAULT_STORE, AsJson, StoreRoot


def results_command(
    store: StoreRoot = DEFAULT_STORE,
    as_json: AsJson = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    sql: Annotated[str | None, typer.Option(help="Any DuckDB query over the tables instead.")] = None,
    sweep_name: Annotated[
        str | None, typer.Option("--sweep", metavar="NAME", help="The trials of a sweep instead, by its id or name.")
    ] = None,
) -> None:
    """List the runs in the store, a row a method, or a sweep's trials, or query its tables."""
    with user_errors():
        from raycal.cli.render import list_results, list_trials, results_table, trials_tables
        from raycal.cli.spreadsheet import to_csv

        if as_json and as_csv:
            raise ValueError("--json and --csv: choose one of them")
        if sql is not None and sweep_name is not None:
            raise ValueError("--sql and --sweep: choose one of them")
        rows = list_results(store, sql) if sweep_name is None else list_trials(store, sweep_name)
        if as_csv:
            typer.echo(to_csv(rows), nl=False)
        elif as_json:
            print_result(rows)
        else:
            shown = trials_tables(rows) if sweep_name else results_table(rows, all_columns=sql is not None)
            print_result(shown)
