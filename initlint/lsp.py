"""The language server: the other of the two doors.

Diagnostics are pushed, or pulled where the client says that it pulls, never both. Documents are read on one thread
(`editor/worker.py`), newest text first; everything that the protocol says is said from the event loop.
"""

from __future__ import annotations

import asyncio
import gc
import os
import time
from collections.abc import Sequence
from functools import partial
from typing import TypeVar

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from initlint import __version__, rulebook
from initlint.editor import actions
from initlint.editor.configuration import Configuration
from initlint.editor.diagnostics import NAME, Client, Pages, diagnostics
from initlint.editor.files import Document, Files, is_ours, path_of
from initlint.editor.hover import hover
from initlint.editor.readings import Reading, Stale, read, repaired
from initlint.editor.users import Users
from initlint.editor.worker import Errand, Worker
from initlint.findings import Finding

DEBOUNCE_LEAST, DEBOUNCE_MOST = 0.005, 0.15  # seconds
DEBOUNCE_PART = 0.1  # of what the last reading took
LATER = 0.4  # seconds until documents are read again because another one changed
COLLECT_AFTER = 0.03  # seconds after a reading, which leaves cycles behind; not before it has been told
WATCHED = ("**/pyproject.toml", "**/initlint.toml", "**/*.py")

Result = TypeVar("Result")


class Server(LanguageServer):
    """Open documents and what was found in them."""

    def __init__(self) -> None:
        super().__init__(NAME, __version__, text_document_sync_kind=types.TextDocumentSyncKind.Full)
        self.files = Files()
        self.users = Users()
        self.configuration = Configuration()
        self.pages = Pages()
        self.client = Client(types.ClientCapabilities(), "utf-16")
        self.worker = Worker()
        self.readings: dict[str, Reading] = {}
        self.waiting: dict[str, list[asyncio.Future[Reading | None]]] = {}
        self.mending: dict[str, tuple[Reading, asyncio.Future[Sequence[Finding]]]] = {}
        self.took: dict[str, float] = {}
        self.told: set[str] = set()
        self.wrong = ""
        self.ended = False

    def look(self, uri: str, delay: float | None = None) -> None:
        """Reads a document soon: at once where that is quick, else once the typing pauses."""
        document = self.files.open.get(uri)
        if document is None:
            return
        if delay is None:
            delay = min(max(self.took.get(uri, 0) * DEBOUNCE_PART, DEBOUNCE_LEAST), DEBOUNCE_MOST)
        self.drop_repairs(uri)
        self.worker.ask(uri, partial(self.study, document, asyncio.get_running_loop()), delay)

    def look_again(self, path: str | None = None) -> None:
        """Reads open documents again, for something beside them has changed: those that use a file, or all."""
        if path is None:
            self.users.forget()
        quick_first = sorted(self.files.open.items(), key=lambda one: self.took.get(one[0], 0))
        for uri, document in quick_first:
            reading = self.readings.get(uri)
            if path is None or (document.path != path and reading is not None and path in reading.beside):
                self.files.put(uri, document.text, document.version)
                self.look(uri, 0 if path is None else LATER)
        if path is None and self.client.pulls and self.client.refreshes:
            self.workspace_diagnostic_refresh(None)

    def study(self, document: Document, loop: asyncio.AbstractEventLoop, errand: Errand) -> None:
        """Reads a document, on the thread; whatever goes wrong is told and the server lives on."""
        start = time.perf_counter()
        before = self.readings.get(document.uri)
        try:
            reading = read(document, self.files, self.users, self.configuration, before, errand.is_stale)
        except Stale:
            return
        except Exception as error:  # noqa: BLE001 - our own bug, which one document may have and others not
            fault = fault_in(document, error)
            good = before and (before.last or before)
            reading = Reading(document, document.source, faults=(fault,), last=good)
        self.took[document.uri] = time.perf_counter() - start
        loop.call_soon_threadsafe(self.done, reading)
        self.worker.ask("collect", collect, COLLECT_AFTER)

    def done(self, reading: Reading) -> None:
        """Takes in a reading and tells those who wait for it."""
        uri = reading.document.uri
        if self.files.open.get(uri) is not reading.document:
            return
        self.readings[uri] = reading
        for fault in reading.faults:
            self.tell(fault)
        if reading.wrong != self.wrong:
            self.wrong = reading.wrong
            if self.wrong:
                self.window_show_message(types.ShowMessageParams(types.MessageType.Error, f"initlint: {self.wrong}"))
        if not self.client.pulls:
            self.publish(uri, reading.document.version, diagnostics(reading, self.client, self.pages))
        self.release(uri, reading)

    def publish(self, uri: str, version: int | None, found: list[types.Diagnostic]) -> None:
        self.text_document_publish_diagnostics(
            types.PublishDiagnosticsParams(uri=uri, version=version, diagnostics=found)
        )

    def tell(self, message: str) -> None:
        """Writes a fault of ours to the client's log, the same one once."""
        if message not in self.told:
            self.told.add(message)
            self.window_log_message(types.LogMessageParams(types.MessageType.Error, message))

    async def current(self, uri: str) -> Reading | None:
        """The reading of a document as it now is; None for one that is not open, or not ours."""
        document = self.files.open.get(uri)
        if document is None:
            return None
        reading = self.readings.get(uri)
        if reading is not None and reading.document is document:
            return reading
        future: asyncio.Future[Reading | None] = asyncio.get_running_loop().create_future()
        self.waiting.setdefault(uri, []).append(future)
        return await future

    async def repaired(self, reading: Reading) -> Sequence[Finding]:
        """The findings of a reading with their fixes, planned when they are first asked for; none once it is stale."""
        uri = reading.document.uri
        known = self.mending.get(uri)
        if known is None or known[0] is not reading:
            self.drop_repairs(uri)
            loop = asyncio.get_running_loop()
            known = self.mending[uri] = (reading, loop.create_future())
            self.worker.ask(f"fix {uri}", partial(self.mend, reading, known[1], loop))
        return await asyncio.shield(known[1])

    def mend(
        self,
        reading: Reading,
        future: asyncio.Future[Sequence[Finding]],
        loop: asyncio.AbstractEventLoop,
        errand: Errand,
    ) -> None:
        """Plans the fixes of a reading, on the thread."""
        found: Sequence[Finding] = ()
        try:
            found = repaired(reading, self.files, self.users, self.configuration, errand.is_stale)
        except Stale:
            return
        except Exception as error:  # noqa: BLE001 - our own bug, which one document may have and others not
            loop.call_soon_threadsafe(self.tell, fault_in(reading.document, error))
        loop.call_soon_threadsafe(settle, future, found)

    def drop_repairs(self, uri: str) -> None:
        """Lets go of planned fixes; who waits for them gets none."""
        self.worker.drop(f"fix {uri}")
        known = self.mending.pop(uri, None)
        if known is not None:
            settle(known[1], ())

    def release(self, uri: str, reading: Reading | None) -> None:
        for future in self.waiting.pop(uri, ()):
            settle(future, reading)


def settle(future: asyncio.Future[Result], result: Result) -> None:
    if not future.done():
        future.set_result(result)


def fault_in(document: Document, error: Exception) -> str:
    return f"{document.path}: initlint has a bug here, please report it: {type(error).__name__}: {error}"


def create() -> Server:
    """A server with its features; `start_io` starts it."""
    server = Server()
    server.feature(types.INITIALIZE)(initialize)
    server.feature(types.INITIALIZED)(initialized)
    server.feature(types.SHUTDOWN)(shutdown)
    server.feature(types.EXIT)(leave)
    server.feature(types.TEXT_DOCUMENT_DID_OPEN)(did_open)
    server.feature(types.TEXT_DOCUMENT_DID_CHANGE)(did_change)
    server.feature(types.TEXT_DOCUMENT_DID_CLOSE)(did_close)
    server.feature(types.WORKSPACE_DID_CHANGE_WATCHED_FILES)(did_change_watched_files)
    server.feature(types.TEXT_DOCUMENT_HOVER)(hovered)
    kinds = types.CodeActionOptions(code_action_kinds=list(actions.KINDS))
    server.feature(types.TEXT_DOCUMENT_CODE_ACTION, kinds)(code_actions)
    return server


def initialize(server: Server, params: types.InitializeParams) -> None:
    encoding = server.workspace.position_encoding or "utf-16"
    server.client = Client(params.capabilities, getattr(encoding, "value", encoding))
    root = server.workspace.root_path
    if root and os.path.isdir(root):
        os.chdir(root)  # what is shown is relative to it
    if server.client.pulls:
        options = types.DiagnosticOptions(inter_file_dependencies=True, workspace_diagnostics=False, identifier=NAME)
        server.feature(types.TEXT_DOCUMENT_DIAGNOSTIC, options)(pulled)


def initialized(server: Server, _: types.InitializedParams) -> None:
    server.worker.ask("", warm_up)
    if server.client.watches:
        watchers = [types.FileSystemWatcher(glob_pattern=glob) for glob in WATCHED]
        options = types.DidChangeWatchedFilesRegistrationOptions(watchers=watchers)
        registration = types.Registration("watched", types.WORKSPACE_DID_CHANGE_WATCHED_FILES, options)
        server.client_register_capability(types.RegistrationParams([registration]))


def collect(_: Errand) -> None:
    gc.collect()


def warm_up(_: Errand) -> None:
    """Loads what every reading needs, while the first document is still being opened."""
    from initlint import interpret, rules

    del interpret, rules
    rulebook.all_rules()
    gc.collect()
    gc.freeze()  # what is there by now stays


def shutdown(server: Server, *_: object) -> None:
    server.worker.stop()
    server.ended = True


def leave(server: Server, *_: object) -> None:
    """Ends the process at once. Left alone it would wait for its standard input to be closed, which not every client
    does, for a thread is reading there."""
    server.pages.close()
    os._exit(0 if server.ended else 1)


def did_open(server: Server, params: types.DidOpenTextDocumentParams) -> None:
    document = params.text_document
    if is_ours(document.uri, document.language_id):
        opened = server.files.put(document.uri, document.text, document.version)
        server.look(document.uri, 0)
        server.look_again(opened.path)


def did_change(server: Server, params: types.DidChangeTextDocumentParams) -> None:
    uri = params.text_document.uri
    if uri in server.files.open:
        text = server.workspace.get_text_document(uri).source
        changed = server.files.put(uri, text, params.text_document.version)
        server.look(uri)
        server.look_again(changed.path)


def did_close(server: Server, params: types.DidCloseTextDocumentParams) -> None:
    uri = params.text_document.uri
    closed = server.files.close(uri)
    if closed is None:
        return
    server.look_again(closed.path)
    server.worker.drop(uri)
    server.drop_repairs(uri)
    server.readings.pop(uri, None)
    server.took.pop(uri, None)
    server.release(uri, None)
    if not server.client.pulls:
        server.publish(uri, None, [])


def did_change_watched_files(server: Server, params: types.DidChangeWatchedFilesParams) -> None:
    """Of what is open the editor's text counts, so that saving it changes nothing."""
    changed = {path_of(event.uri) for event in params.changes}
    if changed - {document.path for document in server.files.open.values()}:
        server.look_again()


async def pulled(
    server: Server, params: types.DocumentDiagnosticParams
) -> types.RelatedFullDocumentDiagnosticReport | types.RelatedUnchangedDocumentDiagnosticReport:
    reading = await server.current(params.text_document.uri)
    if reading is None:
        return types.RelatedFullDocumentDiagnosticReport(items=[])
    items = diagnostics(reading, server.client, server.pages)
    mark = f"{hash(repr(items)):x}"
    if params.previous_result_id == mark:
        return types.RelatedUnchangedDocumentDiagnosticReport(result_id=mark)
    return types.RelatedFullDocumentDiagnosticReport(items=items, result_id=mark)


async def hovered(server: Server, params: types.HoverParams) -> types.Hover | None:
    reading = await server.current(params.text_document.uri)
    if reading is None:
        return None
    where = params.position
    point = reading.source.point_at(where.line, where.character, server.client.encoding)
    found = hover(reading, point, markdown=server.client.markdown)
    if found is None:
        return None
    text, span = found
    kind = types.MarkupKind.Markdown if server.client.markdown else types.MarkupKind.PlainText
    return types.Hover(
        contents=types.MarkupContent(kind, text),
        range=None if span is None else server.client.range(reading.source, span),
    )


async def code_actions(server: Server, params: types.CodeActionParams) -> list[types.CodeAction]:
    reading = await server.current(params.text_document.uri)
    if reading is None or not reading.is_current:
        return []
    only = [getattr(kind, "value", kind) for kind in params.context.only] if params.context.only else None
    here = actions.at(reading, params.range)
    quick = bool(here) and actions.wanted(types.CodeActionKind.QuickFix, only)
    # Unasked, as with each move of the cursor, nothing is planned where nothing was found.
    all_ = bool(reading.findings if only else here) and actions.wanted(actions.FIX_ALL, only)
    if not quick and not all_:
        return []
    planned = await server.repaired(reading)
    found: list[types.CodeAction] = []
    if quick:
        mended = [one for one in planned if (one.place, one.code) in {(known.place, known.code) for known in here}]
        found += actions.fixes(mended, reading, server.client, server.pages)
    if all_:
        found += actions.fix_all(planned, reading, server.client)
    if quick:
        found += actions.suppressions(here, reading, server.client, server.pages)
    return found


def serve() -> int:
    """Serves on standard input and output until the client says exit."""
    server = create()
    try:
        server.start_io()
    finally:
        server.worker.stop()
        server.pages.close()
    return 0
