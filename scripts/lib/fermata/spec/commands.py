"""Which words are a command line: the value of a command field, the lines of a fence, a code span in a criterion.

Only what stands there is taken; nothing is completed or guessed, and nothing is run.
"""

from __future__ import annotations

import re

from .words import fold

SHELLS = frozenset("bash sh shell zsh console shell-session terminal fence code_ cmd powershell makefile fish".split())
PROGRAMS = frozenset(
    (
        "npm pnpm yarn npx bun bunx deno node pytest python python3 py uv uvx tox nox poetry hatch pdm pip go gotestsum "
        "cargo rustc make just task cmake ctest ninja meson bazel buck gradle gradlew mvn mvnw ant sbt dotnet msbuild "
        "nuget swift xcodebuild xcrun flutter dart mix iex elixir rebar3 rake bundle rspec ruby php composer phpunit "
        "artisan docker docker-compose podman kubectl helm terraform tofu ansible-playbook bash sh zsh cd test curl "
        "wget psql sqlite3 redis-cli jq grep rg find diff git gh ruff mypy black flake8 pylint pyright eslint prettier "
        "tsc jest vitest mocha playwright cypress turbo nx lerna biome shellcheck bats hugo jekyll mkdocs sphinx-build "
        "stack cabal ghc nix zig nim crystal julia rscript lein clj clojure sox ffmpeg forge hardhat anchor truffle echo ls "
        "cat env time coverage golangci-lint staticcheck k6 locust wrangler supabase prisma alembic rails manage.py tsx "
        "ts-node tsgo swiftlint ktlint detekt ng vue vite next expo eas"
    ).split()
)
ALONE = frozenset(
    (
        "pytest make tox nox ctest rspec phpunit jest vitest mocha eslint tsc mypy ruff shellcheck gradle mvn rake just "
        "cypress bats pyright"
    ).split()
)
PASSES = re.compile(
    r"(?:^|\b)(?:pass(?:es|ed)?|green|succeeds?|successful(?:ly)?|exits? (?:with )?(?:code )?0|clean|works?|ok|zero (?:errors|warnings)"
    r"|no (?:errors|warnings)|without (?:errors|warnings)"
    r"|lauft|grun|fehlerfrei|reussit|passe|passent|pasa|pasan|passa|passam|通过|通過|成功)(?:\b|$)"
)
# A criterion that begins with a command of these words is told by running it: "`cargo test scanner` covers symlinks".
PROVES = re.compile(
    r"(?<![\w-])(?:tests?|check|lint|clippy|build|vet|compile|typecheck|type-check|pytest|verify|validate)(?![\w-])"
)
FAILS = re.compile(r"(?<!\w)(?:fail\w*|breaks?|red|errors? out|no longer|not|never|refus\w+|reject\w*)(?!\w)")
PLACEHOLDER = re.compile(r"<[A-Za-z][\w-]*(?: [\w-]+){0,3}>")
PROMPT = re.compile(r"(?:\$|>|%|❯)\s+")
ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=\S*\s+")
MAX_COMMAND = 2_000
MAX_WORDS = 12


def looks_like_command(text: str) -> bool:
    """Whether *text* begins as a command line does, with a program that is known or a path to one."""
    text = text.strip()
    if not text or len(text) > MAX_COMMAND or "\n" in text or PLACEHOLDER.search(text):
        return False
    rest = text
    for _ in range(8):
        assigned = ASSIGNMENT.match(rest)
        if not assigned:
            break
        rest = rest[assigned.end() :]
    words = rest.split()
    if not words:
        return False
    first = words[0]
    if first.startswith(("./", "../", "bin/", "scripts/", ".venv/", "venv/", "node_modules/.bin/", "vendor/bin/")):
        return not first.endswith("/") and (len(words) > 1 or first.startswith("./") or first.endswith(".sh"))
    name = first.rstrip(";")
    return name.lower() in PROGRAMS and (len(words) > 1 or name in ALONE)


def line_commands(raw: str, spans: tuple[str, ...], *, sure: bool) -> list[str]:
    """The commands of one line. *raw*: the source behind the label. *sure*: the label says that it is a command."""
    commands = [span.strip() for span in spans if looks_like_command(span)]
    whole = raw.strip()
    if spans:
        fenced = re.fullmatch(r"(`+)\s?(.+?)\s?\1\.?", whole)
        if sure and fenced and "`" not in fenced[2]:
            return [fenced[2]]
        return commands
    whole = whole.strip("*").strip()
    if looks_like_command(whole) and (sure or not _is_prose(whole)):
        return [whole]
    return [whole] if sure and whole and not _is_prose(whole) else []


def _is_prose(text: str) -> bool:
    return bool(re.search(r"[a-z]{3,}[.;,]\s+[A-Za-z]|\.\Z", text)) or len(text.split()) > MAX_WORDS


def fenced_commands(text: str, info: str) -> list[str]:
    """The commands of a fence, comments and prompts left off. One that goes into a folder or sets something is one command."""
    if info and info not in SHELLS:
        return []
    joined = re.sub(r"[ \t]*\\\n[ \t]*", " ", text)
    lines = [line.strip() for line in joined.split("\n")]
    if any(PROMPT.match(line) for line in lines):
        lines = [PROMPT.sub("", line, count=1) for line in lines if PROMPT.match(line)]
    lines = [re.sub(r"\s+#\s.*\Z", "", line) for line in lines if line and not line.startswith(("#", "//"))]
    if info in ("fence", "code_", "console", "terminal") and not any(map(looks_like_command, lines)):
        return []
    if re.search(r"<<-?\s*['\"]?\w|^(?:for|while|if|case|function)\b|\{\s*\Z", "\n".join(lines), re.MULTILINE):
        return ["\n".join(line.rstrip() for line in joined.strip("\n").split("\n"))][
            : 1 if len(joined) <= MAX_COMMAND else 0
        ]
    if len(lines) > 1 and any(re.match(r"(?:cd|export|source|\.|set|pushd|conda|nvm)\s", line) for line in lines):
        return [" && ".join(lines)]
    return lines


def criterion_commands(text: str, spans: tuple[str, ...]) -> list[str]:
    """The commands that a criterion is proven by: it is nothing but one, says that one passes, or begins with one that tests."""
    found = [span.strip() for span in spans if looks_like_command(span)]
    left = text
    for span in spans:
        left = left.replace(span, " ", 1)
    left = fold(left).strip(" .,;:`&-–—")
    if found and (not left or left in ("and", "und", "et", "y", "e") or PASSES.search(left)):
        return found
    begins = found[:1] if found and text.lstrip(" `").startswith(found[0]) else []
    return begins if begins and PROVES.search(found[0]) and not FAILS.search(left) else []
