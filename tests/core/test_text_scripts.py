from __future__ import annotations

import random

import pytest

from fermata.core.shell import reading_error

PIECES = (
    *r"s/a/b/; /a/,/b/p; {p;p} p; [a] s/ / a \ [ ] 1,2 $ ! { } s|a|b|g; y/ab/cd/; ~ + # ( ) x ~1 \/ [^] [^]] []a]".split(),
    *(" ", "\t", ";", "\n", '"'),
)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("program", ["sed", "sed -n", "awk"])
def test_a_long_script_is_judged_at_once_whatever_it_repeats(program: str) -> None:
    """A set such as `[^]]` that a pattern can read in two ways would take hours when it is repeated."""
    chance = random.Random(20)
    for _ in range(100):
        unit = "".join(chance.choices(PIECES, k=chance.randint(1, 3))) or "[^]]"
        begin, end = chance.choice(["", "s/", "{", "/"]), chance.choice(["X", "", "s/a", "{"])
        reading_error(f"{program} '{(begin + unit * (3_600 // len(unit)) + end)[:3_990]}' f")


@pytest.mark.parametrize(
    ("script", "free"),
    [
        ("s/[^]]*]//", True),
        ("s/[]]x/y/", True),
        ("s/[^/]w out/", False),
        ("s/[]/]/;w out", False),
        ("s/a[]b]c/d/w out", False),
    ],
)
def test_a_set_ends_where_posix_ends_it(script: str, free: bool) -> None:
    assert (reading_error(f"sed '{script}' f") is None) is free
