"""Asks the model over HTTP, as the client does: one request, and patience with an overloaded server."""

from __future__ import annotations

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
        for attempt in range(TRIES):
            try:
                # No proxy: the address is the rehearsal's own.
                with _opener().open(request, timeout=PATIENCE) as answer:
                    found: list[Fields] = json.load(answer)["content"]
                    return found
            except urllib.error.HTTPError as error:
                with error:
                    said = _message(error.read())
                if error.code not in RETRIED or attempt == TRIES - 1:
                    raise ApiFailure(f"API Error: {error.code} {said}") from None
                time.sleep(PAUSE)
            except OSError as error:
                raise ApiFailure(f"API Error: {error}") from None
        raise AssertionError("the last try returns or raises")


def _opener() -> urllib.request.OpenerDirector:
    return urllib.request.build_opener(urllib.request.ProxyHandler({}))


def _message(data: bytes) -> str:
    try:
        return str(json.loads(data)["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return data.decode(errors="replace")[:200]
