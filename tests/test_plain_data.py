"""What is made plain data comes back as it was, and nothing else is made of data."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import get_type_hints

import pytest

from initlint.findings import Declined, Finding, Fix, Report, Severity, Signal, Site, TextEdit, Verdict
from initlint.inspection import Init, Inspection, Row
from initlint.pipeline import inspect_paths, lint_paths
from initlint.plain_data import TYPES, OddDataError, plain, restored
from initlint.source import Place, Point, Span

SPAN = Span(Point(1, 2), Point(3, 4))
PLACE = Place("models/\udcff\u2028net.py", SPAN, 7)
SIGNAL = Signal(math.inf, 5e-324, 3, 1.5, (Signal(0.1, 0.2, 10), Signal(-0.0, 1e308, 30)))
FIXED = Finding(
    "INI999",
    "a-rule",
    Severity.WARNING,
    'says "ü\n\x00"',
    PLACE,
    (Site("Net.fc", PLACE), Site("", Place("b.py", SPAN))),
    (),
    Verdict("unstable", SIGNAL, None),
    Fix("write it", safe=False, edits=(TextEdit(SPAN, "text\r\n", 2),)),
    "initlint explain INI999",
)
DECLINED = Finding("INI998", "b", Severity.INFO, "", PLACE, (), (), None, Declined("why"), "")
REPORT = Report(
    (FIXED, DECLINED), (), 3, (("a", "x = 1\n"),), rows=(("a", (1, 2)),), promises=((Severity.ERROR, True),)
)
ROW = Row(
    PLACE,
    "Linear",
    "fc",
    Init("normal", (("mean", 0.0), ("std", 10**30), ("mode", None), ("on", True)), explicit=True, at=None, factor=2.0),
    (),
    None,
    8,
    None,
    ("why",),
)


@pytest.mark.parametrize("value", [REPORT, Inspection((ROW,), files=1), SIGNAL, PLACE, Report((), (), 0)])
def test_a_value_comes_back(value: object) -> None:
    again = restored(type(value), json.loads(json.dumps(plain(value))))
    assert again == value
    assert repr(again) == repr(value)


def test_what_the_linter_says_comes_back(root: object) -> None:
    report = lint_paths([f"{root}/fixtures/showcase"], fixes=True)
    assert {type(one.fix) for one in report.findings} >= {Fix}
    assert restored(Report, json.loads(json.dumps(plain(report)))) == report
    inspection = inspect_paths([f"{root}/fixtures/showcase"])
    assert inspection.rows
    assert restored(Inspection, json.loads(json.dumps(plain(inspection)))) == inspection


@pytest.mark.parametrize(
    "kind, data",
    [
        (Signal, ["Signal", 1.0, 1.0, 1.0, 1.0, []]),
        (Signal, ["Signal", 1.0, 1.0, 1]),
        (Signal, ["Verdict", 1.0, 1.0, 1, 1.0, []]),
        (Signal, ["Signal", True, 1.0, 1, 1.0, []]),
        (Signal, ["Signal", 1.0, 1.0, 1, 1.0, [["Signal"]]]),
        (Signal, {"Signal": 1}),
        (Signal, None),
        (Point, [1, "2"]),
        (Point, [1]),
        (Severity, 9),
        (Severity, [1]),
        (Declined, ["Declined", None]),
        (Verdict, ["Verdict", "dead", 3, None]),
        (Report, ["Report", [], [], 0, [["a"]], 1, 0, [], [], [], 0, []]),
        (Report, ["Report", [], [], 0, [], 1, 0, [], [], [], 0, [[1, 1]]]),
    ],
)
def test_other_data_is_refused(kind: type, data: object) -> None:
    with pytest.raises(OddDataError):
        restored(kind, data)


@dataclass(frozen=True, slots=True)
class Holder:
    bytes_: object


@pytest.mark.parametrize("kind", TYPES)
def test_the_types_that_are_written_down_are_declared(kind: type) -> None:
    assert TYPES[kind] == get_type_hints(kind)


def test_what_has_no_plain_data_is_refused() -> None:
    with pytest.raises(TypeError, match="bytes"):
        plain(Holder(b""))
    with pytest.raises(TypeError, match="object"):
        restored(Holder, ["Holder", 1])
