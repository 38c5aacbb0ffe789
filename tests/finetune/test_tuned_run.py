"""One run with all that is fitted, on real engines: classifier, adapter, recalibration and combination, by jobs."""

from __future__ import annotations

import math

import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

from raycal.experiment.run import Run
from raycal.methods.fine_tuned import FineTuned
from raycal.models.prompts import CORRECTNESS, render
from raycal.questions.question import Split
from raycal.stages.answers import answered, conversation
from raycal.stages.finetune import adapter_folder, training_curve, training_rows
from raycal.stages.tuned_query import tuned_query
from raycal.store.schemas import Table

pytestmark = [pytest.mark.engine, pytest.mark.cluster]


def method_of(run: Run) -> FineTuned:
    (method,) = (one for one in run.experiment.methods if isinstance(one, FineTuned))
    return method


def test_every_method_has_its_row_and_covers_the_test_split(tuned: Run) -> None:
    rows = {row["method"]: row for row in tuned.store.rows("SELECT * FROM metrics WHERE run = ?", [tuned.id])}
    assert set(rows) == {method.label for method in tuned.experiment.methods}
    assert all(row["coverage"] == 1 and row["n"] > 0 for row in rows.values())


def test_the_last_evaluation_of_the_training_is_said(tuned: Run) -> None:
    last = training_curve(tuned, adapter_folder(tuned, method_of(tuned)).name)[-1]
    said = (tuned.store.root / "said.txt").read_text()
    assert f"fine-tune: {last['step']}/" in said
    assert f" steps, calibration loss {last['calibration_loss']:.3f}, ECE" in said


def test_the_engine_says_what_a_plain_peft_forward_says(tuned: Run) -> None:
    method, model = method_of(tuned), tuned.recipe.model
    base = AutoModelForCausalLM.from_pretrained(model.location, dtype=torch.float32)
    peft = PeftModel.from_pretrained(base, adapter_folder(tuned, method)).eval()
    tokenizer = AutoTokenizer.from_pretrained(model.location)
    no, yes = (tokenizer.encode(text)[-1] for text in (CORRECTNESS.no, CORRECTNESS.yes))
    query = tuned_query(tuned, method)
    shards = {Table.QUERIES: tuned.store.shards(Table.QUERIES, query.partition)}
    said = {row["answer_key"]: row["p_true"] for row in tuned.store.rows("SELECT * FROM queries", shards=shards)}
    rows = answered(tuned, [Split.CALIBRATION, Split.TEST])
    assert set(said) == {row.answer_key for row in rows}
    for row in rows[:8]:
        asked = conversation(tuned.recipe, vars(row), few_shot=False)
        tokens = render(CORRECTNESS.put(asked, row.answer), tokenizer, tuned.recipe.style)
        with torch.no_grad():
            logits = peft(torch.tensor([tokens])).logits[0, -1]
        p = 1 / (1 + math.exp(logits[no] - logits[yes]))
        assert said[row.answer_key] == pytest.approx(p, abs=1e-2)


def test_the_adapter_is_small_and_has_a_card_with_its_numbers(tuned: Run) -> None:
    folder = adapter_folder(tuned, method_of(tuned))
    assert sum(path.stat().st_size for path in folder.iterdir()) < 4e6
    card = (folder / "README.md").read_text()
    curve = tuned.store.rows("SELECT calibration_loss FROM training WHERE adapter = ?", [folder.name])
    losses = [row["calibration_loss"] for row in curve if row["calibration_loss"] is not None]
    assert f"{min(losses):.4f}" in card
    assert tuned.recipe.model.name in card


def test_training_sees_no_other_split(tuned: Run) -> None:
    trained = {row.question_id for row in training_rows(tuned, method_of(tuned))}
    others = {row.question_id for row in answered(tuned, [Split.CALIBRATION, Split.TEST])}
    assert trained
    assert not trained & others
