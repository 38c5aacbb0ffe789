"""Metrics of files in every format, and one clear sentence for each that cannot be used."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from raycal.analysis import metrics_file
from raycal.analysis.metrics_file import MetricsReport, metrics_of_file
from raycal.analysis.scored_file import ScoredFileError
from raycal.cli.file_tables import metrics_table
from raycal.metrics import Binning, Convention, evaluate, evaluate_groups
from raycal.metrics.bootstrap import Bootstrap

P = [0.9, 0.3, 0.7, 0.55, 0.2, 1.0, 0.8, 0.1]
CORRECT = [True, False, True, True, False, False, True, False]
TOPICS = ["sea", "sea", "sky", "sky", "sea", "sky", "sea", "sky"]

Write = Callable[[Path], Path]


def as_csv(folder: Path) -> Path:
    path = folder / "rows.csv"
    lines = [f"{p},{'Yes' if right else 'no'},{topic}" for p, right, topic in zip(P, CORRECT, TOPICS, strict=True)]
    path.write_text("\n".join(["confidence,correct,topic", *lines]))
    return path


def as_jsonl(folder: Path) -> Path:
    path = folder / "rows.jsonl"
    rows = [
        {"topic": topic, "confidence": p, "correct": right if i % 2 else str(right)}
        for i, (p, right, topic) in enumerate(zip(P, CORRECT, TOPICS, strict=True))
    ]
    path.write_text("\n\n".join(json.dumps(row) for row in rows) + "\n")
    return path


def as_parquet(folder: Path) -> Path:
    path = folder / "rows.parquet"
    columns = {"confidence": pa.array(P, pa.float32()), "correct": pa.array(map(int, CORRECT)), "topic": TOPICS}
    pq.write_table(pa.table(columns), path)
    return path


def csv(folder: Path, text: str, name: str = "rows.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def shown(report: MetricsReport) -> str:
    console = Console(width=200)
    with console.capture() as capture:
        console.print(metrics_table(report))
    return capture.get()


# ------------------------------------------------------------------------------------------------------------- reading


@pytest.mark.parametrize("write", [as_csv, as_jsonl, as_parquet])
def test_every_format_gives_the_metrics_of_its_rows(tmp_path: Path, write: Write) -> None:
    report = metrics_of_file(write(tmp_path), group="topic", replicates=20, seed=3)
    assert (report.rows, report.graded, report.n, report.coverage) == (8, 8, 8, 1.0)
    assert report.metrics == evaluate(P, CORRECT)
    assert report.grouped == evaluate_groups(P, CORRECT, TOPICS)
    settings = Bootstrap(20, seed=3)
    assert report.intervals == settings.intervals(P, CORRECT)
    assert report.mean_intervals == settings.group_mean_intervals(P, CORRECT, TOPICS)
    assert report.notes == ()


def test_single_precision_does_not_move_a_confidence_from_its_edge(tmp_path: Path) -> None:
    # 0.7 in single precision is 0.69999999, which double precision puts below the edge.
    pq.write_table(
        pa.table({"confidence": pa.array([0.7, 0.75], pa.float32()), "correct": [1, 0]}), tmp_path / "rows.parquet"
    )
    assert metrics_of_file(tmp_path / "rows.parquet").metrics["ece"].value == pytest.approx(0.225)


def test_the_convention_is_passed_on(tmp_path: Path) -> None:
    report = metrics_of_file(as_csv(tmp_path), bins=5, convention=Convention.RIGHT_CLOSED, replicates=0)
    assert report.binning == Binning(Convention.RIGHT_CLOSED, 5)
    assert report.metrics == evaluate(P, CORRECT, bins=5, convention=Convention.RIGHT_CLOSED)
    assert (report.to_dict()["convention"], report.to_dict()["bins"]) == ("right_closed", 5)


def test_missing_confidences_count_against_coverage_and_ungraded_rows_do_not(tmp_path: Path) -> None:
    path = csv(tmp_path, "confidence,correct\n0.9,1\n,0\nNaN,1\nnull,1\n0.5,\n,\n0.2,0.0\n")
    report = metrics_of_file(path, replicates=0)
    assert (report.rows, report.graded, report.n, report.coverage) == (7, 5, 2, 0.4)
    assert report.metrics == evaluate([0.9, 0.2], [1, 0])
    assert report.notes == ("ungraded rows, which are left out: 2",)


def test_missing_confidences_in_json_and_parquet(tmp_path: Path) -> None:
    lines = csv(
        tmp_path, '{"confidence":null,"correct":1}\n{"correct":0}\n{"confidence":"0.25","correct":0}', "a.jsonl"
    )
    columns = {"confidence": [None, float("nan"), 0.25], "correct": [True, False, False]}
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")
    for path in (lines, tmp_path / "a.parquet"):
        report = metrics_of_file(path, replicates=0)
        assert (report.graded, report.n) == (3, 1)
        assert report.metrics["brier"].value == 0.0625


def test_a_file_without_any_confidence_has_reasons_instead_of_values(tmp_path: Path) -> None:
    report = metrics_of_file(csv(tmp_path, "confidence,correct\n,1\n,0\n"))
    assert report.coverage == 0
    assert {metric.reason for metric in report.metrics.values()} == {"there are no rows"}
    assert "there are no rows" in shown(report)
    ungraded = metrics_of_file(csv(tmp_path, "confidence,correct\n0.5,\n"))
    assert ungraded.coverage is None
    assert "coverage -" in shown(ungraded)


@pytest.mark.parametrize(
    "text",
    [
        'p,right\n0.25,yes\n"0.75","no"\n',
        "\ufeffp;right\r\n0.25;true\r\n\r\n0.75;False\r\n",
        "p\tright\n 0.25 \t1\n7.5e-1\t0",
        'right,note,p\n1,"several\nlines, ""quoted""",0.25\n0,,0.75\n',
        "P,p,right\nx,0.25,TRUE\ny,0.75,NO\n",
    ],
)
def test_csv_in_its_varieties(tmp_path: Path, text: str) -> None:
    csv(tmp_path, text.replace("0.25", "0.35"), "odd 1.csv")
    path = csv(tmp_path, text, "odd [1]*.csv")  # a pattern that fits the other
    report = metrics_of_file(path, confidence="p", correct="right", replicates=0)
    assert report.metrics == evaluate([0.25, 0.75], [1, 0])


def test_columns_may_have_any_name(tmp_path: Path) -> None:
    names = ('p "true"', "is.right", "select")
    pq.write_table(pa.table(dict(zip(names, (P, CORRECT, TOPICS), strict=True))), tmp_path / "a.parquet")
    rows = zip(P, CORRECT, TOPICS, strict=True)
    csv(tmp_path, "\n".join(json.dumps(dict(zip(names, row, strict=True))) for row in rows), "a.jsonl")
    for file in ("a.parquet", "a.jsonl"):
        report = metrics_of_file(tmp_path / file, confidence=names[0], correct=names[1], group=names[2], replicates=0)
        assert report.metrics == evaluate(P, CORRECT)
        assert report.grouped == evaluate_groups(P, CORRECT, TOPICS)


def test_rows_without_a_group_are_a_group(tmp_path: Path) -> None:
    report = metrics_of_file(csv(tmp_path, "confidence,correct,g\n0.9,1,\n0.2,0,b\n0.4,0,b\n"), group="g", replicates=0)
    assert report.grouped is not None
    assert report.grouped.sizes == {"(none)": 1, "b": 2}


def test_many_rows_keep_their_order(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    p = rng.random(300_000)
    correct, group = rng.random(300_000) < p, rng.integers(0, 3, 300_000)
    pq.write_table(pa.table({"confidence": p, "correct": correct, "group": group}), tmp_path / "a.parquet")
    report = metrics_of_file(tmp_path / "a.parquet", group="group", replicates=0)
    assert report.metrics == evaluate(p, correct)
    assert report.grouped == evaluate_groups(p, correct, group)
    p[200_000] = 1.5
    pq.write_table(pa.table({"confidence": p, "correct": correct}), tmp_path / "a.parquet")
    with pytest.raises(ScoredFileError, match=r"data row 200001: confidence is '1\.5'"):
        metrics_of_file(tmp_path / "a.parquet")


# -------------------------------------------------------------------------------------------------------- refused files


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("rows.csv", "", "rows.csv holds no rows"),
        ("rows.jsonl", "\n \n", "rows.jsonl holds no rows"),
        ("rows.csv", "confidence,correct\n", "rows.csv holds no rows"),
        ("rows.xlsx", "x", "rows.xlsx has no known format: name it .csv, .json, .jsonl, .ndjson, .parquet, .tsv"),
        ("rows.csv", "Confidense,correct\n0.1,1\n", "no column 'confidence': did you mean 'Confidense'?"),
        ("rows.jsonl", '{"confidence": 1}\n', "no column 'correct': There is: confidence"),
        ("rows.csv", "confidence,confidence,correct\n0.1,0.2,1\n", "several columns 'confidence'"),
        (
            "rows.csv",
            "x" * (1 << 18) + ",correct\n",
            "the header of .*rows.csv cannot be read: .* field larger",
        ),
        ("rows.csv", "confidence,correct\n0.1,1\nhigh,1\n", "data row 2: confidence is 'high', but must be a number"),
        ("rows.csv", "confidence,correct\n0.1,1\n0.2,1\n85,1\n", "row 3: confidence is '85'"),
        ("rows.csv", "confidence,correct\n-0.1,1\n", "row 1: confidence is '-0.1'"),
        ("rows.csv", "confidence,correct\ninf,1\n", "row 1: confidence is 'inf'"),
        ("rows.csv", 'confidence,correct\n"0,5",1\n', "row 1: confidence is '0,5'"),
        ("rows.csv", "confidence,correct\n0.1,maybe\n", "row 1: correct is 'maybe', but must be true or false"),
        ("rows.csv", "confidence,correct\n0.1,2\n", "row 1: correct is '2'"),
        ("rows.jsonl", '{"confidence": [0.1], "correct": 1}\n', "row 1: confidence is '[0.1]'"),
        ("rows.csv", "confidence,correct\n0.1,1\n0.1,1,7\n", "rows.csv, line 3: the row has 3 cells under 2 columns"),
        (
            "rows.csv",
            "confidence,correct\n0.1\n",
            "rows.csv can be read: the row has 1 cells under 2 columns",
        ),
        (
            "rows.jsonl",
            '{"confidence": 0.1, "correct": 1}\n\n{"confidence": 0.1,\n',
            "rows.jsonl, line 3: the line is not JSON",
        ),
        (
            "rows.jsonl",
            '{"confidence": 0.1, "correct": 1}\n[0.1, 1]\n',
            "rows.jsonl, line 2: the row is a list",
        ),
        ("rows.parquet", "not Parquet", "rows.parquet is not a Parquet file"),
    ],
)
def test_what_cannot_be_used_is_said_in_one_sentence(tmp_path: Path, name: str, text: str, message: str) -> None:
    path = csv(tmp_path, text, name)
    with pytest.raises(ScoredFileError) as caught:
        metrics_of_file(path)
    said = str(caught.value)
    assert "\n" not in said
    assert said.count(str(path)) >= 1
    caught.match(message.replace("[", r"\[").replace("?", r"\?"))


def test_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    for path in (tmp_path / "nope.csv", tmp_path):
        with pytest.raises(ScoredFileError, match=f"there is no file {path}"):
            metrics_of_file(path)


# ----------------------------------------------------------------------------------------------- replicates and output


def test_intervals_are_off_by_default_beyond_a_size_and_the_report_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = as_csv(tmp_path)
    monkeypatch.setattr(metrics_file, "MAX_ROWS_BY_DEFAULT", 7)
    report = metrics_of_file(path, group="topic")
    assert (report.intervals, report.mean_intervals) == ({}, {})
    assert "over 7 rows" in report.notes[0]
    asked = metrics_of_file(path, group="topic", replicates=10)
    assert asked.intervals
    assert asked.mean_intervals
    assert asked.notes == ()


def test_intervals_of_the_mean_are_off_by_default_over_many_groups(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics_file, "MAX_GROUPS_BY_DEFAULT", 1)
    report = metrics_of_file(as_csv(tmp_path), group="topic")
    assert report.intervals
    assert report.mean_intervals == {}
    assert "over 1 groups" in report.notes[0]


def test_a_thousand_replicates_are_the_default(tmp_path: Path) -> None:
    report = metrics_of_file(as_csv(tmp_path))
    interval = report.intervals["brier"]
    assert interval is not None
    assert (interval.replicates, interval.level) == (1000, 0.95)
    assert metrics_of_file(as_csv(tmp_path), replicates=0).intervals == {}


def test_the_dictionary_is_plain_json(tmp_path: Path) -> None:
    text = "confidence,correct,topic\n0.9,1,a\n0.2,0,a\n0.4,0,b\n,0,b\n"
    report = metrics_of_file(csv(tmp_path, text), group="topic", replicates=30)
    found: dict[str, Any] = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert (found["rows"], found["graded"], found["n"], found["coverage"]) == (4, 4, 3, 0.75)
    assert (found["convention"], found["bins"]) == ("equal_width", 10)
    brier = found["metrics"]["brier"]
    assert brier["interval"]["low"] <= brier["value"] <= brier["interval"]["high"]
    assert brier["interval"].keys() == {"low", "high", "level", "replicates", "left_out"}
    assert found["groups"]["b"]["n"] == 1
    assert found["groups"]["b"]["auroc"] == {"value": None, "reason": "no answer is correct"}
    assert found["group_mean"]["auroc"]["groups"] == 1
    assert found["group_mean"]["auroc"]["left_out"] == {"b": "no answer is correct"}
    assert "groups" not in metrics_of_file(csv(tmp_path, text), replicates=0).to_dict()


def test_the_table_shows_values_intervals_groups_and_notes(tmp_path: Path) -> None:
    text = "confidence,correct,topic\n0.9,1,[a]\n0.2,0,[a]\n0.4,0,b\n,0,b\n0.4,,b\n"
    report = metrics_of_file(csv(tmp_path, text), group="topic", replicates=30)
    table = shown(report)
    assert "coverage 75.0%, 3 of 4 graded rows have a confidence" in table
    assert "ece (equal_width, 10 bins)" in table
    interval = report.intervals["brier"]
    assert interval is not None
    assert f"0.070 [{interval.low:.3f}, {interval.high:.3f}]" in table
    assert "mean over 2 groups" in table
    assert "(1 left out)" in table
    assert "[a]" in table
    assert "note: ungraded rows, which are left out: 1" in table


def test_the_table_shows_the_largest_groups_only(tmp_path: Path) -> None:
    lines = [f"0.5,{k % 2},g{g:03}" for g in range(105) for k in range(2 if g > 4 else 1)]
    report = metrics_of_file(csv(tmp_path, "\n".join(["confidence,correct,g", *lines])), group="g", replicates=0)
    table = shown(report)
    assert "the 100 largest of 105 groups" in table
    assert "g104" in table
    assert "g004" not in table
