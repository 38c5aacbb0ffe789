"""Every mapping, on folders with the columns and types of the hub's datasets; nothing is fetched."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hub_rows import MORE_ROWS, MORE_SCHEMAS, Expected

from raycal.questions import BadRow, Kind, Question, QuestionSourceError, Split, load
from raycal.questions.items import NEEDS_CHOICES
from raycal.questions.sources.hub import HubDataset
from raycal.questions.sources.hub_mappings import MAPPINGS

datasets = pytest.importorskip("datasets", reason="the extra `hub` is not installed")

TEXTS = pa.list_(pa.string())
LABELLED = pa.struct([("text", TEXTS), ("label", TEXTS)])
TARGETS = pa.struct([("choices", TEXTS), ("labels", pa.list_(pa.int32()))])
SCHEMAS: dict[str, dict[str, pa.DataType]] = {
    "mmlu": {"question": pa.string(), "subject": pa.string(), "choices": TEXTS, "answer": pa.int64()},
    "arc": {"id": pa.string(), "question": pa.string(), "choices": LABELLED, "answerKey": pa.string()},
    "openbookqa": {"id": pa.string(), "question_stem": pa.string(), "choices": LABELLED, "answerKey": pa.string()},
    "sciq": dict.fromkeys(
        ("question", "distractor3", "distractor1", "distractor2", "correct_answer", "support"), pa.string()
    ),
    "commonsense_qa": {
        "id": pa.string(),
        "question": pa.string(),
        "question_concept": pa.string(),
        "choices": LABELLED,
        "answerKey": pa.string(),
    },
    "boolq": {"question": pa.string(), "answer": pa.bool_(), "passage": pa.string()},
    "truthful_qa": {
        "type": pa.string(),
        "category": pa.string(),
        "question": pa.string(),
        "best_answer": pa.string(),
        "correct_answers": TEXTS,
        "incorrect_answers": TEXTS,
        "source": pa.string(),
    },
    "truthful_qa_mc": {"question": pa.string(), "mc1_targets": TARGETS, "mc2_targets": TARGETS},
    "trivia_qa": {
        "question": pa.string(),
        "question_id": pa.string(),
        "question_source": pa.string(),
        "entity_pages": pa.struct([("doc_source", TEXTS), ("filename", TEXTS), ("title", TEXTS)]),
        "answer": pa.struct(
            [
                ("aliases", TEXTS),
                ("normalized_aliases", TEXTS),
                ("matched_wiki_entity_name", pa.string()),
                ("normalized_value", pa.string()),
                ("type", pa.string()),
                ("value", pa.string()),
            ]
        ),
    },
    "nq_open": {"question": pa.string(), "answer": TEXTS},
    "winogrande": dict.fromkeys(("sentence", "option1", "option2", "answer"), pa.string()),
    "gsm8k": {"question": pa.string(), "answer": pa.string()},
    **MORE_SCHEMAS,
}

# One row of each dataset, and what it is as a question.
ROWS: dict[str, tuple[dict[str, Any], Expected]] = {
    "mmlu": (
        {"question": "What is 2 + 2?", "subject": "sums", "choices": ["1", "4", "5", "0"], "answer": 1},
        ("What is 2 + 2?", ("1", "4", "5", "0"), ("4",), "sums", {}),
    ),
    "arc": (
        {
            "id": "x1",
            "question": "What do bees make?",
            "choices": {"text": ["honey", "silk", "milk"], "label": ["1", "2", "3"]},
            "answerKey": "1",
        },
        ("What do bees make?", ("honey", "silk", "milk"), ("honey",), "", {"id": "x1"}),
    ),
    "openbookqa": (
        {
            "id": "7-980",
            "question_stem": "The sun is responsible for",
            "choices": {"text": ["puppies", "plants growing"], "label": ["A", "B"]},
            "answerKey": "B",
        },
        ("The sun is responsible for", ("puppies", "plants growing"), ("plants growing",), "", {"id": "7-980"}),
    ),
    "sciq": (
        {
            "question": "What gas do plants take in?",
            "distractor3": "helium",
            "distractor1": "oxygen",
            "distractor2": "neon",
            "correct_answer": "carbon dioxide",
            "support": "Plants take in carbon dioxide.",
        },
        ("What gas do plants take in?", ("neon", "oxygen", "helium", "carbon dioxide"), ("carbon dioxide",), "", {}),
    ),
    "commonsense_qa": (
        {
            "id": "q1",
            "question": "Where do you keep milk?",
            "question_concept": "milk",
            "choices": {"label": ["A", "B", "C"], "text": ["oven", "bed", "refrigerator"]},
            "answerKey": "C",
        },
        ("Where do you keep milk?", ("oven", "bed", "refrigerator"), ("refrigerator",), "milk", {"id": "q1"}),
    ),
    "boolq": (
        {"question": "is the sea salty", "answer": False, "passage": "The sea of that moon is fresh."},
        ("The sea of that moon is fresh.\n\nis the sea salty?", ("yes", "no"), ("no",), "", {}),
    ),
    "truthful_qa": (
        {
            "type": "Adversarial",
            "category": "Myths",
            "question": "What happens if you swallow gum?",
            "best_answer": "It passes through",
            "correct_answers": ["It passes through", "Nothing"],
            "incorrect_answers": ["It stays for years"],
            "source": "somewhere",
        },
        (
            "What happens if you swallow gum?",
            (),
            ("It passes through", "Nothing"),
            "Myths",
            {"incorrect_answers": ["It stays for years"]},
        ),
    ),
    "truthful_qa_mc": (
        {
            "question": "What is the smallest country?",
            "mc1_targets": {"choices": ["Vatican City", "Nauru", "Monaco", "Malta"], "labels": [1, 0, 0, 0]},
            "mc2_targets": {"choices": ["Vatican City", "Nauru"], "labels": [1, 0]},
        },
        ("What is the smallest country?", ("Malta", "Vatican City", "Nauru", "Monaco"), ("Vatican City",), "", {}),
    ),
    "trivia_qa": (
        {
            "question": "Who sang Thriller?",
            "question_id": "tc_1",
            "question_source": "web",
            "entity_pages": {"doc_source": [], "filename": [], "title": []},
            "answer": {
                "aliases": ["Michael Jackson", "Jacko"],
                "normalized_aliases": ["michael jackson"],
                "matched_wiki_entity_name": "",
                "normalized_value": "michael jackson",
                "type": "WikipediaEntity",
                "value": "Michael Jackson",
            },
        },
        ("Who sang Thriller?", (), ("Michael Jackson", "Jacko"), "", {"id": "tc_1"}),
    ),
    "nq_open": (
        {"question": "when did the titanic sink", "answer": ["1912", "15 April 1912"]},
        ("when did the titanic sink", (), ("1912", "15 April 1912"), "", {}),
    ),
    "winogrande": (
        {"sentence": "The bag did not fit because _ was big.", "option1": "shelf", "option2": "bag", "answer": "2"},
        ("What fills the blank? The bag did not fit because _ was big.", ("shelf", "bag"), ("bag",), "", {}),
    ),
    "gsm8k": (
        {"question": "Ann has 1,000 pears and buys 200.", "answer": "1000 + 200 = <<1000+200=1200>>1200\n#### 1,200"},
        (
            "Ann has 1,000 pears and buys 200.",
            (),
            ("1200", "1,200"),
            "",
            {"rationale": "1000 + 200 = <<1000+200=1200>>1200"},
        ),
    ),
    **MORE_ROWS,
}


@pytest.fixture(autouse=True)
def _no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    datasets.disable_progress_bars()
    yield
    datasets.enable_progress_bars()


def describe(path: Path, *configs: str) -> None:
    """The hub's description of a folder: configurations whose splits are its Parquet files, dev's name kept."""
    lines = []
    for config in configs:
        lines += [f"- config_name: {config}", "  data_files:"]
        for file in sorted(path.rglob("*.parquet")):
            if len(configs) == 1 or file.parent.name == config:
                lines += [f"  - split: {file.stem.partition('-')[0]}", f"    path: {file.relative_to(path)}"]
    (path / "README.md").write_text("\n".join(["---", "configs:", *lines, "---", ""]), encoding="utf-8")


def folder(path: Path, name: str, *rows: dict[str, Any], split: str | None = None) -> Path:
    """A folder as the hub has it: a Parquet file with the rows, and an example where the mapping shows examples."""
    path = path / name
    path.mkdir(exist_ok=True)
    mapping = MAPPINGS[name]
    parts = {split or mapping.split: rows}
    if split is None and mapping.few_shot is not None:
        parts[mapping.few_shot] = (rows[0] | {"question": "An example?"},)
    for part, part_rows in parts.items():
        table = pa.Table.from_pylist(list(part_rows), schema=pa.schema(list(SCHEMAS[name].items())))
        pq.write_table(table, path / f"{part}-00000-of-00001.parquet")
    describe(path, mapping.config or "default")
    return path


def read(name: str, path: Path | str, **settings: Any) -> tuple[list[Question], list[BadRow]]:
    rows = list(load(HubDataset(source="hub", name=name, path=str(path), **settings)))
    return [row for row in rows if isinstance(row, Question)], [row for row in rows if isinstance(row, BadRow)]


def test_every_mapping_is_tested() -> None:
    assert set(ROWS) == set(SCHEMAS) == set(MAPPINGS)


@pytest.mark.parametrize("name", MAPPINGS)
def test_a_row_of_every_dataset_becomes_its_question(tmp_path: Path, name: str) -> None:
    row, (text, choices, answers, subject, metadata) = ROWS[name]
    (*examples, question), bad = read(name, folder(tmp_path, name, row))
    assert (question.dataset, question.kind) == (name, Kind.CHOICE if choices else Kind.OPEN)
    assert (question.question, question.choices, question.answers) == (text, choices, answers)
    assert (question.subject, question.metadata) == (subject, metadata)
    assert [example.question for example in examples] == ["An example?"] * (name == "mmlu")
    assert bad == []


@pytest.mark.parametrize("name", [name for name, mapping in MAPPINGS.items() if len(mapping.kinds) > 1])
def test_a_choice_dataset_can_be_asked_open_ended(tmp_path: Path, name: str) -> None:
    row, (text, _, answers, *_) = ROWS[name]
    (*_, question), _ = read(name, folder(tmp_path, name, row), kind=Kind.OPEN)
    assert (question.kind, question.question, question.answers, question.choices) == (Kind.OPEN, text, answers, ())


@pytest.mark.parametrize("name", MAPPINGS)
def test_a_row_with_empty_cells_is_malformed_and_the_rest_goes_on(tmp_path: Path, name: str) -> None:
    split = MAPPINGS[name].few_shot or MAPPINGS[name].split  # a few-shot split that is asked is not shown as well
    path = folder(tmp_path, name, dict.fromkeys(SCHEMAS[name]), ROWS[name][0], split=split)
    questions, bad = read(name, path, hub_split=split)
    assert [question.question for question in questions] == [ROWS[name][1][0]]
    assert [row.location for row in bad] == [f"{name}/{split}:1"]


def test_a_label_that_names_no_choice_is_malformed(tmp_path: Path) -> None:
    row = ROWS["arc"][0] | {"answerKey": "D"}
    _, [bad] = read("arc", folder(tmp_path, "arc", row))
    assert bad.error == "the answer 'D' is not one of 1, 2, 3"


def test_questions_that_need_their_choices_are_left_out_when_asked_open_ended(tmp_path: Path) -> None:
    row = ROWS["arc"][0] | {"question": "Which of these do bees make?"}
    questions, [bad] = read("arc", folder(tmp_path, "arc", row), kind=Kind.OPEN)
    assert (questions, bad.error) == ([], NEEDS_CHOICES)


def test_few_shot_rows_come_first_whatever_the_limit(tmp_path: Path) -> None:
    rows = [ROWS["mmlu"][0] | {"question": f"question {n}?"} for n in range(5)]
    folder(tmp_path, "mmlu", *rows[:2], split="dev")
    questions, _ = read("mmlu", folder(tmp_path, "mmlu", *rows[2:], split="test"), limit=2)
    assert [question.question for question in questions] == [f"question {n}?" for n in range(4)]
    assert [question.split is Split.FEW_SHOT for question in questions] == [True, True, False, False]


def test_another_split_and_configuration_can_be_named(tmp_path: Path) -> None:
    for config in ("ARC-Easy", "ARC-Challenge"):
        (tmp_path / config).mkdir()
        table = pa.Table.from_pylist([ROWS["arc"][0] | {"question": config}], schema=pa.schema(SCHEMAS["arc"].items()))
        pq.write_table(table, tmp_path / config / "train-00000-of-00001.parquet")
    describe(tmp_path, "ARC-Easy", "ARC-Challenge")
    [challenge], _ = read("arc", tmp_path, hub_split="train")
    [easy], _ = read("arc", tmp_path, hub_split="train", config="ARC-Easy")
    assert (challenge.question, easy.question) == ("ARC-Challenge", "ARC-Easy")
    with pytest.raises(QuestionSourceError, match="ARC-Hard"):
        read("arc", tmp_path, config="ARC-Hard")


def test_a_plain_folder_of_json_lines_needs_no_configuration(tmp_path: Path) -> None:
    row = {"question": "Ann has a pear.", "answer": "1\n#### 1"}
    (tmp_path / "test.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    [question], _ = read("gsm8k", tmp_path)
    assert question.answers == ("1",)


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("arcs", {}, "there is no mapping for the dataset 'arcs': did you mean 'arc'"),
        ("truthful_qa", {"kind": Kind.CHOICE}, "truthful_qa has no choice questions: set kind to open"),
        ("winogrande", {"kind": Kind.OPEN}, "winogrande has no open questions: set kind to choice"),
        ("nq_open", {"hub_split": "valid"}, 'cannot be loaded: .*split "valid"'),
        ("nq_open", {"config": "none"}, "cannot be loaded: .*'none'"),
        (
            "arc",
            {"hub_split": "validation", "config": "default"},
            "has no column 'choices.label': .*There is: answer, question",
        ),
        ("nq_open", {"hub_split": "validation[:0]"}, r"validation\[:0\]\) cannot be loaded: .*no data"),
        ("nq_open", {"path": "nowhere/at_all"}, r"nowhere/at_all \(default, validation\) cannot be loaded"),
    ],
)
def test_a_source_at_fault_is_refused_before_the_first_question(
    tmp_path: Path, name: str, settings: dict[str, Any], message: str
) -> None:
    path = folder(tmp_path, "nq_open", ROWS["nq_open"][0])
    source = HubDataset.model_validate({"source": "hub", "name": name, "path": str(path), **settings})
    with pytest.raises(QuestionSourceError, match=message):
        load(source)


def test_a_broken_file_is_named_with_what_is_wrong_with_it(tmp_path: Path) -> None:
    (tmp_path / "validation.parquet").write_bytes(b"PAR1")
    with pytest.raises(QuestionSourceError, match=r"\(default, validation\) cannot be loaded: .*Parquet"):
        read("nq_open", tmp_path)


def test_without_the_package_the_error_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(QuestionSourceError, match=r"pip install 'raycal\[hub\]'"):
        load(HubDataset(source="hub", name="arc", path=str(tmp_path)))
