"""The rules themselves, for `initlint rules` and `initlint explain`."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from initlint.rulebook import Rule

WIDTH = 100


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


def explained(rule: Rule) -> str:
    """The whole page of one rule."""
    return "\n".join(page(rule)).rstrip() + "\n"


def page(rule: Rule) -> Iterator[str]:
    yield f"{rule.code} {rule.name} ({rule.severity})"
    yield from paragraphs(rule.summary)
    for heading, text in (("What it finds", rule.what), ("Why", rule.why), ("When it is harmless", rule.harmless)):
        if text.strip():
            yield from ("", heading)
            yield from paragraphs(text)
    for heading, code in (("Bad", rule.bad), ("Good", rule.good)):
        if code.strip():
            yield from ("", heading)
            yield textwrap.indent(textwrap.dedent(code).strip("\n"), "    ")
    if rule.references:
        yield from ("", "References")
        for reference in rule.references:
            yield from textwrap.wrap(reference, WIDTH, initial_indent="  - ", subsequent_indent="    ")


def paragraphs(text: str) -> Iterator[str]:
    for number, paragraph in enumerate(text.strip().split("\n\n")):
        if number:
            yield ""
        yield textwrap.fill(" ".join(paragraph.split()), WIDTH, initial_indent="  ", subsequent_indent="  ")
