"""Keeps Python from searching for garbage while very many small objects are made, none of which is any.

A class, for hooks load this and `contextlib` costs them more than it would save here.
"""

from __future__ import annotations

import gc


class Uncollected:
    """`with Uncollected():` there is no collection inside; behind it all is as it was before."""

    def __enter__(self) -> None:
        self._was = gc.isenabled()
        gc.disable()

    def __exit__(self, *_: object) -> None:
        if self._was:
            gc.enable()
