"""The examples in docstrings, which say what they claim. `tmp_path` is a folder that an example may write into."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest
from support import REPOSITORY

# By what stands in the files: to import every module would bring in vLLM and DeepSpeed.
MODULES = sorted(
    ".".join(path.relative_to(REPOSITORY).with_suffix("").parts).removesuffix(".__init__")
    for path in REPOSITORY.glob("raycal/**/*.py")
    if ">>> " in path.read_text(encoding="utf-8")
)


def test_there_are_examples() -> None:
    assert MODULES


@pytest.mark.parametrize("name", MODULES)
def test_examples_say_what_they_claim(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    finder = doctest.DocTestFinder(exclude_empty=True)
    module = importlib.import_module(name)
    examples = [test for test in finder.find(module, extraglobs={"tmp_path": tmp_path}) if test.examples]
    assert examples, f"{name} has >>> where doctest finds no example"
    report: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    for example in examples:
        runner.run(example, out=report.append)
    assert not runner.failures, "".join(report)
