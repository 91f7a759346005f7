"""fermata: takes a goal or a spec to verified, merged code, and holds where a human or a check has to let go first."""

__version__ = "0.1.0"
