"""Fixes applied to files and texts, until there is nothing more to fix.

Files are fixed in memory, pass by pass, since of two fixes that overlap the second has to be planned anew; what came
out is written, or shown as a difference. Nothing but the edits changes: each file's own encoding, byte-order mark and
line ends come back as they were.
"""

from __future__ import annotations

import codecs
import difflib
import itertools
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from initlint import cells, discovery, pipeline, writing
from initlint.config import Config, Configs
from initlint.edits import apply, valid
from initlint.findings import Finding, Fix, Report, Severity
from initlint.source import LINE_END, Source, Trouble, decode, is_notebook

PASSES: Final = 20
BOM: Final = codecs.BOM_UTF8


@dataclass(frozen=True, slots=True)
class Change:
    """One file before and after; `fixed` counts the findings that were fixed in it."""

    path: str
    shown: str
    old: bytes
    new: bytes
    encoding: str
    fixed: int


@dataclass(frozen=True, slots=True)
class Mended:
    """What was changed, and the report on what is left."""

    changes: tuple[Change, ...]
    report: Report
    text: bytes | None = None  # the fixed text, where it came from standard input


def mend_paths(
    paths: Sequence[str],
    configs: Configs | None = None,
    *,
    unsafe: bool,
    least: Severity = Severity.INFO,
    write: bool = False,
    debug: bool = False,
    jobs: int = 1,
) -> Mended:
    """Fixes what is at least so severe in files and folders, in memory only unless they are to be written."""
    report = pipeline.lint_paths(paths, configs, debug=debug, fixes=True, jobs=jobs)
    named = {shown: path for path, shown in discovery.find(paths, configs or Config()).files}
    changes: dict[str, Change] = {}  # by the file that a path leads to
    overlay: dict[str, bytes] = {}
    faults: list[str] = []
    for shown in dict.fromkeys(finding.place.file for finding in report.findings):
        if shown not in named or not wanted(report.findings, shown, unsafe=unsafe, least=least):
            continue
        path = os.path.abspath(named[shown])
        file = os.path.realpath(path)
        if file in changes:  # under another name
            overlay[path] = changes[file].new
            continue
        try:
            with open(path, "rb") as read:
                old = read.read()
        except OSError as error:
            faults.append(f"{shown}: cannot be fixed: {(error.strerror or str(error)).lower()}")
            continue
        if not _as_linted(old, shown, report):
            faults.append(f"{shown}: not written: {writing.ChangedError()}")
            continue
        changed = _until_done(shown, path, old, report, overlay, configs, unsafe=unsafe, least=least, debug=debug)
        if changed is not None:
            changes[file] = changed
            overlay[path] = changed.new
    if changes:
        report = pipeline.lint_paths(paths, configs, debug=debug, fixes=True, overlay=overlay, jobs=jobs)
    left = put_in_place(changes.values()) if write else {}
    if left:
        changes = {file: change for file, change in changes.items() if change.path not in left}
        overlay = {path: data for path, data in overlay.items() if os.path.realpath(path) in changes}
        report = pipeline.lint_paths(paths, configs, debug=debug, fixes=True, overlay=overlay, jobs=jobs)
    fixed = sum(change.fixed for change in changes.values())
    faults += left.values()
    return Mended(tuple(changes.values()), replace(report, faults=(*report.faults, *faults), fixed=fixed))


def _as_linted(data: bytes, shown: str, report: Report) -> bool:
    """Whether these are the bytes of the text that the report's fixes were planned on."""
    source, texts = _read(data, shown), dict(report.sources)
    if isinstance(source, Trouble):
        return False
    now = dict(source.documents())
    return all(
        now.get(one.place.document) == texts[one.place.document]
        for one in report.findings
        if one.place.file == shown and one.place.document in texts
    )


def _until_done(
    shown: str,
    path: str,
    old: bytes,
    report: Report,
    others: Mapping[str, bytes],
    configs: Configs | None,
    *,
    unsafe: bool,
    least: Severity,
    debug: bool,
) -> Change | None:
    """One file, pass by pass. The first report may be about more files than this one."""
    source = _read(old, shown)
    if isinstance(source, Trouble) or not _comes_back(old, source):
        return None
    new, fixed = old, 0
    for _ in range(PASSES):
        step = amended(new, source, wanted(report.findings, shown, unsafe=unsafe, least=least))
        if step is None:
            break
        new, fixed = step[0], fixed + step[1]
        overlay = {**others, path: new}
        report = pipeline.lint_paths([path], configs, debug=debug, fixes=True, overlay=overlay)
    return Change(path, shown, old, new, source.encoding, fixed) if new != old else None


def mend_source(
    data: bytes,
    path: str,
    configs: Configs | None = None,
    *,
    unsafe: bool,
    least: Severity = Severity.INFO,
    debug: bool = False,
) -> Mended:
    """Fixes a text as if it stood in the file `path`."""
    report = pipeline.lint_source(data, path, configs, debug=debug, fixes=True)
    shown = path if path == "-" else discovery.shown(path)
    source = _read(data, shown)
    new, fixed = data, 0
    if isinstance(source, Trouble) or not _comes_back(data, source):
        return Mended((), report, data)
    for _ in range(PASSES):
        step = amended(new, source, wanted(report.findings, shown, unsafe=unsafe, least=least))
        if step is None:
            break
        new, fixed = step[0], fixed + step[1]
        report = pipeline.lint_source(new, path, configs, debug=debug, fixes=True)
    changes = (Change(path, shown, data, new, source.encoding, fixed),) if new != data else ()
    return Mended(changes, replace(report, fixed=fixed), new)


def wanted(findings: Iterable[Finding], file: str, *, unsafe: bool, least: Severity) -> list[Fix]:
    """The fixes of a file that are to be applied."""
    fixes = (one.fix for one in findings if one.place.file == file and one.severity >= least)
    return [fix for fix in fixes if isinstance(fix, Fix) and (fix.safe or unsafe)]


def amended(data: bytes, source: Source, fixes: Sequence[Fix]) -> tuple[bytes, int] | None:
    """The bytes with the fixes in them, and how many they are; None where nothing changes."""
    if not fixes:
        return None
    if source.cells:
        return cells.amended(data, source.path, fixes)
    text = _text(data, source)
    done = apply(text, fixes)
    if done.text == text or not valid(done.text):
        return None
    return _bytes(done.text, source), len(done.taken)


def _read(data: bytes, shown: str) -> Source | Trouble:
    return cells.read(data, shown) if is_notebook(shown) else decode(data, shown)


def _text(data: bytes, source: Source) -> str:
    """The text with its line ends as they are."""
    return data.removeprefix(BOM if source.bom else b"").decode(source.encoding)


def _bytes(text: str, source: Source) -> bytes:
    return (BOM if source.bom else b"") + text.encode(source.encoding)


def _comes_back(data: bytes, source: Source) -> bool:
    """Whether the encoding gives back the bytes that were read: those with states may not."""
    try:
        return _bytes(_text(data, source), source) == data
    except (UnicodeError, ValueError):
        return False


def put_in_place(changes: Iterable[Change]) -> dict[str, str]:
    """Writes the changes. What can't be written, or changed meanwhile, stays as it is: a sentence for each, by path."""
    faults = {}
    for change in changes:
        try:
            writing.replace(change.path, change.old, change.new)
        except writing.ChangedError as error:
            faults[change.path] = f"{change.shown}: not written: {error}"
        except OSError as error:
            faults[change.path] = f"{change.shown}: cannot be written: {(error.strerror or str(error)).lower()}"
    return faults


def difference(mended: Mended) -> str:
    """The changes as a unified diff."""
    return "".join(line for change in mended.changes for line in _difference(change))


def _difference(change: Change) -> Iterator[str]:
    old, new = (_lines(data, change) for data in (change.old, change.new))
    for line in difflib.unified_diff(old, new, change.shown, change.shown):
        yield line if line.endswith(("\n", "\r")) else f"{line}\n\\ No newline at end of file\n"


def _lines(data: bytes, change: Change) -> list[str]:
    text = data.decode(change.encoding, "replace")
    ends = [0, *(found.end() for found in LINE_END.finditer(text)), len(text)]
    return [text[a:b] for a, b in itertools.pairwise(ends) if a < b]
