"""What the client's words about an error mean, and the time they name. The texts were seen on clients and in reports of their users."""

from __future__ import annotations

import time
from calendar import timegm
from collections.abc import Iterator

import pytest

from fermata.core.moments import moment
from fermata.host.api_errors import error_name, failure, reset_time

NOW = timegm((2026, 7, 24, 10, 30, 0))  # a Friday


@pytest.fixture(autouse=True)
def in_berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Two hours ahead of UTC in July: a time without a zone is this machine's."""
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("text", "at"),
    [
        pytest.param("You've hit your limit · resets 8pm (Europe/Berlin)", "2026-07-24T18:00:00Z", id="today"),
        pytest.param(
            "You've hit your session limit · resets 3am (Europe/Berlin)", "2026-07-25T01:00:00Z", id="tomorrow"
        ),
        pytest.param("You've hit your limit · resets 1:30am (Asia/Dhaka)", "2026-07-24T19:30:00Z", id="half-past"),
        pytest.param(
            "You've hit your weekly limit · resets Jul 27 at 4:30am (Asia/Calcutta)", "2026-07-26T23:00:00Z", id="dated"
        ),
        pytest.param("You've hit your limit · resets Jul 31, 12am (UTC)", "2026-07-31T00:00:00Z", id="midnight"),
        pytest.param("Weekly limit reached · resets 10am (Asia/Seoul) · /upgrade", "2026-07-25T01:00:00Z", id="weekly"),
        pytest.param("You've hit your weekly limit · resets Mon 12:00am", "2026-07-26T22:00:00Z", id="weekday"),
        pytest.param(
            "Claude usage limit reached. Your limit will reset at 1pm (Etc/GMT+5).", "2026-07-24T18:00:00Z", id="older"
        ),
        pytest.param("Limits will reset at 9:30 PM. View your usage details.", "2026-07-24T19:30:00Z", id="no-zone"),
        pytest.param("Claude AI usage limit reached|1784895000", "2026-07-24T12:10:00Z", id="stamp"),
        pytest.param("Request rejected (429) · Please try again in 20 seconds.", "2026-07-24T10:30:20Z", id="seconds"),
        pytest.param("rate limited; try again in 1h 5m", "2026-07-24T11:35:00Z", id="hours"),
        pytest.param("resets in 45 min", "2026-07-24T11:15:00Z", id="minutes"),
        pytest.param("429 (retry-after: 90)", "2026-07-24T10:31:30Z", id="header"),
        pytest.param("This request would exceed your account's rate limit. Please try again later.", None, id="later"),
        pytest.param("You've hit your limit · resets 3pm (Mars/Olympus)", None, id="unknown-zone"),
        pytest.param("You've hit your limit · resets 13pm (UTC)", None, id="no-such-hour"),
        pytest.param("You've hit your limit · resets Apr 23 at 4pm (UTC)", None, id="months-away"),
        pytest.param("Claude AI usage limit reached|1684895000", None, id="years-ago"),
        pytest.param("try again in 900 hours", None, id="weeks-away"),
        pytest.param("the table resets when you press 3", None, id="other-words"),
        pytest.param("", None, id="nothing"),
    ],
)
def test_when_work_may_go_on(text: str, at: str | None) -> None:
    found = reset_time(text, NOW)
    assert (found and moment(found)) == at


LATER = "Agent terminated early due to an API error: {} (error type {}, HTTP {}, model m)"


@pytest.mark.parametrize(
    ("error", "message", "category", "rule"),
    [
        pytest.param("rate_limit", "API Error: Request rejected (429) · x", "transient", "quota", id="quota"),
        pytest.param(LATER.format("API Error: 429", "rate_limit", 429), "", "transient", "quota", id="quota-in-words"),
        pytest.param(
            "unknown", "You've hit your weekly limit · resets 3pm (UTC)", "transient", "quota", id="only-words"
        ),
        pytest.param(
            "rate_limit",
            "Server is temporarily limiting requests (not your usage limit)",
            "transient",
            "overload",
            id="throttle",
        ),
        pytest.param("server_error", "API Error: 529 Overloaded.", "transient", "overload", id="529"),
        pytest.param("overloaded", "", "transient", "overload", id="overloaded"),
        pytest.param(
            LATER.format("API Error: 529", "server_error", 529), "", "transient", "overload", id="529-in-words"
        ),
        pytest.param("authentication_failed", "Please run /login", "blocker", "account", id="login"),
        pytest.param("billing_error", "Credit balance is too low", "blocker", "account", id="billing"),
        pytest.param("unknown", "Invalid API key · Please run /login", "blocker", "account", id="key-in-words"),
        pytest.param("invalid_request", "API Error: 400 the prompt is too spicy", "code_error", "request", id="400"),
        pytest.param("unknown", "Prompt is too long", "code_error", "request", id="too-long"),
        pytest.param("max_output_tokens", "", "code_error", "request", id="output"),
        pytest.param("unknown", "API Error: Connection error.", "transient", "unanswered", id="network"),
        pytest.param("", "Request timed out", "transient", "unanswered", id="timed-out"),
        pytest.param("", "", "transient", "lost", id="client-gone"),
        pytest.param("the user said no", "", "transient", "lost", id="refused-call"),
    ],
)
def test_what_kind_of_failure_it_is(error: str, message: str, category: str, rule: str) -> None:
    found = failure(error, message, NOW)
    assert (found["category"], found["rule"]) == (category, rule), error_name(error, message)
    assert found.get("refused", False) is (rule == "quota")


def test_a_quota_brings_its_time_along() -> None:
    assert failure("rate_limit", "resets 3pm (UTC)", NOW)["until"] == "2026-07-24T15:00:00Z"
    assert "until" not in failure("rate_limit", "try later", NOW)
    assert "until" not in failure("overloaded", "resets 3pm (UTC)", NOW)


def test_the_same_refusal_of_a_conversation_is_recognised() -> None:
    one, two = (failure("invalid_request", f"API Error: 400 {words}", NOW) for words in ("too long", "too long"))
    assert one["error"] == two["error"] != failure("invalid_request", "API Error: 400 other", NOW)["error"]
