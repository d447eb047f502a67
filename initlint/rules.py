"""The rule engine: what of a model the rules match, each cause once.

A condition is asked of every instance of its subject. Contexts have to agree as the rule says (see Rule.contexts); an
unknown fact never fires. What stands at one place is one match, with all its layers.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple, TypeAlias

from initlint import lone
from initlint.aims import aims_of
from initlint.findings import Match, Severity, Site
from initlint.graph import Model
from initlint.judgement import Judged, Judgement, evidence, judged, worst
from initlint.remedies import facts_of
from initlint.rulebook import Measure, Rule, all_rules
from initlint.source import Place
from initlint.stretches import Stretch
from initlint.subject import Subject
from initlint.subjects import Use
from initlint.survey import EVERYWHERE, LAST, SUBJECTS, Instance, Survey

__all__ = ["Rule", "all_rules", "matches"]

Bands: TypeAlias = Mapping[str, tuple[float, float]]  # by code


class Hit(NamedTuple):
    """One subject that a rule's condition holds for."""

    context: int
    layer: int
    subject: Subject
    severity: Severity
    verdict: str
    judgement: Judgement | None = None


class Answer(NamedTuple):
    """What a rule holds for, by the numbers of the instances of its subject: those that count as found, and for each
    hit among them which of its subjects that is, how loud, and why."""

    agreed: tuple[int, ...] = ()
    hits: tuple[tuple[int, int, Severity, str, Judgement | None], ...] = ()


def matches(
    model: Model,
    select: frozenset[str] | None = None,
    *,
    remedies: bool = False,
    in_full: bool = False,
    bands: Bands = MappingProxyType({}),
    jobs: int = 1,
    fault: Callable[[Exception], None] | None = None,
) -> list[Match]:
    """What the rules (those in `select`, or all) find in the model: sorted, without duplicates. With `remedies`, each
    match has the facts from which its fix is planned, and `in_full` the signal before and after it, even where that
    decides on nothing. `bands` go before the rules' own. `jobs` processes
    may take part; `fault` is told why rules could not be asked there."""
    survey = Survey(model)
    rules = [rule for code, rule in sorted(all_rules().items()) if select is None or code in select]
    chosen = [within(rule, bands.get(rule.code)) for rule in rules]
    answers = {} if jobs < 2 else asked_apart(chosen, survey, jobs, fault)
    fired: dict[str, list[Hit]] = {}
    for subject in SUBJECTS:  # one after the other, for instances are many
        for rule in chosen:
            if rule.condition is not None and rule.subject == subject:
                answer = answers.get(rule.code)
                fired[rule.code] = hits(rule, survey, asked(rule, survey) if answer is None else answer)
        survey.let_go(subject)
    found = [
        match
        for rule in chosen
        if rule.code in fired
        for match in gathered(rule, owned(rule, fired, all_rules()), survey if remedies else None, in_full=in_full)
    ]
    return sorted(found, key=lambda match: (match.place, match.code))


def within(rule: Rule, limits: tuple[float, float] | None) -> Rule:
    """The rule with these limits of the signal and of the gradient in the place of its own, if it has any."""
    if limits is None or rule.measure is None:
        return rule
    band = rule.measure.band._replace(forward=limits, backward=limits)
    return rule._replace(measure=rule.measure._replace(band=band))


def asked_apart(
    rules: Sequence[Rule], survey: Survey, jobs: int, fault: Callable[[Exception], None] | None
) -> dict[str, Answer]:
    """The answers of all rules, asked on several processes. Those about one subject are asked together, for each has
    to find its instances; but those about weights, which are most, in two pieces."""
    from initlint import processes

    about: defaultdict[tuple[bool, str], list[Rule]] = defaultdict(list)
    for rule in rules:
        if rule.condition is not None:
            subject = LAST.get(rule.subject, rule.subject)
            about[rule.subject == "weight" and rule.measure is not None, subject].append(rule)
    pieces = sorted(about.values(), key=len, reverse=True)

    def work(number: int) -> dict[str, Answer]:
        found = {rule.code: asked(rule, survey) for rule in pieces[number]}
        for rule in pieces[number]:
            survey.let_go(rule.subject)
        return found

    answers: dict[str, Answer] = {}
    for number, found in processes.each(work, range(len(pieces)), jobs).items():
        if isinstance(found, processes.ProcessLostError):
            answers.update((rule.code, Answer()) for rule in pieces[number])
            if fault is not None:
                fault(found)
        else:
            answers.update(found)
    return answers


def asked(rule: Rule, survey: Survey) -> Answer:
    """What the rule holds for, in the contexts that speak for it."""
    instances = survey.instances(rule.subject)
    agreed = [number for numbers in survey.groups(rule.subject) for number in agreeing(rule, instances, numbers)]
    if not agreed:
        return Answer()
    told: list[tuple[int, int, Severity, str, Judgement | None]] = []
    concerned = concerned_in([instances[number] for number in agreed])
    for number in agreed:
        for place, subject in enumerate(instances[number].subjects):
            hit = _hit(rule, instances[number], marked(rule, instances[number], subject, concerned))
            if hit is not None:
                told.append((number, place, hit.severity, hit.verdict, hit.judgement))
    return Answer(tuple(agreed), tuple(told))


def hits(rule: Rule, survey: Survey, answer: Answer) -> list[Hit]:
    """The subjects that the rule holds for, with what is said of them."""
    if not answer.hits:
        return []
    instances = survey.instances(rule.subject)
    concerned = concerned_in([instances[number] for number in answer.agreed])
    found: list[Hit] = []
    for number, place, severity, kind, judgement in answer.hits:
        instance = instances[number]
        subject = marked(rule, instance, instance.subjects[place], concerned)
        if judgement is not None and isinstance(subject, Judged):
            subject = subject.judged(judgement)
        found.append(Hit(instance.context, instance.layer, subject, severity, kind, judgement))
    return found


def concerned_in(agreed: Sequence[Instance]) -> Mapping[int, frozenset[int]]:
    """The layers that a rule holds for, by their contexts."""
    found: defaultdict[int, set[int]] = defaultdict(set)
    for instance in agreed:
        found[instance.context].add(instance.layer)
    return {context: frozenset(layers) for context, layers in found.items()}


def marked(rule: Rule, instance: Instance, subject: Subject, concerned: Mapping[int, frozenset[int]]) -> Subject:
    """The subject, with the other layers of its context that the rule holds for."""
    if isinstance(subject, Use) and rule.measure:
        return subject.among(concerned[instance.context])
    return subject


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


def agreeing(rule: Rule, instances: Sequence[Instance], numbers: Sequence[int]) -> Sequence[int]:
    """Which of the instances at one site count as found; none where a context speaks against it."""
    if rule.contexts == "all":
        return numbers if all(verdict(rule, instances[number]) for number in numbers) else ()
    against: list[int] = []
    true: list[int] = []
    for number in numbers:
        held = verdict(rule, instances[number])
        if held is not None:
            (true if held else against).append(number)
    if rule.contexts == "every" and against:
        held_in = {instances[number].context for number in true}
        if any(instances[number].context not in held_in for number in against):
            return ()
    return true


def _hit(rule: Rule, instance: Instance, subject: Subject) -> Hit | None:
    """The hit as loud as it is; None where the rule speaks only outside its band, and this is inside, or has the cure
    already, and gives it no other reason to be loud."""
    severity, kind, loud = rule.severity, rule.verdict, False
    for louder in rule.louder:
        if louder.severity > severity and louder.condition.holds(subject):
            severity, kind, loud = louder.severity, louder.verdict, True
    if rule.measure is None or not isinstance(subject, Judged):
        return Hit(instance.context, instance.layer, subject, severity, kind)
    measure = rule.measure
    judgement = _judgement(measure, subject)
    outside = judgement is not None and judgement.outside
    if not loud and judgement is not None and measure.loop is not None and judgement.may_harm and not judgement.harms:
        severity, kind = (measure.loop if measure.only else max(severity, measure.loop)), "advice"
    elif measure.only and not loud and (judgement is None or not outside or judgement.idle):
        return None
    if judgement is not None and judgement.harms:
        severity, kind = max(severity, measure.severity), "unstable"
    whole = subject if judgement is None else subject.judged(judgement)
    return Hit(instance.context, instance.layer, whole, severity, kind, judgement)


def _judgement(measure: Measure, subject: Judged, *, in_full: bool = False) -> Judgement | None:
    """Of the strands that the subject is in, the one that speaks for them."""
    found = [judged(strand, own, measure.cure, measure.band, in_full=in_full) for strand, own in subject.strands]
    return worst([one for one in found if one is not None])


def _in_full(rule: Rule, hit: Hit) -> Judgement | None:
    """The signal as it is and as it will be, for a hit on which it may not have had to decide."""
    known = hit.judgement is not None and hit.judgement.before is not None and hit.judgement.after is not None
    if known or rule.measure is None or not isinstance(hit.subject, Judged):
        return hit.judgement
    return _judgement(rule.measure, hit.subject, in_full=True) or hit.judgement


def owned(rule: Rule, fired: Mapping[str, list[Hit]], table: Mapping[str, Rule]) -> list[Hit]:
    """The rule's hits without those on weights where a rule that goes before it has spoken."""
    taken = {
        mark
        for code, others in fired.items()
        if rule.code in table[code].over
        for hit in others
        for mark in hit.subject.marks
    }
    return [hit for hit in fired[rule.code] if not taken or not _explained(hit.subject, taken)]


def _explained(subject: Subject, taken: set[Hashable]) -> bool:
    """Whether all of it is, or for a chain any of its layers: what a chain does is said once."""
    return bool(subject.marks & taken) if isinstance(subject, Stretch) else subject.marks <= taken


def gathered(rule: Rule, found: list[Hit], survey: Survey | None = None, *, in_full: bool = False) -> Iterator[Match]:
    """One match for each place; with a survey, what would put it right as well."""
    places: defaultdict[Place, list[Hit]] = defaultdict(list)
    for hit in settled(found):
        places[hit.subject.place].append(hit)
    for place, group in places.items():
        loudest = max(hit.severity for hit in group)
        speaker = min((hit for hit in group if hit.severity == loudest), key=_order)
        sites = _distinct(site for hit in group for site in hit.subject.sites)
        before, after = evidence(_in_full(rule, speaker) if in_full else speaker.judgement)
        facts = facts_of(rule.remedy, [hit.subject for hit in group], survey) if survey and rule.remedy else ()
        aims = aims_of(dict(facts), [hit.subject for hit in group], survey) if survey and facts else ()
        if in_full and before is None and rule.measure is not None and isinstance(speaker.subject, Use):
            before, after = lone.evidence(speaker.subject, dict(facts))
        yield Match(
            code=rule.code,
            place=place,
            message=_message(rule, speaker.subject, sites, [hit.subject for hit in group if hit.severity == loudest]),
            severity=loudest,
            layers=sites,
            related=_distinct(site for hit in group for site in hit.subject.related),
            verdict=speaker.verdict,
            facts=facts,
            before=before,
            after=after,
            shown=_shown(group, survey) if survey else (),
            aims=aims,
        )


def settled(found: list[Hit]) -> list[Hit]:
    """The hits on layers of one call that makes one kind or another (`RNN = nn.LSTM if gated else nn.RNN`): as loud as
    the quietest of the kinds, since which one it is can't be known."""
    kinds: defaultdict[tuple[int, Place], dict[str, Severity]] = defaultdict(dict)
    for hit in found:
        if isinstance(hit.subject, Use):
            known = kinds[hit.context, hit.subject.layer.place]
            known[hit.subject.kind] = max(hit.severity, known.get(hit.subject.kind, Severity.INFO))
    return [
        hit._replace(severity=min(hit.severity, *kinds[hit.context, hit.subject.layer.place].values()))
        if isinstance(hit.subject, Use)
        else hit
        for hit in found
    ]


def _shown(group: list[Hit], survey: Survey) -> tuple[str, ...]:
    """The files whose entries show what the hits are about."""
    contexts = {hit.context for hit in group} - {EVERYWHERE}
    return tuple(sorted({survey.model.contexts[index].file for index in contexts}))


def _order(hit: Hit) -> tuple[int, str, int]:
    """The deepest run speaks for a place, then the first name."""
    before = None if hit.judgement is None else hit.judgement.before
    return -(before.depth if before else 0), min((site.name for site in hit.subject.sites), default=""), hit.context


def _message(rule: Rule, subject: Subject, sites: tuple[Site, ...], group: list[Subject]) -> str:
    for template in rule.messages:
        text = template.render(subject, sites, group)
        if text is not None:
            return text
    raise AssertionError(f"{rule.code}: no message without unknown facts")  # a test holds this for every rule


def _distinct(sites: Iterator[Site]) -> tuple[Site, ...]:
    return tuple(sorted(dict.fromkeys(sites), key=lambda site: (site.place, site.name, site.note)))
