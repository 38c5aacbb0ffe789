"""Models of the hub, where a small server answers as it does, and this machine's cache of it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from huggingface_hub import constants

from raycal.config.engine import ModelConfig
from raycal.events import ignore_event
from raycal.experiment.config import Experiment
from raycal.experiment.run import Run
from raycal.methods.fine_tuned import FineTuned
from raycal.models.find import ModelError, check_available, find_model
from raycal.stages.pipeline import elicit_stage

REFUSALS = {
    "gated": (403, "GatedRepo"),
    "none": (401, "RepoNotFound"),
    "empty": (404, "EntryNotFound"),
    "ill": (503, ""),
}


class HubServer(ThreadingHTTPServer):
    """Keeps the names that it was asked for."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Hub)
        self.names: list[str] = []


class Hub(BaseHTTPRequestHandler):
    """Answers about ORGANISATION/NAME by its name, and has the one revision main."""

    def do_HEAD(self) -> None:
        _, _, name, _, revision, _ = self.path.split("/")
        status, reason = REFUSALS.get(name, (200, "") if revision == "main" else (404, "RevisionNotFound"))
        assert isinstance(self.server, HubServer)
        self.server.names.append(name)
        self.send_response(status)
        self.send_header("X-Error-Code", reason)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[HubServer]:
    server = HubServer()
    url = f"http://127.0.0.1:{server.server_port}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", url)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def check(path: str, revision: str | None = None) -> None:
    check_available(find_model(ModelConfig(path=path, revision=revision)))


def put_into_cache(folder: Path, name: str) -> None:
    repository = folder / f"models--{name.replace('/', '--')}"
    (repository / "snapshots" / "abc").mkdir(parents=True)
    (repository / "snapshots" / "abc" / "config.json").write_text("{}")
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("abc")


def test_a_model_on_the_hub_is_asked_for_once(hub: HubServer) -> None:
    check("some/there")
    check("some/there")
    assert hub.names == ["there"]


@pytest.mark.parametrize(
    ("path", "revision", "reason"),
    [
        ("some/gated", None, "it is gated: accept its terms on its page of the hub, and set HF_TOKEN"),
        ("some/none", None, r"it is neither a folder here nor on the hub \(a private one needs HF_TOKEN\)"),
        ("some/no name", None, "it is neither a folder here nor on the hub"),
        ("some/model", "v7", "on the hub it has no revision 'v7'"),
        ("some/empty", None, "on the hub it has no config.json"),
        ("some/ill", None, "it is not in this machine's cache of the hub, which cannot be asked: .*503"),
    ],
)
@pytest.mark.usefixtures("hub")
def test_what_the_hub_refuses_is_one_sentence(path: str, revision: str | None, reason: str) -> None:
    with pytest.raises(ModelError, match=f"^the model '{path}' cannot be used: {reason}") as caught:
        check(path, revision)
    assert "\n" not in str(caught.value)


def test_a_hub_that_cannot_be_reached_is_one_sentence(hub: HubServer) -> None:
    hub.shutdown()
    hub.server_close()
    with pytest.raises(
        ModelError, match=r"it is not in this machine's cache of the hub, which cannot be asked: .*refused"
    ):
        check("some/unreachable")


def test_offline_a_model_in_the_cache_can_be_used_and_no_other(
    hub: HubServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    put_into_cache(tmp_path, "some/cached")
    check("some/cached")
    with pytest.raises(ModelError, match="it is not in this machine's cache of the hub, and HF_HUB_OFFLINE is set"):
        check("some/uncached")
    assert hub.names == []


def test_what_is_in_the_cache_is_not_asked_for(hub: HubServer, tmp_path: Path) -> None:
    put_into_cache(tmp_path, "another/cached")
    check("another/cached")
    assert hub.names == []


def test_a_later_stages_model_is_checked_before_anything_is_asked(hub: HubServer, tmp_path: Path) -> None:
    run = Run.open(
        Experiment(
            name="later",
            storage=tmp_path / "store",
            model=ModelConfig(path="some/first"),
            methods=(FineTuned(method="fine_tuned", model=ModelConfig(path="some/gated")),),
        )
    )
    assert hub.names == []  # the store can be read by whoever has no access to the model
    with pytest.raises(ModelError, match="'some/gated' cannot be used"):
        elicit_stage(run, ignore_event)
    assert hub.names == ["first", "gated"]
