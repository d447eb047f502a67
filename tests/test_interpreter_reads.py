"""`initlint inspect` sees in each fixture of the interpreter what its comments say, and no layer more.

The witness shows that the comments are true; so this shows that the front end is.
"""

from __future__ import annotations

import os
from functools import cache

import pytest
from expectations import FOLDER, Expectation, expected, files, names, shown
from writes import Init

from initlint import inspection, pipeline

NAMES = names()
INTERNAL = {
    "LSTM": {"sigmoid", "tanh"},
    "LSTMCell": {"sigmoid", "tanh"},
    "GRU": {"sigmoid", "tanh"},
    "GRUCell": {"sigmoid", "tanh"},
    "RNN": {"relu", "tanh"},
    "RNNCell": {"relu", "tanh"},
    "MultiheadAttention": {"attention"},
}
RAW = "Parameter"


@cache
def rows(name: str) -> dict[tuple[str, str, int], list[inspection.Row]]:
    """What is understood of a fixture, by kind of call, file and line."""
    found = pipeline.inspect_paths(files(name))
    assert not found.faults
    assert not found.unreadable
    by_line: dict[tuple[str, str, int], list[inspection.Row]] = {}
    for row in found.rows:
        kind = "inspect" if row.site is None else "through"
        path = os.path.abspath(row.place.file)
        by_line.setdefault((kind, path, row.place.span.start.line), []).append(row)
    return by_line


def answer(init: inspection.Init | None) -> Init:
    """An initializer as it is answered, in the words of the comments; an argument that is not known stays away."""
    if init is None:
        return Init("?")
    return Init("default") if init.name == "default" else Init.of(init.name, dict(init.args))


def complaints(expectation: Expectation, answers: list[inspection.Row]) -> list[str]:
    """Where the rows of a line differ from what its comment says."""
    wrong = []
    inits = {answer(row.init) for row in answers}
    if inits != expectation.inits:
        wrong.append(f"initializer {told(inits)}, not {told(expectation.inits)}")
    recurrent = {answer(row.recurrent) for row in answers if row.is_recurrent}
    if recurrent != expectation.recurrent:
        wrong.append(f"recurrent initializer {told(recurrent)}, not {told(expectation.recurrent)}")
    known = {name for row in answers for name in set(row.activations or ()) - INTERNAL.get(row.layer, set())}
    if known != expectation.activations or any(row.activations is None for row in answers):
        wrong.append(f"activations {sorted(known)}, not {sorted(expectation.activations)}")
    norms = {row.norm_between for row in answers}
    if expectation.norm is not None and norms != {expectation.norm}:
        wrong.append(f"norm between {norms}, not {expectation.norm}")
    unknown = {why for row in answers for why in row.unknown}
    return [f"{one} ({'; '.join(sorted(unknown))})" if unknown else one for one in wrong]


def told(inits: set[Init] | frozenset[Init]) -> list[str]:
    return sorted(f"{init.name}({', '.join(f'{k}={v}' for k, v in init.args)})" for init in inits)


@pytest.mark.parametrize("name", NAMES)
def test_inspect_says_what_the_comments_say(name: str) -> None:
    found = rows(name)
    wrong = []
    for (kind, path, line), expectation in sorted(expected(name).items(), key=lambda item: item[0]):
        answers = found.get((kind, path, line), [])
        told_wrong = complaints(expectation, answers) if answers else ["not seen"]
        wrong += [f"{shown((path, line))} {kind}: {one}" for one in told_wrong]
    assert wrong == []


@pytest.mark.parametrize("name", NAMES)
def test_inspect_shows_no_layer_that_nobody_makes(name: str) -> None:
    """Raw parameters that multiply nothing may be shown; so may what the framework makes inside its own layers."""
    lines = {(path, line) for _, path, line in expected(name)}
    extra = [
        f"{shown((path, line))} {row.layer} {row.name}"
        for (_, path, line), group in rows(name).items()
        for row in group
        if (path, line) not in lines and not idle(row) and not nested(row, path)
    ]
    assert extra == []


def idle(row: inspection.Row) -> bool:
    return row.layer == RAW and not row.activations


def nested(row: inspection.Row, path: str) -> bool:
    with open(path, encoding="utf-8") as handle:
        line = handle.read().split("\n")[row.place.span.start.line - 1]
    return "nn.Transformer" in line


def test_fixtures_stand_in_this_checkout() -> None:
    assert os.path.isdir(FOLDER)
    assert len(NAMES) > 100
