"""A small server with OpenAI's interface on loopback, which answers from a simulated model and may misbehave."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

STALL_S = 3.0


@dataclass
class Behavior:
    """What the server does: to each text that is asked, its faults in order, and then an answer.

    faults: by a part of the last message; a status, "cut" for a connection that ends, or "stall". answered: how often
    each last message has been answered. keys: the Authorization headers that came. replies: what is answered, by a part
    of the last message too.
    """

    faults: dict[str, list[int | str]] = field(default_factory=dict)
    replies: dict[str, str] = field(default_factory=dict)
    logprobs: bool = True
    answered: Counter[tuple[str, int | None]] = field(default_factory=Counter)
    keys: set[str] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def next_fault(self, text: str) -> int | str | None:
        with self.lock:
            for part, faults in self.faults.items():
                if part in text and faults:
                    return faults.pop(0)
        return None

    def reply_to(self, text: str) -> str:
        """What a model says to the last message of a conversation."""
        for part, reply in self.replies.items():
            if part in text:
                return reply
        return "0.8" if "probability" in text.lower() else f"answer to {text.partition('?')[0][-20:]}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    behavior: ClassVar[Behavior]

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        text = request["messages"][-1]["content"]
        self.behavior.keys.add(self.headers.get("Authorization", ""))
        fault = self.behavior.next_fault(text)
        if fault == "cut":
            self.close_connection = True
            self.connection.close()
            return
        if fault == "stall":
            time.sleep(STALL_S)
        if isinstance(fault, int):
            self._reply(fault, {"error": {"message": f"status {fault}"}})
            return
        with self.behavior.lock:
            self.behavior.answered[text, request.get("seed")] += 1
        self._reply(200, _completion(request, self.behavior.reply_to(text), logprobs=self.behavior.logprobs))

    def _reply(self, status: int, content: dict[str, Any]) -> None:
        body = json.dumps(content).encode()
        try:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            if status == 429:
                self.send_header("Retry-After", "0.05")
            self.end_headers()
            self.wfile.write(body)
        except (BrokenPipeError, ConnectionResetError):
            return  # who asked has given up

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _completion(request: dict[str, Any], text: str, *, logprobs: bool) -> dict[str, Any]:
    tokens = text.split()[: request["max_tokens"]]
    content: list[dict[str, Any]] = [
        {"token": token, "logprob": -0.1, "bytes": None, "top_logprobs": []} for token in tokens
    ]
    shown = " ".join(tokens)
    end = min((shown.find(mark) for mark in request.get("stop", ()) if mark in shown), default=len(shown))
    choice = {
        "index": 0,
        "finish_reason": "stop" if len(tokens) == len(text.split()) or end < len(shown) else "length",
        "message": {"role": "assistant", "content": shown[:end]},
        "logprobs": {"content": content} if logprobs and request.get("logprobs") else None,
    }
    usage = {"prompt_tokens": 7, "completion_tokens": len(tokens), "total_tokens": 7 + len(tokens)}
    return {"id": "x", "object": "chat.completion", "created": 0, "model": "m", "choices": [choice], "usage": usage}


@contextmanager
def endpoint_server(behavior: Behavior, port: int = 0) -> Iterator[str]:
    """The server's base URL, as long as the block lasts."""
    handler = type("Handler", (_Handler,), {"behavior": behavior})
    server = ThreadingHTTPServer(("127.0.0.1", port), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
