"""Specifications as people write them: SPEC.md in, its phases out. Nothing here writes a file or starts a program."""
