"""The pages below /ui/ for people who are signed in: one file each, found by folder.

A module with a `router` is a page (or a part of the frame); one with `NAV` stands in the menu.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import NamedTuple

from fastapi import APIRouter

from tocsin import plugins


class Nav(NamedTuple):
    """A place in the menu. `name` is the key of its words (ui.nav.<name>) and of its icon."""

    order: int
    name: str
    path: str
    #: The letter that goes there after g.
    key: str


def router() -> APIRouter:
    """Every page, below /ui."""
    made = APIRouter(include_in_schema=False)
    for module in plugins.load(__name__).values():
        if hasattr(module, "router"):
            made.include_router(module.router, prefix="/ui")
    return made


@functools.cache
def menu() -> Sequence[Nav]:
    """The places in the menu, in order."""
    return sorted(
        module.NAV for module in plugins.load(__name__).values() if hasattr(module, "NAV")
    )
