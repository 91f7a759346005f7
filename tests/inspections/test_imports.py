"""Which imports lead nowhere, by language, and which only look so; nothing of the project is executed."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest

from fermata.inspections.changes import Changes
from fermata.inspections.go_imports import go_findings
from fermata.inspections.imports import find_broken_imports
from fermata.inspections.javascript_imports import javascript_findings
from fermata.inspections.python_imports import python_findings
from tests.git.sandbox import Sandbox, make_sandbox

if TYPE_CHECKING:
    from pathlib import Path

    from fermata.inspections.changes import Finding, Report

VENV = {".venv/bin/python": f'#!/bin/sh\nexec {sys.executable} "$@"\n'}
PACKAGE = json.dumps(
    {"name": "app", "dependencies": {"react": "1", "@scope/tool": "1"}, "devDependencies": {"vitest": "1"}}
)
TSCONFIG = '{\n  // paths\n  "compilerOptions": {"baseUrl": ".", "paths": {"@lib/*": ["lib/*"],}},\n}\n'
GO_MOD = "module example.org/app\n\ngo 1.21\n\nrequire (\n\tgithub.com/a/b v1.2.3\n\tgolang.org/x/net v0.1.0 // indirect\n)\n"

# files; words of the one finding, or None
PYTHON = [
    pytest.param({"a.py": "import os, json.decoder\nfrom collections import abc\n"}, None, id="standard-library"),
    pytest.param({"a.py": "import b\n", "b.py": ""}, None, id="beside"),
    pytest.param(
        {"pkg/__init__.py": "", "pkg/a.py": "from . import b\nfrom .b import x\n", "pkg/b.py": "x = 1\n"},
        None,
        id="relative",
    ),
    pytest.param(
        {
            "pkg/__init__.py": "",
            "pkg/sub/__init__.py": "",
            "pkg/sub/a.py": "from ..b import x\n",
            "pkg/b.py": "def x(): return 1\n",
        },
        None,
        id="two-dots",
    ),
    pytest.param(
        {"src/pkg/__init__.py": "", "src/pkg/a.py": "x = 1\n", "tests/test_a.py": "from pkg.a import x\n"},
        None,
        id="src-layout",
    ),
    pytest.param(
        {"ns/deep/a.py": "x = 1\n", "b.py": "import ns.deep.a\nfrom ns.deep import a\n"}, None, id="namespace-package"
    ),
    pytest.param(
        {"svc/main.py": "from app.core import x\n", "svc/app/core.py": "x = 1\n"},
        None,
        id="a-service-in-its-own-folder",
    ),
    pytest.param(
        {"a.py": "try:\n    import ghost\nexcept ImportError:\n    ghost = None\n"},
        None,
        id="with-an-answer-to-import-error",
    ),
    pytest.param(
        {"a.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import ghost\n"}, None, id="type-checking"
    ),
    pytest.param({"a.py": "import sys\nif sys.platform == 'win32':\n    import ghost\n"}, None, id="platform"),
    pytest.param(
        {"a.py": "from b import x\n", "b.py": "def __getattr__(name): return name\n"}, None, id="module-getattr"
    ),
    pytest.param({"a.py": "from b import x\n", "b.py": "from c import *\n", "c.py": "x = 1\n"}, None, id="star"),
    pytest.param(
        {"a.py": "from b import x\n", "b.py": "if 1:\n    x = 1\nelse:\n    x = 2\n"}, None, id="bound-in-a-branch"
    ),
    pytest.param({"a.py": "from b import x\n", "b.py": "for x, y in []: pass\n"}, None, id="bound-by-a-loop"),
    pytest.param({"a.py": "from pkg import b\n", "pkg/__init__.py": "", "pkg/b.py": ""}, None, id="submodule"),
    pytest.param(
        {
            "packages/core/src/core/__init__.py": "x = 1\n",
            "packages/web/src/web/a.py": "from core import x\n",
        },
        None,
        id="a-folder-that-is-called-like-the-package-in-it",
    ),
    pytest.param({"a.py": "import click\nimport click.testing\n", **VENV}, None, id="installed"),
    pytest.param(
        {"a.py": "import ghost\n", "requirements.txt": "ghost==1.0\n"}, None, id="declared-and-no-environment-here"
    ),
    pytest.param(
        {"a.py": "import yaml_ghost\n", "pyproject.toml": '[project]\ndependencies = ["yaml-ghost>=1"]\n'},
        None,
        id="declared-in-pyproject",
    ),
    pytest.param(
        {"a.py": "import ghost\n", "requirements/base.txt": "ghost==1.0  # haunts\n"}, None, id="declared-in-a-folder"
    ),
    pytest.param(
        {"a.py": "from contextlib import suppress\nwith suppress(ImportError):\n    import ghost\n"},
        None,
        id="suppressed",
    ),
    pytest.param(
        {"a.py": "from contextlib import suppress\nwith suppress(KeyError):\n    import ghost\n"},
        "cannot import `ghost`",
        id="something-else-suppressed",
    ),
    pytest.param({"a.py": "import b\n"}, "cannot import `b`: neither in the project", id="nowhere"),
    pytest.param({"a.py": "def f():\n    import ghost\n"}, "a.py:2", id="inside-a-function"),
    pytest.param(
        {"a.py": "import click.ghost\n", **VENV}, "cannot import `click.ghost`", id="no-such-module-of-a-package"
    ),
    pytest.param(
        {"a.py": "import ghost\n", "requirements.txt": "ghost==1.0\n", **VENV},
        "declared in requirements.txt, not installed",
        id="not-installed",
    ),
    pytest.param(
        {"pkg/__init__.py": "", "pkg/a.py": "from .b import x\n"}, "pkg/b.py is not there", id="relative-nowhere"
    ),
    pytest.param({"a.py": "from b import gone\n", "b.py": "x = 1\n"}, "b.py has no such name", id="no-such-name"),
    pytest.param(
        {"pkg/__init__.py": "x = 1\n", "pkg/a.py": "from . import gone\n"},
        "pkg/__init__.py has no such name",
        id="no-such-name-of-the-package",
    ),
    pytest.param({"pkg/__init__.py": "", "a.py": "import pkg.gone\n"}, "no such module", id="no-such-module-of-ours"),
    pytest.param({"a.py": "from ..b import x\n"}, "leads out of the repository", id="above-the-top"),
    pytest.param({"a.py": "import hello_pb2\n"}, "was the generator run?", id="proto-stub"),
    pytest.param(
        {"pkg/__init__.py": "", "pkg/a.py": "from . import hello_pb2_grpc\n"},
        "was the generator run?",
        id="relative-proto-stub",
    ),
    pytest.param({"a.py": "import (\n"}, "is no Python", id="does-not-parse"),
    pytest.param(
        {"a.py": "try:\n    import ghost\nexcept ValueError:\n    pass\n"},
        "cannot import `ghost`",
        id="an-answer-to-something-else",
    ),
]
SCRIPT = [
    pytest.param({"a.js": "import x from './b';\nconst y = require('./b.js');\n", "b.js": "\n"}, None, id="beside"),
    pytest.param(
        {"a.ts": "import { x } from './b.js';\nimport type { T } from './t';\n", "b.ts": "\n", "t.d.ts": "\n"},
        None,
        id="ts-written-as-js",
    ),
    pytest.param(
        {"a.tsx": "import A from './A';\nimport './a.css';\n", "A/index.tsx": "\n", "a.css": "\n"},
        None,
        id="index-and-css",
    ),
    pytest.param(
        {"a.js": "import fs from 'fs';\nimport p from 'node:path';\nimport 'fs/promises';\n"}, None, id="built-in"
    ),
    pytest.param(
        {
            "a.js": "import r from 'react';\nimport 'react/jsx-runtime';\n",
            "package.json": PACKAGE,
            "node_modules/react/x": "",
        },
        None,
        id="installed",
    ),
    pytest.param(
        {
            "web/a.js": "import t from '@scope/tool/x';\n",
            "package.json": PACKAGE,
            "node_modules/@scope/tool/x": "",
        },
        None,
        id="scoped-above",
    ),
    pytest.param(
        {"a.ts": "import { x } from '@lib/x';\n", "lib/x.ts": "\n", "tsconfig.json": TSCONFIG},
        None,
        id="tsconfig-paths",
    ),
    pytest.param(
        {
            "tsconfig.base.json": '{"compilerOptions": {"paths": {"@lib/*": ["./lib/*"]}}}',
            "apps/web/tsconfig.json": '{"extends": "../../tsconfig.base", "compilerOptions": {"strict": true}}',
            "lib/x.ts": "\n",
            "apps/web/a.ts": "import { x } from '@lib/x';\n",
        },
        None,
        id="tsconfig-extends",
    ),
    pytest.param(
        {
            "tsconfig.json": '{"extends": ["./tsconfig.json", "@tsconfig/node20"]}',
            "a.ts": "import { x } from '@lib/x';\n",
        },
        "no package.json above it declares",
        id="tsconfig-extends-itself",
    ),
    pytest.param(
        {
            "vite.config.js": "export default { resolve: { alias: { '@ui': '/src/ui', parts: '/src/parts' } } }\n",
            "a.jsx": "",
            "b.js": "import x from '@ui/x';\nimport y from 'parts/y';\nimport z from 'resolver';\n",
        },
        "cannot import `resolver`",
        id="alias-of-a-bundler",
    ),
    pytest.param({"src/a.ts": "import { x } from '@/b';\n", "src/b.ts": "\n"}, None, id="at-is-src"),
    pytest.param(
        {"packages/a/package.json": '{"name": "@w/a"}', "packages/b/b.js": "import '@w/a';\n"}, None, id="workspace"
    ),
    pytest.param({"a.js": "// import './ghost';\nconst s = \"import './ghost'\";\n"}, None, id="comment-and-string"),
    pytest.param({"a.js": "try { require('ghost') } catch (e) {}\n"}, None, id="in-a-try"),
    pytest.param({"a.ts": "import x from './logo.svg?url';\n", "logo.svg": "<svg/>"}, None, id="query"),
    pytest.param(
        {"a.ts": "import x from 'virtual:pwa';\nimport y from '#internal';\nimport z from '$lib/z';\n"},
        None,
        id="virtual",
    ),
    pytest.param({"a.js": "import x from './ghost';\n"}, "ghost is not there", id="nowhere"),
    pytest.param({"web/a.js": "export * from '../ghost.js';\n"}, "ghost.js is not there", id="export-from-nowhere"),
    pytest.param({"a.js": "const x = await import('./ghost.js');\n"}, "ghost.js is not there", id="dynamic"),
    pytest.param(
        {"a.js": "import r from 'react';\n", "package.json": PACKAGE},
        "not installed; was `npm ci` run there?",
        id="not-installed",
    ),
    pytest.param(
        {"a.js": "import g from 'ghost';\n", "package.json": PACKAGE},
        "no package.json above it declares",
        id="not-declared",
    ),
    pytest.param(
        {"a.ts": "import { x } from '@lib/ghost';\n", "lib/x.ts": "\n", "tsconfig.json": TSCONFIG},
        "lib/ghost is not there",
        id="alias-to-nowhere",
    ),
    pytest.param({"a.js": "import m from './proto/hello_pb';\n"}, "was the generator run?", id="proto-stub"),
    pytest.param({"a.tsx": "import {\n  A,\n  B,\n} from './ghost';\n"}, "a.tsx:1", id="over-several-lines"),
]
GO = [
    pytest.param({"a.go": 'package a\nimport (\n\t"fmt"\n\tx "net/http"\n)\n'}, None, id="standard-library"),
    pytest.param(
        {"a.go": 'package a\nimport "example.org/app/b"\n', "b/b.go": "package b\n"}, None, id="a-folder-of-ours"
    ),
    pytest.param(
        {"a.go": 'package a\nimport (\n\t"github.com/a/b/sub"\n\t_ "golang.org/x/net/html"\n)\n'}, None, id="required"
    ),
    pytest.param(
        {"a.go": 'package a\n/*\nimport "example.org/app/ghost"\n*/\nimport (\n\t// "ghost.org/x"\n\t"fmt"\n)\n'},
        None,
        id="comment",
    ),
    pytest.param({"a.go": 'package a\nimport "example.org/app/ghost"\n'}, "ghost/ has no Go file", id="nowhere"),
    pytest.param(
        {"a.go": 'package a\nimport "example.org/app/proto/hello"\n'}, "was the generator run?", id="proto-stub"
    ),
    pytest.param({"a.go": 'package a\nimport "github.com/other/x"\n'}, "go.mod does not require it", id="not-required"),
]


@pytest.fixture
def sandbox(tmp_path: Path) -> Sandbox:
    made = make_sandbox(tmp_path / "project")
    made.write(".gitignore", ".venv/\nnode_modules/\n")
    made.commit()
    return made


def judge(sandbox: Sandbox, files: dict[str, str]) -> Report:
    for name, text in files.items():
        sandbox.write(name, text, 0o755 if "/bin/" in name else 0o644)
    return find_broken_imports(Changes(str(sandbox.root)))


def told(report: Report) -> list[str]:
    return [f"{f.path}:{f.line}: {f.what}" for f in report.findings]


def write(root: Path, files: dict[str, str]) -> list[str]:
    """Put *files* below *root*; those that git would keep."""
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
        (root / name).chmod(0o755 if "/bin/" in name else 0o644)
    return [name for name in files if not name.startswith((".venv/", "node_modules/"))]


def check(found: list[Finding], says: str | None) -> None:
    lines = [f"{f.path}:{f.line}: {f.what}" for f in found]
    assert len(lines) == (says is not None), lines
    assert says is None or says in lines[0]


@pytest.mark.parametrize(("files", "says"), PYTHON)
def test_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str], says: str | None) -> None:
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)
    kept = write(tmp_path, files)
    changed = [(name, files[name]) for name in kept if name.endswith(".py")]
    check(python_findings(str(tmp_path), changed, kept)[0], says)


@pytest.mark.parametrize(("files", "says"), SCRIPT)
def test_javascript_and_typescript(tmp_path: Path, files: dict[str, str], says: str | None) -> None:
    kept = write(tmp_path, files)
    changed = [(name, files[name]) for name in kept if name.endswith((".js", ".ts", ".tsx"))]
    check(javascript_findings(str(tmp_path), changed, kept), says)


@pytest.mark.parametrize(("files", "says"), GO)
def test_go(tmp_path: Path, files: dict[str, str], says: str | None) -> None:
    kept = write(tmp_path, {"go.mod": GO_MOD, **files})
    check(go_findings(str(tmp_path), [(name, files[name]) for name in files], kept), says)


def test_nothing_of_the_project_is_executed(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(sandbox.root)
    monkeypatch.setenv("PYTHONPATH", str(sandbox.root))
    canary = sandbox.root / "canary"
    trap = f"open({str(canary)!r}, 'w').close()\n"
    judge(
        sandbox,
        {
            "click/__init__.py": trap,
            "json.py": trap,
            "sitecustomize.py": trap,
            "a.py": "import click\nimport json\nimport ghost\n",
            **VENV,
        },
    )
    assert not canary.exists()


def test_generated_code_that_git_ignores_counts(sandbox: Sandbox) -> None:
    sandbox.write(".gitignore", "*_pb2.py\n.venv/\n")
    assert (
        told(
            judge(
                sandbox,
                {
                    "svc/a.py": "import hello_pb2\nfrom gen import x_pb2\n",
                    "svc/hello_pb2.py": "",
                    "svc/gen/x_pb2.py": "",
                },
            )
        )
        == []
    )


def test_an_interpreter_that_does_not_answer_is_said_and_judges_nothing(sandbox: Sandbox) -> None:
    report = judge(sandbox, {"a.py": "import ghost\n", ".venv/bin/python": "#!/bin/sh\nexit 3\n"})
    assert report.findings == []
    assert "did not answer" in report.notes[0]


def test_what_only_the_project_s_newer_python_reads_is_said_and_no_finding(sandbox: Sandbox) -> None:
    newer = '#!/bin/sh\ncase "$2" in *ast.parse*) echo True ;; *) echo "[]" ;; esac\n'
    report = judge(sandbox, {"a.py": "def f[T](x: T) -> T = x\n", ".venv/bin/python": newer})
    assert report.findings == []
    assert report.notes == ["a.py: the project's Python reads it and fermata's own does not, so it was not judged"]


def test_languages_that_are_not_judged_are_named(sandbox: Sandbox) -> None:
    report = judge(sandbox, {"a.rs": "use ghost::x;\n", "b.css": "a {}\n"})
    assert (report.findings, report.judged) == ([], 0)
    assert "imports of rust were not judged" in report.notes[0]


def test_a_module_that_another_has_not_brought_yet_is_named_at_its_line(sandbox: Sandbox) -> None:
    report = judge(
        sandbox,
        {
            "web/__init__.py": "",
            "web/a.py": "import os\nfrom web.client import Client\n",
            "web/client.py": "class Server: ...\n",
        },
    )
    assert told(report) == ["web/a.py:2: cannot import `Client` from `web.client`: web/client.py has no such name"]


def test_unchanged_files_are_left_alone(sandbox: Sandbox) -> None:
    sandbox.write("old.py", "import ghost\n")
    sandbox.commit()
    assert judge(sandbox, {"new.py": "import os\n"}).judged == 1
    assert told(judge(sandbox, {})) == []


def test_hostile_names_and_texts_do_not_stop_it(sandbox: Sandbox) -> None:
    nasty = {
        "a b'\".py": "import os\n",
        "ü.js": "import x from './ü2';\n",
        "ü2.js": "\n",
        "big.js": "import '" + "x" * 5_000 + "';\n",
        "tsconfig.json": "{" * 5_000,
    }
    assert told(judge(sandbox, nasty)) == []
