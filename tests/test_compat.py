"""The private interfaces that raycal uses of libraries are still there, and do what they did."""

from __future__ import annotations

import logging
from typing import Any

import optuna
import pytest

from raycal._compat.deepspeed import without_compiled_ops
from raycal._compat.optuna import storage_of
from raycal._compat.peft import with_layer
from raycal._compat.ray import execution_callback, quiet_job_client, without_study
from raycal._compat.transformers import takes_attention
from raycal._compat.vllm import async_engine, bound_threads, engine_errors


def test_a_study_opens_again_by_its_storage() -> None:
    study = optuna.create_study(study_name="x")
    study.add_trial(optuna.trial.create_trial(value=1.0))
    again = optuna.load_study(study_name="x", storage=storage_of(study))
    assert [trial.value for trial in again.trials] == [1.0]


@pytest.mark.ray
def test_ray_data_calls_back_at_every_step_and_raises_what_that_raises() -> None:
    import ray
    from ray.data import DataContext

    steps: list[int] = []
    context = DataContext.get_current().copy()
    context.custom_execution_callback_classes = [execution_callback(lambda: steps.append(1))]
    ray.init(num_cpus=1, include_dashboard=False)
    try:
        with DataContext.current(context):
            assert ray.data.range(3).take_all() == [{"id": 0}, {"id": 1}, {"id": 2}]
        assert steps

        def end() -> None:
            raise KeyError("enough")

        context.custom_execution_callback_classes = [execution_callback(end)]
        with DataContext.current(context), pytest.raises(KeyError, match="enough"):
            ray.data.range(3).take_all()
    finally:
        ray.shutdown()


@pytest.mark.ray
def test_a_search_of_ray_tune_holds_its_database_where_it_is_taken_out() -> None:
    from ray.tune.search.optuna import OptunaSearch

    search = OptunaSearch(lambda trial: {}, metric="x", mode="min", storage=storage_of(optuna.create_study()))
    assert {"_storage", "_ot_study"} <= search.__dict__.keys()
    state = without_study(search.__dict__)
    assert (state["_storage"], state["_ot_study"]) == (None, None)
    assert state.keys() == search.__dict__.keys()


@pytest.mark.ray
def test_the_job_client_logs_where_it_is_silenced() -> None:
    from ray._private.runtime_env import packaging
    from ray.dashboard.modules import dashboard_sdk
    from ray.dashboard.modules.job import sdk

    quiet_job_client()
    for module in (packaging, dashboard_sdk, sdk):
        assert logging.getLogger(module.__name__).level == logging.WARNING


@pytest.mark.engine
def test_vllm_has_its_engine_its_errors_and_its_threads() -> None:
    dead, refused = engine_errors()
    assert issubclass(dead, Exception)
    assert issubclass(refused, Exception)
    assert callable(async_engine().from_vllm_config)
    with pytest.raises(AttributeError, match=r"parallel_config|cache_config|model_config"):
        bound_threads(None)  # reads vLLM's configuration of an engine


@pytest.mark.engine
def test_deepspeed_finds_no_kernels_to_compile() -> None:
    import deepspeed
    from deepspeed.ops.op_builder.all_ops import ALL_OPS

    assert deepspeed.ops.__compatible_ops__.keys() == ALL_OPS.keys()
    without_compiled_ops()
    assert deepspeed.ops.__compatible_ops__ == {}


@pytest.mark.engine
def test_peft_takes_a_layer_of_ours_and_transformers_says_which_attention_it_takes() -> None:
    import torch
    from peft import LoraConfig, get_peft_model
    from peft.tuners.lora import Linear
    from transformers import LlamaConfig, LlamaForCausalLM

    class Ours(Linear):  # type: ignore[misc]
        pass

    sizes: dict[str, Any] = {"hidden_size": 8, "intermediate_size": 8, "num_attention_heads": 2, "vocab_size": 16}
    model = LlamaForCausalLM(LlamaConfig(**sizes, num_hidden_layers=1))
    assert takes_attention(model)
    config = LoraConfig(r=1, target_modules=["q_proj"])
    with_layer(config, torch.nn.Linear, Ours)
    adapted = get_peft_model(model, config)
    assert [type(module) for name, module in adapted.named_modules() if name.endswith("q_proj")] == [Ours]
