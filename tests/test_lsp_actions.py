"""Quick fixes, all safe fixes at once, and suppression, over the real protocol."""

from __future__ import annotations

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
    assert await editor.codes(uri) == []
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
