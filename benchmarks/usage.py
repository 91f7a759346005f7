"""Measures how fast the context in use is read off a transcript, against a bare interpreter of the same rounds.

    python3 benchmarks/usage.py [--rounds 20] [--json FILE] [--table FILE]

A process that imports `fermata.host.usage` and asks for the newest usage, on transcripts of 1 MB and 50 MB, the second
also with 4 MB of other rows behind the newest answer. Counting the whole of it is told for information.
Exit code 0: every target holds; 8: one does not.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from bench import ratios
from figures import Row, options, report
from project import PYTHON, ROOT

LIBRARY = str(ROOT / "scripts" / "lib")
ASK = "import sys; sys.path.insert(0, {!r}); from fermata.host.usage import {}; print({}({!r}))"
MB = 1_000_000


def transcript(path: Path, size: int, behind: int = 0) -> Path:
    """*size* bytes in the client's shapes: an answer with its usage, then a tool's result; *behind* bytes of results at last."""
    counts = {
        "input_tokens": 3,
        "output_tokens": 200,
        "cache_read_input_tokens": 90_000,
        "cache_creation_input_tokens": 700,
    }
    content = [{"type": "text", "text": "x" * 600}]
    heard = {"type": "user", "message": {"role": "user", "content": [{"type": "tool_result", "content": "y" * 3_000}]}}
    result, number = json.dumps(heard) + "\n", 0
    with path.open("w") as file:
        while file.tell() < size:
            number += 1
            message = {"id": f"msg_{number}", "model": "m", "role": "assistant", "content": content, "usage": counts}
            file.write(json.dumps({"type": "assistant", "message": message}) + "\n")
            if file.tell() < size - 4_000:
                file.write(result)
        for _ in range(behind // len(result)):
            file.write(result)
    return path


def asking(function: str, path: Path) -> tuple[list[str], bytes, dict[str, str]]:
    return [PYTHON, "-I", "-S", "-c", ASK.format(LIBRARY, function, function, str(path))], b"", {}


def measure(folder: Path, rounds: int) -> list[Row]:
    large = transcript(folder / "large.jsonl", 50 * MB)
    behind = transcript(folder / "behind.jsonl", 50 * MB, 4 * MB)
    cases = {
        "F0": ([PYTHON, "-I", "-S", "-c", "pass"], b"", {}),
        "1 MB": asking("context_use", transcript(folder / "small.jsonl", MB)),
        "50 MB": asking("context_use", large),
        "behind": asking("context_use", behind),
        "whole": asking("usage_of", large),
    }
    found = ratios(cases, "F0", rounds)
    return [
        Row("context in use, transcript of 1 MB", found["1 MB"], 1.5, "F0"),
        Row("context in use, transcript of 50 MB", found["50 MB"], 1.5, "F0"),
        Row("50 MB ÷ 1 MB", found["50 MB"] / found["1 MB"], 1.1, "x"),
        Row("the same, 4 MB of other rows behind it", found["behind"], None, "F0"),
        Row("all tokens of 50 MB counted", found["whole"], None, "F0"),
    ]


def main() -> int:
    given = options(__doc__, rounds=20).parse_args()
    return report(given, lambda folder: measure(folder, given.rounds))


if __name__ == "__main__":
    sys.exit(main())
