"""Experiment files that hold something else than is meant: each is refused with its name, or read as people read it."""

from __future__ import annotations

from pathlib import Path

import pytest

from raycal.experiment.config import Experiment
from raycal.experiment.file import ExperimentError, read_experiment
from raycal.sweep.config import read_sweep

NOT_PLAIN = "is no plain number"
NO_SWITCH = "write a number, and not true"
NO_NUMBER = "write true or false, and not"
# (id, the file's lines behind its name, what is said)
REFUSED = [
    ("octal", "seed: 010", "line 2: '010' " + NOT_PLAIN),
    ("octal with a sign", "methods: [{method: classifier, layer: -010}]", "line 2: '-010' " + NOT_PLAIN),
    ("octal by a tag", 'seed: !!int "010"', NOT_PLAIN),
    ("a zero in front of an eight", "seed: 008", "seed: '008' " + NOT_PLAIN),
    ("octal as a text", 'seed: "010"', "seed: '010' " + NOT_PLAIN),
    ("a zero and an underscore", "seed: 0_1", NOT_PLAIN),
    ("sexagesimal", "elicit: {max_tokens: 1:30}", NOT_PLAIN),
    ("sexagesimal fraction", "elicit: {samples: {temperature: 1:30.5}}", NOT_PLAIN),
    ("in a list", "methods: [{method: fine_tuned, layers: [1, 010]}]", NOT_PLAIN),
    ("in a nested method", "methods: [{method: recalibrated, of: {method: sampling, k: 010}}]", NOT_PLAIN),
    ("of a judge", "grade: {graders: [{grader: judge, engine: {batch_size: 0100}}]}", NOT_PLAIN),
    ("infinite", "methods: [{method: fine_tuned, learning_rate: .inf}]", "line 2: '.inf' " + NOT_PLAIN),
    ("none", "evaluate: {level: .nan}", NOT_PLAIN),
    ("infinite as a text", "elicit: {samples: {temperature: inf}}", "temperature: 'inf' " + NOT_PLAIN),
    ("beyond all numbers", "elicit: {samples: {temperature: 1e400}}", "finite number"),
    ("yes for a number", "questions: [{source: worldfacts, limit: yes}]", "questions.0.limit: " + NO_SWITCH),
    ("true for a number", "seed: true", "seed: " + NO_SWITCH),
    ("true for a fraction", "elicit: {samples: {temperature: on}}", NO_SWITCH),
    ("true in a list", "methods: [{method: fine_tuned, layers: [yes]}]", "methods.0.layers: " + NO_SWITCH),
    ("false for an optional one", "methods: [{method: sampling, k: no}]", "write a number, and not false"),
    ("a number for a boolean", "elicit: {first_line: 1}", "elicit.first_line: " + NO_NUMBER),
    ("a fraction for a boolean", "trainer: {offload: 0.0}", NO_NUMBER),
    ("a letter for a boolean", "trainer: {offload: y}", NO_NUMBER),
    ("a key twice", "seed: 1\nseed: 2", "found duplicate key seed"),
    ("a nested key twice", "elicit: {max_tokens: 1, max_tokens: 2}", "found duplicate key max_tokens"),
    ("a list without an end of itself", "questions: &a [*a]", "recursive aliases"),
    ("nested without an end", "questions: " + "[" * 3000 + "]" * 3000, "nested too deep"),
    (
        "aliases of aliases",
        "\n".join(f"x{i}: &x{i} [{', '.join([f'*x{i - 1}'] * 9) if i else 1}]" for i in range(9)),
        "",
    ),
    ("a strange key of no kind", "methods: [{method: classifier, entropy: {zz: 1}}]", "no key methods.0.entropy.zz"),
    (
        "a strange key of a strange kind",
        "methods: [{method: classifier, entropy: {method: x, zz: 1}}]",
        "entropy.method",
    ),
    ("code", "seed: !!python/object/apply:os.getpid []", "could not determine a constructor"),
]
PLAIN = [
    ("seed: 10", {"seed": 10}),
    ("seed: 1_000", {"seed": 1000}),
    ('seed: "5"', {"seed": 5}),
    ("seed: 0x10", {"seed": 16}),
    ("seed: 1e3", {"seed": 1000}),
    ("elicit: {first_line: no}", {"elicit": {"first_line": False}}),
    ('elicit: {first_line: "True", max_tokens: +5}', {"elicit": {"first_line": True, "max_tokens": 5}}),
    ("elicit: {samples: {temperature: 5e-1}}", {"elicit": {"samples": {"temperature": 0.5}}}),
    ("elicit: {samples: {temperature: 2}}", {"elicit": {"samples": {"temperature": 2.0}}}),
    ("model: {path: org/name, revision: abc}", {"model": {"path": "org/name", "revision": "abc"}}),
    ("seed: 3\nevaluate: {bins: '${seed}'}", {"seed": 3, "evaluate": {"bins": 3}}),
]
OVERRIDES = [
    ("octal", "seed=010", "--set seed=010: line 1: '010' " + NOT_PLAIN),
    ("octal inside", "elicit={max_tokens: 010}", NOT_PLAIN),
    ("a key twice", "elicit={max_tokens: 1, max_tokens: 2}", "--set elicit=.*duplicate key"),
    ("no key", "=5", "--set =5: write it as KEY=VALUE"),
    ("no YAML", "seed=[", r"--set seed=\["),
]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "mine.yaml"


@pytest.mark.parametrize(("lines", "message"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_what_is_not_meant_is_refused_by_the_name_of_the_file(file: Path, lines: str, message: str) -> None:
    file.write_text(f"name: x\n{lines}\n")
    with pytest.raises(ExperimentError) as raised:
        read_experiment(file)
    assert message in str(raised.value)
    assert all(line.startswith(f"{file}: ") for line in str(raised.value).splitlines())


@pytest.mark.parametrize(("lines", "options"), PLAIN)
def test_plain_spellings_stay_what_they_are(file: Path, lines: str, options: dict[str, object]) -> None:
    file.write_text(f"name: x\n{lines}\n")
    assert read_experiment(file) == Experiment.model_validate({"name": "x", **options})


@pytest.mark.parametrize(("override", "message"), [row[1:] for row in OVERRIDES], ids=[row[0] for row in OVERRIDES])
def test_overrides_are_read_as_files_are(file: Path, override: str, message: str) -> None:
    file.write_text("name: x")
    with pytest.raises(ExperimentError, match=rf"mine\.yaml: .*{message}"):
        read_experiment(file, [override])


@pytest.mark.parametrize("content", ["5", "true", "1.5", "[1, 2]", "text", "2020-01-01", "#" * (5 << 20)])
def test_a_file_that_is_no_experiment_is_refused_by_its_name(file: Path, content: str) -> None:
    file.write_text(content)
    with pytest.raises(ExperimentError, match=r"mine\.yaml: "):
        read_sweep(file)
