"""Columns in the units that the editor asked for, whatever stands before a place on its line."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from editing import Editor, editing, place
from lsprotocol import types
from pytest_lsp import client_capabilities

pytestmark = pytest.mark.asyncio(loop_scope="module")

ENCODINGS = ("utf-8", "utf-16", "utf-32")
CALL = "nn.init.xavier_uniform_(self.fc.bias)"
BEFORE = {
    "ascii": "",
    "umlauts": "'äöü'; ",
    "emoji": "'🙂🙃'; ",
    "both": "'ä🙂'; e\u0301 = '文字'; ",
    "family": "'👨‍👩‍👧'; ",
    "form_feed": "'\x0c\u2028\x85'; ",
}


def text_with(before: str, newline: str, indent: str) -> str:
    lines = [
        "from torch import nn",
        "# ✓ a line of its own: 🙂",
        "class Net(nn.Module):",
        f"{indent}def __init__(self):",
        f"{indent * 2}super().__init__()",
        f"{indent * 2}self.fc = nn.Linear(8, 4)",
        f"{indent * 2}{before}{CALL}",
        "",
    ]
    return newline.join(lines)


@pytest_asyncio.fixture(loop_scope="module", scope="module", params=ENCODINGS)
async def editor(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Editor]:
    """An editor that asks for one encoding only."""
    capabilities = client_capabilities("visual-studio-code")
    assert capabilities.general is not None
    capabilities.general.position_encodings = [request.param]
    async with editing(tmp_path_factory.mktemp("positions"), capabilities=capabilities) as one:
        yield one


def encoding_of(editor: Editor) -> str:
    assert editor.result is not None
    encoding = editor.result.capabilities.position_encoding
    return str(getattr(encoding, "value", encoding))


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"], ids=["lf", "crlf", "cr"])
@pytest.mark.parametrize("indent", ["    ", "\t"], ids=["spaces", "tabs"])
async def test_a_diagnostic_stands_exactly_on_its_code(editor: Editor, newline: str, indent: str) -> None:
    """With emoji, combining characters, tabs and every kind of line ending before it."""
    for name, before in BEFORE.items():
        text = text_with(before, newline, indent)
        uri = editor.open(f"{name}.py", text)
        (found,) = await editor.diagnostics(uri)
        assert found.range == place(text, CALL, encoding_of(editor)), name
        editor.close(uri)


@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["lf", "crlf"])
async def test_a_place_from_the_editor_is_understood(editor: Editor, newline: str) -> None:
    """A hover at the last character of a call, behind emoji, finds its layer; one after the call does not."""
    text = text_with("", newline, "\t").replace("self.fc = ", "'ä🙂'; self.fc = ").replace("4)", "4); nothing = 1")
    uri = editor.open(f"place{len(newline)}.py", text)
    call, nothing = (place(text, part, encoding_of(editor)) for part in ("nn.Linear(8, 4)", "nothing"))
    found = await editor.hover(uri, call.end.line, call.end.character - 1)
    assert found is not None
    assert found.range == call
    assert await editor.hover(uri, nothing.start.line, nothing.start.character) is None


async def test_an_edit_goes_where_it_should(editor: Editor) -> None:
    """Behind emoji and before a Windows line ending."""
    text = text_with(BEFORE["emoji"], "\r\n", "\t")
    uri = editor.open("edit.py", text)
    where = place(text, CALL, encoding_of(editor))
    (suppress,) = [one for one in await editor.actions(uri, where) if one.title.startswith("suppress")]
    assert suppress.edit is not None
    assert suppress.edit.document_changes is not None
    (document,) = suppress.edit.document_changes
    assert isinstance(document, types.TextDocumentEdit)
    (edit,) = document.edits
    assert isinstance(edit, types.TextEdit)
    assert edit.range == types.Range(where.end, where.end)
    assert edit.new_text == "  # initlint: ignore[INI601]"


async def test_an_editor_that_says_nothing_counts_in_utf16(tmp_path: Path) -> None:
    capabilities = client_capabilities("visual-studio-code")
    capabilities.general = None
    async with editing(tmp_path, capabilities=capabilities) as silent:
        assert encoding_of(silent) == "utf-16"
        text = text_with(BEFORE["both"], "\n", "    ")
        (found,) = await silent.diagnostics(silent.open("net.py", text))
        assert found.range == place(text, CALL, "utf-16")
