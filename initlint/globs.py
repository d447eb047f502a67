"""Globs as Ruff has them: `*` matches slashes too, `**/` also nothing, `{a,b}` stands for either."""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Iterable, Iterator

MOST_ALTERNATIVES = 200  # that the braces of one glob may stand for
BRACES = re.compile(r"(?<!\[)\{([^{}]*)\}")


def anchored(pattern: str, folder: str) -> str:
    """A glob with a slash, relative to a folder, as a glob of absolute paths; one without is for names anywhere."""
    pattern = pattern.removeprefix("./").rstrip("/")
    if "/" not in pattern or os.path.isabs(pattern):
        return pattern
    return f"{literal(folder)}/{pattern}"


def literal(path: str) -> str:
    """The glob that matches this path only."""
    return re.sub(r"([*?[{])", r"[\1]", path.replace(os.sep, "/").rstrip("/"))


def compiled(patterns: Iterable[str]) -> re.Pattern[str] | None:
    """One expression that matches what any of the globs does; None where there are none. Raises ValueError."""
    alternatives = [translated(one) for pattern in patterns for one in spread(pattern)]
    return re.compile(f"(?s:{'|'.join(alternatives)})\\Z") if alternatives else None


def spread(pattern: str) -> Iterator[str]:
    """The globs without braces that one with braces stands for. Raises ValueError where they are too many."""
    waiting, told = [pattern], 0
    while waiting:
        if len(waiting) + told > MOST_ALTERNATIVES:
            raise ValueError(f"its braces stand for more than {MOST_ALTERNATIVES} globs")
        current = waiting.pop()
        found = BRACES.search(current)
        if found is None:
            told += 1
            yield current
        else:
            waiting += [current[: found.start()] + part + current[found.end() :] for part in found[1].split(",")]


def translated(pattern: str) -> str:
    """A glob without braces as a regular expression."""
    # What fnmatch makes of stars, question marks and classes stands in `(?s:...)\Z`.
    return "(?:.*/)?".join(fnmatch.translate(part)[4:-3] for part in pattern.split("**/"))
