from __future__ import annotations

import pytest

from fermata.core.output import plain, redact, tail_of


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        pytest.param("\x1b[31mred\x1b[0m", "red", id="colour"),
        pytest.param("\x1b]8;;http://x\x07link\x1b]8;;\x1b\\", "link", id="osc-8"),
        pytest.param("\x1b]52;c;aGk=\x07a", "a", id="clipboard"),
        pytest.param("10%\r20%\r\nend", "10%\n20%\nend", id="carriage-return"),
        pytest.param("a\x00\x07\x9b\u202eb\u200b\ud800c\td\n", "abc\td\n", id="control-and-bidi"),
        pytest.param("\x1b", "", id="lone-escape"),
    ],
)
def test_plain(raw: str, expected: str) -> None:
    assert plain(raw) == expected


def test_tail_starts_at_a_line_and_has_a_limit() -> None:
    assert tail_of("short\n") == "short\n"
    text = "".join(f"line {number}\n" for number in range(2000))
    tail = tail_of(text)
    assert len(tail) <= 4000
    assert tail.startswith("line ")
    assert tail.endswith("line 1999\n")
    assert len(tail_of("x" * 9000)) == 4000


LETTERS = "q7Rt2Yw9Lk4Zx1Vb8Nm3Hs6Jd5Fg0PcAeUi"
KEY = "\n".join("MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7" for _ in range(8))


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        pytest.param("key AKIAIOSFODNN7EXAMPLE here", "AKIAIOSFODNN7EXAMPLE", id="aws-id"),
        pytest.param(f"aws_secret_access_key = {LETTERS}+/ab", LETTERS, id="aws-secret"),
        pytest.param(f"remote: ghp_{LETTERS}", LETTERS, id="github"),
        pytest.param(f"use github_pat_{LETTERS}_{LETTERS}", LETTERS, id="github-fine-grained"),
        pytest.param(f"glpat-{LETTERS[:20]}", LETTERS[:20], id="gitlab"),
        pytest.param(f"sk-ant-api03-{LETTERS}", LETTERS, id="anthropic"),
        pytest.param(f"('sk-proj-{LETTERS}')", LETTERS, id="openai"),
        pytest.param(f"sk_live_{LETTERS}", LETTERS, id="stripe"),
        pytest.param(f"xoxb-123456789012-{LETTERS}", LETTERS, id="slack"),
        pytest.param(f"AIza{LETTERS}", LETTERS, id="google"),
        pytest.param(f"//registry/:_authToken=npm_{LETTERS}", LETTERS, id="npm"),
        pytest.param(f"pypi-AgEI{LETTERS}", LETTERS, id="pypi"),
        pytest.param(f"eyJhbGciOiJI.eyJzdWIiOiIx.{LETTERS}", LETTERS, id="web-token"),
        pytest.param(f"Authorization: Bearer {LETTERS}", LETTERS, id="bearer"),
        pytest.param("postgres://ann:hunter2@db/x", "hunter2", id="address"),
        pytest.param("password=hunter2", "hunter2", id="password"),
        pytest.param("DB_PASSWORD='hunter2 and more'", "hunter2 and more", id="quoted"),
        pytest.param('{"api_key": "hunter2", "a": 1}', "hunter2", id="json"),
        pytest.param("{'client_secret': 'hunter2'}", "hunter2", id="python-dict"),
        pytest.param("secret: 'hunter2'", "hunter2", id="yaml-quoted"),
        pytest.param("login(user='ann', password='hunter2')", "hunter2", id="argument"),
        pytest.param(f"-----BEGIN RSA PRIVATE KEY-----\n{KEY}\n-----END RSA PRIVATE KEY-----\nx", "MIIEv", id="key"),
        pytest.param(f"-----BEGIN OPENSSH PRIVATE KEY-----\n{KEY}", "MIIEv", id="key-cut-at-its-end"),
        pytest.param(f"{KEY}\n-----END PRIVATE KEY-----\nx", "MIIEv", id="key-cut-at-its-beginning"),
        pytest.param("\x1b[1mpassword=\x1b[0mhunter2", "hunter2", id="coloured"),
    ],
)
def test_known_shapes_of_credentials_do_not_get_into_a_tail(text: str, secret: str) -> None:
    for around in (text, f"before\n{text}\nafter\n"):
        found = tail_of(around)
        assert secret not in found
        assert "[redacted]" in found
        assert redact(found) == found
    if "\n" not in text:
        assert tail_of(f"before\n{text}\nafter\n").startswith("before\n")
        assert tail_of(f"before\n{text}\nafter\n").endswith("\nafter\n")


@pytest.mark.parametrize(
    "text",
    [
        "def login(token: str, password: str = None) -> None:",
        "assert token == expected_token",
        "E   AssertionError: assert secret != other",
        "tests/test_tokens.py::test_password_is_hashed PASSED",
        "error: the password must have 8 characters",
        "https://example.org:8080/a@b",
        "task-runner-with-a-long-name-2 and sk-fading-circle-of-dots",
        "bearer of bad news",
        "commit 9fceb02d0ae598e95dc970b74767f19372d61af8",
        "-----BEGIN CERTIFICATE-----\nMIIEvQ\n-----END CERTIFICATE-----",
    ],
)
def test_ordinary_output_stays_as_it_is(text: str) -> None:
    assert tail_of(text) == text


def test_a_credential_that_begins_before_the_tail_is_not_shown_in_part() -> None:
    line = "password=" + "hunter2" * 1000
    assert "hunter2" not in tail_of("x\n" * 9000 + line)
    assert "MIIEv" not in tail_of("x\n" * 9000 + "-----BEGIN PRIVATE KEY-----\n" + KEY * 50)


def test_redaction_takes_time_in_proportion_to_the_text() -> None:
    for text in (
        "a" * 65_536,
        "password" * 8192,
        "://" * 20_000,
        "eyJ" * 20_000,
        "A1+/\n" * 13_000,
        "x_" * 32_000,
        "-----BEGIN PRIVATE KEY-----" * 2400,
    ):
        tail_of(text)  # the limit of this test's time is the assertion
