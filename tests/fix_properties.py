"""What has to hold for fixes, whatever the project: asked of fixtures in the tests, and of real code in benchmarks.

A fix takes its finding away and brings none; it leaves every line alone that it does not edit; the file parses; and
once all are in place there is nothing more to fix.
"""

from __future__ import annotations

import ast
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path

from initlint.config import Config
from initlint.edits import apply, edits_of, moved
from initlint.findings import Declined, Finding, Fix, Severity, TextEdit
from initlint.mending import Mended, mend_paths
from initlint.pipeline import lint_paths
from initlint.source import decode

EVERYTHING = Config(respect_gitignore=False)
LONGEST = 400  # characters that an edit writes


@dataclass(frozen=True, slots=True)
class Trial:
    """A project before its fixes and after; `problems` are what does not hold."""

    before: tuple[Finding, ...]
    after: tuple[Finding, ...]
    problems: tuple[str, ...]

    @property
    def fixable(self) -> list[Finding]:
        return [one for one in self.before if isinstance(one.fix, Fix)]

    @property
    def declined(self) -> Counter[tuple[str, str]]:
        """How often a rule gave a reason."""
        return Counter((one.code, one.fix.why) for one in self.before if isinstance(one.fix, Declined))


def fixed_together(what: Path) -> Trial:
    """All fixes of a folder or file, written into it, safe or not; then the same again."""
    files = sorted(what.rglob("*.py")) if what.is_dir() else [what]
    texts = {path: path.read_bytes() for path in files}
    before = lint_paths([str(what)], EVERYTHING, fixes=True)
    done = mend_paths([str(what)], EVERYTHING, unsafe=True, write=True)
    after = lint_paths([str(what)], EVERYTHING, fixes=True)
    left = any(isinstance(one.fix, Fix) for one in after.findings)  # without one there is nothing to be fixed again
    again = mend_paths([str(what)], EVERYTHING, unsafe=True).changes if left else ()
    problems = [*before.faults, *done.report.faults, *after.faults]
    problems += [f"{one.shown}: fixing again changes it" for one in again]
    for file, fixes in by_file(before.findings).items():
        problems += [f"{file}: {one}" for one in touched(text_of(texts[Path(os.path.abspath(file))], file), fixes)]
    problems += unparsed(done)
    problems += compared(before.findings, after.findings, done)
    return Trial(before.findings, after.findings, tuple(dict.fromkeys(problems)))


def fixed_alone(folder: Path, before: Sequence[Finding], one: Finding) -> list[str]:
    """One fix in one file of a folder that stays as it is: what does not hold."""
    assert isinstance(one.fix, Fix)
    path = Path(os.path.abspath(one.place.file))
    data = path.read_bytes()
    text = text_of(data, one.place.file)
    done = apply(text, [one.fix]).text
    after = lint_paths([str(folder)], EVERYTHING, overlay={str(path): done.encode()}).findings
    kept = [other for other in before if other != one]
    return [
        *complaints(kept, after, {one.place.file: one.fix.edits}, mild=one.severity is Severity.ERROR),
        *touched(text, [one.fix]),
        *([] if parses(done) else [f"{path}: no Python after the fix"]),
    ]


def complaints(
    kept: Iterable[Finding], after: Iterable[Finding], edits: dict[str, tuple[TextEdit, ...]], *, mild: bool
) -> list[str]:
    """Findings that are there after the edits and were not kept; mere advice is welcome where it raised before."""
    limits = Counter(
        (one.code, one.place.file, moved(one.place.span.start, edits.get(one.place.file, ())).line) for one in kept
    )
    found = Counter(
        (one.code, one.place.file, one.place.span.start.line)
        for one in after
        if not (mild and one.severity is Severity.INFO)
    )
    return [f"{file}:{line}: {code} after the fix" for code, file, line in (found - limits).elements()]


def compared(before: Iterable[Finding], after: Iterable[Finding], done: Mended) -> Iterator[str]:
    """The same for a whole run, whose edits come in passes: lines are found again by what is in them."""
    lines = {change.shown: lines_again(change.old, change.new) for change in done.changes}
    crashed = {one.place.file for one in before if one.severity is Severity.ERROR and isinstance(one.fix, Fix)}
    left = Counter(
        (one.code, one.place.file, lines.get(one.place.file, {}).get(line := one.place.span.start.line, line))
        for one in before
        if not isinstance(one.fix, Fix)
    )
    there: Counter[tuple[str, str, int]] = Counter()
    for one in after:
        where = (one.code, one.place.file, one.place.span.start.line)
        if isinstance(one.fix, Fix):
            yield f"{where[1]}:{where[2]}: {one.code} can still be fixed"
        elif one.severity > Severity.INFO or one.place.file not in crashed:
            there[where] += 1
    for code, file, line in (there - left).elements():
        yield f"{file}:{line}: {code} after the fixes"


def lines_again(old: bytes, new: bytes) -> dict[int, int]:
    """Where each line of the old text that is still there stands in the new one; edited ones by their order."""
    before, after = old.splitlines(), new.splitlines()
    found: dict[int, int] = {}
    for _, i, j, k, l in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        found |= {i + n + 1: k + n + 1 for n in range(min(j - i, l - k))}
    return found


def touched(text: str, fixes: Sequence[Fix]) -> Iterator[str]:
    """Lines without an edit stay, whatever they end in; edits are small."""
    done = apply(text, fixes)
    edits = list(edits_of(done.taken))
    lines = {line for edit in edits for line in range(edit.span.start.line, edit.span.end.line + 1)}
    untouched = Counter(line for number, line in enumerate(text.splitlines(), 1) if number not in lines)
    if not untouched <= Counter(done.text.splitlines()):
        yield "a line without an edit changed"
    if any(len(edit.text) >= LONGEST for edit in edits):
        yield "an edit is long"
    for end in ("\r\n", "\r"):
        if apply(text.replace("\n", end), fixes).text != done.text.replace("\n", end):
            yield f"lines that end in {end!r} are fixed otherwise"


def unparsed(done: Mended) -> list[str]:
    return [f"{one.shown}: no Python after the fixes" for one in done.changes if not parses(one.new)]


def parses(text: str | bytes) -> bool:
    try:
        ast.parse(text)
    except (SyntaxError, ValueError):
        return False
    return True


def by_file(findings: Iterable[Finding]) -> dict[str, list[Fix]]:
    found: dict[str, list[Fix]] = {}
    for one in findings:
        if isinstance(one.fix, Fix):
            found.setdefault(one.place.file, []).append(one.fix)
    return found


def text_of(data: bytes, shown: str) -> str:
    source = decode(data, shown)
    return getattr(source, "text", "").replace("\r\n", "\n")
