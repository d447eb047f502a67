"""Quick fixes, all safe fixes at once, and suppression, over the real protocol."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from editing import VECTOR, Editor, applied, editing, place
from lsprotocol import types

pytestmark = pytest.mark.asyncio(loop_scope="module")

CALL = "nn.init.xavier_uniform_(self.fc.bias)"


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def editor(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Editor]:
    async with editing(tmp_path_factory.mktemp("actions")) as one:
        yield one


async def suppressed(editor: Editor, name: str, text: str, part: str = CALL) -> str | None:
    """The text after the action that silences what is found at a part of it; None where that is not offered."""
    uri = editor.open(name, text)
    offered = await editor.actions(uri, place(text, part))
    found = [one for one in offered if one.title.startswith("suppress")]
    if not found:
        return None
    (action,) = found
    assert action.kind == types.CodeActionKind.QuickFix
    assert [one.code for one in action.diagnostics or ()] == ["INI601"]
    after = applied(action, uri, text)
    editor.change(uri, after)
    assert "INI601" not in await editor.codes(uri)
    return after


@pytest.mark.parametrize(
    "line, after",
    [
        (CALL, f"{CALL}  # initlint: ignore[INI601]"),
        (f"{CALL}   ", f"{CALL}  # initlint: ignore[INI601]"),
        (f"{CALL}  # why", f"{CALL}  # why  # initlint: ignore[INI601]"),
        (f"{CALL}  # initlint: ignore[INI201] why", f"{CALL}  # initlint: ignore[INI201, INI601] why"),
        (f"{CALL}; x = '# no comment'", f"{CALL}; x = '# no comment'  # initlint: ignore[INI601]"),
        (f"'🙂'; {CALL}", f"'🙂'; {CALL}  # initlint: ignore[INI601]"),
    ],
    ids=["plain", "spaces", "comment", "ignored", "string", "emoji"],
)
async def test_suppressing_writes_a_comment_that_silences(
    request: pytest.FixtureRequest, editor: Editor, line: str, after: str
) -> None:
    name = f"{request.node.callspec.id}.py"
    assert await suppressed(editor, name, VECTOR.replace(CALL, line)) == VECTOR.replace(CALL, after)


async def test_suppressing_a_call_of_several_lines_writes_on_its_last(editor: Editor) -> None:
    text = VECTOR.replace(CALL, "nn.init.xavier_uniform_(\n            self.fc.bias\n        )")
    after = await suppressed(editor, "lines.py", text, "self.fc.bias")
    assert after == text.replace(
        "            self.fc.bias\n        )", "            self.fc.bias\n        )  # initlint: ignore[INI601]"
    )


async def test_where_a_comment_can_not_stand_none_is_offered(editor: Editor) -> None:
    """A backslash, or a string that goes on in the next line."""
    assert await suppressed(editor, "backslash.py", VECTOR.replace(CALL, f"{CALL}; \\\n        x = 1")) is None
    assert await suppressed(editor, "string.py", VECTOR.replace(CALL, f'{CALL}; x = """\n"""')) is None


async def test_nothing_is_offered_where_nothing_is_found(editor: Editor) -> None:
    uri = editor.open("elsewhere.py", VECTOR)
    assert await editor.actions(uri, place(VECTOR, "super().__init__()")) == []


async def test_nothing_is_offered_for_a_half_typed_text(editor: Editor) -> None:
    """What is shown there was found in another text."""
    uri = editor.open("half.py", VECTOR)
    assert await editor.codes(uri) == ["INI601"]
    broken = VECTOR + "x = (\n"
    editor.change(uri, broken)
    assert await editor.actions(uri, place(broken, CALL)) == []


async def test_only_the_kinds_that_are_asked_for_are_offered(editor: Editor) -> None:
    uri = editor.open("kinds.py", VECTOR)
    where = place(VECTOR, CALL)
    assert await editor.actions(uri, where, [types.CodeActionKind.Refactor]) == []
    for kind in (types.CodeActionKind.QuickFix, types.CodeActionKind.Empty):
        found = await editor.actions(uri, where, [kind])
        assert any(one.title.startswith("suppress") for one in found) == (kind == types.CodeActionKind.QuickFix)


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


async def test_a_fix_is_offered_and_leaves_nothing_to_find(editor: Editor) -> None:
    uri = editor.open("fix.py", RELU)
    before = await editor.codes(uri)
    assert "INI201" in before
    offered = await editor.actions(uri, place(RELU, "nn.init.xavier_uniform_"), [types.CodeActionKind.QuickFix])
    (fix,) = [one for one in offered if not one.title.startswith("suppress")]
    assert offered[0] is fix
    assert "INI201" in [one.code for one in fix.diagnostics or ()]
    assert not fix.is_preferred  # it changes what the model learns from
    assert fix.title.endswith("(signal 0.016 becomes 1 after 12 layers)")  # sqrt(1 / 2)^12
    after = applied(fix, uri, RELU)
    assert "kaiming_uniform_(layer.weight" in after
    editor.change(uri, after)
    assert await editor.codes(uri) == []


SAFE = VECTOR.replace("import nn\n", "import nn\n\nx = 1  # initlint: ignore[INI601]\n", 1).replace(
    CALL, "nn.init.xavier_uniform_(self.fc.weight)  # initlint: ignore[INI601]"
)


@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["lf", "crlf"])
async def test_all_safe_fixes_are_one_action(editor: Editor, newline: str) -> None:
    """As `source.fixAll.initlint`, which editors can run on save."""
    text = SAFE.replace("\n", newline)
    uri = editor.open("all.py", text)
    count = len(await editor.diagnostics(uri))
    assert count
    for kind in (types.CodeActionKind.SourceFixAll, "source.fixAll.initlint", types.CodeActionKind.Source):
        (action,) = await editor.actions(uri, place(text, "import"), [kind])
        assert action.kind == "source.fixAll.initlint"
    after = applied(action, uri, text)
    assert after.count(newline) == after.count("\n") == text.count(newline)
    editor.change(uri, after)
    assert await editor.codes(uri) == []
    assert await editor.actions(uri, place(after, "import"), ["source.fixAll.initlint"]) == []


async def test_the_server_says_which_kinds_it_has(editor: Editor) -> None:
    assert editor.result is not None
    provider = editor.result.capabilities.code_action_provider
    assert isinstance(provider, types.CodeActionOptions)
    assert {str(getattr(kind, "value", kind)) for kind in provider.code_action_kinds or ()} == {
        "quickfix",
        "source.fixAll.initlint",
    }


async def test_requests_that_overlap_share_the_work(editor: Editor) -> None:
    """Also where an edit comes between: what was asked of the text before it is answered with nothing."""
    uri = editor.open("often.py", RELU)
    await editor.diagnostics(uri)
    where = place(RELU, "nn.init.xavier_uniform_")
    one, other = await asyncio.gather(editor.actions(uri, where), editor.actions(uri, where))
    assert [action.title for action in one] == [action.title for action in other] != []
    editor.change(uri, RELU + "\n")
    asked = asyncio.create_task(editor.actions(uri, where))
    await asyncio.sleep(0)
    editor.change(uri, RELU + "\n\n")
    await asked
    assert len(await editor.actions(uri, where)) == len(one)
