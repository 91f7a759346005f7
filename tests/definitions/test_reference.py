"""The reference page says what the code does. After a change of the vocabulary: `PYTHONPATH=scripts/lib python -m tests.definitions.test_reference`."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fermata.core.contract import KEYS, MAX_CHARS, VOCABULARY
from fermata.core.workflow import OPTIONAL, OUTCOMES
from fermata.definitions.brief_files import brief_names
from fermata.definitions.schema_files import schema_names
from fermata.definitions.workflow_files import AGENTS, ALWAYS, MAY, NEEDS, StageFile, load_workflow

PAGE = Path(__file__).resolve().parents[2] / "docs/reference/workflow.md"
TEXT = PAGE.read_text()
HEAD = "| field | usual size | what it is |\n|---|---|---|\n"


def vocabulary() -> str:
    """The table of fields, as the page has it."""
    return "".join(f"| `{name}` | {field.chars:,} | {field.says} |\n" for name, field in VOCABULARY.items())


def rows(heading: str) -> list[list[str]]:
    """The cells of the first table behind *heading*."""
    part = TEXT.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    table = re.search(r"^\|.*?(?=\n\n|\Z)", part, re.MULTILINE | re.DOTALL)
    assert table
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in table[0].splitlines()[2:]]


def named(text: str) -> list[str]:
    return re.findall(r"`([a-z_]+)`", text)


def test_the_fields_are_those_of_the_code() -> None:
    assert TEXT.partition(HEAD)[2] == vocabulary()


def test_an_entry_s_keys_are_those_of_the_code() -> None:
    assert [named(row[0])[0] for row in rows("The contract: `sees`")] == list(KEYS)
    assert f"1 to {MAX_CHARS:,} characters" in TEXT


def test_every_key_is_told_with_its_kinds() -> None:
    told = {named(key)[0]: kinds for key, kinds, _ in rows("Keys")}
    assert set(told) == set(StageFile.model_fields)
    for key, kinds in told.items():
        own = sorted(kind for kind in NEEDS if key in NEEDS[kind] + MAY[kind])
        assert kinds == ("all" if key in ALWAYS else ", ".join(own)), key


def test_every_kind_is_told_with_its_endings() -> None:
    told = {named(kind)[0]: named(ends) for kind, _, ends in rows("Stage kinds")}
    assert set(told) == set(OUTCOMES)
    for kind, ends in told.items():
        known = [*OUTCOMES[kind], *OPTIONAL.get(kind, ())]
        assert [end for end in ends if end not in ("on", "verdict")] == known


@pytest.mark.parametrize(
    ("key", "names"),
    [("agent", list(AGENTS)), ("brief", brief_names()), ("result", list(schema_names()))],
)
def test_the_names_to_choose_from(key: str, names: list[str]) -> None:
    (says,) = [row[2] for row in rows("Keys") if row[0] == f"`{key}`"]
    assert sorted(word for word in re.findall(r"[a-z-]+", says.partition(":")[2] or says) if word in names) == sorted(
        names
    )


def test_the_example_loads(tmp_path: Path) -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
    (tmp_path / ".fermata/workflows").mkdir(parents=True)
    (tmp_path / ".fermata/workflows/small.yaml").write_text(example)
    assert load_workflow("small", str(tmp_path))[0]["name"] == "small"


if __name__ == "__main__":
    PAGE.write_text(TEXT.partition(HEAD)[0] + HEAD + vocabulary())
