"""What an editor offers at a place: fixes, all safe fixes, silence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from lsprotocol import types

from initlint.config import UNREADABLE, UNUSED
from initlint.editor.diagnostics import NAME, Client, Pages, diagnostic
from initlint.editor.readings import Reading
from initlint.editor.suppressing import suppression
from initlint.findings import Finding, TextEdit
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
