"""The server lives on: while a line is half typed, when something in it breaks, when settings or files change."""

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
    async with editing(tmp_path_factory.mktemp("living")) as one:
        yield one


async def test_a_half_typed_line_keeps_what_was_found(editor: Editor) -> None:
    """The error is told, and the findings stay, on the lines where they are now."""
    uri = editor.open("typing.py", VECTOR)
    assert await editor.codes(uri) == ["INI601"]
    broken = VECTOR.replace("import nn\n", "import nn\n\nheads = (\n")
    editor.change(uri, broken)
    error, found = sorted(await editor.diagnostics(uri), key=lambda one: str(one.code))
    assert (error.code, found.code) == ("INI001", "INI601")
    assert found.range == place(broken, "nn.init.xavier_uniform_(self.fc.bias)")
    editor.change(uri, broken + "# more\n")
    assert await editor.codes(uri) == ["INI001", "INI601"]
    editor.change(uri, VECTOR)
    assert await editor.codes(uri) == ["INI601"]


async def test_a_text_that_never_was_whole_shows_its_error(editor: Editor) -> None:
    uri = editor.open("broken.py", "import torch\nx = (\n")
    assert await editor.codes(uri) == ["INI001"]
    editor.change(uri, VECTOR)
    assert await editor.codes(uri) == ["INI601"]


@pytest.mark.parametrize(
    "text",
    [
        "import torch\n" + "(" * 5000 + ")" * 5000,
        "import torch\nx = " + "-" * 50_000 + "1\n",
        "import torch\n\0",
        "import torch\n" + "x = '\udc80'\n",
        "import torch\nwhile True:\n    torch.nn.Linear(4, 4)\n",
    ],
    ids=["parentheses", "signs", "nul", "surrogate", "endless"],
)
async def test_a_strange_text_harms_no_other(editor: Editor, text: str) -> None:
    editor.open(f"strange{len(text)}.py", text)
    assert await editor.codes(editor.open(f"beside{len(text)}.py", VECTOR)) == ["INI601"]


BROKEN_RULES = """
import initlint.rules as rules

before = rules.matches


def matches(model, codes, **options):
    if "faulty" in str(model.files):
        raise KeyError("broken on purpose")
    return before(model, codes, **options)


rules.matches = matches
"""


async def test_a_fault_of_ours_in_one_file_is_told_and_the_server_lives_on(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """And what was found before the fault stays."""
    async with editing(tmp_path_factory.mktemp("faulty"), startup=BROKEN_RULES) as one:
        assert await one.codes(one.open("faulty.py", VECTOR)) == []
        assert "broken on purpose" in one.client.log_messages[-1].message
        assert await one.codes(one.open("sound.py", VECTOR)) == ["INI601"]


async def test_what_is_typed_in_one_file_is_seen_from_another(editor: Editor) -> None:
    """Unsaved: the file on the disk does not have it. The other document is read again by itself."""
    settings = 'NONLINEARITY = "relu"\n'
    editor.write("settings.py", settings)
    call = "nn.init.kaiming_uniform_(self.fc.weight, nonlinearity=NONLINEARITY)"
    text = VECTOR.replace("import nn\n", "import nn\nfrom settings import NONLINEARITY\n", 1)
    text = text.replace("nn.init.xavier_uniform_(self.fc.bias)", call)
    user = editor.open("user.py", text)
    assert await editor.codes(user) == []
    opened = editor.open("settings.py", settings)
    editor.change(opened, settings.replace("relu", "gelu"))
    await editor.until(user, found=True)
    assert await editor.codes(user) == ["INI602"]
    editor.change(opened, 'NONLINEARITY = "')
    editor.change(user, text + "\n")
    assert await editor.codes(user) == []  # half typed: as it was saved


UNUSED = VECTOR.replace(
    "        nn.init.xavier_uniform_(self.fc.bias)\n",
    "\n    def _init_weights(self):\n        nn.init.normal_(self.fc.weight, std=0.02)\n",
)


async def test_who_uses_the_document_elsewhere_counts(tmp_path: Path) -> None:
    """A file of the project that is not open calls the method; then it does not any more."""
    async with editing(tmp_path) as one:
        one.write("pyproject.toml", "")
        train = "from net import Net\n\nnet = Net()\n"
        one.write("train.py", f"{train}net._init_weights()\n")
        one.write("net.py", UNUSED)
        uri = one.open("net.py", UNUSED)
        assert await one.codes(uri) == []
        one.write("train.py", train)
        event = types.FileEvent(one.uri("train.py"), types.FileChangeType.Changed)
        one.client.workspace_did_change_watched_files(types.DidChangeWatchedFilesParams([event]))
        await one.next()
        assert [found.code for found in one.pushed[-1].diagnostics] == ["INI501"]


async def test_saving_an_open_document_reads_nothing_again(editor: Editor) -> None:
    uri = editor.open("saved.py", VECTOR)
    await editor.diagnostics(uri)
    editor.pushed.clear()
    event = types.FileEvent(uri, types.FileChangeType.Changed)
    editor.client.workspace_did_change_watched_files(types.DidChangeWatchedFilesParams([event]))
    other = editor.open("after.py", VECTOR)
    await editor.diagnostics(other)
    assert {params.uri for params in editor.pushed} == {other}


async def test_files_that_import_each_other_do_not_keep_each_other_busy(editor: Editor) -> None:
    one = VECTOR.replace("import nn\n", "import nn\nfrom second import Other\n", 1)
    two = VECTOR.replace("import nn\n", "import nn\nfrom first import Net\n", 1).replace("class Net", "class Other")
    editor.write("first.py", one)
    editor.write("second.py", two)
    first, second = editor.open("first.py", one), editor.open("second.py", two)
    assert await editor.codes(first) == await editor.codes(second) == ["INI601"]
    editor.change(first, one + "\n")
    await editor.diagnostics(first)
    await asyncio.sleep(2)
    count = len(editor.pushed)
    await asyncio.sleep(2)
    assert len(editor.pushed) == count


async def test_a_text_that_is_too_large_is_said_to_be(editor: Editor) -> None:
    uri = editor.open("large.py", "import torch\n" + "x = 1\n" * 400_000)
    (found,) = await editor.diagnostics(uri)
    assert "larger than 2 MB" in found.message


async def test_it_ends_as_soon_as_it_is_told_to(tmp_path: Path) -> None:
    """Also where the client leaves the server's standard input open."""
    async with editing(tmp_path) as one:
        await one.diagnostics(one.open("net.py", VECTOR))
        server = one.client._server
        assert server is not None
        await one.client.shutdown_async(None)
        one.client.exit(None)
        async with asyncio.timeout(5):
            assert await server.wait() == 0
        one.client.capabilities = None  # it has been shut down


async def test_a_changed_file_on_the_disk_is_read_again(editor: Editor) -> None:
    """The client is asked to say when one changes."""
    editor.write("widths.py", "NAME = 'fc'\n")
    text = VECTOR.replace("import nn\n", "import nn\nfrom widths import NAME\n", 1).replace(
        "self.fc.bias", "getattr(self, NAME).bias"
    )
    uri = editor.open("wide.py", text)
    assert await editor.codes(uri) == ["INI601"]
    watched = [one for one in editor.registered if one.method == types.WORKSPACE_DID_CHANGE_WATCHED_FILES]
    assert len(watched) == 1
    editor.write("widths.py", "NAME = 'missing_layer'\n")
    event = types.FileEvent(editor.uri("widths.py"), types.FileChangeType.Changed)
    editor.client.workspace_did_change_watched_files(types.DidChangeWatchedFilesParams([event]))
    await editor.until(uri, found=False)
