"""Brief templates: Markdown with `${place}`s. What stands in a sentence has a place of its own, all else comes at `${fields}`.

`${skill_NAME}` is the section "Key instructions" of `skills/NAME/SKILL.md`: no brief goes out without its method.
"""

from __future__ import annotations

import os
import string

from ..core.contract import VOCABULARY
from .problems import DefinitionError

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "briefs")

# What every brief has without asking.
ALWAYS = ("dispatch", "run", "agent", "fields", "launcher", "schema")
SKILLS = os.path.normpath(os.path.join(HERE, "..", "..", "..", "..", "..", "skills"))
SKILL_PLACE = "skill_"
KEY = "\n## Key instructions\n"
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
    return {field for field in found if field and not field.startswith(SKILL_PLACE)} - set(ALWAYS)


def key_instructions() -> dict[str, str]:
    """By place, the key instructions of every skill that has some."""
    found = {}
    for name in sorted(os.listdir(SKILLS)):
        with open(os.path.join(SKILLS, name, "SKILL.md"), encoding="utf-8") as file:
            _, key, rest = file.read().partition(KEY)
        if key:
            found[SKILL_PLACE + name] = rest.partition("\n## ")[0].strip()
    return found
