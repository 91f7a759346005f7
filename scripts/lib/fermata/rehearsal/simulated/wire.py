"""Asks the model over HTTP, as the client does: one request, and patience with an overloaded server."""

from __future__ import annotations

import contextlib
import json
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass

from .payloads import MODEL, Fields

RETRIED = frozenset((429, 500, 502, 503, 504, 529))
TRIES = 5
PAUSE = 0.2
PATIENCE = 300.0


class ApiFailure(Exception):
    """The model gave no answer; `str()` is what the client shows and tells its hooks."""


@dataclass(frozen=True)
class Model:
    """The address of the Messages API, and the session that asks."""

    url: str
    key: str
    session: str

    def ask(self, system: str, tools: Sequence[str], messages: Sequence[Fields], agent_id: str = "") -> list[Fields]:
        """The content blocks of the answer.

        Raises:
            ApiFailure: refused, or overloaded too often.
        """
        body = {
            "model": MODEL,
            "max_tokens": 4096,
            "system": [{"type": "text", "text": system}],
            "tools": [{"name": name, "input_schema": {"type": "object"}} for name in tools],
            "messages": list(messages),
        }
        headers = {"content-type": "application/json", "x-api-key": self.key, "x-claude-code-session-id": self.session}
        if agent_id:
            headers["x-claude-code-agent-id"] = agent_id
        request = urllib.request.Request(f"{self.url}/v1/messages", json.dumps(body).encode(), headers)  # noqa: S310 - loopback
        for _ in range(TRIES - 1):
            with contextlib.suppress(_Overloaded):
                return _answer(request)
            time.sleep(PAUSE)
        return _answer(request)


class _Overloaded(ApiFailure):
    """Worth another try."""


def _answer(request: urllib.request.Request) -> list[Fields]:
    try:
        # No proxy: the address is the rehearsal's own.
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=PATIENCE) as answer:
            found: list[Fields] = json.load(answer)["content"]
            return found
    except urllib.error.HTTPError as error:
        with error:
            kind = _Overloaded if error.code in RETRIED else ApiFailure
            raise kind(f"API Error: {error.code} {_message(error.read())}") from None
    except OSError as error:
        raise ApiFailure(f"API Error: {error}") from None


def _message(data: bytes) -> str:
    try:
        return str(json.loads(data)["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return data.decode(errors="replace")[:200]
