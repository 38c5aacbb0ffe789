"""Nothing below the command line prints, nor imports what the command line prints with."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import raycal

PACKAGE = Path(raycal.__file__).parent
MODULES = {path.relative_to(PACKAGE): path for path in PACKAGE.rglob("*.py")}
BELOW = sorted(name for name in MODULES if name.parts[0] != "cli")
TERMINAL_LIBRARIES = {"click", "rich", "tqdm", "typer"}
STREAMS = {"sys.stdout", "sys.__stdout__"}


def printing(code: str) -> list[str]:
    """The imports, calls and streams of a module by which it could print."""
    return [part for node in ast.walk(ast.parse(code)) for part in _printing(node)]


def _printing(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Import(names=names):
            yield from (name.name for name in names if name.name.split(".")[0] in TERMINAL_LIBRARIES)
        case ast.ImportFrom(module=str(module)) if module.split(".")[0] in TERMINAL_LIBRARIES:
            yield module
        case ast.Call(func=ast.Name(id="print" | "pprint" as function)):
            yield function
        case ast.Attribute() if (stream := ast.unparse(node)) in STREAMS:
            yield stream


@pytest.mark.parametrize("name", BELOW, ids=str)
def test_a_module_below_the_command_line_does_not_print(name: Path) -> None:
    assert printing(MODULES[name].read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("code", "part"),
    [
        ("import rich.console", "rich.console"),
        ("def f():\n    from typer import echo", "typer"),
        ("if TYPE_CHECKING:\n    from rich.table import Table", "rich.table"),
        ("print('x')", "print"),
        ("import sys\nsys.stdout.write('x')", "sys.stdout"),
    ],
)
def test_what_prints_is_recognized(code: str, part: str) -> None:
    assert printing(code) == [part]
