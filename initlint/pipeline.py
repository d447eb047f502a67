"""The order of the stages: find, read, interpret, match, report.

The only module that knows it. `lint_source` takes text, so that an editor's unsaved buffer
and a file go through the same program. Three kinds of trouble are kept apart: a file that
can't be read becomes a finding, a path that is not there or a bug of ours becomes a fault,
and neither stops the other files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from typing import TYPE_CHECKING

from initlint import cells, disk, garbage, suppressions
from initlint.config import UNREADABLE, UNREADABLE_NAME, Config, Configs, Selection, bands_of, severity_of
from initlint.findings import Finding, Match, Report, Severity, Unreadable, Verdict
from initlint.intake import Run, Users, gather, read_context, take
from initlint.source import Place, Point, Source, Span, Trouble

if TYPE_CHECKING:  # what a clean file does not need is imported where it is used
    from initlint.graph import Model
    from initlint.inspection import Inspection
    from initlint.interpret.project import Project
    from initlint.repairs import Repair
    from initlint.rulebook import Rule


def lint_paths(
    paths: Sequence[str],
    configs: Configs | None = None,
    *,
    debug: bool = False,
    fixes: bool = False,
    overlay: Mapping[str, bytes] | None = None,
    jobs: int = 1,
) -> Report:
    """Lints files and folders. A path that does not exist is a fault. `overlay` stands for what files hold, `jobs` is
    how many processes may take part, 0 for as many as pay."""
    laid = overlay or {}
    context = partial(read_context, overlay=laid) if laid else read_context
    run = Run(configs or Config(), debug, context, fixes, laid, jobs=jobs)
    gather(run, paths)
    return judged(run, understand(run, all_rules))


def lint_source(
    text: str | bytes, path: str, configs: Configs | None = None, *, debug: bool = False, fixes: bool = False
) -> Report:
    """Lints text as if it stood in the file `path`, which need not exist. With `fixes`, findings have theirs."""
    run = Run(configs or Config(), debug, fixes=fixes)
    take(run, text, path)
    return judged(run, understand(run))


def study_source(
    text: str,
    path: str,
    configs: Configs | None = None,
    context: Callable[[str], Source | None] = read_context,
    users: Users | None = None,
    pulse: Callable[[], None] | None = None,
    *,
    fixes: bool = False,
) -> tuple[Report, tuple[Model, ...]]:
    """Findings, and what they are about, for editors; `context` reads the other files of the project, `users` knows
    those that use this one, and `pulse` may end the reading by raising."""
    run = Run(configs or Config(), context=context, users=users, pulse=pulse, fixes=fixes)
    take(run, text, path)
    models = understand(run)
    return judged(run, models), tuple(models)


def inspect_paths(
    paths: Sequence[str], configs: Configs | None = None, *, debug: bool = False, jobs: int = 1
) -> Inspection:
    """What is understood of the weighted layers in files and folders."""
    run = Run(configs or Config(), debug, jobs=jobs)
    gather(run, paths)
    return inspected(run)


def inspect_source(text: str | bytes, path: str, configs: Configs | None = None, *, debug: bool = False) -> Inspection:
    """What is understood of the weighted layers in a text."""
    run = Run(configs or Config(), debug)
    take(run, text, path)
    return inspected(run)


def understand(run: Run, meanwhile: Callable[[], object] = lambda: None) -> list[Model]:
    """Interprets the sources together; where that fails, by halves, until it is known which one it is. `meanwhile` is
    what may be done while other processes are at work."""
    if not run.sources:
        return []
    from initlint import importers, interpret

    users = run.users or importers.users
    around, cut = users(run.sources, run.named, run.configs, run.context)

    def read_all(sources: Sequence[Source]) -> list[Model]:
        try:
            model = interpret.read(sources, project(run), around, cut, run.pulse, run.jobs, meanwhile)
        except Exception as error:
            if len(sources) == 1:
                trouble(run, sources[0], error)
                return []
            if run.debug:
                raise
        else:
            for file, fault in dict(f for f in model.faults if f[0] in run.texts).items():  # one for each file
                run.fault(file, fault)
            return [model]
        middle = len(sources) // 2
        return read_all(sources[:middle]) + read_all(sources[middle:])

    models = read_all(run.sources)
    large = garbage.is_large(run.size)
    for source in run.sources if large else ():
        source.forget()
    if large or (run.fixes and garbage.is_much()):
        garbage.collect_all()
    return models


def trouble(run: Run, source: Source, error: Exception) -> None:
    if isinstance(error, RecursionError):
        run.unreadable.append(Trouble(source.path, 1, "nested too deeply to be followed"))
    elif isinstance(error, MemoryError):
        disk.doubt()
        run.unreadable.append(Trouble(source.path, 1, "needs too much memory to be followed"))
    else:
        run.fault(source.path, error)


def judged(run: Run, models: Sequence[Model]) -> Report:
    """Matches the rules; what is left after suppression are the findings."""
    matches, selection = found(run, models)
    table = all_rules() if matches else {}
    planned = repaired(run, matches, models) if run.fixes and matches else {}
    findings = [loud(run, finding(match, table[match.code].name, planned.get(match))) for match in matches]
    unread = {unreadable_finding(one) for one in run.unreadable if UNREADABLE in selection.of(one.file)}
    ordered = sorted([*findings, *(loud(run, one) for one in unread)], key=lambda f: (f.place, f.code, f.message))
    sources = {source.path: source for source in run.sources}
    findings = [cells.located(one, sources) for one in ordered]
    named = {f.place.document for f in findings}
    named |= {site.place.document for f in findings for site in (*f.layers, *f.related)}
    return Report(
        findings=tuple(findings),
        unreadable=told(run.unreadable),
        files=run.files,
        sources=tuple((document, text) for document, text in run.texts.items() if document in named),
        rows=tuple(row for source in run.sources if source.cells for row in cells.rows(source) if row[0] in named),
        faults=tuple(run.faults),
        fail_on=min((run.configs.of(one.place.file).fail_on for one in findings), default=Severity.WARNING),
        failures=sum(one.severity >= run.configs.of(one.place.file).fail_on for one in findings),
        promises=promises(matches, planned if run.fixes else None),
    )


def found(run: Run, models: Sequence[Model]) -> tuple[set[Match], Selection]:
    """What the rules find in the run's sources, suppressed matches left out, and comments that suppress nothing."""
    table = all_rules() if models else {}
    selection = Selection(run.configs, {*table, UNREADABLE})
    sources = {source.path: source for source in run.sources}
    apart = {code for code, rule in table.items() if rule.one_cell}
    every = matched(run, models, selection, sources)
    matches = {match for match in every if match.code not in apart or not spread(match, sources[match.place.file])}
    silenced = {match for match in matches if sources[match.place.file].silences(match.code, match.place.span)}
    idle = suppressions.idle(run.sources, models, silenced, table, selection)
    return (matches - silenced) | set(idle), selection


def repaired(run: Run, matches: Iterable[Match], models: Sequence[Model]) -> Mapping[Match, Repair]:
    """The fixes of the matches, each proven by reading the fixed text."""
    from initlint.effects import effects, steps
    from initlint.proof import Reading
    from initlint.repairs import repairs

    def shown(matches: Iterable[Match], models: Sequence[Model], source: Source) -> Reading:
        here = [match for match in matches if match.place.file == source.path]
        return Reading(here, cache(partial(effects, models)), cache(partial(steps, models)))

    def reading(source: Source, text: str, beside: Sequence[Source]) -> Reading | None:
        if text == source.text and len(beside) + 1 == len(run.sources):
            return shown(matches, models, source)
        other = Run(run.configs, run.debug, run.context, overlay=run.overlay, users=run.users, pulse=run.pulse)
        for one in run.sources:
            if one is source or one in beside:
                other.add(replace(source, text=text, known={}) if one is source else one)
        if garbage.is_much():
            garbage.collect()
        understood = understand(other)
        seen, _ = found(other, understood)
        return None if other.unreadable or other.faults else shown(seen, understood, source)

    def users(source: Source) -> list[Source]:
        from initlint.importers import importing

        return importing(source, run.sources)

    sources = {source.path: source for source in run.sources}
    try:
        return repairs(matches, sources, lambda code: all_rules()[code].safety, reading, users)
    except Exception as error:  # noqa: BLE001 - our own bug
        run.fault("fixes", error)
        return {}


def promises(matches: Iterable[Match], planned: Mapping[Match, Repair] | None) -> tuple[tuple[Severity, bool], ...]:
    """How loud each match with a fix is, and whether that is safe; as far as is known, where none was planned."""
    found = []
    for match in matches:
        if planned is not None:
            safe = getattr(planned.get(match), "safe", None)
        else:
            from initlint.remedies import promised

            safe = promised(dict(match.facts), all_rules()[match.code].safety)
        found += [] if safe is None else [(match.severity, safe)]
    return tuple(sorted(found))


def matched(run: Run, models: Sequence[Model], selection: Selection, sources: Mapping[str, Source]) -> Iterator[Match]:
    """What the rules find in the named files. Where a rule is off it does not keep another one silent either."""
    if not models:
        return
    from initlint import rules
    from initlint.interpret.shares import taking_part

    jobs, fault = taking_part(run.jobs, run.size), partial(run.fault, "rules")
    asked = {file: (codes := selection.of(file), bands_of(run.configs.of(file), codes)) for file in sources}
    for ask in set(asked.values()):
        for model in models:
            try:
                for match in rules.matches(
                    model, ask[0], remedies=True, in_full=run.fixes, bands=dict(ask[1]), jobs=jobs, fault=fault
                ):
                    if asked.get(match.place.file) == ask:
                        yield match
            except Exception as error:  # noqa: BLE001 - our own bug
                run.fault("rules", error)


def spread(match: Match, source: Source) -> bool:
    """Whether what explains a match stands in other cells of its notebook alone, which are run by themselves."""
    own = source.cell(match.place.span.start.line)
    return bool(match.related) and all(
        source.cell(site.place.span.start.line) is not own for site in match.related if site.place.file == source.path
    )


def loud(run: Run, one: Finding) -> Finding:
    """The finding, as loud as the settings for its file say."""
    severity = severity_of(run.configs.of(one.place.file), one.code, one.severity)
    return one if severity == one.severity else replace(one, severity=severity)


def inspected(run: Run) -> Inspection:
    from initlint.inspection import Inspection, rows

    models = understand(run)
    notebooks = {source.path: source for source in run.sources if source.cells}
    texts = {source.path: source for source in run.sources}
    found = tuple(
        replace(row, code=texts[row.place.file].excerpt(row.place.span) if row.place.file in texts else "").within(
            notebooks
        )
        for model in models
        for row in rows(model, model.files)
    )
    return Inspection(found, told(run.unreadable), run.files, tuple(run.faults))


def finding(match: Match, name: str, fix: Repair = None) -> Finding:
    return Finding(
        code=match.code,
        name=name,
        severity=match.severity,
        message=match.message,
        place=match.place,
        layers=match.layers,
        related=match.related,
        evidence=Verdict(match.verdict, match.before, match.after),
        fix=fix,
        documentation=documentation(match.code),
    )


def unreadable_finding(trouble: Trouble) -> Finding:
    start = Point(trouble.line, trouble.column)
    place = Place(trouble.file, Span(start, start), trouble.cell)
    return Finding(
        code=UNREADABLE,
        name=UNREADABLE_NAME,
        severity=Severity.ERROR,
        message=trouble.message,
        place=place,
        layers=(),
        related=(),
        evidence=None,
        fix=None,
        documentation=documentation(UNREADABLE),
    )


def documentation(code: str) -> str:
    """Where a rule is explained."""
    return f"initlint explain {code}"


def told(troubles: Iterable[Trouble]) -> tuple[Unreadable, ...]:
    return tuple(
        Unreadable(t.file, t.line, t.message, t.cell) for t in sorted(troubles, key=lambda t: (t.file, t.line))
    )


def all_rules() -> Mapping[str, Rule]:
    from initlint import rulebook

    return rulebook.all_rules()


def project(run: Run) -> Project:
    """The project around the named files: it reads what their names lead to."""
    from initlint.interpret.project import Project

    return Project(run.context)
