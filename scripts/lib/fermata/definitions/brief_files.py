"""Brief templates: Markdown with `${place}`s. What stands in a sentence has a place of its own, all else comes at `${fields}`."""

from __future__ import annotations

import os
import string

from ..core.contract import VOCABULARY
from .problems import DefinitionError

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "briefs")

# What every brief has without asking.
ALWAYS = ("dispatch", "fields", "launcher", "schema")
INLINE = tuple(name for name, field in VOCABULARY.items() if not field.title)


def brief_names() -> list[str]:
    """The names a stage's `brief` may have."""
    return sorted(n[:-3] for n in os.listdir(HERE) if n.endswith(".md"))


def template(name: str) -> string.Template:
    """The template *name*. Raises DefinitionError when there is none."""
    known = brief_names()
    if name not in known:  # asked of the list, so that no name can lead out of the folder
        raise DefinitionError(f'there is no brief "{name}"; known: {", ".join(known)}')
    with open(os.path.join(HERE, f"{name}.md"), encoding="utf-8") as file:
        return string.Template(file.read())


def brief_fields(name: str) -> set[str]:
    """The fields that have a place of their own in template *name*: a stage with this brief must see exactly these of `INLINE`."""
    found = {m.group("named") or m.group("braced") for m in string.Template.pattern.finditer(template(name).template)}
    return {field for field in found if field} - set(ALWAYS)
