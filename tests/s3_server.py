"""An S3-compatible server in a process of its own, on loopback, and what may befall it."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import pytest
from background import PATIENCE_S
from clusters import free_ports

from raycal.store import s3 as bucket
from raycal.store.s3 import BucketPath

SECRET = "c0ffee-is-the-secret-of-these-tests"  # noqa: S105 - no real one
BUCKET = "raycal-tests"
# The way to the server, which keeps its objects in memory: killed, this is a server that is gone and comes back.
_GATE = """
import asyncio, sys

async def copy(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    finally:
        writer.close()

async def pass_on(reader, writer):
    there = await asyncio.open_connection("127.0.0.1", int(sys.argv[2]))
    await asyncio.gather(copy(reader, there[1]), copy(there[0], writer), return_exceptions=True)

async def main():
    gate = await asyncio.start_server(pass_on, "127.0.0.1", int(sys.argv[1]))
    await gate.serve_forever()

asyncio.run(main())
"""


class Server:
    """A server whose bucket is there."""

    def __init__(self) -> None:
        self._port, self._gate_port = free_ports(2)
        self.endpoint = f"http://127.0.0.1:{self._gate_port}"
        self._server = _start("-m", "moto.server", "-H", "127.0.0.1", "-p", str(self._port))
        _wait_for(self._port)
        self._open_gate()

    def folder(self) -> BucketPath:
        """A prefix that nothing else uses."""
        return BucketPath(f"s3://{BUCKET}/{uuid4().hex}")

    @contextmanager
    def silent(self) -> Iterator[None]:
        """While it takes connections and answers nothing."""
        self._server.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._server.send_signal(signal.SIGCONT)

    @contextmanager
    def gone(self) -> Iterator[None]:
        """While it takes no connections, and has broken those that there were."""
        _kill(self._gate)
        try:
            yield
        finally:
            self._open_gate()

    @contextmanager
    def refusing(self) -> Iterator[None]:
        """While it knows nobody."""
        self._ask_moto("0")
        try:
            yield
        finally:
            self._ask_moto("inf")

    def end(self) -> None:
        """End its processes."""
        _kill(self._gate)
        _kill(self._server)

    def _open_gate(self) -> None:
        self._gate = _start("-c", _GATE, str(self._gate_port), str(self._port))
        _wait_for(self._gate_port)

    def _ask_moto(self, requests_without_permission: str) -> None:
        url, body = f"{self.endpoint}/moto-api/reset-auth", requests_without_permission.encode()
        request = urllib.request.Request(url, body, {"Content-Type": "text/plain"})  # noqa: S310 - http
        urllib.request.urlopen(request).close()  # noqa: S310


@contextmanager
def s3_server() -> Iterator[Server]:
    """Start a server and let the environment name it."""
    server = Server()
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("AWS_ENDPOINT_URL", server.endpoint)
        environment.setenv("AWS_REGION", "eu-west-1")
        environment.setenv("AWS_ACCESS_KEY_ID", "raycal")
        environment.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
        try:
            server.folder().fs.mkdir(BUCKET)
            yield server
        finally:
            server.end()
            forget_clients()


def forget_clients() -> None:
    """Of another environment."""
    bucket._client.cache_clear()
    bucket.arrow_filesystem.cache_clear()


def _start(*arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _kill(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            assert time.monotonic() < deadline, "the server did not come up"
            time.sleep(0.05)
        else:
            return
