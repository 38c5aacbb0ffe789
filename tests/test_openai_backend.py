"""Models behind an OpenAI-compatible endpoint: a real server on loopback that answers, stalls, refuses and goes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest
from endpoint_server import Behavior, endpoint_server
from support import Raycal

from raycal.config.engine import Device, Endpoint, EngineConfig, ModelConfig, PromptStyle
from raycal.experiment.file import ExperimentError, read_experiment
from raycal.inference.backend import EngineStartError, Generation, GenerationError, Usage
from raycal.inference.openai_backend import OpenAIBackend
from raycal.models.find import find_model
from raycal.models.prompts import answer_prompt
from raycal.testing import check_backend

EXPERIMENT = """
name: endpoint
model: {{path: m, backend: openai, endpoint: {{base_url: "{url}"}}}}
questions: [{{source: worldfacts, limit: 24}}]
splits: [calibration, test]
elicit: {{max_tokens: 8, samples: {{k: 2}}}}
engine: {{batch_size: 4, batches_in_flight: 2, request_retries: 1, request_timeout_s: 10}}
methods: [{{method: verbalized}}, {{method: sampling}}, {{method: likelihood}}]
evaluate: {{replicates: 0}}
storage: {store}
"""


def backend(url: str, **options: Any) -> OpenAIBackend:
    endpoint = {name: options.pop(name) for name in ("api_key_env", "logprobs") if name in options}
    model = find_model(ModelConfig(path="m", backend="openai", endpoint=Endpoint(base_url=url, **endpoint)))
    return OpenAIBackend(model, EngineConfig(**options), Device.CPU, PromptStyle.AUTO)


def answers(asking: Coroutine[Any, Any, tuple[list[Generation], Usage]]) -> tuple[list[Generation], Usage]:
    return asyncio.run(asking)


@pytest.mark.parametrize("logprobs", [True, False])
def test_it_holds_what_raycal_relies_on(logprobs: bool) -> None:
    refused = answer_prompt("Which river?", (), ())
    with endpoint_server(Behavior({"river": [400]}, logprobs=logprobs)) as url:
        checked = check_backend(backend(url, logprobs=logprobs), logprobs=logprobs, next_token=False, refused=refused)
        asyncio.run(checked)


@pytest.mark.parametrize("fault", [429, 500, 503, "cut", "stall"])
def test_what_passes_is_tried_again_and_answered_once(fault: int | str) -> None:
    behavior = Behavior({"river": [fault]})
    with endpoint_server(behavior) as url:
        asked = answer_prompt("Which river?", (), ())
        generations, usage = answers(backend(url, request_timeout_s=1.0).generate(asked, max_tokens=8, n=2, seed=5))
    assert [one.finish_reason for one in generations] == ["stop", "stop"]
    assert all(len(one.logprobs) == len(one.text.split()) for one in generations)
    assert usage.prompt_tokens == 14
    seeds = {seed: count for (_, seed), count in behavior.answered.items()}
    assert seeds.keys() == {5, 6}
    if fault != "stall":  # who stalls answers in the end, to nobody
        assert set(seeds.values()) == {1}


@pytest.mark.parametrize(
    ("faults", "reason"), [([400], "status 400"), ([401], "status 401"), ([500] * 9, "status 500")]
)
def test_what_does_not_pass_is_a_failed_request_with_its_reason(faults: list[int | str], reason: str) -> None:
    with endpoint_server(Behavior({"river": faults})) as url, pytest.raises(GenerationError, match=reason):
        answers(backend(url, request_retries=1).generate(answer_prompt("Which river?", (), ()), max_tokens=8))


def test_a_server_that_is_not_there_is_a_failed_request() -> None:
    with endpoint_server(Behavior()) as url:
        pass
    with pytest.raises(GenerationError, match="did not answer"):
        answers(backend(url, request_retries=0).generate(answer_prompt("Which?", (), ()), max_tokens=8))


def test_the_key_comes_from_the_environment_and_is_in_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    behavior = Behavior({"river": [401]})
    with endpoint_server(behavior) as url:
        with pytest.raises(EngineStartError, match=r"the environment variable TOKEN_OF_MINE .* is not set"):
            backend(url, api_key_env="TOKEN_OF_MINE")
        monkeypatch.setenv("TOKEN_OF_MINE", "s3cret")
        engine = backend(url, api_key_env="TOKEN_OF_MINE")
        with pytest.raises(GenerationError) as refused:
            answers(engine.generate(answer_prompt("Which river?", (), ()), max_tokens=8))
    assert behavior.keys == {"Bearer s3cret"}
    assert "s3cret" not in str(refused.value)


def test_an_endpoint_without_log_probabilities_says_what_to_set() -> None:
    with endpoint_server(Behavior(logprobs=False)) as url:
        asked = answer_prompt("Which?", (), ())
        with pytest.raises(GenerationError, match=r"set model\.endpoint\.logprobs to false"):
            answers(backend(url).generate(asked, max_tokens=8))
        (answer,), _ = answers(backend(url, logprobs=False).generate(asked, max_tokens=8))
    assert answer.logprobs == ()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            ["methods=[{method: zero_shot}]"],
            "zero_shot needs log-probabilities of the next token, which the backend openai",
        ),
        (["methods=[{method: classifier}]"], "classifier needs hidden states, which the backend openai"),
        (["methods=[{method: fine_tuned, adapter: a}]"], "needs log-probabilities of the next token"),
        (["model.endpoint.logprobs=false"], "likelihood needs log-probabilities of what it generates"),
        (["model.endpoint=null"], "backend openai and endpoint go together"),
        (["model.backend=vllm"], "backend openai and endpoint go together"),
        (["model.backend=opnai"], "backend openai and endpoint go together"),
        (["model.adapter=a"], "an endpoint has its own weights"),
        (["model.prompt_style=base"], "continues no plain prompt"),
        (["model.endpoint.base_url=http://me:secret@host/v1"], "name the key by api_key_env"),
        (["model.endpoint.base_url=host:8000"], "write it as http://HOST:PORT/v1"),
    ],
)
def test_what_an_endpoint_cannot_do_is_refused_before_anything_is_asked(
    tmp_path: Path, settings: list[str], message: str
) -> None:
    path = tmp_path / "endpoint.yaml"
    path.write_text(EXPERIMENT.format(url="http://127.0.0.1:9/v1", store=tmp_path))
    with pytest.raises(ExperimentError, match=message):
        read_experiment(path, settings)


def test_where_it_is_decides_keys_and_how_it_is_asked_does_not(tmp_path: Path) -> None:
    def name(**options: Any) -> str:
        return str(find_model(ModelConfig(path="m", backend="openai", endpoint=Endpoint(**options))))

    assert (
        name(base_url="http://a/v1")
        == name(base_url="http://a/v1/", api_key_env="K", logprobs=False)
        == "m@http://a/v1"
    )
    assert name(base_url="http://b/v1") != name(base_url="http://a/v1")
    one, two = (Endpoint(base_url="http://a/v1", api_key_env=key).identity() for key in (None, "K"))
    assert one == two


@pytest.mark.ray
def test_a_run_whose_endpoint_goes_away_asks_again_what_failed_and_nothing_else(raycal: Raycal, tmp_path: Path) -> None:
    path, behavior = tmp_path / "endpoint.yaml", Behavior()
    with endpoint_server(behavior) as url:
        port = int(url.split(":")[-1].split("/")[0])
        path.write_text(EXPERIMENT.format(url=url, store=tmp_path / "store"))
        behavior.faults = {"?": [503] * 30}
        first = raycal("elicit", path)
    assert "failed rows" in first.stdout
    before = behavior.answered.copy()
    with endpoint_server(behavior, port):
        behavior.faults = {}
        again = raycal("run", path, "--retry-errors")
        assert "failed rows" not in again.stdout
    asked = {text for text, _ in behavior.answered if text.startswith("Answer with")}
    assert asked
    assert {
        text: count for (text, seed), count in before.items() if seed is None and "Answer with" in text
    }.items() <= {text: count for (text, seed), count in behavior.answered.items() if seed is None}.items(), (
        "a finished answer is not asked for again"
    )
    rows = json.loads(raycal("results", "--store", tmp_path / "store", "--json").stdout)
    assert {row["method"] for row in rows} == {"verbalized", "sampling", "likelihood"}
    assert {row["coverage"] for row in rows if row["method"] != "sampling"} == {1.0}
