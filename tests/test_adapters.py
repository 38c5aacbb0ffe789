"""The merged weights of a model that is replaced in place."""

from __future__ import annotations

from pathlib import Path

import pytest

from raycal.adapters import CONFIG, WEIGHTS
from raycal.config import ModelConfig
from raycal.models import find_model


def test_another_model_in_the_same_folder_has_other_merged_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, adapter = tmp_path / "model", tmp_path / "adapter"
    model.mkdir()
    adapter.mkdir()
    for name in (CONFIG, WEIGHTS):
        (adapter / name).write_text("{}")
    monkeypatch.setattr(Path, "is_dir", lambda _: True)  # as if all had been merged

    def merged(content: str) -> str:
        (model / "config.json").write_text(content)
        return find_model(ModelConfig(path=str(model), adapter=adapter)).merged_location

    one, other = merged("{}"), merged('{"layers": 2}')
    assert one != other
    assert merged("{}") == one
