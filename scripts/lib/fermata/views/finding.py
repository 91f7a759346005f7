"""One thing that `doctor` found out, and how findings are shown on a terminal; it finds nothing out itself."""

from __future__ import annotations

import textwrap
from collections import namedtuple

Finding = namedtuple("Finding", "name ok text")
Finding.__doc__ = """`ok`: True fine, False must be mended, None could not be looked at or is only worth knowing."""

SIGNS = {True: "✓", False: "✗", None: "·"}
INDENT = 14


def findings_text(findings: list[Finding], width: int, home: str) -> str:
    """A row for each finding, no wider than *width*, and what they come to. *home* is written `~`."""
    broken = sum(finding.ok is False for finding in findings)
    many = f"{broken} things" if broken > 1 else "One thing"
    end = f"{many} to mend, marked ✗." if broken else "Nothing to mend."
    return "\n".join([*(_row(finding, width, home) for finding in findings), "", end])


def _row(finding: Finding, width: int, home: str) -> str:
    text = finding.text.replace(f"{home}/", "~/") if home else finding.text
    head = f"{SIGNS[finding.ok]} {finding.name}".ljust(INDENT - 1) + " "
    wrapped = textwrap.wrap(
        text,
        max(width, 3 * INDENT) - 1,
        initial_indent=head,
        subsequent_indent=" " * INDENT,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return "\n".join(wrapped)
