"""An editor for tests: pytest-lsp's client, the server as a real process, documents by the names of their files."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from lsprotocol import types
from pygls.protocol import default_converter
from pytest_lsp import LanguageClient, client_capabilities
from pytest_lsp.client import DEFAULT_CLIENT_FEATURES, register_lsp_features

ROOT = Path(__file__).parents[1]
SECONDS = 60  # no answer may take longer
PYTHON = (sys.executable, "-W", "error")

VECTOR = """\
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(8, 4)
        nn.init.xavier_uniform_(self.fc.bias)

    def forward(self, x):
        return self.fc(x)
"""


class Editor:
    """A client that has documents open. All that the server pushes is in `pushed`, newest last."""

    def __init__(self, client: LanguageClient, folder: Path) -> None:
        self.client = client
        self.folder = folder
        self.pushed: list[types.PublishDiagnosticsParams] = []
        self.registered: list[types.Registration] = []
        self.arrived = asyncio.Event()
        self.versions: dict[str, int] = {}
        self.result: types.InitializeResult | None = None

    def uri(self, name: str) -> str:
        return (self.folder / name).as_uri()

    def write(self, name: str, text: str) -> None:
        """Puts a file on the disk."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())

    def open(self, name: str, text: str, language: str = "python") -> str:
        uri = self.uri(name)
        self.versions[uri] = 1
        self.pushed = [params for params in self.pushed if params.uri != uri]
        self.client.text_document_did_open(
            types.DidOpenTextDocumentParams(types.TextDocumentItem(uri, language, 1, text))
        )
        return uri

    def change(self, uri: str, text: str) -> None:
        self.versions[uri] += 1
        self.client.text_document_did_change(
            types.DidChangeTextDocumentParams(
                types.VersionedTextDocumentIdentifier(self.versions[uri], uri),
                [types.TextDocumentContentChangeWholeDocument(text)],
            )
        )

    def close(self, uri: str) -> None:
        self.client.text_document_did_close(types.DidCloseTextDocumentParams(types.TextDocumentIdentifier(uri)))

    async def diagnostics(self, uri: str) -> list[types.Diagnostic]:
        """What the server pushes for the document as it now is."""
        async with asyncio.timeout(SECONDS):
            while True:
                for params in reversed(self.pushed):
                    if params.uri == uri and params.version == self.versions[uri]:
                        return list(params.diagnostics)
                await self.next()

    async def next(self) -> None:
        """Waits until something more is pushed."""
        self.arrived.clear()
        async with asyncio.timeout(SECONDS):
            await self.arrived.wait()

    def latest(self, uri: str) -> list[types.Diagnostic]:
        """What was pushed last for the document; others may have been pushed since."""
        return next((list(params.diagnostics) for params in reversed(self.pushed) if params.uri == uri), [])

    async def until(self, uri: str, *, found: bool) -> None:
        """Waits until something, or nothing any more, is found in the document."""
        while bool(self.latest(uri)) != found:
            await self.next()

    async def codes(self, uri: str) -> list[str]:
        return sorted(str(one.code) for one in await self.diagnostics(uri))

    async def pull(self, uri: str, before: str | None = None) -> types.DocumentDiagnosticReport:
        params = types.DocumentDiagnosticParams(types.TextDocumentIdentifier(uri), previous_result_id=before)
        async with asyncio.timeout(SECONDS):
            return await self.client.text_document_diagnostic_async(params)

    async def actions(
        self, uri: str, where: types.Range, only: list[types.CodeActionKind | str] | None = None
    ) -> list[types.CodeAction]:
        context = types.CodeActionContext(diagnostics=[], only=only)
        params = types.CodeActionParams(types.TextDocumentIdentifier(uri), where, context)
        async with asyncio.timeout(SECONDS):
            found = await self.client.text_document_code_action_async(params)
        return [one for one in found or () if isinstance(one, types.CodeAction)]

    async def hover(self, uri: str, line: int, character: int) -> types.Hover | None:
        params = types.HoverParams(types.TextDocumentIdentifier(uri), types.Position(line, character))
        async with asyncio.timeout(SECONDS):
            return await self.client.text_document_hover_async(params)


@asynccontextmanager
async def editing(
    folder: Path,
    like: str = "visual-studio-code",
    capabilities: types.ClientCapabilities | None = None,
    startup: str = "",
) -> AsyncIterator[Editor]:
    """An editor with a server of its own, started in a folder; `like` which editor it speaks, `startup` is run in
    the server before it starts."""
    client = LanguageClient(converter_factory=default_converter)
    editor = Editor(client, folder)

    def published(params: types.PublishDiagnosticsParams) -> None:
        editor.pushed.append(params)
        editor.arrived.set()

    def registered(params: types.RegistrationParams) -> None:
        editor.registered.extend(params.registrations)

    handlers = {types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS: published, types.CLIENT_REGISTER_CAPABILITY: registered}
    register_lsp_features(client, {**DEFAULT_CLIENT_FEATURES, **handlers})
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    program = ("-c", f"{startup}\nfrom initlint.__main__ import main; main()") if startup else ("-m", "initlint")
    await client.start_io(*PYTHON, *program, "server", cwd=folder, env={**environment, "PYTHONPATH": str(ROOT)})
    editor.result = await client.initialize_session(
        types.InitializeParams(
            capabilities=capabilities or client_capabilities(like),
            root_uri=folder.as_uri(),
            workspace_folders=[types.WorkspaceFolder(folder.as_uri(), folder.name)],
        )
    )
    try:
        yield editor
    finally:
        await client.shutdown_session()
        await client.stop()  # type: ignore[no-untyped-call]


def place(text: str, part: str, encoding: str = "utf-16", occurrence: int = 0) -> types.Range:
    """Where a part of a text stands, in units of the encoding: counted here in another way than the server does."""
    at = -1
    for _ in range(occurrence + 1):
        at = text.index(part, at + 1)
    return types.Range(position(text, at, encoding), position(text, at + len(part), encoding))


def position(text: str, at: int, encoding: str = "utf-16") -> types.Position:
    before = text[:at].replace("\r\n", "\n").replace("\r", "\n")
    last = before.rpartition("\n")[2]
    size = {"utf-8": 1, "utf-16": 2, "utf-32": 4}[encoding]
    units = len(last.encode(encoding if size == 1 else f"{encoding}-le")) // size
    return types.Position(before.count("\n"), units)


def applied(action: types.CodeAction, uri: str, text: str) -> str:
    """A text after the edits of an action, made as an editor does: positions are those before all of them."""
    assert action.edit is not None
    edits: list[types.TextEdit] = []
    for document in action.edit.document_changes or ():
        assert isinstance(document, types.TextDocumentEdit)
        assert document.text_document.uri == uri
        edits += [edit for edit in document.edits if isinstance(edit, types.TextEdit)]
    edits += (action.edit.changes or {}).get(uri, ())
    lines = text.splitlines(keepends=True)
    starts = [sum(map(len, lines[:number])) for number in range(len(lines) + 1)]

    def offset(where: types.Position) -> int:
        line = lines[where.line] if where.line < len(lines) else ""
        return starts[where.line] + len(line.encode("utf-16-le")[: 2 * where.character].decode("utf-16-le"))

    for edit in sorted(edits, key=lambda one: (one.range.start.line, one.range.start.character), reverse=True):
        text = text[: offset(edit.range.start)] + edit.new_text + text[offset(edit.range.end) :]
    return text
