"""Jobs on a real cluster of one node, by `raycal submit` and by Ray's own command."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import psutil
import pytest
from background import PATIENCE_S
from clusters import PROGRAMS, Head, head_of_its_own, with_token
from support import REPOSITORY, Raycal, copy_code, heeding_interrupts, local
from wheels import install_wheel

from raycal.experiment.run import Run
from raycal.sweep.config import read_sweep
from raycal.sweep.runner import Sweep

pytestmark = pytest.mark.ray


# In place of two of raycal's own jobs.
PROBES = """
@app.command("grade")
def probe(file: File) -> None:
    import ray

    from raycal.cluster.connection import connect

    @ray.remote
    def seen() -> tuple[bool, str]:
        import raycal

        return file.is_file(), raycal.__file__

    nodes = connect()
    print(ray.get_runtime_context().gcs_address, len(nodes), *ray.get(seen.remote()))


@app.command("finetune")
def slow(file: File) -> None:
    import time

    print("began as", os.getpid(), flush=True)
    time.sleep(600)


"""


@pytest.fixture(scope="module")
def head() -> Iterator[Head]:
    """A cluster of one node, with a token of its own."""
    with with_token(), head_of_its_own({"num-cpus": 2}) as head:
        yield head


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, simulated_run: Run, simulated_file: Path) -> Path:
    """A working folder as a clone has it, on a store with a finished run; two of its jobs are the tests' own."""
    folder = tmp_path_factory.mktemp("working")
    copy_code(folder)
    jobs = folder / "raycal/cli/jobs.py"
    own, start, last = jobs.read_text().partition("if __name__")
    jobs.write_text(own + PROBES + start + last)
    store = shutil.copytree(local(simulated_run.store.root), tmp_path_factory.mktemp("shared") / "store")
    text = simulated_file.read_text() + f"storage: {store}\n"
    (folder / "small.yaml").write_text(text)
    begin, stop = text.index("methods:"), text.index("evaluate:")
    space = "sweep: {trials: 2, space: [{method: sampling, k: {low: 2, high: 4}}]}\n"
    (folder / "sweep.yaml").write_text(text[:begin] + text[stop:] + space)
    return folder


def store_of(folder: Path) -> Path:
    return Path((folder / "small.yaml").read_text().split("storage: ")[1].strip())


def test_a_pipeline_ends_with_the_runs_id_and_where_its_results_lie(
    head: Head, folder: Path, simulated_run: Run, raycal: Raycal
) -> None:
    store = store_of(folder)
    shutil.rmtree(store / "reports")
    done = raycal("submit", "pipeline", "small.yaml", "--address", head.address, cwd=folder)
    assert done.stdout.splitlines()[-1] == f"results: {simulated_run.id} in {store}"
    assert "elicit: 0 questions to ask" in done.stdout
    assert list((store / "reports" / simulated_run.id).glob("*/index.html"))
    how_much, which_job = done.stderr.splitlines()
    assert f" files of {folder} go along, " in how_much
    assert "raycal.cli.jobs pipeline small.yaml" in which_job


def test_rays_own_command_runs_a_job_as_well(head: Head, folder: Path, simulated_run: Run) -> None:
    store = store_of(folder)
    shutil.rmtree(store / "metrics")
    command = [str(PROGRAMS / "ray"), "job", "submit", "--address", head.address, "--working-dir", ".", "--"]
    command += ["python", "-m", "raycal.cli.jobs", "evaluate", "small.yaml", "--set", "evaluate.replicates=50"]
    (line,) = [line for line in output_of(command, folder).splitlines() if line.startswith("results: ")]
    run = line.removeprefix("results: ").removesuffix(f" in {store}")
    assert list((store / "metrics" / run).glob("*.parquet"))
    assert run != simulated_run.id  # of 50 replicates


def output_of(command: list[str], folder: Path) -> str:
    """What a command of Ray's own prints."""
    environment = os.environ | {"RAY_AUTH_MODE": "token"}
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=folder, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_sweep_ends_with_the_last_runs_id_and_its_own(head: Head, folder: Path, raycal: Raycal) -> None:
    done = raycal("submit", "sweep", "sweep.yaml", "--address", head.address, cwd=folder)
    sweep = Sweep.open(read_sweep(folder / "sweep.yaml"))
    run, rest = done.stdout.splitlines()[-1].removeprefix("results: ").split(" of ")
    assert rest == f"sweep {sweep.id} in {store_of(folder)}"
    assert (store_of(folder) / "reports" / run).is_dir()
    assert len(sweep.trials()) == 2


def test_a_jobs_tasks_see_the_clusters_copy_of_the_working_folder(head: Head, folder: Path, raycal: Raycal) -> None:
    done = raycal("submit", "grade", "small.yaml", "--address", head.address, cwd=folder)
    address, nodes, is_there, code = done.stdout.splitlines()[-1].split()
    assert address == head.gcs
    assert (nodes, is_there) == ("1", "True")
    assert "/runtime_resources/working_dir_files/" in code


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the programs of an installed wheel are."""
    return install_wheel(tmp_path_factory.mktemp("wheel"))


def test_an_installed_wheel_works_far_from_a_clone(programs: Path, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("confidence,correct\n" + "0.9,1\n0.2,0\n" * 10)
    modules = ("raycal", "raycal.cli.jobs")
    places = f"import raycal as rc, raycal.cli.jobs, sys; print(*(sys.modules[name].__file__ for name in {modules}))"
    commands: dict[str, list[str]] = {
        "Measure and mend the confidence": ["raycal", "--help"],
        "--stop-on-interrupt": ["raycal", "submit", "--help"],
        '"auroc"': ["raycal", "metrics", "rows.csv", "--replicates", "10", "--json"],
        "pipeline": ["python", "-m", "raycal.cli.jobs", "--help"],
        str(programs.parent): ["python", "-c", places],
    }
    for expected, (program, *arguments) in commands.items():
        command = [str(programs / program), *arguments]
        done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert expected in done.stdout
    assert all(place.startswith(str(programs.parent)) for place in done.stdout.split())
    (package,) = programs.parent.glob("lib/python*/site-packages/raycal")
    data = {path.relative_to(REPOSITORY / "raycal") for path in REPOSITORY.glob("raycal/**/*.j2")} | {Path("py.typed")}
    assert len(data) > 1
    assert all((package / path).is_file() for path in data)


def test_an_installed_wheel_goes_along_with_the_jobs_it_submits(head: Head, programs: Path, tmp_path: Path) -> None:
    """From a folder that is no clone; the nodes have another raycal."""
    (tmp_path / "place.py").write_text("import raycal.cli.jobs; print('raycal is', raycal.cli.jobs.__file__)")
    code = (
        "import json, pathlib, raycal.cli.submit as s; here = pathlib.Path.cwd(); "
        "print(json.dumps(s.runtime_environment(s.WorkingFolder.of(here), here)))"
    )
    sent = output_of([str(programs / "python"), "-c", code], tmp_path).strip()
    assert json.loads(sent)["py_modules"][0].startswith(str(programs.parent))
    command = [str(PROGRAMS / "ray"), "job", "submit", "--address", head.address, "--runtime-env-json", sent]
    output = output_of([*command, "--", "python", "place.py"], tmp_path)
    (line,) = [line for line in output.splitlines() if line.startswith("raycal is ")]
    assert re.search(r"/runtime_resources/py_modules_files/\w+/raycal/cli/jobs\.py$", line)


def test_a_job_that_fails_says_why_and_gives_its_exit_status(
    head: Head, folder: Path, programs: Path, tmp_path: Path
) -> None:
    text = (folder / "small.yaml").read_text()
    (tmp_path / "wrong.yaml").write_text(text.replace("{source: worldfacts", "{source: file, path: nowhere.jsonl"))
    command = [str(programs / "raycal"), "submit", "report", "wrong.yaml", "--address", head.address]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 1
    assert "raycal: wrong.yaml: there is no file nowhere.jsonl" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_ctrl_c_stops_the_job_if_asked_to(head: Head, folder: Path) -> None:
    with submitted_slow_job(head, folder, "--stop-on-interrupt") as (submitter, job):
        submitter.send_signal(signal.SIGINT)
        assert submitter.wait(PATIENCE_S) == 130
        assert not job.is_running()
        assert " is stopped" in submitter.stderr.read()


def test_ctrl_c_else_leaves_the_job_and_says_how_to_see_it_again(head: Head, folder: Path) -> None:
    with submitted_slow_job(head, folder) as (submitter, job):
        submitter.send_signal(signal.SIGINT)
        assert submitter.wait(PATIENCE_S) == 130
        said = submitter.stderr.read()
        assert f" goes on: ray job logs --follow --address {head.address} raysubmit_" in said
        time.sleep(5)  # Ray kills what it stops after three
        assert job.is_running()


@contextmanager
def submitted_slow_job(head: Head, folder: Path, *options: str) -> Iterator[tuple[psutil.Popen, psutil.Process]]:
    """`raycal submit` and the job's process, which is running; both are gone afterwards."""
    command = [str(PROGRAMS / "raycal"), "submit", "finetune", "small.yaml", "--address", head.address, *options]
    pipe = subprocess.PIPE
    submitter = psutil.Popen(command, stdout=pipe, stderr=pipe, text=True, cwd=folder, preexec_fn=heeding_interrupts)
    job = None
    try:
        lines = cast(Iterator[str], submitter.stdout)
        began = next(line for line in lines if line.startswith("began as "))
        job = psutil.Process(int(began.removeprefix("began as ")))
        yield submitter, job
    finally:
        if submitter.poll() is None:
            submitter.kill()
            submitter.wait()
        if job is not None and job.is_running():
            job.kill()
