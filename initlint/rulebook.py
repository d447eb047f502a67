"""The rule table: one file of rules/checks for each rule, validated when it is loaded."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from functools import cache
from typing import Any, Final, NamedTuple

from initlint import schema
from initlint.conditions import Condition, compile_when
from initlint.findings import Severity
from initlint.judgement import CURES, Band, Judged
from initlint.predicates import PREDICATES, values
from initlint.remedies import REMEDIES
from initlint.schema import Row, Where
from initlint.survey import SUBJECTS
from initlint.wording import Template, compile_messages

SOURCE: Final = "source"  # the subject of rules about files and comments, which the pipeline finds by itself
DROP_COMMENT: Final = "drop-comment"  # the remedy that needs no facts
VERDICTS: Final = frozenset({"unstable", "dead", "symmetric", "crash", "unreached", "advice"})
MODES: Final = frozenset({"any", "every", "all"})
SAFETIES: Final = frozenset({"safe", "unsafe", "safe-or-unsafe", "none"})

REQUIRED: Final[Mapping[str, type]] = {
    "code": str,
    "name": str,
    "summary": str,
    "subject": str,
    "severity": str,
    "verdict": str,
    "fix": str,
    "message": list,
    "what": str,
    "why": str,
    "harmless": str,
    "bad": str,
    "good": str,
    "references": list,
}
OPTIONAL: Final[Mapping[str, type]] = {
    "contexts": str,
    "over": list,
    "when": dict,
    "louder": list,
    "remedy": str,
    "numbers": str,
    "bad_keras": str,
    "good_keras": str,
    "keras": str,
    "band": dict,
    "one_cell": bool,
}


class Louder(NamedTuple):
    """A condition under which the rule speaks louder than it does by itself."""

    condition: Condition
    when: Row
    severity: Severity
    verdict: str


class Measure(NamedTuple):
    """How the signal model decides on the severity: outside the band, and brought back by the cure, it is `severity`.
    `only` says that inside the band there is nothing to find at all. `loop` is the severity where a loop of unknown
    length may be that long; None where nothing is to be said then."""

    band: Band
    cure: str  # "": none is known, so that being outside is enough
    severity: Severity
    only: bool
    loop: Severity | None = None


class Rule(NamedTuple):
    """A rule as its file declares it. `condition` is None for what the pipeline finds by itself."""

    code: str
    name: str
    summary: str
    severity: Severity
    what: str
    why: str
    harmless: str
    bad: str
    good: str
    bad_keras: str
    good_keras: str
    keras: str  # why there is no example for Keras; "" where there is
    numbers: str  # measured, set as it stands
    references: tuple[str, ...]
    fixable: bool
    safety: str
    subject: str
    condition: Condition | None
    when: Row  # the condition as it is written
    contexts: str  # any: one context is enough; every: no context speaks against it; all: no instance does
    louder: tuple[Louder, ...]
    messages: tuple[Template, ...]
    verdict: str
    over: tuple[str, ...]  # rules that are silent on a weight where this one speaks
    measure: Measure | None = None
    one_cell: bool = False  # in a notebook: silent where what explains it stands in another cell, run by itself
    remedy: str = ""  # how it is fixed: a key of REMEDIES, and a module of fixers/


def all_rules() -> Mapping[str, Rule]:
    """Every rule by its code, in order. Raises KnowledgeError where a file is wrong."""
    return load(schema.folder())


@cache
def load(root: str) -> Mapping[str, Rule]:
    """The rules of the folder `checks` in `root`, which is the registry."""
    try:
        names = sorted(name for name in os.listdir(os.path.join(root, "checks")) if name.endswith(".toml"))
    except OSError as error:
        raise schema.KnowledgeError(f"rules/checks: expected a folder: {error}") from error
    rules = {}
    for name in names:
        where = Where(f"rules/checks/{name}")
        rule = build(schema.read(root, f"checks/{name}"), where)
        if name != f"{rule.code}.toml":
            (where / "code").fail(f"the file's name, {name.removesuffix('.toml')}", rule.code)
        rules[rule.code] = rule
    for rule in rules.values():
        where = Where(f"rules/checks/{rule.code}.toml", "over")
        for code in rule.over:
            schema.choice(code, rules, where)
            if rule.code in rules[code].over or code == rule.code:
                where.fail("no rule that goes before this one", code)
    return rules


def build(row: Row, where: Where) -> Rule:
    """The rule that a file's table declares. Raises KnowledgeError."""
    schema.keys(row, REQUIRED, OPTIONAL, where)
    if not re.fullmatch(r"INI[0-9]{3}", row["code"]):
        (where / "code").fail("a code like INI201", row["code"])
    if not re.fullmatch(r"[a-z]+(-[a-z]+)*", row["name"]):
        (where / "name").fail("a name like zero-weights", row["name"])
    for key in ("summary", "what", "why", "bad", "good"):
        if not row[key].strip():
            (where / key).fail("a text", row[key])
    if len({"bad_keras", "good_keras"} & row.keys()) == 1:
        where.fail("both of bad_keras and good_keras, or neither", row["code"])
    schema.choice(row["verdict"], VERDICTS, where / "verdict")
    schema.choice(row["fix"], SAFETIES, where / "fix")
    schema.choice(row["subject"], {*SUBJECTS, SOURCE}, where / "subject")
    subject = SUBJECTS[row["subject"]].subject if row["subject"] != SOURCE else None
    if (subject is None) == ("when" in row):
        where.fail("a table `when`, unless the subject is source", row["subject"])
    louder = schema.rows(row.get("louder", []), where / "louder")
    return Rule(
        code=row["code"],
        name=row["name"],
        summary=row["summary"],
        severity=_severity(row["severity"], where / "severity"),
        what=row["what"],
        why=row["why"],
        harmless=row["harmless"],
        bad=row["bad"],
        good=row["good"],
        bad_keras=row.get("bad_keras", ""),
        good_keras=row.get("good_keras", ""),
        keras=row.get("keras", ""),
        numbers=row.get("numbers", ""),
        references=_texts(row["references"], where / "references"),
        fixable=row["fix"] != "none",
        safety=row["fix"],
        subject=row["subject"],
        condition=_condition(row["when"], row["subject"], subject, where / "when") if subject else None,
        when=row.get("when", {}),
        contexts=schema.choice(row.get("contexts", "every"), MODES, where / "contexts"),
        louder=tuple(_louder(r, row, subject, where / f"louder[{i}]") for i, r in enumerate(louder)),
        messages=compile_messages(_texts(row["message"], where / "message"), subject, where),
        verdict=row["verdict"],
        over=_texts(row.get("over", []), where / "over"),
        measure=_measure(row["band"], subject, where / "band") if "band" in row else None,
        one_cell=row.get("one_cell", False),
        remedy=schema.choice(row.get("remedy", ""), {"", DROP_COMMENT, *REMEDIES}, where / "remedy"),
    )


def _louder(table: Row, row: Row, subject: type | None, where: Where) -> Louder:
    schema.keys(table, {"severity": str, "when": dict}, {"verdict": str}, where)
    if subject is None:
        where.fail("a rule with a condition", row["subject"])
    return Louder(
        _condition(table["when"], row["subject"], subject, where / "when"),
        table["when"],
        _severity(table["severity"], where / "severity"),
        schema.choice(table.get("verdict", row["verdict"]), VERDICTS, where / "verdict"),
    )


def _condition(table: Mapping[str, Any], name: str, subject: type, where: Where) -> Condition:
    return compile_when(table, subject, values(name), PREDICATES.get(name, {}), where)


def _severity(text: str, where: Where) -> Severity:
    return Severity[schema.choice(text, [str(s) for s in Severity], where).upper()]


def _texts(value: list[object], where: Where) -> tuple[str, ...]:
    if not all(isinstance(item, str) for item in value):
        where.fail("an array of strings", repr(value))
    return tuple(str(item) for item in value)


def _measure(table: Row, subject: type | None, where: Where) -> Measure:
    optional = {"backward": list, "depth": int, "cure": str, "severity": str, "only": bool, "loop": str}
    schema.keys(table, {"forward": list}, optional, where)
    if subject is None or not issubclass(subject, Judged):
        where.fail("a rule on weights, calls, chains or models", str(subject))
    forward = _limits(table["forward"], where / "forward")
    backward = _limits(table.get("backward", table["forward"]), where / "backward")
    cure = table.get("cure", "")
    return Measure(
        Band(forward, backward, table.get("depth", 1)),
        schema.choice(cure, CURES, where / "cure") if cure else "",
        _severity(table.get("severity", "warning"), where / "severity"),
        table.get("only", False),
        _severity(table["loop"], where / "loop") if "loop" in table else None,
    )


def _limits(value: list[object], where: Where) -> tuple[float, float]:
    numbers = [float(end) for end in value if isinstance(end, int | float)]
    if len(value) != 2 or len(numbers) != 2 or not 0 <= numbers[0] < numbers[1]:
        where.fail("two numbers, the lower one first", repr(value))
    return numbers[0], numbers[1]
