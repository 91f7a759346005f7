"""What the client says of an agent or a turn that an error ended: which kind of failure, and when work may go on.

The client names the error in one of its hooks and writes it into the words of another; which of the two comes first
differs (2.1.329). Reads words only: it asks nobody, and says no time that was not told.
"""

from __future__ import annotations

import re

from ..core.moments import moment
from ..core.recovery import ACCOUNT, OVERLOAD, QUOTA, REQUEST, Facts, categorise, told

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime, tzinfo

    from ..core.records import Json

NAMED = re.compile(r"error type (\w+)")
API = re.compile(r"\bAPI Error\b|\berror type \w+|Request timed out|Unable to connect to API|Connection error")
# The client's words where its error's name says less. The first one that is found decides.
PHRASES = (
    (re.compile(r"temporarily limiting requests|not your usage limit|\bOverloaded\b|\b529\b"), "overloaded"),
    (re.compile(r"hit your (?:\w+ )?limit|limit reached|out of extra usage"), "rate_limit"),
    (re.compile(r"Credit balance is too low|run /login|Invalid API key|OAuth token"), "billing_error"),
    (re.compile(r"Prompt is too long|Request too large"), "invalid_request"),
)
KNOWN = (*QUOTA, *ACCOUNT, *OVERLOAD, *REQUEST)
ZONE = r"(?:\s*\(([A-Za-z_]+(?:/[A-Za-z0-9_+-]+)*)\))?"
CLOCK = r"(\d{1,2})(?::(\d\d))?\s*([AaPp])\.?[Mm]\.?"
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
RESET = r"(?i:resets?|reset at|resets at|try again at)\s+(?:at\s+)?"
DATED = re.compile(RESET + r"([A-Za-z]{3})[a-z]*\s+(\d{1,2})(?:,)?(?:\s+at)?\s+" + CLOCK + ZONE)
WEEKLY = re.compile(RESET + r"([A-Za-z]{3})[a-z]*(?:,)?(?:\s+at)?\s+" + CLOCK + ZONE)
DAILY = re.compile(RESET + CLOCK + ZONE)
STAMP = re.compile(r"limit reached\|(\d{10})\b")
PERIOD = re.compile(
    r"(?i)(?:try again|retry|resets?)(?: after| in)[: ]+(?:(\d+)\s*h(?:ours?)?)?\s*(?:(\d+)\s*m(?:in(?:utes?)?)?)?"
    r"\s*(?:(\d+)\s*s(?:ec(?:onds?)?)?)?(?![a-z])"
)
RETRY_AFTER = re.compile(r"(?i)retry-after:?\s*(\d+)\b")
HOURS, MINUTES = range(1, 13), range(60)
DAY = 86_400
LONGEST = 8 * DAY


def failure(error: str, message: str, now: float) -> dict[str, Json]:
    """What the journal keeps beside the reason: category, rule, and for a quota that is used up until when.

    Args:
        error: the hook's field of that name.
        message: the last words of whoever ended.
        now: seconds since 1970.
    """
    text = f"{error} {message}"
    word = error_name(error, message)
    facts = Facts("api", word) if word or API.search(text) else Facts("lost")
    found, kind = told(facts), categorise(facts)
    if kind.rule == "request":
        from ..core.fingerprint import words_print

        found["error"] = words_print(text)
    if kind.rule == "quota":
        found["refused"] = True
        at = reset_time(text, now)
        found |= {"until": moment(at)} if at else {}
    return found


def error_name(error: str, message: str) -> str:
    """The client's name for the error, where it has one that the rules know; else what its words mean; else nothing."""
    text = f"{error} {message}"
    said = NAMED.search(text)
    names = (error.strip().removesuffix("_error"), error.strip(), said[1] if said else "")
    by_words = next((name for pattern, name in PHRASES if pattern.search(text)), "")
    name = next((name for name in names if name in KNOWN), "")
    return by_words if by_words == "overloaded" and name in ("", *QUOTA) else name or by_words


def reset_time(text: str, now: float) -> float | None:
    """When the client says that work may go on, in seconds since 1970; None where it does not, or not believably."""
    found = next((at for read in READERS if (at := read(text, now)) is not None), None)
    return found if found is not None and now - DAY < found < now + LONGEST else None


def _stamped(text: str, now: float) -> float | None:
    del now
    found = STAMP.search(text)
    return float(found[1]) if found else None


def _period(text: str, now: float) -> float | None:
    found = PERIOD.search(text)
    seconds = (
        sum(int(part or 0) * size for part, size in zip(found.groups(), (3600, 60, 1), strict=True)) if found else 0
    )
    header = RETRY_AFTER.search(text)
    seconds = seconds or (int(header[1]) if header else 0)
    return now + seconds if seconds else None


def _dated(text: str, now: float) -> float | None:
    """`resets Apr 23 at 4pm (America/Recife)`: the next such day."""
    found = DATED.search(text)
    if found is None or found[1].lower() not in MONTHS:
        return None
    month, day = MONTHS.index(found[1].lower()) + 1, int(found[2])
    return _next(now, found.groups()[2:], lambda at: (at.month, at.day) == (month, day), 366)


def _weekly(text: str, now: float) -> float | None:
    """`resets Mon 12:00am`."""
    found = WEEKLY.search(text)
    if found is None or found[1].lower() not in DAYS:
        return None
    day = DAYS.index(found[1].lower())
    return _next(now, found.groups()[1:], lambda at: at.weekday() == day, 8)


def _daily(text: str, now: float) -> float | None:
    """`resets 3pm (Europe/Berlin)`, today or tomorrow."""
    found = DAILY.search(text)
    return _next(now, found.groups(), lambda _: True, 2) if found else None


def _next(now: float, clock: Sequence[str | None], fits: Callable[[datetime], bool], days: int) -> float | None:
    """The first time from *now* on at that clock time, in its zone or this machine's, on a day that *fits*."""
    from datetime import datetime, timedelta

    hour, minute, half, zone = clock
    known = _zone(zone)
    if int(hour or 0) not in HOURS or int(minute or 0) not in MINUTES or (zone and known is None):
        return None
    start = datetime.fromtimestamp(now, known)
    wanted = int(hour or 0) % 12 + 12 * (str(half).lower() == "p")
    for ahead in range(days):
        day = start + timedelta(days=ahead)
        at = day.replace(hour=wanted, minute=int(minute or 0), second=0, microsecond=0)
        if fits(at) and at.timestamp() > now:
            return at.timestamp()
    return None


def _zone(name: str | None) -> tzinfo | None:
    """The zone *name*; None for none, and for one that this machine does not know."""
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(name) if name else None
    except (KeyError, ValueError, OSError):
        return None


READERS = (_stamped, _dated, _weekly, _daily, _period)
