"""A Messages API on loopback whose answers come from a script.

It decides nothing about content: the script does. It records every request, so that a test can count
requests and tokens, and it never talks to another machine.
"""

from __future__ import annotations

import json
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import final

from .messages import (
    Answer,
    ApiError,
    JsonObject,
    Kind,
    Reply,
    Request,
    Text,
    encode,
    events,
    parse_request,
    wants_verdicts,
)

Script = Callable[[Request], Reply]

# Answers to the safety check of older clients, in the words that its request asks for.
_ALLOWED = "<block>no</block>"
_FLAGGED = "<block>yes</block><reason>[Rehearsal] flagged by the rehearsal</reason>"


@final
class ScriptedModel:
    """The server. Use it as a context manager; `url` is what the client gets as its API address.

    Args:
        script: answers the main thread and the agents. What the client asks for itself is answered here.
        allows: auto mode's safety check: an action, as `NAME {input}` or in the older client's words, to yes or no.
    """

    def __init__(self, script: Script, allows: Callable[[str], bool] = lambda _action: True) -> None:
        self.allows = allows
        self._script = script
        self._requests: list[Request] = []
        self._answered: list[tuple[Request, Reply]] = []
        self._failures: list[str] = []
        self._changed = threading.Condition()
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> ScriptedModel:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def requests(self) -> tuple[Request, ...]:
        """Every message request so far, in order of arrival."""
        with self._changed:
            return tuple(self._requests)

    @property
    def failures(self) -> tuple[str, ...]:
        """Tracebacks of a script that raised; the client saw an API error 400 instead of an answer."""
        with self._changed:
            return tuple(self._failures)

    def of_kind(self, *kinds: Kind) -> tuple[Request, ...]:
        return tuple(request for request in self.requests if request.kind in kinds)

    def tokens(self) -> int:
        """Sum of what all answers claimed, input, output and cache together."""
        with self._changed:
            usages = [reply.usage for _, reply in self._answered if isinstance(reply, Answer)]
        return sum(u.input + u.output + u.cache_read + u.cache_creation for u in usages)

    def wait_for(self, wanted: Callable[[Request], bool], timeout: float = 30.0) -> Request:
        """The first request that *wanted* accepts, waiting up to *timeout* seconds for it.

        Raises:
            TimeoutError: none came; the message lists what did.
        """
        deadline = time.monotonic() + timeout
        seen = 0
        with self._changed:
            while True:
                for request in self._requests[seen:]:
                    if wanted(request):
                        return request
                seen = len(self._requests)
                if not self._changed.wait(deadline - time.monotonic()) and time.monotonic() >= deadline:
                    came = [f"{r.seq} {r.kind} {r.last[:60]!r}" for r in self._requests]
                    raise TimeoutError(f"no such model request within {timeout} s; came: {came}")

    def answer(self, body: JsonObject, headers: Mapping[str, str]) -> Reply:
        """Record one request and ask the script. Called by the server's threads."""
        with self._changed:
            request = parse_request(len(self._requests) + 1, body, headers)
            self._requests.append(request)
            self._changed.notify_all()
        try:
            reply = self._script(request) if request.kind in ("main", "agent") else self._small_answer(request)
        except Exception:  # noqa: BLE001 - a faulty script must end the test with its traceback, not hang the client
            reply = ApiError(400, "invalid_request_error", "the rehearsal's script failed")
            with self._changed:
                self._failures.append(traceback.format_exc())
        with self._changed:
            self._answered.append((request, reply))
            self._changed.notify_all()
        return reply

    def _small_answer(self, request: Request) -> Reply:
        """What the client asks for itself: the safety check of older clients, a summary, a title."""
        if request.kind == "classifier":
            return Answer((Text(_ALLOWED if self.allows(judged_action(request)) else _FLAGGED),))
        return Answer((Text("A rehearsal."),))


def judged_action(request: Request) -> str:
    """The action that a safety-check request asks about: the last line of its transcript, as the client words it."""
    transcript = "\n".join(message.text for message in request.messages).partition("</transcript>")[0]
    return ([line for line in transcript.splitlines() if line.strip()] or [""])[-1]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # A killed client leaves handlers that still write; closing must not wait for them.
    block_on_close = False

    def __init__(self, model: ScriptedModel) -> None:
        self.model = model
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that was killed in mid-answer is expected here."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        """Requests are recorded by the model; nothing goes to stderr."""

    def do_HEAD(self) -> None:
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def do_GET(self) -> None:
        self._send(404, _error("not_found_error", f"{self.path} is not part of a rehearsal"))

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("content-length", 0))))
        path = self.path.partition("?")[0]
        if path.endswith("/count_tokens"):
            self._send(200, {"input_tokens": len(json.dumps(body)) // 4})
        elif path.endswith("/v1/messages"):
            self._send_reply(body)
        else:
            self._send(404, _error("not_found_error", f"{self.path} is not part of a rehearsal"))

    def _send_reply(self, body: JsonObject) -> None:
        reply = self.server.model.answer(body, {name.lower(): value for name, value in self.headers.items()})
        if isinstance(reply, ApiError):
            self._send(reply.status, _error(reply.type, reply.message))
            return
        allows = self.server.model.allows if wants_verdicts(body) else None
        message = encode(reply, str(body.get("model")), allows)
        if body.get("stream"):
            self._stream(message)
        else:
            self._send(200, message)

    def _stream(self, message: JsonObject) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()
        for event in events(message):
            self.wfile.write(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode())
        self.close_connection = True

    def _send(self, status: int, value: JsonObject) -> None:
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def _error(kind: str, message: str) -> JsonObject:
    return {"type": "error", "error": {"type": kind, "message": message}}
