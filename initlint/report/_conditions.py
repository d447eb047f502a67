"""Conditions of rules in words: `keep below 0.95 (factor on the signal's standard deviation of this layer)`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from initlint.conditions import RANGE_TESTS
from initlint.judgement import CURES, DEPTHS
from initlint.predicates import PREDICATES
from initlint.rulebook import Measure
from initlint.schema import Row
from initlint.survey import SUBJECTS

WORDS = {"any": "any of", "all": "only", "none": "none of", "at_least": "at least", "at_most": "at most"}


def told(when: Row, subject: str) -> Iterator[str]:
    """Each part of a rule's condition, with what its field means."""
    for key, asked in when.items():
        if key == "predicate":
            yield f"{asked}{explained(PREDICATES[subject][asked])}"
        else:
            yield f"{part(key, asked)}{explained(getattr(SUBJECTS[subject].subject, key).fget)}"


def part(key: str, asked: object) -> str:
    if isinstance(asked, bool):
        return key if asked else f"not {key}"
    if not isinstance(asked, dict):
        return f"{key}: {listed(asked)}"
    tests = (
        f"{test} {value[0]:g} to {value[1]:g}" if test in RANGE_TESTS else f"{WORDS.get(test, test)} {listed(value)}"
        for test, value in asked.items()
    )
    return f"{key} {' and '.join(tests)}"


def measured(measure: Measure) -> Iterator[str]:
    """A band in words."""
    (low, high), (least, most) = measure.band.forward, measure.band.backward
    yield f"the signal ends outside {low:g} to {high:g} of what it was, or the gradient outside {least:g} to {most:g}"
    if measure.band.depth > 1:
        yield f"over a run of at least {measure.band.depth} layers without norms, sums and products between them"
    if measure.cure:
        yield f"and inside with {CURES[measure.cure]}"
    if measure.loop is not None:
        yield f"{measure.loop}, where a loop of unknown length is in the run that would do so with {DEPTHS[0]} layers"


def listed(value: object) -> str:
    """`a`, `a or b`, `a, b or c`."""
    if isinstance(value, list):
        *most, last = map(listed, value)
        return f"{', '.join(most)} or {last}" if most else last
    return "nothing" if value == "" else str(value)


def explained(function: Callable[..., object]) -> str:
    """The first sentence of its documentation, in brackets."""
    text = " ".join((function.__doc__ or "").split())
    sentence = re.split(r"(?<=[a-z)`])\. |; |: ", text, maxsplit=1)[0].rstrip(".")
    return f" ({sentence[0].lower()}{sentence[1:]})" if sentence else ""
