"""Buckets that cannot be asked: whatever is asked of them is answered by an error, soon, that says what was tried."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from made_up_store import make_experiment
from s3_server import SECRET, forget_clients, s3_server
from typer.testing import CliRunner

from raycal.cli.main import app
from raycal.finetuning.calibration import kept_confidences
from raycal.inference.faults import CrashLog, StartCounter
from raycal.models.adapters import find_adapter
from raycal.stages.artifacts import read_settings
from raycal.store import s3
from raycal.store.atomic import is_complete, local_copy
from raycal.store.locations import check
from raycal.store.s3 import BucketPath
from raycal.store.schemas import Table
from raycal.store.store import Store
from raycal.sweep.study import StudyFile


class _Answers(BaseHTTPRequestHandler):
    """One status to every request."""

    def _answer(self) -> None:
        content: bytes = self.server.content  # type: ignore[attr-defined]
        self.send_response(self.server.status)  # type: ignore[attr-defined]
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _answer  # noqa: N815 - as the library has it

    def log_message(self, *_: object) -> None:
        """Nothing."""


@contextmanager
def answering(status: int, content: bytes = b"") -> Iterator[str]:
    """A server with one answer; its address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Answers) as server:
        server.status, server.content = status, content  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@contextmanager
def silent() -> Iterator[str]:
    """A server that takes connections and answers nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@contextmanager
def at(address: str) -> Iterator[str]:
    """An address that nothing answers at."""
    yield address


FAULTS: dict[str, tuple[Callable[[], AbstractContextManager[str]], str]] = {
    "internal error": (partial(answering, 500), "Internal Server Error"),
    "unavailable": (partial(answering, 503, b"come back later"), "Service Unavailable"),
    "refused": (partial(answering, 403), "access is refused"),
    "nobody it knows": (partial(answering, 400), "Bad Request"),
    "a proxy that knows no such place": (partial(answering, 404, b"<html>default backend"), "there is no such bucket"),
    "silence": (silent, "its server does not answer: http://127.0.0.1:{port} was tried"),
    "nothing listens": (partial(at, "http://127.0.0.1:9"), "its server does not answer: http://127.0.0.1:9 was tried"),
    "a name of no machine": (partial(at, "http://storage.invalid"), "http://storage.invalid was tried"),
    "a password in the address": (partial(at, f"http://me:{SECRET}@127.0.0.1:9"), "its server does not answer"),
    "no address": (partial(at, "storage"), "Invalid endpoint"),
}


@pytest.fixture(params=FAULTS)
def fault(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[str]:
    """A storage that cannot be asked, by a client that tries once; what is said of it."""
    serve, said = FAULTS[request.param]
    impatient = s3._Patience(attempts=1, repeats=1, read_s=0.3)
    monkeypatch.setattr(s3, "_AT_WORK", impatient)
    monkeypatch.setattr(s3, "_AT_A_CHECK", impatient)
    monkeypatch.setenv("RAYCAL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "raycal")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    with serve() as address:
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)
        forget_clients()
        yield said.format(port=address.rpartition(":")[2])
    forget_clients()


QUESTIONS: dict[str, Callable[[BucketPath], object]] = {
    "is_file": BucketPath.is_file,
    "is_dir": BucketPath.is_dir,
    "exists": BucketPath.exists,
    "glob": lambda place: list(place.glob("*.parquet")),
    "glob of all below": lambda place: list(place.glob("**/*.parquet")),
    "unlink": lambda place: place.unlink(missing_ok=True),
    "whether a folder is whole": is_complete,
    "a copy": local_copy,
    "settings": read_settings,
    "confidences beside an adapter": kept_confidences,
    "a study": StudyFile,
    "an adapter": find_adapter,
    "shards": lambda place: Store(place).shards(Table.ANSWERS),
    "finished rows": lambda place: Store(place).finished(Table.ANSWERS, "p", ["a:"]),
    "the format": lambda place: Store(place).format(),
    "notes of crashes": lambda place: CrashLog(place).read(),
    "notes of starts": lambda place: StartCounter(place, "replica").engine_is_to_blame(),
    "a check": check,
}


def test_no_question_is_answered_no_by_a_storage_that_cannot_be_asked(fault: str) -> None:
    place = BucketPath("s3://bucket/folder")
    for name, ask in QUESTIONS.items():
        with pytest.raises(OSError, match=fault) as raised:
            pytest.fail(f"{name}: {ask(place)}")
        assert raised.value.filename == "s3://bucket", name
        assert SECRET not in str(raised.value)


@pytest.mark.parametrize("fault", ["silence", "nothing listens", "refused"], indirect=True)
@pytest.mark.parametrize(
    "options",
    [
        "methods=[{method: fine_tuned, adapter: 's3://bucket/adapter'}]",
        "methods=[{method: classifier, fitted: 's3://bucket/classifier'}]",
        "model.adapter=s3://bucket/adapter",
        "storage=s3://bucket/store",
    ],
    ids=["adapter", "classifier", "model.adapter", "storage"],
)
def test_a_plan_says_which_bucket_cannot_be_asked_and_what_was_tried(fault: str, options: str, tmp_path: Path) -> None:
    done = CliRunner(env={"COLUMNS": "200"}).invoke(
        app, ["run", str(make_experiment(tmp_path, 12)), "--plan", "--set", options]
    )
    assert done.exit_code == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("raycal: s3://bucket cannot be used: ")
    assert fault[1:] in last, "the first letter is a small one there"
    assert SECRET not in done.stderr


def test_a_check_of_a_silent_server_ends_within_fifteen_seconds() -> None:
    patience = s3._AT_A_CHECK
    pauses_s = 1.0 * (patience.attempts - 1)
    assert patience.repeats * (patience.attempts * max(patience.read_s, s3._CONNECT_S) + pauses_s) <= 15


def test_a_query_that_is_refused_half_way_blames_no_shard() -> None:
    with s3_server() as server:
        store = Store(server.folder())
        store.write(Table.ANSWERS, "p", [{"key": "a"}])
        listed = store.shards(Table.ANSWERS)
        with server.refusing(), pytest.raises(PermissionError, match="access is refused") as raised:
            list(store.rows("SELECT key FROM answers", shards={Table.ANSWERS: listed}))
        assert str(raised.value.filename).startswith("s3://")
        assert [row["key"] for row in store.rows("SELECT key FROM answers")] == ["a"]
