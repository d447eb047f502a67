"""Findings as the protocol's diagnostics."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from typing import Final

from lsprotocol import types

from initlint import rulebook
from initlint.config import UNUSED
from initlint.editor.files import uri_of
from initlint.editor.readings import Reading
from initlint.findings import Finding, Severity, Site
from initlint.graph import Model
from initlint.report import _rules
from initlint.report._lines import shown
from initlint.source import Place, Source, Span

NAME: Final = "initlint"
MAX_RELATED: Final = 12
MAX_NAMES: Final = 3
SEVERITIES: Final = {
    Severity.ERROR: types.DiagnosticSeverity.Error,
    Severity.WARNING: types.DiagnosticSeverity.Warning,
    Severity.INFO: types.DiagnosticSeverity.Information,
}


class Client:
    """How a client wants to be told: in which units columns count, and what it can show."""

    def __init__(self, capabilities: types.ClientCapabilities, encoding: str) -> None:
        document = capabilities.text_document
        published = document.publish_diagnostics if document else None
        pulled = document.diagnostic if document else None
        hover = document.hover if document else None
        workspace = capabilities.workspace
        edit = workspace.workspace_edit if workspace else None
        watched = workspace.did_change_watched_files if workspace else None
        diagnostics = workspace.diagnostics if workspace else None
        self.encoding = encoding
        self.pulls = pulled is not None
        self.refreshes = bool(diagnostics and diagnostics.refresh_support)
        self.watches = bool(watched and watched.dynamic_registration)
        self.related = any(kind is not None and bool(kind.related_information) for kind in (published, pulled))
        self.links = any(kind is not None and bool(kind.code_description_support) for kind in (published, pulled))
        self.versions = bool(edit and edit.document_changes)
        formats = hover.content_format if hover else None
        self.markdown = not formats or types.MarkupKind.Markdown in formats

    def range(self, source: Source, span: Span) -> types.Range:
        start, end = source.position(span.start, self.encoding), source.position(span.end, self.encoding)
        return types.Range(types.Position(*start), types.Position(*end))


def diagnostics(reading: Reading, client: Client, pages: Pages) -> list[types.Diagnostic]:
    return [diagnostic(finding, reading, client, pages) for finding in reading.findings]


def diagnostic(finding: Finding, reading: Reading, client: Client, pages: Pages) -> types.Diagnostic:
    link = pages.link(finding) if client.links else None
    return types.Diagnostic(
        range=client.range(reading.source, finding.place.span),
        severity=SEVERITIES[finding.severity],
        code=finding.code,
        code_description=types.CodeDescription(href=link) if link else None,
        source=NAME,
        message=shown(finding.message),
        tags=[types.DiagnosticTag.Unnecessary] if finding.code == UNUSED else None,
        related_information=related(finding, reading, client) if client.related else None,
    )


def related(finding: Finding, reading: Reading, client: Client) -> list[types.DiagnosticRelatedInformation]:
    """The layers, the other places that the rule names, and the activations that the layers feed."""
    sites = [Site(f"layer {layer.name}", layer.place) for layer in finding.layers]
    sites += [Site(" ".join(filter(None, (one.note, one.name))) or "related", one.place) for one in finding.related]
    if finding.evidence is not None and finding.evidence.verdict != "crash":
        sites += activations(finding, reading.models)
    by_place: dict[Place, dict[str, None]] = {}
    for site in sites:
        if site.place != finding.place:
            by_place.setdefault(site.place, {})[site.name] = None
    return [
        types.DiagnosticRelatedInformation(location=location(place, reading, client), message=told([*names]))
        for place, names in list(by_place.items())[:MAX_RELATED]
    ]


def told(names: list[str]) -> str:
    """What stands at one place: a loop makes many layers there."""
    more = len(names) - MAX_NAMES
    return shown(", ".join(names[:MAX_NAMES])) + (f" and {more} more" if more > 0 else "")


def activations(finding: Finding, models: tuple[Model, ...]) -> Iterator[Site]:
    """Where the activations stand that the finding's layers feed."""
    places = {layer.place for layer in finding.layers}
    for model in models:
        for context in model.contexts:
            indices = {layer.index for layer in context.layers if layer.place in places}
            for edge in context.edges:
                used = edge.activation
                if edge.source in indices and used is not None and used.place is not None:
                    yield Site(f"activation {used.name}", used.place)


def location(place: Place, reading: Reading, client: Client) -> types.Location:
    """A place in the document, or in another file: there as far as its text is known, else by its lines."""
    if place.file == reading.source.path:
        return types.Location(reading.document.uri, client.range(reading.source, place.span))
    path = os.path.abspath(place.file)
    source = reading.beside.get(path)
    if source is not None:
        return types.Location(uri_of(path), client.range(source, place.span))
    start, end = place.span.start.line - 1, place.span.end.line - 1
    return types.Location(uri_of(path), types.Range(types.Position(start, 0), types.Position(end, 0)))


class Pages:
    """Where rules are documented: what `initlint explain` prints, as pages that an editor can open."""

    def __init__(self) -> None:
        self.folder: tempfile.TemporaryDirectory[str] | None = None
        self.links: dict[str, str] = {}

    def close(self) -> None:
        """Removes the pages."""
        if self.folder is not None:
            self.folder.cleanup()

    def link(self, finding: Finding) -> str | None:
        """The address of a rule's page, written when it is first asked for."""
        if finding.documentation.startswith("https:"):
            return finding.documentation
        if finding.code not in self.links:
            rule = rulebook.all_rules().get(finding.code)
            if rule is None:
                return None
            if self.folder is None:
                self.folder = tempfile.TemporaryDirectory(prefix="initlint-", ignore_cleanup_errors=True)
            path = os.path.join(self.folder.name, f"{finding.code}-{rule.name}.txt")
            with open(path, "w", encoding="utf-8") as file:
                file.write(_rules.explained(rule))
            self.links[finding.code] = uri_of(path)
        return self.links[finding.code]
