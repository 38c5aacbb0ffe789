"""Sampling speed, in one run on one machine and the same requests.

    a  raycal, from the engine's first batch to the last written shard
    b  bare vllm.LLM, n samples a request
    b' the same with all of vLLM in one process, which leaves raycal's way of starting the engine out of the comparison
    c  ray.data.llm, one row a sample (it keeps the first of n samples only)
    c' one row a sample through raycal's own replica, which tells what n samples a request save by themselves
    d  transformers generate

Engine and model start are left out of every time. Prints tokens a second and the ratios to raycal's.
"""

from __future__ import annotations

import argparse
import logging
import os
import tempfile
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pyarrow as pa

from raycal.cluster.precision import this_processor, with_native_dtype
from raycal.config.engine import Device, EngineConfig, ModelConfig, PromptStyle
from raycal.experiment.config import ElicitConfig, Samples
from raycal.experiment.ingest import ingest
from raycal.experiment.pending import WorkItem
from raycal.experiment.recipe import Recipe
from raycal.inference.runner import run_tasks
from raycal.inference.tasks import Row, TableRows, Task
from raycal.inference.vllm_backend import Engine
from raycal.inference.vllm_process import cpu_arguments, set_environment
from raycal.models.find import find_model
from raycal.models.prompts import messages, render
from raycal.questions.question import Split
from raycal.questions.sources.worldfacts import WorldFacts
from raycal.stages.elicit import Elicitor
from raycal.store.schemas import Table
from raycal.store.store import Store

MAX_TOKENS = 16
MODEL = ModelConfig()


@cache
def engine_config() -> EngineConfig:
    """The engine of every way, in this processor's dtype."""
    import torch

    device = Device.GPU if torch.cuda.is_available() else Device.CPU
    return with_native_dtype(EngineConfig(max_num_seqs=128), this_processor(device))


def engine_arguments() -> dict[str, Any]:
    """The same for vLLM."""
    engine = engine_config()
    return {
        "dtype": str(engine.dtype),
        "max_model_len": engine.max_model_len,
        "max_num_seqs": engine.max_num_seqs,
    }


@dataclass(frozen=True)
class Timed:
    """A task that notes when its first batch arrives, which is when the engine is up."""

    task: Task[Engine]
    note: Path

    @property
    def partitions(self) -> Mapping[Table, str]:
        return self.task.partitions

    def remaining(self, work: list[Row], store: Store) -> list[Row]:
        if not self.note.exists():
            self.note.write_text(str(time.time()))
        return self.task.remaining(work, store)

    async def ask(self, engine: Engine, row: Row) -> TableRows:
        return await self.task.ask(engine, row)


def through_raycal(work: list[WorkItem], recipe: Recipe) -> tuple[float, int]:
    """Seconds from the engine's first batch to the last written shard, and generated tokens."""
    import ray.data

    with tempfile.TemporaryDirectory() as folder:
        note = Path(folder) / "started"
        task = Timed(Elicitor(recipe), note)
        rows = pa.Table.from_pylist([vars(one) for one in work])
        tokens, ended = 0, 0.0
        reports = run_tasks(
            lambda: ray.data.from_arrow(rows),
            task,
            MODEL,
            engine_config(),
            Store(folder),
            run_id="bench",
            backend=Engine,
        )
        for done in reports:
            tokens, ended = tokens + done.generated_tokens, time.time()
        return ended - float(note.read_text()), tokens


def row_a_sample(work: list[WorkItem], recipe: Recipe) -> tuple[float, int]:
    """The same with one row of Ray Data a sample, each a request of its own."""
    k = recipe.config.samples.k
    single = Recipe(
        recipe.model,
        recipe.style,
        recipe.config.model_copy(update={"samples": recipe.config.samples.model_copy(update={"k": 1})}),
        (),
        recipe.seed,
        recipe.examples,
    )
    rows = [
        WorkItem(**vars(one) | {"question_id": f"{one.question_id}-{i}", "samples_key": f"{one.samples_key}-{i}"})
        for one in work
        for i in range(k)
    ]
    return through_raycal(rows, single)


def ray_data_llm(work: list[WorkItem], recipe: Recipe) -> tuple[float, int]:
    """ray.data.llm with its defaults, on the same engine arguments; from the first request to the last row."""
    import ray

    ray.shutdown()
    # Its stages ask for a CPU slot each and wait without end where there are fewer.
    ray.init(num_cpus=8, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    from ray.data.llm import build_processor, vLLMEngineProcessorConfig

    as_vllm_comes()
    config = vLLMEngineProcessorConfig(
        model_source=recipe.model.location,
        log_engine_metrics=False,
        placement_group_config={"bundles": [{"CPU": 1}]},
        engine_kwargs=engine_arguments() | cpu_arguments(),
        runtime_env={"env_vars": {name: value for name, value in os.environ.items() if name.startswith("VLLM_")}},
    )
    processor = build_processor(
        config,
        preprocess=lambda row: {"messages": row["messages"], "sampling_params": row["sampling_params"]},
        postprocess=lambda row: {
            "tokens": row["num_generated_tokens"],
            "began": time.time() - row["time_taken_llm"],
            "ended": time.time(),
        },
    )
    samples = recipe.config.samples
    rows = [
        {
            "messages": messages(recipe.asked(one.dataset, one.subject, one.question, one.choices)),
            "sampling_params": sampling_params(recipe, n=1, seed=recipe.sample_seed(one.question_id) + i),
        }
        for one in work
        for i in range(samples.k)
    ]
    done = processor(ray.data.from_items(rows)).take_all()
    ray.shutdown()
    seconds = max(row["ended"] for row in done) - min(row["began"] for row in done)
    return seconds, sum(row["tokens"] for row in done)


def sampling_params(recipe: Recipe, n: int, seed: int) -> dict[str, Any]:
    samples = recipe.config.samples
    return {
        "n": n,
        "temperature": samples.temperature,
        "top_p": samples.top_p,
        "max_tokens": MAX_TOKENS,
        "seed": seed,
        "stop": list(recipe.stop),
        "logprobs": 0,
    }


def prompts(work: list[WorkItem], recipe: Recipe, tokenizer: object) -> list[list[int]]:
    return [
        render(recipe.asked(one.dataset, one.subject, one.question, one.choices), tokenizer, recipe.style)
        for one in work
    ]


def as_vllm_comes() -> None:
    """The engine's environment, but for how many processes it is."""
    set_environment(engine_config(), Device.CPU)
    os.environ["VLLM_ENABLE_V1_MULTIPROCESSING"] = "1"


def bare_vllm(work: list[WorkItem], recipe: Recipe) -> tuple[float, int]:
    """vllm.LLM with n samples a request."""
    as_vllm_comes()
    return ask_llm(work, recipe)


def bare_vllm_in_one_process(work: list[WorkItem], recipe: Recipe) -> tuple[float, int]:
    """The same in a process whose OpenMP threads are there from its beginning, as they are in raycal's engine."""
    set_environment(engine_config(), Device.CPU)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(ask_llm, work, recipe).result()


def ask_llm(work: list[WorkItem], recipe: Recipe) -> tuple[float, int]:
    """Seconds and generated tokens of vllm.LLM."""
    from vllm import LLM, SamplingParams

    llm = LLM(recipe.model.location, **engine_arguments(), **cpu_arguments())
    k = recipe.config.samples.k
    params = [SamplingParams(**sampling_params(recipe, k, recipe.sample_seed(one.question_id))) for one in work]
    requests = [{"prompt_token_ids": ids} for ids in prompts(work, recipe, llm.get_tokenizer())]
    started = time.time()
    outputs = llm.generate(requests, params, use_tqdm=False)
    seconds = time.time() - started
    llm.llm_engine.engine_core.shutdown()
    return seconds, sum(len(one.token_ids) for output in outputs for one in output.outputs)


def transformers_generate(work: list[WorkItem], recipe: Recipe, batch: int = 16) -> tuple[float, int]:
    """model.generate with num_return_sequences, in batches sorted by length."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    torch.manual_seed(0)
    tokenizer = AutoTokenizer.from_pretrained(recipe.model.location, padding_side="left")
    model = AutoModelForCausalLM.from_pretrained(
        recipe.model.location, dtype=getattr(torch, engine_config().dtype)
    ).eval()
    samples = recipe.config.samples
    requests = sorted(prompts(work, recipe, tokenizer), key=len)
    tokens = 0
    started = time.time()
    for start in range(0, len(requests), batch):
        inputs = tokenizer.pad({"input_ids": requests[start : start + batch]}, return_tensors="pt")
        with torch.inference_mode():
            generated = model.generate(
                **inputs,
                do_sample=True,
                temperature=samples.temperature,
                top_p=samples.top_p,
                top_k=0,
                max_new_tokens=MAX_TOKENS,
                num_return_sequences=samples.k,
                stop_strings=list(recipe.stop),
                tokenizer=tokenizer,
                return_dict_in_generate=True,
                output_scores=True,
            )
        new = generated.sequences[:, inputs["input_ids"].shape[1] :]
        model.compute_transition_scores(generated.sequences, generated.scores, normalize_logits=True)
        tokens += int((new != tokenizer.pad_token_id).sum())
    return time.time() - started, tokens


def main() -> None:
    """Run the four ways one after another, raycal first and last to show the machine's drift."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("questions", type=int, nargs="?", default=200, help="how many (default: %(default)s)")
    parser.add_argument("samples", type=int, nargs="?", default=10, help="of each question (default: %(default)s)")
    arguments = parser.parse_args()
    questions, k = arguments.questions, arguments.samples
    with tempfile.TemporaryDirectory() as folder:
        found = ingest([WorldFacts()], [Split.TEST], 4, Store(folder))
        rows = list(
            Store(folder).rows("SELECT * FROM questions WHERE split = 'test' ORDER BY key LIMIT ?", [questions])
        )
    config = ElicitConfig(max_tokens=MAX_TOKENS, few_shot=4, samples=Samples(k=k, temperature=1.0, top_p=1.0))
    recipe = Recipe(find_model(MODEL), PromptStyle.AUTO, config, (), 0, found.examples)
    work = [
        WorkItem(
            question_id=row["key"],
            dataset=row["dataset"],
            subject=row["subject"],
            question=row["question"],
            choices=row["choices"],
            answer_key="",
            samples_key=row["key"],
            needs_answer=False,
            first_sample=0,
            queries=[],
        )
        for row in rows
    ]
    ways: dict[str, Callable[[list[WorkItem], Recipe], tuple[float, int]]] = {
        "a raycal": through_raycal,
        "b vllm.LLM": bare_vllm,
        "b' in one process": bare_vllm_in_one_process,
        "c ray.data.llm": ray_data_llm,
        "c' a row a sample": row_a_sample,
        "d transformers": transformers_generate,
        "a raycal again": through_raycal,
    }
    speeds = {}
    for name, way in ways.items():
        seconds, tokens = way(work, recipe)
        speeds[name] = len(work) * k / seconds
        print(f"{name:18} {seconds:7.1f} s {speeds[name]:7.1f} samples/s {tokens / seconds:7.1f} tokens/s", flush=True)
    raycal = (speeds["a raycal"] + speeds["a raycal again"]) / 2
    for name, speed in speeds.items():
        if not name.startswith("a "):
            print(f"raycal is {raycal / speed:.2f} times as fast as {name}")


if __name__ == "__main__":
    main()
