"""Which words are paths or globs of the repository. Looks at the words alone, never at a disk."""

from __future__ import annotations

import re

EXTENSIONS = frozenset(
    (
        "py pyi js jsx ts tsx mjs cjs mts cts vue svelte css scss less html htm json jsonc json5 yaml yml toml ini cfg "
        "conf env md mdx rst txt sql proto graphql gql prisma go mod sum rs c h cc cpp cxx hpp hh m mm swift kt kts "
        "java scala clj cljs cs fs vb fsproj csproj sln rb erb rake gemspec php pl lua r jl ex exs erl hrl hs ml mli "
        "dart zig nim cr sh bash zsh fish ps1 bat tf tfvars hcl dockerfile lock xml svg png jpg csv tsv ipynb wasm wat "
        "gradle properties plist xib storyboard pbxproj gd tscn tres glsl wgsl hlsl shader metal sol vy cairo move tex "
        "bib j2 tmpl tpl hbs ejs njk http rest feature bats cmake mk nix astro templ cue rego"
    ).split()
)
FOLDERS = frozenset(
    (
        "src lib libs tests test app apps docs doc cmd pkg internal scripts packages crates server client frontend "
        "backend web api config configs public assets migrations components services modules tools examples include "
        "proto protos infra deploy db core e2e spec specs plugins hooks bin .github ui cli data models"
    ).split()
)
PLAIN_NAMES = frozenset(
    "Makefile Dockerfile Justfile Procfile Gemfile Rakefile CMakeLists.txt Jenkinsfile LICENSE README CHANGELOG".split()
)
PATH = re.compile(r"\.{0,2}/?[\w.@+\-\[\]{}*,()$]+(?:/[\w.@+\-\[\]{}*,()$]+)*/?\Z")
INTO = re.compile(r"(?<!\w)cd \S+ *&&[^\n]*")  # what such a command names lies below that folder
VARIABLE = re.compile(r"\$(?:\{|[A-Z_]{2})")
WORD = re.compile(r"(?<![\w/.:@`${}-])(?:[\w@+\-.]+/)*[\w@+\-]+(?:\.[\w\-]+)*\.(\w{1,12})(?![\w/`(])")
PLACE = re.compile(r":(?:\d+(?:[-–]\d+)?|L\d+)(?:,\d+)*\Z|#L?\d+\Z|::.*\Z")
BETWEEN = re.compile(r"[\s,;、，`\"'()\[\]]+")
EMPHASIS = re.compile(r"(\*{1,3}|_{1,3})(\S+?)\1[.:]?\Z")  # a word that is set in bold or italics as a whole
MARKS = {ord("*"): None, ord("_"): None}
MAX_PATH = 300


def as_path(word: str) -> str:
    """*word* as a repository-relative path when it is one, else empty."""
    word = PLACE.sub("", word.strip().strip("\"'"))
    if (
        not word
        or len(word) > MAX_PATH
        or not PATH.match(word)
        or word.startswith("/")
        or "//" in word
        or "*" in word
        or VARIABLE.match(word)
        or "(" in word.split("/")[-1]
    ):
        return ""
    word = word.removeprefix("./")
    parts = word.rstrip("/").split("/")
    name, dot, extension = parts[-1].rpartition(".")
    typed = bool(dot) and extension.lower().rstrip("}") in EXTENSIONS and not re.fullmatch(r"[\d.]*", name)
    if len(parts) == 1:
        if word.endswith("/"):
            return word if re.match(r"[\w.][\w.-]+/\Z", word) else ""
        return word if parts[0] in PLAIN_NAMES or (typed and bool(name) and not _is_call(name)) else ""
    inside = word.endswith("/") or typed or parts[0] in FOLDERS or parts[0] in (".", "..") or parts[-1] in PLAIN_NAMES
    return word if inside and "." not in parts[0].strip(".") else ""


def _is_call(name: str) -> bool:
    return name.endswith(("()", "$")) or name in (
        "Node",
        "Next",
        "Vue",
        "D3",
        "Three",
        "Express",
        "React",
        "Nuxt",
        "Deno",
        "Chart",
        "Socket",
        "ASP",
        "Discord",
    )


def paths_in(text: str, spans: tuple[str, ...]) -> list[str]:
    """The paths that a block names, in code spans or bare with a known ending."""
    found = [as_path(span) for span in spans]
    for span in spans:
        text = text.replace(span, " ", 1)
    found += [as_path(match[0]) for match in WORD.finditer(INTO.sub(" ", text)) if match[1].lower() in EXTENSIONS]
    return list(dict.fromkeys(path for path in found if path))


def listed_paths(text: str, spans: tuple[str, ...]) -> list[str]:
    """The values of a field that lists paths or globs: its code spans, and the words between commas that look like one."""
    found = []
    for piece in re.split(r"[,;、，]\s*", text):
        marked = [span.strip() for span in spans if span in piece and " " not in span.strip()]
        word = re.sub(r"\s+[(–—-].*\Z|\s*\(.*\Z", "", piece).strip().strip("\"'")
        bare = bool(word) and " " not in word and ("/" in word or "." in word or "*" in word)
        found += marked or ([word] if bare else [])
    return list(dict.fromkeys(found))


def as_written(paths: list[str], source: str) -> list[str]:
    """*paths* as *source*, the lines they were read from, spells them.

    Of `src/__init__.py` and `a/**, b/**` in plain text Markdown takes the marks for emphasis, and they are gone from its text.
    """
    words = [EMPHASIS.sub(r"\2", word) for word in BETWEEN.split(source)]
    spelled = {word.translate(MARKS): word for word in reversed(words) if word.translate(MARKS) != word}
    return [path if path in words else spelled.get(path.translate(MARKS), path) for path in paths]
