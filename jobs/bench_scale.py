"""How far the pipeline scales where the engine is no limit: its latency is simulated, everything else is real.

Questions in a JSONL file, ten samples each, through Ray Data into the store: prompts are rendered to tokens, batches
are written, and what is there is found again. An engine answers a request after LATENCY_S, whatever else it has to do,
so that a replica alone asks at a fixed rate and more of them ask faster until the machine has no more to give.

Prints for each number of replicas, which share the machine: questions and samples a second from the first batch to the
last shard, the driver's own memory at most (beside what it shares with Ray), and the object store's use at most. Then
the same for a tenth of the questions, which tells what of the memory is a question's, and how long it takes to start
again on what is finished, by the command that a user has.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import ClassVar

from raycal.config.engine import Device, EngineConfig, ModelConfig, PromptStyle
from raycal.experiment.file import read_experiment
from raycal.experiment.pending import CompletedKeys, count_work
from raycal.experiment.run import Run
from raycal.inference.backend import Capability, Generation, Usage
from raycal.inference.vllm_backend import Engine
from raycal.models.find import Model
from raycal.models.prompts import Conversation, renderer
from raycal.stages.elicit import elicit

LATENCY_S = 1.0  # of each request; a question makes two in a row, its answer and then all the rest
TOKENS = 12  # of a generation
SAMPLES = 10
REPLICAS = (1, 2, 4, 8, 16)
MIB = 2**20

EXPERIMENT = """
name: scale
questions: [{{source: file, path: {questions}}}]
storage: {storage}
elicit: {{sampled: [train, calibration, test], samples: {{k: {samples}}}}}
engine: {{replicas: {replicas}, batch_size: 256, batches_in_flight: 4}}
methods: [{{method: zero_shot}}, {{method: sampling}}]
"""


class SimulatedEngine(Engine):
    """Renders prompts as the engine does, waits, and says something made up before."""

    needs_device: ClassVar[bool] = True
    states_backend: ClassVar[str | None] = None

    @classmethod
    def capabilities(cls, config: ModelConfig) -> frozenset[Capability]:
        """What elicitation wants."""
        return frozenset({Capability.GENERATE, Capability.LOGPROBS, Capability.NEXT_TOKEN})

    def __init__(self, model: Model, config: EngineConfig, device: Device, style: PromptStyle) -> None:
        from transformers import AutoTokenizer

        self.tokenizer = AutoTokenizer.from_pretrained(model.location)
        self._render = renderer(self.tokenizer, style)
        chance = random.Random(0)
        self._said = [
            Generation(
                " ".join(chance.choices(["Paris", "1867", "the", "Danube", "of", "gold"], k=4)),
                tuple(-chance.expovariate(1) for _ in range(TOKENS)),
                "stop",
            )
            for _ in range(10_000)
        ]
        self._started = time.monotonic()

    async def generate(
        self, conversation: Conversation, *, n: int = 1, seed: int | None = None, **_: object
    ) -> tuple[list[Generation], Usage]:
        """What was made up, from a place that the seed gives."""
        prompt = self._render(conversation)
        await asyncio.sleep(LATENCY_S)
        first = (seed or len(prompt)) % (len(self._said) - n)
        return self._said[first : first + n], Usage(len(prompt), TOKENS * n)

    async def next_token_logprobs(self, conversation: Conversation, texts: Sequence[str]) -> tuple[list[float], Usage]:
        """Always the same."""
        prompt = self._render(conversation)
        await asyncio.sleep(LATENCY_S)
        return [-0.5, -0.93][: len(texts)], Usage(len(prompt), 1)

    def busy_seconds(self) -> float:
        """All the time."""
        return time.monotonic() - self._started

    def close(self) -> None:
        """There is nothing to free."""


@dataclass
class Peaks:
    """The most that was seen."""

    driver: int = 0  # bytes of its process that no other shares
    objects: int = 0  # bytes in Ray's object store


def own_memory(process: int) -> int:
    """Bytes of a process that no other shares."""
    status = dict(line.split(":", 1) for line in Path(f"/proc/{process}/status").read_text().splitlines())
    return int(status["RssAnon"].split()[0]) * 1024


def watch(driver: int, gcs: str, told: Connection) -> None:
    """Look at a driver and its object store every second until told to stop, and tell what was seen."""
    from ray._private.internal_api import get_memory_info_reply, get_state_from_address

    state, peaks = get_state_from_address(gcs), Peaks()
    while not told.poll(1):
        peaks.driver = max(peaks.driver, own_memory(driver))
        peaks.objects = max(peaks.objects, get_memory_info_reply(state).store_stats.object_store_bytes_used)
    told.send(peaks)


@contextmanager
def watched() -> Iterator[Peaks]:
    """Peaks of what this process does in the block, there at its end; another looks, whose memory is not counted."""
    import ray

    context, peaks = get_context("spawn"), Peaks()
    here, there = context.Pipe()
    watcher = context.Process(target=watch, args=(os.getpid(), ray.get_runtime_context().gcs_address, there))
    watcher.start()
    try:
        yield peaks
    finally:
        here.send("stop")
        found = here.recv()
        peaks.driver, peaks.objects = found.driver, found.objects
        watcher.join()


def pass_through(file: Path, replicas: int) -> dict[str, float]:
    """All questions through some replicas, in a process that has done nothing else."""
    import ray

    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    # A replica's share of the machine is small, as its engine takes none.
    ray.init(num_cpus=replicas + 2, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    before = own_memory(os.getpid())
    with watched() as peaks:
        started = time.monotonic()
        run = Run.open(read_experiment(file, [f"engine.replicas={replicas}"]))
        done = CompletedKeys.read(run.store, run.recipe, retry_errors=False)
        _, todo = count_work(run, done)
        read = time.monotonic()
        reports = elicit(run, done, SimulatedEngine)
        # The first batch comes when a replica is up and has waited twice: what is left tells the rate.
        asked = next(reports).questions
        began = time.monotonic()
        left = sum(report.questions for report in reports)
        ended = time.monotonic()
    if asked + left != todo:
        raise RuntimeError(f"{todo} questions were to be asked, and {asked + left} were")
    ray.shutdown()
    return {
        "reading": read - started,
        "seconds": ended - began,
        "questions": left,
        "driver": peaks.driver - before,
        "objects": peaks.objects,
    }


def again(file: Path) -> tuple[float, str]:
    """Seconds of the command on what is finished, and what it says."""
    started = time.monotonic()
    command = [str(Path(sys.executable).with_name("raycal")), "elicit", str(file)]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return time.monotonic() - started, said.strip()


def alone(function: object, *arguments: object) -> dict[str, float]:
    """A function's result in a fresh process."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()  # type: ignore[arg-type]


def experiment(folder: Path, questions: int) -> Path:
    """An experiment file on as many questions, and the questions."""
    rows = folder / "questions.jsonl"
    with rows.open("w") as file:
        for n in range(questions):
            row = {"question": f"Which number comes {n % 97} after {n}?", "answer": str(n + n % 97)}
            file.write(json.dumps(row) + "\n")
    path = folder / "scale.yaml"
    settings = {"questions": rows, "storage": folder / "store", "samples": SAMPLES, "replicas": 1}
    path.write_text(EXPERIMENT.format(**settings))
    return path


def measure(questions: int, replicas: int) -> dict[str, float]:
    """One pass over fresh questions, and the start on what it finished."""
    with tempfile.TemporaryDirectory() as name:
        file = experiment(Path(name), questions)
        found = alone(pass_through, file, replicas)
        rate = found["questions"] / found["seconds"]
        print(
            f"{questions:9} questions {replicas:3} replicas: read in {found['reading']:5.1f} s, "
            f"{rate:7.0f} questions/s {rate * SAMPLES:8.0f} samples/s, driver {found['driver'] / MIB:6.0f} MiB, "
            f"object store {found['objects'] / MIB:6.0f} MiB",
            flush=True,
        )
        seconds, said = again(file)
        print(f"{'':9} again: {seconds:.1f} s ({said.splitlines()[0]})", flush=True)
    return found


def main() -> None:
    """All numbers of replicas, then the same work with a tenth of the questions."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("questions", type=int, nargs="?", default=1_000_000, help="how many (default: %(default)s)")
    parser.add_argument(
        "replicas", type=int, nargs="*", default=REPLICAS, help="each number of them (default: %(default)s)"
    )
    arguments = parser.parse_args()
    questions, replicas = arguments.questions, arguments.replicas
    found = [measure(questions, some) for some in replicas]
    fewer = measure(questions // 10, replicas[-1])
    grown = (found[-1]["driver"] - fewer["driver"]) / (questions - questions // 10)
    print(f"the driver grows by {grown:.0f} bytes a question")


if __name__ == "__main__":
    import bench_scale  # under its own name, by which Ray's workers find the engine

    bench_scale.main()
