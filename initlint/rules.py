"""The rule engine: what of a model the rules match, each cause once.

A condition is asked of every instance of its subject. Contexts have to agree as the rule says (see Rule.contexts); an
unknown fact never fires. What stands at one place is one match, with all its layers.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterator, Mapping
from typing import NamedTuple

from initlint.findings import Match, Severity, Site
from initlint.graph import Model
from initlint.remedies import facts_of
from initlint.rulebook import Rule, all_rules
from initlint.source import Place
from initlint.strengths import rectified
from initlint.subjects import Use
from initlint.survey import EVERYWHERE, Instance, Subject, Survey

__all__ = ["Rule", "all_rules", "matches"]


class Hit(NamedTuple):
    """One subject that a rule's condition holds for."""

    context: int
    layer: int
    subject: Subject
    severity: Severity
    verdict: str


def matches(model: Model, select: frozenset[str] | None = None, *, remedies: bool = False) -> list[Match]:
    """What the rules (those in `select`, or all) find in the model: sorted, without duplicates. With `remedies`, each
    match has the facts from which its fix is planned."""
    survey = Survey(model)
    chosen = [rule for code, rule in sorted(all_rules().items()) if select is None or code in select]
    fired = {rule.code: list(hits(rule, survey)) for rule in chosen if rule.condition is not None}
    found = [
        match
        for rule in chosen
        if rule.code in fired
        for match in gathered(rule, owned(rule, fired, all_rules()), survey if remedies else None)
    ]
    return sorted(found, key=lambda match: (match.place, match.code))


def hits(rule: Rule, survey: Survey) -> Iterator[Hit]:
    """The subjects that the rule holds for, in the contexts that speak for them."""
    instances = survey.instances(rule.subject)
    true = [instance for instance in instances if verdict(rule, instance)]
    if not true:
        return
    by_site: defaultdict[Hashable, list[Instance]] = defaultdict(list)
    wanted = {instance.site for instance in true}
    for instance in instances:
        if instance.site in wanted:
            by_site[instance.site].append(instance)
    agreed = [instance for group in by_site.values() for instance in agreeing(rule, group, speaking(survey, group))]
    rows = _rows(agreed, survey) if rule.counts_runs else {}
    for instance in agreed:
        for subject in instance.subjects:
            row = rows.get((instance.context, instance.layer))
            yield _hit(rule, instance, subject.among(row) if row and isinstance(subject, Use) else subject)


def verdict(rule: Rule, instance: Instance) -> bool | None:
    """Whether the condition holds for all ways of making the thing; None when that is unknown."""
    assert rule.condition is not None
    answer: bool | None = True
    for subject in instance.subjects:
        held = rule.condition.holds(subject)
        if held is False:
            return False
        if held is None:
            answer = None
    return answer


def speaking(survey: Survey, group: list[Instance]) -> frozenset[int]:
    contexts = tuple(dict.fromkeys(i.context for i in group))
    return frozenset({EVERYWHERE}) if contexts == (EVERYWHERE,) else survey.speaking(contexts)


def agreeing(rule: Rule, group: list[Instance], contexts: frozenset[int]) -> list[Instance]:
    """The instances at one site that count as found; none where a context speaks against it."""
    asked = [(instance, verdict(rule, instance)) for instance in group if instance.context in contexts]
    true = [instance for instance, held in asked if held]
    if rule.contexts == "all" and len(true) < len(asked):
        return []
    if rule.contexts == "every":
        held_in = {instance.context for instance in true}
        if any(held is False and instance.context not in held_in for instance, held in asked):
            return []
    return true


def _hit(rule: Rule, instance: Instance, subject: Subject) -> Hit:
    severity, kind = rule.severity, rule.verdict
    for louder in rule.louder:
        if louder.severity > severity and louder.condition.holds(subject):
            severity, kind = louder.severity, louder.verdict
    return Hit(instance.context, instance.layer, subject, severity, kind)


def _rows(instances: list[Instance], survey: Survey) -> dict[tuple[int, int], tuple[float | None, ...]]:
    """For each (context, layer) that the rule holds for: what the layers keep of the signal that stand in the longest
    row of such layers through it, each before a rectifier."""
    members: defaultdict[int, dict[int, float | None]] = defaultdict(dict)
    for instance in instances:
        first = instance.subjects[0]
        members[instance.context][instance.layer] = first.keep if isinstance(first, Use) else None
    return {
        (context, layer): tuple(keeps[i] for i in row)
        for context, keeps in members.items()
        for layer, row in survey.flows[context].runs(keeps, rectified).items()
    }


def owned(rule: Rule, fired: Mapping[str, list[Hit]], table: Mapping[str, Rule]) -> list[Hit]:
    """The rule's hits without those on weights where a rule that goes before it has spoken."""
    taken = {
        mark
        for code, others in fired.items()
        if rule.code in table[code].over
        for hit in others
        for mark in hit.subject.marks
    }
    return [hit for hit in fired[rule.code] if not taken or not hit.subject.marks <= taken]


def gathered(rule: Rule, found: list[Hit], survey: Survey | None = None) -> Iterator[Match]:
    """One match for each place; with a survey, what would put it right as well."""
    places: defaultdict[Place, list[Hit]] = defaultdict(list)
    for hit in found:
        places[hit.subject.place].append(hit)
    for place, group in places.items():
        loudest = max(hit.severity for hit in group)
        speaker = min((hit for hit in group if hit.severity == loudest), key=_order)
        sites = _distinct(site for hit in group for site in hit.subject.sites)
        yield Match(
            code=rule.code,
            place=place,
            message=_message(rule, speaker.subject, sites),
            severity=loudest,
            layers=sites,
            related=_distinct(site for hit in group for site in hit.subject.related),
            verdict=speaker.verdict,
            facts=facts_of(rule.remedy, [hit.subject for hit in group], survey) if survey and rule.remedy else (),
        )


def _order(hit: Hit) -> tuple[int, str, int]:
    """The longest run speaks for a place, then the first name."""
    length = len(hit.subject.row) if isinstance(hit.subject, Use) else 0
    return -length, min((site.name for site in hit.subject.sites), default=""), hit.context


def _message(rule: Rule, subject: Subject, sites: tuple[Site, ...]) -> str:
    for template in rule.messages:
        text = template.render(subject, sites)
        if text is not None:
            return text
    raise AssertionError(f"{rule.code}: no message without unknown facts")  # a test holds this for every rule


def _distinct(sites: Iterator[Site]) -> tuple[Site, ...]:
    return tuple(sorted(dict.fromkeys(sites), key=lambda site: (site.place, site.name, site.note)))
