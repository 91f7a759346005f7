"""The page about specifications tells the words that the reader knows, no more and no fewer.

`PYTHONPATH=scripts/lib python -m tests.spec.test_reference` writes its tables anew.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from fermata.spec.labels import LABELS
from fermata.spec.reader import read_spec
from fermata.spec.records import FIELDS
from fermata.spec.words import CJK_WEAK, CJK_WORDS, PHASE_WORDS, TASK_WORDS, WEAK_PHASE_WORDS
from fermata.views.spec import NAMES

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "spec.md"
MARK = re.compile(r"(<!-- {} -->\n).*?(<!-- end -->)".format(r"(\w+)"), re.DOTALL)


def fields() -> str:
    rows = ["| field | language | labels |", "|---|---|---|"]
    for field, languages in LABELS.items():
        if field != "other":
            rows += [f"| `{field}` | {name} | {words} |" for name, words in languages.items()]
    return "\n".join(rows) + "\n"


def phases() -> str:
    rows = [
        "| language | counts phases | only where the document plans | there, and only as a heading or bold line |",
        "|---|---|---|---|",
    ]
    rows += [
        f"| {name} | {' | '.join(', '.join(words.get(name, ())) for words in (PHASE_WORDS, WEAK_PHASE_WORDS, TASK_WORDS))} |"
        for name in {**PHASE_WORDS, **WEAK_PHASE_WORDS}
    ]
    rows.append(f"| zh, ja, ko | {', '.join(CJK_WORDS)} | {', '.join(CJK_WEAK)} | |")
    return "\n".join(rows) + "\n"


TABLES = {"fields": fields, "phases": phases}


def written(text: str) -> str:
    return MARK.sub(lambda match: f"{match[1]}{TABLES[match[2]]()}{match[3]}", text)


def test_the_tables_are_those_of_the_code() -> None:
    text = PAGE.read_text()
    assert {match[2] for match in MARK.finditer(text)} == set(TABLES)
    assert text == written(text)


def test_every_field_has_labels_and_a_name() -> None:
    assert set(FIELDS) == set(NAMES) <= set(LABELS)


def test_the_form_of_the_page_is_read_without_gap_or_problem() -> None:
    (form,) = re.findall(r"^```markdown\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    spec = read_spec(form)
    assert len(spec.phases) == 2
    assert (spec.gaps, spec.problems) == ([], [])
    assert {
        field["sure"]
        for phase in spec.phases
        for name, field in phase["fields"].items()
        if name in ("modules", "scope")
    } == {1.0}


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text()))
    sys.exit(0)
