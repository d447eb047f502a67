"""The rules themselves, for `initlint rules` and `initlint explain`."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from initlint.report._conditions import measured, told

if TYPE_CHECKING:
    from initlint.findings import Severity
    from initlint.rulebook import Rule

WIDTH = 100
PAGE_WIDTH = 120
FIXES = {"none": "no fix", "safe": "safe fix", "unsafe": "unsafe fix", "safe-or-unsafe": "safe or unsafe fix"}


def listed(table: Mapping[str, Rule]) -> str:
    """One line for each rule."""
    rules = [table[code] for code in sorted(table)]
    name = max(len(rule.name) for rule in rules)
    severity = max(len(str(rule.severity)) for rule in rules)
    lines = (
        f"{rule.code}  {rule.name:{name}}  {rule.severity!s:{severity}}  "
        f"{'fix' if rule.fixable else '   '}  {rule.summary}"
        for rule in rules
    )
    return "".join(f"{line.rstrip()}\n" for line in lines)


def as_json(table: Mapping[str, Rule]) -> str:
    rules = [
        {
            "code": rule.code,
            "name": rule.name,
            "severity": str(rule.severity),
            "fixable": rule.fixable,
            "summary": rule.summary,
        }
        for _, rule in sorted(table.items())
    ]
    return json.dumps(rules, indent=2, ensure_ascii=False) + "\n"


class Section(NamedTuple):
    """A part of a rule's page. Code is set as it stands, in the language named (`text` for tables)."""

    heading: str
    paragraphs: tuple[str, ...] = ()
    items: tuple[str, ...] = ()
    code: str = ""
    language: str = ""


def sections(rule: Rule) -> Iterator[Section]:
    """The page of a rule, for the terminal and for docs/rules."""
    yield Section("What it finds", _paragraphs(rule.what))
    yield Section("Why", _paragraphs(rule.why))
    yield Section("When it is harmless", _paragraphs(rule.harmless))
    yield Section("When it fires", items=tuple(told(rule.when, rule.subject)))
    louder = [(one.severity, tuple(told(one.when, rule.subject))) for one in rule.louder]
    if rule.measure is not None:
        louder.append((rule.measure.severity, tuple(measured(rule.measure))))
    for number, (severity, items) in enumerate(louder):
        too = " too" if severity in (other for other, _ in louder[:number]) else ""
        yield Section(f"When it is {article(severity)}{too}", items=items)
    yield Section("Bad", code=rule.bad, language="python")
    yield Section("Good", code=rule.good, language="python")
    if rule.bad_keras:
        yield Section("Bad, in Keras", code=rule.bad_keras, language="python")
        yield Section("Good, in Keras", code=rule.good_keras, language="python")
    else:
        yield Section("In Keras", _paragraphs(rule.keras))
    if rule.numbers:
        yield Section("Numbers", code=rule.numbers, language="text")
    yield Section("References", items=rule.references)


def article(severity: Severity) -> str:
    return f"{'an' if str(severity)[0] in 'aeiou' else 'a'} {severity}"


def explained(rule: Rule) -> str:
    """The whole page of one rule, for the terminal."""
    return "\n".join(page(rule)).rstrip() + "\n"


def page(rule: Rule) -> Iterator[str]:
    yield f"{rule.code} {rule.name} ({rule.severity})"
    yield from filled(rule.summary)
    for section in sections(rule):
        if not (section.paragraphs or section.items or section.code.strip()):
            continue
        yield from ("", section.heading)
        for number, paragraph in enumerate(section.paragraphs):
            yield from [""] if number else []
            yield from filled(paragraph)
        for item in section.items:
            yield from textwrap.wrap(item, WIDTH, initial_indent="  - ", subsequent_indent="    ")
        if section.code.strip():
            yield textwrap.indent(section.code.strip("\n"), "    ")


def filled(paragraph: str) -> list[str]:
    return textwrap.wrap(paragraph, WIDTH, initial_indent="  ", subsequent_indent="  ")


def _paragraphs(text: str) -> tuple[str, ...]:
    return tuple(" ".join(paragraph.split()) for paragraph in text.strip().split("\n\n") if paragraph.strip())


def markdown(rule: Rule) -> str:
    """The same page for docs/rules."""
    return "\n".join(lines(rule)).rstrip() + "\n"


def lines(rule: Rule) -> Iterator[str]:
    yield f"# {rule.code} {rule.name}"
    yield ""
    yield f"{sentence(rule.summary)} *{str(rule.severity).capitalize()}, {FIXES[rule.safety]}.*"
    for section in sections(rule):
        if not (section.paragraphs or section.items or section.code.strip()):
            continue
        yield from ("", f"## {section.heading}", "")
        for number, paragraph in enumerate(section.paragraphs):
            yield from [""] if number else []
            yield from textwrap.wrap(paragraph, PAGE_WIDTH, break_long_words=False, break_on_hyphens=False)
        yield from (f"- {item}" for item in section.items)
        if section.code.strip():
            yield from (f"```{section.language}", section.code.strip("\n"), "```")


def index(table: Mapping[str, Rule]) -> str:
    """The list of all rules, each with a link to its page."""
    rows = [
        f"| [{code}]({code}.md) | {rule.name} | {rule.severity} | {FIXES[rule.safety]} | {rule.summary} |"
        for code, rule in sorted(table.items())
    ]
    head = ["# Rules", "", "| code | name | severity | fix | finds |", "|---|---|---|---|---|"]
    return "\n".join([*head, *rows]) + "\n"


def sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."
