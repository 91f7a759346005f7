"""What the modules of the second piece come to: what a good agent leaves of each, and what a bad one leaves instead."""

from __future__ import annotations

from .five_phases import part


def _test(title: str, *tests: str, head: str = "") -> str:
    """A unittest module: a line of code for each test."""
    methods = [f"    def test_{n}(self) -> None:\n        {code}\n" for n, code in enumerate(tests, 1)]
    return f"import unittest\n{head}\n\nclass {title}(unittest.TestCase):\n" + "\n".join(methods)


SERVICE = '''\
"""Answers readings with a summary of their station."""


def answer(readings: list[dict[str, object]]) -> dict[str, object]:
    """The station of *readings*, and the mean of what it measured."""
    celsius = [float(str(reading["celsius"])) for reading in readings]
    return {"station": readings[0]["station"], "mean": sum(celsius) / len(celsius)}
'''
FEED = """\
"use strict";

// A line for each summary.
exports.lines = (summaries) => summaries.map(({ station, mean }) => `${station}: ${mean.toFixed(1)} C`);
"""
FEED_TEST = """\
const { test } = require("node:test");
const assert = require("node:assert");
const { lines } = require("./feed.js");

test("a line for each station", () => {
  assert.deepStrictEqual(lines([{ station: "Oslo", mean: 4 }]), ["Oslo: 4.0 C"]);
});
"""
VIEW = """\
"use strict";

const escaped = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;");

// A page of lines.
exports.page = (lines) => `<ul>${lines.map((line) => `<li>${escaped(line)}</li>`).join("")}</ul>`;

exports.title = (lines) => `${lines.length} stations`;
"""
VIEW_TEST = """\
const { test } = require("node:test");
const assert = require("node:assert");
const { page } = require("./view.js");

test("a page shows each line", () => {
  assert.strictEqual(page(["a < b"]), "<ul><li>a &lt; b</li></ul>");
});
"""
GENERATOR = """\
#!/bin/sh
# Makes gen/messages.json: the fields of each message of proto/flow.proto.
set -eu
cd "$(dirname "$0")/.."
mkdir -p gen
python3 - <<'END'
import json, re
text = open("proto/flow.proto", encoding="utf-8").read()
messages = {name: re.findall(r"(\\w+) = \\d+;", body) for name, body in re.findall(r"message (\\w+) {(.*?)}", text)}
assert messages, "proto/flow.proto defines no message"
with open("gen/messages.json", "w", encoding="utf-8") as file:
    json.dump(messages, file, indent=1, sort_keys=True)
END
"""
FLOW_TEST = """\
import importlib.util
import json
import unittest
from pathlib import Path

from backend import api, ingest, parts, store

ROOT = Path(__file__).resolve().parents[1]


class Flow(unittest.TestCase):
    def test_a_line_arrives_as_a_summary(self) -> None:
        kept = store.Store()
        for line in ("Oslo;4", "Oslo;6"):
            kept.add(ingest.read(line))
        self.assertEqual(api.summarise("Oslo", kept.of("Oslo")), {"station": "Oslo", "mean": 5.0})

    def test_the_service_says_the_same(self) -> None:
        spec = importlib.util.spec_from_file_location("service", ROOT / "grpc-service" / "service.py")
        service = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(service)
        self.assertEqual(service.answer([ingest.read("Oslo;4"), ingest.read("Oslo;6")])["mean"], 5.0)

    def test_a_summary_is_as_defined(self) -> None:
        messages = json.loads((ROOT / "gen" / "messages.json").read_text())
        self.assertEqual(sorted(api.summarise("Oslo", [4.0])), sorted(messages["Summary"]))
        self.assertEqual(parts.PARTS, ("ingest", "store"))
"""

# What a good agent leaves of each module.
MODULES: dict[str, dict[str, str]] = {
    "proto": {
        "proto/flow.proto": (
            'syntax = "proto3";\npackage flow;\n\nmessage Reading { string station = 1; double celsius = 2; }\n'
            "message Summary { string station = 1; double mean = 2; }\n"
        ),
        "proto/generate.sh": GENERATOR,
    },
    "grpc-service": {
        "grpc-service/service.py": SERVICE,
        "grpc-service/test_service.py": _test(
            "Service",
            'readings = [{"station": "Oslo", "celsius": 4}, {"station": "Oslo", "celsius": 6}]',
            'self.assertEqual(service.answer([{"station": "Oslo", "celsius": 4}])["station"], "Oslo")',
            head="\nimport service\n",
        ).replace('"celsius": 6}]', '"celsius": 6}]\n        self.assertEqual(service.answer(readings)["mean"], 5.0)'),
    },
    "ingest": {
        "backend/ingest.py": (
            '"""Reads lines."""\n\n\ndef read(line: str) -> dict[str, object]:\n    """The reading in `STATION;CELSIUS`."""\n'
            '    station, _, celsius = line.partition(";")\n    return {"station": station, "celsius": float(celsius)}\n'
        ),
        "backend/test_ingest.py": _test(
            "Ingest",
            'self.assertEqual(ingest.read("Oslo;4.5"), {"station": "Oslo", "celsius": 4.5})',
            'self.assertIn("ingest", parts.PARTS)',
            head="\nfrom backend import ingest, parts\n",
        ),
        "backend/parts.py": part("ingest"),
    },
    "store": {
        "backend/store.py": (
            '"""Keeps readings."""\n\n\nclass Store:\n    """Readings by station."""\n\n    def __init__(self) -> None:\n'
            "        self._kept: dict[str, list[float]] = {}\n\n    def add(self, reading: dict[str, object]) -> None:\n"
            '        self._kept.setdefault(str(reading["station"]), []).append(float(str(reading["celsius"])))\n\n'
            "    def of(self, station: str) -> list[float]:\n        return list(self._kept.get(station, []))\n"
        ),
        "backend/test_store.py": _test(
            "Stored",
            'self.assertEqual(store.Store().of("Oslo"), [])',
            'self.assertIn("store", parts.PARTS)',
            head="\nfrom backend import parts, store\n",
        ),
        "backend/parts.py": part("store"),
    },
    "api": {
        "backend/api.py": (
            '"""Answers with summaries."""\n\n\ndef summarise(station: str, celsius: list[float]) -> dict[str, object]:\n'
            '    """The mean of *celsius*."""\n    return {"station": station, "mean": sum(celsius) / len(celsius)}\n'
        ),
        "backend/test_api.py": _test(
            "Api",
            'self.assertEqual(api.summarise("Oslo", [4.0, 6.0])["mean"], 5.0)',
            head="\nfrom backend import api\n",
        ),
    },
    "feed": {"frontend/feed.js": FEED, "frontend/feed.test.js": FEED_TEST},
    "view": {"frontend/view.js": VIEW, "frontend/view.test.js": VIEW_TEST},
    "integration": {"integration/__init__.py": "", "integration/test_flow.py": FLOW_TEST},
    "docs": {
        "docs/flow.md": "# The flow\n\nA line goes through ingest and store; the api and the service summarise it.\n"
    },
}
# What a bad agent leaves instead: a wrong answer that it calls tested, and code that is still to be written.
FAULTS: dict[str, dict[str, str]] = {
    "grpc-service": {"grpc-service/service.py": SERVICE.replace(" / len(celsius)", "")},
    "view": {
        "frontend/view.js": VIEW.replace(
            "exports.title = (lines) => `${lines.length} stations`;",
            '// TODO: implement\nexports.title = () => { throw new Error("not implemented"); };',
        )
    },
}
# The file in which two modules of a phase meet, and what does what both want.
SHARED = "backend/parts.py"
RESOLVED = part("ingest", "store")
