"""The fixtures of the interpreter tell the truth: the real torch agrees with each of their comments."""

from __future__ import annotations

import pytest
from expectations import FOLDER, expected, load, names, shown
from recording import Line, Recording, Seen, record

FIXTURES = "interpreter/**/*.py"
NAMES = names()


def told(line: Line, kind: str, seen: Seen) -> tuple[str, str, object]:
    inits, recurrent = sorted(map(str, seen.inits)), sorted(map(str, seen.recurrent))
    norm = seen.normed if seen.normed != seen.bare else None if seen.normed else False
    return kind, shown(line), (inits, recurrent, sorted(seen.activations), norm)


def facts(recording: Recording) -> list[tuple[str, str, object]]:
    sites = [told(line, "inspect", seen) for line, seen in recording.sites.items()]
    return sorted(sites + [told(line, "through", seen) for line, seen in recording.owners.items()], key=str)


@pytest.mark.parametrize("name", NAMES)
def test_the_comments_are_what_torch_does(name: str) -> None:
    wanted = [
        (
            kind,
            shown((path, line)),
            (sorted(map(str, e.inits)), sorted(map(str, e.recurrent)), sorted(e.activations), e.norm),
        )
        for (kind, path, line), e in expected(name).items()
    ]
    assert facts(record(lambda: load(name), FOLDER)) == sorted(wanted, key=str)
