"""Diagnostics over the real protocol: pushed or pulled, on open and on change, from what is in the editor."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from editing import VECTOR, Editor, editing, place
from lsprotocol import types

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def editor(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Editor]:
    async with editing(tmp_path_factory.mktemp("pushed")) as one:
        yield one


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def puller(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Editor]:
    async with editing(tmp_path_factory.mktemp("pulled"), "neovim@v0.11.0") as one:
        yield one


async def test_opening_a_document_shows_what_is_found_in_it(editor: Editor) -> None:
    """Place, severity, code, source and message; nothing need be saved."""
    (found,) = await editor.diagnostics(editor.open("opened.py", VECTOR))
    assert found.range == place(VECTOR, "nn.init.xavier_uniform_(self.fc.bias)")
    assert (found.severity, found.code, found.source) == (types.DiagnosticSeverity.Error, "INI601", "initlint")
    assert found.message.startswith("xavier_uniform_ raises on self.fc.bias")


async def test_each_code_links_to_its_documentation(editor: Editor) -> None:
    (found,) = await editor.diagnostics(editor.open("linked.py", VECTOR))
    assert found.code_description is not None
    assert "What it finds" in page_at(found.code_description.href)


def page_at(address: str) -> str:
    assert address.startswith("file:///")
    return Path(address.removeprefix("file://")).read_text(encoding="utf-8")


async def test_an_edit_changes_what_is_shown(editor: Editor) -> None:
    uri = editor.open("edited.py", VECTOR)
    assert await editor.codes(uri) == ["INI601"]
    editor.change(uri, VECTOR.replace("fc.bias", "fc.weight"))
    assert await editor.codes(uri) == []
    editor.change(uri, "\n" + VECTOR)
    (found,) = await editor.diagnostics(uri)
    assert found.range.start.line == place(VECTOR, "nn.init").start.line + 1


async def test_only_the_newest_of_quick_edits_is_sure_to_be_shown(editor: Editor) -> None:
    """Those between are passed over: the work for them is dropped."""
    uri = editor.open("typed.py", VECTOR)
    for number in range(40):
        editor.change(uri, f"{VECTOR}# {number}\n")
    assert await editor.codes(uri) == ["INI601"]
    versions = [params.version for params in editor.pushed if params.uri == uri]
    assert versions == sorted(versions, key=lambda version: version or 0)
    assert len(versions) < 41


async def test_a_suppression_in_the_editor_counts(editor: Editor) -> None:
    silent = VECTOR.replace("fc.bias)", "fc.bias)  # initlint: ignore[INI601] on purpose")
    assert await editor.codes(editor.open("silent.py", silent)) == []


async def test_closing_a_document_clears_it(editor: Editor) -> None:
    uri = editor.open("closed.py", VECTOR)
    assert await editor.codes(uri) == ["INI601"]
    editor.close(uri)
    await editor.until(uri, found=False)


async def test_other_languages_are_left_alone(editor: Editor) -> None:
    editor.open("notes.txt", VECTOR, language="plaintext")
    await editor.diagnostics(editor.open("beside.py", VECTOR))
    assert editor.uri("notes.txt") not in {params.uri for params in editor.pushed}


async def test_a_document_that_was_never_saved_is_linted(editor: Editor) -> None:
    uri = "untitled:Untitled-1"
    editor.versions[uri] = 1
    item = types.TextDocumentItem(uri, "python", 1, VECTOR)
    editor.client.text_document_did_open(types.DidOpenTextDocumentParams(item))
    assert await editor.codes(uri) == ["INI601"]


RELU = """\
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(64, 64) for _ in range(12))
        for layer in self.layers:
            nn.init.xavier_uniform_(layer.weight)

    def forward(self, x):
        for layer in self.layers:
            x = torch.relu(layer(x))
        return x
"""


async def test_related_places_are_the_layer_the_initializer_and_the_activation(editor: Editor) -> None:
    uri = editor.open("related.py", RELU)
    (found,) = [one for one in await editor.diagnostics(uri) if one.code == "INI201"]
    assert found.range == place(RELU, "nn.init.xavier_uniform_(layer.weight)")
    assert found.related_information is not None
    told = {one.message: one.location for one in found.related_information}
    assert all(location.uri == uri for location in told.values())
    (layer,) = [one for message, one in told.items() if message.startswith("layer Net.layers")]
    assert layer.range == place(RELU, "nn.Linear(64, 64)")
    assert told["activation relu"].range == place(RELU, "torch.relu(layer(x))")


async def test_a_related_place_in_another_file_has_that_files_columns(editor: Editor) -> None:
    made = RELU.replace("nn.ModuleList(nn", "nn.ModuleList('🙂' and nn")
    editor.write("made.py", made)
    text = "from torch import nn\nfrom made import Net\n\nnet = Net()\nnn.init.zeros_(net.layers[0].weight)\n"
    found = await editor.diagnostics(editor.open("maker.py", text))
    places = [r.location for one in found for r in one.related_information or () if r.location.uri.endswith("/made.py")]
    assert place(made, "nn.Linear(64, 64)") in [one.range for one in places]


async def test_a_client_that_pulls_is_not_pushed_to(puller: Editor) -> None:
    assert puller.result is not None
    assert puller.result.capabilities.diagnostic_provider is not None
    uri = puller.open("pulled.py", VECTOR)
    report = await puller.pull(uri)
    assert isinstance(report, types.RelatedFullDocumentDiagnosticReport)
    assert [one.code for one in report.items] == ["INI601"]
    again = await puller.pull(uri, report.result_id)
    assert isinstance(again, types.RelatedUnchangedDocumentDiagnosticReport)
    puller.change(uri, VECTOR.replace("fc.bias", "fc.weight"))
    changed = await puller.pull(uri, report.result_id)
    assert isinstance(changed, types.RelatedFullDocumentDiagnosticReport)
    assert list(changed.items) == []
    puller.close(uri)
    assert puller.pushed == []


async def test_a_pull_for_what_is_not_open_is_empty(puller: Editor) -> None:
    report = await puller.pull(puller.uri("nowhere.py"))
    assert isinstance(report, types.RelatedFullDocumentDiagnosticReport)
    assert list(report.items) == []


async def test_a_client_that_is_pushed_to_is_offered_no_pulling(editor: Editor) -> None:
    assert editor.result is not None
    assert editor.result.capabilities.diagnostic_provider is None


async def test_pulls_that_overlap_are_all_answered(puller: Editor) -> None:
    uri = puller.open("often.py", VECTOR)
    pulls = [asyncio.create_task(puller.pull(uri))]
    for number in range(5):
        puller.change(uri, f"{VECTOR}# {number}\n")
        pulls.append(asyncio.create_task(puller.pull(uri)))
    for report in await asyncio.gather(*pulls):
        assert isinstance(report, types.RelatedFullDocumentDiagnosticReport)
        assert [one.code for one in report.items] == ["INI601"]
