"""What a working folder holds that is not for a cluster: private files, and links out of it and around it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from typer.testing import CliRunner

from raycal.cli.main import app
from raycal.cli.working_folder import WorkingFolder, WorkingFolderError

SECRET = "s3cr3t"  # noqa: S105 - made up
PRIVATE = [
    ".env",
    ".env.production",
    ".ENV",
    "prod.env",
    ".envrc",
    ".aws/credentials",
    ".aws/config",
    ".ssh/id_ed25519",
    "deploy/id_rsa",
    "deploy/server.key",
    "deploy/server.pem",
    "deploy/without-a-telling-name",  # begins as a private key does
    ".netrc",
    ".git-credentials",
    ".kube/config",
    "kubeconfig.yaml",
    ".pypirc",
    ".npmrc",
    ".docker/config.json",
    ".config/gcloud/application_default_credentials.json",
    "service-account.json",
    "secrets.yaml",
    "nested/.netrc",
]
KEY = f"-----BEGIN OPENSSH PRIVATE KEY-----\n{SECRET}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "working"
    write(folder / "some.yaml", "name: some")
    write(folder / "code/module.py", "x = 1")
    write(folder / "ignored.txt", SECRET)
    write(folder / ".gitignore", "ignored.txt\n")
    write(tmp_path / "outside/secret.txt", SECRET)
    return folder


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def link(path: Path, to: str | Path) -> Path:
    path.symlink_to(to)
    return path


def git(folder: Path, *arguments: str) -> None:
    settings = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main")
    subprocess.run(["git", "-C", folder, *settings, *arguments], check=True, capture_output=True)


def packed(folder: Path, to: Path) -> dict[str, str]:
    """The names and texts of the archive of a folder."""
    WorkingFolder.of(folder).write(to)
    with zipfile.ZipFile(to) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


@pytest.mark.parametrize("tracked", [False, True])
@pytest.mark.parametrize("name", PRIVATE)
def test_a_private_file_stays_here_and_is_named(folder: Path, tmp_path: Path, name: str, tracked: bool) -> None:
    write(folder / name, KEY if "telling" in name else SECRET)
    if tracked:
        git(folder, "init")
        git(folder, "add", "--all", "--force", ":!ignored.txt")
    assert SECRET not in "".join(packed(folder, tmp_path / "to.zip").values())
    assert WorkingFolder.of(folder).private == (name,)


LINKS: dict[str, tuple[Callable[[Path], object], set[str]]] = {
    "a file outside": (lambda at: link(at / "link", "../outside/secret.txt"), set()),
    "a folder outside": (lambda at: link(at / "link", "../outside"), set()),
    "an absolute path outside": (lambda at: link(at / "link", at.parent / "outside"), set()),
    "a link to a link outside": (
        lambda at: (link(at / "first", "../outside"), link(at / "link", "first/secret.txt")),
        set(),
    ),
    "the folder itself": (lambda at: link(at / "link", "."), set()),
    "the folder above": (lambda at: link(at / "code/link", "../.."), set()),
    "itself": (lambda at: link(at / "link", "link"), set()),
    "nothing": (lambda at: link(at / "link", "nowhere"), set()),
    "an ignored file": (lambda at: link(at / "link", "ignored.txt"), set()),
    "a private file": (lambda at: (write(at / ".env", SECRET), link(at / "link", ".env")), set()),
    "two that point to one another": (
        lambda at: (
            link(at / "code/link", "../data"),
            write(at / "data/rows", "1"),
            link(at / "data/back", "../code"),
        ),
        {"data/rows", "code/link/rows", "data/back/module.py"},
    ),
    "a file inside": (lambda at: link(at / "link.py", "code/module.py"), {"link.py"}),
    "a folder inside": (lambda at: link(at / "link", "code"), {"link/module.py"}),
}


@pytest.mark.parametrize(("make", "more"), LINKS.values(), ids=LINKS)
def test_a_link_stands_for_what_goes_too_and_for_nothing_else(
    folder: Path, tmp_path: Path, make: Callable[[Path], object], more: set[str]
) -> None:
    make(folder)
    sent = packed(folder, tmp_path / "to.zip")
    assert set(sent) == {".gitignore", "some.yaml", "code/module.py", *more}
    assert SECRET not in "".join(sent.values())


def test_what_git_takes_is_sent(folder: Path, tmp_path: Path) -> None:
    git(folder, "init")
    write(folder / ".git/info/exclude", "excluded.txt")
    for name in ("tracked.txt", "excluded.txt", "deleted.txt", "a b.txt", "ümlaut.txt", "code/run.sh"):
        write(folder / name, name)
    (folder / "code/run.sh").chmod(0o755)
    git(folder, "add", "--force", "tracked.txt", "deleted.txt", "ignored.txt")
    (folder / "deleted.txt").unlink()
    write(folder / "inner/own.txt", "own")  # a repository in the repository
    git(folder / "inner", "init")
    write(folder / "inner/.gitignore", "*.log")
    write(folder / "inner/some.log", "log")
    expected = {".gitignore", "some.yaml", "code/module.py", "code/run.sh", "tracked.txt", "ignored.txt", "a b.txt"}
    assert set(packed(folder, tmp_path / "to.zip")) == expected | {"ümlaut.txt", "inner/own.txt", "inner/.gitignore"}
    with zipfile.ZipFile(tmp_path / "to.zip") as archive:
        assert archive.getinfo("code/run.sh").external_attr >> 16 & 0o111
    assert set(packed(folder / "code", tmp_path / "of-a-part.zip")) == {"module.py", "run.sh"}


def test_a_tracked_folder_that_is_a_link_by_now_leads_nowhere(folder: Path, tmp_path: Path) -> None:
    git(folder, "init")
    write(folder / "outside/secret.txt", "tracked")
    git(folder, "add", "outside/secret.txt")
    shutil.rmtree(folder / "outside")
    (folder / "outside").symlink_to("../outside")
    assert set(packed(folder, tmp_path / "to.zip")) == {".gitignore", "some.yaml", "code/module.py"}


def test_a_folder_that_a_repository_around_it_ignores_is_sent(folder: Path, tmp_path: Path) -> None:
    git(tmp_path, "init")
    write(tmp_path / ".gitignore", "working/")
    assert set(packed(folder, tmp_path / "to.zip")) == {".gitignore", "some.yaml", "code/module.py"}


def test_no_program_that_a_repository_names_is_run(folder: Path, tmp_path: Path) -> None:
    write(tmp_path / "program", f"#!/bin/sh\ntouch {tmp_path}/was-run\n")
    (tmp_path / "program").chmod(0o755)
    write(folder / "inner/own.txt", "own")
    git(folder / "inner", "init")
    git(folder / "inner", "config", "core.fsmonitor", str(tmp_path / "program"))
    assert "inner/own.txt" in packed(folder, tmp_path / "to.zip")
    assert not (tmp_path / "was-run").exists()


def test_folders_of_data_are_those_of_these_very_names(folder: Path, tmp_path: Path) -> None:
    for name in ("Build/a.txt", "code/results/a.txt", "results/a.txt", "build/a.txt", "model.safetensors"):
        write(folder / name, "a")
    more = set(packed(folder, tmp_path / "to.zip")) - {".gitignore", "some.yaml", "code/module.py"}
    assert more == {"Build/a.txt", "code/results/a.txt"}


def test_neither_pipes_nor_names_without_an_encoding_stop_it(folder: Path, tmp_path: Path) -> None:
    os.mkfifo(folder / "pipe")
    (folder / os.fsdecode(b"caf\xe9.txt")).touch()
    write(folder / "code\\windows.txt", "x")
    assert set(packed(folder, tmp_path / "to.zip")) == {".gitignore", "some.yaml", "code/module.py"}


def test_the_same_files_make_the_same_archive(folder: Path, tmp_path: Path) -> None:
    packed(folder, tmp_path / "first.zip")
    os.utime(folder / "some.yaml", (1, 1))
    packed(folder, tmp_path / "second.zip")
    assert (tmp_path / "first.zip").read_bytes() == (tmp_path / "second.zip").read_bytes()


def test_without_git_it_is_said(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(folder))
    with pytest.raises(WorkingFolderError, match="git tells which files go to the cluster: install it"):
        WorkingFolder.of(folder)


PASSWORD = f"postgresql://me:{SECRET}@host/db"
OPTIONS = {
    "storage": ["--set", f"storage=s3://key:{SECRET}@bucket/prefix"],
    "a space before it": ["--set", f"storage= s3://key:{SECRET}@bucket/prefix"],
    "in quotes": ["--set", f'storage="s3://key:{SECRET}@bucket/prefix"'],
    "another key": ["--set", f"model.path=https://{SECRET}@hub/model"],
    "an item of a list": ["--set", f"questions=[{{source: file, path: 'https://me:{SECRET}@host/q.jsonl'}}]"],
    "an adapter": ["--set", f"model.adapter=s3://key:{SECRET}@bucket/a"],
    "a query": ["--set", f"model.path=https://host/m?token={SECRET}"],
    "behind two dashes": ["--", f"--set=storage=s3://key:{SECRET}@bucket/prefix"],
    "behind two dashes, apart": ["--", "--set", f"storage=s3://key:{SECRET}@bucket/prefix"],
    "without a key": ["--set", PASSWORD],
    "not YAML": ["--set", f"model=[{PASSWORD}"],
    "a key that is none": ["--set", f"nothing={PASSWORD}"],
    "the address": ["--address", f"http://me:{SECRET}@127.0.0.1:1"],
    "the address, without its kind": ["--address", f"me:{SECRET}@127.0.0.1:1"],
}


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_a_password_in_an_option_is_refused_and_not_repeated(
    folder: Path, monkeypatch: pytest.MonkeyPatch, options: list[str]
) -> None:
    refused(folder, monkeypatch, ["submit", "report", "some.yaml", *options])


@pytest.mark.parametrize(
    "text",
    [
        f"model: {{path: 'https://me:{SECRET}@hub/model'}}",
        f"storage: '  s3://key:{SECRET}@bucket'",
        f"storage: &place s3://key:{SECRET}@bucket",
        f"sweep: {{study: '{PASSWORD}'",  # cut off
    ],
)
def test_a_password_in_the_file_is_refused_and_not_repeated(
    folder: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    write(folder / "some.yaml", f"name: some\n{text}")
    refused(folder, monkeypatch, ["submit", "report", "some.yaml"])


@pytest.mark.parametrize("key", ["study", "mlflow"])
def test_a_sweeps_password_is_refused_and_not_repeated(folder: Path, monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    write(folder / "some.yaml", f"name: some\nsweep: {{space: [{{method: zero_shot}}], {key}: '{PASSWORD}'}}")
    refused(folder, monkeypatch, ["submit", "sweep", "some.yaml"])


def refused(folder: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]) -> None:
    """It is refused before any cluster is looked for, in a sentence that does not repeat it."""
    monkeypatch.chdir(folder)
    monkeypatch.setattr("raycal.cli.submit._connect", lambda _: pytest.fail("it was to be refused before"))
    done = CliRunner(env={"RAY_API_SERVER_ADDRESS": "http://127.0.0.1:1"}).invoke(app, arguments)
    assert done.exit_code in {1, 2}
    assert done.stderr.startswith("raycal: ")
    assert SECRET not in done.output


def test_an_experiment_that_would_not_go_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(folder / ".gitignore", "some.yaml")
    monkeypatch.chdir(folder)
    done = CliRunner().invoke(app, ["submit", "report", "some.yaml", "--address", "http://127.0.0.1:1"])
    assert done.stderr.startswith("raycal: some.yaml would not go to the cluster: git ignores it")


def test_values_of_the_nodes_environment_need_not_be_here(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(folder / "some.yaml", "name: some\nstorage: ${oc.env:ONLY_ON_THE_NODES}")
    monkeypatch.chdir(folder)
    done = CliRunner().invoke(app, ["submit", "report", "some.yaml", "--address", "http://127.0.0.1:1"])
    assert done.stderr == "raycal: there is no Ray cluster with a job server at http://127.0.0.1:1\n"


class Unauthorized(BaseHTTPRequestHandler):
    """A server that wants a token."""

    def do_GET(self) -> None:
        self.send_response(401)
        self.end_headers()
        self.wfile.write(b"Unauthorized: missing authentication token")

    def log_message(self, *_: object) -> None:
        pass


@pytest.mark.parametrize("mode", ["", "token"])
@pytest.mark.parametrize("token", ["", "wrong"])
def test_a_server_that_wants_a_token_is_told_from_an_address_where_nobody_listens(
    folder: Path, monkeypatch: pytest.MonkeyPatch, token: str, mode: str
) -> None:
    monkeypatch.chdir(folder)
    for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)
    if mode:
        monkeypatch.setenv("RAY_AUTH_MODE", mode)
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("RAY_AUTH_TOKEN", token)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Unauthorized)
    address = f"http://127.0.0.1:{server.server_address[1]}"
    code = "from raycal.cli.main import main; main()"
    submit = [sys.executable, "-c", code, "submit", "report", "some.yaml", "--address", address]
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        wants = subprocess.run(submit, check=False, capture_output=True, text=True)
    finally:
        server.shutdown()
        server.server_close()
    nobody = subprocess.run(submit, check=False, capture_output=True, text=True)
    assert (wants.returncode, nobody.returncode) == (1, 1)
    assert wants.stderr == f"raycal: {address} wants the cluster's token: put it into RAY_AUTH_TOKEN\n"
    assert nobody.stderr == f"raycal: there is no Ray cluster with a job server at {address}\n"
