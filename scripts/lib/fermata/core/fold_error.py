"""Why a journal cannot be folded into a run."""

from __future__ import annotations


class FoldError(ValueError):
    """A journal that this version cannot read; `str()` names the line and the reason."""


class NewerError(FoldError):
    """A line of a kind that only a newer fermata knows: nothing is wrong with the journal, and nothing may be cut from it."""
