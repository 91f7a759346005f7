"""Brief templates: Markdown with `${field}` places. Which fields exist, and which a template uses."""

from __future__ import annotations

import os
import string

from .problems import DefinitionError

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "briefs")

# What a stage may let its agents see (`sees`), and what every brief has without asking.
FIELDS = "goal base baseline project_checks mode answers feedback rounds plan item scope checks failure diff reports evidence".split()
ALWAYS = ("dispatch", "launcher", "schema")


def template(name: str) -> string.Template:
    """The template *name*. Raises DefinitionError when there is none."""
    known = sorted(n[:-3] for n in os.listdir(HERE) if n.endswith(".md"))
    if name not in known:  # asked of the list, so that no name can lead out of the folder
        raise DefinitionError(f'there is no brief "{name}"; known: {", ".join(known)}')
    with open(os.path.join(HERE, f"{name}.md"), encoding="utf-8") as file:
        return string.Template(file.read())


def brief_fields(name: str) -> set[str]:
    """The fields that template *name* uses, without those every brief has."""
    found = {m.group("named") or m.group("braced") for m in string.Template.pattern.finditer(template(name).template)}
    return {field for field in found if field} - set(ALWAYS)
