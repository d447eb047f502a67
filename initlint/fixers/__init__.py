"""One module per remedy, each only `edit(page, match, facts) -> Draft`; the folder is the registry.

A fixer writes into the file what its remedy (`remedies.py`) says, in every form in which the code may have it, and
raises `Unfit` where it can't. Modules with a leading underscore are shared by fixers.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from initlint.edits import Edits
    from initlint.findings import Match
    from initlint.page import Page

FOLDER = os.path.dirname(__file__)


class Draft(NamedTuple):
    """What a fixer says: a title, the edits, and whether it is safe where the rule leaves that open."""

    title: str
    edits: Edits
    safe: bool | None = None


def remedies() -> tuple[str, ...]:
    """The names of the remedies that there is a fixer for, in alphabetical order."""
    names = (name.removesuffix(".py") for name in os.listdir(FOLDER) if name.endswith(".py"))
    return tuple(sorted(name.replace("_", "-") for name in names if not name.startswith("_")))


def fixer(remedy: str) -> Callable[[Page, Match, Mapping[str, str]], Draft]:
    """The `edit` of a remedy's fixer."""
    edit: Callable[[Page, Match, Mapping[str, str]], Draft]
    edit = import_module(f"initlint.fixers.{remedy.replace('-', '_')}").edit
    return edit
