"""What an editor offers at a place: fixes, all safe fixes, silence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from lsprotocol import types

from initlint.config import UNREADABLE, UNUSED
from initlint.editor.diagnostics import NAME, Client, Pages, diagnostic
from initlint.editor.readings import Reading
from initlint.editor.suppressing import suppression
from initlint.edits import apply
from initlint.findings import Finding, Fix, TextEdit
from initlint.report._lines import shown
from initlint.source import Source

FIX_ALL: Final = f"{types.CodeActionKind.SourceFixAll.value}.{NAME}"
KINDS: Final = (types.CodeActionKind.QuickFix, FIX_ALL)


def wanted(kind: str, only: Sequence[str] | None) -> bool:
    """Whether a client asks for this kind: `source` and `source.fixAll` ask for `source.fixAll.initlint`."""
    return only is None or any(kind == one or kind.startswith(f"{one}.") for one in only)


def at(reading: Reading, where: types.Range) -> list[Finding]:
    """The findings on the lines of a range: with the cursor anywhere on a line its actions are at hand."""
    first, last = where.start.line + 1, where.end.line + 1
    return [one for one in reading.findings if one.place.span.start.line <= last and first <= one.place.span.end.line]


def fixes(findings: Sequence[Finding], reading: Reading, client: Client, pages: Pages) -> Iterator[types.CodeAction]:
    """The fixes of findings, each once."""
    concerned: dict[Fix, list[Finding]] = {}
    for finding in findings:
        if isinstance(finding.fix, Fix):
            concerned.setdefault(finding.fix, []).append(finding)
    for fix, about in concerned.items():
        yield types.CodeAction(
            title=title(about[0], fix),
            kind=types.CodeActionKind.QuickFix,
            diagnostics=[diagnostic(one, reading, client, pages) for one in about],
            is_preferred=True if fix.safe else None,
            edit=workspace_edit(fix.edits, reading, client),
        )


def title(finding: Finding, fix: Fix) -> str:
    """The fix's title, with what it does to the signal where that was measured."""
    evidence = finding.evidence
    if evidence is None or evidence.before is None or evidence.after is None:
        return shown(fix.title)
    before, after = evidence.before, evidence.after
    measured = f"signal {before.forward_std:.2g} becomes {after.forward_std:.2g} after {after.depth} layers"
    return f"{shown(fix.title)} ({measured})"


def fix_all(findings: Sequence[Finding], reading: Reading, client: Client) -> Iterator[types.CodeAction]:
    """All safe fixes that get in nobody's way."""
    safe = [finding.fix for finding in findings if isinstance(finding.fix, Fix) and finding.fix.safe]
    taken = apply(reading.source.text, safe).taken
    if taken:
        edits = dict.fromkeys(edit for fix in taken for edit in fix.edits)
        yield types.CodeAction(
            title=f"apply all {len(taken)} safe fixes" if len(taken) > 1 else "apply the one safe fix",
            kind=FIX_ALL,
            edit=workspace_edit([*edits], reading, client),
        )


def suppressions(
    findings: Sequence[Finding], reading: Reading, client: Client, pages: Pages
) -> Iterator[types.CodeAction]:
    """Silences each code on its line."""
    for code, finding in {one.code: one for one in reversed(findings)}.items():
        if code in {UNREADABLE, UNUSED}:
            continue
        edit = suppression(reading.source, finding.place.span, code)
        if edit is not None:
            yield types.CodeAction(
                title=f"suppress {code} ({finding.name}) on this line",
                kind=types.CodeActionKind.QuickFix,
                diagnostics=[diagnostic(finding, reading, client, pages)],
                edit=workspace_edit([edit], reading, client),
            )


def workspace_edit(edits: Sequence[TextEdit], reading: Reading, client: Client) -> types.WorkspaceEdit:
    """Edits of a document, of the version that was read where the client keeps versions."""
    document = reading.document
    changes = [text_edit(edit, reading.source, client) for edit in edits]
    if not client.versions:
        return types.WorkspaceEdit(changes={document.uri: changes})
    identifier = types.OptionalVersionedTextDocumentIdentifier(uri=document.uri, version=document.version)
    return types.WorkspaceEdit(document_changes=[types.TextDocumentEdit(text_document=identifier, edits=[*changes])])


def text_edit(edit: TextEdit, source: Source, client: Client) -> types.TextEdit:
    newline = source.newline if source.newline in {"\r\n", "\r"} else "\n"
    return types.TextEdit(client.range(source, edit.span), edit.text.replace("\n", newline))
