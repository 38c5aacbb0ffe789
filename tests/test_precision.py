"""Which dtype models are run in, on processors of all kinds."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest
import ray
import torch
from echo import ray_of_its_own
from made_up_store import make_run

from raycal.cluster import precision
from raycal.cluster.connection import ClusterError, in_native_dtype
from raycal.cluster.precision import C, Processor, dtype_note, native_dtype, this_processor, with_native_dtype
from raycal.config.engine import Device, Dtype, EngineConfig
from raycal.config.trainer import TrainerConfig
from raycal.experiment.record import record_run
from raycal.experiment.run import Run
from raycal.store.schemas import Table

AVX2: dict[str, object] = {
    "avx2": True,
    "avx512_f": False,
    "avx512_bf16": False,
    "amx_bf16": False,
    "cpu_name": "AMD EPYC 7763",
}
AVX512_ALONE = AVX2 | {"avx512_f": True, "avx512_vnni": True}
NEON: dict[str, object] = {"neon": True, "bf16": True}
WITH_BFLOAT16 = [AVX512_ALONE | {"avx512_bf16": True}, AVX2 | {"amx_bf16": True}, NEON]


@pytest.fixture(autouse=True)
def never_warned() -> None:
    """A warning comes once a process."""
    precision._warn_emulated.cache_clear()


@pytest.mark.parametrize("capabilities", [AVX2, AVX512_ALONE, {"neon": True, "fp16_arith": True}, {}])
def test_a_cpu_without_bfloat16_takes_float32(capabilities: dict[str, object]) -> None:
    assert native_dtype(Processor.of_cpu(capabilities)) is Dtype.FLOAT32


@pytest.mark.parametrize("capabilities", WITH_BFLOAT16)
def test_a_cpu_that_computes_bfloat16_takes_it(capabilities: dict[str, object]) -> None:
    assert native_dtype(Processor.of_cpu(capabilities)) is Dtype.BFLOAT16


@pytest.mark.parametrize(
    ("capability", "dtype"),
    [((6, 0), "float16"), ((7, 0), "float16"), ((7, 5), "float16"), ((8, 0), "bfloat16"), ((10, 0), "bfloat16")],
)
def test_a_gpu_takes_bfloat16_from_an_a100_on_and_float16_before(capability: tuple[int, int], dtype: str) -> None:
    assert native_dtype(Processor.of_gpu("a GPU", capability)) == dtype


def test_this_machine_computes_float32() -> None:
    processor = this_processor(Device.CPU)
    assert processor.device is Device.CPU
    assert processor.name
    assert Dtype.FLOAT32 in processor.native


@pytest.mark.parametrize("config", [EngineConfig(), TrainerConfig()])
def test_auto_is_decided_and_all_else_stays(config: C) -> None:
    decided = with_native_dtype(config, Processor.of_cpu(AVX2))
    assert decided == config.model_copy(update={"dtype": Dtype.FLOAT32})


@pytest.mark.parametrize(
    ("config", "setting"),
    [(EngineConfig(dtype=Dtype.BFLOAT16), "engine.dtype"), (TrainerConfig(dtype=Dtype.BFLOAT16), "trainer.dtype")],
)
def test_an_emulated_dtype_that_was_asked_for_is_kept_and_warned_of_once(
    config: C, setting: str, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(2):
        assert with_native_dtype(config, Processor.of_cpu(AVX2)) == config
    (warning,) = caplog.messages
    assert warning == (
        f"{setting} is bfloat16, which AMD EPYC 7763 emulates, 4 to 10 times slower than float32: leave it at auto"
    )


@pytest.mark.parametrize("dtype", [Dtype.BFLOAT16, Dtype.FLOAT32])
def test_a_native_dtype_that_was_asked_for_is_kept_in_silence(dtype: Dtype, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    config = EngineConfig(dtype=dtype)
    assert with_native_dtype(config, Processor.of_cpu(WITH_BFLOAT16[0])) == config
    assert not caplog.messages


def test_what_is_said_gives_the_reason_where_auto_is_not_bfloat16() -> None:
    assert dtype_note(Dtype.AUTO, Dtype.BFLOAT16) == "in bfloat16"
    assert dtype_note(Dtype.FLOAT32, Dtype.FLOAT32) == "in float32"
    assert dtype_note(Dtype.AUTO, Dtype.FLOAT16) == "in float16 (bfloat16 is not native on this processor)"


def test_a_run_records_what_it_was_computed_in_and_old_rows_name_nothing(tmp_path: Path) -> None:
    _, run = make_run(tmp_path, 12)
    assert recorded_precision(run) == {}
    answered = {row["key"] for row in run.store.rows("SELECT key FROM answers WHERE error IS NULL")}
    asked = run.asked.to_pylist()
    left = [row for row in asked if row["answer_key"] not in answered][:2]
    for row, dtype in zip(left, ("float32", "bfloat16"), strict=True):
        answer = {"key": row["answer_key"], "question_id": row["question_id"], "text": "7", "dtype": dtype}
        run.store.write(Table.ANSWERS, run.recipe.partitions[Table.ANSWERS], [answer])
    record_run(run, {}, {Table.TRAINING: {"float32"}, Table.FEATURES: set()})
    assert recorded_precision(run) == {"answers": ["bfloat16", "float32"], "training": ["float32"]}


def recorded_precision(run: Run) -> dict[str, list[str]]:
    (row,) = run.store.rows("SELECT precision FROM runs")
    return dict(json.loads(row["precision"]))


@pytest.mark.ray
def test_a_node_that_has_the_device_decides_and_one_that_never_comes_is_a_sentence() -> None:
    with ray_of_its_own():
        decided = in_native_dtype(EngineConfig(), Device.CPU, 300)
        assert decided.dtype is native_dtype(this_processor(Device.CPU))
        with pytest.raises(ClusterError, match="no node with a GPU was there within 1 seconds"):
            in_native_dtype(EngineConfig(), Device.GPU, 1)


@pytest.mark.ray
@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a torch without a GPU")
def test_a_gpu_that_torch_does_not_know_is_a_sentence() -> None:
    ray.init(num_cpus=1, num_gpus=1, include_dashboard=False)
    try:
        with pytest.raises(ClusterError, match=r"cannot tell what its GPU computes natively .*: set engine\.dtype"):
            in_native_dtype(EngineConfig(), Device.GPU, 300)
    finally:
        ray.shutdown()


def test_float32_asks_no_cluster() -> None:
    config = EngineConfig(dtype=Dtype.FLOAT32)
    assert in_native_dtype(config, Device.GPU, 1) is config
