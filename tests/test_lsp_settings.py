"""Settings in the editor: the nearest file's, as they now are."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from editing import VECTOR, Editor, editing
from lsprotocol import types
from pytest_lsp import client_capabilities

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def editor(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Editor]:
    async with editing(tmp_path_factory.mktemp("settings")) as one:
        yield one


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def puller(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Editor]:
    capabilities = client_capabilities("neovim@v0.11.0")
    assert capabilities.workspace is not None
    capabilities.workspace.diagnostics = types.DiagnosticWorkspaceClientCapabilities(refresh_support=True)
    async with editing(tmp_path_factory.mktemp("pulled"), capabilities=capabilities) as one:
        yield one


def tell_changed(editor: Editor, name: str) -> None:
    event = types.FileEvent(editor.uri(name), types.FileChangeType.Changed)
    editor.client.workspace_did_change_watched_files(types.DidChangeWatchedFilesParams([event]))


async def test_settings_hold_for_open_documents(editor: Editor) -> None:
    editor.write("set/pyproject.toml", '[tool.initlint]\nignore = ["INI601"]\n')
    assert await editor.codes(editor.open("set/net.py", VECTOR)) == []
    assert await editor.codes(editor.open("unset/net.py", VECTOR)) == ["INI601"]


async def test_severity_is_as_set(editor: Editor) -> None:
    editor.write("quiet/initlint.toml", '[severity]\nINI601 = "info"\n')
    (found,) = await editor.diagnostics(editor.open("quiet/net.py", VECTOR))
    assert found.severity == types.DiagnosticSeverity.Information


async def test_changed_settings_change_what_is_shown(editor: Editor) -> None:
    """When the client says that a file changed, and for clients that do not watch, with the next edit."""
    uri = editor.open("changing/net.py", VECTOR)
    assert await editor.codes(uri) == ["INI601"]
    editor.write("changing/initlint.toml", 'ignore = ["INI601"]\n')
    tell_changed(editor, "changing/initlint.toml")
    await editor.until(uri, found=False)
    editor.write("changing/initlint.toml", 'ignore = ["INI60"]\nselect = ["INI601"]\n')
    editor.change(uri, VECTOR + "\n")
    assert await editor.codes(uri) == ["INI601"]


async def test_wrong_settings_are_told_and_the_last_good_ones_hold(editor: Editor) -> None:
    editor.write("wrong/initlint.toml", 'ignore = ["INI601"]\n')
    uri = editor.open("wrong/net.py", VECTOR)
    assert await editor.codes(uri) == []
    editor.write("wrong/initlint.toml", 'ignroe = ["INI601"]\n')
    editor.change(uri, VECTOR + "\n")
    assert await editor.codes(uri) == []
    message = editor.client.messages[-1]
    assert message.type == types.MessageType.Error
    assert message.message.startswith("initlint: wrong/initlint.toml:1: ignroe: unknown key; did you mean ignore?")


async def test_excluded_documents_are_left_alone(editor: Editor) -> None:
    editor.write("vendored/initlint.toml", 'extend-exclude = ["copied"]\n')
    assert await editor.codes(editor.open("vendored/copied/net.py", VECTOR)) == []
    assert await editor.codes(editor.open(".venv/net.py", VECTOR)) == []
    assert await editor.codes(editor.open("vendored/own/net.py", VECTOR)) == ["INI601"]


async def test_a_client_that_pulls_is_asked_to_pull_again(puller: Editor) -> None:
    uri = puller.open("net.py", VECTOR)
    report = await puller.pull(uri)
    assert isinstance(report, types.RelatedFullDocumentDiagnosticReport)
    assert [one.code for one in report.items] == ["INI601"]
    puller.write("initlint.toml", 'ignore = ["INI601"]\n')
    tell_changed(puller, "initlint.toml")
    changed = await puller.pull(uri, report.result_id)
    assert isinstance(changed, types.RelatedFullDocumentDiagnosticReport)
    assert list(changed.items) == []
    assert puller.client.diagnostic_refresh_count == 1
